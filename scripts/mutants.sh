#!/bin/sh
# Planted bugs against the tools that are there to find them. core/mutant.h has the bugs;
# the table below says which tool each one is meant for. `make mutants` builds what this runs.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/mutants.sh [OPTION...] [NAME...]
Without --full: each bug (or those named) is given to its own tool, up to 5 times with other seeds, and
must be found; the same programs without a bug must find nothing.
  --full         every tool against every bug, and against none; a bug must be found by one tool at least.
                 Takes long (an hour on 2 cores); what is done is kept, and the same command goes on
  --tools LIST   with --full: only these, by comma
  --budget TIME  with --full: begin nothing more after so long: 90s, 10m, 2h
  --state DIR    with --full: what is done (default results/mutants); of another build it is begun anew
  --fresh        with --full: forget what DIR has
  --limit TIME   a program that runs for so long is given up, and counts as found (60s); on a machine that has
                 other work --full may need more
Tools, and what they run:
  unit     unit tests in a checked build        stress   threads, scans at each retire, poison on free
  asan     the same under AddressSanitizer      tsan     those with threads under ThreadSanitizer
  sched    deterministic schedules with store buffers (make V=sched)
  schedasan                                     the same with AddressSanitizer
  check    hamtbench check: are the answers of 4 threads linearizable, iterations too?
With --full a tool runs those of its programs that contain the bug's line.
MUTANTS_RUN in the environment is put before each command: MUTANTS_RUN='nice -n 19'.
Prints a table: bug, tool, verdict, runs, time, what found it. Exit status: 0 all found and none accused, 1 not
so, 2 cannot be run.
TEXT
}

fail() {
	echo "mutants.sh: $1" >&2
	exit 2
}

# Bug, its tool, the program, and the tests of it that are run (all, if none is named). ebr/test_x is
# core's test_x under that scheme. check: the subject, and more options.
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
EPOCH_NOT_FENCED sched ebr/test_hamt_schedules two_slots
EPOCH_WITHOUT_BARRIER sched ebr/test_hamt_schedules two_slots
EPOCH_LEFT_RELAXED tsan ebr/test_hamt_parallel threads_with_own_keys_see_a_table
EPOCH_SKIPS_RECORD unit ebr/test_reclaim parked_reader
EPOCH_FREED_EARLY unit ebr/test_reclaim coming_and_going
EPOCH_OF_RETIRER sched ebr/test_hamt_schedules growing
EPOCH_QUEUE_LOST unit qsbr/test_reclaim orphans_are_adopted
PAUSE_NOT_ENDED unit qsbr/test_reclaim parked_reader
QUIESCED_WHILE_HELD unit qsbr/test_reclaim hold_outlasts_operations
QUIESCED_UNNOTICED unit qsbr/test_reclaim what_was_known_is_looked_for_again
QUIESCED_RELAXED tsan qsbr/test_hamt_parallel threads_with_own_keys_see_a_table operations_on_shared_keys_add_up
ERA_NOT_FENCED sched he/test_hamt_schedules two_slots
ERA_WITHOUT_BARRIER sched he/test_hamt_schedules two_slots
ERA_NOT_CONFIRMED unit he/test_reclaim address_may_come_back_in_another_era
ERA_RELAXED tsan he/test_hamt_parallel permanent_keys_are_always_found_and_iterated_once operations_on_shared_keys_add_up
ERA_CLEARED_WHILE_HELD unit he/test_reclaim hold_outlasts_operations
ERA_UNNOTICED sched he/test_hamt_schedules growing
ERA_BORN_LATE unit he/test_reclaim parked_reader
ERA_RETIRED_EARLY unit he/test_reclaim parked_reader
ERA_LAST_LEFT_OUT unit he/test_reclaim parked_reader
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
ANSWER_OF_FIRST_TRY check hamt --keys 1
ITERATION_STEPS_OVER sched test_hamt_schedules growing
FROZEN_UPDATED stress test_hamt_parallel a_frozen_slot_is_not_updated
DESCENT_OVER_ROOT sched test_hamt_schedules two_slots
SPLIT_OFF_BY_ONE unit test_hamt grows_and_shrinks_and_gives_memory_back
MERGE_TAKES_ONE unit test_hamt grows_and_shrinks_and_gives_memory_back
MOVE_NOT_FROZEN sched test_hamt_schedules growing
MOVE_RETIRED_TWICE sched test_hamt_schedules growing
TARGET_RELAXED tsan test_hamt_parallel a_moved_slot_is_published
NEXT_RELAXED tsan test_hamt_parallel threads_with_own_keys_see_a_table
NEW_SLOT_EARLY sched test_hamt_schedules growing
BLOCK_DONE_EARLY sched test_hamt_schedules growing
DIRECTORY_FREED_EARLY asan test_hamt_parallel threads_with_own_keys_see_a_table
DIRECTORY_LEFT_UNCHECKED sched test_hamt_schedules growing
GUARD_CLEARED_EARLY asan test_hamt_bytes guards_keep_what_they_hold
SEED_CELL_NOT_VALIDATED sched test_seed_schedules meet_pairs
SEED_SWING_NOT_ATOMIC stress test_seed_parallel disjoint_inserts_are_all_there
SEED_FROZEN_USED sched test_seed_schedules meet_seldom
SEED_LEAF_NOT_RETIRED sched test_seed_schedules meet_seldom
TABLE
}

