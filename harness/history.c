/*
 * history.c - events in memory, the recorder, and the file (history.h says what is in it).
 */
#include "harness/history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <xxhash.h>

#include "harness/file.h"
#include "harness/worker.h"

#define CHUNK 1024u                      /* events that a thread takes at a time */
#define MAGIC "hamthist"
#define VERSION 1u
#define TEXT_BYTES_MAX (1u << 20)        /* of the JSON object in a file */
#define BLOCK_EVENTS (1u << 16)          /* events or pairs of one block */
#define BLOCK_HEAD_BYTES 32u
#define EVENT_BYTES_MAX (2 + 5 * 10)     /* two bytes and five varints */

const char *const history_op_names[HISTORY_OPS] = {
	[HISTORY_GET] = "get", [HISTORY_INSERT] = "insert", [HISTORY_UPSERT] = "upsert", [HISTORY_REMOVE] = "remove",
	[HISTORY_REPLACE] = "replace", [HISTORY_MODIFY] = "modify", [HISTORY_REPLACE_IF] = "replace_if",
	[HISTORY_REMOVE_IF] = "remove_if", [HISTORY_EACH] = "iteration",
};

/* ---- In memory ---- */

const char *
history_event_fault(const struct history_event *e)
{
	bool puts = e->op == HISTORY_INSERT || e->op == HISTORY_UPSERT || e->op == HISTORY_REPLACE ||
	    e->op == HISTORY_REPLACE_IF;

	if (e->op >= HISTORY_OPS)
		return "it is no operation";
	if (e->answer >= HISTORY_ANSWERS || (e->answer == HISTORY_TWICE && e->op != HISTORY_EACH))
		return "it has an answer that is none";
	if (e->end < e->begin)
		return "it ends before it begins";
	if (puts && e->in == 0)
		return "it puts the value 0, which means absent";
	if ((e->op == HISTORY_REPLACE_IF || e->op == HISTORY_REMOVE_IF) && e->out == 0)
		return "it expects the value 0, which means absent";
	return NULL;
}

/* Room for one more of `count` items. False: no memory, and nothing has changed. */
static bool
grow(void **items, size_t count, size_t *room, size_t item_bytes)
{
	size_t wanted = *room < 64 ? 64 : *room * 2;
	void *more;

	if (count < *room)
		return true;
	more = reallocarray(*items, wanted, item_bytes);
	if (more == NULL)
		return false;
	*items = more;
	*room = wanted;
	return true;
}

bool
history_append(struct history *h, const struct history_event *event)
{
	misuse_if(history_event_fault(event) != NULL, "history_append: the event cannot be");
	if (!grow((void **)&h->event, h->events, &h->event_room, sizeof(*h->event)))
		return false;
	h->event[h->events++] = *event;
	return true;
}

bool
history_first(struct history *h, uint64_t key, uint64_t value)
{
	misuse_if(value == 0, "history_first: value must not be 0, which means absent");
	if (!grow((void **)&h->first, h->firsts, &h->first_room, sizeof(*h->first)))
		return false;
	h->first[h->firsts++] = (struct history_pair){ key, value };
	return true;
}

void
history_clear(struct history *h)
{
	h->events = h->firsts = 0;
	free(h->about);
	h->about = NULL;
}

void
history_free(struct history *h)
{
	free(h->event);
	free(h->first);
	free(h->about);
	*h = (struct history){ 0 };
}

/* ---- The recorder ---- */

struct history_recorder {
	uint64_t room, chunks;          /* events asked for; chunks that there are */
	unsigned threads;
	struct history_event *event;    /* chunks x CHUNK */
	uint32_t *owner;                /* of each chunk taken */
	_Atomic(bool) *stop;
	struct history_log *log;        /* one for each thread, CACHE_LINE_BYTES apart */
	struct history_pair *last;      /* what the map held at the end */
	size_t lasts, last_room;
	uint64_t last_ns;               /* when; 0 = it is not known */
	struct history history;         /* the trial's, put together; first is filled meanwhile */
	CACHE_ALIGNED _Atomic(uint64_t) taken; /* chunks; may exceed chunks */
};

