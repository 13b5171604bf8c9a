/*
 * store.c - the results file. Everything written goes through one transaction
 * a call, begun IMMEDIATE so that writers queue at its start, where waiting is
 * safe, and not at an upgrade in the middle, where two would deadlock.
 */
#include "harness/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#define TRIAL_THREADS_MAX (1u << 20) /* more is a damaged file */

struct store {
	sqlite3 *db;
	char *path;
	bool *has; /* of record_columns[]: the file's table has it */
	int file;  /* for locks on series; -1: none could be opened */
};

const char *const series_state_names[] = {
	[SERIES_RUNNING] = "running",
	[SERIES_COMPLETE] = "complete",
	[SERIES_INTERRUPTED] = "interrupted",
};

/* The column types of enum column_type in SQL. */
static const char *const sql_types[] = {
	[COLUMN_TEXT] = "TEXT",
	[COLUMN_STRING] = "TEXT",
	[COLUMN_COUNT] = "INTEGER",
	[COLUMN_REAL] = "REAL",
	[COLUMN_BOOL] = "INTEGER",
};

/*
 * Schema 1, as the first version made it. It is never edited: what later schemas
 * add is in migrations[], so that a new file and one that grew up are the same.
 */
static const char schema[] =
    "CREATE TABLE environment (id TEXT PRIMARY KEY, json TEXT NOT NULL);"
    "CREATE TABLE series (id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, command TEXT NOT NULL,"
    " environment_id TEXT NOT NULL REFERENCES environment(id), planned_trials INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'interrupted')));"
    "CREATE TABLE trial (id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL REFERENCES series(id));"
    "CREATE INDEX trial_series ON trial(series_id);"
    "CREATE TABLE histogram (trial_id INTEGER NOT NULL REFERENCES trial(id), name TEXT NOT NULL,"
    " low_ns INTEGER NOT NULL, high_ns INTEGER NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY (trial_id, name, low_ns)) WITHOUT ROWID;"
    "CREATE TABLE histogram_summary (trial_id INTEGER NOT NULL REFERENCES trial(id), name TEXT NOT NULL,"
    " total INTEGER NOT NULL, lost INTEGER NOT NULL, sum_ns INTEGER, min_ns INTEGER, max_ns INTEGER,"
    " PRIMARY KEY (trial_id, name)) WITHOUT ROWID;"
    "CREATE TABLE sample (trial_id INTEGER NOT NULL REFERENCES trial(id), at_ns INTEGER NOT NULL,"
    " pending INTEGER, pending_bytes INTEGER, rss_bytes INTEGER, ops INTEGER);"
    "CREATE INDEX sample_trial ON sample(trial_id);"
    "CREATE TABLE thread (trial_id INTEGER NOT NULL REFERENCES trial(id), thread INTEGER NOT NULL,"
    " cpu INTEGER, ops INTEGER, elapsed_ns INTEGER, PRIMARY KEY (trial_id, thread)) WITHOUT ROWID;"
    "CREATE TABLE phase (trial_id INTEGER NOT NULL REFERENCES trial(id), position INTEGER NOT NULL,"
    " name TEXT NOT NULL, ops INTEGER, elapsed_s REAL, mops REAL,"
    " PRIMARY KEY (trial_id, position)) WITHOUT ROWID;";

/*
 * migrations[v] leads from schema v to v + 1. To change anything but the columns
 * of trial, which come and go by themselves: add a row, and 1 to STORE_SCHEMA.
 * A released row stays as it is.
 */
static const char *const migrations[STORE_SCHEMA] = {
	[0] = schema,
	/* Old series get a uuid that every copy of the file agrees on. */
	[1] = "ALTER TABLE series ADD COLUMN uuid TEXT;"
	    "ALTER TABLE series ADD COLUMN plan TEXT;"
	    "UPDATE series SET uuid = 'schema1-' || environment_id || '-' || started_at || '-' || id;"
	    "CREATE UNIQUE INDEX series_uuid ON series(uuid);",
	[2] = "ALTER TABLE sample ADD COLUMN longest_ns INTEGER;",
	[3] = "ALTER TABLE phase ADD COLUMN begin_s REAL;"
	    "ALTER TABLE phase ADD COLUMN pause_max_ns INTEGER;"
	    "ALTER TABLE phase ADD COLUMN pause_op TEXT;"
	    "ALTER TABLE phase ADD COLUMN pause_cause TEXT;",
	[4] = "ALTER TABLE sample ADD COLUMN resizings INTEGER;",
};

/*
 * Whether a series is being measured is told by a lock, which ends with its
 * process however that dies: a write lock on one byte of the results file,
 * far beyond what SQLite locks (1 GiB and some) and beyond any content. It belongs
 * to the open file, not to the process (F_OFD_SETLK), and so does not meet
 * SQLite's own locks.
 */
#define SERIES_LOCK_AT ((off_t)1 << 40)

