/*
 * counters.c - one file descriptor for each event of a thread. Not one group:
 * a group that does not fit into the processor's registers counts nothing,
 * events of their own take turns.
 */
#include "harness/counters.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

static const struct {
	uint32_t type;
	uint64_t config;
} events[COUNTERS] = {
	[COUNTER_CYCLES] = { PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	[COUNTER_INSTRUCTIONS] = { PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	[COUNTER_CACHE_MISSES] = { PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES },
	[COUNTER_TLB_MISSES] = { PERF_TYPE_HW_CACHE, PERF_COUNT_HW_CACHE_DTLB | PERF_COUNT_HW_CACHE_OP_READ << 8 |
	    PERF_COUNT_HW_CACHE_RESULT_MISS << 16 },
	[COUNTER_BRANCH_MISSES] = { PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES },
	[COUNTER_PAGE_FAULTS] = { PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	[COUNTER_MIGRATIONS] = { PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS },
};

/* As the kernel writes it, by read_format below. */
struct reading {
	uint64_t value, enabled_ns, running_ns;
};

static int
event_open_as(enum counter counter, bool with_kernel)
{
	struct perf_event_attr attr = { .type = events[counter].type, .size = sizeof(attr),
		.config = events[counter].config, .disabled = 1, .exclude_kernel = !with_kernel,
		.exclude_hv = !with_kernel,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING };

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static int
event_open(enum counter counter)
{
	/* Migrations happen in the kernel. Where that must not be looked at: what is seen without. */
	int fd = event_open_as(counter, counter >= COUNTER_PAGE_FAULTS);

	return fd < 0 && errno == EACCES && counter >= COUNTER_PAGE_FAULTS ? event_open_as(counter, false) : fd;
}

unsigned
counters_probe(char *why, size_t size)
{
	unsigned there = 0;

	snprintf(why, size, "%s", "");
	for (unsigned i = 0; i < COUNTERS; i++) {
		int fd = event_open((enum counter)i);

		if (fd >= 0) {
			there |= 1u << i;
			close(fd);
		} else if (i < COUNTER_PAGE_FAULTS && why[0] == '\0') {
			bool forbidden = errno == EACCES || errno == EPERM;

			snprintf(why, size, "perf_event_open(2): %s%s", strerror(errno),
			    forbidden ? " (sysctl kernel.perf_event_paranoid is above 2, or a container forbids it)" :
			    errno == ENOENT ? " (the processor, or the virtual machine, shows none)" : "");
		}
	}
	return there;
}

void
counters_open(struct counters *c)
{
	for (unsigned i = 0; i < COUNTERS; i++) {
		c->fd[i] = event_open((enum counter)i);
		c->value[i] = NAN;
	}
	c->open = true;
}

static void
counters_control(const struct counters *c, unsigned long request)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		if (c->fd[i] >= 0)
			(void)ioctl(c->fd[i], request, 0);
}

void
counters_start(struct counters *c)
{
	if (c->open)
		counters_control(c, PERF_EVENT_IOC_ENABLE);
}

void
counters_stop(struct counters *c)
{
	if (!c->open)
		return;
	counters_control(c, PERF_EVENT_IOC_DISABLE);
	for (unsigned i = 0; i < COUNTERS; i++) {
		struct reading r;

		if (c->fd[i] >= 0 && read(c->fd[i], &r, sizeof(r)) == (ssize_t)sizeof(r) && r.running_ns > 0)
			c->value[i] = (double)r.value * ((double)r.enabled_ns / (double)r.running_ns);
	}
}

double
counters_value(const struct counters *c, enum counter counter)
{
	return c->open ? c->value[counter] : NAN;
}

void
counters_close(struct counters *c)
{
	for (unsigned i = 0; c->open && i < COUNTERS; i++)
		if (c->fd[i] >= 0)
			close(c->fd[i]);
	c->open = false;
}
