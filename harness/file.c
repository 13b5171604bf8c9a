/*
 * file.c - whole files.
 */
#include "harness/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

static unsigned char *
read_fail(FILE *in, unsigned char *data, const char *path, const char *text, char *error, size_t size)
{
	snprintf(error, size, "%s: %s", path, text);
	free(data);
	if (in != NULL)
		fclose(in);
	return NULL;
}

static const char *
too_large(size_t most, char *text, size_t size)
{
	snprintf(text, size, "it is too large: %zu bytes are read at most", most);
	return text;
}

size_t
file_read_most(void)
{
	return (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
}

unsigned char *
file_read(const char *path, size_t most, size_t *bytes, char *error, size_t size)
{
	FILE *in = fopen(path, "rbe");
	unsigned char *data = NULL;
	struct stat status;
	size_t room = 0;
	char what[80];

	if (in == NULL)
		return read_fail(in, data, path, strerror(errno), error, size);
	/* A pipe may bring one; a device may have no end. */
	if (fstat(fileno(in), &status) != 0 || S_ISDIR(status.st_mode))
		return read_fail(in, data, path, "it is a folder", error, size);
	if (S_ISCHR(status.st_mode))
		return read_fail(in, data, path, "it is a device", error, size);
	*bytes = 0;
	for (;;) {
		if (*bytes == room) {
			unsigned char *more;

			/* One byte more, so that the end is met without another round. */
			room = room != 0 ? room * 2 : S_ISREG(status.st_mode) && (uint64_t)status.st_size < most ?
			    (size_t)status.st_size + 1 : 65536;
			more = realloc(data, room);
			if (more == NULL)
				return read_fail(in, data, path, "no memory to read it", error, size);
			data = more;
		}
		*bytes += fread(data + *bytes, 1, room - *bytes, in);
		if (ferror(in))
			return read_fail(in, data, path, strerror(errno), error, size);
		if (*bytes > most)
			return read_fail(in, data, path, too_large(most, what, sizeof(what)), error, size);
		if (feof(in)) {
			fclose(in);
			return data;
		}
	}
}

bool
file_is_packed(const void *data, size_t bytes)
{
	static const unsigned char gzip[] = { 0x1f, 0x8b };

	return bytes >= sizeof(gzip) && memcmp(data, gzip, sizeof(gzip)) == 0;
}

unsigned char *
file_unpack(const char *path, const unsigned char *data, size_t bytes, size_t most, size_t *unpacked, char *error, size_t size)
{
	/* zlib counts input and output in 32 bits. */
	enum { PIECE_MOST = 1 << 30 };
	z_stream z = { .zalloc = NULL };
	unsigned char *out = NULL;
	const char *wrong = NULL;
	size_t room = 0, at = 0;
	char what[80];
	int status;

	/* 16: with gzip's head and checksum. */
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return read_fail(NULL, NULL, path, "no memory to unpack it", error, size);
	*unpacked = 0;
	while (wrong == NULL) {
		size_t given = bytes - at < PIECE_MOST ? bytes - at : PIECE_MOST, taken;

		if (*unpacked == room) {
			unsigned char *more = realloc(out, room = 2 * room + 65536);

			if (more == NULL) {
				wrong = "no memory to unpack it";
				break;
			}
			out = more;
		}
		taken = room - *unpacked < PIECE_MOST ? room - *unpacked : PIECE_MOST;
		/* zlib does not write to its input, and was made before const. */
		z.next_in = (z_const Bytef *)(uintptr_t)(data + at);
		z.avail_in = (uInt)given;
		z.next_out = out + *unpacked;
		z.avail_out = (uInt)taken;
		status = inflate(&z, Z_NO_FLUSH);
		*unpacked += taken - z.avail_out;
		at += given - z.avail_in;
		if (*unpacked > most) {
			wrong = too_large(most, what, sizeof(what));
		} else if (status == Z_STREAM_END) {
			if (at == bytes)
				break;
			if (inflateReset(&z) != Z_OK)
				wrong = "it cannot be unpacked";
		} else if (status != Z_OK && status != Z_BUF_ERROR) {
			wrong = "it cannot be unpacked: its packed bytes are damaged, or something follows them";
		} else if (at == bytes && z.avail_out > 0) {
			/* There was room for more, and there is none. */
			wrong = "it is cut off: its packed bytes have no end";
		}
	}
	inflateEnd(&z);
	return wrong == NULL ? out : read_fail(NULL, out, path, wrong, error, size);
}

unsigned char *
file_read_unpacked(const char *path, size_t most, size_t *bytes, char *error, size_t size)
{
	unsigned char *data = file_read(path, most, bytes, error, size), *unpacked;

	if (data == NULL || !file_is_packed(data, *bytes))
		return data;
	unpacked = file_unpack(path, data, *bytes, most, bytes, error, size);
	free(data);
	return unpacked;
}

bool
file_new_begin(struct file_new *f, const char *path, char *error, size_t size)
{
	mode_t mask;
	int file = -1;

	*f = (struct file_new){ .path = path };
	errno = ENOMEM;
	if (asprintf(&f->temporary, "%s.XXXXXX", path) < 0)
		f->temporary = NULL;
	else
		file = mkstemp(f->temporary);
	if (file >= 0) {
		mask = umask(0);
		umask(mask);
		fchmod(file, 0666 & ~mask); /* as any other file; mkstemp() makes it the owner's */
		f->out = fdopen(file, "wb");
	}
	if (f->out != NULL)
		return true;
	snprintf(error, size, "%s: %s", path, strerror(errno));
	if (file >= 0) {
		close(file);
		unlink(f->temporary);
	}
	free(f->temporary);
	return false;
}

/* Under its own name only when all of it is there, and never over another file. */
static bool
publish(const char *temporary, const char *path)
{
	if (link(temporary, path) == 0)
		return true;
	/* A file system without links: between the question and the answer somebody may make the file. */
	if (errno == EEXIST || access(path, F_OK) == 0) {
		errno = EEXIST;
		return false;
	}
	return rename(temporary, path) == 0;
}

bool
file_new_end(struct file_new *f, bool fine, char *error, size_t size)
{
	int why = errno;

	if (fclose(f->out) != 0 && fine) {
		fine = false;
		why = errno;
	}
	if (fine && !publish(f->temporary, f->path)) {
		fine = false;
		why = errno;
	}
	if (!fine)
		snprintf(error, size, "%s: %s", f->path,
		    why == EEXIST ? "it exists already; name another" : strerror(why));
	unlink(f->temporary);
	free(f->temporary);
	return fine;
}
