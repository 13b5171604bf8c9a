/*
 * statistics.h - the few statistics that a table of trials needs. All of them are
 * rank-based: a trial's figure has outliers on one side, and a mean follows them.
 * Threads: any number at once, each with its own values.
 */
#ifndef HARNESS_STATISTICS_H
#define HARNESS_STATISTICS_H

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
 * statistics_gamma_q - the upper regularised incomplete gamma function Q(a, x), a > 0, x >= 0.
 * The error is below 1e-10, relative for x >= a + 1 and absolute below.
 */
double statistics_gamma_q(double a, double x);

/* statistics_chi_square - the sum of (observed - expected)^2 / expected; every expected must be > 0. */
double statistics_chi_square(const double *observed, const double *expected, size_t cells);

/* statistics_chi_square_p - how likely a chi-square this large or larger is by chance alone. */
double statistics_chi_square_p(double chi_square, double degrees_of_freedom);

#endif
