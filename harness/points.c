/*
 * points.c - each point keeps, for each figure, one value for each valid
 * trial; points_finish() sorts them where they lie and reads off the figures.
 * Nothing is allocated there, and sorted values may be added to again.
 */
#include "harness/points.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

#include "harness/statistics.h"

/* The figures that are medians: where in the record, where in the point. */
struct figure {
	size_t from, to;
	bool count; /* a uint64_t with UINT64_MAX for no value; else a double with NAN */
};

#define COUNT(field) { offsetof(struct record, field), offsetof(struct point, field), true }
#define REAL(field) { offsetof(struct record, field), offsetof(struct point, field), false }

static const struct figure figures[] = {
	{ offsetof(struct record, mops), offsetof(struct point, mops_median), false },
	REAL(hit_ratio),
	REAL(jain),
	REAL(cpu_ns_per_op),
	COUNT(get_p50_ns),
	COUNT(get_p90_ns),
	COUNT(get_p99_ns),
	COUNT(get_p999_ns),
	COUNT(get_max_ns),
	COUNT(update_p50_ns),
	COUNT(update_p90_ns),
	COUNT(update_p99_ns),
	COUNT(update_p999_ns),
	COUNT(update_max_ns),
	REAL(pending_mean),
	COUNT(reclaim_p50_ns),
	COUNT(reclaim_p90_ns),
	COUNT(reclaim_p99_ns),
	COUNT(reclaim_p999_ns),
	COUNT(reclaim_max_ns),
	COUNT(rss_bytes),
	REAL(cycles_per_op),
	REAL(instructions_per_op),
	REAL(cache_misses_per_op),
	REAL(tlb_misses_per_op),
	REAL(branch_misses_per_op),
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))
#define FIGURE_MOPS 0 /* the row of figures[] that has more than a median */

struct entry {
	struct point point;
	char *options;           /* point.options; owned */
	char *conditions;        /* the options that are not the subject's; owned */
	double *value[FIGURES];  /* room of them; owned */
	size_t values[FIGURES];
	size_t room;
	uint64_t pending_peak;   /* UINT64_MAX: not known */
};

/* Pointers: a point stays where it is while others are added. */
struct points {
	struct entry **entry;
	size_t count, room;
};

struct points *
points_new(void)
{
	return calloc(1, sizeof(struct points));
}

static void
entry_free(struct entry *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < FIGURES; i++)
		free(e->value[i]);
	free(e->options);
	free(e->conditions);
	free(e);
}

void
points_free(struct points *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++)
		entry_free(p->entry[i]);
	free(p->entry);
	free(p);
}

