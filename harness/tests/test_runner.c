/*
 * The runner against a map whose faults can be chosen: each fault must fail
 * the trial with its own reason, and the right map must pass; every hook runs on
 * its thread and in its turn, also when the trial is cut short anywhere.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/tests/check.h"
#include "harness/runner.h"
#include "harness/worker.h"

#define KEYS 1000u
#define PREFILL 400u
#define THREADS 3u
#define STALL_NS 80000000
#define SPARED 3u /* a key that one worker may want for itself */

/* ---- The map: an array of atomic values, with faults to order ---- */

enum fault {
	FAULT_NONE, FAULT_LOSES, FAULT_INVENTS, FAULT_WRONG_VALUE, FAULT_FORGETS_VALUE, FAULT_NO_MEMORY, FAULT_LEAKS,
	FAULT_CHECK, FAULT_VERIFY, FAULT_CREATE, FAULT_ATTACH, FAULT_BEGIN, FAULT_SETUP, FAULT_HANGS_GET,
	FAULT_HANGS_CREATE, FAULT_HANGS_DESTROY, FAULT_SWAPS_KEYS, FAULT_NONSENSE, FAULT_GET_MISSES,
	FAULT_GET_CONJURES, FAULT_CRASHES, FAULT_EXITS, FAULT_BATCH_MISCOUNTS, FAULT_BATCH_WRONG_VALUE, FAULT_BATCH_MISSES,
	FAULT_STALLS_ONCE, FAULT_SCAN_OVERFLOWS, FAULT_SCAN_OUT_OF_RANGE, FAULT_SCAN_SKIPS, FAULT_TWICE,
	FAULT_OVER_BOUND,
	FAULT_STALLED, /* none: garbage grows while a read is held, and is 5 objects else */
	FAULT_SWINGS,  /* none: garbage is 0 and 128 objects in turns, held or not */
};

#define BOUND (UINT64_C(1) << 40)

static struct {
	enum fault fault;
	_Atomic(uint64_t) slot[KEYS];
	_Atomic(uint64_t) copied; /* a key that is there twice, plus 1 */
	_Atomic(bool) measuring; /* main has been told of that stage */
	bool spares;             /* mixed_loop() leaves SPARED alone */
	_Atomic(unsigned) stalls, inserts, invented, attached, paused, begun, maps, states, flushed;
	_Atomic(unsigned) main_hooks_elsewhere;
	_Atomic(uint64_t) retired, freed;
	_Atomic(unsigned) held, holds, dead, looks;
	pthread_t main_thread;
	volatile sig_atomic_t interrupt;
	const char *interrupt_in; /* the stage in which to interrupt */
} t;

static struct handle { unsigned thread; struct reclaim_probe probe; } handles[THREADS + 1];

static void
on_main(void)
{
	if (!pthread_equal(pthread_self(), t.main_thread))
		atomic_fetch_add_explicit(&t.main_hooks_elsewhere, 1, memory_order_relaxed);
}

