/*
 * seed_fixture.h - what the tests of the seed's trie share: an allocator that
 * counts, and keys whose hashes are chosen to meet.
 */
#ifndef CORE_TESTS_SEED_FIXTURE_H
#define CORE_TESTS_SEED_FIXTURE_H

#include <time.h>

#include "core/hash.h"
#include "core/seed_hamt.h"
#include "core/tests/check.h"

/* How many times fewer operations a slow build does. */
#if defined(__SANITIZE_THREAD__)
#define SLOW 8
#elif defined(__SANITIZE_ADDRESS__)
#define SLOW 4
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW 8
#elif __has_feature(address_sanitizer)
#define SLOW 4
#endif
#endif
#if !defined(SLOW) && defined(CHECKED)
#define SLOW 2
#endif
#ifndef SLOW
#define SLOW 1
#endif
/* For threads, and under another scheme, where it is the same map. */
#if RECLAIM != RECLAIM_HP
#define FEWER (4 * SLOW)
#else
#define FEWER SLOW
#endif

/* --- Random numbers --------------------------------------------------- */

struct random {
	uint64_t seed, drawn;
};

static inline struct random
random_start(uint64_t stream)
{
	return (struct random){ .seed = hash_u64(stream, check_seed) };
}

/* random_below - uniform enough for a test: limit is far below 2^64. */
static inline uint64_t
random_below(struct random *r, uint64_t limit)
{
	return hash_u64(r->drawn++, r->seed) % limit;
}

/* --- An allocator that counts and fails on demand --------------------- */

struct meter {
	_Atomic(uint64_t) calls, blocks, bytes;
	/* Calls of alloc with from <= number < to fail; numbers start at 1. */
	_Atomic(uint64_t) fail_from, fail_to;
	/* Set before any thread starts: 0, or one call in so many fails, or
	 * sleeps for 20 microseconds (which is between reading and writing). */
	unsigned fail_one_in, sleep_one_in;
};