# part_of BUG - whose code it is in: what a tool runs with --full depends on that.
part_of() {
	case $1 in
	-) echo all ;;
	SEED_*) echo seed ;;
	EPOCH_*) echo ebr ;;
	PAUSE_* | QUIESCED_*) echo qsbr ;;
	ERA_*) echo he ;;
	HAZARD_* | SCAN_* | SWEEP_* | ORPHANS_* | RECORD_* | USERS_*) echo hazard ;;
	*) echo hamt ;;
	esac
}

# tests_of TOOL PART - the programs of a tool, or the subjects of check, those first that are quick.
tests_of() {
	case $1,$2 in
	check,hazard) echo hamt seed ;;
	check,hamt | check,seed) echo "$2" ;;
	check,*) echo "hamt-$2 seed-$2" ;;
	unit,hazard) echo test_hazard test_hamt test_hamt_bytes test_seed_hamt test_faults ;;
	unit,hamt) echo test_node test_hamt test_hamt_bytes test_faults ;;
	unit,seed) echo test_seed_hamt ;;
	unit,*) echo "$2/test_reclaim" ;;
	stress,hazard | tsan,hazard) echo test_hazard_stress test_hamt_parallel test_seed_parallel ;;
	stress,hamt | tsan,hamt) echo test_hamt_parallel ;;
	stress,seed | tsan,seed) echo test_seed_parallel ;;
	stress,* | tsan,*) echo "$2/test_hamt_parallel $2/test_seed_parallel" ;;
	asan,ebr | asan,qsbr | asan,he) echo "$(tests_of unit "$2") $(tests_of stress "$2")" ;;
	asan,*) echo "$(tests_of unit "$2") $(tests_of stress "$2")" ;;
	sched,hazard | schedasan,hazard) echo test_hazard_schedules test_hamt_schedules test_seed_schedules ;;
	sched,hamt | schedasan,hamt | sched,seed | schedasan,seed) echo "test_$2_schedules" ;;
	sched,* | schedasan,*) echo "$2/test_hamt_schedules $2/test_seed_schedules" ;;
	esac
}
tools='unit stress asan tsan sched schedasan check'

# programs_of TOOL PART - where those are.
programs_of() {
	case $2 in
	all) for part in hazard hamt seed ebr qsbr he; do tests_of "$1" "$part"; done ;;
	*) tests_of "$1" "$2" ;;
	esac | tr ' ' '\n' | awk '!($0 in seen) { seen[$0]; print }' | while read -r test; do
		where_of "$1" "$test"
	done
}

# where_of TOOL TEST - the path of a program or subject. Unit tests of a scheme are in a scheduled build, which
# has its library anyway: outside of a schedule an operation there is what it always is.
where_of() {
	case $1,$2 in
	check,*)
		echo "build/mutant/subjects/$2.so"
		return
		;;
	unit,*/*) variant=sched ;;
	unit,* | stress,*) variant=mutant ;;
	asan,*) variant=mutasan ;;
	tsan,*) variant=muttsan ;;
	*) variant=$1 ;;
	esac
	case $2 in
	*/*) echo "build/$variant/tests/core-$2" ;;
	*) echo "build/$variant/tests/core/$2" ;;
	esac
}

now_ms() {
	date +%s%3N
}

