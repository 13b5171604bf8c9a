/*
 * cmd_compare.c - hamtbench compare A B: is B faster or slower than A, and how sure is that?
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "harness/command.h"
#include "harness/compare.h"
#include "harness/environment.h"
#include "harness/options.h"
#include "harness/store.h"

#define NAME "compare"
#define USAGE NAME " [OPTION...] A B"
#define FILTERS_MOST 16

static bool
check_metric(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	snprintf(canonical, canonical_size, "%s", text);
	return compare_check_metric(text, error, error_size);
}

/* A probability as text: options have no type of their own for it. */
static bool
check_alpha(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	char *end;
	double alpha = strtod(text, &end);

	if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0' || *end != '\0' || !(alpha > 0 && alpha < 1)) {
		snprintf(error, error_size, "'%s' is no number between 0 and 1", text);
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static const struct plugin_option options[] = {
	{ .name = "fail-above", .type = OPTION_TEXT, .initial = "3%", .meta = "P%", .check = options_check_percent,
	    .help = "a difference that matters: B slower by more than that, and shown to be, is a regression" },
	{ .name = "alpha", .type = OPTION_TEXT, .initial = "0.01", .meta = "P", .check = check_alpha,
	    .help = "probability of any wrong 'faster' or 'slower' if nothing differs" },
	{ .name = "metric", .type = OPTION_TEXT, .initial = "mops", .meta = "FIGURE", .check = check_metric,
	    .help = "what is compared: mops, get_p99_ns, cpu_ns_per_op ...; list columns says which way is better, and one that is "
		    "neither (hit_ratio, rate) is refused" },
	{ .name = "db", .type = OPTION_TEXT, .initial = STORE_DEFAULT_PATH, .meta = "FILE", .check = options_check_path,
	    .help = "results file of an A or B that does not name one" },
	{ .name = NULL },
};

/* ---- Operands: [FILE][:SERIES][@NAME=VALUE]... ---- */

struct operand {
	char *text;                /* cut into pieces; owned */
	const char *file;
	struct store_filter series;
	const char *series_text;
	struct { const char *name, *value; uint64_t met; bool known; } filter[FILTERS_MOST]; /* met by how many trials */
	size_t filters;
	struct points *points;
	struct environment environment; /* of the first series; json owned */
	char not_whole[160];       /* the first series that is, and how; "": none */
	uint64_t not_whole_series;
	uint64_t trials, all;      /* as wanted, and of the series */
	bool no_memory;
};

static bool
read_filter(struct operand *o, char *text, const char *which, char *error, size_t size)
{
	char *equals = strchr(text, '=');

	if (o->filters == FILTERS_MOST || text[0] == '\0' || equals == text) {
		snprintf(error, size, "%s: wanted after @ is NAME=VALUE, or the name of a subject", which);
		return false;
	}
	if (equals != NULL)
		*equals = '\0';
	o->filter[o->filters].name = equals != NULL ? text : "subject";
	o->filter[o->filters++].value = equals != NULL ? equals + 1 : text;
	return true;
}

static bool
read_operand(struct operand *o, const char *text, const char *db, const char *which, char *error, size_t size)
{
	char *rest, *colon;

	o->series.choice = STORE_LAST;
	o->series_text = "last";
	o->text = strdup(text);
	if (o->text == NULL) {
		snprintf(error, size, "no memory");
		return false;
	}
	o->file = o->text;
	/* A file may be called anything. */
	if (access(text, F_OK) == 0)
		return true;
	rest = strchr(o->text, '@');
	while (rest != NULL) {
		char *next = strchr(rest + 1, '@');

		*rest = '\0';
		if (next != NULL)
			*next = '\0';
		if (!read_filter(o, rest + 1, which, error, size))
			return false;
		if (next != NULL)
			*next = '@';
		rest = next;
	}
	colon = strrchr(o->text, ':');
	if (colon != NULL && access(o->text, F_OK) != 0) {
		uint64_t number;

		*colon = '\0';
		o->series_text = colon + 1;
		if (strcmp(colon + 1, "all") == 0) {
			o->series.choice = STORE_ALL;
		} else if (strcmp(colon + 1, "last") != 0) {
			if (!options_parse_count(colon + 1, &number, error, size) || number == 0 || number > INT64_MAX) {
				snprintf(error, size, "%s: '%s' is no series; wanted is a number from 1 up, last or all", which,
				    colon + 1);
				return false;
			}
			o->series.choice = STORE_NUMBER;
			o->series.series = (int64_t)number;
		}
	}
	if (o->text[0] == '\0')
		o->file = db;
	return true;
}

/* is_value - does an option of that part have that value, as text? *known: is there such an option? */
static bool
is_value(const json_t *part, const char *name, const char *value, bool *known)
{
	const json_t *v = json_object_get(part, name);
	char number[32];

	*known = *known || v != NULL;
	if (json_is_string(v))
		return strcmp(json_string_value(v), value) == 0;
	if (json_is_boolean(v))
		return strcmp(json_is_true(v) ? "true" : "false", value) == 0;
	if (!json_is_integer(v))
		return false;
	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return strcmp(number, value) == 0;
}

static bool
matches(const struct record *r, const char *name, const char *value, bool *known)
{
	const struct { const char *name, *value; } texts[] = { { "subject", r->subject }, { "reclaimer", r->reclaimer },
		{ "workload", r->workload }, { "dist", r->dist }, { "mix", r->mix }, { "pin", r->pin },
		{ "membind", r->membind } };
	bool number_wanted = strcmp(name, "threads") == 0 || strcmp(name, "keys") == 0;
	static const char *const parts[] = { "subject", "workload", "run" };
	char error[ERROR_SIZE];
	uint64_t number;
	bool found = false;
	json_t *all;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].name, name) == 0) {
			*known = true;
			return strcmp(texts[i].value, value) == 0;
		}
	*known = *known || number_wanted;
	if (number_wanted)
		return options_parse_count(value, &number, error, sizeof(error)) &&
		    number == (name[0] == 't' ? r->threads : r->keys);
	all = r->options != NULL ? json_loads(r->options, 0, NULL) : NULL;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		found = is_value(json_object_get(all, parts[i]), name, value, known) || found;
	json_decref(all);
	return found;
}

