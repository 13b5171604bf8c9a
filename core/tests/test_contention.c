/*
 * test_contention.c - each policy waits what its formula says, and a config
 * survives the way through its text.
 */
/* not under tsan: one thread */
#include <time.h>

#include "core/contention.h"
#include "core/tests/check.h"

/* What next_wait says for the first, second, ... failure in a row. */
static uint64_t
nth_wait_ns(const struct contention_config *config, uint32_t nth)
{
	struct contention cm;

	contention_init(&cm, config);
	cm.failures = nth - 1;
	return contention_next_wait_ns(&cm);
}

static struct contention_config
parsed(const char *text)
{
	struct contention_config config;
	char error[256] = "";

	if (!contention_parse(text, &config, error, sizeof(error)))
		fprintf(stderr, "# %s\n", error);
	CHECK(error[0] == '\0');
	return config;
}

static struct contention_stats
stats_of(const struct contention *cm)
{
	struct contention_stats stats;

	contention_stats(cm, &stats);
	return stats;
}

static void
none_never_waits(void)
{
	struct contention_config config = parsed("none");
	struct contention cm;

	contention_init(&cm, &config);
	for (int i = 0; i < 100; i++)
		contention_failed(&cm);
	CHECK_EQ(contention_next_wait_ns(&cm), 0);
	CHECK_EQ(cm.failures, 100);
	CHECK_EQ(stats_of(&cm).failed, 100);
	CHECK_EQ(stats_of(&cm).waits, 0);
	CHECK_EQ(stats_of(&cm).waited_ns, 0);
}

static void
constant_waits_the_same_each_time(void)
{
	struct contention_config config = parsed("constant:70");
	struct contention cm;

	contention_init(&cm, &config);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(contention_next_wait_ns(&cm), 70);
		contention_failed(&cm);
	}
	CHECK_EQ(stats_of(&cm).waits, 5);
	CHECK_EQ(stats_of(&cm).waited_ns, 5 * 70);
}

static void
exponential_follows_its_formula(void)
{
	struct contention_config config = parsed("exp:2,3,10");

	CHECK_EQ(nth_wait_ns(&config, 1), 0);
	CHECK_EQ(nth_wait_ns(&config, 2), 0);
	CHECK_EQ(nth_wait_ns(&config, 3), 1u << 9);
	CHECK_EQ(nth_wait_ns(&config, 4), 1u << 10);
	CHECK_EQ(nth_wait_ns(&config, 5), 1u << 10);
	config = parsed("exp:0,0,30");
	CHECK_EQ(nth_wait_ns(&config, 1), 1);
}

static void
default_is_what_its_text_says(void)
{
	struct contention_config zero = { .policy = CONTENTION_DEFAULT }, same = parsed(CONTENTION_DEFAULT_TEXT);

	for (uint32_t nth = 1; nth < 20; nth++) {
		CHECK_EQ(nth_wait_ns(&zero, nth), nth_wait_ns(&same, nth));
		CHECK_EQ(nth_wait_ns(NULL, nth), nth_wait_ns(&same, nth));
	}
	CHECK_EQ(nth_wait_ns(NULL, 1), 0);
	CHECK_EQ(nth_wait_ns(NULL, 2), 1024);
	CHECK_EQ(nth_wait_ns(NULL, 19), 4096);
}

static void
seed_waits_a_millisecond_after_two_failures(void)
{
	struct contention_config config = parsed("seed-literal");

	CHECK_EQ(nth_wait_ns(&config, 1), 0);
	CHECK_EQ(nth_wait_ns(&config, 2), 0);
	CHECK_EQ(nth_wait_ns(&config, 3), 1000000);
	CHECK_EQ(nth_wait_ns(&config, 100), 1000000);
}

