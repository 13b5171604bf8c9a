/*
 * contention.c - waits after a failed compare-and-swap: how long, and how.
 *
 * How long is arithmetic on the failures counted so far; how is a choice by
 * length: short waits spin, so that the processor keeps its caches, long ones
 * sleep, so that whoever made the CAS fail can run on this processor.
 *
 * Source: Dice, Hendler, Mirsky 2013, Lightweight Contention Management for
 * Efficient Compare-and-Swap Operations (arXiv 1305.5800), section 3: constant
 * backoff, exponential backoff.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/contention.h"

#define EXPONENT_MAX 30
#define DEFAULT_RELAX_PS 10000

/* The default: first retry at once, then 64 ns ... 4096 ns. */
#define DEFAULT_THRESHOLD 1
#define DEFAULT_C 3
#define DEFAULT_M 12

/* What the seed does: it computes 1 << (min(c * f, m) / 1000000), which is 1
 * for every parameter anybody would choose, and sleeps that many ms. */
#define SEED_THRESHOLD 2
#define SEED_WAIT_NS UINT64_C(1000000)

#define POLICIES "none, constant:WAIT_NS, exp:THRESHOLD,C,M, seed-literal, default"

/* A piece of the user's text that fits into one printable line. */
struct quoted {
	char text[64];
};

