/*
 * Pictures as SVG: ends of log axes, where the tail lies, texts that can do no harm, names that do not
 * overlap, values outside that stay on the edge.
 */
/* not under tsan: one thread */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/tests/check.h"
#include "harness/svg.h"

static bool
close_to(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fabs(b) + 1e-12;
}

static void
log_axes_end_at_1_2_5(void)
{
	static const struct { double x, down, up; } table[] = { { 1, 1, 1 }, { 3, 2, 5 }, { 5, 5, 5 }, { 5.1, 5, 10 }, { 999, 500, 1000 },
		{ 1000, 1000, 1000 }, { 0.03, 0.02, 0.05 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CHECK(close_to(svg_down(table[i].x), table[i].down));
		CHECK(close_to(svg_up(table[i].x), table[i].up));
	}
	CHECK(close_to(svg_tail(0.9), 1) && close_to(svg_tail(0.999), 3) && svg_tail(0) == 0);
}

static void
number_tick(double value, char *text, size_t size)
{
	snprintf(text, size, "%g", value);
}

/* A picture of curves that all end at the same height; for free(). */
static char *
picture(size_t curves, const char *name, double y)
{
	struct svg s = { .x = { SVG_LINEAR, 0, 10, "x", number_tick }, .y = { SVG_LOG, 1, 1000, "y", number_tick } };
	double at[2] = { 0, 10 }, heights[2] = { 1, y };
	char *text = NULL;
	size_t size;

	s.out = open_memstream(&text, &size);
	CHECK(s.out != NULL);
	svg_begin(&s, "a \"picture\"", curves, strlen(name));
	svg_axes(&s);
	for (size_t i = 0; i < curves; i++)
		svg_curve(&s, name, "#000000", SVG_SOLID, false, at, heights, 2);
	svg_mark(&s, SVG_OUTLIER, "#000000", 5, y, 0, name);
	svg_end(&s);
	CHECK(fclose(s.out) == 0);
	return text;
}

static void
names_keep_a_line_apart_inside_the_picture(void)
{
	static const size_t counts[] = { 1, 12, 40 };

	for (unsigned c = 0; c < 6; c++) {
		char *text = picture(counts[c / 2], "n", c % 2 ? 1 : 1000), *at = text;
		double last = -INFINITY, y, height = strtod(strstr(text, "viewBox='0 0 400 ") + 17, NULL);
		size_t names = 0;

		for (; (at = strstr(at, "class=name")) != NULL; at++, names++) {
			char *before = at;

			while (strncmp(before, " y=", 3) != 0)
				before--;
			y = strtod(before + 3, NULL);
			CHECK(y >= last + 13.9 && y > 0 && y < height);
			last = y;
		}
		CHECK(names == counts[c / 2]);
		free(text);
	}
}

static void
texts_are_only_shown(void)
{
	char *text = picture(1, "<b>&'\"\n", 10);

	CHECK(strstr(text, "<b>") == NULL && strstr(text, "&lt;b&gt;&amp;&#39;&quot; ") != NULL);
	CHECK(strstr(text, "aria-label=\"a &quot;picture&quot;\"") != NULL);
	free(text);
}

static void
what_lies_outside_is_on_the_edge(void)
{
	char *beyond = picture(1, "n", 1e9), *edge = picture(1, "n", 1000);

	CHECK(strcmp(beyond, edge) == 0);
	CHECK(strstr(edge, "nan") == NULL && strstr(edge, "inf") == NULL);
	/* Decades are labelled, and no zero is negative. */
	CHECK(strstr(edge, ">1000<") != NULL && strstr(edge, ">0<") != NULL && strstr(edge, ">-0<") == NULL);
	free(beyond);
	free(edge);
}

static const struct test tests[] = {
	TEST(log_axes_end_at_1_2_5),
	TEST(names_keep_a_line_apart_inside_the_picture),
	TEST(texts_are_only_shown),
	TEST(what_lies_outside_is_on_the_edge),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
