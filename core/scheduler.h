/*
 * scheduler.h - what an atomic operation of core is in a scheduled build
 * (-DSCHEDULED, make V=sched): a point at which one of a few simulated threads
 * goes on, chosen by a seed. atomic.h includes it there, behind <stdatomic.h>, and
 * nobody else; core/tests/scheduler.c is the other half.
 *
 * The threads are contexts of one thread, so nothing happens but what the
 * seed says, and the same seed does the same again. Before and after every atomic
 * operation, and before every allocation and free, the scheduler decides who goes on:
 *
 *   pct     each thread, and each store buffer, has a random priority; the
 *           highest that can goes on. At depth - 1 random points whoever is about
 *           to go on falls behind all others. A bug that needs d ordered
 *           events is found with probability >= 1/(n k^(d-1)) for n threads
 *           and k points, however the code looks. Burckhardt, Kothari, Musuvathi,
 *           Nagarakatte 2010, A Randomized Scheduler with Probabilistic
 *           Guarantees of Finding Bugs.
 *   random  at one point in so many another thread goes on, any; some rest
 *           for long.
 *
 * Memory is that of x86: total store order (Owens, Sarkar, Sewell 2009). A
 * store that is not seq_cst waits in its thread's buffer, first in, first out;
 * its own thread sees it, others see it when it has drained, which happens
 * when the scheduler says so, before the thread's next seq_cst store or
 * read-modify-write, and for all threads in hamt_heavy_barrier(). Orders weaker than
 * that are not tried here: core/tests/models does, in the small. Plain accesses
 * are not buffered.
 *
 * Memory given back stays as it is, poisoned, until the schedule is over
 * (in one schedule of four it is used again at once, so that addresses come
 * back): an atomic access to it, a buffered store that drains into it, and any
 * write that destroys the poison fail the schedule; with AddressSanitizer plain reads do, too.
 * At the end everything must have been given back. A schedule in which somebody
 * has not come to an end after SCHEDULE_POINTS_MAX points fails: nothing here may wait
 * for another.
 */
#ifndef CORE_SCHEDULER_H
#define CORE_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCHEDULE_THREADS_MAX = 8, SCHEDULE_POINTS_MAX = 200000 };

struct hamt_allocator;

/* Plug-ins have copies of core, and there is one scheduler for all. */
#pragma GCC visibility push(default)

/* --- Driving it ------------------------------------------------------- */

struct schedule_config {
	enum { SCHEDULE_PCT, SCHEDULE_RANDOM } strategy;
	unsigned depth;      /* pct: 1 to 16 */
	unsigned points;     /* pct: how many there will be, about; 0 = not known */
	unsigned one_in;     /* random: a switch at one point in so many */
	uint64_t seed;       /* of the first schedule; the others follow */
	uint64_t schedules;
	/* Of the command that does one schedule again, printed when it fails: what
	 * stands before the schedule's text, and after it. NULL = no such command. */
	const char *replay_before, *replay_after;
	bool trace;          /* a failed schedule prints what its threads did to what they share */
};

/*
 * schedule_parse - read "pct:depth=3,seed=42,schedules=1000[,points=500]"
 * or "random:one_in=4,..."; what is not named stays as it is in *config.
 * Returns   true; false and one line in error naming what is wrong.
 */
bool schedule_parse(const char *text, struct schedule_config *config, char *error, size_t error_size);

/* schedule_format - the text of the one schedule with that seed. */
void schedule_format(const struct schedule_config *config, uint64_t seed, char *text, size_t size);

/*
 * schedule_begin - from here to schedule_end() the schedule of that seed is under
 * way: outside of schedule_run() operations are done as they come. config
 * must stay as it is meanwhile.
 */
void schedule_begin(const struct schedule_config *config, uint64_t seed);

/* schedule_run - body(arg, 0) to body(arg, threads - 1), interleaved, until all have returned. */
void schedule_run(unsigned threads, void (*body)(void *arg, unsigned thread), void *arg);

/*
 * schedule_park - in the next schedule_run() that thread stands still from its at-th point on, until all
 * others have returned: as if it had lost its processor, in the middle of whatever it is.
 */
void schedule_park(unsigned thread, unsigned at);

