/*
 * runner.c - one trial. All threads move in step through gates; between two
 * gates only one side works: the workers, or the main thread.
 *
 * What a worker writes in plain fields the main thread reads only after a
 * gate's mutex has ordered the two. What is read meanwhile is atomic.
 */
#include "harness/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness/bytes.h"
#include "harness/counters.h"
#include "harness/history.h"
#include "harness/plugins.h"
#include "harness/worker.h"

/* How often main looks around while it waits. */
#define TICK_NS 10000000u
#define TICKS_PER_REPORT 10u
#define NS_PER_S 1000000000u
/* The slowest map takes less to build, walk or free a key. */
#define ALARM_NS_PER_KEY 5000u
/* How many keys validation looks up: of those in the map, and of all. */
#define LOOKUPS_MOST (UINT64_C(1) << 18)
/* Up to here a bitmap of the key range is affordable: 32 MB. */
#define BITMAP_KEYS_MAX (UINT64_C(1) << 28)

/* A point that all workers reach, and leave when main (or the last of them) opens it. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t all_here, open;
	pthread_cond_t stopped;  /* the stop flag was raised */
	unsigned waiting, generation;
	bool leave;              /* it was opened for leaving */
	unsigned between;        /* of those that wait: in worker_phase(), for the next phase */
	unsigned dead;           /* workers that ended without leaving: nobody waits for them */
};

/* A time that a worker was parked inside a read, and the garbage at both ends. */
struct park {
	uint64_t begin_ns, end_ns, begin_pending, end_pending;
	bool cut;                /* it was still parked when the loop was to end */
};

/* Parks of a thread that are remembered one by one. */
#define PARKS_MOST 1000u

struct runner;

/* jemalloc's, where it is linked. */
extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes) __attribute__((weak));

struct seat { /* one worker and what main knows of it */
	struct worker worker;
	struct runner *runner;
	pthread_t thread;
	bool started;
	const struct placement *placement;
	struct reclaim_probe probe;
	uint64_t cpu_ns;         /* processor time of the measured loop */
	struct counters counters; /* of the measured loop */
	struct park *park;       /* PARKS_MOST of them; NULL: the plan has no stalls */
	unsigned parks;
	bool dead, held;         /* it ended without leaving; inside a read */
	void *stack;             /* of its own, guard page included; NULL: the C library's */
	size_t stack_bytes;
	/* The watchdog's memory. */
	uint64_t seen_calls, seen_at_ns;
	unsigned seen_stage;
	char error[256];         /* why this worker could not take part; "" = it could */
};

struct runner {
	const struct trial_request *request;
	void *map;
	void *state;             /* the workload's */
	struct gate gate;
	struct seat *seat;
	struct histogram *response;  /* OP_COUNT for each worker; NULL: closed loop */
	struct histogram background; /* retire to free, on the subject's own threads */
	uint64_t start_ns;       /* the common start; set before the gate opens */
	uint64_t phase_start_ns[PLAN_PHASES];
	CACHE_ALIGNED _Atomic(bool) stop;
	_Atomic(bool) ending;    /* no further stage: leave at the next gate */
	_Atomic(bool) recording; /* probes count: the measured part */
};

static const char *const stage_names[] = {
	[STAGE_STARTING] = "start", [STAGE_PREFILL] = "prefill", [STAGE_WARM_UP] = "warm-up",
	[STAGE_MEASURE] = "measure", [STAGE_WAITING] = "wait", [STAGE_PARKED] = "park", [STAGE_ENDED] = "end",
};

/* ---- Counters: relaxed throughout, they are counts under way or long at rest ---- */

static uint64_t
count_of(const struct worker *w, enum op op, unsigned result)
{
	return atomic_load_explicit(&w->count[op][result], memory_order_relaxed);
}

static uint64_t
worker_calls(const struct worker *w)
{
	uint64_t calls = 0;

	for (unsigned op = 0; op < OP_COUNT; op++)
		for (unsigned result = 0; result < WORKER_RESULTS; result++)
			calls += count_of(w, op, result);
	return calls;
}

/* Keys that this worker put in less those that it took out, since the start. */
static uint64_t
worker_size(const struct worker *w)
{
	uint64_t size = w->net_before;

	for (unsigned op = 0; op < OP_KEYED; op++)
		for (unsigned result = 0; result < WORKER_RESULTS; result++)
			size += (uint64_t)(int64_t)worker_net_of[op][result] * count_of(w, op, result);
	return size;
}

static uint64_t
worker_no_memory(const struct worker *w)
{
	uint64_t calls = w->no_memory_before;

	for (unsigned op = 0; op < OP_COUNT; op++)
		calls += count_of(w, op, OP_NOMEM);
	return calls;
}

/* ---- Gates ---- */

static void
gate_init(struct gate *g)
{
	pthread_condattr_t attr;

	/* Deadlines are on CLOCK_MONOTONIC, which no one sets back. */
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->all_here, &attr);
	pthread_cond_init(&g->open, &attr);
	pthread_cond_init(&g->stopped, &attr);
	pthread_condattr_destroy(&attr);
	g->waiting = g->between = g->generation = g->dead = 0;
	g->leave = false;
}

static void
gate_destroy(struct gate *g)
{
	pthread_mutex_destroy(&g->lock);
	pthread_cond_destroy(&g->all_here);
	pthread_cond_destroy(&g->open);
	pthread_cond_destroy(&g->stopped);
}

/* Is everybody at the gate who can still come? gate.lock is held. */
static bool
gate_full(const struct gate *g, unsigned threads)
{
	return g->waiting + g->dead >= threads;
}

static void
stage_set(struct worker *w, enum worker_stage stage)
{
	/* relaxed: for the watchdog. */
	atomic_store_explicit(&w->stage, stage, memory_order_relaxed);
}

static bool
runner_ending(const struct runner *r)
{
	/* acquire: pairs with the release in runner_end(). */
	return atomic_load_explicit(&r->ending, memory_order_acquire);
}

/*
 * A worker waits until main opens the gate. Returns false if the trial was being ended by then:
 * not if it is by the time the worker wakes up, for then main already waits for all of them at the next gate.
 */
static bool
gate_wait(struct seat *s)
{
	struct runner *r = s->runner;
	struct gate *g = &r->gate;
	const struct subject *subject = r->request->subject;
	unsigned generation;
	bool leave;

	if (s->worker.handle != NULL && subject->pause != NULL)
		subject->pause(s->worker.handle);
	stage_set(&s->worker, STAGE_WAITING);
	pthread_mutex_lock(&g->lock);
	generation = g->generation;
	g->waiting++;
	if (gate_full(g, r->request->threads))
		pthread_cond_signal(&g->all_here);
	while (g->generation == generation)
		pthread_cond_wait(&g->open, &g->lock);
	leave = g->leave;
	pthread_mutex_unlock(&g->lock);
	if (s->worker.handle != NULL && subject->resume != NULL)
		subject->resume(s->worker.handle);
	return !leave;
}

/* gate.lock is held. */
static void
gate_open(struct gate *g, bool leave)
{
	g->waiting = g->between = 0;
	g->leave = leave;
	g->generation++;
	pthread_cond_broadcast(&g->open);
}

bool
worker_phase(struct worker *w)
{
	struct seat *s = w->runner;
	struct runner *r = s->runner;
	struct gate *g = &r->gate;
	unsigned generation, phase = w->phases++;

	misuse_if(w->phases >= r->request->plan->phases,
	    "worker_phase: the plan has fewer phases than the loop");
	w->phase_ns[phase] = clock_now_ns(&w->clock);
	w->phase_ops[phase] = worker_calls(w);
	w->phase_pause[phase] = w->pause;
	w->pause = (struct worker_pause){ .ns = 0 };
	if (r->request->subject->pause != NULL)
		r->request->subject->pause(w->handle);
	stage_set(w, STAGE_WAITING);
	pthread_mutex_lock(&g->lock);
	/* Once the trial is being ended nobody counts as waiting here: others
	 * already wait for main at the last gate, which is the same one. */
	if (!runner_ending(r)) {
		generation = g->generation;
		g->waiting++;
		g->between++;
		if (gate_full(g, r->request->threads)) {
			/* The last one opens: main has nothing to do in between. */
			r->phase_start_ns[phase + 1] = clock_now_ns(&w->clock);
			gate_open(g, false);
		}
		while (g->generation == generation && !runner_ending(r))
			pthread_cond_wait(&g->open, &g->lock);
	}
	pthread_mutex_unlock(&g->lock);
	stage_set(w, STAGE_MEASURE);
	if (r->request->subject->resume != NULL)
		r->request->subject->resume(w->handle);
	pace_start(&w->pace, clock_now_ns(&w->clock));
	return !runner_ending(r);
}

/* ---- Waiting, parking, dying in the middle of a loop ---- */

static struct timespec monotonic_in(uint64_t ns);
static void subject_stats(const struct runner *r, struct reclaim_stats *stats);
static uint64_t surplus(uint64_t a, uint64_t b);
static uint64_t thread_cpu_ns(void);

/* Sleep for ns, or until the stop flag is raised; returns whether it was. */
static bool
sleep_or_stop(struct runner *r, uint64_t ns)
{
	struct gate *g = &r->gate;
	/* Longer than any trial, and short enough for a struct timespec. */
	struct timespec until = monotonic_in(ns < UINT64_C(1) << 60 ? ns : UINT64_C(1) << 60);
	bool stopped;

	pthread_mutex_lock(&g->lock);
	/* relaxed: whoever raises the flag does so under the lock. */
	while (!(stopped = atomic_load_explicit(&r->stop, memory_order_relaxed)) &&
	    pthread_cond_timedwait(&g->stopped, &g->lock, &until) == 0)
		continue;
	pthread_mutex_unlock(&g->lock);
	return stopped;
}

/* gate.lock is held. */
static void
raise_stop(struct runner *r)
{
	/* relaxed: only the flag matters. */
	atomic_store_explicit(&r->stop, true, memory_order_relaxed);
	pthread_cond_broadcast(&r->gate.stopped);
}

void
worker_wait(struct worker *w, uint64_t ns)
{
	struct seat *s = w->runner;
	const struct subject *subject = s->runner->request->subject;
	unsigned stage = atomic_load_explicit(&w->stage, memory_order_relaxed);

	if (subject->pause != NULL)
		subject->pause(w->handle);
	stage_set(w, STAGE_WAITING);
	(void)sleep_or_stop(s->runner, ns);
	stage_set(w, (enum worker_stage)stage);
	if (subject->resume != NULL)
		subject->resume(w->handle);
}

/* Objects that are pending, as far as another thread can tell. */
static uint64_t
pending_now(const struct runner *r)
{
	struct reclaim_stats stats;

	subject_stats(r, &stats);
	return surplus(stats.retired, stats.freed);
}

