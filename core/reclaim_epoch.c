/*
 * reclaim_epoch.c - ebr and qsbr: queues of retired objects in the order of
 * their epochs, and the step from one epoch to the next.
 *
 *	limbo.chunks (oldest) --> chunk --> ... --> newest --> spare
 *	  freed from its first entry on             retire writes here
 *
 * A look at the queue ends at the first object that is too young, so it costs
 * what it frees, however long the queue. Adopted orphans go in front: the
 * youngest of them may keep a few of ours waiting a little longer than need
 * be. Orders: reclaim_epoch.h; lists and statistics: limbo.h.
 */
#include <limits.h>

#include "core/base.h"
#include "core/reclaim_record.h"

#if RECLAIM == RECLAIM_EBR || RECLAIM == RECLAIM_QSBR

/* Defaults. scripts/reclaim-sweep.sh measures others. */
#define BATCH 128
#define FREQUENCY 128
#define FREQUENCY_ASYMMETRIC 1024 /* each attempt interrupts all running threads */
#define INTERVAL 64

#define CHUNK_FIRST 256
#define CHUNK_MOST 1024

/* Two apart from 0, so that every object can be too young for it. */
#define EPOCH_FIRST 2

struct reclaim_domain {
	struct limbo_domain limbo; /* first; threshold is the batch */
	bool asymmetric;
	unsigned frequency, free_most;
	/* Read by every operation, written now and then. */
	char apart[CACHE_LINE_BYTES];
	_Alignas(8) _Atomic(uint64_t) epoch; /* G */
	char apart_too[CACHE_LINE_BYTES];
};

static inline struct reclaim_record *
record_of(struct limbo_record *r)
{
	return (struct reclaim_record *)(void *)((unsigned char *)r - offsetof(struct reclaim_record, limbo));
}

static inline struct reclaim_domain *
domain_of(const struct reclaim_record *r)
{
	return (struct reclaim_domain *)(void *)r->limbo.domain;
}

static unsigned
batch_of(const struct reclaim_domain *d)
{
	/* relaxed: constant since the domain exists. */
	unsigned batch = atomic_load_explicit(&d->limbo.threshold, memory_order_relaxed);

	return batch != 0 ? batch : BATCH;
}

const char *
reclaim_scheme(void)
{
	return RECLAIM == RECLAIM_EBR ? "ebr" : "qsbr";
}

/* --- The queue ---------------------------------------------------------- */

bool
epoch_reserve_slow(struct reclaim_record *r, unsigned count)
{
	struct limbo_chunk *chunk, **end = &r->newest->next;
	unsigned capacity = r->newest->capacity;

	misuse_if(r->limbo.scanning, "reclaim_reserve: must not be called from a destructor");
	/* The limits keep room and length from wrapping. */
	if (count > UINT_MAX / 4 || r->limbo.length > UINT_MAX / 4)
		return false;
	if (capacity < CHUNK_MOST)
		capacity *= 2;
	if (capacity < count)
		capacity = count;
	chunk = limbo_chunk_new(&r->limbo.domain->allocator, capacity);
	if (chunk == NULL)
		return false;
	while (*end != NULL)
		end = &(*end)->next;
	*end = chunk;
	r->limbo.room += capacity;
	return true;
}

/* chunk_done - the oldest chunk is empty: it is used again, or freed. */
static void
chunk_done(struct reclaim_record *r)
{
	struct limbo_chunk *chunk = r->limbo.chunks;

	if (chunk == r->newest) {
		r->limbo.room += chunk->count;
		chunk->first = chunk->count = 0;
		return;
	}
	r->limbo.chunks = chunk->next;
	/* One spare, so that a queue that neither grows nor shrinks allocates nothing. */
	if (r->newest->next != NULL || chunk->capacity > 2 * CHUNK_MOST) {
		limbo_chunk_free(&r->limbo.domain->allocator, chunk);
		return;
	}
	chunk->next = NULL;
	chunk->first = chunk->count = 0;
	r->newest->next = chunk;
	r->limbo.room += chunk->capacity;
}

