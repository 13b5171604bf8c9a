/*
 * linearize.c - the sweep, and the search for the smallest part that fails.
 *
 * Every operation with its answer is a step: it needs something of the key's value
 * and leaves a value. Most steps need one exact value ("remove returned 7" needs 7 and
 * leaves absent), so there is little to choose from.
 *
 * Sweep. Events (calls and returns) are taken in the order of time. Kept is the set of
 * configurations (which of the open steps have taken effect, the value now) that some order of
 * the steps so far can lead to.
 *
 *	call of s    s is open. If it only looks and likes the value: it takes effect at once, for
 *	             that takes nothing from any later choice; likewise whenever the value changes.
 *	return of s  configurations in which s has taken effect stay. In the others it must now, perhaps
 *	             after other open steps that change the value: all sequences of these that end with s
 *	             are followed. Which others take effect later stays open until they return.
 *	             No configuration left: no order explains what was seen.
 *
 * A step without a return is never forced. Two events at the same time overlap.
 *
 * Why a window proves something although what is outside is left out. It begins at a call,
 * with every value that the sweep held possible then; steps open at that moment may or may not have
 * taken effect. That is more than was really possible, so if even that leads nowhere, nothing does.
 * Leaving out a step that only looks makes no order impossible. And an order of the
 * whole stays one if values are told apart less finely: absent, the one the culprit
 * saw, any other. Then most updates between others only look, too.
 */
#include "harness/linearize.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum need {
	NEED_VALUE,   /* exactly .from; 0: absent */
	NEED_PRESENT, /* any value */
	NEED_OTHER,   /* anything but .from; absent will do */
	NEED_NOTHING,
	NEED_NEVER,   /* an answer that nothing explains */
};

struct step {
	uint64_t begin, end, from, to;
	uint32_t event;   /* which one of the history's */
	uint8_t need;     /* enum need */
	bool changes;     /* leaves .to; else the value as it is */
	bool adds;        /* .to is what modify adds */
};

/* ---- Steps ---- */

static bool
step_fits(const struct step *s, uint64_t value)
{
	switch (s->need) {
	case NEED_VALUE:
		return value == s->from;
	case NEED_PRESENT:
		return value != 0;
	case NEED_OTHER:
		return value != s->from;
	case NEED_NOTHING:
		return true;
	}
	return false;
}

static uint64_t
step_leaves(const struct step *s, uint64_t value)
{
	return s->adds ? op_modified(value, s->to) : s->to;
}

/* An update that has not returned may have done what it does on success, or nothing. False: it never matters. */
static bool
step_of_open(const struct history_event *e, struct step *s)
{
	s->changes = true;
	switch ((enum history_op)e->op) {
	case HISTORY_INSERT:
		s->to = e->in;
		return true;
	case HISTORY_UPSERT:
		s->need = NEED_NOTHING;
		s->to = e->in;
		return true;
	case HISTORY_REMOVE:
		s->need = NEED_PRESENT;
		return true;
	case HISTORY_REPLACE:
		s->need = NEED_PRESENT;
		s->to = e->in;
		return true;
	case HISTORY_MODIFY:
		s->need = NEED_PRESENT;
		s->to = e->in;
		s->adds = true;
		return true;
	case HISTORY_REPLACE_IF:
		s->from = e->out;
		s->to = e->in;
		return true;
	case HISTORY_REMOVE_IF:
		s->from = e->out;
		return true;
	case HISTORY_GET:
	case HISTORY_EACH:
	case HISTORY_OPS:
		break;
	}
	return false;
}

/* A miss: it leaves the value as it is, but for upsert. */
static void
step_of_miss(const struct history_event *e, struct step *s)
{
	switch ((enum history_op)e->op) {
	case HISTORY_INSERT:
		s->need = NEED_PRESENT;
		return;
	case HISTORY_UPSERT:
		s->changes = true;
		s->to = e->in;
		return;
	case HISTORY_REPLACE_IF:
	case HISTORY_REMOVE_IF:
		s->need = NEED_OTHER;
		s->from = e->out;
		return;
	default:
		return; /* absent */
	}
}

static void
step_of_hit(const struct history_event *e, struct step *s)
{
	s->from = e->out;
	s->changes = e->op != HISTORY_GET && e->op != HISTORY_EACH;
	switch ((enum history_op)e->op) {
	case HISTORY_INSERT:
		s->from = 0;
		s->to = e->in;
		return;
	case HISTORY_UPSERT:
	case HISTORY_REPLACE:
	case HISTORY_REPLACE_IF:
		s->to = e->in;
		break;
	case HISTORY_MODIFY:
		s->to = op_modified(e->out, e->in);
		break;
	default:
		break;
	}
	if (e->out == 0)
		s->need = NEED_NEVER;
}

