/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c - the control queues: device and driver tell each other of ports (5.3.6.2).
 *
 * What there is to tell is kept as one bit a message, so that a driver without buffers costs no memory; it is then told
 * how things are, not each step that led there.
 */
#include <endian.h>
#include <string.h>

#include "serial.h"

/* Large enough for the longest message. */
struct message_data {
	struct virtio_console_control header;
	union {
		char name[NAME_MAX_LENGTH];
		uint16_t size[2]; /* columns, rows */
	} data;
};

/* Fills in one message; its length in bytes. */
static uint64_t compose(struct line *line, enum message message, struct message_data *out)
{
	const struct mortise_char_info info = line->port ? port_info(line->port) : (struct mortise_char_info){0};
	uint16_t event = 0, value = 0;
	uint64_t more = 0;

	switch (message) {
	case MESSAGE_REMOVE:
		event = VIRTIO_CONSOLE_PORT_REMOVE;
		break;
	case MESSAGE_ADD:
		event = VIRTIO_CONSOLE_PORT_ADD;
		line->known = true;
		break;
	case MESSAGE_CONSOLE:
		event = VIRTIO_CONSOLE_CONSOLE_PORT;
		value = 1;
		break;
	case MESSAGE_NAME:
		event = VIRTIO_CONSOLE_PORT_NAME;
		value = 1;
		more = line->port->name ? strlen(line->port->name) : 0;
		memcpy(out->data.name, line->port->name, more);
		break;
	case MESSAGE_RESIZE:
		event = VIRTIO_CONSOLE_RESIZE;
		out->data.size[0] = htole16(info.columns);
		out->data.size[1] = htole16(info.rows);
		more = sizeof(out->data.size);
		break;
	case MESSAGE_OPEN:
		event = VIRTIO_CONSOLE_PORT_OPEN;
		value = line->told_open = info.connected;
		break;
	}
	out->header.event = htole16(event);
	out->header.value = htole16(value);
	return sizeof(out->header) + more;
}

/* The next of what can be told of a line: of a port that is not plugged (yet), nothing but its end. */
static uint32_t next_message(const struct line *line)
{
	const uint32_t pending = line->port ? line->pending : line->pending & MESSAGE_REMOVE;

	return pending & -pending;
}

/* False: the driver has given no buffer. */
static bool send_message(struct serial *serial, struct line *line, enum message which)
{
	struct mortise_chain *chain = serial->host->queue_pop(serial->device, CONTROL_TO_DRIVER);
	struct message_data message;
	uint64_t size;

	if (!chain)
		return false;
	line->pending &= ~(uint32_t)which;
	message.header.id = htole32(line_number(serial, line));
	size = compose(line, which, &message);
	serial->host->queue_push(serial->device, chain, mortise_iov_put(&chain->in, &chain->in_count, &message, size));
	return true;
}

void control_flush(struct serial *serial)
{
	if (!serial->active || !serial->multiport)
		return;
	for (uint32_t i = 0; i < serial->max_ports; i++) {
		struct line *line = &serial->lines[i];

		for (uint32_t which; (which = next_message(line));)
			if (!send_message(serial, line, which))
				return;
	}
}

static void driver_is_ready(struct serial *serial)
{
	serial->driver_ready = true;
	for (uint32_t i = 0; i < serial->max_ports; i++)
		if (serial->lines[i].port && !serial->lines[i].known)
			serial->lines[i].pending |= MESSAGE_ADD;
}

static void port_is_ready(struct line *line)
{
	const struct mortise_char_info info = port_info(line->port);

	line->ready = true;
	line->pending |= line->port->console ? MESSAGE_CONSOLE : 0;
	line->pending |= line->port->console && info.columns ? MESSAGE_RESIZE : 0;
	line->pending |= line->port->name ? MESSAGE_NAME : 0;
	line->pending |= info.connected ? MESSAGE_OPEN : 0;
}

/* A message about a port that is gone, or was never there, crossed ours, or is nonsense: it changes nothing. */
static void obey(struct serial *serial, const struct virtio_console_control *message)
{
	const uint32_t number = le32toh(message->id);
	const uint16_t event = le16toh(message->event), value = le16toh(message->value);
	struct line *line = number < serial->max_ports ? &serial->lines[number] : NULL;

	if (event == VIRTIO_CONSOLE_DEVICE_READY) {
		if (value)
			driver_is_ready(serial);
	} else if (line && line->port && line->known && event == VIRTIO_CONSOLE_PORT_READY) {
		if (value)
			port_is_ready(line);
	} else if (line && line->port && line->known && event == VIRTIO_CONSOLE_PORT_OPEN) {
		if (line->open != !!value)
			port_opened(line->port, value);
		line->open = value;
		data_to_driver(serial, line);
		data_want(serial, line);
	}
}

void control_take(struct serial *serial)
{
	struct mortise_chain *chain;

	while ((chain = serial->host->queue_pop(serial->device, CONTROL_TO_DEVICE))) {
		struct virtio_console_control message;

		if (mortise_iov_take(&chain->out, &chain->out_count, &message, sizeof(message)) == sizeof(message))
			obey(serial, &message);
		serial->host->queue_push(serial->device, chain, 0);
	}
	control_flush(serial);
}