static bool fail(const struct store *s, char *error, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* fail - "FILE: what"; always false. */
static bool
fail(const struct store *s, char *error, size_t size, const char *format, ...)
{
	char what[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(error, size, "%s: %s", s->path, what);
	return false;
}

/* fail_sql - the same, with SQLite's reason for the call that failed last. */
static bool
fail_sql(const struct store *s, const char *doing, char *error, size_t size)
{
	int code = sqlite3_extended_errcode(s->db), number = sqlite3_system_errno(s->db);
	const char *reason = sqlite3_errmsg(s->db);
	bool system = false;

	switch (code & 0xff) {
	case SQLITE_NOTADB:
		return fail(s, error, size, "not a database");
	case SQLITE_CORRUPT:
		reason = "the file is damaged";
		break;
	case SQLITE_BUSY:
		return fail(s, error, size, "%s: locked by another process for %d s", doing, STORE_BUSY_MS / 1000);
	case SQLITE_FULL:
		reason = "the disk is full";
		break;
	case SQLITE_READONLY:
		reason = code == SQLITE_READONLY_DIRECTORY ? "its folder is read-only" : "read-only";
		break;
	case SQLITE_CANTOPEN:
		/* The file itself is open by now: it is the journal beside it. */
		reason = "no file can be made in its folder";
		system = true;
		break;
	case SQLITE_IOERR:
		system = true;
		break;
	}
	if (system && number != 0)
		return fail(s, error, size, "%s: %s (%s)", doing, reason, strerror(number));
	return fail(s, error, size, "%s: %s", doing, reason);
}

static bool
no_memory(const struct store *s, char *error, size_t size)
{
	return fail(s, error, size, "no memory");
}

/* Transactions */

static bool
execute(const struct store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* After some errors SQLite has rolled back by itself; then there is nothing to do. */
static void
roll_back(const struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		(void)execute(s, "ROLLBACK");
}

static bool
begin(const struct store *s, const char *doing, char *error, size_t size)
{
	return execute(s, "BEGIN IMMEDIATE") || fail_sql(s, doing, error, size);
}

/* end - commit if done; else, or if that fails, undo everything. Sets error only for its own failure. */
static bool
end(const struct store *s, bool done, const char *doing, char *error, size_t size)
{
	if (done && !execute(s, "COMMIT"))
		done = fail_sql(s, doing, error, size);
	if (!done)
		roll_back(s);
	return done;
}

/* Statements. NULL means that preparing it failed; binding to NULL is harmless, a step then says so. */

static sqlite3_stmt *
prepare(const struct store *s, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	return sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

static void
bind_count(sqlite3_stmt *statement, int at, uint64_t count)
{
	if (count == UINT64_MAX)
		sqlite3_bind_null(statement, at);
	else
		sqlite3_bind_int64(statement, at, (sqlite3_int64)count);
}

static uint64_t
column_count(sqlite3_stmt *statement, int at)
{
	return sqlite3_column_type(statement, at) == SQLITE_NULL ? UINT64_MAX :
	    (uint64_t)sqlite3_column_int64(statement, at);
}

static double
column_real(sqlite3_stmt *statement, int at)
{
	return sqlite3_column_type(statement, at) == SQLITE_NULL ? NAN : sqlite3_column_double(statement, at);
}

static void
bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	/* NULL binds NULL. The text outlives the step. */
	sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

/* run - execute a statement that gives no rows, and make it ready for the next. */
static bool
run(sqlite3_stmt *statement)
{
	bool done = statement != NULL && sqlite3_step(statement) == SQLITE_DONE;

	/* Not reset after a failure: that would clear nothing, but the error's text is read later. */
	if (done)
		sqlite3_reset(statement);
	return done;
}

/* query_number - the first column of the only row; false on an error. No row is 0. */
static bool
query_number(const struct store *s, const char *sql, sqlite3_int64 *number)
{
	sqlite3_stmt *statement = prepare(s, sql);
	int step;

	if (statement == NULL)
		return false;
	step = sqlite3_step(statement);
	*number = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return step == SQLITE_ROW || step == SQLITE_DONE;
}

/* Opening */

static size_t
columns_count(void)
{
	size_t n = 0;

	while (record_columns[n].name != NULL)
		n++;
	return n;
}

/* identify - is the file ours, and which schema has it? 0: it is empty and nobody's yet. */
static bool
identify(const struct store *s, sqlite3_int64 *schema_version, char *error, size_t size)
{
	sqlite3_int64 application, version, objects;

	if (!query_number(s, "PRAGMA application_id", &application) ||
	    !query_number(s, "PRAGMA user_version", &version) ||
	    !query_number(s, "SELECT count(*) FROM sqlite_schema", &objects))
		return fail_sql(s, "cannot read it", error, size);
	*schema_version = version;
	if (application == 0 && version == 0 && objects == 0)
		return true;
	if (application != STORE_APPLICATION_ID)
		return fail(s, error, size, "a database of something else, left as it is");
	if (version > STORE_SCHEMA)
		return fail(s, error, size, "schema %lld, this hamtbench knows up to %d", (long long)version,
		    STORE_SCHEMA);
	if (version < 1)
		return fail(s, error, size, "the file is damaged: schema %lld", (long long)version);
	return true;
}

/* find_columns - which of record_columns[] the file's table has. */
static bool
find_columns(const struct store *s, char *error, size_t size)
{
	sqlite3_stmt *statement = prepare(s, "SELECT name FROM pragma_table_info('trial')");
	int step = SQLITE_ERROR;

	while (statement != NULL && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);

		for (size_t i = 0; name != NULL && record_columns[i].name != NULL; i++)
			if (strcmp(record_columns[i].name, name) == 0)
				s->has[i] = true;
	}
	if (step != SQLITE_DONE)
		(void)fail_sql(s, "cannot read it", error, size);
	sqlite3_finalize(statement);
	return step == SQLITE_DONE;
}

/* add_columns - give the file's table the columns that it lacks. */
static bool
add_columns(const struct store *s)
{
	bool done = true;

	for (size_t i = 0; done && record_columns[i].name != NULL; i++) {
		const struct column *c = &record_columns[i];
		char *sql;

		if (s->has[i])
			continue;
		sql = sqlite3_mprintf("ALTER TABLE trial ADD COLUMN \"%w\" %s", c->name, sql_types[c->type]);
		done = sql != NULL && execute(s, sql);
		sqlite3_free(sql);
	}
	return done;
}

static bool
set_version(const struct store *s)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
	    STORE_SCHEMA);
	return execute(s, sql);
}

static bool
migrate(const struct store *s, sqlite3_int64 version)
{
	bool done = true;

	for (; done && version < STORE_SCHEMA; version++)
		done = execute(s, migrations[version]);
	return done;
}

/* ---- Locks on series ---- */

static struct flock
series_range_lock(int64_t series)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SERIES_LOCK_AT + (off_t)series,
	    .l_len = 1 };
}

