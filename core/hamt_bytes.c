/*
 * hamt_bytes.c - byte strings: leaves in place of values, all else as in
 * hamt.c. Every update is hamt_update() with a decision that looks at leaves.
 *
 * A leaf lives as long as its entry is in a slot, and then until nobody
 * announces it. A guard is an announcement that outlasts the operation: the
 * lookup makes it in the guard's own hazard slot from the start, so that it
 * need not be handed from one slot to another under a scan's eyes.
 */
#include "core/base.h"
#include "core/hash.h"
#include "core/hash_bytes.h"
#include "core/update.h"

/* Keys of get_many and extend whose loads from memory overlap. */
enum { GROUP = 32 };

struct hamt_bytes {
	struct hamt hamt;
};

/* The handle is a struct hamt that hamt_open() made. */
static inline struct hamt_bytes *
bytes_of(struct hamt *h)
{
	return (struct hamt_bytes *)h;
}

static uint64_t
hash_of(const struct hamt *h, struct hamt_string key)
{
	const struct map *map = h->map;
	uint64_t first = 0;

	misuse_if(key.bytes > UINT32_MAX, "hamt_bytes: a key has at most UINT32_MAX bytes");
	if (LIKELY(map->hash == HAMT_HASH_SEEDED))
		return hash_bytes(key.data, key.bytes, map->hash_key, map->hash_key_2);
	if (map->hash == HAMT_HASH_IDENTITY)
		for (size_t i = 0; i < 8; i++)
			first = first << 8 | (i < key.bytes ? ((const unsigned char *)key.data)[i] : 0);
	return first;
}

static struct leaf_key
leaf_key(struct hamt_string key, unsigned hazard)
{
	/* memcmp() wants an address even for no bytes. */
	return (struct leaf_key){ key.bytes != 0 ? key.data : "", (uint32_t)key.bytes, hazard };
}

static struct hamt_string
leaf_value(const struct leaf *leaf)
{
	return (struct hamt_string){ leaf->data + leaf->key_bytes, leaf->value_bytes };
}

/* --- Leaves ------------------------------------------------------------ */

static struct leaf *
leaf_new(struct hamt *h, uint64_t hash, struct hamt_string key, struct hamt_string value)
{
	struct leaf *leaf;

	misuse_if(value.bytes > UINT32_MAX, "hamt_bytes: a value has at most UINT32_MAX bytes");
	/* Only a 32-bit size_t can be too small. */
	if (key.bytes > SIZE_MAX - RECLAIM_HEADER - sizeof(*leaf) - value.bytes)
		return NULL;
	leaf = object_new(&h->node, sizeof(*leaf) + key.bytes + value.bytes);
	if (leaf == NULL)
		return NULL;
	leaf->hash = hash;
	leaf->key_bytes = (uint32_t)key.bytes;
	leaf->value_bytes = (uint32_t)value.bytes;
	if (key.bytes != 0)
		memcpy(leaf->data, key.data, key.bytes);
	if (value.bytes != 0)
		memcpy(leaf->data + key.bytes, value.data, value.bytes);
	return leaf;
}

static void
leaf_free(struct hamt *h, struct leaf *leaf)
{
	if (leaf != NULL)
		object_free(&h->node, leaf, leaf_bytes(leaf));
}

static bool
leaf_holds(const struct leaf *leaf, struct hamt_string value)
{
	return leaf->value_bytes == value.bytes &&
	    (value.bytes == 0 || memcmp(leaf->data + leaf->key_bytes, value.data, value.bytes) == 0);
}

/* --- Guards ------------------------------------------------------------ */

/* guard_choose - the number of a guard that is not held. */
static unsigned
guard_choose(const struct hamt *h)
{
	misuse_if(h->guards == (1u << HAMT_GUARDS) - 1,
	    "hamt_guard: a handle holds at most HAMT_GUARDS; release one first");
	return (unsigned)__builtin_ctz(~h->guards);
}

