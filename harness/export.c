/*
 * export.c - trials as CSV and JSON. Whatever a call writes, it flushes, and
 * then looks whether all of it arrived: a full disk is noticed at the trial
 * that no longer fits, and what was written before stays whole.
 */
#include "harness/export.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "harness/hdr.h"

#define COLUMN_BYTES (RECORD_TEXT + 1) /* any column but a string */

/* arrived - flush; did everything since errno was set to 0 get out? */
static bool
arrived(FILE *out, const char *what, char *error, size_t size)
{
	if (fflush(out) == 0 && !ferror(out))
		return true;
	snprintf(error, size, "cannot write the %s: %s", what, errno != 0 ? strerror(errno) : "write error");
	return false;
}

/* CSV */

/* csv_text - RFC 4180, 2.5 to 2.7: in quotes where it has to be, and quotes doubled. */
static void
csv_text(FILE *out, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void
csv_count(FILE *out, uint64_t count)
{
	if (count != UINT64_MAX)
		fprintf(out, "%" PRIu64, count);
}

/* csv_number - of a trial or a series: 0 is none. */
static void
csv_number(FILE *out, int64_t number)
{
	if (number != 0)
		fprintf(out, "%" PRId64, number);
}

static void
csv_real(FILE *out, double real)
{
	if (!isnan(real))
		fprintf(out, "%.9g", real);
}

static void
csv_column(FILE *out, const struct record *record, const struct column *c)
{
	char text[COLUMN_BYTES];

	if (c->type == COLUMN_STRING) {
		const char *string = *(char *const *)(const void *)((const char *)record + c->offset);

		csv_text(out, string != NULL ? string : "");
		return;
	}
	record_column_text(record, c, text, sizeof(text));
	csv_text(out, text);
}

static void
csv_trial(FILE *out, const struct store_origin *origin, const struct record *record)
{
	for (const struct column *c = record_columns; c->name != NULL; c++) {
		csv_column(out, record, c);
		putc(',', out);
	}
	csv_number(out, origin->series_id);
	putc(',', out);
	csv_number(out, origin->trial_id);
	fprintf(out, ",%s\n", origin->environment_id);
}

#define PREFIX "series,trial_id,subject,workload,threads,dist,mix,trial,"

/* csv_prefix - which trial a row of a series belongs to. */
static void
csv_prefix(FILE *out, const struct store_origin *origin, const struct record *record)
{
	csv_number(out, origin->series_id);
	putc(',', out);
	csv_number(out, origin->trial_id);
	putc(',', out);
	csv_text(out, record->subject);
	putc(',', out);
	csv_text(out, record->workload);
	fprintf(out, ",%" PRIu64 ",", record->threads);
	csv_text(out, record->dist);
	putc(',', out);
	csv_text(out, record->mix);
	putc(',', out);
	csv_count(out, record->trial);
	putc(',', out);
}

static void
csv_histograms(FILE *out, const struct store_origin *origin, const struct record *record)
{
	for (unsigned i = 0; i < RECORD_HISTOGRAMS; i++) {
		const struct histogram *h = &record->histogram[i];

		for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
			if (h->count[b] == 0)
				continue;
			csv_prefix(out, origin, record);
			fprintf(out, "%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", record_histogram_names[i],
			    histogram_low(b), histogram_high(b), h->count[b]);
		}
	}
}

static void
csv_samples(FILE *out, const struct store_origin *origin, const struct record *record)
{
	for (size_t i = 0; i < record->samples; i++) {
		const struct record_sample *s = &record->sample[i];

		csv_prefix(out, origin, record);
		csv_count(out, s->at_ns);
		putc(',', out);
		csv_count(out, s->pending);
		putc(',', out);
		csv_count(out, s->pending_bytes);
		putc(',', out);
		csv_count(out, s->rss_bytes);
		putc(',', out);
		csv_count(out, s->ops);
		putc(',', out);
		csv_count(out, s->longest_ns);
		putc(',', out);
		csv_count(out, s->resizings);
		putc('\n', out);
	}
}

