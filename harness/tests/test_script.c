/*
 * test_script.c - scripts of loads: what the phases are, and what is wrong where.
 */
/* not under tsan: one thread */
#include <stdlib.h>
#include <unistd.h>

#include "core/tests/check.h"
#include "harness/script.h"

static void
phases_are_as_written(void)
{
	static const char text[] = "# a comment\n"
	                           "\n"
	                           "fill 100K insert=100 sequential # and why\n"
	                           "\t rush-hour \t1.5s  get=50,insert=25,remove=25\n"
	                           "last_1 7 get=99.5,scan=0.5 hotspot:0.2,0.8#no comment";
	struct script s;
	char error[1024] = "";

	/* A # inside a word is part of it. */
	CHECK(!script_parse("x", text, sizeof(text) - 1, &s, error, sizeof(error)));
	CHECK(strncmp(error, "x:5: ", 5) == 0);
	CHECK(script_parse("x", text, sizeof(text) - 1 - strlen("#no comment"), &s, error, sizeof(error)));
	CHECK_EQ(s.phases, 3);
	CHECK(strcmp(s.phase[0].name, "fill") == 0 && s.phase[0].calls == 100000 && s.phase[0].ns == 0);
	CHECK(s.phase[0].mix.share[OP_INSERT] == MIX_WHOLE && s.phase[0].dist.kind == KEYS_SEQUENTIAL);
	CHECK(strcmp(s.phase[1].name, "rush-hour") == 0 && s.phase[1].calls == 0 && s.phase[1].ns == 1500000000);
	CHECK(s.phase[1].mix.share[OP_REMOVE] == MIX_WHOLE / 4 && s.phase[1].dist.kind == KEYS_UNIFORM);
	CHECK(strcmp(s.phase[2].name, "last_1") == 0 && s.phase[2].calls == 7);
	CHECK(s.phase[2].mix.share[OP_SCAN] == 500 && strcmp(s.phase[2].dist.text, "hotspot:0.2,0.8") == 0);
}

static void
what_is_wrong_is_said_with_its_line(void)
{
	static const struct {
		const char *text, *said;
	} each[] = {
		{ "", "x: there is no phase in it" },
		{ "# nothing\n\n", "x: there is no phase in it" },
		{ "a 1K get=100\nb 1K\n", "x:2: wanted are NAME, CALLS or TIME, MIX and perhaps DIST" },
		{ "a 1K get=100 uniform more\n", "x:1: 'more' is a word too many: wanted are NAME, CALLS or TIME, MIX and perhaps DIST" },
		{ "\na 1K get=100\na 1s get=100\n", "x:3: there is a phase a before" },
		{ "a/b 1K get=100\n", "x:1: 'a/b' is no name: wanted are at most 31 letters, digits, '-' and '_'" },
		{ "a123456789012345678901234567890 1 get=100\na1234567890123456789012345678901 1 get=100\n",
		    "x:2: 'a1234567890123456789012345678901' is no name: wanted are at most 31 letters, digits, '-' and '_'" },
		{ "a 0 get=100\n", "x:1: a phase without calls" },
		{ "a 5m get=100\n", "x:1: '5m' has the unknown unit 'm'; wanted is a whole number such as 4096, 200K, 1.5M or 64Ki, "
		                    "or a time with its unit such as 500ms" },
		{ "a 0s get=100\n", "x:1: '0s' is too small: it is at least 1ms" },
		{ "a 900us get=100\n", "x:1: '900us' is too small: it is at least 1ms" },
		{ "a 1K get=90\n", "x:1: 'get=90': the percentages add up to 90, not to 100" },
		{ "a 1K get=100 zipf\n", "x:1: distribution \"zipf\": zipf needs a parameter" },
		{ "a 1K get=100\r\n", "x:1: byte 13 is a control character (0x0d)" },
	};
	char many[(PLAN_PHASES + 1) * 20], length[700];
	size_t used = 0;
	struct script s;
	char error[1024];

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		error[0] = '\0';
		CHECK(!script_parse("x", each[i].text, strlen(each[i].text), &s, error, sizeof(error)));
		if (strncmp(error, each[i].said, strlen(each[i].said)) != 0)
			fprintf(stderr, "# \"%s\", wanted \"%s\"\n", error, each[i].said);
		CHECK(strncmp(error, each[i].said, strlen(each[i].said)) == 0);
	}
	for (unsigned p = 0; p <= PLAN_PHASES; p++)
		used += (size_t)snprintf(many + used, sizeof(many) - used, "p%u 1K get=100\n", p);
	CHECK(!script_parse("x", many, used, &s, error, sizeof(error)));
	CHECK(strcmp(error, "x:17: a phase too many: there may be 16") == 0);
	memset(length, ' ', sizeof(length));
	CHECK(!script_parse("x", length, sizeof(length), &s, error, sizeof(error)));
	CHECK(strcmp(error, "x:1: the line is longer than 511 bytes") == 0);
	CHECK(!script_parse("x", "a 1K get=100\0\n", 14, &s, error, sizeof(error)));
	CHECK(strcmp(error, "x:1: byte 13 is a control character (0x00)") == 0);
}

static void
files_are_read_or_it_is_said_why_not(void)
{
	char path[] = "/tmp/test_script.XXXXXX", error[1024] = "";
	int fd = mkstemp(path);
	struct script s, other;

	CHECK(fd >= 0 && write(fd, "a 1K get=100\n", 13) == 13);
	CHECK(script_read(path, &s, error, sizeof(error)) && s.phases == 1);
	CHECK(pwrite(fd, "b", 1, 0) == 1);
	CHECK(script_read(path, &other, error, sizeof(error)) && other.check != s.check);
	CHECK(ftruncate(fd, SCRIPT_BYTES_MOST + 1) == 0);
	CHECK(!script_read(path, &s, error, sizeof(error)) && strstr(error, path) == error);
	close(fd);
	unlink(path);
	CHECK(!script_read(path, &s, error, sizeof(error)) && strstr(error, path) == error);
	CHECK(!script_read("/", &s, error, sizeof(error)) && strstr(error, "/: ") == error);
	CHECK(!script_read("/dev/zero", &s, error, sizeof(error)) && strstr(error, "/dev/zero: ") == error);
}

static const struct test tests[] = {
	TEST(phases_are_as_written),
	TEST(what_is_wrong_is_said_with_its_line),
	TEST(files_are_read_or_it_is_said_why_not),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
