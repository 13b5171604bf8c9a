/*
 * scheduler.c - the one scheduler of core/scheduler.h: contexts, priorities,
 * store buffers, memory that remembers.
 *
 * What it knows is global: there is one schedule at a time in a process, and
 * its threads are contexts of the thread that runs it. Other threads may
 * use core meanwhile only while no schedule is under way: then each
 * operation is what it always is.
 *
 * A point is where the running context asks whether it may go on. Everybody who could
 * is an entity: a thread that has not returned, a store buffer that is not
 * empty. A buffer that is chosen drains one store, at once, without a switch of
 * contexts; then the choice is made again.
 */
#include "core/atomic.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/base.h"

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#ifdef ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

_Static_assert(sizeof(void *) == sizeof(uint64_t), "scheduled builds are for 64-bit machines");

enum {
	ENTITIES_MAX = 2 * SCHEDULE_THREADS_MAX,
	DEPTH_MAX = 16,
	BUFFER_MAX = 32,                 /* stores; more drain the first, as on a processor */
	STACK_BYTES = 256 * 1024,
	ARENA_BYTES = 8 << 20,
	GRANULE = 16,
	BLOCKS_MAX = 1 << 16,
	REST_MAX = 1000,
	RELAX_MAX = 64,                  /* spins in a row after which others go first */
};

#define POISON 0xdb


struct buffered {
	volatile void *object;
	size_t size;
	uint64_t value;
	const char *file;
	int line;
};

struct context {
	ucontext_t context;
	unsigned char *stack;
	bool returned;
	unsigned rests;                  /* random: points until it may go on */
	unsigned park_in;                /* points of its own until it is parked; 0 = never */
	bool parked;                     /* until no other is left */
	unsigned relaxed;                /* spins in a row */
	struct buffered buffer[BUFFER_MAX];
	unsigned first, count;           /* of the ring */
	void *fake_stack;                /* AddressSanitizer's */
};

struct block {
	uint32_t offset, bytes;
	bool freed;
	bool reused;                     /* its place is another block's by now */
	int8_t freed_by;
	unsigned freed_at;               /* point */
};

struct trace_entry {
	const char *what, *file;
	const volatile void *object;     /* NULL: none */
	uint64_t value;
	int line;
	int8_t thread;
	bool writes, always;             /* always: shown whoever touched it */
	memory_order order;
};

static struct {
	const struct schedule_config *config;
	uint64_t seed;
	uint64_t state;                  /* of the scheduler's random numbers */
	uint64_t draw_state;             /* of schedule_draw() */
	uint64_t fail_state;
	unsigned fail_one_in;
	bool under_way, reuse;
	unsigned drain_one_in;           /* at one point in so many a buffer drains whatever its priority; 0 = never */
	unsigned points, drained;
	uint64_t ticks;
	/* pct: entity e < threads is a thread, threads + e its buffer. */
	unsigned priority[ENTITIES_MAX];
	unsigned change_at[DEPTH_MAX], changes;               /* at which points, latest first */
	unsigned window_at[DEPTH_MAX], window_changes, windows; /* at which windows; so far */
	unsigned lowest;                 /* priority of the next to fall behind */
	/* Who runs: -1 outside. */
	int running;
	unsigned threads, left;
	unsigned parked;                 /* of those left */
	unsigned park_thread, park_at;   /* for the next schedule_run(); park_at 0 = nobody */
	bool was_parked;
	unsigned buffered;               /* stores in all buffers */
	void (*body)(void *arg, unsigned thread);
	void *arg;
} now;

static struct context context[SCHEDULE_THREADS_MAX];
static ucontext_t outside;
#ifdef ADDRESS_SANITIZER
static void *outside_fake_stack;
static const void *outside_bottom;
static size_t outside_size;
#endif
static unsigned char *arena;
static uint32_t arena_used;
static uint16_t *shadow;                 /* granule -> number of its block + 1 */
static struct block *blocks;
static unsigned block_count, blocks_alive;
static struct trace_entry *trace;
static unsigned trace_count;

/* --- Random numbers --------------------------------------------------- */

/* Steele, Lea, Flood 2014, Fast Splittable Pseudorandom Number Generators. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static unsigned
below(unsigned limit)
{
	return (unsigned)((next_random(&now.state) >> 32) * limit >> 32);
}

uint64_t
schedule_draw(uint64_t limit)
{
	return next_random(&now.draw_state) % limit;
}

/* --- Configuration ---------------------------------------------------- */

static bool
parse_number(const char *text, size_t length, uint64_t *number)
{
	uint64_t n = 0;

	if (length == 0 || length > 19)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	*number = n;
	return true;
}

