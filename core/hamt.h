/*
 * hamt.h - a concurrent hash array mapped trie: 64-bit keys to 64-bit values, or
 * byte strings to byte strings (hamt_bytes, at the end).
 *
 * One growable array of slot words over immutable, packed bitmap nodes; each
 * update replaces a slot's small tree by one compare-and-swap. hamt.c draws
 * the layout and argues why it is correct.
 *
 *	struct hamt *map, *mine;
 *	if (hamt_new(NULL, &map) != HAMT_OK) ...
 *	... in each thread:  hamt_clone(map, &mine);
 *	                     hamt_insert(mine, key, value);
 *	                     hamt_drop(mine);
 *	hamt_drop(map);      the last handle frees the map
 *
 * Threads    any number at once, each with its own handle. A handle may be
 *            handed from thread to thread, but used by one at a time.
 * Progress   lock-free: a retry means that another operation succeeded, and
 *            whoever finds the directory being resized moves his own slot on.
 *            No operation waits for a thread that does not run. Lookups never
 *            help and never allocate. Allocation and the membarrier system
 *            call lie outside.
 * Memory     HAMT_NOMEM: the map holds exactly what it held. A resize that
 *            finds no memory is put off.
 * Sources    Bagwell 2001, Ideal Hash Trees. Steindorfer, Vinju 2015,
 *            Optimizing Hash-Array Mapped Tries for Fast and Lean Immutable
 *            JVM Collections. Prokopec, Bronson, Bagwell, Odersky 2012,
 *            Concurrent Tries with Efficient Non-Blocking Snapshots. Michael
 *            2004, Hazard Pointers.
 */
#ifndef CORE_HAMT_H
#define CORE_HAMT_H

#include "core/contention.h"
#include "core/interface.h"
#include "core/reclaim.h"

enum hamt_hash {
	HAMT_HASH_SEEDED,   /* a bijective mix with hash_key: equal hash, equal key */
	HAMT_HASH_IDENTITY, /* the key itself: for tests (keys with the same prefix share a slot), and
	                       for keys that are random in their upper bits */
	HAMT_HASH_CONSTANT, /* byte strings only, for tests: every key collides */
};

/* For hamt_config.inline_limit: one entry for each chunk of the hash, a strict CHAMP. */
#define HAMT_INLINE_NONE 255u

/* All zero is the default. */
struct hamt_config {
	uint64_t hash_key;                   /* 0 = random */
	enum hamt_hash hash;
	unsigned inline_limit;               /* entries of a node beyond one for each chunk: 1 to 7, 0 = 7,
	                                        or HAMT_INLINE_NONE */
	unsigned min_bits, max_bits;         /* the directory has 2^min_bits to 2^max_bits slots; at least 1;
	                                        0 = 6, or max_bits if that is less, and as many as addresses allow */
	struct reclaim_domain *domain;       /* NULL = one of its own; else shared, and its allocator is the map's */
	struct reclaim_config reclaim;       /* for a domain of its own; its allocator is the map's. Without one,
	                                        memory is malloc's, and large directories are mapped from
	                                        the system, with huge pages advised. Nodes must lie on
	                                        addresses divisible by 16 (not on 32-bit machines) */
	struct contention_config contention; /* about failed compare-and-swaps; all zero = default. A domain of
	                                        its own has hazard.contention for its lists */
	const struct reclaim_probe *probe;   /* for the first handle; may be NULL */
};

struct hamt; /* one thread's handle on a shared map */

/*
 * hamt_new - an empty map and its first handle.
 * Returns   HAMT_OK; HAMT_NOMEM; HAMT_MISMATCH if config->reclaim.mode asks for
 *           what this machine refuses.
 * Misuse    limits outside the ranges above abort. config may be NULL (all
 *           zero) and is copied.
 */
enum hamt_status hamt_new(const struct hamt_config *config, struct hamt **handle) HAMT_MUST_USE;

/*
 * hamt_clone - a handle on the same map, for another thread. The source
 * handle may be in use by its own thread meanwhile.
 * Returns   HAMT_OK, HAMT_NOMEM.
 */
enum hamt_status hamt_clone(const struct hamt *handle, struct hamt **clone) HAMT_MUST_USE;

/* hamt_clone_probed - the same with a probe of the clone's own; NULL is none. */
enum hamt_status hamt_clone_probed(const struct hamt *handle, const struct reclaim_probe *probe,
    struct hamt **clone) HAMT_MUST_USE;

/*
 * hamt_drop - end a handle; the last one frees the map. Never allocates.
 * Misuse    dropping twice aborts, as long as the map lives.
 */
void hamt_drop(struct hamt *handle);

/* hamt_get - Returns HAMT_OK and *value; HAMT_ABSENT, and *value is as it was. */
enum hamt_status hamt_get(struct hamt *h, uint64_t key, uint64_t *value) HAMT_MUST_USE;

