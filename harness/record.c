/*
 * record.c - the list of a trial's columns, and a record's series.
 *
 * A column's help is its definition: it is what `hamtbench list` prints.
 */
#include "harness/record.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *const record_histogram_names[RECORD_HISTOGRAMS] = {
	[RECORD_GET] = "get",
	[RECORD_INSERT] = "insert",
	[RECORD_UPSERT] = "upsert",
	[RECORD_REMOVE] = "remove",
	[RECORD_REPLACE] = "replace",
	[RECORD_MODIFY] = "modify",
	[RECORD_GET_MANY] = "get_many",
	[RECORD_SCAN] = "scan",
	[RECORD_RESPONSE_GET] = "get_response",
	[RECORD_RESPONSE_INSERT] = "insert_response",
	[RECORD_RESPONSE_UPSERT] = "upsert_response",
	[RECORD_RESPONSE_REMOVE] = "remove_response",
	[RECORD_RESPONSE_REPLACE] = "replace_response",
	[RECORD_RESPONSE_MODIFY] = "modify_response",
	[RECORD_RESPONSE_GET_MANY] = "get_many_response",
	[RECORD_RESPONSE_SCAN] = "scan_response",
	[RECORD_RESPONSE_UPDATE] = "update_response",
	[RECORD_UPDATE] = "update",
	[RECORD_RECLAIM] = "reclaim",
	[RECORD_CENSORED] = "censored",
	[RECORD_PASS] = "pass",
	[RECORD_WITH_PASS] = "with_pass",
	[RECORD_WITHOUT_PASS] = "without_pass",
};

#define FIELD(field) ((struct record *)NULL)->field

#define COLUMN(column_name, column_type, field, direction, definition)         \
	{                                                                      \
		.name = (column_name), .type = (column_type), .offset = offsetof(struct record, field), \
		.size = sizeof(FIELD(field)), .better = BETTER_##direction, .help = (definition) \
	}
#define TEXT(field, definition) COLUMN(#field, COLUMN_TEXT, field, NEITHER, definition)
#define STRING(field, definition) COLUMN(#field, COLUMN_STRING, field, NEITHER, definition)
#define COUNT(field, direction, definition) COLUMN(#field, COLUMN_COUNT, field, direction, definition)
#define REAL(field, direction, definition) COLUMN(#field, COLUMN_REAL, field, direction, definition)
#define BOOL(field, definition) COLUMN(#field, COLUMN_BOOL, field, NEITHER, definition)

/* NEITHER: what was asked for, counts that grow with the work, and what the machine did. */

