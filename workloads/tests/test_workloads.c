/*
 * The built-in workloads as plug-ins, run by the real runner on a map that
 * writes down what it is asked: do they issue what they promise?
 */
#include <math.h>

#include "harness/keys.h"
#include "harness/statistics.h"
#include "harness/worker.h"
#include "workloads/tests/slot_map.h"
#include "workloads/tests/trial.h"

#define KEYS_MOST 100000u
#define THREADS_MOST 4u
#define LOG_LENGTH 20000u

/* A right map, which counts. */
static struct {
	_Atomic(uint64_t) slot[KEYS_MOST];
	struct log {
		uint64_t calls[OP_COUNT], since_pause;
		uint32_t key[LOG_LENGTH];
		uint8_t op[LOG_LENGTH];
		uint64_t length;
		unsigned resumes, holds;
		bool held;
	} log[THREADS_MOST + 1];
} map;

static const struct slot_map slots = { map.slot, KEYS_MOST };

static void *
log_create(const struct subject_params *params, char *error, size_t error_size)
{
	(void)error;
	(void)error_size;
	CHECK(params->keys <= KEYS_MOST && params->size <= params->keys && params->threads <= THREADS_MOST);
	memset(&map, 0, sizeof(map));
	return &map;
}

static void
log_destroy(void *m, struct reclaim_stats *last)
{
	(void)m;
	*last = (struct reclaim_stats){ 0 };
}

static void *
log_attach(void *m, unsigned thread, const struct reclaim_probe *probe)
{
	(void)m;
	(void)probe;
	return &map.log[thread];
}

static void
log_nothing(void *handle)
{
	(void)handle;
}

static void
log_resume(void *handle)
{
	((struct log *)handle)->resumes++;
}

/* The first resume is before prefill, the second after it: what follows comes from the loop. */
static void
note(struct log *l, enum op op, uint64_t key)
{
	if (l->resumes < 2)
		return;
	l->calls[op]++;
	if (l->length < LOG_LENGTH) {
		l->key[l->length] = (uint32_t)key;
		l->op[l->length] = (uint8_t)op;
	}
	l->length++;
}

/* After so many gets one misses a key that is there; 0: none does. */
static _Atomic(unsigned) blind_in;

static enum op_result
log_get(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_GET, key);
	if (blind_in > 0 && atomic_fetch_sub_explicit(&blind_in, 1, memory_order_relaxed) == 1)
		return OP_MISS;
	return slot_get(&slots, key, value);
}

static enum op_result
log_insert(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_INSERT, key);
	return slot_insert(&slots, key, value);
}

static enum op_result
log_upsert(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_UPSERT, key);
	return slot_exchange(&slots, key, value);
}

static enum op_result
log_remove(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_REMOVE, key);
	*value = 0;
	return slot_exchange(&slots, key, value);
}

static enum op_result
log_replace(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_REPLACE, key);
	return slot_change(&slots, key, value, false);
}

static enum op_result
log_modify(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_MODIFY, key);
	return slot_change(&slots, key, value, true);
}

/* What goes wrong in every call: its last pair finds no memory; is lost, and counted; more is done than was asked for. */
static enum { EXTENDS, EXTEND_FULL, EXTEND_LOSES, EXTEND_TOO_MUCH } extend_fault;

static size_t
log_extend(void *handle, const uint64_t keys[], const uint64_t values[], size_t n)
{
	size_t done = n - (extend_fault == EXTEND_FULL || extend_fault == EXTEND_LOSES);

	note(handle, OP_UPSERT, n);
	for (size_t i = 0; i < done; i++)
		atomic_store_explicit(&map.slot[keys[i]], values[i], memory_order_relaxed);
	return extend_fault == EXTEND_LOSES ? n : done + (extend_fault == EXTEND_TOO_MUCH);
}

static size_t
log_get_many(void *handle, const uint64_t keys[], uint64_t values[], bool found[], size_t n)
{
	size_t hits = 0;

	note(handle, OP_GET_MANY, n);
	for (size_t i = 0; i < n; i++) {
		found[i] = slot_get(&slots, keys[i], &values[i]) == OP_HIT;
		hits += found[i];
	}
	return hits;
}

/* Lengths that scans of the loop may ask for, and how often they did. */
static size_t scan_least = 100, scan_most = 100;
static _Atomic(uint64_t) scan_seen[WORKER_BATCH_MAX + 1];

static size_t
log_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	/* The first resume is before prefill; main's handle, which validates, has none. */
	if (((struct log *)handle)->resumes >= 2) {
		CHECK(scan_least <= n && n <= scan_most);
		atomic_fetch_add_explicit(&scan_seen[n], 1, memory_order_relaxed);
	}
	note(handle, OP_SCAN, from);
	return slot_scan(&slots, from, keys, values, n);
}

static void
log_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	(void)handle;
	slot_each(&slots, visit, arg);
}

static bool
log_hold(void *handle, uint64_t key)
{
	struct log *l = handle;

	CHECK(!l->held);
	l->held = atomic_load_explicit(&map.slot[key], memory_order_relaxed) != 0;
	l->holds += l->held && l->resumes >= 3;
	return l->held;
}

static void
log_release(void *handle)
{
	struct log *l = handle;

	CHECK(l->held);
	l->held = false;
}

static const struct subject log_subject = {
	.version = PLUGIN_VERSION, .name = "log", .help = "", .reclaimer = "none", .progress = "wait-free",
	.create = log_create, .destroy = log_destroy, .attach = log_attach, .detach = log_nothing,
	.pause = log_nothing, .resume = log_resume,
	.get = log_get, .insert = log_insert, .upsert = log_upsert, .remove = log_remove,
	.replace = log_replace, .modify = log_modify, .get_many = log_get_many, .scan = log_scan, .each = log_each,
	.extend = log_extend,
	.hold = log_hold, .release = log_release,
};

