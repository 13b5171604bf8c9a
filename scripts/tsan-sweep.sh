#!/bin/sh
# The maps under a sanitizer, over a matrix: threads x load x distribution x subject and
# its reclaimer x scan threshold x back-off x seed, on the real binary and plug-ins. What
# the matrix consists of comes from `hamtbench list axes`, so that a new map, scheme or
# policy is swept without an edit here.
#
# One cell of the matrix is one process. The order is a shuffle, the same every time, so
# that the first minutes see something of everything; after the last cell it begins again
# with the next seed. DIR/journal gets one line for each finished cell; whatever ends a
# sweep, the next one goes on behind the last whole line.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/tsan-sweep.sh [OPTION...]
  --sanitizer NAME   thread, address or undefined (default thread); build/tsan, build/asan or
                     build/ubsan must be there (make V=tsan)
  --budget TIME      stop after so long: 90s, 10m, 2h (default 10m); a later sweep goes on from there
  --rounds N         stop after N seeds as well (default: only the budget counts)
  --seed N           the first round's seed (default 1)
  --subject LIST     names or plug-in files, by comma (default: all that are built; thread:
                     without those over a library that is not built for it)
  --threads LIST     default 2,4,8
  --threshold LIST   scan thresholds, where the scheme takes them (default 1,4,64)
  --duration TIME    measured part of each run (default 50ms)
  --state DIR        default results/sweep-NAME: journal, reports/*.text, junit.xml
  --fresh            forget what DIR says and start over
  --list             print the commands of one round, and end
Each distinct finding is told once, when it first comes, and again at the end, with how often it came,
the first seed and a command that replays its cell; that command is tried 5 times. Findings are what
the sanitizer reports, trials that were not valid, crashes, and runs that do not end.
If the binary or a plug-in is not the one that DIR knows, DIR becomes DIR.old, and all starts over.
Exit status: 0 nothing found, 1 something found (now or earlier in DIR), 2 cannot be run,
130 interrupted.
TEXT
}

fail() {
	echo "tsan-sweep.sh: $1" >&2
	exit 2
}

is_count() {
	case $1 in
	'' | *[!0-9]* | 0*) return 1 ;;
	esac
}

# shellcheck disable=SC1091
. "$(dirname "$0")/times.sh"

sanitizer=thread budget=10m first_seed=1 threads=2,4,8 thresholds=1,4,64 duration=50ms
rounds='' subjects='' state='' fresh='' list=''
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--fresh) fresh=yes ;;
	--list) list=yes ;;
	--sanitizer | --budget | --rounds | --seed | --subject | --threads | --threshold | --duration | --state)
		[ -n "${2-}" ] || fail "$1 wants a value"
		case $1 in
		--sanitizer) sanitizer=$2 ;;
		--budget) budget=$2 ;;
		--rounds) rounds=$2 ;;
		--seed) first_seed=$2 ;;
		--subject) subjects=$2 ;;
		--threads) threads=$2 ;;
		--threshold) thresholds=$2 ;;
		--duration) duration=$2 ;;
		--state) state=$2 ;;
		esac
		shift
		;;
	*) fail "unknown option $1 (--help names those there are)" ;;
	esac
	shift
done
case $sanitizer in
thread) variant=tsan ;;
address) variant=asan ;;
undefined) variant=ubsan ;;
*) fail "--sanitizer: '$sanitizer' must be thread, address or undefined" ;;
esac
budget_s=$(seconds_of "$budget") || fail "--budget: '$budget' must be a whole number with s, m or h"
[ -z "$rounds" ] || is_count "$rounds" || fail "--rounds: '$rounds' must be a whole number from 1 up"
{ is_count "$first_seed" && [ "${#first_seed}" -le 9 ]; } || fail "--seed: '$first_seed' must be a whole number from 1 up"
for pair in "threads $threads" "threshold $thresholds"; do
	for one in $(printf '%s' "${pair#* }" | tr ',' ' '); do
		is_count "$one" || fail "--${pair%% *}: '$one' must be a whole number from 1 up"
	done
done

here=$PWD
cd "$(dirname "$0")/.."
# A name as the caller sees it.
seen() {
	case $1 in
	/*) echo "$1" ;;
	*) echo "$here/$1" ;;
	esac
}
[ -z "$state" ] || state=$(seen "$state")
state=${state:-results/sweep-$sanitizer}
hamtbench=build/$variant/hamtbench
[ -x "$hamtbench" ] || fail "$hamtbench is not built: run make V=$variant"

scratch=$(mktemp -d)
child=
finish() {
	[ -z "$child" ] || kill "$child" 2>/dev/null || true
	rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 143' TERM
# Ctrl-C is for the run as well; what it leaves is no finding.
interrupted=
trap 'interrupted=yes' INT


# ---- The matrix --------------------------------------------------------------

$hamtbench list axes >"$scratch/axes" || fail "$hamtbench list axes failed"

# accepted WORD... - does hamtbench run take these options?
accepted() {
	$hamtbench run --no-db --quiet --dry-run --threads 2 "$@" >/dev/null 2>&1
}

# choices KIND NAME OPTION - the lines --OPTION VALUE that `list axes` has; one empty line if none.
choices() {
	awk -v kind="$1" -v name="$2" -v option="$3" '
		$1 == kind && $2 == name && $3 == option { print $3, $4; some = 1 }
		END { if (!some) print "" }' "$scratch/axes"
}

# A library that was not built for ThreadSanitizer orders accesses unseen: what it reports of
# its users is false. Subjects that need one are swept only if they are asked for.
if [ -z "$subjects" ]; then
	sed -n 's/^ *subject \([^ ]*\)$/\1/p' "$scratch/axes" >"$scratch/names"
	while read -r subject; do
		foreign=
		[ "$sanitizer" != thread ] || foreign=$(readelf -d "build/$variant/subjects/$subject.so" 2>/dev/null |
			sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -Ev '^(libc|libm|libgcc_s|ld-linux.*)\.so' | tr '\n' ' ')
		if [ -n "$foreign" ]; then
			echo "tsan-sweep.sh: $subject is left out: ${foreign% } is not built for ThreadSanitizer" >&2
		else
			subjects=$subjects${subjects:+,}$subject
		fi
	done <"$scratch/names"
fi

# The loads: mixed with each mix and distribution, on few keys, where threads meet, and on
# more; then each other workload, as it comes.
awk '$1 == "workload" && NF == 2 { print $2 }' "$scratch/axes" | while read -r workload; do
	if [ "$workload" = mixed ]; then
		choices workload mixed --dist | while read -r dist; do
			for mix in get=50,insert=25,remove=25 get=90,insert=5,remove=5 get=20,insert=20,upsert=40,remove=20; do
				for keys in 16 1K; do
					echo "--workload mixed --mix $mix $dist --keys $keys"
				done
			done
		done
	elif [ "$workload" = trace ]; then
		choices workload trace --deal | while read -r deal; do
			echo "--workload trace --trace workloads/words.trace --repeat 0 $deal"
		done
	elif [ "$workload" = phases ]; then
		echo "--workload phases --script workloads/tests/short.phases --keys 1K"
	elif accepted --subject null --workload "$workload" --keys 1K; then
		echo "--workload $workload --keys 1K"
	elif accepted --subject null --workload "$workload"; then
		echo "--workload $workload"
	fi
done >"$scratch/loads"
# One load of each workload, the one that asks for most.
awk '{ load[$2] = $0 } END { for (name in load) print load[name] }' "$scratch/loads" | sort >"$scratch/workloads"

# "SUBJECT WORKLOAD" of all that are built, asked once for each workload: without --subject
# those that cannot do it are left out. A dry run names each of its points.
while read -r load; do
	# shellcheck disable=SC2086 # words
	$hamtbench run --no-db --quiet --dry-run --threads 2 $load 2>/dev/null |
		awk -v load="$load" 'BEGIN { split(load, word, " ") } NR > 1 { print $1, word[2] }' || true
done <"$scratch/workloads" | sort -u >"$scratch/able"
# able SUBJECT WORKLOAD... - can it, with these options?
able() {
	case $1 in
	*/*) accepted --subject "$@" ;;
	*) grep -qxF "$1 $3" "$scratch/able" || accepted --subject "$@" ;;
	esac
}