bool
schedule_parse(const char *text, struct schedule_config *config, char *error, size_t error_size)
{
	struct schedule_config c = *config;
	size_t name = strcspn(text, ":");
	bool pct = name == 3 && strncmp(text, "pct", 3) == 0;
	const char *at = text + name;

	if (!pct && !(name == 6 && strncmp(text, "random", 6) == 0)) {
		snprintf(error, error_size, "schedule '%s': it begins with pct: or random:", text);
		return false;
	}
	c.strategy = pct ? SCHEDULE_PCT : SCHEDULE_RANDOM;
	while (*at != '\0') {
		size_t word = strcspn(++at, "="), value;
		uint64_t n;

		value = strcspn(at + word, ",");
		if (at[word] != '=' || !parse_number(at + word + 1, value - 1, &n)) {
			snprintf(error, error_size, "schedule '%s': wants NAME=NUMBER after the colon and each comma",
			    text);
			return false;
		}
		if (word == 4 && strncmp(at, "seed", 4) == 0) {
			c.seed = n;
		} else if (word == 9 && strncmp(at, "schedules", 9) == 0 && n > 0) {
			c.schedules = n;
		} else if (pct && word == 5 && strncmp(at, "depth", 5) == 0 && n >= 1 && n <= DEPTH_MAX) {
			c.depth = (unsigned)n;
		} else if (pct && word == 6 && strncmp(at, "points", 6) == 0 && n <= SCHEDULE_POINTS_MAX) {
			c.points = (unsigned)n;
		} else if (!pct && word == 6 && strncmp(at, "one_in", 6) == 0 && n >= 1 && n <= 1000000) {
			c.one_in = (unsigned)n;
		} else {
			snprintf(error, error_size, "schedule '%s': '%.*s': there are seed=N, schedules=N (from 1)%s",
			    text, (int)(word + value), at,
			    pct ? ", depth=N (1 to 16), points=N (to 200000)" : ", one_in=N (1 to 1000000)");
			return false;
		}
		at += word + value;
	}
	*config = c;
	return true;
}

void
schedule_format(const struct schedule_config *c, uint64_t seed, char *text, size_t size)
{
	if (c->strategy == SCHEDULE_PCT && c->points != 0)
		snprintf(text, size, "pct:depth=%u,points=%u,seed=%llu", c->depth, c->points,
		    (unsigned long long)seed);
	else if (c->strategy == SCHEDULE_PCT)
		snprintf(text, size, "pct:depth=%u,seed=%llu", c->depth, (unsigned long long)seed);
	else
		snprintf(text, size, "random:one_in=%u,seed=%llu", c->one_in, (unsigned long long)seed);
}

/* --- What is said of a failure ---------------------------------------- */

static const char *
order_name(memory_order order)
{
	switch (order) {
	case memory_order_relaxed: return "relaxed";
	case memory_order_consume:
	case memory_order_acquire: return "acquire";
	case memory_order_release: return "release";
	case memory_order_acq_rel: return "acq_rel";
	case memory_order_seq_cst: return "seq_cst";
	}
	return "";
}

static void
note(const char *what, const char *file, int line, const volatile void *object, uint64_t value, bool writes,
    bool always, memory_order order, int thread)
{
	if (trace_count < SCHEDULE_POINTS_MAX)
		trace[trace_count++] = (struct trace_entry){ .what = what, .file = file, .line = line,
			.object = object, .value = value, .writes = writes, .always = always, .order = order,
			.thread = (int8_t)thread };
}

/* A word, who touched it, and its name in the trace. */
struct word {
	const volatile void *object;
	unsigned threads; /* bit by thread */
	bool written;
	unsigned name;
};

static struct word *
word_of(struct word *words, unsigned bits, const volatile void *object)
{
	size_t mask = ((size_t)1 << bits) - 1;
	size_t i = (uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits);

	while (words[i].object != NULL && words[i].object != object)
		i = (i + 1) & mask;
	words[i].object = object;
	return &words[i];
}

/*
 * print_trace - the points that matter to more than one thread: operations on words that
 * several touch and at least one writes, and what was given back. The others are counted.
 */
