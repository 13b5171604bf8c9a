/*
 * reclaim.h - safe memory reclamation of the maps: how it is set up and what
 * it has to show. Which scheme it is was decided when the library was built;
 * the interface is the same, and so is a program that uses it:
 *
 *	libhamt.a        hp     hazard pointers, asymmetric or not: see mode
 *	libhamt-ebr.a    ebr    epochs: a word written by each operation
 *	libhamt-qsbr.a   qsbr   quiescent states: nothing written by most operations
 *	libhamt-he.a     he     hazard eras: announces when, not what
 *	libhamt-none.a   none   nothing is freed: without the work of reclamation, for comparison
 *
 * Once they are installed, pkg-config knows them as hamt, hamt-ebr and so on.
 *
 *	scheme   garbage that a stopped thread causes   stopped between operations
 *	hp       bounded, a few objects a thread        the same
 *	he       bounded by the size of the map         the same
 *	ebr      unbounded, if inside an operation      none
 *	qsbr     unbounded                              unbounded: say hamt_pause() first
 *	none     -                                      -
 *
 * Each one's idea, orders, bound and sources: core/hazard.h, reclaim_epoch.h,
 * reclaim_era.h, reclaim_none.h. What the maps see of a scheme:
 * reclaim_record.h. Threads, progress: as said there; the functions below may
 * be called by any thread at any time, unless they say something else.
 */
#ifndef CORE_RECLAIM_H
#define CORE_RECLAIM_H

#include "core/contention.h"
#include "core/hazard.h"
#include "core/interface.h"
#include "core/limbo.h"

/* The scheme that a file of core, or one that wants to know, is compiled for: -DRECLAIM=RECLAIM_EBR. */
#define RECLAIM_HP 1
#define RECLAIM_EBR 2
#define RECLAIM_QSBR 3
#define RECLAIM_HE 4
#define RECLAIM_NONE 5

#ifndef RECLAIM
#define RECLAIM RECLAIM_HP
#endif

/* All zero is the default. What a scheme does not have it takes no notice of. */
struct reclaim_config {
	enum hazard_mode mode;               /* hp, he, ebr: membarrier(2) or a fence for each announcement */
	unsigned threshold;                  /* hp, he: retired objects of a thread that start a scan;
	                                        ebr, qsbr: the batch, retired objects between two looks at
	                                        what can be freed. 0 = automatic */
	unsigned frequency;                  /* ebr: retires between two attempts to advance the epoch;
	                                        qsbr: operations between two quiescent states;
	                                        he: new objects of a thread between two eras. 0 = automatic */
	unsigned free_most;                  /* ebr, qsbr: amortised free, so many objects at most for each
	                                        retire; 0 = all that can be, at once */
	struct hamt_allocator allocator;     /* all zero = malloc */
	struct contention_config contention; /* for the CASes on the domain's lists */
};

struct reclaim_domain; /* what belongs together: may serve many maps; freed with its last user */

/* reclaim_scheme - "hp", "ebr", "qsbr", "he" or "none". */
const char *reclaim_scheme(void);

/*
 * reclaim_domain_new - a domain with one user, the caller.
 * Returns   HAMT_OK; HAMT_NOMEM; HAMT_MISMATCH if mode is HAZARD_ASYMMETRIC and
 *           membarrier(2) is refused. config may be NULL (all zero) and is copied.
 */
enum hamt_status reclaim_domain_new(const struct reclaim_config *config, struct reclaim_domain **domain) HAMT_MUST_USE;

/* reclaim_domain_of_hazards - hp only: the maps' domain is a hazard domain, and may serve other structures, too. */
static inline struct reclaim_domain *
reclaim_domain_of_hazards(struct hazard_domain *domain)
{
	return (struct reclaim_domain *)domain;
}

/* reclaim_domain_share - one user more; each user ends with reclaim_domain_drop(). */
struct reclaim_domain *reclaim_domain_share(struct reclaim_domain *domain);

/*
 * reclaim_domain_drop - one user less. The last one, maps included, frees what
 * is still retired, then the domain. Never allocates.
 * Misuse    more drops than users abort.
 */
void reclaim_domain_drop(struct reclaim_domain *domain);

/* reclaim_domain_allocator - lives as long as the domain. */
const struct hamt_allocator *reclaim_domain_allocator(const struct reclaim_domain *domain);

/*
 * reclaim_domain_stats - sums over all threads (struct reclaim_totals: limbo.h). All freed counts are read
 * before all retired counts, so pending is never below the truth at the
 * moment in between.
 */
void reclaim_domain_stats(const struct reclaim_domain *domain, struct reclaim_totals *stats);

/*
 * reclaim_domain_each_pending - visit every stamped object still pending, with
 * the time of its retirement: the censored part of reclamation latency.
 * Threads   none may use the domain meanwhile.
 */
void reclaim_domain_each_pending(struct reclaim_domain *domain,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg);

#endif
