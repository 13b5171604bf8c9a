/*
 * report.c - points, labelled as in the table; who is fastest by the geometric mean over
 * the points that all maps have on no more threads than cores, and how sure that is by compare.h.
 */
#include "harness/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "harness/compare.h"
#include "harness/environment.h"
#include "harness/points.h"
#include "harness/summary.h"

#define WHO_MOST 64

struct who {              /* a map with its options: one colour in all pictures */
	const char *name;
	const char *colour;
	bool limit;       /* roofline, null */
	double score;     /* mean logarithm of its throughput over that of the fastest, where it was measured */
	size_t measured, first; /* points on no more threads than cores; of these, fastest */
	struct points *points;  /* these; owned */
	double ratio, lo, hi, p; /* the fastest map over this one; NaN: not compared */
	enum verdict verdict;
};

struct report {
	FILE *out;
	struct points *points;
	struct summary_label *label;
	size_t count;
	struct who who[WHO_MOST];
	size_t whos;
	size_t *of;       /* of each point: its who */
	size_t *order;    /* points by block, threads, name */
	uint64_t cores;
	struct environment environment;
	size_t environments;
	char started[32], *commands; /* HTML */
	uint64_t trials, valid, disturbed, not_pinned, seed;
	bool no_memory;
};

/* ---- Text ---- */

static void
put_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		default: putc((unsigned char)*text < ' ' ? ' ' : *text, out);
		}
}

/* ---- Loading ---- */

static bool
add_trial(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct report *r = arg;

	r->no_memory = !points_add(r->points, origin->environment_id, record);
	if (r->trials++ == 0)
		r->seed = record->seed - (record->trial - 1);
	r->valid += record->valid;
	r->disturbed += record->disturbed;
	r->not_pinned += strcmp(record->pin, "none") == 0;
	return !r->no_memory;
}

static bool
add_environment(void *arg, const struct environment *environment)
{
	struct report *r = arg;

	if (r->environments++ > 0)
		return true;
	r->environment = *environment;
	r->environment.json = strdup(environment->json);
	r->no_memory = r->environment.json == NULL;
	return !r->no_memory;
}

struct listing {
	struct report *report;
	FILE *out;
};

static bool
add_series(void *arg, const struct store_series *series)
{
	struct listing *l = arg;

	snprintf(l->report->started, sizeof(l->report->started), "%.10s", series->started_at);
	fputs("<pre>", l->out);
	put_text(l->out, series->command);
	fprintf(l->out, "</pre><p>series %lld, %s, %s, %" PRIu64 " trials</p>\n", (long long)series->id, series->started_at,
	    series_state_names[series->state], series->trials);
	return true;
}

/* add_to_who - a trial on no more threads than cores, to the points of its map. */
static bool
add_to_who(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct report *r = arg;
	size_t i = points_find(r->points, origin->environment_id, record);

	if (i == SIZE_MAX || record->threads > r->cores)
		return true;
	r->no_memory = !points_add(r->who[r->of[i]].points, origin->environment_id, record);
	return !r->no_memory;
}

static const char *
colour_of(const char *subject, size_t *spare)
{
	/* Okabe and Ito's, as in scripts/plots/facts.awk. */
	static const struct { const char *subject, *colour; } fixed[] = { { "hamt", "#0072B2" }, { "seed", "#D55E00" },
		{ "urcu-lfht", "#009E73" }, { "mutex", "#CC79A7" }, { "roofline", "#555555" }, { "null", "#999999" } };
	static const char *const spares[] = { "#E69F00", "#56B4E9", "#8C6D00", "#7A3E9D", "#000000", "#8C510A" };

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(fixed[i].subject, subject) == 0)
			return fixed[i].colour;
	return spares[(*spare)++ % (sizeof(spares) / sizeof(spares[0]))];
}

static struct report *sorting; /* qsort() has no argument of its own; one report at a time */

static int
by_block(const void *left, const void *right)
{
	size_t a = *(const size_t *)left, b = *(const size_t *)right;
	const struct point *x = points_at(sorting->points, a), *y = points_at(sorting->points, b);

	if (sorting->label[a].block != sorting->label[b].block)
		return sorting->label[a].block < sorting->label[b].block ? -1 : 1;
	if (x->threads != y->threads)
		return x->threads < y->threads ? -1 : 1;
	return strcmp(sorting->label[a].name, sorting->label[b].name);
}

