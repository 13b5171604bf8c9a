/*
 * topology.c - every policy is one order of the PUs. Each PU gets its rank at
 * every level (package, NUMA node, L3, core, thread of the core), counted
 * among the allowed ones only, and a policy is the list of levels to sort by,
 * the slowest first. Scatter, for one, sorts by thread, core, L3, NUMA node,
 * package: the package changes from each thread to the next.
 */
#include "harness/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum level { PACKAGE, NUMA, L3, CORE, SMT, LEVELS };

struct pu {
	unsigned object[LEVELS]; /* which package ... core this is, over the whole machine; SMT: the PU */
	unsigned rank[LEVELS];   /* number among its siblings in the level above */
	struct placement place;
};

struct topology {
	hwloc_topology_t hwloc;
	hwloc_cpuset_t allowed;
	struct pu *pu; /* the allowed ones, in hwloc's logical order */
	unsigned count;
	unsigned all_count; /* PUs of the machine */
	bool this_system;
};

static const struct topology_policy_info infos[] = {
	{ "compact", "fill core by core: the threads of a core are neighbours" },
	{ "scatter", "as far apart as possible: packages in turn, then NUMA nodes, L3s, cores; second threads last" },
	{ "core-first", "one thread per core, package by package; then the cores' second threads" },
	{ "socket-first", "fill a package before the next: its cores, then their second threads" },
	{ "same-core", "the threads of one core only" },
	{ "none", "bind nothing: the scheduler decides" },
};

/* In the order of infos; none has no row. */
static const struct {
	enum level order[LEVELS];
	bool one_core;
} orders[] = {
	{ { PACKAGE, NUMA, L3, CORE, SMT }, false },
	{ { SMT, CORE, L3, NUMA, PACKAGE }, false },
	{ { SMT, PACKAGE, NUMA, L3, CORE }, false },
	{ { PACKAGE, SMT, NUMA, L3, CORE }, false },
	{ { PACKAGE, NUMA, L3, CORE, SMT }, true },
};

#define INFOS (sizeof(infos) / sizeof(infos[0]))
#define ORDERS (sizeof(orders) / sizeof(orders[0]))

static bool fail(char *error, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* fail - write the line and return false. */
static bool
fail(char *error, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, size, format, arguments);
	va_end(arguments);
	return false;
}

const struct topology_policy_info *
topology_policies(size_t *count)
{
	*count = INFOS;
	return infos;
}

/* ancestor - the number of the object of this type around a PU; otherwise where the machine has none. */
static unsigned
ancestor(hwloc_topology_t hwloc, hwloc_obj_t pu, hwloc_obj_type_t type, unsigned otherwise)
{
	hwloc_obj_t o = hwloc_get_ancestor_obj_by_type(hwloc, type, pu);

	return o == NULL ? otherwise : o->logical_index;
}

/* numa_of - the first of the NUMA nodes that are local to a PU. */
static unsigned
numa_of(hwloc_topology_t hwloc, hwloc_obj_t pu)
{
	hwloc_obj_t node = NULL;

	while ((node = hwloc_get_next_obj_by_type(hwloc, HWLOC_OBJ_NUMANODE, node)) != NULL)
		if (hwloc_bitmap_isset(pu->nodeset, node->os_index))
			return node->logical_index;
	return 0;
}

/* same_above - do two PUs share everything down to, but without, this level? */
static bool
same_above(const struct pu *a, const struct pu *b, unsigned level)
{
	for (unsigned l = 0; l < level; l++)
		if (a->object[l] != b->object[l])
			return false;
	return true;
}

/*
 * rank_all - number the siblings at each level in hwloc's logical order.
 * rank of p at a level = how many different objects of that level, in the same
 * parent, came before p's.
 */
