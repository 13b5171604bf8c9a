/*
 * named.c - a load whose keys have names of its own: "key 1", "key 2" ... The trial is valid only
 * if somebody asked for them. Without the hook that gives them it is broken: nameless.
 */
/* variants: named=-DHAS_NAMES=1 nameless=-DHAS_NAMES=0 */
#include <stdatomic.h>
#include <stdio.h>

#include "harness/worker.h"

#define KEYS 100u

struct state {
	struct key_names names;
	_Atomic(unsigned) asked;
};

static bool
plan(const struct option_values *options, unsigned threads, struct plan *p, char *error, size_t error_size)
{
	(void)options, (void)threads, (void)error, (void)error_size;
	p->keys = KEYS;
	p->needs = OP_BIT(OP_GET) | OP_BIT(OP_UPSERT) | OP_BIT(OP_REMOVE);
	p->named = true;
	return true;
}

/* Even ones are made where the caller says, odd ones lie here. */
static struct byte_string
name(const struct key_names *names, uint64_t key, unsigned char *scratch)
{
	static const char odd[] = "an odd key with a rather long name, and more of them beside it: ";
	struct state *s = (struct state *)(uintptr_t)names;

	atomic_fetch_add_explicit(&s->asked, 1, memory_order_relaxed);
	if (key % 2 != 0 && key < sizeof(odd))
		return (struct byte_string){ odd, (size_t)key };
	return (struct byte_string){ scratch, (size_t)snprintf((char *)scratch, 24, "key %u", (unsigned)key) };
}

static void *
setup(const struct workload_params *params, char *error, size_t error_size)
{
	struct state *s = calloc(1, sizeof(*s));

	(void)params;
	if (s == NULL)
		snprintf(error, error_size, "no memory");
	else
		s->names = (struct key_names){ .name = name, .scratch_bytes = 24 };
	return s;
}

static void
teardown(void *state)
{
	free(state);
}

#if HAS_NAMES
static const struct key_names *
give_names(void *state)
{
	return &((struct state *)state)->names;
}
#define NAMES give_names
#else
#define NAMES NULL
#endif

static void
loop(struct worker *w)
{
	for (uint64_t i = 0; !worker_done(w); i++) {
		worker_call(w, OP_UPSERT, i % KEYS, i);
		worker_call(w, OP_GET, i * 7 % KEYS, 0);
		worker_call(w, OP_REMOVE, i * 3 % KEYS, 0);
	}
}

static bool
verify(void *state, const struct subject *subject, void *handle, char *error, size_t error_size)
{
	struct state *s = state;

	(void)handle;
	if (((subject->flags & SUBJECT_BYTES) != 0) == (atomic_load_explicit(&s->asked, memory_order_relaxed) != 0))
		return true;
	snprintf(error, error_size, "names were asked for %u times", atomic_load_explicit(&s->asked, memory_order_relaxed));
	return false;
}

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
	.name = HAS_NAMES ? "named" : "nameless",
	.help = "for tests: keys with names of their own",
	.plan = plan,
	.setup = setup,
	.teardown = teardown,
	.names = NAMES,
	.loop = loop,
	.verify = verify,
};
