/*
 * cmd_run.c - hamtbench run: choose, check, measure, keep, print.
 *
 * Everything that can be refused is refused before the first trial. A trial that is
 * finished is in the results file before its row is on standard output, and
 * nothing that goes wrong later takes it away again.
 */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "harness/choice.h"
#include "harness/command.h"
#include "harness/counters.h"
#include "harness/environment.h"
#include "harness/export.h"
#include "harness/history.h"
#include "harness/keys.h"
#include "harness/options.h"
#include "harness/points.h"
#include "harness/progress.h"
#include "harness/runner.h"
#include "harness/schedule.h"
#include "harness/statistics.h"
#include "harness/store.h"
#include "harness/summary.h"

#define NAME "run"
#define THREADS_MOST 16384
#define TRIALS_MOST 1000000
#define LEAST_FOR_CI 6 /* values: 1 - 2 / 2^6 is more than 95 % */
#define FIRST_LOOK 8   /* or as many as are planned, or --max-trials: enough for an interval of 6 looks */
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define LONGEST_NS (30 * 24 * 3600 * NS_PER_S)

/* ---- Options ---- */

static const char *const membind_words[] = { "none", "local", "interleave", NULL };
static const char *const smr_words[] = {
	[SMR_OFF] = "off", [SMR_COUNTERS] = "counters", [SMR_SAMPLED] = "sampled", [SMR_FULL] = "full", NULL,
};
static const char *const order_words[] = { "random", "given", NULL };
enum { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };
static const char *const format_words[] = {
	[FORMAT_TABLE] = "table", [FORMAT_CSV] = "csv", [FORMAT_JSON] = "json", NULL,
};

static bool
check_membind(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(membind_words, text, canonical, canonical_size, error, error_size);
}

static bool
check_smr(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(smr_words, text, canonical, canonical_size, error, error_size);
}

static const char *const arrival_words[] = { [PACE_EVEN] = "even", [PACE_POISSON] = "poisson", NULL };

static bool
check_arrival(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(arrival_words, text, canonical, canonical_size, error, error_size);
}

static const char *const counters_words[] = { "on", "off", NULL };

static bool
check_counters(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(counters_words, text, canonical, canonical_size, error, error_size);
}

static bool
check_order(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(order_words, text, canonical, canonical_size, error, error_size);
}

static bool
check_format(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(format_words, text, canonical, canonical_size, error, error_size);
}

static bool
check_noise(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	if (strcmp(text, "off") != 0)
		return options_check_percent(text, canonical, canonical_size, error, error_size);
	snprintf(canonical, canonical_size, "off");
	return true;
}

