/*
 * test_contention_shared.c - the policies that share something: that every
 * wait ends with its bound, whoever else is dead, parked or gone.
 *
 * The bounds are counted, not timed: core/contention.c is compiled here with
 * its steps (relax, sleep, clock) replaced by counters. One thread plays all
 * parts, so that each interleaving is exact; threads of their own come last.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

static void test_relax(void);
static void test_sleep(uint64_t ns);
static int64_t test_clock_ns(void);
#define CONTENTION_RELAX() test_relax()
#define CONTENTION_SLEEP(ns) test_sleep(ns)
#define CONTENTION_CLOCK_NS() test_clock_ns()
#include "core/contention.c"

#include "core/base.h"
#include "core/tests/check.h"

/* Steps taken; only where threads is false. */
static uint64_t relaxes, sleeps, slept_ns;
static int64_t now_ns;
static bool threads;

/* Called in the middle of a wait, at the relax whose number is at_relax. */
static void (*meanwhile)(void);
static uint64_t at_relax;

static void
test_relax(void)
{
	if (threads) {
		hamt_cpu_relax();
		return;
	}
	relaxes++;
	if (meanwhile != NULL && relaxes == at_relax)
		meanwhile();
}

static void
test_sleep(uint64_t ns)
{
	if (threads) {
		sleep_ns(ns);
		return;
	}
	sleeps++;
	slept_ns += ns;
}

static int64_t
test_clock_ns(void)
{
	return threads ? clock_ns() : now_ns;
}

static void
forget_steps(void)
{
	relaxes = sleeps = slept_ns = 0;
}

/* Memory that counts, and fails when it is told to. */
static unsigned blocks;
static bool no_memory;

static void *
take(void *state, size_t bytes)
{
	(void)state;
	if (no_memory)
		return NULL;
	blocks++;
	return malloc(bytes);
}

static void
give(void *state, void *memory, size_t bytes)
{
	(void)state;
	(void)bytes;
	blocks--;
	free(memory);
}

static const struct hamt_allocator allocator = { take, give, NULL };

#define MEMBERS 4

/* A domain and its members; one relax takes 10 ns. */
static struct contention_domain domain;
static struct contention cm[MEMBERS];

static void
set(const char *text)
{
	struct contention_config config;
	char error[512];

	CHECK(contention_parse(text, &config, error, sizeof(error)));
	config.relax_ps = 10000;
	contention_domain_init(&domain, &config, &allocator);
	for (unsigned i = 0; i < MEMBERS; i++)
		CHECK(contention_attach(&cm[i], &domain));
	forget_steps();
}

static void
unset(void)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		if (cm[i].member != NULL)
			contention_leave(&cm[i]);
	contention_domain_fini(&domain);
	CHECK_EQ(blocks, 0);
}

/* More than threshold failures in a row: the next attempts queue. */
static void
make_queue(unsigned i)
{
	for (uint32_t f = 0; f <= domain.config.threshold; f++)
		contention_failed(&cm[i]);
	CHECK(cm[i].queueing == domain.config.ops);
	CHECK(relaxes == 0 && sleeps == 0);
}

static uint64_t
expired_of(unsigned i)
{
	struct contention_stats stats;

	contention_stats(&cm[i], &stats);
	return stats.expired;
}

/* Steps that the domain's bound allows, and no more. */
static void
check_waited_to_the_bound(void)
{
	uint64_t wait_ns = domain.config.wait_ns, spin_ns = wait_ns;

	if (spin_ns > CONTENTION_SLEEP_NS)
		spin_ns = CONTENTION_SLEEP_NS;
	CHECK_EQ(relaxes, (spin_ns + 9) / 10);
	CHECK_EQ(sleeps, (wait_ns - spin_ns + CONTENTION_NAP_NS - 1) / CONTENTION_NAP_NS);
	CHECK(slept_ns < wait_ns - spin_ns + CONTENTION_NAP_NS);
	forget_steps();
}

