/*
 * test_topology.c - the exact order of PUs that each policy gives on machines
 * this one is not, what is refused and how it is worded, and, on this machine,
 * that a binding is real.
 */
/* not under tsan: one thread */
#include <hwloc.h>
#include <sched.h>

#include "core/tests/check.h"
#include "harness/topology.h"

#define TWO_SOCKETS "pack:2 [numa] l3:8 core:8 pu:2"
/* Numbered as Linux does: first threads first. Core c has the PUs c and c + 4. */
#define LAPTOP "pack:1 core:4 pu:2(indexes=0,4,1,5,2,6,3,7)"

static char error[200];

static struct topology *
opened(const char *source)
{
	struct topology *t = topology_open(source, error, sizeof(error));

	if (t == NULL)
		fprintf(stderr, "# %s\n", error);
	CHECK(t != NULL);
	return t;
}

/* places - the policy gives exactly these PUs to `threads` threads. */
static void
places(struct topology *t, const char *policy, const unsigned *expected, unsigned threads)
{
	struct placement *out = calloc(threads, sizeof(*out));
	bool done = topology_place(t, policy, threads, out, error, sizeof(error));

	if (!done)
		fprintf(stderr, "# %s\n", error);
	CHECK(done);
	for (unsigned i = 0; i < threads; i++) {
		if (out[i].os_index != expected[i])
			fprintf(stderr, "# %s: thread %u\n", policy, i);
		CHECK_EQ(out[i].os_index, expected[i]);
	}
	free(out);
}

#define PLACES(t, policy, ...)                                                 \
	do {                                                                   \
		static const unsigned expected_list[] = { __VA_ARGS__ };       \
		places(t, policy, expected_list, sizeof(expected_list) / sizeof(expected_list[0])); \
	} while (0)

/* refuses - placing fails, and the line says this. */
static void
refuses(struct topology *t, const char *policy, unsigned threads, const char *text)
{
	struct placement out[8];

	error[0] = '\0';
	CHECK(!topology_place(t, policy, threads, out, error, sizeof(error)));
	if (strcmp(error, text) != 0)
		fprintf(stderr, "# said: %s\n", error);
	CHECK(strcmp(error, text) == 0);
}

/* 256 PUs: number = 128 package + 16 L3 + 2 core + thread. Each order is its nest of loops. */
static void
two_sockets_every_policy(void)
{
	struct topology *t = opened(TWO_SOCKETS);
	unsigned e[300], n = 0;

	for (unsigned i = 0; i < 300; i++)
		e[i] = i % 256;
	places(t, "compact", e, 300);
	PLACES(t, "compact", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);

	for (unsigned smt = 0; smt < 2; smt++)
		for (unsigned core = 0; core < 8; core++)
			for (unsigned l3 = 0; l3 < 8; l3++)
				for (unsigned package = 0; package < 2; package++)
					e[n++] = 128 * package + 16 * l3 + 2 * core + smt;
	places(t, "scatter", e, 256);
	PLACES(t, "scatter", 0, 128, 16, 144, 32, 160, 48, 176, 64, 192, 80, 208, 96, 224, 112, 240, 2, 130, 18, 146);

	n = 0;
	for (unsigned smt = 0; smt < 2; smt++)
		for (unsigned core = 0; core < 128; core++)
			e[n++] = 2 * core + smt;
	places(t, "core-first", e, 256);
	CHECK(e[63] == 126 && e[64] == 128 && e[127] == 254 && e[128] == 1);

	n = 0;
	for (unsigned package = 0; package < 2; package++)
		for (unsigned smt = 0; smt < 2; smt++)
			for (unsigned core = 0; core < 64; core++)
				e[n++] = 128 * package + 2 * core + smt;
	places(t, "socket-first", e, 256);
	CHECK(e[63] == 126 && e[64] == 1 && e[127] == 127 && e[128] == 128);

	PLACES(t, "same-core", 0, 1, 0, 1, 0);
	PLACES(t, "255,0,4-7", 255, 0, 4, 5, 6, 7);
	topology_close(t);
}

