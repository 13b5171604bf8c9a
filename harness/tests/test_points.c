/* test_points.c - trials are put together by what they measured, and the figures are those of the valid ones. */
/* not under tsan: one thread */
#include "harness/points.h"

#include <math.h>

#include "core/tests/check.h"
#include "harness/random.h"

/* add - one trial of a point. */
static void
add(struct points *p, const char *subject, uint64_t threads, const char *options, double mops, uint64_t p99_ns,
    uint64_t pending_peak, bool valid)
{
	struct record *r = record_new((unsigned)threads);

	CHECK(r != NULL);
	snprintf(r->subject, sizeof(r->subject), "%s", subject);
	snprintf(r->workload, sizeof(r->workload), "mixed");
	snprintf(r->dist, sizeof(r->dist), "zipf:0.99");
	r->options = options != NULL ? strdup(options) : NULL;
	r->keys = 1000;
	r->mops = mops;
	r->get_p99_ns = p99_ns;
	r->pending_peak = pending_peak;
	r->valid = valid;
	CHECK(points_add(p, "", r));
	record_free(r);
}

#define AT(level) "{\"run\":{\"duration\":\"1s\",\"smr-stats\":\"" level "\"},\"subject\":{}}"

/* Each level is a point, but the most garbage is that of all trials that counted it; those without have no say. */
static void
garbage_peak_is_that_of_all_levels(void)
{
	struct points *p = points_new();

	CHECK(p != NULL);
	add(p, "a", 2, AT("sampled"), 3, 1, 7, true);
	add(p, "a", 2, AT("counters"), 3, 1, 9, true);
	add(p, "a", 2, AT("counters"), 3, 1, 11, false);
	add(p, "a", 2, AT("off"), 3, 1, UINT64_MAX, true);
	add(p, "b", 2, AT("counters"), 3, 1, 99, true);
	add(p, "a", 4, AT("counters"), 3, 1, 98, true);
	points_finish(p);
	CHECK_EQ(points_count(p), 5);
	for (size_t i = 0; i < 3; i++)
		CHECK(points_at(p, i)->pending_peak == 9);
	CHECK(points_at(p, 3)->pending_peak == 99 && points_at(p, 4)->pending_peak == 98);
	CHECK_EQ(points_at(p, 0)->reclaim_trials, 0);
	points_free(p);
}

/* add_waiting - a trial of a point with that p99 from retire to free, and the oldest object that was still waiting. */
static void
add_waiting(struct points *p, uint64_t p99_ns, uint64_t oldest_ns)
{
	struct record *r = record_new(1);

	CHECK(r != NULL);
	r->valid = true;
	r->reclaim_p99_ns = p99_ns;
	r->censored_max_ns = oldest_ns;
	CHECK(points_add(p, "", r));
	points_finish(p);
	record_free(r);
}

/* Short trials are not judged, which is not to say that they were undisturbed; one that is marked all the same was. */
static void
short_trials_are_not_judged(void)
{
	static const double elapsed_s[] = { 0.05, 0.1, 2, 0.05, 0.05 };
	struct points *p = points_new();

	CHECK(p != NULL);
	for (size_t i = 0; i < 5; i++) {
		struct record *r = record_new(1);

		CHECK(r != NULL);
		r->valid = i != 4;
		r->elapsed_s = elapsed_s[i];
		r->disturbed = i == 3;
		CHECK(points_add(p, "", r));
		record_free(r);
	}
	points_finish(p);
	CHECK_EQ(points_at(p, 0)->valid, 4);
	CHECK_EQ(points_at(p, 0)->not_judged, 1);
	CHECK_EQ(points_at(p, 0)->disturbed, 1);
	points_free(p);
}

