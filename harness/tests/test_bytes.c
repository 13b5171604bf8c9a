/*
 * Byte strings for key numbers and values: no two keys have one name, whatever shape and size is asked for;
 * sizes are as asked; names too short for the keys are refused; a value of any size that has
 * one byte wrong is not taken for one; a pair is its key's only if name and value say the same.
 */
/* not under tsan: one thread */
#include <ctype.h>
#include <string.h>

#include "core/tests/check.h"
#include "harness/bytes.h"
#include "harness/options.h"
#include "harness/random.h"
#include "harness/worker.h"

#define KEYS_MOST (UINT64_C(1) << 56)

/* The values of "--key-bytes=RANGE --key-shape=SHAPE --value-bytes=N", for options_free(). */
static struct option_values *
values_of(const char *range, const char *shape, const char *value_bytes)
{
	char words[4][64] = { "test" }, *argv[] = { words[0], words[1], words[2], words[3], NULL };
	struct option_group group = { .owner = "subject", .options = bytes_options };
	struct option_values *values = NULL;
	struct command_line line;
	char error[512] = "";

	snprintf(words[1], sizeof(words[1]), "--key-bytes=%s", range);
	snprintf(words[2], sizeof(words[2]), "--key-shape=%s", shape);
	snprintf(words[3], sizeof(words[3]), "--value-bytes=%s", value_bytes);
	CHECK(command_line_read(&line, 4, argv, &group, 1, error, sizeof(error)));
	if (!options_single(bytes_options, &line, &values, error, sizeof(error)))
		fprintf(stderr, "# %s\n", error);
	CHECK(values != NULL);
	command_line_free(&line);
	return values;
}

static struct bytes_names
names_of(const char *range, const char *shape, uint64_t keys)
{
	struct option_values *values = values_of(range, shape, "32");
	struct bytes_names names;
	char error[512];

	CHECK(bytes_names_init(&names, values, keys, error, sizeof(error)));
	options_free(values);
	return names;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* All names of keys first .. first + count - 1, each of least to most bytes, differ. */
static void
names_differ(const struct bytes_names *names, uint64_t first, size_t count, size_t least, size_t most)
{
	size_t stride = names->is.scratch_bytes + 2;
	char *all = malloc(count * (most + 1));
	unsigned char *scratch = malloc(stride);

	CHECK(all != NULL && scratch != NULL);
	for (size_t i = 0; i < count; i++) {
		struct byte_string name;

		memset(scratch, 0xee, stride);
		name = names->is.name(&names->is, first + i, scratch);
		CHECK(name.bytes >= least && name.bytes <= most);
		CHECK(scratch[names->is.scratch_bytes] == 0xee);
		memcpy(all + i * (most + 1), name.data, name.bytes);
		all[i * (most + 1) + name.bytes] = '\0';
		CHECK(strlen(all + i * (most + 1)) == name.bytes);
		for (size_t k = 0; k < name.bytes; k++)
			CHECK(isgraph(((const unsigned char *)name.data)[k]));
	}
	qsort(all, count, most + 1, by_text);
	for (size_t i = 1; i < count; i++)
		CHECK(strcmp(all + (i - 1) * (most + 1), all + i * (most + 1)) != 0);
	free(all);
	free(scratch);
}

static const char *const shapes[] = { "random", "path" };

/* As many keys as there can be names of that size: all of them are used. */
static void
no_two_keys_have_one_name(void)
{
	for (size_t s = 0; s < 2; s++) {
		struct bytes_names one = names_of("1", shapes[s], 32), three = names_of("3", shapes[s], 32768);

		names_differ(&one, 0, 32, 1, 1);
		names_differ(&three, 0, 32768, 3, 3);
	}
}

static void
names_of_any_size_differ(void)
{
	static const struct { const char *text; size_t least, most; } ranges[] = {
		{ "12", 12, 12 }, { "13..40", 13, 40 }, { "16", 16, 16 }, { "64..65", 64, 65 }, { "129", 129, 129 } };

	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
			struct bytes_names names = names_of(ranges[i].text, shapes[s], KEYS_MOST);

			names_differ(&names, 0, 2000, ranges[i].least, ranges[i].most);
			/* Where the second half of the digits changes, and the last keys that there are. */
			names_differ(&names, (UINT64_C(1) << 40) - 1000, 2000, ranges[i].least, ranges[i].most);
			names_differ(&names, KEYS_MOST - 2000, 2000, ranges[i].least, ranges[i].most);
		}
}

