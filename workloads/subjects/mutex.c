/*
 * mutex.c - what people write first: a chained hash table under one lock. And what they
 * write next: the same with N locks, each for its share of the buckets (striped).
 *
 * The table is sized once, a bucket per key of the steady state. With --resize auto it
 * begins with a bucket per key of the beginning, and who puts in a key too many takes all
 * locks and moves everything into twice the buckets, as the containers of standard libraries do.
 *
 * mutex-bytes is the same for byte strings, which lie in the node: it is malloc'd in their size, and values
 * are read and written under the lock. Its hash is that of hamt-bytes, so that the two differ in structure only.
 */
/* variants: mutex=-DBYTES=0 striped=-DBYTES=0,-DSTRIPED mutex-bytes=-DBYTES=1 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/hash.h"
#include "core/hash_bytes.h"
#include "harness/bytes.h"
#include "harness/random.h"
#include "workloads/subjects/resize_option.h"

#ifdef STRIPED
#define STRIPES(options) option_count(options, "stripes")
#else
#define STRIPES(options) 1
#endif

struct stripe {
	CACHE_ALIGNED pthread_mutex_t lock;
	uint64_t nodes;          /* in its buckets */
};

struct table {
	uint64_t seed, seed_2; /* of the hash; that of byte strings has two */
	_Atomic(uint64_t) mask;
	struct node **bucket;    /* mask + 1 of them; both change under all locks */
	uint64_t stripes;
	struct stripe *stripe;   /* bucket b belongs to stripe b % stripes, both of 32 bits */
	bool grows;
	_Atomic(uint64_t) resizings;
	struct subject_params params;
};

/* relaxed: it changes under all locks, and whoever relies on it holds one. */
static uint64_t
table_mask(const struct table *t)
{
	return atomic_load_explicit(&t->mask, memory_order_relaxed);
}

/* ---- Keys, nodes and handles of either kind ---- */

#if BYTES

struct node {
	struct node *next;
	size_t key_bytes, value_bytes;
	unsigned char data[];    /* the key, then the value */
};

struct key {
	struct byte_string name;
	uint64_t hash;
};

struct handle {
	CACHE_ALIGNED struct table *table;
	struct bytes bytes;
};

static struct table *
table_of(void *handle)
{
	return ((struct handle *)handle)->table;
}

static uint64_t
hash_of(const struct table *t, const void *data, size_t length)
{
	return hash_bytes(data, length, t->seed, t->seed_2);
}

static struct key
key_of(void *handle, uint64_t number)
{
	const struct handle *h = handle;
	struct byte_string name = bytes_name(&h->bytes, number);

	return (struct key){ name, hash_of(h->table, name.data, name.bytes) };
}

static bool
node_is(const struct node *n, const struct key *key)
{
	return n->key_bytes == key->name.bytes && memcmp(n->data, key->name.data, key->name.bytes) == 0;
}

static uint64_t
node_value(void *handle, const struct node *n)
{
	return bytes_read(&((struct handle *)handle)->bytes, n->data + n->key_bytes, n->value_bytes);
}

static void
node_set(void *handle, struct node *n, uint64_t value)
{
	memcpy(n->data + n->key_bytes, bytes_value(&((struct handle *)handle)->bytes, value).data, n->value_bytes);
}

static struct node *
node_new(void *handle, const struct key *key, uint64_t value)
{
	size_t value_bytes = ((struct handle *)handle)->bytes.value_bytes;
	struct node *n = malloc(sizeof(*n) + key->name.bytes + value_bytes);

	if (n == NULL)
		return NULL;
	*n = (struct node){ .key_bytes = key->name.bytes, .value_bytes = value_bytes };
	memcpy(n->data, key->name.data, key->name.bytes);
	node_set(handle, n, value);
	return n;
}

/* For who sees the table as a whole. */
static uint64_t
node_number(void *handle, const struct node *n)
{
	return bytes_key(&((struct handle *)handle)->bytes, n->data, n->key_bytes, node_value(handle, n));
}

static uint64_t
node_hash(const struct table *t, const struct node *n)
{
	return hash_of(t, n->data, n->key_bytes);
}

static bool
same_key(const struct node *n, const struct node *m)
{
	return node_is(n, &(struct key){ { m->data, m->key_bytes }, 0 });
}

static void *
mutex_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	struct handle *h = aligned_alloc(CACHE_LINE_BYTES, sizeof(*h));
	struct table *t = map;

	(void)thread;
	(void)probe;
	if (h == NULL)
		return NULL;
	h->table = t;
	if (bytes_open(&h->bytes, &t->params, 1))
		return h;
	free(h);
	return NULL;
}

