/*
 * test_hamt_bytes.c - byte strings: against a table, with hashes that collide
 * as much as anybody wants; guards that keep what they hold; every allocation
 * failing in turn; threads that read what others replace.
 */
#include <pthread.h>

#include "core/atomic.h"
#include "core/hamt.h"
#include "core/hash_bytes.h"
#include "core/tests/check.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLOW 1
#endif
#endif
#ifdef SLOW
#define OPERATIONS 5000u
#else
#define OPERATIONS 25000u
#endif

static uint64_t
rng(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* --- Fixture ---------------------------------------------------------- */

static atomic_llong live, calls, fail_at;

static void *
test_alloc(void *state, size_t bytes)
{
	(void)state;
	atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
	if (atomic_load_explicit(&fail_at, memory_order_relaxed) > 0 &&
	    atomic_fetch_sub_explicit(&fail_at, 1, memory_order_relaxed) == 1)
		return NULL;
	atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return malloc(bytes);
}

static void
test_free(void *state, void *memory, size_t bytes)
{
	(void)state;
	/* A reader without protection shall not find what was there. */
	memset(memory, 0xdb, bytes);
	atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	free(memory);
}

static const struct hamt_config small[] = {
	{ .min_bits = 1, .reclaim = { .threshold = 1 } },
	{ .min_bits = 1, .hash = HAMT_HASH_CONSTANT, .reclaim = { .threshold = 1 } },
	{ .min_bits = 1, .hash = HAMT_HASH_CONSTANT, .inline_limit = HAMT_INLINE_NONE },
	{ .min_bits = 1, .hash = HAMT_HASH_IDENTITY, .reclaim = { .threshold = 4, .mode = HAZARD_FENCE } },
	{ .min_bits = 1, .hash = HAMT_HASH_IDENTITY, .inline_limit = HAMT_INLINE_NONE, .reclaim = { .threshold = 64 } },
	{ .min_bits = 1, .max_bits = 1, .inline_limit = 2 },
	{ .min_bits = 0 },
};

#define SMALL (sizeof(small) / sizeof(small[0]))

static struct hamt_bytes *
map_new(unsigned which)
{
	struct hamt_config config = small[which];
	struct hamt_bytes *h;

	atomic_store_explicit(&live, 0, memory_order_relaxed);
	atomic_store_explicit(&fail_at, 0, memory_order_relaxed);
	config.hash_key = check_seed | 1;
	config.reclaim.allocator = (struct hamt_allocator){ test_alloc, test_free, NULL };
	CHECK_EQ(hamt_bytes_new(&config, &h), HAMT_OK);
	return h;
}

static struct hamt_shape
check(struct hamt_bytes *h)
{
	struct hamt_shape shape;
	char error[256] = "";

	if (!hamt_bytes_check(h, &shape, error, sizeof(error))) {
		fprintf(stderr, "# %s\n", error);
		CHECK(!"hamt_bytes_check");
	}
	return shape;
}

static void
end(struct hamt_bytes *h)
{
	check(h);
	hamt_bytes_drop(h);
	CHECK_EQ(atomic_load_explicit(&live, memory_order_relaxed), 0);
}

/* The index as text, some with a long common beginning, one empty. */
struct text {
	char data[64];
	size_t bytes;
};

static struct hamt_string
key_of(struct text *t, unsigned index)
{
	if (index == 0)
		t->bytes = 0;
	else
		t->bytes = (size_t)snprintf(t->data, sizeof(t->data),
		    index % 3 == 0 ? "%u" : index % 3 == 1 ? "the same beginning, %u" : "%u\tends alike", index);
	return (struct hamt_string){ t->bytes != 0 ? t->data : NULL, t->bytes };
}

/* A value that says whose it is: number, then a tail that follows from it. */
static struct hamt_string
value_of(struct text *t, uint64_t number)
{
	t->bytes = (size_t)(number % 40);
	if (t->bytes < 8)
		t->bytes = number % 5 == 0 ? 0 : 8;
	memset(t->data, (int)(number % 251), sizeof(t->data));
	memcpy(t->data, &number, sizeof(number));
	return (struct hamt_string){ t->bytes != 0 ? t->data : NULL, t->bytes };
}

static bool
is_value(struct hamt_string value, uint64_t number)
{
	struct text t;
	struct hamt_string wanted = value_of(&t, number);

	return value.bytes == wanted.bytes &&
	    (value.bytes == 0 || memcmp(value.data, wanted.data, value.bytes) == 0);
}

static struct hamt_string
held(const struct hamt_guard *g)
{
	return (struct hamt_string){ g->value, g->value_bytes };
}

/* --- The hash ---------------------------------------------------------- */

static void
siphash_is_the_published_one(void)
{
	unsigned char in[15];
	uint64_t k0 = UINT64_C(0x0706050403020100), k1 = UINT64_C(0x0f0e0d0c0b0a0908);

	for (unsigned i = 0; i < 15; i++)
		in[i] = (unsigned char)i;
	/* The paper's appendix: SipHash-2-4 of 00 ... 0e under 00 ... 0f. */
	CHECK_EQ(hash_bytes_rounds(in, 15, k0, k1, 2, 4), UINT64_C(0xa129ca6149be45e5));
	CHECK_EQ(hash_bytes(NULL, 0, k0, k1), UINT64_C(0xabac0158050fc4dc));
	CHECK_EQ(hash_bytes(in, 15, k0, k1), hash_bytes_rounds(in, 15, k0, k1, 1, 3));
	CHECK(hash_bytes(in, 15, k0, k1) != hash_bytes(in, 15, k0, k1 + 1));
	CHECK(hash_bytes(in, 15, k0, k1) != hash_bytes(in, 14, k0, k1));
}

/* --- Differential ----------------------------------------------------- */

#define RANGE 300

struct model {
	bool present[RANGE];
	uint64_t number[RANGE];
	unsigned seen[RANGE];
	uint64_t count;
};

static void
visit(void *arg, struct hamt_string key, struct hamt_string value)
{
	struct model *m = arg;

	for (unsigned i = 0; i < RANGE; i++) {
		struct text t;
		struct hamt_string k = key_of(&t, i);

		if (k.bytes != key.bytes || (k.bytes != 0 && memcmp(k.data, key.data, k.bytes) != 0))
			continue;
		CHECK(m->present[i]);
		CHECK(is_value(value, m->number[i]));
		m->seen[i]++;
		return;
	}
	CHECK(!"a key that is in the model");
}

static void
found_one(void *arg, size_t index, struct hamt_string value)
{
	struct model *m = arg;

	CHECK(m->present[index]);
	CHECK(is_value(value, m->number[index]));
	m->seen[index]++;
}

static void
seen_all_once(struct model *m)
{
	for (unsigned i = 0; i < RANGE; i++)
		CHECK_EQ(m->seen[i], m->present[i]);
	memset(m->seen, 0, sizeof(m->seen));
}

struct computing {
	uint64_t number;
	bool was;
	struct hamt_string put;
};

static enum hamt_action
compute(void *arg, const struct hamt_string *old, struct hamt_string *desired)
{
	struct computing *c = arg;

	c->was = old != NULL;
	if (c->number % 4 == 0)
		return HAMT_KEEP;
	if (c->number % 4 == 1)
		return HAMT_DELETE;
	/* Putting the old value back is allowed, too. */
	*desired = c->number % 4 == 2 && old != NULL ? *old : c->put;
	return HAMT_PUT;
}

static void
one_operation(struct hamt_bytes *h, struct model *m, uint64_t *state, unsigned grow)
{
	uint64_t draw = rng(state), number = rng(state) >> 8;
	unsigned i = (unsigned)(draw % RANGE), op = (unsigned)(draw >> 32) % 16;
	struct text kt, vt, wt;
	struct hamt_string key = key_of(&kt, i), value = value_of(&vt, number), was = value_of(&wt, m->number[i]);
	bool present = m->present[i];
	struct hamt_guard guard;
	size_t bytes = 99;
	char buffer[16];
	struct computing c = { .number = number, .put = value };

	if (op >= 8)
		op = (draw >> 40) % 8 < grow ? 2 + op % 2 : 4;
	switch (op) {
	case 0:
		CHECK_EQ(hamt_bytes_get(h, key, &guard), present ? HAMT_OK : HAMT_ABSENT);
		CHECK(!present || is_value(held(&guard), m->number[i]));
		hamt_guard_release(&guard);
		break;
	case 1:
		CHECK_EQ(hamt_bytes_copy(h, key, buffer, sizeof(buffer), &bytes), present ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(bytes, present ? was.bytes : 99);
		if (present && bytes != 0)
			CHECK(memcmp(buffer, was.data, bytes < 16 ? bytes : 16) == 0);
		break;
	case 2:
		CHECK_EQ(hamt_bytes_insert(h, key, value), present ? HAMT_EXISTS : HAMT_OK);
		if (!present)
			m->number[i] = number;
		m->present[i] = true;
		break;
	case 3:
		CHECK_EQ(hamt_bytes_upsert(h, key, value, draw >> 63 ? &guard : NULL),
		    present ? HAMT_EXISTS : HAMT_OK);
		if (draw >> 63) {
			CHECK_EQ(guard.handle != NULL, present);
			CHECK(!present || is_value(held(&guard), m->number[i]));
			hamt_guard_release(&guard);
		}
		m->number[i] = number;
		m->present[i] = true;
		break;
	case 4:
		CHECK_EQ(hamt_bytes_remove(h, key, draw >> 63 ? &guard : NULL), present ? HAMT_OK : HAMT_ABSENT);
		if (draw >> 63) {
			CHECK_EQ(guard.handle != NULL, present);
			CHECK(!present || is_value(held(&guard), m->number[i]));
			hamt_guard_release(&guard);
		}
		m->present[i] = false;
		break;
	case 5:
		CHECK_EQ(hamt_bytes_replace(h, key, was, value), present ? HAMT_OK : HAMT_ABSENT);
		if (present)
			m->number[i] = number;
		break;
	case 6:
		CHECK_EQ(hamt_bytes_remove_if(h, key, was), present ? HAMT_OK : HAMT_ABSENT);
		m->present[i] = false;
		break;
	default: {
		enum hamt_status s = hamt_bytes_compute(h, key, compute, &c);

		CHECK_EQ(c.was, present);
		if (number % 4 == 0 || (number % 4 == 1 && !present)) {
			CHECK_EQ(s, present ? HAMT_EXISTS : HAMT_ABSENT);
			break;
		}
		CHECK_EQ(s, HAMT_OK);
		m->present[i] = number % 4 != 1;
		if (number % 4 == 3 || !present)
			m->number[i] = number;
	}
	}
	m->count += (uint64_t)m->present[i] - present;
}

static void
behaves_like_a_table(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt_bytes *h = map_new(c);
		static struct model m;
		uint64_t state = check_seed + c;
		static struct text texts[RANGE];
		struct hamt_string keys[RANGE];

		memset(&m, 0, sizeof(m));
		for (unsigned i = 0; i < RANGE; i++)
			keys[i] = key_of(&texts[i], i);
		for (unsigned i = 0; i < OPERATIONS; i++) {
			struct hamt_cursor cursor = { 0 };

			one_operation(h, &m, &state, i / (OPERATIONS / 30) % 9);
			if (i % (OPERATIONS / 25) != 0)
				continue;
			CHECK_EQ(hamt_bytes_count(h), m.count);
			CHECK_EQ(check(h).keys, m.count);
			while (!cursor.ended)
				CHECK_EQ(hamt_bytes_iterate(h, &cursor, visit, &m), HAMT_OK);
			seen_all_once(&m);
			CHECK_EQ(hamt_bytes_get_many(h, keys, RANGE, found_one, &m), m.count);
			seen_all_once(&m);
		}
		end(h);
	}
}

/* One to four keys: also those that meet in one place, and nothing else with them. */
static void
few_keys_are_told_apart(void)
{
	enum { FEW = 6 };

	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt_bytes *h = map_new(c);

		for (unsigned set = 1; set < 1u << FEW; set++) {
			struct model m = { .count = 0 };
			struct text kt[FEW], vt;
			struct hamt_string keys[FEW];
			uint64_t removed;

			for (unsigned i = 0; i < FEW; i++) {
				keys[i] = key_of(&kt[i], i);
				if ((set >> i & 1) == 0)
					continue;
				CHECK_EQ(hamt_bytes_insert(h, keys[i], value_of(&vt, i)), HAMT_OK);
				m.present[i] = true;
				m.number[i] = i;
				m.count++;
			}
			for (unsigned i = 0; i < FEW; i++) {
				struct hamt_guard g;

				CHECK_EQ(hamt_bytes_get(h, keys[i], &g), m.present[i] ? HAMT_OK : HAMT_ABSENT);
				if (m.present[i])
					CHECK(is_value((struct hamt_string){ g.value, g.value_bytes }, i));
				hamt_guard_release(&g);
			}
			CHECK_EQ(hamt_bytes_get_many(h, keys, FEW, found_one, &m), m.count);
			seen_all_once(&m);
			CHECK_EQ(hamt_bytes_clear(h, &removed), HAMT_OK);
			CHECK_EQ(removed, m.count);
		}
		end(h);
	}
}

