/*
 * directory.c - the growable root: growing and shrinking it while everybody
 * works on it.
 *
 * A resize copies; it never changes what a reader may be looking at. The unit
 * of a move is what becomes whole together: when growing one slot, which
 * splits into two, when shrinking two, which merge into one. Whoever comes by
 * may move any unit, or finish what another began: each step is one CAS that
 * only the first to try wins, and all who try want to write the same entries.
 * The orders are in the table "resize" in hamt.c.
 */
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "core/base.h"
#include "core/directory.h"

/* --- Memory ----------------------------------------------------------- */

#if defined(MAP_ANONYMOUS) && defined(MADV_HUGEPAGE)

/* map_slots - zeroes from the system, aligned so that huge pages fit. */
static void *
map_slots(size_t bytes)
{
	const size_t align = DIRECTORY_MAP_BYTES;
	unsigned char *all, *aligned;
	size_t before;

	all = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return NULL;
	before = (align - (uintptr_t)all % align) % align;
	aligned = all + before;
	if (before != 0)
		munmap(all, before);
	munmap(aligned + bytes, align - before);
	/* Only advice: where it is refused the slots lie in small pages. */
	(void)madvise(aligned, bytes, MADV_HUGEPAGE);
	return aligned;
}

static void
unmap_slots(void *slots, size_t bytes)
{
	munmap(slots, bytes);
}

#else

static void *
map_slots(size_t bytes)
{
	(void)bytes;
	return NULL;
}

static void
unmap_slots(void *slots, size_t bytes)
{
	(void)slots;
	(void)bytes;
}

#endif

static size_t
directory_bytes(size_t done_bytes)
{
	return RECLAIM_HEADER + sizeof(struct directory) + done_bytes + CACHE_LINE_BYTES - 1;
}

struct directory *
directory_new(const struct hamt_allocator *a, unsigned bits)
{
	size_t slots = (size_t)1 << bits;
	/* When growing a unit is a slot, the smallest there is. */
	size_t blocks = (slots + DIRECTORY_BLOCK - 1) / DIRECTORY_BLOCK;
	void *block = allocator_alloc(a, directory_bytes(blocks));
	struct directory *d;

	if (block == NULL)
		return NULL;
	d = (struct directory *)(((uintptr_t)block + RECLAIM_HEADER + CACHE_LINE_BYTES - 1) &
	    ~(uintptr_t)(CACHE_LINE_BYTES - 1));
	/* Not reachable yet, so plain zeroes initialise its atomics too. */
	memset(d, 0, sizeof(*d) + blocks);
	d->block = block;
	d->bits = bits;
	d->shift = 64 - bits;
	d->done_bytes = blocks;
	d->bytes = slots * sizeof(d->slots[0]);
	/* An allocator of the map's own gets to see every byte. */
	if (a->alloc == NULL && d->bytes >= DIRECTORY_MAP_BYTES) {
		d->slots = map_slots(d->bytes);
		d->mapped = d->slots != NULL;
	}
	if (d->slots == NULL && (d->slots = allocator_alloc(a, d->bytes)) != NULL)
		memset(d->slots, 0, d->bytes);
	if (d->slots == NULL) {
		allocator_free(a, block, directory_bytes(blocks));
		return NULL;
	}
	return d;
}

void
directory_free(const struct hamt_allocator *a, struct directory *d)
{
	if (d->mapped)
		unmap_slots(d->slots, d->bytes);
	else
		allocator_free(a, d->slots, d->bytes);
	allocator_free(a, d->block, directory_bytes(d->done_bytes));
}

/* --- Retiring --------------------------------------------------------- */

/* The state of every destructor is the domain's allocator, which lives as long as the domain. */

static void
destroy_plain(void *object, size_t bytes, void *state)
{
	allocator_free(state, (unsigned char *)object - RECLAIM_HEADER, RECLAIM_HEADER + bytes);
}

static void
destroy_directory(void *object, size_t bytes, void *state)
{
	(void)bytes;
	directory_free(state, object);
}

