/*
 * reclaim_none.c - reclaim.h for no reclamation: counters, and who uses them.
 */
#include "core/base.h"
#include "core/reclaim_record.h"

#if RECLAIM == RECLAIM_NONE

struct reclaim_domain {
	struct limbo_domain limbo; /* first */
};

const char *
reclaim_scheme(void)
{
	return "none";
}

enum hamt_status
reclaim_domain_new(const struct reclaim_config *config, struct reclaim_domain **domain)
{
	static const struct reclaim_config all_zero;

	if (config == NULL)
		config = &all_zero;
	*domain = (struct reclaim_domain *)(void *)limbo_domain_new(&config->allocator, &config->contention, 0,
	    sizeof(struct reclaim_domain), sizeof(struct reclaim_record), offsetof(struct reclaim_record, limbo));
	return *domain != NULL ? HAMT_OK : HAMT_NOMEM;
}

struct reclaim_domain *
reclaim_domain_share(struct reclaim_domain *d)
{
	limbo_domain_share(&d->limbo);
	return d;
}

void
reclaim_domain_drop(struct reclaim_domain *d)
{
	misuse_if(!limbo_domain_drop(&d->limbo), "reclaim_domain_drop: dropped more often than the domain has users");
}

const struct hamt_allocator *
reclaim_domain_allocator(const struct reclaim_domain *d)
{
	return &d->limbo.allocator;
}

void
reclaim_domain_stats(const struct reclaim_domain *d, struct reclaim_totals *t)
{
	limbo_stats_read(&d->limbo, t);
	t->peak = t->pending;
}

/* Nothing is stamped: what is never freed has no time until it is. */
void
reclaim_domain_each_pending(struct reclaim_domain *d,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg)
{
	(void)d;
	(void)visit;
	(void)arg;
}

enum hamt_status
reclaim_attach(struct reclaim_domain *d, const struct reclaim_probe *probe, struct reclaim_record **r)
{
	struct limbo_record *limbo = limbo_attach(&d->limbo, probe, 1);

	if (limbo == NULL)
		return HAMT_NOMEM;
	*r = (struct reclaim_record *)(void *)limbo;
	return HAMT_OK;
}

void
reclaim_detach(struct reclaim_record *r)
{
	limbo_leave(&r->limbo);
}

#endif
