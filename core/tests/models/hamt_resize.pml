/*
 * hamt_resize.pml - the table R (hamt.c): a directory is left for another while
 * two threads help, one updates and one reads. Spin (Holzmann 1997, The Model
 * Checker SPIN) visits every interleaving of the steps.
 *
 * Memory is sequentially consistent here: what is checked is that the steps, in their order, are
 * enough. The orders stand beside them so that scripts/models.sh can compare them with the
 * table, and the schedules of test_hamt_schedules.c try x86's.
 *
 * Keys 0 to 3. The narrow directory has two slots, of keys 0 and 1, 2 and 3; the wide one four. A
 * word is a state and the values of up to two keys (0 = absent); what a node is, and when it is
 * freed, is another model's affair (hazard.cc). Growing goes from narrow to wide,
 * -DSHRINK the other way.
 *
 * truth[] is the map as its callers see it: it changes with the CAS that is an operation's
 * linearization point, and everybody who loads the word that counts must find in it what
 * truth[] says at that moment.
 *
 * Planted bugs, each of which must be found: -DNO_FREEZE, -DMOVED_BEFORE_TARGET,
 * -DDONE_WHEN_CLAIMED, -DUPDATE_TARGET_EARLY; with -DSHRINK also -DCLEAR_HALF,
 * -DFREEZE_ONE.
 */
/* tables: R */

#define PLAIN 0
#define FROZEN 16
#define MOVED 32
#define UNINIT 48
#define state(word) ((word) & 48)
#define content(word) ((word) & 15)

#ifndef UNITS
#define UNITS 2
#endif
#define KEYS (2 * UNITS)
#ifndef READS
#define READS 2
#endif
#ifndef UPDATES
#define UPDATES 1
#endif
#ifndef HELPERS
#define HELPERS 2
#endif

/* Where a key's value lies in a word. */
#define at(key) (((key) & 1) * 2)
#define value(word, key) (((word) >> at(key)) & 3)
#define with(word, key, new) (((word) & ~(3 << at(key))) | ((new) << at(key)))

#ifdef SHRINK
#define SOURCES 2 /* of a unit */
#define source_of(key) (key)
#define target_of(key) ((key) / 2)
#else
#define SOURCES 1
#define source_of(key) ((key) / 2)
#define target_of(key) (key)
#endif
#define unit_of(key) ((key) / 2)

byte source[2 * UNITS];
byte target[2 * UNITS];
bool next;             /* from.next is set */
bool directory;        /* map.directory is to, not from */
bool done[UNITS];
byte claimed;
byte truth[2 * UNITS];
byte ended;

/*
 * One access to shared memory is one step, together with what its thread decides
 * from it alone: the atomic sequences below are no longer than that.
 */

/* freeze - R(3) on one source; on failure ok is false. */
inline freeze(index, word)
{
	atomic {
		if
		:: state(word) == FROZEN
		:: else ->
			ok = source[index] == word;
			if
			:: ok -> word = word | FROZEN; source[index] = word /* R(3) acq_rel */
			:: else
			fi
		fi
	}
}

/* fill - R(4) on one target. */
inline fill(index, built)
{
	atomic {
		if
		:: target[index] == UNINIT -> target[index] = built /* R(4) acq_rel */
		:: else
		fi
	}
}

/* leave_source - R(5). Whoever fails must find that another did it. */
inline leave_source(index, word)
{
	atomic {
		if
		:: state(word) == MOVED
		:: else ->
			if
			:: source[index] == word -> source[index] = MOVED /* R(5) seq_cst */
#ifndef NO_FREEZE
			:: else -> assert(state(source[index]) == MOVED)
#else
			:: else
#endif
			fi
		fi
	}
}

/* move_unit - as directory.c has it: look, build, freeze, fill, leave. */
inline move_unit(unit)
{
	do
	:: atomic {
		w0 = source[SOURCES * (unit)];
		w1 = MOVED;
		ok = true
	   };
#ifdef SHRINK
		w1 = source[SOURCES * (unit) + 1];
#endif
		if
		:: state(w0) == MOVED && state(w1) == MOVED -> break
		:: else
		fi;
		/* If one is MOVED, all targets have their words. */
		if
		:: state(w0) == MOVED || (SOURCES == 2 && state(w1) == MOVED) -> skip
		:: else ->
#ifdef MOVED_BEFORE_TARGET
		freeze(SOURCES * (unit), w0);
		if
		:: ok -> leave_source(SOURCES * (unit), w0)
		:: else
		fi;
#endif
#ifndef NO_FREEZE
		freeze(SOURCES * (unit), w0);
#ifdef SHRINK
#ifndef FREEZE_ONE
		if
		:: ok -> freeze(SOURCES * (unit) + 1, w1)
		:: else
		fi;
#endif
#endif
#endif
		if
		:: ok
#ifdef SHRINK
			-> fill(unit, content(w0) | content(w1))
#else
			-> fill(2 * (unit), content(w0) & 3);
			fill(2 * (unit) + 1, content(w0) & 12)
#endif
		:: else
		fi
		fi;
		if
		:: ok ->
			leave_source(SOURCES * (unit), w0);
#ifdef SHRINK
			leave_source(SOURCES * (unit) + 1, w1);
#endif
			break
		:: else
		fi
	od;
	atomic { w0 = 0; w1 = 0 } /* what is not needed any more should not tell states apart */
}

