/*
 * test_histogram.c - every value is in the bucket that says so, no bucket is
 * wider than promised, percentiles agree with the sorted values, and what does
 * not fit is not forgotten.
 */
/* not under tsan: one thread */
#include "core/tests/check.h"
#include "harness/histogram.h"
#include "harness/random.h"

static struct histogram h, other, both;

static void
buckets_tile_the_range(void)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = histogram_low(i), high = histogram_high(i);

		CHECK_EQ(low, next);
		CHECK(high >= low);
		CHECK_EQ(histogram_index(low), i);
		CHECK_EQ(histogram_index(high), i);
		/* Exact below 32, else at most 1/32 of the value. */
		CHECK(low < 32 ? high == low : (high - low) * 32 < low);
		next = high + 1;
	}
	CHECK_EQ(next, HISTOGRAM_LIMIT_NS);
}

static void
empty_is_all_zero(void)
{
	CHECK_EQ(histogram_percentile(&h, 0), 0);
	CHECK_EQ(histogram_percentile(&h, 50), 0);
	CHECK_EQ(histogram_percentile(&h, 100), 0);
	CHECK(histogram_mean(&h) == 0);
}

static void
one_value_is_every_percentile(void)
{
	/* 1000 lies inside a bucket that ends at 1007: max caps it. */
	CHECK(histogram_add(&h, 1000));
	CHECK_EQ(histogram_percentile(&h, 0), 1000);
	CHECK_EQ(histogram_percentile(&h, 50), 1000);
	CHECK_EQ(histogram_percentile(&h, 100), 1000);
	CHECK_EQ(h.min, 1000);
	CHECK_EQ(h.max, 1000);
	CHECK_EQ(h.sum, 1000);
	CHECK_EQ(h.total, 1);
}

static void
zero_is_a_value(void)
{
	CHECK(histogram_add(&h, 7));
	CHECK(histogram_add(&h, 0));
	CHECK_EQ(h.min, 0);
	CHECK_EQ(histogram_percentile(&h, 50), 0);
	CHECK_EQ(histogram_percentile(&h, 100), 7);
}

static void
out_of_range_is_counted_and_seen(void)
{
	CHECK(histogram_add(&h, HISTOGRAM_LIMIT_NS - 1));
	CHECK(!histogram_add(&h, HISTOGRAM_LIMIT_NS));
	CHECK(!histogram_add(&h, UINT64_MAX));
	CHECK_EQ(h.total, 1);
	CHECK_EQ(h.lost, 2);
	CHECK_EQ(h.max, UINT64_MAX);
	CHECK_EQ(h.min, HISTOGRAM_LIMIT_NS - 1);
	/* The sum stops rather than starting again from 0. */
	CHECK_EQ(h.sum, UINT64_MAX);
	/* Lost values are the largest: they hold the upper ranks. */
	CHECK_EQ(histogram_percentile(&h, 33), HISTOGRAM_LIMIT_NS - 1);
	CHECK_EQ(histogram_percentile(&h, 50), UINT64_MAX);
}

/* 99.9 in binary is a little more than 99.9: of 1000 values it must still be the 999th. */
static void
decimal_percentages_hit_their_rank(void)
{
	for (uint64_t i = 0; i < 999; i++)
		histogram_add(&h, 10);
	histogram_add(&h, 20);
	CHECK_EQ(histogram_percentile(&h, 99.9), 10);
	CHECK_EQ(histogram_percentile(&h, 99.91), 20);
	for (uint64_t i = 0; i < 9000; i++)
		histogram_add(&h, 10);
	CHECK_EQ(histogram_percentile(&h, 99.99), 10);
	CHECK_EQ(histogram_percentile(&h, 99.995), 20);
}

static int
compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* Against the sorted values: never too low, at most 1/32 too high. */
static void
percentiles_agree_with_sorting(void)
{
	enum { COUNT = 20000 };
	static uint64_t value[COUNT];
	struct random r;
	uint64_t sum = 0;

	random_seed(&r, check_seed, 0);
	for (unsigned i = 0; i < COUNT; i++) {
		/* All magnitudes alike. */
		value[i] = random_next(&r) >> (24 + random_below(&r, 40));
		sum += value[i];
		CHECK(histogram_add(&h, value[i]));
	}
	qsort(value, COUNT, sizeof(value[0]), compare);
	for (unsigned tenth = 0; tenth <= 1000; tenth++) {
		unsigned rank = (tenth * COUNT + 999) / 1000;
		uint64_t exact = value[rank == 0 ? 0 : rank - 1], got = histogram_percentile(&h, tenth / 10.0);

		CHECK(got >= exact);
		CHECK(got - exact <= exact / 32);
	}
	CHECK_EQ(h.sum, sum);
	CHECK_EQ(h.min, value[0]);
	CHECK_EQ(h.max, value[COUNT - 1]);
	CHECK_EQ(histogram_percentile(&h, 100), value[COUNT - 1]);
	CHECK(histogram_mean(&h) == (double)sum / COUNT);
}