_Static_assert(sizeof(struct history_log) <= CACHE_LINE_BYTES, "a log for each line");

static struct history_log *
log_at(const struct history_recorder *r, unsigned thread)
{
	return (struct history_log *)((char *)r->log + (size_t)thread * CACHE_LINE_BYTES);
}

struct history_recorder *
history_recorder_new(uint64_t events, unsigned threads)
{
	struct history_recorder *r = aligned_alloc(CACHE_LINE_BYTES, sizeof(*r));

	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->room = events;
	r->threads = threads;
	/* A thread may leave a chunk almost empty; and it asks whether to stop only now and
	 * then, and never within a batch. */
	r->chunks = events / CHUNK + 1 + (uint64_t)threads * 4;
	if (r->chunks < SIZE_MAX / CHUNK / sizeof(*r->event) && r->chunks <= UINT32_MAX) {
		r->event = malloc(r->chunks * CHUNK * sizeof(*r->event));
		r->owner = calloc(r->chunks, sizeof(*r->owner));
		r->log = aligned_alloc(CACHE_LINE_BYTES, (size_t)threads * CACHE_LINE_BYTES);
	}
	if (r->event == NULL || r->owner == NULL || r->log == NULL) {
		history_recorder_free(r);
		return NULL;
	}
	/* The pages are wanted now: a fault during the trial would be part of what it sees. */
	memset(r->event, 0, r->chunks * CHUNK * sizeof(*r->event));
	return r;
}

void
history_recorder_free(struct history_recorder *r)
{
	if (r == NULL)
		return;
	free(r->event);
	free(r->owner);
	free(r->log);
	free(r->last);
	history_free(&r->history);
	free(r);
}

void
history_recorder_begin(struct history_recorder *r, _Atomic(bool) *stop)
{
	history_clear(&r->history);
	r->stop = stop;
	r->lasts = 0;
	r->last_ns = 0;
	atomic_store_explicit(&r->taken, 0, memory_order_relaxed);
	for (unsigned i = 0; i < r->threads; i++)
		*log_at(r, i) = (struct history_log){ .recorder = r, .thread = i, .cut = HISTORY_OPEN };
}

struct history_log *
history_recorder_log(struct history_recorder *r, unsigned thread)
{
	misuse_if(thread >= r->threads, "history_recorder_log: there are not so many threads");
	return log_at(r, thread);
}

bool
history_log_more(struct history_log *log, uint64_t begin)
{
	struct history_recorder *r = log->recorder;
	uint64_t chunk;

	/* Once cut, always cut: what is kept must be an unbroken beginning. */
	if (log->cut != HISTORY_OPEN)
		return false;
	/* relaxed: the chunk is this thread's alone; main reads it after the join. */
	chunk = atomic_fetch_add_explicit(&r->taken, 1, memory_order_relaxed);
	if (chunk * CHUNK >= r->room)
		atomic_store_explicit(r->stop, true, memory_order_relaxed); /* relaxed: only the flag matters */
	if (chunk >= r->chunks) {
		log->cut = begin;
		return false;
	}
	r->owner[chunk] = log->thread;
	log->at = r->event + chunk * CHUNK;
	log->end = log->at + CHUNK;
	return true;
}

bool
history_recorder_first(struct history_recorder *r, uint64_t key, uint64_t value)
{
	return history_first(&r->history, key, value);
}

bool
history_recorder_last(struct history_recorder *r, uint64_t key, uint64_t value)
{
	if (!grow((void **)&r->last, r->lasts, &r->last_room, sizeof(*r->last)))
		return false;
	r->last[r->lasts++] = (struct history_pair){ key, value };
	return true;
}

static int
pair_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct history_pair *)a)->key, y = ((const struct history_pair *)b)->key;

	return x < y ? -1 : x > y;
}

void
history_recorder_last_end(struct history_recorder *r, uint64_t now_ns)
{
	if (r->lasts > 0)
		qsort(r->last, r->lasts, sizeof(*r->last), pair_compare);
	r->last_ns = now_ns != 0 ? now_ns : 1;
}