static void
print_trace(void)
{
	enum { BITS = 19 };
	struct word *words = calloc((size_t)1 << BITS, sizeof(*words));
	unsigned names = 0, left_out = 0;

	if (words == NULL)
		return;
	for (unsigned i = 0; i < trace_count; i++)
		if (trace[i].object != NULL && trace[i].thread >= 0) {
			struct word *w = word_of(words, BITS, trace[i].object);

			w->threads |= 1u << trace[i].thread;
			w->written |= trace[i].writes;
		}
	fputs("# trace: what threads did to what they share, and the buffers for them\n", stderr);
	for (unsigned i = 0; i < trace_count; i++) {
		const struct trace_entry *t = &trace[i];
		struct word *w = t->object != NULL ? word_of(words, BITS, t->object) : NULL;
		char name[24] = "";

		if (w != NULL && (!w->written || (w->threads & (w->threads - 1)) == 0) && !t->always) {
			left_out++;
			continue;
		}
		if (w != NULL) {
			if (w->name == 0)
				w->name = ++names;
			snprintf(name, sizeof(name), "w%u", w->name);
		}
		if (left_out != 0)
			fprintf(stderr, "#          (%u of one thread alone)\n", left_out);
		left_out = 0;
		fprintf(stderr, "# %6u  ", i);
		if (t->thread < 0)
			fputs("main", stderr);
		else
			fprintf(stderr, "%*sT%d", 2 * t->thread, "", t->thread);
		fprintf(stderr, "  %s", t->what);
		if (w != NULL)
			fprintf(stderr, " %s", name);
		if (t->file == NULL)
			fprintf(stderr, " (%llu bytes)\n", (unsigned long long)t->value);
		else
			fprintf(stderr, " %#llx %s  %s:%d\n", (unsigned long long)t->value, order_name(t->order), t->file,
			    t->line);
	}
	free(words);
}

/* say_schedule - on the way out, whatever the reason. */
static void
say_schedule(void)
{
	char text[100];

	if (!now.under_way)
		return;
	now.under_way = false; /* once */
	schedule_format(now.config, now.seed, text, sizeof(text));
	fflush(stdout);
	if (now.config->trace)
		print_trace();
	fprintf(stderr, "# failed schedule: %s (thread %d, after %u points)\n", text, now.running, now.points);
	if (now.config->replay_before != NULL)
		fprintf(stderr, "# again: %s%s%s\n", now.config->replay_before, text, now.config->replay_after);
	fflush(NULL);
}

