/*
 * hash_bytes.c - SipHash as in section 2 of the paper; bytes are read one by
 * one in little-endian order, so that all machines agree.
 */
#include "core/hash_bytes.h"

static inline uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void
rounds(uint64_t v[4], unsigned count)
{
	for (; count > 0; count--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static inline uint64_t
load(const unsigned char *p, size_t bytes)
{
	uint64_t x = 0;

	for (size_t i = 0; i < bytes; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

static inline uint64_t
siphash(const unsigned char *p, size_t bytes, uint64_t k0, uint64_t k1, unsigned c, unsigned d)
{
	uint64_t v[4] = { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) };
	uint64_t last = (uint64_t)bytes << 56, m;

	for (; bytes >= 8; bytes -= 8, p += 8) {
		m = load(p, 8);
		v[3] ^= m;
		rounds(v, c);
		v[0] ^= m;
	}
	last |= load(p, bytes);
	v[3] ^= last;
	rounds(v, c);
	v[0] ^= last;
	v[2] ^= 0xff;
	rounds(v, d);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_bytes(const void *data, size_t bytes, uint64_t key, uint64_t key_2)
{
	return siphash(data, bytes, key, key_2, 1, 3);
}

uint64_t
hash_bytes_rounds(const void *data, size_t bytes, uint64_t key, uint64_t key_2, unsigned c, unsigned d)
{
	return siphash(data, bytes, key, key_2, c, d);
}
