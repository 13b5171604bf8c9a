/*
 * seed_hamt.c - the seed's trie: mutable cells over immutable nodes, every
 * change one compare-and-swap on one cell.
 *
 *	root cell            always holds a map, possibly an empty one
 *	   |
 *	  MAP  { bitmap 0..1..0..1..1, cells[popcount(bitmap)] }
 *	             |       |       |
 *	           cell    cell    cell       { word = node address | FROZEN }
 *	             |       |       |
 *	           LEAF     MAP   COLLISION   { count, leaves[count] }
 *	   { hash, ops,      |
 *	     key, value }   ...
 *
 * A level takes five bits of the hash. Twelve levels use up 60 bits; then the
 * key is hashed again with the round as seed, four rounds in all. Keys that
 * agree in all 240 bits share a COLLISION at the first level at which they
 * are alone, so no chain of maps leads to it. Nodes never change; a map's
 * copies share its cells, so that an update inside a cell cannot be lost by a
 * copy of the map around it. A cell dies when its word becomes a tomb
 * (DELETED: there was a leaf, or a map with nothing left) or FROZEN (its value
 * is on the way up into the cell of the map around it).
 *
 * What always holds
 *   I1  A dead cell never changes again.
 *   I2  A cell leaves the trie (its map is replaced by one without it, or by no
 *       map) only when dead. So: a cell whose word is a plain node was in
 *       the trie when that word was read, at the end of its prefix, and every
 *       cell above it held a map.
 *   I3  A map is put into one cell, once, when it is new, and never comes back.
 *       It is retired by whoever replaces it there.
 *   I4  A leaf or collision is at every moment the value of exactly one
 *       cell: a plain one, or a frozen one whose map is still in place.
 *       It may move: down, by reference, when another key meets its prefix; up,
 *       when it is promoted. It is retired by whoever replaces it in a plain
 *       cell (or leaves it out of a collision there), never while frozen.
 *   I5  A map other than the root's has two cells or more, or one that holds
 *       a map; else somebody is still tidying up.
 *   I6  Whoever wins a CAS, and nobody else, retires what it took out of the
 *       trie. Private copies that lost their CAS are freed at once.
 *
 * Descent. P is a cell, n the map it held, c the cell of n at the key's chunk, m
 * what c holds. Each is announced (hazard.h), then a link is read again:
 *   c  again P.word == n. Then n is current, c is in the trie (I2), hence not
 *      yet retired.
 *   m, a plain node: again c.word == m. Then c is in the trie and m is its
 *      current value, hence not yet retired (I3, I4).
 *   m, frozen: c.word never changes any more (I1), so reading it again proves
 *      nothing: m may have been promoted, removed and freed since. But the
 *      promotion replaces n in P, and maps do not come back (I3), so again
 *      P.word == n, read after m was announced, proves that it has not happened.
 *   leaf of a collision: again the link that made the collision valid.
 * P and n of the next level are c and m of this one: two pairs of slots take
 * turns. A failed check means that another thread's CAS went through; the
 * descent starts over at the root. Descents never write to the trie.
 *
 * Linearization points
 *   bit clear in n         the check of P.word == n when n was announced: n was
 *                          current, and a key of this prefix would be in n
 *   leaf found or another  the last check above: for a plain cell, it holds all
 *   key's leaf found       keys of its prefix; for a frozen one, so did n
 *   tomb in c              c was in the trie at the check of P.word == n. If c
 *                          was dead by then, nothing could be under its prefix at
 *                          that moment. If it died between the check and the
 *                          reading of its word, it was in the trie when it died (I2),
 *                          and just after that CAS nothing was under its prefix.
 *                          The later of the two lies inside the operation
 *   insert, upsert, remove the CAS that went through: on P.word (a new cell), or
 *                          on c.word
 * A CAS on c.word from leaf v may succeed although v was away meanwhile (moved
 * down with another key, promoted back). v is announced, so its address is no
 * other node's; and c holds v, plain, so v is now the only key of c's prefix and
 * c is in the trie: all that the update relies on. The same goes for
 * collisions. In P.word, maps do not come back.
 *
 * Removal and tidying. remove turns c.word from the leaf into DELETED_VAL; that is
 * the removal. tidy() then walks down the key's path until nothing is left to do:
 *   c dead, n has other cells (or P is the root): replace n by a copy without
 *     c; or, for a frozen c, with a fresh cell holding the value.
 *   c dead and the only cell: P.word becomes DELETED_MAP, or the frozen value
 *     (promotion). Neither needs memory.
 *   c holds a leaf or collision and is the only cell: freeze it, then as above.
 * Pulling a live cell up by reference instead, as the seed did, loses keys: an
 * insert may turn that cell into a map of the deeper level meanwhile. Frozen, it
 * can only fail and come back through the path.
 *   Nothing is left behind by a crossing: I5 breaks for P and its cell c when (a) P's map
 * becomes single-celled and (b) c becomes dead or a leaf's. Handshake D below:
 * the later of the two CASes belongs to a thread that walks over P and c afterwards
 * and sees both. A freeze is such a CAS too; as c need not lie on the path of the key (its
 * sibling was the one removed), the walk that froze it bends its path to c's chunk.
 *   Memory: a step that finds none leaves the rest behind, dead but readable. Any later update
 * whose path meets it tidies up, or reports HAMT_NOMEM if it cannot do without.
 *
 * Ordering. All words are swung by seq_cst CAS (1, swing()) and read by seq_cst
 * loads (2, word_load()); a relaxed load is only ever a guess that (2) confirms.
 *   PUB  a node's contents, plain stores -> (1) | (2) -> plain loads.
 *        Release and acquire would do.
 *   HP   announce, (2) | (1), read the announcements: hazard.h. (2) is the re-read
 *        named under Descent, (1) the CAS that unlinks: for a frozen value the
 *        promotion, which precedes the CAS that removes it later.
 *   D    (1) on P.word, (2) of c.word | (1) on c.word, (2) of P.word.
 *        At least one thread sees the other's CAS: this is store buffering,
 *        and needs all four in one order.
 *   H    handles: see seed_hamt_drop().
 *
 * Progress. Lock-free. A restart means another thread's CAS went through. An
 * update's CAS completes an operation. Steps of tidying are paid for by
 * completed operations: a removal makes one tomb; each step takes one cell or
 * map out of the trie, or freezes a cell, which the next step takes out; a freeze that did
 * not end in a promotion was crossed by an insert into that map. A thread that
 * stops amid tidying blocks nobody: readers read tombs and frozen values, updates
 * finish the step themselves. Depth is at most 48 maps.
 *
 * Sources: Bagwell 2001, Ideal Hash Trees (bitmap and popcount, re-hashing when
 * the bits are used up). Prokopec, Bronson, Bagwell, Odersky 2012, Concurrent Tries
 * with Efficient Non-Blocking Snapshots (tombs, contraction after a removal). Michael
 * 2004, Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects.
 */
#include "core/base.h"
#include "core/seed_hamt.h"

#include <stdalign.h>
#include <string.h>

#include "core/hash.h"
#include "core/reclaim_record.h"

enum {
	CHUNK_BITS = 5,
	LEVELS_PER_ROUND = 60 / CHUNK_BITS,
	ROUNDS = 4,
	LEVELS = ROUNDS * LEVELS_PER_ROUND,
};

/* Announcements: cell and node, twice, for two levels in turn; a collision's leaf. */
enum { SLOT_LEAF = 4, SLOTS = 5 };
#define SLOT_CELL(turn) (2 * (turn))
#define SLOT_NODE(turn) (2 * (turn) + 1)

