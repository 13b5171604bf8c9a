/*
 * test_hamt_schedules.c - the flagship under thousands of chosen schedules:
 * two or three threads, a few operations each, on keys that meet, in
 * directories of two to eight slots that grow, shrink, are cleared and iterated
 * over meanwhile.
 *
 * Every schedule is judged by what its callers saw (history.h), by hamt_check(),
 * and by its memory: no access after a free, nothing left (scheduler.h).
 */
#include "core/base.h"
#include "core/hamt.h"
#include "core/tests/schedules.h"

enum { THREADS_MAX = 3, KEYS_MAX = 12, OPERATIONS_MAX = 4 };

/* What one schedule is about; all of it from its seed. */
static struct {
	unsigned threads, keys, operations;
	bool bytes;
	unsigned clears_one_in, iterates_one_in, clones_one_in;
	uint64_t hash[KEYS_MAX];
	union {
		struct hamt *u64;
		struct hamt_bytes *bytes;
	} map, handle[THREADS_MAX];
} plan;

/* What the schedules had to do with, so that none of it stays untested unseen. */
static struct {
	unsigned resizing, grown, shrunk, depth;
} met;

/* --- One operation, on either kind of map ------------------------------ */

static struct hamt_string
string_of(const uint64_t *word)
{
	return (struct hamt_string){ word, sizeof(*word) };
}

static uint64_t
word_of(const void *data, size_t bytes)
{
	uint64_t word;

	if (bytes != sizeof(word))
		schedule_failed("a value of %zu bytes", bytes);
	memcpy(&word, data, sizeof(word));
	return word;
}

struct put {
	uint64_t put, seen;
};

static enum hamt_action
put_u64(void *arg, bool present, uint64_t *value)
{
	struct put *p = arg;

	p->seen = present ? *value : 0;
	*value = p->put;
	return HAMT_PUT;
}

static enum hamt_action
put_bytes(void *arg, const struct hamt_string *old, struct hamt_string *desired)
{
	struct put *p = arg;

	p->seen = old != NULL ? word_of(old->data, old->bytes) : 0;
	*desired = string_of(&p->put);
	return HAMT_PUT;
}

static void
call_u64(struct hamt *h, uint64_t hash, struct event *e)
{
	struct put put = { e->put, 0 };

	switch (e->call) {
	case CALL_GET:
		e->status = hamt_get(h, hash, &e->seen);
		break;
	case CALL_INSERT:
		e->status = hamt_insert(h, hash, e->put);
		break;
	case CALL_UPSERT:
		e->status = hamt_upsert(h, hash, e->put, &e->seen);
		break;
	case CALL_REMOVE:
		e->status = hamt_remove(h, hash, &e->seen);
		break;
	case CALL_REPLACE:
		e->status = hamt_replace(h, hash, e->expected, e->put);
		break;
	case CALL_REMOVE_IF:
		e->status = hamt_remove_if(h, hash, e->expected);
		break;
	case CALL_COMPUTE:
		e->status = hamt_compute(h, hash, put_u64, &put);
		e->seen = put.seen;
		break;
	case CALL_CLEAR:
	case CALLS:
		break;
	}
}

static void
call_bytes(struct hamt_bytes *h, uint64_t hash, struct event *e)
{
	struct hamt_string key = string_of(&hash), value = string_of(&e->put), expected = string_of(&e->expected);
	struct hamt_guard guard = { .handle = NULL };
	struct put put = { e->put, 0 };

	switch (e->call) {
	case CALL_GET:
		e->status = hamt_bytes_get(h, key, &guard);
		break;
	case CALL_INSERT:
		e->status = hamt_bytes_insert(h, key, value);
		break;
	case CALL_UPSERT:
		e->status = hamt_bytes_upsert(h, key, value, &guard);
		break;
	case CALL_REMOVE:
		e->status = hamt_bytes_remove(h, key, &guard);
		break;
	case CALL_REPLACE:
		e->status = hamt_bytes_replace(h, key, expected, value);
		break;
	case CALL_REMOVE_IF:
		e->status = hamt_bytes_remove_if(h, key, expected);
		break;
	case CALL_COMPUTE:
		e->status = hamt_bytes_compute(h, key, put_bytes, &put);
		e->seen = put.seen;
		break;
	case CALL_CLEAR:
	case CALLS:
		break;
	}
	if (guard.handle != NULL) {
		uint64_t before = word_of(guard.value, guard.value_bytes);

		/* A guard's value stays readable, whatever the others do meanwhile. */
		e->seen = before;
		e->ended = schedule_tick();
		hamt_bytes_count(h);
		if (word_of(guard.value, guard.value_bytes) != before)
			schedule_failed("a guarded value changed");
		hamt_guard_release(&guard);
	}
}

