/*
 * mutex.c - what people write first: a chained hash table under one lock. With
 * --stripes N it has N locks, each for its share of the buckets.
 *
 * The table is sized once, a bucket per key of the steady state: it never grows.
 */
#include <pthread.h>

#include "core/hash.h"
#include "harness/plugin.h"

struct node {
	struct node *next;
	uint64_t key, value;
};

struct stripe {
	CACHE_ALIGNED pthread_mutex_t lock;
};

struct table {
	uint64_t seed, mask;
	struct node **bucket;    /* mask + 1 of them */
	uint64_t stripes;
	struct stripe *stripe;   /* bucket b belongs to stripe b % stripes */
};

static void *
mutex_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct table *t = calloc(1, sizeof(*t));
	uint64_t buckets = 1;

	while (buckets < params->size)
		buckets *= 2;
	if (t != NULL) {
		t->seed = params->seed;
		t->mask = buckets - 1;
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
	for (uint64_t i = 0; i < t->stripes; i++)
		pthread_mutex_init(&t->stripe[i].lock, NULL);
	return t;
}

static void
mutex_destroy(void *map, struct reclaim_stats *last)
{
	struct table *t = map;

	for (uint64_t b = 0; b <= t->mask; b++)
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

static pthread_mutex_t *
table_lock(const struct table *t, uint64_t bucket)
{
	return &t->stripe[t->stripes == 1 ? 0 : bucket % t->stripes].lock;
}

/* Lock the key's stripe and find the link that points to its node, or to NULL. */
static struct node **
table_lock_link(struct table *t, uint64_t key, pthread_mutex_t **lock)
{
	uint64_t b = hash_u64(key, t->seed) & t->mask;
	struct node **link = &t->bucket[b];

	*lock = table_lock(t, b);
	pthread_mutex_lock(*lock);
	while (*link != NULL && (*link)->key != key)
		link = &(*link)->next;
	return link;
}

static enum op_result
table_add(struct node **link, uint64_t key, uint64_t value)
{
	struct node *n = malloc(sizeof(*n));

	if (n == NULL)
		return OP_NOMEM;
	*n = (struct node){ .key = key, .value = value };
	*link = n;
	return OP_HIT;
}

static enum op_result
mutex_get(void *handle, uint64_t key, uint64_t *value)
{
	pthread_mutex_t *lock;
	struct node **link = table_lock_link(handle, key, &lock);
	enum op_result result = OP_MISS;

	if (*link != NULL) {
		*value = (*link)->value;
		result = OP_HIT;
	}
	pthread_mutex_unlock(lock);
	return result;
}

static enum op_result
mutex_insert(void *handle, uint64_t key, uint64_t *value)
{
	pthread_mutex_t *lock;
	struct node **link = table_lock_link(handle, key, &lock);
	enum op_result result = *link != NULL ? OP_MISS : table_add(link, key, *value);

	pthread_mutex_unlock(lock);
	return result;
}

static enum op_result
mutex_upsert(void *handle, uint64_t key, uint64_t *value)
{
	pthread_mutex_t *lock;
	struct node **link = table_lock_link(handle, key, &lock);
	enum op_result result;

	if (*link != NULL) {
		uint64_t old = (*link)->value;

		(*link)->value = *value;
		*value = old;
		result = OP_HIT;
	} else {
		result = table_add(link, key, *value) == OP_NOMEM ? OP_NOMEM : OP_MISS;
	}
	pthread_mutex_unlock(lock);
	return result;
}

static enum op_result
mutex_remove(void *handle, uint64_t key, uint64_t *value)
{
	pthread_mutex_t *lock;
	struct node **link = table_lock_link(handle, key, &lock), *n = *link;

	if (n != NULL) {
		*link = n->next;
		*value = n->value;
	}
	pthread_mutex_unlock(lock);
	free(n);
	return n != NULL ? OP_HIT : OP_MISS;
}

/* replace and modify: what becomes of a value that is there? */
static enum op_result
table_change(struct table *t, uint64_t key, uint64_t *value, bool modify)
{
	pthread_mutex_t *lock;
	struct node *n = *table_lock_link(t, key, &lock);

	if (n != NULL) {
		uint64_t former = n->value;

		n->value = modify ? op_modified(former, *value) : *value;
		*value = former;
	}
	pthread_mutex_unlock(lock);
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

/* From the key's node on, or, if it is absent, from the start of its bucket; each bucket is read under its lock. */
static size_t
mutex_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	struct table *t = handle;
	size_t pairs = 0;

	for (uint64_t first = hash_u64(from, t->seed) & t->mask, b = first; b <= t->mask && pairs < n; b++) {
		pthread_mutex_t *lock = table_lock(t, b);
		const struct node *node;

		pthread_mutex_lock(lock);
		node = t->bucket[b];
		while (b == first && node != NULL && node->key != from)
			node = node->next;
		for (node = node == NULL ? t->bucket[b] : node; node != NULL && pairs < n; node = node->next) {
			keys[pairs] = node->key;
			values[pairs++] = node->value;
		}
		pthread_mutex_unlock(lock);
	}
	return pairs;
}

static void
mutex_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	const struct table *t = handle;

	for (uint64_t b = 0; b <= t->mask; b++)
		for (const struct node *n = t->bucket[b]; n != NULL; n = n->next)
			visit(arg, n->key, n->value);
}

static bool
mutex_check(void *handle, char *error, size_t error_size)
{
	const struct table *t = handle;

	for (uint64_t b = 0; b <= t->mask; b++)
		for (const struct node *n = t->bucket[b]; n != NULL; n = n->next) {
			if ((hash_u64(n->key, t->seed) & t->mask) != b) {
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

static const struct plugin_option options[] = {
	{ .name = "stripes", .type = OPTION_COUNT, .initial = "1", .meta = "N", .least = 1, .most = 1 << 20,
	    .help = "locks, each for its share of the buckets (1 to 1048576)" },
	{ .name = NULL },
};

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = "mutex",
	.help = "chained table under one lock (--stripes N: under N); sized once; a node is malloc'd per key; "
	        "scans in the order of buckets",
	.reclaimer = "lock",
	.progress = "blocking",
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
	.each = mutex_each,
	.check = mutex_check,
};
