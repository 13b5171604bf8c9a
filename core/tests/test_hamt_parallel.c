/*
 * test_hamt_parallel.c - the flagship with several threads, in limits so small
 * that the directory is being resized most of the time: blocks of two units,
 * directories from two slots on, scans at every retire. The directory's source
 * is compiled into this file, to set the block and to park a thread between
 * two steps of a move.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "core/atomic.h"

static void test_point(const char *where);

#define DIRECTORY_BLOCK 2
#define DIRECTORY_TEST_POINT(where) test_point(where)
#include "core/directory.c"

#include "core/tests/check.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLOW 1
#endif
#endif
/* Under the other schemes it is the same map: fewer will do. */
#if defined(SLOW) || RECLAIM != RECLAIM_HP
#define OPERATIONS 4800u
#else
#define OPERATIONS 9600u
#endif

#define THREADS 4u

/* --- Fixture ---------------------------------------------------------- */

static uint64_t
rng(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static atomic_llong live;
static atomic_bool no_memory;

static void *
live_alloc(void *state, size_t bytes)
{
	(void)state;
	if (atomic_load_explicit(&no_memory, memory_order_relaxed))
		return NULL;
	atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return malloc(bytes);
}

/* If set, looks into the map each time that something has been freed. */
static void (*after_free)(void);

static void
live_free(void *state, void *memory, size_t bytes)
{
	(void)state;
	(void)bytes;
	atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	free(memory);
	if (after_free != NULL)
		after_free();
}

/* A frequency is for the other schemes: time goes on as often as it can. */
static const struct hamt_config small[] = {
	{ .min_bits = 1, .reclaim = { .threshold = 1, .frequency = 1 } },
	{ .min_bits = 1, .reclaim = { .threshold = 1, .frequency = 1, .mode = HAZARD_FENCE } },
	{ .min_bits = 1, .inline_limit = HAMT_INLINE_NONE, .reclaim = { .threshold = 4 } },
	{ .min_bits = 1, .max_bits = 1, .reclaim = { .threshold = 4 } },
	{ .min_bits = 1, .max_bits = 1, .inline_limit = HAMT_INLINE_NONE, .reclaim = { .threshold = 64 } },
	{ .min_bits = 2, .inline_limit = 1, .reclaim = { .threshold = 64, .mode = HAZARD_FENCE } },
	{ .min_bits = 1, .hash = HAMT_HASH_IDENTITY, .reclaim = { .threshold = 1 } },
	{ .min_bits = 0 },
	/* From here for the contention managers that share something; eager, and short of patience. */
#define MANAGER(...) { __VA_ARGS__, .relax_ps = 10000 }
#define MANAGED(...) { .min_bits = 1, .reclaim = { .threshold = 1, .contention = MANAGER(__VA_ARGS__) },      \
	.contention = MANAGER(__VA_ARGS__) }
	MANAGED(.policy = CONTENTION_TIME_SLICE, .conc = 1, .slice = 10),
	MANAGED(.policy = CONTENTION_MCS, .ops = 50, .wait_ns = 20000),
	MANAGED(.policy = CONTENTION_ARRAY, .ops = 50, .wait_ns = 20000),
};

#define SMALL (sizeof(small) / sizeof(small[0]) - 3)
#define ALL (sizeof(small) / sizeof(small[0]))

