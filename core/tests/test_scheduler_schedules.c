/*
 * test_scheduler_schedules.c - can the scheduler be believed? It finds what is
 * there: reorderings that x86 does, bad uses of memory, loops without an end, and both
 * mistakes that hazard pointers are famous for. It does not find what is not: reorderings
 * that x86 does not do. And the same seed does the same again.
 */
#include <ctype.h>

#include "core/base.h"
#include "core/hazard.h"
#include "core/tests/schedules.h"

/* --- Litmus tests ------------------------------------------------------- */

static struct litmus {
	memory_order store;
	bool barrier;             /* thread 1: hamt_heavy_barrier() between its store and its load */
	_Atomic(uint64_t) x, y;
	uint64_t saw[2];
	unsigned both, outcomes[4]; /* by saw[0] + 2 * saw[1] */
} litmus;

/* Store buffering: each stores to one word and loads the other. */
static void
store_buffering(void *arg, unsigned thread)
{
	_Atomic(uint64_t) *mine = thread == 0 ? &litmus.x : &litmus.y;
	_Atomic(uint64_t) *other = thread == 0 ? &litmus.y : &litmus.x;

	(void)arg;
	atomic_store_explicit(mine, 1, litmus.store);
	if (litmus.barrier && thread == 1)
		CHECK(hamt_heavy_barrier());
	litmus.saw[thread] = atomic_load_explicit(other, memory_order_seq_cst);
}

/* Message passing: stores are seen in their order, loads are done in theirs. */
static void
message_passing(void *arg, unsigned thread)
{
	(void)arg;
	if (thread == 0) {
		atomic_store_explicit(&litmus.x, 1, memory_order_relaxed);
		atomic_store_explicit(&litmus.y, 1, memory_order_relaxed);
	} else {
		litmus.saw[0] = atomic_load_explicit(&litmus.y, memory_order_relaxed);
		litmus.saw[1] = atomic_load_explicit(&litmus.x, memory_order_relaxed);
	}
}

static void
one_litmus(void *arg)
{
	void (*const body)(void *, unsigned) = *(void (**)(void *, unsigned))arg;

	litmus.x = litmus.y = litmus.saw[0] = litmus.saw[1] = 0;
	schedule_run(2, body, NULL);
	/* Whatever waited in a buffer has drained by now. */
	if (litmus.x != 1 || litmus.y != 1)
		schedule_failed("a store was lost");
	litmus.outcomes[litmus.saw[0] + 2 * litmus.saw[1]]++;
}

static void
run_litmus(const char *test, void (*body)(void *, unsigned))
{
	memset(litmus.outcomes, 0, sizeof(litmus.outcomes));
	explore(test, 1000, one_litmus, &body);
}

static void
relaxed_and_release_stores_are_delayed(void)
{
	litmus.store = memory_order_relaxed;
	run_litmus(__func__, store_buffering);
	CHECK(litmus.outcomes[0] > 10);
	litmus.store = memory_order_release;
	run_litmus(__func__, store_buffering);
	for (unsigned i = 0; i < 4; i++)
		CHECK(litmus.outcomes[i] > 10);
}

static void
seq_cst_stores_are_not(void)
{
	litmus.store = memory_order_seq_cst;
	run_litmus(__func__, store_buffering);
	CHECK_EQ(litmus.outcomes[0], 0);
	for (unsigned i = 1; i < 4; i++)
		CHECK(litmus.outcomes[i] > 10);
}

/* One side's heavy barrier stands for both sides'. */
static void
heavy_barrier_drains_all(void)
{
	litmus.store = memory_order_release;
	litmus.barrier = true;
	run_litmus(__func__, store_buffering);
	CHECK_EQ(litmus.outcomes[0], 0);
	for (unsigned i = 1; i < 4; i++)
		CHECK(litmus.outcomes[i] > 10);
}

static void
stores_stay_in_order(void)
{
	run_litmus(__func__, message_passing);
	CHECK_EQ(litmus.outcomes[1], 0); /* y but not x */
	CHECK(litmus.outcomes[0] > 10 && litmus.outcomes[2] > 10 && litmus.outcomes[3] > 10);
}

