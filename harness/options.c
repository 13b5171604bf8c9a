/*
 * options.c - texts become values once, here, and keep a canonical text.
 * popt takes the command line apart; what it finds is first collected in order,
 * for an option's meaning may depend on how often it was given.
 */
#include "harness/options.h"

#include <ctype.h>
#include <inttypes.h>
#include <popt.h>
#include <string.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

#define COUNT_WANTED "wanted is a whole number such as 4096, 200K, 1.5M or 64Ki"
#define TIME_WANTED "wanted is a time such as 500us, 200ms or 1.5s"
#define CANONICAL_BYTES 1024
/* A cross product beyond this is a slip of the keyboard. */
#define SETS_MAX 1000000u

struct option_value {
	bool set;
	uint64_t number; /* a count, or ns */
	char *text;      /* canonical; NULL when not set */
};

struct option_values {
	const struct plugin_option *table;
	size_t count;
	struct option_value value[];
};

/* ---- Numbers ---- */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit count_units[] = {
	{ "", 1 }, { "K", 1000 }, { "M", 1000000 }, { "G", 1000000000 },
	{ "Ki", UINT64_C(1) << 10 }, { "Mi", UINT64_C(1) << 20 }, { "Gi", UINT64_C(1) << 30 }, { NULL, 0 },
};
static const struct unit time_units[] = {
	{ "ns", 1 }, { "us", NS_PER_US }, { "ms", NS_PER_MS }, { "s", NS_PER_S }, { NULL, 0 },
};

static uint64_t
gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

enum number { NUMBER_OK, NUMBER_NONE, NUMBER_UNIT, NUMBER_NOT_WHOLE, NUMBER_LARGE };

/* Digits, perhaps a point and digits, a unit. *unit = where the unit's text starts. */
static enum number
number_parse(const char *text, const struct unit *units, uint64_t *value, const char **unit)
{
	uint64_t whole = 0, part = 0, scale = 1, divisor;
	bool large = false, fine = false;
	const char *at = text;
	unsigned decimals = 0;

	if (!isdigit((unsigned char)*at))
		return NUMBER_NONE;
	for (; isdigit((unsigned char)*at); at++)
		large = large || __builtin_mul_overflow(whole, UINT64_C(10), &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole);
	if (*at == '.') {
		const char *end = ++at;

		if (!isdigit((unsigned char)*at))
			return NUMBER_NONE;
		for (const char *digit = at; isdigit((unsigned char)*digit); digit++)
			if (*digit != '0')
				end = digit + 1;
		/* Zeros at the end mean nothing; 10^19 is the last power of ten in 64 bits. */
		for (; isdigit((unsigned char)*at); at++) {
			if (at >= end)
				continue;
			if (++decimals > 19) {
				fine = true;
				continue;
			}
			part = part * 10 + (uint64_t)(*at - '0');
			scale *= 10;
		}
	}
	*unit = at;
	while (units->name != NULL && strcmp(units->name, at) != 0)
		units++;
	if (units->name == NULL)
		return NUMBER_UNIT;
	/* In lowest terms part / scale times the factor is whole only if scale divides the factor. */
	divisor = gcd(scale, part);
	part /= divisor;
	scale /= divisor;
	if (fine || units->factor % scale != 0)
		return NUMBER_NOT_WHOLE;
	part *= units->factor / scale;
	if (large || __builtin_mul_overflow(whole, units->factor, &whole) ||
	    __builtin_add_overflow(whole, part, value))
		return NUMBER_LARGE;
	return NUMBER_OK;
}

