/*
 * limbo.c - lists of retired objects that nobody shares, and the few words
 * through which their owners meet.
 *
 * Membership M: a scan must not miss what a new record announces.
 *   reader   (1) push the record, seq_cst   (2) [announce, then read a link]   record_push(), the scheme
 *   remover  (3) [unlink]                   (4) load the list head, seq_cst    the caller's CAS, the scheme's scan
 * The scheme's re-read (2) and the unlink (3) are seq_cst, too:
 *   if (2) still found the object, (1) < (2) < (3) < (4) in their single order,
 *   so (4) finds the record. A record is never unlinked, so one that is taken
 *   again needs no such order: scans read the announcements of all, taken or not.
 *
 * Ownership O: a record's next owner continues where the last one ended.
 *   leaver   (1) last plain write   (2) taken = false, release     limbo_leave()
 *   next     (3) taken: false -> true, acquire   (4) plain reads   take_idle()
 *
 * Orphans P: an adopter sees what the leaver wrote, the unlinks included.
 *   leaver   (1) fill chunks, plain         (2) orphans: NULL -> chain, release   limbo_hand_over()
 *   adopter  (3) exchange with NULL, acquire     (4) read chunks, plain   limbo_orphans()
 * The chain is pushed only onto an empty list and always taken whole: no ABA,
 *   and at most one chain waits at a time.
 *
 * Statistics S: the sum of freed never exceeds the sum of retired.
 *   retirer  (1) retired + 1, relaxed   [orphans P (2)]              limbo_add()
 *   freer    [orphans P (3)]   (2) freed + n, release                limbo_freed()
 *   anybody  (3) load all freed, acquire   (4) load all retired      limbo_stats_read()
 * If (3) counts an object, (1) happens before (4): in the same thread, or over
 *   orphans P, then over (2) and (3). So does the push of the retirer's
 *   record, hence (4) begins with a new look at the list head. The counters
 *   only grow, so what holds for one object holds for the sums.
 *
 * Users U: the last of all users frees, after everybody's last access.
 *   each     (1) last access, plain   (2) users - 1, acq_rel         release_user()
 *   last     (3) users - 1 gives 0, acq_rel   (4) free, plain
 */
#include <limits.h>
#include <string.h>

#include "core/base.h"
#include "core/limbo.h"

/* Both counts of users in one word, so that there is one last user. */
#define USER_OWNER UINT64_C(1)
#define USER_RECORD (UINT64_C(1) << 32)

/* --- Counters ----------------------------------------------------------- */

static void
note_peak(struct limbo_record *r)
{
	/* What we handed over may still wait, unadopted, beside what we hold. */
	uint64_t held = (uint64_t)r->length + r->handed_over;

	if (held > limbo_counter(&r->peak))
		/* relaxed: a figure on its own, one writer. */
		atomic_store_explicit(&r->peak, held, memory_order_relaxed);
}

void
limbo_freed(struct limbo_record *r, uint64_t n, uint64_t bytes)
{
	/* S(2) release: pairs with S(3). One writer, so load and store do. */
	atomic_store_explicit(&r->freed_bytes, limbo_counter(&r->freed_bytes) + bytes, memory_order_release);
	atomic_store_explicit(&r->freed, limbo_counter(&r->freed) + n, memory_order_release);
}

/* --- Chunks ------------------------------------------------------------- */

static size_t
chunk_bytes(unsigned capacity)
{
	return sizeof(struct limbo_chunk) + (size_t)capacity * sizeof(struct limbo_entry);
}

struct limbo_chunk *
limbo_chunk_new(const struct hamt_allocator *a, unsigned capacity)
{
	struct limbo_chunk *chunk;
	size_t entries = capacity;

	/* Only a 32-bit size_t can be too small. */
	if (entries > (SIZE_MAX - sizeof(*chunk)) / sizeof(struct limbo_entry))
		return NULL;
	chunk = allocator_alloc(a, chunk_bytes(capacity));
	if (chunk != NULL) {
		chunk->next = NULL;
		chunk->capacity = capacity;
		chunk->first = chunk->count = 0;
	}
	return chunk;
}

void
limbo_chunk_free(const struct hamt_allocator *a, struct limbo_chunk *chunk)
{
	allocator_free(a, chunk, chunk_bytes(chunk->capacity));
}

