/*
 * cmd_export.c - hamtbench export: what a results file holds, as text.
 */
#include <inttypes.h>
#include <string.h>

#include "harness/command.h"
#include "harness/environment.h"
#include "harness/export.h"
#include "harness/options.h"
#include "harness/points.h"
#include "harness/store.h"

#define NAME "export"

enum { WHAT_POINTS = EXPORT_PHASES + 1, WHAT_SERIES };

static const char *const what_words[] = {
	[EXPORT_TRIALS] = "trials", [EXPORT_HISTOGRAMS] = "histograms", [EXPORT_SAMPLES] = "samples",
	[EXPORT_THREADS] = "threads", [EXPORT_PHASES] = "phases", [WHAT_POINTS] = "points",
	[WHAT_SERIES] = "series", NULL,
};
enum { FORMAT_BENCHMARK = EXPORT_HLOG + 1 };
static const char *const format_words[] = {
	[EXPORT_CSV] = "csv", [EXPORT_JSON] = "json", [EXPORT_HDR] = "hdr", [EXPORT_HLOG] = "hlog",
	[FORMAT_BENCHMARK] = "google-benchmark", NULL,
};

static bool
check_what(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(what_words, text, canonical, canonical_size, error, error_size);
}

static bool
check_format(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(format_words, text, canonical, canonical_size, error, error_size);
}

static bool
parse_series(const char *text, struct store_filter *filter, char *error, size_t size)
{
	uint64_t number;

	*filter = (struct store_filter){ .choice = STORE_ALL };
	if (strcmp(text, "all") == 0)
		return true;
	if (strcmp(text, "last") == 0) {
		filter->choice = STORE_LAST;
		return true;
	}
	if (!options_parse_count(text, &number, error, size) || number == 0 || number > INT64_MAX) {
		snprintf(error, size, "'%s' is no series; wanted is a number from 1 up, last or all", text);
		return false;
	}
	filter->choice = STORE_NUMBER;
	filter->series = (int64_t)number;
	return true;
}

