/*
 * reclamation.c - four loads that put reclamation to the test, from one source:
 *
 *	churn      waves: each thread puts its keys in, replaces their values,
 *	           takes them out, and perhaps rests
 *	stall      some threads are parked inside a read, now and then or for ever
 *	longread   some threads do nothing but stay inside a read for a set time
 *	die        some threads end without leaving the map
 *
 * Under the last three all other threads update: half inserts, half removes, on keys
 * of a distribution, so that the size stays and garbage comes at an even
 * rate. The threads of the special kind are the last ones, and work like the others until
 * their time comes. They stop inside subject.hold(), where the scheme
 * protects something, and nowhere else.
 */
/* variants: churn=-DCHURN stall=-DSTALL longread=-DLONGREAD die=-DDIE */
#include <inttypes.h>
#include <string.h>

#include "harness/keys.h"
#include "harness/worker.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define LONGEST_NS (3600 * 1000 * NS_PER_MS)

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

struct load {
	uint64_t keys, seed;
	struct keys_permutation order; /* churn: whose turn comes when; else: which keys are there at first */
#ifdef CHURN
	uint64_t rest_ns;
	_Atomic(uint64_t) refused;     /* operations that did not do what they must */
#else
	struct keys_spec dist;
	uint64_t prefill;
	uint64_t get_below, insert_below; /* draw < get_below: get; else < insert_below: insert; else remove */
	unsigned special;              /* how many threads, the last ones */
	uint64_t every_ns;             /* stall, die */
	uint64_t for_ns;               /* stall, longread: how long inside a read */
	uint64_t gap_ns;               /* longread */
	bool between;                  /* die: between operations */
#endif
};

#ifdef CHURN

/* Where a thread is in its wave: the warm-up may have ended in the middle of one. */
struct thread {
	enum op op;
	uint64_t at; /* of its own keys: number thread, thread + threads, ... of the order */
};

#else

struct thread {
	struct random_lanes random;
	struct keys *keys;
};

#endif

/* ---- Options ---- */

#ifndef CHURN

static bool
dist_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct keys_spec spec;

	if (!keys_parse(text, &spec, error, error_size))
		return false;
	snprintf(canonical, canonical_size, "%s", spec.text);
	return true;
}

#endif

#ifdef STALL

/* "10ms", or "forever". The harness reads times only for options that are nothing else. */
static bool
stall_parse(const char *text, uint64_t *ns, char *error, size_t error_size)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "ns", 1 }, { "us", NS_PER_US }, { "ms", NS_PER_MS }, { "s", 1000 * NS_PER_MS } };
	uint64_t number = 0;
	const char *at = text;

	if (strcmp(text, "forever") == 0) {
		*ns = WORKER_FOREVER;
		return true;
	}
	for (; *at >= '0' && *at <= '9' && number <= LONGEST_NS; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	for (size_t u = 0; at > text && u < sizeof(units) / sizeof(units[0]); u++)
		if (strcmp(at, units[u].name) == 0 && number > 0 && number <= LONGEST_NS / units[u].ns) {
			*ns = number * units[u].ns;
			return true;
		}
	snprintf(error, error_size, "'%s' must be a time such as 1ms or 10ms (ns, us, ms, s; at most 1 hour) or forever",
	    text);
	return false;
}

static bool
stall_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	uint64_t ns;

	if (!stall_parse(text, &ns, error, error_size))
		return false;
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

#endif

