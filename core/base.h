/*
 * base.h - what every file of core/ needs: misuse and invariants, and
 * calls of the allocator and of probes (interface.h).
 *
 * Three kinds of failure, three treatments:
 *   the caller's fault   misuse_if(): aborts in every build, names the rule
 *   our own fault        invariant(): aborts in checked builds (-DCHECKED)
 *   nobody's fault       a status value; nothing is lost
 */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include "core/interface.h"
#include "core/mutant.h"
#ifdef SCHEDULED
#include "core/atomic.h"
#else
#define schedule_alloc_point(bytes) ((void)0)
#define schedule_free_point(memory, bytes) ((void)0)
#endif

/* Short names, for core and those who know it. */
#define MUST_USE HAMT_MUST_USE
#define LIKELY HAMT_LIKELY
#define UNLIKELY HAMT_UNLIKELY
#define CACHE_LINE_BYTES HAMT_CACHE_LINE_BYTES
#define CACHE_ALIGNED HAMT_CACHE_ALIGNED
#define misuse_if hamt_misuse_if
#define invariant hamt_invariant

static inline void *
allocator_alloc(const struct hamt_allocator *a, size_t bytes)
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
allocator_free(const struct hamt_allocator *a, void *memory, size_t bytes)
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

#endif
