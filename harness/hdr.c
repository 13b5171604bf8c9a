/*
 * hdr.c - HdrHistogram's encoding V2: a head of 40 bytes, big-endian, then the
 * counts by index as ZigZag LEB128 numbers, runs of zeros as one negative number; deflated,
 * with a head of 8 bytes, in base64.
 */
#include "harness/hdr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

/* Two significant digits: 2 * 10^2 values apart, rounded up to a power of two. */
#define DIGITS 2
#define SUB_BITS 8
#define HALF (1u << (SUB_BITS - 1))
#define COOKIE UINT32_C(0x1c849313)
#define COOKIE_COMPRESSED UINT32_C(0x1c849314)
#define HEAD_BYTES 40
/* Of the largest value below 2^HISTOGRAM_RANGE_BITS + 1, and for a maximum beyond it. */
#define INDEXES ((64u - SUB_BITS + 2) * HALF)
#define LEB_BYTES 9

/* The index of a value in HdrHistogram's array. */
static unsigned
hdr_index(uint64_t value)
{
	unsigned bucket = 64u - (unsigned)__builtin_clzll(value | ((UINT64_C(1) << SUB_BITS) - 1)) - SUB_BITS;

	return (bucket + 1) * HALF + (unsigned)(value >> bucket) - HALF;
}

/* What bucket i is recorded at. */
static uint64_t
recorded_at(const struct histogram *h, unsigned i)
{
	uint64_t high = histogram_high(i);

	return high < h->max ? high : h->max;
}

static void
put_be(unsigned char **at, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		*(*at)++ = (unsigned char)(value >> (8 * bytes));
}

/* ZigZag, then 7 bits a byte, the ninth byte whole. */
static void
put_leb(unsigned char **at, int64_t number)
{
	uint64_t left = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);

	for (unsigned i = 0; i + 1 < LEB_BYTES && left >> 7 != 0; i++) {
		*(*at)++ = (unsigned char)(left | 0x80);
		left >>= 7;
	}
	*(*at)++ = (unsigned char)left;
}

/* The encoding before it is deflated, for free(); NULL: no memory. */
static unsigned char *
encode(const struct histogram *h, size_t *bytes)
{
	uint64_t *count = calloc(INDEXES, sizeof(*count));
	unsigned char *text = malloc(HEAD_BYTES + (size_t)INDEXES * LEB_BYTES), *at = text;
	unsigned last = 0;
	double ratio = 1;
	uint64_t ratio_bits;

	if (count == NULL || text == NULL) {
		free(count);
		free(text);
		return NULL;
	}
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (h->count[i] > 0)
			count[hdr_index(recorded_at(h, i))] += h->count[i];
	if (h->lost > 0)
		count[hdr_index(h->max)] += h->lost;
	for (unsigned i = 0; i < INDEXES; i++)
		if (count[i] > 0)
			last = i + 1;
	at += HEAD_BYTES;
	for (unsigned i = 0; i < last;) {
		unsigned zeros = 0;

		while (i + zeros < last && count[i + zeros] == 0)
			zeros++;
		put_leb(&at, zeros > 0 ? -(int64_t)zeros : (int64_t)count[i]);
		i += zeros > 0 ? zeros : 1;
	}
	*bytes = (size_t)(at - text);
	memcpy(&ratio_bits, &ratio, sizeof(ratio_bits));
	at = text;
	put_be(&at, COOKIE, 4);
	put_be(&at, *bytes - HEAD_BYTES, 4);
	put_be(&at, 0, 4); /* normalizing index offset */
	put_be(&at, DIGITS, 4);
	put_be(&at, 1, 8); /* lowest discernible value */
	put_be(&at, h->max < HISTOGRAM_LIMIT_NS ? HISTOGRAM_LIMIT_NS : h->max, 8);
	put_be(&at, ratio_bits, 8);
	free(count);
	return text;
}

