/*
 * called.h - a command of hamtbench, called in this process as often as wanted, and what every
 * command owes whoever gives it nonsense: an exit status, and one line.
 */
#ifndef HARNESS_TESTS_CALLED_H
#define HARNESS_TESTS_CALLED_H

#include "core/tests/check.h"
#include "harness/command.h"

struct called {
	int status;
	size_t printed;     /* bytes on standard output */
	char said[1 << 16]; /* on standard error; what is longer is cut off */
};

/* Where standard error goes meanwhile. */
static FILE *called_error;

/* What a misuse said before it aborted is not to be lost. */
static inline void
called_aborts(int signal_number)
{
	char text[4096];
	ssize_t length;

	fflush(called_error);
	length = pread(fileno(called_error), text, sizeof(text), 0);
	if (length < 0 || write(STDERR_FILENO, text, (size_t)length) != length)
		(void)signal_number;
	raise(signal_number); /* the handler is gone: SA_RESETHAND */
}

/*
 * call_command - run it with its streams in files. argv[0] is its name. Not the descriptors, but
 * the streams: a sanitizer's report goes where it should.
 */
static inline void
call_command(struct called *c, int (*run)(int argc, char **argv), int argc, char **argv)
{
	struct sigaction on_abort = { .sa_handler = called_aborts, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) }, before;
	FILE *true_out = stdout, *true_error = stderr;
	static FILE *out;
	ssize_t length;

	if (out == NULL) {
		out = tmpfile();
		called_error = tmpfile();
		CHECK(out != NULL && called_error != NULL);
	}
	rewind(out);
	rewind(called_error);
	CHECK(ftruncate(fileno(out), 0) == 0 && ftruncate(fileno(called_error), 0) == 0);
	sigaction(SIGABRT, &on_abort, &before);
	stdout = out;
	stderr = called_error;
	c->status = run(argc, argv);
	stdout = true_out;
	stderr = true_error;
	sigaction(SIGABRT, &before, NULL);
	CHECK(fflush(out) == 0 && fflush(called_error) == 0);
	c->printed = (size_t)ftell(out);
	length = pread(fileno(called_error), c->said, sizeof(c->said) - 1, 0);
	CHECK(length >= 0);
	c->said[length] = '\0';
}

/* called_only_warned - nothing but warnings, each one line; the name is the command's. */
static inline bool
called_only_warned(const char *said, const char *command)
{
	char begin[64];

	snprintf(begin, sizeof(begin), "hamtbench %s: warning: ", command);
	for (; *said != '\0'; said += strcspn(said, "\n"), said += *said == '\n')
		if (strncmp(said, begin, strlen(begin)) != 0)
			return false;
	return true;
}

/* called_complained - as above, and then one more line, which says what is wrong: "hamtbench COMMAND: ...". */
static inline bool
called_complained(const char *said, const char *command)
{
	const char *last = said;
	size_t length = strlen(said);
	char begin[64];

	snprintf(begin, sizeof(begin), "hamtbench %s: ", command);
	if (length < 2 || said[length - 1] != '\n')
		return false;
	for (const char *at = said; at < said + length; at += strcspn(at, "\n") + 1)
		last = at;
	for (const char *at = said; at < last; at += strcspn(at, "\n") + 1)
		if (strncmp(at, begin, strlen(begin)) != 0 || strncmp(at + strlen(begin), "warning: ", 9) != 0)
			return false;
	return strncmp(last, begin, strlen(begin)) == 0 && last[strlen(begin)] != '\n' &&
	    strncmp(last + strlen(begin), "warning: ", 9) != 0;
}

/*
 * check_called - it was done (0, or 1 where that has a meaning), or refused with one line and status 2.
 * Rows that were printed before a fault in the middle of a file was met are no fault.
 */
static inline void
check_called(const struct called *c, const char *command, int most_status)
{
	bool fine = c->status == STATUS_USAGE ? called_complained(c->said, command) :
	    c->status >= STATUS_OK && c->status <= most_status && called_only_warned(c->said, command);

	if (!fine)
		fprintf(stderr, "# hamtbench %s: status %d, said: %s\n", command, c->status, c->said);
	CHECK(fine);
}

#endif
