#!/usr/bin/env bats
# What make install leaves is whole: library, plug-ins, manual pages, completion, used from
# outside the tree with nothing but pkg-config.
# shellcheck disable=SC2154 # run sets output, stderr and lines

bats_require_minimum_version 1.5.0

setup_file() {
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	PREFIX=$BATS_FILE_TMPDIR/prefix
	# As make sees it, so that nothing is built again: where plug-ins lie goes into the binary.
	make -s -C "$TOP" install DESTDIR="$BATS_FILE_TMPDIR/root" >/dev/null
	mv "$BATS_FILE_TMPDIR/root/usr/local" "$PREFIX"
	sed -i "s:^prefix=.*:prefix=$PREFIX:" "$PREFIX"/lib/pkgconfig/*.pc
	export TOP PREFIX PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig
	export HAMTBENCH_PLUGINS=$PREFIX/lib/hamtbench PATH=$PREFIX/bin:$PATH CC=${CC:-gcc}
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# example FILE - the C block that follows the first line of README.md that names the file.
example() {
	awk -v name="\`$1\`:" '
		index($0, name) { named = 1 }
		named && /^```c$/ { inside = 1; next }
		inside && /^```$/ { exit }
		inside' "$TOP/README.md" >"$1"
	[ -s "$1" ]
}

@test "a program finds the library" {
	example two.c
	# As it is written once it is installed.
	sed -i 's:"core/hamt.h":<hamt/hamt.h>:' two.c
	for library in hamt hamt-ebr hamt-qsbr hamt-he hamt-none; do
		# shellcheck disable=SC2046 # flags
		"$CC" -std=c11 -Wall -Wextra -Werror -o two two.c $(pkg-config --cflags --libs $library)
		[ "$(./two)" = "7 -> 49" ]
		[ "$(pkg-config --variable=libdir $library)" = "$PREFIX/lib" ]
		[ -e "$(pkg-config --variable=includedir $library)/hamt/hamt.h" ]
	done
}

@test "each scheme is a library that says so, and so does the header" {
	cat >scheme.c <<-'C'
	#include <hamt/reclaim.h>

	static const char *const names[] = {
		[RECLAIM_HP] = "hp", [RECLAIM_EBR] = "ebr", [RECLAIM_QSBR] = "qsbr", [RECLAIM_HE] = "he",
		[RECLAIM_NONE] = "none",
	};

	int main(void) { return printf("%s %s\n", reclaim_scheme(), names[RECLAIM]) < 0; }
	C
	for scheme in hp ebr qsbr he none; do
		library=hamt-$scheme
		# shellcheck disable=SC2046 # flags
		"$CC" -std=c11 -Wall -Wextra -Werror -o scheme scheme.c $(pkg-config --cflags --libs "${library%-hp}")
		[ "$(./scheme)" = "$scheme $scheme" ]
	done
}

@test "C++ is told that the headers are C, and calls functions of a C file" {
	command -v g++ >/dev/null || skip "g++ is not installed"
	echo '#include <hamt/hamt.h>' >direct.cc
	run g++ -fsyntax-only "-I$PREFIX/include" direct.cc
	[ "$status" -eq 1 ]
	[[ "$(grep -m 1 'error:' <<<"$output")" == *"these headers are C11"* ]]
	printf '%s\n' '#include <hamt/hamt.h>' 'struct hamt *map_new(void);' \
		'struct hamt *map_new(void) { struct hamt *map; return hamt_new(NULL, &map) == HAMT_OK ? map : NULL; }' >map.c
	printf '%s\n' 'extern "C" struct hamt *map_new();' 'int main() { return map_new() == nullptr; }' >main.cc
	"$CC" -std=c11 -c "-I$PREFIX/include" map.c
	# shellcheck disable=SC2046 # flags
	g++ -o main main.cc map.o $(pkg-config --libs hamt)
	./main
}

@test "a program's functions stay its own, whatever core calls its" {
	cat >own.c <<-'C'
	#include <hamt/hamt.h>

	uint64_t hash_bytes(void);
	void *node_alloc(void);

	/* Names of core. None is called by the map. */
	struct allocator { int limit; };
	struct allocator node_limit = { 1 };
	static inline void cpu_relax(void) { }
	#define LIKELY(x) (x)
	enum mutant { MUTANTS };
	uint64_t hash_bytes(void) { abort(); }
	void *node_alloc(void) { abort(); }

	int
	main(void)
	{
		struct hamt_bytes *map;
		char text[20];

		cpu_relax();
		if (LIKELY(MUTANTS != 0 || hamt_bytes_new(NULL, &map) != HAMT_OK))
			return node_limit.limit;
		for (unsigned i = 0; i < 1000; i++) {
			struct hamt_string key = { text, (size_t)snprintf(text, sizeof(text), "key %u", i) };

			if (hamt_bytes_insert(map, key, key) != HAMT_OK)
				return 1;
		}
		printf("%u\n", (unsigned)hamt_bytes_count(map));
		hamt_bytes_drop(map);
		return 0;
	}
	C
	for library in "$PREFIX"/lib/libhamt*.a; do
		nm -g --defined-only "$library" | awk 'NF == 3 { print $3 }' >names
		grep -qx hamt_new names
		run grep -vE '^(hamt|seed_hamt|hazard|reclaim|limbo|contention)_' names
		[ "$output" = "" ]
		"$CC" -std=c11 -o own own.c "-I$PREFIX/include" "$library" -pthread
		[ "$(./own)" = 1000 ]
	done
}

