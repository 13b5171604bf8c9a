/*
 * test_fuzz_hamt_bytes.c - sequences of operations on byte strings, made of bytes, against
 * a plain table: as test_fuzz_hamt.c, with hashes that all meet, keys that begin or end
 * alike, the empty key and the empty value, and guards held while others replace and remove.
 */
/* not under tsan: one thread */
#include "core/hamt.h"
#include "core/tests/fuzz.h"
#include "core/tests/seed_fixture.h"

#define RANGE 64u
#define CHECK_EVERY 16u /* operations */

struct text {
	char data[48];
	size_t bytes;
};

struct world {
	struct hamt_bytes *h;
	struct meter meter;
	uint64_t calls;               /* of the allocator before the operation */
	struct text key[RANGE], value[RANGE];
	bool present[RANGE];
	unsigned seen[RANGE];
	uint64_t count;
	struct hamt_guard guard[HAMT_GUARDS];
	struct text guarded[HAMT_GUARDS]; /* what they were given */
	/* An iteration across the operations. */
	struct hamt_cursor cursor;
	bool throughout[RANGE];
	unsigned visited[RANGE];
};

static struct hamt_string
string(const struct text *t)
{
	return (struct hamt_string){ t->bytes != 0 ? t->data : NULL, t->bytes };
}

static bool
same(struct hamt_string a, const struct text *b)
{
	return a.bytes == b->bytes && (a.bytes == 0 || memcmp(a.data, b->data, a.bytes) == 0);
}

/* Keys of 0 to 40 bytes; three in four begin or end alike, or hold a NUL. */
static void
make_keys(struct world *w)
{
	for (unsigned i = 0; i < RANGE; i++) {
		struct text *t = &w->key[i];
		static const char *const form[] = { "%u", "the same eight, and %u", "%u ends alike", "%u" };

		t->bytes = i == 0 ? 0 : (size_t)snprintf(t->data, sizeof(t->data), form[i % 4], i);
		if (i % 4 == 3) /* with the NUL, and one more */
			t->bytes += 2;
	}
}

static struct text
value_of(uint64_t number)
{
	struct text t = { .bytes = number % 7 == 0 ? 0 : 1 + number * 5 % 40 };

	for (size_t i = 0; i < t.bytes; i++)
		t.data[i] = (char)(number * 31 + i);
	return t;
}

static unsigned
index_of(const struct world *w, struct hamt_string key)
{
	unsigned index = 0;

	while (index < RANGE && !same(key, &w->key[index]))
		index++;
	CHECK(index < RANGE);
	return index;
}

/* Is it the status wanted, and done? Or is it that there was no memory? */
static bool
done(const struct world *w, enum hamt_status status, enum hamt_status wanted)
{
	if (status == HAMT_NOMEM) {
		CHECK(meter_refused(&w->meter, w->calls));
		return false;
	}
	CHECK_EQ(status, wanted);
	return true;
}

static void
put(struct world *w, unsigned index, const struct text *value)
{
	w->count += !w->present[index];
	w->present[index] = true;
	w->value[index] = *value;
}

static void
take(struct world *w, unsigned index)
{
	w->count -= w->present[index];
	w->present[index] = w->throughout[index] = false;
}

/* What a guard was given is still there. */
static void
guards_hold(const struct world *w)
{
	for (unsigned g = 0; g < HAMT_GUARDS; g++)
		if (w->guard[g].handle != NULL)
			CHECK(same((struct hamt_string){ w->guard[g].value, w->guard[g].value_bytes }, &w->guarded[g]));
}

/* A guard that is free, after releasing one if need be. */
static unsigned
free_guard(struct world *w, unsigned which)
{
	for (unsigned g = 0; g < HAMT_GUARDS; g++)
		if (w->guard[g].handle == NULL)
			return g;
	hamt_guard_release(&w->guard[which % HAMT_GUARDS]);
	return which % HAMT_GUARDS;
}

static void
look(void *arg, struct hamt_string key, struct hamt_string value)
{
	struct world *w = arg;
	unsigned index = index_of(w, key);

	CHECK(w->present[index]);
	CHECK(same(value, &w->value[index]));
	w->seen[index]++;
}

static void
found(void *arg, size_t index, struct hamt_string value)
{
	struct world *w = arg;

	CHECK(index < RANGE && w->present[index]);
	CHECK(same(value, &w->value[index]));
	w->seen[index]++;
}

static void
seen_all_once(struct world *w)
{
	for (unsigned i = 0; i < RANGE; i++)
		CHECK_EQ(w->seen[i], w->present[i]);
	memset(w->seen, 0, sizeof(w->seen));
}

