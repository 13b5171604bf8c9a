/* test_plain.c - nothing that a terminal obeys gets through, whole or in pieces; all other text is as it was. */
#include "harness/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/tests/check.h"

static const struct { const char *text, *line, *stream; } cases[] = {
	{ "", "", "" },
	{ "hamt/mixed get=50", "hamt/mixed get=50", "hamt/mixed get=50" },
	{ "a\tb\nc", "a?b?c", "a\tb\nc" },
	{ "\033[2J\a\b\r\v\f\177", "?[2J??????", "?[2J??????" },
	/* Letters of two, three and four bytes, some of which end like a control character. */
	{ "µs Ü ß “x” 数 😀", "µs Ü ß “x” 数 😀", "µs Ü ß “x” 数 😀" },
	/* U+009B, which is ESC [, as UTF-8 and as a single byte; U+00A0 is none. */
	{ "\xc2\x9b" "2J", "?2J", "?2J" },
	{ "\x9b" "2J", "?2J", "?2J" },
	{ "\xc2\xa0" "2J", "\xc2\xa0" "2J", "\xc2\xa0" "2J" },
	/* Sequences that break off: what follows stands for itself. */
	{ "\xe2\x82" "a\x9b", "\xe2\x82" "a?", "\xe2\x82" "a?" },
	{ "\xe2\xc2\x9b", "\xe2?", "\xe2?" },
	{ "\xc2\xc2\x85", "\xc2?", "\xc2?" },
	{ "\xc2" "a", "\xc2" "a", "\xc2" "a" },
	{ "\xff\xfe\x80", "\xff\xfe?", "\xff\xfe?" },
	{ "end \xc2", "end ?", "end ?" },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void
a_text_becomes_one_plain_line(void)
{
	for (size_t i = 0; i < CASES; i++) {
		char text[100];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		plain_text(text);
		if (strcmp(text, cases[i].line) != 0)
			check_failed(cases[i].line, text, 0);
	}
}

/* However the writes are cut, and longer than any buffer. */
static void
a_stream_passes_on_plain_text(void)
{
	char got[100], *large = malloc(100000);
	FILE *end = tmpfile(), *out;

	CHECK(large != NULL && end != NULL);
	for (size_t i = 0; i < CASES; i++)
		for (unsigned flush = 0; flush < 2; flush++) {
			ssize_t n;

			CHECK(ftruncate(fileno(end), 0) == 0 && lseek(fileno(end), 0, SEEK_SET) == 0);
			out = plain_stream(fileno(end));
			CHECK(out != NULL);
			for (const char *c = cases[i].text; *c != '\0'; c++) {
				putc(*c, out);
				CHECK(!flush || fflush(out) == 0);
			}
			CHECK(fclose(out) == 0);
			n = pread(fileno(end), got, sizeof(got) - 1, 0);
			CHECK(n >= 0);
			got[n] = '\0';
			if (strcmp(got, cases[i].stream) != 0)
				check_failed(cases[i].stream, got, 0);
		}
	memset(large, '\033', 100000);
	CHECK(ftruncate(fileno(end), 0) == 0 && lseek(fileno(end), 0, SEEK_SET) == 0);
	out = plain_stream(fileno(end));
	CHECK(out != NULL && fwrite(large, 1, 100000, out) == 100000 && fclose(out) == 0);
	CHECK(pread(fileno(end), large, 100000, 0) == 100000);
	for (size_t i = 0; i < 100000; i++)
		CHECK(large[i] == '?');
	free(large);
	fclose(end);
}

static void
a_full_disk_is_told_as_of_any_stream(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	FILE *out;

	if (fd < 0)
		CHECK_SKIP("no /dev/full here");
	out = plain_stream(fd);
	CHECK(out != NULL);
	fputs("text", out);
	errno = 0;
	CHECK(fflush(out) != 0 && errno == ENOSPC && ferror(out));
	fclose(out);
	close(fd);
}

static const struct test tests[] = {
	TEST(a_text_becomes_one_plain_line),
	TEST(a_stream_passes_on_plain_text),
	TEST(a_full_disk_is_told_as_of_any_stream),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
