#!/bin/sh
# Latency over load: how much of the time that a call takes is the map's, and how much is waiting for
# calls before it. Each map's capacity is found first; then calls come at shares of it, whether or not
# those before are done (an open loop). `make latency` runs it.
set -eu
# shellcheck disable=SC2034 # for sweep.sh
sweep=latency.sh

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/latency.sh
Finds how many calls a second each map can do, then begins 10, 25, 50, 75, 90, 100 and 110 % of that,
at random moments, and measures each call from its real begin (service time) and from the moment at
which it should have begun (response time). Prints a table and a judgement: at half of the capacity
the response time is to be at most twice the time that a call takes at capacity, as the theory of queues
has it, and its p99 little more than that of subject null at the same rate; beyond the capacity it is to grow. The capacity is the most
that any trial did when calls were always waiting, raised until 110 % of it cannot be done. Writes into
OUT: table.txt, latency.csv, and the picture load.png and .svg. About 3 minutes on 2 cores.
Ended at any moment, kill -9 included, the same command goes on with what is missing.
  QUICK=1     some 20 s: hamt and mutex only, short trials; rough figures
  SUBJECTS    maps, by commas (hamt,urcu-lfht,mutex,seed)
  THREADS     worker threads (the number of cores)
  KEYS        size of the key range (200K)
  MIX         what they do; percentiles are those of get (get=90,insert=5,remove=5)
  LOADS       percent of the capacity, by commas (10,25,50,75,90,100,110)
  TRIALS      of each point (3; 1 if QUICK)
  DURATION    of one trial, with unit (1s; 200ms if QUICK)
  DB          results file, added to (results/latency.db)
  OUT         where the rest goes (results/latency)
  HAMTBENCH   the binary (build/release/hamtbench)
Exit status: 0 fine, 1 a map was wrong or a trial could not run, 2 it cannot be run, 130 interrupted.
The judgement is printed and kept, and is not in the exit status: a noisy machine fails it.
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
# shellcheck disable=SC2034
worst=0 series='' points=0 resume=--resume
# shellcheck disable=SC1091
. "$top/scripts/sweep.sh"

case ${1-} in
'') ;;
--help)
	usage
	exit 0
	;;
*) fail "unknown option $1 (it knows --help; all else is environment)" ;;
esac
case ${QUICK:-0} in
0) quick= ;;
1) quick=yes ;;
*) fail "QUICK=$QUICK: wants 1 or 0" ;;
esac
command -v "$hamtbench" >/dev/null || fail "$hamtbench is not built: run make, or set HAMTBENCH"
# Those that this process may use; nproc would listen to OMP_NUM_THREADS, too.
threads=${THREADS:-$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)}
subjects=${SUBJECTS:-hamt${quick:+,mutex}}
[ -n "${SUBJECTS:-}" ] || [ -n "$quick" ] || subjects=hamt,urcu-lfht,mutex,seed
loads=${LOADS:-10,25,50,75,90,100,110}
trials=${TRIALS:-${quick:+1}}
trials=${trials:-3}
duration=${DURATION:-${quick:+200ms}}
duration=${duration:-1s}
mix=${MIX:-get=90,insert=5,remove=5}
db=${DB:-$results/latency.db}
out=${OUT:-$results/latency}
case $threads in
'' | 0* | *[!0-9]*) fail "THREADS=$threads: wants one number from 1 up" ;;
esac
case ,$loads, in
*,,* | *,0* | *[!0-9,]*) fail "LOADS=$loads: wants whole numbers of percent from 1 up, by commas" ;;
esac
case $mix in
*get=*) ;;
*) fail "MIX=$mix: wants some get=, whose latency is shown" ;;
esac

# measure SUBJECT OPTION... - one series of the map; its trials into $scratch/part.
measure() {
	subject=$1
	shift
	sweep_measure --subject "$subject" --workload mixed --mix "$mix" --keys "${KEYS:-200K}" --dist zipf:0.99 \
		--threads "$threads" --warmup 50ms --smr-stats counters --counters off --db "$db" ${quick:+--repeats 0} "$@"
	"$hamtbench" export --db "$db" --series "$series" --what trials >"$scratch/part" || exit 2
}

# figures COLUMN - of the valid trials in $scratch/part, ascending.
figures() {
	awk -v column="$1" -f "$top/scripts/plots/csv.awk" -f /dev/stdin "$scratch/part" <<'AWK' | sort -g
	FNR == 1 { csv_header($0, at); csv_need(at, column " valid"); next }
	{ csv_split($0, f); if (f[at["valid"]] == 1 && f[at[column]] != "") print f[at[column]] }
AWK
}

# figure COLUMN - their median.
figure() {
	figures "$1" | awk '{ v[NR] = $1 } END { if (NR > 0) printf "%.9g", v[int((NR + 1) / 2)] }'
}

# of NUMBER SHARE - their product, a whole number with three digits that count.
of() {
	awk -v x="$1" -v share="$2" 'BEGIN { x *= share; for (d = 1; x / d >= 1000; d *= 10); x = int(x / d + 0.5) * d
		printf "%d", x < 1 ? 1 : x }'
}

