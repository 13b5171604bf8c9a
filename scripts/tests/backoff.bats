#!/usr/bin/env bats
# scripts/backoff-sweep.sh: subsets, resuming, what it writes, and what it
# recommends from figures that are known. HAMTBENCH names the binary.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	export HAMTBENCH TOP
	unset QUICK TRIALS DURATION DB OUT POLICIES THREADS WORKLOADS SUBJECTS
	if [ ! -x "$HAMTBENCH" ]; then
		echo "build $HAMTBENCH first: make" >&2
		return 1
	fi
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export DB=sweep.db OUT=out DURATION=5ms TRIALS=2
}

sweep() {
	run --separate-stderr "$TOP/scripts/backoff-sweep.sh" "$@"
	echo "status $status"
	echo "$output"
	echo "$stderr"
}

# refused TEXT - status 2 and that one line, nothing measured.
refused() {
	[ "$status" -eq 2 ]
	[ "$stderr" = "$1" ]
	[ -z "$output" ]
	[ ! -e sweep.db ]
}

trials_kept() {
	"$HAMTBENCH" export --db sweep.db --what trials | tail -n +2 | wc -l
}

@test "bad options cost one line, and nothing is measured" {
	sweep --frob
	refused "backoff-sweep.sh: unknown option --frob (see --help)"
	sweep --threads
	refused "backoff-sweep.sh: --threads: a value is missing"
	sweep --workloads cas,load
	refused "backoff-sweep.sh: --workloads: 'load' is neither cas nor hotkey"
	sweep --workloads hotkey --subjects cas-word
	refused "backoff-sweep.sh: --subjects: none of 'cas-word' is for workload hotkey"
	sweep --policies exp:1,2
	[ "$status" -eq 2 ]
	[[ "$stderr" == 'hamtbench run: --backoff: '*"a number is missing after C"* ]]
	QUICK=maybe sweep
	refused "backoff-sweep.sh: QUICK=maybe: wants 1 or 0"
	HAMTBENCH=./none sweep
	refused "backoff-sweep.sh: ./none is not built: run make, or set HAMTBENCH"
	[ ! -e sweep.db ]
	sweep --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
}

@test "a subset: table, shell variables, heat maps; more threads than cores" {
	TRIALS=1 sweep --policies "mcs:1,50,10000 exp:1,1,6 exp:1,1,9 exp:1,3,6 exp:0,1,6" --threads 2,9 \
		--subjects cas-word,cas-stack,hamt
	[ "$status" -eq 0 ]
	# cas-word, cas-stack and hamt, 2 numbers of threads, 5 policies and none.
	[ "$(tail -n +2 out/backoff.csv | wc -l)" -eq 36 ]
	[ "$(trials_kept)" -ge 36 ]
	[[ "$output" == *"cas, cas-stack, 9 threads"*"hotkey, hamt, 2 threads"*"Recommended here: --backoff "* ]]
	grep -q '^  mcs:1,50,10000 ' out/table.txt
	(
		set -eu
		# shellcheck disable=SC1091 # made by this test
		. ./out/backoff.env
		"$HAMTBENCH" run --dry-run --subject hamt --backoff "$BACKOFF" >/dev/null
		[ "$BACKOFF_CONDITIONS" -eq 6 ]
		[ "$BACKOFF_POLICIES" -eq 6 ]
	)
	if command -v gnuplot >/dev/null; then
		for picture in out/cas-cas-word-c-m out/cas-cas-stack-threshold-m out/hotkey-hamt-c-m; do
			[ "$(head -c 8 "$picture.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
			grep -q '</svg>' "$picture.svg"
			# No line of text is wider than the picture: a letter takes 5 pixels or more.
			width=$(sed -n 's/.*viewBox="0 0 \([0-9]*\) .*/\1/p' "$picture.svg")
			grep '<text>' "$picture.svg" >texts
			sed 's/<[^>]*>//g' texts | awk -v most=$((width / 5)) 'length > most { print; bad = 1 } END { exit bad }'
			grep -q '9 threads' "$picture.svg"
		done
	fi
}

@test "kill -9 at several moments: the same command makes what is missing, and no trial twice" {
	local word all
	set -- --policies "constant:50 exp:1,2,8 exp:1,3,8" --threads 2,3
	all=$((2 * 2 * 4 * 6))
	for word in 0.4 0.7 0.5; do
		TRIALS=6 DURATION=20ms setsid "$TOP/scripts/backoff-sweep.sh" "$@" >/dev/null 2>&1 3>&- &
		sleep "$word"
		# Its whole group: the script and hamtbench.
		kill -9 -- "-$!" 2>/dev/null || true
		wait "$!" 2>/dev/null || true
	done
	# No table is written before the end.
	[ ! -e out/table.txt ]
	TRIALS=6 DURATION=20ms sweep "$@"
	[ "$status" -eq 0 ]
	[ -s out/table.txt ]
	# Each trial of each point once; disturbed ones may have been repeated besides.
	"$HAMTBENCH" export --db sweep.db --what points >points.csv
	[ "$(tail -n +2 points.csv | wc -l)" -eq $((all / 6)) ]
	[ "$(trials_kept)" -ge "$all" ]
	[ "$(trials_kept)" -le $((all + all / 5 + 4)) ]
	# Once more: there is nothing left to do.
	before=$(trials_kept)
	TRIALS=6 DURATION=20ms sweep "$@"
	[ "$status" -eq 0 ]
	[ "$(trials_kept)" -eq "$before" ]
}

@test "SIGTERM ends it and hamtbench, and says how to go on" {
	TRIALS=6 DURATION=200ms "$TOP/scripts/backoff-sweep.sh" --workloads cas --threads 2 2>said >/dev/null 3>&- &
	sleep 1
	kill -TERM "$!"
	status=0
	wait "$!" || status=$?
	cat said
	[ "$status" -ne 0 ]
	grep -q 'the same command goes on from here' said
}

@test "a folder that cannot be written is said" {
	echo text >file
	OUT=file/out sweep --policies none --threads 2 --workloads cas
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"cannot make the folder file/out"* ]]
}

