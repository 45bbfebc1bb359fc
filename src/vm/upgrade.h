/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/upgrade.h - a new version of a loaded plugin takes over all devices of the old one, while the guest runs.
 *
 * All or none: every device of the plugin first gets a successor of the new version, realized beside it; then all are
 * quiesced and their states handed over; and only when each successor is ready does any of them go on. A device whose
 * successor cannot be, or which does not come to rest in time, keeps them all on the old version, as if nothing had
 * been. New devices are of the new version from then on. One upgrade at a time. Control thread.
 */
#pragma once

#include "vm/vm.h"

#define UPGRADE_TIMEOUT_MS 1000 /* the default */
#define UPGRADE_TIMEOUT_MAX_MS 3600000

enum upgrade_status { UPGRADE_NONE, UPGRADE_RUNNING, UPGRADE_COMPLETED, UPGRADE_FAILED };

/* The upgrade under way, or the last one. Strings stay until the next. */
struct upgrade_info {
	enum upgrade_status status;
	const char *name;      /* the plugin's */
	const char *from, *to; /* versions; `to` NULL: it could not be loaded */
	const char *sha256;    /* of the new file */
	unsigned devices;      /* that there are */
	uint64_t pause_ns;     /* the longest time for which a device did not serve its driver */
	const char *error;     /* why it failed; NULL: it did not */
};

int upgrade_new(struct vm *vm, struct mortise_error *err);
void upgrade_free(struct vm *vm); /* none is under way */

/*
 * Upgrades the plugin `name` to what its file holds now. The reply comes when all devices go on with the new version,
 * or when it is certain that none does; a plugin that hangs is waited for `timeout_ms` at the most. -ENOENT: it is not
 * loaded; -EALREADY: the file is the same; -EBUSY: another upgrade is under way, or a device of it comes or goes;
 * -ETIME; whatever speaks against the file; whatever a new instance says. PLUGIN_UPGRADED or PLUGIN_UPGRADE_FAILED is
 * reported before the reply.
 */
void upgrade_plugin(struct vm *vm, const char *name, unsigned timeout_ms, struct reply *reply);

void upgrade_query(const struct vm *vm, struct upgrade_info *out);

/* Whether the plugin that the class is of is being upgraded: its devices do not come or go meanwhile. */
bool upgrade_concerns(const struct vm *vm, const struct mortise_class *class);

/* The VM ends: an upgrade under way is given up, and hotplug is told when all devices have come to rest. */
void upgrade_cancel(struct vm *vm);
