/*
 * test_seed_hamt.c - what the header of the seed's trie promises, with one thread:
 * every operation against a plain table, keys that meet, contraction, any
 * type, every allocation failing, handles, misuse.
 */
#include <pthread.h>

#include "core/reclaim_record.h"
#include "core/tests/seed_fixture.h"

/* One for all tests: each runs in a process of its own. */
static struct meter meter;

static struct seed_hamt *
new_map(enum meeting meeting)
{
	return map_new(&meeting_ops[meeting], &meter, HAZARD_AUTO, 0);
}

static void
end(struct seed_hamt *map)
{
	seed_hamt_drop(map);
	meter_check_empty(&meter);
}

/* --- The basics ------------------------------------------------------- */

static void
new_map_is_empty(void)
{
	struct seed_hamt *map = new_map(MEET_SELDOM);
	uint64_t value = 7;

	CHECK_EQ(get(map, 1, &value), HAMT_ABSENT);
	CHECK_EQ(erase(map, 1, &value), HAMT_ABSENT);
	CHECK_EQ(value, 7);
	map_check_empty(map);
	end(map);
}

static void
no_config_means_u64(void)
{
	struct seed_hamt *map;
	uint64_t value = 0;

	CHECK_EQ(seed_hamt_new(NULL, &map), HAMT_OK);
	CHECK_EQ(insert(map, 1, 10), HAMT_OK);
	CHECK_EQ(get(map, 1, &value), HAMT_OK);
	CHECK_EQ(value, 10);
	seed_hamt_drop(map);
}

static void
each_operation_says_what_it_found(void)
{
	struct seed_hamt *map = new_map(MEET_SELDOM);
	uint64_t value = 0;

	CHECK_EQ(insert(map, 1, 10), HAMT_OK);
	CHECK_EQ(insert(map, 1, 11), HAMT_EXISTS);
	CHECK_EQ(get(map, 1, &value), HAMT_OK);
	CHECK_EQ(value, 10);
	CHECK_EQ(get(map, 1, NULL), HAMT_OK);
	value = 0;
	CHECK_EQ(upsert(map, 1, 12, &value), HAMT_EXISTS);
	CHECK_EQ(value, 10);
	CHECK_EQ(upsert(map, 1, 13, NULL), HAMT_EXISTS);
	value = 99;
	CHECK_EQ(upsert(map, 2, 20, &value), HAMT_OK);
	CHECK_EQ(value, 99);
	CHECK_EQ(map_shape(map).keys, 2);
	CHECK_EQ(erase(map, 1, &value), HAMT_OK);
	CHECK_EQ(value, 13);
	CHECK_EQ(erase(map, 1, NULL), HAMT_ABSENT);
	CHECK_EQ(erase(map, 2, NULL), HAMT_OK);
	map_check_empty(map);
	end(map);
}

/* Two maps do not hash alike unless they are told to. */
static void
random_hash_keys_differ(void)
{
	struct seed_hamt_shape shape[4];
	bool differ = false;

	for (unsigned i = 0; i < 4; i++) {
		struct seed_hamt *map;

		CHECK_EQ(seed_hamt_new(NULL, &map), HAMT_OK);
		for (uint64_t key = 0; key < 1000; key++)
			CHECK_EQ(insert(map, key, key), HAMT_OK);
		shape[i] = map_shape(map);
		differ = differ || shape[i].maps != shape[0].maps || shape[i].cells != shape[0].cells;
		seed_hamt_drop(map);
	}
	CHECK(differ);
}

/* --- The seed's tests, with one thread (the parallel ones: test_seed_parallel.c) --- */

#define SEED_KEYS (50000 / SLOW)

static void
all_accounted_for(void)
{
	struct seed_hamt *map = new_map(MEET_SELDOM);
	uint64_t value = 0;

	for (uint64_t key = 0; key < SEED_KEYS; key++)
		CHECK_EQ(insert(map, key, ~key), HAMT_OK);
	for (uint64_t key = 0; key < SEED_KEYS; key++) {
		CHECK_EQ(get(map, key, &value), HAMT_OK);
		CHECK_EQ(value, ~key);
	}
	CHECK_EQ(get(map, SEED_KEYS, NULL), HAMT_ABSENT);
	CHECK_EQ(map_shape(map).keys, SEED_KEYS);
	end(map);
}

static void
all_removed(void)
{
	struct seed_hamt *map = new_map(MEET_SELDOM);
	uint64_t value = 0;

	for (uint64_t key = 0; key < SEED_KEYS; key++)
		CHECK_EQ(insert(map, key, ~key), HAMT_OK);
	for (uint64_t key = 0; key < SEED_KEYS; key++) {
		CHECK_EQ(erase(map, key, &value), HAMT_OK);
		CHECK_EQ(value, ~key);
		CHECK_EQ(get(map, key, NULL), HAMT_ABSENT);
	}
	map_check_empty(map);
	end(map);
}

static void
mixed_insert_and_remove(void)
{
	struct seed_hamt *map = new_map(MEET_SELDOM);

	for (uint64_t key = 0; key < SEED_KEYS; key++) {
		CHECK_EQ(insert(map, key, key), HAMT_OK);
		if (key % 3 == 2)
			CHECK_EQ(erase(map, key - 1, NULL), HAMT_OK);
	}
	for (uint64_t key = 0; key < SEED_KEYS; key++)
		CHECK_EQ(get(map, key, NULL), key % 3 == 1 && key + 1 < SEED_KEYS ? HAMT_ABSENT : HAMT_OK);
	map_shape(map);
	end(map);
}

/* --- Against a plain table -------------------------------------------- */

#define TABLE_KEYS_MAX 20000

struct table {
	unsigned keys;
	uint64_t present;
	uint64_t value[TABLE_KEYS_MAX]; /* 0: absent */
	uint64_t visits;
};

static void
compare_visit(void *arg, const void *key, const void *value)
{
	struct table *t = arg;
	uint64_t k = *(const uint64_t *)key;

	CHECK(k < t->keys);
	CHECK_EQ(*(const uint64_t *)value, t->value[k]);
	t->visits++;
}

static void
compare(struct seed_hamt *map, struct table *t)
{
	struct seed_hamt_shape shape = map_shape(map);

	t->visits = 0;
	seed_hamt_each(map, compare_visit, t);
	CHECK_EQ(t->visits, t->present);
	CHECK_EQ(shape.keys, t->present);
}

