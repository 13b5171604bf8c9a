/*
 * statistics.h - the few statistics that tables and comparisons of trials need. All of them are
 * rank-based: a trial's figure has outliers on one side, and a mean follows them.
 * Threads: any number at once, each with its own values.
 */
#ifndef HARNESS_STATISTICS_H
#define HARNESS_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* statistics_median - sorts values IN PLACE; the mean of the middle two when n is even; NAN when n is 0. */
double statistics_median(double *values, size_t n);

/* statistics_min, statistics_max - NAN when n is 0. */
double statistics_min(const double *values, size_t n);
double statistics_max(const double *values, size_t n);

/*
 * statistics_median_ci - an interval [*lo, *hi] that holds the true median
 * whatever the distribution (David and Nagaraja 2003, Order Statistics, 7.1).
 * It is the narrowest symmetric pair of order statistics that reaches
 * `confidence` (0 .. 1); the smallest and largest value when none does.
 * Sorts values IN PLACE.
 * Returns   the coverage really reached, 1 - 2 P(Binomial(n, 1/2) < rank of
 *           *lo): for n = 1 that is 0, for n = 5 at most 0.9375; 0 and NANs when n is 0.
 */
double statistics_median_ci(double *values, size_t n, double confidence, double *lo, double *hi);

/*
 * Sampling until the interval is narrow (--ci): looked at first at `first` values, then at twice as many each time, and
 * last at `last`; first <= last, first > 0. Each of the K looks may miss with a probability of (1 - confidence) / K
 * (Bonferroni), so whichever look ends it, the interval misses the median with 1 - confidence at most. That is of all that
 * is sampled so: among the few that end early where the spread is wide, more may miss.
 *
 * statistics_looks         K.
 * statistics_is_look       is n one of them?
 * statistics_sequential_ci statistics_median_ci() at that level. Returns what is guaranteed: with several
 *                          looks confidence and no more; below it, too few values.
 */
unsigned statistics_looks(size_t first, size_t last);
bool statistics_is_look(size_t n, size_t first, size_t last);
double statistics_sequential_ci(double *values, size_t n, double confidence, unsigned looks, double *lo, double *hi);

/* statistics_normal_p - P(Z <= z) of the standard normal distribution. */
double statistics_normal_p(double z);

/*
 * statistics_mann_whitney - do a[0 .. n-1] and b[0 .. m-1] come from the same
 * distribution? (Mann and Whitney 1947.) Two-sided. Exact, all orders counted, if there are no
 * ties and n and m are below 50; else by the normal distribution with corrections for ties
 * and continuity: what R's wilcox.test() does. Values are not NaN.
 * Returns   p; *u (may be NULL) = how many pairs have a > b, half for a == b; 1 when one is
 *           empty; NAN: no memory.
 */
double statistics_mann_whitney(const double *a, size_t n, const double *b, size_t m, double *u);

/* statistics_mann_whitney_least_p - the smallest p that n values against m can ever give (exact). */
double statistics_mann_whitney_least_p(size_t n, size_t m);

/*
 * statistics_shift - by how much a is typically above b: the median of all
 * differences a[i] - b[k] (Hodges and Lehmann 1963), with the interval that
 * belongs to the Mann-Whitney test (Moses 1965): it holds 0 exactly if that
 * does not reject at 1 - confidence. Of logarithms it is a ratio.
 * Returns   the coverage really reached; below confidence for few values, then the
 *           interval is from the smallest to the largest difference; 0 and NANs
 *           when one is empty or there is no memory.
 */
double statistics_shift(const double *a, size_t n, const double *b, size_t m, double confidence, double *shift,
    double *lo, double *hi);

/* Two samples of one stratum. */
struct statistics_pair {
	const double *a, *b;
	size_t n, m;
};

/*
 * statistics_stratified - the same question asked of all pairs at once: is a
 * above b in most of them, or below? (van Elteren 1960: each pair weighs
 * 1 / (n + m + 1).) By the normal distribution, two-sided.
 * Returns   p; 1 when nothing can be said; *z (may be NULL) > 0: a is above.
 */
double statistics_stratified(const struct statistics_pair *pair, size_t pairs, double *z);

/*
 * statistics_holm - adjust n values of p IN PLACE, so that rejecting those
 * below alpha rejects any true hypothesis with probability alpha at most (Holm 1979).
 * False: no memory, and p is as it was.
 */
bool statistics_holm(double *p, size_t n);

/*
 * statistics_gamma_q - the upper regularised incomplete gamma function Q(a, x), a > 0, x >= 0.
 * The error is below 1e-10, relative for x >= a + 1 and absolute below.
 */
double statistics_gamma_q(double a, double x);

/* statistics_chi_square - the sum of (observed - expected)^2 / expected; every expected must be > 0. */
double statistics_chi_square(const double *observed, const double *expected, size_t cells);

/* statistics_chi_square_p - how likely a chi-square this large or larger is by chance alone. */
double statistics_chi_square_p(double chi_square, double degrees_of_freedom);

#endif
