/*
 * The table at the end of a run, to the letter: what it says, what it leaves
 * out, and that every line fits.
 */
/* not under tsan: one thread */
#include <math.h>

#include "core/tests/check.h"
#include "harness/summary.h"

/* What one trial was and what came out. */
struct trial {
	const char *subject, *mix, *dist, *options;
	uint64_t threads;
	double mops;
	uint64_t get_p99_ns, update_p99_ns, pending_peak, reclaim_p99_ns;
	bool valid;
};

static void
fill(struct record *r, const struct trial *t)
{
	snprintf(r->subject, sizeof(r->subject), "%s", t->subject);
	snprintf(r->reclaimer, sizeof(r->reclaimer), "hp");
	snprintf(r->workload, sizeof(r->workload), "mixed");
	snprintf(r->mix, sizeof(r->mix), "%s", t->mix);
	snprintf(r->dist, sizeof(r->dist), "%s", t->dist);
	snprintf(r->pin, sizeof(r->pin), "core-first");
	snprintf(r->membind, sizeof(r->membind), "none");
	r->options = strdup(t->options);
	CHECK(r->options != NULL);
	r->keys = 200000;
	r->threads = t->threads;
	r->mops = t->mops;
	r->get_p99_ns = t->get_p99_ns;
	r->update_p99_ns = t->update_p99_ns;
	r->pending_peak = t->pending_peak;
	r->reclaim_p99_ns = t->reclaim_p99_ns;
	r->valid = t->valid;
	r->cpu_ns_per_op = NAN;
}

static void
add(struct points *points, const struct trial *t)
{
	struct record *r = record_new((unsigned)t->threads);

	CHECK(r != NULL);
	fill(r, t);
	CHECK(points_add(points, "", r));
	record_free(r);
}

/* The table of these trials, for free(). */
static char *
table_of(const struct trial *trials, size_t count)
{
	struct points *points = points_new();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(points != NULL && out != NULL);
	for (size_t i = 0; i < count; i++)
		add(points, &trials[i]);
	points_finish(points);
	CHECK(summary_print(out, points));
	CHECK(fclose(out) == 0);
	points_free(points);
	return text;
}

static void
check_text(const char *text, const char *wanted)
{
	if (strcmp(text, wanted) != 0)
		fprintf(stderr, "# wanted:\n%s# got:\n%s", wanted, text);
	CHECK(strcmp(text, wanted) == 0);
}

#define NONE UINT64_MAX
#define BARE "{\"run\":{\"duration\":\"1s\"},\"subject\":{},\"workload\":{\"dist\":\"x\",\"prefill\":null}}"