/* What it means the topology says; here: does it fit into the record? */
static bool
check_pin(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	if (strlen(text) >= RECORD_TEXT) {
		snprintf(error, error_size,
		    "the list has more than %d characters; ranges such as 0-63 are shorter", RECORD_TEXT - 1);
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static const struct plugin_option choice_options[] = {
	{ .name = "subject", .type = OPTION_TEXT, .meta = "NAME,..|PATH",
	    .help = "maps to measure; may be given several times (default: all that are built and can do the workload)" },
	{ .name = "workload", .type = OPTION_TEXT, .meta = "NAME,..|PATH",
	    .help = "loads to put on them, NAME:VARIANT where they have some; may be given several times (default mixed)" },
	{ .name = "threads", .letter = 't', .type = OPTION_COUNT, .meta = "N,..|ROLES", .least = 1, .most = THREADS_MOST,
	    .help = "numbers of worker threads (default 1, 2, 4 ... up to the number of cores), or ROLES, "
	            "readers=R,writers=W: threads that only read and threads that only update, for workloads that have "
	            "such (mixed, hotkey, growth); may be given several times" },
	{ .name = "rate", .type = OPTION_COUNT, .meta = "N,..", .least = 1, .most = UINT64_C(1000000000000),
	    .help = "open loop: calls per second that all threads together are to begin, whether or not those before are "
	            "done; latency is then measured from the intended start, too (default: closed loop, each thread as "
	            "fast as it can)" },
	{ .name = NULL },
};
static const struct plugin_option *const threads_option = &choice_options[2];
static const struct plugin_option *const rate_option = &choice_options[3];

/* What can move a figure: kept with every trial. Pin, membind and seed are columns of their own. */
static const struct plugin_option measure_options[] = {
	{ .name = "duration", .letter = 'd', .type = OPTION_TIME, .initial = "1s", .meta = "TIME",
	    .least = NS_PER_MS, .most = LONGEST_NS, .help = "measured part of a trial" },
	{ .name = "warmup", .type = OPTION_TIME, .initial = "100ms", .meta = "TIME", .most = LONGEST_NS,
	    .help = "the same load before it, not measured" },
	{ .name = "arrival", .type = OPTION_TEXT, .initial = "poisson", .meta = "HOW", .check = check_arrival,
	    .help = "with --rate: intended starts even, at equal distances, or poisson, as of many independent users" },
	{ .name = "latency-sample", .type = OPTION_COUNT, .meta = "K", .most = 32,
	    .help = "take the time of one call in 2^K; 0: of all, as in an open loop (default 8; 0 for workloads that are "
	            "about the longest calls)" },
	{ .name = "sample-interval", .type = OPTION_TIME, .initial = "5ms", .meta = "TIME", .least = NS_PER_MS / 10,
	    .most = 10 * NS_PER_S, .help = "between two samples of garbage and memory" },
	{ .name = "counters", .type = OPTION_TEXT, .initial = "on", .meta = "on|off", .check = check_counters,
	    .help = "have the kernel count cycles, instructions, misses and page faults, as far as it can here" },
	{ .name = NULL },
};

/* An axis: what is looked at of reclamation, and so what it costs. */
static const struct plugin_option level_options[] = {
	{ .name = "smr-stats", .type = OPTION_TEXT, .initial = "counters", .meta = "LEVEL", .check = check_smr,
	    .help = "reclamation: off, counters (garbage over time), sampled (and passes, and the time from retire to "
	            "free of 1 object in 64), full (of all); given several times: the first is measured in all "
	            "trials and the others in every third, and the table says what they cost" },
	{ .name = NULL },
};
#define LEVEL_EVERY 3u /* trials of the first level for one of each other */

static const struct plugin_option conduct_options[] = {
	{ .name = "trials", .type = OPTION_COUNT, .initial = "3", .meta = "N", .least = 1, .most = TRIALS_MOST,
	    .help = "of each point" },
	{ .name = "ci", .type = OPTION_TEXT, .meta = "P%", .check = options_check_percent,
	    .help = "go on, up to --max-trials, until the 95 % interval of a point's median throughput is within P% of it; looked at "
	          "after 8 trials (or --trials, if more), 16, 32 ... and the last, and wider for that" },
	{ .name = "max-trials", .type = OPTION_COUNT, .initial = "30", .meta = "N", .least = LEAST_FOR_CI, .most = TRIALS_MOST,
	    .help = "of each point with --ci, and no less than --trials; one look at an interval of 95 % needs 6; points that are not "
	            "settled by then are counted below the table and on standard error" },
	{ .name = "noise", .type = OPTION_TEXT, .initial = "5%", .meta = "P%|off", .check = check_noise,
	    .help = "a trial is disturbed if others took more than P% of the processors' time (see: list columns)" },
	{ .name = "repeats", .type = OPTION_COUNT, .meta = "N", .most = TRIALS_MOST,
	    .help = "of disturbed trials, at most so many in all, and of a point as many as it has trials "
	            "(default: a fifth of all trials)" },
	{ .name = "no-overhead", .type = OPTION_FLAG,
	    .help = "do not measure, for some ms before the first trial of a load, what the harness itself takes of an operation: "
	            "what subject null needs, null-bytes where keys are byte strings" },
	{ .name = "seed", .letter = 'S', .type = OPTION_COUNT, .initial = "1", .meta = "N",
	    .help = "of all that is random; trial k of a point takes N + k - 1" },
	{ .name = "pin", .type = OPTION_TEXT, .meta = "POLICY|LIST", .check = check_pin,
	    .help = "where threads go: a policy (see: list policies) or processors such as 0,2,4-7 (default "
	            "core-first; none, with a warning, where the system binds no threads)" },
	{ .name = "membind", .type = OPTION_TEXT, .initial = "none", .meta = "WHERE", .check = check_membind,
	    .help = "where memory comes from: none, local, interleave" },
	{ .name = "order", .type = OPTION_TEXT, .initial = "random", .meta = "ORDER", .check = check_order,
	    .help = "of the points within a round: random, given" },
	{ .name = "watchdog", .type = OPTION_TIME, .initial = "30s", .meta = "TIME", .least = 100 * NS_PER_MS,
	    .most = LONGEST_NS, .help = "end the run when a thread completes no operation for so long" },
	{ .name = NULL },
};

static const struct plugin_option output_options[] = {
	{ .name = "db", .type = OPTION_TEXT, .meta = "FILE", .check = options_check_path,
	    .help = "results file, added to (default " STORE_DEFAULT_PATH "); made if it is not there, with its folders" },
	{ .name = "no-db", .type = OPTION_FLAG, .help = "keep no results, only print" },
	{ .name = "format", .type = OPTION_TEXT, .initial = "table", .meta = "FORMAT", .check = check_format,
	    .help = "on standard output: table (at the end), csv, json (each trial at once)" },
	{ .name = "resume", .type = OPTION_FLAG, .help = "go on with the last series of these options in this "
	    "environment, if there is one, and make only the trials that it lacks" },
	{ .name = "history", .type = OPTION_TEXT, .meta = "FILE", .check = options_check_path,
	    .help = "record every operation of the measured part for hamtbench check, into a new file: FILE, or FILE.K for "
	            "trial K if there are several. That slows the map down, so no results are kept (--no-db)" },
	{ .name = "history-ops", .type = OPTION_COUNT, .initial = "4M", .meta = "N", .least = 1, .most = 1u << 30,
	    .help = "end a recorded trial after so many operations (48 bytes of memory each, about 11 in the file)" },
	{ .name = "quiet", .type = OPTION_FLAG, .help = "no progress and no warnings" },
	{ .name = "dry-run", .type = OPTION_FLAG, .help = "print what would be measured, and end" },
	{ .name = NULL },
};

static const char after_help[] =
    "Exit status: 0 fine; 1 a map was wrong, a trial could not run, or a map or the watchdog ended the run; 2 bad input;\n"
    "130 interrupted; 128 + N a map crashed: 134 abort, 136 arithmetic, 139 memory that is not its own. Each with a line that\n"
    "says so; finished trials are in the results file.";

/* ---- A run ---- */

struct run_point {       /* what has become of a point of the schedule */
	bool *has;       /* room of them: [t] = trial t + 1 is in the series, or could not run */
	uint64_t room;
	uint64_t made;   /* trials, resumed ones included */
	uint64_t resumed; /* of these */
	uint64_t disturbed; /* of these */
	bool overhead_known; /* it was looked for: */
	double overhead_ns;  /* of the harness at this load; NaN: it cannot be known */
	double *mops;    /* of the undisturbed valid ones: values of them, room of them */
	uint64_t values;
	bool settled;    /* a look for --ci was content */
};

struct run {
	struct command_line line;
	struct choice choice;
	struct option_values *measure, *conduct, *output;
	struct option_sets levels; /* of level_options[] */
	uint64_t *threads;
	size_t thread_counts;
	uint64_t *rates; /* none given: closed loop */
	size_t rate_count;
	struct topology *topology;
	struct topology_summary machine;
	struct clock clock;
	struct schedule schedule;
	struct run_point *point; /* as schedule.point[] */
	char plan[33];
	struct environment environment;
	struct store *store; /* NULL: --no-db */
	int64_t series;
	struct points *points;
	struct progress *progress;
	char *command;             /* as it could be typed again */
	struct history_recorder *recorder; /* of --history, for recorder_threads threads; else NULL */
	unsigned recorder_threads;
	struct export export;
	unsigned format;
	const char *pin;          /* what was asked for, or what can be had */
	uint64_t trials_each, total;
	uint64_t position;        /* of the next trial in the series */
	uint64_t resumed;         /* trials that were in the series before */
	/* For the harness's own cost: SUMMARY_NULL, and [1] SUMMARY_NULL_BYTES. NULL: not loaded yet, or it cannot be. */
	struct plugin *null[2];
	struct option_sets null_sets; /* of the first; the other one takes those of the subject that it stands for */
	char no_overhead[ERROR_SIZE]; /* which of them cannot tell, and why it is not known somewhere; "": it is */
	struct sentinel *sentinel;
	double noise_pct, ci_pct; /* 0: off */
	uint64_t most_trials;     /* of a point, with --ci */
	uint64_t repeats_left, repeats; /* of disturbed trials: may still be made, were made */
	uint64_t disturbed;       /* trials, resumed ones included */
	uint64_t done, kept, bad; /* trials of this run: over, with a record, not valid or could not run */
	bool stopped;        /* by an error that was said; no further trial */
	char error[ERROR_SIZE];
};

/* All tables that the command line is read by: for free(). */
static struct option_group *
option_groups(const struct run *run, size_t *count)
{
	struct option_group own[] = {
		{ NAME, "What to measure", choice_options }, { NAME, "How to measure", measure_options },
		{ NAME, "What to look at of reclamation", level_options },
		{ NAME, "How to go about it", conduct_options }, { NAME, "Output", output_options },
	};
	size_t owns = sizeof(own) / sizeof(own[0]);
	struct option_group *group = calloc(owns + run->choice.workloads + run->choice.subjects, sizeof(*group));

	if (group == NULL)
		return NULL;
	memcpy(group, own, sizeof(own));
	*count = owns;
	for (size_t i = 0; i < run->choice.workloads; i++)
		group[(*count)++] = (struct option_group){ .owner = run->choice.workload[i].plugin->title,
			.options = run->choice.workload[i].plugin->options };
	for (size_t i = 0; i < run->choice.subjects; i++)
		group[(*count)++] = (struct option_group){ .owner = run->choice.subject[i].plugin->title,
			.options = run->choice.subject[i].plugin->options };
	return group;
}

/* ---- Reading the options ---- */

static bool
default_threads(struct run *run)
{
	uint64_t cores = run->machine.cores;
	size_t n = 0;

	/* cores are the machine's; this process may have been given fewer processors. */
	if (cores > run->machine.allowed_pus)
		cores = run->machine.allowed_pus;
	if (cores == 0)
		cores = 1;
	run->threads = calloc(66, sizeof(*run->threads));
	if (run->threads == NULL) {
		snprintf(run->error, sizeof(run->error), "--threads: no memory");
		return false;
	}
	for (uint64_t t = 1; t < cores; t *= 2)
		run->threads[n++] = t;
	run->threads[n++] = cores;
	run->thread_counts = n;
	return true;
}

static bool
read_threads(struct run *run)
{
	if (!roles_counts(threads_option, &run->line, &run->threads, &run->thread_counts, run->error,
	        sizeof(run->error)))
		return false;
	if (run->thread_counts > 0)
		return true;
	free(run->threads);
	return default_threads(run);
}

static bool
is_given(const struct run *run, const char *name)
{
	for (size_t i = 0; i < run->line.given_count; i++)
		if (strcmp(run->line.given[i].name, name) == 0)
			return true;
	return false;
}

/* none_in_vain - was nothing asked for that other options leave without effect? */
static bool
none_in_vain(struct run *run)
{
	static const struct { const char *name, *with; } needs[] = { { "arrival", "rate" }, { "max-trials", "ci" },
		{ "history-ops", "history" } };
	uint64_t trials = option_count(run->conduct, "trials"), most = option_count(run->conduct, "max-trials");

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (is_given(run, needs[i].name) && !is_given(run, needs[i].with)) {
			snprintf(run->error, sizeof(run->error), "--%s: only together with --%s", needs[i].name, needs[i].with);
			return false;
		}
	if (is_given(run, "max-trials") && trials > most) {
		snprintf(run->error, sizeof(run->error), "--max-trials %" PRIu64 " is less than --trials %" PRIu64, most, trials);
		return false;
	}
	if (strcmp(option_text(run->conduct, "noise"), "off") == 0 && option_is_set(run->conduct, "repeats") &&
	    option_count(run->conduct, "repeats") > 0) {
		snprintf(run->error, sizeof(run->error), "--repeats: with --noise off no trial is disturbed, and none is repeated");
		return false;
	}
	return true;
}

static bool
read_values(struct run *run)
{
	char *error = run->error;
	size_t size = sizeof(run->error);

	if (!options_single(measure_options, &run->line, &run->measure, error, size) ||
	    !options_sets(level_options, &run->line, &run->levels, error, size) ||
	    !options_single(conduct_options, &run->line, &run->conduct, error, size) ||
	    !options_single(output_options, &run->line, &run->output, error, size) || !read_threads(run) ||
	    !options_counts(rate_option, &run->line, &run->rates, &run->rate_count, error, size) || !none_in_vain(run))
		return false;
	if (option_flag(run->output, "no-db") &&
	    (option_is_set(run->output, "db") || option_flag(run->output, "resume"))) {
		snprintf(error, size, "--no-db and --%s exclude each other",
		    option_is_set(run->output, "db") ? "db" : "resume");
		return false;
	}
	if (option_is_set(run->output, "history") &&
	    (option_is_set(run->output, "db") || option_flag(run->output, "resume"))) {
		snprintf(error, size, "--history keeps no results: it and --%s exclude each other",
		    option_is_set(run->output, "db") ? "db" : "resume");
		return false;
	}
	for (size_t i = 0; i < run->choice.workloads; i++)
		if (!options_sets(
			run->choice.workload[i].plugin->options, &run->line, &run->choice.workload[i].sets, error, size))
			return false;
	for (size_t i = 0; i < run->choice.subjects; i++)
		if (!options_sets(
			run->choice.subject[i].plugin->options, &run->line, &run->choice.subject[i].sets, error, size))
			return false;
	if (strcmp(option_text(run->conduct, "noise"), "off") != 0 &&
	    !options_parse_percent(option_text(run->conduct, "noise"), &run->noise_pct, error, size))
		return false;
	if (option_is_set(run->conduct, "ci") &&
	    !options_parse_percent(option_text(run->conduct, "ci"), &run->ci_pct, error, size))
		return false;
	while (strcmp(format_words[run->format], option_text(run->output, "format")) != 0)
		run->format++;
	run->trials_each = option_count(run->conduct, "trials");
	return true;
}

static bool
look_at_machine(struct run *run)
{
	run->topology = topology_open(NULL, run->error, sizeof(run->error));
	if (run->topology == NULL)
		return false;
	topology_summary(run->topology, &run->machine);
	if (!clock_init(&run->clock)) {
		snprintf(run->error, sizeof(run->error), "%s", run->clock.note);
		return false;
	}
	return true;
}

/* A policy that was asked for and is refused fails its trials; the default gives way. */
static void
choose_pin(struct run *run)
{
	run->pin = option_is_set(run->conduct, "pin") ? option_text(run->conduct, "pin") : "core-first";
	if (option_is_set(run->conduct, "pin") || topology_may_bind(run->topology))
		return;
	run->pin = "none";
	if (!option_flag(run->output, "quiet"))
		command_error(NAME, "warning: threads cannot be bound here: --pin none");
}

/* How many of the first so many rounds measure that point. */
static uint64_t
point_trials(const struct run *run, size_t at, uint64_t rounds)
{
	return run->schedule.point[at].run_set == 0 ? rounds : (rounds + LEVEL_EVERY - 1) / LEVEL_EVERY;
}

/* What is measured at each level, for the record; false: no memory. */
static bool
run_options(const struct run *run, json_t **options)
{
	bool fine = true;

	for (size_t i = 0; i < run->levels.count; i++) {
		json_t *level = options_json(run->levels.set[i]);

		options[i] = options_json(run->measure);
		fine = fine && options[i] != NULL && level != NULL && json_object_update(options[i], level) == 0;
		json_decref(level);
	}
	return fine;
}

static bool
make_schedule(struct run *run)
{
	json_t *options[sizeof(smr_words) / sizeof(smr_words[0])] = { NULL };
	struct schedule_source source = { .subject = run->choice.subject, .subjects = run->choice.subjects,
		.leave_out = run->choice.unnamed, .workload = run->choice.workload, .workloads = run->choice.workloads,
		.threads = run->threads, .thread_counts = run->thread_counts, .rates = run->rates,
		.rate_count = run->rate_count, .topology = run->topology,
		.run_options = options, .run_sets = run->levels.count };
	bool fine;

	choose_pin(run);
	source.pin = run->pin;

	if (run_options(run, options)) {
		fine = schedule_make(&run->schedule, &source, run->error, sizeof(run->error));
	} else {
		snprintf(run->error, sizeof(run->error), "no memory for the points of the run");
		fine = false;
	}
	for (size_t i = 0; i < run->levels.count; i++)
		json_decref(options[i]);
	if (!fine)
		return false;
	/* Neither the points nor a point's trials are near 2^32. */
	for (size_t i = 0; i < run->schedule.count; i++)
		run->total += point_trials(run, i, run->trials_each);
	run->most_trials = option_count(run->conduct, "max-trials");
	if (run->most_trials < run->trials_each)
		run->most_trials = run->trials_each;
	run->repeats_left = option_is_set(run->conduct, "repeats") ? option_count(run->conduct, "repeats") :
	    (run->total + 4) / 5;
	run->point = calloc(run->schedule.count, sizeof(*run->point));
	if (run->point == NULL || !schedule_plan(&run->schedule, run->pin,
	        option_text(run->conduct, "membind"), option_count(run->conduct, "seed"), run->plan)) {
		snprintf(run->error, sizeof(run->error), "no memory for the points of the run");
		return false;
	}
	return true;
}

/* ---- Before the first trial ---- */

/* every_ns - of a load that parks threads or lets them end: when it does so first. 0: it is none such. */
static uint64_t
every_ns(const struct schedule_point *point)
{
	const struct plugin_option *o = point->workload->workload->options;

	if (!point->plan.stalls && (point->plan.needs & NEEDS_LATE_DETACH) == 0)
		return 0;
	for (; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, "every") == 0 && o->type == OPTION_TIME)
			return option_time_ns(point->workload_options, o->name);
	return 0;
}

/* what_is_awaited_comes - does a trial last until the stall or the death that its load is about? Only a default that is too long passes. */
static bool
what_is_awaited_comes(struct run *run)
{
	uint64_t duration_ns = option_time_ns(run->measure, "duration");

	for (size_t i = 0; i < run->schedule.count; i++) {
		const struct schedule_point *point = &run->schedule.point[i];
		char every[32], duration[32];

		if (every_ns(point) < duration_ns)
			continue;
		options_format_time(every_ns(point), every, sizeof(every));
		options_format_time(duration_ns, duration, sizeof(duration));
		snprintf(run->error, sizeof(run->error), "--every %s is not less than --duration %s: no thread %s in workload %s", every,
		    duration, point->plan.stalls ? "is stalled" : "ends", point->workload_title);
		if (is_given(run, "every"))
			return false;
		if (!option_flag(run->output, "quiet"))
			command_error(NAME, "warning: %s", run->error);
		break;
	}
	return true;
}

static int
dry_run(const struct run *run)
{
	uint64_t each_ns = option_time_ns(run->measure, "duration") + option_time_ns(run->measure, "warmup");
	uint64_t timed = 0;
	char time[32];

	for (size_t i = 0; i < run->schedule.count; i++)
		timed += run->schedule.point[i].plan.fixed_work ? 0 : point_trials(run, i, run->trials_each);
	progress_format_time(timed * each_ns, time, sizeof(time));
	printf("%zu point%s, %" PRIu64 " trial%s each%s: %" PRIu64 " trials, at least %s (prefill%s not counted)\n",
	    run->schedule.count, run->schedule.count == 1 ? "" : "s", run->trials_each,
	    run->trials_each == 1 ? "" : "s", run->levels.count > 1 ? ", a third at further levels" : "", run->total, time,
	    timed < run->total ? " and loads of a fixed amount of work" : "");
	for (size_t i = 0; i < run->schedule.count; i++)
		printf("%s\n", run->schedule.point[i].label);
	return command_finish(NAME, STATUS_OK);
}

static bool
capture_environment(struct run *run)
{
	const char **path =
	    calloc(run->choice.subjects + run->choice.workloads + run->schedule.variants + 1, sizeof(*path));
	char warnings[ENVIRONMENT_TEXT], *next = warnings;
	bool fine;

	if (path == NULL) {
		snprintf(run->error, sizeof(run->error), "no memory for the environment");
		return false;
	}
	for (size_t i = 0; i < run->choice.subjects; i++)
		path[i] = run->choice.subject[i].plugin->path;
	for (size_t i = 0; i < run->choice.workloads; i++)
		path[run->choice.subjects + i] = run->choice.workload[i].plugin->path;
	for (size_t i = 0; i < run->schedule.variants; i++)
		path[run->choice.subjects + run->choice.workloads + i] = run->schedule.variant[i]->path;
	fine = environment_capture(&run->environment, &run->machine, &run->clock, path, run->error,
	    sizeof(run->error));
	free(path);
	if (!fine || option_flag(run->output, "quiet"))
		return fine;
	environment_warnings(&run->environment, warnings, sizeof(warnings));
	for (char *line; (line = strsep(&next, "\n")) != NULL;)
		if (line[0] != '\0')
			command_error(NAME, "warning: %s", line);
	return true;
}

/* ---- Going on with a series ---- */

struct resuming {
	struct run *run;
	struct { int64_t id; char environment_id[33]; } *found; /* series of this plan, the last one last */
	size_t count;
	int64_t other;              /* the last of this plan in another environment */
	char difference[128];       /* in what */
	const char *environment_id; /* whose document is asked for */
	char *json;
	bool no_memory;
};

static bool
note_series(void *arg, const struct store_series *series)
{
	struct resuming *r = arg;
	void *more;

	if (strcmp(series->plan, r->run->plan) != 0)
		return true;
	more = realloc(r->found, (r->count + 1) * sizeof(*r->found));
	if (more == NULL) {
		r->no_memory = true;
		return false;
	}
	r->found = more;
	r->found[r->count].id = series->id;
	memcpy(r->found[r->count].environment_id, series->environment_id, sizeof(series->environment_id));
	r->count++;
	return true;
}

static bool
note_environment(void *arg, const struct environment *environment)
{
	struct resuming *r = arg;

	r->json = strdup(environment->json);
	r->no_memory = r->json == NULL;
	return false;
}

/* find_series - the last one of this plan and environment into run->series; 0: there is none. */
static bool
find_series(struct run *run, struct resuming *r)
{
	struct store_filter filter = { .choice = STORE_ALL };

	if (!store_each_series(run->store, &filter, note_series, r, run->error, sizeof(run->error)))
		return false;
	for (size_t i = r->count; i-- > 0 && !r->no_memory && run->series == 0;) {
		char difference[sizeof(r->difference)];
		bool differs;

		filter = (struct store_filter){ .choice = STORE_NUMBER, .series = r->found[i].id };
		if (!store_each_environment(run->store, &filter, note_environment, r, run->error,
		        sizeof(run->error)))
			return false;
		differs = r->json == NULL ||
		    environment_difference(r->json, run->environment.json, difference, sizeof(difference));
		free(r->json);
		r->json = NULL;
		if (!differs) {
			run->series = r->found[i].id;
			memcpy(run->environment.id, r->found[i].environment_id, sizeof(run->environment.id));
		} else if (r->other == 0) {
			r->other = r->found[i].id;
			memcpy(r->difference, difference, sizeof(difference));
		}
	}
	if (r->no_memory)
		snprintf(run->error, sizeof(run->error), "no memory to look for the series to resume");
	return !r->no_memory;
}

static bool
is_trial_of(const struct schedule_point *p, const struct record *r)
{
	return r->threads == p->threads && r->keys == p->plan.keys && r->options != NULL &&
	    strcmp(r->options, p->options) == 0 && strcmp(r->subject, p->subject->name) == 0 &&
	    strcmp(r->workload, p->workload_title) == 0;
}

static bool
point_has(const struct run_point *p, uint64_t trial)
{
	return trial <= p->room && p->has[trial - 1];
}

/* point_note - the point has that trial now. False: no memory. */
static bool
point_note(struct run_point *p, uint64_t trial)
{
	if (trial > p->room) {
		uint64_t room = trial + p->room;
		bool *more = realloc(p->has, room * sizeof(*more));
		double *values = realloc(p->mops, room * sizeof(*values));

		if (more != NULL)
			p->has = more;
		if (values != NULL)
			p->mops = values;
		if (more == NULL || values == NULL)
			return false;
		memset(more + p->room, 0, (room - p->room) * sizeof(*more));
		p->room = room;
	}
	p->made += !p->has[trial - 1];
	p->has[trial - 1] = true;
	return true;
}

/* point_value - what a trial of the point said. */
static void
point_value(struct run_point *p, const struct record *record)
{
	p->disturbed += record->disturbed;
	if (record->valid && !record->disturbed && !isnan(record->mops) && p->values < p->room)
		p->mops[p->values++] = record->mops;
}

/* note_trial - a trial that the series has already: it need not be made again, and is in the table. */
static bool
note_trial(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct resuming *r = arg;
	struct run *run = r->run;

	(void)origin;
	for (size_t i = 0; i < run->schedule.count && !r->no_memory; i++) {
		if (!is_trial_of(&run->schedule.point[i], record) || record->trial - 1 >= TRIALS_MOST)
			continue;
		r->no_memory = !point_note(&run->point[i], record->trial);
		if (!r->no_memory)
			point_value(&run->point[i], record);
	}
	run->resumed++;
	run->disturbed += record->disturbed;
	if (record->position != UINT64_MAX && record->position >= run->position)
		run->position = record->position + 1;
	r->no_memory = r->no_memory || !points_add(run->points, run->environment.id, record);
	return !r->no_memory;
}

/* The series to go on with into run->series and what it has into run->point; 0: a new one is to begin. */
static bool
resume_series(struct run *run)
{
	struct resuming r = { .run = run };
	struct store_filter filter = { .choice = STORE_NUMBER };
	bool fine = find_series(run, &r);
	char text[ERROR_SIZE];

	free(r.found);
	if (!fine)
		return false;
	if (run->series == 0) {
		if (r.other != 0 && !option_flag(run->output, "quiet")) {
			snprintf(text, sizeof(text), "series %" PRId64 " has these options, but another environment "
			    "(%s differs): a new series begins", r.other, r.difference);
			command_error(NAME, "%s", text);
		}
		return true;
	}
	/* First the claim, then the count: nobody else adds to it any more. */
	if (!store_series_resume(run->store, run->series, run->total, run->error, sizeof(run->error)))
		return false;
	filter.series = run->series;
	if (!store_each_trial(run->store, &filter, note_trial, &r, run->error, sizeof(run->error)))
		return false;
	if (r.no_memory) {
		snprintf(run->error, sizeof(run->error), "no memory for the points of the summary");
		return false;
	}
	/* What was made beyond the plan belongs to the total, and used up repeats. */
	for (size_t i = 0; i < run->schedule.count; i++) {
		uint64_t made = run->point[i].made, planned = point_trials(run, i, run->trials_each);
		uint64_t beyond = made > planned ? made - planned : 0;

		run->point[i].resumed = made;
		run->total += beyond;
		run->repeats_left -= beyond < run->repeats_left ? beyond : run->repeats_left;
	}
	return true;
}

static bool
open_results(struct run *run)
{
	const char *path = option_is_set(run->output, "db") ? option_text(run->output, "db") : STORE_DEFAULT_PATH;

	if (option_flag(run->output, "no-db") || option_is_set(run->output, "history"))
		return true;
	run->store = store_open(path, STORE_WRITE, run->error, sizeof(run->error));
	if (run->store == NULL)
		return false;
	if (option_flag(run->output, "resume")) {
		if (!resume_series(run))
			return false;
		if (run->series != 0)
			return true;
	}
	return store_series_begin(run->store, run->command, run->plan, &run->environment, run->total, &run->series,
	    run->error, sizeof(run->error));
}

/* ---- Trials ---- */

/* Say what is wrong, between rows and progress. */
static void
complain(struct run *run, const char *text)
{
	progress_clear(run->progress);
	command_error(NAME, "%s", text);
}

/* An error that ends the run; what was kept stays. */
static void
stop(struct run *run, const char *text)
{
	complain(run, text);
	run->stopped = true;
}

/* Standard output refuses. A reader that went away has seen enough: no word of it. */
static void
stop_output(struct run *run, const char *said)
{
	char text[2 * ERROR_SIZE];

	snprintf(text, sizeof(text), "standard output: %s", said);
	if (!command_pipe_closed)
		complain(run, text);
	run->stopped = true;
}

/* The scheme that a subject was told to use says more than the subject's default. */
static void
fill_reclaimer(struct record *record, const struct schedule_point *point)
{
	for (const struct plugin_option *o = point->subject->options; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, "reclaim") == 0 && o->type == OPTION_TEXT &&
		    option_text(point->subject_options, "reclaim") != NULL)
			snprintf(record->reclaimer, sizeof(record->reclaimer), "%s",
			    option_text(point->subject_options, "reclaim"));
}

