/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/saves-too-much.c - writes its state and then looks whether there was room.
 *
 * Breaks: save: keeps to its room
 */
#include "device.h"

static int64_t save(void *self, void *data, uint64_t room)
{
	memset(data, 1, 5000);
	return room < 5000 ? -ENOSPC : 5000;
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	return size == 5000 ? 0 : mortise_fail(err, -EINVAL, "a state of another size");
}

DEVICE(.save = save, .restore = restore);