static const struct plugin_option options[] = {
#ifdef CHURN
	{ .name = "keys", .letter = 'r', .type = OPTION_COUNT, .initial = "50K", .meta = "N",
	    .least = 1, .most = WORKER_KEYS_MAX, .help = "distinct keys of a wave, all threads together (at most 2^56)" },
	{ .name = "rest", .type = OPTION_TIME, .initial = "0ms", .meta = "TIME", .most = LONGEST_NS,
	    .help = "that a thread leaves the map alone after each wave (at most 1 hour)" },
#else
	{ .name = "keys", .letter = 'r', .type = OPTION_COUNT, .initial = "50K", .meta = "N",
	    .least = 2, .most = WORKER_KEYS_MAX, .help = "size of the key range (at most 2^56)" },
	{ .name = "dist", .type = OPTION_TEXT, .initial = "uniform", .meta = "DIST", .check = dist_check,
	    .help = "how keys are drawn: uniform, zipf:THETA ... (see: list distributions)" },
	{ .name = "update", .letter = 'u', .type = OPTION_COUNT, .initial = "100", .meta = "PCT", .most = 100,
	    .help = "percent updates, half of them inserts, half removes; the others are gets" },
#endif
#ifdef STALL
	{ .name = "stalled", .type = OPTION_COUNT, .initial = "1", .meta = "K", .least = 1, .most = 16384,
	    .help = "threads that are parked inside a read, all at the same times" },
	{ .name = "stall", .type = OPTION_TEXT, .initial = "10ms", .meta = "TIME|forever", .check = stall_check,
	    .help = "how long: a time (at most 1 hour), or forever: until the end of the measured part" },
	{ .name = "every", .type = OPTION_TIME, .initial = "200ms", .meta = "TIME", .least = NS_PER_MS, .most = LONGEST_NS,
	    .help = "from the start to the first stall, and from the begin of one to that of the next (1 ms to 1 hour); less than --duration" },
#endif
#ifdef LONGREAD
	{ .name = "readers", .type = OPTION_COUNT, .initial = "1", .meta = "K", .least = 1, .most = 16384,
	    .help = "threads that only read, and stay inside each read" },
	{ .name = "hold", .type = OPTION_TIME, .initial = "1ms", .meta = "TIME", .least = NS_PER_US, .most = LONGEST_NS,
	    .help = "how long they stay (1 us to 1 hour)" },
	{ .name = "gap", .type = OPTION_TIME, .initial = "0ms", .meta = "TIME", .most = LONGEST_NS,
	    .help = "between two reads (at most 1 hour)" },
#endif
#ifdef DIE
	{ .name = "dying", .type = OPTION_COUNT, .initial = "1", .meta = "K", .least = 1, .most = 16384,
	    .help = "threads that end without leaving the map, one after the other" },
	{ .name = "every", .type = OPTION_TIME, .initial = "100ms", .meta = "TIME", .least = NS_PER_MS, .most = LONGEST_NS,
	    .help = "from the start to the first death, and from one to the next (1 ms to 1 hour); less than --duration" },
	{ .name = "between", .type = OPTION_FLAG, .help = "they end between two operations, not inside a read" },
#endif
	{ .name = NULL },
};

/* The options as the workload needs them; plan and setup both start here. */
static bool
load_read(const struct option_values *values, struct load *l, char *error, size_t error_size)
{
	*l = (struct load){ .keys = option_count(values, "keys") };
#ifdef CHURN
	(void)error;
	(void)error_size;
	l->rest_ns = option_time_ns(values, "rest");
#else
	if (!keys_parse(option_text(values, "dist"), &l->dist, error, error_size))
		return false;
	l->prefill = l->keys / 2;
	/* Of 2^64, in percent; the whole is "always". */
	l->get_below = UINT64_MAX / 100 * (100 - option_count(values, "update"));
	l->insert_below = l->get_below + (UINT64_MAX - l->get_below) / 2;
#endif
#ifdef STALL
	l->special = (unsigned)option_count(values, "stalled");
	l->every_ns = option_time_ns(values, "every");
	if (!stall_parse(option_text(values, "stall"), &l->for_ns, error, error_size))
		return false;
	if (l->for_ns != WORKER_FOREVER && l->for_ns >= l->every_ns) {
		snprintf(error, error_size, "--stall must be shorter than --every, or forever");
		return false;
	}
#endif
#ifdef LONGREAD
	l->special = (unsigned)option_count(values, "readers");
	l->for_ns = option_time_ns(values, "hold");
	l->gap_ns = option_time_ns(values, "gap");
#endif
#ifdef DIE
	l->special = (unsigned)option_count(values, "dying");
	l->every_ns = option_time_ns(values, "every");
	l->between = option_flag(values, "between");
#endif
	return true;
}

