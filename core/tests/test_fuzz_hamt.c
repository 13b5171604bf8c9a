/*
 * test_fuzz_hamt.c - sequences of operations on the flagship, made of bytes, against a
 * plain table. The first bytes choose limits so small that rare paths are usual, how
 * keys share prefixes, and how often nodes are freed; each operation then takes an
 * operation, a key of 256, and what it needs. Every answer and all contents must be the
 * table's; an answer "no memory" must have its refused allocation, and changes nothing.
 */
/* not under tsan: one thread */
#include "core/hamt.h"
#include "core/tests/fuzz.h"
#include "core/tests/seed_fixture.h"

#define RANGE 256u
#define CHECK_EVERY 16u /* operations */

struct world {
	struct hamt *h[2]; /* two handles of one map; h[1] may be NULL */
	struct meter meter;
	unsigned low, high; /* where the two halves of a key's index lie in the key */
	uint64_t flip;      /* of all keys */
	bool present[RANGE];
	uint64_t value[RANGE];
	uint64_t count;
	uint64_t calls;     /* of the allocator before the operation */
	bool held;          /* h[1] is inside a read */
	/* An iteration across the operations. */
	struct hamt_cursor cursor;
	bool throughout[RANGE], ever[RANGE]; /* mapped since it began: all the time, at any time */
	unsigned seen[RANGE];
};

static uint64_t
rotated(uint64_t x, unsigned by)
{
	return by % 64 == 0 ? x : x << by % 64 | x >> (64 - by % 64);
}

/* Different keys for different indices: the halves do not overlap. */
static uint64_t
key_of(const struct world *w, unsigned index)
{
	return (rotated(index & 15, w->low) | rotated(index >> 4, w->high)) ^ w->flip;
}

static unsigned
index_of(const struct world *w, uint64_t key)
{
	unsigned index = (unsigned)(rotated(key ^ w->flip, 64 - w->low) & 15) |
	    (unsigned)(rotated(key ^ w->flip, 64 - w->high) & 15) << 4;

	CHECK_EQ(key_of(w, index), key);
	return index;
}

/* Is it the status wanted, and done? Or is it that there was no memory? */
static bool
done(const struct world *w, enum hamt_status status, enum hamt_status wanted)
{
	if (status == HAMT_NOMEM && wanted != HAMT_NOMEM) {
		CHECK(meter_refused(&w->meter, w->calls));
		return false;
	}
	CHECK_EQ(status, wanted);
	return true;
}

static void
put(struct world *w, unsigned index, uint64_t value)
{
	w->count += !w->present[index];
	w->present[index] = w->ever[index] = true;
	w->value[index] = value;
}

static void
take(struct world *w, unsigned index)
{
	w->count -= w->present[index];
	w->present[index] = w->throughout[index] = false;
}

static void
check_structure(struct world *w)
{
	uint64_t calls = meter_read(&w->meter.calls), from = meter_read(&w->meter.fail_from);
	uint64_t to = meter_read(&w->meter.fail_to);
	struct hamt_shape shape;
	char error[256] = "";

	/* Its own memory is not refused, and not counted. */
	meter_fail(&w->meter, 0, 0);
	if (!hamt_check(w->h[0], &shape, error, sizeof(error))) {
		fprintf(stderr, "# %s\n", error);
		CHECK(!"hamt_check");
	}
	CHECK_EQ(shape.keys, w->count);
	CHECK_EQ(hamt_count(w->h[0]), w->count);
	calls = meter_read(&w->meter.calls) - calls;
	atomic_store_explicit(&w->meter.fail_from, from + calls, memory_order_relaxed);
	atomic_store_explicit(&w->meter.fail_to, to + calls, memory_order_relaxed);
}