/* first_look - how many values --ci wants first. */
static uint64_t
first_look(const struct run *run)
{
	uint64_t first = run->trials_each > FIRST_LOOK ? run->trials_each : FIRST_LOOK;

	return first < run->most_trials ? first : run->most_trials;
}

static void
fill_record(struct run *run, struct record *record, const struct schedule_point *point, uint64_t trial)
{
	/* NULL = no memory; then the record lacks its options, which is said below. */
	record->options = strdup(point->options);
	record->trial = trial;
	record->position = run->position;
	if (run->ci_pct > 0 && point->run_set == 0)
		record->looks = statistics_looks(first_look(run), run->most_trials);
	fill_reclaimer(record, point);
	snprintf(record->pin, sizeof(record->pin), "%s", run->pin);
	snprintf(record->membind, sizeof(record->membind), "%s", option_text(run->conduct, "membind"));
}

/* A finished trial: into the file first, then onto standard output. */
static void
keep_trial(struct run *run, const struct record *record, const struct schedule_point *point)
{
	struct store_origin origin = { .series_id = run->series };
	char said[ERROR_SIZE], text[2 * ERROR_SIZE];

	snprintf(origin.environment_id, sizeof(origin.environment_id), "%s", run->environment.id);
	if (run->store != NULL &&
	    !store_trial(run->store, run->series, record, &origin.trial_id, said, sizeof(said))) {
		stop(run, said);
		return;
	}
	run->kept++;
	run->disturbed += record->disturbed;
	progress_disturbed(run->progress, record->disturbed);
	if (run->format != FORMAT_TABLE) {
		progress_clear(run->progress);
		if (!export_trial(&run->export, &origin, record, said, sizeof(said))) {
			stop_output(run, said);
			return;
		}
	}
	if (!points_add(run->points, run->environment.id, record)) {
		stop(run, "no memory for the points of the summary");
		return;
	}
	if (!record->valid) {
		run->bad++;
		snprintf(text, sizeof(text), "trial %" PRIu64 " of %" PRIu64 " (%s): not valid: %s",
		    run->position + 1, run->total, point->label, record->why);
		complain(run, text);
	}
}

