/*
 * Workload trace on maps that are right, and on maps that are not: each operation
 * is done once a pass, by the thread it was dealt to and in its order; a map
 * that strays from the order of the trace, or holds something else at the end, is found.
 */
#include "harness/random.h"
#include "harness/trace.h"
#include "harness/worker.h"
#include "workloads/tests/slot_map.h"
#include "workloads/tests/trial.h"

#define KEYS_MOST 2048u
#define THREADS_MOST 4u
#define LOG_LENGTH 30000u

/* What is wrong with the map. */
static enum {
	SOUND, STALE_GET, DEAF_REPLACE, DEAF_INSERT
} fault;

/* A map that writes down what it is asked. Values stand for themselves: nothing is published by them. */
static struct {
	_Atomic(uint64_t) slot[KEYS_MOST];
	struct log {
		uint64_t record[LOG_LENGTH], length;
		unsigned resumes;
		uint64_t stale[KEYS_MOST]; /* the value before the last */
	} log[THREADS_MOST + 1];
} map;

static const struct slot_map slots = { map.slot, KEYS_MOST };

static void *
log_create(const struct subject_params *params, char *error, size_t size)
{
	(void)error;
	(void)size;
	CHECK(params->keys <= KEYS_MOST && params->threads <= THREADS_MOST);
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

/* The first resume is before prefill, the second behind it. */
static void
note(struct log *l, enum op op, uint64_t key, uint64_t scan)
{
	if (l->resumes >= 2 && l->length < LOG_LENGTH)
		l->record[l->length++] = trace_record(op, key, scan);
}

static enum op_result
log_get(void *handle, uint64_t key, uint64_t *value)
{
	struct log *l = handle;

	note(l, OP_GET, key, 0);
	if (slot_get(&slots, key, value) == OP_HIT && fault == STALE_GET && l->stale[key] != 0)
		*value = l->stale[key];
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
log_insert(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_INSERT, key, 0);
	return fault == DEAF_INSERT ? OP_MISS : slot_insert(&slots, key, value);
}

static enum op_result
log_upsert(void *handle, uint64_t key, uint64_t *value)
{
	struct log *l = handle;
	enum op_result result;

	note(l, OP_UPSERT, key, 0);
	result = slot_exchange(&slots, key, value);
	l->stale[key] = *value;
	return result;
}

static enum op_result
log_remove(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_REMOVE, key, 0);
	*value = 0;
	return slot_exchange(&slots, key, value);
}

static enum op_result
log_replace(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_REPLACE, key, 0);
	return fault == DEAF_REPLACE ? slot_get(&slots, key, value) : slot_change(&slots, key, value, false);
}

static enum op_result
log_modify(void *handle, uint64_t key, uint64_t *value)
{
	note(handle, OP_MODIFY, key, 0);
	return slot_change(&slots, key, value, true);
}

static size_t
log_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	note(handle, OP_SCAN, from, n);
	return slot_scan(&slots, from, keys, values, n);
}

static void
log_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	(void)handle;
	slot_each(&slots, visit, arg);
}

static const struct subject log_subject = {
	.version = PLUGIN_VERSION, .name = "log", .help = "", .reclaimer = "none", .progress = "wait-free",
	.create = log_create, .destroy = log_destroy, .attach = log_attach, .detach = log_nothing,
	.pause = log_nothing, .resume = log_resume,
	.get = log_get, .insert = log_insert, .upsert = log_upsert, .remove = log_remove,
	.replace = log_replace, .modify = log_modify, .scan = log_scan, .each = log_each,
};

/* ---- Running ---- */

static const struct workload *
workload(void)
{
	return built_workload("trace");
}

/* A file with this text, gone when the program ends; the name is good until then. */
static const char *
file_with(const char *text)
{
	static char path[8][40];
	static unsigned used;
	char *p = path[used++ % 8];
	int file;

	snprintf(p, sizeof(path[0]), "/tmp/test_trace.XXXXXX");
	file = mkstemp(p);
	CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
	close(file);
	return p;
}

