/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block-nbd.c - the `nbd` driver of block nodes: a disk on a server that speaks the Network Block Device protocol.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "nbd.h"

#define ATTEMPT_SECONDS 10		  /* for one connection to come up */
#define TRANSFER_MAX (UINT32_C(32) << 20) /* bytes; what servers take that do not say */
#define DISCARD_MAX (UINT64_C(1) << 30)	  /* bytes; the protocol's lengths have 32 bits */

/* --- coming back --- */

static int nbd_work(void *self)
{
	struct nbd *nbd = self;
	struct mortise_error err = {""};
	int r = 0;

	for (nbd->made = 0; r == 0 && nbd->made < nbd->wanted;) {
		struct nbd_handle *handle;

		r = connect_to(nbd, ATTEMPT_SECONDS, &handle, &err);
		if (r < 0)
			break;
		r = connect_examine(handle, &nbd->found, &err);
		if (r < 0)
			nbd_close(handle);
		else
			nbd->fresh[nbd->made++] = handle;
	}
	if (r < 0 && r != -ECANCELED)
		nbd->services->log(nbd->medium, MORTISE_LOG_INFO, "%s", err.message);
	return r;
}

/* Whether what is there now can stand for what the guest was told of. */
static bool is_alike(const struct export *then, const struct export *found)
{
	return found->min_block <= (then->min_block > 512 ? then->min_block : 512) && found->flush >= then->flush &&
	       found->fua >= then->fua && found->trim >= then->trim && found->zero >= then->zero &&
	       found->read_only <= then->read_only && (!then->max_block || found->max_block >= then->max_block);
}

static void adopt(struct nbd *nbd, struct nbd_handle *handle)
{
	struct connection *connection = nbd->connection;

	while (connection->handle)
		connection++;
	*connection = (struct connection){.nbd = nbd, .handle = handle, .fd = nbd_aio_get_fd(handle)};
}

static void nbd_work_done(void *self, int result)
{
	struct nbd *nbd = self;
	const bool alike = nbd->made && is_alike(&nbd->export, &nbd->found);

	nbd->connecting = false;
	if (nbd->made && !alike)
		nbd->services->log(nbd->medium, MORTISE_LOG_ERROR,
				   "the server has another kind of export now: it is not used");
	for (unsigned i = 0; i < nbd->made; i++) {
		if (alike)
			adopt(nbd, nbd->fresh[i]);
		else
			nbd_close(nbd->fresh[i]);
	}
	nbd->made = 0;
	if (alike) {
		nbd->services->log(nbd->medium, MORTISE_LOG_INFO, "connected to the server again");
		if (nbd->found.size != nbd->export.size)
			nbd->services->resized(nbd->medium, nbd->found.size);
		nbd->export.size = nbd->found.size;
		for (unsigned i = 0; i < nbd->connections; i++)
			requests_settle(&nbd->connection[i]);
	}
	if (result < 0 || !alike)
		requests_retry(nbd);
	requests_send(nbd);
}

static int nbd_attach(void *self)
{
	struct nbd *nbd = self;
	uint64_t stopped;

	if (read(nbd->stop_fd, &stopped, sizeof(stopped)) < 0 && errno != EAGAIN)
		return -errno;
	nbd->give_up = 0;
	nbd->retry_delay = RETRY_FIRST;
	for (unsigned i = 0; i < nbd->connections; i++) {
		nbd->connection[i].events = 0;
		requests_settle(&nbd->connection[i]);
	}
	requests_connect(nbd);
	return 0;
}

static void nbd_detach(void *self)
{
	struct nbd *nbd = self;

	eventfd_write(nbd->stop_fd, 1);
}

/* --- opening and closing --- */

static int check_options(const struct nbd *nbd, struct mortise_error *err)
{
	if (nbd->server_type == SERVER_UNIX && (!nbd->path || nbd->host))
		return mortise_fail(err, -EINVAL, "A server of type 'unix' has a 'server.path', and no 'server.host'");
	if (nbd->server_type == SERVER_INET && (nbd->path || !nbd->host))
		return mortise_fail(err, -EINVAL, "A server of type 'inet' has a 'server.host', and no 'server.path'");
	if (nbd->tls_certificates && nbd->tls_psk_file)
		return mortise_fail(err, -EINVAL,
				    "Parameters 'tls-certificates' and 'tls-psk-file' exclude each other");
	if (nbd->tls_certificates && nbd->server_type == SERVER_UNIX)
		return mortise_fail(err, -EINVAL,
				    "A unix socket has no host name that a certificate could be checked for: use "
				    "'tls-psk-file', or a server of type 'inet'");
	return 0;
}

static void close_all(void *self)
{
	struct nbd *nbd = self;

	for (unsigned i = 0; i < nbd->made; i++) /* nobody was attached to take them */
		nbd_close(nbd->fresh[i]);
	nbd->made = 0;
	for (unsigned i = 0; i < nbd->connections; i++)
		if (nbd->connection[i].handle)
			connect_finish(nbd, nbd->connection[i].handle);
	if (nbd->stop_fd >= 0)
		close(nbd->stop_fd);
}

