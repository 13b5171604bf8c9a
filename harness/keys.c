/*
 * keys.c - keys are made KEYS_BLOCK at a time by loops that the compiler turns
 * into vector code: eight xoshiro256++ generators side by side, then the
 * distribution. The rare key that needs a second look is done alone.
 *
 * Zipf: rejection inversion (Hoermann and Derflinger 1996, Rejection-Inversion
 * to Generate Variates from Monotone Discrete Distributions). The hat is the
 * integral H of h(x) = x^-theta, so drawing is x = H^-1(u), k = round(x), and k
 * is accepted if
 *	u >= H(k + 1/2) - h(k), which is x >= k - s(k)		(exact)
 *	k = 1 or (1/2 - (k - x)) k^2 >= squeeze			(implies it)
 * The paper's squeeze is k - x <= s(2). Ours follows s(k), which goes to 1/2 like
 * theta (theta + 1) / (24 k^2), so that it leaves the exact test to about one
 * draw in 700 instead of one in 60; see zipf_squeeze().
 *
 * With a = 1 - theta
 *	H(x) = (x^a - 1) / a = expm1(a ln x) / a, H^-1(u) = exp(log1p(a u) / a)
 * and both forms keep full precision while a goes to 0. For a = 0 itself, where
 * H is ln and H^-1 is exp, a = 2^-60 gives the same doubles: |u| < 40.
 *
 * What is left is arithmetic: of the 3.7 ns that a zipf's key takes on Zen 4, where uniform's takes 0.45, the draw of a rank has 2.6
 * and the scrambling 1.1 (of 1000 keys 3.5: twice the rounds, and 8 of the 1008 points of the grid are beyond them). The loops are
 * 512 bits wide there. A table to look ranks up in would take cache from the map under test.
 *
 * The other kinds make their keys one by one: they are in no default benchmark, and
 * say on `null` what they cost. Gaussian: Marsaglia and Bray 1964, A Convenient Method
 * for Generating Normal Variables. File: Vose 1991, A Linear Algorithm for Generating
 * Random Numbers with a Given Distribution. Self-similar: Gray et al. 1994, Quickly
 * Generating Billion-Record Synthetic Databases.
 *
 * The logarithm and the exponential are written out here, in operations that
 * IEEE 754 rounds exactly: that is what makes them vectorise everywhere, and a
 * seed give the same keys on every machine. Hence no fused multiply-add.
 */
#include "harness/keys.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/random.h"

/* gcc -std=c11 fuses nothing; clang does unless told. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif
#if FLT_EVAL_METHOD != 0
#error "keys.c needs doubles that are rounded after each operation; on i386: -msse2 -mfpmath=sse"
#endif

#define LANES RANDOM_LANES
#define ROWS (KEYS_BLOCK / LANES)
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Ranks up to here are exact in the low bits of a double; beyond, keys are made one by one. */
#define VECTOR_MAX_N (UINT64_C(1) << 52)

_Static_assert(KEYS_BLOCK == RANDOM_BLOCK, "a block of keys is made of a block of random words");

struct zipf {
	double a;        /* 1 - theta, or 2^-60 for 0 */
	double inverse;  /* 1 / a */
	double theta;
	double low;      /* u is uniform in [low, low + width): low = H(3/2) - h(1) */
	double width;    /* H(n + 1/2) - low */
	double squeeze;  /* at least sup over k >= 2 of (1/2 - s(k)) k^2 */
	double n;
};

typedef void keys_block_fn(struct keys *k, uint64_t *restrict out);

/* The vector loops, compiled once for each instruction set. */
struct kernel {
	const char *name;
	keys_block_fn *uniform;
	keys_block_fn *zipf;
	keys_block_fn *latest;
};

/* One column of Vose's table: a draw that falls on it is `key`, or, above `limit`, `other`. */
struct alias {
	uint64_t key, other;
	double limit;
};

struct keys {
	struct random_lanes lanes;
	uint64_t buffer[KEYS_BLOCK];
	unsigned left; /* keys at the end of buffer not given out yet */
	enum keys_kind kind;
	keys_block_fn *make;
	uint64_t n;
	uint64_t surplus;     /* uniform: 2^64 mod n */
	uint64_t next;        /* sequential; latest: the newest; hotspot: draws so far */
	uint64_t first, wide; /* ranges: this thread's own; hotspot: wide keys are popular */
	uint64_t every;       /* hotspot */
	uint64_t limit;       /* hotspot: a word below goes to the popular keys */
	double shape;         /* self-similar: the exponent; gaussian: the deviation, keys */
	double spare;         /* gaussian: the second of a pair, NaN = none */
	struct alias *alias;  /* file: aliases of them */
	uint64_t aliases;
	struct random redraw; /* for what the lanes could not settle */
	struct zipf zipf;
	struct keys_permutation scramble;
};