static enum hamt_status
do_call(unsigned thread, unsigned key, enum call call, uint64_t expected)
{
	struct event e = { .call = call, .put = ++values, .expected = expected, .began = schedule_tick() };

	if (plan.bytes)
		call_bytes(plan.handle[thread].bytes, plan.hash[key], &e);
	else
		call_u64(plan.handle[thread].u64, plan.hash[key], &e);
	if (e.ended == 0)
		e.ended = schedule_tick();
	if (e.status == HAMT_ABSENT && call != CALL_GET)
		e.seen = 0;
	observe(key, e);
	return e.status;
}

/*
 * do_clear - for each key, a moment at which it is absent lies within. A shrink
 * meanwhile leads to slots that were cleared already; so does every further one.
 */
static void
do_clear(unsigned thread)
{
	struct event e = { .call = CALL_CLEAR, .began = schedule_tick() }, again;

	e.status = plan.bytes ? hamt_bytes_clear(plan.handle[thread].bytes, NULL) :
	                        hamt_clear(plan.handle[thread].u64, NULL);
	e.ended = schedule_tick();
	again = e;
	again.status = HAMT_NOMEM; /* history.h: it may have happened, or not */
	for (unsigned key = 0; key < plan.keys; key++) {
		observe(key, e);
		observe(key, again);
		observe(key, again);
	}
}

struct visited {
	uint64_t value[KEYS_MAX];
};

static void
visit(struct visited *v, uint64_t hash, uint64_t value)
{
	for (unsigned key = 0; key < plan.keys; key++)
		if (plan.hash[key] == hash) {
			if (v->value[key] != 0)
				schedule_failed("iteration shows key %u twice", key);
			v->value[key] = value;
			return;
		}
	schedule_failed("iteration shows a key that was never inserted: %#llx", (unsigned long long)hash);
}

static void
visit_bytes(void *arg, struct hamt_string key, struct hamt_string value)
{
	visit(arg, word_of(key.data, key.bytes), word_of(value.data, value.bytes));
}

/* do_iterate - for each key, a get at some moment within. */
static void
do_iterate(unsigned thread)
{
	struct event e = { .call = CALL_GET, .began = schedule_tick() };
	struct hamt_cursor cursor = { 0 };
	struct visited v = { { 0 } };
	bool complete = true;

	while (plan.bytes && complete && !cursor.ended)
		complete = hamt_bytes_iterate(plan.handle[thread].bytes, &cursor, visit_bytes, &v) == HAMT_OK;
	for (size_t n = 1; !plan.bytes && n > 0;) {
		uint64_t keys[3], of_keys[3];

		n = hamt_iterate(plan.handle[thread].u64, &cursor, keys, of_keys, 1 + schedule_draw(3));
		for (size_t i = 0; i < n; i++)
			visit(&v, keys[i], of_keys[i]);
	}
	e.ended = schedule_tick();
	for (unsigned key = 0; complete && key < plan.keys; key++) {
		e.seen = v.value[key];
		e.status = e.seen != 0 ? HAMT_OK : HAMT_ABSENT;
		observe(key, e);
	}
}

/* --- Plans -------------------------------------------------------------- */

static bool
one_in(unsigned n)
{
	return n != 0 && schedule_draw(n) == 0;
}

static void
thread_main(void *arg, unsigned thread)
{
	(void)arg;
	/* Some come later than others, and go before the end: their records are taken over. */
	if (one_in(plan.clones_one_in)) {
		struct hamt_bytes *bytes;
		struct hamt *u64;

		if (plan.bytes && hamt_bytes_clone(plan.handle[thread].bytes, &bytes) == HAMT_OK) {
			hamt_bytes_drop(plan.handle[thread].bytes);
			plan.handle[thread].bytes = bytes;
		} else if (!plan.bytes && hamt_clone(plan.handle[thread].u64, &u64) == HAMT_OK) {
			hamt_drop(plan.handle[thread].u64);
			plan.handle[thread].u64 = u64;
		}
	}
	for (unsigned n = 0; n < plan.operations; n++) {
		unsigned key = (unsigned)schedule_draw(plan.keys);

		if (one_in(plan.clears_one_in))
			do_clear(thread);
		else if (one_in(plan.iterates_one_in))
			do_iterate(thread);
		else
			/* Often the value that is there: the last one put. */
			do_call(thread, key, (enum call)schedule_draw(CALL_CLEAR),
			    observed.events[key] > 0 ? observed.event[key][observed.events[key] - 1].put : 0);
	}
	if (plan.bytes)
		hamt_bytes_drop(plan.handle[thread].bytes);
	else
		hamt_drop(plan.handle[thread].u64);
}

