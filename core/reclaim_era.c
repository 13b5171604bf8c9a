/*
 * reclaim_era.c - hazard eras: the clock, and scans that compare lifetimes
 * with announcements.
 *
 * A scan reads the slots of all records into a small sorted table of eras, most of
 * which are the same, and frees what was alive in none of them. More eras than
 * fit take several passes, as in hazard.c. Orders and bound: reclaim_era.h;
 * lists and statistics: limbo.h.
 */
#include <limits.h>
#include <string.h>

#include "core/base.h"
#include "core/reclaim_record.h"

#if RECLAIM == RECLAIM_HE

/* Defaults. scripts/reclaim-sweep.sh measures others. */
#define THRESHOLD 1024
#define FREQUENCY 128

/* A first chunk has room for R objects, unless R is very large, and for one
 * operation's reserve on top. */
#define FIRST_CHUNK_MAX 4096
#define RESERVE_USUAL 64

/* 0 is "none" in a slot, and the birth of what is nobody's yet. */
#define ERA_FIRST 1

/* Eras of one pass. */
#define ERAS_MAX 512

struct reclaim_domain {
	struct limbo_domain limbo; /* first */
	bool asymmetric;
	unsigned frequency;
	/* Read by every operation, written now and then. */
	char apart[CACHE_LINE_BYTES];
	_Alignas(8) _Atomic(uint64_t) clock;
	char apart_too[CACHE_LINE_BYTES];
	/* For the bound: the largest of all so far. */
	_Alignas(8) _Atomic(uint64_t) most_alive; /* M */
	_Alignas(8) _Atomic(uint64_t) most_eras;  /* E */
};

