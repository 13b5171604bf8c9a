/* test_progress.c - what the live line says on a terminal, a pseudo one, and that it says nothing where it must not. */
#include "harness/progress.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/tests/check.h"

#define S UINT64_C(1000000000)

struct terminal {
	int master;
	FILE *out; /* what the program takes for stderr */
	char said[4096];
};

static bool
terminal_open(struct terminal *t, unsigned short columns)
{
	struct winsize size = { .ws_col = columns, .ws_row = 24 };
	const char *name;
	int slave;

	t->master = posix_openpt(O_RDWR | O_NOCTTY);
	if (t->master < 0 || grantpt(t->master) != 0 || unlockpt(t->master) != 0 || (name = ptsname(t->master)) == NULL ||
	    (slave = open(name, O_RDWR | O_NOCTTY)) < 0)
		return false;
	CHECK(ioctl(slave, TIOCSWINSZ, &size) == 0);
	t->out = fdopen(slave, "w");
	CHECK(t->out != NULL);
	return true;
}

/* terminal_read - all that has arrived; a line of it has arrived when it has been written. */
static const char *
terminal_read(struct terminal *t)
{
	ssize_t n;

	CHECK(fflush(t->out) == 0);
	n = read(t->master, t->said, sizeof(t->said) - 1);
	CHECK(n > 0);
	t->said[n] = '\0';
	return t->said;
}

static void
terminal_close(struct terminal *t)
{
	fclose(t->out);
	close(t->master);
}

static void
check_said(const char *said, const char *wanted)
{
	if (strcmp(said, wanted) != 0)
		check_failed(wanted, said, 0);
}

/* How many, how long yet, how noisy, what, how fast, which: the first line is drawn at once. */
static void
the_line_says_how_far_how_long_how_noisy_and_how_fast(void)
{
	struct terminal t;
	struct progress *p;

	if (!terminal_open(&t, 200))
		CHECK_SKIP("no pseudo-terminal can be had here");
	p = progress_new(t.out, 2, 4, 2 * S);
	CHECK(p != NULL);
	progress_want(p, 1, 1);
	progress_tick(p, "measuring", 0.5, 12.34);
	check_said(terminal_read(&t), "\033[K0/5 (0 %), 10 s left, quiet: measuring 50 %, 12.3 Mops/s, \r");
	progress_free(p);
	/* It is taken away at the end. */
	check_said(terminal_read(&t), "\033[K");

	/* What the sentinel saw of the trials so far; a trial begins without a speed. */
	p = progress_new(t.out, 1, 4, 60 * S);
	CHECK(p != NULL);
	progress_disturbed(p, true);
	progress_begin(p, 0, "hamt mixed 2 threads");
	check_said(terminal_read(&t), "\033[K0/4 (0 %), 4 min 00 s left, 1 disturbed, the last one, too: start, hamt mixed 2 threads\r");
	progress_end(p);
	progress_free(p);
	(void)terminal_read(&t);

	p = progress_new(t.out, 1, 4, 60 * S);
	CHECK(p != NULL);
	progress_disturbed(p, true);
	progress_disturbed(p, false);
	progress_tick(p, "warm-up", 0, NAN);
	check_said(terminal_read(&t), "\033[K0/4 (0 %), 4 min 00 s left, 1 disturbed: warm-up, \r");
	progress_free(p);
	terminal_close(&t);
}

/* A line that fills the terminal would scroll it. */
static void
the_line_is_narrower_than_the_terminal(void)
{
	struct terminal t;
	struct progress *p;

	if (!terminal_open(&t, 30))
		CHECK_SKIP("no pseudo-terminal can be had here");
	p = progress_new(t.out, 1, 4, S);
	CHECK(p != NULL);
	progress_begin(p, 0, "a label that is longer than thirty columns");
	check_said(terminal_read(&t), "\033[K0/4 (0 %), 4 s left, quiet: s\r");
	progress_free(p);
	terminal_close(&t);
}

/* Time left comes from what the trials of each point took; a point that is done wants none. */
static void
time_left_is_learned_from_the_trials(void)
{
	struct progress *p = progress_new(NULL, 2, 2, 1000 * S);

	CHECK(p != NULL);
	CHECK_EQ(progress_left_ns(p, 0), 4000 * S);
	for (unsigned i = 0; i < 2; i++) {
		progress_begin(p, 0, "quick");
		progress_end(p);
	}
	/* The other point has not been seen: it is taken to be as quick. */
	CHECK(progress_left_ns(p, 0) < 2 * S);
	progress_free(p);
}

