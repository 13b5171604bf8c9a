/*
 * null.c - does nothing: what remains is the harness's own cost per operation.
 */
#include "harness/plugin.h"

static char nothing;

static void *
null_create(const struct subject_params *params, char *error, size_t error_size)
{
	(void)params;
	(void)error;
	(void)error_size;
	return &nothing;
}

static void
null_destroy(void *map, struct reclaim_stats *last)
{
	(void)map;
	*last = (struct reclaim_stats){ 0 };
}

static void *
null_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread;
	(void)probe;
	return map;
}

static void
null_detach(void *handle)
{
	(void)handle;
}

/* Says miss to everything, so that nothing is ever in the map. */
static enum op_result
null_op(void *handle, uint64_t key, uint64_t *value)
{
	(void)handle;
	(void)key;
	(void)value;
	return OP_MISS;
}

static size_t
null_get_many(void *handle, const uint64_t keys[], uint64_t values[], bool found[], size_t n)
{
	(void)handle;
	(void)keys;
	(void)values;
	(void)found;
	(void)n;
	return 0;
}

static size_t
null_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	(void)handle;
	(void)from;
	(void)keys;
	(void)values;
	(void)n;
	return 0;
}

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = "null",
	.help = "does nothing: measures the harness itself",
	.reclaimer = "none",
	.progress = "wait-free",
	.flags = SUBJECT_EMPTY,
	.create = null_create,
	.destroy = null_destroy,
	.attach = null_attach,
	.detach = null_detach,
	.get = null_op,
	.insert = null_op,
	.upsert = null_op,
	.remove = null_op,
	.replace = null_op,
	.modify = null_op,
	.get_many = null_get_many,
	.scan = null_scan,
};
