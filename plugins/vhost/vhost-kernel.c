/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-kernel.c - vhost servers in the kernel, by the ioctls of their device nodes (linux/vhost.h).
 */
#include "vhost.h"

#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REGIONS_MAX 8

/* Bits that virtio has and vhost means something else by, or that are none of a server's affair. */
#define NOT_FOR_VHOST (UINT64_C(1) << VHOST_NET_F_VIRTIO_NET_HDR | UINT64_C(1) << VHOST_F_LOG_ALL)

static int call(const struct vhost *vhost, unsigned long request, void *argument)
{
	return ioctl(vhost->fd, request, argument) < 0 ? -errno : 0;
}

int vhost_kernel_open(int fd, uint64_t *features)
{
	if (ioctl(fd, VHOST_GET_FEATURES, features) < 0)
		return -errno;
	/* Busy: this process owned it before, or another does, which the next request tells. */
	if (ioctl(fd, VHOST_SET_OWNER) < 0 && errno != EBUSY)
		return -errno;
	return 0;
}

int vhost_kernel_watch(const struct mortise_host *host, struct mortise_device *device, int *errors)
{
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int r = fd < 0 ? -errno : host->watch(device, fd, MORTISE_WATCH_READ, NULL);

	if (r == 0)
		*errors = fd;
	else if (fd >= 0)
		close(fd);
	return r;
}

void vhost_kernel_failed(const struct mortise_host *host, struct mortise_device *device, int errors)
{
	eventfd_t count;

	eventfd_read(errors, &count);
	host->needs_reset(device, "the kernel's vhost cannot use its queues, or what they point to");
}

static int set_memory(struct vhost *vhost)
{
	union {
		struct vhost_memory table;
		char bytes[sizeof(struct vhost_memory) + REGIONS_MAX * sizeof(struct vhost_memory_region)];
	} memory = {0};
	struct mortise_memory_region region = {.struct_size = sizeof(region)};
	uint32_t count = 0;

	while (count < REGIONS_MAX && vhost->host->memory_region(vhost->device, count, &region) == 0) {
		memory.table.regions[count++] = (struct vhost_memory_region){
			.guest_phys_addr = region.address,
			.memory_size = region.size,
			.userspace_addr = (uint64_t)(uintptr_t)region.host,
		};
		region.struct_size = sizeof(region);
	}
	memory.table.nregions = count;
	return call(vhost, VHOST_SET_MEM_TABLE, &memory.table);
}

static int prepare(struct vhost *vhost, uint64_t features, struct mortise_error *err)
{
	uint64_t known = 0;
	int r = vhost_kernel_open(vhost->fd, &known);

	if (r == 0) {
		known &= features & ~NOT_FOR_VHOST;
		r = call(vhost, VHOST_SET_FEATURES, &known);
	}
	if (r == 0)
		r = set_memory(vhost);
	return r < 0 ? mortise_fail(err, r, "The kernel's vhost cannot be set up: %s", strerror(-r)) : 0;
}

static int set_ring(struct vhost *vhost, uint32_t index, const struct mortise_vring *vring)
{
	struct vhost_vring_state size = {.index = index, .num = vring->size};
	struct vhost_vring_state base = {.index = index, .num = vring->next};
	struct vhost_vring_file kick = {.index = index, .fd = vring->kick};
	struct vhost_vring_file interrupt = {.index = index, .fd = vring->call};
	struct vhost_vring_file errors = {.index = index, .fd = vhost->errors};
	struct vhost_vring_addr address = {
		.index = index,
		.desc_user_addr = (uint64_t)(uintptr_t)vring->descriptors,
		.used_user_addr = (uint64_t)(uintptr_t)vring->used,
		.avail_user_addr = (uint64_t)(uintptr_t)vring->available,
	};
	int r = call(vhost, VHOST_SET_VRING_NUM, &size);

	if (r == 0)
		r = call(vhost, VHOST_SET_VRING_BASE, &base);
	if (r == 0)
		r = call(vhost, VHOST_SET_VRING_ADDR, &address);
	if (r == 0)
		r = call(vhost, VHOST_SET_VRING_KICK, &kick);
	if (r == 0)
		r = call(vhost, VHOST_SET_VRING_CALL, &interrupt);
	if (r == 0)
		r = call(vhost, VHOST_SET_VRING_ERR, &errors);
	return r;
}

static int run(struct vhost *vhost, bool on)
{
	return vhost->run(vhost, on);
}

static int get_base(struct vhost *vhost, uint32_t index, uint32_t *base)
{
	struct vhost_vring_state state = {.index = index};
	int r = call(vhost, VHOST_GET_VRING_BASE, &state);

	*base = state.num;
	return r;
}

const struct vhost_link vhost_kernel = {prepare, set_ring, run, get_base};
