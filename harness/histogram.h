/*
 * histogram.h - latencies in log-linear buckets: each power of two is cut into
 * 2^HISTOGRAM_SUB_BITS equal parts, so a bucket is at most 1/32 of its value
 * wide, and values below 32 ns are exact (HdrHistogram's layout, Tene 2012).
 *
 * A plain struct of fixed size; all zero bytes is the empty histogram. One
 * writer, plain fields: nobody else looks before that writer has been joined.
 * Values are nanoseconds.
 */
#ifndef HARNESS_HISTOGRAM_H
#define HARNESS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_SUBS (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_RANGE_BITS 40
#define HISTOGRAM_LIMIT_NS (UINT64_C(1) << HISTOGRAM_RANGE_BITS) /* first value out of range: 18 minutes */
#define HISTOGRAM_BUCKETS ((HISTOGRAM_RANGE_BITS - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUBS)

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS]; /* values in each bucket */
	uint64_t total;                    /* values in all buckets: the sum of count[] */
	uint64_t lost;                     /* values out of range, in no bucket */
	uint64_t sum;                      /* of all values, the lost ones too; stops at UINT64_MAX */
	uint64_t min;                      /* of all values, exact; 0 if total + lost == 0 */
	uint64_t max;                      /* of all values, exact, the lost ones too */
};

/* histogram_index - the bucket of ns, which must be below HISTOGRAM_LIMIT_NS. */
static inline unsigned
histogram_index(uint64_t ns)
{
	/* The or keeps the shift at 0 for ns < SUBS: then the index is ns itself. */
	unsigned shift = 63u - HISTOGRAM_SUB_BITS - (unsigned)__builtin_clzll(ns | HISTOGRAM_SUBS);

	return shift * HISTOGRAM_SUBS + (unsigned)(ns >> shift);
}

/*
 * histogram_add - count one value.
 * Returns   true; false when ns is out of range: then it is counted in lost,
 *           and min, max and sum know it all the same.
 */
static inline bool
histogram_add(struct histogram *h, uint64_t ns)
{
	bool fits = ns < HISTOGRAM_LIMIT_NS;

	if (UNLIKELY(h->total + h->lost == 0) || ns < h->min)
		h->min = ns;
	if (ns > h->max)
		h->max = ns;
	h->sum = UNLIKELY(h->sum + ns < ns) ? UINT64_MAX : h->sum + ns;
	if (LIKELY(fits)) {
		h->count[histogram_index(ns)]++;
		h->total++;
	} else {
		h->lost++;
	}
	return fits;
}

/* histogram_add_many - count one value n times. */
void histogram_add_many(struct histogram *h, uint64_t ns, uint64_t n);

/* histogram_low - the smallest value of bucket index, which must be below HISTOGRAM_BUCKETS. */
uint64_t histogram_low(unsigned index);

/* histogram_high - the largest value of bucket index. */
uint64_t histogram_high(unsigned index);

/* histogram_merge - add everything that is in from to into; from stays as it is. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * histogram_percentile - the smallest recorded value that at least pct percent
 * of all values, the lost ones too, do not exceed; 0 <= pct <= 100.
 * Returns   the highest value of its bucket, so at most 1/32 too high and never
 *           too low; never above max; max itself when the value was lost; 0
 *           when the histogram is empty.
 * Misuse    pct outside 0 .. 100 aborts.
 */
uint64_t histogram_percentile(const struct histogram *h, double pct);

/*
 * histogram_percentile_censored - the percentile of times of which some are known only to be longer than
 * what is in censored (Kaplan and Meier 1958): the smallest time at which their estimate of the share that
 * is longer has fallen to 1 - pct / 100. In a bucket, what ended comes before what was censored.
 * Returns   as histogram_percentile() if nothing was censored; UINT64_MAX where the estimate never falls so
 *           far, or both are empty: then all that is known is that it is longer than censored->max.
 * Misuse    pct outside 0 .. 100 aborts.
 */
uint64_t histogram_percentile_censored(const struct histogram *ended, const struct histogram *censored, double pct);

/*
 * histogram_is_sound - can histogram_add() have made it? Its counts add up, and min and max are where
 * they say. For histograms that come from a file.
 */
bool histogram_is_sound(const struct histogram *h);

/* histogram_mean - sum over count, exact but for rounding; 0 when empty. */
double histogram_mean(const struct histogram *h);

#endif
