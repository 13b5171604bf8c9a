/*
 * hazard_asymmetric.pml - the table HP (hazard.h) in its asymmetric form: a reader whose
 * stores wait in a buffer, as on x86, and a remover that empties it by membarrier(2). Spin visits
 * every interleaving, and every moment at which the buffer drains.
 *
 * The orders behind the steps are those of the asymmetric form; the table's are those of the fence
 * form, which hazard.cc models. So this file is not compared with it.
 *
 * Planted bugs, each of which must be found: -DNO_BARRIER, -DBARRIER_BEFORE_UNLINK,
 * -DBARRIER_AFTER_SLOTS, -DNO_VALIDATION.
 */

#define OBJECTS 3
#define BUFFER 4

byte link;              /* the object that is linked; objects are 0, 1, 2 */
bool freed[OBJECTS];
byte slot;              /* the reader's, in memory: the announced object + 1, or 0 */
/* The reader's stores to its slot that nobody else sees yet. */
chan buffer = [BUFFER] of { byte };

active proctype store_buffer()
{
	byte oldest;

end:	do
	:: atomic { buffer?oldest -> slot = oldest }
	od
}

active proctype reader()
{
	byte seen, now, n;

	do
	:: n == 2 -> break
	:: else ->
		seen = link;
		do
		:: true ->
			buffer!seen + 1; /* HP(1) release */
			now = link;      /* HP(2) */
#ifdef NO_VALIDATION
			now = seen;
#endif
			if
			:: now == seen -> break
			:: else -> seen = now
			fi
		od;
		/* Reads what is protected, twice. */
		assert(!freed[seen]);
		assert(!freed[seen]);
		buffer!0; /* hazard_clear(), release */
		n++
	od
}

/* barrier - the kernel has interrupted the reader: its buffer is empty. */
inline barrier()
{
	atomic {
		do
		:: buffer?old -> slot = old
		:: empty(buffer) -> break
		od;
		old = 0
	}
}

active proctype remover()
{
	byte old, retired, n;
	bool named;

	do
	:: n == OBJECTS - 1 -> break
	:: else ->
#ifdef BARRIER_BEFORE_UNLINK
		barrier();
#endif
		atomic { retired = link; link = n + 1 }; /* HP(3) */
		/* Scans until nobody names it. */
		do
		:: true ->
#if !defined(NO_BARRIER) && !defined(BARRIER_BEFORE_UNLINK) && !defined(BARRIER_AFTER_SLOTS)
			barrier();
#endif
			named = slot == retired + 1; /* HP(4) acquire */
#ifdef BARRIER_AFTER_SLOTS
			barrier();
#endif
			if
			:: named
			:: else -> break
			fi
		od;
		freed[retired] = true;
		n++
	od
}
