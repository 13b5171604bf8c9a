/*
 * hash.c - the way back from a hash to its key, and random seeds.
 */
#include "core/hash.h"

#include <time.h>
#ifdef __linux__
#include <sys/random.h>
#endif

/*
 * The x with odd * x == 1 (mod 2^64), by Newton's iteration: if x is right in
 * its lowest b bits, x * (2 - odd * x) is right in 2b. odd itself is right in
 * three, since odd * odd == 1 (mod 8). The compiler folds it to a constant.
 */
static inline uint64_t
inverse_of(uint64_t odd)
{
	uint64_t x = odd;

	for (int bits = 3; bits < 64; bits *= 2)
		x *= 2 - odd * x;
	return x;
}

/* The y with (y ^ y >> shift) == x: its upper bits are x's, and give the lower ones. */
static inline uint64_t
unshift(uint64_t x, unsigned shift)
{
	uint64_t y = x;

	for (unsigned known = shift; known < 64; known += shift)
		y = x ^ y >> shift;
	return y;
}

uint64_t
hash_u64_inverse(uint64_t hash, uint64_t seed)
{
	uint64_t x = unshift(hash, HASH_SECOND_SHIFT) * inverse_of(HASH_SECOND);

	return (unshift(x, HASH_FIRST_SHIFT) * inverse_of(HASH_FIRST)) ^ seed;
}

/* random_u64 - one attempt; 0 is possible. */
static uint64_t
random_u64(void)
{
	uint64_t key;
	struct timespec now;

#ifdef __linux__
	/* GRND_NONBLOCK: a map must not wait for the machine to boot. */
	if (getrandom(&key, sizeof(key), GRND_NONBLOCK) == (ssize_t)sizeof(key))
		return key;
#endif
	/* C11 knows no other clock. The address is another one in each process,
	 * where the system places stacks at random. */
	if (timespec_get(&now, TIME_UTC) != TIME_UTC)
		now = (struct timespec){ .tv_sec = 0 };
	key = hash_u64((uint64_t)now.tv_nsec, (uint64_t)now.tv_sec);
	return hash_u64(key, (uint64_t)(uintptr_t)&now);
}

uint64_t
hash_random_key(void)
{
	uint64_t key = random_u64();

	/* 0 means "choose one" to whoever takes a key. */
	return key != 0 ? key : HASH_FIRST;
}