enum node_kind { NODE_TOMB, NODE_LEAF, NODE_MAP, NODE_COLLISION };

struct node {
	uint32_t kind;
	uint32_t count; /* collision: leaves */
};

/* The key and the value lie behind it, see struct layout. */
struct leaf {
	struct node node;
	uint64_t hash;                   /* of round 0 */
	const struct seed_hamt_ops *ops; /* for the destructor, which may outlive the map */
};

struct cell {
	_Atomic(uintptr_t) word;
};

struct map {
	struct node node;
	uint32_t bitmap;
	struct cell *cells[]; /* by chunk */
};

struct collision {
	struct node node;
	struct leaf *leaves[]; /* in no order */
};

/* The tombs: one of each for all maps, never retired. */
static const struct node deleted_val = { .kind = NODE_TOMB };
static const struct node deleted_map = { .kind = NODE_TOMB };

/* Bit 0 of a word is free, since nodes are aligned. */
#define FROZEN ((uintptr_t)1)

/* Where the parts of a leaf lie. */
struct layout {
	size_t key, value, bytes;
};

/* What the handles share. */
struct shared {
	const struct seed_hamt_ops *ops;
	struct layout layout;
	uint64_t seeds[ROUNDS];
	struct reclaim_domain *domain;
	const struct hamt_allocator *allocator; /* the domain's */
	struct contention_domain contention;
	/* Written often by all; read often is what stands above. */
	char apart[CACHE_LINE_BYTES];
	_Atomic(uint64_t) handles;
	char apart_too[CACHE_LINE_BYTES];
	struct cell root;
	char apart_at_last[CACHE_LINE_BYTES];
};

struct seed_hamt {
	struct shared *shared;
	struct reclaim_record *record;
	struct contention contention;
	bool held; /* between seed_hamt_hold() and seed_hamt_release() */
	/* The next block of the allocator may be another thread's handle. */
	char apart[CACHE_LINE_BYTES];
};

/* --- Words and nodes -------------------------------------------------- */

static inline uintptr_t
word_of(const void *node)
{
	return (uintptr_t)node;
}

static inline bool
word_frozen(uintptr_t word)
{
	return word & FROZEN;
}

static inline struct node *
word_node(uintptr_t word)
{
	return (struct node *)(word & ~FROZEN);
}

/* (2) of PUB, HP and D: seq_cst, pairs with swing(). */
static inline uintptr_t
word_load(struct cell *cell)
{
	return atomic_load_explicit(&cell->word, memory_order_seq_cst);
}

static inline struct leaf *
node_leaf(struct node *node)
{
	invariant(node->kind == NODE_LEAF);
	return (struct leaf *)node;
}

static inline struct map *
node_map(struct node *node)
{
	invariant(node->kind == NODE_MAP);
	return (struct map *)node;
}

static inline struct collision *
node_collision(struct node *node)
{
	invariant(node->kind == NODE_COLLISION);
	return (struct collision *)node;
}

static inline unsigned
map_count(const struct map *map)
{
	return (unsigned)__builtin_popcount(map->bitmap);
}

/* map_rank - where the cell of chunk stands, or would stand. */
static inline unsigned
map_rank(const struct map *map, unsigned chunk)
{
	return (unsigned)__builtin_popcount(map->bitmap & ((UINT32_C(1) << chunk) - 1));
}

static inline bool
map_has(const struct map *map, unsigned chunk)
{
	return map->bitmap >> chunk & 1;
}

static size_t
map_bytes(unsigned count)
{
	return offsetof(struct map, cells) + count * sizeof(struct cell *);
}

static size_t
collision_bytes(unsigned count)
{
	return offsetof(struct collision, leaves) + count * sizeof(struct leaf *);
}

/* No C type of that size needs a stricter alignment: its size is a multiple of it. */
static size_t
alignment_of(size_t bytes)
{
	size_t lowest_bit = bytes & (~bytes + 1);

	return bytes == 0 ? 1 : lowest_bit < alignof(max_align_t) ? lowest_bit : alignof(max_align_t);
}

static size_t
round_up(size_t at, size_t alignment)
{
	return (at + alignment - 1) / alignment * alignment;
}

static struct layout
layout_of(const struct seed_hamt_ops *ops)
{
	struct layout l;

	l.key = round_up(sizeof(struct leaf), alignment_of(ops->key_bytes));
	l.value = round_up(l.key + ops->key_bytes, alignment_of(ops->value_bytes));
	l.bytes = l.value + ops->value_bytes;
	return l;
}

static inline void *
leaf_key(const struct shared *s, struct leaf *leaf)
{
	return (char *)leaf + s->layout.key;
}

static inline void *
leaf_value(const struct shared *s, struct leaf *leaf)
{
	return (char *)leaf + s->layout.value;
}

/* --- Making and freeing: private memory ------------------------------- */

static bool
copy_key(const struct seed_hamt_ops *ops, void *to, const void *from)
{
	if (ops->key_copy != NULL)
		return ops->key_copy(to, from);
	memcpy(to, from, ops->key_bytes);
	return true;
}

static bool
copy_value(const struct seed_hamt_ops *ops, void *to, const void *from)
{
	if (ops->value_copy != NULL)
		return ops->value_copy(to, from);
	if (ops->value_bytes > 0)
		memcpy(to, from, ops->value_bytes);
	return true;
}

static void
drop_value(const struct seed_hamt_ops *ops, void *value)
{
	if (ops->value_drop != NULL)
		ops->value_drop(value);
}

/* Destructors of retired nodes: state is the domain's allocator. */
static void
destroy_block(void *block, size_t bytes, void *state)
{
	allocator_free(state, (char *)block - RECLAIM_HEADER, RECLAIM_HEADER + bytes);
}

static void
destroy_leaf(void *object, size_t bytes, void *state)
{
	struct leaf *leaf = object;
	struct layout layout = layout_of(leaf->ops);

	drop_value(leaf->ops, (char *)leaf + layout.value);
	if (leaf->ops->key_drop != NULL)
		leaf->ops->key_drop((char *)leaf + layout.key);
	destroy_block(leaf, bytes, state);
}

/* take - a block for a node, behind the scheme's header; r: whose, NULL for nobody's. */
static void *
take(const struct shared *s, struct reclaim_record *r, size_t bytes)
{
	char *block = allocator_alloc(s->allocator, RECLAIM_HEADER + bytes);

	if (block == NULL)
		return NULL;
	reclaim_born(r, block + RECLAIM_HEADER);
	return block + RECLAIM_HEADER;
}

/* give - give back what nobody else can reach. r: its owner, if it never was reachable. NULL is allowed. */
static void
give(const struct shared *s, struct reclaim_record *r, void *block, size_t bytes)
{
	if (block == NULL)
		return;
	reclaim_unborn(r, block);
	destroy_block(block, bytes, (void *)(uintptr_t)s->allocator);
}

static void *
allocator_state(const struct shared *s)
{
	return (void *)(uintptr_t)s->allocator;
}

static void
leaf_free(const struct shared *s, struct reclaim_record *r, struct leaf *leaf)
{
	reclaim_unborn(r, leaf);
	destroy_leaf(leaf, s->layout.bytes, allocator_state(s));
}

static struct leaf *
leaf_new(const struct shared *s, struct reclaim_record *r, const void *key, uint64_t hash, const void *value)
{
	struct leaf *leaf = take(s, r, s->layout.bytes);

	if (leaf == NULL)
		return NULL;
	leaf->node = (struct node){ .kind = NODE_LEAF };
	leaf->hash = hash;
	leaf->ops = s->ops;
	if (!copy_key(s->ops, leaf_key(s, leaf), key)) {
		give(s, r, leaf, s->layout.bytes);
		return NULL;
	}
	if (!copy_value(s->ops, leaf_value(s, leaf), value)) {
		if (s->ops->key_drop != NULL)
			s->ops->key_drop(leaf_key(s, leaf));
		give(s, r, leaf, s->layout.bytes);
		return NULL;
	}
	return leaf;
}