/* From a key's place on: the key itself is among the first, and of two keys one comes after the other. */
static void
a_cursor_begins_at_any_key(void)
{
	enum { STEP = 37, STARTS = RANGE / STEP + 1 };

	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt_bytes *h = map_new(c);
		bool after[STARTS][RANGE] = { { false } };
		struct model m = { .count = 0 };
		struct contention_stats stats;
		struct text kt, vt;

		CHECK_EQ(hamt_bytes_resizings(h), 0);
		for (unsigned i = 0; i < RANGE; i += 2) {
			CHECK_EQ(hamt_bytes_insert(h, key_of(&kt, i), value_of(&vt, i)), HAMT_OK);
			m.present[i] = true;
			m.number[i] = i;
		}
		for (unsigned s = 0; s < STARTS; s++) {
			unsigned start = s * STEP;
			struct hamt_cursor cursor = hamt_bytes_cursor_at(h, key_of(&kt, start));

			memset(m.seen, 0, sizeof(m.seen));
			CHECK_EQ(hamt_bytes_iterate(h, &cursor, visit, &m), HAMT_OK);
			CHECK_EQ(m.seen[start], m.present[start]);
			while (!cursor.ended)
				CHECK_EQ(hamt_bytes_iterate(h, &cursor, visit, &m), HAMT_OK);
			for (unsigned i = 0; i < RANGE; i++) {
				CHECK(m.seen[i] <= 1);
				after[s][i] = m.seen[i] == 1;
			}
		}
		for (unsigned s = 0; s < STARTS; s++)
			for (unsigned t = 0; t < STARTS; t++)
				CHECK(!m.present[s * STEP] || !m.present[t * STEP] || after[s][t * STEP] || after[t][s * STEP]);
		CHECK(c != 0 || hamt_bytes_resizings(h) > 0);
		hamt_bytes_contention(h, &stats);
		CHECK_EQ(stats.failed, 0);
		end(h);
	}
}

