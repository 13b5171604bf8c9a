/*
 * test_reclaim.c - the maps' reclamation, by its public face (core/reclaim.h):
 * domains that are shared, and what each scheme promises. Built once for each
 * scheme; what only some promise asks RECLAIM.
 */
/* not under tsan: one thread */
#include "core/reclaim_record.h"

#include <string.h>

#include "core/hamt.h"
#include "core/seed_hamt.h"
#include "core/tests/check.h"

/* --- An allocator that knows what is out ------------------------------- */

/* Blocks are kept in a list, so that a scheme that never frees can be cleaned up after. */
struct block {
	struct block *next, *before;
	_Alignas(16) unsigned char memory[];
};

static struct block blocks = { &blocks, &blocks };
static size_t blocks_live;

static void *
list_alloc(void *state, size_t bytes)
{
	struct block *b = malloc(sizeof(*b) + bytes);

	(void)state;
	if (b == NULL)
		return NULL;
	b->next = blocks.next;
	b->before = &blocks;
	b->next->before = b->before->next = b;
	blocks_live++;
	return b->memory;
}

static void
list_free(void *state, void *memory, size_t bytes)
{
	struct block *b = (void *)((unsigned char *)memory - offsetof(struct block, memory));

	(void)state;
	(void)bytes;
	b->next->before = b->before;
	b->before->next = b->next;
	blocks_live--;
	free(b);
}

/* After everything was dropped: nothing is left, or under none what was retired. */
static void
check_nothing_left(void)
{
	if (RECLAIM != RECLAIM_NONE)
		CHECK_EQ(blocks_live, 0);
	while (blocks.next != &blocks)
		list_free(NULL, blocks.next->memory, 0);
}

static const struct hamt_allocator list_allocator = { list_alloc, list_free, NULL };

/* --- Domains ------------------------------------------------------------ */

/* Two maps of either kind in one domain, which outlives them; it has the allocator and the figures of all. */
static void
maps_of_all_kinds_share_a_domain(void)
{
	struct reclaim_config config = { .threshold = 4, .allocator = list_allocator };
	struct hamt_config hamt_config = { .min_bits = 1 };
	struct seed_hamt_config seed_config = { .hash_key = 1 };
	struct reclaim_totals totals;
	struct hamt_bytes *bytes;
	struct seed_hamt *seed;
	struct hamt *hamt;

	CHECK_EQ(reclaim_domain_new(&config, &hamt_config.domain), HAMT_OK);
	seed_config.domain = hamt_config.domain;
	CHECK(reclaim_domain_allocator(hamt_config.domain)->alloc == list_alloc);
	CHECK_EQ(hamt_new(&hamt_config, &hamt), HAMT_OK);
	CHECK_EQ(hamt_bytes_new(&hamt_config, &bytes), HAMT_OK);
	CHECK_EQ(seed_hamt_new(&seed_config, &seed), HAMT_OK);
	for (uint64_t i = 0; i < 1000; i++) {
		struct hamt_string key = { &i, sizeof(i) };

		CHECK_EQ(hamt_insert(hamt, i, i), HAMT_OK);
		CHECK_EQ(hamt_bytes_insert(bytes, key, key), HAMT_OK);
		CHECK_EQ(seed_hamt_insert(seed, &i, &i), HAMT_OK);
	}
	hamt_drop(hamt);
	hamt_bytes_drop(bytes);
	for (uint64_t i = 0; i < 1000; i++)
		CHECK_EQ(seed_hamt_remove(seed, &i, NULL), HAMT_OK);
	seed_hamt_drop(seed);
	reclaim_domain_stats(hamt_config.domain, &totals);
	CHECK(totals.retired > 3000 && totals.retired_bytes > 16 * totals.retired);
	CHECK_EQ(totals.pending, totals.retired - totals.freed);
	CHECK_EQ(totals.attached, 0);
	CHECK(totals.records >= 1 && totals.records <= 3);
	if (RECLAIM == RECLAIM_NONE)
		CHECK_EQ(totals.freed, 0);
	else
		CHECK_EQ(totals.pending, 0);
	reclaim_domain_drop(hamt_config.domain);
	check_nothing_left();
}

