/*
 * test_seed_parallel.c - the seed's trie under eight threads: nothing is lost, nothing
 * appears, each race has one winner, and all memory comes back.
 *
 * Each test runs with 50,000 keys for each thread as the seed's did, then with fewer under
 * every small reclamation threshold and both modes of announcement. Where a
 * race is what matters, keys meet deep down, so that almost every operation grows
 * or contracts the same few maps.
 */
#include <pthread.h>

#include "core/tests/seed_fixture.h"

#define THREADS 8

static struct meter meter;

/* --- Threads ---------------------------------------------------------- */

struct setting {
	enum hazard_mode mode;
	unsigned threshold;
	unsigned keys; /* for each thread */
};

static const struct setting settings[] = {
	{ HAZARD_AUTO, 0, 50000 },
	{ HAZARD_FENCE, 1, 1500 },
	{ HAZARD_FENCE, 4, 3000 },
	{ HAZARD_FENCE, 64, 6000 },
	{ HAZARD_ASYMMETRIC, 1, 400 },
	{ HAZARD_ASYMMETRIC, 4, 800 },
	{ HAZARD_ASYMMETRIC, 64, 6000 },
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* What the threads of one test share; main sets it up. */
struct job {
	struct seed_hamt *source; /* cloned by each thread, while others are at work */
	unsigned keys;
	unsigned operations;
	uint64_t *counts;         /* by key: what went in minus what went out, summed up after join */
	void (*run)(struct job *job, struct seed_hamt *map, unsigned thread);
};

struct worker {
	pthread_t thread;
	struct job *job;
	unsigned number;
};

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct seed_hamt *map;

	while (seed_hamt_clone(w->job->source, NULL, &map) != HAMT_OK)
		CHECK(meter.fail_one_in != 0);
	w->job->run(w->job, map, w->number);
	seed_hamt_drop(map);
	return NULL;
}

static void
run_threads(struct job *job, void (*run)(struct job *job, struct seed_hamt *map, unsigned thread))
{
	struct worker workers[THREADS];

	job->run = run;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .job = job, .number = i };
		CHECK(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_join(workers[i].thread, NULL) == 0);
}

/* begin - the map for a setting; false: this machine cannot do it. */
static bool
begin(struct job *job, const struct setting *setting, const struct seed_hamt_ops *ops)
{
	if (setting->mode == HAZARD_ASYMMETRIC && !hamt_heavy_barrier_probe())
		return false;
	*job = (struct job){ .keys = setting->keys / FEWER };
	job->source = map_new(ops, &meter, setting->mode, setting->threshold);
	return true;
}

/* finish - garbage stayed within its bound; the map takes all its memory with it. */
static void
finish(struct job *job)
{
	struct reclaim_totals stats;

	reclaim_domain_stats(seed_hamt_domain(job->source), &stats);
	CHECK(stats.bound == 0 || stats.peak <= stats.bound);
	CHECK_EQ(stats.refused, 0);
	seed_hamt_drop(job->source);
	meter_check_empty(&meter);
}

#define FOR_EACH_SETTING(job, ops)                                             \
	for (size_t setting = 0; setting < SETTINGS; setting++)                \
		if (begin(job, &settings[setting], ops))

/* --- The seed's usage example ----------------------------------------- */

static void *
example_main(void *arg)
{
	struct worker *w = arg;
	struct seed_hamt *mine = w->job->source;

	for (uint64_t x = w->number * 100; x < (w->number + 1) * 100; x++)
		CHECK_EQ(insert(mine, x, x), HAMT_OK);
	seed_hamt_drop(mine);
	return NULL;
}

/* Ten threads, each with a clone, each inserting its hundred keys. */
static void
usage_example(void)
{
	struct worker workers[10];
	struct job jobs[10];
	struct seed_hamt *map;
	uint64_t value = 0;

	CHECK_EQ(seed_hamt_new(NULL, &map), HAMT_OK);
	for (unsigned a = 0; a < 10; a++) {
		workers[a] = (struct worker){ .job = &jobs[a], .number = a };
		CHECK_EQ(seed_hamt_clone(map, NULL, &jobs[a].source), HAMT_OK);
		CHECK(pthread_create(&workers[a].thread, NULL, example_main, &workers[a]) == 0);
	}
	for (unsigned a = 0; a < 10; a++)
		CHECK(pthread_join(workers[a].thread, NULL) == 0);
	CHECK_EQ(map_shape(map).keys, 1000);
	for (uint64_t x = 0; x < 1000; x++) {
		CHECK_EQ(get(map, x, &value), HAMT_OK);
		CHECK_EQ(value, x);
	}
	seed_hamt_drop(map);
}

