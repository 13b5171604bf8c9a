/*
 * worker.h - what a workload's loop sees of its thread, and the one way it
 * calls the map: worker_call() dispatches, counts, validates and now and then
 * takes the time. All of it is inline, for it is the harness's overhead:
 * `hamtbench run --subject null` measures it.
 *
 *	while (!worker_done(w)) {
 *		keys_fill(my->keys, batch, 64);
 *		for (unsigned i = 0; i < 64; i++)
 *			worker_call(w, OP_GET, batch[i], 0);
 *	}
 *
 * Counters have one writer, lie on lines of their own, and change by a
 * relaxed load and store: no atomic read-modify-write in the loop. The
 * watchdog and the progress line read them meanwhile; all else after join.
 *
 * Every value put into a map encodes its key, so a map that returns another
 * key's value is found at once (worker_value()).
 */
#ifndef HARNESS_WORKER_H
#define HARNESS_WORKER_H

#include <stdatomic.h>

#include "harness/clock.h"
#include "harness/histogram.h"
#include "harness/pace.h"
#include "harness/plugin.h"
#include "harness/random.h"

struct history_log; /* harness/history.h */

/* Keys fit in 56 bits; the low byte of a value is free for a version. */
#define WORKER_KEYS_MAX (UINT64_C(1) << 56)

/* Columns of the counters: the results, and one for what is no result. */
#define WORKER_RESULTS (OP_RESULT_COUNT + 1u)

/* Most keys of one worker_get_many() or worker_extend(), most pairs of one worker_scan(). */
#define WORKER_BATCH_MAX 1024u

enum worker_stage { STAGE_STARTING, STAGE_PREFILL, STAGE_WARM_UP, STAGE_MEASURE, STAGE_WAITING,
	STAGE_PARKED, STAGE_ENDED };

/* For worker_wait() and worker_park(): until the loop is to end. */
#define WORKER_FOREVER UINT64_MAX

/* What is known of why a call took long; several may be. */
#define PAUSE_RESIZE (1u << 0)    /* it began to resize the map, or helped */
#define PAUSE_RECLAIM (1u << 1)   /* a pass of reclamation ran inside */
#define PAUSE_PREEMPTED (1u << 2) /* the kernel took the processor away, then or less than 2 ms before */

struct worker_pause {
	uint64_t ns, begin_ns;       /* service time; ns 0: none yet */
	enum op op;
	unsigned cause;
};

struct worker {
	/* Set before the thread starts, read only. */
	op_fn *op[OP_KEYED];
	op_get_many_fn *get_many;
	op_scan_fn *scan;
	op_extend_fn *extend;
	uint64_t (*resizings)(void *handle); /* may be NULL */
	void *handle;
	struct clock clock;
	unsigned thread, threads;
	uint64_t seed;               /* of the trial */
	const struct plan *plan;
	void *state;                 /* what workload.setup returned */
	void *local;                 /* the workload's, for this thread */
	unsigned latency_shift;      /* one call in 2^latency_shift is timed, on average */
	bool sees_passes;            /* the subject's probes tell of passes of reclamation */
	struct histogram *response;  /* OP_COUNT of them: intended start to end; NULL: the loop is closed */
	const _Atomic(bool) *stop;
	void *runner;                /* runner.c's own */

	/* The owner writes, others may look: relaxed. */
	CACHE_ALIGNED _Atomic(uint64_t) count[OP_COUNT][WORKER_RESULTS]; /* completed calls */
	_Atomic(unsigned) doing;                        /* enum op of the call under way or last */
	_Atomic(unsigned) stage;                        /* enum worker_stage */
	_Atomic(uint64_t) longest_ns;                   /* timed call since the sampler last took it away */
	_Atomic(uint64_t) resized;                      /* calls since count[] was last reset that resized, up to the last timed one */

