/*
 * cmd_check.c - hamtbench check: record what maps answer, and ask whether any order of
 * the operations explains it (linearize.h); or judge histories that were recorded before.
 *
 * The operations of a point are recorded in rounds, each with a new map and a seed of its own: memory
 * stays bounded, young maps are seen as often as grown ones, and a round is what can be replayed.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/check_schedule.h"
#include "harness/choice.h"
#include "harness/command.h"
#include "harness/file.h"
#include "harness/history.h"
#include "harness/linearize.h"
#include "harness/options.h"
#include "harness/progress.h"
#include "harness/runner.h"
#include "harness/schedule.h"

#define NAME "check"
#define USAGE NAME " [OPTION...] [FILE...]"
#define THREADS_MOST 1024
#define NS_PER_S UINT64_C(1000000000)
#define LONGEST_NS (30 * 24 * 3600 * NS_PER_S)

/* ---- Options ---- */

static const struct plugin_option choice_options[] = {
	{ .name = "subject", .type = OPTION_TEXT, .meta = "NAME,..|PATH",
	    .help = "maps to check; may be given several times (default: all maps that are built)" },
	{ .name = "workload", .type = OPTION_TEXT, .meta = "NAME,..|PATH",
	    .help = "loads to put on them (default mixed; with it, unless they are given, --keys 1,16,1K and --mix "
	            "get=40,insert=20,upsert=20,remove=20)" },
	{ .name = "threads", .letter = 't', .type = OPTION_COUNT, .meta = "N,..", .initial = "4", .least = 1,
	    .most = THREADS_MOST, .help = "numbers of worker threads" },
	{ .name = NULL },
};
static const struct plugin_option *const threads_option = &choice_options[2];

static const struct plugin_option record_options[] = {
	{ .name = "ops", .type = OPTION_COUNT, .initial = "1M", .meta = "N", .least = 1,
	    .help = "operations to record and judge of each point, at least" },
	{ .name = "round", .type = OPTION_COUNT, .initial = "250K", .meta = "N", .least = 1, .most = 1u << 30,
	    .help = "so many of them on one map; then a new one (48 bytes of memory each)" },
	{ .name = "seed", .letter = 'S', .type = OPTION_COUNT, .initial = "1", .meta = "N",
	    .help = "of all that is random; round k of a point takes N + k - 1" },
	{ .name = "schedule", .type = OPTION_TEXT, .meta = "pct:..|random:..", .check = check_schedule_parse,
	    .help = "instead of a load: short chosen schedules, e.g. pct:depth=3,seed=42,schedules=1000; only in a build "
	            "by make V=sched or V=schedasan" },
	{ .name = "verbose", .letter = 'v', .type = OPTION_FLAG,
	    .help = "with --schedule: what fails shows what its threads did to what they share" },
	{ .name = "budget", .type = OPTION_TIME, .meta = "TIME", .help = "begin no further round after that" },
	{ .name = "pin", .type = OPTION_TEXT, .initial = "none", .meta = "POLICY|LIST",
	    .help = "where threads go; none: where the kernel likes, so that they meet in many ways" },
	{ .name = "watchdog", .type = OPTION_TIME, .initial = "30s", .meta = "TIME", .least = NS_PER_S / 10,
	    .most = LONGEST_NS, .help = "end when a thread completes no operation for so long" },
	{ .name = "save", .type = OPTION_TEXT, .initial = "results", .meta = "DIR", .check = options_check_path,
	    .help = "where histories that nothing explains are kept" },
	{ .name = NULL },
};

static const struct plugin_option judge_options[] = {
	{ .name = "limit", .type = OPTION_COUNT, .initial = "1M", .meta = "N", .least = 1, .most = 1u << 30,
	    .help = "configurations kept at a time for one key; a key that needs more stays undecided" },
	{ .name = "skew", .type = OPTION_TIME, .initial = "0ns", .meta = "TIME", .most = NS_PER_S,
	    .help = "how far the clocks of two processors may differ" },
	{ .name = "strict", .type = OPTION_FLAG, .help = "exit status 1 also for what stays undecided" },
	{ .name = "quiet", .type = OPTION_FLAG, .help = "no progress, no line for what is fine" },
	{ .name = NULL },
};

