/*
 * svg.c - lengths are in units of the viewBox, which the page scales; y counts from the top.
 */
#include "harness/svg.h"

#include <math.h>
#include <string.h>

#include "core/base.h"

#define LEFT 52.0
#define RIGHT 290.0
#define TOP 22.0
#define BOTTOM 240.0
#define LINE 14.0      /* between names */
#define CHARACTER 7.6  /* width of one of a name, about */
#define INK "#666"

void
svg_put_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: putc((unsigned char)*text < ' ' ? ' ' : *text, out);
		}
}

double
svg_tail(double share)
{
	return -log10(1 - share);
}

static double
decade(double x)
{
	/* 1000 is not 999.99...: a logarithm may be a little too small. */
	return pow(10, floor(log10(x) + 1e-9));
}

double
svg_down(double x)
{
	double d = decade(x);

	return x >= 5 * d ? 5 * d : x >= 2 * d ? 2 * d : d;
}

double
svg_up(double x)
{
	double d = decade(x);

	return x <= d * (1 + 1e-9) ? d : x <= 2 * d ? 2 * d : x <= 5 * d ? 5 * d : 10 * d;
}

/* place - from 0 to 1 along the axis. */
static double
place(const struct svg_axis *a, double value)
{
	double at;

	if (a->scale == SVG_LOG)
		at = a->to > a->from ? log(fmax(value, a->from) / a->from) / log(a->to / a->from) : 0.5;
	else
		at = a->to > a->from ? (value - a->from) / (a->to - a->from) : 0.5;
	return fmin(fmax(at, 0), 1);
}

static double
at_x(const struct svg *s, double value)
{
	return LEFT + place(&s->x, value) * (RIGHT - LEFT);
}

static double
at_y(const struct svg *s, double value)
{
	return BOTTOM - place(&s->y, value) * (BOTTOM - TOP);
}

void
svg_begin(struct svg *s, const char *label, size_t names, size_t longest)
{
	s->names = 0;
	s->width = fmax(400, RIGHT + 16 + CHARACTER * (double)longest);
	s->height = fmax(BOTTOM + 44, 28 + LINE * (double)names);
	fprintf(s->out, "<svg viewBox='0 0 %.0f %.0f' role=img aria-label=\"", s->width, s->height);
	svg_put_text(s->out, label);
	fputs("\">\n", s->out);
}

void
svg_shade(struct svg *s, double from, double to, const char *text)
{
	double left = at_x(s, from), right = at_x(s, to);

	fprintf(s->out, "<rect x=%.1f y=%.0f width=%.1f height=%.0f fill='#ececec'/>", left, TOP, right - left, BOTTOM - TOP);
	if (text != NULL) {
		fprintf(s->out, "<text x=%.1f y=%.0f text-anchor=end class=tic>", right - 3, TOP + 12);
		svg_put_text(s->out, text);
		fputs("</text>\n", s->out);
	}
}

static void
tick_y(struct svg *s, double value)
{
	double y = at_y(s, value);
	char text[32];

	s->y.format(value, text, sizeof(text));
	fprintf(s->out, "<line x1=%.0f y1=%.1f x2=%.0f y2=%.1f class=grid /><text x=%.0f y=%.1f text-anchor=end class=tic>", LEFT, y,
	    RIGHT, y, LEFT - 4, y + 4);
	svg_put_text(s->out, text);
	fputs("</text>\n", s->out);
}

void
svg_tick_x(struct svg *s, double value, const char *text)
{
	double x = at_x(s, value);

	fprintf(s->out, "<line x1=%.1f y1=%.0f x2=%.1f y2=%.0f stroke='" INK "'/><text x=%.1f y=%.0f text-anchor=middle class=tic>", x,
	    BOTTOM, x, BOTTOM + 4, x, BOTTOM + 17);
	svg_put_text(s->out, text);
	fputs("</text>\n", s->out);
}

static void
formatted_tick_x(struct svg *s, double value)
{
	char text[32];

	s->x.format(value, text, sizeof(text));
	svg_tick_x(s, value, text);
}

/* each_tick - about five; on a log axis 1, 2, 5 of each decade, or as many decades as have room. */
static void
each_tick(struct svg *s, const struct svg_axis *a, double room, void (*tick)(struct svg *, double))
{
	double span, step;

	if (a->scale == SVG_LOG) {
		double decades = log10(a->to / a->from), every = ceil(decades / room);

		for (double d = decade(a->from), k = 0; d <= a->to * 1.001; d *= 10, k++)
			for (unsigned m = 1; m <= 5; m = m == 2 ? 5 : m + 1)
				if (m * d >= a->from * 0.999 && m * d <= a->to * 1.001 &&
				    (m == 1 ? fmod(k, every) == 0 : 3 * decades <= room + 1))
					tick(s, m * d);
		return;
	}
	span = a->to - a->from;
	step = decade(span / 5 > 0 ? span / 5 : 1);
	step *= span / 5 <= step ? 1 : span / 5 <= 2 * step ? 2 : span / 5 <= 5 * step ? 5 : 10;
	/* + 0: no -0. */
	for (double k = ceil(a->from / step - 1e-9) + 0.0; k * step <= a->to * (1 + 1e-9); k++)
		tick(s, k * step + 0.0);
}

