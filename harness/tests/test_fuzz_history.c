/*
 * test_fuzz_history.c - history files that somebody has damaged, and what the checker makes of those
 * that can still be read. The first byte says whether checksums are made right again, as
 * somebody would who writes such files himself: else nothing gets past them. A file is refused in one line that
 * names it; or it can be read, judged, drawn, written, and read again with the same events.
 */
/* not under tsan: one thread */
#include <xxhash.h>

#include "core/tests/fuzz.h"
#include "harness/history.h"
#include "harness/linearize.h"

#define HEAD_BYTES 24
#define BLOCK_HEAD_BYTES 32

static uint64_t
get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = bytes; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

/* The check that lies behind the first `bytes` of a head, and is of what follows the check. */
static void
put_check(uint8_t *head, unsigned bytes, size_t length)
{
	uint64_t check = XXH3_64bits_withSeed(head + bytes + 8, length, XXH3_64bits(head, bytes));

	for (unsigned i = 0; i < 8; i++)
		head[bytes + i] = (uint8_t)(check >> 8 * i);
}

static void
put_checks(uint8_t *file, size_t size)
{
	size_t at = HEAD_BYTES;

	if (size < HEAD_BYTES || get(file + 12, 4) > size - HEAD_BYTES)
		return;
	put_check(file, 16, get(file + 12, 4));
	for (at += get(file + 12, 4); size - at >= BLOCK_HEAD_BYTES;) {
		uint64_t length = get(file + at + 16, 8);

		if (length > size - at - BLOCK_HEAD_BYTES)
			return;
		put_check(file + at, 24, length);
		at += BLOCK_HEAD_BYTES + length;
	}
}

/* Some histories that are sound, with the byte that asks for right checksums before each. */
static size_t
make(unsigned number, uint8_t *data, size_t room)
{
	struct history h = { 0 };
	const char *path = fuzz_file("seed", "", 0);
	char error[300];
	size_t size;
	FILE *in;

	if (number >= 4)
		return 0;
	if (number == 3)
		CHECK(history_first(&h, 1, 1 << 8 | 5) && history_first(&h, 9, 77777));
	for (unsigned i = 0; i < number * 6; i++) {
		struct history_event e = { .begin = 10 * i, .end = i % 5 == 4 ? HISTORY_OPEN : 10 * i + 15 * (i % 3), .key = i % 2,
			.op = (uint8_t)(i % HISTORY_OPS), .thread = i % 3 };

		e.answer = i % 2 == 0 ? HISTORY_MISS : HISTORY_HIT;
		if (e.op != HISTORY_GET && e.op != HISTORY_REMOVE && e.op != HISTORY_REMOVE_IF && e.op != HISTORY_EACH)
			e.in = (e.key + 1) << 8 | i;
		if (e.op == HISTORY_REPLACE_IF || e.op == HISTORY_REMOVE_IF || (e.answer == HISTORY_HIT && e.op != HISTORY_INSERT))
			e.out = (e.key + 1) << 8 | (i - 1);
		if (history_event_fault(&e) == NULL)
			CHECK(history_append(&h, &e));
	}
	unlink(path);
	CHECK(history_write(&h, path, error, sizeof(error)));
	history_free(&h);
	data[0] = 1;
	in = fopen(path, "rb");
	CHECK(in != NULL);
	size = fread(data + 1, 1, room - 1, in);
	fclose(in);
	return size + 1;
}

static void
judge(const struct history *h)
{
	struct linearize_options options = { .limit = 1000 };
	struct linearize_result result;
	FILE *nowhere = fopen("/dev/null", "w");

	CHECK(nowhere != NULL && linearize_check(h, &options, &result));
	CHECK(result.verdict != LINEARIZE_UNKNOWN || fuzz_one_line(result.why));
	CHECK(result.operations <= h->events);
	linearize_print(nowhere, &result);
	if (result.verdict == LINEARIZE_ILLEGAL) {
		/* What is kept of it is illegal by itself. */
		struct linearize_result again;

		CHECK(result.window.events > 0 && result.window.culprit < result.window.events);
		options.limit = 0;
		CHECK(linearize_check(&result.witness, &options, &again));
		CHECK(again.verdict == LINEARIZE_ILLEGAL);
		linearize_result_free(&again);
	}
	linearize_result_free(&result);
	fclose(nowhere);
}

static void
write_and_read(const struct history *h)
{
	const char *path = fuzz_file("again", "", 0);
	struct history again = { 0 };
	char error[1024];

	unlink(path);
	CHECK(history_write(h, path, error, sizeof(error)));
	CHECK(history_read(&again, path, error, sizeof(error)));
	CHECK(again.events == h->events && again.firsts == h->firsts);
	CHECK(h->events == 0 || memcmp(again.event, h->event, h->events * sizeof(h->event[0])) == 0);
	CHECK(h->firsts == 0 || memcmp(again.first, h->first, h->firsts * sizeof(h->first[0])) == 0);
	CHECK(strcmp(again.about, h->about) == 0);
	history_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct history h = { 0 };
	char error[1024] = "";
	uint8_t *file = NULL;
	const char *path;

	if (size == 0)
		return 0;
	file = malloc(size);
	CHECK(file != NULL);
	memcpy(file, data + 1, size - 1);
	if (data[0] % 2 != 0)
		put_checks(file, size - 1);
	path = fuzz_file("x.history", file, size - 1);
	free(file);
	if (history_read(&h, path, error, sizeof(error))) {
		judge(&h);
		write_and_read(&h);
	} else {
		CHECK(fuzz_one_line(error) && strncmp(error, path, strlen(path)) == 0);
		CHECK(h.events == 0 && h.firsts == 0 && h.about == NULL);
	}
	history_free(&h);
	return 0;
}

FUZZ_TARGET(.corpus = "harness/tests/corpus/history", .inputs = 2000, .longest = 1024, .seed = make, .words = "hamthist { } 1")