/* One random operation on both; both say the same. */
static void
step(struct seed_hamt *map, struct table *t, struct random *random, unsigned insert_pct, unsigned remove_pct)
{
	uint64_t key = random_below(random, t->keys), dice = random_below(random, 100);
	uint64_t fresh = random_below(random, UINT64_MAX) + 1, old = 0, had = t->value[key];
	enum hamt_status status;

	if (dice < insert_pct / 2) {
		status = insert(map, key, fresh);
		CHECK_EQ(status, had ? HAMT_EXISTS : HAMT_OK);
		t->value[key] = had ? had : fresh;
	} else if (dice < insert_pct) {
		status = upsert(map, key, fresh, &old);
		CHECK_EQ(status, had ? HAMT_EXISTS : HAMT_OK);
		CHECK_EQ(old, had);
		t->value[key] = fresh;
	} else if (dice < insert_pct + remove_pct) {
		status = erase(map, key, &old);
		CHECK_EQ(status, had ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(old, had);
		t->value[key] = 0;
	} else {
		status = get(map, key, &old);
		CHECK_EQ(status, had ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(old, had);
	}
	t->present += (uint64_t)(t->value[key] != 0) - (had != 0);
}

static void
differential(struct seed_hamt *map, unsigned keys, unsigned operations)
{
	/* Fill, hold, drain, trickle. */
	static const unsigned insert_pct[] = { 60, 40, 10, 30 }, remove_pct[] = { 10, 40, 70, 60 };
	static struct table table;
	struct random random = random_start(keys);

	memset(&table, 0, sizeof(table));
	table.keys = keys;
	for (unsigned i = 0; i < operations; i++) {
		unsigned phase = (unsigned)((uint64_t)i * 8 / operations) % 4;

		step(map, &table, &random, insert_pct[phase], remove_pct[phase]);
		if (i % (operations / 32 + 1) == 0)
			compare(map, &table);
	}
	compare(map, &table);
	for (uint64_t key = 0; key < keys; key++)
		CHECK_EQ(erase(map, key, NULL), table.value[key] ? HAMT_OK : HAMT_ABSENT);
	map_check_empty(map);
}

static void
million_operations_agree_with_a_table(void)
{
	struct seed_hamt *map = new_map(MEET_SELDOM);

	differential(map, TABLE_KEYS_MAX, 1000000 / SLOW);
	end(map);
}

static void
keys_that_meet_agree_with_a_table(void)
{
	/* Few keys where many meet: a collision is searched from end to end. */
	static const unsigned keys[MEETINGS] = { 300, 300, 300, 300, 300, 40, 40 };

	for (enum meeting m = 0; m < MEETINGS; m++) {
		struct seed_hamt *map = new_map(m);

		differential(map, keys[m], 100000 / SLOW);
		end(map);
	}
}

/* Reclaiming at once, after 4 or 64, in both modes: the same answers. */
static void
thresholds_and_modes_agree_with_a_table(void)
{
	static const enum hazard_mode modes[] = { HAZARD_FENCE, HAZARD_ASYMMETRIC };
	static const unsigned thresholds[] = { 1, 4, 64 };

	for (unsigned i = 0; i < 2; i++) {
		if (modes[i] == HAZARD_ASYMMETRIC && !hamt_heavy_barrier_probe())
			continue;
		for (unsigned j = 0; j < 3; j++) {
			struct reclaim_totals stats;
			struct seed_hamt *map;

			map = map_new(&meeting_ops[MEET_PREFIX], &meter, modes[i], thresholds[j]);
			differential(map, 200, 20000 / SLOW);
			reclaim_domain_stats(seed_hamt_domain(map), &stats);
			CHECK_EQ(stats.threshold, thresholds[j]);
			CHECK_EQ(stats.asymmetric, modes[i] == HAZARD_ASYMMETRIC && RECLAIM != RECLAIM_QSBR);
			CHECK(stats.bound == 0 || stats.peak <= stats.bound);
			/* Thousands were retired, and the trie is empty: they are freed. */
			CHECK(stats.retired > 1000);
			CHECK(stats.bound == 0 || stats.pending <= stats.bound);
			end(map);
		}
	}
}

/* After a flush only what a stale announcement still names is pending. */
static void
flush_frees_what_nobody_protects(void)
{
	struct seed_hamt *map = map_new(&meeting_ops[MEET_PREFIX], &meter, HAZARD_FENCE, 100000);
	struct reclaim_totals stats;

	for (uint64_t key = 0; key < 1000; key++)
		CHECK_EQ(insert(map, key, key), HAMT_OK);
	reclaim_domain_stats(seed_hamt_domain(map), &stats);
	CHECK(stats.pending > HAZARD_SLOTS);
	seed_hamt_flush(map);
	reclaim_domain_stats(seed_hamt_domain(map), &stats);
	CHECK(stats.pending <= HAZARD_SLOTS);
	end(map);
}

/* What a held read protects stays while others replace it and scan, and is freed once it is released. */
static void
held_read_keeps_what_it_read(void)
{
	for (enum meeting m = 0; m < MEETINGS; m++) {
		struct seed_hamt *map = map_new(&meeting_ops[m], &meter, HAZARD_FENCE, 1), *reader;
		struct reclaim_totals before, held, after;
		uint64_t key = 5, absent = 1000;

		for (uint64_t k = 0; k < 20; k++)
			CHECK_EQ(insert(map, k, k), HAMT_OK);
		CHECK_EQ(seed_hamt_clone(map, NULL, &reader), HAMT_OK);
		CHECK(!seed_hamt_hold(reader, &absent));
		/* Twice: a release leaves nothing behind. */
		for (unsigned round = 0; round < 2; round++) {
			CHECK(seed_hamt_hold(reader, &key));
			seed_hamt_flush(map);
			reclaim_domain_stats(seed_hamt_domain(map), &before);
			for (uint64_t i = 0; i < 100; i++)
				CHECK_EQ(upsert(map, key, i, NULL), HAMT_EXISTS);
			seed_hamt_flush(map);
			reclaim_domain_stats(seed_hamt_domain(map), &held);
			if (held.bound != 0)
				CHECK(held.freed > before.freed && held.pending > 0 && held.pending <= held.bound);
			else
				CHECK(held.pending >= 100);
			seed_hamt_release(reader);
			seed_hamt_pause(reader);
			seed_hamt_flush(map);
			reclaim_domain_stats(seed_hamt_domain(map), &after);
			CHECK(after.pending < held.pending);
		}
		seed_hamt_drop(reader);
		end(map);
	}
}

/* A refused mode is said, not replaced by another. */
static void
refused_mode_is_a_mismatch(void)
{
	struct seed_hamt_config config = { .reclaim = { .mode = HAZARD_ASYMMETRIC,
		                               .allocator = meter_allocator(&meter) } };
	struct seed_hamt *map = NULL;

	/* Without announcements there is no mode to be refused. */
	if (RECLAIM == RECLAIM_QSBR || RECLAIM == RECLAIM_NONE)
		exit(77);
	if (hamt_heavy_barrier_probe())
		CHECK_SKIP("membarrier(2) is not refused here");
	CHECK_EQ(seed_hamt_new(&config, &map), HAMT_MISMATCH);
	CHECK(map == NULL);
	meter_check_empty(&meter);
}

/* --- Keys that meet: the shape ---------------------------------------- */

static void
equal_hashes_share_one_node(void)
{
	struct seed_hamt *map = new_map(MEET_CONSTANT);
	struct seed_hamt_shape shape;

	for (uint64_t key = 0; key < 50; key++)
		CHECK_EQ(insert(map, key, key), HAMT_OK);
	shape = map_shape(map);
	CHECK_EQ(shape.keys, 50);
	CHECK_EQ(shape.collisions, 1);
	CHECK_EQ(shape.maps, 1);
	CHECK_EQ(shape.cells, 1);
	CHECK_EQ(insert(map, 7, 8), HAMT_EXISTS);
	CHECK_EQ(upsert(map, 7, 8, NULL), HAMT_EXISTS);
	/* Two become one: a leaf again. */
	for (uint64_t key = 0; key < 49; key++)
		CHECK_EQ(erase(map, key, NULL), HAMT_OK);
	shape = map_shape(map);
	CHECK_EQ(shape.keys, 1);
	CHECK_EQ(shape.collisions, 0);
	CHECK_EQ(get(map, 49, NULL), HAMT_OK);
	CHECK_EQ(get(map, 48, NULL), HAMT_ABSENT);
	CHECK_EQ(erase(map, 49, NULL), HAMT_OK);
	map_check_empty(map);
	end(map);
}

static void
pairs_of_equal_hash_share_a_node(void)
{
	struct seed_hamt *map = new_map(MEET_PAIRS);
	struct seed_hamt_shape shape;
	uint64_t value = 0;

	for (uint64_t key = 0; key < 2000; key++)
		CHECK_EQ(insert(map, key, key + 5), HAMT_OK);
	shape = map_shape(map);
	CHECK_EQ(shape.keys, 2000);
	CHECK_EQ(shape.collisions, 1000);
	for (uint64_t key = 0; key < 2000; key++) {
		CHECK_EQ(get(map, key, &value), HAMT_OK);
		CHECK_EQ(value, key + 5);
	}
	for (uint64_t key = 0; key < 2000; key += 2)
		CHECK_EQ(erase(map, key, NULL), HAMT_OK);
	shape = map_shape(map);
	CHECK_EQ(shape.keys, 1000);
	CHECK_EQ(shape.collisions, 0);
	end(map);
}

/* A collision moves down when a key of its prefix comes, and up when it goes. */
static void
collision_moves_down_and_up(void)
{
	struct seed_hamt *map = new_map(MEET_PAIRS);
	uint64_t value = 0, n = 0;
	struct seed_hamt_shape shape;

	/* Two keys under one chunk of the root: try until the depth says so. */
	CHECK_EQ(insert(map, 0, 100), HAMT_OK);
	CHECK_EQ(insert(map, 1, 101), HAMT_OK);
	CHECK_EQ(map_shape(map).depth, 0);
	for (n = 2; map_shape(map).depth == 0; n += 2) {
		if (n > 2)
			CHECK_EQ(erase(map, n - 2, NULL), HAMT_OK);
		CHECK_EQ(insert(map, n, n), HAMT_OK);
	}
	shape = map_shape(map);
	CHECK_EQ(shape.keys, 3);
	CHECK_EQ(shape.collisions, 1);
	CHECK_EQ(get(map, 0, &value), HAMT_OK);
	CHECK_EQ(value, 100);
	CHECK_EQ(get(map, 1, &value), HAMT_OK);
	CHECK_EQ(value, 101);
	CHECK_EQ(erase(map, n - 2, NULL), HAMT_OK);
	shape = map_shape(map);
	CHECK_EQ(shape.depth, 0);
	CHECK_EQ(shape.maps, 1);
	CHECK_EQ(shape.cells, 1);
	CHECK_EQ(shape.collisions, 1);
	CHECK_EQ(erase(map, 0, NULL), HAMT_OK);
	CHECK_EQ(get(map, 1, &value), HAMT_OK);
	CHECK_EQ(value, 101);
	end(map);
}

/* Where the first hash is used up, the next round decides: one level more than it has. */
static void
rehash_separates_what_the_first_hash_cannot(void)
{
	struct seed_hamt *map = new_map(MEET_PAIRS_AT_FIRST);
	struct seed_hamt_shape shape;

	for (uint64_t key = 0; key < 200; key++)
		CHECK_EQ(insert(map, key, key), HAMT_OK);
	shape = map_shape(map);
	CHECK_EQ(shape.keys, 200);
	CHECK_EQ(shape.collisions, 0);
	/* 12 levels of the first round, then at least one. */
	CHECK(shape.depth >= 12 && shape.depth < 16);
	for (uint64_t key = 0; key < 200; key++)
		CHECK_EQ(erase(map, key, NULL), HAMT_OK);
	map_check_empty(map);
	end(map);
}

static void
deepest_keys_lie_in_the_last_round(void)
{
	struct seed_hamt *map = new_map(MEET_LAST_ROUND);
	struct seed_hamt_shape shape;

	CHECK_EQ(insert(map, 0, 0), HAMT_OK);
	CHECK_EQ(map_shape(map).depth, 0);
	CHECK_EQ(insert(map, 1, 1), HAMT_OK);
	shape = map_shape(map);
	CHECK(shape.depth >= 36 && shape.depth < 48);
	CHECK_EQ(shape.maps, shape.depth + 1);
	CHECK_EQ(shape.collisions, 0);
	end(map);
}

/* --- Contraction ------------------------------------------------------ */

/* Keys of one prefix: the map at level 10 has a cell for each of the first 32. */
static void
last_of_deep_keys_comes_up_to_the_root(void)
{
	for (uint64_t stays = 0; stays < 8; stays++) {
		struct seed_hamt *map = new_map(MEET_PREFIX);
		struct seed_hamt_shape shape;
		uint64_t value = 0;

		for (uint64_t key = 0; key < 8; key++)
			CHECK_EQ(insert(map, key, key + 1), HAMT_OK);
		shape = map_shape(map);
		CHECK_EQ(shape.depth, 10);
		CHECK_EQ(shape.maps, 11);
		CHECK_EQ(shape.cells, 10 + 8);
		for (uint64_t key = 0, left = 8; key < 8; key++) {
			if (key == stays)
				continue;
			CHECK_EQ(erase(map, key, NULL), HAMT_OK);
			shape = map_shape(map);
			left--;
			/* Two or more hold the chain; one does not. */
			CHECK_EQ(shape.depth, left >= 2 ? 10 : 0);
			CHECK_EQ(shape.maps, left >= 2 ? 11 : 1);
			CHECK_EQ(shape.cells, left >= 2 ? 10 + left : 1);
		}
		CHECK_EQ(get(map, stays, &value), HAMT_OK);
		CHECK_EQ(value, stays + 1);
		CHECK_EQ(erase(map, stays, NULL), HAMT_OK);
		map_check_empty(map);
		end(map);
	}
}

/* A key that comes up stops beside its next neighbour, not at the root. */
static void
contraction_stops_at_the_next_neighbour(void)
{
	struct seed_hamt *map = new_map(MEET_PREFIX);
	struct seed_hamt_shape shape;

	/* 1 and 33 part at level 11, 2 at level 10. */
	CHECK_EQ(insert(map, 1, 1), HAMT_OK);
	CHECK_EQ(insert(map, 33, 33), HAMT_OK);
	CHECK_EQ(map_shape(map).depth, 11);
	CHECK_EQ(insert(map, 2, 2), HAMT_OK);
	CHECK_EQ(erase(map, 33, NULL), HAMT_OK);
	shape = map_shape(map);
	CHECK_EQ(shape.depth, 10);
	CHECK_EQ(shape.cells, 12);
	CHECK_EQ(get(map, 1, NULL), HAMT_OK);
	CHECK_EQ(get(map, 2, NULL), HAMT_OK);
	/* A map that holds only a map is not contracted. */
	CHECK_EQ(insert(map, 33, 33), HAMT_OK);
	CHECK_EQ(erase(map, 2, NULL), HAMT_OK);
	shape = map_shape(map);
	CHECK_EQ(shape.depth, 11);
	CHECK_EQ(shape.cells, 13);
	end(map);
}

/* What the shape calls the bytes of live nodes is what the allocator sees grow. */
static void
shape_counts_the_bytes(void)
{
	struct seed_hamt *map = map_new(&meeting_ops[MEET_PAIRS], &meter, HAZARD_FENCE, 1);
	struct reclaim_totals stats;
	/* Lists of retired objects grow, but under hp, which keeps at most its few announcements. */
	const uint64_t chunk = RECLAIM == RECLAIM_HP ? 0 : 64 * 1024;
	struct seed_hamt_shape shape;
	uint64_t others, bytes;

	others = meter_read(&meter.bytes) - map_shape(map).bytes;
	for (uint64_t key = 0; key < 3000; key++)
		CHECK_EQ(insert(map, key, key), HAMT_OK);
	reclaim_domain_stats(seed_hamt_domain(map), &stats);
	shape = map_shape(map);
	bytes = others + shape.bytes + stats.pending_bytes;
	/* The root's map was among the others. */
	bytes += RECLAIM_HEADER * (shape.keys + shape.maps + shape.cells + shape.collisions + stats.pending - 1);
	CHECK(meter_read(&meter.bytes) >= bytes && meter_read(&meter.bytes) <= bytes + chunk);
	end(map);
}

/* --- Any type --------------------------------------------------------- */

/* Texts and shared values: copies live on the heap, and are counted. */
struct shared_value {
	uint64_t references, number;
};

static int64_t texts_alive;
static int64_t copies_allowed = INT64_MAX; /* of texts and values, until one fails */

static bool
allowed(void)
{
	return copies_allowed-- > 0;
}

static uint64_t
text_hash(const void *key, uint64_t seed)
{
	const char *text = *(char *const *)key;

	for (; *text != '\0'; text++)
		seed = hash_u64((unsigned char)*text, seed);
	return seed;
}

static bool
text_equal(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b) == 0;
}

static bool
text_copy(void *to, const void *from)
{
	char *copy = allowed() ? strdup(*(char *const *)from) : NULL;

	if (copy == NULL)
		return false;
	texts_alive++;
	*(char **)to = copy;
	return true;
}

static void
text_drop(void *key)
{
	char *text = *(char **)key;

	texts_alive--;
	CHECK(text[0] != '\0');
	text[0] = '\0'; /* a second drop, or a use after it, finds this */
	free(text);
}

static bool
value_share(void *to, const void *from)
{
	struct shared_value *v = *(struct shared_value *const *)from;

	if (!allowed())
		return false;
	CHECK(v->references > 0);
	v->references++;
	*(struct shared_value **)to = v;
	return true;
}

static void
value_release(void *value)
{
	struct shared_value *v = *(struct shared_value **)value;

	CHECK(v->references > 0);
	v->references--;
}

static const struct seed_hamt_ops text_ops = {
	.key_bytes = sizeof(char *),
	.value_bytes = sizeof(struct shared_value *),
	.hash = text_hash,
	.equal = text_equal,
	.key_copy = text_copy,
	.key_drop = text_drop,
	.value_copy = value_share,
	.value_drop = value_release,
};

struct text_fixture {
	struct seed_hamt *map;
	struct shared_value values[200];
	char name[32];
};

static struct text_fixture
text_fixture(void)
{
	struct text_fixture f = { .map = map_new(&text_ops, &meter, HAZARD_FENCE, 4) };

	for (unsigned i = 0; i < 200; i++)
		f.values[i] = (struct shared_value){ .references = 1, .number = i };
	return f;
}

static char **
text_of(struct text_fixture *f, unsigned i, char **text)
{
	snprintf(f->name, sizeof(f->name), "key number %u", i);
	*text = f->name;
	return text;
}

static enum hamt_status
text_insert(struct text_fixture *f, unsigned i)
{
	struct shared_value *value = &f->values[i];
	char *text;

	return seed_hamt_insert(f->map, text_of(f, i, &text), &value);
}

/* Every copy was dropped, once: only the caller's reference is left. */
static void
text_fixture_end(struct text_fixture *f)
{
	end(f->map);
	CHECK_EQ(texts_alive, 0);
	for (unsigned i = 0; i < 200; i++)
		CHECK_EQ(f->values[i].references, 1);
}

static void
copies_of_keys_and_values_are_dropped_once(void)
{
	struct text_fixture f = text_fixture();
	struct shared_value *value, *got;
	char *text;

	for (unsigned i = 0; i < 200; i++)
		CHECK_EQ(text_insert(&f, i), HAMT_OK);
	for (unsigned i = 0; i < 200; i++) {
		CHECK_EQ(f.values[i].references, 2);
		CHECK_EQ(text_insert(&f, i), HAMT_EXISTS);
		CHECK_EQ(f.values[i].references, 2);
		CHECK_EQ(seed_hamt_get(f.map, text_of(&f, i, &text), &got), HAMT_OK);
		CHECK_EQ(got->number, i);
		CHECK_EQ(got->references, 3);
		value_release(&got);
	}
	/* Replaced by the neighbour's; the former is ours, or dropped. */
	for (unsigned i = 0; i < 200; i++) {
		value = &f.values[(i + 1) % 200];
		CHECK_EQ(seed_hamt_upsert(f.map, text_of(&f, i, &text), &value, i % 2 ? &got : NULL),
		    HAMT_EXISTS);
		if (i % 2) {
			CHECK_EQ(got->number, i);
			value_release(&got);
		}
	}
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(seed_hamt_remove(f.map, text_of(&f, i, &text), i % 2 ? &got : NULL), HAMT_OK);
		if (i % 2) {
			CHECK_EQ(got->number, i + 1);
			value_release(&got);
		}
	}
	CHECK_EQ(map_shape(f.map).keys, 100);
	/* The other hundred are dropped with the map. */
	text_fixture_end(&f);
}

