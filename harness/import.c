/*
 * import.c - the document is parsed whole (jansson), then taken apart value by
 * value; where in it we are is kept as text, for the error that may come.
 */
#include "harness/import.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <xxhash.h>

#include "harness/export.h"
#include "harness/file.h"
#include "harness/plain.h"
#include "harness/points.h"
#include "harness/record.h"

#define FILE_MOST ((size_t)1 << 30) /* bytes of text */
#define THREADS_MOST (1u << 20)     /* store.c refuses more, too */

struct reading {
	struct imported *in;
	char place[256];  /* "benchmarks[3].real_time" */
	char uuid[48];    /* of a document whose series have none: made of its content */
	char *error;
	size_t size;
};

/* ---- Errors and places ---- */

static bool wrong(const struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* wrong - "PLACE: what"; always false. */
static bool
wrong(const struct reading *r, const char *format, ...)
{
	char what[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(r->error, r->size, "%s: %s", r->place, what);
	return false;
}

static bool
no_memory(const struct reading *r)
{
	snprintf(r->error, r->size, "no memory");
	return false;
}

static void at(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* at - where we are. */
static void
at(struct reading *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(r->place, sizeof(r->place), format, arguments);
	va_end(arguments);
}

/* ---- Values ---- */

/* is_none - null; or "", which is what no_number() makes of NaN. */
static bool
is_none(const json_t *value)
{
	return value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0);
}

static bool
take_text(const struct reading *r, const json_t *value, char *text, size_t size)
{
	if (!json_is_string(value))
		return wrong(r, "%s", value == NULL ? "is missing" : "is no text");
	if (json_string_length(value) >= size)
		return wrong(r, "is longer than %zu bytes", size - 1);
	snprintf(text, size, "%s", json_string_value(value));
	return true;
}

static bool
take_text_or_none(const struct reading *r, const json_t *value, char *text, size_t size)
{
	return is_none(value) || take_text(r, value, text, size);
}

/* take_count - a whole number, which beyond 2^63 - 1 is a text; none: UINT64_MAX. */
static bool
take_count(const struct reading *r, const json_t *value, uint64_t *count)
{
	const char *digits = json_string_value(value);
	char *end;

	*count = UINT64_MAX;
	if (is_none(value))
		return true;
	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*count = (uint64_t)json_integer_value(value);
		return true;
	}
	if (digits != NULL && digits[strspn(digits, "0123456789")] == '\0') {
		errno = 0;
		*count = strtoull(digits, &end, 10);
		if (errno == 0)
			return true;
	}
	return wrong(r, "is no whole number from 0 up");
}

static bool
take_real(const struct reading *r, const json_t *value, double *real)
{
	*real = NAN;
	if (is_none(value))
		return true;
	if (!json_is_number(value))
		return wrong(r, "is no number");
	*real = json_number_value(value);
	return true;
}

/* take_figure - a number that must be there, from `least` up. */
static bool
take_figure(const struct reading *r, const json_t *value, double least, double *real)
{
	if (value == NULL)
		return wrong(r, "is missing");
	if (!json_is_number(value))
		return wrong(r, "is no number");
	*real = json_number_value(value);
	return *real >= least || wrong(r, "is less than %g", least);
}

/* take_string - a text of any length, or a document within, which becomes its text. */
static bool
take_string(const struct reading *r, const json_t *value, char **string)
{
	free(*string);
	*string = NULL;
	if (value == NULL || json_is_null(value))
		return true;
	*string = json_is_string(value) ? strdup(json_string_value(value)) :
	    json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	return *string != NULL || no_memory(r);
}

static bool
take_column(const struct reading *r, const json_t *value, struct record *record, const struct column *c)
{
	void *field = (char *)record + c->offset;

	switch (c->type) {
	case COLUMN_TEXT:
		return take_text_or_none(r, value, field, c->size);
	case COLUMN_STRING:
		return take_string(r, value, field);
	case COLUMN_COUNT:
		return take_count(r, value, field);
	case COLUMN_REAL:
		return take_real(r, value, field);
	case COLUMN_BOOL:
		if (!json_is_boolean(value))
			return wrong(r, "is neither true nor false");
		*(bool *)field = json_is_true(value);
		return true;
	}
	return false;
}

/* blank_record - in which no column has a value, and no series is kept. NULL: no memory. */
static struct record *
blank_record(void)
{
	struct record *record = record_new(0);

	if (record == NULL)
		return NULL;
	/* They are large, and nobody fills them. */
	free(record->histogram);
	record->histogram = NULL;
	for (const struct column *c = record_columns; c->name != NULL; c++) {
		void *field = (char *)record + c->offset;

		if (c->type == COLUMN_COUNT)
			*(uint64_t *)field = UINT64_MAX;
		else if (c->type == COLUMN_REAL)
			*(double *)field = NAN;
	}
	return record;
}

/* check_record - what the rest of the program takes for granted. place: of the trial. */
static bool
check_record(struct reading *r, const char *place, const struct record *record)
{
	const struct { const char *name; bool good; } needed[] = {
		{ "subject", record->subject[0] != '\0' },
		{ "workload", record->workload[0] != '\0' },
		{ "threads", record->threads > 0 && record->threads <= THREADS_MOST },
		{ "keys", record->keys != UINT64_MAX },
		{ "trial", record->trial > 0 && record->trial != UINT64_MAX },
		{ "position", record->position != UINT64_MAX },
		{ "mops", !record->valid || record->mops >= 0 },
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!needed[i].good) {
			at(r, "%s.%s", place, needed[i].name);
			return wrong(r, "has no value that a trial can have");
		}
	return true;
}

/* ---- What is found ---- */

static struct environment *
add_environment(struct reading *r, char *json)
{
	struct imported *in = r->in;
	struct environment *more = json == NULL ? NULL :
	    realloc(in->environment, (in->environments + 1) * sizeof(*more));

	if (more == NULL) {
		free(json);
		(void)no_memory(r);
		return NULL;
	}
	in->environment = more;
	environment_adopt(&more[in->environments], json);
	return &more[in->environments++];
}

static struct store_addition *
add_series(struct reading *r, const char *uuid, const char *command)
{
	struct imported *in = r->in;
	struct store_addition *more = realloc(in->series, (in->serieses + 1) * sizeof(*more));
	char *copy = strdup(command);

	if (more != NULL)
		in->series = more;
	if (more == NULL || copy == NULL) {
		free(copy);
		(void)no_memory(r);
		return NULL;
	}
	more += in->serieses++;
	*more = (struct store_addition){ .about = { .command = copy, .state = SERIES_COMPLETE } };
	snprintf(more->about.uuid, sizeof(more->about.uuid), "%s", uuid);
	return more;
}

/* add_record - takes the record over, in any case. */
static bool
add_record(const struct reading *r, struct store_addition *series, struct record *record)
{
	/* The array grows by doubling, whenever the count is a power of two. */
	if ((series->records & (series->records - 1)) == 0) {
		size_t room = series->records == 0 ? 1 : 2 * series->records;
		struct record **more = realloc(series->record, room * sizeof(struct record *));

		if (more == NULL) {
			record_free(record);
			return no_memory(r);
		}
		series->record = more;
	}
	series->record[series->records++] = record;
	r->in->failed += !record->valid;
	return true;
}

/* add_word - to a list of names, each once. */
static bool
add_word(const struct reading *r, char **list, const char *word)
{
	size_t length = strlen(word);
	char *more;

	for (const char *found = *list; found != NULL && (found = strstr(found, word)) != NULL; found++)
		if ((found == *list || found[-1] == ' ') && (found[length] == ',' || found[length] == '\0'))
			return true;
	if (asprintf(&more, "%s%s%s", *list != NULL ? *list : "", *list != NULL ? ", " : "", word) < 0)
		return no_memory(r);
	plain_text(more); /* a list in one line */
	free(*list);
	*list = more;
	return true;
}

/* ---- Series, as both of our own formats list them ---- */

static bool
take_series(struct reading *r, const json_t *object, const char *place, struct store_addition **added)
{
	char uuid[sizeof((*added)->about.uuid)];
	const char *state = json_string_value(json_object_get(object, "state"));
	struct store_series *about;
	unsigned found = SERIES_RUNNING;

	at(r, "%s.uuid", place);
	if (!take_text(r, json_object_get(object, "uuid"), uuid, sizeof(uuid)))
		return false;
	for (size_t i = 0; i < r->in->serieses; i++)
		if (strcmp(r->in->series[i].about.uuid, uuid) == 0)
			return wrong(r, "is there twice");
	at(r, "%s.command", place);
	if (!json_is_string(json_object_get(object, "command")))
		return wrong(r, "is no text");
	*added = add_series(r, uuid, json_string_value(json_object_get(object, "command")));
	if (*added == NULL)
		return false;
	about = &(*added)->about;
	at(r, "%s.state", place);
	while (found <= SERIES_INTERRUPTED && (state == NULL || strcmp(state, series_state_names[found]) != 0))
		found++;
	if (found > SERIES_INTERRUPTED)
		return wrong(r, "is none of %s, %s, %s", series_state_names[0], series_state_names[1], series_state_names[2]);
	about->state = (enum series_state)found;
	at(r, "%s.started_at", place);
	if (!take_text(r, json_object_get(object, "started_at"), about->started_at, sizeof(about->started_at)))
		return false;
	at(r, "%s.plan", place);
	if (!take_text(r, json_object_get(object, "plan"), about->plan, sizeof(about->plan)))
		return false;
	at(r, "%s.planned_trials", place);
	return take_count(r, json_object_get(object, "planned_trials"), &about->planned_trials);
}

/* ---- google-benchmark ---- */

/* The members of an entry that are the library's; all others are counters. */
static const char *const entry_members[] = { "name", "family_index", "per_family_instance_index", "run_name", "run_type",
	"repetitions", "repetition_index", "threads", "iterations", "real_time", "cpu_time", "time_unit", "items_per_second",
	"bytes_per_second", "label", "error_occurred", "error_message", "skipped", "skip_message", "aggregate_name",
	"aggregate_unit", "cpu_coefficient", "real_coefficient", "big_o", "rms", "allocs_per_iter", "max_bytes_used",
	"total_allocated_bytes", "net_heap_growth", NULL };

static bool
is_word_of(const char *const *list, const char *word)
{
	while (*list != NULL && strcmp(*list, word) != 0)
		list++;
	return *list != NULL;
}

/* without_suffix - how long the name is without "_mean" and the like; 0: it has no such ending. */
static size_t
without_suffix(const char *name)
{
	static const char *const suffix[] = { "_mean", "_median", "_stddev", "_cv", "_BigO", "_RMS" };
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		size_t n = strlen(suffix[i]);

		if (length > n && strcmp(name + length - n, suffix[i]) == 0)
			return length - n;
	}
	return 0;
}