static struct hamt *
map_new(unsigned which)
{
	struct hamt_config config = small[which];
	struct hamt *h;

	atomic_store_explicit(&live, 0, memory_order_relaxed);
	config.hash_key = check_seed | 1;
	config.reclaim.allocator = (struct hamt_allocator){ live_alloc, live_free, NULL };
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

static void
end(struct hamt *h)
{
	struct reclaim_totals stats;

	check(h);
	reclaim_domain_stats(hamt_domain(h), &stats);
	CHECK(stats.bound == 0 || stats.pending <= stats.bound);
	hamt_drop(h);
	CHECK_EQ(atomic_load_explicit(&live, memory_order_relaxed), 0);
}

struct worker {
	pthread_t thread;
	struct hamt *h; /* a clone of the test's map */
	unsigned number;
	uint64_t rng;
	int64_t net[64];
	uint64_t done;
};

static pthread_barrier_t start;
static atomic_bool stop;

static struct worker workers[THREADS];

/* run - body in THREADS threads, each with a handle of its own. */
static void
run(struct hamt *map, void *(*body)(void *))
{
	CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
	atomic_store_explicit(&stop, false, memory_order_relaxed);
	memset(workers, 0, sizeof(workers));
	for (unsigned t = 0; t < THREADS; t++) {
		workers[t].number = t;
		workers[t].rng = check_seed * 31 + t;
		CHECK_EQ(hamt_clone(map, &workers[t].h), HAMT_OK);
	}
	for (unsigned t = 0; t < THREADS; t++)
		CHECK(pthread_create(&workers[t].thread, NULL, body, &workers[t]) == 0);
	for (unsigned t = 0; t < THREADS; t++)
		CHECK(pthread_join(workers[t].thread, NULL) == 0);
	for (unsigned t = 0; t < THREADS; t++)
		hamt_drop(workers[t].h);
	pthread_barrier_destroy(&start);
}

/* --- Parking ---------------------------------------------------------- */

static _Thread_local const char *park_where; /* NULL: this thread never parks */
static _Thread_local unsigned park_after;
static sem_t parked, go_on;
/* A thread that parks quietly tells nobody more than that: relaxed, it orders nothing it did before. */
static _Thread_local bool park_quietly;
static atomic_bool quietly_parked, quietly_go_on;

static void
test_point(const char *where)
{
	if (park_where == NULL || strcmp(park_where, where) != 0 || park_after-- != 0)
		return;
	park_where = NULL;
	if (park_quietly) {
		atomic_store_explicit(&quietly_parked, true, memory_order_relaxed);
		while (!atomic_load_explicit(&quietly_go_on, memory_order_relaxed))
			sched_yield();
		return;
	}
	sem_post(&parked);
	while (sem_wait(&go_on) != 0)
		continue;
}

/* --- Each thread its own keys ------------------------------------------ */

#define OWN 300u

static void *
own_keys(void *arg)
{
	struct worker *w = arg;
	bool present[OWN] = { false };
	uint64_t value_of[OWN];

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		uint64_t draw = rng(&w->rng), index = draw % OWN, key = index * THREADS + w->number, value = 77, was;
		unsigned grow = i / (OPERATIONS / 24) % 6, op = (unsigned)(draw >> 40) % 8;

		was = present[index] ? value_of[index] : 77;
		if ((draw >> 32) % 4 == 0) {
			CHECK_EQ(hamt_get(w->h, key, &value), present[index] ? HAMT_OK : HAMT_ABSENT);
			CHECK_EQ(value, was);
		} else if (op > grow + 1) {
			CHECK_EQ(hamt_remove(w->h, key, &value), present[index] ? HAMT_OK : HAMT_ABSENT);
			CHECK_EQ(value, was);
			present[index] = false;
		} else if (op % 2 == 0) {
			CHECK_EQ(hamt_insert(w->h, key, draw), present[index] ? HAMT_EXISTS : HAMT_OK);
			if (!present[index])
				value_of[index] = draw;
			present[index] = true;
		} else {
			CHECK_EQ(hamt_upsert(w->h, key, draw, &value), present[index] ? HAMT_EXISTS : HAMT_OK);
			CHECK_EQ(value, was);
			value_of[index] = draw;
			present[index] = true;
		}
	}
	for (unsigned i = 0; i < OWN; i++) {
		uint64_t value;

		CHECK_EQ(hamt_get(w->h, i * THREADS + w->number, &value), present[i] ? HAMT_OK : HAMT_ABSENT);
		w->done += present[i];
	}
	return NULL;
}

static void
threads_with_own_keys_see_a_table(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt *h = map_new(c);
		uint64_t sum = 0;

		run(h, own_keys);
		for (unsigned t = 0; t < THREADS; t++)
			sum += workers[t].done;
		CHECK_EQ(hamt_count(h), sum);
		end(h);
	}
}

