/*
 * record.h - what one trial is: how it was run, what came out, and the series
 * that belong to it.
 *
 * record_columns[] is the one list of columns: the results database, every
 * export and the help of `hamtbench list` are made from it.
 */
#ifndef HARNESS_RECORD_H
#define HARNESS_RECORD_H

#include "core/base.h"
#include "harness/histogram.h"
#include "harness/plugin.h"
#include "harness/roles.h"

#define RECORD_TEXT 160

struct record_sample {           /* garbage and memory over time, measured part only */
	uint64_t at_ns;              /* since the common start */
	uint64_t pending, pending_bytes;
	uint64_t rss_bytes;
	uint64_t ops;                /* done so far, all threads */
	uint64_t longest_ns;         /* timed call that ended since the sample before; open loop: from its intended start */
	uint64_t resizings;          /* calls so far that resized the map, helped or waited; seen with the next timed call */
};

struct record_thread {
	int cpu;                     /* OS number; -1: not pinned */
	uint64_t ops;
	uint64_t elapsed_ns;
};

struct record_phase {
	char name[PLAN_PHASE_NAME];
	uint64_t ops;
	double elapsed_s, mops;
	double begin_s;              /* since the common start; NaN: not one stretch of time */
	uint64_t pause_max_ns;       /* its longest timed call, as the record's; UINT64_MAX: none */
	char pause_op[16], pause_cause[48];
};

enum record_histogram {          /* which latencies are kept */
	RECORD_GET, RECORD_INSERT, RECORD_UPSERT, RECORD_REMOVE, RECORD_REPLACE, RECORD_MODIFY,
	RECORD_GET_MANY, RECORD_SCAN, /* up to here: RECORD_GET + enum op */
	RECORD_RESPONSE_GET, RECORD_RESPONSE_INSERT, RECORD_RESPONSE_UPSERT, RECORD_RESPONSE_REMOVE,
	RECORD_RESPONSE_REPLACE, RECORD_RESPONSE_MODIFY, RECORD_RESPONSE_GET_MANY,
	RECORD_RESPONSE_SCAN,        /* open loop, from the intended start: RECORD_RESPONSE_GET + enum op */
	RECORD_RESPONSE_UPDATE,
	RECORD_UPDATE,               /* insert, upsert, remove, replace, modify together */
	RECORD_RECLAIM,
	RECORD_CENSORED,             /* age of objects not yet freed at stop */
	RECORD_PASS,                 /* how long passes of reclamation took on the workers */
	RECORD_WITH_PASS, RECORD_WITHOUT_PASS, /* calls of any kind, by whether a pass ran inside */
	RECORD_HISTOGRAMS
};
extern const char *const record_histogram_names[RECORD_HISTOGRAMS];

struct record {
	/* How it was run: together with the environment, what identifies a trial. */
	char subject[RECORD_TEXT], reclaimer[80], workload[RECORD_TEXT];
	uint64_t threads, keys;
	char dist[RECORD_TEXT], mix[RECORD_TEXT];
	char *options;               /* all options of run, workload and subject: canonical JSON; owned */
	uint64_t trial, position;    /* position: place in the random order of the series, from 0 */
	uint64_t looks;              /* statistics_looks() of --ci; UINT64_MAX: how many trials was planned */
	uint64_t seed;
	char pin[RECORD_TEXT], membind[32];

	/* Throughput. mops = sum over threads of ops / that thread's own time from the common start
	 * to its last operation; elapsed_s is the longest of these times. Of a fixed amount of work: ops / elapsed_s,
	 * since a thread that is ready early does nothing until the others are. */
	double elapsed_s;
	uint64_t ops, hits, misses;
	uint64_t scanned;            /* pairs that scans returned */
	double mops, hit_ratio;      /* hit_ratio: of the keys looked up; NaN = none was */
	double thread_min_mops, thread_max_mops, jain;
	char roles[ROLES_TEXT];      /* "readers=6,writers=2"; "" = the threads had none */
	double reader_mops, writer_mops, reader_jain, writer_jain; /* NaN: no roles */
	double cpu_ns_per_op;        /* processor time of the workers per operation */
	double overhead_ns;          /* the same on subject null, or null-bytes, at this load and threads, before the run; NaN: not measured */

	/* Compare-and-swaps that failed; NaN, UINT64_MAX = the subject cannot say. */
	double cas_failed_per_op, cas_wait_ns_per_op;
	uint64_t cas_expired;

	/* Latency, from samples; UINT64_MAX = no sample. */
	uint64_t get_p50_ns, get_p90_ns, get_p99_ns, get_p999_ns, get_p9999_ns, get_max_ns;
	uint64_t update_p50_ns, update_p90_ns, update_p99_ns, update_p999_ns, update_p9999_ns, update_max_ns;
	uint64_t get_many_p50_ns, get_many_p99_ns, get_many_p999_ns, get_many_max_ns; /* of a batch */
	uint64_t scan_p50_ns, scan_p99_ns, scan_p999_ns, scan_max_ns;                 /* of a scan */
	uint64_t latency_samples, latency_lost;
	/* Open loop only: calls a second that were to begin, all threads, and latencies from the intended start. */
	double rate;                 /* NaN: closed loop */
	uint64_t unserved;           /* UINT64_MAX: closed loop */
	uint64_t get_response_p50_ns, get_response_p99_ns, get_response_p999_ns, get_response_max_ns;
	uint64_t update_response_p50_ns, update_response_p99_ns, update_response_p999_ns, update_response_max_ns;

