/*
 * test_hazard.c - what the header of hazard pointers promises, call by call;
 * then the garbage bound and the counters while threads run.
 *
 * Objects of these tests are elements of an array and are never given back to
 * the system: their destructor counts, so that an object freed too early, twice or
 * never is seen without any tool. The allocator counts as well.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "core/base.h"
#include "core/hazard.h"
#include "core/tests/check.h"

/* An allocator that counts and fails on demand. */

struct meter {
	_Atomic(uint64_t) calls, blocks, bytes;
	uint64_t fail_at; /* this call of alloc fails; 0 = none */
	_Atomic(bool) forbidden;
};

static void *
meter_alloc(void *state, size_t bytes)
{
	struct meter *m = state;
	uint64_t call = atomic_fetch_add_explicit(&m->calls, 1, memory_order_relaxed) + 1;

	CHECK(!atomic_load_explicit(&m->forbidden, memory_order_relaxed));
	if (call == m->fail_at)
		return NULL;
	atomic_fetch_add_explicit(&m->blocks, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->bytes, bytes, memory_order_relaxed);
	return malloc(bytes);
}

static void
meter_free(void *state, void *memory, size_t bytes)
{
	struct meter *m = state;

	atomic_fetch_sub_explicit(&m->blocks, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&m->bytes, bytes, memory_order_relaxed);
	free(memory);
}

static uint64_t
meter_blocks(const struct meter *m)
{
	return atomic_load_explicit(&m->blocks, memory_order_relaxed);
}

static uint64_t
meter_calls(const struct meter *m)
{
	return atomic_load_explicit(&m->calls, memory_order_relaxed);
}

static void
meter_forbid(struct meter *m, bool forbidden)
{
	atomic_store_explicit(&m->forbidden, forbidden, memory_order_relaxed);
}

/* All that was taken was given back, with the sizes that were asked for. */
static void
meter_check_empty(const struct meter *m)
{
	CHECK_EQ(meter_blocks(m), 0);
	CHECK_EQ(atomic_load_explicit(&m->bytes, memory_order_relaxed), 0);
}

/* Objects that count their destruction. */

struct object {
	unsigned destroyed;
	char padding[20];
};

#define OBJECTS 8192
static struct object objects[OBJECTS];

static void
count_destroy(void *object, size_t bytes, void *state)
{
	struct object *o = object;

	CHECK_EQ(bytes, sizeof(*o));
	CHECK(state == objects);
	o->destroyed++;
}

/* Each of objects[from .. to) was destroyed that often. */
static void
check_destroyed(unsigned from, unsigned to, unsigned times)
{
	for (unsigned i = from; i < to; i++) {
		if (objects[i].destroyed != times)
			fprintf(stderr, "# object %u\n", i);
		CHECK_EQ(objects[i].destroyed, times);
	}
}

/* retire - objects[from .. to), one reserve each. */
static void
retire(struct hazard_record *r, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		CHECK(hazard_reserve(r, 1));
		hazard_retire(r, &objects[i], sizeof(objects[i]), count_destroy, objects);
	}
}

/* Shorthand. */

static struct meter meter;

static struct hazard_config
config_of(enum hazard_mode mode, unsigned threshold)
{
	return (struct hazard_config){
		.mode = mode,
		.threshold = threshold,
		.allocator = { .alloc = meter_alloc, .free = meter_free, .state = &meter },
	};
}

static struct hazard_domain *
domain_of(enum hazard_mode mode, unsigned threshold)
{
	struct hazard_config config = config_of(mode, threshold);
	struct hazard_domain *d;

	CHECK_EQ(hazard_domain_new(&config, &d), HAZARD_OK);
	return d;
}

static struct hazard_record *
attach(struct hazard_domain *d)
{
	struct hazard_record *r;

	CHECK_EQ(hazard_attach(d, NULL, &r), HAZARD_OK);
	return r;
}

static struct hazard_stats
stats(const struct hazard_domain *d)
{
	struct hazard_stats s;

	hazard_domain_stats(d, &s);
	return s;
}

/* same_stats - field by field: padding may differ. */
static bool
same_stats(const struct hazard_stats *a, const struct hazard_stats *b)
{
	return a->retired == b->retired && a->freed == b->freed && a->retired_bytes == b->retired_bytes &&
	    a->freed_bytes == b->freed_bytes && a->pending == b->pending &&
	    a->pending_bytes == b->pending_bytes && a->peak == b->peak && a->scans == b->scans &&
	    a->examined == b->examined && a->blocked == b->blocked && a->refused == b->refused &&
	    a->adopted == b->adopted && a->records == b->records && a->attached == b->attached &&
	    a->threshold == b->threshold && a->bound == b->bound && a->asymmetric == b->asymmetric;
}

/* Before a test of the asymmetric mode. */
static void
need_membarrier(void)
{
	if (!hamt_heavy_barrier_probe())
		CHECK_SKIP("membarrier(2) is refused, or hidden by ThreadSanitizer");
}

/* Domains and records. */