/* lines_of - what has been written to a file since it was last asked. */
static const char *
lines_of(FILE *out)
{
	static char said[1000];
	ssize_t n;

	CHECK(fflush(out) == 0);
	n = pread(fileno(out), said, sizeof(said) - 1, 0);
	CHECK(n >= 0);
	said[n] = '\0';
	rewind(out);
	CHECK(ftruncate(fileno(out), 0) == 0);
	return said;
}

/* The last trial may take longer than thought: then no time is named, for nobody knows it. */
static void
a_last_trial_that_takes_longer_has_no_time_left(void)
{
	uint64_t later = UINT64_MAX / 2;
	FILE *out = tmpfile();
	struct progress *p;

	CHECK(out != NULL);
	p = progress_new(out, 1, 1, 60 * S);
	CHECK(p != NULL);
	progress_begin(p, 0, "growth");
	progress_tick_at(p, later, "grow", 0.25, NAN);
	check_said(lines_of(out), "0/1 (0 %), longer than expected, quiet: grow 25 %, growth\n");
	progress_free(p);
	fclose(out);
}

/* Of a pipe or file, time passing by itself: a whole line about every ten seconds, that says what the live one does. */
static void
elsewhere_a_whole_line_says_the_same_now_and_then(void)
{
	uint64_t later = UINT64_MAX / 2;
	FILE *out = tmpfile();
	struct progress *p;

	CHECK(out != NULL);
	p = progress_new(out, 3, 4, 60 * S);
	CHECK(p != NULL);
	progress_begin(p, 0, "hamt mixed get=100 2 threads");
	progress_tick(p, "measuring", 0.5, 1);
	check_said(lines_of(out), ""); /* the run is too young */
	/* What is under way took longer than thought: 11 trials are left. */
	progress_tick_at(p, later, "measuring", 0.25, 12.34);
	check_said(lines_of(out), "0/12 (0 %), more than 11 min 00 s left, quiet: measuring 25 %, 12.3 Mops/s, hamt mixed get=100 2 threads\n");
	progress_tick_at(p, later + 9 * S, "measuring", 0.5, 12.34);
	check_said(lines_of(out), "");
	progress_tick_at(p, later + 10 * S, "prefill", 0, NAN);
	check_said(lines_of(out), "0/12 (0 %), more than 11 min 00 s left, quiet: prefill, hamt mixed get=100 2 threads\n");
	/* All that are wanted by now are done, and the sentinel saw others on the machine in two of them, the last one not. */
	progress_end(p);
	for (unsigned i = 1; i < 6; i++) {
		progress_want(p, i / 2, 2);
		progress_begin(p, i / 2, "seed");
		progress_end(p);
		progress_disturbed(p, i < 3);
	}
	progress_tick_at(p, later + 30 * S, "measuring", 1, 0.5);
	check_said(lines_of(out), "6/6 (100 %), 0 s left, 2 disturbed: measuring 100 %, 0.5 Mops/s, seed\n");
	progress_disturbed(p, true);
	progress_tick_at(p, later + 50 * S, "validating", 0, NAN);
	check_said(lines_of(out), "6/6 (100 %), 0 s left, 3 disturbed, the last one, too: validating, seed\n");
	/* There is no line to take away. */
	progress_free(p);
	check_said(lines_of(out), "");
	fclose(out);

	/* --quiet: none, however long it takes. */
	p = progress_new(NULL, 3, 4, 60 * S);
	CHECK(p != NULL);
	progress_begin(p, 0, "x");
	progress_tick_at(p, later, "measuring", 0.5, 1);
	progress_end(p);
	progress_free(p);
}

/* --quiet says nothing, ever; what is no terminal gets whole lines, and of a short run none. */
static void
quiet_and_short_runs_say_nothing(void)
{
	struct progress *p = progress_new(NULL, 1, 1, S);
	FILE *out;

	CHECK(p != NULL);
	progress_begin(p, 0, "x");
	progress_tick(p, "measuring", 0.5, 1);
	progress_end(p);
	progress_free(p);

	out = tmpfile();
	CHECK(out != NULL);
	p = progress_new(out, 1, 1, S);
	CHECK(p != NULL);
	progress_begin(p, 0, "x");
	progress_tick(p, "measuring", 0.5, 1);
	progress_clear(p);
	progress_end(p);
	progress_free(p);
	CHECK_EQ(ftell(out), 0);
	fclose(out);
}

static const struct test tests[] = {
	TEST(the_line_says_how_far_how_long_how_noisy_and_how_fast),
	TEST(the_line_is_narrower_than_the_terminal),
	TEST(time_left_is_learned_from_the_trials),
	TEST(a_last_trial_that_takes_longer_has_no_time_left),
	TEST(elsewhere_a_whole_line_says_the_same_now_and_then),
	TEST(quiet_and_short_runs_say_nothing),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
