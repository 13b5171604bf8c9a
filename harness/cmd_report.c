/*
 * cmd_report.c - hamtbench report: a series as one HTML page, written aside and then renamed.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "harness/command.h"
#include "harness/options.h"
#include "harness/report.h"
#include "harness/store.h"

#define NAME "report"

static const struct plugin_option options[] = {
	{ .name = "db", .type = OPTION_TEXT, .initial = STORE_DEFAULT_PATH, .meta = "FILE", .check = options_check_path,
	    .help = "results file" },
	{ .name = "series", .type = OPTION_COUNT, .meta = "N", .least = 1, .most = INT64_MAX,
	    .help = "number of the series (default: the last)" },
	{ .name = "out", .type = OPTION_TEXT, .initial = "results/report.html", .meta = "FILE", .check = options_check_path,
	    .help = "the page; it needs no other file and no network" },
	{ .name = NULL },
};

static int
report(char *const *word, size_t words, const struct option_values *values)
{
	const char *path = option_text(values, "out");
	struct store_filter filter = { .choice = STORE_LAST };
	char error[ERROR_SIZE], aside[4200];
	struct store *store;
	bool fine, written;
	FILE *out;

	(void)word;
	(void)words;
	if (option_is_set(values, "series"))
		filter = (struct store_filter){ .choice = STORE_NUMBER, .series = (int64_t)option_count(values, "series") };
	store = store_open(option_text(values, "db"), STORE_READ, error, sizeof(error));
	if (store == NULL)
		return command_error(NAME, "%s", error);
	snprintf(aside, sizeof(aside), "%s.%ld.tmp", path, (long)getpid());
	out = fopen(aside, "we");
	if (out == NULL) {
		store_close(store);
		return command_error(NAME, "%s: %s", path, strerror(errno));
	}
	fine = report_write(out, store, &filter, error, sizeof(error));
	store_close(store);
	errno = 0;
	written = !ferror(out);
	written = fclose(out) == 0 && written;
	if (fine && !written)
		snprintf(error, sizeof(error), "%s: %s", path, errno != 0 ? strerror(errno) : "write error");
	else if (fine && rename(aside, path) != 0)
		snprintf(error, sizeof(error), "%s: %s", path, strerror(errno)), written = false;
	if (!fine || !written) {
		unlink(aside);
		return command_error(NAME, "%s", error);
	}
	printf("%s\n", path);
	return command_finish(NAME, STATUS_OK);
}

int
command_report(int argc, char **argv)
{
	static const struct command_form form = {
		.name = NAME,
		.usage = NAME " [OPTION...]",
		.options = options,
		.work = report,
	};

	return command_with(&form, argc, argv);
}
