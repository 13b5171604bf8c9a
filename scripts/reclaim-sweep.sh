#!/bin/sh
# Reclamation schemes x their parameters x threads, under waves, stalls, long reads and
# a mixed load: which --reclaim suits this machine. `make reclaim` runs it.
#
# hamtbench does the measuring, in up to four series for each map: the grid; an endless
# stall at each scheme's defaults, for garbage over time; the same with the parameters of
# schemes with a bound, since only what was measured there is recommended; waves at each
# scheme's defaults, for times from retire to free. A second run makes only the trials that are missing. The schemes are
# those that `hamtbench list axes` shows, the parameters those that they accept.
set -eu
# shellcheck disable=SC2034 # for sweep.sh
sweep=reclaim-sweep.sh

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/reclaim-sweep.sh [OPTION ...]
Measures reclamation schemes on the workloads churn, stall, longread and mixed, and under an
endless stall; prints a table and a recommendation, of what kept its bound in all of it, and writes into OUT: table.txt,
reclaim.csv with all points, pictures of garbage over time, of times from retire to free and of
throughput against garbage, and reclaim.env for the shell (RECLAIM=...).
Ended at any moment, kill -9 included, the same command goes on with what is missing.
  --schemes LIST    separated by blanks: names, which stand for a grid of parameters (all that
                    hamtbench list axes shows), or schemes with parameters: "hp:threshold=64 ebr"
  --maps LIST       by commas: subjects with --reclaim (hamt,seed)
  --threads LIST    by commas (the number of cores, at least 2, and 4 times that)
  --workloads LIST  by commas, of churn,stall,longread,mixed (all)
  --fresh           new series, even if there are some to go on with
Environment:
  QUICK=1     some 20 s: schemes at their defaults, 2 threads and twice as many as cores,
              one short trial; rough figures
  TRIALS      of each point (3; 1 if QUICK)
  DURATION    of one trial, with unit (200ms; 60ms if QUICK)
  DB          results file, added to (results/reclaim.db)
  OUT         where the rest goes (results/reclaim)
  HAMTBENCH   the binary (build/release/hamtbench)
Exit status: hamtbench's (0 fine, 1 a trial was not valid or could not run, 2 bad input,
130 interrupted); 2 as well if OUT could not be written.
TEXT
}

top=$(cd "$(dirname "$0")/.." && pwd)
results=${top#"$PWD"/}/results
[ "$top" != "$PWD" ] || results=results
hamtbench=${HAMTBENCH:-$top/build/release/hamtbench}
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
# Those that this process may use; nproc would listen to OMP_NUM_THREADS, too.
cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
least=$((cores < 2 ? 2 : cores))
schemes=
maps=hamt,seed
threads=$least,$((4 * cores > least ? 4 * cores : 2 * least))
[ -z "$quick" ] || threads=2,$((2 * least))
workloads=churn,stall,longread,mixed
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
	--schemes | --maps | --threads | --workloads)
		[ $# -gt 1 ] || fail "$1: a value is missing"
		[ -n "$2" ] || fail "$1: wants a list"
		;;
	*) fail "unknown option $1 (see --help)" ;;
	esac
	case $1 in
	--schemes) schemes=$2 ;;
	--maps) maps=$2 ;;
	--threads) threads=$2 ;;
	--workloads) workloads=$2 ;;
	esac
	shift 2
done
command -v "$hamtbench" >/dev/null || fail "$hamtbench is not built: run make, or set HAMTBENCH"
db=${DB:-$results/reclaim.db}
out=${OUT:-$results/reclaim}
trials=${TRIALS:-${quick:+1}}
trials=${trials:-3}
duration=${DURATION:-${quick:+60ms}}
duration=${duration:-200ms}
for workload in $(printf '%s' "$workloads" | tr ',' ' '); do
	case $workload in
	churn | stall | longread | mixed) ;;
	*) fail "--workloads: '$workload' is none of churn, stall, longread, mixed" ;;
	esac
done

# ---- The grid ----------------------------------------------------------------

"$hamtbench" list axes >"$scratch/axes" || exit 2

# schemes_of MAP - the words that it takes for --reclaim.
schemes_of() {
	awk -v map="$1" '$1 == "subject" && $2 == map && $3 == "--reclaim" { print $4 }' "$scratch/axes"
}

# accepted MAP SCHEME - does it take these parameters?
accepted() {
	"$hamtbench" run --subject "$1" --reclaim "$2" --workload churn --threads 1 --dry-run >/dev/null 2>&1
}

# grid MAP SCHEME - the scheme at its defaults, then with each parameter that it accepts. The
# variants with a fence differ by the fence: their defaults will do.
grid() {
	echo "$2"
	case $2 in
	*:* | *-fence) return ;;
	esac
	[ -z "$quick" ] || return 0
	for parameter in threshold=64 threshold=256 threshold=4096 batch=64 batch=512 batch=8192 free=4; do
		if accepted "$1" "$2:$parameter"; then
			echo "$2:$parameter"
		fi
	done
}

# reclaims FILE - as options.
reclaims() {
	sed 's/^/--reclaim /' "$1"
}