static void
rank_all(struct pu *pu, unsigned count)
{
	for (unsigned level = 0; level < LEVELS; level++)
		for (unsigned i = 0; i < count; i++) {
			unsigned next = 0;
			bool known = false;

			for (unsigned j = 0; j < i && !known; j++) {
				if (!same_above(&pu[i], &pu[j], level))
					continue;
				known = pu[j].object[level] == pu[i].object[level];
				if (known)
					next = pu[j].rank[level];
				else if (pu[j].rank[level] >= next)
					next = pu[j].rank[level] + 1;
			}
			pu[i].rank[level] = next;
		}
}

/* narrow - make the PUs of set, which must not be empty, the allowed ones; takes set over if it succeeds. */
static bool
narrow(struct topology *t, hwloc_cpuset_t set, char *error, size_t size)
{
	unsigned count = (unsigned)hwloc_bitmap_weight(set), i = 0;
	struct pu *pu = calloc(count, sizeof(*pu));
	hwloc_obj_t o = NULL;

	if (pu == NULL)
		return fail(error, size, "topology: out of memory");
	while (i < count && (o = hwloc_get_next_obj_by_type(t->hwloc, HWLOC_OBJ_PU, o)) != NULL) {
		struct pu *p = &pu[i];

		if (!hwloc_bitmap_isset(set, o->os_index))
			continue;
		p->object[PACKAGE] = ancestor(t->hwloc, o, HWLOC_OBJ_PACKAGE, 0);
		p->object[NUMA] = numa_of(t->hwloc, o);
		p->object[L3] = ancestor(t->hwloc, o, HWLOC_OBJ_L3CACHE, 0);
		p->object[CORE] = ancestor(t->hwloc, o, HWLOC_OBJ_CORE, o->logical_index);
		p->object[SMT] = o->logical_index;
		p->place = (struct placement){
			.os_index = o->os_index,
			.core = p->object[CORE],
			.package = p->object[PACKAGE],
			.numa = p->object[NUMA],
		};
		i++;
	}
	invariant(i == count);
	rank_all(pu, count);
	free(t->pu);
	hwloc_bitmap_free(t->allowed);
	t->pu = pu;
	t->count = count;
	t->allowed = set;
	return true;
}

/* load - have hwloc look at source. */
static bool
load(struct topology *t, const char *source, char *error, size_t size)
{
	size_t length = source == NULL ? 0 : strlen(source);
	bool xml = length > 4 && strcmp(source + length - 4, ".xml") == 0;
	struct stat status;

	if (hwloc_topology_init(&t->hwloc) != 0) {
		t->hwloc = NULL;
		return fail(error, size, "topology: hwloc cannot start: %s", strerror(errno));
	}
	if (source != NULL && (xml || stat(source, &status) == 0)) {
		if (stat(source, &status) != 0)
			return fail(error, size, "topology: cannot read \"%.100s\": %s", source, strerror(errno));
		if (hwloc_topology_set_xml(t->hwloc, source) != 0)
			return fail(error, size, "topology: \"%.100s\" is not an hwloc XML file", source);
	} else if (source != NULL && hwloc_topology_set_synthetic(t->hwloc, source) != 0) {
		return fail(error, size,
		    "topology: \"%.100s\" is neither a file nor a description like \"pack:2 l3:8 core:8 pu:2\"", source);
	}
	if (hwloc_topology_load(t->hwloc) != 0)
		return fail(error, size, "topology: hwloc cannot load %.100s", source == NULL ? "this machine" : source);
	/* Afterwards reading it from several threads is safe. */
	hwloc_topology_refresh(t->hwloc);
	t->this_system = hwloc_topology_is_thissystem(t->hwloc) != 0;
	t->all_count = (unsigned)hwloc_get_nbobjs_by_type(t->hwloc, HWLOC_OBJ_PU);
	return true;
}

