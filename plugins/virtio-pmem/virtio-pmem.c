/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-pmem.c - persistent memory (virtio 1.2, 5.19): a block node's file as memory of the guest's, and flushes of
 * what the guest has stored there.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_pmem.h>

#include <mortise/plugin.h>

#define QUEUE_SIZE 64
#define UNIT (UINT64_C(2) << 20) /* bytes: Linux makes memory of whole ones alone */

/* virtio_pmem_resp.ret (5.19.7.1) */
enum { FLUSH_DONE, FLUSH_FAILED };

/* The instance. */
struct pmem {
	struct mortise_block *block; /* property */

	const struct mortise_host *host;
	struct mortise_device *device;
};

/* In each chain's `priv`. */
struct flush {
	struct mortise_block_request io;
	struct mortise_chain *chain;
	struct pmem *pmem;
};

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct pmem *pmem = self;
	struct mortise_block_info info = {.struct_size = sizeof(info)};
	struct mortise_mapping mapping = {.struct_size = sizeof(mapping)};
	struct virtio_pmem_config config;
	int r;

	pmem->host = host;
	pmem->device = device;
	host->block_info(pmem->block, &info);
	if (info.size % UNIT)
		return mortise_fail(err, -EINVAL,
				    "Persistent memory of %" PRIu64
				    " bytes is no multiple of 2 MiB: round the image up with truncate -s %%2M",
				    info.size);
	r = host->block_map(device, pmem->block, &mapping, err);
	if (r < 0)
		return r;
	config = (struct virtio_pmem_config){.start = htole64(mapping.address), .size = htole64(mapping.size)};
	host->write_config(device, 0, &config, sizeof(config));
	return 0;
}

static void answer(struct pmem *pmem, struct mortise_chain *chain, uint32_t result)
{
	const struct virtio_pmem_resp response = {.ret = htole32(result)};

	pmem->host->queue_push(pmem->device, chain,
			       mortise_iov_put(&chain->in, &chain->in_count, &response, sizeof(response)));
}

static void flushed(struct mortise_block_request *io, int result)
{
	/* `io` is a flush's first member. */
	const struct flush *flush = (const struct flush *)io;

	answer(flush->pmem, flush->chain, result < 0 ? FLUSH_FAILED : FLUSH_DONE);
}

static void notify(void *self, uint32_t queue)
{
	struct pmem *pmem = self;
	struct mortise_chain *chain;

	while ((chain = pmem->host->queue_pop(pmem->device, queue))) {
		struct flush *flush = chain->priv;
		struct virtio_pmem_req request;

		if (mortise_iov_take(&chain->out, &chain->out_count, &request, sizeof(request)) < sizeof(request) ||
		    le32toh(request.type) != VIRTIO_PMEM_REQ_TYPE_FLUSH) {
			answer(pmem, chain, FLUSH_FAILED);
			continue;
		}
		*flush = (struct flush){
			.io = {.done = flushed, .op = MORTISE_BLOCK_FLUSH}, .chain = chain, .pmem = pmem};
		pmem->host->block_submit(pmem->block, &flush->io);
	}
}

static const struct mortise_property properties[] = {
	{.name = "drive",
	 .type = MORTISE_PROPERTY_BLOCK,
	 .flags = MORTISE_PROPERTY_REQUIRED | MORTISE_PROPERTY_MAPPED,
	 .offset = offsetof(struct pmem, block),
	 .help = "block node whose file is the memory"},
	{.name = NULL},
};

static const struct mortise_class virtio_pmem = {
	.size = sizeof(virtio_pmem),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtio-pmem",
	.summary = "A file as persistent memory",
	.virtio_id = 27,
	.queue_count = 1,
	.config_size = sizeof(struct virtio_pmem_config),
	.instance_size = sizeof(struct pmem),
	.request_size = sizeof(struct flush),
	.queue_size = QUEUE_SIZE,
	.properties = properties,
	.realize = realize,
	.notify = notify,
};

static const struct mortise_class *const classes[] = {&virtio_pmem, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "virtio-pmem",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Persistent memory for the guest (virtio 1.2, 5.19)",
	.classes = classes,
};