void
hamt_retire(struct hamt *h, void *object, size_t bytes, limbo_destroy_fn *destroy)
{
	/* The state is handed on as it is; an allocator is not changed by its use. */
	void *state = (void *)(uintptr_t)h->node.allocator;

	reclaim_retire(h->record, object, bytes, destroy != NULL ? destroy : destroy_plain, state);
}

void
hamt_retire_node(struct hamt *h, struct entry *node, size_t bytes)
{
	hamt_retire(h, node, bytes, NULL);
}

/* --- Harvests: a tree's entries in order ------------------------------ */

void
harvest_init(struct harvest *v, const struct hamt_allocator *a)
{
	v->entries = v->few_entries;
	v->capacity = sizeof(v->few_entries) / sizeof(v->few_entries[0]);
	v->pieces = v->few_pieces;
	v->piece_capacity = sizeof(v->few_pieces) / sizeof(v->few_pieces[0]);
	v->allocator = a;
	v->limit = 0;
	harvest_reset(v);
}

void
harvest_reset(struct harvest *v)
{
	v->count = 0;
	v->piece_count = 0;
}

void
harvest_want_no_pieces(struct harvest *v)
{
	v->pieces = NULL;
}

void
harvest_free(struct harvest *v)
{
	if (v->entries != v->few_entries)
		allocator_free(v->allocator, v->entries, v->capacity * sizeof(v->entries[0]));
	if (v->pieces != NULL && v->pieces != v->few_pieces)
		allocator_free(v->allocator, v->pieces, v->piece_capacity * sizeof(v->pieces[0]));
}

static bool
harvest_add(struct harvest *v, const struct entry *e)
{
	if (UNLIKELY(v->count == v->capacity)) {
		struct entry *more = allocator_alloc(v->allocator, 2 * v->capacity * sizeof(*more));

		if (more == NULL)
			return false;
		memcpy(more, v->entries, v->count * sizeof(*more));
		if (v->entries != v->few_entries)
			allocator_free(v->allocator, v->entries, v->capacity * sizeof(*more));
		v->entries = more;
		v->capacity *= 2;
	}
	v->entries[v->count++] = *e;
	return true;
}

static bool
harvest_piece(struct harvest *v, struct entry *node, size_t bytes)
{
	if (v->pieces == NULL)
		return true;
	if (UNLIKELY(v->piece_count == v->piece_capacity)) {
		struct piece *more = allocator_alloc(v->allocator, 2 * v->piece_capacity * sizeof(*more));

		if (more == NULL)
			return false;
		memcpy(more, v->pieces, v->piece_count * sizeof(*more));
		if (v->pieces != v->few_pieces)
			allocator_free(v->allocator, v->pieces, v->piece_capacity * sizeof(*more));
		v->pieces = more;
		v->piece_capacity *= 2;
	}
	v->pieces[v->piece_count++] = (struct piece){ node, bytes };
	return true;
}

