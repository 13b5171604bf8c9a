/*
 * points.c - each point keeps, for each figure, one value for each valid
 * trial; points_finish() chooses among them, sorts a copy and reads off the figures.
 * Nothing is allocated there, and more may be added again.
 */
#include "harness/points.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

#include "harness/sentinel.h"
#include "harness/statistics.h"

/* The figures that are medians: where in the record, where in the point. */
struct figure {
	size_t from, to;
	bool count; /* a uint64_t with UINT64_MAX for no value; else a double with NAN */
};

/* X(name of the record's column, member of struct point, is it a count?) */
#define FIGURE_LIST(X) \
	X(mops, mops_median, false) \
	X(hit_ratio, hit_ratio, false) \
	X(jain, jain, false) \
	X(cpu_ns_per_op, cpu_ns_per_op, false) \
	X(overhead_ns, overhead_ns, false) \
	X(thread_min_mops, thread_min_mops, false) \
	X(thread_max_mops, thread_max_mops, false) \
	X(cas_failed_per_op, cas_failed_per_op, false) \
	X(cas_wait_ns_per_op, cas_wait_ns_per_op, false) \
	X(reader_mops, reader_mops, false) \
	X(writer_mops, writer_mops, false) \
	X(reader_jain, reader_jain, false) \
	X(writer_jain, writer_jain, false) \
	X(get_p50_ns, get_p50_ns, true) \
	X(get_p90_ns, get_p90_ns, true) \
	X(get_p99_ns, get_p99_ns, true) \
	X(get_p999_ns, get_p999_ns, true) \
	X(get_max_ns, get_max_ns, true) \
	X(update_p50_ns, update_p50_ns, true) \
	X(update_p90_ns, update_p90_ns, true) \
	X(update_p99_ns, update_p99_ns, true) \
	X(update_p999_ns, update_p999_ns, true) \
	X(update_max_ns, update_max_ns, true) \
	X(pending_mean, pending_mean, false) \
	X(bound_share, bound_share, false) \
	X(pass_share, pass_share, false) \
	X(stall_slope, stall_slope, false) \
	X(drain_ns, drain_ns, true) \
	X(reclaim_p50_ns, reclaim_p50_ns, true) \
	X(reclaim_p90_ns, reclaim_p90_ns, true) \
	X(reclaim_p99_ns, reclaim_p99_ns, true) \
	X(reclaim_p999_ns, reclaim_p999_ns, true) \
	X(reclaim_max_ns, reclaim_max_ns, true) \
	X(get_response_p50_ns, get_response_p50_ns, true) \
	X(get_response_p99_ns, get_response_p99_ns, true) \
	X(get_response_p999_ns, get_response_p999_ns, true) \
	X(get_response_max_ns, get_response_max_ns, true) \
	X(update_response_p50_ns, update_response_p50_ns, true) \
	X(update_response_p99_ns, update_response_p99_ns, true) \
	X(update_response_p999_ns, update_response_p999_ns, true) \
	X(update_response_max_ns, update_response_max_ns, true) \
	X(rate, rate, false) \
	X(rss_bytes, rss_bytes, true) \
	X(cycles_per_op, cycles_per_op, false) \
	X(instructions_per_op, instructions_per_op, false) \
	X(cache_misses_per_op, cache_misses_per_op, false) \
	X(tlb_misses_per_op, tlb_misses_per_op, false) \
	X(branch_misses_per_op, branch_misses_per_op, false)

#define AS_FIGURE(column, member, is_count) \
	{ offsetof(struct record, column), offsetof(struct point, member), is_count },
static const struct figure figures[] = { FIGURE_LIST(AS_FIGURE) };

#define AS_NAME(column, member, is_count) #column,
const char *const points_figure_names[] = { FIGURE_LIST(AS_NAME) NULL };

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

enum { PHASE_MOPS, PHASE_ELAPSED, PHASE_BEGIN, PHASE_FIGURES };

