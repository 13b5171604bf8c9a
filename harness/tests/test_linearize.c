/*
 * The checker of histories: textbook cases by hand; long histories that are right by construction; and small ones
 * made wrong at random, each judged a second time by trying all orders with a model written apart.
 */
/* not under tsan: one thread */
#include "core/tests/check.h"
#include "harness/linearize.h"
#include "harness/random.h"

#define KEY 7u
#define A UINT64_C(0x801) /* values of key 7 */
#define B UINT64_C(0x802)
#define C UINT64_C(0x803)

static void
add(struct history *h, uint32_t thread, uint64_t begin, uint64_t end, enum history_op op, enum history_answer answer,
    uint64_t in, uint64_t out)
{
	struct history_event e = { .begin = begin, .end = end, .key = KEY, .in = in, .out = out, .thread = thread,
	    .op = (uint8_t)op, .answer = (uint8_t)answer };

	CHECK(history_append(h, &e));
}

/* The verdict on a history that is then done with. */
static enum linearize_verdict
judge(struct history *h)
{
	struct linearize_result result;
	enum linearize_verdict verdict;

	CHECK(linearize_check(h, NULL, &result));
	verdict = result.verdict;
	CHECK_EQ(result.operations, h->events);
	linearize_result_free(&result);
	history_free(h);
	return verdict;
}

#define HIT HISTORY_HIT
#define MISS HISTORY_MISS

/* One event after the other: thread, begin, end, operation, answer, in, out. */
struct row {
	uint32_t thread;
	uint64_t begin, end;
	enum history_op op;
	enum history_answer answer;
	uint64_t in, out;
};

#define ROWS(...) (const struct row[]){ __VA_ARGS__, { .begin = HISTORY_OPEN } }

static enum linearize_verdict
judge_rows(uint64_t first, const struct row *row)
{
	struct history h = { 0 };

	CHECK(first == 0 || history_first(&h, KEY, first));
	for (; row->begin != HISTORY_OPEN; row++)
		add(&h, row->thread, row->begin, row->end, row->op, row->answer, row->in, row->out);
	return judge(&h);
}

static void
nothing_is_fine(void)
{
	struct history h = { 0 };

	CHECK_EQ(judge(&h), LINEARIZE_OK);
}

