#!/bin/sh
# The flagship's points: how hamt does against the practical limit (roofline), against liburcu's
# table (urcu-lfht) and against the baseline (seed), from a map that fits the caches to one of
# 10 million keys. `make flagship` runs it; the table is in results/flagship.txt.
set -eu

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/flagship.sh
Measures hamt, roofline, urcu-lfht and seed: get only on 2K, 200K and 20M keys, mixes with updates,
batches by get_many (of roofline, too), 10M inserts into an empty map and the same by extend, memory per key, 8 threads; prints
medians, below each the slowest and the fastest trial, and ratios. About
25 minutes on 2 cores, and 2 GB of memory. A killed run goes on where it was when it is started again. Environment:
  TRIALS=5       of each point; LARGE=3 of those with 20M keys, which take long to fill
  DURATION=500ms of a trial
  KEYS_LARGE=20M the largest range; KEYS_LOAD=10M keys inserted into an empty map
  DB             results file, added to (results/flagship.db); OUT the table (results/flagship.txt)
  HAMTBENCH      the binary (build/release/hamtbench)
Exit status: 0 fine, 1 a map was wrong, 2 it cannot be run, 130 interrupted.
TEXT
}

fail() {
	echo "flagship.sh: $1" >&2
	exit 2
}

case ${1-} in
'') ;;
--help)
	usage
	exit 0
	;;
*) fail "unknown option $1 (it knows --help; all else is environment)" ;;
esac
top=$(cd "$(dirname "$0")/.." && pwd)
hamtbench=${HAMTBENCH:-$top/build/release/hamtbench}
command -v "$hamtbench" >/dev/null || fail "$hamtbench is not built: run make, or set HAMTBENCH"
db=${DB:-$top/results/flagship.db} out=${OUT:-$top/results/flagship.txt}
trials=${TRIALS:-5} large=${LARGE:-3} duration=${DURATION:-500ms}
keys_large=${KEYS_LARGE:-20M} keys_load=${KEYS_LOAD:-10M}
all=hamt,roofline,urcu-lfht,seed
# Before half an hour is spent on what could not be kept.
[ ! -d "$out" ] || fail "OUT=$out: this is a folder, wanted is a file"
{ true >"$out.tmp"; } 2>/dev/null || fail "OUT=$out: cannot write it"
trap 'rm -f "$out.tmp"' EXIT
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$out.tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# measure TRIALS OPTION... - one series; its points are added to what the table is made of.
measure() {
	n=$1
	shift
	status=0
	"$hamtbench" run --resume --db "$db" --trials "$n" --duration "$duration" --smr-stats counters --quiet "$@" \
		>"$scratch/said" || status=$?
	case $status in
	0) ;;
	1) wrong=yes ;;
	*) exit $status ;;
	esac
	# A series that was gone on with is not the last of the file.
	series=$(sed -n 's/.*, series \([0-9]*\);.*/\1/p' "$scratch/said")
	"$hamtbench" export --db "$db" --series "$series" --what points >>"$scratch/points.csv"
	sed -n 1p "$scratch/said" >"$scratch/machine"
}

wrong=
set -- --mix get=100
measure "$trials" --subject $all --keys 2K --threads 1 "$@"
measure "$trials" --subject $all --keys 200K --threads 1,2,8 "$@" --mix get=90,insert=5,remove=5 --mix get=50,insert=25,remove=25
measure "$trials" --subject hamt,urcu-lfht,seed --workload load --part insert --keys "$keys_load" --threads 2
measure "$trials" --subject hamt --workload load --part insert --keys "$keys_load" --threads 2 --batch 32
measure "$large" --subject $all --keys "$keys_large" --threads 1,2 "$@"
measure "$large" --subject $all --keys "$keys_large" --threads 2 --mix get=90,insert=5,remove=5 --mix get=50,insert=25,remove=25
measure "$large" --subject hamt,roofline --keys "$keys_large" --threads 1 "$@" --mix get_many=100 --batch 32

awk -f "$top/scripts/plots/csv.awk" -f "$top/scripts/flagship.awk" "$scratch/points.csv" >"$scratch/table"
{
	cat "$scratch/machine"
	echo
	echo "Million operations per second, medians; T threads. Ratios of hamt's median to each of the others'."
	echo "Below each median: the slowest and the fastest trial."
	echo
	cat "$scratch/table"
} >"$out.tmp"
mv "$out.tmp" "$out"
cat "$out"
[ -z "$wrong" ]