bool
worker_park(struct worker *w, uint64_t key, uint64_t ns, bool stall)
{
	struct seat *s = w->runner;
	struct runner *r = s->runner;
	const struct subject *subject = r->request->subject;
	unsigned stage = atomic_load_explicit(&w->stage, memory_order_relaxed);
	bool noted = stall && w->measured && s->park != NULL && s->parks < PARKS_MOST;
	struct park park = { 0 };

	misuse_if((r->request->plan->needs & NEEDS_HOLD) == 0, "worker_park: the plan must say NEEDS_HOLD");
	if (!subject->hold(w->handle, key)) {
		worker_bump(&w->count[OP_GET][OP_MISS], 1);
		return false;
	}
	stage_set(w, STAGE_PARKED);
	park.begin_ns = clock_now_ns(&w->clock);
	if (noted)
		park.begin_pending = pending_now(r);
	park.cut = sleep_or_stop(r, ns);
	if (noted) {
		park.end_pending = pending_now(r);
		park.end_ns = clock_now_ns(&w->clock);
		s->park[s->parks++] = park;
	}
	subject->release(w->handle);
	worker_bump(&w->count[OP_GET][OP_HIT], 1);
	stage_set(w, (enum worker_stage)stage);
	return true;
}

_Noreturn void
worker_die(struct worker *w, const uint64_t *inside)
{
	struct seat *s = w->runner;
	struct runner *r = s->runner;
	struct gate *g = &r->gate;

	misuse_if((r->request->plan->needs & NEEDS_LATE_DETACH) == 0, "worker_die: the plan must say NEEDS_LATE_DETACH");
	misuse_if(!w->measured, "worker_die: only in the measured part");
	s->held = inside != NULL && r->request->subject->hold(w->handle, *inside);
	w->last_ns = clock_now_ns(&w->clock);
	counters_stop(&s->counters);
	s->cpu_ns = thread_cpu_ns() - s->cpu_ns;
	s->dead = true;
	stage_set(w, STAGE_ENDED);
	pthread_mutex_lock(&g->lock);
	g->dead++;
	if (gate_full(g, r->request->threads))
		pthread_cond_signal(&g->all_here);
	pthread_mutex_unlock(&g->lock);
	/* Not pthread_exit(): that would run destructors. The kernel still tells who joins. */
	for (;;)
		syscall(SYS_exit, 0);
}

/* ---- The open loop ---- */

/* How far ahead of its call a thread still sleeps, how early it wakes, and how close it only spins. */
#define TURN_SLEEP_NS 120000u
#define TURN_EARLY_NS 60000u
#define TURN_SPIN_NS 3000u

bool
worker_turn(struct worker *w)
{
	if (w->response == NULL)
		return true;
	w->intended_ns = pace_next(&w->pace);
	for (;;) {
		uint64_t now_ns = clock_now_ns(&w->clock), ahead_ns;

		w->begun_ns = now_ns;
		if (worker_done(w)) {
			w->out_of_time = true;
			return false;
		}
		if (now_ns >= w->intended_ns)
			return true;
		ahead_ns = w->intended_ns - now_ns;
		if (ahead_ns >= TURN_SLEEP_NS)
			/* Away from the map, as a server without requests is. */
			worker_wait(w, ahead_ns - TURN_EARLY_NS);
		else if (ahead_ns >= TURN_SPIN_NS)
			/* Whoever else wants this processor may have it. */
			sched_yield();
	}
}

/* ---- Probes ---- */

static uint64_t
probe_now(void *state)
{
	const struct seat *s = state;
	uint64_t now_ns = clock_now_ns(&s->worker.clock);

	return now_ns != 0 ? now_ns : 1;
}

static void
probe_freed(void *state, uint64_t age_ns)
{
	struct seat *s = state;

	/* relaxed: a few frees more or less at the edges do not matter. */
	if (atomic_load_explicit(&s->runner->recording, memory_order_relaxed))
		histogram_add(&s->worker.reclaim, age_ns);
}

static void
probe_pass_begin(void *state)
{
	struct seat *s = state;

	s->worker.pass_begin_ns = clock_now_ns(&s->worker.clock);
}

static void
probe_pass_end(void *state, uint64_t examined, uint64_t freed, uint64_t blocked)
{
	struct seat *s = state;

	/* How many, the subject's own statistics say. */
	(void)examined;
	(void)freed;
	(void)blocked;
	/* relaxed: as above. */
	if (atomic_load_explicit(&s->runner->recording, memory_order_relaxed))
		histogram_add(&s->worker.pass, surplus(clock_now_ns(&s->worker.clock), s->worker.pass_begin_ns));
}

static uint64_t
background_now(void *state)
{
	const struct runner *r = state;
	uint64_t now_ns = clock_now_ns(r->request->clock);

	return now_ns != 0 ? now_ns : 1;
}

static void
background_freed(void *state, uint64_t age_ns)
{
	struct runner *r = state;

	if (atomic_load_explicit(&r->recording, memory_order_relaxed))
		histogram_add(&r->background, age_ns);
}

static unsigned
probe_shift(enum smr_stats level)
{
	return level == SMR_FULL ? 0 : 6;
}

/* ---- The worker's side ---- */

static uint64_t
thread_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bool
seat_take(struct seat *s)
{
	const struct trial_request *q = s->runner->request;
	struct worker *w = &s->worker;

	if (s->placement != NULL && !topology_bind_self(q->topology, s->placement, s->error, sizeof(s->error)))
		return false;
	w->handle = q->subject->attach(s->runner->map, w->thread, &s->probe);
	if (w->handle == NULL) {
		snprintf(s->error, sizeof(s->error), "no memory to attach thread %u to %s", w->thread, q->subject->name);
		return false;
	}
	if (q->workload->begin != NULL && !q->workload->begin(w)) {
		snprintf(s->error, sizeof(s->error), "no memory for thread %u of workload %s", w->thread,
		    q->workload->name);
		q->subject->detach(w->handle);
		w->handle = NULL;
		return false;
	}
	return true;
}

/* Forget what was counted so far, but not what was put into the map. */
static void
worker_reset(struct worker *w)
{
	struct history_recorder *history = ((struct seat *)w->runner)->runner->request->history;

	w->net_before = worker_size(w);
	w->no_memory_before = worker_no_memory(w);
	for (unsigned op = 0; op < OP_COUNT; op++) {
		for (unsigned result = 0; result < WORKER_RESULTS; result++)
			atomic_store_explicit(&w->count[op][result], 0, memory_order_relaxed);
		w->latency[op] = (struct histogram){ 0 };
	}
	w->pairs = 0;
	w->out_of_time = false;
	w->by_pass[0] = w->by_pass[1] = (struct histogram){ 0 };
	w->pause = (struct worker_pause){ .ns = 0 };
	w->resizings_at_reset = w->resizings != NULL ? w->resizings(w->handle) : 0;
	atomic_store_explicit(&w->resized, 0, memory_order_relaxed);
	if (history != NULL)
		w->history = history_recorder_log(history, w->thread);
	/* In an open loop every call is timed, and waits for its turn; when all are recorded, too. */
	w->until_sample = w->latency_shift == 0 || w->response != NULL || w->history != NULL ? 0 :
	    random_below(&w->random, (UINT64_C(2) << w->latency_shift) - 1);
}

static void
worker_stages(struct seat *s)
{
	const struct trial_request *q = s->runner->request;
	struct worker *w = &s->worker;

	if (q->rate > 0)
		/* So that a sleep before a call's turn ends when it is to end; where it is refused, calls are later. */
		(void)prctl(PR_SET_TIMERSLACK, 1000UL);
	stage_set(w, STAGE_PREFILL);
	if (q->workload->prefill != NULL)
		q->workload->prefill(w);
	if (q->subject->flush != NULL)
		q->subject->flush(w->handle);
	if (!gate_wait(s))
		return;
	/* Before the common start: opening takes its time. */
	if (q->counters)
		counters_open(&s->counters);
	if (!q->plan->fixed_work) {
		stage_set(w, STAGE_WARM_UP);
		q->workload->loop(w);
	}
	worker_reset(w);
	if (!gate_wait(s))
		return;
	stage_set(w, STAGE_MEASURE);
	w->measured = true;
	/* The common start: main took it before it opened the gate. */
	pace_start(&w->pace, s->runner->start_ns);
	s->cpu_ns = thread_cpu_ns();
	counters_start(&s->counters);
	q->workload->loop(w);
	w->last_ns = clock_now_ns(&w->clock);
	counters_stop(&s->counters);
	s->cpu_ns = thread_cpu_ns() - s->cpu_ns;
	gate_wait(s); /* main validates meanwhile */
}

static void *
worker_main(void *arg)
{
	struct seat *s = arg;
	const struct trial_request *q = s->runner->request;
	bool seated = seat_take(s);

	/* All come to this gate, also who found no seat: main then ends the trial. */
	if (gate_wait(s))
		worker_stages(s);
	counters_close(&s->counters);
	stage_set(&s->worker, STAGE_STARTING);
	if (seated) {
		if (q->workload->end != NULL)
			q->workload->end(&s->worker);
		q->subject->detach(s->worker.handle);
	}
	stage_set(&s->worker, STAGE_ENDED);
	return NULL;
}

/* ---- The watchdog ---- */

/* Main's own calls into a plug-in are watched by an alarm: its handler can only use what follows. */
static char alarm_message[512];

static void
alarm_fired(int signal_number)
{
	ssize_t ignored = write(STDERR_FILENO, alarm_message, strlen(alarm_message));

	(void)signal_number;
	(void)ignored;
	_exit(1);
}

/* A map that crashes takes the process with it, but not without saying which one it was. */
static char crash_message[512];
static _Atomic(bool) crash_told;

static void
crashed(int signal_number)
{
	ssize_t ignored;

	/* Several threads may crash at once: one tells it, the others wait for the end.
	 * relaxed: only who was first matters. */
	if (atomic_exchange_explicit(&crash_told, true, memory_order_relaxed))
		for (;;)
			pause();
	ignored = write(STDERR_FILENO, crash_message, strlen(crash_message));
	(void)ignored;
	/* Blocked until the handler returns, and then deadly. */
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* A map that calls exit() would end the run as if all were well. */
static char exit_message[512];
static _Atomic(bool) in_trial, exit_told;

static void
exited(void)
{
	ssize_t ignored;

	/* acquire: pairs with leaving_name(), which wrote the message. */
	if (!atomic_load_explicit(&in_trial, memory_order_acquire))
		return;
	/* relaxed: only who was first matters, as in crashed(). */
	if (atomic_exchange_explicit(&exit_told, true, memory_order_relaxed))
		for (;;)
			pause();
	ignored = write(STDERR_FILENO, exit_message, strlen(exit_message));
	(void)ignored;
	fflush(stdout);
	_exit(1);
}

/* From here to the end of the trial who ends the process is named. */
static void
leaving_name(const struct trial_request *q)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	static unsigned registered;
	struct sigaction act = { .sa_handler = crashed }, before;
	const char *kept = q->keeps ? "; finished trials are kept" : "";

	snprintf(crash_message, sizeof(crash_message), "hamtbench: crashed in subject %s, workload %s, %u threads%s\n",
	    q->subject->name, q->workload->name, q->threads, kept);
	snprintf(exit_message, sizeof(exit_message),
	    "hamtbench: exit() was called in subject %s, workload %s, %u threads: the run ends%s\n", q->subject->name,
	    q->workload->name, q->threads, kept);
	/* A handler is called once: a second thread that exits meanwhile would find none, and end the process first. */
	while (registered <= q->threads && atexit(exited) == 0 && at_quick_exit(exited) == 0)
		registered++;
	/* release: pairs with exited(). */
	atomic_store_explicit(&in_trial, true, memory_order_release);
	/* A sanitizer that catches a signal itself has more to say. */
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		if (sigaction(deadly[i], NULL, &before) == 0 && (before.sa_flags & SA_SIGINFO) == 0 &&
		    before.sa_handler == SIG_DFL)
			sigaction(deadly[i], &act, NULL);
}