static void
table_is_as_written_here(void)
{
	/* As they come in a random order. */
	static const struct trial trials[] = {
		{ "seed", "get=100", "uniform", BARE, 2, 9.5, 512, NONE, 0, NONE, true },
		{ "null", "get=100", "uniform", BARE, 1, 250, 11, NONE, 0, NONE, true },
		{ "roofline", "get=100", "uniform", BARE, 1, 40, 60, NONE, 0, NONE, true },
		{ "seed", "get=100", "uniform", BARE, 1, 5, 480, NONE, 0, NONE, true },
		{ "seed", "get=90,remove=10", "zipf:0.99", BARE, 1, 3.25, 490, 1500, 12345, 2500000, true },
		{ "null", "get=90,remove=10", "zipf:0.99", BARE, 1, 125, 11, 11, 0, NONE, true },
		{ "seed", "get=100", "uniform", BARE, 1, 5.25, 500, NONE, 0, NONE, true },
		{ "seed", "get=100", "uniform", BARE, 1, 4.75, 490, NONE, 0, NONE, true },
		{ "null", "get=100", "uniform", BARE, 2, 400, 11, NONE, 0, NONE, true },
		{ "broken", "get=100", "uniform", BARE, 1, 99, 1, 1, 1, 1, false },
	};
	char *text = table_of(trials, sizeof(trials) / sizeof(trials[0]));

	check_text(text,
	    "mixed  get=100  uniform  200K keys\n"
	    "                                              of the  ns/op, of that     get  update garbage reclaim\n"
	    "  subject  threads  Mops/s       min .. max roofline  thread harness     p99     p99    peak     p99 valid\n"
	    "  null           1     250                -     6.25    4.00       -   11 ns       -       0       -   1/1\n"
	    "  roofline       1    40.0                -     1.00    25.0    4.00   60 ns       -       0       -   1/1\n"
	    "  seed           1    5.00     4.75 .. 5.25     0.12     200    4.00  490 ns       -       0       -   3/3\n"
	    "  broken         1       -                -        -       -    4.00       -       -       -       -   0/1\n"
	    "  null           2     400                -        -    5.00       -   11 ns       -       0       -   1/1\n"
	    "  seed           2    9.50                -        -     211    5.00  512 ns       -       0       -   1/1\n"
	    "\n"
	    "mixed  get=90,remove=10  zipf:0.99  200K keys\n"
	    "                                              of the  ns/op, of that     get  update garbage reclaim\n"
	    "  subject  threads  Mops/s       min .. max roofline  thread harness     p99     p99    peak     p99 valid\n"
	    "  null           1     125                -        -    8.00       -   11 ns   11 ns       0       -   1/1\n"
	    "  seed           1    3.25                -        -     308    8.00  490 ns 1.50 us   12.3K 2.50 ms   1/1\n"
	    "  reclamation: threads     peak     mean of bound      p50      p99   passes of trials\n"
	    "  seed               1    12.3K        0        -        -  2.50 ms        -         1\n"
	    "\n"
	    "harness overhead (subject null, 1 thread): 4.0 ns per operation (uniform), 8.0 (zipf:0.99)\n"
	    "\n");
	free(text);
}

#define WITH(subject, workload)                                                                                \
	"{\"run\":{\"duration\":\"1s\"},\"subject\":" subject ",\"workload\":" workload "}"

/* Options that differ are named, in the row or in the title; those that do not are not. */
static void
only_what_differs_is_named(void)
{
	static const struct trial trials[] = {
		{ "seed", "get=100", "uniform",
		    WITH("{\"backoff\":\"none\",\"x\":1}", "{\"prefill\":10,\"keys\":5}"), 1, 4, 1, NONE, 0,
		    NONE, true },
		{ "seed", "get=100", "uniform",
		    WITH("{\"backoff\":\"exp:2,9,16\",\"x\":1}", "{\"prefill\":10,\"keys\":5}"), 1, 5, 1, NONE,
		    0, NONE, true },
		{ "seed", "get=100", "uniform",
		    WITH("{\"backoff\":\"none\",\"x\":1}", "{\"prefill\":null,\"keys\":5}"), 1, 3, 1, NONE, 0,
		    NONE, true },
		{ "other", "get=100", "uniform", WITH("{\"fast\":true}", "{\"prefill\":10,\"keys\":5}"), 1, 1,
		    1, NONE, 0, NONE, true },
		/* It did nothing: that is no overhead without end. */
		{ "null", "get=100", "uniform", WITH("{}", "{\"prefill\":10,\"keys\":5}"), 1, 0, 1, NONE, 0, NONE, true },
	};
	char *text = table_of(trials, sizeof(trials) / sizeof(trials[0]));

	CHECK(strstr(text, "mixed  get=100  uniform  200K keys  prefill=10\n") != NULL);
	CHECK(strstr(text, "mixed  get=100  uniform  200K keys  no prefill\n") != NULL);
	CHECK(strstr(text, "\n  seed  backoff=none ") != NULL);
	/* Too wide for its column: a line of its own, whole. */
	CHECK(strstr(text, "\n  seed  backoff=exp:2,9,16\n") != NULL);
	CHECK(strstr(text, "\n  other ") != NULL);
	CHECK(strstr(text, "x=1") == NULL && strstr(text, "fast") == NULL && strstr(text, "keys=") == NULL);
	CHECK(strstr(text, "overhead") == NULL);
	free(text);
}

