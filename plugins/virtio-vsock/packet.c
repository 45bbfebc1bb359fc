/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.c - the packets of the queues (5.10.6): what the guest is told, and
 * what it sends.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vsock.h"

/* --- to the guest --- */

static uint32_t credit(const struct connection *connection)
{
	const uint32_t used = connection->sent - connection->guest_taken;

	return used < connection->guest_room ? connection->guest_room - used : 0;
}

/* Each packet carries the room that we have (5.10.6.3). */
static struct virtio_vsock_hdr header_of(struct connection *connection, uint16_t op, uint32_t size, uint32_t flags)
{
	connection->taken_told = connection->taken;
	connection->telling &= ~(uint32_t)TELL_CREDIT;
	return (struct virtio_vsock_hdr){.src_cid = htole64(HOST_CID),
					 .dst_cid = htole64(connection->vsock->guest_cid),
					 .src_port = htole32(connection->host_port),
					 .dst_port = htole32(connection->guest_port),
					 .len = htole32(size),
					 .type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
					 .op = htole16(op),
					 .flags = htole32(flags),
					 .buf_alloc = htole32(BUFFER_SIZE),
					 .fwd_cnt = htole32(connection->taken)};
}

/* False: the guest has given no buffer. */
static bool send_header(struct vsock *vsock, const struct virtio_vsock_hdr *header)
{
	struct mortise_chain *chain = vsock->host->queue_pop(vsock->device, QUEUE_RX);

	if (!chain)
		return false;
	vsock->host->queue_push(vsock->device, chain,
				mortise_iov_put(&chain->in, &chain->in_count, header, sizeof(*header)));
	return true;
}

static bool send_refusals(struct vsock *vsock)
{
	while (vsock->refusal_count) {
		if (!send_header(vsock, &vsock->refusals[vsock->refusal_count - 1]))
			return false;
		vsock->refusal_count--;
	}
	return true;
}

/* The messages of a connection, but its data. False: no buffer. */
static bool tell(struct connection *connection)
{
	static const struct {
		uint32_t telling;
		uint16_t op;
		uint32_t flags;
	} messages[] = {
		{TELL_REQUEST, VIRTIO_VSOCK_OP_REQUEST, 0},
		{TELL_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE, 0},
		{TELL_CREDIT, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0},
		{TELL_SHUTDOWN, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND},
		{TELL_RESET, VIRTIO_VSOCK_OP_RST, 0},
	};

	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct virtio_vsock_hdr header;

		if (!(connection->telling & messages[i].telling))
			continue;
		header = header_of(connection, messages[i].op, 0, messages[i].flags);
		if (!send_header(connection->vsock, &header)) {
			connection->telling |= messages[i].telling;
			return false;
		}
		connection->telling &= ~messages[i].telling;
		if (messages[i].telling == TELL_RESET) {
			connection_free(connection);
			return true;
		}
	}
	return true;
}

/* Reads from the socket straight into a chain, behind the header's place. */
static ssize_t fill(const struct connection *connection, struct mortise_chain *chain, uint64_t most)
{
	const struct virtio_vsock_hdr none = {0};
	struct msghdr message = {0};
	uint64_t size = 0;

	mortise_iov_put(&chain->in, &chain->in_count, &none, sizeof(none));
	for (uint32_t i = 0; i < chain->in_count && size < most; i++) {
		if (chain->in[i].iov_len > most - size)
			chain->in[i].iov_len = most - size;
		size += chain->in[i].iov_len;
		message.msg_iovlen++;
	}
	message.msg_iov = chain->in;
	return recvmsg(connection->fd, &message, MSG_DONTWAIT);
}

/* No more comes from outside; with the guest's own end, the connection is over. */
static void host_ended(struct connection *connection)
{
	connection->host_ended = true;
	if (connection->shut & VIRTIO_VSOCK_SHUTDOWN_SEND && !connection->count)
		connection->telling = TELL_RESET;
	else
		connection->telling |= TELL_SHUTDOWN;
}

/* One packet of data. False: there is no buffer. */
static bool send_data(struct connection *connection)
{
	struct vsock *vsock = connection->vsock;
	struct mortise_chain *chain = vsock->host->queue_pop(vsock->device, QUEUE_RX);
	struct virtio_vsock_hdr header;
	struct iovec place[8], *at = place;
	uint32_t pieces;
	uint64_t most = credit(connection);
	ssize_t n;

	if (!chain)
		return false;
	pieces = chain->in_count < 8 ? chain->in_count : 8;
	memcpy(place, chain->in, pieces * sizeof(*place));
	if (chain->in_size <= sizeof(header)) { /* there is no room for data: the driver's own fault */
		vsock->host->queue_push(vsock->device, chain, 0);
		return true;
	}
	n = fill(connection, chain, most < PACKET_MAX ? most : PACKET_MAX);
	if (n <= 0) {
		connection->readable = false;
		if (n == 0)
			host_ended(connection);
		else if (errno != EAGAIN && errno != EINTR)
			connection->telling = TELL_RESET;
		vsock->host->queue_unpop(vsock->device, chain);
		return true;
	}
	connection->sent += (uint32_t)n;
	header = header_of(connection, VIRTIO_VSOCK_OP_RW, (uint32_t)n, 0);
	mortise_iov_put(&at, &pieces, &header, sizeof(header));
	vsock->host->queue_push(vsock->device, chain, sizeof(header) + (uint64_t)n);
	return true;
}

