/*
 * test_hazard_stress.c - readers never see an object that was freed, and no
 * object is freed twice or forgotten, while four threads do all they can.
 *
 * Two structures. Cells: each holds one object, which threads read, swap and
 * replace; destroyed objects are poisoned and kept until the end, so that a
 * late read finds poison, never a new object at the same place. Stack: Treiber
 * 1986; its nodes go back to malloc() at once, so that an address comes back
 * as fast as it can and ABA would show as a wrong sum.
 */
#include <pthread.h>

#include "core/hazard.h"
#include "core/tests/check.h"

#if defined(__SANITIZE_THREAD__)
#define SLOW 5
#elif defined(__SANITIZE_ADDRESS__)
#define SLOW 4
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW 5
#elif __has_feature(address_sanitizer)
#define SLOW 4
#endif
#endif
#ifndef SLOW
#define SLOW 1
#endif

#define THREADS 4
#define ALIVE UINT64_C(0xa11e0b9ec7a11e0b)
#define POISON UINT64_C(0xdeadbeefdeadbeef)

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void
need_membarrier(void)
{
	if (!hamt_heavy_barrier_probe())
		CHECK_SKIP("membarrier(2) is refused, or hidden by ThreadSanitizer");
}

/* ops_for - fewer where most of the time goes into the scans' system calls. */
static unsigned
ops_for(enum hazard_mode mode, unsigned threshold)
{
	return (mode == HAZARD_FENCE || threshold >= 64 ? 800000 : 120000) / SLOW;
}

static struct hazard_domain *
domain_of(enum hazard_mode mode, unsigned threshold)
{
	struct hazard_config config = { .mode = mode, .threshold = threshold };
	struct hazard_domain *d;

	CHECK_EQ(hazard_domain_new(&config, &d), HAZARD_OK);
	return d;
}

static void
run_threads(void *(*run)(void *), void *args, size_t arg_bytes)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, run, (char *)args + i * arg_bytes) == 0);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

/* What came in went out, once: the domain's books, when all threads have left. */
static void
check_books(const struct hazard_domain *d, uint64_t retired)
{
	struct hazard_stats s;

	hazard_domain_stats(d, &s);
	CHECK_EQ(s.retired, retired);
	CHECK_EQ(s.freed + s.pending, retired);
	CHECK_EQ(s.attached, 0);
	CHECK_EQ(s.refused, 0);
	CHECK(s.pending <= s.bound);
}

/* Cells. */

struct object {
	uint64_t magic; /* plain: what the hazard protects */
	uint64_t same;  /* as magic, so that half a write shows */
	_Atomic(unsigned) destroyed;
	struct object *next; /* all objects of one thread */
};

struct cells {
	struct hazard_domain *d;
	unsigned ops, count;
	_Atomic(void *) cell[4];
};

struct cell_user {
	struct cells *cells;
	uint32_t random;
	uint64_t retired;
	struct object *made;
};

static void
object_poison(void *object, size_t bytes, void *state)
{
	struct object *o = object;

	(void)bytes, (void)state;
	CHECK(o->magic == ALIVE);
	o->magic = o->same = POISON;
	/* relaxed: counted after join. */
	CHECK(atomic_fetch_add_explicit(&o->destroyed, 1, memory_order_relaxed) == 0);
}

static struct object *
object_new(struct cell_user *u)
{
	struct object *o = malloc(sizeof(*o));

	CHECK(o != NULL);
	o->magic = o->same = ALIVE;
	atomic_init(&o->destroyed, 0);
	o->next = u->made;
	return u->made = o;
}

static void
object_read(const struct object *o, unsigned times)
{
	/* volatile: each look is a look. */
	const volatile uint64_t *magic = &o->magic, *same = &o->same;

	while (times-- > 0) {
		CHECK(*magic == ALIVE);
		CHECK(*same == ALIVE);
	}
}

static void
retire_object(struct cell_user *u, struct hazard_record *r, struct object *o)
{
	hazard_retire(r, o, sizeof(*o), object_poison, NULL);
	u->retired++;
}

