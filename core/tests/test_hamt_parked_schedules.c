/*
 * test_hamt_parked_schedules.c - that the flagship does not block, step by step: a thread
 * is parked at each point of each operation in turn, at the first, the second, and so on
 * until the operation needs no more, in a map that rests, grows or shrinks; and two
 * others must do a fixed amount of work meanwhile, in a bounded number of steps each. Then it
 * goes on, and everything must add up.
 */
#include "core/base.h"
#include "core/hamt.h"
#include "core/tests/schedules.h"

enum { KEYS = 12, OTHERS = 2, WORK = 14 };

/*
 * The others' work takes at most 11000 points as measured; under eras up to 27670, since each retire looks again
 * at all that the parked thread holds back. What is printed is the figure of each operation.
 */
#define POINTS_MAX 40000u

enum call_kind { PARK_GET, PARK_INSERT, PARK_UPSERT, PARK_REMOVE, PARK_REPLACE, PARK_COMPUTE, PARK_CLEAR, PARK_ITERATE,
	PARK_COUNT, PARK_EXTEND, PARK_GET_MANY, PARK_FLUSH, PARK_CLONE, KINDS };

enum state { STEADY, GROWING, SHRINKING, STATES };

static struct {
	enum call_kind kind;
	struct hamt *map, *handle[1 + OTHERS];
	uint64_t added[1 + OTHERS];  /* inserts that said OK, minus removes that did */
	unsigned finished;           /* others */
	unsigned points, most;       /* of the schedule when the others began; most they took */
} plan;

static enum hamt_action
put_one(void *arg, bool present, uint64_t *value)
{
	bool *was = arg;

	*was = present;
	*value = 1;
	return HAMT_PUT;
}

static void
the_parked(struct hamt *h)
{
	uint64_t keys[KEYS] = { 1, 2, 3 }, got[KEYS] = { 0 }, *added = &plan.added[0], old, removed = 0;
	bool found[KEYS], present = false;
	struct hamt_cursor cursor = { 0 };
	struct hamt *clone;

	switch (plan.kind) {
	case PARK_GET:
		(void)!hamt_get(h, 1, &old);
		break;
	case PARK_INSERT:
		*added += hamt_insert(h, 100, 1) == HAMT_OK;
		break;
	case PARK_UPSERT:
		*added += hamt_upsert(h, 1, 1, &old) == HAMT_OK;
		break;
	case PARK_REMOVE:
		*added -= hamt_remove(h, 1, &old) == HAMT_OK;
		break;
	case PARK_REPLACE:
		(void)!hamt_replace(h, 1, 1, 2);
		break;
	case PARK_COMPUTE:
		if (hamt_compute(h, 1, put_one, &present) != HAMT_NOMEM)
			*added += !present;
		break;
	case PARK_CLEAR:
		(void)!hamt_clear(h, &removed);
		*added -= removed;
		break;
	case PARK_ITERATE:
		while (hamt_iterate(h, &cursor, keys, got, 2) > 0)
			continue;
		break;
	case PARK_COUNT:
		(void)hamt_count(h);
		break;
	case PARK_EXTEND:
		/* Upserts, of keys that nobody else has. */
		keys[0] = 100, keys[1] = 101, keys[2] = 102;
		(void)!hamt_extend(h, keys, got, 3, NULL);
		*added += 3;
		break;
	case PARK_GET_MANY:
		(void)hamt_get_many(h, keys, got, found, 3);
		break;
	case PARK_FLUSH:
		hamt_flush(h);
		break;
	case PARK_CLONE:
	case KINDS:
		if (hamt_clone(h, &clone) == HAMT_OK) {
			*added += hamt_insert(clone, 100, 1) == HAMT_OK;
			hamt_drop(clone);
		}
		break;
	}
}

/* A fixed amount of work on the same keys, and on enough others that directories come and go. */
static void
an_other(struct hamt *h, unsigned thread)
{
	uint64_t value;

	for (unsigned i = 0; i < WORK; i++) {
		uint64_t key = (i * (thread + 1)) % KEYS;

		plan.added[thread] += hamt_insert(h, key, 1) == HAMT_OK;
		(void)!hamt_get(h, key, &value);
		if (i % 3 != 0)
			plan.added[thread] -= hamt_remove(h, key, &value) == HAMT_OK;
		else if (hamt_upsert(h, key, 2, NULL) == HAMT_OK)
			plan.added[thread]++;
	}
	plan.finished++;
}

static void
body(void *arg, unsigned thread)
{
	(void)arg;
	if (thread == 0) {
		the_parked(plan.handle[0]);
		return;
	}
	an_other(plan.handle[thread], thread);
	if (plan.finished == OTHERS && schedule_was_parked()) {
		unsigned took = schedule_points() - plan.points;

		if (took > plan.most)
			plan.most = took;
		if (took > POINTS_MAX)
			schedule_failed("two threads took %u points for %u operations each while the third stood still", took,
			    3 * WORK);
	}
}

