/*
 * test_faults.c - what goes wrong around the maps, in the middle of what they do:
 * every function of hamt.h with each of its allocations failing, in a steady map and with
 * a growth or a shrink under way; a thread that ends inside an operation without leaving
 * (the raw exit system call runs no destructor); a process that forks and goes on in the child.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "core/atomic.h"
#include "core/hamt.h"
#include "core/tests/check.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#elif __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif

/* --- Fixture ---------------------------------------------------------- */

/* Counts what lives; the fail_at-th allocation fails; at the exit_at-th call of exit_thread's the thread ends. */
static atomic_llong live;
static unsigned fail_at; /* one thread uses it */
static _Thread_local unsigned exit_at;

static void
maybe_exit(void)
{
	if (exit_at > 0 && --exit_at == 0)
		syscall(SYS_exit, 0);
}

static void *
fault_alloc(void *state, size_t bytes)
{
	(void)state;
	maybe_exit();
	if (fail_at > 0 && --fail_at == 0)
		return NULL;
	atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return malloc(bytes);
}

static void
fault_free(void *state, void *memory, size_t bytes)
{
	(void)state;
	(void)bytes;
	maybe_exit();
	atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	free(memory);
}

static struct hamt_config
fault_config(void)
{
	return (struct hamt_config){ .min_bits = 1, .hash_key = check_seed | 1,
		.reclaim = { .threshold = 1, .allocator = { fault_alloc, fault_free, NULL } } };
}

/* --- Every call, every allocation ------------------------------------- */

#define KEYS 700u
#define FRESH (KEYS - 10) /* from here on keys are never there before the call */

struct model {
	bool present[KEYS];
	uint64_t value[KEYS];
};

enum state { STEADY, GROWING, SHRINKING, STATES };

static struct hamt_shape
shape_of(struct hamt *h)
{
	struct hamt_shape shape;
	char error[256] = "";

	if (!hamt_check(h, &shape, error, sizeof(error)))
		fprintf(stderr, "# hamt_check: %s\n", error);
	CHECK(error[0] == '\0');
	return shape;
}

static void
put(struct hamt *h, struct model *m, uint64_t key)
{
	CHECK_EQ(hamt_insert(h, key, key * 3), HAMT_OK);
	m->present[key] = true;
	m->value[key] = key * 3;
}

/* A map whose directory is, or is not, in the middle of a resize. Its keys 0 .. 9 are always there. */
static struct hamt *
map_in(enum state state, struct model *m)
{
	struct hamt_config config = fault_config();
	struct hamt *h;
	uint64_t key = 0;

	memset(m, 0, sizeof(*m));
	CHECK_EQ(hamt_new(&config, &h), HAMT_OK);
	for (; key < 100 || (state == GROWING && !shape_of(h).resizing); key++) {
		CHECK(key < FRESH);
		put(h, m, key);
	}
	while (state == SHRINKING && !shape_of(h).resizing) {
		CHECK(--key > 10);
		CHECK_EQ(hamt_remove(h, key, NULL), HAMT_OK);
		m->present[key] = false;
	}
	CHECK(state == STEADY || shape_of(h).resizing);
	return h;
}

/* The whole of the map, by iteration, is the model. */
static bool
equals(struct hamt *h, const struct model *m)
{
	struct hamt_cursor cursor = { 0 };
	uint64_t keys[64], values[64], count = 0;
	size_t n;

	while ((n = hamt_iterate(h, &cursor, keys, values, 64)) > 0)
		for (size_t i = 0; i < n; i++, count++)
			if (keys[i] >= KEYS || !m->present[keys[i]] || m->value[keys[i]] != values[i])
				return false;
	for (unsigned i = 0; i < KEYS; i++)
		count -= m->present[i];
	return count == 0;
}

static enum hamt_action
put_nine(void *arg, bool present, uint64_t *value)
{
	(void)arg;
	(void)present;
	*value = 9;
	return HAMT_PUT;
}

static enum hamt_action
delete_it(void *arg, bool present, uint64_t *value)
{
	(void)arg;
	(void)present;
	(void)value;
	return HAMT_DELETE;
}

static enum hamt_action
keep_it(void *arg, bool present, uint64_t *value)
{
	(void)arg;
	(void)present;
	(void)value;
	return HAMT_KEEP;
}

static void
set(struct model *m, uint64_t key, uint64_t value)
{
	m->present[key] = true;
	m->value[key] = value;
}

