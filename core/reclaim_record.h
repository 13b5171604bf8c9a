/*
 * reclaim_record.h - what the maps see of reclamation: one thread's
 * membership in a domain, by one of several schemes. Internal to core.
 *
 * The scheme is chosen when a file is compiled, -DRECLAIM=RECLAIM_EBR, and
 * inlined: a scheme that needs nothing at some place costs nothing there. All
 * of core is built once for each, into a library of its own.
 *
 * An operation stands between reclaim_enter() and reclaim_leave(). In it, an
 * object may be read once it was announced by reclaim_publish(), the caller
 * has then loaded (seq_cst) the link that it came from and found it
 * unchanged, and reclaim_confirm() agrees: by then another object may lie at the
 * same address, which only some schemes protect. (It cannot where the link, or an
 * object on the way to it, is protected already: then there is no need to ask.) The unlink must be seq_cst, too. A scheme that protects whole
 * operations ignores the announcement, one that protects objects ignores
 * entering; code that does both is right under all of them.
 *
 *	bool reclaim_enter(r)             an operation begins. True: what was announced
 *	                                  before may be gone, announce it and look again
 *	void reclaim_leave(r)             it ends. Objects in slots stay protected only
 *	                                  by schemes for which reclaim_enter() is false
 *	void reclaim_publish(r, i, p)     announce p in slot i, i < RECLAIM_SLOTS
 *	bool reclaim_confirm(r, i)        after the link was found unchanged: is what it leads to protected
 *	void reclaim_clear(r, i)          slot i protects nothing any more
 *	void reclaim_hold(r)              within an operation: what is announced in slots that are
 *	                                  neither published to nor cleared outlasts it, until as many
 *	void reclaim_release(r)           as there were holds
 *	bool reclaim_reserve(r, n)        room for n retires, before the CAS that makes them
 *	                                  due. False: no memory, and all is as it was
 *	void reclaim_retire(r, p, bytes, destroy, state)
 *	                                  p was unlinked by us. Never allocates, never fails
 *	uint64_t reclaim_scan(r)          free what can be freed now; outside operations
 *	void reclaim_pause(r)             outside operations: forget all announcements; the thread
 *	                                  may stop for long. The next reclaim_enter() undoes it
 *	enum hamt_status reclaim_attach(domain, probe, &r), void reclaim_detach(r)
 *	                                  detach hands what is left over; never allocates
 *	RECLAIM_HEADER                    bytes in front of each object that are the scheme's
 *	void reclaim_born(r, p)           p is new. r NULL: it is nobody's yet, which must be said
 *	                                  again with a record before others can see it
 *	void reclaim_unborn(r, p)         p is given back without ever having been linked
 */
#ifndef CORE_RECLAIM_RECORD_H
#define CORE_RECLAIM_RECORD_H

#include "core/reclaim.h"

#define RECLAIM_SLOTS HAZARD_SLOTS

#if RECLAIM == RECLAIM_HP
#include "core/reclaim_hp.h"
#elif RECLAIM == RECLAIM_EBR || RECLAIM == RECLAIM_QSBR
#include "core/reclaim_epoch.h"
#elif RECLAIM == RECLAIM_HE
#include "core/reclaim_era.h"
#elif RECLAIM == RECLAIM_NONE
#include "core/reclaim_none.h"
#else
#error "RECLAIM must be RECLAIM_HP, RECLAIM_EBR, RECLAIM_QSBR, RECLAIM_HE or RECLAIM_NONE"
#endif

#endif
