/*
 * test_reclaim.c - the maps' reclamation, by its public face (core/reclaim.h):
 * domains that are shared, and what each scheme promises. Built once for each
 * scheme; what only some promise asks RECLAIM.
 */
#include "core/reclaim.h"

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

static const struct allocator list_allocator = { list_alloc, list_free, NULL };

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
#endif
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