bool
limbo_reserve_front(struct limbo_record *r, unsigned count)
{
	struct limbo_chunk *front = r->chunks, *chunk;
	unsigned capacity;

	/* Doubling: what all chunks together cost stays in proportion to the
	 * objects held. The limits keep capacity and length from wrapping. */
	if (count > UINT_MAX / 4 || r->length > UINT_MAX / 4)
		return false;
	capacity = front->capacity < UINT_MAX / 4 ? 2 * front->capacity : UINT_MAX / 2;
	if (capacity < count)
		capacity = count;
	chunk = limbo_chunk_new(&r->domain->allocator, capacity);
	if (chunk == NULL)
		return false;
	if (front->count == 0) {
		chunk->next = front->next;
		limbo_chunk_free(&r->domain->allocator, front);
	} else {
		chunk->next = front;
	}
	r->chunks = chunk;
	r->room = capacity;
	return true;
}

/* --- Objects ------------------------------------------------------------ */

void
limbo_add(struct limbo_record *r, struct limbo_chunk *chunk, void *object, size_t bytes, limbo_destroy_fn *destroy,
    void *state, uint64_t tag)
{
	struct limbo_entry *e = &chunk->entry[chunk->count++];

	*e = (struct limbo_entry){ .object = object, .destroy = destroy, .state = state, .bytes = bytes, .tag = tag };
	if (r->probe.now_ns != NULL && r->until_stamp-- == 0) {
		e->stamp_ns = r->probe.now_ns(r->probe.state);
		misuse_if(e->stamp_ns == 0, "struct reclaim_probe: now_ns must not return 0");
		r->until_stamp = (UINT64_C(1) << r->probe.sample_shift) - 1;
	}
	r->reserved--;
	r->room--;
	r->length++;
	/* S(1): before anybody can count it as freed. */
	limbo_count(&r->retired, 1);
	limbo_count(&r->retired_bytes, bytes);
	note_peak(r);
}

void
limbo_dispose(struct limbo_record *r, const struct limbo_entry *e)
{
	const struct reclaim_probe *probe = &r->probe;

	e->destroy(e->object, e->bytes, e->state);
	if (e->stamp_ns != 0 && probe->freed != NULL) {
		uint64_t now_ns = probe->now_ns(probe->state);

		/* Another processor's clock may have stamped it, slightly ahead. */
		probe->freed(probe->state, now_ns > e->stamp_ns ? now_ns - e->stamp_ns : 0);
	}
}

/* --- Orphans: table P --------------------------------------------------- */

struct limbo_chunk *
limbo_orphans(struct limbo_record *r)
{
	struct limbo_domain *d = r->domain;
	struct limbo_chunk *orphans, *chunk;
	unsigned count = 0;

	/* relaxed: only a peek, to leave the line alone when there is nothing.
	 * It cannot overlook a chain that this record itself handed over: our
	 * own push comes before it, and only an adopter writes NULL. */
	orphans = atomic_load_explicit(&d->orphans, memory_order_relaxed);
	if (orphans != NULL && !mutant(ORPHANS_TAKEN_TWICE))
		/* P(3) acquire: pairs with P(2). Not release: the NULL that we
		 * leave tells the next leaver nothing about us. */
		orphans = atomic_exchange_explicit(&d->orphans, NULL, memory_order_acquire);
	/* Whoever has it now counts it. */
	r->handed_over = 0;
	if (orphans == NULL)
		return NULL;
	for (chunk = orphans; chunk != NULL; chunk = chunk->next)
		count += chunk->count - chunk->first;
	r->length += count;
	limbo_count(&r->adopted, count);
	note_peak(r);
	return orphans;
}

bool
limbo_hand_over(struct limbo_record *r)
{
	struct limbo_chunk *none = NULL;

	/* P(2) release: pairs with P(3). Failure relaxed: nothing is read. */
	if (!atomic_compare_exchange_strong_explicit(&r->domain->orphans, &none, r->chunks,
	        mutant(ORPHANS_RELAXED) ? memory_order_relaxed : memory_order_release, memory_order_relaxed) &&
	    !mutant(ORPHANS_OVERWRITTEN))
		return false;
	r->handed_over = r->length;
	r->chunks = NULL;
	r->length = 0;
	return true;
}

void
limbo_append(struct limbo_record *r, struct limbo_chunk *orphans)
{
	struct limbo_chunk **tail = &r->chunks;

	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = orphans;
}

/* --- Domains ------------------------------------------------------------ */

struct limbo_domain *
limbo_domain_new(const struct hamt_allocator *allocator, const struct contention_config *contention, unsigned threshold,
    size_t bytes, size_t record_bytes, size_t record_offset)
{
	struct limbo_domain *d = allocator_alloc(allocator, bytes);

	if (d == NULL)
		return NULL;
	/* Not reachable yet, so plain zeroes initialise the scheme's atomics too. */
	memset(d, 0, bytes);
	d->allocator = *allocator;
	contention_domain_init(&d->contention, contention, allocator);
	d->bytes = bytes;
	d->record_bytes = record_bytes;
	d->record_offset = record_offset;
	atomic_init(&d->threshold, threshold);
	atomic_init(&d->users, USER_OWNER);
	return d;
}