static void
mutex_detach(void *handle)
{
	bytes_close(&((struct handle *)handle)->bytes);
	free(handle);
}

#else

struct node {
	struct node *next;
	uint64_t key, value;
};

struct key {
	uint64_t number, hash;
};

/* A handle is the table itself. */
static struct table *
table_of(void *handle)
{
	return handle;
}

static struct key
key_of(void *handle, uint64_t number)
{
	return (struct key){ number, hash_u64(number, table_of(handle)->seed) };
}

static bool
node_is(const struct node *n, const struct key *key)
{
	return n->key == key->number;
}

static uint64_t
node_value(void *handle, const struct node *n)
{
	(void)handle;
	return n->value;
}

static void
node_set(void *handle, struct node *n, uint64_t value)
{
	(void)handle;
	n->value = value;
}

static struct node *
node_new(void *handle, const struct key *key, uint64_t value)
{
	struct node *n = malloc(sizeof(*n));

	(void)handle;
	if (n != NULL)
		*n = (struct node){ .key = key->number, .value = value };
	return n;
}

static uint64_t
node_number(void *handle, const struct node *n)
{
	(void)handle;
	return n->key;
}

static uint64_t
node_hash(const struct table *t, const struct node *n)
{
	return hash_u64(n->key, t->seed);
}

static bool
same_key(const struct node *n, const struct node *m)
{
	return n->key == m->key;
}

static void *
mutex_attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread;
	(void)probe;
	return map;
}

static void
mutex_detach(void *handle)
{
	(void)handle;
}

#endif

/* ---- The table ---- */

static void *
mutex_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct table *t = calloc(1, sizeof(*t));
	bool grows = resize_option_is_auto(params->options);
	uint64_t buckets = 1, wanted = grows ? params->first : params->size;

	while (buckets < wanted)
		buckets *= 2;
	if (t != NULL) {
		t->seed = params->seed;
		t->seed_2 = random_mix(params->seed);
		t->params = *params;
		t->grows = grows;
		atomic_init(&t->mask, buckets - 1);
		t->stripes = STRIPES(params->options);
		t->bucket = calloc(buckets, sizeof(*t->bucket));
		t->stripe = aligned_alloc(CACHE_LINE_BYTES, t->stripes * sizeof(*t->stripe));
	}
	if (t == NULL || t->bucket == NULL || t->stripe == NULL) {
		snprintf(error, error_size, "no memory for %llu buckets", (unsigned long long)buckets);
		if (t != NULL) {
			free(t->bucket);
			free(t->stripe);
		}
		free(t);
		return NULL;
	}
	for (uint64_t i = 0; i < t->stripes; i++) {
		pthread_mutex_init(&t->stripe[i].lock, NULL);
		t->stripe[i].nodes = 0;
	}
	return t;
}

static void
mutex_destroy(void *map, struct reclaim_stats *last)
{
	struct table *t = map;

	for (uint64_t b = 0; b <= table_mask(t); b++)
		for (struct node *n = t->bucket[b], *next; n != NULL; n = next) {
			next = n->next;
			free(n);
		}
	for (uint64_t i = 0; i < t->stripes; i++)
		pthread_mutex_destroy(&t->stripe[i].lock);
	free(t->bucket);
	free(t->stripe);
	free(t);
	*last = (struct reclaim_stats){ 0 };
}

static struct stripe *
table_stripe(const struct table *t, uint64_t bucket)
{
	/* Of 32 bits, since a division of 64 takes longer than the rest. */
	return &t->stripe[(uint32_t)bucket % (uint32_t)t->stripes];
}

/* Lock the stripe of a hash. *bucket: where it belongs, until the lock is given back. */
static struct stripe *
table_lock(struct table *t, uint64_t hash, uint64_t *bucket)
{
	for (;;) {
		uint64_t mask = table_mask(t);
		struct stripe *stripe = table_stripe(t, *bucket = hash & mask);

		pthread_mutex_lock(&stripe->lock);
		if (LIKELY(table_mask(t) == mask))
			return stripe;
		/* The table grew before the lock was had: this may be another's. */
		pthread_mutex_unlock(&stripe->lock);
	}
}

/* Lock the key's stripe and find the link that points to its node, or to NULL. */
static struct node **
table_lock_link(struct table *t, const struct key *key, struct stripe **stripe)
{
	uint64_t b;
	struct node **link;

	*stripe = table_lock(t, key->hash, &b);
	link = &t->bucket[b];
	while (*link != NULL && !node_is(*link, key))
		link = &(*link)->next;
	return link;
}

static void
table_unlock(struct stripe *stripe)
{
	pthread_mutex_unlock(&stripe->lock);
}