uint64_t
history_recorder_events(const struct history_recorder *r)
{
	/* relaxed: for a progress line. */
	uint64_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);

	return (taken < r->chunks ? taken : r->chunks) * CHUNK;
}

/* Events that were lost make what had not returned by then unknown. */
static void
cut_at(struct history *h, uint64_t cut)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->events; i++) {
		struct history_event e = h->event[i];

		if (e.begin > cut)
			continue;
		if (e.end > cut)
			e.end = HISTORY_OPEN;
		h->event[kept++] = e;
	}
	h->events = kept;
}

/* The keys that the events or the state at first or at the end speak of, each once, sorted. */
static uint64_t *
keys_of(const struct history_recorder *r, size_t *count)
{
	const struct history *h = &r->history;
	size_t n = 0, unique = 0;
	uint64_t *key = malloc((h->events + h->firsts + r->lasts + 1) * sizeof(*key)), *other, *from, *to;

	*count = 0;
	if (key == NULL)
		return NULL;
	for (size_t i = 0; i < h->firsts; i++)
		key[n++] = h->first[i].key;
	for (size_t i = 0; i < r->lasts; i++)
		key[n++] = r->last[i].key;
	for (size_t i = 0; i < h->events; i++)
		key[n++] = h->event[i].key;
	other = malloc((n + 1) * sizeof(*other));
	if (other == NULL) {
		free(key);
		return NULL;
	}
	/* By 11 bits at a time, as far up as there are any. */
	from = key, to = other;
	for (unsigned shift = 0; shift < 64; shift += 11) {
		size_t start[2048] = { 0 }, sum = 0;
		uint64_t above = 0;

		for (size_t i = 0; i < n; i++) {
			start[from[i] >> shift & 2047]++;
			above |= from[i] >> shift;
		}
		if (above == 0)
			break;
		for (unsigned digit = 0; digit < 2048; digit++) {
			size_t here = start[digit];

			start[digit] = sum;
			sum += here;
		}
		for (size_t i = 0; i < n; i++)
			to[start[from[i] >> shift & 2047]++] = from[i];
		key = to, to = from, from = key;
	}
	for (size_t i = 0; i < n; i++)
		if (i == 0 || from[i] != from[i - 1])
			from[unique++] = from[i];
	free(to);
	*count = unique;
	return from;
}

/* What the map held at the end, as one iteration after everything else. */
static bool
append_last(struct history_recorder *r)
{
	size_t count, at = 0;
	uint64_t *key = keys_of(r, &count), latest = r->last_ns;
	bool fine = key != NULL;

	for (size_t i = 0; i < r->history.events; i++)
		if (r->history.event[i].end >= latest)
			latest = r->history.event[i].end + 1; /* the clock of another core, some ns ahead */
	for (size_t i = 0; i < count && fine; i++) {
		struct history_event e = { .begin = latest, .end = latest, .key = key[i], .thread = r->threads,
		    .op = HISTORY_EACH, .answer = HISTORY_MISS };

		for (; at < r->lasts && r->last[at].key == key[i] && fine; at++) {
			if (e.answer == HISTORY_HIT) {
				e.answer = HISTORY_TWICE;
				e.out = 0;
			} else if (e.answer == HISTORY_MISS) {
				e.answer = HISTORY_HIT;
				e.out = r->last[at].value;
			}
		}
		fine = history_append(&r->history, &e);
	}
	free(key);
	return fine;
}

struct history *
history_recorder_take(struct history_recorder *r, bool *cut)
{
	struct history *h = &r->history;
	uint64_t chunks = atomic_load_explicit(&r->taken, memory_order_relaxed), earliest = HISTORY_OPEN;
	size_t total = 0;

	if (chunks > r->chunks)
		chunks = r->chunks;
	if (h->event_room < chunks * CHUNK) {
		struct history_event *more = reallocarray(h->event, chunks * CHUNK, sizeof(*more));

		if (more == NULL)
			return NULL;
		h->event = more;
		h->event_room = chunks * CHUNK;
	}
	for (unsigned t = 0; t < r->threads; t++) {
		const struct history_log *log = log_at(r, t);

		for (uint64_t c = 0; c < chunks; c++) {
			const struct history_event *from = r->event + c * CHUNK;
			size_t count = log->end == from + CHUNK ? (size_t)(log->at - from) : CHUNK;

			if (r->owner[c] != t)
				continue;
			memcpy(h->event + total, from, count * sizeof(*from));
			total += count;
		}
		if (log->cut < earliest)
			earliest = log->cut;
	}
	h->events = total;
	*cut = earliest != HISTORY_OPEN;
	if (*cut)
		cut_at(h, earliest);
	else if (r->last_ns != 0 && !append_last(r))
		return NULL;
	return h;
}

