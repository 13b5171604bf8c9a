#!/bin/sh
# What an operation of core's maps costs in instructions and in lines of memory:
# counted by callgrind, which repeats where a clock does not. `make instr` runs it.
#
# A line is a miss of a simulated level 1 cache of 32 KB with nothing but it
# behind: on a map much larger than that, what an operation touches that the
# last ones have not.
set -eu

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/instr.sh [--update]
Counts instructions and lines of memory for each operation of hamt, hamt-bytes and seed, on one
thread, and compares them with results/reference/instr.txt: more than 1 % instructions more, and
the exit status is 1. Counts of another compiler, allocator or machine are shown, not compared.
  --update    write the counts to the reference file instead
Environment:
  KEYS        keys in the map (200000); COUNT operations counted (50000)
  REFERENCE   the file to compare with
  CC          the compiler (gcc)
Exit status: 0 fine, 1 an operation became dearer, 2 cannot be run.
TEXT
}

fail() {
	echo "instr.sh: $1" >&2
	exit 2
}

update=
case ${1-} in
'') ;;
--update) update=yes ;;
--help)
	usage
	exit 0
	;;
*) fail "unknown option $1 (it knows --update and --help)" ;;
esac
[ $# -le 1 ] || fail "$2: one option is enough"
cd "$(dirname "$0")/.."
keys=${KEYS:-200000} count=${COUNT:-50000}
reference=${REFERENCE:-results/reference/instr.txt}
for number in "$keys" "$count"; do
	case $number in
	'' | *[!0-9]* | 0*) fail "KEYS=$keys COUNT=$count: both want a number from 1 up" ;;
	esac
done
[ "$count" -le "$keys" ] || fail "COUNT=$count: at most KEYS, which is $keys"
cc=${CC:-gcc}
command -v "$cc" >/dev/null || fail "$cc is not installed: run scripts/setup.sh"
command -v valgrind >/dev/null || fail "valgrind is not installed: run scripts/setup.sh"

out=build/instr
mkdir -p $out
trap 'rm -f $out/*.$$' EXIT
# Valgrind does not know the newest instructions: not -march=native.
march=
case $(uname -m) in
x86_64) march=-march=x86-64-v3 ;;
esac
# shellcheck disable=SC2086 # no flag or one
"$cc" -std=c11 -D_GNU_SOURCE -I. -O3 $march -g -pthread -o $out/ops.$$ core/*.c core/tests/instr/ops.c -ljemalloc -lm ||
	fail "core/tests/instr/ops.c does not build"

# counts MAP OP - "instructions lines" of COUNT operations, the loop included.
counts() {
	# An environment of its own: its size moves the stack, and so what shares a line.
	env -i PATH="$PATH" valgrind --tool=callgrind --toggle-collect=measured --cache-sim=yes --D1=32768,8,64 \
		--callgrind-out-file=$out/counts.$$ $out/ops.$$ "$1" "$2" "$keys" "$count" >$out/said.$$ 2>&1 || {
		cat $out/said.$$ >&2
		fail "$1 $2 did not run under valgrind"
	}
	awk '
		$1 == "events:" { for (i = 2; i <= NF; i++) at[$i] = i }
		$1 == "totals:" { print $at["Ir"], $at["D1mr"] + $at["D1mw"]; found = 1 }
		END { exit !found }' $out/counts.$$ || fail "valgrind says nothing of $1 $2"
}

# What the counts depend on beside the source.
setting="$("$cc" --version | head -n 1), $(valgrind --version), $(uname -m), $keys keys, $count operations"
{
	echo "# Per operation: instructions, and lines of memory not in a 32 KB cache. From scripts/instr.sh --update."
	echo "# $setting"
	for map in hamt hamt-bytes seed; do
		loop=$(counts $map nothing)
		case $map in
		hamt) all='get-hit get-miss get-many upsert insert remove' ;;
		hamt-bytes) all=get-hit ;;
		seed) all='get-hit upsert' ;;
		esac
		for op in $all; do
			[ ! -t 2 ] || printf '\rinstr.sh: %s %s        ' $map "$op" >&2
			both="$loop $(counts $map "$op")"
			printf '%s %s %s\n' $map "$op" "$(echo "$both" | awk -v n="$count" \
				'{ printf "%.2f %.3f", ($3 - $1) / n, ($4 - $2) / n }')"
		done
	done
} >$out/instr.txt.$$
[ ! -t 2 ] || printf '\r                                        \r' >&2

if [ -n "$update" ]; then
	mv $out/instr.txt.$$ "$reference"
	echo "instr.sh: wrote $reference"
	exit 0
fi
mv $out/instr.txt.$$ $out/instr.txt
was=
[ ! -f "$reference" ] || was=$(sed -n '2s/^# //p' "$reference")
if [ -z "$was" ]; then
	echo "instr.sh: there is no $reference to compare with"
	reference=/dev/null
elif [ "$was" != "$setting" ]; then
	echo "instr.sh: not compared, since $reference is for $was"
fi
awk -v comparable="$([ "$was" = "$setting" ] && echo 1 || echo 0)" '
	/^#/ { next }
	FILENAME != ARGV[2] { before[$1 " " $2] = $3; next }
	FNR == 3 { printf "%-11s %-9s %13s %7s %10s\n", "map", "operation", "instructions", "lines", "reference" }
	{
		name = $1 " " $2
		was = name in before ? before[name] : ""
		verdict = ""
		if (comparable && was != "" && $3 > was * 1.01) {
			verdict = sprintf("dearer by %.1f %%", ($3 / was - 1) * 100)
			worse = 1
		} else if (comparable && was != "" && $3 < was * 0.99) {
			verdict = sprintf("cheaper by %.1f %%: --update keeps it", (1 - $3 / was) * 100)
		}
		printf "%-11s %-9s %13.1f %7.2f %10s  %s\n", $1, $2, $3, $4, was, verdict
	}
	END { exit worse }' "$reference" $out/instr.txt
