/*
 * ycsb.c - the core workloads A to F of the Yahoo! Cloud Serving Benchmark
 * (Cooper et al. 2010, Benchmarking Cloud Serving Systems with YCSB), on a map.
 *
 *	a  50 % read, 50 % update          zipf       d  95 % read, 5 % insert      latest
 *	b  95 % read, 5 % update           zipf       e  95 % scan, 5 % insert      zipf
 *	c  100 % read                      zipf       f  50 % read, 50 % read-modify-write  zipf
 *
 * The map is loaded with --keys records first. read is get; update is upsert of a
 * record that is there; a scan starts at a record and asks for 1 to 100 pairs, uniformly; an
 * insert puts in the next record, the same counter for all threads. read-modify-write is a
 * get and then an upsert, two operations, as in the published client; with --rmw
 * modify it is one atomic step of the map.
 *
 * Where this differs from the published program: keys and values are 64-bit (there:
 * strings, ten fields of 100 bytes); keys are drawn by a zipf over the --keys records
 * themselves, where YCSB draws from 10^10 items and folds them by a hash onto those that
 * there are, which flattens the head; the latest distribution covers the newest --keys
 * records; it is read once every 64 operations which record is the newest; a map's scan is in the map's own
 * order, not in that of the keys.
 */
#include <inttypes.h>
#include <string.h>

#include "harness/keys.h"
#include "harness/worker.h"

enum action { READ, UPDATE, INSERT, SCAN, MODIFY };

static const struct letter {
	enum action often, seldom;
	unsigned seldom_pct;
	const char *dist, *mix;
	unsigned needs;
} letters[] = {
	{ READ, UPDATE, 50, "zipf:0.99", "get=50,upsert=50", OP_BIT(OP_GET) | OP_BIT(OP_UPSERT) },
	{ READ, UPDATE, 5, "zipf:0.99", "get=95,upsert=5", OP_BIT(OP_GET) | OP_BIT(OP_UPSERT) },
	{ READ, READ, 0, "zipf:0.99", "get=100", OP_BIT(OP_GET) },
	{ READ, INSERT, 5, "latest:0.99", "get=95,insert=5", OP_BIT(OP_GET) },
	{ SCAN, INSERT, 5, "zipf:0.99", "scan=95,insert=5", OP_BIT(OP_SCAN) },
	{ READ, MODIFY, 50, "zipf:0.99", "get=50,get+upsert=50", OP_BIT(OP_GET) | OP_BIT(OP_UPSERT) },
};
#define LETTERS (sizeof(letters) / sizeof(letters[0]))

struct ycsb {
	const struct letter *letter;
	struct keys_spec dist;
	uint64_t seed, records, room, scan_length;
	bool atomic_modify;
	uint64_t limit;                /* a draw below it is the seldom action */
	struct keys_permutation order; /* in which the records are loaded */
	CACHE_ALIGNED _Atomic(uint64_t) inserted; /* records begun beyond the first ones */
	_Atomic(uint64_t) refused;     /* inserts of new records that found them */
};

struct ycsb_thread {
	struct random_lanes random;
	struct random length;          /* of scans */
	struct keys *keys;
	uint64_t refused;
};

static bool
letter_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	char letter = (char)(text[0] | 0x20);

	if (letter < 'a' || letter >= 'a' + (char)LETTERS || text[1] != '\0') {
		snprintf(error, error_size, "'%s' is none of the workloads a, b, c, d, e, f", text);
		return false;
	}
	snprintf(canonical, canonical_size, "%c", letter);
	return true;
}

static bool
rmw_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	if (strcmp(text, "read-update") != 0 && strcmp(text, "modify") != 0) {
		snprintf(error, error_size, "'%s' must be read-update or modify", text);
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static bool
dist_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct keys_spec spec;

	if (!keys_parse(text, &spec, error, error_size))
		return false;
	snprintf(canonical, canonical_size, "%s", spec.text);
	return true;
}

