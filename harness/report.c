/*
 * report.c - points, labelled as in the table; who is fastest by the geometric mean over
 * the points that all maps have on no more threads than cores, and how sure that is by compare.h.
 * In an open loop throughput is what was asked for: such points are in no mean, but ordered by response time.
 */
#include "harness/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "harness/compare.h"
#include "harness/environment.h"
#include "harness/points.h"
#include "harness/report_curves.h"
#include "harness/sentinel.h"
#include "harness/summary.h"
#include "harness/svg.h"

#define WHO_MOST 64

struct who {              /* a map with its options: one colour in all pictures */
	const char *name, *subject;
	const char *colour;
	bool limit;       /* roofline, null */
	double score;     /* mean logarithm of its throughput over that of the fastest, where it was measured */
	size_t measured, first; /* points on no more threads than cores; of these, fastest */
	double least, most; /* medians of these, Mops/s */
	struct points *points;  /* these: a part of the report's; owned */
	double ratio, lo, hi, p; /* the fastest map over this one; NaN: not compared */
	double coverage;  /* of [lo, hi] */
	enum verdict verdict;
};

#define FAILURES_SHOWN 20

struct failure {          /* trials of a point that are in no figure */
	size_t point;
	uint64_t trials;
	char why[RECORD_TEXT];    /* of the first */
	bool others;              /* some have another reason */
};

struct report {
	FILE *out;
	struct points *points;
	struct summary_label *label;
	size_t count;
	struct who who[WHO_MOST];
	size_t whos;
	size_t *of;       /* of each point: its who */
	size_t *order;    /* points by load, block, threads, name */
	size_t *by_response; /* room for those of open loops */
	bool *dear;       /* of each point: it is there at a lower level of --smr-stats, too */
	double *polyline; /* room for x and y of every point: what is drawn needs no more memory */
	struct curves **curves; /* of each point: what is drawn of it, or NULL */
	size_t curves_room;
	struct failure failure[FAILURES_SHOWN]; /* in order of first appearance */
	size_t failures;
	uint64_t failures_left_out; /* trials of other points */
	uint64_t cores;
	struct environment environment;
	size_t environments;
	char started[32], *commands; /* HTML */
	uint64_t trials, disturbed, not_pinned, seed;
	uint64_t with_series;      /* trials that have a histogram or samples */
	size_t open_points;
	char not_whole[160];       /* the series is, and how; "": it is not */
	bool no_memory;
};

/* ---- Loading ---- */

/* rank_of - the order in which maps choose: hamt and its variants, seed, all others, and from RANK_LIMIT on those that are none. */
#define RANK_LIMIT 8
static int
rank_of(const char *subject)
{
	return strncmp(subject, "hamt", 4) == 0 ? 0 : strcmp(subject, "seed") == 0 ? 1 : strcmp(subject, POINTS_ROOFLINE) == 0 ? RANK_LIMIT :
	    summary_is_null(subject) ? RANK_LIMIT + 1 : 2;
}

/* add_to_curves - a trial, with its series, to what is drawn of its point. False: no memory. */
static bool
add_to_curves(struct report *r, size_t point, const struct record *record)
{
	if (point >= r->curves_room) {
		size_t room = 2 * point + 16;
		struct curves **more = realloc(r->curves, room * sizeof(struct curves *));

		if (more == NULL)
			return false;
		memset(more + r->curves_room, 0, (room - r->curves_room) * sizeof(struct curves *));
		r->curves = more;
		r->curves_room = room;
	}
	if (rank_of(record->subject) >= RANK_LIMIT || !record->valid)
		return true;
	if (r->curves[point] == NULL)
		r->curves[point] = curves_new();
	return r->curves[point] != NULL && curves_add(r->curves[point], record);
}

static void
add_failure(struct report *r, size_t point, const char *why)
{
	size_t i = 0;

	while (i < r->failures && r->failure[i].point != point)
		i++;
	if (i == FAILURES_SHOWN) {
		r->failures_left_out++;
		return;
	}
	if (i == r->failures) {
		r->failure[r->failures++] = (struct failure){ .point = point };
		snprintf(r->failure[i].why, sizeof(r->failure[i].why), "%s", why);
	}
	r->failure[i].trials++;
	r->failure[i].others = r->failure[i].others || strcmp(r->failure[i].why, why) != 0;
}

static bool
has_series(const struct record *r)
{
	for (size_t i = 0; i < RECORD_HISTOGRAMS; i++)
		if (r->histogram[i].total + r->histogram[i].lost > 0)
			return true;
	return r->samples > 0;
}

static bool
add_trial(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct report *r = arg;
	size_t point;

	r->no_memory = !points_add(r->points, origin->environment_id, record);
	if (r->no_memory)
		return false;
	point = points_find(r->points, origin->environment_id, record);
	r->no_memory = !add_to_curves(r, point, record);
	if (!record->valid)
		add_failure(r, point, record->why);
	if (r->trials++ == 0)
		r->seed = record->seed - (record->trial - 1);
	r->disturbed += record->disturbed;
	r->with_series += has_series(record);
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
	svg_put_text(l->out, series->command);
	fprintf(l->out, "</pre><p>series %lld, ", (long long)series->id);
	svg_put_text(l->out, series->started_at);
	fprintf(l->out, ", %s, %" PRIu64 " trials</p>\n", series_state_names[series->state], series->trials);
	(void)store_series_not_whole(series, l->report->not_whole, sizeof(l->report->not_whole));
	return true;
}