bool
options_parse_count(const char *text, uint64_t *value, char *error, size_t size)
{
	const char *unit = "";

	switch (number_parse(text, count_units, value, &unit)) {
	case NUMBER_OK:
		return true;
	case NUMBER_NONE:
		if (text[0] == '\0')
			snprintf(error, size, "no number is given; " COUNT_WANTED);
		else if (text[0] == '-' && isdigit((unsigned char)text[1]))
			snprintf(error, size, "'%s' is negative; " COUNT_WANTED, text);
		else
			snprintf(error, size, "'%s' is no number; " COUNT_WANTED, text);
		return false;
	case NUMBER_UNIT:
		snprintf(error, size, "'%s' has the unknown unit '%s'; " COUNT_WANTED, text, unit);
		return false;
	case NUMBER_NOT_WHOLE:
		snprintf(error, size, "'%s' is not whole; " COUNT_WANTED, text);
		return false;
	case NUMBER_LARGE:
		snprintf(error, size, "'%s' is too large: it does not fit in 64 bits", text);
		return false;
	}
	return false;
}

bool
options_parse_time_ns(const char *text, uint64_t *value, char *error, size_t size)
{
	const char *unit = "";

	switch (number_parse(text, time_units, value, &unit)) {
	case NUMBER_OK:
		return true;
	case NUMBER_NONE:
		if (text[0] == '\0')
			snprintf(error, size, "no time is given; " TIME_WANTED);
		else if (text[0] == '-' && isdigit((unsigned char)text[1]))
			snprintf(error, size, "'%s' is negative; " TIME_WANTED, text);
		else
			snprintf(error, size, "'%s' is no time; " TIME_WANTED, text);
		return false;
	case NUMBER_UNIT:
		if (*unit == '\0')
			snprintf(error, size, "'%s' needs a unit: ns, us, ms or s", text);
		else
			snprintf(
			    error, size, "'%s' has the unknown unit '%s': it is ns, us, ms or s", text, unit);
		return false;
	case NUMBER_NOT_WHOLE:
		snprintf(error, size, "'%s' is not a whole number of nanoseconds", text);
		return false;
	case NUMBER_LARGE:
		snprintf(error, size, "'%s' is too large: as ns it does not fit in 64 bits", text);
		return false;
	}
	return false;
}

void
options_format_time(uint64_t ns, char *text, size_t size)
{
	const struct unit *unit = &time_units[3];

	while (unit->factor > 1 && ns % unit->factor != 0)
		unit--;
	snprintf(text, size, "%" PRIu64 "%s", ns / unit->factor, unit->name);
}

/* ---- One value ---- */

static void
value_clear(struct option_value *value)
{
	free(value->text);
	*value = (struct option_value){ 0 };
}

static bool
value_copy(struct option_value *to, const struct option_value *from)
{
	*to = *from;
	if (from->text != NULL)
		to->text = strdup(from->text);
	return from->text == NULL || to->text != NULL;
}

static void
format_number(const struct plugin_option *option, uint64_t number, char *text, size_t size)
{
	if (option->type == OPTION_TIME)
		options_format_time(number, text, size);
	else
		snprintf(text, size, "%" PRIu64, number);
}

