/*
 * Traces: what a file says is what comes out, in any form of it; a file that is
 * wrong anywhere is refused with the place named; nothing that it says of its
 * lengths is believed.
 */
/* not under tsan: one thread */
#include <errno.h>
#include <sys/stat.h>

#include <xxhash.h>
#include <zlib.h>

#include "core/tests/check.h"
#include "harness/file.h"
#include "harness/random.h"
#include "harness/trace.h"

#define NAME "x.trace"

static char error[1024];

static bool
parse(struct trace *t, const void *data, size_t bytes, enum trace_form form)
{
	/* Exactly as long as it says, so that AddressSanitizer sees a step too far. */
	unsigned char *copy = malloc(bytes + (bytes == 0));
	bool fine;

	CHECK(copy != NULL);
	memcpy(copy, data, bytes);
	error[0] = '\0';
	fine = trace_parse(t, NAME, copy, bytes, form, NULL, error, sizeof(error));
	CHECK(fine == (error[0] == '\0') && strchr(error, '\n') == NULL);
	free(copy);
	return fine;
}

static void
parse_text(struct trace *t, const char *text)
{
	bool fine = parse(t, text, strlen(text), TRACE_ANY);

	if (!fine)
		fprintf(stderr, "# %s\n", error);
	CHECK(fine);
}

static void
refuses_bytes(const void *data, size_t bytes, enum trace_form form, const char *wanted)
{
	struct trace t = { 0 };
	bool fine = parse(&t, data, bytes, form);

	if (fine || strcmp(error, wanted) != 0)
		fprintf(stderr, "# \"%s\", wanted \"%s\"\n", error, wanted);
	CHECK(!fine && strcmp(error, wanted) == 0);
	trace_free(&t);
}

static void
refuses(const char *text, const char *wanted)
{
	refuses_bytes(text, strlen(text), TRACE_ANY, wanted);
}

static void
record_is(const struct trace *t, uint64_t i, enum op op, uint64_t key, uint64_t scan)
{
	CHECK(i < t->records);
	CHECK_EQ(trace_op(t->record[i]), op);
	CHECK_EQ(trace_key(t->record[i]), key);
	CHECK_EQ(trace_scan(t->record[i]), scan);
}

static void
key_is(const struct trace *t, uint64_t key, const void *text, size_t length)
{
	size_t has;
	const unsigned char *bytes = trace_key_text(t, key, &has);

	CHECK_EQ(has, length);
	CHECK(memcmp(bytes, text, length) == 0);
}

static void
same(const struct trace *a, const struct trace *b)
{
	CHECK_EQ(a->records, b->records);
	CHECK_EQ(a->keys, b->keys);
	CHECK(memcmp(a->record, b->record, a->records * sizeof(a->record[0])) == 0);
	CHECK(memcmp(a->key_end, b->key_end, a->keys * sizeof(a->key_end[0])) == 0);
	CHECK(memcmp(a->text, b->text, a->key_end[a->keys - 1]) == 0);
	CHECK_EQ(trace_check(a), trace_check(b));
}

static unsigned char *
read_file(const char *path, size_t *bytes)
{
	unsigned char *data = file_read(path, SIZE_MAX / 2, bytes, error, sizeof(error));

	CHECK(data != NULL);
	return data;
}

/* The bytes of t in a form, for free(). */
static unsigned char *
written(const struct trace *t, enum trace_form form, size_t *bytes)
{
	char path[] = "/tmp/test_trace.XXXXXX";
	int file = mkstemp(path);
	unsigned char *data;

	CHECK(file >= 0);
	close(file);
	unlink(path);
	CHECK(trace_write(t, path, form, error, sizeof(error)));
	data = read_file(path, bytes);
	unlink(path);
	return data;
}

/* ---- Text ---- */