/* series_lock - false: another store holds it. A file system without locks cannot tell, and does not refuse. */
static bool
series_lock(const struct store *s, int64_t series)
{
	struct flock lock = series_range_lock(series);

	return s->file < 0 || fcntl(s->file, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

static void
series_unlock(const struct store *s, int64_t series)
{
	struct flock lock = series_range_lock(series);

	lock.l_type = F_UNLCK;
	if (s->file >= 0)
		(void)fcntl(s->file, F_OFD_SETLK, &lock);
}

/* series_alive - does another store hold it? */
static bool
series_alive(const struct store *s, int64_t series)
{
	struct flock lock = series_range_lock(series);

	return s->file >= 0 && fcntl(s->file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/*
 * mark_dead - inside a transaction: what was killed is interrupted. Nobody
 * begins or resumes a series meanwhile, since that takes a transaction, too.
 */
static bool
mark_dead(const struct store *s)
{
	sqlite3_stmt *find = prepare(s, "SELECT id FROM series WHERE state = 'running'");
	sqlite3_stmt *mark = prepare(s, "UPDATE series SET state = 'interrupted' WHERE id = ?");
	bool done = find != NULL && mark != NULL;
	int step = SQLITE_DONE;

	while (done && (step = sqlite3_step(find)) == SQLITE_ROW) {
		int64_t series = sqlite3_column_int64(find, 0);

		if (series_alive(s, series))
			continue;
		sqlite3_bind_int64(mark, 1, series);
		done = run(mark);
	}
	done = done && step == SQLITE_DONE;
	sqlite3_finalize(find);
	sqlite3_finalize(mark);
	return done;
}

/*
 * make_ready - inside a transaction: the tables and columns are there.
 * Setting the version writes to the first page, and so opens the journal,
 * even when it was set already: a file that cannot be written to, or a folder
 * that takes no journal, shows now and not after the first trial.
 */
static bool
make_ready(const struct store *s, const char *doing, char *error, size_t size)
{
	sqlite3_int64 version;

	if (!identify(s, &version, error, size))
		return false;
	if (!migrate(s, version))
		return fail_sql(s, doing, error, size);
	if (!find_columns(s, error, size))
		return false;
	if (!add_columns(s) || !set_version(s) || !mark_dead(s))
		return fail_sql(s, doing, error, size);
	for (size_t i = 0; record_columns[i].name != NULL; i++)
		s->has[i] = true;
	return true;
}

static bool
open_for_writing(const struct store *s, char *error, size_t size)
{
	static const char doing[] = "cannot write to it";
	bool done;

	/* SQLite falls back to reading, silently. */
	if (sqlite3_db_readonly(s->db, "main") == 1)
		return faccessat(AT_FDCWD, s->path, W_OK, AT_EACCESS) == 0 ? fail(s, error, size, "read-only") :
		    fail(s, error, size, "read-only (%s)", strerror(errno));
	if (!execute(s, "PRAGMA foreign_keys = ON"))
		return fail_sql(s, doing, error, size);
	if (!begin(s, doing, error, size))
		return false;
	done = make_ready(s, doing, error, size);
	return end(s, done, doing, error, size);
}

/*
 * read_a_copy - an older file is not changed by who only reads: from here on s is a
 * temporary copy of it, brought up to this schema. Everything else then knows one schema.
 */
static bool
read_a_copy(struct store *s, sqlite3_int64 version, char *error, size_t size)
{
	sqlite3_backup *backup;
	sqlite3 *copy = NULL;
	struct store both = *s;
	int code;

	/* A file without a name lies in memory, and on disk when it grows large. */
	if (sqlite3_open("", &copy) != SQLITE_OK) {
		sqlite3_close(copy);
		return no_memory(s, error, size);
	}
	sqlite3_extended_result_codes(copy, 1);
	both.db = copy;
	backup = sqlite3_backup_init(copy, "main", s->db, "main");
	code = backup == NULL ? SQLITE_ERROR : sqlite3_backup_step(backup, -1);
	(void)sqlite3_backup_finish(backup);
	if (code != SQLITE_DONE || !migrate(&both, version)) {
		(void)fail_sql(&both, "cannot read it", error, size);
		sqlite3_close(copy);
		return false;
	}
	sqlite3_close(s->db);
	s->db = copy;
	return true;
}

static bool
open_for_reading(struct store *s, char *error, size_t size)
{
	sqlite3_int64 version;

	if (!execute(s, "PRAGMA query_only = ON"))
		return fail_sql(s, "cannot read it", error, size);
	if (!identify(s, &version, error, size))
		return false;
	if (version == 0)
		return fail(s, error, size, "holds no results");
	return (version == STORE_SCHEMA || read_a_copy(s, version, error, size)) && find_columns(s, error, size);
}

/* make_file - an empty file, and every folder on the way to it. SQLite would not say why it could not. */
static bool
make_file(const struct store *s, char *error, size_t size)
{
	char *folder = strdup(s->path);
	bool done = folder != NULL || no_memory(s, error, size);
	int file;

	for (char *slash = folder; done && (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		if (mkdir(folder, 0777) != 0 && errno != EEXIST)
			done = fail(s, error, size, "cannot make the folder %s: %s", folder, strerror(errno));
	}
	free(folder);
	if (!done)
		return false;
	file = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (file < 0)
		return fail(s, error, size, "cannot be made: %s", strerror(errno));
	close(file);
	return true;
}

/*
 * check_header - does a file that is not empty start as a database does?
 * SQLite itself takes a file of less than 512 bytes, its smallest page, for an
 * empty database and would write over it.
 */
static bool
check_header(const struct store *s, off_t length, char *error, size_t size)
{
	static const char magic[16] = "SQLite format 3";
	char head[sizeof(magic)];
	ssize_t got;
	int file, number;

	if (length == 0)
		return true;
	file = open(s->path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return fail(s, error, size, "cannot be opened: %s", strerror(errno));
	got = read(file, head, sizeof(head));
	number = errno;
	close(file);
	if (got < 0)
		return fail(s, error, size, "cannot be read: %s", strerror(number));
	if (length < 512 || got != (ssize_t)sizeof(head) || memcmp(head, magic, sizeof(magic)) != 0)
		return fail(s, error, size, "not a database");
	return true;
}

/* check_path - what SQLite would not say, or not clearly. */
static bool
check_path(const struct store *s, enum store_mode mode, char *error, size_t size)
{
	struct stat status;

	if (s->path[0] == '\0') {
		snprintf(error, size, "the name of the results file is empty");
		return false;
	}
	if (stat(s->path, &status) != 0) {
		if (errno == ENOENT && mode == STORE_WRITE)
			return make_file(s, error, size);
		return fail(s, error, size, "%s", errno == ENOENT ? "no such file" : strerror(errno));
	}
	if (S_ISDIR(status.st_mode))
		return fail(s, error, size, "is a folder");
	if (!S_ISREG(status.st_mode))
		return fail(s, error, size, "not a file that can hold a database");
	return check_header(s, status.st_size, error, size);
}

static bool
open_database(struct store *s, enum store_mode mode, char *error, size_t size)
{
	/* "./": some names, such as ":memory:", mean something to SQLite. */
	char *name = sqlite3_mprintf("%s%s", s->path[0] == '/' ? "" : "./", s->path);
	/* Reading opens for writing as well: what a killed writer left half
	 * done must be rolled back. SQLite falls back to reading only. */
	int code = name == NULL ? SQLITE_NOMEM : sqlite3_open_v2(name, &s->db, SQLITE_OPEN_READWRITE, NULL);

	sqlite3_free(name);
	if (code == SQLITE_NOMEM)
		return no_memory(s, error, size);
	if (code != SQLITE_OK) {
		int number = sqlite3_system_errno(s->db);

		return fail(s, error, size, "cannot be opened: %s",
		    number != 0 ? strerror(number) : sqlite3_errmsg(s->db));
	}
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	/* Closed after the database: closing a file of the process's gives up its other locks on it. */
	s->file = open(s->path, O_RDWR | O_CLOEXEC);
	if (s->file < 0)
		s->file = open(s->path, O_RDONLY | O_CLOEXEC);
	return mode == STORE_WRITE ? open_for_writing(s, error, size) : open_for_reading(s, error, size);
}

struct store *
store_open(const char *path, enum store_mode mode, char *error, size_t size)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->path = strdup(path)) == NULL ||
	    (s->has = calloc(columns_count(), sizeof(*s->has))) == NULL) {
		snprintf(error, size, "%s: no memory", path);
	} else {
		s->file = -1;
		if (check_path(s, mode, error, size) && open_database(s, mode, error, size))
			return s;
	}
	store_close(s);
	return NULL;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	sqlite3_close(s->db);
	if (s->has != NULL && s->file >= 0)
		close(s->file);
	free(s->has);
	free(s->path);
	free(s);
}

const char *
store_path(const struct store *s)
{
	return s->path;
}

/* Writing */

static bool
insert_environment(const struct store *s, const struct environment *environment)
{
	sqlite3_stmt *statement = prepare(s, "INSERT OR IGNORE INTO environment (id, json) VALUES (?, ?)");
	bool done;

	bind_text(statement, 1, environment->id);
	bind_text(statement, 2, environment->json);
	done = run(statement);
	sqlite3_finalize(statement);
	return done;
}

static bool
insert_series(const struct store *s, const char *command, const char *plan,
    const struct environment *environment, uint64_t planned_trials)
{
	sqlite3_stmt *statement;
	bool done;

	if (!insert_environment(s, environment))
		return false;
	statement = prepare(s, "INSERT INTO series (started_at, command, plan, environment_id, planned_trials, state,"
	    " uuid) VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?, ?, ?, ?, 'running', lower(hex(randomblob(16))))");
	bind_text(statement, 1, command);
	bind_text(statement, 2, plan);
	bind_text(statement, 3, environment->id);
	bind_count(statement, 4, planned_trials);
	done = run(statement);
	sqlite3_finalize(statement);
	return done;
}

bool
store_series_begin(struct store *s, const char *command, const char *plan, const struct environment *environment,
    uint64_t planned_trials, int64_t *id, char *error, size_t size)
{
	static const char doing[] = "cannot start a series";
	bool done;

	if (!begin(s, doing, error, size))
		return false;
	done = insert_series(s, command, plan, environment, planned_trials) || fail_sql(s, doing, error, size);
	*id = sqlite3_last_insert_rowid(s->db);
	/* Before the commit: who sees the series sees the lock. */
	if (done)
		(void)series_lock(s, *id);
	return end(s, done, doing, error, size);
}

bool
store_series_resume(struct store *s, int64_t series, uint64_t planned_trials, char *error, size_t size)
{
	static const char doing[] = "cannot resume the series";
	sqlite3_stmt *statement;
	bool done;

	if (!begin(s, doing, error, size))
		return false;
	statement = prepare(s, "UPDATE series SET state = 'running', planned_trials = ? WHERE id = ?");
	bind_count(statement, 1, planned_trials);
	sqlite3_bind_int64(statement, 2, series);
	done = run(statement) || fail_sql(s, doing, error, size);
	sqlite3_finalize(statement);
	if (done && sqlite3_changes(s->db) != 1)
		done = fail(s, error, size, "%s: there is no series %lld", doing, (long long)series);
	if (done && !series_lock(s, series))
		done = fail(s, error, size, "series %lld is being measured by another process", (long long)series);
	return end(s, done, doing, error, size);
}

bool
store_series_end(struct store *s, int64_t series, enum series_state state, char *error, size_t size)
{
	static const char doing[] = "cannot end the series";
	sqlite3_stmt *statement;
	bool done;

	if (!begin(s, doing, error, size))
		return false;
	statement = prepare(s, "UPDATE series SET state = ? WHERE id = ?");
	bind_text(statement, 1, series_state_names[state]);
	sqlite3_bind_int64(statement, 2, series);
	done = run(statement) || fail_sql(s, doing, error, size);
	sqlite3_finalize(statement);
	if (done && sqlite3_changes(s->db) != 1)
		done = fail(s, error, size, "%s: there is no series %lld", doing, (long long)series);
	done = end(s, done, doing, error, size);
	if (done)
		series_unlock(s, series);
	return done;
}

static void
bind_column(sqlite3_stmt *statement, int at, const struct record *record, const struct column *c)
{
	const void *field = (const char *)record + c->offset;

	switch (c->type) {
	case COLUMN_TEXT:
		bind_text(statement, at, field);
		return;
	case COLUMN_STRING:
		bind_text(statement, at, *(char *const *)field);
		return;
	case COLUMN_COUNT:
		bind_count(statement, at, *(const uint64_t *)field);
		return;
	case COLUMN_REAL:
		/* NaN binds NULL. */
		sqlite3_bind_double(statement, at, *(const double *)field);
		return;
	case COLUMN_BOOL:
		sqlite3_bind_int(statement, at, *(const bool *)field);
		return;
	}
}

/* insert_columns - the trial's own row. */
static bool
insert_columns(const struct store *s, int64_t series, const struct record *record)
{
	sqlite3_str *sql = sqlite3_str_new(s->db);
	sqlite3_stmt *statement;
	char *text;
	bool done;

	sqlite3_str_appendall(sql, "INSERT INTO trial (series_id");
	for (const struct column *c = record_columns; c->name != NULL; c++)
		sqlite3_str_appendf(sql, ", \"%w\"", c->name);
	sqlite3_str_appendall(sql, ") VALUES (?");
	for (const struct column *c = record_columns; c->name != NULL; c++)
		sqlite3_str_appendall(sql, ", ?");
	sqlite3_str_appendall(sql, ")");
	text = sqlite3_str_finish(sql);
	statement = text != NULL ? prepare(s, text) : NULL;
	sqlite3_free(text);

	sqlite3_bind_int64(statement, 1, series);
	for (int i = 0; record_columns[i].name != NULL; i++)
		bind_column(statement, i + 2, record, &record_columns[i]);
	done = run(statement);
	sqlite3_finalize(statement);
	return done;
}

static bool
insert_buckets(sqlite3_stmt *statement, int64_t trial, const char *name, const struct histogram *h)
{
	bool done = statement != NULL;

	for (unsigned i = 0; done && i < HISTOGRAM_BUCKETS; i++) {
		if (h->count[i] == 0)
			continue;
		sqlite3_bind_int64(statement, 1, trial);
		bind_text(statement, 2, name);
		bind_count(statement, 3, histogram_low(i));
		bind_count(statement, 4, histogram_high(i));
		bind_count(statement, 5, h->count[i]);
		done = run(statement);
	}
	return done;
}

static bool
insert_histogram(sqlite3_stmt *statement, int64_t trial, const char *name, const struct histogram *h)
{
	sqlite3_bind_int64(statement, 1, trial);
	bind_text(statement, 2, name);
	bind_count(statement, 3, h->total);
	bind_count(statement, 4, h->lost);
	bind_count(statement, 5, h->sum);
	bind_count(statement, 6, h->min);
	bind_count(statement, 7, h->max);
	return run(statement);
}

static bool
insert_histograms(const struct store *s, int64_t trial, const struct record *record)
{
	sqlite3_stmt *buckets = prepare(s, "INSERT INTO histogram VALUES (?, ?, ?, ?, ?)");
	sqlite3_stmt *summary = prepare(s, "INSERT INTO histogram_summary VALUES (?, ?, ?, ?, ?, ?, ?)");
	bool done = true;

	for (unsigned i = 0; done && i < RECORD_HISTOGRAMS; i++) {
		const struct histogram *h = &record->histogram[i];

		if (h->total + h->lost != 0)
			done = insert_buckets(buckets, trial, record_histogram_names[i], h) &&
			    insert_histogram(summary, trial, record_histogram_names[i], h);
	}
	sqlite3_finalize(buckets);
	sqlite3_finalize(summary);
	return done;
}

static bool
insert_samples(const struct store *s, int64_t trial, const struct record *record)
{
	sqlite3_stmt *statement = prepare(s, "INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	bool done = true;

	for (size_t i = 0; done && i < record->samples; i++) {
		const struct record_sample *sample = &record->sample[i];

		sqlite3_bind_int64(statement, 1, trial);
		bind_count(statement, 2, sample->at_ns);
		bind_count(statement, 3, sample->pending);
		bind_count(statement, 4, sample->pending_bytes);
		bind_count(statement, 5, sample->rss_bytes);
		bind_count(statement, 6, sample->ops);
		bind_count(statement, 7, sample->longest_ns);
		bind_count(statement, 8, sample->resizings);
		done = run(statement);
	}
	sqlite3_finalize(statement);
	return done;
}

static bool
insert_threads(const struct store *s, int64_t trial, const struct record *record)
{
	sqlite3_stmt *statement = prepare(s, "INSERT INTO thread VALUES (?, ?, ?, ?, ?)");
	bool done = true;

	for (uint64_t i = 0; done && i < record->threads; i++) {
		const struct record_thread *thread = &record->thread[i];

		sqlite3_bind_int64(statement, 1, trial);
		bind_count(statement, 2, i);
		if (thread->cpu < 0)
			sqlite3_bind_null(statement, 3);
		else
			sqlite3_bind_int(statement, 3, thread->cpu);
		bind_count(statement, 4, thread->ops);
		bind_count(statement, 5, thread->elapsed_ns);
		done = run(statement);
	}
	sqlite3_finalize(statement);
	return done;
}

static bool
insert_phases(const struct store *s, int64_t trial, const struct record *record)
{
	sqlite3_stmt *statement = prepare(s, "INSERT INTO phase VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bool done = true;

	for (unsigned i = 0; done && i < record->phases; i++) {
		const struct record_phase *phase = &record->phase[i];

		sqlite3_bind_int64(statement, 1, trial);
		bind_count(statement, 2, i);
		bind_text(statement, 3, phase->name);
		bind_count(statement, 4, phase->ops);
		sqlite3_bind_double(statement, 5, phase->elapsed_s);
		sqlite3_bind_double(statement, 6, phase->mops);
		sqlite3_bind_double(statement, 7, phase->begin_s);
		bind_count(statement, 8, phase->pause_max_ns);
		bind_text(statement, 9, phase->pause_op);
		bind_text(statement, 10, phase->pause_cause);
		done = run(statement);
	}
	sqlite3_finalize(statement);
	return done;
}

bool
store_trial(struct store *s, int64_t series, const struct record *record, int64_t *trial_id, char *error,
    size_t size)
{
	static const char doing[] = "cannot keep the trial";
	int64_t trial = 0;
	bool done;

	if (!begin(s, doing, error, size))
		return false;
	done = insert_columns(s, series, record);
	if (done) {
		trial = sqlite3_last_insert_rowid(s->db);
		done = insert_histograms(s, trial, record) && insert_samples(s, trial, record) &&
		    insert_threads(s, trial, record) && insert_phases(s, trial, record);
	}
	if (!done)
		(void)fail_sql(s, doing, error, size);
	if (!end(s, done, doing, error, size))
		return false;
	if (trial_id != NULL)
		*trial_id = trial;
	return true;
}

/* Reading */

/* series_range - the numbers first .. last that the filter chooses, first > last if there are none. */
static bool
series_range(const struct store *s, const struct store_filter *filter, sqlite3_int64 *first, sqlite3_int64 *last,
    char *error, size_t size)
{
	if (!query_number(s, "SELECT coalesce(min(id), 1) FROM series", first) ||
	    !query_number(s, "SELECT coalesce(max(id), 0) FROM series", last))
		return fail_sql(s, "cannot read it", error, size);
	if (filter->choice == STORE_ALL)
		return true;
	if (*first > *last)
		return fail(s, error, size, "holds no series yet");
	if (filter->choice == STORE_LAST) {
		*first = *last;
		return true;
	}
	if (filter->series < *first || filter->series > *last)
		return fail(s, error, size, "no series %lld: it has %lld to %lld", (long long)filter->series,
		    (long long)*first, (long long)*last);
	*first = *last = filter->series;
	return true;
}

static bool
read_series(const struct store *s, sqlite3_stmt *statement, struct store_series *series)
{
	const char *text[4];
	bool found = false;

	for (int i = 0; i < 4; i++)
		text[i] = (const char *)sqlite3_column_text(statement, 5 + i);
	*series = (struct store_series){ .id = sqlite3_column_int64(statement, 0),
	    .planned_trials = column_count(statement, 1), .trials = column_count(statement, 2),
	    .command = text[3] != NULL ? text[3] : "", .state = SERIES_INTERRUPTED };
	snprintf(series->uuid, sizeof(series->uuid), "%s", text[0] != NULL ? text[0] : "");
	snprintf(series->plan, sizeof(series->plan), "%s", text[1] != NULL ? text[1] : "");
	snprintf(series->started_at, sizeof(series->started_at), "%s", text[2] != NULL ? text[2] : "");
	snprintf(series->environment_id, sizeof(series->environment_id), "%s",
	    (const char *)sqlite3_column_text(statement, 3));
	text[0] = (const char *)sqlite3_column_text(statement, 4);
	for (unsigned i = 0; i < sizeof(series_state_names) / sizeof(series_state_names[0]) && text[0] != NULL; i++)
		if (strcmp(series_state_names[i], text[0]) == 0) {
			series->state = (enum series_state)i;
			found = true;
		}
	if (series->state == SERIES_RUNNING && !series_alive(s, series->id))
		series->state = SERIES_INTERRUPTED;
	return found;
}

bool
store_each_series(struct store *s, const struct store_filter *filter,
    bool (*visit)(void *arg, const struct store_series *series), void *arg, char *error, size_t size)
{
	sqlite3_stmt *statement;
	sqlite3_int64 first, last;
	bool good = true, more = true;

	if (!series_range(s, filter, &first, &last, error, size))
		return false;
	statement = prepare(s, "SELECT id, planned_trials, (SELECT count(*) FROM trial WHERE series_id = series.id),"
	    " environment_id, state, uuid, plan, started_at, command FROM series WHERE id >= ? AND id <= ?"
	    " ORDER BY id LIMIT 1");
	if (statement == NULL)
		return fail_sql(s, "cannot read it", error, size);
	/* One row a statement: no lock is held while visit takes its time. */
	while (good && more && first <= last) {
		struct store_series series;
		char *command = NULL;
		int step;

		sqlite3_bind_int64(statement, 1, first);
		sqlite3_bind_int64(statement, 2, last);
		step = sqlite3_step(statement);
		if (step == SQLITE_DONE)
			break;
		if (step != SQLITE_ROW)
			good = fail_sql(s, "cannot read it", error, size);
		else if (!read_series(s, statement, &series))
			good = fail(s, error, size, "the file is damaged: series %lld: state", (long long)series.id);
		else if ((command = strdup(series.command)) == NULL)
			good = no_memory(s, error, size);
		sqlite3_reset(statement);
		if (good) {
			series.command = command;
			more = visit(arg, &series);
			first = series.id + 1;
		}
		free(command);
	}
	sqlite3_finalize(statement);
	return good;
}

bool
store_series_not_whole(const struct store_series *series, char *text, size_t size)
{
	uint64_t planned = series->planned_trials;

	snprintf(text, size, "%s", "");
	if (series->state == SERIES_COMPLETE) {
		/* Of another's series the plan may not be known; of ours more may have been made than were planned. */
		if (planned == UINT64_MAX || planned <= series->trials)
			return false;
		snprintf(text, size, "Series %lld is short: %" PRIu64 " of %" PRIu64 " trials could not run",
		    (long long)series->id, planned - series->trials, planned);
		return true;
	}
	snprintf(text, size, "Series %lld is unfinished: it %s, and ", (long long)series->id,
	    series->state == SERIES_RUNNING ? "is still being measured" : "was interrupted or killed");
	/* Killed after the last trial, say; and of another's series the plan may not be known. */
	if (planned == UINT64_MAX || planned < series->trials)
		snprintf(text + strlen(text), size - strlen(text), "it is not known how many trials are missing");
	else
		snprintf(text + strlen(text), size - strlen(text), "%" PRIu64 " of %" PRIu64 " trials are missing",
		    planned - series->trials, planned);
	return true;
}

struct origins {
	struct store_origin *origin;
	size_t count;
};

/* find_trials - the numbers of the chosen trials: all that is kept in memory at once. */
static bool
find_trials(const struct store *s, sqlite3_int64 first, sqlite3_int64 last, struct origins *found, char *error,
    size_t size)
{
	sqlite3_stmt *statement = prepare(s, "SELECT trial.id, series_id, environment_id FROM trial"
	    " JOIN series ON series.id = series_id WHERE series_id BETWEEN ? AND ? ORDER BY trial.id");
	size_t room = 0;
	int step = SQLITE_ERROR;

	sqlite3_bind_int64(statement, 1, first);
	sqlite3_bind_int64(statement, 2, last);
	while (statement != NULL && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *environment = (const char *)sqlite3_column_text(statement, 2);
		struct store_origin *o;

		if (found->count == room) {
			struct store_origin *more;

			room = 2 * room + 64;
			more = realloc(found->origin, room * sizeof(*more));
			if (more == NULL)
				break;
			found->origin = more;
		}
		o = &found->origin[found->count++];
		o->trial_id = sqlite3_column_int64(statement, 0);
		o->series_id = sqlite3_column_int64(statement, 1);
		snprintf(o->environment_id, sizeof(o->environment_id), "%s",
		    environment != NULL ? environment : "");
	}
	if (step == SQLITE_ROW)
		(void)no_memory(s, error, size);
	else if (step != SQLITE_DONE)
		(void)fail_sql(s, "cannot read it", error, size);
	sqlite3_finalize(statement);
	return step == SQLITE_DONE;
}

/* The statements that read one trial; NULL where they are not wanted. */
enum reader_part {
	READ_COLUMNS, READ_BUCKETS, READ_HISTOGRAMS, READ_SAMPLES, READ_THREADS, READ_PHASES,
	READ_PARTS
};

struct reader {
	const struct store *store;
	sqlite3_stmt *part[READ_PARTS];
	char *error;
	size_t size;
};

static sqlite3_stmt *
prepare_columns(const struct store *s)
{
	sqlite3_str *sql = sqlite3_str_new(s->db);
	sqlite3_stmt *statement;
	char *text;

	sqlite3_str_appendall(sql, "SELECT id");
	for (size_t i = 0; record_columns[i].name != NULL; i++) {
		if (s->has[i])
			sqlite3_str_appendf(sql, ", \"%w\"", record_columns[i].name);
		else
			sqlite3_str_appendall(sql, ", NULL");
	}
	sqlite3_str_appendall(sql, " FROM trial WHERE id = ?");
	text = sqlite3_str_finish(sql);
	statement = text != NULL ? prepare(s, text) : NULL;
	sqlite3_free(text);
	return statement;
}

static bool
reader_open(struct reader *r, bool with_series)
{
	static const char *const sql[READ_PARTS] = {
		[READ_BUCKETS] = "SELECT name, low_ns, high_ns, count FROM histogram WHERE trial_id = ?",
		[READ_HISTOGRAMS] = "SELECT name, total, lost, sum_ns, min_ns, max_ns FROM histogram_summary"
		    " WHERE trial_id = ?",
		[READ_SAMPLES] = "SELECT at_ns, pending, pending_bytes, rss_bytes, ops, longest_ns, resizings FROM sample"
		    " WHERE trial_id = ? ORDER BY rowid",
		[READ_THREADS] = "SELECT thread, cpu, ops, elapsed_ns FROM thread WHERE trial_id = ?",
		[READ_PHASES] = "SELECT position, name, ops, elapsed_s, mops, begin_s, pause_max_ns, pause_op, pause_cause FROM phase"
		    " WHERE trial_id = ? ORDER BY position",
	};

	r->part[READ_COLUMNS] = prepare_columns(r->store);
	if (r->part[READ_COLUMNS] == NULL)
		return false;
	for (unsigned i = READ_COLUMNS + 1; with_series && i < READ_PARTS; i++)
		if ((r->part[i] = prepare(r->store, sql[i])) == NULL)
			return false;
	return true;
}

static void
reader_close(struct reader *r)
{
	for (unsigned i = 0; i < READ_PARTS; i++)
		sqlite3_finalize(r->part[i]);
}

static bool
damaged(const struct reader *r, int64_t trial, const char *what)
{
	return fail(r->store, r->error, r->size, "the file is damaged: trial %lld: %s", (long long)trial, what);
}

/* read_column - false: a text longer than its field, or no memory for a string. */
static bool
read_column(sqlite3_stmt *statement, int at, struct record *record, const struct column *c)
{
	void *field = (char *)record + c->offset;
	const char *text = NULL;

	if (c->type == COLUMN_TEXT || c->type == COLUMN_STRING)
		text = (const char *)sqlite3_column_text(statement, at);
	switch (c->type) {
	case COLUMN_TEXT:
		return (size_t)snprintf(field, c->size, "%s", text != NULL ? text : "") < c->size;
	case COLUMN_STRING:
		return text == NULL || (*(char **)field = strdup(text)) != NULL;
	case COLUMN_COUNT:
		*(uint64_t *)field = column_count(statement, at);
		return true;
	case COLUMN_REAL:
		*(double *)field = column_real(statement, at);
		return true;
	case COLUMN_BOOL:
		*(bool *)field = sqlite3_column_int(statement, at) != 0;
		return true;
	}
	return false;
}

static bool
read_columns(const struct reader *r, int64_t trial, struct record *record)
{
	sqlite3_stmt *statement = r->part[READ_COLUMNS];
	struct record_thread *threads;

	for (int i = 0; record_columns[i].name != NULL; i++)
		if (!read_column(statement, i + 1, record, &record_columns[i]))
			return record_columns[i].type == COLUMN_STRING ? no_memory(r->store, r->error, r->size) :
			    damaged(r, trial, record_columns[i].name);
	if (record->threads > TRIAL_THREADS_MAX)
		return damaged(r, trial, "threads");
	threads = calloc((size_t)record->threads + 1, sizeof(*threads));
	if (threads == NULL)
		return no_memory(r->store, r->error, r->size);
	/* What was measured elsewhere may have no rows for them. */
	for (uint64_t i = 0; i < record->threads; i++)
		threads[i] = (struct record_thread){ .cpu = -1, .ops = UINT64_MAX, .elapsed_ns = UINT64_MAX };
	free(record->thread);
	record->thread = threads;
	return true;
}

/* find_histogram - by name; NULL for one that this program does not know. */
static struct histogram *
find_histogram(struct record *record, sqlite3_stmt *statement)
{
	const char *name = (const char *)sqlite3_column_text(statement, 0);

	for (unsigned i = 0; name != NULL && i < RECORD_HISTOGRAMS; i++)
		if (strcmp(record_histogram_names[i], name) == 0)
			return &record->histogram[i];
	return NULL;
}

static bool
read_bucket(const struct reader *r, int64_t trial, struct record *record)
{
	sqlite3_stmt *statement = r->part[READ_BUCKETS];
	struct histogram *h = find_histogram(record, statement);
	uint64_t low = column_count(statement, 1), high = column_count(statement, 2);
	unsigned i;

	if (h == NULL || low >= HISTOGRAM_LIMIT_NS)
		return damaged(r, trial, "histogram");
	i = histogram_index(low);
	if (histogram_low(i) != low || histogram_high(i) != high)
		return damaged(r, trial, "the buckets of a histogram");
	h->count[i] = column_count(statement, 3);
	return true;
}

static bool
read_histogram(const struct reader *r, int64_t trial, struct record *record)
{
	sqlite3_stmt *statement = r->part[READ_HISTOGRAMS];
	struct histogram *h = find_histogram(record, statement);

	if (h == NULL)
		return damaged(r, trial, "histogram_summary");
	h->total = column_count(statement, 1);
	h->lost = column_count(statement, 2);
	h->sum = column_count(statement, 3);
	h->min = column_count(statement, 4);
	h->max = column_count(statement, 5);
	return true;
}

static bool
read_sample(const struct reader *r, int64_t trial, struct record *record)
{
	sqlite3_stmt *statement = r->part[READ_SAMPLES];

	(void)trial;
	/* The array grows by doubling, whenever the count is a power of two. */
	if ((record->samples & (record->samples - 1)) == 0) {
		size_t room = record->samples == 0 ? 1 : 2 * record->samples;
		struct record_sample *more = realloc(record->sample, room * sizeof(*more));

		if (more == NULL)
			return no_memory(r->store, r->error, r->size);
		record->sample = more;
	}
	record->sample[record->samples++] = (struct record_sample){
		.at_ns = column_count(statement, 0),
		.pending = column_count(statement, 1),
		.pending_bytes = column_count(statement, 2),
		.rss_bytes = column_count(statement, 3),
		.ops = column_count(statement, 4),
		.longest_ns = column_count(statement, 5),
		.resizings = column_count(statement, 6),
	};
	return true;
}

static bool
read_thread(const struct reader *r, int64_t trial, struct record *record)
{
	sqlite3_stmt *statement = r->part[READ_THREADS];
	uint64_t i = column_count(statement, 0);

	if (i >= record->threads)
		return damaged(r, trial, "thread");
	record->thread[i] = (struct record_thread){
		.cpu = sqlite3_column_type(statement, 1) == SQLITE_NULL ? -1 : sqlite3_column_int(statement, 1),
		.ops = column_count(statement, 2),
		.elapsed_ns = column_count(statement, 3),
	};
	return true;
}

static bool
read_phase(const struct reader *r, int64_t trial, struct record *record)
{
	sqlite3_stmt *statement = r->part[READ_PHASES];
	const char *name = (const char *)sqlite3_column_text(statement, 1);
	struct record_phase *phase;

	if (record->phases == PLAN_PHASES || column_count(statement, 0) != record->phases || name == NULL)
		return damaged(r, trial, "phase");
	phase = &record->phase[record->phases++];
	if ((size_t)snprintf(phase->name, sizeof(phase->name), "%s", name) >= sizeof(phase->name))
		return damaged(r, trial, "phase");
	phase->ops = column_count(statement, 2);
	phase->elapsed_s = column_real(statement, 3);
	phase->mops = column_real(statement, 4);
	phase->begin_s = column_real(statement, 5);
	phase->pause_max_ns = column_count(statement, 6);
	for (unsigned i = 0; i < 2; i++) {
		/* Nothing in what an earlier schema kept. */
		const char *text = (const char *)sqlite3_column_text(statement, 7 + (int)i);
		char *to = i == 0 ? phase->pause_op : phase->pause_cause;
		size_t room = i == 0 ? sizeof(phase->pause_op) : sizeof(phase->pause_cause);

		if ((size_t)snprintf(to, room, "%s", text != NULL ? text : "") >= room)
			return damaged(r, trial, "phase");
	}
	return true;
}

/* histograms_sound - of a trial read with its series. What is made of them may rely on it. */
static bool
histograms_sound(const struct reader *r, int64_t trial, const struct record *record)
{
	for (unsigned i = 0; i < RECORD_HISTOGRAMS; i++)
		if (!histogram_is_sound(&record->histogram[i]))
			return damaged(r, trial, "the counts of a histogram");
	return true;
}

/* read_trial - run all the statements for one trial; none is left open, so no lock is. */
static bool
read_trial(const struct reader *r, int64_t trial, struct record *record)
{
	static bool (*const row[READ_PARTS])(const struct reader *, int64_t, struct record *) = {
		[READ_COLUMNS] = read_columns,
		[READ_BUCKETS] = read_bucket,
		[READ_HISTOGRAMS] = read_histogram,
		[READ_SAMPLES] = read_sample,
		[READ_THREADS] = read_thread,
		[READ_PHASES] = read_phase,
	};
	bool good = true;

	for (unsigned i = 0; good && i < READ_PARTS; i++) {
		sqlite3_stmt *statement = r->part[i];
		int step = SQLITE_DONE;
		bool any = false;

		if (statement == NULL)
			continue;
		sqlite3_bind_int64(statement, 1, trial);
		while (good && (step = sqlite3_step(statement)) == SQLITE_ROW) {
			any = true;
			good = row[i](r, trial, record);
		}
		if (good && step != SQLITE_DONE)
			good = fail_sql(r->store, "cannot read it", r->error, r->size);
		else if (good && i == READ_COLUMNS && !any)
			good = fail(r->store, r->error, r->size, "trial %lld was removed meanwhile",
			    (long long)trial);
		sqlite3_reset(statement);
	}
	return good && histograms_sound(r, trial, record);
}

bool
store_each_trial(struct store *s, const struct store_filter *filter,
    bool (*visit)(void *arg, const struct store_origin *origin, const struct record *record), void *arg,
    char *error, size_t size)
{
	struct reader r = { .store = s, .error = error, .size = size };
	struct origins found = { NULL, 0 };
	sqlite3_int64 first, last;
	bool good, more = true;

	good = series_range(s, filter, &first, &last, error, size) &&
	    find_trials(s, first, last, &found, error, size);
	if (good && !reader_open(&r, filter->with_series))
		good = fail_sql(s, "cannot read it", error, size);
	for (size_t i = 0; good && more && i < found.count; i++) {
		struct record *record = record_new(0);

		if (record == NULL)
			good = no_memory(s, error, size);
		good = good && read_trial(&r, found.origin[i].trial_id, record);
		if (good)
			more = visit(arg, &found.origin[i], record);
		record_free(record);
	}
	reader_close(&r);
	free(found.origin);
	return good;
}

/* read_environment - row number `skip` of the environments in use; *e stays zero beyond the last. */
static bool
read_environment(const struct store *s, sqlite3_stmt *statement, sqlite3_int64 skip, struct environment *e,
    char *error, size_t size)
{
	bool good = true;
	int step;

	sqlite3_bind_int64(statement, 3, skip);
	step = sqlite3_step(statement);
	if (step == SQLITE_ROW) {
		const char *id = (const char *)sqlite3_column_text(statement, 0);
		const char *json = (const char *)sqlite3_column_text(statement, 1);

		if (id == NULL || json == NULL) {
			good = fail(s, error, size, "the file is damaged: a series has no environment");
		} else {
			snprintf(e->id, sizeof(e->id), "%s", id);
			e->json = strdup(json);
			good = e->json != NULL || no_memory(s, error, size);
		}
	} else if (step != SQLITE_DONE) {
		good = fail_sql(s, "cannot read it", error, size);
	}
	sqlite3_reset(statement);
	return good;
}

bool
store_each_environment(struct store *s, const struct store_filter *filter,
    bool (*visit)(void *arg, const struct environment *environment), void *arg, char *error, size_t size)
{
	sqlite3_stmt *statement;
	sqlite3_int64 first, last;
	bool good, more = true;

	if (!series_range(s, filter, &first, &last, error, size))
		return false;
	statement = prepare(s, "SELECT environment.id, json FROM series LEFT JOIN environment"
	    " ON environment.id = environment_id WHERE series.id BETWEEN ? AND ?"
	    " GROUP BY environment_id ORDER BY min(series.id) LIMIT 1 OFFSET ?");
	if (statement == NULL)
		return fail_sql(s, "cannot read it", error, size);
	sqlite3_bind_int64(statement, 1, first);
	sqlite3_bind_int64(statement, 2, last);
	good = true;
	for (sqlite3_int64 i = 0; good && more; i++) {
		struct environment e = { .json = NULL };

		good = read_environment(s, statement, i, &e, error, size);
		more = good && e.json != NULL;
		if (more)
			more = visit(arg, &e);
		free(e.json);
	}
	sqlite3_finalize(statement);
	return good;
}

/* Merging. The other file is first copied to a temporary database `other`, attached to ours. */

/* The tables whose rows belong to a trial. */
static const char *const trial_tables[] = { "histogram", "histogram_summary", "sample", "thread", "phase" };
#define TRIAL_TABLES (sizeof(trial_tables) / sizeof(trial_tables[0]))

enum { COPY_TRIAL = TRIAL_TABLES, COPIES }; /* the statements that copy one trial: its tables', its own */

static bool
attach_copy(const struct store *s, const struct store *from, char *error, size_t size)
{
	sqlite3_backup *backup;
	int code;

	/* A database without a name is temporary, and on disk when it grows large. */
	if (!execute(s, "ATTACH '' AS other"))
		return fail_sql(s, "cannot merge into it", error, size);
	backup = sqlite3_backup_init(s->db, "other", from->db, "main");
	code = backup == NULL ? SQLITE_ERROR : sqlite3_backup_step(backup, -1);
	(void)sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE)
		return true;
	return fail_sql(code == SQLITE_BUSY || code == SQLITE_CORRUPT ? from : s, "cannot copy it", error, size);
}

/* add_other_columns - a column of trial that only the other file has is not lost. */
static bool
add_other_columns(const struct store *s)
{
	/* A type that is none of ours is a stranger's text, and becomes none: the column keeps values as they are. */
	sqlite3_stmt *statement = prepare(s, "SELECT name, CASE WHEN type IN ('TEXT', 'INTEGER', 'REAL') THEN type ELSE '' END"
	    " FROM pragma_table_info('trial', 'other') WHERE name NOT IN"
	    " (SELECT name FROM pragma_table_info('trial', 'main'))");
	bool done = statement != NULL;
	sqlite3_str *sql = sqlite3_str_new(s->db);
	int step = SQLITE_DONE;
	char *text;

	while (done && (step = sqlite3_step(statement)) == SQLITE_ROW)
		sqlite3_str_appendf(sql, "ALTER TABLE main.trial ADD COLUMN \"%w\" %s;", sqlite3_column_text(statement, 0),
		    sqlite3_column_text(statement, 1));
	sqlite3_finalize(statement);
	text = sqlite3_str_finish(sql);
	/* No text: nothing is missing. */
	done = done && step == SQLITE_DONE && (text == NULL || execute(s, text));
	sqlite3_free(text);
	return done;
}

/*
 * prepare_copy - the statement that copies rows of a table: all columns but the
 * first two of a trial (id, series_id) or the first of the others (trial_id), which are
 * given as ?1; ?2 chooses the trial in the other file.
 */
static sqlite3_stmt *
prepare_copy(const struct store *s, const char *table, const char *owner, const char *key)
{
	sqlite3_stmt *names = prepare(s, "SELECT group_concat('\"' || replace(name, '\"', '\"\"') || '\"') FROM"
	    " pragma_table_info(?, 'other') WHERE name NOT IN ('id', ?)"), *copy = NULL;

	bind_text(names, 1, table);
	bind_text(names, 2, owner);
	if (names != NULL && sqlite3_step(names) == SQLITE_ROW) {
		const unsigned char *columns = sqlite3_column_text(names, 0);
		char *sql = sqlite3_mprintf("INSERT INTO main.%s (%s, %s) SELECT ?1, %s FROM other.%s WHERE %s = ?2", table,
		    owner, columns, columns, table, key);

		copy = sql != NULL ? prepare(s, sql) : NULL;
		sqlite3_free(sql);
	}
	sqlite3_finalize(names);
	return copy;
}

/* copy_trials - all trials that found, (other's id), lists. */
static bool
copy_trials(const struct store *s, int64_t series, sqlite3_stmt *found, sqlite3_stmt *const copy[COPIES],
    uint64_t *trials)
{
	int step;

	while ((step = sqlite3_step(found)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(found, 0), trial = series;

		/* The trial itself first: the others name its new number. */
		for (unsigned i = 0; i < COPIES; i++) {
			sqlite3_stmt *statement = copy[i == 0 ? COPY_TRIAL : i - 1];

			sqlite3_bind_int64(statement, 1, trial);
			sqlite3_bind_int64(statement, 2, id);
			if (!run(statement))
				return false;
			if (i == 0)
				trial = sqlite3_last_insert_rowid(s->db);
		}
		(*trials)++;
	}
	return step == SQLITE_DONE;
}

/* one - run a statement with up to two numbers as its parameters. */
static bool
one(const struct store *s, const char *sql, int64_t first, int64_t second)
{
	sqlite3_stmt *statement = prepare(s, sql);
	bool done;

	sqlite3_bind_int64(statement, 1, first);
	sqlite3_bind_int64(statement, 2, second);
	done = run(statement);
	sqlite3_finalize(statement);
	return done;
}

/* merge_one - series number `id` of the other file, which is number `series` here; 0: is new. */
static bool
merge_one(const struct store *s, int64_t id, int64_t series, sqlite3_stmt *const copy[COPIES],
    struct store_merged *merged)
{
	sqlite3_stmt *found;
	bool done;

	if (series == 0) {
		if (!one(s, "INSERT INTO main.series (started_at, command, environment_id, planned_trials, state, uuid, plan)"
		        " SELECT started_at, command, environment_id, planned_trials, iif(state = 'running', 'interrupted', state),"
		        " uuid, plan FROM other.series WHERE id = ?", id, 0))
			return false;
		series = sqlite3_last_insert_rowid(s->db);
		merged->series++;
	} else if (!one(s, "UPDATE main.series SET state = 'complete', planned_trials = o.planned_trials FROM other.series AS o"
	               " WHERE o.id = ?1 AND main.series.id = ?2 AND o.state = 'complete'", id, series)) {
		return false;
	}
	/* The list is complete before the first row is added to what it is compared with. */
	found = one(s, "INSERT INTO temp.missing SELECT id FROM other.trial AS o WHERE series_id = ?1 AND NOT EXISTS (SELECT 1"
	    " FROM main.trial AS m WHERE m.series_id = ?2 AND m.position IS o.position) ORDER BY id", id, series) ?
	    prepare(s, "SELECT id FROM temp.missing ORDER BY id") : NULL;
	done = found != NULL && copy_trials(s, series, found, copy, &merged->trials);
	sqlite3_finalize(found);
	return done && execute(s, "DELETE FROM temp.missing");
}

static bool
merge_attached(const struct store *s, struct store_merged *merged)
{
	sqlite3_stmt *copy[COPIES], *each = NULL;
	bool done = execute(s, "CREATE TEMP TABLE missing (id INTEGER PRIMARY KEY);"
	    "INSERT OR IGNORE INTO main.environment SELECT * FROM other.environment") && add_other_columns(s);
	sqlite3_int64 all = 0;
	int step = SQLITE_DONE;

	for (unsigned i = 0; i < TRIAL_TABLES; i++)
		copy[i] = done ? prepare_copy(s, trial_tables[i], "trial_id", "trial_id") : NULL;
	copy[COPY_TRIAL] = done ? prepare_copy(s, "trial", "series_id", "id") : NULL;
	for (unsigned i = 0; i < COPIES; i++)
		done = done && copy[i] != NULL;
	if (done)
		each = prepare(s, "SELECT o.id, coalesce(m.id, 0) FROM other.series AS o LEFT JOIN main.series AS m"
		    " ON m.uuid = o.uuid ORDER BY o.id");
	done = each != NULL;
	while (done && (step = sqlite3_step(each)) == SQLITE_ROW)
		done = merge_one(s, sqlite3_column_int64(each, 0), sqlite3_column_int64(each, 1), copy, merged);
	done = done && step == SQLITE_DONE && query_number(s, "SELECT count(*) FROM other.trial", &all);
	merged->known = (uint64_t)all - merged->trials;
	sqlite3_finalize(each);
	for (unsigned i = 0; i < COPIES; i++)
		sqlite3_finalize(copy[i]);
	return done && execute(s, "DROP TABLE temp.missing");
}

static bool
same_file(const char *path, const char *other)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool
store_merge(struct store *s, const char *path, struct store_merged *merged, char *error, size_t size)
{
	static const char doing[] = "cannot merge into it";
	struct store *from;
	bool done;

	*merged = (struct store_merged){ .series = 0 };
	if (same_file(s->path, path)) {
		snprintf(error, size, "%s: cannot be merged into itself", path);
		return false;
	}
	from = store_open(path, STORE_READ, error, size);
	if (from == NULL)
		return false;
	done = attach_copy(s, from, error, size);
	store_close(from);
	if (done && (done = begin(s, doing, error, size))) {
		done = merge_attached(s, merged) || fail_sql(s, doing, error, size);
		done = end(s, done, doing, error, size);
	}
	(void)execute(s, "DETACH other");
	return done;
}

/* Adding what was measured elsewhere */

/* number_of_series - by its uuid; 0: it is not here. False on an error. */
static bool
number_of_series(const struct store *s, const char *uuid, int64_t *series)
{
	sqlite3_stmt *statement = prepare(s, "SELECT id FROM series WHERE uuid = ?");
	int step;

	bind_text(statement, 1, uuid);
	step = sqlite3_step(statement);
	*series = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return step == SQLITE_ROW || step == SQLITE_DONE;
}

static bool
insert_addition(const struct store *s, const struct store_addition *series, int64_t *id)
{
	const struct store_series *about = &series->about;
	sqlite3_stmt *statement;
	bool done;

	if (!insert_environment(s, series->environment))
		return false;
	statement = prepare(s, "INSERT INTO series (started_at, command, plan, environment_id, planned_trials, state, uuid)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)");
	bind_text(statement, 1, about->started_at);
	bind_text(statement, 2, about->command);
	bind_text(statement, 3, about->plan[0] != '\0' ? about->plan : NULL);
	bind_text(statement, 4, series->environment->id);
	bind_count(statement, 5, about->planned_trials);
	/* Nobody here measures it. */
	bind_text(statement, 6, series_state_names[about->state == SERIES_RUNNING ? SERIES_INTERRUPTED : about->state]);
	bind_text(statement, 7, about->uuid);
	done = run(statement);
	sqlite3_finalize(statement);
	*id = sqlite3_last_insert_rowid(s->db);
	return done;
}

static bool
add_series(const struct store *s, const struct store_addition *series, struct store_merged *added)
{
	sqlite3_stmt *known;
	int64_t id;
	bool done = number_of_series(s, series->about.uuid, &id), was_here = id != 0;

	if (!done || (!was_here && !insert_addition(s, series, &id)))
		return false;
	added->series += !was_here;
	known = prepare(s, "SELECT 1 FROM trial WHERE series_id = ? AND position = ?");
	for (size_t i = 0; done && i < series->records; i++) {
		int step = SQLITE_DONE;

		if (was_here) {
			sqlite3_bind_int64(known, 1, id);
			bind_count(known, 2, series->record[i]->position);
			step = sqlite3_step(known);
			sqlite3_reset(known);
		}
		if (step == SQLITE_ROW)
			added->known++;
		else
			done = step == SQLITE_DONE && insert_columns(s, id, series->record[i]) &&
			    insert_phases(s, sqlite3_last_insert_rowid(s->db), series->record[i]) && ++added->trials != 0;
	}
	sqlite3_finalize(known);
	return done;
}

bool
store_add(struct store *s, const struct store_addition *series, size_t count, struct store_merged *added, char *error,
    size_t size)
{
	static const char doing[] = "cannot add to it";
	bool done = true;

	*added = (struct store_merged){ .series = 0 };
	if (!begin(s, doing, error, size))
		return false;
	for (size_t i = 0; done && i < count; i++)
		done = add_series(s, &series[i], added) || fail_sql(s, doing, error, size);
	return end(s, done, doing, error, size);
}