static struct cell *
cell_new(const struct shared *s, struct reclaim_record *r, uintptr_t word)
{
	struct cell *cell = take(s, r, sizeof(*cell));

	if (cell != NULL)
		atomic_init(&cell->word, word);
	return cell;
}

/* cell_free, map_free, collision_free - NULL is allowed. */
static void
cell_free(const struct shared *s, struct reclaim_record *r, struct cell *cell)
{
	give(s, r, cell, sizeof(*cell));
}

/* map_new - the caller fills in popcount(bitmap) cells. */
static struct map *
map_new(const struct shared *s, struct reclaim_record *r, uint32_t bitmap)
{
	struct map *map = take(s, r, map_bytes((unsigned)__builtin_popcount(bitmap)));

	if (map == NULL)
		return NULL;
	map->node = (struct node){ .kind = NODE_MAP };
	map->bitmap = bitmap;
	return map;
}

static void
map_free(const struct shared *s, struct reclaim_record *r, struct map *map)
{
	if (map != NULL)
		give(s, r, map, map_bytes(map_count(map)));
}

/* map_with - a copy of map in which chunk has this cell, instead of its own if it had one. */
static struct map *
map_with(const struct shared *s, struct reclaim_record *r, const struct map *map, unsigned chunk, struct cell *cell)
{
	struct map *copy = map_new(s, r, map->bitmap | UINT32_C(1) << chunk);
	unsigned rank = map_rank(map, chunk), had = map_has(map, chunk), count = map_count(map);

	if (copy == NULL)
		return NULL;
	memcpy(copy->cells, map->cells, rank * sizeof(map->cells[0]));
	copy->cells[rank] = cell;
	memcpy(copy->cells + rank + 1, map->cells + rank + had, (count - rank - had) * sizeof(map->cells[0]));
	return copy;
}

/* map_without - a copy of map without the cell of chunk. */
static struct map *
map_without(const struct shared *s, struct reclaim_record *r, const struct map *map, unsigned chunk)
{
	struct map *copy = map_new(s, r, map->bitmap & ~(UINT32_C(1) << chunk));
	unsigned rank = map_rank(map, chunk), count = map_count(map);

	if (copy == NULL)
		return NULL;
	memcpy(copy->cells, map->cells, rank * sizeof(map->cells[0]));
	memcpy(copy->cells + rank, map->cells + rank + 1, (count - rank - 1) * sizeof(map->cells[0]));
	return copy;
}

static struct collision *
collision_new(const struct shared *s, struct reclaim_record *r, unsigned count)
{
	struct collision *collision = take(s, r, collision_bytes(count));

	if (collision != NULL)
		collision->node = (struct node){ .kind = NODE_COLLISION, .count = count };
	return collision;
}

static void
collision_free(const struct shared *s, struct reclaim_record *r, struct collision *collision)
{
	if (collision != NULL)
		give(s, r, collision, collision_bytes(collision->node.count));
}

/* --- Retiring: I6 ----------------------------------------------------- */

static void
retire_leaf(struct seed_hamt *h, struct leaf *leaf)
{
	reclaim_retire(h->record, leaf, h->shared->layout.bytes, destroy_leaf, allocator_state(h->shared));
}

static void
retire_cell(struct seed_hamt *h, struct cell *cell)
{
	reclaim_retire(h->record, cell, sizeof(*cell), destroy_block, allocator_state(h->shared));
}

static void
retire_map(struct seed_hamt *h, struct map *map)
{
	reclaim_retire(h->record, map, map_bytes(map_count(map)), destroy_block, allocator_state(h->shared));
}

static void
retire_collision(struct seed_hamt *h, struct collision *collision)
{
	reclaim_retire(h->record, collision, collision_bytes(collision->node.count), destroy_block,
	    allocator_state(h->shared));
}

/* --- Paths ------------------------------------------------------------ */

/* The way of a key from the root: its chunks, hashed as far as somebody asked. */
struct path {
	const void *key;
	uint64_t hash[ROUNDS];
	unsigned rounds;     /* hashed so far */
	unsigned bend;       /* the level at which the path leaves the key's; LEVELS: never */
	unsigned bend_chunk; /* what it has there instead */
};

static inline struct path
path_of(const struct shared *s, const void *key)
{
	struct path p;

	p.key = key;
	p.hash[0] = s->ops->hash(key, s->seeds[0]);
	p.rounds = 1;
	p.bend = LEVELS;
	p.bend_chunk = 0;
	return p;
}

static unsigned
path_chunk_slow(const struct shared *s, struct path *p, unsigned level)
{
	unsigned round = level / LEVELS_PER_ROUND;

	invariant(round < ROUNDS);
	for (; p->rounds <= round; p->rounds++)
		p->hash[p->rounds] = s->ops->hash(p->key, s->seeds[p->rounds]);
	return p->hash[round] >> level % LEVELS_PER_ROUND * CHUNK_BITS & 31;
}

/* path_chunk - the key's chunk at a level (the root's map has level 0). */
static inline unsigned
path_chunk(const struct shared *s, struct path *p, unsigned level)
{
	if (LIKELY(level < LEVELS_PER_ROUND))
		return p->hash[0] >> level * CHUNK_BITS & 31;
	return path_chunk_slow(s, p, level);
}

static inline bool
leaf_is(const struct shared *s, struct leaf *leaf, const struct path *p)
{
	return leaf->hash == p->hash[0] && s->ops->equal(leaf_key(s, leaf), p->key);
}

/* --- Descent ---------------------------------------------------------- */

/* Where a path ends. All that it names is announced. */
struct place {
	struct cell *parent; /* P: held map */
	struct map *map;     /* n */
	struct cell *cell;   /* c: held word; NULL if n has no cell for the chunk */
	uintptr_t word;      /* m: a tomb, leaf or collision, perhaps frozen */
	unsigned level;      /* of n */
	unsigned chunk;      /* of the path at that level */
};

/* protect - announce in slot what cell holds, and return its word. */
static inline uintptr_t
protect(struct reclaim_record *r, unsigned slot, struct cell *cell)
{
	/* relaxed: a guess, confirmed by word_load() before anybody follows it. */
	uintptr_t word = atomic_load_explicit(&cell->word, memory_order_relaxed), now;

	for (;; word = now) {
		reclaim_publish(r, slot, word_node(word));
		now = word_load(cell);
		if (LIKELY(now == word) && reclaim_confirm(r, slot))
			return word;
	}
}

/* unchanged - is what was found still where it was? See "Descent" above. */
static inline bool
unchanged(const struct place *at)
{
	if (UNLIKELY(word_frozen(at->word)))
		return word_load(at->parent) == word_of(at->map);
	return word_load(at->cell) == at->word;
}

