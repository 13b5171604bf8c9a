/*
 * file.h - whole files: read into memory, and written so that a name never
 * stands for half of what it should, nor in place of what was there.
 * Threads: any number at once.
 */
#ifndef HARNESS_FILE_H
#define HARNESS_FILE_H

#include "core/base.h"

/*
 * file_read - all bytes of a file, for free(), and how many; most: how many there may be.
 * Returns   them; NULL and one line in error, PATH: ...: no such file, a folder or device, more than
 *           that, it cannot be read, no memory.
 */
unsigned char *file_read(const char *path, size_t most, size_t *bytes, char *error, size_t size) MUST_USE;

/* file_read_most - a bound for file_read() that leaves room for what is made of it: half of this machine's memory. */
size_t file_read_most(void);

/* A file under way. It has its name only once file_new_end() has succeeded. */
struct file_new {
	FILE *out;
	const char *path;
	char *temporary;
};

/* file_new_begin - out is to be written to. False and one line in error; path must outlive f. */
bool file_new_begin(struct file_new *f, const char *path, char *error, size_t size) MUST_USE;

/*
 * file_new_end - give it its name if `fine`, else take it away.
 * Returns   true; false and one line in error: path exists already (it is left alone), or not all
 *           could be written (fine false: errno says why).
 */
bool file_new_end(struct file_new *f, bool fine, char *error, size_t size) MUST_USE;

#endif
