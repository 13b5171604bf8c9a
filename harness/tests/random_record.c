/* random_record.c - see random_record.h. */
#include "harness/tests/random_record.h"

#include <math.h>
#include <string.h>

static void
random_text(struct random *random, char *text, size_t size)
{
	static const char *const piece[] = {
		"zipf:0.99", ",", "\"", "\n", "\r\n", "get=90", "\xc3\xa9", " ", ";", "'"
	};
	size_t pieces = random_below(random, 12);

	text[0] = '\0';
	for (size_t i = 0; i < pieces; i++) {
		const char *next = piece[random_below(random, sizeof(piece) / sizeof(piece[0]))];

		if (strlen(text) + strlen(next) < size)
			strcat(text, next);
	}
}

static void
random_column(struct random *random, struct record *record, const struct column *c)
{
	void *field = (char *)record + c->offset;

	switch (c->type) {
	case COLUMN_TEXT:
		random_text(random, field, c->size);
		return;
	case COLUMN_STRING: {
		char text[RECORD_TEXT];

		snprintf(text, sizeof(text), "{\"duration\":\"1s\",\"number\":%u}",
		    (unsigned)random_below(random, 1000));
		*(char **)field = strdup(text);
		return;
	}
	case COLUMN_COUNT:
		/* All sizes alike, and one in eight has no value. */
		*(uint64_t *)field = random_below(random, 8) == 0 ? UINT64_MAX :
		    random_next(random) >> random_below(random, 64);
		return;
	case COLUMN_REAL:
		*(double *)field = random_below(random, 8) == 0 ? NAN : random_unit(random) * 1e3 / 3;
		return;
	case COLUMN_BOOL:
		*(bool *)field = random_below(random, 2) == 0;
		return;
	}
}

static void
random_histogram(struct random *random, struct histogram *h)
{
	size_t values = random_below(random, 200);

	for (size_t i = 0; i < values; i++)
		(void)histogram_add(h, random_next(random) >> (20 + random_below(random, 44)));
}

struct record *
random_record(struct random *random, unsigned threads, size_t samples)
{
	struct record *r = record_new(threads);

	if (r == NULL)
		abort();
	for (const struct column *c = record_columns; c->name != NULL; c++)
		random_column(random, r, c);
	r->threads = threads;
	for (unsigned i = 0; i < RECORD_HISTOGRAMS; i++)
		random_histogram(random, &r->histogram[i]);
	r->sample = calloc(samples + 1, sizeof(*r->sample));
	if (r->sample == NULL)
		abort();
	r->samples = samples;
	for (size_t i = 0; i < samples; i++)
		r->sample[i] = (struct record_sample){ i * 5000000, random_next(random), UINT64_MAX,
			random_below(random, 1u << 30), i * 1000, i % 3 == 0 ? UINT64_MAX : random_below(random, 1u << 30),
			i % 2 == 1 ? UINT64_MAX : random_below(random, 1u << 30) };
	for (unsigned i = 0; i < threads; i++)
		r->thread[i] = (struct record_thread){ (int)random_below(random, 4) - 1, random_next(random) >> 20,
			random_next(random) >> 30 };
	r->phases = (unsigned)random_below(random, PLAN_PHASES + 1);
	for (unsigned i = 0; i < r->phases; i++) {
		snprintf(r->phase[i].name, sizeof(r->phase[i].name), "phase, %u", i);
		r->phase[i].ops = random_next(random) >> 30;
		r->phase[i].elapsed_s = random_unit(random);
		r->phase[i].mops = i == 0 ? NAN : random_unit(random) / 3;
		r->phase[i].begin_s = i == 1 ? NAN : random_unit(random) * 9;
		r->phase[i].pause_max_ns = i == 2 ? UINT64_MAX : random_next(random) >> 30;
		snprintf(r->phase[i].pause_op, sizeof(r->phase[i].pause_op), "%s", i == 2 ? "" : "insert");
		snprintf(r->phase[i].pause_cause, sizeof(r->phase[i].pause_cause), "%s", i == 2 ? "" : "resize,preempted");
	}
	return r;
}

static bool
same_real(double a, double b)
{
	return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof(a)) == 0;
}

const char *
different_column(const struct record *a, const struct record *b)
{
	for (const struct column *c = record_columns; c->name != NULL; c++) {
		const void *left = (const char *)a + c->offset, *right = (const char *)b + c->offset;
		bool same = false;

		switch (c->type) {
		case COLUMN_TEXT:
			same = strcmp(left, right) == 0;
			break;
		case COLUMN_STRING: {
			const char *l = *(char *const *)left, *r = *(char *const *)right;

			same = l == NULL || r == NULL ? l == r : strcmp(l, r) == 0;
			break;
		}
		case COLUMN_COUNT:
			same = *(const uint64_t *)left == *(const uint64_t *)right;
			break;
		case COLUMN_REAL:
			same = same_real(*(const double *)left, *(const double *)right);
			break;
		case COLUMN_BOOL:
			same = *(const bool *)left == *(const bool *)right;
			break;
		}
		if (!same)
			return c->name;
	}
	return NULL;
}

const char *
different_series(const struct record *a, const struct record *b)
{
	if (memcmp(a->histogram, b->histogram, RECORD_HISTOGRAMS * sizeof(*a->histogram)) != 0)
		return "histogram";
	if (a->samples != b->samples ||
	    (a->samples > 0 && memcmp(a->sample, b->sample, a->samples * sizeof(*a->sample)) != 0))
		return "sample";
	if (a->phases != b->phases)
		return "phases";
	for (uint64_t i = 0; i < a->threads; i++)
		if (a->thread[i].cpu != b->thread[i].cpu || a->thread[i].ops != b->thread[i].ops ||
		    a->thread[i].elapsed_ns != b->thread[i].elapsed_ns)
			return "thread";
	for (unsigned i = 0; i < a->phases; i++)
		if (strcmp(a->phase[i].name, b->phase[i].name) != 0 || a->phase[i].ops != b->phase[i].ops ||
		    !same_real(a->phase[i].elapsed_s, b->phase[i].elapsed_s) ||
		    !same_real(a->phase[i].mops, b->phase[i].mops) || !same_real(a->phase[i].begin_s, b->phase[i].begin_s) ||
		    a->phase[i].pause_max_ns != b->phase[i].pause_max_ns ||
		    strcmp(a->phase[i].pause_op, b->phase[i].pause_op) != 0 ||
		    strcmp(a->phase[i].pause_cause, b->phase[i].pause_cause) != 0)
			return "phase";
	return NULL;
}
