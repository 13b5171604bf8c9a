/*
 * contention.c - waits about compare-and-swaps that fail: how long, how, and
 * for whom.
 *
 * How long is arithmetic on the failures counted so far, or the parameters'
 * bound; how is a choice by length: short waits spin, so that the processor
 * keeps its caches, long ones sleep, so that whoever made the CAS fail can run
 * on this processor. For whom: nobody (constant, exponential), a time of one's
 * own (time slice), or one's turn in a queue (mcs) or cyclic order (ab).
 *
 *	domain --> member --> member --> member    push-only, reused; freed with the domain
 *	  place                                    mcs: whoever queued last; ab: the owner
 *
 * A member is never freed before its domain, so whoever has once seen it may
 * write to it. And since all is advice, a turn that is given to somebody who
 * no longer wants it, or to two at a time, costs time but breaks nothing. That is
 * why a wait may simply end with its bound: no queue has to be repaired first.
 *
 * Members M
 *   each     (1) fill the member, push it, release     contention_attach()
 *   others   (2) load the list, or a word with its address, acquire
 *   leaver   (3) taken = false, release     next (4) taken: false -> true, acquire
 * (4) hands the plain fields on; a member is never unlinked.
 *
 * MCS queue Q. A turn is a member and the number of its turn, so that a member
 * that queues again is not taken for its former turn. link is EMPTY(turn),
 * NEXT(turn, successor) or LEFT(turn).
 *   waiter   (1) signal = 0, link = EMPTY, relaxed    its own; published by (2)
 *            (2) place: exchange with itself, acq_rel   before = whoever was last
 *            (3) CAS before.link: EMPTY(its turn) -> NEXT(its turn, me), acq_rel
 *                fails: before has left, or is in another turn; it is my turn
 *            (4) load signal until 1, acquire
 *   leaver   (5) exchange link with LEFT, acq_rel     finds NEXT of (3), or (3) finds LEFT
 *            (6) signal of the successor = 1, release
 * (3) and (5) are read-modify-writes of one word, so one of them sees the
 *   other: no turn is lost between them, and a leaver never waits for a
 *   successor that is still on its way (MCS's own release does). (1) is seen
 *   by whoever got the address through (2). (6) to (4) makes the leaver's
 *   CAS visible, so that the load that follows is fresh.
 *   A waiter whose bound ends takes itself off, NEXT -> EMPTY, and goes on as
 *   if it were its turn; if that fails the leaver is at (6) just now. When it
 *   leaves it passes the turn on, so whoever is dead is passed over once.
 *
 * Owner W (ab). place is the owner, or none, and the number of the change.
 *   waiter   (1) signal = 1 (wants)     (2) place: none -> me, or find me in it
 *   giver    (3) load signal of those behind me     (4) CAS place: me -> the first that wants, or none
 *   waiter   (5) signal = 0             (6) load place: me? then it is my turn
 *   giver    (7) load signal of whom I gave it to: 0? then CAS place -> none
 * (5) is followed by (6), and (4) by (7); all four are seq_cst. So of a waiter
 *   that gives up and a giver that chose it meanwhile, one sees the other,
 *   and the place does not stay with somebody who is gone. A waiter that finds the same
 *   word in place from the beginning of its wait to the bound takes the
 *   place from that owner, and the request as well: one that died waiting is
 *   handed the place once, at most.
 *
 * Differences from the paper. EXP, MCS and AB count failures of a handle, not
 * of a thread and location. TS waits, after one look at the clock, for as long as it is
 * to its slice, instead of watching the clock: that wait is bounded whatever
 * the clock does. MCS here cannot block a leaver, see (5), and a turn whose wait
 * has ended with its bound stays in order. AB's array is a list, so that it has
 * no greatest number of threads, and an owner that does not run is replaced. Long waits
 * sleep instead of spinning: with more threads than processors whom they wait for needs one.
 *
 * Source: as in contention.h, section 2. MCS: Mellor-Crummey, Scott 1991,
 * Algorithms for Scalable Synchronization on Shared-Memory Multiprocessors.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/base.h"
#include "core/contention.h"

/* A test may define them, to count steps instead of taking time. */
#ifndef CONTENTION_RELAX
#define CONTENTION_RELAX() hamt_cpu_relax()
#define CONTENTION_SLEEP(ns) sleep_ns(ns)
#define CONTENTION_CLOCK_NS() clock_ns()
#endif

#define EXPONENT_MAX 30
#define DEFAULT_RELAX_PS 10000

/* CONTENTION_DEFAULT_TEXT. */
#define DEFAULT_THRESHOLD 1
#define DEFAULT_C 5
#define DEFAULT_M 12

