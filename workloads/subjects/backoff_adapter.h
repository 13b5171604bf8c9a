/*
 * backoff_adapter.h - what every subject with one of core's contention managers
 * shares: the option --backoff, and its statistics in the harness's terms.
 */
#ifndef WORKLOADS_SUBJECTS_BACKOFF_ADAPTER_H
#define WORKLOADS_SUBJECTS_BACKOFF_ADAPTER_H

#include "core/contention.h"
#include "harness/plugin.h"

static inline bool
backoff_adapter_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct contention_config config = { 0 };

	if (!contention_parse(text, &config, error, error_size))
		return false;
	contention_format(&config, canonical, canonical_size);
	return true;
}

static inline void
backoff_adapter_forms(void (*show)(const char *form, const char *help))
{
	size_t count;
	const struct contention_form *forms = contention_forms(&count);

	for (size_t i = 0; i < count; i++)
		show(forms[i].form, forms[i].help);
}

static inline const char *
backoff_adapter_choice(size_t i)
{
	size_t count;
	const struct contention_form *forms = contention_forms(&count);

	return i < count ? forms[i].example : NULL;
}

#define BACKOFF_ADAPTER_OPTION                                                                              \
	{ .name = "backoff", .type = OPTION_TEXT, .initial = "default", .meta = "POLICY",                         \
	    .check = backoff_adapter_check, .forms = backoff_adapter_forms, .choice = backoff_adapter_choice,    \
	    .help = "about compare-and-swaps that fail: see hamtbench list backoff" }

static inline void
backoff_adapter_stats(const struct contention_stats *from, struct cas_stats *to)
{
	*to = (struct cas_stats){ .failed = from->failed, .waited_ns = from->waited_ns, .expired = from->expired };
}

#endif
