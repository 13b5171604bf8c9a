#!/usr/bin/env bats
# The Makefile, on a small tree of its own: what is built, what is built
# again, and what is said when something is missing.

setup() {
	top=$BATS_TEST_DIRNAME/../..
	cd "$BATS_TEST_TMPDIR" || return 1
	# Of the make that runs us, nothing.
	unset MAKEFLAGS MAKELEVEL MFLAGS V T CC CXX CFLAGS LDFLAGS PREFIX DESTDIR
	mkdir -p core/tests harness/tests/plugins workloads/subjects workloads/tests scripts
	cp "$top/Makefile" .
	cp "$top/scripts/run-tests.sh" "$top/scripts/sanitized.sh" scripts
	cp "$top/core/tests/check.h" core/tests
	write core/one.h 'int one(void);'
	write core/one.c '#include "core/one.h"' 'int' 'one(void)' '{' 'return 1;' '}'
	write core/tests/test_one.c '#include "core/one.h"' '#include "core/tests/check.h"' \
		'static void is_one(void) { CHECK(one() == 1); CHECK_EQ(one(), 1); }' \
		'static void aborts(void) { CHECK(!check_aborts((void (*)(void *))is_one, NULL, "")); }' \
		'static void skips(void) { if (one() != 1) CHECK_SKIP("two"); }' \
		'static const struct test tests[] = { TEST(is_one), TEST(aborts), TEST(skips) };' \
		'int main(int argc, char **argv) { return RUN_TESTS(argc, argv, tests); }'
	# The binary loads what it is given and prints where go() got its memory.
	write harness/helper.h 'const char *helper(void);' 'const void *go(void);'
	write harness/helper.c '#include "buildinfo.h"' '#include "harness/helper.h"' \
		'const char *helper(void) { return BUILD_VARIANT " " BUILD_ALLOCATOR " " BUILD_REVISION; }'
	write harness/main.c '#include <dlfcn.h>' '#include <stdio.h>' '#include "harness/helper.h"' \
		'int main(int argc, char **argv) {' \
		'puts(helper());' \
		'for (int i = 1; i < argc; i++) {' \
		'void *so = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);' \
		'const char **name = so != NULL ? dlsym(so, "name") : NULL;' \
		'if (name == NULL) { puts(dlerror()); return 1; }' \
		'puts(*name); }' \
		'return 0; }'
	write workloads/many_keys.c '#include "harness/helper.h"' 'extern const char *const name;' \
		'const char *const name = "many keys";' 'const void *go(void) { return helper(); }'
	write workloads/subjects/map.c '/* variants: map=-DNAME="map" map-hp=-DNAME="map-hp",-DHP */' \
		'#include <stdlib.h>' '#include "core/one.h"' '#include "harness/helper.h"' \
		'#define TEXT(x) #x' '#define STRING(x) TEXT(x)' 'extern const char *const name;' \
		'#ifdef HP' 'const char *const name = "hp " STRING(NAME);' '#else' \
		'const char *const name = STRING(NAME);' '#endif' \
		'const void *go(void) { return malloc((size_t)one()); }'
	write workloads/subjects/no_lib.c '/* needs: lib:no-such-lib no-such-package */' \
		'/* debian: libno-such-dev */' '#error "must not be compiled"'
	write harness/tests/plugins/broken.c 'extern const char *const name;' 'const char *const name = "broken";'
}

write() {
	local file=$1
	shift
	printf '%s\n' "$@" >"$file"
}

# built WORD... - the lines in which make said that it built something.
built() {
	run make "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	output=$(printf '%s\n' "$output" | grep -E '^  (CC|AR|LD|SO) ' | sort || true)
}

@test "unknown V is an error of one line" {
	run make V=frob
	echo "$output"
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"unknown V=frob"*"release debug asan ubsan tsan"* ]]
}

@test "help names every target and every variable" {
	run make help
	[ "$status" -eq 0 ]
	for word in all test check bench tsan tsan-tests mutants lint install clean help \
		V T MARCH WERROR PREFIX DESTDIR QUICK VERBOSE TEST_TIMEOUT SANITIZER BUDGET REPEAT CFLAGS 'CC, CXX'; do
		[[ "$output" == *"  $word "* ]] || { echo "no $word in: $output"; return 1; }
	done
}

