/*
 * schedules.h - what the tests under the scheduler share: which schedules are
 * tried, and how one of them is tried again.
 *
 *	SCHEDULE=pct:depth=3,seed=57 [SCHEDULE_TRACE=1] build/sched/tests/core/test_x_schedules TEST
 *
 * does what a failed one printed, and only that.
 */
#ifndef CORE_TESTS_SCHEDULES_H
#define CORE_TESTS_SCHEDULES_H

#include <errno.h>

#include "core/atomic.h"
#include "core/base.h"
#include "core/reclaim.h"
#include "core/tests/check.h"
#include "core/tests/history.h"

/* How many times fewer: with AddressSanitizer, since each takes longer; under each reclamation scheme but hp. */
#if RECLAIM != RECLAIM_HP
#define SCHEDULES_SCHEME 4
#else
#define SCHEDULES_SCHEME 1
#endif
#ifdef __SANITIZE_ADDRESS__
#define SCHEDULES_SLOW (4 * SCHEDULES_SCHEME)
#else
#define SCHEDULES_SLOW SCHEDULES_SCHEME
#endif

static struct history observed;
static uint64_t values; /* put so far: each is another one */

/* observe - note an event that is complete. */
static inline void
observe(unsigned key, struct event e)
{
	if (observed.events[key] == HISTORY_EVENTS_MAX)
		schedule_failed("the test: more than %d operations on a key", HISTORY_EVENTS_MAX);
	observed.event[key][observed.events[key]++] = e;
}

static inline void
observed_check(unsigned keys)
{
	for (unsigned key = 0; key < keys; key++)
		if (!history_explained(&observed, key)) {
			history_print(&observed, key);
			schedule_failed("no order of the operations explains what was seen of key %u", key);
		}
}

/*
 * explore - one(arg) once in each of count schedules, between schedule_begin()
 * and schedule_end(): three quarters by pct at depths 2 to 5, a quarter random.
 */
static inline void
explore(const char *test, unsigned count, void (*one)(void *arg), void *arg)
{
	static const unsigned one_in[] = { 1, 2, 4, 12, 40 };
	const char *again = getenv("SCHEDULE");
	char after[1000], error[200];
	struct schedule_config config = { .depth = 3, .one_in = 4, .schedules = 1,
		.trace = getenv("SCHEDULE_TRACE") != NULL };

	snprintf(after, sizeof(after), " SCHEDULE_TRACE=1 %s %s", program_invocation_name, test);
	config.replay_before = "SCHEDULE=";
	config.replay_after = after;
	if (again != NULL && !schedule_parse(again, &config, error, sizeof(error))) {
		fprintf(stderr, "# %s\n", error);
		CHECK(!"SCHEDULE can be read");
	}
	for (uint64_t i = 0; i < (again != NULL ? config.schedules : count); i++) {
		uint64_t seed = again != NULL ? config.seed + i : check_seed + i;

		if (again == NULL) {
			config.strategy = i % 4 == 3 ? SCHEDULE_RANDOM : SCHEDULE_PCT;
			config.depth = 2 + (unsigned)(i / 4 % 4);
			config.one_in = one_in[i / 4 % (sizeof(one_in) / sizeof(one_in[0]))];
		}
		memset(&observed, 0, sizeof(observed));
		values = 0;
		schedule_begin(&config, seed);
		one(arg);
		schedule_end();
		/* The next one is about as long. A failed one says what it was told. */
		if (again == NULL)
			config.points = schedule_points();
	}
}

#endif
