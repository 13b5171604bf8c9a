/*
 * base.h - what every file of core/ needs: misuse and invariants, the
 * allocator seam, the status of a map operation, a cache line.
 *
 * Three kinds of failure, three treatments:
 *   the caller's fault   misuse_if(): aborts in every build, names the rule
 *   our own fault        invariant(): aborts in checked builds (-DCHECKED)
 *   nobody's fault       a status value; nothing is lost
 */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mutant.h"
#ifdef SCHEDULED
#include "core/atomic.h"
#else
#define schedule_alloc_point(bytes) ((void)0)
#define schedule_free_point(memory, bytes) ((void)0)
#endif

#define MUST_USE __attribute__((warn_unused_result))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Two lines: x86 prefetches lines in pairs, so 64 would still share. */
#define CACHE_LINE_BYTES 128
#define CACHE_ALIGNED _Alignas(CACHE_LINE_BYTES)

/*
 * misuse_if - abort when the caller broke a rule that he could have kept.
 * rule: a string literal, "function: what must hold".
 */
#define misuse_if(condition, rule)                                             \
	do {                                                                   \
		if (UNLIKELY(condition)) {                                     \
			fputs("misuse: " rule "\n", stderr);                   \
			abort();                                               \
		}                                                              \
	} while (0)

/* invariant - in checked builds, abort when our own reasoning was wrong. */
#ifdef CHECKED
#define invariant(condition)                                                   \
	do {                                                                   \
		if (UNLIKELY(!(condition))) {                                  \
			fprintf(stderr, "invariant broken: %s (%s:%d)\n",      \
			    #condition, __FILE__, __LINE__);                   \
			abort();                                               \
		}                                                              \
	} while (0)
#else
#define invariant(condition) ((void)sizeof(!!(condition)))
#endif

/*
 * The allocator seam: every byte that core takes or gives back passes here.
 * alloc returns memory aligned for any scalar, or NULL. free gets the size
 * that was asked for. Both are called by any thread at any time.
 * An all-zero struct means malloc() and free().
 */
struct allocator {
	void *(*alloc)(void *state, size_t bytes);
	void (*free)(void *state, void *memory, size_t bytes);
	void *state;
};

static inline void *
allocator_alloc(const struct allocator *a, size_t bytes)
{
	schedule_alloc_point(bytes);
	return a->alloc != NULL ? a->alloc(a->state, bytes) : malloc(bytes);
}

/*
 * allocator_free - give back memory; NULL is allowed.
 * Checked builds poison it first, so that a reader without protection sees
 * rubbish at once instead of a plausible old value.
 */
static inline void
allocator_free(const struct allocator *a, void *memory, size_t bytes)
{
	if (memory == NULL)
		return;
	schedule_free_point(memory, bytes);
#ifdef CHECKED
	/* volatile: the compiler may otherwise drop stores before free(). */
	for (volatile unsigned char *p = (volatile unsigned char *)memory; p < (unsigned char *)memory + bytes; p++)
		*p = 0xdb;
#endif
	if (a->alloc != NULL)
		a->free(a->state, memory, bytes);
	else
		free(memory);
}

/*
 * A probe lets a harness see how long reclamation takes; core has no clock.
 * One retire in 2^sample_shift is stamped with now_ns(state), never 0; when that
 * object is freed, freed(state, age) runs on the thread that frees, with
 * the freeing thread's own probe: so state has one writer.
 *
 * A pass is one attempt of a thread to free what is retired: a scan of the
 * announcements, or looking at everybody's epoch and freeing what is old
 * enough. pass_begin and pass_end run around it, on that thread, with its own
 * probe: examined = objects looked at, freed = those given back, blocked =
 * those that must stay because somebody may still read them. Passes do not
 * nest; what is too short to be called one (a list that is empty, an epoch
 * that has not moved) is none. Both functions may be NULL, then together.
 */
struct reclaim_probe {
	uint64_t (*now_ns)(void *state);
	void (*freed)(void *state, uint64_t age_ns);
	void *state;
	unsigned sample_shift;
	void (*pass_begin)(void *state);
	void (*pass_end)(void *state, uint64_t examined, uint64_t freed, uint64_t blocked);
};

static inline void
reclaim_pass_begin(const struct reclaim_probe *probe)
{
	if (probe->pass_begin != NULL)
		probe->pass_begin(probe->state);
}

static inline void
reclaim_pass_end(const struct reclaim_probe *probe, uint64_t examined, uint64_t freed, uint64_t blocked)
{
	if (probe->pass_begin != NULL)
		probe->pass_end(probe->state, examined, freed, blocked);
}

/* What an operation on either map says. */
enum hamt_status {
	HAMT_OK,       /* done: found, inserted, replaced or removed */
	HAMT_ABSENT,   /* the key is not in the map */
	HAMT_EXISTS,   /* the key is already in the map, which stays as it was */
	HAMT_MISMATCH, /* the value is not the expected one */
	HAMT_NOMEM,    /* no memory; the map is exactly as it was */
};

#endif
