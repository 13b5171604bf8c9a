#!/usr/bin/env bats
# run-tests.sh counts what TAP programs say, and takes silence for failure.

setup() {
	run_tests=$BATS_TEST_DIRNAME/../run-tests.sh
	cd "$BATS_TEST_TMPDIR" || return 1
	unset TEST_TIMEOUT CHECK_SEED TSAN_OPTIONS ASAN_OPTIONS UBSAN_OPTIONS
}

# program NAME LINE... - an executable shell script.
program() {
	local name=$1
	shift
	mkdir -p "$(dirname "$name")"
	printf '%s\n' '#!/bin/sh' "$@" >"$name"
	chmod +x "$name"
}

# totals TEXT STATUS - how the run just made has to end.
totals() {
	echo "$output"
	[ "${lines[-1]}" = "$1" ]
	[ "$status" -eq "$2" ]
}

# gone PID - is the process over within some seconds? A zombie is.
gone() {
	local turn
	for turn in $(seq 100); do
		! grep -q '^State:[[:space:]]*[^Z]' "/proc/$1/status" 2>/dev/null && return
		sleep 0.1
	done
	echo "process $1 still runs after turn $turn"
	return 1
}

@test "adds up passed and skipped" {
	program a 'echo "ok 1 - one"; echo "ok 2 - two # SKIP no such thing"; echo "1..2"'
	program b 'echo "ok 1 - one"; echo "1..1"'
	run "$run_tests" ./a ./b
	totals "2 passed, 0 failed, 1 skipped" 0
	[[ "$output" == *"two # SKIP no such thing"* ]]
}

@test "prints in full what a failed program said, and goes on" {
	program a 'echo "# the reason" >&2; echo "not ok 1 - one"; echo "1..1"; exit 1'
	program b 'echo "# quiet"; echo "ok 1 - one"; echo "1..1"'
	run "$run_tests" ./a ./b
	totals "1 passed, 1 failed, 0 skipped" 1
	[[ "$output" == *"FAIL  ./a"*"# the reason"*"not ok 1 - one"* ]]
	[[ "$output" != *"# quiet"* ]]
}

@test "a failed line is a failure whatever the exit status" {
	program a 'echo "not ok 1 - one"; echo "1..1"; exit 0'
	run "$run_tests" ./a
	totals "0 passed, 1 failed, 0 skipped" 1
}

@test "an exit status other than 0 without a failed line is a failure" {
	program a 'echo "ok 1 - one"; echo "1..1"; exit 1'
	program b 'echo "ok 1 - one"; echo "1..1"; exit 66'
	program c 'echo "ok 1 - one"; echo "1..1"; exit 77'
	run "$run_tests" ./a ./b ./c
	totals "3 passed, 3 failed, 0 skipped" 1
	[[ "$output" == *"./b: "*"ThreadSanitizer"* ]]
}

@test "77 means all skipped, and nothing passed is not a pass" {
	program a 'echo "ok 1 - one # SKIP why"; echo "1..1"; exit 77'
	run "$run_tests" ./a
	totals "0 passed, 0 failed, 1 skipped" 1
	program b 'exit 77'
	program c 'echo "ok 1 - one"; echo "1..1"'
	run "$run_tests" ./b ./c
	totals "1 passed, 0 failed, 1 skipped" 0
}

@test "silence, an early end, a crash, a missing program" {
	program silent 'exit 0'
	program early 'echo "ok 1 - one"; echo "1..2"'
	# shellcheck disable=SC2016 # for the program's shell
	program crash 'echo "ok 1 - one"; kill -SEGV $$'
	run "$run_tests" ./silent ./early ./crash ./missing
	totals "2 passed, 4 failed, 0 skipped" 1
	[[ "$output" == *"./silent: "*"ran no test"* ]]
	[[ "$output" == *"./early: "*"said 1 of 2"* ]]
	[[ "$output" == *"./crash: "*"signal 11"* ]]
	[[ "$output" == *"./missing: "*"exit status 127"* ]]
}

