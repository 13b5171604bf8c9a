/*
 * hazard.c - hazard pointers: announcements that everybody reads, lists of
 * retired objects that nobody shares.
 *
 *	domain --> record --> record --> record    push-only; freed with the domain
 *	  |          |          |
 *	  |        chunks     chunks               each its owner's alone
 *	  +--> orphans: one chain of chunks        left behind by a record
 *
 * A scan reads the slots of all records into a small table and frees what the
 * table does not name. The table has a fixed size: with more announcements
 * than fit, the scan takes several passes over the retired objects and frees
 * what no pass has found. So a scan needs no memory, whatever the number of
 * threads; Michael's own (2004, fig. 5) sorts a list of private memory.
 *
 * What other threads see of a record: its slots, its counters, whether it is
 * taken. The numbered tables below say why each of these may be read.
 *
 * Handshake HP is in hazard.h; its steps (3) unlink and (4) read the slots.
 *
 * Membership M: a scan must not miss the slots of a record that is new.
 *   reader   (1) push the record   (2) protect an object    attach(), hazard_protect()
 *   remover  (3) unlink it         (4) load the list head   the caller's CAS, scan()
 * (1) and (4) are seq_cst, as (2) and (3) are by handshake HP: if (2) still
 *   found the object, (1) < (2) < (3) < (4) in their single order, so (4)
 *   finds the record. A record is never unlinked, so one that is taken again
 *   needs no such order: scans read the slots of all, taken or not.
 *
 * Ownership O: a record's next owner continues where the last one ended.
 *   leaver   (1) last plain write   (2) taken = false, release     hazard_leave()
 *   next     (3) taken: false -> true, acquire   (4) plain reads   take_idle()
 *
 * Orphans P: an adopter sees what the leaver wrote, the unlinks included.
 *   leaver   (1) fill chunks        (2) orphans: NULL -> chain, release   hand_over()
 *   adopter  (3) exchange with NULL, acquire     (4) read chunks          adopt()
 * The chain is pushed only onto an empty list and always taken whole: no ABA,
 *   and at most one chain, of at most H objects, waits at a time.
 *
 * Statistics S: the sum of freed never exceeds the sum of retired.
 *   retirer  (1) retired + 1, relaxed   [orphans P (2)]              hazard_retire()
 *   freer    [orphans P (3)]   (2) freed + n, release                sweep()
 *   anybody  (3) load all freed, acquire   (4) load all retired      hazard_domain_stats()
 * If (3) counts an object, (1) happens before (4): in the same thread, or over
 *   orphans P, then over (2) and (3). So does the push of the retirer's
 *   record, hence (4) begins with a new look at the list head. The counters
 *   only grow, so what holds for one object holds for the sums.
 *
 * Users U: the last of all users frees, after everybody's last access.
 *   each     (1) last access   (2) users - 1, acq_rel                release_user()
 *   last     (3) users - 1 gives 0, acq_rel   (4) free
 */
#include <limits.h>
#include <string.h>

#include "core/hazard.h"

/* R, if the domain leaves it to us. */
#define AUTOMATIC_THRESHOLD 1024

/* A first chunk has room for R objects, unless R is very large, and for one
 * operation's reserve on top. */
#define FIRST_CHUNK_MAX 4096
#define RESERVE_USUAL 64

/* The scan's table: at most half full, so probing stays short. */
#define TABLE_BITS_MAX 10

/* Both counts of users in one word, so that there is one last user. */
#define USER_OWNER UINT64_C(1)
#define USER_RECORD (UINT64_C(1) << 32)

struct retired {
	void *object;
	hazard_destroy_fn *destroy;
	void *state;
	size_t bytes;
	uint64_t stamp_ns; /* 0 = not sampled */
	bool blocked;      /* an earlier pass of this scan found a slot naming it */
};

/* capacity == 0 never; entries [0, count) are in use. */
struct hazard_chunk {
	struct hazard_chunk *next;
	unsigned capacity, count;
	struct retired entry[];
};