static void
a_mismatch_changes_nothing(void)
{
	struct hamt_bytes *h = map_new(6);
	struct hamt_string key = { "key", 3 }, value = { "value", 5 }, other = { "valuf", 5 }, longer = { "value!", 6 };
	struct hamt_guard g;

	CHECK_EQ(hamt_bytes_insert(h, key, value), HAMT_OK);
	CHECK_EQ(hamt_bytes_replace(h, key, other, longer), HAMT_MISMATCH);
	CHECK_EQ(hamt_bytes_remove_if(h, key, longer), HAMT_MISMATCH);
	CHECK_EQ(hamt_bytes_get(h, key, &g), HAMT_OK);
	CHECK(g.value_bytes == 5 && memcmp(g.value, "value", 5) == 0);
	hamt_guard_release(&g);
	end(h);
}

/* What a paused handle has looked at is freed like anything else. */
static void
a_pause_forgets(void)
{
	struct hamt_bytes *h = map_new(0), *reader;
	struct hamt_string key = { "key", 3 }, value = { "value", 5 };
	struct reclaim_totals totals;
	char buffer[8];
	size_t bytes;

	CHECK_EQ(hamt_bytes_clone(h, &reader), HAMT_OK);
	CHECK_EQ(hamt_bytes_insert(h, key, value), HAMT_OK);
	CHECK_EQ(hamt_bytes_copy(reader, key, buffer, sizeof(buffer), &bytes), HAMT_OK);
	hamt_bytes_pause(reader);
	CHECK_EQ(hamt_bytes_remove(h, key, NULL), HAMT_OK);
	for (unsigned i = 0; i < 3; i++) {
		hamt_bytes_pause(h);
		hamt_bytes_flush(h);
	}
	reclaim_domain_stats(hamt_bytes_domain(h), &totals);
	CHECK(totals.pending == 0 || RECLAIM == RECLAIM_NONE);
	/* A handle goes on after a pause. */
	CHECK_EQ(hamt_bytes_insert(reader, key, value), HAMT_OK);
	CHECK_EQ(hamt_bytes_copy(h, key, buffer, sizeof(buffer), &bytes), HAMT_OK);
	hamt_bytes_drop(reader);
	end(h);
}

