/*
 * What is typed is understood exactly or refused with a line that says why.
 */
/* not under tsan: one thread */
#include <inttypes.h>

#include "core/tests/check.h"
#include "harness/options.h"

#define LARGE UINT64_C(18446744073709551615)

/* ---- Numbers ---- */

struct number {
	const char *text;
	uint64_t value;
	const char *error; /* NULL: it is good */
};

static void
check_numbers(const struct number *n, size_t count,
    bool (*parse)(const char *text, uint64_t *value, char *error, size_t size))
{
	for (size_t i = 0; i < count; i++) {
		char error[300] = "";
		uint64_t value = 0;
		bool good = parse(n[i].text, &value, error, sizeof(error));

		if (good != (n[i].error == NULL) || (good && value != n[i].value) ||
		    (!good && strcmp(error, n[i].error) != 0))
			fprintf(stderr, "# '%s': %s, %" PRIu64 ", %s\n", n[i].text, good ? "good" : "refused",
			    value, error);
		CHECK(good == (n[i].error == NULL));
		if (good)
			CHECK_EQ(value, n[i].value);
		else
			CHECK(strcmp(error, n[i].error) == 0);
	}
}

#define WANTED "; wanted is a whole number such as 4096, 200K, 1.5M or 64Ki"

static void
counts_are_exact(void)
{
	static const struct number numbers[] = {
		{ "0", 0, NULL },
		{ "00", 0, NULL },
		{ "4096", 4096, NULL },
		{ "200K", 200000, NULL },
		{ "1M", 1000000, NULL },
		{ "1.5M", 1500000, NULL },
		{ "1.500000M", 1500000, NULL },
		{ "0.001K", 1, NULL },
		{ "2G", 2000000000, NULL },
		{ "64Ki", 65536, NULL },
		{ "0.25Ki", 256, NULL },
		{ "0.0009765625Ki", 1, NULL },
		{ "1Mi", 1048576, NULL },
		{ "3Gi", UINT64_C(3221225472), NULL },
		{ "1.0", 1, NULL },
		{ "18446744073709551615", LARGE, NULL },
		{ "18446744073.709551615G", LARGE, NULL },
		{ "18446744073709551616", 0,
		    "'18446744073709551616' is too large: it does not fit in 64 bits" },
		{ "18446744073.709551616G", 0,
		    "'18446744073.709551616G' is too large: it does not fit in 64 bits" },
		{ "99999999999999999999999999999", 0,
		    "'99999999999999999999999999999' is too large: it does not fit in 64 bits" },
		{ "20000000000G", 0, "'20000000000G' is too large: it does not fit in 64 bits" },
		{ "", 0, "no number is given" WANTED },
		{ "-5", 0, "'-5' is negative" WANTED },
		{ "+5", 0, "'+5' is no number" WANTED },
		{ " 5", 0, "' 5' is no number" WANTED },
		{ "K", 0, "'K' is no number" WANTED },
		{ ".5K", 0, "'.5K' is no number" WANTED },
		{ "5.K", 0, "'5.K' is no number" WANTED },
		{ "5 ", 0, "'5 ' has the unknown unit ' '" WANTED },
		{ "5k", 0, "'5k' has the unknown unit 'k'" WANTED },
		{ "5KK", 0, "'5KK' has the unknown unit 'KK'" WANTED },
		{ "5x", 0, "'5x' has the unknown unit 'x'" WANTED },
		{ "0x10", 0, "'0x10' has the unknown unit 'x10'" WANTED },
		{ "1e3", 0, "'1e3' has the unknown unit 'e3'" WANTED },
		{ "1.5", 0, "'1.5' is not whole" WANTED },
		{ "1.2345K", 0, "'1.2345K' is not whole" WANTED },
		{ "0.1Ki", 0, "'0.1Ki' is not whole" WANTED },
		{ "1.00000000000000000001G", 0, "'1.00000000000000000001G' is not whole" WANTED },
	};

	check_numbers(numbers, sizeof(numbers) / sizeof(numbers[0]), options_parse_count);
}

#define WANTED_TIME "; wanted is a time such as 500us, 200ms or 1.5s"

