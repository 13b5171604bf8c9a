/*
 * test_hdr.c - what is written in HdrHistogram's formats, read back by a decoder of
 * its own, is what was in the histogram. The layout is that of encoding V2; other
 * readers (hdr-histogram-js) were found to agree with it.
 */
/* not under tsan: one thread */
#include <string.h>

#include <zlib.h>

#include "core/tests/check.h"
#include "harness/hdr.h"
#include "harness/random.h"

/* A value and how often it was counted. */
struct counted {
	uint64_t value, count;
};

static unsigned char
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(digits, c);

	CHECK(at != NULL && c != '\0');
	return (unsigned char)(at - digits);
}

static size_t
base64_decode(const char *text, unsigned char *to)
{
	size_t length = strcspn(text, "\n"), bytes = 0;

	CHECK_EQ(length % 4, 0);
	for (size_t i = 0; i < length; i += 4) {
		unsigned pad = text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
		unsigned long four = (unsigned long)base64_digit(text[i]) << 18 | (unsigned long)base64_digit(text[i + 1]) << 12;

		four |= pad < 2 ? (unsigned long)base64_digit(text[i + 2]) << 6 : 0;
		four |= pad < 1 ? base64_digit(text[i + 3]) : 0;
		to[bytes++] = (unsigned char)(four >> 16);
		if (pad < 2)
			to[bytes++] = (unsigned char)(four >> 8);
		if (pad < 1)
			to[bytes++] = (unsigned char)four;
	}
	return bytes;
}

static uint64_t
get_be(const unsigned char *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* The lowest value of index i where 256 values share each octave's scale: counted up, not computed. */
static uint64_t
lowest_at(unsigned i)
{
	uint64_t value = 0, step = 1;

	for (unsigned k = 0; k < i; k++) {
		if (k >= 256 && k % 128 == 0)
			step *= 2;
		value += step;
	}
	return value;
}

/* The counts of one line's histogram, by lowest value of their index. */
static size_t
decode(const char *line, struct counted *to)
{
	static unsigned char packed[1 << 16], plain[1 << 18];
	uLongf bytes = sizeof(plain);
	size_t length = base64_decode(strrchr(line, ',') + 1, packed), at = 40, found = 0;
	unsigned index = 0;

	CHECK_EQ(get_be(packed, 4), 0x1c849314);
	CHECK_EQ(get_be(packed + 4, 4), length - 8);
	CHECK(uncompress(plain, &bytes, packed + 8, (uLong)length - 8) == Z_OK);
	CHECK_EQ(get_be(plain, 4), 0x1c849313);
	CHECK_EQ(get_be(plain + 4, 4), bytes - 40);
	CHECK_EQ(get_be(plain + 12, 4), 2);
	while (at < bytes) {
		uint64_t zigzag = 0;
		int64_t number;

		for (unsigned i = 0;; i++) {
			zigzag |= (uint64_t)(i < 8 ? plain[at] & 0x7f : plain[at]) << (7 * i);
			if (i == 8 || (plain[at++] & 0x80) == 0)
				break;
		}
		number = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
		if (number < 0) {
			index += (unsigned)-number;
			continue;
		}
		CHECK(number > 0);
		to[found++] = (struct counted){ lowest_at(index++), (uint64_t)number };
	}
	return found;
}

static char *
line_of(const struct histogram *h, const char *tag)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(out != NULL && hdr_log_line(out, tag, 1.5, 0.25, h) && fclose(out) == 0);
	return text;
}

/* Small values are exact, runs of zeros and large counts come back, the maximum is told in ms. */
static void
a_log_line_holds_the_counts(void)
{
	struct counted found[16];
	struct histogram h = { 0 };
	char *line;

	for (unsigned i = 0; i < 3; i++)
		CHECK(histogram_add(&h, 0));
	CHECK(histogram_add(&h, 63));
	for (unsigned i = 0; i < 70000; i++)
		CHECK(histogram_add(&h, 17));
	CHECK(histogram_add(&h, 2000000));
	line = line_of(&h, "a tag, with\nall");
	CHECK(strncmp(line, "Tag=a_tag;_with_all,1.500,0.250,2.000,HISTF", 43) == 0);
	CHECK_EQ(decode(line, found), 4);
	CHECK(found[0].value == 0 && found[0].count == 3);
	CHECK(found[1].value == 17 && found[1].count == 70000);
	CHECK(found[2].value == 63 && found[2].count == 1);
	/* 2000000 lies in a step of 2^13. */
	CHECK(found[3].value == 2000000 / 8192 * 8192 && found[3].count == 1);
	free(line);
}

/* Any histogram: nothing lost, and each value within 1/32 + 1/128 of where it belongs. */
static void
nothing_is_lost_on_the_way(void)
{
	static struct counted found[1 << 14];
	struct histogram h = { 0 };
	struct random random;
	uint64_t all = 0, least = UINT64_MAX, most = 0;
	char *line;
	size_t n;

	random_seed(&random, check_seed, 0);
	for (unsigned i = 0; i < 5000; i++) {
		uint64_t value = random_next(&random) >> (24 + random_below(&random, 40));

		least = value < least ? value : least;
		most = value > most ? value : most;
		CHECK(histogram_add(&h, value));
	}
	CHECK(!histogram_add(&h, HISTOGRAM_LIMIT_NS + 5));
	line = line_of(&h, "t");
	n = decode(line, found);
	for (size_t i = 0; i < n; i++)
		all += found[i].count;
	CHECK_EQ(all, 5001);
	CHECK(found[0].value >= least - least / 64 && found[0].value <= least + least / 32);
	CHECK(found[n - 2].value >= most - most / 64 && found[n - 2].value <= most + most / 32);
	/* The one that did not fit. */
	CHECK(found[n - 1].value >= HISTOGRAM_LIMIT_NS - HISTOGRAM_LIMIT_NS / 64);
	free(line);
	h = (struct histogram){ 0 };
	line = line_of(&h, "empty");
	CHECK_EQ(decode(line, found), 0);
	free(line);
}

/* Every row is true: so many values are at most that one. The last row has all. */
static void
percentiles_add_up(void)
{
	struct histogram h = { 0 };
	char *text = NULL, *line, *rest;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	double last = -1, value, pct;
	unsigned long long below;
	unsigned rows = 0;

	/* 1 to 1000: below 64 exact. */
	for (uint64_t v = 1; v <= 1000; v++)
		CHECK(histogram_add(&h, v));
	hdr_percentiles(out, &h);
	CHECK(out != NULL && fclose(out) == 0);
	CHECK(strstr(text, "Infinity\n#[Mean    =      500.500,") != NULL);
	CHECK(strstr(text, "Total count    =         1000]") != NULL);
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (sscanf(line, "%lf %lf %llu", &value, &pct, &below) != 3)
			continue;
		rows++;
		CHECK(value > last && pct >= 0 && pct <= 1);
		CHECK((double)below >= pct * 1000 - 1e-6);
		CHECK(below == (value < 1000 ? (unsigned long long)value : 1000));
		last = value;
	}
	CHECK(rows >= 20 && last == 1000);
	free(text);
	/* Nothing in it: no rows, no division by nothing. */
	h = (struct histogram){ 0 };
	text = NULL;
	out = open_memstream(&text, &size);
	hdr_percentiles(out, &h);
	CHECK(out != NULL && fclose(out) == 0);
	CHECK(strstr(text, "Infinity\n") == NULL && strstr(text, "nan") == NULL);
	free(text);
}

static const struct test tests[] = {
	TEST(a_log_line_holds_the_counts),
	TEST(nothing_is_lost_on_the_way),
	TEST(percentiles_add_up),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
