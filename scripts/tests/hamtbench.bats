#!/usr/bin/env bats
# hamtbench end to end: bad input costs one line and nothing else, a wrong map
# costs exit status 1, and whatever ends a run early leaves the finished trials.
# HAMTBENCH names the binary; its test plug-ins lie beside it.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	export HAMTBENCH PLUGINS=${HAMTBENCH%/*}/tests/plugins
	if [ ! -x "$HAMTBENCH" ] || [ ! -f "$PLUGINS/sound.so" ]; then
		echo "build $HAMTBENCH and its test plug-ins first: make test" >&2
		return 1
	fi
	# Where a loaded machine holds a trial up, it is disturbed: not repeated, since rows are counted.
	export QUICK='--duration 20ms --warmup 1ms --trials 1 --repeats 0 --threads 1 --quiet'
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset HAMTBENCH_PLUGINS HAMTBENCH_CLOCK
}

# hamtbench ARGUMENT... - run it, standard error apart.
hamtbench() {
	run --separate-stderr "$HAMTBENCH" "$@"
}

# quick ARGUMENT... - a short run of one trial on one thread.
quick() {
	# shellcheck disable=SC2086 # words
	hamtbench run $QUICK "$@"
}

# quiet_roles ARGUMENT... - a short run on one map, into r.db.
quiet_roles() {
	hamtbench run --duration 20ms --warmup 1ms --trials 1 --quiet --subject mutex --keys 1K --repeats 0 --db r.db "$@"
}

# refused TEXT - the run just made said this one line, printed nothing, and ended with status 2.
refused() {
	printf '%s\n' "status $status" "$output" "$stderr"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = "$1" ]
}

# column NAME - that column of the CSV on standard input, without the header.
column() {
	# Quoted texts may have commas in them: they become one letter.
	sed 's/"[^"]*"/Q/g' | awk -F, -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next }
		{ print $at }'
}

# each_line WORD - standard input is at least one line, and every one of them is WORD.
each_line() {
	awk -v word="$1" '$0 != word { exit bad = 1 } END { exit bad || NR == 0 }'
}

# eventually COMMAND... - does it succeed within ten seconds?
eventually() {
	local turn
	for turn in $(seq 100); do
		"$@" && return
		sleep 0.1
	done
	echo "not after $turn turns: $*"
	return 1
}

