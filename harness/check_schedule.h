/*
 * check_schedule.h - hamtbench check --schedule: a map under chosen schedules, each a few operations of
 * a few threads, and each judged by linearize.h. In builds whose maps have schedule points only
 * (make V=sched or V=schedasan; core/scheduler.h).
 *
 * The threads are contexts of the caller's: one check at a time in a process, and no other thread may use
 * a map meanwhile.
 */
#ifndef HARNESS_CHECK_SCHEDULE_H
#define HARNESS_CHECK_SCHEDULE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/plugin.h"

#define CHECK_SCHEDULE_THREADS 8

struct check_schedule {
	const struct subject *subject;
	const struct option_values *options;
	unsigned threads;          /* at most CHECK_SCHEDULE_THREADS */
	const char *text;          /* "pct:depth=3,seed=42,schedules=1000" */
	const char *again;         /* the command that a schedule's text completes, for a failure */
	bool verbose;              /* a failure prints what threads did to what they share */
	const volatile sig_atomic_t *interrupted;
	void (*tick)(void *arg, const char *stage, double done_share, double mops); /* progress_tick() */
	void *tick_arg;
	/* What came of it. */
	uint64_t schedules, operations, points;
};

/* check_schedule_parse - is it well formed? An option's check, see plugin.h. False also in builds without schedule points. */
bool check_schedule_parse(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size);

/*
 * check_schedule_run - all the schedules. Does not return when one fails: it says what was wrong, with the schedule's own
 * text and command, and ends the process with status 1 (or a signal, where the map crashed).
 * Returns   true; false and one line in error: the map cannot be made, or has no schedule points.
 */
bool check_schedule_run(struct check_schedule *c, char *error, size_t error_size) MUST_USE;

#endif
