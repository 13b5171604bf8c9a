/*
 * hazard.h - hazard pointers: safe memory reclamation for non-blocking
 * structures.
 *
 * A thread announces ("protects") the object it is about to read; an object
 * that was unlinked is retired, and freed once no announcement names it.
 *
 *	domain    what belongs together; there may be many, each independent,
 *	          each may serve many structures; freed with its last user
 *	record    one thread's membership in a domain: HAZARD_SLOTS
 *	          announcements and a list of retired objects
 *	pointer   a protected view of one shared link (the seed's
 *	          ProtectedPointer: load, unload, set, swap, replace)
 *
 * Handshake HP: a reader's announcement and a scan cannot miss each other.
 *   reader   (1) store slot, seq_cst    (2) re-read link, seq_cst      hazard_publish(), then the caller's load
 *   remover  (3) unlink CAS, seq_cst    (4) read every slot, seq_cst   the caller's CAS, then the scan
 * HAZARD_FENCE: so it is. If (2) still finds the object, (2)
 *   precedes (3) in their single order, so (1) precedes (4).
 * HAZARD_ASYMMETRIC: (1) is a release store and a compiler barrier; the scan
 *   calls membarrier(2) between (3) and (4), which puts a full barrier into
 *   every running reader: whoever had not yet done (2) does it after (3), and
 *   whoever had done it has its (1) visible to (4).
 * In both modes the unlink (3) and the re-read (2) must be seq_cst.
 *
 * Bound: objects retired but not freed never exceed hazard_stats.bound:
 *   records * max(R, H + 1) + records * H     R = scan threshold, H = slots in the domain
 * A record holds at most R objects of its own, or the H that a scan could not
 * free and one more. Records that leave keep one chain of at most H waiting
 * for adoption, never two; each scan under way may hold one chain that it has
 * adopted, but not the last leaver's, whose next scan takes what it left.
 * The bound needs membarrier(2) (stats: refused == 0) in asymmetric mode, and
 * after R was lowered one scan of each record.
 *
 * Sources: Michael 2004, Hazard Pointers: Safe Memory Reclamation for
 * Lock-Free Objects. Alexandrescu, Michael 2004, Lock-Free Data Structures
 * with Hazard Pointers. Dice, Huang, Yang 2001, Asymmetric Dekker
 * Synchronization (the asymmetric mode).
 *
 * Threads    a domain may be used by any number of threads; a record, its
 *            slots and its pointers by one thread at a time.
 * Progress   publish, clear, set, swap, replace, retire without a scan:
 *            wait-free. protect, load: lock-free (a retry means the link
 *            changed). A scan is wait-free but for membarrier and the
 *            destructors it calls. attach, leave: lock-free.
 */
#ifndef CORE_HAZARD_H
#define CORE_HAZARD_H

#include "core/atomic.h"
#include "core/contention.h"
#include "core/interface.h"
#include "core/limbo.h"
#include "core/mutant.h"

/* Announcements a record can hold: one line of 64 bytes on 64-bit machines. */
#define HAZARD_SLOTS 8

enum hazard_mode {
	HAZARD_AUTO,       /* asymmetric where membarrier(2) may be used, else fence */
	HAZARD_FENCE,      /* a seq_cst store per announcement: Michael's classic form */
	HAZARD_ASYMMETRIC, /* refused (HAZARD_UNAVAILABLE) where membarrier(2) is */
};

struct hazard_config {
	enum hazard_mode mode;
	unsigned threshold;                  /* retired objects that start a scan;
	                                        0 = max(1024, 2 * slots in the domain) */
	struct hamt_allocator allocator;     /* all zero = malloc */
	struct contention_config contention; /* for the CASes on the domain's lists */
};

struct hazard_stats {
	uint64_t retired, freed;             /* objects, since the domain exists */
	uint64_t retired_bytes, freed_bytes;
	uint64_t pending, pending_bytes;     /* retired - freed: never below the truth, see hazard_domain_stats() */
	uint64_t peak;                       /* sum over records of the longest list each has held:
	                                        never below the true peak of pending */
	uint64_t scans;                      /* of lists that were not empty; what they did: */
	uint64_t examined;                   /* retired objects looked at */
	uint64_t blocked;                    /* of these, kept because a slot named them */
	uint64_t refused;                    /* scans that freed nothing because membarrier(2) was refused */
	uint64_t adopted;                    /* objects taken over from records that left */
	unsigned records;                    /* ever made; those in use now: */
	unsigned attached;
	unsigned threshold;                  /* R in force */
	uint64_t bound;                      /* see above */
	bool asymmetric;
};

/* Gives back an object that nobody can reach any more. May not retire. */
typedef void hazard_destroy_fn(void *object, size_t bytes, void *state);

struct hazard_domain;

/* One thread's membership. Only slot[] is for others; the rest is private to
 * hazard.c and to the inline functions below. */