for map in $(printf '%s' "$maps" | tr ',' ' '); do
	schemes_of "$map" >"$scratch/$map.known"
	[ -s "$scratch/$map.known" ] || fail "--maps: '$map' is no subject with several schemes (see hamtbench list axes)"
	for scheme in ${schemes:-$(cat "$scratch/$map.known")}; do
		accepted "$map" "$scheme" || fail "--schemes: $map does not take --reclaim $scheme (see hamtbench list axes)"
		grid "$map" "$scheme" >>"$scratch/$map.all"
	done
	awk '!seen[$0]++' "$scratch/$map.all" >"$scratch/$map.grid"
	# One curve a scheme.
	grep -v : "$scratch/$map.grid" >"$scratch/$map.defaults" || cp "$scratch/$map.grid" "$scratch/$map.defaults"
	# What can be recommended besides; what has no bound cannot.
	grep -vxFf "$scratch/$map.defaults" "$scratch/$map.grid" | grep -vE '^(ebr|qsbr|none)' >"$scratch/$map.bounded" || true
done

# kinds MAP - of its series, in order.
kinds() {
	echo grid endless
	[ ! -s "$scratch/$1.bounded" ] || echo bounded
	echo waves
}

# options KIND MAP - of one series, one a word.
options() {
	echo "--subject $2 --threads $threads --trials $trials --duration $duration --warmup 20ms --keys 20K --counters off ${quick:+--repeats 0} --db"
	case $1 in
	grid)
		echo "--workload $workloads --smr-stats counters --smr-stats sampled"
		# The first stall must come before the end.
		case ,$workloads, in
		*,stall,*) echo "--stall 10ms --every 25ms" ;;
		esac
		case ,$workloads, in
		*,mixed,*) echo "--mix get=50,insert=25,remove=25" ;;
		esac
		reclaims "$scratch/$2.grid"
		;;
	endless | bounded)
		echo "--workload stall --stall forever --every 20ms --smr-stats sampled --sample-interval 1ms"
		[ "$1" = bounded ] || reclaims "$scratch/$2.defaults"
		[ "$1" = endless ] || reclaims "$scratch/$2.bounded"
		;;
	waves)
		echo "--workload churn --smr-stats full"
		reclaims "$scratch/$2.defaults"
		;;
	esac
}

# with COMMAND KIND MAP - the command with the options of that series.
with() {
	command=$1
	options "$2" "$3" >"$scratch/options"
	set --
	# shellcheck disable=SC2013 # words
	for word in $(cat "$scratch/options"); do
		set -- "$@" "$word"
		[ "$word" != --db ] || set -- "$@" "$db"
	done
	"$command" "$@"
}

# All that can be said about the options is said before anything is measured.
all=0
count=0
for map in $(printf '%s' "$maps" | tr ',' ' '); do
	for kind in $(kinds "$map"); do
		with sweep_points "$kind" "$map"
		all=$((all + points))
		count=$((count + 1))
	done
done
mkdir -p "$out" || fail "cannot make the folder $out"
echo "$sweep: $all points in $count series, trials of $duration; those that are kept already are not repeated" >&2
[ -z "$quick" ] || echo "$sweep: QUICK=1: these figures are rough" >&2

# ---- Measure -----------------------------------------------------------------

mkdir "$scratch/out"
number=0
for map in $(printf '%s' "$maps" | tr ',' ' '); do
	for kind in $(kinds "$map"); do
		number=$((number + 1))
		echo "$sweep: series $number of $count: $map, $kind" >&2
		with sweep_measure "$kind" "$map"
		echo "$kind $map $series" >>"$scratch/all"
		# One table of all points, and one of their trials: which map and series, then the point.
		for what in points trials; do
			"$hamtbench" export --db "$db" --series "$series" --what $what >"$scratch/part" || exit 2
			awk -v kind="$kind" -v map="$map" -v head="$number" 'NR == 1 { if (head == 1) print "sweep,map," $0; next }
				{ print kind "," map "," $0 }' "$scratch/part" >>"$scratch/$what.csv"
		done
	done
done

# ---- Judge and draw ----------------------------------------------------------

machine=$(head -n 1 "$scratch/said")
awk -v machine="$machine" -v dir="$scratch/out" -f "$top/scripts/plots/csv.awk" -f "$top/scripts/reclaim-report.awk" \
	"$scratch/points.csv" "$scratch/trials.csv" || exit 2
cp "$scratch/points.csv" "$scratch/out/reclaim.csv"
cat "$scratch/out/table.txt"

if command -v gnuplot >/dev/null; then
	while read -r kind map series; do
		case $kind in
		bounded) continue ;;
		grid) picture=tradeoff ;;
		endless) picture=garbage ;;
		waves) picture=reclamation ;;
		esac
		HAMTBENCH=$hamtbench "$top/scripts/plot.sh" --db "$db" --series "$series" --out "$scratch/plots" >/dev/null || exit 2
		for format in png svg; do
			mv "$scratch/plots/$picture.$format" "$scratch/out/$picture-$map.$format"
		done
	done <"$scratch/all"
else
	echo "$sweep: no pictures: gnuplot is not installed: run scripts/setup.sh" >&2
fi
sweep_install "$scratch/out" "$out"
echo
echo "Written: $out/: $(cd "$scratch/out" && echo *)"
exit "$worst"