/* schedule_was_parked - did the thread get as far in the last schedule_run()? */
bool schedule_was_parked(void);

/* schedule_end - all memory must have been given back, and not been touched since. */
void schedule_end(void);

/* schedule_failed - say what is wrong, with the schedule's text; exit with status 1. */
void schedule_failed(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* schedule_allocator - for all memory that the schedule's threads share. One call of alloc in
 * fail_one_in fails, unless that is 0; it can be set at any time. */
struct hamt_allocator schedule_allocator(void);
void schedule_fail_one_in(unsigned fail_one_in);

/* schedule_tick - the clock: grows with each point and each call. */
uint64_t schedule_tick(void);

/* schedule_points - of the schedule under way, or the last one: how many there have been. */
unsigned schedule_points(void);

/* schedule_draw - a number below limit from the schedule's seed, apart from the scheduler's own. */
uint64_t schedule_draw(uint64_t limit);

/* schedule_under_way - between schedule_begin() and schedule_end()? */
bool schedule_under_way(void);

/* --- What the operations become --------------------------------------- */

#define SCHEDULE_HERE __FILE__, __LINE__

uint64_t schedule_load(const char *file, int line, const volatile void *object, size_t size, memory_order order);
void schedule_store(const char *file, int line, volatile void *object, size_t size, uint64_t value,
    memory_order order);
uint64_t schedule_exchange(const char *file, int line, volatile void *object, size_t size, uint64_t value,
    memory_order order);
bool schedule_compare_exchange(const char *file, int line, volatile void *object, size_t size, void *expected,
    uint64_t desired, memory_order order);
uint64_t schedule_add(const char *file, int line, volatile void *object, size_t size, uint64_t more,
    memory_order order);
void schedule_relax(void);
/* schedule_sleep - all others go first. */
void schedule_sleep(void);
void schedule_alloc_point(size_t bytes);
void schedule_free_point(void *memory, size_t bytes);
/* schedule_barrier - empty all store buffers. False: no schedule is under way. */
bool schedule_barrier(void);

#pragma GCC visibility pop

/* The type of what *(object) holds, without _Atomic and const. */
#define SCHEDULE_VALUE(object) __typeof__(((void)0, *(object)))
#define SCHEDULE_BITS(value) ((uint64_t)(value))

#undef atomic_load_explicit
#define atomic_load_explicit(object, order)                                    \
	((SCHEDULE_VALUE(object))schedule_load(SCHEDULE_HERE, object, sizeof(*(object)), order))
#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)                            \
	schedule_store(SCHEDULE_HERE, object, sizeof(*(object)), SCHEDULE_BITS(value), order)
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(object, value, order)                         \
	__extension__({ (SCHEDULE_VALUE(object))schedule_exchange(SCHEDULE_HERE, object, sizeof(*(object)), \
	    SCHEDULE_BITS(value), order); })
#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(object, expected, desired, success, failure) \
	schedule_compare_exchange(SCHEDULE_HERE, object, sizeof(*(object)), expected, \
	    SCHEDULE_BITS(desired), ((void)(failure), (success)))
/* Weak ones do not fail without a reason: a retry would find nothing that a
 * switch at this point does not. */
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit atomic_compare_exchange_strong_explicit
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(object, more, order)                         \
	__extension__({ (SCHEDULE_VALUE(object))schedule_add(SCHEDULE_HERE, object, sizeof(*(object)), \
	    SCHEDULE_BITS(more), order); })
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(object, less, order)                         \
	__extension__({ (SCHEDULE_VALUE(object))schedule_add(SCHEDULE_HERE, object, sizeof(*(object)), \
	    -SCHEDULE_BITS(less), order); })

/* The others are not used by core so far. Whoever does gives them a line above. */
#undef atomic_fetch_or_explicit
#define atomic_fetch_or_explicit atomic_fetch_or_is_not_known_to_scheduler_h
#undef atomic_fetch_and_explicit
#define atomic_fetch_and_explicit atomic_fetch_and_is_not_known_to_scheduler_h
#undef atomic_fetch_xor_explicit
#define atomic_fetch_xor_explicit atomic_fetch_xor_is_not_known_to_scheduler_h

#endif
