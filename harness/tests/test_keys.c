/*
 * test_keys.c - the keys actually issued follow the distribution asked for. Each
 * is taken back through the scramble to its rank, the ranks are counted in
 * cells, and a chi-square test compares the counts with the exact
 * probabilities. That this test would notice is itself tested.
 */
/* not under tsan: one thread */
#include <math.h>
#include <unistd.h>

#include "core/tests/check.h"
#include "harness/keys.h"
#include "harness/random.h"
#include "harness/statistics.h"

static const char *const every_kind[] = { "uniform", "zipf:0.99", "zipf:1", "zipf:2", "sequential", "self-similar:0.2",
	"hotspot:0.2,0.8", "hotspot:0.1,0.9,100", "latest:0.99", "gaussian:0.1", "ranges:0.5" };
#define EVERY_KIND (sizeof(every_kind) / sizeof(every_kind[0]))

/* With a fixed seed these never change; with any seed one run in 10^6 fails. */
#define LIKELY_P 1e-6
/* What a wrong distribution must fall below. */
#define HOPELESS_P 1e-12

static char error[300];

static struct keys_spec
parsed(const char *text)
{
	struct keys_spec spec;
	bool done = keys_parse(text, &spec, error, sizeof(error));

	if (!done)
		fprintf(stderr, "# %s\n", error);
	CHECK(done);
	return spec;
}

static struct keys *
made(const char *text, uint64_t n, uint64_t seed, unsigned thread)
{
	struct keys_spec spec = parsed(text);
	struct keys *k = keys_new(&spec, n, seed, thread, 4);

	CHECK(k != NULL);
	return k;
}

/* unscramble - the inverse of keys_permutation_at(), written from its definition: the rounds backwards. */
static uint64_t
unscramble(const struct keys_permutation *p, uint64_t key)
{
	do {
		uint32_t left = (uint32_t)(key >> p->bits), right = (uint32_t)key & p->right_mask;

		for (unsigned r = p->rounds; r > 0; r -= 2) {
			uint32_t off;

			right = (right - (keys_round(left, p->key[r - 1]) >> p->right_shift)) & p->right_mask;
			off = (uint32_t)((uint64_t)keys_round(right, p->key[r - 2]) * p->lefts >> 32);
			left = left >= off ? left - off : left + p->lefts - off;
		}
		key = (uint64_t)left << p->bits | right;
	} while (key >= p->n);
	return key;
}

/*
 * Ranks 0 .. n-1 in cells: one each for the first ones, then wider ones, so that
 * every cell is expected often enough.
 */
#define MAX_CELLS 3000

struct cells {
	uint64_t end[MAX_CELLS]; /* cell c holds the ranks below end[c], and not below end[c - 1] */
	double expected[MAX_CELLS];
	double observed[MAX_CELLS];
	unsigned count;
};

static struct cells cells;

/* weight_sum - the sum of k^-theta for k = first .. last: added up; from 2000 on by Euler and Maclaurin. */
static double
weight_sum(double theta, uint64_t first, uint64_t last)
{
	double sum = 0, a, b, power = 1 - theta, slope;

	for (; first <= last && first < 2000; first++)
		sum += pow((double)first, -theta);
	if (first > last)
		return sum;
	a = (double)first - 0.5;
	b = (double)last + 0.5;
	sum += power == 0 ? log(b / a) : (pow(b, power) - pow(a, power)) / power;
	slope = -theta * (pow(b, -theta - 1) - pow(a, -theta - 1));
	return sum - slope / 24;
}

/* cells_build - for `draws` draws of a zipf with this theta (0: uniform) over [0, n). */
static void
cells_build(double theta, uint64_t n, double draws)
{
	double all = weight_sum(theta, 1, n);

	memset(&cells, 0, sizeof(cells));
	for (uint64_t begin = 0; begin < n;) {
		uint64_t width = begin < 64 ? 1 : 1 + begin / 32;
		double expected;

		for (;;) {
			width = width < n - begin ? width : n - begin;
			expected = weight_sum(theta, begin + 1, begin + width) / all * draws;
			if (expected >= 10 || width == n - begin)
				break;
			width *= 2;
		}
		if (expected < 10 && cells.count != 0) {
			/* The rest joins the last cell. */
			cells.expected[cells.count - 1] += expected;
			cells.end[cells.count - 1] = n;
		} else {
			CHECK(cells.count < MAX_CELLS);
			cells.expected[cells.count] = expected;
			cells.end[cells.count++] = begin + width;
		}
		begin += width;
	}
}

static void
cells_note(uint64_t rank)
{
	unsigned low = 0, high = cells.count - 1;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (rank < cells.end[middle])
			high = middle;
		else
			low = middle + 1;
	}
	cells.observed[low]++;
}

static double
cells_p(void)
{
	double chi = statistics_chi_square(cells.observed, cells.expected, cells.count);

	return cells.count == 1 ? 0.5 : statistics_chi_square_p(chi, cells.count - 1);
}

/* p_of - draw from `text` over [0, n), and test against theta. */
static double
p_of(const char *text, uint64_t n, double theta, unsigned draws)
{
	struct keys *k = made(text, n, check_seed, 1);
	const struct keys_permutation *scramble = keys_scramble(k);
	uint64_t key[KEYS_BLOCK];
	double p;

	cells_build(theta, n, draws);
	for (unsigned i = 0; i < draws; i += KEYS_BLOCK) {
		unsigned count = draws - i < KEYS_BLOCK ? draws - i : KEYS_BLOCK;

		keys_fill(k, key, count);
		for (unsigned j = 0; j < count; j++) {
			CHECK(key[j] < n);
			cells_note(scramble == NULL ? key[j] : unscramble(scramble, key[j]));
		}
	}
	keys_free(k);
	p = cells_p();
	if (p < LIKELY_P || p > 1 - LIKELY_P)
		fprintf(stderr, "# %s over %llu against theta %g: p = %g in %u cells\n", text, (unsigned long long)n,
		    theta, p, cells.count);
	return p;
}

