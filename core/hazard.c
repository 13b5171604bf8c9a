/*
 * hazard.c - hazard pointers: announcements that everybody reads, lists of
 * retired objects that nobody shares.
 *
 * A scan reads the slots of all records into a small table and frees what the
 * table does not name. The table has a fixed size: with more announcements
 * than fit, the scan takes several passes over the retired objects and frees
 * what no pass has found. So a scan needs no memory, whatever the number of
 * threads; Michael's own (2004, fig. 5) sorts a list of private memory.
 *
 * The lists, who joins and leaves, and the statistics: limbo.h, which also has
 * the tables M, O, P, S and U. Handshake HP is in hazard.h; its steps (3)
 * unlink and (4) read the slots. M(2) and (4) are its steps, too.
 */
#include <limits.h>
#include <string.h>

#include "core/base.h"
#include "core/hazard.h"

/* R, if the domain leaves it to us. */
#define AUTOMATIC_THRESHOLD 1024

/* A first chunk has room for R objects, unless R is very large, and for one
 * operation's reserve on top. */
#define FIRST_CHUNK_MAX 4096
#define RESERVE_USUAL 64

/* The scan's table: at most half full, so probing stays short. */
#define TABLE_BITS_MAX 10

struct hazard_domain {
	struct limbo_domain limbo; /* first */
	bool asymmetric;
};

static inline struct hazard_record *
record_of(struct limbo_record *r)
{
	return (struct hazard_record *)(void *)((unsigned char *)r - offsetof(struct hazard_record, limbo));
}

static inline struct hazard_domain *
domain_of(const struct limbo_record *r)
{
	return (struct hazard_domain *)(void *)r->domain;
}

/* The announcements of one pass: open addressing, NULL = free. */
struct table {
	unsigned bits, count;
	const void *entry[1u << TABLE_BITS_MAX];
};

/* Thresholds. */

static unsigned
threshold_for(unsigned configured, unsigned made)
{
	uint64_t automatic = UINT64_C(2) * HAZARD_SLOTS * made;

	if (configured != 0)
		return configured;
	if (automatic < AUTOMATIC_THRESHOLD)
		return AUTOMATIC_THRESHOLD;
	return automatic < UINT_MAX ? (unsigned)automatic : UINT_MAX;
}

static unsigned
threshold_now(const struct hazard_domain *d)
{
	/* relaxed: both are hints about when to scan; any value is correct. */
	return threshold_for(atomic_load_explicit(&d->limbo.threshold, memory_order_relaxed),
	    atomic_load_explicit(&d->limbo.made, memory_order_relaxed));
}

bool
hazard_reserve_slow(struct hazard_record *r, unsigned count)
{
	misuse_if(r->limbo.scanning, "hazard_reserve: must not be called from a destructor");
	misuse_if(!limbo_taken(&r->limbo), "hazard_reserve: the record has left the domain");
	return limbo_reserve_front(&r->limbo, count);
}

/* The scan. */

