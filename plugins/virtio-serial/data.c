/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data.c - the bytes of a line, between its two queues and the port's chardev, with flow control both ways.
 *
 * A guest that does not read makes the sender outside wait: nothing is taken from the chardev that has no buffer to go
 * to. A reader outside who is slow makes the guest wait: its chain goes back into the ring, `sent` remembers how far it
 * has come. Where nobody is at the other end, what the guest writes is lost, as on any line that is not plugged in.
 */
#include <errno.h>

#include "serial.h"

/* Port 0 had its queues before there were others, and the control queues, behind it. */
static uint32_t queue_of(const struct serial *serial, const struct line *line)
{
	const uint32_t number = line_number(serial, line);

	return number ? 2 * number + 2 : 0;
}

void data_want(struct serial *serial, struct line *line)
{
	const uint32_t wanted = (line->open && !line->starved ? MORTISE_CHAR_READABLE : 0) |
				(line->blocked ? MORTISE_CHAR_WRITABLE : 0);

	if (!line->port || wanted == line->wanted)
		return;
	line->wanted = wanted;
	serial->host->char_poll(line->port->chardev, wanted);
}

/* Reads into a chain's buffers; how many bytes. Fewer than there is room for: there are no more now. */
static uint64_t fill(const struct port *port, const struct mortise_chain *chain)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < chain->in_count; i++) {
		int64_t n = port->host->char_read(port->chardev, chain->in[i].iov_base, chain->in[i].iov_len);

		done += n > 0 ? (uint64_t)n : 0;
		if (n < (int64_t)chain->in[i].iov_len)
			break;
	}
	return done;
}

void data_to_driver(struct serial *serial, struct line *line)
{
	const struct mortise_host *host = serial->host;

	while (serial->active && line->port && line->open) {
		struct mortise_chain *chain = host->queue_pop(serial->device, queue_of(serial, line));
		uint64_t room, done;

		line->starved = !chain;
		if (!chain)
			break;
		room = chain->in_size;
		done = fill(line->port, chain);
		if (!done && room) {
			host->queue_unpop(serial->device, chain);
			break;
		}
		host->queue_push(serial->device, chain, done);
		if (done < room)
			break;
	}
}

/* Passes over the bytes at the start of a chain that are sent already. */
static void skip(struct mortise_chain *chain, uint64_t size)
{
	while (chain->out_count && size >= chain->out->iov_len) {
		size -= chain->out->iov_len;
		chain->out++;
		chain->out_count--;
	}
	if (chain->out_count) {
		chain->out->iov_base = (char *)chain->out->iov_base + size;
		chain->out->iov_len -= size;
	}
}

/* Whether the chain is done with: sent, or lost. */
static bool drain(struct line *line, struct mortise_chain *chain)
{
	const struct port *port = line->port;

	skip(chain, line->sent);
	while (port && chain->out_count) {
		int64_t n = port->host->char_write(port->chardev, chain->out->iov_base, chain->out->iov_len);

		if (n == -EAGAIN)
			return false;
		if (n < 0)
			break;
		line->sent += (uint64_t)n;
		skip(chain, (uint64_t)n);
	}
	line->sent = 0;
	return true;
}

void data_from_driver(struct serial *serial, struct line *line)
{
	const struct mortise_host *host = serial->host;
	struct mortise_chain *chain;

	line->blocked = false;
	while ((chain = host->queue_pop(serial->device, queue_of(serial, line) + 1))) {
		if (!drain(line, chain)) {
			host->queue_unpop(serial->device, chain);
			line->blocked = true;
			break;
		}
		host->queue_push(serial->device, chain, 0);
	}
}