const struct column record_columns[] = {
	TEXT(subject, "the map under test"),
	TEXT(workload, "the load driver"),
	COUNT(threads, NEITHER, "worker threads"),
	COUNT(keys, NEITHER, "size of the key range, keys"),
	TEXT(dist, "distribution of the keys"),
	TEXT(mix, "operations in percent"),
	COUNT(trial, NEITHER, "number of the trial at its point, from 1"),
	REAL(elapsed_s, NEITHER, "longest time of a thread, common start to its own last operation, s"),
	COUNT(ops, NEITHER, "completed operations, hit or miss"),
	REAL(mops, MORE, "throughput, million operations per second: sum over threads of ops / own time; of a fixed amount of "
	    "work ops / elapsed_s"),
	REAL(hit_ratio, NEITHER, "share of the keys looked up by get and get_many that were found, 0 .. 1"),
	COUNT(get_p50_ns, LESS, "median latency of get, ns"),
	COUNT(get_p99_ns, LESS, "99th percentile of get, ns"),
	COUNT(get_p999_ns, LESS, "99.9th percentile of get, ns"),
	COUNT(get_max_ns, LESS, "longest sampled get, ns"),
	COUNT(update_p50_ns, LESS, "median latency of insert, upsert, remove, replace and modify, ns"),
	COUNT(update_p99_ns, LESS, "99th percentile of updates, ns"),
	COUNT(update_p999_ns, LESS, "99.9th percentile of updates, ns"),
	COUNT(update_max_ns, LESS, "longest sampled update, ns"),
	COUNT(retired, NEITHER, "objects retired during the measured part"),
	COUNT(freed, NEITHER, "objects freed during the measured part"),
	COUNT(pending_peak, LESS, "most objects retired and not yet freed at any sample"),
	COUNT(reclaim_p50_ns, LESS, "median time from retire to free, ns; objects still waiting at stop count as longer than their "
	    "age (Kaplan and Meier); none: not known, it is longer than censored_max_ns"),
	COUNT(reclaim_p99_ns, LESS, "99th percentile of retire to free, ns; the same"),
	COUNT(reclaim_max_ns, LESS, "longest time from retire to free of what was freed, ns"),
	COUNT(rss_bytes, LESS, "resident memory of the process at stop, bytes"),
	BOOL(valid, "1: every check passed; 0: why says which failed"),

	TEXT(reclaimer, "the subject's reclamation scheme"),
	STRING(options, "all options of run, workload and subject, JSON"),
	COUNT(position, NEITHER, "place of the trial in the random order of its series, from 0"),
	COUNT(looks, NEITHER, "with --ci: how often at most the point's interval is looked at; none: the number of trials was planned"),
	COUNT(seed, NEITHER, "seed of the trial's random numbers"),
	TEXT(pin, "policy or list that placed the threads"),
	TEXT(membind, "where memory came from: none, local, interleave"),
	COUNT(hits, NEITHER, "operations that took effect or found their key"),
	COUNT(misses, NEITHER, "operations that did not"),
	REAL(thread_min_mops, MORE, "throughput of the slowest thread, million operations per second"),
	REAL(thread_max_mops, MORE, "throughput of the fastest thread, million operations per second"),
	REAL(jain, MORE, "Jain's fairness index over threads, 1/threads .. 1 (all equal)"),
	TEXT(roles, "roles of the threads: readers=N,writers=N; none: all do the same"),
	REAL(reader_mops, MORE, "throughput of the readers, million operations per second"),
	REAL(writer_mops, MORE, "throughput of the writers, million operations per second"),
	REAL(reader_jain, MORE, "Jain's fairness index over the readers"),
	REAL(writer_jain, MORE, "Jain's fairness index over the writers"),
	REAL(cpu_ns_per_op, LESS, "processor time of the workers per operation, ns"),
	REAL(overhead_ns, LESS, "of that, the harness itself: the same on subject null (null-bytes if keys are byte strings) at this load "
	    "and threads, measured before the "
	    "load's first trial, ns"),
	REAL(cas_failed_per_op, LESS, "compare-and-swaps that failed, per completed operation"),
	REAL(cas_wait_ns_per_op, LESS, "what contention management waited, by its own reckoning, per operation, ns"),
	COUNT(cas_expired, LESS, "its waits for a turn that ended with their bound"),
	COUNT(get_p90_ns, LESS, "90th percentile of get, ns"),
	COUNT(get_p9999_ns, LESS, "99.99th percentile of get, ns"),
	COUNT(update_p90_ns, LESS, "90th percentile of updates, ns"),
	COUNT(update_p9999_ns, LESS, "99.99th percentile of updates, ns"),
	COUNT(get_many_p50_ns, LESS, "median latency of a batch of get_many, ns"),
	COUNT(get_many_p99_ns, LESS, "99th percentile of a batch, ns"),
	COUNT(get_many_p999_ns, LESS, "99.9th percentile of a batch, ns"),
	COUNT(get_many_max_ns, LESS, "longest sampled batch, ns"),
	COUNT(scan_p50_ns, LESS, "median latency of scan, ns"),
	COUNT(scan_p99_ns, LESS, "99th percentile of scan, ns"),
	COUNT(scan_p999_ns, LESS, "99.9th percentile of scan, ns"),
	COUNT(scan_max_ns, LESS, "longest sampled scan, ns"),
	COUNT(scanned, NEITHER, "pairs that scans returned"),
	COUNT(latency_samples, NEITHER, "calls whose latency was taken"),
	COUNT(latency_lost, NEITHER, "of these, too long for the histogram (counted, maximum known)"),
	COUNT(pause_max_ns, LESS, "longest timed call of any kind, from its real begin, ns"),
	REAL(pause_at_s, NEITHER, "its begin, from the common start, s"),
	TEXT(pause_op, "which operation it was"),
	TEXT(pause_cause, "what happened meanwhile: resize, reclamation, preempted (up to 2 ms before); or unknown"),
	REAL(rate, NEITHER, "open loop: calls per second that were to begin, all threads; none: closed loop"),
	COUNT(unserved, LESS, "open loop: calls that were due and had not begun when the time was up. In the response times each "
	    "stands with what the first of them had waited"),
	COUNT(get_response_p50_ns, LESS, "open loop: median time of get from its intended start, ns"),
	COUNT(get_response_p99_ns, LESS, "99th percentile of it, ns"),
	COUNT(get_response_p999_ns, LESS, "99.9th percentile of it, ns"),
	COUNT(get_response_max_ns, LESS, "longest of it, ns"),
	COUNT(update_response_p50_ns, LESS, "open loop: median time of updates from their intended start, ns"),
	COUNT(update_response_p99_ns, LESS, "99th percentile of it, ns"),
	COUNT(update_response_p999_ns, LESS, "99.9th percentile of it, ns"),
	COUNT(update_response_max_ns, LESS, "longest of it, ns"),
	COUNT(pending_peak_bytes, LESS, "most bytes retired and not yet freed at any sample"),
	COUNT(pending_stop, LESS, "objects retired and not yet freed at stop"),
	COUNT(pending_stop_bytes, LESS, "bytes retired and not yet freed at stop"),
	REAL(pending_mean, LESS, "time-weighted mean of the objects retired and not yet freed"),
	REAL(pending_mean_bytes, LESS, "time-weighted mean of the bytes retired and not yet freed"),
	COUNT(bound, NEITHER, "most objects that the scheme lets be pending; 0: no bound"),
	REAL(bound_share, LESS, "pending_peak / bound; more than 1 is not valid"),
	COUNT(scans, NEITHER, "passes of reclamation during the measured part: scans, or attempts to free an epoch"),
	COUNT(examined, NEITHER, "objects that passes looked at"),
	COUNT(blocked, NEITHER, "objects that passes found protected"),
	COUNT(reclaim_p90_ns, LESS, "90th percentile of retire to free, ns; as reclaim_p50_ns"),
	COUNT(reclaim_p999_ns, LESS, "99.9th percentile of retire to free, ns; the same"),
	COUNT(reclaim_p9999_ns, LESS, "99.99th percentile of retire to free, ns; the same"),
	COUNT(reclaim_samples, NEITHER, "objects whose retire-to-free time was taken"),
	COUNT(censored_samples, NEITHER, "stamped objects not yet freed at stop; none: the subject cannot say"),
	COUNT(censored_p50_ns, LESS, "median age of these, ns"),
	COUNT(censored_max_ns, LESS, "age of the oldest of these, ns"),
	COUNT(pass_p50_ns, LESS, "median duration of a pass, ns"),
	COUNT(pass_p99_ns, LESS, "99th percentile of the duration of a pass, ns"),
	COUNT(pass_max_ns, LESS, "longest pass, ns"),
	REAL(pass_share, LESS, "share of the workers' time spent in passes, 0 .. 1"),
	COUNT(with_pass_samples, NEITHER, "timed calls with a pass inside"),
	COUNT(with_pass_p50_ns, LESS, "median latency of these, ns"),
	COUNT(with_pass_p99_ns, LESS, "99th percentile of these, ns"),
	COUNT(with_pass_max_ns, LESS, "longest of these, ns"),
	COUNT(without_pass_p50_ns, LESS, "median latency of the other timed calls, ns"),
	COUNT(without_pass_p99_ns, LESS, "99th percentile of the others, ns"),
	COUNT(without_pass_max_ns, LESS, "longest of the others, ns"),
	COUNT(stalls, NEITHER, "times during which a thread was parked inside a read"),
	STRING(stalled, "these times, JSON: [[begin, end], ...], ns since the start; at most 1000"),
	REAL(stalled_s, NEITHER, "how long they lasted together, s"),
	REAL(stall_slope, LESS, "growth of garbage meanwhile, objects/s"),
	COUNT(drain_ns, LESS, "longest time from the end of a stall until garbage was back at 1.1 x the level before, ns"),
	COUNT(undrained, LESS, "stalls after which that was not seen before the next one or the stop"),
	REAL(pending_before, LESS, "time-weighted mean of pending before the first stall, objects"),
	REAL(pending_during, LESS, "time-weighted mean of pending during stalls, objects"),
	REAL(pending_after, LESS, "time-weighted mean of pending after the first stall and outside stalls, objects"),
	COUNT(died, NEITHER, "threads that ended without leaving"),
	REAL(sampler_share, NEITHER, "processor time of the thread that samples, share of one processor"),
	COUNT(sample_gap_ns, NEITHER, "longest time between two samples, ns"),
	COUNT(leaked, LESS, "retired minus freed after everything was destroyed; anything but 0 is not valid"),
	COUNT(size_before, NEITHER, "keys in the map before the measured part"),
	COUNT(size_after, NEITHER, "keys in the map after it"),
	COUNT(context_switches, NEITHER, "involuntary context switches of the process during the measured part"),
	REAL(cycles_per_op, LESS, "processor cycles of the workers per operation, user space; none: not to be had here"),
	REAL(instructions_per_op, LESS, "instructions per operation, user space"),
	REAL(cache_misses_per_op, LESS, "misses of the last cache per operation, user space"),
	REAL(tlb_misses_per_op, LESS, "loads that missed the data TLB per operation, user space"),
	REAL(branch_misses_per_op, LESS, "mispredicted branches per operation, user space"),
	REAL(page_faults, LESS, "page faults of the workers during the measured part"),
	REAL(migrations, NEITHER, "moves of a worker to another processor during the measured part"),
	BOOL(presized, "1: the map was made for its final number of keys in advance, and does not grow"),
	TEXT(why, "if not valid: what failed"),
	BOOL(disturbed, "1: the sentinel saw others at work on the machine: disturbance says what"),
	TEXT(disturbance, "if disturbed: by what, and how much"),
	REAL(steal_pct, NEITHER, "time of the usable processors that the hypervisor took away, % of all of it"),
	REAL(foreign_pct, NEITHER, "time of the usable processors that other processes used, % of all of it"),
	REAL(hiccup_pct, NEITHER, "time by which a thread that sleeps 1 ms woke too late, % of the measured part"),
	COUNT(hiccup_max_ns, NEITHER, "the longest of these delays, ns"),
	REAL(frequency_mhz, NEITHER, "mean clock frequency of the usable processors, MHz; none: not readable"),
	REAL(frequency_drop_pct, NEITHER, "by how much it fell from the highest to the lowest reading, %"),
	{ .name = NULL },
};