/* Operations one after the other mean what the contract says, each alone. */
static void
single_operations_mean_what_the_contract_says(void)
{
	static const struct {
		enum history_op op;
		enum history_answer answer;
		uint64_t in, out;
		bool absent, a; /* legal when the key is absent, when it is mapped to A */
		uint64_t after; /* then its value; 0 absent, UINT64_MAX: as before */
	} each[] = {
		{ HISTORY_GET, MISS, 0, 0, true, false, UINT64_MAX },
		{ HISTORY_GET, HIT, 0, A, false, true, UINT64_MAX },
		{ HISTORY_GET, HIT, 0, B, false, false, 0 },
		{ HISTORY_GET, HIT, 0, 0, false, false, 0 },
		{ HISTORY_INSERT, HIT, B, 0, true, false, B },
		{ HISTORY_INSERT, MISS, B, 0, false, true, UINT64_MAX },
		{ HISTORY_UPSERT, MISS, B, 0, true, false, B },
		{ HISTORY_UPSERT, HIT, B, A, false, true, B },
		{ HISTORY_UPSERT, HIT, B, C, false, false, 0 },
		{ HISTORY_UPSERT, HIT, B, 0, false, false, 0 },
		{ HISTORY_REMOVE, MISS, 0, 0, true, false, UINT64_MAX },
		{ HISTORY_REMOVE, HIT, 0, A, false, true, 0 },
		{ HISTORY_REMOVE, HIT, 0, B, false, false, 0 },
		{ HISTORY_REPLACE, MISS, B, 0, true, false, UINT64_MAX },
		{ HISTORY_REPLACE, HIT, B, A, false, true, B },
		{ HISTORY_REPLACE, HIT, B, B, false, false, 0 },
		{ HISTORY_MODIFY, MISS, 2, 0, true, false, UINT64_MAX },
		{ HISTORY_MODIFY, HIT, 2, A, false, true, C },
		{ HISTORY_MODIFY, HIT, 2, B, false, false, 0 },
		{ HISTORY_REPLACE_IF, HIT, B, A, false, true, B },
		{ HISTORY_REPLACE_IF, MISS, B, A, true, false, UINT64_MAX },
		{ HISTORY_REPLACE_IF, MISS, B, C, true, true, UINT64_MAX },
		{ HISTORY_REMOVE_IF, HIT, 0, A, false, true, 0 },
		{ HISTORY_REMOVE_IF, MISS, 0, A, true, false, UINT64_MAX },
		{ HISTORY_REMOVE_IF, MISS, 0, B, true, true, UINT64_MAX },
		{ HISTORY_EACH, MISS, 0, 0, true, false, UINT64_MAX },
		{ HISTORY_EACH, HIT, 0, A, false, true, UINT64_MAX },
		{ HISTORY_EACH, HISTORY_TWICE, 0, 0, true, false, UINT64_MAX },
		{ HISTORY_INSERT, HISTORY_NOMEM, B, 0, true, true, UINT64_MAX },
		{ HISTORY_GET, HISTORY_NONSENSE, 0, 0, false, false, 0 },
	};

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		for (unsigned present = 0; present < 2; present++) {
			bool legal = present ? each[i].a : each[i].absent;
			uint64_t before = present ? A : 0, after = each[i].after == UINT64_MAX ? before : each[i].after;

			fprintf(stderr, "# %s, answer %d, %s\n", history_op_names[each[i].op], each[i].answer,
			    present ? "present" : "absent");
			CHECK_EQ(judge_rows(before, ROWS({ 0, 1, 2, each[i].op, each[i].answer, each[i].in, each[i].out },
			    { 0, 3, 4, HISTORY_GET, after != 0 ? HIT : MISS, 0, after })),
			    legal ? LINEARIZE_OK : LINEARIZE_ILLEGAL);
			/* What it leaves is just that. */
			CHECK_EQ(judge_rows(before, ROWS({ 0, 1, 2, each[i].op, each[i].answer, each[i].in, each[i].out },
			    { 0, 3, 4, HISTORY_GET, after != 0 ? MISS : HIT, 0, after != 0 ? 0 : A })), LINEARIZE_ILLEGAL);
		}
}

