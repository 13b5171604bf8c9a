/*
 * summary.c - points in blocks of the same load; a title says what all rows of
 * the block share, so that rows hold figures only.
 */
#include "harness/summary.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "harness/bytes.h"
#include "harness/options.h"
#include "harness/plugins.h"

#define NS_PER_US 1e3
#define MISSING "-"
#define TITLE_BYTES 600

/* ---- Figures ---- */

/* Three digits that count; whole from 100 up. */
static void
three_digits(double value, const char *unit, char *text, size_t size)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(text, size, "%.*f%s", decimals, value, unit);
}

void
summary_format_time(double ns, char *text, size_t size)
{
	static const char *const units[] = { " ns", " us", " ms", " s" };
	unsigned u = 0;

	if (!isfinite(ns)) {
		snprintf(text, size, MISSING);
		return;
	}
	/* 999.5 would be printed as 1000. */
	for (; u < 3 && ns >= 999.5; u++)
		ns /= 1000;
	if (u == 0 && ns == floor(ns))
		snprintf(text, size, "%.0f%s", ns, units[u]);
	else
		three_digits(ns, units[u], text, size);
}

void
summary_format_longer(double ns, double above, char *text, size_t size)
{
	char time[32], *unit;

	summary_format_time(isfinite(ns) ? ns : above, time, sizeof(time));
	unit = strchr(time, ' ');
	if (isfinite(ns) || unit == NULL)
		snprintf(text, size, "%s", time);
	else
		snprintf(text, size, ">%.*s%s", (int)(unit - time), time, unit + 1);
}

void
summary_format_count(double count, char *text, size_t size)
{
	static const char *const units[] = { "", "K", "M", "G", "T" };
	unsigned u = 0;

	if (!isfinite(count)) {
		snprintf(text, size, MISSING);
		return;
	}
	for (; u < 4 && count >= 999.5; u++)
		count /= 1000;
	if (count == floor(count) && (u == 0 || count < 999.5))
		snprintf(text, size, "%.0f%s", count, units[u]);
	else
		three_digits(count, units[u], text, size);
}

void
summary_format_figure(double figure, char *text, size_t size)
{
	if (!isfinite(figure))
		snprintf(text, size, MISSING);
	else if (figure != 0 && (figure < 0.0995 || figure >= 99999.5))
		snprintf(text, size, figure < 1e-4 ? "%.1g" : "%.2g", figure);
	else
		three_digits(figure, "", text, size);
}

/* ---- Which points belong together ---- */

/* What was looked at of reclamation, from the cheapest on: values of --smr-stats. */
static const char *const levels[] = { "off", "counters", "sampled", "full" };
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

/* A row: a point, and what is needed to find its block and to name it. */
struct row {
	const struct point *point;
	const struct point *null;   /* that tells its overhead, of the same block and threads; NULL: there is none */
	const struct point *detail; /* the same at the highest level of --smr-stats: its times from retire to free, its passes */
	const struct point *garbage; /* the same at the lowest level that counts garbage: its mean, and its growth in stalls */
	json_t *options;     /* parsed, but for the level; NULL if the record had none */
	size_t level;        /* of levels[]; LEVELS: not known */
	size_t block;        /* numbers of blocks count up in order of first appearance */
	char name[RECORD_TEXT + 200]; /* subject, and its own options where they differ */
};

static json_t *
part_of(const struct row *row, const char *part)
{
	return json_object_get(row->options, part);
}

static bool
same_part(const struct row *a, const struct row *b, const char *part)
{
	json_t *x = part_of(a, part), *y = part_of(b, part);

	return x == y || (x != NULL && y != NULL && json_equal(x, y));
}

/* Sizes of byte strings are the load's: they go from the subject's options to a part of their own, so that blocks differ in them. */
static void
row_bytes(struct row *row)
{
	json_t *bytes = summary_bytes(row->options);

	if (bytes == NULL)
		return;
	for (const struct plugin_option *o = bytes_options; o->name != NULL; o++)
		json_object_del(part_of(row, "subject"), o->name);
	json_object_set_new(row->options, "bytes", bytes);
}

static bool
same_block(const struct row *a, const struct row *b)
{
	const struct point *x = a->point, *y = b->point;

	return strcmp(x->workload, y->workload) == 0 && x->keys == y->keys && strcmp(x->dist, y->dist) == 0 &&
	    strcmp(x->mix, y->mix) == 0 && strcmp(x->pin, y->pin) == 0 && strcmp(x->membind, y->membind) == 0 &&
	    same_part(a, b, "workload") && same_part(a, b, "run") && same_part(a, b, "bytes");
}