static void
clear_and_extend(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt_bytes *h = map_new(c);
		static struct text kt[RANGE], vt[RANGE];
		struct hamt_string keys[RANGE], values[RANGE];
		uint64_t removed;
		size_t done;

		for (unsigned i = 0; i < RANGE; i++) {
			keys[i] = key_of(&kt[i], i);
			values[i] = value_of(&vt[i], i);
		}
		CHECK_EQ(hamt_bytes_extend(h, keys, values, RANGE, &done), HAMT_OK);
		CHECK_EQ(done, RANGE);
		CHECK_EQ(check(h).keys, RANGE);
		CHECK_EQ(hamt_bytes_clear(h, &removed), HAMT_OK);
		CHECK_EQ(removed, RANGE);
		CHECK_EQ(check(h).nodes, 0);
		end(h);
	}
}

/* --- Guards ------------------------------------------------------------ */

/* Whatever happens to the map, a guard keeps what it holds. */
static void
guards_keep_what_they_hold(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt_bytes *h = map_new(c), *clone;
		struct hamt_guard one, two, none = { .handle = NULL };
		struct text kt, vt;

		for (unsigned i = 0; i < RANGE; i++)
			CHECK_EQ(hamt_bytes_insert(h, key_of(&kt, i), value_of(&vt, i + 11)), HAMT_OK);
		CHECK_EQ(hamt_bytes_clone(h, &clone), HAMT_OK);
		CHECK_EQ(hamt_bytes_get(h, key_of(&kt, 13), &one), HAMT_OK);
		CHECK_EQ(hamt_bytes_remove(h, key_of(&kt, 14), &two), HAMT_OK);
		for (unsigned i = 0; i < RANGE; i++)
			CHECK(hamt_bytes_upsert(clone, key_of(&kt, i), value_of(&vt, 99), NULL) != HAMT_NOMEM);
		CHECK_EQ(hamt_bytes_clear(clone, NULL), HAMT_OK);
		hamt_bytes_flush(clone);
		CHECK(is_value(held(&one), 13 + 11));
		CHECK(is_value(held(&two), 14 + 11));
		hamt_guard_release(&one);
		CHECK_EQ(hamt_bytes_get(h, key_of(&kt, 13), &one), HAMT_ABSENT);
		CHECK(is_value(held(&two), 14 + 11));
		hamt_guard_release(&two);
		hamt_guard_release(&two);
		hamt_guard_release(&none);
		hamt_bytes_drop(clone);
		end(h);
	}
}

