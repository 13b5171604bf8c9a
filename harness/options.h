/*
 * options.h - from what was typed to checked values: numbers with units, one
 * command line read against several tables of typed options, and the cross
 * product of the options that were given more than one value.
 *
 * A table is an array of struct plugin_option (harness/plugin.h). hamtbench's
 * own options and those of the plug-ins are the same thing, in several tables.
 * Every error is one line without newline; it starts with the option's name.
 * Threads: any number at once, each with its own objects.
 */
#ifndef HARNESS_OPTIONS_H
#define HARNESS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "core/base.h"
#include "harness/plugin.h"

/* ---- Numbers ---- */

/*
 * options_parse_count - "4096", "200K", "1.5M", "64Ki": a whole number, with K, M, G
 * for 10^3, 10^6, 10^9 or Ki, Mi, Gi for 2^10, 2^20, 2^30. A fraction is
 * allowed where the result is whole: nothing is rounded.
 * Returns   true and *value; false and what is wrong with it: empty, negative, not a
 *           number, not whole, 2^64 or more.
 */
bool options_parse_count(const char *text, uint64_t *value, char *error, size_t size) MUST_USE;

/* options_parse_time_ns - "5s", "200ms", "1.5s": the same in ns; the unit ns, us, ms or s must be there. */
bool options_parse_time_ns(const char *text, uint64_t *value, char *error, size_t size) MUST_USE;

/* options_parse_percent - "3%", "0.5 %": more than 0 and at most 100; the sign must be there. Errors as above. */
bool options_parse_percent(const char *text, double *percent, char *error, size_t size) MUST_USE;

/* options_check_percent - a plugin_option.check for these. */
bool options_check_percent(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size);

/* options_format_time - the shortest text that options_parse_time_ns() takes back: "1500ms". */
void options_format_time(uint64_t ns, char *text, size_t size);

/* ---- Tables ---- */

/*
 * options_table_check - is this a table that can be used? A plug-in may say anything.
 * Wanted: names of lower-case letters, digits and dashes, letters and names
 * unique, help and meta on one line, a default that passes its own check, no default for a flag.
 * Returns   true; false and one line in error. NULL, the empty table, passes.
 */
bool options_table_check(const struct plugin_option *table, char *error, size_t size) MUST_USE;

/* One table and whose it is. */
struct option_group {
	const char *owner; /* for messages and as a heading: "run", "workload mixed" */
	const char *title; /* heading in the help; NULL: owner */
	const struct plugin_option *options; /* may be NULL */
};

/* options_check_word - for plugin_option.check: is text one of the words of a NULL-ended list? */
bool options_check_word(const char *const *words, const char *text, char *canonical, size_t canonical_size,
    char *error, size_t error_size);

/* options_check_path - a plugin_option.check: any path that is not empty and not too long. */
bool options_check_path(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size);

/* ---- The command line ---- */

struct option_text {
	const char *name; /* the table's */
	char *text;       /* as given; "" for a flag */
};

struct command_line {
	struct option_text *given; /* in the order of the command line */
	size_t given_count;
	char **argument;           /* what is no option */
	size_t arguments;
	bool help;                 /* --help was given */
};

/*
 * command_line_peek - the values of one long option that takes a value, before
 * all tables are known. visit returns false to stop.
 * Returns   what the last visit did, true without any.
 */
bool command_line_peek(int argc, char **argv, const char *name,
    bool (*visit)(void *arg, const char *text), void *arg);

/*
 * command_line_read - understand argv[1 ..] by the tables of all groups
 * together, and --help (-h). The same name in two groups is one option for both.
 * Returns   true, and command_line_free() is owed; false and one line in error: an
 *           option that no group has (names the owners), no value, a value for a
 *           flag, tables that contradict each other, no memory.
 */
bool command_line_read(struct command_line *line, int argc, char **argv, const struct option_group *group,
    size_t groups, char *error, size_t size) MUST_USE;
/* command_line_add - one more value, as if given last; name must outlive the line. False: no memory. */
bool command_line_add(struct command_line *line, const char *name, const char *text) MUST_USE;
void command_line_free(struct command_line *line);

/* command_line_help - "Usage: " usage, and the options of all groups with their defaults, to out. */
void command_line_help(FILE *out, const char *usage, const struct option_group *group, size_t groups);

/* ---- Values ---- */

/*
 * options_single - the values of one table; every option has at most one.
 * options_sets   - all combinations of values of one table: an option that was
 * given more than once, or with a list "1K,2K" where it is a count or a time, is an
 * axis. The last option of the table changes quickest.
 * Names that the table does not have are none of its business.
 * Returns   true, and options_free() or option_sets_free() is owed; false and one line in
 *           error: a value that is malformed or out of range, the same value
 *           twice, more than one value (single), no memory.
 */
bool options_single(const struct plugin_option *table, const struct command_line *line,
    struct option_values **values, char *error, size_t size) MUST_USE;

struct option_sets {
	struct option_values **set;
	size_t count; /* at least 1 */
};

bool options_sets(const struct plugin_option *table, const struct command_line *line, struct option_sets *sets,
    char *error, size_t size) MUST_USE;

void options_free(struct option_values *values); /* NULL is allowed */
void option_sets_free(struct option_sets *sets);

/*
 * options_counts - all values of one OPTION_COUNT, given or its default: *count of
 * them, for free(). Errors as in options_sets().
 */
bool options_counts(const struct plugin_option *option, const struct command_line *line, uint64_t **values,
    size_t *count, char *error, size_t size) MUST_USE;

/*
 * options_varied - what set number `at` has of its own: "keys=1000 prefill=10", the
 * options whose values differ between the sets, in their canonical form; "" for one set.
 * What does not fit is cut off.
 */
void options_varied(const struct option_sets *sets, size_t at, char *text, size_t size);

/*
 * options_json - the values as one object for the record: counts are numbers
 * (strings from 2^63 on), times texts with a unit, flags true or false, what is
 * unset null. NULL = no memory.
 */
json_t *options_json(const struct option_values *values) MUST_USE;

#endif
