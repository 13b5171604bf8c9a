#!/usr/bin/env bats
# lint.sh finds each violation where it was planted, and nothing in a clean tree.

setup() {
	lint=$BATS_TEST_DIRNAME/../lint.sh
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir -p core/tests harness/tests workloads/subjects workloads/tests scripts/tests results .ci
	# The two that every source of core includes, and what these include.
	for header in base interface atomic mutant scheduler; do
		cp "$BATS_TEST_DIRNAME/../../core/$header.h" core
	done
	touch Makefile README.md LICENSE
	printf '#!/bin/sh\nset -eu\n' >scripts/a.sh
	cat >core/a.c <<'END'
#include <stdint.h>

#include "core/atomic.h"
#include "core/base.h"

/* A constant table of pointers is no variable; malloc() in a comment is no call. */
static const char *const names[] = { "free(", "it's \" atomic_load(" };

const char *name_of(unsigned i, _Atomic(int) *p);
const char *
name_of(unsigned i, _Atomic(int) *p)
{
	/* release: pairs with nobody. */
	atomic_store_explicit(p, 1, memory_order_release);
	return names[i];
}
END
}

# plant FILE LINE... - append lines to a file.
plant() {
	local file=$1
	shift
	printf '%s\n' "$@" >>"$file"
}

# finds PREFIX TEXT - the one finding begins with PREFIX and holds TEXT.
finds() {
	run "$lint" .
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == "$1: "*"$2"* ]]
}

clean() {
	run "$lint" .
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "this tree is clean" {
	cd "$BATS_TEST_DIRNAME/../.."
	run scripts/lint.sh
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a small clean tree is clean" {
	clean
}

@test "bad options, missing tools" {
	run "$lint" --frob
	[ "$status" -eq 2 ]
	[[ "$output" == *"unknown option --frob"* ]]
	run "$lint" . foo
	[ "$status" -eq 2 ]
	[ "$output" = "lint.sh: foo: wants one DIR" ]
	CC=no-such-cc run "$lint" .
	[ "$status" -eq 2 ]
	[[ "$output" == *"no-such-cc is not installed: run scripts/setup.sh" ]]
}

@test "top-level entries" {
	mkdir docs
	finds docs:1 "no such top-level entry"
}

@test "core includes harness" {
	plant core/b.c '' '#include "harness/plugin.h"'
	# It does not compile either, since there is no such file here.
	mkdir -p harness && touch harness/plugin.h
	finds core/b.c:2 'may not include "harness/plugin.h"'
}

@test "core includes another library" {
	plant core/b.h '#include <hwloc.h>'
	finds core/b.h:1 "not <hwloc.h>"
}

@test "core includes its tests" {
	touch core/tests/check.h
	plant core/b.h '#include "core/tests/check.h"'
	finds core/b.h:1 'may not include "core/tests/check.h"'
}

@test "harness includes core beyond base.h" {
	plant harness/b.c '#include "core/base.h"' '#include "core/hazard.h"'
	finds harness/b.c:2 'may not include "core/hazard.h"'
}

@test "harness includes workloads" {
	plant harness/b.c '#include "workloads/b.h"'
	finds harness/b.c:1 'may not include "workloads/b.h"'
}

@test "includes from the same folder" {
	plant harness/b.c '#include "plugin.h"'
	finds harness/b.c:1 "written from the top"
}

@test "a workload includes core, or the runner" {
	plant workloads/b.c '#include "harness/keys.h"' '#include "core/hazard.h"'
	finds workloads/b.c:2 'may not include "core/hazard.h"'
	plant workloads/b.c '#include "harness/runner.h"'
	run "$lint" .
	[ "${#lines[@]}" -eq 2 ]
}

@test "a subject may include public core, not its inside" {
	plant workloads/subjects/b.c '#include "harness/plugin.h"' '#include "core/hamt.h"'
	clean
	plant workloads/subjects/b.c '#include "core/node.h"'
	finds workloads/subjects/b.c:3 'may not include "core/node.h"'
}

@test "subjects may share a header, which nobody else includes" {
	plant workloads/subjects/b.c '#include "workloads/subjects/b.h"'
	clean
	plant workloads/b.c '#include "workloads/subjects/b.h"'
	finds workloads/b.c:1 'may not include "workloads/subjects/b.h"'
}

@test "tests include their own layer and check.h" {
	plant core/tests/test_b.c '#include "core/tests/check.h"' '#include "core/node.h"'
	plant harness/tests/test_b.c '#include "core/tests/check.h"' '#include "harness/runner.h"'
	clean
	plant harness/tests/test_b.c '#include "core/node.h"'
	finds harness/tests/test_b.c:3 'may not include "core/node.h"'
}

@test "stdatomic.h in core" {
	plant core/b.h '#include <stdatomic.h>'
	finds core/b.h:1 "core/atomic.h"
}

@test "an atomic call without _explicit, anywhere" {
	plant harness/b.c '#include <stdatomic.h>' 'int get(_Atomic(int) *p) { return atomic_load(p); }'
	finds harness/b.c:2 "without _explicit"
}

@test "a fence in core" {
	plant core/b.h '/* why */' 'static inline void b(void) { atomic_thread_fence(memory_order_seq_cst); }'
	finds core/b.h:2 "no fences in core"
}

@test "compiler atomics in core" {
	plant core/b.h 'static inline int b(int *p) { return __atomic_load_n(p, 0); }'
	finds core/b.h:1 "atomics of C11"
}

@test "a thread-local variable in core" {
	plant core/b.c '/* mine */' 'extern _Thread_local int mine;'
	finds core/b.c:2 "thread-local"
}

@test "a global and a static variable in core" {
	plant core/b.c 'int counter;' 'int next(void) {' 'static int hidden = 3;' 'return hidden++; }'
	run "$lint" .
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 2 ]
	[[ "$output" == *"core/b.c:1: core has no variables of its own: counter"* ]]
	[[ "$output" == *"core/b.c:3: core has no variables of its own: hidden"* ]]
}