ALWAYS_INLINE uint64_t
bits_of(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

ALWAYS_INLINE double
double_of(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/*
 * What the logarithm of 1 + t is put together from, for -1 < t, finite.
 * 1 + t = w + c = 2^e (m + c 2^-e) with m in [sqrt(1/2), sqrt(2)), so with
 * f = m - 1 + c 2^-e and s = f / (2 + f): ln(1 + t) = e ln 2 + 2 artanh(s).
 */
ALWAYS_INLINE void
log1p_reduce(double t, double *e, double *f, double *s)
{
	double w = 1.0 + t, c = t - (w - 1.0);
	/* e + 1023, by moving sqrt(1/2) down to where the exponent changes. */
	uint64_t biased = (bits_of(w) - 0x3fe6a09e667f3bcd + (UINT64_C(1023) << 52)) >> 52;
	double m = double_of(bits_of(w) - ((biased - 1023) << 52));

	*e = double_of(biased | 0x4330000000000000) - (0x1p52 + 1023.0);
	*f = m - 1.0 + c * double_of((2046 - biased) << 52);
	*s = *f / (2.0 + *f);
}

/*
 * log1p_finish - 2 artanh(s) = 2 s + s^3 P(s^2), P minimax (error 3e-16), and
 * 2 s = f - s f, which for small f loses nothing. The sums are in Estrin's order: a short chain.
 */
ALWAYS_INLINE double
log1p_finish(double e, double f, double s)
{
	double z = s * s, z2 = z * z, half = 0.5 * f * f;
	double p = (0.66666666666662022 + z * 0.40000000011315989) +
	           z2 * ((0.28571424108288601 + z * 0.22222865163118039) +
	                    z2 * (0.18140080876512493 + z * 0.16623365040916308));

	/* ln 2 in two parts: e times the first is exact. */
	return e * 6.93147180369123816490e-01 -
	       ((half - (s * (half + p * z) + e * 1.90821492927058770002e-10)) - f);
}

static double
log1p_of(double t)
{
	double e, f, s;

	log1p_reduce(t, &e, &f, &s);
	return log1p_finish(e, f, s);
}

/*
 * exp_parts - e^y = *scale + the result, *scale a power of 2, for |y| <= 700.
 * y = e ln 2 + r, |r| <= ln(2) / 2; e^r = 1 + r + r^2 Q(r), Q minimax (error 9e-16).
 */
ALWAYS_INLINE double
exp_parts(double y, double *scale)
{
	/* Adding 3 * 2^51 leaves the nearest integer in the low bits. */
	double shifted = y * 1.44269504088896338700e+00 + 0x1.8p52, e = shifted - 0x1.8p52;
	double r = (y - e * 6.93147180369123816490e-01) - e * 1.90821492927058770002e-10;
	double r2 = r * r, r4 = r2 * r2;
	double q = ((0.50000000000000022 + r * 0.16666666666648286) +
	               r2 * (0.041666666666596887 + r * 0.0083333333537310809)) +
	           r4 * (((0.0013888888928552112 + r * 0.00019841208729729818) +
	                     r2 * (2.4801506195465696e-05 + r * 2.7625116913978285e-06)) +
	                    r4 * 2.7626373098845732e-07);

	*scale = double_of((bits_of(shifted) + 1023) << 52);
	return *scale * (r + r2 * q);
}

/* Below e^-700, which next to 1 is nothing, the power of 2 would run out of exponent. */
static double
exp_clamped(double y, double *scale)
{
	return exp_parts(y < -700.0 ? -700.0 : y, scale);
}

static double
zipf_h(const struct zipf *z, double x)
{
	double scale, rest = exp_clamped(-z->theta * log1p_of(x - 1.0), &scale);

	return scale + rest;
}

static double
zipf_integral(const struct zipf *z, double x)
{
	double scale, rest = exp_clamped(z->a * log1p_of(x - 1.0), &scale);

	return ((scale - 1.0) + rest) / z->a;
}

/* zipf_inverse - H^-1(u). */
ALWAYS_INLINE double
zipf_inverse(double a, double inverse, double u)
{
	double scale, rest = exp_parts(log1p_of(a * u) * inverse, &scale);

	return scale + rest;
}

/* unit_of - a number in (0, 1) out of the top 52 bits: the middles of 2^52 equal parts. */
ALWAYS_INLINE double
unit_of(uint64_t random_bits)
{
	return double_of(random_bits >> 12 | 0x3ff0000000000000) - (1.0 - 0x1p-53);
}

/* zipf_round - the rank nearest to x, 1 .. n. */
ALWAYS_INLINE double
zipf_round(double x, double n)
{
	double rank = x < 0x1p52 ? (x + 0x1p52) - 0x1p52 : x;

	rank = rank < n ? rank : n;
	return rank > 1.0 ? rank : 1.0;
}

/*
 * zipf_open - the squeeze does not tell whether rank, which is round(x), is accepted.
 * A rank beyond n, or 0, for x a rounding error outside the range, is open too.
 * The 2^-50 accepts every rank from about 2^26 on, where x is too coarse for the
 * exact test and a rejection has a chance of 1 / k^2: less than 2^-50.
 * No && and ||: the vector loops want no branches.
 */
ALWAYS_INLINE bool
zipf_open(const struct zipf *z, double x, double rank)
{
	bool squeezed = ((0.5 + 0x1p-50) - (rank - x)) * rank * rank >= z->squeeze;

	return !((rank == 1.0) | (squeezed & (rank <= z->n)));
}

/* zipf_settle - the rank, 0 .. n - 1, that u and x = H^-1(u) lead to, drawing again after a rejection. */
static uint64_t
zipf_settle(struct keys *k, double u, double x)
{
	const struct zipf *z = &k->zipf;

	for (;;) {
		double rank = zipf_round(x, z->n);

		if (!zipf_open(z, x, rank) || u >= zipf_integral(z, rank + 0.5) - zipf_h(z, rank))
			return (uint64_t)rank - 1;
		u = z->low + unit_of(random_next(&k->redraw)) * z->width;
		x = zipf_inverse(z->a, z->inverse, u);
	}
}

/* marks - fold the flags (0 or 1) of a block: bit i of word l of the result is flag i * LANES + l. */
ALWAYS_INLINE void
marks(const union random_block *flag, uint64_t *set)
{
	random_row bits = flag->row[0];

	for (unsigned i = 1; i < ROWS; i++)
		bits |= flag->row[i] << i;
	memcpy(set, &bits, sizeof(bits));
}

/* mark_take - the number of one flag of lane l, which is taken away. */
ALWAYS_INLINE unsigned
mark_take(uint64_t *set, unsigned l)
{
	unsigned i = (unsigned)__builtin_ctzll(set[l]);

	set[l] &= set[l] - 1;
	return i * LANES + l;
}

/*
 * uniform_block - Lemire's multiplication, as random_below(), for n < 2^32:
 * word * n = (high32 * n << 32) + low32 * n, whose top 64 bits are the key.
 */
ALWAYS_INLINE void
uniform_block(struct keys *k, uint64_t *restrict out)
{
	uint64_t n = k->n, surplus = k->surplus, open[LANES];
	union random_block word, again;

	random_lanes_draw(&k->lanes, &word);
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		uint64_t below = (uint32_t)word.word[j] * n, above = (word.word[j] >> 32) * n + (below >> 32);

		out[j] = above >> 32;
		again.word[j] = (above << 32 | (uint32_t)below) < surplus;
	}
	marks(&again, open);
	for (unsigned l = 0; l < LANES; l++)
		while (UNLIKELY(open[l] != 0))
			out[mark_take(open, l)] = random_below(&k->redraw, n);
}

/* Ranks, scrambled, or, for latest, counted down from the newest key. */
ALWAYS_INLINE void
zipf_block(struct keys *k, uint64_t *restrict out, bool scrambled)
{
	const struct zipf z = k->zipf;
	const struct keys_permutation p = k->scramble;
	union random_block word, again;
	uint64_t open[LANES];
	double u[KEYS_BLOCK], x[KEYS_BLOCK], e[KEYS_BLOCK], f[KEYS_BLOCK];
	uint32_t left[KEYS_BLOCK], right[KEYS_BLOCK];

	random_lanes_draw(&k->lanes, &word);
	/* zipf_inverse(), in loops whose chains are short enough for the processor to overlap them. */
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		u[j] = z.low + unit_of(word.word[j]) * z.width;
		log1p_reduce(z.a * u[j], &e[j], &f[j], &x[j]);
	}
	for (unsigned j = 0; j < KEYS_BLOCK; j++)
		x[j] = log1p_finish(e[j], f[j], x[j]) * z.inverse;
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		double scale, rest = exp_parts(x[j], &scale);

		x[j] = scale + rest;
	}
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		double rank = (x[j] + 0x1p52) - 0x1p52;

		again.word[j] = zipf_open(&z, x[j], rank);
		/* 2^52 + (rank - 1) has rank - 1 in its low bits. */
		word.word[j] = bits_of(rank + (0x1p52 - 1.0)) & 0xfffffffffffff;
	}
	if (!scrambled) {
		uint64_t newest = k->next;

		for (unsigned j = 0; j < KEYS_BLOCK; j++)
			out[j] = newest - word.word[j];
		marks(&again, open);
		for (unsigned l = 0; l < LANES; l++)
			while (UNLIKELY(open[l] != 0)) {
				unsigned j = mark_take(open, l);

				out[j] = newest - zipf_settle(k, u[j], x[j]);
			}
		return;
	}
	/* keys_permutation_step(), but for the block. */
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		left[j] = (uint32_t)(word.word[j] >> p.bits);
		right[j] = (uint32_t)word.word[j] & p.right_mask;
	}
	for (unsigned r = 0; r < p.rounds; r += 2)
		for (unsigned j = 0; j < KEYS_BLOCK; j++) {
			uint32_t sum = left[j];

			sum += (uint32_t)((uint64_t)keys_round(right[j], p.key[r]) * p.lefts >> 32);
			left[j] = sum - p.lefts < sum ? sum - p.lefts : sum;
			right[j] = (right[j] + (keys_round(left[j], p.key[r + 1]) >> p.right_shift)) & p.right_mask;
		}
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		out[j] = (uint64_t)left[j] << p.bits | right[j];
		again.word[j] |= (uint64_t)(out[j] >= p.n);
	}
	marks(&again, open);
	for (unsigned l = 0; l < LANES; l++)
		while (UNLIKELY(open[l] != 0)) {
			unsigned j = mark_take(open, l);

			/* The squeeze left it open or the grid's point is beyond n: the same u settles both. */
			out[j] = keys_permutation_at(&p, zipf_settle(k, u[j], x[j]));
		}
}

