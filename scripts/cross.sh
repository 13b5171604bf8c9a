#!/bin/sh
# Build core/ and its tests for other machines, statically, and run them: i686
# natively where the kernel can, the others under qemu-user. Shows what depends on word
# size, alignment, byte order (s390x is big-endian) or ABI; qemu runs on this machine's strong memory
# order, so orderings are not put to the test.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/cross.sh [--help] [MACHINE...]
  MACHINE  i686 aarch64 armhf s390x (default: all)
Runs core/tests/test_*.c, those of the maps under each reclamation scheme; T=hazard: those whose name
contains the text. TEST_TIMEOUT is seconds for each program (default 300). Needs for each machine its
Debian cross compiler, and qemu-user-static; says what is missing. Exit status: 0 all passed, 1 a test failed, 2 cannot be run.
TEXT
}

# machine: compiler's prefix, packages, what runs it
describe() {
	case $1 in
	i686) triple=i686-linux-gnu packages='gcc-i686-linux-gnu libc6-dev-i386-cross' runner=qemu-i386-static ;;
	aarch64) triple=aarch64-linux-gnu packages='gcc-aarch64-linux-gnu libc6-dev-arm64-cross' runner=qemu-aarch64-static ;;
	armhf) triple=arm-linux-gnueabihf packages='gcc-arm-linux-gnueabihf libc6-dev-armhf-cross' runner=qemu-arm-static ;;
	s390x) triple=s390x-linux-gnu packages='gcc-s390x-linux-gnu libc6-dev-s390x-cross' runner=qemu-s390x-static ;;
	*)
		echo "cross.sh: unknown machine $1; there are i686, aarch64, armhf, s390x" >&2
		exit 2
		;;
	esac
}

cd "$(dirname "$0")/.."
machines=
for word in "$@"; do
	case $word in
	--help)
		usage
		exit 0
		;;
	-*)
		echo "cross.sh: unknown option $word; it knows --help" >&2
		exit 2
		;;
	*)
		describe "$word"
		machines="$machines $word"
		;;
	esac
done
machines=${machines:-i686 aarch64 armhf s390x}

missing=
for machine in $machines; do
	describe "$machine"
	command -v $triple-gcc >/dev/null || missing="$missing $packages"
	command -v $runner >/dev/null || case $missing in
	*qemu*) ;;
	*) missing="$missing qemu-user-static" ;;
	esac
done
if [ -n "$missing" ]; then
	echo "cross.sh: not installed: apt-get install --no-install-recommends$missing" >&2
	exit 2
fi

# i686: gcc tells that the layout of _Atomic 64-bit members changed in version 11.
flags='-std=c11 -D_GNU_SOURCE -I. -O2 -g -DCHECKED -Wall -Wextra -Werror -Wno-psabi -pthread'

# parallel_commands - the lines of standard input, as many at a time as there are processors.
parallel_commands() {
	xargs -P "$(nproc)" -I '{}' sh -c '{}' || exit 1
}

# tests_of SCHEME - those that T selects; of a scheme other than hp, those of the maps. As in the Makefile.
tests_of() {
	case $1 in
	hp) set -- core/tests/test_*.c ;;
	# They look for leaks, which under none are intended.
	none) set -- core/tests/test_reclaim*.c ;;
	*) set -- core/tests/test_hamt*.c core/tests/test_seed*.c core/tests/test_reclaim*.c ;;
	esac
	for source in "$@"; do
		case $source in
		*_schedules.c) ;; # orders of steps, which no machine changes
		*"${T:-}"*) echo "$source" ;;
		esac
	done
}

programs=
for machine in $machines; do
	describe "$machine"
	# Natively if the kernel runs it: quicker, and with true threads.
	mkdir -p "build/cross/$machine"
	printf 'int main(void) { return 0; }\n' | $triple-gcc -static -x c -o "build/cross/$machine/probe" -
	if "build/cross/$machine/probe" 2>/dev/null; then
		runner=
	fi
	echo "cross.sh: $machine, run by ${runner:-the kernel}"
	for scheme in hp ebr qsbr he none; do
		tests=$(tests_of $scheme)
		[ -n "$tests" ] || continue
		out=build/cross/$machine/core
		[ $scheme = hp ] || out=$out-$scheme
		defined=-DRECLAIM=RECLAIM_$(echo $scheme | tr '[:lower:]' '[:upper:]')
		mkdir -p "$out/objects"
		rm -f "$out/libhamt.a"
		# A library: a test may hold a source of its own copy.
		for source in core/*.c; do
			echo "$triple-gcc $flags $defined -c -o $out/objects/$(basename "$source" .c).o $source"
		done | parallel_commands
		$triple-ar rcsD "$out/libhamt.a" "$out"/objects/*.o
		for source in $tests; do
			echo "$triple-gcc $flags $defined -static -o $out/$(basename "$source" .c).bin $source $out/libhamt.a -lm"
		done | parallel_commands
		for source in $tests; do
			program=$out/$(basename "$source" .c)
			# shellcheck disable=SC2016 # expanded by the script that is written
			printf '#!/bin/sh\nexec %s "$0.bin" "$@"\n' "$runner" >"$program"
			chmod +x "$program"
			programs="$programs $program"
		done
	done
done
# shellcheck disable=SC2086 # a list of files
exec scripts/run-tests.sh $programs
