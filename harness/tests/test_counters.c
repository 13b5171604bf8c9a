/*
 * test_counters.c - counters count the thread that opened them, between start
 * and stop; what there is not has no value and a reason.
 */
/* not under tsan: one thread */
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/tests/check.h"
#include "harness/counters.h"

enum { PAGES = 64 };

/* touch - fault in fresh pages, each once. */
static void
touch(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile unsigned char *memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED);
	/* A huge page would be one fault. */
	(void)madvise((void *)(uintptr_t)memory, PAGES * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		memory[i * page] = 1;
	munmap((void *)(uintptr_t)memory, PAGES * page);
}

/* Page faults between start and stop are counted, those before and after are not. */
static void
counts_what_lies_between(void)
{
	struct counters c = { 0 };
	char why[200];
	unsigned there = counters_probe(why, sizeof(why));

	if ((there & 1u << COUNTER_PAGE_FAULTS) == 0)
		CHECK_SKIP("perf_event_open(2) is refused here");
	counters_open(&c);
	counters_start(&c);
	touch();
	counters_stop(&c);
	CHECK(counters_value(&c, COUNTER_PAGE_FAULTS) >= PAGES);
	counters_close(&c);
	/* A sanitizer's shadow faults too, so only nothing is sure to be less. */
	counters_open(&c);
	touch();
	counters_start(&c);
	counters_stop(&c);
	touch();
	CHECK(counters_value(&c, COUNTER_PAGE_FAULTS) < PAGES);
	counters_close(&c);
	counters_close(&c);
}

/* Hardware events count, or are NaN and the reason is said; never a zero made up. */
static void
hardware_is_there_or_said_not_to_be(void)
{
	struct counters c = { 0 };
	char why[200];
	unsigned there = counters_probe(why, sizeof(why));

	CHECK(((there & COUNTERS_HARDWARE) == COUNTERS_HARDWARE) == (why[0] == '\0'));
	counters_open(&c);
	counters_start(&c);
	touch();
	counters_stop(&c);
	for (unsigned i = 0; i < COUNTER_PAGE_FAULTS; i++)
		if ((there & 1u << i) == 0)
			CHECK(isnan(counters_value(&c, (enum counter)i)));
	if ((there & 1u << COUNTER_INSTRUCTIONS) != 0)
		CHECK(counters_value(&c, COUNTER_INSTRUCTIONS) > PAGES);
	counters_close(&c);
	/* Closed, or never opened: no value. */
	CHECK(isnan(counters_value(&c, COUNTER_PAGE_FAULTS)));
}

static const struct test tests[] = {
	TEST(counts_what_lies_between),
	TEST(hardware_is_there_or_said_not_to_be),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
