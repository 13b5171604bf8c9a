/*
 * cas_word.c - the micro-benchmark of Dice, Hendler, Mirsky 2013 as a subject:
 * words that all threads change by load and compare-and-swap, each on a line
 * of its own, under one of core's contention managers.
 *
 *	word = number of compare-and-swaps that went through : 56 | version : 8
 *
 * The key is the index of the word, the value is what the last upsert said:
 * the index and the version. So the words count what they were told, and the
 * check compares their sum with what the threads did.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "core/contention.h"
#include "harness/plugin.h"
#include "workloads/subjects/backoff_adapter.h"

#define VERSION_BITS 8
#define VERSION_MASK ((UINT64_C(1) << VERSION_BITS) - 1)

struct word {
	CACHE_ALIGNED _Atomic(uint64_t) word;
};

struct words_handle {
	struct contention contention;
	struct words *map;
	_Atomic(uint64_t) *done;
};

struct words {
	uint64_t words;
	unsigned threads;
	struct word *word;
	struct contention_domain contention;
	struct word done[]; /* by thread, main's included: compare-and-swaps that went through */
};

static void *
lines_alloc(size_t bytes)
{
	void *memory = aligned_alloc(CACHE_LINE_BYTES, (bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES);

	if (memory != NULL)
		memset(memory, 0, bytes);
	return memory;
}

static void *
words_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct contention_config config;
	struct words *map = NULL;

	if (!contention_parse(option_text(params->options, "backoff"), &config, error, error_size))
		return NULL;
	if (params->keys <= SIZE_MAX / 2 / sizeof(map->word[0]))
		map = lines_alloc(sizeof(*map) + (params->threads + 1) * sizeof(map->done[0]));
	if (map != NULL)
		map->word = lines_alloc(params->keys * sizeof(map->word[0]));
	if (map == NULL || map->word == NULL) {
		snprintf(error, error_size, "no memory for %" PRIu64 " words", params->keys);
		free(map);
		return NULL;
	}
	map->words = params->keys;
	map->threads = params->threads;
	contention_domain_init(&map->contention, &config, NULL);
	return map;
}

static void
words_destroy(void *opaque, struct reclaim_stats *last)
{
	struct words *map = opaque;

	contention_domain_fini(&map->contention);
	free(map->word);
	free(map);
	*last = (struct reclaim_stats){ 0 };
}

static void *
words_attach(void *opaque, unsigned thread, const struct reclaim_probe *probe)
{
	struct words *map = opaque;
	struct words_handle *h = lines_alloc(sizeof(*h));

	(void)probe;
	if (h == NULL)
		return NULL;
	if (!contention_attach(&h->contention, &map->contention)) {
		free(h);
		return NULL;
	}
	h->map = map;
	h->done = &map->done[thread].word;
	return h;
}

static void
words_detach(void *handle)
{
	struct words_handle *h = handle;

	contention_leave(&h->contention);
	free(h);
}

static uint64_t
value_of(uint64_t key, uint64_t word)
{
	return (key + 1) << VERSION_BITS | (word & VERSION_MASK);
}

/* All accesses are relaxed: a word is a number by itself and publishes nothing. */

static enum op_result
words_get(void *handle, uint64_t key, uint64_t *value)
{
	const struct words_handle *h = handle;
	uint64_t word = atomic_load_explicit(&h->map->word[key].word, memory_order_relaxed);

	if (word >> VERSION_BITS == 0)
		return OP_MISS;
	*value = value_of(key, word);
	return OP_HIT;
}

static enum op_result
words_upsert(void *handle, uint64_t key, uint64_t *value)
{
	struct words_handle *h = handle;
	_Atomic(uint64_t) *word = &h->map->word[key].word;
	uint64_t seen;

	for (;;) {
		contention_before(&h->contention);
		seen = atomic_load_explicit(word, memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(word, &seen,
		        (seen & ~VERSION_MASK) + (UINT64_C(1) << VERSION_BITS) + (*value & VERSION_MASK),
		        memory_order_relaxed, memory_order_relaxed))
			break;
		contention_failed(&h->contention);
	}
	contention_succeeded(&h->contention);
	/* One writer; main reads it while the worker waits. */
	atomic_store_explicit(h->done, atomic_load_explicit(h->done, memory_order_relaxed) + 1, memory_order_relaxed);
	if (seen >> VERSION_BITS == 0)
		return OP_MISS;
	*value = value_of(key, seen);
	return OP_HIT;
}

static void
words_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	const struct words_handle *h = handle;

	for (uint64_t key = 0; key < h->map->words; key++) {
		uint64_t word = atomic_load_explicit(&h->map->word[key].word, memory_order_relaxed);

		if (word >> VERSION_BITS != 0)
			visit(arg, key, value_of(key, word));
	}
}

static bool
words_check(void *handle, char *error, size_t error_size)
{
	const struct words_handle *h = handle;
	const struct words *map = h->map;
	uint64_t in_words = 0, done = 0;

	for (uint64_t key = 0; key < map->words; key++)
		in_words += atomic_load_explicit(&map->word[key].word, memory_order_relaxed) >> VERSION_BITS;
	for (unsigned i = 0; i <= map->threads; i++)
		done += atomic_load_explicit(&map->done[i].word, memory_order_relaxed);
	if (in_words == done)
		return true;
	snprintf(error, error_size, "the words count %" PRIu64 " compare-and-swaps, the threads %" PRIu64, in_words, done);
	return false;
}

static void
words_cas_stats(void *opaque, struct cas_stats *stats)
{
	const struct words *map = opaque;
	struct contention_stats sums;

	contention_domain_stats(&map->contention, &sums);
	backoff_adapter_stats(&sums, stats);
}

static const struct plugin_option options[] = {
	BACKOFF_ADAPTER_OPTION,
	{ .name = NULL },
};

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = "cas-word",
	.help = "words changed by load and compare-and-swap, one for each key: contention and nothing else",
	.reclaimer = "none",
	.progress = "lock-free",
	.options = options,
	.create = words_create,
	.destroy = words_destroy,
	.attach = words_attach,
	.detach = words_detach,
	.get = words_get,
	.upsert = words_upsert,
	.each = words_each,
	.check = words_check,
	.cas_stats = words_cas_stats,
};