static void
text_says_operations_and_keys(void)
{
	static const unsigned char odd[] = { 0, 0xff, '\\', '"', '\n', '\t', '#' };
	struct trace t = { 0 };

	parse_text(&t, "# words\n\nget 7\n  insert\tapple  # new\r\nupsert \"two words\"\nremove apple\nreplace \"7\"\n"
	    "modify c#\nscan 07 1024\nget \"\"\nget \"\\x00\\xfF\\\\\\\"\\n\\t#\" # that\n\t \nscan apple 1");
	CHECK_EQ(t.records, 10);
	CHECK_EQ(t.keys, 7);
	record_is(&t, 0, OP_GET, 0, 0);
	record_is(&t, 1, OP_INSERT, 1, 0);
	record_is(&t, 2, OP_UPSERT, 2, 0);
	record_is(&t, 3, OP_REMOVE, 1, 0);
	record_is(&t, 4, OP_REPLACE, 0, 0);
	record_is(&t, 5, OP_MODIFY, 3, 0);
	record_is(&t, 6, OP_SCAN, 4, 1024);
	record_is(&t, 7, OP_GET, 5, 0);
	record_is(&t, 8, OP_GET, 6, 0);
	record_is(&t, 9, OP_SCAN, 1, 1);
	key_is(&t, 0, "7", 1);
	key_is(&t, 1, "apple", 5);
	key_is(&t, 2, "two words", 9);
	key_is(&t, 3, "c#", 2);
	key_is(&t, 4, "07", 2);
	key_is(&t, 5, "", 0);
	key_is(&t, 6, odd, sizeof(odd));
	trace_free(&t);
}

static void
bad_text_is_refused_with_its_line(void)
{
	static const unsigned char control[] = "get a\nget b\x01\n", nothing[] = "get a\0b\n";
	char longer[TRACE_KEY_BYTES_MAX + 32];

	refuses("", NAME ": there is no operation in it");
	refuses("# nothing\n\n", NAME ": there is no operation in it");
	refuses("get a\ngett b\n", NAME ":2: 'gett' is no operation; there are get, insert, upsert, remove, replace, modify, scan");
	refuses("get_many a\n", NAME ":1: 'get_many' is no operation; there are get, insert, upsert, remove, replace, modify, scan");
	refuses("GET a\n", NAME ":1: 'GET' is no operation; there are get, insert, upsert, remove, replace, modify, scan");
	refuses("\n\nget\n", NAME ":3: the key is missing");
	refuses("get # a\n", NAME ":1: the key is missing");
	refuses("get a b\n", NAME ":1: 'b' is one word too many");
	refuses("scan a 1 2\n", NAME ":1: '2' is one word too many");
	refuses("scan a\n", NAME ":1: scan wants a key and how many pairs, 1 to 1024");
	refuses("scan a 0\n", NAME ":1: scan wants a key and how many pairs, 1 to 1024");
	refuses("scan a 1025\n", NAME ":1: scan wants a key and how many pairs, 1 to 1024");
	refuses("scan a -1\n", NAME ":1: scan wants a key and how many pairs, 1 to 1024");
	refuses("scan a 1x\n", NAME ":1: scan wants a key and how many pairs, 1 to 1024");
	refuses("scan a 18446744073709551617\n", NAME ":1: scan wants a key and how many pairs, 1 to 1024");
	refuses("get \"a\n", NAME ":1: the quote that ends the key is missing");
	refuses("get \"a\\\"\n", NAME ":1: the quote that ends the key is missing");
	refuses("get \"a\\\n", NAME ":1: '\\' is no escape; there are \\\" \\\\ \\n \\t \\xHH");
	refuses("get \"\\q\"\n", NAME ":1: '\\q' is no escape; there are \\\" \\\\ \\n \\t \\xHH");
	refuses("get \"\\x1\"\n", NAME ":1: '\\x' is no escape; there are \\\" \\\\ \\n \\t \\xHH");
	refuses("get \"\\x1g\"\n", NAME ":1: '\\x' is no escape; there are \\\" \\\\ \\n \\t \\xHH");
	refuses("get \"a\"b\n", NAME ":1: a blank is missing behind the key");
	refuses("get a\"b\n", NAME ":1: byte \\x22 may only be in a key that is quoted, as \\x22");
	refuses_bytes(control, sizeof(control) - 1, TRACE_ANY, NAME ":2: byte \\x01 may only be in a key that is quoted, as \\x01");
	refuses_bytes(nothing, sizeof(nothing) - 1, TRACE_ANY, NAME ":1: byte \\x00 may only be in a key that is quoted, as \\x00");

	/* The longest key passes, one byte more does not, quoted or not. */
	for (unsigned quoted = 0; quoted < 2; quoted++)
		for (size_t length = TRACE_KEY_BYTES_MAX; length <= TRACE_KEY_BYTES_MAX + 1; length++) {
			struct trace t = { 0 };
			int used = snprintf(longer, sizeof(longer), "get %s", quoted ? "\"" : "");

			memset(longer + used, 'k', length);
			strcpy(longer + used + length, quoted ? "\"\n" : "\n");
			if (length == TRACE_KEY_BYTES_MAX)
				parse_text(&t, longer);
			else
				refuses(longer, NAME ":1: the key has 4097 bytes; 4096 are allowed");
			trace_free(&t);
		}
}

