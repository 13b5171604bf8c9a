/*
 * svg.h - one picture of curves as inline SVG: two axes with units, curves, dots,
 * shaded ranges, and the name of each curve at its right end, moved apart where names would overlap.
 *
 * Order of calls: svg_begin(), svg_shade(), svg_axes(), curves and dots, svg_end(). What lies
 * outside the axes is drawn on their edge. Write errors are left in ferror(out). Threads: any, each with its own.
 */
#ifndef HARNESS_SVG_H
#define HARNESS_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SVG_NAMES 64

enum svg_scale {
	SVG_LINEAR,
	SVG_LOG,  /* from > 0 */
	SVG_TAIL, /* values are svg_tail() of a share of 0 .. 1: one nine more for each step */
};

struct svg_axis {
	enum svg_scale scale;
	double from, to;
	const char *title; /* with the unit */
	void (*format)(double value, char *text, size_t size); /* of ticks; NULL: none by itself, see svg_tick_x() */
};

enum svg_line {
	SVG_SOLID, SVG_DASHED, SVG_DOTTED,
};

enum svg_mark {
	SVG_DOT,     /* a median */
	SVG_TRIAL,   /* one trial: faint */
	SVG_LEFT_OUT, /* one that is in no median: hollow */
	SVG_OUTLIER, /* one beyond Tukey's fences: a cross in a ring */
};

/* The caller sets out, x, y; the rest is svg.c's own. */
struct svg {
	FILE *out;
	struct svg_axis x, y;
	double width, height;
	struct { const char *text, *colour; double y; } name[SVG_NAMES];
	size_t names;
};

/* svg_put_text - text for HTML or SVG, in element or attribute. */
void svg_put_text(FILE *out, const char *text);

/* svg_tail - where a share of 0 .. 1 lies on a SVG_TAIL axis: 0.9 at 1, 0.99 at 2. */
double svg_tail(double share);

/* svg_down, svg_up - the next of 1, 2, 5, 10, 20 ... not above, not below x > 0: ends for a log axis. */
double svg_down(double x);
double svg_up(double x);

/* svg_begin - label says what the picture is; room for so many names, the longest of so many characters. */
void svg_begin(struct svg *s, const char *label, size_t names, size_t longest);

/* svg_shade - the range of x, over the whole height, behind everything; text (may be NULL) at its top. */
void svg_shade(struct svg *s, double from, double to, const char *text);

/* svg_axes - grid, ticks, titles. */
void svg_axes(struct svg *s);

/* svg_tick_x - one more tick. */
void svg_tick_x(struct svg *s, double x, const char *text);

/* svg_curve - n points joined; steps: y holds until the next x. name (may be NULL) stays the caller's until svg_end(). */
void svg_curve(struct svg *s, const char *name, const char *colour, enum svg_line line, bool steps, const double *x,
    const double *y, size_t n);

/* svg_bar - an error bar; beside: pixels to the right, as of svg_mark(). */
void svg_bar(struct svg *s, const char *colour, double x, double lo, double hi, double beside);

/* svg_mark - title (may be NULL) is shown when it is pointed at. */
void svg_mark(struct svg *s, enum svg_mark mark, const char *colour, double x, double y, double beside, const char *title);

/* svg_end - names, and the end. */
void svg_end(struct svg *s);

#endif
