/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock.h - the socket device, its connections, and what they have to tell the
 * guest.
 *
 * Sections in comments are those of virtio 1.2. Everything runs on the
 * instance's thread. No chain is held from one callback to the next.
 */
#pragma once

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <sys/types.h>

#include <mortise/plugin.h>

#define QUEUE_RX 0
#define QUEUE_TX 1
#define QUEUE_EVENT 2
#define HOST_CID 2
#define CONNECTIONS_MAX 1024
#define BUFFER_SIZE 65536u /* that the guest may send and nobody outside has read */
#define LINE_SIZE 32
#define REFUSALS_MAX 64
#define PACKET_MAX 65536u

enum state {
	GREETING,  /* a client outside has not said yet which port it wants */
	REQUESTED, /* the guest was asked, or is about to be */
	OPEN
};

/* What there is to tell the guest of a connection, besides data. */
enum telling {
	TELL_REQUEST = 1u << 0,
	TELL_RESPONSE = 1u << 1,
	TELL_CREDIT = 1u << 2,
	TELL_SHUTDOWN = 1u << 3,
	TELL_RESET = 1u << 4 /* the last: the connection ends with it */
};

struct connection {
	struct connection *next;
	struct vsock *vsock;
	int fd;
	enum state state;
	uint32_t host_port, guest_port;
	uint32_t telling; /* enum telling, or'ed */
	bool readable;	  /* there is something to be read, but no buffer of the guest's
			     to put it into */
	bool host_ended;  /* the peer outside sends no more */
	uint32_t shut;	  /* by the guest: VIRTIO_VSOCK_SHUTDOWN_... */
	uint32_t watched; /* what watch() was last asked for */

	uint32_t guest_room, guest_taken, sent; /* the guest's credit, and what it has cost (5.10.6.3) */
	uint32_t taken, taken_told;		/* ours */

	uint8_t *buffer; /* of BUFFER_SIZE bytes, made when it is first needed */
	uint32_t first, count;
};

struct vsock {
	/* properties */
	uint64_t guest_cid;
	const char *path;

	const struct mortise_host *host;
	struct mortise_device *device;
	bool active, restored;
	int listen_fd;
	dev_t file_device; /* of the socket's file: whether it is still ours to remove
			    */
	ino_t file_inode;
	uint32_t next_port, count;
	struct connection *connections;
	struct virtio_vsock_hdr refusals[REFUSALS_MAX]; /* for packets that belong to no connection */
	uint32_t refusal_count;
};

/* connection.c */
struct connection *connection_new(struct vsock *vsock, int fd, enum state state);
struct connection *connection_find(struct vsock *vsock, uint32_t host_port, uint32_t guest_port);
void connection_free(struct connection *connection);
void connection_ready(struct connection *connection, uint32_t events);
void connection_want(struct connection *connection); /* asks for what it can use now */

/* Takes data from the guest; false: more than it may send. */
bool connection_take(struct connection *connection, struct mortise_chain *chain, uint32_t size);
void connection_opened(struct connection *connection);
void connection_shut(struct connection *connection, uint32_t flags);

/* virtio-vsock.c */
int vsock_connect(struct vsock *vsock, uint32_t port); /* to whoever serves the port outside: a descriptor */

/* packet.c */
void packet_flush(struct vsock *vsock); /* tells the guest what there is to
					   tell, as far as it has buffers */
void packet_take(struct vsock *vsock);	/* takes what the guest sends */
