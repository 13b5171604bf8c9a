/*
 * directory.h - the growable root, and what a map and a handle consist of.
 * Internal to the hamt: hamt.c, directory.c, check.c.
 *
 * A directory is 2^bits slot words. While a resize is under way there are two,
 * from and to = from->next, and each key has exactly one slot that counts: its
 * slot in from until that is WORD_MOVED, from then on its slot in to. The
 * protocol, its orders and why it is sound: the table "resize" in hamt.c.
 */
#ifndef CORE_DIRECTORY_H
#define CORE_DIRECTORY_H

#include "core/base.h"
#include "core/contention.h"
#include "core/hamt.h"
#include "core/node.h"
#include "core/reclaim_record.h"

/* Units (see directory_move_unit()) that a helper claims at a time. */
#ifndef DIRECTORY_BLOCK
#define DIRECTORY_BLOCK 64
#endif

/* A test may define it, to run something between two steps of a move. */
#ifndef DIRECTORY_TEST_POINT
#define DIRECTORY_TEST_POINT(where) ((void)0)
#endif

/* From this size on slots are mapped from the system, if the map has no allocator of its own. */
#define DIRECTORY_MAP_BYTES ((size_t)2 << 20)

#define DIRECTORY_BITS_DEFAULT 6
#if UINTPTR_MAX == UINT32_MAX
#define DIRECTORY_BITS_MAX 26
#else
#define DIRECTORY_BITS_MAX 40
#endif

/* What the slots of a handle's reclamation record announce. */
enum {
	HAZARD_DIRECTORY, /* hamt.directory, as long as that is it */
	HAZARD_NEXT,      /* hamt.next, likewise */
	HAZARD_ROOT,      /* the node in a slot word */
	HAZARD_DESCENT,   /* the node of a level below it */
	HAZARD_SIBLING,   /* the node in the other slot of two that merge */
	HAZARD_LEAF,      /* the leaf that is looked at */
	HAZARD_GUARD,     /* HAMT_GUARDS of them: leaves that the user holds */
};

struct slot {
	_Alignas(8) _Atomic(uint64_t) word;
};

struct directory {
	/* Written before it is reachable. */
	uint64_t serial;          /* its predecessor's + 1: no two of a map have the same */
	unsigned bits;
	unsigned shift;           /* 64 - bits: index = hash >> shift */
	bool mapped;              /* slots: by mmap, not by the allocator */
	size_t bytes;             /* of the slots */
	struct slot *slots;
	size_t done_bytes;        /* blocks of the largest resize away from here */
	/* Of the resize away from here: next is written once. */
	_Atomic(struct directory *) next;
	CACHE_ALIGNED _Alignas(8) _Atomic(uint64_t) claimed; /* blocks handed out */
	_Alignas(8) _Atomic(uint64_t) settled;               /* a hint: all blocks below are done */
	void *block;              /* what the allocator gave */
	_Atomic(uint8_t) done[];  /* block by block: all its units were seen moved */
};

/* One map, shared by its handles. */
struct map {
	CACHE_ALIGNED _Atomic(struct directory *) directory;
	/* Entries, about: the folded part of all handles' net counts. */
	CACHE_ALIGNED _Alignas(8) _Atomic(int64_t) approximate;
	CACHE_ALIGNED _Atomic(unsigned) users;
	_Atomic(struct hamt *) handles; /* push-only; handles are reused */
	/* Constant from here. */
	struct reclaim_domain *domain;
	struct node_config node;
	uint64_t hash_key, hash_key_2;
	enum hamt_hash hash;
	bool leaves;               /* keys are byte strings, values are the addresses of leaves */
	unsigned min_bits, max_bits;
	void *block;
	struct contention_domain contention;
};