static const char after_help[] =
    "Judges whether all answers can be explained by an order of the operations in which each takes effect at one\n"
    "moment between its call and its return (linearizability), for each key by itself; iterations beside the\n"
    "workers, where a map supports them, and what the map holds at the end are part of it. With FILEs, histories of\n"
    "hamtbench run --history or of an earlier check are judged instead.\n\n"
    "An illegal history is drawn, as small as possible, and kept in --save, which is tried before anything is recorded.\n"
    "Exit status: 0 all is explained, or undecided without --strict; 1 something is not, or a map was wrong or could\n"
    "not run; 2 bad input; 130 interrupted.";

/* ---- A check ---- */

struct check {
	struct command_line line;
	struct choice choice;
	struct option_values *record, *judge;
	uint64_t *threads;
	size_t thread_counts;
	struct topology *topology;
	struct clock clock;
	struct schedule schedule;
	struct progress *progress;
	struct history_recorder *recorder;
	unsigned recorder_threads;
	uint64_t until_ns;    /* --budget; UINT64_MAX = none */
	unsigned bad, undecided;
	char error[ERROR_SIZE];
};

struct tally { /* of one point or file */
	uint64_t operations, record_ns, check_ns, keys, rounds;
	enum linearize_verdict verdict;
	bool failed;          /* a trial could not run, or was not valid: it was said */
	char why[160];        /* of UNKNOWN */
};

static void
judging(void *progress, double done_share)
{
	progress_tick(progress, "judging", done_share, NAN);
}

static struct linearize_options
linearize_options(struct check *c)
{
	return (struct linearize_options){ .limit = option_count(c->judge, "limit"),
	    .skew_ns = option_time_ns(c->judge, "skew"), .tick = judging, .tick_arg = c->progress,
	    .interrupted = &command_interrupted };
}

static void
complain(struct check *c, const char *text)
{
	if (c->progress != NULL)
		progress_clear(c->progress);
	command_error(NAME, "%s", text);
}

static double
rate_mops(uint64_t operations, uint64_t ns)
{
	return ns > 0 ? (double)operations * 1e3 / (double)ns : 0;
}

/* One line for a point or file. */
static void
print_tally(struct check *c, const struct tally *t, const char *label)
{
	static const char *const words[] = { [LINEARIZE_OK] = "ok", [LINEARIZE_ILLEGAL] = "illegal",
	    [LINEARIZE_UNKNOWN] = "unknown" };
	bool fine = t->verdict == LINEARIZE_OK && !t->failed;

	c->bad += t->failed || t->verdict == LINEARIZE_ILLEGAL;
	c->undecided += t->verdict == LINEARIZE_UNKNOWN;
	if (fine && option_flag(c->judge, "quiet"))
		return;
	if (c->progress != NULL)
		progress_clear(c->progress);
	printf("%-8s %10" PRIu64 " ops %8" PRIu64 " keys", t->failed && fine ? "failed" : words[t->verdict],
	    t->operations, t->keys);
	if (t->rounds > 0)
		printf("  recorded at %5.2f", rate_mops(t->operations, t->record_ns));
	printf("  checked at %5.2f Mops/s  %s\n", rate_mops(t->operations, t->check_ns), label);
	if (t->verdict == LINEARIZE_UNKNOWN)
		printf("         %s\n", t->why);
	command_flush();
}

static void
tally_add(struct tally *t, const struct linearize_result *r)
{
	t->operations += r->operations;
	t->check_ns += r->cpu_ns;
	if (r->keys > t->keys)
		t->keys = r->keys;
	if (r->verdict == LINEARIZE_UNKNOWN && t->verdict == LINEARIZE_OK)
		memcpy(t->why, r->why, sizeof(t->why));
	if (r->verdict == LINEARIZE_ILLEGAL || t->verdict == LINEARIZE_OK)
		t->verdict = r->verdict;
}

/* ---- Histories from files ---- */

