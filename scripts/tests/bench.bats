#!/usr/bin/env bats
# bench.sh: what it measures and for how long, judged by a hamtbench that only
# writes down how it was called; and two small real runs, to the end and interrupted.
# HAMTBENCH names the real binary.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	REAL=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	export REAL SCRIPTS=$BATS_TEST_DIRNAME/..
	if [ ! -x "$REAL" ]; then
		echo "build $REAL first: make" >&2
		return 1
	fi
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset QUICK SUBJECTS THREADS KEYS TRIALS DURATION
	export HAMTBENCH=$PWD/hamtbench DB=$PWD/results.db OUT=$PWD/plots
	# points: how many a plan has; status: how a run ends. It has no results to plot.
	cat >hamtbench <<'SH'
#!/bin/sh
here=$(dirname "$0")
case "$*" in
*--dry-run*) echo "$(cat "$here/points") points, 1 trial each: as many trials, at least 1 s (prefill not counted)" ;;
run*)
	echo "$*" >"$here/called"
	echo "the table"
	exit "$(cat "$here/status")"
	;;
export*)
	echo "hamtbench export: nothing here" >&2
	exit 2
	;;
esac
SH
	chmod +x hamtbench
	echo 90 >points
	echo 0 >status
	# Nothing to draw with, unless a test says otherwise: plots are plot.bats' part.
	mkdir bin
	for tool in sh dirname env nproc sed cat; do
		ln -s "$(command -v $tool)" bin
	done
}

bench() {
	run --separate-stderr env PATH="$PWD/bin" "$SCRIPTS/bench.sh" "$@"
	printf '%s\n' "status $status" "$output" "$stderr"
}

# called OPTION VALUE... - hamtbench run was called with these values of the option, in this order.
called() {
	local option=$1
	shift
	[ "$(tr ' ' '\n' <called | grep -x -A 1 -e "$option" | grep -vx -e "$option" -e --)" = "$(printf '%s\n' "$@")" ]
}

# taking - seconds the run just called is meant to take, with 150 ms around each trial.
taking() {
	awk -v points="$(cat points)" '{
		for (i = 1; i < NF; i++)
			v[$i] = $(i + 1)
		print points / 2 * (v["--trials"] + int((v["--trials"] + 2) / 3)) * (v["--duration"] + v["--warmup"] + 150) / 1000
	}' called
}

@test "the default suite: three mixes, two distributions, threads to four times the cores" {
	bench
	[ "$status" -eq 0 ]
	called --mix get=100 get=90,insert=5,remove=5 get=50,insert=25,remove=25
	called --dist zipf:0.99 uniform
	called --keys 200K
	called --trials 3
	called --db "$DB"
	cores=$(nproc)
	grep -qE -- "--threads (1,)?([0-9]+,)*$cores,$((4 * cores)) " called
	# All built-in maps: none is named.
	run ! grep -q -e --subject called
}

@test "it fits into its time, whatever the number of points" {
	for n in 6 24 90 144 200; do
		echo $n >points
		bench
		[ "$status" -eq 0 ]
		awk -v s="$(taking)" 'BEGIN { exit !(s <= 200) }'
		QUICK=1 bench
		[ "$status" -eq 0 ]
		[[ "$stderr" == *"these figures are rough"* ]]
		called --dist zipf:0.99
		[ $n -gt 90 ] || awk -v s="$(taking)" 'BEGIN { exit !(s <= 26) }'
	done
}

@test "few points: more trials, none longer than a second" {
	echo 6 >points
	bench
	called --trials 5
	called --duration 1000ms
}

@test "the environment decides" {
	SUBJECTS=seed,mutex THREADS=1,3 KEYS=1M TRIALS=7 DURATION=2s bench
	[ "$status" -eq 0 ]
	called --subject seed,mutex
	called --threads 1,3
	called --keys 1M
	called --trials 7
	called --duration 2s
	TRIALS=2 bench
	called --trials 2
	awk -v s="$(taking)" 'BEGIN { exit !(s <= 200) }'
}

