/*
 * test_hash.c - the hash is a bijection, spreads every key bit over the whole
 * hash, and depends on its seed.
 *
 * The bounds of the statistics lie many standard deviations beyond what is
 * expected: a failure is a property of the function, not bad luck.
 */
/* not under tsan: one thread */
#include <math.h>

#include "core/hash.h"
#include "core/tests/check.h"

/* The n-th random number of this test, by another function than the tested one: splitmix64. */
static uint64_t
random_at(uint64_t n)
{
	uint64_t x = check_seed + (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* A function with an inverse on both sides is a bijection. */
static void
inverse_gives_the_key_back(void)
{
	static const uint64_t edges[] = { 0, 1, 2, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63,
		UINT32_MAX, UINT64_C(1) << 32, HASH_FIRST, HASH_SECOND };

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (size_t j = 0; j < sizeof(edges) / sizeof(edges[0]); j++) {
			CHECK_EQ(hash_u64_inverse(hash_u64(edges[i], edges[j]), edges[j]), edges[i]);
			CHECK_EQ(hash_u64(hash_u64_inverse(edges[i], edges[j]), edges[j]), edges[i]);
		}
	for (uint64_t n = 0; n < 200000; n++) {
		uint64_t key = random_at(2 * n), seed = random_at(2 * n + 1);

		CHECK_EQ(hash_u64_inverse(hash_u64(key, seed), seed), key);
		CHECK_EQ(hash_u64(hash_u64_inverse(key, seed), seed), key);
	}
	/* All single bits: each must have left a trace in the hash. */
	for (unsigned bit = 0; bit < 64; bit++)
		CHECK(hash_u64(UINT64_C(1) << bit, 7) != hash_u64(0, 7));
}

/* key_at - the n-th of the keys over which a statistic is taken. */
typedef uint64_t key_at_fn(uint64_t n);

static uint64_t
small_key(uint64_t n)
{
	return n;
}

static uint64_t
page_key(uint64_t n)
{
	return n << 12;
}

/*
 * With S keys the share of flips that a fair bit shows has a standard deviation
 * of 1 / (2 sqrt(S)) = 0.005 here, and lies 0.004 from 1/2 on average. The
 * function adds its own 0.012; its worst pair of bits reaches 0.33.
 */
static void
check_avalanche(key_at_fn *key_at, bool of_seed)
{
	enum { SAMPLES = 10000 };
	static uint32_t flips[64][64];
	double sum_distance = 0;

	memset(flips, 0, sizeof(flips));
	for (uint64_t n = 0; n < SAMPLES; n++) {
		uint64_t key = key_at(n), seed = random_at(n + (UINT64_C(1) << 40));
		uint64_t hash = hash_u64(key, seed);

		for (unsigned in = 0; in < 64; in++) {
			uint64_t bit = UINT64_C(1) << in;
			uint64_t changed = hash ^ (of_seed ? hash_u64(key, seed ^ bit) :
			                                     hash_u64(key ^ bit, seed));

			for (unsigned out = 0; out < 64; out++)
				flips[in][out] += changed >> out & 1;
		}
	}
	for (unsigned in = 0; in < 64; in++)
		for (unsigned out = 0; out < 64; out++) {
			double distance = fabs((double)flips[in][out] / SAMPLES - 0.5);

			if (distance > 0.36)
				fprintf(stderr, "# key bit %u, hash bit %u: %.3f\n", in, out, distance);
			CHECK(distance < 0.36);
			sum_distance += distance;
		}
	CHECK(sum_distance / (64 * 64) < 0.018);
}

static void
every_key_bit_reaches_every_hash_bit(void)
{
	check_avalanche(random_at, false);
	check_avalanche(small_key, false);
}

static void
every_seed_bit_reaches_every_hash_bit(void)
{
	check_avalanche(random_at, true);
}

/*
 * Keys in sequence fill every chunk of five bits evenly. Chi-square over the
 * 32 values of a chunk has 31 degrees of freedom: mean 31, standard deviation 8.
 */
static void
check_chunks(key_at_fn *key_at, uint64_t seed)
{
	enum { KEYS = 64000, EXPECTED = KEYS / 32 };

	for (unsigned shift = 0; shift + 5 <= 64; shift++) {
		uint32_t count[32] = { 0 };
		double chi_square = 0;

		for (uint64_t n = 0; n < KEYS; n++)
			count[hash_u64(key_at(n), seed) >> shift & 31]++;
		for (unsigned i = 0; i < 32; i++)
			chi_square += ((double)count[i] - EXPECTED) * ((double)count[i] - EXPECTED) / EXPECTED;
		if (chi_square > 95)
			fprintf(stderr, "# bits %u to %u: chi-square %.0f\n", shift, shift + 4, chi_square);
		CHECK(chi_square < 95);
	}
}

static void
keys_in_sequence_fill_every_chunk(void)
{
	check_chunks(small_key, random_at(1));
	check_chunks(page_key, random_at(2));
	check_chunks(random_at, random_at(3));
}

/* Under another seed the same keys lie elsewhere: no more agree than by chance. */
static void
another_seed_is_another_hash(void)
{
	enum { KEYS = 64000 };

	for (uint64_t s = 0; s < 20; s++) {
		unsigned same_hash = 0, same_chunk = 0;

		for (uint64_t key = 0; key < KEYS; key++) {
			uint64_t a = hash_u64(key, random_at(2 * s)), b = hash_u64(key, random_at(2 * s + 1));

			same_hash += a == b;
			same_chunk += (a & 31) == (b & 31);
		}
		CHECK_EQ(same_hash, 0);
		/* Expected KEYS / 32 = 2000, standard deviation 44. */
		CHECK(same_chunk > 1500 && same_chunk < 2500);
	}
}

static void
random_keys_differ_and_are_not_0(void)
{
	enum { DRAWN = 1000 };
	static uint64_t drawn[DRAWN];
	uint64_t all_or = 0, all_and = UINT64_MAX;

	for (unsigned i = 0; i < DRAWN; i++) {
		drawn[i] = hash_random_key();
		CHECK(drawn[i] != 0);
		all_or |= drawn[i];
		all_and &= drawn[i];
		for (unsigned j = 0; j < i; j++)
			CHECK(drawn[j] != drawn[i]);
	}
	/* No bit is the same in all of them. */
	CHECK_EQ(all_or, UINT64_MAX);
	CHECK_EQ(all_and, 0);
}

static const struct test tests[] = {
	TEST(inverse_gives_the_key_back),
	TEST(every_key_bit_reaches_every_hash_bit),
	TEST(every_seed_bit_reaches_every_hash_bit),
	TEST(keys_in_sequence_fill_every_chunk),
	TEST(another_seed_is_another_hash),
	TEST(random_keys_differ_and_are_not_0),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
