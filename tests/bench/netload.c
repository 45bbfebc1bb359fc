/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/netload.c - one end of a load on a network, run inside the guest and at the host's end of its tap.
 *
 * usage: netload sink PORT                           receives TCP, one connection after another, for ever
 *        netload stream ADDRESS PORT SECONDS         sends TCP to a sink; prints the bytes a second
 *        netload count PORT SECONDS                  counts datagrams, from the first one on; prints those a second
 *        netload blast ADDRESS PORT SECONDS BYTES    sends datagrams of that size
 *        netload carrier INTERFACE                   prints "carrier" whenever the link comes up, for ever
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 << 10)
#define BATCH 64	    /* datagrams in one system call, so that the guest's CPU is not what is measured */
#define LOWER_UP (1u << 16) /* IFF_LOWER_UP, which net/if.h lacks */

static char chunk[CHUNK];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "netload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (host && inet_pton(AF_INET, host, &address.sin_addr) != 1)
		die(host);
	return address;
}

static int bound(int type, const char *port)
{
	struct sockaddr_in address = address_of(NULL, port);
	int fd = socket(AF_INET, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("bind");
	return fd;
}

static int connected(int type, const char *host, const char *port)
{
	struct sockaddr_in address = address_of(host, port);
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	return fd;
}

/* Its end of a connection is closed when all has come. */
static void sink(const char *port)
{
	int listener = bound(SOCK_STREAM, port);

	if (listen(listener, 1) < 0)
		die("listen");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		while (fd >= 0 && read(fd, chunk, sizeof(chunk)) > 0)
			;
		close(fd);
	}
}

static void stream(const char *host, const char *port, double seconds)
{
	int fd = connected(SOCK_STREAM, host, port);
	double start = now();
	uint64_t bytes = 0;
	ssize_t n = 0;

	while (now() - start < seconds && (n = write(fd, chunk, sizeof(chunk))) > 0)
		bytes += (uint64_t)n;
	shutdown(fd, SHUT_WR);
	if (n < 0 || read(fd, chunk, 1) < 0)
		die("stream");
	printf("%.0f\n", (double)bytes / (now() - start));
}

static void prepare(struct mmsghdr *messages, struct iovec *iov, size_t bytes)
{
	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){chunk + i * 2048, bytes};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
	}
}

static void count(const char *port, double seconds)
{
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	struct timeval second = {.tv_sec = 1};
	int fd = bound(SOCK_DGRAM, port);
	uint64_t datagrams = 0;
	double start;

	prepare(messages, iov, 2048);
	if (read(fd, chunk, sizeof(chunk)) < 0)
		die("count");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	for (start = now(); now() - start < seconds;) {
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

		datagrams += n > 0 ? (uint64_t)n : 0;
	}
	printf("%.0f\n", (double)datagrams / seconds);
}

static void blast(const char *host, const char *port, double seconds, size_t bytes)
{
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	int fd = connected(SOCK_DGRAM, host, port);

	prepare(messages, iov, bytes);
	for (double start = now(); now() - start < seconds;)
		if (sendmmsg(fd, messages, BATCH, 0) < 0 && errno != ECONNREFUSED && errno != ENOBUFS)
			die("blast");
}

static void carrier(const char *interface)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), index = (int)if_nametoindex(interface);
	int was_up = 0;
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("carrier");
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)chunk;

		for (unsigned left = (unsigned)n; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
			const struct ifinfomsg *info = NLMSG_DATA(message);
			int up = info->ifi_flags & LOWER_UP;

			if (message->nlmsg_type != RTM_NEWLINK || info->ifi_index != index)
				continue;
			if (up && !was_up && write(STDOUT_FILENO, "carrier\n", 8) < 0)
				die("write");
			was_up = up;
		}
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";

	if (!strcmp(mode, "sink"))
		sink(argv[2]);
	else if (!strcmp(mode, "carrier"))
		carrier(argv[2]);
	else if (!strcmp(mode, "count") && argc == 4)
		count(argv[2], atof(argv[3]));
	else if (!strcmp(mode, "stream") && argc == 5)
		stream(argv[2], argv[3], atof(argv[4]));
	else if (!strcmp(mode, "blast") && argc == 6)
		blast(argv[2], argv[3], atof(argv[4]), (size_t)atoi(argv[5]));
	else
		return fprintf(stderr, "usage: see netload.c\n"), 2;
	return 0;
}