/* Okabe and Ito's, and more; the same in scripts/plots/facts.awk, so that a map has one colour in all pictures. */
static const struct { const char *subject, *colour; } own_colours[] = { { "hamt", "#0072B2" }, { "seed", "#D55E00" },
	{ "urcu-lfht", "#009E73" }, { "mutex", "#CC79A7" }, { "roofline", "#555555" }, { "null", "#999999" }, { "hamt-ebr", "#E69F00" },
	{ "hamt-hp-fence", "#56B4E9" }, { "hamt-none", "#8C6D00" }, { "hamt-qsbr", "#7A3E9D" }, { "hamt-he", "#D6278A" },
	{ "tbb", "#4B8B3B" }, { "ck-ht", "#8C510A" }, { "hamt-bytes", "#00427A" }, { "mutex-bytes", "#8F4A75" },
	{ "null-bytes", "#BBBBBB" } };
static const char *const spare_colours[] = { "#000000", "#8C510A", "#4B8B3B", "#D6278A", "#E69F00", "#56B4E9", "#8C6D00", "#7A3E9D",
	"#1F9E9E", "#6A7FDB", "#A6761D", "#B22222" };
#define OWN_COLOURS (sizeof(own_colours) / sizeof(own_colours[0]))
#define SPARE_COLOURS (sizeof(spare_colours) / sizeof(spare_colours[0]))

static int
by_rank(const void *left, const void *right)
{
	const struct who *a = *(struct who *const *)left, *b = *(struct who *const *)right;
	int x = rank_of(a->subject), y = rank_of(b->subject);

	return x != y ? x - y : strcmp(a->name, b->name);
}

static bool
is_taken(const struct report *r, const char *colour)
{
	for (size_t w = 0; w < r->whos; w++)
		if (r->who[w].colour != NULL && strcmp(r->who[w].colour, colour) == 0)
			return true;
	return false;
}

/* colour - the first of a name gets the name's own colour, all others what is left. */
static void
colour(struct report *r)
{
	struct who *order[WHO_MOST];
	size_t spare = 0;

	for (size_t w = 0; w < r->whos; w++)
		order[w] = &r->who[w];
	qsort(order, r->whos, sizeof(*order), by_rank);
	for (size_t w = 0; w < r->whos; w++)
		for (size_t i = 0; i < OWN_COLOURS; i++)
			if (strcmp(own_colours[i].subject, order[w]->subject) == 0 && !is_taken(r, own_colours[i].colour))
				order[w]->colour = own_colours[i].colour;
	for (size_t w = 0; w < r->whos; w++) {
		if (order[w]->colour != NULL)
			continue;
		for (size_t tried = 0; tried < SPARE_COLOURS && is_taken(r, spare_colours[spare % SPARE_COLOURS]); tried++)
			spare++;
		order[w]->colour = spare_colours[spare++ % SPARE_COLOURS];
	}
}

static const struct report *sorting; /* qsort() has no argument of its own; one report at a time */

static int
by_block(const void *left, const void *right)
{
	size_t a = *(const size_t *)left, b = *(const size_t *)right;
	const struct point *x = points_at(sorting->points, a), *y = points_at(sorting->points, b);

	if (sorting->label[a].load != sorting->label[b].load)
		return sorting->label[a].load < sorting->label[b].load ? -1 : 1;
	if (sorting->label[a].block != sorting->label[b].block)
		return sorting->label[a].block < sorting->label[b].block ? -1 : 1;
	if (x->threads != y->threads)
		return x->threads < y->threads ? -1 : 1;
	return strcmp(sorting->label[a].name, sorting->label[b].name);
}

static bool
label_points(struct report *r)
{
	r->count = points_count(r->points);
	r->label = calloc(r->count, sizeof(*r->label));
	r->of = calloc(r->count, sizeof(*r->of));
	r->order = calloc(r->count, sizeof(*r->order));
	r->by_response = calloc(r->count, sizeof(*r->by_response));
	r->dear = calloc(r->count, sizeof(*r->dear));
	r->polyline = calloc(r->count, 2 * sizeof(*r->polyline));
	if (r->label == NULL || r->of == NULL || r->order == NULL || r->by_response == NULL || r->dear == NULL || r->polyline == NULL ||
	    !summary_labels(r->points, r->label))
		return false;
	for (size_t i = 0; i < r->count; i++) {
		r->order[i] = i;
		r->open_points += !isnan(points_at(r->points, i)->rate);
	}
	sorting = r;
	qsort(r->order, r->count, sizeof(*r->order), by_block);
	for (size_t i = 0; i < r->count; i++) {
		const char *subject = points_at(r->points, i)->subject;
		size_t w = 0;

		while (w < r->whos && strcmp(r->who[w].name, r->label[i].name) != 0)
			w++;
		if (w == r->whos && w < WHO_MOST)
			r->who[r->whos++] = (struct who){ .name = r->label[i].name, .subject = subject,
				.limit = rank_of(subject) >= RANK_LIMIT, .ratio = NAN, .lo = NAN, .hi = NAN, .p = NAN,
				.verdict = VERDICT_NOISY };
		/* Beyond WHO_MOST all share the last place: such a grid has no winner anybody could read off. */
		r->of[i] = w < WHO_MOST ? w : WHO_MOST - 1;
	}
	colour(r);
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->count && !r->dear[i]; k++)
			r->dear[i] = r->of[i] == r->of[k] && r->label[i].load == r->label[k].load &&
			    points_at(r->points, i)->threads == points_at(r->points, k)->threads && r->label[k].level < r->label[i].level;
	return true;
}

/* is_ranked - by its throughput: that is nobody's merit where it was asked for. */
static bool
is_ranked(const struct report *r, size_t i)
{
	const struct point *p = points_at(r->points, i);

	return !r->dear[i] && p->threads <= r->cores && isnan(p->rate);
}