struct hazard_domain {
	struct allocator allocator;
	struct contention_config contention;
	bool asymmetric;
	_Atomic(unsigned) threshold; /* as configured: 0 = automatic */
	_Atomic(unsigned) made;      /* records; counted before they are reachable */
	_Atomic(uint64_t) users;     /* USER_OWNER * owners + USER_RECORD * records */
	_Atomic(struct hazard_record *) records;
	_Atomic(struct hazard_chunk *) orphans;
};

/* The announcements of one pass: open addressing, NULL = free. */
struct table {
	unsigned bits, count;
	const void *entry[1u << TABLE_BITS_MAX];
};

/* Counters: one writer each. */

static uint64_t
counter_read(const _Atomic(uint64_t) *counter)
{
	/* relaxed: a figure on its own; where order counts, see table S. */
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
counter_add(_Atomic(uint64_t) *counter, uint64_t n)
{
	/* relaxed: we are the only writer, so load and store cannot be torn
	 * apart; readers want no order from it. */
	atomic_store_explicit(counter, counter_read(counter) + n, memory_order_relaxed);
}

static void
note_peak(struct hazard_record *r)
{
	/* What we handed over may still wait, unadopted, beside what we hold. */
	uint64_t held = (uint64_t)r->length + r->handed_over;

	if (held > counter_read(&r->peak))
		/* relaxed: a figure on its own, one writer. */
		atomic_store_explicit(&r->peak, held, memory_order_relaxed);
}

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
	return threshold_for(atomic_load_explicit(&d->threshold, memory_order_relaxed),
	    atomic_load_explicit(&d->made, memory_order_relaxed));
}

/* Chunks. */

static size_t
chunk_bytes(unsigned capacity)
{
	return sizeof(struct hazard_chunk) + (size_t)capacity * sizeof(struct retired);
}

/* chunk_new - an empty chunk, or NULL. */
static struct hazard_chunk *
chunk_new(const struct allocator *a, unsigned capacity)
{
	struct hazard_chunk *chunk;
	size_t entries = capacity;

	/* Only a 32-bit size_t can be too small. */
	if (entries > (SIZE_MAX - sizeof(*chunk)) / sizeof(struct retired))
		return NULL;
	chunk = allocator_alloc(a, chunk_bytes(capacity));
	if (chunk != NULL) {
		chunk->next = NULL;
		chunk->capacity = capacity;
		chunk->count = 0;
	}
	return chunk;
}

static void
chunk_free(const struct allocator *a, struct hazard_chunk *chunk)
{
	allocator_free(a, chunk, chunk_bytes(chunk->capacity));
}

bool
hazard_reserve_slow(struct hazard_record *r, unsigned count)
{
	struct hazard_chunk *front = r->chunks, *chunk;
	unsigned capacity;

	misuse_if(r->scanning, "hazard_reserve: must not be called from a destructor");
	/* relaxed: our own membership, which only we can end. */
	misuse_if(!atomic_load_explicit(&r->taken, memory_order_relaxed),
	    "hazard_reserve: the record has left the domain");
	/* Doubling: what all chunks together cost stays in proportion to the
	 * objects held. The limits keep capacity and length from wrapping. */
	if (count > UINT_MAX / 4 || r->length > UINT_MAX / 4)
		return false;
	capacity = front->capacity < UINT_MAX / 4 ? 2 * front->capacity : UINT_MAX / 2;
	if (capacity < count)
		capacity = count;
	chunk = chunk_new(&r->domain->allocator, capacity);
	if (chunk == NULL)
		return false;
	if (front->count == 0) {
		chunk->next = front->next;
		chunk_free(&r->domain->allocator, front);
	} else {
		chunk->next = front;
	}
	r->chunks = chunk;
	r->room = capacity;
	return true;
}

/* Orphans: table P. */

/* adopt - take over what a record that left could not free. */
static void
adopt(struct hazard_record *r)
{
	struct hazard_domain *d = r->domain;
	struct hazard_chunk *orphans, **tail = &r->chunks;
	unsigned count = 0;

	/* relaxed: only a peek, to leave the line alone when there is nothing.
	 * It cannot overlook a chain that this record itself handed over: our
	 * own push comes before it, and only an adopter writes NULL. */
	orphans = atomic_load_explicit(&d->orphans, memory_order_relaxed);
	if (orphans != NULL)
		/* P(3) acquire: pairs with P(2). Not release: the NULL that we
		 * leave tells the next leaver nothing about us. */
		orphans = atomic_exchange_explicit(&d->orphans, NULL, memory_order_acquire);
	/* Whoever has it now counts it. */
	r->handed_over = 0;
	if (orphans == NULL)
		return;
	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = orphans;
	for (; orphans != NULL; orphans = orphans->next)
		count += orphans->count;
	r->length += count;
	counter_add(&r->adopted, count);
	note_peak(r);
}