static void
check_contents(struct world *w)
{
	struct hamt_cursor cursor = { 0 };
	bool seen[RANGE] = { false };
	uint64_t keys[32], values[32], count = 0;
	size_t n;

	while ((n = hamt_iterate(w->h[0], &cursor, keys, values, 32)) > 0)
		for (size_t i = 0; i < n; i++, count++) {
			unsigned index = index_of(w, keys[i]);

			CHECK(w->present[index] && !seen[index]);
			CHECK_EQ(values[i], w->value[index]);
			seen[index] = true;
		}
	CHECK_EQ(count, w->count);
	for (unsigned i = 0; i < RANGE; i++) {
		uint64_t value = 77;

		CHECK_EQ(hamt_get(w->h[0], key_of(w, i), &value), w->present[i] ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(value, w->present[i] ? w->value[i] : 77);
	}
}

/* One step of the iteration that runs across the operations; at its end, did it keep its promise? */
static void
iterate(struct world *w, struct hamt *h, size_t batch)
{
	uint64_t keys[16], values[16];
	size_t n = hamt_iterate(h, &w->cursor, keys, values, batch);

	CHECK(n <= batch);
	for (size_t i = 0; i < n; i++) {
		unsigned index = index_of(w, keys[i]);

		/* Nothing runs beside this call: the pair is in the map now. */
		CHECK(w->present[index] && w->ever[index]);
		CHECK_EQ(values[i], w->value[index]);
		CHECK_EQ(w->seen[index]++, 0);
	}
	if (n > 0)
		return;
	for (unsigned i = 0; i < RANGE; i++)
		CHECK(!w->throughout[i] || w->seen[i] == 1);
	w->cursor = (struct hamt_cursor){ 0 };
	memcpy(w->throughout, w->present, sizeof(w->present));
	memcpy(w->ever, w->present, sizeof(w->present));
	memset(w->seen, 0, sizeof(w->seen));
}

struct decision {
	enum hamt_action action;
	bool present;
	uint64_t was, becomes;
};

static enum hamt_action
decide(void *arg, bool present, uint64_t *value)
{
	struct decision *d = arg;

	d->present = present;
	d->was = *value;
	*value = d->becomes;
	return d->action;
}

static void
compute(struct world *w, struct hamt *h, unsigned index, enum hamt_action action, uint64_t value)
{
	struct decision d = { .action = action, .becomes = value };
	bool present = w->present[index];
	enum hamt_status wanted = action == HAMT_PUT || (action == HAMT_DELETE && present) ? HAMT_OK :
	    present ? HAMT_EXISTS : HAMT_ABSENT;
	bool happened = done(w, hamt_compute(h, key_of(w, index), decide, &d), wanted);

	CHECK_EQ(d.present, present);
	CHECK_EQ(d.was, present ? w->value[index] : 0);
	if (happened && action == HAMT_PUT)
		put(w, index, value);
	else if (happened && action == HAMT_DELETE)
		take(w, index);
}

/* What is in the map after some keys may have been removed: only what was, and as many as is said. */
static void
clear(struct world *w, struct hamt *h)
{
	uint64_t removed = 77, before = w->count;
	enum hamt_status status = hamt_clear(h, &removed);

	CHECK(status == HAMT_OK || (status == HAMT_NOMEM && meter_refused(&w->meter, w->calls)));
	for (unsigned i = 0; i < RANGE; i++) {
		uint64_t value;

		if (hamt_get(h, key_of(w, i), &value) == HAMT_ABSENT) {
			take(w, i);
			continue;
		}
		CHECK(status == HAMT_NOMEM && w->present[i]);
		CHECK_EQ(value, w->value[i]);
	}
	CHECK_EQ(removed, before - w->count);
}

static void
many(struct world *w, struct hamt *h, unsigned index, unsigned step, unsigned n, uint64_t value, bool extend)
{
	uint64_t keys[40], values[40];
	bool found[40];
	size_t did = 77, hits = 0;

	for (unsigned i = 0; i < n; i++) {
		keys[i] = key_of(w, (index + i * step) % RANGE);
		values[i] = value + i;
	}
	if (extend) {
		if (done(w, hamt_extend(h, keys, values, n, &did), HAMT_OK))
			CHECK_EQ(did, n);
		CHECK(did <= n);
		for (unsigned i = 0; i < did; i++)
			put(w, (index + i * step) % RANGE, value + i);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		found[i] = w->present[(index + i * step) % RANGE] == false;
	did = hamt_get_many(h, keys, values, found, n);
	for (unsigned i = 0; i < n; i++) {
		unsigned at = (index + i * step) % RANGE;

		CHECK_EQ(found[i], w->present[at]);
		CHECK_EQ(values[i], found[i] ? w->value[at] : value + i);
		hits += found[i];
	}
	CHECK_EQ(did, hits);
}

static void
let_go(struct world *w)
{
	if (w->held)
		hamt_release(w->h[1]);
	w->held = false;
}

/* The second handle: one more, one fewer, or inside a read while the first one works on. */
static void
second_handle(struct world *w, unsigned index, unsigned what)
{
	if (w->h[1] == NULL) {
		if (!done(w, hamt_clone(w->h[0], &w->h[1]), HAMT_OK))
			w->h[1] = NULL;
	} else if (what % 2 == 0) {
		let_go(w);
		hamt_drop(w->h[1]);
		w->h[1] = NULL;
	} else {
		let_go(w);
		w->held = hamt_hold(w->h[1], key_of(w, index));
		CHECK_EQ(w->held, w->present[index]);
	}
}

static void
one_operation(struct world *w, struct fuzz_bytes *b, uint64_t number)
{
	unsigned op = fuzz_take(b, 256), index = fuzz_take(b, RANGE);
	struct hamt *h = w->h[op >= 128 && w->h[1] != NULL && !w->held];
	uint64_t key = key_of(w, index), value = number << 8 | index, old = 77;
	bool present = w->present[index];
	uint64_t was = w->value[index];

	w->calls = meter_read(&w->meter.calls);
	switch (op % 19) {
	case 0:
		CHECK_EQ(hamt_get(h, key, &old), present ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(old, present ? was : 77);
		break;
	case 1:
	case 2:
		if (done(w, hamt_insert(h, key, value), present ? HAMT_EXISTS : HAMT_OK) && !present)
			put(w, index, value);
		break;
	case 3:
		if (done(w, hamt_upsert(h, key, value, &old), present ? HAMT_EXISTS : HAMT_OK)) {
			CHECK_EQ(old, present ? was : 77);
			put(w, index, value);
		}
		break;
	case 4:
	case 5:
		if (done(w, hamt_remove(h, key, &old), present ? HAMT_OK : HAMT_ABSENT)) {
			CHECK_EQ(old, present ? was : 77);
			take(w, index);
		}
		break;
	case 6:
		if (done(w, hamt_replace(h, key, was, value), present ? HAMT_OK : HAMT_ABSENT) && present)
			put(w, index, value);
		break;
	case 7:
		(void)done(w, hamt_replace(h, key, was + 1, value), present ? HAMT_MISMATCH : HAMT_ABSENT);
		break;
	case 8:
		if (done(w, hamt_remove_if(h, key, was), present ? HAMT_OK : HAMT_ABSENT))
			take(w, index);
		break;
	case 9:
		(void)done(w, hamt_remove_if(h, key, was + 1), present ? HAMT_MISMATCH : HAMT_ABSENT);
		break;
	case 10:
		compute(w, h, index, (enum hamt_action)fuzz_take(b, 3), value);
		break;
	case 11:
	case 12:
		many(w, h, index, fuzz_take(b, RANGE), fuzz_take(b, 41), value, op % 19 == 12);
		break;
	case 13:
		iterate(w, h, 1 + fuzz_take(b, 16));
		break;
	case 14:
		if (fuzz_take(b, 4) == 0)
			clear(w, h);
		break;
	case 15:
		second_handle(w, index, fuzz_take(b, 2));
		break;
	case 16: /* the next allocations but `index` fail, or none */
		meter_fail(&w->meter, index % 16, fuzz_take(b, 4));
		break;
	case 17:
		if (fuzz_take(b, 2) == 0)
			hamt_flush(h);
		else
			hamt_pause(h);
		break;
	default: { /* an iteration that begins at a key finds it first, or what follows it */
		struct hamt_cursor cursor = hamt_cursor_at(h, key);
		size_t n = hamt_iterate(h, &cursor, &key, &old, 1);

		CHECK(!present || (n == 1 && index_of(w, key) == index && old == was));
		CHECK(n == 0 || w->present[index_of(w, key)]);
	}
	}
	CHECK_EQ(hamt_count(w->h[0]), w->count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned thresholds[] = { 1, 4, 64, 0 };
	struct fuzz_bytes b = { data, data + size };
	struct world w = { .low = 0 };
	struct hamt_config config = { .hash_key = HASH_KEY };
	unsigned limit;

	config.min_bits = 1 + fuzz_take(&b, 6);
	config.max_bits = config.min_bits + fuzz_take(&b, 6);
	limit = fuzz_take(&b, 9);
	config.inline_limit = limit == 8 ? HAMT_INLINE_NONE : limit;
	config.hash = fuzz_take(&b, 4) == 0 ? HAMT_HASH_SEEDED : HAMT_HASH_IDENTITY;
	config.reclaim.threshold = thresholds[fuzz_take(&b, 4)];
	config.reclaim.mode = fuzz_take(&b, 2) == 0 ? HAZARD_AUTO : HAZARD_FENCE;
	config.reclaim.allocator = meter_allocator(&w.meter);
	w.low = fuzz_take(&b, 64);
	w.high = w.low + 4 + fuzz_take(&b, 57);
	w.flip = fuzz_take(&b, 2) == 0 ? 0 : UINT64_MAX;
	CHECK_EQ(hamt_new(&config, &w.h[0]), HAMT_OK);
	for (uint64_t number = 1; b.at < b.end; number++) {
		one_operation(&w, &b, number);
		if (number % CHECK_EVERY == 0)
			check_structure(&w);
	}
	let_go(&w);
	check_structure(&w);
	meter_fail(&w.meter, 0, 0);
	check_contents(&w);
	hamt_drop(w.h[0]);
	if (w.h[1] != NULL)
		hamt_drop(w.h[1]);
	meter_check_empty(&w.meter);
	return 0;
}

FUZZ_TARGET(.corpus = "core/tests/corpus/hamt", .inputs = 2000, .longest = 2048)