static void
classic_cases(void)
{
	/* A get beside an update may see either; after one that saw the new value, none may see the old one. */
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 50, HISTORY_UPSERT, HIT, B, A }, { 1, 20, 30, HISTORY_GET, HIT, 0, A },
	    { 1, 35, 40, HISTORY_GET, HIT, 0, B })), LINEARIZE_OK);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 50, HISTORY_UPSERT, HIT, B, A }, { 1, 20, 30, HISTORY_GET, HIT, 0, B },
	    { 1, 35, 40, HISTORY_GET, HIT, 0, A })), LINEARIZE_ILLEGAL);
	/* The same by two threads: what they see overlaps, or does not. */
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 50, HISTORY_UPSERT, HIT, B, A }, { 1, 20, 30, HISTORY_GET, HIT, 0, B },
	    { 2, 30, 40, HISTORY_GET, HIT, 0, A })), LINEARIZE_OK);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 50, HISTORY_UPSERT, HIT, B, A }, { 1, 20, 30, HISTORY_GET, HIT, 0, B },
	    { 2, 31, 40, HISTORY_GET, HIT, 0, A })), LINEARIZE_ILLEGAL);
	/* A stale read after a remove. */
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 20, HISTORY_REMOVE, HIT, 0, A }, { 1, 21, 30, HISTORY_GET, HIT, 0, A })),
	    LINEARIZE_ILLEGAL);
	/* Both inserts succeed; both removes do; unless something happens in between. */
	CHECK_EQ(judge_rows(0, ROWS({ 0, 10, 20, HISTORY_INSERT, HIT, A, 0 }, { 1, 11, 21, HISTORY_INSERT, HIT, B, 0 })),
	    LINEARIZE_ILLEGAL);
	CHECK_EQ(judge_rows(0, ROWS({ 0, 10, 20, HISTORY_INSERT, HIT, A, 0 }, { 1, 11, 21, HISTORY_INSERT, HIT, B, 0 },
	    { 2, 5, 30, HISTORY_REMOVE, HIT, 0, A })), LINEARIZE_OK);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 20, HISTORY_REMOVE, HIT, 0, A }, { 1, 11, 21, HISTORY_REMOVE, HIT, 0, A })),
	    LINEARIZE_ILLEGAL);
	/* A lost update: both replaced A. */
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 20, HISTORY_UPSERT, HIT, B, A }, { 1, 11, 21, HISTORY_UPSERT, HIT, C, A })),
	    LINEARIZE_ILLEGAL);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 20, HISTORY_UPSERT, HIT, B, A }, { 1, 11, 21, HISTORY_UPSERT, HIT, C, B })),
	    LINEARIZE_OK);
	/* Two increments of which one is lost. */
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 20, HISTORY_MODIFY, HIT, 1, A }, { 1, 11, 21, HISTORY_MODIFY, HIT, 1, A })),
	    LINEARIZE_ILLEGAL);
	/* The order that explains it is not the order of the returns. */
	CHECK_EQ(judge_rows(0, ROWS({ 0, 10, 90, HISTORY_INSERT, HIT, A, 0 }, { 1, 20, 40, HISTORY_REMOVE, HIT, 0, A },
	    { 2, 30, 60, HISTORY_UPSERT, MISS, B, 0 }, { 1, 50, 55, HISTORY_GET, HIT, 0, B })), LINEARIZE_OK);
}

/* An operation that has not returned may have happened, at any later time, or never; but not be undone. */
static void
operations_without_a_return(void)
{
	CHECK_EQ(judge_rows(0, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_INSERT, MISS, A, 0 }, { 1, 20, 30, HISTORY_GET, MISS, 0, 0 })),
	    LINEARIZE_OK);
	CHECK_EQ(judge_rows(0, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_INSERT, MISS, A, 0 }, { 1, 20, 30, HISTORY_GET, MISS, 0, 0 },
	    { 1, 40, 50, HISTORY_GET, HIT, 0, A })), LINEARIZE_OK);
	CHECK_EQ(judge_rows(0, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_INSERT, MISS, A, 0 }, { 1, 20, 30, HISTORY_GET, HIT, 0, A },
	    { 1, 40, 50, HISTORY_GET, MISS, 0, 0 })), LINEARIZE_ILLEGAL);
	CHECK_EQ(judge_rows(0, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_INSERT, MISS, A, 0 }, { 1, 5, 8, HISTORY_GET, HIT, 0, A })),
	    LINEARIZE_ILLEGAL);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_REMOVE, MISS, 0, 0 }, { 1, 20, 30, HISTORY_GET, MISS, 0, 0 })),
	    LINEARIZE_OK);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_MODIFY, MISS, 1, 0 }, { 1, 20, 30, HISTORY_GET, HIT, 0, B })),
	    LINEARIZE_OK);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_UPSERT, MISS, B, 0 }, { 1, 20, 30, HISTORY_REMOVE, HIT, 0, B })),
	    LINEARIZE_OK);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_REMOVE_IF, MISS, 0, B }, { 1, 20, 30, HISTORY_GET, MISS, 0, 0 })),
	    LINEARIZE_ILLEGAL);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, HISTORY_OPEN, HISTORY_REPLACE_IF, MISS, B, A }, { 1, 20, 30, HISTORY_GET, HIT, 0, B })),
	    LINEARIZE_OK);
}