static void
csv_threads(FILE *out, const struct store_origin *origin, const struct record *record)
{
	for (uint64_t i = 0; i < record->threads; i++) {
		const struct record_thread *t = &record->thread[i];

		csv_prefix(out, origin, record);
		fprintf(out, "%" PRIu64 ",", i);
		if (t->cpu >= 0)
			fprintf(out, "%d", t->cpu);
		putc(',', out);
		csv_count(out, t->ops);
		putc(',', out);
		csv_count(out, t->elapsed_ns);
		putc('\n', out);
	}
}

static void
csv_phases(FILE *out, const struct store_origin *origin, const struct record *record)
{
	for (unsigned i = 0; i < record->phases; i++) {
		const struct record_phase *p = &record->phase[i];

		csv_prefix(out, origin, record);
		fprintf(out, "%u,", i);
		csv_text(out, p->name);
		putc(',', out);
		csv_count(out, p->ops);
		putc(',', out);
		csv_real(out, p->elapsed_s);
		putc(',', out);
		csv_real(out, p->mops);
		putc(',', out);
		csv_real(out, p->begin_s);
		putc(',', out);
		csv_count(out, p->pause_max_ns);
		putc(',', out);
		csv_text(out, p->pause_op);
		putc(',', out);
		csv_text(out, p->pause_cause);
		putc('\n', out);
	}
}

/* What each kind is called, the header beyond the prefix, and who writes it. */
static const struct {
	const char *name;
	const char *header; /* trials have their own */
	void (*rows)(FILE *out, const struct store_origin *origin, const struct record *record);
} kinds[] = {
	[EXPORT_TRIALS] = { "trials", NULL, csv_trial },
	[EXPORT_HISTOGRAMS] = { "histograms", PREFIX "name,low_ns,high_ns,count\n", csv_histograms },
	[EXPORT_SAMPLES] = { "samples", PREFIX "at_ns,pending,pending_bytes,rss_bytes,ops,longest_ns,resizings\n", csv_samples },
	[EXPORT_THREADS] = { "threads", PREFIX "thread,cpu,ops,elapsed_ns\n", csv_threads },
	[EXPORT_PHASES] = { "phases", PREFIX "position,name,ops,elapsed_s,mops,begin_s,pause_max_ns,pause_op,pause_cause\n", csv_phases },
};

static void
csv_begin(FILE *out, enum export_what what)
{
	if (what != EXPORT_TRIALS) {
		fputs(kinds[what].header, out);
		return;
	}
	for (const struct column *c = record_columns; c->name != NULL; c++)
		fprintf(out, "%s,", c->name);
	fputs("series,trial_id,environment\n", out);
}

/* JSON. Functions that make a value give NULL when there is no memory. */

/* json_words - text that may be no proper UTF-8, as a path in a message: then its odd bytes become '?'. */
static json_t *
json_words(const char *text)
{
	json_t *words = json_string(text);
	char *copy;

	if (words != NULL || (copy = strdup(text)) == NULL)
		return words;
	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	words = json_string(copy);
	free(copy);
	return words;
}

static json_t *
json_count(uint64_t count)
{
	char text[24];

	if (count == UINT64_MAX)
		return json_null();
	if (count <= INT64_MAX)
		return json_integer((json_int_t)count);
	snprintf(text, sizeof(text), "%" PRIu64, count);
	return json_string(text);
}

static json_t *
json_number(int64_t number)
{
	return number == 0 ? json_null() : json_integer(number);
}

/* json_figure - JSON has neither NaN nor infinity. */
static json_t *
json_figure(double real)
{
	return isfinite(real) ? json_real(real) : json_null();
}

/* json_embedded - a document within the document; a text that is none stays text. */
static json_t *
json_embedded(const char *text)
{
	json_t *value = text == NULL ? json_null() : json_loads(text, JSON_DECODE_ANY, NULL);

	return value != NULL ? value : json_words(text);
}

static json_t *
json_column(const struct record *record, const struct column *c)
{
	const void *field = (const char *)record + c->offset;

	switch (c->type) {
	case COLUMN_TEXT:
		return json_words(field);
	case COLUMN_STRING:
		return json_embedded(*(char *const *)field);
	case COLUMN_COUNT:
		return json_count(*(const uint64_t *)field);
	case COLUMN_REAL:
		return json_figure(*(const double *)field);
	case COLUMN_BOOL:
		return json_boolean(*(const bool *)field);
	}
	return NULL;
}