# All that can be said about the options is said before anything is measured.
for subject in $(printf '%s' "$subjects" | tr ',' ' '); do
	"$hamtbench" run --subject "$subject" --workload mixed --mix "$mix" --keys "${KEYS:-200K}" --threads "$threads" \
		--trials "$trials" --duration "$duration" --dry-run >/dev/null || exit 2
done
mkdir -p "$out" || fail "cannot make the folder $out"
mkdir "$scratch/out" "$scratch/data"

halves=
for subject in $(printf '%s' "$subjects" | tr ',' ' '); do
	echo "$sweep: $subject: what it can do" >&2
	measure "$subject" --trials "$trials" --duration 300ms
	cat "$scratch/part" >>"$scratch/closed.csv"
	closed=$(figure mops)
	[ -n "$closed" ] || fail "$subject: no valid trial in the closed loop"
	# More calls than it can ever do: each begins when the one before has ended, at the cost of an open loop.
	measure "$subject" --trials "$trials" --duration "$duration" --rate "$(of "$closed" 4e6)"
	capacity=$(figures mops | tail -n 1)
	[ -n "$capacity" ] || fail "$subject: no valid trial at its capacity"
	# One that keeps up with 110 % of it can do more.
	for round in 1 2 3 4; do
		rate=$(of "$capacity" 110e4)
		measure "$subject" --trials "$trials" --duration "$duration" --rate "$rate"
		done_most=$(figures mops | tail -n 1)
		higher=$(awk -v most="${done_most:-0}" -v capacity="$capacity" 'BEGIN { if (most > capacity) print most }')
		capacity=${higher:-$capacity}
		awk -v most="${done_most:-0}" -v rate="$rate" 'BEGIN { exit !(most * 1e6 >= 0.99 * rate) }' || break
		[ "$round" -lt 4 ] || echo "$sweep: $subject: its capacity was not found: it kept up with $rate calls a second" >&2
	done
	rates=
	for load in $(printf '%s' "$loads" | tr ',' ' '); do
		rate=$(of "$capacity" "${load}e4")
		rates=$rates${rates:+,}$rate
		echo "$subject $rate $load $closed $capacity" >>"$scratch/rates"
		case $load,,$halves, in
		50,*",$rate,"*) ;;
		50,*) halves=$halves${halves:+,}$rate ;;
		esac
	done
	echo "$sweep: $subject: $rates calls a second" >&2
	measure "$subject" --trials "$trials" --duration "$duration" --rate "$rates"
	head -n 1 "$scratch/said" >"$scratch/machine"
	cat "$scratch/part" >>"$scratch/open.csv"
	awk 'NR > 1 || !written' written="${header:-}" "$scratch/part" >>"$scratch/out/latency.csv"
	header=yes
	"$hamtbench" export --db "$db" --series "$series" --what trials --format json >"$scratch/trials.json" || exit 2
done
: >"$scratch/null.csv"
if [ -n "$halves" ]; then
	echo "$sweep: null: what pacing costs at half of each capacity" >&2
	measure null --trials "$trials" --duration "$duration" --rate "$halves"
	cp "$scratch/part" "$scratch/null.csv"
	tail -n +2 "$scratch/part" >>"$scratch/out/latency.csv"
fi
[ -z "$quick" ] || echo "$sweep: QUICK=1: these figures are rough" >&2

# ---- Judge and draw ----

# One closed trial of each map is enough for names and colours, the same as in all other pictures.
printf '%s\n' subject,workload,threads,keys,dist,mix,options,valid,mops_median,mops_min,mops_max >"$scratch/points.csv"
awk 'NR == 1 || !/^series,/ && !/^subject,/' "$scratch/closed.csv" >"$scratch/closed.one"
awk -v out="$scratch/data" -f "$top/scripts/plots/csv.awk" -f "$top/scripts/plots/facts.awk" "$scratch/closed.one" \
	"$scratch/points.csv" "$scratch/trials.json" || exit 2
awk -v machine="$(cat "$scratch/machine")" -v data="$scratch/data" -v threads="$threads" -v mix="$mix" -v keys="${KEYS:-200K}" \
	-v trials="$trials" -v duration="$duration" -f "$top/scripts/plots/csv.awk" -f "$top/scripts/latency-report.awk" \
	"$scratch/data/subjects.facts" "$scratch/rates" "$scratch/null.csv" "$scratch/open.csv" >"$scratch/out/table.txt" || exit 2
cat "$scratch/out/table.txt"
if command -v gnuplot >/dev/null; then
	cp "$top"/scripts/plots/*.gp "$scratch/data"
	for kind in png svg; do
		(cd "$scratch/data" && LC_ALL=C.UTF-8 gnuplot -e "kind='$kind'" common.gp load.gp) >"$scratch/said" 2>&1 ||
			fail "gnuplot could not draw load: $(grep -v '^ *\^*$' "$scratch/said" | tail -n 1)"
		cp "$scratch/data/picture.$kind" "$scratch/out/load.$kind"
	done
else
	echo "$sweep: no picture: gnuplot is not installed: run scripts/setup.sh" >&2
fi
sweep_install "$scratch/out" "$out"
echo
echo "Written: $out/: $(cd "$scratch/out" && echo *)"
exit "$worst"
