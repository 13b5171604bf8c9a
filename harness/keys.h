/*
 * keys.h - which key comes next: distributions over the range [0, n).
 *
 * A thread owns a generator and takes keys from it in batches, so that the
 * work is done in vector registers whatever the distribution. The same seed
 * gives the same keys on every machine: no library function and no fused
 * multiply-add has a part in it.
 */
#ifndef HARNESS_KEYS_H
#define HARNESS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

#define KEYS_MAX_N (UINT64_C(1) << 56) /* the widest range */
#define KEYS_BLOCK 64                  /* keys made at a time: the best count for keys_fill() */

#define KEYS_TEXT 128                  /* room for a distribution's text */

enum keys_kind {
	KEYS_UNIFORM, KEYS_ZIPF, KEYS_SELF_SIMILAR, KEYS_HOTSPOT, KEYS_LATEST, KEYS_SEQUENTIAL, KEYS_GAUSSIAN,
	KEYS_RANGES, KEYS_FILE
};

/* What the user asked for. */
struct keys_spec {
	enum keys_kind kind;
	double theta;         /* zipf, latest: the exponent, > 0; self-similar, hotspot: the share of keys that is
	                         popular; gaussian: the deviation as a share of the range; ranges: the overlap
	                         as a share of a thread's own; 0 for the others */
	double draws;         /* hotspot: the share of draws that goes to the popular keys */
	uint64_t every;       /* hotspot: draws after which it moves on by a key; 0 = never */
	char text[KEYS_TEXT]; /* canonical form, "zipf:0.99"; keys_parse() takes it back; file: the path is in it */
};

struct keys; /* one thread's generator; keys_new() */

/*
 * keys_parse - understand "uniform", "zipf:THETA" and what else keys_kinds() lists.
 * Returns   true and *spec; false and one line in error, without newline,
 *           which names what is wrong and what there is.
 * Threads   any.
 */
bool keys_parse(const char *text, struct keys_spec *spec, char *error, size_t size) MUST_USE;

/*
 * keys_fit - can keys of a range of n be drawn like that? Only a file can fail: it
 * may be gone, malformed, or have keys beyond the range. Returns as keys_parse().
 */
bool keys_fit(const struct keys_spec *spec, uint64_t n, char *error, size_t size) MUST_USE;

/*
 * keys_new - the generator of thread number `thread` out of `threads`.
 * The draws depend on (seed, thread); which keys are the popular ones depends
 * on (seed, n), so all threads agree on them.
 * Returns   the generator, for keys_free(); NULL when there is no memory, or
 *           a file has changed since keys_fit() took it.
 * Threads   any.
 * Misuse    n outside 1 .. KEYS_MAX_N, thread >= threads, or a spec that
 *           keys_parse() would not have given aborts.
 */
struct keys *keys_new(
    const struct keys_spec *spec, uint64_t n, uint64_t seed, unsigned thread, unsigned threads) MUST_USE;

/* keys_free - give the generator back; NULL is allowed. */
void keys_free(struct keys *k);

/*
 * keys_fill - the next count keys, each in [0, n).
 * The sequence does not depend on how it is cut into batches; multiples of
 * KEYS_BLOCK are the quickest.
 * Threads   the owner of k only.
 */
void keys_fill(struct keys *k, uint64_t *out, size_t count);

/*
 * keys_newest - latest only: from now on the most popular key is `newest`, then
 * the one below it, and so on down to newest - n + 1. At first it is n - 1. Keys that
 * were made already and not given out follow the former one: ask for whole
 * blocks of KEYS_BLOCK, and there are none.
 * Threads   the owner of k only.
 * Misuse    another kind of distribution, or newest < n - 1, aborts.
 */
void keys_newest(struct keys *k, uint64_t newest);

/*
 * keys_use_kernel - make the keys with the index-th variant of the vector
 * loops from now on; keys_new() takes the last, which is the quickest. All
 * make the same keys: this is here so that a test can see that they do.
 * Returns   its name, "plain", "avx2" ...; NULL, and nothing is changed, when
 *           this processor has fewer.
 */
