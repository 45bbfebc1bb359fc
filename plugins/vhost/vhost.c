/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost.c - queues given to a server and taken back, whichever way it is talked to.
 */
#include "vhost.h"

#include <errno.h>
#include <string.h>

static int give_ring(struct vhost *vhost, uint32_t index, struct mortise_error *err)
{
	struct mortise_vring vring = {.struct_size = sizeof(vring)};
	int r = vhost->host->vring_lend(vhost->device, vhost->first + index, &vring);

	if (r == -ENODEV)
		return 0; /* the driver does without */
	if (r == 0) {
		vhost->lent |= UINT64_C(1) << index;
		r = vhost->link->set_ring(vhost, index, &vring);
	}
	return r < 0 ? mortise_fail(err, r, "Queue %u cannot be given to vhost: %s", vhost->first + index, strerror(-r))
		     : 0;
}

int vhost_start(struct vhost *vhost, uint64_t features, struct mortise_error *err)
{
	int r = vhost->link->prepare(vhost, features, err);

	for (uint32_t i = 0; i < vhost->count && r == 0; i++)
		r = give_ring(vhost, i, err);
	if (r == 0) {
		r = vhost->link->run(vhost, true);
		if (r < 0)
			mortise_fail(err, r, "vhost does not start: %s", strerror(-r));
	}
	if (r < 0)
		vhost_stop(vhost);
	return r;
}

void vhost_stop(struct vhost *vhost)
{
	if (!vhost->lent)
		return;
	if (vhost->fd >= 0)
		vhost->link->run(vhost, false);
	for (uint32_t i = 0; i < vhost->count; i++) {
		uint32_t base = 0;
		int r = -ENOTCONN;

		if (!(vhost->lent >> i & 1))
			continue;
		if (vhost->fd >= 0)
			r = vhost->link->get_base(vhost, i, &base);
		vhost->host->vring_return(vhost->device, vhost->first + i, r < 0 ? -1 : (int32_t)(base & UINT16_MAX));
	}
	vhost->lent = 0;
}
