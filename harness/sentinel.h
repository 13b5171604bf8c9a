/*
 * sentinel.h - was somebody else at work while we measured? It reads what the
 * kernel counts for the processors that this process may use, and keeps a
 * thread of its own that sleeps 1 ms at a time and notes how late it wakes.
 *
 *	steal      time that the hypervisor gave to others            /proc/stat
 *	foreign    time that other processes used: busy time less our own
 *	hiccup     delay of the sleeper's wake-ups beyond 0.1 ms (Tene's jHiccup)
 *	frequency  cpufreq's scaling_cur_freq, where there is one
 *
 * /proc/stat counts in ticks of 10 ms: one tick a processor is taken off before a
 * trial is called disturbed, and a trial of less than 100 ms is too short to be
 * judged at all. Hiccups count only where a processor was free of workers: a
 * sleeper that shares one with them waits for us, not for others.
 * Threads: one at a time; the sentinel's own thread is its own affair.
 */
#ifndef HARNESS_SENTINEL_H
#define HARNESS_SENTINEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "harness/record.h"

#define SENTINEL_SHORTEST_S 0.1

struct sentinel; /* sentinel_new() */

/* sentinel_new - for the processors that the calling thread may use now. NULL: no memory. */
struct sentinel *sentinel_new(void) MUST_USE;

/* sentinel_new_from - the same, with /proc and /sys below the folder root (without a final slash). */
struct sentinel *sentinel_new_from(const char *root) MUST_USE;
void sentinel_free(struct sentinel *s); /* NULL is allowed */

/* sentinel_cpus - how many processors it watches. */
unsigned sentinel_cpus(const struct sentinel *s);

/* sentinel_begin, sentinel_end - around the measured part; end fills in the record's columns of this name. */
void sentinel_begin(struct sentinel *s);
void sentinel_end(struct sentinel *s, struct record *record);

/* sentinel_tick_pct - one of the kernel's ticks, % of a trial of that length: so much is taken off steal and foreign. */
double sentinel_tick_pct(double elapsed_s);

/*
 * sentinel_judge - set record's disturbed and disturbance: did others take more
 * than limit_pct, in one of the four ways? limit_pct 0: never disturbed.
 */
void sentinel_judge(struct record *record, unsigned cpus, double limit_pct);

#endif