@test "headers define no macro without a prefix, and each can be included alone" {
	for header in "$PREFIX"/include/hamt/*.h; do
		name=hamt/$(basename "$header")
		printf '#include <%s>\n' "$name" >one.c
		"$CC" -std=c11 -Wall -Wextra -Wundef -Werror -O0 -c -o one.o "-I$PREFIX/include" one.c
		cat one.c >>all.c
	done
	printf '#include <%s.h>\n' stdatomic stdbool stddef stdint stdio stdlib >libc.c
	for file in all libc; do
		"$CC" -std=c11 -dM -E "-I$PREFIX/include" $file.c | cut -d ' ' -f 2 | sort >$file.macros
	done
	run comm -23 all.macros libc.macros
	run grep -vE '^(HAMT|SEED_HAMT|HAZARD|RECLAIM|LIMBO|CONTENTION|CORE|hamt)(_|$)' <<<"$output"
	[ "$output" = "" ]
	# With those of a plug-in, in any order.
	printf '#include %s\n' '<hamt/hamt.h>' '"harness/plugin.h"' >both.c
	printf '#include %s\n' '"harness/plugin.h"' '<hamt/hamt.h>' >other.c
	# shellcheck disable=SC2046 # flags
	"$CC" -std=c11 -Wall -Wextra -Werror -c both.c other.c $(pkg-config --cflags hamt hamtbench)
}

@test "a map and a load built outside are run by the installed binary" {
	example mymap.c
	example myload.c
	for name in mymap myload; do
		[ "$(wc -l <$name.c)" -le 80 ]
		# shellcheck disable=SC2046 # flags
		"$CC" -std=c11 -Wall -Wextra -Werror -O2 -shared -fPIC -o $name.so $name.c $(pkg-config --cflags hamtbench)
	done
	run --separate-stderr hamtbench run --subject ./mymap.so,hamt --workload ./myload.so,mixed --threads 2 --keys 1K \
		--duration 20ms --warmup 1ms --trials 1 --format csv --no-db --quiet
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(grep -cE '^(mymap|hamt),(myload|mixed),' <<<"$output")" -eq 4 ]
}

@test "manual pages name every function, and are sound" {
	for page in "$PREFIX"/share/man/man*/*; do
		grep -q '^\.SH NAME' "$page"
		! command -v mandoc >/dev/null || [ -z "$(mandoc -T lint -W error "$page")" ]
	done
	sed -n 's/^[a-z].*[ *]\(hamt_[a-z_]*\)(.*/\1/p' "$TOP/core/hamt.h" >functions
	[ "$(wc -l <functions)" -ge 20 ]
	while read -r function; do
		grep -q "$function" "$PREFIX/share/man/man3/hamt.3" || { echo "hamt(3) lacks $function"; return 1; }
	done <functions
	for command in $(hamtbench --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
		grep -qi "^\.SH \"HAMTBENCH $command\"" "$PREFIX/share/man/man1/hamtbench.1"
	done
	run --separate-stderr "$TOP/scripts/man.sh" header ./none.h
	[ "$status" -eq 2 ]
	[ "$stderr" = "man.sh: cannot read ./none.h" ]
	echo '/* something */' >none.h
	run --separate-stderr "$TOP/scripts/man.sh" header ./none.h
	[ "$status" -eq 2 ]
	[ "$stderr" = "man.sh: ./none.h: its first comment must be: name.h - what it is" ]
}

# completed WORD... - what bash offers for the last word.
completed() {
	# shellcheck disable=SC1091 # where it was installed
	. "$PREFIX/share/bash-completion/completions/hamtbench"
	COMP_WORDS=(hamtbench "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_hamtbench
	echo "${COMPREPLY[*]}"
}

@test "completion knows commands, options and names" {
	[[ " $(completed '') " == *" run "* ]]
	[ "$(completed run --subj)" = --subject ]
	[ "$(completed run --subject roof)" = roofline ]
	[ "$(completed run --subject hamt,roof)" = hamt,roofline ]
	[ "$(completed run --workload = mix)" = mixed ]
	[ "$(completed run --dist unif)" = uniform ]
	[ "$(completed list opera)" = operations ]
}
