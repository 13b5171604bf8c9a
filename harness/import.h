/*
 * import.h - results that are JSON text, as series and trials for a results file:
 *
 *   google-benchmark's (schema 1), of any program that writes it. An entry is a trial, run_name
 *   without its "/threads:N" and "/repeats:N" the subject, workload "google-benchmark"; a name of the form
 *   SUBJECT/WORKLOAD/keys:N/DIST/MIX (and perhaps /real_time) is taken apart. An operation is an item where the benchmark counts
 *   items, else an iteration; mops is by the wall clock, cpu_ns_per_op by the processor's.
 *   A counter with the name of a figure that compare knows is that figure. Aggregates and
 *   skipped entries are left out; one with an error is a trial that is not valid.
 *   With the exporter's own columns in it (export.h), trials come back as they were.
 *   hamtbench's own JSON (export.h).
 *
 * Either may be gzip'd, and is taken only whole: what is not understood is an error that
 * names the place, "line 3, column 7" or "benchmarks[3].real_time".
 */
#ifndef HARNESS_IMPORT_H
#define HARNESS_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "harness/environment.h"
#include "harness/store.h"

#define IMPORT_WORKLOAD "google-benchmark"

struct imported {
	struct environment *environment; /* environments of them; owned */
	size_t environments;
	struct store_addition *series;   /* serieses of them; owned, with their records and commands */
	size_t serieses;
	uint64_t aggregates, skipped;    /* entries left out */
	uint64_t failed;                 /* trials that are not valid */
	char *counters;                  /* names of counters left out, joined by ", "; NULL: none; owned */
};

/*
 * import_text - read a document of length bytes, which need no final NUL.
 * Returns   true; false and one line in error: the place and what is wrong there, or no memory.
 *           imported_free() is owed in both cases.
 * Threads   any number at once.
 */
bool import_text(const char *text, size_t length, struct imported *in, char *error, size_t size) MUST_USE;

/* import_file - the same for a file; the error begins with its name. */
bool import_file(const char *path, struct imported *in, char *error, size_t size) MUST_USE;

/* imported_free - fine on an all-zero struct. */
void imported_free(struct imported *in);

#endif