# lines_reach FILE N - has the file N lines by now?
lines_reach() {
	[ -f "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

# in_small_disk SIZE COMMAND - run a shell command with a full-able disk at ./disk.
in_small_disk() {
	mkdir -p disk
	unshare -rm sh -c "mount -t tmpfs -o size=$1 none disk && { $2; }"
}

need_mounts() {
	unshare -rm sh -c 'mkdir -p disk && mount -t tmpfs none disk' 2>/dev/null || skip "cannot mount here"
}

# patch FILE OFFSET BYTES - overwrite bytes, written as for printf.
patch() {
	# shellcheck disable=SC2059 # the format is the point
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# ---- Bad input -----------------------------------------------------------------

@test "the harness's own cost is measured, kept with each trial and shown; or it is said why not" {
	"$HAMTBENCH" run --subject seed,null --threads 1 --keys 1K --mix get=100 --trials 1 --duration 2ms --warmup 1ms --pin none \
		--db o.db --quiet >said
	grep -q 'of that ' said
	[ "$("$HAMTBENCH" export --db o.db --format json | grep -o '"overhead_ns":[0-9]' | wc -l)" -eq 1 ]
	"$HAMTBENCH" run --subject seed --threads 1 --keys 1K --mix get=100 --trials 1 --duration 2ms --warmup 1ms --pin none \
		--no-overhead --no-db --format json --quiet >said
	run ! grep -q '"overhead_ns":[0-9]' said
	# Making long names is the harness's, and beside numbers there is none of it. Neither null has a harness of its own.
	cost() {
		"$HAMTBENCH" run --threads 1 --keys 1K --mix get=100 --trials 1 --duration 2ms --warmup 1ms --pin none --no-db --quiet \
			--format csv "$@" | column overhead_ns
	}
	[ -z "$(cost --subject null)" ] && [ -z "$(cost --subject null-bytes)" ]
	awk -v number="$(cost --subject mutex)" -v short="$(cost --subject mutex-bytes --key-bytes 16)" \
		-v long="$(cost --subject mutex-bytes --key-bytes 16384)" 'BEGIN { exit !(number > 0 && long > 5 * short && long > 5 * number) }'
	# One run has both, each with its own.
	"$HAMTBENCH" run --subject mutex-bytes --key-bytes 16 --key-bytes 16384 --threads 1 --keys 1K --mix get=100 --trials 1 \
		--duration 2ms --warmup 1ms --pin none --no-db --quiet --format csv | column overhead_ns | sort -g >costs
	awk '{ cost[NR] = $1 } END { exit !(NR == 2 && cost[2] > 5 * cost[1]) }' costs
	# Null cannot stay inside a read.
	"$HAMTBENCH" run --subject seed --workload longread --threads 2 --keys 1K --trials 1 --duration 5ms --warmup 1ms --pin none \
		--no-db --quiet >said
	grep -qx 'harness: - where subject null cannot tell: longread: subject null cannot stay inside a read, which workload longread needs' said
	# Fixed work is left alone.
	"$HAMTBENCH" run --subject seed --workload load --threads 1 --keys 1K --trials 1 --pin none --no-db --quiet >said
	grep -qx 'harness: - where subject null cannot tell: load: a load of a fixed amount of work is not tried on it' said
	"$HAMTBENCH" run --subject mutex-bytes --workload load --threads 1 --keys 1K --trials 1 --pin none --no-db --quiet >said
	grep -qx 'harness: - where subject null-bytes cannot tell: load: a load of a fixed amount of work is not tried on it' said
}

@test "a command is needed, and one that exists" {
	hamtbench
	[[ "$stderr" == "hamtbench: a command is missing; there are run, list, check, export, "* ]]
	refused "$stderr"
	hamtbench rum
	[[ "$stderr" == "hamtbench: 'rum' is no command; there are run, list, check, export, "* ]]
	refused "$stderr"
	hamtbench --nonsense
	[[ "$stderr" == "hamtbench: '--nonsense' is no command; there are "* ]]
	refused "$stderr"
}

@test "unknown subjects and workloads are refused with what there is" {
	quick --subject nonsense
	[[ "$stderr" == "hamtbench run: --subject: no subject 'nonsense'; there are "*null*roofline* ]]
	refused "$stderr"
	quick --subject null, --workload mixed
	[[ "$stderr" == "hamtbench run: --subject: no subject ''; there are "* ]]
	refused "$stderr"
	quick --workload nonsense --subject null
	[[ "$stderr" == "hamtbench run: --workload: no workload 'nonsense'; there are "*load*mixed*ycsb* ]]
	refused "$stderr"
	quick --subject null,null
	refused "hamtbench run: --subject: 'null' is given twice"
	quick --subject ./none.so
	refused "hamtbench run: --subject: ./none.so: No such file or directory"
	[ ! -e results ]
}

@test "a workload and its variant in one word" {
	hamtbench run --workload ycsb:a,ycsb:F,mixed --subject null --no-db --dry-run --threads 1 --mix get=100
	[ "$status" -eq 0 ]
	[[ "$output" == *"null ycsb:a 1 thread"* && "$output" == *"null ycsb:f 1 thread"* &&
		"$output" == *"null mixed 1 thread"* ]]
	hamtbench run --workload ycsb --ycsb a --ycsb b --subject null --no-db --dry-run --threads 1
	[[ "$output" == *"null ycsb:a 1 thread"* && "$output" == *"null ycsb:b 1 thread"* ]]
	hamtbench run --workload ycsb:g --subject null
	refused "hamtbench run: --ycsb: 'g' is none of the workloads a, b, c, d, e, f"
	hamtbench run --workload mixed:a --subject null
	refused "hamtbench run: --workload: mixed has no variants such as 'a'"
	hamtbench run --workload ycsb:a,ycsb:a --subject null
	refused "hamtbench run: --ycsb: 'a' is given twice"
	hamtbench run --workload ycsb:a,ycsb --subject null
	refused "hamtbench run: --workload: 'ycsb' is given twice"
}

@test "unknown options, units and values are refused by name" {
	local given said
	while IFS='|' read -r given said; do
		echo "# $given"
		# shellcheck disable=SC2086 # words
		hamtbench run --subject null --no-db $given
		refused "hamtbench run: $said"
	done <<-'TABLE'
		--nonsense|--nonsense: no such option; it was looked for in run, workload mixed, subject null
		--key 5|--key: no such option; it was looked for in run, workload mixed, subject null
		--stripes 5|--stripes: no such option; it was looked for in run, workload mixed, subject null
		--duration 5|--duration: '5' needs a unit: ns, us, ms or s
		--duration 5m|--duration: '5m' has the unknown unit 'm': it is ns, us, ms or s
		--duration 0s|--duration: '0s' is too small: it is at least 1ms
		--duration 1s --duration 2s|--duration: it takes one value, 2 are given
		--threads 0|--threads: '0' is too small: it is at least 1
		--threads 1,x|--threads: 'x' is no number; wanted is a whole number such as 4096, 200K, 1.5M or 64Ki
		--threads -1|--threads: '-1' is negative; wanted is a whole number such as 4096, 200K, 1.5M or 64Ki
		--threads 1,1|--threads: '1' is given twice
		--keys 12Q|--keys: '12Q' has the unknown unit 'Q'; wanted is a whole number such as 4096, 200K, 1.5M or 64Ki
		--keys|--keys: a value is missing
		--mix get=50,insert=5|--mix: 'get=50,insert=5': the percentages add up to 55, not to 100
		--mix fetch=100|--mix: 'fetch=100': 'fetch' is no operation; there are get, insert, upsert, remove, replace, modify, get_many, scan
		--mix get=100 --update 5|workload mixed: --update and --mix exclude each other
		--keys 10 --prefill 11|workload mixed: --prefill: 11 keys do not fit into a range of 10
		--membind far|--membind: 'far' is not known; there are none, local, interleave
		--format xml|--format: 'xml' is not known; there are table, csv, json
		--smr-stats all|--smr-stats: 'all' is not known; there are off, counters, sampled, full
		--order up|--order: 'up' is not known; there are random, given
		--quiet=1|--quiet: it is a flag and takes no value
		--db x|--no-db and --db exclude each other
		--resume|--no-db and --resume exclude each other
		--noise 5|--noise: '5' is no percentage; wanted is a number and %, such as 3%
		--noise 0%|--noise: '0%' is not more than 0% and at most 100%
		--ci nan%|--ci: 'nan%' is no percentage; wanted is a number and %, such as 3%
		--ci 0x1p3%|--ci: '0x1p3%' is no percentage; wanted is a number and %, such as 3%
		--max-trials 5|--max-trials: '5' is too small: it is at least 6
		--max-trials 8|--max-trials: only together with --ci
		--ci 2% --trials 8 --max-trials 6|--max-trials 6 is less than --trials 8
		--history-ops 100|--history-ops: only together with --history
		--arrival even|--arrival: only together with --rate
		--noise off --repeats 3|--repeats: with --noise off no trial is disturbed, and none is repeated
		more|'more' is no option
	TABLE
	quick --subject null --dist nonsense
	[[ "$stderr" == "hamtbench run: --dist: "*nonsense*zipf* ]]
	refused "$stderr"
	[ ! -e results ]
}

@test "a place that cannot be had is refused" {
	quick --subject null --pin nonsense
	[[ "$stderr" == "hamtbench run: --pin: "*nonsense*core-first* ]]
	refused "$stderr"
	hamtbench run --subject null --threads 2 --pin 0
	[[ "$stderr" == "hamtbench run: --pin: "*"for 2 threads" ]]
	refused "$stderr"
	quick --subject null --pin 0,99999
	[[ "$stderr" == "hamtbench run: --pin: "*99999* ]]
	refused "$stderr"
	[ ! -e results ]
}

@test "phases: a script of loads is valid, its phases have rows, a bad one is refused with its line" {
	quick --workload phases --script "$BATS_TEST_DIRNAME/../../workloads/tests/short.phases" --keys 1K --subject hamt,mutex \
		--threads 2 --format csv
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	echo "$output" | column valid | each_line 1
	hamtbench export --what phases
	[ "$(grep -c ',3,remove,' <<<"$output")" -eq 4 ]
	printf '%s\n' 'a 1K get=100' 'b 1K fetch=100' >bad.phases
	quick --workload phases --script bad.phases
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench run: workload phases: --script: bad.phases:2: 'fetch=100': 'fetch' is no operation;"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	quick --workload phases
	refused "hamtbench run: workload phases: --script FILE is needed: workloads/day.phases is one"
	quick --workload phases --script . --subject null
	[ "$status" -eq 2 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "keys with a common prefix under a hash that is known: slower, and still right" {
	quick --subject hamt --hash identity --hash seeded --keys 5K --workload load --threads 2 --format csv
	[ "$status" -eq 0 ]
	[[ "$output" == *'""hash"":""identity""'* ]]
	quick --subject hamt --reclaim ebr --hash identity --keys 64 --threads 4 --mix get=20,insert=30,upsert=20,remove=30
	[ "$status" -eq 0 ]
	quick --subject hamt --hash md5
	refused "hamtbench run: --hash: 'md5' must be seeded or identity"
}

@test "byte strings: sizes that cannot be are refused" {
	local given expected
	while IFS='|' read -r given expected; do
		# shellcheck disable=SC2086 # words
		quick --subject null-bytes,mutex-bytes $given
		refused "hamtbench run: $expected"
	done <<-'END'
		--key-bytes 1 --keys 1M|--key-bytes 1 cannot name 1000000 keys: that takes at least 4
		--key-bytes 3..64 --keys 1M|--key-bytes 3..64 cannot name 1000000 keys: that takes at least 4
		--key-bytes 16..|--key-bytes: '16..': wanted are 1 to 65536 bytes, as N or MIN..MAX
		--key-bytes 9..4|--key-bytes: '9..4': wanted are 1 to 65536 bytes, as N or MIN..MAX
		--key-bytes 0|--key-bytes: '0': wanted are 1 to 65536 bytes, as N or MIN..MAX
		--key-shape square|--key-shape: 'square' is not known; there are random, path
		--value-bytes 7|--value-bytes: '7' is too small: it is at least 8
	END
	quick --subject mutex-bytes --value-bytes 16Mi --keys 200M --key-bytes 8
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench run: --value-bytes 16777216: 100000000 keys and values, 16777224 bytes each, do not fit into "* ]]
	quick --subject mutex --value-bytes 64
	refused "hamtbench run: --value-bytes: no such option; it was looked for in run, workload mixed, subject mutex"
	quick --subject mutex-bytes --workload "$PLUGINS/nameless.so"
	refused "hamtbench run: workload nameless: its plan says that keys have names, but its hook names is NULL"
	quick --subject mutex-bytes --workload "$PLUGINS/named.so" --key-bytes 16
	refused "hamtbench run: --key-bytes: workload named names its keys itself"
	quick --subject mutex-bytes --workload "$PLUGINS/named.so" --key-shape path
	refused "hamtbench run: --key-shape: workload named names its keys itself"
	[ ! -e results ]
}

@test "byte strings: every load, batches, scans and stalls among them, is valid on the map of byte strings" {
	quick --subject hamt-bytes --key-bytes 8..40 --keys 1K --value-bytes 41 --key-shape path --format csv --batch 50 \
		--mix get=30,insert=15,upsert=10,remove=15,replace=10,modify=10,get_many=5,scan=5 --threads 2
	[ "$status" -eq 0 ]
	quick --subject hamt-bytes --workload load --keys 10K --reclaim ebr --reclaim qsbr --reclaim he --reclaim none --format csv
	[ "$status" -eq 0 ]
	[ "$(column subject <<<"$output" | sort | tr '\n' ' ')" = "hamt-bytes-ebr hamt-bytes-he hamt-bytes-none hamt-bytes-qsbr " ]
	hamtbench run --quiet --duration 20ms --warmup 1ms --trials 1 --threads 2 --subject hamt-bytes --workload stall \
		--stalled 1 --stall 5ms --every 10ms --keys 1K
	[ "$status" -eq 0 ]
	quick --subject hamt-bytes,mutex-bytes --workload "$PLUGINS/named.so"
	[ "$status" -eq 0 ]
}

@test "byte strings: sizes belong to the trial, given or not" {
	quick --subject mutex-bytes,null-bytes --keys 1K --key-bytes 16 --key-bytes 8..40 --value-bytes 8,77 \
		--mix get=40,insert=20,upsert=10,remove=20,replace=5,modify=5 --format csv
	[ "$status" -eq 0 ]
	[ "$(grep -c '""key-bytes"":""8..40"",""key-shape"":""random""' <<<"$output")" -eq 4 ]
	[ "$(grep -c '""value-bytes"":77' <<<"$output")" -eq 4 ]
	# What a default stands at is the same point.
	quick --subject mutex-bytes --keys 1K
	quick --subject mutex-bytes --keys 1K --key-bytes 16 --key-shape random --value-bytes 32 --resume
	[[ "$output" == *" 1/1"*"1 trial in "* ]]
	# The workload's own names are nobody's size.
	quick --subject mutex-bytes,mutex,null-bytes --workload "$PLUGINS/named.so" --format csv
	[ "$status" -eq 0 ]
	[ "$(grep -c '""key-bytes"":null,""key-shape"":null' <<<"$output")" -eq 2 ]
}

@test "plug-ins that break the contract are refused" {
	quick --subject "$PLUGINS/other-version.so"
	refused "hamtbench run: --subject: $PLUGINS/other-version.so: it speaks plug-in version 10, this hamtbench 4"
	quick --subject "$PLUGINS/no-destroy.so"
	refused "hamtbench run: --subject: $PLUGINS/no-destroy.so: its hook destroy is NULL, but required"
	quick --workload "$PLUGINS/sound.so" --subject null
	refused "hamtbench run: --workload: $PLUGINS/sound.so: no hamtbench_workload in it; it is a subject"
	quick --subject "$PLUGINS/clashing.so"
	refused "hamtbench run: --threads: it is a number for run and a text for subject clashing"
	quick --subject "$PLUGINS/lettered.so"
	refused "hamtbench run: -t: it is --threads for run and --tint for subject lettered"
	quick --workload "$PLUGINS/bad-plan.so" --subject null
	refused "hamtbench run: workload bad-plan: it plans to fill in 11 of 10 keys"
	# Two lines from a plug-in are still one line.
	quick --workload "$PLUGINS/refusing.so" --subject null
	refused "hamtbench run: workload refusing: it never?runs"
	quick --subject "$PLUGINS/no-upsert.so" --mix get=50,upsert=50
	refused "hamtbench run: subject no-upsert cannot upsert, which workload mixed needs"
	quick --subject "$PLUGINS/sound.so" --mix get=50,get_many=50
	refused "hamtbench run: subject sound cannot get_many, which workload mixed needs"
	quick --subject mutex --workload load --keys 1K --batch 32
	refused "hamtbench run: subject mutex cannot extend, which workload load needs for a batch"
	quick --subject "$PLUGINS/sound.so" --mix scan=100
	refused "hamtbench run: subject sound cannot scan, which workload mixed needs"
	HAMTBENCH_PLUGINS=/no/such quick
	refused "hamtbench run: --subject: HAMTBENCH_PLUGINS: '/no/such' is no folder"
	[ ! -e results ]
}

@test "a load whose stalls or deaths would come after the end is refused, and said to be so where nobody chose" {
	hamtbench run --subject hamt --threads 2 --workload die --every 10s --duration 50ms --no-db
	refused "hamtbench run: --every 10s is not less than --duration 50ms: no thread ends in workload die"
	hamtbench run --subject hamt --threads 2 --workload stall --every 50ms --duration 50ms --no-db --dry-run
	refused "hamtbench run: --every 50ms is not less than --duration 50ms: no thread is stalled in workload stall"
	hamtbench run --subject hamt --threads 2 --workload stall --duration 20ms --no-db --dry-run
	[ "$status" -eq 0 ]
	[ "$stderr" = "hamtbench run: warning: --every 200ms is not less than --duration 20ms: no thread is stalled in workload stall" ]
	hamtbench run --subject hamt --threads 2 --workload stall --duration 300ms --no-db --dry-run
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}

@test "a clock that does not exist is refused" {
	HAMTBENCH_CLOCK=sundial quick --subject null
	[[ "$stderr" == "hamtbench run: "*sundial* ]]
	refused "$stderr"
}

# ---- Results files -------------------------------------------------------------

@test "a file that is no results file is refused and stays as it was" {
	echo "a text" >text
	quick --subject null --db text
	[[ "$stderr" == "hamtbench run: text: "*"not a database"* ]]
	refused "$stderr"
	[ "$(cat text)" = "a text" ]
	hamtbench export --db text
	[[ "$stderr" == "hamtbench export: text: "*"not a database"* ]]
	refused "$stderr"
	quick --subject null --db .
	[[ "$stderr" == "hamtbench run: .: "* ]]
	refused "$stderr"
	hamtbench export --db none.db
	[[ "$stderr" == "hamtbench export: none.db: "* ]]
	refused "$stderr"
	[ ! -e none.db ]
}

@test "a newer schema and somebody else's database are refused untouched" {
	quick --subject null --db good.db
	[ "$status" -eq 0 ]
	cp good.db newer.db
	patch newer.db 60 '\0\0\0\11'
	cp good.db foreign.db
	patch foreign.db 68 '\1\2\3\4'
	cp newer.db newer.copy
	cp foreign.db foreign.copy
	quick --subject null --db newer.db
	[[ "$stderr" == "hamtbench run: newer.db: "*"schema 9"*"up to 5"* ]]
	refused "$stderr"
	hamtbench export --db newer.db
	[[ "$stderr" == "hamtbench export: newer.db: "*"schema 9"* ]]
	refused "$stderr"
	quick --subject null --db foreign.db
	[[ "$stderr" == "hamtbench run: foreign.db: "* ]]
	refused "$stderr"
	cmp newer.db newer.copy
	cmp foreign.db foreign.copy
}

@test "a read-only results file is refused before anything is measured" {
	need_mounts
	mkdir -p disk
	run --separate-stderr timeout 10 unshare -rm sh -c "mount -t tmpfs none disk &&
		'$HAMTBENCH' run $QUICK --subject null --db disk/r.db >/dev/null &&
		mount -o remount,ro disk &&
		'$HAMTBENCH' run --quiet --subject null --duration 20s --db disk/r.db"
	[[ "$stderr" == "hamtbench run: disk/r.db: "* ]]
	refused "$stderr"
}

@test "a full disk ends the run with one line; what was kept can be read" {
	need_mounts
	run --separate-stderr in_small_disk 300k "
		'$HAMTBENCH' run --quiet --duration 20ms --warmup 1ms --trials 500 --threads 1 --subject null \
			--latency-sample 0 --sample-interval 100us --format csv --db disk/r.db >rows 2>said
		echo \$?
		'$HAMTBENCH' export --db disk/r.db >kept && echo read"
	printf '%s\n' "$output" "$stderr" "$(cat said)"
	[ "${lines[0]}" = 2 ]
	[ "${lines[1]}" = read ]
	[ "$(wc -l <said)" -eq 1 ]
	[[ "$(cat said)" == "hamtbench run: disk/r.db: "* ]]
	# Every row that was printed is in the file.
	[ "$(wc -l <rows)" -gt 1 ]
	[ "$(wc -l <kept)" -eq "$(wc -l <rows)" ]
}

# ---- Standard output -------------------------------------------------------------

@test "standard output that is full ends the run with one line and keeps the trial" {
	run --separate-stderr sh -c "'$HAMTBENCH' run $QUICK --subject null --format csv >/dev/full"
	[[ "$stderr" == "hamtbench run: standard output: "*"No space left on device" ]]
	refused "$stderr"
	run --separate-stderr sh -c "'$HAMTBENCH' run $QUICK --subject null >/dev/full"
	refused "hamtbench run: standard output: No space left on device"
	[ "$("$HAMTBENCH" export | wc -l)" -eq 2 ]
	run --separate-stderr sh -c "'$HAMTBENCH' list >/dev/full"
	refused "hamtbench list: standard output: No space left on device"
	run --separate-stderr sh -c "'$HAMTBENCH' export >/dev/full"
	[[ "$stderr" == "hamtbench export: "*"No space left on device" ]]
	refused "$stderr"
}

@test "a reader that goes away ends the run quietly, with what was measured kept" {
	# shellcheck disable=SC2086 # words
	"$HAMTBENCH" run --quiet --duration 20ms --warmup 1ms --trials 500 -t 1 --subject null --format csv 2>said | head -n 3
	[ ! -s said ]
	rows=$("$HAMTBENCH" export | wc -l)
	[ "$rows" -ge 3 ]
	[ "$rows" -lt 500 ]
}

# ---- Wrong maps --------------------------------------------------------------------

@test "a map that loses a key makes it exit 1, and the others are still measured" {
	quick --subject null --subject "$PLUGINS/lossy.so" --keys 1K --format csv
	echo "$output$stderr"
	[ "$status" -eq 1 ]
	[[ "$stderr" == "hamtbench run: trial "*" of 2 (lossy mixed 1 thread uniform get=90,insert=5,remove=5): not valid: "* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "$(echo "$output" | column subject | sort | tr '\n' ' ')" = "lossy null " ]
	[ "$(echo "$output" | sed -n '/^lossy/p;1p' | column valid)" = 0 ]
	[ "$(echo "$output" | sed -n '/^null/p;1p' | column valid)" = 1 ]
}

@test "every planted defect is found, and the sound map has none" {
	local name said
	while IFS='|' read -r name said; do
		quick --subject "$PLUGINS/$name.so" --keys 1K --no-db
		echo "$name: status $status, $stderr"
		[ "$status" -eq 1 ]
		[[ "$stderr" == *"($name mixed 1 thread"*"$said"* ]]
	done <<-'TABLE'
		wrong-value|values returned do not belong to their keys
		leaking|not valid: after the map was destroyed
		unsound|not valid: structure check: planted: the structure is unsound
		no-memory|operations found no memory
		no-create|could not run: no map today
	TABLE
	quick --subject "$PLUGINS/sound.so" --keys 1K --no-db
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}

@test "the watchdog ends a hung run and names the thread and the operation" {
	run --separate-stderr timeout 20 "$HAMTBENCH" run --quiet --subject "$PLUGINS/sound.so" \
		--subject "$PLUGINS/hanging.so" --workload load --keys 1K --trials 1 --threads 2 --order given \
		--watchdog 300ms --format csv
	echo "$output$stderr"
	[ "$status" -eq 1 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ "$stderr" == *hanging*"thread "[01]*insert* ]]
	# The trial before it is on standard output and in the file.
	[ "$(echo "$output" | column subject)" = sound ]
	[ "$("$HAMTBENCH" export | column subject)" = sound ]
}

@test "a map that ends the process is named, and what is kept is said" {
	quick --subject "$PLUGINS/sound.so" --subject "$PLUGINS/exiting.so" --order given --format csv
	echo "$output$stderr"
	[ "$status" -eq 1 ]
	[ "$stderr" = "hamtbench: exit() was called in subject exiting, workload mixed, 1 threads: the run ends; finished trials are kept" ]
	[ "$(column subject <<<"$output")" = sound ]
	[ "$("$HAMTBENCH" export | column subject)" = sound ]
	quick --subject "$PLUGINS/exiting.so" --no-db
	[ "$status" -eq 1 ]
	[ "$stderr" = "hamtbench: exit() was called in subject exiting, workload mixed, 1 threads: the run ends" ]
	# bash has a word of its own about a crash.
	quick --subject "$PLUGINS/crashing.so" --no-db
	[ "$status" -eq 134 ]
	grep -qx "hamtbench: crashed in subject crashing, workload mixed, 1 threads" <<<"$stderr"
	quick --subject "$PLUGINS/crashing.so"
	grep -qx "hamtbench: crashed in subject crashing, workload mixed, 1 threads; finished trials are kept" <<<"$stderr"
	hamtbench run --help
	[[ "$output" == *"128 + N a map crashed"* ]]
}

# ---- Interrupted -------------------------------------------------------------------

# interrupted SIGNAL - a long run, ended by a signal after at least two trials.
interrupted() {
	env --default-signal=INT "$HAMTBENCH" run --quiet --duration 20ms --warmup 1ms --trials 10000 -t 1 \
		--subject null --format "$2" >rows 2>said &
	local pid=$!
	eventually lines_reach rows 3
	kill -s "$1" "$pid"
	status=0
	wait "$pid" || status=$?
	cat said
	[ "$status" -eq 130 ]
	kept=$("$HAMTBENCH" export --series last | sed 1d | wc -l)
	[ "$(cat said)" = "hamtbench run: interrupted: $kept of 10000 trials kept in results/results.db (series $3)" ]
}

@test "Ctrl-C keeps the finished trials and says so" {
	interrupted INT csv 1
	[ "$(sed 1d rows | wc -l)" -eq "$kept" ]
	column valid <rows | each_line 1
	interrupted TERM csv 2
	[ "$(sed 1d rows | wc -l)" -eq "$kept" ]
}

@test "Ctrl-C leaves whole JSON" {
	interrupted INT json 1
	[ "$(grep -c '"subject":"null"' rows)" -eq "$kept" ] ||
		[ "$(grep -o '"subject": *"null"' rows | wc -l)" -eq "$kept" ]
	[ "$(tr -d '[:space:]' <rows | tail -c 2)" = "]}" ]
}

@test "a second Ctrl-C is deadly" {
	env --default-signal=INT "$HAMTBENCH" run --quiet --subject "$PLUGINS/hanging.so" --workload load --keys 1K \
		--trials 1 -t 1 --watchdog 60s --no-db --format csv >rows &
	pid=$!
	# The header: signals are caught by now. Soon after it the one thread hangs.
	eventually lines_reach rows 1
	sleep 1
	kill -INT "$pid"
	sleep 1
	kill -0 "$pid"
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 130 ]
}

# ---- What a run gives ----------------------------------------------------------------

@test "the CSV has the columns, and every trial is valid" {
	hamtbench run --quiet --subject null,roofline,mutex --workload mixed --threads 1,2 --mix get=90,insert=5,remove=5 \
		--keys 20K --dist zipf:0.99 --duration 20ms --warmup 1ms --trials 2 --format csv
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ "${lines[0]}" == "subject,workload,threads,keys,dist,mix,trial,elapsed_s,ops,mops,hit_ratio,get_p50_ns,get_p99_ns,get_p999_ns,get_max_ns,update_p50_ns,update_p99_ns,update_p999_ns,update_max_ns,retired,freed,pending_peak,reclaim_p50_ns,reclaim_p99_ns,reclaim_max_ns,rss_bytes,valid,"* ]]
	[ "${#lines[@]}" -eq 13 ]
	echo "$output" | column valid | each_line 1
	echo "$output" | column keys | each_line 20000
	[ "$(echo "$output" | column position | tr '\n' ' ')" = "0 1 2 3 4 5 6 7 8 9 10 11 " ]
	# What was printed is what was kept.
	[ "$("$HAMTBENCH" export --series 1)" = "$output" ]
}

@test "every subject that is built gives valid trials under every workload" {
	quick --workload mixed,load,growth --keys 2K --shrink --format csv
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	echo "$output" | column valid | each_line 1
}

@test "without a name, subjects that cannot do a workload are left out; a named one is refused" {
	quick --workload cas,load --keys 1K --format csv
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	echo "$output" | column valid | each_line 1
	[[ "$output" == *cas-stack,cas,* && "$output" == *cas-word,cas,* && "$output" != *cas-word,load,* ]]
	quick --workload load --subject hamt,cas-word --keys 1K
	refused "hamtbench run: subject cas-word cannot insert, which workload load needs"
	quick --workload load --subject cas-queue --keys 1K
	refused "hamtbench run: subject cas-queue is a pool, which takes out whatever comes; workload load asks for keys"
}

@test "the table ends with how to get at the results" {
	quick --subject null,roofline --keys 1K
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"mixed  get=90,insert=5,remove=5  uniform  1K keys"* ]]
	[[ "$output" == *"harness overhead (subject null, 1 thread): "*" ns per operation (uniform)"* ]]
	[ "${lines[-1]}" = "2 trials in results/results.db, series 1; as CSV: hamtbench export --db results/results.db --series 1" ]
	hamtbench export --db results/results.db --series 1
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "exports: each kind has rows, and only trials are JSON" {
	quick --subject mutex --workload load --keys 50K
	[ "$status" -eq 0 ]
	for what in trials points histograms samples threads phases; do
		hamtbench export --what "$what" --series last
		echo "$what: ${#lines[@]} lines"
		[ "$status" -eq 0 ]
		[ "${#lines[@]}" -ge 2 ]
	done
	hamtbench export --format json
	[ "$status" -eq 0 ]
	[[ "$output" == *'"phases"'* ]]
	hamtbench export --format json --what points
	refused "hamtbench export: --format json is for --what trials only"
	hamtbench export --series 9
	[[ "$stderr" == "hamtbench export: "*9* ]]
	refused "$stderr"
	hamtbench export --series zero
	refused "hamtbench export: --series: 'zero' is no series; wanted is a number from 1 up, last or all"
}

@test "options given several times are axes, with synchrobench's letters too" {
	hamtbench run --subject null,striped -t 1,2 -r 1K -u 0,20 --stripes 1 --stripes 4 --dry-run
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "12 points, 3 trials each: 36 trials, at least 40 s (prefill not counted)" ]
	[ "${lines[1]}" = "null mixed 1 thread uniform get=100 update=0" ]
	[ "${lines[3]}" = "striped mixed 1 thread uniform get=100 stripes=4 update=0" ]
	[ "${#lines[@]}" -eq 13 ]
	[ ! -e results ]
	quick --subject striped -r 1K -i 10 -S 7 --stripes 1 --stripes 4 --format csv
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	echo "$output" | column seed | each_line 7
	[[ "$output" == *'""stripes"":4'* ]]
	[[ "$output" == *'""prefill"":10'* ]]
}

