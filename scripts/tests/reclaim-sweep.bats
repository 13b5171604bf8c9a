#!/usr/bin/env bats
# scripts/reclaim-sweep.sh: subsets, resuming, what it writes, and what it
# recommends from figures that are known. HAMTBENCH names the binary.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	export HAMTBENCH TOP
	unset QUICK TRIALS DURATION DB OUT
	if [ ! -x "$HAMTBENCH" ]; then
		echo "build $HAMTBENCH first: make" >&2
		return 1
	fi
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export DB=sweep.db OUT=out DURATION=30ms QUICK=1
	# What a point's fastest trial has in more digits than its slowest.
	SPREAD=
}

sweep() {
	run --separate-stderr "$TOP/scripts/reclaim-sweep.sh" "$@"
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
	refused "reclaim-sweep.sh: unknown option --frob (see --help)"
	sweep --threads
	refused "reclaim-sweep.sh: --threads: a value is missing"
	sweep --workloads churn,load
	refused "reclaim-sweep.sh: --workloads: 'load' is none of churn, stall, longread, mixed"
	sweep --maps mutex
	refused "reclaim-sweep.sh: --maps: 'mutex' is no subject with several schemes (see hamtbench list axes)"
	sweep --schemes "hp gc"
	refused "reclaim-sweep.sh: --schemes: hamt does not take --reclaim gc (see hamtbench list axes)"
	sweep --threads x
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench run: --threads: 'x' is no number"* ]]
	QUICK=maybe sweep
	refused "reclaim-sweep.sh: QUICK=maybe: wants 1 or 0"
	HAMTBENCH=./none sweep
	refused "reclaim-sweep.sh: ./none is not built: run make, or set HAMTBENCH"
	[ ! -e sweep.db ]
	sweep --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
}

