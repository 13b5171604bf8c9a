/*
 * progress.c - the line is drawn with the cursor left at its start, so that
 * whatever else comes to the terminal overwrites it.
 */
#include "harness/progress.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define REDRAW_NS (NS_PER_S / 10)
#define PLAIN_NS (10 * NS_PER_S)
#define COLUMNS 80 /* of a terminal that does not say */

struct seen {
	uint64_t wanted; /* trials in all */
	uint64_t trials; /* done */
	uint64_t sum_ns; /* what they took */
};

struct progress {
	FILE *out;
	bool terminal, drawn, running;
	size_t points, point;
	uint64_t guess_ns;
	uint64_t done, disturbed;
	bool last_disturbed;
	uint64_t began_ns;      /* the trial under way */
	uint64_t next_line_ns;
	char label[160];
	struct seen all;
	struct seen seen[];     /* by point */
};

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

struct progress *
progress_new(FILE *out, size_t points, uint64_t trials_each, uint64_t guess_ns)
{
	struct progress *p = calloc(1, sizeof(*p) + points * sizeof(p->seen[0]));

	if (p == NULL)
		return NULL;
	p->out = out;
	p->terminal = out != NULL && isatty(fileno(out));
	p->points = points;
	for (size_t i = 0; i < points; i++)
		p->seen[i].wanted = trials_each;
	p->all.wanted = points * trials_each;
	p->guess_ns = guess_ns;
	p->next_line_ns = now() + (p->terminal ? 0 : PLAIN_NS);
	return p;
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	progress_clear(p);
	free(p);
}

void
progress_want(struct progress *p, size_t point, uint64_t trials)
{
	p->all.wanted += trials - p->seen[point].wanted;
	p->seen[point].wanted = trials;
}

void
progress_begin(struct progress *p, size_t point, const char *label)
{
	p->point = point;
	p->running = true;
	p->began_ns = now();
	snprintf(p->label, sizeof(p->label), "%s", label);
	progress_tick(p, "start", 0, NAN);
}

/* What one trial of a point takes, by what is known so far. */
static uint64_t
trial_ns(const struct progress *p, size_t point)
{
	const struct seen *s = &p->seen[point];

	if (s->trials > 0)
		return s->sum_ns / s->trials;
	return p->all.trials > 0 ? p->all.sum_ns / p->all.trials : p->guess_ns;
}

uint64_t
progress_left_ns(const struct progress *p, uint64_t now_ns)
{
	uint64_t left_ns = 0;

	for (size_t i = 0; i < p->points; i++)
		if (p->seen[i].wanted > p->seen[i].trials)
			left_ns += (p->seen[i].wanted - p->seen[i].trials) * trial_ns(p, i);
	if (p->running) {
		uint64_t spent_ns = now_ns - p->began_ns, whole_ns = trial_ns(p, p->point);

		left_ns -= spent_ns < whole_ns ? spent_ns : whole_ns;
	}
	return left_ns;
}

/* Has the trial under way clearly exceeded its estimate? Then nobody knows when it ends. */
static bool
late(const struct progress *p, uint64_t now_ns)
{
	uint64_t whole_ns = trial_ns(p, p->point);

	return p->running && now_ns - p->began_ns > whole_ns + whole_ns / 8 + NS_PER_S;
}

/* put_left - what is said of the time left. */
static void
put_left(const struct progress *p, uint64_t now_ns, char *text, size_t size)
{
	uint64_t left_ns = progress_left_ns(p, now_ns);
	char time[32];

	progress_format_time(left_ns, time, sizeof(time));
	if (!late(p, now_ns))
		snprintf(text, size, "%s left", time);
	else if (left_ns > 0)
		snprintf(text, size, "more than %s left", time);
	else
		snprintf(text, size, "longer than expected");
}

void
progress_format_time(uint64_t ns, char *text, size_t size)
{
	uint64_t s = ns / NS_PER_S + (ns % NS_PER_S != 0);

	if (s < 60)
		snprintf(text, size, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(text, size, "%" PRIu64 " min %02" PRIu64 " s", s / 60, s % 60);
	else
		snprintf(text, size, "%" PRIu64 " h %02" PRIu64 " min", (s + 59) / 3600, (s + 59) % 3600 / 60);
}

static unsigned
columns(const struct progress *p)
{
	struct winsize size;

	return ioctl(fileno(p->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS;
}

void
progress_tick_at(struct progress *p, uint64_t now_ns, const char *stage, double done_share, double mops)
{
	uint64_t total = p->all.wanted;
	char line[400], left[64], share[16] = "", speed[32] = "", noise[64] = "quiet";

	if (p->out == NULL || now_ns < p->next_line_ns)
		return;
	p->next_line_ns = now_ns + (p->terminal ? REDRAW_NS : PLAIN_NS);
	put_left(p, now_ns, left, sizeof(left));
	if (done_share > 0)
		snprintf(share, sizeof(share), " %.0f %%", done_share * 100);
	if (!isnan(mops))
		snprintf(speed, sizeof(speed), " %.3g Mops/s,", mops);
	if (p->disturbed > 0)
		snprintf(noise, sizeof(noise), "%" PRIu64 " disturbed%s", p->disturbed, p->last_disturbed ? ", the last one, too" : "");
	snprintf(line, sizeof(line), "%" PRIu64 "/%" PRIu64 " (%" PRIu64 " %%), %s, %s: %s%s,%s %s", p->done,
	    total, total > 0 ? p->done * 100 / total : 100, left, noise, stage, share, speed, p->label);
	if (p->terminal) {
		/* One column stays free: a full line would scroll. */
		fprintf(p->out, "\033[K%.*s\r", (int)columns(p) - 1, line);
		p->drawn = true;
	} else {
		fprintf(p->out, "%s\n", line);
	}
	fflush(p->out);
}

void
progress_tick(void *progress, const char *stage, double done_share, double mops)
{
	progress_tick_at(progress, now(), stage, done_share, mops);
}

void
progress_disturbed(struct progress *p, bool disturbed)
{
	p->disturbed += disturbed;
	p->last_disturbed = disturbed;
}

void
progress_end(struct progress *p)
{
	uint64_t took_ns = now() - p->began_ns;

	p->running = false;
	p->done++;
	p->seen[p->point].trials++;
	p->seen[p->point].sum_ns += took_ns;
	p->all.trials++;
	p->all.sum_ns += took_ns;
}

void
progress_clear(struct progress *p)
{
	if (!p->drawn)
		return;
	fputs("\033[K", p->out);
	fflush(p->out);
	p->drawn = false;
}