/* One thread's handle. */
struct hamt {
	/* What a lookup needs. */
	CACHE_ALIGNED struct slot *slots; /* directory->slots, and */
	unsigned shift;                   /* directory->shift */
	bool identity;                    /* hash == key, else seeded with */
	uint64_t hash_key;
	struct reclaim_record *record;
	uint64_t nothing;                 /* a node word of zeroes for lookups whose bit is clear */
	struct directory *directory;      /* protected by HAZARD_DIRECTORY */
	struct directory *next;           /* protected by HAZARD_NEXT, or NULL */
	uint64_t serial;                  /* directory->serial */
	struct map *map;
	/* What an update needs besides. */
	struct node_config node;          /* map->node, with our record */
	int64_t folded;                   /* of net, what map->approximate contains */
	int64_t fold_at;                  /* difference that is worth a fold */
	unsigned guards;                  /* bit i: guard i is held */
	uint64_t resizings;               /* calls that began a resize or helped with one */
	bool held;                        /* between hamt_hold() and hamt_release() */
	struct contention contention;
	_Alignas(16) struct entry zeroes[2];
	/* Written by the owner, read by anybody. */
	_Alignas(8) _Atomic(int64_t) net;       /* entries added - entries removed */
	_Atomic(bool) taken;
	struct hamt *sibling;             /* written once, before the handle is reachable */
	void *block;
};

/* Entries of one slot's tree in the order of their hashes, and its nodes. */
struct harvest {
	struct entry *entries;
	size_t count, capacity;
	size_t limit;              /* stop after so many; 0 = no limit */
	struct piece {
		struct entry *node;
		size_t bytes;
	} *pieces;                 /* NULL: not wanted */
	size_t piece_count, piece_capacity;
	const struct hamt_allocator *allocator;
	struct entry few_entries[2 * NODE_ENTRIES_MAX];
	struct piece few_pieces[4];
};

/* publish - announce that object is about to be read; the caller validates. */
static inline void
publish(struct hamt *h, unsigned i, const void *object)
{
#ifdef CHECKED
	misuse_if(h->held, "hamt: between hamt_hold() and hamt_release() the handle must not be used");
#endif
	reclaim_publish(h->record, i, object);
}

/*
 * holds - does the slot still hold word, frozen meanwhile or not? Step HP(2).
 * If so, and if the root node of word is protected, nothing that can be
 * reached from word has been retired yet.
 */
static inline bool
holds(const struct slot *slot, uint64_t word)
{
	/* seq_cst: HP(2), pairs with the CAS that unlinks nodes, HP(3). */
	uint64_t now = atomic_load_explicit(&slot->word, memory_order_seq_cst);

	return LIKELY(((now ^ word) & ~WORD_FROZEN) == 0) || mutant(SLOT_NOT_VALIDATED);
}

/* retire - after reserve(); the caller unlinked it and is the only one to say so. */
void hamt_retire(struct hamt *h, void *object, size_t bytes, limbo_destroy_fn *destroy);

/* hamt_retire_node - the same for a node. */
void hamt_retire_node(struct hamt *h, struct entry *node, size_t bytes);

/* hamt_open - hamt_new() for either kind of map. */
enum hamt_status hamt_open(const struct hamt_config *config, bool leaves, struct hamt **handle) MUST_USE;

/* directory_new - 2^bits slots, all UNINIT; NULL: no memory. */
struct directory *directory_new(const struct hamt_allocator *a, unsigned bits) MUST_USE;

/* directory_free - the directory alone, not what its slots hold. */
void directory_free(const struct hamt_allocator *a, struct directory *d);

/* reserve - room for so many retires, see reclaim_reserve(). */
static inline bool
reserve(struct hamt *h, size_t retires)
{
	return retires <= UINT32_MAX && reclaim_reserve(h->record, (unsigned)retires);
}

/* directory_enter - protect the map's directory and go by it from now on. */
void directory_enter(struct hamt *h);

/* announcements_clear - of the last operation, but for the directory and guards; h->next is found again when it is needed. */
static inline void
announcements_clear(struct hamt *h)
{
	h->next = NULL;
	for (unsigned i = HAZARD_NEXT; i < HAZARD_GUARD; i++)
		reclaim_clear(h->record, i);
}