@test "threads may have roles: points of their own, recorded, resumed and refused where there are none" {
	form="must be numbers such as 1,2,4, or readers=R,writers=W with at least one of each and at most 16384 together"
	for bad in readers=1 readers=0,writers=1 1,readers=1,writers=1 readers=1,readers=2 readers=16384,writers=1 readers=1,writers=; do
		quiet_roles --threads "$bad"
		refused "hamtbench run: --threads: '$bad' $form"
	done
	quiet_roles --threads readers=1,writers=2 --threads writers=2,readers=1
	refused "hamtbench run: --threads: 'writers=2,readers=1' is given twice"
	quiet_roles --threads readers=1,writers=1 --workload load
	refused "hamtbench run: --threads: workload load has no readers and writers: all its threads do the same"

	quiet_roles --threads 1,2 --threads readers=1,writers=1 --order given
	[ "$status" -eq 0 ]
	[[ $output == *"by role:"*"readers Mops/s"* ]]
	[[ $output == *"get=100|insert=50,remove=50  uniform  1K keys  readers=1,writers=1"* ]]
	before=$("$HAMTBENCH" export --db r.db --what trials | wc -l)
	quiet_roles --threads 1,2 --threads readers=1,writers=1 --order given --resume
	[ "$status" -eq 0 ]
	[ "$("$HAMTBENCH" export --db r.db --what trials | wc -l)" -eq "$before" ]
	# The same number of threads without roles is another point.
	"$HAMTBENCH" export --db r.db --what points >points.csv
	[ "$(wc -l <points.csv)" -eq 4 ]
	[ "$(grep -c 'readers=1,writers=1' points.csv)" -eq 1 ]
	"$HAMTBENCH" report --db r.db --out r.html
	grep -q -- '--threads readers=1,writers=1 --trials' r.html
	if grep -q -- '--roles' r.html; then return 1; fi
}

