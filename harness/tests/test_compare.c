/*
 * test_compare.c - a planted slowdown is found, and a map held against itself
 * is not accused: both over many repetitions, with noise that has a long tail as
 * a real machine's has. Seeds are fixed; the figures are not times.
 */
/* not under tsan: one thread */
#include "harness/compare.h"

#include <math.h>

#include "core/tests/check.h"
#include "harness/random.h"

static char error[1024];
static const char *const nothing[] = { NULL };
static const char *const subjects[] = { "subject", NULL };

/* noise - about normal with 1 % deviation, and now and then a slow trial. */
static double
noise(struct random *random)
{
	double sum = 0;

	for (unsigned i = 0; i < 12; i++)
		sum += random_unit(random);
	return 1 + 0.01 * (sum - 6) - (random_below(random, 20) == 0 ? 0.1 * random_unit(random) : 0);
}

static void
add(struct points *p, const char *subject, uint64_t threads, const char *options, double mops, uint64_t p99_ns)
{
	struct record *r = record_new((unsigned)threads);

	CHECK(r != NULL);
	snprintf(r->subject, sizeof(r->subject), "%s", subject);
	snprintf(r->workload, sizeof(r->workload), "mixed");
	r->options = options != NULL ? strdup(options) : NULL;
	r->mops = mops;
	r->get_p99_ns = p99_ns;
	r->valid = true;
	CHECK(points_add(p, "", r));
	record_free(r);
}

/* measured - `points` points of `trials` trials, all of them `factor` as fast as they would be. */
static struct points *
measured(struct random *random, unsigned points, unsigned trials, double factor)
{
	struct points *p = points_new();

	CHECK(p != NULL);
	for (unsigned t = 0; t < trials; t++)
		for (unsigned i = 0; i < points; i++)
			add(p, "map", i + 1, NULL, (10 + i) * factor * noise(random), UINT64_MAX);
	points_finish(p);
	return p;
}

static struct comparison
compared(const struct points *a, const struct points *b, const char *metric, const char *const *differing)
{
	struct compare_options o = { .metric = metric, .alpha = 0.01, .threshold_pct = 3, .differing = differing };
	struct comparison c;

	if (!compare_points(a, b, &o, &c, error, sizeof(error)))
		check_failed(error, __FILE__, __LINE__);
	return c;
}

/* Medians are the table's, the mean of the middle two; their ratio need not be that of the logarithms. */
static void
medians_are_those_of_the_table(void)
{
	struct points *a = points_new(), *b = points_new();
	struct comparison c;

	CHECK(a != NULL && b != NULL);
	add(a, "map", 1, NULL, 1, UINT64_MAX);
	add(a, "map", 1, NULL, 4, UINT64_MAX);
	add(b, "map", 1, NULL, 3, UINT64_MAX);
	add(b, "map", 1, NULL, 3, UINT64_MAX);
	points_finish(a);
	points_finish(b);
	c = compared(a, b, "mops", nothing);
	CHECK(c.rows == 1 && c.row[0].median_a == 2.5 && c.row[0].median_b == 3);
	CHECK(c.row[0].median_a == points_at(a, 0)->mops_median);
	CHECK(fabs(c.row[0].ratio - 1.5) < 1e-9);
	compare_free(&c);
	points_free(a);
	points_free(b);
}

/*
 * 150 times A against A: a wrong word anywhere among 7 tests may happen in 1 % of them,
 * that is 1.5 times; 8 or more would be a chance of 1 in 5,000. And never a regression:
 * that takes more than 3 % as well.
 */
static void
a_against_a_is_not_accused(void)
{
	unsigned accused = 0, regressions = 0;
	struct random random;

	random_seed(&random, check_seed, 1);
	for (unsigned round = 0; round < 150; round++) {
		struct points *a = measured(&random, 6, 10, 1), *b = measured(&random, 6, 10, 1);
		struct comparison c = compared(a, b, "mops", nothing);
		bool any = c.mean_verdict == VERDICT_FASTER || c.mean_verdict == VERDICT_SLOWER;

		CHECK(c.rows == 6 && c.only_a == 0 && c.only_b == 0);
		CHECK(c.mean > 0.97 && c.mean < 1.03);
		for (size_t i = 0; i < c.rows; i++)
			any = any || c.row[i].verdict == VERDICT_FASTER || c.row[i].verdict == VERDICT_SLOWER;
		accused += any;
		regressions += c.regressions;
		compare_free(&c);
		points_free(a);
		points_free(b);
	}
	fprintf(stderr, "# A against A: %u of 150 accused\n", accused);
	CHECK(accused < 8);
	CHECK_EQ(regressions, 0);
}