/* "FILE (hamt mixed 4 threads, seed 3)", as far as the file says so. */
static void
file_label(const struct history *h, const char *path, char *label, size_t size)
{
	json_t *about = h->about != NULL ? json_loads(h->about, 0, NULL) : NULL;
	const char *subject = json_string_value(json_object_get(about, "subject"));
	const char *workload = json_string_value(json_object_get(about, "workload"));

	if (subject != NULL && workload != NULL)
		snprintf(label, size, "%s (%s %s %lld threads, seed %lld)", path, subject, workload,
		    (long long)json_integer_value(json_object_get(about, "threads")),
		    (long long)json_integer_value(json_object_get(about, "seed")));
	else
		snprintf(label, size, "%s", path);
	json_decref(about);
}

/* Judge one file. False: it is no history, which was said. */
static bool
check_file(struct check *c, const char *path)
{
	struct linearize_options options = linearize_options(c);
	struct tally tally = { .verdict = LINEARIZE_OK };
	struct linearize_result result;
	struct history h = { 0 };
	char label[ERROR_SIZE];

	if (!history_read(&h, path, c->error, sizeof(c->error))) {
		complain(c, c->error);
		history_free(&h);
		return false;
	}
	if (!linearize_check(&h, &options, &result)) {
		snprintf(c->error, sizeof(c->error), "%s: no memory to judge it", path);
		complain(c, c->error);
		history_free(&h);
		return false;
	}
	tally_add(&tally, &result);
	file_label(&h, path, label, sizeof(label));
	print_tally(c, &tally, label);
	if (result.verdict == LINEARIZE_ILLEGAL) {
		progress_clear(c->progress);
		putchar('\n');
		linearize_print(stdout, &result);
		putchar('\n');
	}
	linearize_result_free(&result);
	history_free(&h);
	return true;
}

/* ---- Recording ---- */

/* A plug-in as it was named: by its path if that is how it was given. */
static char *
plugin_word(const struct check *c, const struct plugin *plugin)
{
	for (size_t i = 0; i < c->line.given_count; i++)
		if (strchr(c->line.given[i].text, '/') != NULL && strstr(c->line.given[i].text, plugin->path) != NULL)
			return plugin->path;
	return (char *)(uintptr_t)plugin->name;
}

/* The value that an option has at this point, for free(); NULL: it has none there, or no memory. */
static char *
point_value(const json_t *options, const char *name)
{
	static const char *const groups[] = { "subject", "workload" };
	char *text = NULL;

	for (size_t i = 0; i < 2 && text == NULL; i++) {
		const json_t *value = json_object_get(json_object_get(options, groups[i]), name);

		if (json_is_string(value))
			text = strdup(json_string_value(value));
		else if (json_is_integer(value) && asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0)
			text = NULL;
	}
	return text;
}