static void
check_did_not_wait(void)
{
	CHECK_EQ(relaxes, 0);
	CHECK_EQ(sleeps, 0);
}

static const char *const queued[] = { "mcs:2,100,1000", "ab:2,100,1000" };
static const char *const sleepy[] = { "mcs:0,100,1000000", "ab:0,100,1000000" };

/* Run a test under both policies. */
static void
both(const char *const texts[2], void (*run)(void))
{
	for (unsigned i = 0; i < 2; i++) {
		set(texts[i]);
		run();
		unset();
	}
}

static void
threshold_and_ops(void)
{
	/* No failure: no queue. As many as are free: neither, and successes count them down. */
	contention_before(&cm[0]);
	contention_succeeded(&cm[0]);
	contention_failed(&cm[0]);
	contention_failed(&cm[0]);
	CHECK_EQ(cm[0].queueing, 0);
	contention_succeeded(&cm[0]);
	contention_failed(&cm[0]);
	CHECK_EQ(cm[0].queueing, 0);
	contention_failed(&cm[0]);
	CHECK_EQ(cm[0].queueing, 100);
	/* From then on 100 attempts queue, whatever comes of them; alone, without a wait. */
	for (unsigned i = 0; i < 99; i++) {
		contention_before(&cm[0]);
		CHECK(cm[0].holding);
		contention_before(&cm[0]); /* a retry without a CAS keeps the turn */
		if (i % 3 == 0)
			contention_failed(&cm[0]);
		else if (i % 3 == 1)
			contention_succeeded(&cm[0]);
		else
			contention_abandoned(&cm[0]);
		CHECK(!cm[0].holding);
		CHECK_EQ(cm[0].queueing, 99 - i);
	}
	contention_before(&cm[0]);
	contention_succeeded(&cm[0]);
	CHECK_EQ(cm[0].queueing, 0);
	contention_before(&cm[0]);
	CHECK(!cm[0].holding);
	check_did_not_wait();
}

static void
queueing_begins_beyond_the_threshold_and_ends_after_ops(void)
{
	both(queued, threshold_and_ops);
}

static void
parked_owner(void)
{
	for (unsigned i = 0; i < 3; i++)
		make_queue(i);
	contention_before(&cm[0]); /* and nothing more from this one */
	CHECK(cm[0].holding);
	check_did_not_wait();
	CHECK_EQ(contention_next_wait_ns(&cm[1]), domain.config.wait_ns);
	contention_before(&cm[1]);
	CHECK(cm[1].holding);
	check_waited_to_the_bound();
	CHECK_EQ(expired_of(1), 1);
	contention_succeeded(&cm[1]);
	/* It held one thread up, once: the others pass it over. */
	for (unsigned i = 0; i < 10; i++) {
		contention_before(&cm[1 + i % 2]);
		check_did_not_wait();
		contention_succeeded(&cm[1 + i % 2]);
	}
	/* It was only parked: it goes on as if nothing had been. */
	contention_succeeded(&cm[0]);
	contention_before(&cm[0]);
	contention_succeeded(&cm[0]);
	check_did_not_wait();
}

static void
a_parked_owner_holds_up_one_thread_to_the_bound(void)
{
	both(queued, parked_owner);
}

static void
a_long_bound_is_counted_in_relaxes_and_naps(void)
{
	both(sleepy, parked_owner);
}

