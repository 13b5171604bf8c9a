/*
 * test_clock.c - the clock agrees with CLOCK_MONOTONIC, does not run backwards,
 * and says what it is. Each comparison brackets one reading between two of the
 * other clock, so a machine that stops in between only widens the bracket.
 */
/* not under tsan: one thread */
#include "core/tests/check.h"
#include "harness/clock.h"

static uint64_t
monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* agrees - every one of many readings lies within slack_ns of its bracket. */
static void
agrees(const struct clock *c, uint64_t slack_ns)
{
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t before_ns = monotonic_ns(), now_ns = clock_now_ns(c), after_ns = monotonic_ns();

		if (now_ns + slack_ns < before_ns || now_ns > after_ns + slack_ns) {
			fprintf(stderr, "# reading %u of %s: %lld ns from the bracket's begin, %lld from its end\n", i,
			    clock_name(c), (long long)(now_ns - before_ns), (long long)(now_ns - after_ns));
			CHECK(!"within the bracket");
		}
	}
}

static void
agrees_with_monotonic_at_init(void)
{
	struct clock c;

	unsetenv("HAMTBENCH_CLOCK");
	CHECK(clock_init(&c));
	agrees(&c, 1000);
}

/* After a while the two may differ by the stated uncertainty, and by the 500 ppm that adjtime(2) may slew. */
static void
drifts_no_faster_than_stated(void)
{
	const struct timespec span = { .tv_nsec = 200000000 };
	uint64_t begin_ns, spent_ns;
	struct clock c;

	CHECK(clock_init(&c));
	CHECK(c.uncertainty_ppm >= 0);
	begin_ns = monotonic_ns();
	nanosleep(&span, NULL);
	agrees(&c, 1000 + (uint64_t)((double)(monotonic_ns() - begin_ns) * (c.uncertainty_ppm + 500) * 1e-6));
	spent_ns = clock_now_ns(&c) - begin_ns;
	CHECK(spent_ns >= 199000000);
}

static void
never_runs_backwards(void)
{
	uint64_t last_ns;
	struct clock c;

	CHECK(clock_init(&c));
	last_ns = clock_now_ns(&c);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t now_ns = clock_now_ns(&c);

		CHECK(now_ns >= last_ns);
		last_ns = now_ns;
	}
}

static void
monotonic_can_be_forced(void)
{
	struct clock c;

	setenv("HAMTBENCH_CLOCK", "monotonic", 1);
	CHECK(clock_init(&c));
	CHECK(!c.tsc);
	CHECK(strcmp(clock_name(&c), "monotonic") == 0);
	CHECK(strstr(c.note, "HAMTBENCH_CLOCK") != NULL);
	/* The same clock: no slack at all. */
	agrees(&c, 0);
}

/* tsc is either given or refused with the reason, and then the clock works all the same. */
static void
tsc_is_given_or_refused(void)
{
	struct clock c, own;
	bool forced;

	unsetenv("HAMTBENCH_CLOCK");
	CHECK(clock_init(&own));
	setenv("HAMTBENCH_CLOCK", "tsc", 1);
	forced = clock_init(&c);
	CHECK(forced == c.tsc);
	CHECK(forced == own.tsc);
	CHECK(strcmp(clock_name(&c), forced ? "tsc" : "monotonic") == 0);
	CHECK(forced || strncmp(c.note, "HAMTBENCH_CLOCK=tsc: ", 21) == 0);
	agrees(&c, forced ? 1000 : 0);
}

static void
unknown_name_is_refused(void)
{
	struct clock c;

	setenv("HAMTBENCH_CLOCK", "sundial", 1);
	CHECK(!clock_init(&c));
	CHECK(!c.tsc);
	CHECK(strcmp(c.note, "HAMTBENCH_CLOCK=sundial: there are tsc and monotonic") == 0);
	agrees(&c, 0);
}

/* A reading costs something, and less than a call into a sleeping kernel. */
static void
cost_is_plausible(void)
{
	struct clock c;

	unsetenv("HAMTBENCH_CLOCK");
	CHECK(clock_init(&c));
	CHECK(clock_cost_ns(&c) > 0.5);
	CHECK(clock_cost_ns(&c) < 100000);
	CHECK(c.note[0] != '\0' && strchr(c.note, '\n') == NULL);
}

/* The arithmetic by itself, for a counter's whole range: 2^62 ticks at 1/2 ns, beyond 64 bits on the way. */
static void
long_spans_do_not_overflow(void)
{
#ifdef __x86_64__
	struct clock c = { .tsc = true, .mult = UINT64_C(1) << 31, .shift = 32 };
	uint64_t ticks = __builtin_ia32_rdtsc(), ns;

	c.origin_ticks = ticks - (UINT64_C(1) << 62);
	ns = clock_now_ns(&c);
	CHECK(ns >= UINT64_C(1) << 61);
	CHECK(ns < (UINT64_C(1) << 61) + (UINT64_C(1) << 42));
#else
	CHECK_SKIP("no time stamp counter");
#endif
}

static const struct test tests[] = {
	TEST(agrees_with_monotonic_at_init),
	TEST(drifts_no_faster_than_stated),
	TEST(never_runs_backwards),
	TEST(monotonic_can_be_forced),
	TEST(tsc_is_given_or_refused),
	TEST(unknown_name_is_refused),
	TEST(cost_is_plausible),
	TEST(long_spans_do_not_overflow),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
