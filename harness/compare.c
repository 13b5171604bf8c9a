/*
 * compare.c - pair the points, test each pair and all together, adjust, judge.
 * Ratios are differences of logarithms: what the statistics know are shifts.
 */
#include "harness/compare.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "harness/random.h"
#include "harness/statistics.h"
#include "harness/summary.h"

#define CONFIDENCE COMPARE_CONFIDENCE
#define MEAN_LEAST 3 /* trials a side for which the bootstrap reaches it */
#define RESAMPLES 1000
#define BOOTSTRAP_SEED 20260101

const char *const verdict_names[] = {
	[VERDICT_FASTER] = "faster",
	[VERDICT_SLOWER] = "slower",
	[VERDICT_SAME] = "no difference shown",
	[VERDICT_NOISY] = "too noisy",
	[VERDICT_FEW] = "too few trials",
};

/* is_figure - do points have the figure? */
static bool
is_figure(const char *metric)
{
	for (const char *const *name = points_figure_names; *name != NULL; name++)
		if (strcmp(*name, metric) == 0)
			return true;
	return false;
}

bool
compare_check_metric(const char *metric, char *error, size_t size)
{
	const struct column *c = record_column(metric);

	if (c != NULL && c->better == BETTER_NEITHER)
		snprintf(error, size, "'%s' is not compared: more of it is neither better nor worse", metric);
	else if (c != NULL && is_figure(metric))
		return true;
	else
		snprintf(error, size, "'%s' is not %s; what is: mops, get_p99_ns, cpu_ns_per_op ..., see hamtbench list columns", metric,
		    c != NULL ? "compared" : "known");
	return false;
}

/* ---- Pairing ---- */

static bool
is_differing(const struct compare_options *o, const char *name)
{
	for (const char *const *d = o->differing; *d != NULL; d++)
		if (strcmp(*d, name) == 0)
			return true;
	return false;
}

/* strip - take the options that may differ out of one part. */
static void
strip(json_t *part, const struct compare_options *o)
{
	for (const char *const *d = o->differing; *d != NULL; d++)
		json_object_del(part, *d);
}

/* are_from_elsewhere - was all of it measured by another program? */
static bool
are_from_elsewhere(const struct points *points)
{
	for (size_t i = 0; i < points_count(points); i++)
		if (points_is_own(points_at(points, i)))
			return false;
	return true;
}

/*
 * identity_of - everything that must be equal in a partner, as text for free();
 * NULL: no memory. A subject that may differ has options and a reclaimer of its own. by_name: what another
 * program cannot know does not count.
 */
static char *
identity_of(const struct point *p, const struct compare_options *o, bool by_name)
{
	json_t *options = p->options != NULL && !by_name ? json_loads(p->options, 0, NULL) : NULL;
	bool subject = is_differing(o, "subject");
	char *rest, *text = NULL;
	size_t size;
	FILE *out;

	if (subject) {
		json_t *bytes = o->same_bytes ? summary_bytes(options) : NULL;

		json_object_del(options, "subject");
		if (bytes != NULL)
			json_object_set_new(options, "bytes", bytes);
	}
	strip(json_object_get(options, "subject"), o);
	strip(json_object_get(options, "workload"), o);
	strip(json_object_get(options, "run"), o);
	rest = options != NULL ? json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(options);
	out = open_memstream(&text, &size);
	if (out != NULL) {
		const struct { const char *name, *value; } texts[] = {
			{ "subject", p->subject }, { "workload", p->workload }, { "dist", p->dist }, { "mix", p->mix },
			{ "pin", by_name ? "" : p->pin }, { "membind", by_name ? "" : p->membind },
			/* An option of a subject of that name shows in its column, too. */
			{ is_differing(o, "reclaim") ? "reclaim" : "subject", by_name ? "" : p->reclaimer },
			/* No JSON: it is compared as it is. */
			{ "", rest != NULL ? rest : p->options != NULL && !by_name ? p->options : "" },
		};

		if (!is_differing(o, "threads"))
			fprintf(out, "%" PRIu64 "\n", p->threads);
		if (!is_differing(o, "keys"))
			fprintf(out, "%" PRIu64 "\n", p->keys);
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			if (!is_differing(o, texts[i].name))
				fprintf(out, "%s\n", texts[i].value);
		if (fclose(out) != 0) {
			free(text);
			text = NULL;
		}
	}
	free(rest);
	return text;
}

