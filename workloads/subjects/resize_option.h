/*
 * resize_option.h - the option --resize of tables that are sized once if nothing else is said
 * (SUBJECT_PRESIZED in harness/plugin.h). Each says in its help what auto does.
 */
#ifndef SUBJECTS_RESIZE_OPTION_H
#define SUBJECTS_RESIZE_OPTION_H

#include <string.h>

#include "harness/plugin.h"

static inline bool
resize_option_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	if (strcmp(text, "off") != 0 && strcmp(text, "auto") != 0) {
		snprintf(error, error_size, "'%s' must be off or auto", text);
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

#define RESIZE_OPTION(AUTO)                                                                                   \
	{ .name = "resize", .type = OPTION_TEXT, .initial = "off", .meta = "HOW", .check = resize_option_check,  \
	    .help = "off: sized once; auto: " AUTO }

/* resize_option_is_auto - for the options of a subject that has RESIZE_OPTION. */
static inline bool
resize_option_is_auto(const struct option_values *options)
{
	return strcmp(option_text(options, "resize"), "auto") == 0;
}

#endif
