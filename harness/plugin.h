/*
 * plugin.h - the whole contract between hamtbench and what it loads: maps
 * under test (struct subject) and load drivers (struct workload).
 *
 * A plug-in is a shared object that defines one const table:
 *
 *	const struct subject hamtbench_subject = { .version = PLUGIN_VERSION, ... };
 *	const struct workload hamtbench_workload = { .version = PLUGIN_VERSION, ... };
 *
 * The built-in ones come in through the same door as a user's own: put
 * mymap.c into workloads/subjects/ and say make, or name a file: --subject
 * ./mymap.so. A hook that may be NULL says so. Every text is UTF-8, static.
 *
 * A trial, hook by hook (main = the main thread, worker = each worker thread,
 * pinned; worker hooks run on all workers at once):
 *
 *	main    workload.plan, workload.setup, subject.create
 *	worker  subject.attach, workload.begin
 *	worker  workload.prefill        then subject.flush
 *	worker  workload.loop           warm-up (not for fixed work)
 *	main    subject.attach, subject.each, subject.detach: with --history and check only
 *	worker  workload.loop           measured
 *	worker  workload.end, subject.pause
 *	main    subject.stats, subject.pending, subject.attach, subject.each,
 *	        subject.check, workload.verify, subject.detach
 *	worker  subject.resume, subject.detach
 *	main    subject.destroy, workload.teardown
 *
 * While a worker waits for the others inside the harness, it has called
 * subject.pause; it calls subject.resume before it goes on.
 *
 * A workload may make a thread end in the middle (worker_die()). Then main,
 * after the other workers are gone, calls subject.release if the thread was
 * inside a read, workload.end and subject.detach in its place.
 */
#ifndef HARNESS_PLUGIN_H
#define HARNESS_PLUGIN_H

#include "core/base.h"

/* Raised with every change of what is below; another version is refused. */
#define PLUGIN_VERSION 4u

struct worker; /* harness/worker.h */

/* Operations */

enum op {
	OP_GET, OP_INSERT, OP_UPSERT, OP_REMOVE, OP_REPLACE, OP_MODIFY, /* on one key */
	OP_GET_MANY, OP_SCAN,                                           /* on several */
	OP_COUNT
};

#define OP_KEYED OP_GET_MANY /* how many are on one key: the first ones */
#define OP_BIT(op) (1u << (op))

/* "get", "insert" ... "get_many", "scan"; in the binary. */
extern const char *const op_names[OP_COUNT];

/*
 * What an operation did.
 *          OP_HIT                               OP_MISS
 * get      found, *value = its value            absent
 * insert   was absent, is now mapped to *value  already mapped, unchanged
 * upsert   replaced, *value = the former value  was absent, is now mapped to *value
 * remove   removed, *value = the former value   absent
 * replace  replaced, *value = the former value  absent, unchanged
 * modify   is now mapped to op_modified(former, absent, unchanged
 *          *value), *value = the former value
 * modify is one atomic step: no other update comes between its reading and its writing.
 * OP_NOMEM: no memory, the map is as it was; it fails the trial.
 */
enum op_result { OP_MISS, OP_HIT, OP_NOMEM, OP_RESULT_COUNT };

/* value is in, out or both, as the table says; get and remove find 0 in it. */
typedef enum op_result op_fn(void *handle, uint64_t key, uint64_t *value);

/* What modify makes of a value: its low byte grows by that of `by`. It still encodes its key. */
static inline uint64_t
op_modified(uint64_t former, uint64_t by)
{
	return (former & ~UINT64_C(0xff)) | ((former + by) & 0xff);
}

/*
 * get_many: look up n keys. Each is looked up at some moment during the call.
 * Returns how many were found; found[i], and then values[i]; both find 0 in them.
 */
typedef size_t op_get_many_fn(void *handle, const uint64_t keys[], uint64_t values[], bool found[], size_t n);

/*
 * scan: at most n pairs (n > 0), from the place of key `from` on, which need not be mapped,
 * in the map's own order: help says which (a hash map's is that of its hashes). Each pair is of some
 * moment during the call; a key that is mapped throughout is not left out, and none is shown
 * twice. A `from` that is mapped throughout is among the first 64. Returns how many; fewer
 * than n: the end of the order was met.
 */
