/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/registry.c - the plugins that are loaded, and the classes in them by driver name.
 */
#include "plugin/registry.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/sha256.h"
#include "base/util.h"
#include "plugin/check.h"
#include "plugin/drivers.h"
#include "plugin/load.h"
#include "plugin/policy.h"
#include "plugin/try.h"

struct entry {
	struct entry *next;
	struct plugin plugin; /* what others see */
	struct mortise_plugin description;
	char *file;
	char sha256[SHA256_HEX_SIZE];
	struct mortise_class **classes; /* NULL-terminated */
	struct plugin_drivers drivers;
};

struct plugins {
	char *dir;
	const struct mortise_host *host;
	struct mortise_class *(*wrap)(struct mortise_class *class); /* NULL: nobody looks on */
	char *trier;						    /* NULL: plugins are loaded untried */
	struct policy *policy;					    /* NULL: whatever is in the directory */
	bool locked;						    /* no file is loaded any more */
	struct entry *first, **last;
	struct block_source blocks;
	struct net_source nets;
};

static struct entry *entry_free(struct entry *entry)
{
	if (!entry)
		return NULL;
	for (struct mortise_class **class = entry->classes; class && *class; class ++)
		class_free(*class);
	free(entry->classes);
	drivers_free(&entry->drivers);
	free(entry->file);
	free(entry);
	return NULL;
}
DEFINE_CLEANUP(struct entry *, entry_free)

int plugins_new(struct plugins **out, const char *dir, struct mortise_error *err)
{
	_cleanup_(plugins_free_p) struct plugins *plugins = calloc(1, sizeof(*plugins));

	if (plugins)
		plugins->dir = strdup(dir);
	if (!plugins || !plugins->dir)
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin directory '%s'", dir);
	plugins->last = &plugins->first;
	plugins->host = &plugin_host;
	*out = steal_ptr(&plugins);
	return 0;
}

void plugins_intercept(struct plugins *plugins, const struct mortise_host *host,
		       struct mortise_class *(*wrap)(struct mortise_class *class))
{
	plugins->host = host;
	plugins->wrap = wrap;
}

void plugins_try_first(struct plugins *plugins, const char *program)
{
	free(plugins->trier);
	plugins->trier = program ? strdup(program) : plugin_trier();
	if (!plugins->trier)
		log_warning("there is no mortise-plugin-try: plugins are loaded without being tried");
}

const struct mortise_host *plugins_host(const struct plugins *plugins)
{
	return plugins->host;
}

struct plugins *plugins_free(struct plugins *plugins)
{
	struct entry *next;

	if (!plugins)
		return NULL;
	for (struct entry *entry = plugins->first; entry; entry = next) {
		next = entry->next;
		entry_free(entry);
	}
	policy_free(plugins->policy);
	free(plugins->trier);
	free(plugins->dir);
	free(plugins);
	return NULL;
}

const struct plugin *plugins_next(struct plugins *plugins, const struct plugin *after)
{
	const struct entry *entry = after ? container_of(after, struct entry, plugin)->next : plugins->first;

	return entry ? &entry->plugin : NULL;
}

static const struct mortise_class *find_class(struct mortise_class *const *classes, const char *name)
{
	for (; *classes; classes++)
		if (streq((*classes)->driver, name))
			return *classes;
	return NULL;
}

/* Whether it has what the file NAME.so is looked for: a class of that name, or a driver. */
static bool provides(const struct entry *entry, const char *name)
{
	return find_class(entry->classes, name) || drivers_provide(&entry->drivers, name);
}

static struct entry *find_provider(struct plugins *plugins, const char *name)
{
	for (struct entry *entry = plugins->first; entry; entry = entry->next)
		if (entry->plugin.current && provides(entry, name))
			return entry;
	return NULL;
}

struct plugin *plugin_of_class(struct plugins *plugins, const struct mortise_class *class)
{
	for (struct entry *entry = plugins->first; entry; entry = entry->next)
		for (struct mortise_class **own = entry->classes; *own; own++)
			if (*own == class)
				return &entry->plugin;
	return NULL;
}

const struct mortise_class *plugin_class(const struct plugin *plugin, const char *driver)
{
	return find_class((struct mortise_class *const *)plugin->classes, driver);
}

static bool has_command(struct mortise_class *const *classes, const char *name)
{
	for (; *classes; classes++)
		for (const struct mortise_command *command = (*classes)->monitor ? (*classes)->monitor->commands : NULL;
		     command && command->name; command++)
			if (streq(command->name, name))
				return true;
	return false;
}

