#!/usr/bin/env bats
# Traces end to end: bad files cost one line and exit status 2, converted ones say the
# same, and what make-trace.sh makes of the system runs on maps.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	export HAMTBENCH TOP
	if [ ! -x "$HAMTBENCH" ]; then
		echo "build $HAMTBENCH first: make" >&2
		return 1
	fi
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# trial ARGUMENT... - runs of workload trace, one trial each, as CSV.
trial() {
	run --separate-stderr "$HAMTBENCH" run --workload trace --trials 1 --repeats 0 --quiet --no-db --format csv "$@"
}

# valid N - the runs just made were N trials, all valid.
valid() {
	printf '%s\n' "status $status" "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(printf '%s\n' "$output" | sed 's/"[^"]*"/Q/g' | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "valid") at = i; next }
		$at == 1' | wc -l)" -eq "$1" ]
}

# refused TEXT - the command just run said this one line, printed nothing, and ended with status 2.
refused() {
	printf '%s\n' "status $status" "$output" "$stderr"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = "$1" ]
}

@test "the trace that is kept here is what the script makes of the licence" {
	(cd "$TOP" && scripts/make-trace.sh words LICENSE) | diff - "$TOP/workloads/words.trace"
}

@test "a trace runs on maps, however it is dealt" {
	trial --trace "$TOP/workloads/words.trace" --subject hamt,mutex,roofline,null --threads 1,3 --deal round-robin --deal block \
		--deal by-key
	valid 24
	trial --trace "$TOP/workloads/words.trace" --subject hamt --threads 2 --deal by-key --repeat 0 --duration 30ms --warmup 5ms
	valid 1
	trial --trace "$TOP/workloads/words.trace" --subject hamt --threads 2 --warm nothing --warm "trace:$TOP/workloads/words.trace" \
		--repeat 20
	valid 2
}

@test "maps of byte strings get the keys themselves" {
	trial --trace "$TOP/workloads/words.trace" --subject mutex-bytes,null-bytes --threads 1,2 --deal round-robin --deal by-key
	valid 8
	trial --trace "$TOP/workloads/words.trace" --subject mutex-bytes --threads 1 --key-bytes 20
	refused "hamtbench run: --key-bytes: workload trace names its keys itself"
}

@test "what a trace asks of a map that cannot is refused" {
	[ -f "${HAMTBENCH%/*}/subjects/urcu-lfht.so" ] || skip "liburcu-dev is not installed"
	echo 'scan a 10' >scan.trace
	trial --trace scan.trace --subject urcu-lfht --threads 1
	refused "hamtbench run: subject urcu-lfht cannot scan, which workload trace needs"
}

@test "bad files are refused before anything runs, in one line" {
	printf 'get a\nget\n' >bad.trace
	trial --trace bad.trace --subject null --threads 1
	refused "hamtbench run: workload trace: bad.trace:2: the key is missing"
	trial --trace gone.trace --subject null --threads 1
	refused "hamtbench run: workload trace: gone.trace: No such file or directory"
	trial --trace . --subject null --threads 1
	refused "hamtbench run: workload trace: .: it is a folder"
	: >empty.trace
	trial --trace empty.trace --subject null --threads 1
	refused "hamtbench run: workload trace: empty.trace: there is no operation in it"
	trial --subject null --threads 1
	refused "hamtbench run: workload trace: --trace: which file has the operations?"
	"$HAMTBENCH" trace convert "$TOP/workloads/words.trace" words.bin
	head -c 500 words.bin >short.trace
	trial --trace short.trace --subject null --threads 1
	refused "hamtbench run: workload trace: short.trace: it is cut off: it is shorter than its head says"
	gzip -c words.bin | head -c 500 >short.gz
	trial --trace short.gz --subject null --threads 1
	refused "hamtbench run: workload trace: short.gz: it is cut off: its packed bytes have no end"
}

@test "a converted trace says the same, and is never written over another file" {
	cp "$TOP/workloads/words.trace" words.trace
	"$HAMTBENCH" trace convert words.trace words.bin
	"$HAMTBENCH" trace convert --to text words.bin words.text
	# Without the comment it is the same text.
	grep -v '^#' words.trace | diff - words.text
	gzip -k words.bin
	"$HAMTBENCH" trace show words.trace words.bin words.text words.bin.gz >shown
	[ "$(sed -n 's/.*check //p' shown | sort -u | wc -l)" -eq 1 ]
	[ "$(grep -c check shown)" -eq 4 ]
	[ "$(wc -c <words.bin)" -lt "$(($(wc -c <words.trace) / 2))" ]
	run --separate-stderr "$HAMTBENCH" trace convert words.trace words.bin
	refused "hamtbench trace: words.bin: it exists already; name another"
}