/* These calls show no progress; so each key of the range is granted some time on top. */
static void
alarm_begin(const struct runner *r, const char *hook)
{
	const struct trial_request *q = r->request;
	uint64_t keys = plan_range(q->plan) < UINT32_MAX ? plan_range(q->plan) : UINT32_MAX;
	uint64_t limit_ns = q->watchdog_ns + keys * ALARM_NS_PER_KEY;
	struct sigaction act = { .sa_handler = alarm_fired };
	struct itimerval limit = { .it_value = { .tv_sec = (time_t)(limit_ns / NS_PER_S),
	    .tv_usec = (suseconds_t)(limit_ns % NS_PER_S / 1000) } };

	snprintf(alarm_message, sizeof(alarm_message),
	    "hamtbench: subject %s, workload %s, %u threads: %s has not returned for %.3g s; the run ends\n",
	    q->subject->name, q->workload->name, q->threads, hook, (double)limit_ns / NS_PER_S);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
}

static void
alarm_end(void)
{
	struct itimerval none = { .it_value = { .tv_sec = 0 } };

	setitimer(ITIMER_REAL, &none, NULL);
}

/* Ends the process if a worker has not moved for too long. */
static void
watch(struct runner *r)
{
	const struct trial_request *q = r->request;
	uint64_t now_ns = clock_now_ns(q->clock);

	for (unsigned i = 0; i < q->threads; i++) {
		struct seat *s = &r->seat[i];
		unsigned stage = atomic_load_explicit(&s->worker.stage, memory_order_relaxed);
		uint64_t calls = worker_calls(&s->worker);
		unsigned doing = atomic_load_explicit(&s->worker.doing, memory_order_relaxed);

		if (stage != s->seen_stage || calls != s->seen_calls || stage == STAGE_WAITING ||
		    stage == STAGE_PARKED || stage == STAGE_ENDED || s->seen_at_ns == 0) {
			s->seen_stage = stage;
			s->seen_calls = calls;
			s->seen_at_ns = now_ns;
		} else if (now_ns > s->seen_at_ns && now_ns - s->seen_at_ns > q->watchdog_ns) {
			fprintf(stderr, "hamtbench: subject %s, workload %s, %u threads: thread %u has not completed "
			    "an operation for %.3g s (stage %s, in %s); the run ends\n", q->subject->name,
			    q->workload->name, q->threads, i, (double)q->watchdog_ns / NS_PER_S,
			    stage_names[stage], stage == STAGE_STARTING ? "attach or detach" : op_names[doing]);
			fflush(stdout);
			_exit(1);
		}
	}
}

/* ---- Main's side ---- */

static bool
interrupted(const struct runner *r)
{
	return r->request->interrupted != NULL && *r->request->interrupted != 0;
}

/* Let all workers leave as soon as they can. */
static void
runner_end(struct runner *r)
{
	pthread_mutex_lock(&r->gate.lock);
	raise_stop(r);
	/* release: pairs with runner_ending(). */
	atomic_store_explicit(&r->ending, true, memory_order_release);
	/* Who waits in worker_phase() looks again, and is no longer taken for one that has come to
	 * main's gate: he is still to come there. Who waits at that gate waits for main. */
	r->gate.waiting -= r->gate.between;
	r->gate.between = 0;
	pthread_cond_broadcast(&r->gate.open);
	pthread_mutex_unlock(&r->gate.lock);
}

static void
report(const struct runner *r, const char *stage, double done_share)
{
	uint64_t ops = 0, ns;
	bool measuring;

	if (r->request->tick == NULL)
		return;
	/* relaxed: main itself sets it. */
	measuring = atomic_load_explicit(&r->recording, memory_order_relaxed);
	for (unsigned i = 0; measuring && i < r->request->threads; i++)
		ops += worker_calls(&r->seat[i].worker);
	ns = measuring ? clock_now_ns(r->request->clock) - r->start_ns : 0;
	r->request->tick(r->request->tick_arg, stage, done_share, ns > 0 ? (double)ops * 1e3 / (double)ns : NAN);
}

static struct timespec
monotonic_in(uint64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns += (uint64_t)t.tv_nsec;
	t.tv_sec += (time_t)(ns / NS_PER_S);
	t.tv_nsec = (long)(ns % NS_PER_S);
	return t;
}

/*
 * Wait until all workers are at the gate; they stay there. stop_at_ns: when to
 * raise the stop flag, UINT64_MAX = not. Each time main wakes, each(r) runs (may be NULL).
 * Returns false if the user interrupted; the workers are then on their way out.
 */
static bool
await_all(struct runner *r, const char *stage, uint64_t stop_at_ns, uint64_t tick_ns,
    void (*each)(struct runner *r, void *arg), void *arg)
{
	uint64_t begin_ns = clock_now_ns(r->request->clock);
	bool stopped = stop_at_ns == UINT64_MAX, cut = false;
	unsigned ticks = 0;

	pthread_mutex_lock(&r->gate.lock);
	while (!gate_full(&r->gate, r->request->threads)) {
		uint64_t now_ns = clock_now_ns(r->request->clock), wait_ns = tick_ns;
		struct timespec until;

		if (!stopped && now_ns >= stop_at_ns) {
			raise_stop(r);
			stopped = true;
		}
		if (!stopped && stop_at_ns - now_ns < wait_ns)
			wait_ns = stop_at_ns - now_ns;
		until = monotonic_in(wait_ns);
		if (pthread_cond_timedwait(&r->gate.all_here, &r->gate.lock, &until) == 0)
			continue;
		pthread_mutex_unlock(&r->gate.lock);
		if (each != NULL)
			each(r, arg);
		watch(r);
		if (interrupted(r) && !cut) {
			runner_end(r);
			cut = stopped = true;
		}
		if (++ticks % TICKS_PER_REPORT == 0) {
			now_ns = clock_now_ns(r->request->clock);
			report(r, stage, stop_at_ns == UINT64_MAX || stop_at_ns <= begin_ns ? 0 :
			    fmin(1, (double)(now_ns - begin_ns) / (double)(stop_at_ns - begin_ns)));
		}
		pthread_mutex_lock(&r->gate.lock);
	}
	pthread_mutex_unlock(&r->gate.lock);
	return !cut;
}

static void
open_gate(struct runner *r)
{
	pthread_mutex_lock(&r->gate.lock);
	gate_open(&r->gate, runner_ending(r));
	pthread_mutex_unlock(&r->gate.lock);
}

/* ---- The sampler ---- */

struct sampler {
	struct record *record;
	size_t room;
	uint64_t next_ns;
	int statm;               /* /proc/self/statm, or -1 */
	bool out_of_memory;
	uint64_t over, bound;    /* objects that were pending beyond doubt when the bound was lower; 0: never */
	uint64_t cpu_ns;         /* processor time of this thread while it sampled */
	cpu_set_t cpus;          /* where main may run when it does not sample */
	bool moved;
};

/*
 * The sampler is the main thread. It goes to a processor that no worker is
 * bound to, if there is one, and an idle core before the other half of a busy
 * one. Else it stays where the system puts it, and takes a worker's processor
 * for as long as record.sampler_share says.
 */
static void
sampler_begin(struct runner *r, struct sampler *p)
{
	const struct trial_request *q = r->request;
	struct topology_summary machine;
	struct placement *all;
	char ignored[256];

	p->cpu_ns = thread_cpu_ns();
	topology_summary(q->topology, &machine);
	if (q->placement == NULL || machine.allowed_pus == 0 ||
	    pthread_getaffinity_np(pthread_self(), sizeof(p->cpus), &p->cpus) != 0)
		return;
	all = calloc(machine.allowed_pus, sizeof(*all));
	if (all == NULL || !topology_place(q->topology, "core-first", machine.allowed_pus, all, ignored, sizeof(ignored))) {
		free(all);
		return;
	}
	for (unsigned i = 0; i < machine.allowed_pus && !p->moved; i++) {
		bool taken = false;

		for (unsigned t = 0; t < q->threads && !taken; t++)
			taken = q->placement[t].os_index == all[i].os_index;
		p->moved = !taken && topology_bind_self(q->topology, &all[i], ignored, sizeof(ignored));
	}
	free(all);
}

static void
sampler_end(struct sampler *p)
{
	p->cpu_ns = thread_cpu_ns() - p->cpu_ns;
	if (p->moved)
		(void)pthread_setaffinity_np(pthread_self(), sizeof(p->cpus), &p->cpus);
	if (p->statm >= 0)
		close(p->statm);
}

