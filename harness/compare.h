/*
 * compare.h - two sets of points held against each other, point by point and
 * all in all: how much faster is B than A, how sure is that, and is it a regression?
 *
 * Each point: the ratio B / A of the figures of single trials (Hodges and Lehmann),
 * its interval, and the Mann-Whitney test. All together: the geometric mean of the
 * ratios with a bootstrap interval (percentiles of 1000 resamples of the trials of each point, seeded; of one point its own),
 * and the stratified Mann-Whitney test. The points' tests and that one are corrected
 * together by Holm's method: if nothing differs, the probability of one wrong accusation
 * among all of them is at most alpha.
 */
#ifndef HARNESS_COMPARE_H
#define HARNESS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base.h"
#include "harness/points.h"

enum verdict {
	VERDICT_FASTER, /* B is, at level alpha */
	VERDICT_SLOWER,
	VERDICT_SAME,   /* no difference shown, and an interval of COMPARE_CONFIDENCE or more lies within the threshold */
	VERDICT_NOISY,  /* no difference shown, but one beyond the threshold cannot be excluded */
	VERDICT_FEW     /* no difference shown, and no interval of COMPARE_CONFIDENCE from so few trials */
};
extern const char *const verdict_names[]; /* "faster", "slower", "no difference shown", "too noisy", "too few trials" */

#define COMPARE_CONFIDENCE 0.95 /* of intervals, where there are enough trials */

struct compare_options {
	const char *metric;       /* compare_check_metric(); which way is better, its column says */
	double alpha;             /* of being wrong anywhere */
	double threshold_pct;     /* a difference that matters; a regression is more than that, and shown */
	/* Two points are the same thing when all is equal but these: names of struct point's texts or
	 * of options, NULL-ended; what A and B were told to differ in. */
	const char *const *differing;
	bool same_bytes;          /* sizes of byte strings are not among a subject's options that may differ */
};

struct compare_row {
	const struct point *a, *b;
	size_t trials_a, trials_b;
	double median_a, median_b;      /* as points have them: their ratio need not be `ratio`, which is the median over all pairs */
	double ratio, lo, hi;           /* B / A; NAN: nothing to compare */
	double coverage;                /* of [lo, hi], statistics_shift() */
	double p;                       /* adjusted */
	double least_p;                 /* the smallest p, adjusted, that so many trials can give */
	enum verdict verdict;
};

struct comparison {
	struct compare_row *row;
	size_t rows;
	size_t only_a, only_b;          /* points without a partner, or without a figure */
	bool smaller_is_better;
	bool by_name;                   /* one side is another program's, which knows no options: they were not looked at */
	double mean, mean_lo, mean_hi;  /* geometric mean of the ratios; the interval is NAN with one trial a point */
	/* Of one point its own. Of several points with 3 trials a side or more COMPARE_CONFIDENCE: simulated, 95 % or more
	 * (test_compare.c); with fewer, the least of the points'. */
	double mean_coverage;
	double mean_p;                  /* adjusted */
	enum verdict mean_verdict;
	unsigned regressions;           /* points, and all in all, that are slower by more than the threshold */
};

/*
 * compare_points - compare finished points (points_finish()); they must outlive the comparison.
 * Returns   true, and compare_free() is owed; false and one line in error: several points
 *           of one side are the same thing, nothing in common and why, no such metric, no memory, a
 *           percentile of times from retire to free that some trials leave open.
 */
bool compare_points(const struct points *a, const struct points *b, const struct compare_options *options,
    struct comparison *c, char *error, size_t size) MUST_USE;
void compare_free(struct comparison *c);

/* compare_percent - a coverage in whole percent, never rounded up to COMPARE_CONFIDENCE. */
unsigned compare_percent(double coverage);

/* compare_print - the table for people. Write errors are left in ferror(out). */
void compare_print(FILE *out, const struct comparison *c, const struct compare_options *options);

/*
 * compare_check_metric - is it a figure of which more is better, or less (record_columns[])?
 * False: one line in error.
 */
bool compare_check_metric(const char *metric, char *error, size_t size);

#endif