static void
every_line_fits(void)
{
	static const struct trial trials[] = {
		{ "a-subject-with-a-name-of-sixty-three-letters-that-is-too-long-for", "get=100", "uniform",
		    BARE, 10000, 0.00123, UINT64_C(987654321987), UINT64_C(987654321987),
		    UINT64_C(999999999999), UINT64_C(987654321987), true },
		{ "a-subject-with-a-name-of-sixty-three-letters-that-is-too-long-for", "get=100", "uniform",
		    BARE, 10000, 9999.4, UINT64_C(987654321987), UINT64_C(987654321987), UINT64_C(999999999999),
		    UINT64_C(987654321987), true },
		{ "null", "get=100", "uniform", BARE, 1, 0.00000123, 11, 11, 0, NONE, true },
		{ "roofline", "get=100", "uniform", BARE, 10000, 0.0000123, 11, 11, 0, NONE, true },
	};
	char *text = table_of(trials, sizeof(trials) / sizeof(trials[0])), *next = text;

	for (char *line; (line = strsep(&next, "\n")) != NULL;) {
		if (strlen(line) > SUMMARY_COLUMNS)
			fprintf(stderr, "# %zu: %s\n", strlen(line), line);
		CHECK(strlen(line) <= SUMMARY_COLUMNS);
	}
	free(text);
}

#define AT(level) "{\"run\":{\"duration\":\"1s\",\"smr-stats\":\"" level "\"},\"subject\":{},\"workload\":{}}"

/* One row a point: the speed of the lowest level, the times of the highest, the most garbage of all; and what looking costs. */
static void
levels_of_statistics_are_one_row(void)
{
	static const struct trial trials[] = {
		{ "hamt", "get=100", "uniform", AT("full"), 2, 6, 480, 700, 900, 4000, true },
		{ "hamt", "get=100", "uniform", AT("counters"), 2, 10, 400, 600, 3000, NONE, true },
		{ "hamt", "get=100", "uniform", AT("counters"), 2, 10, 400, 600, 1000, NONE, true },
		{ "hamt", "get=100", "uniform", AT("counters"), 2, 10, 400, 600, 5000, NONE, false },
		{ "hamt", "get=100", "uniform", AT("sampled"), 2, 9, 450, 650, 2000, 3000, true },
		{ "seed", "get=100", "uniform", AT("counters"), 2, 4, 900, 990, 500, NONE, true },
		{ "seed", "get=100", "uniform", AT("sampled"), 2, 3.9, 950, 995, 700, NONE, true },
	};
	struct points *points = points_new();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(points != NULL && out != NULL);
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		struct record *r = record_new(2);

		CHECK(r != NULL);
		fill(r, &trials[i]);
		/* Too much was still waiting. */
		if (strstr(trials[i].options, "sampled") != NULL && trials[i].reclaim_p99_ns == NONE) {
			r->reclaim_p50_ns = 500;
			r->censored_max_ns = 5000;
		}
		if (trials[i].reclaim_p99_ns != NONE) {
			r->reclaim_p50_ns = trials[i].reclaim_p99_ns / 10;
			r->pass_share = 0.031;
		}
		r->pending_mean = (double)trials[i].pending_peak / 2;
		r->bound_share = (double)trials[i].pending_peak / 10000;
		CHECK(points_add(points, "", r));
		record_free(r);
	}
	points_finish(points);
	CHECK(summary_print(out, points));
	CHECK(fclose(out) == 0);
	points_free(points);
	check_text(text,
	    "mixed  get=100  uniform  200K keys\n"
	    "                                             of the  ns/op, of that     get  update garbage reclaim\n"
	    "  subject threads  Mops/s       min .. max roofline  thread harness     p99     p99    peak     p99 valid\n"
	    "  hamt          2    10.0     10.0 .. 10.0        -     200       -  400 ns  600 ns      3K 4.00 us   2/3\n"
	    "  seed          2    4.00                -        -     500       -  900 ns  990 ns     700 >5.00us   1/1\n"
	    "  reclamation: threads     peak     mean of bound      p50      p99   passes of trials\n"
	    "  hamt               2       3K       1K     30 %   400 ns  4.00 us    3.1 %         1\n"
	    "  seed               2      700      250    7.0 %   500 ns  >5.00us        -         1\n"
	    "\n"
	    "cost of --smr-stats sampled: 6.2 % of the throughput at counters (median of 2 points; 2.5 .. 10.0 %)\n"
	    "cost of --smr-stats full: 40.0 % of the throughput at counters (median of 1 point; 40.0 .. 40.0 %)\n"
	    "\n");
	free(text);
}

