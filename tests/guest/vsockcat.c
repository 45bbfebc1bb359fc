/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/guest/vsockcat.c - for the guest: standard input and output on a socket of AF_VSOCK, until both have ended.
 *
 * usage: vsockcat CID PORT    connects
 *        vsockcat PORT        listens, for one connection
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h> /* wants the above */

static int fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(int argc, char **argv)
{
	struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket");
	address.svm_port = (unsigned)strtoul(argv[argc - 1], NULL, 0);
	if (argc == 3) {
		address.svm_cid = (unsigned)strtoul(argv[1], NULL, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			fail("connect");
		return fd;
	}
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
		fail("listen");
	fprintf(stderr, "listening\n");
	fd = accept(fd, NULL, NULL);
	return fd < 0 ? fail("accept") : fd;
}

/* False at the end. */
static int copy(int from, int to)
{
	static char data[65536];
	ssize_t n = read(from, data, sizeof(data));

	for (ssize_t done = 0; done < n;) {
		ssize_t part = write(to, data + done, (size_t)(n - done));

		if (part < 0)
			fail("write");
		done += part;
	}
	return n < 0 ? fail("read") : n > 0;
}

int main(int argc, char **argv)
{
	struct pollfd polls[2] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};
	int fd;

	if (argc < 2 || argc > 3)
		return 2;
	fd = polls[1].fd = open_socket(argc, argv);
	while (polls[0].fd >= 0 || polls[1].fd >= 0) {
		poll(polls, 2, -1);
		if (polls[0].fd >= 0 && polls[0].revents && !copy(0, fd)) {
			polls[0].fd = -1;
			shutdown(fd, SHUT_WR);
		}
		if (polls[1].fd >= 0 && polls[1].revents && !copy(fd, 1))
			polls[1].fd = -1;
	}
	return 0;
}
