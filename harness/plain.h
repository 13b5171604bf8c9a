/*
 * plain.h - text that others wrote, on its way to a terminal: names in imported or merged results may hold
 * whatever a terminal obeys. Control characters, also those beyond ASCII (as UTF-8 or single bytes), become '?'.
 * Threads: any number at once, each with its own text or stream.
 */
#ifndef HARNESS_PLAIN_H
#define HARNESS_PLAIN_H

#include <stdio.h>

#include "core/base.h"

/* plain_text - in place; newlines and tabs as well, so that it is one line. */
void plain_text(char *text);

/*
 * plain_stream - a stream whose text goes to the descriptor fd, newlines and tabs as they are; fd stays open
 * when it is closed. A write that fails is told as of any stream (ferror(), errno).
 * Returns   it, for fclose(); NULL = no memory.
 */
FILE *plain_stream(int fd) MUST_USE;

#endif