static void
new_domain_is_empty(void)
{
	struct hazard_domain *d = domain_of(HAZARD_FENCE, 0);
	struct hazard_stats s = stats(d);

	CHECK_EQ(s.retired | s.freed | s.retired_bytes | s.freed_bytes | s.pending | s.pending_bytes, 0);
	CHECK_EQ(s.peak | s.scans | s.examined | s.blocked | s.refused | s.adopted, 0);
	CHECK_EQ(s.records | s.attached, 0);
	CHECK_EQ(s.threshold, 1024);
	CHECK_EQ(s.bound, 0);
	CHECK(!s.asymmetric);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

static void
no_config_means_malloc_and_auto(void)
{
	struct hazard_domain *d;

	CHECK_EQ(hazard_domain_new(NULL, &d), HAZARD_OK);
	CHECK_EQ(stats(d).asymmetric, hamt_heavy_barrier_probe());
	CHECK_EQ(stats(d).threshold, 1024);
	CHECK(hazard_domain_allocator(d)->alloc == NULL);
	hazard_leave(attach(d));
	hazard_domain_drop(d);
}

static void
allocator_is_the_configured_one(void)
{
	struct hazard_domain *d = domain_of(HAZARD_FENCE, 0);

	CHECK(hazard_domain_allocator(d)->alloc == meter_alloc);
	CHECK(hazard_domain_allocator(d)->state == &meter);
	hazard_domain_drop(d);
}

static void
mode_is_the_configured_one(void)
{
	struct hazard_domain *d;
	struct hazard_record *r;

	need_membarrier();
	d = domain_of(HAZARD_ASYMMETRIC, 0);
	r = attach(d);
	CHECK(stats(d).asymmetric && r->asymmetric);
	hazard_leave(r);
	hazard_domain_drop(d);
	d = domain_of(HAZARD_FENCE, 0);
	r = attach(d);
	CHECK(!stats(d).asymmetric && !r->asymmetric);
	hazard_leave(r);
	hazard_domain_drop(d);
}

static void
slots_have_lines_of_their_own(void)
{
	struct hazard_domain *d = domain_of(HAZARD_FENCE, 0);
	struct hazard_record *r = attach(d);

	CHECK_EQ((uintptr_t)r->slot % CACHE_LINE_BYTES, 0);
	CHECK(offsetof(struct hazard_record, limbo.domain) >= sizeof(r->slot));
	CHECK_EQ(offsetof(struct hazard_record, limbo.domain) % CACHE_LINE_BYTES, 0);
	CHECK_EQ(offsetof(struct hazard_record, limbo.retired) % CACHE_LINE_BYTES, 0);
	hazard_leave(r);
	hazard_domain_drop(d);
}

static void
record_that_left_is_reused(void)
{
	struct hazard_domain *d = domain_of(HAZARD_FENCE, 0);
	struct hazard_record *first = attach(d), *second = attach(d);
	uint64_t calls;

	CHECK(first != second);
	CHECK_EQ(stats(d).records, 2);
	CHECK_EQ(stats(d).attached, 2);
	hazard_leave(first);
	CHECK_EQ(stats(d).attached, 1);
	calls = meter_calls(&meter);
	for (int i = 0; i < 100; i++) {
		CHECK(attach(d) == first);
		hazard_leave(first);
	}
	CHECK_EQ(meter_calls(&meter), calls);
	CHECK_EQ(stats(d).records, 2);
	hazard_leave(second);
	CHECK_EQ(stats(d).attached, 0);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

static void
attached_record_keeps_the_domain_alive(void)
{
	struct hazard_domain *d = domain_of(HAZARD_FENCE, 0);
	struct hazard_record *r = attach(d);

	retire(r, 0, 3);
	hazard_domain_drop(d);
	check_destroyed(0, 3, 0);
	retire(r, 3, 5);
	CHECK_EQ(hazard_scan(r), 5);
	check_destroyed(0, 5, 1);
	CHECK(meter_blocks(&meter) > 0);
	hazard_leave(r);
	meter_check_empty(&meter);
}

static void
last_of_several_owners_frees(void)
{
	struct hazard_domain *d = domain_of(HAZARD_FENCE, 0);

	CHECK(hazard_domain_share(d) == d);
	CHECK(hazard_domain_share(d) == d);
	hazard_domain_drop(d);
	hazard_domain_drop(d);
	hazard_leave(attach(d));
	CHECK(meter_blocks(&meter) > 0);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

static void
domains_are_independent(void)
{
	struct hazard_domain *a = domain_of(HAZARD_AUTO, 1), *b = domain_of(HAZARD_FENCE, 1);
	struct hazard_record *ra = attach(a), *rb = attach(b);

	/* One thread, both domains at once; the same address named in a. */
	hazard_publish(ra, 0, &objects[0]);
	retire(rb, 0, 1);
	check_destroyed(0, 1, 1);
	hazard_publish(rb, 0, &objects[1]);
	retire(ra, 1, 2);
	check_destroyed(1, 2, 1);
	retire(ra, 0, 1);
	CHECK_EQ(stats(a).pending, 1);
	CHECK_EQ(stats(b).pending, 0);
	CHECK_EQ(stats(a).retired, 2);
	CHECK_EQ(stats(b).retired, 1);
	hazard_clear(ra, 0);
	hazard_clear(rb, 0);
	hazard_leave(ra);
	hazard_domain_drop(a);
	hazard_leave(rb);
	hazard_domain_drop(b);
	check_destroyed(0, 1, 2);
	meter_check_empty(&meter);
}

/* Protect, retire, scan. */

static void
protect_announces_what_the_link_holds(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r = attach(d);
	_Atomic(void *) link;

	atomic_init(&link, &objects[0]);
	CHECK(hazard_protect(r, 3, &link) == &objects[0]);
	CHECK(atomic_load_explicit(&r->slot[3], memory_order_relaxed) == &objects[0]);
	atomic_store_explicit(&link, NULL, memory_order_seq_cst);
	retire(r, 0, 1);
	check_destroyed(0, 1, 0);
	CHECK(hazard_protect(r, 3, &link) == NULL);
	CHECK_EQ(hazard_scan(r), 1);
	hazard_leave(r);
	hazard_domain_drop(d);
}

static void
try_protect_reports_a_changed_link(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r = attach(d);
	_Atomic(void *) link;
	void *seen = &objects[1];

	atomic_init(&link, &objects[0]);
	CHECK(!hazard_try_protect(r, 0, &link, &seen));
	CHECK(seen == &objects[0]);
	CHECK(hazard_try_protect(r, 0, &link, &seen));
	CHECK(seen == &objects[0]);
	CHECK(atomic_load_explicit(&r->slot[0], memory_order_relaxed) == &objects[0]);
	hazard_clear(r, 0);
	hazard_leave(r);
	hazard_domain_drop(d);
}

/* Every slot of every record blocks, until cleared or overwritten. */
static void
any_slot_blocks_until_it_changes(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r[3];
	unsigned n = 0;

	for (unsigned k = 0; k < 3; k++)
		r[k] = attach(d);
	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 0; i < HAZARD_SLOTS; i++, n++) {
			hazard_publish(r[k], i, &objects[n]);
			retire(r[1], n, n + 1);
			check_destroyed(n, n + 1, 0);
			if (i % 2 == 0)
				hazard_clear(r[k], i);
			else
				hazard_publish(r[k], i, &objects[OBJECTS - 1]);
			CHECK_EQ(hazard_scan(r[1]), 1);
			check_destroyed(n, n + 1, 1);
			hazard_publish(r[k], i, NULL);
		}
	for (unsigned k = 0; k < 3; k++)
		hazard_leave(r[k]);
	hazard_domain_drop(d);
	check_destroyed(0, n, 1);
	meter_check_empty(&meter);
}

static void
scan_runs_when_the_threshold_is_reached(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 4);
	struct hazard_record *r = attach(d);

	CHECK_EQ(stats(d).threshold, 4);
	retire(r, 0, 3);
	CHECK_EQ(stats(d).scans, 0);
	check_destroyed(0, 3, 0);
	retire(r, 3, 4);
	CHECK_EQ(stats(d).scans, 1);
	check_destroyed(0, 4, 1);
	retire(r, 4, 7);
	check_destroyed(4, 7, 0);
	hazard_leave(r);
	check_destroyed(4, 7, 1);
	hazard_domain_drop(d);
}

static void
threshold_one_scans_at_each_retire(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r = attach(d);

	for (unsigned i = 0; i < 10; i++) {
		retire(r, i, i + 1);
		check_destroyed(i, i + 1, 1);
		CHECK_EQ(stats(d).scans, i + 1);
		CHECK_EQ(stats(d).pending, 0);
	}
	CHECK_EQ(stats(d).peak, 1);
	hazard_leave(r);
	hazard_domain_drop(d);
}

static void
threshold_can_change_at_run_time(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 4);
	struct hazard_record *r = attach(d);

	retire(r, 0, 2);
	hazard_domain_set_threshold(d, 2);
	CHECK_EQ(stats(d).threshold, 2);
	/* In force for r only after its next scan. */
	retire(r, 2, 3);
	CHECK_EQ(stats(d).scans, 0);
	retire(r, 3, 4);
	CHECK_EQ(stats(d).scans, 1);
	retire(r, 4, 6);
	CHECK_EQ(stats(d).scans, 2);
	hazard_domain_set_threshold(d, 6);
	CHECK_EQ(hazard_scan(r), 0);
	retire(r, 6, 11);
	CHECK_EQ(stats(d).scans, 2);
	retire(r, 11, 12);
	CHECK_EQ(stats(d).scans, 3);
	hazard_domain_set_threshold(d, 0);
	CHECK_EQ(stats(d).threshold, 1024);
	hazard_leave(r);
	hazard_domain_drop(d);
	check_destroyed(0, 12, 1);
}

static void
automatic_threshold_grows_with_the_records(void)
{
	enum { RECORDS = 100 };
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 0);
	struct hazard_record *r[RECORDS];

	for (unsigned k = 0; k < RECORDS; k++) {
		uint64_t twice = 2 * HAZARD_SLOTS * (k + 1), slots = HAZARD_SLOTS * (k + 1);
		unsigned threshold = twice > 1024 ? (unsigned)twice : 1024;

		r[k] = attach(d);
		CHECK_EQ(stats(d).threshold, threshold);
		CHECK_EQ(stats(d).bound, (k + 1) * threshold + (k + 1) * slots);
	}
	retire(r[RECORDS - 1], 0, 2 * HAZARD_SLOTS * RECORDS - 1);
	CHECK_EQ(stats(d).scans, 0);
	retire(r[RECORDS - 1], 2 * HAZARD_SLOTS * RECORDS - 1, 2 * HAZARD_SLOTS * RECORDS);
	CHECK_EQ(stats(d).scans, 1);
	CHECK_EQ(stats(d).pending, 0);
	/* r[0] was attached when 1024 was enough, and learns at its next scan. */
	retire(r[0], 2000, 2000 + 1024);
	CHECK_EQ(stats(d).scans, 2);
	retire(r[0], 2000 + 1024, 2000 + 1024 + 1599);
	CHECK_EQ(stats(d).scans, 2);
	for (unsigned k = 0; k < RECORDS; k++)
		hazard_leave(r[k]);
	hazard_domain_drop(d);
}

static void
statistics_are_exact_in_one_thread(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 100);
	struct hazard_record *r = attach(d);
	struct hazard_stats s;

	hazard_publish(r, 0, &objects[7]);
	hazard_publish(r, 5, &objects[3]);
	hazard_publish(r, 6, &objects[3]);
	retire(r, 0, 10);
	CHECK_EQ(hazard_scan(r), 8);
	retire(r, 10, 15);
	s = stats(d);
	CHECK_EQ(s.retired, 15);
	CHECK_EQ(s.retired_bytes, 15 * sizeof(struct object));
	CHECK_EQ(s.freed, 8);
	CHECK_EQ(s.freed_bytes, 8 * sizeof(struct object));
	CHECK_EQ(s.pending, 7);
	CHECK_EQ(s.pending_bytes, 7 * sizeof(struct object));
	CHECK_EQ(s.peak, 10);
	CHECK_EQ(s.scans, 1);
	CHECK_EQ(s.examined, 10);
	CHECK_EQ(s.blocked, 2);
	CHECK_EQ(s.refused, 0);
	CHECK_EQ(s.adopted, 0);
	CHECK_EQ(s.records, 1);
	CHECK_EQ(s.attached, 1);
	CHECK_EQ(s.bound, 100 + HAZARD_SLOTS);
	hazard_clear(r, 5);
	CHECK_EQ(hazard_scan(r), 5);
	hazard_clear(r, 6);
	CHECK_EQ(hazard_scan(r), 1);
	hazard_clear(r, 0);
	CHECK_EQ(hazard_scan(r), 1);
	/* Nothing there: not counted as a scan. */
	CHECK_EQ(hazard_scan(r), 0);
	s = stats(d);
	CHECK_EQ(s.scans, 4);
	CHECK_EQ(s.examined, 10 + 7 + 2 + 1);
	CHECK_EQ(s.blocked, 2 + 2 + 1);
	CHECK_EQ(s.pending | s.pending_bytes, 0);
	CHECK_EQ(s.peak, 10);
	hazard_leave(r);
	hazard_domain_drop(d);
	check_destroyed(0, 15, 1);
}