@test "builds the binary and the plug-ins, which it can load" {
	built
	[ -x build/release/hamtbench ]
	run build/release/hamtbench build/release/subjects/map.so build/release/subjects/map-hp.so \
		build/release/workloads/many-keys.so
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "release jemalloc unknown" ]
	[ "${lines[1]}" = map ]
	[ "${lines[2]}" = "hp map-hp" ]
	[ "${lines[3]}" = "many keys" ]
	[ ! -e build/debug ]
}

@test "no change rebuilds nothing, in any variant" {
	for v in release asan; do
		built V=$v
		[ -n "$output" ]
		built V=$v
		[ -z "$output" ]
	done
}

@test "a change of flags rebuilds all of that variant and nothing of another" {
	built V=release
	before=$output
	built V=debug
	built V=release CFLAGS=-DCHANGED
	[ "$output" = "$before" ]
	built V=release CFLAGS=-DCHANGED
	[ -z "$output" ]
	built V=debug
	[ -z "$output" ]
}

@test "MARCH says for which processor; empty builds portably" {
	run make VERBOSE=1 build/release/core/one.o
	[[ "$output" == *" -march=native "* ]]
	run make VERBOSE=1 MARCH= build/release/core/one.o
	[[ "$output" == *" -c "* ]]
	[[ "$output" != *" -march"* ]]
}

@test "a change of a header rebuilds who includes it" {
	built
	touch harness/helper.h
	built
	[[ "$output" == *harness/main.o* ]]
	[[ "$output" == *workloads/many-keys.so* ]]
	[[ "$output" != *core/one.o* ]]
}

@test "the revision goes into one object, again only when it changes" {
	built
	git init -q .
	printf 'build/\n' >.gitignore
	git add .
	git -c user.name=a -c user.email=a@b commit -q -m one
	built
	[[ "$output" == *helper.o* ]]
	[[ "$output" != *main.o* ]]
	build/release/hamtbench | grep -qx "release jemalloc $(git rev-parse HEAD)"
	grep -qx '#define BUILD_DIRTY 0' build/release/buildinfo.h
	built
	[ -z "$output" ]
	echo >>core/one.h
	built
	grep -qx '#define BUILD_DIRTY 1' build/release/buildinfo.h
}

@test "plug-ins get malloc from jemalloc in release, from libc in debug" {
	for v in release debug; do
		built V=$v
		run env LD_BIND_NOW=1 LD_DEBUG=bindings build/$v/hamtbench build/$v/subjects/map.so
		[ "$status" -eq 0 ]
		printf '%s\n' "$output" | grep "map.so .*normal symbol .malloc'" >binding
		cat binding
		case $v in
		release) grep -q 'libjemalloc' binding ;;
		debug) grep -q 'libc\.so' binding ;;
		esac
	done
}

@test "the copies of core in plug-ins are hidden" {
	built
	nm -D --defined-only build/release/subjects/map.so >shown
	cat shown
	grep -qw name shown
	run grep -w one shown
	[ "$status" -eq 1 ]
}

@test "a plug-in uses its own function, though the binary has one of that name" {
	write harness/twin.c 'int twin(void);' 'int twin(void) { return 1; }'
	write workloads/twin.c 'int twin(void);' 'int twin(void) { return 2; }' \
		'extern const char *name;' 'const char *name = "the binary'"'"'s";' \
		'__attribute__((constructor)) static void' \
		'choose(void) { if (twin() == 2) name = "its own"; }'
	built V=debug
	run build/debug/hamtbench build/debug/workloads/twin.so
	[ "${lines[1]}" = "its own" ]
}

@test "a subject whose library is missing is left out, and said so" {
	built
	[ ! -e build/release/subjects/no-lib.so ]
	[ "$(cat build/release/subjects/no-lib.missing)" = "no-lib install libno-such-dev and build again" ]
	# Once it needs nothing, it is built.
	write workloads/subjects/no_lib.c 'extern const char *const name;' 'const char *const name = "here";'
	built
	[ -e build/release/subjects/no-lib.so ]
	[ ! -e build/release/subjects/no-lib.missing ]
}

@test "a plug-in that is barred from a variant is left out of it alone, and the reason said" {
	sed -i '1i /* not under debug: its fences | are misread */' workloads/subjects/map.c
	built V=debug
	[ ! -e build/debug/subjects/map.so ]
	[ "$(cat build/debug/subjects/map.missing)" = "map not under debug: its fences | are misread" ]
	[ "$(cat build/debug/subjects/map-hp.missing)" = "map-hp not under debug: its fences | are misread" ]
	built
	[ -e build/release/subjects/map.so ]
	[ ! -e build/release/subjects/map.missing ]
	sed -i 1d workloads/subjects/map.c
	built V=debug
	[ -e build/debug/subjects/map.so ]
	[ ! -e build/debug/subjects/map.missing ]
}

