/*
 * cmd_import.c - hamtbench import: results that are JSON text, into a results file.
 */
#include <inttypes.h>

#include "harness/command.h"
#include "harness/import.h"
#include "harness/options.h"
#include "harness/store.h"

#define NAME "import"
#define USAGE NAME " [OPTION...] FILE..."

static const struct plugin_option options[] = {
	{ .name = "db", .type = OPTION_TEXT, .initial = STORE_DEFAULT_PATH, .meta = "FILE",
	    .check = options_check_path, .help = "results file to import into, made if it is not there, with its folders" },
	{ .name = "quiet", .type = OPTION_FLAG, .help = "do not say what was imported" },
	{ .name = NULL },
};

static void
say(const char *path, const struct imported *in, const struct store_merged *added)
{
	printf("%s: %" PRIu64 " series and %" PRIu64 " trials added", path, added->series, added->trials);
	if (added->known > 0)
		printf(", %" PRIu64 " trials were there already", added->known);
	if (in->failed > 0)
		printf(", %" PRIu64 " of all with an error", in->failed);
	if (in->aggregates > 0)
		printf("; %" PRIu64 " aggregates left out", in->aggregates);
	if (in->skipped > 0)
		printf("; %" PRIu64 " skipped benchmarks left out", in->skipped);
	if (in->counters != NULL)
		printf("; counters left out: %s", in->counters);
	putchar('\n');
}

/* import_one - the whole of a file in one transaction, or nothing of it. */
static bool
import_one(struct store *s, const char *path, bool quiet, char *error, size_t size)
{
	struct store_merged added;
	struct imported in;
	bool fine = import_file(path, &in, error, size) && store_add(s, in.series, in.serieses, &added, error, size);

	if (fine && !quiet)
		say(path, &in, &added);
	imported_free(&in);
	return fine;
}

static int
import(char *const *path, size_t count, const struct option_values *values)
{
	char error[ERROR_SIZE];
	struct store *s;
	bool fine = true;

	if (count == 0)
		return command_error(NAME, "wanted is a file to import: %s", USAGE);
	/* All are looked at before the first is written. */
	for (size_t i = 0; i < count && fine; i++) {
		struct imported in;

		fine = import_file(path[i], &in, error, sizeof(error));
		imported_free(&in);
	}
	s = fine ? store_open(option_text(values, "db"), STORE_WRITE, error, sizeof(error)) : NULL;
	if (s == NULL)
		return command_error(NAME, "%s", error);
	for (size_t i = 0; i < count && fine; i++)
		fine = import_one(s, path[i], option_flag(values, "quiet"), error, sizeof(error));
	store_close(s);
	if (!fine)
		return command_error(NAME, "%s", error);
	return command_finish(NAME, STATUS_OK);
}

int
command_import(int argc, char **argv)
{
	static const struct command_form form = {
		.name = NAME,
		.usage = USAGE,
		.notes = "Takes google-benchmark's JSON (--benchmark_out) of any program, and what hamtbench export --format json or\n"
		    "google-benchmark writes; either may be gzip'd. A benchmark is a subject of that name, its repetitions are\n"
		    "trials; a name like map/mixed/keys:1000/uniform/get=100/threads:2 is taken apart into subject, workload,\n"
		    "keys, dist and mix, so that compare pairs it with hamtbench's own. An operation is an item where the\n"
		    "benchmark counts items, else an iteration. Counters named like a figure that compare knows are that\n"
		    "figure (counts are rounded); others, and aggregates, are left out. What is there already is not added again.\n"
		    "  hamtbench import theirs.json --db theirs.db && hamtbench compare theirs.db results/results.db",
		.options = options,
		.words = true,
		.work = import,
	};

	return command_with(&form, argc, argv);
}
