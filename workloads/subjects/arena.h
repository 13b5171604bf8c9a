/*
 * arena.h - memory for maps that never free: an arena for each thread, given
 * back as a whole with the map. Subjects under reclaimer none allocate from it.
 */
#ifndef WORKLOADS_SUBJECTS_ARENA_H
#define WORKLOADS_SUBJECTS_ARENA_H

#include <stdatomic.h>

#include "core/base.h"

/* One map's memory; its address is the allocator's state. */
struct arena_map {
	uint64_t number; /* of this map among all of the process */
	_Atomic(struct arena *) arenas;
};

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
arena_more(struct arena_map *map, size_t bytes)
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
	struct arena_map *map = state;
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
arena_free_all(struct arena_map *map)
{
	struct arena *arena = atomic_load_explicit(&map->arenas, memory_order_acquire), *next;

	for (; arena != NULL; arena = next) {
		next = arena->next;
		free(arena);
	}
}

static void
arena_init(struct arena_map *map)
{
	map->number = atomic_fetch_add_explicit(&maps_made, 1, memory_order_relaxed) + 1;
	atomic_init(&map->arenas, NULL);
}

#endif
