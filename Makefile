# One file builds everything, in seven variants, each in its own build/<V>/.
# Sources are found by name, so adding a map, a workload or a test is one new
# file and no edit here. Rules are written once, for any variant, and
# instantiated for all; a variant nobody asks for costs nothing.

## Variables
V ?= release#         the variant: release debug asan (ubsan in it) ubsan tsan sched schedasan
T ?=#                 check: only test programs whose path contains T
MARCH ?= native#      release: what -march gets; MARCH= builds portably
WERROR ?= -Werror#    WERROR= lets a build with warnings pass
PREFIX ?= /usr/local# install: where to
DESTDIR ?=#           install: prepended to PREFIX, for packaging
PEERS ?=#             maps of other libraries, where installed: as release only; PEERS=1 in every variant, PEERS=0 never
QUICK ?=#             bench, backoff, latency, reclaim: QUICK=1 takes half a minute
VERBOSE ?=#           VERBOSE=1 prints each command in full
TEST_TIMEOUT ?= 300#  tests: seconds until a program is killed and has failed
SANITIZER ?= thread#  tsan: or address, undefined
OPS ?= 10M#            check-linear: operations on each map, for 1, 16 and 1000 keys
BUDGET ?= 10m#        tsan: it stops after so long, and goes on from there the next time
FUZZ ?=#              fuzz: only these targets: "hamt options"; without it all
FUZZ_TIME ?= 60s#     fuzz: how long each target runs
FULL ?=#               mutants: FULL=1 tries every tool on every bug, for an hour or two; goes on where it was
REPEAT ?= 5#          tsan-tests: how often each test runs, each time with another seed
CFLAGS ?=#            added behind the flags of the variant, as are CXXFLAGS and LDFLAGS
CXXFLAGS ?=
LDFLAGS ?=

# Of what is installed: the plug-in contract's number, then that of its changes within.
VERSION := $(shell awk '$$2 == "PLUGIN_VERSION" { print $$3 + 0 }' harness/plugin.h 2>/dev/null).0

V := $(strip $V)
# Builds with all planted bugs (core/mutant.h), for make mutants alone: natively, and under sanitizers.
MUTANT_VARIANTS := mutant mutasan muttsan
# For make fuzz alone: what libFuzzer needs to see which code an input reaches.
FUZZ_VARIANT := fuzz
VARIANTS := release debug asan ubsan tsan sched schedasan
ifeq ($(filter $V,$(VARIANTS)),)
$(error unknown V=$V: it is one of $(VARIANTS))
endif

# As many jobs as processors; a -j on the command line overrides it.
MAKEFLAGS += --no-builtin-rules --no-builtin-variables -j$(shell nproc)
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
.PHONY: FORCE
FORCE:

# $(call say,text)command: print the text instead of the command.
say = $(if $(strip $(VERBOSE)),,@printf '  %-5s %s\n' $1 && )
quote = '$(subst ','\'',$(strip $1))'
comma := ,

# ---- Compilers and flags ---------------------------------------------------

# Sanitizers want clang-19: the gcc and the clang that Debian 12 installs by
# default die under ThreadSanitizer on kernels with many mmap_rnd_bits.
GCC_VARIANTS := release debug sched schedasan
ifneq ($(filter default undefined,$(origin CC)),)
cc = $(if $(filter $1,$(GCC_VARIANTS)),gcc,clang-19)
else
cc = $(CC)
endif
ifneq ($(filter default undefined,$(origin CXX)),)
cxx = $(if $(filter $1,$(GCC_VARIANTS)),g++,clang++-19)
else
cxx = $(CXX)
endif
# The package that brings a compiler, for the message that it is missing.
package_of = $(or $(patsubst clang++%,clang%,$(filter clang%,$1)),$1)
need_compiler = $(if $(shell command -v $(firstword $1)),,$(error $(firstword $1) is not \
	installed: run scripts/setup.sh, or install package $(call package_of,$(firstword $1))))

MODE_release := -O3 $(addprefix -march=,$(strip $(MARCH))) -g
MODE_debug := -O1 -g -DCHECKED
# Reports need functions and lines, -g1, and not the types of variables, which make objects large and slow to link.
MODE_ubsan := -O1 -g1 -fno-omit-frame-pointer -fsanitize=undefined -fno-sanitize-recover=all -DCHECKED
MODE_asan := $(MODE_ubsan) -fsanitize=address,leak
MODE_tsan := -O1 -g1 -fno-omit-frame-pointer -fsanitize=thread
# Every atomic operation of core is a point of the scheduler (core/scheduler.h).
# Blocks of one slot: the smallest directory has two for helpers to claim.
MODE_sched := -O1 -g1 -DCHECKED -DSCHEDULED -DDIRECTORY_BLOCK=1
MODE_schedasan := $(MODE_sched) -fno-omit-frame-pointer -fsanitize=address

