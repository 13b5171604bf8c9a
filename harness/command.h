/*
 * command.h - what the subcommands of hamtbench have in common: their table,
 * exit statuses, and the way they say what is wrong.
 */
#ifndef HARNESS_COMMAND_H
#define HARNESS_COMMAND_H

#include <signal.h>

#include "harness/plugin.h"

#define ERROR_SIZE 1024 /* bytes for one line that says what is wrong */

enum {
	STATUS_OK = 0,
	STATUS_CHECK = 1,        /* a check failed: a wrong map, a trial that could not run, a map that ended the process */
	STATUS_USAGE = 2,        /* usage, bad input, a file or disk that refuses */
	STATUS_INTERRUPTED = 130 /* as a shell says it of SIGINT */
};

struct command {
	const char *name;
	const char *help; /* one line */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
	bool data; /* what it prints may be for a program: only a terminal gets it by plain.h */
};

int command_run(int argc, char **argv);
int command_list(int argc, char **argv);
int command_check(int argc, char **argv);
int command_export(int argc, char **argv);
int command_import(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_report(int argc, char **argv);
int command_topo(int argc, char **argv);
int command_trace(int argc, char **argv);

/* What most commands are: options, perhaps words, and work to do. */
struct command_form {
	const char *name;
	const char *usage;     /* the line of the help that shows what can be typed */
	const char *notes;     /* behind the options in the help; NULL: nothing */
	const struct plugin_option *options;
	bool words;            /* it takes words that are no options; else the first one is refused */
	int (*work)(char *const *word, size_t words, const struct option_values *values); /* returns the exit status */
};

/* command_with - read the command line by the form; then help, one line about what is wrong, or the work. Returns the exit status. */
int command_with(const struct command_form *form, int argc, char **argv);

/*
 * command_error - "hamtbench COMMAND: " and one line on stderr; COMMAND may be
 * NULL. Whatever is in the texts, it stays one line: control characters become '?'.
 * Returns   STATUS_USAGE.
 */
int command_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* command_flush - what is printed so far goes out now; if it cannot, command_finish() says why. */
void command_flush(void);

/*
 * command_finish - the last words of a command: flush standard output.
 * Returns   status; STATUS_USAGE after one line when not all could be written.
 *           A reader that went away (EPIPE) has seen enough: no line.
 */
int command_finish(const char *command, int status);

/* Set by a signal, once command_catch_signals() has been called: end soon, and: who read our output has gone. */
extern volatile sig_atomic_t command_interrupted, command_pipe_closed;

/*
 * command_catch_signals - from now on the first Ctrl-C (or SIGTERM, SIGHUP) asks for an end, the second is
 * deadly; a closed pipe is an error of the write, not the end.
 */
void command_catch_signals(void);

/* command_text - the command as it could be typed again, for free(); NULL = no memory. argv[0] is the command's name. */
char *command_text(int argc, char **argv) MUST_USE;

#endif
