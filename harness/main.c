/*
 * main.c - hamtbench: one binary, a few commands.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "buildinfo.h"
#include "harness/command.h"
#include "harness/plain.h"
#include "harness/plugin.h"

static const struct command commands[] = {
	{ .name = "run", .help = "measure maps under loads", .run = command_run, .data = true },
	{ .name = "list", .help = "what there is: subjects, workloads, distributions, policies, columns", .run = command_list },
	{ .name = "check", .help = "are maps linearizable? record what they answer and judge it", .run = command_check },
	{ .name = "export", .help = "results as CSV or JSON", .run = command_export, .data = true },
	{ .name = "compare", .help = "is B faster or slower than A? exit status 1: a regression", .run = command_compare },
	{ .name = "report", .help = "a series as one HTML page: what is fastest, by how much, how sure", .run = command_report },
	{ .name = "merge", .help = "results of several files into one", .run = command_merge },
	{ .name = "import", .help = "google-benchmark's JSON, or exported JSON, into a results file", .run = command_import },
	{ .name = "trace", .help = "traces of operations: from one form into another, what is in them", .run = command_trace },
	{ .name = "topo", .help = "where threads would go", .run = command_topo },
};
static const size_t command_count = sizeof(commands) / sizeof(commands[0]);

static int
help(void)
{
	puts("Usage: hamtbench COMMAND [OPTION...]\n\nCommands:");
	for (size_t i = 0; i < command_count; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].help);
	puts("\n  hamtbench COMMAND --help    the options of a command\n"
	     "  hamtbench --version         which build this is\n\n"
	     "Exit status: 0 ok, 1 a check failed, 2 usage or bad input, 130 interrupted, 128 + N a map crashed");
	return command_finish(NULL, STATUS_OK);
}

static int
version(void)
{
	printf("hamtbench %s%s (%s, %s, %s), plug-in version %u\n", BUILD_REVISION, BUILD_DIRTY ? "+changes" : "",
	    BUILD_VARIANT, BUILD_COMPILER, BUILD_ALLOCATOR, PLUGIN_VERSION);
	return command_finish(NULL, STATUS_OK);
}

/* Names may come from another's results: what a terminal obeys does not get there. */
static int
run(const struct command *command, int argc, char **argv)
{
	FILE *unfiltered = stdout, *plain;
	int status;

	if (!isatty(STDOUT_FILENO) && command->data)
		return command->run(argc, argv);
	plain = plain_stream(STDOUT_FILENO);
	if (plain == NULL)
		return command_error(command->name, "no memory");
	stdout = plain;
	status = command->run(argc, argv);
	stdout = unfiltered;
	/* The command has told what it could not write; here half a character may be left. */
	if (fclose(plain) != 0 && status == STATUS_OK)
		return command_error(command->name, "standard output: %s", strerror(errno));
	return status;
}

int
main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	char names[256] = "";
	size_t used = 0;

	/* A file that may not grow (ulimit -f) is an error of the write, to be told like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	if (word != NULL && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0))
		return help();
	if (word != NULL && strcmp(word, "--version") == 0)
		return version();
	for (size_t i = 0; i < command_count; i++) {
		if (word != NULL && strcmp(word, commands[i].name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
		    commands[i].name);
	}
	if (word == NULL)
		return command_error(NULL, "a command is missing; there are %s", names);
	return command_error(NULL, "'%s' is no command; there are %s", word, names);
}