/*
 * hamt_get_many - look up n keys, with their cache misses overlapped.
 * Each key by itself is looked up at some moment during the call.
 * Returns   how many were found; found[i], and then values[i]; else values[i]
 *           is as it was.
 */
size_t hamt_get_many(struct hamt *h, const uint64_t keys[], uint64_t values[], bool found[], size_t n);

/* hamt_insert - map key to value unless it is mapped. Returns HAMT_OK, HAMT_EXISTS, HAMT_NOMEM. */
enum hamt_status hamt_insert(struct hamt *h, uint64_t key, uint64_t value) HAMT_MUST_USE;

/*
 * hamt_upsert - map key to value.
 * Returns   HAMT_OK: it was absent; HAMT_EXISTS: replaced, and *old, unless
 *           old is NULL, is the former value; HAMT_NOMEM.
 */
enum hamt_status hamt_upsert(struct hamt *h, uint64_t key, uint64_t value, uint64_t *old) HAMT_MUST_USE;

/*
 * hamt_replace - map key to desired if it is mapped to expected.
 * Returns   HAMT_OK, HAMT_ABSENT, HAMT_MISMATCH, HAMT_NOMEM.
 */
enum hamt_status hamt_replace(struct hamt *h, uint64_t key, uint64_t expected, uint64_t desired) HAMT_MUST_USE;

/* hamt_remove - unmap key; its value to *old, unless NULL. Returns HAMT_OK, HAMT_ABSENT, HAMT_NOMEM. */
enum hamt_status hamt_remove(struct hamt *h, uint64_t key, uint64_t *old) HAMT_MUST_USE;

/*
 * hamt_remove_if - unmap key if it is mapped to expected.
 * Returns   HAMT_OK, HAMT_ABSENT, HAMT_MISMATCH, HAMT_NOMEM.
 */
enum hamt_status hamt_remove_if(struct hamt *h, uint64_t key, uint64_t expected) HAMT_MUST_USE;

enum hamt_action {
	HAMT_KEEP,   /* leave it as it is */
	HAMT_PUT,    /* map the key to *value */
	HAMT_DELETE, /* unmap the key */
};

/*
 * Decides what becomes of a key. present: *value is its value; else *value is
 * 0. May be called several times for one hamt_compute(), since other threads
 * may be faster; only the last decision counts. Must not use the handle.
 */
typedef enum hamt_action hamt_decide_fn(void *arg, bool present, uint64_t *value);

/*
 * hamt_compute - let decide say what becomes of key, in one atomic step.
 * Returns   HAMT_OK: put or deleted; HAMT_EXISTS, HAMT_ABSENT: kept, or there
 *           was nothing to delete; HAMT_NOMEM.
 */
enum hamt_status hamt_compute(struct hamt *h, uint64_t key, hamt_decide_fn *decide, void *arg) HAMT_MUST_USE;

/*
 * hamt_count - keys in the map. Exact when nobody updates it; else each update
 * that runs meanwhile may be counted or not. O(handles).
 */
uint64_t hamt_count(struct hamt *h);

/*
 * hamt_clear - remove every key. Slot by slot: a key that is mapped throughout
 * is removed; one inserted meanwhile may be removed, or stay.
 * Returns   HAMT_OK; HAMT_NOMEM: some keys may be left. *removed, unless NULL,
 *           is how many this call removed.
 */
enum hamt_status hamt_clear(struct hamt *h, uint64_t *removed) HAMT_MUST_USE;

/*
 * hamt_extend - upsert n pairs in their order, with cache misses overlapped.
 * Returns   HAMT_OK; HAMT_NOMEM: the first *done pairs are in the map, the
 *           others are not by this call. done may be NULL.
 */
enum hamt_status hamt_extend(struct hamt *h, const uint64_t keys[], const uint64_t values[], size_t n,
    size_t *done) HAMT_MUST_USE;

/*
 * An iteration in the order of hashes. All zero is the beginning. It holds no
 * resource, may be copied, and goes on from where it is with any handle.
 */
struct hamt_cursor {
	uint64_t next; /* the lowest hash not yet visited */
	bool ended;
};

/* hamt_cursor_at - where key is in the order of hashes, or would be: an iteration may begin there. */
struct hamt_cursor hamt_cursor_at(const struct hamt *h, uint64_t key);

/*
 * hamt_iterate - the next at most n pairs (n > 0). Returns how many; 0: the end.
 * A key mapped throughout the iteration appears exactly once, also across
 * resizes; one inserted or removed meanwhile appears once or not at all.
 * Values are of some moment during the call.
 */
size_t hamt_iterate(struct hamt *h, struct hamt_cursor *cursor, uint64_t keys[], uint64_t values[], size_t n);

