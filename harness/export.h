/*
 * export.h - trials as text: CSV (RFC 4180, but lines end in LF) and JSON.
 *
 * trials      CSV: every column of record_columns[], then series, trial_id,
 *             environment. JSON: one document,
 *             { "schema": 1, "environments": { id: {...} }, "series": [ { "series": number, uuid, started_at, state,
 *               planned_trials, plan, command } ], "trials": [ { column: value, ...,
 *               "series", "trial_id", "environment": id, "phases": [...] } ] };
 *             the column options is an object. Counts beyond 2^63 - 1, which many readers refuse, are strings.
 * histograms  CSV only, as are the rest: one row for each non-empty bucket,
 * samples     each sample, each thread, each phase, with the same first columns
 * threads     series, trial_id, subject, workload, threads, dist, mix, trial.
 * phases
 *
 * As hdr and hlog, histograms come in HdrHistogram's formats (hdr.h): percentile
 * texts one after the other, each behind a comment that names it, or one interval log whose
 * tags name trial and histogram, each trial as long as it took, one after the other.
 *
 * series      one row for each series: series, uuid, started_at, state, planned_trials,
 *             trials, environment, command.
 *
 * No value is an empty field or null. Rows reach the file trial by trial; when
 * the program is killed, only the JSON's closing brackets are missing.
 * Write errors (full disk, closed pipe) are reported by the call that met them,
 * in one line without newline. Threads: one at a time.
 */
#ifndef HARNESS_EXPORT_H
#define HARNESS_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base.h"
#include "harness/environment.h"
#include "harness/points.h"
#include "harness/record.h"
#include "harness/store.h"

#define EXPORT_SCHEMA 1
#define EXPORT_PROGRAM "hamtbench" /* "executable" of google-benchmark's context */

enum export_format { EXPORT_CSV, EXPORT_JSON, EXPORT_HDR, EXPORT_HLOG };

enum export_what { EXPORT_TRIALS, EXPORT_HISTOGRAMS, EXPORT_SAMPLES, EXPORT_THREADS, EXPORT_PHASES };

/* Filled in by export_begin(); plain, nothing to free. */
struct export {
	FILE *out;
	enum export_format format;
	enum export_what what;
	uint64_t trials; /* written so far */
	double at_s;     /* EXPORT_HLOG: where the next trial begins */
};

/*
 * export_begin - write the head: CSV's header line, JSON's environments.
 * environments  count of them, all that the trials will name; used by JSON only, as are
 * series    serieses of them; none: the JSON has no such list.
 * Returns   true; false and one line in error.
 * Misuse    EXPORT_JSON with anything but EXPORT_TRIALS, EXPORT_HDR and EXPORT_HLOG with
 *           anything but EXPORT_HISTOGRAMS abort.
 */
bool export_begin(struct export *e, FILE *out, enum export_what what, enum export_format format,
    const struct environment *environments, size_t count, const struct store_series *series, size_t serieses,
    char *error, size_t size) MUST_USE;

/*
 * export_trial - write one trial and flush. For anything but trials the
 * record needs its series (store_filter.with_series).
 * Returns   true; false and one line in error.
 */
bool export_trial(struct export *e, const struct store_origin *origin, const struct record *record,
    char *error, size_t size) MUST_USE;

/* export_end - write the tail and flush; false and one line in error. The file stays open. */
bool export_end(struct export *e, char *error, size_t size) MUST_USE;

/*
 * export_benchmark - one trial as an entry of google-benchmark's JSON (schema 1), which its compare.py takes: name
 * of the point, joined with '/', its trials as repetitions; real_time = ns per operation of a thread, items_per_second.
 * All columns that have a value are in it, too, numbers as counters and texts, with "series": uuid; the context has "environment" and
 * "series", as JSON has them: import_text() gets the trials back.
 * begin writes the context and ends within the list, end closes it; first: no comma before. False and one line in error.
 */
bool export_benchmark_begin(FILE *out, const struct environment *environment, const struct store_series *series,
    size_t serieses, char *error, size_t size) MUST_USE;
bool export_benchmark(FILE *out, const struct store_series *series, const struct record *record, bool first, char *error,
    size_t size) MUST_USE;
bool export_benchmark_end(FILE *out, char *error, size_t size) MUST_USE;

/* export_series_begin, export_series - the series as CSV: the header line, one row. */
bool export_series_begin(FILE *out, char *error, size_t size) MUST_USE;
bool export_series(FILE *out, const struct store_series *series, char *error, size_t size) MUST_USE;

/* export_points_csv - the points as CSV, one row each: struct point's members by name, after points_finish(). */
bool export_points_csv(FILE *out, const struct points *points, char *error, size_t size) MUST_USE;

#endif