/* Do they differ in nothing but the level? */
static bool
same_but_level(const struct row *a, const struct row *b)
{
	return a->point->threads == b->point->threads && strcmp(a->point->subject, b->point->subject) == 0 &&
	    strcmp(a->point->reclaimer, b->point->reclaimer) == 0 && same_block(a, b) && same_part(a, b, "subject");
}

/* Take the level out of the options, so that it is no difference between blocks. */
static void
row_level(struct row *row)
{
	const char *level = json_string_value(json_object_get(part_of(row, "run"), "smr-stats"));

	row->level = LEVELS;
	for (size_t i = 0; i < LEVELS && level != NULL; i++)
		if (strcmp(levels[i], level) == 0)
			row->level = i;
	if (row->level < LEVELS)
		json_object_del(part_of(row, "run"), "smr-stats");
}

static int
by_threads_and_speed(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	double x = a->point->mops_median, y = b->point->mops_median;

	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	if (a->point->threads != b->point->threads)
		return a->point->threads < b->point->threads ? -1 : 1;
	/* Without a figure: at the end. */
	if (isnan(x) != isnan(y))
		return isnan(x) ? 1 : -1;
	if (!isnan(x) && x != y)
		return x > y ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void
append(char *text, size_t size, const char *word)
{
	size_t used = strlen(text);

	if (word[0] != '\0' && used < size)
		snprintf(text + used, size - used, "%s%s", used > 0 ? "  " : "", word);
}

/* The value of an option as text. */
static void
append_option(char *text, size_t size, const char *name, const json_t *value)
{
	char word[200];

	if (json_is_integer(value))
		snprintf(word, sizeof(word), "%s=%" JSON_INTEGER_FORMAT, name, json_integer_value(value));
	else if (json_is_string(value))
		snprintf(word, sizeof(word), "%s=%s", name, json_string_value(value));
	else
		snprintf(word, sizeof(word), json_is_true(value) ? "%s" : "no %s", name);
	append(text, size, word);
}

/*
 * Add to text the options of that part in which this row differs from one of
 * the others that same(row, other) is true of, or from defaults (NULL: not known); known options are named otherwise.
 */
static void
append_differences(char *text, size_t size, const struct row *row, const struct row *rows, size_t count,
    const char *part, bool (*same)(const struct row *, const struct row *), const char *const *known, const json_t *defaults)
{
	json_t *value;
	const char *name;

	json_object_foreach(part_of(row, part), name, value) {
		const json_t *initial = json_object_get(defaults, name);
		bool differs = initial != NULL && !json_equal(value, initial), is_known = false;

		for (const char *const *k = known; *k != NULL; k++)
			is_known = is_known || strcmp(*k, name) == 0;
		for (size_t i = 0; i < count && !differs; i++) {
			const json_t *other = json_object_get(part_of(&rows[i], part), name);

			differs = same(row, &rows[i]) && (other == NULL || !json_equal(value, other));
		}
		if (differs && !is_known)
			append_option(text, size, name, value);
	}
}

static bool
same_workload(const struct row *a, const struct row *b)
{
	return strcmp(a->point->workload, b->point->workload) == 0;
}

static bool
same_subject(const struct row *a, const struct row *b)
{
	return strcmp(a->point->subject, b->point->subject) == 0;
}

static bool
any(const struct row *a, const struct row *b)
{
	(void)a;
	(void)b;
	return true;
}

/* The number of keys, to the last one where rounding would make another row's the same. */
static void
format_keys(uint64_t keys, const struct row *rows, size_t count, char *text, size_t size)
{
	char other[32];
	bool same = false;

	summary_format_count((double)keys, text, size);
	for (size_t i = 0; i < count && !same; i++) {
		summary_format_count((double)rows[i].point->keys, other, sizeof(other));
		same = rows[i].point->keys != keys && strcmp(text, other) == 0;
	}
	if (same)
		snprintf(text, size, "%" PRIu64, keys);
}

/* Byte strings are a load of their own: said of each, whether others have some or not. */
static void
append_bytes(char *title, size_t size, const struct row *row)
{
	for (const struct plugin_option *o = bytes_options; o->name != NULL; o++) {
		const json_t *value = json_object_get(part_of(row, "bytes"), o->name);

		/* Null: the workload names its keys. */
		if (value != NULL && !json_is_null(value))
			append_option(title, size, o->name, value);
	}
}

static void
title_of(const struct row *row, const struct row *rows, size_t count, char *title, size_t size)
{
	static const char *const in_columns[] = { "keys", "dist", "mix", "update", NULL };
	static const char *const elsewhere[] = { "roles", NULL };
	const struct point *p = row->point;
	bool pins = false, membinds = false;
	char keys[32];

	for (size_t i = 0; i < count; i++) {
		pins = pins || strcmp(rows[i].point->pin, p->pin) != 0;
		membinds = membinds || strcmp(rows[i].point->membind, p->membind) != 0;
	}
	snprintf(title, size, "%s", p->workload);
	append(title, size, p->mix);
	append(title, size, p->dist);
	/* Another program may not have said how many. */
	if (p->keys > 0 || points_is_own(p)) {
		format_keys(p->keys, rows, count, keys, sizeof(keys));
		append(title, size, keys);
		snprintf(title + strlen(title), size - strlen(title), " keys");
	}
	append_bytes(title, size, row);
	append_differences(title, size, row, rows, count, "workload", same_workload, in_columns, NULL);
	append(title, size, p->roles);
	append_differences(title, size, row, rows, count, "run", any, elsewhere, NULL);
	if (pins) {
		append(title, size, "pin");
		append(title, size, p->pin);
	}
	if (membinds) {
		append(title, size, "membind");
		append(title, size, p->membind);
	}
}

/* ---- The table ---- */

#define FIXED_COLUMNS 98 /* of a line, all but the name */

static void
print_head(FILE *out, int name_width, const char *title)
{
	fprintf(out, "%s\n", title);
	fprintf(out, "  %-*s %7s %7s %16s %8s %7s %7s %7s %7s %7s %7s\n", name_width, "", "", "", "", "of the",
	    "ns/op,", "of that", "get", "update", "garbage", "reclaim");
	fprintf(out, "  %-*s %7s %7s %16s %8s %7s %7s %7s %7s %7s %7s %5s\n", name_width, "subject", "threads",
	    "Mops/s", "min .. max", "roofline", "thread", "harness", "p99", "p99", "peak", "p99", "valid");
}

/* What one thread needs for one operation, all waiting included. */
static double
ns_per_op(const struct point *p)
{
	return (double)p->threads / p->mops_median * NS_PER_US;
}

bool
summary_is_null(const char *subject)
{
	return strcmp(subject, SUMMARY_NULL) == 0 || strcmp(subject, SUMMARY_NULL_BYTES) == 0;
}

json_t *
summary_bytes(const json_t *options)
{
	const json_t *subject = json_object_get(options, "subject");
	json_t *bytes = json_object();

	for (const struct plugin_option *o = bytes_options; o->name != NULL; o++) {
		json_t *value = json_object_get(subject, o->name);

		if (value == NULL || json_object_set(bytes, o->name, value) != 0) {
			json_decref(bytes);
			return NULL;
		}
	}
	return bytes;
}

/* The options of the subject in a record's, and whether its keys are byte strings: every such subject has all of bytes_options[]. */
static json_t *
subject_of(json_t *options, bool *bytes)
{
	json_t *subject = json_object_get(options, "subject");

	*bytes = true;
	for (const struct plugin_option *o = bytes_options; o->name != NULL; o++)
		*bytes = *bytes && json_object_get(subject, o->name) != NULL;
	return subject;
}

bool
summary_same_bytes(const char *a, const char *b)
{
	json_t *x = a != NULL ? json_loads(a, 0, NULL) : NULL, *y = b != NULL ? json_loads(b, 0, NULL) : NULL;
	bool x_bytes, y_bytes, same;
	const json_t *x_subject = subject_of(x, &x_bytes), *y_subject = subject_of(y, &y_bytes);

	same = x_bytes == y_bytes;
	for (const struct plugin_option *o = bytes_options; same && x_bytes && o->name != NULL; o++)
		same = json_equal(json_object_get(x_subject, o->name), json_object_get(y_subject, o->name));
	json_decref(x);
	json_decref(y);
	return same;
}

bool
summary_tells_overhead(const struct point *null, const struct point *p)
{
	return summary_is_null(null->subject) && summary_same_bytes(null->options, p->options);
}

double
summary_overhead(const struct point *p, const struct point *null)
{
	if (!isnan(p->rate) || summary_is_null(p->subject))
		return NAN;
	if (!isnan(p->overhead_ns) || null == NULL)
		return p->overhead_ns;
	return !isnan(null->cpu_ns_per_op) ? null->cpu_ns_per_op : ns_per_op(null);
}

static void
print_row(FILE *out, int name_width, const struct row *row)
{
	const struct point *p = row->point;
	char mops[32], least[32], most[32], spread[72], ratio[32], op[32], harness[32], get[32], update[32], peak[32],
	    reclaim[32];
	char valid[48];

	summary_format_figure(p->mops_median, mops, sizeof(mops));
	summary_format_figure(p->mops_min, least, sizeof(least));
	summary_format_figure(p->mops_max, most, sizeof(most));
	snprintf(spread, sizeof(spread), p->valid > 1 ? "%s .. %s" : MISSING, least, most);
	summary_format_figure(p->roofline_ratio, ratio, sizeof(ratio));
	summary_format_figure(ns_per_op(p), op, sizeof(op));
	summary_format_figure(summary_overhead(p, row->null), harness, sizeof(harness));
	summary_format_time(p->get_p99_ns, get, sizeof(get));
	summary_format_time(p->update_p99_ns, update, sizeof(update));
	summary_format_count(p->pending_peak, peak, sizeof(peak));
	summary_format_longer(row->detail->reclaim_p99_ns, row->detail->reclaim_p99_above_ns, reclaim, sizeof(reclaim));
	snprintf(valid, sizeof(valid), "%" PRIu64 "/%" PRIu64, p->valid, p->trials);
	/* A name that is too wide has a line of its own. */
	if (strlen(row->name) > (size_t)name_width)
		fprintf(out, "  %s\n", row->name);
	fprintf(out, "  %-*s %7" PRIu64 " %7s %16s %8s %7s %7s %7s %7s %7s %7s %5s\n", name_width,
	    strlen(row->name) > (size_t)name_width ? "" : row->name, p->threads, mops, spread, ratio, op, harness, get,
	    update, peak, reclaim, valid);
}

/* An open loop: how much was asked for and done, and what late starts add to each latency. */
static void
print_open_head(FILE *out, int name_width, const char *title)
{
	fprintf(out, "%s\n", title);
	fprintf(out, "  %-*s %7s %8s %8s %18s %18s %8s\n", name_width, "", "", "asked,", "done,", "get p99:", "update p99:",
	    "longest");
	fprintf(out, "  %-*s %7s %8s %8s %8s %9s %8s %9s %8s %5s\n", name_width, "subject", "threads", "calls/s", "ops/s",
	    "service", "response", "service", "response", "response", "valid");
}

static void
print_open_row(FILE *out, int name_width, const struct row *row)
{
	const struct point *p = row->point;
	double longest = fmax(p->get_response_max_ns, p->update_response_max_ns); /* fmax() passes over NaN */
	char asked[32], done[32], time[5][32], valid[48];

	summary_format_count(p->rate, asked, sizeof(asked));
	summary_format_count(p->mops_median * 1e6, done, sizeof(done));
	summary_format_time(p->get_p99_ns, time[0], sizeof(time[0]));
	summary_format_time(p->get_response_p99_ns, time[1], sizeof(time[1]));
	summary_format_time(p->update_p99_ns, time[2], sizeof(time[2]));
	summary_format_time(p->update_response_p99_ns, time[3], sizeof(time[3]));
	summary_format_time(longest, time[4], sizeof(time[4]));
	snprintf(valid, sizeof(valid), "%" PRIu64 "/%" PRIu64, p->valid, p->trials);
	if (strlen(row->name) > (size_t)name_width)
		fprintf(out, "  %s\n", row->name);
	fprintf(out, "  %-*s %7" PRIu64 " %8s %8s %8s %9s %8s %9s %8s %5s\n", name_width,
	    strlen(row->name) > (size_t)name_width ? "" : row->name, p->threads, asked, done, time[0], time[1], time[2],
	    time[3], time[4], valid);
}

/* Every call was timed: so the longest one of each subject is known, and often why. */
static void
print_pauses(FILE *out, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct point *p = rows[i].point;
		const json_t *every = json_object_get(part_of(&rows[i], "run"), "latency-sample");
		char took[32];

		if (isnan(p->pause_max_ns) || p->phases > 0 || /* said of each of them */
		    (isnan(p->rate) && !(json_is_integer(every) && json_integer_value(every) == 0)))
			continue;
		summary_format_time(p->pause_max_ns, took, sizeof(took));
		fprintf(out, "  longest call of %s, %" PRIu64 " thread%s: %s in %s, cause: %s\n", rows[i].name, p->threads,
		    p->threads == 1 ? "" : "s", took, p->pause_op, p->pause_cause);
	}
}

