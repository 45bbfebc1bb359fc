/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/monitor.h - what a class brings to the monitor, checked and in this host's layout.
 */
#pragma once

#include "plugin/place.h"
#include <mortise/plugin.h>

/*
 * Checks and copies the tables of a class of the plugin called `plugin`, whose instances have `instance_size` bytes.
 * The copy's tables are never NULL. Strings and callbacks are still the plugin's. -ENOEXEC, -ENOMEM.
 */
int monitor_check(struct mortise_monitor **out, const struct mortise_monitor *from, const char *plugin,
		  uint32_t instance_size, const struct place *place);
struct mortise_monitor *monitor_free(struct mortise_monitor *monitor);
