/*
 * contention.h - what a thread does about compare-and-swaps that fail.
 *
 * A policy with its parameters is a struct contention_config (copied freely).
 * What the threads share, a queue or an owner, is a struct contention_domain:
 * one for each structure, so that trouble at one place does not slow another.
 * A thread's part in it, and its memory of its own failures, is a struct
 * contention, which it alone uses.
 *
 *	struct contention cm;
 *	contention_attach(&cm, &domain);
 *	for (;;) {
 *		contention_before(&cm);
 *		... load the word; nothing to do after all: contention_abandoned(&cm), return
 *		if (atomic_compare_exchange_...(...))
 *			break;
 *		contention_failed(&cm);
 *	}
 *	contention_succeeded(&cm);
 *
 * All of it is advice. Nothing is published through it and no exclusion is
 * promised: a policy may let any number of threads pass at once, and what it
 * surrounds must be correct without it.
 *
 * Source: Dice, Hendler, Mirsky 2013, Lightweight Contention Management for
 * Efficient Compare-and-Swap Operations (arXiv 1305.5800). Where this differs
 * from the paper, and why, is said in contention.c.
 *
 * Progress: every wait is bounded in time by its parameters, and by
 * CONTENTION_WAIT_MAX_NS; whom it waits for may be asleep, dead or gone. So a
 * lock-free algorithm stays lock-free. A bound is counted in steps of
 * hamt_cpu_relax() and in sleeps, whose length is the system's affair: it holds as
 * exactly as contention_calibrate() and the system's timers are.
 */
#ifndef CORE_CONTENTION_H
#define CORE_CONTENTION_H

#include "core/atomic.h"
#include "core/interface.h"

enum contention_policy {
	CONTENTION_DEFAULT,     /* CONTENTION_DEFAULT_TEXT, for an all-zero config */
	CONTENTION_NONE,        /* retry at once */
	CONTENTION_CONSTANT,    /* CB: wait wait_ns after each failure */
	CONTENTION_EXPONENTIAL, /* EXP: f counted failures; if f > threshold wait 2^min(c*f, m) ns */
	CONTENTION_TIME_SLICE,  /* TS: n > conc threads attached: after a failure wait for the beginning of
	                           a random one of ceil(n/conc) slices of 2^slice ns */
	CONTENTION_MCS,         /* MCS: after more than threshold failures, the next ops attempts stand in a
	                           queue, each for at most wait_ns */
	CONTENTION_ARRAY,       /* AB: the same, but who comes next is the next requester after the owner
	                           in the cyclic order of threads */
	CONTENTION_SEED,        /* what the seed really does: after more than 2 failures sleep 1 ms */
};

/*
 * What CONTENTION_DEFAULT means: the first retry at once, then a wait of 1 microsecond, then of 4.
 * Chosen by results/reference/backoff/ (2 cores, 2 to 16 threads, 69 policies): on the hot key of a
 * hamt it has the highest throughput of those that are fair, 1.94 times none's, and others of the
 * same longest wait, exp:1,3,12 among them, cannot be told from it; on contended words it has 0.95 to
 * 1.9 times none's, depending on the number of threads, and exp:1,3,12 has 0.9 to 1.2. A constant 5
 * microseconds does better on words (2.0 to 2.1) and not on the map (1.89, within noise), and makes every
 * single failure wait. Other machines differ: make backoff.
 */
#define CONTENTION_DEFAULT_TEXT "exp:1,5,12"

/* No wait is longer, whatever the parameters say: 2^30 ns. */
#define CONTENTION_WAIT_MAX_NS (UINT32_C(1) << 30)
/* From here on a wait gives the processor away instead of spinning. */
#define CONTENTION_SLEEP_NS UINT32_C(100000)
/* A wait for somebody else looks again after each such sleep. */
#define CONTENTION_NAP_NS UINT32_C(50000)

struct contention_config {
	enum contention_policy policy;
	uint32_t threshold; /* exponential: failures that are free; mcs, ab: that start queueing when exceeded */
	uint32_t c;         /* exponential: growth of the exponent */
	uint32_t m;         /* exponential: the exponent's limit, at most 30 */
	uint32_t conc;      /* time slice: threads for each slice, at least 1 */
	uint32_t slice;     /* time slice: a slice lasts 2^slice ns, at most 30 */
	uint32_t ops;       /* mcs, ab: attempts that queue, at least 1 */
	uint32_t wait_ns;   /* constant: the wait; mcs, ab: the longest. At most CONTENTION_WAIT_MAX_NS */
	uint32_t relax_ps;  /* what one hamt_cpu_relax() takes, in picoseconds; 0: a domain measures it, and
	                       contention_init() assumes 10 ns */
};

/* One form that the text of a policy may take, e.g. "exp:THRESHOLD,C,M". */
struct contention_form {
	const char *form, *help;
	const char *example; /* with numbers: for tests and sweeps that try each */
};

/* contention_forms - all of them, as contention_parse() reads them; never freed. */
const struct contention_form *contention_forms(size_t *count);

/*
 * contention_parse - read a policy and its parameters, in one of the forms
 * that contention_forms() lists.
 * Returns   true; false and one line in error naming what is wrong, and
 *           config is as it was.
 */
bool contention_parse(const char *text, struct contention_config *config,
    char *error, size_t error_size) HAMT_MUST_USE;

/* contention_format - the canonical text of a config, as contention_parse() reads it. */
void contention_format(const struct contention_config *config, char *text, size_t size);

