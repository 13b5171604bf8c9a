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

static int
import(char *const *path, size_t count, const struct option_values *values)
{
	struct imported *in = calloc(count > 0 ? count : 1, sizeof(*in));
	char error[ERROR_SIZE];
	struct store *s = NULL;
	bool fine = in != NULL;

	if (count == 0) {
		free(in);
		return command_error(NAME, "wanted is a file to import: %s", USAGE);
	}
	if (!fine)
		snprintf(error, sizeof(error), "no memory");
	/* All are read before the first is written. */
	for (size_t i = 0; i < count && fine; i++)
		fine = import_file(path[i], &in[i], error, sizeof(error));
	if (fine) {
		s = store_open(option_text(values, "db"), STORE_WRITE, error, sizeof(error));
		fine = s != NULL;
	}
	/* Each in one transaction, whole or not at all. */
	for (size_t i = 0; i < count && fine; i++) {
		struct store_merged added;

		fine = store_add(s, in[i].series, in[i].serieses, &added, error, sizeof(error));
		if (fine && !option_flag(values, "quiet"))
			say(path[i], &in[i], &added);
	}
	if (s != NULL)
		store_close(s);
	for (size_t i = 0; in != NULL && i < count; i++)
		imported_free(&in[i]);
	free(in);
	return fine ? command_finish(NAME, STATUS_OK) : command_error(NAME, "%s", error);
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