# one_run BUG SEED PROGRAM TEST... - sets verdict and by: found, missed, skipped, broken. BUG - is none.
one_run() {
	bug=$1 seed=$2 program=$3
	shift 3
	log=$MUTANTS_SCRATCH/log.$$
	status=0
	[ "$bug" != - ] || bug=
	case $program in
	*.so)
		name_of=${program##*/} name_of="check ${name_of%.so}"
		set -- build/release/hamtbench check --quiet --subject "$program" --ops 200K --seed "$seed" --save "$log.d" "$@"
		;;
	*)
		name_of=${program##*/}
		case $program in
		*/core-*) name_of="${program##*/core-}" ;;
		esac
		set -- scripts/sanitized.sh "$program" "$@"
		;;
	esac
	# One report is enough, and the end of a test that hangs is a report.
	MUTANT=$bug CHECK_SEED=$seed TSAN_OPTIONS=halt_on_error=1 timeout -k 2 "$MUTANTS_LIMIT" "$@" \
		>"$log" 2>"$log.err" || status=$?
	by=$(sed -n -e 's/^not ok [0-9]* - \([^ ]*\).*/\1/p' -e 's/^\(illegal\) .*/\1/p' "$log" | head -n 1)
	case $status in
	0) verdict=missed ;;
	2 | 12[567])
		verdict=broken
		echo "mutants.sh: $*: status $status: $(tail -n 1 "$log.err")" >&2
		;;
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
	case $program in
	*.so) ;;
	*)
		if [ "$verdict" = missed ] && ! grep -q '^ok [0-9]* - [^#]*$' "$log"; then
			verdict=skipped
		fi
		;;
	esac
	by="$name_of${by:+: $by}"
	rm -rf "$log" "$log.err" "$log.d"
}

# shellcheck disable=SC1091
. "$(dirname "$0")/times.sh"

# time_text SECONDS - "9 s", "3 min 05 s", "2 h 10 min".
time_text() {
	if [ "$1" -lt 60 ]; then
		echo "$1 s"
	elif [ "$1" -lt 3600 ]; then
		printf '%d min %02d s\n' $(($1 / 60)) $(($1 % 60))
	else
		printf '%d h %02d min\n' $(($1 / 3600)) $(($1 % 3600 / 60))
	fi
}

# job LINE - one cell of the table, as a process of its own; its result is a file.
job() {
	# shellcheck disable=SC2086 # words
	set -- $1
	name=$1 tool=$2 times=$3
	shift 3
	began=$(now_ms)
	[ -z "${MUTANTS_UNTIL-}" ] || [ "$began" -lt "$MUTANTS_UNTIL" ] || return 0
	runs=0 verdict=missed
	if [ "$1" = --all ]; then
		some=
		for program in $(programs_of "$tool" "$(part_of "$name")"); do
			runs=$((runs + 1))
			one_run "$name" 20260101 "$program"
			case $verdict in
			found | broken) break ;;
			missed) some=yes ;;
			esac
		done
		[ "$verdict" != skipped ] || [ -z "$some" ] || verdict=missed
		where=$MUTANTS_STATE/$name.$tool
	else
		while [ "$runs" -lt "$times" ] && [ "$verdict" = missed ]; do
			runs=$((runs + 1))
			one_run "$name" $((20260100 + runs)) "$@"
		done
		where=$MUTANTS_STATE/$name.$tool.$$
	fi
	[ "$verdict" = found ] || by=-
	# What could not run is tried again by the next one.
	[ "$verdict" != broken ] || where=$MUTANTS_SCRATCH/broken.$$
	printf '%s\t%s\t%s\t%d\t%d\t%s\n' "$name" "$tool" "$verdict" "$runs" $(($(now_ms) - began)) "$by" \
		>"$MUTANTS_SCRATCH/new.$$"
	mv "$MUTANTS_SCRATCH/new.$$" "$where"
	[ -t 2 ] || return 0
	done=$(find "$MUTANTS_STATE" -type f -name '*.*' | wc -l)
	now=$((done - MUTANTS_BEFORE)) all=$(wc -l <"$MUTANTS_SCRATCH/jobs")
	left_s=$(((all - now) * ($(now_ms) - MUTANTS_BEGAN) / (now * 1000)))
	printf '\r\033[K%d of %d, %s left: %s %s' "$done" $((all + MUTANTS_BEFORE)) "$(time_text $left_s)" "$name" "$tool" >&2
}

if [ "${1-}" = --job ] && [ -n "${MUTANTS_SCRATCH-}" ]; then
	job "$2"
	exit 0
fi

