/*
 * roles.c - thread roles as text.
 */
#include "harness/roles.h"

#include <string.h>

void
roles_format(unsigned threads, unsigned readers, char text[ROLES_TEXT])
{
	text[0] = '\0';
	if (readers > 0)
		snprintf(text, ROLES_TEXT, "readers=%u,writers=%u", readers, threads - readers);
}

/* "readers=6,writers=2", in either order; at least one of each, and no more than `most` together. */
static bool
roles_parse(const char *text, uint64_t most, uint64_t *roles)
{
	uint64_t number[2] = { 0 };
	char word[64], said[128];

	for (unsigned i = 0; i < 2; i++) {
		size_t length = strcspn(text, ",");
		unsigned writers;

		if (length >= sizeof(word) || (text[length] == ',') != (i == 0))
			return false;
		memcpy(word, text, length);
		word[length] = '\0';
		writers = strncmp(word, "writers=", 8) == 0;
		if ((!writers && strncmp(word, "readers=", 8) != 0) || number[writers] != 0 ||
		    !options_parse_count(word + 8, &number[writers], said, sizeof(said)) || number[writers] == 0 ||
		    number[writers] > most)
			return false;
		text += length + 1;
	}
	*roles = ROLES(number[0] + number[1], number[0]);
	return number[0] + number[1] <= most;
}

bool
roles_counts(const struct plugin_option *option, const struct command_line *line, uint64_t **values, size_t *count,
    char *error, size_t size)
{
	struct command_line numbers = { .given = calloc(line->given_count + 1, sizeof(*numbers.given)) };
	uint64_t *more;
	bool fine;

	if (numbers.given == NULL) {
		snprintf(error, size, "--%s: no memory", option->name);
		return false;
	}
	for (size_t i = 0; i < line->given_count; i++)
		if (strcmp(line->given[i].name, option->name) == 0 && strchr(line->given[i].text, '=') == NULL)
			numbers.given[numbers.given_count++] = line->given[i];
	fine = options_counts(option, &numbers, values, count, error, size);
	free(numbers.given);
	if (!fine)
		return false;
	more = realloc(*values, (*count + line->given_count + 1) * sizeof(**values));
	if (more == NULL) {
		snprintf(error, size, "--%s: no memory", option->name);
		free(*values);
		return false;
	}
	*values = more;
	for (size_t i = 0; i < line->given_count && fine; i++) {
		const char *text = line->given[i].text;
		uint64_t roles = 0;

		if (strcmp(line->given[i].name, option->name) != 0 || strchr(text, '=') == NULL)
			continue;
		fine = roles_parse(text, option->most, &roles);
		if (!fine)
			snprintf(error, size, "--%s: '%s' must be numbers such as 1,2,4, or readers=R,writers=W with at least one of each"
			    " and at most %llu together", option->name, text, (unsigned long long)option->most);
		for (size_t k = 0; k < *count && fine; k++)
			if (more[k] == roles) {
				snprintf(error, size, "--%s: '%s' is given twice", option->name, text);
				fine = false;
			}
		more[(*count)++] = roles;
	}
	if (!fine)
		free(*values);
	return fine;
}
