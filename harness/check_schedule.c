/*
 * check_schedule.c - chosen schedules of a map behind the plug-in's contract.
 *
 * A schedule is all that happens between schedule_begin() and schedule_end(): the map is made,
 * gets some keys, is used by the threads, is looked at, and is destroyed. Its
 * operations, its keys and the order of its steps follow from the seed.
 */
#include "harness/check_schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef SCHEDULED

#include "harness/bytes.h"
#include "harness/history.h"
#include "harness/linearize.h"

enum { KEYS = 6, OPERATIONS_MAX = 4 };

static const struct schedule_config config_initial = { .depth = 3, .one_in = 4, .seed = 1, .schedules = 1000 };

bool
check_schedule_parse(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct schedule_config config = config_initial;

	if (!schedule_parse(text, &config, error, error_size))
		return false;
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

/* The schedule under way. */
struct state {
	struct check_schedule *check;
	struct history history;
	op_fn *op[OP_KEYED];
	enum op number[OP_KEYED];
	unsigned ops;
	unsigned operations;       /* of each thread */
	unsigned values;
	void *map, *handle[CHECK_SCHEDULE_THREADS + 1];
	uint64_t seen[KEYS];       /* by an iteration */
	bool twice[KEYS];
};

static void
append(struct state *s, struct history_event event)
{
	event.end = schedule_tick();
	if (!history_append(&s->history, &event))
		schedule_failed("no memory for the history");
}

/* One operation of this thread on that key. */
static void
do_op(struct state *s, unsigned thread, unsigned which, uint64_t key)
{
	/* Each value another one, and one that encodes its key. */
	uint64_t given = (key + 1) << 8 | (++s->values & 0xff), value = given;
	enum op op = s->number[which];
	struct history_event e = { .key = key, .thread = thread, .op = (uint8_t)op };
	enum op_result result;

	if (op == OP_GET || op == OP_REMOVE)
		value = 0;
	e.begin = schedule_tick();
	result = s->op[which](s->handle[thread], key, &value);
	if (result != OP_HIT && result != OP_MISS)
		schedule_failed("%s of key %llu: no memory, or an answer that is none (%d)", op_names[op],
		    (unsigned long long)key, (int)result);
	e.answer = result == OP_HIT ? HISTORY_HIT : HISTORY_MISS;
	if (op != OP_GET && op != OP_REMOVE)
		e.in = given;
	if (op != OP_INSERT && result == OP_HIT)
		e.out = value;
	s->check->operations++;
	append(s, e);
}

static void
thread_main(void *arg, unsigned thread)
{
	struct state *s = arg;

	for (unsigned i = 0; i < s->operations; i++)
		do_op(s, thread, (unsigned)schedule_draw(s->ops), schedule_draw(KEYS));
	s->check->subject->detach(s->handle[thread]);
}

static void
visit(void *arg, uint64_t key, uint64_t value)
{
	struct state *s = arg;

	if (key >= KEYS)
		schedule_failed("iteration shows key %llu, which was never inserted", (unsigned long long)key);
	s->twice[key] = s->seen[key] != 0;
	s->seen[key] = value;
}

/* look - after all threads: what the map holds, as an event of each key. */
static void
look(struct state *s, void *handle)
{
	uint64_t begin = schedule_tick();

	memset(s->seen, 0, sizeof(s->seen));
	memset(s->twice, 0, sizeof(s->twice));
	s->check->subject->each(handle, visit, s);
	for (uint64_t key = 0; key < KEYS; key++)
		append(s, (struct history_event){ .begin = begin, .key = key, .thread = s->check->threads,
		    .op = HISTORY_EACH, .out = s->seen[key],
		    .answer = s->twice[key] ? HISTORY_TWICE : s->seen[key] != 0 ? HISTORY_HIT : HISTORY_MISS });
}

static void
judge(struct state *s)
{
	struct linearize_result result;

	if (!linearize_check(&s->history, NULL, &result))
		schedule_failed("no memory to judge the history");
	if (result.verdict == LINEARIZE_ILLEGAL) {
		/* The times are the schedule's points. */
		linearize_print(stdout, &result);
		fflush(stdout);
		schedule_failed("no order of the operations explains the answers");
	}
	if (result.verdict == LINEARIZE_UNKNOWN)
		schedule_failed("not decided: %s", result.why);
	linearize_result_free(&result);
}

/* one - a schedule. False and one line in error: there is no map. */
static bool
one(struct state *s, uint64_t seed, char *error, size_t error_size)
{
	static const struct reclaim_probe no_probe;
	const struct subject *subject = s->check->subject;
	struct subject_params params = { .keys = KEYS, .size = KEYS, .threads = s->check->threads, .seed = seed,
		.options = s->check->options };
	struct bytes_names names;
	struct reclaim_stats last;
	char said[300] = "";

	history_clear(&s->history);
	s->values = 0;
	s->operations = 2 + (unsigned)schedule_draw(OPERATIONS_MAX - 1);
	if (!bytes_params(&names, subject, &params, error, error_size) ||
	    (s->map = subject->create(&params, error, error_size)) == NULL)
		return false;
	for (unsigned i = 0; i <= s->check->threads; i++)
		if ((s->handle[i] = subject->attach(s->map, i, &no_probe)) == NULL)
			schedule_failed("no memory for a handle");
	for (unsigned i = 0; i < s->ops; i++)
		if (s->number[i] == OP_INSERT)
			for (uint64_t key = 0; key < KEYS; key++)
				if (schedule_draw(2) != 0)
					do_op(s, s->check->threads, i, key);
	/* Main waits for the others. */
	if (subject->pause != NULL)
		subject->pause(s->handle[s->check->threads]);
	schedule_run(s->check->threads, thread_main, s);
	s->check->points += schedule_points();
	if (subject->resume != NULL)
		subject->resume(s->handle[s->check->threads]);
	look(s, s->handle[s->check->threads]);
	if (subject->check != NULL && !subject->check(s->handle[s->check->threads], said, sizeof(said)))
		schedule_failed("the map's own check: %s", said);
	subject->detach(s->handle[s->check->threads]);
	subject->destroy(s->map, &last);
	if (last.retired != last.freed)
		schedule_failed("%llu objects were retired, %llu freed", (unsigned long long)last.retired,
		    (unsigned long long)last.freed);
	judge(s);
	return true;
}

bool
check_schedule_run(struct check_schedule *c, char *error, size_t error_size)
{
	op_fn *const all[OP_KEYED] = { [OP_GET] = c->subject->get, [OP_INSERT] = c->subject->insert,
		[OP_UPSERT] = c->subject->upsert, [OP_REMOVE] = c->subject->remove, [OP_REPLACE] = c->subject->replace,
		[OP_MODIFY] = c->subject->modify };
	struct schedule_config config = config_initial;
	struct state state = { .check = c };
	bool fine = schedule_parse(c->text, &config, error, error_size);

	for (unsigned op = 0; op < OP_KEYED; op++)
		if (all[op] != NULL) {
			state.op[state.ops] = all[op];
			state.number[state.ops++] = (enum op)op;
		}
	if (fine && (c->threads > CHECK_SCHEDULE_THREADS || state.ops == 0 ||
	                (c->subject->flags & SUBJECT_OWN_DETACH) != 0)) {
		snprintf(error, error_size, "--schedule: %s%s", c->subject->name, c->threads > CHECK_SCHEDULE_THREADS ?
		    ": at most 8 threads" : " has no schedule points, or handles that only true threads can have");
		fine = false;
	}
	/* Who waits for a lock waits unseen, for a thread whose turn may never come. */
	if (fine && strcmp(c->subject->progress, "blocking") == 0) {
		snprintf(error, error_size, "--schedule: %s has locks: only maps that do not block can be scheduled", c->subject->name);
		fine = false;
	}
	config.replay_before = c->again;
	config.replay_after = "";
	config.trace = c->verbose;
	for (uint64_t i = 0; fine && i < config.schedules && !*c->interrupted; i++) {
		schedule_begin(&config, config.seed + i);
		fine = one(&state, config.seed + i, error, error_size);
		schedule_end();
		c->schedules += fine;
		if (i % 256 == 255)
			c->tick(c->tick_arg, "schedules", (double)i / (double)config.schedules, NAN);
		/* Threads that only begin and end have no points. */
		if (fine && c->points == 0) {
			snprintf(error, error_size, "--schedule: %s has no schedule points: nothing can be chosen",
			    c->subject->name);
			fine = false;
		}
	}
	history_free(&state.history);
	return fine;
}

#else

bool
check_schedule_parse(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	(void)canonical, (void)canonical_size;
	snprintf(error, error_size, "'%s': maps of this build have no schedule points; say make V=sched, then "
	    "build/sched/hamtbench check --schedule ...", text);
	return false;
}

bool
check_schedule_run(struct check_schedule *c, char *error, size_t error_size)
{
	(void)c;
	snprintf(error, error_size, "maps of this build have no schedule points");
	return false;
}

#endif
