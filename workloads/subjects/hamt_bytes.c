/*
 * hamt_bytes.c - the flagship's map of byte strings (core/hamt.h, hamt_bytes_*) under each reclaimer, from one source.
 *
 * A value that is found is read where it lies, under a guard. The names of keys and the values that go in
 * are made by each operation (harness/bytes.h).
 */
/* variants: hamt-bytes=-DRECLAIM=RECLAIM_HP hamt-bytes-hp-fence=-DRECLAIM=RECLAIM_HP,-DFIXED */
/* variants: hamt-bytes-ebr=-DRECLAIM=RECLAIM_EBR,-DFIXED hamt-bytes-qsbr=-DRECLAIM=RECLAIM_QSBR,-DFIXED */
/* variants: hamt-bytes-he=-DRECLAIM=RECLAIM_HE,-DFIXED hamt-bytes-none=-DRECLAIM=RECLAIM_NONE,-DFIXED */
#include "core/hamt.h"
#include "harness/bytes.h"
#include "harness/random.h"
#include "workloads/subjects/reclaim_adapter.h"

/* Names that get_many and extend make at a time. */
#define GROUP 32u

struct subject_map {
	struct reclaim_adapter reclaim;
	struct hamt_bytes *first; /* main's handle; the others are its clones */
	struct subject_params params;
};

struct handle {
	CACHE_ALIGNED struct hamt_bytes *map;
	struct bytes bytes;
	struct hamt_guard held;   /* by subject_hold() */
};

static void *
subject_create(const struct subject_params *params, char *error, size_t error_size)
{
	struct hamt_config config = { .hash_key = random_mix(params->seed) | 1 };
	struct subject_map *map = reclaim_adapter_new(sizeof(*map), params, &config.contention, error, error_size);

	if (map == NULL)
		return NULL;
	map->params = *params;
	config.domain = map->reclaim.domain;
	return hamt_bytes_new(&config, &map->first) == HAMT_OK ? map : reclaim_adapter_refuse(map, error, error_size);
}

static void
subject_destroy(void *opaque, struct reclaim_stats *last)
{
	struct subject_map *map = opaque;

	/* The last handle: nobody protects anything any more, and all is freed. */
	hamt_bytes_drop(map->first);
	reclaim_adapter_end(map, last);
}

static void *
subject_attach(void *opaque, unsigned thread, const struct reclaim_probe *probe)
{
	const struct subject_map *map = opaque;
	struct handle *h = aligned_alloc(CACHE_LINE_BYTES, sizeof(*h));

	(void)thread;
	if (h == NULL)
		return NULL;
	h->held = (struct hamt_guard){ .handle = NULL };
	if (!bytes_open(&h->bytes, &map->params, GROUP)) {
		free(h);
		return NULL;
	}
	if (hamt_bytes_clone_probed(map->first, reclaim_adapter_probe(probe), &h->map) == HAMT_OK)
		return h;
	bytes_close(&h->bytes);
	free(h);
	return NULL;
}

static void
subject_detach(void *handle)
{
	struct handle *h = handle;

	hamt_bytes_drop(h->map);
	bytes_close(&h->bytes);
	free(h);
}

static void
subject_pause(void *handle)
{
	hamt_bytes_pause(((struct handle *)handle)->map);
}

static void
subject_flush(void *handle)
{
	hamt_bytes_flush(((struct handle *)handle)->map);
}

static struct hamt_string
string_of(struct byte_string s)
{
	return (struct hamt_string){ s.data, s.bytes };
}

static struct hamt_string
name_of(const struct handle *h, uint64_t key)
{
	return string_of(bytes_name(&h->bytes, key));
}

/* What the guard holds, if anything, is the operation's value; then it may go. */
static void
take_value(struct handle *h, struct hamt_guard *guard, uint64_t *value)
{
	if (guard->handle == NULL)
		return;
	*value = bytes_read(&h->bytes, guard->value, guard->value_bytes);
	hamt_guard_release(guard);
}

static enum op_result
subject_get(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct hamt_guard guard;
	enum hamt_status status = hamt_bytes_get(h->map, name_of(h, key), &guard);

	take_value(h, &guard, value);
	return status == HAMT_OK ? OP_HIT : OP_MISS;
}

