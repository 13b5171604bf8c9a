/*
 * test_hazard_schedules.c - hazard pointers under thousands of chosen
 * schedules: a few links, and threads that come, protect, replace, retire, scan
 * and leave, in both modes.
 *
 * What is proven of each schedule: an object is intact for as long as it is protected; every
 * object is destroyed once, and after the last user nothing is left
 * (scheduler.h); counts add up.
 */
#include "core/base.h"
#include "core/hazard.h"
#include "core/tests/schedules.h"

enum { THREADS_MAX = 3, LINKS_MAX = 3, OPERATIONS_MAX = 6 };

#define INTACT UINT64_C(0x1e57ab1e0b1ec700)

struct object {
	uint64_t number, intact; /* INTACT + number */
};

static struct {
	struct hazard_domain *domain;
	_Atomic(void *) link[LINKS_MAX];
	unsigned threads, links, operations, leaves_one_in;
	uint64_t made, destroyed, retired;
} plan;

static struct object *
object_new(void)
{
	struct object *o = allocator_alloc(hazard_domain_allocator(plan.domain), sizeof(*o));

	CHECK(o != NULL);
	o->number = ++plan.made;
	o->intact = INTACT + o->number;
	return o;
}

static void
object_check(const struct object *o)
{
	uint64_t number = o->number;

	if (o->intact != INTACT + number)
		schedule_failed("a protected object is not intact: %#llx", (unsigned long long)o->intact);
}

static void
object_destroy(void *object, size_t bytes, void *state)
{
	struct object *o = object;

	object_check(o);
	plan.destroyed++;
	allocator_free(state, o, bytes);
}

static void
retire(struct hazard_record *r, struct object *o)
{
	/* Not changed by its use; hands it on as it is. */
	void *state = (void *)(uintptr_t)hazard_domain_allocator(plan.domain);

	hazard_retire(r, o, sizeof(*o), object_destroy, state);
	plan.retired++;
}

/* --- What a thread does, one at a time ----------------------------------- */

/* Protect, read, something in between, read again. */
static void
look(struct hazard_record *r, _Atomic(void *) *link)
{
	unsigned slot = (unsigned)schedule_draw(2);
	struct object *o = hazard_protect(r, slot, link);
	struct hazard_stats stats;

	if (o != NULL) {
		object_check(o);
		hazard_domain_stats(plan.domain, &stats);
		if (stats.pending > stats.retired)
			schedule_failed("statistics: more freed than retired");
		object_check(o);
	}
	hazard_clear(r, slot);
}

/* A new object by exchange; the old one is retired. */
static void
swap(struct hazard_record *r, _Atomic(void *) *link)
{
	struct object *o = schedule_draw(4) != 0 ? object_new() : NULL;

	CHECK(hazard_reserve(r, 1));
	/* seq_cst: the unlink HP(3). */
	o = atomic_exchange_explicit(link, o, memory_order_seq_cst);
	if (o != NULL)
		retire(r, o);
}

/* The same through a protected pointer, by one attempt; what was lost is freed at once. */
static void
replace(struct hazard_record *r, _Atomic(void *) *link)
{
	struct hazard_pointer p;
	struct object *o, *old;

	hazard_pointer_init(&p, r, link);
	old = hazard_pointer_load(&p);
	if (old != NULL)
		object_check(old);
	o = object_new();
	CHECK(hazard_reserve(r, 1));
	if (hazard_pointer_replace(&p, o)) {
		if (old != NULL)
			retire(r, old);
	} else {
		allocator_free(hazard_domain_allocator(plan.domain), o, sizeof(*o));
	}
	if (old != NULL)
		object_check(hazard_pointer_read(&p));
	hazard_pointer_drop(&p);
}

static void
thread_main(void *arg, unsigned thread)
{
	struct hazard_record *r;

	(void)arg, (void)thread;
	CHECK_EQ(hazard_attach(plan.domain, NULL, &r), HAZARD_OK);
	for (unsigned i = 0; i < plan.operations; i++) {
		_Atomic(void *) *link = &plan.link[schedule_draw(plan.links)];

		if (schedule_draw(plan.leaves_one_in) == 0) {
			hazard_leave(r);
			CHECK_EQ(hazard_attach(plan.domain, NULL, &r), HAZARD_OK);
		}
		switch (schedule_draw(7)) {
		case 0:
		case 1:
		case 2:
			look(r, link);
			break;
		case 3:
		case 4:
			swap(r, link);
			break;
		case 5:
			replace(r, link);
			break;
		default:
			hazard_scan(r);
			break;
		}
	}
	hazard_leave(r);
	hazard_domain_drop(plan.domain);
}

/* What a test asks of its schedules. */
struct wish {
	enum hazard_mode mode;
};

static void
one(void *arg)
{
	const struct wish *wish = arg;
	struct hazard_config config = { .mode = wish->mode, .allocator = schedule_allocator(),
		.contention = { .policy = CONTENTION_NONE, .relax_ps = 1 } };
	struct hazard_record *r;
	struct hazard_stats stats;

	memset(&plan, 0, sizeof(plan));
	plan.threads = 2 + (unsigned)schedule_draw(THREADS_MAX - 1);
	plan.links = 1 + (unsigned)schedule_draw(LINKS_MAX);
	plan.operations = 2 + (unsigned)schedule_draw(OPERATIONS_MAX - 1);
	plan.leaves_one_in = 1 + (unsigned)schedule_draw(6);
	config.threshold = 1 + (unsigned)schedule_draw(3);
	CHECK_EQ(hazard_domain_new(&config, &plan.domain), HAZARD_OK);
	for (unsigned i = 0; i < plan.threads; i++)
		hazard_domain_share(plan.domain);
	for (unsigned i = 0; i < plan.links; i++)
		plan.link[i] = schedule_draw(4) != 0 ? object_new() : NULL;
	schedule_run(plan.threads, thread_main, NULL);
	hazard_domain_stats(plan.domain, &stats);
	if (stats.retired != plan.retired || stats.freed != plan.destroyed || stats.refused != 0)
		schedule_failed("statistics: %llu retired, %llu freed; it was %llu and %llu",
		    (unsigned long long)stats.retired, (unsigned long long)stats.freed,
		    (unsigned long long)plan.retired, (unsigned long long)plan.destroyed);
	if (stats.pending > stats.bound)
		schedule_failed("%llu pending, the bound is %llu", (unsigned long long)stats.pending,
		    (unsigned long long)stats.bound);
	if (stats.attached != 0)
		schedule_failed("all have left, and %u are attached", stats.attached);
	/* What is still linked, and what the last to leave could not free. */
	CHECK_EQ(hazard_attach(plan.domain, NULL, &r), HAZARD_OK);
	for (unsigned i = 0; i < plan.links; i++)
		if (plan.link[i] != NULL) {
			CHECK(hazard_reserve(r, 1));
			retire(r, plan.link[i]);
		}
	hazard_leave(r);
	hazard_domain_drop(plan.domain);
	if (plan.destroyed != plan.retired)
		schedule_failed("%llu retired, %llu destroyed", (unsigned long long)plan.retired,
		    (unsigned long long)plan.destroyed);
}

static void
fence(void)
{
	explore(__func__, 10000 / SCHEDULES_SLOW, one, &(struct wish){ .mode = HAZARD_FENCE });
}

static void
asymmetric(void)
{
	explore(__func__, 10000 / SCHEDULES_SLOW, one, &(struct wish){ .mode = HAZARD_ASYMMETRIC });
}

static const struct test tests[] = {
	TEST(fence),
	TEST(asymmetric),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
