/*
 * report_curves.c - histograms are kept once they have a value: most points have few of them.
 */
#include "harness/report_curves.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "harness/summary.h"
#include "harness/svg.h"

#define NS_PER_S 1e9
#define BEYOND 10   /* samples that must lie beyond the end of a curve */
#define DRAWN 400   /* points of a curve over time, about: more than a screen shows */

const char *const curves_latency_names[CURVES_LATENCIES] = {
	[CURVES_GET] = "get", [CURVES_UPDATE] = "update", [CURVES_GET_MANY] = "get_many, a whole batch", [CURVES_SCAN] = "scan",
};

/* The record's histograms: when a call really began, and in an open loop when it should have. */
static const struct { enum record_histogram service, response; } sources[CURVES_LATENCIES] = {
	[CURVES_GET] = { RECORD_GET, RECORD_RESPONSE_GET },
	[CURVES_UPDATE] = { RECORD_UPDATE, RECORD_RESPONSE_UPDATE },
	[CURVES_GET_MANY] = { RECORD_GET_MANY, RECORD_RESPONSE_GET_MANY },
	[CURVES_SCAN] = { RECORD_SCAN, RECORD_RESPONSE_SCAN },
};

struct one_trial { /* garbage over time */
	double mean;
	struct record_sample *sample; /* owned */
	size_t samples;
	char *stalled;                /* owned; NULL: none */
	uint64_t bound;
};

struct curves {
	struct histogram *service[CURVES_LATENCIES], *response[CURVES_LATENCIES], *reclaim; /* NULL: no value */
	uint64_t censored, censored_max_ns; /* objects not freed at stop, age of the oldest */
	struct one_trial *trial;
	size_t trials;
};

struct curves *
curves_new(void)
{
	return calloc(1, sizeof(struct curves));
}

void
curves_free(struct curves *c)
{
	if (c == NULL)
		return;
	for (unsigned k = 0; k < CURVES_LATENCIES; k++)
		free(c->service[k]), free(c->response[k]);
	free(c->reclaim);
	for (size_t i = 0; i < c->trials; i++)
		free(c->trial[i].sample), free(c->trial[i].stalled);
	free(c->trial);
	free(c);
}

static bool
add_histogram(struct histogram **into, const struct histogram *from)
{
	if (from->total + from->lost == 0)
		return true;
	if (*into == NULL && (*into = calloc(1, sizeof(**into))) == NULL)
		return false;
	histogram_merge(*into, from);
	return true;
}

/* add_samples - the trial's garbage over time, if it has any. */
static bool
add_samples(struct curves *c, const struct record *r)
{
	struct one_trial *more, trial = { .mean = r->pending_mean, .samples = r->samples, .bound = r->bound };

	if (r->samples == 0 || isnan(r->pending_mean) || r->pending_peak == 0 || r->pending_peak == UINT64_MAX)
		return true;
	more = realloc(c->trial, (c->trials + 1) * sizeof(*more));
	if (more == NULL)
		return false;
	c->trial = more;
	trial.sample = malloc(r->samples * sizeof(*trial.sample));
	trial.stalled = r->stalled != NULL ? strdup(r->stalled) : NULL;
	if (trial.sample == NULL || (r->stalled != NULL && trial.stalled == NULL)) {
		free(trial.sample);
		free(trial.stalled);
		return false;
	}
	memcpy(trial.sample, r->sample, r->samples * sizeof(*trial.sample));
	c->trial[c->trials++] = trial;
	return true;
}

bool
curves_add(struct curves *c, const struct record *r)
{
	for (unsigned k = 0; k < CURVES_LATENCIES; k++)
		if (!add_histogram(&c->service[k], &r->histogram[sources[k].service]) ||
		    !add_histogram(&c->response[k], &r->histogram[sources[k].response]))
			return false;
	if (r->censored_samples != UINT64_MAX)
		c->censored += r->censored_samples;
	if (r->censored_max_ns != UINT64_MAX && r->censored_max_ns > c->censored_max_ns)
		c->censored_max_ns = r->censored_max_ns;
	return add_histogram(&c->reclaim, &r->histogram[RECORD_RECLAIM]) && add_samples(c, r);
}

