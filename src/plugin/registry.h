/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/registry.h - what this folder's other files need of the registry.
 */
#pragma once

#include "plugin/plugin.h"

/* The plugin that a class came from. */
struct plugin *plugin_of_class(struct plugins *plugins, const struct mortise_class *class);

/* The services that plugins are given. */
const struct mortise_host *plugins_host(const struct plugins *plugins);
