/*
 * schedule.c - everything that can be refused is refused here, while nothing
 * has run and nothing has been written.
 */
#include "harness/schedule.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "harness/bytes.h"
#include "harness/random.h"
#include "harness/worker.h"

/* A plug-in may return anything: is this a plan that the runner can follow? */
#define NEEDS_BESIDE (NEEDS_HOLD | NEEDS_LATE_DETACH)

static bool
plan_check(const struct plan *plan, char *error, size_t size)
{
	if (plan->keys == 0 || plan->keys > WORKER_KEYS_MAX || plan->room > WORKER_KEYS_MAX - plan->keys) {
		snprintf(error, size, "it plans %" PRIu64 " keys and room for %" PRIu64 " more; there must be 1 to 2^56",
		    plan->keys, plan->room);
		return false;
	}
	if (plan->prefill > plan->keys) {
		snprintf(error, size, "it plans to fill in %" PRIu64 " of %" PRIu64 " keys", plan->prefill,
		    plan->keys);
		return false;
	}
	if ((plan->fixed_work ? plan->keys : plan->prefill) / ((uint64_t)sysconf(_SC_PHYS_PAGES) / 16) >
	    (uint64_t)sysconf(_SC_PAGESIZE)) {
		snprintf(error, size, "it plans to put %" PRIu64 " keys into the map: at 16 bytes each they do not fit into "
		    "this machine's memory", plan->fixed_work ? plan->keys : plan->prefill);
		return false;
	}
	if ((plan->needs & ~NEEDS_BESIDE) == 0 || (plan->needs & ~(NEEDS_BESIDE | NEEDS_EXTEND)) >= OP_BIT(OP_COUNT)) {
		snprintf(error, size, "it plans %s",
		    (plan->needs & ~NEEDS_BESIDE) == 0 ? "no operation" : "operations that do not exist");
		return false;
	}
	if (plan->phases > PLAN_PHASES) {
		snprintf(error, size, "it plans %u phases; there can be %u", plan->phases, PLAN_PHASES);
		return false;
	}
	if (plan->stalls && (plan->phases > 0 || plan->fixed_work)) {
		snprintf(error, size, "it plans stalls: their phases are given, and a fixed amount of work has none");
		return false;
	}
	for (unsigned i = 0; i < plan->phases; i++)
		if (plan->phase[i][0] == '\0' || memchr(plan->phase[i], '\0', sizeof(plan->phase[i])) == NULL) {
			snprintf(error, size, "its phase %u has no name", i);
			return false;
		}
	if (memchr(plan->dist, '\0', sizeof(plan->dist)) == NULL ||
	    memchr(plan->mix, '\0', sizeof(plan->mix)) == NULL ||
	    memchr(plan->variant, '\0', sizeof(plan->variant)) == NULL) {
		snprintf(error, size, "its texts for dist, mix and variant have no end");
		return false;
	}
	return true;
}

bool
schedule_needs_met(const struct subject *subject, const struct plugin *workload, const struct plan *plan, char *error,
    size_t size)
{
	for (unsigned op = 0; op < OP_COUNT; op++)
		if ((plan->needs & OP_BIT(op)) != 0 && !subject_can(subject, (enum op)op)) {
			snprintf(error, size, "subject %s cannot %s, which workload %s needs", subject->name,
			    op_names[op], workload->name);
			return false;
		}
	if ((plan->needs & NEEDS_EXTEND) != 0 && subject->extend == NULL) {
		snprintf(error, size, "subject %s cannot extend, which workload %s needs for a batch", subject->name,
		    workload->name);
		return false;
	}
	if ((plan->needs & NEEDS_HOLD) != 0 && subject->hold == NULL) {
		snprintf(error, size, "subject %s cannot stay inside a read, which workload %s needs", subject->name,
		    workload->name);
		return false;
	}
	if ((plan->needs & NEEDS_LATE_DETACH) != 0 && (subject->flags & SUBJECT_OWN_DETACH) != 0) {
		snprintf(error, size, "subject %s cannot detach a thread that has ended, which workload %s needs",
		    subject->name, workload->name);
		return false;
	}
	if (plan->named && workload->workload->names == NULL) {
		snprintf(error, size, "workload %s: its plan says that keys have names, but its hook names is NULL",
		    workload->name);
		return false;
	}
	if (plan->pool && !plan->takes) {
		snprintf(error, size, "subject %s is a pool, which takes out whatever comes; workload %s asks for keys",
		    subject->name, workload->name);
		return false;
	}
	return true;
}

