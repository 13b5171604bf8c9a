#!/usr/bin/env bats
# Each planted bug of core/mutant.h is found by the tool that is there to find it, and a
# sound build is not accused. `make test` builds what this needs.
# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	unset MUTANT CHECK_SEED TSAN_OPTIONS ASAN_OPTIONS UBSAN_OPTIONS
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

@test "one bug, every tool: a matrix" {
	run scripts/mutants.sh --full --tools unit REMOVE_KEEPS_BIT
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"bug "*unit*"(none) "*" -"*"REMOVE_KEEPS_BIT "*" s"*"1 of 1 bugs found, "* ]]
}

@test "a bug that its tool does not find fails" {
	# A relaxed store is what x86 does anyway: no unit test can see it.
	run scripts/mutants.sh --full --tools unit UPDATE_RELAXED
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "not found: UPDATE_RELAXED" ]
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
		--tools luck|--tools: 'luck' is none; there are unit, stress, asan, tsan, sched, schedasan
	TEXT
	run scripts/mutants.sh --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
}
