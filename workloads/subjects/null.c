/*
 * null.c - does nothing: what remains is the harness's own cost per operation.
 * null-bytes makes the byte strings that an operation names, and does nothing with them: what
 * remains is what the adapters of such subjects cost as well.
 */
/* variants: null=-DBYTES=0 null-bytes=-DBYTES=1 */
#include "harness/bytes.h"

static char nothing;

static void *
null_create(const struct subject_params *params, char *error, size_t error_size)
{
#if BYTES
	struct subject_params *map = malloc(sizeof(*map));

	if (map != NULL)
		*map = *params;
	else
		snprintf(error, error_size, "no memory");
	return map;
#else
	(void)params;
	(void)error;
	(void)error_size;
	return &nothing;
#endif
}

static void
null_destroy(void *map, struct reclaim_stats *last)
{
	if (map != &nothing)
		free(map);
	*last = (struct reclaim_stats){ 0 };
}

static void *
null_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
#if BYTES
	struct bytes *b = aligned_alloc(CACHE_LINE_BYTES, CACHE_LINE_BYTES);

	_Static_assert(sizeof(*b) <= CACHE_LINE_BYTES, "a handle is a line");
	if (b != NULL && !bytes_open(b, map, 1)) {
		free(b);
		b = NULL;
	}
	map = b;
#endif
	(void)thread;
	(void)probe;
	return map;
}

static void
null_detach(void *handle)
{
#if BYTES
	bytes_close(handle);
	free(handle);
#else
	(void)handle;
#endif
}

/* Says miss to everything, so that nothing is ever in the map. */
static enum op_result
null_op(void *handle, uint64_t key, uint64_t *value)
{
#if BYTES
	(void)bytes_name(handle, key);
#endif
	(void)handle;
	(void)key;
	(void)value;
	return OP_MISS;
}

/* The same for an operation that puts a value in. */
static enum op_result
null_put(void *handle, uint64_t key, uint64_t *value)
{
#if BYTES
	(void)bytes_value(handle, *value);
#endif
	return null_op(handle, key, value);
}

static size_t
null_get_many(void *handle, const uint64_t keys[], uint64_t values[], bool found[], size_t n)
{
	for (size_t i = 0; BYTES && i < n; i++)
		(void)null_op(handle, keys[i], &values[i]);
	(void)found;
	return 0;
}

static size_t
null_extend(void *handle, const uint64_t keys[], const uint64_t values[], size_t n)
{
	for (size_t i = 0; BYTES && i < n; i++) {
		uint64_t value = values[i];

		(void)null_put(handle, keys[i], &value);
	}
	return n;
}

static size_t
null_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	(void)keys;
	(void)n;
	(void)null_op(handle, from, values);
	return 0;
}

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = BYTES ? "null-bytes" : "null",
	.help = BYTES ? "makes the names of keys, and values where they go in, and does nothing with them: what the harness "
	                "and the adapters of byte strings cost" : "does nothing: measures the harness itself",
	.reclaimer = "none",
	.progress = "wait-free",
	.flags = BYTES ? SUBJECT_EMPTY | SUBJECT_BYTES : SUBJECT_EMPTY,
	.create = null_create,
	.destroy = null_destroy,
	.attach = null_attach,
	.detach = null_detach,
	.get = null_op,
	.insert = null_put,
	.upsert = null_put,
	.remove = null_op,
	.replace = null_put,
	.modify = null_put,
	.get_many = null_get_many,
	.scan = null_scan,
	.extend = null_extend,
};
