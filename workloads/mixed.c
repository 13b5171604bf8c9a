/*
 * mixed.c - the default load: each thread draws an operation by percentages
 * and a key by a distribution, for a given time.
 *
 * Steady state. A key that is inserted with probability p_i and removed with
 * p_r per operation on it is present p_i / (p_i + p_r) of the time, however
 * often it is drawn. So prefill puts a random subset of that share of the range
 * into the map, whatever the distribution, and the size does not drift.
 *
 * Roles. With --threads readers=R,writers=W readers do --reader-mix, which has no updates, and writers
 * --writer-mix, by default the update part of --mix: so the steady state is that of the writers' mix.
 *
 * hotkey is the same on a few keys of a larger range: --dist is how these few are
 * drawn, the others only are there. So a map meets contention in its usual shape.
 */
/* variants: mixed=-DHOTKEY=0 hotkey=-DHOTKEY=1 */
#include <inttypes.h>
#include <string.h>

#include "harness/keys.h"
#include "harness/mix.h"
#include "harness/worker.h"

#define READS (OP_BIT(OP_GET) | OP_BIT(OP_GET_MANY) | OP_BIT(OP_SCAN))

#if HOTKEY
#define NAME "hotkey"
#define HELP "any percentages of the operations, on 1 to K keys of a range: contention on a map"
#define INITIAL_KEYS "10K"
#define INITIAL_MIX "upsert=100"
#define HOT_MOST 65536
#else
#define NAME "mixed"
#define HELP "any percentages of the operations, on keys of a distribution"
#define INITIAL_KEYS "200K"
#define INITIAL_MIX "get=90,insert=5,remove=5"
#endif

struct mixed {
	struct keys_spec dist;
	uint64_t seed, keys, prefill;
	uint64_t batch, scan_length;
	struct mix_draws draws[2];    /* readers', writers'; without roles all threads have the first */
	struct keys_permutation order; /* which keys are there at first: the first `prefill` of this order */
	uint64_t drawn;                /* keys that are drawn from: all, or */
	uint64_t *hot;                 /* these: the first `drawn` of the order; else NULL */
};

/* What one thread draws from: keys and operations, each from a generator of its own. */
struct mixed_thread {
	struct random_lanes random;
	struct keys *keys;
	const struct mix_draws *draws;
	uint64_t batch[WORKER_BATCH_MAX]; /* keys of a get_many */
};

static bool
dist_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct keys_spec spec;

	if (!keys_parse(text, &spec, error, error_size))
		return false;
	snprintf(canonical, canonical_size, "%s", spec.text);
	return true;
}

/* One distribution of each kind. */
static const char *
dist_choice(size_t i)
{
	size_t count;
	const struct keys_kind_info *kind = keys_kinds(&count);

	for (size_t k = 0; k < count; k++) {
		const char *text = kind[k].example != NULL || kind[k].parameter != NULL ? kind[k].example : kind[k].name;

		if (text != NULL && i-- == 0)
			return text;
	}
	return NULL;
}