/* follows - neither too far from the distribution nor suspiciously near to it. */
static void
follows(const char *text, uint64_t n, double theta, unsigned draws)
{
	double p = p_of(text, n, theta, draws);

	CHECK(p > LIKELY_P && p < 1 - LIKELY_P);
}

static void
uniform_is_uniform(void)
{
	static const uint64_t n[] = { 2, 10, 1000, 200000, UINT32_MAX, UINT64_C(1) << 32, 5000000007,
		UINT64_C(3) << 54 };

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		follows("uniform", n[i], 0, 1000000);
}

/*
 * 2^64 / n = 1024 / 3 words per key: without rejection the keys divisible by 3
 * would get 342 and the others 341, which 32 million draws show at p = 1e-13.
 */
static void
uniform_rejects_the_surplus(void)
{
	enum { DRAWS = 500000 * KEYS_BLOCK };
	struct keys *k = made("uniform", UINT64_C(3) << 54, check_seed, 0);
	double observed[3] = { 0 }, expected[3] = { DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0 };
	uint64_t key[KEYS_BLOCK];

	for (unsigned i = 0; i < DRAWS; i += KEYS_BLOCK) {
		keys_fill(k, key, KEYS_BLOCK);
		for (unsigned j = 0; j < KEYS_BLOCK; j++)
			observed[key[j] % 3]++;
	}
	keys_free(k);
	CHECK(statistics_chi_square_p(statistics_chi_square(observed, expected, 3), 2) > LIKELY_P);
}

static const struct {
	const char *text;
	double theta;
} zipfs[] = {
	{ "zipf:0.2", 0.2 },
	{ "zipf:0.5", 0.5 },
	{ "zipf:0.99", 0.99 },
	{ "zipf:1", 1 },
	{ "zipf:1.2", 1.2 },
	{ "zipf:2", 2 },
};
#define ZIPFS (sizeof(zipfs) / sizeof(zipfs[0]))

static void
zipf_is_zipf(void)
{
	static const uint64_t n[] = { 2, 10, 1000, 200000 };

	for (size_t i = 0; i < ZIPFS; i++)
		for (size_t j = 0; j < sizeof(n) / sizeof(n[0]); j++)
			follows(zipfs[i].text, n[j], zipfs[i].theta, 1000000);
}

/* Beyond 2^52 keys are made one by one. */
static void
zipf_is_zipf_over_wide_ranges(void)
{
	static const uint64_t n[] = { 20000003, UINT64_C(1) << 40, UINT64_C(1) << 52, (UINT64_C(1) << 52) + 1,
		KEYS_MAX_N };

	for (size_t i = 0; i < ZIPFS; i++)
		for (size_t j = 0; j < sizeof(n) / sizeof(n[0]); j++)
			follows(zipfs[i].text, n[j], zipfs[i].theta, 200000);
}

/* Hardly sloping, next to 1 on both sides, and so steep that most ranks are out of reach. */
static void
zipf_is_zipf_for_odd_thetas(void)
{
	follows("zipf:1e-9", 1000, 1e-9, 300000);
	follows("zipf:0.9999999", 200000, 1, 300000);
	follows("zipf:0.9999999999999999", 200000, 1, 300000);
	follows("zipf:1.0000000000000002", 200000, 1, 300000);
	follows("zipf:1.0000001", 200000, 1, 300000);
	follows("zipf:5", 1000, 5, 300000);
	follows("zipf:7.9", KEYS_MAX_N, 7.9, 300000);
	follows("zipf:12", 1000, 12, 300000);
}

static void
absurd_thetas_still_give_keys(void)
{
	static const char *const text[] = { "zipf:1e-300", "zipf:60", "zipf:1000", "zipf:1e15", "zipf:1e308" };
	static const uint64_t n[] = { 1, 2, 1000, KEYS_MAX_N };

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		for (size_t j = 0; j < sizeof(n) / sizeof(n[0]); j++) {
			struct keys *k = made(text[i], n[j], check_seed, 0);
			uint64_t key[4 * KEYS_BLOCK];

			keys_fill(k, key, 4 * KEYS_BLOCK);
			for (unsigned c = 0; c < 4 * KEYS_BLOCK; c++) {
				CHECK(key[c] < n[j]);
				/* From 60 on every other rank has less than 2^-60. */
				CHECK(i == 0 || unscramble(keys_scramble(k), key[c]) == 0);
			}
			keys_free(k);
		}
}