/* The n-th copy fails: no memory, and nothing has changed. */
static void
copy_may_fail(void)
{
	struct text_fixture f = text_fixture();
	struct shared_value *value = &f.values[1], *got = NULL;
	char *text;

	for (unsigned i = 0; i < 50; i++)
		CHECK_EQ(text_insert(&f, i), HAMT_OK);
	for (int64_t n = 0; n < 2; n++) {
		copies_allowed = n;
		CHECK_EQ(text_insert(&f, 60), HAMT_NOMEM);
		CHECK_EQ(seed_hamt_get(f.map, text_of(&f, 60, &text), NULL), HAMT_ABSENT);
	}
	copies_allowed = 0;
	CHECK_EQ(text_insert(&f, 1), HAMT_EXISTS);
	CHECK_EQ(seed_hamt_get(f.map, text_of(&f, 1, &text), &got), HAMT_NOMEM);
	CHECK_EQ(seed_hamt_get(f.map, text_of(&f, 1, &text), NULL), HAMT_OK);
	CHECK_EQ(seed_hamt_remove(f.map, text_of(&f, 1, &text), &got), HAMT_NOMEM);
	/* Key, value, former value: each may fail. */
	for (int64_t n = 0; n < 3; n++) {
		copies_allowed = n;
		CHECK_EQ(seed_hamt_upsert(f.map, text_of(&f, 1, &text), &value, &got), HAMT_NOMEM);
	}
	CHECK_EQ(f.values[1].references, 2);
	CHECK_EQ(map_shape(f.map).keys, 50);
	copies_allowed = 0;
	CHECK_EQ(seed_hamt_remove(f.map, text_of(&f, 1, &text), NULL), HAMT_OK);
	copies_allowed = INT64_MAX;
	text_fixture_end(&f);
}