MODE_fuzz := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fsanitize=fuzzer-no-link \
	-fno-sanitize-recover=all -DCHECKED -DFUZZER

MODE_mutant := -O1 -g1 -DCHECKED -DMUTANT_CHOICE
MODE_mutasan := $(MODE_asan) -DMUTANT_CHOICE
MODE_muttsan := $(MODE_tsan) -DMUTANT_CHOICE

WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wundef -Wvla $(strip $(WERROR))
WARN_C := -Wstrict-prototypes -Wmissing-prototypes
# A plain read or write of an _Atomic is seq_cst without saying so. Tests may.
WARN_clang := -Watomic-implicit-seq-cst

# Flags by variant ($1); then those that depend on the folder of the source.
c_flags = -std=c11 -D_GNU_SOURCE -I. $(MODE_$1) $(WARN) $(WARN_C) \
	$(if $(findstring clang,$(call cc,$1)),$(WARN_clang)) -pthread $(CFLAGS)
# Of the undefined operations, vptr is checked by a library that a binary of C is not linked with.
cxx_flags = -std=c++17 -D_GNU_SOURCE -I. $(MODE_$1) $(if $(findstring undefined,$(filter -fsanitize=%,$(MODE_$1))),-fno-sanitize=vptr) \
	$(WARN) -pthread $(CXXFLAGS)
ld_flags = $(filter -fsanitize=%,$(MODE_$1)) -pthread $(LDFLAGS)

# core is linked into every subject. Hidden, several copies live side by side
# in one process. A plug-in shows its table, and uses its own functions even
# if the binary has one of that name. The harness stays visible, since plug-ins
# call its helpers.
DIR_core := -fPIC -fvisibility=hidden
PLUGIN_FLAGS := -shared -fPIC -Wl,-Bsymbolic -Wl,--as-needed
DIR_harness = $(PACKAGE_CFLAGS) -Ibuild/$1 -DPLUGIN_DIR='"$(strip $(PREFIX))/lib/hamtbench"'
dir_flags = $(call DIR_$(firstword $(subst /, ,$2)),$1) \
	$(if $(findstring /tests/,$2),$(call DIR_harness,$1) -DBUILD_DIR='"build/$1"' \
		$(if $(findstring clang,$(call cc,$1)),$(WARN_clang:-W%=-Wno-%)))

# ---- Packages of the binary ------------------------------------------------

PACKAGES := hwloc sqlite3 jansson popt libxxhash zlib
MISSING_PACKAGES := $(strip $(foreach p,$(PACKAGES) jemalloc, \
	$(if $(shell pkg-config --exists $p 2>/dev/null && echo yes),,$p)))
ifeq ($(MISSING_PACKAGES),)
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES))
PACKAGE_LIBS := $(shell pkg-config --libs $(PACKAGES))
endif
need_packages = $(if $(MISSING_PACKAGES),$(error not installed: $(MISSING_PACKAGES): run scripts/setup.sh))

# jemalloc is linked into the binary, not preloaded, and must be named even
# where nothing refers to it: plug-ins get their malloc from the executable's
# libraries. Sanitizers bring their own malloc.
ALLOCATOR_release := jemalloc
allocator = $(or $(ALLOCATOR_$1),libc)
allocator_libs = $(if $(ALLOCATOR_$1),-Wl$(comma)--no-as-needed -l$(ALLOCATOR_$1))
bin_libs = $(call allocator_libs,$1) -Wl,--as-needed $(PACKAGE_LIBS) -ldl -lm

# ---- Sources ---------------------------------------------------------------

