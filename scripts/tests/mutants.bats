#!/usr/bin/env bats
# Each planted bug of core/mutant.h is found by the tool that is there to find it, and a
# sound build is not accused. `make test` builds what this needs.
# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	unset MUTANT MUTANTS_RUN CHECK_SEED TSAN_OPTIONS ASAN_OPTIONS UBSAN_OPTIONS
}

# late - what runs begins after a budget of a second is used up.
late() {
	printf '#!/bin/sh\nsleep 1\nexec "$@"\n' >"$BATS_TEST_TMPDIR/late"
	chmod +x "$BATS_TEST_TMPDIR/late"
	export MUTANTS_RUN="$BATS_TEST_TMPDIR/late"
}

@test "every planted bug is found by its tool" {
	run scripts/mutants.sh
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "${lines[-1]}" == *" bugs found, "*"; 0 accusations of no bug; "* ]]
	# None is left out, and there are at least twenty.
	local all
	all=$(grep -c '^	X([A-Z]' core/mutant.h)
	[ "$all" -ge 20 ]
	[ "$(grep -cE '^[A-Z_]+ .* (found|skipped) ' <<<"$output")" -eq "$all" ]
}

@test "one bug, every tool: a matrix, which goes on where it was" {
	run scripts/mutants.sh --full --tools unit --state "$BATS_FILE_TMPDIR/state" REMOVE_KEEPS_BIT
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"bug "*unit*"(none) "*" -"*"REMOVE_KEEPS_BIT "*" s"*"1 of 1 bugs found, "* ]]
	# What is kept is not run again: here it says something else than a run would.
	sed -i 's/found/missed/' "$BATS_FILE_TMPDIR/state/REMOVE_KEEPS_BIT.unit"
	run scripts/mutants.sh --full --tools unit --state "$BATS_FILE_TMPDIR/state" REMOVE_KEEPS_BIT
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "not found: REMOVE_KEEPS_BIT" ]
	# What is missing would be: but its turn comes too late.
	rm "$BATS_FILE_TMPDIR/state/REMOVE_KEEPS_BIT.unit"
	late
	run scripts/mutants.sh --full --tools unit --budget 1s --state "$BATS_FILE_TMPDIR/state" REMOVE_KEEPS_BIT
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"1 not tried yet: the same command goes on"*"0 of 1 bugs found, "* ]]
}

@test "results of another build are not gone on with" {
	mkdir "$BATS_TEST_TMPDIR/state"
	echo '1 2 build/mutant/tests/core/test_node' >"$BATS_TEST_TMPDIR/state/identity"
	late
	printf 'REMOVE_KEEPS_BIT\tunit\tmissed\t1\t1\t-\n' >"$BATS_TEST_TMPDIR/state/REMOVE_KEEPS_BIT.unit"
	run scripts/mutants.sh --full --tools unit --budget 1s --state "$BATS_TEST_TMPDIR/state" REMOVE_KEEPS_BIT
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"mutants.sh: another build than the one $BATS_TEST_TMPDIR/state is about: begun anew"* ]]
}

@test "a bug that its tool does not find fails" {
	# A relaxed store is what x86 does anyway: no unit test can see it.
	run scripts/mutants.sh --full --tools unit --state "$BATS_FILE_TMPDIR/state" UPDATE_RELAXED
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "not found: UPDATE_RELAXED" ]
}

@test "what does not end within the limit counts as found" {
	# shellcheck disable=SC2016 # for the shell that runs it
	printf '#!/bin/sh\nPATH="%s:$PATH" "$@"\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/slow"
	printf '#!/bin/sh\necho "$@" >>%s/said\nexit 124\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/timeout"
	chmod +x "$BATS_TEST_TMPDIR"/{slow,timeout}
	MUTANTS_RUN="$BATS_TEST_TMPDIR/slow" run scripts/mutants.sh --limit 2m REMOVE_KEEPS_BIT
	echo "$output"
	# The sound build is accused as well.
	[ "$status" -eq 1 ]
	[[ "$output" == *"REMOVE_KEEPS_BIT "*" found "*"did not end"* ]]
	grep -q '^-k 2 120 scripts/sanitized.sh build/mutant/tests/core/test_node ' "$BATS_TEST_TMPDIR/said"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" -eq 2 ]
}

@test "the environment names a bug that exists" {
	run env MUTANT=NONSENSE build/mutant/tests/core/test_node
	[ "$status" -eq 2 ]
	[ "$output" = "MUTANT=NONSENSE: core/mutant.h has none of that name" ]
}

@test "bad options cost one line" {
	local given said
	while IFS='|' read -r given said; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr scripts/mutants.sh $given
		printf '%s\n' "$given: status $status" "$output" "$stderr"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$stderr" = "mutants.sh: $said" ]
	done <<-'TEXT'
		--frob|unknown option --frob (--help names those there are)
		NONSENSE|NONSENSE: core/mutant.h has none of that name
		--tools luck|--tools: 'luck' is none; there are unit, stress, asan, tsan, sched, schedasan, check
		--full --budget 10|--budget: '10' must be a whole number with s, m or h
		--limit 1 s|--limit: '1' must be a whole number with s, m or h
		--budget 10s|--budget, --state and --fresh go with --full
	TEXT
	run scripts/mutants.sh --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
}