static void
bound_is_the_formula_of_the_header(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 4);
	struct hazard_record *a = attach(d), *b = attach(d);

	/* R = 4 is less than H + 1 = 17. */
	CHECK_EQ(stats(d).bound, 2 * (2 * HAZARD_SLOTS + 1) + 2 * (2 * HAZARD_SLOTS));
	hazard_domain_set_threshold(d, 50);
	CHECK_EQ(stats(d).bound, 2 * 50 + 2 * (2 * HAZARD_SLOTS));
	hazard_leave(a);
	hazard_leave(b);
	hazard_domain_drop(d);
}

static void
reserved_room_lasts(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 3000);
	struct hazard_record *r = attach(d);
	uint64_t calls;

	/* Room for many at once, then no allocation until it is used up. */
	CHECK(hazard_reserve(r, 3000));
	calls = meter_calls(&meter);
	meter_forbid(&meter, true);
	for (unsigned i = 0; i < 1000; i++)
		hazard_retire(r, &objects[i], sizeof(objects[i]), count_destroy, objects);
	/* What was not used stays for the next. */
	CHECK(hazard_reserve(r, 2000));
	for (unsigned i = 1000; i < 3000; i++)
		hazard_retire(r, &objects[i], sizeof(objects[i]), count_destroy, objects);
	meter_forbid(&meter, false);
	check_destroyed(0, 3000, 1);
	CHECK_EQ(meter_calls(&meter), calls);
	hazard_leave(r);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

static void
list_grows_beyond_its_first_chunk(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1000000);
	struct hazard_record *r = attach(d);
	uint64_t blocks = meter_blocks(&meter);

	for (unsigned round = 0; round < 5; round++)
		retire(r, 0, OBJECTS);
	CHECK(meter_blocks(&meter) > blocks);
	CHECK_EQ(stats(d).pending, 5 * OBJECTS);
	CHECK_EQ(hazard_scan(r), 5 * OBJECTS);
	check_destroyed(0, OBJECTS, 5);
	/* The first stays, the others were given back. */
	CHECK_EQ(meter_blocks(&meter), blocks);
	hazard_leave(r);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

/* At the default threshold, memory is taken at attach and never again. */
static void
steady_state_allocates_nothing(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 0);
	struct hazard_record *r = attach(d);
	uint64_t calls = meter_calls(&meter);

	for (unsigned i = 0; i < HAZARD_SLOTS; i++)
		hazard_publish(r, i, &objects[i]);
	for (unsigned round = 0; round < 10; round++)
		for (unsigned i = 0; i + 32 <= OBJECTS; i += 32) {
			CHECK(hazard_reserve(r, 32));
			for (unsigned k = i; k < i + 32; k++)
				hazard_retire(r, &objects[k], sizeof(objects[k]), count_destroy, objects);
		}
	CHECK_EQ(meter_calls(&meter), calls);
	CHECK(stats(d).scans > 0);
	for (unsigned i = 0; i < HAZARD_SLOTS; i++)
		hazard_clear(r, i);
	hazard_leave(r);
	hazard_domain_drop(d);
	check_destroyed(0, OBJECTS, 10);
}

static void
remember_arguments(void *object, size_t bytes, void *state)
{
	void **seen = state;

	seen[0] = object;
	seen[1] = (void *)(uintptr_t)bytes;
}

static void
destructor_gets_what_retire_got(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r = attach(d);
	void *seen[2] = { NULL, NULL };

	CHECK(hazard_reserve(r, 1));
	hazard_retire(r, &objects[9], 12345, remember_arguments, seen);
	CHECK(seen[0] == &objects[9]);
	CHECK_EQ((uintptr_t)seen[1], 12345);
	CHECK_EQ(stats(d).freed_bytes, 12345);
	hazard_leave(r);
	hazard_domain_drop(d);
}

/* Its table holds about 512 announcements: here are 1600, in three passes or more. */
static void
more_announcements_than_one_pass(void)
{
	enum { RECORDS = 200, NAMED = RECORDS * HAZARD_SLOTS, ALL = NAMED + 800 };
	struct hazard_domain *d = domain_of(HAZARD_AUTO, OBJECTS);
	struct hazard_record *r[RECORDS];
	uint32_t random = (uint32_t)check_seed;
	unsigned order[ALL];

	for (unsigned k = 0; k < RECORDS; k++)
		r[k] = attach(d);
	for (unsigned n = 0; n < NAMED; n++)
		hazard_publish(r[n / HAZARD_SLOTS], n % HAZARD_SLOTS, &objects[n]);
	for (unsigned n = 0; n < ALL; n++) {
		unsigned k;

		random = random * 1664525 + 1013904223;
		k = (random >> 8) % (n + 1);
		order[n] = order[k];
		order[k] = n;
	}
	for (unsigned n = 0; n < ALL; n++)
		retire(r[77], order[n], order[n] + 1);
	CHECK_EQ(hazard_scan(r[77]), ALL - NAMED);
	check_destroyed(0, NAMED, 0);
	check_destroyed(NAMED, ALL, 1);
	CHECK_EQ(stats(d).blocked, NAMED);
	/* The marks of that scan must not outlive it. */
	for (unsigned n = 0; n < NAMED; n += 2)
		hazard_clear(r[n / HAZARD_SLOTS], n % HAZARD_SLOTS);
	CHECK_EQ(hazard_scan(r[77]), NAMED / 2);
	for (unsigned n = 0; n < NAMED; n++)
		CHECK_EQ(objects[n].destroyed, n % 2 == 0);
	for (unsigned k = 0; k < RECORDS; k++) {
		for (unsigned i = 0; i < HAZARD_SLOTS; i++)
			hazard_clear(r[k], i);
		hazard_leave(r[k]);
	}
	check_destroyed(0, ALL, 1);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

/* Leaving, adopting, ending. */

static void
leaving_hands_over_what_is_protected(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 100);
	struct hazard_record *leaver = attach(d), *reader = attach(d), *adopter = attach(d);

	hazard_publish(reader, 2, &objects[4]);
	hazard_publish(reader, 3, &objects[5]);
	retire(leaver, 0, 10);
	hazard_leave(leaver);
	check_destroyed(0, 4, 1);
	check_destroyed(4, 6, 0);
	check_destroyed(6, 10, 1);
	CHECK_EQ(stats(d).pending, 2);
	CHECK_EQ(stats(d).attached, 2);
	hazard_clear(reader, 2);
	CHECK_EQ(hazard_scan(adopter), 1);
	CHECK_EQ(stats(d).adopted, 2);
	check_destroyed(4, 5, 1);
	check_destroyed(5, 6, 0);
	hazard_clear(reader, 3);
	/* The reader has nothing of its own, and the adopter has it now. */
	CHECK_EQ(hazard_scan(reader), 0);
	CHECK_EQ(hazard_scan(adopter), 1);
	check_destroyed(0, 10, 1);
	CHECK_EQ(stats(d).adopted, 2);
	CHECK_EQ(stats(d).freed, 10);
	hazard_leave(reader);
	hazard_leave(adopter);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

/* An adopted object is still protected by whoever protected it. */
static void
next_leaver_takes_the_chain_along(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 100);
	struct hazard_record *a = attach(d), *b = attach(d), *reader = attach(d);

	hazard_publish(reader, 0, &objects[0]);
	hazard_publish(reader, 1, &objects[1]);
	retire(a, 0, 1);
	hazard_leave(a);
	retire(b, 1, 2);
	hazard_leave(b);
	CHECK_EQ(stats(d).adopted, 1);
	CHECK_EQ(stats(d).pending, 2);
	check_destroyed(0, 2, 0);
	hazard_clear(reader, 0);
	hazard_clear(reader, 1);
	CHECK_EQ(hazard_scan(reader), 2);
	check_destroyed(0, 2, 1);
	CHECK_EQ(stats(d).adopted, 3);
	hazard_leave(reader);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

static void
leaver_may_come_back_to_its_orphans(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 4);
	struct hazard_record *reader = attach(d), *r;

	hazard_publish(reader, 0, &objects[0]);
	for (unsigned round = 0; round < 50; round++) {
		r = attach(d);
		CHECK(r != reader);
		if (round == 0)
			retire(r, 0, 1);
		hazard_leave(r);
		CHECK_EQ(stats(d).pending, 1);
	}
	/* What it handed over waits while it holds three again. */
	r = attach(d);
	retire(r, 1, 4);
	CHECK_EQ(stats(d).pending, 4);
	CHECK(stats(d).peak >= 4);
	retire(r, 4, 5);
	CHECK_EQ(stats(d).pending, 1);
	hazard_clear(reader, 0);
	CHECK_EQ(hazard_scan(r), 1);
	hazard_leave(r);
	hazard_leave(reader);
	hazard_domain_drop(d);
	check_destroyed(0, 5, 1);
	meter_check_empty(&meter);
}