/* guard_hold - within the operation that found the leaf. */
static void
guard_hold(struct hamt *h, unsigned number, const struct leaf *leaf, struct hamt_guard *guard)
{
	struct hamt_string value = leaf_value(leaf);

	h->guards |= 1u << number;
	reclaim_hold(h->record);
	if (mutant(GUARD_CLEARED_EARLY))
		reclaim_clear(h->record, HAZARD_GUARD + number);
	*guard = (struct hamt_guard){ value.data, value.bytes, bytes_of(h), number };
}

void
hamt_guard_release(struct hamt_guard *guard)
{
	struct hamt *h;

	if (guard->handle == NULL)
		return;
	h = &guard->handle->hamt;
	misuse_if((h->guards >> guard->number & 1) == 0, "hamt_guard_release: the guard has already been released");
	h->guards &= ~(1u << guard->number);
	reclaim_clear(h->record, HAZARD_GUARD + guard->number);
	reclaim_release(h->record);
	*guard = (struct hamt_guard){ .handle = NULL };
}

/* --- Lookups ----------------------------------------------------------- */

/* lookup_slow - the whole way: through a resize, down into CHILDs, past other keys of the same hash. */
static __attribute__((noinline)) const struct leaf *
lookup_slow(struct hamt *h, uint64_t hash, const struct leaf_key *key)
{
	struct path p;

	for (;;) {
		unsigned shift;
		uint64_t word;
		struct slot *slot = directory_locate(h, hash, &word, &shift);

		if (!word_is_node(word))
			return NULL;
		switch (search(h, slot, word, (int)shift, hash, key, &p)) {
		case FOUND:
			return leaf_at(p.step[p.depth - 1].node[p.step[p.depth - 1].at].value);
		case NOT_FOUND:
			return NULL;
		case CHANGED:
			break;
		}
	}
}

/*
 * leaf_chosen - the leaf that stands for hash, or NULL; not protected. Without a branch. Should two
 * keys have the same hash, *same, and the address is no leaf's.
 */
static ALWAYS_INLINE const struct leaf *
leaf_chosen(const struct candidates *c, uint64_t hash, bool *same)
{
	uint64_t wanted = hash & ~ENTRY_SUB;
	uint64_t at_e = -(uint64_t)(c->e->key == wanted);
	uint64_t at_f = -(uint64_t)(c->f->key == wanted);

	*same = c->e != c->f && (at_e & at_f & c->present) != 0;
	return leaf_at(((c->e->value & at_e) | (c->f->value & at_f)) & c->present);
}

/* lookup - the leaf of key, protected by key->hazard, or NULL. */
static ALWAYS_INLINE const struct leaf *
lookup(struct hamt *h, uint64_t hash, const struct leaf_key *key)
{
	const struct leaf *leaf;
	struct candidates c;
	bool same;

	if (!candidates(h, hash, &c))
		return lookup_slow(h, hash, key);
	leaf = leaf_chosen(&c, hash, &same);
	if (UNLIKELY(same))
		return lookup_slow(h, hash, key);
	if (leaf == NULL)
		return NULL;
	publish(h, key->hazard, leaf);
	/* Protected like a node. */
	if (!holds(c.slot, c.word))
		return lookup_slow(h, hash, key);
	return LIKELY(leaf->key_bytes == key->bytes && memcmp(leaf->data, key->data, key->bytes) == 0) ? leaf : NULL;
}

enum hamt_status
hamt_bytes_get(struct hamt_bytes *b, struct hamt_string key, struct hamt_guard *guard)
{
	struct hamt *h = &b->hamt;
	unsigned number = guard_choose(h);
	struct leaf_key k = leaf_key(key, HAZARD_GUARD + number);
	const struct leaf *leaf;

	*guard = (struct hamt_guard){ .handle = NULL };
	operation_begin(h);
	leaf = lookup(h, hash_of(h, key), &k);
	if (leaf != NULL)
		guard_hold(h, number, leaf, guard);
	operation_end(h);
	return leaf != NULL ? HAMT_OK : HAMT_ABSENT;
}

