/*
 * node.h - slot words and packed nodes: what lies below one slot of the
 * directory. Pure functions over immutable memory; no atomics, no threads.
 *
 *	word   bitmap[63:48] | node address[47:4] | frozen[3] | extra[2:0]
 *	       bitmap == 0: no node; WORD_UNINIT, WORD_EMPTY, WORD_MOVED
 *	entry  { sub[63] | hash[62:0],  value }
 *	       sub 0  DATA   value is the user's (or the address of a leaf)
 *	       sub 1  CHILD  hash is the prefix that all keys below share, then
 *	                     zeroes; value is the word of the next level
 *	node   entries in the order of their hashes, no header
 *
 * (Map, Base) pairs: Bagwell 2001, Ideal Hash Trees, section 3. Data and
 * children beside each other, without a cell for each: Steindorfer, Vinju
 * 2015, Optimizing Hash-Array Mapped Tries (CHAMP).
 *
 * A level looks at four bits of the hash, the chunk. left is the number of
 * hash bits that the levels above have not looked at, the chunk included; the
 * last level may have fewer than four. Where left <= 0 only keys of equal hash
 * are left: the collision node, whose word holds a plain count instead of a
 * bitmap.
 *
 * Bit 63 of a hash is implied by the slot's index: a directory has at least
 * two slots.
 *
 *	count = popcount(bitmap) + extra
 * extra is how many entries beyond one for each chunk stay inline, at most
 * the inline limit. So the entries of a chunk lie in [rank, rank + extra],
 * rank = popcount(bitmap below the chunk). A chunk that would exceed the limit
 * is pushed into a CHILD, which is alone in its chunk.
 */
#ifndef CORE_NODE_H
#define CORE_NODE_H

#include "core/base.h"
#include "core/reclaim_record.h"

#define WORD_UNINIT UINT64_C(0) /* not moved here yet; never seen by an operation */
#define WORD_EMPTY UINT64_C(1)
#define WORD_MOVED UINT64_C(2)  /* look in the next directory */
#define WORD_FROZEN UINT64_C(8) /* may be added to a node and to WORD_EMPTY: being moved */
#define WORD_EXTRA UINT64_C(7)
#define WORD_BITMAP_SHIFT 48

#define ENTRY_SUB (UINT64_C(1) << 63)

#define NODE_CHUNK_BITS 4
#define NODE_CHUNKS 16
#define NODE_INLINE_MAX 7
/* The most entries of a node that is no collision node. */
#define NODE_ENTRIES_MAX (NODE_CHUNKS + NODE_INLINE_MAX)
#define NODE_COLLISIONS_MAX 65535
/* Levels below a slot of a directory of two: 63, 59 ... 3 bits left, then the collision node. */
#define NODE_LEVELS 17

struct entry {
	uint64_t key, value;
};

struct node_config {
	const struct hamt_allocator *allocator;
	unsigned inline_limit;         /* 0 to NODE_INLINE_MAX; 0 is a strict CHAMP */
	struct reclaim_record *record; /* whose nodes they are; NULL: nobody's, for freeing a whole map */
};

/*
 * An address fills bits 47 to 4 of a word: true of user space everywhere, for
 * memory aligned to 16 bytes. 32-bit addresses lie in bits 47 to 16 and need
 * no alignment, which their malloc() does not always give.
 */
#if UINTPTR_MAX == UINT32_MAX
#define WORD_ADDRESS UINT64_C(0x0000ffffffff0000)
#define WORD_ADDRESS_SHIFT 16
#else
#define WORD_ADDRESS UINT64_C(0x0000fffffffffff0)
#define WORD_ADDRESS_SHIFT 0
#endif

static inline bool
word_is_node(uint64_t word)
{
	return word >> WORD_BITMAP_SHIFT != 0;
}

static inline unsigned
word_bitmap(uint64_t word)
{
	return (unsigned)(word >> WORD_BITMAP_SHIFT);
}

static inline unsigned
word_extra(uint64_t word)
{
	return (unsigned)(word & WORD_EXTRA);
}

static inline struct entry *
word_node(uint64_t word)
{
	return (struct entry *)(uintptr_t)((word & WORD_ADDRESS) >> WORD_ADDRESS_SHIFT);
}

/* word_count - entries of the node. */
static inline unsigned
word_count(uint64_t word, int left)
{
	return LIKELY(left > 0) ? (unsigned)__builtin_popcount(word_bitmap(word)) + word_extra(word) :
	                          word_bitmap(word);
}

static inline size_t
word_bytes(uint64_t word, int left)
{
	return word_count(word, left) * sizeof(struct entry);
}

/* node_prefetch - the lines of a node, which may be two; word may be any. */
static inline void
node_prefetch(uint64_t word, int left)
{
	uintptr_t node = (uintptr_t)word_node(word);

	__builtin_prefetch((const void *)node);
	__builtin_prefetch((const void *)(node + word_bytes(word, left) - 1));
}