static void
times_need_a_unit(void)
{
	static const struct number times[] = {
		{ "5s", UINT64_C(5000000000), NULL },
		{ "200ms", 200000000, NULL },
		{ "1.5s", 1500000000, NULL },
		{ "7us", 7000, NULL },
		{ "1ns", 1, NULL },
		{ "0s", 0, NULL },
		{ "0.000000001s", 1, NULL },
		{ "5", 0, "'5' needs a unit: ns, us, ms or s" },
		{ "1.5", 0, "'1.5' needs a unit: ns, us, ms or s" },
		{ "5m", 0, "'5m' has the unknown unit 'm': it is ns, us, ms or s" },
		{ "5 s", 0, "'5 s' has the unknown unit ' s': it is ns, us, ms or s" },
		{ "5S", 0, "'5S' has the unknown unit 'S': it is ns, us, ms or s" },
		{ "1.5ns", 0, "'1.5ns' is not a whole number of nanoseconds" },
		{ "0.0000000001s", 0, "'0.0000000001s' is not a whole number of nanoseconds" },
		{ "", 0, "no time is given" WANTED_TIME },
		{ "-1s", 0, "'-1s' is negative" WANTED_TIME },
		{ "s", 0, "'s' is no time" WANTED_TIME },
		{ "18446744074s", 0, "'18446744074s' is too large: as ns it does not fit in 64 bits" },
	};

	check_numbers(times, sizeof(times) / sizeof(times[0]), options_parse_time_ns);
}

static void
formatted_times_are_read_back(void)
{
	static const struct { uint64_t ns; const char *text; } times[] = {
		{ 0, "0s" }, { 1, "1ns" }, { 1500, "1500ns" }, { 2000, "2us" }, { 1500000000, "1500ms" },
		{ UINT64_C(60000000000), "60s" }, { LARGE, "18446744073709551615ns" },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char text[32], error[100];
		uint64_t back;

		options_format_time(times[i].ns, text, sizeof(text));
		CHECK(strcmp(text, times[i].text) == 0);
		CHECK(options_parse_time_ns(text, &back, error, sizeof(error)));
		CHECK_EQ(back, times[i].ns);
	}
}

/* ---- Tables and command lines ---- */

