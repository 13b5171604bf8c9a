/*
 * cmd_trace.c - hamtbench trace: from one form of trace into another, and what is in one.
 */
#include <inttypes.h>
#include <string.h>

#include "harness/command.h"
#include "harness/history.h"
#include "harness/options.h"
#include "harness/trace.h"

#define NAME "trace"
#define USAGE NAME " convert IN OUT | " NAME " show FILE..."

/* As --from calls it: one more form than the reader has, the file of hamtbench run --history. */
#define FROM_HISTORY "history"
static const char *const to_words[] = { "binary", "text", NULL };

static bool
from_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	const char *words[TRACE_FORMS + 2];

	memcpy(words, trace_form_names, TRACE_FORMS * sizeof(words[0]));
	words[TRACE_FORMS] = FROM_HISTORY;
	words[TRACE_FORMS + 1] = NULL;
	return options_check_word(words, text, canonical, canonical_size, error, error_size);
}

static bool
to_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(to_words, text, canonical, canonical_size, error, error_size);
}

static const struct plugin_option options[] = {
	{ .name = "from", .type = OPTION_TEXT, .initial = "any", .meta = "FORM", .check = from_check,
	    .help = "form of what is read: any (text or binary, as it begins), text, binary, twitter, oracle-general, history" },
	{ .name = "to", .type = OPTION_TEXT, .meta = "FORM", .check = to_check,
	    .help = "convert: form of OUT: binary, text (default binary)" },
	{ .name = NULL },
};

/* ---- Histories ---- */

static int
begin_compare(const void *a, const void *b)
{
	const struct history_event *x = a, *y = b;

	return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : (x->thread > y->thread) - (x->thread < y->thread);
}

/* What was called on keys, in the order in which the calls began. */
static bool
read_history(struct trace *t, const char *path, char *error, size_t size)
{
	struct history h = { 0 };
	bool fine = history_read(&h, path, error, size);

	if (fine)
		qsort(h.event, h.events, sizeof(h.event[0]), begin_compare);
	for (size_t i = 0; fine && i < h.events; i++) {
		char key[24];
		int length;

		/* Numbered alike, as worker.c asserts; the others are no calls of a workload. */
		if (h.event[i].op > HISTORY_MODIFY)
			continue;
		length = snprintf(key, sizeof(key), "%" PRIu64, h.event[i].key);
		fine = trace_add(t, (enum op)h.event[i].op, key, (size_t)length, 0);
		if (!fine)
			snprintf(error, size, "%s: no memory to hold it", path);
	}
	if (fine && t->records == 0) {
		snprintf(error, size, "%s: there is no operation in it", path);
		fine = false;
	}
	history_free(&h);
	return fine;
}

/* *form: what it is called. */
static bool
read_trace(struct trace *t, const char *path, const char *from, const char **form, char *error, size_t size)
{
	enum trace_form found = TRACE_ANY;
	bool fine;

	*form = FROM_HISTORY;
	if (strcmp(from, FROM_HISTORY) == 0)
		return read_history(t, path, error, size);
	while (strcmp(from, trace_form_names[found]) != 0)
		found++;
	fine = trace_read(t, path, found, &found, error, size);
	*form = trace_form_names[found];
	return fine;
}

/* ---- convert ---- */

static int
convert(const char *in, const char *out, const struct option_values *values)
{
	bool text = option_is_set(values, "to") && strcmp(option_text(values, "to"), "text") == 0;
	struct trace t = { 0 };
	char error[ERROR_SIZE];
	const char *form;
	bool fine = read_trace(&t, in, option_text(values, "from"), &form, error, sizeof(error)) &&
	    trace_write(&t, out, text ? TRACE_TEXT : TRACE_BINARY, error, sizeof(error));

	if (fine)
		printf("%s: %" PRIu64 " operations on %" PRIu64 " keys\n", out, t.records, t.keys);
	trace_free(&t);
	return fine ? command_finish(NAME, STATUS_OK) : command_error(NAME, "%s", error);
}

