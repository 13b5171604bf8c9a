/*
 * cas_list.c - a stack and a queue under one of core's contention managers:
 * the structures whose ends are contended that Dice, Hendler, Mirsky 2013
 * measure their managers with. Nodes go back by hazard pointers.
 *
 * Pools, not maps: insert puts an item in, remove takes out whichever comes,
 * and the item says which key it is of.
 *
 *	stack   top --> node --> node --> NULL                  Treiber 1986
 *	queue   head --> dummy --> node --> node --> NULL       Michael, Scott 1996
 *	                                     ^ tail, or the one before it
 *
 * Both take a node out by one compare-and-swap on top or head, which is the
 * unlink of handshake HP (core/hazard.h), so it and the re-read that validates
 * an announcement are seq_cst. No ABA: the node compared is announced.
 * A queue's head->next is announced, then head is read again: if that has not
 * changed, next was not yet the dummy, so it had not been retired.
 */
/* variants: cas-stack=-DCAS_LIST=1 cas-queue=-DCAS_LIST=2 */
#include <stdatomic.h>
#include <string.h>

#include "core/contention.h"
#include "core/hazard.h"
#include "harness/plugin.h"
#include "workloads/subjects/backoff_adapter.h"

#define STACK 1
#define QUEUE 2

struct node {
	_Atomic(void *) next; /* a stack's is written before the node is reachable */
	uint64_t value;
};

struct pool {
	CACHE_ALIGNED _Atomic(void *) head; /* stack: top */
#if CAS_LIST == QUEUE
	CACHE_ALIGNED _Atomic(void *) tail;
#endif
	CACHE_ALIGNED struct hazard_domain *domain;
	struct contention_domain contention;
};

struct pool_handle {
	struct contention contention;
	struct hazard_record *record;
	struct pool *pool;
};

static void *
lines_new(size_t bytes)
{
	void *memory = aligned_alloc(CACHE_LINE_BYTES, (bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES);

	if (memory != NULL)
		memset(memory, 0, bytes);
	return memory;
}

static struct node *
node_new(uint64_t value)
{
	struct node *node = malloc(sizeof(*node));

	if (node != NULL) {
		atomic_init(&node->next, NULL);
		node->value = value;
	}
	return node;
}

static void
node_destroy(void *node, size_t bytes, void *state)
{
	(void)bytes;
	(void)state;
	free(node);
}

static void *
pool_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct contention_config contention;
	struct hazard_config hazard = { 0 };
	struct pool *pool;

	if (!contention_parse(option_text(params->options, "backoff"), &contention, error, error_size))
		return NULL;
	hazard.contention = contention;
	pool = lines_new(sizeof(*pool));
#if CAS_LIST == QUEUE
	if (pool != NULL) {
		struct node *dummy = node_new(0);

		if (dummy == NULL) {
			free(pool);
			pool = NULL;
		} else {
			atomic_init(&pool->head, dummy);
			atomic_init(&pool->tail, dummy);
		}
	}
#endif
	if (pool == NULL || hazard_domain_new(&hazard, &pool->domain) != HAZARD_OK) {
		snprintf(error, error_size, "no memory");
		if (pool != NULL)
			free(atomic_load_explicit(&pool->head, memory_order_relaxed));
		free(pool);
		return NULL;
	}
	contention_domain_init(&pool->contention, &contention, NULL);
	return pool;
}

static void
pool_stats(void *opaque, struct reclaim_stats *stats)
{
	const struct pool *pool = opaque;
	struct hazard_stats s;

	hazard_domain_stats(pool->domain, &s);
	*stats = (struct reclaim_stats){
		.retired = s.retired, .freed = s.freed,
		.retired_bytes = s.retired_bytes, .freed_bytes = s.freed_bytes,
		.scans = s.scans, .examined = s.examined, .blocked = s.blocked,
		.bound = s.bound,
	};
}

static void
pool_destroy(void *opaque, struct reclaim_stats *last)
{
	struct pool *pool = opaque;
	struct hazard_record *record;
	/* relaxed, all: nobody else has a handle any more. */
	struct node *node = atomic_load_explicit(&pool->head, memory_order_relaxed), *next;

	for (; node != NULL; node = next) {
		next = atomic_load_explicit(&node->next, memory_order_relaxed);
		free(node);
	}
	/* Adopts what the last to leave could not free, and frees it. It reuses a record, so it needs no memory. */
	if (hazard_attach(pool->domain, NULL, &record) == HAZARD_OK)
		hazard_leave(record);
	pool_stats(pool, last);
	hazard_domain_drop(pool->domain);
	contention_domain_fini(&pool->contention);
	free(pool);
}