static void
descend(struct seed_hamt *h, struct path *path, struct place *at)
{
	const struct shared *s = h->shared;
	struct reclaim_record *r = h->record;
	unsigned turn;

#ifdef CHECKED
	misuse_if(h->held, "seed_hamt: between seed_hamt_hold() and seed_hamt_release() the handle must not be used");
#endif
restart:
	turn = 0;
	at->parent = &h->shared->root;
	at->map = node_map(word_node(protect(r, SLOT_NODE(turn), at->parent)));
	for (at->level = 0;; at->level++) {
		at->chunk = path_chunk(s, path, at->level);
		if (!map_has(at->map, at->chunk)) {
			at->cell = NULL;
			return;
		}
		turn ^= 1;
		at->cell = at->map->cells[map_rank(at->map, at->chunk)];
		reclaim_publish(r, SLOT_CELL(turn), at->cell);
		if (UNLIKELY(word_load(at->parent) != word_of(at->map)) && !mutant(SEED_CELL_NOT_VALIDATED))
			goto restart;
		at->word = protect(r, SLOT_NODE(turn), at->cell);
		/* For a frozen word, protect() has proved nothing. */
		if (UNLIKELY(word_frozen(at->word)) && !unchanged(at))
			goto restart;
		if (word_node(at->word)->kind != NODE_MAP)
			return;
		at->parent = at->cell;
		at->map = node_map(word_node(at->word));
	}
}

enum sight {
	SEE_NOTHING, /* no cell for the chunk */
	SEE_TOMB,
	SEE_KEY,     /* the path's key: in *leaf */
	SEE_OTHER,   /* another key, or several; *leaf is one of them, and protected */
	SEE_CHANGE,  /* the place changed; descend again */
};

/* look - what stands at a place. */
static inline enum sight
look(struct seed_hamt *h, const struct path *path, const struct place *at, struct leaf **leaf)
{
	struct collision *collision;
	struct node *node;

	if (at->cell == NULL)
		return SEE_NOTHING;
	node = word_node(at->word);
	if (node->kind == NODE_TOMB)
		return SEE_TOMB;
	if (LIKELY(node->kind == NODE_LEAF)) {
		*leaf = node_leaf(node);
		return leaf_is(h->shared, *leaf, path) ? SEE_KEY : SEE_OTHER;
	}
	collision = node_collision(node);
	for (unsigned i = 0; i < collision->node.count; i++) {
		*leaf = collision->leaves[i];
		reclaim_publish(h->record, SLOT_LEAF, *leaf);
		if (!unchanged(at))
			return SEE_CHANGE;
		if (leaf_is(h->shared, *leaf, path))
			return SEE_KEY;
	}
	return SEE_OTHER;
}

/* --- Updates: one CAS each -------------------------------------------- */

/*
 * swing - the only change of a word in the trie: (1) of PUB, HP and D.
 * True: done. False: the word had changed; the wait for the next try is over.
 */
static bool
swing(struct seed_hamt *h, struct cell *cell, uintptr_t expected, uintptr_t desired)
{
	/* I1 */
	invariant(!word_frozen(expected) && word_node(expected)->kind != NODE_TOMB);
	if (mutant(SEED_SWING_NOT_ATOMIC)) {
		/* seq_cst: as the CAS below, or it would be another bug. */
		atomic_store_explicit(&cell->word, desired, memory_order_seq_cst);
		return true;
	}
	/* relaxed: only spares a CAS that is bound to fail. The CAS is seq_cst:
	 * pairs with word_load(), and with the re-reads of hazard.h. Its failure
	 * is relaxed: the word found is not followed. */
	if (atomic_load_explicit(&cell->word, memory_order_relaxed) == expected &&
	    atomic_compare_exchange_strong_explicit(&cell->word, &expected, desired, memory_order_seq_cst,
	        memory_order_relaxed)) {
		contention_succeeded(&h->contention);
		return true;
	}
	contention_failed(&h->contention);
	return false;
}

enum outcome { WON, LOST, NO_MEMORY };

/* add_cell - at a place with no cell: a new one for fresh. */
static enum outcome
add_cell(struct seed_hamt *h, const struct place *at, struct leaf *fresh)
{
	const struct shared *s = h->shared;
	struct reclaim_record *r = h->record;
	struct cell *cell = cell_new(s, r, word_of(fresh));
	struct map *map;

	if (cell == NULL)
		return NO_MEMORY;
	map = map_with(s, r, at->map, at->chunk, cell);
	if (map == NULL || !reclaim_reserve(h->record, 1)) {
		map_free(s, r, map);
		cell_free(s, r, cell);
		return NO_MEMORY;
	}
	if (swing(h, at->parent, word_of(at->map), word_of(map))) {
		retire_map(h, at->map);
		return WON;
	}
	map_free(s, r, map);
	cell_free(s, r, cell);
	return LOST;
}

/* chain_free - free maps and cells from map down, but no leaves; for maps that were never published. */
static void
chain_free(const struct shared *s, struct reclaim_record *r, struct map *map)
{
	while (map != NULL) {
		struct map *below = NULL;

		for (unsigned i = 0; i < map_count(map); i++) {
			/* relaxed: private memory. */
			struct node *node =
			    word_node(atomic_load_explicit(&map->cells[i]->word, memory_order_relaxed));

			if (node->kind == NODE_MAP)
				below = node_map(node);
			cell_free(s, r, map->cells[i]);
		}
		map_free(s, r, map);
		map = below;
	}
}

/* fork_new - a map of two cells, for two words of different chunks. */
static struct map *
fork_new(const struct shared *s, struct reclaim_record *r, unsigned chunk, uintptr_t word, unsigned other_chunk, uintptr_t other_word)
{
	struct map *map = map_new(s, r, UINT32_C(1) << chunk | UINT32_C(1) << other_chunk);
	struct cell *cell, *other;

	if (map == NULL)
		return NULL;
	cell = cell_new(s, r, word);
	other = cell_new(s, r, other_word);
	if (cell == NULL || other == NULL) {
		cell_free(s, r, cell);
		cell_free(s, r, other);
		map_free(s, r, map);
		return NULL;
	}
	map->cells[map_rank(map, chunk)] = cell;
	map->cells[map_rank(map, other_chunk)] = other;
	return map;
}

/* wrap - a map of one cell, which holds below. NULL: no memory, and below is freed. */
static struct map *
wrap(const struct shared *s, struct reclaim_record *r, unsigned chunk, struct map *below)
{
	struct map *map = map_new(s, r, UINT32_C(1) << chunk);
	struct cell *cell = cell_new(s, r, word_of(below));

	if (map != NULL && cell != NULL) {
		map->cells[0] = cell;
		return map;
	}
	map_free(s, r, map);
	cell_free(s, r, cell);
	chain_free(s, r, below);
	return NULL;
}

/*
 * join - at a place with keys that agree with fresh in all rounds: a
 * collision of them all.
 */
static enum outcome
join(struct seed_hamt *h, const struct place *at, struct leaf *fresh)
{
	const struct shared *s = h->shared;
	struct reclaim_record *r = h->record;
	struct node *node = word_node(at->word);
	struct collision *former = node->kind == NODE_COLLISION ? node_collision(node) : NULL;
	unsigned count = former != NULL ? former->node.count : 1;
	struct collision *collision = collision_new(s, r, count + 1);

	if (collision == NULL)
		return NO_MEMORY;
	if (!reclaim_reserve(h->record, 1)) {
		collision_free(s, r, collision);
		return NO_MEMORY;
	}
	if (former != NULL)
		memcpy(collision->leaves, former->leaves, count * sizeof(former->leaves[0]));
	else
		collision->leaves[0] = node_leaf(node);
	collision->leaves[count] = fresh;
	if (swing(h, at->cell, at->word, word_of(collision))) {
		if (former != NULL)
			retire_collision(h, former);
		return WON;
	}
	collision_free(s, r, collision);
	return LOST;
}

/*
 * split - at a place with other keys, of which other is one: move what is there
 * down, by reference, to the level at which fresh goes another way.
 */