/* A trial of the trace in a file. rate: of an open loop, or 0. */
static struct record *
trial(const char *path, const char *arguments, unsigned threads, uint64_t rate, struct plan *plan)
{
	char text[256];

	snprintf(text, sizeof(text), "--trace %s %s", path, arguments);
	return trial_of((struct trial_request){ .subject = &log_subject, .workload = workload(), .threads = threads,
	    .seed = 1, .duration_ns = 20000000, .warmup_ns = 3000000, .rate = rate }, "", text, 0, plan);
}

static void
is_valid(struct record *record)
{
	if (!record->valid)
		fprintf(stderr, "# %s\n", record->why);
	CHECK(record->valid);
	record_free(record);
}

static void
is_invalid(struct record *record, const char *why)
{
	if (record->valid || strstr(record->why, why) == NULL)
		fprintf(stderr, "# valid %d, \"%s\", wanted \"%s\"\n", record->valid, record->why, why);
	CHECK(!record->valid && strstr(record->why, why) != NULL);
	record_free(record);
}

/* Any operations on few keys, as a text of at most size bytes and as a trace. */
static const char *
random_file(uint64_t records, uint64_t keys, struct trace *t)
{
	char *text = malloc(32 * records), *at = text, error[256];
	struct random r;
	const char *path;

	random_seed(&r, check_seed, 0);
	for (uint64_t i = 0; i < records; i++) {
		enum op op = (enum op)random_below(&r, OP_COUNT);

		if (op == OP_GET_MANY)
			op = OP_SCAN;
		at += sprintf(at, op == OP_SCAN ? "%s k%d %d\n" : "%s k%d\n", op_names[op], (int)random_below(&r, keys),
		    (int)random_below(&r, 20) + 1);
	}
	path = file_with(text);
	*t = (struct trace){ 0 };
	CHECK(trace_read(t, path, TRACE_ANY, NULL, error, sizeof(error)));
	free(text);
	return path;
}

/* ---- What is done ---- */

/* Each thread has its share, in order, as often as there are passes. */
static void
operations_are_dealt_as_promised(void)
{
	static const char *const deals[] = { "round-robin", "block", "by-key" };
	struct trace t;
	const char *path = random_file(5003, 300, &t);

	for (unsigned deal = 0; deal < 3; deal++)
		for (unsigned threads = 1; threads <= THREADS_MOST; threads++) {
			uint64_t length[THREADS_MOST] = { 0 }, total = 0;
			char arguments[64];
			struct plan plan;

			snprintf(arguments, sizeof(arguments), "--deal %s --repeat 2", deals[deal]);
			is_valid(trial(path, arguments, threads, 0, &plan));
			CHECK(plan.fixed_work && plan.keys == t.keys);
			for (unsigned pass = 0; pass < 2; pass++)
				for (uint64_t i = 0, block = 0, thread = 0; i < t.records; i++, block++) {
					struct log *l;

					if (block == t.records / threads + (thread < t.records % threads)) {
						block = 0;
						thread++;
					}
					l = &map.log[deal == 0 ? i % threads : deal == 1 ? thread : trace_key(t.record[i]) % threads];
					CHECK_EQ(l->record[length[l - map.log]++], t.record[i]);
				}
			for (unsigned thread = 0; thread < threads; thread++) {
				CHECK_EQ(map.log[thread].length, length[thread]);
				total += length[thread];
			}
			CHECK_EQ(total, 2 * t.records);
		}
	unlink(path);
	trace_free(&t);
}

static void
the_map_is_filled_before(void)
{
	const char *path = file_with("get a\nremove b\nreplace c\nmodify d\ninsert e\nupsert f\nscan g 3\nget e\n");
	const char *before = file_with("insert e\ninsert x\ninsert y\nremove y\nupsert a\n");
	char arguments[96];
	struct plan plan;
	struct record *record;

	record = trial(path, "--deal by-key", 2, 0, &plan);
	CHECK_EQ(plan.prefill, 4);
	CHECK_EQ(record->size_before, 4);
	CHECK_EQ(record->size_after, 5);
	is_valid(record);
	record = trial(path, "--deal by-key --warm nothing", 2, 0, &plan);
	CHECK_EQ(record->size_before, 0);
	CHECK_EQ(record->size_after, 2);
	is_valid(record);
	/* e, x and a; keys of both files are numbered together. */
	snprintf(arguments, sizeof(arguments), "--warm trace:%s", before);
	record = trial(path, arguments, 1, 0, &plan);
	CHECK_EQ(plan.keys, 9);
	CHECK_EQ(record->size_before, 3);
	CHECK_EQ(record->size_after, 4);
	is_valid(record);
	CHECK_EQ(plan.size, 4);
	unlink(path);
	unlink(before);
}

