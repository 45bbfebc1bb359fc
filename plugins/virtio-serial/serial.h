/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serial.h - the serial device, its lines and the ports that are plugged into them.
 *
 * Sections in comments are those of virtio 1.2. Everything runs on the device's thread, its ports' callbacks too. No
 * chain is held from one callback to the next: what a chardev does not take stays in the ring.
 */
#pragma once

#include <linux/virtio_console.h>
#include <stdbool.h>

#include <mortise/plugin.h>

#define LINES_MAX 31 /* so that the 64 queues of a device suffice */
#define NAME_MAX_LENGTH 255
#define CONTROL_TO_DRIVER 2
#define CONTROL_TO_DEVICE 3
#define NUMBER_ANY UINT32_MAX

/* A port, an instance of its own, with the device as its parent. */
struct port {
	/* properties */
	struct mortise_chardev *chardev;
	const char *name;
	uint32_t number;

	const struct mortise_host *host;
	struct mortise_device *device;
	struct serial *serial; /* NULL: not known there */
	uint32_t turn;	       /* how many ports the device had been given before */
	bool console;
};

/* What there is to tell the driver of a line, in the order in which it is told. */
enum message {
	MESSAGE_REMOVE = 1u << 0,
	MESSAGE_ADD = 1u << 1,
	MESSAGE_CONSOLE = 1u << 2,
	MESSAGE_NAME = 1u << 3,
	MESSAGE_RESIZE = 1u << 4,
	MESSAGE_OPEN = 1u << 5
};
#define MESSAGES_ALL ((1u << 6) - 1)

/* A pair of queues, and what the driver and the device know of each other there. */
struct line {
	struct port *port; /* NULL: none is plugged */
	bool known;	   /* the driver was told that there is a port */
	bool ready;	   /* and has made it */
	bool open;	   /* somebody in the guest has opened it */
	bool told_open;	   /* the driver believes in a peer */
	bool starved;	   /* no receive buffers */
	bool blocked;	   /* the chardev takes no more */
	uint32_t pending;  /* enum message, or'ed */
	uint32_t wanted;   /* what char_poll() was last asked for */
	uint64_t sent;	   /* bytes of the first chain in the ring that the chardev has already */
};

struct serial {
	uint32_t max_ports; /* property */

	const struct mortise_host *host;
	struct mortise_device *device;
	bool multiport;	   /* negotiated: there are control queues */
	bool active;	   /* between activate() or resume() and quiesce() */
	bool driver_ready; /* it wants to hear of ports */
	uint32_t turns;	   /* ports that it was ever given */
	struct line lines[LINES_MAX];
};

static inline uint32_t line_number(const struct serial *serial, const struct line *line)
{
	return (uint32_t)(line - serial->lines);
}

/* virtio-serial.c */
void serial_resize(struct serial *serial, struct line *line);	   /* its port may have another size */
void serial_resume_line(struct serial *serial, struct line *line); /* a port comes into service, or back */

/* port.c */
extern const struct mortise_class port_console, port_generic;
struct mortise_char_info port_info(const struct port *port);
void port_opened(struct port *port, bool open); /* somebody in the guest has opened it, or closed it again */
int port_added(void *self, void *child, struct mortise_error *err);
void port_removed(void *self, void *child);

/* data.c: the bytes of a line. */
void data_to_driver(struct serial *serial, struct line *line);
void data_from_driver(struct serial *serial, struct line *line);
void data_want(struct serial *serial, struct line *line); /* asks the chardev for what the line can use */

/* control.c: the control queues. */
void control_flush(struct serial *serial); /* what is pending, as far as there are buffers */
void control_take(struct serial *serial);
