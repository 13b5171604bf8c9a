/*
 * hash_bytes.h - the hash of byte strings: SipHash, keyed with 128 bits.
 *
 * The map must stay fast when somebody else chooses the keys. That needs a
 * pseudo-random function, not just good mixing: for the faster keyed hashes of
 * the xxh and murmur families colliding inputs can be had without the key (or
 * nobody claims that they cannot). SipHash-1-3 is the variant with one round
 * for each 8 bytes and three at the end that hash tables commonly use.
 *
 * Source: Aumasson, Bernstein 2012, SipHash: a fast short-input PRF.
 * Threads    any number; nothing is shared. Progress: wait-free.
 */
#ifndef CORE_HASH_BYTES_H
#define CORE_HASH_BYTES_H

#include "core/base.h"

/* hash_bytes - SipHash-1-3 of bytes bytes at data (NULL only if there are none). */
uint64_t hash_bytes(const void *data, size_t bytes, uint64_t key, uint64_t key_2);

/* hash_bytes_rounds - SipHash-c-d. */
uint64_t hash_bytes_rounds(const void *data, size_t bytes, uint64_t key, uint64_t key_2, unsigned c, unsigned d);

#endif