/*
 * Two classes of one name, or with a command of one name (which only standard ones can have), would hide each other.
 * `old` is what the plugin takes the place of; NULL: nothing.
 */
static int check_class_unique(struct plugins *plugins, const struct entry *entry, const struct entry *old,
			      const struct mortise_class *class, struct mortise_error *err)
{
	const struct mortise_command *command = class->monitor ? class->monitor->commands : NULL;

	for (const struct entry *other = plugins->first; other; other = other->next) {
		if (other == old || other == entry || !other->plugin.current)
			continue;
		if (find_class(other->classes, class->driver))
			return mortise_fail(err, -EEXIST,
					    "Plugin '%s' brings driver '%s', which plugin '%s' has already",
					    entry->file, class->driver, other->file);
		for (const struct mortise_command *each = command; each && each->name; each++)
			if (has_command(other->classes, each->name))
				return mortise_fail(err, -EEXIST,
						    "Plugin '%s' brings command '%s', which plugin '%s' has already",
						    entry->file, each->name, other->file);
	}
	return 0;
}

static int check_unique(struct plugins *plugins, const struct entry *entry, const struct entry *old,
			struct mortise_error *err)
{
	int r = 0;

	for (struct mortise_class *const *class = entry->classes; *class && r == 0; class ++)
		r = check_class_unique(plugins, entry, old, *class, err);
	return r;
}

/* Within one plugin. */
static int check_distinct(const struct entry *entry, const struct mortise_class *class, struct mortise_error *err)
{
	if (find_class(entry->classes, class->driver))
		return mortise_fail(err, -EEXIST, "Plugin '%s' brings driver '%s' twice", entry->file, class->driver);
	for (const struct mortise_command *each = class->monitor ? class->monitor->commands : NULL; each && each->name;
	     each++)
		if (has_command(entry->classes, each->name))
			return mortise_fail(err, -EEXIST, "Plugin '%s' brings command '%s' twice", entry->file,
					    each->name);
	return 0;
}