static void
use_cell(struct cell_user *u, struct hazard_record *r, _Atomic(void *) *cell)
{
	uint32_t draw = next_random(&u->random);
	unsigned looks = (draw >> 4) % 100;
	struct hazard_pointer p;
	void *seen;

	switch (draw % 8) {
	case 0: /* unlink whatever is there */
		hazard_pointer_init(&p, r, cell);
		CHECK(hazard_reserve(r, 1));
		seen = hazard_pointer_swap(&p, object_new(u));
		retire_object(u, r, seen);
		hazard_pointer_drop(&p);
		break;
	case 1: /* unlink what was read */
		hazard_pointer_init(&p, r, cell);
		CHECK(hazard_reserve(r, 1));
		seen = hazard_pointer_load(&p);
		object_read(seen, looks);
		if (hazard_pointer_replace(&p, object_new(u)))
			retire_object(u, r, seen);
		object_read(hazard_pointer_read(&p), looks);
		hazard_pointer_drop(&p);
		break;
	case 2: /* two at a time, by slot, and cleared */
		object_read(hazard_protect(r, 1, cell), looks);
		object_read(hazard_protect(r, 2, &u->cells->cell[0]), looks);
		hazard_clear(r, 1);
		hazard_clear(r, 2);
		break;
	default: /* by slot, left there until the next */
		object_read(hazard_protect(r, 0, cell), looks);
		break;
	}
}

static void *
cell_user_run(void *arg)
{
	struct cell_user *u = arg;
	struct cells *c = u->cells;
	struct hazard_record *r;

	CHECK_EQ(hazard_attach(c->d, NULL, &r), HAZARD_OK);
	for (unsigned op = 0; op < c->ops; op++) {
		use_cell(u, r, &c->cell[next_random(&u->random) % c->count]);
		if (op % 1000 == 999) {
			hazard_clear(r, 0);
			hazard_leave(r);
			CHECK_EQ(hazard_attach(c->d, NULL, &r), HAZARD_OK);
		}
	}
	hazard_clear(r, 0);
	hazard_leave(r);
	return NULL;
}

static void
run_cells(enum hazard_mode mode, unsigned threshold, unsigned count, unsigned ops)
{
	struct cells c = { .d = domain_of(mode, threshold), .ops = ops, .count = count };
	struct cell_user users[THREADS], first = { .cells = &c };
	uint64_t retired = 0, made = 0, destroyed = 0;

	for (unsigned i = 0; i < 4; i++)
		atomic_init(&c.cell[i], object_new(&first));
	for (unsigned i = 0; i < THREADS; i++)
		users[i] = (struct cell_user){ .cells = &c, .random = (uint32_t)check_seed * 7 + i };
	run_threads(cell_user_run, users, sizeof(users[0]));
	for (unsigned i = 0; i < THREADS; i++)
		retired += users[i].retired;
	check_books(c.d, retired);
	hazard_domain_drop(c.d);
	for (unsigned i = 0; i < THREADS + 1; i++)
		for (struct object *o = i < THREADS ? users[i].made : first.made, *next; o != NULL; o = next) {
			next = o->next;
			made++;
			destroyed += atomic_load_explicit(&o->destroyed, memory_order_relaxed);
			free(o);
		}
	/* Each at most once, says object_poison(); so all that were retired. */
	CHECK_EQ(destroyed, retired);
	CHECK(made >= retired + 4);
}

static void
run_all_cells(enum hazard_mode mode, unsigned threshold)
{
	unsigned ops = ops_for(mode, threshold) / 2;

	run_cells(mode, threshold, 1, ops);
	run_cells(mode, threshold, 4, ops);
}

static void
cells_fence_threshold_1(void)
{
	run_all_cells(HAZARD_FENCE, 1);
}

static void
cells_fence_threshold_4(void)
{
	run_all_cells(HAZARD_FENCE, 4);
}

static void
cells_fence_threshold_64(void)
{
	run_all_cells(HAZARD_FENCE, 64);
}