/* --- All threads the same keys: what succeeded must add up ------------- */

static void *
shared_keys(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		uint64_t draw = rng(&w->rng), key = draw % 64, value = 0;
		enum hamt_status s;

		switch ((draw >> 32) % 5) {
		case 0:
			s = hamt_insert(w->h, key, key << 32 | i);
			CHECK(s == HAMT_OK || s == HAMT_EXISTS);
			w->net[key] += s == HAMT_OK;
			break;
		case 1:
			s = hamt_upsert(w->h, key, key << 32 | i, &value);
			CHECK(s == HAMT_OK || (s == HAMT_EXISTS && value >> 32 == key));
			w->net[key] += s == HAMT_OK;
			break;
		case 2:
			s = hamt_remove(w->h, key, &value);
			CHECK(s == HAMT_ABSENT || (s == HAMT_OK && value >> 32 == key));
			w->net[key] -= s == HAMT_OK;
			break;
		case 3:
			if (hamt_get(w->h, key, &value) != HAMT_OK)
				break;
			CHECK_EQ(value >> 32, key);
			s = hamt_remove_if(w->h, key, value);
			CHECK(s == HAMT_OK || s == HAMT_MISMATCH || s == HAMT_ABSENT);
			w->net[key] -= s == HAMT_OK;
			break;
		default:
			s = hamt_get(w->h, key, &value);
			CHECK(s == HAMT_ABSENT || (s == HAMT_OK && value >> 32 == key));
		}
	}
	return NULL;
}

static void
operations_on_shared_keys_add_up(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt *h = map_new(c);
		uint64_t value;

		run(h, shared_keys);
		for (uint64_t k = 0; k < 64; k++) {
			int64_t net = 0;

			for (unsigned t = 0; t < THREADS; t++)
				net += workers[t].net[k];
			CHECK(net == 0 || net == 1);
			CHECK_EQ(hamt_get(h, k, &value), net == 1 ? HAMT_OK : HAMT_ABSENT);
		}
		end(h);
	}
}

/* --- No increment is lost ---------------------------------------------- */

static enum hamt_action
increment(void *arg, bool present, uint64_t *value)
{
	(void)arg;
	(void)present;
	++*value;
	return HAMT_PUT;
}

static void *
increments(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < OPERATIONS / 2; i++) {
		uint64_t key = rng(&w->rng) % 8, value = 0;

		if (i % 2 == 0) {
			CHECK_EQ(hamt_compute(w->h, key, increment, NULL), HAMT_OK);
			continue;
		}
		for (;;) {
			enum hamt_status s = hamt_get(w->h, key, &value) == HAMT_OK ?
			    hamt_replace(w->h, key, value, value + 1) : hamt_insert(w->h, key, 1);

			if (s == HAMT_OK)
				break;
			CHECK(s == HAMT_MISMATCH || s == HAMT_EXISTS);
		}
	}
	return NULL;
}

static void
no_increment_is_lost(void)
{
	for (unsigned c = 0; c < ALL; c++) {
		struct hamt *h = map_new(c);
		uint64_t value, sum = 0;

		run(h, increments);
		for (uint64_t k = 0; k < 8; k++) {
			CHECK_EQ(hamt_get(h, k, &value), HAMT_OK);
			sum += value;
		}
		CHECK_EQ(sum, (uint64_t)THREADS * (OPERATIONS / 2));
		end(h);
	}
}

/* --- What is there throughout is found throughout ---------------------- */

#define STAY 200u
#define WAVE 1500u