static void
hold_three(void *arg)
{
	struct hamt_guard g[3];

	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(hamt_bytes_get(arg, (struct hamt_string){ "a", 1 }, &g[i]), HAMT_OK);
}

static void
drop_while_holding(void *arg)
{
	struct hamt_guard g;

	CHECK_EQ(hamt_bytes_get(arg, (struct hamt_string){ "a", 1 }, &g), HAMT_OK);
	hamt_bytes_drop(arg);
}

static void
release_a_copy(void *arg)
{
	struct hamt_guard g, copy;

	CHECK_EQ(hamt_bytes_get(arg, (struct hamt_string){ "a", 1 }, &g), HAMT_OK);
	copy = g;
	hamt_guard_release(&g);
	hamt_guard_release(&copy);
}

static void
misuse_aborts_and_names_the_rule(void)
{
	struct hamt_bytes *h = map_new(6);

	CHECK_EQ(hamt_bytes_insert(h, (struct hamt_string){ "a", 1 }, (struct hamt_string){ "b", 1 }), HAMT_OK);
	CHECK(check_aborts(hold_three, h, "at most HAMT_GUARDS"));
	CHECK(check_aborts(drop_while_holding, h, "a guard has not been released"));
	CHECK(check_aborts(release_a_copy, h, "already been released"));
	end(h);
}

