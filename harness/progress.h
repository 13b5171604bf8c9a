/*
 * progress.h - how far a run is and how long it will take, on stderr: one line
 * rewritten on a terminal, at most ten times a second; a plain line about every ten
 * seconds elsewhere. Time left comes from what the trials took so far, point
 * by point: a point not yet seen takes the average of the others.
 * Threads: the main thread only.
 */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base.h"

struct progress; /* progress_new() */

/*
 * progress_new - `points` points are ahead, of each trials_each trials until progress_want() says otherwise.
 * out       NULL: say nothing, ever.
 * guess_ns  what a trial may take, until one has been seen.
 * Returns   the progress, for progress_free(); NULL = no memory.
 */
struct progress *progress_new(FILE *out, size_t points, uint64_t trials_each, uint64_t guess_ns) MUST_USE;

/* progress_want - of that point so many trials in all are to be made by this process. */
void progress_want(struct progress *p, size_t point, uint64_t trials);

/* progress_free - takes the line away; NULL is allowed. */
void progress_free(struct progress *p);

/* progress_begin - a trial of that point starts; label is copied. */
void progress_begin(struct progress *p, size_t point, const char *label);

/* progress_tick - the trial goes on; mops NaN: not measuring. p is a struct progress *; made for trial_request.tick. */
void progress_tick(void *p, const char *stage, double done_share, double mops);

/* progress_tick_at - the same at a time of CLOCK_MONOTONIC that is not before the one of the last tick. */
void progress_tick_at(struct progress *p, uint64_t now_ns, const char *stage, double done_share, double mops);

/* progress_disturbed - the trial just made was, or was not. The line says how many of the trials were. */
void progress_disturbed(struct progress *p, bool disturbed);

/* progress_end - the trial is over, finished or failed. */
void progress_end(struct progress *p);

/* progress_clear - take the line away before something else is written; the next tick brings it back. */
void progress_clear(struct progress *p);

/*
 * progress_left_ns - the estimate of the time left, at now_ns on CLOCK_MONOTONIC. What the trial under way takes beyond its
 * own estimate is not in it; the line says "more than", or "longer than expected" if it is the last one.
 */
uint64_t progress_left_ns(const struct progress *p, uint64_t now_ns);

/* progress_format_time - "9 s", "3 min 05 s", "2 h 10 min": rounded up to whole seconds or minutes. */
void progress_format_time(uint64_t ns, char *text, size_t size);

#endif
