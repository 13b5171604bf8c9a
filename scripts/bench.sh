#!/bin/sh
# The default benchmark suite: the maps worth comparing under six loads, at 1 to
# 4 x cores threads; a table at the end, and plots. `make bench` runs it.
#
# All of it is one call of hamtbench, which shuffles the trials, so that a slow
# minute of the machine does not fall on one map. This script only chooses:
# what is measured, and how long, so that the whole fits into its time.
set -eu

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/bench.sh
Measures the maps worth comparing with get=100, get=90,insert=5,remove=5 and
get=50,insert=25,remove=25, keys drawn uniformly and by zipf:0.99; prints a table and
draws plots. Takes less than 4 minutes on 2 cores. Environment:
  QUICK=1     about 30 s: keys by zipf only, shorter and fewer trials; rough figures
  SUBJECTS    maps to measure, LIST as in hamtbench run --subject, or "all" that are built
              (null, roofline, mutex, urcu-lfht, seed, hamt and hamt's other reclaimers)
  THREADS     numbers of threads (1, 2, 4 ... the number of cores, and 4 times that)
  KEYS        size of the key range (200K)
  TRIALS      trials of each point (3, or 5 if the time allows)
  DURATION    of one trial, with unit (what fits)
  DB          results file, added to (results/results.db)
  OUT         where the plots go (results/plots)
  HAMTBENCH   the binary (build/release/hamtbench)
Ctrl-C ends it: finished trials are kept and in the table, plots are not drawn.
Exit status: hamtbench's (0 fine, 1 a map was wrong or a trial could not run, 2 bad
input, 130 interrupted); 2 as well if the plots cannot be written: before anything is measured. Without
gnuplot there are no plots, which is said and changes nothing else.
TEXT
}

fail() {
	echo "bench.sh: $1" >&2
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
results=${top#"$PWD"/}/results
[ "$top" != "$PWD" ] || results=results
db=${DB:-$results/results.db}
out=${OUT:-$results/plots}
hamtbench=${HAMTBENCH:-$top/build/release/hamtbench}
command -v "$hamtbench" >/dev/null || fail "$hamtbench is not built: run make, or set HAMTBENCH"
gnuplot=yes
if ! command -v gnuplot >/dev/null; then
	gnuplot=
	echo "bench.sh: no plots will be drawn: gnuplot is not installed: run scripts/setup.sh" >&2
fi
# The folder is made when there is something to put into it, but that it can be is known first.
folder=$out
while [ ! -e "$folder" ] && [ ! -L "$folder" ]; do
	folder=$(dirname "$folder")
done
if [ -n "$gnuplot" ] && { [ ! -d "$folder" ] || [ ! -w "$folder" ]; }; then
	fail "OUT=$out: cannot make this folder, or not write into it"
fi

# ---- What ----
case ${QUICK:-0} in
0) quick= ;;
1) quick=yes ;;
*) fail "QUICK=$QUICK: wants 1 or 0" ;;
esac
if [ -n "${THREADS:-}" ]; then
	threads=$THREADS
else
	# Those that this process may use; nproc would listen to OMP_NUM_THREADS, too.
	cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
	threads=
	n=1
	while [ "$n" -lt "$cores" ]; do
		threads=$threads$n,
		n=$((n * 2))
	done
	threads=$threads$cores,$((4 * cores))
fi
set -- --threads "$threads" --keys "${KEYS:-200K}" --dist zipf:0.99 \
	--mix get=100 --mix get=90,insert=5,remove=5 --mix get=50,insert=25,remove=25 \
	--smr-stats counters --smr-stats sampled
[ -n "$quick" ] || set -- "$@" --dist uniform
case ${SUBJECTS:-} in
all) ;;
'')
	# Of these, what is built. The others would take the time from them.
	subjects=
	for name in $("$hamtbench" list subjects | awk '/^  [^ ]/ && !/not built:/ { print $1 }'); do
		case $name in
		null | roofline | mutex | urcu-lfht | seed | hamt | hamt-hp-fence | hamt-ebr | hamt-qsbr | hamt-none)
			subjects=${subjects:+$subjects,}$name
			;;
		esac
	done
	[ -z "$subjects" ] || set -- "$@" --subject "$subjects"
	;;
