/*
 * plugins.c - a plug-in is somebody else's program: nothing that it says of
 * itself is used before it has been looked at.
 */
#include "harness/plugins.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/bytes.h"
#include "harness/options.h"

#define NAME_MOST 63
#define WORD_MOST 31 /* reclaimer and progress: a column is so wide */
#define TABLE_TYPE(info) ((info) & 0xf) /* ELF32_ST_TYPE and ELF64_ST_TYPE are the same */

const char *const plugin_kind_names[] = { [PLUGIN_SUBJECT] = "subject", [PLUGIN_WORKLOAD] = "workload" };

static const char *const symbols[] = {
	[PLUGIN_SUBJECT] = "hamtbench_subject", [PLUGIN_WORKLOAD] = "hamtbench_workload",
};
static const size_t table_bytes[] = {
	[PLUGIN_SUBJECT] = sizeof(struct subject), [PLUGIN_WORKLOAD] = sizeof(struct workload),
};

/* ---- The folder ---- */

static bool
is_folder(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* The folder of all plug-ins, for free(); NULL and one line in error. */
static char *
plugins_folder(char *error, size_t size)
{
	const char *forced = getenv("HAMTBENCH_PLUGINS");
	char binary[PATH_MAX], *beside = NULL, *folder;
	ssize_t length;

	if (forced != NULL && !is_folder(forced)) {
		snprintf(error, size, "HAMTBENCH_PLUGINS: '%s' is no folder", forced);
		return NULL;
	}
	length = readlink("/proc/self/exe", binary, sizeof(binary) - 1);
	if (forced == NULL && length > 0) {
		binary[length] = '\0';
		*strrchr(binary, '/') = '\0';
		if (asprintf(&beside, "%s/subjects", binary) < 0)
			beside = NULL;
	}
	folder = strdup(forced != NULL ? forced : beside != NULL && is_folder(beside) ? binary : PLUGIN_DIR);
	free(beside);
	if (folder == NULL)
		snprintf(error, size, "no memory for the folder of the plug-ins");
	return folder;
}

/* The folder of one kind: FOLDER/subjects. */
static char *
kind_folder(enum plugin_kind kind, char *error, size_t size)
{
	char *all = plugins_folder(error, size), *path = NULL;

	if (all != NULL && asprintf(&path, "%s/%ss", all, plugin_kind_names[kind]) < 0) {
		snprintf(error, size, "no memory for the folder of the plug-ins");
		path = NULL;
	}
	free(all);
	return path;
}

static bool
name_is_good(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-')
			return false;
	return length > 0 && length <= NAME_MOST && name[0] != '-';
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
by_missing_name(const void *a, const void *b)
{
	return strcmp(((const struct plugin_missing *)a)->name, ((const struct plugin_missing *)b)->name);
}

/* Does file end in suffix? Then its stem is copied to stem. */
static bool
has_suffix(const char *file, const char *suffix, char *stem, size_t size)
{
	size_t length = strlen(file), tail = strlen(suffix);

	if (length <= tail || strcmp(file + length - tail, suffix) != 0 || length - tail >= size)
		return false;
	memcpy(stem, file, length - tail);
	stem[length - tail] = '\0';
	return true;
}

static bool
names_add(struct plugin_names *names, const char *name)
{
	char **more = realloc(names->name, (names->count + 1) * sizeof(*more));

	if (more == NULL)
		return false;
	names->name = more;
	names->name[names->count] = strdup(name);
	return names->name[names->count] != NULL && ++names->count > 0;
}

/* The file says "NAME WHY". One that cannot be read says nothing. */
static bool
names_add_missing(struct plugin_names *names, const char *folder, const char *file, const char *name)
{
	struct plugin_missing *more = realloc(names->missing, (names->missing_count + 1) * sizeof(*more));
	char line[512] = "", *why, *path;
	FILE *in;

	if (more == NULL)
		return false;
	names->missing = more;
	if (asprintf(&path, "%s/%s", folder, file) < 0)
		return false;
	in = fopen(path, "r");
	free(path);
	if (in != NULL) {
		if (fgets(line, sizeof(line), in) == NULL)
			line[0] = '\0';
		fclose(in);
	}
	line[strcspn(line, "\n")] = '\0';
	why = line + strcspn(line, " ");
	why += strspn(why, " ");
	more += names->missing_count;
	*more = (struct plugin_missing){ strdup(name), strdup(why) };
	if (more->name == NULL || more->why == NULL) {
		free(more->name);
		free(more->why);
		return false;
	}
	names->missing_count++;
	return true;
}

/* Everything of interest in a folder. False: no memory. */
static bool
names_read(struct plugin_names *names, const char *folder, DIR *dir)
{
	char stem[NAME_MAX + 1];
	struct dirent *entry;
	bool fine = true;

	while (fine && (entry = readdir(dir)) != NULL)
		if (has_suffix(entry->d_name, ".so", stem, sizeof(stem)))
			fine = names_add(names, stem);
		else if (has_suffix(entry->d_name, ".missing", stem, sizeof(stem)))
			fine = names_add_missing(names, folder, entry->d_name, stem);
	if (names->count > 0)
		qsort(names->name, names->count, sizeof(*names->name), by_name);
	if (names->missing_count > 0)
		qsort(names->missing, names->missing_count, sizeof(*names->missing), by_missing_name);
	return fine;
}

bool
plugins_find(enum plugin_kind kind, struct plugin_names *names, char *error, size_t size)
{
	char *folder = kind_folder(kind, error, size);
	bool fine;
	DIR *dir;

	*names = (struct plugin_names){ 0 };
	if (folder == NULL)
		return false;
	dir = opendir(folder);
	if (dir != NULL) {
		fine = names_read(names, folder, dir);
		closedir(dir);
		if (!fine) {
			snprintf(error, size, "no memory for the plug-ins in %s", folder);
			plugin_names_free(names);
		}
	} else {
		fine = errno == ENOENT;
		if (!fine)
			snprintf(error, size, "%s: %s", folder, strerror(errno));
	}
	free(folder);
	return fine;
}

void
plugin_names_free(struct plugin_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	for (size_t i = 0; i < names->missing_count; i++) {
		free(names->missing[i].name);
		free(names->missing[i].why);
	}
	free(names->name);
	free(names->missing);
	*names = (struct plugin_names){ 0 };
}

/* ---- Checks ---- */

/* One line of printable text, not longer than most. */
static bool
text_is_good(const char *text, size_t most)
{
	if (text == NULL || text[0] == '\0' || strnlen(text, most + 1) > most)
		return false;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* A hook, or another thing that must be there. */
struct need {
	const char *name;
	bool lacks;
};

static bool
needs_met(const struct need *need, size_t count, char *error, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (need[i].lacks) {
			snprintf(error, size, "its hook %s is NULL, but required", need[i].name);
			return false;
		}
	return true;
}

bool
subject_can(const struct subject *s, enum op op)
{
	switch (op) {
	case OP_GET:
		return s->get != NULL;
	case OP_INSERT:
		return s->insert != NULL;
	case OP_UPSERT:
		return s->upsert != NULL;
	case OP_REMOVE:
		return s->remove != NULL;
	case OP_REPLACE:
		return s->replace != NULL;
	case OP_MODIFY:
		return s->modify != NULL;
	case OP_GET_MANY:
		return s->get_many != NULL;
	case OP_SCAN:
		return s->scan != NULL;
	case OP_COUNT:
		break;
	}
	return false;
}

void
workload_title(const struct workload *workload, const struct plan *plan, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", workload->name, plan->variant[0] != '\0' ? ":" : "", plan->variant);
}

static bool
subject_can_anything(const struct subject *s)
{
	for (unsigned op = 0; op < OP_COUNT; op++)
		if (subject_can(s, (enum op)op))
			return true;
	return false;
}

static bool
subject_check(const struct subject *s, char *error, size_t size)
{
	const uint32_t known = SUBJECT_EMPTY | SUBJECT_SINGLE_WRITER | SUBJECT_LEAKS | SUBJECT_OWN_DETACH |
	    SUBJECT_POOL | SUBJECT_EACH_LIVE | SUBJECT_WRONG | SUBJECT_PRESIZED |
	    SUBJECT_BYTES;
	const struct need needs[] = {
		{ "create", s->create == NULL }, { "destroy", s->destroy == NULL },
		{ "attach", s->attach == NULL }, { "detach", s->detach == NULL },
		{ "each", s->each == NULL && (s->flags & SUBJECT_EMPTY) == 0 },
		{ "get, or any other operation", !subject_can_anything(s) },
		{ "release", s->hold != NULL && s->release == NULL },
		{ "hold", s->hold == NULL && s->release != NULL },
	};

	if (!text_is_good(s->reclaimer, WORD_MOST) || !text_is_good(s->progress, WORD_MOST)) {
		snprintf(error, size, "its %s is not one word of 1 to %u characters",
		    text_is_good(s->reclaimer, WORD_MOST) ? "progress" : "reclaimer", WORD_MOST);
		return false;
	}
	if ((s->flags & ~known) != 0) {
		snprintf(error, size, "it has the unknown flags %#x", s->flags & ~known);
		return false;
	}
	return needs_met(needs, sizeof(needs) / sizeof(needs[0]), error, size);
}

static bool
workload_check(const struct workload *w, char *error, size_t size)
{
	const struct need needs[] = {
		{ "plan", w->plan == NULL }, { "loop", w->loop == NULL },
		{ "teardown", w->setup != NULL && w->teardown == NULL },
		{ "setup", w->setup == NULL && w->teardown != NULL },
		{ "end", w->begin != NULL && w->end == NULL },
		{ "begin", w->begin == NULL && w->end != NULL },
	};

	return needs_met(needs, sizeof(needs) / sizeof(needs[0]), error, size);
}

/* The table behind a symbol: of which size and version? Its first member is the version. */
static bool
table_check(enum plugin_kind kind, const void *table, char *error, size_t size)
{
	void *found = NULL;
	const ElfW(Sym) *symbol;
	uint32_t version;
	Dl_info info;

	symbol = dladdr1(table, &info, &found, RTLD_DL_SYMENT) != 0 ? found : NULL;
	if (symbol != NULL && (TABLE_TYPE(symbol->st_info) != STT_OBJECT || symbol->st_size < sizeof(version))) {
		snprintf(error, size, "its %s is no struct %s", symbols[kind], plugin_kind_names[kind]);
		return false;
	}
	memcpy(&version, table, sizeof(version));
	if (version != PLUGIN_VERSION) {
		snprintf(error, size, "it speaks plug-in version %u, this hamtbench %u", version, PLUGIN_VERSION);
		return false;
	}
	/* More is fine: AddressSanitizer puts its red zone behind the table and counts it in. */
	if (symbol != NULL && symbol->st_size < table_bytes[kind]) {
		snprintf(error, size, "its %s has only %zu bytes, a struct %s has %zu", symbols[kind],
		    (size_t)symbol->st_size, plugin_kind_names[kind], table_bytes[kind]);
		return false;
	}
	return true;
}

/* Its own options and those of all subjects of byte strings. False: no memory. */
static bool
join_options(struct plugin *p)
{
	size_t own = 0, more = 0;

	while (p->options != NULL && p->options[own].name != NULL)
		own++;
	while (bytes_options[more].name != NULL)
		more++;
	p->joined = calloc(own + more + 1, sizeof(*p->joined));
	if (p->joined == NULL)
		return false;
	if (own > 0)
		memcpy(p->joined, p->options, own * sizeof(*p->joined));
	memcpy(p->joined + own, bytes_options, more * sizeof(*p->joined));
	p->options = p->joined;
	return true;
}

static bool
plugin_check(struct plugin *p, const void *table, char *error, size_t size)
{
	char said[512] = "";

	if (!table_check(p->kind, table, error, size))
		return false;
	if (p->kind == PLUGIN_SUBJECT) {
		p->subject = table;
		p->name = p->subject->name;
		p->help = p->subject->help;
		p->options = p->subject->options;
	} else {
		p->workload = table;
		p->name = p->workload->name;
		p->help = p->workload->help;
		p->options = p->workload->options;
	}
	if (!text_is_good(p->name, NAME_MOST) || !name_is_good(p->name)) {
		snprintf(error, size, "its name is not 1 to %u letters, digits and dashes", NAME_MOST);
		return false;
	}
	if (!text_is_good(p->help, 400)) {
		snprintf(error, size, "its help is not one line of 1 to 400 characters");
		return false;
	}
	if (!(p->kind == PLUGIN_SUBJECT ? subject_check(p->subject, error, size) :
	        workload_check(p->workload, error, size)))
		return false;
	if (p->kind == PLUGIN_SUBJECT && (p->subject->flags & SUBJECT_BYTES) != 0 && !join_options(p)) {
		snprintf(error, size, "no memory for its options");
		return false;
	}
	if (!options_table_check(p->options, said, sizeof(said))) {
		snprintf(error, size, "its options cannot be used: %s", said);
		return false;
	}
	return true;
}

/* ---- Loading ---- */

/* ", a, b, c" without the first comma; what does not fit is left out, and said so. */
static void
join_names(const struct plugin_names *names, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < names->count; i++) {
		if (used + strlen(names->name[i]) + 8 > size) {
			snprintf(text + used, size - used, " ...");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", names->name[i]);
	}
}

/* Says that there is no plug-in of that name, and what there is. */
static void
say_not_found(enum plugin_kind kind, const char *name, const struct plugin_names *names, const char *folder,
    char *error, size_t size)
{
	const char *word = plugin_kind_names[kind];
	char there[600];

	for (size_t i = 0; i < names->missing_count; i++)
		if (strcmp(names->missing[i].name, name) == 0) {
			snprintf(error, size, "%s '%s' is not built: %s", word, name,
			    names->missing[i].why);
			return;
		}
	join_names(names, there, sizeof(there));
	if (names->count > 0)
		snprintf(error, size, "no %s '%s'; there are %s", word, name, there);
	else
		snprintf(error, size, "no %s '%s'; there are none in %s", word, name, folder);
}

/* The path of a plug-in that comes with hamtbench, for free(); NULL and one line in error. */
static char *
find_named(enum plugin_kind kind, const char *name, char *error, size_t size)
{
	struct plugin_names names;
	char *folder, *path = NULL;

	if (!plugins_find(kind, &names, error, size))
		return NULL;
	folder = kind_folder(kind, error, size);
	for (size_t i = 0; folder != NULL && i < names.count; i++)
		if (strcmp(names.name[i], name) == 0) {
			if (asprintf(&path, "%s/%s.so", folder, name) < 0) {
				snprintf(error, size, "no memory for the path of %s '%s'",
				    plugin_kind_names[kind], name);
				path = NULL;
			}
			goto out;
		}
	if (folder != NULL)
		say_not_found(kind, name, &names, folder, error, size);
out:
	free(folder);
	plugin_names_free(&names);
	return path;
}

/* What dlerror() says, without the path that starts it. */
static const char *
load_error(const char *path)
{
	const char *said = dlerror();
	size_t length = strlen(path);

	if (said == NULL)
		return "no reason given";
	if (strncmp(said, path, length) == 0 && strncmp(said + length, ": ", 2) == 0)
		return said + length + 2;
	return said;
}

/* The table in the file at path; NULL and one line in error. */
static const void *
open_table(enum plugin_kind kind, const char *path, char *error, size_t size)
{
	enum plugin_kind other = kind == PLUGIN_SUBJECT ? PLUGIN_WORKLOAD : PLUGIN_SUBJECT;
	const void *table;
	struct stat s;
	void *object;

	if (stat(path, &s) != 0) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(s.st_mode)) {
		snprintf(error, size, "%s: it is no file", path);
		return NULL;
	}
	/* NOW: a symbol that is missing shows here and not in the middle of a trial. */
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL) {
		snprintf(error, size, "%s: not a shared object that can be loaded: %s", path, load_error(path));
		return NULL;
	}
	table = dlsym(object, symbols[kind]);
	if (table == NULL && dlsym(object, symbols[other]) != NULL)
		snprintf(
		    error, size, "%s: no %s in it; it is a %s", path, symbols[kind], plugin_kind_names[other]);
	else if (table == NULL)
		snprintf(error, size, "%s: no %s in it", path, symbols[kind]);
	return table;
}

struct plugin *
plugin_load(enum plugin_kind kind, const char *what, char *error, size_t size)
{
	bool is_path = strchr(what, '/') != NULL;
	struct plugin *p = calloc(1, sizeof(*p));
	char said[700];
	const void *table;

	if (p == NULL) {
		snprintf(error, size, "no memory for %s '%s'", plugin_kind_names[kind], what);
		return NULL;
	}
	p->kind = kind;
	p->path = is_path ? strdup(what) : find_named(kind, what, error, size);
	if (p->path == NULL) {
		if (is_path)
			snprintf(error, size, "no memory for %s '%s'", plugin_kind_names[kind], what);
		goto failed;
	}
	table = open_table(kind, p->path, error, size);
	if (table == NULL)
		goto failed;
	if (!plugin_check(p, table, said, sizeof(said))) {
		snprintf(error, size, "%s: %s", p->path, said);
		goto failed;
	}
	if (!is_path && strcmp(p->name, what) != 0) {
		snprintf(
		    error, size, "%s: its name is '%s', so the file must be %s.so", p->path, p->name, p->name);
		goto failed;
	}
	snprintf(p->title, sizeof(p->title), "%s %s", plugin_kind_names[kind], p->name);
	return p;
failed:
	plugin_free(p);
	return NULL;
}

void
plugin_free(struct plugin *plugin)
{
	if (plugin == NULL)
		return;
	free(plugin->joined);
	free(plugin->path);
	free(plugin);
}
