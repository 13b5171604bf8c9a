/*
 * roles.h - thread roles: `--threads readers=6,writers=2`. The first threads of a point
 * are its readers, the others its writers; what each kind does the workload says.
 *
 * A number of threads and how many of them are readers travel as one: ROLES(threads,
 * readers); 0 readers: the threads have no roles.
 */
#ifndef HARNESS_ROLES_H
#define HARNESS_ROLES_H

#include "core/base.h"
#include "harness/options.h"

#define ROLES(threads, readers) ((uint64_t)(readers) << 32 | (threads))
#define ROLES_THREADS(roles) ((unsigned)((roles) & UINT32_MAX))
#define ROLES_READERS(roles) ((unsigned)((roles) >> 32))
#define ROLES_TEXT 48 /* room for their text */

/* roles_format - "readers=6,writers=2", which --threads takes back; "" without roles. */
void roles_format(unsigned threads, unsigned readers, char text[ROLES_TEXT]);

/*
 * roles_counts - all values of --threads, of which each is a list of numbers or one
 * set of roles: options_counts() with roles among them.
 */
bool roles_counts(const struct plugin_option *option, const struct command_line *line, uint64_t **values,
    size_t *count, char *error, size_t size) MUST_USE;

#endif
