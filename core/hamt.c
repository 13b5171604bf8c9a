/*
 * hamt.c - all mutable state of the map is slot words and the directory
 * pointer; what lies below a slot is immutable and replaced by one CAS.
 *
 *	map.directory --> directory { bits, next --> the one it is moved to }
 *	                      |
 *	                   slots[2^bits]        the top bits of the hash
 *	                  +-----------+
 *	                  | UNINIT    |         not moved here yet
 *	                  | EMPTY     |
 *	                  | MOVED     |         look in next
 *	                  | node word |---> [ DATA h v | DATA h v | CHILD prefix word ]
 *	                  +-----------+                                          |
 *	                                                    [ DATA h v | ... ] <-+
 * A node word is Bagwell's (Map, Base) pair: 16 bits of bitmap for the next
 * four bits of the hash, the node's address, a frozen bit, and how many
 * entries there are beyond one for each bit (node.h). Whether a key's bit is
 * clear is known from the slot word alone; a hit costs the slot's line and
 * one line of the node, or two where its window lies across them. The hash is
 * a bijection, so it stands for the key. Byte strings have leaves instead of
 * values (update.h, hamt_bytes.c); a leaf is to its entry what a node is to a
 * word, and what is said of nodes below holds for leaves, but for a move: that
 * copies entries and shares leaves, so it retires nodes only.
 *
 * Linearization points
 *   update that changes   the CAS slot: w -> w'
 *   update that does not, and lookup
 *       bit clear         the load of the slot word w that showed it
 *       otherwise         the last load that found the slot still holding w:
 *                         then w was the truth about the key, frozen or not
 *   clear                 slot by slot, the CAS w -> EMPTY, in a slot all of whose
 *                         sources are MOVED
 *   iterate               slot by slot, as a lookup
 * Which slot is the truth about a key: the one in the old directory until that
 * is MOVED, then the one in the new. Rule: nobody updates a slot of the new
 * directory for a key whose old slot is not MOVED, because updates look at the
 * old one first and a frozen word never changes but to MOVED. So the CAS to
 * MOVED changes no key's mapping.
 *
 * Why every validation is sound
 *   A node is retired only by the winner of the CAS that took its word (or its
 *   parent's) out of a slot. So as long as a slot holds w, nothing reachable
 *   from w has been retired. Whoever announces a node reached from w, and then
 *   still finds w in the slot, has announced it before it could be retired:
 *   the scan after that sees the announcement (handshake HP, hazard.h). That
 *   the slot holds w again, and not still, is impossible while w's own root
 *   node is announced: its address cannot be reused, and a word with that
 *   address is made only once for each allocation. Freezing adds a bit and
 *   takes nothing away; so it is left out of the comparison.
 *   The anchor is always the slot, never a mark in a node: a node says nothing
 *   about whether it is still linked.
 *   The directory is announced and validated against map.directory; next
 *   against the same, since a directory is retired only after it has been the
 *   map's. What was entered may be used for any number of operations: once
 *   another directory is the map's, all its slots are MOVED, and MOVED is
 *   where an operation looks again.
 *   An update's CAS needs no ABA protection beyond the announced root: EMPTY
 *   is EMPTY, whoever wrote it, since the new word does not depend on it.
 *
 * Handshake HP here: (1) publish() (2) holds(), or the load of map.directory
 * (3) the CAS on the slot, to MOVED or on map.directory (4) the scan. (2) and
 * (3) are seq_cst.
 *
 * Resize (R), from --> to. The steps of one resize, and who relies on what:
 *   (1) CAS from.next: NULL -> to          release   to's header and zeroes
 *   (2) load from.next                     acquire   pairs with (1)
 *   (3) CAS source: w -> w|frozen          acq_rel   w is final from here on: all who
 *                                                    build from it build the same
 *   (4) CAS target: UNINIT -> w'           acq_rel   publishes the new nodes; after (3) by
 *                                                    program order or by reading (3)'s word
 *   (5) CAS source: w|frozen -> MOVED      seq_cst   after (4) of all targets: each was seen
 *                                                    not UNINIT by whoever does this; so
 *                                                    an acquire load of MOVED that is
 *                                                    followed by a load of the target
 *                                                    finds it initialised (coherence)
 *   (6) store done[block] = 1              release   after all its (5)
 *   (7) load done[block], or of settled    acquire   pairs with (6); settled hands it on
 *   (8) CAS map.directory: from -> to      seq_cst   after (7) for every block: who enters
 *                                                    to finds no slot UNINIT
 * (3): the freeze of an EMPTY can win against an insert or lose, and either is
 * right. Between (3) and (5) readers take the frozen word for the truth, and
 * updates do (3) to (5) themselves before they go on. When two slots merge,
 * one may be MOVED before the other: the target then holds both halves, but
 * the keys of the other half are updated by nobody before their own slot is
 * MOVED; until then both copies say the same.
 * (1) happens only to a directory that is or was the map's, and once; so there
 * are never more than two.
 *
 * Progress: lock-free. A CAS on a slot fails, or a validation does, only
 * because another CAS on that slot succeeded. Each of those is an update that
 * took effect or a step of a resize; a resize has finitely many steps, each
 * can be done by anybody, and a new one starts only after the number of keys
 * has changed by a fraction of the directory's size. A block is done only when
 * all its slots were seen MOVED, so one claimed by a thread that stalls is
 * finished by others. Lookups neither help nor write but to their own record.
 * Allocation, the scan's membarrier and clear() of a slot with many keys lie
 * outside.
 *
 * Sources: as in hamt.h. The directory of (Map, Base) pairs is the root table
 * resizing of Bagwell 2001, section 3.5; copying moves that all help with, as
 * in Cliff Click's non-blocking hash table and Fatourou, Kallimanis, Ropars
 * 2018; DATA and CHILD entries beside each other and contraction on removal,
 * CHAMP.
 */