enum hamt_status
hamt_bytes_copy(struct hamt_bytes *b, struct hamt_string key, void *buffer, size_t size, size_t *value_bytes)
{
	struct hamt *h = &b->hamt;
	struct leaf_key k = leaf_key(key, HAZARD_LEAF);
	const struct leaf *leaf;

	operation_begin(h);
	leaf = lookup(h, hash_of(h, key), &k);
	if (leaf != NULL) {
		*value_bytes = leaf->value_bytes;
		if (size > leaf->value_bytes)
			size = leaf->value_bytes;
		if (size != 0)
			memcpy(buffer, leaf->data + leaf->key_bytes, size);
	}
	operation_end(h);
	return leaf != NULL ? HAMT_OK : HAMT_ABSENT;
}

/* group_hash - the hashes of a group of keys, whose slots, nodes and leaves are loaded together. Within an operation. */
static void
group_hash(struct hamt *h, const struct hamt_string keys[], size_t n, uint64_t hash[])
{
	struct candidates c;
	bool same;

	for (size_t i = 0; i < n; i++) {
		hash[i] = hash_of(h, keys[i]);
		slot_prefetch(h, hash[i]);
	}
	for (size_t i = 0; i < n; i++)
		candidates_prefetch(h, hash[i]);
	/* Which leaf it is stands in the node: to read that it is protected. */
	for (size_t i = 0; i < n; i++)
		if (candidates(h, hash[i], &c))
			__builtin_prefetch(leaf_chosen(&c, hash[i], &same));
}

size_t
hamt_bytes_get_many(struct hamt_bytes *b, const struct hamt_string keys[], size_t n, hamt_found_fn *found,
    void *arg)
{
	struct hamt *h = &b->hamt;
	uint64_t hash[GROUP];
	size_t hits = 0;

	for (size_t first = 0; first < n; first += GROUP) {
		size_t group = n - first < GROUP ? n - first : GROUP;

		operation_begin(h);
		group_hash(h, keys + first, group, hash);
		for (size_t i = 0; i < group; i++) {
			struct leaf_key k = leaf_key(keys[first + i], HAZARD_LEAF);
			const struct leaf *leaf = lookup(h, hash[i], &k);

			if (leaf == NULL)
				continue;
			hits++;
			found(arg, first + i, leaf_value(leaf));
		}
		operation_end(h);
	}
	return hits;
}

/* --- Updates ----------------------------------------------------------- */

struct bytes_change {
	struct hamt *h;
	enum { BYTES_INSERT, BYTES_UPSERT, BYTES_REPLACE, BYTES_REMOVE, BYTES_REMOVE_IF, BYTES_COMPUTE } kind;
	uint64_t hash;
	struct hamt_string key, value, expected;
	hamt_bytes_decide_fn *decide;
	void *arg;
	struct hamt_guard *old;  /* may be NULL */
	struct leaf *fresh;      /* made for the map, not in it yet */
	enum hamt_action action; /* the last decision, and its status */
	enum hamt_status status;
};

/* put - the fresh leaf holds what is to be put. Without memory nothing is. */
static enum hamt_action
put(struct bytes_change *c, uint64_t *value)
{
	if (c->fresh == NULL)
		c->fresh = leaf_new(c->h, c->hash, c->key, c->value);
	if (c->fresh == NULL) {
		c->status = HAMT_NOMEM;
		return HAMT_KEEP;
	}
	*value = (uint64_t)(uintptr_t)c->fresh;
	return HAMT_PUT;
}

