/*
 * history.h - who asked a map for what, when, and what it said: the record that
 * linearize.h judges. Three parts: events in memory, a recorder that many threads
 * write at once, and a file.
 *
 * Times are of any one clock that all threads share, in ns when they are to be
 * printed. An operation took effect at some moment of [begin, end]; whoever takes the
 * times must see to it that this is so (history_begin_ns(), history_end_ns()).
 */
#ifndef HARNESS_HISTORY_H
#define HARNESS_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "harness/clock.h"
#include "harness/plugin.h"
#include "harness/record.h"

/* The numbers are those in files: none may change. */
enum history_op {
	HISTORY_GET, HISTORY_INSERT, HISTORY_UPSERT, HISTORY_REMOVE, HISTORY_REPLACE, HISTORY_MODIFY,
	HISTORY_REPLACE_IF, /* compare and replace: out is the value expected */
	HISTORY_REMOVE_IF,  /* compare and remove */
	HISTORY_EACH,       /* an iteration, as far as one key is concerned */
	HISTORY_OPS
};

enum history_answer {
	HISTORY_MISS, HISTORY_HIT, /* as OP_MISS and OP_HIT */
	HISTORY_NOMEM,             /* it did nothing */
	HISTORY_TWICE,             /* EACH: the key was visited more than once */
	HISTORY_NONSENSE,          /* an answer that is none; never legal */
	HISTORY_ANSWERS
};

/* "get" ... "iteration". */
extern const char *const history_op_names[HISTORY_OPS];

/* end of an operation that has not returned: it may have taken effect, or may yet, or never. */
#define HISTORY_OPEN UINT64_MAX

/*
 * Values are not 0: 0 says absent.
 *             in            out
 * get         -             HIT: the value
 * insert      the new one   -
 * upsert      the new one   HIT: the former value
 * remove      -             HIT: the former value
 * replace     the new one   HIT: the former value
 * modify      what is added HIT: the former value; see op_modified()
 * replace_if  the new one   the value expected, whatever the answer
 * remove_if   -             the value expected, whatever the answer
 * iteration   -             HIT: the value
 */
struct history_event {
	uint64_t begin, end;
	uint64_t key, in, out;
	uint32_t thread;
	uint8_t op;      /* enum history_op */
	uint8_t answer;  /* enum history_answer; of no meaning if end is HISTORY_OPEN */
	uint16_t unused;
};

struct history_pair {
	uint64_t key, value;
};

struct history { /* all zero is one without events */
	struct history_event *event;     /* in any order; quickest to check when each thread's are in theirs */
	size_t events, event_room;
	struct history_pair *first;      /* what the map held before all events; other keys were absent */
	size_t firsts, first_room;
	char *about;                     /* one JSON object for the file, NULL = none */
};

/*
 * history_append - one more event.
 * Returns   false: no memory, and the history is as it was.
 * Misuse    an event that cannot be (op or answer out of range, begin > end, a value of 0
 *           where one is put or expected) aborts.
 */
bool history_append(struct history *h, const struct history_event *event) MUST_USE;

/* history_first - before all events key was mapped to value. False: no memory. */
bool history_first(struct history *h, uint64_t key, uint64_t value) MUST_USE;

/* history_event_fault - what is wrong with an event, NULL = nothing: a static text. */
const char *history_event_fault(const struct history_event *event);

void history_clear(struct history *h); /* no events, first pairs or about; keeps the memory */
void history_free(struct history *h);

/* ---- Taking times ---- */

/*
 * history_begin_ns - the time before an operation: nothing of the operation happens before it.
 * history_end_ns - the time after it: all of it has happened, for all processors. The
 * operation's last store may still wait in the processor's store buffer (a release store, as
 * of an unlocked lock or of an array's cell, needs no more); it is made visible first, else
 * a later get elsewhere could rightly miss what has returned here.
 */