/* What was measured for a point goes before a point of null; processor time before throughput; an open loop has none. */
static void
overhead_is_that_of_the_load(void)
{
	struct point p = { .subject = "seed", .threads = 4, .overhead_ns = NAN, .rate = NAN };
	struct point null = { .subject = "null", .threads = 4, .mops_median = 200, .cpu_ns_per_op = 7, .overhead_ns = NAN, .rate = NAN };

	CHECK(isnan(summary_overhead(&p, NULL)));
	CHECK(summary_overhead(&p, &null) == 7);
	null.cpu_ns_per_op = NAN;
	CHECK(summary_overhead(&p, &null) == 20);
	p.overhead_ns = 5;
	CHECK(summary_overhead(&p, &null) == 5);
	CHECK(isnan(summary_overhead(&null, &null)));
	p.rate = 1000;
	CHECK(isnan(summary_overhead(&p, &null)));
}

#define OF_BYTES(key, value) "{\"subject\":{\"key-bytes\":" key ",\"key-shape\":null,\"value-bytes\":" value ",\"stripes\":1}}"

/* Byte strings have to be made: only null-bytes with such strings tells what that costs, and nothing else does what null does. */
static void
overhead_is_that_of_such_keys(void)
{
	struct point numbers = { .subject = "seed", .options = "{\"subject\":{\"value-bytes\":8}}", .overhead_ns = NAN, .rate = NAN };
	struct point bytes = { .subject = "hamt-bytes", .options = OF_BYTES("\"16\"", "32"), .overhead_ns = NAN, .rate = NAN };
	struct point null = { .subject = "null", .options = BARE, .overhead_ns = 3, .rate = NAN };
	struct point null_bytes = { .subject = "null-bytes", .options = OF_BYTES("\"16\"", "32"), .overhead_ns = 3, .rate = NAN };
	struct point longer = { .subject = "null-bytes", .options = OF_BYTES("\"64\"", "32"), .overhead_ns = NAN, .rate = NAN };
	struct point larger = { .subject = "null-bytes", .options = OF_BYTES("\"16\"", "33"), .overhead_ns = NAN, .rate = NAN };
	struct point bare = { .subject = "seed" };

	CHECK(summary_tells_overhead(&null, &numbers) && !summary_tells_overhead(&null, &bytes));
	CHECK(summary_tells_overhead(&null_bytes, &bytes) && !summary_tells_overhead(&null_bytes, &numbers));
	CHECK(!summary_tells_overhead(&longer, &bytes) && !summary_tells_overhead(&larger, &bytes));
	CHECK(summary_tells_overhead(&null, &bare) && !summary_tells_overhead(&null_bytes, &bare));
	CHECK(!summary_tells_overhead(&numbers, &numbers) && !summary_tells_overhead(&bytes, &bytes));
	CHECK(isnan(summary_overhead(&null_bytes, &null_bytes)) && isnan(summary_overhead(&null, &null)));
}

#define STRINGS(key, value) "{\"run\":{},\"subject\":{\"key-bytes\":\"" key "\",\"key-shape\":null,\"value-bytes\":" value "},\"workload\":{}}"

/* Sizes are the load's: each has a block of its own, and what making them takes is at most that. */
static void
sizes_of_byte_strings_are_loads(void)
{
	static const struct trial trials[] = {
		{ "null-bytes", "get=100", "uniform", STRINGS("16", "8"), 1, 100, 11, NONE, 0, NONE, true },
		{ "null-bytes", "get=100", "uniform", STRINGS("64", "8"), 1, 50, 11, NONE, 0, NONE, true },
		{ "a-bytes", "get=100", "uniform", STRINGS("16", "8"), 1, 9, 11, NONE, 0, NONE, true },
		{ "a-bytes", "get=100", "uniform", STRINGS("64", "8"), 1, 8, 11, NONE, 0, NONE, true },
		{ "seed", "get=100", "uniform", BARE, 1, 7, 11, NONE, 0, NONE, true },
	};
	char *text = table_of(trials, sizeof(trials) / sizeof(trials[0]));

	CHECK(strstr(text, "mixed  get=100  uniform  200K keys  key-bytes=16  value-bytes=8") != NULL);
	CHECK(strstr(text, "mixed  get=100  uniform  200K keys  key-bytes=64  value-bytes=8") != NULL);
	CHECK(strstr(text, "\n  a-bytes  ") != NULL && strstr(text, "a-bytes  key") == NULL);
	CHECK(strstr(text, "(subject null-bytes, 1 thread): at most 20.0 ns per operation (uniform)\n") != NULL);
	free(text);
}

