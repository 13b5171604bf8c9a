/*
 * independent.c - what scripts/independent.sh puts between a foreign benchmark and its library
 * (ld --wrap), and a clock for one that counts processor ticks. One part each:
 *	-DEMPTY_LFHT   no operation does anything or finds its key: what is left is the benchmark's own loop
 *	-DEMPTY_CK     the same of ck_ht, where each key is found to map to itself; nor are keys hashed, since
 *	               it is the subject that hashes in hamtbench
 *	-DALIKE_LFHT   one reclaimer thread and no count of nodes, as in workloads/subjects/urcu_lfht.c
 *	-DALIKE_CK=N   hash function, mode and first size as in workloads/subjects/peers/ck_ht.c for N keys, and
 *	               each lookup draws one of them, as in hamtbench
 *	-DTICKS        a program: prints the ticks of a second
 */
#if defined(EMPTY_LFHT)
#include <errno.h>

#include "test_urcu_hash.h"

void __wrap_cds_lfht_lookup(struct cds_lfht *table, unsigned long hash, cds_lfht_match_fct match, const void *key,
    struct cds_lfht_iter *iter);
struct cds_lfht_node *__wrap_cds_lfht_add_unique(struct cds_lfht *table, unsigned long hash, cds_lfht_match_fct match,
    const void *key, struct cds_lfht_node *node);
int __wrap_cds_lfht_del(struct cds_lfht *table, struct cds_lfht_node *node);
void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void __real_free(void *memory);
void __wrap_free(void *memory);

static _Thread_local struct lfht_test_node only;

void
__wrap_cds_lfht_lookup(struct cds_lfht *table, unsigned long hash, cds_lfht_match_fct match, const void *key,
    struct cds_lfht_iter *iter)
{
	(void)table, (void)hash, (void)match, (void)key;
	iter->node = iter->next = NULL;
}

struct cds_lfht_node *
__wrap_cds_lfht_add_unique(struct cds_lfht *table, unsigned long hash, cds_lfht_match_fct match, const void *key,
    struct cds_lfht_node *node)
{
	(void)table, (void)hash, (void)match, (void)key, (void)node;
	return NULL;
}

int
__wrap_cds_lfht_del(struct cds_lfht *table, struct cds_lfht_node *node)
{
	(void)table, (void)node;
	return -ENOENT;
}

/* In hamtbench it is the subject that allocates. */
void *
__wrap_malloc(size_t bytes)
{
	return bytes == sizeof(only) ? &only : __real_malloc(bytes);
}

void
__wrap_free(void *memory)
{
	if (memory != &only)
		__real_free(memory);
}
#elif defined(ALIKE_LFHT)
#include <urcu/rculfhash.h>

struct cds_lfht *__real__cds_lfht_new(unsigned long size, unsigned long least, unsigned long most, int flags,
    const struct cds_lfht_mm_type *memory, const struct rcu_flavor_struct *flavour, pthread_attr_t *attributes);
struct cds_lfht *__wrap__cds_lfht_new(unsigned long size, unsigned long least, unsigned long most, int flags,
    const struct cds_lfht_mm_type *memory, const struct rcu_flavor_struct *flavour, pthread_attr_t *attributes);
int __wrap_urcu_qsbr_create_all_cpu_call_rcu_data(unsigned long flags);

struct cds_lfht *
__wrap__cds_lfht_new(unsigned long size, unsigned long least, unsigned long most, int flags,
    const struct cds_lfht_mm_type *memory, const struct rcu_flavor_struct *flavour, pthread_attr_t *attributes)
{
	return __real__cds_lfht_new(size, least, most, flags & ~CDS_LFHT_ACCOUNTING, memory, flavour, attributes);
}

int
__wrap_urcu_qsbr_create_all_cpu_call_rcu_data(unsigned long flags)
{
	(void)flags;
	return 0;
}
#elif defined(EMPTY_CK)
#include <ck_ht.h>

void __wrap_ck_ht_hash_direct(ck_ht_hash_t *hash, ck_ht_t *table, uintptr_t key);
bool __wrap_ck_ht_get_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry);