static bool
is_own(const char *name)
{
	static const char *const own[] = { "subject", "workload", "threads", "seed", "ops", "round", "budget", "quiet",
	    "save", "strict" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return false;
}

/* The command that records a round again, with the same seed; for free(). NULL = no memory. */
static char *
replay_text(const struct check *c, const struct schedule_point *point, uint64_t seed)
{
	char **word = calloc(2 * c->line.given_count + 16, sizeof(*word)), *made[3] = { NULL }, *text = NULL;
	char **value = calloc(c->line.given_count + 1, sizeof(*value));
	json_t *options = json_loads(point->options, 0, NULL);
	size_t count = 0;

	if (word != NULL && value != NULL && options != NULL && asprintf(&made[0], "--threads=%u", point->threads) > 0 &&
	    asprintf(&made[1], "--seed=%" PRIu64, seed) > 0 &&
	    asprintf(&made[2], "%" PRIu64, option_count(c->record, "round")) > 0) {
		char *const first[] = { (char[]){ NAME }, (char[]){ "--subject" }, plugin_word(c, point->subject),
		    (char[]){ "--workload" }, plugin_word(c, point->workload), made[0], made[1], (char[]){ "--round" },
		    made[2], (char[]){ "--ops" }, made[2] };

		for (; count < sizeof(first) / sizeof(first[0]); count++)
			word[count] = first[count];
		for (size_t i = 0; i < c->line.given_count; i++) {
			const struct option_text *given = &c->line.given[i];
			bool known = is_own(given->name);

			/* Given several times, it is an axis: the point has one of the values. */
			for (size_t k = 0; k < i; k++)
				known = known || strcmp(c->line.given[k].name, given->name) == 0;
			if (known)
				continue;
			value[i] = point_value(options, given->name);
			if (asprintf(&word[count], given->text[0] == '\0' ? "--%s" : "--%s=%s", given->name,
			        value[i] != NULL ? value[i] : given->text) > 0)
				count++;
		}
		text = command_text((int)count, word);
		for (size_t i = sizeof(first) / sizeof(first[0]); i < count; i++)
			free(word[i]);
	}
	for (size_t i = 0; i < c->line.given_count && value != NULL; i++)
		free(value[i]);
	for (size_t i = 0; i < 3; i++)
		free(made[i]);
	free(value);
	free(word);
	json_decref(options);
	return text;
}

/* The command that does one schedule again, up to its text; for free(). NULL = no memory. */
static char *
schedule_command(const struct check *c, const struct schedule_point *point)
{
	static const char *const own[] = { "subject", "workload", "threads", "schedule", "verbose", "quiet" };
	json_t *options = json_loads(point->options, 0, NULL);
	char *text = NULL, *more, *value;

	if (options == NULL || asprintf(&text, "hamtbench " NAME " --subject=%s --threads=%u",
	        plugin_word(c, point->subject), point->threads) < 0)
		text = NULL;
	for (size_t i = 0; i < c->line.given_count && text != NULL; i++) {
		const struct option_text *given = &c->line.given[i];
		bool known = false;

		for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
			known = known || strcmp(given->name, own[k]) == 0;
		for (size_t k = 0; k < i; k++)
			known = known || strcmp(c->line.given[k].name, given->name) == 0;
		if (known)
			continue;
		value = point_value(options, given->name);
		if (asprintf(&more, given->text[0] == '\0' ? "%s --%s" : "%s --%s=%s", text, given->name,
		        value != NULL ? value : given->text) < 0)
			more = NULL;
		free(value);
		free(text);
		text = more;
	}
	if (text != NULL && asprintf(&more, "%s --verbose --schedule=", text) < 0)
		more = NULL;
	else if (text == NULL)
		more = NULL;
	free(text);
	json_decref(options);
	return more;
}

/* can_save - before anything is recorded: can a file be made in --save? Nothing stays of the attempt. */
static bool
can_save(struct check *c)
{
	const char *folder = option_text(c->record, "save");
	char path[4096 + 128], said[ERROR_SIZE];
	struct file_new probe;
	bool made, fine;

	/* A failing schedule is no history. */
	if (option_is_set(c->record, "schedule"))
		return true;
	made = mkdir(folder, 0777) == 0;
	if (!made && errno != EEXIST) {
		snprintf(c->error, sizeof(c->error), "--save: cannot make the folder %s: %s", folder, strerror(errno));
		return false;
	}
	snprintf(path, sizeof(path), "%s/illegal.history", folder);
	fine = file_new_begin(&probe, path, said, sizeof(said));
	if (fine)
		(void)!file_new_end(&probe, false, said, sizeof(said));
	else
		snprintf(c->error, sizeof(c->error), "--save: %.1000s", said);
	if (made)
		rmdir(folder);
	return fine;
}

/* Keep an illegal history where nothing else is: DIR/illegal-SUBJECT-sSEED.history, perhaps with a number. */
static void
save_witness(struct check *c, const struct history *witness, const char *subject, uint64_t seed)
{
	const char *folder = option_text(c->record, "save");
	char path[4096 + 128], said[ERROR_SIZE];
	unsigned number = 1;

	if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
		snprintf(said, sizeof(said), "--save: cannot make the folder %s: %s", folder, strerror(errno));
		complain(c, said);
		return;
	}
	do
		snprintf(path, sizeof(path), number == 1 ? "%s/illegal-%s-s%" PRIu64 ".history" :
		    "%s/illegal-%s-s%" PRIu64 "-%u.history", folder, subject, seed, number);
	while (access(path, F_OK) == 0 && ++number < 1000000);
	if (!history_write(witness, path, said, sizeof(said))) {
		complain(c, said);
		return;
	}
	printf("Judge it again:  hamtbench check %s\n", path);
}