/* is_aggregate - old versions have no run_type: there it is told by the name, if another entry has the name without the ending. */
static bool
is_aggregate(const json_t *entries, const json_t *entry)
{
	const char *type = json_string_value(json_object_get(entry, "run_type"));
	const char *name = json_string_value(json_object_get(entry, "name"));
	size_t length = type == NULL && name != NULL ? without_suffix(name) : 0, i;
	json_t *other;

	if (length == 0)
		return type != NULL && strcmp(type, "aggregate") == 0;
	json_array_foreach((json_t *)(uintptr_t)entries, i, other) {
		const char *base = json_string_value(json_object_get(other, "name"));

		if (base != NULL && strlen(base) == length && strncmp(base, name, length) == 0)
			return true;
	}
	return false;
}

/* cut_number - take "/KEY:N" out of a name; 0: it is not there. False: what follows is no number. */
static bool
cut_number(char *name, const char *key, uint64_t *number)
{
	char *from = strstr(name, key), *end;

	*number = 0;
	if (from == NULL)
		return true;
	errno = 0;
	*number = strtoull(from + strlen(key), &end, 10);
	if (errno != 0 || end == from + strlen(key) || (*end != '\0' && *end != '/'))
		return false;
	memmove(from, end, strlen(end) + 1);
	return true;
}

