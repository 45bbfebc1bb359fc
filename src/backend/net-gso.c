/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-gso.c - checksums and segmentation in software (virtio 1.2, 5.1.6.2; RFC 1071, 9293, 8200).
 */
#include "backend/net-gso.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>

#include "backend/net-driver.h"
#include "base/util.h"

#define ETHERNET_SIZE 14
#define VLAN_SIZE 4
#define IPV4_SIZE 20
#define IPV6_SIZE 40
#define TCP_SIZE 20
#define IP_LENGTH_MAX 65535

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

/* --- checksums --- */

/* Adds up 16-bit words as they lie in memory; the byte order cancels out (RFC 1071, 2.B). */
static uint64_t sum(const uint8_t *data, uint32_t size)
{
	uint64_t total = 0;

	while (size >= 32) {
		uint64_t words[4];

		memcpy(words, data, sizeof(words));
		for (int i = 0; i < 4; i++)
			total += (words[i] & UINT32_MAX) + (words[i] >> 32);
		data += 32;
		size -= 32;
	}
	while (size >= 2) {
		uint16_t word;

		memcpy(&word, data, sizeof(word));
		total += word;
		data += 2;
		size -= 2;
	}
	if (size) {
		const uint8_t last[2] = {*data, 0};
		uint16_t word;

		memcpy(&word, last, sizeof(word));
		total += word;
	}
	return total;
}

/* Stores the complement. Zero would mean "none" to UDP; its other form is as good for all. */
static void store_checksum(uint8_t *at, uint64_t total)
{
	uint16_t folded;

	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	folded = (uint16_t)~total;
	if (!folded)
		folded = 0xffff;
	memcpy(at, &folded, sizeof(folded));
}

static uint64_t pseudo_header(const struct net_gso *gso, const uint8_t *frame, uint32_t length)
{
	const uint8_t *ip = frame + gso->network;
	uint8_t tail[4] = {0, IPPROTO_TCP};

	put16(tail + 2, (uint16_t)length);
	return sum(tail, sizeof(tail)) + (gso->ipv6 ? sum(ip + 8, 32) : sum(ip + 12, 8));
}

/* --- looking at a frame --- */

static void skip(struct net_gso *gso, uint64_t size)
{
	while (gso->count && size >= gso->iov->iov_len - gso->offset) {
		size -= gso->iov->iov_len - gso->offset;
		gso->iov++;
		gso->count--;
		gso->offset = 0;
	}
	gso->offset += size;
}

/* Copies what comes next; the caller knows that there is that much. */
static void copy(struct net_gso *gso, uint8_t *to, uint64_t size)
{
	while (gso->count && size) {
		const uint64_t part = MIN(gso->iov->iov_len - gso->offset, size);

		memcpy(to, (const uint8_t *)gso->iov->iov_base + gso->offset, part);
		to += part;
		size -= part;
		skip(gso, part);
	}
}

/* The transport header's offset and kind behind an IPv6 header, or 0 where it is no TCP within our reach. */
static uint32_t find_tcp6(const uint8_t *frame, uint32_t network, uint32_t size)
{
	uint8_t next = frame[network + 6];
	uint32_t at = network + IPV6_SIZE;

	while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS) {
		if (at + 2 > size)
			return 0;
		next = frame[at];
		at += (frame[at + 1] + 1U) * 8;
	}
	return next == IPPROTO_TCP ? at : 0;
}

/* Finds the headers that every segment begins with, within the first `size` bytes, which are in gso->headers. */
static int parse_tcp(struct net_gso *gso, uint8_t type, uint32_t size)
{
	const uint8_t *frame = gso->headers;
	uint32_t at = ETHERNET_SIZE;
	uint16_t ethertype = get16(frame + 12);

	while ((ethertype == 0x8100 || ethertype == 0x88a8) && at + VLAN_SIZE <= size) {
		ethertype = get16(frame + at + 2);
		at += VLAN_SIZE;
	}
	gso->network = at;
	gso->ipv6 = type == VIRTIO_NET_HDR_GSO_TCPV6;
	if (gso->ipv6) {
		if (ethertype != 0x86dd || at + IPV6_SIZE > size || frame[at] >> 4 != 6)
			return -EINVAL;
		gso->transport = find_tcp6(frame, at, size);
	} else {
		const uint32_t length = (frame[at] & 0xf) * 4U;

		if (ethertype != 0x0800 || at + IPV4_SIZE > size || frame[at] >> 4 != 4 || length < IPV4_SIZE ||
		    frame[at + 9] != IPPROTO_TCP || get16(frame + at + 6) & 0x3fff)
			return -EINVAL;
		gso->transport = at + length;
	}
	if (!gso->transport || gso->transport + TCP_SIZE > size)
		return -EINVAL;
	gso->header_size = gso->transport + (frame[gso->transport + 12] >> 4) * 4U;
	return gso->header_size < gso->transport + TCP_SIZE || gso->header_size > size ? -EINVAL : 0;
}