static void *
waves_and_readers(void *arg)
{
	struct worker *w = arg;
	uint64_t keys[STAY], values[STAY];
	bool found[STAY];

	pthread_barrier_wait(&start);
	if (w->number < 2) {
		for (unsigned wave = 0; wave < OPERATIONS / WAVE; wave++) {
			for (uint64_t k = 0; k < WAVE; k++)
				CHECK_EQ(hamt_insert(w->h, STAY + 2 * k + w->number, k), HAMT_OK);
			for (uint64_t k = 0; k < WAVE; k++)
				CHECK_EQ(hamt_remove(w->h, STAY + 2 * k + w->number, NULL), HAMT_OK);
		}
		atomic_store_explicit(&stop, true, memory_order_relaxed);
		return NULL;
	}
	for (unsigned k = 0; k < STAY; k++)
		keys[k] = k;
	do {
		struct hamt_cursor cursor = { 0 };
		uint64_t some[9], their[9];
		unsigned seen[STAY] = { 0 };
		size_t n;

		for (uint64_t k = 0; k < STAY; k++) {
			CHECK_EQ(hamt_get(w->h, k, &values[0]), HAMT_OK);
			CHECK_EQ(values[0], ~k);
		}
		CHECK_EQ(hamt_get_many(w->h, keys, values, found, STAY), STAY);
		for (uint64_t k = 0; k < STAY; k++)
			CHECK_EQ(values[k], ~k);
		while ((n = hamt_iterate(w->h, &cursor, some, their, w->number == 2 ? 9 : 2)) > 0)
			for (size_t i = 0; i < n; i++)
				if (some[i] < STAY) {
					CHECK_EQ(their[i], ~some[i]);
					seen[some[i]]++;
				}
		for (unsigned k = 0; k < STAY; k++)
			CHECK_EQ(seen[k], 1);
		w->done++;
	} while (!atomic_load_explicit(&stop, memory_order_relaxed));
	return NULL;
}

static void
permanent_keys_are_always_found_and_iterated_once(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt *h = map_new(c);

		for (uint64_t k = 0; k < STAY; k++)
			CHECK_EQ(hamt_insert(h, k, ~k), HAMT_OK);
		run(h, waves_and_readers);
		CHECK(workers[2].done > 0 && workers[3].done > 0);
		CHECK_EQ(hamt_count(h), STAY);
		end(h);
	}
}

/* --- Clear beside insertions ------------------------------------------- */

static void *
clears_and_insertions(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < OPERATIONS / 4; i++) {
		uint64_t removed;

		if (w->number == 0) {
			if (i % 50 != 0)
				continue;
			CHECK_EQ(hamt_clear(w->h, &removed), HAMT_OK);
			w->net[0] -= (int64_t)removed;
		} else {
			w->net[0] += hamt_insert(w->h, rng(&w->rng) % 3000, 1) == HAMT_OK;
		}
	}
	return NULL;
}

static void
cleared_and_left_is_what_was_inserted(void)
{
	for (unsigned c = 0; c < SMALL; c++) {
		struct hamt *h = map_new(c);
		int64_t net = 0;

		run(h, clears_and_insertions);
		for (unsigned t = 0; t < THREADS; t++)
			net += workers[t].net[0];
		CHECK_EQ(net, hamt_count(h));
		end(h);
	}
}

/* --- Handles come and go ----------------------------------------------- */

static void *
short_lives(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < OPERATIONS / 60; i++) {
		struct hamt *mine;

		CHECK_EQ(hamt_clone(w->h, &mine), HAMT_OK);
		for (unsigned k = 0; k < 20; k++) {
			uint64_t draw = rng(&w->rng);

			if (draw >> 63)
				w->net[0] += hamt_insert(mine, draw % 500, 1) == HAMT_OK;
			else
				w->net[0] -= hamt_remove(mine, draw % 500, NULL) == HAMT_OK;
		}
		hamt_drop(mine);
	}
	return NULL;
}

static void
handles_come_and_go(void)
{
	for (unsigned c = 0; c < ALL; c++) {
		struct hamt *h = map_new(c);
		int64_t net = 0;

		run(h, short_lives);
		for (unsigned t = 0; t < THREADS; t++)
			net += workers[t].net[0];
		CHECK_EQ(net, hamt_count(h));
		end(h);
	}
}

/* --- A thread that stands still stops nobody --------------------------- */