/* Two halves merged are the whole, byte for byte, in either order and with an empty one. */
static void
merging_is_adding_all(void)
{
	static struct histogram empty, reversed;
	struct random r;

	random_seed(&r, check_seed, 1);
	for (unsigned i = 0; i < 5000; i++) {
		uint64_t ns = random_next(&r) >> (20 + random_below(&r, 44));

		histogram_add(i % 3 == 0 ? &h : &other, ns);
		histogram_add(&both, ns);
	}
	CHECK(both.lost != 0);
	reversed = other;
	histogram_merge(&reversed, &h);
	histogram_merge(&h, &empty);
	histogram_merge(&h, &other);
	CHECK(memcmp(&h, &both, sizeof(h)) == 0);
	CHECK(memcmp(&reversed, &both, sizeof(h)) == 0);
	histogram_merge(&empty, &both);
	CHECK(memcmp(&empty, &both, sizeof(h)) == 0);
}

/*
 * Ended 1, 3, 4, 6; censored 2, 5, 7. By hand, with 7, 5, 4, 2 left at the four ends:
 * 6/7, 6/7 4/5 = 24/35, 24/35 3/4 = 18/35, 18/35 1/2 = 9/35, and there it stays.
 */
static void
censored_times_keep_their_share(void)
{
	static const uint64_t ended[] = { 1, 3, 4, 6 }, censored[] = { 2, 5, 7 };

	for (unsigned i = 0; i < 4; i++)
		histogram_add(&h, ended[i]);
	for (unsigned i = 0; i < 3; i++)
		histogram_add(&other, censored[i]);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 14), 1);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 15), 3);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 48), 4);
	/* Plain, the median of what ended is 3. */
	CHECK_EQ(histogram_percentile_censored(&h, &other, 50), 6);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 74), 6);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 75), UINT64_MAX);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 100), UINT64_MAX);
	/* One that ended after all: nothing is left, everything is known. */
	histogram_add(&h, 8);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 100), 8);
}

/* 1000 and 1001 share a bucket, and 1001 is the last. */
static void
last_end_is_known_in_a_shared_bucket(void)
{
	histogram_add(&h, 1001);
	histogram_add(&other, 1000);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 100), 1001);
	histogram_add(&other, 1002);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 100), UINT64_MAX);
}

static void
without_censored_it_is_the_plain_percentile(void)
{
	CHECK_EQ(histogram_percentile_censored(&h, &other, 50), UINT64_MAX);
	for (uint64_t ns = 1; ns <= 5000; ns++)
		histogram_add(&h, ns * ns);
	histogram_add(&h, HISTOGRAM_LIMIT_NS + 1);
	for (unsigned tenth = 0; tenth <= 1000; tenth++)
		CHECK_EQ(histogram_percentile_censored(&h, &other, tenth / 10.0), histogram_percentile(&h, tenth / 10.0));
}

static void
all_censored_is_unknown(void)
{
	histogram_add(&other, 5);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 0), UINT64_MAX);
	CHECK_EQ(histogram_percentile_censored(&h, &other, 50), UINT64_MAX);
}

static void
percentile_of_101(void *arg)
{
	histogram_percentile(arg, 101);
}

static void
bad_percentage_aborts(void)
{
	CHECK(check_aborts(percentile_of_101, &h, "pct must be 0 .. 100"));
}

static void
many_are_as_many_single_ones(void)
{
	struct histogram one = { 0 }, many = { 0 };

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t ns = i % 10 == 0 ? HISTOGRAM_LIMIT_NS + i : i * i;

		for (unsigned n = 0; n < i % 4; n++)
			(void)histogram_add(&one, ns);
		histogram_add_many(&many, ns, i % 4);
	}
	CHECK(memcmp(&one, &many, sizeof(one)) == 0);
	histogram_add_many(&many, UINT64_MAX / 2, 5);
	CHECK_EQ(many.sum, UINT64_MAX);
}

static const struct test tests[] = {
	TEST(buckets_tile_the_range),
	TEST(empty_is_all_zero),
	TEST(one_value_is_every_percentile),
	TEST(zero_is_a_value),
	TEST(out_of_range_is_counted_and_seen),
	TEST(decimal_percentages_hit_their_rank),
	TEST(percentiles_agree_with_sorting),
	TEST(merging_is_adding_all),
	TEST(many_are_as_many_single_ones),
	TEST(censored_times_keep_their_share),
	TEST(last_end_is_known_in_a_shared_bucket),
	TEST(without_censored_it_is_the_plain_percentile),
	TEST(all_censored_is_unknown),
	TEST(bad_percentage_aborts),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