/* Own stores are seen at once, and the youngest first. */
static void
own_store_is_seen(void *arg, unsigned thread)
{
	(void)arg;
	for (uint64_t i = 1; i < 50 && thread == 0; i++) {
		atomic_store_explicit(&litmus.x, i, memory_order_relaxed);
		if (atomic_load_explicit(&litmus.x, memory_order_relaxed) != i)
			schedule_failed("a thread does not see its own store");
	}
	if (thread == 0) {
		atomic_store_explicit(&litmus.x, 1, memory_order_relaxed);
		/* A read-modify-write comes behind what was stored before. */
		if (atomic_fetch_sub_explicit(&litmus.x, 1, memory_order_relaxed) != 1)
			schedule_failed("a read-modify-write overtook its own store");
		atomic_store_explicit(&litmus.x, 1, memory_order_relaxed);
	}
	atomic_store_explicit(&litmus.y, 1, memory_order_relaxed);
}

static void
own_stores_are_seen(void)
{
	run_litmus(__func__, own_store_is_seen);
}

/* --- Failures ----------------------------------------------------------- */

static char said[32768]; /* what the last exploration in a child said */

struct exploration {
	unsigned count;
	void (*one)(void *arg);
	void *arg;
};

static void
explore_it(void *arg)
{
	const struct exploration *e = arg;

	explore("test", e->count, e->one, e->arg);
}

/* finds - does exploring one(arg) fail, and say text? */
static bool
finds(unsigned count, void (*one)(void *arg), void *arg, const char *text)
{
	struct exploration e = { count, one, arg };
	int status = check_ends(explore_it, &e, said, sizeof(said));

	if (status != 0 && strstr(said, text) != NULL && strstr(said, "# failed schedule: ") != NULL)
		return true;
	fprintf(stderr, "# wanted \"%s\"; status %#x, said: %s\n", text, (unsigned)status, said);
	return false;
}

enum misdeed { LEAK, FREE_TWICE, FREE_OF_OTHER_SIZE, LOAD_AFTER_FREE, PLAIN_STORE_AFTER_FREE, STORE_DRAINS_AFTER_FREE,
	WAIT_FOREVER, BREAK_INVARIANT };

static struct shared {
	_Atomic(uint64_t) word;
} *shared;
static _Atomic(uint64_t) ready;
static bool shared_freed;

static void
misbehave(void *arg, unsigned thread)
{
	struct hamt_allocator a = schedule_allocator();
	struct shared *mine;

	if (*(enum misdeed *)arg == STORE_DRAINS_AFTER_FREE) {
		/* Seen by its own thread only, then the other frees. */
		if (thread == 0)
			atomic_store_explicit(&shared->word, 7, memory_order_relaxed);
		else if ((shared_freed = atomic_load_explicit(&shared->word, memory_order_relaxed) == 0))
			allocator_free(&a, shared, sizeof(*shared));
		return;
	}
	if (thread != 0)
		return;
	mine = allocator_alloc(&a, sizeof(*mine));
	switch (*(enum misdeed *)arg) {
	case LEAK:
		return;
	case FREE_TWICE:
		allocator_free(&a, mine, sizeof(*mine));
		a.free(a.state, mine, sizeof(*mine));
		return;
	case FREE_OF_OTHER_SIZE:
		a.free(a.state, mine, sizeof(*mine) - 1);
		return;
	case LOAD_AFTER_FREE:
		allocator_free(&a, mine, sizeof(*mine));
		(void)atomic_load_explicit(&mine->word, memory_order_relaxed);
		return;
	case PLAIN_STORE_AFTER_FREE:
		allocator_free(&a, mine, sizeof(*mine));
		*(volatile unsigned char *)mine = 1;
		return;
	case WAIT_FOREVER:
		while (atomic_load_explicit(&ready, memory_order_relaxed) == 0)
			hamt_cpu_relax();
		return;
	default:
		invariant(mine == NULL);
	}
}