static uint64_t
rss_bytes(int statm)
{
	unsigned long long size, resident;
	char text[128];
	ssize_t n = statm < 0 ? -1 : pread(statm, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &size, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* How compare-and-swaps failed so far; nothing where the subject cannot say. */
static struct cas_stats
subject_cas_stats(const struct runner *r)
{
	struct cas_stats stats = { 0 };

	if (r->request->subject->cas_stats != NULL)
		r->request->subject->cas_stats(r->map, &stats);
	return stats;
}

static void
subject_stats(const struct runner *r, struct reclaim_stats *stats)
{
	*stats = (struct reclaim_stats){ 0 };
	if (r->request->subject->stats != NULL && r->request->smr_stats != SMR_OFF)
		r->request->subject->stats(r->map, stats);
}

/* a - b, but 0 where a reader of running counters saw b ahead of a. */
static uint64_t
surplus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * What is read while others run is never too small (freed first, then
 * retired), but too large by what was retired in between, which is much if this thread
 * lost its processor there. So figures above the bound are read again, some times. They
 * prove that the bound was broken only if what had been retired by the end of one
 * reading is more than bound above what was freed by the end of the next:
 * so many were pending in between.
 */
static void
sample_stats(const struct runner *r, struct sampler *p, struct reclaim_stats *stats)
{
	struct reclaim_stats earlier;

	subject_stats(r, stats);
	for (unsigned again = 0; again < 8 && stats->bound != 0 && surplus(stats->retired, stats->freed) > stats->bound;
	     again++) {
		uint64_t sure;

		earlier = *stats;
		subject_stats(r, stats);
		sure = surplus(earlier.retired, stats->freed);
		if (sure > earlier.bound && sure > stats->bound && sure > p->over) {
			p->over = sure;
			p->bound = stats->bound;
		}
	}
}

static void
sample(struct runner *r, void *arg)
{
	struct sampler *p = arg;
	struct record *record = p->record;
	uint64_t now_ns = clock_now_ns(r->request->clock);
	struct reclaim_stats stats;

	if (now_ns < p->next_ns)
		return;
	p->next_ns = now_ns + r->request->sample_interval_ns;
	if (record->samples == p->room) {
		size_t room = p->room == 0 ? 1024 : p->room * 2;
		struct record_sample *more = realloc(record->sample, room * sizeof(*more));

		if (more == NULL) {
			p->out_of_memory = true;
			return;
		}
		record->sample = more;
		p->room = room;
	}
	sample_stats(r, p, &stats);
	record->sample[record->samples] = (struct record_sample){
		.at_ns = surplus(now_ns, r->start_ns),
		.pending = surplus(stats.retired, stats.freed),
		.pending_bytes = surplus(stats.retired_bytes, stats.freed_bytes),
		.rss_bytes = rss_bytes(p->statm),
		.resizings = r->request->subject->resizings != NULL ? 0 : UINT64_MAX,
	};
	for (unsigned i = 0; i < r->request->threads; i++) {
		struct worker *w = &r->seat[i].worker;
		/* relaxed: see worker_timed(). */
		uint64_t longest_ns = atomic_exchange_explicit(&w->longest_ns, 0, memory_order_relaxed);

		record->sample[record->samples].ops += worker_calls(w);
		if (w->resizings != NULL)
			record->sample[record->samples].resizings += atomic_load_explicit(&w->resized, memory_order_relaxed);
		if (longest_ns > record->sample[record->samples].longest_ns)
			record->sample[record->samples].longest_ns = longest_ns;
	}
	record->samples++;
}

/* ---- Validation ---- */

/* What each() shows. */
struct contents {
	uint64_t keys_range;
	uint64_t count, key_sum, strange, twice;
	uint64_t *key;       /* every stride-th key, at most LOOKUPS_MOST */
	uint64_t kept, stride;
	uint64_t *bitmap;    /* of the keys seen; NULL: the range is too wide */
};

static void
contents_add(void *arg, uint64_t key, uint64_t value)
{
	struct contents *c = arg;

	if (c->count++ % c->stride == 0 && c->kept < LOOKUPS_MOST)
		c->key[c->kept++] = key;
	c->key_sum += key;
	if (key >= c->keys_range || !worker_value_is_for(value, key))
		c->strange++;
	else if (c->bitmap != NULL) {
		uint64_t bit = UINT64_C(1) << key % 64;

		c->twice += (c->bitmap[key / 64] & bit) != 0;
		c->bitmap[key / 64] |= bit;
	}
}

static void
invalid(struct record *record, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first reason stays. */
static void
invalid(struct record *record, const char *format, ...)
{
	va_list arguments;

	if (!record->valid)
		return;
	record->valid = false;
	va_start(arguments, format);
	vsnprintf(record->why, sizeof(record->why), format, arguments);
	va_end(arguments);
}

static uint64_t
workers_size(const struct runner *r)
{
	uint64_t size = 0;

	for (unsigned i = 0; i < r->request->threads; i++)
		size += worker_size(&r->seat[i].worker);
	return size;
}

/* Does get agree with each? Both are the map's own word; a map that has lost a key for one of them is wrong. */
static void
validate_gets(const struct runner *r, struct record *record, void *handle, const struct contents *c)
{
	op_fn *get = r->request->subject->get;
	uint64_t missed = 0, conjured = 0, step = c->keys_range / LOOKUPS_MOST + 1, value;

	if (get == NULL)
		return;
	for (uint64_t i = 0; i < c->kept; i++) {
		value = 0;
		missed += get(handle, c->key[i], &value) != OP_HIT || !worker_value_is_for(value, c->key[i]);
	}
	/* An odd step, so that no residue of a power of two is left out. */
	for (uint64_t key = 0; c->bitmap != NULL && key < c->keys_range; key += step | 1)
		if ((c->bitmap[key / 64] >> key % 64 & 1) == 0) {
			value = 0;
			conjured += get(handle, key, &value) != OP_MISS;
		}
	if (missed > 0)
		invalid(record, "get does not find %" PRIu64 " of %" PRIu64 " keys that are in the map", missed, c->kept);
	if (conjured > 0)
		invalid(record, "get finds %" PRIu64 " keys that are not in the map", conjured);
}

/* Do get_many and scan agree with each? A batch of present keys must all be found, and a scan from a present key finds it. */
static void
validate_batches(const struct runner *r, struct record *record, void *handle, const struct contents *c)
{
	enum { BATCH = 64, SCANS_MOST = 4096 };
	const struct subject *subject = r->request->subject;
	uint64_t keys[BATCH], values[BATCH], missed = 0, lost = 0;
	uint64_t step = c->kept / SCANS_MOST + 1;
	bool found[BATCH];

	for (uint64_t i = 0; subject->get_many != NULL && i < c->kept; i += BATCH) {
		size_t n = c->kept - i < BATCH ? (size_t)(c->kept - i) : BATCH;

		memset(values, 0, sizeof(values));
		memset(found, 0, sizeof(found));
		subject->get_many(handle, c->key + i, values, found, n);
		for (size_t k = 0; k < n; k++)
			missed += !found[k] || !worker_value_is_for(values[k], c->key[i + k]);
	}
	for (uint64_t i = 0; subject->scan != NULL && i < c->kept; i += step) {
		size_t pairs = subject->scan(handle, c->key[i], keys, values, BATCH);
		bool seen = false;

		for (size_t k = 0; k < pairs && k < BATCH; k++)
			seen = seen || keys[k] == c->key[i];
		lost += !seen;
	}
	if (missed > 0)
		invalid(record, "get_many does not find %" PRIu64 " of %" PRIu64 " keys that are in the map", missed, c->kept);
	if (lost > 0)
		invalid(record, "scan does not find %" PRIu64 " keys that are in the map", lost);
}

/* Room for what validation remembers; false: no memory. */
static bool
contents_init(struct contents *c, uint64_t keys_range, uint64_t size)
{
	*c = (struct contents){ .keys_range = keys_range, .stride = size / LOOKUPS_MOST + 1 };
	c->key = malloc(LOOKUPS_MOST * sizeof(*c->key));
	if (keys_range <= BITMAP_KEYS_MAX)
		c->bitmap = calloc(keys_range / 64 + 1, sizeof(*c->bitmap));
	return c->key != NULL && (c->bitmap != NULL || keys_range > BITMAP_KEYS_MAX);
}

/* All workers wait: is what they were told consistent with what the map holds? */
static void
validate(struct runner *r, struct record *record, struct seat *own)
{
	const struct subject *subject = r->request->subject;
	uint64_t size = workers_size(r), key_sum = 0, wrong = 0, no_memory = 0, nonsense = 0;
	struct contents c;
	void *handle = subject->attach(r->map, r->request->threads, &own->probe);
	char error[RECORD_TEXT - 32] = "";

	if (handle == NULL) {
		invalid(record, "no memory to attach for validation");
		return;
	}
	for (unsigned i = 0; i < r->request->threads; i++) {
		key_sum += r->seat[i].worker.net_key_sum;
		wrong += r->seat[i].worker.wrong_values;
		no_memory += worker_no_memory(&r->seat[i].worker);
		for (unsigned op = 0; op < OP_COUNT; op++)
			nonsense += count_of(&r->seat[i].worker, op, OP_RESULT_COUNT);
	}
	if (nonsense > 0)
		invalid(record, "%" PRIu64 " operations returned what is no enum op_result, or miscounted", nonsense);
	if (no_memory > 0)
		invalid(record, "%" PRIu64 " operations found no memory", no_memory);
	if ((subject->flags & SUBJECT_EMPTY) == 0 && !contents_init(&c, plan_range(r->request->plan), size)) {
		invalid(record, "no memory for validation");
		free(c.key);
	} else if ((subject->flags & SUBJECT_EMPTY) == 0) {
		subject->each(handle, contents_add, &c);
		record->size_after = c.count;
		if (wrong > 0)
			invalid(record, "%" PRIu64 " values returned do not belong to their keys", wrong);
		if (c.count != size)
			invalid(record, "the map holds %" PRIu64 " keys, its operations add up to %" PRIu64 " (%s)",
			    c.count, size, c.count < size ? "keys lost" : "keys too many");
		if (c.key_sum != key_sum)
			invalid(record, "the keys in the map do not sum up to those put in less those taken out");
		if (c.twice > 0 && (subject->flags & SUBJECT_POOL) == 0)
			invalid(record, "%" PRIu64 " keys are in the map more than once", c.twice);
		if (c.strange > 0)
			invalid(record, "%" PRIu64 " keys in the map are out of range or have another key's value",
			    c.strange);
		validate_gets(r, record, handle, &c);
		validate_batches(r, record, handle, &c);
		free(c.key);
		free(c.bitmap);
	}
	if (subject->check != NULL && !subject->check(handle, error, sizeof(error)))
		invalid(record, "structure check: %s", error);
	if (r->request->workload->verify != NULL &&
	    !r->request->workload->verify(r->state, subject, handle, error, sizeof(error)))
		invalid(record, "workload: %s", error);
	subject->detach(handle);
}

/* ---- Histories: what main sees ---- */

/* Up to here a whole iteration is put into a history: it is an event for each key of the range. */
#define ITERATED_KEYS_MAX 4096u
/* One event in so many is of iterations; main looks that often whether it is time for some, and makes up to so many. */
#define ITERATED_SHARE 4u
#define ITERATED_TICK_NS 500000u
#define ITERATED_AT_ONCE 64u

struct observer { /* main's part in a recorded trial */
	struct runner *runner;
	void *handle;            /* while it iterates beside the workers; NULL: it does not */
	struct history_log *log;
	uint64_t keys, events;   /* the size of the range; what iterations have added */
	uint64_t *value;         /* of each key, in the iteration under way; 0: not visited yet */
	uint8_t *visits;
	bool no_memory;
};

static void
first_add(void *arg, uint64_t key, uint64_t value)
{
	struct observer *o = arg;

	o->no_memory = o->no_memory || (value != 0 && !history_recorder_first(o->runner->request->history, key, value));
}

static void
last_add(void *arg, uint64_t key, uint64_t value)
{
	struct observer *o = arg;

	o->no_memory = o->no_memory || !history_recorder_last(o->runner->request->history, key, value);
}

/* All workers wait: what does the map hold? */
static void
observe_all(struct observer *o, void (*add)(void *arg, uint64_t key, uint64_t value))
{
	struct runner *r = o->runner;
	const struct subject *subject = r->request->subject;
	void *handle;

	if (subject->each == NULL)
		return;
	handle = subject->attach(r->map, r->request->threads, &r->seat[r->request->threads].probe);
	o->no_memory = o->no_memory || handle == NULL;
	if (handle == NULL)
		return;
	alarm_begin(r, "each");
	subject->each(handle, add, o);
	alarm_end();
	subject->detach(handle);
}

static void
visit_add(void *arg, uint64_t key, uint64_t value)
{
	struct observer *o = arg;

	if (key >= o->keys)
		return; /* validation tells of keys out of range */
	o->visits[key] += o->visits[key] < 2;
	o->value[key] = value;
}

/* One iteration beside the workers: for each key what it says of it, all at the same time. */
static void
observe_iteration(struct observer *o)
{
	struct runner *r = o->runner;
	const struct subject *subject = r->request->subject;
	uint64_t begin_ns, end_ns;

	memset(o->visits, 0, o->keys);
	if (subject->resume != NULL)
		subject->resume(o->handle);
	alarm_begin(r, "each");
	begin_ns = history_begin_ns(r->request->clock);
	subject->each(o->handle, visit_add, o);
	end_ns = history_end_ns(r->request->clock);
	alarm_end();
	if (subject->pause != NULL)
		subject->pause(o->handle);
	for (uint64_t key = 0; key < o->keys; key++)
		history_log_add(o->log, (struct history_event){ .begin = begin_ns,
		    .end = end_ns > begin_ns ? end_ns : begin_ns, .key = key,
		    .out = o->visits[key] == 1 ? o->value[key] : 0, .op = HISTORY_EACH,
		    .answer = o->visits[key] == 0 ? HISTORY_MISS : o->visits[key] == 1 ? HISTORY_HIT : HISTORY_TWICE });
	o->events += o->keys;
}

/* The measured part is about to begin. */
static void
observe_begin(struct observer *o)
{
	struct runner *r = o->runner;
	const struct subject *subject = r->request->subject;

	observe_all(o, first_add);
	if ((subject->flags & SUBJECT_EACH_LIVE) == 0 || r->request->plan->keys > ITERATED_KEYS_MAX)
		return;
	o->keys = r->request->plan->keys;
	o->log = history_recorder_log(r->request->history, r->request->threads);
	o->value = malloc(o->keys * sizeof(*o->value));
	o->visits = malloc(o->keys);
	if (o->value != NULL && o->visits != NULL)
		o->handle = subject->attach(r->map, r->request->threads, &r->seat[r->request->threads].probe);
	o->no_memory = o->no_memory || o->handle == NULL;
	if (o->handle != NULL && subject->pause != NULL)
		subject->pause(o->handle);
}

/* The workers have come to rest. */
static void
observe_end(struct observer *o, bool whole)
{
	const struct subject *subject = o->runner->request->subject;

	if (o->handle != NULL) {
		if (subject->resume != NULL)
			subject->resume(o->handle);
		subject->detach(o->handle);
	}
	o->handle = NULL;
	free(o->value);
	free(o->visits);
	if (!whole || subject->each == NULL)
		return;
	observe_all(o, last_add);
	if (!o->no_memory)
		history_recorder_last_end(o->runner->request->history, history_end_ns(o->runner->request->clock));
}

/* What main does now and then while the workers are measured. */
struct meanwhile {
	struct sampler *sampler;
	struct observer *observer;
};

static void
look_around(struct runner *r, void *arg)
{
	struct meanwhile *m = arg;
	struct observer *o = m->observer;

	sample(r, m->sampler);
	for (unsigned i = 0; o->handle != NULL && i < ITERATED_AT_ONCE &&
	     o->events + o->keys <= history_recorder_events(r->request->history) / ITERATED_SHARE; i++)
		observe_iteration(o);
}

/* ---- From counters to figures ---- */

struct censored {
	struct histogram *histogram;
	uint64_t now_ns;
};

static void
censored_add(void *arg, uint64_t retired_at_ns)
{
	const struct censored *c = arg;

	histogram_add(c->histogram, surplus(c->now_ns, retired_at_ns));
}

/* What the threads from first on, before end, did together, and how evenly. */
static void
figures_of_threads(const struct runner *r, unsigned first, unsigned end, double *sum, double *jain)
{
	double squares = 0;

	*sum = 0;
	for (unsigned i = first; i < end; i++) {
		const struct worker *w = &r->seat[i].worker;
		uint64_t own_ns = surplus(w->last_ns, r->start_ns);
		double mops = own_ns > 0 ? (double)worker_calls(w) * 1e3 / (double)own_ns : 0;

		*sum += mops;
		squares += mops * mops;
	}
	*jain = squares > 0 ? *sum * *sum / ((end - first) * squares) : NAN;
}

/*
 * response_of_unserved - calls of w that were due and had not begun when its time was up. A thread makes its calls
 * one after the other: at the pace so far each of them would have waited about as long as the first has already. Of
 * what kind they would have been is not drawn yet: they are shared out as those that were made.
 * Returns   how many there are.
 */
static uint64_t
response_of_unserved(struct worker *w)
{
	uint64_t intended_ns = w->out_of_time ? w->intended_ns : pace_next(&w->pace);
	uint64_t unserved = pace_due(&w->pace, intended_ns, w->last_ns);
	double made = 0, shared = 0;
	uint64_t given = 0;

	for (unsigned op = 0; op < OP_COUNT; op++)
		made += (double)(w->response[op].total + w->response[op].lost);
	for (unsigned op = 0; op < OP_COUNT && made > 0 && unserved > 0; op++) {
		uint64_t until;

		shared += (double)(w->response[op].total + w->response[op].lost);
		/* Rounded where sums end, so that all of them are given. */
		until = (uint64_t)((double)unserved * (shared / made) + 0.5);
		histogram_add_many(&w->response[op], w->last_ns - intended_ns, until - given);
		given = until;
	}
	return unserved;
}

/* The workers wait at the last gate: everything that must be read before they detach. */
static void
figures_at_stop(struct runner *r, struct record *record, const struct reclaim_stats *before, const struct sampler *p)
{
	const struct trial_request *q = r->request;
	struct censored censored = { &record->histogram[RECORD_CENSORED], clock_now_ns(q->clock) };
	double elapsed_ns, weighted = 0, weighted_bytes = 0, own_time_ns = 0;
	uint64_t gets = 0, get_hits = 0, cpu_ns = 0, last_ns = r->start_ns;
	struct reclaim_stats after;

	subject_stats(r, &after);
	if (q->subject->pending != NULL && q->smr_stats >= SMR_SAMPLED)
		q->subject->pending(r->map, censored_add, &censored);
	record->thread_min_mops = INFINITY;
	record->unserved = q->rate > 0 ? 0 : UINT64_MAX;
	for (unsigned i = 0; i < q->threads; i++) {
		struct seat *s = &r->seat[i];
		struct worker *w = &s->worker;
		uint64_t own_ns = surplus(w->last_ns, r->start_ns), ops = worker_calls(w);
		double mops = own_ns > 0 ? (double)ops * 1e3 / (double)own_ns : 0;

		record->thread[i] = (struct record_thread){ .ops = ops, .elapsed_ns = own_ns,
		    .cpu = s->placement == NULL || s->placement->os_index == PLACEMENT_ANYWHERE ? -1 :
		        (int)s->placement->os_index };
		record->ops += ops;
		record->thread_min_mops = fmin(record->thread_min_mops, mops);
		record->thread_max_mops = fmax(record->thread_max_mops, mops);
		cpu_ns += s->cpu_ns;
		own_time_ns += (double)own_ns;
		record->died += s->dead;
		histogram_merge(&record->histogram[RECORD_PASS], &w->pass);
		histogram_merge(&record->histogram[RECORD_WITHOUT_PASS], &w->by_pass[0]);
		histogram_merge(&record->histogram[RECORD_WITH_PASS], &w->by_pass[1]);
		if (w->last_ns > last_ns)
			last_ns = w->last_ns;
		if (w->response != NULL)
			record->unserved += response_of_unserved(w);
		for (unsigned op = 0; op < OP_COUNT; op++) {
			bool updates = (OP_BIT(op) & (OP_BIT(OP_GET) | OP_BIT(OP_GET_MANY) | OP_BIT(OP_SCAN))) == 0;

			record->hits += count_of(w, op, OP_HIT);
			histogram_merge(&record->histogram[RECORD_GET + op], &w->latency[op]);
			if (updates)
				histogram_merge(&record->histogram[RECORD_UPDATE], &w->latency[op]);
			if (w->response == NULL)
				continue;
			histogram_merge(&record->histogram[RECORD_RESPONSE_GET + op], &w->response[op]);
			if (updates)
				histogram_merge(&record->histogram[RECORD_RESPONSE_UPDATE], &w->response[op]);
		}
		for (unsigned result = 0; result < OP_RESULT_COUNT; result++)
			gets += count_of(w, OP_GET, result) + count_of(w, OP_GET_MANY, result);
		get_hits += count_of(w, OP_GET, OP_HIT) + count_of(w, OP_GET_MANY, OP_HIT);
		record->scanned += w->pairs;
	}
	figures_of_threads(r, 0, q->threads, &record->mops, &record->jain);
	if (q->plan->readers > 0) {
		figures_of_threads(r, 0, q->plan->readers, &record->reader_mops, &record->reader_jain);
		figures_of_threads(r, q->plan->readers, q->threads, &record->writer_mops, &record->writer_jain);
	}
	elapsed_ns = (double)(last_ns - r->start_ns);
	record->elapsed_s = elapsed_ns / NS_PER_S;
	if (q->plan->fixed_work && elapsed_ns > 0)
		record->mops = (double)record->ops * 1e3 / elapsed_ns;
	record->misses = record->ops - record->hits;
	record->hit_ratio = gets > 0 ? (double)get_hits / (double)gets : NAN;
	record->cpu_ns_per_op = record->ops > 0 ? (double)cpu_ns / (double)record->ops : NAN;

	record->sampler_share = elapsed_ns > 0 ? (double)p->cpu_ns / elapsed_ns : NAN;
	if (q->smr_stats >= SMR_SAMPLED && own_time_ns > 0)
		record->pass_share = (double)record->histogram[RECORD_PASS].sum / own_time_ns;

	if (q->smr_stats == SMR_OFF) { /* not looked at: no value, which is not 0 */
		record->retired = record->freed = record->scans = record->examined = record->blocked = UINT64_MAX;
		record->bound = record->pending_stop = record->pending_peak = record->pending_peak_bytes = UINT64_MAX;
		record->pending_stop_bytes = UINT64_MAX;
		record->pending_mean = record->pending_mean_bytes = NAN;
		return;
	}
	record->retired = surplus(after.retired, before->retired);
	record->freed = surplus(after.freed, before->freed);
	record->scans = surplus(after.scans, before->scans);
	if (after.scans == 0) /* nothing to see: its frees, if any, are on threads of its own */
		record->pass_share = NAN;
	record->examined = surplus(after.examined, before->examined);
	record->blocked = surplus(after.blocked, before->blocked);
	record->bound = after.bound;
	record->pending_stop = surplus(after.retired, after.freed);
	record->pending_peak = record->pending_stop;
	record->pending_stop_bytes = record->pending_peak_bytes = surplus(after.retired_bytes, after.freed_bytes);
	/* Time-weighted: each sample stands until the next one, the last until stop. One may have been taken after it. */
	for (size_t i = 0; i < record->samples; i++) {
		const struct record_sample *s = &record->sample[i];
		double until_ns = i + 1 < record->samples ? (double)s[1].at_ns : fmax(elapsed_ns, (double)s->at_ns);
		double stands_ns = fmax(fmin(until_ns, elapsed_ns) - (double)s->at_ns, 0);

		weighted += (double)s->pending * stands_ns;
		weighted_bytes += (double)s->pending_bytes * stands_ns;
		record->sample_gap_ns = until_ns - (double)s->at_ns > (double)record->sample_gap_ns ?
		    (uint64_t)(until_ns - (double)s->at_ns) : record->sample_gap_ns;
		if (s->pending > record->pending_peak)
			record->pending_peak = s->pending;
		if (s->pending_bytes > record->pending_peak_bytes)
			record->pending_peak_bytes = s->pending_bytes;
	}
	record->pending_mean = record->samples > 0 && elapsed_ns > (double)record->sample[0].at_ns ?
	    weighted / (elapsed_ns - (double)record->sample[0].at_ns) : (double)record->pending_stop;
	record->pending_mean_bytes = record->samples > 0 && elapsed_ns > (double)record->sample[0].at_ns ?
	    weighted_bytes / (elapsed_ns - (double)record->sample[0].at_ns) : (double)record->pending_stop_bytes;
	if (after.bound != 0)
		record->bound_share = (double)record->pending_peak / (double)after.bound;
	/* At rest there is no doubt. */
	if (after.bound != 0 && record->pending_stop > after.bound)
		invalid(record, "%" PRIu64 " objects are pending at stop, the scheme's bound is %" PRIu64,
		    record->pending_stop, after.bound);
	if (p->over > 0)
		invalid(record, "%" PRIu64 " objects were pending, the scheme's bound is %" PRIu64, p->over, p->bound);
}

/* ---- Stalls ---- */

struct stalls {
	struct park *stall;      /* times when at least one thread was parked, in order, apart from each other */
	size_t count;
	uint64_t end_ns;         /* of the measured part; all relative to its start, as in the samples */
};

static int
by_begin(const void *left, const void *right)
{
	const struct park *a = left, *b = right;

	return (a->begin_ns > b->begin_ns) - (a->begin_ns < b->begin_ns);
}

/* All workers' parks, united. False: no memory. */
static bool
stalls_unite(const struct runner *r, struct stalls *u, uint64_t end_ns)
{
	size_t parks = 0, n = 0;

	for (unsigned i = 0; i < r->request->threads; i++)
		parks += r->seat[i].parks;
	*u = (struct stalls){ .end_ns = end_ns, .stall = calloc(parks + 1, sizeof(*u->stall)) };
	if (u->stall == NULL)
		return false;
	for (unsigned i = 0; i < r->request->threads; i++)
		for (unsigned k = 0; k < r->seat[i].parks; k++) {
			struct park park = r->seat[i].park[k];

			park.begin_ns = surplus(park.begin_ns, r->start_ns);
			park.end_ns = surplus(park.end_ns, r->start_ns);
			u->stall[n++] = park;
		}
	qsort(u->stall, n, sizeof(*u->stall), by_begin);
	for (size_t i = 0; i < n; i++) {
		struct park *last = u->count > 0 ? &u->stall[u->count - 1] : NULL;

		if (last == NULL || u->stall[i].begin_ns > last->end_ns) {
			u->stall[u->count++] = u->stall[i];
		} else if (u->stall[i].end_ns > last->end_ns) {
			last->end_ns = u->stall[i].end_ns;
			last->end_pending = u->stall[i].end_pending;
			last->cut = u->stall[i].cut;
		}
	}
	return true;
}

enum { BEFORE, DURING, AFTER };

/* How much of [from, to) lies in each phase. */
static void
stalls_overlap(const struct stalls *u, double from, double to, double share[3])
{
	double first = u->count > 0 ? (double)u->stall[0].begin_ns : INFINITY;

	share[BEFORE] = fmax(0, fmin(to, first) - from);
	share[DURING] = 0;
	for (size_t i = 0; i < u->count; i++)
		share[DURING] += fmax(0, fmin(to, (double)u->stall[i].end_ns) - fmax(from, (double)u->stall[i].begin_ns));
	share[AFTER] = fmax(0, to - from - share[BEFORE] - share[DURING]);
}

/* Operations and garbage before, during and after: each time between two samples is shared out. */
static void
stalls_phases(const struct stalls *u, struct record *record)
{
	static const char *const names[] = { "before", "during", "after" };
	double ops[3] = { 0 }, elapsed_ns[3] = { 0 }, weighted[3] = { 0 }, share[3];
	double *const mean[] = { &record->pending_before, &record->pending_during, &record->pending_after };

	for (size_t i = 0; i < record->samples; i++) {
		const struct record_sample *s = &record->sample[i];
		bool last = i + 1 == record->samples;
		/* A sample may have been taken after the end. */
		double from = (double)s->at_ns, to = fmin(last ? INFINITY : (double)s[1].at_ns, (double)u->end_ns);
		double done = (double)surplus(last ? record->ops : s[1].ops, s->ops);

		if (to <= from)
			continue;
		stalls_overlap(u, from, to, share);
		for (unsigned p = 0; p < 3; p++) {
			ops[p] += done * share[p] / (to - from);
			elapsed_ns[p] += share[p];
			weighted[p] += (double)s->pending * share[p];
		}
	}
	record->phases = 3;
	for (unsigned p = 0; p < 3; p++) {
		struct record_phase *phase = &record->phase[p];

		snprintf(phase->name, sizeof(phase->name), "%s", names[p]);
		phase->ops = (uint64_t)(ops[p] + 0.5);
		phase->elapsed_s = elapsed_ns[p] / NS_PER_S;
		phase->mops = elapsed_ns[p] > 0 ? ops[p] * 1e3 / elapsed_ns[p] : NAN;
		phase->begin_s = NAN;
		phase->pause_max_ns = UINT64_MAX;
		*mean[p] = elapsed_ns[p] > 0 ? weighted[p] / elapsed_ns[p] : NAN;
	}
}

/* The least-squares line through garbage over time, one slope for all stalls, each with its own level. */
static double
stalls_slope(const struct stalls *u, const struct record *record)
{
	double upper = 0, lower = 0;

	for (size_t i = 0; i < u->count; i++) {
		const struct park *s = &u->stall[i];
		double n = 2, t = 0, g = 0;

		/* Twice: the means first. Times are from the stall's begin, in s. */
		for (unsigned round = 0; round < 2; round++) {
			double mean_t = t / n, mean_g = g / n;
			double length = (double)(s->end_ns - s->begin_ns) / NS_PER_S;
			double level[2] = { (double)s->begin_pending, (double)s->end_pending }, at[2] = { 0, length };

			for (unsigned e = 0; e < 2; e++) {
				if (round == 0) {
					t += at[e];
					g += level[e];
				} else {
					upper += (at[e] - mean_t) * (level[e] - mean_g);
					lower += (at[e] - mean_t) * (at[e] - mean_t);
				}
			}
			for (size_t k = 0; k < record->samples; k++) {
				double time = ((double)record->sample[k].at_ns - (double)s->begin_ns) / NS_PER_S;
				double pending = (double)record->sample[k].pending;

				if (time <= 0 || time >= length)
					continue;
				if (round == 0) {
					n++;
					t += time;
					g += pending;
				} else {
					upper += (time - mean_t) * (pending - mean_g);
					lower += (time - mean_t) * (time - mean_t);
				}
			}
		}
	}
	return lower > 0 ? upper / lower : NAN;
}

/*
 * From the end of each stall to the first sample at no more than 1.1 x the level before all. A stall at
 * whose end garbage is not above that level by more than it swung there, and by more than a tenth,
 * raised nothing: it has nothing to drain, and when garbage comes by that level again says nothing of it.
 */
static void
stalls_drain(const struct stalls *u, struct record *record)
{
	double least = (double)u->stall[0].begin_pending, most = least;
	double before = isnan(record->pending_before) ? least : record->pending_before, level = fmax(1, 1.1 * before);
	uint64_t longest_ns = 0, drained = 0;

	record->undrained = 0;
	for (size_t k = 0; k < record->samples && record->sample[k].at_ns < u->stall[0].begin_ns; k++) {
		least = fmin(least, (double)record->sample[k].pending);
		most = fmax(most, (double)record->sample[k].pending);
	}
	for (size_t i = 0; i < u->count; i++) {
		const struct park *s = &u->stall[i];
		uint64_t until_ns = i + 1 < u->count ? s[1].begin_ns : u->end_ns;
		bool back = false;

		/* One that is cut ended with the measured part: there is no time after it. */
		if (s->cut || (double)s->end_pending <= fmax(level, before + (most - least)))
			continue;
		for (size_t k = 0; k < record->samples && !back; k++) {
			const struct record_sample *sample = &record->sample[k];

			back = sample->at_ns >= s->end_ns && sample->at_ns < until_ns && (double)sample->pending <= level;
			if (back && sample->at_ns - s->end_ns > longest_ns)
				longest_ns = sample->at_ns - s->end_ns;
		}
		drained += back;
		record->undrained += !back;
	}
	if (drained > 0)
		record->drain_ns = longest_ns;
}

static void
figures_of_stalls(const struct runner *r, struct record *record, uint64_t end_ns)
{
	size_t size = 0, shown;
	struct stalls u;
	FILE *out;

	if (!r->request->plan->stalls)
		return;
	if (!stalls_unite(r, &u, end_ns) || (out = open_memstream(&record->stalled, &size)) == NULL) {
		free(u.stall);
		invalid(record, "no memory for the figures of stalls");
		return;
	}
	record->stalls = u.count;
	record->stalled_s = 0;
	shown = u.count < PARKS_MOST ? u.count : PARKS_MOST;
	for (size_t i = 0; i < u.count; i++) {
		record->stalled_s += (double)(u.stall[i].end_ns - u.stall[i].begin_ns) / NS_PER_S;
		if (i < shown)
			fprintf(out, "%s[%" PRIu64 ",%" PRIu64 "]", i == 0 ? "[" : ",", u.stall[i].begin_ns, u.stall[i].end_ns);
	}
	fputs(shown == 0 ? "[]" : "]", out);
	if (fclose(out) != 0)
		invalid(record, "no memory for the figures of stalls");
	if (r->request->smr_stats != SMR_OFF) {
		stalls_phases(&u, record);
		if (u.count > 0) {
			record->stall_slope = stalls_slope(&u, record);
			stalls_drain(&u, record);
		}
	}
	free(u.stall);
}

/* The longest timed call of a phase among all workers; NULL: none was timed. */
static const struct worker_pause *
phase_pause(const struct runner *r, unsigned phase)
{
	const struct worker_pause *longest = NULL;

	for (unsigned i = 0; i < r->request->threads; i++) {
		const struct worker *w = &r->seat[i].worker;
		/* One that died, or had to leave, is still in its last phase. */
		const struct worker_pause *pause = phase < w->phases ? &w->phase_pause[phase] : &w->pause;

		if (phase <= w->phases && pause->ns > 0 && (longest == NULL || pause->ns > longest->ns))
			longest = pause;
	}
	return longest;
}

static void
pause_describe(const struct worker_pause *pause, char op[16], char cause[48])
{
	static const char *const causes[] = { "resize", "reclamation", "preempted" };
	size_t used = 0;

	snprintf(op, 16, "%s", op_names[pause->op]);
	for (unsigned c = 0; c < sizeof(causes) / sizeof(causes[0]); c++)
		if ((pause->cause & 1u << c) != 0)
			used += (size_t)snprintf(cause + used, 48 - used, "%s%s", used > 0 ? "," : "", causes[c]);
	if (used == 0)
		snprintf(cause, 48, "unknown");
}

/* The longest of all timed calls, and why. */
static void
figures_of_pause(const struct runner *r, struct record *record)
{
	const struct worker_pause *longest = NULL;

	for (unsigned p = 0; p < PLAN_PHASES; p++) {
		const struct worker_pause *pause = phase_pause(r, p);

		if (pause != NULL && (longest == NULL || pause->ns > longest->ns))
			longest = pause;
	}
	if (longest == NULL)
		return;
	record->pause_max_ns = longest->ns;
	record->pause_at_s = (double)surplus(longest->begin_ns, r->start_ns) / NS_PER_S;
	pause_describe(longest, record->pause_op, record->pause_cause);
}

/* Sums over the workers; a counter that one of them could not have has no value. */
static void
figures_of_counters(const struct runner *r, struct record *record)
{
	double sum[COUNTERS] = { 0 }, ops = record->ops > 0 ? (double)record->ops : NAN;

	for (unsigned i = 0; i < r->request->threads; i++)
		for (unsigned c = 0; c < COUNTERS; c++)
			sum[c] += counters_value(&r->seat[i].counters, (enum counter)c);
	record->cycles_per_op = sum[COUNTER_CYCLES] / ops;
	record->instructions_per_op = sum[COUNTER_INSTRUCTIONS] / ops;
	record->cache_misses_per_op = sum[COUNTER_CACHE_MISSES] / ops;
	record->tlb_misses_per_op = sum[COUNTER_TLB_MISSES] / ops;
	record->branch_misses_per_op = sum[COUNTER_BRANCH_MISSES] / ops;
	record->page_faults = sum[COUNTER_PAGE_FAULTS];
	record->migrations = sum[COUNTER_MIGRATIONS];
}

static void
figures_of_cas(const struct runner *r, struct record *record, const struct cas_stats *before)
{
	struct cas_stats after = subject_cas_stats(r);
	double ops = (double)record->ops;

	if (r->request->subject->cas_stats == NULL || record->ops == 0)
		return;
	record->cas_failed_per_op = (double)surplus(after.failed, before->failed) / ops;
	record->cas_wait_ns_per_op = (double)surplus(after.waited_ns, before->waited_ns) / ops;
	record->cas_expired = surplus(after.expired, before->expired);
}

static void
figures_of_phases(struct runner *r, struct record *record)
{
	const struct plan *plan = r->request->plan;

	record->phases = plan->phases > 1 ? plan->phases : 0;
	for (unsigned p = 0; p < record->phases; p++) {
		struct record_phase *phase = &record->phase[p];
		uint64_t start_ns = p == 0 ? r->start_ns : r->phase_start_ns[p];
		const struct worker_pause *pause = phase_pause(r, p);

		snprintf(phase->name, sizeof(phase->name), "%s", plan->phase[p]);
		phase->begin_s = (double)surplus(start_ns, r->start_ns) / NS_PER_S;
		phase->pause_max_ns = pause != NULL ? pause->ns : UINT64_MAX;
		if (pause != NULL)
			pause_describe(pause, phase->pause_op, phase->pause_cause);
		for (unsigned i = 0; i < r->request->threads; i++) {
			const struct worker *w = &r->seat[i].worker;
			bool last = p + 1 == plan->phases;
			uint64_t ops = last ? worker_calls(w) : w->phase_ops[p];
			uint64_t end_ns = last ? w->last_ns : w->phase_ns[p];
			double own_ns = (double)surplus(end_ns, start_ns);

			if (p > 0)
				ops -= w->phase_ops[p - 1];
			phase->ops += ops;
			phase->elapsed_s = fmax(phase->elapsed_s, own_ns / NS_PER_S);
		}
		/* Each is a fixed amount of work, or lasts the same time for all. */
		phase->mops = phase->elapsed_s > 0 ? (double)phase->ops / phase->elapsed_s / 1e6 : 0;
	}
}

/* ---- The trial ---- */

static bool
seat_prepare(struct runner *r, unsigned i)
{
	const struct trial_request *q = r->request;
	struct seat *s = &r->seat[i];
	struct worker *w = &s->worker;

	s->runner = r;
	s->placement = q->placement != NULL && i < q->threads ? &q->placement[i] : NULL;
	if (q->smr_stats >= SMR_SAMPLED)
		s->probe = (struct reclaim_probe){ .now_ns = probe_now, .freed = probe_freed, .state = s,
		    .sample_shift = probe_shift(q->smr_stats),
		    .pass_begin = probe_pass_begin, .pass_end = probe_pass_end };
	w->sees_passes = q->smr_stats >= SMR_SAMPLED && q->subject->stats != NULL;
	w->op[OP_GET] = q->subject->get;
	w->op[OP_INSERT] = q->subject->insert;
	w->op[OP_UPSERT] = q->subject->upsert;
	w->op[OP_REMOVE] = q->subject->remove;
	w->op[OP_REPLACE] = q->subject->replace;
	w->op[OP_MODIFY] = q->subject->modify;
	w->get_many = q->subject->get_many;
	w->scan = q->subject->scan;
	w->extend = q->subject->extend;
	w->resizings = q->subject->resizings;
	w->clock = *q->clock;
	w->thread = i;
	w->threads = q->threads;
	w->seed = q->seed;
	w->plan = q->plan;
	w->state = r->state;
	w->latency_shift = q->latency_shift;
	w->stop = &r->stop;
	w->runner = s;
	/* Nothing is timed before the measured part: worker_reset() arms it. */
	w->until_sample = UINT64_MAX;
	random_seed(&w->random, random_mix(q->seed + 3), i);
	if (q->rate > 0 && i < q->threads) {
		w->response = r->response + (size_t)i * OP_COUNT;
		pace_init(&w->pace, q->arrival, q->rate, i, q->threads, random_mix(q->seed + 4));
	}
	if (q->plan->stalls)
		s->park = calloc(PARKS_MOST, sizeof(*s->park));
	return !q->plan->stalls || s->park != NULL;
}

static const char *
first_error(const struct runner *r)
{
	for (unsigned i = 0; i < r->request->threads; i++)
		if (r->seat[i].error[0] != '\0')
			return r->seat[i].error;
	return NULL;
}

/* From the first gate to the last. Returns TRIAL_FAILED with error, or what became of the trial. */
static enum trial_status
stages(struct runner *r, struct record *record, char *error, size_t error_size)
{
	const struct trial_request *q = r->request;
	struct sampler sampler = { .record = record };
	struct observer observer = { .runner = r };
	struct meanwhile meanwhile = { &sampler, &observer };
	struct reclaim_stats before;
	struct cas_stats cas_before;
	struct rusage usage;
	uint64_t tick_ns, stop_at_ns = UINT64_MAX;
	const char *refused;
	long switches;

	if (!await_all(r, "start", UINT64_MAX, TICK_NS, NULL, NULL))
		return TRIAL_INTERRUPTED;
	refused = first_error(r);
	if (refused != NULL) {
		snprintf(error, error_size, "%s", refused);
		return TRIAL_FAILED;
	}
	open_gate(r);
	if (!await_all(r, "prefill", UINT64_MAX, TICK_NS, NULL, NULL))
		return TRIAL_INTERRUPTED;
	if ((q->subject->flags & SUBJECT_EMPTY) == 0 && workers_size(r) != q->plan->prefill)
		invalid(record, "prefill put in %" PRIu64 " keys instead of %" PRIu64, workers_size(r), q->plan->prefill);
	open_gate(r);
	if (!q->plan->fixed_work)
		stop_at_ns = clock_now_ns(q->clock) + q->warmup_ns;
	if (!await_all(r, "warm-up", stop_at_ns, TICK_NS, NULL, NULL))
		return TRIAL_INTERRUPTED;

	record->size_before = workers_size(r);
	if (q->history != NULL)
		observe_begin(&observer);
	sampler.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	subject_stats(r, &before);
	cas_before = subject_cas_stats(r);
	getrusage(RUSAGE_SELF, &usage);
	switches = usage.ru_nivcsw;
	if (q->sentinel != NULL)
		sentinel_begin(q->sentinel);
	atomic_store_explicit(&r->stop, false, memory_order_relaxed);
	atomic_store_explicit(&r->recording, true, memory_order_relaxed);
	sampler_begin(r, &sampler);
	r->start_ns = r->phase_start_ns[0] = clock_now_ns(q->clock);
	if (!q->plan->fixed_work)
		stop_at_ns = r->start_ns + q->duration_ns;
	tick_ns = q->sample_interval_ns < TICK_NS ? q->sample_interval_ns : TICK_NS;
	if (observer.handle != NULL && tick_ns > ITERATED_TICK_NS)
		tick_ns = ITERATED_TICK_NS;
	open_gate(r);
	look_around(r, &meanwhile);
	if (!await_all(r, "measure", stop_at_ns, tick_ns, look_around, &meanwhile)) {
		if (q->history != NULL)
			observe_end(&observer, false);
		sampler_end(&sampler);
		if (q->sentinel != NULL)
			sentinel_end(q->sentinel, record);
		return TRIAL_INTERRUPTED;
	}
	atomic_store_explicit(&r->recording, false, memory_order_relaxed);
	if (q->sentinel != NULL)
		sentinel_end(q->sentinel, record);
	getrusage(RUSAGE_SELF, &usage);
	record->context_switches = (uint64_t)(usage.ru_nivcsw - switches);
	record->rss_bytes = rss_bytes(sampler.statm);
	sampler_end(&sampler);
	figures_at_stop(r, record, &before, &sampler);
	figures_of_cas(r, record, &cas_before);
	figures_of_phases(r, record);
	figures_of_counters(r, record);
	figures_of_pause(r, record);
	figures_of_stalls(r, record, (uint64_t)(record->elapsed_s * NS_PER_S + 0.5));
	if (q->history != NULL)
		observe_end(&observer, true);
	if (observer.no_memory)
		invalid(record, "no memory for the history");
	if (sampler.out_of_memory)
		invalid(record, "no memory for the samples of garbage over time");
	alarm_begin(r, "validation");
	validate(r, record, &r->seat[q->threads]);
	alarm_end();
	return TRIAL_DONE;
}

/* What a thread that ended without leaving would have done. */
static void
bury(struct seat *s)
{
	const struct trial_request *q = s->runner->request;

	alarm_begin(s->runner, "detach");
	if (s->held)
		q->subject->release(s->worker.handle);
	if (q->workload->end != NULL)
		q->workload->end(&s->worker);
	q->subject->detach(s->worker.handle);
	alarm_end();
}

/*
 * The C library gives the stack of a thread that was joined to the next one, with
 * what the thread kept for its destructors. Where threads end without running
 * these, each has a stack of its own that nobody gets, ever. NULL: no memory.
 */
static void *
stack_new(pthread_attr_t *attr)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE), size = 0;
	char *stack;

	pthread_attr_getstacksize(attr, &size);
	stack = mmap(NULL, size + guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK,
	    -1, 0);
	if (stack == MAP_FAILED)
		return NULL;
	mprotect(stack, guard, PROT_NONE);
	pthread_attr_setstack(attr, stack + guard, size);
	return stack;
}

static int
seat_start(struct seat *s)
{
	pthread_attr_t attr;
	int refused = ENOMEM;

	if ((s->runner->request->plan->needs & NEEDS_LATE_DETACH) == 0)
		return pthread_create(&s->thread, NULL, worker_main, s);
	pthread_attr_init(&attr);
	pthread_attr_getstacksize(&attr, &s->stack_bytes);
	s->stack_bytes += (size_t)sysconf(_SC_PAGESIZE);
	s->stack = stack_new(&attr);
	if (s->stack != NULL)
		refused = pthread_create(&s->thread, &attr, worker_main, s);
	pthread_attr_destroy(&attr);
	return refused;
}

/* Start the workers, run the stages, see every thread off. */
static enum trial_status
run_workers(struct runner *r, struct record *record, char *error, size_t error_size)
{
	const struct trial_request *q = r->request;
	enum trial_status status = TRIAL_DONE;
	unsigned started = 0;
	int refused = 0;

	while (started < q->threads && (refused = seat_start(&r->seat[started])) == 0)
		started++;
	if (started < q->threads) {
		snprintf(error, error_size, "could not start thread %u of %u: %s", started + 1, q->threads,
		    strerror(refused));
		status = TRIAL_FAILED;
		/* Wait for those that did start, as if they were all. */
		pthread_mutex_lock(&r->gate.lock);
		while (r->gate.waiting < started) {
			struct timespec until = monotonic_in(TICK_NS);

			pthread_cond_timedwait(&r->gate.all_here, &r->gate.lock, &until);
		}
		pthread_mutex_unlock(&r->gate.lock);
	} else {
		status = stages(r, record, error, error_size);
	}
	if (status != TRIAL_DONE)
		runner_end(r);
	open_gate(r);
	for (unsigned i = 0; i < started; i++) {
		struct timespec now;

		/* Wake up now and then: the watchdog also guards detach. */
		do {
			clock_gettime(CLOCK_REALTIME, &now);
			now.tv_nsec += TICK_NS * 10;
			if (now.tv_nsec >= (long)NS_PER_S) {
				now.tv_nsec -= NS_PER_S;
				now.tv_sec++;
			}
			if (started == q->threads)
				watch(r);
		} while (pthread_timedjoin_np(r->seat[i].thread, NULL, &now) != 0);
	}
	for (unsigned i = 0; i < started; i++)
		if (r->seat[i].dead)
			bury(&r->seat[i]);
	return status;
}

/* Is the map made for its final size, as its options are? */
static bool
is_presized(const struct trial_request *q)
{
	bool presized = (q->subject->flags & SUBJECT_PRESIZED) != 0;

	for (const struct plugin_option *o = q->subject->options; presized && o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, "resize") == 0 && o->type == OPTION_TEXT)
			presized = strcmp(option_text(q->subject_options, "resize"), "off") == 0;
	return presized;
}