CORE := $(wildcard core/*.c)
HARNESS := $(wildcard harness/*.c)
TESTS := $(wildcard core/tests/test_*.c harness/tests/test_*.c workloads/tests/test_*.c)
# The maps are built once for each reclamation scheme (core/reclaim.h), into a
# library of its own: libhamt.a is hp, libhamt-ebr.a is ebr ... Tests of the maps
# run under each.
SCHEMES := ebr qsbr he none
MACRO_ebr := RECLAIM_EBR
MACRO_qsbr := RECLAIM_QSBR
MACRO_he := RECLAIM_HE
MACRO_none := RECLAIM_NONE
MAP_TESTS := $(wildcard core/tests/test_hamt*.c core/tests/test_seed*.c core/tests/test_reclaim*.c)
# Tests look for leaks, which under none are intended.
tests_under = $(if $(filter none,$1),$(filter core/tests/test_reclaim%,$(MAP_TESTS)),$(MAP_TESTS))
# The library for a source compiled with the flags $2, of variant $1.
library = build/$1/libhamt$(addprefix -,$(foreach s,$(SCHEMES),$(if $(findstring =$(MACRO_$s),$2),$s))).a
# What names of the installed libraries begin with; others are core's own.
INTERFACE := hamt seed_hamt hazard reclaim limbo contention
# Those under the scheduler, and no others, are programs of the variants that have it.
SCHEDULED := sched schedasan
SCHEDULE_TESTS := $(filter core/tests/test_%_schedules.c,$(TESTS))
tests = $(if $(filter $(SCHEDULED),$1),$(SCHEDULE_TESTS),$(call not_barred,$1,$(filter-out $(SCHEDULE_TESTS),$(TESTS))))
# Helpers that all tests of one folder share; core's are the scheduler.
SUPPORT_core := $(filter-out core/tests/test_%,$(wildcard core/tests/*.c))
support_core = $(if $(filter $(SCHEDULED),$1),$(SUPPORT_core))
SUPPORT_harness := $(filter-out harness/tests/test_%,$(wildcard harness/tests/*.c))
SUBJECTS := $(wildcard workloads/subjects/*.c workloads/subjects/*.cc \
	$(if $(filter 0,$(PEERS)),,$(addprefix workloads/subjects/peers/,*.c *.cc)))
WORKLOADS := $(wildcard workloads/*.c)
TEST_PLUGINS := $(wildcard harness/tests/plugins/*.c workloads/tests/plugins/*.c) \
	$(filter-out workloads/tests/test_%,$(wildcard workloads/tests/*.c))
PLUGINS := $(SUBJECTS) $(WORKLOADS) $(TEST_PLUGINS)

# What a plug-in's source says about its own build, one comment line each:
#	/* needs: liburcu-cds lib:ck */         pkg-config names, or lib:NAME
#	/* debian: liburcu-dev */               packages that bring them
#	/* variants: hamt=-DX hamt-hp=-DY,-DZ */  several plug-ins from one source
#	/* not under tsan: REASON */           not built as that variant; `hamtbench list` gives the reason
# A test says the last one too: what has one thread need not be looked at for races.
# FACTS is the list of words source:keyword:word.
FACTS := $(if $(PLUGINS)$(TESTS),$(shell awk '$$1 == "/*" && $$NF == "*/" && \
	$$2 ~ /^(needs|debian|variants):$$/ { \
		for (i = 3; i < NF; i++) print FILENAME ":" $$2 $$i } \
	$$1 " " $$2 " " $$3 == "/* not under" && sub(/:$$/, "", $$4) { print FILENAME ":not-under:" $$4 }' $(PLUGINS) $(TESTS)))
fact = $(patsubst $1:$2:%,%,$(filter $1:$2:%,$(FACTS)))
# Of the sources $2, those not barred from variant $1.
not_barred = $(foreach s,$2,$(if $(filter $1,$(call fact,$s,not-under)),,$s))

# Words name=flags (commas for spaces) of the plug-ins built from source $1.
plugin_words = $(or $(call fact,$1,variants),$(subst _,-,$(basename $(notdir $1)))=)
plugin_name = $(firstword $(subst =, ,$1))
plugin_names = $(foreach w,$(call plugin_words,$1),$(call plugin_name,$w))

have_lib = $(shell echo 'int main(void) { return 0; }' | \
	$(call cc,$V) -x c -o /dev/null - -l$1 2>/dev/null && echo yes)
have_package = $(shell pkg-config --exists $1 2>/dev/null && echo yes)
have = $(if $(filter lib:%,$1),$(call have_lib,$(1:lib:%=%)),$(call have_package,$1))
lacks = $(foreach n,$(call fact,$1,needs),$(if $(call have,$n),,$n))
ABSENT := $(foreach p,$(PLUGINS),$(if $(strip $(call lacks,$p)),$p))
PRESENT := $(filter-out $(ABSENT),$(PLUGINS))

need_names = $(filter-out lib:%,$(call fact,$1,needs))
need_flags = $(if $(need_names),$(shell pkg-config $2 $(need_names)))
need_libs = $(patsubst lib:%,-l%,$(filter lib:%,$(call fact,$1,needs)))

# Of the sources $2: those barred from variant $1, and those built as it; their shared objects.
barred = $(foreach p,$(filter $2,$(PRESENT)),$(if $(call unasked,$1,$p),$p,$(if $(call not_barred,$1,$p),,$p)))
# Their templates take a minute of compiling in all variants together; one is enough for every day.
unasked = $(if $(strip $(PEERS))$(filter release,$1),,$(filter workloads/subjects/peers/%,$2))
built = $(filter-out $(call barred,$1,$2),$(filter $2,$(PRESENT)))
shared = $(foreach p,$(call built,$1,$2),$(addsuffix .so,$(call plugin_names,$p)))
products = $(addprefix build/$1/subjects/,$(call shared,$1,$(SUBJECTS))) \
	$(addprefix build/$1/workloads/,$(call shared,$1,$(WORKLOADS)))
test_plugins = $(addprefix build/$1/tests/plugins/,$(call shared,$1,$(TEST_PLUGINS)))

objects = $(patsubst %.c,build/$1/%.o,$2)
# core/tests/test_x.c -> build/V/tests/core/test_x
program = $(foreach t,$2,build/$1/tests/$(subst /tests/,/,$(basename $t)))
# Tests of the maps under each scheme but hp: build/V/tests/core-ebr/test_hamt
scheme_programs = $(foreach s,$(SCHEMES),$(patsubst core/tests/%.c,build/$1/tests/core-$s/%, \
	$(filter $(call tests,$1),$(call tests_under,$s))))
programs = $(call program,$1,$(call tests,$1)) $(call scheme_programs,$1)
# Tests of variant $1 that T selects.
selected = $(foreach p,$(call programs,$1),$(if $(findstring $(strip $T),$p),$p,$(if $(strip $T),,$p)))
need_selected = $(if $(call selected,$1),,$(error no test of variant $1 has T=$(strip $T) in its path, \
	or it says in its source that it is not under $1))
# What must be there before they run: those outside core may load plug-ins.
beside = $(if $(filter-out build/$1/tests/core%,$2),all-$1 $(call test_plugins,$1))

# ---- Rules, for one variant ($1) -------------------------------------------

# $(call update,COMMANDS) - their output becomes the target, but only if it
# differs, so that what depends on it is rebuilt only then. The name in between
# is the process's own: two makes may run in one tree.
update = @new=$@.$$$$; if { $1; } >$$new; then cmp -s $$new $@ && rm $$new || mv $$new $@; \
	else rm $$new; exit 1; fi

define variant
.PHONY: all-$1 prune-$1
all-$1: build/$1/hamtbench $(call products,$1) prune-$1

# The compiler with what it predefines (its version, what -march=native means
# here) and every flag: all objects depend on this file.
build/$1/flags: FORCE
	$$(call need_compiler,$$(call cc,$1))
	@mkdir -p $$(@D)
	$$(call update,$$(call buildflags,$1))

build/$1/buildinfo.h: build/$1/flags FORCE
	$$(call update,$$(buildinfo))

# Objects of tests are on the way between two pattern rules; keep them.
.PRECIOUS: build/$1/%.o
build/$1/%.o: %.c build/$1/flags | build/$1/buildinfo.h
	$$(if $$(filter harness/%,$$<),$$(need_packages))
	@mkdir -p $$(@D)
	$$(call say,CC $$@)$$(call cc,$1) $$(call c_flags,$1) $$(call dir_flags,$1,$$<) -MMD -MP -c -o $$@ $$<

# What is made of several objects depends on their list as well: a source that
# is gone must go from there too.
build/$1/objects: FORCE
	@mkdir -p $$(@D)
	$$(call update,printf '%s\n' $$(sort $(CORE) $(HARNESS) $(SUPPORT_core) $(SUPPORT_harness)))

build/$1/libhamt.a: $(call objects,$1,$(CORE)) build/$1/objects
	@rm -f $$@
	$$(call say,AR $$@)ar rcsD $$@ $$(filter %.o,$$^)

$(foreach s,$(SCHEMES),$(call scheme,$1,$s))

# What is installed: one object, in which only the names of the interface are global, so that no function of a
# program can take the place of one of core. gcc makes real code of a build with -flto, for any compiler.
build/$1/installed/%.a: build/$1/%.a Makefile
	$$(if $$(shell command -v objcopy),,$$(error objcopy is not installed: install package binutils))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR $$@)$$(call cc,$1) $$(filter-out -fsanitize=%,$$(call c_flags,$1)) -nostdlib -r \
		$(if $(findstring clang,$(call cc,$1)),-Wno-unused-command-line-argument,-flinker-output=nolto-rel) \
		-o $$(@:.a=.o) -Wl,--whole-archive $$< -Wl,--no-whole-archive && \
		objcopy --wildcard $$(INTERFACE:%=--keep-global-symbol='%_*') $$(@:.a=.o) && ar rcsD $$@ $$(@:.a=.o)