#include <string.h>

#include "core/base.h"
#include "core/hash.h"
#include "core/update.h"

static ALWAYS_INLINE uint64_t
hash_of(const struct hamt *h, uint64_t key)
{
	return UNLIKELY(h->identity) ? key : hash_u64(key, h->hash_key);
}

/* --- Looking up ------------------------------------------------------- */

/* lookup_slow - the whole way: through a resize, down into CHILDs. */
static __attribute__((noinline)) enum hamt_status
lookup_slow(struct hamt *h, uint64_t hash, uint64_t *value)
{
	struct path p;

	for (;;) {
		unsigned shift;
		uint64_t word;
		struct slot *slot = directory_locate(h, hash, &word, &shift);

		if (!word_is_node(word))
			return HAMT_ABSENT;
		switch (search(h, slot, word, (int)shift, hash, NULL, &p)) {
		case FOUND:
			*value = p.step[p.depth - 1].node[p.step[p.depth - 1].at].value;
			return HAMT_OK;
		case NOT_FOUND:
			return HAMT_ABSENT;
		case CHANGED:
			break;
		}
	}
}

/*
 * lookup - keys are unique, so that or-ing what matches is choosing it, without a branch. Nor is where it
 * goes chosen by one: *value is not touched on a miss, when it may be another thread's, or not writable.
 */
static ALWAYS_INLINE enum hamt_status
lookup(struct hamt *h, uint64_t hash, uint64_t *value)
{
	uint64_t wanted = hash & ~ENTRY_SUB, at_e, at_f, mask, nowhere;
	struct candidates c;
	uintptr_t to;

	if (!candidates(h, hash, &c))
		return lookup_slow(h, hash, value);
	at_e = -(uint64_t)(c.e->key == wanted);
	at_f = -(uint64_t)(c.f->key == wanted);
	mask = c.present & (at_e | at_f);
	to = ((uintptr_t)value & (uintptr_t)mask) | ((uintptr_t)&nowhere & ~(uintptr_t)mask);
	*(uint64_t *)to = (c.e->value & at_e) | (c.f->value & at_f);
	return (enum hamt_status)(HAMT_ABSENT + (int)mask);
}

enum hamt_status
hamt_get(struct hamt *h, uint64_t key, uint64_t *value)
{
	enum hamt_status s;

	operation_begin(h);
	s = lookup(h, hash_of(h, key), value);
	operation_end(h);
	return s;
}

size_t
hamt_get_many(struct hamt *h, const uint64_t keys[], uint64_t values[], bool found[], size_t n)
{
	enum { GROUP = 32 };
	uint64_t hash[GROUP];
	size_t hits = 0, group;

	for (; n > 0; n -= group, keys += group, values += group, found += group) {
		group = n < GROUP ? n : GROUP;
		operation_begin(h);
		for (size_t i = 0; i < group; i++) {
			hash[i] = hash_of(h, keys[i]);
			slot_prefetch(h, hash[i]);
		}
		for (size_t i = 0; i < group; i++)
			candidates_prefetch(h, hash[i]);
		for (size_t i = 0; i < group; i++) {
			found[i] = lookup(h, hash[i], &values[i]) == HAMT_OK;
			hits += found[i];
		}
		operation_end(h);
	}
	return hits;
}

/*
 * hamt_hold - an operation that ends with hamt_release(). A search leaves its
 * root and its last node announced; here they stay so until then.
 */
bool
hamt_hold(struct hamt *h, uint64_t key)
{
	uint64_t hash = hash_of(h, key);
	struct path p;

	misuse_if(h->held, "hamt_hold: the handle holds a read already");
	operation_begin(h);
	for (;;) {
		unsigned shift;
		uint64_t word;
		struct slot *slot = directory_locate(h, hash, &word, &shift);

		if (!word_is_node(word))
			break;
		switch (search(h, slot, word, (int)shift, hash, NULL, &p)) {
		case FOUND:
			h->held = true;
			return true;
		case NOT_FOUND:
			operation_end(h);
			return false;
		case CHANGED:
			break;
		}
	}
	operation_end(h);
	return false;
}