/*
 * A scan in the middle of a series of retires may bring in more survivors
 * than the first chunk holds: the rest of the series must find its room.
 */
static void
adoption_leaves_the_reserved_room_alone(void)
{
	enum { READERS = 40, NAMED = READERS * HAZARD_SLOTS, SERIES = 60 };
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *adopter = attach(d), *leaver = attach(d), *reader[READERS];

	for (unsigned k = 0; k < READERS; k++)
		reader[k] = attach(d);
	for (unsigned n = 0; n < NAMED; n++)
		hazard_publish(reader[n / HAZARD_SLOTS], n % HAZARD_SLOTS, &objects[n]);
	retire(leaver, 0, NAMED);
	hazard_leave(leaver);
	CHECK_EQ(stats(d).pending, NAMED);
	CHECK(hazard_reserve(adopter, SERIES));
	meter_forbid(&meter, true);
	for (unsigned n = NAMED; n < NAMED + SERIES; n++) {
		hazard_retire(adopter, &objects[n], sizeof(objects[n]), count_destroy, objects);
		check_destroyed(n, n + 1, 1);
		check_destroyed(0, NAMED, 0);
	}
	meter_forbid(&meter, false);
	CHECK_EQ(stats(d).adopted, NAMED);
	for (unsigned n = 0; n < NAMED; n++)
		hazard_clear(reader[n / HAZARD_SLOTS], n % HAZARD_SLOTS);
	CHECK_EQ(hazard_scan(adopter), NAMED);
	for (unsigned k = 0; k < READERS; k++)
		hazard_leave(reader[k]);
	hazard_leave(adopter);
	hazard_domain_drop(d);
	check_destroyed(0, NAMED + SERIES, 1);
	meter_check_empty(&meter);
}

/* Whoever comes last, what is still retired is freed with the domain. */
static void
final_drop_frees_everything_once(void)
{
	for (int owner_last = 0; owner_last < 2; owner_last++) {
		struct hazard_domain *d = domain_of(HAZARD_AUTO, 1000);
		struct hazard_record *r = attach(d), *reader = attach(d);

		memset(objects, 0, sizeof(objects));
		hazard_publish(reader, 0, &objects[0]);
		hazard_publish(reader, 1, &objects[50]);
		retire(r, 0, 100);
		hazard_leave(r);
		CHECK_EQ(stats(d).pending, 2);
		if (!owner_last)
			hazard_domain_drop(d);
		hazard_clear(reader, 0);
		hazard_clear(reader, 1);
		hazard_leave(reader);
		if (owner_last)
			hazard_domain_drop(d);
		check_destroyed(0, 100, 1);
		meter_check_empty(&meter);
	}
}

/* Retire, scan, leave and drop: with an object protected meanwhile, and without. */
static void
ends_never_allocate(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 64);
	struct hazard_record *r = attach(d), *reader = attach(d);

	CHECK(hazard_reserve(r, 64));
	hazard_publish(reader, 0, &objects[5]);
	meter_forbid(&meter, true);
	for (unsigned i = 0; i < 63; i++)
		hazard_retire(r, &objects[i], sizeof(objects[i]), count_destroy, objects);
	hazard_retire(r, &objects[63], sizeof(objects[63]), count_destroy, objects);
	CHECK_EQ(hazard_scan(r), 0);
	hazard_leave(r);
	CHECK_EQ(hazard_scan(reader), 0);
	hazard_clear(reader, 0);
	hazard_leave(reader);
	hazard_domain_drop(d);
	check_destroyed(0, 64, 1);
	meter_check_empty(&meter);
}

/* Out of memory. */

static void
domain_new_survives_any_failed_allocation(void)
{
	struct hazard_config config = config_of(HAZARD_AUTO, 0);
	struct hazard_domain *d = NULL;
	enum hazard_status s = HAZARD_NOMEM;
	unsigned nth;

	for (nth = 1; s != HAZARD_OK; nth++) {
		meter = (struct meter){ .fail_at = nth };
		s = hazard_domain_new(&config, &d);
		CHECK(s == HAZARD_OK || s == HAZARD_NOMEM);
		if (s == HAZARD_NOMEM) {
			CHECK(d == NULL);
			meter_check_empty(&meter);
		}
	}
	CHECK(nth > 2);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

static void
attach_survives_any_failed_allocation(void)
{
	/* 0: the record is new; 1: it is an idle one whose chunk was adopted. */
	for (int reuse = 0; reuse < 2; reuse++) {
		enum hazard_status s = HAZARD_NOMEM;
		unsigned nth;

		for (nth = 1; s != HAZARD_OK; nth++) {
			struct hazard_domain *d = domain_of(HAZARD_AUTO, 10);
			struct hazard_record *reader = attach(d), *r;
			struct hazard_stats before, after;
			uint64_t blocks;

			memset(objects, 0, sizeof(objects));
			hazard_publish(reader, 0, &objects[0]);
			if (reuse) {
				r = attach(d);
				retire(r, 0, 1);
				hazard_leave(r);
			}
			r = NULL;
			before = stats(d);
			blocks = meter_blocks(&meter);
			meter.fail_at = meter_calls(&meter) + nth;
			s = hazard_attach(d, NULL, &r);
			meter.fail_at = 0;
			after = stats(d);
			CHECK(s == HAZARD_OK || s == HAZARD_NOMEM);
			if (s == HAZARD_NOMEM) {
				CHECK(r == NULL);
				CHECK(same_stats(&before, &after));
				CHECK_EQ(meter_blocks(&meter), blocks);
				/* And works again as soon as there is memory. */
				r = attach(d);
			}
			hazard_clear(reader, 0);
			retire(r, 1, 5);
			CHECK_EQ(hazard_scan(r), 4u + (unsigned)reuse);
			hazard_leave(r);
			hazard_leave(reader);
			hazard_domain_drop(d);
			check_destroyed(1, 5, 1);
			meter_check_empty(&meter);
		}
		CHECK(nth > 2);
	}
}

static void
reserve_survives_any_failed_allocation(void)
{
	/* With an empty list, and with a part of the first chunk in use. */
	for (unsigned used = 0; used < 20; used += 10) {
		bool reserved = false;
		unsigned nth;

		memset(objects, 0, sizeof(objects));
		for (nth = 1; !reserved; nth++) {
			struct hazard_domain *d = domain_of(HAZARD_AUTO, 100);
			struct hazard_record *r = attach(d);
			struct hazard_stats before, after;
			uint64_t blocks;

			retire(r, 0, used);
			before = stats(d);
			blocks = meter_blocks(&meter);
			meter.fail_at = meter_calls(&meter) + nth;
			reserved = hazard_reserve(r, 1000);
			meter.fail_at = 0;
			after = stats(d);
			CHECK(same_stats(&before, &after));
			if (!reserved) {
				CHECK_EQ(meter_blocks(&meter), blocks);
				retire(r, used, used + 5);
			}
			hazard_leave(r);
			hazard_domain_drop(d);
			check_destroyed(0, used, nth);
			meter_check_empty(&meter);
		}
		CHECK(nth > 2);
	}
}

static void
reserve_says_no_to_an_absurd_count(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 0);
	struct hazard_record *r = attach(d);

	CHECK(!hazard_reserve(r, UINT32_MAX));
	retire(r, 0, 5);
	hazard_leave(r);
	hazard_domain_drop(d);
	check_destroyed(0, 5, 1);
	meter_check_empty(&meter);
}

/* The probe. */

struct clock {
	uint64_t now_ns;
	unsigned calls;      /* of freed */
	uint64_t age_ns[64]; /* what it was given */
	unsigned begun, ended; /* passes; of the last one: */
	uint64_t examined, freed, blocked;
};

static uint64_t
clock_now_ns(void *state)
{
	return ((struct clock *)state)->now_ns;
}

static void
clock_freed(void *state, uint64_t age_ns)
{
	struct clock *c = state;

	CHECK(c->calls < 64);
	c->age_ns[c->calls++] = age_ns;
	/* Ages of freed objects come while a pass is under way. */
	CHECK(c->begun == 0 || c->begun == c->ended + 1);
}

static void
clock_pass_begin(void *state)
{
	struct clock *c = state;

	c->begun++;
	CHECK_EQ(c->begun, c->ended + 1);
}