static enum outcome
split(struct seed_hamt *h, struct path *path, const struct place *at, struct leaf *other, struct leaf *fresh)
{
	const struct shared *s = h->shared;
	struct reclaim_record *r = h->record;
	struct path other_path = path_of(s, leaf_key(s, other));
	unsigned level = at->level + 1;
	struct map *top;

	while (level < LEVELS && path_chunk(s, path, level) == path_chunk(s, &other_path, level))
		level++;
	if (level == LEVELS)
		return join(h, at, fresh);
	top = fork_new(s, r, path_chunk(s, path, level), word_of(fresh), path_chunk(s, &other_path, level),
	    at->word);
	while (top != NULL && --level > at->level)
		top = wrap(s, r, path_chunk(s, path, level), top);
	if (top == NULL)
		return NO_MEMORY;
	/* Nothing to retire: what was there is still in the trie. */
	if (swing(h, at->cell, at->word, word_of(top)))
		return WON;
	chain_free(s, r, top);
	return LOST;
}

/*
 * exchange - at a place with the path's key, in leaf: put fresh in its place.
 * fresh NULL: take it out; a collision of two then becomes the other's leaf, a
 * leaf a tomb. The value of leaf is copied to *old unless old is NULL.
 */
static enum outcome
exchange(struct seed_hamt *h, const struct place *at, struct leaf *leaf, struct leaf *fresh, void *old)
{
	const struct shared *s = h->shared;
	struct reclaim_record *r = h->record;
	struct node *node = word_node(at->word);
	struct collision *former = node->kind == NODE_COLLISION ? node_collision(node) : NULL;
	struct collision *collision = NULL;
	uintptr_t desired = fresh != NULL ? word_of(fresh) : word_of(&deleted_val);
	enum outcome outcome = NO_MEMORY;

	if (former != NULL && (fresh != NULL || former->node.count > 2)) {
		unsigned n = 0;

		collision = collision_new(s, r, former->node.count - (fresh == NULL));
		if (collision == NULL)
			return NO_MEMORY;
		for (unsigned i = 0; i < former->node.count; i++)
			if (former->leaves[i] != leaf)
				collision->leaves[n++] = former->leaves[i];
		if (fresh != NULL)
			collision->leaves[n++] = fresh;
		invariant(n == collision->node.count);
		desired = word_of(collision);
	} else if (former != NULL) {
		desired = word_of(former->leaves[former->leaves[0] == leaf]);
	}
	if (!reclaim_reserve(h->record, 2))
		goto undo;
	/* Before the CAS: afterwards it must not fail any more. */
	if (old != NULL && !copy_value(s->ops, old, leaf_value(s, leaf)))
		goto undo;
	if (swing(h, at->cell, at->word, desired)) {
		if (former != NULL)
			retire_collision(h, former);
		if (!mutant(SEED_LEAF_NOT_RETIRED))
			retire_leaf(h, leaf);
		return WON;
	}
	if (old != NULL)
		drop_value(s->ops, old);
	outcome = LOST;
undo:
	collision_free(s, r, collision);
	return outcome;
}

/* --- Tidying ---------------------------------------------------------- */

/* The cell at which a walk has arrived: at.cell is the one of at.chunk. */
struct step {
	struct place at;
	bool sole; /* the only cell of a map other than the root's: to be contracted */
};

/*
 * bury - the cell of a step is dead: take it out of its map, and the map out of the
 * trie if nothing else is in it. False: no memory for it.
 */
static bool
bury(struct seed_hamt *h, const struct step *step)
{
	const struct shared *s = h->shared;
	struct reclaim_record *r = h->record;
	const struct place *at = &step->at;
	struct cell *fresh = NULL;
	struct map *map = NULL;
	uintptr_t desired;

	if (!reclaim_reserve(h->record, 2))
		return false;
	if (step->sole) {
		/* Promotion, or nothing is left under this prefix. */
		desired = word_frozen(at->word) ? at->word & ~FROZEN : word_of(&deleted_map);
	} else {
		if (word_frozen(at->word)) {
			fresh = cell_new(s, r, at->word & ~FROZEN);
			if (fresh == NULL)
				return false;
			map = map_with(s, r, at->map, at->chunk, fresh);
		} else {
			map = map_without(s, r, at->map, at->chunk);
		}
		if (map == NULL) {
			cell_free(s, r, fresh);
			return false;
		}
		desired = word_of(map);
	}
	if (swing(h, at->parent, word_of(at->map), desired)) {
		retire_map(h, at->map);
		retire_cell(h, at->cell);
		return true;
	}
	map_free(s, r, map);
	cell_free(s, r, fresh);
	return true;
}

enum tidy_step { TIDY_CLEAN, TIDY_AGAIN, TIDY_NO_MEMORY };

/*
 * tidy_once - walk down the path to the first cell that breaks I5, or is dead, and
 * mend that. It reads what descend() reads, under the same checks, but
 * looks at single cells beside the path, too.
 */
static enum tidy_step
tidy_once(struct seed_hamt *h, struct path *path)
{
	const struct shared *s = h->shared;
	struct reclaim_record *r = h->record;
	struct step step;
	struct place *at = &step.at;
	unsigned turn = 0;

	at->parent = &h->shared->root;
	at->map = node_map(word_node(protect(r, SLOT_NODE(turn), at->parent)));
	for (at->level = 0;; at->level++) {
		bool beside;

		step.sole = at->level > 0 && map_count(at->map) == 1;
		at->chunk = at->level == path->bend ? path->bend_chunk : path_chunk(s, path, at->level);
		beside = !map_has(at->map, at->chunk);
		if (beside && !step.sole)
			return TIDY_CLEAN;
		if (beside)
			at->chunk = (unsigned)__builtin_ctz(at->map->bitmap);
		turn ^= 1;
		at->cell = at->map->cells[map_rank(at->map, at->chunk)];
		reclaim_publish(r, SLOT_CELL(turn), at->cell);
		if (word_load(at->parent) != word_of(at->map))
			return TIDY_AGAIN;
		at->word = protect(r, SLOT_NODE(turn), at->cell);
		/* A frozen value is passed on, never followed: its word is enough. */
		if (word_frozen(at->word) || word_node(at->word)->kind == NODE_TOMB)
			return bury(h, &step) ? TIDY_AGAIN : TIDY_NO_MEMORY;
		if (word_node(at->word)->kind != NODE_MAP) {
			if (!step.sole)
				return TIDY_CLEAN;
			/* Room for the promotion first: a frozen cell should not stay. */
			if (!reclaim_reserve(r, 2))
				return TIDY_NO_MEMORY;
			if (swing(h, at->cell, at->word, at->word | FROZEN)) {
				/* Ours to bring up now, also if the key goes another way. */
				path->bend = at->level;
				path->bend_chunk = at->chunk;
			}
			return TIDY_AGAIN;
		}
		if (beside || at->level == path->bend)
			return TIDY_CLEAN;
		at->parent = at->cell;
		at->map = node_map(word_node(at->word));
	}
}

/*
 * tidy - mend the path of a key until it is clean.
 * Returns   true: a walk since this call found nothing to do; false: no memory,
 *           something is left for others.
 */
static bool
tidy(struct seed_hamt *h, const struct path *path)
{
	struct path bent = *path;
	enum tidy_step done;

	do {
		contention_before(&h->contention);
		done = tidy_once(h, &bent);
	} while (done == TIDY_AGAIN);
	contention_abandoned(&h->contention);
	return done == TIDY_CLEAN;
}

/* --- The operations --------------------------------------------------- */