static const struct plugin_option options[] = {
	{ .name = "ycsb", .type = OPTION_TEXT, .initial = "a", .meta = "a..f", .check = letter_check,
	    .help = "which of the workloads; also as --workload ycsb:a,ycsb:b ..." },
	{ .name = "keys", .letter = 'r', .type = OPTION_COUNT, .initial = "200K", .meta = "N",
	    .least = 1, .most = WORKER_KEYS_MAX / 2, .help = "records loaded at first (at most 2^55)" },
	{ .name = "dist", .type = OPTION_TEXT, .meta = "DIST", .check = dist_check,
	    .help = "how records are drawn (default zipf:0.99; d: latest:0.99)" },
	{ .name = "scan-length", .type = OPTION_COUNT, .initial = "100", .meta = "N", .least = 1,
	    .most = WORKER_BATCH_MAX, .help = "e: most pairs that a scan asks for, the least is 1 (1 to 1024)" },
	{ .name = "insert-room", .type = OPTION_COUNT, .initial = "20M", .meta = "N", .least = 1,
	    .most = WORKER_KEYS_MAX / 2, .help = "d, e: records that can be put in, warm-up included (at most 2^55)" },
	{ .name = "rmw", .type = OPTION_TEXT, .initial = "read-update", .meta = "HOW", .check = rmw_check,
	    .help = "f: a read-modify-write is read-update, a get and an upsert, or modify, one atomic step" },
	{ .name = NULL },
};

/* The options as the workload needs them; plan and setup both start here. */
static bool
ycsb_read(const struct option_values *values, struct ycsb *y, char *error, size_t error_size)
{
	const struct letter *letter = &letters[option_text(values, "ycsb")[0] - 'a'];
	const char *dist = option_is_set(values, "dist") ? option_text(values, "dist") : letter->dist;

	y->letter = letter;
	y->records = option_count(values, "keys");
	y->room = letter->seldom == INSERT ? option_count(values, "insert-room") : 0;
	y->scan_length = option_count(values, "scan-length");
	y->atomic_modify = letter->seldom == MODIFY && strcmp(option_text(values, "rmw"), "modify") == 0;
	/* seldom_pct / 100 of 2^64, rounded down. */
	y->limit = UINT64_MAX / 100 * letter->seldom_pct;
	return keys_parse(dist, &y->dist, error, error_size) && keys_fit(&y->dist, y->records, error, error_size);
}

static bool
ycsb_plan(const struct option_values *values, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	struct ycsb y;

	(void)threads;
	if (!ycsb_read(values, &y, error, error_size))
		return false;
	plan->keys = y.records;
	plan->room = y.room;
	plan->prefill = plan->size = y.records;
	plan->needs = y.letter->needs | OP_BIT(OP_INSERT);
	if (y.atomic_modify)
		plan->needs = OP_BIT(OP_GET) | OP_BIT(OP_INSERT) | OP_BIT(OP_MODIFY);
	snprintf(plan->variant, sizeof(plan->variant), "%s", option_text(values, "ycsb"));
	snprintf(plan->dist, sizeof(plan->dist), "%s", y.dist.text);
	snprintf(plan->mix, sizeof(plan->mix), "%s", y.atomic_modify ? "get=50,modify=50" : y.letter->mix);
	return true;
}

