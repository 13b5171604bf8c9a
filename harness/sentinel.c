/*
 * sentinel.c - differences between two readings of the kernel's counters, and a
 * thread that sleeps. What cannot be read is NaN and disturbs nothing.
 */
#include "harness/sentinel.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define SLEEP_NS UINT64_C(1000000)
#define PUNCTUAL_NS UINT64_C(100000)       /* later than that is a hiccup */
#define FREQUENCY_EVERY 100u               /* sleeps between two readings */
#define FREQUENCY_CPUS 64                  /* of so many processors at most */
#define CPUS_MOST 16384

struct reading {
	double busy_s, steal_s;   /* of the watched processors together; NaN: not readable */
	double own_s;             /* of this process */
	uint64_t at_ns;
};

struct sentinel {
	char root[256];
	bool *watched;            /* CPUS_MOST of them */
	unsigned cpus;
	struct reading before;

	pthread_t sleeper;
	bool sleeping;            /* there is one */
	_Atomic(bool) stop;
	/* The sleeper's until it is joined. */
	uint64_t late_ns, latest_ns;
	double frequency_sum, frequency_least, frequency_most; /* MHz */
	unsigned frequencies;
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* path_below - the file's name below the sentinel's root. */
static void
path_below(const struct sentinel *s, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s%s", s->root, name);
}

/* read_stat - proc(5): user nice system idle iowait irq softirq steal, in ticks, a line a processor. */
static void
read_stat(const struct sentinel *s, struct reading *r)
{
	double tick_s = 1.0 / (double)sysconf(_SC_CLK_TCK);
	unsigned found = 0;
	char line[512];
	FILE *file;

	path_below(s, "/proc/stat", line, sizeof(line));
	file = fopen(line, "re");
	r->busy_s = r->steal_s = NAN;
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		unsigned long long t[8] = { 0 };
		unsigned cpu;

		if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &t[0], &t[1], &t[2], &t[3], &t[4],
		        &t[5], &t[6], &t[7]) != 9 || cpu >= CPUS_MOST || !s->watched[cpu])
			continue;
		if (found++ == 0)
			r->busy_s = r->steal_s = 0;
		r->busy_s += (double)(t[0] + t[1] + t[2] + t[5] + t[6]) * tick_s;
		r->steal_s += (double)t[7] * tick_s;
	}
	fclose(file);
}

static void
read_all(const struct sentinel *s, struct reading *r)
{
	struct rusage usage;

	read_stat(s, r);
	getrusage(RUSAGE_SELF, &usage);
	r->own_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	r->at_ns = now_ns();
}

/*
 * Allocates nothing, as nothing does that the sleeper calls: it runs beside a map that may use up all memory, and
 * jemalloc, which makes an arena at a thread's first allocation, dies where it cannot.
 */
