/* test_export.c - a reader that keeps to the rules gets every value back, and a full disk is noticed. */
/* not under tsan: one thread */
#include "harness/export.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include <jansson.h>

#include "core/tests/check.h"
#include "harness/tests/random_record.h"

static char error[512];
static const struct store_origin origin = { .trial_id = 7, .series_id = 3,
	.environment_id = "0123456789abcdef0123456789abcdef" };
static const struct store_origin nowhere = { .trial_id = 0 };

static size_t
columns(void)
{
	size_t n = 0;

	while (record_columns[n].name != NULL)
		n++;
	return n;
}

/* exported - the whole document for these records; to be freed. */
static char *
exported(enum export_what what, enum export_format format, struct record *const *record, size_t count)
{
	struct environment environment = { .json = NULL };
	struct export e;
	char *text = NULL, json[] = "{\"cpu\":{\"model\":\"test\"}}";
	size_t length;
	FILE *out = open_memstream(&text, &length);

	CHECK(out != NULL);
	environment.json = json;
	memcpy(environment.id, origin.environment_id, sizeof(environment.id));
	CHECK(export_begin(&e, out, what, format, &environment, 1, NULL, 0, error, sizeof(error)));
	for (size_t i = 0; i < count; i++)
		CHECK(export_trial(&e, i == 0 ? &origin : &nowhere, record[i], error, sizeof(error)));
	CHECK(export_end(&e, error, sizeof(error)));
	CHECK_EQ(e.trials, count);
	CHECK(fclose(out) == 0);
	return text;
}

/* A reader of RFC 4180: takes one field off *at into field; returns what ended it: ',' '\n' or 0. */
static char
next_field(const char **at, char *field, size_t size)
{
	const char *p = *at;
	bool quoted = *p == '"';
	size_t n = 0;

	p += quoted;
	while (*p != '\0' && (quoted || (*p != ',' && *p != '\n'))) {
		CHECK(quoted || *p != '"');
		if (quoted && *p == '"') {
			if (p[1] != '"')
				break;
			p++;
		}
		CHECK(n + 1 < size);
		field[n++] = *p++;
	}
	field[n] = '\0';
	if (quoted)
		CHECK(*p++ == '"');
	CHECK(*p == ',' || *p == '\n' || *p == '\0');
	*at = *p == '\0' ? p : p + 1;
	return *p;
}

static void
expect_field(const char **at, const char *wanted, char end)
{
	char field[1024];
	char ended = next_field(at, field, sizeof(field));

	if (strcmp(field, wanted) != 0 || ended != end)
		fprintf(stderr, "# wanted %s, got %s\n", wanted, field);
	CHECK(strcmp(field, wanted) == 0 && ended == end);
}

static void
csv_gives_every_column_back(void)
{
	enum { RECORDS = 30 };
	struct record *record[RECORDS];
	struct random random;
	const char *at;
	char *text;

	random_seed(&random, check_seed, 0);
	for (unsigned i = 0; i < RECORDS; i++)
		record[i] = random_record(&random, 2, 0);
	at = text = exported(EXPORT_TRIALS, EXPORT_CSV, record, RECORDS);
	for (size_t c = 0; c < columns(); c++)
		expect_field(&at, record_columns[c].name, ',');
	expect_field(&at, "series", ',');
	expect_field(&at, "trial_id", ',');
	expect_field(&at, "environment", '\n');
	for (unsigned i = 0; i < RECORDS; i++) {
		for (size_t c = 0; c < columns(); c++) {
			char wanted[RECORD_TEXT + 1];

			record_column_text(record[i], &record_columns[c], wanted, sizeof(wanted));
			expect_field(&at, wanted, ',');
		}
		expect_field(&at, i == 0 ? "3" : "", ',');
		expect_field(&at, i == 0 ? "7" : "", ',');
		expect_field(&at, i == 0 ? origin.environment_id : "", '\n');
		record_free(record[i]);
	}
	CHECK(*at == '\0');
	free(text);
}

/* The plain case, byte by byte: nothing is in quotes that need not be. */
static void
csv_quotes_only_what_it_must(void)
{
	struct record *record = record_new(1);
	char *text, *row;

	CHECK(record != NULL);
	snprintf(record->subject, sizeof(record->subject), "seed");
	snprintf(record->workload, sizeof(record->workload), "a \"b\"");
	snprintf(record->dist, sizeof(record->dist), "x\ny");
	snprintf(record->mix, sizeof(record->mix), "get=90,insert=5,remove=5");
	record->keys = 200000;
	record->trial = 2;
	record->elapsed_s = 1.0625;
	text = exported(EXPORT_TRIALS, EXPORT_CSV, &record, 1);
	row = strchr(text, '\n') + 1;
	CHECK(strncmp(text, "subject,workload,threads,keys,dist,mix,trial,elapsed_s,ops,mops,hit_ratio,", 74) == 0);
	static const char wanted[] = "seed,\"a \"\"b\"\"\",1,200000,\"x\ny\",\"get=90,insert=5,remove=5\",2,1.0625,0,0,,";
	CHECK(strncmp(row, wanted, sizeof(wanted) - 1) == 0);
	free(text);
	record_free(record);
}