static void
one_misdeed(void *arg)
{
	struct hamt_allocator a = schedule_allocator();

	shared = NULL;
	shared_freed = false;
	if (*(enum misdeed *)arg == STORE_DRAINS_AFTER_FREE) {
		shared = allocator_alloc(&a, sizeof(*shared));
		atomic_init(&shared->word, 0);
	}
	schedule_run(2, misbehave, arg);
	if (shared != NULL && !shared_freed)
		allocator_free(&a, shared, sizeof(*shared));
}

static void
misdeeds_are_found(void)
{
	static const char *const says[] = {
		[LEAK] = "1 blocks were never freed",
		[FREE_TWICE] = "double free: 8 bytes",
		[FREE_OF_OTHER_SIZE] = "free of 7 bytes, of which 8 were allocated",
		[LOAD_AFTER_FREE] = "load after free at core/tests/test_scheduler_schedules.c:",
#ifdef __SANITIZE_ADDRESS__
		[PLAIN_STORE_AFTER_FREE] = "AddressSanitizer: use-after-poison",
#else
		[PLAIN_STORE_AFTER_FREE] = "byte 0 of 8 was written after thread 0 freed it",
#endif
		[STORE_DRAINS_AFTER_FREE] = "a buffered store drained after free",
		[WAIT_FOREVER] = "no end after 200000 points",
		[BREAK_INVARIANT] = "invariant broken: mine == NULL",
	};

	for (enum misdeed m = LEAK; m <= BREAK_INVARIANT; m++)
		CHECK(finds(1000, one_misdeed, &m, says[m]));
}

/* --- Planted bugs ------------------------------------------------------- */

static struct {
	struct hazard_domain *domain;
	_Atomic(void *) link;
} hazard;

static void
destroy(void *object, size_t bytes, void *state)
{
	allocator_free(state, object, bytes);
}

/* The smallest thing that needs hazard pointers: one reads what the other replaces. */
static void
read_and_replace(void *arg, unsigned thread)
{
	void *state = (void *)(uintptr_t)hazard_domain_allocator(hazard.domain);
	struct hazard_record *r;
	uint64_t *object;

	(void)arg;
	CHECK_EQ(hazard_attach(hazard.domain, NULL, &r), HAZARD_OK);
	for (unsigned i = 0; i < 2; i++)
		if (thread == 0) {
			object = hazard_protect(r, 0, &hazard.link);
			if (*(volatile uint64_t *)object != 42)
				schedule_failed("what was protected was freed");
			hazard_clear(r, 0);
		} else {
			object = allocator_alloc(hazard_domain_allocator(hazard.domain), sizeof(*object));
			*object = 42;
			CHECK(hazard_reserve(r, 1));
			/* seq_cst: the unlink HP(3). */
			object = atomic_exchange_explicit(&hazard.link, object, memory_order_seq_cst);
			hazard_retire(r, object, sizeof(*object), destroy, state);
		}
	hazard_leave(r);
}

static void
one_read_and_replace(void *arg)
{
	struct hazard_config config = { .mode = *(enum hazard_mode *)arg, .threshold = 1,
		.allocator = schedule_allocator(), .contention = { .policy = CONTENTION_NONE, .relax_ps = 1 } };
	uint64_t *object;

	CHECK_EQ(hazard_domain_new(&config, &hazard.domain), HAZARD_OK);
	hazard.link = object = allocator_alloc(&config.allocator, sizeof(*object));
	*object = 42;
	schedule_run(2, read_and_replace, NULL);
	allocator_free(&config.allocator, hazard.link, sizeof(*object));
	hazard_domain_drop(hazard.domain);
}

/* The bug is found, usually within 200 schedules; the same code without it is not accused in three times as many. */
static void
plant(enum mutant planted, enum hazard_mode mode)
{
	explore(__func__, 3000, one_read_and_replace, &mode);
	mutant_chosen = planted;
	CHECK(finds(1000, one_read_and_replace, &mode, ""));
	mutant_chosen = MUTANT_NONE;
	fprintf(stderr, "%s", strstr(said, "# failed schedule"));
}

static void
missing_validation_is_found(void)
{
	plant(MUTANT_HAZARD_NOT_VALIDATED, HAZARD_FENCE);
	plant(MUTANT_HAZARD_NOT_VALIDATED, HAZARD_ASYMMETRIC);
}

