/*
 * node.c - building, copying and dropping packed nodes. Every function makes
 * fresh memory and only reads the old; so a caller whose compare-and-swap
 * fails frees what he got, and nobody has seen it.
 */
#include <string.h>

#include "core/base.h"
#include "core/node.h"

struct entry *
node_alloc(const struct node_config *c, size_t count)
{
	return object_new(c, count * sizeof(struct entry));
}

void
node_free(const struct node_config *c, uint64_t word, int left)
{
	object_free(c, word_node(word), word_bytes(word, left));
}

void
node_drop(const struct node_config *c, uint64_t word, int left,
    void (*each_data)(void *arg, uint64_t value), void *arg)
{
	struct {
		uint64_t word;
		unsigned at;
	} stack[NODE_LEVELS];
	unsigned depth = 0;

	if (!word_is_node(word))
		return;
	stack[0].word = word;
	stack[0].at = 0;
	for (;;) {
		const struct entry *node = word_node(stack[depth].word);

		if (stack[depth].at == word_count(stack[depth].word, left)) {
			node_free(c, stack[depth].word, left);
			if (depth-- == 0)
				return;
			left += NODE_CHUNK_BITS;
			continue;
		}
		node += stack[depth].at++;
		if (entry_is_child(node)) {
			depth++;
			invariant(depth < NODE_LEVELS);
			left -= NODE_CHUNK_BITS;
			stack[depth].word = node->value;
			stack[depth].at = 0;
		} else if (each_data != NULL) {
			each_data(arg, node->value);
		}
	}
}

/* The entries of one chunk, while a node is being built. */
struct group {
	const struct entry *first;
	size_t count;
	uint64_t child; /* its CHILD's word; WORD_UNINIT: they stay inline */
	unsigned chunk;
};

static uint64_t
build_collisions(const struct node_config *c, const struct entry *entries, size_t count)
{
	struct entry *node = count <= NODE_COLLISIONS_MAX ? node_alloc(c, count) : NULL;

	if (node == NULL)
		return WORD_UNINIT;
	memcpy(node, entries, count * sizeof(*node));
	return word_make(node, (unsigned)count, 0);
}

uint64_t
node_build(const struct node_config *c, const struct entry *entries, size_t count, int left)
{
	struct group group[NODE_CHUNKS];
	unsigned groups = 0, bitmap = 0;
	size_t extra, at = 0;
	struct entry *node;

	invariant(count > 0);
	if (left <= 0)
		return build_collisions(c, entries, count);
	for (size_t i = 0; i < count; i++) {
		unsigned chunk = node_chunk(entry_hash(&entries[i]), left);

		if (groups == 0 || group[groups - 1].chunk != chunk) {
			invariant(groups == 0 || group[groups - 1].chunk < chunk);
			group[groups++] = (struct group){ &entries[i], 0, WORD_UNINIT, chunk };
			bitmap |= 1u << chunk;
		}
		group[groups - 1].count++;
	}
	/* The largest groups go down: the fewest CHILDs for the limit. The
	 * recursion is as deep as the hash has chunks, at most NODE_LEVELS. */
	for (extra = count - groups; extra > c->inline_limit;) {
		struct group *largest = NULL;

		for (unsigned g = 0; g < groups; g++)
			if (group[g].child == WORD_UNINIT && (largest == NULL || group[g].count > largest->count))
				largest = &group[g];
		invariant(largest != NULL && largest->count > 1);
		largest->child = node_build(c, largest->first, largest->count, left - NODE_CHUNK_BITS);
		if (largest->child == WORD_UNINIT)
			goto no_memory;
		extra -= largest->count - 1;
	}
	node = node_alloc(c, groups + extra);
	if (node == NULL)
		goto no_memory;
	for (unsigned g = 0; g < groups; g++) {
		if (group[g].child == WORD_UNINIT) {
			memcpy(&node[at], group[g].first, group[g].count * sizeof(*node));
			at += group[g].count;
		} else {
			node[at++] = (struct entry){ node_child_key(entry_hash(group[g].first), left),
				group[g].child };
		}
	}
	invariant(at == groups + extra);
	return word_make(node, bitmap, (unsigned)extra);
no_memory:
	for (unsigned g = 0; g < groups; g++)
		if (group[g].child != WORD_UNINIT)
			node_drop(c, group[g].child, left - NODE_CHUNK_BITS, NULL, NULL);
	return WORD_UNINIT;
}

/* copy_entries - entry by entry: nodes are short, and a call to memcpy costs more than they do. */
static inline void
copy_entries(struct entry *to, const struct entry *from, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		to[i] = from[i];
}

/* insert_at - a copy with *added before entry at. */
static inline struct entry *
insert_at(const struct node_config *c, const struct entry *node, unsigned count, unsigned at,
    const struct entry *added)
{
	struct entry *copy = node_alloc(c, count + 1);

	if (copy == NULL)
		return NULL;
	copy_entries(copy, node, at);
	copy[at] = *added;
	copy_entries(copy + at + 1, node + at, count - at);
	return copy;
}

