/*
 * reclaim_epoch.h - the maps under epochs (ebr) and under quiescent states
 * (qsbr): time goes on in steps that everybody must agree to, and what was
 * retired two steps ago nobody can have any more. Internal to core;
 * reclaim_record.h says what each function does.
 *
 * A domain has an epoch G, a record the epoch L that its thread was last seen
 * in; L = 0: it reads nothing. G goes from g to g + 1 when every L is 0 or g.
 * What was retired while G was t may be freed once G >= t + 2.
 *	ebr    L is set by each operation and cleared at its end: a store or two
 *	       for every operation, with the cost of a fence where membarrier(2) may
 *	       not be used
 *	qsbr   L is moved on after every interval of operations, when the thread
 *	       certainly reads nothing, and cleared only by a pause: most
 *	       operations write nothing at all
 *
 * Handshake E (ebr; qsbr when a pause ends): who is inside is seen.
 *   reader    (1) L = g, what G was    (2) re-read a link           reclaim_enter(), then the caller's load
 *   remover   (3) unlink CAS           (4) t = load G               the caller's CAS, reclaim_retire()
 *   advancer  (5) load G: t + 1        (6) load every L             epoch_advance()
 *             (7) CAS G: t + 1 -> t + 2
 *   freer     (8) load G: >= t + 2     (9) free
 * Fence: all but (9) are seq_cst. If (2) still finds the object, then in their
 *   single order (2) < (3) < (4), so g <= t; and (1) < (2) < (3) < (4) < (5) < (6),
 *   since G was t at (4) and t + 1 at (5). So (6) finds L = g <= t, or what the
 *   reader wrote after it had ended: while it reads, (7) does not happen.
 * Asymmetric (ebr): (1) is a release store and a compiler barrier; the advancer
 *   calls membarrier(2) between (5) and (6). A reader that had done (1) by then is
 *   seen by (6); one that had not does (2) after it, hence after (3), and does
 *   not find the object.
 *
 * Handshake Q (qsbr, between operations): a new L needs no fence.
 *   reader    (1) g = load G     (2) L = g, release     (3) re-read a link
 *   remover   (4) unlink CAS     (5) t = load G
 * (6) is the advance to t + 2, which finds L = t + 1. (1), (3), (4), (5) are
 *   seq_cst: (1) read t + 1, which G became after (5); so (4) < (5) < (1) < (3), and
 *   (3) does not find the object. A late (2) only delays others.
 *
 * Both: what a thread read comes before it is freed. Its reads precede its
 *   next store to L (release), that precedes (6) (acquire), (6) precedes (7), and that
 *   precedes (8) (acquire), directly or over the chain of CASes on G. A new record is
 *   not missed: table M in limbo.c.
 *
 * Bound      none. One thread that stops, or dies, inside an operation (ebr) or
 *            anywhere without a pause (qsbr) holds G, and all that is retired from
 *            then on waits. One that stops outside (ebr), or in a pause, makes no
 *            difference, but keeps the list it has. A guard or a hold is an operation
 *            that has not ended.
 * Progress   enter, leave, publish, retire: wait-free but for the calls of destructors
 *            and membarrier. Memory is not lock-free: see the bound.
 * Amortised  free_most: a batch that is old enough is freed a few objects for each
 *            retire, so that no operation pays for all, and an allocator's caches
 *            do not overflow.
 *
 * Sources: Fraser 2004, Practical Lock-Freedom, section 5.2.3 (epochs). McKenney,
 * Slingwine 1998, Read-Copy Update: Using Execution History to Solve Concurrency
 * Problems (quiescent states). Hart, McKenney, Brown, Walpole 2007, Performance of Memory
 * Reclamation for Lockless Synchronization (both, compared). Kim, Brown, Singh
 * 2024, Are Your Epochs Too Epic? Batch Free Can Be Harmful (amortised free).
 */
#ifndef CORE_RECLAIM_EPOCH_H
#define CORE_RECLAIM_EPOCH_H

#include "core/base.h"
#include "core/limbo.h"

