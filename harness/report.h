/*
 * report.h - one series for people: a self-contained HTML page. What is fastest, by
 * how much, how sure, on what machine; pictures as inline SVG; tables that sort (a little
 * inline script; without it they are tables all the same); warnings, environment, and
 * the commands that measure each row again. It loads nothing from anywhere.
 */
#ifndef HARNESS_REPORT_H
#define HARNESS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base.h"
#include "harness/store.h"

#define REPORT_TITLE "<title>hamtbench report</title>" /* among a page's first 512 bytes */

/*
 * report_write - the page of the chosen series. The subjects roofline and null are
 * shown, but are no maps and win nothing.
 * Returns   true; write errors are left in ferror(out). False and one line in error:
 *           no trial to show, what the store says, no memory.
 */
bool report_write(FILE *out, struct store *store, const struct store_filter *filter, char *error, size_t size) MUST_USE;

#endif