/* Do the sizes of a subject's byte strings go with the workload? */
static bool
bytes_check(const struct subject *subject, const struct option_values *options, const struct plugin *workload,
    const struct plan *plan, char *error, size_t size)
{
	uint64_t keys = plan->fixed_work ? plan->keys : plan->prefill, each;
	struct bytes_names names;

	if ((subject->flags & SUBJECT_BYTES) == 0)
		return true;
	each = option_count(options, "value-bytes");
	if (plan->named && (option_is_set(options, "key-bytes") || option_is_set(options, "key-shape"))) {
		snprintf(error, size, "--%s: workload %s names its keys itself",
		    option_is_set(options, "key-bytes") ? "key-bytes" : "key-shape", workload->name);
		return false;
	}
	if (!plan->named) {
		if (!bytes_names_init(&names, options, plan_range(plan), error, size))
			return false;
		each += names.least + names.lengths / 2;
	}
	if ((subject->flags & SUBJECT_EMPTY) != 0 ||
	    (double)keys * (double)each <= (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE))
		return true;
	snprintf(error, size, "--value-bytes %" PRIu64 ": %" PRIu64 " keys and values, %" PRIu64 " bytes each, do not fit into "
	    "this machine's memory", option_count(options, "value-bytes"), keys, each);
	return false;
}

/* The plug-in that a subject's options ask for: itself, or another build of it. NULL and one line in error. */
static const struct plugin *
variant_of(struct schedule *s, struct plugin *subject, const struct option_values *options, char *error, size_t size)
{
	const char *suffix = subject->subject->variant != NULL ? subject->subject->variant(options) : NULL;
	struct plugin **more, *plugin = NULL;
	char name[sizeof(subject->title)], said[700], *path;
	int folder = (int)(strrchr(subject->path, '/') - subject->path);

	if (suffix == NULL)
		return subject;
	snprintf(name, sizeof(name), "%s-%s", subject->name, suffix);
	for (size_t i = 0; i < s->variants; i++)
		if (strcmp(s->variant[i]->name, name) == 0)
			return s->variant[i];
	more = realloc(s->variant, (s->variants + 1) * sizeof(*more));
	if (more != NULL)
		s->variant = more;
	if (more == NULL || asprintf(&path, "%.*s/%s.so", folder, subject->path, name) < 0) {
		snprintf(error, size, "no memory for subject %s", name);
		return NULL;
	}
	plugin = plugin_load(PLUGIN_SUBJECT, path, said, sizeof(said));
	free(path);
	if (plugin == NULL) {
		snprintf(error, size, "the options of subject %s ask for %s: %s", subject->name, name, said);
		return NULL;
	}
	s->variant[s->variants++] = plugin;
	return plugin;
}

/* As --latency-sample says; unset, as the workload needs it. */
static unsigned
latency_shift_of(const json_t *run, const struct plan *plan)
{
	const json_t *given = json_object_get(run, "latency-sample");

	return json_is_integer(given) ? (unsigned)json_integer_value(given) : plan->pauses ? 0 : SCHEDULE_LATENCY_SHIFT;
}

