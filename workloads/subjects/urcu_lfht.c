/*
 * urcu_lfht.c - liburcu's rculfhash: the map that C programmers would take. Under its QSBR
 * flavour, where a reader announces nothing but a quiescent state now and then, and under memb,
 * its default: a reader announces each operation, and who waits for readers calls membarrier(2).
 *
 * The table is sized once, a bucket per key of the steady state, and never resizes, which is an easy life. With
 * --resize auto it begins with a bucket per key of the beginning; liburcu then resizes it in a thread of its own, which shares
 * the processors with the workers, counts keys to know when, and waits for grace periods. At times it stops doing so for good: who
 * asks for a resize queues the work and only then stores 1 to resize_initiated (__cds_lfht_resize_lazy_launch()). A worker that is
 * done before that store has its 0 overwritten, and as long as there is a 1 nobody asks again. Seen in a trial of `growth` with
 * liburcu 0.13.2, 1M keys, by a debugger: the thread idle, resize_initiated 1, resize_target 524288, size 2048, and each
 * call going through hundreds of nodes. Later versions have the same two lines in the same order. A user of the library has no means
 * against it but to resize on his own, so there is none here: such a trial is slow, and reported as it is.
 *
 * Costs of the adapter: a node is malloc'd per key put in; an insert looks
 * first, so that a present key costs no malloc; a removed node goes through
 * call_rcu to liburcu's own thread, which shares the processors with the
 * workers; under QSBR each thread announces a quiescent state every 64 operations.
 */
/* needs: liburcu-qsbr liburcu-memb liburcu-cds */
/* debian: liburcu-dev */
/* not under tsan: liburcu is not built for ThreadSanitizer, which then reports its users falsely */
/* variants: urcu-lfht= urcu-lfht-memb=-DMEMB */
/* liburcu's macros cast const away where they look for a struct around its member. */
#pragma GCC diagnostic ignored "-Wcast-qual"
/* Read locks inline, as in liburcu's own benchmarks: its licence allows that to code under a licence like ours. */
#define _LGPL_SOURCE
#ifdef MEMB
#include <urcu.h>
#else
#include <urcu-qsbr.h>
#endif
#include <urcu-call-rcu.h>
#include <urcu/rculfhash.h>

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "core/hash.h"
#include "harness/plugin.h"
#include "workloads/subjects/resize_option.h"

#ifdef MEMB
#define NAME "urcu-lfht-memb"
#define RECLAIMER "rcu-memb"
#define FLAVOUR "memb: a read lock for each operation, with fences where membarrier(2) is refused"
#define QUIESCENT_OPS 0 /* none are announced */
#else
#define NAME "urcu-lfht"
#define RECLAIMER "qsbr"
#define FLAVOUR "QSBR: a quiescent state every 64 operations"
#define QUIESCENT_OPS 64
#endif

struct node {
	struct cds_lfht_node link;
	union {
		struct rcu_head rcu;
		struct node *next; /* while the map is destroyed */
	};
	uint64_t key, value;       /* immutable */
	uint64_t retired_ns;       /* 0: not sampled */
	struct map *map;
};

struct handle {
	CACHE_ALIGNED struct map *map;
	struct reclaim_probe probe;
	unsigned until_quiescent;
	uint64_t until_stamp;
	_Atomic(uint64_t) retired; /* one writer: the handle's thread */
};

struct map {
	struct cds_lfht *table;
	uint64_t seed;
	unsigned handles;
	struct handle *handle;               /* threads and main */
	struct reclaim_probe background;     /* call_rcu's thread */
	CACHE_ALIGNED _Atomic(uint64_t) freed; /* one writer: call_rcu's thread */
};