/* The file of the next trial's history, for free(); NULL = no memory. */
static char *
history_path(const struct run *run, uint64_t position)
{
	const char *path = option_text(run->output, "history");
	char *numbered = NULL;

	if (run->schedule.count * run->trials_each == 1 && position == 0)
		return strdup(path);
	return asprintf(&numbered, "%s.%" PRIu64, path, position + 1) >= 0 ? numbered : NULL;
}

/* Before the first trial: these are maps, none of the files is there, and the first can be made. */
static bool
can_keep_histories(struct run *run)
{
	for (size_t i = 0; option_is_set(run->output, "history") && i < run->schedule.count; i++)
		if ((run->schedule.point[i].subject->subject->flags & SUBJECT_POOL) != 0) {
			snprintf(run->error, sizeof(run->error), "--history: %s is no map: its history cannot be judged",
			    run->schedule.point[i].subject->name);
			return false;
		}
	for (uint64_t i = 0; option_is_set(run->output, "history") && i < run->total; i++) {
		char *path = history_path(run, i);
		struct history none = { 0 };
		bool there = path != NULL && access(path, F_OK) == 0, fine = path != NULL && !there;

		if (path == NULL)
			snprintf(run->error, sizeof(run->error), "--history: no memory");
		else if (there)
			snprintf(run->error, sizeof(run->error), "--history: %s exists already; name another", path);
		else if (i == 0 && (fine = history_write(&none, path, run->error, sizeof(run->error))))
			unlink(path);
		free(path);
		if (!fine)
			return false;
	}
	return true;
}