typedef size_t op_scan_fn(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n);

/* extend: upsert n pairs, in their order. Returns how many of the first ones are in the map by this call; fewer than n: no memory. */
typedef size_t op_extend_fn(void *handle, const uint64_t keys[], const uint64_t values[], size_t n);

/* Options of a plug-in. They become long options of the command line. */

enum option_type {
	OPTION_COUNT,   /* a whole number with K, M, G (powers of 1000) or Ki, Mi, Gi */
	OPTION_TIME,    /* a time with a unit ns, us, ms or s; held in ns */
	OPTION_TEXT,    /* any text that .check accepts */
	OPTION_FLAG,    /* present or not; default not */
};

struct plugin_option {
	const char *name;            /* long, without dashes; NULL ends the list */
	char letter;                 /* short, or 0 */
	enum option_type type;
	const char *initial;         /* the default, as text; NULL: unset (flags: off) */
	const char *meta;            /* what --help calls the value, e.g. "N" */
	const char *help;            /* with range and unit */
	uint64_t least, most;        /* OPTION_COUNT, OPTION_TIME: the range; most 0 = no limit */
	/* OPTION_TEXT: is it well formed? Writes its canonical form to canonical, or
	 * false and one line in error. NULL accepts anything. */
	bool (*check)(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size);
	/* OPTION_TEXT: show each form that the text may take, and what it means. May be NULL. */
	void (*forms)(void (*show)(const char *form, const char *help));
	/* OPTION_TEXT: values that differ in kind, i = 0, 1 ..., NULL behind the last. `hamtbench list
	 * axes` shows them, and sweeps span them. NULL: the option is no axis. */
	const char *(*choice)(size_t i);
};

/* Values for the options of one plug-in, checked already. Asking for a name
 * that the plug-in did not declare, or by another type, is misuse and aborts. */
struct option_values;
uint64_t option_count(const struct option_values *values, const char *name);
uint64_t option_time_ns(const struct option_values *values, const char *name);
const char *option_text(const struct option_values *values, const char *name); /* NULL: unset */
bool option_flag(const struct option_values *values, const char *name);
bool option_is_set(const struct option_values *values, const char *name); /* given, or has a default */

/* Byte strings */

struct byte_string {
	const void *data;    /* may be NULL if bytes == 0 */
	size_t bytes;
};

/*
 * What keys are called where they are byte strings (SUBJECT_BYTES). Workloads deal in numbers all the same;
 * no two numbers have the same name. harness/bytes.h has the names that options ask for, and what adapters need.
 */
struct key_names {
	/* any thread: the name of key, which is below subject_params.keys. It is made in scratch, which has
	 * room for scratch_bytes, or lies elsewhere, and then stays until the map is destroyed. */
	struct byte_string (*name)(const struct key_names *names, uint64_t key, unsigned char *scratch);
	size_t scratch_bytes;
};

/* Subjects */

struct subject_params {
	uint64_t keys;       /* every key used is below; the size of the key range */
	uint64_t size;       /* keys that the map may be expected to hold: for tables that are sized in advance */
	uint64_t first;      /* and those that it will hold at first: more come later, and a map that can grow is to begin
	                        with room for these; else the same as size */
	unsigned threads;    /* workers; handles exist for one thread more: main */
	uint64_t seed;
	const struct option_values *options;
	/* SUBJECT_BYTES only: the names of its keys, until the map is destroyed, and the size of every value. */
	const struct key_names *names;
	size_t value_bytes;
	/* For reclaimer threads of the subject's own; the workers' probes come
	 * with attach. Called by one thread at a time. */
	struct reclaim_probe background;
};

/* Sums over all threads since create. A subject that never frees has freed 0;
 * one that frees at once has retired == freed. */
struct reclaim_stats {
	uint64_t retired, freed;               /* objects */
	uint64_t retired_bytes, freed_bytes;   /* 0: not known */
	uint64_t scans, examined, blocked;     /* 0: the scheme has none */
	uint64_t bound;                        /* most objects that can be pending; 0: no bound */
};

