/*
 * history.h - is there an order of the operations that explains what their
 * callers saw? For few operations, all orders are tried.
 *
 * Keys are independent, so each is judged by itself (Herlihy, Wing 1990,
 * Linearizability, theorem 1): some order of the operations on it,
 * compatible with their times, must explain all answers (Wing, Gong
 * 1993, Testing and Verifying Concurrent Objects). Values are never 0, which stands
 * for none, and each is put once.
 */
#ifndef CORE_TESTS_HISTORY_H
#define CORE_TESTS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base.h"

enum call {
	CALL_GET,
	CALL_INSERT,
	CALL_UPSERT,
	CALL_REMOVE,
	CALL_REPLACE,   /* expected -> put */
	CALL_REMOVE_IF, /* expected */
	CALL_COMPUTE,   /* put, whatever was there; the status does not tell */
	CALL_CLEAR,     /* absent afterwards, whatever was there */
	CALLS,
};

/* One operation on one key. */
struct event {
	enum call call;
	enum hamt_status status;
	uint64_t put, expected, seen; /* what it stored, what it asked for, what it found or replaced */
	uint64_t began, ended;
};

enum { HISTORY_KEYS_MAX = 16, HISTORY_EVENTS_MAX = 31 };

struct history {
	struct event event[HISTORY_KEYS_MAX][HISTORY_EVENTS_MAX];
	unsigned events[HISTORY_KEYS_MAX];
};

/* history_apply - may the event happen now? Then *value becomes what it leaves. */
static inline bool
history_apply(const struct event *e, uint64_t *value)
{
	bool there = *value != 0;

	if (e->status == HAMT_NOMEM)
		return true;
	switch (e->call) {
	case CALL_GET:
		return e->status == (there ? HAMT_OK : HAMT_ABSENT) && e->seen == *value;
	case CALL_INSERT:
		if (e->status != (there ? HAMT_EXISTS : HAMT_OK))
			return false;
		*value = there ? *value : e->put;
		return true;
	case CALL_UPSERT:
		if (e->status != (there ? HAMT_EXISTS : HAMT_OK) || (there && e->seen != *value))
			return false;
		*value = e->put;
		return true;
	case CALL_REMOVE:
		if (e->status != (there ? HAMT_OK : HAMT_ABSENT) || (there && e->seen != *value))
			return false;
		*value = 0;
		return true;
	case CALL_REPLACE:
	case CALL_REMOVE_IF:
		if (e->status != (!there ? HAMT_ABSENT : *value == e->expected ? HAMT_OK : HAMT_MISMATCH))
			return false;
		if (e->status == HAMT_OK)
			*value = e->call == CALL_REPLACE ? e->put : 0;
		return true;
	case CALL_COMPUTE:
		if (e->status != HAMT_OK || e->seen != *value)
			return false;
		*value = e->put;
		return true;
	case CALL_CLEAR:
		*value = 0;
		return true;
	case CALLS:
		break;
	}
	return false;
}

/* history_goes_on - is there an order of the events not yet in `done` that explains them all? */
static inline bool
history_goes_on(const struct event *e, unsigned count, uint32_t done, uint64_t value)
{
	uint64_t first_end = UINT64_MAX;

	if (done == (UINT32_C(1) << count) - 1)
		return true;
	for (unsigned i = 0; i < count; i++)
		if (!(done >> i & 1) && e[i].ended < first_end)
			first_end = e[i].ended;
	for (unsigned i = 0; i < count; i++) {
		uint64_t after = value;

		/* Nobody that began after another's end may come before it. */
		if (done >> i & 1 || e[i].began > first_end)
			continue;
		if (history_apply(&e[i], &after) &&
		    history_goes_on(e, count, done | UINT32_C(1) << i, after))
			return true;
		/* A clear that found no memory may have come as far as this key. */
		if (e[i].call == CALL_CLEAR && e[i].status == HAMT_NOMEM && value != 0 &&
		    history_goes_on(e, count, done | UINT32_C(1) << i, 0))
			return true;
	}
	return false;
}

/* history_explained - what was seen of the key, absent at first. */
static inline bool
history_explained(const struct history *h, unsigned key)
{
	return history_goes_on(h->event[key], h->events[key], 0, 0);
}

static inline void
history_print(const struct history *h, unsigned key)
{
	static const char *const names[CALLS] = { "get", "insert", "upsert", "remove", "replace", "remove_if",
		"compute", "clear" };

	for (unsigned i = 0; i < h->events[key]; i++) {
		const struct event *e = &h->event[key][i];

		fprintf(stderr, "# key %u: %5llu .. %5llu %s put %llu, expected %llu: status %d, saw %llu\n", key,
		    (unsigned long long)e->began, (unsigned long long)e->ended, names[e->call],
		    (unsigned long long)e->put, (unsigned long long)e->expected, (int)e->status,
		    (unsigned long long)e->seen);
	}
}

#endif