/* usable - the PUs that are allowed to begin with; NULL and the reason. */
static hwloc_cpuset_t
usable(struct topology *t, char *error, size_t size)
{
	hwloc_cpuset_t set = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(t->hwloc)), bound;

	if (set == NULL) {
		fail(error, size, "topology: out of memory");
		return NULL;
	}
	/* Disallowed PUs are not in the tree, and offline ones have no object. */
	hwloc_bitmap_and(set, set, hwloc_topology_get_topology_cpuset(t->hwloc));
	bound = hwloc_bitmap_alloc();
	/* A taskset mask is not in the topology. */
	if (bound != NULL && t->this_system && hwloc_get_cpubind(t->hwloc, bound, HWLOC_CPUBIND_THREAD) == 0)
		hwloc_bitmap_and(set, set, bound);
	hwloc_bitmap_free(bound);
	if (!hwloc_bitmap_iszero(set))
		return set;
	hwloc_bitmap_free(set);
	fail(error, size, "topology: this process may not use any PU");
	return NULL;
}

struct topology *
topology_open(const char *source, char *error, size_t size)
{
	struct topology *t = calloc(1, sizeof(*t));
	hwloc_cpuset_t set = NULL;

	if (t == NULL) {
		fail(error, size, "topology: out of memory");
		return NULL;
	}
	if (load(t, source, error, size) && (set = usable(t, error, size)) != NULL && narrow(t, set, error, size))
		return t;
	hwloc_bitmap_free(set);
	topology_close(t);
	return NULL;
}

void
topology_close(struct topology *t)
{
	if (t == NULL)
		return;
	hwloc_bitmap_free(t->allowed);
	if (t->hwloc != NULL)
		hwloc_topology_destroy(t->hwloc);
	free(t->pu);
	free(t);
}

static const struct pu *
find(const struct topology *t, unsigned os_index)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->pu[i].place.os_index == os_index)
			return &t->pu[i];
	return NULL;
}

/* read_number - decimal digits only, at most 6 of them. */
static bool
read_number(const char **text, unsigned *number)
{
	size_t digits = strspn(*text, "0123456789");

	if (digits == 0 || digits > 6)
		return false;
	*number = (unsigned)strtoul(*text, NULL, 10);
	*text += digits;
	return true;
}

/*
 * read_list - "0,2,4-7" in its order; chosen has room for all allowed PUs,
 * and no PU comes twice, so it suffices.
 */
static bool
read_list(const struct topology *t, const char *list, const struct pu **chosen, unsigned *count, char *error,
    size_t size)
{
	const char *rest = list;

	for (*count = 0;;) {
		unsigned first, last;

		if (!read_number(&rest, &first))
			break;
		last = first;
		if (*rest == '-') {
			rest++;
			if (!read_number(&rest, &last) || last < first)
				break;
		}
		for (unsigned number = first; number <= last; number++) {
			const struct pu *p = find(t, number);

			if (p == NULL)
				return fail(error, size, "PU list \"%.60s\": PU %u %s", list, number,
				    hwloc_bitmap_isset(hwloc_topology_get_complete_cpuset(t->hwloc), number) ?
				        "is not allowed here" : "does not exist");
			for (unsigned i = 0; i < *count; i++)
				if (chosen[i] == p)
					return fail(error, size, "PU list \"%.60s\": PU %u comes twice", list, number);
			chosen[(*count)++] = p;
		}
		if (*rest == '\0')
			return true;
		if (*rest++ != ',')
			break;
	}
	return fail(error, size, "PU list \"%.60s\" is malformed; it should look like 0,2,4-7", list);
}

bool
topology_restrict(struct topology *t, const char *list, char *error, size_t size)
{
	const struct pu **chosen = calloc(t->count, sizeof(*chosen));
	hwloc_cpuset_t set = hwloc_bitmap_alloc();
	unsigned count;
	bool done = false;

	if (chosen == NULL || set == NULL) {
		fail(error, size, "topology: out of memory");
	} else if (read_list(t, list, chosen, &count, error, size)) {
		for (unsigned i = 0; i < count; i++)
			hwloc_bitmap_set(set, chosen[i]->place.os_index);
		done = narrow(t, set, error, size);
	}
	if (!done)
		hwloc_bitmap_free(set);
	free(chosen);
	return done;
}