full='' wanted='' budget='' state='' fresh='' limit=60
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--full) full=yes ;;
	--fresh) fresh=yes ;;
	--tools)
		tools=$(printf '%s' "${2-}" | tr ',' ' ')
		for tool in $tools; do
			[ -n "$(tests_of "$tool" hamt)" ] ||
				fail "--tools: '$tool' is none; there are unit, stress, asan, tsan, sched, schedasan, check"
		done
		[ -n "$tools" ] || fail '--tools wants a list'
		shift
		;;
	--budget | --limit)
		seconds=$(seconds_of "${2-}") || fail "$1: '${2-}' must be a whole number with s, m or h"
		case $1 in
		--budget) budget=$seconds ;;
		--limit) limit=$seconds ;;
		esac
		shift
		;;
	--state)
		state=${2-}
		[ -n "$state" ] || fail '--state wants a folder'
		case $state in
		/*) ;;
		*) state=$PWD/$state ;;
		esac
		shift
		;;
	-*) fail "unknown option $1 (--help names those there are)" ;;
	*) wanted="$wanted $1" ;;
	esac
	shift
done
[ -n "$full" ] || [ -z "$budget$state$fresh" ] || fail '--budget, --state and --fresh go with --full'

cd "$(dirname "$0")/.."
names=$(sed -n 's/^	X(\([A-Z_]*\), ".*/\1/p' core/mutant.h)
for name in $wanted; do
	printf '%s\n' "$names" | grep -qx "$name" || fail "$name: core/mutant.h has none of that name"
done

MUTANTS_SCRATCH=$(mktemp -d)
MUTANTS_LIMIT=$limit
MUTANTS_STATE=$MUTANTS_SCRATCH/state
MUTANTS_BEFORE=0
export MUTANTS_SCRATCH MUTANTS_LIMIT MUTANTS_STATE MUTANTS_BEFORE
trap 'rm -rf "$MUTANTS_SCRATCH"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

designated >"$MUTANTS_SCRATCH/table"
cut -d ' ' -f 1 "$MUTANTS_SCRATCH/table" | sort >"$MUTANTS_SCRATCH/named"
printf '%s\n' "$names" | sort >"$MUTANTS_SCRATCH/names"
for name in $(comm -13 "$MUTANTS_SCRATCH/named" "$MUTANTS_SCRATCH/names"); do
	fail "$name: no tool is named for it in scripts/mutants.sh"
done
for name in $(comm -23 "$MUTANTS_SCRATCH/named" "$MUTANTS_SCRATCH/names"); do
	fail "$name: a tool is named for it, but core/mutant.h does not have it"
done
wanted=${wanted:-$names}

# need PROGRAM TARGET - it is there; and the binary that a subject needs.
need() {
	[ -x "$1" ] || fail "$1 is not built: run $2"
	case $1 in
	*.so) [ -x build/release/hamtbench ] || fail "build/release/hamtbench is not built: run $2" ;;
	esac
	echo "$1" >>"$MUTANTS_SCRATCH/programs"
}

if [ -n "$full" ]; then
	for tool in $tools; do
		for name in - $wanted; do
			part_of "$name"
		done | sort -u | while read -r part; do
			programs_of "$tool" "$part"
		done >"$MUTANTS_SCRATCH/needed"
		while read -r program; do
			need "$program" 'make mutants FULL=1'
		done <"$MUTANTS_SCRATCH/needed"
		for name in - $wanted; do
			echo "$name $tool 1 --all"
		done
	done >"$MUTANTS_SCRATCH/jobs"
	MUTANTS_STATE=${state:-results/mutants}
	# What the kept results are about. The binary itself knows which commit it is of: its maps are what counts.
	sort -u "$MUTANTS_SCRATCH/programs" | xargs cksum >"$MUTANTS_SCRATCH/identity"
	[ -z "$fresh" ] || rm -rf "$MUTANTS_STATE"
	mkdir -p "$MUTANTS_STATE" || fail "cannot make the folder $MUTANTS_STATE"
	: >>"$MUTANTS_STATE/identity" || fail "cannot write $MUTANTS_STATE"
	sort -u "$MUTANTS_STATE/identity" "$MUTANTS_SCRATCH/identity" >"$MUTANTS_SCRATCH/both"
	if [ -n "$(cut -d ' ' -f 3 "$MUTANTS_SCRATCH/both" | sort | uniq -d)" ]; then
		echo "mutants.sh: another build than the one $MUTANTS_STATE is about: begun anew" >&2
		rm -rf "$MUTANTS_STATE"
		mkdir -p "$MUTANTS_STATE" || fail "cannot make the folder $MUTANTS_STATE"
		cp "$MUTANTS_SCRATCH/identity" "$MUTANTS_SCRATCH/both"
	fi
	cp "$MUTANTS_SCRATCH/both" "$MUTANTS_STATE/identity" || fail "cannot write $MUTANTS_STATE"
	while read -r name tool rest; do
		[ -e "$MUTANTS_STATE/$name.$tool" ] || echo "$name $tool $rest"
	done <"$MUTANTS_SCRATCH/jobs" >"$MUTANTS_SCRATCH/left"
	MUTANTS_BEFORE=$(($(wc -l <"$MUTANTS_SCRATCH/jobs") - $(wc -l <"$MUTANTS_SCRATCH/left")))
	cut -d ' ' -f 1,2 --output-delimiter . "$MUTANTS_SCRATCH/jobs" >"$MUTANTS_SCRATCH/cells"
	mv "$MUTANTS_SCRATCH/left" "$MUTANTS_SCRATCH/jobs"