static inline uint64_t
history_begin_ns(const struct clock *c)
{
	uint64_t now_ns = clock_now_ns(c);

#if defined(__x86_64__) || defined(__i386__)
	/* clock_gettime() holds back what is before its reading, not what comes after. */
	__asm__ volatile("lfence" : : : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("isb" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
	return now_ns;
}

static inline uint64_t
history_end_ns(const struct clock *c)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("mfence" : : : "memory");
#elif defined(__aarch64__)
	/* dmb would order the store among memory accesses; the counter is none. */
	__asm__ volatile("dsb ish; isb" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
	return clock_now_ns(c);
}

/* ---- The recorder ---- */

/*
 * Room for the events of one trial, taken in chunks by the threads: one atomic addition
 * for 1024 events. When as many as asked for are there, the trial is told to stop; there
 * is room for what comes until all threads have seen it. A thread that finds none cuts the history
 * at that moment: what had returned by then is kept, what had not counts as HISTORY_OPEN.
 */
struct history_recorder; /* history_recorder_new() */

struct history_log { /* one thread's; its owner writes */
	struct history_event *at, *end; /* of the chunk in use */
	struct history_recorder *recorder;
	uint32_t thread;
	uint64_t cut;                   /* when the first event was lost; HISTORY_OPEN = none was */
};

/* history_recorder_new - room for `events` and some more. NULL = no memory. */
struct history_recorder *history_recorder_new(uint64_t events, unsigned threads) MUST_USE;
void history_recorder_free(struct history_recorder *r); /* NULL is allowed */

/* history_recorder_begin - empty it for a trial. When the events are there, *stop becomes true. Before the threads start. */
void history_recorder_begin(struct history_recorder *r, _Atomic(bool) *stop);

/* history_recorder_log - the log of thread number `thread` < threads. */
struct history_log *history_recorder_log(struct history_recorder *r, unsigned thread);

/*
 * history_recorder_first - history_first() for the trial. Before the first event.
 * history_recorder_last - what the map held after all events, pair by pair, then the end of
 * that: a key not named was absent, one named twice is HISTORY_TWICE. Becomes an iteration after all events.
 * After the last event. Without it the state at the end is not judged.
 * False: no memory.
 */
bool history_recorder_first(struct history_recorder *r, uint64_t key, uint64_t value) MUST_USE;
bool history_recorder_last(struct history_recorder *r, uint64_t key, uint64_t value) MUST_USE;
void history_recorder_last_end(struct history_recorder *r, uint64_t now_ns);

/*
 * history_recorder_take - the trial's events, thread by thread. After the threads were joined.
 * Returns   the history, the recorder's until the next begin; NULL = no memory. *cut: events were lost.
 */
struct history *history_recorder_take(struct history_recorder *r, bool *cut) MUST_USE;

/* history_recorder_events - how many there are so far, roughly. Any thread. */
uint64_t history_recorder_events(const struct history_recorder *r);

/* history_log_more - another chunk. False: there is none; the history is cut at begin. */
bool history_log_more(struct history_log *log, uint64_t begin);

/* history_log_add - one more event; its thread is the log's. */
static inline void
history_log_add(struct history_log *log, struct history_event event)
{
	event.thread = log->thread;
	if (LIKELY(log->at < log->end) || history_log_more(log, event.begin))
		*log->at++ = event;
}

/* ---- The file ---- */

/*
 * Little-endian. "hamthist", u32 version (1), u32 bytes of the text, u64 check of the text, the
 * text: one JSON object, `about` ("subject", "workload", "threads", "seed", "clock", "command" ...). Then blocks:
 *
 *	u32 kind     0 the end: count is the number of events and first pairs in all, no payload
 *	             1 first pairs: count times key, value
 *	             2 events of one thread, in its order
 *	u32 thread   of kind 2
 *	u64 count, u64 bytes of the payload, u64 check of the payload, the payload
 *
 * A check is the XXH3 of what it is of, with the XXH3 of what lies before the check in its head as seed.
 *
 * Payloads are made of varints (7 bits a byte, low ones first, the high bit says that more
 * follow) and raw bytes. A value that encodes its key (worker.h) is stored as its low byte:
 *
 *	event   byte   op | answer << 4
 *	        byte   form of in | form of out << 2 | open << 4
 *	        varint begin - end of the event before it in this block, in zigzag (0 -1 1 -2 ...)
 *	        varint end - begin, unless open; of an open event the next one's is taken from its begin
 *	        varint key
 *	        in, out by form: 0 it is 0; 1 (key + 1) << 8 | the byte that follows; 2 a varint
 *	pair    byte   form of the value; varint key; value by form
 *
 * About 11 bytes an event.
 */

/* history_about - what a file should say of a trial: JSON text for free(). command: what records it again. NULL = no memory. */
char *history_about(const struct record *record, const char *clock, const char *command) MUST_USE;

/* history_write - into a new file. False and one line in error: path exists already (it is left alone), cannot be written. */
bool history_write(const struct history *h, const char *path, char *error, size_t size) MUST_USE;

/*
 * history_read - add what a file holds to an empty history.
 * Returns   true; false and one line in error, h is empty: no such file, no history, another version,
 *           cut off, changed (a check differs), an event that cannot be, no memory.
 */
bool history_read(struct history *h, const char *path, char *error, size_t size) MUST_USE;

#endif