/* Where threads have roles: what the readers and the writers did, each kind together, and how evenly. */
static void
print_roles(FILE *out, int name_width, const struct row *rows, size_t count)
{
	static const char title[] = "by role:";
	bool head = false;

	if (name_width < (int)sizeof(title) - 1)
		name_width = (int)sizeof(title) - 1;
	for (size_t i = 0; i < count; i++) {
		const struct point *p = rows[i].point;
		char text[4][32];

		if (p->roles[0] == '\0')
			continue;
		if (!head)
			fprintf(out, "  %-*s %14s %10s %14s %10s\n", name_width, title, "readers Mops/s", "fairness",
			    "writers Mops/s", "fairness");
		head = true;
		summary_format_figure(p->reader_mops, text[0], sizeof(text[0]));
		summary_format_figure(p->reader_jain, text[1], sizeof(text[1]));
		summary_format_figure(p->writer_mops, text[2], sizeof(text[2]));
		summary_format_figure(p->writer_jain, text[3], sizeof(text[3]));
		if (strlen(rows[i].name) > (size_t)name_width)
			fprintf(out, "  %s\n", rows[i].name);
		fprintf(out, "  %-*s %14s %10s %14s %10s\n", name_width,
		    strlen(rows[i].name) > (size_t)name_width ? "" : rows[i].name, text[0], text[1], text[2], text[3]);
	}
}