/* ---- Forms ---- */

/* Some operations on keys of any bytes. */
static void
random_trace(struct trace *t, struct random *r, uint64_t records, uint64_t keys)
{
	for (uint64_t i = 0; i < records; i++) {
		enum op op = (enum op)random_below(r, OP_COUNT - 1);
		unsigned char key[32];
		uint64_t which = random_below(r, keys);
		struct random bytes;
		size_t length;

		random_seed(&bytes, 1, which);
		length = (size_t)random_below(&bytes, sizeof(key));
		for (size_t k = 0; k < length; k++)
			key[k] = (unsigned char)random_next(&bytes);
		op = op == OP_GET_MANY ? OP_SCAN : op;
		CHECK(trace_add(t, op, key, length, op == OP_SCAN ? 1 + random_below(r, TRACE_SCAN_MAX) : 0));
	}
}

static void
both_forms_say_the_same(void)
{
	struct random r;

	random_seed(&r, check_seed, 0);
	for (unsigned round = 0; round < 20; round++) {
		struct trace t = { 0 }, from_text = { 0 }, from_binary = { 0 };
		size_t text_bytes, binary_bytes, again_bytes;
		unsigned char *text, *binary, *again;

		random_trace(&t, &r, 1 + random_below(&r, 3000), 1 + random_below(&r, 3000));
		text = written(&t, TRACE_TEXT, &text_bytes);
		binary = written(&t, TRACE_BINARY, &binary_bytes);
		CHECK(parse(&from_text, text, text_bytes, TRACE_ANY));
		CHECK(parse(&from_binary, binary, binary_bytes, TRACE_ANY));
		same(&t, &from_text);
		same(&t, &from_binary);
		again = written(&from_text, TRACE_BINARY, &again_bytes);
		CHECK(again_bytes == binary_bytes && memcmp(again, binary, binary_bytes) == 0);
		free(text);
		free(binary);
		free(again);
		trace_free(&t);
		trace_free(&from_text);
		trace_free(&from_binary);
	}
}

/* Read behind another one, keys that are known keep their numbers, in either form. */
static void
a_second_file_goes_on(void)
{
	struct trace first = { 0 }, second = { 0 }, all = { 0 };
	size_t bytes;
	unsigned char *binary;

	parse_text(&second, "get c\nget b\nget d\nget c\n");
	binary = written(&second, TRACE_BINARY, &bytes);
	parse_text(&first, "get a\nget b\n");
	parse_text(&all, "get a\nget b\nget c\nget b\nget d\nget c\n");
	CHECK(parse(&first, binary, bytes, TRACE_BINARY));
	same(&first, &all);
	free(binary);
	trace_free(&first);
	trace_free(&second);
	trace_free(&all);
}

