/*
 * test_fuzz_database.c - results files that somebody has damaged. The input is a list of
 * damages to a small sound file: bytes of its pages, lengths, values of its rows, its tables and
 * numbers of schema; then the commands that read it look at what is left. Each must do its
 * work or say in one line that it cannot, and change nothing that it only reads.
 */
/* not under tsan: one thread */
#include <fcntl.h>

#include <sqlite3.h>

#include "core/tests/fuzz.h"
#include "harness/store.h"
#include "harness/tests/called.h"
#include "harness/tests/random_record.h"

#define COLUMNS_MAX 400

struct bytes {
	uint8_t *data;
	size_t size;
};

/* "table", "column" of the sound file. */
struct column_name {
	char table[32], column[48];
};

static struct bytes sound;
static struct column_name name[COLUMNS_MAX];
static unsigned names;
static char path[128], other[128], out[128], page[128];

static struct bytes
read_bytes(const char *file)
{
	struct bytes b = { NULL, 0 };
	struct stat status;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && fstat(fd, &status) == 0);
	b.size = (size_t)status.st_size;
	b.data = malloc(b.size + 1);
	CHECK(b.data != NULL && read(fd, b.data, b.size) == (ssize_t)b.size);
	close(fd);
	return b;
}

static bool
same_bytes(const char *file, const struct bytes *wanted)
{
	struct bytes now = read_bytes(file);
	bool same = now.size == wanted->size && memcmp(now.data, wanted->data, now.size) == 0;

	free(now.data);
	return same;
}

static int
note_column(void *arg, int columns, char **value, char **column)
{
	(void)arg, (void)columns, (void)column;
	CHECK(names < COLUMNS_MAX);
	snprintf(name[names].table, sizeof(name[names].table), "%s", value[0]);
	snprintf(name[names].column, sizeof(name[names].column), "%s", value[1]);
	names++;
	return 0;
}

/* The sound file: two series, three trials. */
static void
make_sound(void)
{
	static const char json[] = "{\"cpu\": \"some\", \"cores\": 2}";
	struct environment environment = { .id = "0123456789abcdef0123456789abcdef" };
	char error[ERROR_SIZE];
	struct random random;
	struct store *s;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/r.db", fuzz_folder());
	snprintf(other, sizeof(other), "%s/other.db", fuzz_folder());
	snprintf(out, sizeof(out), "%s/out.db", fuzz_folder());
	snprintf(page, sizeof(page), "%s/page.html", fuzz_folder());
	random_seed(&random, 1, 1);
	environment.json = strdup(json);
	s = store_open(path, STORE_WRITE, error, sizeof(error));
	CHECK(s != NULL && environment.json != NULL);
	for (unsigned i = 0; i < 2; i++) {
		int64_t series;

		CHECK(store_series_begin(s, "hamtbench run", i == 0 ? "plan" : NULL, &environment, 10, &series, error,
		    sizeof(error)));
		for (unsigned t = 0; t < 2 - i; t++) {
			struct record *record = random_record(&random, 2, 2);

			record->valid = true;
			CHECK(store_trial(s, series, record, NULL, error, sizeof(error)));
			record_free(record);
		}
		CHECK(store_series_end(s, series, SERIES_COMPLETE, error, sizeof(error)));
	}
	store_close(s);
	free(environment.json);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'",
	    note_column, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_close(db) == SQLITE_OK);
	sound = read_bytes(path);
	fuzz_write(other, sound.data, sound.size);
}

/* Bytes of the file, or its length. */
static void
damage_bytes(struct fuzz_bytes *b, struct bytes *file)
{
	unsigned what = fuzz_take(b, 4);
	size_t at = fuzz_take(b, 256) * (size_t)256;

	/* The first page and a half is the header and the schema. */
	at = (at + fuzz_take(b, 256)) % (what == 3 ? 6144 : file->size + 1);
	if (what == 0) {
		file->size = at;
		return;
	}
	for (unsigned n = 1 + fuzz_take(b, 8); n > 0 && at < file->size; n--)
		file->data[at++] = (uint8_t)fuzz_take(b, 256);
}