/* ---- show ---- */

/* Distances of reuse: how many other keys were used since the same key was. */
struct reuse {
	uint64_t *times; /* by distance */
	uint64_t total;  /* operations on a key that was used before */
};

/*
 * Mattson et al. 1970, stack distances, counted in a binary indexed tree over the operations: it marks the
 * last one so far on each key. The marks behind the last one on this key are the other keys.
 * False: no memory.
 */
static bool
reuse_count(const struct trace *t, struct reuse *r)
{
	uint64_t *tree = calloc((size_t)t->records + 1, sizeof(*tree)), *last = calloc((size_t)t->keys, sizeof(*last));
	uint64_t distinct = 0;
	bool fine = tree != NULL && last != NULL;

	*r = (struct reuse){ .times = calloc((size_t)t->keys, sizeof(*r->times)) };
	fine = fine && r->times != NULL;
	for (uint64_t i = 1; fine && i <= t->records; i++) {
		uint64_t key = trace_key(t->record[i - 1]), before = 0;

		if (last[key] == 0) {
			distinct++;
		} else {
			for (uint64_t at = last[key]; at > 0; at &= at - 1)
				before += tree[at];
			r->times[distinct - before]++;
			r->total++;
			for (uint64_t at = last[key]; at <= t->records; at += at & -at)
				tree[at]--;
		}
		last[key] = i;
		for (uint64_t at = i; at <= t->records; at += at & -at)
			tree[at]++;
	}
	free(tree);
	free(last);
	return fine;
}

static uint64_t
reuse_percentile(const struct reuse *r, unsigned percent)
{
	uint64_t wanted = r->total / 100 * percent + (r->total % 100 * percent + 99) / 100, sum = 0, distance = 0;

	while ((sum += r->times[distance]) < wanted)
		distance++;
	return distance;
}

static int
more_first(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x > y ? -1 : x < y;
}

static double
percent(uint64_t part, uint64_t whole)
{
	return 100.0 * (double)part / (double)whole;
}

/* The operations on the most popular `percents` in a hundred keys, one at least. */
static double
popular(const uint64_t *uses, uint64_t keys, uint64_t records, unsigned percents)
{
	uint64_t sum = 0, count = (keys * percents + 99) / 100;

	for (uint64_t i = 0; i < count; i++)
		sum += uses[i];
	return percent(sum, records);
}

static void
show_operations(const struct trace *t, const struct trace_replay *replay)
{
	printf("  operations  %" PRIu64 "\n", t->records);
	for (unsigned op = 0; op < OP_COUNT; op++)
		if (replay->calls[op] > 0) {
			printf("    %-8s  %-10" PRIu64 " %6.2f %%", op_names[op], replay->calls[op], percent(replay->calls[op], t->records));
			if (op != OP_SCAN)
				printf("   hits %6.2f %%", percent(replay->hits[op], replay->calls[op]));
			putchar('\n');
		}
	printf("  in the map  %" PRIu64 " keys at first (by --warm reads), %" PRIu64 " at most, %" PRIu64
	       " at the end\n", replay->first, replay->most, replay->last);
}

static void
show_keys(const struct trace *t, uint64_t *uses, const struct reuse *reuse)
{
	uint64_t least = TRACE_KEY_BYTES_MAX, most = 0, once = 0;

	for (uint64_t key = 0; key < t->keys; key++) {
		size_t length;

		(void)trace_key_text(t, key, &length);
		least = length < least ? length : least;
		most = length > most ? length : most;
		once += uses[key] == 1;
	}
	qsort(uses, t->keys, sizeof(*uses), more_first);
	printf("  keys        %" PRIu64 ", of %" PRIu64 " to %" PRIu64 " bytes, %.1f on average\n", t->keys, least, most,
	    (double)t->key_end[t->keys - 1] / (double)t->keys);
	printf("    used      once: %.2f %% of them; the most popular key: %.2f %% of the operations, 1 %% of the keys: %.2f %%, "
	       "10 %%: %.2f %%\n", percent(once, t->keys), percent(uses[0], t->records), popular(uses, t->keys, t->records, 1),
	    popular(uses, t->keys, t->records, 10));
	if (reuse->total > 0)
		printf("    reused    other keys between two uses: median %" PRIu64 ", 90 %% at most %" PRIu64 ", 99 %% at most %"
		       PRIu64 "\n", reuse_percentile(reuse, 50), reuse_percentile(reuse, 90), reuse_percentile(reuse, 99));
}