static bool
same_options(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_point_of(const struct entry *e, const struct record *r)
{
	const struct point *p = &e->point;

	return p->threads == r->threads && p->keys == r->keys && strcmp(p->subject, r->subject) == 0 &&
	    strcmp(p->reclaimer, r->reclaimer) == 0 && strcmp(p->workload, r->workload) == 0 &&
	    strcmp(p->dist, r->dist) == 0 && strcmp(p->mix, r->mix) == 0 && strcmp(p->pin, r->pin) == 0 &&
	    strcmp(p->membind, r->membind) == 0 && same_options(p->options, r->options);
}

/* conditions_of - options but for the member "subject", or all of it if it is no JSON object. NULL: no memory. */
static char *
conditions_of(const char *options)
{
	json_t *object = json_loads(options, 0, NULL);
	char *conditions;

	if (!json_is_object(object)) {
		json_decref(object);
		return strdup(options);
	}
	json_object_del(object, "subject");
	conditions = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(object);
	return conditions;
}

static struct entry *
entry_new(const struct record *r)
{
	struct entry *e = calloc(1, sizeof(*e));
	struct point *p;

	if (e == NULL)
		return NULL;
	if (r->options != NULL && ((e->options = strdup(r->options)) == NULL ||
	    (e->conditions = conditions_of(r->options)) == NULL)) {
		entry_free(e);
		return NULL;
	}
	e->pending_peak = UINT64_MAX;
	p = &e->point;
	p->options = e->options;
	p->threads = r->threads;
	p->keys = r->keys;
	/* The fields are of the same size on both sides. */
	memcpy(p->subject, r->subject, sizeof(p->subject));
	memcpy(p->reclaimer, r->reclaimer, sizeof(p->reclaimer));
	memcpy(p->workload, r->workload, sizeof(p->workload));
	memcpy(p->dist, r->dist, sizeof(p->dist));
	memcpy(p->mix, r->mix, sizeof(p->mix));
	memcpy(p->pin, r->pin, sizeof(p->pin));
	memcpy(p->membind, r->membind, sizeof(p->membind));
	return e;
}

/* find - the point that r belongs to, a new one if need be. */
static struct entry *
find(struct points *p, const struct record *r)
{
	struct entry *e;

	/* From the last: trials of a point often come together. */
	for (size_t i = p->count; i-- > 0;)
		if (is_point_of(p->entry[i], r))
			return p->entry[i];
	if (p->count == p->room) {
		size_t room = 2 * p->room + 16;
		struct entry **more = realloc(p->entry, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		p->entry = more;
		p->room = room;
	}
	e = entry_new(r);
	if (e != NULL)
		p->entry[p->count++] = e;
	return e;
}

/* grow - room for one more valid trial in every figure. */
static bool
grow(struct entry *e)
{
	size_t room = 2 * e->room + 4;

	if (e->point.valid < e->room)
		return true;
	for (size_t i = 0; i < FIGURES; i++) {
		double *more = realloc(e->value[i], room * sizeof(*more));

		if (more == NULL)
			return false; /* the others have more room than e->room says */
		e->value[i] = more;
	}
	e->room = room;
	return true;
}

static double
figure_of(const struct record *r, const struct figure *f)
{
	const void *field = (const char *)r + f->from;
	uint64_t count;

	if (!f->count)
		return *(const double *)field;
	count = *(const uint64_t *)field;
	return count == UINT64_MAX ? NAN : (double)count;
}

bool
points_add(struct points *p, const struct record *record)
{
	size_t before = p->count;
	struct entry *e = find(p, record);

	if (e == NULL)
		return false;
	if (record->valid && !grow(e)) {
		if (p->count != before)
			entry_free(p->entry[--p->count]);
		return false;
	}
	e->point.trials++;
	if (!record->valid)
		return true;
	e->point.valid++;
	for (size_t i = 0; i < FIGURES; i++) {
		double value = figure_of(record, &figures[i]);

		if (!isnan(value))
			e->value[i][e->values[i]++] = value;
	}
	if (record->pending_peak != UINT64_MAX &&
	    (e->pending_peak == UINT64_MAX || record->pending_peak > e->pending_peak))
		e->pending_peak = record->pending_peak;
	return true;
}

static void
finish(struct entry *e)
{
	struct point *p = &e->point;
	double *mops = e->value[FIGURE_MOPS];
	size_t n = e->values[FIGURE_MOPS];

	for (size_t i = 0; i < FIGURES; i++) {
		double *to = (double *)(void *)((char *)p + figures[i].to);

		*to = statistics_median(e->value[i], e->values[i]);
	}
	p->mops_min = statistics_min(mops, n);
	p->mops_max = statistics_max(mops, n);
	p->mops_coverage = statistics_median_ci(mops, n, POINTS_CONFIDENCE, &p->mops_lo, &p->mops_hi);
	p->pending_peak = e->pending_peak == UINT64_MAX ? NAN : (double)e->pending_peak;
}

static bool
is_roofline_of(const struct entry *roofline, const struct entry *e)
{
	const struct point *r = &roofline->point, *p = &e->point;

	return strcmp(r->subject, POINTS_ROOFLINE) == 0 && r->threads == p->threads && r->keys == p->keys &&
	    strcmp(r->workload, p->workload) == 0 && strcmp(r->dist, p->dist) == 0 && strcmp(r->mix, p->mix) == 0 &&
	    strcmp(r->pin, p->pin) == 0 && strcmp(r->membind, p->membind) == 0 &&
	    same_options(roofline->conditions, e->conditions);
}

/* roofline_of - the one to compare with; NULL if there is none, or no telling which. */
static const struct point *
roofline_of(const struct points *points, const struct entry *e)
{
	const struct entry *found = NULL;

	if (strcmp(e->point.subject, POINTS_ROOFLINE) == 0)
		return &e->point;
	for (size_t i = 0; i < points->count; i++) {
		if (!is_roofline_of(points->entry[i], e))
			continue;
		if (found != NULL)
			return NULL;
		found = points->entry[i];
	}
	return found != NULL ? &found->point : NULL;
}

void
points_finish(struct points *p)
{
	for (size_t i = 0; i < p->count; i++)
		finish(p->entry[i]);
	for (size_t i = 0; i < p->count; i++) {
		struct point *point = &p->entry[i]->point;
		const struct point *roofline = roofline_of(p, p->entry[i]);

		point->roofline_ratio = roofline == NULL ? NAN : point->mops_median / roofline->mops_median;
	}
}

size_t
points_count(const struct points *p)
{
	return p->count;
}

const struct point *
points_at(const struct points *p, size_t i)
{
	misuse_if(i >= p->count, "points_at: i must be below points_count");
	return &p->entry[i]->point;
}