static const struct plugin_option options[] = {
	{ .name = "keys", .letter = 'r', .type = OPTION_COUNT, .initial = INITIAL_KEYS, .meta = "N",
	    .least = 1, .most = WORKER_KEYS_MAX, .help = "size of the key range (at most 2^56)" },
#if HOTKEY
	{ .name = "hot", .type = OPTION_COUNT, .initial = "1", .meta = "K", .least = 1, .most = HOT_MOST,
	    .help = "keys that the operations are on (1 to 65536)" },
#endif
	{ .name = "dist", .type = OPTION_TEXT, .initial = "uniform", .meta = "DIST", .check = dist_check,
	    .choice = dist_choice,
	    .help = "how keys are drawn: uniform, zipf:THETA ... (see: list distributions)" },
	{ .name = "mix", .type = OPTION_TEXT, .meta = "OP=PCT,...", .check = mix_check,
	    .help = "percentages of the calls: get, insert, upsert, remove, replace, modify, get_many, scan; they sum to 100 "
	            "(default " INITIAL_MIX ")" },
	{ .name = "reader-mix", .type = OPTION_TEXT, .meta = "OP=PCT,...", .check = mix_check,
	    .help = "with roles: what readers do, get, get_many and scan (default get=100)" },
	{ .name = "writer-mix", .type = OPTION_TEXT, .meta = "OP=PCT,...", .check = mix_check,
	    .help = "with roles: what writers do (default the updates of the mix, in the same proportion)" },
	{ .name = "batch", .type = OPTION_COUNT, .initial = "32", .meta = "N", .least = 1, .most = WORKER_BATCH_MAX,
	    .help = "keys of a get_many (1 to 1024)" },
	{ .name = "scan-length", .type = OPTION_COUNT, .initial = "100", .meta = "N", .least = 1,
	    .most = WORKER_BATCH_MAX, .help = "pairs that a scan asks for (1 to 1024)" },
	{ .name = "update", .letter = 'u', .type = OPTION_COUNT, .meta = "PCT", .most = 100,
	    .help = "instead of --mix: PCT percent updates, half of them inserts, half removes" },
	{ .name = "prefill", .letter = 'i', .type = OPTION_COUNT, .meta = "N",
	    .help = "keys in the map at first (default: the mix's steady state, keys x insert / (insert + remove); "
	            "half of the range without updates)" },
	{ .name = NULL },
};

/* The updates of a mix, shares scaled to the whole; what rounding leaves over goes to the largest. False: it has none. */
static bool
mix_updates(const struct mix *all, struct mix *updates)
{
	uint64_t sum = 0;
	unsigned largest = OP_INSERT, given = 0;

	*updates = (struct mix){ { 0 } };
	for (unsigned op = 0; op < OP_COUNT; op++)
		if ((OP_BIT(op) & READS) == 0) {
			sum += all->share[op];
			largest = all->share[op] > all->share[largest] ? op : largest;
		}
	for (unsigned op = 0; op < OP_COUNT && sum > 0; op++)
		if ((OP_BIT(op) & READS) == 0)
			given += updates->share[op] = (unsigned)((uint64_t)all->share[op] * MIX_WHOLE / sum);
	updates->share[largest] += sum > 0 ? MIX_WHOLE - given : 0;
	return sum > 0;
}

/* What readers and writers do: at first both are --mix. */
static bool
roles_read(const struct option_values *values, struct mix role[2], char *error, size_t error_size)
{
	struct mix all = role[1];

	if (!mix_parse(option_is_set(values, "reader-mix") ? option_text(values, "reader-mix") : "get=100", &role[0], error,
	        error_size))
		return false;
	for (unsigned op = 0; op < OP_COUNT; op++)
		if ((OP_BIT(op) & READS) == 0 && role[0].share[op] > 0) {
			snprintf(error, error_size, "--reader-mix: %s is an update, and readers make none", op_names[op]);
			return false;
		}
	if (option_is_set(values, "writer-mix"))
		return mix_parse(option_text(values, "writer-mix"), &role[1], error, error_size);
	if (!mix_updates(&all, &role[1])) {
		snprintf(error, error_size, "the mix has no updates for writers: say what they do with --writer-mix");
		return false;
	}
	return true;
}

/*
 * The options as the workload needs them; plan and setup both start here. roles: threads have
 * some. mix: what readers and what writers do; without roles, both what all do.
 */
