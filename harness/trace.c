/*
 * trace.c - operations from a file, and into one (trace.h says what is in it).
 */
#include "harness/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <xxhash.h>

#include "harness/file.h"

#define VERSION 1u
#define HEAD_BYTES 72u
#define HEAD_CHECKED 64u          /* bytes of the head that its check is of */
#define ORACLE_BYTES 24u          /* a record of oracle-general */
#define SLOTS_LEAST 1024u

_Static_assert(OP_COUNT == 8 && OP_SCAN == 7 && OP_MODIFY == 5, "files have these numbers in them");

const char *const trace_form_names[TRACE_FORMS + 1] = {
	[TRACE_ANY] = "any", [TRACE_TEXT] = "text", [TRACE_BINARY] = "binary", [TRACE_TWITTER] = "twitter",
	[TRACE_ORACLE_GENERAL] = "oracle-general",
};

/* ---- In memory ---- */

/* Room for `more` items beyond `count`. False: no memory, and nothing has changed. */
static bool
grow(void **items, uint64_t count, uint64_t more, uint64_t *room, size_t item_bytes)
{
	uint64_t wanted = *room < 256 ? 256 : *room;
	void *moved;

	if (*room - count >= more)
		return true;
	while (wanted - count < more)
		wanted *= 2;
	if (wanted > SIZE_MAX / item_bytes)
		return false;
	moved = realloc(*items, (size_t)wanted * item_bytes);
	if (moved == NULL)
		return false;
	*items = moved;
	*room = wanted;
	return true;
}

/* The slot that has these bytes, or is empty. */
static uint64_t *
slot_of(const struct trace *t, const void *key, size_t length)
{
	uint64_t at = XXH3_64bits(key, length) & (t->slots - 1);

	for (;; at = (at + 1) & (t->slots - 1)) {
		const unsigned char *known;
		size_t known_length;

		if (t->slot[at] == 0)
			return &t->slot[at];
		known = trace_key_text(t, t->slot[at] - 1, &known_length);
		if (known_length == length && memcmp(known, key, length) == 0)
			return &t->slot[at];
	}
}

/* A table with twice the slots. False: no memory. */
static bool
slots_double(struct trace *t)
{
	struct trace wider = *t;

	wider.slots = t->slots == 0 ? SLOTS_LEAST : 2 * t->slots;
	wider.slot = calloc(wider.slots, sizeof(*wider.slot));
	if (wider.slot == NULL)
		return false;
	for (uint64_t key = 0; key < t->keys; key++) {
		size_t length;
		const unsigned char *text = trace_key_text(t, key, &length);

		*slot_of(&wider, text, length) = key + 1;
	}
	free(t->slot);
	*t = wider;
	return true;
}

/* The number of the key of these bytes, a new one if there is none. False: no memory, or too many. */
static bool
key_number(struct trace *t, const void *key, size_t length, uint64_t *number)
{
	uint64_t *slot, end = t->keys > 0 ? t->key_end[t->keys - 1] : 0;

	/* At most two slots of three are full. */
	if (t->keys >= t->slots / 3 * 2 && !slots_double(t))
		return false;
	slot = slot_of(t, key, length);
	if (*slot == 0) {
		void *text = t->text, *ends = t->key_end;
		/* One byte more: there is a text, if all keys are empty. */
		bool room = t->keys < TRACE_KEYS_MAX && grow(&text, end, length + 1, &t->text_room, 1);

		t->text = text;
		room = room && grow(&ends, t->keys, 1, &t->keys_room, sizeof(*t->key_end));
		t->key_end = ends;
		if (!room)
			return false;
		memcpy(t->text + end, key, length);
		t->key_end[t->keys++] = end + length;
		*slot = t->keys;
	}
	*number = *slot - 1;
	return true;
}

static bool
record_add(struct trace *t, uint64_t record)
{
	void *records = t->record;

	if (!grow(&records, t->records, 1, &t->records_room, sizeof(*t->record)))
		return false;
	t->record = records;
	t->record[t->records++] = record;
	return true;
}

bool
trace_add(struct trace *t, enum op op, const void *key, size_t length, uint64_t scan)
{
	uint64_t number;

	return key_number(t, key, length, &number) && record_add(t, trace_record(op, number, scan));
}

void
trace_free(struct trace *t)
{
	free(t->record);
	free(t->text);
	free(t->key_end);
	free(t->slot);
	*t = (struct trace){ 0 };
}