static void
dropped_too_often(void *arg)
{
	struct reclaim_domain *d = arg;
	struct hamt_config config = { .domain = d };
	struct hamt *h;

	/* The map is a user, too, and keeps the domain alive. */
	if (hamt_new(&config, &h) != HAMT_OK)
		return;
	reclaim_domain_drop(d);
	reclaim_domain_drop(d);
	reclaim_domain_drop(d);
}

static void
misuse_names_the_rule(void)
{
	struct reclaim_domain *d;

	CHECK_EQ(reclaim_domain_new(NULL, &d), HAMT_OK);
	CHECK(check_aborts(dropped_too_often, d, "dropped more often than the domain has users"));
	reclaim_domain_drop(d);
}

/* --- Objects behind one link -------------------------------------------- */

#if RECLAIM != RECLAIM_NONE

struct thing {
	uint64_t number;
	bool freed;
};

static uint64_t destroyed; /* things, by the last domain */

static struct thing *
thing_new(struct reclaim_record *r, uint64_t number)
{
	unsigned char *block = list_alloc(NULL, RECLAIM_HEADER + sizeof(struct thing));
	struct thing *t = (void *)(block + RECLAIM_HEADER);

	reclaim_born(r, t);
	*t = (struct thing){ .number = number };
	return t;
}

static void
thing_destroy(void *object, size_t bytes, void *state)
{
	struct thing *t = object;

	CHECK(!t->freed);
	t->freed = true;
	destroyed++;
	list_free(state, (unsigned char *)object - RECLAIM_HEADER, bytes);
}

struct world {
	struct reclaim_domain *domain;
	struct reclaim_record *writer, *reader;
	_Atomic(void *) link;
};

static struct reclaim_record *
attach(struct reclaim_domain *d, const struct reclaim_probe *probe)
{
	struct reclaim_record *r;

	CHECK_EQ(reclaim_attach(d, probe, &r), HAMT_OK);
	return r;
}

static struct world
world_new(struct reclaim_config config)
{
	struct world w = { .link = NULL };

	destroyed = 0;
	config.allocator = list_allocator;
	CHECK_EQ(reclaim_domain_new(&config, &w.domain), HAMT_OK);
	w.writer = attach(w.domain, NULL);
	w.reader = attach(w.domain, NULL);
	atomic_store_explicit(&w.link, thing_new(w.writer, 0), memory_order_seq_cst);
	return w;
}

/* replace - an operation of r that puts a new thing behind the link and retires the old one. */
static void
replace(struct world *w, struct reclaim_record *r, uint64_t number)
{
	struct thing *old;

	(void)reclaim_enter(r);
	CHECK(reclaim_reserve(r, 1));
	old = atomic_exchange_explicit(&w->link, thing_new(r, number), memory_order_seq_cst);
	reclaim_retire(r, old, sizeof(*old), thing_destroy, NULL);
	reclaim_leave(r);
}

/* look - an operation of r that stays inside: the thing behind the link, protected by slot 0. */
static const struct thing *
look(struct world *w, struct reclaim_record *r)
{
	void *seen;

	(void)reclaim_enter(r);
	do {
		seen = atomic_load_explicit(&w->link, memory_order_seq_cst);
		reclaim_publish(r, 0, seen);
	} while (atomic_load_explicit(&w->link, memory_order_seq_cst) != seen || !reclaim_confirm(r, 0));
	return seen;
}

static void
look_away(struct reclaim_record *r)
{
	reclaim_clear(r, 0);
	reclaim_leave(r);
}

static struct reclaim_totals
totals_of(const struct world *w)
{
	struct reclaim_totals t;

	reclaim_domain_stats(w->domain, &t);
	CHECK_EQ(t.pending, t.retired - t.freed);
	CHECK_EQ(t.freed, destroyed);
	CHECK(t.bound == 0 || (t.pending <= t.bound && t.peak <= t.bound));
	CHECK_EQ(t.bound != 0, RECLAIM == RECLAIM_HP || RECLAIM == RECLAIM_HE);
	return t;
}

static void
world_close(struct world *w)
{
	uint64_t retired = totals_of(w).retired;
	struct thing *last = atomic_load_explicit(&w->link, memory_order_seq_cst);

	list_free(NULL, (unsigned char *)last - RECLAIM_HEADER, 0);
	if (w->reader != NULL)
		reclaim_detach(w->reader);
	if (w->writer != NULL)
		reclaim_detach(w->writer);
	reclaim_domain_drop(w->domain);
	CHECK_EQ(destroyed, retired);
}