/* note - one more difference: the first few are named. */
static void
note(size_t *count, char *text, size_t size, const char *name)
{
	size_t used = strlen(text);

	if ((*count)++ < 3)
		snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);
}

/* differences - in what two points are not the same thing: how much, and the first of it by name. */
static size_t
differences(const struct point *a, const struct point *b, const struct compare_options *o, bool by_name, char *text, size_t size)
{
	static const char *const parts[] = { "subject", "workload", "run" };
	const struct { const char *name, *a, *b; } texts[] = { { "subject", a->subject, b->subject },
		{ "workload", a->workload, b->workload }, { "dist", a->dist, b->dist }, { "mix", a->mix, b->mix },
		{ "pin", by_name ? "" : a->pin, by_name ? "" : b->pin },
		{ "membind", by_name ? "" : a->membind, by_name ? "" : b->membind } };
	json_t *both[2] = { NULL };
	size_t count = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!is_differing(o, texts[i].name) && strcmp(texts[i].a, texts[i].b) != 0)
			note(&count, text, size, texts[i].name);
	if (!is_differing(o, "threads") && a->threads != b->threads)
		note(&count, text, size, "threads");
	if (!is_differing(o, "keys") && a->keys != b->keys)
		note(&count, text, size, "keys");
	if (!by_name && a->options != NULL && b->options != NULL) {
		both[0] = json_loads(a->options, 0, NULL);
		both[1] = json_loads(b->options, 0, NULL);
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (unsigned side = 0; side < 2; side++) {
			json_t *mine = json_object_get(both[side], parts[i]), *other = json_object_get(both[1 - side], parts[i]), *value;
			const char *name;

			/* Other maps have other options. */
			if (i == 0 && (is_differing(o, "subject") || strcmp(a->subject, b->subject) != 0))
				continue;
			json_object_foreach(mine, name, value) {
				const json_t *its = json_object_get(other, name);

				/* What both have, the first side tells; and what is a column was told. */
				if (!is_differing(o, name) && (its == NULL || (side == 0 && !json_equal(value, its))) &&
				    strcmp(name, "keys") != 0 && strcmp(name, "dist") != 0 && strcmp(name, "mix") != 0)
					note(&count, text, size, name);
			}
		}
	json_decref(both[0]);
	json_decref(both[1]);
	return count;
}

struct side {
	const struct points *points;
	char **identity;
	size_t count;
};

static void
side_free(struct side *s)
{
	for (size_t i = 0; s->identity != NULL && i < s->count; i++)
		free(s->identity[i]);
	free(s->identity);
}

static bool
side_make(struct side *s, const struct points *points, const struct compare_options *o, bool by_name, const char *which,
    char *error, size_t size)
{
	*s = (struct side){ .points = points, .count = points_count(points) };
	s->identity = calloc(s->count + 1, sizeof(*s->identity));
	for (size_t i = 0; s->identity != NULL && i < s->count; i++) {
		s->identity[i] = identity_of(points_at(points, i), o, by_name);
		if (s->identity[i] == NULL) {
			snprintf(error, size, "no memory to compare");
			return false;
		}
		for (size_t k = 0; k < i; k++)
			if (strcmp(s->identity[k], s->identity[i]) == 0) {
				const struct point *p = points_at(points, i);

				snprintf(error, size, "%s has several points for %s, %s, %" PRIu64 " thread%s, %s: choose one "
				    "with @NAME=VALUE", which, p->subject, p->workload, p->threads, p->threads == 1 ? "" : "s",
				    p->mix[0] != '\0' ? p->mix : p->dist);
				return false;
			}
	}
	if (s->identity == NULL)
		snprintf(error, size, "no memory to compare");
	return s->identity != NULL;
}

