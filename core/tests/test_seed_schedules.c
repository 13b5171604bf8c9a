/*
 * test_seed_schedules.c - the seed's trie under thousands of chosen schedules.
 *
 * Threads of one processor meet in the wrong place once in a million times;
 * here they do so all the time. Three threads of the scheduler (scheduler.h) run a few
 * operations each on a few keys that meet, in every way that keys can. Retired
 * nodes are freed as soon as nothing announces them. Each schedule is judged
 * by what its callers saw (history.h), by seed_hamt_check() and by its memory.
 */
#include "core/base.h"
#include "core/tests/schedules.h"
#include "core/tests/seed_fixture.h"

enum { THREADS = 3 };

/* --- The trie, with a count of what is frozen --------------------------- */

static uint64_t frozen_seen, frozen_swung;

static inline uintptr_t
load_counted(const char *file, int line, const _Atomic(uintptr_t) *word, memory_order order)
{
	uintptr_t value = (uintptr_t)schedule_load(file, line, word, sizeof(*word), order);

	frozen_seen += schedule_under_way() && value & 1;
	return value;
}

static inline bool
swing_counted(const char *file, int line, _Atomic(uintptr_t) *word, uintptr_t *expected, uintptr_t desired,
    memory_order order)
{
	bool done = schedule_compare_exchange(file, line, word, sizeof(*word), expected, desired, order);

	frozen_swung += done && desired & 1;
	return done;
}

#undef atomic_load_explicit
#define atomic_load_explicit(word, order) load_counted(SCHEDULE_HERE, word, order)
#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(word, expected, desired, success, failure) \
	swing_counted(SCHEDULE_HERE, word, expected, desired, success)
/* Names of the fixture that the trie has for itself. */
#define map_new trie_map_new
#include "core/seed_hamt.c"
#undef map_new

/* --- Schedules ---------------------------------------------------------- */

enum { KEYS_MAX = 6, CALLS_MAX = 6 };

/* What one schedule is about. */
static struct {
	unsigned keys, calls;
	struct seed_hamt *handle[THREADS];
} plan;

static enum hamt_status
do_call(struct seed_hamt *map, unsigned key, enum call call)
{
	struct event e = { .call = call, .put = ++values, .began = schedule_tick() };

	switch (call) {
	case CALL_GET:
		e.status = get(map, key, &e.seen);
		break;
	case CALL_INSERT:
		e.status = insert(map, key, e.put);
		break;
	case CALL_UPSERT:
		e.status = upsert(map, key, e.put, &e.seen);
		break;
	default:
		e.status = erase(map, key, &e.seen);
		break;
	}
	/* An old value is copied before the CAS: without success it is rubbish. */
	if (e.status == HAMT_NOMEM || e.status == HAMT_ABSENT)
		e.seen = 0;
	e.ended = schedule_tick();
	/* Free at once what only this operation kept: its announcements stay
	 * otherwise until the next overwrites them. */
	for (unsigned slot = 0; slot < SLOTS; slot++)
		reclaim_clear(map->record, slot);
	reclaim_scan(map->record);
	observe(key, e);
	return e.status;
}

static void
thread_main(void *arg, unsigned thread)
{
	(void)arg;
	for (unsigned n = 0; n < plan.calls; n++) {
		unsigned key = (unsigned)schedule_draw(plan.keys);

		do_call(plan.handle[thread], key, (enum call)schedule_draw(CALL_REMOVE + 1));
	}
}

/* What a test asks of its schedules. */
struct wish {
	enum meeting meeting;
	bool failing;
};