/* ---- Running a workload by its name and command line ---- */

/* So many of the threads are readers, in what follows; 0: no roles. */
static unsigned readers;

/* A trial, valid or not. */
static struct record *
try(const char *name, const char *arguments, unsigned threads, uint64_t seed, uint64_t duration_ns, struct plan *plan)
{
	return trial_of((struct trial_request){ .subject = &log_subject, .workload = built_workload(name),
	    .threads = threads, .seed = seed, .duration_ns = duration_ns, .warmup_ns = 1000000 }, "", arguments, readers, plan);
}

static struct record *
run(const char *name, const char *arguments, unsigned threads, uint64_t seed, uint64_t duration_ns, struct plan *plan)
{
	struct record *record = try(name, arguments, threads, seed, duration_ns, plan);

	if (!record->valid)
		fprintf(stderr, "# %s\n", record->why);
	CHECK(record->valid);
	return record;
}

/* The same, longer and longer until each log is full: others may need the processors. */
static struct record *
run_busy(const char *name, const char *arguments, unsigned threads, uint64_t seed, struct plan *plan)
{
	for (uint64_t duration_ns = 20000000;; duration_ns *= 4) {
		struct record *record = run(name, arguments, threads, seed, duration_ns, plan);
		uint64_t least = UINT64_MAX;

		for (unsigned i = 0; i < threads; i++)
			least = record->thread[i].ops < least ? record->thread[i].ops : least;
		if (least >= LOG_LENGTH || duration_ns >= UINT64_C(5000000000))
			return record;
		record_free(record);
	}
}

/* Why such a trial is not valid; good until the next call. */
static const char *
why_invalid(const char *name, const char *arguments, struct plan *plan)
{
	static char why[RECORD_TEXT];
	struct record *record = try(name, arguments, 2, check_seed, 20000000, plan);

	CHECK(!record->valid);
	memcpy(why, record->why, sizeof(why));
	record_free(record);
	return why;
}

static void
plan_refuses(const char *name, const char *arguments, const char *text)
{
	struct option_values *values;
	struct plan plan = { .readers = readers };
	char error[512] = "";
	bool planned = plan_for(built_workload(name), arguments, 2, &plan, &values, error, sizeof(error));

	if (planned || strstr(error, text) == NULL)
		fprintf(stderr, "# %s %s: \"%s\", wanted \"%s\"\n", name, arguments, error, text);
	CHECK(!planned && strstr(error, text) != NULL);
	options_free(values);
}

static uint64_t
prefill_of(const char *arguments)
{
	struct option_values *values;
	struct plan plan = { .readers = readers };
	char error[512];

	CHECK(plan_for(built_workload("mixed"), arguments, 2, &plan, &values, error, sizeof(error)));
	options_free(values);
	return plan.prefill;
}

/* ---- mixed ---- */

static void
mixed_refuses_a_bad_mix(void)
{
	plan_refuses("mixed", "--mix get=90,insert=5", "add up to 95, not to 100");
	plan_refuses("mixed", "--mix get=90,insert=5,remove=5.001", "100.001");
	plan_refuses("mixed", "--mix get=100,frob=0", "'frob' is no operation");
	plan_refuses("mixed", "--mix get=50,get=50", "get is given twice");
	plan_refuses("mixed", "--mix get", "must be get=PERCENT");
	plan_refuses("mixed", "--mix get=", "must be get=PERCENT");
	plan_refuses("mixed", "--mix get=-1,insert=101", "PERCENT");
	plan_refuses("mixed", "--mix get=99.9999,insert=0.0001", "PERCENT");
	plan_refuses("mixed", "--mix get=100,", "is no operation");
	plan_refuses("mixed", "--dist zipf:0", "zipf");
	plan_refuses("mixed", "--keys 0", "keys");
	plan_refuses("mixed", "--update 101", "update");
	plan_refuses("mixed", "--update 10 --mix get=100", "exclude each other");
	plan_refuses("mixed", "--keys 10 --prefill 11", "do not fit");
	plan_refuses("mixed", "--batch 0", "batch");
	plan_refuses("mixed", "--batch 1025", "batch");
	plan_refuses("mixed", "--scan-length 1025", "scan-length");
}

static void
mixed_prefills_to_the_steady_state(void)
{
	CHECK_EQ(prefill_of("--keys 200K"), 100000);
	CHECK_EQ(prefill_of("--keys 200K --mix get=100"), 100000);
	CHECK_EQ(prefill_of("--keys 1000 --mix get=60,insert=30,remove=10"), 750);
	CHECK_EQ(prefill_of("--keys 1000 --mix get=50,upsert=50"), 1000);
	CHECK_EQ(prefill_of("--keys 1000 --mix remove=100"), 0);
	CHECK_EQ(prefill_of("--keys 1000 --mix insert=10,upsert=20,remove=70"), 300);
	CHECK_EQ(prefill_of("--keys 1000 --prefill 7"), 7);
	CHECK_EQ(prefill_of("-r 1000 -i 7 -u 20"), 7);
	/* No overflow at the widest range. */
	CHECK_EQ(prefill_of("--keys 72057594037927936 --mix insert=50,remove=50"), UINT64_C(1) << 55);
}

