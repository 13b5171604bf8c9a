/*
 * statistics.c - order statistics by sorting, and the incomplete gamma function
 * by its series below a + 1 and its continued fraction above (Abramowitz and
 * Stegun 1964, 6.5.29 and 6.5.31; the latter evaluated by Lentz's method, 1976).
 * tests/oracle.R has R check what R knows, too.
 */
#include "harness/statistics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

unsigned
statistics_looks(size_t first, size_t last)
{
	unsigned looks = 1;

	for (size_t n = first; n < last; n = n > last / 2 ? last : 2 * n)
		looks++;
	return looks;
}

bool
statistics_is_look(size_t n, size_t first, size_t last)
{
	size_t look = first;

	while (look < n && look < last)
		look = look > last / 2 ? last : 2 * look;
	return look == n;
}

double
statistics_sequential_ci(double *values, size_t n, double confidence, unsigned looks, double *lo, double *hi)
{
	double level = 1 - (1 - confidence) / looks, coverage = statistics_median_ci(values, n, level, lo, hi);

	if (looks == 1)
		return coverage;
	return coverage >= level ? confidence : fmax(0, 1 - looks * (1 - coverage));
}

double
statistics_normal_p(double z)
{
	return erfc(-z / sqrt(2)) / 2;
}

#define EXACT_MOST 50 /* as R: below, all orders are counted */

/*
 * mann_whitney_law - P(U <= u) for u = 0 .. n m under the hypothesis, for
 * free(). The number of orders with U = u is the coefficient of q^u in the Gaussian
 * binomial, the product over i = 1 .. n of (1 - q^(m + i)) / (1 - q^i). As
 * doubles: they are exact up to 2^53, and to 1e-13 beyond. NULL: no memory.
 */
static double *
mann_whitney_law(size_t n, size_t m)
{
	size_t last = n * m;
	double *count = calloc(last + 1, sizeof(*count)), sum = 0;

	if (count == NULL)
		return NULL;
	count[0] = 1;
	for (size_t i = 1; i <= n; i++) {
		for (size_t u = last; u >= m + i; u--)
			count[u] -= count[u - m - i];
		for (size_t u = i; u <= last; u++)
			count[u] += count[u - i];
	}
	for (size_t u = 0; u <= last; u++)
		sum += count[u];
	for (size_t u = 0; u <= last; u++)
		count[u] = count[u] / sum + (u > 0 ? count[u - 1] : 0);
	return count;
}

/* pairs_above - how many pairs have a > b, half for equal ones; are there equal ones? */
static double
pairs_above(const double *a, size_t n, const double *b, size_t m, bool *ties)
{
	double u = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++) {
			u += a[i] > b[k] ? 1 : a[i] == b[k] ? 0.5 : 0;
			*ties = *ties || a[i] == b[k];
		}
	return u;
}

/* mann_whitney_variance - of U, with ties; 0: all values are equal, or no memory. */
static double
mann_whitney_variance(const double *a, size_t n, const double *b, size_t m, bool *ties)
{
	double size = (double)(n + m), tied = 0;
	double *all = malloc((n + m) * sizeof(*all));

	if (all == NULL)
		return 0;
	memcpy(all, a, n * sizeof(*a));
	memcpy(all + n, b, m * sizeof(*b));
	qsort(all, n + m, sizeof(*all), compare_doubles);
	for (size_t i = 0, next; i < n + m; i = next) {
		double t;

		for (next = i + 1; next < n + m && all[next] == all[i]; next++)
			continue;
		t = (double)(next - i);
		tied += t * t * t - t;
	}
	free(all);
	*ties = tied > 0;
	return (double)n * (double)m / 12 * (size + 1 - tied / (size * (size - 1)));
}

