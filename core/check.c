/*
 * check.c - is the structure of a quiescent map what node.h and hamt.c say?
 * Walks every slot and node with an explicit stack and stops at the first
 * thing that is wrong, which it names with its place.
 */
#include <inttypes.h>
#include <string.h>

#include "core/base.h"
#include "core/update.h"

struct checker {
	const struct map *map;
	struct hamt_shape *shape;
	uint64_t *seen;        /* addresses of nodes: open addressing; 0 = free */
	size_t seen_size;      /* a power of two */
	uint64_t entries;      /* that count: sources not MOVED, and targets of those that are */
	char *error;
	size_t error_size;
};

#define FAIL(c, ...) (snprintf((c)->error, (c)->error_size, __VA_ARGS__), false)

/* first_visit - false: this node was reached before. */
static bool
first_visit(struct checker *c, const struct entry *node)
{
	uint64_t address = (uint64_t)(uintptr_t)node;
	size_t i = (size_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (c->seen_size - 1);

	for (; c->seen[i] != 0; i = (i + 1) & (c->seen_size - 1))
		if (c->seen[i] == address)
			return false;
	c->seen[i] = address;
	return true;
}

/* check_leaves - each DATA entry has the leaf of its hash, and no key is there twice. */
static bool
check_leaves(struct checker *c, const struct entry *node, unsigned count, size_t slot)
{
	for (unsigned i = 0; i < count; i++) {
		const struct leaf *leaf = leaf_at(node[i].value);

		if (entry_is_child(&node[i]))
			continue;
		if ((leaf->hash & ~ENTRY_SUB) != node[i].key)
			return FAIL(c, "slot %zu: entry %u has the leaf of another hash", slot, i);
		/* Equal hashes are neighbours. */
		for (unsigned j = i; j > 0 && node[j - 1].key == node[i].key; j--) {
			const struct leaf *other = leaf_at(node[j - 1].value);

			if (leaf->key_bytes == other->key_bytes &&
			    memcmp(leaf->data, other->data, leaf->key_bytes) == 0)
				return FAIL(c, "slot %zu: entries %u and %u have the same key", slot, j - 1, i);
		}
	}
	return true;
}

/* check_node - the node itself; prefix is what all its hashes begin with, above left bits. */
static bool
check_node(struct checker *c, uint64_t word, int left, uint64_t prefix, size_t slot)
{
	const struct entry *node = word_node(word);
	unsigned count = word_count(word, left), bitmap = 0, extra = 0;
	int last_chunk = -1;
	bool child_last = false;

	if (node == NULL)
		return FAIL(c, "slot %zu: a node word without an address: %#" PRIx64, slot, word);
	if (left > 0 && left < NODE_CHUNK_BITS && word_bitmap(word) >> (1u << left) != 0)
		return FAIL(c, "slot %zu: bitmap %#x has bits beyond the last %d of the hash", slot,
		    word_bitmap(word), left);
	if (left > 0 && word_extra(word) > c->map->node.inline_limit)
		return FAIL(c, "slot %zu: %u extra entries, the limit is %u", slot, word_extra(word),
		    c->map->node.inline_limit);
	if (left <= 0 && !c->map->leaves)
		return FAIL(c, "slot %zu: a node below the last bit of the hash", slot);
	if (left <= 0)
		return check_leaves(c, node, count, slot);
	for (unsigned i = 0; i < count; i++) {
		uint64_t hash = entry_hash(&node[i]);
		int chunk = (int)node_chunk(hash, left);

		if (left < 63 && hash >> left != prefix >> left)
			return FAIL(c, "slot %zu: entry %u: %#" PRIx64 " is not below its prefix %#" PRIx64, slot,
			    i, hash, prefix);
		if (i > 0 && (entry_hash(&node[i - 1]) > hash ||
		                 (entry_hash(&node[i - 1]) == hash && !c->map->leaves)))
			return FAIL(c, "slot %zu: entry %u is not above the one before", slot, i);
		if (chunk == last_chunk) {
			if (child_last || entry_is_child(&node[i]))
				return FAIL(c, "slot %zu: a child is not alone in chunk %d", slot, chunk);
			extra++;
		}
		bitmap |= 1u << chunk;
		last_chunk = chunk;
		child_last = entry_is_child(&node[i]);
		if (child_last && node[i].key != node_child_key(hash, left))
			return FAIL(c, "slot %zu: the key of child %u is no prefix", slot, i);
	}
	if (bitmap != word_bitmap(word) || extra != word_extra(word))
		return FAIL(c, "slot %zu: bitmap %#x and %u extra, but the entries give %#x and %u", slot,
		    word_bitmap(word), word_extra(word), bitmap, extra);
	return !c->map->leaves || check_leaves(c, node, count, slot);
}

/* check_tree - a slot's word and all below it. */
static bool
check_tree(struct checker *c, const struct directory *d, size_t slot, uint64_t word, bool counts)
{
	struct {
		uint64_t word, prefix;
		unsigned at;
	} stack[NODE_LEVELS + 1];
	unsigned depth = 0;
	int left = (int)d->shift;

	stack[0].word = word;
	stack[0].prefix = ((uint64_t)slot << d->shift) & ~ENTRY_SUB;
	stack[0].at = 0;
	for (;;) {
		const struct entry *e;
		uint64_t at_word = stack[depth].word;

		if (stack[depth].at == 0) {
			if (!check_node(c, at_word, left, stack[depth].prefix, slot))
				return false;
			if (!first_visit(c, word_node(at_word)))
				return FAIL(c, "slot %zu: a node is reachable twice", slot);
			if (depth > 0 && word_count(at_word, left) == 1 && !entry_is_child(word_node(at_word)))
				return FAIL(c, "slot %zu: a child holds a single key", slot);
			c->shape->bytes += word_bytes(at_word, left);
			if (counts && depth + 1 > c->shape->depth)
				c->shape->depth = depth + 1;
		}
		if (stack[depth].at == word_count(at_word, left)) {
			if (depth-- == 0)
				return true;
			left += NODE_CHUNK_BITS;
			continue;
		}
		e = word_node(at_word) + stack[depth].at++;
		if (!entry_is_child(e)) {
			c->entries += counts;
			continue;
		}
		depth++;
		left -= NODE_CHUNK_BITS;
		stack[depth].word = e->value;
		stack[depth].prefix = entry_hash(e);
		stack[depth].at = 0;
	}
}

/* count_nodes - how large first_visit()'s table must be. */
static uint64_t
count_nodes(const struct directory *d)
{
	uint64_t nodes = 0;

	for (size_t i = 0; i < (size_t)1 << d->bits; i++) {
		/* relaxed, here and below: the map is quiescent. */
		uint64_t word = atomic_load_explicit(&d->slots[i].word, memory_order_relaxed);
		struct {
			const struct entry *e, *end;
		} stack[NODE_LEVELS + 1];
		unsigned depth = 0;
		int left = (int)d->shift;

		if (!word_is_node(word))
			continue;
		nodes++;
		stack[0].e = word_node(word);
		stack[0].end = stack[0].e + word_count(word, left);
		for (;;) {
			const struct entry *e = stack[depth].e;

			if (e == stack[depth].end) {
				if (depth-- == 0)
					break;
				left += NODE_CHUNK_BITS;
				continue;
			}
			stack[depth].e++;
			if (!entry_is_child(e) || depth == NODE_LEVELS)
				continue;
			nodes++;
			depth++;
			left -= NODE_CHUNK_BITS;
			stack[depth].e = word_node(e->value);
			stack[depth].end = stack[depth].e + word_count(e->value, left);
		}
	}
	return nodes;
}

/* check_slots - a directory; to: the one it is moved to, or NULL; from: the one it comes from, or NULL. */
static bool
check_slots(struct checker *c, const struct directory *d, const struct directory *to,
    const struct directory *from)
{
	for (size_t i = 0; i < (size_t)1 << d->bits; i++) {
		uint64_t word = atomic_load_explicit(&d->slots[i].word, memory_order_relaxed);
		bool counts = true;

		if (to == NULL && (word == WORD_MOVED || (word & WORD_FROZEN) != 0))
			return FAIL(c, "slot %zu: %#" PRIx64 " without a next directory", i, word);
		if (from == NULL && word == WORD_UNINIT)
			return FAIL(c, "slot %zu: not initialised", i);
		if (from != NULL) {
			/* The keys of a slot count here once all its sources are MOVED;
			 * one of two is a state that only a running move leaves. */
			unsigned sources = from->bits > d->bits ? 2 : 1, moved = 0;
			size_t first = from->bits > d->bits ? i * 2 : i / 2;

			for (unsigned s = 0; s < sources; s++)
				moved += atomic_load_explicit(&from->slots[first + s].word,
				             memory_order_relaxed) == WORD_MOVED;
			if (moved > 0 && word == WORD_UNINIT)
				return FAIL(c, "slot %zu: its source is MOVED, it has no word", i);
			if (moved != 0 && moved != sources)
				return FAIL(c, "slot %zu: one of two sources is MOVED: the map is in use", i);
			counts = moved == sources;
			if (counts && (word == WORD_MOVED || (word & WORD_FROZEN) != 0))
				return FAIL(c, "slot %zu: %#" PRIx64 " in the directory of the future", i, word);
		}
		if (word == WORD_MOVED || word == WORD_UNINIT)
			continue;
		if (!word_is_node(word)) {
			if ((word & ~WORD_FROZEN) != WORD_EMPTY)
				return FAIL(c, "slot %zu: no such word: %#" PRIx64, i, word);
			c->shape->empty += counts;
			continue;
		}
		if (!check_tree(c, d, i, word & ~WORD_FROZEN, counts))
			return false;
	}
	c->shape->bytes += d->bytes;
	return true;
}

bool
hamt_check(struct hamt *h, struct hamt_shape *shape, char *error, size_t error_size)
{
	const struct hamt_allocator *a = h->map->node.allocator;
	struct checker c = { .map = h->map, .shape = shape, .error = error, .error_size = error_size };
	/* relaxed, all: the map is quiescent. */
	const struct directory *d = atomic_load_explicit(&h->map->directory, memory_order_relaxed);
	const struct directory *to = atomic_load_explicit(&d->next, memory_order_relaxed);
	bool sound;

	*shape = (struct hamt_shape){ .bits = d->bits, .resizing = to != NULL };
	if (to != NULL && atomic_load_explicit(&to->next, memory_order_relaxed) != NULL)
		return FAIL(&c, "there are three directories");
	if (to != NULL && to->bits != d->bits + 1 && to->bits + 1 != d->bits)
		return FAIL(&c, "a directory of %u bits is moved to one of %u", d->bits, to->bits);
	shape->nodes = count_nodes(d) + (to != NULL ? count_nodes(to) : 0);
	for (c.seen_size = 64; c.seen_size / 2 < shape->nodes;)
		c.seen_size *= 2;
	c.seen = allocator_alloc(a, c.seen_size * sizeof(c.seen[0]));
	if (c.seen == NULL)
		return FAIL(&c, "no memory to check %" PRIu64 " nodes", shape->nodes);
	memset(c.seen, 0, c.seen_size * sizeof(c.seen[0]));
	sound = check_slots(&c, d, to, NULL) && (to == NULL || check_slots(&c, to, NULL, d));
	allocator_free(a, c.seen, c.seen_size * sizeof(c.seen[0]));
	if (!sound)
		return false;
	shape->keys = c.entries;
	if (shape->keys != hamt_count(h))
		return FAIL(&c, "%" PRIu64 " keys, but %" PRIu64 " were counted", shape->keys, hamt_count(h));
	return true;
}