static void
cells_asymmetric_threshold_1(void)
{
	need_membarrier();
	run_all_cells(HAZARD_ASYMMETRIC, 1);
}

static void
cells_asymmetric_threshold_4(void)
{
	need_membarrier();
	run_all_cells(HAZARD_ASYMMETRIC, 4);
}

static void
cells_asymmetric_threshold_64(void)
{
	need_membarrier();
	run_all_cells(HAZARD_ASYMMETRIC, 64);
}

/* The last of the threads frees the domain, whichever it is, with what is left in it. */
static void *
last_user_run(void *arg)
{
	struct cell_user *u = arg;
	struct hazard_domain *d = u->cells->d;

	cell_user_run(u);
	hazard_domain_drop(d);
	return NULL;
}

static void
last_thread_frees_the_domain(void)
{
	for (unsigned round = 0; round < 200; round++) {
		struct cells c = { .d = domain_of(HAZARD_AUTO, 64), .ops = 200 / SLOW, .count = 1 };
		struct cell_user users[THREADS + 1] = { [THREADS] = { .cells = &c } };
		uint64_t retired = 0, destroyed = 0;

		for (unsigned i = 0; i < 4; i++)
			atomic_init(&c.cell[i], object_new(&users[THREADS]));
		for (unsigned i = 0; i < THREADS; i++) {
			users[i] = (struct cell_user){ .cells = &c, .random = (uint32_t)check_seed + round + i };
			hazard_domain_share(c.d);
		}
		hazard_domain_drop(c.d);
		run_threads(last_user_run, users, sizeof(users[0]));
		for (unsigned i = 0; i < THREADS + 1; i++) {
			retired += users[i].retired;
			for (struct object *o = users[i].made, *next; o != NULL; o = next) {
				next = o->next;
				destroyed += atomic_load_explicit(&o->destroyed, memory_order_relaxed);
				free(o);
			}
		}
		CHECK_EQ(destroyed, retired);
	}
}

/* Stack. */

struct node {
	struct node *next;
	uint64_t number;
	/* Behind what malloc() itself writes into freed memory. */
	uint64_t magic;
};

struct stack {
	struct hazard_domain *d;
	unsigned ops;
	_Atomic(void *) top;
};

struct stack_user {
	struct stack *stack;
	uint32_t random;
	uint64_t pushed, pushed_sum, popped, popped_sum;
};

static void
node_free(void *object, size_t bytes, void *state)
{
	/* volatile: the compiler may otherwise drop stores before free(). */
	volatile struct node *n = object;

	(void)bytes, (void)state;
	CHECK(n->magic == ALIVE);
	n->magic = POISON;
	n->number = POISON;
	free(object);
}

static void
push(struct stack_user *u, uint64_t number)
{
	struct node *n = malloc(sizeof(*n));
	void *top;

	CHECK(n != NULL);
	n->number = number;
	n->magic = ALIVE;
	/* relaxed: a guess, confirmed by the CAS; not followed. */
	top = atomic_load_explicit(&u->stack->top, memory_order_relaxed);
	do
		n->next = top;
	/* seq_cst: publishes the node to hazard_protect(). */
	while (!atomic_compare_exchange_weak_explicit(&u->stack->top, &top, n, memory_order_seq_cst,
	    memory_order_relaxed));
	u->pushed++;
	u->pushed_sum += number;
}

/* peek - only read the top: without this nobody reads what others free. */
static void
peek(struct stack_user *u, struct hazard_record *r)
{
	const struct node *n = hazard_protect(r, 1, &u->stack->top);

	if (n != NULL) {
		CHECK(n->magic == ALIVE);
		CHECK(n->number <= u->stack->ops * (uint64_t)THREADS);
	}
	hazard_clear(r, 1);
}