# bounded SUBJECT "--reclaim SCHEME:..." - does it take this scheme? The built ones share the
# reader of --reclaim, so that the first of them answers for all.
: >"$scratch/answers"
bounded() {
	case $1 in
	*/*) ;;
	*)
		answer=$(sed -n "s/^$2 //p" "$scratch/answers")
		[ -z "$answer" ] || {
			[ "$answer" = yes ]
			return
		}
		;;
	esac
	answer=no
	# shellcheck disable=SC2086 # words
	! accepted --subject "$1" $2 || answer=yes
	echo "$2 $answer" >>"$scratch/answers"
	[ "$answer" = yes ]
}

: >"$scratch/refused"
# Each subject with its schemes, thresholds and policies, one a line.
for subject in $(printf '%s' "$subjects" | tr ',' ' '); do
	case $subject in
	*/*) subject=$(seen "$subject") ;;
	esac
	# A workload that it cannot run makes no cells; one that it can there must be.
	usable=
	while read -r load; do
		# shellcheck disable=SC2086 # words
		if able "$subject" $load; then
			usable=yes
		else
			echo "$subject $load" | cut -d ' ' -f 1,3
		fi
	done <"$scratch/workloads" >>"$scratch/refused"
	[ -n "$usable" ] || {
		said=$($hamtbench run --no-db --quiet --dry-run --subject "$subject" 2>&1 >/dev/null) || true
		fail "$(printf '%s' "$said" | head -n 1)"
	}
	choices subject "$subject" --reclaim >"$scratch/schemes"
	# Everything that is not an axis of the matrix, but has choices: with the other options at their defaults.
	awk -v name="$subject" '$1 == "subject" && $2 == name && NF == 4 && $3 != "--reclaim" && $3 != "--backoff" {
		print $3, $4 }' "$scratch/axes" >"$scratch/others"
	while read -r scheme; do
		echo "$scheme"
		for threshold in $(printf '%s' "$thresholds" | tr ',' ' '); do
			[ -z "$scheme" ] || ! bounded "$subject" "$scheme:threshold=$threshold" ||
				echo "$scheme:threshold=$threshold"
		done
	done <"$scratch/schemes" >"$scratch/thresholds"
	choices subject "$subject" --backoff >"$scratch/policies"
	# One awk for all: as many processes as there are cells would take longer than the sweep's start should.
	awk -v subject="$subject" '
		FILENAME == ARGV[1] { policy[policies++] = $0; next }
		{
			for (i = 0; i < policies; i++)
				print "--subject " subject ($0 != "" ? " " $0 : "") (policy[i] != "" ? " " policy[i] : "")
		}' "$scratch/policies" "$scratch/thresholds"
	sed "s:^:--subject $subject :" "$scratch/others"