void
schedule_failed(const char *format, ...)
{
	va_list list;

	fflush(stdout);
	fputs("# ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	say_schedule();
	_exit(1);
}

static void
on_signal(int number)
{
	fprintf(stderr, "# %s\n", number == SIGABRT ? "aborted" : "memory fault");
	say_schedule();
	signal(number, SIG_DFL);
	raise(number);
}

/* --- Memory ----------------------------------------------------------- */

static struct block *
block_of(const volatile void *object)
{
	size_t offset = (uintptr_t)object - (uintptr_t)arena;
	unsigned number;

	if (offset >= arena_used)
		return NULL;
	number = shadow[offset / GRANULE];
	return number != 0 ? &blocks[number - 1] : NULL;
}

/* must_be_alive - an atomic access to memory that was given back is not excused by anything. */
static void
must_be_alive(const char *what, const volatile void *object, const char *file, int line)
{
	const struct block *b = block_of(object);

	if (UNLIKELY(b != NULL && b->freed))
		schedule_failed("%s after free at %s:%d: %u of %u bytes, freed by thread %d at point %u", what, file,
		    line, (unsigned)((uintptr_t)object - (uintptr_t)arena - b->offset), b->bytes, b->freed_by,
		    b->freed_at);
}

static void *
arena_alloc(void *state, size_t bytes)
{
	uint32_t rounded = (uint32_t)((bytes + GRANULE - 1) & ~(size_t)(GRANULE - 1));
	uint32_t offset = arena_used + GRANULE; /* between two blocks lies a granule of nobody's */
	unsigned char *memory;

	(void)state;
	if (now.fail_one_in != 0 && next_random(&now.fail_state) % now.fail_one_in == 0)
		return NULL;
	if (bytes > ARENA_BYTES / 4)
		schedule_failed("an allocation of %zu bytes: a schedule's memory is %d", bytes, ARENA_BYTES);
	if (now.reuse)
		/* The block of that size that was given back last. */
		for (unsigned i = block_count; i-- > 0;)
			if (blocks[i].freed && !blocks[i].reused && blocks[i].bytes == bytes) {
				blocks[i].reused = true;
				offset = blocks[i].offset;
				break;
			}
	if (offset > arena_used) {
		if (offset + rounded > ARENA_BYTES)
			schedule_failed("a schedule's memory of %d bytes is used up", ARENA_BYTES);
		arena_used = offset + rounded;
	}
	if (block_count == BLOCKS_MAX - 1)
		schedule_failed("more than %d allocations in one schedule", BLOCKS_MAX - 1);
	blocks[block_count++] = (struct block){ .offset = offset, .bytes = (uint32_t)bytes };
	blocks_alive++;
	for (uint32_t at = offset; at < offset + rounded; at += GRANULE)
		shadow[at / GRANULE] = (uint16_t)block_count;
	memory = arena + offset;
#ifdef ADDRESS_SANITIZER
	__asan_unpoison_memory_region(memory, bytes);
#endif
	/* What malloc gives is not zero either. */
	memset(memory, 0xa5, bytes);
	return memory;
}

static void
arena_free(void *state, void *memory, size_t bytes)
{
	struct block *b = block_of(memory);

	(void)state;
	if (b == NULL || (unsigned char *)memory != arena + b->offset)
		schedule_failed("free of %p, which was not allocated", memory);
	if (b->freed)
		schedule_failed("double free: %zu bytes, freed before by thread %d at point %u", bytes, b->freed_by,
		    b->freed_at);
	if (b->bytes != bytes)
		schedule_failed("free of %zu bytes, of which %u were allocated", bytes, b->bytes);
	b->freed = true;
	b->freed_by = (int8_t)now.running;
	b->freed_at = now.points;
	blocks_alive--;
	memset(memory, POISON, bytes);
#ifdef ADDRESS_SANITIZER
	__asan_poison_memory_region(memory, bytes);
#endif
}

struct hamt_allocator
schedule_allocator(void)
{
	return (struct hamt_allocator){ .alloc = arena_alloc, .free = arena_free };
}

void
schedule_fail_one_in(unsigned fail_one_in)
{
	now.fail_one_in = fail_one_in;
}

/* arena_reset - all memory is nobody's again. */
static void
arena_reset(void)
{
	memset(shadow, 0, sizeof(shadow[0]) * (arena_used / GRANULE + 1));
#ifdef ADDRESS_SANITIZER
	__asan_poison_memory_region(arena, arena_used + GRANULE);
#endif
	arena_used = 0;
	block_count = blocks_alive = 0;
}

/* arena_check - nothing is left, and nobody wrote to what was given back. */
static void
arena_check(void)
{
	if (blocks_alive != 0) {
		for (unsigned i = 0; i < block_count; i++)
			if (!blocks[i].freed)
				fprintf(stderr, "# never freed: allocation %u, %u bytes\n", i, blocks[i].bytes);
		schedule_failed("%u blocks were never freed", blocks_alive);
	}
	for (unsigned i = 0; i < block_count; i++) {
		const struct block *b = &blocks[i];

		if (b->reused)
			continue;
#ifdef ADDRESS_SANITIZER
		/* A write would have been reported; reading it here would be, too. */
		continue;
#endif
		for (uint32_t at = 0; at < b->bytes; at++)
			if (arena[b->offset + at] != POISON)
				schedule_failed("byte %u of %u was written after thread %d freed it at point %u", at,
				    b->bytes, b->freed_by, b->freed_at);
	}
}

/* --- Store buffers ---------------------------------------------------- */

static uint64_t
memory_read(const volatile void *object, size_t size)
{
	switch (size) {
	case 1: return __atomic_load_n((const volatile uint8_t *)object, __ATOMIC_SEQ_CST);
	case 2: return __atomic_load_n((const volatile uint16_t *)object, __ATOMIC_SEQ_CST);
	case 4: return __atomic_load_n((const volatile uint32_t *)object, __ATOMIC_SEQ_CST);
	default: return __atomic_load_n((const volatile uint64_t *)object, __ATOMIC_SEQ_CST);
	}
}

static void
memory_write(volatile void *object, size_t size, uint64_t value)
{
	switch (size) {
	case 1: __atomic_store_n((volatile uint8_t *)object, (uint8_t)value, __ATOMIC_SEQ_CST); break;
	case 2: __atomic_store_n((volatile uint16_t *)object, (uint16_t)value, __ATOMIC_SEQ_CST); break;
	case 4: __atomic_store_n((volatile uint32_t *)object, (uint32_t)value, __ATOMIC_SEQ_CST); break;
	default: __atomic_store_n((volatile uint64_t *)object, value, __ATOMIC_SEQ_CST); break;
	}
}

static uint64_t
cut(uint64_t value, size_t size)
{
	return size < 8 ? value & ((UINT64_C(1) << 8 * size) - 1) : value;
}

static void
drain_one(unsigned thread)
{
	struct context *c = &context[thread];
	const struct buffered *b = &c->buffer[c->first];

	must_be_alive("a buffered store drained", b->object, b->file, b->line);
	memory_write(b->object, b->size, b->value);
	note("drains", b->file, b->line, b->object, b->value, true, false, memory_order_relaxed, (int)thread);
	c->first = (c->first + 1) % BUFFER_MAX;
	c->count--;
	now.buffered--;
	now.drained++;
}

static void
drain_all_of(unsigned thread)
{
	while (context[thread].count > 0)
		drain_one(thread);
}

static void
drain_all(void)
{
	for (unsigned i = 0; now.buffered > 0 && i < now.threads; i++)
		drain_all_of(i);
}

/* --- Who goes on ------------------------------------------------------ */

static bool
may_go_on(unsigned thread)
{
	return !context[thread].returned && (!context[thread].parked || now.left == now.parked);
}

static bool
able(unsigned entity)
{
	return entity < now.threads ? may_go_on(entity) : context[entity - now.threads].count > 0;
}

/* fall_behind - entity has the lowest priority of all from now on. */
static void
fall_behind(unsigned entity)
{
	now.priority[entity] = now.lowest--;
}

/* pick_pct - the highest of those that can; buffers only while one is not empty. */
static unsigned
pick_pct(void)
{
	unsigned best = 0, highest = 0, entities = now.buffered > 0 ? 2 * now.threads : now.threads;

	for (unsigned i = 0; i < entities; i++)
		if (now.priority[i] > highest && able(i)) {
			highest = now.priority[i];
			best = i;
		}
	return best;
}

/* pick_random - any of those that do not rest; any at all, if all do. */
static unsigned
pick_random(void)
{
	unsigned some[SCHEDULE_THREADS_MAX], count = 0;

	for (int resting = 0; resting <= 1 && count == 0; resting++)
		for (unsigned i = 0; i < now.threads; i++)
			if (may_go_on(i) && (context[i].rests > 0) == (resting != 0))
				some[count++] = i;
	return some[below(count)];
}

/* drain_some - a buffer that is not empty drains its first store, whatever its priority. */
static void
drain_some(void)
{
	unsigned first = below(now.threads);

	for (unsigned i = 0; i < now.threads; i++)
		if (context[(first + i) % now.threads].count > 0) {
			drain_one((first + i) % now.threads);
			return;
		}
}

/* due - has the next of these changes been reached? Then it is done with. */
static bool
due(const unsigned *at, unsigned *left, unsigned reached)
{
	if (*left == 0 || at[*left - 1] > reached)
		return false;
	(*left)--;
	return true;
}

static unsigned
choose_pct(void)
{
	for (;;) {
		unsigned next = pick_pct();

		while (due(now.change_at, &now.changes, now.points) ||
		    due(now.window_at, &now.window_changes, now.windows)) {
			fall_behind(next);
			next = pick_pct();
		}
		if (next < now.threads)
			return next;
		drain_one(next - now.threads);
	}
}

static unsigned
choose_random(void)
{
	for (unsigned i = 0; i < now.threads; i++)
		context[i].rests -= context[i].rests > 0;
	if (may_go_on((unsigned)now.running)) {
		if (below(now.config->one_in) != 0)
			return (unsigned)now.running;
		if (below(8) == 0)
			context[now.running].rests = below(REST_MAX);
	}
	return pick_random();
}

/* switch_to - the context of thread to, or the outside (-1), goes on. */
static void
switch_to(int to)
{
	int from = now.running;
	ucontext_t *old = from < 0 ? &outside : &context[from].context;
	ucontext_t *new = to < 0 ? &outside : &context[to].context;

	now.running = to;
#ifdef ADDRESS_SANITIZER
	void **fake = from < 0 ? &outside_fake_stack : &context[from].fake_stack;

	/* NULL: the context that ends needs its fake frames no more. */
	__sanitizer_start_switch_fiber(from >= 0 && context[from].returned ? NULL : fake,
	    to < 0 ? outside_bottom : context[to].stack, to < 0 ? outside_size : (size_t)STACK_BYTES);
#endif
	if (swapcontext(old, new) != 0)
		schedule_failed("swapcontext: %s", strerror(errno));
#ifdef ADDRESS_SANITIZER
	__sanitizer_finish_switch_fiber(*fake, NULL, NULL);
#endif
}

/* go_on - somebody goes on: the running context, if it may, or another. */
static void
go_on(void)
{
	unsigned next;

	if (now.drain_one_in != 0 && now.buffered > 0 && below(now.drain_one_in) == 0)
		drain_some();
	if (now.left == 0) {
		drain_all();
		switch_to(-1);
		return;
	}
	next = now.config->strategy == SCHEDULE_PCT ? choose_pct() : choose_random();
	if ((int)next != now.running)
		switch_to((int)next);
}

/* point - true: a thread of the schedule is running, and may now do its operation. */
static bool
point(void)
{
	if (!now.under_way)
		return false;
	now.ticks++;
	if (now.running < 0)
		return false;
	if (++now.points == SCHEDULE_POINTS_MAX)
		schedule_failed("no end after %d points: somebody waits for another, or starves", SCHEDULE_POINTS_MAX);
	if (UNLIKELY(context[now.running].park_in > 0) && --context[now.running].park_in == 0) {
		context[now.running].parked = now.was_parked = true;
		now.parked++;
	}
	go_on();
	return true;
}

/* --- Operations ------------------------------------------------------- */

static void
acted(void)
{
	context[now.running].relaxed = 0;
}

/* done - after an operation by a thread: others may come before what it does with the result. */
static void
done(const char *what, const char *file, int line, const volatile void *object, uint64_t value, bool writes,
    memory_order order)
{
	note(what, file, line, object, value, writes, false, order, now.running);
	point();
}

uint64_t
schedule_load(const char *file, int line, const volatile void *object, size_t size, memory_order order)
{
	bool inside = point();
	uint64_t value;

	if (now.under_way)
		must_be_alive("load", object, file, line);
	value = memory_read(object, size);
	if (!inside)
		return value;
	/* The youngest store of one's own comes first. */
	for (unsigned i = context[now.running].count; i-- > 0;) {
		const struct context *c = &context[now.running];
		const struct buffered *b = &c->buffer[(c->first + i) % BUFFER_MAX];

		if (b->object == object) {
			value = cut(b->value, size);
			break;
		}
	}
	now.windows += context[now.running].count > 0;
	done("load", file, line, object, value, false, order);
	return value;
}

void
schedule_store(const char *file, int line, volatile void *object, size_t size, uint64_t value, memory_order order)
{
	struct context *c;

	if (!point()) {
		if (now.under_way)
			must_be_alive("store", object, file, line);
		memory_write(object, size, value);
		return;
	}
	acted();
	must_be_alive("store", object, file, line);
	if (order == memory_order_seq_cst) {
		drain_all_of((unsigned)now.running);
		memory_write(object, size, value);
		done("store", file, line, object, cut(value, size), true, order);
		return;
	}
	c = &context[now.running];
	if (c->count == BUFFER_MAX)
		drain_one((unsigned)now.running);
	c->buffer[(c->first + c->count) % BUFFER_MAX] = (struct buffered){ object, size, value, file, line };
	c->count++;
	now.buffered++;
	done("store, buffered,", file, line, object, cut(value, size), true, order);
}

/* begin_update - before a read-modify-write: its thread's stores come first. */
static bool
begin_update(const char *file, int line, const volatile void *object)
{
	bool inside = point();

	if (now.under_way)
		must_be_alive("read-modify-write", object, file, line);
	if (inside) {
		acted();
		drain_all_of((unsigned)now.running);
	}
	return inside;
}

uint64_t
schedule_exchange(const char *file, int line, volatile void *object, size_t size, uint64_t value,
    memory_order order)
{
	bool inside = begin_update(file, line, object);
	uint64_t old;

	switch (size) {
	case 1: old = __atomic_exchange_n((volatile uint8_t *)object, (uint8_t)value, __ATOMIC_SEQ_CST); break;
	case 2: old = __atomic_exchange_n((volatile uint16_t *)object, (uint16_t)value, __ATOMIC_SEQ_CST); break;
	case 4: old = __atomic_exchange_n((volatile uint32_t *)object, (uint32_t)value, __ATOMIC_SEQ_CST); break;
	default: old = __atomic_exchange_n((volatile uint64_t *)object, value, __ATOMIC_SEQ_CST); break;
	}
	if (inside)
		done("exchange", file, line, object, cut(value, size), true, order);
	return old;
}

#define COMPARE_EXCHANGE(type)                                                 \
	__atomic_compare_exchange_n((volatile type *)object, (type *)expected, (type)desired, false, \
	    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

bool
schedule_compare_exchange(const char *file, int line, volatile void *object, size_t size, void *expected,
    uint64_t desired, memory_order order)
{
	bool inside = begin_update(file, line, object), swapped;

	switch (size) {
	case 1: swapped = COMPARE_EXCHANGE(uint8_t); break;
	case 2: swapped = COMPARE_EXCHANGE(uint16_t); break;
	case 4: swapped = COMPARE_EXCHANGE(uint32_t); break;
	default: swapped = COMPARE_EXCHANGE(uint64_t); break;
	}
	if (inside)
		done(swapped ? "cas" : "cas fails", file, line, object,
		    cut(swapped ? desired : memory_read(object, size), size), swapped, order);
	return swapped;
}

uint64_t
schedule_add(const char *file, int line, volatile void *object, size_t size, uint64_t more, memory_order order)
{
	bool inside = begin_update(file, line, object);
	uint64_t old;

	switch (size) {
	case 1: old = __atomic_fetch_add((volatile uint8_t *)object, (uint8_t)more, __ATOMIC_SEQ_CST); break;
	case 2: old = __atomic_fetch_add((volatile uint16_t *)object, (uint16_t)more, __ATOMIC_SEQ_CST); break;
	case 4: old = __atomic_fetch_add((volatile uint32_t *)object, (uint32_t)more, __ATOMIC_SEQ_CST); break;
	default: old = __atomic_fetch_add((volatile uint64_t *)object, more, __ATOMIC_SEQ_CST); break;
	}
	if (inside)
		done("add", file, line, object, cut(old + more, size), true, order);
	return old;
}

void
schedule_sleep(void)
{
	if (!now.under_way || now.running < 0)
		return;
	context[now.running].relaxed = 0;
	context[now.running].rests = REST_MAX / 10;
	fall_behind((unsigned)now.running);
	point();
}

void
schedule_relax(void)
{
	if (!now.under_way || now.running < 0)
		return;
	/* Who spins waits, if only for time to pass: let it. */
	if (++context[now.running].relaxed >= RELAX_MAX)
		schedule_sleep();
	else
		point();
}

void
schedule_alloc_point(size_t bytes)
{
	if (point())
		note("alloc", NULL, 0, NULL, bytes, false, true, memory_order_relaxed, now.running);
}

void
schedule_free_point(void *memory, size_t bytes)
{
	struct context *c;
	unsigned through = 0;

	if (!point())
		return;
	/* Whoever gives memory back has stored to it before: not after. */
	c = &context[now.running];
	for (unsigned i = 0; i < c->count; i++) {
		uintptr_t object = (uintptr_t)c->buffer[(c->first + i) % BUFFER_MAX].object;

		if (object - (uintptr_t)memory < bytes)
			through = i + 1;
	}
	for (; through > 0; through--)
		drain_one((unsigned)now.running);
	note("free", NULL, 0, memory, bytes, true, true, memory_order_relaxed, now.running);
}

bool
schedule_barrier(void)
{
	if (!now.under_way)
		return false;
	if (point()) {
		acted();
		drain_all();
		note("barrier: all buffers drain", __FILE__, __LINE__, NULL, 0, false, true, memory_order_seq_cst,
		    now.running);
	}
	return true;
}

unsigned
schedule_points(void)
{
	return now.points;
}

void
schedule_park(unsigned thread, unsigned at)
{
	misuse_if(now.running >= 0, "schedule_park: before schedule_run");
	now.park_thread = thread;
	now.park_at = at;
}

bool
schedule_was_parked(void)
{
	return now.was_parked;
}

bool
schedule_under_way(void)
{
	return now.under_way;
}

uint64_t
schedule_tick(void)
{
	return ++now.ticks;
}

/* --- A schedule ------------------------------------------------------- */

static void *
from_system(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		fprintf(stderr, "scheduler: no memory (%zu bytes)\n", bytes);
		exit(1);
	}
	return memory;
}

static void
prepare_process(void)
{
	arena = from_system(ARENA_BYTES);
	shadow = from_system(sizeof(shadow[0]) * (ARENA_BYTES / GRANULE + 1));
	blocks = from_system(sizeof(blocks[0]) * BLOCKS_MAX);
	trace = from_system(sizeof(trace[0]) * SCHEDULE_POINTS_MAX);
	for (unsigned i = 0; i < SCHEDULE_THREADS_MAX; i++)
		context[i].stack = from_system(STACK_BYTES);
#ifdef ADDRESS_SANITIZER
	__asan_poison_memory_region(arena, ARENA_BYTES);
	__sanitizer_set_death_callback(say_schedule);
#endif
	signal(SIGABRT, on_signal);
#ifndef ADDRESS_SANITIZER
	signal(SIGSEGV, on_signal);
	signal(SIGBUS, on_signal);
#endif
}

void
schedule_begin(const struct schedule_config *config, uint64_t seed)
{
	if (arena == NULL)
		prepare_process();
	memset(&now, 0, sizeof(now));
	now.config = config;
	now.seed = seed;
	now.state = seed * 3 + (config->strategy == SCHEDULE_PCT ? config->depth : 1000 + config->one_in);
	/* Neighbouring seeds have nothing in common. */
	now.state = next_random(&now.state);
	now.draw_state = next_random(&now.state);
	now.fail_state = next_random(&now.state);
	now.reuse = below(4) == 0;
	now.running = -1;
	trace_count = 0;
	arena_reset();
	now.under_way = true;
}

static void
context_main(unsigned thread)
{
#ifdef ADDRESS_SANITIZER
	/* Not yet known: this is the first context that was entered from outside. */
	__sanitizer_finish_switch_fiber(NULL, outside_bottom == NULL ? &outside_bottom : NULL,
	    outside_bottom == NULL ? &outside_size : NULL);
#endif
	now.body(now.arg, thread);
	context[thread].returned = true;
	now.parked -= context[thread].parked;
	now.left--;
	go_on();
}

static void
context_prepare(struct context *c, unsigned thread)
{
	c->returned = false;
	c->rests = c->relaxed = c->first = c->count = 0;
	c->parked = false;
	c->park_in = now.park_thread == thread ? now.park_at : 0;
	if (getcontext(&c->context) != 0)
		schedule_failed("getcontext: %s", strerror(errno));
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = STACK_BYTES;
	c->context.uc_link = NULL;
	/* makecontext() passes int arguments, whatever the prototype it is given. */
	makecontext(&c->context, (void (*)(void))context_main, 1, thread);
}

/* draw_changes - count numbers from 1 to limit, the largest first. */
static void
draw_changes(unsigned *at, unsigned count, unsigned limit)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned drawn = 1 + below(limit), k = i;

		for (; k > 0 && at[k - 1] < drawn; k--)
			at[k] = at[k - 1];
		at[k] = drawn;
	}
}