/* step_of - what an event needs and leaves. False: it says nothing about the map. */
static bool
step_of(const struct history_event *e, uint32_t number, uint64_t skew_ns, struct step *s)
{
	*s = (struct step){ .begin = e->begin > skew_ns ? e->begin - skew_ns : 0,
	    .end = e->end >= HISTORY_OPEN - 1 - skew_ns ? HISTORY_OPEN : e->end + skew_ns, .event = number };
	if (e->end == HISTORY_OPEN)
		return step_of_open(e, s);
	switch ((enum history_answer)e->answer) {
	case HISTORY_NOMEM:
		return false;
	case HISTORY_MISS:
		step_of_miss(e, s);
		return true;
	case HISTORY_HIT:
		step_of_hit(e, s);
		return true;
	case HISTORY_TWICE: /* absent in between */
		return true;
	case HISTORY_NONSENSE:
	case HISTORY_ANSWERS:
		break;
	}
	s->need = NEED_NEVER;
	return true;
}

/* ---- Sets of configurations ---- */

struct configuration {
	uint64_t done;  /* bits of the open steps that have taken effect */
	uint64_t value;
};

#define SMALL 16u /* up to here a set is searched from end to end */

struct set {
	struct configuration *at;
	size_t count, room;
	uint32_t *slot;     /* place in at + 1; 0 = free; in use from SMALL on */
	size_t slots;
};