/* What each phase of a load was like; the longest call of a phase is one of those that were timed. */
static void
print_phases(FILE *out, int name_width, const struct row *rows, size_t count)
{
	static const char title[] = "phases:";
	bool head = false;

	for (size_t i = 0; i < count; i++) {
		const struct point *p = rows[i].point;
		bool first = true;

		for (unsigned k = 0; k < p->phases; k++) {
			const struct point_phase *phase = &p->phase[k];
			char mops[32], lasted[32], pause[32];

			if (!head)
				fprintf(out, "  %-*s %7s %-12s %8s %8s %8s  %s\n", name_width, title, "threads", "phase", "Mops/s",
				    "lasted", "longest", "call, and what happened meanwhile");
			head = true;
			summary_format_figure(phase->mops, mops, sizeof(mops));
			summary_format_time(phase->elapsed_s * 1e9, lasted, sizeof(lasted));
			summary_format_time(phase->pause_max_ns, pause, sizeof(pause));
			if (first && strlen(rows[i].name) > (size_t)name_width)
				fprintf(out, "  %s\n", rows[i].name);
			fprintf(out, "  %-*s %7" PRIu64 " %-12s %8s %8s %8s", name_width,
			    !first || strlen(rows[i].name) > (size_t)name_width ? "" : rows[i].name, p->threads, phase->name, mops,
			    lasted, pause);
			if (!isnan(phase->pause_max_ns))
				fprintf(out, "  %s, %s", phase->pause_op, phase->pause_cause);
			fputc('\n', out);
			first = false;
		}
		if (!first && p->presized)
			fprintf(out, "  %-*s         made for its final size: it does not grow\n", name_width, "");
	}
}