@test "no program at all" {
	run "$run_tests"
	totals "0 passed, 0 failed, 0 skipped" 1
}

@test "a program that hangs is killed with its children, and named" {
	program hang 'echo "ok 1 - one"; sleep 1000 & echo $! >child; wait'
	TEST_TIMEOUT=1 run "$run_tests" ./hang
	totals "1 passed, 1 failed, 0 skipped" 1
	[[ "$output" == *"FAIL  ./hang: "*"killed after 1 s"* ]]
	gone "$(cat child)"
}

@test "runs bats files" {
	printf '@test "good" {\ntrue\n}\n@test "bad" {\nfalse\n}\n@test "not here" {\nskip why\n}\n' >a.bats
	# Without what the bats that runs this file has put before us.
	run env -i PATH="${PATH#*libexec/bats-core:}" "$run_tests" a.bats
	totals "1 passed, 1 failed, 1 skipped" 1
}

@test "--jobs: so many at a time" {
	# Each waits to see the other; alone, in vain.
	# shellcheck disable=SC2016 # for the program's shell
	for pair in "a b" "b a"; do
		program "${pair% *}" "touch ${pair% *}.here; for i in \$(seq 100); do [ ! -e ${pair#* }.here ] || break; sleep 0.1; done" \
			"[ -e ${pair#* }.here ] && echo 'ok 1 - met' || echo 'not ok 1 - met'; echo 1..1"
	done
	run "$run_tests" --jobs 2 ./a ./b
	totals "2 passed, 0 failed, 0 skipped" 0
	rm ./*.here
	# One at a time: each is gone before the next comes.
	for name in a b c; do
		program "$name" "mkdir here && sleep 0.1 && rmdir here && echo 'ok 1 - alone'; echo 1..1"
	done
	run "$run_tests" --jobs 1 ./a ./b ./c
	totals "3 passed, 0 failed, 0 skipped" 0
}

@test "--repeat gives each turn another seed" {
	# shellcheck disable=SC2016 # for the program's shell
	program a 'echo "$CHECK_SEED" >>seeds; echo "ok 1 - one"; echo "1..1"'
	CHECK_SEED=7 run "$run_tests" --repeat 3 ./a
	totals "3 passed, 0 failed, 0 skipped" 0
	[ "$(sort seeds | tr '\n' ' ')" = "7 8 9 " ]
	[[ "$output" == *"./a CHECK_SEED=8"* ]]
}

@test "sanitizers are told what to do; the caller's wish comes last" {
	# shellcheck disable=SC2016 # for the program's shell
	program build/tsan/a 'echo "$TSAN_OPTIONS" >said; echo "ok 1 - one"; echo "1..1"'
	TSAN_OPTIONS=verbosity=1 run "$run_tests" build/tsan/a
	totals "1 passed, 0 failed, 0 skipped" 0
	[[ "$(cat said)" == *"exitcode=66"*":verbosity=1" ]]
}

@test "stays interruptible" {
	program hang 'echo "$$" >pid; echo "ok 1 - one"; sleep 1000'
	"$run_tests" ./hang 3>&- &
	local runner=$! status=0
	while [ ! -s pid ]; do
		sleep 0.1
	done
	kill -TERM "$runner"
	wait "$runner" || status=$?
	[ "$status" -eq 143 ]
	gone "$(cat pid)"
}

@test "bad usage" {
	for words in "--frob" "--repeat" "--repeat 0" "--repeat x" "--jobs" "--jobs 0"; do
		# shellcheck disable=SC2086 # words
		run "$run_tests" $words
		echo "$words: $output"
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
	done
	TEST_TIMEOUT=soon run "$run_tests" true
	[ "$status" -eq 2 ]
	[[ "$output" == *"TEST_TIMEOUT=soon"* ]]
}
