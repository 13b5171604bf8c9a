#!/bin/sh
# Planted bugs against the tools that are there to find them. core/mutant.h has the bugs;
# the table below says which tool each one is meant for. `make mutants` builds what this runs.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/mutants.sh [--full] [--tools LIST] [NAME...]
Without --full: each bug (or those named) is given to its own tool, up to 5 times with other seeds, and
must be found; the same programs without a bug must find nothing.
  --full         every tool against every bug, and against none; a bug must be found by one tool at least.
                 Takes long (an hour on 2 cores)
  --tools LIST   with --full: only these, by comma
Tools, and what they run (each program is given up after 60 s):
  unit     unit tests in a checked build        stress   threads, scans at each retire, poison on free
  asan     the same under AddressSanitizer      tsan     those with threads under ThreadSanitizer
  sched    deterministic schedules with store buffers (make V=sched)
  schedasan                                     the same with AddressSanitizer
Prints a table: bug, tool, verdict, runs, time, what found it. Exit status: 0 all found and none accused, 1 not
so, 2 cannot be run.
TEXT
}

fail() {
	echo "mutants.sh: $1" >&2
	exit 2
}

# Bug, its tool, the program, and the tests of it that are run (all, if none is named).
designated() {
	cat <<'TABLE'
HAZARD_NOT_VALIDATED stress test_hazard_stress cells_fence_threshold_1
HAZARD_NOT_FENCED sched test_hazard_schedules fence
SLOT_NOT_VALIDATED sched test_hamt_schedules two_slots
HAZARD_ANNOUNCED_LATE stress test_hazard_stress cells_fence_threshold_1
HAZARD_CLEARED_RELAXED tsan test_hazard_stress cells_fence_threshold_1
SCAN_SKIPS_SLOT unit test_hazard any_slot_blocks_until_it_changes
SCAN_SKIPS_RECORD unit test_hazard domains_are_independent
SCAN_WITHOUT_BARRIER sched test_hazard_schedules asymmetric
SWEEP_FORGETS_PASSES unit test_hazard more_announcements_than_one_pass
SWEEP_LOSES_ONE unit test_hazard domains_are_independent
ORPHANS_TAKEN_TWICE asan test_hazard leaving_hands_over_what_is_protected
ORPHANS_OVERWRITTEN sched test_hazard_schedules fence
ORPHANS_RELAXED tsan test_hazard bound_holds_in_fence_mode
RECORD_LEFT_RELAXED tsan test_hamt_parallel handles_come_and_go
USERS_RELAXED tsan test_hazard_stress last_thread_frees_the_domain
INSERT_UNSORTED unit test_node a_full_chunk_is_pushed_down
REMOVE_KEEPS_BIT unit test_node copies_leave_their_originals_alone
CONTRACTION_KEEPS_WRONG unit test_hamt behaves_like_a_table
LOOKUP_NOT_VALIDATED schedasan test_hamt_schedules two_slots
ROOT_UNPROTECTED sched test_hamt_schedules two_slots
UPDATE_NOT_ATOMIC stress test_hamt_parallel no_increment_is_lost
UPDATE_RELAXED tsan test_hamt_parallel threads_with_own_keys_see_a_table
REMOVE_LOSER_WINS sched test_hamt_schedules two_slots
RETIRE_LOST unit test_hamt behaves_like_a_table
COUNT_REPLACED unit test_hamt behaves_like_a_table
FROZEN_UPDATED stress test_hamt_parallel a_frozen_slot_is_not_updated
DESCENT_OVER_ROOT sched test_hamt_schedules two_slots
SPLIT_OFF_BY_ONE unit test_hamt grows_and_shrinks_and_gives_memory_back
MERGE_TAKES_ONE unit test_hamt grows_and_shrinks_and_gives_memory_back
MOVE_NOT_FROZEN sched test_hamt_schedules growing
MOVE_RETIRED_TWICE sched test_hamt_schedules growing
NEXT_RELAXED tsan test_hamt_parallel threads_with_own_keys_see_a_table
NEW_SLOT_EARLY sched test_hamt_schedules growing
BLOCK_DONE_EARLY sched test_hamt_schedules growing
DIRECTORY_FREED_EARLY asan test_hamt_parallel threads_with_own_keys_see_a_table
DIRECTORY_LEFT_UNCHECKED sched test_hamt_schedules growing
GUARD_CLEARED_EARLY asan test_hamt_bytes guards_keep_what_they_hold
SEED_CELL_NOT_VALIDATED sched test_seed_schedules meet_pairs
SEED_SWING_NOT_ATOMIC stress test_seed_parallel
SEED_FROZEN_USED sched test_seed_schedules
SEED_LEAF_NOT_RETIRED sched test_seed_schedules meet_seldom
TABLE
}

