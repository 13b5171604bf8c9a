/*
 * test_import.c - what is exported comes back; what google-benchmark writes means what it
 * should; and whatever is wrong with a document is said with its place, or survived.
 */
/* not under tsan: one thread */
#include "harness/import.h"

#include <math.h>
#include <string.h>

#include "core/tests/check.h"
#include "harness/export.h"
#include "harness/tests/random_record.h"

#define SAMPLE "harness/tests/google-benchmark/sample.json"

static char error[512];

static struct imported
taken(const char *text)
{
	struct imported in;

	if (!import_text(text, strlen(text), &in, error, sizeof(error)))
		check_failed(error, __FILE__, __LINE__);
	return in;
}

/* refused - the error of a document, which must have one. */
static const char *
refused(const char *text, size_t length)
{
	struct imported in;

	error[0] = '\0';
	CHECK(!import_text(text, length, &in, error, sizeof(error)));
	imported_free(&in);
	CHECK(error[0] != '\0');
	return error;
}

/* a_record - random in all that a trial may have. */
static struct record *
a_record(struct random *random, uint64_t position)
{
	struct record *record = random_record(random, 1 + (unsigned)random_below(random, 3), 0);

	snprintf(record->subject, sizeof(record->subject), "hamt");
	snprintf(record->workload, sizeof(record->workload), "mixed");
	record->keys = 1000;
	record->trial = position + 1;
	record->position = position;
	record->ops = 12345;
	record->mops = 1.0 / 3;
	record->valid = true;
	return record;
}

/* Every column of a trial survives both of our formats, and so does what is known of its series. */
static void
what_is_exported_comes_back(void)
{
	char json[] = "{\"cpu\":{\"mhz\":0.10000000000000001,\"model\":\"test\"}}";
	struct store_series series[] = { { .id = 3, .uuid = "u3", .plan = "p", .started_at = "2026-01-31T12:00:00Z",
		.command = "hamtbench run \"x\"", .planned_trials = 9, .state = SERIES_INTERRUPTED } };
	struct environment environment;
	struct store_origin origin = { .trial_id = 7, .series_id = 3 };
	struct record *record[20];
	struct random random;

	environment_adopt(&environment, json);
	memcpy(origin.environment_id, environment.id, sizeof(environment.id));
	random_seed(&random, check_seed, 1);
	for (uint64_t i = 0; i < 20; i++)
		record[i] = a_record(&random, i);
	for (unsigned form = 0; form < 2; form++) {
		struct imported in;
		struct export e;
		size_t length;
		char *text;
		FILE *out = open_memstream(&text, &length);

		CHECK(out != NULL);
		if (form == 0) {
			CHECK(export_benchmark_begin(out, &environment, series, 1, error, sizeof(error)));
			for (uint64_t i = 0; i < 20; i++)
				CHECK(export_benchmark(out, &series[0], record[i], i == 0, error, sizeof(error)));
			CHECK(export_benchmark_end(out, error, sizeof(error)));
		} else {
			CHECK(export_begin(&e, out, EXPORT_TRIALS, EXPORT_JSON, &environment, 1, series, 1, error, sizeof(error)));
			for (uint64_t i = 0; i < 20; i++)
				CHECK(export_trial(&e, &origin, record[i], error, sizeof(error)));
			CHECK(export_end(&e, error, sizeof(error)));
		}
		CHECK(fclose(out) == 0);
		in = taken(text);
		CHECK(in.serieses == 1 && in.environments == 1 && in.series[0].records == 20);
		CHECK(strcmp(in.series[0].environment->id, environment.id) == 0);
		CHECK(strcmp(in.environment[0].json, json) == 0);
		CHECK(strcmp(in.series[0].about.uuid, "u3") == 0 && strcmp(in.series[0].about.plan, "p") == 0);
		CHECK(strcmp(in.series[0].about.command, series[0].command) == 0);
		CHECK(in.series[0].about.planned_trials == 9 && in.series[0].about.state == SERIES_INTERRUPTED);
		for (uint64_t i = 0; i < 20; i++) {
			const char *column = different_column(record[i], in.series[0].record[i]);

			if (column != NULL)
				check_failed(column, form == 0 ? "google-benchmark" : "json", (int)i);
		}
		imported_free(&in);
		free(text);
	}
	for (uint64_t i = 0; i < 20; i++)
		record_free(record[i]);
}