/* ---- Bytes ---- */

static bool
fail(char *error, size_t size, const char *path, const char *what)
{
	snprintf(error, size, "%s: %s", path, what);
	return false;
}

static void
put_le(unsigned char *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t
get_le(const unsigned char *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static unsigned char *
put_varint(unsigned char *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (unsigned char)(value | 0x80);
	*at++ = (unsigned char)value;
	return at;
}

/* What is still to be read of a payload; bad: it was not well formed. */
struct bytes {
	const unsigned char *at, *end;
	bool bad;
};

static unsigned
get_byte(struct bytes *b)
{
	if (b->at == b->end) {
		b->bad = true;
		return 0;
	}
	return *b->at++;
}

static uint64_t
get_varint(struct bytes *b)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned byte = get_byte(b);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			/* The tenth byte has room for one bit. */
			b->bad = b->bad || (shift == 63 && byte > 1);
			return value;
		}
	}
	b->bad = true;
	return 0;
}

enum form { FORM_NONE, FORM_OF_KEY, FORM_PLAIN, FORMS };

static enum form
form_of(uint64_t value, uint64_t key)
{
	return value == 0 ? FORM_NONE : worker_value_is_for(value, key) ? FORM_OF_KEY : FORM_PLAIN;
}

static unsigned char *
put_value(unsigned char *at, enum form form, uint64_t value)
{
	if (form == FORM_OF_KEY)
		*at++ = (unsigned char)value;
	return form == FORM_PLAIN ? put_varint(at, value) : at;
}

static uint64_t
get_value(struct bytes *b, unsigned form, uint64_t key)
{
	switch (form) {
	case FORM_NONE:
		return 0;
	case FORM_OF_KEY:
		return worker_value(key, get_byte(b));
	case FORM_PLAIN:
		return get_varint(b);
	}
	b->bad = true;
	return 0;
}

static unsigned char *
put_event(unsigned char *at, const struct history_event *e, uint64_t *clock)
{
	enum form in = form_of(e->in, e->key), out = form_of(e->out, e->key);
	bool open = e->end == HISTORY_OPEN;
	uint64_t gap = e->begin - *clock;

	*at++ = (unsigned char)(e->op | e->answer << 4);
	*at++ = (unsigned char)(in | out << 2 | (unsigned)open << 4);
	at = put_varint(at, gap << 1 ^ -(gap >> 63));
	if (!open)
		at = put_varint(at, e->end - e->begin);
	at = put_varint(at, e->key);
	at = put_value(at, in, e->in);
	at = put_value(at, out, e->out);
	*clock = open ? e->begin : e->end;
	return at;
}

static struct history_event
get_event(struct bytes *b, uint32_t thread, uint64_t *clock)
{
	unsigned what = get_byte(b), forms = get_byte(b);
	uint64_t gap = get_varint(b), took;
	struct history_event e = { .thread = thread, .op = what & 15, .answer = (uint8_t)(what >> 4) };
	bool open = forms >> 4 & 1;

	b->bad = b->bad || forms >> 5 != 0;
	e.begin = *clock + (gap >> 1 ^ -(gap & 1));
	took = open ? 0 : get_varint(b);
	e.end = open ? HISTORY_OPEN : e.begin + took;
	b->bad = b->bad || (!open && (e.end < e.begin || e.end == HISTORY_OPEN));
	e.key = get_varint(b);
	e.in = get_value(b, forms & 3, e.key);
	e.out = get_value(b, forms >> 2 & 3, e.key);
	*clock = open ? e.begin : e.end;
	return e;
}