static void *
ycsb_setup(const struct workload_params *params, char *error, size_t error_size)
{
	struct ycsb *y = aligned_alloc(_Alignof(struct ycsb), sizeof(*y));

	if (y == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	memset(y, 0, sizeof(*y));
	if (!ycsb_read(params->options, y, error, error_size)) {
		free(y);
		return NULL;
	}
	y->seed = params->seed;
	keys_permutation_init(&y->order, y->records, random_mix(params->seed + 1));
	return y;
}

static bool
ycsb_begin(struct worker *w)
{
	const struct ycsb *y = w->state;
	struct ycsb_thread *t = aligned_alloc(_Alignof(struct ycsb_thread), sizeof(*t));

	if (t == NULL)
		return false;
	t->keys = keys_new(&y->dist, y->records, y->seed, w->thread, w->threads);
	if (t->keys == NULL) {
		free(t);
		return false;
	}
	/* Three families: of keys, of actions, of lengths. */
	random_lanes_seed(&t->random, random_mix(y->seed + 2), (uint64_t)w->thread * RANDOM_LANES);
	random_seed(&t->length, random_mix(y->seed + 4), w->thread);
	t->refused = 0;
	w->local = t;
	return true;
}

static void
ycsb_end(struct worker *w)
{
	struct ycsb_thread *t = w->local;

	keys_free(t->keys);
	free(t);
}

static void
ycsb_prefill(struct worker *w)
{
	const struct ycsb *y = w->state;

	for (uint64_t i = w->thread; i < y->records && !worker_done(w); i += w->threads)
		worker_call(w, OP_INSERT, keys_permutation_at(&y->order, i), 0);
}

/* The next new record; where there is no room for one, a get instead, and verify tells. */
static void
ycsb_insert(struct worker *w, struct ycsb *y, uint64_t key, uint64_t version)
{
	struct ycsb_thread *t = w->local;
	/* relaxed: numbers are given out, nothing is published by them. */
	uint64_t number = atomic_fetch_add_explicit(&y->inserted, 1, memory_order_relaxed);

	if (UNLIKELY(number >= y->room))
		worker_call(w, OP_GET, key, 0);
	else
		t->refused += worker_call(w, OP_INSERT, y->records + number, version) != OP_HIT;
}

static inline void
ycsb_act(struct worker *w, struct ycsb *y, enum action action, uint64_t key, uint64_t version)
{
	struct ycsb_thread *t = w->local;

	switch (action) {
	case READ:
		worker_call(w, OP_GET, key, 0);
		return;
	case UPDATE:
		worker_call(w, OP_UPSERT, key, version);
		return;
	case INSERT:
		ycsb_insert(w, y, key, version);
		return;
	case SCAN:
		worker_scan(w, key, 1 + random_below(&t->length, y->scan_length));
		return;
	case MODIFY:
		if (y->atomic_modify) {
			worker_call(w, OP_MODIFY, key, version);
		} else {
			worker_call(w, OP_GET, key, 0);
			worker_call(w, OP_UPSERT, key, version);
		}
		return;
	}
}

static void
ycsb_loop(struct worker *w)
{
	struct ycsb *y = w->state;
	struct ycsb_thread *t = w->local;
	const enum action often = y->letter->often, seldom = y->letter->seldom;
	bool latest = y->dist.kind == KEYS_LATEST;
	uint64_t key[KEYS_BLOCK];
	union random_block draw;

	while (!worker_done(w)) {
		if (latest) {
			/* relaxed: which one is the newest need not be exact. */
			uint64_t inserted = atomic_load_explicit(&y->inserted, memory_order_relaxed);

			keys_newest(t->keys, y->records - 1 + (inserted < y->room ? inserted : y->room));
		}
		keys_fill(t->keys, key, KEYS_BLOCK);
		random_lanes_draw(&t->random, &draw);
		/* The high bits choose the action, the low byte is the version. */
		for (unsigned i = 0; i < KEYS_BLOCK; i++)
			ycsb_act(w, y, draw.word[i] < y->limit ? seldom : often, key[i], draw.word[i]);
	}
	/* relaxed: a sum, read after the workers were waited for. */
	atomic_fetch_add_explicit(&y->refused, t->refused, memory_order_relaxed);
	t->refused = 0;
}

static bool
ycsb_verify(void *state, const struct subject *subject, void *handle, char *error, size_t error_size)
{
	struct ycsb *y = state;
	uint64_t inserted = atomic_load_explicit(&y->inserted, memory_order_relaxed);
	uint64_t refused = atomic_load_explicit(&y->refused, memory_order_relaxed);

	(void)handle;
	if (inserted > y->room) {
		snprintf(error, error_size, "%" PRIu64 " records were to be put in: more than --insert-room", inserted);
		return false;
	}
	if (refused == 0 || (subject->flags & SUBJECT_EMPTY) != 0)
		return true;
	snprintf(error, error_size, "%" PRIu64 " inserts of new records were refused", refused);
	return false;
}

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
	.name = "ycsb",
	.help = "YCSB's workloads a to f: reads, updates, inserts, scans, read-modify-writes; zipf or latest keys",
	.options = options,
	.plan = ycsb_plan,
	.setup = ycsb_setup,
	.teardown = free,
	.begin = ycsb_begin,
	.end = ycsb_end,
	.prefill = ycsb_prefill,
	.loop = ycsb_loop,
	.verify = ycsb_verify,
};
