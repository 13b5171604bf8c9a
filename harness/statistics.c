/*
 * statistics.c - order statistics by sorting, and the incomplete gamma function
 * by its series below a + 1 and its continued fraction above (Abramowitz and
 * Stegun 1964, 6.5.29 and 6.5.31; the latter evaluated by Lentz's method, 1976).
 */
#include "harness/statistics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static int
compare_doubles(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

double
statistics_median(double *values, size_t n)
{
	if (n == 0)
		return NAN;
	qsort(values, n, sizeof(*values), compare_doubles);
	/* Halves first: the sum of two large values must not overflow. */
	return n % 2 != 0 ? values[n / 2] : values[n / 2 - 1] / 2 + values[n / 2] / 2;
}

double
statistics_min(const double *values, size_t n)
{
	double least = n == 0 ? NAN : values[0];

	for (size_t i = 1; i < n; i++)
		least = values[i] < least ? values[i] : least;
	return least;
}

double
statistics_max(const double *values, size_t n)
{
	double most = n == 0 ? NAN : values[0];

	for (size_t i = 1; i < n; i++)
		most = values[i] > most ? values[i] : most;
	return most;
}

double
statistics_median_ci(double *values, size_t n, double confidence, double *lo, double *hi)
{
	double term, tail, coverage;
	size_t rank = 0;

	*lo = *hi = NAN;
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), compare_doubles);
	/*
	 * [values[rank], values[n - 1 - rank]] misses the median if at most
	 * rank values are on one side of it: tail = P(Binomial(n, 1/2) <= rank).
	 * term is the logarithm: 2^-n itself is 0 from n = 1075 on.
	 */
	term = -(double)n * log(2.0);
	tail = exp(term);
	coverage = 1 - 2 * tail;
	while (2 * (rank + 1) < n) {
		double next = term + log((double)(n - rank)) - log((double)(rank + 1));

		if (1 - 2 * (tail + exp(next)) < confidence)
			break;
		term = next;
		tail += exp(term);
		coverage = 1 - 2 * tail;
		rank++;
	}
	*lo = values[rank];
	*hi = values[n - 1 - rank];
	return coverage < 0 ? 0 : coverage;
}

double
statistics_gamma_q(double a, double x)
{
	int sign;
	double scale;

	if (x <= 0)
		return 1;
	/* lgamma() writes the global signgam; this one does not. */
	scale = exp(a * log(x) - x - lgamma_r(a, &sign));
	if (x < a + 1) {
		double term = 1 / a, sum = term;

		for (double k = a + 1; term > sum * DBL_EPSILON / 4; k += 1)
			sum += term *= x / k;
		return 1 - sum * scale;
	} else {
		double b = x + 1 - a, c = 1 / DBL_MIN, d = 1 / b, fraction = d;

		for (double k = 1;; k += 1) {
			double numerator = k * (a - k), step;

			b += 2;
			d = numerator * d + b;
			c = b + numerator / c;
			/* Lentz: a vanishing part is replaced by something tiny. */
			d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
			c = fabs(c) < DBL_MIN ? DBL_MIN : c;
			step = c * d;
			fraction *= step;
			if (fabs(step - 1) < DBL_EPSILON)
				return fraction * scale;
		}
	}
}

double
statistics_chi_square(const double *observed, const double *expected, size_t cells)
{
	double sum = 0;

	for (size_t i = 0; i < cells; i++) {
		double off = observed[i] - expected[i];

		sum += off * off / expected[i];
	}
	return sum;
}

double
statistics_chi_square_p(double chi_square, double degrees_of_freedom)
{
	return statistics_gamma_q(degrees_of_freedom / 2, chi_square / 2);
}