static void *
lfht_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct map *map = aligned_alloc(CACHE_LINE_BYTES, sizeof(*map));
	bool grows = resize_option_is_auto(params->options);
	/* Grown from a single bucket, liburcu 0.13's lookups were seen to go round for ever. */
	unsigned long buckets = grows ? 64 : 1;

	while (buckets < (grows ? params->first : params->size))
		buckets *= 2;
	/* liburcu asserts instead of failing when it finds no memory for them. */
	if (buckets > (unsigned long)sysconf(_SC_PHYS_PAGES) / 2 * ((unsigned long)sysconf(_SC_PAGESIZE) / sizeof(void *))) {
		snprintf(error, error_size, "no memory for %lu buckets", buckets);
		free(map);
		return NULL;
	}
	/* Made here, by main: made by the first call_rcu it would share that worker's processor. */
	get_default_call_rcu_data();
	if (map != NULL) {
		*map = (struct map){ .seed = params->seed, .handles = params->threads + 1,
		    .background = params->background };
		map->handle = aligned_alloc(CACHE_LINE_BYTES, map->handles * sizeof(*map->handle));
		map->table = grows ? cds_lfht_new(buckets, buckets, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, NULL) :
		    cds_lfht_new(buckets, buckets, buckets, 0, NULL);
	}
	if (map == NULL || map->handle == NULL || map->table == NULL) {
		snprintf(error, error_size, "no memory for %lu buckets", buckets);
		if (map != NULL) {
			if (map->table != NULL)
				cds_lfht_destroy(map->table, NULL);
			free(map->handle);
		}
		free(map);
		return NULL;
	}
	for (unsigned i = 0; i < map->handles; i++)
		map->handle[i] = (struct handle){ .map = map };
	return map;
}

static void
lfht_stats(void *opaque, struct reclaim_stats *stats)
{
	struct map *map = opaque;

	*stats = (struct reclaim_stats){ 0 };
	/* acquire: freed first; the retirements that it counts are then seen below. */
	stats->freed = atomic_load_explicit(&map->freed, memory_order_acquire);
	for (unsigned i = 0; i < map->handles; i++)
		/* relaxed: a statistic. */
		stats->retired += atomic_load_explicit(&map->handle[i].retired, memory_order_relaxed);
	stats->retired_bytes = stats->retired * sizeof(struct node);
	stats->freed_bytes = stats->freed * sizeof(struct node);
}

/* The node that an iteration has come to, or NULL: liburcu's own macro takes the container of NULL. */
static struct node *
lfht_at(struct cds_lfht_iter *iter)
{
	struct cds_lfht_node *link = cds_lfht_iter_get_node(iter);

	return link != NULL ? caa_container_of(link, struct node, link) : NULL;
}

static void
lfht_destroy(void *opaque, struct reclaim_stats *last)
{
	struct map *map = opaque;
	struct node *n, *gone = NULL;
	struct cds_lfht_iter iter;

	rcu_register_thread();
	rcu_read_lock();
	for (cds_lfht_first(map->table, &iter); (n = lfht_at(&iter)) != NULL; cds_lfht_next(map->table, &iter)) {
		/* The iteration still reads the node: free it only afterwards. */
		cds_lfht_del(map->table, &n->link);
		n->next = gone;
		gone = n;
	}
	rcu_read_unlock();
	rcu_unregister_thread();
	while (gone != NULL) {
		n = gone;
		gone = n->next;
		free(n);
	}
	/* Waits for the frees that call_rcu's thread still has to do. */
	rcu_barrier();
	cds_lfht_destroy(map->table, NULL);
	lfht_stats(map, last);
	free(map->handle);
	free(map);
}

static void *
lfht_attach(void *opaque, unsigned thread, const struct reclaim_probe *probe)
{
	struct map *map = opaque;
	struct handle *h = &map->handle[thread];

	h->probe = *probe;
	h->until_quiescent = QUIESCENT_OPS;
	rcu_register_thread();
	return h;
}

static void
lfht_detach(void *handle)
{
	(void)handle;
	rcu_unregister_thread();
}

static void
lfht_pause(void *handle)
{
	(void)handle;
	rcu_thread_offline();
}

static void
lfht_resume(void *handle)
{
	(void)handle;
	rcu_thread_online();
}