	/* The owner's until join. */
	uint64_t until_sample;       /* calls until the next timed one */
	struct history_log *history; /* NULL: calls are not recorded. Else until_sample stays 0: each is timed */
	uint64_t net_key_sum;        /* keys put in minus keys taken out, modulo 2^64 */
	uint64_t net_before;         /* how many more were put in than taken out, before count[] was last reset */
	uint64_t wrong_values;       /* values returned that do not encode their key */
	uint64_t pairs;              /* that scans returned, since count[] was last reset */
	uint64_t no_memory_before;   /* OP_NOMEM results before the last reset */
	struct random random;        /* for sampling only; workloads bring their own */
	struct pace pace;
	uint64_t intended_ns;        /* open loop: when the call under way should have begun, */
	struct worker_pause pause;   /* the longest timed call of the phase */
	uint64_t resizings_at_reset; /* subject.resizings() when count[] was last reset */
	uint64_t resizings_before;   /* subject.resizings() when the timed call under way began */
	long switches;               /* involuntary context switches at */
	uint64_t switches_ns;        /* this time */
	uint64_t begun_ns;           /* and when it did: worker_turn() has just looked */
	uint64_t last_ns;            /* end of the last call of the loop */
	bool measured;               /* this loop is the one that counts; else it is the warm-up */
	bool out_of_time;            /* open loop: it ended before a call that it was asked for, which was not made */
	uint64_t pass_begin_ns;      /* when this thread's last pass of reclamation began */
	unsigned phases;             /* worker_phase() calls so far */
	uint64_t phase_ops[PLAN_PHASES], phase_ns[PLAN_PHASES];
	struct worker_pause phase_pause[PLAN_PHASES]; /* of those that are over; pause is that of the one under way */

	CACHE_ALIGNED struct histogram latency[OP_COUNT];
	struct histogram by_pass[2]; /* calls of any kind: without, with a pass inside */
	struct histogram reclaim;    /* retire to free, on this thread */
	struct histogram pass;       /* how long passes took */

	/* What the last get_many or scan gave, or extend was given. */
	uint64_t batch_key[WORKER_BATCH_MAX], batch_value[WORKER_BATCH_MAX];
	bool batch_found[WORKER_BATCH_MAX];
};

/* worker_is_reader, worker_is_writer - its role; false, both, where threads have none. */
static inline bool
worker_is_reader(const struct worker *w)
{
	return w->thread < w->plan->readers;
}

static inline bool
worker_is_writer(const struct worker *w)
{
	return w->plan->readers > 0 && w->thread >= w->plan->readers;
}

/* The value that key maps to; version may change with every upsert. Never 0. */
static inline uint64_t
worker_value(uint64_t key, uint64_t version)
{
	return (key + 1) << 8 | (version & 0xff);
}

static inline bool
worker_value_is_for(uint64_t value, uint64_t key)
{
	return value >> 8 == key + 1;
}

/* worker_done - has the time come to leave the loop? Ask every 64 calls or so. */
static inline bool
worker_done(const struct worker *w)
{
	/* relaxed: only the flag matters; the join orders everything else. */
	return atomic_load_explicit(w->stop, memory_order_relaxed);
}