/* A subject's options; NULL: no memory. What the names of byte strings stand at belongs to the trial, given or not. */
static json_t *
subject_json(const struct subject *subject, const struct option_values *options, const struct plan *plan)
{
	json_t *json = options_json(options);

	if (json == NULL || (subject->flags & SUBJECT_BYTES) == 0 || plan->named)
		return json;
	if ((!option_is_set(options, "key-bytes") &&
	        json_object_set_new(json, "key-bytes", json_string(BYTES_KEY_INITIAL)) != 0) ||
	    (!option_is_set(options, "key-shape") &&
	        json_object_set_new(json, "key-shape", json_string(BYTES_SHAPE_INITIAL)) != 0)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* The options of a point as the record keeps them. */
static char *
point_options(json_t *run, const struct schedule_point *p)
{
	const uint64_t rate = p->rate;
	json_t *all = json_object(), *own = json_copy(run);
	char *text = NULL;

	/* A default that depends on the workload is recorded as what it was. */
	if (own != NULL && json_is_null(json_object_get(own, "latency-sample")) &&
	    json_object_set_new(own, "latency-sample", json_integer((json_int_t)p->latency_shift)) != 0) {
		json_decref(own);
		own = NULL;
	}
	/* Roles are part of what a point is. */
	if (own != NULL && p->plan.readers > 0) {
		char roles[ROLES_TEXT];

		roles_format(p->threads, p->plan.readers, roles);
		if (json_object_set_new(own, "roles", json_string(roles)) != 0) {
			json_decref(own);
			own = NULL;
		}
	}
	/* What a closed loop does not have is not said of it. */
	if (own != NULL && (rate > 0 ? json_object_set_new(own, "rate", json_integer((json_int_t)rate)) :
	        json_object_get(own, "arrival") != NULL && json_object_del(own, "arrival")) != 0) {
		json_decref(own);
		own = NULL;
	}

	/* The new_ forms take NULL as a failure. */
	if (all != NULL && json_object_set_new(all, "run", own) == 0 &&
	    json_object_set_new(all, "subject", subject_json(p->subject->subject, p->subject_options, &p->plan)) == 0 &&
	    json_object_set_new(all, "workload", options_json(p->workload_options)) == 0)
		text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(all);
	return text;
}

static void
point_label(struct schedule_point *p, const char *subject_varies, const char *workload_varies)
{
	const char *parts[] = { p->plan.dist, p->plan.mix, subject_varies, workload_varies };
	size_t used;

	workload_title(p->workload->workload, &p->plan, p->workload_title, sizeof(p->workload_title));
	used = (size_t)snprintf(p->label, sizeof(p->label), "%s %s %u thread%s", p->subject->name,
	    p->workload_title, p->threads, p->threads == 1 ? "" : "s");

	if (p->plan.readers > 0 && used < sizeof(p->label)) {
		char roles[ROLES_TEXT];

		roles_format(p->threads, p->plan.readers, roles);
		used += (size_t)snprintf(p->label + used, sizeof(p->label) - used, " (%s)", roles);
	}
	/* An axis names itself: no need to say its value twice. */
	if (strstr(workload_varies, "dist=") != NULL)
		parts[0] = "";
	if (strstr(workload_varies, "mix=") != NULL)
		parts[1] = "";
	if (p->rate > 0 && used < sizeof(p->label))
		used += (size_t)snprintf(p->label + used, sizeof(p->label) - used, " rate=%" PRIu64, p->rate);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && used < sizeof(p->label); i++)
		if (parts[i][0] != '\0')
			used += (size_t)snprintf(p->label + used, sizeof(p->label) - used, " %s", parts[i]);
}

/* The points of one workload with one set of options on one number of threads: every subject with every set. */
static bool
add_points(struct schedule *s, const struct schedule_source *source, const struct schedule_choice *workload,
    size_t set, size_t threads_at, uint64_t rate, char *error, size_t size)
{
	const struct option_values *options = workload->sets.set[set];
	unsigned threads = ROLES_THREADS(source->threads[threads_at]), readers = ROLES_READERS(source->threads[threads_at]);
	char said[512] = "no reason given", subject_varies[128], workload_varies[128];
	size_t before = s->count;

	options_varied(&workload->sets, set, workload_varies, sizeof(workload_varies));
	for (size_t i = 0; i < source->subjects; i++) {
		const struct schedule_choice *subject = &source->subject[i];
		struct plan plan = { .pool = (subject->plugin->subject->flags & SUBJECT_POOL) != 0,
			.readers = readers };

		if (!workload->plugin->workload->plan(options, threads, &plan, said, sizeof(said)) ||
		    !plan_check(&plan, said, sizeof(said))) {
			snprintf(error, size, "workload %s: %s", workload->plugin->name, said);
			return false;
		}
		/* The plug-in has no say in it. */
		plan.readers = readers;
		if (readers > 0 && !plan.roles) {
			snprintf(error, size, "--threads: workload %s has no readers and writers: all its threads do the same",
			    workload->plugin->name);
			return false;
		}
		for (size_t n = 0; n < subject->sets.count * source->run_sets; n++) {
			struct schedule_point *p = &s->point[s->count];
			size_t k = n / source->run_sets;
			const struct plugin *plugin =
			    variant_of(s, subject->plugin, subject->sets.set[k], error, size);

			if (plugin == NULL)
				return false;
			if (!schedule_needs_met(plugin->subject, workload->plugin, &plan, error, size)) {
				if (!source->leave_out)
					return false;
				continue;
			}
			if (!bytes_check(plugin->subject, subject->sets.set[k], workload->plugin, &plan, error, size))
				return false;
			*p = (struct schedule_point){ .subject = plugin,
				.workload = workload->plugin,
				.subject_options = subject->sets.set[k],
				.workload_options = options,
				.plan = plan,
				.threads = threads,
				.rate = rate,
				.run_set = n % source->run_sets,
				.placement = s->placement[threads_at] };
			p->latency_shift = latency_shift_of(source->run_options[p->run_set], &plan);
			p->options = point_options(source->run_options[p->run_set], p);
			if (p->options == NULL) {
				snprintf(error, size, "no memory for the points of the run");
				return false;
			}
			options_varied(&subject->sets, k, subject_varies, sizeof(subject_varies));
			point_label(p, subject_varies, workload_varies);
			s->count++;
		}
	}
	/* None can: error says why the last one cannot. */
	return s->count > before;
}

static bool
place_threads(struct schedule *s, const struct schedule_source *source, char *error, size_t size)
{
	char said[512];

	s->placement = calloc(source->thread_counts, sizeof(*s->placement));
	if (s->placement == NULL) {
		snprintf(error, size, "no memory for the points of the run");
		return false;
	}
	for (; s->placements < source->thread_counts; s->placements++) {
		unsigned threads = ROLES_THREADS(source->threads[s->placements]);
		struct placement *place = calloc(threads, sizeof(*place));

		if (place == NULL) {
			snprintf(error, size, "no memory for the places of %u threads", threads);
			return false;
		}
		if (!topology_place(source->topology, source->pin, threads, place, said, sizeof(said))) {
			snprintf(error, size, "--pin: %s", said);
			free(place);
			return false;
		}
		/* Not pinned is said by NULL. */
		if (place[0].os_index == PLACEMENT_ANYWHERE) {
			free(place);
			place = NULL;
		}
		s->placement[s->placements] = place;
	}
	return true;
}

bool
schedule_make(struct schedule *s, const struct schedule_source *source, char *error, size_t size)
{
	size_t subject_sets = 0, workload_sets = 0, rates = source->rate_count > 0 ? source->rate_count : 1;

	*s = (struct schedule){ 0 };
	for (size_t i = 0; i < source->subjects; i++)
		subject_sets += source->subject[i].sets.count;
	for (size_t i = 0; i < source->workloads; i++)
		workload_sets += source->workload[i].sets.count;
	s->point = calloc(subject_sets * source->thread_counts * source->run_sets, workload_sets * rates * sizeof(*s->point));
	if (s->point == NULL) {
		snprintf(error, size, "no memory for the points of the run");
		return false;
	}
	if (!place_threads(s, source, error, size)) {
		schedule_free(s);
		return false;
	}
	for (size_t w = 0; w < source->workloads; w++)
		for (size_t set = 0; set < source->workload[w].sets.count; set++)
			for (size_t t = 0; t < source->thread_counts * rates; t++)
				if (!add_points(s, source, &source->workload[w], set, t / rates,
				        source->rate_count > 0 ? source->rates[t % rates] : 0, error, size)) {
					schedule_free(s);
					return false;
				}
	return true;
}

void
schedule_free(struct schedule *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->point[i].options);
	for (size_t i = 0; i < s->placements; i++)
		free(s->placement[i]);
	for (size_t i = 0; i < s->variants; i++)
		plugin_free(s->variant[i]);
	free(s->variant);
	free(s->point);
	free(s->placement);
	*s = (struct schedule){ 0 };
}