/* False: no memory. */
static bool
show_trace(const struct trace *t)
{
	uint8_t *present = calloc((size_t)t->keys, sizeof(*present));
	uint64_t *uses = calloc((size_t)t->keys, sizeof(*uses));
	struct trace_replay replay;
	struct reuse reuse;
	bool fine = reuse_count(t, &reuse) && present != NULL && uses != NULL;

	if (fine) {
		trace_warm(t, 0, present);
		trace_replay(t, 0, t->records, present, &replay);
		for (uint64_t i = 0; i < t->records; i++)
			uses[trace_key(t->record[i])]++;
		show_operations(t, &replay);
		show_keys(t, uses, &reuse);
	}
	free(present);
	free(uses);
	free(reuse.times);
	return fine;
}

static int
show(char *const *path, size_t count, const struct option_values *values)
{
	for (size_t i = 0; i < count; i++) {
		struct trace t = { 0 };
		char error[ERROR_SIZE];
		const char *form;
		bool fine = read_trace(&t, path[i], option_text(values, "from"), &form, error, sizeof(error));

		if (fine) {
			printf("%s: %s, check %016" PRIx64 "\n", path[i], form, trace_check(&t));
			fine = show_trace(&t);
			if (!fine)
				snprintf(error, sizeof(error), "%s: no memory", path[i]);
		}
		trace_free(&t);
		if (!fine)
			return command_error(NAME, "%s", error);
	}
	return command_finish(NAME, STATUS_OK);
}

/* ---- The command ---- */

static int
trace_verb(char *const *word, size_t words, const struct option_values *values)
{
	const char *verb = words > 0 ? word[0] : "";

	if (strcmp(verb, "convert") == 0 && words == 3)
		return convert(word[1], word[2], values);
	if (strcmp(verb, "show") == 0 && words > 1)
		return option_is_set(values, "to") ? command_error(NAME, "--to is for convert") : show(word + 1, words - 1, values);
	return command_error(NAME, "wanted is: %s", USAGE);
}

int
command_trace(int argc, char **argv)
{
	static const struct command_form form = {
		.name = NAME,
		.usage = USAGE,
		.notes = "Traces are files of operations, for hamtbench run --workload trace --trace FILE.\n"
		    "convert writes OUT, which must not be there; show prints what is in each FILE:\n"
		    "operations, hits, keys, their popularity and reuse. gzip'ed files are unpacked.\n"
		    "\n"
		    "A text has one operation a line: get, insert, upsert, remove, replace or modify\n"
		    "and a KEY, or scan KEY N, which is N pairs from KEY on, 1 to 1024. A KEY is a\n"
		    "number or another word, or a text in double quotes, in which \\\" \\\\ \\n \\t and\n"
		    "\\xHH stand for a byte; it has at most 4096. Keys are the same if their bytes are.\n"
		    "# where a word could begin starts a comment. The binary form is small and quick to read.\n"
		    "\n"
		    "Forms of others: twitter, lines TIME,KEY,KEY BYTES,VALUE BYTES,CLIENT,OPERATION,TTL\n"
		    "(set is upsert, add insert, delete remove; cas, append, prepend, incr and decr\n"
		    "modify); oracle-general, records of 24 bytes, all gets; history, what hamtbench run\n"
		    "--history wrote, in the order in which calls began.",
		.options = options,
		.words = true,
		.work = trace_verb,
	};

	return command_with(&form, argc, argv);
}