@test "the order is random but repeats with its seed, or is as given" {
	order() {
		# shellcheck disable=SC2086 # words
		"$HAMTBENCH" run $QUICK --no-db --format csv --subject null --keys 1,2,3,4,5,6,7,8 "$@" | column keys | tr '\n' ' '
	}
	first=$(order --seed 5)
	[ "$first" = "$(order --seed 5)" ]
	[ "$first" != "$(order --seed 6)" ]
	[ "$(order --order given)" = "1 2 3 4 5 6 7 8 " ]
}

@test "progress: one line rewritten on a terminal, none when quiet, rows stay whole" {
	# script(1) gives it a terminal for standard error.
	script -qec true /dev/null >/dev/null 2>&1 || skip "no pseudo-terminal can be had here"
	script -qec "'$HAMTBENCH' run --duration 300ms --warmup 1ms --trials 2 -t 1 --subject null --noise off --format csv >rows" said
	# How far, how long, how noisy, what, how fast, which.
	grep -q $'\033\[K1/2 (50 %), [0-9]* s left, [a-z0-9 ]*: [a-z-]*[0-9 %]*, \(.* Mops/s, \)*null mixed 1 thread' said
	[ "$(wc -l <rows)" -eq 3 ]
	[ "$(grep -c $'\033' rows)" -eq 0 ]
	script -qec "'$HAMTBENCH' run --duration 100ms --warmup 1ms --trials 1 -t 1 --subject null --noise off --quiet --format csv >rows" said
	run ! grep -q 'left,' said
	[ "$(wc -l <rows)" -eq 2 ]
	# Elsewhere there is nothing to rewrite: a short run says nothing.
	hamtbench run --duration 20ms --warmup 1ms --trials 2 -t 1 --subject null
	[[ "$stderr" != *left,* ]]
}