/* One round: record and judge. False: no further round of this point. */
static bool
check_round(struct check *c, const struct schedule_point *point, uint64_t seed, struct tally *tally)
{
	struct linearize_options options = linearize_options(c);
	struct trial_request request = {
		.subject = point->subject->subject,
		.workload = point->workload->workload,
		.subject_options = point->subject_options,
		.workload_options = point->workload_options,
		.plan = &point->plan,
		.threads = point->threads,
		.seed = seed,
		.topology = c->topology,
		.placement = point->placement,
		.membind = "none",
		.clock = &c->clock,
		.duration_ns = LONGEST_NS, /* until the recorder is full */
		.sample_interval_ns = NS_PER_S / 200,
		.watchdog_ns = option_time_ns(c->record, "watchdog"),
		.smr_stats = SMR_OFF,
		.history = c->recorder,
		.interrupted = &command_interrupted,
		.tick = progress_tick,
		.tick_arg = c->progress,
	};
	struct record *record = record_new(point->threads);
	char said[ERROR_SIZE] = "no reason given", text[2 * ERROR_SIZE], *replay;
	struct linearize_result result;
	enum trial_status status;
	struct history *history;
	bool cut;

	if (record == NULL) {
		complain(c, "no memory for the record of a trial");
		tally->failed = true;
		return false;
	}
	status = runner_run(&request, record, said, sizeof(said));
	if (status == TRIAL_FAILED || (status == TRIAL_DONE && !record->valid)) {
		snprintf(text, sizeof(text), "%s, seed %" PRIu64 ": %s: %s", point->label, seed,
		    status == TRIAL_FAILED ? "could not run" : "not valid", status == TRIAL_FAILED ? said : record->why);
		complain(c, text);
		tally->failed = true;
	}
	if (status != TRIAL_DONE) {
		record_free(record);
		return false;
	}
	tally->rounds++;
	tally->record_ns += (uint64_t)(record->elapsed_s * 1e9);
	history = history_recorder_take(c->recorder, &cut);
	if (history != NULL) {
		replay = replay_text(c, point, seed);
		history->about = history_about(record, clock_name(&c->clock), replay != NULL ? replay : "");
		free(replay);
	}
	record_free(record);
	if (history == NULL || !linearize_check(history, &options, &result)) {
		complain(c, "no memory to judge the history");
		tally->failed = true;
		return false;
	}
	tally_add(tally, &result);
	if (result.verdict == LINEARIZE_ILLEGAL) {
		progress_clear(c->progress);
		printf("\n%s, seed %" PRIu64 ":\n", point->label, seed);
		linearize_print(stdout, &result);
		putchar('\n');
		save_witness(c, &result.witness, point->subject->name, seed);
		replay = replay_text(c, point, seed);
		printf("Record it again: %s\n\n", replay != NULL ? replay : "no memory to say how");
		free(replay);
	}
	linearize_result_free(&result);
	return tally->verdict != LINEARIZE_ILLEGAL && !tally->failed;
}

/* A recorder that has room for a round of so many threads; the last one, if it has. */
static bool
need_recorder(struct check *c, unsigned threads)
{
	if (c->recorder_threads == threads)
		return true;
	history_recorder_free(c->recorder);
	c->recorder = history_recorder_new(option_count(c->record, "round"), threads + 1);
	c->recorder_threads = c->recorder != NULL ? threads : 0;
	return c->recorder != NULL;
}

static bool
time_is_up(const struct check *c)
{
	return c->until_ns != UINT64_MAX && clock_now_ns(&c->clock) >= c->until_ns;
}

