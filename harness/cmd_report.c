/*
 * cmd_report.c - hamtbench report: a series as one HTML page, written aside and then renamed.
 * Of what is there already it replaces former pages, and nothing else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/command.h"
#include "harness/options.h"
#include "harness/report.h"
#include "harness/store.h"

#define NAME "report"

static const struct plugin_option options[] = {
	{ .name = "db", .type = OPTION_TEXT, .initial = STORE_DEFAULT_PATH, .meta = "FILE", .check = options_check_path,
	    .help = "results file" },
	{ .name = "series", .type = OPTION_COUNT, .meta = "N", .least = 1, .most = INT64_MAX,
	    .help = "number of the series (default: the last)" },
	{ .name = "out", .type = OPTION_TEXT, .initial = "results/report.html", .meta = "FILE", .check = options_check_path,
	    .help = "the page; it needs no other file and no network. Made with its folders; what is there is replaced if it is a report" },
	{ .name = NULL },
};

static bool
is_former_page(const char *path)
{
	char begin[512] = "";
	FILE *in = fopen(path, "re");
	size_t bytes = in != NULL ? fread(begin, 1, sizeof(begin) - 1, in) : 0;
	bool empty = in != NULL && bytes == 0 && !ferror(in);

	if (in != NULL)
		fclose(in);
	/* An empty file loses nothing. */
	return empty || (strncmp(begin, "<!DOCTYPE html>", 15) == 0 && strstr(begin, REPORT_TITLE) != NULL);
}

/*
 * place_of - the file that a page named path goes to, for free(): a link's target, else path. It is new, or a former page.
 * Returns   NULL and one line in error: something else is there, which stays; no memory.
 */
static char *
place_of(const char *path, const char *db, char *error, size_t size)
{
	struct stat is, results, link;
	const char *why = NULL;
	char *place;

	if (stat(path, &is) != 0) {
		if (lstat(path, &link) == 0)
			why = "it is a symbolic link to no file";
	} else if (S_ISDIR(is.st_mode)) {
		why = "it is a folder";
	} else if (!S_ISREG(is.st_mode)) {
		why = "it is no regular file";
	} else if (stat(db, &results) == 0 && results.st_dev == is.st_dev && results.st_ino == is.st_ino) {
		why = "it is the results file";
	} else if (!is_former_page(path)) {
		why = "it is there already, and is no report: it is not replaced";
	} else {
		place = realpath(path, NULL);
		if (place == NULL)
			snprintf(error, size, "--out: %s: %s", path, strerror(errno));
		return place;
	}
	if (why != NULL) {
		snprintf(error, size, "--out: %s: %s", path, why);
		return NULL;
	}
	place = strdup(path);
	if (place == NULL)
		snprintf(error, size, "no memory for the report");
	return place;
}

/* make_folders - every folder on the way to path. False and one line in error. */
static bool
make_folders(char *path, char *error, size_t size)
{
	for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST) {
			snprintf(error, size, "--out: cannot make the folder %s: %s", path, strerror(errno));
			return false;
		}
	}
	return true;
}

/* write_page - to a new file beside place, which then gets its name. False and one line in error: nothing has changed. */
static bool
write_page(const char *place, struct store *store, const struct store_filter *filter, char *error, size_t size)
{
	char aside[4200];
	bool fine, written;
	FILE *out;

	snprintf(aside, sizeof(aside), "%s.%ld.tmp", place, (long)getpid());
	out = fopen(aside, "wxe");
	if (out == NULL) {
		snprintf(error, size, "%s: %s", place, strerror(errno));
		return false;
	}
	fine = report_write(out, store, filter, error, size);
	errno = 0;
	written = !ferror(out);
	written = fclose(out) == 0 && written;
	if (fine && !written)
		snprintf(error, size, "%s: %s", place, errno != 0 ? strerror(errno) : "write error");
	else if (fine && rename(aside, place) != 0)
		snprintf(error, size, "%s: %s", place, strerror(errno)), written = false;
	if (!fine || !written)
		unlink(aside);
	return fine && written;
}

static int
report(char *const *word, size_t words, const struct option_values *values)
{
	const char *path = option_text(values, "out"), *db = option_text(values, "db");
	struct store_filter filter = { .choice = STORE_LAST };
	char error[ERROR_SIZE], *place;
	struct store *store;
	bool fine;

	(void)word;
	(void)words;
	if (option_is_set(values, "series"))
		filter = (struct store_filter){ .choice = STORE_NUMBER, .series = (int64_t)option_count(values, "series") };
	store = store_open(db, STORE_READ, error, sizeof(error));
	if (store == NULL)
		return command_error(NAME, "%s", error);
	place = place_of(path, db, error, sizeof(error));
	fine = place != NULL && make_folders(place, error, sizeof(error)) && write_page(place, store, &filter, error, sizeof(error));
	store_close(store);
	free(place);
	if (!fine)
		return command_error(NAME, "%s", error);
	printf("%s\n", path);
	return command_finish(NAME, STATUS_OK);
}

int
command_report(int argc, char **argv)
{
	static const struct command_form form = {
		.name = NAME,
		.usage = NAME " [OPTION...]",
		.options = options,
		.work = report,
	};

	return command_with(&form, argc, argv);
}
