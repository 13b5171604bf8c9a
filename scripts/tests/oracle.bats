#!/usr/bin/env bats
# R, where it is installed (package r-base-core), still says what the table in the
# statistics' unit test was made from.

@test "R says of the statistics what the checked-in table says" {
	command -v Rscript >/dev/null || skip "r-base-core is not installed"
	cd "$BATS_TEST_DIRNAME/../.."
	Rscript harness/tests/oracle.R >"$BATS_TEST_TMPDIR/oracle.h"
	# The last digits may depend on the machine's libm.
	digits() { sed -E 's/([0-9]\.[0-9]{12})[0-9]+/\1/g' "$1"; }
	diff <(digits harness/tests/oracle.h) <(digits "$BATS_TEST_TMPDIR/oracle.h")
}