/* One writer: a plain increment, made of two accesses that other threads may see. */
static inline void
worker_bump(_Atomic(uint64_t) *counter, uint64_t by)
{
	/* relaxed: statistics; nothing is published by it. */
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

/* How many keys more the map holds after an operation with that result: a table, for
 * a branch on either would be a coin flip to the processor. */
static const int8_t worker_net_of[OP_KEYED][WORKER_RESULTS] = {
	[OP_INSERT][OP_HIT] = 1, [OP_UPSERT][OP_MISS] = 1, [OP_REMOVE][OP_HIT] = -1,
};

/*
 * worker_turn - before a timed call: in an open loop wait until it is meant to
 * begin. False: the time is up, it is not made. Worker functions only.
 */
bool worker_turn(struct worker *w);

/* worker_call_timed - one call with the time taken; arms the next one. */
enum op_result worker_call_timed(struct worker *w, enum op op, uint64_t key, uint64_t *value);

/*
 * worker_call_value - one operation on one key, counted and validated.
 * version: any 8 bits, kept in the low byte of the value put in; modify adds
 * them to it. *out: the value that came out, if any.
 */
static inline enum op_result
worker_call_value(struct worker *w, enum op op, uint64_t key, uint64_t version, uint64_t *out)
{
	/* What goes in: nothing for get and remove, so that a map which forgets
	 * to fill *value is caught. Without a branch: op is random. */
	uint64_t goes_in = -(uint64_t)(~(OP_BIT(OP_GET) | OP_BIT(OP_REMOVE)) >> op & 1);
	uint64_t value = worker_value(key, version) & goes_in;
	enum op_result result;
	unsigned column;

	/* relaxed: for the watchdog's message only. */
	atomic_store_explicit(&w->doing, op, memory_order_relaxed);
	if (UNLIKELY(w->until_sample == 0)) {
		/* Only an open loop that has run out of time: nothing happened, nothing is counted. */
		if (UNLIKELY(!worker_turn(w)))
			return OP_MISS;
		result = worker_call_timed(w, op, key, &value);
	} else {
		w->until_sample--;
		result = w->op[op](w->handle, key, &value);
	}
	/* A plug-in may return anything; what is no result ends in the last column. */
	column = (unsigned)result < OP_RESULT_COUNT ? (unsigned)result : OP_RESULT_COUNT;
	worker_bump(&w->count[op][column], 1);
	w->net_key_sum += (uint64_t)(int64_t)worker_net_of[op][column] * key;
	/* An OP_HIT left the key's own value in value: after insert the one put in.
	 * One & and not two branches: whether a key is found is random as well. */
	if (UNLIKELY((column == OP_HIT) & !worker_value_is_for(value, key)))
		w->wrong_values++;
	*out = value;
	return result;
}

static inline enum op_result
worker_call(struct worker *w, enum op op, uint64_t key, uint64_t version)
{
	uint64_t out;

	return worker_call_value(w, op, key, version, &out);
}

/*
 * worker_take - remove from a SUBJECT_POOL: counted like worker_call(), but the
 * key is the one that the value says.
 */
static inline enum op_result
worker_take(struct worker *w)
{
	uint64_t sum = w->net_key_sum, wrong = w->wrong_values, taken;
	enum op_result result = worker_call_value(w, OP_REMOVE, 0, 0, &taken);

	/* Key 0 was asked for: what that has added to the sum is nothing. */
	w->wrong_values = wrong;
	w->net_key_sum = sum;
	if (result == OP_HIT && taken >> 8 == 0)
		w->wrong_values++;
	else if (result == OP_HIT)
		w->net_key_sum -= (taken >> 8) - 1;
	return result;
}

/*
 * worker_get_many - look up n keys with one call, n <= WORKER_BATCH_MAX: counted as n
 * operations, timed as one. Returns how many were found (0 if the map talks nonsense).
 */
size_t worker_get_many(struct worker *w, const uint64_t keys[], size_t n);

/*
 * worker_scan - ask for n pairs from the place of key `from` on, 1 <= n <= WORKER_BATCH_MAX:
 * one operation, a hit if there were any. Returns how many there were (0 if the map talks nonsense).
 */
size_t worker_scan(struct worker *w, uint64_t from, size_t n);

/*
 * worker_extend - map n keys that are absent and that no other thread touches, n <= WORKER_BATCH_MAX, with one
 * call: counted as n upserts that replace nothing, timed as one. Needs NEEDS_EXTEND.
 */
void worker_extend(struct worker *w, const uint64_t keys[], size_t n);

/*
 * worker_phase - end one phase of a fixed-work loop and start the next
 * together: notes the time, waits for all workers. Call it plan.phases - 1 times.
 * False: the trial is being ended early; leave the loop.
 */
bool worker_phase(struct worker *w);

/* worker_wait - leave the map alone for ns (WORKER_FOREVER: no end), or until the loop is to end. */
void worker_wait(struct worker *w, uint64_t ns);

/*
 * worker_park - read key and stay inside the read (subject.hold) for ns, or until the
 * loop is to end; counts as a get. The watchdog lets the thread be meanwhile.
 * stall: note it in the record as a stall, if the loop is the measured one.
 * False: the key is absent, and nothing was waited for.
 * Needs NEEDS_HOLD.
 */
bool worker_park(struct worker *w, uint64_t key, uint64_t ns, bool stall);

/*
 * worker_die - end this thread here, by the system call: nothing of it is
 * cleaned up or detached, and destructors do not run. What it has counted stays
 * counted. inside: die inside a read of *inside if it is mapped; NULL: between
 * operations. For a loop of the measured part. Needs NEEDS_LATE_DETACH, and
 * NEEDS_HOLD where inside is not NULL.
 */
_Noreturn void worker_die(struct worker *w, const uint64_t *inside);

#endif
