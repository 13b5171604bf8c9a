/*
 * atomic.c - the heavy half of the asymmetric barrier: membarrier(2).
 *
 * Stateless: what the process may do is the kernel's knowledge, asked each
 * time, so a forked child or a late seccomp filter needs no special case.
 */
#include "core/atomic.h"
#include "core/base.h"

#ifndef SCHEDULED
/* No schedule is ever under way: there is no scheduler. */
#define schedule_under_way() false
#define schedule_barrier() false
#endif

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

#if defined(__linux__) && !defined(THREAD_SANITIZER)

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __NR_membarrier

static bool
membarrier(int command)
{
	return syscall(__NR_membarrier, command, 0, 0) == 0;
}

bool
hamt_heavy_barrier_probe(void)
{
	/* Registering is allowed in places where the barrier itself is not. */
	return schedule_under_way() || (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
	    membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
}

bool
hamt_heavy_barrier(void)
{
	if (schedule_barrier() || LIKELY(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)))
		return true;
	/* EPERM: the kernel does not know us as registered. Once is enough. */
	return errno == EPERM && hamt_heavy_barrier_probe();
}

#else
#define NO_MEMBARRIER 1
#endif
#else
#define NO_MEMBARRIER 1
#endif

#ifdef NO_MEMBARRIER

bool
hamt_heavy_barrier_probe(void)
{
	return false;
}

bool
hamt_heavy_barrier(void)
{
	return false;
}

#endif
