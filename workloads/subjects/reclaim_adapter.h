/*
 * reclaim_adapter.h - what every subject over core's maps shares: the options
 * --reclaim and --backoff, and its statistics in the harness's terms.
 *
 * One plug-in is one scheme, since core inlines it. So a subject is built
 * several times from one source, -DRECLAIM=RECLAIM_EBR and so on. The one that
 * bears the map's name (FIXED is not defined) understands every scheme, and
 * names the plug-in that has it; the others know their own scheme only.
 */
#ifndef WORKLOADS_SUBJECTS_RECLAIM_ADAPTER_H
#define WORKLOADS_SUBJECTS_RECLAIM_ADAPTER_H

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "core/reclaim.h"
#include "harness/plugin.h"
#include "workloads/subjects/backoff_adapter.h"
#if RECLAIM == RECLAIM_NONE
#include "workloads/subjects/arena.h"
#endif

#define RECLAIM_PARAMETERS 3
#define RECLAIM_PARAMETER_MOST (1u << 30)

/* A word of --reclaim: which build, in which mode, and the parameters behind it. */
struct reclaim_word {
	const char *name;
	int scheme;
	enum hazard_mode mode;
	const char *suffix; /* of the plug-in that has it; NULL: the one with the map's name */
	const char *form;   /* for people: the word with its parameters, and what it is */
	const char *help;
	struct reclaim_parameter {
		const char *name; /* NULL: no more */
		size_t at;        /* an unsigned of struct reclaim_config */
	} parameter[RECLAIM_PARAMETERS];
};

#define RECLAIM_AT(name, member) { name, offsetof(struct reclaim_config, member) }
#define RECLAIM_HP_PARAMETERS { RECLAIM_AT("threshold", threshold) }
#define RECLAIM_EBR_PARAMETERS                                                                             \
	{ RECLAIM_AT("batch", threshold), RECLAIM_AT("frequency", frequency), RECLAIM_AT("free", free_most) }
#define RECLAIM_QSBR_PARAMETERS                                                                            \
	{ RECLAIM_AT("batch", threshold), RECLAIM_AT("interval", frequency), RECLAIM_AT("free", free_most) }

#define RECLAIM_HE_PARAMETERS { RECLAIM_AT("threshold", threshold), RECLAIM_AT("frequency", frequency) }

/* Parameters follow a colon, in any order, separated by commas; 0 or absent: automatic. */
static const struct reclaim_word reclaim_words[] = {
	{ .name = "hp", .scheme = RECLAIM_HP, .mode = HAZARD_AUTO, .form = "hp:threshold=N",
	    .help = "hazard pointers, with membarrier(2) instead of a fence for each announcement, where it may be "
	            "used; N retired objects of a thread start a scan. Garbage is bounded",
	    .parameter = RECLAIM_HP_PARAMETERS },
	{ .name = "hp-fence", .scheme = RECLAIM_HP, .mode = HAZARD_FENCE, .form = "hp-fence:threshold=N",
	    .help = "the classic form: a sequentially consistent store for each announcement",
	    .parameter = RECLAIM_HP_PARAMETERS },
	{ .name = "hp-asymmetric", .scheme = RECLAIM_HP, .mode = HAZARD_ASYMMETRIC, .form = "hp-asymmetric:threshold=N",
	    .help = "hp that insists on membarrier(2): an error where it is refused",
	    .parameter = RECLAIM_HP_PARAMETERS },
	{ .name = "ebr", .scheme = RECLAIM_EBR, .mode = HAZARD_AUTO, .suffix = "ebr",
	    .form = "ebr:batch=N,frequency=N,free=N",
	    .help = "epochs: an operation announces the epoch it runs in (with membarrier(2) instead of a fence, where "
	            "it may be used). What is old enough is looked for every batch of N retired objects, the epoch "
	            "advanced at every N-th retire, and at most N objects freed for each retire (0: all at once). "
	            "Garbage has no bound: a thread that stops inside an operation keeps all",
	    .parameter = RECLAIM_EBR_PARAMETERS },
	{ .name = "ebr-fence", .scheme = RECLAIM_EBR, .mode = HAZARD_FENCE, .suffix = "ebr",
	    .form = "ebr-fence:batch=N,frequency=N,free=N",
	    .help = "the classic form: a sequentially consistent store for each operation",
	    .parameter = RECLAIM_EBR_PARAMETERS },
	{ .name = "qsbr", .scheme = RECLAIM_QSBR, .mode = HAZARD_AUTO, .suffix = "qsbr",
	    .form = "qsbr:batch=N,interval=N,free=N",
	    .help = "quiescent states: a thread says after every N operations that it reads nothing; batch and free as "
	            "for ebr. Garbage has no bound: a thread that stops anywhere keeps all",
	    .parameter = RECLAIM_QSBR_PARAMETERS },
	{ .name = "he", .scheme = RECLAIM_HE, .mode = HAZARD_AUTO, .suffix = "he", .form = "he:threshold=N,frequency=N",
	    .help = "hazard eras: a thread announces when it reads, only where the era has changed (with membarrier(2) "
	            "instead of a fence, where it may be used); threshold as for hp, an era for every frequency new "
	            "objects of a thread; 16 bytes more for each node. Garbage is bounded by the size of the map",
	    .parameter = RECLAIM_HE_PARAMETERS },
	{ .name = "he-fence", .scheme = RECLAIM_HE, .mode = HAZARD_FENCE, .suffix = "he",
	    .form = "he-fence:threshold=N,frequency=N",
	    .help = "a sequentially consistent store where the era has changed", .parameter = RECLAIM_HE_PARAMETERS },
	{ .name = "none", .scheme = RECLAIM_NONE, .mode = HAZARD_AUTO, .suffix = "none", .form = "none",
	    .help = "nothing is freed before the end, an arena for each thread: without the work of reclamation, "
	            "and without the warm memory that it gives back" },
};
#define RECLAIM_WORDS (sizeof(reclaim_words) / sizeof(reclaim_words[0]))