/*
 * pct_prepare - priorities, and when somebody falls behind. Where the number of
 * points is not known it is of the right magnitude one time in a few.
 * Store buffers add moments of their own: a thread has loaded while a store of its
 * waits (a window). There are far fewer of them than points, so half of
 * the changes are drawn from them; and in half of the schedules the buffers are behind
 * all threads.
 */
static void
pct_prepare(void)
{
	unsigned entities = 2 * now.threads, changes = now.config->depth - 1;
	unsigned shuffled = below(2) != 0 ? entities : now.threads;

	now.lowest = SCHEDULE_POINTS_MAX + 2 * DEPTH_MAX;
	for (unsigned i = 0; i < entities; i++)
		now.priority[i] = now.lowest + entities - i;
	for (unsigned i = shuffled - 1; i > 0; i--) {
		unsigned with = below(i + 1), swap = now.priority[i];

		now.priority[i] = now.priority[with];
		now.priority[with] = swap;
	}
	for (unsigned i = 0; i < changes; i++)
		now.window_changes += below(2);
	now.changes = changes - now.window_changes;
	draw_changes(now.change_at, now.changes,
	    now.config->points != 0 ? now.config->points : 4u << below(11));
	draw_changes(now.window_at, now.window_changes, 1u << below(6));
}

