/*
 * growth.c - a map that grows under load: from --prefill keys to --keys, while
 * others are looked up. How does throughput go meanwhile, and how long does the longest
 * call take? Then the same amount of work at full size, to compare with, and
 * with --shrink all keys out again.
 *
 *	phase    updates                                lookups
 *	grow     insert each key that is missing        of keys that are in
 *	steady   as many upserts, of any of them        of all keys
 *	shrink   remove each key                        of keys that are still in
 *
 * --reads percent of a thread's calls are lookups. Position p of writer w is
 * the key at place p * writers + w of a random order, and it puts its keys in
 * and takes them out in the order of positions. It shows the others up to which one it has come
 * (struct progress): a lookup of a key that must be there has to find it, whatever
 * the map does to grow; every insert must find its key absent, every upsert and
 * remove present.
 *
 * With --threads readers=R,writers=W writers make updates only, and readers look up until the writers
 * are done with a phase.
 *
 * Same seed, same operations per thread: without roles a thread looks up positions that it has
 * come to itself, of any writer; a reader goes by what the writers show, and so by time.
 */
#include <inttypes.h>
#include <string.h>

#include "harness/keys.h"
#include "harness/worker.h"

/* Calls between two looks at the others, and positions announced ahead of being removed. */
#define STRIDE 64u

enum phase { GROW, STEADY, SHRINK, PHASES };

static const char *const phase_names[PHASES] = { "grow", "steady", "shrink" };

/* Of one writer: positions below `in` have been put in, those from `out` on are not taken out yet. */
struct progress {
	CACHE_ALIGNED _Atomic(uint64_t) in, out;
};

struct growth {
	uint64_t keys, prefill, seed;
	uint64_t read_limit;           /* a draw below it is a lookup */
	unsigned writers;              /* all threads, or those whose role it is: the last ones */
	struct keys_permutation order;
	struct progress *progress;     /* writers of them */
	CACHE_ALIGNED _Atomic(unsigned) ended[PHASES]; /* writers that have ended the phase */
	CACHE_ALIGNED _Atomic(uint64_t) refused, missed;
};

struct growth_thread {
	struct random ops, reads;      /* apart, so that neither disturbs the other */
	unsigned writer;               /* its number among them; not a reader's */
	uint64_t share;                /* positions of this thread */
	uint64_t done;                 /* of these: put in, later: taken out */
	uint64_t *in;                  /* of each writer, when last looked at */
	uint64_t refused, missed;
};

static const struct plugin_option options[] = {
	{ .name = "keys", .letter = 'r', .type = OPTION_COUNT, .initial = "1M", .meta = "N",
	    .least = 1, .most = WORKER_KEYS_MAX, .help = "keys that the map grows to (at most 2^56)" },
	{ .name = "prefill", .letter = 'i', .type = OPTION_COUNT, .initial = "0", .meta = "N",
	    .help = "keys in the map at first" },
	{ .name = "reads", .type = OPTION_COUNT, .meta = "PCT", .most = 99,
	    .help = "percent of the calls that look a key up (0 to 99; default 50, or with roles 0 of the writers')" },
	{ .name = "shrink", .type = OPTION_FLAG, .help = "and then take all keys out again" },
	{ .name = NULL },
};

/* Of 100 calls of a thread that is no reader. */
static uint64_t
reads_of(const struct option_values *values, const struct plan *plan)
{
	return option_is_set(values, "reads") ? option_count(values, "reads") : plan->readers > 0 ? 0 : 50;
}

static bool
growth_plan(const struct option_values *values, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	uint64_t reads = reads_of(values, plan);
	bool shrink = option_flag(values, "shrink");

	plan->keys = plan->size = option_count(values, "keys");
	plan->prefill = option_count(values, "prefill");
	plan->roles = true;
	if (plan->prefill > plan->keys || threads > plan->keys - plan->prefill) {
		snprintf(error, error_size, "--prefill: %" PRIu64 " of %" PRIu64 " keys leave none for each of %u threads to put in",
		    plan->prefill, plan->keys, threads);
		return false;
	}
	plan->fixed_work = plan->grows = plan->pauses = true;
	plan->needs = OP_BIT(OP_INSERT) | OP_BIT(OP_UPSERT) | (reads + plan->readers > 0 ? OP_BIT(OP_GET) : 0) |
	    (shrink ? OP_BIT(OP_REMOVE) : 0);
	plan->phases = shrink ? PHASES : PHASES - 1;
	for (unsigned p = 0; p < plan->phases; p++)
		snprintf(plan->phase[p], sizeof(plan->phase[p]), "%s", phase_names[p]);
	snprintf(plan->dist, sizeof(plan->dist), "distinct");
	snprintf(plan->mix, sizeof(plan->mix), "%sget=%" PRIu64 ",%s=%" PRIu64, plan->readers > 0 ? "get=100|" : "", reads,
	    shrink ? "insert/upsert/remove" : "insert/upsert", 100 - reads);
	return true;
}