static void
clock_pass_end(void *state, uint64_t examined, uint64_t freed, uint64_t blocked)
{
	struct clock *c = state;

	c->ended++;
	CHECK_EQ(c->begun, c->ended);
	c->examined = examined;
	c->freed = freed;
	c->blocked = blocked;
}

static struct hazard_record *
attach_probe(struct hazard_domain *d, struct clock *c, unsigned sample_shift)
{
	struct reclaim_probe probe = { .now_ns = clock_now_ns, .freed = clock_freed, .state = c,
		.sample_shift = sample_shift };
	struct hazard_record *r;

	CHECK_EQ(hazard_attach(d, &probe, &r), HAZARD_OK);
	return r;
}

static void
probe_sees_each_age(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 100);
	struct clock c = { .now_ns = 1000 };
	struct hazard_record *r = attach_probe(d, &c, 0);

	for (unsigned i = 0; i < 5; i++, c.now_ns += 10)
		retire(r, i, i + 1);
	c.now_ns = 2000;
	CHECK_EQ(c.calls, 0);
	CHECK_EQ(hazard_scan(r), 5);
	CHECK_EQ(c.calls, 5);
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(c.age_ns[i], 1000 - 10 * i);
	/* A clock that differs between processors gives no age below 0. */
	retire(r, 5, 6);
	c.now_ns = 1;
	CHECK_EQ(hazard_scan(r), 1);
	CHECK_EQ(c.age_ns[5], 0);
	hazard_leave(r);
	hazard_domain_drop(d);
}

static void
probe_samples_one_in_a_power_of_two(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1000);
	struct clock c = { .now_ns = 1 };
	struct hazard_record *r = attach_probe(d, &c, 3);

	retire(r, 0, 80);
	CHECK_EQ(hazard_scan(r), 80);
	CHECK_EQ(c.calls, 10);
	hazard_leave(r);
	/* The next owner of the record has not inherited the probe. */
	r = attach(d);
	retire(r, 80, 160);
	CHECK_EQ(hazard_scan(r), 80);
	CHECK_EQ(c.calls, 10);
	hazard_leave(r);
	hazard_domain_drop(d);
	check_destroyed(0, 160, 1);
}

/* Each scan of a list that is not empty is one pass, and what it reports is what it did. */
static void
probe_sees_each_pass(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 8);
	struct clock c = { .now_ns = 1000 };
	struct reclaim_probe probe = { .now_ns = clock_now_ns, .freed = clock_freed, .state = &c,
		.pass_begin = clock_pass_begin, .pass_end = clock_pass_end };
	struct hazard_record *r, *reader = attach(d);

	CHECK_EQ(hazard_attach(d, &probe, &r), HAZARD_OK);
	CHECK_EQ(hazard_scan(r), 0);
	CHECK_EQ(c.begun, 0);
	hazard_publish(reader, 0, &objects[1]);
	hazard_publish(reader, 1, &objects[2]);
	/* The eighth retire scans. */
	retire(r, 0, 8);
	CHECK_EQ(c.ended, 1);
	CHECK(c.examined == 8 && c.freed == 6 && c.blocked == 2);
	hazard_clear(reader, 0);
	CHECK_EQ(hazard_scan(r), 1);
	CHECK_EQ(c.ended, 2);
	CHECK(c.examined == 2 && c.freed == 1 && c.blocked == 1);
	hazard_clear(reader, 1);
	/* Leaving scans as well. */
	hazard_leave(r);
	CHECK_EQ(c.ended, 3);
	CHECK(c.examined == 1 && c.freed == 1 && c.blocked == 0);
	CHECK_EQ(stats(d).scans, 3);
	hazard_leave(reader);
	hazard_domain_drop(d);
}

static void
freeing_record_reports_the_age(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 100);
	struct clock retirer = { .now_ns = 100 }, freer = { .now_ns = 175 };
	struct hazard_record *a = attach_probe(d, &retirer, 0), *b = attach_probe(d, &freer, 0), *none = attach(d);

	hazard_publish(none, 0, &objects[0]);
	retire(a, 0, 1);
	hazard_leave(a);
	hazard_clear(none, 0);
	CHECK_EQ(hazard_scan(b), 1);
	CHECK_EQ(retirer.calls, 0);
	CHECK_EQ(freer.calls, 1);
	CHECK_EQ(freer.age_ns[0], 75);
	/* Freed by a record without a probe: just freed. */
	hazard_publish(none, 0, &objects[1]);
	retire(b, 1, 2);
	hazard_leave(b);
	hazard_clear(none, 0);
	CHECK_EQ(hazard_scan(none), 1);
	CHECK_EQ(freer.calls, 1);
	hazard_leave(none);
	hazard_domain_drop(d);
	check_destroyed(0, 2, 1);
}

struct visits {
	unsigned calls;
	uint64_t sum_ns;
	size_t bytes;
};

static void
note_visit(void *arg, uint64_t retired_at_ns, size_t bytes)
{
	struct visits *v = arg;

	v->calls++;
	v->sum_ns += retired_at_ns;
	v->bytes += bytes;
}

static void
each_pending_visits_the_stamped(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 100);
	struct clock c = { .now_ns = 1000 };
	struct hazard_record *a = attach_probe(d, &c, 0), *b = attach_probe(d, &c, 0), *plain = attach(d);
	struct visits v = { .calls = 0 };

	hazard_publish(plain, 0, &objects[0]);
	retire(a, 0, 3);
	/* One orphan stamped 1000, two in a list stamped 5000, two without. */
	hazard_leave(a);
	c.now_ns = 5000;
	retire(b, 3, 5);
	retire(plain, 5, 7);
	hazard_domain_each_pending(d, note_visit, &v);
	CHECK_EQ(v.calls, 3);
	CHECK_EQ(v.sum_ns, 1000 + 5000 + 5000);
	CHECK_EQ(v.bytes, 3 * sizeof(struct object));
	hazard_clear(plain, 0);
	hazard_leave(b);
	hazard_leave(plain);
	v = (struct visits){ .calls = 0 };
	hazard_domain_each_pending(d, note_visit, &v);
	CHECK_EQ(v.calls, 0);
	hazard_domain_drop(d);
	check_destroyed(0, 7, 1);
}

/* Protected pointers. */

static void
pointer_loads_and_protects(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r = attach(d);
	struct hazard_pointer p;
	_Atomic(void *) link;

	atomic_init(&link, &objects[0]);
	hazard_pointer_init(&p, r, &link);
	CHECK(hazard_pointer_load(&p) == &objects[0]);
	CHECK(hazard_pointer_read(&p) == &objects[0]);
	atomic_store_explicit(&link, &objects[1], memory_order_seq_cst);
	retire(r, 0, 1);
	check_destroyed(0, 1, 0);
	/* Loading again protects the new, and the old no more. */
	CHECK(hazard_pointer_read(&p) == &objects[0]);
	CHECK(hazard_pointer_load(&p) == &objects[1]);
	retire(r, 1, 2);
	check_destroyed(0, 1, 1);
	check_destroyed(1, 2, 0);
	hazard_pointer_unload(&p);
	CHECK_EQ(hazard_scan(r), 1);
	atomic_store_explicit(&link, NULL, memory_order_seq_cst);
	CHECK(hazard_pointer_load(&p) == NULL);
	CHECK(hazard_pointer_read(&p) == NULL);
	hazard_pointer_drop(&p);
	hazard_leave(r);
	hazard_domain_drop(d);
}

static void
pointer_swap_returns_the_old(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r = attach(d);
	struct hazard_pointer p;
	_Atomic(void *) link;

	atomic_init(&link, NULL);
	hazard_pointer_init(&p, r, &link);
	hazard_pointer_set(&p, &objects[0]);
	CHECK(atomic_load_explicit(&link, memory_order_relaxed) == &objects[0]);
	CHECK(hazard_pointer_load(&p) == &objects[0]);
	hazard_pointer_set(&p, &objects[1]);
	CHECK(hazard_pointer_read(&p) == &objects[0]);
	CHECK(hazard_pointer_swap(&p, &objects[2]) == &objects[1]);
	CHECK(hazard_pointer_swap(&p, NULL) == &objects[2]);
	CHECK(hazard_pointer_swap(&p, NULL) == NULL);
	retire(r, 1, 3);
	check_destroyed(1, 3, 1);
	retire(r, 0, 1);
	check_destroyed(0, 1, 0);
	hazard_pointer_drop(&p);
	hazard_leave(r);
	check_destroyed(0, 3, 1);
	hazard_domain_drop(d);
}

