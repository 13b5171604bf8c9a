/*
 * test_contended.c - workload cas and its subjects, the contended words, stack
 * and queue: under each contention manager nothing is lost or duplicated, and
 * what loses or duplicates is caught. hotkey stays on its keys.
 */
#include <math.h>
#include <pthread.h>

#include "harness/worker.h"
#include "workloads/tests/slot_map.h"
#include "workloads/tests/trial.h"

#define THREADS 4u

/* One trial of a workload on a subject; record_free() is the caller's. */
static struct record *
trial(const struct subject *subject, const char *subject_arguments, const struct workload *w, const char *arguments,
    uint64_t duration_ns)
{
	struct plan plan;

	return trial_of((struct trial_request){ .subject = subject, .workload = w, .threads = THREADS, .seed = check_seed,
	    .duration_ns = duration_ns, .warmup_ns = 1000000 }, subject_arguments, arguments, 0, &plan);
}

static void
check_valid(struct record *record)
{
	if (!record->valid)
		fprintf(stderr, "# %s, %s: %s\n", record->subject, record->workload, record->why);
	CHECK(record->valid && record->ops > 0);
}

static const char *const policies[] = { "none", "constant:100", "exp:1,3,12", "ts:1,10", "mcs:0,50,50000",
	"ab:0,50,50000", "seed-literal" };

/* The runner's validation, and the subjects' own: as many compare-and-swaps as the words count. */
static void
nothing_is_lost_under_any_manager(void)
{
	static const struct { const char *subject, *arguments; } cases[] = {
		{ "cas-word", "--words 1" }, { "cas-word", "--words 5" }, { "cas-stack", "--items 3" },
		{ "cas-queue", "--items 3" }, { "hamt", "--words 1" }, { "seed", "--words 2" },
	};
	struct plugin *w = built(PLUGIN_WORKLOAD, "cas");

	for (unsigned c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct plugin *s = built(PLUGIN_SUBJECT, cases[c].subject);

		for (unsigned p = 0; p < sizeof(policies) / sizeof(policies[0]); p++) {
			struct record *r;
			char arguments[80];

			snprintf(arguments, sizeof(arguments), "--backoff %s", policies[p]);
			r = trial(s->subject, arguments, w->workload, cases[c].arguments, 15000000);
			check_valid(r);
			CHECK(r->cas_failed_per_op >= 0 && r->cas_wait_ns_per_op >= 0 && r->cas_expired != UINT64_MAX);
			CHECK(p != 0 || (r->cas_wait_ns_per_op == 0 && r->cas_expired == 0));
			record_free(r);
		}
		plugin_free(s);
	}
	plugin_free(w);
}

/* A pool under one lock, which may be told to lose an item or to give one out twice. */
static struct {
	pthread_mutex_t lock;
	uint64_t value[1 << 20];
	size_t count;
	uint64_t until_fault; /* removes; 0 = never */
	enum { LOSE, DOUBLE, FOREIGN } fault;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *
pool_create(const struct subject_params *params, char *error, size_t error_size)
{
	(void)params;
	(void)error;
	(void)error_size;
	pool.count = 0;
	return &pool;
}

static void
pool_destroy(void *map, struct reclaim_stats *last)
{
	(void)map;
	*last = (struct reclaim_stats){ 0 };
}

static void *
pool_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread;
	(void)probe;
	return map;
}

static void
pool_detach(void *handle)
{
	(void)handle;
}

static enum op_result
pool_insert(void *handle, uint64_t key, uint64_t *value)
{
	(void)handle;
	(void)key;
	pthread_mutex_lock(&pool.lock);
	CHECK(pool.count < sizeof(pool.value) / sizeof(pool.value[0]));
	pool.value[pool.count++] = *value;
	pthread_mutex_unlock(&pool.lock);
	return OP_HIT;
}

static enum op_result
pool_remove(void *handle, uint64_t key, uint64_t *value)
{
	enum op_result result = OP_MISS;

	(void)handle;
	(void)key;
	pthread_mutex_lock(&pool.lock);
	if (pool.count > 1) {
		bool faulty = pool.until_fault > 0 && --pool.until_fault == 0;

		result = OP_HIT;
		*value = pool.value[--pool.count];
		if (faulty && pool.fault == LOSE)
			pool.count--;
		else if (faulty && pool.fault == DOUBLE)
			pool.value[pool.count++] = *value;
		else if (faulty)
			/* An item that nobody put in, for one that somebody did: only the sum tells. */
			pool.value[pool.count - 1] += 1 << 8;
	}
	pthread_mutex_unlock(&pool.lock);
	return result;
}

static void
pool_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	(void)handle;
	for (size_t i = 0; i < pool.count; i++)
		visit(arg, (pool.value[i] >> 8) - 1, pool.value[i]);
}

static const struct subject pool_subject = {
	.version = PLUGIN_VERSION, .name = "pool", .help = "", .reclaimer = "none", .progress = "blocking",
	.flags = SUBJECT_POOL, .create = pool_create, .destroy = pool_destroy, .attach = pool_attach,
	.detach = pool_detach, .insert = pool_insert, .remove = pool_remove, .each = pool_each,
};

