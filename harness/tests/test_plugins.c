/*
 * A plug-in that keeps the contract is loaded; one that breaks it is refused
 * with a line that names the file and the rule.
 */
/* not under tsan: one thread */
#include <limits.h>
#include <sys/stat.h>

#include "core/tests/check.h"
#include "harness/options.h"
#include "harness/plugins.h"

#define PLUGINS BUILD_DIR "/tests/plugins/"

/* The path of a test plug-in. */
static const char *
path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), PLUGINS "%s.so", name);
	return path;
}

/* Is what refused with a line that says text? */
static bool
refused(enum plugin_kind kind, const char *what, const char *text)
{
	char error[1024] = "";
	struct plugin *p = plugin_load(kind, what, error, sizeof(error));

	plugin_free(p);
	if (p == NULL && strstr(error, text) != NULL && strchr(error, '\n') == NULL)
		return true;
	fprintf(stderr, "# %s: wanted '%s', got '%s'\n", what, text, p == NULL ? error : "a plug-in");
	return false;
}

static void
sound_plugin_is_loaded_by_path(void)
{
	char error[1024] = "";
	struct plugin *p = plugin_load(PLUGIN_SUBJECT, path_of("sound"), error, sizeof(error));

	CHECK(p != NULL);
	CHECK(p->kind == PLUGIN_SUBJECT);
	CHECK(p->subject != NULL && p->workload == NULL);
	CHECK(strcmp(p->name, "sound") == 0);
	CHECK(strcmp(p->title, "subject sound") == 0);
	CHECK(strcmp(p->path, path_of("sound")) == 0);
	CHECK(p->help == p->subject->help && p->options == p->subject->options);
	plugin_free(p);
}