struct parking {
	struct hamt *h;
	const char *where;
	unsigned after;
	bool cleared; /* meanwhile, by another thread */
};

#define PARKED_KEYS 400u

static void *
park(void *arg)
{
	const struct parking *p = arg;

	park_where = p->where;
	park_after = p->after;
	while (park_where != NULL) {
		for (uint64_t k = 0; k < PARKED_KEYS; k++)
			CHECK_EQ(hamt_insert(p->h, k, k), HAMT_OK);
		for (uint64_t k = 0; k < PARKED_KEYS; k++) {
			enum hamt_status s = hamt_remove(p->h, k, NULL);

			CHECK(s == HAMT_OK || (s == HAMT_ABSENT && p->cleared && park_where == NULL));
		}
	}
	return NULL;
}

static void
a_parked_thread_stops_nobody(void)
{
	static const char *const where[] = { "built", "frozen", "target", "moved" };

	CHECK(sem_init(&parked, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	for (unsigned c = 0; c < SMALL; c++) {
		if (small[c].max_bits == 1)
			continue;
		for (unsigned i = 0; i < 4 * 6; i++) {
			struct hamt *h = map_new(c);
			struct parking p = { .where = where[i % 4], .after = (i / 4) * (i / 4) * 9 };
			pthread_t thread;
			unsigned bits;
			uint64_t value, key;

			CHECK_EQ(hamt_clone(h, &p.h), HAMT_OK);
			CHECK(pthread_create(&thread, NULL, park, &p) == 0);
			while (sem_wait(&parked) != 0)
				continue;
			/* Every slot can be read and written ... */
			for (key = 1000; key < 1000 + PARKED_KEYS; key++) {
				CHECK_EQ(hamt_get(h, key, &value), HAMT_ABSENT);
				CHECK_EQ(hamt_insert(h, key, key), HAMT_OK);
			}
			/* ... and the directory grows past what was being made, and shrinks again. */
			bits = h->directory->bits;
			for (; h->directory->bits < bits + 3; key++)
				CHECK_EQ(hamt_insert(h, key, key), HAMT_OK);
			while (key > 1000) {
				key--;
				CHECK_EQ(hamt_get(h, key, &value), HAMT_OK);
				CHECK_EQ(value, key);
				CHECK_EQ(hamt_remove(h, key, &value), HAMT_OK);
			}
			sem_post(&go_on);
			CHECK(pthread_join(thread, NULL) == 0);
			hamt_drop(p.h);
			CHECK_EQ(hamt_count(h), 0);
			end(h);
		}
	}
}

/* In the middle of a merge, one of two slots MOVED, the other not: what was cleared is gone. */
static void
cleared_is_gone_while_a_move_stands_still(void)
{
	static const char *const where[] = { "frozen", "target", "moved" };

	CHECK(sem_init(&parked, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	for (unsigned i = 0; i < 3 * 120; i++) {
		struct hamt *h = map_new(i % 2 ? 0 : 6);
		struct parking p = { .where = where[i % 3], .after = i, .cleared = true };
		uint64_t value;
		pthread_t thread;

		CHECK_EQ(hamt_clone(h, &p.h), HAMT_OK);
		CHECK(pthread_create(&thread, NULL, park, &p) == 0);
		while (sem_wait(&parked) != 0)
			continue;
		CHECK_EQ(hamt_clear(h, NULL), HAMT_OK);
		for (uint64_t k = 0; k < PARKED_KEYS; k++)
			CHECK_EQ(hamt_get(h, k, &value), HAMT_ABSENT);
		sem_post(&go_on);
		CHECK(pthread_join(thread, NULL) == 0);
		hamt_drop(p.h);
		end(h);
	}
}

static struct hamt_bytes *probe;

static struct hamt_string
bytes_key(const uint64_t *k)
{
	return (struct hamt_string){ k, sizeof(*k) };
}

/* Nothing that can be found has been freed; AddressSanitizer notices the least of it. */
static void
look_at_all(void)
{
	for (uint64_t k = 0; k < PARKED_KEYS; k++) {
		uint64_t value = 0;
		size_t bytes;

		if (hamt_bytes_copy(probe, bytes_key(&k), &value, sizeof(value), &bytes) != HAMT_OK)
			continue;
		CHECK_EQ(bytes, sizeof(value));
		CHECK_EQ(value, ~k);
	}
}

struct parking_bytes {
	struct hamt_bytes *h;
	unsigned after;
};

static void *
park_bytes(void *arg)
{
	const struct parking_bytes *p = arg;

	park_where = "moved";
	park_after = p->after;
	while (park_where != NULL) {
		for (uint64_t k = 0, v = ~k; k < PARKED_KEYS; k++, v = ~k)
			CHECK(hamt_bytes_upsert(p->h, bytes_key(&k), bytes_key(&v), NULL) != HAMT_NOMEM);
		for (uint64_t k = 0; k < PARKED_KEYS; k++)
			CHECK(hamt_bytes_remove(p->h, bytes_key(&k), NULL) != HAMT_NOMEM);
	}
	return NULL;
}

/* Leaves that a merged slot and one of its sources share are not freed while the source is the truth. */
static void
cleared_leaves_are_not_found(void)
{
	CHECK(sem_init(&parked, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	for (unsigned i = 0; i < 120; i++) {
		struct hamt_config config = { .min_bits = 1, .hash_key = check_seed | 1, .reclaim = {
			.threshold = 1, .allocator = { live_alloc, live_free, NULL } } };
		struct parking_bytes p = { .after = 5 * i };
		struct hamt_bytes *h;
		pthread_t thread;

		atomic_store_explicit(&live, 0, memory_order_relaxed);
		CHECK_EQ(hamt_bytes_new(&config, &h), HAMT_OK);
		CHECK_EQ(hamt_bytes_clone(h, &p.h), HAMT_OK);
		CHECK_EQ(hamt_bytes_clone(h, &probe), HAMT_OK);
		CHECK(pthread_create(&thread, NULL, park_bytes, &p) == 0);
		while (sem_wait(&parked) != 0)
			continue;
		after_free = look_at_all;
		CHECK_EQ(hamt_bytes_clear(h, NULL), HAMT_OK);
		after_free = NULL;
		sem_post(&go_on);
		CHECK(pthread_join(thread, NULL) == 0);
		hamt_bytes_drop(p.h);
		hamt_bytes_drop(probe);
		hamt_bytes_drop(h);
		CHECK_EQ(atomic_load_explicit(&live, memory_order_relaxed), 0);
	}
}

/*
 * A slot is frozen and nobody has the memory to move it: an update that would
 * need none (the last entry of a slot is removed) must leave it alone, too.
 */
static void
a_frozen_slot_is_not_updated(void)
{
	enum { MINE = 60 };

	CHECK(sem_init(&parked, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	for (unsigned i = 0; i < 200; i++) {
		struct hamt *h = map_new(i % 2 ? 0 : 5);
		struct parking p = { .where = i % 4 < 2 ? "frozen" : "target", .after = i / 2 };
		enum hamt_status removed[MINE];
		uint64_t value;
		pthread_t thread;

		for (uint64_t k = 0; k < MINE; k++)
			CHECK_EQ(hamt_insert(h, 1000 + k, k), HAMT_OK);
		CHECK_EQ(hamt_clone(h, &p.h), HAMT_OK);
		CHECK(pthread_create(&thread, NULL, park, &p) == 0);
		while (sem_wait(&parked) != 0)
			continue;
		atomic_store_explicit(&no_memory, true, memory_order_relaxed);
		for (uint64_t k = 0; k < MINE; k++) {
			removed[k] = hamt_remove(h, 1000 + k, &value);
			CHECK(removed[k] == HAMT_OK || removed[k] == HAMT_NOMEM);
			CHECK_EQ(hamt_get(h, 1000 + k, &value), removed[k] == HAMT_OK ? HAMT_ABSENT : HAMT_OK);
		}
		atomic_store_explicit(&no_memory, false, memory_order_relaxed);
		sem_post(&go_on);
		CHECK(pthread_join(thread, NULL) == 0);
		for (uint64_t k = 0; k < MINE; k++)
			CHECK_EQ(hamt_get(h, 1000 + k, &value), removed[k] == HAMT_OK ? HAMT_ABSENT : HAMT_OK);
		hamt_drop(p.h);
		end(h);
	}
}

/* --- Who publishes what was moved -------------------------------------- */

/* Keys of the lower slot of two, which lie in both of the slots that it is split into. */
enum { LOWER_KEYS = 6 };

static uint64_t
lower_key(unsigned i)
{
	return (uint64_t)(i % 2) << 62 | (uint64_t)i << 57 | 1;
}

/* The first to come freezes the slot, stands still, and then finishes what the other began. */
static void *
freeze_and_read(void *arg)
{
	struct hamt *h = arg;
	uint64_t value;

	park_where = "frozen";
	park_after = 0;
	CHECK_EQ(hamt_upsert(h, lower_key(0), 100, NULL), HAMT_EXISTS);
	CHECK(park_where == NULL);
	for (unsigned i = 0; i < LOWER_KEYS; i++) {
		CHECK_EQ(hamt_get(h, lower_key(i), &value), HAMT_OK);
		CHECK_EQ(value, i == 0 ? 100 : i);
	}
	return NULL;
}

/* The second finds the slot frozen, publishes the first of the new nodes, and is not heard of for long. */
static void *
publish_quietly(void *arg)
{
	struct hamt *h = arg;

	park_where = "target";
	park_after = 0;
	park_quietly = true;
	CHECK_EQ(hamt_upsert(h, lower_key(1), 1, NULL), HAMT_EXISTS);
	CHECK(park_where == NULL);
	return NULL;
}

/*
 * A node whose maker did not freeze its source, and does not say that it is moved, is
 * published by nothing but R(4). ThreadSanitizer sees a race if that is not enough.
 */
static void
a_moved_slot_is_published(void)
{
	CHECK(sem_init(&parked, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	for (unsigned i = 0; i < 2; i++) {
		struct hamt *h = map_new(6), *first, *second;
		pthread_t freezer, publisher;

		for (unsigned k = 0; k < LOWER_KEYS; k++)
			CHECK_EQ(hamt_insert(h, lower_key(k), k), HAMT_OK);
		/* Made, and nothing moved yet. */
		CHECK(directory_resizing(h));
		CHECK(hamt_clone(h, &first) == HAMT_OK && hamt_clone(h, &second) == HAMT_OK);
		atomic_store_explicit(&quietly_parked, false, memory_order_relaxed);
		atomic_store_explicit(&quietly_go_on, false, memory_order_relaxed);
		CHECK(pthread_create(&freezer, NULL, freeze_and_read, first) == 0);
		while (sem_wait(&parked) != 0)
			continue;
		CHECK(pthread_create(&publisher, NULL, publish_quietly, second) == 0);
		while (!atomic_load_explicit(&quietly_parked, memory_order_relaxed))
			sched_yield();
		sem_post(&go_on);
		CHECK(pthread_join(freezer, NULL) == 0);
		atomic_store_explicit(&quietly_go_on, true, memory_order_relaxed);
		CHECK(pthread_join(publisher, NULL) == 0);
		hamt_drop(first);
		hamt_drop(second);
		end(h);
	}
}

static const struct test tests[] = {
	TEST(threads_with_own_keys_see_a_table),
	TEST(operations_on_shared_keys_add_up),
	TEST(no_increment_is_lost),
	TEST(permanent_keys_are_always_found_and_iterated_once),
	TEST(cleared_and_left_is_what_was_inserted),
	TEST(handles_come_and_go),
	TEST(a_parked_thread_stops_nobody),
	TEST(cleared_is_gone_while_a_move_stands_still),
	TEST(cleared_leaves_are_not_found),
	TEST(a_frozen_slot_is_not_updated),
	TEST(a_moved_slot_is_published),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