@test "every subject runs under every level of statistics, and says what it does not know" {
	local level known
	for level in off counters sampled full; do
		hamtbench run --no-db --format csv --duration 20ms --warmup 1ms --trials 1 -t 2 --mix get=100 --smr-stats "$level"
		[ "$status" -eq 0 ]
		[ "${#lines[@]}" -ge 6 ]
		# This mix has no comma in it, nor has anything before the last of these columns.
		known=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
			{ print ($at["retired"] != "") + ($at["pending_peak"] != "") }' <<<"$output" | sort -u)
		[ "$known" = "$([ "$level" = off ] && echo 0 || echo 2)" ]
	done
}

@test "levels of statistics: all trials at the first, a third at the others, and what they cost" {
	hamtbench run --no-db --duration 20ms --warmup 1ms --trials 4 -t 1 --subject hamt --dry-run \
		--smr-stats counters --smr-stats sampled --smr-stats full
	[[ "${lines[0]}" == "3 points, 4 trials each, a third at further levels: 8 trials, "* ]]
	hamtbench run --no-db --duration 20ms --warmup 1ms --trials 4 -t 1 --subject hamt --mix insert=50,remove=50 \
		--smr-stats counters --smr-stats sampled
	[ "$status" -eq 0 ]
	# One row, with the trials of the first level.
	[ "$(grep -c '^  hamt .* 4/4$' <<<"$output")" -eq 1 ]
	[ "$(grep -c '^  hamt .* 2/2$' <<<"$output")" -eq 0 ]
	grep -q '^  reclamation: threads' <<<"$output"
	grep -q '^cost of --smr-stats sampled: .* % of the throughput at counters (median of 1 point; ' <<<"$output"
}

@test "the record names the reclaimer that was asked for" {
	hamtbench run --no-db --format csv --duration 10ms --warmup 1ms --trials 1 -t 1 --subject seed,mutex \
		--reclaim hp-fence:threshold=64
	[ "$status" -eq 0 ]
	[[ "$output" == *hp-fence:threshold=64* ]]
	[[ "$(grep '^mutex' <<<"$output")" != *,hp-fence* ]]
}

@test "--reclaim measures the build that has the scheme" {
	local map scheme
	hamtbench run --no-db --format csv --duration 10ms --warmup 1ms --trials 1 -t 2 --keys 1K --subject hamt,seed \
		--mix get=50,insert=25,remove=25 --reclaim hp --reclaim hp-fence --reclaim ebr:batch=8,free=2 \
		--reclaim qsbr:interval=4 --reclaim he:frequency=16 --reclaim none
	[ "$status" -eq 0 ]
	for map in hamt seed; do
		for scheme in ebr:batch=8,free=2 qsbr:interval=4 he:frequency=16 none; do
			grep "^$map-${scheme%%:*}," <<<"$output" | grep -q "[,\"]${scheme}[,\"]"
		done
		[ "$(grep -c "^$map," <<<"$output")" -eq 2 ]
	done
	# The same, named by the plug-in.
	hamtbench run --no-db --format csv --duration 10ms --warmup 1ms --trials 1 -t 1 --keys 1K --subject hamt-ebr,seed-qsbr
	[ "$status" -eq 0 ]
	grep '^hamt-ebr,' <<<"$output" | grep -q ,ebr,
	grep '^seed-qsbr,' <<<"$output" | grep -q ,qsbr,
}

