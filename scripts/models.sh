#!/bin/sh
# The small models in core/tests/models/: that each says what the table in the
# source says, that nothing is found in it, and that each bug planted in it is.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/models.sh [--tables | --long | --help] [DIR]
  (no option)  compare, then check: a quarter of a minute
  --tables     compare only: the steps of tables, models and source, and their orders
  --long       with more executions, threads and operations: some minutes, 1 GB of memory
  DIR          the tree (the one this script is in)
Needs g++, gcc, spin and Relacy (relacy-dev); says which is missing. One line for each model and each bug planted
in it. Exit status: 0 all is as it must be, 1 it is not, 2 cannot be run.
TEXT
}

long=false tables_only=false dir=$(dirname "$0")/.. named=
for word in "$@"; do
	case $word in
	--help)
		usage
		exit 0
		;;
	--long) long=true ;;
	--tables) tables_only=true ;;
	-*)
		echo "models.sh: unknown option $word (it knows --tables, --long, --help)" >&2
		exit 2
		;;
	*)
		if [ -n "$named" ]; then
			echo "models.sh: $word: wants one DIR" >&2
			exit 2
		fi
		named=yes dir=$word
		;;
	esac
done
models=core/tests/models
if [ ! -d "$dir/$models" ]; then
	echo "models.sh: $dir: no tree of this project, for it has no $models" >&2
	exit 2
fi
cd "$dir"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=0

fail() {
	echo "not ok  $1"
	failed=1
}

# ---- Steps of tables, models and source -------------------------------------