/*
 * hamt_hold - begin to read key and stay in the read, as a thread preempted in
 * the middle of hamt_get() does: what it read, or under epochs and quiescent
 * states whatever is retired from now on, is not freed before hamt_release().
 * For tests and benches of reclamation; waits for nobody.
 * Returns   true; false: the key is absent, nothing is held.
 * Misuse    holding twice, or dropping the handle meanwhile, aborts; any other
 *           use of the handle meanwhile aborts in checked builds.
 */
bool hamt_hold(struct hamt *h, uint64_t key) HAMT_MUST_USE;

/* hamt_release - end what hamt_hold() began. Misuse: releasing what is not held aborts. */
void hamt_release(struct hamt *h);

/* hamt_resizings - how many calls with this handle have begun to resize the map or helped with it. */
uint64_t hamt_resizings(const struct hamt *h);

/* hamt_flush - free now what this handle has retired and nobody protects. */
void hamt_flush(struct hamt *h);

/*
 * hamt_pause - this thread may not use its handle for long: unless a guard is
 * held, it is forgotten what the handle still protects, but for the directory
 * under hazard pointers. Its next operation
 * ends the pause by itself. Under qsbr a handle that is neither used nor
 * paused stops everybody's reclamation; a new handle begins paused.
 */
void hamt_pause(struct hamt *h);

/* hamt_domain - the map's reclamation domain, for statistics; valid as long as the handle, or shared. */
struct reclaim_domain *hamt_domain(const struct hamt *h);

/* hamt_contention - failures and waits of all handles the map ever had; exact if nobody updates it. */
void hamt_contention(const struct hamt *h, struct contention_stats *stats);

struct hamt_shape {
	uint64_t keys, nodes;
	uint64_t empty;     /* slots */
	uint64_t bytes;     /* of nodes and directory */
	unsigned bits;      /* the directory has 2^bits slots */
	unsigned depth;     /* nodes on the longest path; 0 = empty map */
	bool resizing;
};

/*
 * hamt_check - is the structure what it must be? For a quiescent map: no
 * other handle in use meanwhile. Slots are nodes or EMPTY; while a resize is
 * under way (it goes on with the next updates), also frozen, MOVED or UNINIT,
 * as the protocol allows. count = popcount + extra, entries sorted, each on
 * its path, no key twice, a CHILD alone in its chunk and never a single key,
 * every node reachable once, keys = hamt_count().
 * Returns   true and *shape; false and one line in error.
 */
bool hamt_check(struct hamt *h, struct hamt_shape *shape, char *error, size_t error_size) HAMT_MUST_USE;

/* --- Byte strings ------------------------------------------------------ */

/*
 * The same map for keys and values that are byte strings of up to UINT32_MAX
 * bytes, the empty one included; the map holds copies. The statuses mean what
 * they mean above, and so do handles, threads, progress and memory.
 *
 * Hashes are SipHash-1-3 under a random key of 128 bits (hamt_config.hash_key
 * gives a fixed one): who chooses the keys cannot choose collisions without
 * knowing it. Keys of equal hash still work, up to 65535 of them; one more is
 * HAMT_NOMEM. HAMT_HASH_IDENTITY takes the first 8 bytes, HAMT_HASH_CONSTANT
 * gives all keys one hash: both are for tests.
 *
 * A value that was found may be read where it is, without a copy, until its
 * guard is released, whatever happens to the map meanwhile. It lies behind its
 * key, on any address: what is not bytes is read by memcpy().
 */
struct hamt_bytes;

/* Guards that a handle can hold at a time. */
#define HAMT_GUARDS 2

struct hamt_guard {
	const void *value;
	size_t value_bytes;
	struct hamt_bytes *handle; /* NULL: holds nothing */
	unsigned number;
};

struct hamt_string {
	const void *data; /* NULL only if bytes == 0 */
	size_t bytes;
};

enum hamt_status hamt_bytes_new(const struct hamt_config *config, struct hamt_bytes **handle) HAMT_MUST_USE;
enum hamt_status hamt_bytes_clone(const struct hamt_bytes *handle, struct hamt_bytes **clone) HAMT_MUST_USE;
enum hamt_status hamt_bytes_clone_probed(const struct hamt_bytes *handle, const struct reclaim_probe *probe,
    struct hamt_bytes **clone) HAMT_MUST_USE;
/* Misuse: a guard not released aborts. */
void hamt_bytes_drop(struct hamt_bytes *handle);

/*
 * hamt_bytes_get - Returns HAMT_OK and *guard, to be released; HAMT_ABSENT,
 * and *guard holds nothing.
 * Misuse    a lookup with HAMT_GUARDS guards held with the handle aborts, also
 *           if it would find nothing; so do upsert and remove with old.
 */