struct record *
record_new(unsigned threads)
{
	struct record *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->histogram = calloc(RECORD_HISTOGRAMS, sizeof(*r->histogram));
	/* One more: calloc(0) may give NULL. */
	r->thread = calloc((size_t)threads + 1, sizeof(*r->thread));
	if (r->histogram == NULL || r->thread == NULL) {
		record_free(r);
		return NULL;
	}
	r->threads = threads;
	r->hit_ratio = r->rate = r->pause_at_s = r->overhead_ns = NAN;
	r->pause_max_ns = r->looks = UINT64_MAX;
	r->reader_mops = r->writer_mops = r->reader_jain = r->writer_jain = NAN;
	r->cycles_per_op = r->instructions_per_op = r->cache_misses_per_op = NAN;
	r->tlb_misses_per_op = r->branch_misses_per_op = r->page_faults = r->migrations = NAN;
	r->bound_share = r->pass_share = r->stalled_s = r->stall_slope = NAN;
	r->pending_before = r->pending_during = r->pending_after = NAN;
	r->stalls = r->drain_ns = r->undrained = UINT64_MAX;
	r->steal_pct = r->foreign_pct = r->hiccup_pct = r->frequency_mhz = r->frequency_drop_pct = NAN;
	r->hiccup_max_ns = UINT64_MAX;
	r->cas_failed_per_op = r->cas_wait_ns_per_op = NAN;
	r->cas_expired = r->unserved = UINT64_MAX;
	/* No samples yet: the percentile columns have no value. */
	record_fill_percentiles(r);
	return r;
}