static unsigned
bump(_Atomic(unsigned) *counter)
{
	return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void
drop(_Atomic(unsigned) *counter)
{
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

static void
hang(void)
{
	for (;;)
		pause();
}

static void *
map_create(const struct subject_params *params, char *error, size_t error_size)
{
	on_main();
	CHECK(params->keys == KEYS && params->threads == THREADS);
	if (t.fault == FAULT_HANGS_CREATE)
		hang();
	if (t.fault == FAULT_CREATE) {
		snprintf(error, error_size, "no map today");
		return NULL;
	}
	bump(&t.maps);
	return &t;
}

static void
map_destroy(void *map, struct reclaim_stats *last)
{
	on_main();
	CHECK(map == &t);
	if (t.fault == FAULT_HANGS_DESTROY)
		hang();
	drop(&t.maps);
	*last = (struct reclaim_stats){ .retired = t.retired, .freed = t.fault == FAULT_LEAKS ? t.retired - 7 : t.retired };
}

static void *
map_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	CHECK(map == &t && thread <= THREADS && probe != NULL);
	if (t.fault == FAULT_ATTACH && thread == 1)
		return NULL;
	bump(&t.attached);
	handles[thread].thread = thread;
	handles[thread].probe = *probe;
	return &handles[thread];
}

static void
map_detach(void *handle)
{
	(void)handle;
	drop(&t.attached);
}

static void
map_pause(void *handle)
{
	CHECK(handle != NULL);
	bump(&t.paused);
}

static void
map_resume(void *handle)
{
	CHECK(handle != NULL);
	drop(&t.paused);
}

static void
map_flush(void *handle)
{
	CHECK(handle != NULL);
	bump(&t.flushed);
}

static enum op_result
map_get(void *handle, uint64_t key, uint64_t *value)
{
	uint64_t seen = atomic_load_explicit(&t.slot[key], memory_order_relaxed);

	if (t.fault == FAULT_HANGS_GET && ((struct handle *)handle)->thread == 2)
		hang();
	if (t.fault == FAULT_STALLS_ONCE && ((struct handle *)handle)->thread == 1 &&
	    atomic_load_explicit(&t.measuring, memory_order_relaxed) && bump(&t.stalls) == 0)
		nanosleep(&(struct timespec){ .tv_nsec = STALL_NS }, NULL);
	if (t.fault == FAULT_NONSENSE && key == 5)
		return (enum op_result)(4 + check_seed % 2); /* no bit trick makes a miss or a hit of it */
	if (t.fault == FAULT_GET_MISSES)
		return OP_MISS;
	if (t.fault == FAULT_EXITS)
		exit(0);
	if (t.fault == FAULT_CRASHES)
		abort();
	if (seen == 0 && t.fault == FAULT_GET_CONJURES && key == 9) {
		*value = worker_value(key, 0);
		return OP_HIT;
	}
	if (seen == 0)
		return OP_MISS;
	if (t.fault != FAULT_FORGETS_VALUE)
		*value = t.fault == FAULT_WRONG_VALUE && key == 77 ? seen + 0x100 : seen;
	return OP_HIT;
}

/* Only the call that stalls resizes. */
static uint64_t
map_resizings(void *handle)
{
	(void)handle;
	return atomic_load_explicit(&t.stalls, memory_order_relaxed) > 0;
}

static enum op_result
map_insert(void *handle, uint64_t key, uint64_t *value)
{
	unsigned nth = bump(&t.inserts);
	uint64_t none = 0;

	(void)handle;
	if (t.fault == FAULT_NO_MEMORY && nth == 500)
		return OP_NOMEM;
	/* A second copy of a key that is there already: what was put in adds up. */
	if (t.fault == FAULT_TWICE && nth >= 500 && atomic_load_explicit(&t.slot[key], memory_order_relaxed) != 0) {
		uint64_t copy = 0;

		if (atomic_compare_exchange_strong_explicit(&t.copied, &copy, key + 1, memory_order_relaxed,
		    memory_order_relaxed))
			return OP_HIT;
	}
	if (t.fault == FAULT_LOSES && nth == 500)
		return OP_HIT;
	if (t.fault == FAULT_SWAPS_KEYS && nth < 2) /* two keys change places: count and values agree */
		key = (key + 1) % KEYS;
	if (!atomic_compare_exchange_strong_explicit(&t.slot[key], &none, *value, memory_order_relaxed,
	    memory_order_relaxed))
		return OP_MISS;
	if (t.fault == FAULT_INVENTS && nth >= 500 &&
	    atomic_fetch_add_explicit(&t.invented, 1, memory_order_relaxed) == 0)
		return OP_MISS;
	return OP_HIT;
}

static enum op_result
map_upsert(void *handle, uint64_t key, uint64_t *value)
{
	const struct handle *h = handle;

	/* Each upsert has a pass inside, and nothing else has. */
	reclaim_pass_begin(&h->probe);
	reclaim_pass_end(&h->probe, 2, 1, 1);
	*value = atomic_exchange_explicit(&t.slot[key], *value, memory_order_relaxed);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
map_remove(void *handle, uint64_t key, uint64_t *value)
{
	(void)handle;
	if (t.fault == FAULT_TWICE)
		return OP_MISS; /* a copy has its key beside it to the end */
	*value = atomic_exchange_explicit(&t.slot[key], 0, memory_order_relaxed);
	if (*value == 0)
		return OP_MISS;
	atomic_fetch_add_explicit(&t.retired, 1, memory_order_relaxed);
	return OP_HIT;
}

static enum op_result
map_change(uint64_t key, uint64_t *value, bool modify)
{
	uint64_t seen = atomic_load_explicit(&t.slot[key], memory_order_relaxed);

	while (seen != 0)
		if (atomic_compare_exchange_weak_explicit(&t.slot[key], &seen,
		    modify ? op_modified(seen, *value) : *value, memory_order_relaxed, memory_order_relaxed)) {
			*value = seen;
			return OP_HIT;
		}
	return OP_MISS;
}

static enum op_result
map_replace(void *handle, uint64_t key, uint64_t *value)
{
	(void)handle;
	return map_change(key, value, false);
}

static enum op_result
map_modify(void *handle, uint64_t key, uint64_t *value)
{
	(void)handle;
	return map_change(key, value, true);
}

static size_t
map_get_many(void *handle, const uint64_t keys[], uint64_t values[], bool found[], size_t n)
{
	size_t hits = 0;

	(void)handle;
	for (size_t i = 0; i < n; i++) {
		CHECK(values[i] == 0 && !found[i]);
		values[i] = atomic_load_explicit(&t.slot[keys[i]], memory_order_relaxed);
		found[i] = values[i] != 0;
		if (t.fault == FAULT_BATCH_MISSES && keys[i] % 10 == 3)
			found[i] = false;
		if (t.fault == FAULT_BATCH_WRONG_VALUE && values[i] != 0)
			values[i] += 0x100;
		hits += found[i];
	}
	return hits + (t.fault == FAULT_BATCH_MISCOUNTS);
}

static size_t
map_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	size_t pairs = 0;

	(void)handle;
	for (uint64_t key = from + (t.fault == FAULT_SCAN_SKIPS); key < KEYS && pairs < n; key++) {
		keys[pairs] = key;
		values[pairs] = atomic_load_explicit(&t.slot[key], memory_order_relaxed);
		pairs += values[pairs] != 0;
	}
	if (t.fault == FAULT_SCAN_OUT_OF_RANGE && pairs > 0) {
		keys[0] = KEYS;
		values[0] = worker_value(KEYS, 0);
	}
	return t.fault == FAULT_SCAN_OVERFLOWS ? n + 1 : pairs;
}

static void
map_stats(void *map, struct reclaim_stats *stats)
{
	CHECK(map == &t);
	stats->freed = atomic_load_explicit(&t.freed, memory_order_relaxed);
	stats->retired = atomic_load_explicit(&t.retired, memory_order_relaxed);
	stats->scans = 1;
	stats->bound = t.fault == FAULT_OVER_BOUND ? 10 : BOUND;
	if (t.fault == FAULT_STALLED && t.holds > 0) {
		stats->retired = atomic_fetch_add_explicit(&t.retired, 1000, memory_order_relaxed);
		if (t.held == 0)
			atomic_store_explicit(&t.freed, stats->retired - 5, memory_order_relaxed);
		stats->freed = t.held == 0 ? stats->retired - 5 : atomic_load_explicit(&t.freed, memory_order_relaxed);
	} else if (t.fault == FAULT_STALLED) {
		stats->freed = stats->retired - 5;
		atomic_store_explicit(&t.freed, stats->freed, memory_order_relaxed);
	} else if (t.fault == FAULT_SWINGS) {
		stats->retired += 128;
		stats->freed = stats->retired - 128 * (atomic_fetch_add_explicit(&t.looks, 1, memory_order_relaxed) % 2);
	}
}

static bool
map_hold(void *handle, uint64_t key)
{
	CHECK(handle != NULL);
	if (t.slot[key] == 0)
		return false;
	bump(&t.holds);
	bump(&t.held);
	return true;
}

static void
map_release(void *handle)
{
	CHECK(handle != NULL && t.held > 0);
	drop(&t.held);
}

static void
map_pending(void *map, void (*visit)(void *arg, uint64_t retired_at_ns), void *arg)
{
	on_main();
	CHECK(map == &t && t.paused + t.dead == THREADS);
	visit(arg, 1);
}

static void
map_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	on_main();
	CHECK(handle == &handles[THREADS] && t.paused + t.dead == THREADS);
	for (uint64_t key = 0; key < KEYS; key++)
		if (t.slot[key] != 0)
			visit(arg, key, t.slot[key]);
	if (t.copied != 0)
		visit(arg, t.copied - 1, worker_value(t.copied - 1, 0));
}

