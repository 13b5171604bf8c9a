/*
 * hdr.h - histograms in the formats of HdrHistogram (Tene 2012), so that its
 * tools read, merge and draw them: the percentile text, and the interval log
 * (.hlog) of version 1.3 with compressed histograms in encoding V2.
 *
 * Values stay nanoseconds there; HdrHistogram's tools show an interval's maximum in
 * milliseconds. A bucket of ours is recorded at its highest value (the largest value
 * of all exactly), with two significant digits, so that a percentile read there
 * is ours, at most 1/128 higher.
 * A lost value, longer than any bucket, is recorded at the histogram's maximum.
 */
#ifndef HARNESS_HDR_H
#define HARNESS_HDR_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base.h"
#include "harness/histogram.h"

/* hdr_percentiles - the percentile text: 5 steps to each halving of the distance to 100 %. */
void hdr_percentiles(FILE *out, const struct histogram *h);

/* hdr_log_begin - the head of an interval log. */
void hdr_log_begin(FILE *out);

/*
 * hdr_log_line - one histogram as an interval: begin_s after the log's start, length_s long.
 * tag: commas, blanks and line ends in it become ';' and '_'. False: no memory.
 */
bool hdr_log_line(FILE *out, const char *tag, double begin_s, double length_s, const struct histogram *h) MUST_USE;

#endif