void
record_free(struct record *record)
{
	if (record == NULL)
		return;
	free(record->options);
	free(record->stalled);
	free(record->histogram);
	free(record->sample);
	free(record->thread);
	free(record);
}

const struct column *
record_column(const char *name)
{
	const struct column *c = record_columns;

	while (c->name != NULL && strcmp(c->name, name) != 0)
		c++;
	return c->name != NULL ? c : NULL;
}

void
record_column_text(const struct record *record, const struct column *column, char *text, size_t size)
{
	const void *field = (const char *)record + column->offset;

	switch (column->type) {
	case COLUMN_TEXT:
		snprintf(text, size, "%s", (const char *)field);
		return;
	case COLUMN_STRING: {
		const char *string = *(char *const *)field;

		snprintf(text, size, "%s", string != NULL ? string : "");
		return;
	}
	case COLUMN_COUNT: {
		uint64_t count = *(const uint64_t *)field;

		if (count == UINT64_MAX)
			snprintf(text, size, "%s", "");
		else
			snprintf(text, size, "%" PRIu64, count);
		return;
	}
	case COLUMN_REAL: {
		double real = *(const double *)field;

		if (isnan(real))
			snprintf(text, size, "%s", "");
		else
			snprintf(text, size, "%.9g", real);
		return;
	}
	case COLUMN_BOOL:
		snprintf(text, size, "%d", *(const bool *)field);
		return;
	}
}

static uint64_t
percentile(const struct histogram *h, double pct)
{
	return h->total + h->lost == 0 ? UINT64_MAX : histogram_percentile(h, pct);
}

