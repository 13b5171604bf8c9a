/*
 * reclaim_hp.h - the maps under hazard pointers: hazard.h by the names of
 * reclaim_record.h, which also says what each function does. Internal to core.
 *
 * A reclaim_domain is a hazard_domain, a reclaim_record a hazard_record.
 * Announcements are not cleared at the end of an operation: a stale one keeps
 * one object, and what a handle keeps announced (its directory) it may use
 * in the next operation without a store. Handshake, bound, progress and
 * sources: hazard.h. A thread that stops, or ends without leaving, keeps what
 * its HAZARD_SLOTS slots name, and its own list: within the bound.
 */
#ifndef CORE_RECLAIM_HP_H
#define CORE_RECLAIM_HP_H

#include "core/base.h"
#include "core/hazard.h"

#define reclaim_record hazard_record

#define RECLAIM_HEADER 0

static inline bool
reclaim_enter(struct hazard_record *r)
{
	(void)r;
	return false;
}

static inline void
reclaim_leave(struct hazard_record *r)
{
	(void)r;
}

static inline void
reclaim_publish(struct hazard_record *r, unsigned i, const void *object)
{
	hazard_publish(r, i, object);
}

static inline bool
reclaim_confirm(const struct hazard_record *r, unsigned i)
{
	(void)r;
	(void)i;
	return true;
}

static inline void
reclaim_clear(struct hazard_record *r, unsigned i)
{
	hazard_clear(r, i);
}

static inline void
reclaim_hold(struct hazard_record *r)
{
	(void)r;
}

static inline void
reclaim_release(struct hazard_record *r)
{
	(void)r;
}

static inline bool MUST_USE
reclaim_reserve(struct hazard_record *r, unsigned count)
{
	return hazard_reserve(r, count);
}

static inline void
reclaim_retire(struct hazard_record *r, void *object, size_t bytes, limbo_destroy_fn *destroy, void *state)
{
	hazard_retire(r, object, bytes, destroy, state);
}

static inline uint64_t
reclaim_scan(struct hazard_record *r)
{
	return hazard_scan(r);
}

/* Slots are cleared by whoever knows which of them the next operation relies on. */
static inline void
reclaim_pause(struct hazard_record *r)
{
	(void)r;
}

static inline enum hamt_status MUST_USE
reclaim_attach(struct reclaim_domain *domain, const struct reclaim_probe *probe, struct hazard_record **r)
{
	return hazard_attach((struct hazard_domain *)domain, probe, r) == HAZARD_OK ? HAMT_OK : HAMT_NOMEM;
}

static inline void
reclaim_detach(struct hazard_record *r)
{
	for (unsigned i = 0; i < HAZARD_SLOTS; i++)
		hazard_clear(r, i);
	hazard_leave(r);
}

static inline void
reclaim_born(struct hazard_record *r, void *object)
{
	(void)r;
	(void)object;
}

static inline void
reclaim_unborn(struct hazard_record *r, void *object)
{
	(void)r;
	(void)object;
}

#endif
