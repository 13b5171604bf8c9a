/*
 * mutant.c - which planted bug it is, where one build has them all. Empty in every other build.
 */
#include "core/base.h"

#if defined(SCHEDULED) || defined(MUTANT_CHOICE)

#include <string.h>

enum mutant mutant_chosen = MUTANT_NONE;

bool
mutant_choose(const char *name)
{
#define MUTANT_NAME(name, text) #name,
	static const char *const names[] = { MUTANTS(MUTANT_NAME) };
#undef MUTANT_NAME

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0) {
			mutant_chosen = (enum mutant)(i + 1);
			return true;
		}
	return false;
}

/* Before main(), so that programs need not know. */
__attribute__((constructor)) static void
choose_by_environment(void)
{
	const char *name = getenv("MUTANT");

	if (name != NULL && name[0] != '\0' && !mutant_choose(name)) {
		fprintf(stderr, "MUTANT=%s: core/mutant.h has none of that name\n", name);
		_Exit(2);
	}
}

#endif
