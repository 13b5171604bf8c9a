#!/usr/bin/env bats
# Bad input, kind by kind, as a user meets it: exit status 2, one line on standard error that names
# file and place, nothing on standard output, and every file in the folder as it was before, none more.
# hamtbench.bats has options, plug-ins and whose databases are refused; here are files that are damaged.
# HAMTBENCH names the binary.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	CORPUS=$(realpath "$BATS_TEST_DIRNAME/../../harness/tests/corpus")
	export HAMTBENCH CORPUS
	if [ ! -x "$HAMTBENCH" ]; then
		echo "build $HAMTBENCH first: make test" >&2
		return 1
	fi
	cd "$BATS_FILE_TMPDIR" || return 1
	"$HAMTBENCH" run --quiet --subject mutex --threads 1 --duration 5ms --warmup 1ms --trials 2 --db good.db >/dev/null
	"$HAMTBENCH" run --quiet --subject mutex --threads 1 --duration 5ms --warmup 1ms --trials 1 --keys 16 --history-ops 100 \
		--history good.history >/dev/null
}

setup() {
	unset HAMTBENCH_PLUGINS HAMTBENCH_CLOCK
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	cp "$BATS_FILE_TMPDIR/good.db" "$BATS_FILE_TMPDIR/good.history" .
}

# all_files - names and sums of everything in the folder.
all_files() {
	find . -type f -exec cksum {} + | sort
	find . ! -type f | sort
}

# refused TEXT WORD... - hamtbench WORD... says this line, and that is all it does.
refused() {
	local wanted=$1 before
	shift
	before=$(all_files)
	run --separate-stderr timeout 20 "$HAMTBENCH" "$@"
	printf '%s\n' "hamtbench $*: status $status" "$output" "$stderr"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	# shellcheck disable=SC2053 # a pattern
	[[ "$stderr" == hamtbench\ $1:\ $wanted ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ "$(all_files)" = "$before" ]
}

# patch FILE OFFSET BYTES - overwrite bytes, written as for printf.
patch() {
	# shellcheck disable=SC2059 # the format is the point
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "weights of a distribution: each bad line by its number" {
	local name said
	while IFS='|' read -r name said; do
		# The first byte tells the fuzz target what it is.
		tail -c +2 "$CORPUS/distribution/$name" >"$name"
		refused "--dist: distribution file: $name$said" run --no-db --dry-run --quiet --subject null --dist "file:$name"
	done <<-'TABLE'
		nul-in-a-line|:1: a NUL byte is in it
		return-in-a-line|:1: "2?3 x" is no weight, a number from 0 up
		hexadecimal-weight|:1: "0x10" is no weight, a number from 0 up
		negative-weight|:1: "-2" is no weight, a number from 0 up
		key-too-large|:1: "99999999999999999999" is not KEY or KEY WEIGHT
		sum-too-large|: the sum of its weights is too large
		empty|: it has no key with a weight above 0
	TABLE
	mkfifo pipe
	refused "--dist: distribution file: pipe: it is no regular file" run --no-db --subject null --dist file:pipe
	refused "--dist: distribution file: .: it is no regular file" run --no-db --subject null --dist file:.
	refused "--dist: distribution file: /dev/zero: it is no regular file" run --no-db --subject null --dist file:/dev/zero
	refused "--dist: distribution file: none: No such file or directory" run --no-db --subject null --dist file:none
	# Beyond the range of the load.
	echo 1000 >large
	refused "*distribution file: large:1: key 1000 is not below 10, the size of the range" run --no-db --subject null \
		--keys 10 --dist file:large
}

@test "histories: no file, no history, cut off, changed, a device" {
	head -c 100 good.history >short.history
	cp good.history longer.history
	echo more >>longer.history
	cp good.history changed.history
	patch changed.history 40 '\377\377'
	cp good.history newer.history
	patch newer.history 8 '\7'
	: >empty.history
	mkdir folder
	refused "none: No such file or directory" check none
	refused "empty.history: it is no history*" check empty.history
	refused "good.db: it is no history*" check good.db
	refused "short.history: it is cut off*" check short.history
	refused "longer.history: something follows its end" check longer.history
	refused "changed.history: the text at its beginning is not as it was written (its checksum differs)" check changed.history
	refused "newer.history: it has version 7 of the format, only 1 is known" check newer.history
	refused "folder: it is a folder" check folder
	refused "/dev/zero: it is a device" check /dev/zero
}

@test "results files: damaged in each way, for each command that reads them" {
	local file command
	head -c 300 good.db >short.db
	head -c 8192 good.db >cut.db
	cp good.db pages.db
	patch pages.db 4096 '\377\377\377\377\377\377\377\377\377\377\377\377'
	patch pages.db 100 '\377\377\377\377'
	cp good.db newer.db
	patch newer.db 60 '\0\0\0\11'
	echo "no database" >text.db
	mkdir folder.db
	for file in short.db cut.db pages.db newer.db text.db folder.db none.db; do
		for command in "export --db" "export --format json --db" "export --what points --db" "report --out page.html --db" \
			"compare good.db" "merge out.db" "merge good.db"; do
			# shellcheck disable=SC2086 # words
			refused "$file: *" $command "$file"
		done
		[ "$file" = none.db ] || refused "$file: *" merge "$file" good.db
		[ "$file" = none.db ] || refused "$file: *" run --quiet --subject null --db "$file"
	done
}
