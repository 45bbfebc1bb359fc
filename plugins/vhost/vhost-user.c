/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-user.c - vhost servers in other processes.
 */
#include "vhost-user.h"

#include <errno.h>
#include <linux/vhost.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MS 5000
#define REGIONS_MAX 8
#define CONFIG_MAX 256

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
	GET_CONFIG = 24,
	SET_CONFIG = 25,
};

#define VERSION 1u
#define FLAG_REPLY (1u << 2)
#define FLAG_NEED_REPLY (1u << 3)

#define F_PROTOCOL_FEATURES (UINT64_C(1) << 30)
#define PROTOCOL_MQ (UINT64_C(1) << 0)
#define PROTOCOL_REPLY_ACK (UINT64_C(1) << 3)
#define PROTOCOL_CONFIG (UINT64_C(1) << 9)

struct memory {
	uint32_t count, padding;
	struct {
		uint64_t address, size, host, offset;
	} regions[REGIONS_MAX];
};

struct config {
	uint32_t offset, size, flags;
	uint8_t data[CONFIG_MAX];
};

struct message {
	uint32_t request, flags, size;
	union {
		uint64_t number;
		struct vhost_vring_state state;
		struct vhost_vring_addr address;
		struct memory memory;
		struct config config;
	};
} __attribute__((packed));

#define HEADER_SIZE offsetof(struct message, number)

static struct vhost_user *user_of(struct vhost *vhost)
{
	return (struct vhost_user *)((char *)vhost - offsetof(struct vhost_user, vhost));
}

/* --- messages --- */

static int wait_for(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int r;

	do
		r = poll(&poll_fd, 1, ANSWER_MS);
	while (r < 0 && errno == EINTR);
	return r > 0 ? 0 : r == 0 ? -ETIMEDOUT : -errno;
}