# The programs of a tool; for --full.
programs_of() {
	case $1 in
	unit) for test in node hamt hamt_bytes hazard seed_hamt faults; do echo "build/mutant/tests/core/test_$test"; done ;;
	stress) for test in hazard_stress hamt_parallel seed_parallel; do echo "build/mutant/tests/core/test_$test"; done ;;
	asan) for test in hazard hazard_stress hamt hamt_bytes hamt_parallel seed_hamt seed_parallel; do
		echo "build/mutasan/tests/core/test_$test"
	done ;;
	tsan) for test in hazard hazard_stress hamt_parallel hamt_bytes seed_parallel; do
		echo "build/muttsan/tests/core/test_$test"
	done ;;
	sched) for test in hazard hamt seed; do echo "build/sched/tests/core/test_${test}_schedules"; done ;;
	schedasan) for test in hazard hamt seed; do echo "build/schedasan/tests/core/test_${test}_schedules"; done ;;
	*) return 1 ;;
	esac
}
tools='unit stress asan tsan sched schedasan'

# where_of TOOL PROGRAM - the path of a designated program.
where_of() {
	case $1 in
	unit | stress) echo "build/mutant/tests/core/$2" ;;
	asan) echo "build/mutasan/tests/core/$2" ;;
	tsan) echo "build/muttsan/tests/core/$2" ;;
	sched | schedasan) echo "build/$1/tests/core/$2" ;;
	esac
}

now_ms() {
	date +%s%3N
}

# one_run BUG SEED PROGRAM TEST... - sets verdict and by: found, missed, skipped. BUG - is none.
one_run() {
	bug=$1 seed=$2 program=$3
	shift 3
	log=$MUTANTS_SCRATCH/log.$$
	status=0
	[ "$bug" != - ] || bug=
	# One report is enough, and the end of a test that hangs is a report.
	MUTANT=$bug CHECK_SEED=$seed TSAN_OPTIONS=halt_on_error=1 timeout -k 2 "$MUTANTS_LIMIT" \
		scripts/sanitized.sh "$program" "$@" >"$log" 2>"$log.err" || status=$?
	by=$(sed -n 's/^not ok [0-9]* - \([^ ]*\).*/\1/p' "$log" | head -n 1)
	case $status in
	0) verdict=missed ;;
	77) verdict=skipped ;;
	124 | 137)
		# A test that had failed before counts as what it is.
		[ -n "$by" ] || by='did not end'
		verdict=found
		;;
	*)
		verdict=found
		[ -n "$by" ] || by="status $status"
		;;
	esac
	# All that was asked for was skipped: the tool cannot work here.
	if [ "$verdict" = missed ] && ! grep -q '^ok [0-9]* - [^#]*$' "$log"; then
		verdict=skipped
	fi
	by="${program##*/}${by:+: $by}"
	rm -f "$log" "$log.err"
}

# job LINE - one cell of the table, as a process of its own; its result is a file.
job() {
	# shellcheck disable=SC2086 # words
	set -- $1
	name=$1 tool=$2 times=$3
	shift 3
	began=$(now_ms)
	runs=0 verdict=missed
	if [ "$1" = --all ]; then
		for program in $(programs_of "$tool"); do
			runs=$((runs + 1))
			one_run "$name" 20260101 "$program"
			[ "$verdict" != found ] || break
		done
	else
		while [ "$runs" -lt "$times" ] && [ "$verdict" = missed ]; do
			runs=$((runs + 1))
			one_run "$name" $((20260100 + runs)) "$@"
		done
	fi
	[ "$verdict" = found ] || by=-
	printf '%s\t%s\t%s\t%d\t%d\t%s\n' "$name" "$tool" "$verdict" "$runs" $(($(now_ms) - began)) "$by" \
		>"$MUTANTS_SCRATCH/result.$$"
	[ ! -t 2 ] || printf '\r\033[K%d of %d' "$(find "$MUTANTS_SCRATCH" -name 'result.*' | wc -l)" \
		"$(wc -l <"$MUTANTS_SCRATCH/jobs")" >&2
}