/* 40 times a map that is 5 % slower: always a regression; nearly always shown at each single point, too. */
static void
a_slowdown_of_5_percent_is_detected(void)
{
	unsigned points_found = 0;
	struct random random;

	random_seed(&random, check_seed, 2);
	for (unsigned round = 0; round < 40; round++) {
		struct points *a = measured(&random, 6, 10, 1), *b = measured(&random, 6, 10, 0.95);
		struct comparison c = compared(a, b, "mops", nothing), back = compared(b, a, "mops", nothing);

		CHECK(c.regressions > 0 && c.mean_verdict == VERDICT_SLOWER && c.mean > 0.93 && c.mean < 0.97);
		CHECK(c.mean_lo < c.mean_hi && c.mean_hi < 1);
		CHECK(back.regressions == 0 && back.mean_verdict == VERDICT_FASTER);
		for (size_t i = 0; i < c.rows; i++) {
			points_found += c.row[i].verdict == VERDICT_SLOWER;
			CHECK(c.row[i].verdict != VERDICT_FASTER);
			CHECK(c.row[i].lo <= c.row[i].ratio && c.row[i].ratio <= c.row[i].hi);
		}
		compare_free(&c);
		compare_free(&back);
		points_free(a);
		points_free(b);
	}
	fprintf(stderr, "# 5 %% slower: shown at %u of 240 points\n", points_found);
	CHECK(points_found > 216);
}

/* Few trials show nothing at one point, but all points together do; a wide interval is no "same". */
static void
verdicts_depend_on_what_can_be_known(void)
{
	struct random random;
	struct points *a, *b;
	struct comparison c;

	random_seed(&random, check_seed, 3);
	a = measured(&random, 12, 3, 1);
	b = measured(&random, 12, 3, 0.9);
	c = compared(a, b, "mops", nothing);
	for (size_t i = 0; i < c.rows; i++)
		CHECK(c.row[i].verdict == VERDICT_FEW && c.row[i].least_p > 0.01 && fabs(c.row[i].coverage - 0.9) < 1e-9);
	CHECK(c.mean_verdict == VERDICT_SLOWER && c.regressions == 1);
	compare_free(&c);
	points_free(a);
	points_free(b);

	/* 1 % is less than what matters: faster, and no regression the other way. */
	a = measured(&random, 3, 40, 1);
	b = measured(&random, 3, 40, 0.99);
	c = compared(a, b, "mops", nothing);
	CHECK(c.mean_verdict == VERDICT_SLOWER && c.regressions == 0);
	compare_free(&c);
	c = compared(a, a, "mops", nothing);
	CHECK(c.mean == 1 && c.mean_verdict == VERDICT_SAME && c.row[0].verdict == VERDICT_SAME && c.row[0].ratio == 1);
	compare_free(&c);
	points_free(a);
	points_free(b);

	/* One trial a side: a ratio, and no more. */
	a = measured(&random, 1, 1, 1);
	c = compared(a, a, "mops", nothing);
	CHECK(c.row[0].ratio == 1 && c.row[0].p == 1 && c.row[0].coverage == 0 && isnan(c.mean_lo));
	CHECK(c.row[0].verdict == VERDICT_FEW && c.mean_verdict == VERDICT_FEW && c.mean_coverage == 0);
	compare_free(&c);
	points_free(a);
}

/*
 * "No difference shown" takes an interval that holds with 95 %, however narrow a lesser one may be: 4 equal trials a side
 * have one, 3 have none. The mean of several points has one from 3 trials on.
 */
