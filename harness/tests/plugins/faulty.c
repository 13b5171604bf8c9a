/*
 * faulty.c - a map that is an array under one lock, and so plainly right; each
 * variant but the first has one defect that a trial must find, or a sanitizer.
 */
/* variants: sound=-DSOUND lossy=-DLOSSY wrong-value=-DWRONG_VALUE hanging=-DHANGING */
/* variants: leaking=-DLEAKING unsound=-DUNSOUND no-upsert=-DNO_UPSERT */
/* variants: racy=-DRACY overflowing=-DOVERFLOWING overshifting=-DOVERSHIFTING */
/* variants: exiting=-DEXITING crashing=-DCRASHING */
/* variants: no-create=-DNO_CREATE no-memory=-DNO_MEMORY */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "harness/plugin.h"

#define ONE_IN 1000 /* operations of the defective kind are defective */

#if defined(LOSSY)
#define NAME "lossy"
#elif defined(WRONG_VALUE)
#define NAME "wrong-value"
#elif defined(HANGING)
#define NAME "hanging"
#elif defined(LEAKING)
#define NAME "leaking"
#elif defined(UNSOUND)
#define NAME "unsound"
#elif defined(NO_UPSERT)
#define NAME "no-upsert"
#elif defined(NO_CREATE)
#define NAME "no-create"
#elif defined(NO_MEMORY)
#define NAME "no-memory"
#elif defined(RACY)
#define NAME "racy"
#elif defined(OVERFLOWING)
#define NAME "overflowing"
#elif defined(OVERSHIFTING)
#define NAME "overshifting"
#elif defined(EXITING)
#define NAME "exiting"
#elif defined(CRASHING)
#define NAME "crashing"
#elif defined(SOUND)
#define NAME "sound"
#endif

struct map {
	pthread_mutex_t lock;
	uint64_t keys;
	uint64_t *value;      /* 0: absent */
	uint64_t gets, inserts, removes;
	uint64_t retired, freed;
};

static const struct plugin_option options[] = {
	{ .name = "flavour", .type = OPTION_TEXT, .initial = "plain", .meta = "TEXT", .help = "changes nothing" },
	{ .name = "spice", .type = OPTION_FLAG, .help = "changes nothing either" },
	{ .name = NULL },
};

static void *
map_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct map *m = calloc(1, sizeof(*m));

#ifdef NO_CREATE
	free(m);
	m = NULL;
	(void)params;
	snprintf(error, error_size, "no map today");
#else
	(void)error;
	(void)error_size;
	if (m == NULL || (m->value = calloc(params->keys, sizeof(*m->value))) == NULL) {
		free(m);
		return NULL;
	}
	m->keys = params->keys;
	pthread_mutex_init(&m->lock, NULL);
#endif
	return m;
}

static void
map_stats(void *map, struct reclaim_stats *stats)
{
	struct map *m = map;

	pthread_mutex_lock(&m->lock);
	*stats = (struct reclaim_stats){ .retired = m->retired, .freed = m->freed };
	pthread_mutex_unlock(&m->lock);
}

static void
map_destroy(void *map, struct reclaim_stats *last)
{
	struct map *m = map;

	map_stats(map, last);
	pthread_mutex_destroy(&m->lock);
	free(m->value);
	free(m);
}

static void *
map_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread;
	(void)probe;
	return map;
}

static void
map_detach(void *handle)
{
	(void)handle;
}

static enum op_result
map_get(void *handle, uint64_t key, uint64_t *value)
{
	struct map *m = handle;

#ifdef RACY
	m->gets++;
#endif
	pthread_mutex_lock(&m->lock);
	*value = m->value[key];
#ifdef OVERFLOWING
	if (m->gets % ONE_IN == 1)
		(void)*(volatile uint64_t *)&m->value[m->keys];
#endif
#ifdef OVERSHIFTING
	if (m->gets % ONE_IN == 1)
		*value += (uint64_t)1 << (64 + (key & 1)) & 0;
#endif
#ifndef RACY
	m->gets++;
#endif
#ifdef WRONG_VALUE
	if (*value != 0 && m->gets % ONE_IN == 0)
		*value += 1 << 8;
#endif
#ifdef EXITING
	if (m->gets == ONE_IN)
		exit(0);
#endif
#ifdef CRASHING
	if (m->gets == ONE_IN)
		abort();
#endif
	pthread_mutex_unlock(&m->lock);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
map_insert(void *handle, uint64_t key, uint64_t *value)
{
	struct map *m = handle;
	enum op_result result = OP_MISS;

	pthread_mutex_lock(&m->lock);
	m->inserts++;
#ifdef NO_MEMORY
	if (m->inserts % ONE_IN == 0)
		result = OP_NOMEM;
	else
#endif
	if (m->value[key] == 0) {
		result = OP_HIT;
		m->value[key] = *value;
	}
#ifdef LOSSY
	if (result == OP_HIT && m->inserts % ONE_IN == 0)
		m->value[key] = 0;
#endif
	pthread_mutex_unlock(&m->lock);
#ifdef HANGING
	/* Not under the lock: a hung thread must not hold up the others. */
	if (key == 7)
		for (struct timespec nap = { .tv_nsec = 1000000 };;)
			nanosleep(&nap, NULL);
#endif
	return result;
}

#ifndef NO_UPSERT
static enum op_result
map_upsert(void *handle, uint64_t key, uint64_t *value)
{
	struct map *m = handle;
	uint64_t former;

	pthread_mutex_lock(&m->lock);
	former = m->value[key];
	m->value[key] = *value;
	if (former != 0)
		*value = former;
	pthread_mutex_unlock(&m->lock);
	return former != 0 ? OP_HIT : OP_MISS;
}
#endif

static enum op_result
map_remove(void *handle, uint64_t key, uint64_t *value)
{
	struct map *m = handle;

	pthread_mutex_lock(&m->lock);
	*value = m->value[key];
	m->value[key] = 0;
	if (*value != 0) {
		m->removes++;
		m->retired++;
		m->freed++;
#ifdef LEAKING
		if (m->removes % ONE_IN == 0)
			m->freed--;
#endif
	}
	pthread_mutex_unlock(&m->lock);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static void
map_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	struct map *m = handle;

	for (uint64_t key = 0; key < m->keys; key++)
		if (m->value[key] != 0)
			visit(arg, key, m->value[key]);
}

static bool
map_check(void *handle, char *error, size_t error_size)
{
	(void)handle;
#ifdef UNSOUND
	snprintf(error, error_size, "planted: the structure is unsound");
	return false;
#else
	(void)error;
	(void)error_size;
	return true;
#endif
}

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = NAME,
	.help = "for tests: an array under a lock",
	.reclaimer = "lock",
	.progress = "blocking",
	.options = options,
	.create = map_create,
	.destroy = map_destroy,
	.attach = map_attach,
	.detach = map_detach,
	.get = map_get,
	.insert = map_insert,
#ifndef NO_UPSERT
	.upsert = map_upsert,
#endif
	.remove = map_remove,
	.stats = map_stats,
	.each = map_each,
	.check = map_check,
};
