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
 *	cc -DMUTANT_CHOICE (make mutants)  mutant_chosen, from the environment: MUTANT=NAME. By clang,
 *	                                   which takes an order that is no constant as it is;
 *	                                   gcc would make it seq_cst
 *	cc -DSCHEDULED (make V=sched)      mutant_chosen, while the program runs
 *	otherwise                          none; every mutant() is the constant false
 *
 * A new one is a line here, its use in core, and a line in scripts/mutants.sh, which says what finds it.
 */
#ifndef CORE_MUTANT_H
#define CORE_MUTANT_H

#include <stdbool.h>

/* X(name, what is broken) */
#define MUTANTS(X)                                                             \
	X(HAZARD_NOT_VALIDATED, "a link is not read again after it was announced: HP(2) missing") \
	X(HAZARD_NOT_FENCED, "the announcement may be visible after the re-read: HP(1) not seq_cst") \
	X(SLOT_NOT_VALIDATED, "flagship: the slot is not read again after its node was announced") \
	X(HAZARD_ANNOUNCED_LATE, "the announcement comes after the re-read that should confirm it") \
	X(HAZARD_CLEARED_RELAXED, "what was read under an announcement is not ordered before its end") \
	X(SCAN_SKIPS_SLOT, "a scan does not look at the last slot of each record") \
	X(SCAN_SKIPS_RECORD, "a scan does not look at the newest record") \
	X(SCAN_WITHOUT_BARRIER, "an asymmetric scan looks without membarrier(2)") \
	X(SWEEP_FORGETS_PASSES, "what an earlier pass of the scan found announced is freed") \
	X(SWEEP_LOSES_ONE, "the last survivor of a sweep is dropped from the list") \
	X(ORPHANS_TAKEN_TWICE, "an adopter leaves the chain it takes for the next one, too") \
	X(ORPHANS_OVERWRITTEN, "a leaver that finds a chain forgets its own") \
	X(ORPHANS_RELAXED, "a chain is handed over without release: P(2)") \
	X(RECORD_LEFT_RELAXED, "a record is given up without release: O(2)") \
	X(USERS_RELAXED, "the last user of a domain is not ordered behind the others: U(2)") \
	X(EPOCH_NOT_FENCED, "ebr: the epoch may be announced after the first read: E(1) not seq_cst") \
	X(EPOCH_WITHOUT_BARRIER, "ebr: an asymmetric advance looks without membarrier(2)") \
	X(EPOCH_LEFT_RELAXED, "ebr: what was read in an operation is not ordered before its end") \
	X(EPOCH_SKIPS_RECORD, "ebr, qsbr: an advance does not look at the newest record") \
	X(EPOCH_FREED_EARLY, "ebr, qsbr: what was retired one epoch ago is freed, not two") \
	X(EPOCH_OF_RETIRER, "ebr: what is retired gets the epoch of its retirer, which may be the last one") \
	X(EPOCH_QUEUE_LOST, "ebr, qsbr: who adopts orphans forgets its own queue") \
	X(PAUSE_NOT_ENDED, "qsbr: a thread that comes back from a pause does not announce an epoch") \
	X(QUIESCED_WHILE_HELD, "qsbr: a thread that holds a guard says that it reads nothing") \
	X(QUIESCED_UNNOTICED, "qsbr: what was known before a quiescent state is used after it") \
	X(QUIESCED_RELAXED, "qsbr: what was read is not ordered before the quiescent state: Q(2)") \
	X(ERA_NOT_FENCED, "he: the era may be announced after the re-read: H(2) not seq_cst") \
	X(ERA_WITHOUT_BARRIER, "he: an asymmetric scan looks without membarrier(2)") \
	X(ERA_NOT_CONFIRMED, "he: the clock is not read again after the link was found unchanged: H(7)") \
	X(ERA_RELAXED, "he: what was read under an era is not ordered before the next one: H(2)") \
	X(ERA_CLEARED_WHILE_HELD, "he: a pause clears slots that are held") \
	X(ERA_UNNOTICED, "he: what was announced in another era is not announced again") \
	X(ERA_BORN_LATE, "he: the birth that is stamped is one era too late") \
	X(ERA_RETIRED_EARLY, "he: an object ends with the era of its birth") \
	X(ERA_LAST_LEFT_OUT, "he: a scan thinks nothing alive in the last era of its life") \
	X(INSERT_UNSORTED, "an entry is put behind those of its window, whatever its hash") \
	X(REMOVE_KEEPS_BIT, "the bit of a chunk stays when its last entry goes") \
	X(CONTRACTION_KEEPS_WRONG, "a node of two that loses one gives the wrong one to its parent") \
	X(LOOKUP_NOT_VALIDATED, "flagship: a lookup reads its node without looking at the slot again") \
	X(ROOT_UNPROTECTED, "flagship: the announcement of the root ends before the CAS: its address may come back") \
	X(UPDATE_NOT_ATOMIC, "flagship: an update stores its slot instead of comparing and swapping it") \
	X(UPDATE_RELAXED, "flagship: the CAS of an update publishes its nodes without release") \
	X(REMOVE_LOSER_WINS, "flagship: a remove whose CAS failed says that it removed") \
	X(RETIRE_LOST, "flagship: the root that an update replaced is never retired") \
	X(COUNT_REPLACED, "flagship: a value that is replaced counts as one key more") \
	X(ANSWER_OF_FIRST_TRY, "flagship: an update that is tried again answers with the value that it found at first") \
	X(ITERATION_STEPS_OVER, "flagship: after a slot of the next directory an iteration steps as far as in this one") \
	X(FROZEN_UPDATED, "flagship: an update takes no notice that its slot is frozen") \
	X(DESCENT_OVER_ROOT, "flagship: the next level is announced in the slot that protects the root") \
	X(SPLIT_OFF_BY_ONE, "growth: the first entry of the upper half goes to the lower slot") \
	X(MERGE_TAKES_ONE, "shrink: only the first of two slots is harvested") \
	X(MOVE_NOT_FROZEN, "a slot is copied without being frozen first") \
	X(MOVE_RETIRED_TWICE, "who was too late to say MOVED retires the old nodes as well") \
	X(TARGET_RELAXED, "the nodes that were moved are published without release: R(4)") \
	X(NEXT_RELAXED, "the next directory is published without release: R(1)") \
	X(NEW_SLOT_EARLY, "the new slot is used as soon as the old one is frozen, not when it is MOVED") \
	X(BLOCK_DONE_EARLY, "a resize ends when all blocks are claimed, not when they are done") \
	X(DIRECTORY_FREED_EARLY, "a directory that was left is freed at once") \
	X(DIRECTORY_LEFT_UNCHECKED, "the next directory is entered without a look whether it still is the next") \
	X(GUARD_CLEARED_EARLY, "byte strings: the announcement of what a guard holds ends with the lookup") \
	X(SEED_CELL_NOT_VALIDATED, "seed: a cell is used without looking again at the map it came from") \
	X(SEED_SWING_NOT_ATOMIC, "seed: a cell is stored to instead of compared and swapped") \
	X(SEED_FROZEN_USED, "seed: a value is put into a cell that is being promoted") \
	X(SEED_LEAF_NOT_RETIRED, "seed: a leaf that was replaced is never freed")

#define MUTANT_ENUMERATOR(name, text) MUTANT_##name,
enum mutant { MUTANT_NONE, MUTANTS(MUTANT_ENUMERATOR) MUTANT_COUNT };
#undef MUTANT_ENUMERATOR

#if defined(MUTANT)
#define MUTANT_NUMBER_OF(name) MUTANT_##name
#define MUTANT_NUMBER(name) MUTANT_NUMBER_OF(name)
#define mutant(name) (MUTANT_NUMBER(MUTANT) == MUTANT_##name)
#elif defined(SCHEDULED) || defined(MUTANT_CHOICE)
/* MUTANT=NAME in the environment, or a test, chooses it. False: there is none of that name. */
bool mutant_choose(const char *name);
/* Visible to plug-ins, which have copies of core. */
extern enum mutant mutant_chosen __attribute__((visibility("default")));
#define mutant(name) (mutant_chosen == MUTANT_##name)
#else
#define mutant(name) false
#endif

#endif
