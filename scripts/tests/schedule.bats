#!/usr/bin/env bats
# hamtbench check --schedule: chosen schedules by hand. The same text does the same again, a
# planted bug is found and its command shows it again, and a bad text costs one line.
# `make test` builds what this needs.
# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0

setup_file() {
	local build
	build=$(realpath "$BATS_TEST_DIRNAME/../../build")
	export SCHED=$build/sched/hamtbench RELEASE=$build/release/hamtbench
	if [ ! -x "$SCHED" ] || [ ! -f "${SCHED%/*}/subjects/mutex.so" ] || [ ! -x "$RELEASE" ]; then
		echo "build $SCHED and its plug-ins first: make test" >&2
		return 1
	fi
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset HAMTBENCH_PLUGINS MUTANT
}

# check ARGUMENT... - in the scheduled build.
check() {
	run --separate-stderr timeout 60 "$SCHED" check "$@"
	printf '%s\n' "status $status" "$output" "$stderr"
}

# refused TEXT - the check just made said this one line, printed and kept nothing, and ended with status 2.
refused() {
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = "hamtbench check: $1" ]
	[ ! -e results ]
}

# counts - schedules, operations and points of the check just made; not how long it took.
counts() {
	awk '$1 == "ok" { print $2, $4, $6 }' <<<"$output"
}

@test "a seed does the same again, another one does not" {
	check --subject hamt --threads 3 --schedule pct:depth=3,seed=42,schedules=200
	[ "$status" -eq 0 ]
	first=$(counts)
	[[ "$first" == "200 "* ]]
	check --subject hamt --threads 3 --schedule pct:depth=3,seed=42,schedules=200
	[ "$(counts)" = "$first" ]
	check --subject hamt --threads 3 --schedule pct:depth=3,seed=1042,schedules=200
	[[ "$(counts)" == "200 "* ]]
	[ "$(counts)" != "$first" ]
	check --subject seed --threads 2 --schedule random:one_in=3,seed=7,schedules=100
	[ "$status" -eq 0 ]
	first=$(counts)
	check --subject seed --threads 2 --schedule random:one_in=3,seed=7,schedules=100
	[ "$(counts)" = "$first" ]
}

@test "a planted bug is found; the command that is printed shows it again, and nothing without the bug" {
	MUTANT=SLOT_NOT_VALIDATED check --subject hamt --threads 3 --schedule pct:depth=3,seed=1,schedules=50000
	[ "$status" -ne 0 ]
	[ "$status" -ne 2 ]
	again=$(sed -n 's/^# again: *hamtbench //p' <<<"$stderr")
	[[ "$again" == "check "*"--schedule=pct:"* ]]
	# shellcheck disable=SC2086 # words
	MUTANT=SLOT_NOT_VALIDATED run --separate-stderr timeout 60 "$SCHED" $again
	printf '%s\n' "status $status" "$output" "$stderr"
	[ "$status" -ne 0 ]
	[[ "$stderr" == *"$again"* ]]
	# shellcheck disable=SC2086 # words
	run --separate-stderr timeout 60 "$SCHED" $again
	printf '%s\n' "status $status" "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "a schedule that is none is refused by name" {
	local given said
	while IFS='|' read -r given said; do
		check --subject hamt --schedule "$given"
		refused "--schedule: $said"
	done <<-'TABLE'
		dice|schedule 'dice': it begins with pct: or random:
		pct:|schedule 'pct:': wants NAME=NUMBER after the colon and each comma
		pct:depth=x|schedule 'pct:depth=x': wants NAME=NUMBER after the colon and each comma
	TABLE
	for given in pct:depth=0 pct:depth=17 pct:points=200001 pct:one_in=3 random:depth=3 random:one_in=0 pct:schedules=0 \
		pct:seed=18446744073709551616 'pct:seed=1,' random:seed=-1 ''; do
		check --subject hamt --schedule "$given"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ "$stderr" == "hamtbench check: --schedule: "*"$given"* ]]
	done
	check --subject hamt --schedule pct:seed=1 --schedule pct:seed=2
	refused "--schedule: it takes one value, 2 are given"
}

@test "what has locks, or too many threads, is refused; and so is a build without" {
	check --subject mutex --schedule pct:seed=1
	refused "--schedule: mutex has locks: only maps that do not block can be scheduled"
	check --subject hamt --threads 9 --schedule pct:seed=1
	refused "--schedule: hamt: at most 8 threads"
	run --separate-stderr "$RELEASE" check --quiet --subject hamt --schedule pct:seed=1
	refused "--schedule: 'pct:seed=1': maps of this build have no schedule points; say make V=sched, then \
build/sched/hamtbench check --schedule ..."
}
