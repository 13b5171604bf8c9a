/*
 * twins.c - three maps of the same name but for a letter: two do exactly the same,
 * the third does 5 % more. What `hamtbench compare` must and must not find in
 * real figures (scripts/compare-check.sh). An array of atomics; an operation is
 * a chain of dependent multiplications, next to which the harness is small.
 */
/* variants: twin-a=-DNAME=twin-a,-DLENGTH=400 twin-b=-DNAME=twin-b,-DLENGTH=400 */
/* variants: slow-twin=-DNAME=slow-twin,-DLENGTH=426 */
#include <stdatomic.h>

#include "harness/plugin.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

struct twin {
	uint64_t keys;
	_Atomic(uint64_t) value[]; /* 0: absent */
};

static void *
twin_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct twin *t = calloc(1, sizeof(*t) + params->keys * sizeof(t->value[0]));

	if (t == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	t->keys = params->keys;
	return t;
}

static void
twin_destroy(void *map, struct reclaim_stats *last)
{
	free(map);
	*last = (struct reclaim_stats){ 0 };
}

static void *
twin_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread, (void)probe;
	return map;
}

static void
twin_detach(void *handle)
{
	(void)handle;
}

/* toil - LENGTH multiplications, each waiting for the last one. The result is always key. */
static uint64_t
toil(uint64_t key)
{
	uint64_t x = key | 1;

	for (unsigned i = 0; i < LENGTH; i++) {
		x *= 0x9e3779b97f4a7c15;
		__asm__ volatile("" : "+r"(x));
	}
	return key + (x == 0); /* an odd number times odd numbers is never 0 */
}

static enum op_result
twin_get(void *handle, uint64_t key, uint64_t *value)
{
	struct twin *t = handle;

	/* relaxed: the values are numbers, nothing lies behind them. */
	*value = atomic_load_explicit(&t->value[toil(key)], memory_order_relaxed);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static enum op_result
twin_insert(void *handle, uint64_t key, uint64_t *value)
{
	struct twin *t = handle;
	uint64_t absent = 0;

	if (atomic_compare_exchange_strong_explicit(&t->value[toil(key)], &absent, *value, memory_order_relaxed,
	        memory_order_relaxed))
		return OP_HIT;
	*value = absent;
	return OP_MISS;
}

static void
twin_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	struct twin *t = handle;

	for (uint64_t key = 0; key < t->keys; key++) {
		uint64_t value = atomic_load_explicit(&t->value[key], memory_order_relaxed);

		if (value != 0)
			visit(arg, key, value);
	}
}

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = TEXT(NAME),
	.help = "an array, and a fixed amount of arithmetic for each operation",
	.reclaimer = "none",
	.progress = "wait-free",
	.create = twin_create,
	.destroy = twin_destroy,
	.attach = twin_attach,
	.detach = twin_detach,
	.get = twin_get,
	.insert = twin_insert,
	.each = twin_each,
};