static void *
pool_attach(void *opaque, unsigned thread, const struct reclaim_probe *probe)
{
	struct pool *pool = opaque;
	struct pool_handle *h = lines_new(sizeof(*h));

	(void)thread;
	if (h == NULL)
		return NULL;
	if (!contention_attach(&h->contention, &pool->contention)) {
		free(h);
		return NULL;
	}
	if (hazard_attach(pool->domain, probe->now_ns != NULL ? probe : NULL, &h->record) != HAZARD_OK) {
		contention_leave(&h->contention);
		free(h);
		return NULL;
	}
	h->pool = pool;
	return h;
}

static void
pool_detach(void *handle)
{
	struct pool_handle *h = handle;

	hazard_clear(h->record, 0);
	hazard_clear(h->record, 1);
	hazard_leave(h->record);
	contention_leave(&h->contention);
	free(h);
}

static void
pool_flush(void *handle)
{
	struct pool_handle *h = handle;

	hazard_clear(h->record, 0);
	hazard_clear(h->record, 1);
	hazard_scan(h->record);
}

#if CAS_LIST == STACK

static void
put(struct pool_handle *h, struct node *node)
{
	void *top;

	for (;;) {
		contention_before(&h->contention);
		/* relaxed: only its address goes into the node, and the CAS compares it. */
		top = atomic_load_explicit(&h->pool->head, memory_order_relaxed);
		atomic_store_explicit(&node->next, top, memory_order_relaxed);
		/* seq_cst: publishes the node to the loads in take(). Failure relaxed: nothing is read. */
		if (atomic_compare_exchange_strong_explicit(&h->pool->head, &top, node, memory_order_seq_cst,
		        memory_order_relaxed))
			break;
		contention_failed(&h->contention);
	}
	contention_succeeded(&h->contention);
}

/* take - a node that nobody else can reach from now on; NULL: there is none. */
static struct node *
take(struct pool_handle *h, uint64_t *value)
{
	struct node *top;
	void *expected;

	for (;;) {
		contention_before(&h->contention);
		expected = top = hazard_protect(h->record, 0, &h->pool->head);
		if (top == NULL) {
			contention_abandoned(&h->contention);
			return NULL;
		}
		/* seq_cst: the unlink HP(3). relaxed: next is not written any more. */
		if (atomic_compare_exchange_strong_explicit(&h->pool->head, &expected,
		        atomic_load_explicit(&top->next, memory_order_relaxed), memory_order_seq_cst,
		        memory_order_relaxed))
			break;
		contention_failed(&h->contention);
	}
	contention_succeeded(&h->contention);
	*value = top->value;
	return top;
}

#else

static void
put(struct pool_handle *h, struct node *node)
{
	struct pool *pool = h->pool;
	struct node *tail;
	void *expected, *next;

	for (;;) {
		contention_before(&h->contention);
		expected = tail = hazard_protect(h->record, 0, &pool->tail);
		/* acquire: pairs with the CAS that linked it. */
		next = atomic_load_explicit(&tail->next, memory_order_acquire);
		if (next != NULL) {
			/* seq_cst: the tail's own HP(3). Whoever fails, it was done. */
			atomic_compare_exchange_strong_explicit(&pool->tail, &expected, next, memory_order_seq_cst,
			    memory_order_relaxed);
			continue;
		}
		/* seq_cst: publishes the node. Failure relaxed: from the start. */
		if (atomic_compare_exchange_strong_explicit(&tail->next, &next, node, memory_order_seq_cst,
		        memory_order_relaxed))
			break;
		contention_failed(&h->contention);
	}
	expected = tail;
	/* seq_cst: as above. */
	atomic_compare_exchange_strong_explicit(&pool->tail, &expected, node, memory_order_seq_cst, memory_order_relaxed);
	contention_succeeded(&h->contention);
}

