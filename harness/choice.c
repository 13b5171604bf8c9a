/*
 * choice.c - which plug-ins a command line names.
 */
#include "harness/choice.h"

#include <string.h>
#include <unistd.h>

struct choosing {
	struct choice *choice;
	enum plugin_kind kind;
};

static bool
choose_one(struct choice *c, enum plugin_kind kind, const char *what)
{
	struct schedule_choice **list = kind == PLUGIN_SUBJECT ? &c->subject : &c->workload, *more;
	size_t *count = kind == PLUGIN_SUBJECT ? &c->subjects : &c->workloads;
	const char *word = plugin_kind_names[kind];
	char said[ERROR_SIZE - 64];
	struct plugin *plugin = plugin_load(kind, what, said, sizeof(said));

	if (plugin == NULL) {
		snprintf(c->error, sizeof(c->error), "--%s: %s", word, said);
		return false;
	}
	for (size_t i = 0; i < *count; i++)
		if (strcmp((*list)[i].plugin->name, plugin->name) == 0) {
			snprintf(c->error, sizeof(c->error), "--%s: '%s' is given twice", word, plugin->name);
			plugin_free(plugin);
			return false;
		}
	more = realloc(*list, (*count + 1) * sizeof(*more));
	if (more == NULL) {
		snprintf(c->error, sizeof(c->error), "--%s: no memory", word);
		plugin_free(plugin);
		return false;
	}
	*list = more;
	(*list)[(*count)++] = (struct schedule_choice){ .plugin = plugin };
	return true;
}

static bool
has_variants(const struct plugin *plugin)
{
	for (const struct plugin_option *o = plugin->options; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, plugin->name) == 0 && o->type == OPTION_TEXT)
			return true;
	return false;
}

/* NAME:VARIANT: the workload, unless it is there because of another variant, and a value of its option. */
static bool
choose_variant(struct choice *c, char *name, const char *variant)
{
	const struct plugin *plugin = NULL;
	struct option_text *more;
	bool known = false;

	for (size_t i = 0; i < c->values; i++)
		known = known || strcmp(c->value[i].name, name) == 0;
	if (!known && !choose_one(c, PLUGIN_WORKLOAD, name))
		return false;
	for (size_t i = 0; i < c->workloads; i++)
		if (strcmp(c->workload[i].plugin->name, name) == 0)
			plugin = c->workload[i].plugin;
	if (plugin == NULL || !has_variants(plugin)) {
		snprintf(c->error, sizeof(c->error), "--workload: %s has no variants such as '%s'", name, variant);
		return false;
	}
	more = realloc(c->value, (c->values + 1) * sizeof(*more));
	if (more != NULL) {
		c->value = more;
		c->value[c->values] = (struct option_text){ plugin->name, strdup(variant) };
	}
	if (more == NULL || c->value[c->values].text == NULL) {
		snprintf(c->error, sizeof(c->error), "--workload: no memory");
		return false;
	}
	c->values++;
	return true;
}

/* One word of the list. */
static bool
choose_word(struct choice *c, enum plugin_kind kind, char *word)
{
	char *colon = kind == PLUGIN_WORKLOAD && strchr(word, '/') == NULL ? strchr(word, ':') : NULL;

	if (colon == NULL)
		return choose_one(c, kind, word);
	*colon = '\0';
	return choose_variant(c, word, colon + 1);
}

/* The value of --subject or --workload: a list, or one path that happens to have commas. */
static bool
choose_list(void *arg, const char *text)
{
	const struct choosing *choosing = arg;
	struct choice *c = choosing->choice;

	if (strchr(text, '/') != NULL && access(text, F_OK) == 0)
		return choose_one(c, choosing->kind, text);
	for (;; text++) {
		size_t length = strcspn(text, ",");
		char *what = strndup(text, length);
		bool fine;

		if (what == NULL) {
			snprintf(c->error, sizeof(c->error), "--%s: no memory",
			    plugin_kind_names[choosing->kind]);
			return false;
		}
		fine = choose_word(c, choosing->kind, what);
		free(what);
		if (!fine)
			return false;
		text += length;
		if (*text == '\0')
			return true;
	}
}

static bool
choose_all_subjects(struct choice *c)
{
	struct plugin_names names;
	char said[ERROR_SIZE - 64];
	bool fine = true;

	if (!plugins_find(PLUGIN_SUBJECT, &names, said, sizeof(said))) {
		snprintf(c->error, sizeof(c->error), "--subject: %s", said);
		return false;
	}
	for (size_t i = 0; i < names.count && fine; i++) {
		fine = choose_one(c, PLUGIN_SUBJECT, names.name[i]);
		if (fine && (c->subject[c->subjects - 1].plugin->subject->flags & SUBJECT_WRONG) != 0)
			plugin_free(c->subject[--c->subjects].plugin);
	}
	if (names.count == 0) {
		snprintf(c->error, sizeof(c->error), "--subject: none is built; name one by its path");
		fine = false;
	}
	plugin_names_free(&names);
	return fine;
}

bool
choose(struct choice *c, int argc, char **argv)
{
	struct choosing subjects = { c, PLUGIN_SUBJECT }, workloads = { c, PLUGIN_WORKLOAD };

	if (!command_line_peek(argc, argv, plugin_kind_names[PLUGIN_SUBJECT], choose_list, &subjects) ||
	    !command_line_peek(argc, argv, plugin_kind_names[PLUGIN_WORKLOAD], choose_list, &workloads))
		return false;
	c->unnamed = c->subjects == 0;
	return (!c->unnamed || choose_all_subjects(c)) &&
	    (c->workloads > 0 || choose_one(c, PLUGIN_WORKLOAD, "mixed"));
}

static void
choices_free(struct schedule_choice *choice, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		option_sets_free(&choice[i].sets);
		plugin_free(choice[i].plugin);
	}
	free(choice);
}

void
choice_free(struct choice *c)
{
	choices_free(c->subject, c->subjects);
	choices_free(c->workload, c->workloads);
	for (size_t i = 0; i < c->values; i++)
		free(c->value[i].text);
	free(c->value);
}