/* Of the plug-in: its word, its name behind the map's, what its help says instead of the map's. */
#if RECLAIM == RECLAIM_HP && defined(FIXED)
#define RECLAIM_INITIAL "hp-fence"
#define RECLAIM_ADAPTER_SUMMARY(map, help) \
	map " with a sequentially consistent store for each hazard pointer: the classic form"
#elif RECLAIM == RECLAIM_HP
#define RECLAIM_INITIAL "hp"
#define RECLAIM_ADAPTER_SUMMARY(map, help) help
#elif RECLAIM == RECLAIM_EBR
#define RECLAIM_INITIAL "ebr"
#define RECLAIM_ADAPTER_SUMMARY(map, help) map " under epochs, announced by each operation; garbage without a bound"
#elif RECLAIM == RECLAIM_QSBR
#define RECLAIM_INITIAL "qsbr"
#define RECLAIM_ADAPTER_SUMMARY(map, help)                                                                 \
	map " under quiescent states, announced every few operations; garbage without a bound"
#elif RECLAIM == RECLAIM_HE
#define RECLAIM_INITIAL "he"
#define RECLAIM_ADAPTER_SUMMARY(map, help)                                                                 \
	map " under hazard eras: 16 bytes more for each node; garbage bounded by the size of the map"
#else
#define RECLAIM_INITIAL "none"
#define RECLAIM_ADAPTER_SUMMARY(map, help) \
	map " without reclamation: nothing freed before the end; an arena per thread"
#endif

#ifdef FIXED
#define RECLAIM_ADAPTER_NAME(map) map "-" RECLAIM_INITIAL
#define RECLAIM_ADAPTER_VARIANT NULL
#else
#define RECLAIM_ADAPTER_NAME(map) map
#define RECLAIM_ADAPTER_VARIANT reclaim_adapter_variant
#endif

#if RECLAIM == RECLAIM_NONE
#define RECLAIM_ADAPTER_FLAGS SUBJECT_LEAKS
#else
#define RECLAIM_ADAPTER_FLAGS 0
#endif

/* reclaim_word_here - does this plug-in understand the word? */
static inline bool
reclaim_word_here(const struct reclaim_word *word)
{
#ifdef FIXED
	return word->scheme == RECLAIM && (RECLAIM != RECLAIM_HP || word->mode == HAZARD_FENCE);
#else
	(void)word;
	return true;
#endif
}

/* NAME=N with a comma behind it or the end. Returns where it ends; NULL: it is none of the word's. */
static inline const char *
reclaim_parse_parameter(const struct reclaim_word *word, const char *text, struct reclaim_config *config)
{
	for (size_t i = 0; i < RECLAIM_PARAMETERS && word->parameter[i].name != NULL; i++) {
		size_t length = strlen(word->parameter[i].name);
		unsigned long value;
		char *end;

		if (strncmp(text, word->parameter[i].name, length) != 0 || text[length] != '=' ||
		    !isdigit((unsigned char)text[length + 1]))
			continue;
		errno = 0;
		value = strtoul(text + length + 1, &end, 10);
		if (errno != 0 || value > RECLAIM_PARAMETER_MOST || (*end != '\0' && *end != ','))
			return NULL;
		*(unsigned *)(void *)((char *)config + word->parameter[i].at) = (unsigned)value;
		return end;
	}
	return NULL;
}