static void
no_wait_exceeds_the_cap(void)
{
	struct contention_config exponential = parsed("exp:0,4294967295,30");
	struct contention_config constant = parsed("constant:1073741824");

	/* The largest c and f there are: their product must not wrap. */
	CHECK_EQ(nth_wait_ns(&exponential, UINT32_MAX), CONTENTION_WAIT_MAX_NS);
	CHECK_EQ(nth_wait_ns(&exponential, 0), CONTENTION_WAIT_MAX_NS); /* failures = UINT32_MAX */
	CHECK_EQ(nth_wait_ns(&constant, 1), CONTENTION_WAIT_MAX_NS);
}

static void
success_takes_one_failure_off(void)
{
	struct contention_config config = parsed("exp:1,2,8");
	struct contention cm;

	contention_init(&cm, &config);
	contention_succeeded(&cm);
	CHECK_EQ(cm.failures, 0);
	for (int i = 0; i < 3; i++)
		contention_failed(&cm);
	CHECK_EQ(contention_next_wait_ns(&cm), 1u << 8);
	contention_succeeded(&cm);
	CHECK_EQ(cm.failures, 2);
	CHECK_EQ(contention_next_wait_ns(&cm), 1u << 6);
	contention_succeeded(&cm);
	contention_succeeded(&cm);
	contention_succeeded(&cm);
	CHECK_EQ(cm.failures, 0);
	CHECK_EQ(contention_next_wait_ns(&cm), 0);
}

static void
failures_do_not_wrap(void)
{
	struct contention_config config = parsed("none");
	struct contention cm;

	contention_init(&cm, &config);
	cm.failures = UINT32_MAX;
	contention_failed(&cm);
	CHECK_EQ(cm.failures, UINT32_MAX);
}

static uint64_t
monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
seed_wait_really_sleeps(void)
{
	struct contention_config config = parsed("seed-literal");
	struct contention cm;
	uint64_t start_ns;

	contention_init(&cm, &config);
	contention_failed(&cm);
	contention_failed(&cm);
	CHECK_EQ(stats_of(&cm).waits, 0);
	start_ns = monotonic_ns();
	contention_failed(&cm);
	CHECK(monotonic_ns() - start_ns >= 1000000);
	CHECK_EQ(stats_of(&cm).waits, 1);
	CHECK_EQ(stats_of(&cm).waited_ns, 1000000);
}

static void
calibration_is_plausible(void)
{
	struct contention_config config = parsed("exp:1,3,12");

	contention_calibrate(&config);
	/* From a tenth of a nanosecond to a tenth of a millisecond. */
	CHECK(config.relax_ps >= 100 && config.relax_ps <= 100000000);
	CHECK(config.policy == CONTENTION_EXPONENTIAL && config.c == 3);
}

static void
text_round_trip(void)
{
	static const char *const texts[] = { "default", "none", "seed-literal", "constant:0", "constant:1073741824",
		"exp:2,9,27", "exp:0,0,0", "exp:4294967295,4294967295,30", "ts:1,0", "ts:4294967295,30", "mcs:0,1,0",
		"mcs:4294967295,4294967295,1073741824", "ab:2,1000,100000" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct contention_config config = parsed(texts[i]);
		char text[64];

		contention_format(&config, text, sizeof(text));
		CHECK(strcmp(text, texts[i]) == 0);
	}
}

static void
parse_fills_every_field(void)
{
	struct contention_config config;
	char error[256];

	memset(&config, 0x5a, sizeof(config));
	CHECK(contention_parse("exp:2,9,27", &config, error, sizeof(error)));
	CHECK(config.policy == CONTENTION_EXPONENTIAL);
	CHECK(config.threshold == 2 && config.c == 9 && config.m == 27);
	CHECK(config.wait_ns == 0 && config.relax_ps == 0);
}