/* "More than 50" is above a median of 30, whatever it is; "more than 20" may be on either side of it. */
static void
percentile_that_is_not_known_is_longer(void)
{
	struct points *p = points_new();
	const struct point *a;

	CHECK(p != NULL);
	add_waiting(p, UINT64_MAX, 50);
	a = points_at(p, 0);
	CHECK(isnan(a->reclaim_p99_ns) && a->reclaim_p99_above_ns == 50 && a->reclaim_trials == 1);
	add_waiting(p, 10, 5);
	add_waiting(p, 30, UINT64_MAX);
	CHECK(a->reclaim_p99_ns == 30 && isnan(a->reclaim_p99_above_ns) && a->reclaim_trials == 3);
	add_waiting(p, 40, UINT64_MAX);
	add_waiting(p, UINT64_MAX, 20);
	CHECK(isnan(a->reclaim_p99_ns) && a->reclaim_p99_above_ns == 30 && a->reclaim_trials == 5);
	points_free(p);
}

static void
figures_are_medians_of_the_valid_trials(void)
{
	struct points *p = points_new();
	const struct point *a, *b, *c;

	CHECK(p != NULL);
	CHECK_EQ(points_count(p), 0);
	points_finish(p);
	add(p, "b", 2, NULL, 5, UINT64_MAX, UINT64_MAX, true);
	add(p, "a", 2, NULL, 3, 100, 7, true);
	add(p, "a", 2, NULL, 1, 300, 9, true);
	add(p, "a", 2, NULL, 1000, 1, 1000, false);
	add(p, "c", 2, NULL, 8, 100, 7, false);
	add(p, "a", 2, NULL, 2, UINT64_MAX, 8, true);
	points_finish(p);
	CHECK_EQ(points_count(p), 3);
	b = points_at(p, 0);
	a = points_at(p, 1);
	c = points_at(p, 2);
	CHECK(strcmp(b->subject, "b") == 0 && strcmp(a->subject, "a") == 0 && strcmp(c->subject, "c") == 0);
	CHECK(strcmp(a->workload, "mixed") == 0 && strcmp(a->dist, "zipf:0.99") == 0 && a->keys == 1000);

	CHECK(a->trials == 4 && a->valid == 3);
	CHECK(a->mops_median == 2 && a->mops_min == 1 && a->mops_max == 3);
	CHECK(a->mops_lo == 1 && a->mops_hi == 3 && fabs(a->mops_coverage - 0.75) < 1e-12);
	/* The trial without a sample has no say. */
	CHECK(a->get_p99_ns == 200);
	CHECK(a->pending_peak == 9);

	CHECK(b->trials == 1 && b->valid == 1 && b->mops_median == 5 && b->mops_coverage == 0);
	CHECK(isnan(b->get_p99_ns) && isnan(b->pending_peak) && isnan(b->hit_ratio));

	CHECK(c->trials == 1 && c->valid == 0);
	CHECK(isnan(c->mops_median) && isnan(c->mops_min) && isnan(c->mops_lo) && isnan(c->pending_peak));
	points_free(p);
	points_free(NULL);
}

/* A part has the figures of the points that it is of, also what these took from points that it lacks. */
static void
a_part_has_the_same_points_with_the_same_figures(void)
{
	struct points *p = points_new(), *part, *none;
	const double *values;
	size_t count;

	CHECK(p != NULL);
	add(p, "a", 2, NULL, 3, 100, 7, true);
	add(p, POINTS_ROOFLINE, 2, NULL, 12, 100, 7, true);
	add(p, "b", 2, NULL, 6, 100, 7, true);
	add(p, "b", 2, NULL, 8, 100, 7, true);
	points_finish(p);
	part = points_part(p, (bool[]){ true, false, true });
	none = points_part(p, (bool[]){ false, false, false });
	CHECK(part != NULL && none != NULL);
	CHECK_EQ(points_count(part), 2);
	CHECK(points_at(part, 0) == points_at(p, 0) && points_at(part, 1) == points_at(p, 2));
	CHECK(points_at(part, 1)->roofline_ratio == 7.0 / 12);
	values = points_values(part, 1, "mops", &count);
	CHECK(count == 2 && values[0] == 6 && values[1] == 8);
	CHECK_EQ(points_count(none), 0);
	/* What they are of is still there, and whole. */
	points_free(part);
	points_free(none);
	CHECK(points_at(p, 2)->mops_median == 7);
	points_free(p);
}