/* Every lock is held: everything into twice the buckets. Without memory for them it stays as it is. */
static void
table_double(struct table *t)
{
	uint64_t buckets = table_mask(t) + 1, mask = 2 * buckets - 1;
	struct node **wider = calloc(2 * buckets, sizeof(*wider));

	if (wider == NULL)
		return;
	for (uint64_t i = 0; i < t->stripes; i++)
		t->stripe[i].nodes = 0;
	for (uint64_t b = 0; b < buckets; b++)
		for (struct node *n = t->bucket[b], *next; n != NULL; n = next) {
			uint64_t to = node_hash(t, n) & mask;

			next = n->next;
			n->next = wider[to];
			wider[to] = n;
			table_stripe(t, to)->nodes++;
		}
	free(t->bucket);
	t->bucket = wider;
	/* relaxed, both: see table_mask(); and a statistic. */
	atomic_store_explicit(&t->mask, mask, memory_order_relaxed);
	atomic_store_explicit(&t->resizings, atomic_load_explicit(&t->resizings, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

/* A few more than its share: a stripe of few buckets fills up by chance. */
static bool
stripe_is_full(const struct table *t, const struct stripe *stripe, uint64_t mask)
{
	return stripe->nodes > mask / t->stripes + 8;
}

/* The stripe's lock is given back; if it has become too full, the table grows. */
static void
table_unlock_grown(struct table *t, struct stripe *stripe)
{
	uint64_t mask = table_mask(t);
	bool full = t->grows && stripe_is_full(t, stripe, mask);

	table_unlock(stripe);
	if (!full)
		return;
	for (uint64_t i = 0; i < t->stripes; i++)
		pthread_mutex_lock(&t->stripe[i].lock);
	if (table_mask(t) == mask)
		table_double(t);
	for (uint64_t i = 0; i < t->stripes; i++)
		pthread_mutex_unlock(&t->stripe[i].lock);
}

/* insert and upsert of a key that is absent. */
static enum op_result
table_add(void *handle, struct stripe *stripe, struct node **link, const struct key *key, uint64_t value,
    enum op_result added)
{
	struct node *n = node_new(handle, key, value);

	if (n == NULL)
		return OP_NOMEM;
	*link = n;
	stripe->nodes++;
	return added;
}

static enum op_result
mutex_get(void *handle, uint64_t number, uint64_t *value)
{
	struct key key = key_of(handle, number);
	struct stripe *stripe;
	struct node **link = table_lock_link(table_of(handle), &key, &stripe);
	enum op_result result = OP_MISS;

	if (*link != NULL) {
		*value = node_value(handle, *link);
		result = OP_HIT;
	}
	table_unlock(stripe);
	return result;
}

static enum op_result
mutex_insert(void *handle, uint64_t number, uint64_t *value)
{
	struct key key = key_of(handle, number);
	struct stripe *stripe;
	struct node **link = table_lock_link(table_of(handle), &key, &stripe);
	enum op_result result = *link != NULL ? OP_MISS : table_add(handle, stripe, link, &key, *value, OP_HIT);

	table_unlock_grown(table_of(handle), stripe);
	return result;
}

static enum op_result
mutex_upsert(void *handle, uint64_t number, uint64_t *value)
{
	struct key key = key_of(handle, number);
	struct stripe *stripe;
	struct node **link = table_lock_link(table_of(handle), &key, &stripe);
	enum op_result result;

	if (*link != NULL) {
		uint64_t old = node_value(handle, *link);

		node_set(handle, *link, *value);
		*value = old;
		result = OP_HIT;
	} else {
		result = table_add(handle, stripe, link, &key, *value, OP_MISS);
	}
	table_unlock_grown(table_of(handle), stripe);
	return result;
}

static enum op_result
mutex_remove(void *handle, uint64_t number, uint64_t *value)
{
	struct key key = key_of(handle, number);
	struct stripe *stripe;
	struct node **link = table_lock_link(table_of(handle), &key, &stripe), *n = *link;

	if (n != NULL) {
		*link = n->next;
		stripe->nodes--;
	}
	table_unlock(stripe);
	/* Nobody else sees it any more. */
	if (n != NULL)
		*value = node_value(handle, n);
	free(n);
	return n != NULL ? OP_HIT : OP_MISS;
}

/* replace and modify: what becomes of a value that is there? */
static enum op_result
table_change(void *handle, uint64_t number, uint64_t *value, bool modify)
{
	struct key key = key_of(handle, number);
	struct stripe *stripe;
	struct node *n = *table_lock_link(table_of(handle), &key, &stripe);

	if (n != NULL) {
		uint64_t former = node_value(handle, n);

		node_set(handle, n, modify ? op_modified(former, *value) : *value);
		*value = former;
	}
	table_unlock(stripe);
	return n != NULL ? OP_HIT : OP_MISS;
}

static enum op_result
mutex_replace(void *handle, uint64_t number, uint64_t *value)
{
	return table_change(handle, number, value, false);
}

static enum op_result
mutex_modify(void *handle, uint64_t number, uint64_t *value)
{
	return table_change(handle, number, value, true);
}

/*
 * From the key's node on, or, if it is absent, from the start of its bucket; each bucket is read under
 * its lock. If the table grows meanwhile the order is another: from the beginning, then.
 */
static size_t
mutex_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	struct table *t = table_of(handle);
	struct key key = key_of(handle, from);
	uint64_t mask = table_mask(t), first = key.hash & mask;
	size_t pairs = 0;

	for (uint64_t b = first; b <= mask && pairs < n; b++) {
		struct stripe *stripe = table_stripe(t, b);
		const struct node *node, *start;

		pthread_mutex_lock(&stripe->lock);
		if (UNLIKELY(table_mask(t) != mask)) {
			mask = table_mask(t);
			first = key.hash & mask;
			b = first - 1;
			pairs = 0;
			table_unlock(stripe);
			continue;
		}
		start = t->bucket[b];
		while (b == first && start != NULL && !node_is(start, &key))
			start = start->next;
		for (node = start == NULL ? t->bucket[b] : start; node != NULL && pairs < n; node = node->next) {
			values[pairs] = node_value(handle, node);
			keys[pairs++] = node_number(handle, node);
		}
		table_unlock(stripe);
	}
	return pairs;
}

static uint64_t
mutex_resizings(void *handle)
{
	const struct table *t = table_of(handle);

	/* relaxed: of all threads, for all of them wait. */
	return atomic_load_explicit(&t->resizings, memory_order_relaxed);
}

static void
mutex_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	const struct table *t = table_of(handle);

	for (uint64_t b = 0; b <= table_mask(t); b++)
		for (const struct node *n = t->bucket[b]; n != NULL; n = n->next)
			visit(arg, node_number(handle, n), node_value(handle, n));
}

static bool
mutex_check(void *handle, char *error, size_t error_size)
{
	const struct table *t = table_of(handle);

	for (uint64_t b = 0; b <= table_mask(t); b++)
		for (const struct node *n = t->bucket[b]; n != NULL; n = n->next) {
			if ((node_hash(t, n) & table_mask(t)) != b) {
				snprintf(error, error_size, "key %llu lies in the wrong bucket",
				    (unsigned long long)node_number(handle, n));
				return false;
			}
			for (const struct node *m = n->next; m != NULL; m = m->next)
				if (same_key(n, m)) {
					snprintf(error, error_size, "key %llu is there twice",
					    (unsigned long long)node_number(handle, n));
					return false;
				}
		}
	return true;
}

static const struct plugin_option options[] = {
#ifdef STRIPED
	{ .name = "stripes", .type = OPTION_COUNT, .initial = "256", .meta = "N", .least = 1, .most = 1 << 20,
	    .help = "locks, each for its share of the buckets (1 to 1048576)" },
#endif
	RESIZE_OPTION("twice the buckets under all locks when there are more keys than buckets"),
	{ .name = NULL },
};

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
#ifdef STRIPED
	.name = "striped",
	.help = "chained table under --stripes locks, each for its share of the buckets; sized once, or --resize auto; a node "
	        "is malloc'd per key; scans in the order of buckets",
#else
	.name = BYTES ? "mutex-bytes" : "mutex",
	.help = BYTES ? "mutex for byte strings: a node with key and value is malloc'd per key, values are read and written "
	                "under the lock, hashed as by hamt-bytes; a name is made in each operation" :
	        "chained table under one lock; sized once, or --resize auto; a node is malloc'd per key; scans in the order "
	        "of buckets",
#endif
	.reclaimer = "lock",
	.progress = "blocking",
	.flags = SUBJECT_PRESIZED | (BYTES ? SUBJECT_BYTES : 0),
	.options = options,
	.create = mutex_create,
	.destroy = mutex_destroy,
	.attach = mutex_attach,
	.detach = mutex_detach,
	.get = mutex_get,
	.insert = mutex_insert,
	.upsert = mutex_upsert,
	.remove = mutex_remove,
	.replace = mutex_replace,
	.modify = mutex_modify,
	.scan = mutex_scan,
	.resizings = mutex_resizings,
	.each = mutex_each,
	.check = mutex_check,
};