static void *
growth_setup(const struct workload_params *params, char *error, size_t error_size)
{
	struct growth *g = aligned_alloc(CACHE_LINE_BYTES, sizeof(*g));
	uint64_t reads = reads_of(params->options, params->plan);

	if (g == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	*g = (struct growth){ .keys = params->plan->keys, .prefill = params->plan->prefill, .seed = params->seed,
		.read_limit = UINT64_MAX / 100 * reads,
		.writers = params->threads - params->plan->readers };
	keys_permutation_init(&g->order, g->keys, random_mix(params->seed + 1));
	g->progress = aligned_alloc(CACHE_LINE_BYTES, g->writers * sizeof(*g->progress));
	if (g->progress == NULL) {
		snprintf(error, error_size, "no memory");
		free(g);
		return NULL;
	}
	memset(g->progress, 0, g->writers * sizeof(*g->progress));
	return g;
}

static void
growth_teardown(void *state)
{
	struct growth *g = state;

	free(g->progress);
	free(g);
}

/* Of the first n places of the order, those that are this writer's. */
static uint64_t
share_of(const struct growth *g, unsigned writer, uint64_t n)
{
	return n / g->writers + (writer < n % g->writers);
}

static uint64_t
key_at(const struct growth *g, unsigned writer, uint64_t position)
{
	return keys_permutation_at(&g->order, position * g->writers + writer);
}

static bool
growth_begin(struct worker *w)
{
	const struct growth *g = w->state;
	struct growth_thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return false;
	t->in = calloc(g->writers, sizeof(*t->in));
	if (t->in == NULL) {
		free(t);
		return false;
	}
	if (!worker_is_reader(w)) {
		t->writer = w->thread - w->plan->readers;
		t->share = share_of(g, t->writer, g->keys);
	}
	random_seed(&t->ops, random_mix(g->seed + 2), w->thread);
	random_seed(&t->reads, random_mix(g->seed + 5), w->thread);
	w->local = t;
	return true;
}

static void
growth_end(struct worker *w)
{
	struct growth_thread *t = w->local;

	free(t->in);
	free(t);
}

static void
growth_prefill(struct worker *w)
{
	const struct growth *g = w->state;
	struct growth_thread *t = w->local;
	uint64_t mine = share_of(g, t->writer, g->prefill);

	if (worker_is_reader(w))
		return;
	for (; t->done < mine && !worker_done(w); t->done++)
		worker_call(w, OP_INSERT, key_at(g, t->writer, t->done), 0);
	/* release: pairs with look_around(). */
	atomic_store_explicit(&g->progress[t->writer].in, t->done, memory_order_release);
}

static void
look_around(const struct growth *g, struct growth_thread *t)
{
	for (unsigned i = 0; i < g->writers; i++)
		/* acquire: pairs with the release of who put them in: they are found from now on. */
		t->in[i] = atomic_load_explicit(&g->progress[i].in, memory_order_acquire);
}

/* Look up one of the positions from `first` to `end` of a writer. */
static void
look_up(struct worker *w, unsigned writer, uint64_t first, uint64_t end)
{
	const struct growth *g = w->state;
	struct growth_thread *t = w->local;
	uint64_t position = first + random_below(&t->reads, end - first), share = share_of(g, writer, g->keys);

	/* The last position of some is beyond that of others. */
	position = position < share ? position : share - 1;
	if (worker_call(w, OP_GET, key_at(g, writer, position), 0) == OP_HIT || position >= t->in[writer])
		return;
	/*
	 * It was in before. relaxed: who misses a key because it was removed has seen that removal, which the map published, and
	 * with it the announcement that came first. (roofline publishes nothing: it has that order on x86 alone.)
	 */
	t->missed += position >= atomic_load_explicit(&g->progress[writer].out, memory_order_relaxed);
}

static unsigned
any_writer(const struct growth *g, struct growth_thread *t)
{
	return (unsigned)random_below(&t->reads, g->writers);
}

/* A reader: until the writers have ended the phase. */
static void
read_along(struct worker *w, enum phase phase)
{
	const struct growth *g = w->state;
	struct growth_thread *t = w->local;

	/* relaxed: only whether; worker_phase() orders the rest. */
	for (unsigned call = 0; atomic_load_explicit(&g->ended[phase], memory_order_relaxed) < g->writers && !worker_done(w);
	     call++) {
		unsigned writer = any_writer(g, t);
		uint64_t first, share = share_of(g, writer, g->keys);

		if (call % STRIDE == 0)
			look_around(g, t);
		/* relaxed: a guess at what is still in. */
		first = phase == SHRINK ? atomic_load_explicit(&g->progress[writer].out, memory_order_relaxed) : 0;
		if (phase == GROW)
			look_up(w, writer, 0, t->in[writer] > 0 ? t->in[writer] : 1);
		else
			look_up(w, writer, first < share ? first : share - 1, share);
	}
}

static bool
draws_read(const struct growth *g, struct growth_thread *t)
{
	return random_next(&t->ops) < g->read_limit;
}

static void
grow(struct worker *w)
{
	const struct growth *g = w->state;
	struct growth_thread *t = w->local;

	for (unsigned call = 0; t->done < t->share && !worker_done(w); call++) {
		if (call % STRIDE == 0)
			look_around(g, t);
		if (t->done > 0 && draws_read(g, t)) {
			look_up(w, any_writer(g, t), 0, t->done);
			continue;
		}
		t->refused += worker_call(w, OP_INSERT, key_at(g, t->writer, t->done), 0) != OP_HIT;
		t->done++;
		/* release: pairs with look_around(). */
		atomic_store_explicit(&g->progress[t->writer].in, t->done, memory_order_release);
	}
}

static void
stay(struct worker *w)
{
	const struct growth *g = w->state;
	struct growth_thread *t = w->local;
	uint64_t left = t->share - share_of(g, t->writer, g->prefill);

	look_around(g, t);
	while (left > 0 && !worker_done(w)) {
		if (draws_read(g, t)) {
			look_up(w, any_writer(g, t), 0, t->share);
			continue;
		}
		t->refused += worker_call(w, OP_UPSERT, key_at(g, t->writer, random_below(&t->reads, t->share)), left) != OP_HIT;
		left--;
	}
}

static void
shrink(struct worker *w)
{
	const struct growth *g = w->state;
	struct growth_thread *t = w->local;

	for (t->done = 0; t->done < t->share && !worker_done(w);) {
		if (draws_read(g, t)) {
			look_up(w, any_writer(g, t), t->done, t->share);
			continue;
		}
		if (t->done % STRIDE == 0)
			/* relaxed: before the removals that it announces, whose order in the map carries it to look_up(). */
			atomic_store_explicit(&g->progress[t->writer].out, t->done + STRIDE, memory_order_relaxed);
		t->refused += worker_call(w, OP_REMOVE, key_at(g, t->writer, t->done), 0) != OP_HIT;
		t->done++;
	}
}

static void
growth_loop(struct worker *w)
{
	static void (*const work[PHASES])(struct worker *w) = { grow, stay, shrink };
	struct growth *g = w->state;
	struct growth_thread *t = w->local;

	for (unsigned p = 0; p < w->plan->phases && (p == 0 || worker_phase(w)); p++)
		if (worker_is_reader(w)) {
			read_along(w, (enum phase)p);
		} else {
			work[p](w);
			/* relaxed: see read_along(). */
			atomic_fetch_add_explicit(&g->ended[p], 1, memory_order_relaxed);
		}
	/* relaxed: sums, read after the workers were waited for. */
	atomic_fetch_add_explicit(&g->refused, t->refused, memory_order_relaxed);
	atomic_fetch_add_explicit(&g->missed, t->missed, memory_order_relaxed);
}

static bool
growth_verify(void *state, const struct subject *subject, void *handle, char *error, size_t error_size)
{
	struct growth *g = state;
	uint64_t refused = atomic_load_explicit(&g->refused, memory_order_relaxed);
	uint64_t missed = atomic_load_explicit(&g->missed, memory_order_relaxed);

	(void)handle;
	if ((refused == 0 && missed == 0) || (subject->flags & SUBJECT_EMPTY) != 0)
		return true;
	if (missed > 0)
		snprintf(error, error_size, "%" PRIu64 " lookups did not find a key that was in the map", missed);
	else
		snprintf(error, error_size, "%" PRIu64 " inserts of new keys, or upserts or removes of present ones, were refused",
		    refused);
	return false;
}

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
	.name = "growth",
	.help = "a map grows from nothing to N keys under lookups, stays, and shrinks: throughput over time, longest calls",
	.options = options,
	.plan = growth_plan,
	.setup = growth_setup,
	.teardown = growth_teardown,
	.begin = growth_begin,
	.end = growth_end,
	.prefill = growth_prefill,
	.loop = growth_loop,
	.verify = growth_verify,
};