static void
few_trials_are_never_called_the_same(void)
{
	static const struct { unsigned points, trials; unsigned percent; enum verdict point, mean; } wanted[] = {
		{ 1, 1, 0, VERDICT_FEW, VERDICT_FEW }, { 1, 2, 67, VERDICT_FEW, VERDICT_FEW }, { 1, 3, 90, VERDICT_FEW, VERDICT_FEW },
		{ 1, 4, 97, VERDICT_SAME, VERDICT_SAME }, { 2, 2, 67, VERDICT_FEW, VERDICT_FEW }, { 2, 3, 90, VERDICT_FEW, VERDICT_SAME },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct points *a = points_new();
		struct comparison c;

		CHECK(a != NULL);
		for (unsigned t = 0; t < wanted[i].trials; t++)
			for (unsigned p = 0; p < wanted[i].points; p++)
				add(a, "map", p + 1, NULL, 10 + 0.001 * t, UINT64_MAX);
		points_finish(a);
		c = compared(a, a, "mops", nothing);
		CHECK_EQ(compare_percent(c.row[0].coverage), wanted[i].percent);
		CHECK_EQ(c.row[0].verdict, wanted[i].point);
		CHECK_EQ(c.mean_verdict, wanted[i].mean);
		CHECK((c.mean_coverage >= COMPARE_CONFIDENCE) == (wanted[i].mean == VERDICT_SAME) && c.regressions == 0);
		compare_free(&c);
		points_free(a);
	}
	CHECK_EQ(compare_percent(0.9499), 94);
}

/* The mean's interval: 400 times of 2 points with 3 trials a side. At 95 % 20 miss; 35 or more would be a chance of 1 in 1,000. */
static void
the_means_interval_holds_with_few_trials(void)
{
	unsigned missed = 0;
	struct random random;

	random_seed(&random, check_seed, 4);
	for (unsigned round = 0; round < 400; round++) {
		struct points *a = measured(&random, 2, 3, 1), *b = measured(&random, 2, 3, 1);
		struct comparison c = compared(a, b, "mops", nothing);

		CHECK(c.mean_coverage == COMPARE_CONFIDENCE);
		missed += !(c.mean_lo <= 1 && c.mean_hi >= 1);
		compare_free(&c);
		points_free(a);
		points_free(b);
	}
	fprintf(stderr, "# means: %u of 400 intervals missed\n", missed);
	CHECK(missed < 35);
}