@test "--reclaim refuses what no scheme has, in one line" {
	local word
	for word in foo ebr:interval=3 qsbr:interval= he:free=1 none:batch=1 hp:threshold=99999999999 "ebr:batch=1,"; do
		hamtbench run --dry-run --subject hamt --reclaim "$word"
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ "$stderr" == *"--reclaim: '$word'"* ]]
	done
	hamtbench run --dry-run --subject hamt-ebr --reclaim hp
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"'hp' must be one of ebr ebr-fence"* ]]
}

# ---- The other commands ----------------------------------------------------------------

@test "every command has help, on standard output" {
	local words
	for words in --help "run --help" "run --subject mutex --help" "list --help" "export -h" "topo --help"; do
		# shellcheck disable=SC2086 # words
		hamtbench $words
		[ "$status" -eq 0 ]
		[[ "$output" == "Usage: hamtbench"* ]]
		[ -z "$stderr" ]
	done
	hamtbench run --subject striped --help
	[[ "$output" == *"--stripes=N"*"(default 256)"* ]]
	hamtbench --version
	[ "$status" -eq 0 ]
	[[ "$output" == "hamtbench "*"plug-in version 4" ]]
}

@test "list names what there is, what is not built, and what is broken" {
	hamtbench list
	[ "$status" -eq 0 ]
	[[ "$output" == *roofline*mixed*"--prefill=N"*zipf:THETA*core-first*pending_peak* ]]
	hamtbench list distributions policies
	[[ "$output" == *uniform* && "$output" != *roofline* ]]
	hamtbench list backoff
	[[ "$output" == *none*constant:WAIT_NS*exp:THRESHOLD,C,M*ts:CONC*mcs:THRESHOLD*ab:THRESHOLD*seed-literal*default* ]]
	hamtbench list nonsense
	refused "hamtbench list: 'nonsense' is no list; there are subjects, workloads, operations, distributions, policies, backoff, reclaim, columns, axes"
	mkdir -p own/subjects
	cp "$PLUGINS/sound.so" "$PLUGINS/other-version.so" own/subjects
	echo 'tbb install libtbb-dev g++' >own/subjects/tbb.missing
	HAMTBENCH_PLUGINS=own hamtbench list subjects
	[ "$status" -eq 2 ]
	[[ "$output" == *sound*tbb*"not built: install libtbb-dev g++"* ]]
	[ "$stderr" = "hamtbench list: own/subjects/other-version.so: it speaks plug-in version 10, this hamtbench 4" ]
}

@test "ck-ht: list marks it, trials in which it doubles keys are not valid, others are" {
	[ -e "$(dirname "$HAMTBENCH")/subjects/ck-ht.so" ] || skip "libck-dev is not installed"
	hamtbench list subjects
	[[ "$(tr -s ' \n' ' ' <<<"$output")" == *" ck-ht Concurrency Kit"*"KNOWN TO BE WRONG: measured only if named"* ]]
	[[ "$(dpkg-query -W -f '${Version}' libck-dev 2>/dev/null)" == 0.7.1-* ]] || skip "libck-dev is another version"
	set -- --subject ck-ht --no-db --noise off --keys 1K --duration 50ms --warmup 1ms --trials 1 --threads 1
	hamtbench run "$@" --mix get=50,insert=25,remove=25
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"not valid: "*" keys are in the map more than once"* ]]
	hamtbench run "$@" --mix get=50,insert=25,replace=25
	[ "$status" -eq 0 ]
}

@test "topo shows where threads would go on any machine" {
	hamtbench topo --topology 'pack:2 [numa] l3:8 core:8 pu:2' --pin core-first --threads 2,130
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "described machine: 2 packages, 128 cores, 256 processors (256 allowed), 2 NUMA nodes, SMT"* ]]
	[ "${#lines[@]}" -eq 137 ]
	hamtbench topo --pin 0
	[ "$status" -eq 0 ]
	[[ "$output" == *"1 thread, pin 0:"* ]]
	hamtbench topo --pin none
	[[ "$output" == *"anywhere: the scheduler decides"* ]]
	hamtbench topo --pin nonsense
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench topo: --pin: "*nonsense* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	hamtbench topo --topology 'nonsense:3'
	[[ "$stderr" == "hamtbench topo: --topology: "*nonsense* ]]
	refused "$stderr"
}

# ---- Going on ------------------------------------------------------------------

@test "kill -9 at 20 random moments of a sweep: resumed, it has every trial once and nothing is lost" {
	local seed=${CHECK_SEED:-7} cut=0 turn said series
	RANDOM=$seed
	sweep() {
		exec "$HAMTBENCH" run --subject null,roofline --threads 1,2 --mix get=100 --mix get=50,insert=25,remove=25 \
			--keys 1K --duration 20ms --warmup 1ms --trials 20 --repeats 0 --pin none --resume --quiet --format csv --db s.db
	}
	for turn in $(seq 20); do
		echo "# turn $turn, CHECK_SEED=$seed"
		sweep >"printed.$turn" &
		sleep 0.$((RANDOM % 200 + 100))
		kill -9 $! || true
		said=0
		wait $! || said=$?
		if [ "$said" = 137 ]; then
			cut=$((cut + 1))
			# The very first may have died before its series began.
			[ ! -s "printed.$turn" ] || series=$("$HAMTBENCH" export --db s.db --what series)
			[ ! -s "printed.$turn" ] || [ "$(echo "$series" | column state)" = interrupted ]
		fi
	done
	echo "# $cut of 20 kills met a sweep under way"
	[ $cut -gt 10 ]
	(sweep >printed.last)
	"$HAMTBENCH" export --db s.db >all
	[ "$(wc -l <all)" -eq 161 ]
	[ "$(column position <all | sort -n | uniq | wc -l)" -eq 160 ]
	sed 's/"[^"]*"/Q/g' all | awk -F, 'NR > 1 { if (seen[$1, $3, $6, $7]++) exit 1 }'
	"$HAMTBENCH" export --db s.db --what series >kept.csv
	[ "$(wc -l <kept.csv)" -eq 2 ]
	[ "$(column state <kept.csv)" = complete ]
	[ "$(column trials <kept.csv)" = 160 ]
	# Whole lines that were printed by whichever process, killed or not, are in the file, as they were printed.
	cat printed.* | grep -v '^subject,' | grep -E ',[0-9a-f]{32}$' >lines
	[ "$(wc -l <lines)" -gt 20 ]
	run grep -vxFf all lines
	[ "$status" -eq 1 ]
}

@test "a series is resumed only with its own options and environment, and by one process" {
	local options='run --subject null,roofline --duration 20ms --warmup 1ms --threads 1 --repeats 0 --pin none --db r.db --resume'
	# shellcheck disable=SC2086 # words
	hamtbench $options --trials 2
	[ "$status" -eq 0 ]
	[[ "$output" == *"4 trials in r.db, series 1;"* ]]
	# Nothing is missing: nothing is measured, and the table is the same.
	# shellcheck disable=SC2086 # words
	hamtbench $options --trials 2 --format csv
	[ "$status" -eq 0 ]
	[ "$(echo "$output" | wc -l)" -eq 1 ]
	# More trials are what is missing; another order is still the same series.
	# shellcheck disable=SC2086 # words
	hamtbench $options --trials 3 --order given
	[[ "$output" == *"6 trials in r.db, series 1;"* ]]
	# Whatever moves a figure is another series.
	# shellcheck disable=SC2086 # words
	hamtbench $options --trials 2 --seed 5
	[[ "$output" == *"4 trials in r.db, series 2;"* ]]
	# shellcheck disable=SC2086 # words
	HAMTBENCH_CLOCK=monotonic hamtbench $options --trials 2
	[[ "$output" == *"4 trials in r.db, series 3;"* ]]
	[[ "$stderr" == *"series 1 has these options, but another environment (clock.name differs): a new series begins"* ]]
	"$HAMTBENCH" export --db r.db >all
	[ "$(awk -F, 'NR > 1' all | wc -l)" -eq 14 ]
	# A trial that was lost is found missing, whichever it is.
	sqlite3 r.db "DELETE FROM sample WHERE trial_id = 3; DELETE FROM thread WHERE trial_id = 3;
		DELETE FROM histogram_summary WHERE trial_id = 3; DELETE FROM histogram WHERE trial_id = 3;
		DELETE FROM trial WHERE id = 3" || skip "sqlite3 is not installed"
	# shellcheck disable=SC2086 # words
	hamtbench $options --trials 3 --format csv
	[ "$(echo "$output" | wc -l)" -eq 2 ]
}

