/*
 * linearize_print.c - a verdict for people. An illegal window is drawn: one line an operation,
 * one column a moment, updates as |====|, what only looks as |----|.
 */
#include "harness/linearize.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 66          /* columns for time, unless there are more moments than that */
#define LINES_FIRST 12u   /* of a long window: so many lines from its beginning */
#define LINES_LAST 20u    /* and from its end */
#define NAMES 26u         /* values that get a letter */

/* The distinct values of a window: letters a, b, c ... in order of appearance. */
struct names {
	uint64_t value[NAMES];
	unsigned count;
};

static void
names_add(struct names *n, uint64_t value)
{
	for (unsigned i = 0; i < n->count; i++)
		if (n->value[i] == value)
			return;
	if (value != 0 && n->count < NAMES)
		n->value[n->count++] = value;
}

/* A value as it is called here: a letter, or its number. text has room for 24 characters. */
static const char *
name_of(const struct names *n, uint64_t value, char *text)
{
	if (value == 0)
		return "absent";
	for (unsigned i = 0; i < n->count; i++)
		if (n->value[i] == value) {
			snprintf(text, 24, "%c", 'a' + (int)i);
			return text;
		}
	snprintf(text, 24, "%#" PRIx64, value);
	return text;
}

static void
event_names(struct names *n, const struct history_event *e)
{
	if (e->op == HISTORY_MODIFY) {
		names_add(n, e->out);
		names_add(n, op_modified(e->out, e->in));
		return;
	}
	names_add(n, e->in);
	if (e->end != HISTORY_OPEN || e->op == HISTORY_REPLACE_IF || e->op == HISTORY_REMOVE_IF)
		names_add(n, e->out);
}

static void
format_hit(const struct history_event *e, const char *in, const char *out, const struct names *n, char *text, size_t size)
{
	char became[24];

	switch ((enum history_op)e->op) {
	case HISTORY_GET:
		snprintf(text, size, "get: %s", out);
		break;
	case HISTORY_INSERT:
		snprintf(text, size, "insert %s: done", in);
		break;
	case HISTORY_UPSERT:
		snprintf(text, size, "upsert %s: was %s", in, out);
		break;
	case HISTORY_REMOVE:
		snprintf(text, size, "remove: was %s", out);
		break;
	case HISTORY_REPLACE:
		snprintf(text, size, "replace by %s: was %s", in, out);
		break;
	case HISTORY_MODIFY:
		snprintf(text, size, "modify: %s became %s", out, name_of(n, op_modified(e->out, e->in), became));
		break;
	case HISTORY_REPLACE_IF:
		snprintf(text, size, "replace %s by %s: done", out, in);
		break;
	case HISTORY_REMOVE_IF:
		snprintf(text, size, "remove if %s: done", out);
		break;
	case HISTORY_EACH:
	case HISTORY_OPS:
		snprintf(text, size, "iteration: %s", out);
		break;
	}
}

static void
format_miss(const struct history_event *e, const char *in, const char *out, char *text, size_t size)
{
	switch ((enum history_op)e->op) {
	case HISTORY_INSERT:
		snprintf(text, size, "insert %s: there is one", in);
		break;
	case HISTORY_UPSERT:
		snprintf(text, size, "upsert %s: was absent", in);
		break;
	case HISTORY_REPLACE:
		snprintf(text, size, "replace by %s: absent", in);
		break;
	case HISTORY_REPLACE_IF:
		snprintf(text, size, "replace %s by %s: is not %s", out, in, out);
		break;
	case HISTORY_REMOVE_IF:
		snprintf(text, size, "remove if %s: is not %s", out, out);
		break;
	default:
		snprintf(text, size, "%s: absent", history_op_names[e->op]);
		break;
	}
}

static void
format_event(const struct history_event *e, const struct names *n, char *text, size_t size)
{
	char in_text[24], out_text[24];
	const char *in = name_of(n, e->in, in_text), *out = name_of(n, e->out, out_text);

	if (e->end == HISTORY_OPEN)
		snprintf(text, size, "%s%s%s: has not returned", history_op_names[e->op], e->in != 0 ? " " : "",
		    e->in != 0 ? in : "");
	else if (e->answer == HISTORY_HIT)
		format_hit(e, in, out, n, text, size);
	else if (e->answer == HISTORY_MISS)
		format_miss(e, in, out, text, size);
	else
		snprintf(text, size, "%s: %s", history_op_names[e->op], e->answer == HISTORY_TWICE ? "seen twice" :
		    e->answer == HISTORY_NOMEM ? "no memory" : "an answer that is none");
}