static void
world_end(struct world *w)
{
	world_close(w);
	check_nothing_left();
}

/* Modes, and parameters from the strictest to what nobody gave. */
static const struct reclaim_config configs[] = {
	{ .mode = HAZARD_FENCE, .threshold = 1, .frequency = 1 },
	{ .mode = HAZARD_AUTO, .threshold = 1, .frequency = 3 },
	{ .mode = HAZARD_AUTO, .threshold = 16, .frequency = 4 },
	{ .mode = HAZARD_FENCE },
	{ .mode = HAZARD_AUTO },
	{ .mode = HAZARD_AUTO, .threshold = 8, .frequency = 1, .free_most = 2 },
};
#define EACH_CONFIG (const struct reclaim_config *c = configs; c < configs + sizeof(configs) / sizeof(*configs); c++)

/*
 * What a parked reader looks at stays, whatever is retired after it. Under a
 * scheme with a bound, ten times as much work leaves no more behind; under the
 * others all of it waits. When the reader goes on, all is freed.
 */
static void
parked_reader(void)
{
	for EACH_CONFIG {
		struct world w = world_new(*c);
		uint64_t few, many;
		const struct thing *seen;

		for (uint64_t i = 1; i <= 1000; i++)
			replace(&w, w.writer, i);
		seen = look(&w, w.reader);
		for (uint64_t i = 1; i <= 3000; i++)
			replace(&w, w.writer, 1000 + i);
		few = totals_of(&w).pending;
		for (uint64_t i = 1; i <= 30000; i++)
			replace(&w, w.writer, 4000 + i);
		many = totals_of(&w).pending;
		CHECK_EQ(seen->number, 1000);
		CHECK(!seen->freed);
		if (totals_of(&w).bound != 0)
			CHECK(many >= 1 && many <= few + 2 * totals_of(&w).threshold + 64);
		else
			CHECK(few >= 3000 && many >= 33000);
		look_away(w.reader);
		reclaim_pause(w.reader);
		for (unsigned i = 0; i < 3; i++)
			reclaim_scan(w.writer);
		CHECK(totals_of(&w).pending <= (RECLAIM == RECLAIM_HP ? 1 : 0));
		world_end(&w);
	}
}

/* A reader that comes and goes holds nothing up, and never sees what is freed. */
static void
coming_and_going(void)
{
	for EACH_CONFIG {
		struct world w = world_new(*c);
		uint64_t most = 0;

		for (uint64_t i = 1; i <= 20000; i++) {
			const struct thing *seen = look(&w, w.reader);

			replace(&w, w.writer, i);
			CHECK(!seen->freed && seen->number == i - 1);
			look_away(w.reader);
			if (totals_of(&w).pending > most)
				most = totals_of(&w).pending;
		}
		/* Three batches, or epochs, of whichever is larger, and what amortised free has put off. */
		CHECK(most <= 4 * (uint64_t)(totals_of(&w).threshold + totals_of(&w).frequency) + 64);
		world_end(&w);
	}
}

/* What a thread could not free when it left is adopted, counted once, and freed by another. */
static void
orphans_are_adopted(void)
{
	for EACH_CONFIG {
		struct world w = world_new(*c);
		struct reclaim_record *other = attach(w.domain, NULL);
		struct reclaim_totals t;

		(void)look(&w, w.reader);
		for (uint64_t i = 1; i <= 100; i++)
			replace(&w, other, i);
		reclaim_detach(other);
		/* A second one, to meet the first one's rest. */
		other = attach(w.domain, NULL);
		for (uint64_t i = 1; i <= 100; i++)
			replace(&w, other, 100 + i);
		reclaim_detach(other);
		t = totals_of(&w);
		CHECK(t.pending >= 1 && t.adopted >= 1);
		CHECK_EQ(t.attached, 2);
		look_away(w.reader);
		reclaim_pause(w.reader);
		for (unsigned i = 0; i < 3; i++)
			reclaim_scan(w.writer);
		CHECK(totals_of(&w).pending <= (RECLAIM == RECLAIM_HP ? 1 : 0));
		world_end(&w);
	}
}