static void
record_free(const struct hamt_allocator *a, struct limbo_record *r)
{
	allocator_free(a, r->block, r->domain->record_bytes + CACHE_LINE_BYTES - 1);
}

/* domain_free - nobody is left: nothing is protected. */
static void
domain_free(struct limbo_domain *d)
{
	struct hamt_allocator a = d->allocator;
	/* relaxed: U(4), everybody's accesses come before. */
	struct limbo_chunk *chunk = atomic_load_explicit(&d->orphans, memory_order_relaxed), *next_chunk;
	struct limbo_record *r = atomic_load_explicit(&d->records, memory_order_relaxed), *next;

	for (; chunk != NULL; chunk = next_chunk) {
		next_chunk = chunk->next;
		for (unsigned i = chunk->first; i < chunk->count; i++) {
			const struct limbo_entry *e = &chunk->entry[i];

			e->destroy(e->object, e->bytes, e->state);
		}
		limbo_chunk_free(&a, chunk);
	}
	for (; r != NULL; r = next) {
		next = r->next;
		/* A record that left with nothing keeps its chunks for the next. */
		for (chunk = r->chunks; chunk != NULL; chunk = next_chunk) {
			next_chunk = chunk->next;
			limbo_chunk_free(&a, chunk);
		}
		record_free(&a, r);
	}
	contention_domain_fini(&d->contention);
	allocator_free(&a, d, d->bytes);
}

/* release_user - one user less: USER_OWNER or USER_RECORD. The last one frees. False: there was none. */
static bool
release_user(struct limbo_domain *d, uint64_t user)
{
	/* U(2) and U(3) acq_rel: pairs with the same in every other user. */
	uint64_t before = atomic_fetch_sub_explicit(&d->users, user,
	    mutant(USERS_RELAXED) ? memory_order_relaxed : memory_order_acq_rel);

	/* That a record leaves only once is the scheme's check. */
	if (user == USER_OWNER && before % USER_RECORD == 0)
		return false;
	if (before == user)
		domain_free(d);
	return true;
}

void
limbo_domain_share(struct limbo_domain *d)
{
	/* relaxed: the caller is a user already, or knows one that stays, so
	 * the count cannot reach 0 meanwhile. */
	atomic_fetch_add_explicit(&d->users, USER_OWNER, memory_order_relaxed);
}

bool
limbo_domain_drop(struct limbo_domain *d)
{
	return release_user(d, USER_OWNER);
}

/* --- Statistics --------------------------------------------------------- */

void
limbo_stats_read(const struct limbo_domain *d, struct reclaim_totals *s)
{
	const struct limbo_record *r;

	*s = (struct reclaim_totals){ .retired = 0 };
	/* acquire: pairs with M(1), makes the records readable. */
	for (r = atomic_load_explicit(&d->records, memory_order_acquire); r != NULL; r = r->next) {
		/* S(3) acquire: pairs with S(2). */
		s->freed += atomic_load_explicit(&r->freed, memory_order_acquire);
		s->freed_bytes += atomic_load_explicit(&r->freed_bytes, memory_order_acquire);
	}
	/* acquire: as above, and again, because S(4) needs what came since. */
	for (r = atomic_load_explicit(&d->records, memory_order_acquire); r != NULL; r = r->next) {
		/* S(4) */
		s->retired += limbo_counter(&r->retired);
		s->retired_bytes += limbo_counter(&r->retired_bytes);
		s->peak += limbo_counter(&r->peak);
		s->scans += limbo_counter(&r->scans);
		s->examined += limbo_counter(&r->examined);
		s->blocked += limbo_counter(&r->blocked);
		s->refused += limbo_counter(&r->refused);
		s->adopted += limbo_counter(&r->adopted);
		/* relaxed: a figure on its own. */
		s->attached += atomic_load_explicit(&r->taken, memory_order_relaxed);
	}
	s->pending = s->retired - s->freed;
	s->pending_bytes = s->retired_bytes - s->freed_bytes;
	/* relaxed: a record is counted before it is reachable (M(1)), so this
	 * is at least the number of records summed above. */
	s->records = atomic_load_explicit(&d->made, memory_order_relaxed);
	s->threshold = atomic_load_explicit(&d->threshold, memory_order_relaxed);
}

