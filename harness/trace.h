/*
 * trace.h - operations from a file: a text that people write, and a binary
 * form that is small and quick to read. Either may be compressed by gzip.
 *
 * Text, one operation a line:
 *
 *	get KEY       insert KEY    upsert KEY
 *	remove KEY    replace KEY   modify KEY
 *	scan KEY N    at most N pairs from the place of KEY on, N = 1 .. 1024
 *
 * A KEY is a number or any other word, or a text in double quotes, in which \" \\ \n \t and
 * \xHH (two hexadecimal digits) stand for a byte. Keys are the same if their bytes are: 7 and "7" are one
 * key, 7 and 07 are two. Words are separated by blanks. # where a word could begin starts a comment;
 * lines without a word are nothing. A key has at most 4096 bytes.
 *
 * Distinct keys are numbered 0, 1, 2 ... in the order of their first appearance.
 *
 * Binary, little-endian, no padding; a check is the XXH3 (64 bits) of the bytes:
 *
 *	 0  "hamttrce"
 *	 8  u32 version (1), u32 zero
 *	16  u64 distinct keys, u64 records
 *	32  u64 bytes of the dictionary, u64 bytes of the records
 *	48  u64 check of the dictionary, u64 check of the records, u64 check of bytes 0 .. 63
 *	72  the dictionary: for each key by its number its length, a varint, and its bytes
 *	    the records: for each a varint, number << 3 | operation; of a scan, another one, N
 *
 * A varint has 7 bits a byte, low ones first, the high bit says that more follow. Operations are
 * numbered get 0, insert 1, upsert 2, remove 3, replace 4, modify 5, scan 7. The dictionary holds no key
 * twice and none that no record names, and the records name keys for the first time in their order.
 * Nothing follows. So two files with the same operations are the same bytes.
 *
 * What a file says of its lengths is checked against how long it is before it is believed.
 */
#ifndef HARNESS_TRACE_H
#define HARNESS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "harness/plugin.h"

#define TRACE_MAGIC "hamttrce"
#define TRACE_KEY_BYTES_MAX 4096u
#define TRACE_SCAN_MAX 1024u
#define TRACE_KEYS_MAX (UINT64_C(1) << 40)

/*
 * A record, one operation in a word: bits 0 .. 2 the operation (enum op, OP_GET_MANY is none), from 3 on
 * N of a scan, 24 .. 63 the number of the key, the others 0.
 */
#define TRACE_KEY_SHIFT 24
#define TRACE_SCAN_SHIFT 3

static inline uint64_t
trace_record(enum op op, uint64_t key, uint64_t scan)
{
	return key << TRACE_KEY_SHIFT | scan << TRACE_SCAN_SHIFT | (uint64_t)op;
}

static inline enum op
trace_op(uint64_t record)
{
	return (enum op)(record & 7);
}

static inline uint64_t
trace_key(uint64_t record)
{
	return record >> TRACE_KEY_SHIFT;
}

static inline uint64_t
trace_scan(uint64_t record)
{
	return record >> TRACE_SCAN_SHIFT & 2047;
}

struct trace {
	uint64_t *record;
	uint64_t records;
	uint64_t keys;         /* distinct ones */
	unsigned char *text;   /* the bytes of all keys, by number, one behind the other */
	uint64_t *key_end;     /* where in text key number i ends; it begins where the one before ends */
	/* The reader's own. */
	uint64_t records_room, keys_room, text_room;
	uint64_t *slot;        /* hash table: number + 1; 0 = empty */
	uint64_t slots;
};

/* trace_key_text - the bytes of key number `key`, and in *length how many. */
static inline const unsigned char *
trace_key_text(const struct trace *t, uint64_t key, size_t *length)
{
	uint64_t begin = key > 0 ? t->key_end[key - 1] : 0;

	*length = (size_t)(t->key_end[key] - begin);
	return t->text + begin;
}

/* What the bytes of a file are taken for. */
enum trace_form {
	TRACE_ANY,            /* text or binary, as it begins */
	TRACE_TEXT, TRACE_BINARY,
	TRACE_TWITTER,        /* lines of Twitter's cache traces: time,key,key bytes,value bytes,client,operation,TTL */
	TRACE_ORACLE_GENERAL, /* libCacheSim's records of 24 bytes: u32 time, u64 key, u32 bytes, i64 next use; all gets */
	TRACE_FORMS
};

/* "any", "text", "binary", "twitter", "oracle-general", NULL. */
extern const char *const trace_form_names[TRACE_FORMS + 1];

/*
 * trace_parse - add what `bytes` bytes at data say to t, which may hold something already: keys keep
 * their numbers. name is what messages call it.
 * Returns   true and, if found is not NULL, *found; false and one line in error, NAME:LINE: or NAME: byte AT:, and t is
 *           to be freed: an operation, key or N that cannot be, cut off, a check that differs, a version that is not
 *           known, counts that are not true, nothing in it, no memory.
 */
bool trace_parse(struct trace *t, const char *name, const void *data, size_t bytes, enum trace_form form,
    enum trace_form *found, char *error, size_t size) MUST_USE;

/* trace_read - the same of a file. False, too: it cannot be read, is a folder, or larger than half of the memory. */
bool trace_read(struct trace *t, const char *path, enum trace_form form, enum trace_form *found, char *error,
    size_t size) MUST_USE;

/*
 * trace_add - one more operation, on the key of these bytes; scan: its N, 0 for the others.
 * False: no memory, or 2^40 keys.
 */
bool trace_add(struct trace *t, enum op op, const void *key, size_t length, uint64_t scan) MUST_USE;

void trace_free(struct trace *t); /* and zero it */

/* trace_write - into a new file, TRACE_TEXT or TRACE_BINARY. False and one line in error: it exists already (and is left alone), cannot be written. */
bool trace_write(const struct trace *t, const char *path, enum trace_form form, char *error, size_t size) MUST_USE;

/* trace_check - a number that is the same for the same operations, whatever the form of the file. */
uint64_t trace_check(const struct trace *t);

/*
 * trace_warm - present[key] becomes 1 if key was in the map before record number `from`, as far as the trace tells
 * from there on: its first operation is a get, remove, replace or modify, and no get that an insert of it follows, which
 * shows that the get found nothing. Else it becomes 0. present: one for each key, all 0.
 */
void trace_warm(const struct trace *t, uint64_t from, uint8_t present[]);

/* What one thread meets that does the records in their order. */
struct trace_replay {
	uint64_t first, most, last; /* keys in the map at first, at most, at the end */
	uint64_t calls[OP_COUNT];
	uint64_t hits[OP_COUNT];    /* a scan is none */
};

/* trace_replay - do records from .. to - 1; present: 1 for each key that is in the map, before and then after. */
void trace_replay(const struct trace *t, uint64_t from, uint64_t to, uint8_t present[], struct trace_replay *replay);

#endif
