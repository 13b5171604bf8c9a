/*
 * hazard_adapter.h - what every subject over core's hazard pointers shares:
 * the options --reclaim and --backoff, and its statistics in the harness's
 * terms.
 */
#ifndef WORKLOADS_SUBJECTS_HAZARD_ADAPTER_H
#define WORKLOADS_SUBJECTS_HAZARD_ADAPTER_H

#include <string.h>

#include "core/contention.h"
#include "core/hazard.h"
#include "harness/plugin.h"

/* What --reclaim may name; the last is like the first where it can be had at all. */
static const struct hazard_scheme {
	const char *name;
	enum hazard_mode mode;
} hazard_schemes[] = {
	{ "hp", HAZARD_AUTO }, { "hp-fence", HAZARD_FENCE }, { "hp-asymmetric", HAZARD_ASYMMETRIC },
};

/*
 * Reads "hp", "hp-fence" (and "hp-asymmetric", which insists), each optionally
 * with ":threshold=N"; N = 0 is automatic.
 */
static inline bool
hazard_adapter_parse(const char *text, struct hazard_config *config, char *error, size_t error_size)
{
	static const char parameter[] = ":threshold=";
	size_t length = strcspn(text, ":");
	unsigned long threshold = 0;

	for (size_t i = 0; i < sizeof(hazard_schemes) / sizeof(hazard_schemes[0]); i++) {
		char *end;

		if (strlen(hazard_schemes[i].name) != length || strncmp(text, hazard_schemes[i].name, length) != 0)
			continue;
		if (text[length] == ':') {
			if (strncmp(text + length, parameter, sizeof(parameter) - 1) == 0 &&
			    text[length + sizeof(parameter) - 1] >= '0' && text[length + sizeof(parameter) - 1] <= '9')
				threshold = strtoul(text + length + sizeof(parameter) - 1, &end, 10);
			else
				end = NULL;
			if (end == NULL || *end != '\0' || threshold > 1u << 30) {
				snprintf(error, error_size, "'%s': '%s' must be threshold=N, N = 0 (automatic) to %u",
				    text, text + length + 1, 1u << 30);
				return false;
			}
		}
		config->mode = hazard_schemes[i].mode;
		config->threshold = (unsigned)threshold;
		return true;
	}
	snprintf(error, error_size, "'%s' must be hp, hp-fence or hp-asymmetric, optionally with :threshold=N", text);
	return false;
}

static inline bool
hazard_adapter_check(const char *text, char *canonical, size_t canonical_size, char *error, size_t error_size)
{
	struct hazard_config config = { 0 };

	if (!hazard_adapter_parse(text, &config, error, error_size))
		return false;
	snprintf(canonical, canonical_size, "%s", text);
	return true;
}

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
hazard_adapter_choice(size_t i)
{
	return i < sizeof(hazard_schemes) / sizeof(hazard_schemes[0]) - 1 ? hazard_schemes[i].name : NULL;
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

#define HAZARD_ADAPTER_OPTIONS                                                                              \
	{ .name = "reclaim", .type = OPTION_TEXT, .initial = "hp", .meta = "SCHEME", .check = hazard_adapter_check, \
	    .choice = hazard_adapter_choice,                                                                   \
	    .help = "hp (asymmetric where membarrier may be used), hp-fence or hp-asymmetric; "                \
	            ":threshold=N retired objects start a scan (0 = automatic)" },                              \
	BACKOFF_ADAPTER_OPTION

/* Both options of a subject that declares HAZARD_ADAPTER_OPTIONS; they are checked already. The policy
 * is for the domain's lists, too. */
static inline bool
hazard_adapter_configs(const struct option_values *options, struct hazard_config *hazard,
    struct contention_config *contention, char *error, size_t error_size)
{
	if (!hazard_adapter_parse(option_text(options, "reclaim"), hazard, error, error_size) ||
	    !contention_parse(option_text(options, "backoff"), contention, error, error_size))
		return false;
	hazard->contention = *contention;
	return true;
}

/* The harness's probe as core wants it: NULL where nothing is to be stamped. */
static inline const struct reclaim_probe *
hazard_adapter_probe(const struct reclaim_probe *probe)
{
	return probe->now_ns != NULL ? probe : NULL;
}

static inline void
hazard_adapter_stats(const struct hazard_domain *domain, struct reclaim_stats *stats)
{
	struct hazard_stats s;

	hazard_domain_stats(domain, &s);
	*stats = (struct reclaim_stats){
		.retired = s.retired, .freed = s.freed,
		.retired_bytes = s.retired_bytes, .freed_bytes = s.freed_bytes,
		.scans = s.scans, .examined = s.examined, .blocked = s.blocked,
		.bound = s.bound,
	};
}

/* For hazard_domain_each_pending(), whose visitor also gets the size. */
struct hazard_adapter_visit {
	void (*visit)(void *arg, uint64_t retired_at_ns);
	void *arg;
};

static inline void
hazard_adapter_visit_one(void *arg, uint64_t retired_at_ns, size_t bytes)
{
	const struct hazard_adapter_visit *v = arg;

	(void)bytes;
	v->visit(v->arg, retired_at_ns);
}

static inline void
hazard_adapter_pending(struct hazard_domain *domain, void (*visit)(void *arg, uint64_t retired_at_ns), void *arg)
{
	struct hazard_adapter_visit v = { visit, arg };

	hazard_domain_each_pending(domain, hazard_adapter_visit_one, &v);
}

#endif