/* median_trial - of the trials by mean garbage the middle one; NULL: there is none. */
static const struct one_trial *
median_trial(const struct curves *c)
{
	for (size_t i = 0; i < c->trials; i++) {
		size_t below = 0;

		for (size_t k = 0; k < c->trials; k++)
			below += c->trial[k].mean < c->trial[i].mean || (c->trial[k].mean == c->trial[i].mean && k < i);
		if (below == (c->trials - 1) / 2)
			return &c->trial[i];
	}
	return NULL;
}

/* ---- Pictures ---- */

/* In the largest of four units, each 1000 times the one before, that leaves one or more. */
static void
scaled_tick(double value, const char *const unit[4], char *text, size_t size)
{
	unsigned u = 0;

	for (; u < 3 && value >= 999.5; u++)
		value /= 1000;
	snprintf(text, size, "%.3g%s", value, unit[u]);
}

static void
time_tick(double ns, char *text, size_t size)
{
	static const char *const units[] = { " ns", " µs", " ms", " s" };

	scaled_tick(ns, units, text, size);
}

static void
seconds_tick(double s, char *text, size_t size)
{
	snprintf(text, size, "%.3g", s);
}

static void
share_tick(double share, char *text, size_t size)
{
	snprintf(text, size, "%.4g %%", 100 * share);
}

static void
count_tick(double count, char *text, size_t size)
{
	static const char *const units[] = { "", "K", "M", "G" };

	scaled_tick(count, units, text, size);
}

static size_t
longest_name(const struct curves_line *line, size_t lines)
{
	size_t longest = 0;

	for (size_t i = 0; i < lines; i++)
		longest = strlen(line[i].name) > longest ? strlen(line[i].name) : longest;
	return longest;
}

static void
begin_figure(FILE *out, const char *title)
{
	fputs("<figure><figcaption class=load>", out);
	svg_put_text(out, title);
	fputs("</figcaption>", out);
}

/* Small enough for the stack: a picture needs no memory that could run out. */
struct polyline {
	double x[HISTOGRAM_BUCKETS + 1], y[HISTOGRAM_BUCKETS + 1];
	size_t n;
};

/* tail_of - percentiles as far as BEYOND samples lie beyond them: x = svg_tail(share), y = ns. */
static void
tail_of(const struct histogram *h, struct polyline *p)
{
	double all = (double)(h->total + h->lost), end = all > BEYOND ? 1 - BEYOND / all : 0, before = 0;
	uint64_t upto = 0;

	p->n = 0;
	for (unsigned b = 0; b < HISTOGRAM_BUCKETS && before < end; b++) {
		double ns = fmax(1, (double)(histogram_high(b) < h->max ? histogram_high(b) : h->max));

		if (h->count[b] == 0)
			continue;
		upto += h->count[b];
		/* The step of a bucket goes up at its beginning: all of its share took at most so long. */
		if (p->n == 0)
			p->x[0] = 0, p->y[p->n++] = ns;
		else
			p->x[p->n] = svg_tail(before), p->y[p->n++] = ns;
		before = (double)upto / all;
	}
	if (p->n > 0)
		p->x[p->n] = svg_tail(fmin(before, end)), p->y[p->n] = p->y[p->n - 1], p->n++;
}