static bool
pop(struct stack_user *u, struct hazard_record *r)
{
	CHECK(hazard_reserve(r, 1));
	for (;;) {
		struct node *n = hazard_protect(r, 0, &u->stack->top);
		void *expected = n;

		if (n == NULL)
			return false;
		CHECK(n->magic == ALIVE);
		/* seq_cst: the unlink of the handshake. No ABA: n is protected. */
		if (atomic_compare_exchange_strong_explicit(&u->stack->top, &expected, n->next,
		        memory_order_seq_cst, memory_order_relaxed)) {
			u->popped++;
			u->popped_sum += n->number;
			hazard_retire(r, n, sizeof(*n), node_free, NULL);
			return true;
		}
	}
}

static void *
stack_user_run(void *arg)
{
	struct stack_user *u = arg;
	struct stack *s = u->stack;
	struct hazard_record *r;

	CHECK_EQ(hazard_attach(s->d, NULL, &r), HAZARD_OK);
	for (unsigned op = 0; op < s->ops; op++) {
		switch (next_random(&u->random) % 4) {
		case 0:
			push(u, op);
			break;
		case 1:
			(void)pop(u, r);
			break;
		case 2:
			/* Takes a node off and puts another on: the address may come back. */
			if (pop(u, r))
				push(u, op);
			break;
		default:
			peek(u, r);
		}
		if (op % 1000 == 999) {
			hazard_clear(r, 0);
			hazard_leave(r);
			CHECK_EQ(hazard_attach(s->d, NULL, &r), HAZARD_OK);
		}
	}
	hazard_clear(r, 0);
	hazard_leave(r);
	return NULL;
}

static void
run_stack(enum hazard_mode mode, unsigned threshold)
{
	struct stack s = { .d = domain_of(mode, threshold), .ops = ops_for(mode, threshold) };
	struct stack_user users[THREADS], all = { .stack = &s };
	struct node *n, *next;

	atomic_init(&s.top, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		users[i] = (struct stack_user){ .stack = &s, .random = (uint32_t)check_seed * 3 + i };
	run_threads(stack_user_run, users, sizeof(users[0]));
	for (unsigned i = 0; i < THREADS; i++) {
		all.pushed += users[i].pushed;
		all.pushed_sum += users[i].pushed_sum;
		all.popped += users[i].popped;
		all.popped_sum += users[i].popped_sum;
	}
	check_books(s.d, all.popped);
	for (n = atomic_load_explicit(&s.top, memory_order_relaxed); n != NULL; n = next) {
		CHECK(n->magic == ALIVE);
		next = n->next;
		all.popped++;
		all.popped_sum += n->number;
		free(n);
	}
	CHECK_EQ(all.popped, all.pushed);
	CHECK_EQ(all.popped_sum, all.pushed_sum);
	hazard_domain_drop(s.d);
}

static void
stack_fence_threshold_1(void)
{
	run_stack(HAZARD_FENCE, 1);
}

static void
stack_fence_threshold_4(void)
{
	run_stack(HAZARD_FENCE, 4);
}

static void
stack_fence_threshold_64(void)
{
	run_stack(HAZARD_FENCE, 64);
}

static void
stack_asymmetric_threshold_1(void)
{
	need_membarrier();
	run_stack(HAZARD_ASYMMETRIC, 1);
}

static void
stack_asymmetric_threshold_4(void)
{
	need_membarrier();
	run_stack(HAZARD_ASYMMETRIC, 4);
}

static void
stack_asymmetric_threshold_64(void)
{
	need_membarrier();
	run_stack(HAZARD_ASYMMETRIC, 64);
}

static const struct test tests[] = {
	TEST(cells_fence_threshold_1),
	TEST(cells_fence_threshold_4),
	TEST(cells_fence_threshold_64),
	TEST(cells_asymmetric_threshold_1),
	TEST(cells_asymmetric_threshold_4),
	TEST(cells_asymmetric_threshold_64),
	TEST(last_thread_frees_the_domain),
	TEST(stack_fence_threshold_1),
	TEST(stack_fence_threshold_4),
	TEST(stack_fence_threshold_64),
	TEST(stack_asymmetric_threshold_1),
	TEST(stack_asymmetric_threshold_4),
	TEST(stack_asymmetric_threshold_64),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
