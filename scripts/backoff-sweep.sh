#!/bin/sh
# Contention managers x their parameters x threads, on the workloads cas and
# hotkey: which --backoff suits this machine. `make backoff` runs it.
#
# hamtbench does the measuring: each workload is one series, of which a second
# run makes only the trials that are missing. This script chooses the grid, and
# hands the medians to backoff-report.awk, which judges, and to heat.gp, which draws.
set -eu
# shellcheck disable=SC2034 # for sweep.sh
sweep=backoff-sweep.sh

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/backoff-sweep.sh [OPTION ...]
Measures contention managers on contended words (cas) and on the hot key of a map
(hotkey); prints a short table and a recommendation, and writes into OUT: table.txt and
backoff.csv with all points, heat maps, and backoff.env for the shell (BACKOFF=...).
Ended at any moment, kill -9 included, the same command goes on with what is missing.
  --policies LIST   separated by blanks: names, which stand for a grid of parameters (none
                    constant exp ts mcs ab seed-literal default: all of these), or
                    policies with parameters: "none exp:1,3,12 mcs"; none is always there
  --threads LIST    by commas (2,4,8,16: more than there are cores is the point)
  --workloads LIST  by commas, of cas,hotkey (both)
  --subjects LIST   by commas: those in cas-* are for cas, the others for hotkey (cas-word,hamt)
  --fresh           a new series, even if there is one to go on with
Environment:
  QUICK=1     some 15 s: a coarse grid, 2 and 8 threads, short trials; rough figures
  TRIALS      of each point (6: an interval of 95 % needs as many; 3 if QUICK)
  DURATION    of one trial, with unit (100ms; 20ms if QUICK)
  DB          results file, added to (results/backoff.db)
  OUT         where the rest goes (results/backoff)
  HAMTBENCH   the binary (build/release/hamtbench)
Exit status: hamtbench's (0 fine, 1 a trial was not valid or could not run, 2 bad input,
130 interrupted); 2 as well if OUT could not be written.
TEXT
}

top=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Set by what is sourced, and read there.
worst=0 series='' points=0
# shellcheck disable=SC2034
resume=--resume
# shellcheck disable=SC1091
. "$top/scripts/sweep.sh"

case ${QUICK:-0} in
0) quick= ;;
1) quick=yes ;;
*) fail "QUICK=$QUICK: wants 1 or 0" ;;
esac
policies=${POLICIES:-none constant exp ts mcs ab seed-literal default}
threads=${THREADS:-${quick:+2,8}}
threads=${threads:-2,4,8,16}
workloads=${WORKLOADS:-cas,hotkey}
subjects=${SUBJECTS:-cas-word,hamt}
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--fresh)
		# shellcheck disable=SC2034 # sweep.sh
		resume=
		shift
		continue
		;;
	--policies | --threads | --workloads | --subjects)
		[ $# -gt 1 ] || fail "$1: a value is missing"
		[ -n "$2" ] || fail "$1: wants a list"
		;;
	*) fail "unknown option $1 (see --help)" ;;
	esac
	case $1 in
	--policies) policies=$2 ;;
	--threads) threads=$2 ;;
	--workloads) workloads=$2 ;;
	--subjects) subjects=$2 ;;
	esac
	shift 2
done

results=${top#"$PWD"/}/results
[ "$top" != "$PWD" ] || results=results
db=${DB:-$results/backoff.db}
out=${OUT:-$results/backoff}
hamtbench=${HAMTBENCH:-$top/build/release/hamtbench}
command -v "$hamtbench" >/dev/null || fail "$hamtbench is not built: run make, or set HAMTBENCH"
trials=${TRIALS:-${quick:+3}}
trials=${trials:-6}
duration=${DURATION:-${quick:+20ms}}
duration=${duration:-100ms}
warmup=${quick:+2ms}
warmup=${warmup:-10ms}

# ---- The grid ----------------------------------------------------------------

# product FORMAT LIST LIST ... - printf of each combination, the last list fastest.
# shellcheck disable=SC2059 # the format is ours
product() {
	format=$1
	shift
	case $# in
	1) for a in $1; do printf "$format\n" "$a"; done ;;
	2) for a in $1; do for b in $2; do printf "$format\n" "$a" "$b"; done; done ;;
	3) for a in $1; do for b in $2; do for c in $3; do printf "$format\n" "$a" "$b" "$c"; done; done; done ;;
	esac
}

