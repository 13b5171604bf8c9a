/*
 * test_node.c - slot words and packed nodes by themselves: what is built can
 * be found, each copy differs from its original as it should and leaves that
 * alone, limits hold, and no allocation that fails leaves anything behind.
 */
/* not under tsan: one thread */
#include "core/node.h"
#include "core/tests/check.h"

static uint64_t rng_state;

static uint64_t
rng(void)
{
	uint64_t z;

	if (rng_state == 0)
		rng_state = check_seed;
	z = (rng_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t live, fail_at;

static void *
test_alloc(void *state, size_t bytes)
{
	(void)state;
	if (fail_at != 0 && --fail_at == 0)
		return NULL;
	live++;
	return malloc(bytes);
}

static void
test_free(void *state, void *memory, size_t bytes)
{
	(void)state;
	(void)bytes;
	live--;
	free(memory);
}

static const struct hamt_allocator allocator = { test_alloc, test_free, NULL };

/* find - the value of hash below word, walking as a lookup does. */
static bool
find(uint64_t word, int left, uint64_t hash, uint64_t *value)
{
	for (;; left -= NODE_CHUNK_BITS) {
		unsigned first, end, at;
		const struct entry *node = word_node(word);

		if (!node_window(word, left, hash, &first, &end))
			return false;
		CHECK(end <= word_count(word, left));
		for (at = first; at < end; at++)
			if (node[at].key == hash) {
				*value = node[at].value;
				return true;
			}
		if (left <= 0)
			return false;
		for (at = first; at < end && node[at].key != node_child_key(hash, left); at++)
			continue;
		if (at == end)
			return false;
		word = node[at].value;
	}
}

/* sound - count, order, bitmap, extra of one node and all below it. Returns the DATA entries. */
static size_t
sound(const struct node_config *c, uint64_t word, int left)
{
	const struct entry *node = word_node(word);
	unsigned count = word_count(word, left), bitmap = 0, extra = 0;
	size_t data = 0;

	if (left > 0)
		CHECK(word_extra(word) <= c->inline_limit);
	for (unsigned i = 0; i < count; i++) {
		if (left > 0) {
			unsigned bit = 1u << node_chunk(entry_hash(&node[i]), left);

			CHECK(i == 0 || entry_hash(&node[i - 1]) < entry_hash(&node[i]));
			CHECK((bitmap & bit) == 0 || (!entry_is_child(&node[i]) && !entry_is_child(&node[i - 1])));
			extra += (bitmap & bit) != 0;
			bitmap |= bit;
		}
		data += entry_is_child(&node[i]) ? sound(c, node[i].value, left - NODE_CHUNK_BITS) : 1;
	}
	if (left > 0) {
		CHECK_EQ(bitmap, word_bitmap(word));
		CHECK_EQ(extra, word_extra(word));
	}
	return data;
}

static int
by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* some_entries - different hashes of left bits; few different upper chunks, so that levels fill. */
static size_t
some_entries(struct entry *entries, size_t wanted, int left)
{
	size_t count = 0;

	for (size_t i = 0; i < wanted; i++) {
		uint64_t mask = left >= 63 ? ~ENTRY_SUB : (UINT64_C(1) << left) - 1;

		entries[i].key = rng() & mask & (rng() % 3 == 0 ? rng() : rng() % 2 ? ~UINT64_C(0) : UINT64_C(0xf0f));
		entries[i].value = rng();
	}
	qsort(entries, wanted, sizeof(*entries), by_key);
	for (size_t i = 0; i < wanted; i++)
		if (count == 0 || entries[count - 1].key != entries[i].key)
			entries[count++] = entries[i];
	return count;
}

static void
words_hold_what_was_put_in(void)
{
	struct entry *node = malloc(sizeof(*node) * 2);
	uint64_t word = word_make(node, 0xa005, 3);

	CHECK(word_is_node(word) && word_is_node(word | WORD_FROZEN));
	CHECK(word_node(word) == node && word_node(word | WORD_FROZEN) == node);
	CHECK_EQ(word_bitmap(word), 0xa005);
	CHECK_EQ(word_extra(word | WORD_FROZEN), 3);
	CHECK_EQ(word_count(word, 4), 7);
	CHECK_EQ(word_count(word_make(node, 500, 0), 0), 500);
	CHECK(!word_is_node(WORD_UNINIT) && !word_is_node(WORD_EMPTY) && !word_is_node(WORD_MOVED));
	CHECK(!word_is_node(WORD_EMPTY | WORD_FROZEN));
	free(node);
}

static void
chunks_cover_the_hash(void)
{
	for (int top = 63; top >= 24; top--)
		for (unsigned i = 0; i < 200; i++) {
			uint64_t hash = rng() & ((UINT64_C(1) << top) - 1), again = 0;

			for (int left = top; left > 0; left -= NODE_CHUNK_BITS) {
				int bits = left < NODE_CHUNK_BITS ? left : NODE_CHUNK_BITS;
				uint64_t child = node_child_key(hash, left) & ~ENTRY_SUB;

				again = again << bits | node_chunk(hash, left);
				CHECK_EQ(child >> (left - bits), hash >> (left - bits));
				CHECK_EQ(child & ((UINT64_C(1) << (left - bits)) - 1), 0);
			}
			CHECK_EQ(again, hash);
		}
}

static void
what_is_built_is_found(void)
{
	static struct entry entries[400];

	for (unsigned limit = 0; limit <= NODE_INLINE_MAX; limit++)
		for (int left = 63; left >= 24; left -= 3)
			for (size_t wanted = 1; wanted <= 400; wanted = wanted * 2 + 1) {
				struct node_config c = { &allocator, limit, NULL };
				size_t count = some_entries(entries, wanted, left);
				uint64_t word = node_build(&c, entries, count, left), value;

				CHECK(word_is_node(word));
				CHECK_EQ(sound(&c, word, left), count);
				for (size_t i = 0; i < count; i++) {
					CHECK(find(word, left, entries[i].key, &value));
					CHECK_EQ(value, entries[i].value);
					CHECK(!find(word, left, entries[i].key ^ 0x1000, &value) ||
					    bsearch(&(struct entry){ entries[i].key ^ 0x1000, 0 }, entries, count,
					        sizeof(*entries), by_key) != NULL);
				}
				node_drop(&c, word, left, NULL, NULL);
				CHECK_EQ(live, 0);
			}
}

/* A node grows entry by entry, is changed and shrinks again; every older version stays as it was. */
static void
copies_leave_their_originals_alone(void)
{
	for (unsigned limit = 0; limit <= NODE_INLINE_MAX; limit++)
		for (unsigned round = 0; round < 200; round++) {
			struct node_config c = { &allocator, limit, NULL };
			/* Chunks differ, but for as many as may stay inline. */
			int left = round % 2 ? 60 : 24;
			struct entry all[NODE_CHUNKS], first;
			uint64_t words[3 * NODE_CHUNKS], value;
			unsigned count = 1 + (unsigned)(rng() % NODE_CHUNKS), versions = 0, order[NODE_CHUNKS];

			for (unsigned i = 0; i < NODE_CHUNKS; i++) {
				unsigned other = (unsigned)(rng() % (i + 1));

				order[i] = order[other];
				order[other] = i;
			}
			for (unsigned i = 0; i < count; i++)
				all[i] = (struct entry){ (uint64_t)order[i] << (left - 4) | (rng() & 0xffff), rng() };
			first = all[0];
			words[versions++] = node_build(&c, &first, 1, left);
			for (unsigned i = 1; i < count; i++) {
				uint64_t old = words[versions - 1], pushed;

				words[versions] = node_insert(&c, old, word_node(old), left, &all[i], &pushed);
				CHECK(word_is_node(words[versions]));
				CHECK_EQ(pushed, WORD_UNINIT);
				CHECK_EQ(sound(&c, words[versions], left), i + 1);
				CHECK_EQ(sound(&c, old, left), i);
				CHECK(!find(old, left, all[i].key, &value));
				versions++;
			}
			for (unsigned i = count - 1; i > 0; i--) {
				uint64_t old = words[versions - 1];
				unsigned at = 0;

				while (word_node(old)[at].key != all[i].key)
					at++;
				if (i % 2 == 0) {
					struct entry with = { all[i].key, ~all[i].value };

					words[versions] = node_put(&c, old, word_node(old), left, at, &with);
					CHECK(find(words[versions], left, all[i].key, &value));
					CHECK_EQ(value, ~all[i].value);
					CHECK(find(old, left, all[i].key, &value));
					CHECK_EQ(value, all[i].value);
					old = words[versions++];
				}
				words[versions] = node_remove(&c, old, word_node(old), left, at);
				CHECK_EQ(sound(&c, words[versions], left), i);
				CHECK_EQ(sound(&c, old, left), i + 1);
				CHECK(!find(words[versions], left, all[i].key, &value));
				versions++;
			}
			while (versions > 0) {
				node_free(&c, words[versions - 1], left);
				versions--;
			}
			CHECK_EQ(live, 0);
		}
}

/* One chunk: limit + 1 stay inline, one more pushes all of them down; removing shrinks extra. */
static void
a_full_chunk_is_pushed_down(void)
{
	for (unsigned limit = 0; limit <= NODE_INLINE_MAX; limit++) {
		struct node_config c = { &allocator, limit, NULL };
		struct entry e = { UINT64_C(5) << 56 | 1 << 20, 1 };
		uint64_t word = node_build(&c, &e, 1, 60), next, pushed, value;

		for (unsigned i = 1; i <= limit; i++) {
			e = (struct entry){ UINT64_C(5) << 56 | (uint64_t)(i * 7 % 16) << 30 | i, i + 1 };
			next = node_insert(&c, word, word_node(word), 60, &e, &pushed);
			CHECK_EQ(pushed, WORD_UNINIT);
			CHECK_EQ(word_extra(next), i);
			CHECK_EQ(sound(&c, next, 60), i + 1);
			node_free(&c, word, 60);
			word = next;
		}
		if (limit > 0) {
			next = node_remove(&c, word, word_node(word), 60, limit / 2);
			CHECK_EQ(word_extra(next), limit - 1);
			CHECK_EQ(sound(&c, next, 60), limit);
			node_free(&c, next, 60);
		}
		e = (struct entry){ UINT64_C(5) << 56 | 77, 99 };
		for (fail_at = 1;; fail_at++) {
			uint64_t was = live, nth = fail_at;

			next = node_insert(&c, word, word_node(word), 60, &e, &pushed);
			if (fail_at > 0 && next != WORD_UNINIT)
				break;
			CHECK_EQ(next, WORD_UNINIT);
			CHECK_EQ(pushed, WORD_UNINIT);
			CHECK_EQ(live, was);
			fail_at = nth;
		}
		fail_at = 0;
		CHECK(word_is_node(pushed));
		CHECK_EQ(word_count(next, 60), 1);
		CHECK_EQ(word_extra(next), 0);
		CHECK(entry_is_child(word_node(next)));
		CHECK_EQ(sound(&c, next, 60), limit + 2);
		CHECK(find(next, 60, e.key, &value));
		CHECK_EQ(value, 99);
		node_free(&c, word, 60);
		node_drop(&c, next, 60, NULL, NULL);
		CHECK_EQ(live, 0);
	}
}

static void
no_failed_build_leaves_anything(void)
{
	static struct entry entries[200];

	for (unsigned limit = 0; limit <= NODE_INLINE_MAX; limit += 7) {
		struct node_config c = { &allocator, limit, NULL };
		size_t count = some_entries(entries, 200, 60);
		uint64_t word = WORD_UNINIT;

		for (uint64_t nth = 1; word == WORD_UNINIT; nth++) {
			fail_at = nth;
			word = node_build(&c, entries, count, 60);
			fail_at = 0;
			if (word == WORD_UNINIT)
				CHECK_EQ(live, 0);
			else
				CHECK(nth > 1);
		}
		node_drop(&c, word, 60, NULL, NULL);
		CHECK_EQ(live, 0);
	}
}

static uint64_t dropped_sum;

static void
sum_data(void *arg, uint64_t value)
{
	CHECK(arg == &dropped_sum);
	dropped_sum += value;
}

/* Where the bits end, keys of equal hash share a node; and a drop sees every value once. */
static void
equal_hashes_share_a_node(void)
{
	struct node_config c = { &allocator, 0, NULL };
	struct entry entries[5];
	uint64_t word, next, pushed, sum = 0;

	for (unsigned i = 0; i < 5; i++) {
		entries[i] = (struct entry){ 0x123456789abcdef, 1u << i };
		sum += 1u << i;
	}
	for (int left = 63; left >= 56; left--) {
		int bottom = left;

		word = node_build(&c, entries, 5, left);
		next = word;
		for (; bottom > 0; bottom -= NODE_CHUNK_BITS) {
			CHECK_EQ(word_count(next, bottom), 1);
			CHECK(entry_is_child(word_node(next)));
			next = word_node(next)->value;
		}
		CHECK_EQ(word_count(next, bottom), 5);
		dropped_sum = 0;
		node_drop(&c, word, left, sum_data, &dropped_sum);
		CHECK_EQ(dropped_sum, sum);
		CHECK_EQ(live, 0);
	}
	word = node_build(&c, entries, 4, -1);
	next = node_insert(&c, word, word_node(word), -1, &entries[4], &pushed);
	CHECK_EQ(word_count(next, -1), 5);
	node_free(&c, word, -1);
	word = node_remove(&c, next, word_node(next), -1, 2);
	CHECK_EQ(word_count(word, -1), 4);
	node_free(&c, next, -1);
	dropped_sum = 0;
	node_drop(&c, word, -1, sum_data, &dropped_sum);
	CHECK_EQ(dropped_sum, sum - 4);
	CHECK_EQ(live, 0);
}

static const struct test tests[] = {
	TEST(words_hold_what_was_put_in),
	TEST(chunks_cover_the_hash),
	TEST(what_is_built_is_found),
	TEST(copies_leave_their_originals_alone),
	TEST(a_full_chunk_is_pushed_down),
	TEST(no_failed_build_leaves_anything),
	TEST(equal_hashes_share_a_node),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