/* collect - free what was retired up to epoch safe, at most so many. */
static uint64_t
collect(struct reclaim_record *r, uint64_t safe, uint64_t most)
{
	uint64_t freed = 0, freed_bytes = 0;

	r->limbo.scanning = true;
	while (freed < most) {
		struct limbo_chunk *chunk = r->limbo.chunks;
		const struct limbo_entry *e;

		if (chunk->first == chunk->count) {
			chunk_done(r);
			if (chunk == r->newest)
				break;
			continue;
		}
		e = &chunk->entry[chunk->first];
		if (e->tag > safe)
			break;
		freed_bytes += e->bytes;
		limbo_dispose(&r->limbo, e);
		chunk->first++;
		freed++;
	}
	r->limbo.scanning = false;
	r->limbo.length -= (unsigned)freed;
	if (freed != 0)
		limbo_freed(&r->limbo, freed, freed_bytes);
	return freed;
}

/* trim - with nothing retired and nothing reserved, one empty chunk is enough. */
static void
trim(struct reclaim_record *r)
{
	struct limbo_chunk *chunk = r->limbo.chunks, *next;

	for (; chunk != NULL; chunk = next) {
		next = chunk->next;
		if (chunk != r->newest)
			limbo_chunk_free(&r->limbo.domain->allocator, chunk);
	}
	r->limbo.chunks = r->newest;
	r->newest->next = NULL;
	r->newest->first = r->newest->count = 0;
	r->limbo.room = r->newest->capacity;
}

/* adopt - orphans in front of our own. */
static void
adopt(struct reclaim_record *r)
{
	struct limbo_chunk *orphans = limbo_orphans(&r->limbo), *last = orphans;

	if (orphans == NULL)
		return;
	while (last->next != NULL)
		last = last->next;
	if (!mutant(EPOCH_QUEUE_LOST))
		last->next = r->limbo.chunks;
	r->limbo.chunks = orphans;
}

/* --- Epochs -------------------------------------------------------------- */

/* everybody_is_in - has every record that reads been seen in epoch now? */
static bool
everybody_is_in(const struct reclaim_record *r, uint64_t now, bool certain)
{
	/* M(4) seq_cst: pairs with M(1) in limbo.c. */
	struct limbo_record *i = atomic_load_explicit(&r->limbo.domain->records, memory_order_seq_cst);

	if (mutant(EPOCH_SKIPS_RECORD))
		i = i->next;
	for (; i != NULL; i = i->next) {
		/* E(6) seq_cst: pairs with E(1); its acquire with every release
		 * store to L. relaxed where it is only to see whether it is worth
		 * a membarrier. */
		uint64_t epoch = certain ? atomic_load_explicit(&record_of(i)->epoch, memory_order_seq_cst) :
		                           atomic_load_explicit(&record_of(i)->epoch, memory_order_relaxed);

		if (epoch != 0 && epoch != now)
			return false;
	}
	return true;
}

/* epoch_advance - one step, if everybody agrees. */
static void
epoch_advance(struct reclaim_record *r)
{
	struct reclaim_domain *d = domain_of(r);
	/* E(5) seq_cst: pairs with the CAS below. */
	uint64_t now = atomic_load_explicit(&d->epoch, memory_order_seq_cst);

	if (r->asymmetric) {
		if (!everybody_is_in(r, now, false))
			return;
		if (!mutant(EPOCH_WITHOUT_BARRIER) && !hamt_heavy_barrier()) {
			limbo_count(&r->limbo.refused, 1);
			return;
		}
	}
	if (everybody_is_in(r, now, true))
		/* E(7) seq_cst: pairs with E(5) and E(8), and E(1) of later readers.
		 * Failure relaxed: somebody else did it. */
		(void)atomic_compare_exchange_strong_explicit(&d->epoch, &now, now + 1, memory_order_seq_cst,
		    memory_order_relaxed);
}

/* safe_epoch - what was retired up to it nobody reads. */
static uint64_t
safe_epoch(const struct reclaim_record *r)
{
	/* E(8) seq_cst: pairs with E(7), whose chain makes the readers' ends visible. */
	return atomic_load_explicit(r->clock, memory_order_seq_cst) - (mutant(EPOCH_FREED_EARLY) ? 1 : 2);
}

