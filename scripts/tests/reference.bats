#!/usr/bin/env bats
# scripts/reference.sh: what it makes, and that it makes nothing of figures that nobody could repeat.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	export HAMTBENCH TOP REFERENCE=$BATS_TEST_TMPDIR/reference
	unset QUICK SUBJECTS THREADS KEYS TRIALS DURATION OUT DB
	cd "$BATS_TEST_TMPDIR" || return 1
}

made() {
	run --separate-stderr "$TOP/scripts/reference.sh" "$@"
	echo "status $status"
	echo "$output"
	echo "$stderr"
}

@test "the suite: every file that the reference has, from one run" {
	QUICK=1 SUBJECTS=null,roofline,hamt THREADS=1 TRIALS=1 DURATION=5ms made --any-tree suite
	[ "$status" -eq 0 ]
	for file in "$TOP"/results/reference/*.*; do
		name=${file##*/}
		case $name in
		mutants.txt | mutants-full.txt | independent.txt | flagship.txt | instr.txt) continue ;; # other commands or parts make them
		esac
		[ -s "reference/$name" ] || { echo "not made: $name"; false; }
	done
	run ! grep -q "$BATS_TEST_TMPDIR\|/tmp" reference/table.txt
	[ "$(zcat reference/trials.json.gz | grep -c '^{"subject"')" -eq "$(($(wc -l <reference/trials.csv) - 1))" ]
	# Drawn again from it: the same picture.
	mkdir before
	cp reference/throughput.* before
	made plot
	[ "$status" -eq 0 ]
	cmp before/throughput.svg reference/throughput.svg
	cmp before/throughput.png reference/throughput.png
}

@test "maps of several libraries, and maps that grow: a table and a picture each" {
	SUBJECTS=hamt,mutex THREADS=1 TRIALS=1 DURATION=5ms KEYS=2K made --any-tree peers growth
	[ "$status" -eq 0 ]
	[ "$output" = "$(printf 'reference.sh: %s is in %s\n' peers "$REFERENCE" growth "$REFERENCE")" ]
	grep -q ' mutex ' reference/peers/table.txt
	grep -q ' mutex ' reference/growth/table.txt
	run ! grep "$BATS_TEST_TMPDIR\|/tmp" reference/*/table.txt
	[ -s reference/peers/throughput.png ]
	[ -s reference/growth/over-time.png ]
	# Of itself it takes what is built, but what holds other keys, or none.
	THREADS=1 TRIALS=1 DURATION=1ms KEYS=2K made --any-tree peers
	[ "$status" -eq 0 ]
	grep -q ' seed ' reference/peers/table.txt
	run ! grep -E '^ *(null|ck-ht|cas-word|hamt-bytes|hamt-ebr) ' reference/peers/table.txt
}

@test "bad input costs one line and changes nothing" {
	refused() {
		[ "$status" -eq 2 ]
		[ "$stderr" = "$1" ]
		[ ! -e reference ]
	}
	made suit
	refused "reference.sh: unknown word suit (--help names those there are)"
	made plot
	refused "hamtbench import: $REFERENCE/trials.json.gz: No such file or directory"
	HAMTBENCH=/none made suite
	refused "reference.sh: /none is not built: run make, or set HAMTBENCH"
	# A run that fails leaves what was there.
	mkdir reference
	echo old >reference/table.txt
	THREADS=x made --any-tree suite
	[ "$status" -eq 2 ]
	[ "$(ls reference)" = table.txt ]
}

@test "README's picture can be drawn from the trials that are kept" {
	mkdir reference
	cp "$TOP/results/reference/trials.json.gz" reference
	made plot
	[ "$status" -eq 0 ]
	[ "$output" = "reference.sh: plot is in $REFERENCE" ]
	grep -q 'hamt' reference/throughput.svg
	[ "$(find reference | wc -l)" -eq 4 ]
}
