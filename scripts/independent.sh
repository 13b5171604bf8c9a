#!/bin/sh
# Are the figures of other libraries' maps right? Held against benchmarks that are not ours: those that
# liburcu and Concurrency Kit ship with their sources, on the same tables, sizes, keys, mixes and threads,
# in turns with hamtbench. `make independent` runs it.
#
# Their sources come from Debian, in the version that is installed, and are built unchanged under
# build/independent; the libraries that they run on are those that our plug-ins use.
set -eu

usage() {
	cat <<'TEXT'
usage: [NAME=VALUE ...] scripts/independent.sh
Runs test_urcu_hash (liburcu, QSBR) and parallel_direct (Concurrency Kit) and hamtbench's urcu-lfht and ck-ht in
turns, and prints, for each point: million operations per second by each, medians and ranges; the same without
the harnesses' own loops (with operations that do nothing, and hamtbench's subject null); theirs once more, set up
as our subject is (scripts/independent.c says how); and whether they agree.
About 3 minutes. It fetches both sources with apt-get (1 MB, and 10 MB of lists), without changing what the system
has. Needs dpkg-dev, liburcu-dev, libck-dev, gcc. Environment:
  TRIALS=5    of each point
  SECONDS_=1  of a trial, whole
  THREADS="1 2"
  KEYS=10000  in the tables; few enough for the caches, since neighbours disturb what comes from memory
  NOISE=5     percent by which two medians may differ though their ranges do not meet, and still agree
  HAMTBENCH   the binary (build/release/hamtbench)
A benchmark that cannot be had is named and left out. Exit status: 0 what was there has been compared, whatever
came out; 1 a run failed; 2 bad input, or nothing can be compared.
TEXT
}

fail() {
	echo "independent.sh: $1" >&2
	exit 2
}

case ${1-} in
'') ;;
--help)
	usage
	exit 0
	;;
*) fail "unknown option $1 (it knows --help; all else is environment)" ;;
esac
top=$(cd "$(dirname "$0")/.." && pwd)
hamtbench=${HAMTBENCH:-$top/build/release/hamtbench}
command -v "$hamtbench" >/dev/null || fail "$hamtbench is not built: run make, or set HAMTBENCH"
trials=${TRIALS:-5} seconds=${SECONDS_:-1} threads=${THREADS:-1 2} keys=${KEYS:-10000} noise=${NOISE:-5}
# shellcheck disable=SC2086 # words
for number in "TRIALS=$trials" "SECONDS_=$seconds" "KEYS=$keys" "NOISE=$noise" $(printf 'THREADS=%s ' $threads); do
	case ${number#*=} in
	'' | *[!0-9]* | 0*) fail "$number: wants whole numbers from 1 up" ;;
	esac
done
case $(uname -m) in
x86_64) ;;
*) fail "this machine is no x86-64: parallel_direct counts its ticks" ;;
esac

place=$top/build/independent
bin=$place/bin runs=$place/runs
rm -rf "$runs"
mkdir -p "$place/src" "$bin" "$runs" "$place/apt/lists/partial" "$place/apt/archives/partial"
range=$((2 * keys)) buckets=1
while [ $buckets -lt "$keys" ]; do
	buckets=$((2 * buckets))
done

# ---- Theirs: fetch and build ----

missing() {
	echo "independent.sh: $1 is left out: $2" >&2
}

apt() {
	apt-get -q -o Dir::Etc::SourceList="$place/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$place/apt/lists" -o Dir::Cache="$place/apt" -o APT::Sandbox::User= "$@"
}