/* The trial's recorder, NULL without --history. False: no memory. */
static bool
need_recorder(struct run *run, unsigned threads)
{
	if (!option_is_set(run->output, "history") || run->recorder_threads == threads)
		return true;
	history_recorder_free(run->recorder);
	run->recorder = history_recorder_new(option_count(run->output, "history-ops"), threads + 1);
	run->recorder_threads = run->recorder != NULL ? threads : 0;
	return run->recorder != NULL;
}

static void
keep_history(struct run *run, const struct record *record)
{
	char *path = history_path(run, run->position), said[ERROR_SIZE];
	struct history *history;
	bool cut = false;

	history = history_recorder_take(run->recorder, &cut);
	if (history != NULL)
		history->about = history_about(record, clock_name(&run->clock), run->command);
	if (history == NULL || path == NULL || history->about == NULL) {
		stop(run, "no memory for the history of a trial");
	} else if (!history_write(history, path, said, sizeof(said))) {
		stop(run, said);
	} else if (!option_flag(run->output, "quiet")) {
		progress_clear(run->progress);
		fprintf(stderr, "hamtbench run: %zu operations in %s%s; to judge them: hamtbench check %s\n", history->events, path,
		    history->events >= option_count(run->output, "history-ops") ?
		    " (all there is room for: the trial ended early, see --history-ops)" : "", path);
	}
	free(path);
}