/* --- Each its own keys ------------------------------------------------ */

static uint64_t
own_key(const struct job *job, unsigned thread, uint64_t i)
{
	return (uint64_t)thread * job->keys + i;
}

static void
insert_own(struct job *job, struct seed_hamt *map, unsigned thread)
{
	for (uint64_t i = 0; i < job->keys; i++)
		CHECK_EQ(insert(map, own_key(job, thread, i), ~own_key(job, thread, i)), HAMT_OK);
}

static void
all_there(struct seed_hamt *map, uint64_t keys)
{
	uint64_t value = 0;

	CHECK_EQ(map_shape(map).keys, keys);
	for (uint64_t key = 0; key < keys; key++) {
		CHECK_EQ(get(map, key, &value), HAMT_OK);
		CHECK_EQ(value, ~key);
	}
}

static void
disjoint_inserts_are_all_there(void)
{
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		run_threads(&job, insert_own);
		all_there(job.source, (uint64_t)job.keys * THREADS);
		finish(&job);
	}
}

static void
remove_own(struct job *job, struct seed_hamt *map, unsigned thread)
{
	uint64_t value = 0;

	for (uint64_t i = 0; i < job->keys; i++) {
		uint64_t key = own_key(job, thread, i);

		CHECK_EQ(erase(map, key, &value), HAMT_OK);
		CHECK_EQ(value, ~key);
		CHECK_EQ(erase(map, key, &value), HAMT_ABSENT);
	}
}

static void
disjoint_removes_leave_nothing(void)
{
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		run_threads(&job, insert_own);
		CHECK_EQ(map_shape(job.source).keys, (uint64_t)job.keys * THREADS);
		run_threads(&job, remove_own);
		map_check_empty(job.source);
		finish(&job);
	}
}

/* --- All the same keys: one winner each ------------------------------- */

static _Atomic(uint64_t) wins;

static void
insert_all(struct job *job, struct seed_hamt *map, unsigned thread)
{
	uint64_t won = 0;

	for (uint64_t key = 0; key < job->keys; key++) {
		enum hamt_status status = insert(map, key, key * THREADS + thread);

		CHECK(status == HAMT_OK || status == HAMT_EXISTS);
		won += status == HAMT_OK;
	}
	atomic_fetch_add_explicit(&wins, won, memory_order_relaxed);
}

static void
each_insert_race_has_one_winner(void)
{
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		uint64_t value = 0;

		atomic_store_explicit(&wins, 0, memory_order_relaxed);
		run_threads(&job, insert_all);
		CHECK_EQ(meter_read(&wins), job.keys);
		CHECK_EQ(map_shape(job.source).keys, job.keys);
		for (uint64_t key = 0; key < job.keys; key++) {
			CHECK_EQ(get(job.source, key, &value), HAMT_OK);
			CHECK_EQ(value / THREADS, key);
		}
		finish(&job);
	}
}

static void
remove_all(struct job *job, struct seed_hamt *map, unsigned thread)
{
	uint64_t won = 0, value = 0;

	(void)thread;
	for (uint64_t key = 0; key < job->keys; key++) {
		enum hamt_status status = erase(map, key, &value);

		CHECK(status == HAMT_OK || status == HAMT_ABSENT);
		if (status == HAMT_OK) {
			CHECK_EQ(value, ~key);
			won++;
		}
	}
	atomic_fetch_add_explicit(&wins, won, memory_order_relaxed);
}

static void
each_remove_race_has_one_winner(void)
{
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		atomic_store_explicit(&wins, 0, memory_order_relaxed);
		for (uint64_t key = 0; key < job.keys; key++)
			CHECK_EQ(insert(job.source, key, ~key), HAMT_OK);
		run_threads(&job, remove_all);
		CHECK_EQ(meter_read(&wins), job.keys);
		map_check_empty(job.source);
		finish(&job);
	}
}

/* --- Mixed, each its own keys: every answer is known ------------------ */

