/*
 * load.c - N distinct keys into an empty map, then all of them out again; each
 * part by all threads together, a share of a random order each. Every insert
 * must find its key absent, every remove present. --batch puts them in by
 * the map's extend, which may overlap the cache misses of several keys.
 */
#include <inttypes.h>
#include <string.h>

#include "harness/keys.h"
#include "harness/worker.h"

enum part { PART_BOTH, PART_INSERT, PART_REMOVE, PART_COUNT };

static const char *const part_names[PART_COUNT] = { "both", "insert", "remove" };

struct load {
	uint64_t keys;
	enum part part;
	size_t batch; /* 1: insert, one by one */
	struct keys_permutation order;
	_Atomic(uint64_t) refused; /* inserts that found the key, removes that did not */
};

static bool
part_parse(const char *text, enum part *part)
{
	for (unsigned p = 0; p < PART_COUNT; p++)
		if (strcmp(text, part_names[p]) == 0) {
			*part = (enum part)p;
			return true;
		}
	return false;
}

static bool
part_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	enum part part;

	if (!part_parse(text, &part)) {
		snprintf(error, error_size, "'%s' must be both, insert or remove", text);
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static const struct plugin_option options[] = {
	{ .name = "keys", .letter = 'r', .type = OPTION_COUNT, .initial = "1M", .meta = "N",
	    .least = 1, .most = WORKER_KEYS_MAX, .help = "distinct keys (at most 2^56)" },
	{ .name = "part", .type = OPTION_TEXT, .initial = "both", .meta = "PART", .check = part_check,
	    .help = "what is measured: insert, remove, or both one after the other" },
	{ .name = "batch", .type = OPTION_COUNT, .initial = "1", .meta = "N", .least = 1, .most = WORKER_BATCH_MAX,
	    .help = "keys put in with one call of the map's extend, whose latency is that of the call (1: each by insert)" },
	{ .name = NULL },
};

static bool
load_plan(const struct option_values *values, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	enum part part = PART_BOTH;
	bool batches = option_count(values, "batch") > 1;

	(void)threads;
	(void)error;
	(void)error_size;
	plan->keys = option_count(values, "keys");
	plan->fixed_work = true;
	part_parse(option_text(values, "part"), &part);
	plan->needs = batches ? NEEDS_EXTEND : OP_BIT(OP_INSERT);
	if (part != PART_INSERT)
		plan->needs |= OP_BIT(OP_REMOVE);
	plan->prefill = part == PART_REMOVE ? plan->keys : 0;
	for (unsigned p = PART_INSERT; p <= PART_REMOVE; p++)
		if (part == PART_BOTH || part == p)
			snprintf(plan->phase[plan->phases++], PLAN_PHASE_NAME, "%s", part_names[p]);
	snprintf(plan->dist, sizeof(plan->dist), "distinct");
	snprintf(plan->mix, sizeof(plan->mix), "%s%s", part == PART_REMOVE ? "" : batches ? "extend" : "insert",
	    part == PART_BOTH ? ",remove" : part == PART_REMOVE ? "remove" : "");
	return true;
}

static void *
load_setup(const struct workload_params *params, char *error, size_t error_size)
{
	struct load *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	l->keys = option_count(params->options, "keys");
	part_parse(option_text(params->options, "part"), &l->part);
	l->batch = (size_t)option_count(params->options, "batch");
	keys_permutation_init(&l->order, l->keys, random_mix(params->seed + 1));
	return l;
}

/* One operation on each key of this thread's share. Returns how many were not hits. */
static uint64_t
load_share(struct worker *w, enum op op)
{
	const struct load *l = w->state;
	uint64_t refused = 0;

	for (uint64_t i = w->thread; i < l->keys && !worker_done(w); i += w->threads)
		refused += worker_call(w, op, keys_permutation_at(&l->order, i), 0) != OP_HIT;
	return refused;
}

/* The keys of this thread's share into the map. Returns how many were refused. */
static uint64_t
load_in(struct worker *w)
{
	const struct load *l = w->state;
	uint64_t key[WORKER_BATCH_MAX];
	size_t n = 0;

	if (l->batch == 1)
		return load_share(w, OP_INSERT);
	for (uint64_t i = w->thread; i < l->keys && !worker_done(w); i += w->threads) {
		key[n++] = keys_permutation_at(&l->order, i);
		if (n == l->batch) {
			worker_extend(w, key, n);
			n = 0;
		}
	}
	if (n > 0)
		worker_extend(w, key, n);
	return 0;
}

static void
load_prefill(struct worker *w)
{
	const struct load *l = w->state;

	if (l->part == PART_REMOVE)
		load_in(w);
}

static void
load_loop(struct worker *w)
{
	struct load *l = w->state;
	uint64_t refused = 0;

	if (l->part != PART_REMOVE)
		refused += load_in(w);
	if (l->part == PART_BOTH && !worker_phase(w))
		return;
	if (l->part != PART_INSERT)
		refused += load_share(w, OP_REMOVE);
	/* relaxed: a sum, read after the workers were waited for. */
	atomic_fetch_add_explicit(&l->refused, refused, memory_order_relaxed);
}

static bool
load_verify(void *state, const struct subject *subject, void *handle, char *error, size_t error_size)
{
	struct load *l = state;
	uint64_t refused = atomic_load_explicit(&l->refused, memory_order_relaxed);

	(void)handle;
	if (refused == 0 || (subject->flags & SUBJECT_EMPTY) != 0)
		return true;
	snprintf(error, error_size, "%" PRIu64 " inserts of new keys or removes of present keys were refused", refused);
	return false;
}

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
	.name = "load",
	.help = "N distinct keys into an empty map, then all out again (fixed work)",
	.options = options,
	.plan = load_plan,
	.setup = load_setup,
	.teardown = free,
	.prefill = load_prefill,
	.loop = load_loop,
	.verify = load_verify,
};