@test "a source of core that does not compile" {
	plant core/b.c 'int x'
	finds core/b.c:1 "does not compile"
}

@test "malloc and free in core" {
	plant core/b.h '#include <stdlib.h>' 'static inline void *b(void) { return malloc(3); }'
	finds core/b.h:2 "allocator of core/base.h"
	plant core/b.h 'static inline void c(void *p) { free (p); }' \
		'static inline void d(struct allocator *a) { a->free(a, a, 1); }'
	run "$lint" .
	[ "${#lines[@]}" -eq 2 ]
	[[ "${lines[1]}" == core/b.h:3:* ]]
}

@test "an order without a comment near it" {
	plant core/b.h '/* too far away */' '' '' '' '' '' '' \
		'static inline int b(_Atomic(int) *p) { return atomic_load_explicit(p, memory_order_acquire); }'
	finds core/b.h:8 "has no comment"
}

@test "typedef struct" {
	plant harness/b.h 'typedef struct b b;'
	finds harness/b.h:1 "typedef is for function types"
}

@test "typedef of a function without _fn" {
	plant harness/b.h 'typedef int good_fn(void);' 'typedef int (*bad)(void);'
	finds harness/b.h:2 "_fn"
}

@test "a name in _t" {
	plant harness/b.h 'struct map_t { int x; };'
	finds harness/b.h:1 "reserved to POSIX"
}

@test "blanks at the end of a line" {
	plant Makefile 'all: '
	finds Makefile:1 "blanks at the end"
}

@test "shellcheck, in scripts, tests and CI" {
	# shellcheck disable=SC2016 # the planted mistake
	plant scripts/a.sh 'rm $1'
	finds scripts/a.sh:3 SC2086
	# shellcheck disable=SC2016
	plant .ci/run '#!/bin/bash' 'rm $1'
	# shellcheck disable=SC2016
	plant scripts/tests/a.bats '#!/usr/bin/env bats' '@test "a" {' 'rm $1' '}'
	run "$lint" .
	[ "${#lines[@]}" -eq 3 ]
}

@test "a script that is not POSIX sh" {
	printf '#!/bin/bash\n' >scripts/b.sh
	finds scripts/b.sh:1 "POSIX sh"
}