static enum op_result
subject_insert(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;

	return reclaim_adapter_result(hamt_bytes_insert(h->map, name_of(h, key), string_of(bytes_value(&h->bytes, *value))));
}

static enum op_result
subject_upsert(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct hamt_guard guard;
	enum hamt_status status =
	    hamt_bytes_upsert(h->map, name_of(h, key), string_of(bytes_value(&h->bytes, *value)), &guard);

	take_value(h, &guard, value);
	return status == HAMT_EXISTS ? OP_HIT : status == HAMT_NOMEM ? OP_NOMEM : OP_MISS;
}

static enum op_result
subject_remove(void *handle, uint64_t key, uint64_t *value)
{
	struct handle *h = handle;
	struct hamt_guard guard;
	enum hamt_status status = hamt_bytes_remove(h->map, name_of(h, key), &guard);

	take_value(h, &guard, value);
	return reclaim_adapter_result(status);
}

/* Decides for replace and modify: a key that is there gets what `by` makes of its value. */
struct change {
	const struct bytes *bytes;
	uint64_t by, former;
	bool modify;
};

static enum hamt_action
change_present(void *arg, const struct hamt_string *old, struct hamt_string *desired)
{
	struct change *c = arg;

	if (old == NULL)
		return HAMT_KEEP;
	c->former = bytes_read(c->bytes, old->data, old->bytes);
	*desired = string_of(bytes_value(c->bytes, c->modify ? op_modified(c->former, c->by) : c->by));
	return HAMT_PUT;
}

static enum op_result
change(struct handle *h, uint64_t key, uint64_t *value, bool modify)
{
	struct change c = { .bytes = &h->bytes, .by = *value, .modify = modify };
	enum op_result result = reclaim_adapter_result(hamt_bytes_compute(h->map, name_of(h, key), change_present, &c));

	if (result == OP_HIT)
		*value = c.former;
	return result;
}

static enum op_result
subject_replace(void *handle, uint64_t key, uint64_t *value)
{
	return change(handle, key, value, false);
}

static enum op_result
subject_modify(void *handle, uint64_t key, uint64_t *value)
{
	return change(handle, key, value, true);
}

/* Where the values of a group go. */
struct finding {
	const struct bytes *bytes;
	uint64_t *values;
	bool *found;
};

static void
note_found(void *arg, size_t index, struct hamt_string value)
{
	const struct finding *f = arg;

	f->values[index] = bytes_read(f->bytes, value.data, value.bytes);
	f->found[index] = true;
}

static size_t
subject_get_many(void *handle, const uint64_t keys[], uint64_t values[], bool found[], size_t n)
{
	struct handle *h = handle;
	struct hamt_string names[GROUP];
	size_t hits = 0;

	for (size_t first = 0; first < n; first += GROUP) {
		size_t group = n - first < GROUP ? n - first : GROUP;
		struct finding f = { &h->bytes, values + first, found + first };

		for (size_t i = 0; i < group; i++)
			names[i] = string_of(bytes_name_at(&h->bytes, keys[first + i], i));
		hits += hamt_bytes_get_many(h->map, names, group, note_found, &f);
	}
	return hits;
}

static size_t
subject_extend(void *handle, const uint64_t keys[], const uint64_t values[], size_t n)
{
	struct handle *h = handle;
	struct hamt_string names[GROUP], texts[GROUP];
	size_t first = 0, done;

	while (first < n) {
		size_t group = n - first < h->bytes.values ? n - first : h->bytes.values;

		for (size_t i = 0; i < group; i++) {
			names[i] = string_of(bytes_name_at(&h->bytes, keys[first + i], i));
			texts[i] = string_of(bytes_value_at(&h->bytes, values[first + i], i));
		}
		if (hamt_bytes_extend(h->map, names, texts, group, &done) != HAMT_OK)
			return first + done;
		first += group;
	}
	return n;
}

/* The pairs of a scan; those beyond the last that was asked for are left out. */
struct pairs {
	const struct bytes *bytes;
	uint64_t *keys, *values;
	size_t count, most;
};

