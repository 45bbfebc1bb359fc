/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.c - ports, plugged into the serial device: a console, or a named channel for programs.
 */
#include <errno.h>
#include <stddef.h>

#include "serial.h"

struct mortise_char_info port_info(const struct port *port)
{
	struct mortise_char_info info = {.struct_size = sizeof(info)};

	port->host->char_info(port->chardev, &info);
	return info;
}

static int realize_console(void *self, struct mortise_device *device, const struct mortise_host *host,
			   struct mortise_error *err)
{
	struct port *port = self;

	port->host = host;
	port->device = device;
	port->console = true;
	return 0;
}

static int realize_generic(void *self, struct mortise_device *device, const struct mortise_host *host,
			   struct mortise_error *err)
{
	struct port *port = self;

	port->host = host;
	port->device = device;
	return 0;
}

static void char_ready(void *self, struct mortise_chardev *chardev, uint32_t events)
{
	struct port *port = self;
	struct serial *serial = port->serial;
	struct line *line = serial ? &serial->lines[port->number] : NULL;

	if (!serial || !serial->active)
		return;
	if (events & MORTISE_CHAR_PEER)
		line->pending |= line->ready ? MESSAGE_OPEN : 0;
	if (events & MORTISE_CHAR_SIZE)
		serial_resize(serial, line);
	if (events & (MORTISE_CHAR_PEER | MORTISE_CHAR_SIZE))
		control_flush(serial);
	if (events & (MORTISE_CHAR_PEER | MORTISE_CHAR_WRITABLE) && line->blocked)
		data_from_driver(serial, line);
	if (events & MORTISE_CHAR_READABLE)
		data_to_driver(serial, line);
	data_want(serial, line);
}

/* --- the monitor: of channels, as nobody opens consoles but the kernel --- */

static const struct mortise_field change[] = {
	{.name = "open", .type = MORTISE_FIELD_BOOL, .help = "whether somebody in the guest has the channel open"},
	{.name = NULL},
};

static const struct mortise_event events[] = {
	{.name = "VSERPORT_CHANGE",
	 .help = "The guest has opened or closed a channel",
	 .data = change,
	 .flags = MORTISE_EVENT_LATEST},
	{.name = NULL},
};

static const struct mortise_monitor monitor = MORTISE_MONITOR(NULL, events, NULL);

void port_opened(struct port *port, bool open)
{
	const struct mortise_value data[] = {{.number = open}};

	if (!port->console)
		port->host->event(port->device, 0, data);
}

/* --- in and out of the device --- */

/* Drivers without control queues know port 0 alone, as their console: it is kept for one (5.3.4). */
static int choose_number(const struct serial *serial, const struct port *port, uint32_t *out, struct mortise_error *err)
{
	uint32_t number = port->number;

	if (number == NUMBER_ANY)
		for (number = port->console ? 0 : 1; number < serial->max_ports && serial->lines[number].port;)
			number++;
	else if (number == 0 && !port->console)
		return mortise_fail(err, -EINVAL, "Parameter 'nr' is 0, which is kept for a virtconsole");
	else if (number >= serial->max_ports)
		return mortise_fail(err, -ERANGE, "Parameter 'nr' is %u; ports are numbered from 0 to %u", number,
				    serial->max_ports - 1);
	else if (serial->lines[number].port)
		return mortise_fail(err, -EBUSY, "Parameter 'nr' is %u, which another port has already", number);
	if (number == serial->max_ports)
		return mortise_fail(err, -ENOSPC, "All %u ports of the serial device are taken", serial->max_ports);
	*out = number;
	return 0;
}

/* One that an earlier instance of the device had is known to the driver already. */
int port_added(void *self, void *child, struct mortise_error *err)
{
	struct serial *serial = self;
	struct port *port = child;
	struct line *line;
	int r = choose_number(serial, port, &port->number, err);

	if (r < 0)
		return r;
	port->serial = serial;
	port->turn = serial->turns++;
	line = &serial->lines[port->number];
	line->port = port;
	if (serial->driver_ready && !line->known)
		line->pending |= MESSAGE_ADD;
	serial_resume_line(serial, line);
	control_flush(serial);
	return 0;
}

void port_removed(void *self, void *child)
{
	struct serial *serial = self;
	struct port *port = child;
	struct line *line = &serial->lines[port->number];
	const bool tell = line->known || line->pending & MESSAGE_REMOVE;

	*line = (struct line){.pending = tell ? MESSAGE_REMOVE : 0};
	port->serial = NULL;
	if (serial->active) {
		control_flush(serial);
		data_from_driver(serial, line); /* what nobody will send any more */
	}
}

/* --- the descriptions --- */

static const struct mortise_property properties[] = {
	{.name = "chardev",
	 .type = MORTISE_PROPERTY_CHARDEV,
	 .flags = MORTISE_PROPERTY_REQUIRED,
	 .offset = offsetof(struct port, chardev),
	 .help = "the chardev at the other end"},
	{.name = "name",
	 .type = MORTISE_PROPERTY_STRING,
	 .offset = offsetof(struct port, name),
	 .max = NAME_MAX_LENGTH,
	 .help = "what the guest calls it: udev makes /dev/virtio-ports/NAME"},
	{.name = "nr",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct port, number),
	 .fallback = "4294967295",
	 .help = "number of the port, 0 being the first console's; 4294967295: the first that is free"},
	{.name = NULL},
};

const struct mortise_class port_console = {
	.size = sizeof(port_console),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtconsole",
	.summary = "Console on a chardev, a port of a virtio-serial device",
	.parent = "virtio-serial",
	.instance_size = sizeof(struct port),
	.properties = properties,
	.realize = realize_console,
	.char_ready = char_ready,
};

const struct mortise_class port_generic = {
	.size = sizeof(port_generic),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtserialport",
	.summary = "Channel to a chardev, a port of a virtio-serial device",
	.parent = "virtio-serial",
	.instance_size = sizeof(struct port),
	.properties = properties,
	.realize = realize_generic,
	.char_ready = char_ready,
	.monitor = &monitor,
};