/* Nobody adopts: the last user of the domain frees what is left. */
static void
rest_is_freed_with_the_domain(void)
{
	for EACH_CONFIG {
		struct world w = world_new(*c);

		(void)look(&w, w.reader);
		for (uint64_t i = 1; i <= 500; i++)
			replace(&w, w.writer, i);
		reclaim_detach(w.writer);
		w.writer = NULL;
		CHECK(totals_of(&w).pending >= 1);
		look_away(w.reader);
		world_end(&w);
	}
}

/* A hold outlasts its operation and others after it. */
static void
hold_outlasts_operations(void)
{
	for EACH_CONFIG {
		struct world w = world_new(*c);
		const struct thing *held;

		(void)reclaim_enter(w.reader);
		held = atomic_load_explicit(&w.link, memory_order_seq_cst);
		reclaim_publish(w.reader, RECLAIM_SLOTS - 1, held);
		CHECK(atomic_load_explicit(&w.link, memory_order_seq_cst) == held);
		reclaim_hold(w.reader);
		reclaim_leave(w.reader);
		for (uint64_t i = 1; i <= 5000; i++) {
			replace(&w, w.writer, i);
			(void)look(&w, w.reader);
			look_away(w.reader);
		}
		reclaim_scan(w.reader);
		reclaim_pause(w.reader);
		reclaim_scan(w.writer);
		CHECK(!held->freed && held->number == 0);
		reclaim_clear(w.reader, RECLAIM_SLOTS - 1);
		reclaim_release(w.reader);
		reclaim_pause(w.reader);
		for (unsigned i = 0; i < 3; i++)
			reclaim_scan(w.writer);
		CHECK(totals_of(&w).pending <= (RECLAIM == RECLAIM_HP ? 1 : 0));
		world_end(&w);
	}
}

/* A reader that is parked in one domain holds up no other. */
static void
domains_are_apart(void)
{
	struct world a = world_new(configs[0]), b = world_new(configs[0]);

	(void)look(&a, a.reader);
	for (uint64_t i = 1; i <= 1000; i++)
		replace(&b, b.writer, i);
	for (unsigned i = 0; i < 3; i++)
		reclaim_scan(b.writer);
	CHECK_EQ(totals_of(&b).pending, 0);
	look_away(a.reader);
	world_close(&b);
	destroyed = 0;
	world_end(&a);
}

/* Each retired object is stamped, and is either freed with its age or pending. */
static uint64_t ticks, ages, waiting;

static uint64_t
tick(void *state)
{
	(void)state;
	return ++ticks;
}

static void
note_age(void *state, uint64_t age)
{
	(void)state;
	CHECK(age > 0 && age <= ticks);
	ages++;
}

static void
note_waiting(void *arg, uint64_t retired_at_ns, size_t bytes)
{
	(void)arg;
	CHECK(retired_at_ns > 0 && retired_at_ns <= ticks);
	CHECK_EQ(bytes, sizeof(struct thing));
	waiting++;
}

static void
every_stamp_is_accounted_for(void)
{
	static const struct reclaim_probe probe = { .now_ns = tick, .freed = note_age };

	for EACH_CONFIG {
		struct world w = world_new(*c);
		struct reclaim_totals t;

		reclaim_detach(w.writer);
		w.writer = attach(w.domain, &probe);
		ages = waiting = 0;
		(void)look(&w, w.reader);
		for (uint64_t i = 1; i <= 3000; i++)
			replace(&w, w.writer, i);
		t = totals_of(&w);
		reclaim_domain_each_pending(w.domain, note_waiting, NULL);
		CHECK_EQ(ages, t.freed);
		CHECK_EQ(waiting, t.pending);
		look_away(w.reader);
		world_end(&w);
	}
}

/* Room is reserved before it is needed, or not at all. */
static bool refuse;

static void *
fickle_alloc(void *state, size_t bytes)
{
	return refuse ? NULL : list_alloc(state, bytes);
}