static uint64_t
maximum(const struct histogram *h)
{
	return h->total + h->lost == 0 ? UINT64_MAX : h->max;
}

void
record_fill_percentiles(struct record *record)
{
	const struct histogram *get = &record->histogram[RECORD_GET];
	const struct histogram *update = &record->histogram[RECORD_UPDATE];
	const struct histogram *get_many = &record->histogram[RECORD_GET_MANY];
	const struct histogram *scan = &record->histogram[RECORD_SCAN];
	const struct histogram *reclaim = &record->histogram[RECORD_RECLAIM];
	const struct histogram *censored = &record->histogram[RECORD_CENSORED];
	const struct histogram *pass = &record->histogram[RECORD_PASS];
	const struct histogram *with = &record->histogram[RECORD_WITH_PASS];
	const struct histogram *without = &record->histogram[RECORD_WITHOUT_PASS];

	record->get_p50_ns = percentile(get, 50);
	record->get_p90_ns = percentile(get, 90);
	record->get_p99_ns = percentile(get, 99);
	record->get_p999_ns = percentile(get, 99.9);
	record->get_p9999_ns = percentile(get, 99.99);
	record->get_max_ns = maximum(get);

	record->update_p50_ns = percentile(update, 50);
	record->update_p90_ns = percentile(update, 90);
	record->update_p99_ns = percentile(update, 99);
	record->update_p999_ns = percentile(update, 99.9);
	record->update_p9999_ns = percentile(update, 99.99);
	record->update_max_ns = maximum(update);

	record->get_many_p50_ns = percentile(get_many, 50);
	record->get_many_p99_ns = percentile(get_many, 99);
	record->get_many_p999_ns = percentile(get_many, 99.9);
	record->get_many_max_ns = maximum(get_many);

	record->scan_p50_ns = percentile(scan, 50);
	record->scan_p99_ns = percentile(scan, 99);
	record->scan_p999_ns = percentile(scan, 99.9);
	record->scan_max_ns = maximum(scan);

	record->get_response_p50_ns = percentile(&record->histogram[RECORD_RESPONSE_GET], 50);
	record->get_response_p99_ns = percentile(&record->histogram[RECORD_RESPONSE_GET], 99);
	record->get_response_p999_ns = percentile(&record->histogram[RECORD_RESPONSE_GET], 99.9);
	record->get_response_max_ns = maximum(&record->histogram[RECORD_RESPONSE_GET]);
	record->update_response_p50_ns = percentile(&record->histogram[RECORD_RESPONSE_UPDATE], 50);
	record->update_response_p99_ns = percentile(&record->histogram[RECORD_RESPONSE_UPDATE], 99);
	record->update_response_p999_ns = percentile(&record->histogram[RECORD_RESPONSE_UPDATE], 99.9);
	record->update_response_max_ns = maximum(&record->histogram[RECORD_RESPONSE_UPDATE]);

	/* update has every update in it: those are not counted twice. */
	record->latency_lost = get->lost + update->lost + get_many->lost + scan->lost;
	record->latency_samples = get->total + update->total + get_many->total + scan->total + record->latency_lost;

	/* Of the same stamps: what was freed, and what was not yet. */
	record->reclaim_p50_ns = histogram_percentile_censored(reclaim, censored, 50);
	record->reclaim_p90_ns = histogram_percentile_censored(reclaim, censored, 90);
	record->reclaim_p99_ns = histogram_percentile_censored(reclaim, censored, 99);
	record->reclaim_p999_ns = histogram_percentile_censored(reclaim, censored, 99.9);
	record->reclaim_p9999_ns = histogram_percentile_censored(reclaim, censored, 99.99);
	record->reclaim_max_ns = maximum(reclaim);
	record->reclaim_samples = reclaim->total + reclaim->lost;

	record->censored_samples = censored->total + censored->lost;
	record->censored_p50_ns = percentile(censored, 50);
	record->censored_max_ns = maximum(censored);

	record->pass_p50_ns = percentile(pass, 50);
	record->pass_p99_ns = percentile(pass, 99);
	record->pass_max_ns = maximum(pass);
	record->with_pass_samples = with->total + with->lost;
	record->with_pass_p50_ns = percentile(with, 50);
	record->with_pass_p99_ns = percentile(with, 99);
	record->with_pass_max_ns = maximum(with);
	record->without_pass_p50_ns = percentile(without, 50);
	record->without_pass_p99_ns = percentile(without, 99);
	record->without_pass_max_ns = maximum(without);
}
