/*
 * plugins.h - find, load and check plug-ins. Those that come with hamtbench
 * are found by name in a folder, a user's own by path; both pass the same checks.
 *
 * The folder: $HAMTBENCH_PLUGINS if set; else that of the running binary if
 * it has subjects/ in it; else the one of the installation. In it
 *
 *	subjects/NAME.so, workloads/NAME.so    the table inside has that name
 *	subjects/NAME.missing                  not built: "NAME WHY", e.g. what to install
 *
 * A plug-in stays loaded until the process ends: threads of its own may still
 * run its code. Errors are one line without newline. Threads: one at a time.
 */
#ifndef HARNESS_PLUGINS_H
#define HARNESS_PLUGINS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "harness/plugin.h"

enum plugin_kind { PLUGIN_SUBJECT, PLUGIN_WORKLOAD };

extern const char *const plugin_kind_names[]; /* "subject", "workload" */

struct plugin {
	enum plugin_kind kind;
	char *path;
	/* One of the two, the other is NULL. */
	const struct subject *subject;
	const struct workload *workload;
	/* The table's, whichever it is; options with those that every SUBJECT_BYTES has. */
	const char *name, *help;
	const struct plugin_option *options;
	struct plugin_option *joined; /* these; else NULL. Owned */
	char title[80]; /* "subject seed" */
};

/* subject_can - has it that operation? */
bool subject_can(const struct subject *subject, enum op op);

/* plan_range - every key is below it. */
static inline uint64_t
plan_range(const struct plan *plan)
{
	return plan->keys + plan->room;
}

/* workload_title - its name, and, if the plan says so, a variant: "ycsb:a". */
void workload_title(const struct workload *workload, const struct plan *plan, char *text, size_t size);

/* One that could not be built. */
struct plugin_missing {
	char *name;
	char *why; /* and what to do about it */
};

/* What the folder has of one kind, sorted by name. */
struct plugin_names {
	char **name;
	size_t count;
	struct plugin_missing *missing;
	size_t missing_count;
};

/*
 * plugins_find - what there is; a folder that does not exist has nothing.
 * Returns   true, and plugin_names_free() is owed; false and one line in error.
 */
bool plugins_find(enum plugin_kind kind, struct plugin_names *names, char *error, size_t size) MUST_USE;
void plugin_names_free(struct plugin_names *names);

/*
 * plugin_load - load one and check it. what: a name, or a path, which has a '/'.
 * Returns   the plug-in, for plugin_free(); NULL and one line in error: not found (says
 *           what there is), not built, not a shared object, table missing,
 *           another version, another size, a required hook NULL (names it), a
 *           text or an option that cannot be used.
 */
struct plugin *plugin_load(enum plugin_kind kind, const char *what, char *error, size_t size) MUST_USE;

/* plugin_free - forget it; NULL is allowed. The code stays loaded. */
void plugin_free(struct plugin *plugin);

#endif
