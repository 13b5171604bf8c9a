/*
 * trace.c - operations from a file (harness/trace.h says what is in it), dealt to the threads.
 *
 * Keys are numbered in the order of their first appearance, so the map's keys are 0 .. n - 1; where they are
 * byte strings (SUBJECT_BYTES) they are the keys of the file themselves.
 *
 * How the operations are dealt decides what can be verified:
 *	round-robin  operation i to thread i mod threads: near to the order of the trace, but neighbours race
 *	block        each thread a stretch of the trace
 *	by-key       key k to thread k mod threads: all operations on a key by one thread in the order of the
 *	             trace. So it is known which of them hit, and with which version of the value; each is held to that.
 * Which keys are in the map at the end is verified as far as it is determined: all of them by-key; else keys that one
 * thread has for itself, or that are not both put in and taken out.
 *
 * A second pass (--repeat) finds the map as the first one left it. Every later one finds it so, too: after its last
 * insert, upsert or remove a key is there or not, whatever was before, and a key without them stays as it is. So hits
 * are the same from the second pass on, and so are values, but for keys that modify alone keeps changing.
 *
 * In memory a record is a word, read one after the other; what by-key expects of it is in it, in bits that a
 * scan has for its length.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/trace.h"
#include "harness/worker.h"

#define BLOCK 64u

/* What is expected of a record that is no scan, from bit EXPECTED_SHIFT on. */
#define EXPECTED_SHIFT 3
#define HIT_FIRST 0            /* bit: it hits in the first pass, */
#define HIT_LATER 1            /* in a later one */
#define VERSION_FIRST 2        /* 8 bits: of the value that comes out then */
#define VERSION_LATER 10
#define VERSION_STAYS 18       /* bit: that of later passes is known */
_Static_assert(EXPECTED_SHIFT + VERSION_STAYS < TRACE_KEY_SHIFT, "expectations end below the key");

enum deal { DEAL_ROUND_ROBIN, DEAL_BLOCK, DEAL_BY_KEY, DEAL_COUNT };

static const char *const deal_names[DEAL_COUNT] = { "round-robin", "block", "by-key" };

/* A trace in memory, kept until the end: it is asked for by each point and trial. */
struct loaded {
	struct loaded *next;
	char *path, *warm_text;  /* --trace, --warm */
	struct stat status, before_status;
	struct trace trace;
	uint64_t from;           /* its first record; those before it are of --warm trace:PATH */
	uint8_t *warm;           /* by key: 1 = in the map at first */
	struct trace_replay replay;
};

static struct loaded *all_loaded; /* main's */

enum at_end { END_UNKNOWN, END_ABSENT, END_PRESENT };

struct state {
	struct key_names names;  /* first: name() gets the address of it */
	const struct loaded *loaded;
	enum deal deal;
	uint64_t passes;         /* 0: again and again */
	uint64_t records;        /* of a pass */
	const uint64_t *record;  /* the trace's, or */
	uint64_t *expecting;     /* these, with what is expected of them; NULL unless by-key */
	uint8_t *at_end;         /* by key: enum at_end */
	_Atomic(bool) unfinished; /* a thread left before its last pass was done */
	_Atomic(uint64_t) wrong_results, wrong_versions;
	_Atomic(uint64_t) one_wrong; /* a record of them + 1; 0: none yet */
};

struct state_thread {
	uint64_t *record, records;
	uint64_t at, pass;       /* the next one */
};

/* ---- Options ---- */

static bool
deal_parse(const char *text, enum deal *deal)
{
	for (unsigned d = 0; d < DEAL_COUNT; d++)
		if (strcmp(text, deal_names[d]) == 0) {
			*deal = (enum deal)d;
			return true;
		}
	return false;
}