/* A number of keys is rounded unless that would give two loads one name. */
static void
numbers_of_keys_tell_loads_apart(void)
{
	static const struct trial trial = { "seed", "get=100", "uniform", BARE, 1, 7, 11, NONE, 0, NONE, true };
	static const uint64_t keys[] = { 1048575, 1048576, 2097152 };
	struct points *points = points_new();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(points != NULL && out != NULL);
	for (size_t i = 0; i < 3; i++) {
		struct record *r = record_new(1);

		CHECK(r != NULL);
		fill(r, &trial);
		r->keys = keys[i];
		CHECK(points_add(points, "", r));
		record_free(r);
	}
	points_finish(points);
	CHECK(summary_print(out, points) && fclose(out) == 0);
	CHECK(strstr(text, "uniform  1048575 keys\n") != NULL && strstr(text, "uniform  1048576 keys\n") != NULL);
	CHECK(strstr(text, "uniform  2.10M keys\n") != NULL);
	points_free(points);
	free(text);
}

/* No time to drain: there was nothing to, or it never did. */
static void
what_never_drained_is_said(void)
{
	static const struct trial trial = { "seed", "get=100", "uniform", BARE, 1, 7, 11, NONE, 9, 100, true };
	struct points *points = points_new();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(points != NULL && out != NULL);
	for (uint64_t i = 0; i < 4; i++) {
		struct record *r = record_new(1);

		CHECK(r != NULL);
		fill(r, &trial);
		snprintf(r->subject, sizeof(r->subject), i < 2 ? "seed" : "mutex");
		r->stall_slope = 5;
		r->stalls = 3;
		r->undrained = i < 2 ? i + 1 : 0;
		CHECK(points_add(points, "", r));
		record_free(r);
	}
	points_finish(points);
	CHECK(summary_print(out, points) && fclose(out) == 0);
	CHECK(strstr(text, "         5    never\n") != NULL && strstr(text, "         5        -\n") != NULL);
	CHECK(strstr(text, "  not drained after 3 of 6 stalls of seed, 1 thread: the next one began, or the trial ended\n") != NULL);
	CHECK(strstr(text, "stalls of mutex") == NULL);
	points_free(points);
	free(text);
}

static void
nothing_measured_prints_nothing(void)
{
	char *text = table_of(NULL, 0);

	check_text(text, "");
	free(text);
}

static void
figures_have_three_digits(void)
{
	static const struct {
		double value;
		const char *time, *count, *figure;
	} figures[] = {
		{ 0, "0 ns", "0", "0.00" },
		{ 0.00123456, "0.00 ns", "0.00", "0.0012" },
		{ 0.5, "0.50 ns", "0.50", "0.50" },
		{ 7, "7 ns", "7", "7.00" },
		{ 9.996, "10.0 ns", "10.0", "10.0" },
		{ 12.34, "12.3 ns", "12.3", "12.3" },
		{ 99.96, "100 ns", "100", "100" },
		{ 999, "999 ns", "999", "999" },
		{ 999.4, "999 ns", "999", "999" },
		{ 999.6, "1.00 us", "1.00K", "1000" },
		{ 1000, "1.00 us", "1K", "1000" },
		{ 12345, "12.3 us", "12.3K", "12345" },
		{ 200000, "200 us", "200K", "2e+05" },
		{ 2500000, "2.50 ms", "2.50M", "2.5e+06" },
		{ 3e9, "3.00 s", "3G", "3e+09" },
		{ 4.5e12, "4500 s", "4.50T", "4.5e+12" },
		{ NAN, "-", "-", "-" },
		{ INFINITY, "-", "-", "-" },
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		char text[64];

		summary_format_time(figures[i].value, text, sizeof(text));
		check_text(text, figures[i].time);
		summary_format_count(figures[i].value, text, sizeof(text));
		check_text(text, figures[i].count);
		summary_format_figure(figures[i].value, text, sizeof(text));
		check_text(text, figures[i].figure);
	}
}

