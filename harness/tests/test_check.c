/*
 * hamtbench check, whole: planted maps that are not linearizable are all found, each from its answers alone,
 * and right ones are not accused; what is saved is illegal by itself; recorded files are judged; bad input
 * costs one line.
 */
#include <dirent.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "core/tests/check.h"
#include "harness/command.h"
#include "harness/history.h"

static char folder[] = "/tmp/test_check.XXXXXX";
static char said[1 << 16], complained[1 << 14]; /* the last command's standard output and standard error */

static void
read_back(const char *name, char *text, size_t size)
{
	FILE *in = fopen(name, "r");

	CHECK(in != NULL);
	text[fread(text, 1, size - 1, in)] = '\0';
	fclose(in);
}

/* hamtbench check WORD... , ended by NULL; in a process of its own. Returns its status. */
static int
check(const char *first, ...)
{
	char *argv[40] = { (char[]){ "check" } };
	int argc = 1, status;
	va_list args;
	pid_t child;

	va_start(args, first);
	for (const char *word = first; word != NULL; word = va_arg(args, const char *))
		argv[argc++] = (char *)(uintptr_t)word;
	va_end(args);
	fflush(NULL);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		if (freopen("said", "w", stdout) == NULL || freopen("complained", "w", stderr) == NULL)
			_exit(99);
		exit(command_check(argc, argv));
	}
	CHECK(waitpid(child, &status, 0) == child);
	read_back("said", said, sizeof(said));
	read_back("complained", complained, sizeof(complained));
	/* Not as TAP would have it: "ok" may be said. */
	for (const char *at = said; *at != '\0';) {
		size_t length = strcspn(at, "\n");

		fprintf(stderr, "# %.*s\n", (int)length, at);
		at += length + (at[length] != '\0');
	}
	fputs(complained, stderr);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A folder of the test's own, and the plug-ins of this build. */
static void
go(void)
{
	char build[4096];

	CHECK(realpath(BUILD_DIR, build) != NULL);
	setenv("HAMTBENCH_PLUGINS", build, 1);
	CHECK(mkdtemp(folder) != NULL);
	CHECK(chdir(folder) == 0);
}

static void
leave(void)
{
	struct dirent *entry;
	DIR *dir;

	for (unsigned i = 0; i < 2; i++) {
		const char *path = i == 0 ? "results" : ".";
		char name[600];

		for (dir = opendir(path); dir != NULL && (entry = readdir(dir)) != NULL;)
			if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) < 600)
				unlink(name);
		if (dir != NULL)
			closedir(dir);
	}
	rmdir("results");
	CHECK(chdir("/") == 0);
	CHECK(rmdir(folder) == 0);
}

/* The path of a planted map. */
static const char *
planted(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/tests/plugins/%s.so", getenv("HAMTBENCH_PLUGINS"), name);
	return path;
}

static void
planted_maps_are_found(void)
{
	static const struct {
		const char *name, *sees; /* what the picture must have in it */
	} each[] = {
		{ "stale-get", "" }, { "phantom-get", "" }, { "lost-update", "" }, { "two-inserts", "" },
		{ "wrong-former", "upsert " }, { "late-remove", "" }, { "lost-modify", "" },
		{ "missing-key", "iteration: absent   <== nothing explains this" },
		{ "double-key", "iteration: seen twice   <== nothing explains this" },
	};

	go();
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		char saved[200], *at;

		fprintf(stderr, "# %s\n", each[i].name);
		CHECK_EQ(check("--subject", planted(each[i].name), "--workload", "mixed", "--keys", "4", "--mix",
		    "get=30,insert=20,upsert=20,remove=10,modify=20", "--ops", "400K", "--round", "20K", "--quiet", NULL),
		    STATUS_CHECK);
		CHECK(strstr(said, "\nillegal ") != NULL);
		CHECK(strstr(said, "<== nothing explains this") != NULL);
		CHECK(strstr(said, each[i].sees) != NULL);
		CHECK(strstr(said, "Record it again: hamtbench check --subject /") != NULL);
		/* What is saved is judged as it was. */
		at = strstr(said, "Judge it again:  hamtbench check ");
		CHECK(at != NULL);
		CHECK(sscanf(at, "Judge it again:  hamtbench check %199s", saved) == 1);
		CHECK_EQ(check(saved, NULL), STATUS_CHECK);
		CHECK(strstr(said, each[i].name) != NULL);
		CHECK(strstr(said, "<== nothing explains this") != NULL);
		CHECK(strstr(said, each[i].sees) != NULL);
	}
	leave();
}