static void
one(void *arg)
{
	const struct wish *wish = arg;
	struct seed_hamt_config config = {
		.ops = &meeting_ops[wish->meeting],
		.hash_key = HASH_KEY,
		.reclaim = { .mode = HAZARD_FENCE, .threshold = 1, .frequency = 1, .allocator = schedule_allocator(),
		    .contention = { .policy = CONTENTION_NONE } },
		.contention = { .policy = CONTENTION_NONE, .relax_ps = 1 },
	};
	struct seed_hamt_shape shape;
	struct seed_hamt *map;
	char error[200] = "";

	if (schedule_draw(2) != 0)
		config.reclaim.mode = HAZARD_ASYMMETRIC;
	plan.keys = 2 + (unsigned)schedule_draw(KEYS_MAX - 1);
	plan.calls = 2 + (unsigned)schedule_draw(CALLS_MAX - 1);
	CHECK_EQ(seed_hamt_new(&config, &map), HAMT_OK);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_EQ(seed_hamt_clone(map, NULL, &plan.handle[i]), HAMT_OK);
	for (unsigned key = 0; key < plan.keys; key++)
		if (schedule_draw(2) != 0)
			CHECK_EQ(do_call(map, key, CALL_INSERT), HAMT_OK);
	schedule_fail_one_in(wish->failing ? 6 : 0);
	schedule_run(THREADS, thread_main, NULL);
	schedule_fail_one_in(0);
	if (!seed_hamt_check(map, wish->failing, &shape, error, sizeof(error)))
		schedule_failed("seed_hamt_check: %s", error);
	for (unsigned key = 0; key < plan.keys; key++)
		do_call(map, key, CALL_GET);
	observed_check(plan.keys);
	for (unsigned i = 0; i < THREADS; i++)
		seed_hamt_drop(plan.handle[i]);
	seed_hamt_drop(map);
}

static void
explore_meeting(const char *test, enum meeting meeting, bool failing)
{
	/* The deeper the keys meet, the longer a schedule takes; shallow ones contract nothing. */
	static const unsigned schedules[MEETINGS] = { 2000, 2000, 4000, 2000, 8000, 500, 3000 };
	struct wish wish = { meeting, failing };

	explore(test, schedules[meeting] / SCHEDULES_SLOW, one, &wish);
	fprintf(stderr, "# %llu freezes, frozen words read %llu times\n", (unsigned long long)frozen_swung,
	    (unsigned long long)frozen_seen);
}

/* One test for each way to meet, with and without allocations that fail. */
#define MEETING_TESTS(name, meeting)                                           \
	static void                                                            \
	name(void)                                                             \
	{                                                                      \
		explore_meeting(#name, meeting, false);                        \
	}                                                                      \
	static void                                                            \
	name##_while_allocations_fail(void)                                    \
	{                                                                      \
		explore_meeting(#name "_while_allocations_fail", meeting, true); \
	}

MEETING_TESTS(meet_seldom, MEET_SELDOM)
MEETING_TESTS(meet_unseeded, MEET_UNSEEDED)
MEETING_TESTS(meet_pairs, MEET_PAIRS)
MEETING_TESTS(meet_pairs_at_first, MEET_PAIRS_AT_FIRST)
MEETING_TESTS(meet_prefix, MEET_PREFIX)
MEETING_TESTS(meet_last_round, MEET_LAST_ROUND)
MEETING_TESTS(meet_constant, MEET_CONSTANT)

/* Keys of one prefix contract all the time: else the others would have looked at nothing. */
static void
cells_freeze(void)
{
	struct wish wish = { MEET_PREFIX, false };

	explore(__func__, 1000 / SCHEDULES_SLOW, one, &wish);
	CHECK(frozen_swung > 100 / SCHEDULES_SLOW || getenv("SCHEDULE") != NULL);
	CHECK(frozen_seen > 500 / SCHEDULES_SLOW || getenv("SCHEDULE") != NULL);
}

#define MEETING_TEST(name) TEST(name), TEST(name##_while_allocations_fail)

static const struct test tests[] = {
	MEETING_TEST(meet_seldom),
	MEETING_TEST(meet_unseeded),
	MEETING_TEST(meet_pairs),
	MEETING_TEST(meet_pairs_at_first),
	MEETING_TEST(meet_prefix),
	MEETING_TEST(meet_last_round),
	MEETING_TEST(meet_constant),
	TEST(cells_freeze),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