enum hamt_status
directory_harvest(struct hamt *h, unsigned root, const struct slot *slot, uint64_t word, int left,
    uint64_t from, struct harvest *v)
{
	struct {
		const struct entry *entries;
		unsigned at, count;
	} stack[NODE_LEVELS];
	/* Nodes between the root and the current one are read again on the way
	 * back, when the hazard has moved on: so from copies. */
	struct entry copy[NODE_LEVELS][NODE_ENTRIES_MAX];
	unsigned depth = 0;

	if (!word_is_node(word))
		return HAMT_OK;
	from &= ~ENTRY_SUB;
	publish(h, root, word_node(word));
	if (!holds(slot, word) || !reclaim_confirm(h->record, root))
		return HAMT_MISMATCH;
	stack[0].entries = word_node(word);
	stack[0].at = 0;
	stack[0].count = word_count(word, left);
	if (!harvest_piece(v, word_node(word), word_bytes(word, left)))
		return HAMT_NOMEM;
	for (;;) {
		const struct entry *e;
		uint64_t child;

		if (stack[depth].at == stack[depth].count) {
			if (depth-- == 0)
				return HAMT_OK;
			left += NODE_CHUNK_BITS;
			continue;
		}
		e = &stack[depth].entries[stack[depth].at++];
		if (!entry_is_child(e)) {
			if (entry_hash(e) < from)
				continue;
			if (v->limit != 0 && v->count == v->limit)
				return HAMT_OK;
			if (!harvest_add(v, e))
				return HAMT_NOMEM;
			continue;
		}
		/* Below a CHILD lie the hashes from its prefix to prefix + 2^(bits
		 * below it) - 1. */
		if (left > NODE_CHUNK_BITS &&
		    entry_hash(e) + ((UINT64_C(1) << (left - NODE_CHUNK_BITS)) - 1) < from)
			continue;
		/* Protected against the same slot word as its root. */
		child = e->value;
		publish(h, HAZARD_DESCENT, word_node(child));
		if (!holds(slot, word))
			return HAMT_MISMATCH;
		depth++;
		left -= NODE_CHUNK_BITS;
		invariant(depth < NODE_LEVELS);
		stack[depth].entries = word_node(child);
		stack[depth].at = 0;
		stack[depth].count = word_count(child, left);
		/* A collision node has no children: it is read where it is. */
		if (left > 0) {
			memcpy(copy[depth], word_node(child), word_bytes(child, left));
			stack[depth].entries = copy[depth];
		}
		if (!harvest_piece(v, word_node(child), word_bytes(child, left)))
			return HAMT_NOMEM;
	}
}

/* --- Entering and following ------------------------------------------- */

void
directory_enter(struct hamt *h)
{
	/* relaxed: a guess, confirmed below. */
	struct directory *seen = atomic_load_explicit(&h->map->directory, memory_order_relaxed), *now;

	for (;; seen = now) {
		publish(h, HAZARD_DIRECTORY, seen);
		/* seq_cst: HP(2), pairs with the CAS in finish(), HP(3), which also
		 * published what the directory is. */
		now = atomic_load_explicit(&h->map->directory, memory_order_seq_cst);
		if (now == seen && reclaim_confirm(h->record, HAZARD_DIRECTORY))
			break;
	}
	h->directory = seen;
	h->slots = seen->slots;
	h->shift = seen->shift;
	h->serial = seen->serial;
	h->next = NULL;
	/* Often enough to notice in time, seldom enough to cost nothing. */
	h->fold_at = seen->bits >= 12 ? 256 : seen->bits <= 4 ? 1 : (int64_t)1 << (seen->bits - 4);
}

/*
 * protect_next - make h->next the directory that h->directory is moved to.
 * False: h->directory is not the map's any more; it has been entered anew.
 * A directory is retired only after its predecessor was replaced in the map;
 * that has not happened if the map still has the predecessor, whose address
 * cannot have come back, since it is protected.
 */
static bool
protect_next(struct hamt *h)
{
	struct directory *next;

	if (LIKELY(h->next != NULL))
		return true;
	/* acquire: R(2), makes the directory readable. */
	next = atomic_load_explicit(&h->directory->next, memory_order_acquire);
	invariant(next != NULL);
	publish(h, HAZARD_NEXT, next);
	/* seq_cst: HP(2), pairs with the CAS in finish(), HP(3). */
	if (atomic_load_explicit(&h->map->directory, memory_order_seq_cst) != h->directory &&
	    !mutant(DIRECTORY_LEFT_UNCHECKED)) {
		directory_enter(h);
		return false;
	}
	h->next = next;
	return true;
}

