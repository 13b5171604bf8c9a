/*
 * Every subject that is built, each adapter held against a plain array: what
 * an operation says it did, the value it hands out, batches, scans, each and
 * check. Then its read-modify-write under threads: no step may be lost.
 */
#include <pthread.h>

#include "harness/bytes.h"
#include "harness/random.h"
#include "harness/worker.h"
#include "workloads/tests/trial.h"

#define KEYS 500u
#define STEPS 30000u
#define THREADS 4u
#define MODIFIES 20000u

/* A subject, its map, a handle for this thread, and what the map must hold. */
struct fixture {
	const struct subject *subject;
	struct option_values *options;
	struct bytes_names names;
	void *map, *handle;
	uint64_t value[KEYS]; /* 0 = absent */
};

static const struct reclaim_probe no_probe;

/* Are tables that can either way to grow, or to stay as they are? */
static bool growing;

static bool
can_either(const struct subject *s)
{
	for (const struct plugin_option *o = s->options; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, "resize") == 0)
			return true;
	return false;
}

static void
fixture_open(struct fixture *f, const struct plugin *plugin)
{
	const struct subject *subject = plugin->subject;
	char program[] = "test", resize[] = "--resize=auto", error[512] = "no reason given";
	char *argv[] = { program, resize, NULL };
	struct option_group group = { .owner = "subject", .options = plugin->options };
	struct command_line line;
	/* Far more will come than a table is told of: chains are long. */
	struct subject_params params = { .keys = KEYS, .size = 1, .first = 1, .threads = THREADS, .seed = check_seed };

	*f = (struct fixture){ .subject = subject };
	CHECK(command_line_read(&line, growing ? 2 : 1, argv, &group, 1, error, sizeof(error)));
	CHECK(options_single(plugin->options, &line, &f->options, error, sizeof(error)));
	command_line_free(&line);
	params.options = f->options;
	CHECK(bytes_params(&f->names, subject, &params, error, sizeof(error)));
	f->map = subject->create(&params, error, sizeof(error));
	if (f->map == NULL)
		fprintf(stderr, "# %s: %s\n", subject->name, error);
	CHECK(f->map != NULL);
	f->handle = subject->attach(f->map, THREADS, &no_probe);
	CHECK(f->handle != NULL);
}

static void
fixture_close(struct fixture *f)
{
	struct reclaim_stats last = { 0 };

	f->subject->detach(f->handle);
	f->subject->destroy(f->map, &last);
	CHECK_EQ(last.retired, last.freed);
	options_free(f->options);
}

/* One operation on the map and on the array; result and value must agree. */
static void
step_keyed(struct fixture *f, enum op op, uint64_t key, uint64_t version)
{
	const struct subject *s = f->subject;
	op_fn *const fn[OP_KEYED] = { s->get, s->insert, s->upsert, s->remove, s->replace, s->modify };
	uint64_t old = f->value[key], fresh = worker_value(key, version);
	uint64_t value = op == OP_GET || op == OP_REMOVE ? 0 : fresh;
	/* Only insert succeeds on what is absent. */
	enum op_result expected = (old != 0) != (op == OP_INSERT) ? OP_HIT : OP_MISS, got;

	if (fn[op] == NULL)
		return;
	got = fn[op](f->handle, key, &value);
	if (got != expected)
		fprintf(stderr, "# %s: %s says %d\n", s->name, op_names[op], (int)got);
	CHECK(got == expected);
	CHECK(got == OP_MISS || value == (op == OP_INSERT ? fresh : old));
	if (op == OP_REMOVE)
		f->value[key] = 0;
	else if (op == OP_UPSERT || (op == OP_INSERT && old == 0) || (op == OP_REPLACE && old != 0))
		f->value[key] = fresh;
	else if (op == OP_MODIFY && old != 0)
		f->value[key] = op_modified(old, fresh);
}

static void
step_get_many(struct fixture *f, struct random *r)
{
	uint64_t keys[70], values[70] = { 0 };
	size_t n = (size_t)random_below(r, 71), hits = 0;
	bool found[70] = { false };

	for (size_t i = 0; i < n; i++) {
		keys[i] = random_below(r, KEYS);
		hits += f->value[keys[i]] != 0;
	}
	CHECK_EQ(f->subject->get_many(f->handle, keys, values, found, n), hits);
	for (size_t i = 0; i < n; i++)
		CHECK(found[i] == (f->value[keys[i]] != 0) && (!found[i] || values[i] == f->value[keys[i]]));
}

/* Pairs of which some come twice: the last one stays. */
static void
step_extend(struct fixture *f, struct random *r)
{
	uint64_t keys[70], values[70];
	size_t n = (size_t)random_below(r, 71);

	for (size_t i = 0; i < n; i++) {
		keys[i] = random_below(r, KEYS);
		values[i] = worker_value(keys[i], random_next(r));
	}
	CHECK_EQ(f->subject->extend(f->handle, keys, values, n), n);
	for (size_t i = 0; i < n; i++)
		f->value[keys[i]] = values[i];
}

