/*
 * points.h - trials of the same thing put together: a point is what one mark
 * in a plot or one row of the summary table shows.
 *
 * Two trials belong to the same point when environment, subject, reclaimer, workload,
 * threads, keys, dist, mix, pin, membind and options are equal. So options (struct
 * record) must hold nothing that differs from trial to trial of a point.
 * Figures come from the valid trials only: a wrong map has no speed. Of these
 * the disturbed ones (sentinel.h) are left out as long as they are at most half;
 * else all count and the point is marked as noisy.
 */
#ifndef HARNESS_POINTS_H
#define HARNESS_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "harness/record.h"

#define POINTS_CONFIDENCE 0.95
#define POINTS_ROOFLINE "roofline" /* the subject that is the practical limit */

struct points; /* points_new() */

/* One phase of a workload that has several: medians of the trials used, but the longest pause of all valid ones. */
struct point_phase {
	char name[PLAN_PHASE_NAME];
	double mops, elapsed_s, begin_s;
	double pause_max_ns;
	char pause_op[16], pause_cause[48];
};

/* NAN: no valid trial, or none with a sample. */
struct point {
	char environment[33];           /* id; "" = not known */
	char subject[RECORD_TEXT], reclaimer[80], workload[RECORD_TEXT];
	uint64_t threads, keys;
	char dist[RECORD_TEXT], mix[RECORD_TEXT];
	char pin[RECORD_TEXT], membind[32];
	const char *options;            /* of points; NULL if the records had none */

	uint64_t trials, valid;
	uint64_t disturbed;             /* of the valid ones */
	uint64_t not_judged;            /* valid ones too short for that (SENTINEL_SHORTEST_S) */
	uint64_t used;                  /* valid ones that the figures come from */
	bool noisy;                     /* more were disturbed than not, and are used, too */
	uint64_t outliers;              /* of those used, beyond a fence; shown, not dropped */
	double mops_fence_lo, mops_fence_hi; /* 1.5 interquartile ranges from the quartiles (Tukey 1977); NAN below 4 trials */

	double mops_median, mops_min, mops_max;
	double mops_lo, mops_hi;        /* interval of the median, statistics_median_ci() or, with looks, statistics_sequential_ci() */
	double mops_coverage;           /* the confidence it really has; 0 for one trial */
	uint64_t looks;                 /* most of any of its trials; UINT64_MAX: none has any */
	/* mops_median over the roofline's at the same point: all is equal but subject, reclaimer
	 * and, in the JSON object options, the member "subject". NAN: not measured, or measured
	 * with several options of its own. */
	double roofline_ratio;

	/* Medians over trials of the record's column of that name. */
	double hit_ratio, jain, cpu_ns_per_op, overhead_ns, thread_min_mops, thread_max_mops;
	double cas_failed_per_op, cas_wait_ns_per_op;
	double reader_mops, writer_mops, reader_jain, writer_jain; /* NAN: no roles */
	double get_p50_ns, get_p90_ns, get_p99_ns, get_p999_ns, get_max_ns;
	double update_p50_ns, update_p90_ns, update_p99_ns, update_p999_ns, update_max_ns;
	double get_response_p50_ns, get_response_p99_ns, get_response_p999_ns, get_response_max_ns; /* open loop */
	double update_response_p50_ns, update_response_p99_ns, update_response_p999_ns, update_response_max_ns;
	double rate;                    /* NAN: closed loop */
	double pending_mean, bound_share, pass_share, stall_slope, drain_ns;
	double reclaim_p50_ns, reclaim_p90_ns, reclaim_p99_ns, reclaim_p999_ns, reclaim_max_ns;
	double rss_bytes;
	double cycles_per_op, instructions_per_op, cache_misses_per_op, tlb_misses_per_op, branch_misses_per_op;

	double pause_max_ns;            /* the longest of all valid trials, and */
	char pause_op[16], pause_cause[48]; /* what the record says of it */
	/* The largest of all valid trials that counted garbage: also of those that differ from the point's in
	 * nothing but --smr-stats. And of the columns bound_share of the same trials. */
	double pending_peak, bound_share_peak;
	uint64_t stalls, undrained;     /* of all valid trials together; 0 where there are none */
	uint64_t reclaim_trials;        /* of those used, how many took times from retire to free */
	/* Where reclaim_p50_ns, reclaim_p99_ns is not known since objects were still waiting: it is more than this. Else NAN. */
	double reclaim_p50_above_ns, reclaim_p99_above_ns;
	char roles[ROLES_TEXT];         /* in options, too */
	bool presized;                  /* the map was made for its final size, and does not grow */
	unsigned phases;                /* of the first valid trial; 0: the workload has none */
	struct point_phase phase[PLAN_PHASES];
};

/* points_new - no points yet; NULL = no memory. */
struct points *points_new(void) MUST_USE;

/* points_free - NULL is allowed. */
void points_free(struct points *p);

/*
 * points_add - one more trial; the record is copied from. environment is its id.
 * False: no memory, and p is as it was.
 */
bool points_add(struct points *p, const char *environment, const struct record *record) MUST_USE;

/* points_finish - work out all figures. Call it before points_at(); points_add() may follow again. */
void points_finish(struct points *p);

/*
 * points_part - those points i of p for which keep[i], in the same order, after points_finish(): for what takes
 * finished points. They stay p's, which must outlive the part; neither points_add() nor points_finish() on it.
 * Returns   the part, for points_free(); NULL = no memory.
 */
struct points *points_part(const struct points *p, const bool *keep) MUST_USE;

/*
 * points_values - what the trials used say, in the order in which they were added, of one figure by its
 * column's name ("mops", "get_p99_ns", ...), after points_finish(). NULL: no figure of that name.
 */
const double *points_values(const struct points *p, size_t i, const char *name, size_t *count);

/*
 * points_trials - the throughput of all valid trials, also of those that the figures leave out:
 * (*disturbed)[i] says so, unless the point is noisy. NAN: no value. NULL: there is none.
 */
const double *points_trials(const struct points *p, size_t i, const bool **disturbed, size_t *count);

/* points_find - which point a trial was added to; SIZE_MAX: to none. */
size_t points_find(const struct points *p, const char *environment, const struct record *record);

/* points_figure_names - the names that points_values() knows, NULL-ended. */
extern const char *const points_figure_names[];

/* points_is_own - hamtbench measured it: there are options of a run. What another program did has none. */
bool points_is_own(const struct point *p);

/* points_count, points_at - the points in order of first appearance; i < count. */
size_t points_count(const struct points *p);
const struct point *points_at(const struct points *p, size_t i);

#endif