static bool
one_line(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* The record is JSON, and so are the texts in it. */
static bool
is_utf8(const char *text)
{
	json_t *string = json_string(text);

	json_decref(string);
	return string != NULL;
}

static bool
value_parse(
    const struct plugin_option *option, const char *text, struct option_value *value, char *error, size_t size)
{
	bool (*parse)(const char *, uint64_t *, char *, size_t) =
	    option->type == OPTION_COUNT ? options_parse_count : options_parse_time_ns;
	char said[512] = "", canonical[CANONICAL_BYTES] = "", least[32], most[32];

	*value = (struct option_value){ .set = true };
	switch (option->type) {
	case OPTION_COUNT:
	case OPTION_TIME:
		if (!parse(text, &value->number, said, sizeof(said))) {
			snprintf(error, size, "--%s: %s", option->name, said);
			return false;
		}
		format_number(option, option->least, least, sizeof(least));
		format_number(option, option->most, most, sizeof(most));
		if (value->number < option->least) {
			snprintf(error, size, "--%s: '%s' is too small: it is at least %s", option->name, text,
			    least);
			return false;
		}
		if (option->most != 0 && value->number > option->most) {
			snprintf(
			    error, size, "--%s: '%s' is too large: it is at most %s", option->name, text, most);
			return false;
		}
		format_number(option, value->number, canonical, sizeof(canonical));
		break;
	case OPTION_TEXT:
		if (option->check != NULL) {
			if (!option->check(text, canonical, sizeof(canonical), said, sizeof(said))) {
				snprintf(error, size, "--%s: %s", option->name, said);
				return false;
			}
		} else if (strlen(text) < sizeof(canonical)) {
			strcpy(canonical, text);
		} else {
			snprintf(error, size, "--%s: the text is longer than %u bytes", option->name,
			    CANONICAL_BYTES - 1);
			return false;
		}
		break;
	case OPTION_FLAG:
		break;
	}
	if (!one_line(canonical) || !is_utf8(canonical)) {
		snprintf(error, size, "--%s: the text has control characters or is not UTF-8", option->name);
		return false;
	}
	value->text = strdup(canonical);
	if (value->text == NULL)
		snprintf(error, size, "--%s: no memory", option->name);
	return value->text != NULL;
}

/* ---- Tables ---- */

static size_t
table_length(const struct plugin_option *table)
{
	size_t n = 0;

	while (table != NULL && table[n].name != NULL)
		n++;
	return n;
}

static bool
name_is_good(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= 40 && name[0] != '-' && name[length - 1] != '-' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

bool
options_table_check(const struct plugin_option *table, char *error, size_t size)
{
	size_t n = table_length(table);

	for (size_t i = 0; i < n; i++) {
		const struct plugin_option *o = &table[i];
		struct option_value value = { 0 };

		if (!name_is_good(o->name)) {
			snprintf(error, size,
			    "option %zu has a name that is not lower-case letters, digits and dashes", i);
			return false;
		}
		for (size_t k = 0; k < i; k++)
			if (strcmp(o->name, table[k].name) == 0) {
				snprintf(error, size, "option --%s is declared twice", o->name);
				return false;
			} else if (o->letter != 0 && o->letter == table[k].letter) {
				snprintf(error, size, "options --%s and --%s have the same letter -%c",
				    table[k].name, o->name, o->letter);
				return false;
			}
		if (o->letter != 0 && !isalnum((unsigned char)o->letter)) {
			snprintf(error, size, "option --%s: its letter is neither letter nor digit", o->name);
			return false;
		}
		if ((unsigned)o->type > OPTION_FLAG) {
			snprintf(error, size, "option --%s: there is no type %u", o->name, (unsigned)o->type);
			return false;
		}
		if (o->help == NULL || !one_line(o->help)) {
			snprintf(error, size, "option --%s has no help of one line", o->name);
			return false;
		}
		if (o->type != OPTION_FLAG && (o->meta == NULL || !one_line(o->meta))) {
			snprintf(error, size, "option --%s has no meta: a word for its value", o->name);
			return false;
		}
		if (o->type == OPTION_FLAG && o->initial != NULL) {
			snprintf(error, size, "option --%s is a flag and has a default", o->name);
			return false;
		}
		if (o->most != 0 && o->least > o->most) {
			snprintf(error, size, "option --%s: the least is above the most", o->name);
			return false;
		}
		if (o->initial != NULL) {
			char said[512];
			bool fine = value_parse(o, o->initial, &value, said, sizeof(said));

			value_clear(&value);
			if (!fine) {
				snprintf(error, size, "its default does not pass: %s", said);
				return false;
			}
		}
	}
	return true;
}

bool
options_check_word(const char *const *words, const char *text, char *canonical, size_t canonical_size,
    char *error, size_t error_size)
{
	size_t used;

	for (const char *const *w = words; *w != NULL; w++)
		if (strcmp(*w, text) == 0) {
			snprintf(canonical, canonical_size, "%s", text);
			return true;
		}
	used = (size_t)snprintf(error, error_size, "'%s' is not known; there are", text);
	for (const char *const *w = words; *w != NULL && used < error_size; w++)
		used += (size_t)snprintf(error + used, error_size - used, "%s %s", w == words ? "" : ",", *w);
	return false;
}

bool
options_parse_percent(const char *text, double *percent, char *error, size_t size)
{
	char *end;
	double value = strtod(text, &end);
	size_t blanks = strspn(end, " ");

	/* strtod() would take blanks, signs, hexadecimal, inf and nan as well. */
	if (text[0] == '\0' || text[strspn(text, "0123456789.")] != *end || end == text || strcmp(end + blanks, "%") != 0 ||
	    strspn(text, "0123456789.") != (size_t)(end - text)) {
		snprintf(error, size, "'%s' is no percentage; wanted is a number and %%, such as 3%%", text);
		return false;
	}
	if (!(value > 0 && value <= 100)) {
		snprintf(error, size, "'%s' is not more than 0%% and at most 100%%", text);
		return false;
	}
	*percent = value;
	return true;
}

bool
options_check_percent(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	double percent;

	if (!options_parse_percent(text, &percent, error, error_size))
		return false;
	snprintf(canonical, canonical_size, "%.*s%%", (int)strspn(text, "0123456789."), text);
	return true;
}

bool
options_check_path(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	if (text[0] == '\0' || strlen(text) >= canonical_size) {
		snprintf(error, error_size, text[0] == '\0' ? "the path is empty" : "the path is too long");
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

/* ---- The command line ---- */

bool
command_line_peek(int argc, char **argv, const char *name, bool (*visit)(void *arg, const char *text), void *arg)
{
	size_t length = strlen(name);

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *word = argv[i];

		if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, length) != 0)
			continue;
		if (word[2 + length] == '=') {
			if (!visit(arg, word + 2 + length + 1))
				return false;
		} else if (word[2 + length] == '\0' && i + 1 < argc) {
			if (!visit(arg, argv[++i]))
				return false;
		}
	}
	return true;
}

/* What popt wants: a table for each group, one of tables, and the texts of the help. */
struct popt_tables {
	struct poptOption *top, *option;
	char **help;
	size_t helps;
};

#define HELP_VALUE 1
#define FIRST_VALUE 2

static void
popt_tables_free(struct popt_tables *t)
{
	for (size_t i = 0; i < t->helps; i++)
		free(t->help[i]);
	free(t->help);
	free(t->option);
	free(t->top);
}

/* The n-th option of all groups has value FIRST_VALUE + n. */
static bool
popt_tables_make(struct popt_tables *t, const struct option_group *group, size_t groups)
{
	size_t all = 0, at = 0, tops = 0;

	for (size_t g = 0; g < groups; g++)
		all += table_length(group[g].options);
	/* Each group's part ends with an empty entry. */
	*t = (struct popt_tables){ .top = calloc(groups + 2, sizeof(*t->top)),
		.option = calloc(all + groups, sizeof(*t->option)),
		.help = calloc(all + groups, sizeof(*t->help)) };
	if (t->top == NULL || t->option == NULL || t->help == NULL)
		return false;
	for (size_t g = 0, value = FIRST_VALUE; g < groups; g++) {
		size_t n = table_length(group[g].options);
		char *title = NULL;

		if (group[g].title == NULL ? asprintf(&title, "Options of %s:", group[g].owner) < 0 :
		        asprintf(&title, "%s:", group[g].title) < 0)
			return false;
		t->help[t->helps++] = title;
		/* A heading with nothing below it helps nobody. */
		if (n > 0)
			t->top[tops++] = (struct poptOption){ .argInfo = POPT_ARG_INCLUDE_TABLE,
				.arg = &t->option[at], .descrip = title };
		for (size_t i = 0; i < n; i++, value++) {
			const struct plugin_option *o = &group[g].options[i];
			char *help = NULL;

			if ((o->initial != NULL ? asprintf(&help, "%s (default %s)", o->help, o->initial) :
			        asprintf(&help, "%s", o->help)) < 0)
				return false;
			t->help[t->helps++] = help;
			t->option[at++] = (struct poptOption){ .longName = o->name, .shortName = o->letter,
				.argInfo = o->type == OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
				.val = (int)value, .descrip = help, .argDescrip = o->meta };
		}
		at++;
	}
	t->top[tops] = (struct poptOption){ .longName = "help", .shortName = 'h', .argInfo = POPT_ARG_NONE,
		.val = HELP_VALUE, .descrip = "say this, and nothing else" };
	return true;
}

static const char *const type_names[] = {
	[OPTION_COUNT] = "a number", [OPTION_TIME] = "a time", [OPTION_TEXT] = "a text", [OPTION_FLAG] = "a flag",
};

/* Do two tables say different things of one option? */
static bool
groups_agree(const struct option_group *group, size_t groups, char *error, size_t size)
{
	for (size_t g = 0; g < groups; g++)
		for (const struct plugin_option *a = group[g].options; a != NULL && a->name != NULL; a++) {
			if (strcmp(a->name, "help") == 0 || a->letter == 'h') {
				snprintf(error, size, "--%s: %s may not declare --help or -h", a->name,
				    group[g].owner);
				return false;
			}
			for (size_t k = 0; k < g; k++)
				for (const struct plugin_option *b = group[k].options;
				     b != NULL && b->name != NULL; b++) {
					bool same = strcmp(a->name, b->name) == 0;

					if (same && a->type != b->type) {
						snprintf(error, size, "--%s: it is %s for %s and %s for %s",
						    a->name, type_names[b->type], group[k].owner,
						    type_names[a->type], group[g].owner);
						return false;
					}
					if (!same && a->letter != 0 && a->letter == b->letter) {
						snprintf(error, size, "-%c: it is --%s for %s and --%s for %s",
						    a->letter, b->name, group[k].owner, a->name,
						    group[g].owner);
						return false;
					}
				}
		}
	return true;
}

static const struct plugin_option *
option_numbered(const struct option_group *group, size_t groups, size_t number)
{
	for (size_t g = 0; g < groups; g++) {
		size_t n = table_length(group[g].options);

		if (number < n)
			return &group[g].options[number];
		number -= n;
	}
	return NULL;
}

static void
say_unknown(const char *option, const struct option_group *group, size_t groups, char *error, size_t size)
{
	/* popt names the whole word, with the value: --foo=3. */
	int used = snprintf(error, size, "%.*s: no such option; it was looked for in ",
	    (int)strcspn(option, "="), option);

	for (size_t g = 0; g < groups; g++) {
		bool seen = false;

		for (size_t k = 0; k < g; k++)
			seen = seen || strcmp(group[k].owner, group[g].owner) == 0;
		if (seen || used < 0 || (size_t)used >= size)
			continue;
		used += snprintf(error + used, size - (size_t)used, "%s%s", g > 0 ? ", " : "", group[g].owner);
	}
}

static bool
line_add(struct command_line *line, const char *name, char *text)
{
	struct option_text *more = realloc(line->given, (line->given_count + 1) * sizeof(*more));

	if (more == NULL)
		return false;
	line->given = more;
	line->given[line->given_count++] = (struct option_text){ name, text };
	return true;
}

bool
command_line_read(struct command_line *line, int argc, char **argv, const struct option_group *group,
    size_t groups, char *error, size_t size)
{
	struct popt_tables tables = { 0 };
	const char **words = NULL, *word;
	poptContext popt = NULL;
	bool fine = false;
	int value;

	*line = (struct command_line){ 0 };
	if (!groups_agree(group, groups, error, size))
		return false;
	/* A copy: popt's words are const. */
	words = calloc((size_t)argc + 1, sizeof(*words));
	line->argument = calloc((size_t)argc + 1, sizeof(*line->argument));
	if (words == NULL || line->argument == NULL || !popt_tables_make(&tables, group, groups))
		goto no_memory;
	for (int i = 0; i < argc; i++)
		words[i] = argv[i];
	popt = poptGetContext("hamtbench", argc, words, tables.top, 0);
	if (popt == NULL)
		goto no_memory;
	while ((value = poptGetNextOpt(popt)) > 0) {
		const struct plugin_option *option;
		char *text;

		if (value == HELP_VALUE) {
			line->help = true;
			continue;
		}
		option = option_numbered(group, groups, (size_t)value - FIRST_VALUE);
		text = option->type == OPTION_FLAG ? strdup("") : poptGetOptArg(popt);
		if (text == NULL || !line_add(line, option->name, text)) {
			free(text);
			goto no_memory;
		}
	}
	if (value < -1) {
		const char *bad = poptBadOption(popt, POPT_BADOPTION_NOALIAS);

		if (bad == NULL)
			bad = "?";
		if (value == POPT_ERROR_BADOPT)
			say_unknown(bad, group, groups, error, size);
		else if (value == POPT_ERROR_NOARG)
			snprintf(error, size, "%s: a value is missing", bad);
		else if (value == POPT_ERROR_UNWANTEDARG)
			snprintf(
			    error, size, "%.*s: it is a flag and takes no value", (int)strcspn(bad, "="), bad);
		else
			snprintf(error, size, "%s: %s", bad, poptStrerror(value));
		goto out;
	}
	while ((word = poptGetArg(popt)) != NULL) {
		line->argument[line->arguments] = strdup(word);
		if (line->argument[line->arguments] == NULL)
			goto no_memory;
		line->arguments++;
	}
	fine = true;
	goto out;
no_memory:
	snprintf(error, size, "no memory for the options");
out:
	poptFreeContext(popt);
	popt_tables_free(&tables);
	free(words);
	if (!fine)
		command_line_free(line);
	return fine;
}

bool
command_line_add(struct command_line *line, const char *name, const char *text)
{
	char *copy = strdup(text);

	if (copy != NULL && line_add(line, name, copy))
		return true;
	free(copy);
	return false;
}

void
command_line_free(struct command_line *line)
{
	for (size_t i = 0; i < line->given_count; i++)
		free(line->given[i].text);
	for (size_t i = 0; i < line->arguments; i++)
		free(line->argument[i]);
	free(line->given);
	free(line->argument);
	*line = (struct command_line){ 0 };
}

void
command_line_help(FILE *out, const char *usage, const struct option_group *group, size_t groups)
{
	const char *word[] = { "hamtbench", NULL };
	struct popt_tables tables = { 0 };
	poptContext popt = NULL;

	if (popt_tables_make(&tables, group, groups))
		popt = poptGetContext("hamtbench", 1, word, tables.top, 0);
	if (popt != NULL) {
		poptSetOtherOptionHelp(popt, usage);
		poptPrintHelp(popt, out, 0);
	}
	poptFreeContext(popt);
	popt_tables_free(&tables);
}

/* ---- Values ---- */

/* All values of one option. */
struct axis {
	struct option_value *value;
	size_t count;
};

static void
axis_free(struct axis *axis)
{
	for (size_t i = 0; i < axis->count; i++)
		value_clear(&axis->value[i]);
	free(axis->value);
	*axis = (struct axis){ 0 };
}

static bool
axis_add(struct axis *axis, const struct plugin_option *option, const char *text, char *error, size_t size)
{
	struct option_value value = { 0 }, *more;

	if (text != NULL && !value_parse(option, text, &value, error, size)) {
		value_clear(&value);
		return false;
	}
	for (size_t i = 0; i < axis->count; i++)
		if (strcmp(axis->value[i].text, value.text) == 0) {
			if (option->type == OPTION_FLAG)
				snprintf(error, size, "--%s: it is given twice", option->name);
			else
				snprintf(error, size, "--%s: '%s' is given twice", option->name, text);
			value_clear(&value);
			return false;
		}
	more = realloc(axis->value, (axis->count + 1) * sizeof(*more));
	if (more == NULL) {
		snprintf(error, size, "--%s: no memory", option->name);
		value_clear(&value);
		return false;
	}
	axis->value = more;
	axis->value[axis->count++] = value;
	return true;
}

/* "1,2,4": the parts one by one; an empty one is given to the parser, which refuses it. */
static bool
axis_add_list(struct axis *axis, const struct plugin_option *option, const char *text, char *error, size_t size)
{
	for (;; text++) {
		size_t length = strcspn(text, ",");
		char *part = strndup(text, length);
		bool fine;

		if (part == NULL) {
			snprintf(error, size, "--%s: no memory", option->name);
			return false;
		}
		fine = axis_add(axis, option, part, error, size);
		free(part);
		if (!fine)
			return false;
		text += length;
		if (*text == '\0')
			return true;
	}
}

/* The values given, else the default, else one value that is not set. */
static bool
axis_make(struct axis *axis, const struct plugin_option *option, const struct command_line *line, char *error,
    size_t size)
{
	bool list = option->type == OPTION_COUNT || option->type == OPTION_TIME;

	*axis = (struct axis){ 0 };
	for (size_t i = 0; i < line->given_count; i++)
		if (strcmp(line->given[i].name, option->name) == 0 &&
		    !(list ? axis_add_list : axis_add)(axis, option, line->given[i].text, error, size)) {
			axis_free(axis);
			return false;
		}
	if (axis->count == 0 && !axis_add(axis, option, option->initial, error, size)) {
		axis_free(axis);
		return false;
	}
	return true;
}

void
options_free(struct option_values *values)
{
	if (values == NULL)
		return;
	for (size_t i = 0; i < values->count; i++)
		value_clear(&values->value[i]);
	free(values);
}

void
option_sets_free(struct option_sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		options_free(sets->set[i]);
	free(sets->set);
	*sets = (struct option_sets){ 0 };
}

/* Set number `number` of the product: its digits, in the mixed base of the axes' lengths, choose the values. */
static struct option_values *
set_make(const struct plugin_option *table, const struct axis *axis, size_t count, size_t number)
{
	struct option_values *set = calloc(1, sizeof(*set) + count * sizeof(set->value[0]));

	if (set == NULL)
		return NULL;
	set->table = table;
	set->count = count;
	for (size_t i = count; i-- > 0; number /= axis[i].count)
		if (!value_copy(&set->value[i], &axis[i].value[number % axis[i].count])) {
			options_free(set);
			return NULL;
		}
	return set;
}

bool
options_sets(const struct plugin_option *table, const struct command_line *line, struct option_sets *sets,
    char *error, size_t size)
{
	size_t count = table_length(table), product = 1;
	struct axis *axis = calloc(count + 1, sizeof(*axis));
	bool fine = axis != NULL;

	*sets = (struct option_sets){ 0 };
	if (!fine)
		snprintf(error, size, "no memory for the options");
	for (size_t i = 0; i < count && fine; i++) {
		fine = axis_make(&axis[i], &table[i], line, error, size);
		if (!fine)
			break;
		/* Both factors are below SETS_MAX + 1 or the length of a command line. */
		product *= axis[i].count;
		if (product > SETS_MAX) {
			snprintf(
			    error, size, "--%s: more than %u combinations of options", table[i].name, SETS_MAX);
			fine = false;
		}
	}
	if (fine && (sets->set = calloc(product, sizeof(struct option_values *))) == NULL) {
		snprintf(error, size, "no memory for %zu combinations of options", product);
		fine = false;
	}
	for (; fine && sets->count < product; sets->count++) {
		sets->set[sets->count] = set_make(table, axis, count, sets->count);
		if (sets->set[sets->count] == NULL) {
			snprintf(error, size, "no memory for %zu combinations of options", product);
			fine = false;
			break;
		}
	}
	for (size_t i = 0; axis != NULL && i < count; i++)
		axis_free(&axis[i]);
	free(axis);
	if (!fine)
		option_sets_free(sets);
	return fine;
}

bool
options_single(const struct plugin_option *table, const struct command_line *line, struct option_values **values,
    char *error, size_t size)
{
	struct option_sets sets;

	for (size_t i = 0; i < table_length(table); i++) {
		struct axis axis;
		size_t count;

		if (!axis_make(&axis, &table[i], line, error, size))
			return false;
		count = axis.count;
		axis_free(&axis);
		if (count > 1) {
			snprintf(error, size, "--%s: it takes one value, %zu are given", table[i].name, count);
			return false;
		}
	}
	if (!options_sets(table, line, &sets, error, size))
		return false;
	*values = sets.set[0];
	free(sets.set);
	return true;
}

bool
options_counts(const struct plugin_option *option, const struct command_line *line, uint64_t **values,
    size_t *count, char *error, size_t size)
{
	struct axis axis;

	invariant(option->type == OPTION_COUNT);
	if (!axis_make(&axis, option, line, error, size))
		return false;
	/* Without values and without a default the one value is not set. */
	*count = axis.value[0].set ? axis.count : 0;
	*values = calloc(axis.count, sizeof(**values));
	for (size_t i = 0; *values != NULL && i < *count; i++)
		(*values)[i] = axis.value[i].number;
	axis_free(&axis);
	if (*values == NULL)
		snprintf(error, size, "--%s: no memory", option->name);
	return *values != NULL;
}

void
options_varied(const struct option_sets *sets, size_t at, char *text, size_t size)
{
	const struct option_values *mine = sets->set[at];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < mine->count; i++) {
		const struct option_value *value = &mine->value[i];
		bool differs = false;

		/* Either all sets have a value for an option, or none has. */
		for (size_t s = 0; s < sets->count && value->set; s++)
			differs = differs || strcmp(sets->set[s]->value[i].text, value->text) != 0;
		if (differs && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s=%s", used > 0 ? " " : "",
			    mine->table[i].name, value->text);
	}
}