# report - recommends from the lines "workload threads policy median half-interval jain" on standard input.
report() {
	mkdir -p made
	rm -f made/*
	{
		echo 'subject,workload,threads,mops_median,mops_lo,mops_hi,mops_coverage,jain,thread_min_mops,thread_max_mops,cpu_ns_per_op,cas_failed_per_op,valid,options'
		while read -r workload threads policy median half jain; do
			awk -v m="$median" -v h="$half" -v w="$workload" -v t="$threads" -v p="$policy" -v j="$jain" 'BEGIN {
				printf "x,%s,%s,%s,%s,%s,0.97,%s,1,2,3,0.5,6,\"{\"\"subject\"\":{\"\"backoff\"\":\"\"%s\"\"}}\"\n",
				    w, t, m, m - h, m + h, j, p }'
		done
	} >points.csv
	run --separate-stderr awk -v default_text=exp:1,3,12 -v machine=here -v dir=made -f "$TOP/scripts/plots/csv.awk" \
		-f "$TOP/scripts/backoff-report.awk" points.csv
	echo "$stderr"
	[ ! -f made/backoff.env ] || cat made/backoff.env made/short.txt
}

@test "the best is recommended if it can be told from the rest" {
	report <<-'END'
		cas 2 none 10 0.1 0.9
		cas 2 exp:1,3,12 12 0.1 0.9
		cas 2 exp:1,5,12 15 0.1 0.9
		cas 8 none 10 0.1 0.9
		cas 8 exp:1,3,12 12 0.1 0.9
		cas 8 exp:1,5,12 15 0.1 0.9
	END
	[ "$status" -eq 0 ]
	grep -qx 'BACKOFF=exp:1,5,12' made/backoff.env
	grep -qx 'BACKOFF_GAIN=1.5000' made/backoff.env
	grep -qx 'BACKOFF_SAME_AS_BEST=1' made/backoff.env
	# Half the interval is 1/150 of the median, twice: sqrt(2) / 150 / 2; none's is 1/100: sqrt(2) / 100 / 2; together 0.0085.
	grep -qx 'BACKOFF_NOISE=0.0085' made/backoff.env
}

@test "within noise the default stays, and it says so; without a default none does" {
	report <<-'END'
		cas 2 none 10 1 0.9
		cas 2 exp:1,3,12 11.5 1 0.9
		cas 2 exp:1,5,12 12 1 0.9
	END
	[ "$status" -eq 0 ]
	grep -qx 'BACKOFF=exp:1,3,12' made/backoff.env
	grep -qx 'BACKOFF_BEST=exp:1,5,12' made/backoff.env
	tr '\n' ' ' <made/short.txt | grep -q 'exp:1,5,12, has 1.200: within noise'
	report <<-'END'
		cas 2 none 10 1 0.9
		cas 2 exp:1,5,12 10.1 1 0.9
	END
	grep -qx 'BACKOFF=none' made/backoff.env
	grep -qx 'BACKOFF_NOISE=0.0000' made/backoff.env
	tr '\n' ' ' <made/short.txt | grep -q 'Not even none: on this machine the choice matters little'
}

@test "a noisy none is in the noise of a gain, and not between two policies" {
	report <<-'END'
		cas 2 none 10 3 0.9
		cas 2 exp:1,3,12 12 0.1 0.9
		cas 2 exp:1,5,12 15 0.1 0.9
	END
	[ "$status" -eq 0 ]
	grep -qx 'BACKOFF=exp:1,5,12' made/backoff.env
	grep -qx 'BACKOFF_NOISE=0.3001' made/backoff.env
	grep -qx 'BACKOFF_SAME_AS_BEST=1' made/backoff.env
	tr '\n' ' ' <made/short.txt | grep -q 'noise of both +-30.0 %'
	report <<-'END'
		cas 2 none 10 6 0.9
		cas 2 exp:1,5,12 15 0.1 0.9
	END
	grep -qx 'BACKOFF=none' made/backoff.env
}

@test "what is faster by starving threads is not recommended, but named" {
	report <<-'END'
		cas 2 none 10 0.1 0.9
		cas 2 exp:1,3,12 12 0.1 0.9
		cas 2 seed-literal 30 0.1 0.5
	END
	[ "$status" -eq 0 ]
	grep -qx 'BACKOFF=exp:1,3,12' made/backoff.env
	tr '\n' ' ' <made/short.txt | grep -q 'less fair than none by more than 0.05: seed-literal (3.000, Jain 0.500)'
}

@test "without none there is nothing to compare with" {
	report <<-'END'
		cas 2 exp:1,3,12 12 0.1 0.9
	END
	[ "$status" -eq 2 ]
	[ "$stderr" = "backoff-report.awk: cas x 2: none was not measured" ]
}
