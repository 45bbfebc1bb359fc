/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-interface.c - the kernel's messages about network interfaces (rtnetlink(7)).
 */
#include "backend/net-interface.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/util.h"

#define MESSAGES_SIZE 16384

/* By number, as its name can change; by name, as a new one of that name has another number. */
static bool is_about(struct net_interface *interface, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	const struct rtattr *attribute = IFLA_RTA(info);
	int left = (int)IFLA_PAYLOAD(message);

	if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK)
		return false;
	while (RTA_OK(attribute, left) && attribute->rta_type != IFLA_IFNAME)
		attribute = RTA_NEXT(attribute, left);
	if (RTA_OK(attribute, left) && streq(RTA_DATA(attribute), interface->name))
		interface->index = info->ifi_index;
	return info->ifi_index == interface->index;
}

static void on_messages(evutil_socket_t fd, short what, void *opaque)
{
	struct net_interface *interface = opaque;
	_Alignas(struct nlmsghdr) char buffer[MESSAGES_SIZE];
	const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
	const ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_TRUNC);
	bool about = false;

	if (n < 0 && errno != ENOBUFS)
		return;
	if (n < 0 || (size_t)n > sizeof(buffer))
		about = true; /* messages were lost, or the end of one: who knows */
	else
		for (unsigned left = (unsigned)n; !about && NLMSG_OK(message, left);
		     message = NLMSG_NEXT(message, left))
			about = is_about(interface, message);
	if (about)
		interface->changed(interface->opaque);
}

int net_interface_watch(struct net_interface *interface, struct loop *loop, const char *name,
			void (*changed)(void *opaque), void *opaque)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	interface->event = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_messages, interface);
	if (!interface->event)
		return -ENOMEM;
	if (event_add(interface->event, NULL) < 0) {
		event_free(steal_ptr(&interface->event));
		return -ENOMEM;
	}
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	interface->changed = changed;
	interface->opaque = opaque;
	interface->fd = steal_fd(&fd);
	return 0;
}

void net_interface_unwatch(struct net_interface *interface)
{
	if (!interface->event)
		return;
	event_free(steal_ptr(&interface->event));
	close(interface->fd);
}
