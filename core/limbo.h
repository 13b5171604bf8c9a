/*
 * limbo.h - retired objects that are not free yet: who has them, who takes
 * them over, how many there are. What every reclamation scheme needs beside
 * its own question, "may somebody still read this one?". Internal to core.
 *
 *	domain --> record --> record --> record    push-only; freed with the domain
 *	  |          |          |
 *	  |        chunks     chunks               each its owner's alone
 *	  +--> orphans: one chain of chunks        left behind by a record
 *
 * A scheme puts a struct limbo_domain first into its own domain, and a struct
 * limbo_record somewhere into its own record, beside the announcements. What
 * other threads see of a limbo_record: its counters, whether it is taken, and
 * next. The numbered tables in limbo.c say why each of these may be read.
 *
 * Threads    a record belongs to one thread at a time; all else is said at
 *            each function.
 * Progress   all is wait-free but the pushes onto the domain's two lists,
 *            which are lock-free.
 */
#ifndef CORE_LIMBO_H
#define CORE_LIMBO_H

#include "core/atomic.h"
#include "core/contention.h"
#include "core/interface.h"
#include "core/mutant.h"

/* Gives back an object that nobody can reach any more. May not retire. */
typedef void limbo_destroy_fn(void *object, size_t bytes, void *state);

struct limbo_entry {
	void *object;
	limbo_destroy_fn *destroy;
	void *state;
	size_t bytes;
	uint64_t stamp_ns; /* 0 = not sampled */
	uint64_t tag;      /* the scheme's: when it was retired; LIMBO_BLOCKED is limbo_sweep()'s */
};

/* An earlier pass of this scan has found that the object must stay. */
#define LIMBO_BLOCKED (UINT64_C(1) << 63)

/* Entries [first, count) are in use. */
struct limbo_chunk {
	struct limbo_chunk *next;
	unsigned capacity, first, count;
	struct limbo_entry entry[];
};

struct limbo_domain {
	struct hamt_allocator allocator;
	struct contention_domain contention; /* of the CASes on records and orphans */
	size_t bytes;                /* of the scheme's domain, which begins here */
	size_t record_bytes;         /* of the scheme's record, and where in it the */
	size_t record_offset;        /* limbo_record lies */
	_Atomic(unsigned) threshold; /* as configured; its meaning is the scheme's */
	_Atomic(unsigned) made;      /* records; counted before they are reachable */
	_Alignas(8) _Atomic(uint64_t) users; /* owners, and records in the upper half */
	_Atomic(struct limbo_record *) records;
	_Atomic(struct limbo_chunk *) orphans;
};

struct limbo_record {
	/* Owner only, from here to the statistics. */
	struct limbo_domain *domain;
	struct limbo_chunk *chunks;    /* of which the scheme says which one retire writes to */
	unsigned room;                 /* retires that need no new chunk */
	unsigned reserved;             /* retires that may still be called */
	unsigned length;               /* retired objects held */
	unsigned limit;                /* a scan starts when length reaches it */
	unsigned handed_over;          /* objects handed to the domain when it last left */
	bool scanning;
	struct contention contention;  /* of the CASes on the domain's lists */
	struct reclaim_probe probe;
	uint64_t until_stamp;          /* retires until the next stamped one */
	void *block;                   /* what the allocator gave: the record lies aligned in it */
	/* Written by the owner, read by anybody: statistics and membership. */
	HAMT_CACHE_ALIGNED _Alignas(8) _Atomic(uint64_t) retired;
	_Alignas(8) _Atomic(uint64_t) freed, retired_bytes, freed_bytes;
	_Alignas(8) _Atomic(uint64_t) peak, scans, examined, blocked, refused, adopted;
	_Atomic(bool) taken;
	struct limbo_record *next;     /* written once, before the record is reachable */
};