#define SUBJECT_EMPTY (1u << 0)         /* holds nothing: contents are not validated (null) */
#define SUBJECT_SINGLE_WRITER (1u << 1) /* updates are serialised by the adapter; list says so */
#define SUBJECT_LEAKS (1u << 2)         /* by design (reclaimer none): retired is never freed before destroy */
#define SUBJECT_OWN_DETACH (1u << 3)    /* a handle can be detached by no thread but its own */
#define SUBJECT_POOL (1u << 4)          /* a stack or queue: insert always adds one more, remove takes out any key,
                                           which *value tells; for workloads that call worker_take() */
#define SUBJECT_EACH_LIVE (1u << 5)     /* each may run while workers update: a key mapped throughout is visited once */
#define SUBJECT_WRONG (1u << 6)         /* known to break a rule of its operations, as help says: measured only if named */
#define SUBJECT_PRESIZED (1u << 7)      /* sized once, for params.size keys, and does not grow; unless an option
                                           "resize" of its own says something but "off" */
#define SUBJECT_BYTES (1u << 8)         /* its keys and values are byte strings, made of the numbers that operations
                                           name (harness/bytes.h); it gets the options for their sizes by itself */

/* Sums over all threads since create: how compare-and-swaps failed, and what was done about it. */
struct cas_stats {
	uint64_t failed;
	uint64_t waited_ns;          /* what contention management waited, by its own reckoning */
	uint64_t expired;            /* of its waits for other threads: those that ended with their bound */
};

struct subject {
	uint32_t version;            /* PLUGIN_VERSION */
	const char *name;            /* as in --subject; letters, digits, dashes */
	const char *help;            /* one line, adapter costs included */
	const char *reclaimer;       /* "hp", "qsbr", "none", ...; an option named "reclaim" overrides it in the record */
	const char *progress;        /* "lock-free", "blocking", ... */
	uint32_t flags;              /* SUBJECT_... */
	const struct plugin_option *options;  /* may be NULL */
	/* main, before anything runs; no side effects. Which build of the subject these options ask for:
	 * SUFFIX, the plug-in NAME-SUFFIX.so beside this one, which has the same options; NULL: this
	 * one. It is that one that is measured and recorded. May be NULL. */
	const char *(*variant)(const struct option_values *options);

	/* main, once a trial. NULL and one line in error: the trial fails. */
	void *(*create)(const struct subject_params *params, char *error, size_t error_size);
	/* main, after all handles are detached: frees everything. *last gets the totals
	 * after that; retired must equal freed. */
	void (*destroy)(void *map, struct reclaim_stats *last);
	/* worker (thread = 0 .. threads - 1) and main (thread = threads). probe outlives
	 * the handle; its functions are NULL where nothing is to be stamped. NULL: no memory. */
	void *(*attach)(void *map, unsigned thread, const struct reclaim_probe *probe);
	void (*detach)(void *handle);
	/* worker: about to block outside the map, and back. May be NULL. */
	void (*pause)(void *handle);
	void (*resume)(void *handle);
	/* worker, between prefill and the rest: reclaim what can be. May be NULL. */
	void (*flush)(void *handle);

	/* worker; a missing operation is NULL, and a workload that needs it refuses. */
	op_fn *get, *insert, *upsert, *remove, *replace, *modify;
	op_get_many_fn *get_many;
	op_scan_fn *scan;
	op_extend_fn *extend;

	/* worker: enter a read of key and stay in it, as a reader does that is preempted in the
	 * middle of a get, with whatever the scheme protects for it. Then no other hook runs on
	 * the handle but release, by the same thread. False: the key is absent, nothing is held.
	 * hold NULL: the subject cannot; a workload that needs it refuses. */
	bool (*hold)(void *handle, uint64_t key);
	void (*release)(void *handle);               /* with hold */

	/* worker: how many calls with this handle have resized the map, helped with it or waited for it: tells
	 * why a call took long. Called around calls that are timed. May be NULL. */
	uint64_t (*resizings)(void *handle);