/* Do call number `which`; on success the model does the same. */
#define CALLS 22u
static enum hamt_status
call(struct hamt *h, struct model *m, unsigned which)
{
	uint64_t keys[] = { FRESH, 3, FRESH + 1, 4, FRESH + 2 }, values[] = { 9, 9, 9, 9, 9 }, old = 0;
	struct hamt_cursor cursor;
	struct hamt *clone;
	bool found[5];
	enum hamt_status s;
	uint64_t removed;
	size_t done;

	switch (which) {
	case 0:
		s = hamt_insert(h, FRESH, 9);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		if (s == HAMT_OK)
			set(m, FRESH, 9);
		return s;
	case 1:
		s = hamt_insert(h, 5, 9);
		CHECK(s == HAMT_EXISTS || s == HAMT_NOMEM);
		return s;
	case 2:
		s = hamt_upsert(h, FRESH, 9, &old);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		if (s == HAMT_OK)
			set(m, FRESH, 9);
		return s;
	case 3:
		s = hamt_upsert(h, 5, 9, &old);
		CHECK((s == HAMT_EXISTS && old == 15) || (s == HAMT_NOMEM && old == 0));
		if (s == HAMT_EXISTS)
			set(m, 5, 9);
		return s;
	case 4:
		s = hamt_replace(h, 5, 15, 9);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		if (s == HAMT_OK)
			set(m, 5, 9);
		return s;
	case 5:
		s = hamt_replace(h, 5, 16, 9);
		CHECK(s == HAMT_MISMATCH || s == HAMT_NOMEM);
		return s;
	case 6:
		s = hamt_remove(h, 5, &old);
		CHECK((s == HAMT_OK && old == 15) || (s == HAMT_NOMEM && old == 0));
		m->present[5] = s != HAMT_OK;
		return s;
	case 7:
		s = hamt_remove(h, FRESH, &old);
		CHECK(s == HAMT_ABSENT || s == HAMT_NOMEM);
		return s;
	case 8:
		s = hamt_remove_if(h, 5, 15);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		m->present[5] = s != HAMT_OK;
		return s;
	case 9:
		s = hamt_remove_if(h, 5, 16);
		CHECK(s == HAMT_MISMATCH || s == HAMT_NOMEM);
		return s;
	case 10:
		s = hamt_compute(h, FRESH, put_nine, NULL);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		if (s == HAMT_OK)
			set(m, FRESH, 9);
		return s;
	case 11:
		s = hamt_compute(h, 5, put_nine, NULL);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		if (s == HAMT_OK)
			set(m, 5, 9);
		return s;
	case 12:
		s = hamt_compute(h, 5, delete_it, NULL);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		m->present[5] = s != HAMT_OK;
		return s;
	case 13:
		s = hamt_compute(h, 5, keep_it, NULL);
		CHECK(s == HAMT_EXISTS || s == HAMT_NOMEM);
		return s;
	case 14:
		s = hamt_clear(h, &removed);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		for (uint64_t k = 0; k < KEYS; k++)
			if (m->present[k] && hamt_get(h, k, &old) == HAMT_ABSENT) {
				m->present[k] = false;
				removed--;
			}
		/* What it says it removed is gone, and nothing else. */
		CHECK_EQ(removed, 0);
		return s;
	case 15:
		s = hamt_extend(h, keys, values, 5, &done);
		CHECK(s == HAMT_OK ? done == 5 : s == HAMT_NOMEM && done < 5);
		for (size_t i = 0; i < done; i++)
			set(m, keys[i], 9);
		return s;
	case 16:
		/* From here on: what never needs memory. */
		for (uint64_t k = 0; k < KEYS; k++)
			CHECK_EQ(hamt_get(h, k, &old), m->present[k] ? HAMT_OK : HAMT_ABSENT);
		return HAMT_OK;
	case 17:
		CHECK_EQ(hamt_get_many(h, keys, values, found, 5), 2);
		CHECK(found[1] && found[3] && values[1] == 9 && values[3] == 12);
		return HAMT_OK;
	case 18:
		cursor = hamt_cursor_at(h, 5);
		CHECK(hamt_iterate(h, &cursor, keys, values, 1) == 1 && keys[0] == 5 && values[0] == 15);
		CHECK(equals(h, m));
		return HAMT_OK;
	case 19:
		CHECK(hamt_hold(h, 5));
		hamt_release(h);
		CHECK(!hamt_hold(h, FRESH));
		return HAMT_OK;
	case 20:
		hamt_flush(h);
		return HAMT_OK;
	default:
		s = hamt_clone(h, &clone);
		CHECK(s == HAMT_OK || s == HAMT_NOMEM);
		if (s == HAMT_OK) {
			CHECK_EQ(hamt_get(clone, 5, &old), HAMT_OK);
			hamt_drop(clone);
		}
		return s;
	}
}