done >"$scratch/subjects"

# The product, shuffled (Fisher and Yates) by numbers that are the same in every awk.
awk -v threads="$threads" '
	# name - NAME of "--subject NAME ..." or "--workload NAME ..."
	function name(options,    word)
	{
		split(options, word, " ")
		return word[2]
	}
	FILENAME == ARGV[1] { refused[$0]; next }
	FILENAME == ARGV[2] { subject[subjects++] = $0; next }
	{ load[loads++] = $0 }
	END {
		many = split(threads, number, ",")
		for (s = 0; s < subjects; s++)
			for (l = 0; l < loads; l++)
				for (t = 1; t <= many && !(name(subject[s]) " " name(load[l]) in refused); t++)
					cell[cells++] = subject[s] " " load[l] " --threads " number[t]
		for (x = 1; cells > 0; cells--) {
			x = x * 16807 % 2147483647
			at = x % cells
			print cell[at]
			cell[at] = cell[cells - 1]
		}
	}' "$scratch/refused" "$scratch/subjects" "$scratch/loads" >"$scratch/cells"
cells=$(wc -l <"$scratch/cells")
[ "$cells" -gt 0 ] || fail "there is nothing to run: no subject or no workload is built"

# command_of CELL SEED - what runs a cell, as one would type it.
common="--duration $duration --warmup 1ms --trials 1 --pin none --no-db --quiet"
command_of() {
	echo "scripts/sanitized.sh $hamtbench run $1 --seed $2 $common"
}
# hamtbench says itself what is wrong with the options of this script that it gets to see.
# shellcheck disable=SC2046,SC2086 # words
said=$($hamtbench run --dry-run $(head -n 1 "$scratch/cells") $common 2>&1 >/dev/null) || fail "$said"
if [ -n "$list" ]; then
	awk -v before="$(command_of @ "$first_seed" | sed 's/@.*//')" -v behind="$(command_of @ "$first_seed" | sed 's/.*@//')" \
		'{ print before $0 behind }' "$scratch/cells"
	exit 0
fi