void
svg_axes(struct svg *s)
{
	static const struct { double share; const char *text; } tail[] = { { 0, "0" }, { 0.5, "50" }, { 0.9, "90" }, { 0.99, "99" },
		{ 0.999, "99.9" }, { 0.9999, "99.99" }, { 0.99999, "99.999" }, { 0.999999, "99.9999" } };

	if (s->y.format != NULL)
		each_tick(s, &s->y, 8, tick_y);
	if (s->x.scale == SVG_TAIL)
		for (size_t i = 0; i < sizeof(tail) / sizeof(tail[0]); i++) {
			if (svg_tail(tail[i].share) <= s->x.to + 1e-9)
				svg_tick_x(s, svg_tail(tail[i].share), tail[i].text);
		}
	else if (s->x.format != NULL)
		each_tick(s, &s->x, 5, formatted_tick_x);
	fprintf(s->out, "<path d='M%.0f %.0fV%.0fH%.0f' stroke='" INK "' fill=none /><text x=%.0f y=%.0f text-anchor=middle class=tic>", LEFT,
	    TOP, BOTTOM, RIGHT, (LEFT + RIGHT) / 2, BOTTOM + 36);
	svg_put_text(s->out, s->x.title);
	fputs("</text><text x=2 y=12 class=tic>", s->out);
	svg_put_text(s->out, s->y.title);
	fputs("</text>\n", s->out);
}

void
svg_curve(struct svg *s, const char *name, const char *colour, enum svg_line line, bool steps, const double *x,
    const double *y, size_t n)
{
	static const char *const dashes[] = { "", " stroke-dasharray='6 4'", " stroke-dasharray='2 4'" };

	if (n == 0)
		return;
	fprintf(s->out, "<path d='M%.1f %.1f", at_x(s, x[0]), at_y(s, y[0]));
	for (size_t i = 1; i < n; i++)
		fprintf(s->out, steps ? "H%.1fV%.1f" : "L%.1f %.1f", at_x(s, x[i]), at_y(s, y[i]));
	fprintf(s->out, "' fill=none stroke='%s' stroke-width=%s%s />\n", colour, line == SVG_DOTTED ? "1.2" : "2", dashes[line]);
	if (name == NULL || s->names == SVG_NAMES)
		return;
	s->name[s->names].text = name;
	s->name[s->names].colour = colour;
	s->name[s->names++].y = at_y(s, y[n - 1]);
}

void
svg_bar(struct svg *s, const char *colour, double x, double lo, double hi, double beside)
{
	double at = at_x(s, x) + beside;

	fprintf(s->out, "<path d='M%.1f %.1fH%.1fM%.1f %.1fV%.1fM%.1f %.1fH%.1f' fill=none stroke='%s'/>", at - 3, at_y(s, lo), at + 3, at,
	    at_y(s, lo), at_y(s, hi), at - 3, at_y(s, hi), at + 3, colour);
}

void
svg_mark(struct svg *s, enum svg_mark mark, const char *colour, double x, double y, double beside, const char *title)
{
	static const char *const classes[] = { "dot", "trial", "left", "outlier" };
	double px = at_x(s, x) + beside, py = at_y(s, y);

	fprintf(s->out, "<g class=%s stroke='%s'", classes[mark], colour);
	if (mark == SVG_OUTLIER)
		fprintf(s->out, " fill=none stroke-width=1.4><circle cx=%.1f cy=%.1f r=5 /><path d='M%.1f %.1fL%.1f %.1fM%.1f %.1fL%.1f %.1f'/>",
		    px, py, px - 3.5, py - 3.5, px + 3.5, py + 3.5, px - 3.5, py + 3.5, px + 3.5, py - 3.5);
	else if (mark == SVG_LEFT_OUT)
		fprintf(s->out, " fill=none opacity=.6><circle cx=%.1f cy=%.1f r=2.5 />", px, py);
	else if (mark == SVG_TRIAL)
		fprintf(s->out, " stroke-width=0 fill='%s' opacity=.35><circle cx=%.1f cy=%.1f r=2.5 />", colour, px, py);
	else
		fprintf(s->out, " fill='%s'><circle cx=%.1f cy=%.1f r=3.5 />", colour, px, py);
	if (title != NULL) {
		fputs("<title>", s->out);
		svg_put_text(s->out, title);
		fputs("</title>", s->out);
	}
	fputs("</g>\n", s->out);
}

void
svg_end(struct svg *s)
{
	size_t order[SVG_NAMES] = { 0 };
	double y[SVG_NAMES], last = s->height - 4;

	/* From the top down, each at least a line below the last; then from the bottom up, if that went too far. */
	for (size_t i = 0; i < s->names; i++) {
		size_t k = i;

		for (; k > 0 && s->name[order[k - 1]].y > s->name[i].y; k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
	for (size_t i = 0; i < s->names; i++)
		y[i] = fmax(s->name[order[i]].y + 4, i > 0 ? y[i - 1] + LINE : TOP - 4);
	for (size_t i = s->names; i-- > 0 && y[i] > last; last -= LINE)
		y[i] = last;
	for (size_t i = 0; i < s->names; i++) {
		fprintf(s->out, "<text x=%.0f y=%.1f fill='%s' class=name>", RIGHT + 8, y[i], s->name[order[i]].colour);
		svg_put_text(s->out, s->name[order[i]].text);
		fputs("</text>\n", s->out);
	}
	fputs("</svg>\n", s->out);
}