static void
pointer_replace_only_if_unchanged(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r = attach(d);
	struct hazard_pointer p;
	_Atomic(void *) link;

	atomic_init(&link, NULL);
	hazard_pointer_init(&p, r, &link);
	CHECK(hazard_pointer_load(&p) == NULL);
	CHECK(hazard_pointer_replace(&p, &objects[0]));
	CHECK(hazard_pointer_load(&p) == &objects[0]);
	atomic_store_explicit(&link, &objects[1], memory_order_seq_cst);
	CHECK(!hazard_pointer_replace(&p, &objects[2]));
	CHECK(atomic_load_explicit(&link, memory_order_relaxed) == &objects[1]);
	CHECK(hazard_pointer_read(&p) == &objects[0]);
	CHECK(hazard_pointer_load(&p) == &objects[1]);
	CHECK(hazard_pointer_replace(&p, &objects[2]));
	CHECK(atomic_load_explicit(&link, memory_order_relaxed) == &objects[2]);
	/* The old one is the caller's to retire, and protected until unload. */
	retire(r, 1, 2);
	check_destroyed(1, 2, 0);
	CHECK(hazard_pointer_read(&p) == &objects[1]);
	hazard_pointer_unload(&p);
	CHECK_EQ(hazard_scan(r), 1);
	hazard_pointer_drop(&p);
	hazard_leave(r);
	hazard_domain_drop(d);
}

static void
pointers_take_slots_from_the_top(void)
{
	struct hazard_domain *d = domain_of(HAZARD_AUTO, 1);
	struct hazard_record *r = attach(d);
	struct hazard_pointer p[HAZARD_SLOTS];
	_Atomic(void *) link;

	atomic_init(&link, &objects[0]);
	for (unsigned i = 0; i < HAZARD_SLOTS; i++) {
		hazard_pointer_init(&p[i], r, &link);
		CHECK_EQ(p[i].slot, HAZARD_SLOTS - 1 - i);
		CHECK(hazard_pointer_load(&p[i]) == &objects[0]);
	}
	retire(r, 0, 1);
	/* Each of them alone protects it. */
	for (unsigned i = 0; i < HAZARD_SLOTS; i++) {
		CHECK_EQ(hazard_scan(r), 0);
		hazard_pointer_drop(&p[i]);
	}
	CHECK_EQ(hazard_scan(r), 1);
	/* A slot given back is used again. */
	hazard_pointer_init(&p[0], r, &link);
	hazard_pointer_init(&p[1], r, &link);
	hazard_pointer_init(&p[2], r, &link);
	hazard_pointer_drop(&p[1]);
	hazard_pointer_init(&p[3], r, &link);
	CHECK_EQ(p[3].slot, HAZARD_SLOTS - 2);
	hazard_pointer_drop(&p[0]);
	hazard_pointer_drop(&p[2]);
	hazard_pointer_drop(&p[3]);
	hazard_leave(r);
	hazard_domain_drop(d);
}

/* Misuse. */

/* Where each case starts: a domain with one record and one pointer. */
struct scene {
	struct hazard_domain *d;
	struct hazard_record *r;
	struct hazard_pointer p;
	_Atomic(void *) link;
};

static void
set_scene(struct scene *s)
{
	s->d = domain_of(HAZARD_FENCE, 1);
	s->r = attach(s->d);
	atomic_init(&s->link, &objects[0]);
	hazard_pointer_init(&s->p, s->r, &s->link);
}

/* A case is one function that does the forbidden; destroy_* are destructors that do. */
static struct scene scene;

static void
retire_in_scene(hazard_destroy_fn *destroy)
{
	if (hazard_reserve(scene.r, 2))
		hazard_retire(scene.r, &objects[0], 1, destroy, NULL);
}

static void
destroy_retire(void *object, size_t bytes, void *state)
{
	hazard_retire(scene.r, object, bytes, count_destroy, state);
}

static void
destroy_reserve(void *object, size_t bytes, void *state)
{
	(void)object, (void)bytes, (void)state;
	CHECK(hazard_reserve(scene.r, 1));
}

static void
destroy_scan(void *object, size_t bytes, void *state)
{
	(void)object, (void)bytes, (void)state;
	hazard_scan(scene.r);
}

static void
destroy_leave(void *object, size_t bytes, void *state)
{
	(void)object, (void)bytes, (void)state;
	hazard_leave(scene.r);
}

static void
misuse_retire_in_destructor(void *arg)
{
	(void)arg;
	retire_in_scene(destroy_retire);
}

static void
misuse_reserve_in_destructor(void *arg)
{
	(void)arg;
	retire_in_scene(destroy_reserve);
}

static void
misuse_scan_in_destructor(void *arg)
{
	(void)arg;
	retire_in_scene(destroy_scan);
}

static void
misuse_leave_in_destructor(void *arg)
{
	(void)arg;
	retire_in_scene(destroy_leave);
}

static void
misuse_retire_null(void *arg)
{
	(void)arg;
	if (hazard_reserve(scene.r, 1))
		hazard_retire(scene.r, NULL, 1, count_destroy, NULL);
}

static void
misuse_retire_no_destructor(void *arg)
{
	(void)arg;
	if (hazard_reserve(scene.r, 1))
		hazard_retire(scene.r, &objects[0], 1, NULL, NULL);
}

static void
misuse_retire_unreserved(void *arg)
{
	(void)arg;
	if (hazard_reserve(scene.r, 1)) {
		hazard_retire(scene.r, &objects[0], sizeof(objects[0]), count_destroy, objects);
		hazard_retire(scene.r, &objects[1], sizeof(objects[1]), count_destroy, objects);
	}
}

static void
misuse_publish_slot(void *arg)
{
	(void)arg;
	hazard_publish(scene.r, HAZARD_SLOTS, &objects[0]);
}

static void
misuse_clear_slot(void *arg)
{
	(void)arg;
	hazard_clear(scene.r, HAZARD_SLOTS);
}

static void
misuse_leave_twice(void *arg)
{
	(void)arg;
	hazard_pointer_drop(&scene.p);
	hazard_leave(scene.r);
	hazard_leave(scene.r);
}

static void
misuse_leave_with_pointer(void *arg)
{
	(void)arg;
	hazard_leave(scene.r);
}

static void
misuse_leave_protecting(void *arg)
{
	(void)arg;
	hazard_pointer_drop(&scene.p);
	hazard_publish(scene.r, 0, &objects[0]);
	hazard_leave(scene.r);
}

static void
misuse_reserve_after_leave(void *arg)
{
	(void)arg;
	hazard_pointer_drop(&scene.p);
	hazard_leave(scene.r);
	CHECK(hazard_reserve(scene.r, 1));
}

static void
misuse_scan_after_leave(void *arg)
{
	(void)arg;
	hazard_pointer_drop(&scene.p);
	hazard_leave(scene.r);
	hazard_scan(scene.r);
}

static void
misuse_drop_twice(void *arg)
{
	(void)arg;
	hazard_domain_drop(scene.d);
	hazard_domain_drop(scene.d);
}

static void
misuse_mode(void *arg)
{
	struct hazard_config config = { .mode = (enum hazard_mode)77 };

	(void)arg;
	CHECK(hazard_domain_new(&config, &scene.d) == HAZARD_OK);
}

static void
misuse_contention(void *arg)
{
	struct hazard_config config = { .contention = { .policy = CONTENTION_EXPONENTIAL, .m = 31 } };

	(void)arg;
	CHECK(hazard_domain_new(&config, &scene.d) == HAZARD_OK);
}

static void
misuse_half_a_probe(void *arg)
{
	struct reclaim_probe probe = { .now_ns = clock_now_ns };

	(void)arg;
	CHECK(hazard_attach(scene.d, &probe, &scene.r) == HAZARD_OK);
}

static void
misuse_half_a_pass(void *arg)
{
	struct reclaim_probe probe = { .now_ns = clock_now_ns, .freed = clock_freed, .pass_begin = clock_pass_begin };

	(void)arg;
	CHECK(hazard_attach(scene.d, &probe, &scene.r) == HAZARD_OK);
}

static void
misuse_sample_shift(void *arg)
{
	struct reclaim_probe probe = { .now_ns = clock_now_ns, .freed = clock_freed, .sample_shift = 64 };

	(void)arg;
	CHECK(hazard_attach(scene.d, &probe, &scene.r) == HAZARD_OK);
}

static void
misuse_stopped_clock(void *arg)
{
	struct clock c = { .now_ns = 0 };
	struct hazard_record *r = attach_probe(scene.d, &c, 0);

	(void)arg;
	retire(r, 0, 1);
}

static void
misuse_too_many_pointers(void *arg)
{
	struct hazard_pointer p[HAZARD_SLOTS];

	(void)arg;
	for (unsigned i = 0; i < HAZARD_SLOTS; i++)
		hazard_pointer_init(&p[i], scene.r, &scene.link);
}

static void
misuse_pointer_drop_twice(void *arg)
{
	(void)arg;
	hazard_pointer_drop(&scene.p);
	hazard_pointer_drop(&scene.p);
}

static void
misuse_pointer_read(void *arg)
{
	(void)arg;
	(void)hazard_pointer_read(&scene.p);
}

