/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/closes-watched.c - closes a descriptor that the host still waits for.
 *
 * Breaks: watch: ends before its descriptor is closed
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct device *device = self;

	device->fd = eventfd(0, EFD_CLOEXEC);
	if (device->fd >= 0)
		device->host->watch(device->device, device->fd, MORTISE_WATCH_READ, NULL);
	return 0;
}

static void reset(void *self)
{
	struct device *device = self;

	close(device->fd);
}

static void fd_ready(void *self, int fd, uint32_t events, void *opaque)
{
}

DEVICE(.activate = activate, .reset = reset, .fd_ready = fd_ready);