static void
expect_count(const json_t *value, uint64_t count)
{
	char text[24];

	if (count == UINT64_MAX) {
		CHECK(json_is_null(value));
	} else if (count <= INT64_MAX) {
		CHECK(json_is_integer(value) && (uint64_t)json_integer_value(value) == count);
	} else {
		snprintf(text, sizeof(text), "%" PRIu64, count);
		CHECK(json_is_string(value) && strcmp(json_string_value(value), text) == 0);
	}
}

static void
expect_column(const json_t *value, const struct record *record, const struct column *c)
{
	const void *field = (const char *)record + c->offset;

	switch (c->type) {
	case COLUMN_TEXT:
		CHECK(json_is_string(value) && strcmp(json_string_value(value), field) == 0);
		return;
	case COLUMN_STRING:
		CHECK(json_is_object(value));
		CHECK(strcmp(json_string_value(json_object_get(value, "duration")), "1s") == 0);
		return;
	case COLUMN_COUNT:
		expect_count(value, *(const uint64_t *)field);
		return;
	case COLUMN_REAL:
		if (isnan(*(const double *)field))
			CHECK(json_is_null(value));
		else
			CHECK(json_is_real(value) && json_real_value(value) == *(const double *)field);
		return;
	case COLUMN_BOOL:
		CHECK(json_is_boolean(value) && json_is_true(value) == *(const bool *)field);
		return;
	}
}

static void
json_gives_every_column_back(void)
{
	enum { RECORDS = 30 };
	struct record *record[RECORDS];
	struct random random;
	char *text;
	json_t *document, *trials;

	random_seed(&random, check_seed, 1);
	for (unsigned i = 0; i < RECORDS; i++)
		record[i] = random_record(&random, 2, 0);
	text = exported(EXPORT_TRIALS, EXPORT_JSON, record, RECORDS);
	document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CHECK(document != NULL);
	CHECK(json_integer_value(json_object_get(document, "schema")) == EXPORT_SCHEMA);
	CHECK(json_is_object(json_object_get(json_object_get(document, "environments"), origin.environment_id)));
	trials = json_object_get(document, "trials");
	CHECK_EQ(json_array_size(trials), RECORDS);
	for (unsigned i = 0; i < RECORDS; i++) {
		json_t *trial = json_array_get(trials, i), *phases = json_object_get(trial, "phases");

		for (const struct column *c = record_columns; c->name != NULL; c++)
			expect_column(json_object_get(trial, c->name), record[i], c);
		CHECK_EQ(json_array_size(phases), record[i]->phases);
		for (unsigned p = 0; p < record[i]->phases; p++) {
			json_t *phase = json_array_get(phases, p);

			CHECK(strcmp(json_string_value(json_object_get(phase, "name")), record[i]->phase[p].name) == 0);
			expect_count(json_object_get(phase, "ops"), record[i]->phase[p].ops);
			CHECK(json_real_value(json_object_get(phase, "elapsed_s")) == record[i]->phase[p].elapsed_s);
		}
		CHECK(json_integer_value(json_object_get(trial, "series")) == (i == 0 ? 3 : 0));
		CHECK(i > 0 ? json_is_null(json_object_get(trial, "environment")) :
		    json_is_string(json_object_get(trial, "environment")));
		record_free(record[i]);
	}
	json_decref(document);
	free(text);
}

/* No trial is no trouble, and a message that is no UTF-8 does not spoil the document. */
static void
json_of_odd_records(void)
{
	struct record *record = record_new(1);
	char *text = exported(EXPORT_TRIALS, EXPORT_JSON, NULL, 0);
	json_t *document = json_loads(text, 0, NULL), *trial;

	CHECK(json_array_size(json_object_get(document, "trials")) == 0 && json_is_object(document));
	json_decref(document);
	free(text);

	CHECK(record != NULL);
	strcpy(record->why, "bad \xff byte");
	record->options = strdup("not json");
	record->mops = INFINITY;
	text = exported(EXPORT_TRIALS, EXPORT_JSON, &record, 1);
	document = json_loads(text, 0, NULL);
	trial = json_array_get(json_object_get(document, "trials"), 0);
	CHECK(strcmp(json_string_value(json_object_get(trial, "why")), "bad ? byte") == 0);
	CHECK(strcmp(json_string_value(json_object_get(trial, "options")), "not json") == 0);
	CHECK(json_is_null(json_object_get(trial, "mops")));
	json_decref(document);
	free(text);
	record_free(record);
}