/* The test has teeth: theta off by 2 % either way, and a neighbouring n. */
static void
wrong_distributions_are_rejected(void)
{
	static const uint64_t n[] = { 1000, 200000 };

	for (size_t j = 0; j < 2; j++) {
		CHECK(p_of("zipf:0.99", n[j], 0.99 * 1.02, 1000000) < HOPELESS_P);
		CHECK(p_of("zipf:0.99", n[j], 0.99 / 1.02, 1000000) < HOPELESS_P);
		CHECK(p_of("zipf:1", n[j], 1.02, 1000000) < HOPELESS_P);
		CHECK(p_of("zipf:1.2", n[j], 1.2 * 1.02, 1000000) < HOPELESS_P);
		CHECK(p_of("zipf:2", n[j], 2 / 1.02, 1000000) < HOPELESS_P);
		CHECK(p_of("zipf:0.5", n[j], 0.5 * 1.02, 1000000) < HOPELESS_P);
		CHECK(p_of("uniform", n[j], 0.02, 1000000) < HOPELESS_P);
	}
	CHECK(p_of("zipf:0.99", 10, 0.99 * 1.02, 1000000) < HOPELESS_P);
	CHECK(p_of("zipf:0.5", 1000, 0.5, 1000000) > LIKELY_P);
	/* The usual mistake: the continuous power law, rounded, without any rejection. */
	cells_build(0.99, 1000, 1000000);
	{
		double a = 0.01, top = (pow(1000.5, a) - 1) / a, bottom = (pow(0.5, a) - 1) / a;
		struct random r;

		random_seed(&r, check_seed, 0);
		for (unsigned i = 0; i < 1000000; i++) {
			double x = pow(1 + a * (bottom + random_unit(&r) * (top - bottom)), 1 / a);

			cells_note((uint64_t)(x + 0.5) - 1);
		}
	}
	CHECK(cells_p() < HOPELESS_P);
}

/*
 * The other kinds: the share of draws below each rank is known exactly, and
 * cells of equal expectation are made from it.
 */
struct shape {
	const char *text;
	double (*below)(double part, double a, double b); /* the probability of the first `part` of the range */
	double a, b;
};

static double
below_self_similar(double part, double h, double unused)
{
	(void)unused;
	return pow(part, log(1 - h) / log(h));
}

static double
below_hotspot(double part, double keys, double draws)
{
	return part < keys ? draws * part / keys : draws + (1 - draws) * (part - keys) / (1 - keys);
}

static double
below_gaussian(double part, double sigma, double unused)
{
	double low = 0.5 * erfc(0.5 / sigma / sqrt(2)), high = 1 - low;

	(void)unused;
	return (0.5 * erfc((0.5 - part) / sigma / sqrt(2)) - low) / (high - low);
}

static double
below_uniform(double part, double first, double wide)
{
	return part <= first ? 0 : part >= first + wide ? 1 : (part - first) / wide;
}

/* What of the range a key stands for: back through the scramble, and, of latest, counted from the newest. */
static uint64_t
rank_of(const struct keys *k, const struct keys_spec *spec, uint64_t n, uint64_t key)
{
	const struct keys_permutation *scramble = keys_scramble(k);

	return spec->kind == KEYS_LATEST ? n - 1 - key : scramble != NULL ? unscramble(scramble, key) : key;
}

/* Draws of `text` against what `shape` says of it, in up to 200 cells. */
static double
p_of_shape(const char *text, const struct shape *shape, uint64_t n, unsigned thread, unsigned draws)
{
	struct keys_spec spec = parsed(text);
	struct keys *k = made(text, n, check_seed, thread);
	uint64_t key[KEYS_BLOCK], width = n < 200 ? 1 : n / 200;

	memset(&cells, 0, sizeof(cells));
	for (uint64_t begin = 0; begin < n; begin += width) {
		uint64_t end = begin + width < n && cells.count < 199 ? begin + width : n;
		double expected = draws * (shape->below((double)end / (double)n, shape->a, shape->b) -
		    shape->below((double)begin / (double)n, shape->a, shape->b));

		/* Too rare for a cell of its own: with the last one. */
		if (cells.count > 0 && (expected < 10 || cells.expected[cells.count - 1] < 10)) {
			cells.expected[cells.count - 1] += expected;
			cells.end[cells.count - 1] = end;
		} else {
			cells.expected[cells.count] = expected;
			cells.end[cells.count++] = end;
		}
		if (end == n)
			break;
	}
	for (unsigned i = 0; i < draws; i += KEYS_BLOCK) {
		keys_fill(k, key, KEYS_BLOCK);
		for (unsigned j = 0; j < KEYS_BLOCK; j++) {
			CHECK(key[j] < n);
			cells_note(rank_of(k, &spec, n, key[j]));
		}
	}
	keys_free(k);
	return cells_p();
}

static const struct shape shapes[] = {
	{ "self-similar:0.2", below_self_similar, 0.2, 0 },
	{ "self-similar:0.5", below_self_similar, 0.5, 0 },
	{ "self-similar:0.05", below_self_similar, 0.05, 0 },
	{ "hotspot:0.2,0.8", below_hotspot, 0.2, 0.8 },
	{ "hotspot:0.01,0.99", below_hotspot, 0.01, 0.99 },
	{ "gaussian:0.1", below_gaussian, 0.1, 0 },
	{ "gaussian:0.5", below_gaussian, 0.5, 0 },
	{ "gaussian:10", below_gaussian, 10, 0 },
};

static void
other_kinds_are_what_they_say(void)
{
	static const uint64_t n[] = { 1000, 200000, UINT64_C(1) << 40 };

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (size_t j = 0; j < sizeof(n) / sizeof(n[0]); j++) {
			double p = p_of_shape(shapes[i].text, &shapes[i], n[j], 1, 256000);

			if (p <= LIKELY_P || p >= 1 - LIKELY_P)
				fprintf(stderr, "# %s over %llu: p = %g in %u cells\n", shapes[i].text,
				    (unsigned long long)n[j], p, cells.count);
			CHECK(p > LIKELY_P && p < 1 - LIKELY_P);
		}
	for (uint64_t n_small = 1; n_small < 8; n_small++)
		for (size_t i = 0; i < EVERY_KIND; i++) {
			struct keys *k = made(every_kind[i], n_small, check_seed, 3);
			uint64_t key[KEYS_BLOCK];

			keys_fill(k, key, KEYS_BLOCK);
			for (unsigned j = 0; j < KEYS_BLOCK; j++)
				CHECK(key[j] < n_small);
			keys_free(k);
		}
}