static bool
map_check(void *handle, char *error, size_t error_size)
{
	on_main();
	CHECK(handle == &handles[THREADS]);
	snprintf(error, error_size, "a bent node");
	return t.fault != FAULT_CHECK;
}

static const struct subject subject = {
	.version = PLUGIN_VERSION, .name = "fault", .help = "", .reclaimer = "fake", .progress = "lock-free",
	.create = map_create, .destroy = map_destroy, .attach = map_attach, .detach = map_detach,
	.pause = map_pause, .resume = map_resume, .flush = map_flush,
	.resizings = map_resizings,
	.get = map_get, .insert = map_insert, .upsert = map_upsert, .remove = map_remove,
	.replace = map_replace, .modify = map_modify, .get_many = map_get_many, .scan = map_scan,
	.hold = map_hold, .release = map_release,
	.stats = map_stats, .pending = map_pending, .each = map_each, .check = map_check,
};

/* ---- The load ---- */

static void *
load_setup(const struct workload_params *params, char *error, size_t error_size)
{
	on_main();
	CHECK(params->threads == THREADS);
	if (t.fault == FAULT_SETUP) {
		snprintf(error, error_size, "no load today");
		return NULL;
	}
	bump(&t.states);
	return &handles;
}

static void
load_teardown(void *state)
{
	on_main();
	CHECK(state == &handles);
	drop(&t.states);
}

static bool
load_begin(struct worker *w)
{
	CHECK(w->state == &handles && w->handle == &handles[w->thread]);
	if (t.fault == FAULT_BEGIN && w->thread == 2)
		return false;
	bump(&t.begun);
	w->local = w;
	return true;
}

static void
load_end(struct worker *w)
{
	CHECK(w->local == w);
	drop(&t.begun);
}

static void
load_prefill(struct worker *w)
{
	for (uint64_t key = w->thread; key < PREFILL; key += w->threads)
		worker_call(w, OP_INSERT, key, 0);
	/* Slow enough for an interrupt to meet it. */
	while (t.interrupt_in != NULL && strcmp(t.interrupt_in, "prefill") == 0 && !worker_done(w))
		usleep(1000);
}

static void
mixed_loop(struct worker *w)
{
	struct random random;

	random_seed(&random, w->seed, w->thread);
	while (!worker_done(w))
		for (unsigned i = 0; i < 64; i++) {
			uint64_t key = random_below(&random, KEYS);

			if (!t.spares || key != SPARED)
				worker_call(w, (enum op)random_below(&random, OP_KEYED), key, i);
		}
}

static void
batch_loop(struct worker *w)
{
	struct random random;
	uint64_t keys[20];

	random_seed(&random, w->seed, w->thread);
	while (!worker_done(w)) {
		for (unsigned i = 0; i < 20; i++)
			keys[i] = random_below(&random, KEYS);
		worker_get_many(w, keys, 1 + random_below(&random, 20));
		worker_scan(w, keys[0], 1 + random_below(&random, 50));
	}
}

static void
get_loop(struct worker *w)
{
	while (!worker_done(w))
		for (uint64_t key = 0; key < KEYS; key++)
			worker_call(w, OP_GET, key, 0);
}

static bool
load_verify(void *state, const struct subject *s, void *handle, char *error, size_t error_size)
{
	on_main();
	CHECK(state == &handles && s == &subject && handle == &handles[THREADS]);
	snprintf(error, error_size, "not my keys");
	return t.fault != FAULT_VERIFY;
}

static const struct workload mixed = {
	.version = PLUGIN_VERSION, .name = "test-mixed", .help = "", .setup = load_setup, .teardown = load_teardown,
	.begin = load_begin, .end = load_end, .prefill = load_prefill, .loop = mixed_loop, .verify = load_verify,
};

static const struct workload batches = {
	.version = PLUGIN_VERSION, .name = "test-batches", .help = "", .setup = load_setup, .teardown = load_teardown,
	.begin = load_begin, .end = load_end, .prefill = load_prefill, .loop = batch_loop, .verify = load_verify,
};

/* Each thread puts its share of 300 keys in, looks for the others', takes its own out again. */
static void
three_phases_loop(struct worker *w)
{
	for (uint64_t key = w->thread; key < 300; key += w->threads)
		worker_call(w, OP_UPSERT, key, 0);
	if (w->thread == 0)
		usleep(20000); /* the others must wait for it */
	if (!worker_phase(w))
		return;
	for (uint64_t key = 0; key < 300; key++)
		CHECK(worker_call(w, OP_GET, key, 0) == OP_HIT);
	if (!worker_phase(w))
		return;
	for (uint64_t key = w->thread; key < 200; key += w->threads)
		CHECK(worker_call(w, OP_REMOVE, key, 0) == OP_HIT);
}

static const struct workload three_phases = {
	.version = PLUGIN_VERSION, .name = "test-phases", .help = "", .loop = three_phases_loop,
};

/* What the last thread does beside: parks twice, parks for ever, dies. */
static enum { PARKS_TWICE, PARKS_FOREVER, DIES_INSIDE, DIES_BETWEEN, WAITS } special;

static void
special_loop(struct worker *w)
{
	uint64_t present = SPARED;

	if (w->thread == THREADS - 1 && w->measured) {
		worker_call(w, OP_UPSERT, present, 0);
		usleep(8000);
		switch (special) {
		case PARKS_TWICE:
			for (unsigned i = 0; i < 2; i++) {
				/* The others remove it now and then. */
				while (!worker_park(w, present, 8000000, true) && !worker_done(w))
					worker_call(w, OP_UPSERT, present, 0);
				usleep(8000);
			}
			break;
		case PARKS_FOREVER:
			while (!worker_park(w, present, WORKER_FOREVER, true) && !worker_done(w))
				worker_call(w, OP_UPSERT, present, 0);
			break;
		case DIES_INSIDE:
			while (t.slot[present] == 0)
				worker_call(w, OP_UPSERT, present, 0);
			bump(&t.dead);
			worker_die(w, &present);
		case DIES_BETWEEN:
			bump(&t.dead);
			worker_die(w, NULL);
		case WAITS:
			worker_wait(w, WORKER_FOREVER);
			break;
		}
	}
	mixed_loop(w);
}

/* ---- Running it ---- */

