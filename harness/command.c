/*
 * command.c - a command from its form; one line for one mistake; signals; a command as text.
 */
#include "harness/command.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "harness/options.h"
#include "harness/plain.h"

int
command_with(const struct command_form *form, int argc, char **argv)
{
	const struct option_group group = { .owner = form->name, .title = "Options", .options = form->options };
	struct option_values *values = NULL;
	struct command_line line;
	char error[ERROR_SIZE];
	int status;

	if (!command_line_read(&line, argc, argv, &group, 1, error, sizeof(error)))
		return command_error(form->name, "%s", error);
	if (line.help) {
		command_line_help(stdout, form->usage, &group, 1);
		if (form->notes != NULL)
			puts(form->notes);
		status = command_finish(form->name, STATUS_OK);
	} else if (!form->words && line.arguments > 0) {
		status = command_error(form->name, "'%s' is no option", line.argument[0]);
	} else if (!options_single(form->options, &line, &values, error, sizeof(error))) {
		status = command_error(form->name, "%s", error);
	} else {
		status = form->work(line.argument, line.arguments, values);
	}
	options_free(values);
	command_line_free(&line);
	return status;
}

int
command_error(const char *command, const char *format, ...)
{
	char text[2 * ERROR_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	plain_text(text);
	fprintf(stderr, "hamtbench%s%s: %s\n", command != NULL ? " " : "", command != NULL ? command : "", text);
	return STATUS_USAGE;
}

static int flush_errno; /* of the first command_flush() that failed */

void
command_flush(void)
{
	errno = 0;
	if (fflush(stdout) != 0 && flush_errno == 0)
		flush_errno = errno;
}

int
command_finish(const char *command, int status)
{
	bool failed = ferror(stdout) != 0;

	/* Another failure's errno is lost; what is still to be written meets it again. */
	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return status;
	if (errno == 0)
		errno = flush_errno;
	if (errno != EPIPE)
		command_error(command, "standard output: %s", errno != 0 ? strerror(errno) : "write error");
	return STATUS_USAGE;
}

volatile sig_atomic_t command_interrupted, command_pipe_closed;

/* The first signal asks for an end, the second is deadly. */
static void
on_interrupt(int signal_number)
{
	(void)signal_number;
	command_interrupted = 1;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

static void
on_pipe(int signal_number)
{
	(void)signal_number;
	command_pipe_closed = 1;
}

void
command_catch_signals(void)
{
	/* Restart: writes of rows are not cut short by Ctrl-C. */
	struct sigaction interrupt = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART };
	struct sigaction closed = { .sa_handler = on_pipe, .sa_flags = SA_RESTART };
	struct sigaction before;

	/* Who started us in the background may have chosen to spare us Ctrl-C. */
	sigaction(SIGINT, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGTERM, &interrupt, NULL);
	/* A terminal that is closed; nohup's choice stands. */
	sigaction(SIGHUP, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &interrupt, NULL);
	sigaction(SIGPIPE, &closed, NULL);
}

char *
command_text(int argc, char **argv)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	fputs("hamtbench", out);
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];
		const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,.:/@%";

		fputc(' ', out);
		if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
			fputs(word, out);
			continue;
		}
		fputc('\'', out);
		for (; *word != '\0'; word++)
			if (*word == '\'')
				fputs("'\\''", out);
			else
				fputc(*word, out);
		fputc('\'', out);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