/* What a domain has to show: sums over all its records. */
struct reclaim_totals {
	uint64_t retired, freed;             /* objects, since the domain exists */
	uint64_t retired_bytes, freed_bytes;
	uint64_t pending, pending_bytes;     /* retired - freed: never below the truth, see limbo_stats_read() */
	uint64_t peak;                       /* sum over records of the longest list each has held:
	                                        never below the true peak of pending */
	uint64_t scans;                      /* of lists that were not empty; what they did: */
	uint64_t examined;                   /* retired objects looked at */
	uint64_t blocked;                    /* of these, kept because somebody may still read them */
	uint64_t refused;                    /* scans that freed nothing because membarrier(2) was refused */
	uint64_t adopted;                    /* objects taken over from records that left */
	unsigned records;                    /* ever made; those in use now: */
	unsigned attached;
	unsigned threshold, frequency;       /* in force, see struct reclaim_config */
	uint64_t bound;                      /* peak never exceeds it, nor does what is pending at any one moment;
	                                        the figure pending may, while threads retire; 0: the scheme has none */
	uint64_t clock;                      /* ebr, qsbr: the epoch; he: the era */
	bool asymmetric;                     /* announcements are ordered by membarrier(2) */
};

/* Counters: one writer each. */

static inline uint64_t
limbo_counter(const _Atomic(uint64_t) *counter)
{
	/* relaxed: a figure on its own; where order counts, see table S. */
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void
limbo_count(_Atomic(uint64_t) *counter, uint64_t n)
{
	/* relaxed: we are the only writer, so load and store cannot be torn
	 * apart; readers want no order from it. */
	atomic_store_explicit(counter, limbo_counter(counter) + n, memory_order_relaxed);
}

/* limbo_freed - n objects more are free: S(2). */
void limbo_freed(struct limbo_record *r, uint64_t n, uint64_t bytes);

/*
 * limbo_domain_new - bytes for the scheme's domain, whose limbo part is set
 * up with one user, the caller. NULL: no memory.
 * record_bytes, record_offset: see struct limbo_domain.
 * Misuse    contention parameters that contention_domain_init() refuses abort.
 */
struct limbo_domain *limbo_domain_new(const struct hamt_allocator *allocator,
    const struct contention_config *contention, unsigned threshold, size_t bytes, size_t record_bytes,
    size_t record_offset) HAMT_MUST_USE;

/* limbo_domain_share - one user more. */
void limbo_domain_share(struct limbo_domain *d);

/*
 * limbo_domain_drop - one user less; the last of users and records frees all
 * that is still retired, then the domain. False: it had no users, a misuse.
 */
bool limbo_domain_drop(struct limbo_domain *d) HAMT_MUST_USE;

/*
 * limbo_attach - a record, zeroed but for what its former owner left in the
 * scheme's part, with a chunk of at least capacity entries. NULL: no memory,
 * and the domain is as it was. The caller then sets limit.
 * Misuse    the probe's functions must be there, sample_shift at most 63.
 */
struct limbo_record *limbo_attach(struct limbo_domain *d, const struct reclaim_probe *probe, unsigned capacity)
    HAMT_MUST_USE;

/* limbo_leave - after the last object was freed or handed over: the record is idle. */
void limbo_leave(struct limbo_record *r);

/* limbo_taken - has it not left? For the owner's checks of misuse. */
static inline bool
limbo_taken(const struct limbo_record *r)
{
	/* relaxed: our own membership, which only we can end. */
	return atomic_load_explicit(&r->taken, memory_order_relaxed);
}

/* limbo_orphans - P: take what a record that left could not free; now we count it. NULL: nothing. */
struct limbo_chunk *limbo_orphans(struct limbo_record *r) HAMT_MUST_USE;

/*
 * limbo_hand_over - leave all that we hold to the domain. False: somebody
 * else's chain is still there. One chain at a time is what keeps bounds: a
 * leaver that finds one takes it along and scans again.
 */
bool limbo_hand_over(struct limbo_record *r) HAMT_MUST_USE;

/* limbo_chunk_new - an empty chunk, or NULL. */
struct limbo_chunk *limbo_chunk_new(const struct hamt_allocator *a, unsigned capacity) HAMT_MUST_USE;
void limbo_chunk_free(const struct hamt_allocator *a, struct limbo_chunk *chunk);

/* limbo_reserve_front - hazard_reserve_slow() for a list whose first chunk is the one retire writes to. */
bool limbo_reserve_front(struct limbo_record *r, unsigned count) HAMT_MUST_USE;

/* limbo_add - note a retired object in chunk, which has room. */
void limbo_add(struct limbo_record *r, struct limbo_chunk *chunk, void *object, size_t bytes,
    limbo_destroy_fn *destroy, void *state, uint64_t tag);

/* limbo_dispose - give one object back, and tell the probe how long it waited. */
void limbo_dispose(struct limbo_record *r, const struct limbo_entry *e);

/* limbo_append - orphans behind the chunks that a record has. */
void limbo_append(struct limbo_record *r, struct limbo_chunk *orphans);

/*
 * limbo_stats_read - the sums, and threshold as configured, any thread, at any
 * time: freed before retired, table S. The rest is 0, and the scheme's to fill in.
 */
void limbo_stats_read(const struct limbo_domain *d, struct reclaim_totals *s);

/* limbo_each_pending - every stamped object not freed yet. Threads: none may use the domain meanwhile. */
void limbo_each_pending(const struct limbo_domain *d,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg);

/* What a scan asks about each object. The same constant in every call, so that it is inlined. */
typedef bool limbo_pinned_fn(const struct limbo_entry *e, const void *arg);

/* limbo_mark - a pass that is not the last: remember which objects must stay. */
static inline void
limbo_mark(struct limbo_record *r, limbo_pinned_fn *pinned, const void *arg)
{
	for (struct limbo_chunk *chunk = r->chunks; chunk != NULL; chunk = chunk->next)
		for (unsigned i = 0; i < chunk->count; i++)
			if (pinned(&chunk->entry[i], arg))
				chunk->entry[i].tag |= LIMBO_BLOCKED;
}

/*
 * limbo_sweep - the last pass: free what no pass has found. For lists whose
 * first chunk is the one that retire writes to. Survivors move to the front of
 * the chain; chunks that became empty are freed, but the first stays. The
 * first chunk is filled only so far that the retires still reserved fit.
 * The place written never overtakes the place read: the first chunk had that
 * room before, and the others are filled whole.
 */
static inline __attribute__((always_inline)) uint64_t
limbo_sweep(struct limbo_record *r, limbo_pinned_fn *pinned, const void *arg)
{
	const struct hamt_allocator *a = &r->domain->allocator;
	struct limbo_chunk *front = r->chunks, *to = front, *from, *next;
	unsigned at = 0, space = front->capacity - r->reserved, kept = 0;
	uint64_t freed = 0, freed_bytes = 0;

	/* No room: a destructor that reserves is sent to the slow path, which
	 * says that it must not. */
	r->scanning = true;
	r->room = 0;
	for (from = front; from != NULL; from = from->next) {
		unsigned count = from->count;

		for (unsigned i = 0; i < count; i++) {
			struct limbo_entry *e = &from->entry[i];

			if (((e->tag & LIMBO_BLOCKED) == 0 || mutant(SWEEP_FORGETS_PASSES)) && !pinned(e, arg)) {
				freed++;
				freed_bytes += e->bytes;
				limbo_dispose(r, e);
				continue;
			}
			if (at == space) {
				to->count = at;
				to = to->next;
				at = 0;
				space = to->capacity;
			}
			e->tag &= ~LIMBO_BLOCKED;
			if (&to->entry[at] != e)
				to->entry[at] = *e;
			at++;
			kept++;
		}
	}
	to->count = at - (mutant(SWEEP_LOSES_ONE) && at > 0);
	for (from = to->next; from != NULL; from = next) {
		next = from->next;
		limbo_chunk_free(a, from);
	}
	to->next = NULL;
	hamt_invariant(freed + kept == r->length);
	r->scanning = false;
	r->room = front->capacity - front->count;
	r->length = kept;
	limbo_count(&r->blocked, kept);
	limbo_freed(r, freed, freed_bytes);
	return freed;
}

#endif
