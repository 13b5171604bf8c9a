/*
 * worker.c - the parts of a worker's calls that are not worth inlining.
 */
#include "harness/worker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness/history.h"

/* A key that is there is among so many of the first pairs of a scan from it: op_scan_fn. */
#define SCAN_FROM_WITHIN 64u

const char *const op_names[OP_COUNT] = {
	[OP_GET] = "get", [OP_INSERT] = "insert", [OP_UPSERT] = "upsert", [OP_REMOVE] = "remove",
	[OP_REPLACE] = "replace", [OP_MODIFY] = "modify", [OP_GET_MANY] = "get_many", [OP_SCAN] = "scan",
};

/* The time at which a timed call begins. */
static uint64_t
worker_begin_ns(struct worker *w)
{
	if (w->resizings != NULL)
		w->resizings_before = w->resizings(w->handle);
	if (w->history != NULL)
		return history_begin_ns(&w->clock);
	return w->response != NULL ? w->begun_ns : clock_now_ns(&w->clock);
}

/* Has the kernel taken the processor away since the last look? */
static bool
worker_was_preempted(struct worker *w, uint64_t now_ns)
{
	long before = w->switches;
	struct rusage usage;

	w->switches_ns = now_ns;
	if (getrusage(RUSAGE_THREAD, &usage) != 0)
		return false;
	w->switches = usage.ru_nivcsw;
	return w->switches != before;
}

/* How often a thread looks anyway: a look takes a few hundred ns. */
#define LOOK_NS 2000000u

/* The longest call of the phase so far: why? resizings: of the subject now. */
static void
worker_paused(struct worker *w, enum op op, uint64_t begin_ns, uint64_t end_ns, uint64_t resizings)
{
	struct worker_pause pause = { .ns = end_ns - begin_ns, .begin_ns = begin_ns, .op = op };

	if (resizings != w->resizings_before)
		pause.cause |= PAUSE_RESIZE;
	if (w->sees_passes && w->pass_begin_ns >= begin_ns)
		pause.cause |= PAUSE_RECLAIM;
	if (begin_ns - w->switches_ns <= LOOK_NS && worker_was_preempted(w, end_ns))
		pause.cause |= PAUSE_PREEMPTED;
	w->pause = pause;
}

/* A timed call that began at begin_ns has ended: note how long it took, and arm the next one. Returns the time. */
static uint64_t
worker_timed(struct worker *w, enum op op, uint64_t begin_ns)
{
	uint64_t end_ns = w->history != NULL ? history_end_ns(&w->clock) : clock_now_ns(&w->clock);
	/* Two cores' counters may differ by some ticks after a migration. */
	uint64_t ns = end_ns > begin_ns ? end_ns - begin_ns : 0;
	uint64_t resizings = w->resizings != NULL ? w->resizings(w->handle) : 0, resized = resizings - w->resizings_at_reset;

	histogram_add(&w->latency[op], ns);
	if (UNLIKELY(ns > w->pause.ns))
		worker_paused(w, op, begin_ns, end_ns, resizings);
	else if (UNLIKELY(end_ns - w->switches_ns > LOOK_NS))
		(void)worker_was_preempted(w, end_ns);
	if (w->sees_passes)
		histogram_add(&w->by_pass[w->pass_begin_ns >= begin_ns], ns);
	if (w->response != NULL) {
		ns = end_ns > w->intended_ns ? end_ns - w->intended_ns : 0;
		histogram_add(&w->response[op], ns);
	}
	/* relaxed, both: a figure for the sampler; seldom another one. */
	if (UNLIKELY(resized != atomic_load_explicit(&w->resized, memory_order_relaxed)))
		atomic_store_explicit(&w->resized, resized, memory_order_relaxed);
	/* relaxed, both: the sampler takes the figure away; who loses to it starts the next interval. */
	if (ns > atomic_load_explicit(&w->longest_ns, memory_order_relaxed))
		atomic_store_explicit(&w->longest_ns, ns, memory_order_relaxed);
	/* The gap to the next timed call is drawn: a fixed one would beat with
	 * whatever is periodic in the workload. Uniform in [0, 2^(k+1) - 2]: mean 2^k - 1
	 * calls in between. */
	if (w->latency_shift > 0 && w->response == NULL && w->history == NULL)
		w->until_sample = random_below(&w->random, (UINT64_C(2) << w->latency_shift) - 1);
	return end_ns;
}