/*
 * hand_over - leave all that we hold to the domain. False: somebody else's
 * chain is still there. One chain at a time is what keeps the bound: a leaver
 * that finds one takes it along and scans again.
 */
static bool
hand_over(struct hazard_record *r)
{
	struct hazard_chunk *none = NULL;

	/* P(2) release: pairs with P(3). Failure relaxed: nothing is read. */
	if (!atomic_compare_exchange_strong_explicit(&r->domain->orphans, &none, r->chunks,
	        memory_order_release, memory_order_relaxed))
		return false;
	r->handed_over = r->length;
	r->chunks = NULL;
	r->length = 0;
	return true;
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
static struct hazard_record *
collect(struct table *t, struct hazard_record *from, bool asymmetric)
{
	for (; from != NULL; from = from->next) {
		if (t->count + HAZARD_SLOTS > (1u << t->bits) / 2)
			return from;
		for (unsigned i = 0; i < HAZARD_SLOTS; i++) {
			/* HP(4). Asymmetric: acquire, pairs with the release in
			 * hazard_publish() and hazard_clear(), so that what was read
			 * under the former announcement comes before we free; that
			 * none is missed is membarrier's doing. Fence: seq_cst, pairs
			 * with the seq_cst store in hazard_publish(). */
			const void *object = asymmetric ?
			    atomic_load_explicit(&from->slot[i], memory_order_acquire) :
			    atomic_load_explicit(&from->slot[i], memory_order_seq_cst);

			if (object != NULL)
				table_add(t, object);
		}
	}
	return NULL;
}

/* mark - a pass that is not the last: remember what the table names. */
static void
mark(struct hazard_record *r, const struct table *t)
{
	for (struct hazard_chunk *chunk = r->chunks; chunk != NULL; chunk = chunk->next)
		for (unsigned i = 0; i < chunk->count; i++)
			if (table_has(t, chunk->entry[i].object))
				chunk->entry[i].blocked = true;
}

/* dispose - give one object back. */
static void
dispose(struct hazard_record *r, const struct retired *e)
{
	const struct reclaim_probe *probe = &r->probe;

	e->destroy(e->object, e->bytes, e->state);
	if (e->stamp_ns != 0 && probe->freed != NULL) {
		uint64_t now_ns = probe->now_ns(probe->state);

		/* Another processor's clock may have stamped it, slightly ahead. */
		probe->freed(probe->state, now_ns > e->stamp_ns ? now_ns - e->stamp_ns : 0);
	}
}

/*
 * sweep - the last pass: free what no pass has found. Survivors move to the
 * front of the chain; chunks that became empty are freed, but the first stays.
 * The first chunk is filled only so far that the retires still reserved fit.
 * The place written never overtakes the place read: the first chunk had that
 * room before, and the others are filled whole.
 */
static uint64_t
sweep(struct hazard_record *r, const struct table *t)
{
	const struct allocator *a = &r->domain->allocator;
	struct hazard_chunk *front = r->chunks, *to = front, *from, *next;
	unsigned at = 0, space = front->capacity - r->reserved, kept = 0;
	uint64_t freed = 0, freed_bytes = 0;

	/* No room: a destructor that reserves is sent to the slow path, which
	 * says that it must not. */
	r->scanning = true;
	r->room = 0;
	for (from = front; from != NULL; from = from->next) {
		unsigned count = from->count;

		for (unsigned i = 0; i < count; i++) {
			struct retired *e = &from->entry[i];

			if (!e->blocked && !table_has(t, e->object)) {
				freed++;
				freed_bytes += e->bytes;
				dispose(r, e);
				continue;
			}
			if (at == space) {
				to->count = at;
				to = to->next;
				at = 0;
				space = to->capacity;
			}
			e->blocked = false;
			if (&to->entry[at] != e)
				to->entry[at] = *e;
			at++;
			kept++;
		}
	}
	to->count = at;
	for (from = to->next; from != NULL; from = next) {
		next = from->next;
		chunk_free(a, from);
	}
	to->next = NULL;
	invariant(freed + kept == r->length);
	r->scanning = false;
	r->room = front->capacity - front->count;
	r->length = kept;
	counter_add(&r->blocked, kept);
	/* S(2) release: pairs with S(3). One writer, so load and store do. */
	atomic_store_explicit(&r->freed_bytes, counter_read(&r->freed_bytes) + freed_bytes, memory_order_release);
	atomic_store_explicit(&r->freed, counter_read(&r->freed) + freed, memory_order_release);
	return freed;
}

static uint64_t
scan(struct hazard_record *r)
{
	struct hazard_domain *d = r->domain;
	struct hazard_record *from;
	struct table table;

	/* Before the barrier: the orphans' unlinks must precede it as well. */
	adopt(r);
	r->limit = threshold_now(d);
	if (r->length == 0)
		return 0;
	counter_add(&r->scans, 1);
	if (r->asymmetric && !heavy_barrier()) {
		counter_add(&r->refused, 1);
		return 0;
	}
	counter_add(&r->examined, r->length);
	/* M(4) seq_cst: pairs with M(1); includes the acquire that makes the
	 * records' next pointers readable. In asymmetric mode the barrier above
	 * would do. */
	from = atomic_load_explicit(&d->records, memory_order_seq_cst);
	for (;;) {
		/* relaxed: only the table's size depends on it; what does not fit
		 * waits for the next pass. */
		table_clear(&table, atomic_load_explicit(&d->made, memory_order_relaxed));
		from = collect(&table, from, r->asymmetric);
		if (from == NULL)
			return sweep(r, &table);
		mark(r, &table);
	}
}

uint64_t
hazard_scan(struct hazard_record *r)
{
	misuse_if(r->scanning, "hazard_scan: must not be called from a destructor");
	/* relaxed: our own membership, which only we can end. */
	misuse_if(!atomic_load_explicit(&r->taken, memory_order_relaxed),
	    "hazard_scan: the record has left the domain");
	return scan(r);
}

void
hazard_retire(struct hazard_record *r, void *object, size_t bytes, hazard_destroy_fn *destroy, void *state)
{
	struct hazard_chunk *front = r->chunks;
	struct retired *e;

	misuse_if(r->scanning, "hazard_retire: must not be called from a destructor");
	misuse_if(object == NULL, "hazard_retire: object must not be NULL");
	misuse_if(destroy == NULL, "hazard_retire: destroy must not be NULL");
	misuse_if(r->reserved == 0, "hazard_retire: room must be reserved first, by hazard_reserve");
	invariant(r->room >= r->reserved && r->room == front->capacity - front->count);
	e = &front->entry[front->count++];
	*e = (struct retired){ .object = object, .destroy = destroy, .state = state, .bytes = bytes };
	if (r->probe.now_ns != NULL && r->until_stamp-- == 0) {
		e->stamp_ns = r->probe.now_ns(r->probe.state);
		misuse_if(e->stamp_ns == 0, "hazard_retire: the probe's now_ns must not return 0");
		r->until_stamp = (UINT64_C(1) << r->probe.sample_shift) - 1;
	}
	r->reserved--;
	r->room--;
	r->length++;
	/* S(1): before anybody can count it as freed. */
	counter_add(&r->retired, 1);
	counter_add(&r->retired_bytes, bytes);
	note_peak(r);
	if (r->length >= r->limit)
		scan(r);
}

/* Domains. */

enum hazard_status
hazard_domain_new(const struct hazard_config *config, struct hazard_domain **domain)
{
	static const struct hazard_config all_zero;
	struct contention checked;
	struct hazard_domain *d;
	bool asymmetric = false;

	if (config == NULL)
		config = &all_zero;
	misuse_if(config->mode != HAZARD_AUTO && config->mode != HAZARD_FENCE &&
	        config->mode != HAZARD_ASYMMETRIC,
	    "hazard_domain_new: mode must be one of enum hazard_mode");
	/* Bad parameters are found here, not at the first CAS that fails. */
	contention_init(&checked, &config->contention);
	if (config->mode != HAZARD_FENCE)
		asymmetric = heavy_barrier_probe();
	if (config->mode == HAZARD_ASYMMETRIC && !asymmetric)
		return HAZARD_UNAVAILABLE;
	d = allocator_alloc(&config->allocator, sizeof(*d));
	if (d == NULL)
		return HAZARD_NOMEM;
	d->allocator = config->allocator;
	d->contention = config->contention;
	d->asymmetric = asymmetric;
	atomic_init(&d->threshold, config->threshold);
	atomic_init(&d->made, 0);
	atomic_init(&d->users, USER_OWNER);
	atomic_init(&d->records, NULL);
	atomic_init(&d->orphans, NULL);
	*domain = d;
	return HAZARD_OK;
}

/* domain_free - nobody is left: no slot protects anything. */
static void
domain_free(struct hazard_domain *d)
{
	struct allocator a = d->allocator;
	/* relaxed: U(4), everybody's accesses come before. */
	struct hazard_chunk *chunk = atomic_load_explicit(&d->orphans, memory_order_relaxed), *next_chunk;
	struct hazard_record *r = atomic_load_explicit(&d->records, memory_order_relaxed), *next;

	for (; chunk != NULL; chunk = next_chunk) {
		next_chunk = chunk->next;
		for (unsigned i = 0; i < chunk->count; i++) {
			const struct retired *e = &chunk->entry[i];

			e->destroy(e->object, e->bytes, e->state);
		}
		chunk_free(&a, chunk);
	}
	for (; r != NULL; r = next) {
		next = r->next;
		/* A record that left with nothing keeps its chunk for the next. */
		if (r->chunks != NULL)
			chunk_free(&a, r->chunks);
		allocator_free(&a, r->block, sizeof(*r) + CACHE_LINE_BYTES - 1);
	}
	allocator_free(&a, d, sizeof(*d));
}

/* release_user - one user less: USER_OWNER or USER_RECORD. The last one frees. */
static void
release_user(struct hazard_domain *d, uint64_t user)
{
	/* U(2) and U(3) acq_rel: pairs with the same in every other user. */
	uint64_t before = atomic_fetch_sub_explicit(&d->users, user, memory_order_acq_rel);

	/* That a record leaves only once is hazard_leave()'s check. */
	misuse_if(user == USER_OWNER && before % USER_RECORD == 0,
	    "hazard_domain_drop: dropped more often than the domain has users");
	if (before == user)
		domain_free(d);
}

struct hazard_domain *
hazard_domain_share(struct hazard_domain *d)
{
	/* relaxed: the caller is a user already, or knows one that stays, so
	 * the count cannot reach 0 meanwhile. */
	atomic_fetch_add_explicit(&d->users, USER_OWNER, memory_order_relaxed);
	return d;
}

void
hazard_domain_drop(struct hazard_domain *d)
{
	release_user(d, USER_OWNER);
}

const struct allocator *
hazard_domain_allocator(const struct hazard_domain *d)
{
	return &d->allocator;
}

void
hazard_domain_set_threshold(struct hazard_domain *d, unsigned threshold)
{
	/* relaxed: see threshold_now(). */
	atomic_store_explicit(&d->threshold, threshold, memory_order_relaxed);
}

void
hazard_domain_stats(const struct hazard_domain *d, struct hazard_stats *s)
{
	const struct hazard_record *r;
	uint64_t slots, held;

	*s = (struct hazard_stats){ .asymmetric = d->asymmetric };
	/* acquire: pairs with M(1), makes the records readable. */
	for (r = atomic_load_explicit(&d->records, memory_order_acquire); r != NULL; r = r->next) {
		/* S(3) acquire: pairs with S(2). */
		s->freed += atomic_load_explicit(&r->freed, memory_order_acquire);
		s->freed_bytes += atomic_load_explicit(&r->freed_bytes, memory_order_acquire);
	}
	/* acquire: as above, and again, because S(4) needs what came since. */
	for (r = atomic_load_explicit(&d->records, memory_order_acquire); r != NULL; r = r->next) {
		/* S(4) */
		s->retired += counter_read(&r->retired);
		s->retired_bytes += counter_read(&r->retired_bytes);
		s->peak += counter_read(&r->peak);
		s->scans += counter_read(&r->scans);
		s->examined += counter_read(&r->examined);
		s->blocked += counter_read(&r->blocked);
		s->refused += counter_read(&r->refused);
		s->adopted += counter_read(&r->adopted);
		/* relaxed: a figure on its own. */
		s->attached += atomic_load_explicit(&r->taken, memory_order_relaxed);
	}
	s->pending = s->retired - s->freed;
	s->pending_bytes = s->retired_bytes - s->freed_bytes;
	/* relaxed: a record is counted before it is reachable (M(1)), so this
	 * is at least the number of records summed above. */
	s->records = atomic_load_explicit(&d->made, memory_order_relaxed);
	s->threshold = threshold_for(atomic_load_explicit(&d->threshold, memory_order_relaxed), s->records);
	slots = (uint64_t)HAZARD_SLOTS * s->records;
	held = s->threshold > slots + 1 ? s->threshold : slots + 1;
	s->bound = s->records * held + s->records * slots;
}

static void
each_stamped(const struct hazard_chunk *chunk, void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes),
    void *arg)
{
	for (; chunk != NULL; chunk = chunk->next)
		for (unsigned i = 0; i < chunk->count; i++)
			if (chunk->entry[i].stamp_ns != 0)
				visit(arg, chunk->entry[i].stamp_ns, chunk->entry[i].bytes);
}

