/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/client.h - one connection: its input, its commands in their order, its answers.
 *
 * Control thread. A client lives as long as its connection or the last of its calls, whichever is longer.
 */
#pragma once

#include "base/loop.h"
#include "qmp/call.h"
#include "qmp/text.h"

/* Commands of one client that are read ahead while one is pending; QEMU's number. */
#define CLIENT_QUEUE_MAX 8

struct qmp_client;

/* What clients of one server share; borrowed for their lives. */
struct client_settings {
	struct loop *loop;
	const struct schema *schema;
	void *context;						 /* for the calls */
	const struct text *greeting;				 /* a whole line */
	void (*closed)(void *opaque, struct qmp_client *client); /* the connection is gone; the client may live on */
	void *opaque;
};

/* Takes `socket`, which is connected and non-blocking, in any case. Sends the greeting. */
int client_new(struct qmp_client **out, const struct client_settings *settings, int socket, struct mortise_error *err);

/* Ends the connection, without calling closed(). */
void client_close(struct qmp_client *client);

/* Sends a line that is nobody's answer, if the client has negotiated. Never closes the client. */
void client_event(struct qmp_client *client, const struct text *line);

/* --- for call.c --- */

bool client_is_negotiated(const struct qmp_client *client);
bool client_allows_oob(const struct qmp_client *client);
void client_set_negotiated(struct qmp_client *client, bool oob);

/* Sends the answer of `call`, frees the call and goes on with the next. */
void client_answer(struct qmp_client *client, struct qmp_call *call, const struct text *line);