static void
tick(void *arg, const char *stage, double done_share, double mops)
{
	CHECK(isnan(mops) || mops >= 0);
	(void)arg;
	CHECK(done_share >= 0 && done_share <= 1);
	if (t.interrupt_in != NULL && strcmp(stage, t.interrupt_in) == 0)
		t.interrupt = 1;
	atomic_store_explicit(&t.measuring, strcmp(stage, "measure") == 0, memory_order_relaxed);
}

struct run {
	enum trial_status status;
	struct record *record;
	char error[256];
};

static struct clock test_clock;
static struct topology *test_topology;

static struct trial_request
request(void)
{
	static struct plan plan;
	char error[256];

	plan = (struct plan){ .keys = KEYS, .needs = 15, .prefill = PREFILL, .dist = "d", .mix = "m" };
	if (test_topology == NULL) {
		clock_init(&test_clock);
		test_topology = topology_open(NULL, error, sizeof(error));
		CHECK(test_topology != NULL);
	}
	return (struct trial_request){
		.subject = &subject, .workload = &mixed, .plan = &plan, .threads = THREADS, .seed = check_seed,
		.topology = test_topology, .membind = "none", .clock = &test_clock, .duration_ns = 40000000,
		.warmup_ns = 5000000, .sample_interval_ns = 2000000, .watchdog_ns = 30000000000, .latency_shift = 3,
		.smr_stats = SMR_SAMPLED, .interrupted = &t.interrupt, .tick = tick,
	};
}

static struct run
run(enum fault fault, const struct trial_request *q)
{
	struct run r = { .record = record_new(THREADS) };

	CHECK(r.record != NULL);
	t.fault = fault;
	t.main_thread = pthread_self();
	r.status = runner_run(q, r.record, r.error, sizeof(r.error));
	/* Whatever happened, everything was given back. */
	CHECK_EQ(t.attached, 0);
	CHECK_EQ(t.paused, 0);
	CHECK_EQ(t.held, 0);
	CHECK_EQ(t.begun, 0);
	CHECK_EQ(t.maps, 0);
	CHECK_EQ(t.states, 0);
	CHECK_EQ(t.main_hooks_elsewhere, 0);
	return r;
}

static void
a_right_map_passes_and_its_figures_add_up(void)
{
	struct trial_request q = request();
	struct run r = run(FAULT_NONE, &q);
	uint64_t ops = 0;

	CHECK(r.status == TRIAL_DONE);
	if (!r.record->valid)
		fprintf(stderr, "# %s\n", r.record->why);
	CHECK(r.record->valid);
	CHECK(strcmp(r.record->subject, "fault") == 0 && strcmp(r.record->workload, "test-mixed") == 0);
	CHECK(strcmp(r.record->dist, "d") == 0 && strcmp(r.record->mix, "m") == 0);
	CHECK_EQ(t.flushed, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		ops += r.record->thread[i].ops;
		CHECK_EQ(r.record->thread[i].cpu, -1);
		CHECK(r.record->thread[i].elapsed_ns >= q.duration_ns);
	}
	CHECK(ops > 0);
	CHECK_EQ(r.record->ops, ops);
	CHECK_EQ(r.record->hits + r.record->misses, ops);
	CHECK(r.record->elapsed_s >= 0.04 && r.record->elapsed_s < 10);
	/* mops is a sum of rates: near ops / elapsed, never below it. */
	CHECK(r.record->mops * 1e6 * r.record->elapsed_s >= (double)ops * 0.999999);
	CHECK(r.record->jain > 1.0 / THREADS - 1e-9 && r.record->jain <= 1 + 1e-9);
	CHECK(r.record->hit_ratio > 0 && r.record->hit_ratio < 1);
	CHECK_EQ(r.record->latency_lost, 0);
	/* One call in 8 is timed: far from none and from all. */
	CHECK(r.record->latency_samples > ops / 16 && r.record->latency_samples < ops / 4);
	CHECK(r.record->samples >= 2);
	for (size_t i = 1; i < r.record->samples; i++)
		CHECK(r.record->sample[i].at_ns > r.record->sample[i - 1].at_ns);
	CHECK(r.record->sample[0].rss_bytes > 100000);
	CHECK_EQ(r.record->bound, BOUND);
	CHECK_EQ(r.record->freed, 0);
	CHECK(r.record->retired > 0 && r.record->pending_stop >= r.record->retired);
	CHECK(r.record->pending_peak == r.record->pending_stop);
	CHECK(r.record->pending_mean > 0 && r.record->pending_mean <= (double)r.record->pending_peak);
	CHECK_EQ(r.record->censored_samples, 1);
	CHECK(r.record->size_before > 0 && r.record->size_after > 0);
	record_free(r.record);
}

/* A batch of n counts as n operations and one timed call, a scan as one, its pairs apart. */
static void
batches_and_scans_add_up(void)
{
	struct trial_request q = request();
	struct run r;
	uint64_t batches_timed, scans_timed;

	q.workload = &batches;
	q.latency_shift = 0;
	r = run(FAULT_NONE, &q);
	if (!r.record->valid)
		fprintf(stderr, "# %s\n", r.record->why);
	CHECK(r.status == TRIAL_DONE && r.record->valid);
	batches_timed = r.record->histogram[RECORD_GET_MANY].total;
	scans_timed = r.record->histogram[RECORD_SCAN].total;
	CHECK(batches_timed > 100 && batches_timed == scans_timed);
	CHECK_EQ(r.record->latency_samples, batches_timed + scans_timed);
	CHECK(r.record->get_many_p50_ns <= r.record->get_many_max_ns && r.record->get_many_max_ns != UINT64_MAX);
	CHECK(r.record->scan_p50_ns <= r.record->scan_max_ns && r.record->scan_max_ns != UINT64_MAX);
	/* The mean batch has 10.5 keys, of 1000 of which 400 are there: 3 sigma are far less than a tenth. */
	CHECK(fabs((double)(r.record->ops - scans_timed) / (double)batches_timed - 10.5) < 1);
	CHECK(fabs(r.record->hit_ratio - 0.4) < 0.04);
	/* Prefill put the keys below 400 in: a scan from one of them finds up to 50, others none. */
	CHECK(r.record->scanned > scans_timed && r.record->scanned < scans_timed * 25);
	CHECK_EQ(r.record->hits + r.record->misses, r.record->ops);
	CHECK_EQ(r.record->histogram[RECORD_UPDATE].total, 0);
	record_free(r.record);
}