	/* any thread, any time. May be NULL: then nothing is ever retired. */
	void (*stats)(void *map, struct reclaim_stats *stats);
	/* any thread, any time. May be NULL: then how often a compare-and-swap failed stays unknown. */
	void (*cas_stats)(void *map, struct cas_stats *stats);
	/* main, workers paused: visit stamped objects not freed yet. NULL: how long
	 * objects waited that are not free at the end stays unknown. */
	void (*pending)(void *map, void (*visit)(void *arg, uint64_t retired_at_ns), void *arg);
	/* main, workers paused (or not: SUBJECT_EACH_LIVE): visit every pair once. NULL only with SUBJECT_EMPTY. */
	void (*each)(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg);
	/* main, workers paused: is the structure sound? May be NULL. */
	bool (*check)(void *handle, char *error, size_t error_size);
};

/* Workloads */

#define PLAN_PHASES 16
#define PLAN_PHASE_NAME 32 /* room for the name of one */

/* For plan.needs, beside OP_BIT()s. */
#define NEEDS_EXTEND (1u << 29)      /* subject.extend */
#define NEEDS_HOLD (1u << 30)        /* subject.hold */
#define NEEDS_LATE_DETACH (1u << 31) /* not SUBJECT_OWN_DETACH */

/* What a workload will do, decided before anything runs. */
struct plan {
	bool pool;                    /* set before plan(): the subject is a SUBJECT_POOL */
	unsigned readers;             /* set before plan(): threads below it are readers, the others writers; 0: no roles */
	bool roles;                   /* readers and writers do different things: else a plan with readers is refused */
	bool takes;                   /* it calls worker_take(), not remove: else a pool is refused */
	uint64_t keys;                /* the size of the key range */
	uint64_t room;                /* beyond it: keys up to keys + room may be put in as well */
	unsigned needs;               /* OP_BIT()s the subject must have, NEEDS_... */
	uint64_t prefill;             /* keys the map will hold when prefill is done */
	uint64_t size;                /* and later, about; 0: half of the range, or prefill if that is more */
	bool grows;                   /* from prefill to size: a map that can grow is to begin with room for no more than prefill */
	bool pauses;                  /* it is about the longest calls: all are timed, unless --latency-sample says otherwise */
	char variant[32];             /* of the workload, for titles: "a" gives ycsb:a; "" = it has none */
	char dist[160], mix[160];     /* for the columns of that name; "" = has none */
	bool named;                   /* keys have names of the workload's own, where a subject has use for them */
	bool fixed_work;              /* the loop ends by itself: no warm-up, and --duration does not apply */
	unsigned phases;              /* of the measured loop; 0 means 1 */
	char phase[PLAN_PHASES][PLAN_PHASE_NAME];
	bool stalls;                  /* threads are parked by worker_park(): the phases are before the first
	                                 stall, during stalls, after; .phases stays 0 */
};

struct workload_params {
	const struct option_values *options;
	const struct plan *plan;
	unsigned threads;
	uint64_t seed;                /* same seed, same operations per thread */
};

struct workload {
	uint32_t version;            /* PLUGIN_VERSION */
	const char *name;
	const char *help;            /* one line */
	const struct plugin_option *options; /* may be NULL */

	/* main, before anything runs; no side effects. False and one line in error:
	 * the options do not fit together (exit status 2). */
	bool (*plan)(const struct option_values *options, unsigned threads, struct plan *plan,
	    char *error, size_t error_size);
	/* main, once a trial: shared state (may be NULL if setup is NULL). NULL and
	 * one line in error: the trial fails. */
	void *(*setup)(const struct workload_params *params, char *error, size_t error_size);
	void (*teardown)(void *state);                 /* with setup */
	/* main, between setup and the subject's create, if plan.named and the subject is a SUBJECT_BYTES: the names
	 * of its keys, valid until teardown. May be NULL if plan.named is never set. */
	const struct key_names *(*names)(void *state);
	/* worker; worker->state is what setup returned, worker->local is the hook's own. */
	bool (*begin)(struct worker *worker);          /* false: no memory. May be NULL */
	void (*end)(struct worker *worker);            /* with begin */
	void (*prefill)(struct worker *worker);        /* may be NULL */
	void (*loop)(struct worker *worker);           /* until worker_done(), or the work is done */
	/* main, workers paused; handle is main's. False and one line in error: the trial
	 * is not valid. May be NULL: the harness's own validation always runs. */
	bool (*verify)(void *state, const struct subject *subject, void *handle, char *error, size_t error_size);
};

#endif
