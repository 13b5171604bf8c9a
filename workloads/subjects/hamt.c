/*
 * hamt.c - the flagship (core/hamt.h) under each reclaimer, from one source.
 *
 * The reclaimer is chosen by HAMT_RECLAIMER at compile time; the map is the
 * same code. "none" leaves what it replaces where it is: an arena for each
 * thread, freed as a whole with the map.
 */
/* variants: hamt=-DHAMT_RECLAIMER=HP hamt-hp-fence=-DHAMT_RECLAIMER=HP_FENCE hamt-none=-DHAMT_RECLAIMER=NONE */
#include <stdatomic.h>

#include "core/hamt.h"
#include "harness/plugin.h"
#include "harness/random.h"
#include "workloads/subjects/hazard_adapter.h"

#define HP 1
#define HP_FENCE 2
#define NONE 3

struct subject_map {
	struct hazard_domain *domain; /* ours too, so that it can be asked when the map is gone */
	struct hamt *first;           /* main's handle; the others are its clones */
#if HAMT_RECLAIMER == NONE
	uint64_t number;              /* of this map among all of the process */
	_Atomic(struct arena *) arenas;
#endif
};

#if HAMT_RECLAIMER == NONE

/* Memory that one thread has taken for one map; given out from the front. */
struct arena {
	struct arena *next; /* of the map, any thread's */
	unsigned char memory[];
};

#define ARENA_BYTES ((size_t)1 << 20)

/* Which map this thread's current arena is for: trials follow each other. */
static _Thread_local uint64_t arena_of;
static _Thread_local unsigned char *arena_at, *arena_end;
static atomic_uint_fast64_t maps_made;

static bool
arena_more(struct subject_map *map, size_t bytes)
{
	size_t room = bytes > ARENA_BYTES ? bytes : ARENA_BYTES;
	struct arena *arena = malloc(sizeof(*arena) + 15 + room);

	if (arena == NULL)
		return false;
	arena->next = atomic_load_explicit(&map->arenas, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&map->arenas, &arena->next, arena, memory_order_release,
	    memory_order_relaxed))
		continue;
	arena_of = map->number;
	arena_at = (unsigned char *)(((uintptr_t)arena->memory + 15) & ~(uintptr_t)15);
	arena_end = arena_at + room;
	return true;
}

static void *
arena_alloc(void *state, size_t bytes)
{
	struct subject_map *map = state;
	void *memory;

	bytes = (bytes + 15) & ~(size_t)15;
	if ((arena_of != map->number || (size_t)(arena_end - arena_at) < bytes) && !arena_more(map, bytes))
		return NULL;
	memory = arena_at;
	arena_at += bytes;
	return memory;
}

static void
arena_free(void *state, void *memory, size_t bytes)
{
	(void)state;
	/* What was allocated last, and never published, can be taken again. */
	if ((unsigned char *)memory + ((bytes + 15) & ~(size_t)15) == arena_at)
		arena_at = memory;
}

static void
arena_free_all(struct subject_map *map)
{
	struct arena *arena = atomic_load_explicit(&map->arenas, memory_order_acquire), *next;

	for (; arena != NULL; arena = next) {
		next = arena->next;
		free(arena);
	}
}

#endif

static void
hamt_stats(void *opaque, struct reclaim_stats *stats)
{
	const struct subject_map *map = opaque;

#if HAMT_RECLAIMER == NONE
	*stats = (struct reclaim_stats){ .freed = 0 };
	hamt_leaked(map->first, &stats->retired, &stats->retired_bytes);
#else
	hazard_adapter_stats(map->domain, stats);
#endif
}

static void
hamt_map_free(struct subject_map *map)
{
	hazard_domain_drop(map->domain);
#if HAMT_RECLAIMER == NONE
	arena_free_all(map);
#endif
	free(map);
}

