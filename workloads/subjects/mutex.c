/*
 * mutex.c - what people write first: a chained hash table under one lock. With
 * --stripes N it has N locks, each for its share of the buckets.
 *
 * The table is sized once, a bucket per key of the steady state. With --resize auto it
 * begins with a bucket per key of the beginning, and who puts in a key too many takes all
 * locks and moves everything into twice the buckets, as the containers of standard libraries do.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/hash.h"
#include "harness/plugin.h"

struct node {
	struct node *next;
	uint64_t key, value;
};

struct stripe {
	CACHE_ALIGNED pthread_mutex_t lock;
	uint64_t nodes;          /* in its buckets */
};

struct table {
	uint64_t seed;
	_Atomic(uint64_t) mask;
	struct node **bucket;    /* mask + 1 of them; both change under all locks */
	uint64_t stripes;
	struct stripe *stripe;   /* bucket b belongs to stripe b % stripes */
	bool grows;
	_Atomic(uint64_t) resizings;
};

/* relaxed: it changes under all locks, and whoever relies on it holds one. */
static uint64_t
table_mask(const struct table *t)
{
	return atomic_load_explicit(&t->mask, memory_order_relaxed);
}

static void *
mutex_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct table *t = calloc(1, sizeof(*t));
	bool grows = strcmp(option_text(params->options, "resize"), "auto") == 0;
	uint64_t buckets = 1, wanted = grows ? params->first : params->size;

	while (buckets < wanted)
		buckets *= 2;
	if (t != NULL) {
		t->seed = params->seed;
		t->grows = grows;
		atomic_init(&t->mask, buckets - 1);
		t->stripes = option_count(params->options, "stripes");
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

static struct stripe *
table_stripe(const struct table *t, uint64_t bucket)
{
	return &t->stripe[t->stripes == 1 ? 0 : bucket % t->stripes];
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
table_lock_link(struct table *t, uint64_t key, struct stripe **stripe)
{
	uint64_t b;
	struct node **link;

	*stripe = table_lock(t, hash_u64(key, t->seed), &b);
	link = &t->bucket[b];
	while (*link != NULL && (*link)->key != key)
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
			uint64_t to = hash_u64(n->key, t->seed) & mask;

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

static enum op_result
table_add(struct stripe *stripe, struct node **link, uint64_t key, uint64_t value)
{
	struct node *n = malloc(sizeof(*n));

	if (n == NULL)
		return OP_NOMEM;
	*n = (struct node){ .key = key, .value = value };
	*link = n;
	stripe->nodes++;
	return OP_HIT;
}

static enum op_result
mutex_get(void *handle, uint64_t key, uint64_t *value)
{
	struct stripe *stripe;
	struct node **link = table_lock_link(handle, key, &stripe);
	enum op_result result = OP_MISS;

	if (*link != NULL) {
		*value = (*link)->value;
		result = OP_HIT;
	}
	table_unlock(stripe);
	return result;
}

static enum op_result
mutex_insert(void *handle, uint64_t key, uint64_t *value)
{
	struct stripe *stripe;
	struct node **link = table_lock_link(handle, key, &stripe);
	enum op_result result = *link != NULL ? OP_MISS : table_add(stripe, link, key, *value);

	table_unlock_grown(handle, stripe);
	return result;
}

static enum op_result
mutex_upsert(void *handle, uint64_t key, uint64_t *value)
{
	struct stripe *stripe;
	struct node **link = table_lock_link(handle, key, &stripe);
	enum op_result result;

	if (*link != NULL) {
		uint64_t old = (*link)->value;

		(*link)->value = *value;
		*value = old;
		result = OP_HIT;
	} else {
		result = table_add(stripe, link, key, *value) == OP_NOMEM ? OP_NOMEM : OP_MISS;
	}
	table_unlock_grown(handle, stripe);
	return result;
}

static enum op_result
mutex_remove(void *handle, uint64_t key, uint64_t *value)
{
	struct stripe *stripe;
	struct node **link = table_lock_link(handle, key, &stripe), *n = *link;

	if (n != NULL) {
		*link = n->next;
		*value = n->value;
		stripe->nodes--;
	}
	table_unlock(stripe);
	free(n);
	return n != NULL ? OP_HIT : OP_MISS;
}

/* replace and modify: what becomes of a value that is there? */
static enum op_result
table_change(struct table *t, uint64_t key, uint64_t *value, bool modify)
{
	struct stripe *stripe;
	struct node *n = *table_lock_link(t, key, &stripe);

	if (n != NULL) {
		uint64_t former = n->value;

		n->value = modify ? op_modified(former, *value) : *value;
		*value = former;
	}
	table_unlock(stripe);
	return n != NULL ? OP_HIT : OP_MISS;
}

static enum op_result
mutex_replace(void *handle, uint64_t key, uint64_t *value)
{
	return table_change(handle, key, value, false);
}

static enum op_result
mutex_modify(void *handle, uint64_t key, uint64_t *value)
{
	return table_change(handle, key, value, true);
}

/*
 * From the key's node on, or, if it is absent, from the start of its bucket; each bucket is read under
 * its lock. If the table grows meanwhile the order is another: from the beginning, then.
 */
static size_t
mutex_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	struct table *t = handle;
	uint64_t hash = hash_u64(from, t->seed), mask = table_mask(t), first = hash & mask;
	size_t pairs = 0;

	for (uint64_t b = first; b <= mask && pairs < n; b++) {
		struct stripe *stripe = table_stripe(t, b);
		const struct node *node;

		pthread_mutex_lock(&stripe->lock);
		if (UNLIKELY(table_mask(t) != mask)) {
			mask = table_mask(t);
			first = hash & mask;
			b = first - 1;
			pairs = 0;
			table_unlock(stripe);
			continue;
		}
		node = t->bucket[b];
		while (b == first && node != NULL && node->key != from)
			node = node->next;
		for (node = node == NULL ? t->bucket[b] : node; node != NULL && pairs < n; node = node->next) {
			keys[pairs] = node->key;
			values[pairs++] = node->value;
		}
		table_unlock(stripe);
	}
	return pairs;
}

static uint64_t
mutex_resizings(void *handle)
{
	const struct table *t = handle;

	/* relaxed: of all threads, for all of them wait. */
	return atomic_load_explicit(&t->resizings, memory_order_relaxed);
}

static void
mutex_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	const struct table *t = handle;

	for (uint64_t b = 0; b <= table_mask(t); b++)
		for (const struct node *n = t->bucket[b]; n != NULL; n = n->next)
			visit(arg, n->key, n->value);
}

static bool
mutex_check(void *handle, char *error, size_t error_size)
{
	const struct table *t = handle;

	for (uint64_t b = 0; b <= table_mask(t); b++)
		for (const struct node *n = t->bucket[b]; n != NULL; n = n->next) {
			if ((hash_u64(n->key, t->seed) & table_mask(t)) != b) {
				snprintf(error, error_size, "key %llu lies in the wrong bucket",
				    (unsigned long long)n->key);
				return false;
			}
			for (const struct node *m = n->next; m != NULL; m = m->next)
				if (m->key == n->key) {
					snprintf(error, error_size, "key %llu is there twice",
					    (unsigned long long)n->key);
					return false;
				}
		}
	return true;
}

static bool
resize_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	if (strcmp(text, "off") != 0 && strcmp(text, "auto") != 0) {
		snprintf(error, error_size, "'%s' must be off or auto", text);
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static const struct plugin_option options[] = {
	{ .name = "stripes", .type = OPTION_COUNT, .initial = "1", .meta = "N", .least = 1, .most = 1 << 20,
	    .help = "locks, each for its share of the buckets (1 to 1048576)" },
	{ .name = "resize", .type = OPTION_TEXT, .initial = "off", .meta = "HOW", .check = resize_check,
	    .help = "off: sized once; auto: twice the buckets under all locks when there are more keys than buckets" },
	{ .name = NULL },
};

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = "mutex",
	.help = "chained table under one lock (--stripes N: under N); sized once, or --resize auto; a node is "
	        "malloc'd per key; scans in the order of buckets",
	.reclaimer = "lock",
	.progress = "blocking",
	.flags = SUBJECT_PRESIZED,
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
