#!/usr/bin/env bats
# flagship.sh: the table has every point and its ratios; a run that was made is not made again.
# shellcheck disable=SC2154,SC2030,SC2031 # run sets output and stderr; each test has variables of its own

bats_require_minimum_version 1.5.0

@test "a small run gives the whole table, and again from what was kept" {
	export HAMTBENCH=${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}
	export TRIALS=1 LARGE=1 DURATION=5ms KEYS_LARGE=30K KEYS_LOAD=20K DB=$BATS_TEST_TMPDIR/f.db OUT=$BATS_TEST_TMPDIR/f.txt
	"$BATS_TEST_DIRNAME/../flagship.sh" >"$BATS_TEST_TMPDIR/said"
	cat "$OUT"
	cmp "$OUT" "$BATS_TEST_TMPDIR/said"
	[ "$(grep -c '^mixed .* get=100 ' "$OUT")" -eq 6 ]
	[ "$(grep -c '^load .* insert ' "$OUT")" -eq 1 ]
	[ "$(grep -c '^8 threads' "$OUT")" -eq 3 ]
	grep -qE '^get_many in batches of 32, 30K keys: ([0-9.]+|-) times hamt_get; ([0-9.]+|-) of roofline.s get_many, which is ([0-9.]+|-) times its get$' "$OUT"
	# A line with the ranges below each line of medians.
	[ "$(grep -cE '^(mixed|load) +[0-9]' "$OUT")" -eq 17 ]
	[ "$(grep -A 1 -E '^(mixed|load) ' "$OUT" | grep -cE '^ {51}')" -eq 17 ]
	[ "$(grep -c '^load .* extend ' "$OUT")" -eq 1 ]
	grep -q '^extend in batches of 32, 20K keys: [0-9.]* times hamt_insert, [0-9.]* times' "$OUT"
	# But for the first line, which has what the clock costs just now.
	tail -n +2 "$OUT" >"$BATS_TEST_TMPDIR/first"
	"$BATS_TEST_DIRNAME/../flagship.sh" >/dev/null
	tail -n +2 "$OUT" | cmp - "$BATS_TEST_TMPDIR/first"
}

@test "a table that cannot be written is said before anything is measured" {
	cd "$BATS_TEST_TMPDIR"
	printf '#!/bin/sh\necho "$*" >>called\n' >hamtbench
	chmod +x hamtbench
	export HAMTBENCH=$PWD/hamtbench DB=f.db
	echo text >file
	OUT=file/x run --separate-stderr "$BATS_TEST_DIRNAME/../flagship.sh"
	[ "$status" -eq 2 ]
	[ "$stderr" = "flagship.sh: OUT=file/x: cannot write it" ]
	OUT=. run --separate-stderr "$BATS_TEST_DIRNAME/../flagship.sh"
	[ "$status" -eq 2 ]
	[ "$stderr" = "flagship.sh: OUT=.: this is a folder, wanted is a file" ]
	[ ! -e called ]
}

@test "help, and bad words are refused" {
	run "$BATS_TEST_DIRNAME/../flagship.sh" --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
	run --separate-stderr "$BATS_TEST_DIRNAME/../flagship.sh" --frob
	[ "$status" -eq 2 ]
	[ "$stderr" = "flagship.sh: unknown option --frob (it knows --help; all else is environment)" ]
}

@test "the ranges are those of the trials, below their subject's median" {
	{
		echo subject,workload,threads,keys,mix,valid,mops_median,mops_min,mops_max,thread_min_mops,rss_bytes
		echo hamt,mixed,1,20000000,get_many=100,3,27.1,20.04,31.5,1,1
		echo roofline,mixed,1,20000000,get_many=100,3,54.2,50,121.3,1,1
		echo hamt,mixed,1,20000000,get=100,3,5.42,5,6,1,1
		echo roofline,mixed,1,20000000,get=100,3,27.1,20,30,1,1
	} >"$BATS_TEST_TMPDIR/points.csv"
	awk -f "$BATS_TEST_DIRNAME/../plots/csv.awk" -f "$BATS_TEST_DIRNAME/../flagship.awk" "$BATS_TEST_TMPDIR/points.csv" \
		>"$BATS_TEST_TMPDIR/table"
	cat "$BATS_TEST_TMPDIR/table"
	grep -A 1 '^mixed .* get_many=100 .* 27.1  *54.2  *-  *-  *0.50 ' "$BATS_TEST_TMPDIR/table" | tail -n 1 |
		grep -qE '^ +20\.0\.\.31\.5  50\.0\.\.121\.3 *$'
	grep -qx "get_many in batches of 32, 20M keys: 5.00 times hamt_get; 0.50 of roofline's get_many, which is 2.00 times its get" \
		"$BATS_TEST_TMPDIR/table"
}
