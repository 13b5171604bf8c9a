/*
 * test_fuzz_options.c - command lines. The input is one, split at blanks; it begins with
 * the command: run, which then has --dry-run before all else, check, list, topo, export or compare.
 * Whatever it says, it is done (status 0, nothing on standard error but warnings), or refused:
 * status 2, one line that begins with "hamtbench COMMAND: ", nothing on standard output.
 * There is no file but the few that are in its folder, and it may leave none. Its machine has
 * 2 sockets, 4 cores and 8 threads.
 */
/* not under tsan: one thread */
#include <dlfcn.h>

#include "core/tests/fuzz.h"
#include "harness/tests/called.h"

#define WORDS_MAX 64

static const struct command commands[] = {
	{ .name = "run", .run = command_run }, { .name = "list", .run = command_list }, { .name = "topo", .run = command_topo },
	{ .name = "export", .run = command_export }, { .name = "compare", .run = command_compare }, { .name = "report", .run = command_report },
	{ .name = "merge", .run = command_merge },
};

/* A plug-in in the folder; loaded once and for all, since that takes long. */
static void
link_plugin(const char *build, const char *kind, const char *name)
{
	char from[4096], to[256];

	snprintf(from, sizeof(from), "%s/%s/%s.so", build, kind, name);
	snprintf(to, sizeof(to), "%s/plugins/%s/%s.so", fuzz_folder(), kind, name);
	/* Not all can be built everywhere. */
	if (access(from, R_OK) == 0)
		CHECK(symlink(from, to) == 0 && dlopen(to, RTLD_NOW | RTLD_LOCAL) != NULL);
}

/* The folder, with something that a word may name, and a machine that is the same everywhere. */
static void
prepare(void)
{
	static const char *const subjects[] = { "hamt", "hamt-ebr", "seed", "mutex", "urcu-lfht", "cas-word" };
	static const char *const workloads[] = { "mixed", "load", "ycsb", "churn", "stall", "hotkey", "cas" };
	char build[2048], path[128];

	CHECK(realpath(BUILD_DIR, build) != NULL);
	snprintf(path, sizeof(path), "%s/plugins", fuzz_folder());
	CHECK(mkdir(path, 0700) == 0 && setenv("HAMTBENCH_PLUGINS", path, 1) == 0);
	snprintf(path, sizeof(path), "%s/plugins/subjects", fuzz_folder());
	CHECK(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/plugins/workloads", fuzz_folder());
	CHECK(mkdir(path, 0700) == 0);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		link_plugin(build, "subjects", subjects[i]);
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		link_plugin(build, "workloads", workloads[i]);
	CHECK(setenv("HWLOC_SYNTHETIC", "pack:2 core:2 pu:2", 1) == 0);
	CHECK(setenv("HAMTBENCH_CLOCK", "monotonic", 1) == 0); /* the other one is measured for a while */
	fuzz_file("weights", "1 2\n3 0.5\n", 10);
	fuzz_file("text", "neither weights nor a database\n", 31);
	CHECK(chdir(fuzz_folder()) == 0);
}

/* Words that are outside of what is tested: paths, which may lead to plug-ins and devices. */
static bool
is_harmless(const char *text)
{
	return strchr(text, '/') == NULL;
}

/* Nothing was made, whatever was asked for. */
static void
folder_is_as_it_was(void)
{
	static const char *const known[] = { ".", "..", "weights", "text", "plugins" };
	DIR *dir = opendir(".");

	CHECK(dir != NULL);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		bool is_known = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			is_known = is_known || strcmp(entry->d_name, known[i]) == 0;
		if (!is_known)
			fprintf(stderr, "# left: %s\n", entry->d_name);
		CHECK(is_known);
	}
	closedir(dir);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *argv[WORDS_MAX + 2] = { NULL };
	const struct command *command = &commands[0];
	static struct called called;
	static bool prepared;
	int argc = 0;

	CHECK(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (!prepared)
		prepare();
	prepared = true;
	if (!is_harmless(text)) {
		free(text);
		return -1; /* not for the corpus */
	}
	for (char *word; argc < WORDS_MAX && (word = strsep(&rest, " \n")) != NULL;) {
		if (word[0] == '\0')
			continue;
		/* '' is the empty word. */
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
		if (argc > 1)
			continue;
		for (size_t i = 1; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (strcmp(word, commands[i].name) == 0)
				command = &commands[i];
		if (command == &commands[0])
			argv[argc++] = (char[]){ "--dry-run" };
	}
	if (argc > 0) {
		call_command(&called, command->run, argc, argv);
		check_called(&called, command->name, STATUS_OK);
		CHECK(called.status == STATUS_OK || called.printed == 0);
	}
	folder_is_as_it_was();
	free(text);
	return 0;
}

FUZZ_TARGET(.corpus = "harness/tests/corpus/options", .inputs = 800, .longest = 200,
    .words = "run list topo export compare report merge --subject --workload --threads --rate --duration --warmup --arrival "
	     "--latency-sample --sample-interval --counters --smr-stats --trials --ci --max-trials --noise --repeats --seed --pin "
	     "--membind --order --watchdog --db --no-db --format --resume --history --history-ops --quiet --help --keys --mix "
	     "--dist --update --prefill --batch --scan-length --backoff --reclaim --hot --words --stalled --stall --every "
	     "--ycsb --stripes --what --series --topology -t -d -r -u -i -S -h -- = , : . % - + null hamt seed mutex roofline "
	     "hamt-ebr urcu-lfht mixed load ycsb:a ycsb:f churn stall hotkey cas zipf: uniform self-similar:0.2 hotspot:0.2,0.8 "
	     "latest:0.99 sequential gaussian:0.1 ranges:0 file:weights file:text hp:threshold=64 qsbr:interval=256 exp:2,9,16 "
	     "mcs:2,1000,100000 constant:5000 get=50,insert=25,remove=25 get= upsert=100 scan= 0 1 2 8 16384 1K 1M 1G 64Ki "
	     "18446744073709551615 1e5 0x10 1.5K -1 1ms 1s 200us 5% off random core-first scatter table json csv all last")