/* ---- The harness's own cost ---- */

#define OVERHEAD_NS (10 * NS_PER_MS) /* of measuring null: some 100,000 operations */

/* The subject that does nothing for such keys as the point's, and its options; false and one line in said. */
static bool
load_null(struct run *run, const struct schedule_point *point, struct trial_request *request, char *said, size_t size)
{
	const struct command_line nothing = { 0 };
	bool bytes = (point->subject->subject->flags & SUBJECT_BYTES) != 0;
	struct plugin **null = &run->null[bytes];

	if (*null == NULL)
		*null = plugin_load(PLUGIN_SUBJECT, bytes ? SUMMARY_NULL_BYTES : SUMMARY_NULL, said, size);
	if (*null == NULL || (!bytes && run->null_sets.count == 0 &&
	        !options_sets((*null)->options, &nothing, &run->null_sets, said, size)))
		return false;
	request->subject = (*null)->subject;
	/* What the strings look like is an option of every such subject, and null-bytes has no other. */
	request->subject_options = bytes ? point->subject_options : run->null_sets.set[0];
	return true;
}

/*
 * null_ns - processor time of an operation on null, or null-bytes, at the load of a point; NaN, and why is said at the end. It holds
 * nothing, so nothing is put into it before. Work of a fixed amount might wait for a hit that never comes: it is left alone.
 */
static double
null_ns(struct run *run, const struct schedule_point *point)
{
	struct plan plan = point->plan;
	struct workload workload = *point->workload->workload;
	struct trial_request request = { .workload = &workload, .workload_options = point->workload_options, .plan = &plan,
		.threads = point->threads, .seed = option_count(run->conduct, "seed"), .topology = run->topology,
		.placement = point->placement, .membind = option_text(run->conduct, "membind"), .clock = &run->clock,
		.duration_ns = OVERHEAD_NS, .warmup_ns = OVERHEAD_NS / 5,
		.sample_interval_ns = option_time_ns(run->measure, "sample-interval"),
		.watchdog_ns = option_time_ns(run->conduct, "watchdog"), .latency_shift = point->latency_shift,
		.keeps = run->store != NULL, .interrupted = &command_interrupted };
	struct record *record = NULL;
	char said[ERROR_SIZE] = "";
	double ns = NAN;

	if (plan.fixed_work)
		snprintf(said, sizeof(said), "a load of a fixed amount of work is not tried on it");
	else if (load_null(run, point, &request, said, sizeof(said)) &&
	    schedule_needs_met(request.subject, point->workload, &plan, said, sizeof(said))) {
		workload.prefill = NULL;
		plan.prefill = 0;
		record = record_new(point->threads);
		if (record == NULL)
			snprintf(said, sizeof(said), "no memory");
		else if (runner_run(&request, record, said, sizeof(said)) == TRIAL_DONE) {
			if (record->valid && record->ops > 0)
				ns = record->cpu_ns_per_op;
			else
				snprintf(said, sizeof(said), "%s", record->valid ? "no operation was done" : record->why);
		}
	}
	record_free(record);
	if (isnan(ns) && run->no_overhead[0] == '\0')
		snprintf(run->no_overhead, sizeof(run->no_overhead), "%s cannot tell: %s: %.400s",
		    (point->subject->subject->flags & SUBJECT_BYTES) != 0 ? SUMMARY_NULL_BYTES : SUMMARY_NULL, point->workload_title, said);
	return ns;
}

/* is_same_load - do they differ in the subject only, but for its byte strings, and in what is looked at of reclamation? */
static bool
is_same_load(const struct schedule_point *a, const struct schedule_point *b)
{
	return a->workload == b->workload && a->workload_options == b->workload_options && a->threads == b->threads &&
	    a->plan.readers == b->plan.readers && a->rate == b->rate && a->latency_shift == b->latency_shift && a->plan.pool == b->plan.pool &&
	    summary_same_bytes(a->options, b->options);
}

/* overhead_of - of the harness, at that point; measured when it is first asked for. */
static double
overhead_of(struct run *run, size_t at)
{
	const struct schedule_point *point = &run->schedule.point[at];
	double ns;

	/* In an open loop threads spin until it is their turn. */
	if (option_flag(run->conduct, "no-overhead") || point->rate > 0 || run->recorder != NULL)
		return NAN;
	if (!run->point[at].overhead_known) {
		ns = null_ns(run, point);
		for (size_t i = 0; i < run->schedule.count; i++)
			if (is_same_load(point, &run->schedule.point[i])) {
				run->point[i].overhead_known = true;
				run->point[i].overhead_ns = ns;
			}
	}
	return run->point[at].overhead_ns;
}

static void
run_trial(struct run *run, size_t at, uint64_t trial)
{
	const struct schedule_point *point = &run->schedule.point[at];
	struct trial_request request = {
		.subject = point->subject->subject,
		.workload = point->workload->workload,
		.subject_options = point->subject_options,
		.workload_options = point->workload_options,
		.plan = &point->plan,
		.threads = point->threads,
		.seed = option_count(run->conduct, "seed") + trial - 1,
		.topology = run->topology,
		.placement = point->placement,
		.membind = option_text(run->conduct, "membind"),
		.clock = &run->clock,
		.rate = point->rate,
		.counters = strcmp(option_text(run->measure, "counters"), "on") == 0,
		.duration_ns = option_time_ns(run->measure, "duration"),
		.warmup_ns = option_time_ns(run->measure, "warmup"),
		.sample_interval_ns = option_time_ns(run->measure, "sample-interval"),
		.watchdog_ns = option_time_ns(run->conduct, "watchdog"),
		.latency_shift = point->latency_shift,
		.keeps = run->store != NULL || run->recorder != NULL,
		.interrupted = &command_interrupted,
		.sentinel = run->sentinel,
		.tick = progress_tick,
		.tick_arg = run->progress,
	};
	struct record *record = record_new(point->threads);
	double overhead_ns;
	char said[ERROR_SIZE] = "no reason given", text[2 * ERROR_SIZE];

	if (record == NULL || !point_note(&run->point[at], trial) || !need_recorder(run, point->threads)) {
		record_free(record);
		stop(run, "no memory for the record of a trial");
		return;
	}
	request.history = run->recorder;
	while (strcmp(arrival_words[request.arrival], option_text(run->measure, "arrival")) != 0)
		request.arrival++;
	while (strcmp(smr_words[request.smr_stats], option_text(run->levels.set[point->run_set], "smr-stats")) != 0)
		request.smr_stats++;
	overhead_ns = overhead_of(run, at);
	progress_begin(run->progress, at, point->label);
	switch (runner_run(&request, record, said, sizeof(said))) {
	case TRIAL_DONE:
		run->done++;
		fill_record(run, record, point, trial);
		if (!summary_is_null(point->subject->name))
			record->overhead_ns = overhead_ns;
		sentinel_judge(record, sentinel_cpus(run->sentinel), run->noise_pct);
		point_value(&run->point[at], record);
		if (record->options == NULL)
			stop(run, "no memory for the record of a trial");
		else
			keep_trial(run, record, point);
		if (run->recorder != NULL && !run->stopped)
			keep_history(run, record);
		break;
	case TRIAL_FAILED:
		run->done++;
		run->bad++;
		snprintf(text, sizeof(text), "trial %" PRIu64 " of %" PRIu64 " (%s) could not run: %s",
		    run->position + 1, run->total, point->label, said);
		complain(run, text);
		break;
	case TRIAL_INTERRUPTED:
		break;
	}
	run->position++;
	progress_end(run->progress);
	record_free(record);
}

