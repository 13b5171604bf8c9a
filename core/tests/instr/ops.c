/*
 * ops.c - one kind of operation, many times, on a large map: what
 * scripts/instr.sh runs under callgrind, which counts instructions and lines
 * of memory instead of time.
 *
 *	ops MAP OP KEYS COUNT
 *
 * Only measured() is counted. Its loop draws the keys; "nothing" is that loop
 * alone, to be subtracted. All is single-threaded and seeded, so a count
 * repeats from run to run.
 */
#include <string.h>

#include "core/hamt.h"
#include "core/seed_hamt.h"

enum { BATCH = 32 };

static struct hamt *map;
static struct seed_hamt *seed;
static struct hamt_bytes *bytes;
static uint64_t keys;

/* draw - the n-th of a sequence of keys in no order; below keys. */
static inline uint64_t
draw(uint64_t n)
{
	/* splitmix64's finisher: a bijection, hence all different before the modulo. */
	n = (n + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return (n ^ n >> 31) % keys;
}

/* A key of 24 bytes. */
struct text {
	uint64_t word[3];
};

static inline struct text
text_of(uint64_t key)
{
	return (struct text){ { key, ~key, key } };
}

static inline struct hamt_string
string_of(const struct text *text)
{
	return (struct hamt_string){ text, sizeof(*text) };
}

static uint64_t sink;

static void
op_nothing(uint64_t n)
{
	sink += draw(n);
}

static void
op_get_hit(uint64_t n)
{
	uint64_t value = 0;

	sink += (uint64_t)hamt_get(map, draw(n), &value) + value;
}

/* Keys from keys on are not in the map. */
static void
op_get_miss(uint64_t n)
{
	uint64_t value = 0;

	sink += (uint64_t)hamt_get(map, keys + draw(n), &value) + value;
}

static void
op_get_many(uint64_t n)
{
	static uint64_t key[BATCH], value[BATCH];
	static bool found[BATCH];

	key[n % BATCH] = draw(n);
	if (n % BATCH == BATCH - 1)
		sink += hamt_get_many(map, key, value, found, BATCH);
}

static void
op_upsert(uint64_t n)
{
	uint64_t old = 0;

	sink += (uint64_t)hamt_upsert(map, draw(n), n, &old) + old;
}

static void
op_insert(uint64_t n)
{
	sink += 1 + (uint64_t)hamt_insert(map, keys + n, n);
}

static void
op_remove(uint64_t n)
{
	sink += 1 + (uint64_t)hamt_remove(map, n, NULL);
}

static void
op_bytes_nothing(uint64_t n)
{
	struct text text = text_of(draw(n));

	sink += text.word[1];
}

static void
op_bytes_get(uint64_t n)
{
	struct text text = text_of(draw(n));
	struct hamt_guard guard;

	if (hamt_bytes_get(bytes, string_of(&text), &guard) == HAMT_OK) {
		sink += guard.value_bytes;
		hamt_guard_release(&guard);
	}
}

static void
op_seed_get(uint64_t n)
{
	uint64_t key = draw(n), value = 0;

	sink += (uint64_t)seed_hamt_get(seed, &key, &value) + value;
}

static void
op_seed_upsert(uint64_t n)
{
	uint64_t key = draw(n), old = 0;

	sink += (uint64_t)seed_hamt_upsert(seed, &key, &n, &old) + old;
}

static const struct op {
	const char *map, *name;
	void (*run)(uint64_t n);
} ops[] = {
	{ "hamt", "nothing", op_nothing },
	{ "hamt", "get-hit", op_get_hit },
	{ "hamt", "get-miss", op_get_miss },
	{ "hamt", "get-many", op_get_many },
	{ "hamt", "upsert", op_upsert },
	{ "hamt", "insert", op_insert },
	{ "hamt", "remove", op_remove },
	{ "hamt-bytes", "nothing", op_bytes_nothing },
	{ "hamt-bytes", "get-hit", op_bytes_get },
	{ "seed", "nothing", op_nothing },
	{ "seed", "get-hit", op_seed_get },
	{ "seed", "upsert", op_seed_upsert },
};

/* Not static, not inlined: callgrind knows it by its name. */
void measured(const struct op *op, uint64_t count);

__attribute__((noinline)) void
measured(const struct op *op, uint64_t count)
{
	for (uint64_t n = 0; n < count; n++)
		op->run(n);
}

/* Map i holds keys 0 to keys - 1. */
static bool
fill(const char *name)
{
	struct hamt_config config = { .hash_key = 1 };
	struct seed_hamt_config seed_config = { .hash_key = 1 };
	bool ok;

	if (strcmp(name, "seed") == 0)
		ok = seed_hamt_new(&seed_config, &seed) == HAMT_OK;
	else if (strcmp(name, "hamt-bytes") == 0)
		ok = hamt_bytes_new(&config, &bytes) == HAMT_OK;
	else
		ok = hamt_new(&config, &map) == HAMT_OK;
	for (uint64_t key = 0; ok && key < keys; key++) {
		struct text text = text_of(key);

		if (seed != NULL) {
			ok = seed_hamt_insert(seed, &key, &key) == HAMT_OK;
		} else if (bytes != NULL) {
			ok = hamt_bytes_insert(bytes, string_of(&text),
			    (struct hamt_string){ &key, sizeof(key) }) == HAMT_OK;
		} else {
			ok = hamt_insert(map, key, key) == HAMT_OK;
		}
	}
	return ok;
}

int
main(int argc, char **argv)
{
	uint64_t count = argc == 5 ? strtoull(argv[4], NULL, 10) : 0;

	keys = argc == 5 ? strtoull(argv[3], NULL, 10) : 0;
	if (keys == 0 || count == 0 || count > keys) {
		fputs("usage: ops MAP OP KEYS COUNT   COUNT at most KEYS\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i].map, argv[1]) != 0 || strcmp(ops[i].name, argv[2]) != 0)
			continue;
		if (!fill(argv[1])) {
			fputs("ops: no memory\n", stderr);
			return 1;
		}
		measured(&ops[i], count);
		if (seed != NULL)
			seed_hamt_drop(seed);
		if (bytes != NULL)
			hamt_bytes_drop(bytes);
		if (map != NULL)
			hamt_drop(map);
		return sink == 0; /* so that nothing is optimised away */
	}
	fprintf(stderr, "ops: no operation %s of %s\n", argv[2], argv[1]);
	return 2;
}
