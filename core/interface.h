/*
 * interface.h - what the headers for programs need: the status of a map
 * operation, the allocator seam, the probe. All names have the project's
 * prefixes, for they are in every program that includes one of these headers;
 * base.h has short ones for core itself.
 */
#ifndef CORE_INTERFACE_H
#define CORE_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define HAMT_MUST_USE __attribute__((warn_unused_result))
#define HAMT_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define HAMT_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Two lines: x86 prefetches lines in pairs, so 64 would still share. */
#define HAMT_CACHE_LINE_BYTES 128
#define HAMT_CACHE_ALIGNED _Alignas(HAMT_CACHE_LINE_BYTES)

/*
 * hamt_misuse_if - abort when the caller broke a rule that he could have kept.
 * rule: a string literal, "function: what must hold".
 */
#define hamt_misuse_if(condition, rule)                                        \
	do {                                                                   \
		if (HAMT_UNLIKELY(condition)) {                                \
			fputs("misuse: " rule "\n", stderr);                   \
			abort();                                               \
		}                                                              \
	} while (0)

/* hamt_invariant - in checked builds, abort when our own reasoning was wrong. */
#ifdef CHECKED
#define hamt_invariant(condition)                                              \
	do {                                                                   \
		if (HAMT_UNLIKELY(!(condition))) {                             \
			fprintf(stderr, "invariant broken: %s (%s:%d)\n",      \
			    #condition, __FILE__, __LINE__);                   \
			abort();                                               \
		}                                                              \
	} while (0)
#else
#define hamt_invariant(condition) ((void)sizeof(!!(condition)))
#endif

/*
 * The allocator seam: every byte that core takes or gives back passes here.
 * alloc returns memory aligned for any scalar, or NULL. free gets the size
 * that was asked for. Both are called by any thread at any time.
 * An all-zero struct means malloc() and free().
 */
struct hamt_allocator {
	void *(*alloc)(void *state, size_t bytes);
	void (*free)(void *state, void *memory, size_t bytes);
	void *state;
};

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

/* What an operation on either map says. */
enum hamt_status {
	HAMT_OK,       /* done: found, inserted, replaced or removed */
	HAMT_ABSENT,   /* the key is not in the map */
	HAMT_EXISTS,   /* the key is already in the map, which stays as it was */
	HAMT_MISMATCH, /* the value is not the expected one */
	HAMT_NOMEM,    /* no memory; the map is exactly as it was */
};

#endif
