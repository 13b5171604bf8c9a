/*
 * script.h - a file that describes loads, one after the other on one map (workload phases).
 *
 *	# name   how long   mix                           keys
 *	fill     100K       insert=100                    sequential
 *	calm     2s         get=95,insert=3,remove=2      zipf:0.99
 *	rush     500ms      get=50,insert=25,remove=25    hotspot:0.2,0.8
 *
 * One phase a line, words between blanks and tabs; # begins a comment. A name is of letters, digits,
 * '-' and '_', each another one. How long: calls, of all threads together (K, M, G, Ki ... as in options), or
 * a time with its unit, at least 1ms. The mix as --mix takes it, the keys as --dist; without, uniform.
 */
#ifndef HARNESS_SCRIPT_H
#define HARNESS_SCRIPT_H

#include "harness/keys.h"
#include "harness/mix.h"
#include "harness/plugin.h"

#define SCRIPT_BYTES_MOST 65536u

struct script_phase {
	char name[PLAN_PHASE_NAME];
	uint64_t calls;        /* of all threads; 0: */
	uint64_t ns;           /* so long */
	struct mix mix;
	struct keys_spec dist;
};

struct script {
	unsigned phases;       /* 1 to PLAN_PHASES */
	struct script_phase phase[PLAN_PHASES];
	uint32_t check;        /* another file, another number (nearly always) */
};

/*
 * script_parse - the bytes of a file of that name.
 * Returns   true and *script; false and one line in error, NAME:LINE: what.
 * Threads   any.
 */
bool script_parse(const char *name, const void *bytes, size_t length, struct script *script, char *error,
    size_t error_size) MUST_USE;

/* script_read - the file at path: as script_parse(), or PATH: why it cannot be read. */
bool script_read(const char *path, struct script *script, char *error, size_t error_size) MUST_USE;

#endif