@test "maps of other libraries: as release, in every variant if asked for, or never" {
	mkdir workloads/subjects/peers
	write workloads/subjects/peers/other.c 'extern const char *const name;' 'const char *const name = "other";'
	built
	[ -e build/release/subjects/other.so ]
	built V=debug
	[ ! -e build/debug/subjects/other.so ]
	[ "$(cat build/debug/subjects/other.missing)" = "other make V=debug PEERS=1" ]
	built V=debug PEERS=1
	[ -e build/debug/subjects/other.so ]
	[ ! -e build/debug/subjects/other.missing ]
	built PEERS=0
	[ ! -e build/release/subjects/other.so ]
	[ ! -e build/release/subjects/other.missing ]
}

@test "a plug-in whose source is gone goes too" {
	built
	rm workloads/subjects/map.c
	built
	[ ! -e build/release/subjects/map.so ]
	[ ! -e build/release/subjects/map-hp.so ]
	[ -e build/release/workloads/many-keys.so ]
}

@test "a source that is gone is no longer linked, a new one is" {
	write core/two.c 'int two(void);' 'int two(void) { return 2; }'
	built
	nm build/release/libhamt.a | grep -qw two
	rm core/two.c
	built
	run grep -w two <(nm build/release/libhamt.a)
	[ "$status" -eq 1 ]
	built
	[ -z "$output" ]
	write harness/two.c 'int two(void);' 'int two(void) { return 2; }'
	built
	nm build/release/hamtbench | grep -qw two
	rm harness/two.c
	built
	run grep -w two <(nm build/release/hamtbench)
	[ "$status" -eq 1 ]
}

@test "a C++ subject is built by the C++ compiler" {
	command -v g++ >/dev/null || skip "g++ is not installed"
	write workloads/subjects/peer.cc '#include <string>' 'static std::string text("peer");' \
		'extern "C" const char *const name;' 'const char *const name = text.c_str();'
	built
	run build/release/hamtbench build/release/subjects/peer.so
	[ "${lines[1]}" = peer ]
}

@test "check runs the tests of one variant, T selects" {
	run make check V=debug T=core/test_one
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "3 passed, 0 failed, 0 skipped" ]
	[ ! -e build/debug/hamtbench ]
	run make check V=debug
	[ "$status" -eq 0 ]
	run make check T=nothing-of-this-name
	echo "$output"
	[ "$status" -eq 2 ]
	[[ "$output" == *"no test of variant release has T=nothing-of-this-name in its path"* ]]
}

@test "a test that is barred from a variant is none of its programs" {
	sed -i '1i /* not under debug: nothing to check in it */' core/tests/test_one.c
	run make check V=debug T=test_one
	echo "$output"
	[ "$status" -eq 2 ]
	[[ "$output" == *"says in its source that it is not under debug"* ]]
	[ ! -e build/debug/tests/core/test_one ]
	run make check T=test_one
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "check builds the plug-ins for tests that are not core's" {
	sed 's:core/one.h:harness/helper.h:; s:one():(*helper() != 0):g' core/tests/test_one.c \
		>harness/tests/test_two.c
	run make check V=debug T=two
	echo "$output"
	[ "$status" -eq 0 ]
	[ -e build/debug/tests/plugins/broken.so ]
	[ -e build/debug/subjects/map.so ]
}

@test "a failing test fails check" {
	sed -i 's/return 1;/return 2;/' core/one.c
	run make check V=debug
	echo "$output"
	[ "$status" -eq 2 ]
	[[ "$output" == *"1 passed, 1 failed, 1 skipped"* ]]
}

@test "each sanitizer sees its bug" {
	write core/tests/test_bug.c '#include <pthread.h>' '#include "core/tests/check.h"' \
		'static void *volatile lost;' 'static int shared;' \
		'static void *add(void *p) { for (int i = 0; i < 1000; i++) shared++; return p; }' \
		'static void race(void) { pthread_t t[2];' \
		'for (int i = 0; i < 2; i++) CHECK(pthread_create(&t[i], NULL, add, NULL) == 0);' \
		'for (int i = 0; i < 2; i++) CHECK(pthread_join(t[i], NULL) == 0); }' \
		'static void leak(void) { lost = malloc(10); lost = NULL; }' \
		'static void overflow(void) { volatile int i = 0x7fffffff; i++; CHECK_EQ(1, 1);' \
		'if (i == 3) { CHECK_SKIP(""); check_aborts(NULL, NULL, ""); } }' \
		'static const struct test tests[] = { TEST(race), TEST(leak), TEST(overflow) };' \
		'int main(int argc, char **argv) { return RUN_TESTS(argc, argv, tests); }'
	local pair bug bugs
	for pair in tsan:race asan:leak,overflow ubsan:overflow; do
		run make check "V=${pair%:*}" T=test_bug
		echo "$output"
		[ "$status" -ne 0 ]
		IFS=, read -ra bugs <<<"${pair#*:}"
		[[ "$output" == *"$((3 - ${#bugs[@]})) passed, ${#bugs[@]} failed, 0 skipped"* ]]
		for bug in "${bugs[@]}"; do
			[[ "$output" == *"not ok "?" - $bug"* ]]
		done
		# With a place in the source, not just an address.
		[[ "$output" == *"core/tests/test_bug.c:"* ]]
	done
}

@test "a missing compiler is named with its package" {
	run make V=asan CC=no-such-clang
	echo "$output"
	[ "$status" -eq 2 ]
	[[ "$output" == *"no-such-clang is not installed"*"setup.sh"* ]]
	# What make says when only clang-19 is not there.
	mkdir bin
	for tool in /usr/bin/*; do
		case $tool in */clang*) ;; *) ln -s "$tool" bin ;; esac
	done
	PATH=$PWD/bin run make V=tsan
	echo "$output"
	[ "$status" -eq 2 ]
	[[ "$output" == *"clang-19 is not installed"*"package clang-19"* ]]
}

