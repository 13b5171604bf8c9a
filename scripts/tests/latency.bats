#!/usr/bin/env bats
# latency.sh: table, judgement and picture from figures that are known and from a real small run; resumed.
# shellcheck disable=SC2154 # run sets output and stderr

bats_require_minimum_version 1.5.0

setup() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	export HAMTBENCH TOP DB=l.db OUT=out QUICK=1 DURATION=20ms KEYS=1K LOADS=50,110
	unset SUBJECTS THREADS TRIALS MIX
	cd "$BATS_TEST_TMPDIR" || return 1
}

latency() {
	run --separate-stderr "$TOP/scripts/latency.sh" "$@"
	printf '%s\n' "status $status" "$output" "$stderr"
}

@test "a small run gives table, judgement and picture; again, everything is there already" {
	SUBJECTS=mutex THREADS=1 latency
	[ "$status" -eq 0 ]
	grep -qE '^mutex: capacity [0-9.]+ Mops/s \(closed loop, few calls timed: [0-9.]+\)$' out/table.txt
	grep -qE '^ +50 % .* M/s' out/table.txt
	grep -qE '^ +110 % .* M/s' out/table.txt
	[ "$(grep -cE '^  mutex at 50 %: response p(50|99) is .*, the bar .*\): ((NOT )?close|longer)$' out/table.txt)" -eq 2 ]
	grep -qE '^  mutex at 110 %: response p50 is [0-9.e+]+ times service: ' out/table.txt
	[ "$(wc -l <out/latency.csv)" -eq 4 ]
	[ "$(grep -c '^null,' out/latency.csv)" -eq 1 ]
	kept=$("$HAMTBENCH" export --db l.db | wc -l)
	# A header; closed, saturated, 1 to 4 probes of 110 %, two loads, null.
	[ "$kept" -ge 7 ]
	[ "$kept" -le 10 ]
	if command -v gnuplot; then
		grep -q '>percent of the capacity<' out/load.svg
		grep -q '>mutex<' out/load.svg
		grep -q '>p99.9<' out/load.svg
	fi
	cp out/table.txt before
	SUBJECTS=mutex THREADS=1 latency
	[ "$("$HAMTBENCH" export --db l.db | wc -l)" -eq "$kept" ]
	# But for the first line, which has what the clock costs just now.
	diff <(tail -n +2 before) <(tail -n +2 out/table.txt)
}

@test "the judgement is that of the figures" {
	mkdir data
	printf '%s\n' "label[1] = 'good'" "label[2] = 'bad'" "label[3] = 'more'" >subjects.facts
	# Two threads: a call takes 100 ns at capacity.
	printf '%s\n' 'good 50 50 2 20' 'good 110 110 2 20' 'bad 50 50 2 20' 'bad 110 110 2 20' \
		'more 60 50 2 20' 'more 120 110 2 20' >rates
	head=subject,rate,valid,mops,get_p50_ns,get_p99_ns,get_p999_ns,get_response_p50_ns,get_response_p99_ns,get_response_p999_ns
	printf '%s\n' $head null,50,1,1,1,1,1,40,50,60 null,50,1,1,1,1,1,20,30,60 null,50,1,1,1,1,1,90,900,60 >null.csv
	printf '%s\n' $head good,50,1,1,100,200,300,150,251,350 good,50,1,1,90,200,300,140,451,350 good,50,1,1,110,200,300,190,550,350 \
		good,110,1,1e-4,100,200,300,200000,200000,300000 $head bad,50,1,1,100,200,300,221,451,3500 bad,50,0,1,100,200,300,1,1,1 \
		bad,110,1,1.08e-4,100,200,300,300,400,500 more,60,1,1,100,200,300,150,250,350 more,120,1,1.19e-4,100,200,300,300,400,500 >open.csv
	awk -v machine=m -v data=data -v threads=2 -v mix=get=100 -v keys=1K -v trials=3 -v duration=1s -f "$TOP/scripts/plots/csv.awk" \
		-f "$TOP/scripts/latency-report.awk" subjects.facts rates null.csv open.csv >table
	cat table
	grep -qx '  good at 50 %: response p50 is 150 ns, the bar 200 ns (2 x 100 ns at capacity): close' table
	grep -qx '  good at 50 %: response p99 is 451 ns, the bar 450 ns (4 x 100 ns, and 50 ns on null): longer' table
	grep -qx '  good at 110 %: response p50 is 2e+03 times service: it grows, as it is to' table
	grep -qx '  bad at 50 %: response p50 is 221 ns, the bar 200 ns (2 x 100 ns at capacity): NOT close' table
	grep -qx '  bad at 110 %: response p50 is 3 times service: it does NOT grow' table
	# null was not measured at that rate.
	grep -qx '  more at 50 %: p99 is not judged: null has no valid trial at that rate' table
	grep -qx '  more at 110 %: response p50 is 3 times service: it kept up: this is not beyond its capacity' table
	[ "$(grep -c '  kept up$' table)" -eq 1 ]
	grep -qx '1 trial was not valid and left out.' table
	[ "$(head -n 1 data/load.1.1)" = "50 150 140 190 100 90 110" ]
}

@test "bad input costs one line, and nothing is measured" {
	for bad in "THREADS=1,2:THREADS=1,2: wants one number from 1 up" "LOADS=0:LOADS=0: wants whole numbers of percent from 1 up, by commas" \
		"MIX=upsert=100:MIX=upsert=100: wants some get=, whose latency is shown" "QUICK=x:QUICK=x: wants 1 or 0"; do
		run --separate-stderr env "${bad%%:*}" "$TOP/scripts/latency.sh"
		[ "$status" -eq 2 ]
		[ "$stderr" = "latency.sh: ${bad#*:}" ]
	done
	latency --frob
	[ "$status" -eq 2 ]
	[ "$stderr" = "latency.sh: unknown option --frob (it knows --help; all else is environment)" ]
	SUBJECTS=nonsense latency
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench run: "*nonsense* ]]
	[ ! -e l.db ]
	latency --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
}