/* Thread t owns the keys k with k % THREADS == t: neighbours belong to others. */
static void
mixed_own(struct job *job, struct seed_hamt *map, unsigned thread)
{
	struct random random = random_start(thread);
	uint64_t *value = calloc(job->keys, sizeof(*value)); /* of own key i; 0: absent */
	uint64_t *left = job->counts + thread;

	CHECK(value != NULL);
	for (unsigned n = 0; n < job->operations; n++) {
		uint64_t i = random_below(&random, job->keys), key = i * THREADS + thread;
		uint64_t fresh = random_below(&random, UINT64_MAX) + 1, old = 0;
		bool had = value[i] != 0;
		enum hamt_status status;

		switch (random_below(&random, 4)) {
		case 0:
			status = insert(map, key, fresh);
			if (status == HAMT_NOMEM)
				break;
			CHECK_EQ(status, had ? HAMT_EXISTS : HAMT_OK);
			value[i] = had ? value[i] : fresh;
			break;
		case 1:
			status = erase(map, key, &old);
			if (status == HAMT_NOMEM)
				break;
			CHECK_EQ(status, had ? HAMT_OK : HAMT_ABSENT);
			CHECK_EQ(old, value[i]);
			value[i] = 0;
			break;
		case 2:
			status = upsert(map, key, fresh, &old);
			if (status == HAMT_NOMEM)
				break;
			CHECK_EQ(status, had ? HAMT_EXISTS : HAMT_OK);
			CHECK_EQ(old, value[i]);
			value[i] = fresh;
			break;
		default:
			status = get(map, key, &old);
			CHECK_EQ(status, had ? HAMT_OK : HAMT_ABSENT);
			CHECK_EQ(old, value[i]);
		}
		CHECK(status != HAMT_NOMEM || meter.fail_one_in != 0);
	}
	*left = 0;
	for (uint64_t i = 0; i < job->keys; i++)
		*left += value[i] != 0;
	free(value);
}

static uint64_t
sum(const uint64_t *counts, size_t n)
{
	uint64_t total = 0;

	while (n-- > 0)
		total += counts[n];
	return total;
}

static void
mixed_on_own_keys_agrees_with_a_table(void)
{
	uint64_t left[THREADS];
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		job.operations = job.keys * 2;
		job.keys = job.keys / 4 + 1;
		job.counts = left;
		run_threads(&job, mixed_own);
		CHECK_EQ(map_shape(job.source).keys, sum(left, THREADS));
		finish(&job);
	}
}

/*
 * The same, with few keys that meet: every operation makes or contracts maps
 * that hold the keys of others. A trie that pulls up a live cell loses them here.
 */