else
	mkdir "$MUTANTS_STATE"
	while read -r name tool program tests; do
		echo " $(echo "$wanted" | tr "\n" " ") " | grep -q " $name " || continue
		where=$(where_of "$tool" "$program")
		need "$where" 'make mutants'
		echo "$name $tool 5 $where $tests"
		echo "- $tool 1 $where $tests"
	done <"$MUTANTS_SCRATCH/table" >"$MUTANTS_SCRATCH/all"
	sort -u "$MUTANTS_SCRATCH/all" >"$MUTANTS_SCRATCH/jobs"
fi

began=$(now_ms)
MUTANTS_BEGAN=$began
MUTANTS_UNTIL=${budget:+$((began + budget * 1000))}
export MUTANTS_BEGAN MUTANTS_UNTIL
# shellcheck disable=SC2086 # words
tr '\n' '\0' <"$MUTANTS_SCRATCH/jobs" | xargs -0 -r -n 1 -P "$(nproc)" ${MUTANTS_RUN-} "$0" --job ||
	fail 'not everything could be run'
[ ! -t 2 ] || printf '\r\033[K' >&2

: >"$MUTANTS_SCRATCH/results"
if [ -n "$full" ]; then
	while read -r cell; do
		[ ! -e "$MUTANTS_STATE/$cell" ] || cat "$MUTANTS_STATE/$cell"
	done <"$MUTANTS_SCRATCH/cells" >"$MUTANTS_SCRATCH/results"
	left=$(($(wc -l <"$MUTANTS_SCRATCH/cells") - $(wc -l <"$MUTANTS_SCRATCH/results")))
else
	find "$MUTANTS_STATE" -type f -exec cat {} + >"$MUTANTS_SCRATCH/results"
	left=0
fi
broken=$(find "$MUTANTS_SCRATCH" -name 'broken.*' | wc -l)

sort "$MUTANTS_SCRATCH/results" | awk -F '\t' -v took=$(($(now_ms) - began)) -v full="$full" -v tools="$tools" \
	-v left="$left" -v broken="$broken" -v wanted="$(echo "$wanted" | tr '\n' ' ')" '
	BEGIN {
		many = split(tools, tool, " ")
		for (n = split(wanted, want, " "); n > 0; n--)
			bugs[want[n]]
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
		sum += $5
		cells[bug]++
		if ($1 == "-") {
			accused += $3 == "found"
			next
		}
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
					line = line sprintf(" %9s", (bug, tool[t]) in cell ? cell[bug, tool[t]] : ".")
				print line | "sort"
			}
			close("sort")
			print "time until found; - not found; ? the tool cannot work here" (left ? "; . not tried yet" : "")
			if (left)
				printf "%d not tried yet: the same command goes on\n", left
			took = sum
		}
		for (bug in bugs) {
			all++
			if (bug in found)
				good++
			else if (full && cells[bug] < many)
				open++
			else if (!(bug in tried))
				skipped++
			else
				missed = missed " " bug
		}
		printf "%d of %d bugs found, %d not tried (their tool cannot work here); %d accusations of no bug; %.0f s%s\n",
			good, all, skipped, accused, took / 1000, full ? " in all" : ""
		if (open)
			printf "not found so far: %d\n", open
		if (broken)
			printf "could not be run: %d\n", broken
		if (missed != "")
			print "not found:" missed
		exit missed != "" || accused > 0 || broken > 0
	}'