# A table begins with its name, as in "Handshake HP:" or "Resize (R), from", and ends with the next empty line.
# A step is "(n) what, order", at the beginning of a row or of a column; one
# in brackets is another table's. Prints: name(n) order file:line.
cat >"$scratch/tables.awk" <<'AWK'
match($0, /^ \* [A-Z][a-z]+ \(?[A-Z]+\)?[:,]/) {
	name = substr($0, RSTART, RLENGTH)
	gsub(/^ \* [A-Z][a-z]+ \(?|\)?[:,]$/, "", name)
	next
}
/^ \*$/ || /^ \*\/$/ { name = "" }
name != "" && /^ \*   +([a-z]+  +)?\([0-9]\) / {
	row = $0
	sub(/^ \*   +([a-z]+  +)?/, "  ", row)
	gsub(/   *\([0-9]\) /, "\n&", row)
	n = split(row, cell, "\n")
	for (i = 2; i <= n; i++) {
		sub(/^ */, "", cell[i])
		number = substr(cell[i], 2, 1)
		text = substr(cell[i], 5)
		if (text ~ /^\[/)
			continue
		order = "no-order"
		if (match(text " ", /(^|[ ,])(plain|relaxed|acquire|release|acq_rel|seq_cst)[ ,]/))
			order = substr(text, RSTART, RLENGTH)
		gsub(/[ ,]/, "", order)
		print name "(" number ") " order " " FILENAME ":" FNR
	}
}
AWK

# In a model: LOAD(HP, 2, seq_cst), PLAIN(P, 1), or in a comment R(3) acq_rel.
cat >"$scratch/model.awk" <<'AWK'
/^#define/ { next }
{
	line = $0
	while (match(line, /(LOAD|STORE|RMW)\([A-Z]+, [0-9], [a-z_]+\)|PLAIN\([A-Z]+, [0-9]\)|[A-Z]+\([0-9]\) (relaxed|acquire|release|acq_rel|seq_cst)/)) {
		found = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		if (found ~ /^[A-Z]+\([0-9]\) /) {
			split(found, part, " ")
			print part[1] " " part[2]
			continue
		}
		plain = found ~ /^PLAIN/
		gsub(/^[A-Z]+\(|\)$|,/, "", found)
		split(found, part, " ")
		print part[1] "(" part[2] ") " (plain ? "plain" : part[3])
	}
}
AWK

# In the source: a comment "HP(3) seq_cst", "U(2) and U(3) acq_rel" or "seq_cst: the unlink HP(3)", and within nine lines a
# memory_order of that name.
cat >"$scratch/source.awk" <<'AWK'
FNR == 1 { split("", wanted) }
{
	line = $0
	while (match(line, /[A-Z]+\([0-9]\)( and [A-Z]+\([0-9]\))? (relaxed|acquire|release|acq_rel|seq_cst)|(relaxed|acquire|release|acq_rel|seq_cst): ([a-z]+ )*[A-Z]+\([0-9]\)/)) {
		found = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		match(" " found " ", /[ ](relaxed|acquire|release|acq_rel|seq_cst)[: ]/)
		order = substr(" " found " ", RSTART + 1, RLENGTH - 2)
		while (match(found, /[A-Z]+\([0-9]\)/)) {
			wanted[substr(found, RSTART, RLENGTH) " " order] = FNR
			found = substr(found, RSTART + RLENGTH)
		}
	}
	for (step in wanted) {
		split(step, part, " ")
		if (FNR - wanted[step] <= 9 && index($0, "memory_order_" part[2]) > 0)
			print step
	}
}
AWK

awk -f "$scratch/tables.awk" core/*.h core/*.c >"$scratch/tables"
awk -f "$scratch/source.awk" core/*.h core/*.c | sort -u >"$scratch/source"
for model in "$models"/*; do
	names=$(sed -n 's:^/\* tables\: \(.*\) \*/$:\1:p' "$model")
	awk -f "$scratch/model.awk" "$model" | sort -u >"$scratch/model"
	before=$failed
	for name in $names; do
		awk -v n="$name(" 'index($1, n) == 1 { print $1, $2 }' "$scratch/tables" | sort -u >"$scratch/table"
		awk -v n="$name(" 'index($1, n) == 1' "$scratch/model" >"$scratch/mine"
		place=$(awk -v n="$name(" 'index($1, n) == 1 { print $3; exit }' "$scratch/tables")
		if [ ! -s "$scratch/table" ]; then
			fail "$model: core has no table $name"
			continue
		fi
		comm -23 "$scratch/table" "$scratch/mine" >"$scratch/lacks"
		comm -13 "$scratch/table" "$scratch/mine" >"$scratch/invents"
		grep -v ' plain$' "$scratch/table" | comm -23 - "$scratch/source" >"$scratch/undone"
		while read -r step; do
			fail "$model: step $step of table $name ($place) is not in the model"
		done <"$scratch/lacks"
		while read -r step; do
			fail "$model: step $step is not in table $name ($place)"
		done <"$scratch/invents"
		while read -r step; do
			fail "core: no operation is marked as step $step of table $name ($place)"
		done <"$scratch/undone"
	done
	[ -z "$names" ] || [ "$failed" != "$before" ] ||
		echo "ok      $model: the steps and orders of $names, as in the tables and in the source"
done
! $tables_only || exit $failed

# ---- Tools ------------------------------------------------------------------

missing=
for tool in g++ gcc spin; do
	command -v "$tool" >/dev/null || missing="$missing $tool"
done
echo '#include <relacy/relacy.hpp>' | g++ -std=c++11 -w -E -x c++ - >/dev/null 2>&1 || missing="$missing relacy-dev"
if [ -n "$missing" ]; then
	echo "models.sh: not installed:$missing: run scripts/setup.sh" >&2
	exit 2
fi

# ---- Relacy -----------------------------------------------------------------

executions=20000
! $long || executions=2000000
if g++ -std=c++11 -O1 -w -I. -o "$scratch/hazard" "$models/hazard.cc" >"$scratch/said" 2>&1; then
	if "$scratch/hazard" --executions $executions >"$scratch/said" 2>&1; then
		echo "ok      $models/hazard.cc: nothing found in $executions executions"
	else
		fail "$models/hazard.cc: something was found:"
		cat "$scratch/said"
	fi
	for step in $("$scratch/hazard" --steps); do
		if "$scratch/hazard" --executions 20000 "$step" >"$scratch/said" 2>&1; then
			fail "$models/hazard.cc: $step weakened, and nothing found"
		elif ! grep -q '^iteration: ' "$scratch/said"; then
			fail "$models/hazard.cc $step: did not get that far:"
			cat "$scratch/said"
		else
			echo "ok      $models/hazard.cc: $step weakened: $(sed -n 's/^iteration: /found in execution /p' "$scratch/said" | head -n 1)"
		fi
	done
else
	fail "$models/hazard.cc does not compile:"
	cat "$scratch/said"
fi

# ---- Spin -------------------------------------------------------------------

# spin_model NAME "DEFINES" clean|bug [COMPILER FLAGS]
spin_model() {
	name=$1 defines=$2 expected=$3
	shift 3
	# In a folder of its own: spin's names are fixed.
	mkdir -p "$scratch/spin"
	cp "$models/$name.pml" "$scratch/spin/"
	# shellcheck disable=SC2086 # a list of flags
	if ! (cd "$scratch/spin" && spin $defines -a "$name.pml" && gcc -O1 -w -DSAFETY -DCOLLAPSE -DNOFAIR "$@" -o pan pan.c &&
		./pan -m100000 -w22) >"$scratch/said" 2>&1 || ! grep -q 'errors:' "$scratch/said"; then
		fail "$models/$name.pml $defines: spin did not get that far:"
		tail -n 20 "$scratch/said"
		return
	fi
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$scratch/said")
	case $expected:$(sed -n 's/.*\(errors: [0-9]*\).*/\1/p' "$scratch/said") in
	"clean:errors: 0")
		if grep -q 'search not completed\|max search depth too small\|MEMLIM' "$scratch/said"; then
			fail "$models/$name.pml $defines: not all states were visited"
			grep 'search\|MEMLIM' "$scratch/said"
		else
			echo "ok      $models/$name.pml $defines: nothing found in $states states"
		fi
		;;
	"clean:"*)
		fail "$models/$name.pml $defines: $(grep -m 1 '^pan:' "$scratch/said")"
		# shellcheck disable=SC2086 # a list of flags
		(cd "$scratch/spin" && spin $defines -t -p "$name.pml") | tail -n 60
		;;
	"bug:errors: 0") fail "$models/$name.pml $defines: planted, and not found in $states states" ;;
	*) echo "ok      $models/$name.pml $defines: found after $states states" ;;
	esac
}