double
statistics_mann_whitney(const double *a, size_t n, const double *b, size_t m, double *u)
{
	bool across = false, ties;
	double above = pairs_above(a, n, b, m, &across), middle = (double)n * (double)m / 2, p, variance;

	if (u != NULL)
		*u = above;
	if (n == 0 || m == 0)
		return 1;
	variance = mann_whitney_variance(a, n, b, m, &ties);
	if (!ties && n < EXACT_MOST && m < EXACT_MOST) {
		double *law = mann_whitney_law(n, m);
		/* Both tails are alike: look at the lower one. */
		size_t lower = (size_t)(above > middle ? 2 * middle - above : above);

		if (law == NULL)
			return NAN;
		p = 2 * law[lower];
		free(law);
	} else {
		if (variance <= 0)
			return 1;
		p = 2 * statistics_normal_p(-fmax(0, fabs(above - middle) - 0.5) / sqrt(variance));
	}
	return p < 1 ? p : 1;
}

double
statistics_mann_whitney_least_p(size_t n, size_t m)
{
	/* 2 / (n + m choose n) */
	double orders = lgamma((double)(n + m + 1)) - lgamma((double)n + 1) - lgamma((double)m + 1);

	return fmin(1, 2 * exp(-orders));
}

/* shift_rank - how many differences to cut off at each end; *coverage: what is left. SIZE_MAX: no memory. */
static size_t
shift_rank(size_t n, size_t m, double confidence, double *coverage)
{
	size_t rank = 0, pairs = n * m;

	if (n < EXACT_MOST && m < EXACT_MOST) {
		double *law = mann_whitney_law(n, m);

		if (law == NULL)
			return (size_t)-1;
		while (2 * (rank + 1) < pairs && 2 * law[rank] < 1 - confidence)
			rank++;
		/* Now law[rank] is too much: cut off one less. */
		rank = rank > 0 ? rank - 1 : 0;
		*coverage = 1 - 2 * law[rank];
		free(law);
	} else {
		double sd = sqrt((double)pairs * (double)(n + m + 1) / 12), middle = (double)pairs / 2;

		while (2 * (rank + 2) < pairs && 2 * statistics_normal_p(((double)rank + 1.5 - middle) / sd) < 1 - confidence)
			rank++;
		*coverage = 1 - 2 * statistics_normal_p(((double)rank + 0.5 - middle) / sd);
	}
	*coverage = fmax(0, *coverage);
	return rank;
}

double
statistics_shift(const double *a, size_t n, const double *b, size_t m, double confidence, double *shift, double *lo,
    double *hi)
{
	double *difference = n > 0 && m > 0 ? malloc(n * m * sizeof(*difference)) : NULL, coverage = 0;
	size_t rank;

	*shift = *lo = *hi = NAN;
	if (difference == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++)
			difference[i * m + k] = a[i] - b[k];
	*shift = statistics_median(difference, n * m);
	rank = shift_rank(n, m, confidence, &coverage);
	if (rank < n * m) {
		*lo = difference[rank];
		*hi = difference[n * m - 1 - rank];
	}
	free(difference);
	return coverage;
}

double
statistics_stratified(const struct statistics_pair *pair, size_t pairs, double *z)
{
	double sum = 0, variance = 0, score;

	for (size_t i = 0; i < pairs; i++) {
		const struct statistics_pair *s = &pair[i];
		double weight = 1 / ((double)(s->n + s->m) + 1);
		bool ties = false;

		if (s->n == 0 || s->m == 0)
			continue;
		sum += weight * (pairs_above(s->a, s->n, s->b, s->m, &ties) - (double)s->n * (double)s->m / 2);
		variance += weight * weight * mann_whitney_variance(s->a, s->n, s->b, s->m, &ties);
	}
	score = variance > 0 ? sum / sqrt(variance) : 0;
	if (z != NULL)
		*z = score;
	return 2 * statistics_normal_p(-fabs(score));
}

bool
statistics_holm(double *p, size_t n)
{
	size_t *order = calloc(n + 1, sizeof(*order));
	double most = 0;

	if (order == NULL)
		return false;
	/* Insertion: there are as many as points of a run. */
	for (size_t i = 0, at; i < n; i++) {
		for (at = i; at > 0 && p[order[at - 1]] > p[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	for (size_t i = 0; i < n; i++) {
		most = fmax(most, fmin(1, (double)(n - i) * p[order[i]]));
		p[order[i]] = most;
	}
	free(order);
	return true;
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
