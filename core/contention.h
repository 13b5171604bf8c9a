/*
 * contention.h - what a thread does after a compare-and-swap failed.
 *
 * A policy with its parameters is a struct contention_config (copied freely);
 * a thread's memory of its failures is a struct contention, owned by the
 * caller: one for each thread and structure, so that trouble at one place
 * does not slow another. Nothing is shared between threads.
 *
 *	struct contention cm;
 *	contention_init(&cm, &config);
 *	while (!atomic_compare_exchange_...(...))
 *		contention_failed(&cm);
 *	contention_succeeded(&cm);
 *
 * Source: Dice, Hendler, Mirsky 2013, Lightweight Contention Management for
 * Efficient Compare-and-Swap Operations (arXiv 1305.5800), sections 2 and 3.
 *
 * Progress: every wait is bounded by CONTENTION_WAIT_MAX_NS; the policies
 * keep a lock-free algorithm lock-free.
 */
#ifndef CORE_CONTENTION_H
#define CORE_CONTENTION_H

#include "core/atomic.h"
#include "core/base.h"

enum contention_policy {
	CONTENTION_DEFAULT,     /* what contention_init() takes for all zero: see there */
	CONTENTION_NONE,        /* retry at once */
	CONTENTION_CONSTANT,    /* CB: wait wait_ns after each failure */
	CONTENTION_EXPONENTIAL, /* EXP: f counted failures; if f > threshold wait 2^min(c*f, m) ns */
	CONTENTION_SEED,        /* what the seed really does: after more than 2 failures sleep 1 ms */
};

/* No wait is longer, whatever the parameters say: 2^30 ns. */
#define CONTENTION_WAIT_MAX_NS (UINT64_C(1) << 30)
/* From here on a wait gives the processor away instead of spinning. */
#define CONTENTION_SLEEP_NS UINT64_C(100000)

struct contention_config {
	enum contention_policy policy;
	uint32_t threshold;  /* exponential: failures that are free */
	uint32_t c;          /* exponential: growth of the exponent */
	uint32_t m;          /* exponential: the exponent's limit, at most 30 */
	uint64_t wait_ns;    /* constant: at most CONTENTION_WAIT_MAX_NS */
	uint32_t relax_ps;   /* what one cpu_relax() takes, in picoseconds; 0 = assume 10 ns.
	                        contention_calibrate() fills it in */
};

struct contention {
	struct contention_config config;
	uint32_t failures;   /* f: +1 per failure, -1 per success, not below 0 */
	uint64_t waits;      /* statistics: how often, how long in all */
	uint64_t waited_ns;
};

/*
 * contention_parse - read "none", "constant:WAIT_NS", "exp:THRESHOLD,C,M" or
 * "seed-literal" ("default" gives the all-zero config).
 * Returns   true; false and one line in error naming what is wrong.
 */
bool contention_parse(const char *text, struct contention_config *config,
    char *error, size_t error_size) MUST_USE;

/* contention_format - the canonical text of a config, as contention_parse() reads it. */
void contention_format(const struct contention_config *config, char *text, size_t size);

/*
 * contention_calibrate - measure cpu_relax() and note it in config->relax_ps,
 * so that waits are in time, not in loop counts. Takes some ten microseconds;
 * the only place in core/ that looks at a clock (C11 timespec_get).
 */
void contention_calibrate(struct contention_config *config);

/*
 * contention_init - start with no failures. config is copied; NULL or all
 * zero means exponential, threshold 1, c 3, m 12: first retry at once, then
 * 64 ns ... 4 microseconds.
 * Misuse    parameters outside the ranges above abort.
 */
void contention_init(struct contention *cm, const struct contention_config *config);

/* contention_wait_ns - the wait that the next contention_failed() would take. */
uint64_t contention_next_wait_ns(const struct contention *cm);

/* contention_failed - call after a failed CAS: counts it, waits as the policy says. */
void contention_failed(struct contention *cm);

/* contention_succeeded - call after a CAS that went through: takes one failure off. */
static inline void
contention_succeeded(struct contention *cm)
{
	if (UNLIKELY(cm->failures > 0))
		cm->failures--;
}

#endif