/* Damage that SQLite itself does: what is refused is not done. */
static void
damage_rows(struct fuzz_bytes *b, sqlite3 *db)
{
	static const char *const value[] = { "NULL", "0", "1", "-1", "3", "9223372036854775807", "-9223372036854775808",
		"9007199254740993", "1e308", "-1e308", "9e999", "-0.5", "1e-320", "''", "'x'", "char(10)", "'a' || char(10, 13) || 'b'",
		"printf('%5000s', 'x')", "x'00ff'", "'running'", "'complete'", "'hamt'", "'get'", "'{\"a\": 1}'", "'['", "'{}'", "'[[[[1]]]]'",
		"'999'", "char(0xfffd, 0x1f600)", "cast(x'ff80' AS TEXT)", "'1e999'", "1099511627776" };
	static const char *const statement[] = { "DROP TABLE %1$s", "DELETE FROM %1$s", "ALTER TABLE %1$s RENAME TO gone",
		"ALTER TABLE %1$s RENAME COLUMN %2$s TO gone", "ALTER TABLE %1$s DROP COLUMN %2$s", "CREATE UNIQUE INDEX i ON %1$s(%2$s)",
		"CREATE VIEW v AS SELECT * FROM %1$s", "DROP TABLE %1$s; CREATE VIEW %1$s AS SELECT 1 AS %2$s" };
	const struct column_name *c = &name[fuzz_take(b, 256) % names];
	unsigned what = fuzz_take(b, 16), which = fuzz_take(b, 64), row = fuzz_take(b, 8);
	char text[512];

	switch (what) {
	case 0:
		snprintf(text, sizeof(text), "PRAGMA user_version = %d", (int)which - 2);
		break;
	case 1:
		snprintf(text, sizeof(text), statement[which % 8], c->table, c->column);
		break;
	case 2:
		snprintf(text, sizeof(text), "DELETE FROM %s WHERE rowid %% 8 = %u", c->table, row);
		break;
	case 3:
		snprintf(text, sizeof(text), "INSERT INTO %s SELECT * FROM %s LIMIT %u", c->table, name[which % names].table, row);
		break;
	case 4: /* another column's */
		snprintf(text, sizeof(text), "UPDATE OR IGNORE %s SET %s = %s", c->table, c->column, name[which % names].column);
		break;
	case 5:
		snprintf(text, sizeof(text), "PRAGMA application_id = %u", which == 0 ? 0 : STORE_APPLICATION_ID + which);
		break;
	default:
		snprintf(text, sizeof(text), "UPDATE OR IGNORE %s SET %s = %s%s", c->table, c->column, value[which % 32],
		    row < 4 ? "" : " LIMIT 1");
		if (row >= 4) /* not all builds of SQLite know LIMIT here */
			snprintf(text, sizeof(text), "UPDATE OR IGNORE %s SET %s = %s WHERE %s = (SELECT max(%s) FROM %s)", c->table,
			    c->column, value[which % 32], c->column, c->column, c->table);
	}
	sqlite3_exec(db, text, NULL, NULL, NULL);
}

static void
damage(struct fuzz_bytes *b)
{
	struct bytes file = { malloc(sound.size + 1), sound.size };
	unsigned rows = fuzz_take(b, 8), parts = fuzz_take(b, 4);
	sqlite3 *db;

	unlink(path);
	if (rows > 0) {
		fuzz_write(path, sound.data, sound.size);
		CHECK(sqlite3_open(path, &db) == SQLITE_OK);
		sqlite3_exec(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; PRAGMA ignore_check_constraints = ON;"
		    "PRAGMA legacy_alter_table = ON; BEGIN", NULL, NULL, NULL);
		for (; rows > 0; rows--)
			damage_rows(b, db);
		sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
		CHECK(sqlite3_close(db) == SQLITE_OK);
		free(file.data);
		file = read_bytes(path);
	} else {
		memcpy(file.data, sound.data, sound.size);
	}
	for (; parts > 0; parts--)
		damage_bytes(b, &file);
	fuzz_write(path, file.data, file.size);
	free(file.data);
}

/* A command, its words separated by blanks; DB, OTHER, OUT and PAGE are the files. */
static int
look(const char *line, int most_status)
{
	static const struct command commands[] = {
		{ .name = "export", .run = command_export }, { .name = "compare", .run = command_compare }, { .name = "report", .run = command_report },
		{ .name = "merge", .run = command_merge },
	};
	static struct called called;
	char text[256], *rest = text, *argv[16] = { NULL };
	unsigned which = 0;
	int argc = 0;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word; (word = strsep(&rest, " ")) != NULL;)
		argv[argc++] = strcmp(word, "DB") == 0 ? path : strcmp(word, "OTHER") == 0 ? other :
		    strcmp(word, "OUT") == 0 ? out : strcmp(word, "PAGE") == 0 ? page : word;
	while (strcmp(commands[which].name, argv[0]) != 0)
		which++;
	call_command(&called, commands[which].run, argc, argv);
	check_called(&called, argv[0], most_status);
	return called.status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *line;
		int most_status;
	} readers[] = {
		{ "export --db DB", 0 }, { "export --db DB --format json", 0 }, { "export --db DB --format benchmark --series last", 0 },
		{ "export --db DB --what histograms --format hdr", 0 }, { "export --db DB --what histograms --format hlog", 0 },
		{ "export --db DB --what histograms", 0 }, { "export --db DB --what samples", 0 }, { "export --db DB --what points", 0 },
		{ "export --db DB --what series", 0 }, { "export --db DB --what threads --series 2", 0 },
		{ "compare DB OTHER", 1 }, { "compare OTHER DB", 1 }, { "compare --db DB @subject=hamt @subject=seed", 1 },
		{ "report --db DB --out PAGE", 0 }, { "merge OUT DB --quiet", 0 }, { "merge OUT OTHER DB --quiet", 0 },
	};
	struct fuzz_bytes b = { data, data + size };
	struct bytes before;
	unsigned first, some;

	if (sound.data == NULL)
		make_sound();
	first = fuzz_take(&b, 16);
	some = 1 + fuzz_take(&b, 4);
	damage(&b);
	before = read_bytes(path);
	for (unsigned i = 0; i < some; i++) {
		(void)look(readers[(first + i) % 16].line, readers[(first + i) % 16].most_status);
		CHECK(same_bytes(path, &before));
		CHECK(same_bytes(other, &sound));
		unlink(out);
		unlink(page);
	}
	free(before.data);
	/* Into the damaged one: what is refused loses nothing of the other. */
	if (first % 4 == 0) {
		(void)look("merge DB OTHER --quiet", 0);
		CHECK(same_bytes(other, &sound));
	}
	return 0;
}

FUZZ_TARGET(.corpus = "harness/tests/corpus/database", .inputs = 100, .longest = 64)