/* part_points - to each map its ranked points. False: no memory. */
static bool
part_points(struct report *r)
{
	bool *keep = calloc(r->count, sizeof(*keep));
	bool fine = keep != NULL;

	for (size_t w = 0; fine && w < r->whos; w++) {
		for (size_t i = 0; i < r->count; i++)
			keep[i] = r->of[i] == w && is_ranked(r, i);
		r->who[w].points = points_part(r->points, keep);
		fine = r->who[w].points != NULL;
	}
	free(keep);
	return fine;
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
		if (!is_ranked(r, i) || !(p->mops_median > 0) || most <= 0)
			continue;
		w->score += log(p->mops_median / most);
		w->least = w->measured == 0 ? p->mops_median : fmin(w->least, p->mops_median);
		w->most = fmax(w->most, p->mops_median);
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
	const struct compare_options o = { .metric = "mops", .alpha = 0.01, .threshold_pct = 3, .differing = differing,
		.same_bytes = true };
	size_t count = 0;

	score(r);
	for (size_t w = 0; w < r->whos; w++)
		if (!r->who[w].limit && r->who[w].measured > 0)
			ranked[count++] = &r->who[w];
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
		ranked[i]->coverage = c.mean_coverage;
		ranked[i]->p = c.mean_p;
		ranked[i]->verdict = c.mean_verdict;
		compare_free(&c);
	}
	return count;
}

/* put_chance - a probability, for who has seldom seen one with an exponent. */
static void
put_chance(FILE *out, double p)
{
	if (p < 1e-6)
		fputs("less than one in a million", out);
	else if (p < 1e-3)
		fputs("less than one in a thousand", out);
	else
		fprintf(out, "%.2g", p);
}

static void
put_next(FILE *out, const struct who *first, const struct who *next)
{
	bool shown = next->verdict == VERDICT_FASTER;

	fprintf(out, "That is %.2f times as many as the next one, <b>", next->ratio);
	svg_put_text(out, next->name);
	fputs("</b>, completed", out);
	if (isfinite(next->lo))
		fprintf(out, " (with %u&nbsp;%% confidence %.2f to %.2f times)", compare_percent(next->coverage), next->lo, next->hi);
	fprintf(out, ". The difference is <b>%sshown</b>: by chance alone it would come about with a probability of ", shown ? "" : "not ");
	put_chance(out, next->p);
	/* The interval is of the mean ratio, the test asks whether one is faster all along. */
	fputs(shown ? ". " : first->first < first->measured && next->lo > 1 ? ", for which of the two is faster depends on the load. " :
	    ", and for 0.01 or less it would count as shown: more trials may tell. ", out);
}

static void
put_summary(const struct report *r, struct who *const *ranked, size_t count)
{
	const struct who *next = count > 1 ? ranked[1] : NULL;
	char machine[ENVIRONMENT_TEXT], least[32], most[32];
	FILE *out = r->out;

	environment_summary(&r->environment, machine, sizeof(machine));
	if (count == 0) {
		fprintf(out, "<p class=lead>No map was measured on as few threads as there are cores%s: nothing is ranked by throughput.</p>\n",
		    r->open_points > 0 ? " without --rate" : "");
	} else {
		fputs("<p class=lead><b>", out);
		svg_put_text(out, ranked[0]->name);
		fprintf(out, "</b> %s</p>\n<p>", count == 1 ? "is the only map here." : next->verdict == VERDICT_FASTER ?
		    "is the fastest map here." : "came out first here, but not clearly.");
	}
	if (count > 0) {
		summary_format_figure(ranked[0]->least, least, sizeof(least));
		summary_format_figure(ranked[0]->most, most, sizeof(most));
		fprintf(out, ranked[0]->measured == 1 ? "It completed %s million operations per second. " :
		    "It completed %s to %s million operations per second, which depends on the load and the number of threads. ",
		    least, most);
	}
	if (next != NULL && isfinite(next->ratio))
		put_next(out, ranked[0], next);
	else if (next != NULL)
		fputs("It was <b>not compared</b> with the others, for no other was measured under the same load and threads. ", out);
	if (count > 1 && ranked[0]->measured > 1)
		fprintf(out, "Of %zu combinations of load and threads it was first in %zu; ratios are geometric means over these. ",
		    ranked[0]->measured, ranked[0]->first);
	if (count > 0)
		fprintf(out, "Looked at are up to %" PRIu64 " thread%s, as many as cores.</p>\n", r->cores, r->cores == 1 ? "" : "s");
	if (r->open_points > 0)
		fprintf(out, "<p>%zu of %zu points had a prescribed rate of calls (--rate): their throughput is what was asked for, so it ranks "
		    "nobody. They are ordered by <a href='#open'>response time</a>.</p>\n", r->open_points, r->count);
	fputs("<p>Measured on: <b>", out);
	svg_put_text(out, machine);
	fputs("</b>; ", out);
	svg_put_text(out, r->started);
	fprintf(out, "; %" PRIu64 " trials.</p>\n", r->trials);
	if (r->not_whole[0] != '\0')
		fprintf(out, "<p><b>%s.</b> What is said here is of those that are there.</p>\n", r->not_whole);
}