/*
 * Whichever allocation of whichever call fails, in a steady map and in the middle of growth
 * and shrink: the map is exactly as it was, or the call succeeded and did what it says.
 */
static void
every_call_survives_any_failed_allocation(void)
{
	static struct model m;
	unsigned failed = 0;

	for (enum state state = 0; state < STATES; state++)
		for (unsigned which = 0; which < CALLS; which++)
			for (unsigned nth = 1;; nth++) {
				struct hamt *h = map_in(state, &m);
				enum hamt_status s;
				bool last;

				fail_at = nth;
				s = call(h, &m, which);
				/* Not reached: the call makes fewer allocations. */
				last = fail_at > 0;
				CHECK(!(last && s == HAMT_NOMEM) && (which < 16 || which > 20 || (last && nth == 1)));
				fail_at = 0;
				failed += s == HAMT_NOMEM;
				CHECK(equals(h, &m));
				shape_of(h);
				/* And it goes on. */
				for (uint64_t k = 0; k < 40; k++) {
					CHECK(hamt_upsert(h, FRESH + k % 10, k, NULL) != HAMT_NOMEM);
					set(&m, FRESH + k % 10, k);
				}
				CHECK(equals(h, &m));
				shape_of(h);
				hamt_drop(h);
				CHECK_EQ(atomic_load_explicit(&live, memory_order_relaxed), 0);
				if (last)
					break;
			}
	/* Some 20 calls that allocate, each with one or more places: the loop above did find them. */
	CHECK(failed > 3 * 12);
}

/* --- The same for byte strings ---------------------------------------- */

struct text {
	char text[24];
};

static struct hamt_string
string_of(struct text *t, char kind, uint64_t number)
{
	return (struct hamt_string){ t->text, (size_t)snprintf(t->text, sizeof(t->text), "%c%llu", kind, (unsigned long long)number) };
}

static struct hamt_shape
bytes_shape(struct hamt_bytes *h)
{
	struct hamt_shape shape;
	char error[256] = "";

	if (!hamt_bytes_check(h, &shape, error, sizeof(error)))
		fprintf(stderr, "# hamt_bytes_check: %s\n", error);
	CHECK(error[0] == '\0');
	return shape;
}

static struct hamt_bytes *
bytes_in(enum state state, struct model *m)
{
	struct hamt_config config = fault_config();
	struct hamt_bytes *h;
	struct text kt, vt;
	uint64_t key = 0;

	memset(m, 0, sizeof(*m));
	CHECK_EQ(hamt_bytes_new(&config, &h), HAMT_OK);
	for (; key < 100 || (state == GROWING && !bytes_shape(h).resizing); key++) {
		CHECK(key < FRESH);
		CHECK_EQ(hamt_bytes_insert(h, string_of(&kt, 'k', key), string_of(&vt, 'v', key * 3)), HAMT_OK);
		set(m, key, key * 3);
	}
	while (state == SHRINKING && !bytes_shape(h).resizing) {
		CHECK(--key > 10);
		CHECK_EQ(hamt_bytes_remove(h, string_of(&kt, 'k', key), NULL), HAMT_OK);
		m->present[key] = false;
	}
	CHECK(state == STEADY || bytes_shape(h).resizing);
	return h;
}

static bool
is_value(struct hamt_string s, uint64_t number)
{
	struct text t;
	struct hamt_string right = string_of(&t, 'v', number);

	return s.bytes == right.bytes && memcmp(s.data, right.data, s.bytes) == 0;
}

static bool
bytes_equal(struct hamt_bytes *h, const struct model *m)
{
	uint64_t count = 0;
	struct text kt;

	for (unsigned k = 0; k < KEYS; k++) {
		struct hamt_guard g;
		bool present = hamt_bytes_get(h, string_of(&kt, 'k', k), &g) == HAMT_OK;

		if (present != m->present[k] ||
		    (present && !is_value((struct hamt_string){ g.value, g.value_bytes }, m->value[k])))
			return false;
		count += present;
		hamt_guard_release(&g);
	}
	return hamt_bytes_count(h) == count;
}