#define ENTRY(name, more) "{\"name\":\"" name "\",\"iterations\":1000,\"real_time\":2,\"cpu_time\":3,\"time_unit\":\"us\"" more "}"
#define FILE_OF(context, entries) "{\"context\":{" context "},\"benchmarks\":[" entries "]}"

/* Names, units, threads, items and old versions, by hand. */
static void
foreign_figures_mean_what_they_say(void)
{
	static const struct {
		const char *text, *subject, *mix;
		uint64_t threads, ops;
		double mops, cpu_ns;
	} is[] = {
		{ FILE_OF("", ENTRY("a/8", "")), "a/8", "", 1, 1000, 0.5, 3000 },
		/* Before 1.9 the time is divided by the threads; from then on it is not. */
		{ FILE_OF("", ENTRY("a/threads:4", ",\"threads\":4")), "a", "", 4, 1000, 0.5, 3000 },
		{ FILE_OF("\"library_version\":\"v1.8.5\"", ENTRY("a/threads:4", "")), "a", "", 4, 1000, 0.5, 3000 },
		{ FILE_OF("\"library_version\":\"v1.9.0\"", ENTRY("a/threads:4", "")), "a", "", 4, 1000, 2, 3000 },
		/* 10 items an iteration, by the processor's clock: 10 / 3 us; by the other: 10 / 2 us. */
		{ FILE_OF("", ENTRY("a", ",\"items_per_second\":3333333.3333333335")), "a", "", 1, 10000, 5, 300 },
		{ FILE_OF("", ENTRY("a/real_time", ",\"items_per_second\":5e6")), "a/real_time", "", 1, 10000, 5, 300 },
		{ FILE_OF("", ENTRY("m/mixed/keys:1000/uniform/get=100/real_time/threads:2", "")), "m", "get=100", 2, 1000, 0.5, 3000 },
		{ FILE_OF("", ENTRY("m/mixed/keys:x/uniform/get=100", "")), "m/mixed/keys:x/uniform/get=100", "", 1, 1000, 0.5, 3000 },
	};

	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		struct imported in = taken(is[i].text);
		const struct record *r = in.series[0].record[0];

		CHECK(in.series[0].records == 1);
		CHECK(strcmp(r->subject, is[i].subject) == 0 && strcmp(r->mix, is[i].mix) == 0);
		CHECK(r->threads == is[i].threads && r->ops == is[i].ops && r->valid);
		CHECK(fabs(r->mops / is[i].mops - 1) < 1e-9 && fabs(r->cpu_ns_per_op / is[i].cpu_ns - 1) < 1e-9);
		imported_free(&in);
	}
}

/* Repetitions are of the same load; another size, mix or label is another one. */
static void
trials_are_numbered_by_load(void)
{
	struct imported in = taken(FILE_OF("", ENTRY("m/mixed/keys:1000/uniform/get=100", "") ","
	    ENTRY("m/mixed/keys:2000/uniform/get=100", "") "," ENTRY("m/mixed/keys:1000/uniform/get=100", "") ","
	    ENTRY("m/mixed/keys:1000/zipf/get=100", "") "," ENTRY("a", "") "," ENTRY("a", ",\"label\":\"x\"") ","
	    ENTRY("a", ",\"label\":\"x\"")));
	static const uint64_t trial[] = { 1, 1, 2, 1, 1, 1, 2 };

	CHECK(in.series[0].records == sizeof(trial) / sizeof(trial[0]));
	for (size_t i = 0; i < in.series[0].records; i++)
		CHECK_EQ(in.series[0].record[i]->trial, trial[i]);
	imported_free(&in);
}