static json_t *
json_phases(const struct record *record)
{
	json_t *phases = json_array();
	bool done = phases != NULL;

	for (unsigned i = 0; done && i < record->phases; i++) {
		const struct record_phase *p = &record->phase[i];

		/* o takes the values over; s copies. */
		done = json_array_append_new(phases, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_words(p->name),
		    "ops", json_count(p->ops), "elapsed_s", json_figure(p->elapsed_s), "mops",
		    json_figure(p->mops), "begin_s", json_figure(p->begin_s), "pause_max_ns",
		    json_count(p->pause_max_ns), "pause_op", json_words(p->pause_op), "pause_cause",
		    json_words(p->pause_cause))) == 0;
	}
	if (done)
		return phases;
	json_decref(phases);
	return NULL;
}

static json_t *
json_trial(const struct store_origin *origin, const struct record *record)
{
	json_t *trial = json_object();
	bool done = trial != NULL;

	for (const struct column *c = record_columns; done && c->name != NULL; c++)
		done = json_object_set_new(trial, c->name, json_column(record, c)) == 0;
	done = done && json_object_set_new(trial, "series", json_number(origin->series_id)) == 0 &&
	    json_object_set_new(trial, "trial_id", json_number(origin->trial_id)) == 0 &&
	    json_object_set_new(trial, "environment", origin->environment_id[0] == '\0' ? json_null() :
	    json_words(origin->environment_id)) == 0 &&
	    json_object_set_new(trial, "phases", json_phases(record)) == 0;
	if (done)
		return trial;
	json_decref(trial);
	return NULL;
}

/* write_json - value on one line, and drop it; false when there is no memory. */
static bool
write_json(FILE *out, json_t *value)
{
	/* 17 digits give every double back; an object keeps the order in which it was filled. */
	char *text = value == NULL ? NULL :
	    json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));

	json_decref(value);
	if (text == NULL)
		return false;
	fputs(text, out);
	free(text);
	return true;
}

/* json_series - without the number of trials, which the reader can count. */
static json_t *
json_series(const struct store_series *series, bool with_number)
{
	json_t *object = json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "uuid", json_words(series->uuid), "started_at",
	    json_words(series->started_at), "state", series_state_names[series->state], "planned_trials",
	    json_count(series->planned_trials), "plan", json_words(series->plan), "command", json_words(series->command));

	if (with_number && object != NULL && json_object_set_new(object, "series", json_number(series->id)) != 0) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

/* write_series - the list of them; false when there is no memory. */
static bool
write_series(FILE *out, const struct store_series *series, size_t serieses, bool with_number)
{
	bool done = true;

	putc('[', out);
	for (size_t i = 0; done && i < serieses; i++) {
		fputs(i > 0 ? ",\n" : "\n", out);
		done = write_json(out, json_series(&series[i], with_number));
	}
	putc(']', out);
	return done;
}

static bool
json_begin(FILE *out, const struct environment *environments, size_t count, const struct store_series *series,
    size_t serieses)
{
	bool done = true;

	fprintf(out, "{\"schema\":%d,\"environments\":{", EXPORT_SCHEMA);
	/* An id is hexadecimal and the document is JSON already. */
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\n\"%s\":%s", i > 0 ? "," : "", environments[i].id, environments[i].json);
	fputs("},\n", out);
	if (serieses > 0) {
		fputs("\"series\":", out);
		done = write_series(out, series, serieses, true);
		fputs(",\n", out);
	}
	fputs("\"trials\":[", out);
	return done;
}

/* HdrHistogram's formats */