struct reclaim_record {
	CACHE_ALIGNED _Alignas(8) _Atomic(uint64_t) epoch; /* L */
	/* Owner only. */
	CACHE_ALIGNED const _Atomic(uint64_t) *clock; /* G */
	bool asymmetric;
	bool stale;                /* qsbr: L has moved since an operation last looked */
	unsigned held;             /* holds not released */
	unsigned until_quiescent;  /* qsbr: operations */
	unsigned until_advance;    /* ebr: retires */
	unsigned until_look;       /* retires: what is left of the batch */
	struct limbo_chunk *newest; /* retire writes to it; limbo.chunks is the oldest; spare ones follow */
	uint64_t safe;             /* amortised: what was retired up to here may go */
	struct limbo_record limbo;
};

#define RECLAIM_HEADER 0

/* epoch_resume - qsbr: L has moved, or a pause ends. */
void epoch_resume(struct reclaim_record *r);

/* epoch_quiesce - qsbr: the thread reads nothing. */
void epoch_quiesce(struct reclaim_record *r);

static inline bool
reclaim_enter(struct reclaim_record *r)
{
#if RECLAIM == RECLAIM_EBR
	uint64_t now;

	/* Still inside. */
	if (UNLIKELY(r->held != 0))
		return true;
	/* seq_cst: before E(1), so that g <= t. */
	now = atomic_load_explicit(r->clock, memory_order_seq_cst);
	if (LIKELY(r->asymmetric)) {
		/* E(1) release: pairs with E(6), as every store to L. */
		atomic_store_explicit(&r->epoch, now, memory_order_release);
		/* Keeps E(2) behind it in the program; the advancer's membarrier
		 * does the same for the processor. */
		hamt_light_barrier();
	} else {
		/* E(1) seq_cst: pairs with E(6). */
		atomic_store_explicit(&r->epoch, now,
		    mutant(EPOCH_NOT_FENCED) ? memory_order_release : memory_order_seq_cst);
	}
	return true;
#else
	if (LIKELY(!r->stale))
		return false;
	epoch_resume(r);
	return true;
#endif
}

static inline void
reclaim_leave(struct reclaim_record *r)
{
#if RECLAIM == RECLAIM_EBR
	/* release: pairs with E(6); our reads come first. */
	if (LIKELY(r->held == 0))
		atomic_store_explicit(&r->epoch, 0,
		    mutant(EPOCH_LEFT_RELAXED) ? memory_order_relaxed : memory_order_release);
#else
	if (UNLIKELY(--r->until_quiescent == 0))
		epoch_quiesce(r);
#endif
}

/* Nothing by itself: the operation is protected as a whole. */
static inline void
reclaim_publish(struct reclaim_record *r, unsigned i, const void *object)
{
	(void)r;
	(void)i;
	(void)object;
}

static inline bool
reclaim_confirm(const struct reclaim_record *r, unsigned i)
{
	(void)r;
	(void)i;
	return true;
}

static inline void
reclaim_clear(struct reclaim_record *r, unsigned i)
{
	(void)r;
	(void)i;
}

static inline void
reclaim_hold(struct reclaim_record *r)
{
	r->held++;
}

static inline void
reclaim_release(struct reclaim_record *r)
{
	r->held--;
#if RECLAIM == RECLAIM_EBR
	/* release: pairs with E(6); our reads come first. */
	if (r->held == 0)
		atomic_store_explicit(&r->epoch, 0, memory_order_release);
#endif
}

bool epoch_reserve_slow(struct reclaim_record *r, unsigned count) MUST_USE;

static inline bool MUST_USE
reclaim_reserve(struct reclaim_record *r, unsigned count)
{
	if (UNLIKELY(r->limbo.room < count) && !epoch_reserve_slow(r, count))
		return false;
	r->limbo.reserved = count;
	return true;
}

void reclaim_retire(struct reclaim_record *r, void *object, size_t bytes, limbo_destroy_fn *destroy, void *state);
uint64_t reclaim_scan(struct reclaim_record *r);
void reclaim_pause(struct reclaim_record *r);
enum hamt_status reclaim_attach(struct reclaim_domain *domain, const struct reclaim_probe *probe,
    struct reclaim_record **r) MUST_USE;
void reclaim_detach(struct reclaim_record *r);

static inline void
reclaim_born(struct reclaim_record *r, void *object)
{
	(void)r;
	(void)object;
}

static inline void
reclaim_unborn(struct reclaim_record *r, void *object)
{
	(void)r;
	(void)object;
}

#endif