static void
passes_go_on_until_the_time_is_up(void)
{
	struct trace t;
	const char *path = random_file(500, 100, &t);
	struct plan plan;
	struct record *record = trial(path, "--deal by-key --repeat 0", 2, 0, &plan);

	CHECK(!plan.fixed_work);
	CHECK(record->ops > t.records);
	is_valid(record);
	/* Open, the loop ends between any two calls, and goes on from there behind the warm-up. */
	is_valid(trial(path, "--deal by-key --repeat 0", 2, 20000, &plan));
	is_valid(trial(path, "--deal by-key --repeat 2", 2, 100000, &plan));
	unlink(path);
	trace_free(&t);
}

static void
the_mix_and_the_file_are_named(void)
{
	const char *path = file_with("get a\nget b\nget a\ninsert a\n"), *other = file_with("get a\nget b\nget a\ninsert b\n");
	struct option_values *values;
	struct plan plan = { 0 }, plan_other = { 0 };
	char error[512], arguments[128];

	snprintf(arguments, sizeof(arguments), "--trace %s", path);
	CHECK(plan_for(workload(), arguments, 1, &plan, &values, error, sizeof(error)));
	options_free(values);
	CHECK(strcmp(plan.mix, "get=75,insert=25") == 0);
	CHECK(strncmp(plan.dist, path + 5, strlen(path + 5)) == 0 && strlen(plan.dist) == strlen(path + 5) + 9);
	snprintf(arguments, sizeof(arguments), "--trace %s", other);
	CHECK(plan_for(workload(), arguments, 1, &plan_other, &values, error, sizeof(error)));
	options_free(values);
	CHECK(strcmp(strrchr(plan.dist, ':'), strrchr(plan_other.dist, ':')) != 0);
	unlink(path);
	unlink(other);
}

/* Where keys are byte strings they are those of the file. */
static void
names_are_the_keys_of_the_file(void)
{
	static const struct byte_string wanted[] = { { "a", 1 }, { "two words", 9 }, { "", 0 }, { "\0", 1 } };
	const char *path = file_with("get a\nget \"two words\"\nget a\nget \"\"\nget \"\\x00\"\n");
	struct workload_params params = { .threads = 1 };
	const struct key_names *names;
	struct option_values *values;
	char error[512], arguments[128];
	struct plan plan = { 0 };
	void *state;

	snprintf(arguments, sizeof(arguments), "--trace %s", path);
	CHECK(plan_for(workload(), arguments, 1, &plan, &values, error, sizeof(error)));
	CHECK(plan.named && plan.keys == 4);
	params.options = values;
	params.plan = &plan;
	state = workload()->setup(&params, error, sizeof(error));
	CHECK(state != NULL);
	names = workload()->names(state);
	for (uint64_t key = 0; key < 4; key++) {
		struct byte_string name = names->name(names, key, NULL);

		CHECK(name.bytes == wanted[key].bytes && memcmp(name.data, wanted[key].data, name.bytes) == 0);
	}
	workload()->teardown(state);
	options_free(values);
	unlink(path);
}

/* ---- What is found ---- */

static void
results_out_of_order_are_found(void)
{
	static const char why[] = "against the order of the trace";
	struct trace t;
	const char *path = random_file(5000, 300, &t);
	struct plan plan;

	for (unsigned pass = 1; pass <= 3; pass += 2) {
		char arguments[64];

		snprintf(arguments, sizeof(arguments), "--deal by-key --repeat %u", pass);
		fault = STALE_GET;
		is_invalid(trial(path, arguments, 3, 0, &plan), why);
		fault = DEAF_REPLACE;
		is_invalid(trial(path, arguments, 3, 0, &plan), why);
		fault = SOUND;
		is_valid(trial(path, arguments, 3, 0, &plan));
	}
	/* Without an order that is known, nobody can tell. */
	fault = STALE_GET;
	is_valid(trial(path, "--deal round-robin", 3, 0, &plan));
	fault = SOUND;
	unlink(path);
	trace_free(&t);
}

