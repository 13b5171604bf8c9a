/*
 * cmd_merge.c - hamtbench merge: results of several machines, or several files
 * of one, in one file. All of them are looked at before the first is merged.
 */
#include <inttypes.h>
#include <string.h>

#include "harness/command.h"
#include "harness/options.h"
#include "harness/store.h"

#define NAME "merge"
#define USAGE NAME " OUT IN..."

static const struct plugin_option options[] = {
	{ .name = "quiet", .type = OPTION_FLAG, .help = "do not say what was merged" },
	{ .name = NULL },
};

/* can_be_read - before anything is written: is each of them a results file? */
static bool
can_be_read(char *const *path, size_t count, char *error, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		struct store *s = store_open(path[i], STORE_READ, error, size);

		if (s == NULL)
			return false;
		store_close(s);
	}
	return true;
}

static int
merge(char *const *path, size_t count, const struct option_values *values)
{
	char error[ERROR_SIZE];
	struct store *out;
	bool fine = true, quiet = option_flag(values, "quiet");

	if (count < 2)
		return command_error(NAME, "wanted are the file to merge into and at least one more: %s", USAGE);
	if (!can_be_read(path + 1, count - 1, error, sizeof(error)))
		return command_error(NAME, "%s", error);
	out = store_open(path[0], STORE_WRITE, error, sizeof(error));
	if (out == NULL)
		return command_error(NAME, "%s", error);
	for (size_t i = 1; i < count && fine; i++) {
		struct store_merged merged;

		fine = store_merge(out, path[i], &merged, error, sizeof(error));
		if (fine && !quiet)
			printf("%s: %" PRIu64 " series and %" PRIu64 " trials added, %" PRIu64 " trials were there already\n", path[i],
			    merged.series, merged.trials, merged.known);
	}
	store_close(out);
	if (!fine)
		return command_error(NAME, "%s", error);
	return command_finish(NAME, STATUS_OK);
}

int
command_merge(int argc, char **argv)
{
	static const struct command_form form = {
		.name = NAME,
		.usage = USAGE,
		.notes = "Adds all series of the files IN to the results file OUT, which is made if it is not there.\n"
		    "What is in OUT already is not added again.",
		.options = options,
		.words = true,
		.work = merge,
	};

	return command_with(&form, argc, argv);
}