# source_of PACKAGE - fetch the source of what is installed, once; sets $source, $version.
source_of() {
	said=$(dpkg-query -W -f '${db:Status-Status} ${source:Package} ${source:Version}\n' "$1" 2>/dev/null) || said=
	case $said in
	'installed '*) ;;
	*)
		why="package $1 is not installed"
		return 1
		;;
	esac
	name=${said#* } version=${said##* }
	name=${name%% *}
	source=$place/src/$name-$version
	[ ! -d "$source" ] || return 0
	for tool in apt-get dpkg-source; do
		command -v "$tool" >/dev/null || {
			why="$tool is not installed (dpkg-dev)"
			return 1
		}
	done
	# From where the package itself came.
	set -- "$(apt-cache policy "$1" | awk '$1 == "***" { on = 1; next } on && $2 ~ /^https?:/ { print $2, $3; exit }')"
	case $1 in
	*' '*/*) ;;
	*)
		why="apt does not know where $name $version came from"
		return 1
		;;
	esac
	suite=${1#* }
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -r "$keyring" ] && keyring="[signed-by=$keyring] " || keyring=
	echo "deb-src $keyring${1%% *} ${suite%%/*} ${suite#*/}" >"$place/apt/sources.list"
	if ! { apt update && (cd "$place/src" && apt source --download-only "$name=$version"); } >"$place/apt/said" 2>&1; then
		why="the source of $name $version could not be fetched: $(grep '^E:' "$place/apt/said" | head -n 1)"
		return 1
	fi
	if ! dpkg-source -q --no-check -x "$place/src/${name}_${version#*:}.dsc" "$source.new" >"$place/apt/said" 2>&1; then
		why="its source could not be unpacked: $(tail -n 1 "$place/apt/said")"
		return 1
	fi
	mv "$source.new" "$source"
}

# compile PROGRAM WORD... - theirs, with the flags and the allocator that ours have.
compile() {
	out=$bin/$1
	shift
	gcc -O3 -march=native -w -D_GNU_SOURCE -DHAVE_RAND_R -DHAVE_GETTID -pthread -o "$out" "$@" -Wl,--no-as-needed -ljemalloc 2>"$place/said" || {
		why="it could not be built: $(grep -m 1 error "$place/said")"
		return 1
	}
}

wrapped() {
	printf ' -Wl,--wrap=%s' "$@"
}

lfht_build() {
	source_of liburcu-dev || return 1
	# shellcheck disable=SC2086,SC2046 # words
	for part in '' EMPTY ALIKE; do
		set -- "$source"/tests/benchmark/test_urcu_hash*.c "$source/tests/common/debug-yield.c" \
			-I"$source/tests/benchmark" -I"$source/tests/common" -idirafter "$source/src" -lurcu-qsbr -lurcu-cds
		case $part in
		EMPTY) set -- -D${part}_LFHT "$top/scripts/independent.c" "$@" $(wrapped cds_lfht_lookup cds_lfht_add_unique cds_lfht_del malloc free) ;;
		ALIKE) set -- -D${part}_LFHT "$top/scripts/independent.c" "$@" \
			$(wrapped _cds_lfht_new urcu_qsbr_create_all_cpu_call_rcu_data) ;;
		esac
		compile "lfht$part" "$@" || return 1
	done
	built="${built}liburcu $version"
}

ck_build() {
	source_of libck-dev || return 1
	set -- "$source/regressions/ck_ht/benchmark/parallel_direct.c" -DCORES=2 -lck
	# shellcheck disable=SC2046 # words
	compile ck "$@" && compile ckEMPTY -DEMPTY_CK "$top/scripts/independent.c" "$@" $(wrapped ck_ht_get_spmc ck_ht_hash_direct) &&
		compile ckALIKE -DALIKE_CK="$keys" -I"$top" "$top/scripts/independent.c" "$@" \
			$(wrapped ck_ht_init ck_ht_put_spmc ck_ht_hash_direct ck_ht_get_spmc) &&
		compile ticks -DTICKS "$top/scripts/independent.c" || return 1
	built="$built${built:+, }ck $version"
}

compared='' built=''
if lfht_build; then
	compared="$compared lfht"
else
	missing test_urcu_hash "$why"
fi
if ck_build; then
	compared="$compared ck"
	ticks=$("$bin/ticks")
else
	missing parallel_direct "$why"
fi
[ -n "$compared" ] || fail "nothing can be compared"

# ---- Measure ----

# note POINT SIDE MOPS - what a function below has measured; nothing if it failed, and has said so: its exit was that of a subshell.
note() {
	[ -n "$3" ] || exit 1
	echo "$1 $2 $3" >>"$runs/figures"
}

wrong() {
	echo "independent.sh: $1" >&2
	exit 1
}

