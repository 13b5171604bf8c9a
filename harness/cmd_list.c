/*
 * cmd_list.c - hamtbench list: everything that can be named on the command
 * line, from the same tables that understand it there.
 */
#include <string.h>

#include "harness/command.h"
#include "harness/keys.h"
#include "harness/options.h"
#include "harness/plugins.h"
#include "harness/record.h"
#include "harness/topology.h"

#define NAME "list"
#define NAME_WIDTH 14
#define TEXT_COLUMNS 110

/* A section returns the exit status: a plug-in that cannot be loaded is said, and the rest listed. */
struct section {
	const char *name, *title;
	int (*print)(void);
};

/* The words of text from column on, in lines of at most TEXT_COLUMNS. */
static void
print_wrapped(size_t column, const char *text)
{
	size_t at = column;

	while (*(text += strspn(text, " ")) != '\0') {
		size_t word = strcspn(text, " ");

		if (at > column && at + 1 + word > TEXT_COLUMNS) {
			printf("\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)word, text);
		at += word;
		text += word;
	}
	putchar('\n');
}

/* "  name          text" */
static void
print_entry(size_t indent, size_t width, const char *name, const char *text)
{
	size_t length = strlen(name);

	printf("%*s%s", (int)indent, "", name);
	if (length > width) {
		printf("\n%*s", (int)(indent + width + 2), "");
		length = 0;
	} else {
		printf("%*s", (int)(width - length + 2), "");
	}
	print_wrapped(indent + width + 2, text);
}

static void
print_options(const struct plugin_option *option)
{
	char name[160], help[1200];

	for (; option != NULL && option->name != NULL; option++) {
		int used = snprintf(name, sizeof(name), "--%s%s%s", option->name,
		    option->type == OPTION_FLAG ? "" : "=", option->type == OPTION_FLAG ? "" : option->meta);

		if (option->letter != 0 && used > 0 && (size_t)used < sizeof(name))
			snprintf(name + used, sizeof(name) - (size_t)used, ", -%c", option->letter);
		if (option->initial != NULL)
			snprintf(help, sizeof(help), "%s (default %s)", option->help, option->initial);
		else
			snprintf(help, sizeof(help), "%s", option->help);
		print_entry(NAME_WIDTH + 4, 22, name, help);
	}
}

static void
print_subject(const struct subject *s)
{
	char facts[300];
	size_t used;

	print_entry(2, NAME_WIDTH, s->name, s->help);
	used = (size_t)snprintf(facts, sizeof(facts), "%s; reclaimer %s; operations", s->progress, s->reclaimer);
	for (unsigned op = 0; op < OP_COUNT; op++)
		if (subject_can(s, (enum op)op))
			used += (size_t)snprintf(facts + used, sizeof(facts) - used, " %s", op_names[op]);
	snprintf(facts + used, sizeof(facts) - used, "%s%s%s%s%s",
	    (s->flags & SUBJECT_WRONG) != 0 ? "; KNOWN TO BE WRONG: measured only if named" : "",
	    (s->flags & SUBJECT_SINGLE_WRITER) != 0 ? "; single writer" : "",
	    (s->flags & SUBJECT_EMPTY) != 0 ? "; holds nothing" : "",
	    (s->flags & SUBJECT_POOL) != 0 ? "; a pool, only for workload cas" : "",
	    (s->flags & SUBJECT_LEAKS) != 0 ? "; frees nothing before the end" : "");
	print_entry(2, NAME_WIDTH, "", facts);
}

/* What `list subjects` and `list workloads` say of a plug-in. */
static void
print_details(const struct plugin *p)
{
	if (p->kind == PLUGIN_SUBJECT)
		print_subject(p->subject);
	else
		print_entry(2, NAME_WIDTH, p->name, p->help);
	print_options(p->options);
}

/* The plug-in, and each choice of each option that has some: for scripts, in words. */
static void
print_axes(const struct plugin *p)
{
	const char *kind = p->kind == PLUGIN_SUBJECT ? "subject" : "workload", *text;

	printf("  %s %s\n", kind, p->name);
	for (const struct plugin_option *option = p->options; option != NULL && option->name != NULL; option++)
		for (size_t i = 0; option->choice != NULL && (text = option->choice(i)) != NULL; i++)
			printf("  %s %s --%s %s\n", kind, p->name, option->name, text);
}

static int
print_plugins(enum plugin_kind kind, void (*print)(const struct plugin *p))
{
	struct plugin_names names;
	int status = STATUS_OK;
	char error[ERROR_SIZE];

	if (!plugins_find(kind, &names, error, sizeof(error)))
		return command_error(NAME, "%s", error);
	if (names.count == 0 && names.missing_count == 0 && print == print_details)
		puts("  none is built");
	for (size_t i = 0; i < names.count; i++) {
		struct plugin *p = plugin_load(kind, names.name[i], error, sizeof(error));

		if (p == NULL) {
			status = command_error(NAME, "%s", error);
			continue;
		}
		print(p);
		plugin_free(p);
	}
	for (size_t i = 0; i < names.missing_count && print == print_details; i++) {
		char text[600];

		snprintf(text, sizeof(text), "not built: %s", names.missing[i].why);
		print_entry(2, NAME_WIDTH, names.missing[i].name, text);
	}
	plugin_names_free(&names);
	return status;
}

static int
print_subjects(void)
{
	return print_plugins(PLUGIN_SUBJECT, print_details);
}

static int
print_workloads(void)
{
	return print_plugins(PLUGIN_WORKLOAD, print_details);
}

static int
print_axes_of_all(void)
{
	int subjects = print_plugins(PLUGIN_SUBJECT, print_axes), workloads = print_plugins(PLUGIN_WORKLOAD, print_axes);

	return subjects != STATUS_OK ? subjects : workloads;
}

static int
print_distributions(void)
{
	size_t count;
	const struct keys_kind_info *kind = keys_kinds(&count);

	for (size_t i = 0; i < count; i++) {
		char name[80];

		snprintf(name, sizeof(name), "%s%s%s", kind[i].name, kind[i].parameter != NULL ? ":" : "",
		    kind[i].parameter != NULL ? kind[i].parameter : "");
		print_entry(2, NAME_WIDTH, name, kind[i].help);
	}
	return STATUS_OK;
}

static int
print_policies(void)
{
	size_t count;
	const struct topology_policy_info *policy = topology_policies(&count);

	for (size_t i = 0; i < count; i++)
		print_entry(2, NAME_WIDTH, policy[i].name, policy[i].help);
	print_entry(2, NAME_WIDTH, "0,2,4-7",
	    "these processors, as numbered by the system, in this order; one for each thread");
	return STATUS_OK;
}

static void
print_form(const char *form, const char *help)
{
	print_entry(2, 30, form, help);
}

/* What an option of the subjects understands: the first that says so says it for all. */
static int
print_forms(const char *option)
{
	struct plugin_names names;
	char error[ERROR_SIZE];
	bool found = false;

	if (!plugins_find(PLUGIN_SUBJECT, &names, error, sizeof(error)))
		return command_error(NAME, "%s", error);
	for (size_t i = 0; i < names.count && !found; i++) {
		struct plugin *p = plugin_load(PLUGIN_SUBJECT, names.name[i], error, sizeof(error));

		/* One that cannot be loaded is said among the subjects. */
		if (p == NULL)
			continue;
		for (const struct plugin_option *o = p->options; o != NULL && o->name != NULL && !found; o++)
			if (strcmp(o->name, option) == 0 && o->forms != NULL) {
				o->forms(print_form);
				found = true;
			}
		plugin_free(p);
	}
	if (!found)
		puts("  no subject that is built has the option");
	plugin_names_free(&names);
	return STATUS_OK;
}

static int
print_backoff(void)
{
	return print_forms("backoff");
}

static int
print_reclaim(void)
{
	return print_forms("reclaim");
}

static int
print_columns(void)
{
	static const char *const better[] = {
		[BETTER_NEITHER] = "", [BETTER_MORE] = " [more is better]", [BETTER_LESS] = " [less is better]",
	};

	for (const struct column *c = record_columns; c->name != NULL; c++) {
		char help[400];

		snprintf(help, sizeof(help), "%s%s", c->help, better[c->better]);
		print_entry(2, 20, c->name, help);
	}
	return STATUS_OK;
}

static int
print_operations(void)
{
	print_entry(2, NAME_WIDTH, "get", "the value of a key; hit: it is there");
	print_entry(2, NAME_WIDTH, "insert", "map a key unless it is mapped already; hit: it was absent");
	print_entry(
	    2, NAME_WIDTH, "upsert", "map a key in any case; hit: it was there and its value is replaced");
	print_entry(2, NAME_WIDTH, "remove", "unmap a key; hit: it was there");
	print_entry(2, NAME_WIDTH, "replace", "map a key that is mapped to another value; hit: it was there");
	print_entry(2, NAME_WIDTH, "modify",
	    "read, change and write a key's value in one atomic step; hit: it was there");
	print_entry(2, NAME_WIDTH, "get_many",
	    "get of several keys with one call: as many operations as keys; its latency is that of the call");
	print_entry(2, NAME_WIDTH, "scan",
	    "some pairs from a key's place on, in the map's own order: one operation; hit: there were any");
	return STATUS_OK;
}

static const struct section sections[] = {
	{ "subjects", "Subjects (--subject)", print_subjects },
	{ "workloads", "Workloads (--workload) and their options", print_workloads },
	{ "operations", "Operations", print_operations },
	{ "distributions", "Distributions (--dist)", print_distributions },
	{ "policies", "Policies (--pin)", print_policies },
	{ "backoff", "Contention management (--backoff)", print_backoff },
	{ "reclaim", "Memory reclamation (--reclaim)", print_reclaim },
	{ "columns", "Columns of a trial", print_columns },
	{ "axes", "Axes: what sweeps go over", print_axes_of_all },
};
static const size_t section_count = sizeof(sections) / sizeof(sections[0]);

static int
print_sections(char **wanted, size_t count)
{
	int status = STATUS_OK;
	bool first = true;

	for (size_t s = 0; s < section_count; s++) {
		bool print = count == 0;
		int one;

		for (size_t i = 0; i < count; i++)
			print = print || strcmp(wanted[i], sections[s].name) == 0;
		if (!print)
			continue;
		printf("%s%s:\n", first ? "" : "\n", sections[s].title);
		first = false;
		one = sections[s].print();
		if (one != STATUS_OK)
			status = one;
	}
	return command_finish(NAME, status);
}

int
command_list(int argc, char **argv)
{
	const struct option_group group = { .owner = NAME };
	struct command_line line;
	char error[ERROR_SIZE], names[200] = "";
	size_t used = 0;
	int status = STATUS_OK;

	for (size_t s = 0; s < section_count; s++)
		used += (size_t)snprintf(
		    names + used, sizeof(names) - used, "%s%s", s > 0 ? ", " : "", sections[s].name);
	if (!command_line_read(&line, argc, argv, &group, 1, error, sizeof(error)))
		return command_error(NAME, "%s", error);
	if (line.help) {
		command_line_help(stdout,
		    NAME " [subjects|workloads|operations|distributions|policies|backoff|reclaim|columns|axes ...]", &group, 1);
		command_line_free(&line);
		return command_finish(NAME, STATUS_OK);
	}
	for (size_t i = 0; i < line.arguments && status == STATUS_OK; i++) {
		bool known = false;

		for (size_t s = 0; s < section_count; s++)
			known = known || strcmp(line.argument[i], sections[s].name) == 0;
		if (!known)
			status = command_error(NAME, "'%s' is no list; there are %s", line.argument[i], names);
	}
	if (status == STATUS_OK)
		status = print_sections(line.argument, line.arguments);
	command_line_free(&line);
	return status;
}