struct deciding {
	enum hamt_action action;
	struct hamt_string desired;
};

static enum hamt_action
decide(void *arg, const struct hamt_string *old, struct hamt_string *desired)
{
	const struct deciding *d = arg;

	(void)old;
	*desired = d->desired;
	return d->action;
}

static void
count_visit(void *arg, struct hamt_string key, struct hamt_string value)
{
	unsigned *count = arg;

	(void)key;
	(void)value;
	++*count;
}

static void
count_found(void *arg, size_t index, struct hamt_string value)
{
	unsigned *count = arg;

	CHECK(index == 0 && is_value(value, 15));
	++*count;
}

#define BYTES_CALLS 15u
static enum hamt_status
bytes_call(struct hamt_bytes *h, struct model *m, unsigned which)
{
	struct text kt, ft, vt, wt;
	struct hamt_string five = string_of(&kt, 'k', 5), fresh = string_of(&ft, 'k', FRESH), fifteen, nine, pair[2];
	struct deciding deciding;
	struct hamt_cursor cursor = { 0 };
	struct hamt_guard old;
	struct hamt_bytes *clone;
	enum hamt_status s = HAMT_OK;
	unsigned seen = 0, keys = 0;
	uint64_t removed;
	size_t done;
	char buffer[8];

	fifteen = string_of(&vt, 'v', 15);
	nine = string_of(&wt, 'v', 9);
	switch (which) {
	case 0:
		s = hamt_bytes_insert(h, fresh, nine);
		if (s == HAMT_OK)
			set(m, FRESH, 9);
		break;
	case 1:
		s = hamt_bytes_insert(h, five, nine);
		CHECK(s == HAMT_EXISTS || s == HAMT_NOMEM);
		break;
	case 2:
		s = hamt_bytes_upsert(h, five, nine, &old);
		CHECK(s == HAMT_NOMEM ? old.handle == NULL :
		    s == HAMT_EXISTS && is_value((struct hamt_string){ old.value, old.value_bytes }, 15));
		hamt_guard_release(&old);
		if (s == HAMT_EXISTS)
			set(m, 5, 9);
		break;
	case 3:
		s = hamt_bytes_upsert(h, fresh, nine, NULL);
		if (s == HAMT_OK)
			set(m, FRESH, 9);
		break;
	case 4:
		s = hamt_bytes_replace(h, five, fifteen, nine);
		if (s == HAMT_OK)
			set(m, 5, 9);
		break;
	case 5:
		s = hamt_bytes_remove(h, five, &old);
		CHECK(s == HAMT_NOMEM ? old.handle == NULL :
		    s == HAMT_OK && is_value((struct hamt_string){ old.value, old.value_bytes }, 15));
		hamt_guard_release(&old);
		m->present[5] = s != HAMT_OK;
		break;
	case 6:
		s = hamt_bytes_remove_if(h, five, fifteen);
		m->present[5] = s != HAMT_OK;
		break;
	case 7:
	case 8:
		deciding = (struct deciding){ which == 7 ? HAMT_PUT : HAMT_DELETE, nine };
		s = hamt_bytes_compute(h, five, decide, &deciding);
		if (s == HAMT_OK && which == 7)
			set(m, 5, 9);
		m->present[5] = s != HAMT_OK || which == 7;
		break;
	case 9:
		deciding = (struct deciding){ HAMT_PUT, nine };
		s = hamt_bytes_compute(h, fresh, decide, &deciding);
		if (s == HAMT_OK)
			set(m, FRESH, 9);
		break;
	case 10:
		s = hamt_bytes_clear(h, &removed);
		for (uint64_t k = 0; k < KEYS; k++)
			if (m->present[k] && hamt_bytes_get(h, string_of(&vt, 'k', k), &old) == HAMT_ABSENT) {
				m->present[k] = false;
				removed--;
			} else if (m->present[k]) {
				hamt_guard_release(&old);
			}
		CHECK_EQ(removed, 0);
		break;
	case 11:
		pair[0] = fresh;
		pair[1] = five;
		s = hamt_bytes_extend(h, pair, (struct hamt_string[]){ nine, nine }, 2, &done);
		CHECK(s == HAMT_OK ? done == 2 : done < 2);
		if (done > 0)
			set(m, FRESH, 9);
		if (done > 1)
			set(m, 5, 9);
		break;
	case 12:
		while (s == HAMT_OK && !cursor.ended)
			s = hamt_bytes_iterate(h, &cursor, count_visit, &seen);
		for (unsigned k = 0; k < KEYS; k++)
			keys += m->present[k];
		CHECK(s == HAMT_OK ? seen == keys : seen <= keys);
		break;
	case 13:
		s = hamt_bytes_clone(h, &clone);
		if (s == HAMT_OK)
			hamt_bytes_drop(clone);
		break;
	default:
		/* What never needs memory. */
		CHECK_EQ(hamt_bytes_copy(h, five, buffer, sizeof(buffer), &done), HAMT_OK);
		CHECK_EQ(hamt_bytes_get_many(h, &five, 1, count_found, &seen), 1);
		CHECK(done == 3 && seen == 1);
		hamt_bytes_flush(h);
		return HAMT_OK;
	}
	CHECK(s == HAMT_OK || s == HAMT_NOMEM || which == 1 || which == 2);
	return s;
}

