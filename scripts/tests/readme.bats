#!/usr/bin/env bats
# What README.md and results/README.md show is true: examples compile and run,
# commands are accepted, files and columns exist. HAMTBENCH names the binary.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	export HAMTBENCH TOP CC=${CC:-gcc}
	if [ ! -x "$HAMTBENCH" ]; then
		echo "build $HAMTBENCH first: make" >&2
		return 1
	fi
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# example FILE - the C block that follows the first line of README.md that names the file.
example() {
	awk -v name="\`$1\`:" '
		index($0, name) { named = 1 }
		named && /^```c$/ { inside = 1; next }
		inside && /^```$/ { exit }
		inside' "$TOP/README.md" >"$1"
	[ -s "$1" ]
}

strictly() {
	"$CC" -std=c11 -D_GNU_SOURCE -I"$TOP" -O2 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wpointer-arith -Wcast-qual \
		-Wundef -Wvla -Werror "$@"
}

@test "the example of a map compiles, and is a right map" {
	example mymap.c
	strictly -fPIC -shared -o mymap.so mymap.c
	"$HAMTBENCH" run --subject ./mymap.so --workload mixed --workload load --threads 1,2 --keys 1K --duration 20ms \
		--warmup 1ms --trials 1 --format csv --no-db --quiet >trials.csv
	[ "$(grep -c '^mymap,' trials.csv)" -eq 4 ]
	run --separate-stderr "$HAMTBENCH" run --subject ./mymap.so --mix upsert=100 --no-db
	[ "$status" -eq 2 ]
	[[ "$stderr" == *upsert* ]]
}

@test "the example of a workload compiles, and runs on maps that are right" {
	example myload.c
	strictly -fPIC -shared -o myload.so myload.c
	"$HAMTBENCH" run --subject hamt,mutex --workload ./myload.so --threads 1,2 --keys 1K --duration 20ms \
		--warmup 1ms --trials 1 --format csv --no-db --quiet >trials.csv
	[ "$(grep -c ',myload,' trials.csv)" -eq 4 ]
	run --separate-stderr "$HAMTBENCH" run --subject hamt --workload ./myload.so --threads 2 --keys 1 --no-db
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"--keys: wants one key for each of 2 threads at least"* ]]
}

@test "the first example of the library works" {
	example two.c
	strictly -o two two.c "$(dirname "$HAMTBENCH")/libhamt.a" -pthread
	[ "$(./two)" = "7 -> 49" ]
}

@test "the example of the library compiles and works" {
	example ten.c
	[ -f "$(dirname "$HAMTBENCH")/libhamt.a" ]
	strictly -o ten ten.c "$(dirname "$HAMTBENCH")/libhamt.a" -pthread
	[ "$(./ten)" = "999 -> 999" ]
}

@test "every command shown is accepted" {
	"$HAMTBENCH" run --subject null --threads 1 --keys 1K --duration 1ms --warmup 0ms --trials 1 --noise off --quiet >/dev/null
	"$HAMTBENCH" run --subject mutex --threads 1 --keys 1K --duration 1ms --warmup 0ms --trials 1 --quiet \
		--history results/illegal-mymap-s1.history >/dev/null
	ln -s "$TOP/results/reference" results/reference
	cp results/results.db machine-a.db
	cp results/results.db machine-b.db
	example mymap.c
	strictly -fPIC -shared -o mymap.so mymap.c
	example myload.c
	strictly -fPIC -shared -o myload.so myload.c
	ln -s "$TOP/workloads" workloads
	# Texts behind the command are set off by blanks; the line's own four are gone first.
	cat "$TOP/README.md" "$TOP/results/README.md" | sed -n 's:^    build/release/hamtbench ::p' |
		sed 's/  .*$//; s/ *>.*$//; s/--db [^ ]*//' >commands
	[ "$(wc -l <commands)" -ge 10 ]
	while read -r command; do
		case $command in
		run*) command="$command --dry-run" ;;
		import*) command="$command --db imported.db" ;;
		esac
		echo "hamtbench $command"
		eval "\"$HAMTBENCH\" $command" >said
		[ -s said ]
	done <commands
	[ "$("$HAMTBENCH" export | wc -l)" -eq 2 ]
}

@test "every file named is there" {
	{
		grep -ohE '(core|harness|workloads|scripts|results)/[A-Za-z0-9_./-]+' "$TOP/README.md"
		grep -ohE '[(][.][.]/[A-Za-z0-9_./-]+' "$TOP/results/README.md" | sed 's:^...::'
	} | grep -vE '^results/(reference|results[.]db)|^workloads/NAME[.]c' | sed 's/[.]$//' | sort -u >files
	[ "$(wc -l <files)" -ge 15 ]
	while read -r file; do
		[ -e "$TOP/$file" ] || { echo "README.md names $file"; return 1; }
	done <files
}

@test "every subject, workload and distribution named is one" {
	"$HAMTBENCH" list >listed
	# Rows of the tables: | `name` | ...
	# shellcheck disable=SC2016 # backquotes of Markdown
	sed -n '/^## Subjects/,/^## Adding/s/^| `\([a-z-]*\)` |.*/\1/p' "$TOP/README.md" >names
	[ "$(wc -l <names)" -ge 7 ]
	printf '%s\n' uniform zipf:THETA sequential >>names
	while read -r name; do
		grep -qE "^  $name( |\$)" listed || { echo "README.md names $name"; return 1; }
	done <names
}

@test "results/README.md explains every column of a point that a trial has not, and only these" {
	"$HAMTBENCH" run --subject null --threads 1 --keys 1K --mix get=100 --duration 1ms --warmup 1ms --trials 1 --quiet >/dev/null
	"$HAMTBENCH" list columns | sed -n 's/^  \([a-z][a-z0-9_]*\)\(  .*\)\{0,1\}$/\1/p' | sort >listed
	"$HAMTBENCH" export --what points | head -n 1 | tr ',' '\n' | sort >columns
	sed -n '/^## The columns of a point/,/^## The report/s/^| \(`[^|]*\) |.*/\1/p' "$TOP/results/README.md" | tr ' ' '\n' |
		tr -d '`' | sort >explained
	[ "$(wc -l <explained)" -ge 15 ]
	# Some say the same of all trials that the trial's says of one.
	run comm -23 columns <(sort -u listed explained)
	echo "not explained: $output"
	[ "$output" = environment ]
	run comm -13 columns explained
	echo "no column: $output"
	[ -z "$output" ]
}

@test "results/README.md explains every column, and only these" {
	"$HAMTBENCH" list columns | sed -n 's/^  \([a-z][a-z0-9_]*\)\(  .*\)\{0,1\}$/\1/p' | sort >listed
	[ "$(wc -l <listed)" -ge 50 ]
	sed -n '/^## The columns of a trial/,/^## The columns of a point/s/^| \(`[^|]*\) |.*/\1/p' "$TOP/results/README.md" | tr ' ' '\n' | tr -d '`' |
		sort >explained
	diff listed explained
}

@test "README.md names every target of make that has a help text" {
	make -s -C "$TOP" help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' | grep -vxE 'all|clean' >targets
	[ "$(wc -l <targets)" -ge 6 ]
	while read -r target; do
		grep -qE "^    make $target" "$TOP/README.md" || { echo "README.md lacks make $target"; return 1; }
	done <targets
}