_Static_assert((int)OP_GET == HISTORY_GET && (int)OP_INSERT == HISTORY_INSERT && (int)OP_UPSERT == HISTORY_UPSERT &&
    (int)OP_REMOVE == HISTORY_REMOVE && (int)OP_REPLACE == HISTORY_REPLACE && (int)OP_MODIFY == HISTORY_MODIFY &&
    OP_KEYED == HISTORY_MODIFY + 1, "operations on one key are called the same");
_Static_assert((int)OP_MISS == HISTORY_MISS && (int)OP_HIT == HISTORY_HIT && (int)OP_NOMEM == HISTORY_NOMEM,
    "and so are results");

/* One call on one key into the history. in and out: *value before and after it. */
static void
record_call(struct worker *w, enum op op, uint64_t key, enum op_result result, uint64_t in, uint64_t out,
    uint64_t begin_ns, uint64_t end_ns)
{
	history_log_add(w->history, (struct history_event){ .begin = begin_ns,
	    .end = end_ns > begin_ns ? end_ns : begin_ns, .key = key, .in = in,
	    /* insert leaves what was put in, a miss whatever it likes */
	    .out = result == OP_HIT && op != OP_INSERT ? out : 0, .op = (uint8_t)op,
	    .answer = (unsigned)result < OP_RESULT_COUNT ? (uint8_t)result : HISTORY_NONSENSE });
}

enum op_result
worker_call_timed(struct worker *w, enum op op, uint64_t key, uint64_t *value)
{
	uint64_t in = *value, begin_ns = worker_begin_ns(w), end_ns;
	enum op_result result = w->op[op](w->handle, key, value);

	end_ns = worker_timed(w, op, begin_ns);
	if (w->history != NULL)
		record_call(w, op, key, result, in, *value, begin_ns, end_ns);
	return result;
}

/* A batch is as many gets at the same time. */
static void
record_get_many(struct worker *w, const uint64_t keys[], size_t n, uint64_t begin_ns, uint64_t end_ns)
{
	for (size_t i = 0; i < n; i++)
		record_call(w, OP_GET, keys[i], w->batch_found[i] ? OP_HIT : OP_MISS, 0, w->batch_value[i], begin_ns,
		    end_ns);
}

/* And a batch of extend as many upserts. */
static void
record_extend(struct worker *w, const uint64_t keys[], size_t n, uint64_t begin_ns, uint64_t end_ns)
{
	for (size_t i = 0; i < n; i++)
		record_call(w, OP_UPSERT, keys[i], OP_MISS, w->batch_value[i], 0, begin_ns, end_ns);
}

static int
key_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * What a scan says: each pair was there at some moment; a key that it shows twice is what none may be; and
 * `from`, unless it is among the first 64, was absent at some moment.
 */
static void
record_scan(struct worker *w, uint64_t from, size_t n, size_t pairs, uint64_t begin_ns, uint64_t end_ns)
{
	struct history_event e = { .begin = begin_ns, .end = end_ns > begin_ns ? end_ns : begin_ns, .op = HISTORY_EACH };
	uint64_t key[WORKER_BATCH_MAX];
	bool from_seen = false;

	for (size_t i = 0; i < pairs; i++) {
		key[i] = e.key = w->batch_key[i];
		e.out = w->batch_value[i];
		e.answer = HISTORY_HIT;
		history_log_add(w->history, e);
		from_seen = from_seen || (i < SCAN_FROM_WITHIN && key[i] == from);
	}
	e.out = 0;
	if (!from_seen && (pairs < n || n >= SCAN_FROM_WITHIN)) {
		e.key = from;
		e.answer = HISTORY_MISS;
		history_log_add(w->history, e);
	}
	if (pairs > 1)
		qsort(key, pairs, sizeof(key[0]), key_compare);
	for (size_t i = 1; i < pairs; i++)
		if (key[i] == key[i - 1]) {
			e.key = key[i];
			e.answer = HISTORY_NONSENSE;
			history_log_add(w->history, e);
		}
}

/* Is the call that begins now a timed one? If not, there is one less until that. */
static bool
worker_is_timed(struct worker *w)
{
	if (UNLIKELY(w->until_sample == 0))
		return true;
	w->until_sample--;
	return false;
}