/* Two die: the owner, and one that waits for its turn behind it. */
static void
dead_waiter(void)
{
	for (unsigned i = 0; i < 4; i++)
		make_queue(i);
	contention_before(&cm[0]);
	if (domain.config.policy == CONTENTION_MCS) {
		/* As mcs_enter() up to its wait, which never comes. */
		uint64_t link = word_of(NULL, cm[0].member->turn);

		cm[1].member->turn++;
		atomic_store_explicit(&cm[1].member->link, word_of(NULL, cm[1].member->turn), memory_order_relaxed);
		CHECK(atomic_exchange_explicit(&domain.place, word_of(cm[1].member, cm[1].member->turn), memory_order_relaxed) ==
		    word_of(cm[0].member, cm[0].member->turn));
		CHECK(atomic_compare_exchange_strong_explicit(&cm[0].member->link, &link,
		    word_of(cm[1].member, cm[0].member->turn), memory_order_relaxed, memory_order_relaxed));
	} else {
		atomic_store_explicit(&cm[1].member->signal, 1, memory_order_relaxed);
	}
	contention_before(&cm[2]);
	check_waited_to_the_bound();
	contention_succeeded(&cm[2]);
	/* AB may hand the dead one the place once, as it asked for it. */
	contention_before(&cm[3]);
	if (relaxes > 0)
		check_waited_to_the_bound();
	contention_succeeded(&cm[3]);
	for (unsigned i = 0; i < 10; i++) {
		contention_before(&cm[2 + i % 2]);
		check_did_not_wait();
		contention_succeeded(&cm[2 + i % 2]);
	}
	cm[0].holding = cm[1].holding = false;
}

static void
who_dies_waiting_is_passed_over(void)
{
	both(queued, dead_waiter);
}

static void
zero_wait(void)
{
	make_queue(0);
	make_queue(1);
	contention_before(&cm[0]);
	contention_before(&cm[1]);
	check_did_not_wait();
	CHECK_EQ(expired_of(1), 1);
	contention_succeeded(&cm[1]);
	contention_succeeded(&cm[0]);
}

static void
a_bound_of_zero_does_not_wait(void)
{
	static const char *const zero[] = { "mcs:0,5,0", "ab:0,5,0" };

	both(zero, zero_wait);
}

static void
first_is_done(void)
{
	contention_succeeded(&cm[0]);
}

static void
hand_over(void)
{
	make_queue(0);
	make_queue(1);
	contention_before(&cm[0]);
	meanwhile = first_is_done;
	at_relax = 7;
	contention_before(&cm[1]);
	meanwhile = NULL;
	CHECK_EQ(relaxes, 7);
	CHECK_EQ(expired_of(1), 0);
	CHECK(cm[1].holding && !cm[0].holding);
	contention_succeeded(&cm[1]);
}

static void
a_turn_is_handed_over_within_a_step(void)
{
	both(queued, hand_over);
}

/* Who leaves the domain with a turn in hand hands it over; its member serves the next. */
static void
first_leaves(void)
{
	contention_leave(&cm[0]);
}

static void
leaving(void)
{
	make_queue(0);
	make_queue(1);
	contention_before(&cm[0]);
	meanwhile = first_leaves;
	at_relax = 3;
	no_memory = true; /* leaving takes none */
	contention_before(&cm[1]);
	meanwhile = NULL;
	CHECK_EQ(relaxes, 3);
	contention_succeeded(&cm[1]);
	CHECK_EQ(atomic_load_explicit(&domain.attached, memory_order_relaxed), MEMBERS - 1);
	/* A member that was left is taken again, also without memory, and starts anew. */
	CHECK(contention_attach(&cm[0], &domain));
	CHECK(cm[0].queueing == 0 && cm[0].failures == 0 && !cm[0].holding);
	CHECK_EQ(blocks, MEMBERS);
	forget_steps();
	make_queue(0);
	contention_before(&cm[0]);
	check_did_not_wait();
	contention_succeeded(&cm[0]);
	no_memory = false;
}

static void
leaving_hands_the_turn_over_and_takes_no_memory(void)
{
	both(queued, leaving);
}

static void
attach_says_that_there_is_no_memory(void)
{
	struct contention more;

	set("mcs:1,1,1");
	no_memory = true;
	CHECK(!contention_attach(&more, &domain));
	CHECK_EQ(atomic_load_explicit(&domain.attached, memory_order_relaxed), MEMBERS);
	no_memory = false;
	unset();
}