static void
mixed_names_its_mix_canonically(void)
{
	struct option_values *values;
	struct plan plan = { 0 };
	char error[512];

	CHECK(plan_for(built_workload("mixed"), "--mix remove=5.500,insert=4.5,get=90", 2, &plan, &values, error, sizeof(error)));
	CHECK(strcmp(plan.mix, "get=90,insert=4.5,remove=5.5") == 0);
	CHECK_EQ(plan.needs, OP_BIT(OP_GET) | OP_BIT(OP_INSERT) | OP_BIT(OP_REMOVE));
	options_free(values);
	plan = (struct plan){ 0 };
	CHECK(plan_for(built_workload("mixed"), "--update 20 --dist zipf:0.990", 2, &plan, &values, error, sizeof(error)));
	CHECK(strcmp(plan.mix, "get=80,insert=10,remove=10") == 0);
	CHECK(strcmp(plan.dist, "zipf:0.99") == 0);
	options_free(values);
}

/* The size stays where prefill put it: it is the steady state of both distributions. */
static void
mixed_does_not_drift(void)
{
	static const char *const dists[] = { "uniform", "zipf:0.99" };

	for (unsigned i = 0; i < 2; i++) {
		char arguments[128];
		struct plan plan;
		struct record *r;

		snprintf(arguments, sizeof(arguments), "--keys 1000 --mix insert=30,remove=70 --dist %s", dists[i]);
		r = run_busy("mixed", arguments, 2, check_seed, &plan);
		CHECK_EQ(plan.prefill, 300);
		CHECK(r->ops > 10000);
		/* Each key is there with probability 0.3: sigma = sqrt(1000 * 0.3 * 0.7) = 14.5. */
		CHECK(fabs((double)r->size_after - 300) < 6 * 14.5);
		record_free(r);
	}
}

/* What is issued, after prefill: percentages and keys, by chi-square. */
static void
mixed_issues_its_mix_and_keys(void)
{
	double op_seen[OP_COUNT] = { 0 }, op_expected[OP_COUNT], key_seen[100] = { 0 }, key_expected[100], total = 0,
	    logged = 0, share[OP_COUNT] = { 40, 25.5, 14.5, 20 };
	struct plan plan;
	struct record *r = run_busy("mixed", "--keys 100 --mix get=40,insert=25.5,upsert=14.5,remove=20", 2, check_seed, &plan);
	const unsigned plain = OP_REMOVE + 1;

	for (unsigned thread = 0; thread < 2; thread++) {
		for (unsigned op = 0; op < OP_COUNT; op++) {
			op_seen[op] += (double)map.log[thread].calls[op];
			total += (double)map.log[thread].calls[op];
		}
		for (unsigned i = 0; i < LOG_LENGTH && i < map.log[thread].length; i++, logged++)
			key_seen[map.log[thread].key[i]]++;
	}
	CHECK(total > 10000 && logged > 10000);
	for (unsigned op = 0; op < OP_COUNT; op++)
		op_expected[op] = total * share[op] / 100;
	for (unsigned key = 0; key < 100; key++)
		key_expected[key] = logged / 100;
	CHECK(statistics_chi_square_p(statistics_chi_square(op_seen, op_expected, plain), plain - 1) > 1e-6);
	CHECK(op_seen[OP_REPLACE] + op_seen[OP_MODIFY] + op_seen[OP_GET_MANY] + op_seen[OP_SCAN] == 0);
	CHECK(statistics_chi_square_p(statistics_chi_square(key_seen, key_expected, 100), 99) > 1e-6);
	record_free(r);
}

/* The same with every operation there is; batches and scans have the length asked for. */
static void
mixed_issues_every_operation(void)
{
	static const double share[OP_COUNT] = { 10, 20, 15, 20, 5, 10, 12.5, 7.5 };
	double seen[OP_COUNT] = { 0 }, expected[OP_COUNT], total = 0;
	struct record *r;
	struct plan plan;

	scan_least = scan_most = 7;
	r = run_busy("mixed", "--keys 1000 --batch 9 --scan-length 7 --mix get=10,insert=20,upsert=15,remove=20,"
	    "replace=5,modify=10,get_many=12.5,scan=7.5", 2, check_seed, &plan);
	CHECK_EQ(plan.needs, OP_BIT(OP_COUNT) - 1);
	CHECK(strcmp(plan.mix, "get=10,insert=20,upsert=15,remove=20,replace=5,modify=10,get_many=12.5,scan=7.5") == 0);
	for (unsigned thread = 0; thread < 2; thread++) {
		for (unsigned op = 0; op < OP_COUNT; op++) {
			seen[op] += (double)map.log[thread].calls[op];
			total += (double)map.log[thread].calls[op];
		}
		for (unsigned i = 0; i < LOG_LENGTH && i < map.log[thread].length; i++)
			CHECK(map.log[thread].op[i] != OP_GET_MANY || map.log[thread].key[i] == 9);
	}
	CHECK(total > 5000);
	for (unsigned op = 0; op < OP_COUNT; op++)
		expected[op] = total * share[op] / 100;
	CHECK(statistics_chi_square_p(statistics_chi_square(seen, expected, OP_COUNT), OP_COUNT - 1) > 1e-6);
	record_free(r);
}