static int begin_tcp(struct net_gso *gso, const struct virtio_net_hdr *header)
{
	const uint32_t size = (uint32_t)MIN(gso->left, sizeof(gso->headers));
	struct net_gso at = *gso;
	int r;

	copy(&at, gso->headers, size);
	r = parse_tcp(gso, header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN, size);
	if (r < 0)
		return r;
	if (!header->gso_size)
		return -EINVAL;
	skip(gso, gso->header_size);
	gso->tcp = true;
	gso->left -= gso->header_size;
	gso->segment = (uint32_t)MIN(gso->left, header->gso_size);
	if (gso->header_size - gso->network + gso->segment > IP_LENGTH_MAX ||
	    net_gso_frames(gso) > NET_GSO_SEGMENTS_MAX)
		return -EINVAL;
	return 0;
}

int net_gso_begin(struct net_gso *gso, const struct iovec *iov, uint32_t count, uint32_t header_size)
{
	struct virtio_net_hdr header;

	gso->iov = iov;
	gso->count = count;
	gso->offset = gso->left = 0;
	gso->index = gso->header_size = 0;
	gso->done = gso->tcp = gso->checksum = false;
	for (uint32_t i = 0; i < count; i++)
		gso->left += iov[i].iov_len;
	if (header_size < sizeof(header) || gso->left < header_size + ETHERNET_SIZE ||
	    gso->left > header_size + NET_FRAME_MAX)
		return -EINVAL;
	copy(gso, (uint8_t *)&header, sizeof(header));
	skip(gso, header_size - sizeof(header));
	gso->left -= header_size;

	switch (header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return begin_tcp(gso, &header);
	case VIRTIO_NET_HDR_GSO_NONE:
		break;
	default:
		return -EINVAL;
	}
	gso->segment = (uint32_t)gso->left;
	gso->checksum = header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	gso->transport = header.csum_start;
	gso->checksum_offset = header.csum_offset;
	if (gso->checksum && (uint64_t)gso->transport + gso->checksum_offset + sizeof(uint16_t) > gso->left)
		return -EINVAL;
	return 0;
}

/* --- cutting it up --- */

uint32_t net_gso_frames(const struct net_gso *gso)
{
	return gso->segment ? (uint32_t)((gso->left + gso->segment - 1) / gso->segment) : 1;
}

uint64_t net_gso_bytes(const struct net_gso *gso)
{
	return gso->left + (uint64_t)net_gso_frames(gso) * gso->header_size;
}

/* Makes the headers those of one segment, which has `size` bytes of payload. */
static void finish_segment(const struct net_gso *gso, uint8_t *frame, uint32_t size, bool last)
{
	const uint32_t length = gso->header_size - gso->transport + size; /* TCP header and payload */
	uint8_t *ip = frame + gso->network, *tcp = frame + gso->transport;

	if (gso->ipv6) {
		put16(ip + 4, (uint16_t)(gso->transport - gso->network - IPV6_SIZE + length));
	} else {
		put16(ip + 2, (uint16_t)(gso->transport - gso->network + length));
		put16(ip + 4, (uint16_t)(get16(ip + 4) + gso->index));
		put16(ip + 10, 0);
		store_checksum(ip + 10, sum(ip, gso->transport - gso->network));
	}
	put32(tcp + 4, get32(tcp + 4) + gso->index * gso->segment);
	if (gso->index)
		tcp[13] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	put16(tcp + 16, 0);
	store_checksum(tcp + 16, pseudo_header(gso, frame, length) + sum(tcp, length));
}

uint32_t net_gso_next(struct net_gso *gso, uint8_t *out)
{
	const uint32_t size = (uint32_t)MIN(gso->left, gso->segment);

	if (gso->done)
		return 0;
	memcpy(out, gso->headers, gso->header_size);
	copy(gso, out + gso->header_size, size);
	gso->left -= size;
	gso->done = !gso->left;
	if (gso->tcp)
		finish_segment(gso, out, size, gso->done);
	else if (gso->checksum)
		store_checksum(out + gso->transport + gso->checksum_offset,
			       sum(out + gso->transport, size - gso->transport));
	gso->index++;
	return gso->header_size + size;
}

struct iovec *net_gso_none(struct iovec copy[NET_GSO_BUFFERS_MAX], const struct iovec *iov, uint32_t *count,
			   uint32_t header_size)
{
	static const uint8_t header[sizeof(struct virtio_net_hdr_mrg_rxbuf)];
	struct iovec *at = copy;

	*count = MIN(*count, NET_GSO_BUFFERS_MAX);
	memcpy(copy, iov, *count * sizeof(*iov));
	mortise_iov_put(&at, count, header, MIN(header_size, sizeof(header)));
	return at;
}