static void
uniform_plain(struct keys *k, uint64_t *restrict out)
{
	uniform_block(k, out);
}

static void
zipf_plain(struct keys *k, uint64_t *restrict out)
{
	zipf_block(k, out, true);
}

static void
latest_plain(struct keys *k, uint64_t *restrict out)
{
	zipf_block(k, out, false);
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw")))

AVX2 static void
uniform_avx2(struct keys *k, uint64_t *restrict out)
{
	uniform_block(k, out);
}

AVX2 static void
zipf_avx2(struct keys *k, uint64_t *restrict out)
{
	zipf_block(k, out, true);
}

AVX2 static void
latest_avx2(struct keys *k, uint64_t *restrict out)
{
	zipf_block(k, out, false);
}

AVX512 static void
uniform_avx512(struct keys *k, uint64_t *restrict out)
{
	uniform_block(k, out);
}

AVX512 static void
zipf_avx512(struct keys *k, uint64_t *restrict out)
{
	zipf_block(k, out, true);
}

AVX512 static void
latest_avx512(struct keys *k, uint64_t *restrict out)
{
	zipf_block(k, out, false);
}
#endif

static const struct kernel kernels[] = {
	{ "plain", uniform_plain, zipf_plain, latest_plain },
#ifdef __x86_64__
	{ "avx2", uniform_avx2, zipf_avx2, latest_avx2 },
	{ "avx512", uniform_avx512, zipf_avx512, latest_avx512 },
#endif
};

/* kernels_usable - how many of them this processor runs; the last is the best. */
static unsigned
kernels_usable(void)
{
#ifdef __x86_64__
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2"))
		return 1;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
	    !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512bw"))
		return 2;
#endif
	return sizeof(kernels) / sizeof(kernels[0]);
}

/* uniform_wide - the range is beyond 32 bits. */
static void
uniform_wide(struct keys *k, uint64_t *restrict out)
{
	union random_block word;
	uint64_t low;

	random_lanes_draw(&k->lanes, &word);
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		out[j] = random_multiply(word.word[j], k->n, &low);
		if (UNLIKELY(low < k->surplus))
			out[j] = random_below(&k->redraw, k->n);
	}
}