/* Same seed, same operations on every thread; another seed or thread, others. */
static void
mixed_repeats_itself_by_seed(void)
{
	static struct log first[2];
	const char *arguments = "--keys 100K --mix get=50,insert=20,upsert=10,remove=20 --dist zipf:0.8";
	struct plan plan;

	for (unsigned round = 0; round < 3; round++) {
		record_free(run_busy("mixed", arguments, 2, round < 2 ? check_seed : check_seed + 1, &plan));
		for (unsigned thread = 0; thread < 2; thread++) {
			const struct log *l = &map.log[thread];
			uint64_t n = l->length < first[thread].length ? l->length : first[thread].length;
			unsigned same = 0;

			if (round == 0) {
				first[thread] = *l;
				continue;
			}
			if (n > LOG_LENGTH)
				n = LOG_LENGTH;
			CHECK(n >= 1000);
			for (unsigned i = 0; i < n; i++)
				same += l->key[i] == first[thread].key[i] && l->op[i] == first[thread].op[i];
			CHECK(round == 1 ? same == n : same < n / 2);
		}
		CHECK(memcmp(map.log[0].key, map.log[1].key, 1000 * sizeof(map.log[0].key[0])) != 0);
	}
}

/* With roles: the first threads read, the others update, in the proportions of the mix; and again with the same seed. */
static void
mixed_keeps_to_its_roles(void)
{
	static struct log first[4];
	struct plan plan;

	readers = 2;
	for (unsigned round = 0; round < 2; round++) {
		struct record *r = run_busy("mixed", "--keys 10K --mix get=70,insert=20,remove=10", 4, check_seed, &plan);
		uint64_t inserts = 0, removes = 0;

		CHECK(plan.roles && strcmp(plan.mix, "get=100|insert=66.667,remove=33.333") == 0);
		CHECK(strcmp(r->roles, "readers=2,writers=2") == 0);
		CHECK(fabs(r->reader_mops + r->writer_mops - r->mops) < 1e-9 && r->reader_jain <= 1.000001 && r->writer_jain > 0);
		/* The steady state of the writers' mix, held by the writers alone. */
		CHECK(plan.prefill == 6666 && r->size_before > 6000 && r->size_after > 6000 && r->size_after < 7300);
		for (unsigned thread = 0; thread < 4; thread++) {
			const struct log *l = &map.log[thread];
			uint64_t n = l->length < LOG_LENGTH ? l->length : LOG_LENGTH;

			CHECK(l->length > 0 && l->calls[OP_GET] == (thread < 2 ? l->length : 0));
			inserts += l->calls[OP_INSERT];
			removes += l->calls[OP_REMOVE];
			if (round == 0)
				first[thread] = *l;
			else if (n > first[thread].length)
				n = first[thread].length;
			CHECK(memcmp(l->key, first[thread].key, n * sizeof(l->key[0])) == 0 &&
			    memcmp(l->op, first[thread].op, n) == 0);
		}
		CHECK(inserts > removes && inserts < 3 * removes);
		record_free(r);
	}
	plan_refuses("mixed", "--mix get=100", "no updates for writers");
	plan_refuses("mixed", "--reader-mix insert=100", "insert is an update, and readers make none");
	record_free(run("mixed", "--keys 1K --reader-mix get=50,get_many=50 --writer-mix upsert=100", 3, check_seed, 1000000, &plan));
	CHECK(strcmp(plan.mix, "get=50,get_many=50|upsert=100") == 0);
	readers = 0;
	plan_refuses("mixed", "--reader-mix get=100", "only with --threads readers=R,writers=W");
	plan_refuses("mixed", "--writer-mix upsert=100", "only with --threads readers=R,writers=W");
}

/* ---- load ---- */

static void
load_touches_every_key_once_a_phase(void)
{
	struct plan plan;
	struct record *r = run("load", "--keys 10K", 3, check_seed, 0, &plan);

	CHECK(plan.fixed_work && plan.phases == 2);
	CHECK_EQ(r->ops, 20000);
	CHECK_EQ(r->hits, 20000);
	CHECK_EQ(r->size_before, 0);
	CHECK_EQ(r->size_after, 0);
	CHECK_EQ(r->phases, 2);
	CHECK_EQ(r->phase[0].ops, 10000);
	CHECK_EQ(r->phase[1].ops, 10000);
	record_free(r);
}

static void
load_can_do_one_part(void)
{
	struct plan plan;
	struct record *r = run("load", "--keys 1000 --part insert", 2, check_seed, 0, &plan);

	CHECK_EQ(r->ops, 1000);
	CHECK_EQ(r->size_after, 1000);
	record_free(r);
	r = run("load", "--keys 1000 --part remove", 2, check_seed, 0, &plan);
	CHECK_EQ(r->ops, 1000);
	CHECK_EQ(r->size_before, 1000);
	CHECK_EQ(r->size_after, 0);
	record_free(r);
	plan_refuses("load", "--part some", "must be both, insert or remove");
}

static void
load_puts_in_by_batches(void)
{
	struct plan plan;
	struct record *r = run("load", "--keys 1000 --batch 32", 3, check_seed, 0, &plan);

	CHECK(strcmp(plan.mix, "extend,remove") == 0);
	CHECK_EQ(r->ops, 2000);
	CHECK_EQ(r->misses, 1000);
	CHECK_EQ(r->hits, 1000);
	CHECK_EQ(r->phase[0].ops, 1000);
	CHECK_EQ(r->size_after, 0);
	/* 333 and 334 keys of each thread: the last batches are of 13 and 14. */
	CHECK_EQ(map.log[0].length, 11 + 334);
	record_free(r);
	r = run("load", "--keys 1000 --part remove --batch 7", 2, check_seed, 0, &plan);
	CHECK(strcmp(plan.mix, "remove") == 0);
	CHECK_EQ(r->ops, 1000);
	CHECK_EQ(r->size_before, 1000);
	record_free(r);
	extend_fault = EXTEND_FULL;
	CHECK(strstr(why_invalid("load", "--keys 1000 --batch 32", &plan), "no memory") != NULL);
	extend_fault = EXTEND_LOSES;
	CHECK(strstr(why_invalid("load", "--keys 1000 --batch 32 --part insert", &plan), "keys lost") != NULL);
	extend_fault = EXTEND_TOO_MUCH;
	CHECK(strstr(why_invalid("load", "--keys 1000 --batch 32 --part insert", &plan), "or miscounted") != NULL);
	extend_fault = EXTENDS;
}

