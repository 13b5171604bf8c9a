/*
 * report_curves.h - what the report draws of histograms and samples: percentiles of latency up to
 * the tail, times from retire to free, garbage over time. All trials of a point add up; of garbage
 * one trial is drawn, that whose mean is the median.
 */
#ifndef HARNESS_REPORT_CURVES_H
#define HARNESS_REPORT_CURVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base.h"
#include "harness/record.h"

enum curves_latency { CURVES_GET, CURVES_UPDATE, CURVES_GET_MANY, CURVES_SCAN, CURVES_LATENCIES };
extern const char *const curves_latency_names[CURVES_LATENCIES];

struct curves; /* curves_new(): of one point */

/* curves_new - nothing yet; NULL = no memory. */
struct curves *curves_new(void) MUST_USE;
void curves_free(struct curves *c); /* NULL is allowed */

/* curves_add - one more trial with its series (store.h, with_series). False: no memory. */
bool curves_add(struct curves *c, const struct record *record) MUST_USE;

/* A curve in a picture. Texts are the caller's. */
struct curves_line {
	const char *name, *colour;
	const struct curves *of;
};

/*
 * curves_put_* - one <figure> with its caption, title over it; false and nothing written: no line has
 * data for it. In an open loop latency is that from the intended start, and the service time dashed.
 */
bool curves_put_latency(FILE *out, enum curves_latency kind, const char *title, const struct curves_line *line, size_t lines);
bool curves_put_reclaim(FILE *out, const char *title, const struct curves_line *line, size_t lines);
bool curves_put_garbage(FILE *out, const char *title, const struct curves_line *line, size_t lines);

#endif