static void
mixed_on_meeting_keys_agrees_with_a_table(void)
{
	static const unsigned keys[] = { 1, 2, 12 };
	uint64_t left[THREADS];
	struct job job;

	meter.sleep_one_in = 512;
	for (enum meeting m = MEET_UNSEEDED; m < MEETINGS; m++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			for (size_t i = 1; i < SETTINGS; i++) {
				if (!begin(&job, &settings[i], &meeting_ops[m]))
					continue;
				job.operations = (m == MEET_LAST_ROUND ? 1000 : 5000) / FEWER;
				job.keys = keys[k];
				job.counts = left;
				run_threads(&job, mixed_own);
				CHECK_EQ(map_shape(job.source).keys, sum(left, THREADS));
				finish(&job);
			}
}

/* One allocation in forty fails: whoever is told so finds the map unchanged, the others see nothing of it. */
static void
mixed_with_failing_allocations_agrees_with_a_table(void)
{
	uint64_t left[THREADS];
	struct job job;

	for (enum meeting m = 0; m < MEETINGS; m++) {
		struct setting setting = { HAZARD_AUTO, 64, 0 };
		struct seed_hamt_shape shape;
		char error[200] = "";

		meter.fail_one_in = 0;
		CHECK(begin(&job, &setting, &meeting_ops[m]));
		job.operations = (m == MEET_LAST_ROUND ? 2000 : 20000) / FEWER;
		job.keys = 4;
		job.counts = left;
		meter.fail_one_in = 40;
		run_threads(&job, mixed_own);
		CHECK(seed_hamt_check(job.source, true, &shape, error, sizeof(error)));
		CHECK_EQ(shape.keys, sum(left, THREADS));
		finish(&job);
	}
}

/* --- Mixed, the same keys: the books balance -------------------------- */

static void
mixed_shared(struct job *job, struct seed_hamt *map, unsigned thread)
{
	struct random random = random_start(100 + thread);
	uint64_t *count = job->counts + (size_t)thread * job->keys, value = 0;

	for (unsigned n = 0; n < job->operations; n++) {
		uint64_t key = random_below(&random, job->keys);

		switch (random_below(&random, 3)) {
		case 0:
			count[key] += insert(map, key, ~key) == HAMT_OK;
			break;
		case 1:
			count[key] -= erase(map, key, NULL) == HAMT_OK;
			break;
		default:
			if (get(map, key, &value) == HAMT_OK)
				CHECK_EQ(value, ~key);
		}
	}
}

static void
balance(struct job *job)
{
	uint64_t keys = 0;

	job->counts = calloc((size_t)THREADS * job->keys, sizeof(*job->counts));
	CHECK(job->counts != NULL);
	run_threads(job, mixed_shared);
	for (uint64_t key = 0; key < job->keys; key++) {
		uint64_t net = 0;

		for (unsigned t = 0; t < THREADS; t++)
			net += job->counts[(size_t)t * job->keys + key];
		CHECK(net <= 1);
		CHECK_EQ(get(job->source, key, NULL), net ? HAMT_OK : HAMT_ABSENT);
		keys += net;
	}
	CHECK_EQ(map_shape(job->source).keys, keys);
	free(job->counts);
	finish(job);
}

static void
mixed_on_shared_keys_balances(void)
{
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		job.operations = job.keys * 2;
		balance(&job);
	}
	meter.sleep_one_in = 512;
	for (enum meeting m = MEET_UNSEEDED; m < MEETINGS; m++)
		for (size_t i = 1; i < SETTINGS; i++)
			if (begin(&job, &settings[i], &meeting_ops[m])) {
				job.operations = (m == MEET_LAST_ROUND ? 1000 : 4000) / FEWER;
				job.keys = 6;
				balance(&job);
			}
}

/* --- Upserts race: every value but the last comes back once ----------- */

static void
upsert_all(struct job *job, struct seed_hamt *map, unsigned thread)
{
	struct random random = random_start(200 + thread);
	uint64_t net = 0, old;

	for (unsigned n = 0; n < job->operations; n++) {
		uint64_t key = random_below(&random, job->keys), value = random_below(&random, UINT64_MAX);

		if (random_below(&random, 8) == 0) {
			if (erase(map, key, &old) == HAMT_OK)
				net -= old;
			continue;
		}
		net += value;
		if (upsert(map, key, value, &old) == HAMT_EXISTS)
			net -= old;
	}
	job->counts[thread] = net;
}

static void
add_value(void *arg, const void *key, const void *value)
{
	(void)key;
	*(uint64_t *)arg += *(const uint64_t *)value;
}

static void
account(struct job *job)
{
	uint64_t net[THREADS], in_map = 0;

	job->counts = net;
	run_threads(job, upsert_all);
	map_shape(job->source);
	seed_hamt_each(job->source, add_value, &in_map);
	/* Values are random 64-bit numbers: one lost or doubled shows in the sum. */
	CHECK_EQ(sum(net, THREADS), in_map);
	finish(job);
}

static void
upsert_races_lose_no_value(void)
{
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		job.operations = job.keys * 2;
		job.keys = job.keys / 8 + 1;
		account(&job);
	}
	meter.sleep_one_in = 512;
	for (enum meeting m = MEET_UNSEEDED; m < MEETINGS; m++)
		for (size_t i = 1; i < SETTINGS; i++)
			if (begin(&job, &settings[i], &meeting_ops[m])) {
				job.operations = (m == MEET_LAST_ROUND ? 1000 : 4000) / FEWER;
				job.keys = 6;
				account(&job);
			}
}

/* --- A key that stays is always found --------------------------------- */

#define STAYING 3

/* Half the threads come and go around the staying keys; the others look for those. */
static void
churn_or_look(struct job *job, struct seed_hamt *map, unsigned thread)
{
	struct random random = random_start(300 + thread);
	uint64_t value = 0;

	for (unsigned n = 0; n < job->operations; n++) {
		uint64_t key = random_below(&random, job->keys);

		if (thread % 2 == 0) {
			key = key * STAYING % job->keys;
			CHECK_EQ(get(map, key, &value), HAMT_OK);
			CHECK_EQ(value, ~key);
			/* To insert it is to find it, and changes nothing. */
			CHECK_EQ(insert(map, key, 0), HAMT_EXISTS);
		} else if (key % STAYING != 0) {
			if (random_below(&random, 2))
				CHECK(insert(map, key, ~key) != HAMT_NOMEM);
			else
				CHECK(erase(map, key, NULL) != HAMT_NOMEM);
		}
	}
}