static void
right_maps_are_not_accused(void)
{
	go();
	CHECK_EQ(check("--subject", planted("linear"), "--keys", "1", "--keys", "4,100", "--mix",
	    "get=30,insert=20,upsert=20,remove=10,modify=20", "--ops", "50K", "--round", "25K", NULL), STATUS_OK);
	CHECK(strstr(said, "illegal") == NULL && strstr(said, "ok ") != NULL);
	/* All that is built, with all that it can do. */
	CHECK_EQ(check("--keys", "1,16,1K", "--ops", "30K", "--round", "15K", "--threads", "3", "--quiet", NULL), STATUS_OK);
	CHECK_EQ(check("--keys", "16", "--ops", "10", "--round", "10", "--subject", "hamt", "--threads", "1,2", NULL), STATUS_OK);
	CHECK(strstr(said, "  hamt mixed 1 thread ") != NULL && strstr(said, "  hamt mixed 2 threads ") != NULL);
	CHECK_EQ(check("--subject", "hamt,roofline", "--keys", "4,100", "--threads", "4", "--mix",
	    "get=20,insert=15,upsert=15,remove=15,replace=10,modify=10,get_many=10,scan=5", "--batch", "5", "--scan-length",
	    "64", "--ops", "60K", "--round", "60K", NULL), STATUS_OK);
	CHECK_EQ(check("--subject", "hamt", "--workload", "load", "--keys", "1K", "--ops", "6K", "--round", "10K", NULL),
	    STATUS_OK);
	CHECK(strstr(said, "ok ") != NULL);
	leave();
}

/* A limit that is too low leaves keys undecided: that is said, and counts only with --strict. */
static void
what_is_undecided_is_said(void)
{
	go();
	CHECK_EQ(check("--subject", planted("linear"), "--keys", "2", "--ops", "20K", "--limit", "1", NULL), STATUS_OK);
	CHECK(strstr(said, "unknown ") != NULL);
	CHECK(strstr(said, "leaves more than 1 configurations possible at a time (--limit)") != NULL);
	CHECK_EQ(check("--subject", planted("linear"), "--keys", "2", "--ops", "20K", "--limit", "1", "--strict", NULL),
	    STATUS_CHECK);
	leave();
}

static void
bad_input_costs_one_line(void)
{
	static const struct {
		const char *word[4], *line;
	} each[] = {
		{ { "--subject", "null" }, "hamtbench check: --subject: null is no map: there is nothing to check\n" },
		{ { "nothing.history" }, "hamtbench check: nothing.history: No such file or directory\n" },
		{ { "." }, "hamtbench check: .: it is a folder\n" },
		{ { "said" }, "hamtbench check: said: it is no history (hamtbench run --history writes them)\n" },
		{ { "x.history", "--keys", "3" }, "hamtbench check: 'x.history': a history is judged as it is; only --limit, "
		    "--skew, --strict and --quiet go with it\n" },
		{ { "--ops", "0" }, "hamtbench check: --ops: '0' is too small" },
		{ { "--skew", "5" }, "hamtbench check: --skew: '5' " },
		{ { "--pin", "nonsense", "--subject", "hamt" }, "hamtbench check: " },
	};

	go();
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		CHECK_EQ(check(each[i].word[0], each[i].word[1], each[i].word[2], each[i].word[3], NULL), STATUS_USAGE);
		CHECK(strncmp(complained, each[i].line, strlen(each[i].line)) == 0);
		CHECK(strchr(complained, '\n') == complained + strlen(complained) - 1);
		CHECK(said[0] == '\0');
	}
	leave();
}

static const struct test tests[] = {
	TEST(planted_maps_are_found),
	TEST(right_maps_are_not_accused),
	TEST(what_is_undecided_is_said),
	TEST(bad_input_costs_one_line),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