struct slot *
directory_follow(struct hamt *h, uint64_t hash, uint64_t *word, unsigned *shift)
{
	for (;;) {
		struct slot *slot = &h->slots[hash >> h->shift];

		*shift = h->shift;
		/* acquire: pairs with the CAS that published the node, and R(5). */
		*word = atomic_load_explicit(&slot->word, memory_order_acquire);
		if (*word != WORD_MOVED && !(mutant(NEW_SLOT_EARLY) && (*word & WORD_FROZEN) != 0))
			return slot;
		/* relaxed: a hint, whether it is time to leave this directory;
		 * directory_enter() looks again. */
		if (atomic_load_explicit(&h->map->directory, memory_order_relaxed) != h->directory) {
			directory_enter(h);
			continue;
		}
		if (!protect_next(h))
			continue;
		slot = &h->next->slots[hash >> h->next->shift];
		*shift = h->next->shift;
		/* acquire: pairs with R(4). Not UNINIT, since R(5) was seen. */
		*word = atomic_load_explicit(&slot->word, memory_order_acquire);
		invariant(*word != WORD_UNINIT);
		if (*word != WORD_MOVED)
			return slot;
		/* It is being left in turn: then the map has it, or a later one. */
		directory_enter(h);
	}
}

/* --- Moving ----------------------------------------------------------- */

/* left_in - hash bits below the index of a directory. */
static int
left_in(const struct directory *d)
{
	return (int)d->shift;
}

/* build_target - the word for slot index of directory to, from those entries that belong there. */
static uint64_t
build_target(struct hamt *h, const struct directory *to, const struct entry *entries, size_t count)
{
	return count == 0 ? WORD_EMPTY : node_build(&h->node, entries, count, left_in(to));
}

/* The slots of one unit. */
struct unit {
	unsigned sources, targets; /* 1 and 2, or 2 and 1 */
	struct slot *source, *target;
};

static struct unit
unit_of(const struct directory *from, const struct directory *to, size_t index)
{
	struct unit u = { 2, 1, NULL, NULL };

	if (to->bits > from->bits)
		u = (struct unit){ 1, 2, NULL, NULL };
	u.source = &from->slots[index * u.sources];
	u.target = &to->slots[index * u.targets];
	return u;
}

static size_t
units_of(const struct directory *from, const struct directory *to)
{
	return from->bits < to->bits ? (size_t)1 << from->bits : (size_t)1 << to->bits;
}

/*
 * build_targets - new words for the targets that have none yet; UNINIT for
 * the others. False: no memory, nothing was allocated.
 */
static bool
build_targets(struct hamt *h, const struct directory *to, const struct unit *u, const struct harvest *v,
    uint64_t built[2])
{
	size_t split = v->count;

	/* When growing, the bit below the old index decides. */
	if (u->targets == 2)
		for (split = 0; split < v->count && (v->entries[split].key >> to->shift & 1) == 0; split++)
			continue;
	if (mutant(SPLIT_OFF_BY_ONE) && u->targets == 2 && split < v->count)
		split++;
	for (unsigned t = 0; t < u->targets; t++) {
		built[t] = WORD_UNINIT;
		/* relaxed: a hint that saves work; the CAS R(4) decides. */
		if (atomic_load_explicit(&u->target[t].word, memory_order_relaxed) != WORD_UNINIT)
			continue;
		built[t] = t == 0 ? build_target(h, to, v->entries, split) :
		                    build_target(h, to, v->entries + split, v->count - split);
		if (built[t] != WORD_UNINIT)
			continue;
		if (t == 1)
			node_drop(&h->node, built[0], left_in(to), NULL, NULL);
		return false;
	}
	return true;
}

/* freeze - R(3). False: the slot changed. */
static bool
freeze(struct slot *slot, uint64_t *word)
{
	uint64_t expected = *word;

	if ((expected & WORD_FROZEN) != 0)
		return true;
	/* acq_rel: R(3), pairs with whoever reads the frozen word. No ABA: the
	 * root node is protected, and an EMPTY is as good as any other. Failure
	 * relaxed: the unit is looked at anew. */
	if (!atomic_compare_exchange_strong_explicit(&slot->word, &expected, expected | WORD_FROZEN,
	        memory_order_acq_rel, memory_order_relaxed))
		return false;
	*word |= WORD_FROZEN;
	return true;
}