/* A key that is there all the time must be visited, with a value that it had; once. */
static void
promises_of_an_iteration(void)
{
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 90, HISTORY_EACH, MISS, 0, 0 }, { 1, 20, 30, HISTORY_UPSERT, HIT, B, A })),
	    LINEARIZE_ILLEGAL);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 90, HISTORY_EACH, HISTORY_TWICE, 0, 0 }, { 1, 20, 30, HISTORY_UPSERT, HIT, B, A })),
	    LINEARIZE_ILLEGAL);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 90, HISTORY_EACH, HIT, 0, B }, { 1, 20, 30, HISTORY_UPSERT, HIT, B, A })),
	    LINEARIZE_OK);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 19, HISTORY_EACH, HIT, 0, B }, { 1, 20, 30, HISTORY_UPSERT, HIT, B, A })),
	    LINEARIZE_ILLEGAL);
	CHECK_EQ(judge_rows(A, ROWS({ 0, 10, 90, HISTORY_EACH, MISS, 0, 0 }, { 1, 20, 30, HISTORY_REMOVE, HIT, 0, A },
	    { 1, 40, 50, HISTORY_INSERT, HIT, B, 0 })), LINEARIZE_OK);
	CHECK_EQ(judge_rows(0, ROWS({ 0, 10, 90, HISTORY_EACH, HIT, 0, A })), LINEARIZE_ILLEGAL);
}

/* Keys do not meddle with each other, and one bad key is found among many. */
static void
keys_are_independent(void)
{
	struct history h = { 0 };
	struct linearize_result result;

	for (uint64_t key = 0; key < 1000; key++) {
		struct history_event e = { .begin = 10 * key, .end = 10 * key + 5, .key = key << 40, .in = key + 1,
		    .op = HISTORY_INSERT, .answer = HIT };

		CHECK(history_append(&h, &e));
		e = (struct history_event){ .begin = 10 * key + 6, .end = 10 * key + 7, .key = key << 40, .out = key + 1,
		    .op = HISTORY_GET, .answer = key == 567 ? MISS : HIT };
		e.out = key == 567 ? 0 : e.out;
		CHECK(history_append(&h, &e));
	}
	CHECK(linearize_check(&h, NULL, &result));
	CHECK_EQ(result.verdict, LINEARIZE_ILLEGAL);
	CHECK_EQ(result.keys, 1000);
	CHECK_EQ(result.illegal_keys, 1);
	CHECK_EQ(result.key, UINT64_C(567) << 40);
	CHECK_EQ(result.witness.events, 2);
	linearize_result_free(&result);
	history_free(&h);
}

/* What says nothing, a get that has not returned, leaves the keys beside it alone, wherever it stands. */
static void
an_open_lookup_says_nothing_about_others(void)
{
	struct history h = { 0 };

	for (uint64_t key = 1; key <= 3; key++)
		CHECK(history_first(&h, key, key << 8));
	for (uint64_t key = 1; key <= 3; key++) {
		struct history_event e = { .begin = 10, .end = 11, .key = key, .out = key << 8, .op = HISTORY_REMOVE,
		    .answer = HIT };

		CHECK(history_append(&h, &e));
		e = (struct history_event){ .begin = 12, .end = 13, .key = key, .op = HISTORY_GET, .answer = MISS };
		CHECK(history_append(&h, &e));
	}
	for (uint64_t key = 1; key <= 3; key++)
		CHECK(history_append(&h, &(struct history_event){ .begin = 14, .end = HISTORY_OPEN, .key = key,
		    .op = key == 2 ? HISTORY_GET : HISTORY_EACH, .answer = MISS }));
	CHECK_EQ(judge(&h), LINEARIZE_OK);
}

/* ---- Limits ---- */

/* n upserts at once, none of which says what was there: any order will do. */
static void
many_at_once(struct history *h, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add(h, i, 10, HISTORY_OPEN, HISTORY_UPSERT, MISS, 0x800 + i + 1, 0);
	add(h, n, 20, 30, HISTORY_GET, MISS, 0, 0);
	add(h, n, 40, 50, HISTORY_GET, HIT, 0, 0x801);
}

