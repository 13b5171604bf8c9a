/*
 * glib.c - GLib's GHashTable under one lock: what a program that links GLib
 * anyway does first. Open addressing, grows and shrinks by itself, a rehash
 * at a time, while everybody waits for the lock.
 *
 * Costs of the adapter: the lock; and an insert, upsert, replace or modify that changes something
 * looks the key up twice, since GLib's own replaces without handing out what it replaced. Key and value are stored in place of
 * the two pointers, so nothing is allocated per key; hashes are 32 bits, the upper
 * half of the harness's own.
 */
/* needs: glib-2.0 */
/* debian: libglib2.0-dev */
#include <pthread.h>

#include <glib.h>

#include "core/hash.h"
#include "harness/plugin.h"

_Static_assert(sizeof(gpointer) >= sizeof(uint64_t), "keys and values are kept in place of pointers");

struct map {
	GHashTable *table;
	pthread_mutex_t lock;
};

static gpointer
packed(uint64_t word)
{
	return (gpointer)(uintptr_t)word;
}

static uint64_t
unpacked(gconstpointer word)
{
	return (uint64_t)(uintptr_t)word;
}

/* Unseeded: GHashTable gives its callback nothing but the key. */
static guint
glib_hash(gconstpointer key)
{
	return (guint)(hash_u64(unpacked(key), 1) >> 32);
}

static void *
glib_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct map *map = malloc(sizeof(*map));

	(void)params;
	if (map == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	/* NULL compares the pointers themselves. GLib ends the process where it finds no memory. */
	map->table = g_hash_table_new(glib_hash, NULL);
	pthread_mutex_init(&map->lock, NULL);
	return map;
}

static void
glib_destroy(void *opaque, struct reclaim_stats *last)
{
	struct map *map = opaque;

	g_hash_table_destroy(map->table);
	pthread_mutex_destroy(&map->lock);
	free(map);
	*last = (struct reclaim_stats){ 0 };
}

static void *
glib_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread;
	(void)probe;
	return map;
}

static void
glib_detach(void *handle)
{
	(void)handle;
}

/* Every operation: under the lock, what is there, and what is to become of it? */
static enum op_result
glib_operation(struct map *map, enum op op, uint64_t key, uint64_t *value)
{
	uint64_t given = *value;
	gpointer found;
	bool present;

	pthread_mutex_lock(&map->lock);
	if (op == OP_REMOVE)
		present = g_hash_table_steal_extended(map->table, packed(key), NULL, &found);
	else
		present = g_hash_table_lookup_extended(map->table, packed(key), NULL, &found);
	if (present && op != OP_INSERT)
		*value = unpacked(found);
	if (op == OP_UPSERT || (op == OP_INSERT && !present) || (op == OP_REPLACE && present))
		g_hash_table_insert(map->table, packed(key), packed(given));
	else if (op == OP_MODIFY && present)
		g_hash_table_insert(map->table, packed(key), packed(op_modified(*value, given)));
	pthread_mutex_unlock(&map->lock);
	return present == (op != OP_INSERT) ? OP_HIT : OP_MISS;
}

static enum op_result
glib_get(void *handle, uint64_t key, uint64_t *value)
{
	return glib_operation(handle, OP_GET, key, value);
}

static enum op_result
glib_insert(void *handle, uint64_t key, uint64_t *value)
{
	return glib_operation(handle, OP_INSERT, key, value);
}

static enum op_result
glib_upsert(void *handle, uint64_t key, uint64_t *value)
{
	return glib_operation(handle, OP_UPSERT, key, value);
}

static enum op_result
glib_remove(void *handle, uint64_t key, uint64_t *value)
{
	return glib_operation(handle, OP_REMOVE, key, value);
}

static enum op_result
glib_replace(void *handle, uint64_t key, uint64_t *value)
{
	return glib_operation(handle, OP_REPLACE, key, value);
}

static enum op_result
glib_modify(void *handle, uint64_t key, uint64_t *value)
{
	return glib_operation(handle, OP_MODIFY, key, value);
}

static void
glib_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	const struct map *map = handle;
	gpointer key, value;
	GHashTableIter iter;

	g_hash_table_iter_init(&iter, map->table);
	while (g_hash_table_iter_next(&iter, &key, &value))
		visit(arg, unpacked(key), unpacked(value));
}

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = "glib",
	.help = "GLib's GHashTable under one lock; open addressing, grows by itself; nothing allocated per key; updates but "
	        "remove look up twice",
	.reclaimer = "lock",
	.progress = "blocking",
	.create = glib_create,
	.destroy = glib_destroy,
	.attach = glib_attach,
	.detach = glib_detach,
	.get = glib_get,
	.insert = glib_insert,
	.upsert = glib_upsert,
	.remove = glib_remove,
	.replace = glib_replace,
	.modify = glib_modify,
	.each = glib_each,
};