/* ---- Figures ---- */

/* A pair of points with the logarithms of their figures; owned. */
struct pair {
	double *a, *b;
	size_t n, m;
};

/*
 * all_known - have all trials of a point a percentile of times from retire to free? Where too much still waited, it is longer
 * than all that is known; without such trials the side that lets objects wait would look the better. False: one line in error.
 */
static bool
all_known(const struct points *points, size_t i, const char *metric, const char *which, char *error, size_t size)
{
	const struct point *p = points_at(points, i);
	size_t known;

	(void)points_values(points, i, metric, &known);
	if (strncmp(metric, "reclaim_p", strlen("reclaim_p")) != 0 || known >= p->reclaim_trials)
		return true;
	snprintf(error, size, "%s: %s of %s, %s, %" PRIu64 " thread%s is not known in %" PRIu64 " of %" PRIu64 " trials, in which too many "
	    "objects still waited: it cannot be compared", which, metric, p->subject, p->workload, p->threads, p->threads == 1 ? "" : "s",
	    p->reclaim_trials - known, p->reclaim_trials);
	return false;
}

static double *
logarithms(const struct points *points, size_t i, const char *metric, size_t *count)
{
	size_t n;
	const double *values = points_values(points, i, metric, &n);
	double *logs = calloc(n + 1, sizeof(*logs));

	*count = 0;
	/* What is not above 0 has no ratio: no garbage at all, say. */
	for (size_t k = 0; logs != NULL && k < n; k++)
		if (values[k] > 0)
			logs[(*count)++] = log(values[k]);
	return logs;
}

/* median_of - as the table has it: of all trials used, and the mean of the middle two, not of their logarithms. */
static double
median_of(const struct points *points, size_t i, const char *metric)
{
	size_t n;
	const double *values = points_values(points, i, metric, &n);
	double *copy = malloc((n + 1) * sizeof(*copy)), median;

	if (copy == NULL)
		return NAN;
	if (n > 0)
		memcpy(copy, values, n * sizeof(*copy));
	median = statistics_median(copy, n);
	free(copy);
	return median;
}

static void
fill_row(struct compare_row *row, const struct pair *pair)
{
	double shift, lo, hi;

	row->trials_a = pair->n;
	row->trials_b = pair->m;
	row->coverage = statistics_shift(pair->b, pair->m, pair->a, pair->n, CONFIDENCE, &shift, &lo, &hi);
	row->ratio = exp(shift);
	row->lo = exp(lo);
	row->hi = exp(hi);
	row->p = statistics_mann_whitney(pair->b, pair->m, pair->a, pair->n, NULL);
	row->least_p = statistics_mann_whitney_least_p(pair->n, pair->m);
}