/* draw_hashes - the top bits choose the slot, the next ones what it takes to tell keys apart. */
static void
draw_hashes(void)
{
	unsigned slots = 1u << schedule_draw(4), chunks = 1u << schedule_draw(3);

	for (unsigned i = 0; i < plan.keys; i++)
		plan.hash[i] = schedule_draw(slots) << 61 | schedule_draw(chunks) << 56 |
		    schedule_draw(2) << 50 | (uint64_t)i << 20 | 1;
}

/* draw_contention - nothing, or any policy; a microsecond is one step of waiting. */
static struct contention_config
draw_contention(void)
{
	struct contention_config config = { .policy = CONTENTION_NONE };
	const struct contention_form *forms;
	char error[200];
	size_t count;

	forms = contention_forms(&count);
	if (schedule_draw(2) != 0)
		CHECK(contention_parse(forms[schedule_draw(count)].example, &config, error, sizeof(error)));
	config.relax_ps = 1000000;
	return config;
}

static enum hamt_status
new_map(struct hamt_config *config)
{
	return plan.bytes ? hamt_bytes_new(config, &plan.map.bytes) : hamt_new(config, &plan.map.u64);
}

static enum hamt_status
new_handle(unsigned thread)
{
	return plan.bytes ? hamt_bytes_clone(plan.map.bytes, &plan.handle[thread].bytes) :
	                    hamt_clone(plan.map.u64, &plan.handle[thread].u64);
}

static struct hamt_shape
checked(void)
{
	struct hamt_shape shape;
	char error[200] = "";

	if (!(plan.bytes ? hamt_bytes_check(plan.map.bytes, &shape, error, sizeof(error)) :
	                   hamt_check(plan.map.u64, &shape, error, sizeof(error))))
		schedule_failed("hamt_check: %s", error);
	return shape;
}

/* one_map - a schedule on a map of config, with so many keys, of which some are put in before. */
static void
one_map(struct hamt_config *config, unsigned before, unsigned removed, bool failing)
{
	struct hamt_shape at_first, at_last;

	config->hash = HAMT_HASH_IDENTITY;
	config->hash_key = 1;
	config->min_bits = 1;
	config->reclaim.allocator = schedule_allocator();
	config->reclaim.threshold = 1;
	/* So that time goes on within a few operations. */
	config->reclaim.frequency = RECLAIM != RECLAIM_HP ? 1 + (unsigned)schedule_draw(3) : 0;
	config->contention = draw_contention();
	config->reclaim.contention = draw_contention();
	draw_hashes();
	CHECK_EQ(new_map(config), HAMT_OK);
	plan.handle[0] = plan.map;
	for (unsigned key = 0; key < before; key++)
		CHECK_EQ(do_call(0, key, CALL_INSERT, 0), HAMT_OK);
	for (unsigned key = 0; key < removed; key++)
		CHECK_EQ(do_call(0, key, CALL_REMOVE, 0), HAMT_OK);
	at_first = checked();
	for (unsigned i = 0; i < plan.threads; i++)
		CHECK_EQ(new_handle(i), HAMT_OK);
	schedule_fail_one_in(failing ? 6 + (unsigned)schedule_draw(20) : 0);
	schedule_run(plan.threads, thread_main, NULL);
	schedule_fail_one_in(0);
	at_last = checked();
	plan.handle[0] = plan.map;
	for (unsigned key = 0; key < plan.keys; key++)
		do_call(0, key, CALL_GET, 0);
	observed_check(plan.keys);
	met.resizing += at_last.resizing;
	met.grown += at_last.bits > at_first.bits;
	met.shrunk += at_last.bits < at_first.bits;
	met.depth += at_last.depth > 1;
	if (plan.bytes)
		hamt_bytes_drop(plan.map.bytes);
	else
		hamt_drop(plan.map.u64);
}

