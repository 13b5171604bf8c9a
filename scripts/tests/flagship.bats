#!/usr/bin/env bats
# flagship.sh: the table has every point and its ratios; a run that was made is not made again.
# shellcheck disable=SC2154 # run sets output and stderr

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
	grep -q '^get_many in batches of 32, 30K keys: [0-9.]* times' "$OUT"
	[ "$(grep -c '^load .* extend ' "$OUT")" -eq 1 ]
	grep -q '^extend in batches of 32, 20K keys: [0-9.]* times hamt_insert, [0-9.]* times' "$OUT"
	# But for the first line, which has what the clock costs just now.
	tail -n +2 "$OUT" >"$BATS_TEST_TMPDIR/first"
	"$BATS_TEST_DIRNAME/../flagship.sh" >/dev/null
	tail -n +2 "$OUT" | cmp - "$BATS_TEST_TMPDIR/first"
}

@test "help, and bad words are refused" {
	run "$BATS_TEST_DIRNAME/../flagship.sh" --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
	run --separate-stderr "$BATS_TEST_DIRNAME/../flagship.sh" --frob
	[ "$status" -eq 2 ]
	[ "$stderr" = "flagship.sh: unknown option --frob (it knows --help; all else is environment)" ]
}