static void
missing_barrier_is_found(void)
{
	plant(MUTANT_HAZARD_NOT_FENCED, HAZARD_FENCE);
}

/* --- The same again ------------------------------------------------------ */

static void
explore_as_told(void *arg)
{
	enum hazard_mode mode = HAZARD_FENCE;

	setenv("SCHEDULE", arg, 1);
	setenv("SCHEDULE_TRACE", "1", 1);
	explore("test", 1, one_read_and_replace, &mode);
}

/* What a failed schedule prints does it again, in the same steps: only addresses differ. */
static void
failures_can_be_done_again(void)
{
	enum hazard_mode mode = HAZARD_FENCE;
	char schedule[100], first[sizeof(said)];

	mutant_chosen = MUTANT_HAZARD_NOT_FENCED;
	CHECK(finds(1000, one_read_and_replace, &mode, ""));
	CHECK(sscanf(strstr(said, "# failed schedule: "), "# failed schedule: %99s", schedule) == 1);
	CHECK(check_ends(explore_as_told, schedule, said, sizeof(said)) != 0);
	CHECK(strstr(said, "T1") != NULL && strstr(said, "core/hazard.h:") != NULL);
	CHECK(strstr(said, "# trace") != NULL);
	memcpy(first, said, sizeof(said));
	CHECK(check_ends(explore_as_told, schedule, said, sizeof(said)) != 0);
	CHECK(strstr(said, "# trace") != NULL);
	/* Addresses are long numbers; everything else is the same. */
	for (char *a = strstr(first, "# trace"), *b = strstr(said, "# trace"); *a != '\0' || *b != '\0'; a++, b++) {
		if (strncmp(a, "0x7", 3) == 0 && strncmp(b, "0x7", 3) == 0)
			for (; isxdigit((unsigned char)a[2]) && isxdigit((unsigned char)b[2]); a++, b++)
				continue;
		CHECK_EQ(*a, *b);
	}
}

/* --- The text of a schedule ----------------------------------------------- */

static void
schedules_are_parsed(void)
{
	static const char *const bad[] = { "", "fifo:seed=1", "pct:depth=0", "pct:depth=17", "pct:depth",
		"pct:depth=", "pct:depth=3x", "pct:one_in=4", "random:depth=3", "random:one_in=0", "pct:schedules=0",
		"pct:seed=-1", "pct:seed=99999999999999999999", "pct:seed=1,", "pct:seed=1,,depth=3", "pct:points=200001" };
	struct schedule_config c = { .depth = 3, .one_in = 4, .schedules = 1 };
	char text[100], error[200];

	CHECK(schedule_parse("pct:depth=5,seed=42,schedules=7", &c, error, sizeof(error)));
	CHECK(c.strategy == SCHEDULE_PCT && c.depth == 5 && c.seed == 42 && c.schedules == 7);
	schedule_format(&c, 43, text, sizeof(text));
	CHECK(strcmp(text, "pct:depth=5,seed=43") == 0);
	CHECK(schedule_parse("random:one_in=12", &c, error, sizeof(error)));
	CHECK(c.strategy == SCHEDULE_RANDOM && c.one_in == 12 && c.seed == 42);
	schedule_format(&c, 42, text, sizeof(text));
	CHECK(strcmp(text, "random:one_in=12,seed=42") == 0);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct schedule_config before = c;

		error[0] = '\0';
		if (schedule_parse(bad[i], &c, error, sizeof(error)))
			fprintf(stderr, "# accepted: %s\n", bad[i]);
		CHECK(error[0] != '\0' && strchr(error, '\n') == NULL);
		CHECK(memcmp(&before, &c, sizeof(c)) == 0);
	}
}

static const struct test tests[] = {
	TEST(relaxed_and_release_stores_are_delayed),
	TEST(seq_cst_stores_are_not),
	TEST(heavy_barrier_drains_all),
	TEST(stores_stay_in_order),
	TEST(own_stores_are_seen),
	TEST(misdeeds_are_found),
	TEST(missing_validation_is_found),
	TEST(missing_barrier_is_found),
	TEST(failures_can_be_done_again),
	TEST(schedules_are_parsed),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