static void
laptop_every_policy(void)
{
	struct topology *t = opened(LAPTOP);

	PLACES(t, "compact", 0, 4, 1, 5, 2, 6, 3, 7, 0, 4);
	PLACES(t, "scatter", 0, 1, 2, 3, 4, 5, 6, 7, 0);
	PLACES(t, "core-first", 0, 1, 2, 3, 4, 5, 6, 7, 0);
	PLACES(t, "socket-first", 0, 1, 2, 3, 4, 5, 6, 7, 0);
	PLACES(t, "same-core", 0, 4, 0);
	PLACES(t, "7,3,0-2", 7, 3, 0, 1, 2);
	PLACES(t, "7,3,0-2", 7, 3);
	topology_close(t);
}

static void
one_core_every_policy(void)
{
	static const char *const policies[] = { "compact", "scatter", "core-first", "socket-first", "same-core" };
	struct topology *t = opened("core:1 pu:1");

	for (unsigned i = 0; i < 5; i++)
		PLACES(t, policies[i], 0, 0, 0);
	PLACES(t, "0", 0);
	topology_close(t);
}

/* Package fastest, then NUMA node, then L3, then core: number = 8 package + 4 node + 2 L3 + core. */
static void
scatter_goes_round_numa_nodes_before_caches(void)
{
	struct topology *t = opened("pack:2 group:2 [numa] l3:2 core:2 pu:1");

	PLACES(t, "scatter", 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
	PLACES(t, "socket-first", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	topology_close(t);
}

static void
placement_names_core_package_and_node(void)
{
	struct topology *t = opened(TWO_SOCKETS);
	struct placement out[3];

	CHECK(topology_place(t, "0,17,255", 3, out, error, sizeof(error)));
	CHECK(out[0].core == 0 && out[0].package == 0 && out[0].numa == 0);
	CHECK(out[1].core == 8 && out[1].package == 0 && out[1].numa == 0);
	CHECK(out[2].core == 127 && out[2].package == 1 && out[2].numa == 1);
	topology_close(t);
}

/* Ranks count the allowed PUs only: core 0 has just its second thread left. */
static void
restricted_every_policy(void)
{
	struct topology *t = opened(LAPTOP);
	struct topology_summary s;

	CHECK(topology_restrict(t, "1,4-6", error, sizeof(error)));
	PLACES(t, "compact", 4, 1, 5, 6, 4);
	PLACES(t, "scatter", 4, 1, 6, 5, 4);
	PLACES(t, "core-first", 4, 1, 6, 5, 4);
	PLACES(t, "socket-first", 4, 1, 6, 5, 4);
	PLACES(t, "same-core", 4, 4);
	PLACES(t, "6,1", 6, 1);
	refuses(t, "0", 1, "PU list \"0\": PU 0 is not allowed here");
	topology_summary(t, &s);
	CHECK(s.allowed_pus == 4 && s.pus == 8);
	/* A bad list changes nothing. */
	CHECK(!topology_restrict(t, "1,2", error, sizeof(error)));
	CHECK(!topology_restrict(t, "1,", error, sizeof(error)));
	PLACES(t, "compact", 4, 1, 5, 6, 4);
	topology_close(t);
}

static void
restricted_two_sockets(void)
{
	struct topology *t = opened(TWO_SOCKETS);

	/* Cores 1 and 2 of socket 0 (one thread of 2), and one L3 of socket 1. */
	CHECK(topology_restrict(t, "2-4,130-133", error, sizeof(error)));
	PLACES(t, "compact", 2, 3, 4, 130, 131, 132, 133);
	PLACES(t, "scatter", 2, 130, 4, 132, 3, 131, 133, 2);
	PLACES(t, "core-first", 2, 4, 130, 132, 3, 131, 133);
	PLACES(t, "socket-first", 2, 4, 3, 130, 132, 131, 133);
	PLACES(t, "same-core", 2, 3, 2);
	topology_close(t);
}

static void
none_places_nowhere(void)
{
	struct topology *t = opened(LAPTOP);
	struct placement out[3];

	CHECK(topology_place(t, "none", 3, out, error, sizeof(error)));
	for (unsigned i = 0; i < 3; i++) {
		CHECK(out[i].os_index == PLACEMENT_ANYWHERE && out[i].core == PLACEMENT_ANYWHERE);
		CHECK(out[i].package == PLACEMENT_ANYWHERE && out[i].numa == PLACEMENT_ANYWHERE);
		/* Binding nowhere works even on a machine that is not there. */
		CHECK(topology_bind_self(t, &out[i], error, sizeof(error)));
	}
	topology_close(t);
}

static void
bad_policies_are_refused(void)
{
	struct topology *t = opened(LAPTOP);

	refuses(t, "spread", 1,
	    "unknown pin policy \"spread\"; there are compact, scatter, core-first, socket-first, same-core, none, "
	    "or a list of PUs like 0,2,4-7");
	refuses(t, "", 1,
	    "unknown pin policy \"\"; there are compact, scatter, core-first, socket-first, same-core, none, "
	    "or a list of PUs like 0,2,4-7");
	refuses(t, "0,1,2", 4, "PU list \"0,1,2\" has 3 PUs for 4 threads");
	refuses(t, "0,1,0", 1, "PU list \"0,1,0\": PU 0 comes twice");
	refuses(t, "1-3,2", 1, "PU list \"1-3,2\": PU 2 comes twice");
	refuses(t, "0,8", 1, "PU list \"0,8\": PU 8 does not exist");
	refuses(t, "0-999999", 1, "PU list \"0-999999\": PU 8 does not exist");
	for (const char *const *bad = (const char *const[]){ "0,", "0,,1", "0-", "3-1", "0 1", "0x1", "0,a", "0-1-2",
	         "1.5", "99999999999999999999", NULL };
	     *bad != NULL; bad++) {
		char text[120];

		snprintf(text, sizeof(text), "PU list \"%s\" is malformed; it should look like 0,2,4-7", *bad);
		refuses(t, *bad, 1, text);
	}
	topology_close(t);
}

static void
bad_sources_are_refused(void)
{
	static const char *const bad[] = { "pack:2 nonsense:3", "", "/nonexistent/machine.xml", "/dev/null", "/tmp" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error[0] = '\0';
		CHECK(topology_open(bad[i], error, sizeof(error)) == NULL);
		CHECK(strncmp(error, "topology: ", 10) == 0 && strchr(error, '\n') == NULL);
	}
}

static void
summary_describes_the_machine(void)
{
	struct topology *t = opened("pack:2 [numa] l3:8(size=33554432) l2:8(size=1048576) l1d:1(size=32768) core:1 pu:2");
	struct topology_summary s;

	topology_summary(t, &s);
	CHECK_EQ(s.packages, 2);
	CHECK_EQ(s.cores, 128);
	CHECK_EQ(s.pus, 256);
	CHECK_EQ(s.allowed_pus, 256);
	CHECK_EQ(s.numa_nodes, 2);
	CHECK_EQ(s.l1d_bytes, 32 << 10);
	CHECK_EQ(s.l2_bytes, 1 << 20);
	CHECK_EQ(s.l3_bytes, 32 << 20);
	CHECK(s.smt && !s.this_system);
	topology_close(t);
	t = opened("core:2 pu:1");
	topology_summary(t, &s);
	CHECK(!s.smt && s.l3_bytes == 0 && s.cores == 2);
	topology_close(t);
}

/* A machine saved to XML is placed on like the one it was saved from. */
static void
xml_is_read(void)
{
	char path[] = "/tmp/test_topology_XXXXXX.xml";
	int file = mkstemps(path, 4);
	struct topology *t;
	hwloc_topology_t h;

	CHECK(file >= 0);
	CHECK(hwloc_topology_init(&h) == 0 && hwloc_topology_set_synthetic(h, LAPTOP) == 0);
	CHECK(hwloc_topology_load(h) == 0 && hwloc_topology_export_xml(h, path, 0) == 0);
	hwloc_topology_destroy(h);
	t = opened(path);
	PLACES(t, "compact", 0, 4, 1, 5, 2, 6, 3, 7, 0, 4);
	topology_close(t);
	close(file);
	unlink(path);
}

static void
foreign_machines_cannot_be_bound_to(void)
{
	struct topology *t = opened(LAPTOP);
	struct placement out;

	CHECK(topology_place(t, "compact", 1, &out, error, sizeof(error)));
	CHECK(!topology_bind_self(t, &out, error, sizeof(error)));
	CHECK(strcmp(error, "cannot bind to PU 0: the topology is not this machine's") == 0);
	CHECK(!topology_membind(t, "local", error, sizeof(error)));
	CHECK(topology_membind(t, "none", error, sizeof(error)));
	topology_close(t);
}

/* allowed_here - the numbers of the CPUs that this process may use, at most room of them. */
static unsigned
allowed_here(unsigned *number, unsigned room)
{
	cpu_set_t set;
	unsigned count = 0;

	CHECK(sched_getaffinity(0, sizeof(set), &set) == 0);
	for (unsigned i = 0; i < CPU_SETSIZE && count < room; i++)
		if (CPU_ISSET(i, &set))
			number[count++] = i;
	return count;
}

static void
binding_is_real(void)
{
	unsigned number[64], count = allowed_here(number, 64);
	struct topology *t = opened(NULL);
	struct placement out[64];

	CHECK(topology_place(t, "compact", count, out, error, sizeof(error)));
	for (unsigned i = 0; i < count; i++) {
		cpu_set_t set;

		CHECK(topology_bind_self(t, &out[i], error, sizeof(error)));
		CHECK(sched_getaffinity(0, sizeof(set), &set) == 0);
		CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(out[i].os_index, &set));
		CHECK_EQ((unsigned)sched_getcpu(), out[i].os_index);
	}
	topology_close(t);
}

static void
binding_to_what_is_not_there_fails(void)
{
	struct topology *t = opened(NULL);
	struct placement out = { .os_index = 4000 };

	CHECK(!topology_bind_self(t, &out, error, sizeof(error)));
	CHECK(strncmp(error, "cannot bind to PU 4000: ", 24) == 0);
	topology_close(t);
}

/* A taskset mask counts, though hwloc's tree does not show it. */
static void
taskset_is_respected(void)
{
	unsigned number[64], count = allowed_here(number, 64);
	struct topology_summary s;
	struct placement out[3];
	struct topology *t;
	char text[100], list[20];
	cpu_set_t set;

	if (count < 2)
		CHECK_SKIP("one CPU only");
	CPU_ZERO(&set);
	CPU_SET(number[1], &set);
	CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
	t = opened(NULL);
	topology_summary(t, &s);
	CHECK(s.allowed_pus == 1 && s.pus >= 2 && s.this_system);
	CHECK(topology_place(t, "scatter", 3, out, error, sizeof(error)));
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(out[i].os_index, number[1]);
	snprintf(list, sizeof(list), "%u", number[0]);
	snprintf(text, sizeof(text), "PU list \"%s\": PU %s is not allowed here", list, list);
	refuses(t, list, 1, text);
	topology_close(t);
}

static void
memory_policies(void)
{
	struct topology *t = opened(NULL);

	CHECK(topology_membind(t, "none", error, sizeof(error)));
	CHECK(!topology_membind(t, "everywhere", error, sizeof(error)));
	CHECK(strcmp(error, "unknown memory policy \"everywhere\"; there are none, local, interleave") == 0);
	if (!topology_membind(t, "local", error, sizeof(error)))
		CHECK_SKIP(error);
	if (!topology_membind(t, "interleave", error, sizeof(error)))
		CHECK_SKIP(error);
	topology_close(t);
}

static void
policies_are_listed(void)
{
	struct topology *t = opened(LAPTOP);
	struct placement out[2];
	size_t count;
	const struct topology_policy_info *info = topology_policies(&count);

	CHECK_EQ(count, 6);
	for (size_t i = 0; i < count; i++) {
		CHECK(info[i].help[0] != '\0');
		CHECK(topology_place(t, info[i].name, 2, out, error, sizeof(error)));
	}
	topology_close(t);
}

static const struct test tests[] = {
	TEST(two_sockets_every_policy),
	TEST(laptop_every_policy),
	TEST(one_core_every_policy),
	TEST(scatter_goes_round_numa_nodes_before_caches),
	TEST(placement_names_core_package_and_node),
	TEST(restricted_every_policy),
	TEST(restricted_two_sockets),
	TEST(none_places_nowhere),
	TEST(bad_policies_are_refused),
	TEST(bad_sources_are_refused),
	TEST(summary_describes_the_machine),
	TEST(xml_is_read),
	TEST(foreign_machines_cannot_be_bound_to),
	TEST(binding_is_real),
	TEST(binding_to_what_is_not_there_fails),
	TEST(taskset_is_respected),
	TEST(memory_policies),
	TEST(policies_are_listed),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
