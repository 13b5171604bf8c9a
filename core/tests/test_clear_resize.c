/*
 * test_clear_resize.c - hamt_bytes_clear() while resizes begin and end around it, and one directory has the address
 * of a former one. The allocator's calls are the places where one thread stands still while others go on.
 *
 * The clearer looks at a slot that was merged from two, in a directory D2 that D1 is being moved to. When it comes
 * back, D3, at D1's address, is being moved to D4: of the two slots there that are merged into the one it looks at,
 * one is moved, the other only frozen, and still the truth about its keys. It must be moved before the
 * merged slot is cleared, however much D3 looks like D1, which was dealt with.
 */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "core/hamt.h"
#include "core/tests/check.h"

#define BITS 10u                    /* of the larger directory; the smaller one has one less */
#define LEAF_VALUE 33u              /* bytes of the value whose leaf is watched */
#define FILLERS 1450u               /* keys that make the map grow */

static _Thread_local enum { OTHER, CLEARER, STALLER } role;
static _Thread_local bool armed;    /* the staller stands still at the next free that is not of a small node */
static sem_t stalled, go;
static enum { IDLE, AT_D2, AT_D3, CLEARED, SEEN } stage;
static bool in_hook, came_back, watched_freed;
static size_t directory_bytes;      /* of the larger directory's header */
static void *directory_freed;       /* kept for the next one, as malloc would */
static unsigned char *watched;      /* the leaf's memory, kept too */
static size_t leaf_bytes_, small_bytes, large_bytes;
static struct hamt_bytes *clearer, *other;
static unsigned fillers;

static void at_d2(void), at_d3(void), cleared(void);

static void *
hooked_alloc(void *state, size_t bytes)
{
	static size_t last;
	void *memory;

	(void)state;
	/* What the clearer has found in its slot is copied: of as many entries as the slot had. */
	if (role == CLEARER && !in_hook &&
	    ((stage == AT_D2 && bytes == small_bytes) || (stage == AT_D3 && bytes == large_bytes))) {
		in_hook = true;
		if (stage == AT_D2) {
			stage = AT_D3;
			at_d2();
		} else {
			stage = CLEARED;
			at_d3();
		}
		in_hook = false;
	}
	/* A directory's header comes just before its slots. */
	if (bytes == sizeof(uint64_t) << BITS && directory_bytes == 0)
		directory_bytes = last;
	last = bytes;
	if (bytes == directory_bytes && directory_freed != NULL) {
		memory = directory_freed;
		directory_freed = NULL;
		came_back = true;
		return memory;
	}
	return malloc(bytes);
}

static void
hooked_free(void *state, void *memory, size_t bytes)
{
	(void)state;
	if (role == STALLER && armed && bytes != small_bytes && bytes != large_bytes) {
		armed = false;
		sem_post(&stalled);
		sem_wait(&go);
	}
	if (bytes == directory_bytes && directory_freed == NULL) {
		directory_freed = memory;
		return;
	}
	if (bytes == leaf_bytes_) {
		watched = memory;
		watched_freed = true;
	} else {
		free(memory);
	}
	if (role == CLEARER && stage == CLEARED && bytes == leaf_bytes_ && !in_hook) {
		in_hook = true;
		stage = SEEN;
		cleared();
		in_hook = false;
	}
}

/* The key whose hash, being the identity, is this. */
static struct hamt_string
key_of(uint64_t hash, unsigned char text[8])
{
	for (int i = 7; i >= 0; i--, hash >>= 8)
		text[i] = (unsigned char)hash;
	return (struct hamt_string){ text, 8 };
}

static void
put(struct hamt_bytes *h, uint64_t hash, size_t value_bytes)
{
	static const char value[LEAF_VALUE];
	unsigned char text[8];
	enum hamt_status s = hamt_bytes_upsert(h, key_of(hash, text), (struct hamt_string){ value, value_bytes }, NULL);

	CHECK(s == HAMT_OK || s == HAMT_EXISTS);
}

/* Keys of the first slot, by the chunk of the node they are in; the watched key is the second slot's. */
static uint64_t
first_slot(unsigned chunk, unsigned i)
{
	return (uint64_t)chunk << 51 | (uint64_t)i << 47;
}

#define SECOND_SLOT (UINT64_C(1) << 54)

static uint64_t
filler(unsigned i)
{
	return (uint64_t)(4 + i % 1000) << 54 | (uint64_t)(i / 1000) << 40;
}

static void
grow(void)
{
	while (fillers < FILLERS)
		put(other, filler(fillers++), 1);
}

static void
begin_to_shrink(void)
{
	uint64_t before = hamt_bytes_resizings(other);
	unsigned char text[8];

	while (hamt_bytes_resizings(other) == before)
		CHECK_EQ(hamt_bytes_remove(other, key_of(filler(--fillers), text), NULL), HAMT_OK);
}