static bool
load_plan(const struct option_values *values, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	struct load l;

	if (!load_read(values, &l, error, error_size))
		return false;
	plan->keys = l.keys;
#ifdef CHURN
	(void)threads;
	plan->needs = OP_BIT(OP_INSERT) | OP_BIT(OP_UPSERT) | OP_BIT(OP_REMOVE);
	snprintf(plan->dist, sizeof(plan->dist), "distinct");
	snprintf(plan->mix, sizeof(plan->mix), "insert,upsert,remove");
#else
	if (l.special >= threads) {
		snprintf(error, error_size, "%u such thread%s of --threads %u leave%s none to work", l.special,
		    l.special == 1 ? "" : "s", threads, l.special == 1 ? "s" : "");
		return false;
	}
	plan->prefill = l.prefill;
	plan->needs = OP_BIT(OP_GET) | OP_BIT(OP_INSERT) | OP_BIT(OP_REMOVE);
	snprintf(plan->dist, sizeof(plan->dist), "%s", l.dist.text);
	snprintf(plan->mix, sizeof(plan->mix), "update=%" PRIu64, option_count(values, "update"));
#endif
#if defined(STALL) || defined(LONGREAD)
	plan->needs |= NEEDS_HOLD;
#endif
#ifdef STALL
	plan->stalls = true;
#endif
#ifdef DIE
	plan->needs |= NEEDS_LATE_DETACH | (l.between ? 0 : NEEDS_HOLD);
#ifdef THREAD_SANITIZER
	snprintf(error, error_size, "ThreadSanitizer cannot follow a thread that ends by the system call");
	return false;
#endif
#endif
	return true;
}

/* ---- A trial ---- */

