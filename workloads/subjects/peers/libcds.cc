/*
 * libcds.cc - three maps of libcds, each under its hazard pointers and under
 * its dynamic ones (DHP): FeldmanHashMap, a multi-level array of hashes (wait-free in its
 * paper: Feldman, LaBorde, Dechev 2013); MichaelHashMap, buckets of sorted lists (Michael
 * 2002); SplitListMap, a list in the order of reversed hashes (Shalev and Shavit 2006).
 *
 * Costs of the adapter: a node is allocated per key put in, and by an insert that finds its key, too, since libcds
 * makes it before it looks. No subject has an upsert: update() of Michael's and the split list hands out the value in its
 * node, and what is written there while the node is removed is lost with it; Feldman's shows a new node before
 * its function has filled it in. Michael's table is sized in advance, a
 * bucket for each expected key; the split list grows by itself up to as many; Feldman's without end, by arrays of
 * libcds's default sizes (2^8, then 2^4). A thread registers with libcds
 * when it attaches. None of the three does without a counter of its items, which every insert and
 * remove changes: it has a cache line of its own, as in libcds's tests. Retired and freed are counted here, since libcds does not: freed by the
 * destructor of what a node holds. Iteration that others may disturb is Feldman's only, and in
 * no order that could begin at a key, so there is no scan.
 */
/* needs: lib:cds */
/* debian: libcds-dev */
/* not under tsan: libcds orders its threads by fences, and in a library that is not built for ThreadSanitizer */
/* libcds frees Feldman's arrays with another size than it took them with: no sized deallocation. */
/* variants: libcds-feldman=-DFELDMAN,-DGC_NAME=HP,-fno-sized-deallocation */
/* variants: libcds-feldman-dhp=-DFELDMAN,-DGC_NAME=DHP,-DDYNAMIC,-fno-sized-deallocation */
/* variants: libcds-michael=-DMICHAEL,-DGC_NAME=HP libcds-michael-dhp=-DMICHAEL,-DGC_NAME=DHP,-DDYNAMIC */
/* variants: libcds-split=-DSPLIT,-DGC_NAME=HP libcds-split-dhp=-DSPLIT,-DGC_NAME=DHP,-DDYNAMIC */
#include <cds/gc/dhp.h>
#include <cds/gc/hp.h>
#include <cds/init.h>
#if defined(FELDMAN)
#include <cds/container/feldman_hashmap_dhp.h>
#include <cds/container/feldman_hashmap_hp.h>
#elif defined(MICHAEL)
#include <cds/container/michael_kvlist_dhp.h>
#include <cds/container/michael_kvlist_hp.h>
#include <cds/container/michael_map.h>
#else
#include <cds/container/michael_kvlist_dhp.h>
#include <cds/container/michael_kvlist_hp.h>
#include <cds/container/split_list_map.h>
#endif

#include <atomic>
#include <memory>
#include <new>

#include "core/hash.h"

extern "C" {
#include "harness/plugin.h"

extern const struct subject hamtbench_subject;
}

#ifdef DYNAMIC
#define SUFFIX "-dhp"
#define RECLAIMER "dhp"
#else
#define SUFFIX ""
#define RECLAIMER "hp"
#endif

