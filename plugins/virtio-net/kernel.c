/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.c - a netdev with vhost: the kernel moves frames between the guest's buffers and the tap itself.
 *
 * Receive and transmit queues are lent to vhost-net, one server a queue pair; what frames.c does finds them empty then.
 * The control queue stays here: offloads and queue pairs are the tap's, filters are not applied.
 */
#include "virtio-net.h"

#include <errno.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* vhost-net has to know these, if they are to be negotiated; the others are the tap's. */
#define SERVER_FEATURES FEATURE(VIRTIO_NET_F_MRG_RXBUF)

static int set_backend(struct vhost *vhost, bool on)
{
	const struct kernel_pair *pair = vhost->opaque;

	for (unsigned i = 0; i < vhost->count; i++) {
		struct vhost_vring_file file = {.index = i, .fd = on ? pair->frames : -1};

		if (vhost->lent >> i & 1 && ioctl(vhost->fd, VHOST_NET_SET_BACKEND, &file) < 0)
			return -errno;
	}
	return 0;
}

int kernel_probe(struct nic *nic, uint64_t *features, struct mortise_error *err)
{
	struct mortise_net_vhost vhost = {.struct_size = sizeof(vhost)};
	uint64_t known;
	int r;

	if (!MORTISE_HAS(nic->host, net_vhost) || nic->host->net_vhost(nic->netdev, 0, &vhost) < 0)
		return 0;
	r = vhost_kernel_open(vhost.vhost, &known);
	if (r == 0)
		r = vhost_kernel_watch(nic->host, nic->device, &nic->kernel_errors);
	if (r < 0)
		return mortise_fail(err, r, "The netdev's vhost cannot be used: %s", strerror(-r));
	*features &= known | ~SERVER_FEATURES;
	nic->host->offer_ring_features(nic->device, known);
	nic->kernel = true;
	return 0;
}

void kernel_done(struct nic *nic)
{
	if (!nic->kernel)
		return;
	nic->host->watch(nic->device, nic->kernel_errors, 0, NULL);
	close(nic->kernel_errors);
}

static void start_pair(struct nic *nic, uint32_t index)
{
	struct mortise_net_vhost vhost = {.struct_size = sizeof(vhost)};
	struct kernel_pair *pair = &nic->kernel_pairs[index];
	struct mortise_error err = {0};

	/* While the link is down frames.c answers: nothing comes, and what goes is lost. */
	if (nic->host->net_vhost(nic->netdev, index, &vhost) < 0 || vhost.frames < 0)
		return;
	pair->frames = vhost.frames;
	pair->vhost = (struct vhost){.host = nic->host,
				     .device = nic->device,
				     .link = &vhost_kernel,
				     .run = set_backend,
				     .opaque = pair,
				     .fd = vhost.vhost,
				     .errors = nic->kernel_errors,
				     .first = 2 * index,
				     .count = 2};
	if (vhost_start(&pair->vhost, nic->features, &err) < 0)
		nic->host->log(nic->device, MORTISE_LOG_WARNING, "frames go without vhost: %s", err.message);
}

void kernel_start(struct nic *nic)
{
	for (uint32_t i = 0; nic->kernel && i < nic->pairs; i++)
		start_pair(nic, i);
}

void kernel_stop(struct nic *nic)
{
	for (uint32_t i = 0; nic->kernel && i < PAIRS_MAX; i++)
		vhost_stop(&nic->kernel_pairs[i].vhost);
}

void kernel_restart(struct nic *nic)
{
	if (!nic->kernel)
		return;
	kernel_stop(nic);
	frames_stop(nic);
	kernel_start(nic);
}

void kernel_failed(struct nic *nic)
{
	kernel_stop(nic);
	vhost_kernel_failed(nic->host, nic->device, nic->kernel_errors);
}