	/* The longest timed call, from its real begin; UINT64_MAX: none was timed. */
	uint64_t pause_max_ns;
	double pause_at_s;           /* its begin, since the common start */
	char pause_op[16], pause_cause[48]; /* resize, reclamation, preempted, joined by commas; unknown */

	/* Reclamation: harness.md's metrics. */
	uint64_t retired, freed;     /* during the measured part */
	uint64_t pending_peak, pending_peak_bytes, pending_stop;
	uint64_t pending_stop_bytes;
	double pending_mean, pending_mean_bytes; /* time-weighted */
	uint64_t bound;              /* 0 = none */
	double bound_share;          /* pending_peak / bound; NaN = none */
	uint64_t scans, examined, blocked;
	uint64_t reclaim_p50_ns, reclaim_p90_ns, reclaim_p99_ns, reclaim_p999_ns, reclaim_p9999_ns, reclaim_max_ns;
	uint64_t reclaim_samples, censored_samples, censored_p50_ns, censored_max_ns;
	uint64_t pass_p50_ns, pass_p99_ns, pass_max_ns;
	double pass_share;           /* of the workers' time that was spent in passes; NaN: not looked at */
	uint64_t with_pass_samples, with_pass_p50_ns, with_pass_p99_ns, with_pass_max_ns;
	uint64_t without_pass_p50_ns, without_pass_p99_ns, without_pass_max_ns;
	uint64_t leaked;             /* retired - freed after destroy: 0, or the trial is not valid */

	/* Stalls: a workload parked threads inside reads. Without one: NaN, UINT64_MAX. */
	uint64_t stalls;             /* times during which at least one thread was parked */
	char *stalled;               /* these times: JSON, [[begin_ns, end_ns], ...]; NULL = none; owned */
	double stalled_s;            /* how long, together */
	double stall_slope;          /* objects/s by which garbage grew meanwhile */
	uint64_t drain_ns;           /* longest time from the end of a stall to 1.1 x the level before */
	uint64_t undrained;          /* stalls after which that was not reached */
	double pending_before, pending_during, pending_after; /* means, as pending_mean */
	uint64_t died;               /* threads that ended without leaving */

	/* What the sampling itself took. */
	double sampler_share;        /* of one processor */
	uint64_t sample_gap_ns;      /* longest time between two samples */

	/* Size and memory. */
	uint64_t size_before, size_after;
	uint64_t rss_bytes;          /* of the process at stop */
	uint64_t context_switches;   /* involuntary, of the process, during the measured part */

	/* What the kernel counted for the workers, counters.h; NaN: not to be had. */
	double cycles_per_op, instructions_per_op, cache_misses_per_op, tlb_misses_per_op, branch_misses_per_op;
	double page_faults, migrations; /* all in all */
	/* What the sentinel saw (sentinel.h); NaN, UINT64_MAX: could not be read. */
	double steal_pct, foreign_pct, hiccup_pct, frequency_mhz, frequency_drop_pct;
	uint64_t hiccup_max_ns;
	bool disturbed;
	char disturbance[RECORD_TEXT]; /* if disturbed: by what */

	bool presized;               /* the map was made for its final size, and does not grow */
	bool valid;
	char why[RECORD_TEXT];       /* if not valid: what failed */

	/* Series; owned. */
	struct histogram *histogram; /* RECORD_HISTOGRAMS of them */
	struct record_sample *sample;
	size_t samples;
	struct record_thread *thread; /* threads of them */
	struct record_phase phase[PLAN_PHASES];
	unsigned phases;
};

enum column_type { COLUMN_TEXT, COLUMN_STRING /* char * */, COLUMN_COUNT, COLUMN_REAL, COLUMN_BOOL };

enum better { BETTER_NEITHER, BETTER_MORE, BETTER_LESS }; /* which way a figure is an improvement */

struct column {
	const char *name;
	enum column_type type;
	size_t offset;
	const char *help;            /* with the unit */
	size_t size;                 /* of the field in bytes; COLUMN_TEXT: its final NUL included */
	enum better better;
};

/* Ends with name == NULL. In the order of the CSV. COLUMN_COUNT fields of UINT64_MAX and
 * COLUMN_REAL fields of NaN have no value: NULL in SQL and JSON, empty in CSV. */
extern const struct column record_columns[];

/* record_new - an empty record with series for that many threads; NULL = no memory. */
struct record *record_new(unsigned threads);
void record_free(struct record *record); /* NULL is allowed */

/* record_column - the column of that name; NULL = there is none. */
const struct column *record_column(const char *name);

/* record_column_text - the value of one column as text for CSV; "" if it has none. Reals have %.9g. */
void record_column_text(const struct record *record, const struct column *column, char *text, size_t size);

/* record_fill_percentiles - set the _pNN_ns, _max_ns and sample columns from the histograms. */
void record_fill_percentiles(struct record *record);

#endif