static void
every_bytes_call_survives_any_failed_allocation(void)
{
	static struct model m;
	unsigned failed = 0;

	for (enum state state = 0; state < STATES; state++)
		for (unsigned which = 0; which < BYTES_CALLS; which++)
			for (unsigned nth = 1;; nth++) {
				struct hamt_bytes *h = bytes_in(state, &m);
				struct text kt, vt;
				enum hamt_status s;
				bool last;

				fail_at = nth;
				s = bytes_call(h, &m, which);
				last = fail_at > 0;
				CHECK(!(last && s == HAMT_NOMEM) && (which != BYTES_CALLS - 1 || nth == 1));
				fail_at = 0;
				failed += s == HAMT_NOMEM;
				CHECK(bytes_equal(h, &m));
				bytes_shape(h);
				CHECK(hamt_bytes_upsert(h, string_of(&kt, 'k', 3), string_of(&vt, 'v', 3), NULL) != HAMT_NOMEM);
				set(&m, 3, 3);
				CHECK(bytes_equal(h, &m));
				hamt_bytes_drop(h);
				CHECK_EQ(atomic_load_explicit(&live, memory_order_relaxed), 0);
				/* Clear and iterate allocate for each slot: a sample of the later ones. */
				if (last)
					break;
				if (nth > 12)
					nth += 6;
			}
	CHECK(failed > 3 * 12);
}

/* --- A thread ends inside an operation --------------------------------- */

#define LIVING 300u
#define DEAD_KEYS 64u

struct dying {
	struct hamt *h;
	unsigned kind, after;
};

static enum hamt_action
exit_instead(void *arg, bool present, uint64_t *value)
{
	const struct dying *d = arg;

	(void)present;
	*value = 1;
	if (d->after == 0)
		syscall(SYS_exit, 0);
	return HAMT_PUT;
}

/* Operations of one kind on keys 1000 .., until the thread's call number `after` of the allocator. */
static void *
die(void *arg)
{
	struct dying *d = arg;

	exit_at = d->after + 1;
	if (d->kind == 4 && hamt_insert(d->h, 1000, 1) == HAMT_OK && hamt_hold(d->h, 1000))
		syscall(SYS_exit, 0);
	for (uint64_t i = 0;; i++) {
		uint64_t key = 1000 + i % DEAD_KEYS;

		/* Keys come and go, so that each kind has something to do. */
		switch (d->kind) {
		case 0:
			CHECK(hamt_insert(d->h, key, 1) != HAMT_NOMEM);
			CHECK(hamt_remove(d->h, key, NULL) != HAMT_NOMEM);
			break;
		case 1:
			CHECK(hamt_upsert(d->h, key, i, NULL) != HAMT_NOMEM);
			break;
		case 2:
			CHECK(hamt_insert(d->h, 1000 + i, 1) != HAMT_NOMEM);
			break;
		case 3:
			d->after -= d->after > 0;
			exit_at = 0;
			CHECK(hamt_compute(d->h, key, exit_instead, d) != HAMT_NOMEM);
			break;
		default:
			CHECK(hamt_clear(d->h, NULL) != HAMT_NOMEM);
			CHECK(hamt_insert(d->h, key, 1) != HAMT_NOMEM);
			break;
		}
	}
	return NULL;
}