uint64_t
trace_check(const struct trace *t)
{
	uint64_t check = 0;

	if (t->keys > 0) {
		check = XXH3_64bits(t->key_end, t->keys * sizeof(*t->key_end));
		check = XXH3_64bits_withSeed(t->text, t->key_end[t->keys - 1], check);
	}
	return t->records > 0 ? XXH3_64bits_withSeed(t->record, t->records * sizeof(*t->record), check) : check;
}

/* ---- Parsing ---- */

/* Where a parser is, and where it says what is wrong. */
struct parser {
	struct trace *trace;
	const char *name;
	const unsigned char *begin, *at, *end;
	uint64_t line;
	char *error;
	size_t size;
};

static bool fail_line(const struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail_byte(const struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool
fail_line(const struct parser *p, const char *format, ...)
{
	int used = snprintf(p->error, p->size, "%s:%" PRIu64 ": ", p->name, p->line);
	va_list args;

	va_start(args, format);
	if (used >= 0 && (size_t)used < p->size)
		vsnprintf(p->error + used, p->size - (size_t)used, format, args);
	va_end(args);
	return false;
}

static bool
fail_byte(const struct parser *p, const char *format, ...)
{
	int used = snprintf(p->error, p->size, "%s: byte %td: ", p->name, p->at - p->begin);
	va_list args;

	va_start(args, format);
	if (used >= 0 && (size_t)used < p->size)
		vsnprintf(p->error + used, p->size - (size_t)used, format, args);
	va_end(args);
	return false;
}

static bool
fail(const char *name, const char *text, char *error, size_t size)
{
	snprintf(error, size, "%s: %s", name, text);
	return false;
}

#define NO_MEMORY "no memory to hold it"

/* What a message shows of a word. */
static int
shown(size_t length)
{
	return length < 40 ? (int)length : 40;
}

/* ---- Text ---- */

struct word {
	const unsigned char *text;
	size_t length;
};

/* From at on up to end, which is that of the line: the next word into *w; length 0: there is none. */
static const unsigned char *
next_word(const unsigned char *at, const unsigned char *end, struct word *w)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	w->text = at;
	if (at == end || *at == '#') {
		w->length = 0;
		return at;
	}
	while (at < end && *at != ' ' && *at != '\t')
		at++;
	w->length = (size_t)(at - w->text);
	return at;
}

static int
hex_digit(unsigned char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* One byte of a quoted key, its escape undone. NULL, and it is told: the escape is none. */
static const unsigned char *
unescape(const struct parser *p, const unsigned char *at, const unsigned char *end, unsigned char *byte)
{
	static const char named[] = "\"\\nt", means[] = "\"\\\n\t";
	const char *which;

	*byte = *at++;
	if (*byte != '\\')
		return at;
	if (at < end && *at != '\0' && (which = strchr(named, *at)) != NULL) {
		*byte = (unsigned char)means[which - named];
		return at + 1;
	}
	if (end - at >= 3 && *at == 'x' && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
		*byte = (unsigned char)(hex_digit(at[1]) << 4 | hex_digit(at[2]));
		return at + 3;
	}
	fail_line(p, "'\\%.*s' is no escape; there are \\\" \\\\ \\n \\t \\xHH", at < end && *at >= ' ' ? 1 : 0,
	    (const char *)at);
	return NULL;
}

/*
 * The key that follows at `at`: its bytes are in the file, or, if quoted, in buffer, which has
 * room for TRACE_KEY_BYTES_MAX. Returns what is behind it; NULL, and it is told: there is none, it cannot be.
 */
static const unsigned char *
next_key(const struct parser *p, const unsigned char *at, const unsigned char *end, unsigned char *buffer,
    struct word *key)
{
	const unsigned char *behind = next_word(at, end, key);

	if (key->length == 0) {
		fail_line(p, "the key is missing");
		return NULL;
	}
	if (*key->text != '"') {
		for (size_t i = 0; i < key->length; i++)
			if (key->text[i] < ' ' || key->text[i] == 0x7f || key->text[i] == '"') {
				fail_line(p, "byte \\x%02x may only be in a key that is quoted, as \\x%02x", key->text[i],
				    key->text[i]);
				return NULL;
			}
	} else {
		at = key->text + 1;
		*key = (struct word){ .text = buffer };
		for (;; key->length++) {
			unsigned char byte;

			if (at == end) {
				fail_line(p, "the quote that ends the key is missing");
				return NULL;
			}
			if (*at == '"')
				break;
			at = unescape(p, at, end, &byte);
			if (at == NULL)
				return NULL;
			if (key->length < TRACE_KEY_BYTES_MAX)
				buffer[key->length] = byte;
		}
		behind = at + 1;
		if (behind < end && *behind != ' ' && *behind != '\t') {
			fail_line(p, "a blank is missing behind the key");
			return NULL;
		}
	}
	if (key->length > TRACE_KEY_BYTES_MAX) {
		fail_line(p, "the key has %zu bytes; %u are allowed", key->length, TRACE_KEY_BYTES_MAX);
		return NULL;
	}
	return behind;
}

static bool
is_word(const struct word *w, const char *text)
{
	return strlen(text) == w->length && memcmp(text, w->text, w->length) == 0;
}

/* The operation that a line begins with; OP_COUNT, and it is told: it is none. */
static enum op
find_op(const struct parser *p, const struct word *w)
{
	char names[128] = "";
	size_t used = 0;

	for (unsigned op = 0; op < OP_COUNT; op++) {
		if (op == OP_GET_MANY)
			continue;
		if (is_word(w, op_names[op]))
			return (enum op)op;
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "", op_names[op]);
	}
	fail_line(p, "'%.*s' is no operation; there are %s", shown(w->length), (const char *)w->text, names);
	return OP_COUNT;
}

/* The N of a scan; 0: it is none. */
static uint64_t
scan_length(const struct word *w)
{
	uint64_t n = 0;

	for (size_t i = 0; i < w->length; i++) {
		if (w->text[i] < '0' || w->text[i] > '9' || i >= 4)
			return 0;
		n = n * 10 + (w->text[i] - '0');
	}
	return n <= TRACE_SCAN_MAX ? n : 0;
}

/* One line, without its end. */
static bool
parse_line(const struct parser *p, const unsigned char *at, const unsigned char *end)
{
	unsigned char buffer[TRACE_KEY_BYTES_MAX];
	struct word word, key;
	uint64_t scan = 0;
	enum op op;

	at = next_word(at, end, &word);
	if (word.length == 0)
		return true;
	op = find_op(p, &word);
	if (op == OP_COUNT)
		return false;
	at = next_key(p, at, end, buffer, &key);
	if (at == NULL)
		return false;
	if (op == OP_SCAN) {
		at = next_word(at, end, &word);
		scan = scan_length(&word);
		if (scan == 0)
			return fail_line(p, "scan wants a key and how many pairs, 1 to %u", TRACE_SCAN_MAX);
	}
	at = next_word(at, end, &word);
	if (word.length > 0)
		return fail_line(p, "'%.*s' is one word too many", shown(word.length), (const char *)word.text);
	return trace_add(p->trace, op, key.text, key.length, scan) || fail_line(p, NO_MEMORY);
}

/* Each line of the file to `parse`, without its end. */
static bool
parse_lines(struct parser *p, bool (*parse)(const struct parser *p, const unsigned char *at, const unsigned char *end))
{
	for (p->line = 1; p->at < p->end; p->line++) {
		const unsigned char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
		const unsigned char *end = newline != NULL ? newline : p->end;
		bool returned = end > p->at && end[-1] == '\r';

		if (!parse(p, p->at, end - returned))
			return false;
		p->at = newline != NULL ? newline + 1 : end;
	}
	return true;
}

/* ---- Binary ---- */

static uint64_t
get_le(const unsigned char *at, unsigned bytes)
{
	uint64_t x = 0;

	for (unsigned i = bytes; i-- > 0;)
		x = x << 8 | at[i];
	return x;
}

static void
put_le(unsigned char *at, uint64_t x, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++, x >>= 8)
		at[i] = (unsigned char)x;
}