/* zipf_wide - the range is beyond the integers of a double. */
static void
zipf_wide(struct keys *k, uint64_t *restrict out)
{
	union random_block word;

	random_lanes_draw(&k->lanes, &word);
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		double u = k->zipf.low + unit_of(word.word[j]) * k->zipf.width;
		double x = zipf_inverse(k->zipf.a, k->zipf.inverse, u);

		out[j] = k->kind == KEYS_LATEST ? k->next - zipf_settle(k, u, x) :
		    keys_permutation_at(&k->scramble, zipf_settle(k, u, x));
	}
}

/* index_of - the part of [0, n) that x in [0, 1) falls into. */
ALWAYS_INLINE uint64_t
index_of(double x, uint64_t n)
{
	uint64_t index = (uint64_t)(x * (double)n);

	/* Beyond 2^53 the product may be rounded up to n. */
	return index < n ? index : n - 1;
}

/* Rank n u^c: of the first h n ranks u must be below h^(1/c) = 1 - h. */
static void
self_similar_block(struct keys *k, uint64_t *restrict out)
{
	union random_block word;

	random_lanes_draw(&k->lanes, &word);
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		double scale, rest = exp_clamped(k->shape * log1p_of(unit_of(word.word[j]) - 1.0), &scale);

		out[j] = keys_permutation_at(&k->scramble, index_of(scale + rest, k->n));
	}
}

static void
hotspot_block(struct keys *k, uint64_t *restrict out)
{
	union random_block word;

	random_lanes_draw(&k->lanes, &word);
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		uint64_t rank = word.word[j] < k->limit || k->wide == k->n ? random_below(&k->redraw, k->wide) :
		    k->wide + random_below(&k->redraw, k->n - k->wide);

		/* The popular ones are a window of the scrambled range, which moves on. */
		if (k->every != 0)
			rank = (rank + k->next++ / k->every) % k->n;
		out[j] = keys_permutation_at(&k->scramble, rank);
	}
}

/* normal - one standard normal draw: the polar method gives two at a time. */
static double
normal(struct keys *k)
{
	double x = k->spare, y, s;

	if (!isnan(x)) {
		k->spare = NAN;
		return x;
	}
	do {
		x = 2.0 * unit_of(random_next(&k->redraw)) - 1.0;
		y = 2.0 * unit_of(random_next(&k->redraw)) - 1.0;
		s = x * x + y * y;
	} while (s >= 1.0 || s == 0);
	s = sqrt(-2.0 * log1p_of(s - 1.0) / s);
	k->spare = y * s;
	return x * s;
}

/* Around the middle of the range; what falls outside is drawn again. */
static void
gaussian_block(struct keys *k, uint64_t *restrict out)
{
	double n = (double)k->n;

	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		double x;

		do
			x = 0.5 * n + k->shape * normal(k);
		while (!(x >= 0 && x < n));
		out[j] = (uint64_t)x < k->n ? (uint64_t)x : k->n - 1;
	}
}

static void
ranges_block(struct keys *k, uint64_t *restrict out)
{
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		uint64_t key = k->first + random_below(&k->redraw, k->wide);

		out[j] = key < k->n ? key : key - k->n;
	}
}

static void
file_block(struct keys *k, uint64_t *restrict out)
{
	union random_block word;

	random_lanes_draw(&k->lanes, &word);
	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		const struct alias *a = &k->alias[random_below(&k->redraw, k->aliases)];

		out[j] = unit_of(word.word[j]) < a->limit ? a->key : a->other;
	}
}

static void
sequential_block(struct keys *k, uint64_t *restrict out)
{
	uint64_t next = k->next;

	for (unsigned j = 0; j < KEYS_BLOCK; j++) {
		out[j] = next++;
		next = next == k->n ? 0 : next;
	}
	k->next = next;
}

/* keys_install - the kernel's loop where the range allows it. */
static void
keys_install(struct keys *k, const struct kernel *kernel)
{
	if (k->kind == KEYS_UNIFORM)
		k->make = k->n <= UINT32_MAX ? kernel->uniform : uniform_wide;
	else if (k->kind == KEYS_ZIPF)
		k->make = k->n <= VECTOR_MAX_N ? kernel->zipf : zipf_wide;
	else if (k->kind == KEYS_LATEST)
		k->make = k->n <= VECTOR_MAX_N ? kernel->latest : zipf_wide;
}

static bool
uniform_start(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads)
{
	(void)spec;
	(void)thread;
	(void)threads;
	k->surplus = -k->n % k->n;
	keys_install(k, &kernels[kernels_usable() - 1]);
	return true;
}