/* --- Memory runs out -------------------------------------------------- */

static void
survives_any_failed_allocation(void)
{
	for (unsigned c = 0; c < SMALL; c++)
		for (unsigned call = 0; call < 7; call++) {
			enum hamt_status s = HAMT_NOMEM;

			for (unsigned nth = 1; s == HAMT_NOMEM; nth++) {
				struct hamt_bytes *h = map_new(c);
				unsigned keys = 60, present = 30, left = 0;
				struct text kt, vt, wt;
				struct hamt_guard g;
				struct hamt_cursor cursor = { 0 };
				struct computing computing = { .number = 3, .put = value_of(&wt, 9) };
				static struct model m;

				memset(&m, 0, sizeof(m));
				for (unsigned i = 0; i < keys; i++) {
					CHECK_EQ(hamt_bytes_insert(h, key_of(&kt, i), value_of(&vt, i)), HAMT_OK);
					m.present[i] = true;
					m.number[i] = i;
				}
				atomic_store_explicit(&fail_at, nth, memory_order_relaxed);
				switch (call) {
				case 0:
					s = hamt_bytes_insert(h, key_of(&kt, keys), value_of(&vt, 9));
					break;
				case 1:
					s = hamt_bytes_upsert(h, key_of(&kt, present), value_of(&vt, 9), NULL);
					break;
				case 2:
					s = hamt_bytes_replace(h, key_of(&kt, present), value_of(&wt, present),
					    value_of(&vt, 9));
					break;
				case 3:
					s = hamt_bytes_remove(h, key_of(&kt, present), NULL);
					break;
				case 4:
					s = hamt_bytes_compute(h, key_of(&kt, present), compute, &computing);
					break;
				case 5:
					s = hamt_bytes_clear(h, NULL);
					break;
				default:
					for (s = HAMT_OK; s == HAMT_OK && !cursor.ended;)
						{
							struct hamt_cursor before = cursor;

							s = hamt_bytes_iterate(h, &cursor, visit, &m);
							CHECK(s == HAMT_OK || (cursor.next == before.next && !cursor.ended));
						}
					for (unsigned i = 0; s == HAMT_OK && i < keys; i++)
						CHECK_EQ(m.seen[i], 1);
				}
				atomic_store_explicit(&fail_at, 0, memory_order_relaxed);
				CHECK(s == HAMT_OK || s == HAMT_NOMEM || (call == 1 && s == HAMT_EXISTS));
				check(h);
				for (unsigned i = 0; i < keys; i++) {
					if (hamt_bytes_get(h, key_of(&kt, i), &g) == HAMT_OK) {
						left++;
						CHECK(is_value(held(&g), i == present && s != HAMT_NOMEM && call != 0 &&
						    call < 5 ? 9 : i));
						hamt_guard_release(&g);
					} else {
						CHECK(call == 5 || (call == 3 && i == present && s == HAMT_OK));
					}
				}
				CHECK(call != 5 || s != HAMT_OK || left == 0);
				CHECK_EQ(hamt_bytes_get(h, key_of(&kt, keys), &g),
				    call == 0 && s == HAMT_OK ? HAMT_OK : HAMT_ABSENT);
				hamt_guard_release(&g);
				end(h);
			}
		}
}

