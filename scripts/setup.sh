#!/bin/sh
# Install the Debian packages that building, testing and plotting need.
# Quick and silent where nothing is missing; asks for no confirmation.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/setup.sh [--list | --missing | --help]
  (no option)  install what is missing; needs root, or sudo without a password
  --list       print every package that is needed, one a line
  --missing    print those that are not installed
TEXT
}

# Everything a Debian 12 with only git lacks, recommended packages left out.
packages='
git
gcc
libc6-dev
make
pkg-config
libhwloc-dev
libjansson-dev
libjemalloc-dev
libpopt-dev
libsqlite3-dev
libxxhash-dev
zlib1g-dev
liburcu-dev
clang-19
libclang-rt-19-dev
gnuplot-nox
fonts-dejavu-core
bats
shellcheck
util-linux
g++
relacy-dev
spin
valgrind
'

missing() {
	# One process for all: this runs before every build in CI.
	# shellcheck disable=SC2086 # a list of words
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null |
		awk -v wanted="$packages" '
			$1 == "installed" { have[$2] = 1 }
			END {
				n = split(wanted, names)
				for (i = 1; i <= n; i++)
					if (!(names[i] in have))
						print names[i]
			}'
}

mode=install
case $# in
0) ;;
1) mode=$1 ;;
*)
	echo "setup.sh: one option at most, not: $*" >&2
	exit 2
	;;
esac

case $mode in
install | --missing) ;;
--list)
	# shellcheck disable=SC2086 # a list of words
	printf '%s\n' $packages
	exit 0
	;;
--help)
	usage
	exit 0
	;;
*)
	echo "setup.sh: unknown option $mode (it knows --list, --missing, --help)" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	# shellcheck disable=SC2086 # a list of words
	echo "setup.sh: not a Debian system; install what these packages hold:" $packages >&2
	exit 2
fi

absent=$(missing)
if [ "$mode" = --missing ]; then
	[ -z "$absent" ] || printf '%s\n' "$absent"
	exit 0
fi
[ -n "$absent" ] || exit 0

absent=$(printf '%s' "$absent" | tr '\n' ' ')
if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	as_root='sudo -n'
else
	echo "setup.sh: needs root: apt-get install --no-install-recommends $absent" >&2
	exit 2
fi

# Wait for another apt instead of failing; ask no questions.
apt() {
	# shellcheck disable=SC2086 # empty or two words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

echo "setup.sh: installing $absent"
# shellcheck disable=SC2086 # a list of words
if ! apt update || ! apt install --no-install-recommends $absent; then
	echo "setup.sh: apt-get failed; wanted: $absent" >&2
	exit 1
fi