static void
look_for_staying(struct job *job)
{
	for (uint64_t key = 0; key < job->keys; key += STAYING)
		CHECK_EQ(insert(job->source, key, ~key), HAMT_OK);
	run_threads(job, churn_or_look);
	map_shape(job->source);
	for (uint64_t key = 0; key < job->keys; key++)
		CHECK(erase(job->source, key, NULL) == HAMT_OK || key % STAYING != 0);
	map_check_empty(job->source);
	finish(job);
}

static void
staying_keys_are_never_missed(void)
{
	/* A multiple of STAYING; 3: one stays, two come and go. */
	static const unsigned keys[] = { 3, 9, 48 };
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		job.operations = job.keys;
		job.keys = job.keys / STAYING * STAYING + STAYING;
		look_for_staying(&job);
	}
	meter.sleep_one_in = 512;
	for (enum meeting m = MEET_UNSEEDED; m < MEETINGS; m++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			for (size_t i = 1; i < SETTINGS; i++)
				if (begin(&job, &settings[i], &meeting_ops[m])) {
					job.operations = (m == MEET_LAST_ROUND ? 1000 : 5000) / FEWER;
					job.keys = keys[k];
					look_for_staying(&job);
				}
}

/* --- Keys and values with destructors --------------------------------- */

/* A number on the heap. What was dropped says so, until its memory is reused. */
struct boxed {
	uint64_t alive, number;
};
#define ALIVE UINT64_C(0xa11fea11fea11fe5)
#define DROPPED UINT64_C(0xdeaddeaddeaddead)

static _Atomic(uint64_t) boxes;

static uint64_t
unbox(const void *box)
{
	const struct boxed *b = *(struct boxed *const *)box;

	CHECK_EQ(b->alive, ALIVE);
	return b->number;
}

static bool
box_copy(void *to, const void *from)
{
	struct boxed *b = malloc(sizeof(*b));

	CHECK(b != NULL);
	*b = (struct boxed){ .alive = ALIVE, .number = unbox(from) };
	*(struct boxed **)to = b;
	atomic_fetch_add_explicit(&boxes, 1, memory_order_relaxed);
	return true;
}

static void
box_drop(void *box)
{
	struct boxed *b = *(struct boxed **)box;

	CHECK_EQ(b->alive, ALIVE);
	*(volatile uint64_t *)&b->alive = DROPPED;
	free(b);
	atomic_fetch_sub_explicit(&boxes, 1, memory_order_relaxed);
}

static uint64_t
box_hash(const void *key, uint64_t seed)
{
	uint64_t number = unbox(key);

	return pairs_hash(&number, seed);
}

static uint64_t
box_prefix_hash(const void *key, uint64_t seed)
{
	uint64_t number = unbox(key);

	return prefix_hash(&number, seed);
}

static bool
box_equal(const void *a, const void *b)
{
	return unbox(a) == unbox(b);
}

#define BOX_OPS(function)                                                      \
	{                                                                      \
		.key_bytes = sizeof(struct boxed *), .value_bytes = sizeof(struct boxed *), \
		.hash = function, .equal = box_equal, .key_copy = box_copy, .key_drop = box_drop, \
		.value_copy = box_copy, .value_drop = box_drop                 \
	}

static void
mixed_boxes(struct job *job, struct seed_hamt *map, unsigned thread)
{
	struct random random = random_start(400 + thread);

	for (unsigned n = 0; n < job->operations; n++) {
		struct boxed key = { ALIVE, random_below(&random, job->keys) }, *k = &key, *old = NULL;
		struct boxed value = { ALIVE, ~key.number }, *v = &value;

		switch (random_below(&random, 4)) {
		case 0:
			CHECK(seed_hamt_insert(map, &k, &v) != HAMT_NOMEM);
			break;
		case 1:
			if (seed_hamt_remove(map, &k, &old) != HAMT_OK)
				old = NULL;
			break;
		case 2:
			if (seed_hamt_upsert(map, &k, &v, &old) != HAMT_EXISTS)
				old = NULL;
			break;
		default:
			if (seed_hamt_get(map, &k, &old) != HAMT_OK)
				old = NULL;
		}
		if (old != NULL) {
			CHECK_EQ(unbox(&old), ~key.number);
			box_drop(&old);
		}
	}
}