static void
aggregates_of_old_versions_are_told_by_name(void)
{
	struct imported in = taken(FILE_OF("\"date\":\"2026-01-31T00:30:00+01:00\",\"host_name\":\"h\",\"executable\":\"/x/y\"",
	    ENTRY("a", "") "," ENTRY("a", "") "," ENTRY("a_mean", "") "," ENTRY("b_mean", "")
	    ",{\"name\":\"c\",\"skipped\":true}"));

	CHECK(in.aggregates == 1 && in.skipped == 1 && in.series[0].records == 3);
	CHECK(in.series[0].record[1]->trial == 2 && in.series[0].record[2]->trial == 1);
	CHECK(strcmp(in.series[0].about.started_at, "2026-01-30T23:30:00Z") == 0);
	CHECK(strcmp(in.series[0].about.command, "y") == 0);
	CHECK(strstr(in.environment[0].json, "host_name") == NULL && strstr(in.environment[0].json, "/x") == NULL);
	imported_free(&in);
}

/* The sample is of the real library: harness/tests/google-benchmark/sample.cc. */
static void
a_real_file_is_understood(void)
{
	struct imported in;
	const struct record *r;

	if (!import_file(SAMPLE, &in, error, sizeof(error)))
		check_failed(error, __FILE__, __LINE__);
	CHECK(in.aggregates == 8 && in.failed == 1 && in.series[0].records == 7);
	CHECK(strcmp(in.counters, "nothing") == 0);
	r = in.series[0].record[2];
	CHECK(strcmp(r->subject, "copy/64") == 0 && r->trial == 3 && r->jain == 0.5);
	CHECK(strcmp(r->options, "{\"label\":\"a \\\"label\\\"\"}") == 0);
	CHECK(in.series[0].record[3]->threads == 2);
	r = in.series[0].record[4];
	CHECK(!r->valid && strcmp(r->why, "no luck") == 0 && isnan(r->mops));
	r = in.series[0].record[6];
	CHECK(strcmp(r->subject, "null") == 0 && strcmp(r->workload, "mixed") == 0 && r->keys == 1000);
	imported_free(&in);
}

#define OWN(entry) "{\"context\":{\"executable\":\"hamtbench\",\"environment\":{},\"series\":[{\"uuid\":\"u\",\"started_at\":\"\"," \
	"\"state\":\"complete\",\"planned_trials\":1,\"plan\":\"\",\"command\":\"\"}]},\"benchmarks\":[{\"series\":\"u\"" entry "}]}"

