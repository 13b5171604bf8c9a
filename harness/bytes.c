/*
 * bytes.c - names of key numbers.
 *
 * A name is made of characters of five bits each: a to z, 2 to 7 (RFC 4648). As many of them as it takes to
 * tell the keys apart, `digits`, hold the number, so no two names of a length are the same.
 *
 *	random  the number, mixed by a bijection of its bits, then what follows from it: names that differ from the
 *	        first character on
 *	path    the same folders for all, then the number as it is: names that differ only in their last characters
 */
#include "harness/bytes.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "harness/options.h"
#include "harness/random.h"

#define DIGIT_BITS 5u
#define CHUNK 8u                                 /* characters that are made at a time */
#define CHUNK_BITS ((UINT64_C(1) << DIGIT_BITS * CHUNK) - 1)
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)
/* Names are written by the block, and may go over their end. */
#define SLACK 64u

static const char folders[] = "/srv/archive/shared/objects/by-owner/0000/incoming/volume/sort/x";
_Static_assert(sizeof(folders) == SLACK + 1, "folders are copied by the block");

/* ---- Options ---- */

static const char *const shapes[] = { "random", "path", NULL };

static bool
check_shape(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	return options_check_word(shapes, text, canonical, canonical_size, error, error_size);
}

/* "16" or "16..64" into least and most. */
static bool
parse_range(const char *text, uint64_t *least, uint64_t *most, char *error, size_t error_size)
{
	const char *dots = strstr(text, "..");
	size_t length = dots != NULL ? (size_t)(dots - text) : strlen(text);
	char first[32], said[200];

	snprintf(first, sizeof(first), "%.*s", (int)(length < sizeof(first) ? length : 0), text);
	if (options_parse_count(first, least, said, sizeof(said)) &&
	    options_parse_count(dots != NULL ? dots + 2 : first, most, said, sizeof(said)) && *least >= 1 &&
	    *least <= *most && *most <= BYTES_NAME_MOST)
		return true;
	snprintf(error, error_size, "'%s': wanted are 1 to %u bytes, as N or MIN..MAX", text, BYTES_NAME_MOST);
	return false;
}

static bool
check_range(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	uint64_t least, most;

	if (!parse_range(text, &least, &most, error, error_size))
		return false;
	if (least == most)
		snprintf(canonical, canonical_size, "%" PRIu64, least);
	else
		snprintf(canonical, canonical_size, "%" PRIu64 "..%" PRIu64, least, most);
	return true;
}

/* Sizes that differ in kind. */
static const char *
choose_range(size_t i)
{
	static const char *const sizes[] = { BYTES_KEY_INITIAL, "16..64", NULL };

	return sizes[i];
}

const struct plugin_option bytes_options[] = {
	{ .name = "key-bytes", .type = OPTION_TEXT, .meta = "N|MIN..MAX", .check = check_range, .choice = choose_range,
	    .help = "size of the keys, 1 to 65536, or the range that each key's own is drawn from (default "
	            BYTES_KEY_INITIAL "; not with a workload that names its keys itself)" },
	{ .name = "key-shape", .type = OPTION_TEXT, .meta = "SHAPE", .check = check_shape,
	    .help = "random: keys differ from the first byte on; path: only in their last ones, like names of files "
	            "(default " BYTES_SHAPE_INITIAL ")" },
	{ .name = "value-bytes", .type = OPTION_COUNT, .initial = "32", .meta = "N", .least = BYTES_VALUE_LEAST,
	    .most = BYTES_VALUE_MOST, .help = "size of the values, 8 to 16Mi" },
	{ .name = NULL },
};

/* ---- Names ---- */

/* Five bits of x in each byte, the lowest ones first, as characters in the order of memory. */
static inline uint64_t
characters(uint64_t x)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t digits;

	x = (x & 0xfffff) | (x & UINT64_C(0xfffff00000)) << 12;
	x = (x & UINT64_C(0x000003ff000003ff)) | (x & UINT64_C(0x000ffc00000ffc00)) << 6;
	x = (x & UINT64_C(0x001f001f001f001f)) | (x & UINT64_C(0x03e003e003e003e0)) << 3;
	/* 1 in each byte of 26 and more: these are the digits, from '2' on. */
	digits = (x + ones * (128 - 26)) >> 7 & ones;
	return x + ones * 'a' - digits * ('a' + 26 - '2');
}

static size_t
name_length(const struct bytes_names *n, uint64_t key)
{
	/* The upper half of the hash, scaled. */
	return n->least + (n->lengths == 1 ? 0 : (random_mix(key + GOLDEN) >> 32) * n->lengths >> 32);
}