/* A drop in the middle of a resize gives every leaf back once. */
static void
dropped_in_the_middle_of_a_resize(void)
{
	for (unsigned c = 0; c < SMALL; c++)
		for (unsigned keys = 1; keys < 900; keys += 23) {
			struct hamt_bytes *h = map_new(c);
			struct text kt, vt;

			for (unsigned i = 0; i < keys; i++) {
				atomic_store_explicit(&fail_at, i % 3 + 2, memory_order_relaxed);
				CHECK(hamt_bytes_insert(h, key_of(&kt, i), value_of(&vt, i)) != HAMT_EXISTS);
			}
			atomic_store_explicit(&fail_at, 0, memory_order_relaxed);
			end(h);
		}
}

/* --- Threads ----------------------------------------------------------- */

#define THREADS 4u
#define SHARED 40u

struct worker {
	pthread_t thread;
	struct hamt_bytes *h;
	uint64_t rng;
	int64_t net[SHARED];
};

/* Each value belongs to its key: the number, less the key, is a multiple of SHARED. */
static void
check_value(struct hamt_string value, unsigned key)
{
	uint64_t number;

	if (value.bytes == 0)
		return;
	CHECK(value.bytes >= 8);
	memcpy(&number, value.data, sizeof(number));
	CHECK_EQ(number % SHARED, key);
	CHECK(is_value(value, number));
}

static void
visit_shared(void *arg, struct hamt_string key, struct hamt_string value)
{
	(void)arg;
	(void)key;
	CHECK(value.bytes == 0 || value.bytes >= 8);
}

static void *
shared_keys(void *arg)
{
	struct worker *w = arg;
	struct hamt_guard kept = { .handle = NULL };
	unsigned kept_key = 0;

	for (unsigned i = 0; i < OPERATIONS / 2; i++) {
		uint64_t draw = rng(&w->rng);
		unsigned key = (unsigned)(draw % SHARED);
		struct text kt, vt;
		struct hamt_string k = key_of(&kt, key), v = value_of(&vt, (draw >> 16) / SHARED * SHARED + key);
		struct hamt_guard g;
		enum hamt_status s;

		switch ((draw >> 8) % 5) {
		case 0:
			w->net[key] += hamt_bytes_insert(w->h, k, v) == HAMT_OK;
			break;
		case 1:
			s = hamt_bytes_upsert(w->h, k, v, &g);
			w->net[key] += s == HAMT_OK;
			if (s == HAMT_EXISTS)
				check_value(held(&g), key);
			hamt_guard_release(&g);
			break;
		case 2:
			s = hamt_bytes_remove(w->h, k, &g);
			w->net[key] -= s == HAMT_OK;
			if (s == HAMT_OK)
				check_value(held(&g), key);
			hamt_guard_release(&g);
			break;
		case 3:
			/* Kept for a while, read again before it goes. */
			if (kept.handle != NULL)
				check_value(held(&kept), kept_key);
			hamt_guard_release(&kept);
			if (hamt_bytes_get(w->h, k, &kept) == HAMT_OK)
				kept_key = key;
			break;
		default:
			if (i % 64 == 0) {
				struct hamt_cursor cursor = { 0 };

				while (!cursor.ended)
					CHECK_EQ(hamt_bytes_iterate(w->h, &cursor, visit_shared, NULL), HAMT_OK);
			}
			if (hamt_bytes_get(w->h, k, &g) == HAMT_OK)
				check_value(held(&g), key);
			hamt_guard_release(&g);
		}
	}
	hamt_guard_release(&kept);
	return NULL;
}

