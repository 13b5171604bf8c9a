/*
 * trial.h - trials of the plug-ins that were built, in this process. For tests of them.
 */
#ifndef WORKLOADS_TESTS_TRIAL_H
#define WORKLOADS_TESTS_TRIAL_H

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/tests/check.h"
#include "harness/options.h"
#include "harness/plugins.h"
#include "harness/runner.h"

/* Plug-ins are looked for where this test was built: build/V/tests/workloads/test_any -> build/V. */
static inline void
find_built(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	CHECK(n > 0);
	self[n] = '\0';
	CHECK(setenv("HAMTBENCH_PLUGINS", dirname(dirname(dirname(self))), 1) == 0);
}

/* plugin_free() is the caller's. */
static inline struct plugin *
built(enum plugin_kind kind, const char *name)
{
	char error[512];
	struct plugin *p;

	find_built();
	p = plugin_load(kind, name, error, sizeof(error));
	if (p == NULL)
		fprintf(stderr, "# %s\n", error);
	CHECK(p != NULL);
	return p;
}

/* Good until another one is asked for. */
static inline const struct workload *
built_workload(const char *name)
{
	static struct plugin *plugin;

	if (plugin == NULL || strcmp(plugin->name, name) != 0) {
		plugin_free(plugin);
		plugin = built(PLUGIN_WORKLOAD, name);
	}
	return plugin->workload;
}

/* The values of a plug-in's options, given a command line of words; NULL and one line in error. */
static inline struct option_values *
values_of(const struct plugin_option *options, const char *arguments, char *error, size_t size)
{
	struct option_group group = { .owner = "workload", .options = options };
	char *copy = strdup(arguments), *argv[32] = { (char[]){ "test" } };
	struct option_values *values = NULL;
	struct command_line line;
	int argc = 1;

	for (char *word = strtok(copy, " "); word != NULL && argc < 31; word = strtok(NULL, " "))
		argv[argc++] = word;
	if (command_line_read(&line, argc, argv, &group, 1, error, size)) {
		if (!options_single(options, &line, &values, error, size))
			values = NULL;
		command_line_free(&line);
	}
	free(copy);
	return values;
}

/*
 * The plan for a command line, or why there is none. *plan is all zero but for what is set before
 * plan(). *values is for options_free().
 */
static inline bool
plan_for(const struct workload *w, const char *arguments, unsigned threads, struct plan *plan,
    struct option_values **values, char *error, size_t size)
{
	*values = values_of(w->options, arguments, error, size);
	return *values != NULL && w->plan(*values, threads, plan, error, size);
}

/*
 * A trial, valid or not; record_free() is the caller's. q: subject, workload, threads, seed, times; the rest is
 * filled in. readers: of the threads; 0: they have no roles.
 */
static inline struct record *
trial_of(struct trial_request q, const char *subject_arguments, const char *arguments, unsigned readers,
    struct plan *plan)
{
	struct record *record = record_new(q.threads);
	struct option_values *subject_values, *values = NULL;
	struct clock clock;
	char error[512] = "";

	*plan = (struct plan){ .pool = (q.subject->flags & SUBJECT_POOL) != 0, .readers = readers };
	clock_init(&clock);
	q.clock = &clock;
	q.topology = topology_open(NULL, error, sizeof(error));
	CHECK(q.topology != NULL && record != NULL);
	subject_values = values_of(q.subject->options, subject_arguments, error, sizeof(error));
	if (subject_values == NULL || !plan_for(q.workload, arguments, q.threads, plan, &values, error, sizeof(error))) {
		fprintf(stderr, "# %s\n", error);
		CHECK(false);
	}
	q.subject_options = subject_values;
	q.workload_options = values;
	q.plan = plan;
	q.membind = "none";
	q.sample_interval_ns = 5000000;
	q.watchdog_ns = 60000000000;
	q.latency_shift = 7;
	q.smr_stats = SMR_COUNTERS;
	if (runner_run(&q, record, error, sizeof(error)) != TRIAL_DONE) {
		fprintf(stderr, "# %s\n", error);
		CHECK(false);
	}
	topology_close(q.topology);
	options_free(subject_values);
	options_free(values);
	return record;
}

#endif