/* ---- phases ---- */

static char script_path[40];

/* A script for --script, until the next one. */
static const char *
script(const char *text)
{
	static char option[64];
	FILE *file;

	if (script_path[0] == '\0') {
		snprintf(script_path, sizeof(script_path), "/tmp/test_workloads.XXXXXX");
		CHECK(close(mkstemp(script_path)) == 0);
	}
	file = fopen(script_path, "w");
	CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
	snprintf(option, sizeof(option), "--script %s --keys 2K", script_path);
	return option;
}

static void
phases_do_what_the_script_says(void)
{
	struct plan plan;
	struct record *r = run("phases", script("fill 2K insert=100 sequential\nread 2ms get=100 zipf:0.99\n"
	    "mixed 4001 get=50,upsert=30,remove=20\n"), 3, check_seed, 0, &plan);
	uint64_t calls[OP_COUNT] = { 0 };

	CHECK(plan.fixed_work && plan.phases == 3 && plan.prefill == 0 && strcmp(plan.mix, "3 phases") == 0);
	CHECK_EQ(r->phases, 3);
	CHECK(strcmp(r->phase[0].name, "fill") == 0 && strcmp(r->phase[2].name, "mixed") == 0);
	CHECK(r->phase[1].elapsed_s >= 0.002);
	for (unsigned thread = 0; thread < 3; thread++) {
		const struct log *l = &map.log[thread];

		for (unsigned op = 0; op < OP_COUNT; op++)
			calls[op] += l->calls[op];
		/* A share each, and the same phase at the same time: a thread's inserts come first. */
		CHECK(l->calls[OP_INSERT] == 666 + (thread < 2));
		for (uint64_t i = 0; i < l->calls[OP_INSERT]; i++)
			CHECK(l->op[i] == OP_INSERT && (i == 0 || l->key[i] == (l->key[i - 1] + 1) % 2000));
	}
	/* Out of 4001 calls; 1200 and 800 on average, deviations of 29 and 25. */
	CHECK(calls[OP_UPSERT] > 1000 && calls[OP_UPSERT] < 1400);
	CHECK(calls[OP_REMOVE] > 620 && calls[OP_REMOVE] < 980);
	CHECK_EQ(r->phase[2].ops, 4001);
	record_free(r);
}

static void
phases_repeat_themselves_by_seed(void)
{
	static struct log first[3];
	struct plan plan;

	for (unsigned round = 0; round < 3; round++) {
		record_free(run("phases", script("a 3K get=50,upsert=50\nb 3K get=50,upsert=50\n"), 3, check_seed + round / 2, 0,
		    &plan));
		for (unsigned thread = 0; thread < 3; thread++) {
			const struct log *l = &map.log[thread];

			CHECK_EQ(l->length, 2000);
			/* No phase does again what the one before did. */
			CHECK(memcmp(l->key, l->key + 1000, 1000 * sizeof(l->key[0])) != 0);
			CHECK(memcmp(l->op, l->op + 1000, 1000) != 0);
			if (round == 0)
				first[thread] = *l;
			else
				CHECK((memcmp(l->key, first[thread].key, 2000 * sizeof(l->key[0])) == 0 &&
				    memcmp(l->op, first[thread].op, 2000) == 0) == (round == 1));
		}
	}
	plan_refuses("phases", "--keys 2K", "--script FILE is needed");
	plan_refuses("phases", script("a 1 get=100\n"), "the 1 calls of phase a give no work to each of 2 threads");
	plan_refuses("phases", script("a 1K get=50\n"), ":1: 'get=50': the percentages add up to 50, not to 100");
	plan_refuses("phases", "--script /nowhere/x.phases", "--script: /nowhere/x.phases: ");
	CHECK(unlink(script_path) == 0);
	script_path[0] = '\0';
}

/* ---- growth ---- */

/* Every key in once, as many upserts, every key out once; reads are half of it, and find all keys that are in. */
static void
growth_grows_stays_and_shrinks(void)
{
	struct plan plan;
	struct record *r = run("growth", "--keys 10K --shrink", 3, check_seed, 0, &plan);
	uint64_t calls[OP_COUNT] = { 0 };

	CHECK(plan.fixed_work && plan.grows && plan.pauses && plan.phases == 3 && plan.prefill == 0 && plan.size == 10000);
	CHECK_EQ(r->size_before, 0);
	CHECK_EQ(r->size_after, 0);
	CHECK_EQ(r->phases, 3);
	CHECK(strcmp(r->phase[0].name, "grow") == 0 && strcmp(r->phase[2].name, "shrink") == 0);
	for (unsigned thread = 0; thread < 3; thread++)
		for (unsigned op = 0; op < OP_COUNT; op++)
			calls[op] += map.log[thread].calls[op];
	CHECK(calls[OP_INSERT] == 10000 && calls[OP_UPSERT] == 10000 && calls[OP_REMOVE] == 10000);
	/* 30,000 on average, 173 of deviation. */
	CHECK(calls[OP_GET] > 28000 && calls[OP_GET] < 32000);
	record_free(r);
	r = run("growth", "--keys 10K --prefill 4K --reads 0", 2, check_seed, 0, &plan);
	CHECK_EQ(r->size_before, 4000);
	CHECK_EQ(r->size_after, 10000);
	CHECK_EQ(r->phases, 2);
	CHECK_EQ(r->ops, 12000);
	CHECK_EQ(r->hits, 12000);
	record_free(r);
	plan_refuses("growth", "--keys 10 --prefill 9", "leave none for each of 2 threads");
	plan_refuses("growth", "--reads 100", "reads");
}

