#!/bin/sh
# shellcheck disable=SC2154,SC2034 # variables are the sourcing script's
# What sweeps share: running hamtbench so that it can be interrupted and gone on
# with, and putting finished files where they are read. Sourced, after
#   sweep      the script's name, for messages
#   hamtbench  the binary
#   scratch    a folder of the script's own
#   resume     --resume, or nothing for new series
#   worst=0 series='' points=0, which the functions below set

fail() {
	echo "$sweep: $1" >&2
	exit 2
}

# sweep_measure OPTION... - hamtbench run with these: what it says into $scratch/said, the
# number of its series into $series; worst, the exit status so far, becomes 1 if a trial
# was not valid. In the background, so that SIGTERM can be passed on at once; a shell
# hides Ctrl-C from what it runs there, hence env.
sweep_measure() {
	# shellcheck disable=SC2086 # one word or none
	env --default-signal=INT,QUIT "$hamtbench" run "$@" $resume >"$scratch/said" &
	child=$!
	status=0
	again=
	trap 'again=yes' INT
	trap 'again=yes; kill -TERM "$child" 2>/dev/null || true' TERM
	while :; do
		code=0
		wait "$child" || code=$?
		# 127: it was waited for already, when the signal came.
		[ "$code" = 127 ] || status=$code
		[ -n "$again" ] || break
		again=
	done
	trap 'exit 130' INT
	trap 'exit 143' TERM
	case $status in
	0) ;;
	1) worst=1 ;;
	130 | 143)
		echo "$sweep: interrupted; the same command goes on from here" >&2
		exit "$status"
		;;
	*) exit "$status" ;;
	esac
	series=$(sed -n 's/.*, series \([0-9][0-9]*\); as CSV:.*/\1/p' "$scratch/said" | tail -n 1)
	[ -n "$series" ] || fail "$hamtbench run does not say which series it made"
}

# sweep_points OPTION... - how many points hamtbench run has with these; it says itself what is wrong.
sweep_points() {
	plan=$("$hamtbench" run "$@" --dry-run) || exit 2
	points=$(printf '%s\n' "$plan" | sed -n '1s/^\([0-9][0-9]*\) point.*/\1/p')
	[ -n "$points" ] || fail "$hamtbench run --dry-run does not say how many points there are"
}

# sweep_install FOLDER OUT - the files of FOLDER into OUT; beside the old ones first, so
# that a reader never sees half a file.
sweep_install() {
	mkdir -p "$2" || fail "cannot make the folder $2"
	for file in "$1"/*; do
		name=$(basename "$file")
		{ cp "$file" "$2/.$name.new" && mv "$2/.$name.new" "$2/$name"; } || {
			rm -f "$2/.$name.new"
			fail "cannot write $2/$name"
		}
	done
}