/* The check of a text or payload behind a head. */
static uint64_t
check_of(const unsigned char *head, size_t head_bytes, const void *data, size_t bytes)
{
	return XXH3_64bits_withSeed(data, bytes, XXH3_64bits(head, head_bytes));
}

/* ---- Writing ---- */

char *
history_about(const struct record *record, const char *clock, const char *command)
{
	json_t *about = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:I}", "subject", record->subject, "workload",
	    record->workload, "mix", record->mix, "dist", record->dist, "clock", clock, "command", command, "threads",
	    (int)record->threads, "keys", (json_int_t)record->keys, "seed", (json_int_t)record->seed);
	char *text = about != NULL ? json_dumps(about, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(about);
	return text;
}

enum { BLOCK_END, BLOCK_FIRST, BLOCK_EVENTS_OF_THREAD };

static bool
write_block(FILE *out, unsigned kind, uint32_t thread, uint64_t count, const unsigned char *payload, size_t bytes)
{
	unsigned char head[BLOCK_HEAD_BYTES];

	put_le(head, kind, 4);
	put_le(head + 4, thread, 4);
	put_le(head + 8, count, 8);
	put_le(head + 16, bytes, 8);
	put_le(head + 24, check_of(head, 24, payload, bytes), 8);
	return fwrite(head, 1, sizeof(head), out) == sizeof(head) && fwrite(payload, 1, bytes, out) == bytes;
}

static bool
write_history(FILE *out, const struct history *h, unsigned char *buffer)
{
	const char *about = h->about != NULL ? h->about : "{}";
	size_t length = strlen(about);
	unsigned char head[24], *at = buffer;

	memcpy(head, MAGIC, 8);
	put_le(head + 8, VERSION, 4);
	put_le(head + 12, length, 4);
	put_le(head + 16, check_of(head, 16, about, length), 8);
	if (fwrite(head, 1, sizeof(head), out) != sizeof(head) || fwrite(about, 1, length, out) != length)
		return false;
	for (size_t i = 0, from = 0; i < h->firsts; i++) {
		enum form form = form_of(h->first[i].value, h->first[i].key);

		*at++ = (unsigned char)form;
		at = put_value(put_varint(at, h->first[i].key), form, h->first[i].value);
		if (i + 1 - from == BLOCK_EVENTS || i + 1 == h->firsts) {
			if (!write_block(out, BLOCK_FIRST, 0, i + 1 - from, buffer, (size_t)(at - buffer)))
				return false;
			from = i + 1;
			at = buffer;
		}
	}
	for (size_t i = 0, from = 0, clock = 0; i < h->events; i++) {
		at = put_event(at, &h->event[i], &clock);
		if (i + 1 - from == BLOCK_EVENTS || i + 1 == h->events || h->event[i + 1].thread != h->event[i].thread) {
			if (!write_block(out, BLOCK_EVENTS_OF_THREAD, h->event[i].thread, i + 1 - from, buffer,
			        (size_t)(at - buffer)))
				return false;
			from = i + 1;
			at = buffer;
			clock = 0;
		}
	}
	return write_block(out, BLOCK_END, 0, h->events + h->firsts, buffer, 0) && fflush(out) == 0;
}

bool
history_write(const struct history *h, const char *path, char *error, size_t size)
{
	unsigned char *buffer = malloc((size_t)BLOCK_EVENTS * EVENT_BYTES_MAX);
	struct file_new f;
	bool fine;

	if (buffer == NULL)
		return fail(error, size, path, strerror(ENOMEM));
	fine = file_new_begin(&f, path, error, size) && file_new_end(&f, write_history(f.out, h, buffer), error, size);
	free(buffer);
	return fine;
}

/* ---- Reading ---- */