static uint64_t
configuration_hash(struct configuration c)
{
	uint64_t x = (c.done * UINT64_C(0x9e3779b97f4a7c15)) ^ (c.value + (c.value << 32));

	x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

static void
set_place(struct set *s, size_t at)
{
	size_t i = configuration_hash(s->at[at]) & (s->slots - 1);

	while (s->slot[i] != 0)
		i = (i + 1) & (s->slots - 1);
	s->slot[i] = (uint32_t)at + 1;
}

static bool
set_rehash(struct set *s)
{
	if (s->slots < 4 * s->room) {
		uint32_t *more = reallocarray(s->slot, 4 * s->room, sizeof(*more));

		if (more == NULL)
			return false;
		s->slot = more;
		s->slots = 4 * s->room;
	}
	memset(s->slot, 0, s->slots * sizeof(*s->slot));
	for (size_t i = 0; i < s->count; i++)
		set_place(s, i);
	return true;
}

/* False: no memory. */
static bool
set_add(struct set *s, struct configuration c)
{
	if (s->count < SMALL) {
		for (size_t i = 0; i < s->count; i++)
			if (s->at[i].done == c.done && s->at[i].value == c.value)
				return true;
	} else {
		for (size_t i = configuration_hash(c) & (s->slots - 1); s->slot[i] != 0; i = (i + 1) & (s->slots - 1)) {
			const struct configuration *there = &s->at[s->slot[i] - 1];

			if (there->done == c.done && there->value == c.value)
				return true;
		}
	}
	if (s->count == s->room) {
		size_t room = s->room == 0 ? SMALL : s->room * 2;
		struct configuration *more = reallocarray(s->at, room, sizeof(*more));

		if (more == NULL)
			return false;
		s->at = more;
		s->room = room;
		s->at[s->count++] = c;
		return s->count < SMALL || set_rehash(s);
	}
	s->at[s->count++] = c;
	if (s->count == SMALL)
		return set_rehash(s);
	if (s->count > SMALL)
		set_place(s, s->count - 1);
	return true;
}

static void
set_free(struct set *s)
{
	free(s->at);
	free(s->slot);
}

/* ---- The sweep ---- */

enum outcome { FINE, FAILS, TOO_MANY, TOO_MANY_OPEN, NO_MEMORY, INTERRUPTED };

struct sweep {
	const struct step *open[LINEARIZE_OPEN_MAX];
	uint64_t used, changing;   /* bits of open[]: in use; of those, which change the value */
	uint64_t next_end;         /* the earliest of the open steps' */
	struct set now, next, seen;
	uint64_t limit, most;
	const struct step *culprit; /* FAILS: whose return it was */
};

static void
sweep_free(struct sweep *w)
{
	set_free(&w->now);
	set_free(&w->next);
	set_free(&w->seen);
}

static void
sweep_reset(struct sweep *w)
{
	w->used = w->changing = 0;
	w->next_end = HISTORY_OPEN;
	w->now.count = 0;
}

/* The value has changed: steps that only look and like it take effect. */
static struct configuration
settled(const struct sweep *w, struct configuration c)
{
	for (uint64_t rest = w->used & ~w->changing & ~c.done; rest != 0; rest &= rest - 1)
		if (step_fits(w->open[__builtin_ctzll(rest)], c.value))
			c.done |= rest & -rest;
	return c;
}

static enum outcome
sweep_call(struct sweep *w, const struct step *s)
{
	uint64_t bit = ~w->used & -~w->used;

	if (bit == 0)
		return TOO_MANY_OPEN;
	w->used |= bit;
	w->open[__builtin_ctzll(bit)] = s;
	if (s->end < w->next_end)
		w->next_end = s->end;
	if (s->changes) {
		w->changing |= bit;
		return FINE;
	}
	for (size_t i = 0; i < w->now.count; i++)
		if (step_fits(s, w->now.at[i].value))
			w->now.at[i].done |= bit;
	return FINE;
}

/* Follow one configuration in which the step `bit` has not taken effect by one more open step. */
static bool
expand(struct sweep *w, struct configuration c, uint64_t bit)
{
	for (uint64_t rest = w->changing & ~c.done; rest != 0; rest &= rest - 1) {
		const struct step *s = w->open[__builtin_ctzll(rest)];
		struct configuration d = { c.done | (rest & -rest), 0 };

		if (!step_fits(s, c.value))
			continue;
		d.value = step_leaves(s, c.value);
		d = settled(w, d);
		if ((d.done & bit) != 0) {
			d.done &= ~bit;
			if (!set_add(&w->next, d))
				return false;
		} else if (!set_add(&w->seen, d)) {
			return false;
		}
	}
	return true;
}

/* The open step that ends first returns. */
static enum outcome
sweep_return(struct sweep *w)
{
	uint64_t bit = 0, earliest = HISTORY_OPEN, second = HISTORY_OPEN;
	struct set was = w->now;

	for (uint64_t rest = w->used; rest != 0; rest &= rest - 1) {
		uint64_t end = w->open[__builtin_ctzll(rest)]->end;

		if (end < earliest) {
			second = earliest;
			earliest = end;
			bit = rest & -rest;
		} else if (end < second) {
			second = end;
		}
	}
	w->next_end = second;
	w->next.count = w->seen.count = 0;
	for (size_t i = 0; i < w->now.count; i++) {
		struct configuration c = w->now.at[i];
		bool done = (c.done & bit) != 0;

		c.done &= ~bit;
		if (!set_add(done ? &w->next : &w->seen, c))
			return NO_MEMORY;
	}
	for (size_t i = 0; i < w->seen.count; i++) {
		if (!expand(w, w->seen.at[i], bit))
			return NO_MEMORY;
		if (w->seen.count + w->next.count > w->limit)
			return TOO_MANY;
	}
	if (w->next.count > w->most)
		w->most = w->next.count;
	if (w->next.count == 0) {
		w->culprit = w->open[__builtin_ctzll(bit)];
		return FAILS;
	}
	w->used &= ~bit;
	w->changing &= ~bit;
	w->now = w->next;
	w->next = was;
	return FINE;
}

/* Some steps of one key, sorted by begin; more of them may follow. */
static enum outcome
sweep_some(struct sweep *w, const struct step *s, size_t count)
{
	enum outcome outcome = FINE;

	for (size_t i = 0; i < count && outcome == FINE; i++) {
		while (w->next_end < s[i].begin && outcome == FINE)
			outcome = sweep_return(w);
		if (outcome == FINE)
			outcome = sweep_call(w, &s[i]);
	}
	return outcome;
}

/* Those that are still open return: no more follow. */
static enum outcome
sweep_rest(struct sweep *w)
{
	enum outcome outcome = FINE;

	while (w->next_end != HISTORY_OPEN && outcome == FINE)
		outcome = sweep_return(w);
	return outcome;
}

/* All steps of one key. */
static enum outcome
sweep_steps(struct sweep *w, const struct step *s, size_t count)
{
	enum outcome outcome = sweep_some(w, s, count);

	return outcome == FINE ? sweep_rest(w) : outcome;
}

/* ---- Partition by key ---- */

struct key {
	uint64_t key, first; /* first: its value before all events; 0: absent */
	size_t start, count; /* of its steps */
};

struct partition {
	struct key *key;
	size_t keys, room;
	uint32_t *slot;      /* a hash table: number of the key + 1; 0 = free */
	size_t slots;        /* a power of two */
	struct step *step;   /* those of a key together */
	size_t steps;
	struct step *spare;  /* for sorting: as many as the largest key has */
	size_t *run;
	size_t run_room;
	struct sweep sweep;
	uint64_t skew_ns;
};

static uint64_t
key_hash(uint64_t key)
{
	key = (key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return key ^ key >> 32;
}

static bool
keys_grow(struct partition *p)
{
	size_t room = p->room == 0 ? 64 : p->room * 2;
	struct key *more = reallocarray(p->key, room, sizeof(*more));
	uint32_t *slot;

	if (more == NULL)
		return false;
	p->key = more;
	slot = calloc(room * 4, sizeof(*slot));
	if (slot == NULL)
		return false;
	free(p->slot);
	p->slot = slot;
	p->slots = room * 4;
	p->room = room;
	for (size_t i = 0; i < p->keys; i++) {
		size_t at = key_hash(p->key[i].key) & (p->slots - 1);

		while (slot[at] != 0)
			at = (at + 1) & (p->slots - 1);
		slot[at] = (uint32_t)i + 1;
	}
	return true;
}

/* key_number - the number of a key, which is new perhaps. UINT32_MAX: no memory. */
static uint32_t
key_number(struct partition *p, uint64_t key)
{
	size_t at;

	if (p->keys == p->room && !keys_grow(p))
		return UINT32_MAX;
	for (at = key_hash(key) & (p->slots - 1); p->slot[at] != 0; at = (at + 1) & (p->slots - 1))
		if (p->key[p->slot[at] - 1].key == key)
			return p->slot[at] - 1;
	p->key[p->keys] = (struct key){ .key = key };
	p->slot[at] = (uint32_t)++p->keys;
	return (uint32_t)p->keys - 1;
}

/* Steps of each key together, those of a key in the history's order. */
static bool
partition_make(struct partition *p, const struct history *h)
{
	uint32_t *number = malloc((h->events + 1) * sizeof(*number));
	size_t most = 0;
	struct step s;

	if (number == NULL)
		return false;
	for (size_t i = 0; i < h->firsts; i++) {
		uint32_t key = key_number(p, h->first[i].key);

		if (key == UINT32_MAX)
			goto no_memory;
		p->key[key].first = h->first[i].value;
	}
	for (size_t i = 0; i < h->events; i++) {
		number[i] = key_number(p, h->event[i].key);
		if (number[i] == UINT32_MAX)
			goto no_memory;
		p->key[number[i]].count += step_of(&h->event[i], 0, 0, &s);
	}
	for (size_t i = 0; i < p->keys; i++) {
		p->key[i].start = p->steps;
		p->steps += p->key[i].count;
		if (p->key[i].count > most)
			most = p->key[i].count;
		p->key[i].count = 0;
	}
	p->step = malloc((p->steps + 1) * sizeof(*p->step));
	p->spare = malloc((most + 1) * sizeof(*p->spare));
	if (p->step == NULL || p->spare == NULL)
		goto no_memory;
	for (size_t i = 0; i < h->events; i++) {
		struct key *k = &p->key[number[i]];

		/* Behind a key's last step the next key's begin: an event without a step leaves nothing there. */
		if (step_of(&h->event[i], (uint32_t)i, p->skew_ns, &s))
			p->step[k->start + k->count++] = s;
	}
	free(number);
	return true;
no_memory:
	free(number);
	return false;
}

static void
partition_free(struct partition *p)
{
	free(p->key);
	free(p->slot);
	free(p->step);
	free(p->spare);
	free(p->run);
	sweep_free(&p->sweep);
}

static void
merge(const struct step *a, const struct step *a_end, const struct step *b, const struct step *b_end, struct step *out)
{
	while (a < a_end && b < b_end)
		*out++ = b->begin < a->begin ? *b++ : *a++;
	memcpy(out, a, (size_t)(a_end - a) * sizeof(*a));
	memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof(*b));
}

/* By begin. A history comes thread by thread, each in its order: so the ascending runs that are there already are merged. */
static bool
sort_steps(struct partition *p, struct step *step, size_t count)
{
	struct step *from = step, *to = p->spare;
	size_t runs = 0;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && step[i].begin >= step[i - 1].begin)
			continue;
		if (runs + 2 > p->run_room) {
			size_t room = p->run_room == 0 ? 64 : p->run_room * 2;
			size_t *more = reallocarray(p->run, room, sizeof(*more));

			if (more == NULL)
				return false;
			p->run = more;
			p->run_room = room;
		}
		p->run[runs++] = i;
	}
	for (; runs > 1; runs = (runs + 1) / 2) {
		struct step *swap = from;

		p->run[runs] = count;
		for (size_t i = 0; i < runs; i += 2) {
			size_t a = p->run[i], b = p->run[i + 1], end = i + 1 < runs ? p->run[i + 2] : b;

			merge(from + a, from + b, from + b, from + end, to + a);
			p->run[i / 2] = a;
		}
		from = to;
		to = swap;
	}
	if (from != step)
		memcpy(step, from, count * sizeof(*step));
	return true;
}

