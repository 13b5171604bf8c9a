/*
 * Histories: what many threads record is all there and in order, also when room runs out; a file gives
 * back what was written, and one that was damaged anywhere is refused.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "core/tests/check.h"
#include "harness/history.h"
#include "harness/linearize.h"
#include "harness/random.h"
#include "harness/worker.h"

/* ---- The recorder ---- */

enum { THREADS = 3 };

static struct history_recorder *recorder;
static _Atomic(bool) stop;
static uint64_t events_each; /* 0: until told to stop */
static _Atomic(uint64_t) ticks;

static void *
record_events(void *arg)
{
	struct history_log *log = history_recorder_log(recorder, (unsigned)(uintptr_t)arg);

	for (uint64_t i = 0; events_each != 0 ? i < events_each : !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
		struct history_event e = { .key = i, .op = HISTORY_GET, .answer = HISTORY_MISS };

		e.begin = atomic_fetch_add_explicit(&ticks, 1, memory_order_seq_cst);
		e.end = atomic_fetch_add_explicit(&ticks, 1, memory_order_seq_cst);
		history_log_add(log, e);
	}
	return NULL;
}

static struct history *
record_with(uint64_t room, uint64_t each, bool *cut)
{
	pthread_t thread[THREADS];

	recorder = history_recorder_new(room, THREADS);
	CHECK(recorder != NULL);
	atomic_store_explicit(&stop, false, memory_order_relaxed);
	events_each = each;
	history_recorder_begin(recorder, &stop);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, record_events, (void *)i) == 0);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	return history_recorder_take(recorder, cut);
}

/* Each thread's events are there, one after the other. */
static void
every_event_is_there(void)
{
	bool cut;
	struct history *h = record_with(30000, 10000, &cut);

	CHECK(h != NULL && !cut);
	CHECK_EQ(h->events, 30000);
	for (size_t i = 0; i < h->events; i++) {
		CHECK_EQ(h->event[i].thread, i / 10000);
		CHECK_EQ(h->event[i].key, i % 10000);
	}
	history_recorder_free(recorder);
}

/* When it is full the trial is told to stop; what comes until then has room. */
static void
a_full_recorder_says_stop(void)
{
	bool cut;
	struct history *h = record_with(50000, 0, &cut);

	CHECK(h != NULL && !cut);
	/* A thread's last chunk may be almost empty. */
	CHECK(h->events > 50000 - 1024 * THREADS);
	history_recorder_free(recorder);
}

/* Who does not stop loses events: then the history ends where the first was lost, for all. */
static void
a_history_without_room_is_cut(void)
{
	uint64_t next[THREADS] = { 0 }, end = HISTORY_OPEN;
	bool cut;
	struct history *h = record_with(20000, 100000, &cut);

	CHECK(h != NULL && cut);
	CHECK(h->events > 0);
	for (unsigned i = 0; i < THREADS; i++)
		if (history_recorder_log(recorder, i)->cut < end)
			end = history_recorder_log(recorder, i)->cut;
	/* An unbroken beginning of each thread's, and nothing is said to have returned later than an event was lost. */
	for (size_t i = 0; i < h->events; i++) {
		CHECK_EQ(h->event[i].key, next[h->event[i].thread]++);
		CHECK(h->event[i].begin < end);
		CHECK(h->event[i].end < end || h->event[i].end == HISTORY_OPEN);
	}
	history_recorder_free(recorder);
}