/* Chosen schedules of a point instead of rounds of a load. A failure ends the process. */
static bool
check_point_schedules(struct check *c, size_t at)
{
	const struct schedule_point *point = &c->schedule.point[at];
	char *again = schedule_command(c, point), label[sizeof(c->error)];
	struct check_schedule s = { .subject = point->subject->subject, .options = point->subject_options,
		.threads = point->threads, .text = option_text(c->record, "schedule"), .again = again,
		.verbose = option_flag(c->record, "verbose"), .interrupted = &command_interrupted, .tick = progress_tick,
		.tick_arg = c->progress };
	uint64_t begin_ns = clock_now_ns(&c->clock), took_ns;
	bool fine;

	snprintf(label, sizeof(label), "%s %u threads", point->subject->name, point->threads);
	progress_begin(c->progress, at, label);
	fine = check_schedule_run(&s, c->error, sizeof(c->error));
	progress_end(c->progress);
	took_ns = clock_now_ns(&c->clock) - begin_ns;
	free(again);
	if (!fine) {
		complain(c, c->error);
		return false;
	}
	if (option_flag(c->judge, "quiet"))
		return true;
	progress_clear(c->progress);
	printf("%-8s %10" PRIu64 " schedules %10" PRIu64 " ops %10" PRIu64 " points  %" PRIu64 " schedules/s  %s\n", "ok",
	    s.schedules, s.operations, s.points, took_ns > 0 ? s.schedules * NS_PER_S / took_ns : 0, label);
	command_flush();
	return true;
}

static bool
check_point(struct check *c, size_t at)
{
	const struct schedule_point *point = &c->schedule.point[at];
	uint64_t ops = option_count(c->record, "ops"), seed = option_count(c->record, "seed");
	struct tally tally = { .verdict = LINEARIZE_OK };
	bool more = true;

	if (!need_recorder(c, point->threads)) {
		complain(c, "--round: no memory for a recording of that length");
		return false;
	}
	while (more && tally.operations < ops && !command_interrupted && (tally.rounds == 0 || !time_is_up(c))) {
		progress_begin(c->progress, at, point->label);
		more = check_round(c, point, seed + tally.rounds, &tally);
		progress_end(c->progress);
	}
	if (tally.rounds > 0 || tally.failed)
		print_tally(c, &tally, point->label);
	return true;
}

static bool
check_points(struct check *c)
{
	uint64_t ops = option_count(c->record, "ops"), round = option_count(c->record, "round");

	c->progress = progress_new(option_flag(c->judge, "quiet") ? NULL : stderr, c->schedule.count,
	    (ops + round - 1) / round, NS_PER_S / 2);
	if (c->progress == NULL) {
		complain(c, "no memory for the points of the check");
		return false;
	}
	for (size_t i = 0; i < c->schedule.count && !command_interrupted && (i == 0 || !time_is_up(c)); i++)
		if (!(option_is_set(c->record, "schedule") ? check_point_schedules(c, i) : check_point(c, i)))
			return false;
	progress_clear(c->progress);
	return true;
}

/* ---- Choosing, and the command line ---- */

static bool
is_map(const struct subject *subject)
{
	return (subject->flags & (SUBJECT_EMPTY | SUBJECT_POOL)) == 0;
}

/* What holds nothing, or no keys, has nothing to explain. False: one of them was asked for. */
static bool
leave_out_others(struct check *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->choice.subjects; i++)
		if (!c->choice.unnamed && !is_map(c->choice.subject[i].plugin->subject)) {
			snprintf(c->error, sizeof(c->error), "--subject: %s is no map: there is nothing to check",
			    c->choice.subject[i].plugin->name);
			return false;
		}
	for (size_t i = 0; i < c->choice.subjects; i++) {
		struct schedule_choice s = c->choice.subject[i];

		if (is_map(s.plugin->subject))
			c->choice.subject[kept++] = s;
		else
			plugin_free(s.plugin);
	}
	c->choice.subjects = kept;
	return true;
}