/*
 * point_settled - is the interval of the median narrow enough for --ci? Trials may be in any order. Once it is, it remains
 * so: a trial more, in place of a disturbed one, is no other look.
 */
static bool
point_settled(const struct run *run, struct run_point *p)
{
	double lo, hi, median, coverage;

	if (p->settled || !statistics_is_look(p->values, first_look(run), run->most_trials))
		return p->settled;
	coverage = statistics_sequential_ci(p->mops, p->values, POINTS_CONFIDENCE,
	    statistics_looks(first_look(run), run->most_trials), &lo, &hi);
	median = statistics_median(p->mops, p->values);
	p->settled = coverage >= POINTS_CONFIDENCE && fmax(hi - median, median - lo) <= median * run->ci_pct / 100;
	return p->settled;
}

/*
 * wants - is there to be another trial of that point, beyond the planned ones?
 * One that was disturbed is made up for by one more; --ci asks for more until it is content.
 */
static bool
wants(struct run *run, size_t at)
{
	struct run_point *p = &run->point[at];
	uint64_t planned = point_trials(run, at, run->trials_each);

	if (run->ci_pct > 0 && run->schedule.point[at].run_set == 0 && p->made < run->most_trials && !point_settled(run, p))
		return true;
	if (p->made - p->disturbed < planned && p->made < 2 * planned && run->repeats_left > 0) {
		run->repeats_left--;
		run->repeats++;
		return true;
	}
	return false;
}

/*
 * run_round - one trial of every point that is to have another one; in the
 * order of the round. What a resumed series has is not made again. False: nothing is left for later.
 */
static bool
run_round(struct run *run, uint64_t round, const size_t *order)
{
	bool more = false;

	for (size_t i = 0; i < run->schedule.count && !run->stopped && !command_interrupted; i++) {
		struct run_point *p = &run->point[order[i]];

		if (point_has(p, round + 1)) {
			more = true;
			continue;
		}
		if (round >= run->trials_each) {
			if (!wants(run, order[i]))
				continue;
			run->total++;
			progress_want(run->progress, order[i], p->made - p->resumed + 1);
		} else if (point_trials(run, order[i], round + 1) == point_trials(run, order[i], round)) {
			more = true; /* a further level: not in every round */
			continue;
		}
		run_trial(run, order[i], round + 1);
		more = true;
	}
	return more;
}

static void
run_trials(struct run *run)
{
	size_t count = run->schedule.count, *order = calloc(count, sizeof(*order));
	bool random = strcmp(option_text(run->conduct, "order"), "random") == 0;

	if (order == NULL) {
		stop(run, "no memory for the order of the trials");
		return;
	}
	for (uint64_t round = 0, more = true; more && round < TRIALS_MOST && !run->stopped && !command_interrupted; round++) {
		schedule_round(&run->schedule, random, option_count(run->conduct, "seed"), round, order);
		more = run_round(run, round, order);
	}
	free(order);
}

/* ---- The end ---- */

/* What it costs to draw one key: the quickest of several batches, some milliseconds; NaN: it cannot be known. */
static double
drawing_ns(const struct run *run, const struct plan *plan)
{
	enum { BATCHES = 100, BLOCKS = 1000 };
	uint64_t key[KEYS_BLOCK];
	char said[ERROR_SIZE];
	struct keys_spec spec;
	double quickest = INFINITY;
	struct keys *keys;

	if (!keys_parse(plan->dist, &spec, said, sizeof(said)))
		return NAN; /* the workload has a distribution of its own */
	keys = keys_new(&spec, plan->keys, 1, 0, 1);
	if (keys == NULL)
		return NAN;
	for (unsigned b = 0; b < BATCHES; b++) {
		uint64_t begin_ns = clock_now_ns(&run->clock);

		for (unsigned i = 0; i < BLOCKS; i++)
			keys_fill(keys, key, KEYS_BLOCK);
		quickest = fmin(quickest, (double)(clock_now_ns(&run->clock) - begin_ns) / (BLOCKS * KEYS_BLOCK));
	}
	keys_free(keys);
	return quickest;
}

/* Beside the harness's overhead: how much of it is the distribution's. */
static void
print_drawing(const struct run *run)
{
	const char *separator = "of that, drawing a key takes ";
	bool null = false;

	for (size_t i = 0; i < run->schedule.count; i++)
		null = null || summary_is_null(run->schedule.point[i].subject->name);
	for (size_t i = 0; i < run->schedule.count && null; i++) {
		const struct plan *plan = &run->schedule.point[i].plan;
		bool said = false;
		double ns;

		for (size_t k = 0; k < i; k++)
			said = said || strcmp(run->schedule.point[k].plan.dist, plan->dist) == 0;
		ns = said ? NAN : drawing_ns(run, plan);
		if (!isnan(ns)) {
			printf("%s%.1f ns (%s)", separator, ns, plan->dist);
			separator = ", ";
		}
	}
	if (separator[0] == ',')
		fputs("\n\n", stdout);
}

/* Why there are no cycles and misses in the table, if they were asked for. */
static void
print_counters(const struct run *run)
{
	char why[200];

	if (strcmp(option_text(run->measure, "counters"), "on") != 0)
		return;
	(void)counters_probe(why, sizeof(why));
	if (why[0] != '\0')
		printf("hardware counters are not available here: %s\n\n", why);
}

/* What the sentinel saw in all, and what was done about it. */
static void
print_noise(const struct run *run)
{
	uint64_t trials = run->resumed + run->kept, ns = option_time_ns(run->measure, "duration");
	double tick_pct = sentinel_tick_pct((double)ns / NS_PER_S);
	char time[32], bar[160] = "";
	bool timed = false;

	if (run->noise_pct <= 0)
		return;
	for (size_t i = 0; i < run->schedule.count; i++)
		timed = timed || !run->schedule.point[i].plan.fixed_work;
	summary_format_time((double)ns, time, sizeof(time));
	if (timed && (double)ns / NS_PER_S < SENTINEL_SHORTEST_S)
		snprintf(bar, sizeof(bar), "; trials of %s are too short to be judged", time);
	else if (timed && tick_pct >= run->noise_pct / 20)
		snprintf(bar, sizeof(bar), ", %.4g %% in trials of %s: the kernel counts in ticks of %.3g ms", run->noise_pct + tick_pct,
		    time, tick_pct / 100 * (double)ns / 1e6);
	printf("%" PRIu64 " of %" PRIu64 " trials were disturbed by others on this machine (--noise %g%%%s); %" PRIu64
	       " repeated\n\n", run->disturbed, trials, run->noise_pct, bar, run->repeats);
}

