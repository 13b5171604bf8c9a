/*
 * choice.h - the plug-ins that --subject and --workload of a command line name. Their
 * options are part of that line, so they are loaded before the rest of it can be read.
 */
#ifndef HARNESS_CHOICE_H
#define HARNESS_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "harness/command.h"
#include "harness/schedule.h"

struct choice { /* all zero at first */
	struct schedule_choice *subject, *workload; /* sets: the caller's to fill, choice_free()'s to free */
	size_t subjects, workloads;
	/* What NAME:VARIANT asked for: values of the workload's option that has its own name. For command_line_add(). */
	struct option_text *value;
	size_t values;
	bool unnamed;                               /* the subjects are all there are: those that cannot may be left out */
	char error[ERROR_SIZE];
};

/*
 * choose - load what --subject and --workload say: names separated by commas or one path, each option
 * any number of times. Without --subject all that are built and not known to be wrong, without --workload mixed.
 * NAME:VARIANT is the workload NAME with --NAME VARIANT; several of one NAME are several values.
 * Returns   true; false and one line in c->error: unknown, not loadable, given twice, no memory.
 *           choice_free() is owed in any case.
 */
bool choose(struct choice *c, int argc, char **argv) MUST_USE;
void choice_free(struct choice *c);

#endif