/* Every histogram of a trial that has values; false: no memory. */
static bool
hdr_trial(struct export *e, const struct record *record)
{
	for (unsigned i = 0; i < RECORD_HISTOGRAMS; i++) {
		const struct histogram *h = &record->histogram[i];
		char tag[5 * RECORD_TEXT];

		if (h->total + h->lost == 0)
			continue;
		snprintf(tag, sizeof(tag), "%s/%s/%" PRIu64 "/%s/%s/%" PRIu64 "/%s", record->subject, record->workload,
		    record->threads, record->dist, record->mix, record->trial, record_histogram_names[i]);
		if (e->format == EXPORT_HLOG) {
			if (!hdr_log_line(e->out, tag, e->at_s, record->elapsed_s, h))
				return false;
		} else {
			fprintf(e->out, "#[%s]\n", tag);
			hdr_percentiles(e->out, h);
			putc('\n', e->out);
		}
	}
	e->at_s += record->elapsed_s;
	return true;
}

/* All */

bool
export_begin(struct export *e, FILE *out, enum export_what what, enum export_format format,
    const struct environment *environments, size_t count, const struct store_series *series, size_t serieses, char *error,
    size_t size)
{
	misuse_if(format == EXPORT_JSON && what != EXPORT_TRIALS, "export_begin: only trials can be JSON");
	misuse_if((format == EXPORT_HDR || format == EXPORT_HLOG) && what != EXPORT_HISTOGRAMS,
	    "export_begin: only histograms can be hdr or hlog");
	*e = (struct export){ .out = out, .format = format, .what = what };
	errno = 0;
	if (format == EXPORT_JSON) {
		if (!json_begin(out, environments, count, series, serieses)) {
			snprintf(error, size, "cannot write the %s: no memory", kinds[what].name);
			return false;
		}
	} else if (format == EXPORT_HLOG)
		hdr_log_begin(out);
	else if (format == EXPORT_CSV)
		csv_begin(out, what);
	return arrived(out, kinds[what].name, error, size);
}

bool
export_trial(struct export *e, const struct store_origin *origin, const struct record *record, char *error,
    size_t size)
{
	errno = 0;
	if (e->format == EXPORT_CSV) {
		kinds[e->what].rows(e->out, origin, record);
	} else if (e->format != EXPORT_JSON) {
		if (!hdr_trial(e, record)) {
			snprintf(error, size, "cannot write the histograms: no memory");
			return false;
		}
	} else {
		fputs(e->trials > 0 ? ",\n" : "\n", e->out);
		if (!write_json(e->out, json_trial(origin, record))) {
			snprintf(error, size, "cannot write the %s: no memory", kinds[e->what].name);
			return false;
		}
	}
	e->trials++;
	return arrived(e->out, kinds[e->what].name, error, size);
}

bool
export_end(struct export *e, char *error, size_t size)
{
	errno = 0;
	if (e->format == EXPORT_JSON)
		fputs("\n]}\n", e->out);
	return arrived(e->out, kinds[e->what].name, error, size);
}

/* google-benchmark */

bool
export_benchmark_begin(FILE *out, const struct environment *environment, const struct store_series *series,
    size_t serieses, char *error, size_t size)
{
	errno = 0;
	fprintf(out, "{\"context\":{\"json_schema_version\":1,\"executable\":\"" EXPORT_PROGRAM "\",\"library_build_type\":"
	    "\"release\",\"environment\":%s,\n\"series\":", environment->json);
	if (!write_series(out, series, serieses, false)) {
		snprintf(error, size, "cannot write the trials: no memory");
		return false;
	}
	fputs("},\n\"benchmarks\":[", out);
	return arrived(out, "trials", error, size);
}

/* benchmark_columns - every column that has a value and no other place in an entry. */
static bool
benchmark_columns(json_t *entry, const struct record *record)
{
	bool done = true;

	for (const struct column *c = record_columns; done && c->name != NULL; c++) {
		const void *field = (const char *)record + c->offset;
		const char *text = c->type == COLUMN_STRING ? *(char *const *)field : c->type == COLUMN_TEXT ? field : NULL;
		json_t *value;

		/* Options are the label. */
		if (strcmp(c->name, "threads") == 0 || strcmp(c->name, "options") == 0)
			continue;
		/* A text as it is: a document within would come back as another. */
		value = text != NULL ? json_words(text) : json_column(record, c);
		if (json_is_null(value) || (text != NULL && text[0] == '\0'))
			json_decref(value);
		else
			done = json_object_set_new(entry, c->name, value) == 0;
	}
	return done;
}

