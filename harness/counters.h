/*
 * counters.h - what the kernel counts for one thread: cycles, instructions,
 * misses where the machine lets a process see them, and software events
 * otherwise. Costs nothing while it counts.
 *
 * A thread opens its own counters, and starts and stops them around what is
 * measured. Where more hardware events are asked for than the processor has
 * registers, the kernel takes turns; what comes out is scaled to the whole time.
 * User space only: so it works up to kernel.perf_event_paranoid = 2.
 * See perf_event_open(2).
 */
#ifndef HARNESS_COUNTERS_H
#define HARNESS_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

enum counter {
	COUNTER_CYCLES, COUNTER_INSTRUCTIONS, COUNTER_CACHE_MISSES, COUNTER_TLB_MISSES, COUNTER_BRANCH_MISSES,
	COUNTER_PAGE_FAULTS, COUNTER_MIGRATIONS, /* from here on: software, kernel included */
	COUNTERS
};

/* Of one thread; plain, all zero is closed. */
struct counters {
	int fd[COUNTERS];      /* -1: not to be had */
	double value[COUNTERS];
	bool open;
};

/* Which there are: (1u << enum counter) of each. */
#define COUNTERS_HARDWARE ((1u << COUNTER_PAGE_FAULTS) - 1)

/*
 * counters_probe - those that this process may use. why: if hardware events are
 * missing, the reason in one line for people; else "".
 */
unsigned counters_probe(char *why, size_t size);

/* counters_open - those of the calling thread, stopped. What cannot be had is left out. */
void counters_open(struct counters *c);

/* counters_start, counters_stop - by the thread that opened them; each once. */
void counters_start(struct counters *c);
void counters_stop(struct counters *c);

/* counters_value - how many between start and stop; NaN: not to be had, or never on the processor. */
double counters_value(const struct counters *c, enum counter counter);

void counters_close(struct counters *c);

#endif