static bool
check_series(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct store_filter filter;

	if (!parse_series(text, &filter, error, error_size))
		return false;
	if (filter.choice == STORE_NUMBER)
		snprintf(canonical, canonical_size, "%" PRId64, filter.series);
	else
		snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static const struct plugin_option options[] = {
	{ .name = "db", .type = OPTION_TEXT, .initial = STORE_DEFAULT_PATH, .meta = "FILE",
	    .check = options_check_path, .help = "results file" },
	{ .name = "series", .type = OPTION_TEXT, .initial = "all", .meta = "N|last|all", .check = check_series,
	    .help = "which series: one command is one series" },
	{ .name = "what", .type = OPTION_TEXT, .initial = "trials", .meta = "WHAT", .check = check_what,
	    .help = "trials, points (medians over trials), series, histograms, samples, threads, phases" },
	{ .name = "format", .type = OPTION_TEXT, .initial = "csv", .meta = "FORMAT", .check = check_format,
	    .help = "csv; trials also as json and google-benchmark (its JSON, for compare.py); histograms also in HdrHistogram's percentile text (hdr) and interval log (hlog)" },
	{ .name = NULL },
};

struct exporting {
	struct export export;
	struct points *points;            /* for WHAT_POINTS */
	struct environment *environment;  /* for JSON */
	size_t environments;
	struct store_series *series;      /* for JSON; commands owned */
	size_t serieses;
	uint64_t benchmarks;              /* written so far, for google-benchmark */
	char *error;
	size_t error_size;
	bool failed;
};

static bool
visit_environment(void *arg, const struct environment *environment)
{
	struct exporting *x = arg;
	struct environment *more = realloc(x->environment, (x->environments + 1) * sizeof(*more));

	if (more != NULL) {
		x->environment = more;
		more += x->environments;
		*more = *environment;
		more->json = strdup(environment->json);
		if (more->json != NULL) {
			x->environments++;
			return true;
		}
	}
	snprintf(x->error, x->error_size, "no memory for the environments");
	x->failed = true;
	return false;
}

static bool
collect_series(void *arg, const struct store_series *series)
{
	struct exporting *x = arg;
	struct store_series *more = realloc(x->series, (x->serieses + 1) * sizeof(*more));

	if (more != NULL) {
		x->series = more;
		more += x->serieses;
		*more = *series;
		more->command = strdup(series->command);
		if (more->command != NULL) {
			x->serieses++;
			return true;
		}
	}
	snprintf(x->error, x->error_size, "no memory for the series");
	x->failed = true;
	return false;
}

/* surroundings - the environments and series that JSON tells of; given back by forget_surroundings(), also after a failure. */
static bool
surroundings(struct exporting *x, struct store *store, const struct store_filter *filter)
{
	return store_each_environment(store, filter, visit_environment, x, x->error, x->error_size) && !x->failed &&
	    store_each_series(store, filter, collect_series, x, x->error, x->error_size) && !x->failed;
}

static void
forget_surroundings(struct exporting *x)
{
	for (size_t i = 0; i < x->environments; i++)
		environment_free(&x->environment[i]);
	for (size_t i = 0; i < x->serieses; i++)
		free((char *)(uintptr_t)x->series[i].command);
	free(x->environment);
	free(x->series);
}

static bool
visit_trial(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct exporting *x = arg;

	x->failed = !export_trial(&x->export, origin, record, x->error, x->error_size);
	return !x->failed;
}

static bool
visit_for_points(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct exporting *x = arg;

	x->failed = !points_add(x->points, origin->environment_id, record);
	if (x->failed)
		snprintf(x->error, x->error_size, "no memory for the points");
	return !x->failed;
}

static bool
export_points(struct exporting *x, struct store *store, const struct store_filter *filter)
{
	bool fine;

	x->points = points_new();
	if (x->points == NULL) {
		snprintf(x->error, x->error_size, "no memory for the points");
		return false;
	}
	fine = store_each_trial(store, filter, visit_for_points, x, x->error, x->error_size) && !x->failed;
	if (fine) {
		points_finish(x->points);
		fine = export_points_csv(stdout, x->points, x->error, x->error_size);
	}
	points_free(x->points);
	return fine;
}

static bool
visit_series(void *arg, const struct store_series *series)
{
	struct exporting *x = arg;

	x->failed = !export_series(stdout, series, x->error, x->error_size);
	return !x->failed;
}

static bool
export_all_series(struct exporting *x, struct store *store, const struct store_filter *filter)
{
	return export_series_begin(stdout, x->error, x->error_size) &&
	    store_each_series(store, filter, visit_series, x, x->error, x->error_size) && !x->failed;
}

static bool
visit_benchmark(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct exporting *x = arg;

	size_t i = 0;

	/* A wrong map has no speed. */
	if (!record->valid)
		return true;
	/* A series that was begun since the list was made is left to the next export. */
	while (i < x->serieses && x->series[i].id != origin->series_id)
		i++;
	if (i == x->serieses)
		return true;
	x->failed = !export_benchmark(stdout, &x->series[i], record, x->benchmarks++ == 0, x->error, x->error_size);
	return !x->failed;
}

static bool
export_benchmarks(struct exporting *x, struct store *store, const struct store_filter *filter)
{
	bool fine = surroundings(x, store, filter);

	if (fine && x->environments != 1) {
		snprintf(x->error, x->error_size, "%zu environments; google-benchmark's JSON has one: choose a --series",
		    x->environments);
		fine = false;
	}
	fine = fine && export_benchmark_begin(stdout, &x->environment[0], x->series, x->serieses, x->error,
	        x->error_size) &&
	    store_each_trial(store, filter, visit_benchmark, x, x->error, x->error_size) && !x->failed &&
	    export_benchmark_end(stdout, x->error, x->error_size);
	forget_surroundings(x);
	return fine;
}

static bool
export_trials(struct exporting *x, struct store *store, struct store_filter *filter, enum export_what what,
    enum export_format format)
{
	/* For CSV, too: a series that is not there shows before anything is written. */
	bool fine = surroundings(x, store, filter);

	/* JSON's trials have their phases with them. */
	filter->with_series = what != EXPORT_TRIALS || format == EXPORT_JSON;
	fine = fine && export_begin(&x->export, stdout, what, format, x->environment, x->environments,
	        x->series, x->serieses, x->error, x->error_size) &&
	    store_each_trial(store, filter, visit_trial, x, x->error, x->error_size) && !x->failed &&
	    export_end(&x->export, x->error, x->error_size);
	forget_surroundings(x);
	return fine;
}

static int
export_with(char *const *word, size_t words, const struct option_values *values)
{
	char error[ERROR_SIZE] = "";
	struct exporting x = { .error = error, .error_size = sizeof(error) };
	unsigned what = 0, format = 0;
	struct store_filter filter;
	struct store *store;
	bool fine;

	(void)word;
	(void)words;
	while (strcmp(what_words[what], option_text(values, "what")) != 0)
		what++;
	while (strcmp(format_words[format], option_text(values, "format")) != 0)
		format++;
	if ((format == EXPORT_JSON || format == FORMAT_BENCHMARK) && what != EXPORT_TRIALS)
		return command_error(NAME, "--format %s is for --what trials only", format_words[format]);
	if ((format == EXPORT_HDR || format == EXPORT_HLOG) && what != EXPORT_HISTOGRAMS)
		return command_error(NAME, "--format %s is for --what histograms only", format_words[format]);
	if (!parse_series(option_text(values, "series"), &filter, error, sizeof(error)))
		return command_error(NAME, "--series: %s", error);
	store = store_open(option_text(values, "db"), STORE_READ, error, sizeof(error));
	if (store == NULL)
		return command_error(NAME, "%s", error);
	fine = what == WHAT_POINTS ? export_points(&x, store, &filter) :
	    what == WHAT_SERIES ? export_all_series(&x, store, &filter) :
	    format == FORMAT_BENCHMARK ? export_benchmarks(&x, store, &filter) :
	    export_trials(&x, store, &filter, (enum export_what)what, (enum export_format)format);
	store_close(store);
	if (!fine)
		return command_error(NAME, "%s", error);
	return command_finish(NAME, STATUS_OK);
}

int
command_export(int argc, char **argv)
{
	static const struct command_form form = {
		.name = NAME,
		.usage = NAME " [OPTION...]",
		.options = options,
		.work = export_with,
	};

	return command_with(&form, argc, argv);
}