static void *
load_setup(const struct workload_params *params, char *error, size_t error_size)
{
	struct load *l = malloc(sizeof(*l));

	if (l == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	if (!load_read(params->options, l, error, error_size)) {
		free(l);
		return NULL;
	}
	l->seed = params->seed;
	/* A seed of its own: zipf's popular keys must not be the ones present. */
	keys_permutation_init(&l->order, l->keys, random_mix(params->seed + 1));
	return l;
}

static bool
load_begin(struct worker *w)
{
	struct thread *t = aligned_alloc(_Alignof(struct thread), sizeof(*t));

	if (t == NULL)
		return false;
#ifdef CHURN
	*t = (struct thread){ .op = OP_INSERT, .at = w->thread };
#else
	const struct load *l = w->state;

	t->keys = keys_new(&l->dist, l->keys, l->seed, w->thread, w->threads);
	if (t->keys == NULL) {
		free(t);
		return false;
	}
	/* Operations come from another stream than keys: see keys_new(). */
	random_lanes_seed(&t->random, random_mix(l->seed + 2), (uint64_t)w->thread * RANDOM_LANES);
#endif
	w->local = t;
	return true;
}

static void
load_end(struct worker *w)
{
	struct thread *t = w->local;

#ifndef CHURN
	keys_free(t->keys);
#endif
	free(t);
}

#ifdef CHURN

/* insert all, upsert all, remove all: what each operation must say is known. */
static void
load_loop(struct worker *w)
{
	struct load *l = w->state;
	struct thread *t = w->local;
	uint64_t refused = 0;
	uint8_t version = 0;

	if (w->thread >= l->keys) {
		/* More threads than keys. */
		worker_wait(w, WORKER_FOREVER);
		return;
	}
	while (!worker_done(w)) {
		for (unsigned i = 0; i < 64; i++) {
			refused += worker_call(w, t->op, keys_permutation_at(&l->order, t->at), version++) != OP_HIT;
			t->at += w->threads;
			if (t->at < l->keys)
				continue;
			t->at = w->thread;
			t->op = t->op == OP_INSERT ? OP_UPSERT : t->op == OP_UPSERT ? OP_REMOVE : OP_INSERT;
			if (t->op == OP_INSERT && l->rest_ns > 0) {
				worker_wait(w, l->rest_ns);
				break;
			}
		}
	}
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
	snprintf(error, error_size, "%" PRIu64 " operations on keys of one thread's own were refused", refused);
	return false;
}

#else

static void
load_prefill(struct worker *w)
{
	const struct load *l = w->state;

	for (uint64_t i = w->thread; i < l->prefill && !worker_done(w); i += w->threads)
		worker_call(w, OP_INSERT, keys_permutation_at(&l->order, i), 0);
}

/* Some operations of the usual kind; returns one of the keys. */
static uint64_t
load_block(struct worker *w)
{
	const struct load *l = w->state;
	struct thread *t = w->local;
	uint64_t key[KEYS_BLOCK];
	union random_block draw, op;

	keys_fill(t->keys, key, KEYS_BLOCK);
	random_lanes_draw(&t->random, &draw);
	_Static_assert(OP_GET == 0 && OP_INSERT == 1 && OP_REMOVE == 3, "get, insert, remove = 0, 1, 3");
	for (unsigned i = 0; i < KEYS_BLOCK; i++)
		op.word[i] = (uint64_t)(draw.word[i] >= l->get_below) + 2 * (uint64_t)(draw.word[i] >= l->insert_below);
	for (unsigned i = 0; i < KEYS_BLOCK; i++)
		worker_call(w, (enum op)op.word[i], key[i], draw.word[i]);
	return key[0];
}

#ifdef LONGREAD

static void
load_loop(struct worker *w)
{
	const struct load *l = w->state;
	struct thread *t = w->local;
	uint64_t key[KEYS_BLOCK];

	while (!worker_done(w)) {
		if (w->thread + l->special < w->threads) {
			load_block(w);
			continue;
		}
		keys_fill(t->keys, key, KEYS_BLOCK);
		for (unsigned i = 0; i < KEYS_BLOCK && !worker_done(w); i++)
			if (worker_park(w, key[i], l->for_ns, false) && l->gap_ns > 0)
				worker_wait(w, l->gap_ns);
	}
}

#else

static void
load_loop(struct worker *w)
{
	const struct load *l = w->state;
	bool special = w->measured && w->thread + l->special >= w->threads;
	uint64_t next_ns = clock_now_ns(&w->clock) + l->every_ns;

#ifdef DIE
	next_ns += (w->thread + l->special - w->threads) * l->every_ns;
#endif
	while (!worker_done(w)) {
		uint64_t key = load_block(w);

		if (!special || clock_now_ns(&w->clock) < next_ns)
			continue;
#ifdef DIE
		worker_die(w, l->between ? NULL : &key);
#else
		/* An absent key: the next block has another. */
		if (worker_park(w, key, l->for_ns, true))
			next_ns += l->every_ns;
#endif
	}
}

#endif
#endif

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
#if defined(CHURN)
	.name = "churn",
	.help = "waves: each thread inserts keys of its own, replaces their values, removes them",
#elif defined(STALL)
	.name = "stall",
	.help = "updates, while some threads are parked inside a read, for a time or for ever",
#elif defined(LONGREAD)
	.name = "longread",
	.help = "updates, while some threads stay inside each of their reads for a set time",
#else
	.name = "die",
	.help = "updates, while some threads end without leaving the map",
#endif
	.options = options,
	.plan = load_plan,
	.setup = load_setup,
	.teardown = free,
	.begin = load_begin,
	.end = load_end,
#ifdef CHURN
	.verify = load_verify,
#else
	.prefill = load_prefill,
#endif
	.loop = load_loop,
};
