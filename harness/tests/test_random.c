/*
 * test_random.c - the generator is the published one, ranges are exact, and
 * streams have nothing to do with each other.
 */
#include "core/tests/check.h"
#include "harness/random.h"

/* The reference code's first outputs from the state 1, 2, 3, 4 (Blackman and Vigna, xoshiro256plusplus.c). */
static void
is_xoshiro256_plus_plus(void)
{
	struct random r = { { 1, 2, 3, 4 } };
	static const uint64_t expected[] = { 41943041, 58720359, 3588806011781223, 3591011842654386 };

	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(random_next(&r), expected[i]);
}

/* splitmix64 started at 0 gives random_mix(golden), the first number of its reference code. */
static void
mix_is_splitmix64(void)
{
	CHECK_EQ(random_mix(0x9e3779b97f4a7c15), 0xe220a8397b1dcdaf);
}

static void
same_pair_same_numbers(void)
{
	struct random a, b;

	random_seed(&a, check_seed, 7);
	random_seed(&b, check_seed, 7);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(random_next(&a), random_next(&b));
}

/* Neighbouring and swapped pairs too: 64 generators, no number twice among their first hundred. */
static void
different_pairs_different_numbers(void)
{
	enum { SIDE = 8, EACH = 100, ALL = SIDE * SIDE * EACH };
	static uint64_t seen[ALL];
	size_t count = 0;

	for (uint64_t seed = 0; seed < SIDE; seed++)
		for (uint64_t stream = 0; stream < SIDE; stream++) {
			struct random r;

			random_seed(&r, check_seed + seed, stream);
			for (unsigned i = 0; i < EACH; i++)
				seen[count++] = random_next(&r);
		}
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			CHECK(seen[i] != seen[j]);
}

/* n = 3 * 2^62 makes one word in four surplus: without rejection the first third would come half of the time. */
static void
below_has_no_bias(void)
{
	enum { DRAWS = 300000 };
	const uint64_t third = UINT64_C(1) << 62;
	unsigned seen[3] = { 0 };
	struct random r;

	random_seed(&r, check_seed, 0);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t x = random_below(&r, 3 * third);

		CHECK(x < 3 * third);
		seen[x / third]++;
	}
	/* Six standard deviations: sqrt(300000 * 2/9) = 258. */
	for (unsigned i = 0; i < 3; i++)
		CHECK(seen[i] > DRAWS / 3 - 1550 && seen[i] < DRAWS / 3 + 1550);
}

static void
below_covers_small_ranges(void)
{
	struct random r;

	random_seed(&r, check_seed, 1);
	for (uint64_t n = 1; n <= 40; n++) {
		uint64_t seen = 0;

		for (unsigned i = 0; i < 4000; i++) {
			uint64_t x = random_below(&r, n);

			CHECK(x < n);
			seen |= UINT64_C(1) << x;
		}
		CHECK_EQ(seen, (UINT64_C(1) << n) - 1);
	}
}

static void
below_zero(void *arg)
{
	random_below(arg, 0);
}

static void
below_zero_aborts(void)
{
	struct random r;

	random_seed(&r, check_seed, 0);
	CHECK(check_aborts(below_zero, &r, "random_below: n must not be 0"));
}

static void
unit_is_in_range_and_fills_it(void)
{
	enum { DRAWS = 200000, CELLS = 16 };
	unsigned seen[CELLS] = { 0 };
	struct random r;

	random_seed(&r, check_seed, 2);
	for (unsigned i = 0; i < DRAWS; i++) {
		double x = random_unit(&r);

		CHECK(x >= 0 && x < 1);
		CHECK(x * 0x1p53 == (double)(uint64_t)(x * 0x1p53));
		seen[(unsigned)(x * CELLS)]++;
	}
	/* Six standard deviations: sqrt(12500 * 15/16) = 108. */
	for (unsigned i = 0; i < CELLS; i++)
		CHECK(seen[i] > DRAWS / CELLS - 650 && seen[i] < DRAWS / CELLS + 650);
}

/* The 128-bit product against schoolbook multiplication by shifts and additions. */
static void
multiply_is_exact(void)
{
	struct random r;

	random_seed(&r, check_seed, 3);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t a = random_next(&r) >> random_below(&r, 64), b = random_next(&r) >> random_below(&r, 64);
		uint64_t high = 0, low = 0, got_low, got_high = random_multiply(a, b, &got_low);

		for (unsigned bit = 64; bit-- > 0;) {
			high = high << 1 | low >> 63;
			low <<= 1;
			if (b >> bit & 1) {
				low += a;
				high += low < a;
			}
		}
		CHECK_EQ(got_high, high);
		CHECK_EQ(got_low, low);
	}
}

static const struct test tests[] = {
	TEST(is_xoshiro256_plus_plus),
	TEST(mix_is_splitmix64),
	TEST(same_pair_same_numbers),
	TEST(different_pairs_different_numbers),
	TEST(below_has_no_bias),
	TEST(below_covers_small_ranges),
	TEST(below_zero_aborts),
	TEST(unit_is_in_range_and_fills_it),
	TEST(multiply_is_exact),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