static void
what_is_not_decided_is_unknown(void)
{
	struct linearize_options options = { .limit = 1000 };
	struct linearize_result result;
	struct history h = { 0 };

	many_at_once(&h, 6);
	CHECK(linearize_check(&h, &options, &result));
	CHECK_EQ(result.verdict, LINEARIZE_OK);
	linearize_result_free(&result);
	history_clear(&h);
	many_at_once(&h, 16);
	CHECK(linearize_check(&h, &options, &result));
	CHECK_EQ(result.verdict, LINEARIZE_UNKNOWN);
	CHECK_EQ(result.unknown_keys, 1);
	CHECK(strstr(result.why, "key 7 leaves more than 1000 configurations") != NULL);
	linearize_result_free(&result);
	history_clear(&h);
	many_at_once(&h, 64);
	CHECK(linearize_check(&h, &options, &result));
	CHECK_EQ(result.verdict, LINEARIZE_UNKNOWN);
	CHECK(strstr(result.why, "more than 64 operations on key 7") != NULL);
	linearize_result_free(&result);
	history_free(&h);
}

/* What a tick was told, and when it is to be the last. */
struct ticks {
	unsigned count, most;
	double share;
	sig_atomic_t interrupted;
};

static void
note_tick(void *arg, double done_share)
{
	struct ticks *t = arg;

	CHECK(done_share > t->share && done_share <= 1);
	t->share = done_share;
	t->interrupted = ++t->count == t->most;
}

/* A long history of one key says how far it is, and can be given up in between. */
static void
long_histories_say_how_far_they_are(void)
{
	struct ticks ticks = { .most = 0 };
	struct linearize_options options = { .tick = note_tick, .tick_arg = &ticks, .interrupted = &ticks.interrupted };
	struct linearize_result result;
	struct history h = { 0 };

	for (uint64_t i = 0; i < 800000; i++)
		add(&h, 0, 10 * i, 10 * i + 5, HISTORY_GET, MISS, 0, 0);
	CHECK(linearize_check(&h, &options, &result));
	CHECK_EQ(result.verdict, LINEARIZE_OK);
	CHECK(ticks.count >= 3 && ticks.share > 0.9);
	linearize_result_free(&result);
	ticks = (struct ticks){ .most = 2 };
	CHECK(linearize_check(&h, &options, &result));
	CHECK_EQ(ticks.count, 2);
	CHECK_EQ(result.verdict, LINEARIZE_UNKNOWN);
	CHECK(strcmp(result.why, "interrupted") == 0);
	linearize_result_free(&result);
	history_free(&h);
}

/* Clocks that may differ by 5 excuse what happened 10 or less too late. */
static void
skew_widens_intervals(void)
{
	for (uint64_t gap = 1; gap <= 20; gap++) {
		struct linearize_options options = { .skew_ns = 5 };
		struct linearize_result result;
		struct history h = { 0 };

		CHECK(history_first(&h, KEY, A));
		add(&h, 0, 100, 200, HISTORY_REMOVE, HIT, 0, A);
		add(&h, 1, 200 + gap, 300, HISTORY_GET, HIT, 0, A);
		CHECK(linearize_check(&h, &options, &result));
		CHECK_EQ(result.verdict, gap > 10 ? LINEARIZE_ILLEGAL : LINEARIZE_OK);
		linearize_result_free(&result);
		history_free(&h);
	}
}

/* ---- The window ---- */