/* Keys and values of any size lie as their types need it. */
struct odd_key {
	unsigned char bytes[3];
};
struct wide_value {
	max_align_t number;
	char tail;
};

static uint64_t
odd_hash(const void *key, uint64_t seed)
{
	const struct odd_key *k = key;

	return hash_u64(k->bytes[0] | (uint64_t)k->bytes[1] << 8, seed);
}

static bool
odd_equal(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct odd_key)) == 0;
}

static bool
wide_copy(void *to, const void *from)
{
	/* Only the map's side is known to lie anywhere else than on our stack. */
	CHECK_EQ((uintptr_t)to % _Alignof(struct wide_value), 0);
	CHECK_EQ((uintptr_t)from % _Alignof(struct wide_value), 0);
	memcpy(to, from, sizeof(struct wide_value));
	return true;
}

static uint64_t
line_hash(const void *key, uint64_t seed)
{
	CHECK_EQ((uintptr_t)key % 4, 0);
	return hash_u64(*(const uint32_t *)key, seed);
}

static bool
line_equal(const void *a, const void *b)
{
	CHECK_EQ((uintptr_t)a % 4, 0);
	CHECK_EQ((uintptr_t)b % 4, 0);
	return *(const uint32_t *)a == *(const uint32_t *)b;
}

