/*
 * test_environment.c - readings come from the right places, what cannot be
 * read is null, and the document says nothing about whose machine it is.
 */
/* not under tsan: one thread */
#include "harness/environment.h"

#include <ftw.h>
#include <sched.h>
#include <sys/stat.h>

#include <jansson.h>

#include "core/tests/check.h"

static char root[] = "/tmp/test_environment.XXXXXX"; /* a machine made of files */
static char error[512];

static const struct topology_summary topology = { .packages = 2, .cores = 128, .pus = 256, .allowed_pus = 4,
	.numa_nodes = 2, .smt = true, .l1d_bytes = 32768, .l2_bytes = 1048576, .l3_bytes = 33554432,
	.this_system = true };

static int
remove_entry(const char *name, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(name);
}

static void
remove_root(void)
{
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* put - a file below root, with its folders. */
static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	mkdir(root, 0755);
	for (char *slash = path + sizeof(root); (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		mkdir(path, 0755);
	}
	file = fopen(path, "w");
	CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* capture - the document of the machine below from; *e too, if it is not NULL. */
static json_t *
capture(const char *from, const struct topology_summary *t, const char *const *plugins, struct environment *e)
{
	struct environment own;
	struct clock clock;
	json_t *document;

	CHECK(clock_init(&clock));
	e = e != NULL ? e : &own;
	if (!environment_capture_from(from, e, t, &clock, plugins, error, sizeof(error)))
		check_failed(error, __FILE__, __LINE__);
	document = json_loads(e->json, JSON_REJECT_DUPLICATES, NULL);
	CHECK(document != NULL);
	if (e == &own)
		environment_free(e);
	return document;
}

static const char *const no_plugins[] = { NULL };

static const json_t *
at(const json_t *document, const char *section, const char *key)
{
	const json_t *value = json_object_get(json_object_get(document, section), key);

	if (value == NULL)
		fprintf(stderr, "# no %s.%s\n", section, key);
	CHECK(value != NULL);
	return value;
}

static bool
is_text(const json_t *document, const char *section, const char *key, const char *text)
{
	const json_t *value = at(document, section, key);

	if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
		return true;
	fprintf(stderr, "# %s.%s is %s\n", section, key, json_is_string(value) ? json_string_value(value) : "no text");
	return false;
}

static void
readings_come_from_proc_and_sys(void)
{
	json_t *d;

	CHECK(mkdtemp(root) != NULL);
	put("/proc/cpuinfo", "processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 7B13 \xc2\xae\nmicrocode\t: 0x1000065\n"
	    "\nprocessor\t: 1\nmodel name\t: another\n");
	put("/proc/meminfo", "MemTotal:        2014320 kB\nMemFree: 1 kB\n");
	put("/proc/self/status", "Name:\tx\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1,7\n");
	put("/proc/self/cgroup", "0::/\n");
	put("/sys/fs/cgroup/cgroup.controllers", "cpu\n");
	put("/sys/devices/system/cpu/smt/control", "on\n");
	put("/sys/devices/system/cpu/cpufreq/boost", "1\n");
	put("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave\n");
	put("/sys/devices/system/cpu/cpufreq/policy1/scaling_governor", "performance\n");
	put("/sys/devices/system/cpu/cpufreq/policy10/scaling_governor", "powersave\n");
	put("/sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
	put("/sys/devices/system/cpu/vulnerabilities/spectre_v1", "Mitigation: barriers\n");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
	d = capture(root, &topology, no_plugins, NULL);
	CHECK(is_text(d, "cpu", "model", "AMD EPYC 7B13 ??"));
	CHECK(is_text(d, "cpu", "microcode", "0x1000065"));
	CHECK(is_text(d, "cpu", "allowed", "0-1,7"));
	CHECK(is_text(d, "cpu", "governor", "powersave,performance"));
	CHECK(is_text(d, "cpu", "smt_control", "on"));
	CHECK(json_is_true(at(d, "cpu", "boost")));
	CHECK(json_integer_value(at(d, "cpu", "cores")) == 128 && json_integer_value(at(d, "cpu", "pus")) == 256);
	CHECK(json_integer_value(at(d, "cpu", "allowed_pus")) == 4 && json_is_true(at(d, "cpu", "smt")));
	CHECK(json_integer_value(at(d, "cpu", "l3_bytes")) == 33554432);
	CHECK(json_object_size(at(d, "cpu", "mitigations")) == 2);
	CHECK(strcmp(json_string_value(json_object_get(at(d, "cpu", "mitigations"), "spectre_v1")),
	    "Mitigation: barriers") == 0);
	CHECK(is_text(d, "memory", "transparent_hugepages", "madvise"));
	CHECK(json_integer_value(at(d, "memory", "total_bytes")) == INT64_C(2014320) * 1024);
	CHECK(is_text(d, "kernel", "clocksource", "hpet"));
	CHECK(json_integer_value(at(d, "cgroup", "version")) == 2 && json_is_null(at(d, "cgroup", "cpu_quota")));
	json_decref(d);

	/* intel_pstate says the opposite. */
	remove_root();
	put("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
	d = capture(root, &topology, no_plugins, NULL);
	CHECK(json_is_false(at(d, "cpu", "boost")));
	json_decref(d);
	remove_root();
}

static void
what_cannot_be_read_is_null(void)
{
	static const struct topology_summary nothing = { .packages = 0 };
	json_t *d = capture("/nonexistent", &nothing, no_plugins, NULL);
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(d, "cpu"), key, value) {
		if (!json_is_null(value))
			fprintf(stderr, "# cpu.%s is not null\n", key);
		CHECK(json_is_null(value));
	}
	CHECK(json_object_size(json_object_get(d, "cpu")) == 16);
	CHECK(json_is_null(at(d, "memory", "total_bytes")) && json_is_null(at(d, "memory", "transparent_hugepages")));
	CHECK(json_is_null(at(d, "kernel", "clocksource")));
	CHECK(json_is_null(json_object_get(d, "cgroup")));
	json_decref(d);
}

/* quota - of the machine below root; -1 is none. */
static double
quota(int version)
{
	json_t *d = capture(root, &topology, no_plugins, NULL);
	const json_t *value = at(d, "cgroup", "cpu_quota");
	double cpus = json_is_null(value) ? -1 : json_number_value(value);

	CHECK(json_integer_value(at(d, "cgroup", "version")) == version);
	json_decref(d);
	return cpus;
}

static void
the_tightest_cgroup_quota_counts(void)
{
	CHECK(mkdtemp(root) != NULL);
	put("/sys/fs/cgroup/cgroup.controllers", "cpu\n");
	put("/proc/self/cgroup", "0::/a/b/c\n");
	CHECK(quota(2) == -1);
	put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
	CHECK(quota(2) == -1);
	put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
	CHECK(quota(2) == 1.5);
	put("/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n");
	CHECK(quota(2) == 1.5);
	put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
	CHECK(quota(2) == 0.5);

	/* Version 1 counts where it has the controller; cpuset and cpuacct are not it. */
	put("/proc/self/cgroup", "9:cpuset:/x\n4:cpuacct,cpu:/box\n0::/a\n");
	put("/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
	put("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
	CHECK(quota(1) == -1);
	put("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "250000\n");
	CHECK(quota(1) == 2.5);
	put("/proc/self/cgroup", "9:cpuset:/x\n4:cpuacct:/box\n0::/a\n");
	CHECK(quota(2) == 0.5);
	remove_root();
}

static void
plugins_are_named_and_hashed(void)
{
	char first[64], second[64];
	const char *paths[] = { second, first, NULL }, *gone[] = { first, "/nonexistent/x.so", NULL };
	const char *folder[] = { "/tmp", NULL };
	struct environment e, again, changed;
	struct clock clock;
	json_t *d, *list;

	CHECK(mkdtemp(root) != NULL && clock_init(&clock));
	put("/a.so", "");
	put("/b.so", "abc");
	snprintf(first, sizeof(first), "%s/a.so", root);
	snprintf(second, sizeof(second), "%s/b.so", root);
	d = capture("", &topology, paths, &e);
	list = json_object_get(d, "plugins");
	CHECK_EQ(json_array_size(list), 2);
	/* Sorted by name, without the folder; xxhash's published values for "" and "abc". */
	CHECK(strcmp(json_string_value(json_object_get(json_array_get(list, 0), "file")), "a.so") == 0);
	CHECK(strcmp(json_string_value(json_object_get(json_array_get(list, 0), "xxh64")), "ef46db3751d8e999") == 0);
	CHECK(strcmp(json_string_value(json_object_get(json_array_get(list, 1), "file")), "b.so") == 0);
	CHECK(strcmp(json_string_value(json_object_get(json_array_get(list, 1), "xxh64")), "44bc2cf5ad770999") == 0);
	CHECK(strstr(e.json, root) == NULL);
	json_decref(d);

	/* The id depends on every byte of a plug-in, and not on the order of the list. */
	paths[0] = first;
	paths[1] = second;
	json_decref(capture("", &topology, paths, &again));
	if (strcmp(e.json, again.json) == 0)
		CHECK(strcmp(e.id, again.id) == 0);
	put("/a.so", "abd");
	json_decref(capture("", &topology, paths, &changed));
	CHECK(strlen(e.id) == 32 && strspn(e.id, "0123456789abcdef") == 32);
	CHECK(strcmp(e.id, changed.id) != 0);
	environment_free(&e);
	environment_free(&again);
	environment_free(&changed);
	environment_free(&changed);

	CHECK(!environment_capture(&e, &topology, &clock, gone, error, sizeof(error)));
	CHECK(strcmp(error, "/nonexistent/x.so: No such file or directory") == 0);
	CHECK(!environment_capture(&e, &topology, &clock, folder, error, sizeof(error)));
	CHECK(strcmp(error, "/tmp: Is a directory") == 0);
	remove_root();
}

/* The same place twice gives the same document, but for what the clock costs. */
static void
a_capture_can_be_repeated(void)
{
	json_t *first = capture("", &topology, no_plugins, NULL), *second = capture("", &topology, no_plugins, NULL);

	CHECK(json_integer_value(at(first, "clock", "cost_ns")) > 0);
	json_object_del(json_object_get(first, "clock"), "cost_ns");
	json_object_del(json_object_get(second, "clock"), "cost_ns");
	CHECK(json_equal(first, second));
	CHECK(strlen(json_string_value(at(first, "build", "binary_xxh64"))) == 16);
	CHECK(json_string_value(at(first, "build", "compiler"))[0] != '\0');
	CHECK(json_string_value(at(first, "kernel", "release"))[0] != '\0');
	if (strcmp(json_string_value(at(first, "allocator", "name")), "jemalloc") == 0)
		CHECK(json_is_string(at(first, "allocator", "version")));
	json_decref(first);
	json_decref(second);
}

static void
the_host_is_not_named(void)
{
	static const char name[] = "a-very-private-host-name";
	struct environment e;

	if (unshare(CLONE_NEWUTS) != 0 || sethostname(name, strlen(name)) != 0)
		CHECK_SKIP("the host's name cannot be changed");
	json_decref(capture("", &topology, no_plugins, &e));
	CHECK(strstr(e.json, name) == NULL);
	environment_free(&e);
}

/* The text that people see, from a document as the results file keeps it. */
static void
summary_says_what_matters(void)
{
	static char epyc[] = "{\"allocator\":{\"name\":\"jemalloc\",\"version\":\"5.3.0-0-g54eaed1d8b56\"},"
	    "\"build\":{\"compiler\":\"gcc (Debian 12.2.0-14+deb12u1) 12.2.0\",\"dirty\":false,"
	    "\"flags\":\"-std=c11 -I. -O3 -march=native -g -Wall -pthread\",\"variant\":\"release\"},"
	    "\"clock\":{\"cost_ns\":14,\"name\":\"tsc\"},\"cpu\":{\"cores\":2,\"model\":\"AMD EPYC\",\"pus\":2},"
	    "\"kernel\":{\"name\":\"Linux\",\"release\":\"6.18.44-fc-v669\"},\"libc\":\"glibc 2.36\"}";
	static char arm[] = "{\"allocator\":{\"name\":\"libc\",\"version\":null},"
	    "\"build\":{\"compiler\":\"Debian clang version 19.1.7 (3~deb12u1)\",\"flags\":\"-O1 -fsanitize=address,leak\"},"
	    "\"clock\":{\"cost_ns\":36,\"name\":\"monotonic\"},\"cpu\":{\"cores\":1,\"model\":null,\"pus\":4},"
	    "\"kernel\":{\"name\":\"Linux\",\"release\":\"6.1\"},\"libc\":\"glibc 2.36\"}";
	static char nothing[] = "{}", broken[] = "{";
	struct environment e = { .json = epyc };
	char text[ENVIRONMENT_TEXT], little[12];

	environment_summary(&e, text, sizeof(text));
	CHECK(strcmp(text, "AMD EPYC, 2 cores, Linux 6.18, gcc 12.2.0 -O3 -march=native, jemalloc 5.3.0, clock 14 ns (tsc)") == 0);
	environment_summary(&e, little, sizeof(little));
	CHECK(strcmp(little, "AMD EPYC, 2") == 0);
	e.json = arm;
	environment_summary(&e, text, sizeof(text));
	CHECK(strcmp(text, "1 core (4 PUs), Linux 6.1, clang 19.1.7 -O1 -fsanitize=address,leak, glibc 2.36,"
	    " clock 36 ns (monotonic)") == 0);
	e.json = nothing;
	environment_summary(&e, text, sizeof(text));
	CHECK(strcmp(text, "") == 0);
	e.json = broken;
	environment_summary(&e, text, sizeof(text));
	CHECK(strcmp(text, "") == 0);
}

static void
warnings_name_each_trouble(void)
{
	static char bad[] = "{\"build\":{\"dirty\":true,\"variant\":\"asan\"},\"cgroup\":{\"cpu_quota\":1.5,\"version\":2},"
	    "\"cpu\":{\"governor\":\"powersave,performance\",\"smt\":true}}";
	static char good[] = "{\"build\":{\"dirty\":false,\"variant\":\"release\"},\"cgroup\":{\"cpu_quota\":null,"
	    "\"version\":2},\"cpu\":{\"governor\":\"performance\",\"smt\":false}}";
	static char unknown[] = "{\"build\":{\"dirty\":false,\"variant\":\"release\"},\"cgroup\":null,"
	    "\"cpu\":{\"governor\":null,\"smt\":null}}";
	struct environment e = { .json = bad };
	char text[ENVIRONMENT_TEXT];

	CHECK_EQ(environment_warnings(&e, text, sizeof(text)), 5);
	CHECK(strcmp(text,
	    "built as variant asan: its figures are not those of a release build\n"
	    "built from a tree with changes that are not committed\n"
	    "the CPU frequency governor is powersave,performance, not performance\n"
	    "SMT is on: threads share a core unless --pin keeps them apart\n"
	    "a cgroup limits this process to 1.5 CPUs\n") == 0);
	e.json = good;
	CHECK_EQ(environment_warnings(&e, text, sizeof(text)), 0);
	CHECK(strcmp(text, "") == 0);
	e.json = unknown;
	CHECK_EQ(environment_warnings(&e, text, sizeof(text)), 0);
}

/* Surroundings are compared value by value; what the clock costs wavers and does not count. */
static void
differences_are_named(void)
{
	static const struct { const char *other, *where; } cases[] = {
		{ "{\"build\":{\"dirty\":false,\"revision\":\"a\"},\"clock\":{\"cost_ns\":14,\"name\":\"tsc\"},\"libc\":\"2\"}", "" },
		{ "{\"build\":{\"dirty\":false,\"revision\":\"a\"},\"clock\":{\"cost_ns\":15,\"name\":\"tsc\"},\"libc\":\"2\"}", "" },
		{ "{\"build\":{\"dirty\":false,\"revision\":\"b\"},\"clock\":{\"cost_ns\":14,\"name\":\"tsc\"},\"libc\":\"3\"}", "build.revision" },
		{ "{\"build\":{\"dirty\":false,\"revision\":\"a\"},\"clock\":{\"cost_ns\":14,\"name\":\"tick\"},\"libc\":\"2\"}", "clock.name" },
		{ "{\"build\":{\"dirty\":false},\"clock\":{\"cost_ns\":14,\"name\":\"tsc\"},\"libc\":\"2\"}", "build.revision" },
		{ "{\"build\":{\"dirty\":false,\"new\":1,\"revision\":\"a\"},\"clock\":{\"cost_ns\":14,\"name\":\"tsc\"},\"libc\":\"2\"}", "build.new" },
		{ "{}", "build" },
		{ "no json", "document" },
	};
	char where[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK(environment_difference(cases[0].other, cases[i].other, where, sizeof(where)) ==
		    (cases[i].where[0] != '\0'));
		CHECK(strcmp(where, cases[i].where) == 0);
	}
}

static const struct test tests[] = {
	TEST(readings_come_from_proc_and_sys),
	TEST(what_cannot_be_read_is_null),
	TEST(the_tightest_cgroup_quota_counts),
	TEST(plugins_are_named_and_hashed),
	TEST(a_capture_can_be_repeated),
	TEST(the_host_is_not_named),
	TEST(summary_says_what_matters),
	TEST(warnings_name_each_trouble),
	TEST(differences_are_named),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
