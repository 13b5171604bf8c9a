/*
 * hamt.c - the flagship (core/hamt.h) under each reclaimer, from one source.
 *
 * The reclaimer is chosen at compile time, and the library with it; the map
 * is the same code. "none" leaves what it replaces where it is: an arena for
 * each thread, freed as a whole with the map.
 */
/* variants: hamt=-DRECLAIM=RECLAIM_HP hamt-hp-fence=-DRECLAIM=RECLAIM_HP,-DFIXED */
/* variants: hamt-ebr=-DRECLAIM=RECLAIM_EBR,-DFIXED hamt-qsbr=-DRECLAIM=RECLAIM_QSBR,-DFIXED */
/* variants: hamt-he=-DRECLAIM=RECLAIM_HE,-DFIXED hamt-none=-DRECLAIM=RECLAIM_NONE,-DFIXED */
#include <string.h>

#include "core/hamt.h"
#include "harness/plugin.h"
#include "harness/random.h"
#include "workloads/subjects/reclaim_adapter.h"

struct subject_map {
	struct reclaim_adapter reclaim;
	struct hamt *first; /* main's handle; the others are its clones */
};

static void *
hamt_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct hamt_config config = { .hash_key = random_mix(params->seed) | 1 };
	struct subject_map *map = reclaim_adapter_new(sizeof(*map), params, &config.contention, error, error_size);

	if (map == NULL)
		return NULL;
	config.domain = map->reclaim.domain;
	if (strcmp(option_text(params->options, "hash"), "identity") == 0)
		config.hash = HAMT_HASH_IDENTITY;
	return hamt_new(&config, &map->first) == HAMT_OK ? map : reclaim_adapter_refuse(map, error, error_size);
}

static void
hamt_destroy(void *opaque, struct reclaim_stats *last)
{
	struct subject_map *map = opaque;

	/* The last handle: nobody protects anything any more, and all is freed. */
	hamt_drop(map->first);
	reclaim_adapter_end(map, last);
}

static void *
hamt_attach(void *opaque, unsigned thread, const struct reclaim_probe *probe)
{
	const struct subject_map *map = opaque;
	struct hamt *handle;

	(void)thread;
	return hamt_clone_probed(map->first, reclaim_adapter_probe(probe), &handle) == HAMT_OK ? handle : NULL;
}

static void
hamt_detach(void *handle)
{
	hamt_drop(handle);
}

static void
hamt_pause_handle(void *handle)
{
	hamt_pause(handle);
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

static uint64_t
subject_resizings(void *handle)
{
	return hamt_resizings(handle);
}

static enum op_result
subject_insert(void *handle, uint64_t key, uint64_t *value)
{
	return reclaim_adapter_result(hamt_insert(handle, key, *value));
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
	return reclaim_adapter_result(hamt_remove(handle, key, value));
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
	enum op_result result = reclaim_adapter_result(hamt_compute(handle, key, change_present, &c));

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
subject_extend(void *handle, const uint64_t keys[], const uint64_t values[], size_t n)
{
	size_t done;

	return hamt_extend(handle, keys, values, n, &done) == HAMT_OK ? n : done;
}

static size_t
subject_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	struct hamt_cursor cursor = hamt_cursor_at(handle, from);

	return hamt_iterate(handle, &cursor, keys, values, n);
}

static void
subject_cas_stats(void *opaque, struct cas_stats *stats)
{
	const struct subject_map *map = opaque;
	struct contention_stats sums;

	hamt_contention(map->first, &sums);
	backoff_adapter_stats(&sums, stats);
}

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

static const char *const hashes[] = { "seeded", "identity", NULL };

static bool
hash_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	for (size_t i = 0; hashes[i] != NULL; i++)
		if (strcmp(text, hashes[i]) == 0) {
			snprintf(canonical, canonical_size, "%s", text);
			return true;
		}
	snprintf(error, error_size, "'%s' must be seeded or identity", text);
	return false;
}

static const char *
hash_choice(size_t i)
{
	return hashes[i];
}

static const struct plugin_option options[] = {
	RECLAIM_ADAPTER_OPTIONS,
	{ .name = "hash", .type = OPTION_TEXT, .initial = "seeded", .meta = "HASH", .check = hash_check, .choice = hash_choice,
	    .help = "seeded: with a random key, so that chosen keys do no harm; identity: the key itself. The keys of a load "
	            "are small numbers: then they agree in all upper bits and meet in one slot, as chosen keys do in a map "
	            "whose hash is known" },
	{ .name = NULL },
};

#define HELP                                                                                              \
	"growable directory over packed bitmap nodes, one CAS per update; scans in the order of hashes"

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = RECLAIM_ADAPTER_NAME("hamt"),
	.help = RECLAIM_ADAPTER_SUMMARY("hamt", HELP),
	.reclaimer = RECLAIM_INITIAL,
	.flags = RECLAIM_ADAPTER_FLAGS | SUBJECT_EACH_LIVE,
	.variant = RECLAIM_ADAPTER_VARIANT,
	.progress = "lock-free",
	.options = options,
	.create = hamt_create,
	.destroy = hamt_destroy,
	.attach = hamt_attach,
	.detach = hamt_detach,
	.pause = hamt_pause_handle,
	.flush = hamt_flush_handle,
	.get = subject_get,
	.insert = subject_insert,
	.upsert = subject_upsert,
	.remove = subject_remove,
	.replace = subject_replace,
	.modify = subject_modify,
	.get_many = subject_get_many,
	.scan = subject_scan,
	.extend = subject_extend,
	.hold = subject_hold,
	.release = subject_release,
	.cas_stats = subject_cas_stats,
	.stats = reclaim_adapter_stats,
	.pending = reclaim_adapter_pending,
	.resizings = subject_resizings,
	.each = subject_each,
	.check = subject_check,
};
