#!/bin/sh
# Coverage-guided fuzzing: each target runs under libFuzzer for a while, beginning with
# what it and the committed corpus reached before. core/tests/fuzz.h says what a target is.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/fuzz.sh [--time TIME] PROGRAM...   (make fuzz: all of build/fuzz/tests/)
  --time TIME    how long each target runs: 30s, 10m, 2h (60s)
  PROGRAM        build/fuzz/tests/FOLDER/test_fuzz_NAME
Inputs that reach code which no other one does are kept in build/fuzz/corpus/NAME, and
the next time it goes on from there; deleting the folder begins anew. An input that is a
finding - a crash, a failed CHECK, a leak, more than 10 s or 2 GB - is kept in
build/fuzz/findings/NAME, and ends the target's time. It is tried first the next time, and
moved into the corpus of build/fuzz once it passes; put it into the committed corpus, too.
Exit status: 0 no finding, 1 a finding, 2 usage, 130 interrupted.
TEXT
}

bad_usage() {
	echo "fuzz.sh: $1" >&2
	exit 2
}

# shellcheck disable=SC1091
. "$(dirname "$0")/times.sh"

time=60s
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--time)
		[ $# -ge 2 ] || bad_usage "--time: a value is missing"
		time=$2
		shift 2
		;;
	-*) bad_usage "unknown option $1 (it knows --time, --help)" ;;
	*) break ;;
	esac
done
seconds=$(seconds_of "$time") || bad_usage "--time: '$time' is no time; wanted is a whole number with s, m or h, such as 30s"
[ $# -gt 0 ] || bad_usage "no target is named; make fuzz names all"
for program; do
	[ -x "$program" ] || bad_usage "$program: no program; make fuzz builds it"
done

# Whole paths: a target may leave this folder.
top=$PWD/build/fuzz
sanitized=$(dirname "$0")/sanitized.sh
child=
scratch=$(mktemp -d)
stop() {
	[ -z "$child" ] || kill "$child" 2>/dev/null || true
	rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# below FILE - its name from here.
below() {
	echo "${1#"$PWD/"}"
}

# passes FILE - does the target take this input now?
passes() {
	"$sanitized" "$program" -timeout=10 -rss_limit_mb=2048 "$1" >"$scratch/again" 2>&1
}

# try_again - findings of former times: mended, or not? 1: one is still there.
try_again() {
	for input in "$findings"/*; do
		[ -f "$input" ] || continue
		if passes "$input"; then
			echo "$name: mended: $(below "$input"); it is now in $(below "$corpus")"
			mv "$input" "$corpus/"
		else
			cp "$scratch/again" "$log"
			report "$input"
			return 1
		fi
	done
}

# report FILE - the finding, by what the log says of it.
report() {
	set -- "$(below "$1")"
	echo "FOUND $name: $1"
	grep -m 1 -E '^# .*not true|ERROR: |SUMMARY: |runtime error: ' "$log" | sed 's/^/  /' || true
	echo "  all of it: $(below "$log")"
	echo "  replay: scripts/sanitized.sh $program $1"
}

# state - runs, coverage and corpus, as libFuzzer's last line says them.
state() {
	awk '$1 ~ /^#[0-9]+$/ {
		line = substr($1, 2) " inputs"
		for (i = 2; i < NF; i++)
			if ($i == "cov:" || $i == "corp:")
				line = line ", " ($i == "cov:" ? "coverage " : "corpus ") $(i + 1)
	} END { print line }' "$log"
}

# fuzz_one - one target for its time. 1: a finding.
fuzz_one() {
	name=${program##*/test_fuzz_}
	corpus=$top/corpus/$name findings=$top/findings/$name log=$top/$name.log
	# No set -e here: who calls it asks for its status.
	if ! { mkdir -p "$corpus" "$findings" && committed=$(FUZZ_PREPARE=$corpus "$program") && [ -d "$committed" ]; }; then
		echo "FOUND $name: it could not write what it begins with into $(below "$corpus")"
		return 1
	fi
	committed=$PWD/$committed
	try_again || return 1
	begin=$(date +%s)
	# An empty dictionary is an error.
	set --
	[ ! -s "$corpus.dict" ] || set -- -dict="$corpus.dict"
	"$sanitized" "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
		"$@" -artifact_prefix="$findings/" -verbosity=1 "$corpus" "$committed" >"$log" 2>&1 &
	child=$!
	while kill -0 "$child" 2>/dev/null; do
		[ ! -t 2 ] || printf '\r%s: %d s of %d, %s\033[K' "$name" $(($(date +%s) - begin)) "$seconds" "$(state)" >&2
		sleep 1
	done
	status=0
	wait "$child" || status=$?
	child=
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$status" = 0 ]; then
		echo "$name: $(($(date +%s) - begin)) s, $(state)"
		return 0
	fi
	input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
	if [ -z "$input" ]; then
		echo "FOUND $name: it ended with status $status, and left no input; see $(below "$log")"
	else
		report "$input"
	fi
	return 1
}

found=0
for program; do
	fuzz_one || found=1
done
[ "$found" = 0 ]
