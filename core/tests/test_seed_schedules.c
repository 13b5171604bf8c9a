/*
 * test_seed_schedules.c - the seed's trie under thousands of chosen schedules.
 *
 * Threads of one processor meet in the wrong place once in a million times;
 * here they do so all the time. The trie is compiled with a switching point before and
 * after every access to a word. Three fibers run a few operations each on a
 * few keys that meet; a seeded scheduler decides at every point who goes
 * on, and lets one rest for long now and then. Retired nodes are freed as
 * soon as nothing announces them; freed memory is poisoned and not used again
 * before the run is over, so a late access finds poison.
 *
 * Each run is judged by what its callers saw: for every key (keys are
 * independent) some order of the operations, compatible with their times, must
 * explain all answers (Wing and Gong 1993, Testing and Verifying Concurrent Objects).
 * All runs follow from the seed. One memory order, the strongest, is all that is
 * tried here: for the others see the table in seed_hamt.c and ThreadSanitizer.
 */
#include <ucontext.h>

#include "core/tests/seed_fixture.h"

/* --- Fibers ----------------------------------------------------------- */

enum { FIBERS = 3, STACK_BYTES = 128 * 1024 };

static struct fiber {
	ucontext_t context;
	char *stack;
	bool done;
	unsigned rests; /* switching points until it may go on */
} fibers[FIBERS];

static ucontext_t outside;
static int running = -1;       /* -1: outside; nobody else is there to switch to */
static struct random schedule;
static unsigned switch_one_in; /* at how many of the switching points */
static uint64_t ticks;         /* the clock: switching points so far */

/* pick - who goes on: one of those that do not rest; any, if all do; -1 if all are done. */
static int
pick(void)
{
	int able[FIBERS], resting[FIBERS];
	unsigned ables = 0, restings = 0;

	for (int i = 0; i < FIBERS; i++)
		if (!fibers[i].done) {
			if (fibers[i].rests == 0)
				able[ables++] = i;
			else
				resting[restings++] = i;
		}
	if (ables > 0)
		return able[random_below(&schedule, ables)];
	return restings > 0 ? resting[random_below(&schedule, restings)] : -1;
}

/* Go on with another fiber, or outside if all are done. */
static void
switch_from(ucontext_t *from)
{
	int next = pick(), last = running;

	if (next == last)
		return;
	running = next;
	CHECK(swapcontext(from, next >= 0 ? &fibers[next].context : &outside) == 0);
}

static void
switching_point(void)
{
	ticks++;
	if (running < 0)
		return;
	for (unsigned i = 0; i < FIBERS; i++)
		fibers[i].rests -= fibers[i].rests > 0;
	if (random_below(&schedule, switch_one_in) != 0)
		return;
	if (random_below(&schedule, 8) == 0)
		fibers[running].rests = (unsigned)random_below(&schedule, 1000);
	switch_from(&fibers[running].context);
}

static void fiber_main(int number);

static void
fiber_start(struct fiber *f, int number)
{
	CHECK(getcontext(&f->context) == 0);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK_BYTES;
	f->context.uc_link = NULL;
	f->done = false;
	f->rests = 0;
	/* makecontext() passes int arguments, whatever the prototype it is given. */
	makecontext(&f->context, (void (*)(void))fiber_main, 1, number);
}

static void
run_fibers(void)
{
	for (int i = 0; i < FIBERS; i++)
		fiber_start(&fibers[i], i);
	switch_from(&outside);
}

/* --- The trie, with switching points ---------------------------------- */

static uint64_t frozen_seen, frozen_swung;
#define POISONED_WORD ((uintptr_t)UINT64_C(0xdbdbdbdbdbdbdbdb))

static uintptr_t
load_with_points(const _Atomic(uintptr_t) *word, memory_order order)
{
	uintptr_t value;

	switching_point();
	value = atomic_load_explicit(word, order);
	CHECK(value != POISONED_WORD); /* of a cell that was freed */
	frozen_seen += running >= 0 && value & 1;
	switching_point();
	return value;
}

static bool
cas_with_points(_Atomic(uintptr_t) *word, uintptr_t *expected, uintptr_t desired, memory_order success,
    memory_order failure)
{
	bool done;

	switching_point();
	CHECK(atomic_load_explicit(word, memory_order_relaxed) != POISONED_WORD);
	done = atomic_compare_exchange_strong_explicit(word, expected, desired, success, failure);
	frozen_swung += done && desired & 1;
	switching_point();
	return done;
}

#undef atomic_load_explicit
#define atomic_load_explicit(word, order) load_with_points(word, order)
#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(word, expected, desired, success, failure)  \
	cas_with_points(word, expected, desired, success, failure)
/* Names of the fixture that the trie has for itself. */
#define map_new trie_map_new
#include "core/seed_hamt.c"
#undef map_new