json_t *
options_json(const struct option_values *values)
{
	json_t *object = json_object();

	for (size_t i = 0; object != NULL && i < values->count; i++) {
		const struct plugin_option *option = &values->table[i];
		const struct option_value *value = &values->value[i];
		json_t *one;

		if (option->type == OPTION_FLAG)
			one = json_boolean(value->set);
		else if (!value->set)
			one = json_null();
		else if (option->type == OPTION_COUNT && value->number <= INT64_MAX)
			one = json_integer((json_int_t)value->number);
		else
			one = json_string(value->text);
		if (json_object_set_new(object, option->name, one) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* ---- What a plug-in asks ---- */

static const struct option_value *
value_of(const struct option_values *values, const char *name, const char *asked_by, bool any_type,
    enum option_type type)
{
	for (size_t i = 0; values != NULL && i < values->count; i++)
		if (strcmp(values->table[i].name, name) == 0 && (any_type || values->table[i].type == type))
			return &values->value[i];
	fprintf(stderr, "misuse: %s: the plug-in declares no option '%s' of that type\n", asked_by, name);
	abort();
}

uint64_t
option_count(const struct option_values *values, const char *name)
{
	return value_of(values, name, "option_count", false, OPTION_COUNT)->number;
}

uint64_t
option_time_ns(const struct option_values *values, const char *name)
{
	return value_of(values, name, "option_time_ns", false, OPTION_TIME)->number;
}

const char *
option_text(const struct option_values *values, const char *name)
{
	return value_of(values, name, "option_text", false, OPTION_TEXT)->text;
}

bool
option_flag(const struct option_values *values, const char *name)
{
	return value_of(values, name, "option_flag", false, OPTION_FLAG)->set;
}

bool
option_is_set(const struct option_values *values, const char *name)
{
	return value_of(values, name, "option_is_set", true, OPTION_TEXT)->set;
}