static int
compare_doubles(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static void
draw(struct random *random, const double *from, size_t n, double *to)
{
	for (size_t i = 0; i < n; i++)
		to[i] = from[random_below(random, n)];
}

/* bootstrap - the interval of the geometric mean: trials are drawn again within each point, on each side. False: no memory. */
static bool
bootstrap(struct comparison *c, const struct pair *pair)
{
	double *mean = calloc(RESAMPLES, sizeof(*mean)), *a, *b;
	struct random random;
	size_t most = 1, least = SIZE_MAX;
	bool repeated = false, done;

	for (size_t i = 0; i < c->rows; i++) {
		most = pair[i].n > most ? pair[i].n : most;
		most = pair[i].m > most ? pair[i].m : most;
		least = pair[i].n < least ? pair[i].n : least;
		least = pair[i].m < least ? pair[i].m : least;
		repeated = repeated || (pair[i].n > 1 && pair[i].m > 1);
	}
	a = malloc(most * sizeof(*a));
	b = malloc(most * sizeof(*b));
	done = mean != NULL && a != NULL && b != NULL;
	random_seed(&random, BOOTSTRAP_SEED, c->rows);
	for (size_t r = 0; done && repeated && r < RESAMPLES; r++) {
		for (size_t i = 0; i < c->rows; i++) {
			draw(&random, pair[i].a, pair[i].n, a);
			draw(&random, pair[i].b, pair[i].m, b);
			/* Medians, not the shift: the interval is much the same, and it takes a tenth of the time. */
			mean[r] += (statistics_median(b, pair[i].m) - statistics_median(a, pair[i].n)) / (double)c->rows;
		}
	}
	c->mean_lo = c->mean_hi = NAN;
	c->mean_coverage = c->rows > 1 && least >= MEAN_LEAST ? CONFIDENCE : 1;
	for (size_t i = 0; i < c->rows && c->mean_coverage != CONFIDENCE; i++)
		c->mean_coverage = fmin(c->mean_coverage, c->row[i].coverage);
	if (done && c->rows == 1 && repeated) {
		c->mean_lo = c->row[0].lo;
		c->mean_hi = c->row[0].hi;
	} else if (done && repeated) {
		qsort(mean, RESAMPLES, sizeof(*mean), compare_doubles);
		c->mean_lo = exp(mean[(size_t)(RESAMPLES * (1 - CONFIDENCE) / 2)]);
		c->mean_hi = exp(mean[RESAMPLES - 1 - (size_t)(RESAMPLES * (1 - CONFIDENCE) / 2)]);
	}
	free(mean);
	free(a);
	free(b);
	return done;
}

static enum verdict
judge(double ratio, double lo, double hi, double coverage, double p, bool smaller_is_better, const struct compare_options *o)
{
	double beyond = 1 + o->threshold_pct / 100;

	if (p < o->alpha && ratio != 1)
		return (ratio > 1) != smaller_is_better ? VERDICT_FASTER : VERDICT_SLOWER;
	if (coverage < CONFIDENCE)
		return VERDICT_FEW;
	/* NaN is not within. */
	return lo >= 1 / beyond && hi <= beyond ? VERDICT_SAME : VERDICT_NOISY;
}

/* slower_by - how much of its speed B has lost, in percent. */
static double
slower_by(double ratio, bool smaller_is_better)
{
	return (smaller_is_better ? ratio - 1 : 1 - ratio) * 100;
}

/* judge_all - the tests of all points and of their mean are adjusted together. False: no memory. */
static bool
judge_all(struct comparison *c, const struct pair *pair, const struct compare_options *o)
{
	struct statistics_pair *strata = calloc(c->rows, sizeof(*strata));
	double *p = calloc(c->rows + 1, sizeof(*p)), sum = 0;
	bool done = strata != NULL && p != NULL;

	for (size_t i = 0; done && i < c->rows; i++) {
		strata[i] = (struct statistics_pair){ pair[i].b, pair[i].a, pair[i].m, pair[i].n };
		p[i] = c->row[i].p;
		sum += log(c->row[i].ratio);
	}
	if (done) {
		p[c->rows] = statistics_stratified(strata, c->rows, NULL);
		c->mean = exp(sum / (double)c->rows);
		done = statistics_holm(p, c->rows + 1) && bootstrap(c, pair);
	}
	for (size_t i = 0; done && i < c->rows; i++) {
		struct compare_row *row = &c->row[i];

		row->p = p[i];
		row->least_p = fmin(1, row->least_p * (double)(c->rows + 1));
		row->verdict = judge(row->ratio, row->lo, row->hi, row->coverage, row->p, c->smaller_is_better, o);
		c->regressions += row->verdict == VERDICT_SLOWER &&
		    slower_by(row->ratio, c->smaller_is_better) > o->threshold_pct;
	}
	if (done) {
		c->mean_p = p[c->rows];
		c->mean_verdict = judge(c->mean, c->mean_lo, c->mean_hi, c->mean_coverage, c->mean_p, c->smaller_is_better, o);
		c->regressions += c->mean_verdict == VERDICT_SLOWER &&
		    slower_by(c->mean, c->smaller_is_better) > o->threshold_pct;
	}
	free(strata);
	free(p);
	return done;
}

static bool
pair_up(struct comparison *c, struct pair *pair, const struct side *a, const struct side *b,
    const struct compare_options *o, char *error, size_t size)
{
	c->only_b = b->count;
	for (size_t i = 0; i < a->count; i++) {
		struct pair *now = &pair[c->rows];
		size_t k = 0;

		while (k < b->count && strcmp(a->identity[i], b->identity[k]) != 0)
			k++;
		c->only_a++;
		if (k == b->count)
			continue;
		if (!all_known(a->points, i, o->metric, "A", error, size) || !all_known(b->points, k, o->metric, "B", error, size))
			return false;
		now->a = logarithms(a->points, i, o->metric, &now->n);
		now->b = logarithms(b->points, k, o->metric, &now->m);
		if (now->a == NULL || now->b == NULL) {
			snprintf(error, size, "no memory to compare");
			return false;
		}
		if (now->n == 0 || now->m == 0) {
			free(now->a);
			free(now->b);
			*now = (struct pair){ .a = NULL };
			continue;
		}
		c->only_a--;
		c->only_b--;
		c->row[c->rows] = (struct compare_row){ .a = points_at(a->points, i), .b = points_at(b->points, k) };
		c->row[c->rows].median_a = median_of(a->points, i, o->metric);
		c->row[c->rows].median_b = median_of(b->points, k, o->metric);
		fill_row(&c->row[c->rows++], now);
	}
	return true;
}

/* nothing_in_common - why no point of A has a partner: a partner has no figure, or the most similar two are not the same thing. */
static void
nothing_in_common(const struct side *a, const struct side *b, const struct compare_options *o, bool by_name, char *error, size_t size)
{
	size_t least = SIZE_MAX;
	char named[160] = "";
	int used = snprintf(error, size, "A (%zu points) and B (%zu points) have no point with %s in common", a->count, b->count, o->metric);

	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++) {
			const struct side *without;
			const struct point *p;
			char text[sizeof(named)];
			size_t count, values;

			if (strcmp(a->identity[i], b->identity[k]) == 0) {
				(void)points_values(a->points, i, o->metric, &values);
				without = values == 0 ? a : b;
				p = points_at(without->points, without == a ? i : k);
				snprintf(error + used, size - (size_t)used, ": %s has %s of %s, %s, %" PRIu64 " thread%s", without == a ? "A" : "B",
				    p->valid == 0 ? "no valid trial" : "no trial with a value of it that is above 0", p->subject, p->workload,
				    p->threads, p->threads == 1 ? "" : "s");
				return;
			}
			count = differences(points_at(a->points, i), points_at(b->points, k), o, by_name, text, sizeof(text));
			if (count < least) {
				least = count;
				memcpy(named, text, sizeof(named));
			}
		}
	if (named[0] != '\0')
		snprintf(error + used, size - (size_t)used, ": those that are most alike differ in %s%s; choose with @NAME=VALUE on both sides",
		    named, least > 3 ? " ..." : "");
}