/* Each copy is dropped once, and nobody looks into it afterwards. */
static void
copies_are_dropped_once_and_not_used_again(void)
{
	static const struct seed_hamt_ops ops[] = { BOX_OPS(box_hash), BOX_OPS(box_prefix_hash) };
	static const unsigned keys[] = { 3, 12, 500 };
	struct job job;

	meter.sleep_one_in = 512;
	for (size_t o = 0; o < 2; o++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			FOR_EACH_SETTING(&job, &ops[o]) {
				job.operations = 10000 / FEWER;
				job.keys = keys[k];
				run_threads(&job, mixed_boxes);
				map_shape(job.source);
				finish(&job);
				CHECK_EQ(meter_read(&boxes), 0);
			}
}

/* --- Handles come and go while others work ---------------------------- */

static void
short_lived_handles(struct job *job, struct seed_hamt *map, unsigned thread)
{
	for (uint64_t i = 0; i < job->operations; i++) {
		uint64_t key = (uint64_t)thread << 32 | i;
		struct seed_hamt *clone;

		CHECK_EQ(seed_hamt_clone(i % 2 ? map : job->source, NULL, &clone), HAMT_OK);
		CHECK_EQ(insert(clone, key, key), HAMT_OK);
		if (i > 0)
			CHECK_EQ(erase(clone, key - 1, NULL), HAMT_OK);
		seed_hamt_drop(clone);
	}
}

static void
handles_come_and_go(void)
{
	struct job job;

	FOR_EACH_SETTING(&job, &seed_hamt_u64) {
		struct reclaim_totals stats;

		job.operations = 500 / (SLOW > 4 ? 4 : SLOW);
		run_threads(&job, short_lived_handles);
		CHECK_EQ(map_shape(job.source).keys, THREADS);
		reclaim_domain_stats(seed_hamt_domain(job.source), &stats);
		/* Records are reused: main's, and two for each thread. */
		CHECK(stats.records <= 1 + 2 * THREADS);
		CHECK_EQ(stats.attached, 1);
		finish(&job);
	}
}

static void *
drop_handle(void *handle)
{
	seed_hamt_drop(handle);
	return NULL;
}

/* Whichever thread drops the last handle frees the map, with all in it. */
static void
last_handle_frees_the_map_on_any_thread(void)
{
	for (unsigned round = 0; round < 200 / (SLOW > 4 ? 4 : SLOW); round++) {
		struct seed_hamt *handle[THREADS];
		pthread_t threads[THREADS];

		handle[0] = map_new(&seed_hamt_u64, &meter, HAZARD_AUTO, 0);
		for (unsigned i = 1; i < THREADS; i++)
			CHECK_EQ(seed_hamt_clone(handle[0], NULL, &handle[i]), HAMT_OK);
		for (uint64_t key = 0; key < 300; key++)
			CHECK_EQ(insert(handle[key % THREADS], key, key), HAMT_OK);
		for (unsigned i = 0; i < THREADS; i++)
			CHECK(pthread_create(&threads[i], NULL, drop_handle, handle[i]) == 0);
		for (unsigned i = 0; i < THREADS; i++)
			CHECK(pthread_join(threads[i], NULL) == 0);
		meter_check_empty(&meter);
	}
}

static const struct test tests[] = {
	TEST(usage_example),
	TEST(disjoint_inserts_are_all_there),
	TEST(each_insert_race_has_one_winner),
	TEST(disjoint_removes_leave_nothing),
	TEST(each_remove_race_has_one_winner),
	TEST(mixed_on_own_keys_agrees_with_a_table),
	TEST(mixed_on_shared_keys_balances),
	TEST(upsert_races_lose_no_value),
	TEST(staying_keys_are_never_missed),
	TEST(mixed_on_meeting_keys_agrees_with_a_table),
	TEST(mixed_with_failing_allocations_agrees_with_a_table),
	TEST(copies_are_dropped_once_and_not_used_again),
	TEST(handles_come_and_go),
	TEST(last_handle_frees_the_map_on_any_thread),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
