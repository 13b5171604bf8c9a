/*
 * update.h - finding and changing an entry, for both kinds of map. Internal to
 * the hamt.
 *
 * A map of 64-bit keys has its values in the entries, and the hash is the key.
 * A map of byte strings has the addresses of leaves there, and keys of equal
 * hash are told apart by what their leaves hold. A leaf is retired by the
 * winner of the CAS that took its entry out of a slot, and protected against
 * the slot word, like a node.
 */
#ifndef CORE_UPDATE_H
#define CORE_UPDATE_H

#include <string.h>

#include "core/base.h"
#include "core/directory.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Immutable. data: the key, then the value. */
struct leaf {
	uint64_t hash;
	uint32_t key_bytes, value_bytes;
	unsigned char data[];
};

struct leaf_key {
	const void *data;
	uint32_t bytes;
	unsigned hazard; /* HAZARD_LEAF, or a guard's */
};

static inline struct leaf *
leaf_at(uint64_t value)
{
	return (struct leaf *)(uintptr_t)value;
}

static inline size_t
leaf_bytes(const struct leaf *leaf)
{
	return sizeof(*leaf) + leaf->key_bytes + leaf->value_bytes;
}

enum found { FOUND, NOT_FOUND, CHANGED };

/* The nodes from the slot down to where a key is, or would be. */
struct path {
	unsigned depth;                      /* steps in use */
	int left;                            /* of the last step */
	struct step {
		uint64_t word;
		const struct entry *node;    /* protected, or a copy */
		unsigned at;                 /* FOUND: the entry; above the last step: the CHILD */
	} step[NODE_LEVELS];
	/* The nodes between the first and the last, whose hazard has moved on. */
	struct entry copy[NODE_LEVELS][NODE_ENTRIES_MAX];
};

/*
 * search - follow hash from the word that slot holds, as far as there are
 * nodes. word must be a node. key: NULL where the hash is the key; else what
 * the leaf must hold, and where to announce it: after FOUND that leaf is
 * protected. CHANGED: the slot holds something else.
 */
static ALWAYS_INLINE enum found
search(struct hamt *h, const struct slot *slot, uint64_t word, int left, uint64_t hash,
    const struct leaf_key *key, struct path *p)
{
	uint64_t wanted = hash & ~ENTRY_SUB;
	uint64_t root = word;
	struct step *step = p->step;

	step->word = word & ~WORD_FROZEN;
	step->node = word_node(word);
	p->depth = 1;
	p->left = left;
	publish(h, HAZARD_ROOT, step->node);
	if (!holds(slot, root) || !reclaim_confirm(h->record, HAZARD_ROOT))
		return CHANGED;
	for (;;) {
		unsigned first, end, at;
		uint64_t child;

		if (!node_window(step->word, left, hash, &first, &end))
			return NOT_FOUND;
		for (at = first; at < end; at++) {
			if (step->node[at].key != wanted)
				continue;
			if (key != NULL) {
				const struct leaf *leaf = leaf_at(step->node[at].value);

				publish(h, key->hazard, leaf);
				/* Protected like a node. */
				if (!holds(slot, root))
					return CHANGED;
				if (leaf->key_bytes != key->bytes || memcmp(leaf->data, key->data, key->bytes) != 0)
					continue;
			}
			step->at = at;
			return FOUND;
		}
		if (UNLIKELY(left <= 0))
			return NOT_FOUND;
		child = node_child_key(hash, left);
		for (at = first; at < end && step->node[at].key != child; at++)
			continue;
		if (LIKELY(at == end))
			return NOT_FOUND;
		step->at = at;
		child = step->node[at].value;
		if (p->depth > 1) {
			memcpy(p->copy[p->depth - 1], step->node, word_bytes(step->word, left));
			step->node = p->copy[p->depth - 1];
		}
		step++;
		step->word = child;
		step->node = word_node(child);
		publish(h, mutant(DESCENT_OVER_ROOT) ? HAZARD_ROOT : HAZARD_DESCENT, step->node);
		/* Protected against the slot that the root was. */
		if (!holds(slot, root))
			return CHANGED;
		p->depth++;
		left -= NODE_CHUNK_BITS;
		p->left = left;
		invariant(p->depth <= NODE_LEVELS);
	}
}

