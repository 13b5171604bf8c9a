/*
 * phases.c - a script of loads, one after the other on one map (harness/script.h says what is in
 * it): what changes when the load does? Throughput of each phase, and over time (plot.sh --over-time).
 *
 * The size of the map goes where the mixes take it; --prefill is what it begins with, and no
 * phase is at a steady state unless the script sees to it.
 *
 * Same seed, same operations per thread: each phase has streams of its own, so that the
 * operations of one do not depend on how far a phase before it came in its time.
 * Distributions agree on the popular keys in all phases; sequential and ranges, which say
 * where each thread is, begin anew.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/script.h"
#include "harness/worker.h"

struct phases {
	struct script script;
	struct mix_draws draws[PLAN_PHASES];
	uint64_t seed, batch, scan_length;
	struct keys_permutation order; /* which keys are there at first: the first ones of this order */
};

struct phases_thread {
	struct random_lanes random;
	struct keys *keys[PLAN_PHASES];
	uint64_t batch[WORKER_BATCH_MAX]; /* keys of a get_many */
};

static const struct plugin_option options[] = {
	{ .name = "script", .type = OPTION_TEXT, .meta = "FILE",
	    .help = "what to do: a phase a line, NAME, CALLS or TIME, MIX and perhaps DIST, as in workloads/day.phases" },
	{ .name = "keys", .letter = 'r', .type = OPTION_COUNT, .initial = "200K", .meta = "N",
	    .least = 1, .most = WORKER_KEYS_MAX, .help = "size of the key range (at most 2^56)" },
	{ .name = "prefill", .letter = 'i', .type = OPTION_COUNT, .initial = "0", .meta = "N",
	    .help = "keys in the map at first" },
	{ .name = "batch", .type = OPTION_COUNT, .initial = "32", .meta = "N", .least = 1, .most = WORKER_BATCH_MAX,
	    .help = "keys of a get_many (1 to 1024)" },
	{ .name = "scan-length", .type = OPTION_COUNT, .initial = "100", .meta = "N", .least = 1,
	    .most = WORKER_BATCH_MAX, .help = "pairs that a scan asks for (1 to 1024)" },
	{ .name = NULL },
};

/* The script, checked against what there is; for columns: its file's name and what is in it. */
static bool
phases_read(const struct option_values *values, unsigned threads, struct script *script, char *dist, size_t dist_size,
    char *error, size_t error_size)
{
	const char *path = option_text(values, "script"), *slash;
	char why[512];

	if (path == NULL) {
		snprintf(error, error_size, "--script FILE is needed: workloads/day.phases is one");
		return false;
	}
	if (!script_read(path, script, why, sizeof(why))) {
		snprintf(error, error_size, "--script: %s", why);
		return false;
	}
	for (unsigned p = 0; p < script->phases; p++) {
		const struct script_phase *phase = &script->phase[p];

		if (phase->calls > 0 && phase->calls < threads) {
			snprintf(error, error_size, "--script: %s: the %" PRIu64 " calls of phase %s give no work to each of %u threads",
			    path, phase->calls, phase->name, threads);
			return false;
		}
		if (!keys_fit(&phase->dist, option_count(values, "keys"), why, sizeof(why))) {
			snprintf(error, error_size, "--script: %s: phase %s: %s", path, phase->name, why);
			return false;
		}
	}
	slash = strrchr(path, '/');
	snprintf(dist, dist_size, "%.100s:%08" PRIx32, slash != NULL ? slash + 1 : path, script->check);
	for (char *c = dist; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == ',' || *c == '"')
			*c = '?';
	return true;
}

static bool
phases_plan(const struct option_values *values, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	struct script script;

	plan->keys = option_count(values, "keys");
	plan->prefill = option_count(values, "prefill");
	if (plan->prefill > plan->keys) {
		snprintf(error, error_size, "--prefill: %" PRIu64 " keys do not fit into a range of %" PRIu64, plan->prefill,
		    plan->keys);
		return false;
	}
	if (!phases_read(values, threads, &script, plan->dist, sizeof(plan->dist), error, error_size))
		return false;
	plan->fixed_work = true;
	plan->needs = plan->prefill > 0 ? OP_BIT(OP_INSERT) : 0;
	plan->phases = script.phases;
	for (unsigned p = 0; p < script.phases; p++) {
		snprintf(plan->phase[p], sizeof(plan->phase[p]), "%s", script.phase[p].name);
		for (unsigned op = 0; op < OP_COUNT; op++)
			if (script.phase[p].mix.share[op] > 0)
				plan->needs |= OP_BIT(op);
	}
	snprintf(plan->mix, sizeof(plan->mix), "%u phases", script.phases);
	return true;
}

