/*
 * random_record.h - records full of values that are hard to keep: texts with
 * commas, quotes and line ends, counts beyond 2^63, columns without a value.
 */
#ifndef HARNESS_TESTS_RANDOM_RECORD_H
#define HARNESS_TESTS_RANDOM_RECORD_H

#include "harness/random.h"
#include "harness/record.h"

/* random_record - a record with that many threads and samples; every column and series is set. Never NULL. */
struct record *random_record(struct random *random, unsigned threads, size_t samples);

/* different_column - the first column in which a and b differ, bit by bit but for NaNs; NULL = none. */
const char *different_column(const struct record *a, const struct record *b);

/* different_series - the same for histograms, samples, threads and phases. */
const char *different_series(const struct record *a, const struct record *b);

#endif