static bool
label_points(struct report *r)
{
	size_t spare = 0;

	r->count = points_count(r->points);
	r->label = calloc(r->count, sizeof(*r->label));
	r->of = calloc(r->count, sizeof(*r->of));
	r->order = calloc(r->count, sizeof(*r->order));
	if (r->label == NULL || r->of == NULL || r->order == NULL || !summary_labels(r->points, r->label))
		return false;
	for (size_t i = 0; i < r->count; i++)
		r->order[i] = i;
	sorting = r;
	qsort(r->order, r->count, sizeof(*r->order), by_block);
	for (size_t i = 0; i < r->count; i++) {
		const char *subject = points_at(r->points, i)->subject;
		size_t w = 0;

		while (w < r->whos && strcmp(r->who[w].name, r->label[i].name) != 0)
			w++;
		if (w == r->whos && w < WHO_MOST) {
			r->who[r->whos++] = (struct who){ .name = r->label[i].name, .colour = colour_of(subject, &spare),
				.limit = strcmp(subject, POINTS_ROOFLINE) == 0 || strcmp(subject, SUMMARY_NULL) == 0,
				.points = points_new(), .ratio = NAN, .lo = NAN, .hi = NAN, .p = NAN };
			if (r->who[w].points == NULL)
				return false;
		}
		/* Beyond WHO_MOST all share the last place: such a grid has no winner anybody could read off. */
		r->of[i] = w < WHO_MOST ? w : WHO_MOST - 1;
	}
	return true;
}

/* ---- Who is fastest ---- */

static bool
same_place(const struct report *r, size_t a, size_t b)
{
	return r->label[a].block == r->label[b].block && points_at(r->points, a)->threads == points_at(r->points, b)->threads;
}

static void
score(struct report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct point *p = points_at(r->points, i);
		struct who *w = &r->who[r->of[i]];
		double most = 0;

		for (size_t k = 0; k < r->count; k++)
			if (same_place(r, i, k) && !r->who[r->of[k]].limit)
				most = fmax(most, points_at(r->points, k)->mops_median);
		if (p->threads > r->cores || !(p->mops_median > 0) || most <= 0)
			continue;
		w->score += log(p->mops_median / most);
		w->measured++;
		w->first += !w->limit && p->mops_median == most;
	}
	for (size_t w = 0; w < r->whos; w++)
		r->who[w].score = r->who[w].measured > 0 ? r->who[w].score / (double)r->who[w].measured : -INFINITY;
}

static int
by_score(const void *left, const void *right)
{
	const struct who *a = *(struct who *const *)left, *b = *(struct who *const *)right;

	return (a->score < b->score) - (a->score > b->score);
}

/* rank - maps, the fastest first, into ranked[]; each compared with the first. Returns how many. */
static size_t
rank(struct report *r, struct who **ranked)
{
	static const char *const differing[] = { "subject", NULL };
	const struct compare_options o = { .metric = "mops", .alpha = 0.01, .threshold_pct = 3, .differing = differing };
	size_t count = 0;

	score(r);
	for (size_t w = 0; w < r->whos; w++) {
		points_finish(r->who[w].points);
		if (!r->who[w].limit && r->who[w].measured > 0)
			ranked[count++] = &r->who[w];
	}
	qsort(ranked, count, sizeof(*ranked), by_score);
	for (size_t i = 1; i < count; i++) {
		struct comparison c;
		char error[256];

		/* What cannot be compared has no ratio, and says so by a dash. */
		if (!compare_points(ranked[i]->points, ranked[0]->points, &o, &c, error, sizeof(error)))
			continue;
		ranked[i]->ratio = c.mean;
		ranked[i]->lo = c.mean_lo;
		ranked[i]->hi = c.mean_hi;
		ranked[i]->p = c.mean_p;
		ranked[i]->verdict = c.mean_verdict;
		compare_free(&c);
	}
	return count;
}