/* Run with a fault; the trial must end invalid, for a reason that holds the text. */
static void
fault_of_load_is_told(enum fault fault, const struct workload *load, const char *text)
{
	struct trial_request q = request();
	struct run r;

	memset(t.slot, 0, sizeof(t.slot));
	q.workload = load;
	r = run(fault, &q);
	if (r.status != TRIAL_DONE || r.record->valid || strstr(r.record->why, text) == NULL)
		fprintf(stderr, "# fault %d: status %d, valid %d, why \"%s\", wanted \"%s\"\n", (int)fault,
		    (int)r.status, r.record->valid, r.record->why, text);
	CHECK(r.status == TRIAL_DONE && !r.record->valid);
	CHECK(strstr(r.record->why, text) != NULL);
	record_free(r.record);
}

static void
fault_is_told(enum fault fault, const char *text)
{
	fault_of_load_is_told(fault, &mixed, text);
}

/* Whatever is wrong with get_many and scan is found: by the workers, or, unused by them, by validation. */
static void
wrong_batches_and_scans_fail_the_trial(void)
{
	fault_of_load_is_told(FAULT_BATCH_MISCOUNTS, &batches, "no enum op_result");
	fault_of_load_is_told(FAULT_BATCH_WRONG_VALUE, &batches, "do not belong to their keys");
	fault_of_load_is_told(FAULT_BATCH_MISSES, &mixed, "get_many does not find");
	fault_of_load_is_told(FAULT_SCAN_OVERFLOWS, &batches, "no enum op_result");
	fault_of_load_is_told(FAULT_SCAN_OUT_OF_RANGE, &batches, "do not belong to their keys");
	fault_of_load_is_told(FAULT_SCAN_SKIPS, &mixed, "scan does not find");
}

static void a_lost_key_fails_the_trial(void) { fault_is_told(FAULT_LOSES, "keys lost"); }
static void a_key_too_many_fails_the_trial(void) { fault_is_told(FAULT_INVENTS, "keys too many"); }
static void a_key_that_is_there_twice_fails_the_trial(void) { fault_is_told(FAULT_TWICE, "1 keys are in the map more than once"); }
static void another_keys_value_fails_the_trial(void) { fault_is_told(FAULT_WRONG_VALUE, "do not belong to their keys"); }
static void a_value_not_filled_in_fails_the_trial(void) { fault_is_told(FAULT_FORGETS_VALUE, "do not belong"); }
static void no_memory_fails_the_trial(void) { fault_is_told(FAULT_NO_MEMORY, "1 operations found no memory"); }
static void nonsense_fails_the_trial(void) { fault_is_told(FAULT_NONSENSE, "no enum op_result"); }
static void a_get_that_finds_nothing_fails_the_trial(void) { fault_is_told(FAULT_GET_MISSES, "get does not find"); }
static void a_leak_fails_the_trial(void) { fault_is_told(FAULT_LEAKS, "after the map was destroyed"); }
static void a_bad_structure_fails_the_trial(void) { fault_is_told(FAULT_CHECK, "structure check: a bent node"); }
static void the_workloads_verdict_fails_the_trial(void) { fault_is_told(FAULT_VERIFY, "workload: not my keys"); }

/* Key 9 is not there when nothing but gets is done: the prefill stops before it. */
static void
a_get_that_finds_too_much_fails_the_trial(void)
{
	struct trial_request q = request();
	struct plan plan = *q.plan;
	struct workload only_gets = mixed;
	struct run r;

	plan.prefill = 0;
	q.plan = &plan;
	only_gets.prefill = NULL;
	only_gets.loop = get_loop;
	q.workload = &only_gets;
	r = run(FAULT_GET_CONJURES, &q);
	CHECK(r.status == TRIAL_DONE && !r.record->valid);
	CHECK(strstr(r.record->why, "get finds 1 keys that are not in the map") != NULL);
	record_free(r.record);
}

/* Keys stored under other keys: caught through the value, or as a short prefill. */
static void
keys_in_wrong_places_fail_the_trial(void)
{
	struct trial_request q = request();
	struct run r = run(FAULT_SWAPS_KEYS, &q);

	CHECK(r.status == TRIAL_DONE && !r.record->valid);
	record_free(r.record);
}

static void
a_short_prefill_fails_the_trial(void)
{
	struct trial_request q = request();
	struct plan plan = *q.plan;
	struct run r;

	plan.prefill = PREFILL + 1;
	q.plan = &plan;
	r = run(FAULT_NONE, &q);
	CHECK(r.status == TRIAL_DONE && !r.record->valid);
	CHECK(strstr(r.record->why, "prefill put in 400 keys instead of 401") != NULL);
	record_free(r.record);
}

static void
cannot_run(enum fault fault, const char *text)
{
	struct trial_request q = request();
	struct run r = run(fault, &q);

	CHECK(r.status == TRIAL_FAILED);
	CHECK(strstr(r.error, text) != NULL);
	record_free(r.record);
}

static void
who_cannot_take_part_ends_the_trial_with_a_reason(void)
{
	cannot_run(FAULT_CREATE, "no map today");
	cannot_run(FAULT_SETUP, "no load today");
	cannot_run(FAULT_ATTACH, "no memory to attach thread 1");
	cannot_run(FAULT_BEGIN, "no memory for thread 2");
}

static void
a_refused_binding_ends_the_trial_with_a_reason(void)
{
	/* A synthetic machine: nothing can be bound there. */
	char error[256];
	struct topology *other = topology_open("pack:1 core:4 pu:1", error, sizeof(error));
	struct placement placement[THREADS];
	struct trial_request q = request();
	struct run r;

	CHECK(other != NULL);
	CHECK(topology_place(other, "compact", THREADS, placement, error, sizeof(error)));
	q.topology = other;
	q.placement = placement;
	r = run(FAULT_NONE, &q);
	CHECK(r.status == TRIAL_FAILED && r.error[0] != '\0');
	record_free(r.record);
	topology_close(other);
}

static void
pinned_threads_say_where(void)
{
	struct placement placement[THREADS];
	struct trial_request q = request();
	char error[256];
	struct run r;

	CHECK(topology_place(test_topology, "same-core", THREADS, placement, error, sizeof(error)));
	q.placement = placement;
	r = run(FAULT_NONE, &q);
	if (r.status == TRIAL_FAILED)
		CHECK_SKIP("binding is refused here");
	CHECK(r.record->valid);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_EQ(r.record->thread[i].cpu, placement[i].os_index);
	record_free(r.record);
}

