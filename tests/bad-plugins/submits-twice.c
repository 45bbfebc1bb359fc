/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/submits-twice.c - submits a request that is under way.
 *
 * Breaks: services: are called with what they are documented to take
 */
#include "device.h"

static struct mortise_block_request request;

static void done(struct mortise_block_request *io, int result)
{
}

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;

	serve(self, queue);
	request.done = done;
	request.op = MORTISE_BLOCK_FLUSH;
	device->host->block_submit(device->block, &request);
	device->host->block_submit(device->block, &request);
}

DEVICE(.notify = notify);