/* by_load - as the table shows them: points come in the order in which they happened to be measured first. */
static int
by_load(const void *left, const void *right)
{
	const struct point *a = ((const struct compare_row *)left)->b, *b = ((const struct compare_row *)right)->b;
	int order = strcmp(a->workload, b->workload);

	if (order == 0)
		order = (a->keys > b->keys) - (a->keys < b->keys);
	if (order == 0)
		order = strcmp(a->dist, b->dist);
	if (order == 0)
		order = strcmp(a->mix, b->mix);
	if (order == 0)
		order = strcmp(a->subject, b->subject);
	return order != 0 ? order : (a->threads > b->threads) - (a->threads < b->threads);
}

bool
compare_points(const struct points *a, const struct points *b, const struct compare_options *options,
    struct comparison *c, char *error, size_t size)
{
	struct side sides[2] = { { .identity = NULL }, { .identity = NULL } };
	size_t most = points_count(a) + 1;
	struct pair *pair = calloc(most, sizeof(*pair));
	bool done;

	*c = (struct comparison){ .row = NULL };
	if (!compare_check_metric(options->metric, error, size)) {
		free(pair);
		return false;
	}
	c->smaller_is_better = record_column(options->metric)->better == BETTER_LESS;
	c->row = calloc(most, sizeof(*c->row));
	done = pair != NULL && c->row != NULL;
	if (!done)
		snprintf(error, size, "no memory to compare");
	c->by_name = are_from_elsewhere(a) != are_from_elsewhere(b);
	done = done && side_make(&sides[0], a, options, c->by_name, "A", error, size) &&
	    side_make(&sides[1], b, options, c->by_name, "B", error, size);
	done = done && pair_up(c, pair, &sides[0], &sides[1], options, error, size);
	if (done && c->rows == 0) {
		nothing_in_common(&sides[0], &sides[1], options, c->by_name, error, size);
		done = false;
	}
	if (done && !judge_all(c, pair, options)) {
		snprintf(error, size, "no memory to compare");
		done = false;
	}
	for (size_t i = 0; pair != NULL && i < most; i++) {
		free(pair[i].a);
		free(pair[i].b);
	}
	free(pair);
	side_free(&sides[0]);
	side_free(&sides[1]);
	if (done)
		qsort(c->row, c->rows, sizeof(*c->row), by_load);
	else
		compare_free(c);
	return done;
}