/*
 * contention_calibrate - measure hamt_cpu_relax() and note it in config->relax_ps,
 * so that waits are in time, not in loop counts. Takes some ten microseconds.
 * This and the time slice policy are the only ones in core/ that look at a
 * clock (C11 timespec_get).
 */
void contention_calibrate(struct contention_config *config);

/* Sums, of one thread or of all that were ever attached. */
struct contention_stats {
	uint64_t failed;     /* contention_failed() calls */
	uint64_t waits;      /* waits of any length, and how long they were to last in all: */
	uint64_t waited_ns;
	uint64_t expired;    /* mcs, ab: waits for a turn that ended with their bound */
};

struct contention_counters {
	_Alignas(8) _Atomic(uint64_t) failed, waits, waited_ns, expired;
};

/* A thread's part of what a domain shares: written by others. Private to contention.c. */
struct contention_member {
	HAMT_CACHE_ALIGNED _Alignas(8) _Atomic(uint64_t) link; /* mcs: this turn's number, who comes next, or left */
	_Atomic(unsigned) signal;                         /* mcs: it is our turn; ab: we want a turn */
	_Atomic(bool) taken;
	struct contention_member *sibling;                /* written once, before the member is reachable */
	void *block;
	/* Written by the owner; on a line that nobody spins on. */
	HAMT_CACHE_ALIGNED struct contention_counters counters;
	uint16_t turn;
	uint32_t random;
};

struct contention_domain {
	struct contention_config config;
	struct hamt_allocator allocator;
	/* Written often; apart from the rest, and from what stands around the domain. It lies in
	 * structures whose memory knows no alignment as large as a line. */
	char apart[HAMT_CACHE_LINE_BYTES];
	_Alignas(8) _Atomic(uint64_t) place;         /* mcs: the queue's last; ab: the owner */
	char apart_too[HAMT_CACHE_LINE_BYTES];
	_Atomic(struct contention_member *) members; /* push-only; members are reused */
	_Atomic(unsigned) made, attached;
};

struct contention {
	/* What the hooks look at when nothing is the matter. */
	uint32_t failures;   /* f: +1 per failure, -1 per success, not below 0 */
	uint32_t queueing;   /* mcs, ab: attempts that still have to queue */
	bool holding;        /* mcs, ab: it is our turn, or we act as if */
	struct contention_config config;
	struct contention_domain *domain;
	struct contention_member *member;
	struct contention_counters own; /* without a domain */
};

/*
 * contention_domain_init - the shared part of one structure. config is
 * copied, and calibrated where relax_ps is 0; NULL or all zero is the default
 * policy. The allocator is copied; NULL is malloc. Allocates nothing.
 * Misuse    parameters outside the ranges above abort.
 */
void contention_domain_init(struct contention_domain *domain, const struct contention_config *config,
    const struct hamt_allocator *allocator);

/* contention_domain_fini - free the members. No thread may be attached, or use one, any more. */
void contention_domain_fini(struct contention_domain *domain);

/*
 * contention_domain_stats - sums over all that are or were attached. Any
 * thread, any time; exact when nobody uses the domain meanwhile.
 */
void contention_domain_stats(const struct contention_domain *domain, struct contention_stats *stats);

/*
 * contention_attach - join a domain, with no failures so far. cm is the
 * thread's own; the domain refers only to what it allocates itself.
 * Returns   true; false: no memory, and everything is as it was.
 * Progress  lock-free.
 */
bool contention_attach(struct contention *cm, struct contention_domain *domain) HAMT_MUST_USE;

/*
 * contention_leave - give a turn back, if it is held, and leave. Never
 * allocates; wait-free. A thread that dies without it costs the others one
 * bounded wait (mcs, ab), or longer rounds (time slice).
 * Misuse    leaving twice, or without having attached, aborts.
 */
void contention_leave(struct contention *cm);

/*
 * contention_init - start with no failures and without a domain: for the
 * policies that share nothing. config as in contention_domain_init(), but
 * for relax_ps.
 * Misuse    the policies time slice, mcs and ab abort; so do parameters
 *           outside the ranges.
 */
void contention_init(struct contention *cm, const struct contention_config *config);

/* contention_stats - this thread's counts; those of a member include its former owners'. */
void contention_stats(const struct contention *cm, struct contention_stats *stats);

/* contention_next_wait_ns - how long the next failure waits; time slice, mcs, ab: the next attempt, at most. */
uint64_t contention_next_wait_ns(const struct contention *cm);

/* The slow halves of the hooks below. */
void contention_queue(struct contention *cm);
void contention_settle(struct contention *cm);
void contention_release(struct contention *cm);

/*
 * contention_before - call before the load that the compare-and-swap depends
 * on, at each attempt. mcs, ab: waits for a turn, for at most wait_ns; keeps
 * a turn that is held.
 */
static inline void
contention_before(struct contention *cm)
{
	if (HAMT_UNLIKELY(cm->queueing != 0))
		contention_queue(cm);
}

/* contention_failed - call after a failed CAS: counts it, passes a turn on, waits as the policy says. */
void contention_failed(struct contention *cm);

/* contention_succeeded - call after a CAS that went through: takes one failure off, passes a turn on. */
static inline void
contention_succeeded(struct contention *cm)
{
	if (HAMT_UNLIKELY((cm->failures | cm->queueing) != 0))
		contention_settle(cm);
}

/* contention_abandoned - call if, after contention_before(), there is no CAS after all: passes a turn on. */
static inline void
contention_abandoned(struct contention *cm)
{
	if (HAMT_UNLIKELY(cm->queueing != 0))
		contention_release(cm);
}

#endif