void
schedule_run(unsigned threads, void (*body)(void *arg, unsigned thread), void *arg)
{
	static const unsigned drains[] = { 0, 0, 0, 0, 0, 0, 16, 4 };

	misuse_if(!now.under_way || now.running >= 0, "schedule_run: between schedule_begin and schedule_end");
	misuse_if(threads == 0 || threads > SCHEDULE_THREADS_MAX, "schedule_run: 1 to SCHEDULE_THREADS_MAX threads");
	now.threads = now.left = threads;
	now.parked = 0;
	now.was_parked = false;
	now.body = body;
	now.arg = arg;
	now.drain_one_in = drains[below(sizeof(drains) / sizeof(drains[0]))];
	if (now.config->strategy == SCHEDULE_PCT)
		pct_prepare();
	else if (now.drain_one_in == 0)
		now.drain_one_in = 64; /* buffers have no priority */
	for (unsigned i = 0; i < threads; i++)
		context_prepare(&context[i], i);
	switch_to((int)(now.config->strategy == SCHEDULE_PCT ? choose_pct() : below(threads)));
	now.threads = now.park_at = 0;
}

void
schedule_end(void)
{
	misuse_if(!now.under_way || now.running >= 0, "schedule_end: after schedule_begin, outside of schedule_run");
	arena_check();
	now.under_way = false;
}
