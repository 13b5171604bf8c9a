/*
 * environment.c - readings from /proc, /sys, the build and the system calls,
 * put into one JSON document. Each reading is a small function that gives a
 * JSON value, or null where there is nothing to read.
 */
#include "harness/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <gnu/libc-version.h>
#include <jansson.h>
#include <linux/membarrier.h>
#include <xxhash.h>

#include "buildinfo.h"

#define PATH_BYTES 4096

/* jemalloc's, if that is what is linked. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size)
    __attribute__((weak));

struct capture {
	const char *root;
	bool no_memory; /* once some value could not be made */
};

/* Making values */

static json_t *
made(struct capture *c, json_t *value)
{
	c->no_memory = c->no_memory || value == NULL;
	return value;
}

static void
set(struct capture *c, json_t *object, const char *key, json_t *value)
{
	/* Takes value over, and fails if it, or object, is NULL. */
	if (json_object_set_new(object, key, value) != 0)
		c->no_memory = true;
}

/* plain - only printable ASCII stays: JSON takes no other bytes as they come. */
static void
plain(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			*text = '?';
}

/* taken - text, which is freed, or null if it is NULL. */
static json_t *
taken(struct capture *c, char *text)
{
	json_t *value;

	if (text == NULL)
		return json_null();
	plain(text);
	value = made(c, json_string(text));
	free(text);
	return value;
}

static json_t *
text_value(struct capture *c, const char *text)
{
	char *copy = strdup(text);

	return copy == NULL ? made(c, NULL) : taken(c, copy);
}

/* known - a number, or null for 0. */
static json_t *
known(struct capture *c, uint64_t number)
{
	return number == 0 ? json_null() : made(c, json_integer((json_int_t)number));
}

/* hash_value - 64 bits in hexadecimal, so that no reader rounds them. */
static json_t *
hash_value(struct capture *c, uint64_t hash)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, hash);
	return made(c, json_string(text));
}

/* Reading files */