# ---- State -------------------------------------------------------------------
# What a journal is about: its lines count from the first cell of this.
{
	cksum "$hamtbench" build/"$variant"/subjects/*.so build/"$variant"/workloads/*.so
	tr ' ' '\n' <"$scratch/subjects" | grep '/' | sort -u | xargs -r cksum
	echo "$first_seed $common"
	cat "$scratch/cells"
} >"$scratch/identity"
if [ -n "$fresh" ]; then
	rm -rf "$state"
fi
if [ -d "$state" ] && ! cmp -s "$scratch/identity" "$state/identity"; then
	rm -rf "$state.old"
	mv "$state" "$state.old"
	echo "tsan-sweep.sh: another build or matrix than last time: starts over; the former state is in $state.old" >&2
fi
mkdir -p "$state/reports" || fail "cannot write $state"
{ cp "$scratch/identity" "$state/identity.new" && mv "$state/identity.new" "$state/identity"; } ||
	fail "cannot write $state"
journal=$state/journal
# One line a cell: SEED CELL MILLISECONDS STATUS KEY... A line without an end was
# being written when something ended the sweep: that cell is run again.
if [ -f "$journal" ]; then
	awk 'NR > 1 { print line } { line = $0 }' "$journal" >"$journal.new"
	[ -n "$(tail -c 1 "$journal")" ] || tail -n 1 "$journal" >>"$journal.new"
	mv "$journal.new" "$journal"
else
	: >"$journal"
fi
done_before=$(wc -l <"$journal")

# ---- Cells -------------------------------------------------------------------

now_ms() {
	date +%s%3N
}

# run_cell COMMAND - standard error in $scratch/log; sets status.
run_cell() {
	status=0
	# shellcheck disable=SC2086 # words
	env --default-signal=INT,QUIT timeout -k 5 120 $1 >/dev/null 2>"$scratch/log" &
	child=$!
	wait "$child" || status=$?
	if [ -n "$interrupted" ]; then
		wait "$child" 2>/dev/null || true
		child=
		tell ""
		echo "tsan-sweep.sh: interrupted; the same command goes on from here" >&2
		exit 130
	fi
	child=
	case $status in
	2 | 125 | 126 | 127) fail "$1: $(tail -n 1 "$scratch/log")" ;;
	esac
}

# keys_of - the findings in $scratch/log and $status, a line each, sorted; each is kept if it is new.
keys_of() {
	awk -v dir="$state/reports" -f scripts/sanitizer-reports.awk "$scratch/log" >"$scratch/keys"
	if [ ! -s "$scratch/keys" ]; then
		case $status in
		124 | 137) kind='did not end within 120 s' ;;
		12[89] | 1[3-9][0-9]) kind="ended by signal $((status - 128))" ;;
		*) kind="exit status $status" ;;
		esac
		# Which trial it was differs each time; what went wrong does not.
		kind="$kind: $(grep -v '^ *$' "$scratch/log" | tail -n 1 | sed 's/[0-9][0-9]*/N/g' | cut -c 1-200)"
		key=$(printf '%s' "$kind" | cksum | awk '{ printf "%08x\n", $1 % 2147483647 }')
		if [ ! -e "$state/reports/$key.name" ]; then
			cp "$scratch/log" "$state/reports/$key.text"
			echo "$kind" >"$state/reports/$key.name"
		fi
		echo "$key" >"$scratch/keys"
	fi
	sort "$scratch/keys"
}

terminal=
[ ! -t 2 ] || terminal=yes
# tell TEXT - the line of progress, on a terminal.
tell() {
	[ -z "$terminal" ] || printf '\r\033[K%s' "$1" >&2
}

# announce KEY COMMAND - a finding's first time. Does its command replay it?
announce() {
	tell ""
	echo "FOUND $1  $(cat "$state/reports/$1.name")"
	again=0
	for turn in 1 2 3 4 5; do
		run_cell "$2"
		[ "$status" = 0 ] || ! keys_of | grep -qx "$1" || again=$((again + 1))
	done
	echo "$again of $turn" >"$state/reports/$1.replayed"
	# The two stacks; the file has it all.
	awk 'NF == 0 && ++blank == 2 || NR > 24 { exit } { print "    " $0 }' "$state/reports/$1.text"
	echo "    replay ($again of $turn times the same): $2"
}

echo "tsan-sweep.sh: $sanitizer sanitizer, $cells cells a seed, budget $budget, state in $state$(
	[ "$done_before" = 0 ] || echo "; $done_before done before")" >&2