# ---- Merging -------------------------------------------------------------------

@test "files merge into one; what is no results file costs nothing" {
	quick --subject null,roofline --db a.db
	quick --subject seed --db b.db
	hamtbench merge all.db a.db b.db
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "a.db: 1 series and 2 trials added, 0 trials were there already" ]
	[ "${lines[1]}" = "b.db: 1 series and 1 trials added, 0 trials were there already" ]
	"$HAMTBENCH" export --db a.db | sed 1d >one
	"$HAMTBENCH" export --db b.db | sed 1d >two
	"$HAMTBENCH" export --db all.db | sed 1d >merged
	# But for its own number in the file a trial is what it was: series and trial_id stand before the last comma.
	cut_numbers() { sed 's/,[0-9]*,[0-9]*,\([0-9a-f]\{32\}\)$/,\1/' "$@"; }
	diff <(cut_numbers one two) <(cut_numbers merged)
	cp all.db before
	hamtbench merge all.db a.db
	[ "$output" = "a.db: 0 series and 0 trials added, 2 trials were there already" ]
	hamtbench merge all.db
	refused "hamtbench merge: wanted are the file to merge into and at least one more: merge OUT IN..."
	echo text >text
	hamtbench merge new.db a.db text
	refused "hamtbench merge: text: not a database"
	[ ! -e new.db ]
	hamtbench merge all.db none.db
	refused "hamtbench merge: none.db: no such file"
	hamtbench merge all.db all.db
	refused "hamtbench merge: all.db: cannot be merged into itself"
	hamtbench merge text a.db
	refused "hamtbench merge: text: not a database"
	[ "$(cat text)" = text ]
}

# ---- Noise, and when to stop -----------------------------------------------------

@test "--ci goes on until the interval is narrow, or the cap is reached, and numbers trials on" {
	# No interval without six of them, however wide it may be.
	hamtbench run --subject null --threads 1 --duration 5ms --warmup 1ms --trials 2 --noise off --quiet --db c.db --ci 100% \
		--max-trials 6
	[ "$status" -eq 0 ]
	[ "$("$HAMTBENCH" export --db c.db | column trial | tr '\n' ' ')" = "1 2 3 4 5 6 " ]
	# None is within a millionth: the cap. What is there already is not made again.
	hamtbench run --subject null --threads 1 --duration 5ms --warmup 1ms --trials 2 --noise off --quiet --db c.db \
		--ci 0.000001% --max-trials 9 --resume
	[ "$("$HAMTBENCH" export --db c.db | column trial | tr '\n' ' ')" = "1 2 3 4 5 6 7 8 9 " ]
	[ "$("$HAMTBENCH" export --db c.db | column position | tr '\n' ' ')" = "0 1 2 3 4 5 6 7 8 " ]
	# It ends at a look, 8 as a rule, of four; the interval is that of four looks, and says 95 %.
	hamtbench run --subject null --threads 1 --duration 5ms --warmup 1ms --trials 2 --noise off --quiet --db d.db --ci 100% \
		--max-trials 40
	[[ " 8 16 32 40 " == *" $("$HAMTBENCH" export --db d.db | column trial | wc -l) "* ]]
	"$HAMTBENCH" export --db d.db --what points >of_points
	[ "$(column looks <of_points)" = 4 ]
	[ "$(column mops_coverage <of_points)" = 0.95 ]
	# What did not become that narrow is counted; what did is not spoken of.
	hamtbench run --subject null --threads 1,2 --duration 2ms --warmup 1ms --noise off --no-db --pin none --ci 0.000001% --max-trials 6
	[ "$status" -eq 0 ]
	[[ "$output" == *$'\n2 of 2 points are not within --ci 0.000001% after 6 trials (--max-trials)\n'* ]]
	[[ "$stderr" == *"hamtbench run: warning: 2 of 2 points are not within --ci 0.000001% after 6 trials (--max-trials)" ]]
	hamtbench run --subject null --threads 1 --duration 2ms --warmup 1ms --noise off --no-db --pin none --ci 100% --max-trials 6
	[[ "$output$stderr" != *"not within"* ]]
}

@test "a trial that others disturb is repeated, recorded as such, and counted" {
	# The least limit, so that anything that runs beside it is too much.
	(while :; do :; done) 3>&- &
	local other=$!
	hamtbench run --subject null --threads 1 --duration 250ms --warmup 1ms --trials 2 --noise 0.001% --repeats 1 \
		--db n.db --format table
	kill $other
	"$HAMTBENCH" export --db n.db >all
	[ "$(column trial <all | wc -l)" -eq 3 ]
	[ "$(column disturbed <all | sort -u)" = 1 ]
	[[ "$output" == *"3 of 3 trials were disturbed by others on this machine (--noise 0.001%, 4.001 % in trials of 250 ms: the kernel counts in ticks of 10 ms); 1 repeated"* ]]
	"$HAMTBENCH" export --db n.db --what points >of_points
	[ "$(column noisy <of_points)" = 1 ]
	[ "$(column used <of_points)" = 3 ]
}

@test "run: an open loop has its own table, and points by rate" {
	run --separate-stderr "$HAMTBENCH" run --subject null --threads 1 --keys 1K --rate 1K,2K --duration 20ms --warmup 0ms \
		--trials 1 --no-db --quiet
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[[ "$output" == *"service"*"response"* ]]
	[[ "$output" == *"rate=1000"* ]]
	[[ "$output" == *"rate=2000"* ]]
	run --separate-stderr "$HAMTBENCH" run --subject null --arrival even --no-db
	[ "$status" -eq 2 ]
	[ "$stderr" = "hamtbench run: --arrival: only together with --rate" ]
	run --separate-stderr "$HAMTBENCH" run --subject null --rate 0 --no-db
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"--rate"* ]]
}

# ---- Comparing -------------------------------------------------------------------

# planted FILE FACTOR - a copy of seven.db in which every trial is FACTOR as fast.
planted() {
	cp seven.db "$1"
	sqlite3 "$1" "UPDATE trial SET mops = mops * $2"
}