static int copy_classes(const struct plugins *plugins, struct entry *entry, struct mortise_error *err)
{
	const struct mortise_class *const *from = entry->description.classes;
	size_t count = 0;
	int r;

	while (from && from[count])
		count++;
	entry->classes = calloc(count + 1, sizeof(*entry->classes));
	if (!entry->classes)
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", entry->file);
	for (size_t i = 0; i < count; i++) {
		_cleanup_(class_free_p) struct mortise_class *class = NULL;

		r = class_check(&class, from[i], entry->description.name, entry->file, err);
		if (r < 0)
			return r;
		r = check_distinct(entry, class, err);
		if (r < 0)
			return r;
		entry->classes[i] = plugins->wrap ? plugins->wrap(steal_ptr(&class)) : steal_ptr(&class);
	}
	for (size_t i = 0; i < count; i++) {
		r = class_check_parent(entry->classes[i], (const struct mortise_class *const *)entry->classes,
				       entry->file, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int call_init(const struct plugins *plugins, const struct entry *entry, struct mortise_error *err)
{
	struct mortise_error why = {0};
	int r = entry->description.init ? entry->description.init(plugins->host, &why) : 0;

	if (r >= 0)
		return 0;
	return mortise_fail(err, r, "Plugin '%s' could not start: %s", entry->file,
			    *why.message ? why.message : strerror(-r));
}

static int find_copy(struct plugins *plugins, const char *name, struct plugin_file *file, struct plugin_copy *copy,
		     struct mortise_error *err)
{
	int r;

	if (plugins->locked) {
		log_warning("plugin '%s' is not loaded: lockdown", name);
		return mortise_fail(err, -EPERM,
				    "'%s' is not loaded: after the start no plugin file is any more (lockdown)", name);
	}
	r = plugin_find(file, plugins->dir, name, err);
	if (r == 0)
		r = plugin_copy_of(copy, file, err);
	if (r == 0 && plugins->policy)
		r = policy_check(plugins->policy, file->name, copy->sha256, err);
	return r;
}

/*
 * Makes an entry of a file's copy, in the list, not current. `driver`: what it must have; NULL: anything. `old`: what
 * it is to take the place of; NULL: nothing.
 */
static int open_entry(struct plugins *plugins, struct plugin_file *file, struct plugin_copy *copy, const char *driver,
		      const struct entry *old, struct entry **out, struct mortise_error *err)
{
	_cleanup_(entry_free_p) struct entry *entry = calloc(1, sizeof(*entry));
	const struct mortise_plugin *description;
	int r;

	if (!entry)
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", file->path);
	memcpy(entry->sha256, copy->sha256, sizeof(entry->sha256));
	r = plugin_load(copy, file->path, plugins->trier, &description, err);
	if (r < 0)
		return r;
	r = description_check(&entry->description, description, file->linked ? NULL : file->name, file->path, err);
	if (r < 0)
		return r;
	entry->file = steal_ptr(&file->path);
	r = copy_classes(plugins, entry, err);
	if (r == 0)
		r = drivers_copy(&entry->drivers, &entry->description, entry->file, err);
	if (r < 0)
		return r;
	r = check_unique(plugins, entry, old, err);
	if (r < 0)
		return r;
	if (driver && !provides(entry, driver))
		return mortise_fail(err, -ENOEXEC, "Plugin '%s' has no driver '%s' in it", entry->file, driver);
	r = call_init(plugins, entry, err);
	if (r < 0)
		return r;
	entry->plugin = (struct plugin){
		.description = &entry->description,
		.file = entry->file,
		.sha256 = entry->sha256,
		.classes = (const struct mortise_class *const *)entry->classes,
		.block_drivers = (const struct mortise_block_driver *const *)entry->drivers.blocks,
		.net_drivers = (const struct mortise_net_driver *const *)entry->drivers.nets,
	};
	log_info("Loaded plugin %s %s from '%s', SHA-256 %s", entry->description.name, entry->description.version,
		 entry->file, entry->sha256);
	*out = entry;
	*plugins->last = entry;
	plugins->last = &steal_ptr(&entry)->next;
	return 0;
}

/* The loaded plugin that has the driver `name`, which is loaded if need be. */
static int provide(struct plugins *plugins, const char *name, struct entry **out, struct mortise_error *err)
{
	_cleanup_(plugin_file_done) struct plugin_file file = {.dir = -1, .fd = -1};
	_cleanup_(plugin_copy_done) struct plugin_copy copy = {.fd = -1};
	struct entry *entry = find_provider(plugins, name);
	int r;

	if (!entry) {
		r = find_copy(plugins, name, &file, &copy, err);
		if (r < 0)
			return r;
		r = open_entry(plugins, &file, &copy, name, NULL, &entry, err);
		if (r < 0)
			return r;
		entry->plugin.current = true;
	}
	*out = entry;
	return 0;
}

/* Those very bytes, loaded earlier. */
static struct entry *find_loaded(struct plugins *plugins, const char *sha256)
{
	for (struct entry *entry = plugins->first; entry; entry = entry->next)
		if (streq(entry->sha256, sha256))
			return entry;
	return NULL;
}

int plugins_renew(struct plugins *plugins, const char *name, struct plugin **from, struct plugin **to,
		  struct mortise_error *err)
{
	_cleanup_(plugin_file_done) struct plugin_file file = {.dir = -1, .fd = -1};
	_cleanup_(plugin_copy_done) struct plugin_copy copy = {.fd = -1};
	struct entry *old = plugins->first, *entry;
	int r;

	while (old && !(old->plugin.current && streq(old->description.name, name)))
		old = old->next;
	if (!old)
		return mortise_fail(err, -ENOENT, "Plugin '%.64s' is not loaded", name);
	*from = &old->plugin;
	r = find_copy(plugins, name, &file, &copy, err);
	if (r < 0)
		return r;
	entry = find_loaded(plugins, copy.sha256);
	if (entry == old)
		return mortise_fail(err, -EALREADY, "Plugin '%s' has not changed: '%s' is version %s still, SHA-256 %s",
				    name, file.path, old->description.version, old->sha256);
	r = entry ? check_unique(plugins, entry, old, err) : open_entry(plugins, &file, &copy, NULL, old, &entry, err);
	if (r < 0)
		return r;
	*to = &entry->plugin;
	return 0;
}

void plugins_switch(struct plugin *from, struct plugin *to)
{
	from->current = false;
	to->current = true;
}

int plugins_class(struct plugins *plugins, const char *driver, const struct mortise_class **out,
		  struct mortise_error *err)
{
	char name[PLUGIN_NAME_SIZE];
	struct entry *entry;
	int r;

	r = plugin_driver_name(name, driver, err);
	if (r < 0)
		return r;
	r = provide(plugins, name, &entry, err);
	if (r < 0)
		return r;
	*out = find_class(entry->classes, name);
	if (!*out)
		return mortise_fail(err, -ENOENT,
				    "'%s' is not a valid device model name: plugin '%s' has no device of "
				    "that name in it",
				    name, entry->file);
	return 0;
}

/* --- drivers of backends --- */

/* The plugin <kind>-<driver>. A driver's name cannot be a path: nothing but letters, digits and dashes passes. */
static int provide_driver(struct plugins *plugins, const char *kind, const char *driver, struct entry **out,
			  struct mortise_error *err)
{
	char name[PLUGIN_NAME_SIZE];

	if (!plugin_name_ok(driver) || snprintf(name, sizeof(name), "%s-%s", kind, driver) >= (int)sizeof(name))
		return mortise_fail(err, -EINVAL, "a driver's name has small letters, digits and dashes, at most %d",
				    PLUGIN_NAME_SIZE - 1 - (int)strlen(kind) - 1);
	return provide(plugins, name, out, err);
}

static int find_block_driver(void *plugins, const char *driver, const struct mortise_block_driver **out,
			     struct mortise_error *err)
{
	struct entry *entry;
	int r = provide_driver(plugins, "block", driver, &entry, err);

	if (r == 0)
		*out = drivers_block(&entry->drivers, driver);
	return r;
}

static int find_net_driver(void *plugins, const char *type, const struct mortise_net_driver **out,
			   struct mortise_error *err)
{
	struct entry *entry;
	int r = provide_driver(plugins, "net", type, &entry, err);

	if (r == 0)
		*out = drivers_net(&entry->drivers, type);
	return r;
}

static void use_block_driver(void *opaque, const struct mortise_block_driver *driver, int change)
{
	const struct plugins *plugins = opaque;

	for (struct entry *entry = plugins->first; entry; entry = entry->next)
		if (drivers_block(&entry->drivers, driver->driver) == driver)
			entry->plugin.instances += (unsigned)change;
}

static void use_net_driver(void *opaque, const struct mortise_net_driver *driver, int change)
{
	const struct plugins *plugins = opaque;

	for (struct entry *entry = plugins->first; entry; entry = entry->next)
		if (drivers_net(&entry->drivers, driver->driver) == driver)
			entry->plugin.instances += (unsigned)change;
}

const struct block_source *plugins_block_source(struct plugins *plugins)
{
	plugins->blocks = (struct block_source){find_block_driver, use_block_driver, plugins};
	return &plugins->blocks;
}

const struct net_source *plugins_net_source(struct plugins *plugins)
{
	plugins->nets = (struct net_source){find_net_driver, use_net_driver, plugins};
	return &plugins->nets;
}

int plugins_load(struct plugins *plugins, const char *name, const struct plugin **out, struct mortise_error *err)
{
	struct entry *entry;
	int r;

	if (!plugin_name_ok(name))
		return mortise_fail(err, -EINVAL,
				    "Parameter 'name' does not accept value '%.64s': it must be a driver's", name);
	r = provide(plugins, name, &entry, err);
	if (r < 0)
		return r;
	*out = &entry->plugin;
	return 0;
}

int plugins_set_policy(struct plugins *plugins, const char *option, struct mortise_error *err)
{
	struct policy *policy = NULL;
	int r = option ? policy_new(&policy, option, err) : 0;

	if (r < 0)
		return r;
	policy_free(plugins->policy);
	plugins->policy = policy;
	return 0;
}

int plugins_preload(struct plugins *plugins, struct mortise_error *err)
{
	const struct plugin *plugin;
	const char *name;
	size_t at = 0;
	int r = 0;

	while (r == 0 && plugins->policy && (name = policy_next_load(plugins->policy, &at)))
		r = plugins_load(plugins, name, &plugin, err);
	return r;
}

void plugins_started(struct plugins *plugins)
{
	plugins->locked = plugins->policy && policy_locks_down(plugins->policy);
	if (plugins->locked)
		log_info("no plugin file is loaded from now on: lockdown");
}

int plugins_list(struct plugins *plugins, void (*visit)(void *opaque, const char *name), void *opaque,
		 struct mortise_error *err)
{
	return plugin_list(plugins->dir, visit, opaque, err);
}