struct hazard_record {
	HAMT_CACHE_ALIGNED _Atomic(void *) slot[HAZARD_SLOTS];
	/* Owner only. */
	HAMT_CACHE_ALIGNED bool asymmetric;
	uint8_t pointers;              /* bit i: slot i belongs to a hazard_pointer */
	struct limbo_record limbo;     /* retired objects, statistics, membership */
};

enum hazard_status { HAZARD_OK, HAZARD_NOMEM, HAZARD_UNAVAILABLE };

/*
 * hazard_domain_new - a domain with one user: the caller.
 * Returns   HAZARD_OK; HAZARD_NOMEM; HAZARD_UNAVAILABLE if mode is
 *           HAZARD_ASYMMETRIC and membarrier(2) is refused.
 * Owner     the caller, until hazard_domain_drop(). config may be NULL (all
 *           zero) and is copied.
 */
enum hazard_status hazard_domain_new(const struct hazard_config *config,
    struct hazard_domain **domain) HAMT_MUST_USE;

/* hazard_domain_share - one user more; each user ends with hazard_domain_drop(). */
struct hazard_domain *hazard_domain_share(struct hazard_domain *domain);

/*
 * hazard_domain_drop - one user less. The last of users and records frees what
 * is still retired, then the domain. Never allocates.
 * Misuse    more drops than users abort.
 */
void hazard_domain_drop(struct hazard_domain *domain);

/* hazard_domain_allocator - the domain's allocator; lives as long as the domain. */
const struct hamt_allocator *hazard_domain_allocator(const struct hazard_domain *domain);

/* hazard_domain_set_threshold - R from the next scan of each record on; 0 = automatic. */
void hazard_domain_set_threshold(struct hazard_domain *domain, unsigned threshold);

/*
 * hazard_domain_stats - sums over all records, any thread, at any time.
 * All freed counts are read before all retired counts, so pending is never
 * below the truth at the moment in between.
 */
void hazard_domain_stats(const struct hazard_domain *domain, struct hazard_stats *stats);

/*
 * hazard_domain_each_pending - visit every stamped object still pending, with
 * the time of its retirement: the censored part of reclamation latency.
 * Threads   none may use the domain meanwhile.
 */
void hazard_domain_each_pending(struct hazard_domain *domain,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg);

/*
 * hazard_attach - become a member. Reuses the record of a thread that left.
 * probe may be NULL and is copied.
 * Returns   HAZARD_OK; HAZARD_NOMEM, and the domain is as it was.
 * Owner     the calling thread (or one it hands the record to), until
 *           hazard_leave(). An attached record keeps the domain alive.
 */
enum hazard_status hazard_attach(struct hazard_domain *domain, const struct reclaim_probe *probe,
    struct hazard_record **record) HAMT_MUST_USE;

/*
 * hazard_leave - clear the slots, scan, hand what is left to the domain; the
 * next scan of any record adopts it. Scans again when another record has left
 * its rest there meanwhile, and takes that along. Never allocates.
 * Misuse    leaving twice aborts (as long as the domain lives); leaving with
 *           a hazard_pointer not dropped aborts; leaving while a slot is
 *           set aborts in checked builds.
 */
void hazard_leave(struct hazard_record *record);

/*
 * hazard_publish - announce object in slot i (step 1 of the handshake). The
 * object may be read only if the caller then loads (seq_cst) the link it
 * came from and finds it unchanged, and the link cannot hold an object that
 * was already retired. NULL clears the slot.
 * Misuse    i >= HAZARD_SLOTS aborts.
 */
static inline void
hazard_publish(struct hazard_record *r, unsigned i, const void *object)
{
	void *p = (void *)(uintptr_t)object;

	hamt_misuse_if(i >= HAZARD_SLOTS, "hazard_publish: the slot must be below HAZARD_SLOTS");
	if (HAMT_LIKELY(r->asymmetric)) {
		/* HP(1) release: pairs with the scan's acquire load of the slot, so
		 * that the reads made under the slot's former value come first. */
		atomic_store_explicit(&r->slot[i], p, memory_order_release);
		/* Keeps (2) behind (1) in the program; the scan's membarrier does
		 * the same for the processor. */
		hamt_light_barrier();
	} else {
		/* HP(1) seq_cst: pairs with HP(4) in the scan, see the handshake. */
		atomic_store_explicit(&r->slot[i], p,
		    mutant(HAZARD_NOT_FENCED) ? memory_order_release : memory_order_seq_cst);
	}
}

/* hazard_clear - slot i protects nothing any more. */
static inline void
hazard_clear(struct hazard_record *r, unsigned i)
{
	hamt_misuse_if(i >= HAZARD_SLOTS, "hazard_clear: the slot must be below HAZARD_SLOTS");
	/* release: pairs with the scan's acquire load; our reads come first. */
	atomic_store_explicit(&r->slot[i], NULL,
	    mutant(HAZARD_CLEARED_RELAXED) ? memory_order_relaxed : memory_order_release);
}

