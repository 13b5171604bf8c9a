/*
 * file.h - whole files: read into memory, unpacked, and written so that a name never
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

/* file_is_packed - by gzip: it begins as such files do. */
bool file_is_packed(const void *data, size_t bytes);

/*
 * file_unpack - what gzip has packed, for free(), and how many bytes; several members one behind the other are one
 * file. most: how many bytes there may be; path: for the error.
 * Returns   them; NULL and one line in error, PATH: ...: damaged, cut off, something behind it, more than that, no memory.
 */
unsigned char *file_unpack(const char *path, const unsigned char *data, size_t bytes, size_t most, size_t *unpacked,
    char *error, size_t size) MUST_USE;

/* file_read_unpacked - file_read(), and what is packed comes unpacked; most holds for both. */
unsigned char *file_read_unpacked(const char *path, size_t most, size_t *bytes, char *error, size_t size) MUST_USE;

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