static void *
phases_setup(const struct workload_params *params, char *error, size_t error_size)
{
	struct phases *s = malloc(sizeof(*s));
	char dist[sizeof(params->plan->dist)];

	if (s == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	if (!phases_read(params->options, params->threads, &s->script, dist, sizeof(dist), error, error_size)) {
		free(s);
		return NULL;
	}
	if (strcmp(dist, params->plan->dist) != 0) {
		snprintf(error, error_size, "%s has changed meanwhile", option_text(params->options, "script"));
		free(s);
		return NULL;
	}
	for (unsigned p = 0; p < s->script.phases; p++)
		mix_draws_make(&s->script.phase[p].mix, &s->draws[p]);
	s->seed = params->seed;
	s->batch = option_count(params->options, "batch");
	s->scan_length = option_count(params->options, "scan-length");
	/* A seed of its own: zipf's popular keys must not be the ones present. */
	keys_permutation_init(&s->order, params->plan->keys, random_mix(params->seed + 1));
	return s;
}

static void
phases_teardown(void *state)
{
	free(state);
}

static void
phases_end(struct worker *w)
{
	struct phases_thread *t = w->local;

	for (unsigned p = 0; p < w->plan->phases; p++)
		keys_free(t->keys[p]);
	free(t);
}

static bool
phases_begin(struct worker *w)
{
	const struct phases *s = w->state;
	struct phases_thread *t = aligned_alloc(_Alignof(struct phases_thread), sizeof(*t));

	if (t == NULL)
		return false;
	memset(t, 0, sizeof(*t));
	w->local = t;
	for (unsigned p = 0; p < s->script.phases; p++) {
		const struct keys_spec *dist = &s->script.phase[p].dist;
		/* Where a thread's number is a place in the range it stays what it is. */
		bool place = dist->kind == KEYS_SEQUENTIAL || dist->kind == KEYS_RANGES;

		t->keys[p] = keys_new(dist, w->plan->keys, s->seed, w->thread + (place ? 0 : p * w->threads),
		    place ? w->threads : s->script.phases * w->threads);
		if (t->keys[p] == NULL) {
			phases_end(w);
			return false;
		}
	}
	return true;
}

static void
phases_prefill(struct worker *w)
{
	const struct phases *s = w->state;

	for (uint64_t i = w->thread; i < w->plan->prefill && !worker_done(w); i += w->threads)
		worker_call(w, OP_INSERT, keys_permutation_at(&s->order, i), 0);
}

/* One call, on one key or on several; the first one is drawn already. */
static inline void
phase_call(struct worker *w, struct keys *keys, enum op op, uint64_t key, uint64_t version)
{
	const struct phases *s = w->state;
	struct phases_thread *t = w->local;

	if (op == OP_GET_MANY) {
		t->batch[0] = key;
		keys_fill(keys, t->batch + 1, s->batch - 1);
		worker_get_many(w, t->batch, s->batch);
	} else if (op == OP_SCAN) {
		worker_scan(w, key, s->scan_length);
	} else {
		worker_call(w, op, key, version);
	}
}

static void
phase_run(struct worker *w, unsigned p)
{
	const struct phases *s = w->state;
	const struct script_phase *phase = &s->script.phase[p];
	struct phases_thread *t = w->local;
	uint64_t left = phase->calls / w->threads + (w->thread < phase->calls % w->threads), begin = clock_now_ns(&w->clock);
	uint64_t key[KEYS_BLOCK];
	union random_block draw, op;

	/* Operations come from another stream than keys, and another one in each phase: see keys_new(). */
	random_lanes_seed(&t->random, random_mix(s->seed + 2), ((uint64_t)p * w->threads + w->thread) * RANDOM_LANES);
	while (!worker_done(w) && (phase->calls > 0 ? left > 0 : clock_now_ns(&w->clock) - begin < phase->ns)) {
		unsigned count = phase->calls > 0 && left < KEYS_BLOCK ? (unsigned)left : KEYS_BLOCK;

		keys_fill(t->keys[p], key, KEYS_BLOCK);
		random_lanes_draw(&t->random, &draw);
		mix_draw(&s->draws[p], false, &draw, &op);
		for (unsigned i = 0; i < count; i++)
			phase_call(w, t->keys[p], (enum op)op.word[i], key[i], draw.word[i]);
		left -= phase->calls > 0 ? count : 0;
	}
}

static void
phases_loop(struct worker *w)
{
	for (unsigned p = 0; p < w->plan->phases && (p == 0 || worker_phase(w)); p++)
		phase_run(w, p);
}

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
	.name = "phases",
	.help = "a script of loads, one after the other on one map: --script FILE",
	.options = options,
	.plan = phases_plan,
	.setup = phases_setup,
	.teardown = phases_teardown,
	.begin = phases_begin,
	.end = phases_end,
	.prefill = phases_prefill,
	.loop = phases_loop,
};