/* A varint, in its shortest form. False: it is cut off, too long, or longer than it need be. */
static bool
get_varint(struct parser *p, const unsigned char *end, uint64_t *x)
{
	const unsigned char *at = p->at;
	uint64_t sum = 0;

	for (unsigned shift = 0; at < end && shift < 63; shift += 7) {
		unsigned char byte = *at++;

		sum |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			*x = sum;
			p->at = at;
			return byte != 0 || shift == 0;
		}
	}
	return false;
}

static unsigned char *
put_varint(unsigned char *at, uint64_t x)
{
	for (; x >= 128; x >>= 7)
		*at++ = (unsigned char)(x | 128);
	*at++ = (unsigned char)x;
	return at;
}

/* The dictionary: the number of each of its keys in the trace, which may have had some before, into number. */
static bool
parse_dictionary(struct parser *p, const unsigned char *end, uint64_t keys, uint64_t *number)
{
	uint64_t before = p->trace->keys, length;
	/* Where the numbers of keys come twice: with nothing before, a key that is no new one. */
	bool *seen = before > 0 ? calloc(before, sizeof(*seen)) : NULL;
	bool fine = before == 0 || seen != NULL;

	if (!fine)
		return fail(p->name, NO_MEMORY, p->error, p->size);
	for (uint64_t i = 0; i < keys && fine; i++) {
		uint64_t now = p->trace->keys;

		if (!get_varint(p, end, &length)) {
			fine = fail_byte(p, "the length of key %" PRIu64 " cannot be", i);
		} else if (length > TRACE_KEY_BYTES_MAX) {
			fine = fail_byte(p, "key %" PRIu64 " has %" PRIu64 " bytes; %u are allowed", i, length,
			    TRACE_KEY_BYTES_MAX);
		} else if (length > (uint64_t)(end - p->at)) {
			fine = fail_byte(p, "key %" PRIu64 " goes beyond the end of the dictionary", i);
		} else if (!key_number(p->trace, p->at, (size_t)length, &number[i])) {
			fine = fail(p->name, NO_MEMORY, p->error, p->size);
		} else if (number[i] < before ? seen[number[i]] : number[i] != now) {
			fine = fail_byte(p, "key %" PRIu64 " is in the dictionary twice", i);
		} else {
			if (number[i] < before)
				seen[number[i]] = true;
			p->at += length;
		}
	}
	free(seen);
	return fine && (p->at == end || fail_byte(p, "the dictionary goes on behind its last key"));
}

