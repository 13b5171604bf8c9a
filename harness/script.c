/*
 * script.c - reads scripts of loads: see script.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/file.h"
#include "harness/options.h"
#include "harness/script.h"

/* Words of a line, and room for its bytes. */
#define WORDS 4u
#define LINE 512u

#define BLANKS " \t"
#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static bool
how_long_parse(const char *text, struct script_phase *phase, char *error, size_t error_size)
{
	char why[256];
	const char *last = text + strlen(text) - 1;

	/* A time ends in its unit, s, which no count does. */
	if (*last == 's') {
		if (!options_parse_time_ns(text, &phase->ns, why, sizeof(why))) {
			snprintf(error, error_size, "%s", why);
			return false;
		}
		if (phase->ns < 1000000) {
			snprintf(error, error_size, "'%s' is too small: it is at least 1ms", text);
			return false;
		}
		return true;
	}
	if (!options_parse_count(text, &phase->calls, why, sizeof(why))) {
		snprintf(error, error_size, "%s, or a time with its unit such as 500ms", why);
		return false;
	}
	if (phase->calls == 0) {
		snprintf(error, error_size, "a phase without calls");
		return false;
	}
	return true;
}

/* One line, without its end; blank ones and comments add no phase. */
static bool
line_parse(char *line, struct script *script, char *error, size_t error_size)
{
	char *word[WORDS] = { NULL };
	unsigned words = 0;
	struct script_phase *phase;

	for (char *at = line + strspn(line, BLANKS); *at != '\0' && *at != '#'; at += strspn(at, BLANKS)) {
		size_t length = strcspn(at, BLANKS);

		if (words == WORDS) {
			snprintf(error, error_size, "'%.*s' is a word too many: wanted are NAME, CALLS or TIME, MIX and perhaps DIST",
			    (int)length, at);
			return false;
		}
		word[words++] = at;
		at += length;
		if (*at != '\0')
			*at++ = '\0';
	}
	if (words == 0)
		return true;
	if (words < WORDS - 1) {
		snprintf(error, error_size, "wanted are NAME, CALLS or TIME, MIX and perhaps DIST");
		return false;
	}
	if (script->phases == PLAN_PHASES) {
		snprintf(error, error_size, "a phase too many: there may be %u", (unsigned)PLAN_PHASES);
		return false;
	}
	phase = &script->phase[script->phases];
	*phase = (struct script_phase){ .calls = 0 };
	if (strlen(word[0]) >= sizeof(phase->name) || word[0][strspn(word[0], NAME_BYTES)] != '\0') {
		snprintf(error, error_size, "'%s' is no name: wanted are at most %zu letters, digits, '-' and '_'", word[0],
		    sizeof(phase->name) - 1);
		return false;
	}
	for (unsigned p = 0; p < script->phases; p++)
		if (strcmp(script->phase[p].name, word[0]) == 0) {
			snprintf(error, error_size, "there is a phase %s before", word[0]);
			return false;
		}
	snprintf(phase->name, sizeof(phase->name), "%s", word[0]);
	if (!how_long_parse(word[1], phase, error, error_size) || !mix_parse(word[2], &phase->mix, error, error_size) ||
	    !keys_parse(word[3] != NULL ? word[3] : "uniform", &phase->dist, error, error_size))
		return false;
	script->phases++;
	return true;
}

bool
script_parse(const char *name, const void *bytes, size_t length, struct script *script, char *error, size_t error_size)
{
	const unsigned char *at = bytes, *end = at + length;
	uint64_t check = length;
	char line[LINE], why[1024];

	script->phases = 0;
	for (unsigned number = 1; at < end; number++) {
		const unsigned char *feed = memchr(at, '\n', (size_t)(end - at));
		size_t count = (size_t)((feed != NULL ? feed : end) - at);

		if (count >= sizeof(line)) {
			snprintf(error, error_size, "%s:%u: the line is longer than %u bytes", name, number, LINE - 1);
			return false;
		}
		for (size_t i = 0; i < count; i++) {
			if ((at[i] < ' ' && at[i] != '\t') || at[i] == 0x7f) {
				snprintf(error, error_size, "%s:%u: byte %zu is a control character (0x%02x)", name, number, i + 1, at[i]);
				return false;
			}
			check = random_mix(check ^ at[i]);
		}
		memcpy(line, at, count);
		line[count] = '\0';
		if (!line_parse(line, script, why, sizeof(why))) {
			snprintf(error, error_size, "%s:%u: %s", name, number, why);
			return false;
		}
		check = random_mix(check ^ '\n');
		at = feed != NULL ? feed + 1 : end;
	}
	if (script->phases == 0) {
		snprintf(error, error_size, "%s: there is no phase in it", name);
		return false;
	}
	script->check = (uint32_t)(check >> 32);
	return true;
}

bool
script_read(const char *path, struct script *script, char *error, size_t error_size)
{
	size_t length;
	unsigned char *bytes = file_read(path, SCRIPT_BYTES_MOST, &length, error, error_size);
	bool fine = bytes != NULL && script_parse(path, bytes, length, script, error, error_size);

	free(bytes);
	return fine;
}
