#!/bin/sh
# Run a sanitized program the way all of this project's are run: the one place that says
# how. A race ends with status 66 but does not stop the program, so that one run shows
# them all. What the caller has set comes last and wins.
set -eu

case ${1-} in
'' | --help)
	echo 'usage: scripts/sanitized.sh PROGRAM [ARGUMENT...]   any variant: build/tsan/hamtbench run ...'
	[ $# -gt 0 ]
	exit
	;;
esac
symbols="external_symbolizer_path=$(command -v llvm-symbolizer-19 || command -v addr2line || true)"
export TSAN_OPTIONS="halt_on_error=0:exitcode=66:detect_deadlocks=0:$symbols:${TSAN_OPTIONS:-}"
export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:$symbols:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:$symbols:${UBSAN_OPTIONS:-}"
# ThreadSanitizer wants its memory where it expects it. Where a container
# forbids setarch, clang's own retry has to do.
case $1 in
*/tsan/* | tsan/*) ! setarch -R true 2>/dev/null || set -- setarch -R "$@" ;;
esac
exec "$@"