began_ms=$(now_ms)
end_ms=$((began_ms + budget_s * 1000))
at=$done_before
found=$(find "$state/reports" -name '*.name' | wc -l)
while :; do
	round=$((at / cells))
	[ -z "$rounds" ] || [ "$round" -lt "$rounds" ] || break
	seed=$((first_seed + round))
	# Behind the cells that this round has seen.
	tail -n "+$((at % cells + 1))" "$scratch/cells" >"$scratch/round"
	while IFS= read -r cell <&3; do
		cell_ms=$(now_ms)
		[ "$cell_ms" -lt "$end_ms" ] || break 2
		left=$(((end_ms - cell_ms) / 1000))
		tell "$(printf 'seed %d  %d/%d  found %d  %d:%02d left  %s' "$seed" $((at % cells + 1)) "$cells" \
			"$found" $((left / 60)) $((left % 60)) "$(echo "$cell" | cut -c 11-60)")"
		command=$(command_of "$cell" "$seed")
		run_cell "$command"
		took=$(($(now_ms) - cell_ms))
		keys=
		if [ "$status" != 0 ]; then
			keys=$(keys_of | tr '\n' ' ')
			for key in $(printf '%s' "$keys" | tr ' ' '\n' | sort -u); do
				[ ! -e "$state/reports/$key.replayed" ] || continue
				printf '%s\n' "$seed" "$command" "${cell%% --workload*}" >"$state/reports/$key.first"
				announce "$key" "$command"
				found=$((found + 1))
			done
		fi
		echo "$seed $((at % cells + 1)) $took $status $keys" >>"$journal" || fail "cannot write $journal"
		at=$((at + 1))
	done 3<"$scratch/round"
done
tell ""

# ---- Summary -----------------------------------------------------------------

awk '{ for (i = 5; i <= NF; i++) count[$i]++ } END { for (key in count) print count[key], key }' "$journal" |
	sort -k 1,1nr -k 2 >"$scratch/counts"

xml() {
	sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g' | tr -d '\000-\010\013\014\016-\037'
}
# One case for each line of subjects, and one that failed for each finding.
{
	echo '<?xml version="1.0" encoding="UTF-8"?>'
	groups=$(wc -l <"$scratch/subjects")
	findings=$(wc -l <"$scratch/counts")
	printf '<testsuite name="%s sanitizer sweep" tests="%d" failures="%d" errors="0" skipped="%d" time="%s">\n' \
		"$sanitizer" $((groups + findings)) "$findings" \
		"$(awk -v cells="$scratch/cells" -v groups="$groups" '
			BEGIN { while ((getline line <cells) > 0) { sub(/ --workload.*/, "", line); name[++n] = line } }
			!seen[name[$2]]++ { some++ }
			END { print groups - some }' "$journal")" \
		"$(awk '{ ms += $3 } END { printf "%.1f", ms / 1000 }' "$journal")"
	awk -v cells="$scratch/cells" '
		BEGIN { while ((getline line <cells) > 0) { sub(/ --workload.*/, "", line); name[++n] = line; all[line] } }
		{ runs[name[$2]]++; ms[name[$2]] += $3 }
		END { for (group in all) printf "%s\t%d\t%.1f\n", group, runs[group], ms[group] / 1000 }' "$journal" | sort |
		while IFS='	' read -r group runs time; do
			printf '  <testcase classname="sweep.%s" name="%s: %d runs" time="%s"' "$sanitizer" \
				"$(printf '%s' "$group" | xml)" "$runs" "$time"
			if [ "$runs" = 0 ]; then
				echo '><skipped message="the budget ended before"/></testcase>'
			else
				echo '/>'
			fi
		done
	while read -r count key; do
		printf '  <testcase classname="sweep.%s" name="%s" time="0"><failure message="%d times, first with seed %s">' \
			"$sanitizer" "$(xml <"$state/reports/$key.name")" "$count" "$(head -n 1 "$state/reports/$key.first")"
		{
			echo "replay: $(sed -n 2p "$state/reports/$key.first")"
			cat "$state/reports/$key.text"
		} | xml
		echo '</failure></testcase>'
	done <"$scratch/counts"
	echo '</testsuite>'
} >"$state/junit.xml.new" || fail "cannot write $state/junit.xml"
mv "$state/junit.xml.new" "$state/junit.xml"

while read -r count key; do
	echo "$count times: $(cat "$state/reports/$key.name")"
	echo "    first seed $(head -n 1 "$state/reports/$key.first"), text in $state/reports/$key.text"
	echo "    replay ($(cat "$state/reports/$key.replayed") times the same): $(sed -n 2p "$state/reports/$key.first")"
done <"$scratch/counts"
awk -v cells="$cells" -v state="$state" -v findings="$(wc -l <"$scratch/counts")" -v before="$done_before" '
	{ ms += $3 }
	END { printf "%d runs (%d now), %.2f rounds of %d cells, %d s of runs, %d distinct findings; %s/junit.xml\n",
		NR, NR - before, NR / cells, cells, ms / 1000, findings, state }' "$journal"
[ ! -s "$scratch/counts" ]
