/*
 * hazard.cc - the tables HP (hazard.h, fence form) and M, O, P, U (limbo.c) under every
 * order of steps and every value that C++11 lets a load return, as far as a
 * random search comes: the Relacy race detector (Vyukov).
 *
 * A reader joins, protects the object behind the link, reads it and leaves. A
 * remover unlinks that object, retires it and scans; what it may not free it hands
 * over. A third takes over a record, adopts, scans. What is freed is
 * overwritten, so that Relacy sees a reader that comes later or at the same time.
 *
 * Each step of a table that is an atomic operation appears once as
 * LOAD, STORE or RMW(table, step, order), and a plain one as PLAIN. scripts/models.sh
 * compares them with the tables. A step named as the argument is
 * weakened by one degree, "VALIDATE" leaves out the comparison after HP(2): each of them must be found.
 *
 *	hazard [--executions N] [STEP]     e.g. HP1; exit status 1: something was found
 *	hazard --steps                     those that can be weakened
 */
/* tables: HP M O P U */
#include <cstring>
#include <iostream>
#include <sstream>

#include <relacy/relacy.hpp>

/* Relacy's headers replace the names of the memory orders by these, with the place. */
#define STEPS(X)                                                               \
	X(HP1) X(HP2) X(HP3) X(HP4) X(M1) X(M4) X(O2) X(O3) X(P2) X(P3) X(U2)  \
	X(VALIDATE)

#define STEP_NUMBER(name) name,
enum step { NOTHING, STEPS(STEP_NUMBER) };
#define STEP_NAME(name) #name,
static const char *const step_names[] = { "", STEPS(STEP_NAME) };

static enum step weakened;

