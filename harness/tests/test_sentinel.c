/*
 * test_sentinel.c - what the sentinel reads comes from the kernel's counters of
 * the processors it watches, and what it cannot read disturbs nothing.
 */
#include "harness/sentinel.h"

#include <ftw.h>
#include <math.h>
#include <sched.h>
#include <sys/stat.h>
#include <time.h>

#include "core/tests/check.h"

static char root[] = "/tmp/test_sentinel.XXXXXX";

static int
remove_entry(const char *name, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(name);
}

static void
write_below(const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		mkdir(path, 0777);
	}
	file = fopen(path, "w");
	CHECK(file != NULL);
	fputs(text, file);
	fclose(file);
}

/* write_stat - every processor has used that many ticks and lost so many to the hypervisor. */
static void
write_stat(unsigned long long busy, unsigned long long stolen)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CHECK(out != NULL);
	/* The line for all together and those of processors nobody watches must not count. */
	fprintf(out, "cpu  9999999 9999999 9999999 9 9 9 9 9999999 0 0\n");
	for (unsigned cpu = 0; cpu < 1024; cpu++)
		fprintf(out, "cpu%u %llu 0 %llu 12345 7 %llu 0 %llu 0 0\n", cpu, busy / 2, busy / 4, busy - busy / 2 - busy / 4,
		    stolen);
	fprintf(out, "intr 1 2 3\n");
	fclose(out);
	write_below("proc/stat", text);
	free(text);
}

static void
figures_come_from_the_watched_processors(void)
{
	struct record *record = record_new(1);
	struct timespec nap = { .tv_nsec = 120000000 };
	struct sentinel *s;
	cpu_set_t set;

	CHECK(record != NULL && mkdtemp(root) != NULL);
	s = sentinel_new_from(root);
	CHECK(s != NULL && sched_getaffinity(0, sizeof(set), &set) == 0);
	CHECK_EQ(sentinel_cpus(s), CPU_COUNT(&set));
	/* Nothing to read: no value, and nobody is accused. */
	sentinel_begin(s);
	nanosleep(&nap, NULL);
	sentinel_end(s, record);
	CHECK(isnan(record->steal_pct) && isnan(record->foreign_pct) && isnan(record->frequency_mhz));
	CHECK(!isnan(record->hiccup_pct) && record->hiccup_max_ns != UINT64_MAX);
	record->elapsed_s = 1;
	record->hiccup_pct = 0;
	sentinel_judge(record, 8, 5);
	CHECK(!record->disturbed && record->disturbance[0] == '\0');

	write_stat(1000, 1000);
	for (unsigned cpu = 0; cpu < 1024; cpu++) {
		char name[96];

		snprintf(name, sizeof(name), "sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", cpu);
		if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set))
			write_below(name, "2000000\n");
	}
	sentinel_begin(s);
	nanosleep(&nap, NULL);
	write_stat(11000, 6000);
	sentinel_end(s, record);
	/* 100 s of others' work and 50 s stolen in a short while: what this process used itself is nothing. */
	CHECK(record->steal_pct > 1000 && fabs(record->foreign_pct / record->steal_pct - 2) < 0.02);
	CHECK(fabs(record->frequency_mhz - 2000) < 1e-6 && record->frequency_drop_pct == 0);
	record->hiccup_pct = 0;
	sentinel_judge(record, 8, 5);
	CHECK(record->disturbed && strstr(record->disturbance, "stolen") != NULL &&
	    strstr(record->disturbance, "other processes") != NULL);
	sentinel_free(s);
	record_free(record);
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* What is too short, too little or our own doing is not held against others. */
static void
judgements_allow_for_what_cannot_be_known(void)
{
	static const struct {
		double elapsed_s, steal, foreign, hiccup, drop, limit;
		unsigned threads, cpus;
		bool disturbed;
	} cases[] = {
		{ 1, 0, 0, 0, 0, 5, 1, 2, false },      { 1, 5.9, 0, 0, 0, 5, 1, 2, false }, /* a tick is 1 % of 1 s */
		{ 1, 6.1, 0, 0, 0, 5, 1, 2, true },     { 1, 0, 6.1, 0, 0, 5, 1, 2, true },
		{ 0.1, 0, 14, 0, 0, 5, 1, 2, false },   { 0.1, 0, 16, 0, 0, 5, 1, 2, true },
		{ 0.09, 90, 90, 90, 90, 5, 1, 2, false }, { 1, 0, 0, 6, 0, 5, 1, 2, true },
		{ 1, 0, 0, 60, 0, 5, 2, 2, false }, /* the sleeper shared a processor with a worker */
		{ 1, 0, 0, 0, 6, 5, 2, 2, true },       { 1, 90, 90, 90, 90, 0, 1, 2, false },
		{ 1, NAN, NAN, NAN, NAN, 5, 1, 2, false }, { NAN, 90, 90, 90, 90, 5, 1, 2, false },
	};
	struct record *r = record_new(1);

	CHECK(r != NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r->elapsed_s = cases[i].elapsed_s;
		r->steal_pct = cases[i].steal;
		r->foreign_pct = cases[i].foreign;
		r->hiccup_pct = cases[i].hiccup;
		r->hiccup_max_ns = 1;
		r->frequency_drop_pct = cases[i].drop;
		r->threads = cases[i].threads;
		sentinel_judge(r, cases[i].cpus, cases[i].limit);
		if (r->disturbed != cases[i].disturbed)
			fprintf(stderr, "# case %zu\n", i);
		CHECK(r->disturbed == cases[i].disturbed);
		CHECK(r->disturbed == (r->disturbance[0] != '\0'));
	}
	r->threads = 1;
	record_free(r);
}

/* A process that works beside us for 0.3 s is seen. */
static void
another_process_is_seen(void)
{
	struct record *record = record_new(1);
	struct sentinel *s = sentinel_new();
	pid_t child = fork();

	CHECK(record != NULL && s != NULL && child >= 0);
	if (child == 0)
		for (;;)
			continue;
	sentinel_begin(s);
	for (unsigned i = 0; i < 30; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	sentinel_end(s, record);
	kill(child, SIGKILL);
	CHECK(waitpid(child, NULL, 0) == child);
	if (isnan(record->foreign_pct))
		CHECK_SKIP("/proc/stat cannot be read");
	/* All of one processor, if it got one to itself; a third of that is allowed for. */
	CHECK(record->foreign_pct > 100.0 / sentinel_cpus(s) / 3);
	sentinel_free(s);
	record_free(record);
}

/* A tick is 10 ms wherever this runs. */
static void
tick_weighs_more_in_short_trials(void)
{
	CHECK(fabs(sentinel_tick_pct(0.1) - 10) < 1e-9);
	CHECK(fabs(sentinel_tick_pct(1) - 1) < 1e-9);
}

static const struct test tests[] = {
	TEST(figures_come_from_the_watched_processors),
	TEST(judgements_allow_for_what_cannot_be_known),
	TEST(tick_weighs_more_in_short_trials),
	TEST(another_process_is_seen),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