/* The payload of one block. NULL, or what is wrong with it. */
static const char *
read_payload(struct history *h, unsigned kind, uint32_t thread, uint64_t count, struct bytes *b)
{
	uint64_t clock = 0;

	for (uint64_t i = 0; i < count; i++) {
		if (kind == BLOCK_FIRST) {
			unsigned form = get_byte(b);
			uint64_t key = get_varint(b), value = get_value(b, form, key);

			if (b->bad || value == 0)
				return "a pair cannot be read";
			if (!history_first(h, key, value))
				return "no memory to hold it";
		} else {
			struct history_event e = get_event(b, thread, &clock);
			const char *fault = b->bad ? "it cannot be read" : history_event_fault(&e);

			if (fault != NULL)
				return fault;
			if (!history_append(h, &e))
				return "no memory to hold it";
		}
	}
	return b->at == b->end ? NULL : "a block is longer than its events";
}

static bool
read_blocks(struct history *h, const char *path, const unsigned char *data, size_t bytes, size_t at, char *error,
    size_t size)
{
	for (;;) {
		const unsigned char *head = data + at, *payload = head + BLOCK_HEAD_BYTES;
		uint64_t kind, thread, count, length;
		size_t events = h->events;
		const char *fault;

		if (bytes - at < BLOCK_HEAD_BYTES)
			return fail(error, size, path, "it is cut off: the block that ends it is missing");
		kind = get_le(head, 4);
		thread = get_le(head + 4, 4);
		count = get_le(head + 8, 8);
		length = get_le(head + 16, 8);
		at += BLOCK_HEAD_BYTES;
		if (kind > BLOCK_EVENTS_OF_THREAD) {
			snprintf(error, size, "%s: at byte %zu: there is no block of kind %" PRIu64, path,
			    at - BLOCK_HEAD_BYTES, kind);
			return false;
		}
		if (bytes - at < length)
			return fail(error, size, path, "it is cut off in the middle of a block");
		if (get_le(head + 24, 8) != check_of(head, 24, payload, length)) {
			snprintf(error, size, "%s: at byte %zu: a block is not as it was written (its checksum differs)", path, at);
			return false;
		}
		at += length;
		if (kind == BLOCK_END) {
			if (count != h->events + h->firsts || length != 0)
				return fail(error, size, path, "it has not as many events as its end says");
			return at == bytes || fail(error, size, path, "something follows its end");
		}
		fault = read_payload(h, (unsigned)kind, (uint32_t)thread, count,
		    &(struct bytes){ payload, payload + length, false });
		if (fault != NULL) {
			snprintf(error, size, "%s: event %zu of the block at byte %zu: %s", path, h->events - events + 1,
			    at - (size_t)length, fault);
			return false;
		}
	}
}

static bool
read_history(struct history *h, const char *path, const unsigned char *data, size_t bytes, char *error, size_t size)
{
	json_error_t wrong;
	json_t *about;
	size_t length;

	if (bytes < 24 || memcmp(data, MAGIC, 8) != 0)
		return fail(error, size, path, "it is no history (hamtbench run --history writes them)");
	if (get_le(data + 8, 4) != VERSION) {
		snprintf(error, size, "%s: it has version %" PRIu64 " of the format, only %u is known", path,
		    get_le(data + 8, 4), VERSION);
		return false;
	}
	length = get_le(data + 12, 4);
	if (length > TEXT_BYTES_MAX || length > bytes - 24)
		return fail(error, size, path, "it is cut off in the text at its beginning");
	if (get_le(data + 16, 8) != check_of(data, 16, data + 24, length))
		return fail(error, size, path, "the text at its beginning is not as it was written (its checksum differs)");
	about = json_loadb((const char *)data + 24, length, JSON_REJECT_DUPLICATES, &wrong);
	if (about == NULL || !json_is_object(about)) {
		json_decref(about);
		return fail(error, size, path, "the text at its beginning is no JSON object");
	}
	h->about = json_dumps(about, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(about);
	if (h->about == NULL)
		return fail(error, size, path, "no memory to hold it");
	return read_blocks(h, path, data, bytes, 24 + length, error, size);
}

bool
history_read(struct history *h, const char *path, char *error, size_t size)
{
	size_t bytes = 0;
	unsigned char *data = file_read(path, SIZE_MAX / 2, &bytes, error, size);
	bool fine = data != NULL && read_history(h, path, data, bytes, error, size);

	free(data);
	if (!fine)
		history_clear(h);
	return fine;
}