static inline void
reclaim_say_parameters(const struct reclaim_word *word, const char *text, char *error, size_t error_size)
{
	size_t used = (size_t)snprintf(error, error_size, "'%s': ", text);

	if (word->parameter[0].name == NULL) {
		snprintf(error + used, error_size - used, "%s has no parameters", word->name);
		return;
	}
	for (size_t i = 0; i < RECLAIM_PARAMETERS && word->parameter[i].name != NULL && used < error_size; i++)
		used += (size_t)snprintf(error + used, error_size - used, "%s%s=N", i > 0 ? ", " : "what follows the "
		    "colon must be of ", word->parameter[i].name);
	if (used < error_size)
		snprintf(error + used, error_size - used, "; N = 0 (automatic) to %u", RECLAIM_PARAMETER_MOST);
}

/* reclaim_adapter_parse - the word of --reclaim and its parameters; NULL and one line in error. */
static inline const struct reclaim_word *
reclaim_adapter_parse(const char *text, struct reclaim_config *config, char *error, size_t error_size)
{
	size_t length = strcspn(text, ":"), used;

	for (size_t i = 0; i < RECLAIM_WORDS; i++) {
		const struct reclaim_word *word = &reclaim_words[i];
		const char *at = text + length;

		if (strlen(word->name) != length || strncmp(text, word->name, length) != 0 || !reclaim_word_here(word))
			continue;
		*config = (struct reclaim_config){ .mode = word->mode };
		while (*at != '\0') {
			at = reclaim_parse_parameter(word, at + 1, config);
			if (at == NULL) {
				reclaim_say_parameters(word, text, error, error_size);
				return NULL;
			}
		}
		return word;
	}
	used = (size_t)snprintf(error, error_size, "'%s' must be one of", text);
	for (size_t i = 0; i < RECLAIM_WORDS && used < error_size; i++)
		if (reclaim_word_here(&reclaim_words[i]))
			used += (size_t)snprintf(error + used, error_size - used, " %s", reclaim_words[i].name);
	if (used < error_size)
		snprintf(error + used, error_size - used, ", with its parameters behind a colon");
	return NULL;
}

static inline bool
reclaim_adapter_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct reclaim_config config;
	const struct reclaim_word *word = reclaim_adapter_parse(text, &config, error, error_size);
	size_t used;

	if (word == NULL)
		return false;
	used = (size_t)snprintf(canonical, canonical_size, "%s", word->name);
	for (size_t i = 0; i < RECLAIM_PARAMETERS && word->parameter[i].name != NULL; i++) {
		unsigned value = *(const unsigned *)(const void *)((const char *)&config + word->parameter[i].at);

		if (value != 0 && used < canonical_size)
			used += (size_t)snprintf(canonical + used, canonical_size - used, "%c%s=%u",
			    canonical[used - 1] >= '0' && canonical[used - 1] <= '9' ? ',' : ':',
			    word->parameter[i].name, value);
	}
	return true;
}

static inline void
reclaim_adapter_forms(void (*show)(const char *form, const char *help))
{
	for (size_t i = 0; i < RECLAIM_WORDS; i++)
		if (reclaim_word_here(&reclaim_words[i]))
			show(reclaim_words[i].form, reclaim_words[i].help);
}

/* All that this plug-in has, but hp-asymmetric: where that can be had at all it is hp. */
static inline const char *
reclaim_adapter_choice(size_t i)
{
#ifdef FIXED
	/* There is nothing to choose, but a fence or none. */
	if (RECLAIM == RECLAIM_HP || RECLAIM == RECLAIM_NONE)
		return NULL;
#endif
	for (size_t k = 0; k < RECLAIM_WORDS; k++)
		if (reclaim_word_here(&reclaim_words[k]) && reclaim_words[k].mode != HAZARD_ASYMMETRIC && i-- == 0)
			return reclaim_words[k].name;
	return NULL;
}

#define RECLAIM_ADAPTER_OPTIONS                                                                             \
	{ .name = "reclaim", .type = OPTION_TEXT, .initial = RECLAIM_INITIAL, .meta = "SCHEME",                \
	    .check = reclaim_adapter_check, .forms = reclaim_adapter_forms, .choice = reclaim_adapter_choice,                              \
	    .help = "how memory is reclaimed: see hamtbench list reclaim" },                                  \
	BACKOFF_ADAPTER_OPTION

/* reclaim_adapter_variant - subject.variant: the suffix of the plug-in that has the scheme. */
static inline const char *
reclaim_adapter_variant(const struct option_values *options)
{
	struct reclaim_config config;
	char error[512];
	const struct reclaim_word *word =
	    reclaim_adapter_parse(option_text(options, "reclaim"), &config, error, sizeof(error));

	return word != NULL ? word->suffix : NULL;
}

/* What a map needs of reclamation. */
struct reclaim_adapter {
	struct reclaim_domain *domain; /* ours too, so that it can be asked when the map is gone */
#if RECLAIM == RECLAIM_NONE
	struct arena_map arena;
#endif
};