static unsigned
table_home(const struct table *t, const void *object)
{
	/* Fibonacci hashing: the upper bits of the product depend on all bits. */
	return (unsigned)(((uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - t->bits));
}

static void
table_add(struct table *t, const void *object)
{
	unsigned mask = (1u << t->bits) - 1, i = table_home(t, object);

	for (; t->entry[i] != NULL; i = (i + 1) & mask)
		if (t->entry[i] == object)
			return;
	t->entry[i] = object;
	t->count++;
}

static bool
table_has(const struct table *t, const void *object)
{
	unsigned mask = (1u << t->bits) - 1;

	if (t->count == 0)
		return false;
	for (unsigned i = table_home(t, object); t->entry[i] != NULL; i = (i + 1) & mask)
		if (t->entry[i] == object)
			return true;
	return false;
}

/* table_clear - empty, and as small as the slots of made records allow. */
static void
table_clear(struct table *t, unsigned made)
{
	t->count = 0;
	for (t->bits = 4; t->bits < TABLE_BITS_MAX && (1u << t->bits) / 2 / HAZARD_SLOTS < made;)
		t->bits++;
	memset(t->entry, 0, sizeof(t->entry[0]) << t->bits);
}

/*
 * collect - read the slots of the records from here on, as many as fit.
 * Returns   the record to go on with in the next pass; NULL: that was all.
 */
static struct limbo_record *
collect(struct table *t, struct limbo_record *from, bool asymmetric)
{
	for (; from != NULL; from = from->next) {
		if (t->count + HAZARD_SLOTS > (1u << t->bits) / 2)
			return from;
		for (unsigned i = 0; i < HAZARD_SLOTS - mutant(SCAN_SKIPS_SLOT); i++) {
			/* HP(4) seq_cst: pairs with the seq_cst store in
			 * hazard_publish(). Asymmetric: acquire, pairs with the release
			 * in hazard_publish() and hazard_clear(), so that what was read
			 * under the former announcement comes before we free; that
			 * none is missed is membarrier's doing. */
			const void *object = asymmetric ?
			    atomic_load_explicit(&record_of(from)->slot[i], memory_order_acquire) :
			    atomic_load_explicit(&record_of(from)->slot[i], memory_order_seq_cst);

			if (object != NULL)
				table_add(t, object);
		}
	}
	return NULL;
}

/* named - limbo_pinned_fn: does the table name it? */
static inline bool
named(const struct limbo_entry *e, const void *table)
{
	return table_has(table, e->object);
}

static uint64_t
scan(struct hazard_record *record)
{
	struct limbo_record *r = &record->limbo, *from;
	struct hazard_domain *d = domain_of(r);
	uint64_t examined, freed;
	struct table table;

	/* Before the barrier: the orphans' unlinks must precede it as well. */
	limbo_append(r, limbo_orphans(r));
	r->limit = threshold_now(d);
	if (r->length == 0)
		return 0;
	limbo_count(&r->scans, 1);
	reclaim_pass_begin(&r->probe);
	if (record->asymmetric && !mutant(SCAN_WITHOUT_BARRIER) && !hamt_heavy_barrier()) {
		limbo_count(&r->refused, 1);
		reclaim_pass_end(&r->probe, 0, 0, 0);
		return 0;
	}
	examined = r->length;
	limbo_count(&r->examined, examined);
	/* M(4) seq_cst: pairs with M(1); includes the acquire that makes the
	 * records' next pointers readable. In asymmetric mode the barrier above
	 * would do. */
	from = atomic_load_explicit(&d->limbo.records, memory_order_seq_cst);
	if (mutant(SCAN_SKIPS_RECORD))
		from = from->next;
	for (;;) {
		/* relaxed: only the table's size depends on it; what does not fit
		 * waits for the next pass. */
		table_clear(&table, atomic_load_explicit(&d->limbo.made, memory_order_relaxed));
		from = collect(&table, from, record->asymmetric);
		if (from == NULL)
			break;
		limbo_mark(r, named, &table);
	}
	freed = limbo_sweep(r, named, &table);
	reclaim_pass_end(&r->probe, examined, freed, r->length);
	return freed;
}

uint64_t
hazard_scan(struct hazard_record *r)
{
	misuse_if(r->limbo.scanning, "hazard_scan: must not be called from a destructor");
	misuse_if(!limbo_taken(&r->limbo), "hazard_scan: the record has left the domain");
	return scan(r);
}

void
hazard_retire(struct hazard_record *r, void *object, size_t bytes, hazard_destroy_fn *destroy, void *state)
{
	struct limbo_chunk *front = r->limbo.chunks;

	misuse_if(r->limbo.scanning, "hazard_retire: must not be called from a destructor");
	misuse_if(object == NULL, "hazard_retire: object must not be NULL");
	misuse_if(destroy == NULL, "hazard_retire: destroy must not be NULL");
	misuse_if(r->limbo.reserved == 0, "hazard_retire: room must be reserved first, by hazard_reserve");
	invariant(r->limbo.room >= r->limbo.reserved && r->limbo.room == front->capacity - front->count);
	limbo_add(&r->limbo, front, object, bytes, destroy, state, 0);
	if (r->limbo.length >= r->limbo.limit)
		scan(r);
}

/* Domains. */

enum hazard_status
hazard_domain_new(const struct hazard_config *config, struct hazard_domain **domain)
{
	static const struct hazard_config all_zero;
	struct limbo_domain *limbo;
	bool asymmetric = false;

	if (config == NULL)
		config = &all_zero;
	misuse_if(config->mode != HAZARD_AUTO && config->mode != HAZARD_FENCE &&
	        config->mode != HAZARD_ASYMMETRIC,
	    "hazard_domain_new: mode must be one of enum hazard_mode");
	if (config->mode != HAZARD_FENCE)
		asymmetric = hamt_heavy_barrier_probe();
	if (config->mode == HAZARD_ASYMMETRIC && !asymmetric)
		return HAZARD_UNAVAILABLE;
	limbo = limbo_domain_new(&config->allocator, &config->contention, config->threshold,
	    sizeof(struct hazard_domain), sizeof(struct hazard_record), offsetof(struct hazard_record, limbo));
	if (limbo == NULL)
		return HAZARD_NOMEM;
	*domain = (struct hazard_domain *)(void *)limbo;
	(*domain)->asymmetric = asymmetric;
	return HAZARD_OK;
}

struct hazard_domain *
hazard_domain_share(struct hazard_domain *d)
{
	limbo_domain_share(&d->limbo);
	return d;
}

void
hazard_domain_drop(struct hazard_domain *d)
{
	misuse_if(!limbo_domain_drop(&d->limbo),
	    "hazard_domain_drop: dropped more often than the domain has users");
}

const struct hamt_allocator *
hazard_domain_allocator(const struct hazard_domain *d)
{
	return &d->limbo.allocator;
}

void
hazard_domain_set_threshold(struct hazard_domain *d, unsigned threshold)
{
	/* relaxed: see threshold_now(). */
	atomic_store_explicit(&d->limbo.threshold, threshold, memory_order_relaxed);
}

void
hazard_domain_stats(const struct hazard_domain *d, struct hazard_stats *s)
{
	struct reclaim_totals l;
	uint64_t slots, held;

	limbo_stats_read(&d->limbo, &l);
	*s = (struct hazard_stats){ .retired = l.retired, .freed = l.freed,
		.retired_bytes = l.retired_bytes, .freed_bytes = l.freed_bytes,
		.pending = l.pending, .pending_bytes = l.pending_bytes, .peak = l.peak,
		.scans = l.scans, .examined = l.examined, .blocked = l.blocked, .refused = l.refused,
		.adopted = l.adopted, .records = l.records, .attached = l.attached,
		.threshold = threshold_for(l.threshold, l.records), .asymmetric = d->asymmetric };
	slots = (uint64_t)HAZARD_SLOTS * s->records;
	held = s->threshold > slots + 1 ? s->threshold : slots + 1;
	s->bound = s->records * held + s->records * slots;
}

void
hazard_domain_each_pending(struct hazard_domain *d,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg)
{
	limbo_each_pending(&d->limbo, visit, arg);
}

/* Membership. */

/* first_room - entries of a first chunk so large that normal operation needs no other. */
static unsigned
first_room(const struct hazard_domain *d)
{
	/* relaxed: only the size depends on it. The record in the making is
	 * counted in, in case it is new. */
	unsigned made = atomic_load_explicit(&d->limbo.made, memory_order_relaxed) + 1;
	unsigned capacity = threshold_for(atomic_load_explicit(&d->limbo.threshold, memory_order_relaxed), made);

	/* Beyond R, a list holds the H that a scan could not free and one more. */
	if (capacity < FIRST_CHUNK_MAX && capacity / HAZARD_SLOTS < made + 1)
		capacity = made < FIRST_CHUNK_MAX ? (made + 1) * HAZARD_SLOTS : FIRST_CHUNK_MAX;
	if (capacity > FIRST_CHUNK_MAX)
		capacity = FIRST_CHUNK_MAX;
	return capacity + RESERVE_USUAL;
}

enum hazard_status
hazard_attach(struct hazard_domain *d, const struct reclaim_probe *probe, struct hazard_record **record)
{
	struct limbo_record *r;

	r = limbo_attach(&d->limbo, probe, first_room(d));
	if (r == NULL)
		return HAZARD_NOMEM;
	r->limit = threshold_now(d); /* this record counts, too */
	record_of(r)->asymmetric = d->asymmetric;
	*record = record_of(r);
	return HAZARD_OK;
}

void
hazard_leave(struct hazard_record *r)
{
	misuse_if(!limbo_taken(&r->limbo), "hazard_leave: the record has already left the domain");
	misuse_if(r->limbo.scanning, "hazard_leave: must not be called from a destructor");
	misuse_if(r->pointers != 0, "hazard_leave: a hazard_pointer has not been dropped");
	for (unsigned i = 0; i < HAZARD_SLOTS; i++) {
#ifdef CHECKED
		/* relaxed: our own slot. */
		misuse_if(atomic_load_explicit(&r->slot[i], memory_order_relaxed) != NULL,
		    "hazard_leave: a slot still protects something");
#endif
		hazard_clear(r, i);
	}
	r->limbo.reserved = 0;
	/* More than once only if another record left since: it made progress. */
	for (scan(r); r->limbo.length > 0 && !limbo_hand_over(&r->limbo); scan(r))
		contention_failed(&r->limbo.contention);
	limbo_leave(&r->limbo);
}

/* Protected pointers. */

void
hazard_pointer_init(struct hazard_pointer *p, struct hazard_record *r, _Atomic(void *) *link)
{
	unsigned slot = HAZARD_SLOTS;

	misuse_if(r->pointers == (1u << HAZARD_SLOTS) - 1,
	    "hazard_pointer_init: a record has at most HAZARD_SLOTS pointers");
	do
		slot--;
	while (r->pointers & 1u << slot);
	r->pointers |= (uint8_t)(1u << slot);
	*p = (struct hazard_pointer){ .record = r, .link = link, .slot = slot };
}

void
hazard_pointer_drop(struct hazard_pointer *p)
{
	misuse_if(p->record == NULL, "hazard_pointer_drop: the pointer has already been dropped");
	if (p->loaded)
		hazard_pointer_unload(p);
	p->record->pointers &= (uint8_t)~(1u << p->slot);
	p->record = NULL;
}

void *
hazard_pointer_load(struct hazard_pointer *p)
{
	misuse_if(p->record == NULL, "hazard_pointer_load: the pointer has been dropped");
	p->seen = hazard_protect(p->record, p->slot, p->link);
	p->loaded = true;
	return p->seen;
}

void *
hazard_pointer_read(const struct hazard_pointer *p)
{
	misuse_if(!p->loaded, "hazard_pointer_read: the pointer must be loaded first");
	return p->seen;
}

void
hazard_pointer_unload(struct hazard_pointer *p)
{
	misuse_if(!p->loaded, "hazard_pointer_unload: the pointer must be loaded first");
	hazard_clear(p->record, p->slot);
	p->seen = NULL;
	p->loaded = false;
}

void
hazard_pointer_set(struct hazard_pointer *p, void *value)
{
	misuse_if(p->record == NULL, "hazard_pointer_set: the pointer has been dropped");
	/* seq_cst: publishes *value to HP(2), and may itself be the unlink HP(3). */
	atomic_store_explicit(p->link, value, memory_order_seq_cst);
}

void *
hazard_pointer_swap(struct hazard_pointer *p, void *value)
{
	misuse_if(p->record == NULL, "hazard_pointer_swap: the pointer has been dropped");
	/* seq_cst: the unlink HP(3), pairs with HP(2). */
	return atomic_exchange_explicit(p->link, value, memory_order_seq_cst);
}

bool
hazard_pointer_replace(struct hazard_pointer *p, void *value)
{
	void *expected;

	misuse_if(!p->loaded, "hazard_pointer_replace: the pointer must be loaded first");
	expected = p->seen;
	/* seq_cst: the unlink HP(3), pairs with HP(2). No ABA: what was loaded
	 * is protected, so its address cannot come back as another object.
	 * Failure relaxed: the value found is not followed. */
	return atomic_compare_exchange_strong_explicit(p->link, &expected, value, memory_order_seq_cst,
	    memory_order_relaxed);
}