/* ---- The smallest window ---- */

#define RING 4096u           /* calls before the culprit's at which a window may begin */
#define EARLY_MAX 8u         /* updates open at that moment: 2^n choices */
#define EFFORT 40000000u     /* steps swept for the sake of a smaller window */
#define OTHER_VALUE UINT64_C(0xffffffffffffff00) /* coarse: any value but the one that matters */

struct start { /* what the sweep knew at a call */
	uint64_t value[LINEARIZE_VALUES];
	unsigned values;      /* 0: more than fit */
	const struct step *early[EARLY_MAX];
	unsigned earlies;     /* EARLY_MAX + 1: more than fit */
};

enum left_out { STAYS, LEFT_OUT, ON_TRIAL };

struct candidate { /* a window: steps are copies, coarse or not */
	struct start start;
	struct step *step;    /* of the key's, from the window's first call to the culprit's return */
	unsigned char *out;   /* enum left_out of each */
	size_t steps, culprit;
	bool coarse;
	uint64_t about;
};

struct shrink {
	struct partition *p;
	const struct key *key;
	const struct step *step; /* of the key, sorted, up to those that begin before the culprit's end */
	size_t steps, culprit;
	struct start *ring;
	struct step *kept;       /* for the sweep: what is not left out */
	uint64_t effort;
};