static void
an_interrupt_in_any_stage_ends_the_trial(void)
{
	static const char *const stages[] = { "prefill", "warm-up", "measure" };

	for (unsigned i = 0; i < 3; i++) {
		struct trial_request q = request();
		struct run r;

		memset(&t, 0, sizeof(t));
		t.interrupt_in = stages[i];
		q.duration_ns = UINT64_C(60000000000);
		if (strcmp(stages[i], "warm-up") == 0)
			q.warmup_ns = q.duration_ns;
		r = run(FAULT_NONE, &q);
		CHECK(r.status == TRIAL_INTERRUPTED);
		record_free(r.record);
	}
}

static void
phases_are_timed_apart_and_start_together(void)
{
	struct trial_request q = request();
	struct plan plan = { .keys = KEYS, .needs = 15, .fixed_work = true, .phases = 3,
	    .phase = { "in", "look", "out" } };
	struct run r;

	q.plan = &plan;
	q.workload = &three_phases;
	q.latency_shift = 0;
	r = run(FAULT_NONE, &q);
	CHECK(r.status == TRIAL_DONE);
	CHECK(r.record->valid);
	CHECK_EQ(r.record->phases, 3);
	/* Each has a longest call of its own, and what all of them did not have no phase has. */
	for (unsigned p = 0; p < 3; p++) {
		static const char *const ops[] = { "upsert", "get", "remove" };

		CHECK(r.record->phase[p].pause_max_ns <= r.record->pause_max_ns);
		CHECK(strcmp(r.record->phase[p].pause_op, ops[p]) == 0 && r.record->phase[p].pause_cause[0] != '\0');
		CHECK(p == 0 ? r.record->phase[p].begin_s == 0 :
		    r.record->phase[p].begin_s >= r.record->phase[p - 1].begin_s + r.record->phase[p - 1].elapsed_s);
	}
	CHECK(strcmp(r.record->phase[0].name, "in") == 0 && strcmp(r.record->phase[2].name, "out") == 0);
	CHECK_EQ(r.record->phase[0].ops, 300);
	CHECK_EQ(r.record->phase[1].ops, 300 * THREADS);
	CHECK_EQ(r.record->phase[2].ops, 200);
	CHECK_EQ(r.record->ops, 500 + 300 * THREADS);
	/* The pause belongs to the first phase, and to it alone. */
	CHECK(r.record->phase[0].elapsed_s >= 0.02);
	CHECK(r.record->elapsed_s >= r.record->phase[0].elapsed_s + r.record->phase[2].elapsed_s);
	/* A fixed amount of work is done when the last thread has done its part. */
	CHECK(fabs(r.record->mops * r.record->elapsed_s * 1e6 - (double)r.record->ops) < 1e-3);
	for (unsigned p = 0; p < 3; p++)
		CHECK(fabs(r.record->phase[p].mops * r.record->phase[p].elapsed_s * 1e6 - (double)r.record->phase[p].ops) < 1e-3);
	CHECK_EQ(r.record->size_after, 100);
	record_free(r.record);
}

static void
an_interrupt_frees_who_waits_for_the_next_phase(void)
{
	struct trial_request q = request();
	struct plan plan = { .keys = KEYS, .needs = 15, .fixed_work = true, .phases = 3,
	    .phase = { "in", "look", "out" } };
	struct run r;

	t.interrupt = 1; /* before it starts: the first wait sees it */
	q.plan = &plan;
	q.workload = &three_phases;
	r = run(FAULT_NONE, &q);
	CHECK(r.status == TRIAL_INTERRUPTED || r.status == TRIAL_DONE);
	record_free(r.record);
}

static void
every_call_is_timed_with_shift_0(void)
{
	struct trial_request q = request();
	struct run r;

	q.latency_shift = 0;
	r = run(FAULT_NONE, &q);
	CHECK(r.record->valid);
	CHECK_EQ(r.record->latency_samples, r.record->ops);
	record_free(r.record);
}

static uint64_t
slower_than(const struct histogram *h, uint64_t ns)
{
	uint64_t count = h->lost;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += histogram_low(i) >= ns ? h->count[i] : 0;
	return count;
}

/* As many as fit into the time, not as many as the map could do; each of them timed. */
static void
an_open_loop_makes_the_calls_that_were_asked_for(void)
{
	struct trial_request q = request();
	struct run r;

	q.rate = 3000;
	q.arrival = PACE_EVEN;
	q.duration_ns = 100000000;
	r = run(FAULT_NONE, &q);
	CHECK(r.record->valid);
	CHECK(r.record->rate == 3000);
	CHECK_EQ(r.record->latency_samples, r.record->ops);
	/* At most one more for each thread than the time has room for; the machine may be slow. */
	CHECK(r.record->ops <= (uint64_t)(r.record->elapsed_s * 3000) + THREADS);
	CHECK(r.record->ops > 0);
	record_free(r.record);
}

/* One get takes 80 ms: the service time of one call, the response time of all that were to begin meanwhile. */
static void
an_open_loop_sees_all_calls_that_a_stall_delays(void)
{
	struct trial_request q = request();
	const struct histogram *service, *response;
	struct workload gets = mixed;
	struct run r;

	q.rate = THREADS * 1000;
	q.arrival = PACE_EVEN;
	gets.loop = get_loop;
	q.workload = &gets;
	/* Main is told of the stage after 100 ms. */
	q.duration_ns = 400000000;
	r = run(FAULT_STALLS_ONCE, &q);
	service = &r.record->histogram[RECORD_GET];
	response = &r.record->histogram[RECORD_RESPONSE_GET];
	CHECK(r.record->valid);
	CHECK_EQ(service->total + r.record->unserved, response->total);
	CHECK(r.record->get_max_ns >= STALL_NS);
	CHECK(r.record->get_response_max_ns >= STALL_NS);
	/* What is known of that call: when, and that the map said it was resizing. */
	CHECK(r.record->pause_max_ns >= STALL_NS);
	CHECK(strcmp(r.record->pause_op, "get") == 0);
	CHECK(strncmp(r.record->pause_cause, "resize", 6) == 0);
	CHECK(r.record->pause_at_s > 0 && r.record->pause_at_s < r.record->elapsed_s);
	/* Of the thread's 1000 calls a second, the 60 meant to begin in the first 60 ms of the stall were
	 * 20 ms late or more. */
	CHECK(slower_than(response, STALL_NS / 4) >= 50);
	CHECK(slower_than(response, STALL_NS / 4) >= slower_than(service, STALL_NS / 4) + 40);
	record_free(r.record);
}