/*
 * zipf_squeeze - a bound on (1/2 - s(k)) k^2 for every k >= 2.
 * With x = k - s(k): H(k + 1/2) - H(x) = h(k), so 1/2 - s(k) is the error of the
 * midpoint rule, h''(k)/24 + ..., over h near k - 1/2: about
 * theta (theta + 1) / (24 k^2), times 1 - theta/(2k) + O((theta/k)^2). Up to
 * k = 64 we look; from there on, for theta <= 8, the last term is below 1/16.
 * Steeper ones draw k = 1 in all but one case in 250: every other k gets the exact test.
 */
static double
zipf_squeeze(const struct zipf *z)
{
	double bound = z->theta * (z->theta + 1.0) / 24.0;

	if (z->theta > 8.0)
		return HUGE_VAL;
	for (double k = 2.0; k <= 64.0; k += 1.0) {
		double x = zipf_inverse(z->a, z->inverse, zipf_integral(z, k + 0.5) - zipf_h(z, k));
		double here = (0.5 - (k - x)) * k * k;

		bound = here > bound ? here : bound;
	}
	return bound * (1.0 + 1.0 / 16.0);
}

static bool
zipf_start(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads)
{
	struct zipf *z = &k->zipf;
	double high;

	(void)thread;
	(void)threads;
	misuse_if(!(spec->theta > 0) || !isfinite(spec->theta), "keys_new: zipf's theta must be above 0");
	z->theta = spec->theta;
	z->a = spec->theta == 1.0 ? 0x1p-60 : 1.0 - spec->theta;
	z->inverse = 1.0 / z->a;
	z->n = (double)k->n;
	z->low = zipf_integral(z, 1.5) - 1.0;
	high = zipf_integral(z, z->n + 0.5);
	/*
	 * For theta > 1, 1 + a u is x^a and goes to 0. Below 2^-50 rounding
	 * could take it past 0, and u could not tell the keys apart anyhow:
	 * those ranks, less than 2^-50 of all draws together, are left out.
	 */
	if (z->a * high < -1.0 + 0x1p-50)
		high = (-1.0 + 0x1p-50) / z->a;
	z->width = high - z->low;
	z->squeeze = zipf_squeeze(z);
	k->next = k->n - 1; /* latest: the newest */
	keys_install(k, &kernels[kernels_usable() - 1]);
	return true;
}

static bool
self_similar_start(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads)
{
	(void)thread;
	(void)threads;
	k->shape = log1p_of(spec->theta - 1.0) / log1p_of(-spec->theta);
	k->make = self_similar_block;
	return true;
}

static bool
hotspot_start(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads)
{
	(void)thread;
	(void)threads;
	k->wide = spec->theta >= 1.0 ? k->n : index_of(spec->theta, k->n);
	k->wide += k->wide == 0;
	/* 2^64 draws, as near as a double gets. */
	k->limit = spec->draws >= 1.0 ? UINT64_MAX : (uint64_t)(spec->draws * 0x1p64);
	k->every = spec->every;
	k->make = hotspot_block;
	return true;
}

static bool
gaussian_start(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads)
{
	(void)thread;
	(void)threads;
	k->shape = spec->theta * (double)k->n;
	k->spare = NAN;
	k->make = gaussian_block;
	return true;
}

/* share_start - n part / parts; n < 2^56 and a thread's number fit 64 bits by far. */
static uint64_t
share_start(uint64_t n, unsigned part, unsigned parts)
{
	uint64_t low, high = random_multiply(n, part, &low);

	misuse_if(high != 0, "keys_new: n * threads must fit 64 bits");
	return low / parts;
}

static bool
ranges_start(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads)
{
	double wide;

	k->first = share_start(k->n, thread, threads);
	k->wide = share_start(k->n, thread + 1, threads) - k->first;
	/* Fewer keys than threads: some share theirs. */
	k->wide += k->wide == 0;
	wide = (double)k->wide * (1.0 + spec->theta);
	k->wide = wide >= (double)k->n ? k->n : (uint64_t)wide;
	k->make = ranges_block;
	return true;
}

/* ---- Keys and weights from a file ---- */

/* The weights of a file, as read. */
struct weights {
	struct alias *column; /* key, and its weight in limit */
	uint64_t count, room;
	double sum;
};

/* weights_line - "KEY" or "KEY WEIGHT"; a false line is told. Empty ones and #... add nothing. */
static bool
weights_line(struct weights *w, const char *line, uint64_t n, char *error, size_t size)
{
	const char *at = line + strspn(line, " \t");
	double weight = 1;
	uint64_t key;
	char *end;

	if (*at == '\0' || *at == '#')
		return true;
	errno = 0;
	key = strtoull(at, &end, 10);
	if (*at < '0' || *at > '9' || errno != 0 || (*end != '\0' && *end != ' ' && *end != '\t')) {
		snprintf(error, size, "\"%.40s\" is not KEY or KEY WEIGHT", line);
		return false;
	}
	if (key >= n) {
		snprintf(error, size, "key %.24s is not below %llu, the size of the range", at, (unsigned long long)n);
		return false;
	}
	at = end + strspn(end, " \t");
	if (*at != '\0') {
		/* Only what a decimal number is made of: strtod() takes hexadecimal ones as well. */
		size_t number = strspn(at, "0123456789.eE+-");

		weight = strtod(at, &end);
		if (((*at < '0' || *at > '9') && *at != '.') || end != at + number || end[strspn(end, " \t")] != '\0' ||
		    !isfinite(weight)) {
			snprintf(error, size, "\"%.40s\" is no weight, a number from 0 up", at);
			return false;
		}
	}
	if (w->count == w->room) {
		uint64_t room = w->room == 0 ? 1024 : 2 * w->room;
		struct alias *more = realloc(w->column, room * sizeof(*more));

		if (more == NULL) {
			snprintf(error, size, "no memory");
			return false;
		}
		w->column = more;
		w->room = room;
	}
	w->column[w->count++] = (struct alias){ .key = key, .other = key, .limit = weight };
	w->sum += weight;
	return true;
}