/* Ends an operation: nothing found in it may be used any more. */
static inline void
lfht_leave(struct handle *h)
{
	rcu_read_unlock();
	if (QUIESCENT_OPS != 0 && UNLIKELY(--h->until_quiescent == 0)) {
		h->until_quiescent = QUIESCENT_OPS;
		rcu_quiescent_state();
	}
}

static int
lfht_match(struct cds_lfht_node *link, const void *key)
{
	return caa_container_of(link, struct node, link)->key == *(const uint64_t *)key;
}

/* The node of key, or NULL. The read lock is held. */
static inline struct node *
lfht_find(const struct map *map, uint64_t key, uint64_t hash, struct cds_lfht_iter *iter)
{
	cds_lfht_lookup(map->table, hash, lfht_match, &key, iter);
	return lfht_at(iter);
}

static struct node *
lfht_node(struct map *map, uint64_t key, uint64_t value)
{
	struct node *n = malloc(sizeof(*n));

	if (n != NULL) {
		cds_lfht_node_init(&n->link);
		n->key = key;
		n->value = value;
		n->map = map;
	}
	return n;
}

/* On call_rcu's thread, after a grace period. */
static void
lfht_free(struct rcu_head *head)
{
	struct node *n = caa_container_of(head, struct node, rcu);
	struct map *map = n->map;

	if (n->retired_ns != 0)
		map->background.freed(map->background.state,
		    map->background.now_ns(map->background.state) - n->retired_ns);
	free(n);
	/* release: pairs with lfht_stats(); this node's retirement came before. */
	atomic_store_explicit(&map->freed,
	    atomic_load_explicit(&map->freed, memory_order_relaxed) + 1, memory_order_release);
}

static void
lfht_retire(struct handle *h, struct node *n)
{
	n->retired_ns = 0;
	if (h->probe.now_ns != NULL && h->until_stamp-- == 0) {
		h->until_stamp = (UINT64_C(1) << h->probe.sample_shift) - 1;
		n->retired_ns = h->probe.now_ns(h->probe.state);
	}
	/* relaxed: one writer; call_rcu below publishes it to the freeing thread. */
	atomic_store_explicit(&h->retired,
	    atomic_load_explicit(&h->retired, memory_order_relaxed) + 1, memory_order_relaxed);
	call_rcu(&n->rcu, lfht_free);
}

static enum op_result
lfht_get(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	const struct map *map = h->map;
	struct cds_lfht_iter iter;
	const struct node *n;

	rcu_read_lock();
	n = lfht_find(map, key, hash_u64(key, map->seed), &iter);
	if (n != NULL)
		*value = n->value;
	lfht_leave(h);
	return n != NULL ? OP_HIT : OP_MISS;
}

static enum op_result
lfht_insert(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct map *map = h->map;
	uint64_t hash = hash_u64(key, map->seed);
	enum op_result result = OP_MISS;
	struct cds_lfht_iter iter;

	rcu_read_lock();
	if (lfht_find(map, key, hash, &iter) == NULL) {
		struct node *n = lfht_node(map, key, *value);

		if (n == NULL) {
			result = OP_NOMEM;
		} else if (cds_lfht_add_unique(map->table, hash, lfht_match, &key, &n->link) == &n->link) {
			result = OP_HIT;
		} else {
			free(n); /* never published */
		}
	}
	lfht_leave(h);
	return result;
}

static enum op_result
lfht_upsert(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct map *map = h->map;
	struct node *n = lfht_node(map, key, *value), *old;
	struct cds_lfht_node *link;

	if (n == NULL)
		return OP_NOMEM;
	rcu_read_lock();
	link = cds_lfht_add_replace(map->table, hash_u64(key, map->seed), lfht_match, &key, &n->link);
	if (link != NULL) {
		old = caa_container_of(link, struct node, link);
		*value = old->value;
		lfht_retire(h, old);
	}
	lfht_leave(h);
	return link != NULL ? OP_HIT : OP_MISS;
}

