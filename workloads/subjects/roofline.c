/*
 * roofline.c - the practical limit: an array of atomic words indexed by the
 * key itself. One cache line per operation, no hashing, no reclamation: hard to get
 * past for a map that is asked for one key a call. get_many waits for the lines of
 * several keys at once; a map's is to be held against the one here.
 */
#include <stdatomic.h>
#include <sys/mman.h>

#include "harness/plugin.h"

struct roofline {
	uint64_t keys;
	size_t bytes;
	_Atomic(uint64_t) *slot; /* the value of key i; 0 = absent */
};

static void *
roofline_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct roofline *map = malloc(sizeof(*map));
	void *memory = MAP_FAILED;

	if (map != NULL && params->keys <= SIZE_MAX / sizeof(map->slot[0])) {
		map->keys = params->keys;
		map->bytes = params->keys * sizeof(map->slot[0]);
		memory = mmap(NULL, map->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (memory == MAP_FAILED) {
		snprintf(error, error_size, "no memory for an array of %llu keys", (unsigned long long)params->keys);
		free(map);
		return NULL;
	}
	/* Only advice: where it is refused the array has small pages. */
	(void)madvise(memory, map->bytes, MADV_HUGEPAGE);
	map->slot = memory;
	return map;
}

static void
roofline_destroy(void *opaque, struct reclaim_stats *last)
{
	struct roofline *map = opaque;

	munmap(map->slot, map->bytes);
	free(map);
	*last = (struct reclaim_stats){ 0 };
}

static void *
roofline_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread;
	(void)probe;
	return map;
}

static void
roofline_detach(void *handle)
{
	(void)handle;
}

/* All accesses are relaxed: a slot is a value by itself and publishes nothing. */

static enum op_result
roofline_get(void *handle, uint64_t key, uint64_t *value)
{
	const struct roofline *map = handle;

	*value = atomic_load_explicit(&map->slot[key], memory_order_relaxed);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
roofline_insert(void *handle, uint64_t key, uint64_t *value)
{
	const struct roofline *map = handle;
	/* Look first: a failing compare-and-swap would take the line away from others. */
	uint64_t seen = atomic_load_explicit(&map->slot[key], memory_order_relaxed);

	return seen == 0 && atomic_compare_exchange_strong_explicit(&map->slot[key], &seen, *value,
	    memory_order_relaxed, memory_order_relaxed) ? OP_HIT : OP_MISS;
}

static enum op_result
roofline_upsert(void *handle, uint64_t key, uint64_t *value)
{
	const struct roofline *map = handle;

	*value = atomic_exchange_explicit(&map->slot[key], *value, memory_order_relaxed);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
roofline_remove(void *handle, uint64_t key, uint64_t *value)
{
	const struct roofline *map = handle;

	if (atomic_load_explicit(&map->slot[key], memory_order_relaxed) == 0)
		return OP_MISS;
	*value = atomic_exchange_explicit(&map->slot[key], 0, memory_order_relaxed);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
roofline_replace(void *handle, uint64_t key, uint64_t *value)
{
	const struct roofline *map = handle;
	uint64_t seen = atomic_load_explicit(&map->slot[key], memory_order_relaxed);

	while (seen != 0)
		if (atomic_compare_exchange_weak_explicit(&map->slot[key], &seen, *value, memory_order_relaxed,
		    memory_order_relaxed)) {
			*value = seen;
			return OP_HIT;
		}
	return OP_MISS;
}

static enum op_result
roofline_modify(void *handle, uint64_t key, uint64_t *value)
{
	const struct roofline *map = handle;
	uint64_t seen = atomic_load_explicit(&map->slot[key], memory_order_relaxed);

	while (seen != 0)
		if (atomic_compare_exchange_weak_explicit(&map->slot[key], &seen, op_modified(seen, *value),
		    memory_order_relaxed, memory_order_relaxed)) {
			*value = seen;
			return OP_HIT;
		}
	return OP_MISS;
}

static size_t
roofline_get_many(void *handle, const uint64_t keys[], uint64_t values[], bool found[], size_t n)
{
	const struct roofline *map = handle;
	size_t hits = 0;

	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&map->slot[keys[i]]);
	for (size_t i = 0; i < n; i++) {
		values[i] = atomic_load_explicit(&map->slot[keys[i]], memory_order_relaxed);
		found[i] = values[i] != 0;
		hits += found[i];
	}
	return hits;
}

static size_t
roofline_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	const struct roofline *map = handle;
	size_t pairs = 0;

	for (uint64_t key = from; key < map->keys && pairs < n; key++) {
		uint64_t value = atomic_load_explicit(&map->slot[key], memory_order_relaxed);

		keys[pairs] = key;
		values[pairs] = value;
		pairs += value != 0;
	}
	return pairs;
}

static void
roofline_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	const struct roofline *map = handle;

	for (uint64_t key = 0; key < map->keys; key++) {
		uint64_t value = atomic_load_explicit(&map->slot[key], memory_order_relaxed);

		if (value != 0)
			visit(arg, key, value);
	}
}

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = "roofline",
	.help = "array of atomics indexed by the key: one cache line per operation, the practical limit; scans in the order of keys",
	.reclaimer = "none",
	.flags = SUBJECT_EACH_LIVE,
	.progress = "wait-free",
	.create = roofline_create,
	.destroy = roofline_destroy,
	.attach = roofline_attach,
	.detach = roofline_detach,
	.get = roofline_get,
	.insert = roofline_insert,
	.upsert = roofline_upsert,
	.remove = roofline_remove,
	.replace = roofline_replace,
	.modify = roofline_modify,
	.get_many = roofline_get_many,
	.scan = roofline_scan,
	.each = roofline_each,
};