/* A thousand fine operations, and one stale get: the window has but what proves it. */
static void
the_window_is_small(void)
{
	struct linearize_result result;
	struct history h = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t was = i == 0 ? 0 : 0x800 + i % 100, put = 0x800 + (i + 1) % 100;

		add(&h, i % 3, 1000 + 10 * i, 1008 + 10 * i, HISTORY_UPSERT, i == 0 ? MISS : HIT, put == 0x800 ? 0x8ff : put,
		    was == 0x800 ? 0x8ff : was);
		add(&h, 3, 1009 + 10 * i, 1009 + 10 * i, HISTORY_GET, HIT, 0, put == 0x800 ? 0x8ff : put);
	}
	add(&h, 4, 6002, 6004, HISTORY_GET, HIT, 0, 0x863); /* put at 1980, 2980 ... 5980 */
	CHECK(linearize_check(&h, NULL, &result));
	CHECK_EQ(result.verdict, LINEARIZE_ILLEGAL);
	CHECK(result.window.events <= 2);
	CHECK_EQ(result.window.event[result.window.culprit].thread, 4);
	CHECK(result.window.has_source && result.window.has_end);
	CHECK_EQ(result.window.source.begin, 5980);
	CHECK_EQ(result.window.end.begin, 5990);
	CHECK_EQ(result.window.margin_ns, 1); /* 5998 + 1 < 6002 - 1 */
	out = open_memstream(&text, &size);
	CHECK(out != NULL);
	linearize_print(out, &result);
	fclose(out);
	fputs(text, stderr);
	/* The update beside it is shown, though it proves nothing; and where the value had been. */
	CHECK(strstr(text, "|====") != NULL);
	CHECK(strstr(text, "   <== nothing explains this\n") != NULL);
	CHECK(strstr(text, " was put by thread 0 (upsert), 14 ns before the call that nothing explains,\n"
	    "and taken away by thread 1 (upsert), 4 ns before it.\n") != NULL);
	free(text);
	linearize_result_free(&result);
	history_free(&h);
}

/* The picture, letter by letter. */
static void
the_picture(void)
{
	static const char wanted[] =
	    "illegal: key 7: no order of these 3 operations explains what they returned.\n"
	    "At first the key is a.\n\n"
	    "      begin       took  thread  time: to the right, not to scale                               operation\n"
	    "       0 ns      50 ns       0  |===============================================|              upsert b: was a\n"
	    "      10 ns      10 ns       1              |-----------|                                      get: b\n"
	    "      25 ns      40 ns       2                                |-----------------------------|  get: a"
	    "   <== nothing explains this\n";
	struct linearize_result result;
	struct history h = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	CHECK(history_first(&h, KEY, A));
	add(&h, 0, 1000, 1050, HISTORY_UPSERT, HIT, B, A);
	add(&h, 1, 1010, 1020, HISTORY_GET, HIT, 0, B);
	add(&h, 2, 1025, 1065, HISTORY_GET, HIT, 0, A);
	CHECK(linearize_check(&h, NULL, &result));
	out = open_memstream(&text, &size);
	CHECK(out != NULL);
	linearize_print(out, &result);
	fclose(out);
	fputs(text, stderr);
	CHECK(strncmp(text, wanted, strlen(wanted)) == 0);
	free(text);
	linearize_result_free(&result);
	history_free(&h);
}

/* ---- Random histories ---- */

enum { THREADS_MOST = 6, KEYS_MOST = 4 };

/* A map for one key: what an operation answers, by the contract's words. value 0: absent. */
static void
model(struct history_event *e, uint64_t *value)
{
	bool there = *value != 0;

	e->answer = there ? HIT : MISS;
	if (e->op != HISTORY_REPLACE_IF && e->op != HISTORY_REMOVE_IF)
		e->out = there && e->op != HISTORY_INSERT ? *value : 0;
	switch ((enum history_op)e->op) {
	case HISTORY_INSERT:
		e->answer = there ? MISS : HIT;
		*value = there ? *value : e->in;
		break;
	case HISTORY_UPSERT:
		*value = e->in;
		break;
	case HISTORY_REMOVE:
		*value = 0;
		break;
	case HISTORY_REPLACE:
		*value = there ? e->in : 0;
		break;
	case HISTORY_MODIFY:
		*value = there ? (*value & ~UINT64_C(255)) | ((*value + e->in) & 255) : 0;
		break;
	case HISTORY_REPLACE_IF:
		e->answer = *value == e->out ? HIT : MISS;
		*value = e->answer == HIT ? e->in : *value;
		break;
	case HISTORY_REMOVE_IF:
		e->answer = *value == e->out ? HIT : MISS;
		*value = e->answer == HIT ? 0 : *value;
		break;
	default:
		break;
	}
}