static void
points_are_paired_by_all_that_is_not_to_differ(void)
{
	const struct compare_options o = { .metric = "mops", .alpha = 0.01, .threshold_pct = 3, .differing = nothing };
	const struct compare_options wrong = { .metric = "nonsense", .alpha = 0.01, .threshold_pct = 3, .differing = nothing };
	static const char *const reclaim[] = { "reclaim", NULL };
	struct points *a = points_new(), *b = points_new(), *empty = points_new();
	struct comparison c;

	CHECK(a != NULL && b != NULL && empty != NULL);
	add(a, "old", 2, "{\"run\":{\"duration\":\"1s\"},\"subject\":{\"size\":1},\"workload\":{}}", 10, 100);
	add(a, "old", 4, "{\"run\":{\"duration\":\"1s\"},\"subject\":{\"size\":1},\"workload\":{}}", 10, 0);
	add(b, "new", 2, "{\"run\":{\"duration\":\"1s\"},\"subject\":{\"other\":2},\"workload\":{}}", 20, 50);
	add(b, "new", 8, "{\"run\":{\"duration\":\"1s\"},\"subject\":{\"other\":2},\"workload\":{}}", 20, 50);
	points_finish(a);
	points_finish(b);
	points_finish(empty);
	CHECK(!compare_points(a, b, &o, &c, error, sizeof(error)));
	CHECK(strstr(error, "no point with mops in common: those that are most alike differ in subject;") != NULL);
	CHECK(!compare_points(a, b, &wrong, &c, error, sizeof(error)) && strstr(error, "'nonsense' is not known") != NULL);
	CHECK(!compare_points(empty, b, &o, &c, error, sizeof(error)));
	c = compared(a, b, "mops", subjects);
	CHECK(c.rows == 1 && c.only_a == 1 && c.only_b == 1 && fabs(c.row[0].ratio - 2) < 1e-12 && !c.smaller_is_better);
	compare_free(&c);
	/* Half the latency is twice as good; no latency at all has no ratio. */
	c = compared(a, b, "get_p99_ns", subjects);
	CHECK(c.rows == 1 && fabs(c.row[0].ratio - 0.5) < 1e-12 && c.smaller_is_better);
	compare_free(&c);
	add(a, "old", 2, "{\"run\":{\"duration\":\"1s\"},\"subject\":{\"size\":2},\"workload\":{}}", 10, 100);
	points_finish(a);
	CHECK(!compare_points(a, b, &(struct compare_options){ .metric = "mops", .differing = subjects }, &c, error, sizeof(error)));
	CHECK(strstr(error, "A has several points for old") != NULL);
	points_free(a);
	points_free(b);

	a = points_new();
	b = points_new();
	CHECK(a != NULL && b != NULL);
	add(a, "map", 2, "{\"run\":{},\"subject\":{\"reclaim\":\"hp\",\"size\":1},\"workload\":{}}", 10, 1);
	add(b, "map", 2, "{\"run\":{},\"subject\":{\"reclaim\":\"ebr\",\"size\":1},\"workload\":{}}", 11, 1);
	add(b, "map", 2, "{\"run\":{},\"subject\":{\"reclaim\":\"ebr\",\"size\":2},\"workload\":{}}", 50, 1);
	points_finish(a);
	points_finish(b);
	c = compared(a, b, "mops", reclaim);
	CHECK(c.rows == 1 && c.only_b == 1 && fabs(c.row[0].ratio - 1.1) < 1e-12);
	compare_free(&c);
	points_free(a);
	points_free(b);
	points_free(empty);
}

/* Which option it is, or that there are no valid trials: not only that there is nothing to compare. */
static void
what_has_no_partner_is_told_why(void)
{
	const struct compare_options o = { .metric = "mops", .alpha = 0.01, .threshold_pct = 3, .differing = nothing };
	struct points *a = points_new(), *b = points_new(), *wrong = points_new();
	struct record *r = record_new(2);
	struct comparison c;

	CHECK(a != NULL && b != NULL && wrong != NULL && r != NULL);
	add(a, "map", 2, "{\"run\":{},\"subject\":{\"hash\":\"seeded\"},\"workload\":{}}", 10, 100);
	add(b, "map", 2, "{\"run\":{},\"subject\":{\"hash\":\"identity\"},\"workload\":{}}", 10, 100);
	snprintf(r->subject, sizeof(r->subject), "map");
	snprintf(r->workload, sizeof(r->workload), "mixed");
	r->options = strdup("{\"run\":{},\"subject\":{\"hash\":\"seeded\"},\"workload\":{}}");
	CHECK(points_add(wrong, "", r));
	record_free(r);
	points_finish(a);
	points_finish(b);
	points_finish(wrong);
	CHECK(!compare_points(a, b, &o, &c, error, sizeof(error)) && strstr(error, "most alike differ in hash; choose") != NULL);
	CHECK(!compare_points(a, wrong, &o, &c, error, sizeof(error)));
	CHECK(strstr(error, "in common: B has no valid trial of map, mixed, 2 threads") != NULL);
	points_free(a);
	points_free(b);
	points_free(wrong);
}