@test "compare finds a planted regression, spares a map held against itself, and exits accordingly" {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	hamtbench run --subject null,seed --mix get=100 --mix upsert=100 --keys 1K --trials 9 --threads 1 --duration 5ms --warmup 1ms \
		--noise off --quiet --db seven.db
	# Figures that are none of this machine's business: 100 and a little, in trial order.
	sqlite3 seven.db "UPDATE trial SET mops = 100 + trial * 0.1, disturbed = 0"
	planted slow.db 0.95
	planted same.db 1
	planted fast.db 1.2
	hamtbench compare seven.db same.db
	[ "$status" -eq 0 ]
	[[ "$output" == *"0 faster, 0 slower, 4 no difference shown, 0 too noisy"* ]]
	[[ "$output" == *" 96 % "*"no difference shown: with 95 % or more it is within 3 %"* ]]
	# Three of the nine: 90 %, and no word about a single point, though all of them together are the same.
	cp same.db three.db
	sqlite3 three.db "DELETE FROM trial WHERE trial > 3"
	hamtbench compare three.db three.db
	[ "$status" -eq 0 ]
	[[ "$output" == *" 90 % "*"0 no difference shown, 0 too noisy, 4 too few trials"*"4 a side are enough"* ]]
	[[ "$output" == *"All 4 points: B/A = 1.000, geometric mean"*"holds with 95 %)"*": no difference shown"* ]]
	hamtbench compare seven.db slow.db
	[ "$status" -eq 1 ]
	[[ "$output" == *"0 faster, 4 slower, 0 no"* ]]
	[[ "$output" == *"All 4 points: B/A = 0.950, geometric mean"*"B is slower"* ]]
	[[ "$output" == *"REGRESSION: slower by more than 3 %: 5 (of the points and their mean)" ]]
	# The slowest thread is as slow, and less of that is no improvement.
	sqlite3 seven.db "UPDATE trial SET thread_min_mops = mops"
	sqlite3 slow.db "UPDATE trial SET thread_min_mops = mops"
	hamtbench compare seven.db slow.db --metric thread_min_mops
	[ "$status" -eq 1 ]
	hamtbench compare slow.db seven.db --metric thread_min_mops
	[ "$status" -eq 0 ]
	hamtbench compare seven.db slow.db --fail-above 6%
	[ "$status" -eq 0 ]
	[[ "$output" == *"4 slower"* ]]
	hamtbench compare seven.db:1 fast.db:last
	[ "$status" -eq 0 ]
	[[ "$output" == *"4 faster"* ]]
	# Two subjects of one series; a file that is named on one side only.
	hamtbench compare --db seven.db @null @seed
	[ "$status" -eq 0 ]
	[[ "$output" == *"null : seed"* ]]
	hamtbench compare --db seven.db @seed@mix=get=100 slow.db@seed@mix=get=100
	[ "$status" -eq 1 ]
	[[ "$output" == *"All 1 points: B/A = 0.950"* ]]
	hamtbench compare --db seven.db --metric cpu_ns_per_op @seed @seed
	[ "$status" -eq 0 ]
	hamtbench compare --db seven.db @trial=1 @trial=2
	refused "hamtbench compare: A: no trial in seven.db, series last, has 'trial': that is no column to choose by, and no option of them"
	hamtbench compare --db seven.db @seed @seed@keys=2K
	refused "hamtbench compare: B: no trial in seven.db, series last, has keys=2K"
	hamtbench compare --db seven.db :1@nope @seed
	refused "hamtbench compare: A: no trial in seven.db, series 1, has subject=nope"
	hamtbench compare --db seven.db @null@mix=get=100 @seed@mix=upsert=100
	[ "$status" -eq 0 ]
	hamtbench compare --db seven.db @mix=get=100 @subject=seed@subject=null
	refused "hamtbench compare: B: no trial in seven.db, series last, meets all that is behind @"
	hamtbench compare seven.db
	refused "hamtbench compare: wanted are two results, A and B: compare [OPTION...] A B"
	hamtbench compare seven.db seven.db:7
	refused "hamtbench compare: seven.db: no series 7: it has 1 to 1"
	hamtbench compare seven.db seven.db:x
	refused "hamtbench compare: B: 'x' is no series; wanted is a number from 1 up, last or all"
	hamtbench compare seven.db none.db
	refused "hamtbench compare: none.db: no such file"
	hamtbench compare seven.db same.db --alpha 1
	refused "hamtbench compare: --alpha: '1' is no number between 0 and 1"
	hamtbench compare seven.db same.db --metric speed
	refused "hamtbench compare: --metric: 'speed' is not known; what is: mops, get_p99_ns, cpu_ns_per_op ..., see hamtbench list columns"
	hamtbench compare seven.db same.db --metric rate
	refused "hamtbench compare: --metric: 'rate' is not compared: more of it is neither better nor worse"
	hamtbench compare --db seven.db @threads=1 @subject=seed
	[ "$status" -eq 0 ]
	hamtbench compare --db seven.db @=x @seed
	refused "hamtbench compare: A: wanted after @ is NAME=VALUE, or the name of a subject"
}

# ---- Histories -----------------------------------------------------------------

@test "a recorded trial is judged from its file, whatever the load" {
	hamtbench run --subject hamt,mutex --workload mixed,load --keys 1K --threads 2 --duration 20ms --warmup 1ms \
		--trials 1 --quiet --history x.history
	[ "$status" -eq 0 ]
	[ ! -e results ]
	for n in 1 2 3 4; do
		hamtbench check x.history.$n
		echo "$output" "$stderr"
		[ "$status" -eq 0 ]
		[[ "$output" == "ok "*" x.history.$n ("*" 2 threads, seed 1)" ]]
	done
	hamtbench check --quiet x.history.*
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	# A trial that fills its room ends early, and says so.
	hamtbench run --subject hamt --threads 2 --keys 1K --duration 20s --warmup 1ms --trials 1 --history-ops 10K \
		--history y.history --format csv
	[ "$status" -eq 0 ]
	[[ "$stderr" == *" operations in y.history (all there is room for: the trial ended early, see --history-ops);"* ]]
	[ "$(column elapsed_s <<<"$output" | cut -d. -f1)" -lt 10 ]
	hamtbench check y.history
	[ "$status" -eq 0 ]
}

@test "a history is not written over anything, and needs a place" {
	echo precious >x.history.2
	quick --subject hamt --keys 1K,2K --history x.history
	refused "hamtbench run: --history: x.history.2 exists already; name another"
	[ "$(cat x.history.2)" = precious ]
	[ ! -e x.history.1 ]
	quick --subject hamt --history nowhere/x.history
	refused "hamtbench run: nowhere/x.history: No such file or directory"
	quick --subject hamt --history y.history --db z.db
	refused "hamtbench run: --history keeps no results: it and --db exclude each other"
	# A look at what would be measured refuses the same.
	quick --subject hamt --keys 1K,2K --history x.history --dry-run
	refused "hamtbench run: --history: x.history.2 exists already; name another"
	quick --subject hamt --history nowhere/x.history --dry-run
	refused "hamtbench run: nowhere/x.history: No such file or directory"
	quick --subject hamt --history y.history --dry-run
	[ "$status" -eq 0 ]
	ls
	[ ! -e y.history ]
}

@test "a check that finds a map wrong draws it, keeps it, and says how to do it again" {
	hamtbench check --subject "$PLUGINS/lost-update.so" --workload mixed --keys 2 --mix upsert=100 --ops 1M --round 50K --save kept
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[[ "$output" == *"upsert "*" <== nothing explains this"* ]]
	again=$(sed -n 's/^Judge it again: *hamtbench //p' <<<"$output")
	record=$(sed -n 's/^Record it again: *hamtbench //p' <<<"$output")
	[[ "$again" == "check kept/illegal-lost-update-s"*.history ]]
	# shellcheck disable=SC2086 # words
	hamtbench $again
	[ "$status" -eq 1 ]
	[[ "$output" == *" <== nothing explains this"* ]]
	# shellcheck disable=SC2086 # words
	hamtbench $record --ops 1M
	[ "$status" -eq 2 ] # --ops is in it already: the command is complete
	# shellcheck disable=SC2086 # words
	hamtbench $record
	[[ "$output" == *" lost-update mixed 4 threads uniform upsert=100"* ]]
}

@test "a check that could not keep what it finds is refused before it begins" {
	hamtbench check --subject "$PLUGINS/lost-update.so" --keys 2 --mix upsert=100 --save /proc/x
	refused "hamtbench check: --save: cannot make the folder /proc/x: No such file or directory"
	hamtbench check --subject mutex --save a/b
	refused "hamtbench check: --save: cannot make the folder a/b: No such file or directory"
	echo precious >file
	hamtbench check --subject mutex --save file
	[[ "$stderr" == "hamtbench check: --save: file/illegal.history: Not a directory" ]]
	refused "$stderr"
	[ "$(cat file)" = precious ]
	# Where all is well nothing is left behind.
	hamtbench check --subject mutex --keys 16 --ops 1K --save new
	[ "$status" -eq 0 ]
	[ ! -e new ]
}

@test "a check with nowhere to keep what it found still says what it is" {
	need_mounts
	in_small_disk 16k "cd disk && head -c 20k /dev/zero >fill 2>/dev/null; \
		'$HAMTBENCH' check --subject '$PLUGINS/lost-update.so' --keys 2 --mix upsert=100 --ops 1M >../said 2>../complained" ||
		[ $? -eq 1 ]
	cat said complained
	grep -q '<== nothing explains this' said
	grep -q 'No space left on device' complained
}