/* What the seed does: it computes 1 << (min(c * f, m) / 1000000), which is 1
 * for every parameter anybody would choose, and sleeps that many ms. */
#define SEED_THRESHOLD 2
#define SEED_WAIT_NS UINT32_C(1000000)

/* --- Text ------------------------------------------------------------- */

#define PARAMETERS_MAX 3

static const struct policy {
	const char *name;
	enum contention_policy policy;
	struct parameter {
		const char *name;
		uint32_t least, most;
		size_t offset;
	} parameter[PARAMETERS_MAX];
} policies[] = {
	{ .name = "none", .policy = CONTENTION_NONE },
	{ .name = "constant", .policy = CONTENTION_CONSTANT, .parameter = {
		{ "WAIT_NS", 0, CONTENTION_WAIT_MAX_NS, offsetof(struct contention_config, wait_ns) } } },
	{ .name = "exp", .policy = CONTENTION_EXPONENTIAL, .parameter = {
		{ "THRESHOLD", 0, UINT32_MAX, offsetof(struct contention_config, threshold) },
		{ "C", 0, UINT32_MAX, offsetof(struct contention_config, c) },
		{ "M", 0, EXPONENT_MAX, offsetof(struct contention_config, m) } } },
	{ .name = "ts", .policy = CONTENTION_TIME_SLICE, .parameter = {
		{ "CONC", 1, UINT32_MAX, offsetof(struct contention_config, conc) },
		{ "SLICE_EXP", 0, EXPONENT_MAX, offsetof(struct contention_config, slice) } } },
	{ .name = "mcs", .policy = CONTENTION_MCS, .parameter = {
		{ "THRESHOLD", 0, UINT32_MAX, offsetof(struct contention_config, threshold) },
		{ "OPS", 1, UINT32_MAX, offsetof(struct contention_config, ops) },
		{ "MAX_WAIT_NS", 0, CONTENTION_WAIT_MAX_NS, offsetof(struct contention_config, wait_ns) } } },
	{ .name = "ab", .policy = CONTENTION_ARRAY, .parameter = {
		{ "THRESHOLD", 0, UINT32_MAX, offsetof(struct contention_config, threshold) },
		{ "OPS", 1, UINT32_MAX, offsetof(struct contention_config, ops) },
		{ "MAX_WAIT_NS", 0, CONTENTION_WAIT_MAX_NS, offsetof(struct contention_config, wait_ns) } } },
	{ .name = "seed-literal", .policy = CONTENTION_SEED },
	{ .name = "default", .policy = CONTENTION_DEFAULT },
};

/* In the order of policies[]. */
static const struct contention_form forms[] = {
	{ "none", "retry at once", "none" },
	{ "constant:WAIT_NS", "CB: wait WAIT_NS (0 to 2^30) after each failure", "constant:200" },
	{ "exp:THRESHOLD,C,M", "EXP: count failures f, each success takes one off; beyond THRESHOLD wait "
	                       "2^min(C*f, M) ns, M at most 30", "exp:1,3,12" },
	{ "ts:CONC,SLICE_EXP", "TS: with n > CONC threads wait after a failure for the beginning of a random one of "
	                       "ceil(n/CONC) slices of 2^SLICE_EXP ns, SLICE_EXP at most 30", "ts:1,10" },
	{ "mcs:THRESHOLD,OPS,MAX_WAIT_NS", "MCS: more than THRESHOLD failures, counted as for exp, and the next OPS "
	                                   "attempts stand in a queue, each for at most MAX_WAIT_NS (0 to 2^30)",
	                                   "mcs:1,4,2000" },
	{ "ab:THRESHOLD,OPS,MAX_WAIT_NS", "AB: the same, in the cyclic order of the threads instead of a queue",
	                                  "ab:1,4,2000" },
	{ "seed-literal", "after more than 2 failures sleep 1 ms: what the seed really does", "seed-literal" },
	{ "default", CONTENTION_DEFAULT_TEXT ", chosen from the measurements in results/reference/", "default" },
};
_Static_assert(sizeof(forms) / sizeof(forms[0]) == sizeof(policies) / sizeof(policies[0]), "one for one");

#define POLICIES "none, constant:WAIT_NS, exp:THRESHOLD,C,M, ts:CONC,SLICE_EXP, mcs:THRESHOLD,OPS,MAX_WAIT_NS, " \
	"ab:THRESHOLD,OPS,MAX_WAIT_NS, seed-literal, default"

const struct contention_form *
contention_forms(size_t *count)
{
	*count = sizeof(forms) / sizeof(forms[0]);
	return forms;
}