/*
 * operation_begin - from here to operation_end() nodes may be read, once they are
 * announced and the slot has confirmed it. The directory of the last operation
 * is confirmed where the scheme may have let it go meanwhile; its serial
 * number tells it from another at the same address.
 */
static inline void
operation_begin(struct hamt *h)
{
	const struct directory *now;

	if (!reclaim_enter(h->record))
		return;
	announcements_clear(h);
	publish(h, HAZARD_DIRECTORY, h->directory);
	/* seq_cst: HP(2), pairs with the CAS in finish(), HP(3). */
	now = atomic_load_explicit(&h->map->directory, memory_order_seq_cst);
	if (UNLIKELY(now != h->directory || !reclaim_confirm(h->record, HAZARD_DIRECTORY) || now->serial != h->serial))
		directory_enter(h);
}

static inline void
operation_end(struct hamt *h)
{
	reclaim_leave(h->record);
}

/* directory_follow - the slot of hash that counts, where h->directory's slot was seen MOVED. */
struct slot *directory_follow(struct hamt *h, uint64_t hash, uint64_t *word, unsigned *shift);

/*
 * directory_locate - the slot of hash that counts, its word (never UNINIT or
 * MOVED) and the shift of its directory.
 */
static inline struct slot *
directory_locate(struct hamt *h, uint64_t hash, uint64_t *word, unsigned *shift)
{
	struct slot *slot = &h->slots[hash >> h->shift];

	*shift = h->shift;
	/* acquire: pairs with the CAS that published the node. */
	*word = atomic_load_explicit(&slot->word, memory_order_acquire);
	return LIKELY(*word != WORD_MOVED) && !(mutant(NEW_SLOT_EARLY) && (*word & WORD_FROZEN) != 0) ?
	    slot : directory_follow(h, hash, word, shift);
}

/* directory_resizing - is h->directory being resized? Then updates help first. */
static inline bool
directory_resizing(const struct hamt *h)
{
	/* relaxed: a hint; who overlooks it helps a little later. A slot that
	 * was already touched by the resize says so itself. */
	return UNLIKELY(atomic_load_explicit(&h->directory->next, memory_order_relaxed) != NULL);
}

/* directory_help - move the slot of hash, and a block; finish the resize if that was all. */
void directory_help(struct hamt *h, uint64_t hash);

/* directory_thaw - a frozen slot was met on the way to hash: move it. HAMT_NOMEM: not now. */
enum hamt_status directory_thaw(struct hamt *h, uint64_t hash);

/* directory_adjust - start to grow or to shrink, if the number of keys asks for it. */
void directory_adjust(struct hamt *h);

/* directory_count - note net entries more (or fewer). Folds now and then, then adjusts. */
void directory_fold(struct hamt *h);
static inline void
directory_count(struct hamt *h, int64_t more)
{
	/* relaxed: one writer; hamt_count() wants no order from it. */
	int64_t net = atomic_load_explicit(&h->net, memory_order_relaxed) + more;
	int64_t apart = net - h->folded;

	atomic_store_explicit(&h->net, net, memory_order_relaxed);
	if (UNLIKELY(apart >= h->fold_at || -apart >= h->fold_at))
		directory_fold(h);
}

/* Harvests. */
void harvest_init(struct harvest *v, const struct hamt_allocator *a);
void harvest_reset(struct harvest *v);
void harvest_want_no_pieces(struct harvest *v);
void harvest_free(struct harvest *v);

/*
 * directory_harvest - append the entries of (slot, word) whose hash, without
 * bit 63, is at least from, and all nodes looked at.
 * root: the hazard slot for the tree's root, which stays protected.
 * Returns   HAMT_OK; HAMT_MISMATCH: the slot changed; HAMT_NOMEM. Unless
 *           HAMT_OK, what was appended is worth nothing.
 */
enum hamt_status directory_harvest(struct hamt *h, unsigned root, const struct slot *slot, uint64_t word,
    int left, uint64_t from, struct harvest *v) MUST_USE;

#endif