static void
reserve_fails_without_harm(void)
{
	struct reclaim_config config = { .threshold = 1 << 20, .frequency = 1 << 20,
		.allocator = { fickle_alloc, list_free, NULL } };
	struct world w = { .link = NULL };
	unsigned refused = 0;

	destroyed = 0;
	refuse = true;
	CHECK_EQ(reclaim_domain_new(&config, &w.domain), HAMT_NOMEM);
	refuse = false;
	CHECK_EQ(reclaim_domain_new(&config, &w.domain), HAMT_OK);
	refuse = true;
	CHECK_EQ(reclaim_attach(w.domain, NULL, &w.writer), HAMT_NOMEM);
	refuse = false;
	w.writer = attach(w.domain, NULL);
	atomic_store_explicit(&w.link, thing_new(w.writer, 0), memory_order_seq_cst);
	for (uint64_t i = 1; i <= 20000; i++) {
		(void)reclaim_enter(w.writer);
		refuse = true;
		if (!reclaim_reserve(w.writer, 2)) {
			refused++;
			refuse = false;
			CHECK(reclaim_reserve(w.writer, 2));
		}
		/* Now two retires need no memory. */
		refuse = true;
		for (unsigned k = 0; k < 2; k++) {
			struct thing *old = atomic_exchange_explicit(&w.link, thing_new(w.writer, i), memory_order_seq_cst);

			reclaim_retire(w.writer, old, sizeof(*old), thing_destroy, NULL);
		}
		refuse = false;
		reclaim_leave(w.writer);
	}
	CHECK(refused > 0);
	/* Nor does leaving. */
	refuse = true;
	world_end(&w);
	refuse = false;
}

#if RECLAIM == RECLAIM_EBR || RECLAIM == RECLAIM_QSBR

/* Amortised: what is old enough goes a few at a time, and all of it goes. */
static void
amortised_free_frees_a_few_at_a_time(void)
{
	struct world w = world_new((struct reclaim_config){ .threshold = 64, .frequency = 1, .free_most = 3 });
	uint64_t before, burst = 0, most = 0;

	/* A batch of 300 becomes old at once. */
	(void)look(&w, w.reader);
	for (uint64_t i = 1; i <= 300; i++)
		replace(&w, w.writer, i);
	look_away(w.reader);
	reclaim_pause(w.reader);
	for (uint64_t i = 1; i <= 2000; i++) {
		before = destroyed;
		replace(&w, w.writer, 300 + i);
		burst = destroyed - before;
		if (burst > most)
			most = burst;
	}
	CHECK_EQ(most, 3);
	CHECK(totals_of(&w).pending < 300);
	world_end(&w);
}

#endif

#if RECLAIM == RECLAIM_QSBR

struct crowd {
	struct hamt *busy, *slow;
};

/* The slow one lets an epoch end; the busy one retires something, and so goes on to the next. */
static void
let_an_epoch_end(const struct crowd *crowd)
{
	uint64_t value;

	CHECK_EQ(hamt_get(crowd->slow, 0, &value), HAMT_OK);
	CHECK_EQ(hamt_upsert(crowd->busy, 0, 1, NULL), HAMT_EXISTS);
}

static enum hamt_action
grow_meanwhile(void *arg, bool present, uint64_t *value)
{
	const struct crowd *crowd = arg;

	(void)value;
	CHECK(present);
	for (uint64_t k = 1; k < 400; k++)
		CHECK_EQ(hamt_insert(crowd->busy, k, k), HAMT_OK);
	let_an_epoch_end(crowd);
	return HAMT_KEEP;
}

/*
 * A thread knows a directory. While it is in an operation, without looking, that directory is
 * left and retired; when the operation is over, it is freed. The next operation must look again.
 */
static void
what_was_known_is_looked_for_again(void)
{
	struct hamt_config config = { .min_bits = 1, .reclaim = { .threshold = 1, .frequency = 1,
		.allocator = list_allocator } };
	struct crowd crowd;
	struct hamt *sleeper;
	uint64_t value;

	CHECK_EQ(hamt_new(&config, &crowd.busy), HAMT_OK);
	CHECK_EQ(hamt_clone(crowd.busy, &crowd.slow), HAMT_OK);
	CHECK_EQ(hamt_clone(crowd.busy, &sleeper), HAMT_OK);
	CHECK_EQ(hamt_insert(crowd.busy, 0, 0), HAMT_OK);
	/* The slow one is an epoch behind, so that this one lasts. */
	let_an_epoch_end(&crowd);
	CHECK_EQ(hamt_get(sleeper, 0, &value), HAMT_OK);
	CHECK_EQ(hamt_compute(sleeper, 0, grow_meanwhile, &crowd), HAMT_EXISTS);
	for (unsigned i = 0; i < 3; i++)
		let_an_epoch_end(&crowd);
	for (uint64_t k = 1; k < 400; k++) {
		CHECK_EQ(hamt_get(sleeper, k, &value), HAMT_OK);
		CHECK_EQ(value, k);
	}
	hamt_drop(sleeper);
	hamt_drop(crowd.slow);
	hamt_drop(crowd.busy);
	check_nothing_left();
}

