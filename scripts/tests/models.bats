#!/usr/bin/env bats
# models.sh: the models pass, their planted bugs are found, and a table that says something else is noticed.

# shellcheck disable=SC2154 # set by run
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

# A tree with nothing but core/, to be changed.
copy_core() {
	mkdir -p "$BATS_TEST_TMPDIR/tree"
	cp -r core "$BATS_TEST_TMPDIR/tree/"
	changed=$BATS_TEST_TMPDIR/tree/core
}

@test "help, and bad words are refused" {
	run --separate-stderr scripts/models.sh --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
	run --separate-stderr scripts/models.sh --frob
	[ "$status" -eq 2 ]
	[ "$stderr" = "models.sh: unknown option --frob (it knows --tables, --long, --help)" ]
	run --separate-stderr scripts/models.sh "$BATS_TEST_TMPDIR"
	[ "$status" -eq 2 ]
	[ "$output$stderr" = "models.sh: $BATS_TEST_TMPDIR: no tree of this project, for it has no core/tests/models" ]
	run --separate-stderr scripts/models.sh --tables . core
	[ "$status" -eq 2 ]
	[ "$output$stderr" = "models.sh: core: wants one DIR" ]
}

@test "tables, models and source agree" {
	run scripts/models.sh --tables
	[ "$status" -eq 0 ]
	[[ "$output" == *"hazard.cc: the steps and orders of HP M O P U, as"* ]]
	[[ "$output" == *"hamt_resize.pml: the steps and orders of R, as"* ]]
}

@test "an order that changes in a table is noticed" {
	copy_core
	sed -i 's/(3) exchange with NULL, acquire/(3) exchange with NULL, relaxed/' "$changed/limbo.c"
	run scripts/models.sh --tables "$BATS_TEST_TMPDIR/tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"hazard.cc: step P(3) relaxed of table P (core/limbo.c:"*") is not in the model"* ]]
	[[ "$output" == *"hazard.cc: step P(3) acquire is not in table P"* ]]
}

@test "a step that is missing in a model, or in a table, is noticed" {
	copy_core
	sed -i 's:/\* R(4) acq_rel \*/::' "$changed/tests/models/hamt_resize.pml"
	sed -i 's/(2) re-read link, seq_cst//' "$changed/hazard.h"
	run scripts/models.sh --tables "$BATS_TEST_TMPDIR/tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"hamt_resize.pml: step R(4) acq_rel of table R"*"is not in the model"* ]]
	[[ "$output" == *"hazard.cc: step HP(2) seq_cst is not in table HP"* ]]
}

@test "an operation whose order is not its step's is noticed" {
	copy_core
	# The handing over of orphans, with a weaker order than the comment above it says.
	sed -i '/P(2) release: pairs with P(3)/,/memory_order_release/s/memory_order_release/memory_order_relaxed/' \
		"$changed/limbo.c"
	run scripts/models.sh --tables "$BATS_TEST_TMPDIR/tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"core: no operation is marked as step P(2) release of table P"* ]]
}

@test "nothing is found in the models, and every planted bug is" {
	run --separate-stderr scripts/models.sh
	echo "$output"
	echo "$stderr"
	[ "$status" -ne 2 ] || skip "$stderr"
	[ "$status" -eq 0 ]
	[ "$(grep -c 'nothing found in' <<<"$output")" -eq 4 ]
	[ "$(grep -c 'found in execution\|found after' <<<"$output")" -eq 22 ]
}