static void
read_frequency(struct sentinel *s)
{
	double sum = 0, mhz;
	unsigned known = 0, asked = 0;

	for (unsigned cpu = 0; cpu < CPUS_MOST && asked < FREQUENCY_CPUS; cpu++) {
		char name[96], text[512];
		unsigned long long khz;
		ssize_t bytes;
		int fd;

		if (!s->watched[cpu])
			continue;
		asked++;
		snprintf(name, sizeof(name), "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", cpu);
		path_below(s, name, text, sizeof(text));
		fd = open(text, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			break; /* the others have none either */
		bytes = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[bytes > 0 ? bytes : 0] = '\0';
		if (sscanf(text, "%llu", &khz) == 1) {
			sum += (double)khz / 1e3;
			known++;
		}
	}
	if (known == 0)
		return;
	mhz = sum / known;
	s->frequency_least = s->frequencies == 0 ? mhz : fmin(s->frequency_least, mhz);
	s->frequency_most = s->frequencies == 0 ? mhz : fmax(s->frequency_most, mhz);
	s->frequency_sum += mhz;
	s->frequencies++;
}

static void *
sleep_and_look(void *arg)
{
	struct sentinel *s = arg;
	uint64_t next_ns = now_ns() + SLEEP_NS;

	/* The kernel may be late by the slack on purpose; 50 us is the default. */
	prctl(PR_SET_TIMERSLACK, 1);
	/* relaxed: only the flag matters. The first frequency is read once the cores are busy. */
	for (unsigned sleeps = 1; !atomic_load_explicit(&s->stop, memory_order_relaxed); sleeps++) {
		struct timespec until = { .tv_sec = (time_t)(next_ns / NS_PER_S), .tv_nsec = (long)(next_ns % NS_PER_S) };
		uint64_t woke_ns;

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
			continue;
		woke_ns = now_ns();
		if (woke_ns - next_ns > PUNCTUAL_NS) {
			s->late_ns += woke_ns - next_ns;
			if (woke_ns - next_ns > s->latest_ns)
				s->latest_ns = woke_ns - next_ns;
		}
		if (sleeps % FREQUENCY_EVERY == FREQUENCY_EVERY / 4)
			read_frequency(s);
		next_ns = now_ns() + SLEEP_NS;
	}
	return NULL;
}

struct sentinel *
sentinel_new_from(const char *root)
{
	struct sentinel *s = calloc(1, sizeof(*s));
	cpu_set_t *set = CPU_ALLOC(CPUS_MOST);
	size_t bytes = CPU_ALLOC_SIZE(CPUS_MOST);

	if (s != NULL)
		s->watched = calloc(CPUS_MOST, sizeof(*s->watched));
	if (s == NULL || s->watched == NULL || set == NULL) {
		CPU_FREE(set);
		free(s);
		return NULL;
	}
	snprintf(s->root, sizeof(s->root), "%s", root);
	CPU_ZERO_S(bytes, set);
	if (sched_getaffinity(0, bytes, set) == 0)
		for (unsigned cpu = 0; cpu < CPUS_MOST; cpu++)
			if (CPU_ISSET_S(cpu, bytes, set)) {
				s->watched[cpu] = true;
				s->cpus++;
			}
	CPU_FREE(set);
	return s;
}

struct sentinel *
sentinel_new(void)
{
	return sentinel_new_from("");
}

void
sentinel_free(struct sentinel *s)
{
	if (s == NULL)
		return;
	free(s->watched);
	free(s);
}

unsigned
sentinel_cpus(const struct sentinel *s)
{
	return s->cpus;
}

void
sentinel_begin(struct sentinel *s)
{
	s->late_ns = s->latest_ns = 0;
	s->frequency_sum = 0;
	s->frequencies = 0;
	atomic_store_explicit(&s->stop, false, memory_order_relaxed);
	s->sleeping = pthread_create(&s->sleeper, NULL, sleep_and_look, s) == 0;
	read_all(s, &s->before);
}

void
sentinel_end(struct sentinel *s, struct record *record)
{
	struct reading after;
	double elapsed_s, all_s;

	read_all(s, &after);
	elapsed_s = (double)(after.at_ns - s->before.at_ns) / NS_PER_S;
	all_s = elapsed_s * s->cpus;
	/* NaN stays NaN; the two clocks of busy time are not the same, so a little below 0 is 0. */
	record->steal_pct = (after.steal_s - s->before.steal_s) / all_s * 100;
	record->foreign_pct = (after.busy_s - s->before.busy_s - (after.own_s - s->before.own_s)) / all_s * 100;
	if (record->foreign_pct < 0)
		record->foreign_pct = 0;
	if (!s->sleeping)
		return; /* no thread to be had: hiccups and frequency have no value */
	atomic_store_explicit(&s->stop, true, memory_order_relaxed);
	pthread_join(s->sleeper, NULL);
	s->sleeping = false;
	record->hiccup_pct = (double)s->late_ns / NS_PER_S / elapsed_s * 100;
	record->hiccup_max_ns = s->latest_ns;
	if (s->frequencies > 0) {
		record->frequency_mhz = s->frequency_sum / s->frequencies;
		record->frequency_drop_pct = (1 - s->frequency_least / s->frequency_most) * 100;
	}
}

static void add_reason(struct record *record, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
add_reason(struct record *record, const char *format, ...)
{
	size_t used = strlen(record->disturbance);
	va_list arguments;

	record->disturbed = true;
	if (used > 0 && used + 2 < sizeof(record->disturbance)) {
		strcpy(record->disturbance + used, ", ");
		used += 2;
	}
	va_start(arguments, format);
	vsnprintf(record->disturbance + used, sizeof(record->disturbance) - used, format, arguments);
	va_end(arguments);
}

double
sentinel_tick_pct(double elapsed_s)
{
	return 100.0 / (double)sysconf(_SC_CLK_TCK) / elapsed_s;
}

void
sentinel_judge(struct record *record, unsigned cpus, double limit_pct)
{
	double tick_pct = sentinel_tick_pct(record->elapsed_s);

	record->disturbed = false;
	record->disturbance[0] = '\0';
	/* "Not at least" is true of no time at all, too. */
	if (limit_pct <= 0 || !(record->elapsed_s >= SENTINEL_SHORTEST_S))
		return;
	/* A comparison with NaN is false. */
	if (record->steal_pct - tick_pct > limit_pct)
		add_reason(record, "%.0f %% stolen by the hypervisor", record->steal_pct);
	if (record->foreign_pct - tick_pct > limit_pct)
		add_reason(record, "%.0f %% used by other processes", record->foreign_pct);
	if (record->threads < cpus && record->hiccup_pct > limit_pct)
		add_reason(record, "%.0f %% lost in hiccups, up to %.1f ms", record->hiccup_pct,
		    (double)record->hiccup_max_ns / 1e6);
	if (record->frequency_drop_pct > limit_pct)
		add_reason(record, "clock frequency fell by %.0f %%", record->frequency_drop_pct);
}