/* split - name at its slashes, at most `most` parts, the last with the rest. What the library adds about its clock is no part. */
static size_t
split(char *name, char **part, size_t most)
{
	static const char *const clocks[] = { "real_time", "manual_time", "process_time", NULL };
	size_t parts = 0;

	for (char *next = name; parts < most && next != NULL; parts++) {
		part[parts] = next;
		next = parts + 1 < most ? strchr(next, '/') : NULL;
		if (next != NULL)
			*next++ = '\0';
	}
	while (parts > 0 && is_word_of(clocks, part[parts - 1]))
		parts--;
	return parts;
}

/* take_name - subject, workload, keys, dist and mix, and the threads that the name tells (0: none). */
static bool
take_name(struct reading *r, const char *place, const json_t *entry, struct record *record, uint64_t *threads)
{
	const char *member = json_object_get(entry, "run_name") != NULL ? "run_name" : "name";
	char name[8 * RECORD_TEXT], *part[8];
	uint64_t repeats;
	size_t parts;

	at(r, "%s.%s", place, member);
	if (!take_text(r, json_object_get(entry, member), name, sizeof(name)))
		return false;
	/* How often it was repeated does not make it another. */
	if (!cut_number(name, "/threads:", threads) || !cut_number(name, "/repeats:", &repeats))
		return wrong(r, "has a number of threads or repeats that is none");
	if (name[0] == '\0')
		return wrong(r, "is empty");
	snprintf(record->workload, sizeof(record->workload), "%s", IMPORT_WORKLOAD);
	record->keys = 0;
	if ((size_t)snprintf(record->subject, sizeof(record->subject), "%s", name) >= sizeof(record->subject))
		record->subject[0] = '\0';
	/* SUBJECT/WORKLOAD/keys:N/DIST/MIX */
	parts = split(name, part, sizeof(part) / sizeof(part[0]));
	if (parts == 5 && strncmp(part[2], "keys:", 5) == 0 && part[2][5] != '\0' &&
	    part[2][5 + strspn(part[2] + 5, "0123456789")] == '\0') {
		const struct { char *to; size_t size; const char *from; } texts[] = {
			{ record->subject, sizeof(record->subject), part[0] }, { record->workload, sizeof(record->workload), part[1] },
			{ record->dist, sizeof(record->dist), part[3] }, { record->mix, sizeof(record->mix), part[4] },
		};

		errno = 0;
		record->keys = strtoull(part[2] + 5, NULL, 10);
		if (errno != 0)
			return wrong(r, "has a number of keys that is too large");
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			if ((size_t)snprintf(texts[i].to, texts[i].size, "%s", texts[i].from) >= texts[i].size)
				return wrong(r, "has a part longer than %zu bytes", texts[i].size - 1);
	} else if (record->subject[0] == '\0') {
		return wrong(r, "is longer than %d bytes", RECORD_TEXT - 1);
	}
	return true;
}

