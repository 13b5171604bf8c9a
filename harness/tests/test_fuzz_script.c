/*
 * test_fuzz_script.c - scripts of loads: what is taken has phases that can be run and is the same
 * each time, what is refused is refused in one line with the file's name.
 */
/* not under tsan: one thread */
#include "core/tests/fuzz.h"
#include "harness/script.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script, again;
	char error[2048] = "";

	if (!script_parse("x.phases", data, size, &script, error, sizeof(error))) {
		CHECK(fuzz_one_line(error));
		CHECK(strncmp(error, "x.phases:", 9) == 0);
		return 0;
	}
	CHECK(script.phases >= 1 && script.phases <= PLAN_PHASES);
	for (unsigned p = 0; p < script.phases; p++) {
		const struct script_phase *phase = &script.phase[p];
		unsigned sum = 0;

		CHECK(phase->name[0] != '\0' && (phase->calls > 0) != (phase->ns > 0));
		for (unsigned op = 0; op < OP_COUNT; op++)
			sum += phase->mix.share[op];
		CHECK_EQ(sum, MIX_WHOLE);
	}
	CHECK(script_parse("x.phases", data, size, &again, error, sizeof(error)) && again.check == script.check);
	return 0;
}

FUZZ_TARGET(.corpus = "harness/tests/corpus/script", .inputs = 2000, .longest = 600,
    .words = "get=100 insert=100 get=50,remove=50 uniform zipf:0.99 sequential hotspot:0.2,0.8 1ms 500ms 2s 1K 64Ki 0 -1 "
	     "18446744073709551616 a b-c _d # get=99.999,upsert=0.001")
