/*
 * independent.c - what scripts/independent.sh puts between a foreign benchmark and its library
 * (ld --wrap), and a clock for one that counts processor ticks. One part each:
 *	-DEMPTY_LFHT   lookups find nothing, at once: what is left is the benchmark's own loop
 *	-DEMPTY_CK     the same of ck_ht, where each key is found to map to itself
 *	-DALIKE_LFHT   one reclaimer thread and no count of nodes, as in workloads/subjects/urcu_lfht.c
 *	-DTICKS        a program: prints the ticks of a second
 */
#if defined(EMPTY_LFHT)
#include <urcu/rculfhash.h>

void __wrap_cds_lfht_lookup(struct cds_lfht *table, unsigned long hash, cds_lfht_match_fct match, const void *key,
    struct cds_lfht_iter *iter);

void
__wrap_cds_lfht_lookup(struct cds_lfht *table, unsigned long hash, cds_lfht_match_fct match, const void *key,
    struct cds_lfht_iter *iter)
{
	(void)table, (void)hash, (void)match, (void)key;
	iter->node = iter->next = NULL;
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

bool __wrap_ck_ht_get_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry);

bool
__wrap_ck_ht_get_spmc(ck_ht_t *table, ck_ht_hash_t hash, ck_ht_entry_t *entry)
{
	uintptr_t key = ck_ht_entry_key_direct(entry);

	(void)table;
	ck_ht_entry_set_direct(entry, hash, key, key);
	return true;
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
