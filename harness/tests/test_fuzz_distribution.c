/*
 * test_fuzz_distribution.c - key distributions as text, and files of weights. The first byte of the
 * input is f: what follows is the file; or t: it is the text. What is taken is what it seems to be (nothing
 * in a file is passed over), gives keys of the range only, and has a canonical text that means the
 * same; what is refused is refused in one line.
 */
/* not under tsan: one thread */
#include <ctype.h>

#include "core/tests/fuzz.h"
#include "harness/keys.h"

/* A decimal number from 0 up, such as 5, 0.5, .5 or 1e-3? */
static bool
is_number(const char *text, size_t length)
{
	size_t at = 0, digits = 0;

	for (; at < length && isdigit((unsigned char)text[at]); at++)
		digits++;
	if (at < length && text[at] == '.')
		for (at++; at < length && isdigit((unsigned char)text[at]); at++)
			digits++;
	if (digits > 0 && at < length && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		at += at < length && (text[at] == '+' || text[at] == '-');
		digits = 0;
		for (; at < length && isdigit((unsigned char)text[at]); at++)
			digits++;
	}
	return digits > 0 && at == length;
}

/* By the words of the manual: "KEY" or "KEY WEIGHT", an empty line, or # and anything. */
static bool
is_line(const char *line, size_t length)
{
	size_t key, blanks;

	length -= length > 0 && line[length - 1] == '\r';
	for (; length > 0 && (*line == ' ' || *line == '\t'); length--)
		line++;
	if (length == 0 || *line == '#')
		return true;
	for (; line[length - 1] == ' ' || line[length - 1] == '\t'; length--)
		continue;
	for (key = 0; key < length && isdigit((unsigned char)line[key]); key++)
		continue;
	for (blanks = key; blanks < length && (line[blanks] == ' ' || line[blanks] == '\t'); blanks++)
		continue;
	return key > 0 && (key == length || (blanks > key && is_number(line + blanks, length - blanks)));
}

static bool
is_file(const char *text, size_t size)
{
	for (const char *end = text + size, *next; text < end; text = next) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		next = newline != NULL ? newline + 1 : end;
		if (!is_line(text, (size_t)((newline != NULL ? newline : end) - text)))
			return false;
	}
	return true;
}

static void
draw(const struct keys_spec *spec, uint64_t n)
{
	for (unsigned thread = 0; thread < 3; thread += 2) {
		struct keys *k = keys_new(spec, n, 1, thread, 3);
		uint64_t key[2 * KEYS_BLOCK];

		CHECK(k != NULL);
		keys_fill(k, key, 2 * KEYS_BLOCK);
		for (unsigned i = 0; i < 2 * KEYS_BLOCK; i++)
			CHECK(key[i] < n);
		keys_free(k);
	}
}

static void
try_text(const char *text)
{
	static const uint64_t ranges[] = { 1, 2, 1000, KEYS_MAX_N };
	struct keys_spec spec, again;
	char error[1024] = "";

	/* Other files than ours; and an error quotes its text, whose line ends command_error() takes away. */
	if (strchr(text, '/') != NULL || strncmp(text, "file", 4) == 0 || strchr(text, '\n') != NULL)
		return;
	if (!keys_parse(text, &spec, error, sizeof(error))) {
		CHECK(fuzz_one_line(error));
		return;
	}
	CHECK(fuzz_one_line(spec.text));
	CHECK(keys_parse(spec.text, &again, error, sizeof(error)));
	CHECK(strcmp(again.text, spec.text) == 0 && again.kind == spec.kind);
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (keys_fit(&spec, ranges[i], error, sizeof(error)))
			draw(&spec, ranges[i]);
}

static void
try_file(const char *data, size_t size)
{
	const char *path = fuzz_file("weights", data, size);
	char text[4200], error[1024] = "";
	struct keys_spec spec;

	snprintf(text, sizeof(text), "file:%s", path);
	if (keys_parse(text, &spec, error, sizeof(error)) && keys_fit(&spec, 10, error, sizeof(error))) {
		CHECK(is_file(data, size));
		draw(&spec, 10);
	} else {
		CHECK(fuzz_one_line(error));
		CHECK(strstr(error, path) != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = calloc(1, size);
	CHECK(text != NULL);
	memcpy(text, data + 1, size - 1);
	if (data[0] == 'f')
		try_file(text, size - 1);
	else
		try_text(text);
	free(text);
	return 0;
}

FUZZ_TARGET(.corpus = "harness/tests/corpus/distribution", .inputs = 3000, .longest = 200,
    .words = "uniform zipf: zipf self-similar: hotspot: latest: sequential gaussian: ranges: 0.2 0.99 1 1e-300 1e300 1e308 "
	     "18446744073709551615 -1 nan inf 0x1p3 , : # . 0 9 10")