static void
put_summary(const struct report *r, struct who *const *ranked, size_t count)
{
	const struct who *next = count > 1 ? ranked[1] : NULL;
	char machine[ENVIRONMENT_TEXT];
	FILE *out = r->out;

	environment_summary(&r->environment, machine, sizeof(machine));
	if (count == 0) {
		fputs("<p class=lead>No map was measured on as few threads as there are cores: nothing is ranked.</p>\n", out);
	} else {
		fputs("<p class=lead><b>", out);
		put_text(out, ranked[0]->name);
		fprintf(out, "</b> %s</p>\n<p>", count == 1 ? "is the only map here." : next->verdict == VERDICT_FASTER ?
		    "is the fastest map here." : "came out first here, but not clearly.");
	}
	if (next != NULL && isfinite(next->ratio)) {
		fprintf(out, "It completed %.2f times as many operations per second as the next one, <b>", next->ratio);
		put_text(out, next->name);
		fputs("</b>", out);
		if (isfinite(next->lo))
			fprintf(out, " (with 95&nbsp;%% confidence %.2f to %.2f times)", next->lo, next->hi);
		fprintf(out, next->verdict == VERDICT_FASTER ? ". That difference is <b>shown</b>: by chance alone it would come "
		    "about with probability %.2g. " : ". That is <b>not shown</b> to be more than chance: the probability of that is "
		    "%.2g, and 0.01 is asked for. ", next->p);
	}
	if (count > 1)
		fprintf(out, "It was first in %zu of %zu measurements. ", ranked[0]->first, ranked[0]->measured);
	if (count > 0)
		fprintf(out, "All of this is the geometric mean over all loads on up to %" PRIu64 " thread%s, as many as cores.</p>\n",
		    r->cores, r->cores == 1 ? "" : "s");
	fputs("<p>Measured on: <b>", out);
	put_text(out, machine);
	fprintf(out, "</b>; %s; %" PRIu64 " trials.</p>\n", r->started, r->trials);
}

static void
put_warnings(const struct report *r)
{
	char text[ENVIRONMENT_TEXT], *next = text;
	uint64_t noisy = 0, few = 0, over = 0, outliers = 0;
	FILE *out = r->out;

	for (size_t i = 0; i < r->count; i++) {
		const struct point *p = points_at(r->points, i);

		noisy += p->noisy;
		few += p->used < 6;
		over += p->threads > r->cores;
		outliers += p->outliers;
	}
	environment_warnings(&r->environment, text, sizeof(text));
	fputs("<h2>Handle with care</h2>\n<ul class=warn>\n", out);
	for (char *line; (line = strsep(&next, "\n")) != NULL;)
		if (line[0] != '\0') {
			fputs("<li>", out);
			put_text(out, line);
			fputs("\n", out);
		}
	if (r->disturbed > 0)
		fprintf(out, "<li>%" PRIu64 " of %" PRIu64 " trials were disturbed by others on the machine; %" PRIu64 " of %zu points "
		    "had no quiet majority, and use them.\n", r->disturbed, r->trials, noisy, r->count);
	if (r->valid < r->trials)
		fprintf(out, "<li>%" PRIu64 " trials were not valid: the map was wrong. They are in no figure.\n", r->trials - r->valid);
	if (few > 0)
		fprintf(out, "<li>%" PRIu64 " of %zu points have fewer than 6 trials: their bars run from the slowest to the fastest, "
		    "which is less than a 95&nbsp;%% interval.\n", few, r->count);
	if (outliers > 0)
		fprintf(out, "<li>%" PRIu64 " trials are outliers (beyond 1.5 interquartile ranges). They are in all figures.\n", outliers);
	if (over > 0)
		fprintf(out, "<li>%" PRIu64 " points have more threads than cores (shaded): threads lose their core in the middle of an "
		    "operation.\n", over);
	if (r->not_pinned > 0)
		fprintf(out, "<li>%" PRIu64 " trials did not pin their threads: the system moved them about.\n", r->not_pinned);
	if (r->environments > 1)
		fprintf(out, "<li>The series come from %zu environments; the first is shown.\n", r->environments);
	fputs("</ul>\n", out);
}

/* ---- Pictures ---- */