/* With roles: writers put in, change and take out, readers read until they are done, and in every phase. */
static void
growth_has_readers_and_writers(void)
{
	struct plan plan;
	struct record *r;

	readers = 1;
	r = run("growth", "--keys 20K --prefill 1K --shrink", 3, check_seed, 0, &plan);
	CHECK(plan.roles && strcmp(plan.mix, "get=100|get=0,insert/upsert/remove=100") == 0);
	CHECK_EQ(map.log[0].calls[OP_GET], map.log[0].length);
	CHECK_EQ(map.log[1].calls[OP_INSERT] + map.log[2].calls[OP_INSERT], 19000);
	CHECK_EQ(map.log[1].calls[OP_UPSERT] + map.log[2].calls[OP_UPSERT], 19000);
	CHECK_EQ(map.log[1].calls[OP_REMOVE] + map.log[2].calls[OP_REMOVE], 20000);
	CHECK_EQ(map.log[1].calls[OP_GET] + map.log[2].calls[OP_GET], 0);
	CHECK(r->size_before == 1000 && r->size_after == 0);
	record_free(r);
	readers = 0;
}

/* A map that loses sight of a key for a moment, and has it again at the end, is found out. */
static void
growth_finds_lost_keys(void)
{
	struct plan plan;

	/* In the phase without growth, where all keys are in: of some 10,000 lookups in each. */
	blind_in = 15000;
	CHECK(strstr(why_invalid("growth", "--keys 10K", &plan), "1 lookups did not find a key that was in the map") != NULL);
	blind_in = 0;
}

/* Same seed, same operations on every thread, whatever the others do. */
static void
growth_repeats_itself_by_seed(void)
{
	static struct log first[3];
	struct plan plan;

	for (unsigned round = 0; round < 3; round++) {
		record_free(run("growth", "--keys 5000 --reads 40 --shrink", 3, check_seed + round / 2, 0, &plan));
		for (unsigned thread = 0; thread < 3; thread++) {
			const struct log *l = &map.log[thread];

			CHECK(l->length >= 5000 && l->length < LOG_LENGTH);
			if (round == 0)
				first[thread] = *l;
			else
				CHECK((l->length == first[thread].length &&
				    memcmp(l->key, first[thread].key, l->length * sizeof(l->key[0])) == 0 &&
				    memcmp(l->op, first[thread].op, l->length) == 0) == (round == 1));
		}
	}
}

/* ---- churn, stall, longread, die ---- */

/* Each thread's own keys, all in, all replaced, all out, and again. */
static void
churn_goes_in_waves(void)
{
	struct plan plan;
	struct record *r = run("churn", "--keys 1000", 2, check_seed, 50000000, &plan);

	CHECK_EQ(r->misses, 0);
	CHECK(r->size_before <= 1000 && r->size_after <= 1000);
	for (unsigned thread = 0; thread < 2; thread++) {
		static const enum op wave[] = { OP_INSERT, OP_UPSERT, OP_REMOVE };
		const struct log *l = &map.log[thread];
		uint64_t n = l->length < LOG_LENGTH ? l->length : LOG_LENGTH;

		CHECK(n > 1500);
		for (uint64_t i = 0; i < n; i++) {
			CHECK_EQ(l->op[i], wave[i / 500 % 3]);
			CHECK_EQ(l->key[i], l->key[i % 500]);
		}
	}
	record_free(r);
	/* More threads than keys, and rests: nobody is waited for. */
	r = run("churn", "--keys 2 --rest 5ms", 4, check_seed, 30000000, &plan);
	CHECK_EQ(map.log[3].calls[OP_INSERT], 0);
	record_free(r);
}

static void
stall_parks_the_last_threads(void)
{
	struct plan plan;
	struct record *r = run("stall", "--keys 1000 --stalled 1 --stall 5ms --every 20ms", 2, check_seed, 100000000, &plan);

	CHECK(plan.stalls && plan.prefill == 500);
	CHECK_EQ(map.log[0].holds, 0);
	CHECK(map.log[1].holds >= 1 && map.log[1].holds <= 5);
	CHECK_EQ(r->stalls, map.log[1].holds);
	record_free(r);
	r = run("stall", "--keys 1000 --stall forever --every 10ms", 2, check_seed, 100000000, &plan);
	CHECK_EQ(map.log[1].holds, 1);
	CHECK_EQ(r->stalls, 1);
	record_free(r);
	plan_refuses("stall", "--stall 10", "must be a time such as 1ms or 10ms");
	plan_refuses("stall", "--stall 0ms", "must be a time");
	plan_refuses("stall", "--stall ms", "must be a time");
	plan_refuses("stall", "--stall 99999999999999999999ms", "must be a time");
	plan_refuses("stall", "--stall never", "or forever");
	plan_refuses("stall", "--stall 20ms --every 20ms", "--stall must be shorter than --every");
	plan_refuses("stall", "--stalled 2", "2 such threads of --threads 2 leave none to work");
}

static void
longread_stays_inside_its_reads(void)
{
	struct plan plan;
	struct record *r = run("longread", "--keys 1000 --hold 1ms", 2, check_seed, 50000000, &plan);

	CHECK_EQ(map.log[0].holds, 0);
	CHECK(map.log[1].holds >= 1 && map.log[1].holds <= 50);
	/* The reader does nothing else. */
	CHECK_EQ(map.log[1].length, 0);
	CHECK_EQ(r->stalls, UINT64_MAX);
	record_free(r);
	plan_refuses("longread", "--hold 1", "unit");
	plan_refuses("longread", "--readers 5", "leave none to work");
}

