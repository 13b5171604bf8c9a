/*
 * reclaim_none.h - the maps without reclamation: what is retired is counted and
 * left where it is. It shows a map without the work of reclamation, and is no
 * upper bound: nothing is reused, so caches and pages keep filling, and a scheme
 * that frees can be faster. Internal to core; reclaim_record.h says what
 * each function does.
 *
 * Bound      none: garbage is all that was ever retired. It stays allocated
 *            even when the domain is gone: give an allocator that frees all at
 *            once.
 * Progress   wait-free. A thread that stops or dies makes no difference.
 */
#ifndef CORE_RECLAIM_NONE_H
#define CORE_RECLAIM_NONE_H

#include "core/base.h"
#include "core/limbo.h"

struct reclaim_record {
	struct limbo_record limbo; /* for the counters and the membership; its list stays empty */
};

#define RECLAIM_HEADER 0

static inline bool
reclaim_enter(struct reclaim_record *r)
{
	(void)r;
	return false;
}

static inline void
reclaim_leave(struct reclaim_record *r)
{
	(void)r;
}

static inline void
reclaim_publish(struct reclaim_record *r, unsigned i, const void *object)
{
	(void)r;
	(void)i;
	(void)object;
}

static inline bool
reclaim_confirm(const struct reclaim_record *r, unsigned i)
{
	(void)r;
	(void)i;
	return true;
}

static inline void
reclaim_clear(struct reclaim_record *r, unsigned i)
{
	(void)r;
	(void)i;
}

static inline void
reclaim_hold(struct reclaim_record *r)
{
	(void)r;
}

static inline void
reclaim_release(struct reclaim_record *r)
{
	(void)r;
}

static inline bool MUST_USE
reclaim_reserve(struct reclaim_record *r, unsigned count)
{
	(void)r;
	(void)count;
	return true;
}

static inline void
reclaim_retire(struct reclaim_record *r, void *object, size_t bytes, limbo_destroy_fn *destroy, void *state)
{
	(void)object;
	(void)destroy;
	(void)state;
	limbo_count(&r->limbo.retired, 1);
	limbo_count(&r->limbo.retired_bytes, bytes);
}

static inline uint64_t
reclaim_scan(struct reclaim_record *r)
{
	(void)r;
	return 0;
}

static inline void
reclaim_pause(struct reclaim_record *r)
{
	(void)r;
}

enum hamt_status reclaim_attach(struct reclaim_domain *domain, const struct reclaim_probe *probe,
    struct reclaim_record **r) MUST_USE;
void reclaim_detach(struct reclaim_record *r);

static inline void
reclaim_born(struct reclaim_record *r, void *object)
{
	(void)r;
	(void)object;
}

static inline void
reclaim_unborn(struct reclaim_record *r, void *object)
{
	(void)r;
	(void)object;
}

#endif