/* The test notices a parameter that is 5 % off, and one kind given for another. */
static void
wrong_other_kinds_are_rejected(void)
{
	static const char *const planted[][2] = {
		{ "self-similar:0.21", "self-similar:0.2" }, { "hotspot:0.2,0.82", "hotspot:0.2,0.8" },
		{ "hotspot:0.21,0.8", "hotspot:0.2,0.8" }, { "gaussian:0.105", "gaussian:0.1" },
		{ "uniform", "self-similar:0.2" }, { "uniform", "gaussian:0.5" }, { "zipf:0.99", "self-similar:0.2" },
		{ "hotspot:0.2,0.8,100", "hotspot:0.2,0.8" },
	};

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++)
		for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
			if (strcmp(shapes[s].text, planted[i][1]) == 0) {
				double p = p_of_shape(planted[i][0], &shapes[s], 1000, 1, 256000);

				if (p >= HOPELESS_P)
					fprintf(stderr, "# %s passes for %s: p = %g\n", planted[i][0], planted[i][1], p);
				CHECK(p < HOPELESS_P);
			}
}

/* latest is zipf counted down from the newest key, which moves when told. */
static void
latest_is_zipf_from_the_newest_down(void)
{
	enum { N = 1000, DRAWS = 64 * 4000 };
	static uint64_t key[DRAWS];

	for (uint64_t newest = N - 1; newest < 3 * N; newest += 777) {
		struct keys *k = made("latest:0.99", N, check_seed, 1);

		keys_newest(k, newest);
		keys_fill(k, key, DRAWS);
		cells_build(0.99, N, DRAWS);
		for (unsigned i = 0; i < DRAWS; i++) {
			CHECK(key[i] <= newest && key[i] + N > newest);
			cells_note(newest - key[i]);
		}
		CHECK(cells_p() > LIKELY_P && cells_p() < 1 - LIKELY_P);
		cells_build(0.99 * 1.05, N, DRAWS);
		for (unsigned i = 0; i < DRAWS; i++)
			cells_note(newest - key[i]);
		CHECK(cells_p() < HOPELESS_P);
		keys_free(k);
	}
}

/* The popular window of a hotspot is where the draws so far say; all of them together see every key alike. */
static void
hotspot_drifts(void)
{
	enum { N = 500, EVERY = 64, DRAWS = 64 * 8000 };
	static uint64_t key[DRAWS];
	struct keys *k = made("hotspot:0.1,0.9,64", N, check_seed, 2);
	double inside = 0, times[N] = { 0 }, expected[N];

	keys_fill(k, key, DRAWS);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t rank = unscramble(keys_scramble(k), key[i]);

		inside += (rank + N - i / EVERY % N) % N < N / 10;
		times[rank]++;
	}
	/* Binomial: six standard deviations of DRAWS draws with probability 0.9. */
	CHECK(fabs(inside - 0.9 * DRAWS) < 6 * sqrt(DRAWS * 0.9 * 0.1));
	/* 16 times around: every key was popular equally long. */
	for (unsigned i = 0; i < N; i++)
		expected[i] = (double)DRAWS / N;
	CHECK(statistics_chi_square_p(statistics_chi_square(times, expected, N), N - 1) > LIKELY_P);
	keys_free(k);
}

/* Four threads' own parts: uniform, disjoint, together everything; with an overlap, half of the next one's too. */
static void
ranges_belong_to_threads(void)
{
	for (unsigned thread = 0; thread < 3; thread++) {
		struct shape own = { "ranges:0", below_uniform, thread / 4.0, 0.25 };
		struct shape wider = { "ranges:0.5", below_uniform, thread / 4.0, 0.375 };
		double p = p_of_shape("ranges:0", &own, 4000, thread, 64000);

		CHECK(p > LIKELY_P && p < 1 - LIKELY_P);
		/* The planted error: a part that begins where it should not. */
		own.a += 0.05;
		CHECK(!(p_of_shape("ranges:0", &own, 4000, thread, 64000) >= HOPELESS_P));
		if (thread < 2) {
			p = p_of_shape("ranges:0.5", &wider, 4000, thread, 64000);
			CHECK(p > LIKELY_P && p < 1 - LIKELY_P);
		}
	}
	for (unsigned thread = 0; thread < 4; thread++) {
		struct keys *k = made("ranges:0", 10, check_seed, thread), *l = made("ranges:0.5", 10, check_seed, 3);
		uint64_t key[KEYS_BLOCK];
		bool wrapped = false;

		keys_fill(k, key, KEYS_BLOCK);
		for (unsigned i = 0; i < KEYS_BLOCK; i++)
			CHECK(key[i] >= thread * 10 / 4 && key[i] < (thread + 1) * 10 / 4);
		keys_fill(l, key, KEYS_BLOCK);
		for (unsigned i = 0; i < KEYS_BLOCK; i++) {
			CHECK(key[i] >= 7 || key[i] < 1);
			wrapped = wrapped || key[i] < 1;
		}
		CHECK(wrapped);
		keys_free(k);
		keys_free(l);
	}
}

/* A file for this process; the name is good until the next call. */
static const char *
written(const char *text)
{
	static char path[64];
	FILE *out;

	snprintf(path, sizeof(path), BUILD_DIR "/keys.%ld", (long)getpid());
	out = fopen(path, "w");
	CHECK(out != NULL && fputs(text, out) >= 0 && fclose(out) == 0);
	return path;
}