/* step_for - a round step that makes about five of most. */
static double
step_for(double most)
{
	double decade = pow(10, floor(log10(most / 5))), times = most / 5 / decade;

	return decade * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static void
put_ranking(const struct report *r, struct who *const *ranked, size_t count)
{
	FILE *out = r->out;

	if (count < 2)
		return;
	fprintf(out, "<h2>How fast, next to the fastest</h2>\n<figure><svg viewBox='0 0 640 %zu' role=img "
	    "aria-label='Speed of each map relative to the fastest'>\n", 40 + 34 * count);
	for (unsigned t = 0; t <= 4; t++)
		fprintf(out, "<line x1=%u y1=4 x2=%u y2=%zu class=grid /><text x=%u y=%zu text-anchor=middle class=tic>%u&nbsp;%%</text>\n",
		    190 + t * 95, 190 + t * 95, 8 + 34 * count, 190 + t * 95, 26 + 34 * count, t * 25);
	for (size_t i = 0; i < count; i++) {
		const struct who *w = ranked[i];
		double share = i == 0 ? 1 : isfinite(w->ratio) ? 1 / w->ratio : exp(w->score);
		double y = 8 + 34 * (double)i;

		fprintf(out, "<rect x=190 y=%.0f width=%.1f height=22 fill='%s'/><text x=182 y=%.0f text-anchor=end>", y, 380 * share,
		    w->colour, y + 16);
		put_text(out, w->name);
		fputs("</text>", out);
		if (i > 0 && isfinite(w->lo))
			fprintf(out, "<path d='M%.1f %.0fV%.0fM%.1f %.0fH%.1fM%.1f %.0fV%.0f' class=bar />", 190 + 380 / w->hi, y + 5,
			    y + 17, 190 + 380 / w->hi, y + 11, 190 + 380 / w->lo, 190 + 380 / w->lo, y + 5, y + 17);
		fprintf(out, "<text x=%.0f y=%.0f>%.0f&nbsp;%%</text>\n",
		    fmax(190 + 380 * share, i > 0 && isfinite(w->lo) ? 190 + 380 / w->lo : 0) + 8, y + 16, 100 * share);
	}
	fputs("</svg><figcaption>Operations per second as a share of the fastest map's, geometric mean over all loads on no more "
	      "threads than cores. Black: 95&nbsp;% confidence interval.</figcaption></figure>\n", out);
}

struct panel {
	const struct report *report;
	size_t first, last; /* of order[] */
	double most;        /* Mops/s at the top */
	double least_threads, most_threads;
};

static double
panel_x(const struct panel *p, double threads)
{
	double span = log2(p->most_threads / p->least_threads);

	return 48 + (span > 0 ? log2(threads / p->least_threads) / span : 0.5) * 230;
}

static double
panel_y(const struct panel *p, double mops)
{
	return 240 - 220 * mops / p->most;
}

/* put_curve - one map in one panel. Returns the height of its end, NAN if it is not there. */
static double
put_curve(const struct panel *p, size_t w)
{
	const struct report *r = p->report;
	const char *colour = r->who[w].colour;
	double x = NAN, y = NAN;
	FILE *out = r->out;

	for (size_t i = p->first; i < p->last; i++) {
		const struct point *point = points_at(r->points, r->order[i]);
		double next_x = panel_x(p, (double)point->threads) + 2.0 * (double)(w % 5) - 4;

		if (r->of[r->order[i]] != w || isnan(point->mops_median))
			continue;
		if (!isnan(x))
			fprintf(out, "<line x1=%.1f y1=%.1f x2=%.1f y2=%.1f stroke='%s' stroke-width=2 />", x, y, next_x,
			    panel_y(p, point->mops_median), colour);
		x = next_x;
		y = panel_y(p, point->mops_median);
		fprintf(out, "<line x1=%.1f y1=%.1f x2=%.1f y2=%.1f stroke='%s'/><circle cx=%.1f cy=%.1f r=3.5 fill='%s'><title>", x,
		    panel_y(p, point->mops_lo), x, panel_y(p, point->mops_hi), colour, x, y, colour);
		put_text(out, r->label[r->order[i]].name);
		fprintf(out, ", %" PRIu64 " threads: %.3g Mops/s (%.3g to %.3g)</title></circle>\n", point->threads, point->mops_median,
		    point->mops_lo, point->mops_hi);
	}
	return y;
}

/* put_names - at the right, beside the curves' ends, moved apart where they would overlap. */
static void
put_names(const struct panel *p, const double *end)
{
	const struct report *r = p->report;
	bool done[WHO_MOST] = { false };
	double last = 0;

	for (size_t n = 0; n < r->whos; n++) {
		size_t top = WHO_MOST;

		for (size_t w = 0; w < r->whos; w++)
			if (!done[w] && !isnan(end[w]) && (top == WHO_MOST || end[w] < end[top]))
				top = w;
		if (top == WHO_MOST)
			return;
		done[top] = true;
		last = fmax(end[top] + 4, last + 14);
		fprintf(r->out, "<text x=290 y=%.1f fill='%s' class=name>", last, r->who[top].colour);
		put_text(r->out, r->who[top].name);
		fputs("</text>\n", r->out);
	}
}

static void
put_panel(const struct report *r, size_t first, size_t last)
{
	struct panel p = { .report = r, .first = first, .last = last, .least_threads = INFINITY };
	double end[WHO_MOST], roofline = 0, step;
	FILE *out = r->out;
	uint64_t seen = 0;

	for (size_t i = first; i < last; i++) {
		const struct point *point = points_at(r->points, r->order[i]);

		p.least_threads = fmin(p.least_threads, (double)point->threads);
		p.most_threads = fmax(p.most_threads, (double)point->threads);
		if (strcmp(point->subject, POINTS_ROOFLINE) == 0)
			roofline = fmax(roofline, point->mops_median);
		else if (!r->who[r->of[r->order[i]]].limit && !isnan(point->mops_hi))
			p.most = fmax(p.most, point->mops_hi);
	}
	if (p.most <= 0)
		return;
	p.most *= 1.08;
	fputs("<figure><figcaption class=load>", out);
	put_text(out, r->label[r->order[first]].title);
	fputs("</figcaption><svg viewBox='0 0 400 290' role=img aria-label='Throughput against threads'>\n", out);
	if (p.most_threads > (double)r->cores) {
		double from = panel_x(&p, fmax((double)r->cores * 1.2, p.least_threads));

		fprintf(out, "<rect x=%.1f y=20 width=%.1f height=220 fill='#f0f0f0'/><text x=%.1f y=32 text-anchor=end class=tic>more "
		    "threads than cores</text>\n", from, 284 - from, 282.0);
	}
	step = step_for(p.most);
	for (double v = 0; v <= p.most; v += step)
		fprintf(out, "<line x1=40 y1=%.1f x2=284 y2=%.1f class=grid /><text x=36 y=%.1f text-anchor=end class=tic>%g</text>\n",
		    panel_y(&p, v), panel_y(&p, v), panel_y(&p, v) + 4, v);
	for (size_t i = first; i < last; i++) {
		uint64_t threads = points_at(r->points, r->order[i])->threads;

		if (threads != seen)
			fprintf(out, "<text x=%.1f y=256 text-anchor=middle class=tic>%" PRIu64 "</text>", panel_x(&p, (double)threads),
			    threads);
		seen = threads;
	}
	fputs("<text x=162 y=276 text-anchor=middle class=tic>threads</text><text x=4 y=12 class=tic>million operations per "
	      "second</text>\n", out);
	for (size_t w = 0; w < r->whos; w++)
		end[w] = r->who[w].limit ? NAN : put_curve(&p, w);
	put_names(&p, end);
	fputs("</svg><figcaption>Medians; bars: 95&nbsp;% interval, or slowest to fastest of fewer than 6 trials.", out);
	if (roofline > 0)
		fprintf(out, " The practical limit (roofline, an array) reaches %.3g.", roofline);
	fputs("</figcaption></figure>\n", out);
}

static void
put_panels(const struct report *r)
{
	fputs("<h2>Throughput against threads</h2>\n<div class=grid2>\n", r->out);
	for (size_t first = 0, last; first < r->count; first = last) {
		for (last = first; last < r->count && r->label[r->order[last]].block == r->label[r->order[first]].block; last++)
			continue;
		put_panel(r, first, last);
	}
	fputs("</div>\n", r->out);
}

/* ---- Tables ---- */

static void
put_option(FILE *out, const char *name, const json_t *value)
{
	if (json_is_true(value))
		fprintf(out, " --%s", name);
	else if (json_is_integer(value))
		fprintf(out, " --%s %" JSON_INTEGER_FORMAT, name, json_integer_value(value));
	else if (json_is_string(value)) {
		fprintf(out, " --%s ", name);
		put_text(out, json_string_value(value));
	}
}

/* put_command - what measures this point again. */
static void
put_command(const struct report *r, const struct point *p)
{
	static const char *const parts[] = { "workload", "subject", "run" };
	json_t *options = p->options != NULL ? json_loads(p->options, 0, NULL) : NULL, *value;
	FILE *out = r->out;
	const char *name;

	fputs("hamtbench run --subject ", out);
	put_text(out, p->subject);
	fputs(" --workload ", out);
	put_text(out, p->workload);
	fprintf(out, " --threads %" PRIu64 " --trials %" PRIu64 " --seed %" PRIu64 " --pin ", p->threads, p->trials, r->seed);
	put_text(out, p->pin);
	fputs(" --membind ", out);
	put_text(out, p->membind);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_object_foreach(json_object_get(options, parts[i]), name, value)
			put_option(out, name, value);
	json_decref(options);
}

static void
put_cell(FILE *out, double value, void (*format)(double, char *, size_t))
{
	char text[32];

	format(value, text, sizeof(text));
	if (isfinite(value))
		fprintf(out, "<td data-v='%.9g'>%s", value, text);
	else
		fputs("<td data-v=''>-", out);
}

static void
put_table(const struct report *r)
{
	FILE *out = r->out;

	fputs("<h2>All figures</h2>\n<p>A click on a heading sorts.</p><div class=wide><table class=sort>\n<thead><tr><th>#<th>map"
	      "<th>load<th>threads<th>Mops/s<th>from<th>to<th>ns/op of a thread<th>of that, harness<th>get p99<th>update p99<th>garbage "
	      "peak<th>reclaim p99<th>trials<th>disturbed<th>outliers</tr></thead><tbody>\n", out);
	for (size_t i = 0; i < r->count; i++) {
		const struct point *p = points_at(r->points, r->order[i]);
		double overhead = NAN; /* what null takes at the same load and threads */

		for (size_t k = 0; k < r->count; k++)
			if (same_place(r, r->order[i], k) && strcmp(points_at(r->points, k)->subject, SUMMARY_NULL) == 0)
				overhead = (double)p->threads / points_at(r->points, k)->mops_median * 1e3;
		fprintf(out, "<tr><td data-v=%zu>%zu<td style='color:%s'><b>", i + 1, i + 1, r->who[r->of[r->order[i]]].colour);
		put_text(out, r->label[r->order[i]].name);
		fputs("</b><td>", out);
		put_text(out, r->label[r->order[i]].title);
		fprintf(out, "<td data-v=%" PRIu64 ">%" PRIu64, p->threads, p->threads);
		put_cell(out, p->mops_median, summary_format_figure);
		put_cell(out, p->mops_lo, summary_format_figure);
		put_cell(out, p->mops_hi, summary_format_figure);
		put_cell(out, (double)p->threads / p->mops_median * 1e3, summary_format_figure);
		put_cell(out, overhead, summary_format_figure);
		put_cell(out, p->get_p99_ns, summary_format_time);
		put_cell(out, p->update_p99_ns, summary_format_time);
		put_cell(out, p->pending_peak, summary_format_count);
		put_cell(out, p->reclaim_p99_ns, summary_format_time);
		fprintf(out, "<td data-v=%" PRIu64 ">%" PRIu64 " of %" PRIu64 "<td data-v=%" PRIu64 ">%" PRIu64 "%s<td data-v=%" PRIu64
		    ">%" PRIu64 "</tr>\n", p->used, p->used, p->trials, p->disturbed, p->disturbed, p->noisy ? " (used)" : "", p->outliers,
		    p->outliers);
	}
	fputs("</tbody></table></div>\n<h2>To measure it again</h2>\n<p>All of it:</p>\n", out);
	fputs(r->commands, out);
	fputs("<details><summary>One command for each row of the table</summary><ol>\n", out);
	for (size_t i = 0; i < r->count; i++) {
		fputs("<li><code>", out);
		put_command(r, points_at(r->points, r->order[i]));
		fputs("</code>\n", out);
	}
	fputs("</ol></details>\n", out);
}

static void
put_environment(const struct report *r)
{
	json_t *document = json_loads(r->environment.json, 0, NULL);
	char *text = document != NULL ? json_dumps(document, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;

	fputs("<h2>Environment</h2>\n<details><summary>Machine, kernel, compiler, hashes</summary><pre>", r->out);
	for (const char *c = text != NULL ? text : r->environment.json; *c != '\0'; c++)
		if (*c == '\n')
			putc('\n', r->out);
		else
			put_text(r->out, (char[]){ *c, '\0' });
	fputs("</pre></details>\n", r->out);
	free(text);
	json_decref(document);
}

static const char head[] =
    "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>\n"
    "<title>hamtbench report</title>\n<style>\n"
    "body{font:16px/1.45 system-ui,sans-serif;color:#222;background:#fff;max-width:1100px;margin:0 auto;padding:0 16px 40px}\n"
    ".lead{font-size:1.5em;margin:.4em 0}h2{margin-top:1.6em;border-bottom:1px solid #ddd}\n"
    "figure{margin:0 0 1.2em}svg{width:100%;max-width:660px;height:auto;font:13px system-ui,sans-serif}\n"
    "figcaption{color:#555;font-size:.85em}.load{color:#222;font-weight:600;font-size:.95em}\n"
    ".grid{stroke:#ddd}.tic{fill:#666;font-size:12px}.name{font-weight:600}.bar{stroke:#000;stroke-width:1.5;fill:none}\n"
    ".grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:8px 24px}\n"
    ".warn li{margin:.2em 0}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85em}\n"
    "th,td{padding:3px 8px;text-align:right;border-bottom:1px solid #eee;white-space:nowrap}\n"
    "td:nth-child(2),td:nth-child(3),th:nth-child(2),th:nth-child(3){text-align:left}th{cursor:pointer;background:#f6f6f6}\n"
    "pre,code{font-size:.85em;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "@media print{.wide{overflow:visible}table{font-size:6pt}th,td{padding:1px 2px;white-space:normal}figure{break-inside:avoid}}\n"
    "</style>\n<h1>Concurrent maps, measured</h1>\n";

static const char tail[] =
    "<script>\n"
    "document.querySelectorAll('table.sort th').forEach(function(th,n){th.onclick=function(){\n"
    "var b=th.closest('table').tBodies[0],up=th.dataset.up!=='1';th.dataset.up=up?'1':'0';\n"
    "var key=function(r){var c=r.cells[n],v=c.dataset.v;return v===undefined?c.textContent:v===''?-Infinity:+v};\n"
    "Array.from(b.rows).sort(function(x,y){var a=key(x),c=key(y);return (a<c?-1:a>c?1:0)*(up?1:-1)})\n"
    ".forEach(function(r){b.appendChild(r)})}});\n"
    "</script>\n</html>\n";

static uint64_t
cores_of(const struct environment *environment)
{
	json_t *document = json_loads(environment->json, 0, NULL);
	json_int_t cores = json_integer_value(json_object_get(json_object_get(document, "cpu"), "cores"));

	json_decref(document);
	return cores > 0 ? (uint64_t)cores : 1;
}

static bool
load(struct report *r, struct store *store, const struct store_filter *filter, char *error, size_t size)
{
	struct listing l = { .report = r };
	size_t bytes;
	bool fine;

	r->points = points_new();
	l.out = open_memstream(&r->commands, &bytes);
	r->no_memory = r->points == NULL || l.out == NULL;
	fine = !r->no_memory && store_each_environment(store, filter, add_environment, r, error, size) &&
	    store_each_series(store, filter, add_series, &l, error, size) &&
	    store_each_trial(store, filter, add_trial, r, error, size);
	if (l.out != NULL)
		fclose(l.out);
	if (fine && !r->no_memory && r->trials == 0) {
		snprintf(error, size, "%s: no trial to report on", store_path(store));
		return false;
	}
	if (fine && !r->no_memory) {
		points_finish(r->points);
		r->cores = cores_of(&r->environment);
		r->no_memory = !label_points(r);
		fine = r->no_memory || store_each_trial(store, filter, add_to_who, r, error, size);
	}
	if (r->no_memory) {
		snprintf(error, size, "no memory for the report");
		fine = false;
	}
	return fine;
}

bool
report_write(FILE *out, struct store *store, const struct store_filter *filter, char *error, size_t size)
{
	struct report *r = calloc(1, sizeof(*r));
	struct who *ranked[WHO_MOST];
	size_t count;
	bool fine;

	if (r == NULL) {
		snprintf(error, size, "no memory for the report");
		return false;
	}
	r->out = out;
	fine = load(r, store, filter, error, size);
	if (fine) {
		count = rank(r, ranked);
		fputs(head, out);
		put_summary(r, ranked, count);
		put_ranking(r, ranked, count);
		put_warnings(r);
		put_panels(r);
		put_table(r);
		put_environment(r);
		fputs(tail, out);
	}
	for (size_t w = 0; w < r->whos; w++)
		points_free(r->who[w].points);
	points_free(r->points);
	environment_free(&r->environment);
	free(r->label);
	free(r->of);
	free(r->order);
	free(r->commands);
	free(r);
	return fine;
}