/*
 * locate - the word that counts for key, and whether it lies in target. Whoever has loaded it
 * must find the truth in it at that moment.
 */
inline locate(key)
{
	do
	:: entered ->
		atomic {
			word = target[target_of(key)];
			in_target = true;
			assert(state(word) != UNINIT); /* R(8): all have their words */
			assert(value(word, key) == truth[key])
		};
		break
	:: else ->
		atomic {
			word = source[source_of(key)];
			in_target = false;
			assert(state(word) == MOVED || value(word, key) == truth[key])
		};
#ifdef UPDATE_TARGET_EARLY
		if
		:: updating && next && state(target[target_of(key)]) != UNINIT ->
			word = target[target_of(key)];
			in_target = true;
			break
		:: else
		fi;
#endif
		if
		:: state(word) != MOVED -> break
		:: else
		fi;
		if
		:: directory -> entered = true
		:: else ->
			assert(next); /* R(2) acquire */
			atomic {
				word = target[target_of(key)];
				in_target = true;
				assert(state(word) != UNINIT);
				assert(value(word, key) == truth[key])
			};
			break
		fi
	od
}

#define FINISH(unit)                                                           \
	done[unit] = true /* R(6) release */

proctype helper()
{
	byte w0, w1, unit;
	bool ok;

	atomic {
		if
		:: !next -> next = true /* R(1) release */
		:: else
		fi
	};
	do
	:: true ->
		atomic {
			unit = claimed;
			if
			:: claimed < UNITS -> claimed++
			:: else
			fi
		};
		if
		:: unit < UNITS
		:: else ->
			/* R(7) acquire: the first that is not done. */
			unit = 0;
			do
			:: unit < UNITS && done[unit] -> unit++
			:: else -> break
			od
		fi;
		if
		:: unit == UNITS -> break
		:: else
		fi;
#ifdef DONE_WHEN_CLAIMED
		FINISH(unit);
#endif
		move_unit(unit);
		FINISH(unit)
	od;
	directory = true; /* R(8) seq_cst: the CAS from -> to, whoever is first */
	ended++
}

proctype updater()
{
	byte w0, w1, word, key, new, n;
	bool ok, in_target, entered, updating = true;

	do
	:: n == UPDATES -> break
	:: else ->
		if
		:: key = 0
#ifdef SHRINK
		:: key = 1
#endif
		fi;
		if
		:: new = n + 1
		:: new = 0 /* remove */
#ifdef SHRINK
		:: new = 3 /* clear the key's slot */
#endif
		fi;
		do
		:: true ->
			if
			:: !entered && next -> move_unit(unit_of(key))
			:: else
			fi;
			locate(key);
			if
			:: state(word) == FROZEN -> move_unit(unit_of(key))
			:: else ->
#if defined(SHRINK) && !defined(CLEAR_HALF)
				if
				:: new == 3 && in_target && !entered -> move_unit(unit_of(key)); locate(key)
				:: else
				fi;
#endif
				atomic {
					if
					:: state(word) == FROZEN -> ok = false
					:: in_target && state(word) != FROZEN ->
						ok = target[target_of(key)] == word;
						if
						:: ok && new != 3 ->
							target[target_of(key)] = with(word, key, new)
						:: ok && new == 3 ->
							target[target_of(key)] = PLAIN
						:: else
						fi
					:: else ->
						ok = source[source_of(key)] == word;
						if
						:: ok && new != 3 ->
							source[source_of(key)] = with(word, key, new)
						:: ok && new == 3 ->
							source[source_of(key)] = PLAIN
						:: else
						fi
					fi;
					if
					:: ok && new != 3 ->
						assert(value(word, key) == truth[key]);
						truth[key] = new
					:: ok && new == 3 ->
						truth[key] = 0;
						/* A slot of the narrow directory has two keys. */
						if
						:: in_target -> truth[key ^ 1] = 0
						:: else
						fi
					:: else
					fi
				};
				if
				:: ok -> break
				:: else
				fi
			fi
		od;
		word = 0;
		key = 0;
		new = 0;
		in_target = false;
		n++
	od;
	ended++
}

proctype reader()
{
	byte word, key, n;
	bool in_target, entered, updating = false;

	do
	:: n == READS -> break
	:: else ->
		if
		:: key = 0
		:: key = 1
#if UNITS == 2
		:: key = 2
#endif
		fi;
		locate(key);
		word = 0;
		key = 0;
		in_target = false;
		n++
	od;
	ended++
}

init {
	byte key;

	atomic {
		for (key : 0 .. KEYS - 1) {
			target[key] = UNINIT
		};
		/* Keys 0 and 1 are there, and have the value 3; 2 and 3 are not. */
		truth[0] = 3;
		truth[1] = 3;
		source[source_of(0)] = with(source[source_of(0)], 0, 3);
		source[source_of(1)] = with(source[source_of(1)], 1, 3);
		run helper();
#if HELPERS == 2
		run helper();
#endif
		run updater();
		run reader()
	};
	ended == HELPERS + 2;
	/* Everything has moved, and nothing was lost. */
	assert(directory);
	for (key : 0 .. KEYS - 1) {
		assert(state(source[source_of(key)]) == MOVED);
		assert(state(target[target_of(key)]) == PLAIN);
		assert(value(target[target_of(key)], key) == truth[key])
	}
}
