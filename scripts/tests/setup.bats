#!/usr/bin/env bats
# setup.sh, with apt-get, dpkg-query, id and sudo replaced by fakes: nothing
# is ever installed here.

bats_require_minimum_version 1.5.0

setup() {
	setup=$BATS_TEST_DIRNAME/../setup.sh
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir bin
	for tool in sh env awk tr cat; do
		ln -s "$(command -v "$tool")" "bin/$tool"
	done
	# Installed is what the file says; apt-get writes down how it was called.
	# shellcheck disable=SC2016 # for the fake's shell
	fake dpkg-query 'while read -r name; do echo "installed $name"; done <installed; exit 1'
	fake apt-get 'echo "$*" >>calls'
	fake id 'echo 0'
	sh "$setup" --list >installed
}

fake() {
	printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
	chmod +x "bin/$1"
}

here() {
	PATH=$PWD/bin run sh "$setup" "$@"
	echo "$output"
}

remove() {
	grep -vxF "$1" installed >rest
	mv rest installed
}

@test "nothing missing: silent, no apt-get" {
	here
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ ! -e calls ]
	here --missing
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "nothing missing on this machine: within 0.3 s" {
	[ -z "$("$setup" --missing)" ] || skip "something is missing here: scripts/setup.sh --missing"
	timeout 0.3 "$setup"
}

@test "root: updates, then installs exactly what is missing" {
	remove make
	remove gnuplot-nox
	here
	[ "$status" -eq 0 ]
	[ "$(wc -l <calls)" -eq 2 ]
	[[ "$(sed -n 1p calls)" == *" update" ]]
	[[ "$(sed -n 2p calls)" == *" install --no-install-recommends make gnuplot-nox" ]]
}

@test "a removed package whose configuration is left counts as missing" {
	# shellcheck disable=SC2016 # for the fake's shell
	fake dpkg-query 'while read -r name; do
		[ "$name" = bats ] && echo "config-files bats" || echo "installed $name"; done <installed'
	here --missing
	[ "$output" = bats ]
}

@test "no root, no sudo: prints the line to run, installs nothing" {
	remove make
	remove gcc
	fake id 'echo 1000'
	here
	[ "$status" -eq 2 ]
	[ "$output" = "setup.sh: needs root: apt-get install --no-install-recommends gcc make" ]
	[ ! -e calls ]
	fake sudo 'exit 1'
	here
	[ "$status" -eq 2 ]
	[ ! -e calls ]
}

@test "no root, sudo without a password: goes through sudo" {
	remove make
	fake id 'echo 1000'
	# shellcheck disable=SC2016 # for the fake's shell
	fake sudo '[ "$1" = -n ] || exit 1; shift; echo "sudo $*" >>sudo_calls; [ "$1" = true ] || "$@"'
	here
	[ "$status" -eq 0 ]
	[[ "$(tail -n 1 calls)" == *"install --no-install-recommends make" ]]
	grep -q 'sudo env .*apt-get.*install' sudo_calls
}

@test "apt-get fails: says what it wanted" {
	remove make
	fake apt-get 'exit 100'
	here
	[ "$status" -eq 1 ]
	[[ "$output" == *"apt-get failed; wanted: make"* ]]
}

@test "not Debian: says what is needed" {
	rm bin/apt-get
	here
	[ "$status" -eq 2 ]
	[[ "$output" == *"not a Debian system"*"libhwloc-dev"* ]]
}

@test "bad usage" {
	here --frob
	[ "$status" -eq 2 ]
	[[ "$output" == *"unknown option --frob"* ]]
	here --list --missing
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	here base
	[ "$status" -eq 2 ]
	[[ "$output" == *"unknown option base"*"--base --optional --cross --peers --all)" ]]
	here --help
	[ "$status" -eq 0 ]
}

@test "a group is listed, found missing and installed by itself; all of them together" {
	"$setup" --list --optional --cross >extra
	grep -qx chromium extra
	grep -qx qemu-user-static extra
	run ! grep -qx gcc extra
	here --missing --optional --cross
	[ "$output" = "$(cat extra)" ]
	cat extra >>installed
	remove sqlite3
	remove gcc
	here --optional
	[ "$status" -eq 0 ]
	[[ "$(sed -n 2p calls)" == *" install --no-install-recommends sqlite3" ]]
	here --missing
	[ "$output" = gcc ]
	[ "$("$setup" --list --all | sort)" = "$("$setup" --list --base --optional --cross --peers | sort)" ]
}

@test "peers' packages are those that their sources name" {
	[ "$("$setup" --list --peers | sort)" = "$(sed -n 's:^/\* debian\: \(.*\) \*/$:\1:p' \
		"$BATS_TEST_DIRNAME"/../../workloads/subjects/peers/*.c* | tr ' ' '\n' | sort -u)" ]
}

@test "every package that something names as missing is in a group" {
	cd "$BATS_TEST_DIRNAME/../.."
	scripts/setup.sh --list --all >"$BATS_TEST_TMPDIR/all"
	# A test skips on "PACKAGE... is not installed"; by this its reasons are known.
	sed -n 's/.*[ \t]skip "\([^"$]*\) is not installed".*/\1/p' scripts/tests/*.bats | tr ' ' '\n' >"$BATS_TEST_TMPDIR/named"
	sed -n "s/.* packages='\([^']*\)'.*/\1/p" scripts/cross.sh | tr ' ' '\n' >>"$BATS_TEST_TMPDIR/named"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/named")" -ge 12 ]
	run grep -vxFf "$BATS_TEST_TMPDIR/all" "$BATS_TEST_TMPDIR/named"
	echo "in no group: $output"
	[ -z "$output" ]
	# And no test that looks for a program or a file of one has another kind of reason.
	run grep -nE '(command -v|\[ -[fx]|python3 -c|Rscript|xvfb).*\|\| skip "' scripts/tests/*.bats
	run grep -v ' is not installed"' <<<"$output"
	echo "not so: $output"
	[ -z "$output" ]
}

@test "every package of the lists exists; in a list it is once" {
	"$setup" --list --all >installed
	[ "$(sort installed | uniq -d)" = "" ]
	[ -n "$(apt-cache show gcc 2>/dev/null)" ] || skip "no package lists: apt-get update"
	xargs apt-cache show <installed | sed -n 's/^Package: //p' | sort -u >known
	run comm -23 <(sort installed) known
	echo "unknown: $output"
	[ -z "$output" ]
}