static void
operations_on_shared_keys_add_up(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt_bytes *h = map_new(c);
		static struct worker workers[THREADS];

		memset(workers, 0, sizeof(workers));
		for (unsigned t = 0; t < THREADS; t++) {
			workers[t].rng = check_seed * 7 + t;
			CHECK_EQ(hamt_bytes_clone(h, &workers[t].h), HAMT_OK);
		}
		for (unsigned t = 0; t < THREADS; t++)
			CHECK(pthread_create(&workers[t].thread, NULL, shared_keys, &workers[t]) == 0);
		for (unsigned t = 0; t < THREADS; t++)
			CHECK(pthread_join(workers[t].thread, NULL) == 0);
		for (unsigned t = 0; t < THREADS; t++)
			hamt_bytes_drop(workers[t].h);
		for (unsigned k = 0; k < SHARED; k++) {
			struct text kt;
			struct hamt_guard g;
			int64_t net = 0;

			for (unsigned t = 0; t < THREADS; t++)
				net += workers[t].net[k];
			CHECK(net == 0 || net == 1);
			CHECK_EQ(hamt_bytes_get(h, key_of(&kt, k), &g), net == 1 ? HAMT_OK : HAMT_ABSENT);
			hamt_guard_release(&g);
		}
		end(h);
	}
}

static atomic_bool stop;

/* Two write, two read: a key that is there throughout, with ever new leaves. */
static void *
replaced(void *arg)
{
	struct worker *w = arg;
	struct text kt, vt;

	if (w->rng % 2 == 0) {
		for (unsigned i = 0; i < OPERATIONS * 2; i++)
			CHECK_EQ(hamt_bytes_upsert(w->h, key_of(&kt, i % 3), value_of(&vt, i * (uint64_t)SHARED + i % 3),
			    NULL), HAMT_EXISTS);
		atomic_store_explicit(&stop, true, memory_order_relaxed);
		return NULL;
	}
	for (unsigned i = 0; !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
		struct hamt_guard g;

		CHECK_EQ(hamt_bytes_get(w->h, key_of(&kt, i % 3), &g), HAMT_OK);
		check_value(held(&g), i % 3);
		hamt_guard_release(&g);
	}
	return NULL;
}

static void
a_key_is_found_while_its_value_is_replaced(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt_bytes *h = map_new(c);
		static struct worker workers[THREADS];
		struct text kt, vt;

		atomic_store_explicit(&stop, false, memory_order_relaxed);
		for (unsigned k = 0; k < 3; k++)
			CHECK_EQ(hamt_bytes_insert(h, key_of(&kt, k), value_of(&vt, k)), HAMT_OK);
		for (unsigned t = 0; t < THREADS; t++) {
			workers[t].rng = t;
			CHECK_EQ(hamt_bytes_clone(h, &workers[t].h), HAMT_OK);
		}
		for (unsigned t = 0; t < THREADS; t++)
			CHECK(pthread_create(&workers[t].thread, NULL, replaced, &workers[t]) == 0);
		for (unsigned t = 0; t < THREADS; t++)
			CHECK(pthread_join(workers[t].thread, NULL) == 0);
		for (unsigned t = 0; t < THREADS; t++)
			hamt_bytes_drop(workers[t].h);
		CHECK_EQ(check(h).keys, 3);
		end(h);
	}
}

static const struct test tests[] = {
	TEST(siphash_is_the_published_one),
	TEST(behaves_like_a_table),
	TEST(few_keys_are_told_apart),
	TEST(a_cursor_begins_at_any_key),
	TEST(a_mismatch_changes_nothing),
	TEST(a_pause_forgets),
	TEST(clear_and_extend),
	TEST(guards_keep_what_they_hold),
	TEST(misuse_aborts_and_names_the_rule),
	TEST(survives_any_failed_allocation),
	TEST(dropped_in_the_middle_of_a_resize),
	TEST(operations_on_shared_keys_add_up),
	TEST(a_key_is_found_while_its_value_is_replaced),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