/* Keys far apart in the digits that the first chunk of a name does not hold. */
static void
every_bit_of_the_number_is_in_the_name(void)
{
	for (size_t s = 0; s < 2; s++) {
		struct bytes_names names = names_of("12", shapes[s], KEYS_MOST);
		char text[56 * 57 / 2 + 57][13];
		unsigned char scratch[128];
		size_t count = 0;

		CHECK(names.is.scratch_bytes <= sizeof(scratch));
		for (unsigned i = 0; i < 56; i++)
			for (unsigned k = i; k < 56; k++) {
				uint64_t key = UINT64_C(1) << i | UINT64_C(1) << k;
				struct byte_string name = names.is.name(&names.is, key, scratch);

				CHECK_EQ(name.bytes, 12);
				memcpy(text[count], name.data, 12);
				text[count++][12] = '\0';
			}
		qsort(text, count, sizeof(text[0]), by_text);
		for (size_t i = 1; i < count; i++)
			CHECK(strcmp(text[i - 1], text[i]) != 0);
	}
}

static void
shapes_are_as_said(void)
{
	struct bytes_names random = names_of("20", "random", 1000), path = names_of("20", "path", 1000);
	unsigned char one[128], two[128];
	bool first[256] = { false };
	unsigned firsts = 0;

	for (uint64_t key = 0; key < 1000; key++) {
		const unsigned char *name = random.is.name(&random.is, key, one).data;

		firsts += !first[name[0]];
		first[name[0]] = true;
		if (key == 0)
			continue;
		(void)path.is.name(&path.is, key, one);
		(void)path.is.name(&path.is, key - 1, two);
		/* 1000 keys: two characters tell them apart. */
		CHECK(memcmp(one, two, 18) == 0 && one[0] == '/');
		CHECK(memcmp(one + 18, two + 18, 2) > 0 || one[18] != two[18] || isdigit(one[19]));
	}
	CHECK_EQ(firsts, 32);
}

/* A range: every length occurs, about as often, and always the same for a key. */
static void
lengths_are_drawn_from_the_range(void)
{
	struct bytes_names names = names_of("16..19", "random", 4000);
	unsigned count[20] = { 0 };
	unsigned char scratch[128];

	for (uint64_t key = 0; key < 4000; key++) {
		size_t bytes = names.is.name(&names.is, key, scratch).bytes;

		CHECK(bytes == names.is.name(&names.is, key, scratch).bytes);
		count[bytes]++;
	}
	/* Binomial: 1000 of 4000, standard deviation 27. */
	for (unsigned bytes = 16; bytes < 20; bytes++)
		CHECK(count[bytes] > 850 && count[bytes] < 1150);
}