build/$1/hamtbench: $(call objects,$1,$(HARNESS) $(call support_core,$1)) build/$1/objects
	$$(need_packages)
	$$(call say,LD $$@)$$(call cc,$1) $$(call ld_flags,$1) -rdynamic -o $$@ $$(filter %.o,$$^) $$(call bin_libs,$1)

build/$1/tests/core/%: build/$1/core/tests/%.o $(call objects,$1,$(call support_core,$1)) build/$1/libhamt.a
	@mkdir -p $$(@D)
	$$(call say,LD $$@)$$(call cc,$1) $$(call ld_flags,$1) -o $$@ $$^ -lm

build/$1/tests/harness/%: build/$1/harness/tests/%.o \
    $(call objects,$1,$(SUPPORT_harness) $(filter-out harness/main.c,$(HARNESS))) build/$1/objects
	@mkdir -p $$(@D)
	$$(call say,LD $$@)$$(call cc,$1) $$(call ld_flags,$1) -rdynamic -o $$@ $$(filter %.o,$$^) $$(call bin_libs,$1)

build/$1/tests/workloads/%: build/$1/workloads/tests/%.o \
    $(call objects,$1,$(filter-out harness/main.c,$(HARNESS))) build/$1/objects
	@mkdir -p $$(@D)
	$$(call say,LD $$@)$$(call cc,$1) $$(call ld_flags,$1) -rdynamic -o $$@ $$(filter %.o,$$^) $$(call bin_libs,$1)