void
hazard_domain_each_pending(struct hazard_domain *d,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg)
{
	/* relaxed: nobody else uses the domain meanwhile, says the contract. */
	each_stamped(atomic_load_explicit(&d->orphans, memory_order_relaxed), visit, arg);
	for (const struct hazard_record *r = atomic_load_explicit(&d->records, memory_order_relaxed); r != NULL;
	     r = r->next)
		each_stamped(r->chunks, visit, arg);
}

/* Membership. */

/* first_chunk - a chunk so large that normal operation needs no other. */
static struct hazard_chunk *
first_chunk(const struct hazard_domain *d)
{
	/* relaxed: only the size depends on it. The record in the making is
	 * counted in, in case it is new. */
	unsigned made = atomic_load_explicit(&d->made, memory_order_relaxed) + 1;
	unsigned capacity = threshold_for(atomic_load_explicit(&d->threshold, memory_order_relaxed), made);

	/* Beyond R, a list holds the H that a scan could not free and one more. */
	if (capacity < FIRST_CHUNK_MAX && capacity / HAZARD_SLOTS < made + 1)
		capacity = made < FIRST_CHUNK_MAX ? (made + 1) * HAZARD_SLOTS : FIRST_CHUNK_MAX;
	if (capacity > FIRST_CHUNK_MAX)
		capacity = FIRST_CHUNK_MAX;
	return chunk_new(&d->allocator, capacity + RESERVE_USUAL);
}