/* Who lets objects wait so long that the percentile is not known is not the better for it. */
static void
a_percentile_that_some_trials_leave_open_is_refused(void)
{
	struct compare_options o = { .metric = "reclaim_p99_ns", .alpha = 0.01, .threshold_pct = 3, .differing = nothing };
	struct points *side[2] = { points_new(), points_new() };
	struct comparison c;

	for (unsigned t = 0; t < 12; t++) {
		struct record *r = record_new(1);
		bool open = t % 2 == 1 && t > 6;

		CHECK(r != NULL && side[t % 2] != NULL);
		snprintf(r->subject, sizeof(r->subject), "map");
		snprintf(r->workload, sizeof(r->workload), "stall");
		r->valid = true;
		r->reclaim_p50_ns = 100;
		r->reclaim_p99_ns = open ? UINT64_MAX : 1000 + t;
		r->censored_max_ns = open ? 50000 : 0;
		CHECK(points_add(side[t % 2], "", r));
		record_free(r);
	}
	points_finish(side[0]);
	points_finish(side[1]);
	CHECK(!compare_points(side[0], side[1], &o, &c, error, sizeof(error)));
	CHECK(strstr(error, "B: reclaim_p99_ns of map, stall, 1 thread is not known in 3 of 6 trials") != NULL);
	o.metric = "reclaim_p50_ns";
	CHECK(compare_points(side[0], side[1], &o, &c, error, sizeof(error)) && c.row[0].trials_b == 6);
	compare_free(&c);
	points_free(side[0]);
	points_free(side[1]);
}

/* Twice as fast a slowest thread is faster; half the latency, too; and what has no better side is refused. */
static void
each_figure_is_judged_by_its_columns_direction(void)
{
	static const struct { const char *metric; enum better better; } known[] = {
		{ "mops", BETTER_MORE }, { "thread_min_mops", BETTER_MORE }, { "thread_max_mops", BETTER_MORE }, { "jain", BETTER_MORE },
		{ "reader_mops", BETTER_MORE }, { "writer_mops", BETTER_MORE }, { "reader_jain", BETTER_MORE },
		{ "writer_jain", BETTER_MORE }, { "hit_ratio", BETTER_NEITHER }, { "rate", BETTER_NEITHER },
	};
	const struct compare_options o = { .metric = "thread_min_mops", .alpha = 0.01, .threshold_pct = 3, .differing = nothing };
	struct points *slow = points_new(), *fast = points_new();
	struct comparison c;

	CHECK(slow != NULL && fast != NULL);
	for (const char *const *name = points_figure_names; *name != NULL; name++) {
		enum better wanted = BETTER_LESS;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(known[i].metric, *name) == 0)
				wanted = known[i].better;
		CHECK(record_column(*name) != NULL && record_column(*name)->better == wanted);
		CHECK(compare_check_metric(*name, error, sizeof(error)) == (wanted != BETTER_NEITHER));
		CHECK(wanted != BETTER_NEITHER || strstr(error, "neither better nor worse") != NULL);
	}
	CHECK(!compare_check_metric("seed", error, sizeof(error)) && strstr(error, "neither better nor worse") != NULL);
	CHECK(!compare_check_metric("get_p9999_ns", error, sizeof(error)) && strstr(error, "is not compared; what is: mops, ") != NULL);
	for (unsigned t = 0; t < 9; t++)
		for (unsigned side = 0; side < 2; side++) {
			struct record *r = record_new(1);

			CHECK(r != NULL);
			r->valid = true;
			r->mops = r->thread_min_mops = (1 + side) * (10 + 0.1 * t);
			CHECK(points_add(side == 0 ? slow : fast, "", r));
			record_free(r);
		}
	points_finish(slow);
	points_finish(fast);
	CHECK(compare_points(slow, fast, &o, &c, error, sizeof(error)));
	CHECK(c.row[0].verdict == VERDICT_FASTER && c.regressions == 0);
	compare_free(&c);
	CHECK(compare_points(fast, slow, &o, &c, error, sizeof(error)));
	CHECK(c.row[0].verdict == VERDICT_SLOWER && c.regressions > 0);
	compare_free(&c);
	points_free(slow);
	points_free(fast);
}

static const struct test tests[] = {
	TEST(each_figure_is_judged_by_its_columns_direction),
	TEST(medians_are_those_of_the_table),
	TEST(a_against_a_is_not_accused),
	TEST(a_slowdown_of_5_percent_is_detected),
	TEST(verdicts_depend_on_what_can_be_known),
	TEST(few_trials_are_never_called_the_same),
	TEST(the_means_interval_holds_with_few_trials),
	TEST(points_are_paired_by_all_that_is_not_to_differ),
	TEST(what_has_no_partner_is_told_why),
	TEST(a_percentile_that_some_trials_leave_open_is_refused),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