/* ---- Binary ---- */

static void
put_le(unsigned char *at, uint64_t x, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++, x >>= 8)
		at[i] = (unsigned char)x;
}

/* A file with right checks whatever it says; returns its length. */
static size_t
forge(unsigned char *file, uint64_t keys, uint64_t records, const void *dictionary, size_t dictionary_bytes,
    const void *record, size_t record_bytes)
{
	memcpy(file, TRACE_MAGIC, 8);
	put_le(file + 8, 1, 8);
	put_le(file + 16, keys, 8);
	put_le(file + 24, records, 8);
	put_le(file + 32, dictionary_bytes, 8);
	put_le(file + 40, record_bytes, 8);
	memcpy(file + 72, dictionary, dictionary_bytes);
	memcpy(file + 72 + dictionary_bytes, record, record_bytes);
	put_le(file + 48, XXH3_64bits(dictionary, dictionary_bytes), 8);
	put_le(file + 56, XXH3_64bits(record, record_bytes), 8);
	put_le(file + 64, XXH3_64bits(file, 64), 8);
	return 72 + dictionary_bytes + record_bytes;
}

#define FORGE_REFUSED(keys, records, dictionary, record, wanted)               \
	refuses_bytes(file, forge(file, keys, records, dictionary, sizeof(dictionary) - 1, record, sizeof(record) - 1), \
	    TRACE_ANY, NAME ": " wanted)