static void
misuse_pointer_read_unloaded(void *arg)
{
	(void)arg;
	(void)hazard_pointer_load(&scene.p);
	hazard_pointer_unload(&scene.p);
	(void)hazard_pointer_read(&scene.p);
}

static void
misuse_pointer_unload(void *arg)
{
	(void)arg;
	hazard_pointer_unload(&scene.p);
}

static void
misuse_pointer_replace(void *arg)
{
	(void)arg;
	CHECK(hazard_pointer_replace(&scene.p, NULL));
}

static void
misuse_pointer_load_dropped(void *arg)
{
	(void)arg;
	hazard_pointer_drop(&scene.p);
	hazard_pointer_load(&scene.p);
}

static void
misuse_pointer_set_dropped(void *arg)
{
	(void)arg;
	hazard_pointer_drop(&scene.p);
	hazard_pointer_set(&scene.p, NULL);
}

static void
misuse_pointer_swap_dropped(void *arg)
{
	(void)arg;
	hazard_pointer_drop(&scene.p);
	CHECK(hazard_pointer_swap(&scene.p, NULL) == NULL);
}

static void
misuse_pointer_read_dropped(void *arg)
{
	(void)arg;
	(void)hazard_pointer_load(&scene.p);
	hazard_pointer_drop(&scene.p);
	(void)hazard_pointer_read(&scene.p);
}

static void
misuse_aborts_and_names_the_rule(void)
{
	static const struct { void (*run)(void *arg); const char *says; } cases[] = {
		{ misuse_retire_in_destructor, "hazard_retire: must not be called from a destructor" },
		{ misuse_reserve_in_destructor, "hazard_reserve: must not be called from a destructor" },
		{ misuse_scan_in_destructor, "hazard_scan: must not be called from a destructor" },
		{ misuse_leave_in_destructor, "hazard_leave: must not be called from a destructor" },
		{ misuse_retire_null, "hazard_retire: object must not be NULL" },
		{ misuse_retire_no_destructor, "hazard_retire: destroy must not be NULL" },
		{ misuse_retire_unreserved, "hazard_retire: room must be reserved first" },
		{ misuse_publish_slot, "hazard_publish: the slot must be below" },
		{ misuse_clear_slot, "hazard_clear: the slot must be below" },
		{ misuse_leave_twice, "hazard_leave: the record has already left" },
		{ misuse_leave_with_pointer, "hazard_leave: a hazard_pointer has not been dropped" },
		{ misuse_reserve_after_leave, "hazard_reserve: the record has left" },
		{ misuse_scan_after_leave, "hazard_scan: the record has left" },
		{ misuse_drop_twice, "hazard_domain_drop: dropped more often" },
		{ misuse_mode, "hazard_domain_new: mode must be one of" },
		{ misuse_contention, "contention_config: m must be at most" },
		{ misuse_half_a_probe, "struct reclaim_probe: a probe needs now_ns and freed" },
		{ misuse_half_a_pass, "struct reclaim_probe: a probe has both functions of a pass, or neither" },
		{ misuse_sample_shift, "struct reclaim_probe: sample_shift must be at most 63" },
		{ misuse_stopped_clock, "struct reclaim_probe: now_ns must not return 0" },
		{ misuse_too_many_pointers, "hazard_pointer_init: a record has at most" },
		{ misuse_pointer_drop_twice, "hazard_pointer_drop: the pointer has already been dropped" },
		{ misuse_pointer_read, "hazard_pointer_read: the pointer must be loaded first" },
		{ misuse_pointer_read_unloaded, "hazard_pointer_read: the pointer must be loaded first" },
		{ misuse_pointer_read_dropped, "hazard_pointer_read: the pointer must be loaded first" },
		{ misuse_pointer_unload, "hazard_pointer_unload: the pointer must be loaded first" },
		{ misuse_pointer_replace, "hazard_pointer_replace: the pointer must be loaded first" },
		{ misuse_pointer_load_dropped, "hazard_pointer_load: the pointer has been dropped" },
		{ misuse_pointer_set_dropped, "hazard_pointer_set: the pointer has been dropped" },
		{ misuse_pointer_swap_dropped, "hazard_pointer_swap: the pointer has been dropped" },
	};

	set_scene(&scene);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(check_aborts(cases[i].run, NULL, cases[i].says));
	hazard_pointer_drop(&scene.p);
	hazard_leave(scene.r);
	hazard_domain_drop(scene.d);
}

/* Leaving clears the slots; a checked build finds that they were set. */
static void
leaving_while_protecting(void)
{
	set_scene(&scene);
#ifdef CHECKED
	CHECK(check_aborts(misuse_leave_protecting, NULL, "hazard_leave: a slot still protects something"));
	hazard_pointer_drop(&scene.p);
	hazard_leave(scene.r);
#else
	misuse_leave_protecting(NULL);
	CHECK(attach(scene.d) == scene.r);
	for (unsigned i = 0; i < HAZARD_SLOTS; i++)
		CHECK(atomic_load_explicit(&scene.r->slot[i], memory_order_relaxed) == NULL);
	hazard_leave(scene.r);
#endif
	hazard_domain_drop(scene.d);
	meter_check_empty(&meter);
}

/* membarrier(2) refused, and fork. */

/* From here on this process gets error from membarrier(2). */
static void
refuse_membarrier(unsigned error)
{
#if defined(__linux__) && defined(__NR_membarrier)
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		CHECK_SKIP("seccomp filters are refused");
#else
	(void)error;
	CHECK_SKIP("no seccomp on this system");
#endif
}

/* A process that never registered, or whose kernel forgot, is not refused. */
static void
heavy_barrier_registers_by_itself(void)
{
	bool first = hamt_heavy_barrier();

	if (!hamt_heavy_barrier_probe())
		CHECK_SKIP("membarrier(2) is refused, or hidden by ThreadSanitizer");
	CHECK(first);
	CHECK(hamt_heavy_barrier());
}

static void
refused_at_first_means_fence_mode(void)
{
	struct hazard_config config = config_of(HAZARD_ASYMMETRIC, 1);
	struct hazard_domain *d = NULL;
	struct hazard_record *r;

	refuse_membarrier(ENOSYS);
	CHECK(!hamt_heavy_barrier_probe());
	CHECK(!hamt_heavy_barrier());
	CHECK_EQ(hazard_domain_new(&config, &d), HAZARD_UNAVAILABLE);
	CHECK(d == NULL);
	meter_check_empty(&meter);
	d = domain_of(HAZARD_AUTO, 1);
	CHECK(!stats(d).asymmetric);
	r = attach(d);
	retire(r, 0, 5);
	check_destroyed(0, 5, 1);
	CHECK_EQ(stats(d).refused, 0);
	hazard_leave(r);
	hazard_domain_drop(d);
	meter_check_empty(&meter);
}

/* A filter that comes later: nothing may be freed, and nothing is lost. */
static void
refused_later_frees_nothing(void)
{
	struct hazard_domain *d;
	struct hazard_record *r, *other;
	struct hazard_stats s;

	need_membarrier();
	d = domain_of(HAZARD_ASYMMETRIC, 4);
	r = attach(d);
	other = attach(d);
	retire(r, 0, 4);
	check_destroyed(0, 4, 1);
	refuse_membarrier(EPERM);
	retire(r, 4, 300);
	check_destroyed(4, 300, 0);
	CHECK_EQ(hazard_scan(r), 0);
	s = stats(d);
	CHECK_EQ(s.pending, 296);
	CHECK_EQ(s.refused, 293 + 1); /* from the fourth retire on, and ours */
	CHECK_EQ(s.scans, 1 + s.refused);
	CHECK_EQ(s.examined, 4);
	/* Leaving, adopting, leaving again: it moves, and stays. */
	hazard_leave(r);
	CHECK_EQ(hazard_scan(other), 0);
	CHECK_EQ(stats(d).adopted, 296);
	retire(other, 300, 310);
	hazard_leave(other);
	CHECK_EQ(stats(d).pending, 306);
	check_destroyed(4, 310, 0);
	/* The last user knows that nobody protects any more. (A last leaver frees
	 * all by its own scan: without a refusal nothing is left for the drop.) */
	hazard_domain_drop(d);
	check_destroyed(0, 310, 1);
	meter_check_empty(&meter);
}

static void
final_drop_calls_no_probe(void)
{
	struct hazard_domain *d;
	struct clock c = { .now_ns = 10 };
	struct hazard_record *r;

	need_membarrier();
	d = domain_of(HAZARD_ASYMMETRIC, 100);
	r = attach_probe(d, &c, 0);
	refuse_membarrier(EPERM);
	retire(r, 0, 3);
	hazard_leave(r);
	hazard_domain_drop(d);
	check_destroyed(0, 3, 1);
	CHECK_EQ(c.calls, 0);
}