static void
note_start(struct start *at, const struct sweep *w)
{
	at->values = at->earlies = 0;
	for (size_t i = 0; i < w->now.count; i++) {
		unsigned v = 0;

		while (v < at->values && at->value[v] != w->now.at[i].value)
			v++;
		if (v == LINEARIZE_VALUES) {
			at->values = 0;
			break;
		}
		at->value[v] = w->now.at[i].value;
		at->values += v == at->values;
	}
	for (uint64_t rest = w->changing; rest != 0 && at->earlies <= EARLY_MAX; rest &= rest - 1) {
		if (at->earlies < EARLY_MAX)
			at->early[at->earlies] = w->open[__builtin_ctzll(rest)];
		at->earlies++;
	}
}

/* Sweep the key again, and note what was known at the last RING calls. */
static enum outcome
fill_ring(struct shrink *k)
{
	struct sweep *w = &k->p->sweep;
	enum outcome outcome = FINE;

	sweep_reset(w);
	if (!set_add(&w->now, (struct configuration){ 0, k->key->first }))
		return NO_MEMORY;
	for (size_t i = 0; i < k->steps && outcome == FINE; i++) {
		while (w->next_end < k->step[i].begin && outcome == FINE)
			outcome = sweep_return(w);
		if (outcome == FINE) {
			note_start(&k->ring[i % RING], w);
			outcome = sweep_call(w, &k->step[i]);
		}
	}
	return outcome;
}

static uint64_t
coarsen(uint64_t value, uint64_t about)
{
	return value == 0 || value == about ? value : OTHER_VALUE;
}

static struct step
coarse_step(struct step s, uint64_t about)
{
	if (s.need == NEED_OTHER && s.from != about)
		s.need = NEED_NOTHING;
	s.from = coarsen(s.from, about);
	s.to = coarsen(s.to, about);
	if (s.changes && s.need == NEED_VALUE && s.from == s.to)
		s.changes = false;
	return s;
}

/* Does the window fail, whatever was the case at its beginning that could be? */
static bool
fails(struct shrink *k, const struct candidate *c)
{
	struct sweep *w = &k->p->sweep;
	struct step early[EARLY_MAX];
	size_t kept = 0;
	unsigned earlies = 0;

	for (unsigned i = 0; i < c->start.earlies; i++) {
		struct step s = *c->start.early[i];

		if (c->coarse)
			s = coarse_step(s, c->about);
		if (s.changes) /* one that only looks may have done so before */
			early[earlies++] = s;
	}
	sweep_reset(w);
	for (unsigned v = 0; v < c->start.values; v++)
		for (uint64_t done = 0; done < UINT64_C(1) << earlies; done++)
			if (!set_add(&w->now, (struct configuration){ done,
			        c->coarse ? coarsen(c->start.value[v], c->about) : c->start.value[v] }))
				return false;
	for (unsigned i = 0; i < earlies; i++)
		sweep_call(w, &early[i]);
	for (size_t i = 0; i < c->steps; i++)
		if (c->out[i] == STAYS)
			k->kept[kept++] = c->step[i];
	k->effort += kept + w->now.count;
	return sweep_steps(w, k->kept, kept) == FAILS;
}

/* The window that begins at call `from`. False: not one that can be tried. */
static bool
window_at(struct shrink *k, size_t from, bool coarse, struct candidate *c)
{
	c->start = k->ring[from % RING];
	if (from == 0) {
		c->start = (struct start){ .value = { k->key->first }, .values = 1 };
	} else if (k->steps - from > RING || c->start.values == 0 || c->start.earlies > EARLY_MAX) {
		return false;
	}
	c->coarse = coarse;
	c->about = k->step[k->culprit].need == NEED_VALUE ? k->step[k->culprit].from : 0;
	c->steps = k->steps - from;
	c->culprit = k->culprit - from;
	for (size_t i = 0; i < c->steps; i++) {
		c->step[i] = k->step[from + i];
		if (coarse && c->step[i].adds)
			return false; /* it may leave any value */
		if (coarse)
			c->step[i] = coarse_step(c->step[i], c->about);
		c->out[i] = STAYS;
	}
	for (unsigned i = 0; i < c->start.earlies && coarse; i++)
		if (c->start.early[i]->adds)
			return false;
	return true;
}

/* Is no update under way at its beginning? Then it can be read without knowing what was before. */
static bool
is_clean(const struct candidate *c)
{
	for (unsigned i = 0; i < c->start.earlies; i++)
		if (!c->coarse || coarse_step(*c->start.early[i], c->about).changes)
			return false;
	return true;
}

/* The latest beginning that still fails, among the clean ones or among all. */
static bool
latest_window(struct shrink *k, bool coarse, bool clean, struct candidate *c)
{
	for (size_t back = 0; back <= k->culprit && k->effort < EFFORT; back += clean ? 1 : 1 + back / 16)
		if (window_at(k, k->culprit - back, coarse, c) && (!clean || is_clean(c)) && fails(k, c))
			return true;
	return window_at(k, 0, coarse, c) && fails(k, c);
}