static bool
parse_records(struct parser *p, const unsigned char *end, uint64_t records, uint64_t keys, const uint64_t *number)
{
	uint64_t known = 0;
	void *moved = p->trace->record;

	/* Each has a byte at least, so this is no more than the file is long. */
	if (!grow(&moved, p->trace->records, records, &p->trace->records_room, sizeof(*p->trace->record)))
		return fail(p->name, NO_MEMORY, p->error, p->size);
	p->trace->record = moved;
	for (uint64_t i = 0; i < records; i++) {
		uint64_t word, scan = 0;

		if (!get_varint(p, end, &word))
			return fail_byte(p, "record %" PRIu64 " cannot be read", i);
		if ((word & 7) == OP_GET_MANY)
			return fail_byte(p, "record %" PRIu64 " is of no operation", i);
		if (word >> 3 > known || word >> 3 >= keys)
			return fail_byte(p, "record %" PRIu64 " names key %" PRIu64 ", and key %" PRIu64 " has not been named",
			    i, word >> 3, known);
		known += word >> 3 == known;
		if ((word & 7) == OP_SCAN && (!get_varint(p, end, &scan) || scan == 0 || scan > TRACE_SCAN_MAX))
			return fail_byte(p, "record %" PRIu64 ": a scan asks for 1 to %u pairs", i, TRACE_SCAN_MAX);
		p->trace->record[p->trace->records++] = trace_record((enum op)(word & 7), number[word >> 3], scan);
	}
	if (p->at != end)
		return fail_byte(p, "the records go on behind the last one");
	return known == keys || fail_byte(p, "no record names key %" PRIu64 " of the dictionary", known);
}

