/*
 * test_store.c - what goes into a results file comes back as it was; whatever
 * happens, a full disk, kill -9, another writer, the finished trials are there;
 * and what is not ours is refused in one line and left as it was.
 */
#include "harness/store.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <sqlite3.h>

#include "core/tests/check.h"
#include "harness/tests/random_record.h"

#define NOBODY 65534

static char folder[] = "/tmp/test_store.XXXXXX"; /* each test's own */
static char path[sizeof(folder) + 32];
static char error[1024];
static struct environment some_environment = { .json = NULL, .id = "0123456789abcdef0123456789abcdef" };
static char some_json[] = "{\"cpu\":{\"model\":\"test\"}}";

static int
remove_entry(const char *name, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(name);
}

static void
remove_folder(void)
{
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
start(void)
{
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/results.db", folder);
	some_environment.json = some_json;
}

static bool
one_line(const char *text)
{
	return text[0] != '\0' && strchr(text, '\n') == NULL;
}

/* said - error is one line that names the file and has that reason. */
static bool
said(const char *file, const char *reason)
{
	if (one_line(error) && strncmp(error, file, strlen(file)) == 0 && error[strlen(file)] == ':' &&
	    strstr(error, reason) != NULL)
		return true;
	fprintf(stderr, "# wanted \"%s: ... %s\", got \"%s\"\n", file, reason, error);
	return false;
}

static struct store *
open_store(enum store_mode mode)
{
	struct store *s = store_open(path, mode, error, sizeof(error));

	if (s == NULL)
		fprintf(stderr, "# %s\n", error);
	CHECK(s != NULL);
	return s;
}

static int64_t
begin_series(struct store *s)
{
	int64_t id = 0;

	CHECK(store_series_begin(s, "hamtbench run", "plan", &some_environment, 10, &id, error, sizeof(error)));
	return id;
}

/* sql - run statements on the file behind the store's back. */
static void
sql(const char *statements)
{
	sqlite3 *db;
	char *message = NULL;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	sqlite3_exec(db, statements, NULL, NULL, &message);
	if (message != NULL)
		fprintf(stderr, "# %s: %s\n", statements, message);
	CHECK(message == NULL);
	sqlite3_close(db);
}

/* sql_text - the first column of the first row. */
static const char *
sql_text(const char *query)
{
	static char text[512];
	sqlite3_stmt *statement;
	sqlite3 *db;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(db, query, -1, &statement, NULL) == SQLITE_OK);
	CHECK(sqlite3_step(statement) == SQLITE_ROW);
	snprintf(text, sizeof(text), "%s", sqlite3_column_text(statement, 0) == NULL ? "NULL" :
	    (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return text;
}

/* Visitors */

struct seen {
	size_t trials;
	size_t stop_after;                    /* 0: never */
	int64_t first_series, last_series, last_trial;
	struct record *const *wanted;         /* NULL: do not compare */
	bool with_series;
};

static bool
look(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct seen *seen = arg;

	CHECK(origin->trial_id > seen->last_trial);
	CHECK(strcmp(origin->environment_id, some_environment.id) == 0);
	if (seen->trials == 0)
		seen->first_series = origin->series_id;
	seen->last_series = origin->series_id;
	seen->last_trial = origin->trial_id;
	if (seen->wanted != NULL) {
		const char *different = different_column(record, seen->wanted[seen->trials]);

		if (different == NULL && seen->with_series)
			different = different_series(record, seen->wanted[seen->trials]);
		if (different != NULL)
			fprintf(stderr, "# trial %zu differs in %s\n", seen->trials, different);
		CHECK(different == NULL);
		if (!seen->with_series)
			CHECK(record->samples == 0 && record->phases == 0 && record->histogram[RECORD_GET].total == 0);
	}
	seen->trials++;
	return seen->stop_after != seen->trials;
}

/* each - the trials that choice gives, all complete. */
static struct seen
each(enum store_choice choice, int64_t series)
{
	struct store_filter filter = { .choice = choice, .series = series, .with_series = true };
	struct seen seen = { .trials = 0 };
	struct store *s = open_store(STORE_READ);

	if (!store_each_trial(s, &filter, look, &seen, error, sizeof(error)))
		check_failed(error, __FILE__, __LINE__);
	store_close(s);
	return seen;
}

/* Round trips */

static void
records_come_back_as_they_were(void)
{
	struct record *record[12];
	struct store_filter filter = { .choice = STORE_LAST, .with_series = true };
	struct seen seen = { .wanted = record, .with_series = true };
	struct random random;
	struct store *s;
	int64_t series, trial = 0;

	start();
	random_seed(&random, check_seed, 0);
	s = open_store(STORE_WRITE);
	CHECK(strcmp(store_path(s), path) == 0);
	series = begin_series(s);
	CHECK_EQ(series, 1);
	for (unsigned i = 0; i < 12; i++) {
		record[i] = random_record(&random, i, 40 * i);
		CHECK(store_trial(s, series, record[i], &trial, error, sizeof(error)));
		CHECK_EQ(trial, i + 1);
	}
	CHECK(store_series_end(s, series, SERIES_COMPLETE, error, sizeof(error)));
	CHECK(store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
	CHECK_EQ(seen.trials, 12);
	store_close(s);

	s = open_store(STORE_READ);
	seen = (struct seen){ .wanted = record, .with_series = true };
	CHECK(store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
	CHECK_EQ(seen.trials, 12);
	filter.with_series = false;
	seen = (struct seen){ .wanted = record };
	CHECK(store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
	CHECK_EQ(seen.trials, 12);
	seen = (struct seen){ .stop_after = 5 };
	CHECK(store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
	CHECK_EQ(seen.trials, 5);
	store_close(s);

	CHECK(strcmp(sql_text("SELECT state FROM series"), "complete") == 0);
	CHECK(strcmp(sql_text("SELECT planned_trials FROM series"), "10") == 0);
	CHECK(strcmp(sql_text("SELECT command FROM series"), "hamtbench run") == 0);
	CHECK(strcmp(sql_text("SELECT json FROM environment"), some_json) == 0);
	CHECK(strcmp(sql_text("SELECT started_at GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z'"
	    " FROM series"), "1") == 0);
	CHECK(strcmp(sql_text("SELECT count(*) FROM histogram WHERE count = 0"), "0") == 0);
	for (unsigned i = 0; i < 12; i++)
		record_free(record[i]);
	remove_folder();
}

static bool
note_environment(void *arg, const struct environment *environment)
{
	char *ids = arg;

	CHECK(strcmp(environment->json, some_json) == 0);
	snprintf(ids + strlen(ids), 5, "%.4s", environment->id);
	return true;
}

static void
filters_choose_series(void)
{
	struct store_filter filter = { .choice = STORE_ALL };
	struct random random;
	struct record *record;
	struct seen seen;
	struct store *s;
	char ids[64] = "";

	start();
	random_seed(&random, check_seed, 1);
	record = random_record(&random, 1, 1);
	s = open_store(STORE_WRITE);
	seen = each(STORE_ALL, 0);
	CHECK_EQ(seen.trials, 0);
	filter.choice = STORE_LAST;
	CHECK(!store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
	CHECK(said(path, "holds no series yet"));
	for (unsigned i = 1; i <= 4; i++) {
		int64_t id;

		memcpy(some_environment.id, i == 3 ? "ffff" : "0123", 4);
		id = begin_series(s);
		CHECK_EQ(id, i);
		/* The last has no trial. */
		for (unsigned t = 0; t < i && i < 4; t++)
			CHECK(store_trial(s, id, record, NULL, error, sizeof(error)));
		if (i == 3)
			CHECK(store_series_end(s, id, SERIES_INTERRUPTED, error, sizeof(error)));
	}
	filter.choice = STORE_ALL;
	CHECK(store_each_environment(s, &filter, note_environment, ids, error, sizeof(error)));
	CHECK(strcmp(ids, "0123ffff") == 0);
	filter = (struct store_filter){ .choice = STORE_NUMBER, .series = 3 };
	ids[0] = '\0';
	CHECK(store_each_environment(s, &filter, note_environment, ids, error, sizeof(error)));
	CHECK(strcmp(ids, "ffff") == 0);
	filter.series = 5;
	CHECK(!store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
	CHECK(said(path, "no series 5: it has 1 to 4"));
	CHECK(!store_each_environment(s, &filter, note_environment, ids, error, sizeof(error)));
	CHECK(said(path, "no series 5: it has 1 to 4"));
	CHECK(!store_series_end(s, 5, SERIES_COMPLETE, error, sizeof(error)));
	CHECK(said(path, "there is no series 5"));
	CHECK(!store_trial(s, 5, record, NULL, error, sizeof(error)));
	CHECK(one_line(error));
	store_close(s);

	sql("UPDATE series SET environment_id = '0123456789abcdef0123456789abcdef'");
	memcpy(some_environment.id, "0123", 4);
	seen = each(STORE_ALL, 0);
	CHECK(seen.trials == 6 && seen.first_series == 1 && seen.last_series == 3);
	seen = each(STORE_NUMBER, 2);
	CHECK(seen.trials == 2 && seen.first_series == 2 && seen.last_series == 2);
	seen = each(STORE_LAST, 0);
	CHECK_EQ(seen.trials, 0);
	/* Nobody ended them, and who measured them is gone. */
	CHECK(strcmp(sql_text("SELECT group_concat(state) FROM series"), "running,running,interrupted,running") == 0);
	store_close(open_store(STORE_WRITE));
	CHECK(strcmp(sql_text("SELECT group_concat(DISTINCT state) FROM series"), "interrupted") == 0);
	record_free(record);
	remove_folder();
}

/* A file of an older build of the same schema lacks columns, one of a newer build has more. */
static void
columns_may_come_and_go(void)
{
	struct random random;
	struct record *record;
	struct store *s;
	int64_t series;

	start();
	random_seed(&random, check_seed, 2);
	record = random_record(&random, 2, 3);
	s = open_store(STORE_WRITE);
	series = begin_series(s);
	CHECK(store_trial(s, series, record, NULL, error, sizeof(error)));
	store_close(s);

	sql("ALTER TABLE trial DROP COLUMN jain; ALTER TABLE trial DROP COLUMN scans;"
	    "ALTER TABLE trial ADD COLUMN tomorrow TEXT");
	record->jain = NAN;
	record->scans = UINT64_MAX;
	for (unsigned mode = STORE_READ; mode <= STORE_WRITE; mode++) {
		struct store_filter filter = { .choice = STORE_ALL, .with_series = true };
		struct seen seen = { .wanted = &record, .with_series = true };

		s = open_store(mode);
		CHECK(store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
		CHECK_EQ(seen.trials, 1);
		store_close(s);
	}
	s = open_store(STORE_WRITE);
	CHECK(store_trial(s, series, record, NULL, error, sizeof(error)));
	store_close(s);
	CHECK(strcmp(sql_text("SELECT count(*) FROM pragma_table_info('trial') WHERE name IN ('jain', 'scans')"), "2") == 0);
	record_free(record);
	remove_folder();
}

/* Opening */

static void
write_file(const char *name, const char *bytes, size_t length)
{
	FILE *file = fopen(name, "w");

	CHECK(file != NULL && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
}

static size_t
read_file(const char *name, char *bytes, size_t room)
{
	FILE *file = fopen(name, "r");
	size_t length;

	CHECK(file != NULL);
	length = fread(bytes, 1, room, file);
	CHECK(length < room);
	fclose(file);
	return length;
}

static bool
refused(const char *name, enum store_mode mode, const char *reason)
{
	struct store *s;

	error[0] = '\0';
	s = store_open(name, mode, error, sizeof(error));
	if (s != NULL)
		fprintf(stderr, "# %s was opened\n", name);
	store_close(s);
	return s == NULL && said(name, reason);
}

/* kept - both ways of opening path are refused for that reason, and not a byte of it changes. */
static bool
kept(const char *reason)
{
	static char before[1 << 20], after[1 << 20];
	size_t length = read_file(path, before, sizeof(before));
	bool both = refused(path, STORE_READ, reason) && refused(path, STORE_WRITE, reason);

	return both && read_file(path, after, sizeof(after)) == length && memcmp(before, after, length) == 0;
}

static void
what_is_no_database_is_refused(void)
{
	static char text[100000];

	start();
	memset(text, 'x', sizeof(text));
	for (size_t length = 1; length <= sizeof(text); length = length < 20 ? length + 1 : length * 7) {
		write_file(path, text, length);
		CHECK(kept("not a database"));
	}
	/* The beginning of one. */
	strcpy(text, "SQLite format 3");
	write_file(path, text, 100);
	CHECK(kept("not a database"));
	remove(path);
	CHECK(refused(path, STORE_READ, "no such file"));
	CHECK(access(path, F_OK) != 0);
	CHECK(refused(folder, STORE_READ, "is a folder"));
	CHECK(refused(folder, STORE_WRITE, "is a folder"));
	CHECK(refused("/dev/null", STORE_WRITE, "not a file"));
	CHECK(store_open("", STORE_WRITE, error, sizeof(error)) == NULL && one_line(error));
	/* A file where a folder should be. */
	write_file(path, text, 5);
	strcat(path, "/a/b.db");
	CHECK(refused(path, STORE_READ, "Not a directory"));
	CHECK(refused(path, STORE_WRITE, "Not a directory"));
	remove_folder();
}

static void
databases_of_others_are_refused(void)
{
	start();
	sql("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
	CHECK(kept("a database of something else"));
	sql("PRAGMA application_id = 77");
	CHECK(kept("a database of something else"));
	remove(path);
	sql("PRAGMA user_version = 1");
	CHECK(kept("a database of something else"));
	remove(path);
	sql("PRAGMA application_id = 77");
	CHECK(kept("a database of something else"));
	remove_folder();
}

static void
newer_schemas_are_refused(void)
{
	start();
	store_close(open_store(STORE_WRITE));
	sql("PRAGMA user_version = 9");
	CHECK(kept("schema 9, this hamtbench knows up to 5"));
	sql("PRAGMA user_version = 0");
	CHECK(kept("damaged"));
	remove_folder();
}

static void
empty_files_and_new_folders_are_taken(void)
{
	char *end;

	start();
	write_file(path, "", 0);
	CHECK(refused(path, STORE_READ, "holds no results"));
	store_close(open_store(STORE_WRITE));
	store_close(open_store(STORE_READ));
	/* Folders are made on the way. */
	end = path + strlen(folder);
	strcpy(end, "/one/two/r.db");
	store_close(open_store(STORE_WRITE));
	store_close(open_store(STORE_READ));
	/* A name that SQLite would take for memory is a file like any other. */
	CHECK(chdir(folder) == 0);
	strcpy(path, ":memory:");
	store_close(open_store(STORE_WRITE));
	CHECK(access(path, F_OK) == 0);
	store_close(open_store(STORE_READ));
	remove_folder();
}

/* Permissions mean nothing to root. */
static void
become_nobody(void)
{
	if (geteuid() == 0)
		CHECK(setegid(NOBODY) == 0 && seteuid(NOBODY) == 0);
}

static void
become_yourself(void)
{
	if (getuid() == 0) {
		CHECK(seteuid(0) == 0 && setegid(0) == 0);
		/* The leak checker must be able to look at this process again. */
		CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	}
}

static void
read_only_files_and_folders_are_refused(void)
{
	struct random random;
	struct record *record;
	struct store *s;
	struct seen seen;

	start();
	random_seed(&random, check_seed, 3);
	record = random_record(&random, 1, 5);
	s = open_store(STORE_WRITE);
	CHECK(store_trial(s, begin_series(s), record, NULL, error, sizeof(error)));
	store_close(s);

	CHECK(chmod(path, 0444) == 0 && chmod(folder, 0755) == 0);
	become_nobody();
	CHECK(refused(path, STORE_WRITE, "read-only (Permission denied)"));
	seen = each(STORE_ALL, 0);
	CHECK_EQ(seen.trials, 1);
	become_yourself();

	CHECK(chmod(path, 0666) == 0 && chmod(folder, 0555) == 0);
	become_nobody();
	CHECK(refused(path, STORE_WRITE, "folder"));
	seen = each(STORE_ALL, 0);
	CHECK_EQ(seen.trials, 1);
	/* A file that is not there, in a folder that takes none. */
	strcpy(path + strlen(folder), "/new.db");
	CHECK(refused(path, STORE_WRITE, "Permission denied"));
	become_yourself();

	CHECK(chmod(folder, 0755) == 0);
	snprintf(path, sizeof(path), "%s/results.db", folder);
	CHECK(chmod(path, 0) == 0);
	become_nobody();
	CHECK(refused(path, STORE_WRITE, "Permission denied"));
	CHECK(refused(path, STORE_READ, "Permission denied"));
	strcpy(path + strlen(folder), "/sub/new.db");
	CHECK(refused(path, STORE_WRITE, "cannot make the folder"));
	become_yourself();
	record_free(record);
	remove_folder();
}

static void
damage_is_reported(void)
{
	struct store_filter filter = { .choice = STORE_ALL, .with_series = true };
	struct random random;
	struct record *record;
	struct store *s;
	struct seen seen = { .trials = 0 };
	static const char *const harm[] = {
		"UPDATE trial SET subject = printf('%200s', 'x')",
		"UPDATE trial SET threads = 5000000000",
		"UPDATE thread SET thread = thread + 100",
		"UPDATE histogram SET low_ns = low_ns + 1 WHERE low_ns > 1000",
		"UPDATE histogram SET name = 'nothing' WHERE name = 'get'",
		"UPDATE histogram SET count = count + 1 WHERE name = 'get'",
		"UPDATE histogram SET count = -1 WHERE name = 'get'",
		"DELETE FROM histogram WHERE name = 'get'",
		"UPDATE histogram_summary SET max_ns = 0 WHERE name = 'get'",
		"UPDATE histogram_summary SET min_ns = NULL WHERE name = 'get'",
		"UPDATE histogram_summary SET lost = -1 WHERE name = 'get'",
		"UPDATE histogram_summary SET name = 'nothing' WHERE name = 'get'",
		"UPDATE phase SET position = position + 1000",
	};

	start();
	random_seed(&random, check_seed, 4);
	do {
		record = random_record(&random, 2, 5);
		if (record->phases == 0 || record->histogram[RECORD_GET].total == 0) {
			record_free(record);
			record = NULL;
		}
	} while (record == NULL);
	for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
		remove(path);
		s = open_store(STORE_WRITE);
		CHECK(store_trial(s, begin_series(s), record, NULL, error, sizeof(error)));
		store_close(s);
		sql(harm[i]);
		s = open_store(STORE_READ);
		CHECK(!store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
		CHECK(said(path, "the file is damaged: trial 1: "));
		store_close(s);
	}
	record_free(record);
	remove_folder();
}

/* Full disks */

/* fill - keep trials until one fails; returns how many were kept. */
static unsigned
fill(struct store *s, int64_t series, const struct record *record, const char *reason)
{
	unsigned kept_trials = 0;

	while (store_trial(s, series, record, NULL, error, sizeof(error))) {
		kept_trials++;
		CHECK(kept_trials < 10000);
	}
	CHECK(said(path, "cannot keep the trial: "));
	CHECK(said(path, reason));
	return kept_trials;
}

static void
a_full_disk_loses_nothing(void)
{
	char filler[sizeof(folder) + 32];
	struct random random;
	struct record *record;
	struct store *s;
	struct seen seen;
	unsigned trials;
	int64_t series;
	FILE *file;

	start();
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=1m") != 0) {
		remove_folder();
		CHECK_SKIP("a tmpfs cannot be mounted");
	}
	random_seed(&random, check_seed, 5);
	record = random_record(&random, 4, 500);
	s = open_store(STORE_WRITE);
	series = begin_series(s);
	trials = fill(s, series, record, "the disk is full");
	CHECK(trials > 0);
	/* The store is still good, and says the same again. */
	seen = each(STORE_ALL, 0);
	CHECK_EQ(seen.trials, trials);
	CHECK_EQ(fill(s, series, record, "the disk is full"), 0);
	store_close(s);
	CHECK(strcmp(sql_text("PRAGMA integrity_check"), "ok") == 0);

	/* A disk that is full before anything starts. */
	remove(path);
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	file = fopen(filler, "w");
	CHECK(file != NULL);
	setbuf(file, NULL);
	while (fwrite(folder, 1, sizeof(folder), file) == sizeof(folder))
		continue;
	fclose(file);
	CHECK(refused(path, STORE_WRITE, "the disk is full"));
	record_free(record);
	CHECK(umount(folder) == 0);
	remove_folder();
}

/* The same where nothing can be mounted: a limit on the size of files fails writes as a disk's end does. */
static void
a_failing_write_loses_nothing(void)
{
	struct rlimit limit, before;
	struct random random;
	struct record *record;
	struct store *s;
	struct seen seen;
	unsigned trials;
	int64_t series;

	start();
	signal(SIGXFSZ, SIG_IGN);
	random_seed(&random, check_seed, 6);
	record = random_record(&random, 4, 500);
	s = open_store(STORE_WRITE);
	series = begin_series(s);
	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
	limit = (struct rlimit){ .rlim_cur = 700000, .rlim_max = before.rlim_max };
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	trials = fill(s, series, record, "");
	CHECK(trials > 0);
	seen = each(STORE_ALL, 0);
	CHECK_EQ(seen.trials, trials);
	/* With room again, the same store goes on. */
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
	CHECK(store_trial(s, series, record, NULL, error, sizeof(error)));
	CHECK(store_series_end(s, series, SERIES_COMPLETE, error, sizeof(error)));
	store_close(s);
	seen = each(STORE_ALL, 0);
	CHECK_EQ(seen.trials, trials + 1);
	CHECK(strcmp(sql_text("PRAGMA integrity_check"), "ok") == 0);
	record_free(record);
	remove_folder();
}

/* Other processes */

static bool
note_state(void *arg, const struct store_series *series)
{
	*(enum series_state *)arg = series->state;
	return true;
}

/* state_of_last - of the series begun last, as a reader sees it. */
static enum series_state
state_of_last(void)
{
	struct store_filter filter = { .choice = STORE_LAST };
	enum series_state state = SERIES_COMPLETE;
	struct store *s = open_store(STORE_READ);

	CHECK(store_each_series(s, &filter, note_state, &state, error, sizeof(error)));
	store_close(s);
	return state;
}

/* A series is running exactly as long as whoever measures it lives and has not ended it; only one can. */
static void
a_series_has_one_writer(void)
{
	struct store *s, *other;
	int64_t series;

	start();
	s = open_store(STORE_WRITE);
	other = open_store(STORE_WRITE);
	series = begin_series(s);
	CHECK_EQ(state_of_last(), SERIES_RUNNING);
	CHECK(!store_series_resume(other, series, 5, error, sizeof(error)));
	CHECK(said(path, "series 1 is being measured by another process"));
	/* Who opens the file for writing meanwhile does not end it. */
	store_close(open_store(STORE_WRITE));
	CHECK_EQ(state_of_last(), SERIES_RUNNING);
	CHECK(store_series_end(s, series, SERIES_COMPLETE, error, sizeof(error)));
	CHECK_EQ(state_of_last(), SERIES_COMPLETE);
	CHECK(store_series_resume(other, series, 20, error, sizeof(error)));
	CHECK_EQ(state_of_last(), SERIES_RUNNING);
	CHECK(!store_series_resume(s, series, 5, error, sizeof(error)));
	store_close(other);
	CHECK_EQ(state_of_last(), SERIES_INTERRUPTED);
	CHECK(!store_series_resume(s, 7, 5, error, sizeof(error)));
	CHECK(said(path, "there is no series 7"));
	store_close(s);
	CHECK(strcmp(sql_text("SELECT planned_trials FROM series"), "20") == 0);
	remove_folder();
}

/* make_schema_1 - path becomes what the first version of hamtbench wrote: a series with one trial. */
static void
make_schema_1(const struct record *record)
{
	struct store *s = open_store(STORE_WRITE);

	CHECK(store_trial(s, begin_series(s), record, NULL, error, sizeof(error)));
	store_close(s);
	sql("DROP INDEX series_uuid; ALTER TABLE series DROP COLUMN uuid; ALTER TABLE series DROP COLUMN plan;"
	    "ALTER TABLE sample DROP COLUMN longest_ns; ALTER TABLE sample DROP COLUMN resizings; ALTER TABLE phase DROP COLUMN begin_s;"
	    "ALTER TABLE phase DROP COLUMN pause_max_ns; ALTER TABLE phase DROP COLUMN pause_op;"
	    "ALTER TABLE phase DROP COLUMN pause_cause;"
	    "PRAGMA user_version = 1");
}

/* An older file is read as if it were new and not touched, and grows up when it is written to. */
static void
older_schemas_are_brought_up_to_date(void)
{
	static char before[1 << 20], after[1 << 20];
	struct random random;
	struct record *record;
	struct store *s;
	size_t length;

	start();
	random_seed(&random, check_seed, 10);
	record = random_record(&random, 2, 3);
	/* What a file of schema 1 has no room for. */
	for (size_t k = 0; k < record->samples; k++)
		record->sample[k].longest_ns = record->sample[k].resizings = UINT64_MAX;
	for (unsigned k = 0; k < record->phases; k++) {
		record->phase[k].begin_s = NAN;
		record->phase[k].pause_max_ns = UINT64_MAX;
		record->phase[k].pause_op[0] = record->phase[k].pause_cause[0] = '\0';
	}
	make_schema_1(record);
	length = read_file(path, before, sizeof(before));
	for (unsigned round = 0; round < 2; round++) {
		struct store_filter filter = { .choice = STORE_ALL, .with_series = true };
		struct seen seen = { .wanted = &record, .with_series = true };

		s = open_store(round == 0 ? STORE_READ : STORE_WRITE);
		CHECK(store_each_trial(s, &filter, look, &seen, error, sizeof(error)));
		CHECK_EQ(seen.trials, 1);
		store_close(s);
		CHECK_EQ(state_of_last(), SERIES_INTERRUPTED);
		if (round == 0)
			CHECK(read_file(path, after, sizeof(after)) == length && memcmp(before, after, length) == 0);
	}
	CHECK(strcmp(sql_text("PRAGMA user_version"), "5") == 0);
	CHECK(strncmp(sql_text("SELECT uuid FROM series"), "schema1-0123456789abcdef0123456789abcdef-20", 43) == 0);
	CHECK(strcmp(sql_text("PRAGMA integrity_check"), "ok") == 0);
	record_free(record);
	remove_folder();
}

/* Merging */

struct listing {
	char *text;
	size_t size;
	FILE *out;
};

/* list_trial - all of a trial that one can see, numbers included, as one line. */
static bool
list_trial(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct listing *l = arg;
	char text[RECORD_TEXT + 1];

	fprintf(l->out, "%lld %lld %s", (long long)origin->series_id, (long long)origin->trial_id, origin->environment_id);
	for (const struct column *c = record_columns; c->name != NULL; c++) {
		record_column_text(record, c, text, sizeof(text));
		fprintf(l->out, "|%s", text);
	}
	for (unsigned i = 0; i < RECORD_HISTOGRAMS; i++)
		for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
			if (record->histogram[i].count[b] > 0)
				fprintf(l->out, "|%u:%u=%llu", i, b, (unsigned long long)record->histogram[i].count[b]);
	for (size_t i = 0; i < record->samples; i++)
		fprintf(l->out, "|%llu %llu", (unsigned long long)record->sample[i].at_ns,
		    (unsigned long long)(record->sample[i].pending ^ record->sample[i].longest_ns ^ record->sample[i].resizings));
	for (uint64_t i = 0; i < record->threads; i++)
		fprintf(l->out, "|%d %llu", record->thread[i].cpu, (unsigned long long)record->thread[i].ops);
	for (unsigned i = 0; i < record->phases; i++)
		fprintf(l->out, "|%s", record->phase[i].name);
	fputc('\n', l->out);
	return true;
}

/* listing - everything in a file, for free(). */
static char *
listing(const char *file)
{
	struct store_filter filter = { .choice = STORE_ALL, .with_series = true };
	struct listing l = { .text = NULL };
	struct store *s = store_open(file, STORE_READ, error, sizeof(error));

	CHECK(s != NULL);
	l.out = open_memstream(&l.text, &l.size);
	CHECK(store_each_trial(s, &filter, list_trial, &l, error, sizeof(error)));
	fclose(l.out);
	store_close(s);
	return l.text;
}

/* add_series - a series of four random trials, a function of seed, to a file. */
static void
add_series(const char *file, uint64_t seed, enum series_state state)
{
	struct store *s = store_open(file, STORE_WRITE, error, sizeof(error));
	struct random random;
	int64_t series;

	CHECK(s != NULL);
	random_seed(&random, check_seed, 100 + seed);
	memcpy(some_environment.id, seed % 2 == 0 ? "eeee" : "0000", 4);
	series = begin_series(s);
	for (unsigned i = 0; i < 4; i++) {
		struct record *record = random_record(&random, i, 3 * i);

		record->position = i;
		CHECK(store_trial(s, series, record, NULL, error, sizeof(error)));
		record_free(record);
	}
	CHECK(store_series_end(s, series, state, error, sizeof(error)));
	store_close(s);
}

static struct store_merged
merge(const char *into, const char *from)
{
	struct store *s = store_open(into, STORE_WRITE, error, sizeof(error));
	struct store_merged merged;

	CHECK(s != NULL);
	if (!store_merge(s, from, &merged, error, sizeof(error)))
		check_failed(error, __FILE__, __LINE__);
	store_close(s);
	return merged;
}

/* Two files merged equal one that was made in one go; merging again changes nothing. */
static void
merged_files_equal_one_made_in_one_go(void)
{
	char part[2][sizeof(path)], whole[sizeof(path)];
	char *wanted, *got;
	struct store_merged merged;

	start();
	snprintf(whole, sizeof(whole), "%s/whole.db", folder);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(part[i], sizeof(part[i]), "%s/part%u.db", folder, i);
		add_series(part[i], 2 * i, SERIES_COMPLETE);
		add_series(part[i], 2 * i + 1, SERIES_INTERRUPTED);
		add_series(whole, 2 * i, SERIES_COMPLETE);
		add_series(whole, 2 * i + 1, SERIES_INTERRUPTED);
	}
	wanted = listing(whole);
	merged = merge(path, part[0]);
	CHECK(merged.series == 2 && merged.trials == 8 && merged.known == 0);
	merged = merge(path, part[1]);
	CHECK(merged.series == 2 && merged.trials == 8 && merged.known == 0);
	for (unsigned round = 0; round < 2; round++) {
		got = listing(path);
		CHECK(strcmp(got, wanted) == 0);
		free(got);
		CHECK(strcmp(sql_text("SELECT group_concat(state) FROM (SELECT state FROM series ORDER BY id)"),
		    "complete,interrupted,complete,interrupted") == 0);
		CHECK(strcmp(sql_text("SELECT count(*) FROM environment"), "2") == 0);
		CHECK(strcmp(sql_text("PRAGMA integrity_check"), "ok") == 0);
		merged = merge(path, part[round]);
		CHECK(merged.series == 0 && merged.trials == 0 && merged.known == 8);
	}
	free(wanted);
	remove_folder();
}

/* What a series got after it was merged is merged later, and ends it; columns of other builds come along. */
static void
a_merged_series_may_grow(void)
{
	char part[sizeof(path)], here[sizeof(path)];
	struct store_merged merged;
	struct random random;
	struct record *record;
	struct store *s;

	start();
	snprintf(part, sizeof(part), "%s/part.db", folder);
	strcpy(here, path);
	add_series(part, 0, SERIES_INTERRUPTED);
	merged = merge(here, part);
	CHECK(merged.trials == 4);
	random_seed(&random, check_seed, 11);
	record = random_record(&random, 1, 1);
	record->position = 17;
	s = store_open(part, STORE_WRITE, error, sizeof(error));
	CHECK(s != NULL);
	CHECK(store_series_resume(s, 1, 5, error, sizeof(error)));
	CHECK(store_trial(s, 1, record, NULL, error, sizeof(error)));
	merged = merge(here, part);
	CHECK(merged.series == 0 && merged.trials == 1 && merged.known == 4);
	CHECK(strcmp(sql_text("SELECT state FROM series"), "interrupted") == 0);
	CHECK(store_series_end(s, 1, SERIES_COMPLETE, error, sizeof(error)));
	store_close(s);
	strcpy(path, part);
	/* A type is a stranger's text: it is not run. */
	sql("ALTER TABLE trial ADD COLUMN evil \"TEXT; DELETE FROM main.trial; --\"");
	sql("ALTER TABLE trial ADD COLUMN tomorrow TEXT; UPDATE trial SET tomorrow = 'x' WHERE position = 17; INSERT INTO trial"
	    " (series_id, position, tomorrow) VALUES (1, 18, 'y')");
	strcpy(path, here);
	merged = merge(here, part);
	CHECK(merged.trials == 1 && merged.known == 5);
	CHECK(strcmp(sql_text("SELECT state FROM series"), "complete") == 0);
	CHECK(strcmp(sql_text("SELECT group_concat(tomorrow) FROM trial"), "y") == 0);
	/* Refusals leave all as it was. */
	s = open_store(STORE_WRITE);
	CHECK(!store_merge(s, path, &merged, error, sizeof(error)) && said(path, "cannot be merged into itself"));
	snprintf(part, sizeof(part), "%s/none.db", folder);
	CHECK(!store_merge(s, part, &merged, error, sizeof(error)) && said(part, "no such file"));
	store_close(s);
	CHECK(strcmp(sql_text("SELECT count(*) FROM trial"), "6") == 0);
	record_free(record);
	remove_folder();
}

/* An older file merges as if it were new, and is not changed. */
static void
older_schemas_merge(void)
{
	char here[sizeof(path)], old[sizeof(path)];
	struct random random;
	struct record *record;
	struct store_merged merged;

	start();
	random_seed(&random, check_seed, 12);
	record = random_record(&random, 2, 3);
	make_schema_1(record);
	strcpy(old, path);
	snprintf(path, sizeof(path), "%s/new.db", folder);
	strcpy(here, path);
	merged = merge(here, old);
	CHECK(merged.series == 1 && merged.trials == 1);
	merged = merge(here, old);
	CHECK(merged.series == 0 && merged.trials == 0 && merged.known == 1);
	strcpy(path, old);
	CHECK(strcmp(sql_text("PRAGMA user_version"), "1") == 0);
	record_free(record);
	remove_folder();
}

/* write_for_ever - a child that keeps trials and says so, one byte each. */
static void
write_for_ever(int to, const struct record *record)
{
	struct store *s = open_store(STORE_WRITE);
	int64_t series = begin_series(s);

	for (;;) {
		if (!store_trial(s, series, record, NULL, error, sizeof(error)) || write(to, "k", 1) != 1)
			_exit(1);
	}
}

static void
kill_keeps_finished_trials(void)
{
	struct random random;
	struct record *record;
	size_t kept_trials = 0, rounds = 12, interrupted = 0;

	start();
	random_seed(&random, check_seed, 7);
	record = random_record(&random, 4, 3000);
	for (size_t round = 0; round < rounds; round++) {
		struct timespec pause = { .tv_nsec = (long)random_below(&random, 20000000) };
		char journal[sizeof(path) + 16], byte;
		struct stat status;
		struct seen seen;
		struct store *s;
		int ends[2];
		pid_t child;

		CHECK(pipe(ends) == 0);
		child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			close(ends[0]);
			write_for_ever(ends[1], record);
		}
		close(ends[1]);
		for (unsigned i = 0; i < 3; i++, kept_trials++)
			CHECK(read(ends[0], &byte, 1) == 1);
		nanosleep(&pause, NULL);
		CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
		while (read(ends[0], &byte, 1) == 1)
			kept_trials++;
		close(ends[0]);
		snprintf(journal, sizeof(journal), "%s-journal", path);
		interrupted += stat(journal, &status) == 0 && status.st_size > 0;
		/* One may have been kept just before the child could say so. */
		seen = each(STORE_ALL, 0);
		CHECK(seen.trials == kept_trials || seen.trials == kept_trials + 1);
		CHECK_EQ(state_of_last(), SERIES_INTERRUPTED);
		kept_trials = seen.trials;
		CHECK(strcmp(sql_text("PRAGMA integrity_check"), "ok") == 0);
		CHECK(strcmp(sql_text("SELECT count(*) FROM sample WHERE trial_id NOT IN (SELECT id FROM trial)"), "0") == 0);
		s = open_store(STORE_WRITE);
		store_close(s);
	}
	fprintf(stderr, "# %zu of %zu kills came in the middle of a transaction\n", interrupted, rounds);
	record_free(record);
	remove_folder();
}

/* Even the making of the file may be a race. */
static void
two_processes_write_at_once(void)
{
	enum { WRITERS = 2, TRIALS = 25 };
	struct random random;
	struct record *record;
	struct seen seen;
	pid_t child[WRITERS];
	int status;

	start();
	random_seed(&random, check_seed, 8);
	record = random_record(&random, 2, 100);
	for (unsigned w = 0; w < WRITERS; w++) {
		child[w] = fork();
		CHECK(child[w] >= 0);
		if (child[w] == 0) {
			struct store *s = open_store(STORE_WRITE);
			int64_t series = begin_series(s);

			for (unsigned i = 0; i < TRIALS; i++)
				if (!store_trial(s, series, record, NULL, error, sizeof(error)))
					check_failed(error, __FILE__, __LINE__);
			CHECK(store_series_end(s, series, SERIES_COMPLETE, error, sizeof(error)));
			store_close(s);
			_exit(0);
		}
	}
	for (unsigned w = 0; w < WRITERS; w++) {
		CHECK(waitpid(child[w], &status, 0) == child[w]);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	for (unsigned w = 1; w <= WRITERS; w++) {
		seen = each(STORE_NUMBER, w);
		CHECK_EQ(seen.trials, TRIALS);
	}
	CHECK(strcmp(sql_text("SELECT count(*) FROM series WHERE state = 'complete'"), "2") == 0);
	record_free(record);
	remove_folder();
}

struct writer {
	struct store *store;
	int64_t series;
	unsigned written;
};

static bool
write_meanwhile(void *arg, const struct store_origin *origin, const struct record *record)
{
	struct writer *w = arg;

	(void)origin;
	CHECK(store_trial(w->store, w->series, record, NULL, error, sizeof(error)));
	w->written++;
	return true;
}

/* An export that is piped into a pager must not stop a run. */
static void
a_visit_holds_up_no_writer(void)
{
	struct store_filter filter = { .choice = STORE_ALL, .with_series = true };
	struct writer w = { .store = NULL };
	struct random random;
	struct record *record;
	struct store *reader;

	start();
	random_seed(&random, check_seed, 9);
	record = random_record(&random, 2, 10);
	w.store = open_store(STORE_WRITE);
	w.series = begin_series(w.store);
	for (unsigned i = 0; i < 5; i++)
		CHECK(store_trial(w.store, w.series, record, NULL, error, sizeof(error)));
	reader = open_store(STORE_READ);
	CHECK(store_each_trial(reader, &filter, write_meanwhile, &w, error, sizeof(error)));
	CHECK_EQ(w.written, 5);
	store_close(reader);
	store_close(w.store);
	record_free(record);
	remove_folder();
}

static const struct test tests[] = {
	TEST(records_come_back_as_they_were),
	TEST(filters_choose_series),
	TEST(columns_may_come_and_go),
	TEST(what_is_no_database_is_refused),
	TEST(databases_of_others_are_refused),
	TEST(newer_schemas_are_refused),
	TEST(empty_files_and_new_folders_are_taken),
	TEST(read_only_files_and_folders_are_refused),
	TEST(damage_is_reported),
	TEST(a_full_disk_loses_nothing),
	TEST(a_failing_write_loses_nothing),
	TEST(kill_keeps_finished_trials),
	TEST(two_processes_write_at_once),
	TEST(a_visit_holds_up_no_writer),
	TEST(a_series_has_one_writer),
	TEST(older_schemas_are_brought_up_to_date),
	TEST(merged_files_equal_one_made_in_one_go),
	TEST(a_merged_series_may_grow),
	TEST(older_schemas_merge),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