struct entry {
	struct point point;
	char *options;           /* point.options; owned */
	char *conditions;        /* the options that are not the subject's; owned */
	char *but_level;         /* the options but for --smr-stats; owned */
	double *value[FIGURES];  /* of every valid trial, NAN where there is none; room of them; owned */
	bool *disturbed;         /* the same trials; owned */
	double *waiting;         /* of each, the age of the oldest object not freed at stop; NAN: none, or not known; owned */
	/* PHASE_FIGURES of each phase of the same trials: [(trial * point.phases + phase) * PHASE_FIGURES ...]; owned */
	double *phase;
	double *used[FIGURES];   /* what points_finish() chose, in order; owned */
	size_t uses[FIGURES];
	double *sorted;          /* its scratch; owned */
	size_t room;
	double pending_peak, bound_share_peak; /* of its own valid trials; NAN: not known */
};

/* Pointers: a point stays where it is while others are added. */
struct points {
	struct entry **entry; /* owned, but by a part */
	size_t count, room;
	bool part;
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
		free(e->value[i]), free(e->used[i]);
	free(e->disturbed);
	free(e->waiting);
	free(e->phase);
	free(e->sorted);
	free(e->options);
	free(e->conditions);
	free(e->but_level);
	free(e);
}

void
points_free(struct points *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count && !p->part; i++)
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
is_point_of(const struct entry *e, const char *environment, const struct record *r)
{
	const struct point *p = &e->point;

	return p->threads == r->threads && p->keys == r->keys && strcmp(p->environment, environment) == 0 &&
	    strcmp(p->subject, r->subject) == 0 &&
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

/* but_level_of - options but for run's smr-stats, or all of it if it has no run. NULL: no memory. */
static char *
but_level_of(const char *options)
{
	json_t *object = json_loads(options, 0, NULL), *run = json_object_get(object, "run");
	char *rest;

	if (!json_is_object(run)) {
		json_decref(object);
		return strdup(options);
	}
	json_object_del(run, "smr-stats");
	rest = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(object);
	return rest;
}

static struct entry *
entry_new(const char *environment, const struct record *r)
{
	struct entry *e = calloc(1, sizeof(*e));
	struct point *p;

	if (e == NULL)
		return NULL;
	if (r->options != NULL && ((e->options = strdup(r->options)) == NULL ||
	    (e->conditions = conditions_of(r->options)) == NULL ||
	    (e->but_level = but_level_of(r->options)) == NULL)) {
		entry_free(e);
		return NULL;
	}
	e->pending_peak = e->bound_share_peak = NAN;
	e->point.pause_max_ns = NAN;
	e->point.looks = UINT64_MAX;
	e->point.presized = r->presized;
	memcpy(e->point.roles, r->roles, sizeof(e->point.roles));
	p = &e->point;
	p->options = e->options;
	snprintf(p->environment, sizeof(p->environment), "%s", environment);
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
find(struct points *p, const char *environment, const struct record *r)
{
	size_t i = points_find(p, environment, r);
	struct entry *e;

	if (i != SIZE_MAX)
		return p->entry[i];
	if (p->count == p->room) {
		size_t room = 2 * p->room + 16;
		struct entry **more = realloc(p->entry, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		p->entry = more;
		p->room = room;
	}
	e = entry_new(environment, r);
	if (e != NULL)
		p->entry[p->count++] = e;
	return e;
}

/* widen - false: no memory, and the array is as it was. */
static bool
widen(double **array, size_t room)
{
	double *more = realloc(*array, room * sizeof(*more));

	if (more == NULL)
		return false;
	*array = more;
	return true;
}

/* grow - room for one more valid trial in every figure. False: some have more room than e->room says. */
static bool
grow(struct entry *e)
{
	size_t room = 2 * e->room + 4;
	bool *more;

	if (e->point.valid < e->room)
		return true;
	if (e->point.phases > 0 && !widen(&e->phase, room * e->point.phases * PHASE_FIGURES))
		return false;
	for (size_t i = 0; i < FIGURES; i++)
		if (!widen(&e->value[i], room) || !widen(&e->used[i], room))
			return false;
	more = realloc(e->disturbed, room * sizeof(*more));
	if (more == NULL)
		return false;
	e->disturbed = more;
	if (!widen(&e->sorted, room) || !widen(&e->waiting, room))
		return false;
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

/* What a valid trial says of its phases; one with another number of them says nothing. */
static void
add_phases(struct entry *e, const struct record *record)
{
	for (unsigned i = 0; i < e->point.phases; i++) {
		struct point_phase *p = &e->point.phase[i];
		const struct record_phase *r = i < record->phases ? &record->phase[i] : NULL;
		double *to = &e->phase[(e->point.valid * e->point.phases + i) * PHASE_FIGURES];

		to[PHASE_MOPS] = r != NULL ? r->mops : NAN;
		to[PHASE_ELAPSED] = r != NULL ? r->elapsed_s : NAN;
		to[PHASE_BEGIN] = r != NULL ? r->begin_s : NAN;
		if (r == NULL || r->pause_max_ns == UINT64_MAX || (double)r->pause_max_ns <= p->pause_max_ns)
			continue;
		p->pause_max_ns = (double)r->pause_max_ns;
		memcpy(p->pause_op, r->pause_op, sizeof(p->pause_op));
		memcpy(p->pause_cause, r->pause_cause, sizeof(p->pause_cause));
	}
}

bool
points_add(struct points *p, const char *environment, const struct record *record)
{
	size_t before = p->count;
	struct entry *e;

	misuse_if(p->part, "points_add: a part takes no trials");
	e = find(p, environment, record);
	if (e == NULL)
		return false;
	if (record->valid && e->point.valid == 0) {
		e->point.phases = record->phases;
		for (unsigned i = 0; i < record->phases; i++) {
			memcpy(e->point.phase[i].name, record->phase[i].name, sizeof(e->point.phase[i].name));
			e->point.phase[i].pause_max_ns = NAN;
		}
	}
	if (record->valid && !grow(e)) {
		if (p->count != before)
			entry_free(p->entry[--p->count]);
		return false;
	}
	e->point.trials++;
	if (!record->valid)
		return true;
	for (size_t i = 0; i < FIGURES; i++)
		e->value[i][e->point.valid] = figure_of(record, &figures[i]);
	add_phases(e, record);
	e->disturbed[e->point.valid] = record->disturbed;
	e->waiting[e->point.valid] = record->censored_max_ns != UINT64_MAX ? (double)record->censored_max_ns : NAN;
	e->point.disturbed += record->disturbed;
	/* "Not at least" is true of no time at all, too. */
	e->point.not_judged += !record->disturbed && !(record->elapsed_s >= SENTINEL_SHORTEST_S);
	e->point.stalls += record->stalls != UINT64_MAX ? record->stalls : 0;
	e->point.undrained += record->undrained != UINT64_MAX ? record->undrained : 0;
	if (record->looks != UINT64_MAX && (e->point.looks == UINT64_MAX || record->looks > e->point.looks))
		e->point.looks = record->looks;
	e->point.valid++;
	/* fmax() passes over NaN. */
	e->pending_peak = fmax(e->pending_peak, record->pending_peak != UINT64_MAX ? (double)record->pending_peak : NAN);
	e->bound_share_peak = fmax(e->bound_share_peak, record->bound_share);
	if (record->pause_max_ns != UINT64_MAX && !((double)record->pause_max_ns <= e->point.pause_max_ns)) {
		e->point.pause_max_ns = (double)record->pause_max_ns;
		snprintf(e->point.pause_op, sizeof(e->point.pause_op), "%s", record->pause_op);
		snprintf(e->point.pause_cause, sizeof(e->point.pause_cause), "%s", record->pause_cause);
	}
	return true;
}

/* outliers_of - which of n sorted values lie beyond Tukey's fences; sets these. */
static uint64_t
outliers_of(struct point *p, const double *sorted, size_t n)
{
	uint64_t outliers = 0;
	double low, high;

	p->mops_fence_lo = p->mops_fence_hi = NAN;
	if (n < 4)
		return 0; /* quartiles need four */
	low = sorted[(n - 1) / 4];
	high = sorted[n - 1 - (n - 1) / 4];
	p->mops_fence_lo = low - 1.5 * (high - low);
	p->mops_fence_hi = high + 1.5 * (high - low);
	for (size_t i = 0; i < n; i++)
		outliers += sorted[i] < p->mops_fence_lo || sorted[i] > p->mops_fence_hi;
	return outliers;
}

/* The median over the trials used of one figure of a phase. */
static double
phase_figure(struct entry *e, unsigned phase, unsigned figure)
{
	const struct point *p = &e->point;
	size_t n = 0;

	for (uint64_t t = 0; t < p->valid; t++) {
		double value = e->phase[(t * p->phases + phase) * PHASE_FIGURES + figure];

		if ((p->noisy || !e->disturbed[t]) && !isnan(value))
			e->sorted[n++] = value;
	}
	return statistics_median(e->sorted, n);
}

static bool
is_reclaim_percentile(const struct figure *f)
{
	return f->to >= offsetof(struct point, reclaim_p50_ns) && f->to <= offsetof(struct point, reclaim_p999_ns);
}

/*
 * reclaim_median - as that of other figures, but a trial in which too much was still waiting says "longer than
 * the oldest". The median is known if it is the same whether such a trial's own is just that or endless.
 * Returns   it, *above = NAN; or NAN, *above = what it is more than.
 */
static double
reclaim_median(struct entry *e, size_t figure, double *above)
{
	struct point *p = &e->point;
	double bound[2];
	size_t n = 0;

	for (unsigned endless = 0; endless < 2; endless++) {
		n = 0;
		for (uint64_t t = 0; t < p->valid; t++) {
			double value = e->value[figure][t];

			if (isnan(value) && !isnan(e->waiting[t]))
				value = endless ? INFINITY : e->waiting[t];
			if ((p->noisy || !e->disturbed[t]) && !isnan(value))
				e->sorted[n++] = value;
		}
		bound[endless] = statistics_median(e->sorted, n);
	}
	p->reclaim_trials = n > p->reclaim_trials ? n : p->reclaim_trials;
	*above = n > 0 && bound[0] < bound[1] ? bound[0] : NAN;
	return isnan(*above) ? bound[0] : NAN;
}

static void
finish(struct entry *e)
{
	struct point *p = &e->point;
	/* A file may say anything; doubling, there are no more than 64. */
	unsigned looks = p->looks == 0 || p->looks == UINT64_MAX ? 1 : p->looks < 64 ? (unsigned)p->looks : 64;
	size_t n = 0;

	p->noisy = 2 * p->disturbed > p->valid;
	p->used = p->noisy ? p->valid : p->valid - p->disturbed;
	p->reclaim_trials = 0;
	for (unsigned i = 0; i < p->phases; i++) {
		p->phase[i].mops = phase_figure(e, i, PHASE_MOPS);
		p->phase[i].elapsed_s = phase_figure(e, i, PHASE_ELAPSED);
		p->phase[i].begin_s = phase_figure(e, i, PHASE_BEGIN);
	}
	for (size_t i = FIGURES; i-- > 0;) { /* mops is the last: its sorted values are looked at again */
		double *to = (double *)(void *)((char *)p + figures[i].to);

		n = 0;
		for (uint64_t t = 0; t < p->valid; t++)
			if ((p->noisy || !e->disturbed[t]) && !isnan(e->value[i][t]))
				e->used[i][n++] = e->value[i][t];
		e->uses[i] = n;
		if (n > 0)
			memcpy(e->sorted, e->used[i], n * sizeof(*e->sorted));
		*to = statistics_median(e->sorted, n);
		if (is_reclaim_percentile(&figures[i])) {
			double above;

			*to = reclaim_median(e, i, &above);
			if (figures[i].to == offsetof(struct point, reclaim_p50_ns))
				p->reclaim_p50_above_ns = above;
			else if (figures[i].to == offsetof(struct point, reclaim_p99_ns))
				p->reclaim_p99_above_ns = above;
		}
	}
	p->mops_min = statistics_min(e->sorted, n);
	p->mops_max = statistics_max(e->sorted, n);
	p->mops_coverage = statistics_sequential_ci(e->sorted, n, POINTS_CONFIDENCE, looks, &p->mops_lo, &p->mops_hi);
	p->outliers = outliers_of(p, e->sorted, n);
	p->pending_peak = e->pending_peak;
	p->bound_share_peak = e->bound_share_peak;
}

static bool
differ_in_level_only(const struct entry *a, const struct entry *b)
{
	const struct point *x = &a->point, *y = &b->point;

	return x->threads == y->threads && x->keys == y->keys && strcmp(x->environment, y->environment) == 0 &&
	    strcmp(x->subject, y->subject) == 0 && strcmp(x->reclaimer, y->reclaimer) == 0 &&
	    strcmp(x->workload, y->workload) == 0 && strcmp(x->dist, y->dist) == 0 && strcmp(x->mix, y->mix) == 0 &&
	    strcmp(x->pin, y->pin) == 0 && strcmp(x->membind, y->membind) == 0 && same_options(a->but_level, b->but_level);
}

static bool
is_roofline_of(const struct entry *roofline, const struct entry *e)
{
	const struct point *r = &roofline->point, *p = &e->point;

	return strcmp(r->subject, POINTS_ROOFLINE) == 0 && strcmp(r->environment, p->environment) == 0 &&
	    r->threads == p->threads && r->keys == p->keys &&
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
	misuse_if(p->part, "points_finish: a part is finished by the points that it is of");
	for (size_t i = 0; i < p->count; i++)
		finish(p->entry[i]);
	for (size_t i = 0; i < p->count; i++) {
		struct point *point = &p->entry[i]->point;
		const struct point *roofline = roofline_of(p, p->entry[i]);

		point->roofline_ratio = roofline == NULL ? NAN : point->mops_median / roofline->mops_median;
		for (size_t k = 0; k < p->count; k++) {
			if (!differ_in_level_only(p->entry[k], p->entry[i]))
				continue;
			point->pending_peak = fmax(point->pending_peak, p->entry[k]->pending_peak);
			point->bound_share_peak = fmax(point->bound_share_peak, p->entry[k]->bound_share_peak);
		}
	}
}

struct points *
points_part(const struct points *p, const bool *keep)
{
	struct points *part = points_new();

	if (part == NULL)
		return NULL;
	part->part = true;
	part->entry = calloc(p->count + 1, sizeof(struct entry *));
	if (part->entry == NULL) {
		free(part);
		return NULL;
	}
	for (size_t i = 0; i < p->count; i++)
		if (keep[i])
			part->entry[part->count++] = p->entry[i];
	return part;
}

bool
points_is_own(const struct point *p)
{
	return p->options != NULL && strstr(p->options, "\"run\":") != NULL;
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

const double *
points_values(const struct points *p, size_t i, const char *name, size_t *count)
{
	misuse_if(i >= p->count, "points_values: i must be below points_count");
	for (size_t f = 0; f < FIGURES; f++)
		if (strcmp(points_figure_names[f], name) == 0) {
			*count = p->entry[i]->uses[f];
			return p->entry[i]->used[f];
		}
	return NULL;
}

const double *
points_trials(const struct points *p, size_t i, const bool **disturbed, size_t *count)
{
	misuse_if(i >= p->count, "points_trials: i must be below points_count");
	*disturbed = p->entry[i]->disturbed;
	*count = p->entry[i]->point.valid;
	return p->entry[i]->value[0]; /* mops: the first of FIGURE_LIST */
}

size_t
points_find(const struct points *p, const char *environment, const struct record *record)
{
	/* From the last: trials of a point often come together. */
	for (size_t i = p->count; i-- > 0;)
		if (is_point_of(p->entry[i], environment, record))
			return i;
	return SIZE_MAX;
}
