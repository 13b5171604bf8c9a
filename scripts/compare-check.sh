#!/bin/sh
# Does hamtbench compare tell the truth about real figures? Three maps are measured
# in one go, in random order: twins, which are the same, and one that takes 5 to 8 %
# longer for each operation. The twins must not be accused, the slow one must be found.
set -eu

case ${1-} in
'') ;;
--help)
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/compare-check.sh
Measures twin-a, twin-b and slow-twin (harness/tests/plugins/twins.c) under two loads for
about TRIALS x 0.8 s, compares them, and says whether the verdicts are right.
  TRIALS     of each point (14)
  DB         results file (build/compare-check.db, made anew)
  HAMTBENCH  the binary (build/release/hamtbench); the twins lie beside it
Wants a machine that is otherwise idle. Exit status: 0 right; 1 wrong; 2 could not be measured; 77 the slow one
was not found, and most trials were disturbed by others, so that nothing is proven.
TEXT
	exit 0
	;;
*)
	echo "compare-check.sh: unknown option $1 (it knows --help; all else is environment)" >&2
	exit 2
	;;
esac

top=$(cd "$(dirname "$0")/.." && pwd)
hamtbench=${HAMTBENCH:-$top/build/release/hamtbench}
db=${DB:-$top/build/compare-check.db}
plugins=$(dirname "$hamtbench")/tests/plugins
rm -f "$db"
"$hamtbench" run --subject "$plugins/twin-a.so,$plugins/twin-b.so,$plugins/slow-twin.so" --threads 1 --keys 10K \
	--mix get=100 --mix get=90,insert=10 --duration 100ms --warmup 20ms --trials "${TRIALS:-14}" --smr-stats off \
	--db "$db" --format table >/dev/null || exit 2

wrong=0
accused=0 # a map that is not slower
# compared WANTED A B - does compare end with that status?
compared() {
	said=0
	"$hamtbench" compare --db "$db" "$2" "$3" || said=$?
	if [ "$said" = "$1" ]; then
		echo "compare-check.sh: $2 against $3: right"
	else
		echo "compare-check.sh: $2 against $3: WRONG: exit status $said instead of $1"
		wrong=1
		[ "$1" = 1 ] || accused=1
	fi
	echo
}
compared 0 @twin-a @twin-b
compared 0 @twin-b @twin-a
compared 1 @twin-a @slow-twin
compared 1 @twin-b @slow-twin
compared 0 @slow-twin @twin-a
if [ $wrong = 1 ] && [ $accused = 0 ] && "$hamtbench" export --db "$db" --what points |
	awk -F, '{ gsub(/"[^"]*"/, "Q") } NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } $at["noisy"] == 1 { exit found = 1 }
		END { exit !found }'; then
	echo "compare-check.sh: this machine is too busy: most trials were disturbed"
	exit 77
fi
exit $wrong
