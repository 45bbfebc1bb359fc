/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect.c - connecting to the server and taking leave of it: what may block, on worker threads.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "nbd.h"

#define LEAVE_SECONDS 3

/* Moves the handle on for as long as it is `busy`. -ETIMEDOUT, -ECANCELED; 0: it is not busy any more. */
static int drive(struct nbd *nbd, struct nbd_handle *handle, bool (*busy)(struct nbd_handle *handle), unsigned seconds,
		 bool stoppable)
{
	const uint64_t end = nbd->services->clock_ns() + seconds * SECOND;

	while (busy(handle)) {
		const unsigned direction = nbd_aio_get_direction(handle);
		const uint64_t now = nbd->services->clock_ns();
		struct pollfd fds[2] = {{.fd = nbd_aio_get_fd(handle)}, {.fd = nbd->stop_fd, .events = POLLIN}};

		if (now >= end)
			return -ETIMEDOUT;
		fds[0].events = (short)((direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
					(direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0));
		if (poll(fds, stoppable ? 2 : 1, (int)((end - now) / 1000000) + 1) < 0 && errno != EINTR)
			return -errno;
		if (stoppable && fds[1].revents)
			return -ECANCELED;
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) && direction & LIBNBD_AIO_DIRECTION_READ)
			nbd_aio_notify_read(handle);
		else if (fds[0].revents & (POLLOUT | POLLHUP | POLLERR) && direction & LIBNBD_AIO_DIRECTION_WRITE)
			nbd_aio_notify_write(handle);
	}
	return 0;
}

static bool is_over(struct nbd_handle *handle)
{
	return nbd_aio_is_dead(handle) == 1 || nbd_aio_is_closed(handle) == 1;
}

static bool is_connecting(struct nbd_handle *handle)
{
	return nbd_aio_is_connecting(handle) == 1;
}

static bool has_requests(struct nbd_handle *handle)
{
	return !is_over(handle) && nbd_aio_in_flight(handle) > 0;
}

static bool is_open(struct nbd_handle *handle)
{
	return !is_over(handle);
}

static int configure(const struct nbd *nbd, struct nbd_handle *handle)
{
	int r = nbd_set_export_name(handle, nbd->export_name);

	/* A read that the server answers in part leaves what was there: memory of the same guest. */
	if (r == 0)
		r = nbd_set_pread_initialize(handle, false);
	if (r == 0 && (nbd->tls_certificates || nbd->tls_psk_file))
		r = nbd_set_tls(handle, LIBNBD_TLS_REQUIRE);
	if (r == 0 && nbd->tls_certificates)
		r = nbd_set_tls_certificates(handle, nbd->tls_certificates);
	if (r == 0 && nbd->tls_psk_file)
		r = nbd_set_tls_psk_file(handle, nbd->tls_psk_file);
	if (r == 0 && nbd->tls_username)
		r = nbd_set_tls_username(handle, nbd->tls_username);
	return r;
}

/* libnbd's reason, without the function that it names in front. */
static int failed(const struct nbd *nbd, struct mortise_error *err)
{
	const int code = nbd_get_errno();
	const char *why = nbd_get_error();

	if (nbd->server_type == SERVER_UNIX)
		return mortise_fail(err, code ? -code : -EIO, "Could not connect to the NBD server at '%s': %.256s",
				    nbd->path, why ? why : "no reason is known");
	return mortise_fail(err, code ? -code : -EIO, "Could not connect to the NBD server at %s:%s: %.256s", nbd->host,
			    nbd->port, why ? why : "no reason is known");
}

int connect_to(struct nbd *nbd, unsigned seconds, struct nbd_handle **out, struct mortise_error *err)
{
	struct nbd_handle *handle = nbd_create();
	int r;

	if (!handle)
		return failed(nbd, err);
	r = configure(nbd, handle);
	if (r == 0 && nbd->server_type == SERVER_UNIX)
		r = nbd_aio_connect_unix(handle, nbd->path);
	else if (r == 0)
		r = nbd_aio_connect_tcp(handle, nbd->host, nbd->port);
	if (r < 0) {
		r = failed(nbd, err);
	} else {
		r = drive(nbd, handle, is_connecting, seconds, true);
		if (r < 0)
			mortise_fail(err, r, "The NBD server at '%s' does not answer within %u seconds",
				     nbd->path ? nbd->path : nbd->host, seconds);
		else if (nbd_aio_is_ready(handle) != 1)
			r = failed(nbd, err);
	}
	if (r < 0) {
		nbd_close(handle);
		return r;
	}
	*out = handle;
	return 0;
}

static uint32_t block_size(struct nbd_handle *handle, int which)
{
	const int64_t size = nbd_get_block_size(handle, which);

	return size > 0 && size <= UINT32_MAX ? (uint32_t)size : 0;
}

int connect_examine(struct nbd_handle *handle, struct export *out, struct mortise_error *err)
{
	const int64_t size = nbd_get_size(handle);

	if (size < 0)
		return mortise_fail(err, -EIO, "The NBD server does not tell the export's size: %s", nbd_get_error());
	*out = (struct export){
		.size = (uint64_t)size,
		.min_block = block_size(handle, LIBNBD_SIZE_MINIMUM),
		.preferred_block = block_size(handle, LIBNBD_SIZE_PREFERRED),
		.max_block = block_size(handle, LIBNBD_SIZE_MAXIMUM),
		.read_only = nbd_is_read_only(handle) == 1,
		.flush = nbd_can_flush(handle) == 1,
		.fua = nbd_can_fua(handle) == 1,
		.trim = nbd_can_trim(handle) == 1,
		.zero = nbd_can_zero(handle) == 1,
		.multi_conn = nbd_can_multi_conn(handle) == 1,
	};
	return 0;
}

void connect_finish(struct nbd *nbd, struct nbd_handle *handle)
{
	if (nbd->writable && nbd->export.flush && nbd_aio_flush(handle, NBD_NULL_COMPLETION, 0) > 0)
		drive(nbd, handle, has_requests, LEAVE_SECONDS, false);
	if (is_open(handle) && nbd_aio_disconnect(handle, 0) == 0)
		drive(nbd, handle, is_open, LEAVE_SECONDS, false);
	nbd_close(handle);
}