/* word_make - Misuse: an address that does not fit aborts and names the allocator's rule. */
static inline uint64_t
word_make(const struct entry *node, unsigned bitmap, unsigned extra)
{
	uint64_t address = (uint64_t)(uintptr_t)node << WORD_ADDRESS_SHIFT;

	misuse_if((address & ~WORD_ADDRESS) != 0,
	    "struct hamt_allocator: alloc must return memory aligned to 16 bytes and below 2^48");
	return (uint64_t)bitmap << WORD_BITMAP_SHIFT | address | extra;
}

static inline bool
entry_is_child(const struct entry *e)
{
	return (e->key & ENTRY_SUB) != 0;
}

/* entry_hash - the hash, or the prefix and zeroes, without bit 63. */
static inline uint64_t
entry_hash(const struct entry *e)
{
	return e->key & ~ENTRY_SUB;
}

/* node_chunk - the bits of the hash that this level looks at; left > 0. */
static inline unsigned
node_chunk(uint64_t hash, int left)
{
	if (LIKELY(left >= NODE_CHUNK_BITS))
		return (unsigned)(hash >> (left - NODE_CHUNK_BITS)) & (NODE_CHUNKS - 1);
	return (unsigned)hash & ((1u << left) - 1);
}

/* node_child_key - the key of the CHILD entry on the path of hash; left > 0. */
static inline uint64_t
node_child_key(uint64_t hash, int left)
{
	return ENTRY_SUB | (left > NODE_CHUNK_BITS ? hash & ~UINT64_C(0) << (left - NODE_CHUNK_BITS) : hash);
}

/*
 * node_window - entries [*first, *end) may belong to the chunk of hash.
 * False: its bit is clear, there is none, and *first..*end is where extras of
 * other chunks may lie around its place.
 */
static inline bool
node_window(uint64_t word, int left, uint64_t hash, unsigned *first, unsigned *end)
{
	unsigned bit;

	if (UNLIKELY(left <= 0)) {
		*first = 0;
		*end = word_bitmap(word);
		return true;
	}
	bit = 1u << node_chunk(hash, left);
	*first = (unsigned)__builtin_popcount(word_bitmap(word) & (bit - 1));
	*end = *first + word_extra(word) + 1;
	if ((word_bitmap(word) & bit) != 0)
		return true;
	*end -= 1;
	return false;
}

/* object_new - bytes behind the scheme's header, or NULL. */
static inline void *
object_new(const struct node_config *c, size_t bytes)
{
	unsigned char *block = allocator_alloc(c->allocator, RECLAIM_HEADER + bytes);

	if (block == NULL)
		return NULL;
	reclaim_born(c->record, block + RECLAIM_HEADER);
	return block + RECLAIM_HEADER;
}

/* object_free - give back what nobody else can reach; with a record, what never was reachable. */
static inline void
object_free(const struct node_config *c, void *object, size_t bytes)
{
	reclaim_unborn(c->record, object);
	allocator_free(c->allocator, (unsigned char *)object - RECLAIM_HEADER, RECLAIM_HEADER + bytes);
}

/* node_alloc - room for count entries, or NULL. */
struct entry *node_alloc(const struct node_config *c, size_t count) MUST_USE;

/* node_free - give back one node, not what is below it. */
void node_free(const struct node_config *c, uint64_t word, int left);

/*
 * node_drop - give back a node and all nodes below it, without recursion.
 * each_data: called for the value of every DATA entry; may be NULL.
 */
void node_drop(const struct node_config *c, uint64_t word, int left,
    void (*each_data)(void *arg, uint64_t value), void *arg);

/*
 * The functions below make a new node from old ones and leave those as they
 * are. They return its word, or WORD_UNINIT when there is no memory (or more
 * than NODE_COLLISIONS_MAX keys of equal hash); then nothing was allocated.
 */

/* node_build - the tree of count >= 1 DATA entries sorted by hash, which agree in all bits above left. */
uint64_t node_build(const struct node_config *c, const struct entry *entries, size_t count, int left) MUST_USE;

/*
 * node_insert - one DATA entry more. Its chunk must hold no CHILD.
 * *pushed: the word of the CHILD that had to be made, one level down, or
 * WORD_UNINIT: for dropping it should the new node not be needed.
 */
uint64_t node_insert(const struct node_config *c, uint64_t word, const struct entry *node, int left,
    const struct entry *added, uint64_t *pushed) MUST_USE;

/*
 * node_put - entry at replaced by one of the same chunk: another value,
 * another CHILD, or the DATA that a CHILD shrank to.
 */
uint64_t node_put(const struct node_config *c, uint64_t word, const struct entry *node, int left,
    unsigned at, const struct entry *with) MUST_USE;

/* node_remove - without the DATA entry at; the node has two entries or more. */
uint64_t node_remove(const struct node_config *c, uint64_t word, const struct entry *node, int left,
    unsigned at) MUST_USE;

#endif
