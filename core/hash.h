/*
 * hash.h - the hash of 64-bit keys: a bijection of 64 bits, chosen by a seed.
 *
 * Equal hash means equal key, so a map of 64-bit keys needs no collision
 * nodes, and an iteration gets the key back from the hash.
 *
 * Two rounds of odd multiply and xorshift, each invertible. It spreads keys;
 * it is not a keyed function in the cryptographic sense: whoever sees the
 * order of a map's keys can choose keys that collide.
 *
 * Threads    any number; nothing is shared.
 * Progress   wait-free; hash_random_key() is a system call.
 */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include "core/base.h"

/*
 * Odd, so that multiplying by them can be undone. They and the shifts were
 * found by a search for the best avalanche of this form: a key bit flips a
 * hash bit with a probability between 0.17 and 0.83, 0.012 from 1/2 on
 * average. test_hash.c holds them to it.
 */
#define HASH_FIRST UINT64_C(0x6f50b7441903d68d)
#define HASH_SECOND UINT64_C(0xed7ff5a92ca5a695)
#define HASH_FIRST_SHIFT 34
#define HASH_SECOND_SHIFT 30

/* hash_u64 - for one seed, different keys have different hashes. */
static inline uint64_t
hash_u64(uint64_t key, uint64_t seed)
{
	uint64_t x = (key ^ seed) * HASH_FIRST;

	x = (x ^ x >> HASH_FIRST_SHIFT) * HASH_SECOND;
	return x ^ x >> HASH_SECOND_SHIFT;
}

/* hash_u64_inverse - the key: hash_u64_inverse(hash_u64(key, seed), seed) == key. */
uint64_t hash_u64_inverse(uint64_t hash, uint64_t seed);

/*
 * hash_random_key - a seed that cannot be foreseen; never 0. From getrandom(2);
 * where that is refused or not ready, from the clock and an address (a poor
 * seed, but no failure).
 */
uint64_t hash_random_key(void);

#endif