/* replace and modify: a new node for the one that is there, again if another thread was faster. */
static enum op_result
lfht_change(struct handle *h, uint64_t key, uint64_t *value, bool modify)
{
	struct map *map = h->map;
	uint64_t hash = hash_u64(key, map->seed), by = *value;
	struct node *fresh = NULL, *old;
	struct cds_lfht_iter iter;

	rcu_read_lock();
	while ((old = lfht_find(map, key, hash, &iter)) != NULL) {
		if (fresh == NULL && (fresh = lfht_node(map, key, by)) == NULL) {
			lfht_leave(h);
			return OP_NOMEM;
		}
		if (modify)
			fresh->value = op_modified(old->value, by);
		if (cds_lfht_replace(map->table, &iter, hash, lfht_match, &key, &fresh->link) == 0) {
			*value = old->value;
			lfht_retire(h, old);
			lfht_leave(h);
			return OP_HIT;
		}
	}
	free(fresh); /* never published */
	lfht_leave(h);
	return OP_MISS;
}

static enum op_result
lfht_replace(void *handle, uint64_t key, uint64_t *value)
{
	return lfht_change(handle, key, value, false);
}

static enum op_result
lfht_modify(void *handle, uint64_t key, uint64_t *value)
{
	return lfht_change(handle, key, value, true);
}

static enum op_result
lfht_remove(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct map *map = h->map;
	uint64_t hash = hash_u64(key, map->seed);
	enum op_result result = OP_MISS;
	struct cds_lfht_iter iter;
	struct node *n;

	rcu_read_lock();
	/* A node that is gone before it could be removed may have been replaced: the key is still mapped then. */
	while (result == OP_MISS && (n = lfht_find(map, key, hash, &iter)) != NULL)
		if (cds_lfht_del(map->table, &n->link) == 0) {
			*value = n->value;
			lfht_retire(h, n);
			result = OP_HIT;
		}
	lfht_leave(h);
	return result;
}

/* Neither a read lock nor being late with the next quiescent state costs others anything but memory. */
static bool
lfht_hold(void *handle, uint64_t key)
{
	struct handle *h = handle;
	const struct map *map = h->map;
	struct cds_lfht_iter iter;

	rcu_read_lock();
	if (lfht_find(map, key, hash_u64(key, map->seed), &iter) != NULL)
		return true;
	lfht_leave(h);
	return false;
}

static void
lfht_release(void *handle)
{
	lfht_leave(handle);
}

static void
lfht_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	const struct handle *h = handle;
	struct cds_lfht_iter iter;
	const struct node *n;

	rcu_read_lock();
	for (cds_lfht_first(h->map->table, &iter); (n = lfht_at(&iter)) != NULL; cds_lfht_next(h->map->table, &iter))
		visit(arg, n->key, n->value);
	rcu_read_unlock();
}

static const struct plugin_option options[] = {
	RESIZE_OPTION("liburcu's own resizing, in a thread of its own"),
	{ .name = NULL },
};

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = NAME,
	.help = "liburcu's rculfhash, " FLAVOUR "; pre-sized, or --resize auto; a node is malloc'd per key, freed on a thread of "
	        "liburcu's own",
	.reclaimer = RECLAIMER,
	.progress = "lock-free",
	.options = options,
	.flags = SUBJECT_PRESIZED | SUBJECT_OWN_DETACH, /* a reader's registration lies in its thread-local memory */
	.create = lfht_create,
	.destroy = lfht_destroy,
	.attach = lfht_attach,
	.detach = lfht_detach,
	.pause = lfht_pause,
	.resume = lfht_resume,
	.get = lfht_get,
	.insert = lfht_insert,
	.upsert = lfht_upsert,
	.remove = lfht_remove,
	.replace = lfht_replace,
	.modify = lfht_modify,
	.hold = lfht_hold,
	.release = lfht_release,
	.stats = lfht_stats,
	.each = lfht_each,
};