# lfht PROGRAM READERS WRITERS [KEYS] - what it did per second.
lfht() {
	"$bin/$1" "$2" "$3" "$seconds" -h $buckets -m $buckets -n $buckets -u -k "${4-$keys}" -O $range -M $range -N $range \
		>"$runs/said" 2>&1 || wrong "$1 failed: $(tail -n 1 "$runs/said")"
	sed -n 's/.* testdur *\([0-9]*\) .* nr_ops *\([0-9]*\) .*/\1 \2/p' "$runs/said" | awk '{ print $2 / $1 / 1e6 }'
}

# ck PROGRAM THREADS - lookups by main, timed, while the others do the same. It goes on with removals,
# which leave the table of this version full of marks that all later lookups have to pass: it is ended there.
ck() {
	: >"$runs/said"
	"$bin/$1" "$keys" $((4000000 / keys + 1)) 8 $(($2 - 1)) 0 0 >"$runs/said" 2>&1 &
	child=$!
	# A shell hides Ctrl-C from what it runs in the background.
	trap 'kill -KILL "$child" 2>/dev/null; exit 130' INT TERM
	until grep -q 'get test...done' "$runs/said"; do
		kill -0 "$child" 2>/dev/null || wrong "$1 failed: $(tail -n 1 "$runs/said")"
		sleep 0.1
	done
	kill -KILL "$child"
	wait "$child" 2>/dev/null || true
	sed -n 's/.*Executing get test...done (\([0-9]*\) ticks).*/\1/p' "$runs/said" |
		awk -v hz="$ticks" -v n="$2" '{ print ($1 > 0 ? n * hz / $1 / 1e6 : 0) }'
}

# ours SUBJECT THREADS OPTION...
ours() {
	subject=$1 n=$2
	shift 2
	"$hamtbench" run --no-db --quiet --format csv --trials 1 --noise off --duration "${seconds}s" --smr-stats off \
		--subject "$subject" --threads "$n" "$@" >"$runs/said" 2>"$runs/complaints" || wrong "hamtbench: $(tail -n 1 "$runs/complaints")"
	awk -f "$top/scripts/plots/csv.awk" -f - "$runs/said" <<-'AWK'
		FNR == 1 { csv_header($0, at); next }
		{ csv_split($0, f) }
		f[at["valid"]] == 1 { print f[at["mops"]]; valid = 1 }
		END { if (!valid) { print "independent.sh: a trial of ours is not valid" >"/dev/stderr"; exit 1 } }
	AWK
}

trial=0
while [ "$trial" -lt "$trials" ]; do
	trial=$((trial + 1))
	echo "independent.sh: trial $trial of $trials" >&2
	for n in $threads; do
		case $compared in
		*lfht*)
			note "lfht:get:$n" theirs "$(lfht lfht "$n" 0)"
			note "lfht:get:$n" ours "$(ours urcu-lfht "$n" --keys $range --mix get=100)"
			note "lfht:get:$n" loop "$(lfht lfhtEMPTY "$n" 0 0)"
			note "lfht:get:$n" null "$(ours null "$n" --keys $range --mix get=100)"
			note "lfht:update:$n" theirs "$(lfht lfht 0 "$n")"
			note "lfht:update:$n" ours "$(ours urcu-lfht "$n" --keys $range --mix insert=50,remove=50)"
			note "lfht:update:$n" loop "$(lfht lfhtEMPTY 0 "$n" 0)"
			note "lfht:update:$n" null "$(ours null "$n" --keys $range --mix insert=50,remove=50)"
			note "lfht:update:$n" alike "$(lfht lfhtALIKE 0 "$n")"
			;;
		esac
		case $compared:$n in
		*ck*:1) ;; # it has no test with one thread
		*ck*)
			note "ck:get:$n" theirs "$(ck ck "$n")"
			note "ck:get:$n" ours "$(ours ck-ht "$n" --keys "$keys" --prefill "$keys" --mix get=100)"
			note "ck:get:$n" loop "$(ck ckEMPTY "$n")"
			note "ck:get:$n" null "$(ours null "$n" --keys "$keys" --prefill 0 --mix get=100)"
			note "ck:get:$n" alike "$(ck ckALIKE "$n")"
			;;
		esac
	done
done

# ---- Compare ----

machine=$("$hamtbench" run --no-db --quiet --trials 1 --duration 10ms --warmup 1ms --subject null --threads 1 --keys 10 --mix get=100 |
	sed -n 1p)
