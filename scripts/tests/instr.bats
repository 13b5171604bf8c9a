#!/usr/bin/env bats
# instr.sh: counts are compared with the reference, and what it refuses.

# shellcheck disable=SC2154 # set by run
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "help, and bad words are refused" {
	run --separate-stderr scripts/instr.sh --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
	run --separate-stderr scripts/instr.sh --frob
	[ "$status" -eq 2 ]
	[ "$stderr" = "instr.sh: unknown option --frob (it knows --update and --help)" ]
	run --separate-stderr scripts/instr.sh --update foo
	[ "$status" -eq 2 ]
	[ "$stderr" = "instr.sh: foo: one option is enough" ]
	KEYS=10 COUNT=11 run --separate-stderr scripts/instr.sh
	[ "$status" -eq 2 ]
	[ "$stderr" = "instr.sh: COUNT=11: at most KEYS, which is 10" ]
}

@test "a dearer operation fails, an equal one does not, another setting is not compared" {
	command -v valgrind >/dev/null || skip "valgrind is not installed"
	reference=$BATS_TEST_TMPDIR/instr.txt
	export KEYS=2000 COUNT=1000 REFERENCE=$reference
	run scripts/instr.sh --update
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q '^hamt get-hit ' "$reference"
	# One was cheaper by 2 %, one dearer by 2 %; nothing else differs from run to run.
	awk '$2 == "get-miss" { $3 *= 0.98 } $2 == "remove" { $3 *= 1.02 } { print }' "$reference" >"$reference.new"
	mv "$reference.new" "$reference"
	run scripts/instr.sh
	echo "$output"
	[ "$status" -eq 1 ]
	[ "$(grep -c 'dearer by 2.0 %' <<<"$output")" -eq 1 ]
	[ "$(grep -c 'cheaper by 2.0 %' <<<"$output")" -eq 1 ]
	[ "$(grep -Ec 'dearer|cheaper' <<<"$output")" -eq 2 ]
}