bool
schedule_plan(const struct schedule *s, const char *pin, const char *membind, uint64_t seed, char digest[33])
{
	XXH3_state_t *state = XXH3_createState();
	XXH128_hash_t hash;
	char numbers[96];

	if (state == NULL)
		return false;
	XXH3_128bits_reset(state);
	snprintf(numbers, sizeof(numbers), "%" PRIu64, seed);
	/* With their final NULs, so that texts cannot run into each other. */
	XXH3_128bits_update(state, pin, strlen(pin) + 1);
	XXH3_128bits_update(state, membind, strlen(membind) + 1);
	XXH3_128bits_update(state, numbers, strlen(numbers) + 1);
	for (size_t i = 0; i < s->count; i++) {
		const struct schedule_point *p = &s->point[i];
		const char *text[] = { p->subject->name, p->workload_title, p->plan.dist, p->plan.mix, p->options,
			numbers };

		snprintf(numbers, sizeof(numbers), "%u %" PRIu64 " %" PRIu64, p->threads, p->plan.keys,
		    p->plan.prefill);
		for (size_t k = 0; k < sizeof(text) / sizeof(text[0]); k++)
			XXH3_128bits_update(state, text[k], strlen(text[k]) + 1);
	}
	hash = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	snprintf(digest, 33, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
	return true;
}

void
schedule_round(const struct schedule *s, bool random, uint64_t seed, uint64_t round, size_t *order)
{
	struct random draws;

	random_seed(&draws, seed, round);
	for (size_t i = 0; i < s->count; i++)
		order[i] = i;
	/* Fisher and Yates: every order equally likely. */
	for (size_t i = s->count; random && i > 1; i--) {
		size_t k = (size_t)random_below(&draws, i), moved = order[i - 1];

		order[i - 1] = order[k];
		order[k] = moved;
	}
}
