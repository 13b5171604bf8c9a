/*
 * mix.h - percentages of operations: "get=90,insert=5,remove=5", read, written, and drawn from.
 * Threads: any number at once.
 */
#ifndef HARNESS_MIX_H
#define HARNESS_MIX_H

#include "harness/plugin.h"
#include "harness/random.h"

/* Percentages are held in thousandths, exactly. */
#define MIX_WHOLE 100000u
/* The operations that most mixes are made of: choosing among them is quicker. */
#define MIX_PLAIN_OPS (OP_REMOVE + 1)

struct mix {
	unsigned share[OP_COUNT]; /* of MIX_WHOLE */
};

/*
 * mix_parse - names of operations, each with its percentage; they sum to 100.
 * Returns   true and *mix; false and one line in error, which names what is wrong.
 */
bool mix_parse(const char *text, struct mix *mix, char *error, size_t error_size) MUST_USE;

/* mix_format - the canonical form; mix_parse() takes it back. */
void mix_format(const struct mix *mix, char *text, size_t size);

/* mix_check - a plugin_option.check for mixes. */
bool mix_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size);

/* What mix_draw() compares with. */
struct mix_draws {
	bool plain;                   /* none but MIX_PLAIN_OPS */
	uint64_t limit[OP_COUNT - 1]; /* draw < limit[i]: operation i or one before it */
};

void mix_draws_make(const struct mix *mix, struct mix_draws *draws);

/* mix_draw - a block of operations from as many random words; plain: draws->plain, a constant where it is called. */
static inline __attribute__((always_inline)) void
mix_draw(const struct mix_draws *draws, bool plain, const union random_block *draw, union random_block *op)
{
	const unsigned limits = plain ? MIX_PLAIN_OPS - 1 : OP_COUNT - 1;

	for (unsigned i = 0; i < RANDOM_BLOCK; i++) {
		op->word[i] = 0;
		for (unsigned l = 0; l < limits; l++)
			op->word[i] += draw->word[i] >= draws->limit[l];
	}
}

#endif
