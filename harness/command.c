/*
 * command.c - one line for one mistake.
 */
#include "harness/command.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int
command_error(const char *command, const char *format, ...)
{
	char text[2 * ERROR_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "hamtbench%s%s: %s\n", command != NULL ? " " : "", command != NULL ? command : "", text);
	return STATUS_USAGE;
}

int
command_finish(const char *command, int status)
{
	bool failed = ferror(stdout) != 0;

	/* An earlier failure's errno is lost; what is still to be written meets it again. */
	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return status;
	if (errno != EPIPE)
		command_error(command, "standard output: %s", errno != 0 ? strerror(errno) : "write error");
	return STATUS_USAGE;
}