static void
die_ends_the_last_threads(void)
{
	struct plan plan;
	struct record *r;

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
	plan_refuses("die", "", "ThreadSanitizer cannot follow");
	CHECK_SKIP("ThreadSanitizer cannot follow a thread that ends by the system call");
#endif
#endif
	r = run("die", "--keys 1000 --every 5ms", 3, check_seed, 100000000, &plan);
	/* None on a machine that stands still. */
	CHECK(r->died <= 1);
	CHECK(r->thread[2].ops > 0 && r->thread[0].ops > 0);
	/* Inside a read, if the key it met was there; the runner has released it. */
	CHECK(map.log[2].holds <= 1 && !map.log[2].held);
	record_free(r);
	r = run("die", "--keys 1000 --between --every 5ms", 2, check_seed, 50000000, &plan);
	CHECK_EQ(map.log[1].holds, 0);
	record_free(r);
	plan_refuses("die", "--dying 2", "leave none to work");
}

/* ---- ycsb ---- */

/* How often each operation was issued, by all threads; returns the sum. */
static double
ops_seen(double seen[OP_COUNT])
{
	double total = 0;

	for (unsigned op = 0; op < OP_COUNT; op++) {
		seen[op] = 0;
		for (unsigned thread = 0; thread < 2; thread++)
			seen[op] += (double)map.log[thread].calls[op];
		total += seen[op];
	}
	return total;
}

/* Two operations in these shares, by chi-square; nothing else. */
static void
shares_are(enum op often, double often_pct, enum op seldom)
{
	double seen[OP_COUNT], total = ops_seen(seen), two[2] = { seen[often], seen[seldom] };
	double expected[2] = { total * often_pct / 100, total * (100 - often_pct) / 100 };

	CHECK(total > 2000 && two[0] + two[1] == total);
	CHECK(statistics_chi_square_p(statistics_chi_square(two, expected, 2), 1) > 1e-6);
	/* Planted: a share that is 5 % off does not pass. */
	expected[0] = total * (often_pct - 5) / 100;
	expected[1] = total - expected[0];
	CHECK(statistics_chi_square_p(statistics_chi_square(two, expected, 2), 1) < 1e-6);
}

static void
ycsb_a_to_c_read_and_update(void)
{
	struct plan plan;
	struct record *r = run_busy("ycsb", "--ycsb A --keys 1000", 2, check_seed, &plan);

	CHECK(strcmp(r->workload, "ycsb:a") == 0 && strcmp(plan.dist, "zipf:0.99") == 0);
	CHECK_EQ(r->size_before, 1000);
	CHECK_EQ(r->size_after, 1000);
	/* Every record is there: reads find it, updates replace it. */
	CHECK_EQ(r->misses, 0);
	shares_are(OP_GET, 50, OP_UPSERT);
	record_free(r);
	record_free(run_busy("ycsb", "--ycsb b --keys 1000", 2, check_seed, &plan));
	shares_are(OP_GET, 95, OP_UPSERT);
	r = run_busy("ycsb", "--ycsb c --keys 1000", 2, check_seed, &plan);
	CHECK_EQ(plan.needs, OP_BIT(OP_GET) | OP_BIT(OP_INSERT));
	CHECK_EQ(r->ops, r->hits);
	CHECK_EQ(r->histogram[RECORD_UPDATE].total, 0);
	record_free(r);
}

/* Inserts are new, consecutive records; reads go to the newest ones, by zipf. */
static void
ycsb_d_reads_what_was_put_in_last(void)
{
	double near = 0, reads = 0, share = 0, all = 0;
	struct plan plan;
	/* Few enough operations for the room: half of the time limit's would already be too many. */
	struct record *r = run("ycsb", "--ycsb d --keys 2000 --insert-room 98000", 1, check_seed, 3000000, &plan);
	const struct log *l = &map.log[0];
	uint64_t newest = 1999, expected_next = UINT64_MAX;

	CHECK(strcmp(plan.dist, "latest:0.99") == 0 && plan.keys == 2000 && plan.room == 98000 && r->keys == 2000);
	CHECK(r->size_after > r->size_before && r->size_before > 2000);
	for (uint64_t i = 0; i < l->length && i < LOG_LENGTH; i++) {
		if (l->op[i] == OP_INSERT) {
			CHECK(expected_next == UINT64_MAX || l->key[i] == expected_next);
			expected_next = l->key[i] + 1;
			newest = l->key[i];
		} else if (expected_next != UINT64_MAX) {
			/* The newest is looked up once in 64 operations, of which at most a few are inserts. */
			CHECK(l->key[i] <= newest && l->key[i] + 2000 + 64 > newest);
			reads++;
			near += l->key[i] + 80 > newest;
		}
	}
	for (unsigned rank = 1; rank <= 2000; rank++) {
		all += pow(rank, -0.99);
		share += rank <= 80 ? pow(rank, -0.99) : 0;
	}
	/* 80 records from the newest: a few of them are newer than what this block of operations knew of. */
	CHECK(reads > 1000 && fabs(near / reads - share / all) < 0.05);
	record_free(r);
}