/* MCS: the waiter gives up in the very moment in which its turn comes, and comes again. */
static void
mcs_turns_are_not_mistaken_for_former_ones(void)
{
	set("mcs:0,100,100");
	for (unsigned i = 0; i < 3; i++)
		make_queue(i);
	contention_before(&cm[0]);
	contention_before(&cm[1]);
	check_waited_to_the_bound();
	contention_succeeded(&cm[1]);
	/* 1 again: its former turn is over, so that it waits for nobody. */
	contention_before(&cm[1]);
	check_did_not_wait();
	/* 2 is behind 1, not behind 0: 0's end does not let it in. */
	meanwhile = first_is_done;
	at_relax = 3;
	contention_before(&cm[2]);
	meanwhile = NULL;
	check_waited_to_the_bound();
	contention_succeeded(&cm[2]);
	contention_succeeded(&cm[1]);
	unset();
}

/* AB: the place goes round in the order of the list, not in that of arrival. */
static void
ab_goes_round_and_skips_who_wants_nothing(void)
{
	struct contention_member *next;

	set("ab:0,100,1000");
	make_queue(1);
	contention_before(&cm[1]);
	/* The list is push-only: members stand in it 3, 2, 1, 0. */
	atomic_store_explicit(&cm[2].member->signal, 1, memory_order_relaxed);
	next = ab_next(&domain, cm[1].member);
	CHECK(next == cm[2].member);
	atomic_store_explicit(&cm[0].member->signal, 1, memory_order_relaxed);
	next = ab_next(&domain, cm[1].member);
	CHECK(next == cm[0].member);
	atomic_store_explicit(&cm[0].member->signal, 0, memory_order_relaxed);
	atomic_store_explicit(&cm[2].member->signal, 0, memory_order_relaxed);
	CHECK(ab_next(&domain, cm[1].member) == NULL);
	contention_succeeded(&cm[1]);
	CHECK(word_member(atomic_load_explicit(&domain.place, memory_order_relaxed)) == NULL);
	unset();
}

/* AB, W(5)-(7): a waiter gives up after the giver chose it: the place is not left with it. */
static void
ab_place_does_not_stay_with_who_gave_up(void)
{
	uint64_t word;

	set("ab:0,100,1000");
	make_queue(0);
	make_queue(1);
	contention_before(&cm[0]);
	word = atomic_load_explicit(&domain.place, memory_order_relaxed);
	CHECK(word_member(word) == cm[0].member);
	/* The giver, 0, is at W(4) with 1, which has reached W(5) and looked, W(6). */
	atomic_store_explicit(&cm[0].member->signal, 0, memory_order_relaxed);
	atomic_store_explicit(&cm[1].member->signal, 1, memory_order_relaxed);
	CHECK(ab_next(&domain, cm[0].member) == cm[1].member);
	atomic_store_explicit(&cm[1].member->signal, 0, memory_order_relaxed);
	CHECK(word_member(atomic_load_explicit(&domain.place, memory_order_relaxed)) != cm[1].member);
	CHECK(place_give(&domain, word, cm[1].member));
	/* 1 comes again before W(7) could: it finds itself the owner. */
	contention_before(&cm[1]);
	check_did_not_wait();
	contention_succeeded(&cm[1]);
	CHECK(word_member(atomic_load_explicit(&domain.place, memory_order_relaxed)) == NULL);
	/* 0, whose place that was, notices and gives nothing away twice. */
	contention_before(&cm[1]);
	contention_succeeded(&cm[0]);
	CHECK(word_member(atomic_load_explicit(&domain.place, memory_order_relaxed)) == cm[1].member);
	contention_succeeded(&cm[1]);
	unset();
}

