#!/usr/bin/env bats
# tsan-sweep.sh proves itself on planted defects: each is told once, with its count and a
# command that replays it; a sound map is not accused; a sweep that was killed goes on.
# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	state=$BATS_TEST_TMPDIR/state
	unset TSAN_OPTIONS ASAN_OPTIONS UBSAN_OPTIONS HAMTBENCH_PLUGINS
	local plugin
	for plugin in tsan/racy asan/overflowing ubsan/overshifting; do
		if [ ! -x "build/${plugin%/*}/hamtbench" ] || [ ! -f "build/${plugin%/*}/tests/plugins/${plugin#*/}.so" ]; then
			echo "build/${plugin%/*} is not complete: make test builds it" >&2
			return 1
		fi
	done
}

sweep() {
	run --separate-stderr scripts/tsan-sweep.sh --state "$state" "$@"
}

# planted VARIANT PLUGIN SANITIZER KIND - the plug-in's one defect is found in each run, and told once.
planted() {
	sweep --sanitizer "$3" --subject "build/$1/tests/plugins/$2.so" --threads 4 --rounds 1 --budget 8s --duration 20ms
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[ "$(grep -c '^FOUND ' <<<"$output")" -eq 1 ]
	[ "$(grep -c "^[0-9]* times: $4.*faulty.c:" <<<"$output")" -eq 1 ]
	grep -q '^    first seed 1, ' <<<"$output"
	local runs key
	runs=$(wc -l <"$state/journal")
	[ "$runs" -gt 2 ]
	key=$(sed -n 's/^FOUND \([^ ]*\) .*/\1/p' <<<"$output")
	# The count is of reports, which the journal has one by one.
	[ "$(grep -o " $key" "$state/journal" | wc -l)" -eq "$(sed -n 's/^\([0-9]*\) times: .*/\1/p' <<<"$output")" ]
	# What the replay line says, as it stands, reports the same.
	local replay
	replay=$(sed -n 's/^    replay ([1-5] of 5 times the same): //p' <<<"$output" | tail -n 1)
	run sh -c "$replay"
	[ "$status" -ne 0 ]
	[[ "$output" == *Sanitizer*faulty.c* ]]
	# As many failures in the XML as it says; and it is well formed as far as pairs of tags go.
	grep -q '<testsuite name="'"$3"' sanitizer sweep" tests="2" failures="1"' "$state/junit.xml"
	[ "$(grep -c '<failure' "$state/junit.xml")" -eq 1 ]
	[ "$(tail -n 1 "$state/junit.xml")" = "</testsuite>" ]
}

@test "a planted race is found by ThreadSanitizer" {
	planted tsan racy thread "data race: map_get"
}

@test "a planted overflow of the heap is found by AddressSanitizer" {
	planted asan overflowing address "heap-buffer-overflow: "
}

@test "a planted shift beyond the width is found by UndefinedBehaviorSanitizer" {
	planted ubsan overshifting undefined "shift exponent N is too large"
}

@test "a trial that is not valid is a finding as well" {
	sweep --subject build/tsan/tests/plugins/lossy.so --threads 2 --rounds 1 --budget 10s --duration 20ms
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[[ "$output" == *"times: exit status 1: "* ]]
}

@test "sound maps are not accused" {
	sweep --subject build/tsan/tests/plugins/sound.so,hamt,seed --budget 4s
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[[ "$output" == *", 0 distinct findings; $state/junit.xml" ]]
	[ "$(wc -l <"$state/journal")" -gt 3 ]
	# Asked for again, it goes on where it was.
	local before
	before=$(wc -l <"$state/journal")
	sweep --subject build/tsan/tests/plugins/sound.so,hamt,seed --budget 1s
	[ "$status" -eq 0 ]
	[[ "$stderr" == *"; $before done before"* ]]
	[ "$(wc -l <"$state/journal")" -gt "$before" ]
	[ -z "$(cut -d ' ' -f 2 "$state/journal" | uniq -d)" ]
	# Another matrix is another sweep; the former state is kept.
	sweep --subject build/tsan/tests/plugins/sound.so --budget 1s
	[[ "$stderr" == *"starts over; the former state is in $state.old"* ]]
	[ -s "$state.old/journal" ]
}

@test "killed with -9, it goes on behind the last whole line" {
	scripts/tsan-sweep.sh --state "$state" --subject build/tsan/tests/plugins/sound.so --budget 60s >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	local sweep=$! turn
	for turn in $(seq 200); do
		[ -f "$state/journal" ] && [ "$(wc -l <"$state/journal")" -ge 3 ] && break
		sleep 0.1
	done
	kill -9 "$sweep"
	wait "$sweep" || true
	[ "$(wc -l <"$state/journal")" -ge 3 ]
	printf '1 4 12' >>"$state/journal"
	local before
	before=$(wc -l <"$state/journal")
	sweep --subject build/tsan/tests/plugins/sound.so --budget 2s
	echo "$output" "$stderr" "after turn $turn"
	[ "$status" -eq 0 ]
	[[ "$stderr" == *"; $before done before"* ]]
	# Every cell once, in order.
	awk '$2 != NR || NF != 4 { exit bad = 1 } END { exit bad }' "$state/journal"
}

@test "the matrix follows what there is" {
	scripts/tsan-sweep.sh --list >"$BATS_TEST_TMPDIR/list"
	local scheme
	for scheme in $(build/tsan/hamtbench list axes | awk '$1 == "subject" && NF == 4 && $3 != "--backoff" { print $3 "=" $4 }'); do
		grep -qF -e "${scheme%%=*} ${scheme#*=} " "$BATS_TEST_TMPDIR/list"
	done
	for scheme in threshold=1 threshold=64 zipf "--workload load"; do
		grep -qF -e "$scheme" "$BATS_TEST_TMPDIR/list"
	done
}

@test "bad options cost one line" {
	local given said
	while IFS='|' read -r given said; do
		echo "# $given"
		# shellcheck disable=SC2086 # words
		sweep $given
		printf '%s\n' "status $status" "$output" "$stderr"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$stderr" = "tsan-sweep.sh: $said" ]
		[ ! -e "$state" ]
	done <<-TEXT
		--frob|unknown option --frob (--help names those there are)
		--budget|--budget wants a value
		--budget 10|--budget: '10' must be a whole number with s, m or h
		--budget m|--budget: 'm' must be a whole number with s, m or h
		--sanitizer leaks|--sanitizer: 'leaks' must be thread, address or undefined
		--rounds 0|--rounds: '0' must be a whole number from 1 up
		--seed -1|--seed: '-1' must be a whole number from 1 up
		--threads 2,x|--threads: 'x' must be a whole number from 1 up
		--subject ./none.so|hamtbench run: --subject: $PWD/./none.so: No such file or directory
	TEXT
	sweep --duration soon
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"--duration"*soon* ]]
	[ ! -e "$state" ]
}
