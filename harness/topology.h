/*
 * topology.h - where threads go: hwloc's picture of the machine, narrowed to
 * what this process may use, and the orders in which its PUs are handed out.
 *
 * PU = hardware thread, hwloc's word. PUs are named by the operating system's
 * (physical) number; cores, packages and NUMA nodes by hwloc's logical one.
 */
#ifndef HARNESS_TOPOLOGY_H
#define HARNESS_TOPOLOGY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

struct topology; /* topology_open() */

#define PLACEMENT_ANYWHERE UINT_MAX /* policy none: the scheduler decides */

/* Where one thread goes. Policy none: all four are PLACEMENT_ANYWHERE. */
struct placement {
	unsigned os_index; /* the PU's number, as in taskset */
	unsigned core;
	unsigned package;
	unsigned numa;
};

/* What the machine is, for the record of its environment. 0 = none or not known. */
struct topology_summary {
	unsigned packages;
	unsigned cores;
	unsigned pus;
	unsigned allowed_pus; /* of pus, those that this process may use */
	unsigned numa_nodes;
	bool smt;             /* some core has more than one PU */
	uint64_t l1d_bytes;   /* of one instance of the cache */
	uint64_t l2_bytes;
	uint64_t l3_bytes;
	bool this_system;     /* false: a synthetic or foreign machine, nothing can be bound */
};

/* One row of the table of policies, for `hamtbench list`. */
struct topology_policy_info {
	const char *name;
	const char *help;
};

/*
 * topology_open - look at a machine.
 * source    NULL = this one, narrowed to the PUs that the calling thread may
 *           run on (taskset, cgroup); else the path of an hwloc XML file
 *           (lstopo saves them) or an hwloc synthetic description
 *           ("pack:2 [numa] l3:8 core:8 pu:2").
 * Returns   the topology, for topology_close(); NULL and one line in error.
 * Threads   any; open and close one at a time.
 */
struct topology *topology_open(const char *source, char *error, size_t size) MUST_USE;

/* topology_close - give it back; NULL is allowed. Bindings stay as they are. */
void topology_close(struct topology *t);

/*
 * topology_restrict - allow only the PUs of the list "0,2,4-7" from now on.
 * Returns   true; false and one line in error, and t is as it was.
 */
bool topology_restrict(struct topology *t, const char *list, char *error, size_t size) MUST_USE;

/* topology_summary - what the machine is. */
void topology_summary(const struct topology *t, struct topology_summary *out);

/* topology_policies - the table of policies; *count = its rows. The explicit list is not in it. */
const struct topology_policy_info *topology_policies(size_t *count);

/*
 * topology_place - which PU each of `threads` threads gets: out[0 .. threads-1].
 * policy    a name out of topology_policies(), or a list of PU numbers
 *           "0,2,4-7", taken in that order. A policy starts again from its
 *           first PU when the PUs run out; a list must be long enough.
 * Returns   true; false and one line in error, out undefined: unknown policy,
 *           malformed list, a PU twice, unknown or not allowed, a list too
 *           short.
 * Threads   any number at once.
 */
bool topology_place(struct topology *t, const char *policy, unsigned threads, struct placement *out, char *error,
    size_t size) MUST_USE;

/*
 * topology_bind_self - bind the calling thread to its place and look where it
 * really is bound. PLACEMENT_ANYWHERE binds nothing and succeeds.
 * Returns   true; false and one line in error: the system refused or did
 *           something else, or t is not this system.
 * Threads   any number at once.
 */
bool topology_bind_self(struct topology *t, const struct placement *p, char *error, size_t size) MUST_USE;

/*
 * topology_may_bind - does the system let the calling thread be bound? Asks it to bind the
 * thread to where it is bound already.
 */
bool topology_may_bind(struct topology *t);

/*
 * topology_membind - where the memory comes from that the calling thread, and
 * every thread it starts later, touches first: "none" leaves the system's
 * ways alone, "local" the node it runs on, "interleave" all nodes in turn.
 * Returns   true; false and one line in error: unknown name, refused by the
 *           system, or t is not this system.
 */
bool topology_membind(struct topology *t, const char *name, char *error, size_t size) MUST_USE;

#endif