/* All relaxed: counts on their own; threads are joined before they are compared. */
static inline uint64_t
meter_read(const _Atomic(uint64_t) *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

static inline void *
meter_alloc(void *state, size_t bytes)
{
	struct meter *m = state;
	uint64_t call = atomic_fetch_add_explicit(&m->calls, 1, memory_order_relaxed) + 1;

	if (call >= meter_read(&m->fail_from) && call < meter_read(&m->fail_to))
		return NULL;
	if (m->fail_one_in != 0 && hash_u64(call, 1) % m->fail_one_in == 0)
		return NULL;
	if (m->sleep_one_in != 0 && hash_u64(call, 2) % m->sleep_one_in == 0)
		nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
	atomic_fetch_add_explicit(&m->blocks, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->bytes, bytes, memory_order_relaxed);
	return malloc(bytes);
}

static inline void
meter_free(void *state, void *memory, size_t bytes)
{
	struct meter *m = state;

	atomic_fetch_sub_explicit(&m->blocks, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&m->bytes, bytes, memory_order_relaxed);
	free(memory);
}

static inline struct hamt_allocator
meter_allocator(struct meter *m)
{
	return (struct hamt_allocator){ .alloc = meter_alloc, .free = meter_free, .state = m };
}

/* meter_fail - from now on, count calls of alloc fail after skip more that succeed. */
static inline void
meter_fail(struct meter *m, uint64_t skip, uint64_t count)
{
	uint64_t from = meter_read(&m->calls) + skip + 1;

	atomic_store_explicit(&m->fail_from, from, memory_order_relaxed);
	atomic_store_explicit(&m->fail_to, from + count, memory_order_relaxed);
}

/* meter_refused - was a call refused after the first `before` ones? */
static inline bool
meter_refused(const struct meter *m, uint64_t before)
{
	return meter_read(&m->fail_from) <= meter_read(&m->calls) && meter_read(&m->fail_to) > before + 1;
}

/* meter_check_empty - all that was taken was given back, with the sizes asked for. */
static inline void
meter_check_empty(const struct meter *m)
{
	CHECK_EQ(meter_read(&m->blocks), 0);
	CHECK_EQ(meter_read(&m->bytes), 0);
}

/* --- Keys that meet: uint64_t to uint64_t, with a hash made for it ----- */

/* With this hash_key, the trie's hash of round r uses the seed hash_u64(r, HASH_KEY). */
#define HASH_KEY UINT64_C(0x5eed)

static inline bool
u64_key_equal(const void *a, const void *b)
{
	return *(const uint64_t *)a == *(const uint64_t *)b;
}

/* What seed_hamt_u64 does. */
static inline uint64_t
usual_hash(const void *key, uint64_t seed)
{
	return hash_u64(*(const uint64_t *)key, seed);
}

/* All keys in one collision. */
static inline uint64_t
constant_hash(const void *key, uint64_t seed)
{
	(void)key;
	(void)seed;
	return 42;
}

/* The same in each round, but different keys differ. */
static inline uint64_t
unseeded_hash(const void *key, uint64_t seed)
{
	(void)seed;
	return hash_u64(*(const uint64_t *)key, 0);
}

/* Keys 2k and 2k + 1 agree in all rounds. */
static inline uint64_t
pairs_hash(const void *key, uint64_t seed)
{
	return hash_u64(*(const uint64_t *)key / 2, seed);
}

/* Keys 2k and 2k + 1 agree in the first round only. */
static inline uint64_t
pairs_at_first_hash(const void *key, uint64_t seed)
{
	uint64_t k = *(const uint64_t *)key;

	return hash_u64(seed == HASH_KEY ? k / 2 : k, seed);
}

/* All keys agree but in the last round. */
static inline uint64_t
last_round_hash(const void *key, uint64_t seed)
{
	return seed == hash_u64(3, HASH_KEY) ? hash_u64(*(const uint64_t *)key, seed) : 0;
}

/* Keys below 1024 agree in the first ten chunks; the other two are the key. */
static inline uint64_t
prefix_hash(const void *key, uint64_t seed)
{
	(void)seed;
	return *(const uint64_t *)key << 50 | UINT64_C(0x2d5b3a9c7e1f4);
}

#define MEETING_OPS(function)                                                  \
	{                                                                      \
		.key_bytes = sizeof(uint64_t), .value_bytes = sizeof(uint64_t), \
		.hash = function, .equal = u64_key_equal                       \
	}

enum meeting {
	MEET_SELDOM,
	MEET_UNSEEDED,
	MEET_PAIRS,
	MEET_PAIRS_AT_FIRST,
	MEET_PREFIX,
	MEET_LAST_ROUND,
	MEET_CONSTANT,
	MEETINGS,
};

static const struct seed_hamt_ops meeting_ops[MEETINGS] = {
	[MEET_SELDOM] = MEETING_OPS(usual_hash),
	[MEET_UNSEEDED] = MEETING_OPS(unseeded_hash),
	[MEET_PAIRS] = MEETING_OPS(pairs_hash),
	[MEET_PAIRS_AT_FIRST] = MEETING_OPS(pairs_at_first_hash),
	[MEET_PREFIX] = MEETING_OPS(prefix_hash),
	[MEET_LAST_ROUND] = MEETING_OPS(last_round_hash),
	[MEET_CONSTANT] = MEETING_OPS(constant_hash),
};

/* --- Maps ------------------------------------------------------------- */

/* map_new - a handle on a new map whose memory m counts. */
static inline struct seed_hamt *
map_new(const struct seed_hamt_ops *ops, struct meter *m, enum hazard_mode mode, unsigned threshold)
{
	struct seed_hamt_config config = {
		.ops = ops,
		.hash_key = HASH_KEY,
		.reclaim = { .mode = mode, .threshold = threshold, .frequency = threshold, .allocator = meter_allocator(m) },
	};
	struct seed_hamt *map;

	CHECK_EQ(seed_hamt_new(&config, &map), HAMT_OK);
	return map;
}

/* map_shape - the map is what it must be; nothing is left to tidy. */
static inline struct seed_hamt_shape
map_shape(struct seed_hamt *map)
{
	struct seed_hamt_shape shape;
	char error[200] = "";

	if (!seed_hamt_check(map, false, &shape, error, sizeof(error))) {
		fprintf(stderr, "# %s\n", error);
		CHECK(!"seed_hamt_check");
	}
	CHECK_EQ(shape.tombs, 0);
	return shape;
}

static inline void
map_check_empty(struct seed_hamt *map)
{
	struct seed_hamt_shape shape = map_shape(map);

	CHECK_EQ(shape.keys, 0);
	CHECK_EQ(shape.cells, 0);
	CHECK_EQ(shape.maps, 1);
	CHECK_EQ(shape.depth, 0);
}

static inline enum hamt_status
insert(struct seed_hamt *map, uint64_t key, uint64_t value)
{
	return seed_hamt_insert(map, &key, &value);
}

static inline enum hamt_status
upsert(struct seed_hamt *map, uint64_t key, uint64_t value, uint64_t *old)
{
	return seed_hamt_upsert(map, &key, &value, old);
}

static inline enum hamt_status
get(struct seed_hamt *map, uint64_t key, uint64_t *value)
{
	return seed_hamt_get(map, &key, value);
}

static inline enum hamt_status
erase(struct seed_hamt *map, uint64_t key, uint64_t *old)
{
	return seed_hamt_remove(map, &key, old);
}

#endif
