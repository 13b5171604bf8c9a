/*
 * fuzz.h - a fuzz target and its unit test are one file, test_fuzz_NAME.c, in the
 * tests/ folder of what it feeds with bytes:
 *
 *	#include "core/tests/fuzz.h"
 *
 *	int
 *	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
 *	{
 *		... CHECK() whatever must hold, whoever made the bytes ...
 *		return 0;
 *	}
 *
 *	FUZZ_TARGET(.corpus = "harness/tests/corpus/NAME", .inputs = 500)
 *
 * That is all: the Makefile finds it by its name. `make check T=fuzz` runs it as a
 * unit test: every file of the corpus, which is committed, then as many inputs as
 * are asked for, made of these by random changes under check_seed; what fails is
 * kept beside the program, as PROGRAM.SEED.failed. `make fuzz` links the same file with libFuzzer,
 * which looks for inputs that reach new code (scripts/fuzz.sh --help). An input
 * that found a bug goes into the corpus when the bug is mended, so it stays found.
 *
 * A finding is: a crash, a CHECK that fails, a leak, an input that takes seconds or
 * gigabytes. Files that a target makes lie in fuzz_folder(), gone at the end.
 */
#ifndef CORE_TESTS_FUZZ_H
#define CORE_TESTS_FUZZ_H

#include <dirent.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/tests/check.h"

/* How many times fewer inputs a slow build is given. */
#if defined(__SANITIZE_THREAD__)
#define FUZZ_SLOW 10
#elif defined(__SANITIZE_ADDRESS__)
#define FUZZ_SLOW 5
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FUZZ_SLOW 10
#elif __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define FUZZ_SLOW 5
#endif
#endif
#if !defined(FUZZ_SLOW) && defined(CHECKED)
#define FUZZ_SLOW 2
#endif
#ifndef FUZZ_SLOW
#define FUZZ_SLOW 1
#endif

#define FUZZ_BYTES_MAX 65536u /* of an input */

