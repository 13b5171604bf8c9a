/*
 * test_fuzz_seed_hamt.c - sequences of operations on the seed's map, made of bytes, against
 * a plain table: as test_fuzz_hamt.c, with hashes that meet in every way they can.
 */
/* not under tsan: one thread */
#include "core/seed_hamt.h"
#include "core/tests/fuzz.h"
#include "core/tests/seed_fixture.h"

#define RANGE 256u
#define CHECK_EVERY 16u /* operations */

struct world {
	struct seed_hamt *h[2]; /* h[1] may be NULL */
	struct meter meter;
	uint64_t calls;         /* of the allocator before the operation */
	bool untidy;            /* a removal found no memory to tidy up after itself */
	bool held;              /* h[1] is inside a read */
	bool present[RANGE], seen[RANGE];
	uint64_t value[RANGE];
	uint64_t count;
};

/* Is it the status wanted, and done? Or is it that there was no memory? */
static bool
done(struct world *w, enum hamt_status status, enum hamt_status wanted)
{
	w->untidy = w->untidy || meter_refused(&w->meter, w->calls);
	if (status == HAMT_NOMEM) {
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
	w->present[index] = true;
	w->value[index] = value;
}

static void
look(void *arg, const void *key, const void *value)
{
	struct world *w = arg;
	uint64_t index = *(const uint64_t *)key;

	CHECK(index < RANGE);
	CHECK(w->present[index] && !w->seen[index]);
	CHECK_EQ(*(const uint64_t *)value, w->value[index]);
	w->seen[index] = true;
}

static void
check_all(struct world *w)
{
	struct seed_hamt_shape shape;
	char said[256] = "";

	memset(w->seen, 0, sizeof(w->seen));
	seed_hamt_each(w->h[0], look, w);
	for (unsigned i = 0; i < RANGE; i++)
		CHECK_EQ(w->seen[i], w->present[i]);
	if (!seed_hamt_check(w->h[0], w->untidy, &shape, said, sizeof(said))) {
		fprintf(stderr, "# %s\n", said);
		CHECK(!"seed_hamt_check");
	}
	CHECK_EQ(shape.keys, w->count);
}

static void
let_go(struct world *w)
{
	if (w->held)
		seed_hamt_release(w->h[1]);
	w->held = false;
}

static void
second_handle(struct world *w, uint64_t key, unsigned what)
{
	if (w->h[1] == NULL) {
		if (!done(w, seed_hamt_clone(w->h[0], NULL, &w->h[1]), HAMT_OK))
			w->h[1] = NULL;
	} else if (what % 2 == 0) {
		let_go(w);
		seed_hamt_drop(w->h[1]);
		w->h[1] = NULL;
	} else {
		let_go(w);
		w->held = seed_hamt_hold(w->h[1], &key);
		CHECK_EQ(w->held, w->present[key]);
	}
}

static void
one_operation(struct world *w, struct fuzz_bytes *b, uint64_t number)
{
	unsigned op = fuzz_take(b, 256);
	uint64_t key = fuzz_take(b, RANGE), value = number << 8 | key, old = 77;
	struct seed_hamt *h = w->h[op >= 128 && w->h[1] != NULL && !w->held];
	bool present = w->present[key];

	w->calls = meter_read(&w->meter.calls);
	switch (op % 9) {
	case 0:
		CHECK_EQ(get(h, key, &old), present ? HAMT_OK : HAMT_ABSENT);
		CHECK_EQ(old, present ? w->value[key] : 77);
		break;
	case 1:
	case 2:
		if (done(w, insert(h, key, value), present ? HAMT_EXISTS : HAMT_OK) && !present)
			put(w, (unsigned)key, value);
		break;
	case 3:
		if (done(w, upsert(h, key, value, &old), present ? HAMT_EXISTS : HAMT_OK)) {
			CHECK(!present || old == w->value[key]);
			put(w, (unsigned)key, value);
		}
		break;
	case 4:
	case 5:
		if (done(w, erase(h, key, &old), present ? HAMT_OK : HAMT_ABSENT)) {
			CHECK(!present || old == w->value[key]);
			w->count -= present;
			w->present[key] = false;
		}
		break;
	case 6:
		second_handle(w, key, fuzz_take(b, 2));
		break;
	case 7: /* the next allocations but some fail, or none */
		meter_fail(&w->meter, key % 16, fuzz_take(b, 4));
		break;
	default:
		if (fuzz_take(b, 2) == 0)
			seed_hamt_flush(h);
		else
			seed_hamt_pause(h);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned thresholds[] = { 1, 4, 64, 0 };
	struct fuzz_bytes b = { data, data + size };
	struct world w = { .count = 0 };
	unsigned meeting = fuzz_take(&b, MEETINGS), threshold = thresholds[fuzz_take(&b, 4)];

	w.h[0] = map_new(&meeting_ops[meeting], &w.meter, fuzz_take(&b, 2) == 0 ? HAZARD_AUTO : HAZARD_FENCE, threshold);
	for (uint64_t number = 1; b.at < b.end; number++) {
		one_operation(&w, &b, number);
		if (number % CHECK_EVERY == 0)
			check_all(&w);
	}
	let_go(&w);
	meter_fail(&w.meter, 0, 0);
	check_all(&w);
	seed_hamt_drop(w.h[0]);
	if (w.h[1] != NULL)
		seed_hamt_drop(w.h[1]);
	meter_check_empty(&w.meter);
	return 0;
}

FUZZ_TARGET(.corpus = "core/tests/corpus/seed_hamt", .inputs = 2000, .longest = 2048)