spin_model hazard_asymmetric "" clean
for bug in -DNO_BARRIER -DBARRIER_BEFORE_UNLINK -DBARRIER_AFTER_SLOTS -DNO_VALIDATION; do
	spin_model hazard_asymmetric "$bug" bug
done
# One helper, who like the updater moves; two of them, where only they matter.
spin_model hamt_resize "-DHELPERS=1" clean
spin_model hamt_resize "-DHELPERS=1 -DSHRINK" clean
for bug in -DNO_FREEZE -DMOVED_BEFORE_TARGET -DUPDATE_TARGET_EARLY "-DSHRINK -DCLEAR_HALF" "-DSHRINK -DFREEZE_ONE"; do
	spin_model hamt_resize "-DHELPERS=1 $bug" bug
done
spin_model hamt_resize "-DUPDATES=0 -DDONE_WHEN_CLAIMED" bug
if $long; then
	spin_model hamt_resize "" clean
	spin_model hamt_resize "-DUPDATES=0 -DSHRINK" clean
	spin_model hamt_resize "-DHELPERS=1 -DUPDATES=2" clean
	spin_model hamt_resize "-DHELPERS=1 -DUPDATES=2 -DSHRINK" clean
	for bug in -DNO_FREEZE -DMOVED_BEFORE_TARGET -DUPDATE_TARGET_EARLY; do
		spin_model hamt_resize "-DHELPERS=1 -DSHRINK $bug" bug
	done
fi
exit $failed