static enum hazard_mode
draw_mode(void)
{
	return schedule_draw(2) != 0 ? HAZARD_FENCE : HAZARD_ASYMMETRIC;
}

/* What a test asks of its schedules. */
struct wish {
	bool bytes, failing;
	enum { STEADY, GROW, SHRINK } size;
};

static void
one(void *arg)
{
	const struct wish *wish = arg;
	struct hamt_config config = { .reclaim.mode = draw_mode() };
	static const unsigned limits[] = { 0, 1, HAMT_INLINE_NONE };
	unsigned before;

	memset(&plan, 0, sizeof(plan));
	plan.bytes = wish->bytes;
	plan.threads = 2 + (unsigned)schedule_draw(THREADS_MAX - 1);
	plan.operations = 2 + (unsigned)schedule_draw(OPERATIONS_MAX - 1);
	plan.clones_one_in = 1 + (unsigned)schedule_draw(4);
	config.inline_limit = limits[schedule_draw(3)];
	switch (wish->size) {
	case STEADY:
		plan.keys = 1 + (unsigned)schedule_draw(5);
		config.max_bits = 1;
		one_map(&config, (unsigned)schedule_draw(plan.keys + 1), 0, wish->failing);
		break;
	case GROW:
		/* A directory of two slots grows beyond 5 keys, one of four beyond 10. */
		plan.iterates_one_in = 8;
		plan.clears_one_in = 20;
		before = schedule_draw(2) != 0 ? 5 : 10;
		plan.keys = before == 5 ? 8 : 12;
		one_map(&config, before, 0, wish->failing);
		break;
	case SHRINK:
		/* Eight slots, two keys; below that it shrinks. */
		plan.iterates_one_in = 8;
		plan.clears_one_in = 4;
		plan.keys = KEYS_MAX;
		one_map(&config, KEYS_MAX, KEYS_MAX - 2 - (unsigned)schedule_draw(3), wish->failing);
		break;
	}
}

#define EXPLORE(count, ...)                                                    \
	do {                                                                   \
		struct wish wish = { __VA_ARGS__ };                            \
		explore(__func__, (count) / SCHEDULES_SLOW, one, &wish);       \
		fprintf(stderr, "# %u ended amid a resize, %u had grown, %u shrunk, %u were deep\n", \
		    met.resizing, met.grown, met.shrunk, met.depth);           \
	} while (0)

/* Where nothing but slots and nodes change. */
static void
two_slots(void)
{
	EXPLORE(8000, .size = STEADY);
	CHECK(met.depth > 10 || getenv("SCHEDULE") != NULL);
}

static void
two_slots_while_allocations_fail(void)
{
	EXPLORE(3000, .size = STEADY, .failing = true);
}

/* The resize protocol: updates help, readers follow, clear and iterate meanwhile. */
static void
growing(void)
{
	EXPLORE(8000, .size = GROW);
	CHECK((met.grown > 10 && met.resizing > 10) || getenv("SCHEDULE") != NULL);
}

static void
growing_while_allocations_fail(void)
{
	EXPLORE(3000, .size = GROW, .failing = true);
}

static void
shrinking(void)
{
	EXPLORE(8000, .size = SHRINK);
	CHECK((met.shrunk > 100 && met.resizing > 1) || getenv("SCHEDULE") != NULL);
}

static void
shrinking_while_allocations_fail(void)
{
	EXPLORE(3000, .size = SHRINK, .failing = true);
}

/* Byte strings: leaves, and guards on them. */
static void
bytes_in_two_slots(void)
{
	EXPLORE(5000, .bytes = true, .size = STEADY);
}

static void
bytes_growing(void)
{
	EXPLORE(3000, .bytes = true, .size = GROW);
}

static void
bytes_shrinking(void)
{
	EXPLORE(3000, .bytes = true, .size = SHRINK);
}

static void
bytes_while_allocations_fail(void)
{
	EXPLORE(2000, .bytes = true, .size = GROW, .failing = true);
}

static const struct test tests[] = {
	TEST(two_slots),
	TEST(two_slots_while_allocations_fail),
	TEST(growing),
	TEST(growing_while_allocations_fail),
	TEST(shrinking),
	TEST(shrinking_while_allocations_fail),
	TEST(bytes_in_two_slots),
	TEST(bytes_growing),
	TEST(bytes_shrinking),
	TEST(bytes_while_allocations_fail),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