/* More calls than any map can do: those that never began have waited longest. */
static void
an_open_loop_counts_the_calls_that_it_did_not_get_to(void)
{
	struct trial_request q = request();
	const struct histogram *response;
	uint64_t due, responses = 0;
	struct run r;

	q.rate = 1000000000;
	q.duration_ns = 50000000;
	r = run(FAULT_NONE, &q);
	CHECK(r.record->valid);
	due = r.record->ops + r.record->unserved;
	/* Each thread has its own end, none later than the last. */
	CHECK(due <= (uint64_t)(r.record->elapsed_s * 1e9) + THREADS && due >= 50000000);
	for (unsigned op = 0; op < OP_COUNT; op++)
		responses += r.record->histogram[RECORD_RESPONSE_GET + op].total;
	CHECK_EQ(responses, due);
	/* Those that began were meant for the first moments, and waited for nearly all of the time, too. */
	response = &r.record->histogram[RECORD_RESPONSE_GET];
	CHECK(response->max <= (uint64_t)(r.record->elapsed_s * 1e9) && r.record->get_response_p50_ns >= 25000000);
	record_free(r.record);
	q.rate = 0;
	r = run(FAULT_NONE, &q);
	CHECK_EQ(r.record->unserved, UINT64_MAX);
	record_free(r.record);
}

static void
without_statistics_figures_have_no_value(void)
{
	struct trial_request q = request();
	struct run r;

	q.smr_stats = SMR_OFF;
	r = run(FAULT_NONE, &q);
	CHECK(r.record->valid);
	CHECK_EQ(r.record->retired, UINT64_MAX);
	CHECK_EQ(r.record->pending_peak, UINT64_MAX);
	CHECK(isnan(r.record->pending_mean));
	CHECK_EQ(r.record->censored_samples, UINT64_MAX);
	record_free(r.record);
}

static void
more_garbage_than_the_bound_fails_the_trial(void)
{
	fault_is_told(FAULT_OVER_BOUND, "the scheme's bound is 10");
}

/* A call that has a pass inside is told from one that has none, and the passes are timed. */
static void
calls_with_a_pass_inside_are_apart(void)
{
	struct trial_request q = request();
	struct run r;

	q.latency_shift = 0;
	r = run(FAULT_NONE, &q);
	CHECK(r.record->valid);
	CHECK_EQ(r.record->with_pass_samples, r.record->histogram[RECORD_UPSERT].total);
	CHECK_EQ(r.record->histogram[RECORD_WITH_PASS].total + r.record->histogram[RECORD_WITHOUT_PASS].total,
	    r.record->latency_samples);
	CHECK(r.record->histogram[RECORD_PASS].total > 0);
	CHECK(r.record->pass_max_ns <= r.record->with_pass_max_ns);
	CHECK(r.record->pass_share > 0 && r.record->pass_share < 1);
	record_free(r.record);

	q.smr_stats = SMR_COUNTERS;
	r = run(FAULT_NONE, &q);
	CHECK_EQ(r.record->histogram[RECORD_PASS].total, 0);
	CHECK_EQ(r.record->without_pass_p50_ns, UINT64_MAX);
	CHECK(isnan(r.record->pass_share));
	record_free(r.record);
}

static struct run
run_special(enum fault fault, unsigned what, struct trial_request *q)
{
	static struct workload workload;
	static struct plan plan;

	special = what;
	workload = mixed;
	workload.loop = special_loop;
	plan = *q->plan;
	plan.needs |= NEEDS_HOLD | NEEDS_LATE_DETACH;
	plan.stalls = what == PARKS_TWICE || what == PARKS_FOREVER;
	q->workload = &workload;
	q->plan = &plan;
	return run(fault, q);
}

/* Garbage that grows while a read is held, and only then, is seen so. */
static void
stalls_are_measured(void)
{
	struct trial_request q = request();
	uint64_t ops = 0;
	double elapsed_s = 0;
	struct run r;

	q.duration_ns = 100000000;
	q.sample_interval_ns = 500000;
	r = run_special(FAULT_STALLED, PARKS_TWICE, &q);
	CHECK(r.status == TRIAL_DONE && r.record->valid);
	/* On a machine that stands still the time is over after the first. */
	CHECK(r.record->stalls >= 1 && r.record->stalls <= 2);
	CHECK(r.record->stalled_s > 0);
	CHECK(strncmp(r.record->stalled, "[[", 2) == 0);
	CHECK_EQ(r.record->phases, 3);
	CHECK(strcmp(r.record->phase[0].name, "before") == 0 && strcmp(r.record->phase[1].name, "during") == 0 &&
	    strcmp(r.record->phase[2].name, "after") == 0);
	for (unsigned p = 0; p < 3; p++) {
		ops += r.record->phase[p].ops;
		elapsed_s += r.record->phase[p].elapsed_s;
	}
	/* Rounded, and without what came before the first sample. */
	CHECK(ops <= r.record->ops + 2);
	CHECK(elapsed_s <= r.record->elapsed_s + 1e-6);
	CHECK(r.record->pending_before >= 5);
	CHECK(r.record->pending_during > r.record->pending_before);
	CHECK(r.record->stall_slope > 0);
	/* The next sample shows it drained; there is one but on a machine that stands still. */
	CHECK(r.record->undrained <= 2 && (r.record->undrained == 2 || r.record->drain_ns > 0));
	record_free(r.record);
}

/* What swings as far before the stalls as after them was not raised by these, wherever it is when one ends. */
static void
a_stall_that_raises_nothing_has_nothing_to_drain(void)
{
	struct trial_request q = request();
	struct run r;

	q.duration_ns = 100000000;
	q.sample_interval_ns = 500000;
	r = run_special(FAULT_SWINGS, PARKS_TWICE, &q);
	CHECK(r.status == TRIAL_DONE && r.record->valid);
	CHECK(r.record->stalls >= 1 && r.record->stalls <= 2);
	CHECK_EQ(r.record->undrained, 0);
	CHECK_EQ(r.record->drain_ns, UINT64_MAX);
	record_free(r.record);
}