void
hamt_release(struct hamt *h)
{
	misuse_if(!h->held, "hamt_release: nothing is held");
	h->held = false;
	reclaim_clear(h->record, HAZARD_ROOT);
	reclaim_clear(h->record, HAZARD_DESCENT);
	operation_end(h);
}

/* --- Updating --------------------------------------------------------- */

static ALWAYS_INLINE enum hamt_action
decision(struct change *c, enum hamt_status status, enum hamt_action action)
{
	c->status = status;
	return action;
}

static ALWAYS_INLINE enum hamt_action
decide(struct change *c, bool present, uint64_t old)
{
	enum hamt_action action;

	if (!mutant(ANSWER_OF_FIRST_TRY) || c->old == 0 || c->key != NULL)
		c->old = old;
	switch (c->kind) {
	case INSERT:
		return present ? decision(c, HAMT_EXISTS, HAMT_KEEP) : decision(c, HAMT_OK, HAMT_PUT);
	case UPSERT:
		return decision(c, present ? HAMT_EXISTS : HAMT_OK, HAMT_PUT);
	case REPLACE:
	case REMOVE_IF:
		if (!present)
			return decision(c, HAMT_ABSENT, HAMT_KEEP);
		if (old != c->expected)
			return decision(c, HAMT_MISMATCH, HAMT_KEEP);
		return decision(c, HAMT_OK, c->kind == REPLACE ? HAMT_PUT : HAMT_DELETE);
	case REMOVE:
		return present ? decision(c, HAMT_OK, HAMT_DELETE) : decision(c, HAMT_ABSENT, HAMT_KEEP);
	case COMPUTE:
		c->value = present ? old : 0;
		action = c->decide(c->arg, present, &c->value);
		misuse_if(action != HAMT_KEEP && action != HAMT_PUT && action != HAMT_DELETE,
		    "hamt_compute: decide must return one of enum hamt_action");
		if (action == HAMT_KEEP || (action == HAMT_DELETE && !present))
			return decision(c, present ? HAMT_EXISTS : HAMT_ABSENT, HAMT_KEEP);
		return decision(c, HAMT_OK, action);
	}
	return HAMT_KEEP;
}

/* The new nodes of one attempt, and which old ones they stand for. */
struct rebuilt {
	uint64_t word;                /* for the slot */
	unsigned fresh_count;
	struct {
		uint64_t word;
		int left;
	} fresh[NODE_LEVELS];         /* single nodes */
	uint64_t pushed;              /* a whole tree, or WORD_UNINIT */
	int pushed_left;
};

static void
rebuilt_drop(struct hamt *h, const struct rebuilt *r)
{
	for (unsigned i = 0; i < r->fresh_count; i++)
		node_free(&h->node, r->fresh[i].word, r->fresh[i].left);
	node_drop(&h->node, r->pushed, r->pushed_left, NULL, NULL);
}

/*
 * rebuild - new nodes for the path, as action says. False: no memory, nothing
 * was allocated. A removal contracts: a node below the first that is left with
 * one DATA gives it to its parent.
 */
static ALWAYS_INLINE bool
rebuild(struct hamt *h, const struct path *p, bool found, enum hamt_action action, const struct entry *data,
    struct rebuilt *r)
{
	const struct node_config *c = &h->node;
	const struct step *step = &p->step[p->depth - 1];
	int left = p->left;
	struct entry with = *data;
	bool collapsed = false;

	r->fresh_count = 0;
	r->pushed = WORD_UNINIT;
	r->pushed_left = left - NODE_CHUNK_BITS;
	if (action == HAMT_PUT) {
		r->word = found ? node_put(c, step->word, step->node, left, step->at, &with) :
		                  node_insert(c, step->word, step->node, left, &with, &r->pushed);
	} else {
		unsigned count = word_count(step->word, left);
		const struct entry *other = &step->node[(step->at == 0) != mutant(CONTRACTION_KEEPS_WRONG) ? 1 : 0];

		if (count == 1) {
			invariant(p->depth == 1);
			r->word = WORD_EMPTY;
			return true;
		}
		collapsed = p->depth > 1 && count == 2 && !entry_is_child(other);
		if (collapsed)
			with = *other;
		else
			r->word = node_remove(c, step->word, step->node, left, step->at);
	}
	for (;;) {
		if (!collapsed) {
			if (r->word == WORD_UNINIT) {
				rebuilt_drop(h, r);
				return false;
			}
			r->fresh[r->fresh_count].word = r->word;
			r->fresh[r->fresh_count].left = left;
			r->fresh_count++;
		}
		if (LIKELY(step == p->step))
			return true;
		step--;
		left += NODE_CHUNK_BITS;
		/* A node that held nothing but the CHILD goes as well. */
		if (collapsed && step != p->step && word_count(step->word, left) == 1)
			continue;
		if (!collapsed)
			with = (struct entry){ step->node[step->at].key, r->word };
		collapsed = false;
		r->word = node_put(c, step->word, step->node, left, step->at, &with);
	}
}

