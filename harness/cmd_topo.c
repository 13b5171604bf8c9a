/*
 * cmd_topo.c - hamtbench topo: where threads would go, on this machine or on
 * one that is only described.
 */
#include <inttypes.h>
#include <string.h>

#include "harness/command.h"
#include "harness/options.h"
#include "harness/topology.h"

#define NAME "topo"
#define THREADS_MOST 16384

static const struct plugin_option options[] = {
	{ .name = "topology", .type = OPTION_TEXT, .meta = "TEXT|FILE.xml",
	    .help = "a machine as hwloc describes it, \"pack:2 [numa] l3:8 core:8 pu:2\", or saves it "
	            "(default: this one)" },
	{ .name = "pin", .type = OPTION_TEXT, .initial = "core-first", .meta = "POLICY|LIST",
	    .help = "a policy (see: list policies) or processors such as 0,2,4-7" },
	{ .name = NULL },
};
static const struct plugin_option threads_options[] = {
	{ .name = "threads", .letter = 't', .type = OPTION_COUNT, .meta = "N,..", .least = 1, .most = THREADS_MOST,
	    .help = "numbers of threads (default: as many as processors are allowed, or in the list)" },
	{ .name = NULL },
};

static void
print_bytes(const char *name, uint64_t bytes)
{
	if (bytes == 0)
		return;
	if (bytes % (1024 * 1024) == 0)
		printf(", %s %" PRIu64 " MiB", name, bytes / (1024 * 1024));
	else
		printf(", %s %" PRIu64 " KiB", name, bytes / 1024);
}

static void
print_machine(const struct topology_summary *m)
{
	printf("%s: %u package%s, %u core%s, %u processor%s (%u allowed), %u NUMA node%s, %s", m->this_system ?
	    "this machine" : "described machine", m->packages, m->packages == 1 ? "" : "s", m->cores,
	    m->cores == 1 ? "" : "s", m->pus, m->pus == 1 ? "" : "s", m->allowed_pus, m->numa_nodes,
	    m->numa_nodes == 1 ? "" : "s", m->smt ? "SMT" : "no SMT");
	print_bytes("L1d", m->l1d_bytes);
	print_bytes("L2", m->l2_bytes);
	print_bytes("L3", m->l3_bytes);
	putchar('\n');
}

/* Where so many threads would go, for free(). NULL: it was said why not. */
static struct placement *
find_places(struct topology *topology, const char *pin, unsigned threads)
{
	struct placement *place = calloc(threads, sizeof(*place));
	char error[ERROR_SIZE];

	if (place == NULL) {
		command_error(NAME, "no memory for %u threads", threads);
		return NULL;
	}
	if (topology_place(topology, pin, threads, place, error, sizeof(error)))
		return place;
	command_error(NAME, "--pin: %s", error);
	free(place);
	return NULL;
}

static void
print_places(const struct placement *place, const char *pin, unsigned threads)
{
	printf("\n%u thread%s, pin %s:\n", threads, threads == 1 ? "" : "s", pin);
	if (place[0].os_index == PLACEMENT_ANYWHERE) {
		puts("  anywhere: the scheduler decides");
		return;
	}
	printf("  %7s %9s %7s %8s %6s\n", "thread", "processor", "core", "package", "NUMA");
	for (unsigned i = 0; i < threads; i++)
		printf("  %7u %9u %7u %8u %6u\n", i, place[i].os_index, place[i].core, place[i].package, place[i].numa);
}

/* All processors, or as many as a list names. */
static unsigned
default_threads(struct topology *topology, const char *pin, unsigned allowed)
{
	struct placement *place = calloc(allowed, sizeof(*place));
	char error[ERROR_SIZE];
	unsigned threads = allowed;

	/* A list that is refused whatever the number is refused with its reason later. */
	while (place != NULL && threads > 1 &&
	    !topology_place(topology, pin, threads, place, error, sizeof(error)))
		threads--;
	free(place);
	return threads;
}

/* All places are found before anything is printed. */
static int
print_topology(const struct option_values *values, const uint64_t *threads, size_t count)
{
	const char *pin = option_text(values, "pin");
	char error[ERROR_SIZE];
	struct topology *topology = topology_open(option_text(values, "topology"), error, sizeof(error));
	struct topology_summary machine;
	struct placement **place;
	uint64_t all;
	size_t found = 0;

	if (topology == NULL)
		return option_is_set(values, "topology") ? command_error(NAME, "--topology: %s", error) :
		    command_error(NAME, "%s", error);
	topology_summary(topology, &machine);
	if (count == 0) {
		all = default_threads(topology, pin, machine.allowed_pus);
		threads = &all;
		count = 1;
	}
	place = calloc(count, sizeof(*place));
	if (place == NULL)
		command_error(NAME, "no memory for %zu numbers of threads", count);
	while (place != NULL && found < count && (place[found] = find_places(topology, pin, (unsigned)threads[found])) != NULL)
		found++;
	if (found == count) {
		print_machine(&machine);
		for (size_t i = 0; i < count; i++)
			print_places(place[i], pin, (unsigned)threads[i]);
	}
	for (size_t i = 0; i < found; i++)
		free(place[i]);
	free(place);
	topology_close(topology);
	return command_finish(NAME, found == count ? STATUS_OK : STATUS_USAGE);
}

int
command_topo(int argc, char **argv)
{
	const struct option_group group[] = {
		{ .owner = NAME, .title = "Options", .options = options },
		{ .owner = NAME, .title = "Threads", .options = threads_options },
	};
	struct option_values *values = NULL;
	struct command_line line;
	uint64_t *threads = NULL;
	char error[ERROR_SIZE];
	size_t count = 0;
	int status;

	if (!command_line_read(&line, argc, argv, group, 2, error, sizeof(error)))
		return command_error(NAME, "%s", error);
	if (line.help) {
		command_line_help(stdout, NAME " [OPTION...]", group, 2);
		status = command_finish(NAME, STATUS_OK);
	} else if (line.arguments > 0) {
		status = command_error(NAME, "'%s' is no option", line.argument[0]);
	} else if (!options_single(options, &line, &values, error, sizeof(error)) ||
	    !options_counts(threads_options, &line, &threads, &count, error, sizeof(error))) {
		status = command_error(NAME, "%s", error);
	} else {
		status = print_topology(values, threads, count);
	}
	options_free(values);
	free(threads);
	command_line_free(&line);
	return status;
}