/* Threads call, take effect and return at random moments: the moments in between are the explanation. */
static void
make_right(struct history *h, struct random *r, unsigned threads, unsigned keys, unsigned events, unsigned versions)
{
	struct history_event under_way[THREADS_MOST];
	unsigned stage[THREADS_MOST] = { 0 };
	uint64_t value[KEYS_MOST] = { 0 }, time = 100;

	for (unsigned k = 0; k < keys; k++)
		if (random_below(r, 2) == 0) {
			value[k] = (k + 1) << 8 | random_below(r, versions);
			CHECK(history_first(h, k, value[k]));
		}
	while (h->events < events) {
		unsigned t = (unsigned)random_below(r, threads);
		struct history_event *e = &under_way[t];

		time += random_below(r, 3); /* also at the same time */
		if (stage[t] == 0) {
			uint64_t key = random_below(r, keys);

			*e = (struct history_event){ .begin = time, .key = key, .thread = t,
			    .op = (uint8_t)random_below(r, HISTORY_OPS) };
			if (e->op == HISTORY_INSERT || e->op == HISTORY_UPSERT || e->op == HISTORY_REPLACE ||
			    e->op == HISTORY_REPLACE_IF || e->op == HISTORY_MODIFY)
				e->in = (key + 1) << 8 | random_below(r, versions);
			if (e->op == HISTORY_REPLACE_IF || e->op == HISTORY_REMOVE_IF)
				e->out = (key + 1) << 8 | random_below(r, versions);
			stage[t] = 1;
		} else if (stage[t] == 1) {
			model(e, &value[e->key]);
			stage[t] = 2;
		} else {
			e->end = time;
			CHECK(history_append(h, e));
			stage[t] = 0;
		}
	}
	/* Some have not returned, with or without effect. */
	for (unsigned t = 0; t < threads; t++)
		if (stage[t] != 0) {
			under_way[t].end = HISTORY_OPEN;
			CHECK(history_append(h, &under_way[t]));
		}
}

/* Long histories that are right by construction are found right, whatever the order they are given in. */
static void
right_histories_are_right(void)
{
	for (unsigned round = 0; round < 60; round++) {
		struct random r;
		struct history h = { 0 };
		struct linearize_result result;

		random_seed(&r, check_seed, round);
		make_right(&h, &r, 1 + round % THREADS_MOST, 1 + round % KEYS_MOST, 2000, 1 + round % 7 * 40);
		for (size_t i = h.events; i > 1 && round % 2 == 1; i--) {
			size_t j = random_below(&r, i);
			struct history_event swap = h.event[i - 1];

			h.event[i - 1] = h.event[j];
			h.event[j] = swap;
		}
		CHECK(linearize_check(&h, NULL, &result));
		if (result.verdict != LINEARIZE_OK)
			linearize_print(stderr, &result);
		CHECK_EQ(result.verdict, LINEARIZE_OK);
		linearize_result_free(&result);
		history_free(&h);
	}
}

/* Is there an order of the events not yet in `done`? By trying all. One key. */
static bool
explained(const struct history *h, uint32_t done, uint64_t value)
{
	uint64_t first_end = HISTORY_OPEN;
	bool all = true;

	for (size_t i = 0; i < h->events; i++)
		if ((done >> i & 1) == 0) {
			all = all && h->event[i].end == HISTORY_OPEN;
			if (h->event[i].end < first_end)
				first_end = h->event[i].end;
		}
	if (all)
		return true;
	for (size_t i = 0; i < h->events; i++) {
		struct history_event e = h->event[i];
		uint64_t after = value;

		if (done >> i & 1 || e.begin > first_end)
			continue;
		if (e.answer != HISTORY_NOMEM)
			model(&e, &after);
		if (e.end != HISTORY_OPEN && (e.answer != h->event[i].answer || e.out != h->event[i].out))
			continue;
		if (explained(h, done | UINT32_C(1) << i, after))
			return true;
	}
	return false;
}