/* operation_begin - what an operation announced is of no use to the next: it starts at the root. */
static inline void
operation_begin(struct seed_hamt *h)
{
	if (reclaim_enter(h->record))
		for (unsigned slot = 0; slot < SLOTS; slot++)
			reclaim_clear(h->record, slot);
}

static inline void
operation_end(struct seed_hamt *h)
{
	reclaim_leave(h->record);
}

static inline enum hamt_status
look_up(struct seed_hamt *h, const void *key, void *value)
{
	struct path path = path_of(h->shared, key);
	struct place at;
	struct leaf *leaf;

	for (;;) {
		descend(h, &path, &at);
		switch (look(h, &path, &at, &leaf)) {
		case SEE_NOTHING:
		case SEE_TOMB:
		case SEE_OTHER:
			return HAMT_ABSENT;
		case SEE_KEY:
			if (value != NULL && !copy_value(h->shared->ops, value, leaf_value(h->shared, leaf)))
				return HAMT_NOMEM;
			return HAMT_OK;
		case SEE_CHANGE:
			break;
		}
	}
}

bool
seed_hamt_hold(struct seed_hamt *h, const void *key)
{
	enum sight sight = SEE_CHANGE;
	struct path path;
	struct place at;
	struct leaf *leaf;

	misuse_if(h == NULL, "seed_hamt_hold: handle must not be NULL");
	misuse_if(key == NULL, "seed_hamt_hold: key must not be NULL");
	misuse_if(h->held, "seed_hamt_hold: the handle holds a read already");
	path = path_of(h->shared, key);
	operation_begin(h);
	while (sight == SEE_CHANGE) {
		descend(h, &path, &at);
		sight = look(h, &path, &at, &leaf);
	}
	/* A descent leaves what it has found announced. */
	h->held = sight == SEE_KEY;
	if (!h->held)
		operation_end(h);
	return h->held;
}

void
seed_hamt_release(struct seed_hamt *h)
{
	misuse_if(h == NULL, "seed_hamt_release: handle must not be NULL");
	misuse_if(!h->held, "seed_hamt_release: nothing is held");
	h->held = false;
	for (unsigned slot = 0; slot < SLOTS; slot++)
		reclaim_clear(h->record, slot);
	operation_end(h);
}

enum hamt_status
seed_hamt_get(struct seed_hamt *h, const void *key, void *value)
{
	enum hamt_status status;

	misuse_if(h == NULL, "seed_hamt_get: handle must not be NULL");
	misuse_if(key == NULL, "seed_hamt_get: key must not be NULL");
	operation_begin(h);
	status = look_up(h, key, value);
	operation_end(h);
	return status;
}

/* put - insert, or upsert if replace. */
static enum hamt_status
put(struct seed_hamt *h, const void *key, const void *value, bool replace, void *old)
{
	const struct shared *s = h->shared;
	struct reclaim_record *r = h->record;
	struct path path = path_of(s, key);
	struct leaf *fresh = NULL, *leaf;
	enum hamt_status status = HAMT_NOMEM;
	enum outcome outcome;
	struct place at;

	do {
		enum sight sight;

		outcome = LOST;
		contention_before(&h->contention);
		descend(h, &path, &at);
		sight = look(h, &path, &at, &leaf);
		if (sight == SEE_CHANGE)
			continue;
		if (sight == SEE_KEY && !replace) {
			status = HAMT_EXISTS;
			break;
		}
		if (sight == SEE_TOMB || (sight != SEE_NOTHING && word_frozen(at.word) && !mutant(SEED_FROZEN_USED))) {
			/* The cell is dead: nothing can be put here before it is gone. */
			if (!tidy(h, &path))
				break;
			continue;
		}
		if (fresh == NULL && (fresh = leaf_new(s, r, key, path.hash[0], value)) == NULL)
			break;
		if (sight == SEE_NOTHING)
			outcome = add_cell(h, &at, fresh);
		else if (sight == SEE_KEY)
			outcome = exchange(h, &at, leaf, fresh, old);
		else
			outcome = split(h, &path, &at, leaf, fresh);
		if (outcome == WON)
			return sight == SEE_KEY ? HAMT_EXISTS : HAMT_OK;
	} while (outcome == LOST);
	contention_abandoned(&h->contention);
	if (fresh != NULL)
		leaf_free(s, r, fresh);
	return status;
}

enum hamt_status
seed_hamt_insert(struct seed_hamt *h, const void *key, const void *value)
{
	enum hamt_status status;

	misuse_if(h == NULL, "seed_hamt_insert: handle must not be NULL");
	misuse_if(key == NULL, "seed_hamt_insert: key must not be NULL");
	misuse_if(value == NULL, "seed_hamt_insert: value must not be NULL");
	operation_begin(h);
	status = put(h, key, value, false, NULL);
	operation_end(h);
	return status;
}

enum hamt_status
seed_hamt_upsert(struct seed_hamt *h, const void *key, const void *value, void *old)
{
	enum hamt_status status;

	misuse_if(h == NULL, "seed_hamt_upsert: handle must not be NULL");
	misuse_if(key == NULL, "seed_hamt_upsert: key must not be NULL");
	misuse_if(value == NULL, "seed_hamt_upsert: value must not be NULL");
	operation_begin(h);
	status = put(h, key, value, true, old);
	operation_end(h);
	return status;
}

static enum hamt_status
take_out(struct seed_hamt *h, const void *key, void *old)
{
	struct path path = path_of(h->shared, key);
	struct place at;
	struct leaf *leaf;

	for (;;) {
		contention_before(&h->contention);
		descend(h, &path, &at);
		switch (look(h, &path, &at, &leaf)) {
		case SEE_NOTHING:
		case SEE_OTHER:
			return HAMT_ABSENT;
		case SEE_TOMB:
			/* Perhaps somebody had no memory to take it away. If we have
			 * none either, it is still a tomb, and the key absent. */
			(void)tidy(h, &path);
			return HAMT_ABSENT;
		case SEE_CHANGE:
			break;
		case SEE_KEY:
			if (word_frozen(at.word)) {
				if (!tidy(h, &path))
					return HAMT_NOMEM;
				break;
			}
			switch (exchange(h, &at, leaf, NULL, old)) {
			case WON:
				/* The key is removed, tidy or not. */
				if (word_node(at.word)->kind == NODE_LEAF)
					(void)tidy(h, &path);
				return HAMT_OK;
			case NO_MEMORY:
				return HAMT_NOMEM;
			case LOST:
				break;
			}
			break;
		}
	}
}

enum hamt_status
seed_hamt_remove(struct seed_hamt *h, const void *key, void *old)
{
	enum hamt_status status;

	misuse_if(h == NULL, "seed_hamt_remove: handle must not be NULL");
	misuse_if(key == NULL, "seed_hamt_remove: key must not be NULL");
	operation_begin(h);
	status = take_out(h, key, old);
	operation_end(h);
	contention_abandoned(&h->contention);
	return status;
}

/* --- Walking over the whole trie: quiescent --------------------------- */

enum walked { WALK_CELL, WALK_LEFT, WALK_END };

/* A walk over all cells, without recursion: the stack is as deep as the trie can be. */
struct walk {
	struct {
		struct map *map;
		unsigned rank; /* of the next cell */
	} level[LEVELS];
	unsigned depth;        /* maps on the stack */
	struct map *enter;     /* to be stacked by the next call */
	/* What the last call came to: */
	struct cell *cell;     /* WALK_CELL: a cell of level[depth - 1].map ... */
	uintptr_t word;        /* ... and its word */
	struct map *left;      /* WALK_LEFT: a map all of whose cells were visited */
};

