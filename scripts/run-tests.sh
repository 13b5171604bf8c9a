#!/bin/sh
# Run test programs that speak TAP, and bats files, several at a time; print
# one line for each as it ends, in full what a failed one said, and at the end
#	N passed, N failed, N skipped
# alone on its line. A program that says nothing, ends before its plan, dies
# or runs too long counts as a failed test: silence never passes.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/run-tests.sh [--jobs N] [--repeat N] PROGRAM | FILE.bats ...
  --jobs N       run N at a time; as many as there are processors if it is not given
  --repeat N     run each program N times, each time with another CHECK_SEED
  TEST_TIMEOUT   environment: seconds until a program is killed (300)
Exit status: 0 all passed, 1 something failed or nothing passed, 2 usage.
TEXT
}

bad_usage() {
	echo "run-tests.sh: $1" >&2
	exit 2
}

is_count() {
	case $1 in
	'' | *[!0-9]* | 0*) return 1 ;;
	esac
}

repeat=1 jobs=$(nproc)
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--jobs)
		is_count "${2:-}" || bad_usage "--jobs wants a number from 1 up"
		jobs=$2
		shift 2
		;;
	--repeat)
		is_count "${2:-}" || bad_usage "--repeat wants a number from 1 up"
		repeat=$2
		shift 2
		;;
	-*) bad_usage "unknown option $1 (it knows --jobs, --repeat, --help)" ;;
	*) break ;;
	esac
done
limit=${TEST_TIMEOUT:-300}
is_count "$limit" || bad_usage "TEST_TIMEOUT=$limit: wants seconds, from 1 up"

sanitized=$(dirname "$0")/sanitized.sh

scratch=$(mktemp -d)
lanes=
stop() {
	for lane in $lanes; do
		kill "$lane" 2>/dev/null || true
	done
	for lane in $lanes; do
		wait "$lane" 2>/dev/null || true
	done
	rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Count the TAP lines of $log: passed, failed, skipped, and the plan or -1.
count_tap() {
	awk 'BEGIN { plan = -1 }
		/^not ok / { failed++; next }
		/^ok .*# [Ss][Kk][Ii][Pp]/ { skipped++; next }
		/^ok / { passed++ }
		/^1\.\.[0-9]+/ { plan = substr($1, 4) }
		END { print passed + 0, failed + 0, skipped + 0, plan }' "$log"
}

# run_one DIR SEED COMMAND... - run it, judge it; DIR/totals gets its three numbers.
run_one() {
	log=$1/log block=$1/block totals=$1/totals
	seed=$2
	shift 2
	program=$1
	label=$program${seed:+ CHECK_SEED=$seed}
	case $program in
	*.bats) set -- bats --formatter tap "$@" ;;
	*) set -- "$sanitized" "$@" ;;
	esac
	[ -z "$seed" ] || set -- env CHECK_SEED="$seed" "$@"

	began=$(date +%s)
	status=0
	# In the background, so that Ctrl-C is answered at once; timeout then
	# ends everything that the program has started. A shell hides SIGINT
	# from what it runs in the background, hence env.
	env --default-signal=INT,QUIT timeout -k 10 "$limit" "$@" >"$log" 2>&1 &
	child=$!
	wait "$child" || status=$?
	child=
	took=$(($(date +%s) - began))

	# shellcheck disable=SC2046 # four numbers
	set -- $(count_tap)
	seen=$(($1 + $2 + $3))
	why=
	if [ "$took" -ge "$limit" ] && { [ "$status" = 124 ] || [ "$status" = 137 ]; }; then
		why="killed after $limit s (TEST_TIMEOUT)"
	elif [ "$status" = 77 ] && [ "$1" = 0 ] && [ "$2" = 0 ]; then
		[ "$seen" -gt 0 ] || set -- 0 0 1 "$4"
	elif [ "$status" = 66 ]; then
		why="exit status 66: ThreadSanitizer reported"
	elif [ "$status" -gt 128 ]; then
		why="ended by signal $((status - 128))"
	elif [ "$4" -ge 0 ] && [ "$seen" != "$4" ]; then
		why="said $seen of $4 results"
	elif [ "$status" = 0 ] && [ "$seen" = 0 ]; then
		why="ran no test"
	elif [ "$status" != 0 ] && { [ "$status" != 1 ] || [ "$2" = 0 ]; }; then
		why="exit status $status"
	fi
	[ -z "$why" ] || set -- "$1" $(($2 + 1)) "$3" "$4"

	echo "$1 $2 $3" >"$totals"
	if [ "$2" -gt 0 ]; then
		printf 'FAIL  %s: %d passed, %d failed, %d skipped, %d s%s\n' \
			"$label" "$1" "$2" "$3" "$took" "${why:+; $why}"
		sed 's/^/    /' "$log"
	else
		printf 'ok    %s: %d passed, %d skipped, %d s\n' "$label" "$1" "$3" "$took"
		# What was skipped, and why: check.h says it on the line before.
		[ "$3" = 0 ] || grep -iE '^ok .*# skip|^# skip:' "$log" | sed 's/^/    /' || true
	fi >"$block"
	# Whole, though others end at the same time.
	flock "$scratch" cat "$block"
	rm "$log" "$block"
}

# run_lane PROGRAM... - one of the $jobs that share the work: each program, and each turn of
# it, belongs to the lane that is first to make its folder.
run_lane() {
	child=
	trap '[ -z "$child" ] || { kill "$child" && wait "$child"; } 2>/dev/null; exit 143' TERM
	turn=0
	while [ "$turn" -lt "$repeat" ]; do
		nth=0
		for program in "$@"; do
			nth=$((nth + 1))
			mkdir "$scratch/$turn.$nth" 2>/dev/null || continue
			seed=
			[ "$repeat" = 1 ] || seed=$((first_seed + turn))
			run_one "$scratch/$turn.$nth" "$seed" "$program"
		done
		turn=$((turn + 1))
	done
}

first_seed=${CHECK_SEED:-20260101}
lane=0
while [ "$lane" -lt "$jobs" ]; do
	run_lane "$@" &
	lanes="$lanes $!"
	lane=$((lane + 1))
done
for lane in $lanes; do
	wait "$lane" || true
done
lanes=

# One that left no totals has failed.
turn=0
while [ "$turn" -lt "$repeat" ]; do
	nth=0
	for program in "$@"; do
		nth=$((nth + 1))
		cat "$scratch/$turn.$nth/totals" 2>/dev/null || echo "0 1 0"
	done
	turn=$((turn + 1))
done >"$scratch/totals"
awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		# All skipped proves as little as nothing run.
		exit !(failed == 0 && passed > 0)
	}' "$scratch/totals"