static void
what_is_wrong_is_said_with_its_place(void)
{
	static const struct { const char *text, *said; } bad[] = {
		{ "", "line 1, column 0: '[' or '{' expected near end of file" },
		{ "{\n \"benchmarks\": [,]}", "line 2, column 17: unexpected token near ','" },
		{ "[]", "the document: has neither \"benchmarks\" (google-benchmark) nor \"trials\" (hamtbench export --format json)" },
		{ "{\"benchmarks\":{}}", "benchmarks: is no list" },
		{ FILE_OF("\"json_schema_version\":2", ENTRY("a", "")), "context.json_schema_version: is not 1, all that this hamtbench knows" },
		{ FILE_OF("", ""), "benchmarks: there is no single run" },
		{ FILE_OF("", ENTRY("a", "") ",7"), "benchmarks[1]: is no object" },
		{ FILE_OF("", "{\"run_type\":\"aggregate\"}"),
		    "benchmarks: there is no single run, only aggregates: run without --benchmark_report_aggregates_only" },
		{ FILE_OF("", "{\"name\":\"a\",\"real_time\":\"x\",\"time_unit\":\"ns\"}"), "benchmarks[0].real_time: is no number" },
		{ FILE_OF("", "{\"name\":\"a\",\"real_time\":NaN,\"time_unit\":\"ns\"}"), "benchmarks[0].real_time: is no number" },
		{ FILE_OF("", "{\"name\":\"a\",\"real_time\":-1,\"time_unit\":\"ns\"}"), "benchmarks[0].real_time: is less than 0" },
		{ FILE_OF("", "{\"name\":\"a\",\"real_time\":0,\"time_unit\":\"ns\"}"), "benchmarks[0].real_time: is 0: no throughput can be told" },
		{ FILE_OF("", "{\"name\":\"a\",\"real_time\":1,\"time_unit\":\"h\"}"), "benchmarks[0].time_unit: is none of ns, us, ms, s" },
		{ FILE_OF("", "{\"name\":\"a\",\"real_time\":1,\"time_unit\":\"ns\"}"), "benchmarks[0].cpu_time: is missing" },
		{ FILE_OF("", "{\"real_time\":1}"), "benchmarks[0].name: is missing" },
		{ FILE_OF("", "{\"name\":\"/threads:2\"}"), "benchmarks[0].name: is empty" },
		{ FILE_OF("", ENTRY("a/threads:2", ",\"threads\":3")), "benchmarks[0].threads: contradicts the name" },
		{ FILE_OF("", ENTRY("a", ",\"threads\":0")), "benchmarks[0].threads: is no number of threads" },
		{ FILE_OF("", ENTRY("a", ",\"name\":1")), "line 1, column 108: duplicate object key near '\"name\"'" },
		{ FILE_OF("", ENTRY("a", ",\"get_p99_ns\":-1.5")), "benchmarks[0].get_p99_ns: is no number of get_p99_ns" },
		{ OWN(",\"jain\":true"), "benchmarks[0].jain: is no number" },
		{ OWN(",\"seed\":-1"), "benchmarks[0].seed: is no whole number from 0 up" },
		{ OWN(",\"seed\":\"99999999999999999999\""), "benchmarks[0].seed: is no whole number from 0 up" },
		{ OWN(",\"jane\":1"), "benchmarks[0].jane: is no column of this hamtbench" },
		{ OWN(""), "benchmarks[0].subject: has no value that a trial can have" },
		{ "{\"trials\":[],\"schema\":2}", "schema: is not 1, all that this hamtbench knows" },
		{ "{\"trials\":[],\"schema\":1,\"environments\":{\"0\":{}}}", "environments.0: is not what its id was made from: it has been changed" },
		{ "{\"trials\":[],\"schema\":1,\"environments\":{}}", "trials: there is none" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strcmp(refused(bad[i].text, strlen(bad[i].text)), bad[i].said) != 0)
			check_failed(error, bad[i].said, (int)i);
}

/* Cut off anywhere it is refused; with a byte changed it is refused or taken, and nothing breaks. */
static void
any_damage_is_survived(void)
{
	static char text[1 << 16];
	FILE *file = fopen(SAMPLE, "r");
	struct random random;
	size_t length;

	CHECK(file != NULL);
	length = fread(text, 1, sizeof(text), file);
	fclose(file);
	random_seed(&random, check_seed, 2);
	for (size_t i = 0; i < 100; i++)
		(void)refused(text, random_below(&random, length - 2));
	for (size_t i = 0; i < 200; i++) {
		size_t at = random_below(&random, length);
		char was = text[at];
		struct imported in;

		text[at] = (char)random_below(&random, 256);
		(void)!import_text(text, length, &in, error, sizeof(error));
		imported_free(&in);
		text[at] = was;
	}
}

static const struct test tests[] = {
	TEST(what_is_exported_comes_back),
	TEST(foreign_figures_mean_what_they_say),
	TEST(trials_are_numbered_by_load),
	TEST(aggregates_of_old_versions_are_told_by_name),
	TEST(a_real_file_is_understood),
	TEST(what_is_wrong_is_said_with_its_place),
	TEST(any_damage_is_survived),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