/* take_idle - the record of a thread that left, now ours, or NULL. */
static struct hazard_record *
take_idle(struct hazard_domain *d)
{
	/* acquire: pairs with M(1), makes the records readable. */
	struct hazard_record *r = atomic_load_explicit(&d->records, memory_order_acquire);

	for (; r != NULL; r = r->next) {
		bool taken = atomic_load_explicit(&r->taken, memory_order_relaxed); /* a guess */

		/* O(3) acquire: pairs with O(2). Failure relaxed: on to the next. */
		if (!taken && atomic_compare_exchange_strong_explicit(&r->taken, &taken, true,
		                  memory_order_acquire, memory_order_relaxed))
			return r;
	}
	return NULL;
}

/* record_new - a record that is ours already, not yet in the domain; or NULL. */
static struct hazard_record *
record_new(struct hazard_domain *d)
{
	void *block = allocator_alloc(&d->allocator, sizeof(struct hazard_record) + CACHE_LINE_BYTES - 1);
	struct hazard_record *r;

	if (block == NULL)
		return NULL;
	/* The allocator knows no alignment as large as a pair of lines. */
	r = (struct hazard_record *)(((uintptr_t)block + CACHE_LINE_BYTES - 1) &
	    ~(uintptr_t)(CACHE_LINE_BYTES - 1));
	/* Not reachable yet, so plain zeroes initialise its atomics too. */
	memset(r, 0, sizeof(*r));
	r->block = block;
	r->domain = d;
	r->asymmetric = d->asymmetric;
	atomic_init(&r->taken, true);
	return r;
}