static void
what_a_file_says_of_itself_is_not_believed(void)
{
	static const char counts[] = "its head says more keys or records than there can be";
	unsigned char file[256];
	struct trace t = { 0 };
	size_t bytes;

	/* Two keys "a" and "b": get a, insert b, scan a 300. This one is right. */
	bytes = forge(file, 2, 3, "\1a\1b", 4, "\x00\x09\x07\xac\x02", 5);
	CHECK(parse(&t, file, bytes, TRACE_ANY));
	CHECK_EQ(t.records, 3);
	record_is(&t, 2, OP_SCAN, 0, 300);
	trace_free(&t);

	for (uint64_t huge = 6; huge != 0; huge = huge < UINT64_MAX / 16 ? huge * 16 : huge == UINT64_MAX ? 0 : UINT64_MAX) {
		char wanted[128];

		snprintf(wanted, sizeof(wanted), "%s: %s", NAME, counts);
		refuses_bytes(file, forge(file, huge, 3, "\1a\1b", 4, "\x00\x09\x07\xac\x02", 5), TRACE_ANY, wanted);
		refuses_bytes(file, forge(file, 2, huge, "\1a\1b", 4, "\x00\x09\x07\xac\x02", 5), TRACE_ANY, wanted);
	}
	FORGE_REFUSED(1, 2, "\1a\1b", "\x00\x09", "byte 74: the dictionary goes on behind its last key");
	FORGE_REFUSED(3, 3, "\1a\1b", "\x00\x09\x01", "byte 76: the length of key 2 cannot be");
	FORGE_REFUSED(2, 1, "\1a\1b", "\x00", "its head says more keys or records than there can be");
	FORGE_REFUSED(2, 2, "\1a\1b", "\x00\x09\x01", "byte 78: the records go on behind the last one");
	FORGE_REFUSED(2, 3, "\1a\1b", "\x00\x09\x89", "byte 78: record 2 cannot be read");
	FORGE_REFUSED(2, 2, "\1a\1a", "\x00\x09", "byte 75: key 1 is in the dictionary twice");
	FORGE_REFUSED(2, 2, "\1a\2b", "\x00\x09", "byte 75: key 1 goes beyond the end of the dictionary");
	FORGE_REFUSED(1, 1, "\x81\x20", "\x00", "byte 74: key 0 has 4097 bytes; 4096 are allowed");
	FORGE_REFUSED(1, 1, "\x81\x00" "a", "\x00", "byte 74: the length of key 0 cannot be");
	FORGE_REFUSED(1, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x00", "byte 72: the length of key 0 cannot be");
	FORGE_REFUSED(2, 2, "\1a\1b", "\x00\x00", "byte 78: no record names key 1 of the dictionary");
	FORGE_REFUSED(2, 2, "\1a\1b", "\x08\x00", "byte 77: record 0 names key 1, and key 0 has not been named");
	FORGE_REFUSED(1, 2, "\1a", "\x00\x08", "byte 76: record 1 names key 1, and key 1 has not been named");
	FORGE_REFUSED(1, 1, "\1a", "\x06", "byte 75: record 0 is of no operation");
	FORGE_REFUSED(1, 1, "\1a", "\x07", "byte 75: record 0: a scan asks for 1 to 1024 pairs");
	FORGE_REFUSED(1, 1, "\1a", "\x07\x00", "byte 76: record 0: a scan asks for 1 to 1024 pairs");
	FORGE_REFUSED(1, 1, "\1a", "\x07\x81\x08", "byte 77: record 0: a scan asks for 1 to 1024 pairs");
	FORGE_REFUSED(0, 0, "", "", "there is no operation in it");

	bytes = forge(file, 1, 1, "\1a", 2, "\x00", 1);
	file[8] = 2;
	refuses_bytes(file, bytes, TRACE_ANY, NAME ": it has version 2 of the format, only 1 is known");
	bytes = forge(file, 1, 1, "\1a", 2, "\x00", 1);
	file[12] = 1;
	put_le(file + 64, XXH3_64bits(file, 64), 8);
	refuses_bytes(file, bytes, TRACE_ANY, NAME ": its head is not as it was written (its checksum differs)");
	refuses_bytes("get a\n", 6, TRACE_BINARY, NAME ": it is no binary trace");
}

/* Any byte changed, any end cut off, anything behind it. */
static void
damage_to_a_binary_file_is_seen(void)
{
	struct trace t = { 0 }, damaged = { 0 };
	unsigned char *binary;
	struct random r;
	size_t bytes;

	random_seed(&r, check_seed, 1);
	random_trace(&t, &r, 60, 20);
	binary = written(&t, TRACE_BINARY, &bytes);
	for (size_t i = 0; i < bytes; i++) {
		unsigned char by = (unsigned char)(1 + random_below(&r, 255));

		CHECK(!parse(&damaged, binary, i, TRACE_ANY));
		trace_free(&damaged);
		binary[i] ^= by;
		CHECK(!parse(&damaged, binary, bytes, TRACE_ANY));
		trace_free(&damaged);
		binary[i] ^= by;
	}
	binary = realloc(binary, bytes + 1);
	binary[bytes] = 0;
	refuses_bytes(binary, bytes + 1, TRACE_ANY, NAME ": something follows its end");
	free(binary);
	trace_free(&t);
}

/* Bytes that are nearly a file, checks put right: whatever comes of it, no step goes wrong. */
static void
rubbish_does_no_harm(void)
{
	static const char letters[] = "get insert scan a b \"\\x\n#12 \t\r";
	struct random r;

	random_seed(&r, check_seed, 2);
	for (unsigned round = 0; round < 3000; round++) {
		unsigned char bytes[256], part[2][64];
		struct trace t = { 0 };
		size_t length = (size_t)random_below(&r, sizeof(part[0])), other = (size_t)random_below(&r, sizeof(part[1]));

		for (size_t i = 0; i < sizeof(part[0]); i++) {
			part[0][i] = (unsigned char)(i % 3 == 0 ? random_below(&r, 4) : random_next(&r));
			part[1][i] = (unsigned char)random_below(&r, 32);
		}
		(void)parse(&t, bytes, forge(bytes, random_below(&r, 6), random_below(&r, 20), part[0], length, part[1], other),
		    TRACE_ANY);
		trace_free(&t);
		for (size_t i = 0; i < length; i++)
			part[0][i] = (unsigned char)letters[random_below(&r, sizeof(letters) - 1)];
		(void)parse(&t, part[0], length, round % 2 == 0 ? TRACE_ANY : TRACE_TWITTER);
		trace_free(&t);
	}
}

/* ---- gzip ---- */

static size_t
packed(const void *data, size_t bytes, unsigned char *out, size_t room)
{
	z_stream z = { .zalloc = NULL };

	CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_in = (z_const Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)bytes;
	z.next_out = out;
	z.avail_out = (uInt)room;
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static void
packed_files_are_unpacked(void)
{
	static unsigned char file[1 << 20];
	struct trace t = { 0 }, again = { 0 };
	struct random r;
	size_t bytes, length;

	random_seed(&r, check_seed, 3);
	random_trace(&t, &r, 20000, 5000);
	for (enum trace_form form = TRACE_TEXT; form <= TRACE_BINARY; form++) {
		unsigned char *plain = written(&t, form, &bytes);

		length = packed(plain, bytes, file, sizeof(file));
		CHECK(parse(&again, file, length, TRACE_ANY));
		same(&t, &again);
		trace_free(&again);
		/* Two members are one file. */
		length = packed(plain, bytes / 2, file, sizeof(file));
		length += packed(plain + bytes / 2, bytes - bytes / 2, file + length, sizeof(file) - length);
		CHECK(parse(&again, file, length, TRACE_ANY));
		same(&t, &again);
		trace_free(&again);
		refuses_bytes(file, length - 1, TRACE_ANY, NAME ": it is cut off: its packed bytes have no end");
		file[length] = 'x';
		refuses_bytes(file, length + 1, TRACE_ANY, NAME ": it is cut off: its packed bytes have no end");
		memcpy(file + length, "xxxxxxxxxxxxxxxxxxxx", 20);
		refuses_bytes(file, length + 20, TRACE_ANY,
		    NAME ": it cannot be unpacked: its packed bytes are damaged, or something follows them");
		file[length / 2] ^= 0x55;
		CHECK(!parse(&again, file, length, TRACE_ANY));
		trace_free(&again);
		free(plain);
	}
	/* What is nothing but zeros comes out as long as it is. */
	memset(file, 0, sizeof(file));
	{
		static unsigned char small[8192];

		length = packed(file, sizeof(file), small, sizeof(small));
		CHECK(!parse(&again, small, length, TRACE_ANY));
	}
	trace_free(&again);
	trace_free(&t);
}

/* ---- Traces of others ---- */

static void
twitters_lines_are_read(void)
{
	struct trace t = { 0 };
	const char *text = "0,a,1,2,3,get,0\n1,b,with,commas,1,2,3,set,60\n2,a,1,2,3,gets,0\n3,a,1,0,3,delete,0\r\n4,a,1,2,3,add,0\n"
	    "5,a,1,2,3,cas,0\n6,a,1,2,3,incr,0\n7,c,1,2,3,replace,0\n";

	CHECK(parse(&t, text, strlen(text), TRACE_TWITTER));
	CHECK_EQ(t.records, 8);
	CHECK_EQ(t.keys, 3);
	key_is(&t, 1, "b,with,commas", 13);
	record_is(&t, 0, OP_GET, 0, 0);
	record_is(&t, 1, OP_UPSERT, 1, 0);
	record_is(&t, 2, OP_GET, 0, 0);
	record_is(&t, 3, OP_REMOVE, 0, 0);
	record_is(&t, 4, OP_INSERT, 0, 0);
	record_is(&t, 5, OP_MODIFY, 0, 0);
	record_is(&t, 6, OP_MODIFY, 0, 0);
	record_is(&t, 7, OP_REPLACE, 2, 0);
	trace_free(&t);
#define TWITTER_REFUSED(text, wanted) refuses_bytes(text, sizeof(text) - 1, TRACE_TWITTER, NAME ":" wanted)
	TWITTER_REFUSED("0,a,1,2,3,get,0\n0,1,2,3,get,0\n",
	    "2: it is not TIME,KEY,KEY BYTES,VALUE BYTES,CLIENT,OPERATION,TTL");
	TWITTER_REFUSED("get a\n", "1: it is not TIME,KEY,KEY BYTES,VALUE BYTES,CLIENT,OPERATION,TTL");
	TWITTER_REFUSED("x,a,1,2,3,get,0\n", "1: time, sizes, client and TTL must be whole numbers");
	TWITTER_REFUSED("0,a,1,2,3,get,\n", "1: time, sizes, client and TTL must be whole numbers");
	TWITTER_REFUSED("0,,1,2,3,get,0\n", "1: the key is missing");
	TWITTER_REFUSED("0,a,1,2,3,flush,0\n", "1: 'flush' is no operation of such a trace");
}

static void
oracle_generals_records_are_read(void)
{
	unsigned char file[3 * 24] = { 0 };
	struct trace t = { 0 };

	put_le(file + 4, 7, 8);
	put_le(file + 24 + 4, UINT64_MAX, 8);
	put_le(file + 48 + 4, 7, 8);
	CHECK(parse(&t, file, sizeof(file), TRACE_ORACLE_GENERAL));
	CHECK_EQ(t.records, 3);
	CHECK_EQ(t.keys, 2);
	key_is(&t, 0, "7", 1);
	key_is(&t, 1, "18446744073709551615", 20);
	record_is(&t, 2, OP_GET, 0, 0);
	trace_free(&t);
	refuses_bytes(file, sizeof(file) - 1, TRACE_ORACLE_GENERAL,
	    NAME ": byte 48: it is cut off in a record, which has 24 bytes");
}

/* ---- Files ---- */

static void
a_path_that_is_no_file_is_refused(void)
{
	char folder[] = "/tmp/test_trace.XXXXXX", path[64], wanted[128];
	struct trace t = { 0 };

	CHECK(mkdtemp(folder) != NULL);
	CHECK(!trace_read(&t, folder, TRACE_ANY, NULL, error, sizeof(error)));
	snprintf(wanted, sizeof(wanted), "%s: it is a folder", folder);
	CHECK(strcmp(error, wanted) == 0);
	snprintf(path, sizeof(path), "%s/gone", folder);
	CHECK(!trace_read(&t, path, TRACE_ANY, NULL, error, sizeof(error)));
	snprintf(wanted, sizeof(wanted), "%s: %s", path, strerror(ENOENT));
	CHECK(strcmp(error, wanted) == 0);
	/* What is there stays. */
	parse_text(&t, "get a\n");
	CHECK(trace_write(&t, path, TRACE_TEXT, error, sizeof(error)));
	CHECK(!trace_write(&t, path, TRACE_BINARY, error, sizeof(error)));
	snprintf(wanted, sizeof(wanted), "%s: it exists already; name another", path);
	CHECK(strcmp(error, wanted) == 0);
	trace_free(&t);
	CHECK(trace_read(&t, path, TRACE_ANY, NULL, error, sizeof(error)) && t.records == 1);
	trace_free(&t);
	if (chmod(path, 0) == 0 && access(path, R_OK) != 0) {
		CHECK(!trace_read(&t, path, TRACE_ANY, NULL, error, sizeof(error)));
		snprintf(wanted, sizeof(wanted), "%s: %s", path, strerror(EACCES));
		CHECK(strcmp(error, wanted) == 0);
	}
	unlink(path);
	/* Nothing else is left behind. */
	CHECK(rmdir(folder) == 0);
}

static void
more_bytes_than_allowed_are_not_read(void)
{
	static const unsigned char zeros[200000];
	static unsigned char small[8192];
	char path[] = "/tmp/test_trace.XXXXXX";
	int file = mkstemp(path);
	unsigned char *data;
	size_t length;
	size_t bytes = 0;

	CHECK(file >= 0 && write(file, "0123456789", 10) == 10);
	close(file);
	data = file_read(path, 10, &bytes, error, sizeof(error));
	CHECK(data != NULL && bytes == 10);
	free(data);
	CHECK(file_read(path, 9, &bytes, error, sizeof(error)) == NULL);
	CHECK(strstr(error, ": it is too large: 9 bytes are read at most") != NULL);
	/* What is packed is held against its size unpacked. */
	length = packed(zeros, sizeof(zeros), small, sizeof(small));
	CHECK(!file_is_packed(small, 1) && file_is_packed(small, length) && !file_is_packed(zeros, sizeof(zeros)));
	data = file_unpack("z", small, length, sizeof(zeros), &bytes, error, sizeof(error));
	CHECK(data != NULL && bytes == sizeof(zeros) && memcmp(data, zeros, bytes) == 0);
	free(data);
	CHECK(file_unpack("z", small, length, sizeof(zeros) - 1, &bytes, error, sizeof(error)) == NULL);
	CHECK(strcmp(error, "z: it is too large: 199999 bytes are read at most") == 0);
	file = open(path, O_WRONLY | O_TRUNC);
	CHECK(file >= 0 && write(file, small, length) == (ssize_t)length);
	close(file);
	data = file_read_unpacked(path, sizeof(zeros), &bytes, error, sizeof(error));
	CHECK(data != NULL && bytes == sizeof(zeros));
	free(data);
	unlink(path);
}

/* ---- Replay ---- */

static void
the_first_operation_says_what_was_there(void)
{
	static const struct {
		const char *text;
		bool warm;
		uint64_t first, most, last, hits;
	} cases[] = {
		{ "get a\n", true, 1, 1, 1, 1 },
		{ "get a\n", false, 0, 0, 0, 0 },
		{ "insert a\nget a\n", true, 0, 1, 1, 2 },
		{ "insert a\ninsert a\n", true, 0, 1, 1, 1 },
		{ "upsert a\nupsert a\n", true, 0, 1, 1, 1 },
		{ "remove a\nget a\ninsert b\nreplace b\nmodify c\n", true, 2, 2, 2, 4 },
		{ "get a\nscan a 1\nget a\ninsert a\nremove a\n", true, 0, 1, 0, 2 },
		{ "get a\nupsert a\ninsert a\n", true, 1, 1, 1, 2 },
		{ "get a\nremove a\ninsert a\n", true, 1, 1, 1, 3 },
		{ "scan a 5\ninsert a\nremove a\nremove a\n", true, 0, 1, 0, 2 },
		{ "insert a\ninsert b\nremove a\ninsert c\n", true, 0, 2, 2, 4 },
		{ "replace a\nmodify b\nremove c\n", false, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t present[8] = { 0 };
		struct trace_replay replay;
		struct trace t = { 0 };
		uint64_t hits = 0;

		parse_text(&t, cases[i].text);
		if (cases[i].warm)
			trace_warm(&t, 0, present);
		trace_replay(&t, 0, t.records, present, &replay);
		for (unsigned op = 0; op < OP_COUNT; op++)
			hits += replay.hits[op];
		CHECK_EQ(replay.first, cases[i].first);
		CHECK_EQ(replay.most, cases[i].most);
		CHECK_EQ(replay.last, cases[i].last);
		CHECK_EQ(hits, cases[i].hits);
		trace_free(&t);
	}
}

static const struct test tests[] = {
	TEST(text_says_operations_and_keys),
	TEST(bad_text_is_refused_with_its_line),
	TEST(both_forms_say_the_same),
	TEST(a_second_file_goes_on),
	TEST(what_a_file_says_of_itself_is_not_believed),
	TEST(damage_to_a_binary_file_is_seen),
	TEST(rubbish_does_no_harm),
	TEST(packed_files_are_unpacked),
	TEST(twitters_lines_are_read),
	TEST(oracle_generals_records_are_read),
	TEST(a_path_that_is_no_file_is_refused),
	TEST(more_bytes_than_allowed_are_not_read),
	TEST(the_first_operation_says_what_was_there),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
