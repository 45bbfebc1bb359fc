/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/output.h - what one client is still to read.
 *
 * A message goes out in one write where the socket takes it; what the socket does not take waits here. A client that
 * does not read holds up nobody: when OUTPUT_FULL bytes wait its commands wait too, and when OUTPUT_LIMIT bytes wait
 * events pass it by. So at most OUTPUT_LIMIT bytes and one answer are kept. Control thread.
 */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#define OUTPUT_FULL (64u << 10)
#define OUTPUT_LIMIT (1u << 20)

struct output {
	int socket; /* borrowed */
	struct evbuffer *backlog;
	struct event *writable;
	bool broken;		       /* the other end is gone: nothing is sent any more */
	size_t missed;		       /* events that passed by */
	void (*changed)(void *opaque); /* called on the loop: there is room again, or the output broke */
	void *opaque;
};

/* -ENOMEM leaves an output that output_close() accepts. */
int output_open(struct output *output, struct event_base *base, int socket, void (*changed)(void *), void *opaque);
void output_close(struct output *output);

/* Sends all, now or later. A failure shows in output->broken; changed() is then called from the loop. */
void output_send(struct output *output, const char *data, size_t length);

/* The same for what may be missed. */
void output_send_event(struct output *output, const char *data, size_t length);

bool output_full(const struct output *output);
bool output_empty(const struct output *output);