size_t
worker_get_many(struct worker *w, const uint64_t keys[], size_t n)
{
	bool timed = worker_is_timed(w);
	uint64_t begin_ns = 0, end_ns = 0;
	size_t hits, found = 0;

	misuse_if(n == 0 || n > WORKER_BATCH_MAX, "worker_get_many: n must be 1 .. WORKER_BATCH_MAX");
	if (UNLIKELY(timed) && !worker_turn(w))
		return 0;
	/* Nothing, so that a map which forgets to fill a value is caught. */
	memset(w->batch_value, 0, n * sizeof(w->batch_value[0]));
	memset(w->batch_found, 0, n * sizeof(w->batch_found[0]));
	/* relaxed: for the watchdog's message only. */
	atomic_store_explicit(&w->doing, OP_GET_MANY, memory_order_relaxed);
	if (UNLIKELY(timed))
		begin_ns = worker_begin_ns(w);
	hits = w->get_many(w->handle, keys, w->batch_value, w->batch_found, n);
	if (UNLIKELY(timed))
		end_ns = worker_timed(w, OP_GET_MANY, begin_ns);
	if (UNLIKELY(w->history != NULL))
		record_get_many(w, keys, n, begin_ns, end_ns);
	for (size_t i = 0; i < n; i++) {
		found += w->batch_found[i];
		w->wrong_values += w->batch_found[i] & !worker_value_is_for(w->batch_value[i], keys[i]);
	}
	if (UNLIKELY(hits != found)) {
		worker_bump(&w->count[OP_GET_MANY][OP_RESULT_COUNT], n);
		return 0;
	}
	worker_bump(&w->count[OP_GET_MANY][OP_HIT], hits);
	worker_bump(&w->count[OP_GET_MANY][OP_MISS], n - hits);
	return hits;
}

size_t
worker_scan(struct worker *w, uint64_t from, size_t n)
{
	bool timed = worker_is_timed(w);
	uint64_t begin_ns = 0, end_ns = 0;
	size_t pairs;

	misuse_if(n == 0 || n > WORKER_BATCH_MAX, "worker_scan: n must be 1 .. WORKER_BATCH_MAX");
	if (UNLIKELY(timed) && !worker_turn(w))
		return 0;
	/* relaxed: for the watchdog's message only. */
	atomic_store_explicit(&w->doing, OP_SCAN, memory_order_relaxed);
	if (UNLIKELY(timed))
		begin_ns = worker_begin_ns(w);
	pairs = w->scan(w->handle, from, w->batch_key, w->batch_value, n);
	if (UNLIKELY(timed))
		end_ns = worker_timed(w, OP_SCAN, begin_ns);
	if (UNLIKELY(w->history != NULL) && pairs <= n)
		record_scan(w, from, n, pairs, begin_ns, end_ns);
	if (UNLIKELY(pairs > n)) {
		worker_bump(&w->count[OP_SCAN][OP_RESULT_COUNT], 1);
		return 0;
	}
	for (size_t i = 0; i < pairs; i++)
		w->wrong_values += w->batch_key[i] >= w->plan->keys + w->plan->room ||
		    !worker_value_is_for(w->batch_value[i], w->batch_key[i]);
	w->pairs += pairs;
	worker_bump(&w->count[OP_SCAN][pairs > 0 ? OP_HIT : OP_MISS], 1);
	return pairs;
}

void
worker_extend(struct worker *w, const uint64_t keys[], size_t n)
{
	bool timed = worker_is_timed(w);
	uint64_t begin_ns = 0, end_ns = 0;
	size_t done;

	misuse_if(n == 0 || n > WORKER_BATCH_MAX, "worker_extend: n must be 1 .. WORKER_BATCH_MAX");
	misuse_if((w->plan->needs & NEEDS_EXTEND) == 0, "worker_extend: the plan must say NEEDS_EXTEND");
	if (UNLIKELY(timed) && !worker_turn(w))
		return;
	for (size_t i = 0; i < n; i++)
		w->batch_value[i] = worker_value(keys[i], 0);
	/* relaxed: for the watchdog's message only. */
	atomic_store_explicit(&w->doing, OP_UPSERT, memory_order_relaxed);
	if (UNLIKELY(timed))
		begin_ns = worker_begin_ns(w);
	done = w->extend(w->handle, keys, w->batch_value, n);
	if (UNLIKELY(timed))
		end_ns = worker_timed(w, OP_UPSERT, begin_ns);
	if (UNLIKELY(done > n)) {
		worker_bump(&w->count[OP_UPSERT][OP_RESULT_COUNT], n);
		return;
	}
	/* That each key was absent is what the plan knows: a map that had one then has too few in the end. */
	for (size_t i = 0; i < done; i++)
		w->net_key_sum += (uint64_t)(int64_t)worker_net_of[OP_UPSERT][OP_MISS] * keys[i];
	if (UNLIKELY(w->history != NULL))
		record_extend(w, keys, done, begin_ns, end_ns);
	worker_bump(&w->count[OP_UPSERT][OP_MISS], done);
	worker_bump(&w->count[OP_UPSERT][OP_NOMEM], done < n);
}