static void
check_all(struct world *w)
{
	uint64_t calls = meter_read(&w->meter.calls), from = meter_read(&w->meter.fail_from);
	uint64_t to = meter_read(&w->meter.fail_to);
	struct hamt_cursor cursor = { 0 };
	struct hamt_string keys[RANGE];
	struct hamt_shape shape;
	char said[256] = "";

	/* Its own memory is not refused, and not counted. */
	meter_fail(&w->meter, 0, 0);
	if (!hamt_bytes_check(w->h, &shape, said, sizeof(said))) {
		fprintf(stderr, "# %s\n", said);
		CHECK(!"hamt_bytes_check");
	}
	CHECK_EQ(shape.keys, w->count);
	while (!cursor.ended)
		CHECK_EQ(hamt_bytes_iterate(w->h, &cursor, look, w), HAMT_OK);
	seen_all_once(w);
	for (unsigned i = 0; i < RANGE; i++)
		keys[i] = string(&w->key[i]);
	CHECK_EQ(hamt_bytes_get_many(w->h, keys, RANGE, found, w), w->count);
	seen_all_once(w);
	guards_hold(w);
	calls = meter_read(&w->meter.calls) - calls;
	atomic_store_explicit(&w->meter.fail_from, from + calls, memory_order_relaxed);
	atomic_store_explicit(&w->meter.fail_to, to + calls, memory_order_relaxed);
}

static void
visit(void *arg, struct hamt_string key, struct hamt_string value)
{
	struct world *w = arg;
	unsigned index = index_of(w, key);

	CHECK(w->present[index]);
	CHECK(same(value, &w->value[index]));
	CHECK_EQ(w->visited[index]++, 0);
}

/* One step of the iteration that runs across the operations; at its end, did it keep its promise? */
static void
iterate(struct world *w)
{
	if (!done(w, hamt_bytes_iterate(w->h, &w->cursor, visit, w), HAMT_OK) || !w->cursor.ended)
		return;
	for (unsigned i = 0; i < RANGE; i++)
		CHECK(!w->throughout[i] || w->visited[i] == 1);
	w->cursor = (struct hamt_cursor){ 0 };
	memcpy(w->throughout, w->present, sizeof(w->present));
	memset(w->visited, 0, sizeof(w->visited));
}

static void
clear(struct world *w)
{
	uint64_t removed = 77, before = w->count;
	enum hamt_status status = hamt_bytes_clear(w->h, &removed);

	CHECK(status == HAMT_OK || (status == HAMT_NOMEM && meter_refused(&w->meter, w->calls)));
	for (unsigned i = 0; i < RANGE; i++) {
		size_t bytes;

		if (hamt_bytes_copy(w->h, string(&w->key[i]), NULL, 0, &bytes) == HAMT_ABSENT)
			take(w, i);
		else
			CHECK(status == HAMT_NOMEM && w->present[i] && bytes == w->value[i].bytes);
	}
	CHECK_EQ(removed, before - w->count);
}

static void
extend(struct world *w, unsigned index, unsigned step, unsigned n, uint64_t number)
{
	struct hamt_string keys[20], values[20];
	struct text value[20];
	size_t did = 77;

	for (unsigned i = 0; i < n; i++) {
		keys[i] = string(&w->key[(index + i * step) % RANGE]);
		value[i] = value_of(number + i);
		values[i] = string(&value[i]);
	}
	if (done(w, hamt_bytes_extend(w->h, keys, values, n, &did), HAMT_OK))
		CHECK_EQ(did, n);
	CHECK(did <= n);
	for (unsigned i = 0; i < did; i++)
		put(w, (index + i * step) % RANGE, &value[i]);
}

struct decision {
	enum hamt_action action;
	bool again; /* put the old value back, if there is one */
	bool present;
	struct hamt_string desired;
};

static enum hamt_action
decide(void *arg, const struct hamt_string *old, struct hamt_string *desired)
{
	struct decision *d = arg;

	d->present = old != NULL;
	*desired = d->again && old != NULL ? *old : d->desired;
	return d->action;
}

static void
compute(struct world *w, unsigned index, unsigned choice, const struct text *value)
{
	struct decision d = { .action = (enum hamt_action)(choice % 3), .again = choice == 5, .desired = string(value) };
	bool present = w->present[index];
	enum hamt_status wanted = d.action == HAMT_PUT || (d.action == HAMT_DELETE && present) ? HAMT_OK :
	    present ? HAMT_EXISTS : HAMT_ABSENT;
	bool happened = done(w, hamt_bytes_compute(w->h, string(&w->key[index]), decide, &d), wanted);

	CHECK_EQ(d.present, present);
	if (happened && d.action == HAMT_PUT && !(d.again && present))
		put(w, index, value);
	else if (happened && d.action == HAMT_DELETE)
		take(w, index);
}