/* A program killed between two trials has written all of the first. */
static void
every_trial_is_written_at_once(void)
{
	struct random random;
	struct record *record;

	random_seed(&random, check_seed, 2);
	record = random_record(&random, 1, 0);
	for (unsigned format = EXPORT_CSV; format <= EXPORT_JSON; format++) {
		char *text = NULL;
		size_t length, head, first;
		FILE *out = open_memstream(&text, &length);
		struct export e;

		CHECK(out != NULL);
		CHECK(export_begin(&e, out, EXPORT_TRIALS, format, NULL, 0, NULL, 0, error, sizeof(error)));
		head = length;
		CHECK(head > 0);
		CHECK(export_trial(&e, &origin, record, error, sizeof(error)));
		first = length;
		CHECK(first > head);
		CHECK(export_trial(&e, &origin, record, error, sizeof(error)));
		CHECK(length > first);
		fclose(out);
		free(text);
	}
	record_free(record);
}

static void
series_have_a_row_each(void)
{
	struct random random;
	struct record *record;
	const char *at;
	char *text, field[200];
	uint64_t total = 0;
	unsigned rows = 0;

	random_seed(&random, check_seed, 3);
	do
		record = random_record(&random, 3, 4);
	while (record->phases != 2 && (record_free(record), true));

	strcpy(record->subject, "seed");
	strcpy(record->workload, "mixed");
	strcpy(record->dist, "uniform");
	strcpy(record->mix, "a,b");
	record->trial = 5;
	record->thread[1].cpu = -1;
	at = text = exported(EXPORT_THREADS, EXPORT_CSV, &record, 1);
	CHECK(strncmp(at, "series,trial_id,subject,workload,threads,dist,mix,trial,thread,cpu,ops,elapsed_ns\n", 82) == 0);
	at = strchr(at, '\n') + 1;
	for (unsigned i = 0; i < 3; i++) {
		expect_field(&at, "3", ',');
		expect_field(&at, "7", ',');
		expect_field(&at, "seed", ',');
		expect_field(&at, "mixed", ',');
		expect_field(&at, "3", ',');
		expect_field(&at, "uniform", ',');
		expect_field(&at, "a,b", ',');
		expect_field(&at, "5", ',');
		snprintf(field, sizeof(field), "%u", i);
		expect_field(&at, field, ',');
		snprintf(field, sizeof(field), "%d", record->thread[i].cpu);
		expect_field(&at, record->thread[i].cpu < 0 ? "" : field, ',');
		snprintf(field, sizeof(field), "%" PRIu64, record->thread[i].ops);
		expect_field(&at, field, ',');
		snprintf(field, sizeof(field), "%" PRIu64, record->thread[i].elapsed_ns);
		expect_field(&at, field, '\n');
	}
	CHECK(*at == '\0');
	free(text);

	at = text = exported(EXPORT_SAMPLES, EXPORT_CSV, &record, 1);
	CHECK(strstr(text, ",trial,at_ns,pending,pending_bytes,rss_bytes,ops,longest_ns,resizings\n") != NULL);
	/* Neither pending_bytes nor longest_ns nor resizings is known. */
	snprintf(field, sizeof(field), ",5,15000000,%" PRIu64 ",,%" PRIu64 ",3000,,\n", record->sample[3].pending,
	    record->sample[3].rss_bytes);
	CHECK(strstr(text, field) != NULL);
	for (rows = 0; (at = strchr(at, '\n')) != NULL; at++)
		rows++;
	CHECK_EQ(rows, 1 + 4);
	free(text);

	at = text = exported(EXPORT_PHASES, EXPORT_CSV, &record, 1);
	CHECK(strstr(text, ",trial,position,name,ops,elapsed_s,mops,begin_s,pause_max_ns,pause_op,pause_cause\n") != NULL);
	CHECK(strstr(text, ",5,1,\"phase, 1\",") != NULL);
	for (rows = 0; (at = strchr(at, '\n')) != NULL; at++)
		rows++;
	CHECK_EQ(rows, 1 + 2);
	free(text);

	/* All buckets of all histograms add up. */
	text = exported(EXPORT_HISTOGRAMS, EXPORT_CSV, &record, 1);
	CHECK(strstr(text, ",trial,name,low_ns,high_ns,count\n") != NULL);
	for (at = strchr(text, '\n') + 1; *at != '\0'; at = strchr(at, '\n') + 1) {
		const char *end = strchr(at, '\n');

		while (*--end != ',')
			continue;
		CHECK(strtoull(end + 1, NULL, 10) > 0);
		total += strtoull(end + 1, NULL, 10);
	}
	for (unsigned i = 0; i < RECORD_HISTOGRAMS; i++)
		total -= record->histogram[i].total;
	CHECK_EQ(total, 0);
	free(text);
	record_free(record);
}