/* TS: who failed waits for a slice's beginning, never longer than a round. */
static void
time_slices(void)
{
	uint64_t waits[8] = { 0 };

	set("ts:1,10");
	CHECK_EQ(contention_next_wait_ns(&cm[0]), 3 << 10);
	for (unsigned i = 0; i < 4000; i++) {
		int64_t slice_ns;

		now_ns = INT64_C(1700000000000000000) + (int64_t)i * 37;
		slice_ns = now_ns & 1023;
		forget_steps();
		contention_failed(&cm[0]);
		CHECK(relaxes * 10 < (3 << 10) + 10); /* rounded up to a step */
		CHECK_EQ(sleeps, 0);
		if (relaxes == 0) {
			waits[0]++;
			continue;
		}
		/* To the beginning of one of the three slices that follow. */
		CHECK((relaxes - 1) * 10 < 3072 - (uint64_t)slice_ns);
		for (unsigned after = 1; after <= 3; after++)
			if (relaxes == ((uint64_t)after * 1024 - (uint64_t)slice_ns + 9) / 10)
				waits[after]++;
	}
	/* Each slice is drawn about as often as the others: 1000 of 4000, and 6 sigma is 164. */
	for (unsigned i = 0; i < 4; i++)
		CHECK(waits[i] > 830 && waits[i] < 1170);
	CHECK_EQ(waits[0] + waits[1] + waits[2] + waits[3], 4000);
	unset();
}

static void
few_threads_need_no_slices(void)
{
	set("ts:4,10");
	CHECK_EQ(contention_next_wait_ns(&cm[0]), 0);
	for (unsigned i = 0; i < 100; i++)
		contention_failed(&cm[0]);
	check_did_not_wait();
	unset();
	set("ts:2,4");
	CHECK_EQ(contention_next_wait_ns(&cm[0]), 16);
	/* Two leave, and two are no more than conc. */
	contention_leave(&cm[3]);
	contention_leave(&cm[2]);
	CHECK_EQ(contention_next_wait_ns(&cm[0]), 0);
	unset();
}

static void
a_slice_is_never_waited_for_longer_than_the_cap(void)
{
	set("ts:1,30");
	CHECK_EQ(contention_next_wait_ns(&cm[0]), CONTENTION_WAIT_MAX_NS);
	for (unsigned i = 0; i < 100; i++) {
		/* Also by a clock that jumps, and one from before 1970. */
		now_ns = (int64_t)i * (i % 2 == 0 ? 1 << 28 : -(1 << 29));
		forget_steps();
		contention_failed(&cm[0]);
		CHECK(slept_ns + relaxes * 10 <= CONTENTION_WAIT_MAX_NS + 10);
	}
	unset();
}

/* The waits of the policies that share nothing, in steps: exactly what next_wait says. */
static void
other_waits_are_as_long_as_they_say(void)
{
	static const char *const texts[] = { "none", "constant:70", "constant:150000", "exp:1,3,12", "exp:0,9,30",
		"seed-literal" };

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		set(texts[i]);
		for (unsigned nth = 0; nth < 12; nth++) {
			uint64_t ns = contention_next_wait_ns(&cm[0]);

			forget_steps();
			contention_failed(&cm[0]);
			CHECK_EQ(relaxes, ns >= CONTENTION_SLEEP_NS ? 0 : (ns + 9) / 10);
			CHECK_EQ(slept_ns, ns >= CONTENTION_SLEEP_NS ? ns : 0);
		}
		unset();
	}
}

static void
stats_add_up(void)
{
	struct contention_stats one, all;

	set("constant:70");
	for (unsigned i = 0; i < MEMBERS; i++)
		for (unsigned n = 0; n <= i; n++)
			contention_failed(&cm[i]);
	contention_stats(&cm[2], &one);
	CHECK(one.failed == 3 && one.waits == 3 && one.waited_ns == 210 && one.expired == 0);
	contention_leave(&cm[2]);
	contention_domain_stats(&domain, &all);
	CHECK(all.failed == 10 && all.waits == 10 && all.waited_ns == 700 && all.expired == 0);
	unset();
	set("mcs:0,9,1000");
	make_queue(0);
	make_queue(1);
	contention_before(&cm[0]);
	contention_before(&cm[1]);
	contention_domain_stats(&domain, &all);
	CHECK(all.failed == 2 && all.waits == 1 && all.waited_ns == 1000 && all.expired == 1);
	unset();
}