/* Accepts words without an 'x', and makes them lower case. */
static bool
check_word(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	size_t i = 0;

	if (strchr(text, 'x') != NULL) {
		snprintf(error, error_size, "'%s' has an x", text);
		return false;
	}
	for (; text[i] != '\0' && i + 1 < canonical_size; i++)
		canonical[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
	canonical[i] = '\0';
	return true;
}

static const struct plugin_option table[] = {
	{ .name = "keys",
	    .letter = 'r',
	    .type = OPTION_COUNT,
	    .initial = "1K",
	    .meta = "N",
	    .least = 1,
	    .most = 1000000,
	    .help = "keys" },
	{ .name = "wait",
	    .type = OPTION_TIME,
	    .initial = "5ms",
	    .meta = "TIME",
	    .least = 1000,
	    .help = "wait" },
	{ .name = "word",
	    .letter = 'w',
	    .type = OPTION_TEXT,
	    .initial = "None",
	    .meta = "WORD",
	    .check = check_word,
	    .help = "word" },
	{ .name = "free-text", .type = OPTION_TEXT, .meta = "TEXT", .help = "anything" },
	{ .name = "fill", .type = OPTION_COUNT, .meta = "N", .help = "fill" },
	{ .name = "loud", .letter = 'l', .type = OPTION_FLAG, .help = "loud" },
	{ .name = NULL },
};
static const struct plugin_option other_table[] = {
	{ .name = "depth", .type = OPTION_COUNT, .initial = "3", .meta = "N", .help = "depth" },
	{ .name = "word", .type = OPTION_TEXT, .meta = "WORD", .help = "word" },
	{ .name = NULL },
};
static const struct option_group groups[] = {
	{ .owner = "run", .title = "Options", .options = table },
	{ .owner = "subject other", .options = other_table },
	{ .owner = "subject bare", .options = NULL },
};

#define MOST_WORDS 24

/* Reads a line given as words with blanks between. */
static bool
read_line(const char *text, struct command_line *line, char *error, size_t size)
{
	char copy[500], *next = copy, *argv[MOST_WORDS + 1] = { copy };
	int argc = 0;

	snprintf(copy, sizeof(copy), "run %s", text);
	for (char *word; (word = strsep(&next, " ")) != NULL && argc < MOST_WORDS;)
		argv[argc++] = word;
	argv[argc] = NULL;
	return command_line_read(line, argc, argv, groups, 3, error, size);
}

static struct option_values *
values_of(const char *text)
{
	struct option_values *values = NULL;
	struct command_line line;
	char error[500] = "";

	CHECK(read_line(text, &line, error, sizeof(error)));
	if (!options_single(table, &line, &values, error, sizeof(error)))
		fprintf(stderr, "# %s\n", error);
	CHECK(values != NULL);
	command_line_free(&line);
	return values;
}

static void
defaults_hold_without_options(void)
{
	struct option_values *v = values_of("--depth=4");

	CHECK_EQ(option_count(v, "keys"), 1000);
	CHECK_EQ(option_time_ns(v, "wait"), 5000000);
	CHECK(strcmp(option_text(v, "word"), "none") == 0);
	CHECK(option_text(v, "free-text") == NULL);
	CHECK(!option_flag(v, "loud"));
	CHECK(option_is_set(v, "keys"));
	CHECK(!option_is_set(v, "fill") && option_count(v, "fill") == 0);
	options_free(v);
}

static void
options_are_read_in_every_spelling(void)
{
	struct option_values *v = values_of("-r 5K --wait=2us --word ABC --free-text a,b=c --fill 0 -l");

	CHECK_EQ(option_count(v, "keys"), 5000);
	CHECK_EQ(option_time_ns(v, "wait"), 2000);
	CHECK(strcmp(option_text(v, "word"), "abc") == 0);
	CHECK(strcmp(option_text(v, "free-text"), "a,b=c") == 0);
	CHECK(option_is_set(v, "fill") && option_count(v, "fill") == 0);
	CHECK(option_flag(v, "loud"));
	options_free(v);
	v = values_of("-r7 --loud -wQ");
	CHECK_EQ(option_count(v, "keys"), 7);
	CHECK(strcmp(option_text(v, "word"), "q") == 0);
	options_free(v);
}

/* Every one of these lines is refused with exactly this text. */
static void
bad_lines_are_refused(void)
{
	static const struct {
		const char *line, *error;
	} bad[] = {
		{ "--nonsense",
		    "--nonsense: no such option; it was looked for in run, subject other, subject bare" },
		{ "--nonsense=3",
		    "--nonsense: no such option; it was looked for in run, subject other, subject bare" },
		{ "--key 3", "--key: no such option; it was looked for in run, subject other, subject bare" },
		{ "-z", "-z: no such option; it was looked for in run, subject other, subject bare" },
		{ "--keys", "--keys: a value is missing" },
		{ "--loud=yes", "--loud: it is a flag and takes no value" },
		{ "--keys 0", "--keys: '0' is too small: it is at least 1" },
		{ "--keys 2M", "--keys: '2M' is too large: it is at most 1000000" },
		{ "--keys 12Q", "--keys: '12Q' has the unknown unit 'Q'" WANTED },
		{ "--keys=", "--keys: no number is given" WANTED },
		{ "--keys 1K,,2K", "--keys: no number is given" WANTED },
		{ "--keys 1K,", "--keys: no number is given" WANTED },
		{ "--keys 1K,2K", "--keys: it takes one value, 2 are given" },
		{ "--keys 1K --keys 2K", "--keys: it takes one value, 2 are given" },
		{ "--keys 1K,1000", "--keys: '1000' is given twice" },
		{ "--keys 1K -r 1000", "--keys: '1000' is given twice" },
		{ "--wait 5", "--wait: '5' needs a unit: ns, us, ms or s" },
		{ "--wait 999ns", "--wait: '999ns' is too small: it is at least 1us" },
		{ "--word xyz", "--word: 'xyz' has an x" },
		{ "--word ABC --word abc", "--word: 'abc' is given twice" },
		{ "--loud --loud", "--loud: it is given twice" },
		{ "--free-text a\nb", "--free-text: the text has control characters or is not UTF-8" },
		{ "--free-text a\xff", "--free-text: the text has control characters or is not UTF-8" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct option_values *values = NULL;
		struct command_line line = { 0 };
		char error[500] = "";
		bool good = read_line(bad[i].line, &line, error, sizeof(error)) &&
		    options_single(table, &line, &values, error, sizeof(error));

		if (good || strcmp(error, bad[i].error) != 0)
			fprintf(stderr, "# '%s': %s%s\n", bad[i].line, good ? "accepted" : "", error);
		CHECK(!good);
		CHECK(strcmp(error, bad[i].error) == 0);
		command_line_free(&line);
	}
}

static void
arguments_and_help_are_told_apart(void)
{
	struct command_line line;
	char error[300];

	CHECK(read_line("one --keys 3 two -- --three", &line, error, sizeof(error)));
	CHECK_EQ(line.arguments, 3);
	CHECK(strcmp(line.argument[0], "one") == 0 && strcmp(line.argument[2], "--three") == 0);
	CHECK(!line.help);
	command_line_free(&line);
	CHECK(read_line("--help --keys nonsense", &line, error, sizeof(error)));
	CHECK(line.help);
	command_line_free(&line);
}

/* Every combination once, the last option of the table changing quickest. */
static void
axes_make_a_cross_product(void)
{
	static const char *const wanted[] = {
		"keys=1000 word=a", "keys=1000 word=b", "keys=2000 word=a", "keys=2000 word=b", "keys=3 word=a",
		"keys=3 word=b",
	};
	struct option_sets sets;
	struct command_line line;
	char error[300], text[100];

	CHECK(read_line("--keys 1K,2K --word A -r 3 --word=B --depth 1,2", &line, error, sizeof(error)));
	CHECK(options_sets(table, &line, &sets, error, sizeof(error)));
	CHECK_EQ(sets.count, 6);
	for (size_t i = 0; i < sets.count; i++) {
		options_varied(&sets, i, text, sizeof(text));
		CHECK(strcmp(text, wanted[i]) == 0);
	}
	option_sets_free(&sets);
	/* The other table sees its own options only. */
	CHECK(options_sets(other_table, &line, &sets, error, sizeof(error)));
	CHECK_EQ(sets.count, 4);
	CHECK_EQ(option_count(sets.set[3], "depth"), 2);
	CHECK(strcmp(option_text(sets.set[3], "word"), "B") == 0);
	option_sets_free(&sets);
	CHECK(options_sets(NULL, &line, &sets, error, sizeof(error)));
	CHECK_EQ(sets.count, 1);
	options_varied(&sets, 0, text, sizeof(text));
	CHECK(text[0] == '\0');
	option_sets_free(&sets);
	command_line_free(&line);
}

static void
too_many_combinations_are_refused(void)
{
	char text[480] = "--keys 1", error[300];
	struct option_sets sets;
	struct command_line line;

	/* 33 values each of three options are fewer than a million, of four more. */
	for (unsigned i = 2; i <= 33; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%u", i);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), " --fill 1");
	for (unsigned i = 2; i <= 33; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%u", i);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), " --wait 1us");
	for (unsigned i = 2; i <= 33; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%uus", i);
	CHECK(read_line(text, &line, error, sizeof(error)));
	CHECK(options_sets(table, &line, &sets, error, sizeof(error)));
	CHECK_EQ(sets.count, 33 * 33 * 33);
	option_sets_free(&sets);
	for (unsigned i = 0; i < 33; i++) {
		struct option_text *more = realloc(line.given, (line.given_count + 1) * sizeof(*more));
		char word[8];

		CHECK(more != NULL);
		line.given = more;
		snprintf(word, sizeof(word), "w%u", i);
		line.given[line.given_count++] = (struct option_text){ "free-text", strdup(word) };
	}
	CHECK(!options_sets(table, &line, &sets, error, sizeof(error)));
	CHECK(strcmp(error, "--fill: more than 1000000 combinations of options") == 0);
	command_line_free(&line);
}

static void
counts_come_as_a_list(void)
{
	static const struct plugin_option bare = {
		.name = "fill", .type = OPTION_COUNT, .meta = "N", .help = "fill"
	};
	uint64_t *value;
	struct command_line line;
	char error[300];
	size_t count;

	CHECK(read_line("--fill 1,2K --fill 3", &line, error, sizeof(error)));
	CHECK(options_counts(&bare, &line, &value, &count, error, sizeof(error)));
	CHECK_EQ(count, 3);
	CHECK(value[0] == 1 && value[1] == 2000 && value[2] == 3);
	free(value);
	command_line_free(&line);
	CHECK(read_line("--keys 5", &line, error, sizeof(error)));
	CHECK(options_counts(&bare, &line, &value, &count, error, sizeof(error)));
	CHECK_EQ(count, 0);
	free(value);
	command_line_free(&line);
}

/* The record's text: sorted keys, numbers as numbers, what is unset null. */
static void
values_become_json(void)
{
	struct option_values *v = values_of("--wait 1500us --free-text a\"b --fill 18446744073709551615");
	json_t *json = options_json(v);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

	CHECK(text != NULL);
	CHECK(strcmp(text,
		  "{\"fill\":\"18446744073709551615\",\"free-text\":\"a\\\"b\",\"keys\":1000,\"loud\":false,"
		  "\"wait\":\"1500us\",\"word\":\"none\"}") == 0);
	free(text);
	json_decref(json);
	options_free(v);
	v = values_of("--loud");
	json = options_json(v);
	CHECK(json_is_true(json_object_get(json, "loud")));
	CHECK(json_is_null(json_object_get(json, "free-text")));
	json_decref(json);
	options_free(v);
}

static bool
collect(void *arg, const char *text)
{
	char *all = arg;

	strcat(strcat(all, text), ";");
	return strcmp(text, "stop") != 0;
}

static void
peek_finds_what_read_would(void)
{
	char *argv[] = { (char[]){ "run" }, (char[]){ "--subject" }, (char[]){ "a,b" }, (char[]){ "--subjects" },
		(char[]){ "c" }, (char[]){ "--subject=d" }, (char[]){ "--" }, (char[]){ "--subject=e" }, NULL };
	char *stop[] = { (char[]){ "run" }, (char[]){ "--subject=stop" }, (char[]){ "--subject=f" }, NULL };
	char all[100] = "";

	CHECK(command_line_peek(8, argv, "subject", collect, all));
	CHECK(strcmp(all, "a,b;d;") == 0);
	all[0] = '\0';
	CHECK(!command_line_peek(3, stop, "subject", collect, all));
	CHECK(strcmp(all, "stop;") == 0);
}

static void
contradicting_tables_are_refused(void)
{
	static const struct plugin_option typed[] = {
		{ .name = "keys", .type = OPTION_TEXT, .meta = "T", .help = "t" }, { .name = NULL } };
	static const struct plugin_option lettered[] = {
		{ .name = "rate", .letter = 'r', .type = OPTION_COUNT, .meta = "N", .help = "t" },
		{ .name = NULL }
	};
	static const struct plugin_option helping[] = {
		{ .name = "help", .type = OPTION_FLAG, .help = "t" }, { .name = NULL } };
	static const struct { const struct plugin_option *with; const char *error; } bad[] = {
		{ typed, "--keys: it is a number for run and a text for subject x" },
		{ lettered, "-r: it is --keys for run and --rate for subject x" },
		{ helping, "--help: subject x may not declare --help or -h" },
	};

	for (size_t i = 0; i < 3; i++) {
		const struct option_group two[] = { { "run", NULL, table }, { "subject x", NULL, bad[i].with } };
		char *argv[] = { (char[]){ "run" }, NULL }, error[300] = "";
		struct command_line line;

		CHECK(!command_line_read(&line, 1, argv, two, 2, error, sizeof(error)));
		CHECK(strcmp(error, bad[i].error) == 0);
	}
}

static void
bad_tables_are_refused(void)
{
	static const struct {
		struct plugin_option option[3];
		const char *error;
	} bad[] = {
		{ { { .name = "Keys", .type = OPTION_FLAG, .help = "h" } },
		    "option 0 has a name that is not lower-case letters, digits and dashes" },
		{ { { .name = "", .type = OPTION_FLAG, .help = "h" } },
		    "option 0 has a name that is not lower-case letters, digits and dashes" },
		{ { { .name = "a", .type = OPTION_FLAG, .help = "h" },
		      { .name = "a", .type = OPTION_FLAG, .help = "h" } },
		    "option --a is declared twice" },
		{ { { .name = "a", .letter = 'a', .type = OPTION_FLAG, .help = "h" },
		      { .name = "b", .letter = 'a', .type = OPTION_FLAG, .help = "h" } },
		    "options --a and --b have the same letter -a" },
		{ { { .name = "a", .letter = '-', .type = OPTION_FLAG, .help = "h" } },
		    "option --a: its letter is neither letter nor digit" },
		{ { { .name = "a", .type = (enum option_type)9, .help = "h" } },
		    "option --a: there is no type 9" },
		{ { { .name = "a", .type = OPTION_FLAG } }, "option --a has no help of one line" },
		{ { { .name = "a", .type = OPTION_FLAG, .help = "two\nlines" } },
		    "option --a has no help of one line" },
		{ { { .name = "a", .type = OPTION_COUNT, .help = "h" } },
		    "option --a has no meta: a word for its value" },
		{ { { .name = "a", .type = OPTION_FLAG, .help = "h", .initial = "on" } },
		    "option --a is a flag and has a default" },
		{ { { .name = "a", .type = OPTION_COUNT, .meta = "N", .help = "h", .least = 3, .most = 2 } },
		    "option --a: the least is above the most" },
		{ { { .name = "a", .type = OPTION_TIME, .meta = "N", .help = "h", .initial = "5" } },
		    "its default does not pass: --a: '5' needs a unit: ns, us, ms or s" },
		{ { { .name = "a",
		      .type = OPTION_COUNT,
		      .meta = "N",
		      .help = "h",
		      .initial = "5",
		      .most = 4 } },
		    "its default does not pass: --a: '5' is too large: it is at most 4" },
	};
	char error[300] = "";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(!options_table_check(bad[i].option, error, sizeof(error)));
		if (strcmp(error, bad[i].error) != 0)
			fprintf(stderr, "# %s\n", error);
		CHECK(strcmp(error, bad[i].error) == 0);
	}
	CHECK(options_table_check(table, error, sizeof(error)));
	CHECK(options_table_check(NULL, error, sizeof(error)));
}

static void
ask_unknown_name(void *arg)
{
	option_count(arg, "nonsense");
}

static void
ask_other_type(void *arg)
{
	option_count(arg, "word");
}

static void
ask_no_table(void *arg)
{
	(void)arg;
	option_is_set(NULL, "keys");
}

static void
asking_wrongly_aborts(void)
{
	struct option_values *v = values_of("-l");

	CHECK(check_aborts(
	    ask_unknown_name, v, "misuse: option_count: the plug-in declares no option 'nonsense'"));
	CHECK(check_aborts(ask_other_type, v, "misuse: option_count: the plug-in declares no option 'word'"));
	CHECK(check_aborts(ask_no_table, NULL, "misuse: option_is_set: the plug-in declares no option 'keys'"));
	options_free(v);
}

static void
help_names_every_option(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(out != NULL);
	command_line_help(out, "run [OPTION...]", groups, 3);
	CHECK(fclose(out) == 0);
	CHECK(strstr(text, "Usage: hamtbench run [OPTION...]\n") == text);
	CHECK(strstr(text, "-r, --keys=N") != NULL);
	CHECK(strstr(text, "(default 5ms)") != NULL);
	CHECK(strstr(text, "Options of subject other:") != NULL);
	CHECK(strstr(text, "--depth=N") != NULL);
	CHECK(strstr(text, "bare") == NULL);
	free(text);
}

int
main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(counts_are_exact),
		TEST(times_need_a_unit),
		TEST(formatted_times_are_read_back),
		TEST(defaults_hold_without_options),
		TEST(options_are_read_in_every_spelling),
		TEST(bad_lines_are_refused),
		TEST(arguments_and_help_are_told_apart),
		TEST(axes_make_a_cross_product),
		TEST(too_many_combinations_are_refused),
		TEST(counts_come_as_a_list),
		TEST(values_become_json),
		TEST(peek_finds_what_read_would),
		TEST(contradicting_tables_are_refused),
		TEST(bad_tables_are_refused),
		TEST(asking_wrongly_aborts),
		TEST(help_names_every_option),
	};

	return RUN_TESTS(argc, argv, tests);
}
