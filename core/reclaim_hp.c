/*
 * reclaim_hp.c - reclaim.h for hazard pointers: a domain by another name.
 */
#include "core/reclaim_record.h"

#if RECLAIM == RECLAIM_HP

const char *
reclaim_scheme(void)
{
	return "hp";
}

static struct hazard_domain *
hazards(const struct reclaim_domain *d)
{
	return (struct hazard_domain *)(uintptr_t)d;
}

enum hamt_status
reclaim_domain_new(const struct reclaim_config *config, struct reclaim_domain **domain)
{
	struct hazard_config hazard = { .mode = HAZARD_AUTO };
	struct hazard_domain *d;

	if (config != NULL)
		hazard = (struct hazard_config){ .mode = config->mode, .threshold = config->threshold,
			.allocator = config->allocator, .contention = config->contention };
	switch (hazard_domain_new(&hazard, &d)) {
	case HAZARD_OK:
		*domain = reclaim_domain_of_hazards(d);
		return HAMT_OK;
	case HAZARD_UNAVAILABLE:
		return HAMT_MISMATCH;
	case HAZARD_NOMEM:
		break;
	}
	return HAMT_NOMEM;
}

struct reclaim_domain *
reclaim_domain_share(struct reclaim_domain *d)
{
	return reclaim_domain_of_hazards(hazard_domain_share(hazards(d)));
}

void
reclaim_domain_drop(struct reclaim_domain *d)
{
	hazard_domain_drop(hazards(d));
}

const struct hamt_allocator *
reclaim_domain_allocator(const struct reclaim_domain *d)
{
	return hazard_domain_allocator(hazards(d));
}

void
reclaim_domain_stats(const struct reclaim_domain *d, struct reclaim_totals *t)
{
	struct hazard_stats s;

	hazard_domain_stats(hazards(d), &s);
	*t = (struct reclaim_totals){
		.retired = s.retired, .freed = s.freed, .retired_bytes = s.retired_bytes, .freed_bytes = s.freed_bytes,
		.pending = s.pending, .pending_bytes = s.pending_bytes, .peak = s.peak, .scans = s.scans,
		.examined = s.examined, .blocked = s.blocked, .refused = s.refused, .adopted = s.adopted,
		.records = s.records, .attached = s.attached, .threshold = s.threshold, .bound = s.bound,
		.asymmetric = s.asymmetric,
	};
}

void
reclaim_domain_each_pending(struct reclaim_domain *d,
    void (*visit)(void *arg, uint64_t retired_at_ns, size_t bytes), void *arg)
{
	hazard_domain_each_pending(hazards(d), visit, arg);
}

#endif