/* put_failures - what is in no figure, and why. What went wrong in another program is only known as far as it says. */
static void
put_failures(const struct report *r)
{
	FILE *out = r->out;

	for (size_t i = 0; i < r->failures; i++) {
		const struct failure *f = &r->failure[i];
		const struct point *p = points_at(r->points, f->point);

		fprintf(out, "<li>%" PRIu64 " trial%s of <b>", f->trials, f->trials == 1 ? "" : "s");
		svg_put_text(out, r->label[f->point].name);
		fputs("</b> (", out);
		svg_put_text(out, r->label[f->point].title);
		fprintf(out, ", %" PRIu64 " thread%s) %s in no figure, %s", p->threads, p->threads == 1 ? "" : "s",
		    f->trials == 1 ? "is" : "are", points_is_own(p) ? "for it failed a check: " : "for the benchmark reported an error: ");
		svg_put_text(out, f->why[0] != '\0' ? f->why : "no reason is kept");
		fputs(f->others ? " (the first of several reasons)\n" : "\n", out);
	}
	if (r->failures_left_out > 0)
		fprintf(out, "<li>%" PRIu64 " failed trials of other points are in no figure either.\n", r->failures_left_out);
}

static void
put_warnings(const struct report *r)
{
	char text[ENVIRONMENT_TEXT], *next = text;
	uint64_t noisy = 0, few = 0, over = 0, outliers = 0, not_judged = 0;
	FILE *out = r->out;

	for (size_t i = 0; i < r->count; i++) {
		const struct point *p = points_at(r->points, i);

		noisy += p->noisy;
		few += p->used < 6;
		over += p->threads > r->cores;
		outliers += p->outliers;
		not_judged += p->not_judged;
	}
	environment_warnings(&r->environment, text, sizeof(text));
	fputs("<h2>Handle with care</h2>\n<ul class=warn>\n", out);
	for (char *line; (line = strsep(&next, "\n")) != NULL;)
		if (line[0] != '\0') {
			fputs("<li>", out);
			svg_put_text(out, line);
			fputs("\n", out);
		}
	if (r->disturbed > 0)
		fprintf(out, "<li>%" PRIu64 " of %" PRIu64 " trials were disturbed by others on the machine; %" PRIu64 " of %zu points "
		    "had no quiet majority, and use them.\n", r->disturbed, r->trials, noisy, r->count);
	if (not_judged > 0)
		fprintf(out, "<li>%" PRIu64 " of %" PRIu64 " trials are too short (below %g s) to be judged: whether others disturbed them is not "
		    "known.\n", not_judged, r->trials, SENTINEL_SHORTEST_S);
	if (r->not_whole[0] != '\0')
		fprintf(out, "<li>%s.\n", r->not_whole);
	put_failures(r);
	if (few > 0)
		fprintf(out, "<li>%" PRIu64 " of %zu points have fewer than 6 trials: their bars run from the slowest to the fastest, "
		    "which is less than a 95&nbsp;%% interval.\n", few, r->count);
	if (outliers > 0)
		fprintf(out, "<li>%" PRIu64 " trials are outliers (beyond 1.5 interquartile ranges). They are in all figures, and marked by a ringed cross.\n", outliers);
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

#define RANKING_WIDTH 400
#define RANKING_ROW ((size_t)44)
#define RANKING_FULL 320.0 /* of 100 % */
#define RANKING_END 346.0  /* of intervals */

static double
ranking_x(double share)
{
	return 2 + RANKING_FULL * share;
}

static void
put_ranking(const struct report *r, struct who *const *ranked, size_t count)
{
	double least = COMPARE_CONFIDENCE; /* coverage of the intervals drawn */
	FILE *out = r->out;

	if (count < 2)
		return;
	/* Names stand over the bars: there a long one has room, and letters can be read on a phone. */
	fprintf(out, "<h2>How fast, next to the fastest</h2>\n<figure><svg viewBox='0 0 %d %zu' style='max-width:480px' role=img "
	    "aria-label='Speed of each map relative to the fastest'>\n", RANKING_WIDTH, RANKING_ROW * count + 28);
	for (unsigned t = 0; t <= 4; t++)
		fprintf(out, "<line x1=%.1f y1=4 x2=%.1f y2=%zu class=grid /><text x=%.1f y=%zu text-anchor=%s class=tic>%u&nbsp;%%</text>\n",
		    ranking_x(t / 4.0), ranking_x(t / 4.0), RANKING_ROW * count + 4, ranking_x(t / 4.0), RANKING_ROW * count + 20,
		    t == 0 ? "start" : "middle", t * 25);
	for (size_t i = 0; i < count; i++) {
		const struct who *w = ranked[i];
		double share = i == 0 ? 1 : isfinite(w->ratio) ? 1 / w->ratio : exp(w->score);
		double top = (double)(RANKING_ROW * i), end = ranking_x(share);

		fprintf(out, "<text x=%.1f y=%.0f class=name>", ranking_x(0), top + 16);
		svg_put_text(out, w->name);
		fprintf(out, "</text><rect x=%.1f y=%.0f width=%.1f height=18 fill='%s'/>", ranking_x(0), top + 21, end - ranking_x(0), w->colour);
		if (i > 0 && isfinite(w->lo)) {
			least = fmin(least, w->coverage);
			/* An interval may reach far beyond the fastest: the picture ends where the figure has room yet. */
			double from = ranking_x(1 / w->hi), to = ranking_x(1 / w->lo), y = top + 30;

			fprintf(out, "<path d='M%.1f %.0fV%.0fM%.1f %.0fH%.1f", from, y - 6, y + 6, from, y, fmin(to, RANKING_END));
			if (to <= RANKING_END)
				fprintf(out, "M%.1f %.0fV%.0f", to, y - 6, y + 6);
			fputs("' class=bar />", out);
			end = fmin(fmax(end, to), RANKING_END);
		}
		fprintf(out, "<text x=%.0f y=%.0f>%.0f&nbsp;%%</text>\n", end + 8, top + 35, 100 * share);
	}
	fprintf(out, "</svg><figcaption>Operations per second as a share of the fastest map's, geometric mean over all loads on no more "
	    "threads than cores. Black: confidence interval, %u&nbsp;%%%s. What each map is, says <code>hamtbench list subjects</code>."
	    "</figcaption></figure>\n", compare_percent(least), least < COMPARE_CONFIDENCE ? " or more: there are few trials" : "");
}

/* What one panel has drawn of single trials. */
struct drawn {
	size_t outliers, left_out;
};

/* put_trials - each trial of a point; those beyond the fences last and marked. */
static void
put_trials(struct svg *s, const struct report *r, size_t i, double beside, struct drawn *drawn)
{
	const struct point *point = points_at(r->points, i);
	const bool *disturbed;
	size_t count;
	const double *mops = points_trials(r->points, i, &disturbed, &count);
	const char *colour = r->who[r->of[i]].colour;
	char title[RECORD_TEXT + 300];

	for (unsigned outliers = 0; outliers < 2; outliers++)
		for (size_t t = 0; t < count; t++) {
			bool left_out = disturbed[t] && !point->noisy;
			bool outlier = !left_out && (mops[t] < point->mops_fence_lo || mops[t] > point->mops_fence_hi);

			if (isnan(mops[t]) || outlier != outliers)
				continue;
			snprintf(title, sizeof(title), "%s, %" PRIu64 " threads, one trial: %.3g Mops/s%s", r->label[i].name, point->threads,
			    mops[t], left_out ? ", disturbed" : outlier ? ", outlier" : "");
			svg_mark(s, left_out ? SVG_LEFT_OUT : outlier ? SVG_OUTLIER : SVG_TRIAL, colour, (double)point->threads, mops[t], beside,
			    left_out || outlier ? title : NULL);
			drawn->outliers += outlier;
			drawn->left_out += left_out;
		}
}

/* put_curve - one map in one panel: what is at the lowest level of --smr-stats. */
static void
put_curve(struct svg *s, const struct report *r, size_t w, size_t first, size_t last, struct drawn *drawn)
{
	const char *colour = r->who[w].colour;
	double beside = 2.0 * (double)(w % 5) - 4, *x = r->polyline, *y = x + r->count;
	char title[RECORD_TEXT + 300];
	size_t n = 0;

	for (size_t k = first; k < last; k++) {
		size_t i = r->order[k];
		const struct point *point = points_at(r->points, i);

		if (r->of[i] != w || r->dear[i] || isnan(point->mops_median))
			continue;
		svg_bar(s, colour, (double)point->threads, point->mops_lo, point->mops_hi, beside);
		x[n] = (double)point->threads;
		y[n++] = point->mops_median;
	}
	svg_curve(s, r->who[w].name, colour, SVG_SOLID, false, x, y, n);
	for (size_t k = first; k < last; k++) {
		size_t i = r->order[k];
		const struct point *point = points_at(r->points, i);

		if (r->of[i] != w || r->dear[i] || isnan(point->mops_median))
			continue;
		snprintf(title, sizeof(title), "%s, %" PRIu64 " threads: %.3g Mops/s (%.3g to %.3g)", r->label[i].name, point->threads,
		    point->mops_median, point->mops_lo, point->mops_hi);
		svg_mark(s, SVG_DOT, colour, (double)point->threads, point->mops_median, beside, title);
		put_trials(s, r, i, beside, drawn);
	}
}

static void
put_ticks_of_threads(struct svg *s, const struct report *r, size_t first, size_t last)
{
	char text[24];

	for (size_t k = first; k < last; k++) {
		uint64_t threads = points_at(r->points, r->order[k])->threads;
		bool seen = false;

		for (size_t i = first; i < k; i++)
			seen = seen || points_at(r->points, r->order[i])->threads == threads;
		snprintf(text, sizeof(text), "%" PRIu64, threads);
		if (!seen)
			svg_tick_x(s, (double)threads, text);
	}
}

static void
mops_tick(double mops, char *text, size_t size)
{
	snprintf(text, size, "%g", mops);
}

/* put_panel - throughput against threads, for one load: points first .. last of order[]. */
static void
put_panel(const struct report *r, size_t first, size_t last)
{
	struct svg s = { .out = r->out, .x = { SVG_LOG, INFINITY, 0, "threads", NULL },
		.y = { SVG_LINEAR, 0, 0, "million operations per second", mops_tick } };
	size_t longest = 0, trials;
	struct drawn drawn = { 0 };
	double roofline = 0;
	FILE *out = r->out;
	const bool *disturbed;

	for (size_t k = first; k < last; k++) {
		size_t i = r->order[k];
		const struct point *point = points_at(r->points, i);
		const double *mops = points_trials(r->points, i, &disturbed, &trials);

		s.x.from = fmin(s.x.from, (double)point->threads);
		s.x.to = fmax(s.x.to, (double)point->threads);
		if (strcmp(point->subject, POINTS_ROOFLINE) == 0)
			roofline = fmax(roofline, point->mops_median);
		if (r->dear[i] || r->who[r->of[i]].limit)
			continue;
		for (size_t t = 0; t < trials; t++)
			s.y.to = fmax(s.y.to, mops[t]); /* passes over NaN */
		longest = strlen(r->label[i].name) > longest ? strlen(r->label[i].name) : longest;
	}
	if (s.y.to <= 0)
		return;
	s.y.to *= 1.08;
	fputs("<figure><figcaption class=load>", out);
	svg_put_text(out, r->label[r->order[first]].load_title);
	fputs("</figcaption>", out);
	svg_begin(&s, "Throughput against threads", r->whos, longest);
	/* Room for the marks that stand side by side. */
	s.x.from /= 1.2;
	s.x.to *= 1.2;
	if (s.x.to / 1.2 > (double)r->cores)
		svg_shade(&s, fmax((double)r->cores * 1.2, s.x.from), s.x.to, "more threads than cores");
	svg_axes(&s);
	put_ticks_of_threads(&s, r, first, last);
	for (size_t w = 0; w < r->whos; w++)
		if (!r->who[w].limit)
			put_curve(&s, r, w, first, last, &drawn);
	svg_end(&s);
	fputs("<figcaption>Large dots: medians; bars: 95&nbsp;% interval, or slowest to fastest of fewer than 6 trials; small dots: trials.", out);
	if (drawn.outliers > 0)
		fprintf(out, " Ringed crosses: %zu outlier%s, in all figures.", drawn.outliers, drawn.outliers == 1 ? "" : "s");
	if (drawn.left_out > 0)
		fprintf(out, " Hollow: %zu disturbed trial%s, in no median.", drawn.left_out, drawn.left_out == 1 ? "" : "s");
	if (roofline > 0)
		fprintf(out, " The practical limit (roofline, an array) reaches %.3g.", roofline);
	fputs("</figcaption></figure>\n", out);
}

/* next_load - where the points of the load end that begins at first of order[]. */
static size_t
next_load(const struct report *r, size_t first)
{
	size_t last = first;

	while (last < r->count && r->label[r->order[last]].load == r->label[r->order[first]].load)
		last++;
	return last;
}

static void
put_panels(const struct report *r)
{
	if (r->open_points == r->count)
		return;
	fputs("<h2>Throughput against threads</h2>\n<div class=grid2>\n", r->out);
	for (size_t first = 0, last; first < r->count; first = last) {
		last = next_load(r, first);
		if (isnan(points_at(r->points, r->order[first])->rate))
			put_panel(r, first, last);
	}
	fputs("</div>\n", r->out);
}

/* threads_shown - of a load the most threads that have a core each, else the fewest; and the most of all. */
static void
threads_shown(const struct report *r, size_t first, size_t last, uint64_t shown[2])
{
	uint64_t fit = 0, least = UINT64_MAX, most = 0;

	for (size_t k = first; k < last; k++) {
		uint64_t threads = points_at(r->points, r->order[k])->threads;

		fit = threads <= r->cores && threads > fit ? threads : fit;
		least = threads < least ? threads : least;
		most = threads > most ? threads : most;
	}
	shown[0] = fit > 0 ? fit : least;
	shown[1] = most;
}

/*
 * lines_of - the maps measured on so many threads: of each the point at the lowest level of --smr-stats,
 * or at the highest. Returns how many.
 */
static size_t
lines_of(const struct report *r, size_t first, size_t last, uint64_t threads, bool highest, struct curves_line *line)
{
	size_t best[WHO_MOST], lines = 0;

	for (size_t w = 0; w < r->whos; w++) {
		best[w] = SIZE_MAX;
		for (size_t k = first; k < last; k++) {
			size_t i = r->order[k];

			if (r->of[i] == w && !r->who[w].limit && r->curves[i] != NULL && points_at(r->points, i)->threads == threads &&
			    (best[w] == SIZE_MAX || (r->label[i].level > r->label[best[w]].level) == highest))
				best[w] = i;
		}
		if (best[w] != SIZE_MAX)
			line[lines++] = (struct curves_line){ r->who[w].name, r->who[w].colour, r->curves[best[w]] };
	}
	return lines;
}

static void
title_with_threads(const struct report *r, size_t i, uint64_t threads, const char *what, char *title, size_t size)
{
	snprintf(title, size, "%s%s%s, %" PRIu64 " thread%s%s", what, what[0] != '\0' ? ": " : "", r->label[i].load_title, threads,
	    threads == 1 ? "" : "s", threads > r->cores ? ", more than cores" : "");
}

/* Where no trial has any series. */
static const char not_kept[] = "<p>Not drawn: no trial here has histograms or samples. What came by <code>hamtbench import</code> carries "
    "none, only the figures in the table.</p>\n";

static void
put_latencies(const struct report *r)
{
	struct curves_line line[WHO_MOST];
	char title[800];
	size_t drawn = 0;

	fputs("<h2>Latency: how long calls took</h2>\n<div class=grid2>\n", r->out);
	for (size_t first = 0, last; first < r->count; first = last) {
		uint64_t shown[2];
		size_t lines;

		last = next_load(r, first);
		threads_shown(r, first, last, shown);
		lines = lines_of(r, first, last, shown[0], false, line);
		for (enum curves_latency kind = 0; kind < CURVES_LATENCIES; kind++) {
			title_with_threads(r, r->order[first], shown[0], curves_latency_names[kind], title, sizeof(title));
			drawn += curves_put_latency(r->out, kind, title, line, lines);
		}
	}
	fputs("</div>\n", r->out);
	if (drawn == 0)
		fputs(r->with_series == 0 ? not_kept : "<p>No call of a map was timed.</p>\n", r->out);
}

static void
put_reclamation(const struct report *r)
{
	static bool (*const put[])(FILE *, const char *, const struct curves_line *, size_t) = { curves_put_garbage, curves_put_reclaim };
	static const char *const head[] = { "Garbage: retired and not freed yet", "How long garbage waits: from retire to free" };
	struct curves_line line[WHO_MOST];
	char title[800];

	for (unsigned picture = 0; picture < 2; picture++) {
		size_t drawn = 0;

		fprintf(r->out, "<h2>%s</h2>\n<div class=grid2>\n", head[picture]);
		for (size_t first = 0, last; first < r->count; first = last) {
			uint64_t shown[2];

			last = next_load(r, first);
			threads_shown(r, first, last, shown);
			for (unsigned k = 0; k < (shown[0] == shown[1] ? 1 : 2); k++) {
				title_with_threads(r, r->order[first], shown[k], "", title, sizeof(title));
				drawn += put[picture](r->out, title, line, lines_of(r, first, last, shown[k], true, line));
			}
		}
		fputs("</div>\n", r->out);
		if (drawn == 0)
			fputs(r->with_series == 0 ? not_kept : picture == 0 ? "<p>No trial has any: no map here retired an object, or --smr-stats was off.</p>\n" :
			    "<p>Not measured: --smr-stats sampled or full takes these times.</p>\n", r->out);
	}
}

/* ---- Tables ---- */

/* response_p99_ns - of all kinds of calls the worst. */
static double
response_p99_ns(const struct point *p)
{
	return fmax(p->get_response_p99_ns, p->update_response_p99_ns); /* passes over NaN */
}

static int
by_response(const void *left, const void *right)
{
	size_t a = *(const size_t *)left, b = *(const size_t *)right;
	const struct point *x = points_at(sorting->points, a), *y = points_at(sorting->points, b);
	double one = response_p99_ns(x), other = response_p99_ns(y);

	if (sorting->label[a].load != sorting->label[b].load)
		return sorting->label[a].load < sorting->label[b].load ? -1 : 1;
	if (x->threads != y->threads)
		return x->threads < y->threads ? -1 : 1;
	/* Without a figure: at the end. */
	if (isnan(one) != isnan(other))
		return isnan(one) ? 1 : -1;
	if (!isnan(one) && one != other)
		return one < other ? -1 : 1;
	return strcmp(sorting->label[a].name, sorting->label[b].name);
}

static void
put_option(FILE *out, const char *name, const json_t *value)
{
	if (!json_is_true(value) && !json_is_integer(value) && !json_is_string(value))
		return;
	fputs(" --", out);
	svg_put_text(out, name);
	if (json_is_integer(value)) {
		fprintf(out, " %" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else if (json_is_string(value)) {
		putc(' ', out);
		svg_put_text(out, json_string_value(value));
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

	if (!json_is_object(json_object_get(options, "run"))) {
		fputs("(measured by another program)", out);
		json_decref(options);
		return;
	}
	fputs("hamtbench run --subject ", out);
	svg_put_text(out, p->subject);
	fputs(" --workload ", out);
	svg_put_text(out, p->workload);
	fputs(" --threads ", out);
	if (json_is_string(json_object_get(json_object_get(options, "run"), "roles")))
		svg_put_text(out, json_string_value(json_object_get(json_object_get(options, "run"), "roles")));
	else
		fprintf(out, "%" PRIu64, p->threads);
	fprintf(out, " --trials %" PRIu64 " --seed %" PRIu64 " --pin ", p->trials, r->seed);
	svg_put_text(out, p->pin);
	fputs(" --membind ", out);
	svg_put_text(out, p->membind);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_object_foreach(json_object_get(options, parts[i]), name, value)
			if (strcmp(name, "roles") != 0) /* that is --threads */
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

/* put_open - points of open loops by load and threads, the shortest response first. */
static void
put_open(const struct report *r)
{
	size_t *order = r->by_response, count = 0;
	FILE *out = r->out;

	for (size_t i = 0; i < r->count; i++)
		if (!isnan(points_at(r->points, i)->rate) && !r->dear[i])
			order[count++] = i;
	if (count == 0)
		return;
	sorting = r;
	qsort(order, count, sizeof(*order), by_response);
	fputs("<h2 id=open>At a prescribed rate: how long until a call was answered</h2>\n<p>Response is counted from the moment at which a call "
	      "was due, waiting included. Of each load and number of threads the map with the lowest 99th percentile is first. Where less "
	      "was done than asked for, the map did not keep up.</p><div class=wide><table class=sort>\n<thead><tr><th>#<th>map<th>load"
	      "<th>threads<th>asked, calls/s<th>done, ops/s<th>get response p99<th>update response p99<th>longest</tr></thead><tbody>\n", out);
	for (size_t i = 0, place = 1; i < count; i++, place++) {
		const struct point *p = points_at(r->points, order[i]);

		if (i > 0 && (r->label[order[i]].load != r->label[order[i - 1]].load || p->threads != points_at(r->points, order[i - 1])->threads))
			place = 1;
		fprintf(out, "<tr><td data-v=%zu>%zu<td style='color:%s'><b>", i + 1, place, r->who[r->of[order[i]]].colour);
		svg_put_text(out, r->label[order[i]].name);
		fputs("</b><td>", out);
		svg_put_text(out, r->label[order[i]].load_title);
		fprintf(out, "<td data-v=%" PRIu64 ">%" PRIu64, p->threads, p->threads);
		put_cell(out, p->rate, summary_format_count);
		put_cell(out, p->mops_median * 1e6, summary_format_count);
		put_cell(out, p->get_response_p99_ns, summary_format_time);
		put_cell(out, p->update_response_p99_ns, summary_format_time);
		put_cell(out, fmax(p->get_response_max_ns, p->update_response_max_ns), summary_format_time);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static void
put_table(const struct report *r)
{
	bool limits = false;
	FILE *out = r->out;

	for (size_t w = 0; w < r->whos; w++)
		limits = limits || r->who[w].limit;
	fputs("<h2>All figures</h2>\n<p>A click on a heading sorts.", out);
	if (limits)
		fputs(" What is named <b>roofline</b> or <b>null</b> is no map: an array, which is the practical limit, and nothing at all, "
		      "which is what the harness itself costs.", out);
	fputs("</p><div class=wide><table class=sort>\n<thead><tr><th>#<th>map"
	      "<th>load<th>threads<th>Mops/s<th>from<th>to<th>ns/op of a thread<th>of that, harness<th>get p99<th>update p99<th>garbage "
	      "peak<th>reclaim p99<th>that of trials<th>trials<th>disturbed<th>outliers</tr></thead><tbody>\n", out);
	for (size_t i = 0; i < r->count; i++) {
		const struct point *p = points_at(r->points, r->order[i]);
		const struct point *null = NULL; /* at the same load and threads */
		double overhead;

		for (size_t k = 0; k < r->count; k++)
			if (same_place(r, r->order[i], k) && summary_tells_overhead(points_at(r->points, k), p))
				null = points_at(r->points, k);
		overhead = summary_overhead(p, null);
		fprintf(out, "<tr><td data-v=%zu>%zu<td style='color:%s'><b>", i + 1, i + 1, r->who[r->of[r->order[i]]].colour);
		svg_put_text(out, r->label[r->order[i]].name);
		fputs("</b><td>", out);
		svg_put_text(out, r->label[r->order[i]].title);
		fprintf(out, "<td data-v=%" PRIu64 ">%" PRIu64, p->threads, p->threads);
		put_cell(out, p->mops_median, summary_format_figure);
		put_cell(out, p->mops_lo, summary_format_figure);
		put_cell(out, p->mops_hi, summary_format_figure);
		put_cell(out, (double)p->threads / p->mops_median * 1e3, summary_format_figure);
		put_cell(out, overhead, summary_format_figure);
		put_cell(out, p->get_p99_ns, summary_format_time);
		put_cell(out, p->update_p99_ns, summary_format_time);
		put_cell(out, p->pending_peak, summary_format_count);
		if (isfinite(p->reclaim_p99_above_ns)) {
			char text[32];

			summary_format_longer(p->reclaim_p99_ns, p->reclaim_p99_above_ns, text, sizeof(text));
			fprintf(out, "<td data-v='%.9g'>", p->reclaim_p99_above_ns);
			svg_put_text(out, text);
		} else {
			put_cell(out, p->reclaim_p99_ns, summary_format_time);
		}
		put_cell(out, p->reclaim_trials > 0 ? (double)p->reclaim_trials : NAN, summary_format_count);
		fprintf(out, "<td data-v=%" PRIu64 ">%" PRIu64 " of %" PRIu64, p->used, p->used, p->trials);
		if (p->valid > 0 && p->not_judged == p->valid)
			fputs("<td data-v=''>not judged", out);
		else
			fprintf(out, "<td data-v=%" PRIu64 ">%" PRIu64 "%s", p->disturbed, p->disturbed, p->noisy ? " (used)" : "");
		fprintf(out, "<td data-v=%" PRIu64 ">%" PRIu64 "</tr>\n", p->outliers, p->outliers);
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
			svg_put_text(r->out, (char[]){ *c, '\0' });
	fputs("</pre></details>\n", r->out);
	free(text);
	json_decref(document);
}

static const char head[] =
    "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>\n"
    REPORT_TITLE "\n<style>\n"
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

/* Another program may have told no more than how many processors there are. */
static uint64_t
cores_of(const struct environment *environment)
{
	json_t *document = json_loads(environment->json, 0, NULL), *cpu = json_object_get(document, "cpu");
	json_int_t cores = json_integer_value(json_object_get(cpu, "cores"));

	if (cores <= 0)
		cores = json_integer_value(json_object_get(cpu, "pus"));
	json_decref(document);
	return cores > 0 ? (uint64_t)cores : 1;
}

static bool
load(struct report *r, struct store *store, const struct store_filter *filter, char *error, size_t size)
{
	struct store_filter with_series = *filter;
	struct listing l = { .report = r };
	size_t bytes;
	bool fine;

	with_series.with_series = true;
	r->points = points_new();
	l.out = open_memstream(&r->commands, &bytes);
	r->no_memory = r->points == NULL || l.out == NULL;
	fine = !r->no_memory && store_each_environment(store, filter, add_environment, r, error, size) &&
	    store_each_series(store, filter, add_series, &l, error, size) &&
	    store_each_trial(store, &with_series, add_trial, r, error, size);
	if (l.out != NULL)
		fclose(l.out);
	if (fine && !r->no_memory && r->trials == 0) {
		snprintf(error, size, "%s: no trial to report on", store_path(store));
		return false;
	}
	if (fine && !r->no_memory) {
		points_finish(r->points);
		r->cores = cores_of(&r->environment);
		r->no_memory = !label_points(r) || !part_points(r);
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
		put_open(r);
		put_latencies(r);
		put_reclamation(r);
		put_table(r);
		put_environment(r);
		fputs(tail, out);
	}
	for (size_t w = 0; w < r->whos; w++)
		points_free(r->who[w].points);
	for (size_t i = 0; i < r->curves_room; i++)
		curves_free(r->curves[i]);
	free(r->curves);
	free(r->dear);
	free(r->polyline);
	points_free(r->points);
	environment_free(&r->environment);
	free(r->label);
	free(r->of);
	free(r->order);
	free(r->by_response);
	free(r->commands);
	free(r);
	return fine;
}