@test "bad input: one line that names it, status 2, nothing measured" {
	bench --quick
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"bench.sh: unknown option --quick "* ]]
	QUICK=yes bench
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"bench.sh: QUICK=yes: wants 1 or 0"* ]]
	for trials in 0 x -1 1.5; do
		TRIALS=$trials bench
		[ "$status" -eq 2 ]
		[[ "$stderr" == *"bench.sh: TRIALS=$trials: wants a number from 1 up"* ]]
	done
	HAMTBENCH=./none bench
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"bench.sh: ./none is not built: run make, or set HAMTBENCH"* ]]
	[ ! -e called ]
	# The rest hamtbench says itself.
	HAMTBENCH=$REAL KEYS=many bench
	[ "$status" -eq 2 ]
	[[ "$stderr" == *many* ]]
	HAMTBENCH=$REAL SUBJECTS=nosuch bench
	[ "$status" -eq 2 ]
	[[ "$stderr" == *nosuch* ]]
	[ ! -e "$DB" ]
}

@test "the exit status is hamtbench's" {
	for s in 0 1 2 130; do
		echo $s >status
		bench
		[ "$status" -eq $s ]
		[[ "$output" == *"the table"* ]]
	done
	[[ "$stderr" == *"no plots drawn; for those of the trials kept: scripts/plot.sh --db $DB"* ]]
}

@test "without gnuplot: said before and after, the table is there, status as without" {
	bench
	[ "$status" -eq 0 ]
	[ "$output" = "the table" ]
	[ "$(printf '%s\n' "$stderr" | grep -c 'gnuplot is not installed: run scripts/setup.sh')" -eq 2 ]
}

@test "plots that cannot be drawn: status 2, or what was worse" {
	ln -s "$(type -P true)" bin/gnuplot
	for tool in mktemp rm awk; do
		ln -s "$(command -v $tool)" bin
	done
	bench
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"hamtbench export: nothing here"* ]]
	echo 1 >status
	bench
	[ "$status" -eq 1 ]
}

@test "--help names every variable" {
	bench --help
	[ "$status" -eq 0 ]
	for name in QUICK SUBJECTS THREADS KEYS TRIALS DURATION DB OUT HAMTBENCH; do
		[[ "$output" == *"$name"* ]]
	done
	[ ! -e called ]
}

@test "a real run ends with the table and the names of the plots" {
	HAMTBENCH=$REAL SUBJECTS=null,seed THREADS=1 KEYS=1K TRIALS=1 DURATION=20ms \
		run --separate-stderr "$SCRIPTS/bench.sh"
	printf '%s\n' "$output" "$stderr"
	[ "$status" -eq 0 ]
	[[ "$output" == *"Mops/s"* ]]
	# Two subjects, six loads; on a loaded machine a trial may be repeated.
	[ "$(printf '%s\n' "$output" | grep -cE '^ +(seed|null) +1 .* (1/1|2/2)$')" -eq 12 ]
	[[ "$output" =~ [0-9]+\ trials\ in\ $DB,\ series\ 1 ]]
	[ "$(printf '%s\n' "$output" | tail -n 11)" = "$(echo Plots:
		for picture in throughput latency reclamation garbage tradeoff; do
			printf '%s\n' "$OUT/$picture.png" "$OUT/$picture.svg"
		done)" ]
	[ -s "$OUT/garbage.svg" ]
}

@test "a folder for plots that cannot be made is said before anything is measured" {
	command -v gnuplot >/dev/null || skip "gnuplot-nox is not installed"
	echo text >file
	OUT=file/x/y run --separate-stderr "$SCRIPTS/bench.sh"
	[ "$status" -eq 2 ]
	[ "$stderr" = "bench.sh: OUT=file/x/y: cannot make this folder, or not write into it" ]
	[ ! -e called ]
	[ "$(cat file)" = text ]
}

@test "Ctrl-C keeps the finished trials and says how to draw them" {
	# A group of its own, as the terminal's; a shell would hide SIGINT from what it runs in the background.
	HAMTBENCH=$REAL SUBJECTS=null THREADS=1 KEYS=1K TRIALS=9 DURATION=200ms \
		setsid env --default-signal=INT "$SCRIPTS/bench.sh" >out 2>err &
	group=$!
	for _ in $(seq 100); do
		sleep 0.1
		[ ! -e "$DB" ] || [ "$("$REAL" export --db "$DB" 2>/dev/null | wc -l)" -lt 2 ] || break
	done
	kill -INT -- -$group
	status=0
	wait $group || status=$?
	cat out err
	[ "$status" -eq 130 ]
	grep -q 'interrupted: [0-9]* of 72 trials kept' err
	grep -q 'Mops/s' out
	grep -qF "bench.sh: no plots drawn; for those of the trials kept: scripts/plot.sh --db $DB" err
	"$REAL" export --db "$DB" | grep -q '^null,mixed,'
	[ ! -e "$OUT" ]
}