static void
file_gives_its_weights(void)
{
	enum { DRAWS = 64 * 4000 };
	static uint64_t key[DRAWS];
	double seen[6] = { 0 }, expected[6] = { 0.3, 0.1, 0, 0.05, 0.5, 0.05 };
	char text[KEYS_TEXT];
	struct keys *k;

	snprintf(text, sizeof(text), "file:%s",
	    written("# keys and weights\n0 3\n1\n\n4 5.0\n7 .5\n3 0.25\n  3\t0.25 \n2 0\n"));
	k = made(text, 8, check_seed, 1);
	keys_fill(k, key, DRAWS);
	for (unsigned i = 0; i < DRAWS; i++) {
		CHECK(key[i] == 7 || (key[i] < 5 && key[i] != 2));
		seen[key[i] == 7 ? 5 : key[i]]++;
	}
	keys_free(k);
	unlink(text + 5);
	/* 2 is never drawn: no cell. */
	seen[2] = seen[5];
	expected[2] = expected[5];
	for (unsigned c = 0; c < 5; c++)
		expected[c] *= DRAWS;
	CHECK(statistics_chi_square_p(statistics_chi_square(seen, expected, 5), 4) > LIKELY_P);
	/* The planted error: weights that are 5 % off. */
	expected[0] *= 1.05;
	expected[4] -= 0.015 * DRAWS;
	CHECK(statistics_chi_square_p(statistics_chi_square(seen, expected, 5), 4) < HOPELESS_P);
}

static void
bad_files_are_refused_by_line(void)
{
	static const char *const bad[][2] = {
		{ "1 2\nx 3\n", ":2: \"x 3\" is not KEY or KEY WEIGHT" },
		{ "1 2\n\n# c\n5 y\n", ":4: \"y\" is no weight, a number from 0 up" },
		{ "1 -2\n", ":1: \"-2\" is no weight, a number from 0 up" },
		{ "1 2 3\n", ":1: \"2 3\" is no weight, a number from 0 up" },
		{ "-1\n", ":1: \"-1\" is not KEY or KEY WEIGHT" },
		{ "1e5\n", ":1: \"1e5\" is not KEY or KEY WEIGHT" },
		{ "99999999999999999999\n", "is not KEY or KEY WEIGHT" },
		{ "1\n10 2\n", ":2: key 10 2 is not below 10, the size of the range" },
		{ "1 0\n2 0\n", ": it has no key with a weight above 0" },
		{ "", ": it has no key with a weight above 0" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct keys_spec spec;
		char text[KEYS_TEXT];
		bool fine;

		snprintf(text, sizeof(text), "file:%s", written(bad[i][0]));
		fine = keys_parse(text, &spec, error, sizeof(error)) && keys_fit(&spec, 10, error, sizeof(error));
		unlink(text + 5);
		if (fine || strstr(error, bad[i][1]) == NULL)
			fprintf(stderr, "# said: %s\n", error);
		CHECK(!fine && strstr(error, bad[i][1]) != NULL);
	}
}

/* Two draws in a row have nothing to do with each other, also across the lanes of a block. */
static void
draws_are_independent(void)
{
	enum { N = 16, DRAWS = 64 * 8000 };
	static uint64_t key[DRAWS];
	struct keys *k = made("uniform", N, check_seed, 2);

	keys_fill(k, key, DRAWS);
	for (unsigned lag = 1; lag <= 130; lag++) {
		double observed[N * N] = { 0 }, expected[N * N], p;

		for (unsigned c = 0; c < N * N; c++)
			expected[c] = (double)(DRAWS - lag) / (N * N);
		for (unsigned i = 0; i + lag < DRAWS; i++)
			observed[key[i] * N + key[i + lag]]++;
		p = statistics_chi_square_p(statistics_chi_square(observed, expected, N * N), N * N - 1);
		CHECK(p > LIKELY_P && p < 1 - LIKELY_P);
	}
	keys_free(k);
}

static void
sequential_goes_up_and_around(void)
{
	uint64_t key[25];

	for (unsigned thread = 0; thread < 4; thread++) {
		struct keys *k = made("sequential", 10, check_seed, thread);

		keys_fill(k, key, 25);
		for (unsigned i = 0; i < 25; i++)
			CHECK_EQ(key[i], (10 * thread / 4 + i) % 10);
		CHECK(keys_scramble(k) == NULL);
		keys_free(k);
	}
}


static void
same_seed_same_keys(void)
{
	enum { COUNT = 1000 };
	static uint64_t a[COUNT], b[COUNT];

	for (size_t i = 0; i < EVERY_KIND; i++) {
		struct keys *k = made(every_kind[i], 200000, check_seed, 3);
		struct keys *l = made(every_kind[i], 200000, check_seed, 3);

		keys_fill(k, a, COUNT);
		keys_fill(l, b, COUNT);
		CHECK(memcmp(a, b, sizeof(a)) == 0);
		keys_free(k);
		keys_free(l);
	}
}

static void
different_threads_and_seeds_differ(void)
{
	enum { COUNT = 1000 };
	static uint64_t key[5][COUNT];

	for (size_t i = 0; i < 2; i++) {
		for (unsigned t = 0; t < 5; t++) {
			struct keys *k = made(every_kind[i], UINT32_MAX, check_seed + (t == 4), t % 4);

			keys_fill(k, key[t], COUNT);
			keys_free(k);
		}
		for (unsigned t = 0; t < 5; t++)
			for (unsigned u = 0; u < t; u++) {
				unsigned same = 0;

				for (unsigned c = 0; c < COUNT; c++)
					same += key[t][c] == key[u][c];
				/* By chance: none of the uniform ones; of the popular ones sum p^2, 1 in 250. */
				CHECK(same <= (i == 0 ? 0 : 25));
			}
	}
}

/* Threads draw differently from the same popular keys; another seed makes others popular. */
static void
threads_share_the_popular_keys(void)
{
	struct keys *a = made("zipf:0.99", 200000, check_seed, 0), *b = made("zipf:0.99", 200000, check_seed, 1);
	struct keys *c = made("zipf:0.99", 200000, check_seed + 1, 0);
	unsigned same = 0;

	for (uint64_t rank = 0; rank < 1000; rank++) {
		uint64_t key = keys_permutation_at(keys_scramble(a), rank);

		CHECK_EQ(key, keys_permutation_at(keys_scramble(b), rank));
		same += key == keys_permutation_at(keys_scramble(c), rank);
	}
	CHECK(same < 5);
	keys_free(a);
	keys_free(b);
	keys_free(c);
}

static void
batches_do_not_matter(void)
{
	enum { COUNT = 5000 };
	static uint64_t whole[COUNT], pieces[COUNT];

	for (size_t i = 0; i < EVERY_KIND; i++) {
		struct keys *k = made(every_kind[i], 1000, check_seed, 0), *l = made(every_kind[i], 1000, check_seed, 0);
		struct random r;

		random_seed(&r, check_seed, 1);
		keys_fill(k, whole, COUNT);
		for (size_t done = 0; done < COUNT;) {
			size_t count = random_below(&r, 200);

			count = count < COUNT - done ? count : COUNT - done;
			keys_fill(l, pieces + done, count);
			done += count;
		}
		CHECK(memcmp(whole, pieces, sizeof(whole)) == 0);
		keys_free(k);
		keys_free(l);
	}
}

/* Whatever vector instructions there are, the keys are the same ... */
static void
kernels_agree(void)
{
	enum { COUNT = 64 * 2000 };
	static uint64_t first[COUNT], other[COUNT];
	static const uint64_t n[] = { 1, 10, 200000, 20000000, UINT64_C(1) << 45 };

	for (size_t i = 0; i < EVERY_KIND; i++)
		for (size_t j = 0; j < sizeof(n) / sizeof(n[0]); j++)
			for (unsigned index = 0;; index++) {
				struct keys *k = made(every_kind[i], n[j], check_seed, 0);
				const char *name = keys_use_kernel(k, index);

				if (name != NULL)
					keys_fill(k, index == 0 ? first : other, COUNT);
				keys_free(k);
				if (name == NULL)
					break;
				CHECK(index == 0 || memcmp(first, other, sizeof(first)) == 0);
			}
}

/* ... and so are they on every machine and with every compiler: these values were recorded once. */
static void
keys_are_the_same_everywhere(void)
{
	static const struct {
		const char *text;
		uint64_t n, digest;
	} recorded[] = {
		{ "uniform", 200000, UINT64_C(0x464394ba23e494db) },
		{ "uniform", UINT64_C(1) << 50, UINT64_C(0xdc9a3c35e092e37a) },
		{ "zipf:0.5", 200000, UINT64_C(0xd88bb647438f6aa7) },
		{ "zipf:0.99", 20000000, UINT64_C(0x7bef3ef0c65f7bdb) },
		{ "zipf:1", 200000, UINT64_C(0xa36d1cf91bf7e046) },
		{ "zipf:1.2", UINT64_C(1) << 54, UINT64_C(0x36e534d7fe0eba96) },
	};
	bool same = true;

	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		struct keys *k = made(recorded[i].text, recorded[i].n, 1, 0);
		uint64_t digest = 0, key[KEYS_BLOCK];

		for (unsigned b = 0; b < 500; b++) {
			keys_fill(k, key, KEYS_BLOCK);
			for (unsigned j = 0; j < KEYS_BLOCK; j++)
				digest = random_mix(digest ^ key[j]);
		}
		if (digest != recorded[i].digest)
			fprintf(stderr, "# %s over %llu: %#llx\n", recorded[i].text,
			    (unsigned long long)recorded[i].n, (unsigned long long)digest);
		same = same && digest == recorded[i].digest;
		keys_free(k);
	}
	CHECK(same);
}

