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
  flagship  hamt, roofline, urcu-lfht, seed from 2K to 20M keys (scripts/flagship.sh, 25 minutes): flagship.txt
  latency   latency over load (scripts/latency.sh, 3 minutes): latency/table.txt, latency.csv, pictures
  peers     every map of 8-byte keys that is built, of other libraries too (4 minutes): peers/table.txt, pictures
  growth    maps that grow and shrink while they are used (a minute; where liburcu's
            table does not get to resize itself, 8): growth/table.txt, pictures
  instr     what scripts/instr.sh counts: instr.txt
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
	suite | backoff | reclaim | flagship | latency | peers | growth | instr | plot) parts="$parts $word" ;;
	*) fail "unknown word $word (--help names those there are)" ;;
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

# Before anything is measured.
[ "$parts" = " plot" ] || { mkdir -p "$reference" && true >"$reference/.arriving" && rm "$reference/.arriving"; } 2>/dev/null ||
	fail "REFERENCE=$reference: cannot make this folder, or not write into it"

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

# measured OPTION... - a series of its own; what hamtbench says of it is the table.
measured() {
	"$HAMTBENCH" run --db "$db" --quiet "$@" >"$scratch/said" || status=$?
	[ $status = 0 ] || exit $status
	sed "s:$db:results/results.db:g" "$scratch/said" >"$made/table.txt"
}

# peers - all built subjects that are maps of 8-byte keys, but the ones that differ from another in the reclamation
# scheme alone (part reclaim is about these), and but ck-ht, which makes keys that are there twice: see list.
peers() {
	"$HAMTBENCH" list axes | awk '$1 == "subject" { print $2 }' | sort -u |
		grep -vE '^(null|cas-.*|ck-ht|.*-bytes.*|(hamt|seed)-.*)$' | paste -sd ,
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
	flagship)
		DB=${DB:-$db} OUT=$made/flagship.txt "$top/scripts/flagship.sh" >"$scratch/said" || status=$?
		[ $status = 0 ] || exit $status
		kept . flagship.txt
		;;
	latency)
		DB=$db OUT=$made "$top/scripts/latency.sh" >"$scratch/said" || status=$?
		[ $status = 0 ] || exit $status
		kept latency table.txt latency.csv '*.png' '*.svg'
		;;
	peers)
		measured --subject "${SUBJECTS:-$(peers)}" --keys "${KEYS:-200K}" --threads "${THREADS:-1,2}" \
			--mix get=100 --mix get=90,insert=5,remove=5 --mix get=50,insert=25,remove=25 \
			--trials "${TRIALS:-5}" --duration "${DURATION:-200ms}"
		"$top/scripts/plot.sh" --db "$db" --out "$made" >"$scratch/said" || exit 2
		kept peers table.txt 'throughput.*'
		;;
	growth)
		measured --subject "${SUBJECTS:-hamt,urcu-lfht,mutex,striped}" --workload growth --resize auto --shrink \
			--threads "${THREADS:-2}" --latency-sample 0 --trials "${TRIALS:-5}" ${KEYS:+--keys "$KEYS"}
		"$top/scripts/plot.sh" --over-time --db "$db" --out "$made" >"$scratch/said" || exit 2
		kept growth table.txt '*.png' '*.svg'
		;;
	instr)
		REFERENCE=$made/instr.txt "$top/scripts/instr.sh" --update >"$scratch/said" || exit $?
		kept . instr.txt
		;;
	plot)
		"$HAMTBENCH" import "$reference/trials.json.gz" --db "$db" --quiet || exit 2
		"$top/scripts/plot.sh" --db "$db" --out "$made" >"$scratch/said" || exit 2
		kept . 'throughput.*'
		;;
	esac
	echo "reference.sh: $part is in $reference"
done