/* A piece of the user's text that fits into one printable line. */
struct quoted {
	char text[64];
};

static struct quoted
quote(const char *from, size_t length)
{
	struct quoted q;
	size_t room = sizeof(q.text) - sizeof("..."), i;

	for (i = 0; i < length && i < room; i++)
		q.text[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	strcpy(q.text + i, i < length ? "..." : "");
	return q;
}

/*
 * parse_number - read one decimal number, which ends at the character end.
 * Returns   what follows it, past a ','; NULL and a line in error.
 */
static const char *
parse_number(const char *whole, const char *at, const struct parameter *p, char end, uint32_t *number, char *error,
    size_t error_size)
{
	size_t length = strcspn(at, ",");
	uint64_t n = 0;

	if (length == 0) {
		snprintf(error, error_size, "contention policy \"%s\": %s is missing (there are: %s)",
		    quote(whole, strlen(whole)).text, p->name, POLICIES);
		return NULL;
	}
	for (size_t i = 0; i < length; i++) {
		if (at[i] < '0' || at[i] > '9') {
			snprintf(error, error_size,
			    "contention policy \"%s\": %s must be a whole number, not \"%s\"",
			    quote(whole, strlen(whole)).text, p->name, quote(at, length).text);
			return NULL;
		}
		/* most is below UINT64_MAX / 10 - 1, so this cannot wrap. */
		n = n * 10 + (uint64_t)(at[i] - '0');
		if (n > p->most) {
			snprintf(error, error_size,
			    "contention policy \"%s\": %s is %s, but at most %" PRIu32 " is allowed",
			    quote(whole, strlen(whole)).text, p->name, quote(at, length).text, p->most);
			return NULL;
		}
	}
	if (n < p->least) {
		snprintf(error, error_size, "contention policy \"%s\": %s is %s, but at least %" PRIu32 " is needed",
		    quote(whole, strlen(whole)).text, p->name, quote(at, length).text, p->least);
		return NULL;
	}
	at += length;
	if (*at != end) {
		snprintf(error, error_size,
		    end == '\0' ? "contention policy \"%s\": too much after %s (there are: %s)" :
		    "contention policy \"%s\": a number is missing after %s (there are: %s)",
		    quote(whole, strlen(whole)).text, p->name, POLICIES);
		return NULL;
	}
	*number = (uint32_t)n;
	return end == '\0' ? at : at + 1;
}

static const struct policy *
policy_named(const char *text, size_t length)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strlen(policies[i].name) == length && strncmp(policies[i].name, text, length) == 0)
			return &policies[i];
	return NULL;
}

static uint32_t *
parameter_of(struct contention_config *config, const struct parameter *p)
{
	return (uint32_t *)(void *)((char *)config + p->offset);
}

bool
contention_parse(const char *text, struct contention_config *config, char *error, size_t error_size)
{
	size_t length = strcspn(text, ":");
	const struct policy *policy = policy_named(text, length);
	struct contention_config parsed = { .policy = CONTENTION_DEFAULT };
	const char *at = text + length + 1;

	/* A colon exactly where there are parameters. */
	if (policy == NULL || (policy->parameter[0].name != NULL) != (text[length] == ':')) {
		snprintf(error, error_size, "no contention policy \"%s\" (there are: %s)",
		    quote(text, strlen(text)).text, POLICIES);
		return false;
	}
	parsed.policy = policy->policy;
	for (unsigned i = 0; i < PARAMETERS_MAX && policy->parameter[i].name != NULL; i++) {
		const struct parameter *p = &policy->parameter[i];
		bool last = i + 1 == PARAMETERS_MAX || policy->parameter[i + 1].name == NULL;

		at = parse_number(text, at, p, last ? '\0' : ',', parameter_of(&parsed, p), error, error_size);
		if (at == NULL)
			return false;
	}
	*config = parsed;
	return true;
}

void
contention_format(const struct contention_config *config, char *text, size_t size)
{
	struct contention_config copy = *config;
	int used;

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		if (policies[i].policy != config->policy)
			continue;
		used = snprintf(text, size, "%s", policies[i].name);
		for (unsigned p = 0; p < PARAMETERS_MAX && policies[i].parameter[p].name != NULL; p++)
			if (used >= 0 && (size_t)used < size)
				used += snprintf(text + used, size - (size_t)used, "%c%" PRIu32, p == 0 ? ':' : ',',
				    *parameter_of(&copy, &policies[i].parameter[p]));
		return;
	}
	misuse_if(true, "contention_format: policy must be one of enum contention_policy");
}

/* --- Time ------------------------------------------------------------- */

