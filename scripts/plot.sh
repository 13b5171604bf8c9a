#!/bin/sh
# Draw a series of results: five pictures, or what happened over time, each as PNG and SVG, from
# what `hamtbench export` says. plots/*.awk choose and count, plots/*.gp draw.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/plot.sh [--db FILE] [--series N | last] [--out DIR] [--over-time [--trial ID]]
  --db FILE    results file (results/results.db)
  --series N   number of the series, or last (last)
  --out DIR    where the pictures go (results/plots)
  --over-time  draw the picture over-time instead: throughput and the longest call over time, with phases,
               parked threads, resizing, and the worst pause and its cause; of each subject one trial
  --trial ID   of that trial alone (column trial_id of hamtbench export)
  HAMTBENCH    environment: the binary (build/release/hamtbench)
Draws throughput, latency, reclamation, garbage and tradeoff (throughput against garbage), each as .png and .svg. A picture
that the series has no data for says so. Prints the names of the files.
Exit status: 0 drawn, 2 bad input, or gnuplot is missing.
TEXT
}

fail() {
	echo "plot.sh: $1" >&2
	exit 2
}

top=$(cd "$(dirname "$0")/.." && pwd)
# As short as it can be said from here.
results=${top#"$PWD"/}/results
[ "$top" != "$PWD" ] || results=results
db=$results/results.db
series=last
out=$results/plots
pictures='throughput latency reclamation garbage tradeoff' trial=
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--over-time)
		pictures=over-time
		shift
		;;
	--db | --series | --out | --trial)
		[ -n "${2-}" ] || fail "$1 wants a value"
		case $1 in
		--db) db=$2 ;;
		--series) series=$2 ;;
		--out) out=$2 ;;
		--trial) trial=$2 ;;
		esac
		shift 2
		;;
	*) fail "unknown option $1 (it knows --db, --series, --out, --over-time, --trial, --help)" ;;
	esac
done
case $series in
last) ;;
'' | 0* | *[!0-9]*) fail "--series: '$series' is neither a number from 1 up nor last" ;;
esac
case $trial in
0* | *[!0-9]*) fail "--trial: '$trial' is no number from 1 up" ;;
?*) [ "$pictures" = over-time ] || fail "--trial: only together with --over-time" ;;
esac
hamtbench=${HAMTBENCH:-$top/build/release/hamtbench}
command -v "$hamtbench" >/dev/null || fail "$hamtbench is not built: run make, or set HAMTBENCH"
command -v gnuplot >/dev/null || fail "gnuplot is not installed: run scripts/setup.sh"

scratch=$(mktemp -d)
# Pictures on their way: removed if they do not arrive.
arriving=
stop() {
	rm -rf "$scratch"
	[ -z "$arriving" ] || rm -f "$arriving"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Figures have a point, and pictures the same bytes, wherever they are drawn.
export LC_ALL=C.UTF-8

# export_as NAME OPTION... - what hamtbench says about the series, as a file.
export_as() {
	name=$1
	shift
	# It says itself what is wrong.
	"$hamtbench" export --db "$db" --series "$series" "$@" >"$scratch/$name" || exit 2
}
export_as trials.csv --what trials
# The other exports must be of the same series, even if one is begun meanwhile.
series_now=$(awk -f "$top/scripts/plots/csv.awk" -f "$top/scripts/plots/series.awk" "$scratch/trials.csv")
[ -n "$series_now" ] || fail "$db: series $series holds no trial"
series=$series_now
export_as points.csv --what points
export_as trials.json --what trials --format json
export_as samples.csv --what samples
if [ "$pictures" = over-time ]; then
	export_as phases.csv --what phases
else
	export_as histograms.csv --what histograms
fi

data=$scratch/data
mkdir "$data"
cp "$top"/scripts/plots/*.gp "$data"
with() {
	program=$1
	shift
	status=0
	awk -v out="$data" -v only="$trial" -v subjects_list="$scratch/subjects" -f "$top/scripts/plots/csv.awk" -f "$top/scripts/plots/$program.awk" "$@" || status=$?
	[ $status != 4 ] || fail "--trial: series $series has no trial $trial"
	[ $status = 0 ] || exit 2
}
# Where it does not say, no option is taken to be at its default.
"$hamtbench" list subjects >"$scratch/subjects" 2>/dev/null || :
with facts "$scratch/trials.csv" "$scratch/points.csv" "$scratch/trials.json"
if [ "$pictures" = over-time ]; then
	with over-time "$data/chosen.tsv" "$scratch/samples.csv" "$scratch/phases.csv"
else
	with histograms "$data/chosen.tsv" "$scratch/histograms.csv" >"$scratch/counts"
	sort -k1,1 -k2,2n -k3,3n -k5,5n "$scratch/counts" | with curves
	with samples "$data/chosen.tsv" "$scratch/samples.csv"
fi

mkdir -p "$out" || fail "$out: cannot make this folder"
for picture in $pictures; do
	for kind in png svg; do
		if ! (cd "$data" && gnuplot -e "kind='$kind'" common.gp "$picture.gp") >"$scratch/said" 2>&1; then
			fail "gnuplot could not draw $picture: $(grep -v '^ *\^*$' "$scratch/said" | tail -n 1)"
		fi
		# Where DejaVu is not installed, a viewer takes the next of its kind.
		[ $kind = png ] || sed -i 's/font-family="DejaVu Sans"/font-family="DejaVu Sans, Verdana, sans-serif"/' "$data/picture.svg"
		arriving=$out/.$picture.$kind.tmp
		if ! cp "$data/picture.$kind" "$arriving" || ! mv "$arriving" "$out/$picture.$kind"; then
			fail "$out/$picture.$kind: cannot write it"
		fi
		arriving=
		echo "$out/$picture.$kind"
	done
done