/* Leave out what only looks, in ever smaller portions, as long as the rest still fails. */
static void
leave_out(struct shrink *k, struct candidate *c)
{
	for (size_t portion = c->steps; portion > 0; portion /= 2)
		for (size_t from = 0; from < c->steps && k->effort < 2 * (uint64_t)EFFORT; from += portion) {
			size_t end = from + portion < c->steps ? from + portion : c->steps, tried = 0;

			for (size_t i = from; i < end; i++)
				if (c->out[i] == STAYS && !c->step[i].changes && i != c->culprit) {
					c->out[i] = ON_TRIAL;
					tried++;
				}
			if (tried == 0)
				continue;
			bool still = fails(k, c);

			for (size_t i = from; i < end; i++)
				if (c->out[i] == ON_TRIAL)
					c->out[i] = still ? LEFT_OUT : STAYS;
		}
}

/* Updates beside the culprit that are left out, for they prove nothing, still help to see what went on. */
#define ENOUGH 6u

static bool
is_beside(const struct step *s, const struct step *culprit)
{
	return s->changes && s->begin <= culprit->end && s->end >= culprit->begin;
}

static size_t
candidate_size(const struct candidate *c)
{
	size_t size = 0;

	for (unsigned i = 0; i < c->start.earlies; i++)
		size += !c->coarse || coarse_step(*c->start.early[i], c->about).changes;
	for (size_t i = 0; i < c->steps; i++)
		size += c->out[i] == STAYS;
	return size;
}

/* ---- From the window to the result ---- */

