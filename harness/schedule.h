/*
 * schedule.h - which trials a run consists of: its points (subject x its
 * options x workload x its options x threads), checked as far as can be
 * before anything runs, and the order of each round. A round is one trial of every point, so
 * that a slow drift of the machine meets all points alike.
 */
#ifndef HARNESS_SCHEDULE_H
#define HARNESS_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "core/base.h"
#include "harness/options.h"
#include "harness/plugin.h"
#include "harness/plugins.h"
#include "harness/record.h"
#include "harness/roles.h"
#include "harness/topology.h"

/* One call in 2^so many is timed where neither --latency-sample nor the workload says otherwise. */
#define SCHEDULE_LATENCY_SHIFT 8

/* A chosen plug-in and the values of its options. */
struct schedule_choice {
	struct plugin *plugin;
	struct option_sets sets;
};

struct schedule_point {
	const struct plugin *subject, *workload;
	const struct option_values *subject_options, *workload_options;
	struct plan plan;
	unsigned threads; /* of which plan.readers are readers */
	uint64_t rate;    /* calls a second; 0: closed loop */
	size_t run_set;   /* which of source.run_options */
	unsigned latency_shift; /* one call in 2^latency_shift is timed */
	const struct placement *placement; /* threads of them; NULL: not pinned */
	char workload_title[RECORD_TEXT]; /* "mixed", "ycsb:a" */
	char *options;    /* canonical JSON for the record: { "run", "subject", "workload" } */
	char label[400];  /* for people: "seed mixed 2 threads zipf:0.99 get=100" */
};

struct schedule {
	struct plugin **variant; /* those that options asked for instead of the one that was chosen */
	size_t variants;
	struct schedule_point *point; /* workload by workload, threads, rates, subjects: the order given */
	size_t count;
	/* Where threads go, one array for each of the thread counts. */
	struct placement **placement;
	size_t placements;
};

/* What to make a schedule from; only borrowed, and must outlive it. */
struct schedule_source {
	const struct schedule_choice *subject, *workload;
	size_t subjects, workloads;
	bool leave_out;      /* a subject that lacks what a workload needs, unless that leaves none */
	const uint64_t *threads; /* ROLES() */
	size_t thread_counts;
	const uint64_t *rates; /* of open loops; rate_count 0: the closed one */
	size_t rate_count;
	struct topology *topology;
	const char *pin;
	json_t *const *run_options; /* for the record; each of them is measured; "latency-sample": null = see above */
	size_t run_sets;            /* at least 1 */
};

/*
 * schedule_make - all points.
 * Returns   true, and schedule_free() is owed; false and one line in error: options that do
 *           not fit together, a plan that makes no sense, an operation that a workload
 *           needs and a subject lacks, a place that cannot be had, no memory.
 */
bool schedule_make(struct schedule *s, const struct schedule_source *source, char *error, size_t size) MUST_USE;
void schedule_free(struct schedule *s);

/* schedule_needs_met - can the subject do that load? False and one line in error: what it lacks. */
bool schedule_needs_met(const struct subject *subject, const struct plugin *workload, const struct plan *plan, char *error,
    size_t size) MUST_USE;

/*
 * schedule_plan - a digest of what is measured, in digest[33]: of every point all that
 * identifies it, in order, with where threads and memory go and the seed. Two runs of the same plan differ
 * at most in how many trials they make and in what order. False: no memory.
 */
bool schedule_plan(const struct schedule *s, const char *pin, const char *membind, uint64_t seed,
    char digest[33]) MUST_USE;

/*
 * schedule_round - the order of round number `round`, from 0, in order[0 .. count-1]:
 * random, a function of (seed, round), or as given.
 */
void schedule_round(const struct schedule *s, bool random, uint64_t seed, uint64_t round, size_t *order);

#endif
