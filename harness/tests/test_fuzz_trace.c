/*
 * test_fuzz_trace.c - trace files that somebody has damaged, or made up. The first byte of the input chooses
 * the form, and whether the checksums of a binary one are made right again, as
 * somebody would who writes such files himself: else nothing gets past them. A file is refused in one line that
 * names it; or what it says can be replayed, written in both forms, and read again with the same operations.
 */
/* not under tsan: one thread */
#include <xxhash.h>

#include "core/tests/fuzz.h"
#include "harness/trace.h"

#define HEAD_BYTES 72

static uint64_t
get(const uint8_t *at)
{
	uint64_t value = 0;

	for (unsigned i = 8; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

static void
put(uint8_t *at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void
put_checks(uint8_t *file, size_t size)
{
	uint64_t dictionary, rest;

	if (size < HEAD_BYTES)
		return;
	rest = size - HEAD_BYTES;
	dictionary = get(file + 32);
	if (dictionary > rest)
		put(file + 32, dictionary %= rest + 1);
	/* So that changes to the lengths do not end it here. */
	put(file + 40, rest - dictionary);
	put(file + 48, XXH3_64bits(file + HEAD_BYTES, dictionary));
	put(file + 56, XXH3_64bits(file + HEAD_BYTES + dictionary, rest - dictionary));
	put(file + 64, XXH3_64bits(file, 64));
}

static bool
same(const struct trace *a, const struct trace *b)
{
	return a->records == b->records && a->keys == b->keys &&
	    memcmp(a->record, b->record, a->records * sizeof(a->record[0])) == 0 &&
	    memcmp(a->key_end, b->key_end, a->keys * sizeof(a->key_end[0])) == 0 &&
	    memcmp(a->text, b->text, a->key_end[a->keys - 1]) == 0 && trace_check(a) == trace_check(b);
}

static void
write_and_read(const struct trace *t, enum trace_form form)
{
	const char *path = fuzz_file("again", "", 0);
	struct trace again = { 0 };
	enum trace_form found;
	char error[1024];

	unlink(path);
	CHECK(trace_write(t, path, form, error, sizeof(error)));
	CHECK(trace_read(&again, path, TRACE_ANY, &found, error, sizeof(error)));
	CHECK(found == form && same(t, &again));
	trace_free(&again);
}

static void
replay(const struct trace *t)
{
	uint8_t *present = calloc(t->keys, 1);
	struct trace_replay r;
	uint64_t calls = 0, last = 0;

	CHECK(present != NULL);
	trace_warm(t, 0, present);
	trace_replay(t, 0, t->records, present, &r);
	for (unsigned op = 0; op < OP_COUNT; op++) {
		CHECK(r.hits[op] <= r.calls[op]);
		calls += r.calls[op];
	}
	for (uint64_t key = 0; key < t->keys; key++)
		last += present[key];
	CHECK(calls == t->records && last == r.last && r.first <= r.most && r.last <= r.most && r.most <= t->keys);
	free(present);
}

/* A trace in each form that is sound, with the byte that chooses it. */
static size_t
make(unsigned number, uint8_t *data, size_t room)
{
	static const char text[] = "# all\nget a\ninsert \"b \\x00\"\nupsert a\nscan a 300\nremove c\nreplace a\nmodify 7\n";
	static const char twitter[] = "0,a,1,2,3,get,0\n1,b,c,1,2,3,set,60\n2,a,1,0,3,delete,0\n";
	const char *path = fuzz_file("seed", "", 0);
	struct trace t = { 0 };
	char error[300];
	size_t size;
	FILE *in;

	switch (number) {
	case 0:
		data[0] = 0;
		memcpy(data + 1, text, sizeof(text) - 1);
		return sizeof(text);
	case 1:
		data[0] = 1;
		CHECK(trace_parse(&t, "seed", text, sizeof(text) - 1, TRACE_ANY, NULL, error, sizeof(error)));
		unlink(path);
		CHECK(trace_write(&t, path, TRACE_BINARY, error, sizeof(error)));
		trace_free(&t);
		in = fopen(path, "rb");
		CHECK(in != NULL);
		size = fread(data + 1, 1, room - 1, in);
		fclose(in);
		return size + 1;
	case 2:
		data[0] = 2;
		memcpy(data + 1, twitter, sizeof(twitter) - 1);
		return sizeof(twitter);
	case 3:
		memset(data, 3, 1 + 2 * 24);
		return 1 + 2 * 24;
	default:
		return 0;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum trace_form forms[] = { TRACE_ANY, TRACE_ANY, TRACE_TWITTER, TRACE_ORACLE_GENERAL };
	struct trace t = { 0 };
	char error[1024] = "";
	uint8_t *file;

	if (size == 0)
		return 0;
	/* As long as it is, so that a step too far is seen. */
	file = malloc(size);
	CHECK(file != NULL);
	memcpy(file, data + 1, size - 1);
	if (data[0] % 4 == 1 && size > 8 && memcmp(file, TRACE_MAGIC, 8) == 0)
		put_checks(file, size - 1);
	if (trace_parse(&t, "x.trace", file, size - 1, forms[data[0] % 4], NULL, error, sizeof(error))) {
		CHECK(t.records > 0 && t.keys > 0 && t.keys <= t.records && error[0] == '\0');
		for (uint64_t i = 0; i < t.records; i++)
			CHECK(trace_key(t.record[i]) < t.keys && trace_op(t.record[i]) != OP_GET_MANY &&
			    (trace_op(t.record[i]) == OP_SCAN) == (trace_scan(t.record[i]) > 0));
		replay(&t);
		write_and_read(&t, TRACE_TEXT);
		write_and_read(&t, TRACE_BINARY);
	} else {
		CHECK(strncmp(error, "x.trace:", 8) == 0 && strchr(error, '\n') == NULL);
	}
	trace_free(&t);
	free(file);
	return 0;
}

FUZZ_TARGET(.corpus = "harness/tests/corpus/trace", .inputs = 2000, .longest = 1024, .seed = make,
    .words = "hamttrce get insert upsert remove replace modify scan set delete \" \\x , 1 1024")