/* how_unsettled - what --ci asked for and --max-trials cut short, as one line. False: nothing. */
static bool
how_unsettled(const struct run *run, char *text, size_t size)
{
	uint64_t points = 0, unsettled = 0;

	for (size_t i = 0; i < run->schedule.count && run->ci_pct > 0; i++) {
		points += run->schedule.point[i].run_set == 0;
		unsettled += run->schedule.point[i].run_set == 0 && !point_settled(run, &run->point[i]);
	}
	snprintf(text, size, "%" PRIu64 " of %" PRIu64 " point%s not within --ci %s after %" PRIu64 " trials (--max-trials)", unsettled,
	    points, points == 1 ? " is" : "s are", option_text(run->conduct, "ci"), run->most_trials);
	return unsettled > 0;
}

static void
print_unsettled(const struct run *run)
{
	char text[200];

	if (how_unsettled(run, text, sizeof(text)) && !run->stopped && !command_interrupted)
		printf("%s\n\n", text);
}

static void
print_table(struct run *run)
{
	char environment[ENVIRONMENT_TEXT];

	points_finish(run->points);
	environment_summary(&run->environment, environment, sizeof(environment));
	if (points_count(run->points) > 0) {
		printf("%s\n\n", environment);
		if (!summary_print(stdout, run->points))
			stop(run, "no memory for the summary");
		print_drawing(run);
		if (run->no_overhead[0] != '\0')
			printf("harness: - where subject %s\n\n", run->no_overhead);
		print_noise(run);
		print_unsettled(run);
		print_counters(run);
	}
	if (run->store != NULL && run->resumed + run->kept > 0)
		printf("%" PRIu64 " trial%s in %s, series %" PRId64
		       "; as CSV: hamtbench export --db %s --series %" PRId64 "\n",
		    run->resumed + run->kept, run->resumed + run->kept == 1 ? "" : "s", store_path(run->store), run->series,
		    store_path(run->store), run->series);
}

static void
end_output(struct run *run)
{
	char said[ERROR_SIZE];

	if (run->format == FORMAT_TABLE)
		print_table(run);
	else if (!run->stopped && !export_end(&run->export, said, sizeof(said)))
		stop_output(run, said);
}

static int
end_run(struct run *run)
{
	bool cut = command_interrupted != 0 && run->done < run->total - run->resumed;
	char text[200];
	int status;

	progress_clear(run->progress);
	if (run->store != NULL && !store_series_end(run->store, run->series,
	        run->stopped || cut ? SERIES_INTERRUPTED : SERIES_COMPLETE, run->error, sizeof(run->error)) &&
	    !run->stopped)
		stop(run, run->error);
	end_output(run);
	if (!run->stopped && !command_interrupted && !option_flag(run->output, "quiet") && how_unsettled(run, text, sizeof(text)))
		command_error(NAME, "warning: %s", text);
	if (cut && run->store != NULL)
		fprintf(stderr,
		    "hamtbench run: interrupted: %" PRIu64 " of %" PRIu64 " trials kept in %s (series %" PRId64
		    ")\n",
		    run->resumed + run->kept, run->total, store_path(run->store), run->series);
	else if (cut)
		fprintf(stderr, "hamtbench run: interrupted: %" PRIu64 " of %" PRIu64 " trials done\n", run->kept,
		    run->total);
	status = run->stopped ? STATUS_USAGE : cut ? STATUS_INTERRUPTED : run->bad > 0 ? STATUS_CHECK : STATUS_OK;
	if (!run->stopped)
		status = command_finish(NAME, status);
	return status;
}

static int
measure(struct run *run)
{
	uint64_t guess_ns = option_time_ns(run->measure, "duration") + option_time_ns(run->measure, "warmup");
	enum export_format format = run->format == FORMAT_JSON ? EXPORT_JSON : EXPORT_CSV;

	run->progress = progress_new(option_flag(run->output, "quiet") ? NULL : stderr, run->schedule.count,
	    run->trials_each, guess_ns);
	if (run->progress == NULL)
		return command_error(NAME, "no memory for the points of the run");
	for (size_t i = 0; i < run->schedule.count; i++)
		progress_want(run->progress, i, point_trials(run, i, run->trials_each) > run->point[i].made ?
		    point_trials(run, i, run->trials_each) - run->point[i].made : 0);
	command_catch_signals();
	if (run->format != FORMAT_TABLE && !export_begin(&run->export, stdout, EXPORT_TRIALS, format,
	        &run->environment, 1, NULL, 0, run->error, sizeof(run->error)))
		stop_output(run, run->error);
	if (!run->stopped)
		run_trials(run);
	return end_run(run);
}

static void
run_free(struct run *run)
{
	progress_free(run->progress);
	free(run->command);
	history_recorder_free(run->recorder);
	points_free(run->points);
	store_close(run->store);
	environment_free(&run->environment);
	topology_close(run->topology);
	for (size_t i = 0; run->point != NULL && i < run->schedule.count; i++)
		free(run->point[i].has), free(run->point[i].mops);
	free(run->point);
	sentinel_free(run->sentinel);
	schedule_free(&run->schedule);
	free(run->threads);
	free(run->rates);
	option_sets_free(&run->levels);
	option_sets_free(&run->null_sets);
	for (size_t i = 0; i < sizeof(run->null) / sizeof(run->null[0]); i++)
		plugin_free(run->null[i]);
	options_free(run->measure);
	options_free(run->conduct);
	options_free(run->output);
	choice_free(&run->choice);
	command_line_free(&run->line);
}

/* With the plug-ins chosen: read the line by all tables, then do what it says. */
static int
read_and_run(struct run *run, const struct option_group *group, size_t groups, int argc, char **argv)
{
	if (!command_line_read(&run->line, argc, argv, group, groups, run->error, sizeof(run->error)))
		return command_error(NAME, "%s", run->error);
	for (size_t i = 0; i < run->choice.values; i++)
		if (!command_line_add(&run->line, run->choice.value[i].name, run->choice.value[i].text))
			return command_error(NAME, "no memory for the options");
	if (run->line.help) {
		command_line_help(stdout, NAME " [OPTION...]", group, groups);
		puts(after_help);
		return command_finish(NAME, STATUS_OK);
	}
	if (run->line.arguments > 0)
		return command_error(NAME, "'%s' is no option", run->line.argument[0]);
	if (!look_at_machine(run) || !read_values(run) || !make_schedule(run) || !can_keep_histories(run) ||
	    !what_is_awaited_comes(run))
		return command_error(NAME, "%s", run->error);
	if (option_flag(run->output, "dry-run"))
		return dry_run(run);
	run->points = points_new();
	run->sentinel = sentinel_new();
	if (run->points == NULL || run->sentinel == NULL)
		return command_error(NAME, "no memory for the points of the run");
	run->command = command_text(argc, argv);
	if (run->command == NULL)
		return command_error(NAME, "no memory for the command's text");
	if (!capture_environment(run) || !open_results(run))
		return command_error(NAME, "%s", run->error);
	return measure(run);
}

int
command_run(int argc, char **argv)
{
	struct option_group *group = NULL;
	struct run run = { 0 };
	size_t groups = 0;
	int status;

	if (!choose(&run.choice, argc, argv))
		status = command_error(NAME, "%s", run.choice.error);
	else if ((group = option_groups(&run, &groups)) == NULL)
		status = command_error(NAME, "no memory for the options");
	else
		status = read_and_run(&run, group, groups, argc, argv);
	free(group);
	run_free(&run);
	if (command_pipe_closed && status == STATUS_USAGE) {
		/* Who read our output has gone: go as quietly as if the signal had been left alone. */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return status;
}