static void
a_pool_that_loses_or_doubles_is_caught(void)
{
	static const char *const why[] = { "keys lost", "keys too many", "do not sum up" };
	struct plugin *w = built(PLUGIN_WORKLOAD, "cas");

	for (unsigned fault = 0; fault < 4; fault++) {
		struct record *r;

		pool.until_fault = fault < 3 ? 200 : 0;
		pool.fault = fault;
		r = trial(&pool_subject, "", w->workload, "--items 100", 10000000);
		if (fault == 3) {
			check_valid(r);
		} else {
			CHECK(!r->valid);
			if (strstr(r->why, why[fault]) == NULL)
				fprintf(stderr, "# %s\n", r->why);
			CHECK(strstr(r->why, why[fault]) != NULL);
		}
		CHECK(isnan(r->cas_failed_per_op) && r->cas_expired == UINT64_MAX);
		record_free(r);
	}
	plugin_free(w);
}

/* A right map that counts how often each key is asked for, once the loop has begun. */
#define RANGE 1000u

static struct {
	_Atomic(uint64_t) slot[RANGE], upserts[RANGE];
} counted;

static const struct slot_map slots = { counted.slot, RANGE };

static void *
counted_create(const struct subject_params *params, char *error, size_t error_size)
{
	(void)error;
	(void)error_size;
	CHECK(params->keys <= RANGE);
	memset(&counted, 0, sizeof(counted));
	return &counted;
}

static enum op_result
counted_insert(void *handle, uint64_t key, uint64_t *value)
{
	(void)handle;
	return slot_insert(&slots, key, value);
}

static enum op_result
counted_upsert(void *handle, uint64_t key, uint64_t *value)
{
	(void)handle;
	atomic_fetch_add_explicit(&counted.upserts[key], 1, memory_order_relaxed);
	return slot_exchange(&slots, key, value);
}

static void
counted_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	(void)handle;
	slot_each(&slots, visit, arg);
}

static const struct subject counted_subject = {
	.version = PLUGIN_VERSION, .name = "counted", .help = "", .reclaimer = "none", .progress = "wait-free",
	.create = counted_create, .destroy = pool_destroy, .attach = pool_attach, .detach = pool_detach,
	.insert = counted_insert, .upsert = counted_upsert, .each = counted_each,
};

static void
hotkey_updates_its_keys_and_no_others(void)
{
	static const unsigned hot[] = { 1, 3, 40 };
	struct plugin *w = built(PLUGIN_WORKLOAD, "hotkey");

	for (unsigned h = 0; h < 3; h++) {
		uint64_t keys = 0, all = 0, least = UINT64_MAX, most = 0;
		char arguments[80];
		struct record *r;

		snprintf(arguments, sizeof(arguments), "--keys %u --hot %u", RANGE, hot[h]);
		r = trial(&counted_subject, "", w->workload, arguments, 10000000);
		check_valid(r);
		/* The others are there, too. */
		CHECK_EQ(r->size_after, RANGE);
		for (unsigned key = 0; key < RANGE; key++) {
			uint64_t n = atomic_load_explicit(&counted.upserts[key], memory_order_relaxed);

			keys += n > 0;
			all += n;
			least = n > 0 && n < least ? n : least;
			most = n > most ? n : most;
		}
		CHECK_EQ(keys, hot[h]);
		CHECK(all >= r->ops);
		/* Uniform: with 10,000 calls and more on 40 keys, 5 sigma is a third. */
		CHECK(all < 10000 || (double)(most - least) < 0.7 * (double)all / hot[h]);
		record_free(r);
	}
	plugin_free(w);
}

static void
bad_plans_are_refused(void)
{
	static const struct { const char *workload, *arguments, *text; } cases[] = {
		{ "hotkey", "--hot 0", "hot" }, { "hotkey", "--hot 65537", "hot" },
		{ "hotkey", "--hot 11 --keys 10", "no 11 keys in a range of 10" },
		{ "hotkey", "--mix upsert=90", "add up to 90" },
		{ "cas", "--words 0", "words" }, { "cas", "--words 65537", "words" }, { "cas", "--items 65537", "items" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plugin *w = built(PLUGIN_WORKLOAD, cases[i].workload);
		char error[512] = "";
		struct option_values *values = values_of(w->workload->options, cases[i].arguments, error, sizeof(error));
		struct plan plan = { 0 };
		bool planned = values != NULL && w->workload->plan(values, THREADS, &plan, error, sizeof(error));

		if (planned || strstr(error, cases[i].text) == NULL)
			fprintf(stderr, "# %s %s: \"%s\"\n", cases[i].workload, cases[i].arguments, error);
		CHECK(!planned && strstr(error, cases[i].text) != NULL);
		options_free(values);
		plugin_free(w);
	}
}

static const struct test tests[] = {
	TEST(nothing_is_lost_under_any_manager),
	TEST(a_pool_that_loses_or_doubles_is_caught),
	TEST(hotkey_updates_its_keys_and_no_others),
	TEST(bad_plans_are_refused),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