if [ "${1-}" = --job ] && [ -n "${MUTANTS_SCRATCH-}" ]; then
	job "$2"
	exit 0
fi

full='' wanted=''
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--full) full=yes ;;
	--tools)
		tools=$(printf '%s' "${2-}" | tr ',' ' ')
		for tool in $tools; do
			programs_of "$tool" >/dev/null || fail "--tools: '$tool' is none; there are unit, stress, asan, tsan, sched, schedasan"
		done
		[ -n "$tools" ] || fail '--tools wants a list'
		shift
		;;
	-*) fail "unknown option $1 (--help names those there are)" ;;
	*) wanted="$wanted $1" ;;
	esac
	shift
done

cd "$(dirname "$0")/.."
names=$(sed -n 's/^	X(\([A-Z_]*\), ".*/\1/p' core/mutant.h)
for name in $wanted; do
	printf '%s\n' "$names" | grep -qx "$name" || fail "$name: core/mutant.h has none of that name"
done
for name in $names; do
	designated | grep -q "^$name " || fail "$name: no tool is named for it in scripts/mutants.sh"
done
for name in $(designated | cut -d ' ' -f 1); do
	printf '%s\n' "$names" | grep -qx "$name" || fail "$name: a tool is named for it, but core/mutant.h does not have it"
done
wanted=${wanted:-$names}

MUTANTS_SCRATCH=$(mktemp -d)
MUTANTS_LIMIT=60
export MUTANTS_SCRATCH MUTANTS_LIMIT
trap 'rm -rf "$MUTANTS_SCRATCH"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -n "$full" ]; then
	for tool in $tools; do
		for program in $(programs_of "$tool"); do
			[ -x "$program" ] || fail "$program is not built: run make mutants FULL=1"
		done
		for name in - $wanted; do
			echo "$name $tool 1 --all"
		done
	done
else
	designated | while read -r name tool program tests; do
		echo " $(echo "$wanted" | tr "\n" " ") " | grep -q " $name " || continue
		where=$(where_of "$tool" "$program")
		[ -x "$where" ] || fail "$where is not built: run make mutants"
		echo "$name $tool 5 $where $tests"
		echo "- $tool 1 $where $tests"
	done | sort -u
fi >"$MUTANTS_SCRATCH/jobs"
[ -s "$MUTANTS_SCRATCH/jobs" ] || exit 2

began=$(now_ms)
tr '\n' '\0' <"$MUTANTS_SCRATCH/jobs" | xargs -0 -n 1 -P "$(nproc)" "$0" --job
[ ! -t 2 ] || printf '\r\033[K' >&2

cat "$MUTANTS_SCRATCH"/result.* | sort | awk -F '\t' -v took=$(($(now_ms) - began)) -v full="$full" -v tools="$tools" '
	BEGIN {
		many = split(tools, tool, " ")
		if (!full)
			printf "%-26s %-9s %-8s %4s %8s  %s\n", "bug", "tool", "verdict", "runs", "time", "by"
	}
	{
		bug = $1 == "-" ? "(none)" : $1
		if (full)
			cell[bug, $2] = $3 == "found" ? sprintf("%.1f s", $5 / 1000) : $3 == "skipped" ? "?" : "-"
		else
			printf "%-26s %-9s %-8s %4d %6.1f s  %s\n", bug, $2, $3, $4, $5 / 1000, $6
		rows[bug]
		if ($1 == "-") {
			accused += $3 == "found"
			next
		}
		bugs[bug]
		if ($3 == "found")
			found[bug]
		# Where no tool could be used, nothing is known.
		if ($3 != "skipped")
			tried[bug]
	}
	END {
		if (full) {
			printf "%-26s", "bug"
			for (t = 1; t <= many; t++)
				printf " %9s", tool[t]
			print ""
			for (bug in rows) {
				line = sprintf("%-26s", bug)
				for (t = 1; t <= many; t++)
					line = line sprintf(" %9s", cell[bug, tool[t]])
				print line | "sort"
			}
			close("sort")
			print "time until found; - not found; ? the tool cannot work here"
		}
		for (bug in bugs) {
			all++
			if (bug in found)
				good++
			else if (!(bug in tried))
				skipped++
			else
				missed = missed " " bug
		}
		printf "%d of %d bugs found, %d not tried (their tool cannot work here); %d accusations of no bug; %.0f s\n",
			good, all, skipped, accused, took / 1000
		if (missed != "")
			print "not found:" missed
		exit missed != "" || accused > 0
	}'