static void
keys_and_values_are_aligned(void)
{
	static const struct seed_hamt_ops odd_ops = { .key_bytes = sizeof(struct odd_key),
		.value_bytes = sizeof(struct wide_value), .hash = odd_hash, .equal = odd_equal,
		.value_copy = wide_copy };
	/* A key of 12 bytes that needs 4; and no value: a set. */
	static const struct seed_hamt_ops line_ops = { .key_bytes = 12, .value_bytes = 0, .hash = line_hash,
		.equal = line_equal };
	struct seed_hamt *odd = map_new(&odd_ops, &meter, HAZARD_FENCE, 0);
	struct seed_hamt *line = map_new(&line_ops, &meter, HAZARD_FENCE, 0);

	for (unsigned i = 0; i < 1000; i++) {
		struct odd_key key = { .bytes = { (unsigned char)i, (unsigned char)(i >> 8), 77 } };
		struct wide_value value, got;
		uint32_t words[3] = { i, i + 1, i + 2 };

		memset(&value, (int)i, sizeof(value));
		CHECK_EQ(seed_hamt_insert(odd, &key, &value), HAMT_OK);
		CHECK_EQ(seed_hamt_get(odd, &key, &got), HAMT_OK);
		CHECK(memcmp(&got, &value, sizeof(got)) == 0);
		CHECK_EQ(seed_hamt_insert(line, words, ""), HAMT_OK);
		CHECK_EQ(seed_hamt_insert(line, words, ""), HAMT_EXISTS);
		CHECK_EQ(seed_hamt_get(line, words, NULL), HAMT_OK);
	}
	CHECK_EQ(map_shape(odd).keys, 1000);
	CHECK_EQ(map_shape(line).keys, 1000);
	seed_hamt_drop(odd);
	end(line);
}

/* --- Every allocation fails in turn ----------------------------------- */

static void
new_survives_any_failed_allocation(void)
{
	struct seed_hamt_config config = { .reclaim = { .allocator = meter_allocator(&meter) } };
	enum hamt_status status = HAMT_NOMEM;
	unsigned failed = 0;

	for (uint64_t skip = 0; status != HAMT_OK; skip++) {
		struct seed_hamt *map = NULL;

		meter_fail(&meter, skip, 1);
		status = seed_hamt_new(&config, &map);
		if (status == HAMT_OK) {
			end(map);
			break;
		}
		CHECK_EQ(status, HAMT_NOMEM);
		CHECK(map == NULL);
		meter_check_empty(&meter);
		failed++;
	}
	/* Domain, map, root, handle, record and its list. */
	CHECK(failed >= 6);
}

static void
clone_survives_any_failed_allocation(void)
{
	struct seed_hamt *map = new_map(MEET_SELDOM), *clone = NULL;
	enum hamt_status status = HAMT_NOMEM;
	uint64_t blocks = meter_read(&meter.blocks);
	unsigned failed = 0;

	for (uint64_t skip = 0; status != HAMT_OK; skip++) {
		meter_fail(&meter, skip, 1);
		status = seed_hamt_clone(map, NULL, &clone);
		if (status == HAMT_OK)
			break;
		CHECK_EQ(status, HAMT_NOMEM);
		CHECK(clone == NULL);
		/* A member of the contention domain may stay, idle; the next attempt takes that. */
		CHECK(meter_read(&meter.blocks) <= blocks + 1);
		failed++;
	}
	CHECK(failed >= 3);
	meter_fail(&meter, 0, 0);
	seed_hamt_drop(map);
	CHECK_EQ(insert(clone, 1, 1), HAMT_OK);
	end(clone);
}

enum call { CALL_INSERT, CALL_UPSERT, CALL_REMOVE, CALL_GET, CALLS };

/*
 * A map with the keys below `keys`, which meet; then `call` on key, while count
 * allocations fail after skip. Whatever fails, the map is as before or as after
 * the call.
 * Returns   whether an allocation was still to come: try the next.
 */