static enum hamt_action
decide_computed(struct bytes_change *c, const struct leaf *leaf, uint64_t *value)
{
	struct hamt_string old = { NULL, 0 };
	enum hamt_action action;

	/* What an earlier attempt made was for another old value. */
	leaf_free(c->h, c->fresh);
	c->fresh = NULL;
	c->value = old;
	if (leaf != NULL)
		old = leaf_value(leaf);
	action = c->decide(c->arg, leaf != NULL ? &old : NULL, &c->value);
	misuse_if(action != HAMT_KEEP && action != HAMT_PUT && action != HAMT_DELETE,
	    "hamt_bytes_compute: decide must return one of enum hamt_action");
	c->status = HAMT_OK;
	if (action == HAMT_PUT)
		return put(c, value);
	if (action == HAMT_KEEP || leaf == NULL) {
		c->status = leaf != NULL ? HAMT_EXISTS : HAMT_ABSENT;
		return HAMT_KEEP;
	}
	return HAMT_DELETE;
}

/* decide_leaf - hamt_decide_fn: what to do with the key's leaf, which is protected meanwhile. */
static enum hamt_action
decide_leaf(void *arg, bool present, uint64_t *value)
{
	struct bytes_change *c = arg;
	const struct leaf *leaf = present ? leaf_at(*value) : NULL;

	c->status = HAMT_OK;
	switch (c->kind) {
	case BYTES_INSERT:
		if (!present)
			return c->action = put(c, value);
		c->status = HAMT_EXISTS;
		break;
	case BYTES_UPSERT:
		c->status = present ? HAMT_EXISTS : HAMT_OK;
		return c->action = put(c, value);
	case BYTES_REPLACE:
	case BYTES_REMOVE_IF:
		if (!present)
			c->status = HAMT_ABSENT;
		else if (!leaf_holds(leaf, c->expected))
			c->status = HAMT_MISMATCH;
		else
			return c->action = c->kind == BYTES_REPLACE ? put(c, value) : HAMT_DELETE;
		break;
	case BYTES_REMOVE:
		if (present)
			return c->action = HAMT_DELETE;
		c->status = HAMT_ABSENT;
		break;
	case BYTES_COMPUTE:
		return c->action = decide_computed(c, leaf, value);
	}
	return c->action = HAMT_KEEP;
}

/* change_hashed - c with the hash of its key. */
static enum hamt_status
change_hashed(struct hamt_bytes *b, struct bytes_change *c)
{
	struct hamt *h = &b->hamt;
	unsigned number = c->old != NULL ? guard_choose(h) : 0;
	struct leaf_key key = leaf_key(c->key, c->old != NULL ? HAZARD_GUARD + number : HAZARD_LEAF);
	struct change u = { .kind = COMPUTE, .key = &key, .decide = decide_leaf, .arg = c };
	enum hamt_status s;

	c->h = h;
	if (c->old != NULL)
		*c->old = (struct hamt_guard){ .handle = NULL };
	operation_begin(h);
	s = hamt_update(h, c->hash, &u);
	if (s != HAMT_OK || c->action != HAMT_PUT)
		leaf_free(h, c->fresh);
	/* Changed, and there was something before: still announced by the guard. */
	if (s == HAMT_OK && u.old != 0 && c->old != NULL)
		guard_hold(h, number, leaf_at(u.old), c->old);
	operation_end(h);
	return s == HAMT_NOMEM ? HAMT_NOMEM : c->status;
}

static enum hamt_status
change(struct hamt_bytes *b, struct bytes_change *c)
{
	c->hash = hash_of(&b->hamt, c->key);
	return change_hashed(b, c);
}

enum hamt_status
hamt_bytes_insert(struct hamt_bytes *h, struct hamt_string key, struct hamt_string value)
{
	return change(h, &(struct bytes_change){ .kind = BYTES_INSERT, .key = key, .value = value });
}

enum hamt_status
hamt_bytes_upsert(struct hamt_bytes *h, struct hamt_string key, struct hamt_string value, struct hamt_guard *old)
{
	return change(h, &(struct bytes_change){ .kind = BYTES_UPSERT, .key = key, .value = value, .old = old });
}

