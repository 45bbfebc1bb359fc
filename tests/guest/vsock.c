/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest/vsock.c - the end of a vsock that runs in a test's guest: sends back what comes.
 *
 * usage: vsock PORT         waits for one connection
 *        vsock PORT CID     connects, to the host say (2)
 */
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int echo(int fd)
{
	static char data[65536];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		for (ssize_t done = 0, sent; done < n; done += sent) {
			sent = write(fd, data + done, (size_t)(n - done));
			if (sent < 0)
				return fail("write");
		}
	return n < 0 ? fail("read") : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || argc < 2)
		return fail("socket");
	address.svm_port = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2) {
		address.svm_cid = (unsigned)strtoul(argv[2], NULL, 10);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			return fail("connect");
		return echo(fd);
	}
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		return fail("bind");
	puts("listening");
	fflush(stdout);
	fd = accept(fd, NULL, NULL);
	return fd < 0 ? fail("accept") : echo(fd);
}