static bool
call_with_failure(enum meeting meeting, unsigned keys, enum call call, uint64_t key, uint64_t skip,
    uint64_t count, unsigned *nomem, unsigned *left_tombs)
{
	/* Threshold 1 would hide a failing reservation, a large one gives none. */
	struct seed_hamt *map = map_new(&meeting_ops[meeting], &meter, HAZARD_FENCE, 0);
	uint64_t before = 0, value = 0;
	enum hamt_status had, status = HAMT_OK;
	struct seed_hamt_shape shape;
	char error[200] = "";
	uint64_t calls;
	bool more;

	for (uint64_t k = 0; k < keys; k++)
		CHECK_EQ(insert(map, k, k + 100), HAMT_OK);
	had = get(map, key, &before);
	calls = meter_read(&meter.calls);
	meter_fail(&meter, skip, count);
	switch (call) {
	case CALL_INSERT:
		status = insert(map, key, 7);
		break;
	case CALL_UPSERT:
		status = upsert(map, key, 7, &value);
		break;
	case CALL_REMOVE:
		status = erase(map, key, &value);
		break;
	case CALL_GET:
	case CALLS:
		status = get(map, key, &value);
		CHECK_EQ(meter_read(&meter.calls), calls);
		break;
	}
	more = meter_read(&meter.calls) - calls > skip;
	meter_fail(&meter, 0, 0);
	if (status == HAMT_NOMEM) {
		(*nomem)++;
		/* As it was. */
		CHECK_EQ(get(map, key, &value), had);
		CHECK_EQ(value, before);
		CHECK_EQ(map_shape(map).keys, keys);
	} else {
		static const enum hamt_status when_there[] = { HAMT_EXISTS, HAMT_EXISTS, HAMT_OK, HAMT_OK };
		static const enum hamt_status when_not[] = { HAMT_OK, HAMT_OK, HAMT_ABSENT, HAMT_ABSENT };
		bool there = (had == HAMT_OK || call <= CALL_UPSERT) && call != CALL_REMOVE;

		CHECK_EQ(status, had == HAMT_OK ? when_there[call] : when_not[call]);
		CHECK_EQ(get(map, key, &value), there ? HAMT_OK : HAMT_ABSENT);
		CHECK(seed_hamt_check(map, true, &shape, error, sizeof(error)));
		CHECK_EQ(shape.keys, keys + there - (had == HAMT_OK));
		if (shape.tombs > 0) {
			(*left_tombs)++;
			CHECK_EQ(call, CALL_REMOVE);
			CHECK(!seed_hamt_check(map, false, &shape, error, sizeof(error)));
			CHECK(error[0] != '\0');
			/* The next removal that comes by takes it away. */
			CHECK_EQ(erase(map, key, NULL), HAMT_ABSENT);
			map_shape(map);
		}
	}
	for (uint64_t k = 0; k < keys; k++)
		if (k != key)
			CHECK_EQ(get(map, k, NULL), HAMT_OK);
	end(map);
	return more;
}

/* One allocation fails, then all from one on; for each that the call makes. */
static void
survive(enum meeting meeting, unsigned keys, enum call call, uint64_t key, unsigned *nomem, unsigned *left_tombs)
{
	for (uint64_t count = 1; count <= 1000; count += 999)
		for (uint64_t skip = 0;
		     call_with_failure(meeting, keys, call, key, skip, count, nomem, left_tombs); skip++)
			continue;
}

static void
operations_survive_any_failed_allocation(void)
{
	unsigned nomem[CALLS] = { 0 }, left_tombs = 0;

	for (enum meeting m = 0; m < MEETINGS; m++)
		for (enum call call = 0; call < CALLS; call++)
			for (unsigned keys = 1; keys <= 6; keys++)
				/* The first, the last, and one that is not there. */
				for (uint64_t key = 0; key <= keys; key += key + 1 < keys ? keys - 1 : 1)
					survive(m, keys, call, key, &nomem[call], &left_tombs);
	CHECK(nomem[CALL_INSERT] > 100);
	CHECK(nomem[CALL_UPSERT] > 100);
	/* A removal from a collision has to copy it. */
	CHECK(nomem[CALL_REMOVE] > 10);
	CHECK_EQ(nomem[CALL_GET], 0);
	CHECK(left_tombs > 10);
}

/* Tombs that nobody had memory to take away hide nothing and block nothing. */
static void
tombs_are_only_in_the_way(void)
{
	/* What is retired without memory must find room in what the list has. */
	struct seed_hamt *map = map_new(&meeting_ops[MEET_SELDOM], &meter, HAZARD_FENCE, 16);
	struct seed_hamt_shape shape;
	char error[200];

	for (uint64_t key = 0; key < 1000; key++)
		CHECK_EQ(insert(map, key, key), HAMT_OK);
	meter_fail(&meter, 0, UINT32_MAX);
	for (uint64_t key = 0; key < 1000; key += 2)
		CHECK_EQ(erase(map, key, NULL), HAMT_OK);
	for (uint64_t key = 0; key < 1000; key++) {
		CHECK_EQ(get(map, key, NULL), key % 2 ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(insert(map, key, key), key % 2 ? HAMT_EXISTS : HAMT_NOMEM);
	}
	CHECK(seed_hamt_check(map, true, &shape, error, sizeof(error)));
	CHECK_EQ(shape.keys, 500);
	CHECK(shape.tombs > 100);
	CHECK(!seed_hamt_check(map, false, &shape, error, sizeof(error)));
	meter_fail(&meter, 0, 0);
	for (uint64_t key = 0; key < 1000; key += 4)
		CHECK_EQ(insert(map, key, key), HAMT_OK);
	for (uint64_t key = 0; key < 1000; key++)
		CHECK_EQ(erase(map, key, NULL), key % 4 == 2 ? HAMT_ABSENT : HAMT_OK);
	map_check_empty(map);
	end(map);
}

/* --- Handles ---------------------------------------------------------- */

/* Handles end in any order, whichever was made from which; the last frees the map. */
static void
handles_end_in_any_order(void)
{
	static const unsigned orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 }, { 2, 0, 3, 1 } };

	for (unsigned o = 0; o < 4; o++) {
		struct seed_hamt *handle[4] = { new_map(MEET_SELDOM) };

		CHECK_EQ(seed_hamt_clone(handle[0], NULL, &handle[1]), HAMT_OK);
		CHECK_EQ(seed_hamt_clone(handle[1], NULL, &handle[2]), HAMT_OK);
		CHECK_EQ(seed_hamt_clone(handle[0], NULL, &handle[3]), HAMT_OK);
		for (uint64_t key = 0; key < 400; key++)
			CHECK_EQ(insert(handle[key % 4], key, key), HAMT_OK);
		for (uint64_t key = 0; key < 400; key += 3)
			CHECK_EQ(erase(handle[(key + 1) % 4], key, NULL), HAMT_OK);
		for (unsigned i = 0; i < 4; i++) {
			struct seed_hamt *last = handle[orders[o][3]];

			CHECK(seed_hamt_domain(last) == seed_hamt_domain(handle[orders[o][i]]));
			for (uint64_t key = 0; key < 400; key++)
				CHECK_EQ(get(last, key, NULL), key % 3 ? HAMT_OK : HAMT_ABSENT);
			CHECK(meter_read(&meter.blocks) > 0);
			seed_hamt_drop(handle[orders[o][i]]);
		}
		meter_check_empty(&meter);
	}
}