bool
curves_put_latency(FILE *out, enum curves_latency kind, const char *title, const struct curves_line *line, size_t lines)
{
	struct svg s = { .out = out, .x = { SVG_TAIL, 0, 3, "percentile of the calls", NULL },
		.y = { SVG_LOG, INFINITY, 0, "took at most", time_tick } };
	struct polyline p;
	bool open = false;

	for (size_t i = 0; i < lines; i++)
		for (unsigned r = 0; r < 2; r++) {
			const struct histogram *h = r ? line[i].of->response[kind] : line[i].of->service[kind];

			if (h == NULL)
				continue;
			tail_of(h, &p);
			if (p.n == 0)
				continue; /* nothing was timed */
			open = open || r;
			/* The quickest tenth may lie below the axis: often it is a tick of the clock. */
			s.y.from = fmin(s.y.from, fmax(1, (double)histogram_percentile(h, 10)));
			s.y.to = fmax(s.y.to, p.y[p.n - 1]);
			s.x.to = fmax(s.x.to, p.x[p.n - 1]);
		}
	if (s.y.to == 0)
		return false;
	s.y.from = svg_down(s.y.from);
	s.y.to = svg_up(s.y.to * 1.1);
	begin_figure(out, title);
	svg_begin(&s, "Latency by percentile", lines, longest_name(line, lines));
	svg_axes(&s);
	for (size_t i = 0; i < lines; i++)
		for (unsigned r = 0; r < 2; r++) {
			const struct histogram *h = r ? line[i].of->response[kind] : line[i].of->service[kind];

			if (h == NULL)
				continue;
			tail_of(h, &p);
			if (p.n == 0)
				continue;
			svg_curve(&s, r == open ? line[i].name : NULL, line[i].colour, open && !r ? SVG_DASHED : SVG_SOLID, true, p.x, p.y,
			    p.n);
		}
	svg_end(&s);
	fprintf(out, "<figcaption>%sAll trials together; a curve ends where fewer than ten calls that were timed lie beyond it.</figcaption></figure>\n",
	    open ? "Solid: from the intended start (response time); dashed: from the real one (service time). " : "");
	return true;
}

bool
curves_put_reclaim(FILE *out, const char *title, const struct curves_line *line, size_t lines)
{
	struct svg s = { .out = out, .x = { SVG_LOG, INFINITY, 0, "time from retire to free", time_tick },
		.y = { SVG_LOG, 1, 1, "share that waited longer", share_tick } };
	struct polyline p;
	const char *separator = "Still waiting at stop, and in no curve: ";

	for (size_t i = 0; i < lines; i++) {
		const struct histogram *h = line[i].of->reclaim;

		if (h == NULL)
			continue;
		s.x.from = fmin(s.x.from, fmax(1, (double)h->min));
		s.x.to = fmax(s.x.to, fmax(1, (double)h->max));
		s.y.from = fmin(s.y.from, 1 / (double)(h->total + h->lost));
	}
	if (s.x.to == 0)
		return false;
	s.x.from = svg_down(s.x.from);
	s.x.to = svg_up(s.x.to * 1.02);
	s.y.from = fmin(0.1, pow(10, floor(log10(s.y.from))));
	begin_figure(out, title);
	svg_begin(&s, "Time from retire to free", lines, longest_name(line, lines));
	svg_axes(&s);
	for (size_t i = 0; i < lines; i++) {
		const struct histogram *h = line[i].of->reclaim;
		uint64_t upto = 0;

		if (h == NULL)
			continue;
		p.x[0] = fmax(1, (double)h->min);
		p.y[0] = 1;
		p.n = 1;
		for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
			if (h->count[b] == 0)
				continue;
			upto += h->count[b];
			p.x[p.n] = fmax(1, (double)(histogram_high(b) < h->max ? histogram_high(b) : h->max));
			p.y[p.n++] = 1 - (double)upto / (double)(h->total + h->lost); /* 0 at the end: on the edge */
		}
		svg_curve(&s, line[i].name, line[i].colour, SVG_SOLID, true, p.x, p.y, p.n);
	}
	svg_end(&s);
	fputs("<figcaption>Lower and further left is better. ", out);
	for (size_t i = 0; i < lines; i++) {
		char age[32];

		if (line[i].of->reclaim == NULL || line[i].of->censored == 0)
			continue;
		summary_format_time((double)line[i].of->censored_max_ns, age, sizeof(age));
		fputs(separator, out);
		svg_put_text(out, line[i].name);
		fprintf(out, " %" PRIu64 " of %" PRIu64 ", up to %s old", line[i].of->censored,
		    line[i].of->censored + line[i].of->reclaim->total + line[i].of->reclaim->lost, age);
		separator = "; ";
	}
	fputs(separator[0] == ';' ? ".</figcaption></figure>\n" : "</figcaption></figure>\n", out);
	return true;
}