static void
step_scan(struct fixture *f, struct random *r)
{
	uint64_t keys[KEYS + 1], values[KEYS + 1], from = random_below(r, KEYS), n = 64 + random_below(r, KEYS - 63);
	bool seen[KEYS] = { false };
	size_t pairs = f->subject->scan(f->handle, from, keys, values, n);

	CHECK(pairs <= n);
	for (size_t i = 0; i < pairs; i++) {
		CHECK(keys[i] < KEYS && !seen[keys[i]] && values[i] == f->value[keys[i]]);
		seen[keys[i]] = true;
	}
	CHECK(f->value[from] == 0 || seen[from]);
}

struct sum {
	const struct fixture *fixture;
	uint64_t pairs;
};

static void
visit(void *arg, uint64_t key, uint64_t value)
{
	struct sum *sum = arg;

	CHECK(key < KEYS && value == sum->fixture->value[key]);
	sum->pairs++;
}

static void
agrees_with_an_array(const struct plugin *plugin)
{
	const struct subject *s = plugin->subject;
	struct fixture f;
	struct sum sum = { .fixture = &f };
	uint64_t present = 0;
	char error[512] = "";
	struct random r;

	fixture_open(&f, plugin);
	random_seed(&r, check_seed, 0);
	for (unsigned i = 0; i < STEPS; i++) {
		enum op op = (enum op)random_below(&r, OP_COUNT);

		if (op < OP_KEYED)
			step_keyed(&f, op, random_below(&r, KEYS), random_next(&r));
		else if (op == OP_GET_MANY && s->get_many != NULL)
			step_get_many(&f, &r);
		else if (op == OP_SCAN && s->scan != NULL && i % 16 == 0)
			step_scan(&f, &r);
		if (s->extend != NULL && i % 256 == 0)
			step_extend(&f, &r);
	}
	s->each(f.handle, visit, &sum);
	for (unsigned key = 0; key < KEYS; key++)
		present += f.value[key] != 0;
	CHECK_EQ(sum.pairs, present);
	if (s->check != NULL && !s->check(f.handle, error, sizeof(error))) {
		fprintf(stderr, "# %s: %s\n", s->name, error);
		CHECK(false);
	}
	fixture_close(&f);
}

struct modifier {
	struct fixture *fixture;
	unsigned thread;
	pthread_t id;
};

/* Adds 1 to the value of key 7 again and again, and 3 to that of key 8. */
static void *
modify_much(void *arg)
{
	const struct modifier *m = arg;
	const struct subject *s = m->fixture->subject;
	void *handle = s->attach(m->fixture->map, m->thread, &no_probe);

	CHECK(handle != NULL);
	for (unsigned i = 0; i < MODIFIES; i++) {
		uint64_t one = 1, three = 3;

		CHECK(s->modify(handle, 7, &one) == OP_HIT && worker_value_is_for(one, 7));
		CHECK(s->modify(handle, 8, &three) == OP_HIT && worker_value_is_for(three, 8));
	}
	s->detach(handle);
	return NULL;
}

static void
modify_loses_nothing(const struct plugin *plugin)
{
	const struct subject *s = plugin->subject;
	struct modifier m[THREADS];
	struct fixture f;
	uint64_t value;

	fixture_open(&f, plugin);
	for (uint64_t key = 7; key <= 8; key++) {
		value = worker_value(key, 0);
		CHECK(s->insert(f.handle, key, &value) == OP_HIT);
	}
	if (s->pause != NULL)
		s->pause(f.handle);
	for (unsigned i = 0; i < THREADS; i++) {
		m[i] = (struct modifier){ .fixture = &f, .thread = i };
		CHECK(pthread_create(&m[i].id, NULL, modify_much, &m[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_join(m[i].id, NULL) == 0);
	if (s->resume != NULL)
		s->resume(f.handle);
	value = 0;
	CHECK(s->get(f.handle, 7, &value) == OP_HIT && value == worker_value(7, THREADS * MODIFIES));
	value = 0;
	CHECK(s->get(f.handle, 8, &value) == OP_HIT && value == worker_value(8, UINT64_C(3) * THREADS * MODIFIES));
	fixture_close(&f);
}

static void
each_subject(void (*test)(const struct plugin *), bool modify)
{
	unsigned grown = 0;
	struct plugin_names names;
	unsigned tested = 0;
	char error[512];

	find_built();
	CHECK(plugins_find(PLUGIN_SUBJECT, &names, error, sizeof(error)));
	for (size_t i = 0; i < names.count; i++) {
		struct plugin *p = built(PLUGIN_SUBJECT, names.name[i]);

		if ((p->subject->flags & (SUBJECT_EMPTY | SUBJECT_POOL | SUBJECT_WRONG)) == 0 &&
		    (!modify || p->subject->modify != NULL)) {
			growing = false;
			test(p);
			tested++;
			growing = can_either(p->subject);
			if (growing)
				test(p);
			grown += growing;
		}
		plugin_free(p);
	}
	plugin_names_free(&names);
	CHECK(tested >= 5 && grown >= 1);
}

static void
every_subject_agrees_with_an_array(void)
{
	each_subject(agrees_with_an_array, false);
}

static void
no_subjects_modify_loses_a_step(void)
{
	each_subject(modify_loses_nothing, true);
}

static const struct test tests[] = {
	TEST(every_subject_agrees_with_an_array),
	TEST(no_subjects_modify_loses_a_step),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