/* With announcements of the test's own in the maps' domain. */
#if RECLAIM == RECLAIM_HP

/* Maps come and go in a domain that stays; what they retired is freed with it at the latest. */
static void
shared_domain_outlives_its_maps(void)
{
	struct hazard_config config = { .mode = HAZARD_FENCE, .threshold = 1000000,
		.allocator = meter_allocator(&meter) };
	struct text_fixture f;
	struct seed_hamt_config map_config = { .ops = &text_ops };
	struct hazard_record *record;
	struct hazard_domain *domain;
	struct reclaim_totals stats;
	struct seed_hamt *other;
	char *text;

	CHECK_EQ(hazard_domain_new(&config, &domain), HAZARD_OK);
	CHECK_EQ(hazard_attach(domain, NULL, &record), HAZARD_OK);
	map_config.domain = reclaim_domain_of_hazards(domain);
	for (unsigned i = 0; i < 200; i++)
		f.values[i] = (struct shared_value){ .references = 1, .number = i };
	CHECK_EQ(seed_hamt_new(&map_config, &f.map), HAMT_OK);
	map_config.ops = NULL;
	CHECK_EQ(seed_hamt_new(&map_config, &other), HAMT_OK);
	CHECK(seed_hamt_domain(f.map) == map_config.domain && seed_hamt_domain(other) == map_config.domain);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(text_insert(&f, i), HAMT_OK);
		CHECK_EQ(insert(other, i, i), HAMT_OK);
	}
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(seed_hamt_remove(f.map, text_of(&f, i, &text), NULL), HAMT_OK);
	/* The leaves are retired, not yet freed: their destructors run without their map. */
	CHECK_EQ(texts_alive, 100);
	hazard_publish(record, 0, f.values); /* something to look at while scanning */
	seed_hamt_drop(f.map);
	hazard_clear(record, 0);
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(erase(other, i, NULL), HAMT_OK);
	map_check_empty(other);
	seed_hamt_drop(other);
	hazard_scan(record);
	reclaim_domain_stats(map_config.domain, &stats);
	CHECK_EQ(stats.pending, 0);
	CHECK_EQ(texts_alive, 0);
	for (unsigned i = 0; i < 200; i++)
		CHECK_EQ(f.values[i].references, 1);
	hazard_leave(record);
	hazard_domain_drop(domain);
	meter_check_empty(&meter);
}

/* A retired leaf that somebody still announces outlives its map, and is dropped with the domain. */
static void
retired_leaf_outlives_its_map(void)
{
	struct hazard_config config = { .mode = HAZARD_FENCE, .threshold = 1000000,
		.allocator = meter_allocator(&meter) };
	struct seed_hamt_config map_config = { .ops = &text_ops };
	struct hazard_domain *domain;
	struct hazard_record *blocker;
	struct text_fixture f = { .name = "" };
	struct reclaim_totals stats;
	struct seed_hamt *reader;
	char *text;

	f.values[0].references = 1;
	CHECK_EQ(hazard_domain_new(&config, &domain), HAZARD_OK);
	CHECK_EQ(hazard_attach(domain, NULL, &blocker), HAZARD_OK);
	map_config.domain = reclaim_domain_of_hazards(domain);
	CHECK_EQ(seed_hamt_new(&map_config, &f.map), HAMT_OK);
	CHECK_EQ(seed_hamt_clone(f.map, NULL, &reader), HAMT_OK);
	CHECK_EQ(text_insert(&f, 0), HAMT_OK);
	/* The reader's announcements stay after the operation. */
	CHECK_EQ(seed_hamt_get(reader, text_of(&f, 0, &text), NULL), HAMT_OK);
	CHECK_EQ(seed_hamt_remove(f.map, text_of(&f, 0, &text), NULL), HAMT_OK);
	seed_hamt_drop(f.map);
	CHECK_EQ(texts_alive, 1);
	/* Not last: the blocker is still a member, so nothing frees it at the end of the map. */
	reclaim_domain_stats(map_config.domain, &stats);
	CHECK(stats.pending > 0);
	seed_hamt_drop(reader);
	hazard_leave(blocker);
	hazard_domain_drop(domain);
	CHECK_EQ(texts_alive, 0);
	CHECK_EQ(f.values[0].references, 1);
	meter_check_empty(&meter);
}

#endif

/* --- Teardown and walks do not recurse -------------------------------- */

static void *
deep_map_on_a_small_stack(void *arg)
{
	struct seed_hamt *map = map_new(&meeting_ops[MEET_LAST_ROUND], arg, HAZARD_FENCE, 0);
	struct seed_hamt_shape shape;

	for (uint64_t key = 0; key < 500; key++)
		CHECK_EQ(insert(map, key, key), HAMT_OK);
	shape = map_shape(map);
	CHECK(shape.depth >= 36);
	seed_hamt_drop(map);
	return NULL;
}

static void
deepest_map_is_torn_down_on_a_small_stack(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	/* A scan has a table of 8 kB on the stack; sanitizers need much more. */
	size_t stack_bytes = SLOW == 1 ? 48 * 1024 : 512 * 1024;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, stack_bytes) == 0);
	CHECK(pthread_create(&thread, &attr, deep_map_on_a_small_stack, &meter) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	meter_check_empty(&meter);
}

/* --- The checker can say no ------------------------------------------- */

static bool hash_turned;

static uint64_t
turning_hash(const void *key, uint64_t seed)
{
	return hash_u64(*(const uint64_t *)key, hash_turned ? ~seed : seed);
}

static bool equal_turned;

static bool
turning_equal(const void *a, const void *b)
{
	return equal_turned || u64_key_equal(a, b);
}

static uint64_t
turning_constant_hash(const void *key, uint64_t seed)
{
	return hash_turned && seed != HASH_KEY ? *(const uint64_t *)key : constant_hash(key, seed);
}

static bool
check_says(struct seed_hamt *map, const char *text)
{
	struct seed_hamt_shape shape;
	char error[200] = "";

	if (seed_hamt_check(map, false, &shape, error, sizeof(error)))
		return false;
	fprintf(stderr, "# %s\n", error);
	return strstr(error, text) != NULL;
}

