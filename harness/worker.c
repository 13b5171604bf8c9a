/*
 * worker.c - the parts of worker_call() that are not worth inlining.
 */
#include "harness/worker.h"

const char *const op_names[OP_COUNT] = { "get", "insert", "upsert", "remove" };

enum op_result
worker_call_timed(struct worker *w, enum op op, uint64_t key, uint64_t *value)
{
	uint64_t begin_ns = clock_now_ns(&w->clock), end_ns;
	enum op_result result = w->op[op](w->handle, key, value);

	end_ns = clock_now_ns(&w->clock);
	/* Two cores' counters may differ by some ticks after a migration. */
	histogram_add(&w->latency[op], end_ns > begin_ns ? end_ns - begin_ns : 0);
	/* The gap to the next timed call is drawn: a fixed one would beat with
	 * whatever is periodic in the workload. Uniform in [0, 2^(k+1) - 2]: mean 2^k - 1
	 * calls in between. */
	if (w->latency_shift > 0)
		w->until_sample = random_below(&w->random, (UINT64_C(2) << w->latency_shift) - 1);
	return result;
}