static void
names_too_short_are_refused(void)
{
	static const struct { const char *range; uint64_t keys; const char *error; } bad[] = {
		{ "1", 33, "--key-bytes 1 cannot name 33 keys: that takes at least 2" },
		{ "3..64", 1000000, "--key-bytes 3..64 cannot name 1000000 keys: that takes at least 4" },
		{ "11", KEYS_MOST, "--key-bytes 11 cannot name 72057594037927936 keys: that takes at least 12" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct option_values *values = values_of(bad[i].range, "random", "32");
		struct bytes_names names;
		char error[200] = "";

		CHECK(!bytes_names_init(&names, values, bad[i].keys, error, sizeof(error)));
		if (strcmp(error, bad[i].error) != 0)
			fprintf(stderr, "# %s\n", error);
		CHECK(strcmp(error, bad[i].error) == 0);
		options_free(values);
	}
}

static const struct subject byte_subject = { .flags = SUBJECT_BYTES }, number_subject = { .flags = 0 };

/* What the harness gives to the subject for these options, for options_free(params->options). */
static void
params_of(struct subject_params *params, struct bytes_names *names, const char *value_bytes)
{
	char error[200] = "";

	*params = (struct subject_params){ .keys = 1000, .options = values_of("16", "random", value_bytes) };
	CHECK(bytes_params(names, &byte_subject, params, error, sizeof(error)));
}

static void
free_params(struct subject_params *params)
{
	options_free((struct option_values *)(uintptr_t)params->options);
}

/* Names that a workload gives stay; who has no use for any gets none. */
static void
params_are_filled_in_where_they_lack(void)
{
	static const struct key_names given = { .scratch_bytes = 1 };
	struct bytes_names names;
	struct subject_params params;
	char error[200];

	params_of(&params, &names, "40");
	CHECK(params.names == &names.is && params.value_bytes == 40);
	params.names = &given;
	CHECK(bytes_params(&names, &byte_subject, &params, error, sizeof(error)) && params.names == &given);
	params.names = NULL;
	params.value_bytes = 0;
	CHECK(bytes_params(&names, &number_subject, &params, error, sizeof(error)));
	CHECK(params.names == NULL && params.value_bytes == 0);
	free_params(&params);
}

static void
values_of_any_size_are_checked_byte_by_byte(void)
{
	static const char *const sizes[] = { "8", "9", "15", "16", "17", "31", "32", "40", "100" };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t value = worker_value(123, 45);
		struct bytes_names names;
		struct subject_params params;
		unsigned char copy[104];
		struct bytes b;

		params_of(&params, &names, sizes[i]);
		CHECK(bytes_open(&b, &params, 1));
		CHECK_EQ(bytes_value(&b, value).bytes, strtoul(sizes[i], NULL, 10));
		memcpy(copy + 3, b.value, b.value_bytes);
		CHECK_EQ(bytes_read(&b, copy + 3, b.value_bytes), value);
		CHECK_EQ(bytes_read(&b, copy + 3, b.value_bytes - 1), 0);
		for (size_t at = 0; at < b.value_bytes; at++) {
			copy[3 + at] ^= 4;
			/* Another first word is another key's value, or, of a value of 8 bytes, another version. */
			CHECK(bytes_read(&b, copy + 3, b.value_bytes) == 0 || at < 8);
			CHECK(!worker_value_is_for(bytes_read(&b, copy + 3, b.value_bytes), 123) ||
			    (at == 0 && b.value_bytes == 8));
			copy[3 + at] ^= 4;
		}
		bytes_close(&b);
		free_params(&params);
	}
}

static void
a_pair_is_its_keys_if_name_and_value_agree(void)
{
	struct bytes_names names;
	struct subject_params params;
	struct byte_string name;
	unsigned char copy[128];
	struct bytes b;

	params_of(&params, &names, "32");
	CHECK(bytes_open(&b, &params, 2));
	for (uint64_t key = 0; key < 1000; key += 37) {
		name = bytes_name_at(&b, key, 1);
		memcpy(copy, name.data, name.bytes);
		CHECK_EQ(bytes_key(&b, copy, name.bytes, worker_value(key, 9)), key);
		CHECK_EQ(bytes_key(&b, copy, name.bytes, worker_value(key + 1, 9)), UINT64_MAX);
		CHECK_EQ(bytes_key(&b, copy, name.bytes - 1, worker_value(key, 9)), UINT64_MAX);
		copy[5] ^= 1;
		CHECK_EQ(bytes_key(&b, copy, name.bytes, worker_value(key, 9)), UINT64_MAX);
	}
	/* No value at all, and one of a key that is none. */
	CHECK_EQ(bytes_key(&b, copy, name.bytes, 0), UINT64_MAX);
	CHECK_EQ(bytes_key(&b, copy, name.bytes, worker_value(1000, 0)), UINT64_MAX);
	bytes_close(&b);
	free_params(&params);
}

static const struct test tests[] = {
	TEST(no_two_keys_have_one_name),
	TEST(names_of_any_size_differ),
	TEST(every_bit_of_the_number_is_in_the_name),
	TEST(shapes_are_as_said),
	TEST(lengths_are_drawn_from_the_range),
	TEST(names_too_short_are_refused),
	TEST(params_are_filled_in_where_they_lack),
	TEST(values_of_any_size_are_checked_byte_by_byte),
	TEST(a_pair_is_its_keys_if_name_and_value_agree),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
