/*
 * broken.c - plug-ins that break the contract of harness/plugin.h in one place
 * each, and must be refused when they are loaded, or when they plan.
 */
/* variants: other-version=-DOTHER_VERSION no-destroy=-DNO_DESTROY odd-name=-DODD_NAME no-symbol=-DNO_SYMBOL */
/* variants: short-table=-DSHORT_TABLE no-table=-DNO_TABLE bad-option=-DBAD_OPTION odd-flags=-DODD_FLAGS */
/* variants: long-reclaimer=-DLONG_RECLAIMER no-help=-DNO_HELP clashing=-DCLASHING lettered=-DLETTERED */
/* variants: half-begin=-DHALF_BEGIN bad-plan=-DBAD_PLAN refusing=-DREFUSING half-hold=-DHALF_HOLD */
#include "harness/plugin.h"

#if defined(HALF_BEGIN) || defined(BAD_PLAN) || defined(REFUSING)

static bool
make_plan(
    const struct option_values *options, unsigned threads, struct plan *plan, char *error, size_t error_size)
{
	(void)options;
	(void)threads;
#ifdef REFUSING
	(void)plan;
	snprintf(error, error_size, "it never\nruns");
	return false;
#else
	(void)error;
	(void)error_size;
	plan->keys = 10;
	plan->prefill = 11;
	plan->needs = OP_BIT(OP_GET);
	return true;
#endif
}

static void
loop(struct worker *worker)
{
	(void)worker;
}

#ifdef HALF_BEGIN
static bool
begin(struct worker *worker)
{
	(void)worker;
	return true;
}
#endif

const struct workload hamtbench_workload = {
	.version = PLUGIN_VERSION,
#if defined(HALF_BEGIN)
	.name = "half-begin",
	.begin = begin,
#elif defined(BAD_PLAN)
	.name = "bad-plan",
#else
	.name = "refusing",
#endif
	.help = "for tests: broken",
	.plan = make_plan,
	.loop = loop,
};

#elif defined(NO_SYMBOL)

extern const int nothing_of_interest;
const int nothing_of_interest = 1;

#elif defined(SHORT_TABLE)

/* The first members of a struct subject, and no more. */
struct short_subject {
	uint32_t version;
	const char *name;
};
extern const struct short_subject hamtbench_subject;
const struct short_subject hamtbench_subject = { PLUGIN_VERSION, "short-table" };

#elif defined(NO_TABLE)

int hamtbench_subject(void);

int
hamtbench_subject(void)
{
	return 1;
}

#else

static void *
create(const struct subject_params *params, char *error, size_t error_size)
{
	(void)params;
	snprintf(error, error_size, "it is broken");
	return NULL;
}

#ifndef NO_DESTROY
static void
destroy(void *map, struct reclaim_stats *last)
{
	(void)map;
	*last = (struct reclaim_stats){ 0 };
}
#endif

static void *
attach(void *map, unsigned thread, const struct reclaim_probe *probe)
{
	(void)thread;
	(void)probe;
	return map;
}

static void
detach(void *handle)
{
	(void)handle;
}

static enum op_result
op(void *handle, uint64_t key, uint64_t *value)
{
	(void)handle;
	(void)key;
	(void)value;
	return OP_MISS;
}

#ifdef HALF_HOLD
static bool
hold(void *handle, uint64_t key)
{
	(void)handle;
	(void)key;
	return false;
}
#endif

static const struct plugin_option options[] = {
#if defined(BAD_OPTION)
	{ .name = "size", .type = OPTION_COUNT, .initial = "12Q", .meta = "N", .help = "of no known unit" },
#elif defined(CLASHING)
	{ .name = "threads", .type = OPTION_TEXT, .meta = "TEXT", .help = "run has an option of that name" },
#elif defined(LETTERED)
	{ .name = "tint", .letter = 't', .type = OPTION_TEXT, .meta = "TEXT", .help = "run has that letter" },
#endif
	{ .name = NULL },
};

const struct subject hamtbench_subject = {
#ifdef OTHER_VERSION
	.version = PLUGIN_VERSION + 6,
#else
	.version = PLUGIN_VERSION,
#endif
#if defined(OTHER_VERSION)
	.name = "other-version",
#elif defined(NO_DESTROY)
	.name = "no-destroy",
#elif defined(ODD_NAME)
	.name = "odd name",
#elif defined(BAD_OPTION)
	.name = "bad-option",
#elif defined(ODD_FLAGS)
	.name = "odd-flags",
#elif defined(LONG_RECLAIMER)
	.name = "long-reclaimer",
#elif defined(NO_HELP)
	.name = "no-help",
#elif defined(CLASHING)
	.name = "clashing",
#elif defined(LETTERED)
	.name = "lettered",
#elif defined(HALF_HOLD)
	.name = "half-hold",
	.hold = hold,
#endif
#ifndef NO_HELP
	.help = "for tests: broken",
#endif
#ifdef LONG_RECLAIMER
	.reclaimer = "a reclaimer whose name is longer than its column",
#else
	.reclaimer = "none",
#endif
	.progress = "blocking",
#ifdef ODD_FLAGS
	.flags = SUBJECT_EMPTY | 1u << 31,
#else
	.flags = SUBJECT_EMPTY,
#endif
	.options = options,
	.create = create,
#ifndef NO_DESTROY
	.destroy = destroy,
#endif
	.attach = attach,
	.detach = detach,
	.get = op,
	.insert = op,
	.upsert = op,
	.remove = op,
};

#endif