/* --- Threads ----------------------------------------------------------- */

#define THREADS 8
#define ROUNDS 2000

static struct {
	CACHE_ALIGNED _Atomic(uint64_t) word;
} contended;

static void *
increment(void *arg)
{
	unsigned long number = (unsigned long)(uintptr_t)arg;
	struct contention mine;

	CHECK(contention_attach(&mine, &domain));
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t seen;

		for (;;) {
			contention_before(&mine);
			seen = atomic_load_explicit(&contended.word, memory_order_relaxed);
			if (i % 16 == 5)
				break;
			if (atomic_compare_exchange_strong_explicit(&contended.word, &seen, seen + 1,
			        memory_order_relaxed, memory_order_relaxed))
				break;
			contention_failed(&mine);
		}
		if (i % 16 == 5)
			contention_abandoned(&mine);
		else
			contention_succeeded(&mine);
		/* Some come and go; two die where they stand, with a turn if there is one. */
		if (number < 2 && i == ROUNDS / 2) {
			mine.queueing = domain.config.ops;
			contention_before(&mine);
			return NULL;
		}
		if (number == 2 && i % 50 == 0) {
			contention_leave(&mine);
			CHECK(contention_attach(&mine, &domain));
		}
	}
	contention_leave(&mine);
	return NULL;
}

/* Under each policy all threads that live come to their end, and no update is lost. */
static void
threads_end_under_each_policy(void)
{
	static const char *const texts[] = { "none", "constant:100", "exp:1,3,12", "ts:2,10", "mcs:0,20,20000",
		"ab:0,20,20000" };
	const uint64_t dead = ROUNDS / 2 + 1 - (ROUNDS / 2 + 1 + 10) / 16, all = ROUNDS - (ROUNDS + 10) / 16;

	threads = true;
	for (unsigned p = 0; p < sizeof(texts) / sizeof(texts[0]); p++) {
		struct contention_config config;
		pthread_t thread[THREADS];
		char error[512];

		CHECK(contention_parse(texts[p], &config, error, sizeof(error)));
		contention_domain_init(&domain, &config, &allocator);
		atomic_store_explicit(&contended.word, 0, memory_order_relaxed);
		for (unsigned long i = 0; i < THREADS; i++)
			CHECK(pthread_create(&thread[i], NULL, increment, (void *)(uintptr_t)i) == 0);
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
		CHECK_EQ(atomic_load_explicit(&contended.word, memory_order_relaxed), 2 * dead + (THREADS - 2) * all);
		contention_domain_fini(&domain);
	}
}

static const struct test tests[] = {
	TEST(queueing_begins_beyond_the_threshold_and_ends_after_ops),
	TEST(a_parked_owner_holds_up_one_thread_to_the_bound),
	TEST(a_long_bound_is_counted_in_relaxes_and_naps),
	TEST(who_dies_waiting_is_passed_over),
	TEST(a_bound_of_zero_does_not_wait),
	TEST(a_turn_is_handed_over_within_a_step),
	TEST(leaving_hands_the_turn_over_and_takes_no_memory),
	TEST(attach_says_that_there_is_no_memory),
	TEST(mcs_turns_are_not_mistaken_for_former_ones),
	TEST(ab_goes_round_and_skips_who_wants_nothing),
	TEST(ab_place_does_not_stay_with_who_gave_up),
	TEST(time_slices),
	TEST(few_threads_need_no_slices),
	TEST(a_slice_is_never_waited_for_longer_than_the_cap),
	TEST(other_waits_are_as_long_as_they_say),
	TEST(stats_add_up),
	TEST(threads_end_under_each_policy),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