/* The child of a process that used the domain goes on using its copy. */
static void
forked_child_goes_on(void)
{
	struct hazard_domain *d;
	struct hazard_record *r;
	int status;
	pid_t child;

	need_membarrier();
	d = domain_of(HAZARD_ASYMMETRIC, 4);
	r = attach(d);
	retire(r, 0, 3);
	fflush(NULL);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		struct hazard_record *own = attach(d);

		hazard_publish(own, 0, &objects[3]);
		retire(own, 3, 7);
		check_destroyed(3, 4, 0);
		check_destroyed(4, 7, 1);
		retire(r, 7, 8);
		check_destroyed(0, 3, 1);
		CHECK_EQ(stats(d).refused, 0);
		hazard_clear(own, 0);
		hazard_leave(own);
		hazard_leave(r);
		hazard_domain_drop(d);
		check_destroyed(0, 8, 1);
		meter_check_empty(&meter);
		exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_EQ(status, 0);
	check_destroyed(0, 8, 0);
	hazard_leave(r);
	hazard_domain_drop(d);
	check_destroyed(0, 3, 1);
	meter_check_empty(&meter);
}

/* While threads run. */

#define THREADS_MAX 8
#define LINKS 8

struct crowd {
	struct hazard_domain *d;
	_Atomic(void *) link[LINKS];
	pthread_barrier_t done;
	_Atomic(unsigned) running;
	unsigned ops;
	unsigned stay_ops; /* leave and come back after so many; 0 = stay */
};

struct member {
	struct crowd *crowd;
	pthread_t thread;
	uint32_t random;
};

static void
free_object(void *object, size_t bytes, void *state)
{
	(void)bytes, (void)state;
	free(object);
}

static void
clear_all(struct hazard_record *r)
{
	for (unsigned i = 0; i < HAZARD_SLOTS; i++)
		hazard_clear(r, i);
}

/* Replace the objects of links, while all slots protect some object. */
static void *
member_run(void *arg)
{
	struct member *m = arg;
	struct crowd *c = m->crowd;
	struct hazard_record *r = attach(c->d);

	for (unsigned op = 1; op <= c->ops; op++) {
		void *fresh = malloc(16), *old;

		CHECK(fresh != NULL && hazard_reserve(r, 1));
		m->random = m->random * 1664525 + 1013904223;
		hazard_protect(r, op % HAZARD_SLOTS, &c->link[(m->random >> 24) % LINKS]);
		/* seq_cst: the unlink of the handshake. */
		old = atomic_exchange_explicit(&c->link[(m->random >> 16) % LINKS], fresh, memory_order_seq_cst);
		hazard_retire(r, old, 16, free_object, NULL);
		if (c->stay_ops != 0 && op % c->stay_ops == 0) {
			clear_all(r);
			hazard_leave(r);
			r = attach(c->d);
		}
	}
	clear_all(r);
	/* Leave when nothing is protected any more, so that nobody adopts and
	 * each record's peak is its own. */
	pthread_barrier_wait(&c->done);
	hazard_leave(r);
	atomic_fetch_sub_explicit(&c->running, 1, memory_order_release);
	return NULL;
}

/*
 * run_crowd - threads retire; meanwhile this thread holds the counters
 * against the bound.
 */
static void
run_crowd(enum hazard_mode mode, unsigned threads, unsigned threshold, unsigned ops, unsigned stay_ops)
{
	struct crowd c = { .d = domain_of(mode, threshold), .ops = ops, .stay_ops = stay_ops };
	struct member members[THREADS_MAX];
	struct hazard_stats s;
	uint64_t slots, held;

	for (unsigned i = 0; i < LINKS; i++)
		atomic_init(&c.link[i], malloc(16));
	atomic_init(&c.running, threads);
	CHECK(pthread_barrier_init(&c.done, NULL, threads) == 0);
	for (unsigned i = 0; i < threads; i++) {
		members[i] = (struct member){ .crowd = &c, .random = (uint32_t)check_seed + i };
		CHECK(pthread_create(&members[i].thread, NULL, member_run, &members[i]) == 0);
	}
	while (atomic_load_explicit(&c.running, memory_order_acquire) > 0) {
		struct hazard_stats first = stats(c.d), second = stats(c.d);

		CHECK(first.freed <= first.retired);
		CHECK(first.freed_bytes <= first.retired_bytes);
		CHECK(first.freed <= second.freed && first.retired <= second.retired);
		/* All first.retired were retired, and no more than second.freed
		 * freed, at the moment between: at least the difference was pending. */
		CHECK(first.retired <= second.freed + second.bound);
		/* Nothing was freed between: first.pending was not more than the truth. */
		if (first.freed == second.freed)
			CHECK(first.pending <= second.bound);
	}
	for (unsigned i = 0; i < threads; i++)
		CHECK(pthread_join(members[i].thread, NULL) == 0);
	s = stats(c.d);
	slots = (uint64_t)HAZARD_SLOTS * s.records;
	held = s.threshold > slots + 1 ? s.threshold : slots + 1;
	CHECK(s.records <= threads);
	CHECK_EQ(s.attached, 0);
	CHECK_EQ(s.retired, (uint64_t)threads * ops);
	CHECK_EQ(s.refused, 0);
	/* A record alone never holds more, at any moment, sampled or not. */
	if (stay_ops == 0)
		CHECK(s.peak <= s.records * held);
	CHECK(threshold == 0 || s.peak > 0);
	CHECK_EQ(s.pending, 0);
	CHECK_EQ(s.pending_bytes, 0);
	pthread_barrier_destroy(&c.done);
	for (unsigned i = 0; i < LINKS; i++)
		free(atomic_load_explicit(&c.link[i], memory_order_relaxed));
	hazard_domain_drop(c.d);
	meter_check_empty(&meter);
}

static void
run_crowds(enum hazard_mode mode)
{
	static const unsigned thresholds[] = { 1, 4, 64, 0 };

	for (unsigned threads = 1; threads <= THREADS_MAX; threads *= 2)
		for (unsigned i = 0; i < 4; i++) {
			/* Twice the automatic threshold, or it would never scan. */
			run_crowd(mode, threads, thresholds[i], 2500, 0);
			run_crowd(mode, threads, thresholds[i], 1000, 50);
		}
}

static void
bound_holds_in_fence_mode(void)
{
	run_crowds(HAZARD_FENCE);
}

static void
bound_holds_in_asymmetric_mode(void)
{
	need_membarrier();
	run_crowds(HAZARD_ASYMMETRIC);
}

static const struct test tests[] = {
	TEST(new_domain_is_empty),
	TEST(no_config_means_malloc_and_auto),
	TEST(allocator_is_the_configured_one),
	TEST(mode_is_the_configured_one),
	TEST(slots_have_lines_of_their_own),
	TEST(record_that_left_is_reused),
	TEST(attached_record_keeps_the_domain_alive),
	TEST(last_of_several_owners_frees),
	TEST(domains_are_independent),
	TEST(protect_announces_what_the_link_holds),
	TEST(try_protect_reports_a_changed_link),
	TEST(any_slot_blocks_until_it_changes),
	TEST(scan_runs_when_the_threshold_is_reached),
	TEST(threshold_one_scans_at_each_retire),
	TEST(threshold_can_change_at_run_time),
	TEST(automatic_threshold_grows_with_the_records),
	TEST(statistics_are_exact_in_one_thread),
	TEST(bound_is_the_formula_of_the_header),
	TEST(reserved_room_lasts),
	TEST(list_grows_beyond_its_first_chunk),
	TEST(steady_state_allocates_nothing),
	TEST(destructor_gets_what_retire_got),
	TEST(more_announcements_than_one_pass),
	TEST(leaving_hands_over_what_is_protected),
	TEST(next_leaver_takes_the_chain_along),
	TEST(leaver_may_come_back_to_its_orphans),
	TEST(adoption_leaves_the_reserved_room_alone),
	TEST(final_drop_frees_everything_once),
	TEST(ends_never_allocate),
	TEST(domain_new_survives_any_failed_allocation),
	TEST(attach_survives_any_failed_allocation),
	TEST(reserve_survives_any_failed_allocation),
	TEST(reserve_says_no_to_an_absurd_count),
	TEST(probe_sees_each_age),
	TEST(probe_samples_one_in_a_power_of_two),
	TEST(probe_sees_each_pass),
	TEST(freeing_record_reports_the_age),
	TEST(each_pending_visits_the_stamped),
	TEST(pointer_loads_and_protects),
	TEST(pointer_swap_returns_the_old),
	TEST(pointer_replace_only_if_unchanged),
	TEST(pointers_take_slots_from_the_top),
	TEST(misuse_aborts_and_names_the_rule),
	TEST(leaving_while_protecting),
	TEST(heavy_barrier_registers_by_itself),
	TEST(refused_at_first_means_fence_mode),
	TEST(refused_later_frees_nothing),
	TEST(final_drop_calls_no_probe),
	TEST(forked_child_goes_on),
	TEST(bound_holds_in_fence_mode),
	TEST(bound_holds_in_asymmetric_mode),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
