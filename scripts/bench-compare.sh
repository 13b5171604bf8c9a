#!/bin/sh
# Does this machine see what the reference run saw? The default suite is measured here and
# held against results/reference by shape: each map's throughput as a share of the
# roofline's at the same point. A faster machine is no other shape.
set -eu

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/bench-compare.sh [--no-run] [--fail-above P%]
Measures the default suite (scripts/bench.sh, about 4 minutes; QUICK=1: half a minute) and
compares it with the reference: for each point both shares of the roofline and their
factor, a picture, and in words what differs. Numbers of threads are paired as 1, the number
of cores, 4 times that, and any other as it is.
  --no-run          compare the last series of DB instead of measuring one
  --fail-above P%   exit status 1 if a point or a map's mean is worse by more, and by more than
                    chance explains
Environment: that of bench.sh (QUICK, SUBJECTS, DB, OUT, HAMTBENCH ...), and
  REFERENCE   what hamtbench import takes (results/reference/trials.json.gz)
Harness overhead is not taken off: what the roofline costs beyond null is less than the noise
of both. null is in the table, and not judged.
Exit status: 0 compared, whatever came out; 1 --fail-above; 2 bad input; 130 interrupted.
TEXT
}

fail() {
	echo "bench-compare.sh: $1" >&2
	exit 2
}

run=yes
above=-
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--no-run) run= ;;
	--fail-above)
		above=${2-}
		above=${above%\%}
		case $above in
		'' | . | *[!0-9.]* | *.*.*) fail "--fail-above: '${2-}' is no percentage" ;;
		esac
		shift
		;;
	*) fail "unknown option $1 (it knows --no-run, --fail-above, --help; all else is environment)" ;;
	esac
	shift
done

top=$(cd "$(dirname "$0")/.." && pwd)
results=${top#"$PWD"/}/results
[ "$top" != "$PWD" ] || results=results
export DB="${DB:-$results/results.db}" OUT="${OUT:-$results/plots}"
export HAMTBENCH="${HAMTBENCH:-$top/build/release/hamtbench}"
reference=${REFERENCE:-$top/results/reference/trials.json.gz}
command -v "$HAMTBENCH" >/dev/null || fail "$HAMTBENCH is not built: run make, or set HAMTBENCH"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Before anything is measured; it says itself what is wrong with it.
"$HAMTBENCH" import "$reference" --db "$scratch/reference.db" --quiet || exit 2
if [ -n "$run" ]; then
	"$top/scripts/bench.sh"
	echo
fi

export LC_ALL=C.UTF-8
# facts DB SERIES NAME - its trials, and the number of processors that they had.
facts() {
	"$HAMTBENCH" export --db "$1" --series "$2" >"$scratch/$3.csv" || exit 2
	"$HAMTBENCH" export --db "$1" --series "$2" --format json | sed -n '1,3s/.*"allowed_pus":\([0-9]*\).*/\1/p' |
		head -n 1 >"$scratch/$3.cores"
	[ -s "$scratch/$3.cores" ] || fail "$1 does not say how many processors there were"
}
facts "$scratch/reference.db" all reference
facts "$DB" last here
echo "Reference: $reference, $(cat "$scratch/reference.cores") processors; here: $DB, $(cat "$scratch/here.cores")"
echo
status=0
awk -v cores_1="$(cat "$scratch/reference.cores")" -v cores_2="$(cat "$scratch/here.cores")" -v fail_above="$above" \
	-v dots="$scratch/dots" -f "$top/scripts/plots/csv.awk" -f "$top/scripts/bench-compare.awk" \
	side=1 "$scratch/reference.csv" side=2 "$scratch/here.csv" || status=$?
[ "$status" -le 1 ] || exit "$status"

if ! command -v gnuplot >/dev/null; then
	echo "bench-compare.sh: no picture: gnuplot is not installed: run scripts/setup.sh" >&2
	exit "$status"
fi
mkdir -p "$OUT" || fail "$OUT: cannot make this folder"
for kind in png svg; do
	gnuplot -e "kind='$kind'; dots='$scratch/dots'; to='$scratch/picture'" "$top/scripts/plots/shape.gp" 2>"$scratch/said" ||
		fail "gnuplot could not draw: $(grep -v '^ *^*$' "$scratch/said" | tail -n 1)"
	if ! cp "$scratch/picture" "$OUT/.bench-compare.$kind" || ! mv "$OUT/.bench-compare.$kind" "$OUT/bench-compare.$kind"; then
		fail "$OUT/bench-compare.$kind: cannot write it"
	fi
	echo "$OUT/bench-compare.$kind"
done
exit "$status"