/* However the operations are dealt, keys that are put in and never taken out are there at the end. */
static void
what_is_left_out_at_the_end_is_found(void)
{
	const char *path = file_with("insert a\nget a\nupsert b\ninsert a\ninsert b\ninsert c\nremove c\n");
	struct plan plan;

	fault = DEAF_INSERT;
	is_invalid(trial(path, "--deal round-robin", 3, 0, &plan), "1 keys that the trace leaves in the map are not there, 0 ");
	is_invalid(trial(path, "--deal by-key", 2, 0, &plan), "operations hit or missed");
	fault = SOUND;
	is_valid(trial(path, "--deal round-robin", 3, 0, &plan));
	unlink(path);
}

/* Keys that modify alone changes have another value in each pass: that is no fault. */
static void
what_modify_adds_up_is_no_fault(void)
{
	const char *path = file_with("get z\nmodify a\nmodify b\nmodify a\nget a\nmodify b\n");
	struct plan plan;

	is_valid(trial(path, "--deal by-key --repeat 7", 2, 0, &plan));
	unlink(path);
}

static void
bad_options_are_refused(void)
{
	const char *path = file_with("get a\nget b\n"), *wrong = file_with("get a\nset b\n"), *changing;
	static const struct {
		const char *arguments; /* %s: the file */
		unsigned threads;
		bool bad;              /* the one with an error in it */
		const char *error;
	} cases[] = {
		{ "", 1, false, "--trace: which file has the operations?" },
		{ "--trace %s", 1, true, ":2: 'set' is no operation" },
		{ "--trace /nowhere/x.trace", 1, false, "/nowhere/x.trace: No such file" },
		{ "--trace /tmp", 1, false, "/tmp: it is a folder" },
		{ "--trace %s --deal round", 1, false, "'round' must be round-robin, block or by-key" },
		{ "--trace %s --warm all", 1, false, "'all' must be reads, nothing or trace:PATH" },
		{ "--trace %s --warm trace:", 1, false, "the path is empty" },
		{ "--trace %s --warm trace:/nowhere/x", 1, false, "/nowhere/x: No such file" },
		{ "--trace %s", 3, false, "give work to 2 of 3 threads" },
		{ "--trace %s --deal by-key", 3, false, "give work to 2 of 3 threads" },
	};
	struct option_values *values;
	char arguments[256], error[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *file = cases[i].bad ? wrong : path, *mark = strstr(cases[i].arguments, "%s");
		struct plan plan = { 0 };
		bool planned;

		snprintf(arguments, sizeof(arguments), "%.*s%s%s", mark != NULL ? (int)(mark - cases[i].arguments) : 0,
		    cases[i].arguments, mark != NULL ? file : cases[i].arguments, mark != NULL ? mark + 2 : "");
		error[0] = '\0';
		planned = plan_for(workload(), arguments, cases[i].threads, &plan, &values, error, sizeof(error));
		if (planned || strstr(error, cases[i].error) == NULL)
			fprintf(stderr, "# %s: \"%s\", wanted \"%s\"\n", arguments, error, cases[i].error);
		CHECK(!planned && strstr(error, cases[i].error) != NULL);
		options_free(values);
	}
	/* One that is written to meanwhile is not what was planned. */
	changing = file_with("get a\n");
	snprintf(arguments, sizeof(arguments), "--trace %s", changing);
	CHECK(plan_for(workload(), arguments, 1, &(struct plan){ 0 }, &values, error, sizeof(error)));
	options_free(values);
	CHECK(truncate(changing, 4) == 0);
	CHECK(!plan_for(workload(), arguments, 1, &(struct plan){ 0 }, &values, error, sizeof(error)));
	CHECK(strstr(error, "it has changed since the run began") != NULL);
	options_free(values);
	unlink(changing);
	unlink(path);
	unlink(wrong);
}

static const struct test tests[] = {
	TEST(operations_are_dealt_as_promised),
	TEST(the_map_is_filled_before),
	TEST(passes_go_on_until_the_time_is_up),
	TEST(the_mix_and_the_file_are_named),
	TEST(names_are_the_keys_of_the_file),
	TEST(results_out_of_order_are_found),
	TEST(what_is_left_out_at_the_end_is_found),
	TEST(what_modify_adds_up_is_no_fault),
	TEST(bad_options_are_refused),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