static void
note_pair(void *arg, struct hamt_string key, struct hamt_string value)
{
	struct pairs *p = arg;

	if (p->count == p->most)
		return;
	p->values[p->count] = bytes_read(p->bytes, value.data, value.bytes);
	p->keys[p->count] = bytes_key(p->bytes, key.data, key.bytes, p->values[p->count]);
	p->count++;
}

/* Without memory for the copies of a slot the scan ends there. */
static size_t
subject_scan(void *handle, uint64_t from, uint64_t keys[], uint64_t values[], size_t n)
{
	struct handle *h = handle;
	struct hamt_cursor cursor = hamt_bytes_cursor_at(h->map, name_of(h, from));
	struct pairs p = { .bytes = &h->bytes, .keys = keys, .values = values, .most = n };

	while (p.count < n && !cursor.ended && hamt_bytes_iterate(h->map, &cursor, note_pair, &p) == HAMT_OK)
		continue;
	return p.count;
}

static bool
subject_hold(void *handle, uint64_t key)
{
	struct handle *h = handle;

	return hamt_bytes_get(h->map, name_of(h, key), &h->held) == HAMT_OK;
}

static void
subject_release(void *handle)
{
	hamt_guard_release(&((struct handle *)handle)->held);
}

static uint64_t
subject_resizings(void *handle)
{
	return hamt_bytes_resizings(((struct handle *)handle)->map);
}

static void
subject_cas_stats(void *opaque, struct cas_stats *stats)
{
	const struct subject_map *map = opaque;
	struct contention_stats sums;

	hamt_bytes_contention(map->first, &sums);
	backoff_adapter_stats(&sums, stats);
}

struct visit {
	const struct bytes *bytes;
	void (*visit)(void *arg, uint64_t key, uint64_t value);
	void *arg;
};

static void
visit_pair(void *arg, struct hamt_string key, struct hamt_string value)
{
	const struct visit *v = arg;
	uint64_t word = bytes_read(v->bytes, value.data, value.bytes);

	v->visit(v->arg, bytes_key(v->bytes, key.data, key.bytes, word), word);
}

/* Without memory it ends early, and what is not visited counts as lost. */
static void
subject_each(void *handle, void (*visit)(void *arg, uint64_t key, uint64_t value), void *arg)
{
	struct handle *h = handle;
	struct hamt_cursor cursor = { 0 };
	struct visit v = { &h->bytes, visit, arg };

	while (!cursor.ended && hamt_bytes_iterate(h->map, &cursor, visit_pair, &v) == HAMT_OK)
		continue;
}

static bool
subject_check(void *handle, char *error, size_t error_size)
{
	struct hamt_shape shape;

	return hamt_bytes_check(((struct handle *)handle)->map, &shape, error, error_size);
}

static const struct plugin_option options[] = { RECLAIM_ADAPTER_OPTIONS, { .name = NULL } };

#define HELP                                                                                                   \
	"hamt for byte strings: SipHash-1-3, a leaf with key and value per key; what is found is read in place, "    \
	"under a guard; a name is made in each operation; scans in the order of hashes, of copies"

const struct subject hamtbench_subject = {
	.version = PLUGIN_VERSION,
	.name = RECLAIM_ADAPTER_NAME("hamt-bytes"),
	.help = RECLAIM_ADAPTER_SUMMARY("hamt-bytes", HELP),
	.reclaimer = RECLAIM_INITIAL,
	.flags = RECLAIM_ADAPTER_FLAGS | SUBJECT_EACH_LIVE | SUBJECT_BYTES,
	.variant = RECLAIM_ADAPTER_VARIANT,
	.progress = "lock-free",
	.options = options,
	.create = subject_create,
	.destroy = subject_destroy,
	.attach = subject_attach,
	.detach = subject_detach,
	.pause = subject_pause,
	.flush = subject_flush,
	.get = subject_get,
	.insert = subject_insert,
	.upsert = subject_upsert,
	.remove = subject_remove,
	.replace = subject_replace,
	.modify = subject_modify,
	.get_many = subject_get_many,
	.extend = subject_extend,
	.scan = subject_scan,
	.hold = subject_hold,
	.release = subject_release,
	.cas_stats = subject_cas_stats,
	.stats = reclaim_adapter_stats,
	.pending = reclaim_adapter_pending,
	.resizings = subject_resizings,
	.each = subject_each,
	.check = subject_check,
};