static int
event_compare(const void *a, const void *b)
{
	const struct history_event *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Who put the value that the culprit saw, and who took it away, before the window. Perhaps several did: the last ones. */
static void
find_source(const struct shrink *k, const struct candidate *c, const struct history *h, struct linearize_window *window)
{
	uint64_t value = k->step[k->culprit].from;
	size_t first = k->culprit - c->culprit;

	if (k->step[k->culprit].need != NEED_VALUE)
		return;
	for (size_t i = 0; i < first; i++) {
		const struct step *s = &k->step[i];

		if (value == 0) {
			/* It needed the key to be absent: who mapped it last? */
			window->has_source = window->has_source || (s->changes && s->from == 0 && s->to != 0);
			if (s->changes && s->from == 0 && s->to != 0)
				window->source = h->event[s->event];
		} else if (s->changes && !s->adds && s->to == value) {
			window->source = h->event[s->event];
			window->has_source = true;
			window->has_end = false;
		} else if (s->changes && s->need == NEED_VALUE && s->from == value && window->has_source) {
			window->end = h->event[s->event];
			window->has_end = true;
		}
	}
}

static bool
make_window(const struct shrink *k, const struct candidate *c, const struct history *h, struct linearize_window *window)
{
	uint32_t culprit = k->step[k->culprit].event;
	size_t first = k->culprit - c->culprit, proof;

	*window = (struct linearize_window){ .key = k->key->key, .coarse = c->coarse, .about = c->about };
	window->event = malloc((candidate_size(c) + ENOUGH) * sizeof(*window->event));
	window->beside = calloc(candidate_size(c) + ENOUGH, sizeof(*window->beside));
	if (window->event == NULL || window->beside == NULL) {
		free(window->event);
		free(window->beside);
		return false;
	}
	for (unsigned i = 0; i < c->start.earlies; i++)
		if (!c->coarse || coarse_step(*c->start.early[i], c->about).changes)
			window->event[window->events++] = h->event[c->start.early[i]->event];
	for (size_t i = 0; i < c->steps; i++)
		if (c->out[i] == STAYS)
			window->event[window->events++] = h->event[c->step[i].event];
	proof = window->events;
	for (unsigned i = 0; i < c->start.earlies && window->events < ENOUGH; i++)
		if (c->coarse && !coarse_step(*c->start.early[i], c->about).changes && is_beside(c->start.early[i], &k->step[k->culprit]))
			window->event[window->events++] = h->event[c->start.early[i]->event];
	for (size_t i = 0; i < c->steps && window->events < ENOUGH; i++)
		if (c->out[i] == LEFT_OUT && is_beside(&k->step[first + i], &k->step[k->culprit]))
			window->event[window->events++] = h->event[c->step[i].event];
	/* Marked where they are put in, and found again after sorting. */
	for (size_t i = 0; i < window->events; i++)
		window->event[i].unused = i >= proof;
	qsort(window->event, window->events, sizeof(*window->event), event_compare);
	for (size_t i = 0; i < window->events; i++) {
		window->beside[i] = window->event[i].unused != 0;
		window->event[i].unused = 0;
	}
	window->from = h->event[k->step[first].event].begin;
	for (size_t i = 0; i < window->events; i++)
		if (memcmp(&window->event[i], &h->event[culprit], sizeof(window->event[i])) == 0)
			window->culprit = i;
	for (unsigned v = 0; v < c->start.values; v++) {
		uint64_t value = c->coarse ? coarsen(c->start.value[v], c->about) : c->start.value[v];
		unsigned i = 0;

		while (i < window->values && window->value[i] != value)
			i++;
		window->value[i] = value;
		window->values += i == window->values;
	}
	find_source(k, c, h, window);
	return true;
}

/* What a window that is not clean has to spare to be shown instead of one that is. */
#define CLEAN_WORTH 8u

/* Work out one kind of window; *best gets it if it is better. */
static void
try_window(struct shrink *k, bool coarse, bool clean, struct candidate *work, struct candidate *best, size_t *best_cost)
{
	size_t cost;

	k->effort = 0;
	if (!latest_window(k, coarse, clean, work))
		return;
	leave_out(k, work);
	cost = candidate_size(work) + (is_clean(work) ? 0 : CLEAN_WORTH);
	if (cost < *best_cost) {
		struct candidate swap = *best;

		*best = *work;
		*work = swap;
		*best_cost = cost;
	}
}

/* The smallest window of a key that fails: *window, and false if there is no memory for it. */
static bool
shrink_key(struct partition *p, const struct key *key, const struct history *h, struct linearize_window *window)
{
	struct shrink k = { .p = p, .key = key, .step = p->step + key->start };
	struct candidate work = { .about = 0 }, best = { .about = 0 };
	const struct step *culprit;
	size_t cost = SIZE_MAX;
	bool done = false;

	/* Which step it is the sweep knows; the steps after its return do not matter. */
	sweep_reset(&p->sweep);
	if (!set_add(&p->sweep.now, (struct configuration){ 0, key->first }) ||
	    sweep_steps(&p->sweep, k.step, key->count) != FAILS)
		return false;
	culprit = p->sweep.culprit;
	k.culprit = (size_t)(culprit - k.step);
	for (k.steps = k.culprit + 1; k.steps < key->count && k.step[k.steps].begin <= culprit->end;)
		k.steps++;
	k.ring = malloc(RING * sizeof(*k.ring));
	k.kept = malloc(k.steps * sizeof(*k.kept));
	work.step = malloc(k.steps * sizeof(*work.step));
	best.step = malloc(k.steps * sizeof(*best.step));
	work.out = malloc(k.steps);
	best.out = malloc(k.steps);
	if (k.ring != NULL && k.kept != NULL && work.step != NULL && best.step != NULL && work.out != NULL &&
	    best.out != NULL && fill_ring(&k) == FINE) {
		for (unsigned kind = 0; kind < 4; kind++)
			try_window(&k, kind % 2 == 0, kind < 2, &work, &best, &cost);
		done = cost < SIZE_MAX && make_window(&k, &best, h, window);
	}
	free(k.ring);
	free(k.kept);
	free(work.step);
	free(best.step);
	free(work.out);
	free(best.out);
	return done;
}

/* All that happened to the key before the culprit returned, in the history's order: thread by thread. */
static bool
make_witness(const struct history *h, const struct key *key, const struct linearize_window *window, struct history *out)
{
	uint64_t end = window->event[window->culprit].end;

	if (key->first != 0 && !history_first(out, key->key, key->first))
		return false;
	for (size_t i = 0; i < h->events; i++)
		if (h->event[i].key == key->key && h->event[i].begin <= end && !history_append(out, &h->event[i]))
			return false;
	if (h->about != NULL && (out->about = strdup(h->about)) == NULL)
		return false;
	return true;
}

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Does the witness fail with clocks that differ by so much more? */
static bool
fails_with_skew(const struct history *witness, const struct linearize_options *options, uint64_t skew_ns)
{
	struct partition p = { .skew_ns = skew_ns };
	bool failed = false;

	p.sweep.limit = options->limit;
	if (partition_make(&p, witness) && p.keys == 1 && sort_steps(&p, p.step, p.steps)) {
		sweep_reset(&p.sweep);
		failed = set_add(&p.sweep.now, (struct configuration){ 0, p.key[0].first }) &&
		    sweep_steps(&p.sweep, p.step, p.steps) == FAILS;
	}
	partition_free(&p);
	return failed;
}

#define MARGIN_MOST UINT64_C(1000000000)

static uint64_t
margin(const struct history *witness, const struct linearize_options *options)
{
	uint64_t good = options->skew_ns, bad = 16, step;

	while (bad <= good)
		bad *= 2;
	while (bad <= MARGIN_MOST && fails_with_skew(witness, options, bad)) {
		good = bad;
		bad *= 2;
	}
	/* Two digits are enough. */
	for (step = (bad - good) / 2; bad <= MARGIN_MOST && step > 0 && step > good / 64; step /= 2)
		if (fails_with_skew(witness, options, good + step))
			good += step;
	return good;
}

/* ---- The check ---- */

#define ILLEGAL_SHRUNK 16u /* of so many keys that fail the smallest window is looked for */
#define STEPS_PER_TICK (1u << 18)

static void
say_unknown(struct linearize_result *r, uint64_t key, enum outcome outcome, const struct linearize_options *o)
{
	if (r->unknown_keys++ > 0)
		return;
	if (r->verdict == LINEARIZE_OK)
		r->key = key;
	if (outcome == TOO_MANY_OPEN)
		snprintf(r->why, sizeof(r->why), "more than %d operations on key %" PRIu64 " were under way at a time",
		    LINEARIZE_OPEN_MAX, key);
	else
		snprintf(r->why, sizeof(r->why), "key %" PRIu64 " leaves more than %" PRIu64
		    " configurations possible at a time (--limit)", key, o->limit);
}

/* One more key that fails: is its window the smallest so far? */
static bool
note_illegal(struct partition *p, const struct key *key, const struct history *h, struct linearize_result *r)
{
	struct linearize_window window;

	r->verdict = LINEARIZE_ILLEGAL;
	if (r->illegal_keys++ >= ILLEGAL_SHRUNK)
		return true;
	if (!shrink_key(p, key, h, &window))
		return false;
	if (r->illegal_keys > 1 && window.events >= r->window.events) {
		free(window.event);
		free(window.beside);
		return true;
	}
	free(r->window.event);
	free(r->window.beside);
	r->window = window;
	r->key = key->key;
	return true;
}

/* sweep_key - as sweep_steps(), of p's steps; says now and then how far it is. unsaid: steps since. */
static enum outcome
sweep_key(struct partition *p, const struct key *key, size_t *unsaid, const struct linearize_options *o)
{
	const struct step *s = p->step + key->start;
	enum outcome outcome = FINE;

	for (size_t at = 0, some; at < key->count && outcome == FINE; at += some) {
		some = key->count - at < STEPS_PER_TICK ? key->count - at : STEPS_PER_TICK;
		if (o->interrupted != NULL && *o->interrupted != 0)
			return INTERRUPTED;
		outcome = sweep_some(&p->sweep, s + at, some);
		*unsaid += some;
		if (o->tick != NULL && *unsaid >= STEPS_PER_TICK) {
			o->tick(o->tick_arg, (double)(key->start + at + some) / (double)p->steps);
			*unsaid = 0;
		}
	}
	return outcome == FINE ? sweep_rest(&p->sweep) : outcome;
}

static bool
check_keys(struct partition *p, const struct history *h, const struct linearize_options *o, struct linearize_result *r)
{
	size_t unsaid = 0;

	for (size_t i = 0; i < p->keys; i++) {
		const struct key *key = &p->key[i];
		enum outcome outcome;

		if (!sort_steps(p, p->step + key->start, key->count))
			return false;
		sweep_reset(&p->sweep);
		if (!set_add(&p->sweep.now, (struct configuration){ 0, key->first }))
			return false;
		outcome = sweep_key(p, key, &unsaid, o);
		if (outcome == INTERRUPTED) {
			if (r->unknown_keys++ == 0)
				snprintf(r->why, sizeof(r->why), "interrupted");
			break;
		}
		if (outcome == NO_MEMORY || (outcome == FAILS && !note_illegal(p, key, h, r)))
			return false;
		if (outcome == TOO_MANY || outcome == TOO_MANY_OPEN)
			say_unknown(r, key->key, outcome, o);
	}
	if (r->verdict == LINEARIZE_OK && r->unknown_keys > 0)
		r->verdict = LINEARIZE_UNKNOWN;
	return true;
}

bool
linearize_check(const struct history *h, const struct linearize_options *options, struct linearize_result *result)
{
	struct linearize_options o = options != NULL ? *options : (struct linearize_options){ .limit = 0 };
	uint64_t begin_ns = cpu_ns();
	struct partition p = { .skew_ns = o.skew_ns };
	bool fine;

	*result = (struct linearize_result){ .verdict = LINEARIZE_OK };
	if (o.limit == 0)
		o.limit = LINEARIZE_LIMIT;
	p.sweep.limit = o.limit;
	if (h->events >= UINT32_MAX)
		return false;
	fine = partition_make(&p, h) && check_keys(&p, h, &o, result);
	result->operations = h->events;
	result->keys = p.keys;
	result->most = p.sweep.most;
	result->cpu_ns = cpu_ns() - begin_ns;
	for (size_t i = 0; i < p.keys && fine && result->verdict == LINEARIZE_ILLEGAL; i++)
		if (p.key[i].key == result->key)
			fine = make_witness(h, &p.key[i], &result->window, &result->witness);
	partition_free(&p);
	if (fine && result->verdict == LINEARIZE_ILLEGAL)
		result->window.margin_ns = margin(&result->witness, &o);
	if (!fine)
		linearize_result_free(result);
	return fine;
}

void
linearize_result_free(struct linearize_result *result)
{
	free(result->window.event);
	free(result->window.beside);
	history_free(&result->witness);
	*result = (struct linearize_result){ .verdict = LINEARIZE_OK };
}