/* cache_bytes - the size of the first cache of a kind; 0 if there is none. */
static uint64_t
cache_bytes(const struct topology *t, hwloc_obj_type_t type)
{
	hwloc_obj_t o = hwloc_get_obj_by_type(t->hwloc, type, 0);

	return o == NULL || o->attr == NULL ? 0 : o->attr->cache.size;
}

/* objects - how many of a type there are; 0 for a negative answer (several depths). */
static unsigned
objects(const struct topology *t, hwloc_obj_type_t type)
{
	int count = hwloc_get_nbobjs_by_type(t->hwloc, type);

	return count > 0 ? (unsigned)count : 0;
}

void
topology_summary(const struct topology *t, struct topology_summary *out)
{
	hwloc_obj_t core = NULL;

	*out = (struct topology_summary){
		.packages = objects(t, HWLOC_OBJ_PACKAGE),
		.cores = objects(t, HWLOC_OBJ_CORE),
		.pus = t->all_count,
		.allowed_pus = t->count,
		.numa_nodes = objects(t, HWLOC_OBJ_NUMANODE),
		.l1d_bytes = cache_bytes(t, HWLOC_OBJ_L1CACHE),
		.l2_bytes = cache_bytes(t, HWLOC_OBJ_L2CACHE),
		.l3_bytes = cache_bytes(t, HWLOC_OBJ_L3CACHE),
		.this_system = t->this_system,
	};
	while ((core = hwloc_get_next_obj_by_type(t->hwloc, HWLOC_OBJ_CORE, core)) != NULL)
		if (hwloc_bitmap_weight(core->cpuset) > 1)
			out->smt = true;
}

/* before - does a come before b in this order of levels? Each PU has its own combination of ranks. */
static bool
before(const struct pu *a, const struct pu *b, const enum level *order)
{
	for (unsigned l = 0; l < LEVELS; l++)
		if (a->rank[order[l]] != b->rank[order[l]])
			return a->rank[order[l]] < b->rank[order[l]];
	return false;
}

/* choose - the PUs of policy number `which` in its order. Insertion: a few hundred PUs at the most. */
static unsigned
choose(const struct topology *t, size_t which, const struct pu **chosen)
{
	unsigned count = 0;

	for (unsigned i = 0; i < t->count; i++) {
		const struct pu *p = &t->pu[i];
		unsigned at = count;

		if (orders[which].one_core && p->object[CORE] != t->pu[0].object[CORE])
			continue;
		for (; at > 0 && before(p, chosen[at - 1], orders[which].order); at--)
			chosen[at] = chosen[at - 1];
		chosen[at] = p;
		count++;
	}
	return count;
}

/* policy_number - its row in infos, or INFOS. */
static size_t
policy_number(const char *name)
{
	size_t which = 0;

	while (which < INFOS && strcmp(infos[which].name, name) != 0)
		which++;
	return which;
}

