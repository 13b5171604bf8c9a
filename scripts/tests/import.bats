#!/usr/bin/env bats
# hamtbench import: google-benchmark's JSON and our own, into a results file.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	TESTS=$(realpath "$BATS_TEST_DIRNAME/../../harness/tests/google-benchmark")
	cd "$BATS_TEST_TMPDIR" || return 1
}

measured() {
	"$HAMTBENCH" run --subject null,seed --threads 1,2 --keys 1K --mix get=100 --pin none --duration 2ms --warmup 1ms \
		--trials 2 --noise off --quiet --smr-stats off --db "$1" >/dev/null
}

@test "export, import, export: the same, in both formats; twice adds nothing" {
	measured a.db
	for format in google-benchmark json; do
		"$HAMTBENCH" export --db a.db --format "$format" >first.json
		run "$HAMTBENCH" import first.json --db "$format.db"
		[ "$status" -eq 0 ]
		[ "$output" = "first.json: 1 series and 8 trials added" ]
		"$HAMTBENCH" export --db "$format.db" --format "$format" >second.json
		cmp first.json second.json
		cmp <("$HAMTBENCH" export --db "$format.db") <("$HAMTBENCH" export --db a.db)
		# Into the file that they came from, too.
		for db in "$format.db" a.db; do
			run "$HAMTBENCH" import first.json --db "$db"
			[ "$output" = "first.json: 0 series and 0 trials added, 8 trials were there already" ]
		done
	done
	# Nobody counted what each thread did there, and nobody says 0.
	[ "$("$HAMTBENCH" export --db json.db --what threads | awk -F, 'NR > 1 { print $(NF - 1) $NF }' | sort -u)" = "" ]
	run "$HAMTBENCH" compare a.db json.db
	[ "$status" -eq 0 ]
	[[ "$output" == *"All 4 points: B/A = 1.000"* ]]
}

@test "what an import brings is text in a report, from a pipe too, with what each phase had" {
	"$HAMTBENCH" run --workload growth --keys 2K --subject mutex --threads 1 --trials 1 --pin none --noise off --quiet --db g.db >/dev/null
	"$HAMTBENCH" export --db g.db --format json >g.json
	run "$HAMTBENCH" import <(cat g.json) --db from.db
	[ "$status" -eq 0 ]
	cmp <("$HAMTBENCH" export --db from.db --what phases) <("$HAMTBENCH" export --db g.db --what phases)
	sed -e 's|"started_at": *"[^"]*"|"started_at":"<script src=//x></script>"|' -e 's|"warmup": *"|"<i>w</i>":"|' \
		-e 's|"uuid": *"...|"uuid":"abc|' g.json >evil.json
	"$HAMTBENCH" import evil.json --db evil.db --quiet
	"$HAMTBENCH" report --db evil.db --out page.html
	run ! grep -q '<script src\|<i>w' page.html
	grep -q '&lt;script src' page.html
	# Of another program no command is known.
	"$HAMTBENCH" import "$TESTS/sample.json" --db theirs.db --quiet
	"$HAMTBENCH" report --db theirs.db --out page.html
	grep -q '(measured by another program)' page.html
	run ! grep -q 'seed 18446744073709551615' page.html
}

@test "what a terminal obeys does not get there out of another's names" {
	esc=$(printf '\033')
	# The title of the window, and U+009B, the other form of ESC [.
	sed -e 's|copy/64|copy\\u001b]0;owned\\u0007\\u009b2J/64|g' -e 's|"host_name": "|&\\u001b[2J|' "$TESTS/sample.json" >evil.json
	run "$HAMTBENCH" import evil.json --db a.db
	[ "$status" -eq 0 ]
	cp a.db b.db
	# Tables are for people, wherever they go.
	run "$HAMTBENCH" compare a.db b.db
	[ "$status" -eq 0 ]
	[[ "$output" == *'copy?]0;owned??2J'* ]]
	[[ "$output" != *[$'\001'-$'\011'$'\013'-$'\037']* ]]
	# Data is as it was, but on a terminal.
	"$HAMTBENCH" export --db a.db | grep -q "copy$esc]0;owned"
	script -qec true /dev/null >/dev/null 2>&1 || skip "no pseudo-terminal can be had here"
	script -qec "'$HAMTBENCH' export --db a.db" said >/dev/null
	grep -q 'copy?]0;owned??2J' said
	run ! grep -q "$esc" said
}