static void
is_bijection(uint64_t n, uint64_t seed)
{
	unsigned char *seen = calloc(n, 1);
	struct keys_permutation p;

	CHECK(seen != NULL);
	keys_permutation_init(&p, n, seed);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t key = keys_permutation_at(&p, i);

		CHECK(key < n);
		CHECK(!seen[key]);
		seen[key] = 1;
		CHECK_EQ(unscramble(&p, key), i);
	}
	free(seen);
}

static void
permutation_is_a_bijection(void)
{
	static const uint64_t wide[] = { 1021, 1023, 1024, 1025, 4095, 4096, 4097, 65521, 65536, 65537, 199999, 200000,
		200003, 262143, 262144, 262145, 1 << 20 };

	for (uint64_t n = 1; n <= 300; n++)
		for (uint64_t seed = 0; seed < 4; seed++)
			is_bijection(n, check_seed + seed);
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		is_bijection(wide[i], check_seed);
}

/* Too many to try them all: inside the range and invertible, so no two meet. */
static void
permutation_of_wide_ranges(void)
{
	static const uint64_t n[] = { UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, (UINT64_C(1) << 40) + 15,
		(UINT64_C(1) << 55) - 1, KEYS_MAX_N - 5, KEYS_MAX_N };

	for (size_t j = 0; j < sizeof(n) / sizeof(n[0]); j++) {
		struct keys_permutation p;
		struct random r;

		random_seed(&r, check_seed, j);
		keys_permutation_init(&p, n[j], check_seed);
		for (unsigned i = 0; i < 20000; i++) {
			uint64_t from = i < 10 ? i : i < 20 ? n[j] - 1 - (i - 10) : random_below(&r, n[j]);
			uint64_t key = keys_permutation_at(&p, from);

			CHECK(key < n[j]);
			CHECK_EQ(unscramble(&p, key), from);
		}
	}
}