awk -v machine="$machine" -v built="$built" -v noise="$noise" -v keys="$keys" -v trials="$trials" -v seconds="$seconds" '
	{
		if (!(($1, $2) in n) && $2 == "theirs")
			point[++points] = $1
		x[$1, $2, ++n[$1, $2]] = $3
	}

	# summary - sets lo, mid and hi of a side.
	function summary(p, side,    i, j, k, v, a)
	{
		k = n[p, side]
		for (i = 1; i <= k; i++) {
			v = x[p, side, i] + 0
			for (j = i - 1; j > 0 && a[j] > v; j--)
				a[j + 1] = a[j]
			a[j + 1] = v
		}
		lo = a[1]
		hi = a[k]
		mid = k % 2 ? a[(k + 1) / 2] : (a[k / 2] + a[k / 2 + 1]) / 2
	}

	function shown(p, side)
	{
		summary(p, side)
		return sprintf("%7.2f %6.2f ..%7.2f", mid, lo, hi)
	}

	# same - do the ranges meet, or are the medians no further apart than noise?
	function same(amid, alo, ahi, bmid, blo, bhi)
	{
		# Without the loop around it an operation may seem to take no time at all: then nothing is known.
		if (amid <= 0 || bmid <= 0)
			return 0
		return (alo <= bhi && blo <= ahi) || (amid / bmid < 1 + noise / 100 && bmid / amid < 1 + noise / 100)
	}

	# net - ns of an operation on one thread without the loop around it.
	function net(p, side, loop, threads)
	{
		summary(p, loop)
		around = threads * 1000 / mid
		summary(p, side)
		nmid = threads * 1000 / mid - around
		nlo = threads * 1000 / hi - around
		nhi = threads * 1000 / lo - around
	}

	function because(ratio)
	{
		return sprintf("differ by %+.0f %%", (ratio - 1) * 100)
	}

	END {
		print machine
		print built "; " trials " trials of " seconds " s of each, in turns; Mops/s: median, slowest .. fastest"
		for (i = 1; i <= points; i++) {
			p = point[i]
			split(p, part, ":")
			t = part[3]
			name = part[1] == "lfht" ? "rculfhash (QSBR)" : "ck_ht"
			load = part[2] == "update" ? "insert 50 %, remove 50 %, " : "get, "
			load = load keys " of " (part[1] == "lfht" ? 2 * keys : keys) " keys"
			printf "\n%s, %s, %d thread%s\n", name, load, t, (t > 1 ? "s" : "")
			printf "  %-34s%s\n", part[1] == "lfht" ? "test_urcu_hash (liburcu)" : "parallel_direct (ck)", shown(p, "theirs")
			a = mid; alo = lo; ahi = hi
			text = shown(p, "ours")
			b = mid; blo = lo; bhi = hi
			ratio = b / a
			printf "  %-34s%s  / theirs: %.2f\n", "hamtbench", text, ratio
			agree = same(a, alo, ahi, b, blo, bhi)
			agreed = differ = ""
			if ((p, "alike") in n) {
				printf "  %-34s%s\n", "theirs, set up as ours", shown(p, "alike")
				if (same(mid, lo, hi, b, blo, bhi))
					agreed = "once theirs is set up as ours"
				else
					differ = "; once theirs is set up as ours, " because(b / mid)
			}
			if ((p, "loop") in n) {
				printf "  %-34s%s\n", "their loop, without a map", shown(p, "loop")
				printf "  %-34s%s\n", "our loop, subject null", shown(p, "null")
				net(p, "theirs", "loop", t)
				a = nmid; alo = nlo; ahi = nhi
				net(p, "ours", "null", t)
				printf "  %-34s theirs %.1f ns (%.1f .. %.1f), ours %.1f ns (%.1f .. %.1f)\n", "without the loops, an operation:", \
					a, alo, ahi, nmid, nlo, nhi
				if (same(a, alo, ahi, nmid, nlo, nhi))
					agreed = "without the loops"
				else
					differ = differ (a > 0 && nmid > 0 ? "; without the loops, " because(a / nmid) : "; the loops take all of it")
			}
			if (agree)
				print "  agree within noise"
			else if (agreed != "")
				print "  " because(ratio) ", and agree within noise " agreed
			else
				print "  " because(ratio) differ
		}
	}' "$runs/figures"
