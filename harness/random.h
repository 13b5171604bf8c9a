/*
 * random.h - one small generator per thread, inline because it runs inside
 * the measured loop.
 *
 * xoshiro256++: Blackman and Vigna 2021, Scrambled Linear Pseudorandom Number
 * Generators. Seeding by splitmix64: Steele, Lea, Flood 2014, Fast Splittable
 * Pseudorandom Number Generators. Ranges: Lemire 2019, Fast Random Integer
 * Generation in an Interval. The same numbers on every machine.
 * Threads: one generator belongs to one thread; nothing is shared.
 */
#ifndef HARNESS_RANDOM_H
#define HARNESS_RANDOM_H

#include <stdint.h>

#include "core/base.h"

struct random {
	uint64_t s[4]; /* never all zero */
};

/* random_mix - splitmix64's finaliser, a bijection: every bit of the result depends on every bit of x. */
static inline uint64_t
random_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/*
 * random_seed - start generator number `stream` of the family `seed`.
 * Different pairs (seed, stream) give generators that have nothing in common:
 * (0, 1) and (1, 0) too.
 */
static inline void
random_seed(struct random *r, uint64_t seed, uint64_t stream)
{
	const uint64_t golden = 0x9e3779b97f4a7c15;
	uint64_t x = random_mix(random_mix(seed + golden) ^ (stream + 1) * golden);

	/* A bijection of four different inputs: at most one word is zero. */
	for (unsigned i = 0; i < 4; i++)
		r->s[i] = random_mix(x += golden);
}

static inline uint64_t
random_rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

/* random_next - 64 random bits. */
static inline uint64_t
random_next(struct random *r)
{
	uint64_t *s = r->s, result = random_rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = random_rotate(s[3], 45);
	return result;
}

/* random_multiply - the 128-bit product: returns the high half, *low = the low half. */
static inline uint64_t
random_multiply(uint64_t a, uint64_t b, uint64_t *low)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)a * b;

	*low = (uint64_t)product;
	return (uint64_t)(product >> 64);
#else
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t middle = a1 * b0 + (a0 * b0 >> 32), cross = a0 * b1 + (uint32_t)middle;

	*low = a * b;
	return a1 * b1 + (middle >> 32) + (cross >> 32);
#endif
}

/*
 * random_below - a number in [0, n), every one equally likely, exactly.
 * Misuse    n == 0 aborts (there is no such number).
 */
static inline uint64_t
random_below(struct random *r, uint64_t n)
{
	uint64_t low, high;

	misuse_if(n == 0, "random_below: n must not be 0");
	high = random_multiply(random_next(r), n, &low);
	/* Only low < 2^64 mod n is surplus; low >= n spares the division. */
	if (UNLIKELY(low < n))
		for (uint64_t surplus = -n % n; low < surplus;)
			high = random_multiply(random_next(r), n, &low);
	return high;
}

/* random_unit - a multiple of 2^-53 in [0, 1), every one equally likely. */
static inline double
random_unit(struct random *r)
{
	return (double)(random_next(r) >> 11) * 0x1p-53;
}

/*
 * Eight generators side by side, for loops that need numbers by the block: an
 * extension of gcc and clang, cut to the vectors that the processor has.
 */
#define RANDOM_LANES 8
#define RANDOM_BLOCK 64

typedef uint64_t random_row __attribute__((vector_size(8 * RANDOM_LANES)));

struct random_lanes {
	random_row s[4]; /* word w of generator l is s[w][l] */
};

/* A block of words, as loops over single words and over rows see it. */
union random_block {
	random_row row[RANDOM_BLOCK / RANDOM_LANES];
	uint64_t word[RANDOM_BLOCK];
};

/* random_lanes_seed - generator l gets the stream first + l of seed. */
static inline void
random_lanes_seed(struct random_lanes *lanes, uint64_t seed, uint64_t first)
{
	for (unsigned l = 0; l < RANDOM_LANES; l++) {
		struct random r;

		random_seed(&r, seed, first + l);
		for (unsigned w = 0; w < 4; w++)
			lanes->s[w][l] = r.s[w];
	}
}

/* random_lanes_draw - RANDOM_BLOCK random words: eight steps of each generator, as random_next(). */
static inline __attribute__((always_inline)) void
random_lanes_draw(struct random_lanes *lanes, union random_block *out)
{
	random_row s0 = lanes->s[0], s1 = lanes->s[1], s2 = lanes->s[2], s3 = lanes->s[3];

	for (unsigned i = 0; i < RANDOM_BLOCK / RANDOM_LANES; i++) {
		random_row sum = s0 + s3, t = s1 << 17;

		out->row[i] = (sum << 23 | sum >> 41) + s0;
		s2 ^= s0;
		s3 ^= s1;
		s1 ^= s2;
		s0 ^= s3;
		s2 ^= t;
		s3 = s3 << 45 | s3 >> 19;
	}
	lanes->s[0] = s0;
	lanes->s[1] = s1;
	lanes->s[2] = s2;
	lanes->s[3] = s3;
}

#endif