/* 0 .. 1, and beyond, as percent; at most 7 characters up to 9999 %. */
static void
format_share(double share, char *text, size_t size)
{
	if (!isfinite(share))
		snprintf(text, size, MISSING);
	else
		snprintf(text, size, share < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * share);
}

/*
 * Where times from retire to free were taken: more about reclamation than the columns above have room for.
 * Of how many trials the times are is said: the highest level is measured in few.
 */
static void
print_reclamation(FILE *out, int name_width, const struct row *rows, size_t count)
{
	static const char title[] = "reclamation:";
	bool head = false, stalls = false;

	if (name_width < (int)sizeof(title) - 1)
		name_width = (int)sizeof(title) - 1;
	for (size_t i = 0; i < count; i++)
		stalls = stalls || isfinite(rows[i].garbage->stall_slope);
	for (size_t i = 0; i < count; i++) {
		const struct point *p = rows[i].detail, *g = rows[i].garbage;
		char peak[32], mean[32], bound[32], median[32], tail[32], passes[32], slope[32], drain[32];

		if (p->reclaim_trials == 0 && !isfinite(g->stall_slope))
			continue;
		if (!head)
			fprintf(out, "  %-*s %7s %8s %8s %8s %8s %8s %8s %9s%s\n", name_width, title, "threads", "peak",
			    "mean", "of bound", "p50", "p99", "passes", "of trials", stalls ? "  growth/s    drain" : "");
		head = true;
		summary_format_count(g->pending_peak, peak, sizeof(peak));
		summary_format_count(g->pending_mean, mean, sizeof(mean));
		format_share(g->bound_share_peak, bound, sizeof(bound));
		summary_format_longer(p->reclaim_p50_ns, p->reclaim_p50_above_ns, median, sizeof(median));
		summary_format_longer(p->reclaim_p99_ns, p->reclaim_p99_above_ns, tail, sizeof(tail));
		format_share(p->pass_share, passes, sizeof(passes));
		if (strlen(rows[i].name) > (size_t)name_width)
			fprintf(out, "  %s\n", rows[i].name);
		fprintf(out, "  %-*s %7" PRIu64 " %8s %8s %8s %8s %8s %8s %9" PRIu64, name_width,
		    strlen(rows[i].name) > (size_t)name_width ? "" : rows[i].name, p->threads, peak, mean, bound, median, tail,
		    passes, p->reclaim_trials);
		if (stalls) {
			double up = fabs(g->stall_slope);

			summary_format_count(up, slope + 1, sizeof(slope) - 1);
			slope[0] = g->stall_slope < 0 ? '-' : ' ';
			/* Without a time: nothing was raised, or it never fell back. */
			summary_format_time(g->drain_ns, drain, sizeof(drain));
			if (isnan(g->drain_ns) && g->undrained > 0)
				snprintf(drain, sizeof(drain), "never");
			fprintf(out, "  %8s %8s", slope, drain);
		}
		fputc('\n', out);
	}
}

