#!/usr/bin/env bats
# scripts/bench-compare.sh: what it says of series whose shape is known. HAMTBENCH names the binary.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	export HAMTBENCH TOP DB=$BATS_FILE_TMPDIR/here.db
	unset QUICK SUBJECTS THREADS KEYS TRIALS DURATION OUT REFERENCE
	# "Here" is the reference run itself; what differs is the reference that it is held against.
	"$HAMTBENCH" import "$TOP/results/reference/trials.json.gz" --db "$DB" --quiet
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export OUT=plots
}

compared() {
	run --separate-stderr "$TOP/scripts/bench-compare.sh" "$@"
	echo "status $status"
	tail -n 20 <<<"$output"
	echo "$stderr"
}

# reference FACTOR SUBJECT - the reference as if that map (or .*: all) had had FACTOR times the throughput.
reference() {
	zcat "$TOP/results/reference/trials.json.gz" | awk -v factor="$1" -v subject="\"subject\":\"$2\"" '
		$0 ~ subject && match($0, /"mops":[0-9.e+-]+/) {
			$0 = substr($0, 1, RSTART + 6) factor * substr($0, RSTART + 7, RLENGTH - 7) substr($0, RSTART + RLENGTH)
		}
		{ print }' >reference.json
	export REFERENCE=reference.json
}

@test "the reference against itself has the same shape; a faster machine, too" {
	compared --no-run --fail-above 0%
	[ "$status" -eq 0 ]
	[[ "$output" == *"Same shape: 8 of 8 maps have the share of the roofline's throughput that they have in the reference, to within a factor of 1."* ]]
	[[ "$output" =~ "Of the single points "([0-9]+)" are where the reference has them, 0 are not, and "([0-9]+)" are too noisy to tell." ]]
	[ $((BASH_REMATCH[1] + BASH_REMATCH[2])) -eq 144 ]
	[[ "$output" == *"as in the reference where they differ"* ]]
	[ -s plots/bench-compare.png ]
	[ "$(grep -c '>hamt</text>\|>hamt<' plots/bench-compare.svg)" -ge 1 ]
	reference 3 '.*'
	compared --no-run --fail-above 0%
	[ "$status" -eq 0 ]
	[[ "$output" == *"Same shape: "* ]]
}

@test "a map that is worse here relative to roofline is named, with the factor; status 1 only if asked" {
	reference 2 urcu-lfht
	compared --no-run
	[ "$status" -eq 0 ]
	[[ "$output" == *"Another shape: 1 of 8 maps "* ]]
	[[ "$output" == *"- urcu-lfht is 2.00 times worse here relative to roofline, over all its 18 points"* ]]
	[[ "$output" != *"- hamt is "* ]]
	compared --no-run --fail-above 60%
	[ "$status" -eq 0 ]
	compared --no-run --fail-above 10%
	[ "$status" -eq 1 ]
	[[ "$output" == *"REGRESSION: worse relative to roofline by more than 10 %: "* ]]
	reference 0.25 seed
	compared --no-run --fail-above 10%
	[ "$status" -eq 0 ]
	[[ "$output" == *"- seed is 4.00 times better here relative to roofline, over all its 18 points"* ]]
	# More than lies between the two in any reference.
	reference 16 seed
	compared --no-run
	[[ "$output" == *"- hamt and seed have changed places: hamt is the faster one here"* ]]
}

@test "bad input costs one line, and nothing is measured" {
	refused() {
		[ "$status" -eq 2 ]
		[ "$stderr" = "$1" ]
		[ -z "$output" ]
	}
	compared --frob
	refused "bench-compare.sh: unknown option --frob (it knows --no-run, --fail-above, --help; all else is environment)"
	compared --fail-above much
	refused "bench-compare.sh: --fail-above: 'much' is no percentage"
	REFERENCE=none.json compared
	refused "hamtbench import: none.json: No such file or directory"
	DB=none.db compared --no-run
	refused "hamtbench export: none.db: no such file"
}

@test "one trial a point on both sides: no word about shapes" {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	cp "$DB" one.db
	sqlite3 one.db "DELETE FROM trial WHERE trial > 1"
	"$HAMTBENCH" export --db one.db --series all --format json >one.json
	DB=one.db REFERENCE=one.json compared --no-run
	[ "$status" -eq 2 ]
	[ "$stderr" = "bench-compare.sh: one trial a point on both sides: nothing says how far they lie apart by chance" ]
}

@test "measures, and compares what both have" {
	export DB=new.db
	QUICK=1 SUBJECTS=null,roofline,seed THREADS=1 TRIALS=1 DURATION=20ms compared
	[ "$status" -eq 0 ]
	[[ "$output" == *"Of the single points "* ]]
	[[ "$output" == *"points are on one side only, and not compared"* ]]
	KEYS=1K QUICK=1 SUBJECTS=null,roofline,seed THREADS=1 TRIALS=1 DURATION=2ms compared
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"bench-compare.sh: the reference and this machine's series have no point with a roofline in common" ]]
}