/* What is listed is what is read: the forms' names, with a number for each parameter. */
static void
every_form_is_a_policy(void)
{
	size_t count;
	const struct contention_form *forms = contention_forms(&count);

	CHECK(count == 8);
	for (size_t i = 0; i < count; i++) {
		struct contention_config config;
		char text[64], again[64], error[512] = "";
		size_t length = strcspn(forms[i].form, ":");

		snprintf(text, sizeof(text), "%.*s", (int)length, forms[i].form);
		for (const char *at = forms[i].form + length; *at != '\0'; at += strcspn(at + 1, ",") + 1)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c1", *at);
		if (!contention_parse(text, &config, error, sizeof(error)))
			fprintf(stderr, "# %s: %s\n", text, error);
		CHECK(error[0] == '\0');
		contention_format(&config, again, sizeof(again));
		CHECK(strcmp(text, again) == 0 && forms[i].help[0] != '\0');
		CHECK(contention_parse(forms[i].example, &config, error, sizeof(error)));
		CHECK(strncmp(forms[i].example, forms[i].form, length) == 0);
	}
}

static void
bad_text_is_named(void)
{
	/* The error must hold both: what is wrong, and the way out. */
	static const struct { const char *text, *wrong, *hint; } cases[] = {
		{ "", "no contention policy \"\"", "seed-literal" },
		{ "exponential:1,2,3", "no contention policy \"exponential:1,2,3\"", "exp:THRESHOLD,C,M" },
		{ "None", "\"None\"", "none" },
		{ "none ", "\"none \"", "none" },
		{ "none\nx", "\"none?x\"", "none" },
		{ "constant", "\"constant\"", "constant:WAIT_NS" },
		{ "constant:", "WAIT_NS is missing", "constant:WAIT_NS" },
		{ "constant:5us", "WAIT_NS must be a whole number", "\"5us\"" },
		{ "constant:-1", "WAIT_NS must be a whole number", "\"-1\"" },
		{ "constant: 1", "WAIT_NS must be a whole number", "\" 1\"" },
		{ "constant:1073741825", "WAIT_NS is 1073741825", "at most 1073741824" },
		{ "constant:99999999999999999999999999", "WAIT_NS is 9999", "at most 1073741824" },
		{ "constant:5,6", "too much after WAIT_NS", "constant:WAIT_NS" },
		{ "exp:", "THRESHOLD is missing", "exp:THRESHOLD,C,M" },
		{ "exp:2", "missing after THRESHOLD", "exp:THRESHOLD,C,M" },
		{ "exp:2,9", "missing after C", "exp:THRESHOLD,C,M" },
		{ "exp:2,9,", "M is missing", "exp:THRESHOLD,C,M" },
		{ "exp:2,,9", "C is missing", "exp:THRESHOLD,C,M" },
		{ "exp:2,x,9", "C must be a whole number", "\"x\"" },
		{ "exp:2,9,31", "M is 31", "at most 30" },
		{ "exp:4294967296,9,3", "THRESHOLD is 4294967296", "at most 4294967295" },
		{ "exp:2,9,27,1", "too much after M", "exp:THRESHOLD,C,M" },
		{ "ts", "no contention policy \"ts\"", "ts:CONC,SLICE_EXP" },
		{ "ts:4", "missing after CONC", "ts:CONC,SLICE_EXP" },
		{ "ts:0,6", "CONC is 0", "at least 1" },
		{ "ts:4,31", "SLICE_EXP is 31", "at most 30" },
		{ "ts:4,6,1", "too much after SLICE_EXP", "ts:CONC,SLICE_EXP" },
		{ "mcs:2,0,5", "OPS is 0", "at least 1" },
		{ "mcs:2,5", "missing after OPS", "mcs:THRESHOLD,OPS,MAX_WAIT_NS" },
		{ "mcs:2,5,1073741825", "MAX_WAIT_NS is 1073741825", "at most 1073741824" },
		{ "ab:2,5,1ms", "MAX_WAIT_NS must be a whole number", "\"1ms\"" },
		{ "ab:,5,1", "THRESHOLD is missing", "ab:THRESHOLD,OPS,MAX_WAIT_NS" },
		{ "none:1", "no contention policy \"none:1\"", "none" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct contention_config config = { .policy = CONTENTION_SEED, .c = 77 };
		char error[512] = "";
		bool named;

		CHECK(!contention_parse(cases[i].text, &config, error, sizeof(error)));
		named = strstr(error, cases[i].wrong) != NULL && strstr(error, cases[i].hint) != NULL;
		if (!named)
			fprintf(stderr, "# \"%s\" says: %s\n", cases[i].text, error);
		CHECK(named);
		CHECK(strchr(error, '\n') == NULL);
		CHECK(config.policy == CONTENTION_SEED && config.c == 77);
	}
}

static void
long_bad_text_gives_a_short_line(void)
{
	struct contention_config config;
	char text[5000], error[512], tiny[8];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK(!contention_parse(text, &config, error, sizeof(error)));
	CHECK(strlen(error) < 300 && strstr(error, "xxx...") != NULL);
	CHECK(!contention_parse(text, &config, tiny, sizeof(tiny)));
	CHECK_EQ(strlen(tiny), sizeof(tiny) - 1);
}

static void
init(void *config)
{
	struct contention cm;

	contention_init(&cm, config);
}

static void
leave(void *config)
{
	struct contention cm;

	(void)config;
	contention_init(&cm, NULL);
	contention_leave(&cm);
}

static void
format(void *config)
{
	char text[64];

	contention_format(config, text, sizeof(text));
}

static void
misuse_aborts(void)
{
	struct contention_config m = { .policy = CONTENTION_EXPONENTIAL, .m = 31 };
	struct contention_config wait = { .policy = CONTENTION_CONSTANT, .wait_ns = CONTENTION_WAIT_MAX_NS + 1 };
	struct contention_config parameters = { .policy = CONTENTION_DEFAULT, .c = 1 };
	struct contention_config policy = { .policy = (enum contention_policy)99 };

	struct contention_config ops = { .policy = CONTENTION_MCS, .wait_ns = 1 };
	struct contention_config too_long = { .policy = CONTENTION_ARRAY, .ops = 1, .wait_ns = UINT32_MAX };
	struct contention_config conc = { .policy = CONTENTION_TIME_SLICE };
	struct contention_config slice = { .policy = CONTENTION_TIME_SLICE, .conc = 1, .slice = 31 };
	struct contention_config shared = parsed("mcs:1,1,1");

	CHECK(check_aborts(init, &m, "contention_config: m must be at most 30"));
	CHECK(check_aborts(init, &wait, "contention_config: wait_ns must be at most"));
	CHECK(check_aborts(init, &too_long, "contention_config: wait_ns must be at most"));
	CHECK(check_aborts(init, &parameters, "contention_config: the default policy takes no parameters"));
	CHECK(check_aborts(init, &policy, "contention_config: policy must be one of"));
	CHECK(check_aborts(init, &ops, "contention_config: ops must be at least 1"));
	CHECK(check_aborts(init, &conc, "contention_config: conc must be at least 1"));
	CHECK(check_aborts(init, &slice, "contention_config: slice must be at most 30"));
	CHECK(check_aborts(init, &shared, "contention_init: this policy needs a domain"));
	CHECK(check_aborts(leave, &m, "contention_leave: must be attached"));
	CHECK(check_aborts(format, &policy, "contention_format: policy must be one of"));
}

static const struct test tests[] = {
	TEST(none_never_waits),
	TEST(constant_waits_the_same_each_time),
	TEST(exponential_follows_its_formula),
	TEST(default_is_what_its_text_says),
	TEST(seed_waits_a_millisecond_after_two_failures),
	TEST(no_wait_exceeds_the_cap),
	TEST(success_takes_one_failure_off),
	TEST(failures_do_not_wrap),
	TEST(seed_wait_really_sleeps),
	TEST(calibration_is_plausible),
	TEST(text_round_trip),
	TEST(parse_fills_every_field),
	TEST(every_form_is_a_policy),
	TEST(bad_text_is_named),
	TEST(long_bad_text_gives_a_short_line),
	TEST(misuse_aborts),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