/* Where the longest time to drain is not the whole story. */
static void
print_undrained(FILE *out, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct point *g = rows[i].garbage;

		if (g->undrained > 0)
			fprintf(out, "  not drained after %" PRIu64 " of %" PRIu64 " stall%s of %s, %" PRIu64 " thread%s: the next one began, or the "
			    "trial ended\n", g->undrained, g->stalls, g->stalls == 1 ? "" : "s", rows[i].name, g->threads,
			    g->threads == 1 ? "" : "s");
	}
}

static int
by_value(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/*
 * Keep the rows of the lowest level of each point: looking costs least there, so
 * theirs is the throughput. What the others cost in comparison is said, and their
 * times from retire to free are those of the row which stays. False: no memory.
 */
static bool
fold_levels(FILE *costs, struct row *rows, size_t *count)
{
	double *ratio = malloc((*count + 1) * sizeof(*ratio));
	size_t kept = 0;

	if (ratio == NULL)
		return false;
	for (size_t level = 0; level < LEVELS; level++) {
		size_t n = 0, base = LEVELS;

		for (size_t i = 0; i < *count; i++) {
			const struct row *lowest = &rows[i];

			for (size_t k = 0; k < *count && rows[i].level == level; k++)
				if (rows[k].level < lowest->level && same_but_level(&rows[k], &rows[i]))
					lowest = &rows[k];
			/* Where nothing was ever pending there was nothing to look at. */
			if (lowest == &rows[i] || isnan(rows[i].point->mops_median) || isnan(lowest->point->mops_median) ||
			    !(rows[i].point->pending_peak > 0))
				continue;
			ratio[n++] = 1 - rows[i].point->mops_median / lowest->point->mops_median;
			base = lowest->level;
		}
		if (n == 0)
			continue;
		qsort(ratio, n, sizeof(*ratio), by_value);
		fprintf(costs, "cost of --smr-stats %s: %.1f %% of the throughput at %s (median of %zu point%s; %.1f .. %.1f %%)\n",
		    levels[level], 50 * (ratio[(n - 1) / 2] + ratio[n / 2]), levels[base], n, n == 1 ? "" : "s",
		    100 * ratio[0], 100 * ratio[n - 1]);
	}
	free(ratio);
	/* From the highest level down: each hands its detail to the row below it. */
	for (size_t level = LEVELS + 1; level-- > 0;)
		for (size_t i = 0; i < *count; i++)
			for (size_t k = 0; k < *count && rows[i].level == level && level < LEVELS; k++)
				if (rows[k].level < level && same_but_level(&rows[k], &rows[i]) &&
				    rows[i].detail->valid > 0)
					rows[k].detail = rows[k].detail == rows[k].point ? rows[i].detail : rows[k].detail;
	/* From the lowest up: garbage is known best where most trials counted it. */
	for (size_t level = 1; level < LEVELS; level++)
		for (size_t i = 0; i < *count; i++)
			for (size_t k = 0; k < *count && rows[i].level == level; k++)
				if (rows[k].level < level && isnan(rows[k].garbage->pending_mean) && same_but_level(&rows[k], &rows[i]) &&
				    !isnan(rows[i].point->pending_mean))
					rows[k].garbage = rows[i].point;
	for (size_t i = 0; i < *count; i++) {
		bool lowest = true;

		for (size_t k = 0; k < *count && rows[i].level < LEVELS && lowest; k++)
			lowest = !(rows[k].level < rows[i].level && same_but_level(&rows[k], &rows[i]));
		rows[i].block = lowest;
	}
	for (size_t i = 0; i < *count; i++) {
		if (rows[i].block)
			rows[kept++] = rows[i];
		else
			json_decref(rows[i].options);
	}
	*count = kept;
	return true;
}

/* What the processor counted, where it did: only then a second line of figures makes sense. */
static void
print_counters(FILE *out, int name_width, const struct row *rows, size_t count)
{
	static const char title[] = "per operation:";
	bool head = false;

	if (name_width < (int)sizeof(title) - 1)
		name_width = (int)sizeof(title) - 1;
	for (size_t i = 0; i < count; i++) {
		const struct point *p = rows[i].point;
		double of[] = { p->cycles_per_op, p->instructions_per_op, p->instructions_per_op / p->cycles_per_op,
			p->cache_misses_per_op, p->tlb_misses_per_op, p->branch_misses_per_op };
		char text[sizeof(of) / sizeof(of[0])][32];
		bool any_there = false;

		for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
			any_there = any_there || isfinite(of[k]);
			summary_format_figure(of[k], text[k], sizeof(text[k]));
		}
		if (!any_there)
			continue;
		if (!head)
			fprintf(out, "  %-*s %7s %8s %8s %8s %8s %8s %8s\n", name_width, title, "threads",
			    "cycles", "instr", "instr/cy", "LLC miss", "TLB miss", "br miss");
		head = true;
		fprintf(out, "  %-*s %7" PRIu64 " %8s %8s %8s %8s %8s %8s\n", name_width, rows[i].name, p->threads, text[0],
		    text[1], text[2], text[3], text[4], text[5]);
	}
}