/* Where the processor counted, what it counted follows; a point without has dashes. */
static void
counters_follow_where_there_are_some(void)
{
	static const struct trial counted = { "hamt", "get=100", "uniform", BARE, 1, 40, 60, NONE, 0, NONE, true };
	static const struct trial bare = { "seed", "get=100", "uniform", BARE, 1, 5, 480, NONE, 0, NONE, true };
	struct points *points = points_new();
	struct record *r = record_new(1);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(points != NULL && r != NULL && out != NULL);
	fill(r, &counted);
	r->cycles_per_op = 80;
	r->instructions_per_op = 100;
	r->cache_misses_per_op = 0.25;
	r->tlb_misses_per_op = 1.5;
	CHECK(points_add(points, "", r));
	record_free(r);
	add(points, &bare);
	points_finish(points);
	CHECK(summary_print(out, points) && fclose(out) == 0);
	CHECK(strstr(text,
	    "  per operation: threads   cycles    instr instr/cy LLC miss TLB miss  br miss\n"
	    "  hamt                 1     80.0      100     1.25     0.25     1.50        -\n") != NULL);
	CHECK(strstr(text, "seed                 1        -") == NULL);
	points_free(points);
	free(text);
}

/* Phases have rows of their own: medians, the longest call of all trials; who cannot grow is said to. */
static void
phases_follow_where_there_are_some(void)
{
	static const struct trial grown = { .subject = "hamt", .threads = 2, .mops = 10, .get_p99_ns = 100,
	    .update_p99_ns = 200, .reclaim_p99_ns = 300, .mix = "get=50", .dist = "distinct", .options = "{}", .valid = true };
	static const uint64_t longest[] = { 5000, 7000000, UINT64_MAX };
	struct points *points = points_new();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(points != NULL && out != NULL);
	for (unsigned t = 0; t < 3; t++) {
		struct record *r = record_new(2);

		CHECK(r != NULL);
		fill(r, &grown);
		r->presized = true;
		r->phases = 2;
		for (unsigned p = 0; p < 2; p++) {
			snprintf(r->phase[p].name, sizeof(r->phase[p].name), p == 0 ? "grow" : "steady");
			r->phase[p].mops = 10 * (p + 1) + t;
			r->phase[p].elapsed_s = 0.5;
			r->phase[p].pause_max_ns = p == 0 ? longest[t] : UINT64_MAX;
			snprintf(r->phase[p].pause_op, sizeof(r->phase[p].pause_op), "insert");
			snprintf(r->phase[p].pause_cause, sizeof(r->phase[p].pause_cause), t == 1 ? "resize" : "unknown");
		}
		CHECK(points_add(points, "", r));
		record_free(r);
	}
	points_finish(points);
	CHECK(summary_print(out, points) && fclose(out) == 0);
	CHECK(strstr(text,
	    "  phases: threads phase          Mops/s   lasted  longest  call, and what happened meanwhile\n"
	    "  hamt          2 grow             11.0   500 ms  7.00 ms  insert, resize\n"
	    "                2 steady           21.0   500 ms        -\n"
	    "                  made for its final size: it does not grow\n") != NULL);
	points_free(points);
	free(text);
}

int
main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(phases_follow_where_there_are_some),
		TEST(table_is_as_written_here),
		TEST(counters_follow_where_there_are_some),
		TEST(only_what_differs_is_named),
		TEST(every_line_fits),
		TEST(levels_of_statistics_are_one_row),
		TEST(overhead_is_that_of_the_load),
		TEST(overhead_is_that_of_such_keys),
		TEST(sizes_of_byte_strings_are_loads),
		TEST(numbers_of_keys_tell_loads_apart),
		TEST(what_never_drained_is_said),
		TEST(nothing_measured_prints_nothing),
		TEST(figures_have_three_digits),
	};

	return RUN_TESTS(argc, argv, tests);
}