static void
points_have_a_row_each(void)
{
	struct points *points = points_new();
	struct record *record = record_new(1);
	char *text = NULL, field[200];
	size_t length;
	FILE *out = open_memstream(&text, &length);
	const char *at;
	unsigned values = 0;

	CHECK(points != NULL && record != NULL && out != NULL);
	strcpy(record->subject, "seed");
	strcpy(record->mix, "a,b");
	record->valid = true;
	record->rss_bytes = 123456789012345;
	for (unsigned i = 1; i <= 3; i++) {
		record->mops = i * 1.1;
		CHECK(points_add(points, "", record));
	}
	points_finish(points);
	CHECK(export_points_csv(out, points, error, sizeof(error)));
	fclose(out);
	at = text;
	CHECK(strncmp(at, "subject,reclaimer,workload,threads,keys,dist,mix,trials,valid,mops_median,", 74) == 0);
	at = strchr(at, '\n') + 1;
	CHECK(strncmp(at, "seed,,,1,0,,\"a,b\",3,3,2.2,1.1,3.3,1.1,3.3,0.75,,", 48) == 0);
	CHECK(strstr(at, ",123456789012345,") != NULL);
	/* As many values as names. */
	for (const char *head = text; *head != '\n'; head++)
		values += *head == ',';
	while (next_field(&at, field, sizeof(field)) == ',')
		values--;
	CHECK_EQ(values, 0);
	CHECK(*at == '\0');
	free(text);
	record_free(record);
	points_free(points);
}

/* failing - each call of an export to out fails, in one line with that reason. */
static void
failing(FILE *out, const char *reason)
{
	struct record *record = record_new(1);
	struct points *points = points_new();
	struct export e;

	CHECK(record != NULL && points != NULL);
	for (unsigned format = EXPORT_CSV; format <= EXPORT_JSON; format++) {
		CHECK(!export_begin(&e, out, EXPORT_TRIALS, format, NULL, 0, NULL, 0, error, sizeof(error)));
		CHECK(strstr(error, reason) != NULL && strchr(error, '\n') == NULL);
		clearerr(out);
		CHECK(!export_trial(&e, &origin, record, error, sizeof(error)));
		CHECK(strstr(error, reason) != NULL && strchr(error, '\n') == NULL);
		/* What failed once goes on failing. */
		CHECK(!export_end(&e, error, sizeof(error)));
		clearerr(out);
	}
	CHECK(!export_points_csv(out, points, error, sizeof(error)));
	CHECK(strstr(error, reason) != NULL);
	record_free(record);
	points_free(points);
}

static void
write_errors_are_reported(void)
{
	FILE *full = fopen("/dev/full", "w");
	int ends[2];
	FILE *closed;

	CHECK(full != NULL);
	failing(full, "cannot write the ");
	failing(full, strerror(ENOSPC));
	fclose(full);
	/* Without a buffer the error comes in the middle and not at the flush. */
	full = fopen("/dev/full", "w");
	setbuf(full, NULL);
	failing(full, strerror(ENOSPC));
	fclose(full);

	signal(SIGPIPE, SIG_IGN);
	CHECK(pipe(ends) == 0);
	close(ends[0]);
	closed = fdopen(ends[1], "w");
	CHECK(closed != NULL);
	failing(closed, strerror(EPIPE));
	fclose(closed);
}

static void
json_of_samples(void *arg)
{
	struct export e;

	(void)arg;
	(void)!export_begin(&e, stdout, EXPORT_SAMPLES, EXPORT_JSON, NULL, 0, NULL, 0, error, sizeof(error));
}

static void
only_trials_can_be_json(void)
{
	CHECK(check_aborts(json_of_samples, NULL, "misuse: export_begin: only trials can be JSON"));
}

static const struct test tests[] = {
	TEST(csv_gives_every_column_back),
	TEST(csv_quotes_only_what_it_must),
	TEST(json_gives_every_column_back),
	TEST(json_of_odd_records),
	TEST(every_trial_is_written_at_once),
	TEST(series_have_a_row_each),
	TEST(points_have_a_row_each),
	TEST(write_errors_are_reported),
	TEST(only_trials_can_be_json),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