static bool
parse_binary(struct parser *p)
{
	const unsigned char *head = p->at, *records_at;
	size_t bytes = (size_t)(p->end - p->at), rest = bytes - HEAD_BYTES;
	uint64_t keys, records, dictionary_bytes, records_bytes, *number;
	bool fine;

	if (bytes < HEAD_BYTES)
		return fail(p->name, "it is cut off in its head", p->error, p->size);
	if (get_le(head + 8, 4) != VERSION) {
		snprintf(p->error, p->size, "%s: it has version %" PRIu64 " of the format, only %u is known", p->name,
		    get_le(head + 8, 4), VERSION);
		return false;
	}
	if (get_le(head + HEAD_CHECKED, 8) != XXH3_64bits(head, HEAD_CHECKED) || get_le(head + 12, 4) != 0)
		return fail(p->name, "its head is not as it was written (its checksum differs)", p->error, p->size);
	keys = get_le(head + 16, 8);
	records = get_le(head + 24, 8);
	dictionary_bytes = get_le(head + 32, 8);
	records_bytes = get_le(head + 40, 8);
	if (dictionary_bytes > rest || records_bytes > rest - dictionary_bytes)
		return fail(p->name, "it is cut off: it is shorter than its head says", p->error, p->size);
	if (records_bytes < rest - dictionary_bytes)
		return fail(p->name, "something follows its end", p->error, p->size);
	if (keys > dictionary_bytes || records > records_bytes || keys > records)
		return fail(p->name, "its head says more keys or records than there can be", p->error, p->size);
	p->at = head + HEAD_BYTES;
	records_at = p->at + dictionary_bytes;
	if (get_le(head + 48, 8) != XXH3_64bits(p->at, dictionary_bytes))
		return fail(p->name, "its dictionary is not as it was written (its checksum differs)", p->error, p->size);
	if (get_le(head + 56, 8) != XXH3_64bits(records_at, records_bytes))
		return fail(p->name, "its records are not as they were written (their checksum differs)", p->error, p->size);
	number = malloc((size_t)(keys + 1) * sizeof(*number));
	if (number == NULL)
		return fail(p->name, NO_MEMORY, p->error, p->size);
	fine = parse_dictionary(p, records_at, keys, number) && parse_records(p, p->end, records, keys, number);
	free(number);
	return fine;
}

/* ---- Traces of others ---- */

static bool
is_digits(const struct word *w)
{
	for (size_t i = 0; i < w->length; i++)
		if (w->text[i] < '0' || w->text[i] > '9')
			return false;
	return w->length > 0;
}

/* A key may have commas: the fields behind it are counted from the end. */
static bool
parse_twitter_line(const struct parser *p, const unsigned char *at, const unsigned char *end)
{
	static const struct {
		const char *name;
		enum op op;
	} operations[] = {
		{ "get", OP_GET }, { "gets", OP_GET }, { "set", OP_UPSERT }, { "add", OP_INSERT }, { "replace", OP_REPLACE },
		{ "delete", OP_REMOVE }, { "cas", OP_MODIFY }, { "append", OP_MODIFY }, { "prepend", OP_MODIFY },
		{ "incr", OP_MODIFY }, { "decr", OP_MODIFY },
	};
	enum { KEY_BYTES, VALUE_BYTES, CLIENT, OPERATION, TTL, FIELDS };
	const unsigned char *comma = memchr(at, ',', (size_t)(end - at));
	struct word time, key, field[FIELDS];

	if (at == end)
		return true;
	if (comma == NULL)
		comma = end;
	time = (struct word){ at, (size_t)(comma - at) };
	for (unsigned i = FIELDS; i-- > 0;) {
		const unsigned char *begin = end;

		while (begin > comma && begin[-1] != ',')
			begin--;
		/* The comma before it, which is not the one behind the time. */
		if (begin <= comma + 1)
			return fail_line(p, "it is not TIME,KEY,KEY BYTES,VALUE BYTES,CLIENT,OPERATION,TTL");
		field[i] = (struct word){ begin, (size_t)(end - begin) };
		end = begin - 1;
	}
	key = (struct word){ comma + 1, (size_t)(end - comma - 1) };
	if (!is_digits(&time) || !is_digits(&field[KEY_BYTES]) || !is_digits(&field[VALUE_BYTES]) ||
	    !is_digits(&field[CLIENT]) || !is_digits(&field[TTL]))
		return fail_line(p, "time, sizes, client and TTL must be whole numbers");
	if (key.length == 0)
		return fail_line(p, "the key is missing");
	if (key.length > TRACE_KEY_BYTES_MAX)
		return fail_line(p, "the key has %zu bytes; %u are allowed", key.length, TRACE_KEY_BYTES_MAX);
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (is_word(&field[OPERATION], operations[i].name))
			return trace_add(p->trace, operations[i].op, key.text, key.length, 0) || fail_line(p, NO_MEMORY);
	return fail_line(p, "'%.*s' is no operation of such a trace", shown(field[OPERATION].length),
	    (const char *)field[OPERATION].text);
}