# Say which subjects could not be built and what brings them; and take away
# the plug-ins whose source is gone, since the binary loads all that it finds.
prune-$1:
	@mkdir -p build/$1/subjects build/$1/workloads
	@cd build/$1 && for so in subjects/*.so workloads/*.so; do \
		case ' $(patsubst build/$1/%,%,$(call products,$1)) ' in \
		*" $$$$so "*) ;; *) rm -f "$$$$so" ;; esac; done
	@rm -f build/$1/subjects/*.missing
	$(foreach s,$(filter $(SUBJECTS),$(ABSENT)),$(foreach n,$(call plugin_names,$s),
	@echo '$n install $(or $(call fact,$s,debian),$(call fact,$s,needs)) and build again' >build/$1/subjects/$n.missing))
	$(foreach s,$(call barred,$1,$(SUBJECTS)),$(foreach n,$(call plugin_names,$s),
	@$(if $(filter $1,$(call fact,$s,not-under)),sed -n 's|^/\* not under $1: \(.*\) \*/$$$$|$n not under $1: \1|p' \
		$s,echo '$n make V=$1 PEERS=1') >build/$1/subjects/$n.missing))

$(foreach p,$(call built,$1,$(SUBJECTS)),$(call plugins_of,$1,subjects,$p))
$(foreach p,$(call built,$1,$(WORKLOADS)),$(call plugins_of,$1,workloads,$p))
$(foreach p,$(call built,$1,$(TEST_PLUGINS)),$(call plugins_of,$1,tests/plugins,$p))
endef

# Core and its tests under scheme $2.
define scheme

.PRECIOUS: build/$1/core-$2/%.o
build/$1/core-$2/%.o: core/%.c build/$1/flags | build/$1/buildinfo.h
	@mkdir -p $$(@D)
	$$(call say,CC $$@)$$(call cc,$1) $$(call c_flags,$1) $$(call dir_flags,$1,$$<) -DRECLAIM=$(MACRO_$2) -MMD -MP -c -o $$@ $$<

build/$1/libhamt-$2.a: $(patsubst core/%.c,build/$1/core-$2/%.o,$(CORE)) build/$1/objects
	@rm -f $$@
	$$(call say,AR $$@)ar rcsD $$@ $$(filter %.o,$$^)

build/$1/tests/core-$2/%: build/$1/core-$2/tests/%.o $(call objects,$1,$(call support_core,$1)) build/$1/libhamt-$2.a
	@mkdir -p $$(@D)
	$$(call say,LD $$@)$$(call cc,$1) $$(call ld_flags,$1) -o $$@ $$^ -lm

endef

# The plug-ins in build/$1/$2 made from source $3.
define plugins_of
$(foreach w,$(call plugin_words,$3),$(call plugin,$1,build/$1/$2/$(call plugin_name,$w).so,$3,$(subst $(comma),
	 ,$(patsubst $(call plugin_name,$w)=%,%,$(filter-out $(call plugin_name,$w),$w)))))
endef

# One plug-in $2 from source $3 with flags $4. Compiled for itself: a change of core that it
# does not include only links it again, which the big templates of some libraries repay.
# It takes of core what it uses; the harness's helpers come from the binary.
define plugin

$(2:.so=.o): $3 build/$1/flags
	@mkdir -p $$(@D)
	$$(call say,CC $$@)$(if $(filter %.cc,$3),$$(call cxx,$1) $$(call cxx_flags,$1),$$(call cc,$1) $$(call c_flags,$1)) \
		-fPIC $(strip $4) $$(call need_flags,$3,--cflags) -MMD -MP -c -o $$@ $$<

$2: $(2:.so=.o) $(call library,$1,$4)
	$$(call say,SO $$@)$(if $(filter %.cc,$3),$$(call cxx,$1),$$(call cc,$1)) $$(call ld_flags,$1) \
		$(PLUGIN_FLAGS) -o $$@ $$(filter %.o %.a,$$^) $$(call need_flags,$3,--libs) $(call need_libs,$3) -lm

endef

# buildflags - everything that a command of variant $1 is made of.
buildflags = printf '%s\n' $(call quote,$(call cc,$1) $(call c_flags,$1)) \
	$(call quote,$(call cxx,$1) $(call cxx_flags,$1)) \
	$(call quote,$(call ld_flags,$1) : $(call bin_libs,$1)) \
	$(call quote,$(DIR_core) : $(call DIR_harness,$1) : $(PLUGIN_FLAGS)) && \
	$(call cc,$1) $(MODE_$1) -dM -E -x c /dev/null | cksum