/* first_node - the word of a node with one entry, or WORD_UNINIT. */
static uint64_t
first_node(struct hamt *h, const struct entry *data, int left)
{
	struct entry *node = node_alloc(&h->node, 1);

	if (node == NULL)
		return WORD_UNINIT;
	*node = *data;
	return word_make(node, 1u << node_chunk(data->key, left), 0);
}

enum hamt_status
hamt_update(struct hamt *h, uint64_t hash, struct change *c)
{
	enum hamt_action action;
	struct rebuilt r;
	struct path p;
	unsigned shift;
	bool found;

	for (;;) {
		struct slot *slot;
		struct entry data;
		uint64_t word;

		if (directory_resizing(h))
			directory_help(h, hash);
		contention_before(&h->contention);
		slot = directory_locate(h, hash, &word, &shift);
		if (UNLIKELY((word & WORD_FROZEN) != 0) && !mutant(FROZEN_UPDATED)) {
			if (directory_thaw(h, hash) != HAMT_OK)
				goto no_memory;
			continue;
		}
		/* Whatever the branches below turn out to be, the node is copied. */
		node_prefetch(word, (int)shift);
		p.depth = 0;
		found = false;
		if (LIKELY(word_is_node(word))) {
			enum found f = search(h, slot, word, (int)shift, hash, c->key, &p);

			if (UNLIKELY(f == CHANGED))
				continue;
			found = f == FOUND;
		}
		action = decide(c, found, found ? p.step[p.depth - 1].node[p.step[p.depth - 1].at].value : 0);
		if (action == HAMT_KEEP) {
			contention_abandoned(&h->contention);
			return c->status;
		}
		data = (struct entry){ hash & ~ENTRY_SUB, c->value };
		if (UNLIKELY(p.depth == 0)) {
			r.fresh_count = 1;
			r.pushed = WORD_UNINIT;
			r.fresh[0].word = r.word = first_node(h, &data, (int)shift);
			r.fresh[0].left = (int)shift;
			if (r.word == WORD_UNINIT)
				goto no_memory;
		} else if (!rebuild(h, &p, found, action, &data, &r)) {
			goto no_memory;
		}
		if (!reserve(h, p.depth + (size_t)(c->key != NULL))) {
			rebuilt_drop(h, &r);
			goto no_memory;
		}
		/* relaxed: only a look, so as not to take the line for a CAS that
		 * cannot succeed. Then seq_cst: HP(3), it unlinks the nodes of the
		 * path, pairs with holds(); its release publishes the new ones.
		 * Failure relaxed: the slot is loaded anew. */
		if (mutant(ROOT_UNPROTECTED))
			reclaim_clear(h->record, HAZARD_ROOT);
		if (mutant(UPDATE_NOT_ATOMIC)) {
			/* seq_cst: as the CAS below, or it would be another bug. */
			atomic_store_explicit(&slot->word, r.word, memory_order_seq_cst);
			break;
		}
		if (LIKELY(atomic_load_explicit(&slot->word, memory_order_relaxed) == word) &&
		    LIKELY(atomic_compare_exchange_strong_explicit(&slot->word, &word, r.word,
		        mutant(UPDATE_RELAXED) ? memory_order_relaxed : memory_order_seq_cst, memory_order_relaxed)))
			break;
		if (mutant(REMOVE_LOSER_WINS) && action == HAMT_DELETE)
			break;
		rebuilt_drop(h, &r);
		contention_failed(&h->contention);
	}
	contention_succeeded(&h->contention);
	for (unsigned i = mutant(RETIRE_LOST); i < p.depth; i++)
		hamt_retire_node(h, word_node(p.step[i].word),
		    word_bytes(p.step[i].word, (int)shift - NODE_CHUNK_BITS * (int)i));
	/* Ours alone by now; protected by ourselves for as long as the caller likes. */
	if (UNLIKELY(c->key != NULL) && found)
		hamt_retire(h, leaf_at(c->old), leaf_bytes(leaf_at(c->old)), NULL);
	if (action == HAMT_DELETE)
		directory_count(h, -1);
	else if (!found || mutant(COUNT_REPLACED))
		directory_count(h, 1);
	return c->status;

no_memory:
	contention_abandoned(&h->contention);
	return HAMT_NOMEM;
}

/* change - one update, an operation by itself. */
static inline enum hamt_status
change(struct hamt *h, uint64_t key, struct change *c)
{
	enum hamt_status s;

	operation_begin(h);
	s = hamt_update(h, hash_of(h, key), c);
	operation_end(h);
	return s;
}

enum hamt_status
hamt_insert(struct hamt *h, uint64_t key, uint64_t value)
{
	struct change c = { .kind = INSERT, .value = value };

	return change(h, key, &c);
}

enum hamt_status
hamt_upsert(struct hamt *h, uint64_t key, uint64_t value, uint64_t *old)
{
	struct change c = { .kind = UPSERT, .value = value };
	enum hamt_status s = change(h, key, &c);

	if (old != NULL && s == HAMT_EXISTS)
		*old = c.old;
	return s;
}