/* Threads that help a resize and stand still when their first slot is moved. */
static struct staller {
	pthread_t thread;
	struct hamt_bytes *h;
	sem_t warm, start;
} first_staller, second_staller;

static void *
stall(void *arg)
{
	struct staller *s = arg;

	role = STALLER;
	/* So that something is retired that its own slots keep. */
	put(s->h, first_slot(0, 0), 1);
	put(s->h, first_slot(0, 0), 1);
	sem_post(&s->warm);
	sem_wait(&s->start);
	armed = true;
	put(s->h, first_slot(0, 0), 1);
	hamt_bytes_drop(s->h);
	return NULL;
}

static void
staller_warm(struct staller *s)
{
	CHECK_EQ(hamt_bytes_clone(other, &s->h), HAMT_OK);
	sem_init(&s->warm, 0, 0);
	sem_init(&s->start, 0, 0);
	CHECK(pthread_create(&s->thread, NULL, stall, s) == 0);
	sem_wait(&s->warm);
}

static void
staller_stall(struct staller *s)
{
	sem_post(&s->start);
	sem_wait(&stalled);
}

/* The clearer looks at D2's merged slot; D1 is left for good, and the slot changes. */
static void
at_d2(void)
{
	sem_post(&go);
	CHECK(pthread_join(first_staller.thread, NULL) == 0);
	for (unsigned i = 0; i < 2; i++) {
		put(other, first_slot(6, i), 1);
		put(other, first_slot(7, i), 1);
	}
	for (unsigned i = 0; i < 4; i++)
		put(other, filler(0), 1);
}

/* It has entered D2; D1 is freed, D3 takes its address, and is being moved to D4. */
static void
at_d3(void)
{
	hamt_bytes_flush(other);
	CHECK(directory_freed != NULL);
	grow();
	for (unsigned i = 0; i < 4; i++)
		put(other, filler(0), 1);
	staller_warm(&second_staller);
	begin_to_shrink();
	staller_stall(&second_staller);
}

/* It has freed the watched leaf: nobody may find that any more. */
static void
cleared(void)
{
	struct hamt_bytes *reader;
	struct hamt_guard guard;
	unsigned char text[8];

	CHECK_EQ(hamt_bytes_clone(other, &reader), HAMT_OK);
	CHECK_EQ(hamt_bytes_get(reader, key_of(SECOND_SLOT, text), &guard), HAMT_ABSENT);
	hamt_bytes_drop(reader);
}

static void
a_directory_at_an_old_address_is_another_one(void)
{
	struct hamt_config config = { .hash = HAMT_HASH_IDENTITY, .min_bits = BITS - 1, .max_bits = BITS,
		.inline_limit = HAMT_INLINE_NONE,
		.reclaim = { .threshold = 1, .allocator = { hooked_alloc, hooked_free, NULL } } };
	struct hamt_bytes *first;
	uint64_t removed;

	if (RECLAIM != RECLAIM_HP || sizeof(void *) != 8)
		CHECK_SKIP("the sizes and moments are those of hazard pointers on a 64-bit machine");
	leaf_bytes_ = 16 + 8 + LEAF_VALUE;
	small_bytes = 128;
	large_bytes = 256;
	sem_init(&stalled, 0, 0);
	sem_init(&go, 0, 0);
	CHECK_EQ(hamt_bytes_new(&config, &first), HAMT_OK);
	CHECK_EQ(hamt_bytes_clone(first, &other), HAMT_OK);
	for (unsigned chunk = 0; chunk < 6; chunk++)
		for (unsigned i = 0; i < 2; i++)
			put(other, first_slot(chunk, i), 1);
	put(other, SECOND_SLOT, LEAF_VALUE);
	grow();
	hamt_bytes_drop(first);
	CHECK_EQ(hamt_bytes_clone(other, &clearer), HAMT_OK);
	staller_warm(&first_staller);
	begin_to_shrink();
	staller_stall(&first_staller);
	free(directory_freed);
	directory_freed = NULL;
	stage = AT_D2;
	role = CLEARER;
	CHECK_EQ(hamt_bytes_clear(clearer, &removed), HAMT_OK);
	role = OTHER;
	/* All of it took place. */
	CHECK(stage == SEEN && came_back && watched_freed);
	sem_post(&go);
	CHECK(pthread_join(second_staller.thread, NULL) == 0);
	hamt_bytes_drop(clearer);
	hamt_bytes_drop(other);
	free(directory_freed);
	free(watched);
}

static const struct test tests[] = {
	TEST(a_directory_at_an_old_address_is_another_one),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
