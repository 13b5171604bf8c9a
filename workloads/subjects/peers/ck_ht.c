/*
 * ck_ht.c - Concurrency Kit's ck_ht in its direct mode: open addressing, one
 * writer at a time, readers without locks.
 *
 * Costs of the adapter: a lock around updates, since the table allows one writer;
 * key and value are in the table, so nothing is allocated per key. It is sized in
 * advance, two slots for each expected key, and still grows if it must: what a growth
 * replaces is kept until the map is destroyed (readers may be in it), and counts as
 * retired.
 *
 * Debian 12's version, 0.7.1, is wrong, with one thread as with many: once keys have been
 * removed, a put can succeed for a key that is there, which is then in the table twice.
 * Trials with removals show it and are not valid; loads without are right. Hence
 * SUBJECT_WRONG: hamtbench measures it only if it is named.
 */
/* needs: ck lib:ck */
/* debian: libck-dev */
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <ck_ht.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/hash.h"
#include "harness/plugin.h"

/* A former table, until the map is destroyed. */
struct former {
	struct former *next;
	void *memory;
};

struct map {
	ck_ht_t table;
	uint64_t seed;
	struct former *former;
	CACHE_ALIGNED pthread_mutex_t writer;
	_Atomic(uint64_t) retired, retired_bytes; /* former tables; changed under writer */
};

/* ck's allocator hooks get no argument; the table under construction or growing is one of this thread's. */
static _Thread_local struct map *growing;

static void *
ht_malloc(size_t bytes)
{
	return malloc(bytes);
}

static void
ht_free(void *memory, size_t bytes, bool defer)
{
	struct former *f = defer ? malloc(sizeof(*f)) : NULL;

	if (!defer) {
		free(memory);
		return;
	}
	/* Without room to remember it, it can only be left: a leak is harmless, a reader in freed memory is not. */
	if (f == NULL)
		return;
	*f = (struct former){ growing->former, memory };
	growing->former = f;
	/* relaxed: statistics, under the writer's lock. */
	atomic_fetch_add_explicit(&growing->retired, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&growing->retired_bytes, bytes, memory_order_relaxed);
}

static struct ck_malloc ht_allocator = { .malloc = ht_malloc, .free = ht_free };

static void *
ht_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct map *map = aligned_alloc(CACHE_LINE_BYTES, sizeof(*map));
	uint64_t slots = 64;

	while (slots < 2 * params->first)
		slots *= 2;
	if (map != NULL) {
		*map = (struct map){ .seed = params->seed };
		growing = map;
	}
	if (map == NULL || !ck_ht_init(&map->table, CK_HT_MODE_DIRECT | CK_HT_WORKLOAD_DELETE, NULL, &ht_allocator, slots,
	        params->seed)) {
		snprintf(error, error_size, "no memory for %llu slots", (unsigned long long)slots);
		free(map);
		return NULL;
	}
	pthread_mutex_init(&map->writer, NULL);
	return map;
}

static void
ht_stats(void *opaque, struct reclaim_stats *stats)
{
	struct map *map = opaque;

	*stats = (struct reclaim_stats){
		.retired = atomic_load_explicit(&map->retired, memory_order_relaxed),
		.retired_bytes = atomic_load_explicit(&map->retired_bytes, memory_order_relaxed),
	};
}

static void
ht_destroy(void *opaque, struct reclaim_stats *last)
{
	struct map *map = opaque;
	struct former *f;

	ht_stats(map, last);
	growing = map;
	ck_ht_destroy(&map->table);
	while ((f = map->former) != NULL) {
		map->former = f->next;
		free(f->memory);
		free(f);
		last->freed++;
	}
	last->freed_bytes = last->retired_bytes;
	pthread_mutex_destroy(&map->writer);
	free(map);
}

static void *
ht_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread;
	(void)probe;
	return map;
}

static void
ht_detach(void *handle)
{
	(void)handle;
}

/* 0 and ~0 mean empty and removed: keys are below 2^56, so one more is neither. */
static ck_ht_hash_t
ht_entry(const struct map *map, ck_ht_entry_t *entry, uint64_t key, uint64_t value)
{
	ck_ht_hash_t hash = { hash_u64(key, map->seed) };

	ck_ht_entry_set_direct(entry, hash, (uintptr_t)(key + 1), (uintptr_t)value);
	return hash;
}

