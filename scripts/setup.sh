#!/bin/sh
# Install the Debian packages that building, testing and plotting need.
# Quick and silent where nothing is missing; asks for no confirmation.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/setup.sh [--list | --missing | --help] [--GROUP...]
  (no option)  install what is missing; needs root, or sudo without a password
  --list       print every package of the groups, one a line
  --missing    print those that are not installed
Groups; base alone, if none is named:
  --base       building, testing, plotting: what `make test` and `make bench` must have
  --optional   what tests otherwise skip on: a browser, R, sqlite3, google-benchmark's tools
  --cross      compilers and emulator of `make cross`
  --peers      libraries whose maps hamt can be held against: 1 MB to load, and GLib's headers, 2 to 10 MB
  --all        all of these
TEXT
}

# A Debian 12 with only git, recommended packages left out, lacks these:
group_base='
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
group_optional='
chromium
r-base-core
sqlite3
libbenchmark-dev
libbenchmark-tools
python3
python3-numpy
python3-scipy
'
group_cross='
gcc-i686-linux-gnu
libc6-dev-i386-cross
gcc-aarch64-linux-gnu
libc6-dev-arm64-cross
gcc-arm-linux-gnueabihf
libc6-dev-armhf-cross
gcc-s390x-linux-gnu
libc6-dev-s390x-cross
qemu-user-static
'
groups='base optional cross peers'

# group NAME - its packages. Each peer says itself what it needs, as the Makefile reads it, too.
group() {
	case $1 in
	base) printf '%s' "$group_base" ;;
	optional) printf '%s' "$group_optional" ;;
	cross) printf '%s' "$group_cross" ;;
	peers) awk '$1 == "/*" && $2 == "debian:" { for (i = 3; i < NF; i++) print $i }' "$top"/workloads/subjects/peers/*.c* ;;
	esac
}

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
chosen=
for word in "$@"; do
	case $word in
	--help)
		usage
		exit 0
		;;
	--list | --missing)
		if [ "$mode" != install ]; then
			echo "setup.sh: one of --list and --missing at most" >&2
			exit 2
		fi
		mode=$word
		;;
	--all) chosen=$groups ;;
	*)
		name=${word#--}
		[ "$word" != "$name" ] || name=-
		case " $groups " in
		*" $name "*) chosen="$chosen $name" ;;
		*)
			# shellcheck disable=SC2086 # a list of words
			echo "setup.sh: unknown option $word (it knows --list, --missing, --help, and the groups" \
				"$(printf -- '--%s ' $groups)--all)" >&2
			exit 2
			;;
		esac
		;;
	esac
done

case $0 in
*/*) top=${0%/*}/.. ;;
*) top=.. ;;
esac
packages=
for name in ${chosen:-base}; do
	# A package may be in two groups.
	for package in $(group "$name"); do
		case " $packages " in
		*" $package "*) ;;
		*) packages="$packages $package" ;;
		esac
	done
done
if [ "$mode" = --list ]; then
	# shellcheck disable=SC2086 # a list of words
	printf '%s\n' $packages
	exit 0
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "setup.sh: not a Debian system; install what these packages hold:$packages" >&2
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