void
epoch_resume(struct reclaim_record *r)
{
	r->stale = false;
	/* relaxed: our own. */
	if (atomic_load_explicit(&r->epoch, memory_order_relaxed) == 0 && !mutant(PAUSE_NOT_ENDED))
		/* E(1) seq_cst: pairs with E(6); after the load of G, which is seq_cst, too. */
		atomic_store_explicit(&r->epoch, atomic_load_explicit(r->clock, memory_order_seq_cst),
		    memory_order_seq_cst);
}

void
epoch_quiesce(struct reclaim_record *r)
{
	/* relaxed: our own. */
	uint64_t now, before = atomic_load_explicit(&r->epoch, memory_order_relaxed);

	r->until_quiescent = domain_of(r)->frequency;
	if (r->held != 0 && !mutant(QUIESCED_WHILE_HELD))
		return;
	/* Q(1) seq_cst: pairs with E(7). */
	now = atomic_load_explicit(r->clock, memory_order_seq_cst);
	/* In a pause, or in the same epoch, there is nothing to be said. */
	if (before == 0 || before == now)
		return;
	/* Q(2) release: pairs with E(6); our reads come first. */
	atomic_store_explicit(&r->epoch, now, mutant(QUIESCED_RELAXED) ? memory_order_relaxed : memory_order_release);
	r->stale = !mutant(QUIESCED_UNNOTICED);
}

void
reclaim_pause(struct reclaim_record *r)
{
#if RECLAIM == RECLAIM_QSBR
	if (r->held != 0)
		return;
	/* release: pairs with E(6); our reads come first. */
	atomic_store_explicit(&r->epoch, 0, memory_order_release);
	r->stale = true;
#else
	(void)r; /* outside operations nothing is announced anyway */
#endif
}

/* --- Retiring ------------------------------------------------------------ */

/* look - a pass: free what is old enough, or at most so many of it. */
static uint64_t
look(struct reclaim_record *r, uint64_t most)
{
	struct limbo_record *l = &r->limbo;
	uint64_t examined, freed;

	adopt(r);
	r->until_look = batch_of(domain_of(r));
	r->safe = safe_epoch(r);
	if (l->length == 0)
		return 0;
	examined = l->length;
	limbo_count(&l->scans, 1);
	limbo_count(&l->examined, examined);
	reclaim_pass_begin(&l->probe);
	freed = collect(r, r->safe, most);
	reclaim_pass_end(&l->probe, examined, freed, l->length);
	limbo_count(&l->blocked, l->length);
	return freed;
}

void
reclaim_retire(struct reclaim_record *r, void *object, size_t bytes, limbo_destroy_fn *destroy, void *state)
{
	const struct reclaim_domain *d = domain_of(r);

	misuse_if(r->limbo.scanning, "reclaim_retire: must not be called from a destructor");
	misuse_if(r->limbo.reserved == 0, "reclaim_retire: room must be reserved first, by reclaim_reserve");
	while (r->newest->count == r->newest->capacity)
		r->newest = r->newest->next;
	/* E(4) seq_cst: pairs with E(7); after the unlink. */
	limbo_add(&r->limbo, r->newest, object, bytes, destroy, state,
	    atomic_load_explicit(mutant(EPOCH_OF_RETIRER) ? &r->epoch : r->clock, memory_order_seq_cst));
#if RECLAIM == RECLAIM_EBR
	if (--r->until_advance == 0) {
		r->until_advance = d->frequency;
		epoch_advance(r);
	}
#endif
	if (--r->until_look == 0) {
#if RECLAIM == RECLAIM_QSBR
		epoch_advance(r);
#endif
		look(r, d->free_most != 0 ? d->free_most : UINT64_MAX);
	} else if (d->free_most != 0) {
		collect(r, r->safe, d->free_most);
	}
}

uint64_t
reclaim_scan(struct reclaim_record *r)
{
	uint64_t freed = 0;

	misuse_if(r->limbo.scanning, "reclaim_scan: must not be called from a destructor");
	/* Before the steps, so that the orphans have their benefit. */
	adopt(r);
	/* The epoch of the youngest, and two steps. */
	for (unsigned step = 0; step < 3 && r->limbo.length > 0; step++) {
#if RECLAIM == RECLAIM_QSBR
		epoch_quiesce(r);
#endif
		epoch_advance(r);
		freed += look(r, UINT64_MAX);
	}
	if (r->limbo.length == 0) {
		r->limbo.reserved = 0;
		trim(r);
	}
	return freed;
}

