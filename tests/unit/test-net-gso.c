/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checksums and segmentation in software, against a checksum written the plain way; hostile frames; the row of frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "backend/net-driver.h"
#include "backend/net-fifo.h"
#include "backend/net-gso.h"
#include "base/util.h"

#define HEADER 12

/* A frame under construction: virtio-net header, then Ethernet and so on. */
struct frame {
	uint8_t data[HEADER + NET_FRAME_MAX + 64];
	uint32_t size;
};

static struct virtio_net_hdr *header_of(struct frame *frame)
{
	return (struct virtio_net_hdr *)frame->data;
}

static void add(struct frame *frame, const void *data, uint32_t size)
{
	memcpy(frame->data + frame->size, data, size);
	frame->size += size;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* RFC 1071 as it is written there. */
static uint32_t add_words(uint32_t sum, const uint8_t *data, uint32_t size)
{
	for (uint32_t i = 0; i < size; i += 2)
		sum += (uint32_t)(data[i] << 8) | (i + 1 < size ? data[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* An Ethernet frame with TCP of `payload` bytes; `vlans` tags; the TCP header has `options` bytes more. */
static void make_tcp(struct frame *frame, bool ipv6, unsigned vlans, uint32_t options, uint32_t payload, uint8_t flags)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, tag[4] = {0x81, 0, 0, 5};
	uint8_t ip4[20] = {0x45, 0, 0, 0, 0x12, 0xff, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
	uint8_t ip6[48] = {
		0x60,	    0,		0,	  0,	       0,	    0,	      60,      64,
		[8] = 0xfe, [9] = 0x80, [23] = 1, [24] = 0xfe, [25] = 0x80, [39] = 2, [40] = 6}; /* with 8 bytes of
												    destination options
												  */
	uint8_t tcp[60] = {0x30, 0x39, 0, 80, 0xff, 0xff, 0xfe, 0, 0, 0, 0, 7, 0, flags, 0x10, 0};
	uint32_t start;

	memset(frame->data, 0, HEADER);
	frame->size = HEADER;
	add(frame, macs, sizeof(macs));
	for (unsigned i = 0; i < vlans; i++)
		add(frame, tag, sizeof(tag));
	add(frame, ipv6 ? (const uint8_t[]){0x86, 0xdd} : (const uint8_t[]){8, 0}, 2);
	add(frame, ipv6 ? ip6 : ip4, ipv6 ? sizeof(ip6) : sizeof(ip4));
	start = frame->size - HEADER;
	tcp[12] = (uint8_t)((20 + options) / 4 << 4);
	memset(tcp + 20, 1, options);
	add(frame, tcp, 20 + options);
	for (uint32_t i = 0; i < payload; i++)
		frame->data[frame->size++] = (uint8_t)(i * 7 + i / 251);
	*header_of(frame) = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = (uint16_t)start, .csum_offset = 16};
}

/* Cuts a frame into iovecs of odd sizes, so that headers and words lie across them. */
static uint32_t scatter(struct frame *frame, struct iovec *iov, uint32_t most)
{
	static const uint32_t sizes[] = {12, 1, 13, 0, 7, 33, 400, 3, 1500, 4097};
	uint32_t count = 0, at = 0;

	while (at < frame->size) {
		uint32_t size = MIN(sizes[count % ARRAY_SIZE(sizes)], frame->size - at);

		if (count == most - 1)
			size = frame->size - at;
		iov[count++] = (struct iovec){.iov_base = frame->data + at, .iov_len = size};
		at += size;
	}
	return count;
}

/* Checks one finished segment; returns the bytes of payload in it. */
static uint32_t check_segment(const uint8_t *out, uint32_t length, bool ipv6, unsigned vlans, uint32_t options,
			      uint32_t done, uint32_t payload, uint32_t index, uint8_t flags)
{
	const uint32_t network = 14 + vlans * 4, transport = network + (ipv6 ? 48 : 20);
	const uint32_t headers = transport + 20 + options, size = length - headers;
	const uint8_t *ip = out + network, *tcp = out + transport;
	uint8_t pseudo[40] = {0};
	uint32_t pseudo_size, tcp_size = length - transport;
	uint8_t expected = flags;

	if (ipv6) {
		assert_int_equal(get16(ip + 4), length - network - 40);
		memcpy(pseudo, ip + 8, 32);
		pseudo_size = 32;
	} else {
		assert_int_equal(get16(ip + 2), length - network);
		assert_int_equal(get16(ip + 4), (0x12ff + index) & 0xffff);
		assert_int_equal(add_words(0, ip, 20), 0xffff);
		memcpy(pseudo, ip + 12, 8);
		pseudo_size = 8;
	}
	memcpy(pseudo + pseudo_size, (const uint8_t[]){0, 6, (uint8_t)(tcp_size >> 8), (uint8_t)tcp_size}, 4);
	assert_int_equal(add_words(add_words(0, pseudo, pseudo_size + 4), tcp, tcp_size), 0xffff);
	assert_int_equal(get32(tcp + 4), (uint32_t)(0xfffffe00u + done));
	if (index)
		expected &= (uint8_t)~0x80;
	if (done + size < payload)
		expected &= (uint8_t)~0x09;
	assert_int_equal(tcp[13], expected);
	for (uint32_t i = 0; i < size; i++)
		assert_int_equal(out[headers + i], (uint8_t)((done + i) * 7 + (done + i) / 251));
	return size;
}

static void segment(bool ipv6, unsigned vlans, uint32_t options, uint32_t payload, uint16_t gso_size, uint8_t flags)
{
	static struct frame frame;
	static uint8_t out[NET_FRAME_MAX];
	struct iovec iov[64];
	struct net_gso gso;
	uint32_t length, done = 0, index = 0, frames;
	uint64_t bytes, total = 0;

	make_tcp(&frame, ipv6, vlans, options, payload, flags);
	header_of(&frame)->gso_type = ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	header_of(&frame)->gso_type |= flags & 0x80 ? VIRTIO_NET_HDR_GSO_ECN : 0;
	header_of(&frame)->gso_size = gso_size;
	assert_int_equal(net_gso_begin(&gso, iov, scatter(&frame, iov, ARRAY_SIZE(iov)), HEADER), 0);
	frames = net_gso_frames(&gso);
	bytes = net_gso_bytes(&gso);
	while ((length = net_gso_next(&gso, out))) {
		const uint32_t size = check_segment(out, length, ipv6, vlans, options, done, payload, index++, flags);

		assert_true(size <= gso_size);
		done += size;
		total += length;
	}
	assert_int_equal(done, payload);
	assert_int_equal(index, frames);
	assert_int_equal(total, bytes);
}

static void test_segments(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		for (unsigned vlans = 0; vlans < 3; vlans++) {
			segment(ipv6, vlans, 12, 60000, 1448, 0x18 | 0x80 | 0x01);
			segment(ipv6, vlans, 0, 2896, 1448, 0x18);
			segment(ipv6, vlans, 40, 1449, 1448, 0x11);
		}
		segment(ipv6, 0, 12, 1, 1448, 0x18);
		segment(ipv6, 0, 12, 0, 1448, 0x10);
		segment(ipv6, 0, 12, 999, 1, 0x10);
		segment(ipv6, 0, 12, 65000, 65000, 0x10);
		segment(ipv6, 0, 12, 8001, 501, 0x10);
	}
}

static void test_checksum(void **state)
{
	static struct frame frame;
	static uint8_t out[NET_FRAME_MAX];
	struct iovec iov[64];
	struct net_gso gso;

	for (uint32_t payload = 0; payload < 70; payload++) {
		const uint32_t tcp_size = 20 + payload;
		uint8_t pseudo[12] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 6, (uint8_t)(tcp_size >> 8), (uint8_t)tcp_size};
		uint32_t sum = add_words(0, pseudo, sizeof(pseudo)), length;

		make_tcp(&frame, false, 0, 0, payload, 0x10);
		frame.data[HEADER + 34 + 16] = (uint8_t)(sum >> 8);
		frame.data[HEADER + 34 + 17] = (uint8_t)sum;
		assert_int_equal(net_gso_begin(&gso, iov, scatter(&frame, iov, ARRAY_SIZE(iov)), HEADER), 0);
		assert_int_equal(net_gso_frames(&gso), 1);
		length = net_gso_next(&gso, out);
		assert_int_equal(length, frame.size - HEADER);
		assert_int_equal(net_gso_next(&gso, out), 0);
		assert_int_equal(add_words(sum, out + 34, length - 34), 0xffff);
		assert_memory_equal(out, frame.data + HEADER, 34 + 16);
		assert_memory_equal(out + 34 + 18, frame.data + HEADER + 34 + 18, length - 34 - 18);
	}
}

/* A checksum that comes out as zero is sent as its other form: zero means "none" in UDP. */
static void test_zero_checksum(void **state)
{
	struct frame frame = {.size = HEADER + 20};
	struct iovec iov = {.iov_base = frame.data, .iov_len = frame.size};
	uint8_t out[64];
	struct net_gso gso;

	*header_of(&frame) =
		(struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 14, .csum_offset = 4};
	memset(frame.data + HEADER + 14, 0xff, 2);
	assert_int_equal(net_gso_begin(&gso, &iov, 1, HEADER), 0);
	assert_int_equal(net_gso_next(&gso, out), 20);
	assert_int_equal(get16(out + 18), 0xffff);
}

static void test_untouched(void **state)
{
	static struct frame frame;
	static uint8_t out[NET_FRAME_MAX];
	struct iovec iov[64];
	struct net_gso gso;

	make_tcp(&frame, false, 1, 8, 1000, 0x10);
	header_of(&frame)->flags = 0;
	assert_int_equal(net_gso_begin(&gso, iov, scatter(&frame, iov, ARRAY_SIZE(iov)), HEADER), 0);
	assert_int_equal(net_gso_next(&gso, out), frame.size - HEADER);
	assert_memory_equal(out, frame.data + HEADER, frame.size - HEADER);
}

/* --- hostile frames --- */

static int begin(struct frame *frame)
{
	struct iovec iov[64];
	struct net_gso gso;

	return net_gso_begin(&gso, iov, scatter(frame, iov, ARRAY_SIZE(iov)), HEADER);
}

static void test_hostile_headers(void **state)
{
	static struct frame frame;
	static const struct {
		uint32_t at;
		uint8_t value;
		const char *what;
	} broken[] = {
		{HEADER + 12, 0x86, "an IPv6 frame said to be IPv4"},
		{HEADER + 14, 0x44, "an IPv4 header of 16 bytes"},
		{HEADER + 14, 0x4f, "an IPv4 header that reaches into the data"},
		{HEADER + 14, 0x65, "version 6"},
		{HEADER + 20, 0x20, "a fragment"},
		{HEADER + 23, 17, "UDP"},
		{HEADER + 34 + 12, 0x40, "a TCP header of 16 bytes"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		make_tcp(&frame, false, 0, 0, 20, 0x10);
		header_of(&frame)->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		header_of(&frame)->gso_size = 100;
		assert_int_equal(begin(&frame), 0);
		frame.data[broken[i].at] = broken[i].value;
		if (begin(&frame) != -EINVAL)
			fail_msg("%s was let through", broken[i].what);
	}

	make_tcp(&frame, false, 0, 0, 20, 0x10);
	header_of(&frame)->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	assert_int_equal(begin(&frame), -EINVAL); /* gso_size 0 */
	header_of(&frame)->gso_type = VIRTIO_NET_HDR_GSO_UDP;
	assert_int_equal(begin(&frame), -EINVAL);
	header_of(&frame)->gso_type = 0x7f;
	assert_int_equal(begin(&frame), -EINVAL);

	make_tcp(&frame, false, 0, 0, NET_GSO_SEGMENTS_MAX + 1, 0x10);
	header_of(&frame)->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	header_of(&frame)->gso_size = 1;
	assert_int_equal(begin(&frame), -EINVAL); /* too many segments */

	make_tcp(&frame, false, 0, 0, 65520, 0x10);
	header_of(&frame)->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	header_of(&frame)->gso_size = 65535;
	assert_int_equal(begin(&frame), -EINVAL); /* more than an IP packet can hold */

	make_tcp(&frame, false, 0, 0, 20, 0x10);
	header_of(&frame)->csum_start = (uint16_t)(frame.size - HEADER - 17);
	assert_int_equal(begin(&frame), -EINVAL); /* the checksum's second byte is past the end */
	header_of(&frame)->csum_start = 0xffff;
	header_of(&frame)->csum_offset = 0xffff;
	assert_int_equal(begin(&frame), -EINVAL);
	header_of(&frame)->flags = 0;
	assert_int_equal(begin(&frame), 0);

	for (frame.size = 0; frame.size < HEADER + NET_FRAME_MIN; frame.size++)
		assert_int_equal(begin(&frame), -EINVAL); /* cut short */
	frame.size = HEADER + NET_FRAME_MAX + 1;
	assert_int_equal(begin(&frame), -EINVAL);
}

/* Whatever the bytes are: bounded output, and nothing read outside. */
static void test_random(void **state)
{
	static struct frame frame;
	uint32_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		struct net_gso gso;
		struct iovec iov;
		uint64_t total = 0;
		uint32_t length;
		uint8_t *exact;

		make_tcp(&frame, round & 1, round / 2 % 3, round / 6 % 11 * 4, (uint32_t)round % 300, 0x18);
		header_of(&frame)->gso_type = round & 1 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		header_of(&frame)->gso_size = (uint16_t)(round % 97);
		for (int i = 0; i < 3; i++) {
			seed = seed * 1103515245 + 12345;
			frame.data[(seed >> 16) % MIN(frame.size, 120u)] = (uint8_t)(seed >> 8);
		}
		frame.size = (seed >> 20) % 4 ? frame.size : (seed >> 10) % frame.size;
		exact = malloc(frame.size ? frame.size : 1); /* so that a sanitizer sees the end */
		memcpy(exact, frame.data, frame.size);
		iov = (struct iovec){.iov_base = exact, .iov_len = frame.size};
		if (net_gso_begin(&gso, &iov, 1, HEADER) == 0) {
			const uint64_t bytes = net_gso_bytes(&gso);
			const uint32_t frames = net_gso_frames(&gso);
			uint8_t *out = malloc(frame.size);
			uint32_t count = 0;

			while ((length = net_gso_next(&gso, out))) {
				assert_true(length <= frame.size);
				total += length;
				count++;
			}
			assert_int_equal(total, bytes);
			assert_int_equal(count, frames);
			assert_true(count <= NET_GSO_SEGMENTS_MAX);
			free(out);
		}
		free(exact);
	}
}

/* --- frames in a row --- */

static void test_fifo(void **state)
{
	static struct frame frame;
	static uint8_t got[2048];
	struct net_fifo fifo;
	struct net_gso gso;
	struct iovec iov = {.iov_base = frame.data}, in[3] = {{got, 5}, {got + 5, 20}, {got + 25, sizeof(got) - 25}};
	const uint8_t *front;
	int appended = 0;

	assert_int_equal(net_fifo_new(&fifo, 5000), 0);
	assert_int_equal(net_fifo_front(&fifo, &front), -EAGAIN);
	make_tcp(&frame, false, 0, 0, 900, 0x10);
	header_of(&frame)->flags = 0;
	iov.iov_len = frame.size;

	/* Round and round, so that frames move to the front of the memory now and then. */
	for (int round = 0; round < 50; round++) {
		for (;; appended++) {
			assert_int_equal(net_gso_begin(&gso, &iov, 1, HEADER), 0);
			if (net_fifo_append(&fifo, &gso) < 0)
				break;
		}
		assert_int_equal(appended, 5);
		for (int i = 0; i < 1 + round % 5; i++, appended--) {
			memset(got, 0xaa, sizeof(got));
			assert_int_equal(net_fifo_take(&fifo, in, 3, HEADER), frame.size);
			for (int zero = 0; zero < HEADER; zero++)
				assert_int_equal(got[zero], 0);
			assert_memory_equal(got + HEADER, frame.data + HEADER, frame.size - HEADER);
			assert_int_equal(got[frame.size], 0xaa);
		}
	}
	net_fifo_free(&fifo);
}

static void test_fifo_framing(void **state)
{
	static const uint8_t bad[] = {0, 2, 0, 0}, partial[] = {0, 0, 0, 3, 'a', 'b'};
	uint8_t small[HEADER + 1];
	struct iovec iov = {small, sizeof(small)};
	struct net_fifo fifo;
	const uint8_t *frame;

	assert_int_equal(net_fifo_new(&fifo, 5000), 0);
	for (size_t i = 0; i < sizeof(partial); i++) {
		memcpy(net_fifo_room(&fifo, 1), partial + i, 1);
		fifo.end++;
		assert_int_equal(net_fifo_front(&fifo, &frame), -EAGAIN);
	}
	memcpy(net_fifo_room(&fifo, 1), "c", 1);
	fifo.end++;
	assert_int_equal(net_fifo_front(&fifo, &frame), 3);
	assert_memory_equal(frame, "abc", 3);
	assert_int_equal(net_fifo_take(&fifo, &iov, 1, HEADER), HEADER + 3); /* two bytes of it are lost */
	assert_int_equal(small[HEADER], 'a');
	assert_int_equal(net_fifo_used(&fifo), 0);

	memcpy(net_fifo_room(&fifo, 4), bad, 4);
	fifo.end += 4;
	assert_int_equal(net_fifo_front(&fifo, &frame), -EPROTO);
	assert_null(net_fifo_room(&fifo, 5000));
	net_fifo_free(&fifo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_zero_checksum),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_hostile_headers),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_fifo_framing),
	};

	return cmocka_run_group_tests_name("net-gso", tests, NULL, NULL);
}
