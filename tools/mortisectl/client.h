/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/client.h - one connection to a QMP monitor.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include <mortise/error.h>

struct client;

/* Connects to a unix socket, reads the greeting and negotiates. -errno and a message that names the socket. */
int client_open(struct client **out, const char *path, struct mortise_error *err);
struct client *client_close(struct client *client);

/*
 * Sends one command and waits for its answer: 0 and what it returned (the caller's), -EREMOTEIO when Mortise refused it
 * (the message is its `desc`), another negative errno when the connection broke. Takes `arguments`; NULL: none. Events
 * that come meanwhile are kept for client_event().
 */
int client_execute(struct client *client, const char *command, cJSON *arguments, cJSON **out,
		   struct mortise_error *err);

/* Sends text as it is and waits for the answer to it. */
int client_raw(struct client *client, const char *text, cJSON **out, struct mortise_error *err);

/* The next event (the caller's); waits for one. */
int client_event(struct client *client, cJSON **out, struct mortise_error *err);
