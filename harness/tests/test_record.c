/* test_record.c - the list of columns is complete and in order, and percentiles mean what they say. */
/* not under tsan: one thread */
#include "harness/record.h"

#include <math.h>

#include "core/tests/check.h"

/* Scripts and people rely on the names and places of these. */
static void
first_columns_are_the_documented_ones(void)
{
	static const char *const first[] = { "subject", "workload", "threads", "keys", "dist", "mix", "trial",
		"elapsed_s", "ops", "mops", "hit_ratio", "get_p50_ns", "get_p99_ns", "get_p999_ns", "get_max_ns",
		"update_p50_ns", "update_p99_ns", "update_p999_ns", "update_max_ns", "retired", "freed",
		"pending_peak", "reclaim_p50_ns", "reclaim_p99_ns", "reclaim_max_ns", "rss_bytes", "valid" };

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		CHECK(strcmp(record_columns[i].name, first[i]) == 0);
}

/* Every byte of struct record before its series belongs to one column; only padding is left out. */
static void
columns_cover_every_field(void)
{
	unsigned char covered[sizeof(struct record)] = { 0 };
	size_t gap = 0;

	for (const struct column *c = record_columns; c->name != NULL; c++) {
		CHECK(c->help != NULL && c->help[0] != '\0' && strchr(c->help, '\n') == NULL);
		CHECK(c->offset + c->size <= offsetof(struct record, histogram));
		for (size_t i = 0; i < c->size; i++)
			covered[c->offset + i]++;
		for (const struct column *d = record_columns; d != c; d++)
			CHECK(strcmp(c->name, d->name) != 0);
	}
	for (size_t i = 0; i < offsetof(struct record, histogram); i++) {
		CHECK(covered[i] <= 1);
		gap = covered[i] == 1 ? 0 : gap + 1;
		CHECK(gap < sizeof(uint64_t));
	}
}

/* text_of - the column of that name of r. */
static const char *
text_of(const struct record *r, const char *name)
{
	static char text[RECORD_TEXT];

	for (const struct column *c = record_columns; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0) {
			record_column_text(r, c, text, sizeof(text));
			return text;
		}
	}
	return "no such column";
}

static void
columns_as_text(void)
{
	struct record *r = record_new(2);

	CHECK(r != NULL);
	CHECK_EQ(r->threads, 2);
	snprintf(r->subject, sizeof(r->subject), "seed");
	r->ops = 12345678901234567890u;
	r->mops = 1.0 / 3;
	r->valid = true;
	CHECK(strcmp(text_of(r, "subject"), "seed") == 0);
	CHECK(strcmp(text_of(r, "threads"), "2") == 0);
	CHECK(strcmp(text_of(r, "ops"), "12345678901234567890") == 0);
	CHECK(strcmp(text_of(r, "mops"), "0.333333333") == 0);
	CHECK(strcmp(text_of(r, "valid"), "1") == 0);
	CHECK(strcmp(text_of(r, "leaked"), "0") == 0);
	/* No value is no text. */
	CHECK(strcmp(text_of(r, "hit_ratio"), "") == 0);
	CHECK(strcmp(text_of(r, "get_p99_ns"), "") == 0);
	CHECK(strcmp(text_of(r, "options"), "") == 0);
	r->options = strdup("{\"trials\":3}");
	CHECK(strcmp(text_of(r, "options"), "{\"trials\":3}") == 0);
	record_free(r);
	record_free(NULL);
}

static void
percentiles_come_from_the_histograms(void)
{
	struct record *r = record_new(1);

	CHECK(r != NULL);
	/* 20 values that are exact in the histogram, one of them out of range. */
	for (uint64_t ns = 1; ns <= 19; ns++)
		CHECK(histogram_add(&r->histogram[RECORD_GET], ns));
	CHECK(!histogram_add(&r->histogram[RECORD_GET], HISTOGRAM_LIMIT_NS + 7));
	CHECK(histogram_add(&r->histogram[RECORD_INSERT], 30));
	CHECK(histogram_add(&r->histogram[RECORD_REMOVE], 10));
	histogram_merge(&r->histogram[RECORD_UPDATE], &r->histogram[RECORD_INSERT]);
	histogram_merge(&r->histogram[RECORD_UPDATE], &r->histogram[RECORD_REMOVE]);
	CHECK(histogram_add(&r->histogram[RECORD_CENSORED], 5));
	record_fill_percentiles(r);

	CHECK_EQ(r->get_p50_ns, 10);
	CHECK_EQ(r->get_p90_ns, 18);
	CHECK_EQ(r->get_p99_ns, HISTOGRAM_LIMIT_NS + 7);
	CHECK_EQ(r->get_p9999_ns, HISTOGRAM_LIMIT_NS + 7);
	CHECK_EQ(r->get_max_ns, HISTOGRAM_LIMIT_NS + 7);
	CHECK_EQ(r->update_p50_ns, 10);
	CHECK_EQ(r->update_p99_ns, 30);
	CHECK_EQ(r->update_max_ns, 30);
	/* update is insert and remove again: counted once. */
	CHECK_EQ(r->latency_samples, 22);
	CHECK_EQ(r->latency_lost, 1);
	CHECK_EQ(r->reclaim_samples, 0);
	CHECK_EQ(r->reclaim_p50_ns, UINT64_MAX);
	CHECK_EQ(r->reclaim_max_ns, UINT64_MAX);
	CHECK_EQ(r->censored_samples, 1);
	CHECK_EQ(r->censored_max_ns, 5);

	/* One waits longer than all that were freed: of these two halves the upper is not known. */
	CHECK(histogram_add(&r->histogram[RECORD_RECLAIM], 4));
	record_fill_percentiles(r);
	CHECK_EQ(r->reclaim_p50_ns, 4);
	CHECK_EQ(r->reclaim_p99_ns, UINT64_MAX);
	CHECK_EQ(r->reclaim_max_ns, 4);
	record_free(r);
}

static const struct test tests[] = {
	TEST(first_columns_are_the_documented_ones),
	TEST(columns_cover_every_field),
	TEST(columns_as_text),
	TEST(percentiles_come_from_the_histograms),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