static enum op_result
ht_get(void *handle, uint64_t key, uint64_t *value)
{
	struct map *map = handle;
	ck_ht_entry_t entry;
	ck_ht_hash_t hash = ht_entry(map, &entry, key, 0);

	if (!ck_ht_get_spmc(&map->table, hash, &entry))
		return OP_MISS;
	*value = ck_ht_entry_value_direct(&entry);
	return OP_HIT;
}

static enum op_result
ht_insert(void *handle, uint64_t key, uint64_t *value)
{
	struct map *map = handle;
	ck_ht_entry_t entry;
	ck_ht_hash_t hash = ht_entry(map, &entry, key, *value);
	bool put;

	pthread_mutex_lock(&map->writer);
	growing = map;
	put = ck_ht_put_spmc(&map->table, hash, &entry);
	pthread_mutex_unlock(&map->writer);
	return put ? OP_HIT : OP_MISS;
}

/* upsert, replace, modify: look, then set, in one turn of the writer's lock. */
static enum op_result
ht_set(struct map *map, enum op op, uint64_t key, uint64_t *value)
{
	ck_ht_entry_t entry;
	ck_ht_hash_t hash = ht_entry(map, &entry, key, 0);
	uint64_t given = *value, former = 0;
	bool present, done = true;

	pthread_mutex_lock(&map->writer);
	growing = map;
	present = ck_ht_get_spmc(&map->table, hash, &entry);
	if (present)
		former = ck_ht_entry_value_direct(&entry);
	if (present || op == OP_UPSERT) {
		ht_entry(map, &entry, key, op == OP_MODIFY ? op_modified(former, given) : given);
		done = ck_ht_set_spmc(&map->table, hash, &entry);
	}
	pthread_mutex_unlock(&map->writer);
	if (!done)
		return OP_NOMEM;
	if (present)
		*value = former;
	return present ? OP_HIT : OP_MISS;
}

static enum op_result
ht_upsert(void *handle, uint64_t key, uint64_t *value)
{
	return ht_set(handle, OP_UPSERT, key, value);
}

static enum op_result
ht_replace(void *handle, uint64_t key, uint64_t *value)
{
	return ht_set(handle, OP_REPLACE, key, value);
}

static enum op_result
ht_modify(void *handle, uint64_t key, uint64_t *value)
{
	return ht_set(handle, OP_MODIFY, key, value);
}

static enum op_result
ht_remove(void *handle, uint64_t key, uint64_t *value)
{
	struct map *map = handle;
	ck_ht_entry_t entry;
	ck_ht_hash_t hash = ht_entry(map, &entry, key, 0);
	bool removed;

	pthread_mutex_lock(&map->writer);
	growing = map;
	removed = ck_ht_remove_spmc(&map->table, hash, &entry);
	pthread_mutex_unlock(&map->writer);
	if (removed)
		*value = ck_ht_entry_value_direct(&entry);
	return removed ? OP_HIT : OP_MISS;
}

static void
ht_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	struct map *map = handle;
	ck_ht_iterator_t iterator = CK_HT_ITERATOR_INITIALIZER;
	ck_ht_entry_t *entry;

	while (ck_ht_next(&map->table, &iterator, &entry))
		visit(arg, (uint64_t)ck_ht_entry_key_direct(entry) - 1, ck_ht_entry_value_direct(entry));
}

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = "ck-ht",
	.help = "Concurrency Kit's ck_ht, direct mode; updates under a lock; sized in advance, and what it outgrows is kept; "
	        "nothing allocated per key. Debian 12's 0.7.1 makes duplicate keys after removals: such trials are not valid",
	.reclaimer = "none",
	.progress = "lock-free reads",
	.flags = SUBJECT_SINGLE_WRITER | SUBJECT_LEAKS | SUBJECT_WRONG,
	.create = ht_create,
	.destroy = ht_destroy,
	.attach = ht_attach,
	.detach = ht_detach,
	.get = ht_get,
	.insert = ht_insert,
	.upsert = ht_upsert,
	.remove = ht_remove,
	.replace = ht_replace,
	.modify = ht_modify,
	.stats = ht_stats,
	.each = ht_each,
};