enum hamt_status
hamt_replace(struct hamt *h, uint64_t key, uint64_t expected, uint64_t desired)
{
	struct change c = { .kind = REPLACE, .value = desired, .expected = expected };

	return change(h, key, &c);
}

enum hamt_status
hamt_remove(struct hamt *h, uint64_t key, uint64_t *old)
{
	struct change c = { .kind = REMOVE };
	enum hamt_status s = change(h, key, &c);

	if (old != NULL && s == HAMT_OK)
		*old = c.old;
	return s;
}

enum hamt_status
hamt_remove_if(struct hamt *h, uint64_t key, uint64_t expected)
{
	struct change c = { .kind = REMOVE_IF, .expected = expected };

	return change(h, key, &c);
}

enum hamt_status
hamt_compute(struct hamt *h, uint64_t key, hamt_decide_fn *decide_key, void *arg)
{
	struct change c = { .kind = COMPUTE, .decide = decide_key, .arg = arg };

	misuse_if(decide_key == NULL, "hamt_compute: decide must not be NULL");
	return change(h, key, &c);
}

enum hamt_status
hamt_extend(struct hamt *h, const uint64_t keys[], const uint64_t values[], size_t n, size_t *done)
{
	enum { GROUP = 16 };
	enum hamt_status s = HAMT_OK;
	size_t at = 0;

	for (size_t i = 0; i < n && s != HAMT_NOMEM; i++) {
		struct change c = { .kind = UPSERT, .value = values[i] };

		operation_begin(h);
		/* Ahead by one group, so that the misses overlap. */
		for (; at < n && at < i + GROUP; at++)
			slot_prefetch(h, hash_of(h, keys[at]));
		if (i + GROUP / 2 < n) {
			/* relaxed: a hint for a prefetch, which reads nothing. */
			uint64_t word = atomic_load_explicit(
			    &h->slots[hash_of(h, keys[i + GROUP / 2]) >> h->shift].word, memory_order_relaxed);

			__builtin_prefetch(word_node(word));
		}
		s = hamt_update(h, hash_of(h, keys[i]), &c);
		operation_end(h);
		if (done != NULL)
			*done = s == HAMT_NOMEM ? i : i + 1;
	}
	if (done != NULL && n == 0)
		*done = 0;
	return s == HAMT_NOMEM ? HAMT_NOMEM : HAMT_OK;
}

/* --- The whole map ---------------------------------------------------- */

#define NO_SERIAL UINT64_MAX /* no directory's */

/*
 * clear_slot - the slot of hash becomes EMPTY. *removed: the entries it held.
 * The whole slot changes, not one key. In the next directory it may have been
 * merged from two, of which one is not MOVED and still the truth about its
 * keys: so both are moved first.
 */
static enum hamt_status
clear_slot(struct hamt *h, uint64_t hash, unsigned *shift, struct harvest *v, uint64_t *removed)
{
	/* By its number: the address may come back once the directory is left. */
	uint64_t moved_from = NO_SERIAL;

	for (;;) {
		uint64_t word;
		struct slot *slot;
		enum hamt_status s;

		contention_before(&h->contention);
		slot = directory_locate(h, hash, &word, shift);
		if ((word & WORD_FROZEN) != 0 || (*shift != h->shift && moved_from != h->serial)) {
			moved_from = h->serial;
			if (directory_thaw(h, hash) != HAMT_OK)
				goto no_memory;
			/* Else it was left, and nothing was moved. */
			if (moved_from != h->serial)
				moved_from = NO_SERIAL;
			continue;
		}
		if (!word_is_node(word)) {
			contention_abandoned(&h->contention);
			*removed = 0;
			return HAMT_OK;
		}
		harvest_reset(v);
		s = directory_harvest(h, HAZARD_ROOT, slot, word, (int)*shift, 0, v);
		if (s == HAMT_NOMEM ||
		    (s == HAMT_OK && !reserve(h, v->piece_count + (h->map->leaves ? v->count : 0))))
			goto no_memory;
		/* seq_cst: HP(3), pairs with holds(). Failure relaxed: from the start. */
		if (s == HAMT_OK && atomic_compare_exchange_strong_explicit(&slot->word, &word, WORD_EMPTY,
		                        memory_order_seq_cst, memory_order_relaxed))
			break;
		contention_failed(&h->contention);
	}
	contention_succeeded(&h->contention);
	for (size_t i = 0; i < v->piece_count; i++)
		hamt_retire_node(h, v->pieces[i].node, v->pieces[i].bytes);
	if (h->map->leaves)
		for (size_t i = 0; i < v->count; i++)
			hamt_retire(h, leaf_at(v->entries[i].value), leaf_bytes(leaf_at(v->entries[i].value)), NULL);
	*removed = v->count;
	return HAMT_OK;

no_memory:
	contention_abandoned(&h->contention);
	return HAMT_NOMEM;
}

