/*
 * runner.h - one trial, from the first thread to the validated record.
 *
 *	pin, attach, begin | prefill, flush | warm up | common start, measure,
 *	stop | drain, statistics at stop, validate | end, detach, join | destroy
 *
 * The calling thread samples garbage and memory while the workers run, on a
 * processor that none of them is bound to, if there is one, and watches that
 * each of them moves on. A trial in which more objects were pending than the
 * subject's bound allows is not valid.
 */
#ifndef HARNESS_RUNNER_H
#define HARNESS_RUNNER_H

#include <signal.h>

#include "harness/clock.h"
#include "harness/pace.h"
#include "harness/plugin.h"
#include "harness/record.h"
#include "harness/sentinel.h"
#include "harness/topology.h"

enum smr_stats { SMR_OFF, SMR_COUNTERS, SMR_SAMPLED, SMR_FULL };

struct history_recorder; /* harness/history.h */

struct trial_request {
	const struct subject *subject;
	const struct workload *workload;
	const struct option_values *subject_options, *workload_options;
	const struct plan *plan;              /* from workload->plan() */
	unsigned threads;
	uint64_t seed;                        /* of this trial */
	struct topology *topology;
	const struct placement *placement;    /* threads of them; NULL: not pinned */
	const char *membind;                  /* "none", "local", "interleave" */
	const struct clock *clock;
	uint64_t duration_ns, warmup_ns;
	uint64_t sample_interval_ns;          /* of garbage and memory */
	uint64_t watchdog_ns;                 /* a worker without a completed call for so long ends the run */
	unsigned latency_shift;               /* 1 in 2^shift calls is timed */
	uint64_t rate;                        /* calls a second that all workers together begin; 0: closed loop */
	enum pace_arrival arrival;
	bool counters;                        /* counters.h around the measured loop of each worker */
	struct history_recorder *history;     /* NULL: not recorded. Room for threads + 1; when it is full the trial ends.
	                                         The measured part goes into it, what the map held before it and after it, and with
	                                         SUBJECT_EACH_LIVE what main sees when it iterates meanwhile */
	enum smr_stats smr_stats;             /* off: no probe, no samples; counters: samples;
	                                         sampled: probe 1 in 64 retires; full: every retire */
	bool keeps;                           /* earlier trials are in a file: said where a map ends the process */
	const volatile sig_atomic_t *interrupted; /* set by a signal: end soon */
	struct sentinel *sentinel;            /* around the measured part; NULL: nobody looks */
	/* Called by the main thread some times a second; may be NULL. stage is a word for
	 * people, mops the throughput so far of the measured part, else NaN. */
	void (*tick)(void *arg, const char *stage, double done_share, double mops);
	void *tick_arg;
};

enum trial_status {
	TRIAL_DONE,        /* the record is complete; record->valid says whether the map was right */
	TRIAL_INTERRUPTED, /* nothing to record */
	TRIAL_FAILED,      /* could not run: one line in error */
};

/*
 * runner_run - run one trial and fill in record's figures, series, valid and
 * why, and the columns subject, reclaimer, workload, threads, keys, dist, mix
 * and seed. The caller fills in the rest (options, trial, position, pin, membind).
 * A hung worker ends the process with status 1 after a line that names the
 * subject, the thread, the stage and the operation; a map that calls exit() ends
 * it with status 1, and one that crashes with its signal, after a line that names the subject.
 */
enum trial_status runner_run(const struct trial_request *request, struct record *record,
    char *error, size_t error_size);

#endif