/*
 * reclaim_adapter_open - by the options of a subject that declares
 * RECLAIM_ADAPTER_OPTIONS; they are checked already. Also *contention, which is
 * for the domain's lists, too. False and one line in error. r must stay where it is.
 */
static inline bool
reclaim_adapter_open(struct reclaim_adapter *r, const struct option_values *options,
    struct contention_config *contention, char *error, size_t error_size)
{
	struct reclaim_config config;

	if (reclaim_adapter_parse(option_text(options, "reclaim"), &config, error, error_size) == NULL ||
	    !contention_parse(option_text(options, "backoff"), contention, error, error_size))
		return false;
	config.contention = *contention;
#if RECLAIM == RECLAIM_NONE
	arena_init(&r->arena);
	config.allocator = (struct hamt_allocator){ arena_alloc, arena_free, &r->arena };
#endif
	switch (reclaim_domain_new(&config, &r->domain)) {
	case HAMT_OK:
		return true;
	case HAMT_MISMATCH:
		snprintf(error, error_size, "%s: membarrier(2) is refused here", option_text(options, "reclaim"));
		return false;
	default:
		snprintf(error, error_size, "no memory");
		return false;
	}
}

static inline void
reclaim_adapter_close(struct reclaim_adapter *r)
{
	reclaim_domain_drop(r->domain);
#if RECLAIM == RECLAIM_NONE
	arena_free_all(&r->arena);
#endif
}

/*
 * A subject's map begins with its struct reclaim_adapter, so that the functions that take a map
 * serve all subjects; stats and pending are their hooks as they are.
 *
 * reclaim_adapter_new - such a map of so many bytes, zeroes behind the adapter, which is open. NULL and
 * one line in error.
 */
static inline void *
reclaim_adapter_new(size_t bytes, const struct subject_params *params, struct contention_config *contention, char *error,
    size_t error_size)
{
	struct reclaim_adapter *r = calloc(1, bytes);

	if (r == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	if (!reclaim_adapter_open(r, params->options, contention, error, error_size)) {
		free(r);
		return NULL;
	}
	return r;
}

/* reclaim_adapter_refuse - the map that was to be in it could not be made: NULL, for create to return. */
static inline void *
reclaim_adapter_refuse(void *map, char *error, size_t error_size)
{
	snprintf(error, error_size, "no memory");
	reclaim_adapter_close(map);
	free(map);
	return NULL;
}

/* The harness's probe as core wants it: NULL where nothing is to be stamped. */
static inline const struct reclaim_probe *
reclaim_adapter_probe(const struct reclaim_probe *probe)
{
	return probe->now_ns != NULL ? probe : NULL;
}

static inline void
reclaim_adapter_stats(void *map, struct reclaim_stats *stats)
{
	const struct reclaim_adapter *r = map;
	struct reclaim_totals t;

	reclaim_domain_stats(r->domain, &t);
	*stats = (struct reclaim_stats){
		.retired = t.retired, .freed = t.freed,
		.retired_bytes = t.retired_bytes, .freed_bytes = t.freed_bytes,
		.scans = t.scans, .examined = t.examined, .blocked = t.blocked,
		.bound = t.bound,
	};
}

/* reclaim_adapter_end - the last handle is dropped: the totals, where what an arena holds is as good as freed; then it is gone. */
static inline void
reclaim_adapter_end(void *map, struct reclaim_stats *last)
{
	reclaim_adapter_stats(map, last);
#if RECLAIM == RECLAIM_NONE
	last->freed = last->retired;
	last->freed_bytes = last->retired_bytes;
#endif
	reclaim_adapter_close(map);
	free(map);
}

/* For reclaim_domain_each_pending(), whose visitor also gets the size. */
struct reclaim_adapter_visit {
	void (*visit)(void *arg, uint64_t retired_at_ns);
	void *arg;
};

static inline void
reclaim_adapter_visit_one(void *arg, uint64_t retired_at_ns, size_t bytes)
{
	const struct reclaim_adapter_visit *v = arg;

	(void)bytes;
	v->visit(v->arg, retired_at_ns);
}

static inline void
reclaim_adapter_pending(void *map, void (*visit)(void *arg, uint64_t retired_at_ns), void *arg)
{
	const struct reclaim_adapter *r = map;
	struct reclaim_adapter_visit v = { visit, arg };

	reclaim_domain_each_pending(r->domain, reclaim_adapter_visit_one, &v);
}

/* reclaim_adapter_result - what an update's status is to the harness, where OK means that it hit. */
static inline enum op_result
reclaim_adapter_result(enum hamt_status status)
{
	return UNLIKELY(status == HAMT_NOMEM) ? OP_NOMEM : status == HAMT_OK ? OP_HIT : OP_MISS;
}

#endif