enum hamt_status
hamt_bytes_replace(struct hamt_bytes *h, struct hamt_string key, struct hamt_string expected,
    struct hamt_string desired)
{
	return change(h, &(struct bytes_change){ .kind = BYTES_REPLACE, .key = key, .value = desired,
	                     .expected = expected });
}

enum hamt_status
hamt_bytes_remove(struct hamt_bytes *h, struct hamt_string key, struct hamt_guard *old)
{
	return change(h, &(struct bytes_change){ .kind = BYTES_REMOVE, .key = key, .old = old });
}

enum hamt_status
hamt_bytes_remove_if(struct hamt_bytes *h, struct hamt_string key, struct hamt_string expected)
{
	return change(h, &(struct bytes_change){ .kind = BYTES_REMOVE_IF, .key = key, .expected = expected });
}

enum hamt_status
hamt_bytes_compute(struct hamt_bytes *h, struct hamt_string key, hamt_bytes_decide_fn *decide, void *arg)
{
	misuse_if(decide == NULL, "hamt_bytes_compute: decide must not be NULL");
	return change(h, &(struct bytes_change){ .kind = BYTES_COMPUTE, .key = key, .decide = decide, .arg = arg });
}

enum hamt_status
hamt_bytes_extend(struct hamt_bytes *b, const struct hamt_string keys[], const struct hamt_string values[],
    size_t n, size_t *done)
{
	uint64_t hash[GROUP];
	size_t i;

	for (i = 0; i < n; i++) {
		struct bytes_change c = { .kind = BYTES_UPSERT, .key = keys[i], .value = values[i] };

		if (i % GROUP == 0) {
			operation_begin(&b->hamt);
			group_hash(&b->hamt, keys + i, n - i < GROUP ? n - i : GROUP, hash);
			operation_end(&b->hamt);
		}
		c.hash = hash[i % GROUP];
		if (change_hashed(b, &c) == HAMT_NOMEM)
			break;
	}
	if (done != NULL)
		*done = i;
	return i == n ? HAMT_OK : HAMT_NOMEM;
}

/* --- The whole map ----------------------------------------------------- */

/* Copies of a slot's leaves, one behind the other, each at a multiple of 8. */
struct copies {
	unsigned char *memory;
	size_t used, size;
	const struct hamt_allocator *allocator;
};

static bool
copies_add(struct copies *c, const struct leaf *leaf)
{
	size_t bytes = (leaf_bytes(leaf) + 7) & ~(size_t)7;

	if (c->size - c->used < bytes) {
		size_t size = c->size + bytes > c->size / 2 * 3 ? c->size + bytes : c->size / 2 * 3;
		unsigned char *memory = allocator_alloc(c->allocator, size);

		if (memory == NULL)
			return false;
		if (c->used != 0)
			memcpy(memory, c->memory, c->used);
		allocator_free(c->allocator, c->memory, c->size);
		c->memory = memory;
		c->size = size;
	}
	memcpy(c->memory + c->used, leaf, leaf_bytes(leaf));
	c->used += bytes;
	return true;
}

/* copy_slot - the leaves of the cursor's slot from there on. */
static enum hamt_status
copy_slot(struct hamt *h, uint64_t from, struct harvest *v, struct copies *c, unsigned *shift)
{
	for (;;) {
		uint64_t word;
		const struct slot *slot = directory_locate(h, from, &word, shift);
		enum hamt_status s;

		harvest_reset(v);
		c->used = 0;
		s = directory_harvest(h, HAZARD_ROOT, slot, word, (int)*shift, from, v);
		for (size_t i = 0; s == HAMT_OK && i < v->count; i++) {
			/* The tree's root is still protected: a leaf is like a node. */
			publish(h, HAZARD_LEAF, leaf_at(v->entries[i].value));
			if (!holds(slot, word))
				s = HAMT_MISMATCH;
			else if (!copies_add(c, leaf_at(v->entries[i].value)))
				s = HAMT_NOMEM;
		}
		if (s != HAMT_MISMATCH)
			return s;
	}
}

