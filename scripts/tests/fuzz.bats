#!/usr/bin/env bats
# scripts/fuzz.sh on a target with a planted bug: found, kept, shown again, found again at once the next
# time, and let go when it is mended; what was reached before is where the next run begins.
bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(realpath "$BATS_TEST_DIRNAME/../..")
	cd "$BATS_TEST_TMPDIR" || return
}

# target FLAG... - build the target here.
target() {
	cat >planted.c <<-'C'
		#include "core/tests/fuzz.h"

		int
		LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
		{
		#ifndef MENDED
			CHECK(size < 3 || data[0] != 'b' || data[1] != 'u' || data[2] != 'g');
		#endif
			(void)data, (void)size;
			return 0;
		}

		FUZZ_TARGET(.corpus = "corpus", .inputs = 2000, .words = "bu g")
	C
	mkdir -p corpus
	printf b >corpus/seed
	clang-19 -std=c11 -D_GNU_SOURCE -I"$ROOT" -g -O1 "$@" -o test_fuzz_planted planted.c
}

fuzz() {
	run -"$1" "$ROOT/scripts/fuzz.sh" --time 20s ./test_fuzz_planted
	echo "$output"
}

@test "a planted bug is found, kept, shown again, and let go when it is mended" {
	target -DFUZZER -fsanitize=fuzzer,address
	fuzz 1
	[[ "${lines[0]}" == "FOUND planted: build/fuzz/findings/planted/crash-"* ]]
	[[ "$output" == *"planted.c:"*" not true: "* ]]
	found=${lines[0]#*: }
	[ "$(head -c 3 "$found")" = bug ]
	again=$(sed -n 's/^ *replay: //p' <<<"$output")
	[[ "$again" == "scripts/sanitized.sh ./test_fuzz_planted $found" ]]
	# shellcheck disable=SC2086 # words
	run "$ROOT"/$again
	[ "$status" -ne 0 ]
	[[ "$output" == *"not true"* ]]
	# The next time it is there at once.
	fuzz 1
	[[ "${lines[0]}" == "FOUND planted: $found" ]]
	[ -z "$(sed -n '/ inputs, /p' <<<"$output")" ]
	target -DFUZZER -DMENDED -fsanitize=fuzzer,address
	run -0 "$ROOT/scripts/fuzz.sh" --time 1s ./test_fuzz_planted
	[[ "${lines[0]}" == "planted: mended: $found; it is now in build/fuzz/corpus/planted" ]]
	[[ "${lines[1]}" == "planted: "*" inputs, coverage "*", corpus "* ]]
	[ ! -e "$found" ]
	[ -f "build/fuzz/corpus/planted/${found##*/}" ]
}

@test "the same bug is found by the unit test, which keeps the input" {
	target
	run -1 ./test_fuzz_planted
	echo "$output"
	[[ "$output" == *"ok 1 - corpus_passes"*"not ok 2 - changed_inputs_pass"* ]]
	[[ "$output" == *"./test_fuzz_planted.20260101.failed: the input, "*" (CHECK_SEED=20260101)"* ]]
	[ "$(head -c 3 test_fuzz_planted.20260101.failed)" = bug ]
	# In the corpus it stays found.
	cp test_fuzz_planted.20260101.failed corpus/
	run -1 ./test_fuzz_planted corpus_passes
	target -DMENDED
	run -0 ./test_fuzz_planted
}

@test "what fuzz.sh and make fuzz do not know is refused" {
	while IFS='|' read -r words said; do
		# shellcheck disable=SC2086 # words
		run -2 "$ROOT/scripts/fuzz.sh" $words
		[ "$output" = "fuzz.sh: $said" ]
	done <<-'TABLE'
		--time|--time: a value is missing
		--time 5 x|--time: '5' is no time; wanted is a whole number with s, m or h, such as 30s
		--time 1.5m x|--time: '1.5m' is no time; wanted is a whole number with s, m or h, such as 30s
		--time 10s|no target is named; make fuzz names all
		--nonsense|unknown option --nonsense (it knows --time, --help)
		./none|./none: no program; make fuzz builds it
	TABLE
	[ -z "$(ls)" ]
	run -2 make -s -C "$ROOT" fuzz FUZZ=nonsense
	[[ "$output" == *"unknown FUZZ=nonsense: there are "*hamt*options* ]]
}