void
compare_free(struct comparison *c)
{
	free(c->row);
	c->row = NULL;
	c->rows = 0;
}

/* ---- For people ---- */

static void
format_figure(double value, const char *metric, char *text, size_t size)
{
	size_t length = strlen(metric);

	if (length > 3 && strcmp(metric + length - 3, "_ns") == 0)
		summary_format_time(value, text, size);
	else
		summary_format_figure(value, text, size);
}

unsigned
compare_percent(double coverage)
{
	unsigned percent = (unsigned)lrint(100 * coverage), enough = (unsigned)lrint(100 * CONFIDENCE);

	return coverage < CONFIDENCE && percent >= enough ? enough - 1 : percent;
}

static void
print_row(FILE *out, const struct compare_row *row, const struct compare_options *o)
{
	const struct point *p = row->b;
	char a[32], b[32], subject[2 * RECORD_TEXT + 8], interval[48], by[24];

	if (strcmp(row->a->subject, p->subject) == 0)
		snprintf(subject, sizeof(subject), "%s", p->subject);
	else
		snprintf(subject, sizeof(subject), "%s : %s", row->a->subject, p->subject);
	format_figure(row->median_a, o->metric, a, sizeof(a));
	format_figure(row->median_b, o->metric, b, sizeof(b));
	snprintf(interval, sizeof(interval), "%.3f .. %.3f", row->lo, row->hi);
	snprintf(by, sizeof(by), "%" PRIu64 "/%" PRIu64, (uint64_t)row->trials_a, (uint64_t)row->trials_b);
	fprintf(out, "  %-19s %3" PRIu64 " %8s %8s %7.3f %16s %4u %% %8.2g %6s  %s%s\n", subject, p->threads, a, b, row->ratio, interval,
	    compare_percent(row->coverage), row->p, by, verdict_names[row->verdict], row->a->noisy || p->noisy ? " (disturbed)" : "");
}

