/*
 * test_contention_schedules.c - the MCS queue and the array's owner under
 * thousands of chosen schedules: turns are neither lost nor given twice, and
 * who dies in the middle stops nobody.
 *
 * A bound that is never reached turns both into locks, although nothing relies on
 * that: so a turn that is lost is a wait that expires, and one that is given
 * twice is two threads inside. With a short bound only progress is asked for.
 */
#include "core/base.h"
#include "core/contention.h"
#include "core/tests/schedules.h"

enum { THREADS_MAX = 3, OPERATIONS_MAX = 5 };

static struct {
	struct contention_domain domain;
	_Alignas(8) _Atomic(uint64_t) word;
	unsigned threads, operations, inside;
	uint64_t done;
	bool patient, dies;
} plan;

/* One increment; sometimes given up instead, sometimes with failures on the way. */
static void
operation(struct contention *cm)
{
	for (;;) {
		uint64_t seen;

		contention_before(cm);
		/* Plain: the scheduler switches at atomic accesses only, and there are some below. */
		if (cm->holding && ++plan.inside > 1 && plan.patient)
			schedule_failed("%u threads have the turn", plan.inside);
		seen = atomic_load_explicit(&plan.word, memory_order_relaxed);
		if (schedule_draw(5) == 0) {
			plan.inside -= cm->holding;
			contention_abandoned(cm);
			return;
		}
		if (atomic_compare_exchange_strong_explicit(&plan.word, &seen, seen + 1, memory_order_relaxed,
		        memory_order_relaxed))
			break;
		plan.inside -= cm->holding;
		contention_failed(cm);
	}
	plan.done++;
	plan.inside -= cm->holding;
	contention_succeeded(cm);
}

static void
thread_main(void *arg, unsigned thread)
{
	struct contention cm;

	(void)arg;
	CHECK(contention_attach(&cm, &plan.domain));
	/* As if it had failed often enough. */
	cm.queueing = plan.domain.config.ops;
	for (unsigned i = 0; i < plan.operations; i++) {
		if (plan.dies && thread == 0 && i == plan.operations / 2) {
			contention_before(&cm);
			return;
		}
		operation(&cm);
		if (!plan.dies && schedule_draw(6) == 0) {
			contention_leave(&cm);
			CHECK(contention_attach(&cm, &plan.domain));
			cm.queueing = plan.domain.config.ops;
		}
	}
	contention_leave(&cm);
}

/* What a test asks of its schedules. */
struct wish {
	enum contention_policy policy;
	bool patient, dies;
};

static void
one(void *arg)
{
	const struct wish *wish = arg;
	struct hamt_allocator allocator = schedule_allocator();
	struct contention_config config = { .policy = wish->policy, .ops = 1000,
		.wait_ns = wish->patient ? 20000 : (uint32_t)schedule_draw(20), .relax_ps = 1000 };
	struct contention_stats stats;

	memset(&plan, 0, sizeof(plan));
	plan.threads = 2 + (unsigned)schedule_draw(THREADS_MAX - 1);
	plan.operations = 1 + (unsigned)schedule_draw(OPERATIONS_MAX);
	plan.patient = wish->patient;
	plan.dies = wish->dies;
	contention_domain_init(&plan.domain, &config, &allocator);
	schedule_run(plan.threads, thread_main, NULL);
	contention_domain_stats(&plan.domain, &stats);
	if (wish->patient && stats.expired != 0)
		schedule_failed("%llu waits ended with their bound: a turn was lost", (unsigned long long)stats.expired);
	if (plan.done != atomic_load_explicit(&plan.word, memory_order_relaxed))
		schedule_failed("%llu increments are done, the word says %llu", (unsigned long long)plan.done,
		    (unsigned long long)atomic_load_explicit(&plan.word, memory_order_relaxed));
	/* The lower 48 bits are the owner. W(7): also who gave up while it was chosen is none. */
	if (wish->policy == CONTENTION_ARRAY && !wish->dies &&
	    (atomic_load_explicit(&plan.domain.place, memory_order_relaxed) & ((UINT64_C(1) << 48) - 1)) != 0)
		schedule_failed("all have left, and the place has an owner");
	contention_domain_fini(&plan.domain);
}

static void
mcs_turns_are_neither_lost_nor_doubled(void)
{
	explore(__func__, 6000 / SCHEDULES_SLOW, one, &(struct wish){ .policy = CONTENTION_MCS, .patient = true });
}

static void
array_turns_are_neither_lost_nor_doubled(void)
{
	explore(__func__, 6000 / SCHEDULES_SLOW, one, &(struct wish){ .policy = CONTENTION_ARRAY, .patient = true });
}

static void
mcs_with_short_bounds_and_a_death_comes_to_its_end(void)
{
	explore(__func__, 3000 / SCHEDULES_SLOW, one, &(struct wish){ .policy = CONTENTION_MCS });
	explore(__func__, 3000 / SCHEDULES_SLOW, one, &(struct wish){ .policy = CONTENTION_MCS, .dies = true });
}

static void
array_with_short_bounds_and_a_death_comes_to_its_end(void)
{
	explore(__func__, 3000 / SCHEDULES_SLOW, one, &(struct wish){ .policy = CONTENTION_ARRAY });
	explore(__func__, 3000 / SCHEDULES_SLOW, one, &(struct wish){ .policy = CONTENTION_ARRAY, .dies = true });
}

static const struct test tests[] = {
	TEST(mcs_turns_are_neither_lost_nor_doubled),
	TEST(array_turns_are_neither_lost_nor_doubled),
	TEST(mcs_with_short_bounds_and_a_death_comes_to_its_end),
	TEST(array_with_short_bounds_and_a_death_comes_to_its_end),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
