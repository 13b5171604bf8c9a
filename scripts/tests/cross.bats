#!/usr/bin/env bats
# cross.sh: what it refuses, and one small program on each machine it can build for.

# shellcheck disable=SC2154,SC2209 # set by run; an assignment for one command
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "help, and bad words are refused" {
	run --separate-stderr scripts/cross.sh --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
	run --separate-stderr scripts/cross.sh sparc
	[ "$status" -eq 2 ]
	[ "$stderr" = "cross.sh: unknown machine sparc; there are i686, aarch64, armhf, s390x" ]
	run --separate-stderr scripts/cross.sh --frob
	[ "$status" -eq 2 ]
	[ "$stderr" = "cross.sh: unknown option --frob; it knows --help" ]
}

@test "missing compilers are named with their packages" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in sh dirname basename cat mkdir; do
		ln -s "$(command -v "$tool")" "$BATS_TEST_TMPDIR/bin/"
	done
	run --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin" sh scripts/cross.sh armhf i686
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"--no-install-recommends gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user-static gcc-i686-linux-gnu libc6-dev-i386-cross" ]]
}

@test "core's hash passes on every machine there is a compiler for" {
	machines=
	for pair in i686:i686-linux-gnu aarch64:aarch64-linux-gnu armhf:arm-linux-gnueabihf s390x:s390x-linux-gnu; do
		command -v "${pair#*:}-gcc" >/dev/null && machines="$machines ${pair%%:*}"
	done
	command -v qemu-arm-static >/dev/null || machines=
	[ -n "$machines" ] || skip "gcc-i686-linux-gnu gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-s390x-linux-gnu qemu-user-static is not installed"
	# shellcheck disable=SC2086 # a list of words
	T=hash run scripts/cross.sh $machines
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *" passed, 0 failed, 0 skipped" ]]
}