static struct quoted
quote(const char *from, size_t length)
{
	struct quoted q;
	size_t room = sizeof(q.text) - sizeof("..."), i;

	for (i = 0; i < length && i < room; i++)
		q.text[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	strcpy(q.text + i, i < length ? "..." : "");
	return q;
}

/*
 * parse_number - read one decimal number, which ends at the character end.
 * Returns   what follows it, past a ','; NULL and a line in error.
 */
static const char *
parse_number(const char *whole, const char *at, const char *name, char end, uint64_t max,
    uint64_t *number, char *error, size_t error_size)
{
	size_t length = strcspn(at, ",");
	uint64_t n = 0;

	if (length == 0) {
		snprintf(error, error_size, "contention policy \"%s\": %s is missing (there are: %s)",
		    quote(whole, strlen(whole)).text, name, POLICIES);
		return NULL;
	}
	for (size_t i = 0; i < length; i++) {
		if (at[i] < '0' || at[i] > '9') {
			snprintf(error, error_size,
			    "contention policy \"%s\": %s must be a whole number, not \"%s\"",
			    quote(whole, strlen(whole)).text, name, quote(at, length).text);
			return NULL;
		}
		/* max is below UINT64_MAX / 10 - 1, so this cannot wrap. */
		n = n * 10 + (uint64_t)(at[i] - '0');
		if (n > max) {
			snprintf(error, error_size,
			    "contention policy \"%s\": %s is %s, but at most %" PRIu64 " is allowed",
			    quote(whole, strlen(whole)).text, name, quote(at, length).text, max);
			return NULL;
		}
	}
	at += length;
	if (*at != end) {
		snprintf(error, error_size,
		    end == '\0' ? "contention policy \"%s\": too much after %s (there are: %s)" :
		    "contention policy \"%s\": a number is missing after %s (there are: %s)",
		    quote(whole, strlen(whole)).text, name, POLICIES);
		return NULL;
	}
	*number = n;
	return end == '\0' ? at : at + 1;
}

bool
contention_parse(const char *text, struct contention_config *config, char *error, size_t error_size)
{
	struct contention_config parsed = { .policy = CONTENTION_DEFAULT };
	const char *at;
	uint64_t threshold, c, m;

	if (strcmp(text, "default") == 0) {
		parsed.policy = CONTENTION_DEFAULT;
	} else if (strcmp(text, "none") == 0) {
		parsed.policy = CONTENTION_NONE;
	} else if (strcmp(text, "seed-literal") == 0) {
		parsed.policy = CONTENTION_SEED;
	} else if (strncmp(text, "constant:", 9) == 0) {
		parsed.policy = CONTENTION_CONSTANT;
		if (parse_number(text, text + 9, "WAIT_NS", '\0', CONTENTION_WAIT_MAX_NS, &parsed.wait_ns,
		        error, error_size) == NULL)
			return false;
	} else if (strncmp(text, "exp:", 4) == 0) {
		parsed.policy = CONTENTION_EXPONENTIAL;
		at = parse_number(text, text + 4, "THRESHOLD", ',', UINT32_MAX, &threshold, error, error_size);
		if (at != NULL)
			at = parse_number(text, at, "C", ',', UINT32_MAX, &c, error, error_size);
		if (at != NULL)
			at = parse_number(text, at, "M", '\0', EXPONENT_MAX, &m, error, error_size);
		if (at == NULL)
			return false;
		parsed.threshold = (uint32_t)threshold;
		parsed.c = (uint32_t)c;
		parsed.m = (uint32_t)m;
	} else {
		snprintf(error, error_size, "no contention policy \"%s\" (there are: %s)",
		    quote(text, strlen(text)).text, POLICIES);
		return false;
	}
	*config = parsed;
	return true;
}

void
contention_format(const struct contention_config *config, char *text, size_t size)
{
	switch (config->policy) {
	case CONTENTION_DEFAULT:
		snprintf(text, size, "default");
		return;
	case CONTENTION_NONE:
		snprintf(text, size, "none");
		return;
	case CONTENTION_CONSTANT:
		snprintf(text, size, "constant:%" PRIu64, config->wait_ns);
		return;
	case CONTENTION_EXPONENTIAL:
		snprintf(text, size, "exp:%" PRIu32 ",%" PRIu32 ",%" PRIu32, config->threshold, config->c,
		    config->m);
		return;
	case CONTENTION_SEED:
		snprintf(text, size, "seed-literal");
		return;
	}
	misuse_if(true, "contention_format: policy must be one of enum contention_policy");
}

/* One reading of the wall clock: C11 has no other. */
static int64_t
clock_ns(void)
{
	struct timespec now;

	if (timespec_get(&now, TIME_UTC) != TIME_UTC)
		return 0;
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void
contention_calibrate(struct contention_config *config)
{
	enum { RUNS = 6, RELAXES = 32 };
	int64_t best_ns = INT64_MAX;

	/* The smallest run is the one nobody interrupted. A run over which the
	 * clock stood still or was set back says nothing. */
	for (int run = 0; run < RUNS; run++) {
		int64_t start_ns = clock_ns(), took_ns;

		for (int i = 0; i < RELAXES; i++)
			cpu_relax();
		took_ns = clock_ns() - start_ns;
		if (took_ns > 0 && took_ns < best_ns)
			best_ns = took_ns;
	}
	/* Above a millisecond each, it was not cpu_relax() that took the time. */
	if (best_ns > (int64_t)RELAXES * 1000000)
		config->relax_ps = DEFAULT_RELAX_PS;
	else
		config->relax_ps = (uint32_t)(best_ns * 1000 / RELAXES);
}

void
contention_init(struct contention *cm, const struct contention_config *config)
{
	*cm = (struct contention){ .failures = 0 };
	if (config != NULL)
		cm->config = *config;
	switch (cm->config.policy) {
	case CONTENTION_DEFAULT:
		misuse_if(cm->config.threshold != 0 || cm->config.c != 0 || cm->config.m != 0 ||
		        cm->config.wait_ns != 0,
		    "contention_init: the default policy takes no parameters");
		cm->config.policy = CONTENTION_EXPONENTIAL;
		cm->config.threshold = DEFAULT_THRESHOLD;
		cm->config.c = DEFAULT_C;
		cm->config.m = DEFAULT_M;
		break;
	case CONTENTION_EXPONENTIAL:
		misuse_if(cm->config.m > EXPONENT_MAX, "contention_init: m must be at most 30");
		break;
	case CONTENTION_CONSTANT:
		misuse_if(cm->config.wait_ns > CONTENTION_WAIT_MAX_NS,
		    "contention_init: wait_ns must be at most CONTENTION_WAIT_MAX_NS");
		break;
	case CONTENTION_NONE:
	case CONTENTION_SEED:
		break;
	default:
		misuse_if(true, "contention_init: policy must be one of enum contention_policy");
	}
	if (cm->config.relax_ps == 0)
		cm->config.relax_ps = DEFAULT_RELAX_PS;
}

uint64_t
contention_next_wait_ns(const struct contention *cm)
{
	/* f counts the failure that is about to be noted. */
	uint64_t f = (uint64_t)cm->failures + 1, exponent;

	switch (cm->config.policy) {
	case CONTENTION_CONSTANT:
		return cm->config.wait_ns;
	case CONTENTION_EXPONENTIAL:
		if (f <= cm->config.threshold)
			return 0;
		exponent = f * cm->config.c; /* c, f - 1 < 2^32: the product fits */
		return UINT64_C(1) << (exponent < cm->config.m ? exponent : cm->config.m);
	case CONTENTION_SEED:
		return f > SEED_THRESHOLD ? SEED_WAIT_NS : 0;
	case CONTENTION_NONE:
	case CONTENTION_DEFAULT: /* contention_init() left none */
		break;
	}
	return 0;
}

void
contention_failed(struct contention *cm)
{
	uint64_t wait_ns = contention_next_wait_ns(cm);

	if (cm->failures < UINT32_MAX)
		cm->failures++;
	if (wait_ns == 0)
		return;
	cm->waits++;
	cm->waited_ns += wait_ns;
	if (wait_ns >= CONTENTION_SLEEP_NS) {
		struct timespec left = {
			.tv_sec = (time_t)(wait_ns / 1000000000),
			.tv_nsec = (long)(wait_ns % 1000000000),
		};

		/* A signal handler that ran has not ended the wait. */
		while (nanosleep(&left, &left) != 0 && errno == EINTR)
			continue;
	} else {
		/* Rounded up: a wait is never shorter than asked for. */
		uint64_t relaxes = (wait_ns * 1000 + cm->config.relax_ps - 1) / cm->config.relax_ps;

		while (relaxes-- > 0)
			cpu_relax();
	}
}