const char *keys_use_kernel(struct keys *k, unsigned index);

/* One row of the table of distributions, for `hamtbench list` and for keys.c itself. */
struct keys_kind_info {
	enum keys_kind kind;
	const char *name;
	const char *parameter; /* "THETA", what follows the colon; NULL = nothing does */
	const char *example;   /* a distribution of this kind as keys_parse() takes it; NULL: its name alone, or there is none */
	const char *help;
	/* Reads the parameter's text into spec, or says in error what it must be. */
	bool (*parse)(const char *parameter, struct keys_spec *spec, char *error, size_t size);
	/* Sets up the generator; everything common is there already. False: no memory, or the file is wrong. */
	bool (*start)(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads);
};

/* keys_kinds - the table; *count = its rows. Never NULL, never freed. */
const struct keys_kind_info *keys_kinds(size_t *count);

/*
 * A bijection of [0, n): "the i-th key" of a random order, without a table.
 *
 * i is split into (left, right) with right = i mod 2^bits and 2^(2 bits) <= n,
 * and both halves go through a Feistel network, left modulo `lefts`, right
 * modulo 2^bits (Luby and Rackoff 1988; moduli that are not powers of two:
 * Black and Rogaway 2002). The grid has fewer than 2^bits <= sqrt(n) points
 * beyond n; an i that lands there walks on along its cycle until it is back
 * inside, so one walk in sqrt(n) or less takes a second step.
 * Below n = 4 bits is 0, and the bijection is a rotation.
 */
#define KEYS_ROUNDS 12

struct keys_permutation {
	uint64_t n;
	uint32_t lefts;      /* ceil(n / 2^bits), at most 2^29 + 1 */
	uint32_t right_mask; /* 2^bits - 1 */
	unsigned bits;
	unsigned right_shift; /* brings a round's upper bits down: 31 - bits, so that 0 bits shift by less than 32 */
	unsigned rounds;      /* even, at most KEYS_ROUNDS: small halves hide less in each */
	uint32_t key[KEYS_ROUNDS];
};

/*
 * keys_permutation_init - the bijection of [0, n) that belongs to seed.
 * A prefill that must not favour a zipf's popular keys needs a seed of its
 * own: random_mix(seed + 1), say.
 * Misuse    n outside 1 .. KEYS_MAX_N aborts.
 */
void keys_permutation_init(struct keys_permutation *p, uint64_t n, uint64_t seed);

/* keys_scramble - the bijection from rank (0 = most popular) to key that k uses; NULL if its kind has none. */
const struct keys_permutation *keys_scramble(const struct keys *k);

/* keys_round - 32 bits that depend on x and the round's key, the upper ones most. */
static inline uint32_t
keys_round(uint32_t x, uint32_t key)
{
	x = (x + key) * 0x7feb352d;
	return (x ^ x >> 15) * 0x846ca68b;
}

/* keys_permutation_step - one walk over the grid, which may end beyond n. */
static inline uint64_t
keys_permutation_step(const struct keys_permutation *p, uint64_t i)
{
	uint32_t left = (uint32_t)(i >> p->bits), right = (uint32_t)i & p->right_mask;

	for (unsigned r = 0; r < p->rounds; r += 2) {
		/* Both terms are below lefts; if the sum is too, sum - lefts wraps to something huge. */
		uint32_t sum = left + (uint32_t)((uint64_t)keys_round(right, p->key[r]) * p->lefts >> 32);

		left = sum - p->lefts < sum ? sum - p->lefts : sum;
		right = (right + (keys_round(left, p->key[r + 1]) >> p->right_shift)) & p->right_mask;
	}
	return (uint64_t)left << p->bits | right;
}

/*
 * keys_permutation_at - where i goes; every key of [0, n) exactly once.
 * Threads   any number at once. i >= n is not allowed (invariant).
 */
static inline uint64_t
keys_permutation_at(const struct keys_permutation *p, uint64_t i)
{
	invariant(i < p->n);
	do
		i = keys_permutation_step(p, i);
	while (UNLIKELY(i >= p->n));
	return i;
}

#endif
