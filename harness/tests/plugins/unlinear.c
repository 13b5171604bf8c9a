/*
 * unlinear.c - maps that are not linearizable, each in a way of its own; and one that is. All keep what the runner's own
 * validation looks at as right as they can: only who compares answers with times will notice.
 *
 * The base is an array of values, each under its own lock. A thread lets others go first
 * at the wrong moment now and then, so that what can happen does.
 */
/* variants: linear=-DLINEAR stale-get=-DSTALE_GET lost-update=-DLOST_UPDATE two-inserts=-DTWO_INSERTS */
/* variants: wrong-former=-DWRONG_FORMER late-remove=-DLATE_REMOVE lost-modify=-DLOST_MODIFY */
/* variants: missing-key=-DMISSING_KEY double-key=-DDOUBLE_KEY phantom-get=-DPHANTOM_GET */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "harness/plugin.h"

struct cell {
	pthread_mutex_t lock;
	_Atomic(uint64_t) value; /* 0: absent. Atomic: some maps here read it without the lock */
};

struct map {
	uint64_t keys;
	struct cell cell[];
};

struct handle {
	struct map *map;
	unsigned calls;
	uint64_t old_key, old_value; /* what it saw some calls ago */
	bool owes;                   /* a remove that it has not done yet */
	uint64_t owed;
};

static void *
create(const struct subject_params *params, char *error, size_t error_size)
{
	struct map *map = calloc(1, sizeof(*map) + params->keys * sizeof(map->cell[0]));

	if (map == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	map->keys = params->keys;
	for (uint64_t key = 0; key < map->keys; key++)
		pthread_mutex_init(&map->cell[key].lock, NULL);
	return map;
}

static void
destroy(void *map, struct reclaim_stats *last)
{
	free(map);
	*last = (struct reclaim_stats){ 0 };
}

static void *
attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	struct handle *h = calloc(1, sizeof(*h));

	(void)probe;
	if (h != NULL)
		*h = (struct handle){ .map = map, .calls = thread * 7 };
	return h;
}

/* Relaxed throughout: the locks order what needs order, and what is wrong here is wrong on purpose. */
static uint64_t
load(const struct cell *c)
{
	return atomic_load_explicit(&c->value, memory_order_relaxed);
}

static void
store(struct cell *c, uint64_t value)
{
	atomic_store_explicit(&c->value, value, memory_order_relaxed);
}

static struct cell *
lock(struct map *map, uint64_t key)
{
	pthread_mutex_lock(&map->cell[key].lock);
	return &map->cell[key];
}

static void
unlock(struct cell *c)
{
	pthread_mutex_unlock(&c->lock);
}

#if defined(LOST_UPDATE) || defined(TWO_INSERTS) || defined(WRONG_FORMER) || defined(LOST_MODIFY)
/* The wrong moment. */
static void
let_others_go_first(struct handle *h)
{
	if (++h->calls % 16 == 0)
		sched_yield();
}
#endif

/* A remove that was promised takes effect. */
static void
pay(struct handle *h)
{
	struct cell *c;

	if (!h->owes)
		return;
	sched_yield();
	c = lock(h->map, h->owed);
	store(c, 0);
	unlock(c);
	h->owes = false;
}

static void
detach(void *handle)
{
	pay(handle);
	free(handle);
}

static void
pause_handle(void *handle)
{
	pay(handle);
}

static enum op_result
get(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct cell *c;

	pay(h);
#ifdef STALE_GET
	/* A copy of its own, refreshed every now and then. */
	if (h->old_value != 0 && h->old_key == key && ++h->calls % 8 != 0) {
		*value = h->old_value;
		return OP_HIT;
	}
#endif
	c = lock(h->map, key);
	*value = load(c);
	unlock(c);
#ifdef PHANTOM_GET
	/* The value that the key had the last time. */
	if (*value == 0 && h->old_key == key && ++h->calls % 64 == 0)
		*value = h->old_value;
#endif
	if (*value != 0) {
		h->old_key = key;
		h->old_value = *value;
	}
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
insert(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct cell *c;
	bool absent;

	pay(h);
#ifdef TWO_INSERTS
	c = &h->map->cell[key];
	absent = load(c) == 0;
	let_others_go_first(h);
	lock(h->map, key);
#else
	c = lock(h->map, key);
	absent = load(c) == 0;
#endif
	if (absent)
		store(c, *value);
	unlock(c);
	return absent ? OP_HIT : OP_MISS;
}

static enum op_result
upsert(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	uint64_t old, fresh = *value;
	struct cell *c;

	pay(h);
	c = lock(h->map, key);
	old = load(c);
#ifdef LOST_UPDATE
	/* Somebody may put a value in between, which nobody is told of. */
	unlock(c);
	let_others_go_first(h);
	lock(h->map, key);
#endif
	store(c, fresh);
	unlock(c);
#ifdef WRONG_FORMER
	/* What it says was there may be what is there by now. */
	let_others_go_first(h);
	if (old != 0 && load(c) != 0)
		old = load(c);
#endif
	if (old != 0)
		*value = old;
	return old != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
take(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct cell *c;

	pay(h);
	c = lock(h->map, key);
	*value = load(c);
#ifdef LATE_REMOVE
	h->owes = *value != 0 && ++h->calls % 16 == 0;
	h->owed = key;
	if (!h->owes)
		store(c, 0);
#else
	store(c, 0);
#endif
	unlock(c);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
modify(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	uint64_t old, by = *value;
	struct cell *c;

	pay(h);
	c = lock(h->map, key);
	old = load(c);
#ifdef LOST_MODIFY
	unlock(c);
	let_others_go_first(h);
	lock(h->map, key);
#endif
	if (old != 0) {
		store(c, op_modified(old, by));
		*value = old;
	}
	unlock(c);
	return old != 0 ? OP_HIT : OP_MISS;
}

static void
each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	struct handle *h = handle;

	for (uint64_t key = 0; key < h->map->keys; key++) {
		struct cell *c = &h->map->cell[key];
		uint64_t value;

#ifdef MISSING_KEY
		/* It moves to where the iteration was already: but only some iterations long. */
		if (++h->calls % 64 == 0)
			continue;
#endif
		lock(h->map, key);
		value = load(c);
		unlock(c);
		if (value != 0)
			visit(arg, key, value);
#ifdef DOUBLE_KEY
		/* It has moved to another place meanwhile, as in a table that is resized: but only some iterations long. */
		if (value != 0 && ++h->calls % 64 == 0)
			visit(arg, key, value);
#endif
	}
}

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
#if defined(LINEAR)
	.name = "linear",
#elif defined(STALE_GET)
	.name = "stale-get",
#elif defined(LOST_UPDATE)
	.name = "lost-update",
#elif defined(TWO_INSERTS)
	.name = "two-inserts",
#elif defined(WRONG_FORMER)
	.name = "wrong-former",
#elif defined(LATE_REMOVE)
	.name = "late-remove",
#elif defined(LOST_MODIFY)
	.name = "lost-modify",
#elif defined(MISSING_KEY)
	.name = "missing-key",
#elif defined(DOUBLE_KEY)
	.name = "double-key",
#elif defined(PHANTOM_GET)
	.name = "phantom-get",
#endif
	.help = "for tests: an array under locks",
	.reclaimer = "lock",
	.progress = "blocking",
	.flags = SUBJECT_EACH_LIVE,
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.detach = detach,
	.pause = pause_handle,
	.get = get,
	.insert = insert,
	.upsert = upsert,
	.remove = take,
	.modify = modify,
	.each = each,
};