static void
each_stamped(const struct limbo_chunk *chunk, void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes),
    void *arg)
{
	for (; chunk != NULL; chunk = chunk->next)
		for (unsigned i = chunk->first; i < chunk->count; i++)
			if (chunk->entry[i].stamp_ns != 0)
				visit(arg, chunk->entry[i].stamp_ns, chunk->entry[i].bytes);
}

void
limbo_each_pending(const struct limbo_domain *d, void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes),
    void *arg)
{
	/* relaxed: nobody else uses the domain meanwhile, says the contract. */
	each_stamped(atomic_load_explicit(&d->orphans, memory_order_relaxed), visit, arg);
	for (const struct limbo_record *r = atomic_load_explicit(&d->records, memory_order_relaxed); r != NULL;
	     r = r->next)
		each_stamped(r->chunks, visit, arg);
}

/* --- Membership --------------------------------------------------------- */

/* take_idle - the record of a thread that left, now ours, or NULL. */
static struct limbo_record *
take_idle(struct limbo_domain *d)
{
	/* acquire: pairs with M(1), makes the records readable. */
	struct limbo_record *r = atomic_load_explicit(&d->records, memory_order_acquire);

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
static struct limbo_record *
record_new(struct limbo_domain *d)
{
	void *block = allocator_alloc(&d->allocator, d->record_bytes + CACHE_LINE_BYTES - 1);
	struct limbo_record *r;
	unsigned char *whole;

	if (block == NULL)
		return NULL;
	/* The allocator knows no alignment as large as a pair of lines. */
	whole = (unsigned char *)(((uintptr_t)block + CACHE_LINE_BYTES - 1) & ~(uintptr_t)(CACHE_LINE_BYTES - 1));
	/* Not reachable yet, so plain zeroes initialise its atomics too. */
	memset(whole, 0, d->record_bytes);
	r = (struct limbo_record *)(void *)(whole + d->record_offset);
	r->block = block;
	r->domain = d;
	atomic_init(&r->taken, true);
	return r;
}

static void
record_push(struct limbo_domain *d, struct limbo_record *r)
{
	/* relaxed: M(1) carries it to whoever finds the record. */
	atomic_fetch_add_explicit(&d->made, 1, memory_order_relaxed);
	for (;;) {
		contention_before(&r->contention);
		/* relaxed: a guess, confirmed by the CAS. */
		r->next = atomic_load_explicit(&d->records, memory_order_relaxed);
		/* M(1) seq_cst: pairs with M(4); its release pairs with every acquire
		 * of the head. Failure relaxed: the pushed records are not looked at. */
		if (atomic_compare_exchange_weak_explicit(&d->records, &r->next, r, memory_order_seq_cst,
		        memory_order_relaxed))
			break;
		contention_failed(&r->contention);
	}
	contention_succeeded(&r->contention);
}

struct limbo_record *
limbo_attach(struct limbo_domain *d, const struct reclaim_probe *probe, unsigned capacity)
{
	struct limbo_record *r;
	bool is_new;

	misuse_if(probe != NULL && (probe->now_ns == NULL || probe->freed == NULL),
	    "struct reclaim_probe: a probe needs now_ns and freed");
	misuse_if(probe != NULL && (probe->pass_begin == NULL) != (probe->pass_end == NULL),
	    "struct reclaim_probe: a probe has both functions of a pass, or neither");
	misuse_if(probe != NULL && probe->sample_shift > 63, "struct reclaim_probe: sample_shift must be at most 63");
	r = take_idle(d);
	is_new = r == NULL;
	if (is_new && (r = record_new(d)) == NULL)
		return NULL;
	if ((r->chunks == NULL && (r->chunks = limbo_chunk_new(&d->allocator, capacity)) == NULL) ||
	    !contention_attach(&r->contention, &d->contention)) {
		if (is_new && r->chunks != NULL)
			limbo_chunk_free(&d->allocator, r->chunks);
		if (is_new)
			record_free(&d->allocator, r);
		else
			/* O(2) release: pairs with O(3); idle as it was. */
			atomic_store_explicit(&r->taken, false, memory_order_release);
		return NULL;
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
	return r;
}

void
limbo_leave(struct limbo_record *r)
{
	struct limbo_domain *d = r->domain;

	r->reserved = 0;
	r->room = 0;
	contention_leave(&r->contention);
	/* O(2) release: pairs with O(3). */
	atomic_store_explicit(&r->taken, false,
	    mutant(RECORD_LEFT_RELAXED) ? memory_order_relaxed : memory_order_release);
	(void)release_user(d, USER_RECORD);
}