static void
broken_plugins_are_refused(void)
{
	static const struct {
		enum plugin_kind kind;
		const char *name, *error;
	} bad[] = {
		{ PLUGIN_SUBJECT, "other-version", ": it speaks plug-in version 10, this hamtbench 4" },
		{ PLUGIN_SUBJECT, "no-destroy", ": its hook destroy is NULL, but required" },
		{ PLUGIN_SUBJECT, "odd-name", ": its name is not 1 to 63 letters, digits and dashes" },
		{ PLUGIN_SUBJECT, "no-symbol", ": no hamtbench_subject in it" },
		{ PLUGIN_SUBJECT, "short-table", ": its hamtbench_subject has only " },
		{ PLUGIN_SUBJECT, "no-table", ": its hamtbench_subject is no struct subject" },
		{ PLUGIN_SUBJECT, "bad-option",
		    ": its options cannot be used: its default does not pass: --size: '12Q'" },
		{ PLUGIN_SUBJECT, "odd-flags", ": it has the unknown flags 0x80000000" },
		{ PLUGIN_SUBJECT, "long-reclaimer", ": its reclaimer is not one word of 1 to 31 characters" },
		{ PLUGIN_SUBJECT, "half-hold", ": its hook release is NULL, but required" },
		{ PLUGIN_SUBJECT, "no-help", ": its help is not one line" },
		{ PLUGIN_SUBJECT, "bad-plan", ": no hamtbench_subject in it; it is a workload" },
		{ PLUGIN_WORKLOAD, "sound", ": no hamtbench_workload in it; it is a subject" },
		{ PLUGIN_WORKLOAD, "half-begin", ": its hook end is NULL, but required" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[300];

		CHECK(refused(bad[i].kind, path_of(bad[i].name), bad[i].error));
		/* The file is named. */
		snprintf(text, sizeof(text), "%s.so: ", bad[i].name);
		CHECK(refused(bad[i].kind, path_of(bad[i].name), text));
	}
}

static void
files_that_are_no_plugins_are_refused(void)
{
	CHECK(refused(PLUGIN_SUBJECT, "./no/such.so", "./no/such.so: No such file or directory"));
	CHECK(refused(PLUGIN_SUBJECT, "/", "/: it is no file"));
	CHECK(refused(PLUGIN_SUBJECT, "/proc/self/status",
	    "/proc/self/status: not a shared object that can be loaded: "));
}

/* A folder of plug-ins of our own, named by HAMTBENCH_PLUGINS. */
struct folder {
	char path[64];
};

static void
run_command(const char *format, const char *a, const char *b)
{
	char command[2 * PATH_MAX];

	snprintf(command, sizeof(command), format, a, b);
	CHECK(system(command) == 0);
}

static struct folder
folder_new(void)
{
	struct folder f = { "/tmp/test_plugins.XXXXXX" };

	CHECK(mkdtemp(f.path) != NULL);
	run_command("mkdir %s/subjects %s/workloads", f.path, f.path);
	CHECK(setenv("HAMTBENCH_PLUGINS", f.path, 1) == 0);
	return f;
}

static void
folder_free(struct folder *f)
{
	run_command("rm -r %s%s", f->path, "");
}

static void
names_are_found_and_sorted(void)
{
	struct folder f = folder_new();
	struct plugin_names names;
	struct plugin *p;
	char error[1024];

	run_command(
	    "cp " PLUGINS "sound.so " PLUGINS "lossy.so " PLUGINS "other-version.so %s/subjects%s", f.path, "");
	run_command(
	    "echo 'tbb install libtbb-dev g++ and build again' >%s/subjects/tbb.missing; touch %s/subjects/README", f.path, f.path);
	run_command("echo 'ck-ht libck-dev' >%s/subjects/ck-ht.missing%s", f.path, "");
	CHECK(plugins_find(PLUGIN_SUBJECT, &names, error, sizeof(error)));
	CHECK_EQ(names.count, 3);
	CHECK(strcmp(names.name[0], "lossy") == 0);
	CHECK(strcmp(names.name[1], "other-version") == 0);
	CHECK(strcmp(names.name[2], "sound") == 0);
	CHECK_EQ(names.missing_count, 2);
	CHECK(strcmp(names.missing[0].name, "ck-ht") == 0 && strcmp(names.missing[0].why, "libck-dev") == 0);
	CHECK(strcmp(names.missing[1].name, "tbb") == 0 &&
	    strcmp(names.missing[1].why, "install libtbb-dev g++ and build again") == 0);
	plugin_names_free(&names);
	CHECK(plugins_find(PLUGIN_WORKLOAD, &names, error, sizeof(error)));
	CHECK_EQ(names.count, 0);
	plugin_names_free(&names);

	p = plugin_load(PLUGIN_SUBJECT, "sound", error, sizeof(error));
	CHECK(p != NULL && strcmp(p->name, "sound") == 0);
	plugin_free(p);
	CHECK(refused(
	    PLUGIN_SUBJECT, "tbb", "subject 'tbb' is not built: install libtbb-dev g++ and build again"));
	CHECK(refused(
	    PLUGIN_SUBJECT, "nonsense", "no subject 'nonsense'; there are lossy, other-version, sound"));
	CHECK(refused(PLUGIN_SUBJECT, "", "no subject ''; there are lossy, other-version, sound"));
	CHECK(refused(PLUGIN_WORKLOAD, "mixed", "no workload 'mixed'; there are none in "));
	folder_free(&f);
}

static void
file_and_table_must_agree_on_the_name(void)
{
	struct folder f = folder_new();

	run_command("cp " PLUGINS "sound.so %s/subjects/silent.so%s", f.path, "");
	CHECK(refused(PLUGIN_SUBJECT, "silent",
	    "/subjects/silent.so: its name is 'sound', so the file must be sound.so"));
	folder_free(&f);
}

static void
forced_folder_must_exist(void)
{
	struct plugin_names names;
	char error[1024];

	CHECK(setenv("HAMTBENCH_PLUGINS", "/no/such/folder", 1) == 0);
	CHECK(refused(PLUGIN_SUBJECT, "seed", "HAMTBENCH_PLUGINS: '/no/such/folder' is no folder"));
	CHECK(!plugins_find(PLUGIN_SUBJECT, &names, error, sizeof(error)));
}

/* Those that come with hamtbench pass the checks that a user's own must pass. */
static void
built_in_plugins_pass(void)
{
	static const enum plugin_kind kinds[] = { PLUGIN_SUBJECT, PLUGIN_WORKLOAD };

	CHECK(setenv("HAMTBENCH_PLUGINS", BUILD_DIR, 1) == 0);
	for (unsigned k = 0; k < 2; k++) {
		struct plugin_names names;
		char error[1024] = "";

		CHECK(plugins_find(kinds[k], &names, error, sizeof(error)));
		CHECK(names.count > 0);
		for (size_t i = 0; i < names.count; i++) {
			struct plugin *p = plugin_load(kinds[k], names.name[i], error, sizeof(error));

			if (p == NULL)
				fprintf(stderr, "# %s\n", error);
			CHECK(p != NULL);
			plugin_free(p);
		}
		plugin_names_free(&names);
	}
}

int
main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(sound_plugin_is_loaded_by_path),
		TEST(broken_plugins_are_refused),
		TEST(files_that_are_no_plugins_are_refused),
		TEST(names_are_found_and_sorted),
		TEST(file_and_table_must_agree_on_the_name),
		TEST(forced_folder_must_exist),
		TEST(built_in_plugins_pass),
	};

	return RUN_TESTS(argc, argv, tests);
}