/* Over many seeds, where 0 and 1 go is every pair of different keys equally often. */
static void
permutation_reaches_every_pair(void)
{
	static const uint64_t sizes[] = { 4, 5, 6, 7, 8, 10, 16, 17, 31, 64, 100 };
	static double observed[100 * 100], expected[100 * 100];
	enum { SEEDS = 200000 };

	for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
		uint64_t n = sizes[j], pairs = n * (n - 1);
		double p;

		memset(observed, 0, sizeof(observed));
		for (uint64_t c = 0; c < pairs; c++)
			expected[c] = (double)SEEDS / (double)pairs;
		for (uint64_t seed = 0; seed < SEEDS; seed++) {
			struct keys_permutation q;
			uint64_t a, b;

			keys_permutation_init(&q, n, check_seed + seed);
			a = keys_permutation_at(&q, 0);
			b = keys_permutation_at(&q, 1);
			observed[a * (n - 1) + (b > a ? b - 1 : b)]++;
		}
		p = statistics_chi_square_p(statistics_chi_square(observed, expected, pairs), (double)pairs - 1);
		if (p <= LIKELY_P)
			fprintf(stderr, "# pairs of %llu: p = %g\n", (unsigned long long)n, p);
		CHECK(p > LIKELY_P);
	}
}

/* Within one permutation, the distance of i's key to that of i + step is as good as random. */
static void
permutation_scatters_neighbours(void)
{
	enum { CELLS = 1024, COUNT = 190000 };
	static const uint64_t sizes[] = { 200000, 1000003, 1 << 20, 20000000, UINT64_C(1) << 40 };
	static const uint64_t steps[] = { 1, 2, 32, 256, 512, 1024, 4096 };
	static double observed[CELLS], expected[CELLS];

	for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			uint64_t n = sizes[j];
			struct keys_permutation q;
			double p;

			keys_permutation_init(&q, n, check_seed);
			for (unsigned c = 0; c < CELLS; c++) {
				observed[c] = 0;
				expected[c] = (double)COUNT / CELLS;
			}
			for (uint64_t i = 0; i < COUNT; i++) {
				uint64_t a = keys_permutation_at(&q, i), b = keys_permutation_at(&q, i + steps[s]);

				observed[(uint64_t)((double)((b + n - a) % n) / (double)n * CELLS)]++;
			}
			p = statistics_chi_square_p(statistics_chi_square(observed, expected, CELLS), CELLS - 1);
			if (p <= LIKELY_P)
				fprintf(stderr, "# %llu, step %llu: p = %g\n", (unsigned long long)n,
				    (unsigned long long)steps[s], p);
			CHECK(p > LIKELY_P);
		}
}

static void
parsing_gives_the_canonical_form(void)
{
	static const char *const text[][2] = {
		{ "uniform", "uniform" },
		{ "sequential", "sequential" },
		{ "zipf:0.99", "zipf:0.99" },
		{ "zipf:.5", "zipf:0.5" },
		{ "zipf:1.0", "zipf:1" },
		{ "zipf:2e-1", "zipf:0.2" },
		{ "zipf:0.30000000000000004", "zipf:0.30000000000000004" },
		{ "zipf:1e-300", "zipf:1e-300" },
		{ "self-similar:.20", "self-similar:0.2" },
		{ "hotspot:.2,8e-1", "hotspot:0.2,0.8" },
		{ "hotspot:0.2,0.8,1000", "hotspot:0.2,0.8,1000" },
		{ "latest:0.990", "latest:0.99" },
		{ "gaussian:0.10", "gaussian:0.1" },
		{ "ranges:0.0", "ranges:0" },
		{ "zipf:1.2345678901234567e-100", "zipf:1.2345678901234567e-100" },
	};

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct keys_spec spec = parsed(text[i][0]), again;

		CHECK(strcmp(spec.text, text[i][1]) == 0);
		again = parsed(spec.text);
		CHECK(again.kind == spec.kind && again.theta == spec.theta && again.draws == spec.draws &&
		    again.every == spec.every && strcmp(again.text, spec.text) == 0);
	}
	CHECK(parsed("uniform").kind == KEYS_UNIFORM && parsed("sequential").kind == KEYS_SEQUENTIAL);
	CHECK(parsed("zipf:0.75").kind == KEYS_ZIPF && parsed("zipf:0.75").theta == 0.75);
}

#define KINDS "uniform, zipf:THETA, self-similar:H, hotspot:KEYS,DRAWS[,EVERY], latest:THETA, sequential, " \
	"gaussian:SIGMA, ranges:OVERLAP, file:PATH"