static FILE *open_below(const struct capture *c, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static FILE *
open_below(const struct capture *c, const char *format, va_list arguments)
{
	char path[PATH_BYTES];
	int at = snprintf(path, sizeof(path), "%s", c->root);
	int more = at < 0 || at >= PATH_BYTES ? PATH_BYTES :
	    vsnprintf(path + at, sizeof(path) - (size_t)at, format, arguments);

	return more < 0 || at + more >= PATH_BYTES ? NULL : fopen(path, "re");
}

static char *read_line(const struct capture *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* read_line - the first line of a file; NULL: not readable, or empty. */
static char *
read_line(const struct capture *c, const char *format, ...)
{
	char *line = NULL;
	size_t room = 0;
	va_list arguments;
	FILE *file;
	ssize_t length;

	va_start(arguments, format);
	file = open_below(c, format, arguments);
	va_end(arguments);
	if (file == NULL)
		return NULL;
	length = getline(&line, &room, file);
	fclose(file);
	if (length > 0 && line[length - 1] == '\n')
		line[--length] = '\0';
	if (length > 0)
		return line;
	free(line);
	return NULL;
}

/* read_field - of a file of lines "key : value", the first value of key; NULL: none. */
static char *
read_field(const struct capture *c, const char *path, const char *key)
{
	char name[PATH_BYTES], *line = NULL, *found = NULL;
	size_t room = 0;
	ssize_t length;
	FILE *file;

	if (snprintf(name, sizeof(name), "%s%s", c->root, path) >= PATH_BYTES ||
	    (file = fopen(name, "re")) == NULL)
		return NULL;
	while (found == NULL && (length = getline(&line, &room, file)) > 0) {
		char *value = line + strlen(key);

		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		value += strspn(value, " \t");
		if (*value == ':')
			found = strdup(value + 1 + strspn(value + 1, " \t"));
	}
	free(line);
	fclose(file);
	return found;
}

/* hash_file - XXH64 of a file's bytes. False: errno says why. */
static bool
hash_file(const char *path, uint64_t *hash)
{
	XXH64_state_t *state = XXH64_createState();
	unsigned char buffer[65536];
	ssize_t n = -1;
	int file, number;

	if (state == NULL) {
		errno = ENOMEM;
		return false;
	}
	XXH64_reset(state, 0);
	file = open(path, O_RDONLY | O_CLOEXEC);
	while (file >= 0 && ((n = read(file, buffer, sizeof(buffer))) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			XXH64_update(state, buffer, (size_t)n);
	number = errno;
	*hash = XXH64_digest(state);
	XXH64_freeState(state);
	if (file >= 0)
		close(file);
	errno = number;
	return n == 0;
}

/* The sections */

static json_t *
build_section(struct capture *c)
{
	json_t *o = made(c, json_object());
	uint64_t hash;

	set(c, o, "revision",
	    strcmp(BUILD_REVISION, "unknown") == 0 ? json_null() : text_value(c, BUILD_REVISION));
	set(c, o, "dirty", json_boolean(BUILD_DIRTY));
	set(c, o, "compiler", text_value(c, BUILD_COMPILER));
	set(c, o, "flags", text_value(c, BUILD_FLAGS));
	set(c, o, "variant", text_value(c, BUILD_VARIANT));
	set(c, o, "binary_xxh64", hash_file("/proc/self/exe", &hash) ? hash_value(c, hash) : json_null());
	return o;
}

static json_t *
allocator_section(struct capture *c)
{
	json_t *o = made(c, json_object());
	const char *version = NULL;
	size_t size = sizeof(version);

	set(c, o, "name", text_value(c, BUILD_ALLOCATOR));
	if (mallctl == NULL || mallctl("version", &version, &size, NULL, 0) != 0)
		version = NULL;
	set(c, o, "version", version == NULL ? json_null() : text_value(c, version));
	return o;
}

struct plugin_file {
	const char *path;
	const char *name; /* the last part of path: a folder's name may be private */
	uint64_t hash;
};

static int
compare_plugins(const void *left, const void *right)
{
	const struct plugin_file *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : (a->hash > b->hash) - (a->hash < b->hash);
}

/* plugins_section - NULL and an error: a file cannot be read. */
static json_t *
plugins_section(struct capture *c, const char *const *paths, char *error, size_t size)
{
	json_t *list = made(c, json_array());
	struct plugin_file *file;
	size_t n = 0;

	while (paths[n] != NULL)
		n++;
	file = calloc(n + 1, sizeof(*file));
	c->no_memory = c->no_memory || file == NULL;
	for (size_t i = 0; file != NULL && i < n; i++) {
		const char *slash = strrchr(paths[i], '/');

		file[i].path = paths[i];
		file[i].name = slash != NULL ? slash + 1 : paths[i];
		if (!hash_file(paths[i], &file[i].hash)) {
			snprintf(error, size, "%s: %s", paths[i], strerror(errno));
			free(file);
			json_decref(list);
			return NULL;
		}
	}
	if (file != NULL && n > 0)
		qsort(file, n, sizeof(*file), compare_plugins);
	for (size_t i = 0; file != NULL && i < n; i++) {
		json_t *o = made(c, json_object());

		set(c, o, "file", text_value(c, file[i].name));
		set(c, o, "xxh64", hash_value(c, file[i].hash));
		if (json_array_append_new(list, o) != 0)
			c->no_memory = true;
	}
	free(file);
	return list;
}

/* has_word - is word one of the words of list, which commas separate? */
static bool
has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list != NULL; list = strchr(list, ',')) {
		list += *list == ',';
		if (strncmp(list, word, length) == 0 && (list[length] == ',' || list[length] == '\0'))
			return true;
	}
	return false;
}

/* governors - all that are in use, each once, with commas between. */
static json_t *
governors(struct capture *c)
{
	char pattern[PATH_BYTES], all[256] = "";
	size_t root = strlen(c->root);
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/sys/devices/system/cpu/cpufreq/policy*/scaling_governor", c->root);
	if (glob(pattern, 0, NULL, &found) != 0)
		return json_null();
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *name = read_line(c, "%s", found.gl_pathv[i] + root);
		size_t length = strlen(all);

		if (name != NULL && !has_word(all, name))
			snprintf(all + length, sizeof(all) - length, "%s%s", length > 0 ? "," : "", name);
		free(name);
	}
	globfree(&found);
	return all[0] != '\0' ? text_value(c, all) : json_null();
}

/* boost - may a core go above its base clock? cpufreq says yes, intel_pstate says no to no. */
static json_t *
boost(struct capture *c)
{
	char *text = read_line(c, "/sys/devices/system/cpu/cpufreq/boost");
	json_t *value = json_null();
	const char *yes = "1", *no = "0";

	if (text == NULL) {
		text = read_line(c, "/sys/devices/system/cpu/intel_pstate/no_turbo");
		yes = "0";
		no = "1";
	}
	if (text != NULL && strcmp(text, yes) == 0)
		value = json_true();
	else if (text != NULL && strcmp(text, no) == 0)
		value = json_false();
	free(text);
	return value;
}

static json_t *
mitigations(struct capture *c)
{
	char pattern[PATH_BYTES];
	size_t root = strlen(c->root);
	json_t *o;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/sys/devices/system/cpu/vulnerabilities/*", c->root);
	if (glob(pattern, 0, NULL, &found) != 0)
		return json_null();
	o = made(c, json_object());
	for (size_t i = 0; i < found.gl_pathc; i++)
		set(c, o, strrchr(found.gl_pathv[i], '/') + 1,
		    taken(c, read_line(c, "%s", found.gl_pathv[i] + root)));
	globfree(&found);
	return o;
}

static json_t *
cpu_section(struct capture *c, const struct topology_summary *t)
{
	json_t *o = made(c, json_object());

	set(c, o, "model", taken(c, read_field(c, "/proc/cpuinfo", "model name")));
	set(c, o, "microcode", taken(c, read_field(c, "/proc/cpuinfo", "microcode")));
	set(c, o, "packages", known(c, t->packages));
	set(c, o, "cores", known(c, t->cores));
	set(c, o, "pus", known(c, t->pus));
	set(c, o, "allowed_pus", known(c, t->allowed_pus));
	set(c, o, "allowed", taken(c, read_field(c, "/proc/self/status", "Cpus_allowed_list")));
	set(c, o, "numa_nodes", known(c, t->numa_nodes));
	set(c, o, "smt", t->pus == 0 ? json_null() : json_boolean(t->smt));
	set(c, o, "smt_control", taken(c, read_line(c, "/sys/devices/system/cpu/smt/control")));
	set(c, o, "l1d_bytes", known(c, t->l1d_bytes));
	set(c, o, "l2_bytes", known(c, t->l2_bytes));
	set(c, o, "l3_bytes", known(c, t->l3_bytes));
	set(c, o, "governor", governors(c));
	set(c, o, "boost", boost(c));
	set(c, o, "mitigations", mitigations(c));
	return o;
}

/* huge_pages - "always [madvise] never": the word in brackets. */
static json_t *
huge_pages(struct capture *c)
{
	char *line = read_line(c, "/sys/kernel/mm/transparent_hugepage/enabled");
	char *open = line != NULL ? strchr(line, '[') : NULL, *close = open != NULL ? strchr(open, ']') : NULL;
	json_t *value;

	if (close == NULL) {
		free(line);
		return json_null();
	}
	*close = '\0';
	value = text_value(c, open + 1);
	free(line);
	return value;
}

static json_t *
memory_section(struct capture *c)
{
	json_t *o = made(c, json_object());
	char *total = read_field(c, "/proc/meminfo", "MemTotal");

	/* "2014320 kB", and kB is 1024 bytes here. */
	set(c, o, "total_bytes", known(c, total != NULL ? strtoull(total, NULL, 10) * 1024 : 0));
	free(total);
	set(c, o, "transparent_hugepages", huge_pages(c));
	return o;
}

static json_t *
kernel_section(struct capture *c)
{
	json_t *o = made(c, json_object());
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	struct utsname name;
	bool named = uname(&name) == 0;

	set(c, o, "name", named ? text_value(c, name.sysname) : json_null());
	set(c, o, "release", named ? text_value(c, name.release) : json_null());
	set(c, o, "version", named ? text_value(c, name.version) : json_null());
	set(c, o, "machine", named ? text_value(c, name.machine) : json_null());
	set(c, o, "clocksource",
	    taken(c, read_line(c, "/sys/devices/system/clocksource/clocksource0/current_clocksource")));
	/* Refused, by an old kernel or a sandbox, is not available. */
	set(c, o, "membarrier",
	    json_boolean(commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0));
	return o;
}

/* quota_v2 - "150000 100000" in cpu.max: CPUs; INFINITY: "max", or no such file. */
static double
quota_v2(const struct capture *c, const char *mount, const char *path)
{
	char *line = read_line(c, "/sys/fs/cgroup/%s%s/cpu.max", mount, path);
	double quota, period, cpus = INFINITY;

	if (line != NULL && sscanf(line, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0)
		cpus = quota / period;
	free(line);
	return cpus;
}

/* quota_v1 - the same from its two files; a quota of -1 is none. */
static double
quota_v1(const struct capture *c, const char *mount, const char *path)
{
	char *quota = read_line(c, "/sys/fs/cgroup/%s%s/cpu.cfs_quota_us", mount, path);
	char *period = read_line(c, "/sys/fs/cgroup/%s%s/cpu.cfs_period_us", mount, path);
	double cpus = INFINITY;

	if (quota != NULL && period != NULL && atof(quota) > 0 && atof(period) > 0)
		cpus = atof(quota) / atof(period);
	free(quota);
	free(period);
	return cpus;
}

/* tightest - the lowest quota of the group at path and all above it; path is used up. */
static double
tightest(const struct capture *c, double (*quota)(const struct capture *, const char *, const char *),
    const char *mount, char *path)
{
	double cpus = INFINITY;

	for (;;) {
		char *slash;

		if (strcmp(path, "/") == 0)
			*path = '\0';
		cpus = fmin(cpus, quota(c, mount, path));
		slash = strrchr(path, '/');
		if (slash == NULL)
			return cpus;
		*slash = '\0';
	}
}

static bool
is_there(const struct capture *c, const char *below)
{
	char path[PATH_BYTES];

	return snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s", c->root, below) < PATH_BYTES &&
	    access(path, F_OK) == 0;
}

/*
 * find_cgroup - this process's group for processor time, from the lines
 * "number:controllers:path" of /proc/self/cgroup. Version 2 has one line with
 * no controllers; where version 1 has the cpu controller, it is the one that counts.
 * Returns   1 or 2 and the path; 0: not readable.
 */
static int
find_cgroup(const struct capture *c, char *path, size_t size)
{
	char name[PATH_BYTES], *line = NULL;
	size_t room = 0;
	int version = 0;
	FILE *file;

	if (snprintf(name, sizeof(name), "%s/proc/self/cgroup", c->root) >= PATH_BYTES ||
	    (file = fopen(name, "re")) == NULL)
		return 0;
	while (version != 1 && getline(&line, &room, file) > 0) {
		char *controllers = strchr(line, ':');
		char *at = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

		if (at == NULL)
			continue;
		controllers++;
		*at++ = '\0';
		at[strcspn(at, "\n")] = '\0';
		if (*controllers != '\0' && !has_word(controllers, "cpu"))
			continue;
		version = *controllers == '\0' ? 2 : 1;
		snprintf(path, size, "%s", at);
	}
	free(line);
	fclose(file);
	return version;
}

static json_t *
cgroup_section(struct capture *c)
{
	char path[PATH_BYTES] = "";
	int version = find_cgroup(c, path, sizeof(path));
	double cpus;
	json_t *o;

	if (version == 1 && is_there(c, "cpu"))
		cpus = tightest(c, quota_v1, "cpu", path);
	else if (version == 2 && is_there(c, "cgroup.controllers"))
		cpus = tightest(c, quota_v2, "", path);
	else if (version == 2 && is_there(c, "unified/cgroup.controllers"))
		cpus = tightest(c, quota_v2, "unified", path);
	else
		return json_null();
	o = made(c, json_object());
	set(c, o, "version", made(c, json_integer(version)));
	set(c, o, "cpu_quota", isinf(cpus) ? json_null() : made(c, json_real(cpus)));
	return o;
}

static json_t *
clock_section(struct capture *c, const struct clock *clock)
{
	json_t *o = made(c, json_object());

	set(c, o, "name", text_value(c, clock_name(clock)));
	set(c, o, "cost_ns", made(c, json_integer((json_int_t)llround(clock_cost_ns(clock)))));
	return o;
}

static void
set_id(struct environment *e)
{
	XXH128_hash_t hash = XXH3_128bits(e->json, strlen(e->json));

	snprintf(e->id, sizeof(e->id), "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
}

void
environment_adopt(struct environment *e, char *json)
{
	e->json = json;
	set_id(e);
}

bool
environment_capture_from(const char *root, struct environment *e, const struct topology_summary *topology,
    const struct clock *clock, const char *const *plugin_paths, char *error, size_t size)
{
	struct capture c = { .root = root };
	json_t *document = made(&c, json_object()), *plugins;
	char libc[64];

	*e = (struct environment){ .json = NULL };
	plugins = plugins_section(&c, plugin_paths, error, size);
	if (plugins == NULL && !c.no_memory) {
		json_decref(document);
		return false;
	}
	set(&c, document, "plugins", plugins);
	set(&c, document, "build", build_section(&c));
	set(&c, document, "allocator", allocator_section(&c));
	set(&c, document, "cpu", cpu_section(&c, topology));
	set(&c, document, "memory", memory_section(&c));
	set(&c, document, "kernel", kernel_section(&c));
	set(&c, document, "cgroup", cgroup_section(&c));
	set(&c, document, "clock", clock_section(&c, clock));
	snprintf(libc, sizeof(libc), "glibc %s", gnu_get_libc_version());
	set(&c, document, "libc", text_value(&c, libc));
	if (!c.no_memory)
		e->json = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
	json_decref(document);
	if (e->json == NULL) {
		snprintf(error, size, "no memory for the environment");
		return false;
	}
	set_id(e);
	return true;
}

bool
environment_capture(struct environment *e, const struct topology_summary *topology, const struct clock *clock,
    const char *const *plugin_paths, char *error, size_t size)
{
	return environment_capture_from("", e, topology, clock, plugin_paths, error, size);
}

void
environment_free(struct environment *e)
{
	free(e->json);
	*e = (struct environment){ .json = NULL };
}

/* For people */

static const json_t *
at(const json_t *document, const char *section, const char *key)
{
	return json_object_get(json_object_get(document, section), key);
}

/* text_at - "" where there is none. */
static const char *
text_at(const json_t *document, const char *section, const char *key)
{
	const char *text = json_string_value(at(document, section, key));

	return text != NULL ? text : "";
}

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
append(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + length, size - length, format, arguments);
	va_end(arguments);
}

/* separate - a comma, unless the text is only beginning. */
static void
separate(char *text, size_t size)
{
	if (text[0] != '\0')
		append(text, size, ", ");
}

/* append_compiler - "gcc (Debian 12.2.0-14) 12.2.0" as "gcc 12.2.0": the word that is only digits and dots. */
static void
append_compiler(char *text, size_t size, const char *compiler)
{
	const char *version = compiler;
	int length = 0;

	while (*version != '\0') {
		length = (int)strspn(version, "0123456789.");
		if (length > 0 && (version[length] == ' ' || version[length] == '\0'))
			break;
		length = 0;
		version += strcspn(version, " ");
		version += strspn(version, " ");
	}
	if (strstr(compiler, "clang") != NULL)
		append(text, size, "clang %.*s", length, version);
	else
		append(text, size, "%.*s %.*s", (int)strcspn(compiler, " "), compiler, length, version);
}

/* append_flags - of the compiler's flags those that change speed. */
static void
append_flags(char *text, size_t size, const char *flags)
{
	while (*flags != '\0') {
		int length = (int)strcspn(flags, " ");

		if (strncmp(flags, "-O", 2) == 0 || strncmp(flags, "-m", 2) == 0 ||
		    strncmp(flags, "-fsan", 5) == 0 || strncmp(flags, "-flto", 5) == 0)
			append(text, size, " %.*s", length, flags);
		flags += length;
		flags += strspn(flags, " ");
	}
}

static void
append_machine(char *text, size_t size, const json_t *document)
{
	json_int_t cores = json_integer_value(at(document, "cpu", "cores"));
	json_int_t pus = json_integer_value(at(document, "cpu", "pus"));
	const char *release = text_at(document, "kernel", "release");
	size_t minor = strcspn(release, ".");

	append(text, size, "%s", text_at(document, "cpu", "model"));
	if (cores > 0) {
		separate(text, size);
		append(text, size, "%lld core%s", (long long)cores, cores > 1 ? "s" : "");
	}
	if (cores > 0 && pus > cores)
		append(text, size, " (%lld PUs)", (long long)pus);
	if (cores == 0 && pus > 0) {
		separate(text, size);
		append(text, size, "%lld PUs", (long long)pus);
	}
	if (release[0] == '\0')
		return;
	/* Up to what follows the minor number. */
	if (release[minor] == '.')
		minor += 1 + strspn(release + minor + 1, "0123456789");
	separate(text, size);
	append(text, size, "%s %.*s", text_at(document, "kernel", "name"), (int)minor, release);
}

void
environment_summary(const struct environment *e, char *text, size_t size)
{
	json_t *document = e->json != NULL ? json_loads(e->json, 0, NULL) : NULL;
	const char *allocator = text_at(document, "allocator", "name");
	const char *version = text_at(document, "allocator", "version");
	const char *libc = json_string_value(json_object_get(document, "libc"));

	if (size == 0)
		return;
	text[0] = '\0';
	append_machine(text, size, document);
	if (text_at(document, "build", "compiler")[0] != '\0') {
		separate(text, size);
		append_compiler(text, size, text_at(document, "build", "compiler"));
		append_flags(text, size, text_at(document, "build", "flags"));
	}
	if (version[0] != '\0') {
		/* jemalloc adds its commit: "5.3.0-0-g54eaed1d". */
		separate(text, size);
		append(text, size, "%s %.*s", allocator, (int)strcspn(version, "-"), version);
	} else if (libc != NULL) {
		separate(text, size);
		append(text, size, "%s", libc);
	}
	if (text_at(document, "clock", "name")[0] != '\0') {
		separate(text, size);
		append(text, size, "clock %lld ns (%s)", (long long)json_integer_value(at(document, "clock", "cost_ns")),
		    text_at(document, "clock", "name"));
	}
	json_decref(document);
}

/* differs - the path of the first difference is appended to where, which holds that of a and b. */
static bool
differs(const json_t *a, const json_t *b, char *where, size_t size)
{
	size_t length = strlen(where);
	const char *key;
	json_t *value;

	if (!json_is_object(a) || !json_is_object(b))
		return !json_equal(a, b);
	json_object_foreach((json_t *)(uintptr_t)a, key, value) {
		const json_t *other = json_object_get(b, key);

		append(where, size, "%s%s", length > 0 ? "." : "", key);
		if (strcmp(where, "clock.cost_ns") != 0 && (other == NULL || differs(value, other, where, size)))
			return true;
		where[length] = '\0';
	}
	json_object_foreach((json_t *)(uintptr_t)b, key, value) {
		if (json_object_get(a, key) != NULL)
			continue;
		append(where, size, "%s%s", length > 0 ? "." : "", key);
		return true;
	}
	return false;
}

bool
environment_difference(const char *json, const char *other_json, char *where, size_t size)
{
	json_t *a = json_loads(json, 0, NULL), *b = json_loads(other_json, 0, NULL);
	bool different;

	where[0] = '\0';
	if (a == NULL || b == NULL) {
		snprintf(where, size, "document");
		different = true;
	} else {
		different = differs(a, b, where, size);
	}
	json_decref(a);
	json_decref(b);
	return different;
}

unsigned
environment_warnings(const struct environment *e, char *text, size_t size)
{
	json_t *document = e->json != NULL ? json_loads(e->json, 0, NULL) : NULL;
	const char *variant = text_at(document, "build", "variant");
	const char *governor = text_at(document, "cpu", "governor");
	const json_t *quota = at(document, "cgroup", "cpu_quota");
	unsigned lines = 0;

	if (size == 0)
		return 0;
	text[0] = '\0';
	if (variant[0] != '\0' && strcmp(variant, "release") != 0)
		append(text, size, "built as variant %.20s: its figures are not those of a release build\n",
		    variant);
	if (json_is_true(at(document, "build", "dirty")))
		append(text, size, "built from a tree with changes that are not committed\n");
	if (governor[0] != '\0' && strcmp(governor, "performance") != 0)
		append(text, size, "the CPU frequency governor is %.60s, not performance\n", governor);
	if (json_is_true(at(document, "cpu", "smt")))
		append(text, size, "SMT is on: threads share a core unless --pin keeps them apart\n");
	if (json_is_false(at(document, "kernel", "membarrier")))
		append(text, size, "membarrier(2) is refused: readers order their announcements by fences\n");
	if (json_is_number(quota))
		append(text, size, "a cgroup limits this process to %.4g CPUs\n", json_number_value(quota));
	json_decref(document);
	for (const char *newline = text; (newline = strchr(newline, '\n')) != NULL; newline++)
		lines++;
	return lines;
}
