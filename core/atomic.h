/*
 * atomic.h - the one door to atomic operations for core/.
 *
 * Every file of core/ includes this instead of <stdatomic.h>, and calls only
 * the C11 functions that end in _explicit. So one build switch can replace
 * what an atomic operation is, without a second version of the source: with
 * -DSCHEDULED it is a point of the deterministic scheduler (scheduler.h).
 *
 * Besides C11 there are two halves of one asymmetric barrier:
 *   hamt_light_barrier()   the reader's half: only the compiler is held back
 *   hamt_heavy_barrier()   the scanner's half: membarrier(2), which makes every
 *                          running thread of the process pass a full barrier
 * A store before hamt_light_barrier() in one thread and a load after
 * hamt_heavy_barrier() in another cannot both miss each other's side. See
 * membarrier(2), and Dice, Huang, Yang 2001, Asymmetric Dekker Synchronization.
 * ThreadSanitizer does not model it: there hamt_heavy_barrier_probe() says no.
 */
#ifndef CORE_ATOMIC_H
#define CORE_ATOMIC_H

#ifdef __cplusplus
#error "these headers are C11, with its atomics; from C++ call C functions of your own that use them"
#endif

#include <stdatomic.h>
#include <stdbool.h>

#ifdef SCHEDULED
#include "core/scheduler.h"
#endif

/* hamt_light_barrier - the compiler moves no access across it. Costs nothing. */
static inline void
hamt_light_barrier(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * hamt_heavy_barrier_probe - may this process use hamt_heavy_barrier()?
 * Registers the process with the kernel; repeating it is harmless.
 * False where the call is refused (seccomp, old kernel, not Linux) and under
 * ThreadSanitizer.
 */
bool hamt_heavy_barrier_probe(void);

/*
 * hamt_heavy_barrier - every other thread of the process has passed a full barrier
 * between the call and the return. Registers again where the kernel forgot
 * (a forked child). False: the kernel refused, nothing may be concluded.
 */
bool hamt_heavy_barrier(void);

/* hamt_cpu_relax - tell the processor that this is a spin loop. */
static inline void
hamt_cpu_relax(void)
{
#if defined(SCHEDULED)
	schedule_relax();
#elif defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	/* isb waits some tens of cycles; yield is a no-op on most cores. */
	__asm__ volatile("isb" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif
