/*
 * slot_map.h - a right map, a word for each key. For the maps of tests that do more than
 * that, or something else at times. Values stand for themselves: nothing is published by
 * them, so relaxed orders do everywhere.
 */
#ifndef WORKLOADS_TESTS_SLOT_MAP_H
#define WORKLOADS_TESTS_SLOT_MAP_H

#include <stdatomic.h>

#include "harness/plugin.h"

struct slot_map {
	_Atomic(uint64_t) *slot; /* 0: the key is absent */
	uint64_t keys;
};

static inline enum op_result
slot_get(const struct slot_map *m, uint64_t key, uint64_t *value)
{
	*value = atomic_load_explicit(&m->slot[key], memory_order_relaxed);
	return *value != 0 ? OP_HIT : OP_MISS;
}

static inline enum op_result
slot_insert(const struct slot_map *m, uint64_t key, const uint64_t *value)
{
	uint64_t none = 0;

	return atomic_compare_exchange_strong_explicit(&m->slot[key], &none, *value, memory_order_relaxed,
	    memory_order_relaxed) ? OP_HIT : OP_MISS;
}

/* upsert; remove, where *value is 0. */
static inline enum op_result
slot_exchange(const struct slot_map *m, uint64_t key, uint64_t *value)
{
	*value = atomic_exchange_explicit(&m->slot[key], *value, memory_order_relaxed);
	return *value != 0 ? OP_HIT : OP_MISS;
}

/* replace, and modify. */
static inline enum op_result
slot_change(const struct slot_map *m, uint64_t key, uint64_t *value, bool modify)
{
	uint64_t seen = atomic_load_explicit(&m->slot[key], memory_order_relaxed);

	while (seen != 0)
		if (atomic_compare_exchange_weak_explicit(&m->slot[key], &seen,
		    modify ? op_modified(seen, *value) : *value, memory_order_relaxed, memory_order_relaxed)) {
			*value = seen;
			return OP_HIT;
		}
	return OP_MISS;
}

/* In the order of keys. */
static inline size_t
slot_scan(const struct slot_map *m, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	size_t pairs = 0;

	for (uint64_t key = from; key < m->keys && pairs < n; key++) {
		keys[pairs] = key;
		pairs += slot_get(m, key, &values[pairs]) == OP_HIT;
	}
	return pairs;
}

static inline void
slot_each(const struct slot_map *m, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	uint64_t value;

	for (uint64_t key = 0; key < m->keys; key++)
		if (slot_get(m, key, &value) == OP_HIT)
			visit(arg, key, value);
}

#endif