/* Makes the first connection, for as long as `open-timeout` says, and then the others. */
static int connect_all(struct nbd *nbd, struct mortise_error *err)
{
	const uint64_t end = nbd->services->clock_ns() + nbd->open_timeout * SECOND;
	struct nbd_handle *handle;
	struct export same;
	int r;

	while ((r = connect_to(nbd, ATTEMPT_SECONDS, &handle, err)) < 0 && nbd->services->clock_ns() < end)
		poll(NULL, 0, RETRY_FIRST / 1000000);
	if (r < 0)
		return r;
	adopt(nbd, handle);
	r = connect_examine(handle, &nbd->export, err);
	for (unsigned i = 1; r == 0 && nbd->export.multi_conn && i < nbd->connections; i++) {
		r = connect_to(nbd, ATTEMPT_SECONDS, &handle, err);
		if (r < 0)
			break;
		adopt(nbd, handle);
		r = connect_examine(handle, &same, err);
	}
	return r;
}

static void describe(const struct nbd *nbd)
{
	char text[1024];

	if (nbd->server_type == SERVER_UNIX)
		snprintf(text, sizeof(text), "nbd+unix:///%s?socket=%s", nbd->export_name, nbd->path);
	else
		snprintf(text, sizeof(text), "nbd://%s:%s/%s", nbd->host, nbd->port, nbd->export_name);
	nbd->services->describe(nbd->medium, text);
}

static int nbd_open(void *self, struct mortise_medium *medium, const struct mortise_block_services *services,
		    struct mortise_block_info *info, struct mortise_error *err)
{
	struct nbd *nbd = self;
	const struct export *export = &nbd->export;
	int r;

	nbd->medium = medium;
	nbd->services = services;
	r = check_options(nbd, err);
	if (r < 0)
		return r;
	nbd->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (nbd->stop_fd < 0)
		return mortise_fail(err, -errno, "Could not make an eventfd");
	r = connect_all(nbd, err);
	if (r < 0) {
		close_all(nbd);
		return r;
	}
	describe(nbd);
	nbd->writable = !export->read_only && !(info->flags & MORTISE_BLOCK_READ_ONLY);
	info->flags |= (export->read_only ? MORTISE_BLOCK_READ_ONLY : 0) | (export->trim ? MORTISE_BLOCK_DISCARD : 0) |
		       (export->zero ? MORTISE_BLOCK_WRITE_ZEROES : 0);
	info->size = export->size;
	info->logical_block_size = export->min_block > 512 ? export->min_block : 512;
	info->physical_block_size = export->preferred_block;
	info->max_segments = 1;
	info->max_transfer = export->max_block && export->max_block < TRANSFER_MAX ? export->max_block : TRANSFER_MAX;
	info->max_discard = DISCARD_MAX;
	return 0;
}

#define OPTION(text, of, member, line) \
	.name = text, .type = MORTISE_PROPERTY_##of, .offset = offsetof(struct nbd, member), .help = line

static const char *const server_types[] = {[SERVER_INET] = "inet", [SERVER_UNIX] = "unix", NULL};

static const struct mortise_property properties[] = {
	{OPTION("server.type", ENUM, server_type, "how the server is reached"), .values = server_types,
	 .flags = MORTISE_PROPERTY_REQUIRED},
	{OPTION("server.host", STRING, host, "name or address of the server's machine"), .max = 255},
	{OPTION("server.port", STRING, port, "its TCP port"), .fallback = "10809", .max = 31},
	{OPTION("server.path", STRING, path, "path of the server's unix socket"), .max = 107},
	{OPTION("export", STRING, export_name, "name of the export"), .fallback = "", .max = 4096},
	{OPTION("tls-certificates", STRING, tls_certificates,
		"directory with ca-cert.pem, and client-cert.pem and client-key.pem where the server wants them: for "
		"TLS"),
	 .max = 4095},
	{OPTION("tls-psk-file", STRING, tls_psk_file, "file with pre-shared keys, as psktool makes it: for TLS"),
	 .max = 4095},
	{OPTION("tls-username", STRING, tls_username, "whose key in that file; this process's user when absent"),
	 .max = 255},
	{OPTION("reconnect-delay", U32, reconnect_delay,
		"seconds that requests wait for a lost server to come back; they fail at once with 0"),
	 .fallback = "0", .max = 86400},
	{OPTION("open-timeout", U32, open_timeout, "seconds for which connecting is tried when the node is added"),
	 .fallback = "0", .max = 3600},
	{OPTION("connections", U32, connections, "connections to a server that can do with several"), .fallback = "2",
	 .min = 1, .max = CONNECTIONS_MAX},
	{.name = NULL},
};

static const struct mortise_block_driver nbd_driver = {
	.size = sizeof(nbd_driver),
	.property_size = sizeof(struct mortise_property),
	.driver = "nbd",
	.summary = "A disk on an NBD server",
	.node_size = sizeof(struct nbd),
	.properties = properties,
	.open = nbd_open,
	.close = close_all,
	.attach = nbd_attach,
	.detach = nbd_detach,
	.submit = requests_submit,
	.cancel = requests_cancel,
	.timer = requests_timer,
	.fd_ready = requests_fd_ready,
	.work = nbd_work,
	.work_done = nbd_work_done,
};

static const struct mortise_block_driver *const block_drivers[] = {&nbd_driver, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "block-nbd",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Disks on NBD servers",
	.block_drivers = block_drivers,
};