@test "another program's results are compared with ours by name" {
	run "$HAMTBENCH" import "$TESTS/sample.json" --db theirs.db
	[ "$status" -eq 0 ]
	[[ "$output" == *": 1 series and 7 trials added, 1 of all with an error; 8 aggregates left out; counters left out: nothing" ]]
	measured ours.db
	run "$HAMTBENCH" compare theirs.db ours.db --fail-above 99.99%
	[[ "$output" == *"points are paired by subject, workload, keys, dist, mix and threads."* ]]
	[[ "$output" == *"All 1 points: B/A = "* ]]
	"$HAMTBENCH" report --db theirs.db --out page.html
	grep -q 'copy/64' page.html
}

@test "a file made by the installed library is taken, and compare.py takes ours of it" {
	[ -f /usr/include/benchmark/benchmark.h ] || skip "libbenchmark-dev is not installed"
	g++ -O1 -o sample "$TESTS/sample.cc" -lbenchmark -pthread
	./sample --benchmark_min_time=0.001 --benchmark_out=s.json >/dev/null 2>&1
	run "$HAMTBENCH" import s.json --db s.db
	[ "$status" -eq 0 ]
	[[ "$output" == "s.json: 1 series and 7 trials added, 1 of all with an error;"* ]]
	# Its own time comes back: ns per iteration are 1000 / mops where there are no items.
	mine=$("$HAMTBENCH" export --db s.db | awk -F, '$1 == "null" { print $10; exit }')
	awk -v mops="$mine" '/"name": "null/ { here = 1 } here && /"real_time"/ {
		ms = $2 + 0; d = mops * ms * 1e3 - 1; exit !(d < 1e-6 && d > -1e-6) }' s.json
	"$HAMTBENCH" export --db s.db --format google-benchmark >again.json
	[ -f /usr/share/benchmark/compare.py ] || skip "libbenchmark-tools is not installed"
	/usr/bin/python3 -c 'import numpy, scipy' 2>/dev/null || skip "python3-numpy python3-scipy is not installed"
	/usr/bin/python3 /usr/share/benchmark/compare.py benchmarks again.json again.json | grep -q 'copy/64/google-benchmark'
}

@test "what is wrong costs one line, and the results file nothing" {
	measured a.db
	cp a.db before.db
	"$HAMTBENCH" export --db a.db --format google-benchmark >g
	awk '/"run_type"/ && ++n == 2 { sub(/"mops":/, "\"mopse\":") } { print }' g >bad
	refused() {
		run --separate-stderr "$HAMTBENCH" import "${@:2}" --db a.db
		[ "$status" -eq 2 ]
		[ "$stderr" = "hamtbench import: $1" ]
		[ -z "$output" ]
		cmp a.db before.db
	}
	refused 'bad: benchmarks[1].mopse: is no column of this hamtbench' "$TESTS/sample.json" bad
	head -c 3000 g >short
	run --separate-stderr "$HAMTBENCH" import short --db a.db
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench import: short: line "*", column "* ]]
	cmp a.db before.db
	gzip -c g | head -c 500 >short.gz
	refused 'short.gz: it is cut off: its packed bytes have no end' short.gz
	{ gzip -c g; echo more and more and more; } >long.gz
	refused 'long.gz: it cannot be unpacked: its packed bytes are damaged, or something follows them' long.gz
	refused 'none: No such file or directory' none
	refused '.: it is a folder' .
	refused '/dev/zero: it is a device' /dev/zero
	refused 'wanted is a file to import: import [OPTION...] FILE...'
	gzip g
	run "$HAMTBENCH" import g.gz --db new.db
	[ "$output" = "g.gz: 1 series and 8 trials added" ]
	# A file that cannot be written to.
	run --separate-stderr "$HAMTBENCH" import g.gz --db /proc/none/r.db
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench import: /proc/none/r.db: "* ]]
}

@test "a full disk: nothing is imported, and it is said" {
	measured a.db
	"$HAMTBENCH" export --db a.db --format json >j
	"$HAMTBENCH" run --subject null --threads 1 --keys 1K --mix get=100 --pin none --duration 2ms --warmup 1ms --noise off \
		--quiet --db full.db >/dev/null
	cp full.db before.db
	kib=$(($(stat -c %s full.db) / 1024))
	run --separate-stderr bash -c "ulimit -f $kib; '$HAMTBENCH' import j --db full.db"
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench import: full.db: cannot add to it: "* ]]
	[ "$("$HAMTBENCH" export --db full.db | sha256sum)" = "$("$HAMTBENCH" export --db before.db | sha256sum)" ]
}