static void
ycsb_e_scans(void)
{
	double expected[100], seen[100], issued[OP_COUNT], total = 0;
	uint64_t duration_ns = 20000000;
	struct record *r;
	struct plan plan;

	scan_least = 1;
	scan_most = 100;
	/* Longer where that is too short for the statistics: scans are slow under a sanitizer, and fast elsewhere fill the room. */
	r = run("ycsb", "--ycsb e --keys 2000 --insert-room 98000", 2, check_seed, duration_ns, &plan);
	while (ops_seen(issued) <= 2000 && duration_ns < 2000000000) {
		duration_ns *= 4;
		record_free(r);
		r = run("ycsb", "--ycsb e --keys 2000 --insert-room 98000", 2, check_seed, duration_ns, &plan);
	}
	CHECK_EQ(plan.needs, OP_BIT(OP_SCAN) | OP_BIT(OP_INSERT));
	shares_are(OP_SCAN, 95, OP_INSERT);
	for (unsigned n = 0; n < 100; n++) {
		seen[n] = (double)atomic_load_explicit(&scan_seen[n + 1], memory_order_relaxed);
		total += seen[n];
	}
	for (unsigned n = 0; n < 100; n++)
		expected[n] = total / 100;
	CHECK(total > 1000);
	CHECK(statistics_chi_square_p(statistics_chi_square(seen, expected, 100), 99) > 1e-6);
	CHECK(r->scanned > 0);
	record_free(r);
}

static void
ycsb_f_reads_and_writes(void)
{
	double seen[OP_COUNT];
	struct plan plan;
	struct record *r = run_busy("ycsb", "--ycsb f --keys 1000", 1, check_seed, &plan);
	const struct log *l = &map.log[0];
	uint64_t upserts = 0;

	/* An update follows a read of its record. */
	for (uint64_t i = 1; i < l->length && i < LOG_LENGTH; i++)
		if (l->op[i] == OP_UPSERT) {
			CHECK(l->op[i - 1] == OP_GET && l->key[i - 1] == l->key[i]);
			upserts++;
		}
	CHECK(upserts > 1000);
	ops_seen(seen);
	/* One read-modify-write in two actions: two gets for one upsert. */
	CHECK(fabs(seen[OP_GET] / seen[OP_UPSERT] - 2) < 0.1);
	record_free(r);
	r = run_busy("ycsb", "--ycsb f --rmw modify --keys 1000", 2, check_seed, &plan);
	CHECK_EQ(plan.needs, OP_BIT(OP_GET) | OP_BIT(OP_INSERT) | OP_BIT(OP_MODIFY));
	shares_are(OP_GET, 50, OP_MODIFY);
	record_free(r);
}

static void
ycsb_refuses_what_makes_no_sense(void)
{
	plan_refuses("ycsb", "--ycsb g", "'g' is none of the workloads a, b, c, d, e, f");
	plan_refuses("ycsb", "--ycsb ab", "none of the workloads");
	plan_refuses("ycsb", "--rmw maybe", "read-update or modify");
	plan_refuses("ycsb", "--dist nonsense", "nonsense");
	plan_refuses("ycsb", "--keys 0", "keys");
}

/* No room left for inserts: the trial says so instead of measuring another mix. */
static void
ycsb_tells_that_its_room_is_full(void)
{
	struct plan plan;

	CHECK(strstr(why_invalid("ycsb", "--ycsb d --keys 100 --insert-room 10", &plan), "more than --insert-room") != NULL);
}

/* Same seed, same operations, for each letter whose records do not depend on another thread. */
static void
ycsb_repeats_itself_by_seed(void)
{
	static struct log first[2];

	for (const char *letter = "abcf"; *letter != '\0'; letter++) {
		char arguments[64];
		struct plan plan;

		snprintf(arguments, sizeof(arguments), "--ycsb %c --keys 5000", *letter);
		for (unsigned round = 0; round < 3; round++) {
			record_free(run_busy("ycsb", arguments, 2, check_seed + round / 2, &plan));
			for (unsigned thread = 0; thread < 2; thread++) {
				const struct log *l = &map.log[thread];

				CHECK(l->length >= 1000);
				if (round == 0)
					first[thread] = *l;
				else
					CHECK((memcmp(l->key, first[thread].key, 1000 * sizeof(l->key[0])) == 0 &&
					    memcmp(l->op, first[thread].op, 1000) == 0) == (round == 1));
			}
		}
	}
}

static const struct test tests[] = {
	TEST(ycsb_a_to_c_read_and_update),
	TEST(ycsb_d_reads_what_was_put_in_last),
	TEST(ycsb_e_scans),
	TEST(ycsb_f_reads_and_writes),
	TEST(ycsb_refuses_what_makes_no_sense),
	TEST(ycsb_tells_that_its_room_is_full),
	TEST(ycsb_repeats_itself_by_seed),
	TEST(mixed_refuses_a_bad_mix),
	TEST(mixed_prefills_to_the_steady_state),
	TEST(mixed_names_its_mix_canonically),
	TEST(mixed_does_not_drift),
	TEST(mixed_issues_its_mix_and_keys),
	TEST(mixed_issues_every_operation),
	TEST(mixed_repeats_itself_by_seed),
	TEST(mixed_keeps_to_its_roles),
	TEST(growth_has_readers_and_writers),
	TEST(load_touches_every_key_once_a_phase),
	TEST(load_can_do_one_part),
	TEST(load_puts_in_by_batches),
	TEST(phases_do_what_the_script_says),
		TEST(phases_repeat_themselves_by_seed),
		TEST(growth_grows_stays_and_shrinks),
	TEST(growth_finds_lost_keys),
	TEST(growth_repeats_itself_by_seed),
	TEST(churn_goes_in_waves),
	TEST(stall_parks_the_last_threads),
	TEST(longread_stays_inside_its_reads),
	TEST(die_ends_the_last_threads),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