/* More may be added after the figures were read: values have been sorted, none has been lost. */
static void
adding_goes_on_after_finish(void)
{
	struct points *p = points_new();
	struct random random;
	double best = 0;

	CHECK(p != NULL);
	random_seed(&random, check_seed, 0);
	for (unsigned n = 1; n <= 101; n++) {
		double mops = 1 + random_unit(&random);

		add(p, "a", 1, NULL, mops, n, n, true);
		best = fmax(best, mops);
		points_finish(p);
		CHECK(points_at(p, 0)->mops_max == best);
		CHECK(points_at(p, 0)->get_p99_ns == (n + 1) / 2.0);
		CHECK_EQ(points_at(p, 0)->valid, n);
	}
	CHECK(points_at(p, 0)->mops_coverage >= POINTS_CONFIDENCE);
	CHECK(points_at(p, 0)->mops_lo > points_at(p, 0)->mops_min);
	points_free(p);
}

static void
ratios_are_to_the_roofline_of_the_same_point(void)
{
	struct points *p = points_new();

	CHECK(p != NULL);
	add(p, "a", 1, "{\"subject\":{\"wait\":9},\"run\":{\"n\":1}}", 5, 1, 1, true);     /* 0 */
	add(p, "roofline", 1, "{\"run\":{\"n\":1},\"subject\":{}}", 20, 1, 1, true);       /* 1 */
	add(p, "a", 1, "{\"run\":{\"n\":2},\"subject\":{}}", 5, 1, 1, true);               /* 2: run otherwise */
	add(p, "a", 2, NULL, 6, 1, 1, true);                                             /* 3 */
	add(p, "roofline", 2, NULL, 60, 1, 1, true);                                     /* 4 */
	add(p, "a", 4, "{}", 6, 1, 1, true);                                             /* 5: no telling which */
	add(p, "roofline", 4, "{\"subject\":1}", 60, 1, 1, true);                        /* 6 */
	add(p, "roofline", 4, "{\"subject\":2}", 30, 1, 1, true);                        /* 7 */
	add(p, "a", 8, NULL, 6, 1, 1, true);                                             /* 8: not valid */
	add(p, "roofline", 8, NULL, 30, 1, 1, false);                                    /* 9 */
	add(p, "a", 3, "no json", 6, 1, 1, true);                                        /* 10 */
	add(p, "roofline", 3, "no json", 12, 1, 1, true);                                /* 11 */
	points_finish(p);
	CHECK_EQ(points_count(p), 12);
	CHECK(points_at(p, 0)->roofline_ratio == 0.25);
	CHECK(points_at(p, 1)->roofline_ratio == 1);
	CHECK(isnan(points_at(p, 2)->roofline_ratio));
	CHECK(points_at(p, 3)->roofline_ratio == 0.1);
	CHECK(isnan(points_at(p, 5)->roofline_ratio));
	CHECK(points_at(p, 6)->roofline_ratio == 1 && points_at(p, 7)->roofline_ratio == 1);
	CHECK(isnan(points_at(p, 8)->roofline_ratio) && isnan(points_at(p, 9)->roofline_ratio));
	CHECK(points_at(p, 10)->roofline_ratio == 0.5);
	points_free(p);
}

static void
read_beyond(void *arg)
{
	(void)points_at(arg, 0);
}

static void
reading_beyond_the_last_point_aborts(void)
{
	struct points *p = points_new();

	CHECK(p != NULL);
	CHECK(check_aborts(read_beyond, p, "misuse: points_at: "));
	points_free(p);
}

/* add_disturbed - a valid trial of point "a", disturbed or not. */
static void
add_disturbed(struct points *p, double mops, bool disturbed)
{
	struct record *r = record_new(1);

	CHECK(r != NULL);
	snprintf(r->subject, sizeof(r->subject), "a");
	r->mops = mops;
	r->valid = true;
	r->disturbed = disturbed;
	CHECK(points_add(p, "here", r));
	record_free(r);
}

