/*
 * clock.h - nanoseconds, cheaply. The time stamp counter where processor and
 * kernel both vouch for it, CLOCK_MONOTONIC elsewhere; the two agree at
 * clock_init() to within a microsecond and then drift apart by at most the
 * stated uncertainty, plus what the kernel slews the latter by.
 */
#ifndef HARNESS_CLOCK_H
#define HARNESS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "core/base.h"

/* Written by clock_init() only; afterwards any number of threads read it. */
struct clock {
	bool tsc;               /* the counter is used; else CLOCK_MONOTONIC */
	uint64_t mult;          /* ns = origin_ns + (ticks - origin_ticks) * mult / 2^shift */
	unsigned shift;
	uint64_t origin_ticks;
	uint64_t origin_ns;     /* on CLOCK_MONOTONIC */
	double tsc_mhz;         /* the rate found; 0 without tsc */
	double uncertainty_ppm; /* of that rate; 0 without tsc */
	char note[120];         /* why this clock and not the other; never empty, one line */
};

/*
 * clock_init - choose the clock and, for the counter, find its rate: about 20 ms, at most 100 ms.
 * The environment's HAMTBENCH_CLOCK=monotonic or tsc decides when it is set.
 * Returns   true; false when HAMTBENCH_CLOCK asks for what there is not or is
 *           neither of the two: note says so, and *c works all the same
 *           (CLOCK_MONOTONIC).
 * Threads   once, before *c is shared.
 */
bool clock_init(struct clock *c);

/*
 * clock_now_ns - the time now, on the scale of CLOCK_MONOTONIC.
 * The reading stays in its place: rdtscp waits until all that comes before it
 * is done, loads from memory included, and lfence holds back what comes
 * after. A bare rdtsc would be done while a lookup's cache miss is under way, and
 * the miss would not be in the latency.
 * Threads   any number at once. Wait-free.
 */
static inline uint64_t
clock_now_ns(const struct clock *c)
{
	struct timespec t;

#ifdef __x86_64__
	if (LIKELY(c->tsc)) {
		unsigned processor;
		uint64_t ticks = __builtin_ia32_rdtscp(&processor) - c->origin_ticks;

		__builtin_ia32_lfence();
		return c->origin_ns + (uint64_t)((unsigned __int128)ticks * c->mult >> c->shift);
	}
#else
	(void)c;
#endif
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* clock_cost_ns - what one clock_now_ns() costs, the quickest of several batches; takes under 5 ms. */
double clock_cost_ns(const struct clock *c);

/* clock_name - "tsc" or "monotonic". */
const char *clock_name(const struct clock *c);

#endif