static void
record_subject(const struct trial_request *q, struct record *record)
{
	snprintf(record->subject, sizeof(record->subject), "%s", q->subject->name);
	snprintf(record->reclaimer, sizeof(record->reclaimer), "%s", q->subject->reclaimer);
	workload_title(q->workload, q->plan, record->workload, sizeof(record->workload));
	snprintf(record->dist, sizeof(record->dist), "%s", q->plan->dist);
	snprintf(record->mix, sizeof(record->mix), "%s", q->plan->mix);
	record->threads = q->threads;
	roles_format(q->threads, q->plan->readers, record->roles);
	record->keys = q->plan->keys;
	record->seed = q->seed;
	record->rate = q->rate > 0 ? (double)q->rate : NAN;
	record->presized = is_presized(q);
	record->valid = true;
}

/* Give back what earlier trials left in the allocator, so that memory is this trial's own. */
static void
allocator_purge(void)
{
	/* Every arena: jemalloc's MALLCTL_ARENAS_ALL. */
	if (mallctl != NULL) {
		mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
		mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
	}
}

/* Keys that the map may be expected to hold. */
static uint64_t
plan_size(const struct plan *plan)
{
	return plan->size != 0 ? plan->size : plan->prefill > plan->keys / 2 ? plan->prefill : plan->keys / 2;
}

