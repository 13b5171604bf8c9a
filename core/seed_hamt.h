/*
 * seed_hamt.h - the seed's concurrent hash array mapped trie, made correct:
 * the measured baseline beside the flagship.
 *
 * Cells hold an atomic pointer to an immutable node: a leaf, a map of up to
 * 32 cells (bitmap and popcount index, 5 hash bits a level), or a tomb. When
 * the bits of a hash are used up (60 of 64, twelve levels), the key is hashed
 * again with another seed, four times in all; keys whose hashes stay equal share
 * a collision node. Removal contracts the trie. seed_hamt.c draws it and argues
 * why it is correct.
 *
 * Keys and values are of any type, described by a table of operations;
 * seed_hamt_u64 is the ready-made case. The map holds copies.
 *
 *	struct seed_hamt *map, *mine;
 *	if (seed_hamt_new(NULL, &map) != HAMT_OK) ...
 *	... in each thread:  seed_hamt_clone(map, &mine);
 *	                     seed_hamt_insert(mine, &key, &value);
 *	                     seed_hamt_drop(mine);
 *	seed_hamt_drop(map);      the last handle frees the map
 *
 * Threads    any number at once, each with its own handle.
 * Progress   lock-free: a retry means another update succeeded. get is
 *            lock-free too, and neither writes to the trie nor helps.
 *            Allocation and membarrier lie outside.
 * Sources    Bagwell 2001, Ideal Hash Trees. Prokopec, Bronson, Bagwell,
 *            Odersky 2012, Concurrent Tries with Efficient Non-Blocking
 *            Snapshots (contraction). Michael 2004, Hazard Pointers.
 */
#ifndef CORE_SEED_HAMT_H
#define CORE_SEED_HAMT_H

#include "core/contention.h"
#include "core/interface.h"
#include "core/reclaim.h"

/*
 * What the map must know of its keys and values. copy makes *to a copy of
 * *from and returns false when there is no memory (NULL: memcpy); drop ends a
 * copy (NULL: nothing to do). hash must depend on seed: if it does not, keys
 * of equal hash still work, but share one node. The table must stay valid as
 * long as the map's domain. All functions are called by any thread.
 */
struct seed_hamt_ops {
	size_t key_bytes, value_bytes;
	uint64_t (*hash)(const void *key, uint64_t seed);
	bool (*equal)(const void *a, const void *b);
	bool (*key_copy)(void *to, const void *from);
	void (*key_drop)(void *key);
	bool (*value_copy)(void *to, const void *from);
	void (*value_drop)(void *value);
};

/* uint64_t to uint64_t. */
extern const struct seed_hamt_ops seed_hamt_u64;

struct seed_hamt_config {
	const struct seed_hamt_ops *ops;     /* NULL = &seed_hamt_u64 */
	uint64_t hash_key;                   /* 0 = random */
	struct reclaim_domain *domain;       /* NULL = one of its own; else shared, and
	                                        its allocator is the map's */
	struct reclaim_config reclaim;       /* for a domain of its own; its allocator is the map's */
	struct contention_config contention; /* all zero = default, calibrated */
	const struct reclaim_probe *probe;    /* for the first handle's record; may be NULL */
};

struct seed_hamt; /* one thread's handle on a shared map */

/* seed_hamt_new - an empty map and its first handle. Returns HAMT_OK or HAMT_NOMEM
 * (HAMT_MISMATCH if config->reclaim.mode asks for what this machine refuses). */
enum hamt_status seed_hamt_new(const struct seed_hamt_config *config, struct seed_hamt **handle) HAMT_MUST_USE;

/*
 * seed_hamt_clone - a handle on the same map, for another thread. The source
 * handle may be in use by its own thread meanwhile. probe may be NULL.
 */
enum hamt_status seed_hamt_clone(const struct seed_hamt *handle, const struct reclaim_probe *probe,
    struct seed_hamt **clone) HAMT_MUST_USE;

