/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-serial.c - the serial device (virtio 1.2, 5.3): its life, and what survives the instance.
 */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "serial.h"

#define BIT(n) (UINT64_C(1) << (n))
#define QUEUE_SIZE 64 /* a driver fills all of a queue with pages */
#define CONFIG(field) offsetof(struct virtio_console_config, field)

/* But for the size of port 0, which is shown when it is known. */
static void show_config(struct serial *serial)
{
	const struct virtio_console_config config = {.max_nr_ports = htole32(serial->max_ports)};

	serial->host->write_config(serial->device, 0, &config, sizeof(config));
}

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct serial *serial = self;

	serial->host = host;
	serial->device = device;
	show_config(serial);
	return 0;
}

/* The size of port 0 is in the configuration too, for drivers without control queues. */
void serial_resize(struct serial *serial, struct line *line)
{
	const struct mortise_char_info info = port_info(line->port);
	const uint16_t size[2] = {htole16(info.columns), htole16(info.rows)};

	if (!line->port->console || !info.columns)
		return;
	if (line == serial->lines)
		serial->host->write_config(serial->device, CONFIG(cols), size, sizeof(size));
	line->pending |= line->ready ? MESSAGE_RESIZE : 0;
}

void serial_resume_line(struct serial *serial, struct line *line)
{
	if (!serial->active || !line->port)
		return;
	if (!serial->multiport)
		line->ready = line->open = line == serial->lines;
	if (line->ready && port_info(line->port).connected != line->told_open)
		line->pending |= MESSAGE_OPEN;
	serial_resize(serial, line);
	line->starved = false;
	line->wanted = UINT32_MAX;
	data_want(serial, line);
}

/* Queues are notified afterwards. */
static void resume(void *self)
{
	struct serial *serial = self;

	serial->active = true;
	for (uint32_t i = 0; i < serial->max_ports; i++)
		serial_resume_line(serial, &serial->lines[i]);
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct serial *serial = self;

	serial->multiport = features & BIT(VIRTIO_CONSOLE_F_MULTIPORT);
	resume(self);
	return 0;
}

static void notify(void *self, uint32_t queue)
{
	struct serial *serial = self;
	struct line *line = &serial->lines[queue < 2 ? 0 : queue / 2 - 1];

	if (queue == CONTROL_TO_DRIVER) {
		control_flush(serial);
	} else if (queue == CONTROL_TO_DEVICE) {
		control_take(serial);
	} else {
		if (queue & 1)
			data_from_driver(serial, line);
		else
			data_to_driver(serial, line);
		data_want(serial, line);
	}
}

/* A character for want of anything better: before queues are set up, or in a panic (5.3.4). */
static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct serial *serial = self;
	const struct port *port = serial->lines[0].port;
	char character;

	if (offset != CONFIG(emerg_wr) || !port)
		return;
	serial->host->read_config(serial->device, offset, &character, sizeof(character));
	serial->host->char_write(port->chardev, &character, sizeof(character));
}

static int quiesce(void *self, struct mortise_error *err)
{
	struct serial *serial = self;

	serial->active = false;
	return 0;
}

static void reset(void *self)
{
	struct serial *serial = self;

	serial->active = serial->multiport = serial->driver_ready = false;
	show_config(serial);
	for (uint32_t i = 0; i < serial->max_ports; i++) {
		struct line *line = &serial->lines[i];

		if (line->port && line->open)
			port_opened(line->port, false);
		*line = (struct line){.port = line->port, .wanted = UINT32_MAX};
		data_want(serial, line);
	}
	if (serial->lines->port)
		serial_resize(serial, serial->lines);
}

/* --- handing over to another instance --- */

#define SAVED_VERSION 2

/* Of fixed layout, all little endian. */
struct saved {
	uint32_t version;
	uint32_t driver_ready;
	struct saved_line {
		uint8_t known, ready, open, told_open;
		uint32_t pending;
		uint64_t sent;
		uint32_t place; /* its port's among all that there are, in the order of their coming, from 1; 0: none */
		uint32_t reserved;
	} lines[LINES_MAX];
};

/* How many of the ports that there are came before this one. */
static uint32_t ports_before(const struct serial *serial, const struct port *port)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < serial->max_ports; i++)
		count += serial->lines[i].port && serial->lines[i].port->turn < port->turn;
	return count;
}