static void
start_and_lose(pthread_t *thread, struct dying *d)
{
	CHECK(pthread_create(thread, NULL, die, d) == 0);
	/* The kernel tells of the end whichever way it came. */
	CHECK(pthread_join(*thread, NULL) == 0);
}

/*
 * A thread that dies inside an operation, at each of its first allocations and frees, costs
 * the others nothing: they finish a fixed amount of work, see a map that is right, and the
 * garbage stays within the bound. What the dead thread held is lost to nobody else.
 */
static void
a_thread_may_die_inside_any_operation(void)
{
#if defined(TSAN) || defined(ASAN)
	CHECK_SKIP("this sanitizer does not know a thread that ends by the system call");
#endif
	for (unsigned kind = 0; kind < 6; kind++)
		for (unsigned after = 0; after < 40; after += 1 + after / 8) {
			struct hamt_config config = fault_config();
			struct reclaim_totals stats;
			struct dying d = { .kind = kind, .after = after };
			struct hamt *h;
			pthread_t thread;
			uint64_t value;

			CHECK_EQ(hamt_new(&config, &h), HAMT_OK);
			CHECK_EQ(hamt_clone(h, &d.h), HAMT_OK);
			start_and_lose(&thread, &d);
			for (unsigned turn = 0; turn < 3; turn++) {
				for (uint64_t k = 0; k < LIVING; k++)
					CHECK_EQ(hamt_insert(h, k, k + turn), HAMT_OK);
				for (uint64_t k = 0; k < LIVING; k++) {
					CHECK_EQ(hamt_get(h, k, &value), HAMT_OK);
					CHECK_EQ(value, k + turn);
					CHECK_EQ(hamt_remove(h, k, NULL), HAMT_OK);
				}
				reclaim_domain_stats(hamt_domain(h), &stats);
				CHECK(stats.pending <= stats.bound);
			}
			/* Whatever it was about was done or not; its keys can be used as all others. */
			for (uint64_t k = 1000; k < 1000 + DEAD_KEYS; k++)
				CHECK(hamt_upsert(h, k, 7, NULL) != HAMT_NOMEM);
			for (uint64_t k = 1000; k < 1000 + DEAD_KEYS; k++)
				CHECK(hamt_get(h, k, &value) == HAMT_OK && value == 7);
			/* Its handle was not dropped: the map stays, as for any owner who forgets. */
			hamt_drop(h);
		}
}

/* --- A process forks --------------------------------------------------- */

static void *
use(void *arg)
{
	struct hamt *h = arg;

	for (uint64_t i = 0; i < 3000; i++) {
		CHECK(hamt_upsert(h, i % 50, i, NULL) != HAMT_NOMEM);
		CHECK(hamt_remove(h, (i + 25) % 50, NULL) != HAMT_NOMEM);
	}
	return NULL;
}

/*
 * A child goes on with its copy of the map, in the middle of a resize, with threads of its own: a
 * registration for membarrier is not inherited, and the domain has to see to that.
 */
static void
a_forked_child_goes_on_with_threads(void)
{
	static struct model m;
#ifdef TSAN
	CHECK_SKIP("ThreadSanitizer allows no threads after a fork");
#endif
	for (enum state state = 0; state < STATES; state++) {
		struct hamt *h = map_in(state, &m), *clone;
		pthread_t thread;
		int status = -1;
		pid_t child;

		CHECK_EQ(hamt_clone(h, &clone), HAMT_OK);
		child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			CHECK(equals(h, &m));
			CHECK(pthread_create(&thread, NULL, use, clone) == 0);
			use(h);
			CHECK(pthread_join(thread, NULL) == 0);
			hamt_drop(clone);
			shape_of(h);
			hamt_drop(h);
			CHECK_EQ(atomic_load_explicit(&live, memory_order_relaxed), 0);
			_exit(0);
		}
		CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
		/* The parent's is as it was. */
		CHECK(equals(h, &m));
		hamt_drop(clone);
		hamt_drop(h);
		CHECK_EQ(atomic_load_explicit(&live, memory_order_relaxed), 0);
	}
}

static const struct test tests[] = {
	TEST(every_call_survives_any_failed_allocation),
	TEST(every_bytes_call_survives_any_failed_allocation),
	TEST(a_thread_may_die_inside_any_operation),
	TEST(a_forked_child_goes_on_with_threads),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