static bool
deal_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	enum deal deal;

	if (!deal_parse(text, &deal)) {
		snprintf(error, error_size, "'%s' must be round-robin, block or by-key", text);
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static const char *
deal_choice(size_t i)
{
	return i < DEAL_COUNT ? deal_names[i] : NULL;
}

#define WARM_TRACE "trace:"

static bool
path_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	if (text[0] == '\0' || strlen(text) >= canonical_size) {
		snprintf(error, error_size, "the path %s", text[0] == '\0' ? "is empty" : "is too long");
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static bool
warm_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	size_t word = strlen(WARM_TRACE);

	if (strncmp(text, WARM_TRACE, word) == 0)
		return path_check(text + word, canonical, canonical_size - word, error, error_size) &&
		    path_check(text, canonical, canonical_size, error, error_size);
	if (strcmp(text, "reads") != 0 && strcmp(text, "nothing") != 0) {
		snprintf(error, error_size, "'%s' must be reads, nothing or trace:PATH", text);
		return false;
	}
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

static const struct plugin_option options[] = {
	{ .name = "trace", .type = OPTION_TEXT, .meta = "PATH", .check = path_check,
	    .help = "the file of operations, text or binary (see: hamtbench trace --help)" },
	{ .name = "deal", .type = OPTION_TEXT, .initial = "round-robin", .meta = "HOW", .check = deal_check,
	    .choice = deal_choice, .help = "operation i goes to thread i mod threads (round-robin), each thread has a stretch of "
	        "the trace (block), or all operations on a key, so that each result is known and checked (by-key)" },
	{ .name = "repeat", .type = OPTION_COUNT, .initial = "1", .meta = "N",
	    .help = "passes over the trace, each from where the one before left the map; 0: until --duration is over" },
	{ .name = "warm", .type = OPTION_TEXT, .initial = "reads", .meta = "WHAT", .check = warm_check,
	    .help = "what is in the map before: keys whose first operation is get, remove, replace or modify, so that these hit, "
	        "but for gets that an insert follows (reads); nothing; or what another trace leaves (trace:PATH)" },
	{ .name = NULL },
};

/* ---- The files ---- */

static void
loaded_free(struct loaded *l)
{
	if (l == NULL)
		return;
	trace_free(&l->trace);
	free(l->path);
	free(l->warm_text);
	free(l->warm);
	free(l);
}

/* When the plug-in goes. */
static __attribute__((destructor)) void
unload(void)
{
	while (all_loaded != NULL) {
		struct loaded *next = all_loaded->next;

		loaded_free(all_loaded);
		all_loaded = next;
	}
}

/* The same file, and not written to since? What comes out of a pipe comes once. */
static bool
unchanged(const char *path, const struct stat *before)
{
	struct stat now;

	return !S_ISREG(before->st_mode) || (stat(path, &now) == 0 && now.st_dev == before->st_dev &&
	    now.st_ino == before->st_ino && now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == before->st_mtim.tv_nsec);
}

static bool
read_one(struct trace *t, const char *path, struct stat *status, char *error, size_t error_size)
{
	/* Before it is read: a change meanwhile is seen the next time. */
	if (stat(path, status) != 0)
		memset(status, 0, sizeof(*status));
	return trace_read(t, path, TRACE_ANY, NULL, error, error_size);
}

/* Which keys are there at first, and what one thread would meet. False: no memory. */
static bool
loaded_replay(struct loaded *l, bool reads)
{
	uint8_t *present;

	l->warm = calloc((size_t)l->trace.keys, sizeof(*l->warm));
	present = malloc((size_t)l->trace.keys * sizeof(*present));
	if (l->warm != NULL && present != NULL) {
		if (l->from > 0)
			trace_replay(&l->trace, 0, l->from, l->warm, &l->replay);
		else if (reads)
			trace_warm(&l->trace, 0, l->warm);
		memcpy(present, l->warm, (size_t)l->trace.keys * sizeof(*present));
		trace_replay(&l->trace, l->from, l->trace.records, present, &l->replay);
	}
	free(present);
	return l->warm != NULL && present != NULL;
}

/* The trace that the options name, read if it has not been before. NULL and one line in error. */
static const struct loaded *
load(const struct option_values *values, char *error, size_t error_size)
{
	const char *path = option_text(values, "trace"), *warm = option_text(values, "warm"), *before = NULL;
	struct loaded *l;

	if (path == NULL) {
		snprintf(error, error_size, "--trace: which file has the operations?");
		return NULL;
	}
	if (strncmp(warm, WARM_TRACE, strlen(WARM_TRACE)) == 0)
		before = warm + strlen(WARM_TRACE);
	for (l = all_loaded; l != NULL; l = l->next)
		if (strcmp(l->path, path) == 0 && strcmp(l->warm_text, warm) == 0) {
			const char *changed = !unchanged(path, &l->status) ? path :
			    before != NULL && !unchanged(before, &l->before_status) ? before : NULL;

			if (changed != NULL)
				snprintf(error, error_size, "%s: it has changed since the run began", changed);
			return changed == NULL ? l : NULL;
		}
	l = calloc(1, sizeof(*l));
	if (l == NULL || (l->path = strdup(path)) == NULL || (l->warm_text = strdup(warm)) == NULL) {
		snprintf(error, error_size, "%s: no memory", path);
		loaded_free(l);
		return NULL;
	}
	if (before != NULL && !read_one(&l->trace, before, &l->before_status, error, error_size)) {
		loaded_free(l);
		return NULL;
	}
	l->from = l->trace.records;
	if (!read_one(&l->trace, path, &l->status, error, error_size)) {
		loaded_free(l);
		return NULL;
	}
	if (!loaded_replay(l, strcmp(warm, "reads") == 0)) {
		snprintf(error, error_size, "%s: no memory", path);
		loaded_free(l);
		return NULL;
	}
	l->next = all_loaded;
	all_loaded = l;
	return l;
}

/* ---- Plan ---- */

/* "get=83.33,insert=16.67" */
static void
mix_format(const struct trace_replay *replay, uint64_t records, char *text, size_t size)
{
	size_t used = 0;

	for (unsigned op = 0; op < OP_COUNT; op++)
		if (replay->calls[op] > 0 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s=%.4g", used > 0 ? "," : "", op_names[op],
			    100.0 * (double)replay->calls[op] / (double)records);
}

/* The name of the file, and what tells one content from another: "words.trace:9f3c2a71" */
static void
name_format(const struct loaded *l, char *text, size_t size)
{
	const char *slash = strrchr(l->path, '/');

	snprintf(text, size, "%.100s:%08x", slash != NULL ? slash + 1 : l->path, (unsigned)(trace_check(&l->trace) >> 32));
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == ',' || *c == '"')
			*c = '?';
}

/* By-key: how many threads of these have an operation. */
static uint64_t
busy_threads(const struct loaded *l, unsigned threads)
{
	uint64_t busy = 0;
	bool *has = calloc(threads, sizeof(*has));

	for (uint64_t i = l->from; has != NULL && i < l->trace.records && busy < threads; i++) {
		unsigned thread = (unsigned)(trace_key(l->trace.record[i]) % threads);

		busy += !has[thread];
		has[thread] = true;
	}
	free(has);
	return busy;
}

static bool
trace_plan(const struct option_values *values, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	const struct loaded *l = load(values, error, error_size);
	enum deal deal = DEAL_ROUND_ROBIN;
	uint64_t parts;

	if (l == NULL)
		return false;
	deal_parse(option_text(values, "deal"), &deal);
	parts = deal == DEAL_BY_KEY ? busy_threads(l, threads) : l->trace.records - l->from;
	if (parts < threads) {
		snprintf(error, error_size, "--deal %s: the operations of %s give work to %" PRIu64 " of %u threads",
		    deal_names[deal], l->path, parts, threads);
		return false;
	}
	plan->keys = l->trace.keys;
	plan->named = true;
	plan->prefill = l->replay.first;
	plan->size = l->replay.most > 0 ? l->replay.most : 1;
	plan->fixed_work = option_count(values, "repeat") > 0;
	plan->needs = plan->prefill > 0 ? OP_BIT(OP_INSERT) : 0;
	for (unsigned op = 0; op < OP_COUNT; op++)
		if (l->replay.calls[op] > 0)
			plan->needs |= OP_BIT(op);
	name_format(l, plan->dist, sizeof(plan->dist));
	mix_format(&l->replay, l->trace.records - l->from, plan->mix, sizeof(plan->mix));
	return true;
}

/* ---- What is expected ---- */

/* The map as one thread leaves it: which keys are there, and the version of their values. */
struct shadow {
	uint8_t *present;
	uint8_t *version;
};

/* The version that the number-th operation of a thread puts in. */
static inline uint8_t
version_of(uint64_t number)
{
	return (uint8_t)number;
}

/* One operation on the shadow. Returns whether it hits; *out: the version of the value that then comes out. */
static bool
shadow_do(struct shadow *s, enum op op, uint64_t key, uint8_t version, uint8_t *out)
{
	bool there = s->present[key];

	*out = op == OP_INSERT ? version : s->version[key];
	switch (op) {
	case OP_INSERT:
		if (!there)
			s->version[key] = version;
		s->present[key] = true;
		return !there;
	case OP_UPSERT:
		s->version[key] = version;
		s->present[key] = true;
		return there;
	case OP_REMOVE:
		s->present[key] = false;
		return there;
	case OP_REPLACE:
		if (there)
			s->version[key] = version;
		return there;
	case OP_MODIFY:
		s->version[key] = (uint8_t)(s->version[key] + version);
		return there;
	default:
		return there;
	}
}

/* One pass over the trace: what each record does goes into its bits hit and version. done: by thread, operations so far. */
static void
shadow_pass(struct state *s, struct shadow *shadow, unsigned threads, unsigned hit, unsigned version, uint64_t done[])
{
	memset(done, 0, threads * sizeof(*done));
	for (uint64_t i = 0; i < s->records; i++) {
		uint64_t key = trace_key(s->record[i]), number = done[key % threads]++;
		enum op op = trace_op(s->record[i]);
		uint8_t out;

		if (op != OP_SCAN && shadow_do(shadow, op, key, version_of(number), &out))
			s->expecting[i] |= UINT64_C(1) << (EXPECTED_SHIFT + hit) | (uint64_t)out << (EXPECTED_SHIFT + version);
	}
}

/* By-key: each record with what is expected of it. False: no memory. */
static bool
expect(struct state *s, unsigned threads)
{
	size_t keys = (size_t)s->loaded->trace.keys;
	struct shadow shadow = { .present = malloc(keys), .version = calloc(keys, 1) };
	uint8_t *before = malloc(keys);
	uint64_t *done = calloc(threads, sizeof(*done));
	bool fine;

	s->expecting = malloc((size_t)s->records * sizeof(*s->expecting));
	fine = shadow.present != NULL && shadow.version != NULL && before != NULL && done != NULL && s->expecting != NULL;
	if (fine) {
		memcpy(shadow.present, s->loaded->warm, keys);
		memcpy(s->expecting, s->record, (size_t)s->records * sizeof(*s->expecting));
		shadow_pass(s, &shadow, threads, HIT_FIRST, VERSION_FIRST, done);
		memcpy(before, shadow.version, keys);
		shadow_pass(s, &shadow, threads, HIT_LATER, VERSION_LATER, done);
		/* A key whose version the second pass leaves as it found it is the same in each later one. */
		for (uint64_t i = 0; i < s->records; i++) {
			uint64_t key = trace_key(s->record[i]);

			if (trace_op(s->record[i]) != OP_SCAN && before[key] == shadow.version[key])
				s->expecting[i] |= UINT64_C(1) << (EXPECTED_SHIFT + VERSION_STAYS);
		}
	}
	free(shadow.present);
	free(shadow.version);
	free(before);
	free(done);
	return fine;
}

/* The thread that does record number i of a pass. */
static unsigned
thread_of(const struct state *s, uint64_t i, unsigned threads)
{
	uint64_t share = s->records / threads, longer = s->records % threads;

	switch (s->deal) {
	case DEAL_BY_KEY:
		return (unsigned)(trace_key(s->record[i]) % threads);
	case DEAL_BLOCK:
		/* The first `longer` threads have one more. */
		return (unsigned)(i < longer * (share + 1) ? i / (share + 1) : longer + (i - longer * (share + 1)) / share);
	default:
		return (unsigned)(i % threads);
	}
}

/* What is in the map when all passes are done, as far as it can be told. False: no memory. */
static bool
expect_at_end(struct state *s, unsigned threads)
{
	enum { PUT = 1, TAKEN = 2, SHARED = 4 };
	const struct trace *t = &s->loaded->trace;
	size_t keys = (size_t)t->keys;
	uint8_t *what = calloc(keys, 1);
	uint32_t *owner = calloc(keys, sizeof(*owner));
	uint8_t *present = malloc(keys * sizeof(*present));
	struct trace_replay ignored;
	bool fine = what != NULL && owner != NULL && present != NULL;

	s->at_end = malloc(keys);
	fine = fine && s->at_end != NULL;
	if (fine) {
		memcpy(present, s->loaded->warm, keys * sizeof(*present));
		trace_replay(t, s->loaded->from, t->records, present, &ignored);
		for (uint64_t i = 0; i < s->records; i++) {
			enum op op = trace_op(s->record[i]);
			uint64_t key = trace_key(s->record[i]);
			uint32_t thread = thread_of(s, i, threads) + 1;

			if (op == OP_INSERT || op == OP_UPSERT)
				what[key] |= PUT;
			if (op == OP_REMOVE)
				what[key] |= TAKEN;
			if (op != OP_SCAN && owner[key] != 0 && owner[key] != thread)
				what[key] |= SHARED;
			if (op != OP_SCAN)
				owner[key] = thread;
		}
		/* In any order: without one of the two, the other decides. */
		for (uint64_t key = 0; key < t->keys; key++)
			s->at_end[key] = what[key] == (PUT | TAKEN | SHARED) ? END_UNKNOWN : present[key] ? END_PRESENT : END_ABSENT;
	}
	free(what);
	free(owner);
	free(present);
	return fine;
}

/* ---- Setup ---- */

static void
trace_teardown(void *state)
{
	struct state *s = state;

	free(s->expecting);
	free(s->at_end);
	free(s);
}

/* The key's own bytes; they stay where they are. */
static struct byte_string
trace_name(const struct key_names *names, uint64_t key, unsigned char *scratch)
{
	const struct state *s = (const void *)names;
	struct byte_string name;

	(void)scratch;
	name.data = trace_key_text(&s->loaded->trace, key, &name.bytes);
	return name;
}

static const struct key_names *
trace_names(void *state)
{
	struct state *s = state;

	return &s->names;
}

static void *
trace_setup(const struct workload_params *params, char *error, size_t error_size)
{
	const struct loaded *l = load(params->options, error, error_size);
	struct state *s;

	if (l == NULL)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	s->names.name = trace_name;
	s->loaded = l;
	deal_parse(option_text(params->options, "deal"), &s->deal);
	s->passes = option_count(params->options, "repeat");
	s->record = l->trace.record + l->from;
	s->records = l->trace.records - l->from;
	if ((s->deal == DEAL_BY_KEY && !expect(s, params->threads)) || !expect_at_end(s, params->threads)) {
		snprintf(error, error_size, "no memory for what is expected of %s", l->path);
		trace_teardown(s);
		return NULL;
	}
	return s;
}

static bool
trace_begin(struct worker *w)
{
	const struct state *s = w->state;
	const uint64_t *from = s->expecting != NULL ? s->expecting : s->record;
	struct state_thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return false;
	for (uint64_t i = 0; i < s->records; i++)
		t->records += thread_of(s, i, w->threads) == w->thread;
	/* By the thread itself, so that it is in memory near to it. */
	t->record = malloc((size_t)t->records * sizeof(*t->record));
	if (t->record == NULL) {
		free(t);
		return false;
	}
	for (uint64_t i = 0, n = 0; i < s->records; i++)
		if (thread_of(s, i, w->threads) == w->thread)
			t->record[n++] = from[i];
	w->local = t;
	return true;
}

static void
trace_end(struct worker *w)
{
	struct state_thread *t = w->local;

	free(t->record);
	free(t);
}

static void
trace_prefill(struct worker *w)
{
	const struct state *s = w->state;

	for (uint64_t key = w->thread; key < s->loaded->trace.keys && !worker_done(w); key += w->threads)
		if (s->loaded->warm[key])
			worker_call(w, OP_INSERT, key, 0);
}

/* ---- The loop ---- */

/* Is the result what the record expects? Seldom not, but with a subject that holds nothing. */
static __attribute__((noinline)) void
note_wrong(struct state *s, uint64_t record, bool hit_expected, bool hit)
{
	uint64_t none = 0;

	/* relaxed: sums, and any one of many, read after the workers were waited for. */
	atomic_fetch_add_explicit(hit != hit_expected ? &s->wrong_results : &s->wrong_versions, 1, memory_order_relaxed);
	atomic_compare_exchange_strong_explicit(&s->one_wrong, &none, record + 1, memory_order_relaxed,
	    memory_order_relaxed);
}

/*
 * One record. exact: its result is expected; open: the loop is, so that a call may be left out. All
 * but the first three are constants where it is called. False: the call was not made, for the time is up.
 */
static inline __attribute__((always_inline)) bool
trace_do(struct worker *w, uint64_t record, uint64_t number, bool exact, bool later, bool open)
{
	enum op op = trace_op(record);
	uint64_t out = 0, expected = record >> EXPECTED_SHIFT;
	bool hit, hit_expected;
	uint8_t version;

	if (UNLIKELY(op == OP_SCAN)) {
		worker_scan(w, trace_key(record), trace_scan(record));
		return !open || !w->out_of_time;
	}
	hit = worker_call_value(w, op, trace_key(record), version_of(number), &out) == OP_HIT;
	if (open && w->out_of_time)
		return false;
	if (!exact)
		return true;
	hit_expected = expected >> (later ? HIT_LATER : HIT_FIRST) & 1;
	version = (uint8_t)(expected >> (later ? VERSION_LATER : VERSION_FIRST));
	if (UNLIKELY((hit != hit_expected) |
	        (hit & (version != (uint8_t)out) & (!later || (expected >> VERSION_STAYS & 1)))))
		note_wrong(w->state, record, hit_expected, hit);
	return true;
}

/* The next n records; false: the time is up. What is constant for all of them is so in the loop, too. */
static inline __attribute__((always_inline)) bool
trace_block(struct worker *w, struct state_thread *t, uint64_t n, bool exact, bool later, bool open)
{
	for (uint64_t end = t->at + n; t->at < end; t->at++)
		if (!trace_do(w, t->record[t->at], t->at, exact, later, open))
			return false;
	return true;
}

static inline __attribute__((always_inline)) void
trace_run(struct worker *w, bool exact, bool open)
{
	struct state *s = w->state;
	struct state_thread *t = w->local;

	while (!worker_done(w)) {
		uint64_t left = t->records - t->at, n = left < BLOCK ? left : BLOCK;

		if (!(t->pass == 0 ? trace_block(w, t, n, exact, false, open) : trace_block(w, t, n, exact, true, open)))
			break;
		if (t->at < t->records)
			continue;
		/* In a loop without an end the warm-up goes over into the measured part. */
		t->at = 0;
		t->pass++;
		if (t->pass == s->passes)
			return;
	}
	/* relaxed: a flag, read after the workers were waited for. */
	atomic_store_explicit(&s->unfinished, true, memory_order_relaxed);
}

static void
trace_loop(struct worker *w)
{
	const struct state *s = w->state;

	if (w->response != NULL)
		trace_run(w, s->expecting != NULL, true);
	else if (s->expecting != NULL)
		trace_run(w, true, false);
	else
		trace_run(w, false, false);
}

/* ---- Verification ---- */

struct found {
	uint64_t keys;
	bool *there;
};

static void
found_add(void *arg, uint64_t key, uint64_t value)
{
	struct found *f = arg;

	(void)value;
	if (key < f->keys)
		f->there[key] = true;
}

/* Is in the map what the trace leaves in it? */
static bool
verify_end(const struct state *s, const struct subject *subject, void *handle, char *error, size_t error_size)
{
	struct found f = { .keys = s->loaded->trace.keys, .there = calloc((size_t)s->loaded->trace.keys, sizeof(bool)) };
	uint64_t missing = 0, surplus = 0;

	if (f.there == NULL) {
		snprintf(error, error_size, "no memory to look for the keys of the trace");
		return false;
	}
	subject->each(handle, found_add, &f);
	for (uint64_t key = 0; key < f.keys; key++) {
		missing += s->at_end[key] == END_PRESENT && !f.there[key];
		surplus += s->at_end[key] == END_ABSENT && f.there[key];
	}
	free(f.there);
	if (missing + surplus > 0)
		snprintf(error, error_size, "%" PRIu64 " keys that the trace leaves in the map are not there, %" PRIu64
		    " are that it takes out", missing, surplus);
	return missing + surplus == 0;
}

/* One of the operations that went wrong, for people: get "apple" */
static void
wrong_format(const struct state *s, uint64_t record, char *text, size_t size)
{
	size_t length, used = (size_t)snprintf(text, size, "%s \"", op_names[trace_op(record)]);
	const unsigned char *key = trace_key_text(&s->loaded->trace, trace_key(record), &length);

	for (size_t i = 0; i < length && i < 40 && used + 2 < size; i++)
		text[used++] = key[i] < ' ' || key[i] == 0x7f ? '?' : (char)key[i];
	snprintf(text + used, size - used, "\"");
}

static bool
trace_verify(void *state, const struct subject *subject, void *handle, char *error, size_t error_size)
{
	struct state *s = state;
	/* relaxed, all: the workers wait. */
	uint64_t results = atomic_load_explicit(&s->wrong_results, memory_order_relaxed);
	uint64_t versions = atomic_load_explicit(&s->wrong_versions, memory_order_relaxed);
	uint64_t one = atomic_load_explicit(&s->one_wrong, memory_order_relaxed);
	char example[80];

	if ((subject->flags & SUBJECT_EMPTY) != 0)
		return true;
	if (one > 0) {
		wrong_format(s, one - 1, example, sizeof(example));
		snprintf(error, error_size, "%" PRIu64 " operations hit or missed, %" PRIu64
		    " gave a value, against the order of the trace: %s is one", results, versions, example);
		return false;
	}
	return s->passes == 0 || subject->each == NULL || atomic_load_explicit(&s->unfinished, memory_order_relaxed) ||
	    verify_end(s, subject, handle, error, error_size);
}

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
	.name = "trace",
	.help = "operations from a file, dealt to the threads (fixed work: one pass, or --repeat)",
	.options = options,
	.plan = trace_plan,
	.setup = trace_setup,
	.teardown = trace_teardown,
	.names = trace_names,
	.begin = trace_begin,
	.end = trace_end,
	.prefill = trace_prefill,
	.loop = trace_loop,
	.verify = trace_verify,
};