# grid NAME - the policies that a name stands for; of exp, one plane (c, m) and one (threshold, m).
grid() {
	case $1${quick:+ quick} in
	'constant quick') echo constant:200 ;;
	'exp quick')
		product exp:1,%s,%s '1 3 8' '6 12 18'
		product exp:%s,3,%s '0 4' '6 12 18'
		;;
	'ts quick') echo ts:1,12 ;;
	'mcs quick' | 'ab quick') echo "$1:1,1000,100000" ;;
	constant) product constant:%s '50 200 1000 5000' ;;
	exp)
		product exp:1,%s,%s '1 2 3 5 8' '6 9 12 15 18'
		product exp:%s,3,%s '0 2 4' '6 9 12 15 18'
		;;
	ts) product ts:%s,%s '1 2' '8 12 16' ;;
	mcs | ab) product "$1:%s,%s,%s" '1 8' '100 10000' '10000 1000000' ;;
	*) echo "${1%% *}" ;;
	esac
}

for policy in none $policies; do
	grid "$policy"
done | awk '!seen[$0]++' >"$scratch/policies"
set --
while read -r policy; do
	set -- "$@" --backoff "$policy"
done <"$scratch/policies"
set -- "$@" --threads "$threads" --trials "$trials" --duration "$duration" --warmup "$warmup" \
	--smr-stats off --db "$db"

# subjects_of WORKLOAD - of those that were asked for.
subjects_of() {
	printf '%s' "$subjects" | tr ',' '\n' | awk -v cas="$([ "$1" = cas ] && echo 1 || echo 0)" '
		(index($0, "cas-") == 1) == cas { list = list (list == "" ? "" : ",") $0 }
		END { print list }'
}

# All that can be said about the options is said before anything is measured.
all=0
for workload in $(printf '%s' "$workloads" | tr ',' ' '); do
	case $workload in
	cas | hotkey) ;;
	*) fail "--workloads: '$workload' is neither cas nor hotkey" ;;
	esac
	of=$(subjects_of "$workload")
	[ -n "$of" ] || fail "--subjects: none of '$subjects' is for workload $workload"
	sweep_points --workload "$workload" --subject "$of" "$@"
	all=$((all + points))
done
mkdir -p "$out" || fail "cannot make the folder $out"
echo "backoff-sweep.sh: $all points, $trials trials of each, of $duration; those that are kept already are not repeated" >&2
[ -z "$quick" ] || echo "backoff-sweep.sh: QUICK=1: these figures are rough" >&2

# ---- Measure -----------------------------------------------------------------

: >"$scratch/points.csv"
for workload in $(printf '%s' "$workloads" | tr ',' ' '); do
	sweep_measure --workload "$workload" --subject "$(subjects_of "$workload")" "$@"
	"$hamtbench" export --db "$db" --series "$series" --what points >"$scratch/part" || exit 2
	# One header for all.
	if [ -s "$scratch/points.csv" ]; then
		tail -n +2 "$scratch/part" >>"$scratch/points.csv"
	else
		cat "$scratch/part" >"$scratch/points.csv"
	fi
done

# ---- Judge and draw ----------------------------------------------------------

default=$("$hamtbench" list backoff | awk '$1 == "default" { sub(/,$/, "", $2); print $2 }')
machine=$(head -n 1 "$scratch/said")
mkdir "$scratch/out"
awk -v default_text="$default" -v machine="$machine" -v dir="$scratch/out" \
	-f "$top/scripts/plots/csv.awk" -f "$top/scripts/backoff-report.awk" "$scratch/points.csv" || exit 2
cat "$scratch/out/short.txt"
rm "$scratch/out/short.txt"

if command -v gnuplot >/dev/null; then
	for data in "$scratch"/out/*.heat; do
		[ -f "$data" ] || continue
		name=$(basename "$data" .heat)
		for kind in png svg; do
			gnuplot -e "kind='$kind'; data='$data'; picture='$scratch/out/$name.$kind'" "$top/scripts/plots/heat.gp" ||
				fail "gnuplot could not draw $name.$kind"
		done
	done
else
	echo "backoff-sweep.sh: no heat maps: gnuplot is not installed: run scripts/setup.sh" >&2
fi
rm -f "$scratch"/out/*.heat
sweep_install "$scratch/out" "$out"
echo
echo "Written: $out/: $(cd "$scratch/out" && echo *)"
exit "$worst"
