/*
 * mix.c - which operation comes next: see mix.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "harness/mix.h"

/* Reads "12", "12.5", "12.345" (percent) into thousandths. */
static bool
share_parse(const char *text, size_t length, unsigned *share)
{
	unsigned long whole = 0, part = 0, weight = 1000;
	bool point = false;

	if (length == 0 || text[0] == '.' || text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.' && !point) {
			point = true;
		} else if (!isdigit((unsigned char)text[i])) {
			return false;
		} else if (!point) {
			whole = whole * 10 + (unsigned long)(text[i] - '0');
			if (whole > 100)
				return false;
		} else {
			weight /= 10;
			if (weight == 0)
				return false;
			part += (unsigned long)(text[i] - '0') * weight;
		}
	}
	*share = (unsigned)(whole * 1000 + part);
	return true;
}

bool
mix_parse(const char *text, struct mix *mix, char *error, size_t error_size)
{
	bool given[OP_COUNT] = { false };
	unsigned sum = 0;

	*mix = (struct mix){ { 0 } };
	for (const char *at = text;;) {
		size_t length = strcspn(at, ",");
		const char *equals = memchr(at, '=', length);
		size_t name_length = equals != NULL ? (size_t)(equals - at) : length;
		unsigned op = 0;

		while (op < OP_COUNT &&
		    (strlen(op_names[op]) != name_length || strncmp(at, op_names[op], name_length) != 0))
			op++;
		if (op == OP_COUNT) {
			int used = snprintf(error, error_size, "'%s': '%.*s' is no operation; there are", text,
			    (int)name_length, at);

			for (op = 0; op < OP_COUNT && used > 0 && (size_t)used < error_size; op++)
				used += snprintf(error + used, error_size - (size_t)used, "%s %s", op > 0 ? "," : "",
				    op_names[op]);
			return false;
		}
		if (equals == NULL ||
		    !share_parse(equals + 1, length - name_length - 1, &mix->share[op])) {
			snprintf(error, error_size, "'%s': '%.*s' must be %s=PERCENT, 0 to 100 with at most 3 decimals",
			    text, (int)length, at, op_names[op]);
			return false;
		}
		if (given[op]) {
			snprintf(error, error_size, "'%s': %s is given twice", text, op_names[op]);
			return false;
		}
		given[op] = true;
		sum += mix->share[op];
		if (at[length] == '\0')
			break;
		at += length + 1;
	}
	if (sum != MIX_WHOLE) {
		snprintf(error, error_size, "'%s': the percentages add up to %.15g, not to 100", text, sum / 1000.0);
		return false;
	}
	return true;
}

void
mix_format(const struct mix *mix, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned op = 0; op < OP_COUNT; op++)
		if (mix->share[op] > 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s=%.15g", used > 0 ? "," : "",
			    op_names[op], mix->share[op] / 1000.0);
}

bool
mix_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct mix mix;

	if (!mix_parse(text, &mix, error, error_size))
		return false;
	mix_format(&mix, canonical, canonical_size);
	return true;
}

void
mix_draws_make(const struct mix *mix, struct mix_draws *d)
{
	uint64_t bound = 0;

	for (unsigned op = 0; op < OP_COUNT - 1; op++) {
		bound += mix->share[op];
		/* bound / MIX_WHOLE of 2^64, rounded down; the whole is "always". */
		d->limit[op] = bound == MIX_WHOLE ? UINT64_MAX :
		    UINT64_MAX / MIX_WHOLE * bound + UINT64_MAX % MIX_WHOLE * bound / MIX_WHOLE;
	}
	d->plain = true;
	for (unsigned op = MIX_PLAIN_OPS; op < OP_COUNT; op++)
		d->plain = d->plain && mix->share[op] == 0;
}
