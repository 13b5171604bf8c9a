/*
 * reclaim_era.h - the maps under hazard eras (he): a thread announces when it
 * reads instead of what. Internal to core; reclaim_record.h says what each
 * function does.
 *
 * A domain has a clock, the era. Every object carries the era of its birth (16
 * bytes in front of it: the object stays aligned), and gets that of its
 * retirement. A slot holds an era; it protects every object that was alive in it:
 *	birth <= slot <= retired
 * Announcing is a store only where the era has changed since the slot was last
 * used. So most operations read the clock and write nothing, as under qsbr, and yet
 * a thread that stops holds up only what was alive in the eras of its slots.
 *
 * Why this one of the robust schemes: intervals (Wen et al. 2018) and Hyaline-S
 * protect all from the beginning of an operation to its latest step, so a thread that is
 * preempted within a long operation and goes on protects everything that lived
 * meanwhile, and a guard that is held for long does so without a limit. A slot
 * here is one era, and what may wait has a bound that can be computed. And each slot
 * is announced and validated as a hazard pointer is, so that the maps need no
 * other code.
 *
 * Handshake H: an announcement and a scan cannot miss each other.
 *   reader    (1) e = load clock   (2) slot = e, unless it is e     (3) re-read a link
 *             (7) load clock: still e                               reclaim_confirm()
 *   remover   (4) unlink CAS       (5) retired = load clock         (6) read every slot
 * Fence: all seven are seq_cst. What (3) finds was linked when (7) had not yet been, so
 *   birth <= e; that the link looks as it did before (1) proves nothing, since the address
 *   may have been freed and used again for an object of a later era. If (3) finds it, then in their single order (1) < (3) < (4) < (5), so e <= retired;
 *   and (2) < (3) < (4) < (6), so the scan sees e, or what the reader wrote to the slot
 *   when it was done with the object.
 * Asymmetric: (2) is a release store and a compiler barrier; the scan calls
 *   membarrier(2) between (5) and (6), as for hazard pointers (hazard.h).
 *
 * Bound      pending <= records * (2 P + max(R, P / 4) + 1), P = E * (M + 2 records F)
 *            R = threshold, F = frequency (births of a thread between two eras), E = the most
 *            different eras that a scan has found announced, M = the most objects alive when an
 *            era ended. In one era e alive are: those alive when it began, at most M of which all are counted
 *            but the last F births of each record; and those born in it, at most F of each
 *            record. So an announcement keeps at most M + 2 records F, and a scan leaves
 *            at most P. A record scans again after max(R, P / 4) more. As much as P was handed over,
 *            or adopted by a scan under way. E and M are measured, so the bound is known only
 *            when they are; it holds at every moment for what they are then (but a thread stopped
 *            just between an era's end and its count leaves the figure one era late). Nodes
 *            of a map that was dropped count as alive as long as its domain.
 * Progress   enter, publish, leave, retire without a scan: wait-free. A scan: as hazard.h.
 * Stopped    a thread that stops or dies, wherever, keeps what was alive in the eras of its slots,
 *            and its own list. hamt_pause() clears the slots.
 *
 * Sources: Ramalhete, Correia 2017, Brief Announcement: Hazard Eras - Non-Blocking Memory
 * Reclamation. Wen, Izraelevitz, Cai, Beadle, Scott 2018, Interval-Based Memory
 * Reclamation (an era for so many allocations instead of for each retirement). Nikolaev,
 * Ravindran 2020, Universal Wait-Free Memory Reclamation (the same scheme made wait-free).
 */
#ifndef CORE_RECLAIM_ERA_H
#define CORE_RECLAIM_ERA_H

#include "core/base.h"
#include "core/hazard.h"
#include "core/limbo.h"

struct reclaim_record {
	CACHE_ALIGNED _Alignas(8) _Atomic(uint64_t) slot[HAZARD_SLOTS]; /* eras; 0 = none */
	/* Owner only. */
	CACHE_ALIGNED const _Atomic(uint64_t) *clock;
	uint64_t entered;          /* the era in which an operation last looked; 0: after a pause */
	unsigned held;             /* holds not released */
	unsigned until_era;        /* births */
	bool asymmetric;
	struct limbo_record limbo;
	/* Written by the owner, read by whoever ends an era. */
	CACHE_ALIGNED _Alignas(8) _Atomic(uint64_t) born;
	_Alignas(8) _Atomic(uint64_t) dead; /* retired, or never linked */
};

