#!/bin/sh
# results/reference/: figures that are kept, each made by one command from a clean tree. A part
# replaces its files when all of it has been measured, and nothing before.
set -eu

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/reference.sh [--any-tree] [PART...]
  suite     the default suite (scripts/bench.sh, 4 minutes): table.txt, trials.csv, trials.json.gz,
            points.csv, pictures
  backoff   the back-off sweep (scripts/backoff-sweep.sh): backoff/table.txt, backoff.env, pictures
  reclaim   the comparison of reclamation schemes (scripts/reclaim-sweep.sh): reclaim/table.txt,
            reclaim.env, pictures
  plot      nothing is measured: README's picture (throughput.png, .svg) drawn again from trials.json.gz
Without a PART: suite, backoff and reclaim, 20 to 30 minutes; keep the machine idle. Figures of a tree with
changes, or of a binary of another revision, are refused but for --any-tree.
Environment: REFERENCE is the folder (results/reference), HAMTBENCH the binary (build/release/hamtbench);
the rest (TRIALS, DURATION ...) goes to those scripts.
Exit status: 0 made, 1 a map was wrong, 2 bad input, 130 interrupted; nothing is replaced unless 0.
TEXT
}

fail() {
	echo "reference.sh: $1" >&2
	exit 2
}

top=$(cd "$(dirname "$0")/.." && pwd)
any_tree=
parts=
for word in "$@"; do
	case $word in
	--help)
		usage
		exit 0
		;;
	--any-tree) any_tree=yes ;;
	suite | backoff | reclaim | plot) parts="$parts $word" ;;
	*) fail "unknown word $word (it knows suite, backoff, reclaim, plot, --any-tree, --help)" ;;
	esac
done
parts=${parts:-suite backoff reclaim}
reference=${REFERENCE:-$top/results/reference}
export HAMTBENCH="${HAMTBENCH:-$top/build/release/hamtbench}"
command -v "$HAMTBENCH" >/dev/null || fail "$HAMTBENCH is not built: run make, or set HAMTBENCH"
command -v gnuplot >/dev/null || fail "gnuplot is not installed: run scripts/setup.sh"
if [ -z "$any_tree" ] && [ "$parts" != " plot" ]; then
	[ -z "$(git -C "$top" status --porcelain)" ] || fail "the tree has changes: commit them, or say --any-tree"
	head=$(git -C "$top" rev-parse HEAD)
	case $("$HAMTBENCH" --version) in
	"hamtbench $head "*) ;;
	*) fail "$HAMTBENCH was not built from this revision: run make" ;;
	esac
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# kept FOLDER PATTERN... - what the part made becomes the reference, in that folder of it.
kept() {
	to=$reference/$1
	shift
	mkdir -p "$to" || fail "$to: cannot make this folder"
	for pattern in "$@"; do
		for file in "$made"/$pattern; do
			[ -s "$file" ] || fail "$part: $pattern was not made"
		done
	done
	for pattern in "$@"; do
		for file in "$made"/$pattern; do
			if ! cp "$file" "$to/.arriving" || ! mv "$to/.arriving" "$to/${file##*/}"; then
				fail "$to/${file##*/}: cannot write it"
			fi
		done
	done
}

for part in $parts; do
	made=$scratch/$part
	mkdir "$made"
	db=$scratch/$part.db
	status=0
	case $part in
	suite)
		DB=$db OUT=$made "$top/scripts/bench.sh" >"$scratch/said" || status=$?
		[ $status = 0 ] || exit $status
		# Without the list of the pictures, whose names are of the moment.
		sed '/^Plots:$/,$d' "$scratch/said" | sed -e "s:$db:results/results.db:g" -e '$ { /^$/d }' >"$made/table.txt"
		"$HAMTBENCH" export --db "$db" >"$made/trials.csv"
		"$HAMTBENCH" export --db "$db" --what points >"$made/points.csv"
		"$HAMTBENCH" export --db "$db" --format json >"$scratch/trials.json"
		gzip -9nc "$scratch/trials.json" >"$made/trials.json.gz"
		kept . table.txt trials.csv points.csv trials.json.gz '*.png' '*.svg'
		;;
	backoff)
		DB=$db OUT=$made "$top/scripts/backoff-sweep.sh" >"$scratch/said" || status=$?
		[ $status = 0 ] || exit $status
		kept backoff table.txt backoff.env '*.png'
		;;
	reclaim)
		DB=$db OUT=$made "$top/scripts/reclaim-sweep.sh" >"$scratch/said" || status=$?
		[ $status = 0 ] || exit $status
		kept reclaim table.txt reclaim.env '*.png'
		;;
	plot)
		"$HAMTBENCH" import "$reference/trials.json.gz" --db "$db" --quiet || exit 2
		"$top/scripts/plot.sh" --db "$db" --out "$made" >"$scratch/said" || exit 2
		kept . 'throughput.*'
		;;
	esac
	echo "reference.sh: $part is in $reference"
done
