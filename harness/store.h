/*
 * store.h - the results file: one SQLite database, one transaction a trial.
 *
 * Schema 5. The file says whose it is: application_id = STORE_APPLICATION_ID
 * ("HAMT"), user_version = the schema. A file of anything else is refused
 * untouched.
 *
 *	environment        id TEXT, json TEXT                     environment.h
 *	series             id, started_at (ISO 8601, UTC), command, environment_id,
 *	                   planned_trials, state: running | complete | interrupted,
 *	                   uuid (the same in every file it is merged into),
 *	                   plan (digest of what is measured, schedule_plan(); NULL: not known)
 *	trial              id, series_id, one column for each row of record_columns[]
 *	histogram          trial_id, name, low_ns, high_ns, count  non-empty buckets only
 *	histogram_summary  trial_id, name, total, lost, sum_ns, min_ns, max_ns
 *	sample             trial_id, at_ns, pending, pending_bytes, rss_bytes, ops, longest_ns, resizings
 *	thread             trial_id, thread, cpu (NULL: not pinned), ops, elapsed_ns
 *	phase              trial_id, position, name, ops, elapsed_s, mops, begin_s, pause_max_ns, pause_op, pause_cause
 *
 * NULL is "no value". SQLite's integers are signed: a count of 2^63 or more,
 * as a seed may be, shows negative in SQL and comes back right through here.
 * trial may gain columns within a schema: a writer adds those that an older
 * file lacks, a reader finds no value in them. So a new column is a new row in
 * record_columns[] and nothing here. Anything else is a new schema and a
 * row in store.c's migrations[]; a file of an older schema is brought up to date by the
 * first who writes to it, in one transaction, and by who only reads in a temporary copy.
 *
 * A series is running while its process holds a lock that dies with it: one
 * that was killed, by whatever, is read as interrupted, and the next
 * writer that opens the file puts that down.
 *
 * Journal mode is SQLite's DELETE, synchronous FULL. It outlives kill -9 and
 * loss of power as WAL does, and at rest a results file is one file, which can
 * be copied, merged and read from read-only media; WAL's only gain, readers
 * that never hold up a writer, is had by holding no lock while a trial is
 * being visited. Writers of several processes take turns: each waits up to
 * STORE_BUSY_MS for another's transaction.
 *
 * Every error is one line without newline that names the file and the reason.
 * A write that fails, on a full disk say, leaves the file as it was before.
 * Threads: a store belongs to one thread at a time.
 */
#ifndef HARNESS_STORE_H
#define HARNESS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "harness/environment.h"
#include "harness/record.h"

#define STORE_DEFAULT_PATH "results/results.db"
#define STORE_APPLICATION_ID 0x48414d54 /* "HAMT" */
#define STORE_SCHEMA 5
#define STORE_BUSY_MS 30000

struct store; /* store_open() */

enum store_mode {
	STORE_READ,  /* the file must be there and is not changed */
	STORE_WRITE, /* made if it is not there, its folders too; proven writable before open returns */
};

enum series_state { SERIES_RUNNING, SERIES_COMPLETE, SERIES_INTERRUPTED };
extern const char *const series_state_names[];

/*
 * store_open - open a results file.
 * Returns   the store, for store_close(); NULL and one line in error: no such
 *           file, not a database, a database of something else, a newer schema, read-only
 *           (the file or its folder), a folder that cannot be made, no results in it
 *           (STORE_READ), locked.
 */
struct store *store_open(const char *path, enum store_mode mode, char *error, size_t size) MUST_USE;

/* store_close - NULL is allowed. A series that was not ended is interrupted. */
void store_close(struct store *s);

/* store_path - the file, as it was given. */
const char *store_path(const struct store *s);

/*
 * store_series_begin - start a series: everything that one command measures.
 * command is kept as given, for people; plan says what is measured
 * (schedule_plan()), or NULL. The first real write: a disk that is full already shows here.
 * Returns   true and *id, which counts from 1; false and one line in error.
 */
bool store_series_begin(struct store *s, const char *command, const char *plan,
    const struct environment *environment, uint64_t planned_trials, int64_t *id, char *error, size_t size) MUST_USE;