/*
 * move_unit - see to it that all sources of a unit are MOVED.
 * Returns   HAMT_OK; HAMT_NOMEM: not now. If that came before anybody froze a
 *           source, the sources remain in use as they are.
 * The new nodes are made before the freeze, so that a lack of memory is
 * noticed while it does no harm.
 */
static enum hamt_status
move_unit(struct hamt *h, struct directory *from, struct directory *to, size_t index, struct harvest *v)
{
	static const unsigned root[2] = { HAZARD_ROOT, HAZARD_SIBLING };
	struct unit u = unit_of(from, to, index);

	for (;;) {
		uint64_t word[2] = { WORD_MOVED, WORD_MOVED }, built[2] = { WORD_UNINIT, WORD_UNINIT };
		size_t pieces[3] = { 0, 0, 0 }, at = 0;
		enum hamt_status s = HAMT_OK;
		bool frozen = true;

		contention_before(&h->contention);
		harvest_reset(v);
		for (unsigned i = 0; i < u.sources; i++)
			/* acquire: pairs with the CAS that published the node. */
			word[i] = atomic_load_explicit(&u.source[i].word, memory_order_acquire);
		if (word[0] == WORD_MOVED && word[1] == WORD_MOVED)
			return HAMT_OK;
		for (unsigned i = 0; i < (mutant(MERGE_TAKES_ONE) ? 1 : u.sources) && s == HAMT_OK; i++) {
			s = directory_harvest(h, root[i], &u.source[i], word[i], left_in(from), 0, v);
			pieces[i + 1] = v->piece_count;
		}
		if (s == HAMT_NOMEM)
			return HAMT_NOMEM;
		if (s != HAMT_OK)
			continue;
		/* If one is MOVED, all targets have their words. */
		if (word[0] != WORD_MOVED && (u.sources == 1 || word[1] != WORD_MOVED)) {
			if (!build_targets(h, to, &u, v, built))
				return HAMT_NOMEM;
			DIRECTORY_TEST_POINT("built");
			for (unsigned i = 0; i < u.sources && frozen; i++)
				frozen = mutant(MOVE_NOT_FROZEN) || freeze(&u.source[i], &word[i]);
			DIRECTORY_TEST_POINT("frozen");
			for (unsigned t = 0; t < u.targets; t++) {
				uint64_t uninit = WORD_UNINIT;

				if (built[t] == WORD_UNINIT)
					continue;
				/* acq_rel: R(4), publishes the nodes; pairs with
				 * directory_follow(). Failure relaxed: another
				 * one's is as good. */
				if (!frozen || !atomic_compare_exchange_strong_explicit(&u.target[t].word, &uninit,
				                   built[t], mutant(TARGET_RELAXED) ? memory_order_relaxed : memory_order_acq_rel,
				                   memory_order_relaxed))
					node_drop(&h->node, built[t], left_in(to), NULL, NULL);
				DIRECTORY_TEST_POINT("target");
			}
			if (!frozen) {
				contention_failed(&h->contention);
				continue;
			}
			contention_succeeded(&h->contention);
		}
		if (!reserve(h, v->piece_count))
			return HAMT_NOMEM;
		for (unsigned i = 0; i < u.sources; i++) {
			if (word[i] == WORD_MOVED)
				continue;
			/* seq_cst: R(5), and HP(3): it unlinks the old nodes. Failure
			 * acquire: MOVED by another, who retires them; pairs with R(5). */
			if (!atomic_compare_exchange_strong_explicit(&u.source[i].word, &word[i], WORD_MOVED,
			        memory_order_seq_cst, memory_order_acquire)) {
				/* All move the first source before the second. So if the
				 * second was MOVED when we looked, the first is by now,
				 * and else we have seen both of them frozen. */
				invariant(word[i] == WORD_MOVED);
				if (!mutant(MOVE_RETIRED_TWICE))
					continue;
			}
			DIRECTORY_TEST_POINT("moved");
			for (at = pieces[i]; at < pieces[i + 1]; at++)
				hamt_retire_node(h, v->pieces[at].node, v->pieces[at].bytes);
		}
		return HAMT_OK;
	}
}

