/*
 * histogram.c - bucket (octave, part) holds the values octave zeros shifted in
 * behind the 6 bits 1ppppp; the first two octaves are 0 .. 31 and 32 .. 63, one
 * value a bucket:
 *	low(index)  = index                            index < 32
 *	            = (32 + index % 32) << (index / 32 - 1)   otherwise
 */
#include "harness/histogram.h"

uint64_t
histogram_low(unsigned index)
{
	invariant(index < HISTOGRAM_BUCKETS);
	if (index < HISTOGRAM_SUBS)
		return index;
	return (uint64_t)(HISTOGRAM_SUBS + index % HISTOGRAM_SUBS) << (index / HISTOGRAM_SUBS - 1);
}

uint64_t
histogram_high(unsigned index)
{
	return index + 1 == HISTOGRAM_BUCKETS ? HISTOGRAM_LIMIT_NS - 1 : histogram_low(index + 1) - 1;
}

void
histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->total + from->lost == 0)
		return;
	if (into->total + into->lost == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->sum = into->sum + from->sum < into->sum ? UINT64_MAX : into->sum + from->sum;
	into->total += from->total;
	into->lost += from->lost;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->count[i] += from->count[i];
}

void
histogram_add_many(struct histogram *h, uint64_t ns, uint64_t n)
{
	uint64_t sum;

	if (n == 0)
		return;
	if (histogram_add(h, ns)) {
		h->count[histogram_index(ns)] += n - 1;
		h->total += n - 1;
	} else {
		h->lost += n - 1;
	}
	if (__builtin_mul_overflow(ns, n - 1, &sum) || __builtin_add_overflow(h->sum, sum, &h->sum))
		h->sum = UINT64_MAX;
}

uint64_t
histogram_percentile(const struct histogram *h, double pct)
{
	uint64_t all = h->total + h->lost, below = 0, rank;
	double exact;

	misuse_if(!(pct >= 0 && pct <= 100), "histogram_percentile: pct must be 0 .. 100");
	if (all == 0)
		return 0;
	/* The rank-th smallest value: rank = ceil(pct % of all), at least 1. */
	exact = (double)all * pct / 100;
	/* 99.9 is a little more than 99.9 in binary: that must not cost a rank. */
	exact -= exact * 0x1p-50;
	rank = exact >= (double)all ? all : (uint64_t)exact;
	if (rank < all && (double)rank < exact)
		rank++;
	if (rank == 0)
		rank = 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += h->count[i];
		if (below >= rank) {
			uint64_t high = histogram_high(i);

			return high < h->max ? high : h->max;
		}
	}
	/* A lost value: larger than all in the buckets. */
	return h->max;
}

uint64_t
histogram_percentile_censored(const struct histogram *ended, const struct histogram *censored, double pct)
{
	uint64_t left = ended->total + ended->lost + censored->total + censored->lost;
	/* A little more than 1 - pct / 100: rounding must not cost a bucket. */
	double longer = 1, share = 1 - pct / 100 + 1e-12;

	misuse_if(!(pct >= 0 && pct <= 100), "histogram_percentile_censored: pct must be 0 .. 100");
	if (ended->total + ended->lost == 0)
		return UINT64_MAX;
	if (censored->total + censored->lost == 0)
		return histogram_percentile(ended, pct);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		/* longer(t) = product over times up to t of 1 - ended there / left before */
		if (ended->count[i] > 0) {
			longer *= 1 - (double)ended->count[i] / (double)left;
			if (longer <= share) {
				uint64_t high = histogram_high(i);

				return high < ended->max ? high : ended->max;
			}
		}
		left -= ended->count[i] + censored->count[i];
	}
	/* Nothing was left when the last one ended, though they may share its bucket. */
	return ended->max > censored->max ? ended->max : UINT64_MAX;
}

bool
histogram_is_sound(const struct histogram *h)
{
	unsigned first = HISTOGRAM_BUCKETS, last = 0;
	uint64_t total = 0, all;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (__builtin_add_overflow(total, h->count[i], &total))
			return false;
		if (h->count[i] == 0)
			continue;
		first = first == HISTOGRAM_BUCKETS ? i : first;
		last = i;
	}
	if (total != h->total || __builtin_add_overflow(total, h->lost, &all))
		return false;
	if (all == 0)
		return h->min == 0 && h->max == 0;
	/* The smallest value is in a bucket if any is, the largest if all are. */
	if (total == 0 ? h->min < HISTOGRAM_LIMIT_NS :
	    h->min >= HISTOGRAM_LIMIT_NS || histogram_index(h->min) != first)
		return false;
	return h->min <= h->max && (h->lost > 0 ? h->max >= HISTOGRAM_LIMIT_NS :
	    h->max < HISTOGRAM_LIMIT_NS && histogram_index(h->max) == last);
}

double
histogram_mean(const struct histogram *h)
{
	uint64_t all = h->total + h->lost;

	return all == 0 ? 0 : (double)h->sum / (double)all;
}