@test "install puts everything below DESTDIR and PREFIX, and is usable" {
	# Names without a prefix are core's own, and a program's.
	write core/interface.h 'int hamt_two(void);'
	write core/hamt.h '#include "core/interface.h"'
	write core/hamt.c '#include "core/hamt.h"' '#include "core/one.h"' 'int' 'hamt_two(void)' '{' 'return one() + 1;' '}'
	printf '#!/bin/sh\n' >scripts/man.sh
	chmod +x scripts/man.sh
	run make install DESTDIR="$PWD/root" PREFIX=/opt/hamt
	echo "$output"
	[ "$status" -eq 0 ]
	root/opt/hamt/bin/hamtbench root/opt/hamt/lib/hamtbench/subjects/map.so
	[ -e root/opt/hamt/lib/hamtbench/workloads/many-keys.so ]
	[ -e root/opt/hamt/lib/libhamt.a ]
	grep -q '"/opt/hamt/lib/hamtbench"' build/release/flags
	run grep -r '"core/' root/opt/hamt/include/hamt
	[ "$status" -eq 1 ]
	write user.c '#include <hamt/hamt.h>' 'int one(void) { return 7; }' 'int main(void) { return hamt_two() - 2; }'
	gcc -Iroot/opt/hamt/include -o user user.c -Lroot/opt/hamt/lib -lhamt
	./user
}

@test "install says in one line that objcopy is missing, and takes code of an -flto build" {
	mkdir bin
	for tool in /usr/bin/*; do
		case $tool in */objcopy) ;; *) ln -s "$tool" bin ;; esac
	done
	PATH=$PWD/bin run make build/release/installed/libhamt.a
	echo "$output"
	[ "$status" -eq 2 ]
	[[ "$output" == *"objcopy is not installed: install package binutils"* ]]
	[ ! -e build/release/installed/libhamt.a ]
	write core/hamt.c 'int hamt_two(void);' 'int hamt_two(void) { return 2; }'
	make CFLAGS=-flto build/release/installed/libhamt.a
	write user.c 'int hamt_two(void);' 'int main(void) { return hamt_two() - 2; }'
	gcc -fno-lto -o user user.c build/release/installed/libhamt.a
	./user
}

@test "clean leaves the sources" {
	built
	make clean
	[ ! -e build ]
	[ -e core/one.c ]
}

@test "missing libraries are named; core builds without them" {
	mkdir bin
	printf '#!/bin/sh\nexit 1\n' >bin/pkg-config
	chmod +x bin/pkg-config
	PATH=$PWD/bin:$PATH run make
	echo "$output"
	[ "$status" -eq 2 ]
	[[ "$output" == *"not installed: hwloc "*"run scripts/setup.sh"* ]]
	PATH=$PWD/bin:$PATH run make check T=core
	echo "$output"
	[ "$status" -eq 0 ]
}