static void
walk_start(struct walk *w, struct shared *s)
{
	w->depth = 0;
	/* relaxed, here and below: no other handle is in use. What their threads
	 * did came before, says the caller, or H when the last one is dropped. */
	w->enter = node_map(word_node(atomic_load_explicit(&s->root.word, memory_order_relaxed)));
}

/*
 * walk_next - go on. After WALK_CELL the caller may free the cell, after
 * WALK_LEFT the map. A cell that holds a map is followed by that map's cells,
 * then by WALK_LEFT of the map.
 */
static enum walked
walk_next(struct walk *w)
{
	if (w->enter != NULL) {
		invariant(w->depth < LEVELS);
		w->level[w->depth].map = w->enter;
		w->level[w->depth].rank = 0;
		w->depth++;
		w->enter = NULL;
	}
	if (w->depth == 0)
		return WALK_END;
	w->left = w->level[w->depth - 1].map;
	if (w->level[w->depth - 1].rank == map_count(w->left)) {
		w->depth--;
		return WALK_LEFT;
	}
	w->cell = w->left->cells[w->level[w->depth - 1].rank++];
	w->word = atomic_load_explicit(&w->cell->word, memory_order_relaxed);
	if (word_node(w->word)->kind == NODE_MAP)
		w->enter = node_map(word_node(w->word));
	return WALK_CELL;
}

/* leaves_at - the leaves that a cell holds: their number, and a pointer to each. */
static unsigned
leaves_at(uintptr_t word, struct leaf **single, struct leaf ***leaves)
{
	struct node *node = word_node(word);

	*leaves = single;
	switch (node->kind) {
	case NODE_LEAF:
		*single = node_leaf(node);
		return 1;
	case NODE_COLLISION:
		*leaves = node_collision(node)->leaves;
		return node->count;
	}
	return 0;
}

void
seed_hamt_each(struct seed_hamt *h, void (*visit)(void *arg, const void *key, const void *value), void *arg)
{
	struct leaf *single, **leaves;
	enum walked walked;
	struct walk w;

	misuse_if(h == NULL, "seed_hamt_each: handle must not be NULL");
	misuse_if(visit == NULL, "seed_hamt_each: visit must not be NULL");
	walk_start(&w, h->shared);
	while ((walked = walk_next(&w)) != WALK_END) {
		unsigned count = walked == WALK_CELL ? leaves_at(w.word, &single, &leaves) : 0;

		for (unsigned i = 0; i < count; i++)
			visit(arg, leaf_key(h->shared, leaves[i]), leaf_value(h->shared, leaves[i]));
	}
}

/* tear_down - free every node; no handle is left. */
static void
tear_down(struct shared *s)
{
	struct collision *collision;
	struct leaf *single, **leaves;
	struct node *node;
	struct walk w;

	walk_start(&w, s);
	for (;;) {
		switch (walk_next(&w)) {
		case WALK_CELL:
			node = word_node(w.word);
			collision = node->kind == NODE_COLLISION ? node_collision(node) : NULL;
			for (unsigned i = leaves_at(w.word, &single, &leaves); i > 0; i--)
				leaf_free(s, NULL, leaves[i - 1]);
			collision_free(s, NULL, collision);
			cell_free(s, NULL, w.cell);
			break;
		case WALK_LEFT:
			map_free(s, NULL, w.left);
			break;
		case WALK_END:
			return;
		}
	}
}

/* walked_chunk - the chunk of the cell last visited in the level's map. */
static unsigned
walked_chunk(const struct walk *w, unsigned level)
{
	uint32_t bits = w->level[level].map->bitmap;

	for (unsigned rank = w->level[level].rank - 1; rank > 0; rank--)
		bits &= bits - 1;
	return (unsigned)__builtin_ctz(bits);
}

/* check_leaf - does the leaf lie on the path of its key? What is wrong, or NULL. */
static const char *
check_leaf(const struct shared *s, const struct walk *w, struct leaf *leaf)
{
	struct path path = path_of(s, leaf_key(s, leaf));

	if (leaf->node.kind != NODE_LEAF)
		return "a collision holds something else than leaves";
	if (leaf->ops != s->ops)
		return "a leaf belongs to another map";
	if (leaf->hash != path.hash[0])
		return "the hash in a leaf is not its key's";
	for (unsigned level = 0; level < w->depth; level++)
		if (path_chunk(s, &path, level) != walked_chunk(w, level))
			return "a leaf is not on the path of its key";
	return NULL;
}

/* check_collision - are the keys different, and their hashes equal in all rounds? */
static const char *
check_collision(const struct shared *s, const struct collision *collision)
{
	struct path first = path_of(s, leaf_key(s, collision->leaves[0]));

	if (collision->node.count < 2)
		return "a collision has fewer than two leaves";
	for (unsigned i = 1; i < collision->node.count; i++) {
		struct path path = path_of(s, leaf_key(s, collision->leaves[i]));

		for (unsigned level = 0; level < LEVELS; level++)
			if (path_chunk(s, &path, level) != path_chunk(s, &first, level))
				return "a collision holds keys whose hashes differ";
		for (unsigned j = 0; j < i; j++)
			if (s->ops->equal(path.key, leaf_key(s, collision->leaves[j])))
				return "a key is in the map twice";
	}
	return NULL;
}

/* check_cell - is the cell last visited what it must be? Adds it to *shape. */
static const char *
check_cell(const struct shared *s, const struct walk *w, bool allow_tombs, struct seed_hamt_shape *shape)
{
	const struct map *map = w->level[w->depth - 1].map;
	struct node *node = word_node(w->word);
	struct leaf *single, **leaves;
	const char *wrong = NULL;
	unsigned count;

	shape->cells++;
	shape->bytes += sizeof(struct cell);
	if (node->kind > NODE_COLLISION)
		return "a cell holds something that is not a node";
	if (node->kind == NODE_MAP) {
		if (word_frozen(w->word))
			return "a map is frozen";
		return w->depth == LEVELS ? "the trie is deeper than the hash" : NULL;
	}
	if (node->kind == NODE_TOMB || word_frozen(w->word)) {
		if (!allow_tombs && node->kind == NODE_TOMB)
			return "a tomb was left behind";
		if (!allow_tombs)
			return "a frozen cell was left behind";
		shape->tombs++;
	} else if (w->depth > 1 && map_count(map) == 1) {
		/* Waiting to be frozen. */
		if (!allow_tombs)
			return "a map with a single leaf was not contracted";
		shape->tombs++;
	}
	count = leaves_at(w->word, &single, &leaves);
	shape->keys += count;
	shape->bytes += count * s->layout.bytes;
	/* A key is never at two places: its path leads to one cell only. */
	for (unsigned i = 0; i < count && wrong == NULL; i++)
		wrong = check_leaf(s, w, leaves[i]);
	if (node->kind == NODE_COLLISION && wrong == NULL) {
		shape->collisions++;
		shape->bytes += collision_bytes(count);
		wrong = check_collision(s, node_collision(node));
	}
	return wrong;
}

bool
seed_hamt_check(struct seed_hamt *h, bool allow_tombs, struct seed_hamt_shape *shape, char *error,
    size_t error_size)
{
	const char *wrong = NULL;
	enum walked walked;
	struct walk w;

	misuse_if(h == NULL, "seed_hamt_check: handle must not be NULL");
	misuse_if(shape == NULL, "seed_hamt_check: shape must not be NULL");
	*shape = (struct seed_hamt_shape){ .keys = 0 };
	walk_start(&w, h->shared);
	while (wrong == NULL && (walked = walk_next(&w)) != WALK_END) {
		if (walked == WALK_CELL) {
			wrong = check_cell(h->shared, &w, allow_tombs, shape);
			continue;
		}
		/* w.depth no longer counts the map that was left. */
		shape->maps++;
		shape->bytes += map_bytes(map_count(w.left));
		if (w.depth > shape->depth)
			shape->depth = w.depth;
		if (w.depth > 0 && map_count(w.left) == 0)
			wrong = "a map other than the root's has no cell";
	}
	if (wrong == NULL)
		return true;
	snprintf(error, error_size, "seed_hamt: %s (level %u, after %llu keys)", wrong, w.depth,
	    (unsigned long long)shape->keys);
	return false;
}

