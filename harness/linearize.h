/*
 * linearize.h - is there an order of the operations that explains all answers?
 *
 * Linearizable (Herlihy and Wing 1990, Linearizability: a correctness condition for
 * concurrent objects): each operation took effect at one moment between its call
 * and its return. A map's keys are independent, and linearizability is local (their
 * Theorem 1), so each key is judged by itself. The search is Wing and Gong's (1993,
 * Testing and verifying concurrent objects) with Lowe's memory of what was seen (2017, Testing for
 * linearizability), turned into a sweep over time: see linearize.c.
 *
 * An iteration is judged key by key as well, each as a get that lasts as long as the whole
 * iteration: a key mapped throughout must have been visited, with a value that it had meanwhile;
 * one absent throughout must not; one visited twice must have been absent in between.
 *
 *	struct history h = { 0 };
 *	struct linearize_result result;
 *	... history_append(&h, &event) ...
 *	if (linearize_check(&h, NULL, &result) && result.verdict != LINEARIZE_OK)
 *		linearize_print(stderr, &result);
 *	linearize_result_free(&result);
 *
 * Threads: any number at once, each with its own history and result.
 */
#ifndef HARNESS_LINEARIZE_H
#define HARNESS_LINEARIZE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base.h"
#include "harness/history.h"

/* Operations on one key that can be under way at once; a history with more is not judged. */
#define LINEARIZE_OPEN_MAX 64
#define LINEARIZE_LIMIT UINT64_C(1000000)

enum linearize_verdict {
	LINEARIZE_OK,
	LINEARIZE_ILLEGAL, /* no order explains the answers */
	LINEARIZE_UNKNOWN, /* not decided: why says which limit was reached */
};

struct linearize_options { /* all zero is the default */
	uint64_t limit;    /* configurations kept at a time for one key; 0: LINEARIZE_LIMIT */
	uint64_t skew_ns;  /* two clocks may differ by so much: intervals are wider by it on both sides */
	/* Now and then, with the share done; may be NULL. */
	void (*tick)(void *arg, double done_share);
	void *tick_arg;
	const volatile sig_atomic_t *interrupted; /* may be NULL: end soon, the verdict is then UNKNOWN */
};

#define LINEARIZE_VALUES 8 /* values a key may have had at the beginning of a window */

/*
 * The smallest part found of a history that has no explanation, whatever came before and after it. Operations
 * that only look, and without which it still has none, are left out.
 */
struct linearize_window {
	uint64_t key;
	struct history_event *event;   /* by begin */
	size_t events;
	bool *beside;                  /* of each: it proves nothing, but was an update at the culprit's time */
	size_t culprit;                /* the one whose return nothing explains */
	/* What the key may have been mapped to at the time `from`, before which nothing matters but that
	 * updates may be under way; 0: absent. */
	uint64_t from, value[LINEARIZE_VALUES];
	unsigned values;
	/* Only whether the key is absent, mapped to `about`, or mapped to something else matters here. */
	bool coarse;
	uint64_t about;                /* 0: no value matters */
	/* Where the value came from that the culprit returned, and what became of it: before the window. If the
	 * culprit found the key absent: who had last mapped it. */
	bool has_source, has_end;
	struct history_event source, end;
	/* It has no explanation either if clocks differ by up to this; the largest such skew found. */
	uint64_t margin_ns;
};

struct linearize_result {
	enum linearize_verdict verdict;
	uint64_t operations;           /* judged */
	uint64_t keys;
	uint64_t illegal_keys, unknown_keys;
	uint64_t key;                  /* the illegal or else undecided one that is shown */
	uint64_t most;                 /* configurations that were kept at a time */
	uint64_t cpu_ns;               /* processor time of the check, sorting included */
	char why[160];                 /* UNKNOWN: the limit; one line */
	struct linearize_window window; /* ILLEGAL */
	struct history witness;        /* ILLEGAL: all of that key's events, up to the one that nothing explains; it can be written */
};

/*
 * linearize_check - judge a history, which stays as it is.
 * options   NULL: all zero.
 * Returns   true and *result, for linearize_result_free(); false: no memory, nothing is owed.
 */
bool linearize_check(const struct history *h, const struct linearize_options *options,
    struct linearize_result *result) MUST_USE;
void linearize_result_free(struct linearize_result *result);

/* linearize_print - the verdict for people; an illegal window as a picture of intervals. */
void linearize_print(FILE *out, const struct linearize_result *result);

#endif