static bool
take_threads(struct reading *r, const char *place, const json_t *entry, uint64_t named, struct record *record)
{
	const json_t *member = json_object_get(entry, "threads");

	record->threads = named != 0 ? named : 1;
	at(r, "%s.threads", place);
	if (member != NULL && (!take_count(r, member, &record->threads) ||
	    (named != 0 && record->threads != named && !wrong(r, "contradicts the name"))))
		return false;
	return (record->threads > 0 && record->threads <= THREADS_MOST) || wrong(r, "is no number of threads");
}

/* ns_of - what a time in this entry has to be multiplied by; 0 and an error: no unit. */
static double
ns_of(struct reading *r, const char *place, const json_t *entry)
{
	static const struct { const char *name; double ns; } unit[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	const char *text = json_string_value(json_object_get(entry, "time_unit"));

	for (size_t i = 0; text != NULL && i < sizeof(unit) / sizeof(unit[0]); i++)
		if (strcmp(text, unit[i].name) == 0)
			return unit[i].ns;
	at(r, "%s.time_unit", place);
	(void)wrong(r, "is none of ns, us, ms, s");
	return 0;
}

/*
 * per_thread_times - does real_time run on each thread? Up to 1.8 it was divided by their number, so
 * that all iterations / real_time is the throughput of all of them (google/benchmark#1836).
 */
static bool
per_thread_times(const json_t *context)
{
	const char *version = json_string_value(json_object_get(context, "library_version"));
	unsigned major = 0, minor = 0;

	if (version != NULL)
		(void)sscanf(version + (version[0] == 'v'), "%u.%u", &major, &minor);
	return major > 1 || (major == 1 && minor >= 9);
}

/* take_times - throughput and processor time of an entry without an error. */
static bool
take_times(struct reading *r, const char *place, const json_t *context, const json_t *entry, struct record *record)
{
	double unit = ns_of(r, place, entry), real = 0, cpu = 0, iterations = 0, items = NAN, each = 1, per_second;
	/* Items are counted against this clock, told in the name. */
	const char *name = json_string_value(json_object_get(entry, "name"));
	bool wall = name != NULL && (strstr(name, "/real_time") != NULL || strstr(name, "/manual_time") != NULL);

	if (unit == 0)
		return false;
	at(r, "%s.real_time", place);
	if (!take_figure(r, json_object_get(entry, "real_time"), 0, &real))
		return false;
	if (real == 0)
		return wrong(r, "is 0: no throughput can be told");
	at(r, "%s.cpu_time", place);
	if (!take_figure(r, json_object_get(entry, "cpu_time"), 0, &cpu))
		return false;
	at(r, "%s.iterations", place);
	if (!take_figure(r, json_object_get(entry, "iterations"), 1, &iterations))
		return false;
	at(r, "%s.items_per_second", place);
	if (!take_real(r, json_object_get(entry, "items_per_second"), &items))
		return false;
	real *= unit;
	cpu *= unit;
	per_second = 1e9 / real * (per_thread_times(context) ? (double)record->threads : 1);
	if (items > 0 && (wall || cpu > 0))
		each = wall ? items / per_second : items * cpu / 1e9;
	record->mops = per_second * each / 1e6;
	record->cpu_ns_per_op = cpu / each;
	record->elapsed_s = iterations / per_second;
	record->ops = iterations * each < 0x1p63 ? (uint64_t)llround(iterations * each) : UINT64_MAX;
	if (isfinite(record->mops) && isfinite(record->cpu_ns_per_op))
		return true;
	at(r, "%s", place);
	return wrong(r, "its times give no throughput");
}

/* take_counters - those that are figures of ours; of the others, the names. */
static bool
take_counters(struct reading *r, const char *place, const json_t *entry, struct record *record)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)entry, name, value) {
		const struct column *c = is_word_of(points_figure_names, name) ? record_column(name) : NULL;

		at(r, "%s.%s", place, name);
		if (is_word_of(entry_members, name))
			continue;
		if (c == NULL || strcmp(name, "mops") == 0 || strcmp(name, "cpu_ns_per_op") == 0) {
			if (!add_word(r, &r->in->counters, name))
				return false;
		} else if (c->type == COLUMN_COUNT && json_is_real(value)) {
			double real = json_real_value(value);

			/* All counters are real numbers there. */
			if (!(real >= 0 && real < 0x1p63))
				return wrong(r, "is no number of %s", name);
			*(uint64_t *)(void *)((char *)record + c->offset) = (uint64_t)llround(real);
		} else if (!take_column(r, value, record, c)) {
			return false;
		}
	}
	return true;
}

