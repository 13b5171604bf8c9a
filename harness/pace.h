/*
 * pace.h - when the calls of an open loop are meant to begin, whether or not
 * those before them are done.
 *
 * In a closed loop a thread begins its next call when the last one has ended:
 * a map that stops for a second delays one call, and the thousand that users
 * would have sent meanwhile are never made, so never seen as late: coordinated
 * omission (Tene 2013, How NOT to Measure Latency). In an open loop each call has
 * an intended start, fixed in advance. Its response time runs from there to its end, its
 * service time from when it really began. Late calls are made as fast as they can
 * be; none is left out. Those that were due and had not begun when the time was up are counted (pace_due()):
 * without them the calls that waited longest would be missing.
 *
 * Every thread takes an equal share of the rate. Arrivals are evenly spaced,
 * the threads' in turn, or a Poisson process, as requests of many independent
 * users are.
 */
#ifndef HARNESS_PACE_H
#define HARNESS_PACE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/random.h"

enum pace_arrival { PACE_EVEN, PACE_POISSON };

/* One thread's; plain. All zero: a closed loop. */
struct pace {
	bool open;
	enum pace_arrival arrival;
	double gap_ns;          /* mean time between two calls of this thread */
	double next_ns;         /* the next call's intended start, since start_ns */
	uint64_t start_ns;
	struct random random;
};

/*
 * pace_init - thread's share of rate calls a second by all threads together.
 * Misuse    rate must not be 0, thread below threads.
 */
static inline void
pace_init(struct pace *p, enum pace_arrival arrival, uint64_t rate, unsigned thread, unsigned threads, uint64_t seed)
{
	misuse_if(rate == 0 || thread >= threads, "pace_init: rate must not be 0, thread must be below threads");
	*p = (struct pace){ .open = true, .arrival = arrival, .gap_ns = 1e9 * threads / (double)rate };
	p->next_ns = arrival == PACE_EVEN ? 1e9 * thread / (double)rate : 0;
	random_seed(&p->random, seed, thread);
}

/* pace_start - time 0 of the schedule, or, when the thread had to wait for others, its new time 0. */
static inline void
pace_start(struct pace *p, uint64_t now_ns)
{
	p->start_ns = now_ns;
	if (p->next_ns > p->gap_ns)
		p->next_ns = 0;
}

/* pace_next - the intended start of the next call. */
static inline uint64_t
pace_next(struct pace *p)
{
	uint64_t at_ns;

	if (p->arrival == PACE_POISSON)
		/* 1 - u lies in (0, 1]. */
		p->next_ns += -log(1 - random_unit(&p->random)) * p->gap_ns;
	at_ns = p->start_ns + (uint64_t)p->next_ns;
	if (p->arrival == PACE_EVEN)
		p->next_ns += p->gap_ns;
	return at_ns;
}

/*
 * pace_due - how many calls were to begin until now_ns, from the one that was to begin at at_ns on. Of a Poisson
 * process those that are to be expected.
 */
static inline uint64_t
pace_due(const struct pace *p, uint64_t at_ns, uint64_t now_ns)
{
	return at_ns > now_ns ? 0 : 1 + (uint64_t)((double)(now_ns - at_ns) / p->gap_ns);
}

#endif
