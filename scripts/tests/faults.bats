#!/usr/bin/env bats
# What the system refuses is said in one line, and costs nothing but what depends on it.
# HAMTBENCH names the binary. Full disks, kills and bad files are in hamtbench.bats.
# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	export HAMTBENCH
	[ -x "$HAMTBENCH" ] || { echo "build $HAMTBENCH first: make" >&2; return 1; }
	"${CC:-gcc}" -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/refuse" "$BATS_TEST_DIRNAME/refuse.c"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset HAMTBENCH_PLUGINS HAMTBENCH_CLOCK
	quick='--subject hamt --keys 1K --duration 10ms --warmup 1ms --threads 2'
}

# without CALLS ARGUMENT... - hamtbench run while the system refuses the calls. Warnings that
# any run of this build may give are left out of $stderr.
without() {
	local calls=$1
	shift
	# shellcheck disable=SC2086 # words
	run --separate-stderr "$BATS_FILE_TMPDIR/refuse" "$calls" "$HAMTBENCH" run $quick "$@"
	[ "$status" -ne 77 ] || skip "seccomp filters are refused"
	stderr=$(grep -v 'warning: built from a tree' <<<"$stderr") || true
	printf '%s\n' "status $status" "$output" "$stderr"
}

@test "membarrier refused: fences instead, said once; who insists on it is told" {
	without membarrier --no-db --trials 3
	[ "$status" -eq 0 ]
	[ "$stderr" = "hamtbench run: warning: membarrier(2) is refused: readers order their announcements by fences" ]
	if "$HAMTBENCH" list subjects | grep -q '^  urcu-lfht-memb  *[^n]'; then
		without membarrier --no-db --trials 1 --subject urcu-lfht-memb --format csv
		[ "$status" -eq 0 ]
		[[ "$stderr" == *"readers order their announcements by fences" ]]
	fi
	without membarrier --no-db --quiet --trials 1 --reclaim hp-asymmetric
	[ "$status" -eq 1 ]
	[[ "$stderr" == "hamtbench run: trial 1 of 1 (hamt "*") could not run: hp-asymmetric: membarrier(2) is refused here" ]]
}

@test "binding threads refused: the default gives way, a wish fails" {
	without sched_setaffinity --no-db --trials 1 --format csv
	[ "$status" -eq 0 ]
	[ "$stderr" = "hamtbench run: warning: threads cannot be bound here: --pin none" ]
	[[ "$output" == *,none,none,* ]]
	without sched_setaffinity --no-db --trials 1 --pin compact
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"could not run: cannot bind to PU "*": Operation not permitted" ]]
}

@test "memory policy refused: a wish fails" {
	without mbind,set_mempolicy --no-db --trials 1 --membind local
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"could not run: memory policy local: Operation not permitted" ]]
}

@test "madvise refused, as where huge pages are: it goes on" {
	without madvise,madvise=ENOSYS --no-db
	[ "$status" -eq 0 ]
	without madvise=EINVAL --no-db --subject mutex
	[ "$status" -eq 0 ]
}

@test "no more threads: the trial fails, and says so" {
	without clone3=EAGAIN,clone=EAGAIN --no-db --trials 1
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"could not run: could not start thread 1 of 2: Resource temporarily unavailable" ]]
}

@test "a disk that fails to sync, a file that may not grow: nothing is reported as kept" {
	without fsync=EIO,fdatasync=EIO --db sync.db
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench run: sync.db: "* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	# shellcheck disable=SC2086 # words
	run --separate-stderr sh -c "ulimit -f 8; exec $HAMTBENCH run $quick --trials 1 --quiet --db small.db"
	printf '%s\n' "status $status" "$output" "$stderr"
	[ "$status" -eq 2 ]
	[ "$stderr" = "hamtbench run: small.db: cannot write to it: disk I/O error" ]
	# In the middle: what was kept before stays.
	# shellcheck disable=SC2086 # words
	"$HAMTBENCH" run $quick --trials 1 --quiet --db grown.db >/dev/null
	local blocks
	blocks=$((($(stat -c %s grown.db) + 511) / 512))
	run --separate-stderr sh -c "ulimit -f $blocks; exec $HAMTBENCH run $quick --trials 50 --quiet --db grown.db"
	printf '%s\n' "status $status" "$output" "$stderr"
	[ "$status" -eq 2 ]
	[[ "$stderr" == "hamtbench run: grown.db: "* ]]
	"$HAMTBENCH" export --db grown.db --series 1 >kept.csv
	[ "$(wc -l <kept.csv)" -eq 2 ]
}

@test "standard output that cannot be written is an error of every command" {
	local words
	# shellcheck disable=SC2086 # words
	"$HAMTBENCH" run $quick --trials 1 --quiet --db out.db >/dev/null
	for words in list "check --subject mutex --keys 16 --ops 1K" \
		"export --db out.db" topo "run $quick --no-db --quiet" --help; do
		run --separate-stderr sh -c "$HAMTBENCH $words >/dev/full"
		printf '%s\n' "$words: status $status" "$stderr"
		[ "$status" -eq 2 ]
		[[ "$stderr" == "hamtbench"*": No space left on device" ]]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
	done
}

@test "memory that runs out fails the trial, which says so, and not the run" {
	# jemalloc needs some room of its own to start at all, and falls over with less.
	run --separate-stderr sh -c "ulimit -v 50000; exec $HAMTBENCH run --subject hamt,mutex --workload load --part insert \
		--keys 1M --trials 1 --threads 1 --no-db --quiet --noise off --order given"
	printf '%s\n' "status $status" "$output" "$stderr"
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"trial 1 of 2 (hamt "*" memory"* ]]
	[[ "$stderr" == *"trial 2 of 2 (mutex "* ]]
	[ "$(wc -l <<<"$stderr")" -eq 2 ]
}