/* "130 ns", "1.84 us", "2.00 s". */
static void
format_ns(uint64_t ns, char *text, size_t size)
{
	if (ns < 1000)
		snprintf(text, size, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		snprintf(text, size, "%.2f us", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(text, size, "%.2f ms", (double)ns / 1e6);
	else
		snprintf(text, size, "%.2f s", (double)ns / 1e9);
}

/* ---- Columns ---- */

struct axis {
	uint64_t *moment; /* each begin and end that is shown, once, ascending */
	size_t *column;   /* of each */
	size_t count, width;
};

static int
moment_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* How many columns a gap gets: the order of times counts, and roughly how long they are. */
static size_t
gap_columns(uint64_t gap, uint64_t unit, size_t most, size_t scale)
{
	size_t columns = 1;

	for (uint64_t rest = gap / unit; rest > 1 && columns < most; rest /= 2)
		columns++;
	return columns * scale;
}

static bool
axis_make(struct axis *a, const struct linearize_window *w, const bool *shown)
{
	uint64_t unit = UINT64_MAX;
	size_t count = 0;

	*a = (struct axis){ .moment = malloc((2 * w->events + 1) * sizeof(*a->moment)),
	    .column = malloc((2 * w->events + 1) * sizeof(*a->column)) };
	if (a->moment == NULL || a->column == NULL)
		return false;
	for (size_t i = 0; i < w->events; i++)
		if (shown[i]) {
			a->moment[count++] = w->event[i].begin;
			if (w->event[i].end != HISTORY_OPEN)
				a->moment[count++] = w->event[i].end;
		}
	qsort(a->moment, count, sizeof(*a->moment), moment_compare);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || a->moment[i] != a->moment[i - 1])
			a->moment[a->count++] = a->moment[i];
	for (size_t i = 1; i < a->count; i++)
		if (a->moment[i] - a->moment[i - 1] < unit)
			unit = a->moment[i] - a->moment[i - 1];
	/* From the most generous choice to the least. */
	for (size_t choice = 10; choice > 0; choice--) {
		a->width = a->column[0] = 0;
		for (size_t i = 1; i < a->count; i++)
			a->column[i] = a->width += gap_columns(a->moment[i] - a->moment[i - 1], unit,
			    choice > 4 ? 5 : choice, choice > 5 ? choice - 4 : 1);
		if (a->width < WIDTH)
			break;
	}
	a->width++;
	return true;
}

static void
axis_free(struct axis *a)
{
	free(a->moment);
	free(a->column);
}

static size_t
axis_column(const struct axis *a, uint64_t moment)
{
	const uint64_t *at = bsearch(&moment, a->moment, a->count, sizeof(*at), moment_compare);

	return at != NULL ? a->column[at - a->moment] : a->width;
}

static bool
event_looks(const struct history_event *e)
{
	return e->op == HISTORY_GET || e->op == HISTORY_EACH ||
	    (e->end != HISTORY_OPEN && e->answer == HISTORY_MISS && e->op != HISTORY_UPSERT);
}

static void
print_bar(FILE *out, const struct axis *a, const struct history_event *e)
{
	size_t from = axis_column(a, e->begin), to = axis_column(a, e->end);
	char fill = event_looks(e) ? '-' : '=';

	for (size_t i = 0; i < a->width; i++)
		fputc(i == from || i == to ? '|' : i > from && i < to ? fill : ' ', out);
	fputs(to == a->width ? "> " : "  ", out);
}

/* ---- The window ---- */

static void
print_values(FILE *out, const struct linearize_window *w, const struct names *n)
{
	char text[24];

	if (w->event[0].begin < w->from) {
		format_ns(w->from - w->event[0].begin, text, sizeof(text));
		fprintf(out, "What is under way at %s may have taken effect or not; the key is then ", text);
	} else {
		fputs("At first the key is ", out);
	}
	for (unsigned i = 0; i < w->values; i++) {
		bool known = w->value[i] == 0 || !w->coarse || w->value[i] == w->about;

		fprintf(out, "%s%s", i == 0 ? "" : i + 1 < w->values ? ", " : " or ",
		    known ? name_of(n, w->value[i], text) : w->about == 0 ? "mapped" : "mapped to some other value");
	}
	fputs(".\n\n", out);
}

static void
print_legend(FILE *out, const struct names *n)
{
	for (unsigned i = 0; i < n->count; i++)
		fprintf(out, "%s%c = %#" PRIx64, i == 0 ? "" : ", ", 'a' + (int)i, n->value[i]);
	if (n->count > 0)
		fputs("\n", out);
}

/* Where the value came from that should not have been seen. */
static void
print_source(FILE *out, const struct linearize_window *w, const struct names *n)
{
	uint64_t begin = w->event[w->culprit].begin;
	char name[24], ago[32];

	if (!w->has_source)
		return;
	format_ns(begin > w->source.end ? begin - w->source.end : 0, ago, sizeof(ago));
	if (w->event[w->culprit].out == 0) {
		fprintf(out, "It had last been mapped by thread %" PRIu32 " (%s), %s before the call that nothing explains.\n",
		    w->source.thread, history_op_names[w->source.op], ago);
		return;
	}
	fprintf(out, "%s was put by thread %" PRIu32 " (%s), %s before the call that nothing explains",
	    name_of(n, w->event[w->culprit].out, name), w->source.thread, history_op_names[w->source.op], ago);
	if (w->has_end) {
		format_ns(begin > w->end.end ? begin - w->end.end : 0, ago, sizeof(ago));
		fprintf(out, ",\nand taken away by thread %" PRIu32 " (%s), %s before it", w->end.thread,
		    history_op_names[w->end.op], ago);
	}
	fputs(".\n", out);
}

static bool
print_lines(FILE *out, const struct linearize_window *w, const struct names *n)
{
	bool *shown = calloc(w->events, sizeof(*shown));
	size_t left_out = 0;
	struct axis axis = { .count = 0 };
	bool done;

	if (shown == NULL)
		return false;
	for (size_t i = 0; i < w->events; i++)
		shown[i] = i < LINES_FIRST || i + LINES_LAST >= w->events || i == w->culprit;
	done = axis_make(&axis, w, shown);
	if (done)
		fprintf(out, "  %9s  %9s  thread  %-*s  operation\n", "begin", "took", (int)axis.width,
		    "time: to the right, not to scale");
	for (size_t i = 0; i < w->events && done; i++) {
		const struct history_event *e = &w->event[i];
		char begin[32], took[32], text[128];

		if (!shown[i]) {
			left_out++;
			continue;
		}
		if (left_out > 0)
			fprintf(out, "  ... %zu more ...\n", left_out);
		left_out = 0;
		format_ns(e->begin - w->event[0].begin, begin, sizeof(begin));
		format_ns(e->end - e->begin, took, sizeof(took));
		format_event(e, n, text, sizeof(text));
		fprintf(out, "  %9s  %9s  %6" PRIu32 "  ", begin, e->end == HISTORY_OPEN ? "-" : took, e->thread);
		print_bar(out, &axis, e);
		fprintf(out, "%s%s\n", text, i == w->culprit ? "   <== nothing explains this" :
		    w->beside[i] ? "   (beside it)" : "");
	}
	axis_free(&axis);
	free(shown);
	return done;
}

static void
print_window(FILE *out, const struct linearize_window *w)
{
	struct names n = { .count = 0 };
	char margin[32];

	for (unsigned i = 0; i < w->values; i++)
		if (!w->coarse || w->value[i] == w->about)
			names_add(&n, w->value[i]);
	for (size_t i = 0; i < w->events; i++)
		event_names(&n, &w->event[i]);
	print_values(out, w, &n);
	if (!print_lines(out, w, &n))
		fputs("  no memory to draw it\n", out);
	fputc('\n', out);
	print_source(out, w, &n);
	print_legend(out, &n);
	format_ns(w->margin_ns, margin, sizeof(margin));
	if (w->margin_ns > 0)
		fprintf(out, "It stays so if the clocks of two processors differ by up to %s.\n", margin);
}

void
linearize_print(FILE *out, const struct linearize_result *r)
{
	size_t proof = 0;

	switch (r->verdict) {
	case LINEARIZE_OK:
		fprintf(out, "ok: %" PRIu64 " operations on %" PRIu64 " keys\n", r->operations, r->keys);
		return;
	case LINEARIZE_UNKNOWN:
		fprintf(out, "unknown: %s\n", r->why);
		return;
	case LINEARIZE_ILLEGAL:
		break;
	}
	for (size_t i = 0; i < r->window.events; i++)
		proof += !r->window.beside[i];
	if (proof == 1)
		fprintf(out, "illegal: key %" PRIu64 ": nothing explains what this operation returned.\n", r->key);
	else
		fprintf(out, "illegal: key %" PRIu64 ": no order of these %zu operations explains what they returned.\n", r->key,
		    proof);
	if (r->illegal_keys > 1)
		fprintf(out, "It is one of %" PRIu64 " such keys, of %" PRIu64 ".\n", r->illegal_keys, r->keys);
	print_window(out, &r->window);
}