/* weights_read - all of a file; false and one line in error: it cannot be read, or is wrong. */
static bool
weights_read(struct weights *w, const char *path, uint64_t n, char *error, size_t size)
{
	unsigned long number = 0;
	char *line = NULL, said[160];
	struct stat status;
	size_t room = 0;
	ssize_t length;
	FILE *in = NULL;
	bool fine;

	*w = (struct weights){ 0 };
	/* It is read several times; and opening a pipe waits, a device has no end. */
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		snprintf(error, size, "distribution file: %s: it is no regular file", path);
	else if ((in = fopen(path, "re")) == NULL)
		snprintf(error, size, "distribution file: %s: %s", path, strerror(errno));
	fine = in != NULL;
	while (fine && (length = getline(&line, &room, in)) >= 0) {
		length -= length > 0 && line[length - 1] == '\n';
		length -= length > 0 && line[length - 1] == '\r';
		line[length] = '\0';
		number++;
		fine = strlen(line) == (size_t)length && weights_line(w, line, n, said, sizeof(said));
		if (strlen(line) != (size_t)length)
			snprintf(said, sizeof(said), "a NUL byte is in it");
		if (!fine)
			snprintf(error, size, "distribution file: %s:%lu: %s", path, number, said);
	}
	if (fine && ferror(in)) {
		snprintf(error, size, "distribution file: %s: it cannot be read", path);
		fine = false;
	} else if (fine && (!(w->sum > 0) || !isfinite(w->sum))) {
		snprintf(error, size, "distribution file: %s: %s", path,
		    w->sum > 0 ? "the sum of its weights is too large" : "it has no key with a weight above 0");
		fine = false;
	}
	free(line);
	if (in != NULL)
		fclose(in);
	if (!fine)
		free(w->column);
	return fine;
}

static const char *
file_path(const struct keys_spec *spec)
{
	return spec->text + sizeof("file:") - 1;
}

/*
 * Vose: scaled to a mean of 1, columns below it are filled up by one above it, which
 * keeps what it has left. Each is full at last, so a column drawn uniformly and
 * then one of its two keys has the weight of the key.
 */
static bool
file_start(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads)
{
	uint64_t *order, small = 0, large;
	struct weights w;
	char said[200];

	(void)thread;
	(void)threads;
	if (!weights_read(&w, file_path(spec), k->n, said, sizeof(said)))
		return false;
	order = calloc(w.count, sizeof(*order));
	if (order == NULL) {
		free(w.column);
		return false;
	}
	/* The columns still to be done: small ones from the front, large ones from the back. */
	large = w.count;
	for (uint64_t i = 0; i < w.count; i++) {
		/* In this order: the sum may be so small that its inverse is infinite. */
		w.column[i].limit = w.column[i].limit / w.sum * (double)w.count;
		order[w.column[i].limit < 1.0 ? small++ : --large] = i;
	}
	while (small > 0 && large < w.count) {
		struct alias *low = &w.column[order[--small]], *high = &w.column[order[large]];

		low->other = high->key;
		high->limit -= 1.0 - low->limit;
		if (high->limit < 1.0)
			order[small++] = order[large++];
	}
	/* Left over by rounding: full. */
	while (small > 0)
		w.column[order[--small]].limit = 1.0;
	free(order);
	k->alias = w.column;
	k->aliases = w.count;
	k->make = file_block;
	return true;
}

static bool
sequential_start(struct keys *k, const struct keys_spec *spec, unsigned thread, unsigned threads)
{
	(void)spec;
	k->next = share_start(k->n, thread, threads);
	k->make = sequential_block;
	return true;
}

static bool
parse_nothing(const char *parameter, struct keys_spec *spec, char *error, size_t size)
{
	(void)parameter;
	(void)spec;
	(void)error;
	(void)size;
	return true;
}

/* parse_number - a finite number from 0 up; *rest = what follows it. */
static bool
parse_number(const char *text, double *number, const char **rest)
{
	/* Digits only: strtod also takes spaces, signs, hexadecimal, nan and inf. */
	size_t plain = strspn(text, "0123456789.eE+-");
	bool starts = *text == '.' || (*text >= '0' && *text <= '9');
	char *end;

	errno = 0;
	*number = strtod(text, &end);
	*rest = end;
	return starts && (size_t)(end - text) == plain && errno == 0 && isfinite(*number);
}

static bool
parse_theta(const char *parameter, struct keys_spec *spec, char *error, size_t size)
{
	const char *rest;

	if (parse_number(parameter, &spec->theta, &rest) && *rest == '\0' && spec->theta > 0)
		return true;
	snprintf(error, size, "distribution %s: theta \"%.40s\" is not a number above 0",
	    spec->kind == KEYS_ZIPF ? "zipf" : "latest", parameter);
	return false;
}

static bool
parse_similar(const char *parameter, struct keys_spec *spec, char *error, size_t size)
{
	const char *rest;

	if (parse_number(parameter, &spec->theta, &rest) && *rest == '\0' && spec->theta > 0 && spec->theta <= 0.5)
		return true;
	snprintf(error, size, "distribution self-similar: \"%.40s\" is not a share of the keys, above 0 and up to 0.5",
	    parameter);
	return false;
}