static bool
hamt_configure(const struct subject_params *params, struct hamt_config *config, struct hazard_config *hazard,
    char *error, size_t error_size)
{
#if HAMT_RECLAIMER == HP
	return hazard_adapter_configs(params->options, hazard, &config->contention, error, error_size);
#else
	hazard->mode = HAMT_RECLAIMER == NONE ? HAZARD_AUTO : HAZARD_FENCE;
	config->never_free = HAMT_RECLAIMER == NONE;
	return contention_parse(option_text(params->options, "backoff"), &config->contention, error, error_size);
#endif
}

static void *
hamt_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct subject_map *map = calloc(1, sizeof(*map));
	struct hamt_config config = { .hash_key = random_mix(params->seed) | 1 };
	struct hazard_config hazard = { 0 };
	enum hazard_status made;

	if (map == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	if (!hamt_configure(params, &config, &hazard, error, error_size)) {
		free(map);
		return NULL;
	}
#if HAMT_RECLAIMER == NONE
	map->number = atomic_fetch_add_explicit(&maps_made, 1, memory_order_relaxed) + 1;
	hazard.allocator = (struct allocator){ arena_alloc, arena_free, map };
#endif
	made = hazard_domain_new(&hazard, &map->domain);
	if (made != HAZARD_OK) {
		snprintf(error, error_size, made == HAZARD_UNAVAILABLE ?
		    "hp-asymmetric: membarrier(2) is refused here" : "no memory");
		free(map);
		return NULL;
	}
	config.domain = map->domain;
	if (hamt_new(&config, &map->first) != HAMT_OK) {
		snprintf(error, error_size, "no memory");
		hamt_map_free(map);
		return NULL;
	}
	return map;
}

static void
hamt_destroy(void *opaque, struct reclaim_stats *last)
{
	struct subject_map *map = opaque;

#if HAMT_RECLAIMER == NONE
	hamt_stats(map, last);
	/* Frees what the map holds, and what it has left. */
	hamt_drop(map->first);
	last->freed = last->retired;
	last->freed_bytes = last->retired_bytes;
#else
	/* The last handle: its leaving scan finds no hazard and frees everything. */
	hamt_drop(map->first);
	hazard_adapter_stats(map->domain, last);
#endif
	hamt_map_free(map);
}

static void *
hamt_attach(void *opaque, unsigned thread, const struct reclaim_probe *probe)
{
	const struct subject_map *map = opaque;
	struct hamt *handle;

	(void)thread;
	return hamt_clone_probed(map->first, hazard_adapter_probe(probe), &handle) == HAMT_OK ? handle : NULL;
}

static void
hamt_detach(void *handle)
{
	hamt_drop(handle);
}

static void
hamt_flush_handle(void *handle)
{
	hamt_flush(handle);
}

/* No branches: whether a key is there is what a processor cannot guess. */
_Static_assert(HAMT_OK == 0 && HAMT_ABSENT == 1 && OP_MISS == 0 && OP_HIT == 1, "hit = 1 - status");

static enum op_result
subject_get(void *handle, uint64_t key, uint64_t *value)
{
	return (enum op_result)(HAMT_ABSENT - hamt_get(handle, key, value));
}

static enum op_result
result_of(enum hamt_status status)
{
	return UNLIKELY(status == HAMT_NOMEM) ? OP_NOMEM : status == HAMT_OK ? OP_HIT : OP_MISS;
}

static enum op_result
subject_insert(void *handle, uint64_t key, uint64_t *value)
{
	return result_of(hamt_insert(handle, key, *value));
}

static enum op_result
subject_upsert(void *handle, uint64_t key, uint64_t *value)
{
	switch (hamt_upsert(handle, key, *value, value)) {
	case HAMT_EXISTS:
		return OP_HIT;
	case HAMT_NOMEM:
		return OP_NOMEM;
	default:
		return OP_MISS;
	}
}

static enum op_result
subject_remove(void *handle, uint64_t key, uint64_t *value)
{
	return result_of(hamt_remove(handle, key, value));
}