struct hamt_cursor
hamt_bytes_cursor_at(const struct hamt_bytes *b, struct hamt_string key)
{
	return (struct hamt_cursor){ .next = hash_of(&b->hamt, key) };
}

enum hamt_status
hamt_bytes_iterate(struct hamt_bytes *b, struct hamt_cursor *cursor, hamt_visit_fn *visit, void *arg)
{
	struct hamt *h = &b->hamt;
	struct copies c = { .allocator = h->node.allocator };
	const struct hamt_cursor before = *cursor;
	enum hamt_status s = HAMT_OK;
	struct harvest v;
	unsigned shift;

	harvest_init(&v, h->node.allocator);
	harvest_want_no_pieces(&v);
	while (!cursor->ended && c.used == 0) {
		operation_begin(h);
		s = copy_slot(h, cursor->next, &v, &c, &shift);
		operation_end(h);
		if (s != HAMT_OK) {
			/* Empty slots may have been passed. */
			*cursor = before;
			c.used = 0;
			break;
		}
		cursor->ended = !after_slot(&cursor->next, shift);
	}
	harvest_free(&v);
	for (size_t at = 0; at < c.used;) {
		const struct leaf *leaf = (const void *)(c.memory + at);

		visit(arg, (struct hamt_string){ leaf->data, leaf->key_bytes }, leaf_value(leaf));
		at += (leaf_bytes(leaf) + 7) & ~(size_t)7;
	}
	allocator_free(c.allocator, c.memory, c.size);
	return s;
}

uint64_t
hamt_bytes_count(struct hamt_bytes *h)
{
	return hamt_count(&h->hamt);
}

enum hamt_status
hamt_bytes_clear(struct hamt_bytes *h, uint64_t *removed)
{
	return hamt_clear(&h->hamt, removed);
}

/* --- Handles ----------------------------------------------------------- */

enum hamt_status
hamt_bytes_new(const struct hamt_config *config, struct hamt_bytes **handle)
{
	struct hamt *h;
	enum hamt_status s = hamt_open(config, true, &h);

	if (s == HAMT_OK)
		*handle = bytes_of(h);
	return s;
}

enum hamt_status
hamt_bytes_clone_probed(const struct hamt_bytes *handle, const struct reclaim_probe *probe,
    struct hamt_bytes **clone)
{
	struct hamt *h;
	enum hamt_status s = hamt_clone_probed(&handle->hamt, probe, &h);

	if (s == HAMT_OK)
		*clone = bytes_of(h);
	return s;
}

enum hamt_status
hamt_bytes_clone(const struct hamt_bytes *handle, struct hamt_bytes **clone)
{
	return hamt_bytes_clone_probed(handle, NULL, clone);
}

void
hamt_bytes_drop(struct hamt_bytes *h)
{
	hamt_drop(&h->hamt);
}

uint64_t
hamt_bytes_resizings(const struct hamt_bytes *h)
{
	return hamt_resizings(&h->hamt);
}

void
hamt_bytes_flush(struct hamt_bytes *h)
{
	hamt_flush(&h->hamt);
}

void
hamt_bytes_pause(struct hamt_bytes *h)
{
	hamt_pause(&h->hamt);
}

struct reclaim_domain *
hamt_bytes_domain(const struct hamt_bytes *h)
{
	return hamt_domain(&h->hamt);
}

void
hamt_bytes_contention(const struct hamt_bytes *h, struct contention_stats *stats)
{
	hamt_contention(&h->hamt, stats);
}

bool
hamt_bytes_check(struct hamt_bytes *h, struct hamt_shape *shape, char *error, size_t error_size)
{
	return hamt_check(&h->hamt, shape, error, error_size);
}