enum hamt_status
hamt_clear(struct hamt *h, uint64_t *removed)
{
	enum hamt_status s;
	uint64_t hash = 0, all = 0, here;
	unsigned shift;
	struct harvest v;

	harvest_init(&v, h->node.allocator);
	do {
		operation_begin(h);
		s = clear_slot(h, hash, &shift, &v, &here);
		if (s == HAMT_OK) {
			all += here;
			directory_count(h, -(int64_t)here);
		}
		operation_end(h);
	} while (s == HAMT_OK && after_slot(&hash, shift));
	harvest_free(&v);
	operation_begin(h);
	/* An empty directory is not left to updates that may never come: all
	 * halvings together take fewer blocks than this. */
	directory_fold(h);
	for (size_t blocks = ((size_t)2 << h->directory->bits) / DIRECTORY_BLOCK + DIRECTORY_BITS_MAX;
	     blocks > 0 && directory_resizing(h); blocks--)
		directory_help(h, 0);
	operation_end(h);
	if (removed != NULL)
		*removed = all;
	return s;
}

struct hamt_cursor
hamt_cursor_at(const struct hamt *h, uint64_t key)
{
	return (struct hamt_cursor){ .next = hash_of(h, key) };
}

size_t
hamt_iterate(struct hamt *h, struct hamt_cursor *cursor, uint64_t keys[], uint64_t values[], size_t n)
{
	struct harvest v;
	size_t filled = 0;

	misuse_if(n == 0, "hamt_iterate: n must not be 0");
	harvest_init(&v, h->node.allocator);
	harvest_want_no_pieces(&v);
	while (filled < n && !cursor->ended) {
		const struct slot *slot;
		enum hamt_status s;
		unsigned shift;
		uint64_t word, last = 0;

		harvest_reset(&v);
		v.limit = n - filled < v.capacity ? n - filled : v.capacity;
		operation_begin(h);
		slot = directory_locate(h, cursor->next, &word, &shift);
		/* Without pieces, and with a limit, it needs no memory. */
		s = directory_harvest(h, HAZARD_ROOT, slot, word, (int)shift, cursor->next, &v);
		operation_end(h);
		if (s != HAMT_OK)
			continue;
		for (size_t i = 0; i < v.count; i++) {
			last = v.entries[i].key | (cursor->next & ENTRY_SUB);
			keys[filled] = h->identity ? last : hash_u64_inverse(last, h->hash_key);
			values[filled++] = v.entries[i].value;
		}
		if (v.count < v.limit)
			cursor->ended = !after_slot(&cursor->next, mutant(ITERATION_STEPS_OVER) ? h->shift : shift);
		else
			cursor->ended = (cursor->next = last + 1) == 0;
	}
	harvest_free(&v);
	return filled;
}

uint64_t
hamt_count(struct hamt *h)
{
	int64_t sum = 0;

	/* acquire: pairs with the push in handle_new(), makes the handles readable. */
	for (const struct hamt *i = atomic_load_explicit(&h->map->handles, memory_order_acquire); i != NULL;
	     i = i->sibling)
		/* relaxed: a sum over moments; exact if nobody updates. */
		sum += atomic_load_explicit(&i->net, memory_order_relaxed);
	/* A removal may have been counted whose insertion was not yet. */
	return sum > 0 ? (uint64_t)sum : 0;
}

/* --- Handles ---------------------------------------------------------- */

static void *
aligned_alloc_from(const struct hamt_allocator *a, size_t bytes, void **block)
{
	void *aligned;

	*block = allocator_alloc(a, bytes + CACHE_LINE_BYTES - 1);
	if (*block == NULL)
		return NULL;
	aligned = (void *)(((uintptr_t)*block + CACHE_LINE_BYTES - 1) & ~(uintptr_t)(CACHE_LINE_BYTES - 1));
	/* Not reachable yet, so plain zeroes initialise its atomics too. */
	memset(aligned, 0, bytes);
	return aligned;
}

static void
aligned_free_to(const struct hamt_allocator *a, void *block, size_t bytes)
{
	allocator_free(a, block, bytes + CACHE_LINE_BYTES - 1);
}

/* handle_idle - a dropped handle of the map, now ours, or NULL. */
static struct hamt *
handle_idle(struct map *map)
{
	/* acquire: pairs with the push in handle_new(). */
	struct hamt *h = atomic_load_explicit(&map->handles, memory_order_acquire);

	for (; h != NULL; h = h->sibling) {
		bool taken = atomic_load_explicit(&h->taken, memory_order_relaxed); /* a guess */

		/* acquire: pairs with the release in hamt_drop(): its plain fields
		 * are as its last owner left them. Failure relaxed: to the next. */
		if (!taken && atomic_compare_exchange_strong_explicit(&h->taken, &taken, true,
		                  memory_order_acquire, memory_order_relaxed))
			return h;
	}
	return NULL;
}