@test "killed at any moment, it goes on; table, shell variables, pictures; more threads than cores" {
	local moment all
	set -- --maps hamt --schemes "hp hp:threshold=64 ebr" --workloads churn,stall --threads 2,9
	# Two workloads, 2 levels, 2 numbers of threads, 3 settings; stalls and waves at the 2 defaults; stalls with the parameter.
	all=$((2 * 2 * 2 * 3 + 2 * 2 * 2 + 2))
	for moment in 0.5 0.9; do
		setsid "$TOP/scripts/reclaim-sweep.sh" "$@" >/dev/null 2>&1 3>&- &
		sleep "$moment"
		# Its whole group: the script and hamtbench.
		kill -9 -- "-$!" 2>/dev/null || true
		wait "$!" 2>/dev/null || true
	done
	sweep "$@"
	[ "$status" -eq 0 ]
	[ "$(trials_kept)" -eq "$all" ]
	[ "$(tail -n +2 out/reclaim.csv | wc -l)" -eq "$all" ]
	[[ "$output" == *"hamt, churn"*"hamt, stall"*"hamt, endless stall"*"Recommended for hamt: --reclaim hp"* ]]
	[ "$(sed -n '/^hamt, endless stall/,/^$/p' out/table.txt | grep -c '^  hp:threshold=64 ')" -eq 2 ]
	[ "$(grep -c '^bounded,hamt,' out/reclaim.csv)" -eq 2 ]
	(
		set -eu
		# shellcheck disable=SC1091 # made by this test
		. ./out/reclaim.env
		[ "$RECLAIM" = "$RECLAIM_HAMT" ]
		"$HAMTBENCH" run --dry-run --subject hamt --reclaim "$RECLAIM" >/dev/null
	)
	if command -v gnuplot >/dev/null; then
		for picture in garbage-hamt reclamation-hamt tradeoff-hamt; do
			[ "$(head -c 8 out/$picture.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
			grep -q '</svg>' out/$picture.svg
		done
		# The endless stall is shaded, and both schemes have a curve.
		grep -q 'rgb(228, *228, *228)' out/garbage-hamt.svg
		grep -q '>hamt (hp)<' out/garbage-hamt.svg
		grep -q '>hamt-ebr (ebr)<' out/garbage-hamt.svg
	fi
	# Once more: there is nothing left to do.
	sweep "$@"
	[ "$status" -eq 0 ]
	[ "$(trials_kept)" -eq "$all" ]
}

# point SCHEME WORKLOAD MOPS PEAK MEAN SHARE [VALID] - a line of reclaim.csv; an endless stall is one.
point() {
	local kind=grid workload=$2
	[ "$2" != endless ] || kind=endless workload=stall
	printf '%s,hamt,hamt,%s,%s,2,"{""run"":{""smr-stats"":""%s""},""subject"":{""reclaim"":""%s""}}",%s,%s,%s,%s,%s,%s,%s,0.1,5,7,10,20,4,1\n' \
		$kind "${1%%:*}" "$workload" "${8:-sampled}" "$1" "${7:-1}" "$3" "$3" "$3$SPREAD" "$4" "$5" "$6"
}

# trial SCHEME WORKLOAD SHARE [VALID [LEVEL]] - a line of trials.csv, with 4 stalls, one of them undrained.
trial() {
	point "$1" "$2" 0 0 0 "$3" "${4:-1}" "${5:-sampled}" >>trials.lines
}

report() {
	{
		echo "sweep,map,subject,reclaimer,workload,threads,options,valid,mops_median,mops_min,mops_max,pending_peak,pending_mean,bound_share,pass_share,stall_slope,drain_ns,reclaim_p50_ns,reclaim_p99_ns,stalls,undrained"
		cat
	} >reclaim.csv
	touch trials.lines
	head -n 1 reclaim.csv | cat - trials.lines >trials.csv
	rm trials.lines
	rm -rf made
	mkdir made
	awk -v machine=M -v dir=made -f "$TOP/scripts/plots/csv.awk" -f "$TOP/scripts/reclaim-report.awk" reclaim.csv trials.csv
	cat made/table.txt made/reclaim.env
}

@test "recommended is, of those that keep their bound, the least garbage near the best speed" {
	{
		point ebr churn 12 90000 50000 ''
		point ebr endless 12 900000 500000 ''
		point hp churn 10 3000 2000 0.5
		point hp endless 10 3000 2000 0.5
		point hp:threshold=64 churn 9.8 300 100 0.5
		point hp:threshold=64 endless 9 300 100 0.6
		point hp:threshold=8 churn 5 30 10 0.5
		point hp:threshold=8 endless 5 30 10 0.5
		point none churn 99 1e6 5e5 ''
		point none endless 99 1e6 5e5 ''
	} | report
	grep -qx RECLAIM=hp:threshold=64 made/reclaim.env
	grep -qx RECLAIM_HAMT=hp:threshold=64 made/reclaim.env
	# What is never freed is no rival.
	grep -q 'Recommended for hamt: --reclaim hp:threshold=64: 9.8 Mops/s .* 82 % of the fastest that frees (ebr);' made/table.txt
	grep -q 'in no trial more than 60 % of its bound, 300 at most while a reader was stalled for ever' made/table.txt
}

@test "of the bound it is the worst trial that counts, and only what was measured under an endless stall is recommended" {
	trial hp churn 0.4
	trial hp churn 0.86
	trial over endless 0.5
	trial over endless 1.01
	{
		point hp churn 10 3000 2000 0.5
		point hp endless 10 3000 2000 0.5
		point over churn 20 3000 2000 0.5
		point over endless 20 3000 2000 0.5
		point hp:threshold=4096 churn 22 9000 5000 0.5
	} | report
	grep -qx RECLAIM=hp made/reclaim.env
	grep -q 'in no trial more than 86 % of its bound, 3K at most while a reader was stalled for ever' made/table.txt
	grep -q '^  hp  *2 *10 *3K *2K *86.0 % ' made/table.txt
	point hp churn 10 3000 2000 0.5 | report
	grep -q '^hamt: no setting that kept a bound was measured everywhere, with a reader stalled for ever too: nothing' made/table.txt
}

@test "what broke its bound, or was not measured everywhere, is not recommended" {
	{
		point hp churn 10 3000 2000 0.5
		point hp longread 10 3000 2000 0.5
		point hp endless 10 3000 2000 0.5
		# Faster, but one trial was not valid; above the bound; not measured on longread.
		point era churn 20 3000 2000 0.5 0
		point era longread 20 3000 2000 0.5
		point era endless 20 3000 2000 0.5
		point over churn 20 3000 2000 0.5
		point over longread 20 3000 2000 0.5
		point over endless 20 3000 2000 1.5
		point part churn 20 3000 2000 0.5
		point part endless 20 3000 2000 0.5
	} | report
	grep -qx RECLAIM=hp made/reclaim.env
	grep -q '^  era .*  not valid$' made/table.txt
	{
		point ebr churn 12 90000 50000 ''
	} | report
	grep -q 'nothing to recommend' made/table.txt
	run ! grep -q RECLAIM= made/reclaim.env
}

@test "noise is told" {
	{
		point hp churn 10 3000 2000 0.5 2
		point hp endless 10 3000 2000 0.5 2
	} | report
	run ! grep -q "told apart" made/table.txt
	# The slowest 10, the fastest 105.
	SPREAD=5
	{
		point hp churn 10 3000 2000 0.5 2
		point hp endless 10 3000 2000 0.5 2
	} | report
	grep -q 'trials of a point lie 950 % apart here' made/table.txt
}

@test "speed is that of the lowest level of statistics, times are those of the one that took them" {
	{
		point hp churn 10 3000 2000 0.5 1 counters | sed 's/,10,20,4,1$/,,,4,1/'
		point hp churn 8 3500 2000 0.5
		# Stalls are those of that level; of trials that are not valid nothing is known.
		trial hp churn 0.5
		trial hp churn 0.5
		trial hp churn 0.5 0
		trial hp churn 0.5 1 counters
	} | report
	grep -q '^  hp  *2 *10 *3.5K *2K *50.0 % *10 ns *20 ns *10.0 % *5 *7 ns *2/8$' made/table.txt
}

@test "a percentile that is not known, for too much still waited, is shown as more than what is known of it" {
	point hp churn 10 3000 2000 0.5 | sed 's/,10,20,4,1$/,10,,4,1/' | report
	grep -q '^  hp .* 10 ns  *-  *10.0 % ' made/table.txt
	awk '{ print $0 (NR == 1 ? ",reclaim_p50_above_ns,reclaim_p99_above_ns" : ",,4560000") }' reclaim.csv >above.csv
	awk -v machine=M -v dir=made -f "$TOP/scripts/plots/csv.awk" -f "$TOP/scripts/reclaim-report.awk" above.csv trials.csv
	grep -q '^  hp .* 10 ns  *>4.56 ms  *10.0 % ' made/table.txt
}

@test "a folder that cannot be written is said" {
	echo text >file
	OUT=file/out sweep --maps hamt --schemes hp --workloads churn --threads 1
	[ "$status" -eq 2 ]
	# longread and stall want two threads; that is said first.
	[[ "$stderr" == *"leaves none to work"* || "$stderr" == *"leave none to work"* ]]
	OUT=file/out sweep --maps hamt --schemes hp --workloads churn --threads 2
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"cannot make the folder file/out"* ]]
}

@test "threads that end without leaving, again and again: nothing they leave behind is stepped on" {
	run --separate-stderr "$HAMTBENCH" run --no-db --quiet --counters off --workload die --subject hamt,seed --reclaim hp \
		--reclaim ebr --threads 4 --dying 2 --every 10ms --trials 4 --repeats 0 --duration 50ms --warmup 1ms
	echo "$output"
	echo "$stderr"
	[ "$status" -eq 0 ]
	[ "$(grep -c ' 4/4$' <<<"$output")" -eq 4 ]
}
