/*
 * clock.c - choosing the clock, and finding how many nanoseconds a tick of the
 * time stamp counter is: the counter is read between two readings of
 * CLOCK_MONOTONIC, many times, and the tightest such pair is an anchor, whose
 * error is at most half the distance of the two. Two anchors 20 ms apart give
 * the rate.
 */
#include "harness/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

#define ANCHOR_TRIES 64
#define SPAN_NS 20000000
#define SPANS 3             /* how often to begin again when the machine interferes */
#define GOOD_PPM 50.0       /* such a rate needs no second attempt */
#define SHIFT 32

static uint64_t
monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#ifdef __x86_64__
/* A moment on both clocks; the true ns lies within error_ns of ns. */
struct anchor {
	uint64_t ticks;
	uint64_t ns;
	uint64_t error_ns;
};

static struct anchor
anchor_take(void)
{
	struct anchor best = { .error_ns = UINT64_MAX };

	for (unsigned i = 0; i < ANCHOR_TRIES; i++) {
		uint64_t before_ns = monotonic_ns(), ticks, after_ns, error_ns;
		unsigned processor;

		/* rdtscp waits for what is before it, lfence holds back what is behind. */
		ticks = __builtin_ia32_rdtscp(&processor);
		__builtin_ia32_lfence();
		after_ns = monotonic_ns();
		error_ns = (after_ns - before_ns + 1) / 2;
		if (error_ns < best.error_ns)
			best = (struct anchor){ ticks, before_ns + (after_ns - before_ns) / 2, error_ns };
	}
	return best;
}

/* calibrate - fill in everything that belongs to the counter; false if it stood still or ran away. */
static bool
calibrate(struct clock *c)
{
	const struct timespec span = { .tv_nsec = SPAN_NS };
	double best_ppm = 0;
	bool found = false;

	for (unsigned i = 0; i < SPANS && (!found || best_ppm > GOOD_PPM); i++) {
		struct anchor begin = anchor_take(), end;
		uint64_t ticks, ns;
		double ppm;

		/* Cut short by a signal, the span is shorter and ppm says so. */
		nanosleep(&span, NULL);
		end = anchor_take();
		ticks = end.ticks - begin.ticks;
		ns = end.ns - begin.ns;
		/* Between 10 MHz and 100 GHz; else mult * 2^-shift would not be a rate. */
		if (ns == 0 || ticks > ns * 100 || ticks < ns / 100)
			continue;
		ppm = (double)(begin.error_ns + end.error_ns) * 1e6 / (double)ns;
		if (found && ppm >= best_ppm)
			continue;
		found = true;
		best_ppm = ppm;
		c->shift = SHIFT;
		c->mult = (uint64_t)(((unsigned __int128)ns << SHIFT) / ticks);
		c->tsc_mhz = (double)ticks * 1e3 / (double)ns;
		c->uncertainty_ppm = ppm;
		c->origin_ticks = end.ticks;
		c->origin_ns = end.ns;
	}
	return found;
}

/* refusal - why the counter cannot be trusted; NULL if it can. */
static const char *
refusal(void)
{
	static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
	unsigned a, b, c, d;
	char source[32] = "";
	FILE *f;

	if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || (d & 1u << 8) == 0)
		return "the processor does not call its time stamp counter invariant";
	if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || (d & 1u << 27) == 0)
		return "the processor has no rdtscp";
	f = fopen(path, "re");
	if (f == NULL)
		return "the kernel does not say which clock source it uses";
	if (fgets(source, sizeof(source), f) == NULL)
		source[0] = '\0';
	fclose(f);
	return strcmp(source, "tsc\n") == 0 ? NULL : "the kernel's clock source is not tsc";
}
#else
static bool
calibrate(struct clock *c)
{
	(void)c;
	return false;
}

static const char *
refusal(void)
{
	return "only x86-64 has a time stamp counter that is used here";
}
#endif

bool
clock_init(struct clock *c)
{
	const char *wanted = getenv("HAMTBENCH_CLOCK"), *why;

	memset(c, 0, sizeof(*c));
	if (wanted != NULL && strcmp(wanted, "monotonic") != 0 && strcmp(wanted, "tsc") != 0) {
		snprintf(c->note, sizeof(c->note), "HAMTBENCH_CLOCK=%.40s: there are tsc and monotonic", wanted);
		return false;
	}
	if (wanted != NULL && strcmp(wanted, "monotonic") == 0) {
		snprintf(c->note, sizeof(c->note), "monotonic: HAMTBENCH_CLOCK says so");
		return true;
	}
	why = refusal();
	if (why == NULL && !calibrate(c))
		why = "the time stamp counter has no steady rate";
	c->tsc = why == NULL;
	if (c->tsc)
		snprintf(c->note, sizeof(c->note), "tsc: invariant and the kernel's own; %.3f MHz within %.1f ppm",
		    c->tsc_mhz, c->uncertainty_ppm);
	else
		snprintf(c->note, sizeof(c->note), "%s: %s", wanted != NULL ? "HAMTBENCH_CLOCK=tsc" : "monotonic", why);
	return c->tsc || wanted == NULL;
}

double
clock_cost_ns(const struct clock *c)
{
	enum { BATCHES = 15, CALLS = 1000 };
	double best = 0;

	for (unsigned i = 0; i < BATCHES; i++) {
		uint64_t begin_ns = monotonic_ns();
		double cost;

		for (unsigned j = 0; j < CALLS; j++) {
			uint64_t now_ns = clock_now_ns(c);

			/* The reading is used, as far as the compiler knows. */
			__asm__ volatile("" : : "r"(now_ns));
		}
		cost = (double)(monotonic_ns() - begin_ns) / CALLS;
		if (i == 0 || cost < best)
			best = cost;
	}
	return best;
}

const char *
clock_name(const struct clock *c)
{
	return c->tsc ? "tsc" : "monotonic";
}
