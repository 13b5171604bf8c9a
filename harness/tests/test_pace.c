/*
 * test_pace.c - the schedule of an open loop: what is asked for is what is
 * intended, evenly or as a Poisson process, by all threads together.
 */
/* not under tsan: one thread */
#include <math.h>

#include "core/tests/check.h"
#include "harness/pace.h"

/* Even: the threads' starts together lie 1 / rate apart, to the nanosecond. */
static void
even_starts_are_apart_by_the_rate(void)
{
	enum { THREADS = 3, CALLS = 1000 };
	struct pace p[THREADS];

	for (unsigned t = 0; t < THREADS; t++) {
		pace_init(&p[t], PACE_EVEN, 1000, t, THREADS, check_seed);
		pace_start(&p[t], 5000);
	}
	for (uint64_t i = 0; i < CALLS; i++)
		for (unsigned t = 0; t < THREADS; t++) {
			uint64_t wanted_ns = 5000 + (i * THREADS + t) * 1000000, ns = pace_next(&p[t]);

			CHECK(ns >= wanted_ns - 1 && ns <= wanted_ns + 1);
		}
}

/* Poisson: gaps have the mean asked for, and as many are short as an exponential distribution has. */
static void
poisson_gaps_are_exponential(void)
{
	enum { CALLS = 100000 };
	unsigned shorter = 0;
	uint64_t last_ns = 0, all_ns = 0;
	double expected = CALLS * (1 - exp(-1.0));
	struct pace p;

	/* Two threads share 1000 calls a second: 2 ms. */
	pace_init(&p, PACE_POISSON, 1000, 1, 2, check_seed);
	pace_start(&p, 0);
	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t ns = pace_next(&p);

		CHECK(ns >= last_ns);
		shorter += ns - last_ns < 2000000;
		last_ns = ns;
	}
	all_ns = last_ns;
	/* Five standard deviations: of the mean 2 ms / sqrt(n), of the count sqrt(n p (1 - p)). */
	CHECK(fabs((double)all_ns / CALLS - 2e6) < 5 * 2e6 / sqrt(CALLS));
	CHECK(fabs(shorter - expected) < 5 * sqrt(expected * exp(-1.0)));
}

/* The same seed gives a thread the same starts, another thread others. */
static void
starts_repeat_by_seed(void)
{
	struct pace a, b, c;

	pace_init(&a, PACE_POISSON, 1000000, 0, 2, check_seed);
	pace_init(&b, PACE_POISSON, 1000000, 0, 2, check_seed);
	pace_init(&c, PACE_POISSON, 1000000, 1, 2, check_seed);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t ns = pace_next(&a);

		CHECK_EQ(pace_next(&b), ns);
		CHECK(pace_next(&c) != ns);
	}
}

/* A thread that had to wait for others starts over: the wait is no lateness of the map. */
static void
a_new_start_forgets_the_past(void)
{
	struct pace p;

	pace_init(&p, PACE_EVEN, 1000, 0, 1, check_seed);
	pace_start(&p, 0);
	for (unsigned i = 0; i < 10; i++)
		(void)pace_next(&p);
	pace_start(&p, UINT64_C(70000000000));
	CHECK_EQ(pace_next(&p), UINT64_C(70000000000));
	CHECK_EQ(pace_next(&p), UINT64_C(70001000000));
}

static void
init_without_rate(void *arg)
{
	struct pace p;

	(void)arg;
	pace_init(&p, PACE_EVEN, 0, 0, 1, 1);
}

static void
no_rate_is_misuse(void)
{
	CHECK(check_aborts(init_without_rate, NULL, "pace_init: rate must not be 0"));
}

static const struct test tests[] = {
	TEST(even_starts_are_apart_by_the_rate),
	TEST(poisson_gaps_are_exponential),
	TEST(starts_repeat_by_seed),
	TEST(a_new_start_forgets_the_past),
	TEST(no_rate_is_misuse),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
