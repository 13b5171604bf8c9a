/*
 * summary.h - the table at the end of a run: what was measured, for people.
 * One block for each load (workload, keys, dist, mix, sizes of byte strings, and whatever else differs),
 * in it one row for each subject and number of threads, the fastest first.
 */
#ifndef HARNESS_SUMMARY_H
#define HARNESS_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "core/base.h"
#include "harness/points.h"

#define SUMMARY_COLUMNS 118 /* no line is wider, unless a load's own text is */
#define SUMMARY_NULL "null" /* the subject that measures the harness */
#define SUMMARY_NULL_BYTES "null-bytes" /* and the one that makes byte strings, too */

/* summary_is_null - is that subject one of these two? */
bool summary_is_null(const char *subject);

/*
 * summary_bytes - of a record's options those that say how byte strings are made, which are part of the load; a new reference.
 * NULL: the subject's keys are numbers, or no memory.
 */
json_t *summary_bytes(const json_t *options);

/*
 * summary_same_bytes - two points' options, as records keep them (NULL: none): are their keys and values byte strings of the
 * same sizes and shape, or are none of them byte strings? Such points cost the harness the same at the same load.
 */
bool summary_same_bytes(const char *a, const char *b);

/* summary_tells_overhead - is null the point of the subject that does nothing for such keys as p's? Loads are not compared. */
bool summary_tells_overhead(const struct point *null, const struct point *p);

/*
 * summary_overhead - what the harness takes of an operation, ns of processor time: what was measured for the point, else what
 * null needs where that is a point of the same block and threads that tells it (null: the point, or NULL). NAN: not known, or
 * p is null's own.
 */
double summary_overhead(const struct point *p, const struct point *null);

/*
 * summary_print - write the table of finished points (points_finish()).
 * What was not measured is "-". Write errors are left in ferror(out).
 * Returns   true; false: no memory, and perhaps part of it written.
 */
bool summary_print(FILE *out, const struct points *points) MUST_USE;

/* What the table calls a point: its row, and its block, numbered in order of first appearance. */
struct summary_label {
	char name[RECORD_TEXT + 200]; /* the subject, and its own options where they differ from each other or from their defaults */
	size_t block;
	char title[600];              /* the block's: workload, keys, dist, mix, and what else differs */
	/* The same but for what was looked at of reclamation (--smr-stats), which costs: a load has blocks for
	 * several levels. Speed is that of the lowest, times from retire to free those of the highest. */
	size_t load, level;
	char load_title[600];
};

/* summary_labels - the labels of all points, points_count() of them; false: no memory. */
bool summary_labels(const struct points *points, struct summary_label *label) MUST_USE;

/* For figures in a table: three digits that count, and the unit; at most 7 characters. */

/* summary_format_time - "7.1 ns", "123 ns", "4.56 us", "-" for NAN. */
void summary_format_time(double ns, char *text, size_t size);

/* summary_format_longer - ns, or where that is not known ">4.56ms": it is more than above; "-" if that is not known, either. */
void summary_format_longer(double ns, double above, char *text, size_t size);

/* summary_format_count - "0", "950", "12.3K", "4.56M"; "-" for NAN. Powers of 1000. */
void summary_format_count(double count, char *text, size_t size);

/* summary_format_figure - "0.0012", "9.87", "98.7", "987", "9870", "1.2e+05"; "-" for NAN. */
void summary_format_figure(double figure, char *text, size_t size);

#endif
