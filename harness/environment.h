/*
 * environment.h - everything outside the program that can move its figures,
 * as one canonical JSON document: two runs with the same id ran the same
 * binary in the same surroundings.
 *
 * What cannot be read is null, never guessed. The host's name, users and
 * paths are not in it, so that it can be published.
 *
 *	build    revision, dirty, compiler, flags, variant, binary_xxh64
 *	plugins  [ { file, xxh64 } ], sorted by file name
 *	allocator  { name, version }      version null unless the allocator can say
 *	cpu      model, microcode, packages, cores, pus, allowed_pus, allowed (list),
 *	         numa_nodes, smt, smt_control, l1d_bytes, l2_bytes, l3_bytes (of one
 *	         instance), governor (all that are in use), boost, mitigations { name: text }
 *	memory   total_bytes, transparent_hugepages
 *	kernel   name, release, version, machine, clocksource, membarrier
 *	cgroup   version (1, 2), cpu_quota (CPUs, null: no limit); null: not readable
 *	clock    name, cost_ns (to the nearest ns, so that two captures agree)
 *	libc     text
 */
#ifndef HARNESS_ENVIRONMENT_H
#define HARNESS_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "harness/clock.h"
#include "harness/topology.h"

#define ENVIRONMENT_TEXT 1024 /* bytes that hold any summary and all warnings */

struct environment {
	char *json;  /* canonical: keys sorted, no white space; owned */
	char id[33]; /* XXH3-128 of json, in hexadecimal */
};

/*
 * environment_capture - read the surroundings, before anything is pinned.
 * plugin_paths  NULL-ended: the files of the subjects and workloads in use.
 * Returns   true, and environment_free() is owed; false and one line in
 *           error: a plug-in cannot be read, or no memory.
 * Threads   one at a time.
 */
bool environment_capture(struct environment *e, const struct topology_summary *topology, const struct clock *clock,
    const char *const *plugin_paths, char *error, size_t size) MUST_USE;

/* environment_capture_from - the same, with /proc and /sys below the folder root (without a final slash). */
bool environment_capture_from(const char *root, struct environment *e, const struct topology_summary *topology,
    const struct clock *clock, const char *const *plugin_paths, char *error, size_t size) MUST_USE;

/* environment_adopt - an environment captured elsewhere: takes the document over, as it is, and makes its id. */
void environment_adopt(struct environment *e, char *json);

/* environment_free - give the document back; fine on an all-zero struct and twice. */
void environment_free(struct environment *e);

/*
 * environment_summary - one line for people, of what matters most: "AMD EPYC 7B13, 2 cores,
 * Linux 6.18, gcc 12.2.0 -O3 -march=native, jemalloc 5.3.0, clock 14 ns (tsc)".
 * What is not known is left out. Works on a document from a results file, too.
 */
void environment_summary(const struct environment *e, char *text, size_t size);

/*
 * environment_difference - the first value in which two documents differ, as
 * "build.revision"; what the clock was measured to cost does not count, since that
 * wavers. What cannot be read differs in "document".
 * Returns   true and where; false and "" when they are the same surroundings.
 */
bool environment_difference(const char *json, const char *other_json, char *where, size_t size);

/*
 * environment_warnings - what makes figures from here hard to trust or to
 * repeat, one line each, every one ended by a newline: a governor other than performance,
 * cores shared by SMT, a cgroup quota, changes that are not committed, a build that is not release.
 * Returns   the number of lines; 0 and "" when there is nothing to say.
 */
unsigned environment_warnings(const struct environment *e, char *text, size_t size);

#endif