#endif

#if RECLAIM == RECLAIM_HE

/*
 * What lies at an address may be born after it was announced, with the link unchanged to
 * the eye: an announcement counts only if the era is still the one it names.
 */
static void
address_may_come_back_in_another_era(void)
{
	struct world w = world_new((struct reclaim_config){ .threshold = 1, .frequency = 1 });
	void *seen = atomic_load_explicit(&w.link, memory_order_seq_cst);

	/* The reader has seen the first thing; before it announces anything, that is gone. */
	(void)reclaim_enter(w.reader);
	replace(&w, w.writer, 1);
	reclaim_scan(w.writer);
	CHECK_EQ(destroyed, 1);
	reclaim_publish(w.reader, 0, seen);
	CHECK(reclaim_confirm(w.reader, 0));
	/* Another is born, perhaps at that very address. The announcement does not keep it. */
	replace(&w, w.writer, 2);
	CHECK(!reclaim_confirm(w.reader, 0));
	replace(&w, w.writer, 3);
	reclaim_scan(w.writer);
	CHECK_EQ(totals_of(&w).pending, 1);
	look_away(w.reader);
	world_end(&w);
}

#endif

/* --- Misuse of a record ----------------------------------------------------- */

static void
retire_without_room(void *arg)
{
	struct world *w = arg;

	reclaim_retire(w->writer, thing_new(w->writer, 1), sizeof(struct thing), thing_destroy, NULL);
}

static void
retire_again(void *object, size_t bytes, void *state)
{
	reclaim_retire(state, object, bytes, thing_destroy, NULL);
}

static void
retire_from_destructor(void *arg)
{
	struct world *w = arg;

	if (reclaim_reserve(w->writer, 2))
		reclaim_retire(w->writer, thing_new(w->writer, 1), sizeof(struct thing), retire_again, w->writer);
	for (unsigned i = 0; i < 4; i++)
		reclaim_scan(w->writer);
}

static void
detach_twice(void *arg)
{
	struct world *w = arg;

	reclaim_detach(w->writer);
	reclaim_detach(w->writer);
}

static void
misuse_of_a_record(void)
{
	struct world w = world_new(configs[0]);

	CHECK(check_aborts(retire_without_room, &w, "room must be reserved first"));
	CHECK(check_aborts(retire_from_destructor, &w, "must not be called from a destructor"));
	CHECK(check_aborts(detach_twice, &w, "the record has already left the domain"));
	world_end(&w);
}

/* --- A parked reader in a map ------------------------------------------------- */

/* One thread holds a read, another replaces all it can: the bound, where there is one, and the growth where not. */
static void
parked_reader_in_a_map(void)
{
	enum { KEYS = 300, ROUNDS = 40 };

	for EACH_CONFIG {
		struct hamt_config config = { .min_bits = 4, .reclaim = *c };
		struct reclaim_totals t, first = { .retired = 0 };
		struct hamt *writer, *reader;

		config.reclaim.allocator = list_allocator;
		CHECK_EQ(hamt_new(&config, &writer), HAMT_OK);
		CHECK_EQ(hamt_clone(writer, &reader), HAMT_OK);
		for (uint64_t k = 0; k < KEYS; k++)
			CHECK_EQ(hamt_insert(writer, k, k), HAMT_OK);
		CHECK(hamt_hold(reader, 7));
		for (unsigned round = 0; round < ROUNDS; round++) {
			/* Removed and inserted: the directory is resized, too. */
			for (uint64_t k = 0; k < KEYS; k++)
				CHECK_EQ(hamt_remove(writer, k, NULL), HAMT_OK);
			for (uint64_t k = 0; k < KEYS; k++)
				CHECK_EQ(hamt_insert(writer, k, k), HAMT_OK);
			reclaim_domain_stats(hamt_domain(writer), &t);
			CHECK(t.bound == 0 || t.pending <= t.bound);
			if (round == ROUNDS / 4)
				first = t;
		}
		if (t.bound != 0)
			/* A list under he grows by a quarter before it is scanned again. */
			CHECK(t.pending <= first.pending + first.pending / 2 + 2 * t.threshold + 64);
		else
			CHECK(t.pending >= 2 * KEYS * (ROUNDS - 1));
		hamt_release(reader);
		hamt_drop(reader);
		hamt_drop(writer);
		check_nothing_left();
	}
}

