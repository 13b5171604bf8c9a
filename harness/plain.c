/*
 * plain.c - a byte is judged by what is before it: 0x80 to 0x9f is a control character of its own, or what ends
 * a longer one, unless a UTF-8 sequence is under way. So U+0080 to U+009F, which begin with 0xc2, wait for their second byte.
 */
#include "harness/plain.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FIRST_OF_C1 0xc2 /* of U+0080 to U+00BF */
#define PIECE 4096

struct plain {
	int fd;
	unsigned missing; /* bytes of a UTF-8 sequence that are still to come */
	bool held;        /* FIRST_OF_C1 was seen and not passed on */
};

static bool
is_c1(unsigned char byte)
{
	return byte >= 0x80 && byte <= 0x9f;
}

/* plain_byte - what is passed on for one more byte, at most two; returns how many. */
static size_t
plain_byte(struct plain *p, unsigned char byte, bool line, char to[2])
{
	size_t n = 0;

	if (p->held) {
		p->held = false;
		p->missing = 0;
		if (is_c1(byte)) {
			to[0] = '?';
			return 1;
		}
		to[n++] = (char)FIRST_OF_C1;
		if (byte >= 0xa0 && byte <= 0xbf) {
			to[n++] = (char)byte;
			return n;
		}
	}
	if (byte == FIRST_OF_C1) {
		p->held = true;
		return n;
	}
	if (p->missing > 0 && byte >= 0x80 && byte <= 0xbf) {
		p->missing--;
		to[n++] = (char)byte;
		return n;
	}
	p->missing = byte < 0xc3 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : byte < 0xf5 ? 3 : 0;
	if ((byte < ' ' && (line || (byte != '\n' && byte != '\t'))) || byte == 0x7f || is_c1(byte))
		byte = '?';
	to[n++] = (char)byte;
	return n;
}

void
plain_text(char *text)
{
	struct plain p = { .fd = -1 };
	char *to = text, piece[2];

	/* What is passed on is never longer than what was read. */
	for (const char *from = text; *from != '\0'; from++) {
		size_t n = plain_byte(&p, (unsigned char)*from, true, piece);

		memcpy(to, piece, n);
		to += n;
	}
	if (p.held)
		*to++ = '?';
	*to = '\0';
}

static bool
write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		bytes -= (size_t)n;
	}
	return true;
}

static ssize_t
plain_write(void *cookie, const char *data, size_t bytes)
{
	struct plain *p = cookie;
	char piece[PIECE];
	size_t used = 0;

	for (size_t i = 0; i < bytes; i++) {
		if (used + 2 > sizeof(piece)) {
			if (!write_all(p->fd, piece, used))
				return 0;
			used = 0;
		}
		used += plain_byte(p, (unsigned char)data[i], false, piece + used);
	}
	/* 0: an error, as fopencookie(3) wants it. */
	return write_all(p->fd, piece, used) ? (ssize_t)bytes : 0;
}

static int
plain_close(void *cookie)
{
	struct plain *p = cookie;
	bool fine = !p->held || write_all(p->fd, "?", 1);

	free(p);
	return fine ? 0 : EOF;
}

FILE *
plain_stream(int fd)
{
	struct plain *p = calloc(1, sizeof(*p));
	FILE *out;

	if (p == NULL)
		return NULL;
	p->fd = fd;
	out = fopencookie(p, "w", (cookie_io_functions_t){ .write = plain_write, .close = plain_close });
	if (out == NULL) {
		free(p);
		return NULL;
	}
	/* Line by line for who looks on, as stdio does it. */
	setvbuf(out, NULL, isatty(fd) ? _IOLBF : _IOFBF, BUFSIZ);
	return out;
}