/* Disturbed trials are left out while they are at most half; else all count, and that is said. Outliers stay in. */
static void
disturbed_trials_are_left_out_while_others_suffice(void)
{
	struct points *p = points_new();
	const struct point *a;
	const double *values;
	const bool *disturbed;
	size_t n;

	CHECK(p != NULL);
	add_disturbed(p, 1, true);
	add_disturbed(p, 10, false);
	points_finish(p);
	a = points_at(p, 0);
	CHECK(a->valid == 2 && a->disturbed == 1 && a->used == 1 && !a->noisy && a->mops_median == 10);
	add_disturbed(p, 3, true);
	points_finish(p);
	CHECK(isnan(a->mops_fence_lo) && isnan(a->mops_fence_hi));
	CHECK(a->valid == 3 && a->disturbed == 2 && a->used == 3 && a->noisy && a->mops_median == 3 && a->mops_min == 1);
	for (unsigned i = 0; i < 7; i++)
		add_disturbed(p, 11 + 0.01 * i, false);
	add_disturbed(p, 50, false);
	points_finish(p);
	CHECK(a->used == 9 && !a->noisy && a->outliers == 2 && a->mops_max == 50 && a->mops_min == 10);
	/* In the order in which they came: what a comparison asks for. */
	values = points_values(p, 0, "mops", &n);
	CHECK(n == 9 && values[0] == 10 && values[1] == 11 && values[8] == 50);
	/* Seven of 11 and a bit: quartiles and fences are close to them. All trials are there to be shown. */
	CHECK(a->mops_fence_lo > 10 && a->mops_fence_lo < 11 && a->mops_fence_hi > 11.05 && a->mops_fence_hi < 12);
	values = points_trials(p, 0, &disturbed, &n);
	CHECK(n == 11 && values[0] == 1 && disturbed[0] && values[1] == 10 && !disturbed[1] && disturbed[2]);
	CHECK(points_values(p, 0, "nonsense", &n) == NULL);
	CHECK(points_values(p, 0, "get_p99_ns", &n) != NULL && n == 0);
	points_free(p);
}

/* The same options on two machines are two points. */
static void
environments_are_kept_apart(void)
{
	struct points *p = points_new();
	struct record *r = record_new(1);

	CHECK(p != NULL && r != NULL);
	r->valid = true;
	CHECK(points_add(p, "one", r) && points_add(p, "two", r) && points_add(p, "one", r));
	points_finish(p);
	CHECK(points_count(p) == 2 && points_at(p, 0)->trials == 2);
	CHECK(strcmp(points_at(p, 1)->environment, "two") == 0);
	record_free(r);
	points_free(p);
}

/* Trials that --ci asked for: the interval is wider, and says 95 %; a file's nonsense changes nothing. */
static void
looks_widen_the_interval(void)
{
	static const struct { uint64_t looks; double lo, coverage; } wanted[] = {
		{ UINT64_MAX, 2, 1 - 22.0 / 1024 }, { 1, 2, 1 - 22.0 / 1024 }, { 0, 2, 1 - 22.0 / 1024 }, { 3, 1, 0.95 },
		{ UINT64_MAX - 1, 1, 1 - 64 * 2.0 / 1024 },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct points *p = points_new();

		CHECK(p != NULL);
		for (unsigned t = 0; t < 10; t++) {
			struct record *r = record_new(1);

			CHECK(r != NULL);
			r->valid = true;
			r->mops = t + 1;
			r->looks = t == 4 ? wanted[i].looks : UINT64_MAX;
			CHECK(points_add(p, "", r));
			record_free(r);
		}
		points_finish(p);
		CHECK(points_at(p, 0)->mops_lo == wanted[i].lo && fabs(points_at(p, 0)->mops_coverage - wanted[i].coverage) < 1e-12);
		points_free(p);
	}
}

static const struct test tests[] = {
	TEST(looks_widen_the_interval),
	TEST(garbage_peak_is_that_of_all_levels),
	TEST(short_trials_are_not_judged),
	TEST(percentile_that_is_not_known_is_longer),
	TEST(figures_are_medians_of_the_valid_trials),
	TEST(a_part_has_the_same_points_with_the_same_figures),
	TEST(adding_goes_on_after_finish),
	TEST(ratios_are_to_the_roofline_of_the_same_point),
	TEST(reading_beyond_the_last_point_aborts),
	TEST(disturbed_trials_are_left_out_while_others_suffice),
	TEST(environments_are_kept_apart),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