static bool
parse_oracle(struct parser *p)
{
	for (; p->at < p->end; p->at += ORACLE_BYTES) {
		char key[24];
		int length;

		if (p->end - p->at < (ptrdiff_t)ORACLE_BYTES)
			return fail_byte(p, "it is cut off in a record, which has %u bytes", ORACLE_BYTES);
		length = snprintf(key, sizeof(key), "%" PRIu64, get_le(p->at + 4, 8));
		if (!trace_add(p->trace, OP_GET, key, (size_t)length, 0))
			return fail_byte(p, NO_MEMORY);
	}
	return true;
}

/* ---- Whole files ---- */

static bool
parse_plain(struct trace *t, const char *name, const unsigned char *data, size_t bytes, enum trace_form form,
    enum trace_form *found, char *error, size_t size)
{
	struct parser p = { .trace = t, .name = name, .begin = data, .at = data, .end = data + bytes, .error = error,
		.size = size };
	uint64_t before = t->records;
	bool binary = bytes >= sizeof(TRACE_MAGIC) - 1 && memcmp(data, TRACE_MAGIC, sizeof(TRACE_MAGIC) - 1) == 0;
	bool fine = false;

	if (form == TRACE_ANY)
		form = binary ? TRACE_BINARY : TRACE_TEXT;
	if (found != NULL)
		*found = form;
	switch (form) {
	case TRACE_TEXT:
		fine = parse_lines(&p, parse_line);
		break;
	case TRACE_BINARY:
		fine = binary ? parse_binary(&p) : fail(name, "it is no binary trace", error, size);
		break;
	case TRACE_TWITTER:
		fine = parse_lines(&p, parse_twitter_line);
		break;
	case TRACE_ORACLE_GENERAL:
		fine = parse_oracle(&p);
		break;
	case TRACE_ANY:
	case TRACE_FORMS:
		break;
	}
	return fine && (t->records > before || fail(name, "there is no operation in it", error, size));
}

bool
trace_parse(struct trace *t, const char *name, const void *data, size_t bytes, enum trace_form form,
    enum trace_form *found, char *error, size_t size)
{
	unsigned char *unpacked;
	size_t length;
	bool fine;

	if (!file_is_packed(data, bytes))
		return parse_plain(t, name, data, bytes, form, found, error, size);
	unpacked = file_unpack(name, data, bytes, file_read_most(), &length, error, size);
	if (unpacked == NULL)
		return false;
	fine = parse_plain(t, name, unpacked, length, form, found, error, size);
	free(unpacked);
	return fine;
}

bool
trace_read(struct trace *t, const char *path, enum trace_form form, enum trace_form *found, char *error, size_t size)
{
	size_t bytes = 0;
	unsigned char *data = file_read(path, file_read_most(), &bytes, error, size);
	bool fine = data != NULL && trace_parse(t, path, data, bytes, form, found, error, size);

	free(data);
	return fine;
}

/* ---- Writing ---- */

/* Can the key be written without quotes? */
static bool
is_plain(const unsigned char *key, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (key[i] <= ' ' || key[i] == 0x7f || key[i] == '"')
			return false;
	return length > 0 && key[0] != '#';
}

static void
write_key(FILE *out, const unsigned char *key, size_t length)
{
	if (is_plain(key, length)) {
		fwrite(key, 1, length, out);
		return;
	}
	fputc('"', out);
	for (size_t i = 0; i < length; i++)
		if (key[i] == '"' || key[i] == '\\')
			fprintf(out, "\\%c", key[i]);
		else if (key[i] < ' ' || key[i] == 0x7f)
			fprintf(out, "\\x%02x", key[i]);
		else
			fputc(key[i], out);
	fputc('"', out);
}

static bool
write_text(const struct trace *t, FILE *out)
{
	for (uint64_t i = 0; i < t->records; i++) {
		enum op op = trace_op(t->record[i]);
		size_t length;
		const unsigned char *key = trace_key_text(t, trace_key(t->record[i]), &length);

		fprintf(out, "%s ", op_names[op]);
		write_key(out, key, length);
		if (op == OP_SCAN)
			fprintf(out, " %" PRIu64, trace_scan(t->record[i]));
		fputc('\n', out);
	}
	return ferror(out) == 0 && fflush(out) == 0;
}