/* One reading of the wall clock: C11 has no other. */
static int64_t
clock_ns(void)
{
	struct timespec now;

#ifdef SCHEDULED
	/* A schedule's time is its points: all it does follows from its seed. */
	if (schedule_under_way())
		return (int64_t)schedule_tick() * 10;
#endif
	if (timespec_get(&now, TIME_UTC) != TIME_UTC)
		return 0;
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static __attribute__((unused)) void
sleep_ns(uint64_t ns)
{
	struct timespec left = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

#ifdef SCHEDULED
	if (schedule_under_way()) {
		schedule_sleep();
		return;
	}
#endif
	/* A signal handler that ran has not ended the wait. */
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

void
contention_calibrate(struct contention_config *config)
{
	enum { RUNS = 6, RELAXES = 32 };
	int64_t best_ns = INT64_MAX;

	/* The smallest run is the one nobody interrupted. A run over which the
	 * clock stood still or was set back says nothing. */
	for (int run = 0; run < RUNS; run++) {
		int64_t start_ns = clock_ns(), took_ns;

		for (int i = 0; i < RELAXES; i++)
			hamt_cpu_relax();
		took_ns = clock_ns() - start_ns;
		if (took_ns > 0 && took_ns < best_ns)
			best_ns = took_ns;
	}
	/* Above a millisecond each, it was not hamt_cpu_relax() that took the time. */
	if (best_ns > (int64_t)RELAXES * 1000000)
		config->relax_ps = DEFAULT_RELAX_PS;
	else
		config->relax_ps = (uint32_t)(best_ns * 1000 / RELAXES);
	/* Less than a picosecond: the clock is coarser than this. */
	if (config->relax_ps == 0)
		config->relax_ps = DEFAULT_RELAX_PS;
}

/* Rounded up: a wait is never shorter than asked for. */
static uint64_t
relaxes_in(const struct contention *cm, uint64_t ns)
{
	return (ns * 1000 + cm->config.relax_ps - 1) / cm->config.relax_ps;
}

/* --- Configurations --------------------------------------------------- */

/* checked - config with the default spelt out. */
static struct contention_config
checked(const struct contention_config *from)
{
	struct contention_config config = { .policy = CONTENTION_DEFAULT };

	if (from != NULL)
		config = *from;
	switch (config.policy) {
	case CONTENTION_DEFAULT:
		misuse_if((config.threshold | config.c | config.m | config.conc | config.slice | config.ops |
		              config.wait_ns) != 0,
		    "contention_config: the default policy takes no parameters");
		config.policy = CONTENTION_EXPONENTIAL;
		config.threshold = DEFAULT_THRESHOLD;
		config.c = DEFAULT_C;
		config.m = DEFAULT_M;
		break;
	case CONTENTION_EXPONENTIAL:
		misuse_if(config.m > EXPONENT_MAX, "contention_config: m must be at most 30");
		break;
	case CONTENTION_TIME_SLICE:
		misuse_if(config.conc == 0, "contention_config: conc must be at least 1");
		misuse_if(config.slice > EXPONENT_MAX, "contention_config: slice must be at most 30");
		break;
	case CONTENTION_MCS:
	case CONTENTION_ARRAY:
		misuse_if(config.ops == 0, "contention_config: ops must be at least 1");
		misuse_if(config.wait_ns > CONTENTION_WAIT_MAX_NS,
		    "contention_config: wait_ns must be at most CONTENTION_WAIT_MAX_NS");
		break;
	case CONTENTION_CONSTANT:
		misuse_if(config.wait_ns > CONTENTION_WAIT_MAX_NS,
		    "contention_config: wait_ns must be at most CONTENTION_WAIT_MAX_NS");
		break;
	case CONTENTION_NONE:
	case CONTENTION_SEED:
		break;
	default:
		misuse_if(true, "contention_config: policy must be one of enum contention_policy");
	}
	return config;
}

/* --- Counters --------------------------------------------------------- */

static void
count(_Atomic(uint64_t) *counter, uint64_t more)
{
	/* relaxed: one writer; a figure on its own. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
	    memory_order_relaxed);
}

static struct contention_counters *
counters(struct contention *cm)
{
	return cm->member != NULL ? &cm->member->counters : &cm->own;
}

static void
counters_add(const struct contention_counters *from, struct contention_stats *to)
{
	/* relaxed: figures on their own. */
	to->failed += atomic_load_explicit(&from->failed, memory_order_relaxed);
	to->waits += atomic_load_explicit(&from->waits, memory_order_relaxed);
	to->waited_ns += atomic_load_explicit(&from->waited_ns, memory_order_relaxed);
	to->expired += atomic_load_explicit(&from->expired, memory_order_relaxed);
}

void
contention_stats(const struct contention *cm, struct contention_stats *stats)
{
	*stats = (struct contention_stats){ .failed = 0 };
	counters_add(cm->member != NULL ? &cm->member->counters : &cm->own, stats);
}

void
contention_domain_stats(const struct contention_domain *d, struct contention_stats *stats)
{
	*stats = (struct contention_stats){ .failed = 0 };
	/* acquire: M(2), pairs with M(1). */
	for (const struct contention_member *m = atomic_load_explicit(&d->members, memory_order_acquire); m != NULL;
	     m = m->sibling)
		counters_add(&m->counters, stats);
}

/* --- Domains and members ---------------------------------------------- */

/* A word of the queue or of the place: a member's address, and a number in what addresses leave free. */
#define WORD_NUMBER 48
#define WORD_MEMBER (((UINT64_C(1) << WORD_NUMBER) - 1) & ~(uint64_t)(CACHE_LINE_BYTES - 1))
#define WORD_LEFT UINT64_C(1)

static uint64_t
word_of(const struct contention_member *m, uint16_t number)
{
	return (uint64_t)number << WORD_NUMBER | (uint64_t)(uintptr_t)m;
}

static struct contention_member *
word_member(uint64_t word)
{
	return (struct contention_member *)(uintptr_t)(word & WORD_MEMBER);
}

static uint16_t
word_number(uint64_t word)
{
	return (uint16_t)(word >> WORD_NUMBER);
}

void
contention_domain_init(struct contention_domain *d, const struct contention_config *config,
    const struct hamt_allocator *allocator)
{
	*d = (struct contention_domain){ .config = checked(config) };
	if (allocator != NULL)
		d->allocator = *allocator;
	if (d->config.relax_ps == 0 && d->config.policy == CONTENTION_NONE)
		d->config.relax_ps = DEFAULT_RELAX_PS; /* nothing will wait */
	else if (d->config.relax_ps == 0)
		contention_calibrate(&d->config);
}

void
contention_domain_fini(struct contention_domain *d)
{
	/* relaxed: nobody else uses the domain any more. */
	struct contention_member *m = atomic_load_explicit(&d->members, memory_order_relaxed), *sibling;

	for (; m != NULL; m = sibling) {
		sibling = m->sibling;
		allocator_free(&d->allocator, m->block, sizeof(*m) + CACHE_LINE_BYTES - 1);
	}
	/* relaxed: as above. */
	atomic_store_explicit(&d->members, NULL, memory_order_relaxed);
}

/* member_idle - a member whose owner left, now ours, or NULL. */
static struct contention_member *
member_idle(struct contention_domain *d)
{
	/* acquire: M(2), pairs with M(1). */
	struct contention_member *m = atomic_load_explicit(&d->members, memory_order_acquire);

	for (; m != NULL; m = m->sibling) {
		bool taken = atomic_load_explicit(&m->taken, memory_order_relaxed); /* a guess */

		/* acquire: M(4), pairs with M(3). Failure relaxed: to the next. */
		if (!taken && atomic_compare_exchange_strong_explicit(&m->taken, &taken, true, memory_order_acquire,
		                  memory_order_relaxed))
			return m;
	}
	return NULL;
}

static struct contention_member *
member_new(struct contention_domain *d)
{
	void *block = allocator_alloc(&d->allocator, sizeof(struct contention_member) + CACHE_LINE_BYTES - 1);
	struct contention_member *m;

	if (block == NULL)
		return NULL;
	m = (struct contention_member *)(((uintptr_t)block + CACHE_LINE_BYTES - 1) &
	    ~(uintptr_t)(CACHE_LINE_BYTES - 1));
	/* Not reachable yet, so plain zeroes initialise its atomics too. */
	memset(m, 0, sizeof(*m));
	m->block = block;
	invariant(((uint64_t)(uintptr_t)m & ~WORD_MEMBER) == 0);
	/* Any start will do, but the same for all. relaxed: only a number. */
	m->random = (atomic_fetch_add_explicit(&d->made, 1, memory_order_relaxed) + 1) * UINT32_C(2654435769);
	atomic_init(&m->taken, true);
	/* relaxed: a guess, confirmed by the CAS. */
	m->sibling = atomic_load_explicit(&d->members, memory_order_relaxed);
	/* release: M(1), pairs with M(2). Failure relaxed: the others are not
	 * looked at. Once for each member ever made, so without a policy. */
	while (!atomic_compare_exchange_weak_explicit(&d->members, &m->sibling, m, memory_order_release,
	    memory_order_relaxed))
		CONTENTION_RELAX();
	return m;
}

void
contention_init(struct contention *cm, const struct contention_config *config)
{
	*cm = (struct contention){ .config = checked(config) };
	misuse_if(cm->config.policy == CONTENTION_TIME_SLICE || cm->config.policy == CONTENTION_MCS ||
	        cm->config.policy == CONTENTION_ARRAY,
	    "contention_init: this policy needs a domain, see contention_attach");
	if (cm->config.relax_ps == 0)
		cm->config.relax_ps = DEFAULT_RELAX_PS;
}

bool
contention_attach(struct contention *cm, struct contention_domain *d)
{
	struct contention_member *m = member_idle(d);

	if (m == NULL && (m = member_new(d)) == NULL)
		return false;
	*cm = (struct contention){ .config = d->config, .domain = d, .member = m };
	/* relaxed: a rule of thumb for time slices. */
	atomic_fetch_add_explicit(&d->attached, 1, memory_order_relaxed);
	return true;
}

void
contention_leave(struct contention *cm)
{
	misuse_if(cm->member == NULL, "contention_leave: must be attached");
	contention_release(cm);
	/* relaxed: as in contention_attach(). */
	atomic_fetch_sub_explicit(&cm->domain->attached, 1, memory_order_relaxed);
	/* release: M(3), pairs with M(4). */
	atomic_store_explicit(&cm->member->taken, false, memory_order_release);
	cm->member = NULL;
	cm->domain = NULL;
}

/* --- Waiting ---------------------------------------------------------- */

/* pause_for - wait ns. */
static void
pause_for(struct contention *cm, uint64_t ns)
{
	if (ns == 0)
		return;
	count(&counters(cm)->waits, 1);
	count(&counters(cm)->waited_ns, ns);
	if (ns >= CONTENTION_SLEEP_NS) {
		CONTENTION_SLEEP(ns);
		return;
	}
	for (uint64_t relaxes = relaxes_in(cm, ns); relaxes > 0; relaxes--)
		CONTENTION_RELAX();
}

/* What is left of a wait for somebody else: config.wait_ns when it begins. */
struct patience {
	uint64_t relaxes, naps;
};

static struct patience
patience_new(const struct contention *cm)
{
	uint64_t spin_ns = cm->config.wait_ns < CONTENTION_SLEEP_NS ? cm->config.wait_ns : CONTENTION_SLEEP_NS;
	uint64_t nap_ns = cm->config.wait_ns - spin_ns;

	return (struct patience){ relaxes_in(cm, spin_ns), (nap_ns + CONTENTION_NAP_NS - 1) / CONTENTION_NAP_NS };
}

/* patience_step - wait a little. False: the bound is reached. */
static bool
patience_step(struct patience *p)
{
	if (p->relaxes > 0) {
		p->relaxes--;
		CONTENTION_RELAX();
		return true;
	}
	if (p->naps > 0) {
		p->naps--;
		CONTENTION_SLEEP(CONTENTION_NAP_NS);
		return true;
	}
	return false;
}

static void
note_wait(struct contention *cm, const struct patience *left, bool expired)
{
	struct patience all = patience_new(cm);

	count(&counters(cm)->waits, 1);
	count(&counters(cm)->waited_ns, (all.relaxes - left->relaxes) * cm->config.relax_ps / 1000 +
	        (all.naps - left->naps) * CONTENTION_NAP_NS);
	if (expired)
		count(&counters(cm)->expired, 1);
}

/* --- MCS: a queue ----------------------------------------------------- */

/* mcs_enter - stand in the queue. */
static void
mcs_enter(struct contention *cm)
{
	struct contention_member *m = cm->member, *before;
	struct patience patience = patience_new(cm);
	uint64_t last, link, next;
	bool expired = false;

	m->turn++;
	/* relaxed: Q(1), published by Q(2). */
	atomic_store_explicit(&m->signal, 0, memory_order_relaxed);
	atomic_store_explicit(&m->link, word_of(NULL, m->turn), memory_order_relaxed);
	/* acq_rel: Q(2), pairs with itself in whoever queues before and after. */
	last = atomic_exchange_explicit(&cm->domain->place, word_of(m, m->turn), memory_order_acq_rel);
	before = word_member(last);
	/* Nobody ever queued, or we ourselves were the last, and left. */
	if (before == NULL || before == m)
		return;
	link = word_of(NULL, word_number(last));
	next = word_of(m, word_number(last));
	/* acq_rel: Q(3), pairs with Q(5). Failure acquire: before has left, and
	 * what it wrote is seen. */
	if (!atomic_compare_exchange_strong_explicit(&before->link, &link, next, memory_order_acq_rel,
	        memory_order_acquire))
		return;
	/* acquire: Q(4), pairs with Q(6). */
	while (!expired && atomic_load_explicit(&m->signal, memory_order_acquire) == 0)
		expired = !patience_step(&patience);
	if (expired) {
		link = next;
		/* relaxed, both: we only take our address away again. */
		(void)atomic_compare_exchange_strong_explicit(&before->link, &link,
		    word_of(NULL, word_number(last)), memory_order_relaxed, memory_order_relaxed);
	}
	note_wait(cm, &patience, expired);
}

static void
mcs_leave(struct contention *cm)
{
	struct contention_member *m = cm->member, *next;

	/* acq_rel: Q(5), pairs with Q(3). */
	next = word_member(atomic_exchange_explicit(&m->link, word_of(NULL, m->turn) | WORD_LEFT,
	    memory_order_acq_rel));
	if (next != NULL)
		/* release: Q(6), pairs with Q(4). */
		atomic_store_explicit(&next->signal, 1, memory_order_release);
}

/* --- AB: an owner ----------------------------------------------------- */

static uint64_t
place_after(uint64_t word, const struct contention_member *m)
{
	return word_of(m, (uint16_t)(word_number(word) + 1));
}

/* place_give - W(4), or what a waiter does: place changes from word to m's. */
static bool
place_give(struct contention_domain *d, uint64_t word, const struct contention_member *m)
{
	/* seq_cst: W(4), pairs with W(5) and W(6); its release pairs with whoever
	 * finds itself the owner. Failure relaxed: somebody else was faster. */
	return atomic_compare_exchange_strong_explicit(&d->place, &word, place_after(word, m), memory_order_seq_cst,
	    memory_order_relaxed);
}

/* ab_enter - become the owner. */
static void
ab_enter(struct contention *cm)
{
	struct contention_domain *d = cm->domain;
	struct contention_member *m = cm->member, *owner;
	struct patience patience = patience_new(cm), none = patience;
	uint64_t first, now;
	bool expired = false;

	/* release: W(1), pairs with W(3); only so that a giver that sees it sees
	 * us as we are. */
	atomic_store_explicit(&m->signal, 1, memory_order_release);
	/* acquire: W(2), pairs with W(4), so that the load that follows is fresh. */
	first = now = atomic_load_explicit(&d->place, memory_order_acquire);
	for (;;) {
		owner = word_member(now);
		if (owner == m || (owner == NULL && place_give(d, now, m)))
			break;
		expired = !patience_step(&patience);
		/* acquire: as above. */
		now = atomic_load_explicit(&d->place, memory_order_acquire);
		if (expired)
			break;
	}
	if (expired && now == first && owner != NULL && place_give(d, now, m))
		/* relaxed: it does not run. If it does again just now, and wants
		 * a turn, it still finds the place free one day, or its bound. */
		atomic_store_explicit(&owner->signal, 0, memory_order_relaxed);
	if (expired)
		/* seq_cst: W(5), pairs with W(7). W(6) is ab_leave(). */
		atomic_store_explicit(&m->signal, 0, memory_order_seq_cst);
	if (patience.relaxes != none.relaxes || patience.naps != none.naps || expired)
		note_wait(cm, &patience, expired);
}

/* ab_next - the first after m, in cyclic order, that wants a turn; NULL if none. */
static struct contention_member *
ab_next(struct contention_domain *d, const struct contention_member *m)
{
	struct contention_member *i = m->sibling;

	for (;; i = i->sibling) {
		if (i == NULL)
			/* acquire: M(2), pairs with M(1). */
			i = atomic_load_explicit(&d->members, memory_order_acquire);
		if (i == m)
			return NULL;
		/* acquire: W(3), pairs with W(1). */
		if (atomic_load_explicit(&i->signal, memory_order_acquire) != 0)
			return i;
	}
}

static void
ab_leave(struct contention *cm)
{
	struct contention_domain *d = cm->domain;
	struct contention_member *m = cm->member, *next;
	uint64_t word;

	/* seq_cst: W(5), pairs with W(7). */
	atomic_store_explicit(&m->signal, 0, memory_order_seq_cst);
	/* seq_cst: W(6), pairs with W(4). */
	word = atomic_load_explicit(&d->place, memory_order_seq_cst);
	/* Else our wait ended without a turn, or it was taken from us. */
	if (word_member(word) != m)
		return;
	next = ab_next(d, m);
	if (!place_give(d, word, next) || next == NULL)
		return;
	/* seq_cst: W(7), pairs with W(5). */
	if (atomic_load_explicit(&next->signal, memory_order_seq_cst) == 0)
		(void)place_give(d, place_after(word, next), NULL);
}

/* --- The hooks -------------------------------------------------------- */

/* Time slice: how many there are; 1: no need to wait. */
static uint64_t
slices(const struct contention *cm)
{
	/* relaxed: a rule of thumb. At least ourselves. */
	uint64_t attached = atomic_load_explicit(&cm->domain->attached, memory_order_relaxed);

	return (attached + cm->config.conc - 1) / cm->config.conc;
}

static uint64_t
slices_wait_max_ns(const struct contention *cm)
{
	uint64_t n = slices(cm);

	/* n - 1 < 2^32 and slice <= 30: this cannot wrap. */
	n = n > 1 ? (n - 1) << cm->config.slice : 0;
	return n < CONTENTION_WAIT_MAX_NS ? n : CONTENTION_WAIT_MAX_NS;
}

/* slice_wait_ns - how long it is to the beginning of a slice drawn at random; 0 if that is now. */
static uint64_t
slice_wait_ns(struct contention *cm)
{
	struct contention_member *m = cm->member;
	uint64_t n = slices(cm), now_ns, current, mine, wait_ns;

	if (n <= 1)
		return 0;
	/* Marsaglia's xorshift; which slice is better than which, nobody knows. */
	m->random ^= m->random << 13;
	m->random ^= m->random >> 17;
	m->random ^= m->random << 5;
	mine = m->random % n;
	now_ns = (uint64_t)CONTENTION_CLOCK_NS();
	current = (now_ns >> cm->config.slice) % n;
	if (current == mine)
		return 0;
	/* What is left of this slice, and those in between. */
	wait_ns = (((mine + n - current) % n) << cm->config.slice) -
	    (now_ns & ((UINT64_C(1) << cm->config.slice) - 1));
	return wait_ns < CONTENTION_WAIT_MAX_NS ? wait_ns : CONTENTION_WAIT_MAX_NS;
}

uint64_t
contention_next_wait_ns(const struct contention *cm)
{
	/* f counts the failure that is about to be noted. */
	uint64_t f = (uint64_t)cm->failures + 1, exponent;

	switch (cm->config.policy) {
	case CONTENTION_CONSTANT:
		return cm->config.wait_ns;
	case CONTENTION_EXPONENTIAL:
		if (f <= cm->config.threshold)
			return 0;
		exponent = f * cm->config.c; /* c, f - 1 < 2^32: the product fits */
		return UINT64_C(1) << (exponent < cm->config.m ? exponent : cm->config.m);
	case CONTENTION_SEED:
		return f > SEED_THRESHOLD ? SEED_WAIT_NS : 0;
	case CONTENTION_TIME_SLICE:
		return slices_wait_max_ns(cm);
	case CONTENTION_MCS:
	case CONTENTION_ARRAY:
		return cm->queueing != 0 && !cm->holding ? cm->config.wait_ns : 0;
	case CONTENTION_NONE:
	case CONTENTION_DEFAULT: /* checked() left none */
		break;
	}
	return 0;
}

void
contention_queue(struct contention *cm)
{
	if (cm->holding)
		return;
	if (cm->config.policy == CONTENTION_MCS)
		mcs_enter(cm);
	else
		ab_enter(cm);
	cm->holding = true;
}

void
contention_release(struct contention *cm)
{
	if (!cm->holding)
		return;
	cm->holding = false;
	cm->queueing--;
	if (cm->config.policy == CONTENTION_MCS)
		mcs_leave(cm);
	else
		ab_leave(cm);
}

void
contention_settle(struct contention *cm)
{
	if (cm->failures > 0)
		cm->failures--;
	contention_release(cm);
}

void
contention_failed(struct contention *cm)
{
	uint64_t wait_ns = 0;

	count(&counters(cm)->failed, 1);
	switch (cm->config.policy) {
	case CONTENTION_MCS:
	case CONTENTION_ARRAY:
		contention_release(cm);
		if (cm->queueing == 0 && cm->failures++ >= cm->config.threshold) {
			cm->queueing = cm->config.ops;
			cm->failures = 0;
		}
		return;
	case CONTENTION_TIME_SLICE:
		wait_ns = slice_wait_ns(cm);
		break;
	case CONTENTION_CONSTANT:
	case CONTENTION_EXPONENTIAL:
	case CONTENTION_SEED:
		wait_ns = contention_next_wait_ns(cm);
		break;
	case CONTENTION_NONE:
	case CONTENTION_DEFAULT:
		break;
	}
	if (cm->failures < UINT32_MAX)
		cm->failures++;
	pause_for(cm, wait_ns);
}