static bool
visit_trial(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct operand *o = arg;
	bool wanted = true;

	o->all++;
	for (size_t i = 0; i < o->filters; i++) {
		bool met = matches(record, o->filter[i].name, o->filter[i].value, &o->filter[i].known);

		o->filter[i].met += met;
		wanted = wanted && met;
	}
	if (!wanted)
		return true;
	o->trials++;
	o->no_memory = !points_add(o->points, origin->environment_id, record);
	return !o->no_memory;
}

/* say_none - why no trial is as wanted: the first condition that no trial meets, else that none meets all. */
static void
say_none(const struct operand *o, const char *which, char *error, size_t size)
{
	size_t first = 0, used;

	while (first < o->filters && o->filter[first].met > 0)
		first++;
	used = (size_t)snprintf(error, size, "%s: no trial in %s, series %s", which, o->file, o->series_text);
	if (o->all == 0 || used >= size)
		return;
	if (first == o->filters)
		snprintf(error + used, size - used, ", meets all that is behind @");
	else if (!o->filter[first].known)
		snprintf(error + used, size - used, ", has '%s': that is no column to choose by, and no option of them", o->filter[first].name);
	else
		snprintf(error + used, size - used, ", has %s=%s", o->filter[first].name, o->filter[first].value);
}

static bool
visit_environment(void *arg, const struct environment *environment)
{
	struct operand *o = arg;

	o->environment = *environment;
	o->environment.json = strdup(environment->json);
	o->no_memory = o->environment.json == NULL;
	return false;
}

static bool
visit_series(void *arg, const struct store_series *series)
{
	struct operand *o = arg;
	char text[sizeof(o->not_whole)];

	if (store_series_not_whole(series, text, sizeof(text)) && o->not_whole_series++ == 0)
		memcpy(o->not_whole, text, sizeof(text));
	return true;
}

static bool
load(struct operand *o, const char *which, char *error, size_t size)
{
	struct store *s = store_open(o->file, STORE_READ, error, size);
	bool fine;

	if (s == NULL)
		return false;
	o->points = points_new();
	o->no_memory = o->points == NULL;
	fine = !o->no_memory && store_each_environment(s, &o->series, visit_environment, o, error, size) && !o->no_memory &&
	    store_each_series(s, &o->series, visit_series, o, error, size) &&
	    store_each_trial(s, &o->series, visit_trial, o, error, size) && !o->no_memory;
	store_close(s);
	if (o->no_memory)
		snprintf(error, size, "no memory for the points");
	if (fine && o->trials == 0) {
		say_none(o, which, error, size);
		fine = false;
	}
	if (fine)
		points_finish(o->points);
	return fine;
}

static void
operand_free(struct operand *o)
{
	points_free(o->points);
	environment_free(&o->environment);
	free(o->text);
}