/* shade_stalls - while threads are parked. Returns how many times. */
static size_t
shade_stalls(struct svg *s, const char *stalled)
{
	json_t *times = stalled != NULL ? json_loads(stalled, 0, NULL) : NULL, *time;
	size_t i;

	json_array_foreach(times, i, time)
		svg_shade(s, json_number_value(json_array_get(time, 0)) / NS_PER_S, json_number_value(json_array_get(time, 1)) / NS_PER_S,
		    i == 0 ? "parked" : NULL);
	i = json_array_size(times);
	json_decref(times);
	return i;
}

/* over_time - about DRAWN points: of several samples the largest. */
static void
over_time(const struct one_trial *t, bool logarithmic, struct polyline *p)
{
	size_t each = t->samples / DRAWN + 1;

	_Static_assert(DRAWN < HISTOGRAM_BUCKETS, "the curve has room");
	p->n = 0;
	for (size_t i = 0; i < t->samples; i += each) {
		uint64_t most = 0;

		for (size_t k = i; k < i + each && k < t->samples; k++)
			most = t->sample[k].pending > most ? t->sample[k].pending : most;
		p->x[p->n] = (double)t->sample[i].at_ns / NS_PER_S;
		p->y[p->n++] = logarithmic ? fmax(1, (double)most) : (double)most;
	}
}

bool
curves_put_garbage(FILE *out, const char *title, const struct curves_line *line, size_t lines)
{
	struct svg s = { .out = out, .x = { SVG_LINEAR, 0, 0, "seconds since the start", seconds_tick },
		.y = { SVG_LINEAR, 0, 0, "objects retired and not freed yet", count_tick } };
	double least = INFINITY, most = 0;
	struct polyline p;
	const char *stalled = NULL;
	bool bounded = false, logarithmic;

	for (size_t i = 0; i < lines; i++) {
		const struct one_trial *t = median_trial(line[i].of);
		double peak = 0;

		for (size_t k = 0; t != NULL && k < t->samples; k++)
			peak = fmax(peak, (double)t->sample[k].pending);
		if (t == NULL)
			continue;
		least = fmin(least, fmax(peak, 1));
		most = fmax(most, peak);
		s.x.to = fmax(s.x.to, (double)t->sample[t->samples - 1].at_ns / NS_PER_S);
		stalled = stalled == NULL ? t->stalled : stalled;
	}
	if (most == 0 || s.x.to == 0)
		return false;
	/* A curve less than a twentieth as high as another would lie on the axis. */
	logarithmic = most > 20 * least || stalled != NULL;
	s.y = (struct svg_axis){ logarithmic ? SVG_LOG : SVG_LINEAR, logarithmic ? 1 : 0, logarithmic ? svg_up(most * 1.5) : most * 1.1,
		s.y.title, count_tick };
	begin_figure(out, title);
	svg_begin(&s, "Garbage over time", lines, longest_name(line, lines));
	(void)shade_stalls(&s, stalled);
	svg_axes(&s);
	for (size_t i = 0; i < lines; i++) {
		const struct one_trial *t = median_trial(line[i].of);

		if (t == NULL)
			continue;
		over_time(t, logarithmic, &p);
		svg_curve(&s, line[i].name, line[i].colour, SVG_SOLID, true, p.x, p.y, p.n);
		if (t->bound > 0 && (double)t->bound <= s.y.to) {
			bounded = true;
			svg_curve(&s, NULL, line[i].colour, SVG_DOTTED, false, (double[]){ 0, s.x.to },
			    (double[]){ (double)t->bound, (double)t->bound }, 2);
		}
	}
	svg_end(&s);
	fprintf(out, "<figcaption>Of each map one trial, the one whose mean is the median.%s%s%s</figcaption></figure>\n",
	    logarithmic ? " 0 is drawn as 1." : "", bounded ? " Dotted: the most that the scheme allows." : "",
	    stalled != NULL ? " Shaded: a thread is parked inside a read." : "");
	return true;
}
