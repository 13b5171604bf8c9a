/*
 * test_fuzz_import.c - JSON that is to be imported: google-benchmark's or our own, whole or not. It is taken,
 * and what was taken can be kept in a results file and exported again; or refused in one line.
 */
/* not under tsan: one thread */
#include "core/tests/fuzz.h"
#include "harness/import.h"
#include "harness/tests/called.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[128], from[128];
	static struct called called;
	struct imported in;
	char error[ERROR_SIZE] = "";
	bool fine;

	if (path[0] == '\0') {
		snprintf(path, sizeof(path), "%s/r.db", fuzz_folder());
		snprintf(from, sizeof(from), "%s/from.json", fuzz_folder());
	}
	fine = import_text((const char *)data, size, &in, error, sizeof(error));
	CHECK(fine || fuzz_one_line(error));
	imported_free(&in);
	if (!fine)
		return 0;
	/* As the user does it; what it prints is not looked at here. */
	fuzz_write(from, data, size);
	unlink(path);
	call_command(&called, command_import, 4, (char *[]){ "import", "--db", path, from, NULL });
	check_called(&called, "import", STATUS_OK);
	if (called.status == STATUS_OK) {
		call_command(&called, command_export, 5, (char *[]){ "export", "--db", path, "--format", "json", NULL });
		check_called(&called, "export", STATUS_OK);
		CHECK_EQ(called.status, STATUS_OK);
	}
	return 0;
}

FUZZ_TARGET(.corpus = "harness/tests/corpus/import", .inputs = 500, .longest = 2000,
    .words = "context benchmarks name run_name run_type iteration aggregate repetitions real_time cpu_time time_unit ns us ms s "
	     "iterations threads items_per_second error_occurred error_message skipped json_schema_version true false null "
	     "0 1 -1 1e308 -0.0 1e999 18446744073709551616 [] {} [ ] { } , : trials series environments options")