/* --- Memory that is not used again ------------------------------------ */

enum { BLOCKS_MAX = 8192 };

static struct block {
	unsigned char *memory;
	size_t bytes;
	bool freed;
} block[BLOCKS_MAX];
static unsigned blocks, blocks_alive;
static struct random failures;
static unsigned fail_one_in; /* 0: none fails */

static void *
keep_alloc(void *state, size_t bytes)
{
	struct block *b = &block[blocks];

	(void)state;
	if (fail_one_in != 0 && random_below(&failures, fail_one_in) == 0)
		return NULL;
	CHECK(blocks < BLOCKS_MAX);
	*b = (struct block){ .memory = malloc(bytes), .bytes = bytes };
	CHECK(b->memory != NULL);
	blocks++;
	blocks_alive++;
	return b->memory;
}

static void
keep_free(void *state, void *memory, size_t bytes)
{
	unsigned i = blocks;

	(void)state;
	while (i > 0 && block[i - 1].memory != memory)
		i--;
	CHECK(i > 0);
	CHECK(!block[i - 1].freed);
	CHECK_EQ(block[i - 1].bytes, bytes);
	block[i - 1].freed = true;
	blocks_alive--;
	memset(memory, 0xdb, bytes);
}

/* The run is over: all is freed, and nobody wrote to it afterwards. */
static void
keep_end(void)
{
	CHECK_EQ(blocks_alive, 0);
	for (unsigned i = 0; i < blocks; i++) {
		for (size_t at = 0; at < block[i].bytes; at++)
			CHECK_EQ(block[i].memory[at], 0xdb);
		free(block[i].memory);
	}
	blocks = 0;
}

/* --- What the callers saw --------------------------------------------- */

enum call { CALL_GET, CALL_INSERT, CALL_UPSERT, CALL_REMOVE };

enum { KEYS_MAX = 6, CALLS_MAX = 6, EVENTS_MAX = FIBERS * CALLS_MAX + 2 };

/* One operation on one key. value 0 means none: absent. */
struct event {
	enum call call;
	enum hamt_status status;
	uint64_t put, seen; /* what it stored, and what it found or replaced */
	uint64_t began, ended;
};

static struct event event[KEYS_MAX][EVENTS_MAX];
static unsigned events[KEYS_MAX];
static unsigned keys, calls;
static uint64_t values;
static struct seed_hamt *handle[FIBERS];

static enum hamt_status
do_call(struct seed_hamt *map, uint64_t key, enum call call)
{
	struct event e = { .call = call, .put = ++values, .began = ++ticks };

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
	case CALL_REMOVE:
		e.status = erase(map, key, &e.seen);
		break;
	}
	/* An old value is copied before the CAS: without success it is rubbish. */
	if (e.status == HAMT_NOMEM || e.status == HAMT_ABSENT)
		e.seen = 0;
	e.ended = ++ticks;
	/* Free at once what only this operation kept: its announcements stay
	 * otherwise until the next overwrites them. */
	for (unsigned slot = 0; slot < SLOTS; slot++)
		reclaim_clear(map->record, slot);
	reclaim_scan(map->record);
	CHECK(events[key] < EVENTS_MAX);
	event[key][events[key]++] = e;
	return e.status;
}

static void
fiber_main(int number)
{
	struct random random = random_start(schedule.seed + (uint64_t)number);

	for (unsigned n = 0; n < calls; n++)
		do_call(handle[number], random_below(&random, keys), (enum call)random_below(&random, 4));
	fibers[number].done = true;
	switch_from(&fibers[number].context);
}

/* apply - may the event happen now? Then *value becomes what it leaves. */
static bool
apply(const struct event *e, uint64_t *value)
{
	bool there = *value != 0;

	if (e->status == HAMT_NOMEM)
		return true;
	switch (e->call) {
	case CALL_GET:
		return e->status == (there ? HAMT_OK : HAMT_ABSENT) && e->seen == *value;
	case CALL_INSERT:
		if (e->status != (there ? HAMT_EXISTS : HAMT_OK))
			return false;
		*value = there ? *value : e->put;
		return true;
	case CALL_UPSERT:
		if (e->status != (there ? HAMT_EXISTS : HAMT_OK) || (there && e->seen != *value))
			return false;
		*value = e->put;
		return true;
	case CALL_REMOVE:
		if (e->status != (there ? HAMT_OK : HAMT_ABSENT) || (there && e->seen != *value))
			return false;
		*value = 0;
		return true;
	}
	return false;
}