/* prefetch_slots - the root nodes of slots [first, end): a move is mostly waiting for them. */
static void
prefetch_slots(const struct directory *d, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		/* relaxed: a hint; a prefetch reads nothing, so it needs no protection. */
		node_prefetch(atomic_load_explicit(&d->slots[i].word, memory_order_relaxed), left_in(d));
}

/* move_block - all units of a block; then it is done. False: no memory. */
static bool
move_block(struct hamt *h, struct directory *from, struct directory *to, size_t block, struct harvest *v)
{
	/* Nodes that a processor can be waiting for at once, more or less. */
	enum { AHEAD = 16 };
	size_t units = units_of(from, to), unit = block * DIRECTORY_BLOCK;
	size_t end = units - unit < DIRECTORY_BLOCK ? units : unit + DIRECTORY_BLOCK;
	size_t sources = from->bits < to->bits ? 1 : 2, near = unit * sources, far;

	for (; unit < end; unit++) {
		far = (unit + AHEAD < end ? unit + AHEAD : end) * sources;
		prefetch_slots(from, near, far);
		near = far;
		if (move_unit(h, from, to, unit, v) != HAMT_OK)
			return false;
	}
	/* release: R(6), pairs with R(7). Whoever stores, it is true. */
	atomic_store_explicit(&from->done[block], 1, memory_order_release);
	return true;
}

/* claim - a block that nobody has claimed before; blocks if there is none. */
static size_t
claim(struct directory *from, size_t blocks)
{
	/* relaxed, both: they only spread the helpers out. */
	uint64_t block = atomic_load_explicit(&from->claimed, memory_order_relaxed);

	if (block < blocks)
		block = atomic_fetch_add_explicit(&from->claimed, 1, memory_order_relaxed);
	return block < blocks ? (size_t)block : blocks;
}

/* first_undone - the first block that was claimed and not finished; blocks if all are done. */
static size_t
first_undone(struct directory *from, size_t blocks)
{
	/* acquire: R(7), pairs with the release below: all blocks before are done. */
	uint64_t block = atomic_load_explicit(&from->settled, memory_order_acquire);

	/* acquire: R(7), pairs with R(6). */
	while (block < blocks && atomic_load_explicit(&from->done[block], memory_order_acquire) != 0)
		block++;
	/* release: R(7), hands on what we know. A later value may be overwritten
	 * by an earlier one, which is as true. */
	atomic_store_explicit(&from->settled, block, memory_order_release);
	return (size_t)block;
}

/* finish - every slot of from is MOVED: to is the map's directory. */
static void
finish(struct hamt *h, struct directory *from, struct directory *to)
{
	struct directory *expected = from;

	/* No memory: from stays, the next to come by tries again. */
	if (!reserve(h, 1))
		return;
	/* seq_cst: R(8), and HP(3): it unlinks from. Failure relaxed: another did
	 * it. No ABA: from is protected by us. */
	if (atomic_compare_exchange_strong_explicit(&h->map->directory, &expected, to, memory_order_seq_cst,
	        memory_order_relaxed)) {
		if (mutant(DIRECTORY_FREED_EARLY))
			directory_free(h->node.allocator, from);
		else
			hamt_retire(h, from, sizeof(*from) + from->bytes, destroy_directory);
	}
	directory_enter(h);
	directory_adjust(h);
}

/* unit_at - the unit that hash lies in. */
static size_t
unit_at(const struct directory *from, const struct directory *to, uint64_t hash)
{
	return (size_t)(hash >> (from->shift > to->shift ? from->shift : to->shift));
}