/* Some keys, and a directory in the state that is wanted. */
static void
make_map(enum state state)
{
	struct hamt_config config = { .min_bits = 1, .hash_key = 7, .reclaim = { .threshold = 1, .frequency = 1,
		.allocator = schedule_allocator() } };
	struct hamt_shape shape = { .resizing = false };
	char error[200];
	uint64_t key = 0;

	if (hamt_new(&config, &plan.map) != HAMT_OK)
		schedule_failed("no map");
	for (; key < 4 || (state != STEADY && key < 60); key++) {
		if (state == GROWING && hamt_check(plan.map, &shape, error, sizeof(error)) && shape.resizing)
			break;
		plan.added[0] += hamt_insert(plan.map, key, 1) == HAMT_OK;
	}
	while (state == SHRINKING && hamt_check(plan.map, &shape, error, sizeof(error)) && !shape.resizing && key > 1) {
		plan.added[0] -= hamt_remove(plan.map, --key, NULL) == HAMT_OK;
	}
	if (state != STEADY && !shape.resizing)
		schedule_failed("the map is not being resized");
	for (unsigned i = 0; i <= OTHERS; i++)
		if (hamt_clone(plan.map, &plan.handle[i]) != HAMT_OK)
			schedule_failed("no handle");
}

/* True: the operation got as far as point number at. */
static bool
one(enum state state, unsigned at)
{
	struct hamt_shape shape;
	char error[200];
	uint64_t added = 0;

	memset(plan.added, 0, sizeof(plan.added));
	plan.finished = 0;
	make_map(state);
	plan.points = schedule_points();
	schedule_park(0, at);
	schedule_run(1 + OTHERS, body, NULL);
	for (unsigned i = 0; i <= OTHERS; i++) {
		added += plan.added[i];
		hamt_drop(plan.handle[i]);
	}
	if (!hamt_check(plan.map, &shape, error, sizeof(error)))
		schedule_failed("hamt_check: %s", error);
	if (shape.keys != added)
		schedule_failed("%llu keys, but %llu were added", (unsigned long long)shape.keys, (unsigned long long)added);
	hamt_drop(plan.map);
	return schedule_was_parked();
}

/* Every point of the operation; how the others and what came before are mixed is the seed's. */
static void
parked_everywhere(enum call_kind kind)
{
	struct schedule_config config = { .strategy = SCHEDULE_RANDOM, .schedules = 1, .trace = getenv("SCHEDULE_TRACE") != NULL };
	unsigned schedules = 0, deepest = 0;

	plan.kind = kind;
	plan.most = 0;
	for (enum state state = 0; state < STATES; state++)
		/* First as it is alone, then with the others in between. */
		for (unsigned mixed = 0; mixed < 2; mixed++) {
			bool parked = true;

			/* Every one of the first 10, and of the first 100 where that is quick, then a sample: clear and
			 * clone go on for long. */
			for (unsigned at = 1; parked; at += at < 10 ? 1 : SCHEDULES_SLOW * (1 + at / 100 * 2)) {
				config.one_in = mixed != 0 ? 5 : 1u << 20;
				parked = false;
				/* In a mix the thread may take another way, and a shorter one. */
				for (unsigned turn = 0; turn < 3 && !parked; turn++) {
					schedule_begin(&config, check_seed + at * 3 + turn);
					parked = one(state, at);
					schedule_end();
					schedules++;
				}
				if (at > deepest && parked)
					deepest = at;
			}
		}
	printf("# %u schedules, up to %u points of the parked operation, the others' took %u at most\n", schedules, deepest,
	    plan.most);
	CHECK(deepest >= 2);
}

#define PARK_TEST(name, kind) \
static void \
name(void) \
{ \
	parked_everywhere(kind); \
}

PARK_TEST(inside_get, PARK_GET)
PARK_TEST(inside_insert, PARK_INSERT)
PARK_TEST(inside_upsert, PARK_UPSERT)
PARK_TEST(inside_remove, PARK_REMOVE)
PARK_TEST(inside_replace, PARK_REPLACE)
PARK_TEST(inside_compute, PARK_COMPUTE)
PARK_TEST(inside_clear, PARK_CLEAR)
PARK_TEST(inside_iterate, PARK_ITERATE)
PARK_TEST(inside_count, PARK_COUNT)
PARK_TEST(inside_extend, PARK_EXTEND)
PARK_TEST(inside_get_many, PARK_GET_MANY)
PARK_TEST(inside_flush, PARK_FLUSH)
PARK_TEST(inside_clone_and_drop, PARK_CLONE)

/* --- That a map that does block would be found ------------------------- */

static _Atomic(bool) locked;

static void
under_a_lock(void *arg, unsigned thread)
{
	(void)arg;
	(void)thread;
	for (unsigned i = 0; i < WORK; i++) {
		/* acquire and release: a lock, as everybody knows it. */
		while (atomic_exchange_explicit(&locked, true, memory_order_acquire))
			hamt_cpu_relax();
		atomic_store_explicit(&locked, false, memory_order_release);
	}
}

/* Parked at its second point, a thread has the lock, and nobody else comes to an end. */
static void
a_lock_is_found_to_block(void)
{
	struct schedule_config config = { .strategy = SCHEDULE_RANDOM, .schedules = 1, .one_in = 1u << 20 };
	int status = -1;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(9);
		for (uint64_t seed = 1; seed <= 20; seed++) {
			schedule_begin(&config, seed);
			schedule_park(0, 2);
			schedule_run(1 + OTHERS, under_a_lock, NULL);
			schedule_end();
		}
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 1);
}

static const struct test tests[] = {
	TEST(a_lock_is_found_to_block),
	TEST(inside_get),
	TEST(inside_insert),
	TEST(inside_upsert),
	TEST(inside_remove),
	TEST(inside_replace),
	TEST(inside_compute),
	TEST(inside_clear),
	TEST(inside_iterate),
	TEST(inside_count),
	TEST(inside_extend),
	TEST(inside_get_many),
	TEST(inside_flush),
	TEST(inside_clone_and_drop),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