static bool
mixed_read(const struct option_values *values, bool roles, struct mixed *m, struct mix mix[2], char *error,
    size_t error_size)
{
	uint64_t in, out;

	m->keys = m->drawn = option_count(values, "keys");
#if HOTKEY
	m->drawn = option_count(values, "hot");
	if (m->drawn > m->keys) {
		snprintf(error, error_size, "--hot: there are no %" PRIu64 " keys in a range of %" PRIu64, m->drawn, m->keys);
		return false;
	}
#endif
	m->batch = option_count(values, "batch");
	m->scan_length = option_count(values, "scan-length");
	if (!keys_parse(option_text(values, "dist"), &m->dist, error, error_size) ||
	    !keys_fit(&m->dist, m->keys, error, error_size))
		return false;
	if (option_is_set(values, "update")) {
		unsigned update = (unsigned)option_count(values, "update") * 1000;

		if (option_is_set(values, "mix")) {
			snprintf(error, error_size, "--update and --mix exclude each other");
			return false;
		}
		mix[0] = (struct mix){ { 0 } };
		mix->share[OP_GET] = MIX_WHOLE - update;
		mix->share[OP_INSERT] = mix->share[OP_REMOVE] = update / 2;
	} else if (!mix_parse(option_is_set(values, "mix") ? option_text(values, "mix") : INITIAL_MIX,
	    mix, error, error_size)) {
		return false;
	}
	mix[1] = mix[0];
	if (!roles && (option_is_set(values, "reader-mix") || option_is_set(values, "writer-mix"))) {
		snprintf(error, error_size, "--%s-mix: only with --threads readers=R,writers=W",
		    option_is_set(values, "reader-mix") ? "reader" : "writer");
		return false;
	}
	if (roles && !roles_read(values, mix, error, error_size))
		return false;
	in = mix[1].share[OP_INSERT] + mix[1].share[OP_UPSERT];
	out = mix[1].share[OP_REMOVE];
	/* keys < 2^56 and shares < 2^17 would overflow as a product: divide first. */
	m->prefill = in + out == 0 ? m->keys / 2 :
	    m->keys / (in + out) * in + m->keys % (in + out) * in / (in + out);
	if (option_is_set(values, "prefill")) {
		m->prefill = option_count(values, "prefill");
		if (m->prefill > m->keys) {
			snprintf(error, error_size, "--prefill: %" PRIu64 " keys do not fit into a range of %" PRIu64,
			    m->prefill, m->keys);
			return false;
		}
	}
	for (unsigned role = 0; role < 2; role++)
		mix_draws_make(&mix[role], &m->draws[role]);
	return true;
}

static bool
mixed_plan(const struct option_values *values, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	struct mixed m;
	struct mix mix[2];
	size_t used;

	(void)threads;
	plan->roles = true;
	if (!mixed_read(values, plan->readers > 0, &m, mix, error, error_size))
		return false;
	plan->keys = m.keys;
	plan->prefill = m.prefill;
	snprintf(plan->dist, sizeof(plan->dist), "%s", m.dist.text);
	mix_format(&mix[0], plan->mix, sizeof(plan->mix));
	used = strlen(plan->mix);
	if (plan->readers > 0 && used + 2 < sizeof(plan->mix)) {
		plan->mix[used] = '|';
		mix_format(&mix[1], plan->mix + used + 1, sizeof(plan->mix) - used - 1);
	}
	plan->needs = m.prefill > 0 ? OP_BIT(OP_INSERT) : 0;
	for (unsigned op = 0; op < OP_COUNT; op++)
		if (mix[0].share[op] + mix[1].share[op] > 0)
			plan->needs |= OP_BIT(op);
	return true;
}