/* Two entries of a root node, of which one is that of a hash, if it is there; most often both are the same entry. */
struct candidates {
	const struct slot *slot;
	uint64_t word;             /* of the slot */
	const struct entry *e, *f; /* protected by HAZARD_ROOT; their keys are no CHILD's */
	uint64_t present;          /* all ones; 0: it is not there, and e and f are any entries */
};

/*
 * candidates - No branch depends on whether the key is there: a processor that
 * need not guess goes on to the next lookup while this one waits for memory.
 * A clear bit turns the word into that of a node of zeroes. Nor does a branch
 * depend on where the key is, as long as the window has no more than two
 * entries.
 * Returns   false: a resize, a CHILD or a longer window is in the way, all of
 *           them rare; search() knows its way.
 */
static ALWAYS_INLINE bool
candidates(struct hamt *h, uint64_t hash, struct candidates *c)
{
	unsigned shift = h->shift;
	const struct slot *slot = &h->slots[hash >> shift];
	/* acquire: pairs with the CAS that published the node. */
	uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);
	unsigned chunk = (unsigned)(hash >> (shift - NODE_CHUNK_BITS)) & (NODE_CHUNKS - 1);
	uint64_t present = -(word >> (WORD_BITMAP_SHIFT + chunk) & 1);
	uint64_t seen = h->nothing ^ ((h->nothing ^ word) & present);
	const struct entry *node = word_node(seen), *e, *f;
	unsigned extra = word_extra(seen);

	if (UNLIKELY(word == WORD_MOVED))
		return false;
	publish(h, HAZARD_ROOT, node);
	/* As holds(), but frozen meanwhile is left to search(), too.
	 * seq_cst: HP(2), pairs with the CAS that unlinks nodes, HP(3). */
	if ((UNLIKELY(atomic_load_explicit(&slot->word, memory_order_seq_cst) != word) &&
	        !mutant(LOOKUP_NOT_VALIDATED)) ||
	    !reclaim_confirm(h->record, HAZARD_ROOT))
		return false;
	e = node + __builtin_popcount(word_bitmap(seen) & ((1u << chunk) - 1));
	if (UNLIKELY(extra > 1))
		return false;
	f = e + extra;
	*c = (struct candidates){ slot, word, e, f, present };
	return LIKELY((e->key | f->key) < ENTRY_SUB);
}

/* candidates_prefetch - load the line that candidates() will read. A prefetch reads nothing, so it needs no protection. */
static ALWAYS_INLINE void
candidates_prefetch(const struct hamt *h, uint64_t hash)
{
	/* relaxed: a hint; whoever reads the node loads the word again. */
	uint64_t word = atomic_load_explicit(&h->slots[hash >> h->shift].word, memory_order_relaxed);
	unsigned chunk = (unsigned)(hash >> (h->shift - NODE_CHUNK_BITS)) & (NODE_CHUNKS - 1);

	__builtin_prefetch((const void *)((uintptr_t)word_node(word) + sizeof(struct entry) *
	    (unsigned)__builtin_popcount(word_bitmap(word) & ((1u << chunk) - 1))));
}

static ALWAYS_INLINE void
slot_prefetch(const struct hamt *h, uint64_t hash)
{
	__builtin_prefetch(&h->slots[hash >> h->shift]);
}

/* What an update wants, and what became of it. */
struct change {
	enum { INSERT, UPSERT, REPLACE, REMOVE, REMOVE_IF, COMPUTE } kind;
	uint64_t value;    /* to put */
	uint64_t expected; /* REPLACE, REMOVE_IF */
	uint64_t old;      /* the value it had, if it was present */
	const struct leaf_key *key; /* NULL where the hash is the key; else kind is COMPUTE and values are leaves */
	hamt_decide_fn *decide;
	void *arg;
	enum hamt_status status; /* if the decision stands */
};

/*
 * hamt_update - insert, upsert, replace, remove, remove_if and compute: one
 * routine, several decisions.
 */
enum hamt_status hamt_update(struct hamt *h, uint64_t hash, struct change *c);

/* after_slot - the first hash of the next slot; false: that was the last. */
static inline bool
after_slot(uint64_t *hash, unsigned shift)
{
	*hash = ((*hash >> shift) + 1) << shift;
	return *hash != 0;
}

#endif
