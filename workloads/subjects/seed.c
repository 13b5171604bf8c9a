/*
 * seed.c - the seed's own structure (core/seed_hamt.h), the measured baseline,
 * under each reclaimer, from one source: as hamt.c.
 */
/* variants: seed=-DRECLAIM=RECLAIM_HP seed-hp-fence=-DRECLAIM=RECLAIM_HP,-DFIXED */
/* variants: seed-ebr=-DRECLAIM=RECLAIM_EBR,-DFIXED seed-qsbr=-DRECLAIM=RECLAIM_QSBR,-DFIXED */
/* variants: seed-he=-DRECLAIM=RECLAIM_HE,-DFIXED seed-none=-DRECLAIM=RECLAIM_NONE,-DFIXED */
#include "core/seed_hamt.h"
#include "harness/plugin.h"
#include "harness/random.h"
#include "workloads/subjects/reclaim_adapter.h"

struct seed {
	struct reclaim_adapter reclaim;
	struct seed_hamt *first; /* main's handle; the others are its clones */
};

static void *
seed_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct seed_hamt_config config = { .hash_key = random_mix(params->seed) | 1 };
	struct seed *map = reclaim_adapter_new(sizeof(*map), params, &config.contention, error, error_size);

	if (map == NULL)
		return NULL;
	config.domain = map->reclaim.domain;
	return seed_hamt_new(&config, &map->first) == HAMT_OK ? map : reclaim_adapter_refuse(map, error, error_size);
}

static void
seed_destroy(void *opaque, struct reclaim_stats *last)
{
	struct seed *map = opaque;

	/* The last handle: nobody protects anything any more, and all is freed. */
	seed_hamt_drop(map->first);
	reclaim_adapter_end(map, last);
}

static void *
seed_attach(void *opaque, unsigned thread, const struct reclaim_probe *probe)
{
	const struct seed *map = opaque;
	struct seed_hamt *handle;

	(void)thread;
	return seed_hamt_clone(map->first, reclaim_adapter_probe(probe), &handle) == HAMT_OK ? handle : NULL;
}

static void
seed_detach(void *handle)
{
	seed_hamt_drop(handle);
}

static void
seed_pause(void *handle)
{
	seed_hamt_pause(handle);
}

static void
seed_flush(void *handle)
{
	seed_hamt_flush(handle);
}

static enum op_result
seed_get(void *handle, uint64_t key, uint64_t *value)
{
	return seed_hamt_get(handle, &key, value) == HAMT_OK ? OP_HIT : OP_MISS;
}

static enum op_result
seed_insert(void *handle, uint64_t key, uint64_t *value)
{
	switch (seed_hamt_insert(handle, &key, value)) {
	case HAMT_OK:
		return OP_HIT;
	case HAMT_NOMEM:
		return OP_NOMEM;
	default:
		return OP_MISS;
	}
}

static enum op_result
seed_upsert(void *handle, uint64_t key, uint64_t *value)
{
	uint64_t old;

	switch (seed_hamt_upsert(handle, &key, value, &old)) {
	case HAMT_EXISTS:
		*value = old;
		return OP_HIT;
	case HAMT_NOMEM:
		return OP_NOMEM;
	default:
		return OP_MISS;
	}
}

static enum op_result
seed_remove(void *handle, uint64_t key, uint64_t *value)
{
	switch (seed_hamt_remove(handle, &key, value)) {
	case HAMT_OK:
		return OP_HIT;
	case HAMT_NOMEM:
		return OP_NOMEM;
	default:
		return OP_MISS;
	}
}

static bool
seed_hold(void *handle, uint64_t key)
{
	return seed_hamt_hold(handle, &key);
}

static void
seed_release(void *handle)
{
	seed_hamt_release(handle);
}

static void
seed_cas_stats(void *opaque, struct cas_stats *stats)
{
	const struct seed *map = opaque;
	struct contention_stats sums;

	seed_hamt_contention(map->first, &sums);
	backoff_adapter_stats(&sums, stats);
}

struct each {
	void (*visit)(void *arg, uint64_t key, uint64_t value);
	void *arg;
};

static void
seed_each_pair(void *arg, const void *key, const void *value)
{
	const struct each *each = arg;

	each->visit(each->arg, *(const uint64_t *)key, *(const uint64_t *)value);
}

static void
seed_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	struct each each = { visit, arg };

	seed_hamt_each(handle, seed_each_pair, &each);
}

static bool
seed_check(void *handle, char *error, size_t error_size)
{
	struct seed_hamt_shape shape;

	return seed_hamt_check(handle, false, &shape, error, error_size);
}

static const struct plugin_option options[] = { RECLAIM_ADAPTER_OPTIONS, { .name = NULL } };

#define HELP                                                                                              \
	"the seed's HAMT, made correct: a cell, an immutable map node or leaf behind each pointer; the baseline"

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = RECLAIM_ADAPTER_NAME("seed"),
	.help = RECLAIM_ADAPTER_SUMMARY("seed", HELP),
	.reclaimer = RECLAIM_INITIAL,
	.flags = RECLAIM_ADAPTER_FLAGS,
	.variant = RECLAIM_ADAPTER_VARIANT,
	.progress = "lock-free",
	.options = options,
	.create = seed_create,
	.destroy = seed_destroy,
	.attach = seed_attach,
	.detach = seed_detach,
	.pause = seed_pause,
	.flush = seed_flush,
	.get = seed_get,
	.insert = seed_insert,
	.upsert = seed_upsert,
	.remove = seed_remove,
	.hold = seed_hold,
	.release = seed_release,
	.stats = reclaim_adapter_stats,
	.cas_stats = seed_cas_stats,
	.pending = reclaim_adapter_pending,
	.each = seed_each,
	.check = seed_check,
};