bool
export_benchmark(FILE *out, const struct store_series *series, const struct record *record, bool first, char *error,
    size_t size)
{
	char name[4 * RECORD_TEXT + 64];
	double ns = (double)record->threads / record->mops * 1e3;
	json_t *entry;

	snprintf(name, sizeof(name), "%s/%s/keys:%" PRIu64 "/%s/%s/threads:%" PRIu64, record->subject, record->workload,
	    record->keys, record->dist, record->mix, record->threads);
	entry = json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:o, s:o, s:s, s:o, s:o, s:o}", "name", json_words(name), "run_name",
	    json_words(name), "run_type", "iteration", "repetition_index", (json_int_t)record->trial - 1, "threads",
	    (json_int_t)record->threads, "iterations", (json_int_t)record->ops, "real_time", json_figure(ns), "cpu_time",
	    json_figure(isnan(record->cpu_ns_per_op) ? ns : record->cpu_ns_per_op), "time_unit", "ns", "items_per_second",
	    json_figure(record->mops * 1e6), "label", json_words(record->options != NULL ? record->options : ""), "series",
	    json_words(series->uuid));
	if (entry != NULL && !benchmark_columns(entry, record)) {
		json_decref(entry);
		entry = NULL;
	}
	errno = 0;
	fputs(first ? "\n" : ",\n", out);
	if (!write_json(out, entry)) {
		snprintf(error, size, "cannot write the trials: no memory");
		return false;
	}
	return arrived(out, "trials", error, size);
}

bool
export_benchmark_end(FILE *out, char *error, size_t size)
{
	errno = 0;
	fputs("\n]}\n", out);
	return arrived(out, "trials", error, size);
}

/* Series */

bool
export_series_begin(FILE *out, char *error, size_t size)
{
	errno = 0;
	fputs("series,uuid,started_at,state,planned_trials,trials,environment,command\n", out);
	return arrived(out, "series", error, size);
}

bool
export_series(FILE *out, const struct store_series *series, char *error, size_t size)
{
	errno = 0;
	csv_number(out, series->id);
	putc(',', out);
	csv_text(out, series->uuid);
	fprintf(out, ",%s,%s,", series->started_at, series_state_names[series->state]);
	csv_count(out, series->planned_trials);
	putc(',', out);
	csv_count(out, series->trials);
	fprintf(out, ",%s,", series->environment_id);
	csv_text(out, series->command);
	putc('\n', out);
	return arrived(out, "series", error, size);
}

/* Points */

#define POINT_TEXT(field) { #field, COLUMN_TEXT, offsetof(struct point, field) }
#define POINT_STRING(field) { #field, COLUMN_STRING, offsetof(struct point, field) }
#define POINT_COUNT(field) { #field, COLUMN_COUNT, offsetof(struct point, field) }
#define POINT_BOOL(field) { #field, COLUMN_BOOL, offsetof(struct point, field) }
#define POINT_REAL(field) { #field, COLUMN_REAL, offsetof(struct point, field) }