/* Keeps the object at 16 bytes. */
#define RECLAIM_HEADER 16

static inline uint64_t *
era_birth(void *object)
{
	return (uint64_t *)(void *)((unsigned char *)object - RECLAIM_HEADER);
}

static inline bool
reclaim_enter(struct reclaim_record *r)
{
	/* seq_cst: H(1); the slots that are not published again must have this era. */
	uint64_t now = atomic_load_explicit(r->clock, memory_order_seq_cst);

	if (LIKELY(now == r->entered) || mutant(ERA_UNNOTICED))
		return false;
	r->entered = now;
	return true;
}

static inline void
reclaim_leave(struct reclaim_record *r)
{
	(void)r;
}

static inline void
reclaim_publish(struct reclaim_record *r, unsigned i, const void *object)
{
	/* seq_cst: H(1), after the load of the link; pairs with the end of an era. */
	uint64_t now = atomic_load_explicit(r->clock, memory_order_seq_cst);

	(void)object;
	/* relaxed: our own slot. */
	if (LIKELY(atomic_load_explicit(&r->slot[i], memory_order_relaxed) == now))
		return;
	if (LIKELY(r->asymmetric)) {
		/* H(2) release: pairs with H(6), so that the reads made under
		 * the slot's former era come first. */
		atomic_store_explicit(&r->slot[i], now, memory_order_release);
		/* Keeps H(3) behind it in the program; the scan's membarrier
		 * does the same for the processor. */
		hamt_light_barrier();
	} else {
		/* H(2) seq_cst: pairs with H(6). */
		atomic_store_explicit(&r->slot[i], now,
		    mutant(ERA_RELAXED)    ? memory_order_relaxed :
		    mutant(ERA_NOT_FENCED) ? memory_order_release :
		                             memory_order_seq_cst);
	}
}

static inline bool
reclaim_confirm(const struct reclaim_record *r, unsigned i)
{
	/* seq_cst: H(7), after H(3). The slot, relaxed: our own. */
	return LIKELY(atomic_load_explicit(r->clock, memory_order_seq_cst) ==
	    atomic_load_explicit(&r->slot[i], memory_order_relaxed)) || mutant(ERA_NOT_CONFIRMED);
}

static inline void
reclaim_clear(struct reclaim_record *r, unsigned i)
{
	/* relaxed: our own slot. */
	if (atomic_load_explicit(&r->slot[i], memory_order_relaxed) != 0)
		/* release: pairs with H(6); our reads come first. */
		atomic_store_explicit(&r->slot[i], 0, memory_order_release);
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
}

bool era_reserve_slow(struct reclaim_record *r, unsigned count) MUST_USE;

static inline bool MUST_USE
reclaim_reserve(struct reclaim_record *r, unsigned count)
{
	if (UNLIKELY(r->limbo.room < count) && !era_reserve_slow(r, count))
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

/* era_end - one era more, and how many objects are alive at that moment. */
void era_end(struct reclaim_record *r);

static inline void
reclaim_born(struct reclaim_record *r, void *object)
{
	/* Nobody's yet. */
	if (UNLIKELY(r == NULL)) {
		*era_birth(object) = 0;
		return;
	}
	limbo_count(&r->born, 1);
	if (UNLIKELY(--r->until_era == 0))
		era_end(r);
	/* seq_cst: before the object is linked, hence not after H(1) of whoever finds it. */
	*era_birth(object) = atomic_load_explicit(r->clock, memory_order_seq_cst) + mutant(ERA_BORN_LATE);
}

/* era_died - release: pairs with era_end(): who counts it as dead counts it as born, too. One writer. */
static inline void
era_died(struct reclaim_record *r)
{
	atomic_store_explicit(&r->dead, limbo_counter(&r->dead) + 1, memory_order_release);
}

static inline void
reclaim_unborn(struct reclaim_record *r, void *object)
{
	(void)object;
	if (r != NULL)
		era_died(r);
}

#endif
