#!/usr/bin/env bats
# independent.sh as far as it goes without foreign sources: bad input, and what it says when they cannot be had.
# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir scripts bin
	cp "$BATS_TEST_DIRNAME/../independent.sh" "$BATS_TEST_DIRNAME/../independent.c" scripts
	for tool in apt-get dpkg-source; do
		printf '#!/bin/sh\necho "E: no network"\nexit 100\n' >"bin/$tool"
		chmod +x "bin/$tool"
	done
	export HAMTBENCH=/bin/true PATH=$PWD/bin:$PATH
}

refused() {
	echo "status $status: $stderr"
	[ "$status" -eq 2 ]
	[ "$stderr" = "independent.sh: $1" ]
	[ ! -e build ]
}

@test "bad input costs one line" {
	run --separate-stderr scripts/independent.sh --frob
	refused "unknown option --frob (it knows --help; all else is environment)"
	TRIALS=0 run --separate-stderr scripts/independent.sh
	refused "TRIALS=0: wants whole numbers from 1 up"
	THREADS="1 x" run --separate-stderr scripts/independent.sh
	refused "THREADS=x: wants whole numbers from 1 up"
	HAMTBENCH=./none run --separate-stderr scripts/independent.sh
	refused "./none is not built: run make, or set HAMTBENCH"
}

@test "help" {
	run scripts/independent.sh --help
	[ "$status" -eq 0 ]
	[[ "$output" == "usage: "* ]]
}

@test "no sources to be had: each is named, nothing is compared" {
	[ "$(uname -m)" = x86_64 ] || skip "x86-64 only"
	run --separate-stderr scripts/independent.sh
	echo "status $status: $stderr"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ "${stderr_lines[0]}" == "independent.sh: test_urcu_hash is left out: "* ]]
	[[ "${stderr_lines[1]}" == "independent.sh: parallel_direct is left out: "* ]]
	[ "${stderr_lines[2]}" = "independent.sh: nothing can be compared" ]
	[ "${#stderr_lines[@]}" -eq 3 ]
}
