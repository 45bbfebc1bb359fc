/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/server.h - monitors: sockets that listen, the clients on them, and events for all of them.
 *
 * The server knows the protocol and nothing of virtual machines: commands and events are those of the schema that it
 * is given. Control thread.
 */
#pragma once

#include <cjson/cJSON.h>

#include "base/loop.h"
#include "qmp/listen.h"
#include "qmp/schema.h"

struct qmp_server;

/* `schema` is borrowed; `context` is what calls of its commands carry. */
int qmp_server_new(struct qmp_server **out, struct loop *loop, const struct schema *schema, void *context,
		   struct mortise_error *err);

/* Closes everything. Calls that are still pending may be answered later; the answers are dropped. */
struct qmp_server *qmp_server_free(struct qmp_server *server);
DEFINE_CLEANUP(struct qmp_server *, qmp_server_free)

/*
 * Opens one more monitor; its clients wait until qmp_server_start(). With address->wait it returns when the first one
 * has come: start of the program only.
 */
int qmp_server_listen(struct qmp_server *server, const struct listen_address *address, struct mortise_error *err);

/* From now on clients are greeted and served. */
void qmp_server_start(struct qmp_server *server);

/* Takes a connected socket as a client, in any case. */
int qmp_server_adopt(struct qmp_server *server, int socket, struct mortise_error *err);

/* Tells every client that has negotiated. Takes `data`; NULL: none. The event's name must be in the schema. */
void qmp_server_event(struct qmp_server *server, const char *name, cJSON *data);