/* explained - is there an order of the events not yet in `done` that explains them all? */
static bool
explained(const struct event *e, unsigned count, uint32_t done, uint64_t value)
{
	uint64_t first_end = UINT64_MAX;

	if (done == (UINT32_C(1) << count) - 1)
		return true;
	for (unsigned i = 0; i < count; i++)
		if (!(done >> i & 1) && e[i].ended < first_end)
			first_end = e[i].ended;
	for (unsigned i = 0; i < count; i++) {
		uint64_t after = value;

		/* Nobody that began after another's end may come before it. */
		if (done >> i & 1 || e[i].began > first_end || !apply(&e[i], &after))
			continue;
		if (explained(e, count, done | UINT32_C(1) << i, after))
			return true;
	}
	return false;
}

static void
print_history(unsigned key)
{
	static const char *const names[] = { "get", "insert", "upsert", "remove" };

	for (unsigned i = 0; i < events[key]; i++) {
		const struct event *e = &event[key][i];

		fprintf(stderr, "# key %u: %5llu .. %5llu %s put %llu: status %d, saw %llu\n", key,
		    (unsigned long long)e->began, (unsigned long long)e->ended, names[e->call],
		    (unsigned long long)e->put, (int)e->status, (unsigned long long)e->seen);
	}
}

/* --- Runs ------------------------------------------------------------- */

static void
one_run(enum meeting meeting, unsigned number, bool failing)
{
	static const unsigned one_in[] = { 1, 2, 4, 12, 40 };
	struct seed_hamt_config config = {
		.ops = &meeting_ops[meeting],
		.hash_key = HASH_KEY,
		.reclaim = { .mode = HAZARD_FENCE, .threshold = 1,
		    .contention = { .policy = CONTENTION_NONE },
		    .allocator = { .alloc = keep_alloc, .free = keep_free } },
		.contention = { .policy = CONTENTION_NONE, .relax_ps = 1 },
	};
	struct seed_hamt_shape shape;
	struct seed_hamt *map;
	char error[200] = "";
	bool sound;

	schedule = random_start(hash_u64(number, (uint64_t)meeting));
	failures = random_start(schedule.seed ^ 1);
	fail_one_in = 0;
	ticks = values = 0;
	memset(events, 0, sizeof(events));
	keys = 2 + (unsigned)random_below(&schedule, KEYS_MAX - 1);
	calls = 2 + (unsigned)random_below(&schedule, CALLS_MAX - 1);
	switch_one_in = one_in[random_below(&schedule, sizeof(one_in) / sizeof(one_in[0]))];
	CHECK_EQ(seed_hamt_new(&config, &map), HAMT_OK);
	for (unsigned i = 0; i < FIBERS; i++)
		CHECK_EQ(seed_hamt_clone(map, NULL, &handle[i]), HAMT_OK);
	for (uint64_t key = 0; key < keys; key++)
		if (random_below(&schedule, 2))
			CHECK_EQ(do_call(map, key, CALL_INSERT), HAMT_OK);
	fail_one_in = failing ? 6 : 0;
	run_fibers();
	fail_one_in = 0;
	sound = seed_hamt_check(map, failing, &shape, error, sizeof(error));
	for (uint64_t key = 0; key < keys; key++)
		do_call(map, key, CALL_GET);
	for (unsigned key = 0; key < keys; key++)
		if (!explained(event[key], events[key], 0, 0)) {
			print_history(key);
			fprintf(stderr, "# run %u, meeting %d\n", number, (int)meeting);
			CHECK(!"some order explains what was seen");
		}
	if (!sound)
		fprintf(stderr, "# run %u, meeting %d: %s\n", number, (int)meeting, error);
	CHECK(sound);
	for (unsigned i = 0; i < FIBERS; i++)
		seed_hamt_drop(handle[i]);
	seed_hamt_drop(map);
	keep_end();
}

/* The runs of a test: all from one seed, each different. */
static void
explore(bool failing)
{
	/* The deeper the keys meet, the longer a run takes; shallow ones contract nothing. */
	static const unsigned runs[MEETINGS] = { 2000, 2000, 4000, 2000, 8000, 500, 3000 };

	for (int i = 0; i < FIBERS; i++) {
		fibers[i].stack = malloc(STACK_BYTES);
		CHECK(fibers[i].stack != NULL);
	}
	for (enum meeting m = 0; m < MEETINGS; m++)
		for (unsigned number = 0; number < runs[m] / SLOW; number++)
			one_run(m, number, failing);
	for (int i = 0; i < FIBERS; i++)
		free(fibers[i].stack);
	fprintf(stderr, "# %llu freezes, frozen words read %llu times\n", (unsigned long long)frozen_swung,
	    (unsigned long long)frozen_seen);
	/* Else this test would have looked at nothing. */
	CHECK(frozen_swung > 1000 / SLOW);
	CHECK(frozen_seen > 5000 / SLOW);
}

static void
every_schedule_is_explained(void)
{
	explore(false);
}

static void
every_schedule_with_failing_allocations_is_explained(void)
{
	explore(true);
}

static const struct test tests[] = {
	TEST(every_schedule_is_explained),
	TEST(every_schedule_with_failing_allocations_is_explained),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