static void *
mixed_setup(const struct workload_params *params, char *error, size_t error_size)
{
	struct mixed *m = malloc(sizeof(*m));
	struct mix mix[2];

	if (m == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	if (!mixed_read(params->options, params->plan->readers > 0, m, mix, error, error_size)) {
		free(m);
		return NULL;
	}
	m->seed = params->seed;
	/* A seed of its own: zipf's popular keys must not be the ones present. */
	keys_permutation_init(&m->order, m->keys, random_mix(params->seed + 1));
	m->hot = NULL;
#if HOTKEY
	m->hot = malloc(m->drawn * sizeof(m->hot[0]));
	if (m->hot == NULL) {
		snprintf(error, error_size, "no memory");
		free(m);
		return NULL;
	}
	for (uint64_t i = 0; i < m->drawn; i++)
		m->hot[i] = keys_permutation_at(&m->order, i);
#endif
	return m;
}

static void
mixed_teardown(void *state)
{
	struct mixed *m = state;

	free(m->hot);
	free(m);
}

static bool
mixed_begin(struct worker *w)
{
	const struct mixed *m = w->state;
	struct mixed_thread *t = aligned_alloc(_Alignof(struct mixed_thread), sizeof(*t));

	if (t == NULL)
		return false;
	t->keys = keys_new(&m->dist, m->drawn, m->seed, w->thread, w->threads);
	if (t->keys == NULL) {
		free(t);
		return false;
	}
	/* Operations come from another stream than keys: see keys_new(). */
	random_lanes_seed(&t->random, random_mix(m->seed + 2), (uint64_t)w->thread * RANDOM_LANES);
	t->draws = &m->draws[worker_is_writer(w)];
	w->local = t;
	return true;
}

/* draw_keys - n keys as the distribution says. */
static inline void
draw_keys(const struct mixed *m, struct keys *keys, uint64_t key[], size_t n)
{
	keys_fill(keys, key, n);
#if HOTKEY
	for (size_t i = 0; i < n; i++)
		key[i] = m->hot[key[i]];
#else
	(void)m;
#endif
}

static void
mixed_end(struct worker *w)
{
	struct mixed_thread *t = w->local;

	keys_free(t->keys);
	free(t);
}

static void
mixed_prefill(struct worker *w)
{
	const struct mixed *m = w->state;

	for (uint64_t i = w->thread; i < m->prefill && !worker_done(w); i += w->threads)
		worker_call(w, OP_INSERT, keys_permutation_at(&m->order, i), 0);
}

/* A call on one key or on several. */
static void
mixed_call(struct worker *w, enum op op, uint64_t key, uint64_t version)
{
	const struct mixed *m = w->state;
	struct mixed_thread *t = w->local;

	if (op == OP_GET_MANY) {
		/* The first one is drawn already. */
		t->batch[0] = key;
		draw_keys(m, t->keys, t->batch + 1, m->batch - 1);
		worker_get_many(w, t->batch, m->batch);
	} else if (op == OP_SCAN) {
		worker_scan(w, key, m->scan_length);
	} else {
		worker_call(w, op, key, version);
	}
}

/* plain is a constant where it is called: without several-key operations there is nothing to branch on. */
static inline __attribute__((always_inline)) void
mixed_run(struct worker *w, bool plain)
{
	const struct mixed *m = w->state;
	struct mixed_thread *t = w->local;
	uint64_t key[KEYS_BLOCK];
	union random_block draw, op;

	while (!worker_done(w)) {
		/* In blocks, apart from the calls: done in vectors, and no register
		 * has to be saved across a call. */
		draw_keys(m, t->keys, key, KEYS_BLOCK);
		random_lanes_draw(&t->random, &draw);
		mix_draw(t->draws, plain, &draw, &op);
		/* The high bits chose the operation, the low byte is the version. */
		for (unsigned i = 0; i < KEYS_BLOCK; i++)
			if (plain)
				worker_call(w, (enum op)op.word[i], key[i], draw.word[i]);
			else
				mixed_call(w, (enum op)op.word[i], key[i], draw.word[i]);
	}
}

static void
mixed_loop(struct worker *w)
{
	const struct mixed_thread *t = w->local;

	if (t->draws->plain)
		mixed_run(w, true);
	else
		mixed_run(w, false);
}

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
	.name = NAME,
	.help = HELP,
	.options = options,
	.plan = mixed_plan,
	.setup = mixed_setup,
	.teardown = mixed_teardown,
	.begin = mixed_begin,
	.end = mixed_end,
	.prefill = mixed_prefill,
	.loop = mixed_loop,
};
