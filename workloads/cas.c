/*
 * cas.c - contended compare-and-swaps and nothing else, as in section 3 of
 * Dice, Hendler, Mirsky 2013: all threads update one word (or K), or, where the
 * subject is a stack or queue, each puts in or takes out, at even odds.
 *
 * Nothing is done between two operations: this is the worst case, which tells
 * contention managers apart; `hotkey` is its likeness on a map.
 */
#include <inttypes.h>

#include "harness/worker.h"

/* A pool's items are of keys below; so few that validation sees each. */
#define POOL_KEYS 65536u

struct cas {
	uint64_t words, seed;
};

static const struct plugin_option options[] = {
	{ .name = "words", .type = OPTION_COUNT, .initial = "1", .meta = "K", .least = 1, .most = 65536,
	    .help = "words (keys) that are updated, drawn uniformly (1 to 65536); a stack or queue has only its ends" },
	{ .name = "items", .type = OPTION_COUNT, .initial = "1000", .meta = "N", .most = POOL_KEYS,
	    .help = "items in a stack or queue at first (at most 65536); words are all there from the start" },
	{ .name = NULL },
};

static bool
cas_plan(const struct option_values *values, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	(void)threads;
	(void)error;
	(void)error_size;
	plan->takes = plan->pool;
	plan->keys = plan->pool ? POOL_KEYS : option_count(values, "words");
	plan->prefill = plan->pool ? option_count(values, "items") : plan->keys;
	plan->needs = plan->pool ? OP_BIT(OP_INSERT) | OP_BIT(OP_REMOVE) : OP_BIT(OP_UPSERT);
	snprintf(plan->dist, sizeof(plan->dist), "uniform");
	snprintf(plan->mix, sizeof(plan->mix), "%s", plan->pool ? "insert=50,remove=50" : "upsert=100");
	return true;
}

static void *
cas_setup(const struct workload_params *params, char *error, size_t error_size)
{
	struct cas *c = malloc(sizeof(*c));

	if (c == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	c->words = option_count(params->options, "words");
	c->seed = params->seed;
	return c;
}

static bool
cas_begin(struct worker *w)
{
	const struct cas *c = w->state;
	struct random *random = malloc(sizeof(*random));

	if (random == NULL)
		return false;
	random_seed(random, random_mix(c->seed + 1), w->thread);
	w->local = random;
	return true;
}

static void
cas_end(struct worker *w)
{
	free(w->local);
}

static void
cas_prefill(struct worker *w)
{
	for (uint64_t i = w->thread; i < w->plan->prefill && !worker_done(w); i += w->threads)
		worker_call(w, w->plan->pool ? OP_INSERT : OP_UPSERT, i, 0);
}

static void
cas_loop(struct worker *w)
{
	const struct cas *c = w->state;
	struct random *random = w->local;

	while (!worker_done(w))
		for (unsigned i = 0; i < 64; i++) {
			uint64_t draw = random_next(random);

			if (!w->plan->pool)
				/* The high bits say which word, the low ones are the version. */
				worker_call(w, OP_UPSERT, c->words == 1 ? 0 : (draw >> 32) * c->words >> 32, draw);
			else if (draw >> 63)
				worker_call(w, OP_INSERT, draw % POOL_KEYS, draw >> 32);
			else
				worker_take(w);
		}
}

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
	.name = "cas",
	.help = "all threads update one word, or K, or the ends of a stack or queue",
	.options = options,
	.plan = cas_plan,
	.setup = cas_setup,
	.teardown = free,
	.begin = cas_begin,
	.end = cas_end,
	.prefill = cas_prefill,
	.loop = cas_loop,
};