static bool
parse_hotspot(const char *parameter, struct keys_spec *spec, char *error, size_t size)
{
	double every = 0;
	const char *rest;

	if (parse_number(parameter, &spec->theta, &rest) && *rest == ',' &&
	    parse_number(rest + 1, &spec->draws, &rest) && (*rest == '\0' || (*rest == ',' &&
	    parse_number(rest + 1, &every, &rest) && every >= 1 && every <= 0x1p53 && every == floor(every))) &&
	    *rest == '\0' && spec->theta > 0 && spec->theta <= 1 && spec->draws <= 1) {
		spec->every = (uint64_t)every;
		return true;
	}
	snprintf(error, size, "distribution hotspot: \"%.40s\" is not KEYS,DRAWS or KEYS,DRAWS,EVERY: two shares, above 0 "
	    "and up to 1, and a whole number of draws", parameter);
	return false;
}

static bool
parse_gaussian(const char *parameter, struct keys_spec *spec, char *error, size_t size)
{
	const char *rest;

	if (parse_number(parameter, &spec->theta, &rest) && *rest == '\0' && spec->theta > 0 && spec->theta <= 10)
		return true;
	snprintf(error, size, "distribution gaussian: \"%.40s\" is not a share of the range, above 0 and up to 10", parameter);
	return false;
}

static bool
parse_ranges(const char *parameter, struct keys_spec *spec, char *error, size_t size)
{
	const char *rest;

	if (parse_number(parameter, &spec->theta, &rest) && *rest == '\0' && spec->theta <= 1e6)
		return true;
	snprintf(error, size, "distribution ranges: overlap \"%.40s\" is not a number from 0 (disjoint) to 1e6", parameter);
	return false;
}

static bool
parse_file(const char *parameter, struct keys_spec *spec, char *error, size_t size)
{
	struct weights w;

	(void)spec;
	if (strlen(parameter) >= KEYS_TEXT - sizeof("file:")) {
		snprintf(error, size, "distribution file: the path has more than %d characters",
		    (int)(KEYS_TEXT - sizeof("file:") - 1));
		return false;
	}
	if (!weights_read(&w, parameter, KEYS_MAX_N, error, size))
		return false;
	free(w.column);
	return true;
}

bool
keys_fit(const struct keys_spec *spec, uint64_t n, char *error, size_t size)
{
	struct weights w;

	if (spec->kind != KEYS_FILE)
		return true;
	if (!weights_read(&w, file_path(spec), n, error, size))
		return false;
	free(w.column);
	return true;
}

static const struct keys_kind_info kinds[] = {
	{ KEYS_UNIFORM, "uniform", NULL, NULL, "every key equally likely", parse_nothing, uniform_start },
	{ KEYS_ZIPF, "zipf", "THETA", "zipf:0.99", "the i-th most popular key has weight 1 / i^THETA, THETA > 0; scrambled",
	    parse_theta, zipf_start },
	{ KEYS_SELF_SIMILAR, "self-similar", "H", "self-similar:0.2",
	    "share H of the keys gets 1 - H of the draws, of them share H gets 1 - H, and so on; 0 < H <= 0.5; scrambled",
	    parse_similar, self_similar_start },
	{ KEYS_HOTSPOT, "hotspot", "KEYS,DRAWS[,EVERY]", "hotspot:0.2,0.8",
	    "share KEYS of the keys gets share DRAWS of the draws, both uniform; after EVERY draws of a thread one key "
	    "leaves and one joins; scrambled", parse_hotspot, hotspot_start },
	{ KEYS_LATEST, "latest", "THETA", "latest:0.99", "as zipf, but the newest key is the most popular, then the one before it: "
	    "the highest of the range, or, in ycsb, what was put in last", parse_theta, zipf_start },
	{ KEYS_SEQUENTIAL, "sequential", NULL, NULL, "ascending and around; thread t of T starts at n t / T",
	    parse_nothing, sequential_start },
	{ KEYS_GAUSSIAN, "gaussian", "SIGMA", "gaussian:0.1", "around the middle of the range, standard deviation SIGMA x its size; "
	    "what falls outside is drawn again", parse_gaussian, gaussian_start },
	{ KEYS_RANGES, "ranges", "OVERLAP", "ranges:0", "each thread uniformly in its own part of the range, made wider by "
	    "OVERLAP x its size; 0: disjoint", parse_ranges, ranges_start },
	{ KEYS_FILE, "file", "PATH", NULL, "keys and weights from a file of lines \"KEY WEIGHT\" (or \"KEY\": 1); # starts a comment",
	    parse_file, file_start },
};
static const size_t kinds_count = sizeof(kinds) / sizeof(kinds[0]);

const struct keys_kind_info *
keys_kinds(size_t *count)
{
	*count = kinds_count;
	return kinds;
}

/* keys_list - "uniform, zipf:THETA, sequential". */
static void
keys_list(char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < kinds_count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s%s%s", i == 0 ? "" : ", ",
		    kinds[i].name, kinds[i].parameter == NULL ? "" : ":",
		    kinds[i].parameter == NULL ? "" : kinds[i].parameter);
}

