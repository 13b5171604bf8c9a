/*
 * test_keys.c - the keys actually issued follow the distribution asked for. Each
 * is taken back through the scramble to its rank, the ranks are counted in
 * cells, and a chi-square test compares the counts with the exact
 * probabilities. That this test would notice is itself tested.
 */
#include <math.h>

#include "core/tests/check.h"
#include "harness/keys.h"
#include "harness/random.h"
#include "harness/statistics.h"

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

static const char *const every_kind[] = { "uniform", "zipf:0.99", "zipf:1", "zipf:2", "sequential" };
#define EVERY_KIND (sizeof(every_kind) / sizeof(every_kind[0]))

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
		{ "zipf:1.2345678901234567e-100", "zipf:1.2345678901234567e-100" },
	};

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct keys_spec spec = parsed(text[i][0]), again;

		CHECK(strcmp(spec.text, text[i][1]) == 0);
		again = parsed(spec.text);
		CHECK(again.kind == spec.kind && again.theta == spec.theta && strcmp(again.text, spec.text) == 0);
	}
	CHECK(parsed("uniform").kind == KEYS_UNIFORM && parsed("sequential").kind == KEYS_SEQUENTIAL);
	CHECK(parsed("zipf:0.75").kind == KEYS_ZIPF && parsed("zipf:0.75").theta == 0.75);
}

static void
bad_text_is_refused(void)
{
	static const char *const bad[][2] = {
		{ "zip:1", "unknown distribution \"zip:1\"; there are uniform, zipf:THETA, sequential" },
		{ "", "unknown distribution \"\"; there are uniform, zipf:THETA, sequential" },
		{ "Uniform", "unknown distribution \"Uniform\"; there are uniform, zipf:THETA, sequential" },
		{ "uniform:3", "distribution \"uniform:3\": uniform takes no parameter; "
		               "there are uniform, zipf:THETA, sequential" },
		{ "zipf", "distribution \"zipf\": zipf needs one, as in zipf:0.99; "
		          "there are uniform, zipf:THETA, sequential" },
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

	CHECK_EQ(count, 3);
	for (size_t i = 0; i < count; i++) {
		char text[40];

		snprintf(text, sizeof(text), "%s%s", info[i].name, info[i].parameter == NULL ? "" : ":1.5");
		CHECK(parsed(text).kind == info[i].kind);
		CHECK(info[i].help[0] != '\0');
		if (info[i].example != NULL)
			CHECK(parsed(info[i].example).kind == info[i].kind);
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