/* handle_new - a handle that the map did not have before; attached to its contention domain. */
static struct hamt *
handle_new(struct map *map)
{
	void *block;
	struct hamt *h = aligned_alloc_from(map->node.allocator, sizeof(*h), &block);

	if (h == NULL)
		return NULL;
	if (!contention_attach(&h->contention, &map->contention)) {
		aligned_free_to(map->node.allocator, block, sizeof(*h));
		return NULL;
	}
	h->block = block;
	h->map = map;
	atomic_init(&h->taken, true);
	for (;;) {
		contention_before(&h->contention);
		/* relaxed: a guess, confirmed by the CAS. */
		h->sibling = atomic_load_explicit(&map->handles, memory_order_relaxed);
		/* release: pairs with every acquire of the head. Failure relaxed: the
		 * others are not looked at. */
		if (atomic_compare_exchange_weak_explicit(&map->handles, &h->sibling, h, memory_order_release,
		        memory_order_relaxed))
			break;
		contention_failed(&h->contention);
	}
	contention_succeeded(&h->contention);
	return h;
}

/*
 * handle_open - a handle in use, one user of the map more. NULL: no memory.
 * first: the directory of a new map, which nobody else has seen; else NULL.
 */
static struct hamt *
handle_open(struct map *map, const struct reclaim_probe *probe, struct directory *first)
{
	struct reclaim_record *record;
	struct hamt *h;

	if (reclaim_attach(map->domain, probe, &record) != HAMT_OK)
		return NULL;
	h = handle_idle(map);
	if (h != NULL && !contention_attach(&h->contention, &map->contention)) {
		/* release: pairs with handle_idle(); idle as it was. */
		atomic_store_explicit(&h->taken, false, memory_order_release);
		reclaim_detach(record);
		return NULL;
	}
	if (h == NULL)
		h = handle_new(map);
	if (h == NULL) {
		reclaim_detach(record);
		return NULL;
	}
	h->record = record;
	h->node = map->node;
	h->node.record = record;
	h->identity = map->hash == HAMT_HASH_IDENTITY;
	h->hash_key = map->hash_key;
	h->nothing = word_make(h->zeroes, 1, 0);
	if (first != NULL)
		reclaim_born(record, first);
	(void)reclaim_enter(record);
	directory_enter(h);
	reclaim_leave(record);
	/* It may be long until it is used, by another thread. */
	reclaim_pause(record);
	return h;
}

/* What is dropped, and where its slots' contents came from. */
struct dropping {
	struct map *map;
	const struct directory *from; /* NULL: it is the map's own directory */
};

/* drop_leaf - unless an entry of the directory that is being left holds it, too. */
static void
drop_leaf(void *arg, uint64_t value)
{
	const struct dropping *d = arg;
	struct leaf *leaf = leaf_at(value);

	/* relaxed: nobody else has a handle any more. */
	if (d->from == NULL || atomic_load_explicit(&d->from->slots[leaf->hash >> d->from->shift].word,
	                           memory_order_relaxed) == WORD_MOVED)
		object_free(&d->map->node, leaf, leaf_bytes(leaf));
}

/* drop_slots - all nodes below the slots of d, and the leaves that are its own. */
static void
drop_slots(struct map *map, const struct directory *d, const struct directory *from)
{
	struct dropping dropping = { map, from };

	for (size_t i = 0; i < (size_t)1 << d->bits; i++)
		/* relaxed: nobody else has a handle any more. */
		node_drop(&map->node, atomic_load_explicit(&d->slots[i].word, memory_order_relaxed),
		    (int)d->shift, map->leaves ? drop_leaf : NULL, &dropping);
}

/* map_free - the last handle is gone. A resize may be under way: its two directories share no node. */
static void
map_free(struct map *map)
{
	/* relaxed, all: nobody else has a handle any more. */
	struct directory *d = atomic_load_explicit(&map->directory, memory_order_relaxed), *next;
	struct hamt *h = atomic_load_explicit(&map->handles, memory_order_relaxed), *sibling;
	struct reclaim_domain *domain = map->domain;
	const struct hamt_allocator *a = map->node.allocator;

	if (d != NULL) {
		next = atomic_load_explicit(&d->next, memory_order_relaxed);
		/* The next one first: which leaves it shares is seen in this one. */
		if (next != NULL) {
			drop_slots(map, next, d);
			directory_free(a, next);
		}
		drop_slots(map, d, NULL);
		directory_free(a, d);
	}
	for (; h != NULL; h = sibling) {
		sibling = h->sibling;
		aligned_free_to(a, h->block, sizeof(*h));
	}
	contention_domain_fini(&map->contention);
	aligned_free_to(a, map->block, sizeof(*map));
	reclaim_domain_drop(domain);
}