/* take - the former dummy, which nobody else can reach from now on; NULL: there is no item. */
static struct node *
take(struct pool_handle *h, uint64_t *value)
{
	struct pool *pool = h->pool;
	struct node *head, *next;
	void *expected;

	for (;;) {
		contention_before(&h->contention);
		head = hazard_protect(h->record, 0, &pool->head);
		next = hazard_protect(h->record, 1, &head->next);
		/* seq_cst: HP(2) for next, see above. */
		if (atomic_load_explicit(&pool->head, memory_order_seq_cst) != head)
			continue;
		if (next == NULL) {
			contention_abandoned(&h->contention);
			return NULL;
		}
		expected = head;
		/* A dummy that is retired must not be the tail any more.
		 * acquire: pairs with the CAS on tail; any value but head will do. */
		if (atomic_load_explicit(&pool->tail, memory_order_acquire) == head)
			/* seq_cst: as in put(). */
			atomic_compare_exchange_strong_explicit(&pool->tail, &expected, next, memory_order_seq_cst,
			    memory_order_relaxed);
		*value = next->value;
		expected = head;
		/* seq_cst: the unlink HP(3). */
		if (atomic_compare_exchange_strong_explicit(&pool->head, &expected, next, memory_order_seq_cst,
		        memory_order_relaxed))
			break;
		contention_failed(&h->contention);
	}
	contention_succeeded(&h->contention);
	return head;
}

#endif

static enum op_result
pool_insert(void *handle, uint64_t key, uint64_t *value)
{
	struct node *node = node_new(*value);

	(void)key; /* the value says it, too */
	if (node == NULL)
		return OP_NOMEM;
	put(handle, node);
	return OP_HIT;
}

static enum op_result
pool_remove(void *handle, uint64_t key, uint64_t *value)
{
	struct pool_handle *h = handle;
	struct node *node;

	(void)key; /* whatever comes */
	if (!hazard_reserve(h->record, 1))
		return OP_NOMEM;
	node = take(h, value);
	if (node == NULL)
		return OP_MISS;
	hazard_retire(h->record, node, sizeof(*node), node_destroy, NULL);
	return OP_HIT;
}

/* The node of the first item, for those who are alone with the pool. */
static struct node *
first_item(const struct pool *pool)
{
	struct node *node = atomic_load_explicit(&pool->head, memory_order_relaxed);

#if CAS_LIST == QUEUE
	node = atomic_load_explicit(&node->next, memory_order_relaxed);
#endif
	return node;
}

static void
pool_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	const struct pool_handle *h = handle;

	for (struct node *node = first_item(h->pool); node != NULL;
	     node = atomic_load_explicit(&node->next, memory_order_relaxed))
		visit(arg, (node->value >> 8) - 1, node->value);
}

#if CAS_LIST == QUEUE
static bool
pool_check(void *handle, char *error, size_t error_size)
{
	const struct pool_handle *h = handle;
	struct node *last = atomic_load_explicit(&h->pool->head, memory_order_relaxed), *next;

	while ((next = atomic_load_explicit(&last->next, memory_order_relaxed)) != NULL)
		last = next;
	if (atomic_load_explicit(&h->pool->tail, memory_order_relaxed) == last)
		return true;
	snprintf(error, error_size, "the tail is not the last node");
	return false;
}
#endif

/* For hazard_domain_each_pending(), whose visitor also gets the size. */
struct pending {
	void (*visit)(void *arg, uint64_t retired_at_ns);
	void *arg;
};

static void
pending_visit(void *arg, uint64_t retired_at_ns, size_t bytes)
{
	const struct pending *p = arg;

	(void)bytes;
	p->visit(p->arg, retired_at_ns);
}

static void
pool_pending(void *opaque, void (*visit)(void *arg, uint64_t retired_at_ns), void *arg)
{
	const struct pool *pool = opaque;
	struct pending pending = { visit, arg };

	hazard_domain_each_pending(pool->domain, pending_visit, &pending);
}

static void
pool_cas_stats(void *opaque, struct cas_stats *stats)
{
	const struct pool *pool = opaque;
	struct contention_stats sums;

	contention_domain_stats(&pool->contention, &sums);
	backoff_adapter_stats(&sums, stats);
}

static const struct plugin_option options[] = {
	BACKOFF_ADAPTER_OPTION,
	{ .name = NULL },
};

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
#if CAS_LIST == STACK
	.name = "cas-stack",
	.help = "Treiber's stack; insert pushes, remove pops whatever is on top",
#else
	.name = "cas-queue",
	.help = "Michael's and Scott's queue; insert enqueues, remove dequeues what has waited longest",
	.check = pool_check,
#endif
	.reclaimer = "hp",
	.progress = "lock-free",
	.flags = SUBJECT_POOL,
	.options = options,
	.create = pool_create,
	.destroy = pool_destroy,
	.attach = pool_attach,
	.detach = pool_detach,
	.flush = pool_flush,
	.insert = pool_insert,
	.remove = pool_remove,
	.stats = pool_stats,
	.pending = pool_pending,
	.each = pool_each,
	.cas_stats = pool_cas_stats,
};