/* Keys that turn around inside the map: each rule about them is looked at. */
static void
checker_sees_what_is_wrong(void)
{
	static const struct seed_hamt_ops turning = MEETING_OPS(turning_hash);
	static const struct seed_hamt_ops turning_twice = { .key_bytes = 8, .value_bytes = 8,
		.hash = turning_constant_hash, .equal = turning_equal };
	struct seed_hamt *map = map_new(&turning, &meter, HAZARD_FENCE, 0);

	for (uint64_t key = 0; key < 100; key++)
		CHECK_EQ(insert(map, key, key), HAMT_OK);
	map_shape(map);
	hash_turned = true;
	CHECK(check_says(map, "the hash in a leaf is not its key's"));
	hash_turned = false;
	end(map);

	map = map_new(&turning_twice, &meter, HAZARD_FENCE, 0);
	CHECK_EQ(insert(map, 1, 1), HAMT_OK);
	CHECK_EQ(insert(map, 2, 2), HAMT_OK);
	map_shape(map);
	hash_turned = true;
	CHECK(check_says(map, "a collision holds keys whose hashes differ"));
	hash_turned = false;
	equal_turned = true;
	CHECK(check_says(map, "a key is in the map twice"));
	end(map);
}

/* --- Misuse ----------------------------------------------------------- */

static void
misuse(void *arg)
{
	static const struct seed_hamt_ops no_hash = { .key_bytes = 8, .equal = u64_key_equal };
	static const struct seed_hamt_ops no_key = MEETING_OPS(usual_hash);
	struct seed_hamt_ops ops = no_key;
	struct seed_hamt_config config = { .ops = &ops };
	struct reclaim_domain *domain;
	struct seed_hamt *map = NULL;
	enum hamt_status status = HAMT_OK;
	uint64_t one = 1;

	if (seed_hamt_new(NULL, &map) != HAMT_OK || reclaim_domain_new(NULL, &domain) != HAMT_OK)
		return;
	switch (*(int *)arg) {
	case 0: status = seed_hamt_get(map, NULL, NULL); break;
	case 1: status = seed_hamt_get(NULL, &one, NULL); break;
	case 2: status = seed_hamt_insert(map, NULL, &one); break;
	case 3: status = seed_hamt_insert(map, &one, NULL); break;
	case 4: status = seed_hamt_upsert(map, NULL, &one, NULL); break;
	case 5: status = seed_hamt_upsert(map, &one, NULL, NULL); break;
	case 6: status = seed_hamt_remove(map, NULL, NULL); break;
	case 7: seed_hamt_drop(NULL); break;
	case 8: status = seed_hamt_clone(map, NULL, NULL); break;
	case 9: status = seed_hamt_clone(NULL, NULL, &map); break;
	case 10: status = seed_hamt_new(NULL, NULL); break;
	case 11: config.ops = &no_hash; status = seed_hamt_new(&config, &map); break;
	case 12: ops.key_bytes = 0; status = seed_hamt_new(&config, &map); break;
	case 13:
		config.domain = domain;
		config.reclaim.threshold = 5;
		status = seed_hamt_new(&config, &map);
		break;
	case 14: seed_hamt_each(map, NULL, NULL); break;
	case 15: status = seed_hamt_check(map, false, NULL, NULL, 0) ? HAMT_OK : HAMT_ABSENT; break;
	case 16: seed_hamt_release(map); break;
	case 17: status = seed_hamt_hold(map, NULL) ? HAMT_OK : HAMT_ABSENT; break;
	case 18:
	case 19:
		if (seed_hamt_insert(map, &one, &one) != HAMT_OK || !seed_hamt_hold(map, &one))
			return;
		if (*(int *)arg == 19)
			seed_hamt_drop(map);
		else
			status = seed_hamt_hold(map, &one) ? HAMT_OK : HAMT_ABSENT;
		break;
	}
	printf("# no abort, status %d\n", (int)status);
}

static void
misuse_names_the_rule(void)
{
	static const char *const rules[] = {
		"seed_hamt_get: key must not be NULL",
		"seed_hamt_get: handle must not be NULL",
		"seed_hamt_insert: key must not be NULL",
		"seed_hamt_insert: value must not be NULL",
		"seed_hamt_upsert: key must not be NULL",
		"seed_hamt_upsert: value must not be NULL",
		"seed_hamt_remove: key must not be NULL",
		"seed_hamt_drop: handle must not be NULL",
		"seed_hamt_clone: clone must not be NULL",
		"seed_hamt_clone: handle must not be NULL",
		"seed_hamt_new: handle must not be NULL",
		"seed_hamt_new: ops needs hash and equal",
		"seed_hamt_new: ops->key_bytes must not be 0",
		"seed_hamt_new: reclaim must be all zero if the domain is shared",
		"seed_hamt_each: visit must not be NULL",
		"seed_hamt_check: shape must not be NULL",
		"seed_hamt_release: nothing is held",
		"seed_hamt_hold: key must not be NULL",
		"seed_hamt_hold: the handle holds a read already",
		"seed_hamt_drop: seed_hamt_release() has not been called",
	};

	for (int i = 0; i < (int)(sizeof(rules) / sizeof(rules[0])); i++)
		CHECK(check_aborts(misuse, &i, rules[i]));
}

static const struct test tests[] = {
	TEST(new_map_is_empty),
	TEST(no_config_means_u64),
	TEST(each_operation_says_what_it_found),
	TEST(random_hash_keys_differ),
	TEST(all_accounted_for),
	TEST(all_removed),
	TEST(mixed_insert_and_remove),
	TEST(million_operations_agree_with_a_table),
	TEST(keys_that_meet_agree_with_a_table),
	TEST(thresholds_and_modes_agree_with_a_table),
	TEST(refused_mode_is_a_mismatch),
	TEST(equal_hashes_share_one_node),
	TEST(pairs_of_equal_hash_share_a_node),
	TEST(collision_moves_down_and_up),
	TEST(rehash_separates_what_the_first_hash_cannot),
	TEST(deepest_keys_lie_in_the_last_round),
	TEST(last_of_deep_keys_comes_up_to_the_root),
	TEST(contraction_stops_at_the_next_neighbour),
	TEST(shape_counts_the_bytes),
	TEST(copies_of_keys_and_values_are_dropped_once),
	TEST(copy_may_fail),
	TEST(keys_and_values_are_aligned),
	TEST(new_survives_any_failed_allocation),
	TEST(clone_survives_any_failed_allocation),
	TEST(operations_survive_any_failed_allocation),
	TEST(tombs_are_only_in_the_way),
	TEST(handles_end_in_any_order),
	TEST(flush_frees_what_nobody_protects),
	TEST(held_read_keeps_what_it_read),
#if RECLAIM == RECLAIM_HP
	TEST(shared_domain_outlives_its_maps),
	TEST(retired_leaf_outlives_its_map),
#endif
	TEST(deepest_map_is_torn_down_on_a_small_stack),
	TEST(checker_sees_what_is_wrong),
	TEST(misuse_names_the_rule),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