/* --- Handles ---------------------------------------------------------- */

static enum hamt_status
handle_new(struct shared *s, const struct reclaim_probe *probe, struct seed_hamt **handle)
{
	struct seed_hamt *h = allocator_alloc(s->allocator, sizeof(*h));

	if (h == NULL)
		return HAMT_NOMEM;
	if (!contention_attach(&h->contention, &s->contention)) {
		allocator_free(s->allocator, h, sizeof(*h));
		return HAMT_NOMEM;
	}
	if (reclaim_attach(s->domain, probe, &h->record) != HAMT_OK) {
		contention_leave(&h->contention);
		allocator_free(s->allocator, h, sizeof(*h));
		return HAMT_NOMEM;
	}
	h->shared = s;
	h->held = false;
	*handle = h;
	return HAMT_OK;
}

/* shared_new - an empty map without a handle, in a domain of which it becomes a user. */
static struct shared *
shared_new(const struct seed_hamt_config *config, const struct seed_hamt_ops *ops, struct reclaim_domain *domain)
{
	const struct hamt_allocator *a = reclaim_domain_allocator(domain);
	struct shared *s = allocator_alloc(a, sizeof(*s));
	uint64_t key = config->hash_key != 0 ? config->hash_key : hash_random_key();
	struct map *empty;

	if (s == NULL)
		return NULL;
	s->ops = ops;
	s->layout = layout_of(ops);
	s->allocator = a;
	s->domain = domain;
	s->seeds[0] = key;
	for (unsigned round = 1; round < ROUNDS; round++)
		s->seeds[round] = hash_u64(round, key);
	contention_domain_init(&s->contention, &config->contention, a);
	atomic_init(&s->handles, 1);
	empty = map_new(s, NULL, 0);
	if (empty == NULL) {
		allocator_free(a, s, sizeof(*s));
		return NULL;
	}
	atomic_init(&s->root.word, word_of(empty));
	return s;
}

/* shared_free - the map without its nodes; its domain loses a user. */
static void
shared_free(struct shared *s)
{
	struct reclaim_domain *domain = s->domain;

	contention_domain_fini(&s->contention);
	allocator_free(s->allocator, s, sizeof(*s));
	reclaim_domain_drop(domain);
}

enum hamt_status
seed_hamt_new(const struct seed_hamt_config *config, struct seed_hamt **handle)
{
	static const struct seed_hamt_config all_zero;
	const struct seed_hamt_ops *ops;
	struct reclaim_domain *domain;
	struct shared *s;

	misuse_if(handle == NULL, "seed_hamt_new: handle must not be NULL");
	if (config == NULL)
		config = &all_zero;
	ops = config->ops != NULL ? config->ops : &seed_hamt_u64;
	misuse_if(ops->key_bytes == 0, "seed_hamt_new: ops->key_bytes must not be 0");
	misuse_if(ops->hash == NULL || ops->equal == NULL, "seed_hamt_new: ops needs hash and equal");
	if (config->domain != NULL) {
		misuse_if(config->reclaim.mode != HAZARD_AUTO || config->reclaim.threshold != 0 ||
		        config->reclaim.frequency != 0 || config->reclaim.free_most != 0 ||
		        config->reclaim.allocator.alloc != NULL,
		    "seed_hamt_new: reclaim must be all zero if the domain is shared");
		domain = reclaim_domain_share(config->domain);
	} else {
		enum hamt_status status = reclaim_domain_new(&config->reclaim, &domain);

		if (status != HAMT_OK)
			return status;
	}
	s = shared_new(config, ops, domain);
	if (s == NULL) {
		reclaim_domain_drop(domain);
		return HAMT_NOMEM;
	}
	if (handle_new(s, config->probe, handle) != HAMT_OK) {
		tear_down(s);
		shared_free(s);
		return HAMT_NOMEM;
	}
	/* relaxed: nobody else has seen it. */
	reclaim_born((*handle)->record, word_node(atomic_load_explicit(&s->root.word, memory_order_relaxed)));
	return HAMT_OK;
}

enum hamt_status
seed_hamt_clone(const struct seed_hamt *handle, const struct reclaim_probe *probe, struct seed_hamt **clone)
{
	enum hamt_status status;

	misuse_if(handle == NULL, "seed_hamt_clone: handle must not be NULL");
	misuse_if(clone == NULL, "seed_hamt_clone: clone must not be NULL");
	status = handle_new(handle->shared, probe, clone);
	if (status == HAMT_OK)
		/* H(1) relaxed: the source is a handle, so the count cannot reach 0
		 * meanwhile. */
		atomic_fetch_add_explicit(&handle->shared->handles, 1, memory_order_relaxed);
	return status;
}

void
seed_hamt_drop(struct seed_hamt *h)
{
	struct shared *s;
	struct hamt_allocator allocator;

	misuse_if(h == NULL, "seed_hamt_drop: handle must not be NULL");
	misuse_if(h->held, "seed_hamt_drop: seed_hamt_release() has not been called");
	s = h->shared;
	/* Copied: the map and the domain may be gone before the handle's block. */
	allocator = *s->allocator;
	/* The map is a user of the domain until its last handle is gone, so the
	 * domain outlives this. */
	reclaim_detach(h->record);
	contention_leave(&h->contention);
	/* H(2) acq_rel: pairs with itself in every other handle, so that all they
	 * did precedes the teardown by the last. */
	if (atomic_fetch_sub_explicit(&s->handles, 1, memory_order_acq_rel) == 1) {
		tear_down(s);
		shared_free(s);
	}
	allocator_free(&allocator, h, sizeof(*h));
}

void
seed_hamt_flush(struct seed_hamt *h)
{
	misuse_if(h == NULL, "seed_hamt_flush: handle must not be NULL");
	reclaim_scan(h->record);
}

void
seed_hamt_pause(struct seed_hamt *h)
{
	misuse_if(h == NULL, "seed_hamt_pause: handle must not be NULL");
	for (unsigned i = 0; i < SLOTS; i++)
		reclaim_clear(h->record, i);
	reclaim_pause(h->record);
}

struct reclaim_domain *
seed_hamt_domain(const struct seed_hamt *h)
{
	misuse_if(h == NULL, "seed_hamt_domain: handle must not be NULL");
	return h->shared->domain;
}

void
seed_hamt_contention(const struct seed_hamt *h, struct contention_stats *stats)
{
	misuse_if(h == NULL, "seed_hamt_contention: handle must not be NULL");
	contention_domain_stats(&h->shared->contention, stats);
}

/* --- The ready-made case ---------------------------------------------- */

static uint64_t
u64_hash(const void *key, uint64_t seed)
{
	return hash_u64(*(const uint64_t *)key, seed);
}

static bool
u64_equal(const void *a, const void *b)
{
	return *(const uint64_t *)a == *(const uint64_t *)b;
}

const struct seed_hamt_ops seed_hamt_u64 = {
	.key_bytes = sizeof(uint64_t),
	.value_bytes = sizeof(uint64_t),
	.hash = u64_hash,
	.equal = u64_equal,
};