/* take_label - as the only option: runs that are labelled otherwise are other runs. */
static bool
take_label(struct reading *r, const char *place, const json_t *entry, struct record *record)
{
	json_t *label = json_object_get(entry, "label"), *options;

	at(r, "%s.label", place);
	if (label == NULL)
		return true;
	if (!json_is_string(label))
		return wrong(r, "is no text");
	options = json_pack("{s:O}", "label", label);
	record->options = options != NULL ? json_dumps(options, JSON_COMPACT) : NULL;
	json_decref(options);
	return record->options != NULL || no_memory(r);
}

/* take_error - an entry that failed, with its reason. */
static bool
take_error(struct reading *r, const char *place, const json_t *entry, struct record *record)
{
	const char *why = json_string_value(json_object_get(entry, "error_message"));

	record->valid = !json_is_true(json_object_get(entry, "error_occurred"));
	if (record->valid)
		return true;
	at(r, "%s.error_message", place);
	if (why == NULL)
		return wrong(r, "is no text");
	/* It is for people; the record has room for so much. */
	if ((size_t)snprintf(record->why, sizeof(record->why), "%s", why) >= sizeof(record->why))
		memcpy(record->why + sizeof(record->why) - 4, "...", 4);
	if (why[0] == '\0')
		snprintf(record->why, sizeof(record->why), "error_occurred");
	return true;
}

/* number_trial - repetition_index, or how many of the same there are already. */
static bool
number_trial(struct reading *r, const char *place, const json_t *entry, const struct store_addition *series,
    struct record *record)
{
	const json_t *index = json_object_get(entry, "repetition_index");

	record->trial = 1;
	at(r, "%s.repetition_index", place);
	if (index != NULL) {
		if (!take_count(r, index, &record->trial))
			return false;
		record->trial++;
		return (record->trial > 0 && record->trial < INT64_MAX) || wrong(r, "is too large");
	}
	for (size_t i = 0; i < series->records; i++) {
		const struct record *other = series->record[i];

		record->trial += other->threads == record->threads && other->keys == record->keys &&
		    strcmp(other->subject, record->subject) == 0 && strcmp(other->workload, record->workload) == 0 &&
		    strcmp(other->dist, record->dist) == 0 && strcmp(other->mix, record->mix) == 0 &&
		    strcmp(other->options != NULL ? other->options : "", record->options != NULL ? record->options : "") == 0;
	}
	return true;
}

/* foreign_entry - an entry of another program. */
static bool
foreign_entry(struct reading *r, const json_t *context, const json_t *entry, size_t number, struct store_addition *series)
{
	struct record *record = blank_record();
	char place[64];
	uint64_t threads;

	if (record == NULL)
		return no_memory(r);
	snprintf(place, sizeof(place), "benchmarks[%zu]", number);
	record->position = number;
	if (take_name(r, place, entry, record, &threads) && take_threads(r, place, entry, threads, record) &&
	    take_label(r, place, entry, record) && number_trial(r, place, entry, series, record) &&
	    take_error(r, place, entry, record) && (!record->valid || take_times(r, place, context, entry, record)) &&
	    take_counters(r, place, entry, record) && check_record(r, place, record))
		return add_record(r, series, record);
	record_free(record);
	return false;
}

/*
 * foreign_environment - what the context tells, in environment.h's terms where it has them. Not in
 * it, as there: the host's name and paths; nor what differs from run to run.
 */
static char *
foreign_environment(const json_t *context)
{
	json_t *rest = json_copy((json_t *)(uintptr_t)context), *document;
	const char *program = json_string_value(json_object_get(context, "executable"));
	json_t *pus = json_object_get(context, "num_cpus");
	const char *slash = program != NULL ? strrchr(program, '/') : NULL;
	char *text;

	json_object_del(rest, "host_name");
	json_object_del(rest, "date");
	json_object_del(rest, "load_avg");
	if (slash != NULL)
		json_object_set_new(rest, "executable", json_string(slash + 1));
	document = json_pack("{s:{s:O*}, s:o*}", "cpu", "pus", json_is_integer(pus) ? pus : NULL, IMPORT_WORKLOAD, rest);
	text = document != NULL ? json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
	json_decref(document);
	return text;
}

