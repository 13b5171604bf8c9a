/*
 * mutant.h - planted bugs: proof that the tests can fail.
 *
 * Each mutant breaks one line of core. The line asks for it by name,
 *
 *	if (LIKELY(now == *seen) || mutant(HAZARD_NOT_VALIDATED))
 *	order = mutant(HAZARD_NOT_FENCED) ? memory_order_release : memory_order_seq_cst
 *
 * so what is right and what is broken stand beside each other, both are always
 * compiled, and a name that is not in the list below does not compile.
 *
 *	cc -DMUTANT=HAZARD_NOT_FENCED      any build: that mutant, a constant
 *	cc -DSCHEDULED (make V=sched)      mutant_chosen, while the program runs
 *	cc -DSCHEDULED (make V=sched)      mutant_chosen, while the program runs
 *	otherwise                          none; every mutant() is the constant false
 *
 * A new one is a line here and its use in core.
 */
#ifndef CORE_MUTANT_H
#define CORE_MUTANT_H

#include <stdbool.h>

/* X(name, what is broken) */
#define MUTANTS(X)                                                             \
	X(HAZARD_NOT_VALIDATED, "a link is not read again after it was announced: HP(2) missing") \
	X(HAZARD_NOT_FENCED, "the announcement may be visible after the re-read: HP(1) not seq_cst") \
	X(SLOT_NOT_VALIDATED, "flagship: the slot is not read again after its node was announced")

#define MUTANT_ENUMERATOR(name, text) MUTANT_##name,
enum mutant { MUTANT_NONE, MUTANTS(MUTANT_ENUMERATOR) MUTANT_COUNT };
#undef MUTANT_ENUMERATOR

#if defined(MUTANT)
#define MUTANT_NUMBER_OF(name) MUTANT_##name
#define MUTANT_NUMBER(name) MUTANT_NUMBER_OF(name)
#define mutant(name) (MUTANT_NUMBER(MUTANT) == MUTANT_##name)
#elif defined(SCHEDULED)
/* MUTANT=NAME in the environment, or a test, chooses it. False: there is none of that name. */
bool mutant_choose(const char *name);
/* Visible to plug-ins, which have copies of core. */
extern enum mutant mutant_chosen __attribute__((visibility("default")));
#define mutant(name) (mutant_chosen == MUTANT_##name)
#else
#define mutant(name) false
#endif

#endif