# buildinfo - the facts of this build as C macros, on standard output.
c_string = $$(printf '%s' $1 | sed 's/[\\"]/\\&/g')
define buildinfo
revision=unknown; dirty=0; \
if [ "$$(git rev-parse --show-cdup 2>/dev/null || echo no)" = "" ]; then \
	revision=$$(git rev-parse -q --verify HEAD || echo unknown); \
	[ -z "$$(git --no-optional-locks status --porcelain 2>/dev/null | head -n 1)" ] || dirty=1; \
fi; \
echo '/* Generated by make; rewritten when it changes. */'; \
echo "#define BUILD_REVISION \"$$revision\""; \
echo "#define BUILD_DIRTY $$dirty"; \
echo "#define BUILD_COMPILER \"$(call c_string,"$$($(call cc,$(@D:build/%=%)) --version | head -n 1)")\""; \
echo "#define BUILD_FLAGS \"$(call c_string,$(call quote,$(call c_flags,$(@D:build/%=%))))\""; \
echo '#define BUILD_VARIANT "$(@D:build/%=%)"'; \
echo '#define BUILD_ALLOCATOR "$(call allocator,$(@D:build/%=%))"'
endef

$(foreach v,$(VARIANTS) $(MUTANT_VARIANTS) $(FUZZ_VARIANT),$(eval $(call variant,$v)))
# The fuzz targets get their main from libFuzzer; the binary and the plug-ins do not.
build/fuzz/tests/core/% build/fuzz/tests/harness/% build/fuzz/tests/workloads/%: private LDFLAGS += -fsanitize=fuzzer
-include $(foreach v,$(VARIANTS) $(MUTANT_VARIANTS) $(FUZZ_VARIANT),$(wildcard build/$v/*/*.d build/$v/*/*/*.d))

# ---- Targets ---------------------------------------------------------------

run_tests = TEST_TIMEOUT=$(strip $(TEST_TIMEOUT)) scripts/run-tests.sh
BATS := $(wildcard scripts/tests/*.bats)
# asan is ubsan as well, and both are what debug is: make check V=... runs those that are left out here. Of the
# tests under each scheme, those whose tools see most.
TESTED := $(filter-out debug ubsan,$(VARIANTS))
tested = $(if $(filter asan tsan sched,$1),$(call programs,$1),$(call program,$1,$(call tests,$1)))
ALL_TESTS := $(foreach v,$(TESTED),$(call tested,$v))

# What scripts/mutants.sh runs. Subjects for check, which the release's binary loads; of the schemes what
# is meant for their bugs, and all of it only if every tool is to be tried.
MUTANT_TESTS := $(filter $(TESTS),$(addprefix core/tests/test_,$(addsuffix .c,node hazard hazard_stress hamt hamt_bytes \
	hamt_parallel seed_hamt seed_parallel faults)))
MUTANT_SCHEMES := $(filter-out none,$(SCHEMES))
mutant_programs = $(foreach s,$(MUTANT_SCHEMES),$(addprefix build/$1/tests/core-$s/test_,$2))
MUTANT_PROGRAMS := $(foreach v,$(MUTANT_VARIANTS),$(call program,$v, \
		$(if $(filter muttsan,$v),$(call not_barred,tsan,$(MUTANT_TESTS)),$(MUTANT_TESTS)))) \
	$(foreach v,$(SCHEDULED),$(call program,$v,$(SCHEDULE_TESTS))) \
	$(call mutant_programs,sched,reclaim hamt_schedules) $(call mutant_programs,muttsan,hamt_parallel) \
	$(addprefix build/mutant/subjects/,hamt.so seed.so) all-release
ifneq ($(strip $(FULL)),)
MUTANT_PROGRAMS += $(foreach v,$(SCHEDULED),$(call mutant_programs,$v,hamt_schedules seed_schedules)) \
	$(call mutant_programs,mutasan,reclaim) \
	$(foreach v,$(MUTANT_VARIANTS),$(call mutant_programs,$v,hamt_parallel seed_parallel)) \
	$(foreach s,$(MUTANT_SCHEMES),build/mutant/subjects/hamt-$s.so build/mutant/subjects/seed-$s.so)
endif

SANITIZED_thread := tsan
SANITIZED_address := asan
SANITIZED_undefined := ubsan

.PHONY: independent all test check check-linear tsan tsan-tests cross models bench bench-compare reference readme-plot flagship compare-check backoff reclaim instr lint install clean help
all: all-$V ## the binary and the plug-ins of variant V (default)

# What schedule.bats and tsan-sweep.bats need, of variants whose binary nothing else does.
SCRIPT_TEST_BINARIES := $(addprefix build/sched/,hamtbench $(addsuffix .so,$(addprefix subjects/,hamt mutex seed) workloads/mixed)) \
	$(addprefix build/ubsan/,hamtbench subjects/null.so tests/plugins/overshifting.so) $(filter build/ubsan/workloads/%,$(call products,ubsan))

test: $(ALL_TESTS) $(SCRIPT_TEST_BINARIES) $(foreach v,$(TESTED),$(call beside,$v,$(call tested,$v))) $(MUTANT_PROGRAMS) ## before a commit: unit tests in every variant that sees something of its own, scripts, lint
	@$(run_tests) $(BATS) $(ALL_TESTS)

check: $(call selected,$V) $(call beside,$V,$(call selected,$V)) ## the unit tests of variant V, or those that T names
	$(call need_selected,$V)
	@$(run_tests) $(call selected,$V)

sweep_variant := $(or $(SANITIZED_$(strip $(SANITIZER))),$(error unknown SANITIZER=$(strip $(SANITIZER)): it is one of thread address undefined))
tsan: all-$(sweep_variant) ## sweep: every map and option under a sanitizer; resumes, see scripts/tsan-sweep.sh --help
	@scripts/tsan-sweep.sh --sanitizer $(strip $(SANITIZER)) --budget $(strip $(BUDGET))

tsan-tests: $(call selected,tsan) $(call beside,tsan,$(call selected,tsan)) ## the unit tests under ThreadSanitizer, REPEAT times
	$(call need_selected,tsan)
	@$(run_tests) --repeat $(strip $(REPEAT)) $(call selected,tsan)

check-linear: all-$V ## are all maps linearizable? OPS operations on each, for 1, 16 and 1000 keys
	@build/$V/hamtbench check --threads 4 --ops $(strip $(OPS))

# core/tests/fuzz.h says what a target is: harness/tests/test_fuzz_options.c is options.
FUZZ_TESTS := $(foreach t,$(TESTS),$(if $(filter test_fuzz_%,$(notdir $t)),$t))
FUZZ_PROGRAMS := $(call program,fuzz,$(if $(strip $(FUZZ)),$(foreach f,$(FUZZ),$(or \
	$(filter %/test_fuzz_$f.c,$(FUZZ_TESTS)),$(error unknown FUZZ=$f: there are \
	$(patsubst test_fuzz_%.c,%,$(notdir $(FUZZ_TESTS)))))),$(FUZZ_TESTS)))
.PHONY: fuzz
fuzz: $(FUZZ_PROGRAMS) all-fuzz ## fuzz targets under libFuzzer, FUZZ_TIME each; resumes, see scripts/fuzz.sh --help
	@scripts/fuzz.sh --time $(strip $(FUZZ_TIME)) $(FUZZ_PROGRAMS)

.PHONY: mutants
mutants: $(MUTANT_PROGRAMS) ## planted bugs: each found by its tool? FULL=1: every tool against every bug
	@scripts/mutants.sh $(if $(strip $(FULL)),--full)

cross: ## core's tests as i686, aarch64, armhf and s390x programs, under qemu-user where need be
	@TEST_TIMEOUT=$(strip $(TEST_TIMEOUT)) T=$(strip $T) scripts/cross.sh

models: ## the models of core/tests/models in full: Relacy, spin
	@scripts/models.sh --long

bench: all-$V ## the default benchmark suite, with a table and plots
	@HAMTBENCH=build/$V/hamtbench QUICK=$(strip $(QUICK)) scripts/bench.sh

bench-compare: all-$V ## the default suite held against results/reference, by shape (shares of the roofline); QUICK=1: half a minute
	@HAMTBENCH=build/$V/hamtbench QUICK=$(strip $(QUICK)) scripts/bench-compare.sh

reference: all-$V ## measure results/reference anew: suite, backoff, reclaim; needs a clean tree and an idle machine
	@HAMTBENCH=build/$V/hamtbench scripts/reference.sh

readme-plot: all-$V ## draw README's picture again, from results/reference/trials.json.gz
	@HAMTBENCH=build/$V/hamtbench scripts/reference.sh plot

flagship: all-$V ## hamt against roofline, urcu-lfht and seed, from 2K to 20M keys; about 25 minutes
	@HAMTBENCH=build/$V/hamtbench scripts/flagship.sh

instr: ## instructions and lines of memory per operation, by callgrind; fails when one became dearer
	@scripts/instr.sh

backoff: all-$V ## contention managers x parameters x threads: table, heat maps, a recommendation
	@HAMTBENCH=build/$V/hamtbench QUICK=$(strip $(QUICK)) scripts/backoff-sweep.sh

.PHONY: latency
latency: all-$V ## latency over load, from 10 to 110 % of what each map can do: table, picture, judgement
	@HAMTBENCH=build/$V/hamtbench QUICK=$(strip $(QUICK)) scripts/latency.sh

reclaim: all-$V ## reclamation schemes x parameters x threads: table, pictures, a recommendation
	@HAMTBENCH=build/$V/hamtbench QUICK=$(strip $(QUICK)) scripts/reclaim-sweep.sh

compare-check: all-$V $(call test_plugins,$V) ## does compare find a map that is 5 % slower, and spare its twin? real figures
	@HAMTBENCH=build/$V/hamtbench DB=build/compare-check.db scripts/compare-check.sh

independent: all-$V ## are the figures of liburcu's and ck's tables right? held against the benchmarks that these libraries ship
	@HAMTBENCH=build/$V/hamtbench scripts/independent.sh

lint: ## layers, rules of core, house style, shell scripts
	@scripts/lint.sh

# Below PREFIX: a program that uses the library includes <hamt/hamt.h>, a plug-in
# "harness/plugin.h"; pkg-config knows where both are. Pages and completion are made
# of the headers and of what the binary says of itself.
INTO = $(DESTDIR)$(strip $(PREFIX))
MAN3 := $(patsubst core/%.h,%,$(wildcard $(addprefix core/,hamt.h hazard.h reclaim.h seed_hamt.h contention.h)))
# They and what they include. No name without a prefix may get into programs, so planted bugs stay here.
PUBLIC := $(MAN3) $(patsubst core/%.h,%,$(wildcard $(addprefix core/,atomic.h interface.h limbo.h)))
for_programs := -e 's:^.include "core/mutant.h"$$:\#define hamt_mutant(name) false /* none of the bugs planted for tests */:' \
	-e 's/\<mutant(/hamt_mutant(/g' -e 's/\<SCHEDULED\>/HAMT_SCHEDULED/' -e 's:^.include "core/:\#include ":'
# $(call pc,LIBRARY,SCHEME,MACRO) - what pkg-config knows of it.
pc = printf '%s\n' 'prefix=$(strip $(PREFIX))' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' 'Name: $1' \
	'Description: a concurrent hash array mapped trie; memory: $2' 'Version: $(VERSION)' \
	'Cflags: -I$${includedir}$(if $3, -DRECLAIM=$3)' 'Libs: -L$${libdir} -l$1 -pthread' >$(INTO)/lib/pkgconfig/$1.pc
INSTALLED := $(addprefix build/$V/installed/,libhamt.a $(SCHEMES:%=libhamt-%.a))
install: all-$V $(INSTALLED) ## binary, plug-ins, library, headers, manual pages, completion into PREFIX
	install -d $(addprefix $(INTO)/,bin lib/pkgconfig lib/hamtbench/subjects lib/hamtbench/workloads include/hamt \
		include/hamtbench/harness include/hamtbench/core share/man/man1 share/man/man3 \
		share/bash-completion/completions)
	install build/$V/hamtbench $(INTO)/bin
	install -m 644 $(INSTALLED) $(INTO)/lib
	install -m 644 $(filter build/$V/subjects/%,$(call products,$V)) $(INTO)/lib/hamtbench/subjects
	install -m 644 $(filter build/$V/workloads/%,$(call products,$V)) $(INTO)/lib/hamtbench/workloads
	for h in $(PUBLIC); do sed $(for_programs) core/$$h.h >$(INTO)/include/hamt/$$h.h || exit 1; done
	install -m 644 $(wildcard core/*.h) $(INTO)/include/hamtbench/core
	install -m 644 $(wildcard harness/*.h) $(INTO)/include/hamtbench/harness
	$(call pc,hamt,hazard pointers)
	$(call pc,hamt-ebr,epochs,$(MACRO_ebr))
	$(call pc,hamt-qsbr,quiescent states,$(MACRO_qsbr))
	$(call pc,hamt-he,hazard eras,$(MACRO_he))
	$(call pc,hamt-none,no reclamation,$(MACRO_none))
	printf '%s\n' 'prefix=$(strip $(PREFIX))' 'subjects=$${prefix}/lib/hamtbench/subjects' \
		'workloads=$${prefix}/lib/hamtbench/workloads' 'Name: hamtbench' \
		'Description: plug-ins for hamtbench: maps under test and loads' 'Version: $(VERSION)' \
		'Cflags: -I$${prefix}/include/hamtbench -D_GNU_SOURCE' >$(INTO)/lib/pkgconfig/hamtbench.pc
	for n in $(MAN3); do scripts/man.sh header core/$$n.h >$(INTO)/share/man/man3/$$n.3 || exit 1; done
	$(if $(wildcard scripts/man.sh),scripts/man.sh command build/$V/hamtbench >$(INTO)/share/man/man1/hamtbench.1)
	$(if $(wildcard scripts/completion.bash),install -m 644 scripts/completion.bash \
		$(INTO)/share/bash-completion/completions/hamtbench)

clean: ## remove build/
	rm -rf build

help: ## this text
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/  \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
	@echo 'Variables (make NAME=value), with their defaults:'
	@sed -n 's/^\([A-Z_]*\) ?= *\([^#]*\)# *\(.*\)/  \1	\2	\3/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18,30
	@echo '  CC, CXX         replace the compilers (gcc; clang-19 for sanitizers)'