struct fuzz_target {
	const char *corpus; /* a folder, from the top */
	unsigned inputs;    /* that the unit test makes besides, in a quick build */
	unsigned longest;   /* of an input that the unit test makes; 0 = 512 bytes */
	const char *words;  /* what inputs are likely made of, separated by blanks; NULL = nothing known */
	/* Seeds that are better made than committed: number 0, 1 ... into data, their size; 0 = there are no more.
	   Or NULL. */
	size_t (*seed)(unsigned number, uint8_t *data, size_t room);
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* --- Taking an input apart -------------------------------------------- */

struct fuzz_bytes {
	const uint8_t *at, *end;
};

/* fuzz_take - a number below limit (at most 2^16) from the next byte or two; 0 when none is left. */
static inline unsigned
fuzz_take(struct fuzz_bytes *b, unsigned limit)
{
	unsigned number = 0;

	for (unsigned most = 1; most < limit && b->at < b->end; most <<= 8)
		number = number << 8 | *b->at++;
	return number % limit;
}

/* --- A folder of its own ---------------------------------------------- */

static char fuzz_folder_path[64];
static pid_t fuzz_folder_owner;

static inline int
fuzz_remove(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

static inline void
fuzz_folder_remove(void)
{
	if (getpid() == fuzz_folder_owner)
		nftw(fuzz_folder_path, fuzz_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* fuzz_folder - a new empty folder of this process, removed with all that is in it when it exits. */
static inline const char *
fuzz_folder(void)
{
	if (fuzz_folder_owner != getpid()) {
		/* In memory, where there is such a place. */
		snprintf(fuzz_folder_path, sizeof(fuzz_folder_path), "%s/fuzz.XXXXXX",
		    access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
		CHECK(mkdtemp(fuzz_folder_path) != NULL);
		fuzz_folder_owner = getpid();
		atexit(fuzz_folder_remove);
	}
	return fuzz_folder_path;
}

/* fuzz_write - bytes as a file. */
static inline void
fuzz_write(const char *path, const void *data, size_t size)
{
	FILE *out = fopen(path, "wb");

	CHECK(out != NULL);
	CHECK(fwrite(data, 1, size, out) == size);
	CHECK(fclose(out) == 0);
}

/* fuzz_file - the bytes as a new file NAME in the folder; its path, which the next call overwrites. */
static inline const char *
fuzz_file(const char *name, const void *data, size_t size)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", fuzz_folder(), name);
	unlink(path);
	fuzz_write(path, data, size);
	return path;
}

/* fuzz_one_line - is it one line of text, and not an empty one? Without its newline. */
static inline bool
fuzz_one_line(const char *text)
{
	return text[0] != '\0' && strchr(text, '\n') == NULL;
}

/* --- The unit test ---------------------------------------------------- */

#ifndef FUZZER

struct fuzz_input {
	size_t size;
	uint8_t data[FUZZ_BYTES_MAX];
};

struct fuzz_corpus {
	struct fuzz_input **input;
	char (*name)[256];
	size_t count;
};

static const struct fuzz_target *fuzz_tested;
static const char *fuzz_program;

static inline uint64_t
fuzz_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline struct fuzz_input *
fuzz_corpus_add(struct fuzz_corpus *c, const char *name)
{
	c->input = realloc(c->input, (c->count + 1) * sizeof(*c->input));
	c->name = realloc(c->name, (c->count + 1) * sizeof(*c->name));
	CHECK(c->input != NULL && c->name != NULL);
	c->input[c->count] = calloc(1, sizeof(**c->input));
	CHECK(c->input[c->count] != NULL);
	snprintf(c->name[c->count], sizeof(c->name[0]), "%s", name);
	return c->input[c->count++];
}

static inline int
fuzz_visible(const struct dirent64 *entry)
{
	return entry->d_name[0] != '.';
}

/* Sorted by name: the same inputs on every machine. 64: a 32-bit program under qemu sees the host's positions in folders. */
static inline struct fuzz_corpus
fuzz_corpus_read(void)
{
	struct fuzz_corpus c = { NULL, NULL, 0 };
	struct dirent64 **entry = NULL;
	int files = scandir64(fuzz_tested->corpus, &entry, fuzz_visible, alphasort64);
	uint8_t data[FUZZ_BYTES_MAX];
	size_t size;

	CHECK(files > 0);
	for (int i = 0; i < files; i++) {
		struct fuzz_input *input = fuzz_corpus_add(&c, entry[i]->d_name);
		char path[512];
		FILE *in;

		snprintf(path, sizeof(path), "%s/%s", fuzz_tested->corpus, entry[i]->d_name);
		in = fopen(path, "rb");
		CHECK(in != NULL);
		input->size = fread(input->data, 1, sizeof(input->data), in);
		fclose(in);
		free(entry[i]);
	}
	free(entry);
	for (unsigned n = 0; fuzz_tested->seed != NULL && (size = fuzz_tested->seed(n, data, sizeof(data))) > 0; n++) {
		struct fuzz_input *input = fuzz_corpus_add(&c, "made");

		input->size = size;
		memcpy(input->data, data, size);
	}
	return c;
}

static inline void
fuzz_corpus_free(struct fuzz_corpus *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->input[i]);
	free(c->input);
	free(c->name);
}

/* Put what lies at `from` in at a random place, over what is there or between. What finds no room is left out. */
static inline void
fuzz_put(struct fuzz_input *to, const uint8_t *from, size_t size, size_t longest, uint64_t *state)
{
	size_t at = fuzz_random(state) % (to->size + 1);

	if (fuzz_random(state) % 2 == 0 && to->size + size <= longest) {
		memmove(to->data + at + size, to->data + at, to->size - at);
		memcpy(to->data + at, from, size);
		to->size += size;
	} else if (at + size <= to->size) {
		memcpy(to->data + at, from, size);
	}
}

/* One random change. */
static inline void
fuzz_change(struct fuzz_input *to, const struct fuzz_corpus *c, size_t longest, uint64_t *state)
{
	const struct fuzz_input *other = c->input[fuzz_random(state) % c->count];
	const char *words = fuzz_tested->words;
	uint64_t draw = fuzz_random(state);
	size_t at = to->size > 0 ? draw % to->size : 0, part;
	uint8_t random[16];

	switch (draw >> 32 & 7) {
	case 0: /* a bit */
		if (to->size > 0)
			to->data[at] ^= (uint8_t)(1u << (draw >> 40 & 7));
		break;
	case 1: /* a byte that is often an edge */
		if (to->size > 0)
			to->data[at] = (const uint8_t[]){ 0, 1, 0x7f, 0x80, 0xff, '0', ' ', '\n' }[draw >> 40 & 7];
		break;
	case 2: /* a part goes */
		part = (draw >> 40) % (to->size - at + 1);
		part = part > 32 && (draw >> 60 & 1) != 0 ? part % 32 : part;
		memmove(to->data + at, to->data + at + part, to->size - at - part);
		to->size -= part;
		break;
	case 3: /* random bytes */
		for (size_t i = 0; i < sizeof(random); i++)
			random[i] = (uint8_t)fuzz_random(state);
		fuzz_put(to, random, draw >> 40 & 15, longest, state);
		break;
	case 4: /* a part of another one */
		at = other->size > 0 ? draw % other->size : 0;
		part = (draw >> 40) % (other->size - at + 1) % 64;
		fuzz_put(to, other->data + at, part, longest, state);
		break;
	default: /* a word */
		part = 0;
		for (const char *w = words; w != NULL && *w != '\0'; w += strcspn(w, " "), w += *w == ' ')
			part++;
		if (part == 0) {
			if (to->size > 0)
				to->data[at] = (uint8_t)(draw >> 40);
			break;
		}
		for (part = (draw >> 40) % part; part > 0; part--)
			words += strcspn(words, " ") + 1;
		fuzz_put(to, (const uint8_t *)words, strcspn(words, " "), longest, state);
	}
}

/* Run inputs in a child, each first where a crash leaves it to be read. */
static inline void
fuzz_run(void (*run)(struct fuzz_input *now))
{
	struct fuzz_input *now =
	    mmap(NULL, sizeof(*now), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[4096];
	int status;
	pid_t child;

	CHECK(now != MAP_FAILED);
	fflush(NULL);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		run(now);
		exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		snprintf(path, sizeof(path), "%s.%llu.failed", fuzz_program, (unsigned long long)check_seed);
		fuzz_write(path, now->data, now->size);
		fprintf(stderr, "# %s: the input, %zu bytes (CHECK_SEED=%llu)\n", path, now->size,
		    (unsigned long long)check_seed);
		check_failed("every input passes", fuzz_tested->corpus, 0);
	}
	munmap(now, sizeof(*now));
}

/* In memory of its own: a read beyond its end is seen. */
static inline void
fuzz_feed(const struct fuzz_input *input)
{
	uint8_t *data = malloc(input->size + (input->size == 0));

	CHECK(data != NULL);
	memcpy(data, input->data, input->size);
	LLVMFuzzerTestOneInput(data, input->size);
	free(data);
}

static inline void
fuzz_feed_corpus(struct fuzz_input *now)
{
	struct fuzz_corpus c = fuzz_corpus_read();

	for (size_t i = 0; i < c.count; i++) {
		memcpy(now, c.input[i], sizeof(*now));
		fuzz_feed(now);
	}
	fuzz_corpus_free(&c);
}

static inline void
fuzz_feed_changed(struct fuzz_input *now)
{
	size_t longest = fuzz_tested->longest != 0 ? fuzz_tested->longest : 512;
	struct fuzz_corpus c = fuzz_corpus_read();
	uint64_t state = check_seed;

	for (unsigned n = 0; n < fuzz_tested->inputs / FUZZ_SLOW; n++) {
		memcpy(now, c.input[fuzz_random(&state) % c.count], sizeof(*now));
		for (uint64_t changes = 1 + fuzz_random(&state) % 8; changes > 0; changes--)
			fuzz_change(now, &c, longest, &state);
		fuzz_feed(now);
	}
	fuzz_corpus_free(&c);
}

static inline void
corpus_passes(void)
{
	fuzz_run(fuzz_feed_corpus);
}

static inline void
changed_inputs_pass(void)
{
	fuzz_run(fuzz_feed_changed);
}

static inline int
fuzz_main(int argc, char **argv, const struct fuzz_target *target)
{
	static const struct test tests[] = { TEST(corpus_passes), TEST(changed_inputs_pass) };

	fuzz_tested = target;
	fuzz_program = argv[0];
	return RUN_TESTS(argc, argv, tests);
}

#define FUZZ_TARGET(...)                                                       \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return fuzz_main(argc, argv, &(const struct fuzz_target){ __VA_ARGS__ }); \
	}

#else

/*
 * --- Under libFuzzer ---------------------------------------------------
 * FUZZ_PREPARE=FOLDER in the environment: print the corpus's folder, write the seeds that
 * are made into FOLDER and the words into FOLDER.dict, as libFuzzer wants them, and end.
 */
static inline int
fuzz_initialize(const struct fuzz_target *target)
{
	static uint8_t data[FUZZ_BYTES_MAX];
	const char *folder = getenv("FUZZ_PREPARE");
	char path[4096];
	FILE *words;
	size_t size;

	if (folder == NULL)
		return 0;
	puts(target->corpus);
	for (unsigned n = 0; target->seed != NULL && (size = target->seed(n, data, sizeof(data))) > 0; n++) {
		snprintf(path, sizeof(path), "%s/made-%u", folder, n);
		fuzz_write(path, data, size);
	}
	snprintf(path, sizeof(path), "%s.dict", folder);
	words = fopen(path, "w");
	CHECK(words != NULL);
	for (const char *w = target->words; w != NULL && *w != '\0'; w += strcspn(w, " "), w += *w == ' ')
		fprintf(words, "\"%.*s\"\n", (int)strcspn(w, " "), w);
	CHECK(fclose(words) == 0);
	exit(0);
}

#define FUZZ_TARGET(...)                                                       \
	int LLVMFuzzerInitialize(int *argc, char ***argv)                      \
	{                                                                      \
		(void)argc, (void)argv;                                        \
		return fuzz_initialize(&(const struct fuzz_target){ __VA_ARGS__ }); \
	}

#endif

#endif