enum hamt_status hamt_bytes_get(struct hamt_bytes *h, struct hamt_string key, struct hamt_guard *guard) HAMT_MUST_USE;

/* hamt_guard_release - the value may go. On the handle's thread. A guard that holds nothing is ignored. */
void hamt_guard_release(struct hamt_guard *guard);

/*
 * hamt_bytes_copy - get without a guard: at most size bytes of the value go to
 * buffer. Returns HAMT_OK and *value_bytes, which may exceed size; HAMT_ABSENT.
 */
enum hamt_status hamt_bytes_copy(struct hamt_bytes *h, struct hamt_string key, void *buffer, size_t size,
    size_t *value_bytes) HAMT_MUST_USE;

/* A value, readable during the call; the handle must not be used in it. */
typedef void hamt_found_fn(void *arg, size_t index, struct hamt_string value);

/*
 * hamt_bytes_get_many - look up n keys, with their cache misses overlapped, and call found for each that is there.
 * Returns   how many.
 */
size_t hamt_bytes_get_many(struct hamt_bytes *h, const struct hamt_string keys[], size_t n, hamt_found_fn *found,
    void *arg);

enum hamt_status hamt_bytes_insert(struct hamt_bytes *h, struct hamt_string key, struct hamt_string value) HAMT_MUST_USE;

/* old, unless NULL: a guard for the former value, to be released after HAMT_EXISTS; else it holds nothing. */
enum hamt_status hamt_bytes_upsert(struct hamt_bytes *h, struct hamt_string key, struct hamt_string value,
    struct hamt_guard *old) HAMT_MUST_USE;

enum hamt_status hamt_bytes_replace(struct hamt_bytes *h, struct hamt_string key, struct hamt_string expected,
    struct hamt_string desired) HAMT_MUST_USE;

/* old, unless NULL: a guard for the former value, to be released after HAMT_OK; else it holds nothing. */
enum hamt_status hamt_bytes_remove(struct hamt_bytes *h, struct hamt_string key, struct hamt_guard *old) HAMT_MUST_USE;

enum hamt_status hamt_bytes_remove_if(struct hamt_bytes *h, struct hamt_string key,
    struct hamt_string expected) HAMT_MUST_USE;

/*
 * As hamt_decide_fn. old: the value, or NULL if absent. HAMT_PUT: *desired is
 * the new value, which must stay readable until hamt_bytes_compute() returns
 * or decide is called again; it may be *old.
 */
typedef enum hamt_action hamt_bytes_decide_fn(void *arg, const struct hamt_string *old,
    struct hamt_string *desired);

enum hamt_status hamt_bytes_compute(struct hamt_bytes *h, struct hamt_string key, hamt_bytes_decide_fn *decide,
    void *arg) HAMT_MUST_USE;

uint64_t hamt_bytes_count(struct hamt_bytes *h);
enum hamt_status hamt_bytes_clear(struct hamt_bytes *h, uint64_t *removed) HAMT_MUST_USE;

/* hamt_bytes_extend - upsert n pairs in their order, with cache misses overlapped; done as for hamt_extend(). */
enum hamt_status hamt_bytes_extend(struct hamt_bytes *h, const struct hamt_string keys[],
    const struct hamt_string values[], size_t n, size_t *done) HAMT_MUST_USE;

/* hamt_bytes_cursor_at - where key is in the order of hashes, or would be: an iteration may begin there. */
struct hamt_cursor hamt_bytes_cursor_at(const struct hamt_bytes *h, struct hamt_string key);

typedef void hamt_visit_fn(void *arg, struct hamt_string key, struct hamt_string value);

/*
 * hamt_bytes_iterate - visit some more pairs, one slot's; cursor->ended: that
 * was the end. visit gets copies, and may use the handle. Each key that is
 * mapped throughout is visited exactly once, as by hamt_iterate().
 * Returns   HAMT_OK; HAMT_NOMEM: nothing was visited, the cursor is as it was.
 */
enum hamt_status hamt_bytes_iterate(struct hamt_bytes *h, struct hamt_cursor *cursor, hamt_visit_fn *visit,
    void *arg) HAMT_MUST_USE;

/* As hamt_resizings(), hamt_flush(), hamt_pause(), hamt_domain(), hamt_contention() and hamt_check(). */
uint64_t hamt_bytes_resizings(const struct hamt_bytes *h);
void hamt_bytes_flush(struct hamt_bytes *h);
void hamt_bytes_pause(struct hamt_bytes *h);
struct reclaim_domain *hamt_bytes_domain(const struct hamt_bytes *h);
void hamt_bytes_contention(const struct hamt_bytes *h, struct contention_stats *stats);
bool hamt_bytes_check(struct hamt_bytes *h, struct hamt_shape *shape, char *error, size_t error_size) HAMT_MUST_USE;

#endif