/* A bijection of the numbers that have no bits but those of the mask. */
static uint64_t
scramble(const struct bytes_names *n, uint64_t x)
{
	unsigned half = n->digits * DIGIT_BITS / 2 + 1;

	x = (x ^ x >> half) * UINT64_C(0xbf58476d1ce4e5b9) & n->mask;
	x = (x ^ x >> half) * UINT64_C(0x94d049bb133111eb) & n->mask;
	return x ^ x >> half;
}

static struct byte_string
name_random(const struct key_names *names, uint64_t key, unsigned char *scratch)
{
	const struct bytes_names *n = (const struct bytes_names *)names;
	size_t length = name_length(n, key);
	uint64_t more = random_mix(key), bits = scramble(n, key) | more << n->digits * DIGIT_BITS;

	for (size_t at = 0;; at += CHUNK) {
		uint64_t text = htole64(characters(bits & CHUNK_BITS));

		memcpy(scratch + at, &text, CHUNK);
		if (at + CHUNK >= length)
			break;
		/* At most 60 bits of a number: two chunks hold them. */
		bits = at == 0 ? bits >> DIGIT_BITS * CHUNK | more >> 40 << 24 : random_mix(more += GOLDEN);
	}
	return (struct byte_string){ scratch, length };
}

static struct byte_string
name_path(const struct key_names *names, uint64_t key, unsigned char *scratch)
{
	const struct bytes_names *n = (const struct bytes_names *)names;
	size_t length = name_length(n, key), same = length - n->digits;
	/* The lowest digit last. */
	uint64_t text[2] = { htobe64(characters(key >> DIGIT_BITS * CHUNK)), htobe64(characters(key & CHUNK_BITS)) };

	for (size_t at = 0; at < same; at += SLACK)
		memcpy(scratch + at, folders, SLACK);
	memcpy(scratch + same, (const char *)text + sizeof(text) - n->digits, n->digits);
	return (struct byte_string){ scratch, length };
}

bool
bytes_names_init(struct bytes_names *n, const struct option_values *options, uint64_t keys, char *error,
    size_t error_size)
{
	const char *range = option_is_set(options, "key-bytes") ? option_text(options, "key-bytes") : BYTES_KEY_INITIAL;
	const char *shape = option_is_set(options, "key-shape") ? option_text(options, "key-shape") : BYTES_SHAPE_INITIAL;
	uint64_t least, most;
	char said[200];

	if (!parse_range(range, &least, &most, said, sizeof(said))) {
		snprintf(error, error_size, "--key-bytes: %s", said);
		return false;
	}
	*n = (struct bytes_names){ .least = (uint32_t)least, .lengths = (uint32_t)(most - least) + 1, .digits = 1 };
	while (keys > 1 && (keys - 1) >> DIGIT_BITS * n->digits != 0)
		n->digits++;
	n->mask = (UINT64_C(1) << DIGIT_BITS * n->digits) - 1;
	if (n->digits > least) {
		snprintf(error, error_size, "--key-bytes %s cannot name %" PRIu64 " keys: that takes at least %u", range,
		    keys, n->digits);
		return false;
	}
	n->is.name = strcmp(shape, "path") == 0 ? name_path : name_random;
	n->is.scratch_bytes = most + SLACK;
	return true;
}

bool
bytes_params(struct bytes_names *own, const struct subject *subject, struct subject_params *params, char *error,
    size_t error_size)
{
	if ((subject->flags & SUBJECT_BYTES) == 0)
		return true;
	params->value_bytes = option_count(params->options, "value-bytes");
	if (params->names != NULL)
		return true;
	params->names = &own->is;
	return bytes_names_init(own, params->options, params->keys, error, error_size);
}

/* ---- For adapters ---- */

bool
bytes_open(struct bytes *b, const struct subject_params *params, size_t group)
{
	/* Lines of its own: other threads write to theirs. */
	size_t stride = (params->names->scratch_bytes + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
	size_t value = (params->value_bytes + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);

	size_t values = BYTES_GROUP_VALUES / value, bytes;

	values = values < 1 ? 1 : values > group ? group : values;
	bytes = values * value + (group + 1) * stride;
	*b = (struct bytes){ .names = params->names, .keys = params->keys, .value_bytes = params->value_bytes,
		.values = values, .value_stride = value, .stride = stride };
	b->value = aligned_alloc(CACHE_LINE_BYTES, bytes);
	if (b->value == NULL)
		return false;
	/* All of it is written before anybody reads it, but by whole words. */
	memset(b->value, 0, bytes);
	b->name = b->value + values * value;
	b->other = b->name + group * stride;
	return true;
}

void
bytes_close(struct bytes *b)
{
	free(b->value);
}