/* What the map holds at the end is compared with what was said before. */
static void
the_state_at_the_end_is_judged(void)
{
	/* Key 1 was there, key 2 is put in, key 3 is put in and taken out. At the end ... */
	static const struct {
		struct history_pair last[4];
		size_t lasts;
		enum linearize_verdict verdict;
	} each[] = {
		{ { { 2, 22 }, { 1, 11 } }, 2, LINEARIZE_OK },
		{ { { 1, 11 } }, 1, LINEARIZE_ILLEGAL },
		{ { { 1, 11 }, { 2, 21 } }, 2, LINEARIZE_ILLEGAL },
		{ { { 1, 11 }, { 2, 22 }, { 3, 33 } }, 3, LINEARIZE_ILLEGAL },
		{ { { 1, 11 }, { 2, 22 }, { 4, 44 } }, 3, LINEARIZE_ILLEGAL },
		{ { { 1, 11 }, { 2, 22 }, { 1, 11 } }, 3, LINEARIZE_ILLEGAL },
		{ { { 1, 11 }, { 2, 22 }, { 1, 11 }, { 1, 11 } }, 4, LINEARIZE_ILLEGAL },
		{ { { 2, 22 } }, 1, LINEARIZE_ILLEGAL },
	};
	bool cut;

	recorder = history_recorder_new(100, 1);
	CHECK(recorder != NULL);
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		struct linearize_result result;
		struct history_log *log;
		struct history *h;

		history_recorder_begin(recorder, &stop);
		log = history_recorder_log(recorder, 0);
		CHECK(history_recorder_first(recorder, 1, 11));
		history_log_add(log, (struct history_event){ .begin = 1, .end = 2, .key = 2, .in = 22, .op = HISTORY_INSERT,
		    .answer = HISTORY_HIT });
		history_log_add(log, (struct history_event){ .begin = 3, .end = 4, .key = 3, .in = 33, .op = HISTORY_UPSERT,
		    .answer = HISTORY_MISS });
		history_log_add(log, (struct history_event){ .begin = 5, .end = 6, .key = 3, .out = 33, .op = HISTORY_REMOVE,
		    .answer = HISTORY_HIT });
		for (size_t k = 0; k < each[i].lasts; k++)
			CHECK(history_recorder_last(recorder, each[i].last[k].key, each[i].last[k].value));
		/* Also with a clock that is behind. */
		history_recorder_last_end(recorder, i % 2 == 0 ? 7 : 3);
		h = history_recorder_take(recorder, &cut);
		CHECK(h != NULL && !cut);
		CHECK(linearize_check(h, NULL, &result));
		fprintf(stderr, "# %zu\n", i);
		CHECK_EQ(result.verdict, each[i].verdict);
		linearize_result_free(&result);
	}
	history_recorder_free(recorder);
}

/* ---- Files ---- */

static char path[] = "/tmp/test_history.XXXXXX";
static char error[1024];

static void
name_a_file(void)
{
	int file = mkstemp(path);

	CHECK(file >= 0);
	close(file);
	unlink(path);
}

/* Events of all kinds, with values that encode their keys and others, near and far in time. */
static void
make_history(struct history *h, unsigned events)
{
	struct random r;
	uint64_t time = 1000;

	random_seed(&r, check_seed, 0);
	for (unsigned i = 0; i < events; i++) {
		uint64_t key = random_next(&r) >> random_below(&r, 64);
		uint64_t value = random_below(&r, 2) == 0 ? worker_value(key, random_below(&r, 256)) : 1 + random_below(&r, 1000);
		struct history_event e = { .key = key, .in = value, .thread = i / (events / 3 + 1) * 70000,
		    .op = (uint8_t)random_below(&r, HISTORY_OPS), .answer = (uint8_t)random_below(&r, HISTORY_ANSWERS) };

		e.out = e.op == HISTORY_REPLACE_IF || e.op == HISTORY_REMOVE_IF ? 1 + (random_next(&r) >> 1) :
		    random_below(&r, 2) * value;
		if (e.answer == HISTORY_TWICE && e.op != HISTORY_EACH)
			e.answer = HISTORY_HIT;
		time += random_below(&r, 3) == 0 ? random_next(&r) >> 20 : random_below(&r, 300);
		time -= random_below(&r, 20);
		e.begin = time;
		e.end = random_below(&r, 50) == 0 ? HISTORY_OPEN : time + (random_next(&r) >> (24 + random_below(&r, 40)));
		if (e.end != HISTORY_OPEN)
			time = e.end;
		CHECK(history_append(h, &e));
		if (i % 3 == 0)
			CHECK(history_first(h, key, value));
	}
	h->about = strdup("{\"subject\":\"some map\",\"threads\":3}");
	CHECK(h->about != NULL);
}

