/*
 * test_hamt.c - the flagship in one thread: against a table of what it must
 * hold, in every small-limit configuration; iteration, clear, extend, growth
 * and shrink; every allocation failing in turn; misuse.
 */
/* not under tsan: one thread */
#include <sys/mman.h>
#include <unistd.h>

#include "core/hamt.h"
#include "core/tests/check.h"

/* --- Fixture ---------------------------------------------------------- */

static uint64_t rng_state;

static uint64_t
rng(void)
{
	uint64_t z = (rng_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* An allocator that counts, and fails at the n-th call from now on (0: never). */
struct meter {
	uint64_t live_bytes, live, calls, fail_at;
	bool fail_all;
};

static void *
meter_alloc(void *state, size_t bytes)
{
	struct meter *m = state;
	void *p;

	m->calls++;
	if (m->fail_all || (m->fail_at != 0 && --m->fail_at == 0))
		return NULL;
	p = malloc(bytes);
	if (p != NULL) {
		m->live_bytes += bytes;
		m->live++;
	}
	return p;
}

static void
meter_free(void *state, void *memory, size_t bytes)
{
	struct meter *m = state;

	m->live_bytes -= bytes;
	m->live--;
	free(memory);
}

static struct hamt *
map_new(struct meter *m, const struct hamt_config *template)
{
	struct hamt_config config = *template;
	struct hamt *h;

	if (m != NULL) {
		*m = (struct meter){ .live = 0 };
		config.reclaim.allocator = (struct hamt_allocator){ meter_alloc, meter_free, m };
	}
	config.hash_key = check_seed | 1;
	CHECK_EQ(hamt_new(&config, &h), HAMT_OK);
	return h;
}

static struct hamt_shape
check(struct hamt *h)
{
	struct hamt_shape shape;
	char error[256] = "";

	if (!hamt_check(h, &shape, error, sizeof(error))) {
		fprintf(stderr, "# %s\n", error);
		CHECK(!"hamt_check");
	}
	return shape;
}

/* Limits so small that the rare paths are the usual ones. */
static const struct hamt_config small[] = {
	{ .min_bits = 0 },
	{ .min_bits = 1, .max_bits = 1 },
	{ .min_bits = 1, .max_bits = 1, .inline_limit = HAMT_INLINE_NONE },
	{ .min_bits = 1, .inline_limit = HAMT_INLINE_NONE },
	{ .min_bits = 1, .inline_limit = 7, .reclaim = { .threshold = 1 } },
	{ .min_bits = 1, .inline_limit = 1, .reclaim = { .threshold = 4, .mode = HAZARD_FENCE } },
	{ .min_bits = 2, .max_bits = 5, .inline_limit = 3, .reclaim = { .threshold = 64 } },
	{ .min_bits = 3, .max_bits = 9, .hash = HAMT_HASH_IDENTITY, .reclaim = { .threshold = 1 } },
	{ .min_bits = 1, .hash = HAMT_HASH_IDENTITY, .inline_limit = HAMT_INLINE_NONE },
	{ .reclaim = { .mode = HAZARD_FENCE, .threshold = 1 } },
};

#define SMALL (sizeof(small) / sizeof(small[0]))

/* Keys that share long prefixes, under HAMT_HASH_IDENTITY: the index in scattered nibbles. */
static uint64_t
key_of(uint64_t index, unsigned style)
{
	static const uint64_t high[] = { 0, UINT64_C(0xfedcba9876500000), UINT64_MAX - 0xfffff, UINT64_C(1) << 63 };

	switch (style % 4) {
	case 0:
		return index;
	case 1:
		return high[index % 4] + index / 4;
	case 2:
		return index << 54 | index;
	default:
		return index << 44 ^ (index & 3) << 2;
	}
}

/* --- Differential ----------------------------------------------------- */

#define RANGE 1024

struct model {
	bool present[RANGE];
	uint64_t value[RANGE];
	uint64_t count;
};

static enum hamt_action
compute_random(void *arg, bool present, uint64_t *value)
{
	uint64_t *choice = arg;

	choice[1] = present;
	choice[2] = *value;
	if (choice[0] % 3 == 0)
		return HAMT_KEEP;
	if (choice[0] % 3 == 1)
		return HAMT_DELETE;
	*value += choice[0];
	return HAMT_PUT;
}

static void
iteration_equals(struct hamt *h, const struct model *m, unsigned style, size_t batch)
{
	static uint64_t seen[RANGE];
	struct hamt_cursor cursor = { 0 };
	uint64_t keys[64], values[64], count = 0;
	size_t n;

	memset(seen, 0, sizeof(seen));
	while ((n = hamt_iterate(h, &cursor, keys, values, batch)) > 0) {
		CHECK(n <= batch);
		for (size_t i = 0; i < n; i++) {
			uint64_t index = 0;

			while (index < RANGE && key_of(index, style) != keys[i])
				index++;
			CHECK(index < RANGE);
			CHECK(m->present[index]);
			CHECK_EQ(m->value[index], values[i]);
			CHECK_EQ(seen[index]++, 0);
			count++;
		}
	}
	CHECK_EQ(hamt_iterate(h, &cursor, keys, values, batch), 0);
	CHECK_EQ(count, m->count);
	/* From a key's place on: it is the first one if it is there, and no key is left out before it. */
	for (uint64_t index = 0; index < RANGE; index += 7) {
		cursor = hamt_cursor_at(h, key_of(index, style));
		n = hamt_iterate(h, &cursor, keys, values, 1);
		CHECK(!m->present[index] || (n == 1 && keys[0] == key_of(index, style) && values[0] == m->value[index]));
		CHECK(m->present[index] || n == 0 || keys[0] != key_of(index, style));
	}
}

static void
one_operation(struct hamt *h, struct model *m, unsigned style, unsigned grow)
{
	uint64_t draw = rng(), index = draw % RANGE, value = rng(), old = 77, choice[3] = { value };
	uint64_t key = key_of(index, style);
	bool present = m->present[index];
	uint64_t was = m->value[index];
	unsigned op = (unsigned)(draw >> 32) % 100;

	/* Waves: now mostly insertions, now mostly removals. */
	if (op >= 20 && op < 80)
		op = (draw >> 40) % 8 < grow ? 25 + op % 2 : 45;
	if (op < 20) {
		CHECK_EQ(hamt_get(h, key, &old), present ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(old, present ? was : 77);
	} else if (op == 25) {
		CHECK_EQ(hamt_insert(h, key, value), present ? HAMT_EXISTS : HAMT_OK);
		if (!present)
			m->value[index] = value;
		m->present[index] = true;
	} else if (op == 26) {
		CHECK_EQ(hamt_upsert(h, key, value, &old), present ? HAMT_EXISTS : HAMT_OK);
		CHECK_EQ(old, present ? was : 77);
		m->value[index] = value;
		m->present[index] = true;
	} else if (op == 45) {
		CHECK_EQ(hamt_remove(h, key, &old), present ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(old, present ? was : 77);
		m->present[index] = false;
	} else if (op < 85) {
		CHECK_EQ(hamt_replace(h, key, was, value), present ? HAMT_OK : HAMT_ABSENT);
		m->value[index] = value;
	} else if (op < 88) {
		CHECK_EQ(hamt_replace(h, key, was + 1, value), present ? HAMT_MISMATCH : HAMT_ABSENT);
	} else if (op < 91) {
		CHECK_EQ(hamt_remove_if(h, key, was), present ? HAMT_OK : HAMT_ABSENT);
		m->present[index] = false;
	} else if (op < 94) {
		CHECK_EQ(hamt_remove_if(h, key, was + 1), present ? HAMT_MISMATCH : HAMT_ABSENT);
	} else {
		enum hamt_status s = hamt_compute(h, key, compute_random, choice);

		CHECK_EQ(choice[1], present);
		CHECK_EQ(choice[2], present ? was : 0);
		if (value % 3 == 0 || (value % 3 == 1 && !present)) {
			CHECK_EQ(s, present ? HAMT_EXISTS : HAMT_ABSENT);
		} else {
			CHECK_EQ(s, HAMT_OK);
			m->present[index] = value % 3 == 2;
			m->value[index] = (present ? was : 0) + value;
		}
	}
	m->count += (uint64_t)m->present[index] - present;
}

static void
differential(const struct hamt_config *config, unsigned style, unsigned operations)
{
	static struct model m;
	struct meter meter;
	struct hamt *h = map_new(&meter, config);
	uint64_t keys[RANGE], values[RANGE];
	bool found[RANGE];

	memset(&m, 0, sizeof(m));
	for (unsigned i = 0; i < operations; i++) {
		one_operation(h, &m, style, (i / 5000) % 9);
		if (i % 2500 != 0)
			continue;
		CHECK_EQ(hamt_count(h), m.count);
		CHECK_EQ(check(h).keys, m.count);
		iteration_equals(h, &m, style, 1 + i / 2500 % 64);
		for (unsigned k = 0; k < RANGE; k++) {
			keys[k] = key_of(k, style);
			values[k] = 5;
		}
		CHECK_EQ(hamt_get_many(h, keys, values, found, RANGE - i % 40), ({
			uint64_t hits = 0;
			for (unsigned k = 0; k < RANGE - i % 40; k++)
				hits += m.present[k];
			hits;
		}));
		for (unsigned k = 0; k < RANGE - i % 40; k++) {
			CHECK_EQ(found[k], m.present[k]);
			CHECK_EQ(values[k], m.present[k] ? m.value[k] : 5);
		}
	}
	hamt_drop(h);
	CHECK_EQ(meter.live, 0);
	CHECK_EQ(meter.live_bytes, 0);
}

static void
behaves_like_a_table(void)
{
	rng_state = check_seed;
	for (unsigned i = 0; i < SMALL; i++)
		for (unsigned style = 0; style < (small[i].hash == HAMT_HASH_IDENTITY ? 4u : 1u); style++)
			differential(&small[i], style, 60000);
}

/* A long run with the defaults, large enough for several resizes in both directions. */
static void
behaves_like_a_table_for_a_million_operations(void)
{
	static const struct hamt_config defaults;

	rng_state = check_seed + 1;
	differential(&defaults, 0, 1000000);
}

/* --- Growth, shrink, memory ------------------------------------------- */

#define MANY 60000

static void
grows_and_shrinks_and_gives_memory_back(void)
{
	static const struct hamt_config config = { .reclaim = { .threshold = 1 } };
	struct meter meter;
	struct hamt *h = map_new(&meter, &config);
	uint64_t empty_bytes = meter.live_bytes, value, full_bytes;
	struct hamt_shape shape;

	for (unsigned round = 0; round < 3; round++) {
		for (uint64_t k = 0; k < MANY; k++)
			CHECK_EQ(hamt_insert(h, k, ~k), HAMT_OK);
		shape = check(h);
		CHECK_EQ(shape.keys, MANY);
		CHECK((UINT64_C(1) << shape.bits) * 5 >= MANY);
		full_bytes = meter.live_bytes;
		CHECK(full_bytes > (uint64_t)MANY * 16);
		for (uint64_t k = 0; k < MANY; k++) {
			CHECK_EQ(hamt_get(h, k, &value), HAMT_OK);
			CHECK_EQ(value, ~k);
		}
		for (uint64_t k = 0; k < MANY; k++)
			CHECK_EQ(hamt_remove(h, k, &value), HAMT_OK);
		shape = check(h);
		CHECK_EQ(shape.keys, 0);
		CHECK_EQ(shape.nodes, 0);
		CHECK(shape.bits <= 7);
		hamt_flush(h);
		/* Up to a hazard's stale directory and node, and the list of retired objects. */
		CHECK(meter.live_bytes < empty_bytes + 64 * 1024);
	}
	hamt_drop(h);
	CHECK_EQ(meter.live, 0);
}

static void
clear_removes_everything(void)
{
	for (unsigned i = 0; i < SMALL; i++) {
		struct meter meter;
		struct hamt *h = map_new(&meter, &small[i]);
		uint64_t removed, value;
		unsigned keys = i % 2 ? 3000 : 100;

		for (uint64_t k = 0; k < keys; k++)
			CHECK_EQ(hamt_insert(h, key_of(k, i), k), HAMT_OK);
		CHECK_EQ(hamt_clear(h, &removed), HAMT_OK);
		CHECK_EQ(removed, keys);
		CHECK_EQ(hamt_count(h), 0);
		CHECK_EQ(check(h).nodes, 0);
		CHECK(!check(h).resizing);
		CHECK_EQ(check(h).bits, small[i].min_bits != 0 ? small[i].min_bits : 6);
		CHECK_EQ(hamt_get(h, key_of(1, i), &value), HAMT_ABSENT);
		CHECK_EQ(hamt_clear(h, NULL), HAMT_OK);
		CHECK_EQ(hamt_insert(h, 1, 1), HAMT_OK);
		hamt_drop(h);
		CHECK_EQ(meter.live, 0);
	}
}

static void
extend_upserts_in_order(void)
{
	static const struct hamt_config config;
	struct hamt *h = map_new(NULL, &config);
	uint64_t keys[500], values[500], value;
	size_t done = 7;

	for (unsigned i = 0; i < 500; i++) {
		keys[i] = i % 400;
		values[i] = i;
	}
	CHECK_EQ(hamt_extend(h, keys, values, 500, &done), HAMT_OK);
	CHECK_EQ(done, 500);
	CHECK_EQ(hamt_count(h), 400);
	for (unsigned i = 0; i < 400; i++) {
		CHECK_EQ(hamt_get(h, i, &value), HAMT_OK);
		CHECK_EQ(value, i < 100 ? i + 400 : i);
	}
	CHECK_EQ(hamt_extend(h, keys, values, 0, &done), HAMT_OK);
	CHECK_EQ(done, 0);
	check(h);
	hamt_drop(h);
}

/* Keys that are there throughout appear once, whatever the directory does between two batches. */
static void
iteration_survives_growth_and_shrink(void)
{
	static const struct hamt_config config = { .min_bits = 1, .reclaim = { .threshold = 1 } };
	enum { STAY = 700, COME = 9000 };

	for (unsigned run = 0; run < 4; run++) {
		struct meter meter;
		struct hamt *h = map_new(&meter, &config);
		static unsigned seen[STAY];
		struct hamt_cursor cursor = { 0 };
		uint64_t keys[7], values[7], next = STAY;
		size_t n;

		memset(seen, 0, sizeof(seen));
		for (uint64_t k = 0; k < STAY; k++)
			CHECK_EQ(hamt_insert(h, k, k + 1), HAMT_OK);
		if (run % 2 == 1)
			for (; next < COME; next++)
				CHECK_EQ(hamt_insert(h, next, 0), HAMT_OK);
		while ((n = hamt_iterate(h, &cursor, keys, values, 1 + run * 2)) > 0) {
			for (size_t i = 0; i < n; i++)
				if (keys[i] < STAY) {
					seen[keys[i]]++;
					CHECK_EQ(values[i], keys[i] + 1);
				}
			for (unsigned i = 0; i < 40; i++) {
				if (run % 2 == 0 && next < COME)
					CHECK_EQ(hamt_insert(h, next++, 0), HAMT_OK);
				if (run % 2 == 1 && next > STAY)
					CHECK_EQ(hamt_remove(h, --next, NULL), HAMT_OK);
			}
		}
		for (unsigned k = 0; k < STAY; k++)
			CHECK_EQ(seen[k], 1);
		check(h);
		hamt_drop(h);
		CHECK_EQ(meter.live, 0);
	}
}

/* --- Memory runs out -------------------------------------------------- */

enum call { CALL_INSERT, CALL_UPSERT, CALL_REPLACE, CALL_REMOVE, CALL_REMOVE_IF, CALL_COMPUTE, CALL_CLEAR,
	CALL_EXTEND, CALLS };

static enum hamt_action
put_nine(void *arg, bool present, uint64_t *value)
{
	(void)arg;
	(void)present;
	*value = 9;
	return HAMT_PUT;
}

static enum hamt_status
call(struct hamt *h, enum call which, uint64_t absent, uint64_t present, size_t *done)
{
	uint64_t keys[2] = { absent, present }, values[2] = { 9, 9 };

	switch (which) {
	case CALL_INSERT:
		return hamt_insert(h, absent, 9);
	case CALL_UPSERT:
		return hamt_upsert(h, present, 9, NULL) == HAMT_NOMEM ? HAMT_NOMEM : HAMT_OK;
	case CALL_REPLACE:
		return hamt_replace(h, present, present, 9);
	case CALL_REMOVE:
		return hamt_remove(h, present, NULL);
	case CALL_REMOVE_IF:
		return hamt_remove_if(h, present, present);
	case CALL_COMPUTE:
		return hamt_compute(h, absent, put_nine, NULL);
	case CALL_CLEAR:
		return hamt_clear(h, NULL);
	default:
		return hamt_extend(h, keys, values, 2, done);
	}
}

/* Whichever allocation fails: the call says so and the map is as it was, or it does what it must. */
static void
survives_any_failed_allocation(void)
{
	rng_state = check_seed;
	for (unsigned config = 0; config < SMALL; config++)
		for (enum call which = 0; which < CALLS; which++)
			for (unsigned keys = 1; keys < 300; keys = keys * 3 + rng() % 5) {
				enum hamt_status s = HAMT_NOMEM;

				for (unsigned nth = 1; s == HAMT_NOMEM; nth++) {
					struct meter meter;
					struct hamt *h = map_new(&meter, &small[config]);
					uint64_t absent = key_of(keys, config), present = key_of(keys / 2, config), value;
					uint64_t left = 0;
					size_t done = 0;

					for (uint64_t k = 0; k < keys; k++)
						CHECK_EQ(hamt_insert(h, key_of(k, config), key_of(k, config)), HAMT_OK);
					meter.fail_at = nth;
					s = call(h, which, absent, present, &done);
					CHECK(s == HAMT_OK || s == HAMT_NOMEM);
					meter.fail_at = 0;
					check(h);
					for (uint64_t k = 0; k < keys; k++) {
						uint64_t key = key_of(k, config);

						if (hamt_get(h, key, &value) == HAMT_OK) {
							left++;
							CHECK(value == key || (key == present && value == 9));
							if (s == HAMT_NOMEM && !(which == CALL_EXTEND && done == 2))
								CHECK_EQ(value, key);
						} else {
							CHECK(which == CALL_CLEAR || (key == present && s == HAMT_OK));
						}
					}
					CHECK_EQ(hamt_get(h, absent, &value),
					    (s == HAMT_OK && (which == CALL_INSERT || which == CALL_COMPUTE)) ||
					        (which == CALL_EXTEND && done > 0) ? HAMT_OK : HAMT_ABSENT);
					if (s == HAMT_OK && which == CALL_CLEAR)
						CHECK_EQ(left, 0);
					/* And it works again. */
					CHECK_EQ(hamt_upsert(h, present, 3, NULL) == HAMT_NOMEM, 0);
					CHECK_EQ(hamt_get(h, present, &value), HAMT_OK);
					CHECK_EQ(value, 3);
					check(h);
					hamt_drop(h);
					CHECK_EQ(meter.live, 0);
				}
			}
}

/* With memory failing now and then for a long time, nothing is lost, whatever resizes are under way. */
static void
resizes_survive_failing_memory(void)
{
	for (unsigned config = 0; config < SMALL; config++) {
		static struct model m;
		struct meter meter;
		struct hamt *h = map_new(&meter, &small[config]);

		rng_state = check_seed + config;
		memset(&m, 0, sizeof(m));
		for (unsigned i = 0; i < 40000; i++) {
			uint64_t draw = rng(), index = draw % RANGE, key = key_of(index, config), value;
			bool present = m.present[index];
			enum hamt_status s;

			if (draw >> 60 < 6)
				meter.fail_at = 1 + (draw >> 40) % 6;
			if ((draw >> 33) % 8 < (i / 4000) % 9) {
				s = hamt_insert(h, key, i);
				CHECK(s == HAMT_NOMEM || s == (present ? HAMT_EXISTS : HAMT_OK));
				if (s == HAMT_OK) {
					m.present[index] = true;
					m.value[index] = i;
				}
			} else {
				s = hamt_remove(h, key, &value);
				CHECK(s == HAMT_NOMEM || s == (present ? HAMT_OK : HAMT_ABSENT));
				if (s == HAMT_OK) {
					CHECK_EQ(value, m.value[index]);
					m.present[index] = false;
				}
			}
			m.count += (uint64_t)m.present[index] - present;
			meter.fail_at = 0;
			if (i % 1000 == 0) {
				CHECK_EQ(check(h).keys, m.count);
				iteration_equals(h, &m, config, 64);
			}
		}
		hamt_drop(h);
		CHECK_EQ(meter.live, 0);
	}
}

/* Growth without memory for the next directory is only put off. */
static void
growth_is_put_off_without_memory(void)
{
	static const struct hamt_config config = { .min_bits = 1 };
	struct meter meter;
	struct hamt *h = map_new(&meter, &config);
	uint64_t value;
	uint64_t key = 0;

	for (; check(h).bits < 4 || check(h).resizing; key++)
		CHECK_EQ(hamt_insert(h, key, key), HAMT_OK);
	/* Up to the middle of a resize. */
	for (; !check(h).resizing; key++)
		CHECK_EQ(hamt_insert(h, key, key), HAMT_OK);
	meter.fail_all = true;
	for (uint64_t k = 0; k < key; k++) {
		CHECK_EQ(hamt_get(h, k, &value), HAMT_OK);
		CHECK_EQ(hamt_upsert(h, k, 0, NULL), HAMT_NOMEM);
		CHECK_EQ(hamt_insert(h, k, 0), HAMT_EXISTS);
	}
	CHECK_EQ(hamt_insert(h, key, key), HAMT_NOMEM);
	meter.fail_all = false;
	CHECK_EQ(check(h).keys, key);
	for (; check(h).bits < 8; key++)
		CHECK_EQ(hamt_insert(h, key, key), HAMT_OK);
	hamt_drop(h);
	CHECK_EQ(meter.live, 0);
}

static void
new_and_clone_survive_any_failed_allocation(void)
{
	for (unsigned nth = 1;; nth++) {
		struct meter meter = { .fail_at = nth };
		struct hamt_config config = { .reclaim.allocator = { meter_alloc, meter_free, &meter } };
		struct hamt *h = NULL, *clone = NULL;
		enum hamt_status s = hamt_new(&config, &h);

		if (s == HAMT_OK) {
			meter.fail_at = nth;
			CHECK_EQ(hamt_insert(h, 1, 1) == HAMT_OK || nth <= 2, 1);
			s = hamt_clone(h, &clone);
			if (s == HAMT_OK) {
				hamt_drop(clone);
			}
			check(h);
			hamt_drop(h);
		}
		CHECK_EQ(meter.live, 0);
		if (s == HAMT_OK && meter.fail_at > 0)
			break;
	}
}

/* Drop neither allocates nor recurses: the deepest tree there is, without memory, on a small stack. */
static void
drop_needs_neither_memory_nor_stack(void)
{
	static const struct hamt_config config = { .min_bits = 1, .max_bits = 1,
		.inline_limit = HAMT_INLINE_NONE, .hash = HAMT_HASH_IDENTITY };
	struct meter meter;
	struct hamt *h = map_new(&meter, &config);
	uint64_t calls;

	for (uint64_t k = 0; k < 50000; k++)
		CHECK_EQ(hamt_insert(h, k ^ (k % 2) << 63, k), HAMT_OK);
	CHECK_EQ(check(h).depth, 16);
	meter.fail_all = true;
	calls = meter.calls;
	hamt_drop(h);
	CHECK_EQ(meter.calls, calls);
	CHECK_EQ(meter.live, 0);
}

/* --- Handles ---------------------------------------------------------- */

static void
handles_share_one_map(void)
{
	static const struct hamt_config config;
	struct meter meter;
	struct hamt *a = map_new(&meter, &config), *b, *c;
	uint64_t value;

	CHECK_EQ(hamt_clone(a, &b), HAMT_OK);
	CHECK_EQ(hamt_insert(a, 1, 10), HAMT_OK);
	CHECK_EQ(hamt_insert(b, 1, 11), HAMT_EXISTS);
	CHECK_EQ(hamt_get(b, 1, &value), HAMT_OK);
	CHECK_EQ(value, 10);
	hamt_drop(a);
	CHECK_EQ(hamt_clone(b, &c), HAMT_OK);
	for (uint64_t k = 2; k < 2000; k++)
		CHECK_EQ(hamt_insert(k % 2 ? b : c, k, k), HAMT_OK);
	CHECK_EQ(hamt_count(c), 1999);
	hamt_drop(b);
	CHECK_EQ(hamt_count(c), 1999);
	for (uint64_t k = 2; k < 2000; k++)
		CHECK_EQ(hamt_remove(c, k, NULL), HAMT_OK);
	CHECK_EQ(check(c).keys, 1);
	hamt_drop(c);
	CHECK_EQ(meter.live, 0);
}

static void
maps_share_a_domain_that_outlives_them(void)
{
	struct meter meter = { .live = 0 };
	struct reclaim_config reclaim = { .allocator = { meter_alloc, meter_free, &meter } };
	struct hamt_config config = { .hash_key = 3 };
	struct reclaim_totals stats;
	struct hamt *a, *b;

	CHECK_EQ(reclaim_domain_new(&reclaim, &config.domain), HAMT_OK);
	CHECK_EQ(hamt_new(&config, &a), HAMT_OK);
	CHECK_EQ(hamt_new(&config, &b), HAMT_OK);
	CHECK(hamt_domain(a) == hamt_domain(b));
	for (uint64_t k = 0; k < 3000; k++) {
		CHECK_EQ(hamt_insert(a, k, k), HAMT_OK);
		CHECK_EQ(hamt_insert(b, k, k), HAMT_OK);
	}
	hamt_drop(a);
	CHECK_EQ(check(b).keys, 3000);
	hamt_drop(b);
	reclaim_domain_stats(config.domain, &stats);
	CHECK_EQ(stats.retired, stats.freed);
	CHECK(stats.retired > 3000);
	reclaim_domain_drop(config.domain);
	CHECK_EQ(meter.live, 0);
}

/* For an allocator that never gets as far as giving back. */
static void
arena_free(void *state, void *memory, size_t bytes)
{
	(void)state;
	(void)memory;
	(void)bytes;
}

/* --- A read that is held ----------------------------------------------- */

/* What a held read protects stays while others replace it and scan, and is freed once it is released. */
static void
held_read_keeps_what_it_read(void)
{
	for (unsigned style = 0; style < 4; style++) {
		struct hamt_config config = { .min_bits = 1, .max_bits = 1, .inline_limit = HAMT_INLINE_NONE,
			.hash = HAMT_HASH_IDENTITY, .reclaim = { .threshold = 1, .frequency = 1 } };
		struct reclaim_totals before, held, after;
		struct meter meter;
		struct hamt *h = map_new(&meter, &config), *reader;

		for (uint64_t i = 0; i < 64; i++)
			CHECK_EQ(hamt_insert(h, key_of(i, style), i), HAMT_OK);
		CHECK_EQ(hamt_clone(h, &reader), HAMT_OK);
		CHECK(!hamt_hold(reader, key_of(1000, style)));
		/* Twice: a release leaves nothing behind. */
		for (unsigned round = 0; round < 2; round++) {
			CHECK(hamt_hold(reader, key_of(5, style)));
			hamt_flush(h);
			reclaim_domain_stats(hamt_domain(h), &before);
			for (unsigned i = 0; i < 100; i++)
				CHECK_EQ(hamt_upsert(h, key_of(5, style), i, NULL), HAMT_EXISTS);
			hamt_flush(h);
			reclaim_domain_stats(hamt_domain(h), &held);
			/* The reader's nodes, on top of what the writer's own stale announcements keep;
			 * without a bound, all that was retired since. */
			if (held.bound != 0)
				CHECK(held.freed > before.freed && held.pending > 0 && held.pending <= held.bound);
			else
				CHECK(held.pending >= 100);
			hamt_release(reader);
			hamt_pause(reader);
			hamt_flush(h);
			reclaim_domain_stats(hamt_domain(h), &after);
			CHECK(after.pending < held.pending);
		}
		hamt_drop(reader);
		hamt_drop(h);
		CHECK_EQ(meter.live_bytes, 0);
	}
}

/* Where a value would go need not be writable, or may be another thread's, as long as none goes there. */
static void
a_miss_writes_nothing(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t *value = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), keys[40];
	bool found[40];
	struct hamt *h;

	CHECK(value != MAP_FAILED);
	CHECK_EQ(hamt_new(NULL, &h), HAMT_OK);
	for (uint64_t i = 0; i < 1000; i++)
		CHECK_EQ(hamt_insert(h, i, i), HAMT_OK);
	for (uint64_t i = 1000; i < 9000; i++)
		CHECK_EQ(hamt_get(h, i, value), HAMT_ABSENT);
	for (unsigned i = 0; i < 40; i++)
		keys[i] = 1000 + i;
	CHECK_EQ(hamt_get_many(h, keys, value, found, 40), 0);
	hamt_drop(h);
	CHECK(munmap(value, page) == 0);
}

/* The most may be less than what the least is by default. */
static void
limits_beside_their_defaults(void)
{
	for (unsigned bits = 1; bits <= 8; bits++) {
		struct hamt_config config = { .max_bits = bits };
		struct hamt_shape shape;
		char error[256];
		struct hamt *h;

		CHECK_EQ(hamt_new(&config, &h), HAMT_OK);
		for (uint64_t i = 0; i < 2000; i++)
			CHECK_EQ(hamt_insert(h, i, i), HAMT_OK);
		CHECK(hamt_check(h, &shape, error, sizeof(error)));
		CHECK(shape.bits <= bits && shape.keys == 2000);
		hamt_drop(h);
	}
}

static void
hold_twice(void *arg)
{
	if (hamt_hold(arg, 1))
		(void)!hamt_hold(arg, 1);
}

static void
release_nothing(void *arg)
{
	hamt_release(arg);
}

static void
drop_held(void *arg)
{
	if (hamt_hold(arg, 1))
		hamt_drop(arg);
}

#ifdef CHECKED
static void
update_held(void *arg)
{
	if (hamt_hold(arg, 1))
		(void)!hamt_remove(arg, 1, NULL);
}
#endif

static void
holding_has_rules(void)
{
	struct hamt_config config = { .min_bits = 1 };
	struct hamt *h = map_new(NULL, &config);

	CHECK_EQ(hamt_insert(h, 1, 1), HAMT_OK);
	CHECK(check_aborts(hold_twice, h, "hamt_hold: the handle holds a read already"));
	CHECK(check_aborts(release_nothing, h, "hamt_release: nothing is held"));
	CHECK(check_aborts(drop_held, h, "hamt_drop: hamt_release() has not been called"));
#ifdef CHECKED
	CHECK(check_aborts(update_held, h, "between hamt_hold() and hamt_release()"));
#endif
	hamt_drop(h);
}

/* --- Misuse ----------------------------------------------------------- */

static void
drop_twice(void *arg)
{
	struct hamt *clone;

	CHECK_EQ(hamt_clone(arg, &clone), HAMT_OK);
	hamt_drop(clone);
	hamt_drop(clone);
}

static void
iterate_nothing(void *arg)
{
	struct hamt_cursor cursor = { 0 };
	uint64_t none;

	hamt_iterate(arg, &cursor, &none, &none, 0);
}

static void
compute_without_function(void *arg)
{
	CHECK_EQ(hamt_compute(arg, 1, NULL, NULL), HAMT_OK);
}

static enum hamt_action
no_action(void *arg, bool present, uint64_t *value)
{
	(void)arg;
	(void)present;
	(void)value;
	return (enum hamt_action)17;
}

static void
compute_rubbish(void *arg)
{
	CHECK_EQ(hamt_compute(arg, 1, no_action, NULL), HAMT_OK);
}

static void
new_with(void *arg)
{
	struct hamt *h;

	CHECK_EQ(hamt_new(arg, &h), HAMT_OK);
}

static void *
crooked_alloc(void *state, size_t bytes)
{
	unsigned char *p = malloc(bytes + 16);

	(void)state;
	return p + 8;
}

static void
insert_into_crooked_memory(void *arg)
{
	struct hamt_config config = { .reclaim.allocator = { crooked_alloc, arena_free, NULL } };
	struct hamt *h;

	(void)arg;
	CHECK_EQ(hamt_new(&config, &h), HAMT_OK);
	CHECK_EQ(hamt_insert(h, 1, 1), HAMT_OK);
}

static void
misuse_aborts_and_names_the_rule(void)
{
	static const struct hamt_config config;
	struct hamt_config bad[] = {
		{ .inline_limit = 8 }, { .min_bits = 60 }, { .min_bits = 9, .max_bits = 8 }, { .min_bits = 5, .max_bits = 4 },
		{ .hash = (enum hamt_hash)9 },
	};
	static const char *const rule[] = { "inline_limit", "min_bits", "at least min_bits", "at least min_bits",
		"enum hamt_hash" };
	struct hamt *h = map_new(NULL, &config);

	CHECK(check_aborts(drop_twice, h, "hamt_drop: the handle has already been dropped"));
	CHECK(check_aborts(iterate_nothing, h, "hamt_iterate: n must not be 0"));
	CHECK(check_aborts(compute_without_function, h, "hamt_compute: decide must not be NULL"));
	CHECK(check_aborts(compute_rubbish, h, "hamt_compute: decide must return"));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(check_aborts(new_with, &bad[i], rule[i]));
	if (sizeof(void *) == 8)
		CHECK(check_aborts(insert_into_crooked_memory, NULL, "aligned to 16 bytes"));
	hamt_drop(h);
}

static const struct test tests[] = {
	TEST(behaves_like_a_table),
	TEST(behaves_like_a_table_for_a_million_operations),
	TEST(grows_and_shrinks_and_gives_memory_back),
	TEST(clear_removes_everything),
	TEST(extend_upserts_in_order),
	TEST(iteration_survives_growth_and_shrink),
	TEST(survives_any_failed_allocation),
	TEST(resizes_survive_failing_memory),
	TEST(growth_is_put_off_without_memory),
	TEST(new_and_clone_survive_any_failed_allocation),
	TEST(drop_needs_neither_memory_nor_stack),
	TEST(handles_share_one_map),
	TEST(maps_share_a_domain_that_outlives_them),
	TEST(held_read_keeps_what_it_read),
	TEST(a_miss_writes_nothing),
	TEST(limits_beside_their_defaults),
	TEST(holding_has_rules),
	TEST(misuse_aborts_and_names_the_rule),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