static const struct {
	const char *name;
	enum column_type type;
	size_t offset;
} point_columns[] = {
	POINT_TEXT(subject),
	POINT_TEXT(reclaimer),
	POINT_TEXT(workload),
	POINT_COUNT(threads),
	POINT_COUNT(keys),
	POINT_TEXT(dist),
	POINT_TEXT(mix),
	POINT_COUNT(trials),
	POINT_COUNT(valid),
	POINT_REAL(mops_median),
	POINT_REAL(mops_min),
	POINT_REAL(mops_max),
	POINT_REAL(mops_lo),
	POINT_REAL(mops_hi),
	POINT_REAL(mops_coverage),
	POINT_COUNT(looks),
	POINT_REAL(roofline_ratio),
	POINT_REAL(hit_ratio),
	POINT_REAL(jain),
	POINT_REAL(cpu_ns_per_op),
	POINT_REAL(overhead_ns),
	POINT_REAL(thread_min_mops),
	POINT_REAL(thread_max_mops),
	POINT_REAL(cas_failed_per_op),
	POINT_REAL(cas_wait_ns_per_op),
	POINT_TEXT(roles),
	POINT_REAL(reader_mops),
	POINT_REAL(writer_mops),
	POINT_REAL(reader_jain),
	POINT_REAL(writer_jain),
	POINT_REAL(get_p50_ns),
	POINT_REAL(get_p90_ns),
	POINT_REAL(get_p99_ns),
	POINT_REAL(get_p999_ns),
	POINT_REAL(get_max_ns),
	POINT_REAL(update_p50_ns),
	POINT_REAL(update_p90_ns),
	POINT_REAL(update_p99_ns),
	POINT_REAL(update_p999_ns),
	POINT_REAL(update_max_ns),
	POINT_REAL(pending_peak),
	POINT_REAL(pause_max_ns),
	POINT_TEXT(pause_op),
	POINT_TEXT(pause_cause),
	POINT_REAL(pending_mean),
	POINT_REAL(bound_share),
	POINT_REAL(bound_share_peak),
	POINT_REAL(pass_share),
	POINT_REAL(stall_slope),
	POINT_REAL(drain_ns),
	POINT_COUNT(reclaim_trials),
	POINT_REAL(reclaim_p50_ns),
	POINT_REAL(reclaim_p90_ns),
	POINT_REAL(reclaim_p99_ns),
	POINT_REAL(reclaim_p999_ns),
	POINT_REAL(reclaim_max_ns),
	POINT_REAL(reclaim_p50_above_ns),
	POINT_REAL(reclaim_p99_above_ns),
	POINT_REAL(rate),
	POINT_REAL(get_response_p50_ns),
	POINT_REAL(get_response_p99_ns),
	POINT_REAL(get_response_p999_ns),
	POINT_REAL(get_response_max_ns),
	POINT_REAL(update_response_p50_ns),
	POINT_REAL(update_response_p99_ns),
	POINT_REAL(update_response_p999_ns),
	POINT_REAL(update_response_max_ns),
	POINT_REAL(rss_bytes),
	POINT_REAL(cycles_per_op),
	POINT_REAL(instructions_per_op),
	POINT_REAL(cache_misses_per_op),
	POINT_REAL(tlb_misses_per_op),
	POINT_REAL(branch_misses_per_op),
	POINT_TEXT(pin),
	POINT_TEXT(membind),
	POINT_COUNT(disturbed),
	POINT_COUNT(used),
	POINT_BOOL(noisy),
	POINT_COUNT(outliers),
	POINT_REAL(mops_fence_lo),
	POINT_REAL(mops_fence_hi),
	POINT_TEXT(environment),
	POINT_STRING(options),
};

static void
csv_point_value(FILE *out, enum column_type type, const void *field)
{
	switch (type) {
	case COLUMN_TEXT:
		csv_text(out, field);
		return;
	case COLUMN_STRING: {
		const char *string = *(const char *const *)field;

		csv_text(out, string != NULL ? string : "");
		return;
	}
	case COLUMN_COUNT:
		csv_count(out, *(const uint64_t *)field);
		return;
	case COLUMN_REAL:
		/* Some are whole numbers of bytes or ns: 15 digits keep them whole. */
		if (!isnan(*(const double *)field))
			fprintf(out, "%.15g", *(const double *)field);
		return;
	case COLUMN_BOOL:
		fprintf(out, "%d", *(const bool *)field);
		return;
	}
}

bool
export_points_csv(FILE *out, const struct points *points, char *error, size_t size)
{
	const size_t columns = sizeof(point_columns) / sizeof(point_columns[0]);

	errno = 0;
	for (size_t i = 0; i < columns; i++)
		fprintf(out, "%s%s", i > 0 ? "," : "", point_columns[i].name);
	putc('\n', out);
	for (size_t p = 0; p < points_count(points); p++) {
		const char *point = (const char *)points_at(points, p);

		for (size_t i = 0; i < columns; i++) {
			if (i > 0)
				putc(',', out);
			csv_point_value(out, point_columns[i].type, point + point_columns[i].offset);
		}
		putc('\n', out);
	}
	return arrived(out, "points", error, size);
}
