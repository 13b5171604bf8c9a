/*
 * tbb.cc - oneTBB's concurrent_hash_map: chained, a reader-writer lock for each
 * element and bucket; an operation holds its element while it looks at it.
 *
 * Costs of the adapter: a node is allocated per key put in, by malloc as for the
 * other maps (its default is TBB's scalable allocator); a remove looks twice, for the value and
 * to erase. Sized in advance; it grows if it must. Iteration is only for a map at rest, so there is no scan.
 */
/* needs: tbb */
/* debian: libtbb-dev */
#include <memory>
#include <new>
#include <utility>

/* Its iterator casts a mark, 3, to a node before it looks whether it is one: not ours to check. */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wignored-attributes" /* on redeclarations */
#pragma clang attribute push(__attribute__((no_sanitize("undefined"))), apply_to = function)
#endif
#include <tbb/concurrent_hash_map.h>
#ifdef __clang__
#pragma clang attribute pop
#pragma clang diagnostic pop
#endif

extern "C" {
#include "core/hash.h"
#include "harness/plugin.h"

extern const struct subject hamtbench_subject;
}

namespace {

struct hash_seeded {
	uint64_t seed;

	size_t hash(uint64_t key) const { return hash_u64(key, seed); }
	bool equal(uint64_t a, uint64_t b) const { return a == b; }
};

using map_type = tbb::concurrent_hash_map<uint64_t, uint64_t, hash_seeded, std::allocator<std::pair<const uint64_t, uint64_t>>>;

map_type *
map_of(void *handle)
{
	return static_cast<map_type *>(handle);
}

void *
create(const struct subject_params *params, char *error, size_t error_size)
{
	try {
		return new map_type(params->first, hash_seeded{ params->seed });
	} catch (const std::bad_alloc &) {
		snprintf(error, error_size, "no memory");
		return nullptr;
	}
}

void
destroy(void *map, struct reclaim_stats *last)
{
	delete map_of(map);
	*last = reclaim_stats{};
}

void *
attach(void *map, unsigned, const struct reclaim_probe *)
{
	return map;
}

void
detach(void *)
{
}

enum op_result
get(void *handle, uint64_t key, uint64_t *value)
{
	map_type::const_accessor found;

	if (!map_of(handle)->find(found, key))
		return OP_MISS;
	*value = found->second;
	return OP_HIT;
}

enum op_result
insert(void *handle, uint64_t key, uint64_t *value)
{
	try {
		return map_of(handle)->insert(std::make_pair(key, *value)) ? OP_HIT : OP_MISS;
	} catch (const std::bad_alloc &) {
		return OP_NOMEM;
	}
}

enum op_result
upsert(void *handle, uint64_t key, uint64_t *value)
{
	try {
		map_type::accessor element;

		if (map_of(handle)->insert(element, std::make_pair(key, *value)))
			return OP_MISS;
		std::swap(element->second, *value);
		return OP_HIT;
	} catch (const std::bad_alloc &) {
		return OP_NOMEM;
	}
}

enum op_result
replace(void *handle, uint64_t key, uint64_t *value)
{
	map_type::accessor element;

	if (!map_of(handle)->find(element, key))
		return OP_MISS;
	std::swap(element->second, *value);
	return OP_HIT;
}

enum op_result
modify(void *handle, uint64_t key, uint64_t *value)
{
	map_type::accessor element;
	uint64_t former;

	if (!map_of(handle)->find(element, key))
		return OP_MISS;
	former = element->second;
	element->second = op_modified(former, *value);
	*value = former;
	return OP_HIT;
}

enum op_result
remove(void *handle, uint64_t key, uint64_t *value)
{
	map_type::accessor element;

	if (!map_of(handle)->find(element, key))
		return OP_MISS;
	*value = element->second;
	/* Locked by this accessor: false only if another one has taken it out of its bucket already. */
	return map_of(handle)->erase(element) ? OP_HIT : OP_MISS;
}

void
each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	for (const auto &pair : *map_of(handle))
		visit(arg, pair.first, pair.second);
}

struct subject
table()
{
	struct subject s = {};

	s.version = PLUGIN_VERSION;
	s.name = "tbb";
	s.help = "oneTBB's concurrent_hash_map; a reader-writer lock per element and bucket; sized in advance; a node is malloc'd per "
	         "key; remove looks twice";
	s.reclaimer = "lock";
	s.progress = "blocking";
	s.create = create;
	s.destroy = destroy;
	s.attach = attach;
	s.detach = detach;
	s.get = get;
	s.insert = insert;
	s.upsert = upsert;
	s.remove = remove;
	s.replace = replace;
	s.modify = modify;
	s.each = each;
	return s;
}

} // namespace

const struct subject hamtbench_subject = table();