/*
 * What the harness itself costs, or what `what` says: what a subject that does nothing needs, for each
 * distribution, on the fewest threads; the largest, and "at most", where several loads have the
 * same distribution.
 */
static void
print_overhead(FILE *out, const struct row *rows, size_t count, const char *subject, const char *what)
{
	uint64_t fewest = UINT64_MAX;
	unsigned said = 0;

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].point->subject, subject) == 0 && rows[i].point->threads < fewest &&
		    rows[i].point->mops_median > 0)
			fewest = rows[i].point->threads;
	for (size_t i = 0; i < count; i++) {
		const struct point *p = rows[i].point;
		double most = 0, least = INFINITY;
		bool first = true;
		char cost[32], limit[48];

		for (size_t k = 0; k < count; k++) {
			const struct point *q = rows[k].point;

			if (strcmp(q->subject, subject) != 0 || q->threads != fewest ||
			    !(q->mops_median > 0) || strcmp(q->dist, p->dist) != 0)
				continue;
			/* Say each distribution once, at its first row. */
			if (k < i)
				first = false;
			most = fmax(most, ns_per_op(q));
			least = fmin(least, ns_per_op(q));
		}
		if (!first || strcmp(p->subject, subject) != 0 || p->threads != fewest ||
		    !(p->mops_median > 0))
			continue;
		snprintf(cost, sizeof(cost), "%.1f", most);
		snprintf(limit, sizeof(limit), "%s%s", least < most ? "at most " : "", cost);
		if (said++ == 0)
			fprintf(out, "%s (subject %s, %" PRIu64 " thread%s): %s ns per operation (%s)", what, subject,
			    fewest, fewest == 1 ? "" : "s", limit, p->dist[0] != '\0' ? p->dist : p->workload);
		else
			fprintf(out, ", %s (%s)", limit, p->dist[0] != '\0' ? p->dist : p->workload);
	}
	if (said > 0)
		fputs("\n\n", out);
}

/*
 * defaults_of - a subject's options as they are when none is given, as this build has it; kept in known. The name may be
 * another's word: it is no path. NULL: not known.
 */
static const json_t *
defaults_of(json_t *known, const char *subject)
{
	const json_t *found = json_object_get(known, subject);
	struct command_line none = { .given_count = 0 };
	struct option_values *values;
	char error[1024];
	struct plugin *plugin;

	if (found != NULL)
		return json_is_object(found) ? found : NULL;
	plugin = strchr(subject, '/') == NULL ? plugin_load(PLUGIN_SUBJECT, subject, error, sizeof(error)) : NULL;
	(void)json_object_set_new(known, subject, json_null());
	if (plugin != NULL && plugin->options != NULL && options_single(plugin->options, &none, &values, error, sizeof(error))) {
		(void)json_object_set_new(known, subject, options_json(values));
		options_free(values);
	}
	plugin_free(plugin);
	found = json_object_get(known, subject);
	return json_is_object(found) ? found : NULL;
}