static void
an_endless_stall_ends_with_the_measured_part(void)
{
	struct trial_request q = request();
	struct run r;

	/* The parked thread stands still for longer than the watchdog lets others. */
	q.watchdog_ns = 1000000000;
	q.duration_ns = 1200000000;
	r = run_special(FAULT_STALLED, PARKS_FOREVER, &q);
	CHECK(r.status == TRIAL_DONE && r.record->valid);
	CHECK_EQ(r.record->stalls, 1);
	/* No time came after it. */
	CHECK_EQ(r.record->undrained, 0);
	CHECK_EQ(r.record->drain_ns, UINT64_MAX);
	record_free(r.record);
}

static void
who_waits_is_not_waited_for(void)
{
	struct trial_request q = request();
	struct run r = run_special(FAULT_NONE, WAITS, &q);

	CHECK(r.status == TRIAL_DONE && r.record->valid);
	CHECK(r.record->thread[THREADS - 1].ops > 0);
	CHECK_EQ(r.record->stalls, UINT64_MAX);
	record_free(r.record);
}

/* run() checks that main has detached and released in their place. */
static void
threads_may_end_without_leaving(void)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
	CHECK_SKIP("ThreadSanitizer cannot follow a thread that ends by the system call");
#endif
#endif
	for (unsigned what = DIES_INSIDE; what <= DIES_BETWEEN; what++) {
		struct trial_request q = request();
		struct run r;

		memset(&t, 0, sizeof(t));
		/* Else it may be gone between the look and the hold. */
		t.spares = true;
		r = run_special(FAULT_NONE, what, &q);
		if (!r.record->valid)
			fprintf(stderr, "# %s\n", r.record->why);
		CHECK(r.status == TRIAL_DONE && r.record->valid);
		CHECK_EQ(r.record->died, 1);
		CHECK(r.record->thread[THREADS - 1].ops > 0);
		CHECK_EQ(t.holds, what == DIES_INSIDE);
		record_free(r.record);
	}
}

/* Runs in a child; says on stderr what the watchdog says. Returns its exit status. */
static int
hung(enum fault fault, char *said, size_t size)
{
	int ends[2], status;
	size_t length = 0;
	pid_t child;

	CHECK(pipe(ends) == 0);
	fflush(NULL);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		struct trial_request q = request();

		dup2(ends[1], STDERR_FILENO);
		q.watchdog_ns = 300000000;
		run(fault, &q);
		_exit(0);
	}
	close(ends[1]);
	for (ssize_t n; length < size - 1 && (n = read(ends[0], said + length, size - 1 - length)) > 0;)
		length += (size_t)n;
	said[length] = '\0';
	close(ends[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
the_watchdog_names_thread_and_operation(void)
{
	char said[1024];

	CHECK_EQ(hung(FAULT_HANGS_GET, said, sizeof(said)), 1);
	CHECK(strstr(said, "subject fault") != NULL && strstr(said, "thread 2") != NULL);
	CHECK(strstr(said, "in get") != NULL);
}

static void
the_watchdog_also_guards_mains_own_calls(void)
{
	char said[1024];

	CHECK_EQ(hung(FAULT_HANGS_CREATE, said, sizeof(said)), 1);
	CHECK(strstr(said, "create has not returned") != NULL);
	CHECK_EQ(hung(FAULT_HANGS_DESTROY, said, sizeof(said)), 1);
	CHECK(strstr(said, "destroy has not returned") != NULL);
}

static void
a_crash_names_the_subject(void)
{
	char said[4096];

	CHECK_EQ(hung(FAULT_CRASHES, said, sizeof(said)), -SIGABRT);
	CHECK(strstr(said, "crashed in subject fault, workload test-mixed, 3 threads\n") != NULL);
}

/* A run that a map ends is not a run that went well. */
static void
a_map_that_exits_is_named_and_fails(void)
{
	char said[4096];

	CHECK_EQ(hung(FAULT_EXITS, said, sizeof(said)), 1);
	CHECK(strstr(said, "exit() was called in subject fault, workload test-mixed, 3 threads: the run ends\n") != NULL);
}

static const struct test tests[] = {
	TEST(a_right_map_passes_and_its_figures_add_up),
	TEST(batches_and_scans_add_up),
	TEST(wrong_batches_and_scans_fail_the_trial),
	TEST(a_lost_key_fails_the_trial),
	TEST(a_key_too_many_fails_the_trial),
	TEST(a_key_that_is_there_twice_fails_the_trial),
	TEST(another_keys_value_fails_the_trial),
	TEST(a_value_not_filled_in_fails_the_trial),
	TEST(no_memory_fails_the_trial),
	TEST(nonsense_fails_the_trial),
	TEST(a_get_that_finds_nothing_fails_the_trial),
	TEST(a_get_that_finds_too_much_fails_the_trial),
	TEST(a_leak_fails_the_trial),
	TEST(a_bad_structure_fails_the_trial),
	TEST(the_workloads_verdict_fails_the_trial),
	TEST(keys_in_wrong_places_fail_the_trial),
	TEST(a_short_prefill_fails_the_trial),
	TEST(who_cannot_take_part_ends_the_trial_with_a_reason),
	TEST(a_refused_binding_ends_the_trial_with_a_reason),
	TEST(pinned_threads_say_where),
	TEST(an_interrupt_in_any_stage_ends_the_trial),
	TEST(phases_are_timed_apart_and_start_together),
	TEST(an_interrupt_frees_who_waits_for_the_next_phase),
	TEST(every_call_is_timed_with_shift_0),
	TEST(an_open_loop_makes_the_calls_that_were_asked_for),
	TEST(an_open_loop_sees_all_calls_that_a_stall_delays),
	TEST(an_open_loop_counts_the_calls_that_it_did_not_get_to),
	TEST(without_statistics_figures_have_no_value),
	TEST(more_garbage_than_the_bound_fails_the_trial),
	TEST(calls_with_a_pass_inside_are_apart),
	TEST(stalls_are_measured),
	TEST(a_stall_that_raises_nothing_has_nothing_to_drain),
	TEST(an_endless_stall_ends_with_the_measured_part),
	TEST(who_waits_is_not_waited_for),
	TEST(threads_may_end_without_leaving),
	TEST(a_crash_names_the_subject),
	TEST(a_map_that_exits_is_named_and_fails),
	TEST(the_watchdog_names_thread_and_operation),
	TEST(the_watchdog_also_guards_mains_own_calls),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