static void
parked_reader_in_the_seed(void)
{
	enum { KEYS = 300, ROUNDS = 20 };

	for EACH_CONFIG {
		struct seed_hamt_config config = { .hash_key = 1, .reclaim = *c };
		struct reclaim_totals t, first = { .retired = 0 };
		struct seed_hamt *writer, *reader;
		uint64_t seven = 7;

		config.reclaim.allocator = list_allocator;
		CHECK_EQ(seed_hamt_new(&config, &writer), HAMT_OK);
		CHECK_EQ(seed_hamt_clone(writer, NULL, &reader), HAMT_OK);
		for (uint64_t k = 0; k < KEYS; k++)
			CHECK_EQ(seed_hamt_insert(writer, &k, &k), HAMT_OK);
		CHECK(seed_hamt_hold(reader, &seven));
		for (unsigned round = 0; round < ROUNDS; round++) {
			for (uint64_t k = 0; k < KEYS; k++)
				CHECK_EQ(seed_hamt_remove(writer, &k, NULL), HAMT_OK);
			for (uint64_t k = 0; k < KEYS; k++)
				CHECK_EQ(seed_hamt_insert(writer, &k, &k), HAMT_OK);
			reclaim_domain_stats(seed_hamt_domain(writer), &t);
			CHECK(t.bound == 0 || t.pending <= t.bound);
			if (round == ROUNDS / 4)
				first = t;
		}
		if (t.bound != 0)
			/* A list under he grows by a quarter before it is scanned again. */
			CHECK(t.pending <= first.pending + first.pending / 2 + 2 * t.threshold + 64);
		else
			CHECK(t.pending >= 2 * KEYS * (ROUNDS - 1));
		seed_hamt_release(reader);
		seed_hamt_drop(reader);
		seed_hamt_drop(writer);
		check_nothing_left();
	}
}

#endif

/* --- What none promises -------------------------------------------------- */

#if RECLAIM == RECLAIM_NONE

static void
none_counts_what_it_leaves(void)
{
	struct hamt_config config = { .reclaim.allocator = list_allocator };
	struct reclaim_totals totals;
	struct hamt *h;
	size_t live;

	CHECK_EQ(hamt_new(&config, &h), HAMT_OK);
	for (uint64_t k = 0; k < 2000; k++)
		CHECK_EQ(hamt_insert(h, k, k), HAMT_OK);
	for (uint64_t k = 0; k < 2000; k++)
		CHECK_EQ(hamt_remove(h, k, NULL), HAMT_OK);
	hamt_flush(h);
	reclaim_domain_stats(hamt_domain(h), &totals);
	CHECK(totals.retired > 2000 && totals.retired_bytes > 16 * totals.retired);
	CHECK(totals.freed == 0 && totals.pending == totals.retired);
	CHECK_EQ(totals.bound, 0);
	live = blocks_live;
	hamt_drop(h);
	/* What is left is what was retired: a directory is two blocks. */
	CHECK(blocks_live < live && blocks_live >= totals.retired && blocks_live <= totals.retired + 64);
	check_nothing_left();
}

#endif

static const struct test tests[] = {
	TEST(maps_of_all_kinds_share_a_domain),
	TEST(misuse_names_the_rule),
#if RECLAIM == RECLAIM_NONE
	TEST(none_counts_what_it_leaves),
#else
	TEST(parked_reader),
	TEST(coming_and_going),
	TEST(orphans_are_adopted),
	TEST(rest_is_freed_with_the_domain),
	TEST(hold_outlasts_operations),
	TEST(domains_are_apart),
	TEST(every_stamp_is_accounted_for),
	TEST(reserve_fails_without_harm),
	TEST(misuse_of_a_record),
	TEST(parked_reader_in_a_map),
	TEST(parked_reader_in_the_seed),
#endif
#if RECLAIM == RECLAIM_HE
	TEST(address_may_come_back_in_another_era),
#endif
#if RECLAIM == RECLAIM_EBR || RECLAIM == RECLAIM_QSBR
	TEST(amortised_free_frees_a_few_at_a_time),
#endif
#if RECLAIM == RECLAIM_QSBR
	TEST(what_was_known_is_looked_for_again),
#endif
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