static void
record_push(struct hazard_domain *d, struct hazard_record *r)
{
	struct contention cm;

	/* relaxed: M(1) carries it to whoever finds the record. */
	atomic_fetch_add_explicit(&d->made, 1, memory_order_relaxed);
	contention_init(&cm, &d->contention);
	/* relaxed: a guess, confirmed by the CAS. */
	r->next = atomic_load_explicit(&d->records, memory_order_relaxed);
	/* M(1) seq_cst: pairs with M(4); its release pairs with every acquire of
	 * the head. Failure relaxed: the pushed records are not looked at. */
	while (!atomic_compare_exchange_weak_explicit(&d->records, &r->next, r, memory_order_seq_cst,
	    memory_order_relaxed))
		contention_failed(&cm);
}

enum hazard_status
hazard_attach(struct hazard_domain *d, const struct reclaim_probe *probe, struct hazard_record **record)
{
	struct hazard_record *r;
	bool is_new = false;

	misuse_if(probe != NULL && (probe->now_ns == NULL || probe->freed == NULL),
	    "hazard_attach: a probe needs both functions");
	misuse_if(probe != NULL && probe->sample_shift > 63, "hazard_attach: sample_shift must be at most 63");
	r = take_idle(d);
	if (r == NULL) {
		r = record_new(d);
		if (r == NULL)
			return HAZARD_NOMEM;
		is_new = true;
	}
	if (r->chunks == NULL && (r->chunks = first_chunk(d)) == NULL) {
		if (is_new)
			allocator_free(&d->allocator, r->block, sizeof(*r) + CACHE_LINE_BYTES - 1);
		else
			/* O(2) release: pairs with O(3); idle as it was. */
			atomic_store_explicit(&r->taken, false, memory_order_release);
		return HAZARD_NOMEM;
	}
	invariant(r->length == 0 && r->chunks->count == 0 && r->chunks->next == NULL);
	r->room = r->chunks->capacity;
	r->until_stamp = 0;
	r->probe = (struct reclaim_probe){ .state = NULL };
	if (probe != NULL)
		r->probe = *probe;
	/* relaxed: the caller is a user, so the count cannot reach 0 meanwhile. */
	atomic_fetch_add_explicit(&d->users, USER_RECORD, memory_order_relaxed);
	if (is_new)
		record_push(d, r);
	r->limit = threshold_now(d); /* this record counts, too */
	*record = r;
	return HAZARD_OK;
}

void
hazard_leave(struct hazard_record *r)
{
	struct hazard_domain *d = r->domain;
	struct contention cm;

	/* relaxed: our own membership, which only we can end. */
	misuse_if(!atomic_load_explicit(&r->taken, memory_order_relaxed),
	    "hazard_leave: the record has already left the domain");
	misuse_if(r->scanning, "hazard_leave: must not be called from a destructor");
	misuse_if(r->pointers != 0, "hazard_leave: a hazard_pointer has not been dropped");
	for (unsigned i = 0; i < HAZARD_SLOTS; i++) {
#ifdef CHECKED
		/* relaxed: our own slot. */
		misuse_if(atomic_load_explicit(&r->slot[i], memory_order_relaxed) != NULL,
		    "hazard_leave: a slot still protects something");
#endif
		hazard_clear(r, i);
	}
	r->reserved = 0;
	contention_init(&cm, &d->contention);
	/* More than once only if another record left since: it made progress. */
	for (scan(r); r->length > 0 && !hand_over(r); scan(r))
		contention_failed(&cm);
	r->room = 0;
	/* O(2) release: pairs with O(3). */
	atomic_store_explicit(&r->taken, false, memory_order_release);
	release_user(d, USER_RECORD);
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
