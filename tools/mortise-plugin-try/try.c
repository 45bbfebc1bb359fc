/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise-plugin-try - runs a plugin's constructors and its init() once, so that what they may do to a process is done
 * to this one. Mortise starts it for each plugin file that is new to it, with the file's copy as descriptor 3.
 *
 * Its status says that it came to its end. What init() answers is not told: the next process that calls it will see.
 */
#include "config.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "plugin/try.h"
#include <mortise/plugin.h>

MORTISE_PRINTF(3, 4)
static void no_log(struct mortise_device *device, enum mortise_log_level level, const char *format, ...)
{
}

static uint64_t clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Every other service is of a device, and there is none. */
static const struct mortise_host host = {
	.size = sizeof(host),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.version = PACKAGE_VERSION,
	.log = no_log,
	.clock_ns = clock_ns,
};

int main(void)
{
	const struct rlimit no_core = {0, 0};
	const struct mortise_plugin *plugin;
	struct mortise_error err = {""};
	void *code;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	code = dlopen("/proc/self/fd/3", RTLD_NOW | RTLD_LOCAL);
	plugin = code ? dlsym(code, MORTISE_PLUGIN_SYMBOL) : NULL;
	if (plugin && plugin->magic == MORTISE_PLUGIN_MAGIC && plugin->abi_major == MORTISE_ABI_MAJOR &&
	    MORTISE_HAS(plugin, init) && plugin->init)
		plugin->init(&host, &err);
	_exit(PLUGIN_TRIED);
}