/* Make an answer another one, perhaps a wrong one. */
static void
mutate(struct history *h, struct random *r)
{
	struct history_event *e = &h->event[random_below(r, h->events)];

	if (e->end == HISTORY_OPEN)
		return;
	switch (random_below(r, 4)) {
	case 0:
		e->answer = HISTORY_NOMEM;
		break;
	case 1:
		e->answer = e->answer == HIT ? MISS : HIT;
		if (e->op != HISTORY_REPLACE_IF && e->op != HISTORY_REMOVE_IF)
			e->out = e->answer == HIT && e->op != HISTORY_INSERT ? 0x100 | random_below(r, 3) : 0;
		break;
	case 2:
		if (e->answer == HIT && e->op != HISTORY_INSERT)
			e->out = 0x100 | random_below(r, 3);
		break;
	default: /* it takes effect at another time */
		e->begin = 90 + random_below(r, 40);
		e->end = e->begin + random_below(r, 10);
		break;
	}
}

/* Small histories, right ones and damaged ones: the checker agrees with trying all orders. */
static void
small_histories_as_by_brute_force(void)
{
	unsigned illegal = 0, right = 0;

	for (unsigned round = 0; round < 12000; round++) {
		struct random r;
		struct history h = { 0 };
		struct linearize_result result;
		bool fine;

		random_seed(&r, check_seed + 1, round);
		make_right(&h, &r, 2 + round % 3, 1, 3 + round % 6, 3);
		for (uint64_t n = random_below(&r, 4); n > 0; n--)
			mutate(&h, &r);
		CHECK(h.events < 20);
		fine = explained(&h, 0, h.firsts > 0 ? h.first[0].value : 0);
		CHECK(linearize_check(&h, NULL, &result));
		if (result.verdict != (fine ? LINEARIZE_OK : LINEARIZE_ILLEGAL)) {
			fprintf(stderr, "# round %u: brute force says %s\n", round, fine ? "right" : "illegal");
			linearize_print(stderr, &result);
		}
		CHECK_EQ(result.verdict, fine ? LINEARIZE_OK : LINEARIZE_ILLEGAL);
		if (!fine) {
			struct linearize_result again;

			/* What is shown is part of it, and what is saved is illegal by itself. */
			CHECK(result.window.events > 0 && result.window.culprit < result.window.events);
			CHECK(result.window.values > 0);
			CHECK(!explained(&result.witness, 0, result.witness.firsts > 0 ? result.witness.first[0].value : 0));
			CHECK(linearize_check(&result.witness, NULL, &again));
			CHECK_EQ(again.verdict, LINEARIZE_ILLEGAL);
			linearize_result_free(&again);
		}
		illegal += !fine;
		right += fine;
		linearize_result_free(&result);
		history_free(&h);
	}
	fprintf(stderr, "# %u right, %u illegal\n", right, illegal);
	CHECK(right > 2000 && illegal > 2000);
}

static void
append_nonsense(void *arg)
{
	struct history h = { 0 };

	if (!history_append(&h, arg))
		_exit(3);
}

static void
events_that_cannot_be_abort(void)
{
	struct history_event zero = { .op = HISTORY_UPSERT }, backwards = { .begin = 2, .end = 1 };

	CHECK(check_aborts(append_nonsense, &zero, "misuse: history_append"));
	CHECK(check_aborts(append_nonsense, &backwards, "misuse: history_append"));
}

static const struct test tests[] = {
	TEST(nothing_is_fine),
	TEST(single_operations_mean_what_the_contract_says),
	TEST(classic_cases),
	TEST(operations_without_a_return),
	TEST(promises_of_an_iteration),
	TEST(keys_are_independent),
	TEST(an_open_lookup_says_nothing_about_others),
	TEST(what_is_not_decided_is_unknown),
	TEST(long_histories_say_how_far_they_are),
	TEST(skew_widens_intervals),
	TEST(the_window_is_small),
	TEST(the_picture),
	TEST(right_histories_are_right),
	TEST(small_histories_as_by_brute_force),
	TEST(events_that_cannot_be_abort),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