static struct option_group *
option_groups(const struct check *c, size_t *count)
{
	struct option_group own[] = {
		{ NAME, "How to judge", judge_options }, { NAME, "What to check", choice_options },
		{ NAME, "How to record", record_options },
	};
	size_t owns = sizeof(own) / sizeof(own[0]);
	struct option_group *group = calloc(owns + c->choice.workloads + c->choice.subjects, sizeof(*group));

	if (group == NULL)
		return NULL;
	memcpy(group, own, sizeof(own));
	*count = owns;
	for (size_t i = 0; i < c->choice.workloads; i++)
		group[(*count)++] = (struct option_group){ .owner = c->choice.workload[i].plugin->title,
			.options = c->choice.workload[i].plugin->options };
	for (size_t i = 0; i < c->choice.subjects; i++)
		group[(*count)++] = (struct option_group){ .owner = c->choice.subject[i].plugin->title,
			.options = c->choice.subject[i].plugin->options };
	return group;
}

static bool
is_given(const struct command_line *line, const char *name)
{
	for (size_t i = 0; i < line->given_count; i++)
		if (strcmp(line->given[i].name, name) == 0)
			return true;
	return false;
}

/* With mixed chosen by default, what it does is chosen too: few keys, and updates, are what finds faults. */
static bool
read_with_defaults(struct check *c, int argc, char **argv, const struct option_group *group, size_t groups)
{
	static char default_mix[] = "--mix=get=40,insert=20,upsert=20,remove=20", default_keys[] = "--keys=1,16,1K";
	bool mix = !is_given(&c->line, "mix") && !is_given(&c->line, "update"), keys = !is_given(&c->line, "keys");
	char **more;
	bool fine;

	/* Schedules have operations of their own. */
	if (c->line.help || is_given(&c->line, "workload") || is_given(&c->line, "schedule") || (!mix && !keys))
		return true;
	more = calloc((size_t)argc + 3, sizeof(*more));
	if (more == NULL) {
		snprintf(c->error, sizeof(c->error), "no memory for the options");
		return false;
	}
	memcpy(more, argv, (size_t)argc * sizeof(*more));
	if (mix)
		more[argc++] = default_mix;
	if (keys)
		more[argc++] = default_keys;
	command_line_free(&c->line);
	fine = command_line_read(&c->line, argc, more, group, groups, c->error, sizeof(c->error));
	free(more);
	return fine;
}

static bool
read_values(struct check *c)
{
	char *error = c->error;
	size_t size = sizeof(c->error);

	for (size_t i = 0; i < c->choice.values; i++)
		if (!command_line_add(&c->line, c->choice.value[i].name, c->choice.value[i].text)) {
			snprintf(error, size, "no memory for the options");
			return false;
		}
	if (!options_single(record_options, &c->line, &c->record, error, size) ||
	    !options_single(judge_options, &c->line, &c->judge, error, size) ||
	    !options_counts(threads_option, &c->line, &c->threads, &c->thread_counts, error, size))
		return false;
	for (size_t i = 0; i < c->choice.workloads; i++)
		if (!options_sets(c->choice.workload[i].plugin->options, &c->line, &c->choice.workload[i].sets, error, size))
			return false;
	for (size_t i = 0; i < c->choice.subjects; i++)
		if (!options_sets(c->choice.subject[i].plugin->options, &c->line, &c->choice.subject[i].sets, error, size))
			return false;
	return true;
}

static bool
make_schedule(struct check *c)
{
	json_t *options = json_object();
	struct schedule_source source = { .subject = c->choice.subject, .subjects = c->choice.subjects,
		.workload = c->choice.workload, .workloads = c->choice.workloads, .threads = c->threads,
		.thread_counts = c->thread_counts, .leave_out = c->choice.unnamed,
		.pin = option_text(c->record, "pin"), .run_options = &options, .run_sets = 1 };
	bool fine;

	c->topology = topology_open(NULL, c->error, sizeof(c->error));
	source.topology = c->topology;
	fine = c->topology != NULL && schedule_make(&c->schedule, &source, c->error, sizeof(c->error));
	json_decref(options);
	if (!fine)
		return false;
	if (!clock_init(&c->clock)) {
		snprintf(c->error, sizeof(c->error), "%s", c->clock.note);
		return false;
	}
	c->until_ns = UINT64_MAX;
	if (option_is_set(c->record, "budget"))
		c->until_ns = clock_now_ns(&c->clock) + option_time_ns(c->record, "budget");
	return true;
}