/*
 * store_series_resume - go on with a series that ended, however it did.
 * Returns   true; false and one line in error: no such series, another process is at it.
 */
bool store_series_resume(struct store *s, int64_t series, uint64_t planned_trials, char *error, size_t size) MUST_USE;

/*
 * store_trial - keep one trial with its histograms, samples, threads and
 * phases: all of it or nothing.
 * Returns   true and, if trial_id is not NULL, its number in the file; false and
 *           one line in error.
 */
bool store_trial(struct store *s, int64_t series, const struct record *record, int64_t *trial_id,
    char *error, size_t size) MUST_USE;

/* store_series_end - say how the series ended. False and one line in error. */
bool store_series_end(struct store *s, int64_t series, enum series_state state, char *error, size_t size) MUST_USE;

/* A series; texts are good during the visit only. */
struct store_series {
	int64_t id;
	char uuid[128], plan[33], started_at[32], environment_id[33];
	const char *command;
	uint64_t planned_trials, trials; /* trials: kept so far */
	enum series_state state;         /* running: its process is alive, and not this one */
};

/*
 * store_series_not_whole - "Series 3 is unfinished: it was interrupted or killed, and 68 of 80 trials are missing",
 * or: it is still being measured; or "Series 3 is short: 4 of 80 trials could not run". False, and text is "": it
 * has all that was planned.
 */
bool store_series_not_whole(const struct store_series *series, char *text, size_t size);

/* Where a trial is kept. A trial that is in no file has numbers 0. */
struct store_origin {
	int64_t trial_id, series_id;
	char environment_id[33];
};

enum store_choice { STORE_ALL, STORE_LAST, STORE_NUMBER };

struct store_filter {
	enum store_choice choice; /* which series; last = the one begun last */
	int64_t series;           /* for STORE_NUMBER */
	bool with_series;         /* histograms, samples, threads and phases as well: slower */
};

/* store_each_series - visit series by number; visit may take its time and returns false to end early. */
bool store_each_series(struct store *s, const struct store_filter *filter,
    bool (*visit)(void *arg, const struct store_series *series), void *arg, char *error, size_t size) MUST_USE;

/*
 * store_each_trial - visit trials in the order in which they were kept. The
 * record is only good during the visit; without with_series its series are
 * empty (histogram all zero, samples 0, phases 0, threads' entries without values).
 * visit returns false to end early, which is no error. No lock is held
 * meanwhile: visit may take its time.
 * Returns   true; false and one line in error: no such series, a damaged
 *           file, no memory.
 */
bool store_each_trial(struct store *s, const struct store_filter *filter,
    bool (*visit)(void *arg, const struct store_origin *origin, const struct record *record), void *arg,
    char *error, size_t size) MUST_USE;

/* store_each_environment - the same for the environments of these series, each once, in order of first use. */
bool store_each_environment(struct store *s, const struct store_filter *filter,
    bool (*visit)(void *arg, const struct environment *environment), void *arg, char *error, size_t size) MUST_USE;

struct store_merged {
	uint64_t series, trials; /* added */
	uint64_t known;          /* trials that were there already */
};

/*
 * store_merge - add everything that another results file holds, in one
 * transaction: series get new numbers in the same order, columns that s lacks are
 * added. A series that was merged before (the same uuid) gets the trials that
 * it lacks (by position), so merging twice changes nothing. One that is being measured
 * comes as interrupted. The other file is not changed.
 * Returns   true and what was done; false and one line in error, and s is as it was:
 *           from is s's own file or no results file, or one of the two refuses.
 */
bool store_merge(struct store *s, const char *from, struct store_merged *merged, char *error, size_t size) MUST_USE;

/* A series that was measured elsewhere. */
struct store_addition {
	struct store_series about;             /* id and trials do not count */
	const struct environment *environment;
	struct record **record;                /* records of them; histograms, samples and threads are not added */
	size_t records;
};

/*
 * store_add - add series from elsewhere in one transaction, as store_merge() would: by uuid,
 * and of a series that is there already the trials that it lacks, by position.
 * Returns   true and what was done; false and one line in error, and s is as it was.
 */
bool store_add(struct store *s, const struct store_addition *series, size_t count, struct store_merged *added,
    char *error, size_t size) MUST_USE;

#endif