/* ---- Comparing ---- */

static void
print_operand(const struct operand *o, const char *which)
{
	char summary[ENVIRONMENT_TEXT];

	environment_summary(&o->environment, summary, sizeof(summary));
	printf("%s: %s, series %s", which, o->file, o->series_text);
	for (size_t i = 0; i < o->filters; i++)
		printf(", %s=%s", o->filter[i].name, o->filter[i].value);
	printf(", %" PRIu64 " trials: %s\n", o->trials, summary);
	if (o->not_whole_series > 0)
		printf("   %s", o->not_whole);
	if (o->not_whole_series > 1)
		printf("; %" PRIu64 " more of %s are not whole, either", o->not_whole_series - 1, which);
	if (o->not_whole_series > 0)
		putchar('\n');
}

static int
compare(struct operand *a, struct operand *b, const struct option_values *values)
{
	const char *differing[FILTERS_MOST + 1] = { NULL };
	struct compare_options o = { .metric = option_text(values, "metric"), .differing = differing };
	char error[ERROR_SIZE], where[128];
	struct comparison c;
	size_t count = 0;
	int status;

	o.alpha = strtod(option_text(values, "alpha"), NULL);
	if (!options_parse_percent(option_text(values, "fail-above"), &o.threshold_pct, error, sizeof(error)))
		return command_error(NAME, "--fail-above: %s", error);
	/* What both sides name, and not the same of it, is what they are to differ in. */
	for (size_t i = 0; i < a->filters; i++)
		for (size_t k = 0; k < b->filters; k++)
			if (strcmp(a->filter[i].name, b->filter[k].name) == 0 &&
			    strcmp(a->filter[i].value, b->filter[k].value) != 0 && count < FILTERS_MOST)
				differing[count++] = a->filter[i].name;
	if (!load(a, "A", error, sizeof(error)) || !load(b, "B", error, sizeof(error)) ||
	    !compare_points(a->points, b->points, &o, &c, error, sizeof(error)))
		return command_error(NAME, "%s", error);
	print_operand(a, "A");
	print_operand(b, "B");
	if (environment_difference(a->environment.json, b->environment.json, where, sizeof(where)))
		printf("the environments differ, first in %s\n", where);
	putchar('\n');
	compare_print(stdout, &c, &o);
	status = c.regressions > 0 ? STATUS_CHECK : STATUS_OK;
	compare_free(&c);
	return command_finish(NAME, status);
}

static int
compare_words(char *const *word, size_t words, const struct option_values *values)
{
	struct operand a = { .filters = 0 }, b = { .filters = 0 };
	char error[ERROR_SIZE];
	int status;

	if (words != 2)
		return command_error(NAME, "wanted are two results, A and B: %s", USAGE);
	if (!read_operand(&a, word[0], option_text(values, "db"), "A", error, sizeof(error)) ||
	    !read_operand(&b, word[1], option_text(values, "db"), "B", error, sizeof(error)))
		status = command_error(NAME, "%s", error);
	else
		status = compare(&a, &b, values);
	operand_free(&a);
	operand_free(&b);
	return status;
}

int
command_compare(int argc, char **argv)
{
	static const struct command_form form = {
		.name = NAME,
		.usage = USAGE,
		.notes = "A and B are [FILE][:SERIES][@NAME=VALUE]... : a results file (default --db), the number of a series\n"
		    "in it, last (the default) or all, and what the trials must have: a column or an option of them.\n"
		    "@NAME is @subject=NAME. What A and B name differently is what they differ in; all else pairs their points.\n"
		    "  hamtbench compare before.db after.db             two runs of the same options\n"
		    "  hamtbench compare results.db:3 results.db:4      two series\n"
		    "  hamtbench compare @seed @hamt                    two maps of the last series\n"
		    "  hamtbench compare @hamt@reclaim=hp @hamt@reclaim=hp-fence\n"
		    "Verdicts: faster, slower (shown at --alpha); no difference shown (an interval that holds with 95 % or more lies\n"
		    "within --fail-above); too noisy (it does not); too few trials (no interval holds with 95 %: 3 trials a side give\n"
		    "90 %, 2 give 67 %, 1 gives 0 %).\n"
		    "A percentile of times from retire to free that some trials leave open, since too much still waited, is refused: without\n"
		    "these trials who lets more wait would look the quicker.\n"
		    "Exit status: 0 no regression shown, which may be for noise or too few trials; 1 a regression, 2 bad input.",
		.options = options,
		.words = true,
		.work = compare_words,
	};

	return command_with(&form, argc, argv);
}