static int
end_check(struct check *c, bool fine)
{
	if (!fine)
		return STATUS_USAGE;
	if (command_interrupted)
		return STATUS_INTERRUPTED;
	return command_finish(NAME, c->bad > 0 || (c->undecided > 0 && option_flag(c->judge, "strict")) ? STATUS_CHECK :
	    STATUS_OK);
}

/* What a file takes: 4 million operations a second, in 11 bytes each (history.h). */
#define NS_PER_BYTE 23

/* check_each - the files of the command line. False: one of them is no history, or there is no memory. */
static bool
check_each(struct check *c)
{
	uint64_t bytes = 0;
	struct stat about;
	bool fine = true;

	for (size_t i = 0; i < c->line.arguments; i++)
		if (stat(c->line.argument[i], &about) == 0)
			bytes += (uint64_t)about.st_size;
	c->progress = progress_new(option_flag(c->judge, "quiet") ? NULL : stderr, c->line.arguments, 1,
	    bytes * NS_PER_BYTE / c->line.arguments);
	if (c->progress == NULL) {
		complain(c, "no memory for the files of the check");
		return false;
	}
	for (size_t i = 0; i < c->line.arguments && !command_interrupted; i++) {
		progress_begin(c->progress, i, c->line.argument[i]);
		fine = check_file(c, c->line.argument[i]) && fine;
		progress_end(c->progress);
	}
	progress_clear(c->progress);
	return fine;
}

/* Only options that judge, and files: no plug-in is needed. False: it is another kind of line. */
static bool
check_files(struct check *c, int argc, char **argv, int *status)
{
	const struct option_group group = { NAME, "How to judge", judge_options };

	if (!command_line_read(&c->line, argc, argv, &group, 1, c->error, sizeof(c->error)))
		return false;
	if (c->line.help || c->line.arguments == 0) {
		command_line_free(&c->line);
		c->line = (struct command_line){ 0 };
		return false;
	}
	if (!options_single(judge_options, &c->line, &c->judge, c->error, sizeof(c->error))) {
		*status = command_error(NAME, "%s", c->error);
		return true;
	}
	command_catch_signals();
	*status = end_check(c, check_each(c));
	return true;
}

static int
read_and_check(struct check *c, int argc, char **argv)
{
	struct option_group *group = NULL;
	size_t groups = 0;
	int status;

	if (!choose(&c->choice, argc, argv))
		return command_error(NAME, "%s", c->choice.error);
	group = option_groups(c, &groups);
	if (group == NULL)
		return command_error(NAME, "no memory for the options");
	if (!command_line_read(&c->line, argc, argv, group, groups, c->error, sizeof(c->error)) ||
	    !read_with_defaults(c, argc, argv, group, groups)) {
		status = command_error(NAME, "%s", c->error);
	} else if (c->line.help) {
		command_line_help(stdout, USAGE, group, groups);
		puts(after_help);
		status = command_finish(NAME, STATUS_OK);
	} else if (c->line.arguments > 0) {
		status = command_error(NAME, "'%s': a history is judged as it is; only --limit, --skew, --strict and --quiet go "
		    "with it", c->line.argument[0]);
	} else {
		if (!leave_out_others(c) || !read_values(c) || !make_schedule(c) || !can_save(c)) {
			status = command_error(NAME, "%s", c->error);
		} else {
			command_catch_signals();
			status = end_check(c, check_points(c));
		}
	}
	free(group);
	return status;
}

int
command_check(int argc, char **argv)
{
	struct check c = { 0 };
	int status;

	if (!check_files(&c, argc, argv, &status))
		status = read_and_check(&c, argc, argv);
	progress_free(c.progress);
	history_recorder_free(c.recorder);
	schedule_free(&c.schedule);
	topology_close(c.topology);
	free(c.threads);
	options_free(c.record);
	options_free(c.judge);
	choice_free(&c.choice);
	command_line_free(&c.line);
	return status;
}