static bool
write_binary(const struct trace *t, FILE *out)
{
	/* Most that a length takes, and a record: numbers below 2^40 with 3 bits, and N. */
	enum { LENGTH_MOST = 2, RECORD_MOST = 7 + 2 };
	unsigned char head[HEAD_BYTES] = TRACE_MAGIC;
	size_t text_bytes = t->keys > 0 ? (size_t)t->key_end[t->keys - 1] : 0;
	unsigned char *dictionary = malloc(text_bytes + (size_t)t->keys * LENGTH_MOST + 1);
	unsigned char *records = malloc((size_t)t->records * RECORD_MOST + 1), *at = dictionary, *end = records;
	bool fine = false;

	errno = ENOMEM;
	if (dictionary == NULL || records == NULL)
		goto out;
	for (uint64_t i = 0; i < t->keys; i++) {
		size_t length;
		const unsigned char *key = trace_key_text(t, i, &length);

		at = put_varint(at, length);
		memcpy(at, key, length);
		at += length;
	}
	for (uint64_t i = 0; i < t->records; i++) {
		uint64_t record = t->record[i];

		end = put_varint(end, trace_key(record) << 3 | (uint64_t)trace_op(record));
		if (trace_op(record) == OP_SCAN)
			end = put_varint(end, trace_scan(record));
	}
	put_le(head + 8, VERSION, 4);
	put_le(head + 12, 0, 4);
	put_le(head + 16, t->keys, 8);
	put_le(head + 24, t->records, 8);
	put_le(head + 32, (uint64_t)(at - dictionary), 8);
	put_le(head + 40, (uint64_t)(end - records), 8);
	put_le(head + 48, XXH3_64bits(dictionary, (size_t)(at - dictionary)), 8);
	put_le(head + 56, XXH3_64bits(records, (size_t)(end - records)), 8);
	put_le(head + HEAD_CHECKED, XXH3_64bits(head, HEAD_CHECKED), 8);
	fine = fwrite(head, 1, HEAD_BYTES, out) == HEAD_BYTES &&
	    fwrite(dictionary, 1, (size_t)(at - dictionary), out) == (size_t)(at - dictionary) &&
	    fwrite(records, 1, (size_t)(end - records), out) == (size_t)(end - records) && fflush(out) == 0;
out:
	free(dictionary);
	free(records);
	return fine;
}

bool
trace_write(const struct trace *t, const char *path, enum trace_form form, char *error, size_t size)
{
	struct file_new f;

	misuse_if(form != TRACE_TEXT && form != TRACE_BINARY, "trace_write: form must be TRACE_TEXT or TRACE_BINARY");
	return file_new_begin(&f, path, error, size) &&
	    file_new_end(&f, form == TRACE_TEXT ? write_text(t, f.out) : write_binary(t, f.out), error, size);
}

/* ---- Replay ---- */

void
trace_warm(const struct trace *t, uint64_t from, uint8_t present[])
{
	/* From its later operations on, so far. */
	enum { ABSENT, PRESENT, TO_INSERT };

	/* Backwards: what a key's first operation says comes last and stays. */
	for (uint64_t i = t->records; i-- > from;) {
		uint8_t *there = &present[trace_key(t->record[i])];

		switch (trace_op(t->record[i])) {
		case OP_GET:
			if (*there != TO_INSERT)
				*there = PRESENT;
			break;
		case OP_INSERT:
			*there = TO_INSERT;
			break;
		case OP_UPSERT:
			*there = ABSENT;
			break;
		case OP_REMOVE:
		case OP_REPLACE:
		case OP_MODIFY:
			*there = PRESENT;
			break;
		default:
			break;
		}
	}
	for (uint64_t key = 0; key < t->keys; key++)
		present[key] = present[key] == PRESENT;
}

void
trace_replay(const struct trace *t, uint64_t from, uint64_t to, uint8_t present[], struct trace_replay *replay)
{
	uint64_t size = 0;

	*replay = (struct trace_replay){ 0 };
	for (uint64_t key = 0; key < t->keys; key++)
		size += present[key];
	replay->first = replay->most = size;
	for (uint64_t i = from; i < to; i++) {
		enum op op = trace_op(t->record[i]);
		uint8_t *there = &present[trace_key(t->record[i])], was = *there;

		replay->calls[op]++;
		if (op == OP_SCAN)
			continue;
		replay->hits[op] += op == OP_INSERT ? !was : was;
		if (op == OP_INSERT || op == OP_UPSERT)
			*there = 1;
		else if (op == OP_REMOVE)
			*there = 0;
		size = size + *there - was;
		if (size > replay->most)
			replay->most = size;
	}
	replay->last = size;
}