/* seed_hamt_drop - end a handle; the last one frees the map: every key and value is dropped. Never allocates. */
void seed_hamt_drop(struct seed_hamt *handle);

/* seed_hamt_get - copy the value of *key to *value (may be NULL). Returns HAMT_OK, HAMT_ABSENT,
 * HAMT_NOMEM (only from ops->value_copy). */
enum hamt_status seed_hamt_get(struct seed_hamt *h, const void *key, void *value) HAMT_MUST_USE;

/* seed_hamt_insert - map *key to *value unless mapped. Returns HAMT_OK, HAMT_EXISTS, HAMT_NOMEM. */
enum hamt_status seed_hamt_insert(struct seed_hamt *h, const void *key, const void *value) HAMT_MUST_USE;

/* seed_hamt_upsert - map *key to *value. Returns HAMT_OK (was absent), HAMT_EXISTS (replaced; the
 * former value is copied to *old unless old is NULL), HAMT_NOMEM. Unless the key was there, *old
 * holds nothing of use: a copy may have been made and dropped before another thread removed the key. */
enum hamt_status seed_hamt_upsert(struct seed_hamt *h, const void *key, const void *value, void *old) HAMT_MUST_USE;

/* seed_hamt_remove - unmap *key, copying its value to *old (unless NULL). Returns HAMT_OK, HAMT_ABSENT,
 * HAMT_NOMEM; *old as for upsert. */
enum hamt_status seed_hamt_remove(struct seed_hamt *h, const void *key, void *old) HAMT_MUST_USE;

/*
 * The rest is for a quiescent map: no other handle in use meanwhile.
 * seed_hamt_each visits every pair; seed_hamt_check verifies the structure.
 */
void seed_hamt_each(struct seed_hamt *h, void (*visit)(void *arg, const void *key, const void *value), void *arg);

struct seed_hamt_shape {
	uint64_t keys, maps, cells, collisions;
	uint64_t tombs;   /* cells waiting to be tidied (dead, or single in their map): only after
	                     a failed allocation */
	unsigned depth;   /* levels below the root */
	uint64_t bytes;   /* of live nodes and cells */
};

/*
 * seed_hamt_check - is the structure what it must be? Bitmaps match counts,
 * each leaf lies on its hash's path, no key twice, no tomb or frozen cell, no
 * map with fewer cells than contraction allows. allow_tombs: a removal may have
 * found no memory to tidy up.
 * Returns   true and *shape; false and one line in error.
 */
bool seed_hamt_check(struct seed_hamt *h, bool allow_tombs, struct seed_hamt_shape *shape,
    char *error, size_t error_size) HAMT_MUST_USE;

/*
 * seed_hamt_hold - begin to read *key and stay in the read, as a thread
 * preempted in the middle of seed_hamt_get() does: see hamt_hold() in hamt.h.
 * Returns   true; false: the key is absent, nothing is held.
 * Misuse    holding twice, or dropping the handle meanwhile, aborts; another
 *           lookup or update meanwhile aborts in checked builds.
 */
bool seed_hamt_hold(struct seed_hamt *h, const void *key) HAMT_MUST_USE;

/* seed_hamt_release - end what seed_hamt_hold() began. Misuse: releasing what is not held aborts. */
void seed_hamt_release(struct seed_hamt *h);

/* seed_hamt_flush - free now what this handle has retired and nobody protects. */
void seed_hamt_flush(struct seed_hamt *h);

/* seed_hamt_pause - as hamt_pause(): the thread may not use its handle for long. */
void seed_hamt_pause(struct seed_hamt *h);

/* seed_hamt_domain - the map's reclamation domain, for statistics; valid as long as the handle, or shared. */
struct reclaim_domain *seed_hamt_domain(const struct seed_hamt *h);

/* seed_hamt_contention - failures and waits of all handles the map ever had; exact if nobody updates it. */
void seed_hamt_contention(const struct seed_hamt *h, struct contention_stats *stats);

#endif
