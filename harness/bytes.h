/*
 * bytes.h - byte strings for subjects whose keys and values are such (SUBJECT_BYTES): names of key numbers as
 * options ask for them, values of any size made of 64-bit ones, and what an adapter needs of both.
 *
 * An adapter makes the name of a key in each of its operations, and the value where one goes in; where one comes
 * out it reads every byte of it. That is part of the operation as a program has it that gets its
 * keys from somewhere; subject null-bytes measures it alone.
 * Threads: a struct bytes belongs to one thread; names are shared and not written.
 */
#ifndef HARNESS_BYTES_H
#define HARNESS_BYTES_H

#include <string.h>

#include "harness/plugin.h"

/* ---- Names ---- */

#define BYTES_NAME_MOST 65536u
#define BYTES_VALUE_LEAST 8u
#define BYTES_VALUE_MOST (16u << 20)

/* What options stand at unless they are given. */
#define BYTES_KEY_INITIAL "16"
#define BYTES_SHAPE_INITIAL "random"

/* key-bytes, key-shape, value-bytes: every SUBJECT_BYTES has them. */
extern const struct plugin_option bytes_options[];

/* Names that the options ask for: a pure function of the key's number. */
struct bytes_names {
	struct key_names is;        /* first: name() gets the address of it */
	uint32_t least, lengths;    /* the shortest, and how many lengths there are */
	unsigned digits;            /* characters that tell all keys apart */
	uint64_t mask;              /* of the bits in them */
};

/*
 * bytes_names_init - by the options of a SUBJECT_BYTES, for keys below `keys`.
 * Returns   true; false and one line in error: the names are too short to tell so many keys apart.
 */
bool bytes_names_init(struct bytes_names *names, const struct option_values *options, uint64_t keys, char *error,
    size_t error_size) MUST_USE;

/*
 * bytes_params - what params lacks for a SUBJECT_BYTES, by params->options: value_bytes, and names, unless they
 * are there; own must live as long as the map. Leaves other subjects' params alone.
 * Returns   as bytes_names_init().
 */
bool bytes_params(struct bytes_names *own, const struct subject *subject, struct subject_params *params,
    char *error, size_t error_size) MUST_USE;

/* ---- For adapters ---- */

/* What each handle needs. */
struct bytes {
	const struct key_names *names;
	uint64_t keys;
	size_t value_bytes;
	unsigned char *value;       /* room for values values, each at a multiple of value_stride */
	size_t values, value_stride;
	unsigned char *name;        /* room for group names, each at a multiple of stride */
	size_t stride;
	unsigned char *other;       /* room for one more name: bytes_key()'s */
};

/* All values of a group together, unless one takes more. */
#define BYTES_GROUP_VALUES (64u << 10)

/*
 * bytes_open - for one thread; group: how many names are made at a time, at least 1; and as many values, or as
 * many as BYTES_GROUP_VALUES bytes have room for: b->values.
 * Returns   true, and bytes_close() is owed; false: no memory.
 */
bool bytes_open(struct bytes *b, const struct subject_params *params, size_t group) MUST_USE;
void bytes_close(struct bytes *b);

/* bytes_name_at - the name of key, as number i of a group; valid until the next one that is made there. */
static inline struct byte_string
bytes_name_at(const struct bytes *b, uint64_t key, size_t i)
{
	return b->names->name(b->names, key, b->name + i * b->stride);
}

static inline struct byte_string
bytes_name(const struct bytes *b, uint64_t key)
{
	return bytes_name_at(b, key, 0);
}

/* Words of a value: the first is the 64-bit value, each of the others follows from it. */
#define BYTES_WORD(value, i) ((value) + (i) * UINT64_C(0x9e3779b97f4a7c15))

/* bytes_value_at - value in value_bytes of them, as number i of a group; valid until the next one that is made there. */
static inline struct byte_string
bytes_value_at(const struct bytes *b, uint64_t value, size_t i)
{
	unsigned char *p = b->value + i * b->value_stride;

	/* Whole words: there is room. */
	for (size_t k = 0; k * 8 < b->value_bytes; k++) {
		uint64_t word = BYTES_WORD(value, k);

		memcpy(p + k * 8, &word, 8);
	}
	return (struct byte_string){ p, b->value_bytes };
}

static inline struct byte_string
bytes_value(const struct bytes *b, uint64_t value)
{
	return bytes_value_at(b, value, 0);
}

/* bytes_read - the 64-bit value of a string that bytes_value() made; 0, which is no key's value: it is not one. */
static inline uint64_t
bytes_read(const struct bytes *b, const void *data, size_t length)
{
	const unsigned char *p = data;
	uint64_t value, word, wrong = 0;
	size_t i;

	if (UNLIKELY(length != b->value_bytes))
		return 0;
	memcpy(&value, p, 8);
	for (i = 1; (i + 1) * 8 <= length; i++) {
		memcpy(&word, p + i * 8, 8);
		wrong |= word ^ BYTES_WORD(value, i);
	}
	if (length % 8 != 0) {
		word = BYTES_WORD(value, i);
		wrong |= (uint64_t)(memcmp(p + i * 8, &word, length % 8) != 0);
	}
	return LIKELY(wrong == 0) ? value : 0;
}

/*
 * bytes_key - the number of the key of that name which has that value: for what a map shows of itself. The
 * value says which it must be. UINT64_MAX, which is no key: that key has another name.
 */
static inline uint64_t
bytes_key(const struct bytes *b, const void *name, size_t length, uint64_t value)
{
	uint64_t key = (value >> 8) - 1;
	struct byte_string right;

	if (key >= b->keys)
		return UINT64_MAX;
	right = b->names->name(b->names, key, b->other);
	return right.bytes == length && memcmp(right.data, name, length) == 0 ? key : UINT64_MAX;
}

#endif
