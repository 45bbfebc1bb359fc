/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/chardev.h - ends of a serial line: the terminal, a file, nothing.
 *
 * Output may come from any thread and never blocks: it goes through a bounded ring that the control thread empties.
 * Input is delivered on the control thread, as much as the front end has room for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include <mortise/error.h>

struct chardev;

/* Who is connected to a chardev: a UART, a console device. */
struct chardev_front {
	size_t (*room)(void *opaque);				       /* bytes of input it would take now */
	void (*input)(void *opaque, const uint8_t *data, size_t size); /* at most room() */
	void (*writable)(void *opaque); /* the ring has room again after chardev_write() fell short */
	void *opaque;
};

/*
 * Opens "stdio", "file:PATH" (created 0600, appended to) or "none". stdio on a terminal is put into raw mode, restored
 * by chardev_free() and at any exit; Ctrl-a is then an escape: x quits (calls `quit`), h helps, a second Ctrl-a is
 * sent.
 */
int chardev_open(struct chardev **out, const char *spec, struct loop *control, void (*quit)(void *opaque), void *opaque,
		 struct mortise_error *err);
struct chardev *chardev_free(struct chardev *chardev); /* writes out what the ring holds, without waiting */
DEFINE_CLEANUP(struct chardev *, chardev_free)

void chardev_connect(struct chardev *chardev, const struct chardev_front *front);

/* Queues output; returns how much fitted. Any thread. */
size_t chardev_write(struct chardev *chardev, const void *data, size_t size);

/* The front end has room for input again. Any thread. */
void chardev_accept_input(struct chardev *chardev);

const char *chardev_describe(const struct chardev *chardev);