static void
one_operation(struct world *w, struct fuzz_bytes *b, uint64_t number)
{
	unsigned op = fuzz_take(b, 256), index = fuzz_take(b, RANGE), g;
	struct text value = value_of(number), was = w->value[index], other = value_of(number + 1000);
	struct hamt_string key = string(&w->key[index]);
	bool present = w->present[index], guarded = op >= 128;
	char buffer[16];
	size_t bytes = 99;

	w->calls = meter_read(&w->meter.calls);
	switch (op % 17) {
	case 0:
		g = free_guard(w, op);
		CHECK_EQ(hamt_bytes_get(w->h, key, &w->guard[g]), present ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(w->guard[g].handle != NULL, present);
		w->guarded[g] = was;
		break;
	case 1:
		CHECK_EQ(hamt_bytes_copy(w->h, key, buffer, sizeof(buffer), &bytes), present ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(bytes, present ? was.bytes : 99);
		CHECK(!present || memcmp(buffer, was.data, bytes < sizeof(buffer) ? bytes : sizeof(buffer)) == 0);
		break;
	case 2:
	case 3:
		if (done(w, hamt_bytes_insert(w->h, key, string(&value)), present ? HAMT_EXISTS : HAMT_OK) && !present)
			put(w, index, &value);
		break;
	case 4:
		g = guarded ? free_guard(w, index) : 0;
		if (done(w, hamt_bytes_upsert(w->h, key, string(&value), guarded ? &w->guard[g] : NULL),
		        present ? HAMT_EXISTS : HAMT_OK)) {
			CHECK(!guarded || (w->guard[g].handle != NULL) == present);
			put(w, index, &value);
		} else {
			CHECK(!guarded || w->guard[g].handle == NULL);
		}
		if (guarded)
			w->guarded[g] = was;
		break;
	case 5:
	case 6:
		g = guarded ? free_guard(w, index) : 0;
		if (done(w, hamt_bytes_remove(w->h, key, guarded ? &w->guard[g] : NULL), present ? HAMT_OK : HAMT_ABSENT)) {
			CHECK(!guarded || (w->guard[g].handle != NULL) == present);
			take(w, index);
		} else {
			CHECK(!guarded || w->guard[g].handle == NULL);
		}
		if (guarded)
			w->guarded[g] = was;
		break;
	case 7:
		if (done(w, hamt_bytes_replace(w->h, key, string(&was), string(&value)), present ? HAMT_OK : HAMT_ABSENT) &&
		    present)
			put(w, index, &value);
		break;
	case 8:
		if (!present || !same(string(&was), &other))
			(void)done(w, hamt_bytes_replace(w->h, key, string(&other), string(&value)),
			    present ? HAMT_MISMATCH : HAMT_ABSENT);
		break;
	case 9:
		if (done(w, hamt_bytes_remove_if(w->h, key, string(&was)), present ? HAMT_OK : HAMT_ABSENT))
			take(w, index);
		break;
	case 10:
		if (!present || !same(string(&was), &other))
			(void)done(w, hamt_bytes_remove_if(w->h, key, string(&other)), present ? HAMT_MISMATCH : HAMT_ABSENT);
		break;
	case 11:
		compute(w, index, fuzz_take(b, 6), &value);
		break;
	case 12:
		extend(w, index, fuzz_take(b, RANGE), fuzz_take(b, 21), number);
		break;
	case 13:
		iterate(w);
		break;
	case 14:
		if (fuzz_take(b, 4) == 0)
			clear(w);
		break;
	case 15: /* the next allocations but some fail, or none */
		meter_fail(&w->meter, index % 16, fuzz_take(b, 4));
		break;
	default:
		if (fuzz_take(b, 2) == 0)
			hamt_guard_release(&w->guard[index % HAMT_GUARDS]);
		else if (index % 2 == 0)
			hamt_bytes_flush(w->h);
		else
			hamt_bytes_pause(w->h);
	}
	CHECK_EQ(hamt_bytes_count(w->h), w->count);
	guards_hold(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned thresholds[] = { 1, 4, 64, 0 };
	static const enum hamt_hash hashes[] = { HAMT_HASH_CONSTANT, HAMT_HASH_IDENTITY, HAMT_HASH_SEEDED };
	struct fuzz_bytes b = { data, data + size };
	struct hamt_config config = { .hash_key = HASH_KEY };
	static struct world w;
	unsigned limit;

	w = (struct world){ .count = 0 };
	make_keys(&w);
	config.min_bits = 1 + fuzz_take(&b, 6);
	config.max_bits = config.min_bits + fuzz_take(&b, 6);
	limit = fuzz_take(&b, 9);
	config.inline_limit = limit == 8 ? HAMT_INLINE_NONE : limit;
	config.hash = hashes[fuzz_take(&b, 3)];
	config.reclaim.threshold = thresholds[fuzz_take(&b, 4)];
	config.reclaim.mode = fuzz_take(&b, 2) == 0 ? HAZARD_AUTO : HAZARD_FENCE;
	config.reclaim.allocator = meter_allocator(&w.meter);
	CHECK_EQ(hamt_bytes_new(&config, &w.h), HAMT_OK);
	for (uint64_t number = 1; b.at < b.end; number++) {
		one_operation(&w, &b, number);
		if (number % CHECK_EVERY == 0)
			check_all(&w);
	}
	check_all(&w);
	meter_fail(&w.meter, 0, 0);
	for (unsigned g = 0; g < HAMT_GUARDS; g++)
		hamt_guard_release(&w.guard[g]);
	hamt_bytes_drop(w.h);
	meter_check_empty(&w.meter);
	return 0;
}

FUZZ_TARGET(.corpus = "core/tests/corpus/hamt_bytes", .inputs = 800, .longest = 1024)