*) set -- "$@" --subject "$SUBJECTS" ;;
esac

# ---- How long ----
# Milliseconds: for all trials together; of a trial, beside its measured part, to
# fill, warm up, check and free a map of 200K keys; least and most of a measured part.
if [ -n "$quick" ]; then
	total=24000 warmup=20 around=150 least=50 most=500 many=2 few=1
else
	total=195000 warmup=50 around=150 least=100 most=1000 many=5 few=3
fi
# hamtbench says itself what is wrong with its options.
plan=$("$hamtbench" run "$@" --trials 1 --dry-run) || exit 2
points=$(printf '%s\n' "$plan" | sed -n '1s/^\([0-9][0-9]*\) point.*/\1/p')
[ -n "$points" ] || fail "$hamtbench run --dry-run does not say how many points there are"

# made TRIALS - so many trials that is: half of the points are at the second level of
# --smr-stats, which is measured in every third trial only.
half=$((points / 2))
made() {
	echo $((half * ($1 + ($1 + 2) / 3)))
}

# fitting TRIALS - the measured part that fits, in ms.
fitting() {
	fit=$((total / $(made "$1") - warmup - around))
	[ "$fit" -le "$most" ] || fit=$most
	# Round figures are easier to repeat.
	echo $((fit / 10 * 10))
}
trials=${TRIALS:-}
if [ -z "$trials" ]; then
	trials=$few
	# More trials, once a trial is long enough to be worth repeating.
	[ -n "${DURATION:-}" ] || [ "$(fitting $many)" -lt $((most / 2)) ] || trials=$many
fi
case $trials in
'' | *[!0-9]* | 0*) fail "TRIALS=$trials: wants a number from 1 up" ;;
esac
if [ -n "${DURATION:-}" ]; then
	duration=$DURATION
	about=
else
	fit=$(fitting "$trials")
	[ "$fit" -ge $least ] || fit=$least
	duration=${fit}ms
	seconds=$(($(made "$trials") * (fit + warmup + around) / 1000 + 1))
	about=", about $((seconds / 60)) min $((seconds % 60)) s"
fi
echo "bench.sh: $half points, trials of each: $trials, and $(((trials + 2) / 3)) for times of reclamation," \
	"of $duration$about" >&2
[ -z "$quick" ] || echo "bench.sh: QUICK=1: these figures are rough" >&2

# ---- Measure ----
# In the background, so that SIGTERM can be passed on at once. A shell hides Ctrl-C
# from what it runs there, hence env; Ctrl-C itself reaches hamtbench from the terminal.
env --default-signal=INT,QUIT "$hamtbench" run "$@" --trials "$trials" --duration "$duration" \
	--warmup ${warmup}ms --db "$db" &
child=$!
again=
trap 'again=yes' INT
trap 'again=yes; kill -TERM "$child" 2>/dev/null || true' TERM
status=0
while :; do
	said=0
	wait "$child" || said=$?
	# 127: it was waited for already, when the signal came.
	[ "$said" = 127 ] || status=$said
	[ -n "$again" ] || break
	again=
done
trap - INT TERM

# ---- Plots ----
case $status in
0 | 1) ;;
130)
	echo "bench.sh: no plots drawn; for those of the trials kept: scripts/plot.sh --db $db" >&2
	exit 130
	;;
*) exit "$status" ;;
esac
if [ -z "$gnuplot" ]; then
	echo "bench.sh: no plots: gnuplot is not installed: run scripts/setup.sh, then scripts/plot.sh --db $db" >&2
	exit "$status"
fi
echo
echo "Plots:"
HAMTBENCH=$hamtbench "$top/scripts/plot.sh" --db "$db" --out "$out" || [ "$status" != 0 ] || status=2
exit "$status"