/* help - one's own unit and a block. True: all is moved. */
static bool
help(struct hamt *h, struct directory *from, struct directory *to, uint64_t hash, struct harvest *v)
{
	size_t blocks = (units_of(from, to) + DIRECTORY_BLOCK - 1) / DIRECTORY_BLOCK, block;

	if (move_unit(h, from, to, unit_at(from, to, hash), v) != HAMT_OK)
		return false;
	block = claim(from, blocks);
	if (block == blocks)
		block = first_undone(from, blocks);
	if (block < blocks && !move_block(h, from, to, block, v))
		return false;
	/* relaxed: a hint, whether it is worth looking. */
	return atomic_load_explicit(&from->claimed, memory_order_relaxed) >= blocks &&
	    (mutant(BLOCK_DONE_EARLY) || first_undone(from, blocks) == blocks);
}

void
directory_help(struct hamt *h, uint64_t hash)
{
	struct harvest v;

	if (!protect_next(h))
		return;
	h->resizings++;
	harvest_init(&v, h->node.allocator);
	if (help(h, h->directory, h->next, hash, &v))
		finish(h, h->directory, h->next);
	harvest_free(&v);
	contention_abandoned(&h->contention);
}

enum hamt_status
directory_thaw(struct hamt *h, uint64_t hash)
{
	enum hamt_status s;
	struct harvest v;

	/* The slot lies in h->directory; or in h->next, which is then the map's by
	 * now and being left in turn.
	 * acquire: not for what it points to, but so that who saw a slot of
	 * h->next frozen cannot miss that, see R(8). */
	if (atomic_load_explicit(&h->map->directory, memory_order_acquire) != h->directory) {
		directory_enter(h);
		return HAMT_OK;
	}
	if (!protect_next(h))
		return HAMT_OK;
	h->resizings++;
	harvest_init(&v, h->node.allocator);
	s = move_unit(h, h->directory, h->next, unit_at(h->directory, h->next, hash), &v);
	harvest_free(&v);
	return s;
}

/* --- Deciding --------------------------------------------------------- */

/*
 * A directory grows at two and a half keys for each slot, so it has 1.25 to 2.5:
 * short nodes, of which a lookup touches one line, and windows of one entry or
 * two, where no branch depends on which of them matches. More keys for each
 * slot save less than two bytes a key; single lookups in 10M keys became slightly
 * slower by it.
 */
static uint64_t
grow_at(unsigned bits)
{
	return (UINT64_C(5) << bits) / 2;
}

/* After a shrink the directory is as far from the next as from growing back. */
static uint64_t
shrink_at(unsigned bits)
{
	return grow_at(bits - 1) / 4;
}

void
directory_adjust(struct hamt *h)
{
	struct map *map = h->map;
	struct directory *from = h->directory, *to, *none = NULL;
	/* relaxed: a rule of thumb; any value is correct. */
	int64_t count = atomic_load_explicit(&map->approximate, memory_order_relaxed);
	unsigned bits = from->bits;

	if (count > 0 && (uint64_t)count > grow_at(bits) && bits < map->max_bits)
		bits++;
	else if (bits > map->min_bits && (count <= 0 || (uint64_t)count < shrink_at(bits)))
		bits--;
	else
		return;
	/* h->directory was the map's when it was entered. It still is, or its
	 * next has been set, and R(1) fails. */
	if (directory_resizing(h))
		return;
	h->resizings++;
	to = directory_new(map->node.allocator, bits);
	/* No memory: put off until the next fold. */
	if (to == NULL)
		return;
	to->serial = from->serial + 1;
	reclaim_born(h->record, to);
	/* release: R(1), pairs with R(2). Failure relaxed: somebody else was first. */
	if (!atomic_compare_exchange_strong_explicit(&from->next, &none, to,
	        mutant(NEXT_RELAXED) ? memory_order_relaxed : memory_order_release, memory_order_relaxed)) {
		reclaim_unborn(h->record, to);
		directory_free(map->node.allocator, to);
	}
}

void
directory_fold(struct hamt *h)
{
	/* relaxed, both: we are the only writer of net, and the sum is a rule of thumb. */
	int64_t net = atomic_load_explicit(&h->net, memory_order_relaxed);

	atomic_fetch_add_explicit(&h->map->approximate, net - h->folded, memory_order_relaxed);
	h->folded = net;
	directory_adjust(h);
}