static bool
subject_hold(void *handle, uint64_t key)
{
	return hamt_hold(handle, key);
}

static void
subject_release(void *handle)
{
	hamt_release(handle);
}

/* Decides for replace and modify: a key that is there gets what `by` makes of its value. */
struct change {
	uint64_t by, former;
	bool modify;
};

static enum hamt_action
change_present(void *arg, bool present, uint64_t *value)
{
	struct change *c = arg;

	if (!present)
		return HAMT_KEEP;
	c->former = *value;
	*value = c->modify ? op_modified(c->former, c->by) : c->by;
	return HAMT_PUT;
}

static enum op_result
change(struct hamt *handle, uint64_t key, uint64_t *value, bool modify)
{
	struct change c = { .by = *value, .modify = modify };
	enum op_result result = result_of(hamt_compute(handle, key, change_present, &c));

	if (result == OP_HIT)
		*value = c.former;
	return result;
}

static enum op_result
subject_replace(void *handle, uint64_t key, uint64_t *value)
{
	return change(handle, key, value, false);
}

static enum op_result
subject_modify(void *handle, uint64_t key, uint64_t *value)
{
	return change(handle, key, value, true);
}

static size_t
subject_get_many(void *handle, const uint64_t keys[], uint64_t values[], bool found[], size_t n)
{
	return hamt_get_many(handle, keys, values, found, n);
}

static size_t
subject_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	struct hamt_cursor cursor = hamt_cursor_at(handle, from);

	return hamt_iterate(handle, &cursor, keys, values, n);
}

#if HAMT_RECLAIMER != NONE
static void
subject_pending(void *opaque, void (*visit)(void *arg, uint64_t retired_at_ns), void *arg)
{
	const struct subject_map *map = opaque;

	hazard_adapter_pending(map->domain, visit, arg);
}
#endif

static void
subject_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	struct hamt_cursor cursor = { 0 };
	uint64_t keys[256], values[256];
	size_t n;

	while ((n = hamt_iterate(handle, &cursor, keys, values, 256)) > 0)
		for (size_t i = 0; i < n; i++)
			visit(arg, keys[i], values[i]);
}

static bool
subject_check(void *handle, char *error, size_t error_size)
{
	struct hamt_shape shape;

	return hamt_check(handle, &shape, error, error_size);
}

static const struct plugin_option options[] = {
#if HAMT_RECLAIMER == HP
	HAZARD_ADAPTER_OPTIONS,
#else
	BACKOFF_ADAPTER_OPTION,
#endif
	{ .name = NULL },
};

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
#if HAMT_RECLAIMER == HP
	.name = "hamt",
	.help = "growable directory over packed bitmap nodes, one CAS per update; hazard pointers, asymmetric fences; "
	        "scans in the order of hashes",
	.reclaimer = "hp",
#elif HAMT_RECLAIMER == HP_FENCE
	.name = "hamt-hp-fence",
	.help = "hamt with a sequentially consistent store for each hazard pointer: the classic form",
	.reclaimer = "hp-fence",
#else
	.name = "hamt-none",
	.help = "hamt without reclamation: nothing freed before the end; an arena per thread",
	.reclaimer = "none",
	.flags = SUBJECT_LEAKS,
#endif
	.progress = "lock-free",
	.options = options,
	.create = hamt_create,
	.destroy = hamt_destroy,
	.attach = hamt_attach,
	.detach = hamt_detach,
	.flush = hamt_flush_handle,
	.get = subject_get,
	.insert = subject_insert,
	.upsert = subject_upsert,
	.remove = subject_remove,
	.replace = subject_replace,
	.modify = subject_modify,
	.get_many = subject_get_many,
	.scan = subject_scan,
	.hold = subject_hold,
	.release = subject_release,
	.stats = hamt_stats,
#if HAMT_RECLAIMER != NONE
	.pending = subject_pending,
#endif
	.each = subject_each,
	.check = subject_check,
};