static void
bad_text_is_refused(void)
{
	static const char *const bad[][2] = {
		{ "zip:1", "unknown distribution \"zip:1\"; there are " KINDS },
		{ "", "unknown distribution \"\"; there are " KINDS },
		{ "Uniform", "unknown distribution \"Uniform\"; there are " KINDS },
		{ "uniform:3", "distribution \"uniform:3\": uniform takes no parameter; "
		               "there are " KINDS },
		{ "zipf", "distribution \"zipf\": zipf needs a parameter; "
		          "there are " KINDS },
		{ "zipf:", "distribution zipf: theta \"\" is not a number above 0" },
		{ "zipf:0", "distribution zipf: theta \"0\" is not a number above 0" },
		{ "zipf:-1", "distribution zipf: theta \"-1\" is not a number above 0" },
		{ "zipf:+1", "distribution zipf: theta \"+1\" is not a number above 0" },
		{ "zipf: 1", "distribution zipf: theta \" 1\" is not a number above 0" },
		{ "zipf:1x", "distribution zipf: theta \"1x\" is not a number above 0" },
		{ "zipf:0x1", "distribution zipf: theta \"0x1\" is not a number above 0" },
		{ "zipf:nan", "distribution zipf: theta \"nan\" is not a number above 0" },
		{ "zipf:inf", "distribution zipf: theta \"inf\" is not a number above 0" },
		{ "zipf:1e999", "distribution zipf: theta \"1e999\" is not a number above 0" },
		{ "zipf:1e-999", "distribution zipf: theta \"1e-999\" is not a number above 0" },
		{ "zipf:1.2.3", "distribution zipf: theta \"1.2.3\" is not a number above 0" },
		{ "latest:0", "distribution latest: theta \"0\" is not a number above 0" },
		{ "self-similar:0.6",
		    "distribution self-similar: \"0.6\" is not a share of the keys, above 0 and up to 0.5" },
		{ "hotspot:0.2", "distribution hotspot: \"0.2\" is not KEYS,DRAWS or KEYS,DRAWS,EVERY: two shares, above 0 "
		                 "and up to 1, and a whole number of draws" },
		{ "hotspot:0.2,1.1", "distribution hotspot: \"0.2,1.1\" is not KEYS,DRAWS or KEYS,DRAWS,EVERY: two shares, "
		                     "above 0 and up to 1, and a whole number of draws" },
		{ "hotspot:0.2,0.8,1.5", "distribution hotspot: \"0.2,0.8,1.5\" is not KEYS,DRAWS or KEYS,DRAWS,EVERY: two "
		                         "shares, above 0 and up to 1, and a whole number of draws" },
		{ "gaussian:11", "distribution gaussian: \"11\" is not a share of the range, above 0 and up to 10" },
		{ "ranges:-1", "distribution ranges: overlap \"-1\" is not a number from 0 (disjoint) to 1e6" },
		{ "file:/no/such", "distribution file: /no/such: No such file or directory" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct keys_spec spec;

		CHECK(!keys_parse(bad[i][0], &spec, error, sizeof(error)));
		if (strcmp(error, bad[i][1]) != 0)
			fprintf(stderr, "# said: %s\n", error);
		CHECK(strcmp(error, bad[i][1]) == 0);
	}
}

static void
kinds_are_listed(void)
{
	size_t count;
	const struct keys_kind_info *info = keys_kinds(&count);

	CHECK_EQ(count, 9);
	for (size_t i = 0; i < count; i++) {
		CHECK(info[i].help[0] != '\0');
		/* There is no example of a file that is there. */
		if (info[i].kind != KEYS_FILE)
			CHECK(parsed(info[i].example != NULL ? info[i].example : info[i].name).kind == info[i].kind);
	}
}

static void
over_nothing(void *spec)
{
	struct keys *k = keys_new(spec, 0, 1, 0, 1);

	keys_free(k);
}

static void
over_ten(void *spec)
{
	struct keys *k = keys_new(spec, 10, 1, 0, 1);

	keys_free(k);
}

static void
thread_beyond_threads(void *spec)
{
	struct keys *k = keys_new(spec, 10, 1, 2, 2);

	keys_free(k);
}

static void
permutation_too_wide(void *p)
{
	keys_permutation_init(p, KEYS_MAX_N + 1, 1);
}

static void
misuse_aborts(void)
{
	struct keys_spec spec = parsed("uniform"), flat = { .kind = KEYS_ZIPF };
	struct keys_permutation p;

	CHECK(check_aborts(over_nothing, &spec, "keys_new: n must be 1 .. 2^56"));
	CHECK(check_aborts(thread_beyond_threads, &spec, "keys_new: thread must be below threads"));
	CHECK(check_aborts(permutation_too_wide, &p, "keys_permutation_init: n must be 1 .. 2^56"));
	/* A spec nobody parsed: theta is 0. */
	CHECK(check_aborts(over_ten, &flat, "keys_new: zipf's theta must be above 0"));
}

static const struct test tests[] = {
	TEST(uniform_is_uniform),
	TEST(uniform_rejects_the_surplus),
	TEST(zipf_is_zipf),
	TEST(zipf_is_zipf_over_wide_ranges),
	TEST(zipf_is_zipf_for_odd_thetas),
	TEST(absurd_thetas_still_give_keys),
	TEST(wrong_distributions_are_rejected),
	TEST(other_kinds_are_what_they_say),
	TEST(wrong_other_kinds_are_rejected),
	TEST(latest_is_zipf_from_the_newest_down),
	TEST(hotspot_drifts),
	TEST(ranges_belong_to_threads),
	TEST(file_gives_its_weights),
	TEST(bad_files_are_refused_by_line),
	TEST(draws_are_independent),
	TEST(sequential_goes_up_and_around),
	TEST(same_seed_same_keys),
	TEST(different_threads_and_seeds_differ),
	TEST(threads_share_the_popular_keys),
	TEST(batches_do_not_matter),
	TEST(kernels_agree),
	TEST(keys_are_the_same_everywhere),
	TEST(permutation_is_a_bijection),
	TEST(permutation_of_wide_ranges),
	TEST(permutation_reaches_every_pair),
	TEST(permutation_scatters_neighbours),
	TEST(parsing_gives_the_canonical_form),
	TEST(bad_text_is_refused),
	TEST(kinds_are_listed),
	TEST(misuse_aborts),
};

int
main(int argc, char **argv)
{
	return RUN_TESTS(argc, argv, tests);
}