static enum trial_status
run_trial(const struct trial_request *q, struct record *record, char *error, size_t error_size)
{
	struct workload_params workload_params = { .options = q->workload_options, .plan = q->plan,
	    .threads = q->threads, .seed = q->seed };
	struct subject_params subject_params = { .keys = plan_range(q->plan), .size = plan_size(q->plan),
	    .first = q->plan->grows ? q->plan->prefill : plan_size(q->plan), .threads = q->threads, .seed = q->seed,
	    .options = q->subject_options };
	struct bytes_names names;
	size_t seats_bytes = (q->threads + 1) * sizeof(struct seat); /* the last one is main's */
	struct runner *r = aligned_alloc(CACHE_LINE_BYTES, sizeof(*r));
	enum trial_status status = TRIAL_FAILED;
	struct reclaim_stats last = { 0 };

	record_subject(q, record);
	allocator_purge();
	if (r != NULL) {
		memset(r, 0, sizeof(*r));
		r->seat = aligned_alloc(CACHE_LINE_BYTES, seats_bytes);
		if (q->rate > 0)
			r->response = calloc((size_t)q->threads * OP_COUNT, sizeof(*r->response));
	}
	if (r == NULL || r->seat == NULL || (q->rate > 0 && r->response == NULL)) {
		if (r != NULL)
			free(r->seat);
		free(r);
		snprintf(error, error_size, "no memory for %u workers", q->threads);
		return TRIAL_FAILED;
	}
	memset(r->seat, 0, seats_bytes);
	r->request = q;
	gate_init(&r->gate);
	if (q->history != NULL)
		history_recorder_begin(q->history, &r->stop);
	if (q->smr_stats >= SMR_SAMPLED)
		subject_params.background = (struct reclaim_probe){ .now_ns = background_now,
		    .freed = background_freed, .state = r, .sample_shift = probe_shift(q->smr_stats) };
	if (!topology_membind(q->topology, q->membind, error, error_size))
		goto out;
	if (q->workload->setup != NULL) {
		r->state = q->workload->setup(&workload_params, error, error_size);
		if (r->state == NULL)
			goto out;
	}
	if (q->plan->named && (q->subject->flags & SUBJECT_BYTES) != 0)
		subject_params.names = q->workload->names(r->state);
	alarm_begin(r, "create");
	if (bytes_params(&names, q->subject, &subject_params, error, error_size))
		r->map = q->subject->create(&subject_params, error, error_size);
	alarm_end();
	if (r->map != NULL) {
		bool prepared = true;

		for (unsigned i = 0; i <= q->threads; i++)
			prepared = seat_prepare(r, i) && prepared;
		if (!prepared)
			snprintf(error, error_size, "no memory for the times of stalls");
		else
			status = run_workers(r, record, error, error_size);
		alarm_begin(r, "destroy");
		q->subject->destroy(r->map, &last);
		alarm_end();
	}
	if (r->state != NULL)
		q->workload->teardown(r->state);
	if (status == TRIAL_DONE) {
		record->leaked = surplus(last.retired, last.freed);
		if (last.retired != last.freed)
			invalid(record, "after the map was destroyed %" PRIu64 " objects were retired, %" PRIu64
			    " freed", last.retired, last.freed);
		/* Only now: the subject's own threads have come to rest. */
		for (unsigned i = 0; i <= q->threads; i++)
			histogram_merge(&record->histogram[RECORD_RECLAIM], &r->seat[i].worker.reclaim);
		histogram_merge(&record->histogram[RECORD_RECLAIM], &r->background);
		record_fill_percentiles(record);
		/* Nobody looked, or nobody could: that is not "none". */
		if (q->smr_stats < SMR_SAMPLED || (q->subject->stats != NULL && q->subject->pending == NULL))
			record->censored_samples = record->censored_max_ns = UINT64_MAX;
	}
	for (unsigned i = 0; i <= q->threads; i++) {
		free(r->seat[i].park);
		/* A thread that died stays in its allocator's lists: jemalloc has thread caches in
		 * thread-local memory, which is in the stack. That is as lost as the thread. */
		if (r->seat[i].stack != NULL && !r->seat[i].dead)
			munmap(r->seat[i].stack, r->seat[i].stack_bytes);
	}
out:
	gate_destroy(&r->gate);
	free(r->response);
	free(r->seat);
	free(r);
	return status;
}

enum trial_status
runner_run(const struct trial_request *q, struct record *record, char *error, size_t error_size)
{
	enum trial_status status;

	leaving_name(q);
	status = run_trial(q, record, error, error_size);
	/* relaxed: no thread of the trial is left. */
	atomic_store_explicit(&in_trial, false, memory_order_relaxed);
	return status;
}