static int64_t save(void *self, void *data, uint64_t room)
{
	const struct serial *serial = self;
	struct saved saved;

	if (room < sizeof(saved))
		return -ENOSPC;
	memset(&saved, 0, sizeof(saved));
	saved.version = SAVED_VERSION;
	saved.driver_ready = serial->driver_ready;
	for (uint32_t i = 0; i < serial->max_ports; i++) {
		const struct line *line = &serial->lines[i];

		saved.lines[i] = (struct saved_line){
			.known = line->known,
			.ready = line->ready,
			.open = line->open,
			.told_open = line->told_open,
			.pending = line->pending,
			.sent = line->sent,
			.place = line->port ? ports_before(serial, line->port) + 1 : 0,
		};
	}
	memcpy(data, &saved, sizeof(saved));
	return sizeof(saved);
}

/*
 * The ports have come in the order in which those of the instance before had, but they found other numbers free: gives
 * each the line that it has for the driver.
 */
static int restore_ports(struct serial *serial, const struct saved *saved, struct mortise_error *err)
{
	struct port *ports[LINES_MAX] = {0};
	uint32_t count = 0, placed = 0, seen = 0;

	for (uint32_t i = 0; i < serial->max_ports; i++) {
		struct port *port = serial->lines[i].port;

		if (!port)
			continue;
		ports[ports_before(serial, port)] = port;
		count++;
	}
	for (uint32_t i = 0; i < serial->max_ports; i++) {
		const uint32_t place = saved->lines[i].place;

		placed += place != 0;
		seen |= place && place <= LINES_MAX ? 1u << (place - 1) : 0;
	}
	if (placed < count || seen != (1u << placed) - 1)
		return mortise_fail(err, -EINVAL, "The state of a serial device is of %u ports, it has %u", placed,
				    count);
	for (uint32_t i = 0; i < serial->max_ports; i++) {
		const uint32_t place = saved->lines[i].place;

		serial->lines[i].port = place && place <= count ? ports[place - 1] : NULL;
		if (serial->lines[i].port)
			serial->lines[i].port->number = i;
	}
	return 0;
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct serial *serial = self;
	struct saved saved;
	int r;

	if (size != sizeof(saved))
		return mortise_fail(err, -EINVAL, "The state of a serial device is %llu bytes long, expected %zu",
				    (unsigned long long)size, sizeof(saved));
	memcpy(&saved, data, sizeof(saved));
	if (saved.version != SAVED_VERSION)
		return mortise_fail(err, -EINVAL, "The state of a serial device has version %u, expected %u",
				    saved.version, SAVED_VERSION);
	r = restore_ports(serial, &saved, err);
	if (r < 0)
		return r;
	serial->driver_ready = saved.driver_ready;
	for (uint32_t i = 0; i < serial->max_ports; i++) {
		const struct saved_line *from = &saved.lines[i];
		struct line *line = &serial->lines[i];

		line->known = from->known;
		line->ready = from->ready;
		line->open = from->open;
		line->told_open = from->told_open;
		line->pending = from->pending & MESSAGES_ALL;
		line->sent = from->sent;
		if (serial->driver_ready && line->port && !line->known)
			line->pending |= MESSAGE_ADD;
	}
	return 0;
}

/* --- the description --- */

static const struct mortise_property properties[] = {
	{.name = "max_ports",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct serial, max_ports),
	 .fallback = "31",
	 .min = 1,
	 .max = LINES_MAX,
	 .help = "ports that can be plugged into it, for each of which the guest sets two queues up"},
	{.name = NULL},
};

static const struct mortise_class virtio_serial = {
	.size = sizeof(virtio_serial),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtio-serial",
	.summary = "Serial device for consoles and channels",
	.virtio_id = 3,
	.queue_count = 2 * (LINES_MAX + 1),
	.features = BIT(VIRTIO_CONSOLE_F_SIZE) | BIT(VIRTIO_CONSOLE_F_MULTIPORT) | BIT(VIRTIO_CONSOLE_F_EMERG_WRITE),
	.config_size = sizeof(struct virtio_console_config),
	.instance_size = sizeof(struct serial),
	.queue_size = QUEUE_SIZE,
	.properties = properties,
	.realize = realize,
	.activate = activate,
	.notify = notify,
	.config_written = config_written,
	.quiesce = quiesce,
	.resume = resume,
	.reset = reset,
	.save = save,
	.restore = restore,
	.children_max = LINES_MAX,
	.child_added = port_added,
	.child_removed = port_removed,
};

static const struct mortise_class *const classes[] = {&virtio_serial, &port_console, &port_generic, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "virtio-serial",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Consoles and channels (virtio 1.2, 5.3)",
	.classes = classes,
};