/*
 * hazard_try_protect - one attempt to protect what *link holds, expected to
 * be *seen. True: *seen is protected by slot i until it is overwritten or
 * cleared. False: the link changed, *seen is what it holds now, slot i
 * protects nothing useful.
 */
static inline bool
hazard_try_protect(struct hazard_record *r, unsigned i, _Atomic(void *) *link, void **seen)
{
	void *now;

	if (!mutant(HAZARD_ANNOUNCED_LATE))
		hazard_publish(r, i, *seen);
	/* HP(2) seq_cst: pairs with the unlink CAS (3), which published the contents. */
	now = atomic_load_explicit(link, memory_order_seq_cst);
	if (mutant(HAZARD_ANNOUNCED_LATE))
		hazard_publish(r, i, *seen);
	if (HAMT_LIKELY(now == *seen) || mutant(HAZARD_NOT_VALIDATED))
		return true;
	*seen = now;
	return false;
}

/* hazard_protect - protect and return what *link holds (NULL is possible). */
static inline void *
hazard_protect(struct hazard_record *r, unsigned i, _Atomic(void *) *link)
{
	/* relaxed: a guess, confirmed by (2) before anybody follows it. */
	void *seen = atomic_load_explicit(link, memory_order_relaxed);

	while (HAMT_UNLIKELY(!hazard_try_protect(r, i, link, &seen)))
		continue;
	return seen;
}

/* hazard_reserve_slow - make room; for hazard_reserve() only. */
bool hazard_reserve_slow(struct hazard_record *record, unsigned count) HAMT_MUST_USE;

/*
 * hazard_reserve - make room for count retires, before the CAS that makes
 * them due: so retire itself can neither allocate nor fail. Room not used
 * stays for the next reserve.
 * Returns   true; false: no memory, and everything is as it was.
 */
static inline bool HAMT_MUST_USE
hazard_reserve(struct hazard_record *r, unsigned count)
{
	if (HAMT_UNLIKELY(r->limbo.room < count) && !hazard_reserve_slow(r, count))
		return false;
	r->limbo.reserved = count;
	return true;
}

/*
 * hazard_retire - free object by destroy(object, bytes, state) once no slot
 * names it. The caller has unlinked it (seq_cst) and is the only one to
 * retire it. bytes is for statistics and for destroy. state must stay valid
 * as long as the domain. Never allocates, never fails; may scan.
 * Misuse    object or destroy NULL, no room reserved, or a call from inside a
 *           destructor aborts.
 */
void hazard_retire(struct hazard_record *record, void *object, size_t bytes,
    hazard_destroy_fn *destroy, void *state);

/* hazard_scan - scan now, whatever the threshold. Returns how many objects were freed. */
uint64_t hazard_scan(struct hazard_record *record);

/*
 * A protected pointer: one thread's view of a shared link, with a slot of its
 * own for as long as it exists. The seed's type of the same name.
 */
struct hazard_pointer {
	struct hazard_record *record; /* NULL: dropped */
	_Atomic(void *) *link;
	void *seen;
	unsigned slot;
	bool loaded;
};

/*
 * hazard_pointer_init - a view of *link, nothing loaded.
 * Takes the highest slot of the record that no other pointer has.
 * Misuse    more than HAZARD_SLOTS pointers on one record abort.
 */
void hazard_pointer_init(struct hazard_pointer *p, struct hazard_record *r, _Atomic(void *) *link);

/* hazard_pointer_drop - unload and give the slot back. Misuse: dropping twice aborts. */
void hazard_pointer_drop(struct hazard_pointer *p);

/* hazard_pointer_load - protect what the link holds now, and return it (NULL is possible). */
void *hazard_pointer_load(struct hazard_pointer *p);

/* hazard_pointer_read - what was loaded; it may be followed. Misuse: reading an unloaded pointer aborts. */
void *hazard_pointer_read(const struct hazard_pointer *p);

/* hazard_pointer_unload - protect nothing. Misuse: unloading an unloaded pointer aborts. */
void hazard_pointer_unload(struct hazard_pointer *p);

/*
 * hazard_pointer_set - store value in the link, whatever it held: for a link
 * nobody else writes (before it is shared). What was loaded stays protected.
 */
void hazard_pointer_set(struct hazard_pointer *p, void *value);

/* hazard_pointer_swap - exchange: store value, return what the link held; the caller now owns that and retires it. */
void *hazard_pointer_swap(struct hazard_pointer *p, void *value) HAMT_MUST_USE;

/*
 * hazard_pointer_replace - store value if the link still holds what was loaded.
 * Returns   true: done, the caller owns the old object (hazard_pointer_read())
 *           and retires it; it stays protected until unload. False: the link
 *           had changed and is as it was.
 * Misuse    replacing through an unloaded pointer aborts.
 */
bool hazard_pointer_replace(struct hazard_pointer *p, void *value) HAMT_MUST_USE;

#endif