void
__wrap_ck_ht_hash_direct(ck_ht_hash_t *hash, ck_ht_t *table, uintptr_t key)
{
	(void)table;
	hash->value = key;
}

bool
__wrap_ck_ht_get_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry)
{
	uintptr_t key = ck_ht_entry_key_direct(entry);

	(void)table;
	ck_ht_entry_set_direct(entry, hash, key, key);
	return true;
}
#elif defined(ALIKE_CK)
#include <ck_ht.h>

#include "core/hash.h"

/* parallel_direct's value of a key that has been replaced once: of every key, in the test that is read off. */
#define REPLACED 6605241

bool __real_ck_ht_init(ck_ht_t *table, unsigned mode, ck_ht_hash_cb_t *hash, struct ck_malloc *allocator, CK_HT_TYPE size,
    uint64_t seed);
bool __wrap_ck_ht_init(ck_ht_t *table, unsigned mode, ck_ht_hash_cb_t *hash, struct ck_malloc *allocator, CK_HT_TYPE size,
    uint64_t seed);
bool __real_ck_ht_put_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry);
bool __wrap_ck_ht_put_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry);
void __wrap_ck_ht_hash_direct(ck_ht_hash_t *hash, ck_ht_t *table, uintptr_t key);
bool __real_ck_ht_get_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry);
bool __wrap_ck_ht_get_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry);

/* Every key, as main first put them: complete before the lookups that are timed. */
static uintptr_t keys[ALIKE_CK];
static size_t count;
static _Thread_local uint64_t drawn = 88172645463325252;

static uint64_t
hash_of(uintptr_t key)
{
	return hash_u64(key, 1);
}

static void
hash_when_grown(ck_ht_hash_t *hash, const void *key, size_t bytes, uint64_t seed)
{
	(void)bytes, (void)seed;
	hash->value = hash_of(*(const uintptr_t *)key);
}

bool
__wrap_ck_ht_init(ck_ht_t *table, unsigned mode, ck_ht_hash_cb_t *hash, struct ck_malloc *allocator, CK_HT_TYPE size,
    uint64_t seed)
{
	(void)hash;
	size = 64;
	while (size < 2 * (CK_HT_TYPE)ALIKE_CK)
		size *= 2;
	return __real_ck_ht_init(table, mode | CK_HT_WORKLOAD_DELETE, hash_when_grown, allocator, size, seed);
}

bool
__wrap_ck_ht_put_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry)
{
	if (count < ALIKE_CK) {
		keys[count] = ck_ht_entry_key_direct(entry);
		__atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
	}
	return __real_ck_ht_put_spmc(table, hash, entry);
}

void
__wrap_ck_ht_hash_direct(ck_ht_hash_t *hash, ck_ht_t *table, uintptr_t key)
{
	(void)table;
	hash->value = hash_of(key);
}

bool
__wrap_ck_ht_get_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry)
{
	uintptr_t key;

	/* acquire: with the release of put, which threads that read from the beginning run beside. */
	if (__atomic_load_n(&count, __ATOMIC_ACQUIRE) < ALIKE_CK)
		return false;
	drawn ^= drawn << 13;
	drawn ^= drawn >> 7;
	drawn ^= drawn << 17;
	key = keys[(uint64_t)((unsigned __int128)drawn * ALIKE_CK >> 64)];
	hash.value = hash_of(key);
	ck_ht_entry_key_set_direct(entry, key);
	/* Those threads would take another key's first value, itself, for an error. */
	return __real_ck_ht_get_spmc(table, hash, entry) && ck_ht_entry_value_direct(entry) == REPLACED;
}
#elif defined(TICKS)
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

int
main(void)
{
	struct timespec begin, now;
	unsigned long long ticks = __rdtsc();
	double s;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		s = (double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9;
	} while (s < 0.2);
	return printf("%.0f\n", (double)(__rdtsc() - ticks) / s) < 0;
}
#else
#error "which part?"
#endif