/* started - the context's date, 2026-01-31T12:00:00+01:00, in UTC; "" if it is of another form. */
static void
started(const json_t *context, char *text, size_t size)
{
	const char *date = json_string_value(json_object_get(context, "date"));
	struct tm tm = { .tm_year = 0 };
	int hours = 0, minutes = 0;
	char sign = '+';
	time_t when;

	text[0] = '\0';
	if (date == NULL || sscanf(date, "%4d-%2d-%2dT%2d:%2d:%2d%c%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
	    &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &sign, &hours, &minutes) < 6)
		return;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	when = timegm(&tm) - (sign == '-' ? -1 : 1) * (hours * 60 + minutes) * 60;
	if (gmtime_r(&when, &tm) != NULL)
		strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool
foreign(struct reading *r, const json_t *context, const json_t *entries)
{
	const char *program = json_string_value(json_object_get(context, "executable"));
	struct environment *environment = add_environment(r, foreign_environment(context));
	struct store_addition *series;
	json_t *entry;
	size_t i;

	if (environment == NULL)
		return false;
	/* Without its folder, as in the environment. */
	series = add_series(r, r->uuid, program == NULL ? IMPORT_WORKLOAD :
	    strrchr(program, '/') != NULL ? strrchr(program, '/') + 1 : program);
	if (series == NULL)
		return false;
	series->environment = environment;
	started(context, series->about.started_at, sizeof(series->about.started_at));
	json_array_foreach((json_t *)(uintptr_t)entries, i, entry) {
		at(r, "benchmarks[%zu]", i);
		if (!json_is_object(entry))
			return wrong(r, "is no object");
		if (is_aggregate(entries, entry))
			r->in->aggregates++;
		else if (json_is_true(json_object_get(entry, "skipped")))
			r->in->skipped++;
		else if (!foreign_entry(r, context, entry, i, series))
			return false;
	}
	series->about.planned_trials = series->records;
	at(r, "benchmarks");
	return series->records > 0 || wrong(r, "there is no single run%s", r->in->aggregates > 0 ?
	    ", only aggregates: run without --benchmark_report_aggregates_only" : "");
}

/* own_entry - an entry that export_benchmark() wrote. */
static bool
own_entry(struct reading *r, const json_t *entry, size_t number)
{
	/* The library's members that say nothing beyond the columns. */
	static const char *const beside[] = { "name", "run_name", "run_type", "repetition_index", "iterations", "real_time",
		"cpu_time", "time_unit", "items_per_second", "series", NULL };
	const char *uuid = json_string_value(json_object_get(entry, "series")), *name;
	struct record *record = blank_record();
	char place[64];
	json_t *value;
	size_t i = 0;
	bool good = true;

	if (record == NULL)
		return no_memory(r);
	snprintf(place, sizeof(place), "benchmarks[%zu]", number);
	json_object_foreach((json_t *)(uintptr_t)entry, name, value) {
		const struct column *c = record_column(strcmp(name, "label") == 0 ? "options" : name);

		at(r, "%s.%s", place, name);
		if (is_word_of(beside, name))
			continue;
		good = c != NULL ? take_column(r, value, record, c) : wrong(r, "is no column of this hamtbench");
		if (!good)
			break;
	}
	/* No options are an empty label. */
	if (record->options != NULL && record->options[0] == '\0') {
		free(record->options);
		record->options = NULL;
	}
	while (uuid != NULL && i < r->in->serieses && strcmp(r->in->series[i].about.uuid, uuid) != 0)
		i++;
	if (good && (uuid == NULL || i == r->in->serieses)) {
		at(r, "%s.series", place);
		good = wrong(r, "is none of context.series");
	}
	if (good && check_record(r, place, record))
		return add_record(r, &r->in->series[i], record);
	record_free(record);
	return false;
}

static bool
own_benchmarks(struct reading *r, const json_t *context, const json_t *entries)
{
	const json_t *document = json_object_get(context, "environment");
	struct environment *environment;
	json_t *object;
	size_t i;

	at(r, "context.environment");
	if (!json_is_object(document))
		return wrong(r, "is no object");
	environment = add_environment(r, json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)));
	if (environment == NULL)
		return false;
	json_array_foreach(json_object_get(context, "series"), i, object) {
		struct store_addition *series = NULL;
		char place[64];

		snprintf(place, sizeof(place), "context.series[%zu]", i);
		if (!take_series(r, object, place, &series))
			return false;
		series->environment = environment;
	}
	json_array_foreach((json_t *)(uintptr_t)entries, i, object) {
		at(r, "benchmarks[%zu]", i);
		if (!(json_is_object(object) ? own_entry(r, object, i) : wrong(r, "is no object")))
			return false;
	}
	return true;
}