/* The order, or what it is weakened to; then the place in the source. */
#define WEAKER(table, number, order, weaker)                                   \
	(weakened == table##number ? rl::weaker : rl::mo_##order), $
#define WEAKER_LOAD_seq_cst mo_acquire
#define WEAKER_LOAD_acquire mo_relaxed
#define WEAKER_STORE_seq_cst mo_release
#define WEAKER_STORE_release mo_relaxed
#define WEAKER_RMW_seq_cst mo_acq_rel
#define WEAKER_RMW_acq_rel mo_relaxed
#define WEAKER_RMW_acquire mo_relaxed
#define WEAKER_RMW_release mo_relaxed
#define LOAD(table, number, order) WEAKER(table, number, order, WEAKER_LOAD_##order)
#define STORE(table, number, order) WEAKER(table, number, order, WEAKER_STORE_##order)
#define RMW(table, number, order) WEAKER(table, number, order, WEAKER_RMW_##order)
#define PLAIN(table, number) $

enum { RECORDS = 2, NONE = -1, GOOD = 1, FREED = -99 };

struct model : rl::test_suite<model, 3> {
	rl::atomic<int> link;            /* the object that is linked: 0, then 1 */
	rl::var<int> object[2];          /* GOOD or FREED */
	rl::atomic<int> slot[RECORDS];   /* the object that is announced + 1; 0 = none */
	rl::atomic<int> taken[RECORDS];
	rl::var<int> mine[RECORDS];      /* a record's plain fields, its owner's */
	rl::var<int> next[RECORDS];
	rl::atomic<int> records;         /* head of the list */
	rl::atomic<int> orphans;         /* 1: the chain is there */
	rl::var<int> chain;              /* what lies in it */
	rl::atomic<int> users;
	rl::var<int> domain;             /* GOOD until it is freed */

	void
	before()
	{
		link($) = 0;
		object[0]($) = object[1]($) = GOOD;
		for (int i = 0; i < RECORDS; i++) {
			slot[i]($) = 0;
			taken[i]($) = 1;
			mine[i]($) = 0;
			next[i]($) = NONE;
		}
		/* Record 1 is the remover's, and has been there for long; 0 is new. */
		records($) = 1;
		orphans($) = 0;
		chain($) = NONE;
		users($) = 3;
		domain($) = GOOD;
	}

	void
	push(int record)
	{
		int head = records.load(rl::mo_relaxed, $);

		do
			next[record]($) = head;
		while (!records.compare_exchange_weak(head, record, RMW(M, 1, seq_cst), rl::mo_relaxed, $));
	}

	void
	scan(int retired)
	{
		bool found = false;

		for (int r = records.load(LOAD(M, 4, seq_cst)); r != NONE; r = next[r]($))
			found = found || slot[r].load(LOAD(HP, 4, seq_cst)) == retired + 1;
		if (!found)
			object[retired]($) = FREED;
		else
			hand_over(retired);
	}

	void
	hand_over(int retired)
	{
		int none = 0;

		chain(PLAIN(P, 1)) = retired;
		orphans.compare_exchange_strong(none, 1, RMW(P, 2, release), rl::mo_relaxed, $);
	}

	void
	leave(int record)
	{
		mine[record](PLAIN(O, 1)) = 7;
		taken[record].store(0, STORE(O, 2, release));
	}

	void
	drop_user()
	{
		/* U(3) acq_rel is the same operation, by the last. */
		RL_ASSERT(domain(PLAIN(U, 1)) == GOOD);
		if (users.fetch_sub(1, RMW(U, 2, acq_rel)) == 1)
			domain(PLAIN(U, 4)) = FREED;
	}

	void
	reader()
	{
		int seen, now;

		push(0);
		mine[0]($) = 1;
		seen = link.load(rl::mo_relaxed, $);
		for (;; seen = now) {
			slot[0].store(seen + 1, STORE(HP, 1, seq_cst));
			now = link.load(LOAD(HP, 2, seq_cst));
			if (now == seen || weakened == VALIDATE)
				break;
		}
		RL_ASSERT(object[seen]($) == GOOD);
		/* The scan's load is at least an acquire. */
		slot[0].store(0, rl::mo_release, $);
		leave(0);
		drop_user();
	}

	void
	remover()
	{
		int retired = link.exchange(1, RMW(HP, 3, seq_cst));

		scan(retired);
		drop_user();
	}

	void
	adopter()
	{
		int idle = 0;

		if (taken[0].compare_exchange_strong(idle, 1, RMW(O, 3, acquire), rl::mo_relaxed, $)) {
			RL_ASSERT(mine[0](PLAIN(O, 4)) != 1);
			mine[0]($) = 2;
		}
		if (orphans.exchange(0, RMW(P, 3, acquire)) == 1)
			scan(chain(PLAIN(P, 4)));
		drop_user();
	}

	void
	thread(unsigned number)
	{
		if (number == 0)
			reader();
		else if (number == 1)
			remover();
		else
			adopter();
	}
};

int
main(int argc, char **argv)
{
	rl::test_params params;
	std::ostringstream said;
	unsigned long executions = 20000;

	for (int i = 1; i < argc; i++) {
		if (std::strcmp(argv[i], "--executions") == 0 && i + 1 < argc) {
			executions = std::strtoul(argv[++i], nullptr, 10);
			continue;
		}
		if (std::strcmp(argv[i], "--steps") == 0) {
			for (int s = HP1; s <= VALIDATE; s++)
				std::cout << step_names[s] << "\n";
			return 0;
		}
		for (int s = HP1; s <= VALIDATE; s++)
			if (std::strcmp(argv[i], step_names[s]) == 0)
				weakened = static_cast<enum step>(s);
		if (weakened == NOTHING) {
			std::cerr << "usage: hazard [--executions N] [STEP | --steps]; no such step: " << argv[i] << "\n";
			return 2;
		}
	}
	params.iteration_count = executions;
	params.output_stream = &said;
	params.progress_stream = &said;
	if (rl::simulate<model>(params))
		return 0;
	std::cout << said.str() << std::flush;
	/* Relacy's replacement of free() does not survive the destructors here. */
	std::_Exit(1);
}
