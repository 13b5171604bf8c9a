/*
 * check.h - the smallest test frame that also runs statically linked under
 * qemu for a foreign machine, where no packaged frame can be had.
 *
 *	static void map_is_empty_at_first(void) { CHECK(count(m) == 0); }
 *	static const struct test tests[] = { TEST(map_is_empty_at_first) };
 *	int main(int argc, char **argv) { return RUN_TESTS(argc, argv, tests); }
 *
 * Output is TAP ("ok 1 - name", "not ok 2 - name", "ok 3 - name # SKIP why").
 * Each test runs in a forked child, so that an abort is one failed test and
 * the next one starts clean. Arguments are names of tests to run; --list
 * prints them. CHECK_SEED in the environment overrides check_seed, and a
 * failure prints it. Exit status: 0 all passed, 1 one failed, 77 all skipped.
 */
#ifndef CORE_TESTS_CHECK_H
#define CORE_TESTS_CHECK_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(function) { .name = #function, .run = function }

/* The seed of a test that draws random numbers. */
static uint64_t check_seed = 20260101;

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition))                                              \
			check_failed(#condition, __FILE__, __LINE__);          \
	} while (0)

/* CHECK_EQ - two unsigned integers are equal; both are printed if not. */
#define CHECK_EQ(left, right)                                                  \
	do {                                                                   \
		uint64_t check_l = (uint64_t)(left), check_r = (uint64_t)(right); \
		if (check_l != check_r) {                                      \
			fprintf(stderr, "# %s = %llu, %s = %llu\n", #left,     \
			    (unsigned long long)check_l, #right,               \
			    (unsigned long long)check_r);                      \
			check_failed(#left " == " #right, __FILE__, __LINE__); \
		}                                                              \
	} while (0)

/* CHECK_SKIP - leave this test: the machine lacks what it needs. */
#define CHECK_SKIP(why)                                                        \
	do {                                                                   \
		fprintf(stderr, "# skip: %s\n", why);                          \
		fflush(NULL);                                                  \
		_exit(77);                                                     \
	} while (0)

static inline void
check_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "# %s:%d: not true: %s (CHECK_SEED=%llu)\n", file, line,
	    condition, (unsigned long long)check_seed);
	fflush(NULL);
#ifdef FUZZER
	abort(); /* libFuzzer keeps the input of what dies of a signal */
#else
	_exit(1);
#endif
}

/*
 * check_ends - how run(arg) ends in a child, whose first bytes on stderr go to
 * said, as a string. Call it while no other thread runs: it forks.
 * Returns   the status of waitpid(); -1: there was no child.
 */
static inline int
check_ends(void (*run)(void *arg), void *arg, char *said, size_t said_size)
{
	size_t length = 0;
	char rest[256];
	int ends[2], status;
	pid_t child;

	fflush(NULL);
	if (pipe(ends) != 0 || (child = fork()) < 0)
		return -1;
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		signal(SIGABRT, SIG_DFL);
		run(arg);
		_exit(0);
	}
	close(ends[1]);
	for (ssize_t n; length < said_size - 1 &&
	     (n = read(ends[0], said + length, said_size - 1 - length)) > 0;)
		length += (size_t)n;
	said[length] = '\0';
	while (read(ends[0], rest, sizeof(rest)) > 0)
		continue;
	close(ends[0]);
	waitpid(child, &status, 0);
	return status;
}

/* check_aborts - does run(arg) abort, with text in what it says on stderr? Forks, too. */
static inline bool
check_aborts(void (*run)(void *arg), void *arg, const char *text)
{
	char said[4096];
	int status = check_ends(run, arg, said, sizeof(said));

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, text) != NULL)
		return true;
	fprintf(stderr, "# wanted an abort naming \"%s\"; status %#x, said: %s\n", text,
	    (unsigned)status, said);
	return false;
}

#define RUN_TESTS(argc, argv, tests)                                           \
	check_main(argc, argv, tests, sizeof(tests) / sizeof((tests)[0]))

static inline int
check_main(int argc, char **argv, const struct test *tests, size_t count)
{
	unsigned failed = 0, skipped = 0, ran = 0;
	const char *seed = getenv("CHECK_SEED");

	if (seed != NULL)
		check_seed = strtoull(seed, NULL, 0);
	if (argc > 1 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < count; i++)
			puts(tests[i].name);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		bool wanted = argc < 2;
		int status;
		pid_t child;

		for (int a = 1; a < argc; a++)
			wanted = wanted || strcmp(argv[a], tests[i].name) == 0;
		if (!wanted)
			continue;
		fflush(NULL);
		child = fork();
		if (child == 0) {
			tests[i].run();
			/* exit, not _exit: leak checkers report at exit. */
			exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child) {
			perror("# fork");
			return 1;
		}
		ran++;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
			skipped++;
			printf("ok %u - %s # SKIP\n", ran, tests[i].name);
		} else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			printf("ok %u - %s\n", ran, tests[i].name);
		} else {
			failed++;
			printf("not ok %u - %s (%s %d)\n", ran, tests[i].name,
			    WIFSIGNALED(status) ? "signal" : "status",
			    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		}
	}
	printf("1..%u\n", ran);
	if (ran == 0) {
		fputs("# no such test\n", stderr);
		return 1;
	}
	return failed != 0 ? 1 : skipped == ran ? 77 : 0;
}

#endif