/* print_number - with as few digits as give it back exactly. */
static size_t
print_number(char *text, size_t size, double number)
{
	int used = 0;

	for (int digits = 1; digits <= 17; digits++) {
		used = snprintf(text, size, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	return (size_t)used;
}

/* spec_print - the canonical form. */
static void
spec_print(struct keys_spec *spec, const struct keys_kind_info *info, const char *parameter)
{
	size_t used = (size_t)snprintf(spec->text, sizeof(spec->text), "%s", info->name);

	if (info->parameter == NULL)
		return;
	used += (size_t)snprintf(spec->text + used, sizeof(spec->text) - used, ":");
	if (info->kind == KEYS_FILE) {
		snprintf(spec->text + used, sizeof(spec->text) - used, "%s", parameter);
		return;
	}
	used += print_number(spec->text + used, sizeof(spec->text) - used, spec->theta);
	if (info->kind != KEYS_HOTSPOT)
		return;
	used += (size_t)snprintf(spec->text + used, sizeof(spec->text) - used, ",");
	used += print_number(spec->text + used, sizeof(spec->text) - used, spec->draws);
	if (spec->every != 0)
		snprintf(spec->text + used, sizeof(spec->text) - used, ",%llu", (unsigned long long)spec->every);
}

bool
keys_parse(const char *text, struct keys_spec *spec, char *error, size_t size)
{
	size_t length = strcspn(text, ":");
	char list[300];

	keys_list(list, sizeof(list));
	for (size_t i = 0; i < kinds_count; i++) {
		const struct keys_kind_info *info = &kinds[i];
		bool given = text[length] == ':';

		if (strlen(info->name) != length || strncmp(text, info->name, length) != 0)
			continue;
		if (given != (info->parameter != NULL)) {
			snprintf(error, size, "distribution \"%.60s\": %s %s; there are %s", text, info->name,
			    given ? "takes no parameter" : "needs a parameter", list);
			return false;
		}
		*spec = (struct keys_spec){ .kind = info->kind };
		if (!info->parse(given ? text + length + 1 : "", spec, error, size))
			return false;
		spec_print(spec, info, given ? text + length + 1 : "");
		return true;
	}
	snprintf(error, size, "unknown distribution \"%.60s\"; there are %s", text, list);
	return false;
}

void
keys_permutation_init(struct keys_permutation *p, uint64_t n, uint64_t seed)
{
	struct random r;

	misuse_if(n == 0 || n > KEYS_MAX_N, "keys_permutation_init: n must be 1 .. 2^56");
	random_seed(&r, seed, n);
	p->n = n;
	p->bits = (unsigned)(63 - __builtin_clzll(n)) / 2;
	p->right_mask = (UINT32_C(1) << p->bits) - 1;
	p->lefts = (uint32_t)((n + p->right_mask) >> p->bits);
	p->right_shift = 31 - p->bits;
	/* Found by test_keys.c's pairs: fewer are seen, 6 fail below n = 64. */
	p->rounds = p->bits < 5 ? KEYS_ROUNDS : KEYS_ROUNDS / 2;
	for (unsigned i = 0; i < KEYS_ROUNDS; i++)
		p->key[i] = (uint32_t)(random_next(&r) >> 32);
}

const struct keys_permutation *
keys_scramble(const struct keys *k)
{
	return k->kind == KEYS_ZIPF || k->kind == KEYS_SELF_SIMILAR || k->kind == KEYS_HOTSPOT ? &k->scramble : NULL;
}

struct keys *
keys_new(const struct keys_spec *spec, uint64_t n, uint64_t seed, unsigned thread, unsigned threads)
{
	const size_t bytes = (sizeof(struct keys) + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
	const struct keys_kind_info *info = NULL;
	struct keys *k;

	misuse_if(n == 0 || n > KEYS_MAX_N, "keys_new: n must be 1 .. 2^56");
	misuse_if(thread >= threads, "keys_new: thread must be below threads");
	for (size_t i = 0; i < kinds_count; i++)
		if (kinds[i].kind == spec->kind)
			info = &kinds[i];
	misuse_if(info == NULL, "keys_new: unknown kind of distribution");
	k = aligned_alloc(CACHE_LINE_BYTES, bytes);
	if (k == NULL)
		return NULL;
	memset(k, 0, bytes);
	k->kind = spec->kind;
	k->n = n;
	/* Streams 9 t .. 9 t + 8 of the family: nobody else's. */
	random_lanes_seed(&k->lanes, seed, (uint64_t)thread * (LANES + 1));
	random_seed(&k->redraw, seed, (uint64_t)thread * (LANES + 1) + LANES);
	/* Another family, so that no key of the scramble is a draw of a thread. */
	keys_permutation_init(&k->scramble, n, random_mix(~seed));
	if (!info->start(k, spec, thread, threads)) {
		keys_free(k);
		return NULL;
	}
	return k;
}

void
keys_newest(struct keys *k, uint64_t newest)
{
	misuse_if(k->kind != KEYS_LATEST, "keys_newest: the distribution must be latest");
	misuse_if(newest < k->n - 1, "keys_newest: the newest key must not be below n - 1");
	k->next = newest;
}

void
keys_free(struct keys *k)
{
	if (k != NULL)
		free(k->alias);
	free(k);
}

const char *
keys_use_kernel(struct keys *k, unsigned index)
{
	if (index >= kernels_usable())
		return NULL;
	keys_install(k, &kernels[index]);
	return kernels[index].name;
}

void
keys_fill(struct keys *k, uint64_t *out, size_t count)
{
	while (count != 0) {
		size_t n = count < k->left ? count : k->left;

		memcpy(out, k->buffer + (KEYS_BLOCK - k->left), n * sizeof(*out));
		out += n;
		count -= n;
		k->left -= (unsigned)n;
		for (; count >= KEYS_BLOCK; count -= KEYS_BLOCK, out += KEYS_BLOCK)
			k->make(k, out);
		if (count != 0) {
			k->make(k, k->buffer);
			k->left = KEYS_BLOCK;
		}
	}
}