@test "show counts" {
	printf '%s\n' 'get a' 'get b' 'get a' 'insert c' 'remove a' 'get a' 'scan c 5' >small.trace
	"$HAMTBENCH" trace show small.trace >shown
	cat shown
	[ "$(awk '$1 == "get" { print $2, $3, $4, $5, $6, $7 }' shown)" = "4 57.14 % hits 75.00 %" ]
	[ "$(awk '$1 == "remove" { print $2, $6 }' shown)" = "1 100.00" ]
	grep -q '^  in the map  2 keys at first (by --warm reads), 3 at most, 2 at the end$' shown
	grep -q '^  keys        3, of 1 to 1 bytes, 1.0 on average$' shown
	# a: 1, 1, 0 other keys in between; c: 1.
	grep -q 'median 1, 90 % at most 1, 99 % at most 1$' shown
}

@test "trace wants a verb and its files" {
	for words in '' show convert 'convert a' 'convert a b c' 'mend a'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$HAMTBENCH" trace $words
		refused "hamtbench trace: wanted is: trace convert IN OUT | trace show FILE..."
	done
	run --separate-stderr "$HAMTBENCH" trace show --to text a
	refused "hamtbench trace: --to is for convert"
	run --separate-stderr "$HAMTBENCH" trace show --from csv a
	[[ "$stderr" == "hamtbench trace: --from: 'csv' "*twitter* ]]
	refused "$stderr"
}

@test "a recorded run becomes a trace" {
	"$HAMTBENCH" run --subject mutex --threads 2 --keys 100 --duration 10ms --warmup 1ms --trials 1 --quiet --no-db \
		--mix get=50,insert=25,remove=25 --history run.history >/dev/null
	"$HAMTBENCH" trace convert --from history run.history run.trace
	"$HAMTBENCH" trace show run.trace >shown
	for op in get insert remove; do
		awk -v op=$op '$1 == op { found = $2 > 10 } END { exit !found }' shown
	done
	trial --trace run.trace --subject hamt --threads 2 --deal by-key
	valid 1
	run --separate-stderr "$HAMTBENCH" trace convert --from history run.trace other
	[[ "$stderr" == "hamtbench trace: run.trace: it is no history"* ]]
	refused "$stderr"
}

@test "published forms are read" {
	printf '%s\n' '0,k1,2,10,1,get,0' '1,k2,2,10,1,set,60' '2,k1,2,0,1,delete,0' >cache.csv
	"$HAMTBENCH" trace convert --from twitter --to text cache.csv cache.trace
	printf '%s\n' 'get k1' 'upsert k2' 'remove k1' | diff - cache.trace
	# Two records: object 7, object 258.
	printf '\1\0\0\0\7\0\0\0\0\0\0\0\4\0\0\0\377\377\377\377\377\377\377\377\2\0\0\0\2\1\0\0\0\0\0\0\4\0\0\0\377\377\377\377\377\377\377\377' >cache.bin
	"$HAMTBENCH" trace convert --from oracle-general --to text cache.bin oracle.trace
	printf '%s\n' 'get 7' 'get 258' | diff - oracle.trace
}

@test "traces made of what is here run on maps" {
	for kind in words paths git; do
		"$TOP/scripts/make-trace.sh" $kind >$kind.trace 2>said || {
			# A copy of the tree without its history, a Debian without licences.
			grep -q 'make-trace.sh: ' said
			continue
		}
		trial --trace $kind.trace --subject hamt --threads 2 --deal by-key
		valid 1
	done
	printf '%s\n' '/a b' '/"q"' '#x' >list
	"$TOP/scripts/make-trace.sh" paths list >odd.trace
	trial --trace odd.trace --subject hamt --threads 1 --deal by-key
	valid 1
	for words in '' nonsense 'words gone' 'git a b'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$TOP/scripts/make-trace.sh" $words
		[ "$status" -eq 2 ]
		[[ "$stderr" == "make-trace.sh: "* ]]
	done
}