static void
put_base64(FILE *out, const unsigned char *from, size_t bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < bytes; i += 3) {
		unsigned long three = (unsigned long)from[i] << 16 | (i + 1 < bytes ? (unsigned long)from[i + 1] << 8 : 0) |
		    (i + 2 < bytes ? from[i + 2] : 0);

		putc(digits[three >> 18], out);
		putc(digits[three >> 12 & 63], out);
		putc(i + 1 < bytes ? digits[three >> 6 & 63] : '=', out);
		putc(i + 2 < bytes ? digits[three & 63] : '=', out);
	}
}

void
hdr_log_begin(FILE *out)
{
	fputs("#[Histogram log format version 1.3]\n"
	      "#[StartTime: 0.000 (seconds since epoch)]\n"
	      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n", out);
}

bool
hdr_log_line(FILE *out, const char *tag, double begin_s, double length_s, const struct histogram *h)
{
	size_t bytes = 0;
	unsigned char *plain = encode(h, &bytes), *packed, *at;
	uLongf room = compressBound((uLong)bytes);

	packed = plain == NULL ? NULL : malloc(8 + room);
	if (packed == NULL || compress(packed + 8, &room, plain, (uLong)bytes) != Z_OK) {
		free(plain);
		free(packed);
		return false;
	}
	at = packed;
	put_be(&at, COOKIE_COMPRESSED, 4);
	put_be(&at, room, 4);
	fputs("Tag=", out);
	for (; *tag != '\0'; tag++)
		putc(*tag == ',' ? ';' : *tag == ' ' || *tag == '\n' || *tag == '\r' || *tag == '\t' ? '_' : *tag, out);
	fprintf(out, ",%.3f,%.3f,%.3f,", begin_s, length_s, (double)h->max / 1e6);
	put_base64(out, packed, 8 + room);
	putc('\n', out);
	free(plain);
	free(packed);
	return true;
}

/* Square of the deviation from the mean, over all values as they are recorded. */
static double
deviation(const struct histogram *h, double mean)
{
	uint64_t all = h->total + h->lost;
	double squares = (double)h->lost * ((double)h->max - mean) * ((double)h->max - mean);

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		double apart = (double)recorded_at(h, i) - mean;

		squares += h->count[i] > 0 ? (double)h->count[i] * apart * apart : 0;
	}
	return all > 0 ? sqrt(squares / (double)all) : 0;
}

void
hdr_percentiles(FILE *out, const struct histogram *h)
{
	enum { STEPS = 5 }; /* to each halving of what is left */
	uint64_t all = h->total + h->lost, below = 0;
	double pct = 0, mean = histogram_mean(h);
	unsigned i = 0;

	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
	while (all > 0) {
		uint64_t value = histogram_percentile(h, pct);
		double halvings;

		for (; i < HISTOGRAM_BUCKETS && recorded_at(h, i) <= value && histogram_low(i) <= value; i++)
			below += h->count[i];
		if (value == h->max)
			break;
		fprintf(out, "%12.3f %2.12f %10llu %14.2f\n", (double)value, pct / 100, (unsigned long long)below,
		    100 / (100 - pct));
		/* The next step, or at once past all that this value covers. */
		halvings = floor(log2(100 / (100 - pct)));
		pct += 100 / (exp2(halvings + 1) * STEPS);
		if ((double)below / (double)all * 100 >= pct)
			pct = (double)below / (double)all * 100 + 1e-12;
		if (pct >= 100)
			pct = 100;
	}
	if (all > 0)
		fprintf(out, "%12.3f %2.12f %10llu %14s\n", (double)h->max, 1.0, (unsigned long long)all, "Infinity");
	fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean, deviation(h, mean));
	fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)h->max, (unsigned long long)all);
	fprintf(out, "#[Buckets = %12u, SubBuckets     = %12u]\n", HISTOGRAM_RANGE_BITS - HISTOGRAM_SUB_BITS + 1,
	    HISTOGRAM_SUBS);
}