/* --- Membership ----------------------------------------------------------- */

enum hamt_status
reclaim_attach(struct reclaim_domain *d, const struct reclaim_probe *probe, struct reclaim_record **record)
{
	struct limbo_record *limbo = limbo_attach(&d->limbo, probe, CHUNK_FIRST);
	struct reclaim_record *r;

	if (limbo == NULL)
		return HAMT_NOMEM;
	r = record_of(limbo);
	r->clock = &d->epoch;
	r->asymmetric = d->asymmetric;
	r->newest = limbo->chunks;
	r->held = 0;
	r->stale = true; /* qsbr: it begins paused */
	r->safe = 0;
	r->until_quiescent = r->until_advance = d->frequency;
	r->until_look = batch_of(d);
	*record = r;
	return HAMT_OK;
}

void
reclaim_detach(struct reclaim_record *r)
{
	struct limbo_record *l = &r->limbo;

	misuse_if(!limbo_taken(l), "reclaim_detach: the record has already left the domain");
	misuse_if(l->scanning, "reclaim_detach: must not be called from a destructor");
	r->held = 0;
	l->reserved = 0;
	for (;;) {
		/* release: pairs with E(6); our reads come first. */
		atomic_store_explicit(&r->epoch, 0, memory_order_release);
		reclaim_scan(r);
		/* More than once only if another record left since: it made progress. */
		if (l->length == 0 || limbo_hand_over(l))
			break;
		contention_failed(&l->contention);
	}
	limbo_leave(l);
}

/* --- Domains --------------------------------------------------------------- */

enum hamt_status
reclaim_domain_new(const struct reclaim_config *config, struct reclaim_domain **domain)
{
	static const struct reclaim_config all_zero;
	struct reclaim_domain *d;
	bool asymmetric = false;

	if (config == NULL)
		config = &all_zero;
	misuse_if(config->mode != HAZARD_AUTO && config->mode != HAZARD_FENCE && config->mode != HAZARD_ASYMMETRIC,
	    "reclaim_domain_new: mode must be one of enum hazard_mode");
	/* qsbr has no announcement that needs it. */
	if (RECLAIM == RECLAIM_EBR && config->mode != HAZARD_FENCE) {
		asymmetric = hamt_heavy_barrier_probe();
		if (config->mode == HAZARD_ASYMMETRIC && !asymmetric)
			return HAMT_MISMATCH;
	}
	d = (struct reclaim_domain *)(void *)limbo_domain_new(&config->allocator, &config->contention,
	    config->threshold, sizeof(*d), sizeof(struct reclaim_record), offsetof(struct reclaim_record, limbo));
	if (d == NULL)
		return HAMT_NOMEM;
	d->asymmetric = asymmetric;
	d->frequency = config->frequency != 0 ? config->frequency :
	    RECLAIM == RECLAIM_QSBR           ? INTERVAL :
	    asymmetric                        ? FREQUENCY_ASYMMETRIC :
	                                        FREQUENCY;
	d->free_most = config->free_most;
	atomic_init(&d->epoch, EPOCH_FIRST);
	*domain = d;
	return HAMT_OK;
}

struct reclaim_domain *
reclaim_domain_share(struct reclaim_domain *d)
{
	limbo_domain_share(&d->limbo);
	return d;
}

void
reclaim_domain_drop(struct reclaim_domain *d)
{
	misuse_if(!limbo_domain_drop(&d->limbo), "reclaim_domain_drop: dropped more often than the domain has users");
}

const struct hamt_allocator *
reclaim_domain_allocator(const struct reclaim_domain *d)
{
	return &d->limbo.allocator;
}

void
reclaim_domain_stats(const struct reclaim_domain *d, struct reclaim_totals *t)
{
	limbo_stats_read(&d->limbo, t);
	t->threshold = batch_of(d);
	t->frequency = d->frequency;
	/* relaxed: a figure on its own. */
	t->clock = atomic_load_explicit(&d->epoch, memory_order_relaxed);
	t->asymmetric = d->asymmetric;
}

void
reclaim_domain_each_pending(struct reclaim_domain *d,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg)
{
	limbo_each_pending(&d->limbo, visit, arg);
}

#endif