static bool may_send(const struct connection *connection)
{
	return connection->state == OPEN && connection->readable && !(connection->telling & TELL_RESET) &&
	       !(connection->shut & VIRTIO_VSOCK_SHUTDOWN_RCV) && credit(connection);
}

/* One round over all connections gives each a packet, so that none waits for
 * another's end. */
static bool serve_all(struct vsock *vsock, bool *more)
{
	struct connection *next;

	*more = false;
	for (struct connection *connection = vsock->connections; connection; connection = next) {
		next = connection->next;
		if (may_send(connection)) {
			if (!send_data(connection))
				return false;
			*more |= may_send(connection);
		}
		connection_want(connection);
		if (connection->telling && !tell(connection))
			return false;
	}
	return true;
}

void packet_flush(struct vsock *vsock)
{
	bool more = true;

	if (!vsock->active || !send_refusals(vsock))
		return;
	while (more && serve_all(vsock, &more))
		;
}

/* --- from the guest --- */

/* A packet for a connection that there is not, or not in that way, is
 * answered by a reset (5.10.6.4). */
static void refuse(struct vsock *vsock, const struct virtio_vsock_hdr *packet)
{
	if (packet->op == htole16(VIRTIO_VSOCK_OP_RST) || packet->src_cid != htole64(vsock->guest_cid))
		return;
	vsock->refusals[vsock->refusal_count++] = (struct virtio_vsock_hdr){.src_cid = packet->dst_cid,
									    .dst_cid = packet->src_cid,
									    .src_port = packet->dst_port,
									    .dst_port = packet->src_port,
									    .type = packet->type,
									    .op = htole16(VIRTIO_VSOCK_OP_RST)};
}

static void take_request(struct vsock *vsock, const struct virtio_vsock_hdr *packet)
{
	struct connection *connection = NULL;
	int fd = vsock_connect(vsock, le32toh(packet->dst_port));

	if (fd >= 0)
		connection = connection_new(vsock, fd, OPEN);
	if (!connection) {
		if (fd >= 0)
			close(fd);
		refuse(vsock, packet);
		return;
	}
	connection->host_port = le32toh(packet->dst_port);
	connection->guest_port = le32toh(packet->src_port);
	connection->guest_room = le32toh(packet->buf_alloc);
	connection->guest_taken = le32toh(packet->fwd_cnt);
	connection->telling = TELL_RESPONSE;
	connection_want(connection);
}

static void take_packet(struct vsock *vsock, struct mortise_chain *chain, const struct virtio_vsock_hdr *packet)
{
	struct connection *connection = connection_find(vsock, le32toh(packet->dst_port), le32toh(packet->src_port));
	const uint16_t op = le16toh(packet->op);

	if (packet->src_cid != htole64(vsock->guest_cid) || packet->dst_cid != htole64(HOST_CID) ||
	    packet->type != htole16(VIRTIO_VSOCK_TYPE_STREAM)) {
		refuse(vsock, packet);
		return;
	}
	if (!connection) {
		if (op == VIRTIO_VSOCK_OP_REQUEST)
			take_request(vsock, packet);
		else
			refuse(vsock, packet);
		return;
	}
	if (connection->telling & TELL_RESET) /* it has ended already */
		return;
	connection->guest_room = le32toh(packet->buf_alloc);
	connection->guest_taken = le32toh(packet->fwd_cnt);
	if (op == VIRTIO_VSOCK_OP_RST)
		connection_free(connection);
	else if (op == VIRTIO_VSOCK_OP_RESPONSE && connection->state == REQUESTED)
		connection_opened(connection);
	else if (connection->state != OPEN || op == VIRTIO_VSOCK_OP_REQUEST || op == VIRTIO_VSOCK_OP_RESPONSE)
		connection->telling = TELL_RESET;
	else if (op == VIRTIO_VSOCK_OP_RW && !connection_take(connection, chain, le32toh(packet->len)))
		connection->telling = TELL_RESET;
	else if (op == VIRTIO_VSOCK_OP_SHUTDOWN)
		connection_shut(connection, le32toh(packet->flags));
	else if (op == VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		connection->telling |= TELL_CREDIT;
}

/* Where too many refusals wait for the guest's buffers, its packets lie in
 * the ring. */
void packet_take(struct vsock *vsock)
{
	struct virtio_vsock_hdr packet;
	struct mortise_chain *chain;

	while (vsock->refusal_count < REFUSALS_MAX && (chain = vsock->host->queue_pop(vsock->device, QUEUE_TX))) {
		if (mortise_iov_take(&chain->out, &chain->out_count, &packet, sizeof(packet)) == sizeof(packet))
			take_packet(vsock, chain, &packet);
		vsock->host->queue_push(vsock->device, chain, 0);
		if (vsock->refusal_count == REFUSALS_MAX)
			packet_flush(vsock);
	}
	packet_flush(vsock);
}