/* Sorted, all different. */
struct eras {
	unsigned count;
	uint64_t era[ERAS_MAX];
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
threshold_of(const struct reclaim_domain *d)
{
	/* relaxed: constant since the domain exists. */
	unsigned threshold = atomic_load_explicit(&d->limbo.threshold, memory_order_relaxed);

	return threshold != 0 ? threshold : THRESHOLD;
}

const char *
reclaim_scheme(void)
{
	return "he";
}

/* --- Eras ----------------------------------------------------------------- */

static void
note_most(_Atomic(uint64_t) *most, uint64_t value)
{
	/* relaxed, all: a figure on its own. */
	uint64_t before = atomic_load_explicit(most, memory_order_relaxed);

	while (before < value &&
	    !atomic_compare_exchange_weak_explicit(most, &before, value, memory_order_relaxed, memory_order_relaxed))
		continue;
}

/*
 * era_end - Who is alive: born minus dead. The dead are read first, so none that dies
 * after the end of the era is missing, and with them the births of all those. Each
 * record's births up to the last era that it ended itself are seen as well: its
 * read-modify-write of the clock comes before ours. At most F births of each are not.
 */
void
era_end(struct reclaim_record *r)
{
	struct reclaim_domain *d = domain_of(r);
	/* acquire: pairs with M(1) in limbo.c, makes the records readable. */
	struct limbo_record *first = atomic_load_explicit(&d->limbo.records, memory_order_acquire), *i;
	uint64_t born = 0, dead = 0;

	r->until_era = d->frequency;
	for (i = first; i != NULL; i = i->next)
		/* acquire: pairs with era_died(). */
		dead += atomic_load_explicit(&record_of(i)->dead, memory_order_acquire);
	/* seq_cst: pairs with H(1) and H(5); its release and acquire with every other end of an era. */
	atomic_fetch_add_explicit(&d->clock, 1, memory_order_seq_cst);
	/* acquire: again, for records that came meanwhile. */
	first = atomic_load_explicit(&d->limbo.records, memory_order_acquire);
	for (i = first; i != NULL; i = i->next)
		born += limbo_counter(&record_of(i)->born);
	note_most(&d->most_alive, born - dead);
}

/* first_from - the place of the first era that is not before birth. */
static unsigned
first_from(const struct eras *t, uint64_t birth)
{
	unsigned low = 0, high = t->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (t->era[middle] < birth)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
eras_add(struct eras *t, uint64_t era)
{
	unsigned at = first_from(t, era);

	if (at < t->count && t->era[at] == era)
		return;
	memmove(&t->era[at + 1], &t->era[at], (t->count - at) * sizeof(t->era[0]));
	t->era[at] = era;
	t->count++;
}

/* alive - limbo_pinned_fn: was it alive in one of the eras? */
static inline bool
alive(const struct limbo_entry *e, const void *eras)
{
	const struct eras *t = eras;
	unsigned at = first_from(t, *era_birth(e->object));

	return at < t->count && t->era[at] + mutant(ERA_LAST_LEFT_OUT) <= (e->tag & ~LIMBO_BLOCKED);
}

/*
 * collect - read the slots of the records from here on, as many as fit.
 * Returns   the record to go on with in the next pass; NULL: that was all.
 */
static struct limbo_record *
collect(struct eras *t, struct limbo_record *from, bool asymmetric)
{
	for (; from != NULL; from = from->next) {
		if (t->count + RECLAIM_SLOTS > ERAS_MAX)
			return from;
		for (unsigned i = 0; i < RECLAIM_SLOTS; i++) {
			/* H(6). Asymmetric: acquire, pairs with the release stores to
			 * the slot, so that what was read under the former era comes
			 * before we free; that none is missed is membarrier's doing.
			 * Fence: seq_cst, pairs with H(2). */
			uint64_t era = asymmetric ?
			    atomic_load_explicit(&record_of(from)->slot[i], memory_order_acquire) :
			    atomic_load_explicit(&record_of(from)->slot[i], memory_order_seq_cst);

			if (era != 0)
				eras_add(t, era);
		}
	}
	return NULL;
}

/* next_scan - when the list is so much longer: a scan then costs each retire a few looks at most. */
static unsigned
next_scan(const struct reclaim_record *r)
{
	unsigned length = r->limbo.length, more = threshold_of(domain_of(r));

	if (more < length / 4)
		more = length / 4;
	return length < UINT_MAX - more ? length + more : UINT_MAX;
}

static uint64_t
scan(struct reclaim_record *record)
{
	struct limbo_record *r = &record->limbo, *from;
	uint64_t examined, freed, found = 0;
	struct eras table;

	/* Before the barrier: the orphans' unlinks must precede it as well. */
	limbo_append(r, limbo_orphans(r));
	if (r->length == 0) {
		r->limit = next_scan(record);
		return 0;
	}
	limbo_count(&r->scans, 1);
	reclaim_pass_begin(&r->probe);
	/* So that those who read go on to another era, even where nothing is born. */
	era_end(record);
	if (record->asymmetric && !mutant(ERA_WITHOUT_BARRIER) && !hamt_heavy_barrier()) {
		limbo_count(&r->refused, 1);
		reclaim_pass_end(&r->probe, 0, 0, 0);
		r->limit = next_scan(record);
		return 0;
	}
	examined = r->length;
	limbo_count(&r->examined, examined);
	/* M(4) seq_cst: pairs with M(1) in limbo.c, whose acquire makes the records readable. */
	from = atomic_load_explicit(&r->domain->records, memory_order_seq_cst);
	for (;;) {
		table.count = 0;
		from = collect(&table, from, record->asymmetric);
		found += table.count;
		if (from == NULL)
			break;
		limbo_mark(r, alive, &table);
	}
	/* Before anything is kept by them. */
	note_most(&domain_of(record)->most_eras, found);
	freed = limbo_sweep(r, alive, &table);
	r->limit = next_scan(record);
	reclaim_pass_end(&r->probe, examined, freed, r->length);
	return freed;
}

/* --- Retiring -------------------------------------------------------------- */

bool
era_reserve_slow(struct reclaim_record *r, unsigned count)
{
	misuse_if(r->limbo.scanning, "reclaim_reserve: must not be called from a destructor");
	return limbo_reserve_front(&r->limbo, count);
}

void
reclaim_retire(struct reclaim_record *r, void *object, size_t bytes, limbo_destroy_fn *destroy, void *state)
{
	misuse_if(r->limbo.scanning, "reclaim_retire: must not be called from a destructor");
	misuse_if(r->limbo.reserved == 0, "reclaim_retire: room must be reserved first, by reclaim_reserve");
	/* H(5) seq_cst: after the unlink; pairs with the end of an era. */
	limbo_add(&r->limbo, r->limbo.chunks, object, bytes, destroy, state,
	    mutant(ERA_RETIRED_EARLY) ? *era_birth(object) : atomic_load_explicit(r->clock, memory_order_seq_cst));
	/* After H(5): who ends an era counts as alive what is retired in a later one. */
	era_died(r);
	if (r->limbo.length >= r->limbo.limit)
		scan(r);
}

uint64_t
reclaim_scan(struct reclaim_record *r)
{
	misuse_if(r->limbo.scanning, "reclaim_scan: must not be called from a destructor");
	/* Our own slots are stale: we are outside operations. */
	reclaim_pause(r);
	return scan(r);
}

void
reclaim_pause(struct reclaim_record *r)
{
	/* Which slots are held only the map knows. */
	if (r->held != 0 && !mutant(ERA_CLEARED_WHILE_HELD))
		return;
	for (unsigned i = 0; i < RECLAIM_SLOTS; i++)
		reclaim_clear(r, i);
	r->entered = 0;
}

/* --- Membership -------------------------------------------------------------- */

enum hamt_status
reclaim_attach(struct reclaim_domain *d, const struct reclaim_probe *probe, struct reclaim_record **record)
{
	unsigned room = threshold_of(d);
	struct limbo_record *limbo;
	struct reclaim_record *r;

	limbo = limbo_attach(&d->limbo, probe, (room < FIRST_CHUNK_MAX ? room : FIRST_CHUNK_MAX) + RESERVE_USUAL);
	if (limbo == NULL)
		return HAMT_NOMEM;
	r = record_of(limbo);
	r->clock = &d->clock;
	r->asymmetric = d->asymmetric;
	r->entered = 0;
	r->held = 0;
	/* What its former owner had left: an era has at most F births of each record. */
	if (r->until_era == 0)
		r->until_era = d->frequency;
	limbo->limit = next_scan(r);
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
	/* More than once only if another record left since: it made progress. */
	for (reclaim_scan(r); l->length > 0 && !limbo_hand_over(l); reclaim_scan(r))
		contention_failed(&l->contention);
	limbo_leave(l);
}

/* --- Domains ------------------------------------------------------------------ */

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
	if (config->mode != HAZARD_FENCE)
		asymmetric = hamt_heavy_barrier_probe();
	if (config->mode == HAZARD_ASYMMETRIC && !asymmetric)
		return HAMT_MISMATCH;
	d = (struct reclaim_domain *)(void *)limbo_domain_new(&config->allocator, &config->contention,
	    config->threshold, sizeof(*d), sizeof(struct reclaim_record), offsetof(struct reclaim_record, limbo));
	if (d == NULL)
		return HAMT_NOMEM;
	d->asymmetric = asymmetric;
	d->frequency = config->frequency != 0 ? config->frequency : FREQUENCY;
	atomic_init(&d->clock, ERA_FIRST);
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
	uint64_t kept, more;

	limbo_stats_read(&d->limbo, t);
	t->threshold = threshold_of(d);
	t->frequency = d->frequency;
	/* relaxed, all: figures on their own. After the sums, so that what they rest on is in. */
	t->clock = atomic_load_explicit(&d->clock, memory_order_relaxed);
	t->asymmetric = d->asymmetric;
	kept = atomic_load_explicit(&d->most_eras, memory_order_relaxed) *
	    (atomic_load_explicit(&d->most_alive, memory_order_relaxed) + 2 * (uint64_t)t->records * t->frequency);
	more = t->threshold > kept / 4 ? t->threshold : kept / 4;
	t->bound = t->records * (2 * kept + more + 1);
}

void
reclaim_domain_each_pending(struct reclaim_domain *d,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg)
{
	limbo_each_pending(&d->limbo, visit, arg);
}

#endif