/* push_down - entries [low, high), one chunk, go into a CHILD together with *added. */
static uint64_t
push_down(const struct node_config *c, uint64_t word, const struct entry *node, int left,
    unsigned low, unsigned high, const struct entry *added, uint64_t *pushed)
{
	struct entry together[NODE_INLINE_MAX + 2], *copy;
	unsigned count = word_count(word, left), at = 0, gone = high - low;

	invariant(gone >= 1 && gone <= NODE_INLINE_MAX + 1);
	for (unsigned i = low; i < high; i++) {
		if (at == i - low && entry_hash(added) < entry_hash(&node[i]))
			together[at++] = *added;
		together[at++] = node[i];
	}
	if (at == gone)
		together[at] = *added;
	*pushed = node_build(c, together, gone + 1, left - NODE_CHUNK_BITS);
	if (*pushed == WORD_UNINIT)
		return WORD_UNINIT;
	copy = node_alloc(c, count - gone + 1);
	if (copy == NULL) {
		node_drop(c, *pushed, left - NODE_CHUNK_BITS, NULL, NULL);
		*pushed = WORD_UNINIT;
		return WORD_UNINIT;
	}
	copy_entries(copy, node, low);
	copy[low] = (struct entry){ node_child_key(entry_hash(added), left), *pushed };
	copy_entries(copy + low + 1, node + high, count - high);
	return word_make(copy, word_bitmap(word), word_extra(word) - (gone - 1));
}

uint64_t
node_insert(const struct node_config *c, uint64_t word, const struct entry *node, int left,
    const struct entry *added, uint64_t *pushed)
{
	unsigned count = word_count(word, left), first, end, at;
	uint64_t hash = entry_hash(added);
	struct entry *copy;

	*pushed = WORD_UNINIT;
	if (UNLIKELY(left <= 0)) {
		copy = count < NODE_COLLISIONS_MAX ? insert_at(c, node, count, count, added) : NULL;
		return copy == NULL ? WORD_UNINIT : word_make(copy, count + 1, 0);
	}
	if (!node_window(word, left, hash, &first, &end)) {
		for (at = first; at < end && entry_hash(&node[at]) < hash; at++)
			continue;
		copy = insert_at(c, node, count, at, added);
		return copy == NULL ? WORD_UNINIT :
		    word_make(copy, word_bitmap(word) | 1u << node_chunk(hash, left), word_extra(word));
	}
	if (UNLIKELY(word_extra(word) >= c->inline_limit)) {
		unsigned chunk = node_chunk(hash, left), low, high;

		for (low = first; node_chunk(entry_hash(&node[low]), left) != chunk; low++)
			continue;
		for (high = low + 1; high < end && node_chunk(entry_hash(&node[high]), left) == chunk; high++)
			continue;
		return push_down(c, word, node, left, low, high, added, pushed);
	}
	for (at = first; at < end && (entry_hash(&node[at]) < hash || mutant(INSERT_UNSORTED)); at++)
		continue;
	copy = insert_at(c, node, count, at, added);
	return copy == NULL ? WORD_UNINIT : word_make(copy, word_bitmap(word), word_extra(word) + 1);
}

uint64_t
node_put(const struct node_config *c, uint64_t word, const struct entry *node, int left, unsigned at,
    const struct entry *with)
{
	unsigned count = word_count(word, left);
	struct entry *copy = node_alloc(c, count);

	if (copy == NULL)
		return WORD_UNINIT;
	copy_entries(copy, node, count);
	copy[at] = *with;
	return word_make(copy, word_bitmap(word), left > 0 ? word_extra(word) : 0);
}

uint64_t
node_remove(const struct node_config *c, uint64_t word, const struct entry *node, int left, unsigned at)
{
	unsigned count = word_count(word, left), chunk;
	struct entry *copy;
	bool shared;

	invariant(count >= 2 && at < count);
	copy = node_alloc(c, count - 1);
	if (copy == NULL)
		return WORD_UNINIT;
	copy_entries(copy, node, at);
	copy_entries(copy + at, node + at + 1, count - at - 1);
	if (UNLIKELY(left <= 0))
		return word_make(copy, count - 1, 0);
	chunk = node_chunk(entry_hash(&node[at]), left);
	shared = word_extra(word) != 0 &&
	    ((at > 0 && node_chunk(entry_hash(&node[at - 1]), left) == chunk) ||
	        (at + 1 < count && node_chunk(entry_hash(&node[at + 1]), left) == chunk));
	return shared ? word_make(copy, word_bitmap(word), word_extra(word) - 1) :
	                word_make(copy,
	                    word_bitmap(word) & ~((unsigned)!mutant(REMOVE_KEEPS_BIT) << chunk), word_extra(word));
}