static void
a_file_gives_back_what_was_written(void)
{
	static const unsigned sizes[] = { 0, 1, 2, 1000, 100000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct history h = { 0 }, back = { 0 };

		name_a_file();
		make_history(&h, sizes[i]);
		CHECK(history_write(&h, path, error, sizeof(error)));
		CHECK(history_read(&back, path, error, sizeof(error)));
		CHECK_EQ(back.events, h.events);
		CHECK_EQ(back.firsts, h.firsts);
		CHECK(strcmp(back.about, h.about) == 0);
		CHECK(h.events == 0 || memcmp(back.event, h.event, h.events * sizeof(h.event[0])) == 0);
		CHECK(h.firsts == 0 || memcmp(back.first, h.first, h.firsts * sizeof(h.first[0])) == 0);
		CHECK(unlink(path) == 0);
		memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
		history_free(&h);
		history_free(&back);
	}
}

static void
a_file_is_not_overwritten(void)
{
	struct history h = { 0 };
	struct stat before, after;

	name_a_file();
	make_history(&h, 100);
	CHECK(history_write(&h, path, error, sizeof(error)));
	CHECK(stat(path, &before) == 0);
	CHECK(!history_write(&h, path, error, sizeof(error)));
	CHECK(strstr(error, "it exists already; name another") != NULL);
	CHECK(stat(path, &after) == 0);
	CHECK(before.st_ino == after.st_ino && before.st_size == after.st_size);
	CHECK(!history_write(&h, "/nowhere/at/all", error, sizeof(error)));
	CHECK(strcmp(error, "/nowhere/at/all: No such file or directory") == 0);
	unlink(path);
	history_free(&h);
}

static unsigned char *data;
static size_t bytes;

static void
write_data(size_t length)
{
	FILE *out = fopen(path, "w");

	CHECK(out != NULL);
	CHECK(fwrite(data, 1, length, out) == length);
	CHECK(fclose(out) == 0);
}

/* A file changed in any byte, cut off anywhere, or with something added: each is refused, in one line. */
static void
a_damaged_file_is_refused(void)
{
	struct history h = { 0 }, back = { 0 };
	FILE *in;

	name_a_file();
	make_history(&h, 12);
	CHECK(history_write(&h, path, error, sizeof(error)));
	in = fopen(path, "r");
	data = malloc(1 << 16);
	CHECK(in != NULL && data != NULL);
	bytes = fread(data, 1, (1 << 16) - 1, in);
	fclose(in);
	for (size_t i = 0; i <= bytes; i++)
		for (unsigned kind = 0; kind < 3; kind++) {
			unsigned char was = data[i];
			bool refused;

			if (kind < 2 && i < bytes) {
				data[i] ^= kind == 0 ? 1 << (i % 8) : 0xff;
				write_data(bytes);
			} else if (kind == 2 && i < bytes) {
				write_data(i);
			} else {
				data[i] = (unsigned char)kind;
				write_data(bytes + 1);
			}
			refused = !history_read(&back, path, error, sizeof(error));
			data[i] = was;
			if (!refused)
				fprintf(stderr, "# byte %zu of %zu, kind %u\n", i, bytes, kind);
			CHECK(refused);
			CHECK(back.events == 0 && back.firsts == 0 && back.about == NULL);
			CHECK(strncmp(error, path, strlen(path)) == 0 && strchr(error, '\n') == NULL);
		}
	write_data(bytes);
	CHECK(history_read(&back, path, error, sizeof(error)));
	unlink(path);
	free(data);
	history_free(&h);
	history_free(&back);
}

static const struct test tests[] = {
	TEST(every_event_is_there),
	TEST(a_full_recorder_says_stop),
	TEST(a_history_without_room_is_cut),
	TEST(the_state_at_the_end_is_judged),
	TEST(a_file_gives_back_what_was_written),
	TEST(a_file_is_not_overwritten),
	TEST(a_damaged_file_is_refused),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