static bool
benchmarks(struct reading *r, const json_t *document)
{
	const json_t *context = json_object_get(document, "context"), *entries = json_object_get(document, "benchmarks");
	const json_t *schema = json_object_get(context, "json_schema_version");
	const char *program = json_string_value(json_object_get(context, "executable"));

	at(r, "context");
	if (context != NULL && !json_is_object(context))
		return wrong(r, "is no object");
	at(r, "context.json_schema_version");
	if (schema != NULL && (!json_is_integer(schema) || json_integer_value(schema) != 1))
		return wrong(r, "is not 1, all that this hamtbench knows");
	at(r, "benchmarks");
	if (!json_is_array(entries))
		return wrong(r, "is no list");
	return program != NULL && strcmp(program, EXPORT_PROGRAM) == 0 && json_is_array(json_object_get(context, "series")) ?
	    own_benchmarks(r, context, entries) : foreign(r, context, entries);
}

/* ---- hamtbench's JSON ---- */

/* series_of - of a trial, by the number that the exporting file had for it; made up if the document does not list it. */
static struct store_addition *
series_of(struct reading *r, int64_t number)
{
	struct store_addition *series;
	char uuid[80];

	for (size_t i = 0; i < r->in->serieses; i++)
		if (r->in->series[i].about.id == number)
			return &r->in->series[i];
	snprintf(uuid, sizeof(uuid), "%s-%" PRId64, r->uuid, number);
	series = add_series(r, uuid, EXPORT_PROGRAM);
	if (series != NULL)
		series->about.id = number;
	return series;
}

static bool
take_phases(struct reading *r, const char *place, const json_t *phases, struct record *record)
{
	json_t *object;
	size_t i;

	at(r, "%s.phases", place);
	if (phases != NULL && (!json_is_array(phases) || json_array_size(phases) > PLAN_PHASES))
		return wrong(r, "is no list of at most %d phases", PLAN_PHASES);
	json_array_foreach((json_t *)(uintptr_t)phases, i, object) {
		struct record_phase *p = &record->phase[record->phases++];

		at(r, "%s.phases[%zu]", place, i);
		if (!take_text(r, json_object_get(object, "name"), p->name, sizeof(p->name)) ||
		    !take_count(r, json_object_get(object, "ops"), &p->ops) ||
		    !take_real(r, json_object_get(object, "elapsed_s"), &p->elapsed_s) ||
		    !take_real(r, json_object_get(object, "mops"), &p->mops) ||
		    !take_real(r, json_object_get(object, "begin_s"), &p->begin_s) ||
		    !take_count(r, json_object_get(object, "pause_max_ns"), &p->pause_max_ns) ||
		    !take_text_or_none(r, json_object_get(object, "pause_op"), p->pause_op, sizeof(p->pause_op)) ||
		    !take_text_or_none(r, json_object_get(object, "pause_cause"), p->pause_cause, sizeof(p->pause_cause)))
			return false;
	}
	return true;
}

/* place_trial - find the series and say in which environment it was measured. */
static struct store_addition *
place_trial(struct reading *r, const char *place, const json_t *trial)
{
	const char *id = json_string_value(json_object_get(trial, "environment"));
	struct imported *in = r->in;
	struct store_addition *series;
	uint64_t number;
	size_t i = 0;

	at(r, "%s.series", place);
	if (!take_count(r, json_object_get(trial, "series"), &number))
		return NULL;
	at(r, "%s.environment", place);
	while (id != NULL && i < in->environments && strcmp(in->environment[i].id, id) != 0)
		i++;
	if (id == NULL || i == in->environments) {
		(void)wrong(r, "is none of environments");
		return NULL;
	}
	/* No number: all such trials are one series. */
	series = series_of(r, number <= INT64_MAX ? (int64_t)number : 0);
	if (series != NULL && series->environment != NULL && series->environment != &in->environment[i]) {
		(void)wrong(r, "is another than that of its series");
		return NULL;
	}
	if (series != NULL)
		series->environment = &in->environment[i];
	return series;
}

static bool
take_trial(struct reading *r, const json_t *trial, size_t number)
{
	static const char *const beside[] = { "series", "trial_id", "environment", "phases", NULL };
	struct record *record = blank_record();
	struct store_addition *series;
	const char *name;
	char place[64];
	json_t *value;
	bool good = true;

	if (record == NULL)
		return no_memory(r);
	snprintf(place, sizeof(place), "trials[%zu]", number);
	at(r, "%s", place);
	if (!json_is_object(trial))
		good = wrong(r, "is no object");
	json_object_foreach((json_t *)(uintptr_t)trial, name, value) {
		const struct column *c = record_column(name);

		at(r, "%s.%s", place, name);
		if (good && !is_word_of(beside, name))
			good = c != NULL ? take_column(r, value, record, c) : wrong(r, "is no column of this hamtbench");
	}
	good = good && check_record(r, place, record) && take_phases(r, place, json_object_get(trial, "phases"), record);
	series = good ? place_trial(r, place, trial) : NULL;
	if (series != NULL)
		return add_record(r, series, record);
	record_free(record);
	return false;
}