/* A message is far smaller than a socket's buffer: it goes as a whole or not at all. */
static int send_message(int fd, const struct message *message, const int *fds, uint32_t count)
{
	union {
		char bytes[CMSG_SPACE(REGIONS_MAX * sizeof(int))];
		struct cmsghdr alignment;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)message, .iov_len = HEADER_SIZE + message->size};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (count) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.alignment = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.alignment), fds, count * sizeof(int));
	}
	for (;;) {
		n = sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			return (size_t)n == iov.iov_len ? 0 : -EPROTO;
		if (errno == EAGAIN && wait_for(fd, POLLOUT) < 0)
			return -ETIMEDOUT;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

static int receive(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = recv(fd, (char *)data + done, size - done, MSG_DONTWAIT);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			return -ENOTCONN;
		else if (errno == EAGAIN && wait_for(fd, POLLIN) < 0)
			return -ETIMEDOUT;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return 0;
}

static int receive_answer(int fd, struct message *message)
{
	const uint32_t request = message->request, room = sizeof(*message) - HEADER_SIZE;
	int r = receive(fd, message, HEADER_SIZE);

	if (r < 0)
		return r;
	if (message->request != request || !(message->flags & FLAG_REPLY) || message->size > room)
		return -EPROTO;
	return receive(fd, &message->number, message->size);
}

/* The connection; -1 once it is closed, which the chardev may be about to tell. */
static int descriptor(struct vhost_user *user)
{
	if (user->vhost.fd >= 0 && user->vhost.host->char_descriptor(user->chardev) != user->vhost.fd)
		user->vhost.fd = -1;
	return user->vhost.fd;
}

/* One that fails to speak the protocol is not spoken to again; the chardev will notice that it has gone. */
static int exchange(struct vhost_user *user, struct message *message, const int *fds, uint32_t count, bool answered)
{
	const int fd = descriptor(user);
	int r = fd < 0 ? -ENOTCONN : send_message(fd, message, fds, count);

	if (r == 0 && answered)
		r = receive_answer(fd, message);
	if (r < 0 && fd >= 0) {
		shutdown(fd, SHUT_RDWR);
		user->vhost.fd = -1;
	}
	return r;
}

/* Sends what has no answer but, where the server can, whether it was carried out. */
static int set(struct vhost_user *user, struct message *message, const int *fds, uint32_t count)
{
	const bool acknowledged = user->protocol & PROTOCOL_REPLY_ACK;
	int r;

	message->flags = VERSION | (acknowledged ? FLAG_NEED_REPLY : 0);
	r = exchange(user, message, fds, count, acknowledged);
	return r == 0 && acknowledged && message->number ? -EREMOTEIO : r;
}

static int set_number(struct vhost_user *user, enum request request, uint64_t number)
{
	struct message message = {.request = request, .size = sizeof(number), .number = number};

	return set(user, &message, NULL, 0);
}

static int get_number(struct vhost_user *user, enum request request, uint64_t *number)
{
	struct message message = {.request = request, .flags = VERSION};
	int r = exchange(user, &message, NULL, 0, true);

	*number = message.number;
	return r < 0 ? r : message.size == sizeof(*number) ? 0 : -EPROTO;
}

static int set_state(struct vhost_user *user, enum request request, uint32_t index, uint32_t number)
{
	struct message message = {
		.request = request, .size = sizeof(message.state), .state = {.index = index, .num = number}};

	return set(user, &message, NULL, 0);
}

static int set_fd(struct vhost_user *user, enum request request, uint32_t index, int fd)
{
	struct message message = {.request = request, .size = sizeof(message.number), .number = index};

	return set(user, &message, &fd, 1);
}

/* --- the link --- */

static int set_memory(struct vhost_user *user)
{
	struct message message = {.request = SET_MEM_TABLE};
	struct mortise_memory_region region = {.struct_size = sizeof(region)};
	int fds[REGIONS_MAX];
	uint32_t count = 0;

	while (count < REGIONS_MAX && user->vhost.host->memory_region(user->vhost.device, count, &region) == 0) {
		message.memory.regions[count].address = region.address;
		message.memory.regions[count].size = region.size;
		message.memory.regions[count].host = (uint64_t)(uintptr_t)region.host;
		message.memory.regions[count].offset = region.offset;
		fds[count++] = region.fd;
		region.struct_size = sizeof(region);
	}
	message.memory.count = count;
	message.size = (uint32_t)(offsetof(struct memory, regions) + count * sizeof(message.memory.regions[0]));
	return set(user, &message, fds, count);
}

static int prepare(struct vhost *vhost, uint64_t features, struct mortise_error *err)
{
	struct vhost_user *user = user_of(vhost);
	int r;

	if (features & ~user->features)
		return mortise_fail(err, -ENOTSUP,
				    "The vhost-user server lacks features 0x%llx, which the driver has negotiated",
				    (unsigned long long)(features & ~user->features));
	r = set_number(user, SET_FEATURES, features | (user->extended ? F_PROTOCOL_FEATURES : 0));
	if (r == 0)
		r = set_memory(user);
	return r < 0 ? mortise_fail(err, r, "The vhost-user server refuses features or memory: %s", strerror(-r)) : 0;
}

static int set_ring(struct vhost *vhost, uint32_t index, const struct mortise_vring *vring)
{
	struct vhost_user *user = user_of(vhost);
	struct message address = {.request = SET_VRING_ADDR,
				  .size = sizeof(address.address),
				  .address = {
					  .index = index,
					  .desc_user_addr = (uint64_t)(uintptr_t)vring->descriptors,
					  .used_user_addr = (uint64_t)(uintptr_t)vring->used,
					  .avail_user_addr = (uint64_t)(uintptr_t)vring->available,
				  }};
	int r = set_state(user, SET_VRING_NUM, index, vring->size);

	if (r == 0)
		r = set_state(user, SET_VRING_BASE, index, vring->next);
	if (r == 0)
		r = set(user, &address, NULL, 0);
	if (r == 0)
		r = set_fd(user, SET_VRING_CALL, index, vring->call);
	if (r == 0)
		r = set_fd(user, SET_VRING_KICK, index, vring->kick);
	return r;
}

/* Without extensions a ring runs from its kick to GET_VRING_BASE. */
static int run(struct vhost *vhost, bool on)
{
	struct vhost_user *user = user_of(vhost);
	int r = 0;

	for (uint32_t i = 0; i < vhost->count && user->extended && on && r == 0; i++)
		if (vhost->lent >> i & 1)
			r = set_state(user, SET_VRING_ENABLE, i, 1);
	return r;
}

static int get_base(struct vhost *vhost, uint32_t index, uint32_t *base)
{
	struct message message = {
		.request = GET_VRING_BASE, .flags = VERSION, .size = sizeof(message.state), .state = {.index = index}};
	int r = exchange(user_of(vhost), &message, NULL, 0, true);

	if (r == 0 && (message.size != sizeof(message.state) || message.state.index != index))
		r = -EPROTO;
	*base = message.state.num;
	return r;
}

static const struct vhost_link vhost_user = {prepare, set_ring, run, get_base};

/* --- coming and going --- */

static int check_memory(const struct vhost_user *user, struct mortise_error *err)
{
	struct mortise_memory_region region = {.struct_size = sizeof(region)};

	for (uint32_t i = 0; user->vhost.host->memory_region(user->vhost.device, i, &region) == 0; i++) {
		if (region.fd < 0)
			return mortise_fail(err, -EINVAL,
					    "A vhost-user server needs guest memory that can be shared: start with "
					    "-machine ...,mem-share=on");
		region.struct_size = sizeof(region);
	}
	return 0;
}

static int greet(struct vhost_user *user)
{
	uint64_t extensions = 0;
	int r = get_number(user, GET_FEATURES, &user->features);

	user->protocol = 0;
	user->extended = r == 0 && user->features & F_PROTOCOL_FEATURES;
	user->features &= ~F_PROTOCOL_FEATURES;
	if (user->extended) {
		r = get_number(user, GET_PROTOCOL_FEATURES, &extensions);
		extensions &= PROTOCOL_MQ | PROTOCOL_REPLY_ACK | PROTOCOL_CONFIG;
		if (r == 0)
			r = set_number(user, SET_PROTOCOL_FEATURES, extensions);
		user->protocol = extensions;
	}
	if (r == 0) {
		struct message owner = {.request = SET_OWNER};

		r = set(user, &owner, NULL, 0);
	}
	return r;
}

int vhost_user_connect(struct vhost_user *user, struct mortise_error *err)
{
	const struct mortise_host *host = user->vhost.host;
	int r = check_memory(user, err);

	if (r < 0 || vhost_user_connected(user))
		return r;
	user->vhost.link = &vhost_user;
	r = host->char_connect(user->chardev);
	if (r < 0)
		return mortise_fail(err, r, "There is no vhost-user server at the chardev's socket: %s; start it first",
				    strerror(-r));
	user->vhost.fd = host->char_descriptor(user->chardev);
	r = greet(user);
	if (r < 0)
		return mortise_fail(err, r, "What listens at the chardev's socket does not speak vhost-user: %s",
				    strerror(-r));
	return 0;
}

bool vhost_user_connected(struct vhost_user *user)
{
	return user->vhost.link && descriptor(user) >= 0;
}

void vhost_user_gone(struct vhost_user *user)
{
	if (vhost_user_connected(user))
		shutdown(user->vhost.fd, SHUT_RDWR);
	user->vhost.fd = -1;
	vhost_stop(&user->vhost);
}

/* --- configuration --- */

int vhost_user_get_config(struct vhost_user *user, void *data, uint32_t size)
{
	struct message message = {.request = GET_CONFIG,
				  .flags = VERSION,
				  .size = (uint32_t)offsetof(struct config, data) + size,
				  .config = {.size = size}};
	int r;

	if (!(user->protocol & PROTOCOL_CONFIG))
		return -ENOTSUP;
	if (size > CONFIG_MAX)
		return -EINVAL;
	r = exchange(user, &message, NULL, 0, true);
	if (r < 0)
		return r;
	if (message.config.size != size || message.size != offsetof(struct config, data) + size)
		return -EPROTO;
	memcpy(data, message.config.data, size);
	return 0;
}

int vhost_user_set_config(struct vhost_user *user, uint32_t offset, const void *data, uint32_t size)
{
	struct message message = {.request = SET_CONFIG,
				  .size = (uint32_t)offsetof(struct config, data) + size,
				  .config = {.offset = offset, .size = size}};

	if (!(user->protocol & PROTOCOL_CONFIG))
		return -ENOTSUP;
	if (size > CONFIG_MAX)
		return -EINVAL;
	memcpy(message.config.data, data, size);
	return set(user, &message, NULL, 0);
}