namespace {

using gc = cds::gc::GC_NAME;

/* One thread's counts. One writer each; read by the sampler. */
struct handle {
	struct map *owner;
	alignas(CACHE_LINE_BYTES) std::atomic<uint64_t> retired, destroyed, unused;
};

/* Whose counts the destructors of this thread add to; NULL: nobody's (main, while it destroys). */
thread_local struct handle *self;

void
count(std::atomic<uint64_t> &counter)
{
	counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

/* What a node holds. 0 is never a value: moved from, or of a node that was made for nothing. So
 * each one destroyed that is not 0 is a node destroyed. */
struct word {
	uint64_t value; /* as inserted, while the node is in the map */

	explicit word(uint64_t v = 0) : value(v) {}
	word(word &&other) : value(other.value) { other.value = 0; }
	word(const word &) = delete;
	~word()
	{
		if (self != nullptr && value != 0)
			count(self->destroyed);
	}
};

/* The seed is the map's, but libcds makes its hash functors itself: one trial runs at a time. */
uint64_t seed;

struct hashed {
	size_t operator()(uint64_t key) const { return hash_u64(key, seed); }
};

#if defined(FELDMAN)
/* Equal hash must mean equal key: hash_u64() is a bijection. */
struct traits : public cds::container::feldman_hashmap::traits {
	using hash = hashed;
	using item_counter = cds::atomicity::cache_friendly_item_counter;
};
using cds_map = cds::container::FeldmanHashMap<gc, uint64_t, word, traits>;
#elif defined(MICHAEL)
struct list_traits : public cds::container::michael_list::traits {
	using less = std::less<uint64_t>;
};
struct traits : public cds::container::michael_map::traits {
	using hash = hashed;
	using item_counter = cds::atomicity::cache_friendly_item_counter;
};
using cds_map = cds::container::MichaelHashMap<gc, cds::container::MichaelKVList<gc, uint64_t, word, list_traits>, traits>;
#else
struct traits : public cds::container::split_list::traits {
	using ordered_list = cds::container::michael_list_tag;
	using hash = hashed;
	using item_counter = cds::atomicity::cache_friendly_item_counter;
	struct ordered_list_traits : public cds::container::michael_list::traits {
		using less = std::less<uint64_t>;
	};
};
using cds_map = cds::container::SplitListMap<gc, uint64_t, word, traits>;
#endif

gc *
collector_new(size_t hazards, unsigned threads)
{
#ifdef DYNAMIC
	(void)threads;
	return new gc(hazards);
#else
	/* As many retired nodes start a scan as by libcds's defaults (8 hazards, 100 threads, twice that); of the
	 * threads that there are it would make far fewer. */
	return new gc(hazards, threads, 1600);
#endif
}

struct map {
	std::unique_ptr<gc> collector;
	std::unique_ptr<cds_map> table;
	std::unique_ptr<handle[]> handles;
	unsigned threads;
};

struct handle *
handle_of(void *opaque)
{
	return static_cast<struct handle *>(opaque);
}

cds_map &
table_of(void *opaque)
{
	return *handle_of(opaque)->owner->table;
}

void *
create(const struct subject_params *params, char *error, size_t error_size)
{
	static const bool initialized = (cds::Initialize(), true);
	struct map *m = nullptr;

	(void)initialized;
	seed = params->seed;
	self = nullptr;
	try {
		m = new struct map;
		m->threads = params->threads;
		/* One more, for the iterator; workers, their main handle, and main while it makes or frees the map. */
		m->collector.reset(collector_new(cds_map::c_nHazardPtrCount + 1, params->threads + 2));
		cds::threading::Manager::attachThread();
#if defined(FELDMAN)
		m->table.reset(new cds_map(8, 4));
#else
		m->table.reset(new cds_map(params->size, 1));
#endif
		m->handles.reset(new handle[params->threads + 1]());
		for (unsigned i = 0; i <= params->threads; i++)
			m->handles[i].owner = m;
		cds::threading::Manager::detachThread();
	} catch (const std::bad_alloc &) {
		snprintf(error, error_size, "no memory");
		delete m;
		return nullptr;
	}
	return m;
}

void
stats(void *opaque, struct reclaim_stats *s)
{
	const struct map *m = static_cast<struct map *>(opaque);

	*s = reclaim_stats{};
	/* Freed first, so that no more are freed than retired. */
	for (unsigned i = 0; i <= m->threads; i++) {
		uint64_t destroyed = m->handles[i].destroyed.load(std::memory_order_acquire);
		uint64_t unused = m->handles[i].unused.load(std::memory_order_relaxed);

		s->freed += destroyed > unused ? destroyed - unused : 0;
	}
	for (unsigned i = 0; i <= m->threads; i++)
		s->retired += m->handles[i].retired.load(std::memory_order_relaxed);
}

void
destroy(void *opaque, struct reclaim_stats *last)
{
	struct map *m = static_cast<struct map *>(opaque);
	struct handle *main_handle = &m->handles[m->threads];
	uint64_t live = 0;

	cds::threading::Manager::attachThread();
	self = main_handle;
	for (auto i = m->table->begin(); i != m->table->end(); ++i)
		live++;
	m->table.reset();
	cds::threading::Manager::detachThread();
	/* Frees all that waits for a scan. */
	m->collector.reset();
	stats(m, last);
	/* Those that were in the map were never retired. */
	last->freed -= live < last->freed ? live : last->freed;
	self = nullptr;
	delete m;
}

void *
attach(void *opaque, unsigned thread, const struct reclaim_probe *)
{
	struct map *m = static_cast<struct map *>(opaque);

	try {
		cds::threading::Manager::attachThread();
	} catch (const std::bad_alloc &) {
		return nullptr;
	}
	self = &m->handles[thread];
	return self;
}

void
detach(void *)
{
	cds::threading::Manager::detachThread();
	self = nullptr;
}

enum op_result
get(void *opaque, uint64_t key, uint64_t *value)
{
	return table_of(opaque).find(key, [value](cds_map::value_type &item) {
		*value = item.second.value;
	}) ? OP_HIT : OP_MISS;
}

enum op_result
insert(void *opaque, uint64_t key, uint64_t *value)
{
	try {
		if (table_of(opaque).emplace(key, *value))
			return OP_HIT;
	} catch (const std::bad_alloc &) {
		return OP_NOMEM;
	}
	/* The node was made and destroyed again. */
	count(handle_of(opaque)->unused);
	return OP_MISS;
}

enum op_result
remove(void *opaque, uint64_t key, uint64_t *value)
{
	if (!table_of(opaque).erase(key, [value](cds_map::value_type &item) {
		*value = item.second.value;
	}))
		return OP_MISS;
	count(handle_of(opaque)->retired);
	return OP_HIT;
}

void
each(void *opaque, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	cds_map &t = table_of(opaque);

	for (auto i = t.begin(); i != t.end(); ++i)
		visit(arg, i->first, i->second.value);
}

struct subject
table()
{
	struct subject s = {};

	s.version = PLUGIN_VERSION;
#if defined(FELDMAN)
	s.name = "libcds-feldman" SUFFIX;
	s.help = "libcds's FeldmanHashMap, a multi-level array of hashes; a node is allocated per insert, also of a key that is there; "
	         "grows by itself, never shrinks";
#elif defined(MICHAEL)
	s.name = "libcds-michael" SUFFIX;
	s.help = "libcds's MichaelHashMap, buckets of sorted lists; sized in advance; a node is allocated per insert, also of a key that "
	         "is there";
#else
	s.name = "libcds-split" SUFFIX;
	s.help = "libcds's SplitListMap, one list in the order of reversed hashes; grows by itself to a size given in advance; a node is allocated per "
	         "insert, also of a key that is there";
#endif
	s.reclaimer = RECLAIMER;
	s.progress = "lock-free";
	s.flags = SUBJECT_OWN_DETACH;
	s.create = create;
	s.destroy = destroy;
	s.attach = attach;
	s.detach = detach;
	s.get = get;
	s.insert = insert;
	s.remove = remove;
	s.stats = stats;
	s.each = each;
	return s;
}

} // namespace

const struct subject hamtbench_subject = table();