static bool
same_load(const struct point *a, const struct point *b)
{
	return strcmp(a->workload, b->workload) == 0 && a->keys == b->keys && strcmp(a->dist, b->dist) == 0 &&
	    strcmp(a->mix, b->mix) == 0;
}

/* few_trials - how many trials a side it would take for any difference to be shown here. */
static size_t
few_trials(const struct comparison *c, const struct compare_options *o)
{
	size_t n = 2;

	while (n < 1000 && statistics_mann_whitney_least_p(n, n) * (double)(c->rows + 1) >= o->alpha)
		n++;
	return n;
}

void
compare_print(FILE *out, const struct comparison *c, const struct compare_options *o)
{
	size_t cannot = 0, count[VERDICT_FEW + 1] = { 0 };
	const char *is = c->mean_verdict == VERDICT_FASTER || c->mean_verdict == VERDICT_SLOWER ? "B is " : "";

	if (c->by_name)
		fputs("One side is another program's: points are paired by subject, workload, keys, dist, mix and threads.\n\n", out);
	for (size_t i = 0; i < c->rows; i++) {
		const struct compare_row *row = &c->row[i];

		if (i == 0 || !same_load(row->b, c->row[i - 1].b)) {
			char keys[32];

			summary_format_count((double)row->b->keys, keys, sizeof(keys));
			/* To the last one where rounding would make another load's the same. */
			for (size_t k = 0; k < c->rows; k++) {
				char other[32];

				summary_format_count((double)c->row[k].b->keys, other, sizeof(other));
				if (c->row[k].b->keys != row->b->keys && strcmp(keys, other) == 0) {
					snprintf(keys, sizeof(keys), "%" PRIu64, row->b->keys);
					break;
				}
			}
			fprintf(out, "%s%s  keys=%s  %s  %s\n", i > 0 ? "\n" : "", row->b->workload, keys, row->b->dist,
			    row->b->mix);
			fprintf(out, "  %-19s %3s %8s %8s %7s %16s %6s %8s %6s  %s\n", o->metric, "thr", "A", "B", "B/A", "interval",
			    "holds", "p (adj.)", "trials", "B is");
		}
		print_row(out, row, o);
		cannot += row->least_p >= o->alpha;
		count[row->verdict]++;
	}
	fprintf(out, "\nAll %zu points: B/A = %.3f, geometric mean", c->rows, c->mean);
	if (!isnan(c->mean_lo))
		fprintf(out, " (%.3f .. %.3f, holds with %u %%)", c->mean_lo, c->mean_hi, compare_percent(c->mean_coverage));
	fprintf(out, ", p = %.2g: %s%s\n", c->mean_p, is, verdict_names[c->mean_verdict]);
	for (size_t v = 0; v <= VERDICT_FEW; v++)
		if (v != VERDICT_FEW || count[v] > 0)
			fprintf(out, "%s%zu %s", v > 0 ? ", " : "", count[v], verdict_names[v]);
	fprintf(out, "; probability of a wrong \"faster\" or \"slower\": %g\n", o->alpha);
	if (count[VERDICT_SAME] > 0)
		fprintf(out, "no difference shown: with %g %% or more it is within %g %%, each point by itself\n", 100 * CONFIDENCE,
		    o->threshold_pct);
	if (count[VERDICT_FEW] > 0)
		fprintf(out, "too few trials: intervals hold with less than %g %%, which is too little to say more; 4 a side are enough\n",
		    100 * CONFIDENCE);
	if (cannot > 0)
		fprintf(out, "%zu points have too few trials to show any difference by themselves: it takes %zu a side\n", cannot,
		    few_trials(c, o));
	if (c->only_a + c->only_b > 0)
		fprintf(out, "not compared: %zu points of A and %zu of B have no partner, or no figure\n", c->only_a, c->only_b);
	if (c->regressions > 0)
		fprintf(out, "REGRESSION: slower by more than %g %%: %u (of the points and their mean)\n", o->threshold_pct,
		    c->regressions);
}
