/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.c - the file: who may write to it, how it is linked, what it exports and needs, and its description.
 */
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "base/sha256.h"
#include "base/util.h"
#include "phases.h"
#include "plugin/check.h"
#include "plugin/drivers.h"
#include "plugin/elf.h"
#include "plugin/find.h"

static void judge(enum rule rule, bool kept, const char *remedy)
{
	if (kept)
		rule_kept(rule);
	else
		rule_broken(rule, "link it with %s", remedy);
}

static void look_at_headers(const struct plugin_file *file)
{
	struct mortise_error error = {0};
	struct elf_facts facts;

	if (elf_look(file->fd, file->path, &facts, &error) < 0) {
		rule_broken(RULE_FILE, "%s", error.message);
		return;
	}
	judge(RULE_BIND_NOW, facts.bound_now, "-Wl,-z,now");
	judge(RULE_RELRO, facts.relro, "-Wl,-z,relro");
	judge(RULE_STACK, !facts.executable_stack, "-Wl,-z,noexecstack");
	judge(RULE_TEXT, !facts.text_relocations, "objects compiled with -fPIC");
}

/* --- symbols; the dynamic linker has found them in order --- */

struct symbols {
	const ElfW(Sym) * table;
	const char *strings;
	uint32_t count;
};

/* How many there are, the GNU hash table says but in a roundabout way: the last symbol of the last chain. */
static uint32_t count_gnu(const uint32_t *hash)
{
	const uint32_t bucket_count = hash[0], first = hash[1], bloom_size = hash[2];
	const uint32_t *buckets = hash + 4 + bloom_size * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
	const uint32_t *chains = buckets + bucket_count;
	uint32_t last = 0;

	for (uint32_t i = 0; i < bucket_count; i++)
		last = MAX(last, buckets[i]);
	if (last < first)
		return first;
	while (!(chains[last - first] & 1))
		last++;
	return last + 1;
}

static struct symbols symbols_of(void *handle)
{
	struct symbols symbols = {0};
	struct link_map *map;

	if (dlinfo(handle, RTLD_DI_LINKMAP, &map) < 0)
		return symbols;
	for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
		const void *at = (const void *)entry->d_un.d_ptr;

		if (entry->d_tag == DT_SYMTAB)
			symbols.table = at;
		else if (entry->d_tag == DT_STRTAB)
			symbols.strings = at;
		else if (entry->d_tag == DT_HASH)
			symbols.count = ((const uint32_t *)at)[1];
		else if (entry->d_tag == DT_GNU_HASH && !symbols.count)
			symbols.count = count_gnu(at);
	}
	return symbols;
}

/* Symbols that the linker makes for every object. */
static bool is_linkers(const char *name)
{
	static const char *const names[] = {"_init", "_fini", "_edata", "_end", "__bss_start"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return true;
	return false;
}

static void look_at_symbols(void *handle)
{
	const struct symbols symbols = symbols_of(handle);

	rule_kept(RULE_EXPORTS);
	rule_kept(RULE_UNDEFINED);
	if (!dlsym(handle, MORTISE_PLUGIN_SYMBOL))
		rule_broken(RULE_EXPORTS, "there is no " MORTISE_PLUGIN_SYMBOL);
	for (uint32_t i = 1; i < symbols.count; i++) {
		const ElfW(Sym) *symbol = &symbols.table[i];
		const char *name = symbols.strings + symbol->st_name;
		const unsigned bind = ELF64_ST_BIND(symbol->st_info);

		if (symbol->st_shndx == SHN_UNDEF) {
			/* The handle's search goes through its own libraries, not through this program's. */
			if (bind != STB_WEAK && !dlsym(handle, name))
				rule_broken(RULE_UNDEFINED, "%s is in none of the libraries that it is linked with",
					    name);
		} else if (bind != STB_LOCAL && !streq(name, MORTISE_PLUGIN_SYMBOL) && !is_linkers(name)) {
			rule_broken(RULE_EXPORTS, "%s is exported too: compile with -fvisibility=hidden", name);
		}
	}
}

/* --- the description --- */

static void look_at_classes(const struct mortise_plugin *plugin, const char *path, struct plugin_facts *facts)
{
	struct mortise_class *classes[DRIVERS_MAX + 1] = {NULL};
	struct mortise_error error = {0};

	for (unsigned i = 0; plugin->classes && plugin->classes[i] && i < DRIVERS_MAX; i++) {
		if (class_check(&classes[i], plugin->classes[i], plugin->name, path, &error) < 0) {
			rule_broken(RULE_DESCRIPTION, "%s", error.message);
			return;
		}
		snprintf(facts->drivers[i], sizeof(facts->drivers[i]), "%s", classes[i]->driver);
		facts->children[i] = classes[i]->parent != NULL;
		facts->driver_count = i + 1;
	}
	for (unsigned i = 0; classes[i]; i++)
		if (class_check_parent(classes[i], (const struct mortise_class *const *)classes, path, &error) < 0)
			rule_broken(RULE_DESCRIPTION, "%s", error.message);
}

static void look_at_backends(const struct mortise_plugin *plugin, const char *path, struct plugin_facts *facts)
{
	struct plugin_drivers drivers = {0};
	struct mortise_error error = {0};

	if (drivers_copy(&drivers, plugin, path, &error) < 0)
		rule_broken(RULE_DESCRIPTION, "%s", error.message);
	for (unsigned i = 0; drivers.blocks && drivers.blocks[i]; i++)
		facts->backend_count++;
	for (unsigned i = 0; drivers.nets && drivers.nets[i]; i++)
		facts->backend_count++;
	drivers_free(&drivers);
}

static void look_at_description(void *handle, const struct plugin_file *file, const struct subject *subject,
				struct plugin_facts *facts)
{
	const struct mortise_plugin *exported = dlsym(handle, MORTISE_PLUGIN_SYMBOL);
	struct mortise_error error = {0};
	struct mortise_plugin plugin;

	rule_kept(RULE_DESCRIPTION);
	if (description_check(&plugin, exported, file->linked ? NULL : subject->name, file->path, &error) < 0) {
		rule_broken(RULE_DESCRIPTION, "%s", error.message);
		return;
	}
	snprintf(facts->name, sizeof(facts->name), "%s", plugin.name);
	snprintf(facts->version, sizeof(facts->version), "%s", plugin.version);
	snprintf(facts->license, sizeof(facts->license), "%s", plugin.license);
	snprintf(facts->abi, sizeof(facts->abi), "%u.%u", plugin.abi_major, plugin.abi_minor);
	look_at_classes(&plugin, file->path, facts);
	look_at_backends(&plugin, file->path, facts);
}

void phase_object(const struct subject *subject, struct plugin_facts *facts)
{
	struct plugin_file file = {.dir = -1, .fd = -1};
	struct mortise_error error = {0};
	void *handle;

	doing("the file is looked at");
	snprintf(facts->name, sizeof(facts->name), "%s", subject->name);
	guard_faults(NULL, 0);
	if (plugin_find(&file, subject->dir, subject->name, &error) < 0) {
		rule_broken(RULE_FILE, "%s", error.message);
		return;
	}
	rule_kept(RULE_FILE);
	sha256_file(file.fd, facts->sha256);
	look_at_headers(&file);
	if (rule_is_broken(RULE_FILE))
		return;
	doing("it is loaded");
	handle = dlopen(file.path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		const char *why = dlerror();

		rule_broken(strstr(why, "undefined symbol") ? RULE_UNDEFINED : RULE_FILE, "%s", why);
		return;
	}
	look_at_symbols(handle);
	look_at_description(handle, &file, subject, facts);
}