/* unknown_policy - say so, with all there are. */
static bool
unknown_policy(const char *policy, char *error, size_t size)
{
	char names[200];
	size_t used = 0;

	for (size_t i = 0; i < INFOS && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s, ", infos[i].name);
	return fail(error, size, "unknown pin policy \"%.60s\"; there are %sor a list of PUs like 0,2,4-7", policy, names);
}

bool
topology_place(
    struct topology *t, const char *policy, unsigned threads, struct placement *out, char *error, size_t size)
{
	bool listed = *policy >= '0' && *policy <= '9', done = true;
	size_t which = policy_number(policy);
	const struct pu **chosen;
	unsigned count = 0;

	if (!listed && which == INFOS)
		return unknown_policy(policy, error, size);
	if (which >= ORDERS && !listed) {
		for (unsigned i = 0; i < threads; i++)
			out[i] = (struct placement){ PLACEMENT_ANYWHERE, PLACEMENT_ANYWHERE, PLACEMENT_ANYWHERE,
				PLACEMENT_ANYWHERE };
		return true;
	}
	chosen = calloc(t->count, sizeof(*chosen));
	if (chosen == NULL)
		return fail(error, size, "topology: out of memory");
	if (listed) {
		done = read_list(t, policy, chosen, &count, error, size);
		if (done && threads > count)
			done = fail(error, size, "PU list \"%.60s\" has %u PUs for %u threads", policy, count, threads);
	} else {
		count = choose(t, which, chosen);
	}
	for (unsigned i = 0; done && i < threads; i++)
		out[i] = chosen[i % count]->place;
	free(chosen);
	return done;
}

bool
topology_bind_self(struct topology *t, const struct placement *p, char *error, size_t size)
{
	hwloc_bitmap_t wanted, got;
	bool done = true;

	if (p->os_index == PLACEMENT_ANYWHERE)
		return true;
	/* On a synthetic or foreign machine hwloc would pretend to bind. */
	if (!t->this_system)
		return fail(error, size, "cannot bind to PU %u: the topology is not this machine's", p->os_index);
	wanted = hwloc_bitmap_alloc();
	got = hwloc_bitmap_alloc();
	if (wanted == NULL || got == NULL || hwloc_bitmap_only(wanted, p->os_index) != 0)
		done = fail(error, size, "topology: out of memory");
	else if (hwloc_set_cpubind(t->hwloc, wanted, HWLOC_CPUBIND_THREAD | HWLOC_CPUBIND_STRICT) != 0)
		done = fail(error, size, "cannot bind to PU %u: %s", p->os_index, strerror(errno));
	else if (hwloc_get_cpubind(t->hwloc, got, HWLOC_CPUBIND_THREAD) != 0)
		done = fail(error, size, "bound to PU %u, but the system does not say so: %s", p->os_index,
		    strerror(errno));
	else if (!hwloc_bitmap_isequal(wanted, got)) {
		char where[64];

		hwloc_bitmap_list_snprintf(where, sizeof(where), got);
		done = fail(error, size, "asked for PU %u, but bound to %s", p->os_index, where);
	}
	hwloc_bitmap_free(wanted);
	hwloc_bitmap_free(got);
	return done;
}

bool
topology_may_bind(struct topology *t)
{
	hwloc_bitmap_t now = hwloc_bitmap_alloc();
	bool may = now != NULL && t->this_system && hwloc_get_cpubind(t->hwloc, now, HWLOC_CPUBIND_THREAD) == 0 &&
	    hwloc_set_cpubind(t->hwloc, now, HWLOC_CPUBIND_THREAD) == 0;

	hwloc_bitmap_free(now);
	return may;
}

bool
topology_membind(struct topology *t, const char *name, char *error, size_t size)
{
	bool interleave = strcmp(name, "interleave") == 0;
	hwloc_const_nodeset_t nodes = hwloc_topology_get_allowed_nodeset(t->hwloc);
	int flags = HWLOC_MEMBIND_THREAD | HWLOC_MEMBIND_BYNODESET;
	hwloc_membind_policy_t wanted = interleave ? HWLOC_MEMBIND_INTERLEAVE : HWLOC_MEMBIND_FIRSTTOUCH, got;
	hwloc_nodeset_t where;
	bool done = true;

	if (strcmp(name, "none") == 0)
		return true;
	if (!interleave && strcmp(name, "local") != 0)
		return fail(error, size, "unknown memory policy \"%.60s\"; there are none, local, interleave", name);
	if (!t->this_system)
		return fail(error, size, "memory policy %s: the topology is not this machine's", name);
	where = hwloc_bitmap_alloc();
	if (where == NULL)
		return fail(error, size, "topology: out of memory");
	if (hwloc_set_membind(t->hwloc, nodes, wanted, flags) != 0)
		done = fail(error, size, "memory policy %s: %s", name, strerror(errno));
	else if (hwloc_get_membind(t->hwloc, where, &got, flags) != 0)
		done = fail(error, size, "memory policy %s is set, but the system does not say so: %s", name, strerror(errno));
	else if (got != wanted)
		done = fail(error, size, "memory policy %s: the system took another one", name);
	hwloc_bitmap_free(where);
	return done;
}
