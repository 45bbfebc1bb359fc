/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbd.h - a block node on an NBD server: its connections, and the requests on them.
 *
 * A libnbd handle is one connection, and of no more use once that is lost. New ones are made by connect.c, which may
 * block, on a worker thread; block-nbd.c has them from then on, on the thread of the node's device.
 */
#pragma once

#include <libnbd.h>
#include <stdbool.h>

#include <mortise/plugin.h>

#define CONNECTIONS_MAX 16

/* What the server's export can do: constant while the node is open. */
struct export
{
	uint64_t size;
	uint32_t min_block, preferred_block, max_block; /* bytes; 0: the server does not say */
	bool read_only, flush, fua, trim, zero, multi_conn;
};

struct connection {
	struct nbd *nbd;
	struct nbd_handle *handle; /* NULL: lost */
	int fd;			   /* of the handle, watched for `events` */
	uint32_t events;
	bool broken;				    /* a request came back without an answer */
	struct mortise_block_request *first, *last; /* in flight, in the order of sending */
	unsigned in_flight;
};

struct nbd {
	/* Properties. */
	uint32_t server_type; /* enum below */
	const char *host, *port, *path, *export_name;
	const char *tls_certificates, *tls_psk_file, *tls_username;
	uint32_t reconnect_delay, open_timeout; /* seconds */
	uint32_t connections;

	struct mortise_medium *medium;
	const struct mortise_block_services *services;
	struct export export;
	bool writable;

	/* work()'s while it runs: `wanted` connections, and what came of it. */
	unsigned wanted, made;
	struct nbd_handle *fresh[CONNECTIONS_MAX];
	struct export found;
	int stop_fd; /* an eventfd: readable when work() is to give up */

	/* The device's thread. */
	struct connection connection[CONNECTIONS_MAX];
	bool connecting;      /* work() was asked for, and work_done() has not come */
	uint64_t retry_delay; /* nanoseconds until the next attempt */
	uint64_t give_up;     /* when requests stop waiting for a server; nothing is connected */
	struct mortise_block_request *waiting, *waiting_last; /* in the order in which they came */
};

enum server_type { SERVER_INET, SERVER_UNIX };

#define SECOND UINT64_C(1000000000) /* ns */

/* How long it takes until a server is looked for again, ns. */
#define RETRY_FIRST (SECOND / 10)
#define RETRY_LAST (4 * SECOND)

/* --- connect.c: worker threads --- */

/*
 * A connection that is ready for requests, within `seconds`. On failure a negative errno and a message; -ECANCELED when
 * stop_fd became readable meanwhile. Blocks.
 */
int connect_to(struct nbd *nbd, unsigned seconds, struct nbd_handle **out, struct mortise_error *err);

/* Asks a connection what its export is. */
int connect_examine(struct nbd_handle *handle, struct export *out, struct mortise_error *err);

/* Puts what was written on stable storage, takes leave and closes, within seconds. Blocks. */
void connect_finish(struct nbd *nbd, struct nbd_handle *handle);

/* --- requests.c: the device's thread --- */

void requests_submit(void *self, struct mortise_block_request *request);
void requests_cancel(void *self);
void requests_timer(void *self, uint32_t id);
void requests_fd_ready(void *self, int fd, uint32_t events, void *opaque);

/* Sends those that wait, as far as there are connections, and fails those that have waited long enough. */
void requests_send(struct nbd *nbd);

/* After every call that may have moved a connection on: watches it as it needs, or deals with its loss. */
void requests_settle(struct connection *connection);

/* Has lost connections made anew, at once or after a while. */
void requests_connect(struct nbd *nbd);
void requests_retry(struct nbd *nbd);