enum hamt_status
hamt_open(const struct hamt_config *config, bool leaves, struct hamt **handle)
{
	static const struct hamt_config all_zero;
	struct reclaim_domain *domain;
	struct directory *d = NULL;
	struct hamt *h = NULL;
	struct map *map;
	void *block;

	if (config == NULL)
		config = &all_zero;
	misuse_if(config->inline_limit > NODE_INLINE_MAX && config->inline_limit != HAMT_INLINE_NONE,
	    "hamt_new: inline_limit must be at most 7, or HAMT_INLINE_NONE");
	misuse_if(config->min_bits > DIRECTORY_BITS_MAX || config->max_bits > DIRECTORY_BITS_MAX,
	    "hamt_new: min_bits and max_bits must be at most 40 (26 on 32-bit machines)");
	misuse_if(config->max_bits != 0 && config->max_bits < config->min_bits,
	    "hamt_new: max_bits must be at least min_bits");
	misuse_if(config->hash != HAMT_HASH_SEEDED && config->hash != HAMT_HASH_IDENTITY &&
	        !(leaves && config->hash == HAMT_HASH_CONSTANT),
	    "hamt_new: hash must be one of enum hamt_hash, and HAMT_HASH_CONSTANT is for byte strings");
	if (config->domain != NULL) {
		domain = reclaim_domain_share(config->domain);
	} else {
		enum hamt_status s = reclaim_domain_new(&config->reclaim, &domain);

		if (s != HAMT_OK)
			return s;
	}
	map = aligned_alloc_from(reclaim_domain_allocator(domain), sizeof(*map), &block);
	if (map == NULL) {
		reclaim_domain_drop(domain);
		return HAMT_NOMEM;
	}
	map->block = block;
	map->domain = domain;
	map->node.allocator = reclaim_domain_allocator(domain);
	map->node.inline_limit = config->inline_limit == 0 ? NODE_INLINE_MAX :
	    config->inline_limit == HAMT_INLINE_NONE       ? 0 :
	                                                     config->inline_limit;
	map->hash = config->hash;
	map->leaves = leaves;
	map->hash_key = config->hash_key != 0 ? config->hash_key : hash_random_key();
	map->hash_key_2 = config->hash_key != 0 ? hash_u64(config->hash_key, 1) : hash_random_key();
	map->min_bits = config->min_bits != 0 ? config->min_bits : DIRECTORY_BITS_DEFAULT;
	map->max_bits = config->max_bits != 0 ? config->max_bits : DIRECTORY_BITS_MAX;
	if (map->min_bits > map->max_bits)
		map->min_bits = map->max_bits;
	contention_domain_init(&map->contention, &config->contention, map->node.allocator);
	atomic_init(&map->users, 1);
	d = directory_new(map->node.allocator, map->min_bits);
	if (d != NULL) {
		for (size_t i = 0; i < (size_t)1 << d->bits; i++)
			atomic_init(&d->slots[i].word, WORD_EMPTY);
		atomic_init(&map->directory, d);
		h = handle_open(map, config->probe, d);
	}
	if (h == NULL) {
		map_free(map);
		return HAMT_NOMEM;
	}
	*handle = h;
	return HAMT_OK;
}

enum hamt_status
hamt_new(const struct hamt_config *config, struct hamt **handle)
{
	return hamt_open(config, false, handle);
}

enum hamt_status
hamt_clone_probed(const struct hamt *handle, const struct reclaim_probe *probe, struct hamt **clone)
{
	struct map *map = handle->map;
	struct hamt *h = handle_open(map, probe, NULL);

	if (h == NULL)
		return HAMT_NOMEM;
	/* relaxed: the caller has a handle, so the count cannot reach 0 meanwhile. */
	atomic_fetch_add_explicit(&map->users, 1, memory_order_relaxed);
	*clone = h;
	return HAMT_OK;
}

enum hamt_status
hamt_clone(const struct hamt *handle, struct hamt **clone)
{
	return hamt_clone_probed(handle, NULL, clone);
}

void
hamt_drop(struct hamt *h)
{
	struct map *map = h->map;
	/* relaxed: our own. */
	int64_t net = atomic_load_explicit(&h->net, memory_order_relaxed);

	misuse_if(!atomic_load_explicit(&h->taken, memory_order_relaxed),
	    "hamt_drop: the handle has already been dropped");
	misuse_if(h->guards != 0, "hamt_drop: a guard has not been released");
	misuse_if(h->held, "hamt_drop: hamt_release() has not been called");
	/* Folded, but no resize begun: that would allocate. relaxed: see directory_fold(). */
	atomic_fetch_add_explicit(&map->approximate, net - h->folded, memory_order_relaxed);
	h->folded = net;
	reclaim_detach(h->record);
	contention_leave(&h->contention);
	/* release: pairs with handle_idle(). */
	atomic_store_explicit(&h->taken, false, memory_order_release);
	/* acq_rel: the last one sees everybody's accesses, and everybody else's
	 * come before; pairs with itself. */
	if (atomic_fetch_sub_explicit(&map->users, 1, memory_order_acq_rel) == 1)
		map_free(map);
}

/* --- Statistics ------------------------------------------------------- */

uint64_t
hamt_resizings(const struct hamt *h)
{
	return h->resizings;
}

void
hamt_flush(struct hamt *h)
{
	reclaim_scan(h->record);
}

void
hamt_pause(struct hamt *h)
{
	announcements_clear(h);
	reclaim_pause(h->record);
}

struct reclaim_domain *
hamt_domain(const struct hamt *h)
{
	return h->map->domain;
}

void
hamt_contention(const struct hamt *h, struct contention_stats *stats)
{
	contention_domain_stats(&h->map->contention, stats);
}