/* number_blocks - which rows belong together, and what each is called among the others. */
static void
number_blocks(struct row *rows, size_t count)
{
	static const char *const none[] = { NULL };
	json_t *known = json_object();
	size_t blocks = 0;

	for (size_t i = 0; i < count; i++) {
		struct row *row = &rows[i];

		row->block = blocks;
		for (size_t k = 0; k < i; k++)
			if (same_block(&rows[k], row)) {
				row->block = rows[k].block;
				break;
			}
		blocks += row->block == blocks;
	}
	for (size_t i = 0; i < count; i++) {
		struct row *row = &rows[i];

		snprintf(row->name, sizeof(row->name), "%s", row->point->subject);
		append_differences(row->name, sizeof(row->name), row, rows, count, "subject", same_subject, none,
		    defaults_of(known, row->point->subject));
	}
	json_decref(known);
}

bool
summary_labels(const struct points *points, struct summary_label *label)
{
	size_t count = points_count(points);
	struct row *rows = calloc(count + 1, sizeof(*rows));

	if (rows == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		rows[i].point = points_at(points, i);
		if (rows[i].point->options != NULL)
			rows[i].options = json_loads(rows[i].point->options, 0, NULL);
		row_bytes(&rows[i]);
	}
	number_blocks(rows, count);
	for (size_t i = 0; i < count; i++) {
		snprintf(label[i].name, sizeof(label[i].name), "%s", rows[i].name);
		label[i].block = rows[i].block;
		title_of(&rows[i], rows, count, label[i].title, sizeof(label[i].title));
	}
	for (size_t i = 0; i < count; i++)
		row_level(&rows[i]);
	number_blocks(rows, count);
	for (size_t i = 0; i < count; i++) {
		label[i].load = rows[i].block;
		label[i].level = rows[i].level;
		title_of(&rows[i], rows, count, label[i].load_title, sizeof(label[i].load_title));
	}
	for (size_t i = 0; i < count; i++)
		json_decref(rows[i].options);
	free(rows);
	return true;
}

bool
summary_print(FILE *out, const struct points *points)
{
	size_t count = points_count(points), widest = sizeof("subject") - 1;
	struct row *rows = calloc(count + 1, sizeof(*rows));
	char title[TITLE_BYTES], *costs = NULL;
	size_t costs_size = 0;
	FILE *said;
	bool folded;
	int name_width;

	if (rows == NULL)
		return false;
	said = open_memstream(&costs, &costs_size);
	for (size_t i = 0; i < count; i++) {
		struct row *row = &rows[i];

		row->point = row->detail = row->garbage = points_at(points, i);
		if (row->point->options != NULL)
			row->options = json_loads(row->point->options, 0, NULL);
		row_bytes(row);
		row_level(row);
	}
	folded = said != NULL && fold_levels(said, rows, &count);
	if (said != NULL)
		folded = fclose(said) == 0 && folded;
	if (!folded) {
		for (size_t i = 0; i < count; i++)
			json_decref(rows[i].options);
		free(costs);
		free(rows);
		return false;
	}
	number_blocks(rows, count);
	for (size_t i = 0; i < count; i++)
		if (strlen(rows[i].name) > widest)
			widest = strlen(rows[i].name);
	name_width = (int)(widest < SUMMARY_COLUMNS - FIXED_COLUMNS ? widest : SUMMARY_COLUMNS - FIXED_COLUMNS);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++)
			if (rows[k].block == rows[i].block && rows[k].point->threads == rows[i].point->threads &&
			    summary_tells_overhead(rows[k].point, rows[i].point))
				rows[i].null = rows[k].point;
	qsort(rows, count, sizeof(*rows), by_threads_and_speed);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || rows[i].block != rows[i - 1].block) {
			title_of(&rows[i], rows, count, title, sizeof(title));
			(isnan(rows[i].point->rate) ? print_head : print_open_head)(out, name_width, title);
		}
		(isnan(rows[i].point->rate) ? print_row : print_open_row)(out, name_width, &rows[i]);
		if (i + 1 == count || rows[i + 1].block != rows[i].block) {
			size_t first = i;

			while (first > 0 && rows[first - 1].block == rows[i].block)
				first--;
			print_reclamation(out, name_width, rows + first, i + 1 - first);
			print_undrained(out, rows + first, i + 1 - first);
			print_roles(out, name_width, rows + first, i + 1 - first);
			print_phases(out, name_width, rows + first, i + 1 - first);
			print_pauses(out, rows + first, i + 1 - first);
			print_counters(out, name_width, rows + first, i + 1 - first);
			fputc('\n', out);
		}
	}
	fprintf(out, "%s%s", costs, costs_size > 0 ? "\n" : "");
	free(costs);
	print_overhead(out, rows, count, SUMMARY_NULL, "harness overhead");
	print_overhead(out, rows, count, SUMMARY_NULL_BYTES, "with byte strings to make");
	for (size_t i = 0; i < count; i++)
		json_decref(rows[i].options);
	free(rows);
	return true;
}