static bool
own_trials(struct reading *r, const json_t *document)
{
	const json_t *trials = json_object_get(document, "trials"), *schema = json_object_get(document, "schema");
	json_t *environments = json_object_get(document, "environments"), *value;
	struct imported *in = r->in;
	const char *id;
	size_t i, kept = 0;

	at(r, "schema");
	if (!json_is_integer(schema) || json_integer_value(schema) != EXPORT_SCHEMA)
		return wrong(r, "is not %d, all that this hamtbench knows", EXPORT_SCHEMA);
	at(r, "environments");
	if (!json_is_object(environments))
		return wrong(r, "is no object");
	json_object_foreach(environments, id, value) {
		struct environment *e = add_environment(r, json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17) |
		    JSON_ENCODE_ANY));

		if (e == NULL)
			return false;
		at(r, "environments.%s", id);
		if (strcmp(e->id, id) != 0)
			return wrong(r, "is not what its id was made from: it has been changed");
	}
	json_array_foreach(json_object_get(document, "series"), i, value) {
		struct store_addition *series = NULL;
		char place[64];
		uint64_t number;

		snprintf(place, sizeof(place), "series[%zu]", i);
		if (!take_series(r, value, place, &series))
			return false;
		at(r, "%s.series", place);
		if (!take_count(r, json_object_get(value, "series"), &number))
			return false;
		series->about.id = number <= INT64_MAX ? (int64_t)number : 0;
	}
	at(r, "trials");
	if (!json_is_array(trials))
		return wrong(r, "is no list");
	json_array_foreach((json_t *)(uintptr_t)trials, i, value)
		if (!take_trial(r, value, i))
			return false;
	/* Nothing tells the environment of a series without trials. */
	for (i = 0; i < in->serieses; i++) {
		if (in->series[i].records == 0)
			free((char *)(uintptr_t)in->series[i].about.command);
		else
			in->series[kept++] = in->series[i];
	}
	in->serieses = kept;
	at(r, "trials");
	return kept > 0 || wrong(r, "there is none");
}

/* ---- All ---- */

/* no_number - outside of texts, NaN and Infinity, which google-benchmark writes and JSON does not know, become "". */
static void
no_number(char *text, size_t length)
{
	bool inside = false;

	for (size_t i = 0; i < length; i++) {
		static const char *const word[] = { "-NaN", "NaN", "-Infinity", "Infinity" };

		if (inside && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			inside = !inside;
		for (size_t k = 0; !inside && k < sizeof(word) / sizeof(word[0]) && i < length; k++) {
			size_t n = strlen(word[k]);

			if (length - i >= n && memcmp(text + i, word[k], n) == 0) {
				/* Of the same length: columns stay what they are. */
				memset(text + i, ' ', n);
				memset(text + i, '"', 2);
				i += n - 1;
				break;
			}
		}
	}
}

bool
import_text(const char *text, size_t length, struct imported *in, char *error, size_t size)
{
	struct reading r = { .in = in, .error = error, .size = size };
	XXH128_hash_t hash = XXH3_128bits(text, length);
	json_error_t said;
	json_t *document;
	char *copy;
	bool good;

	*in = (struct imported){ .environments = 0 };
	snprintf(r.uuid, sizeof(r.uuid), "import-%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
	copy = malloc(length + 1);
	if (copy == NULL)
		return no_memory(&r);
	memcpy(copy, text, length);
	no_number(copy, length);
	document = json_loadb(copy, length, JSON_REJECT_DUPLICATES, &said);
	free(copy);
	if (document == NULL) {
		snprintf(error, size, "line %d, column %d: %s", said.line, said.column, said.text);
		return false;
	}
	at(&r, "the document");
	good = json_object_get(document, "benchmarks") != NULL ? benchmarks(&r, document) :
	    json_object_get(document, "trials") != NULL ? own_trials(&r, document) :
	    wrong(&r, "has neither \"benchmarks\" (google-benchmark) nor \"trials\" (hamtbench export --format json)");
	json_decref(document);
	return good;
}

bool
import_file(const char *path, struct imported *in, char *error, size_t size)
{
	unsigned char *text;
	char said[512];
	size_t length;
	bool good;

	*in = (struct imported){ .environments = 0 };
	text = file_read_unpacked(path, FILE_MOST, &length, error, size);
	if (text == NULL)
		return false;
	good = import_text((const char *)text, length, in, said, sizeof(said));
	free(text);
	if (!good)
		snprintf(error, size, "%s: %s", path, said);
	return good;
}

void
imported_free(struct imported *in)
{
	for (size_t i = 0; i < in->serieses; i++) {
		for (size_t k = 0; k < in->series[i].records; k++)
			record_free(in->series[i].record[k]);
		free(in->series[i].record);
		free((char *)(uintptr_t)in->series[i].about.command);
	}
	for (size_t i = 0; i < in->environments; i++)
		environment_free(&in->environment[i]);
	free(in->environment);
	free(in->series);
	free(in->counters);
	*in = (struct imported){ .environments = 0 };
}
