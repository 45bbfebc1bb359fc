/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/host.c - the table of host services: where a plugin's calls go.
 */
#include "config.h"

#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "bus/command.h"
#include "plugin/plugin.h"

MORTISE_PRINTF(3, 4)
static void host_log(struct mortise_device *device, enum mortise_log_level level, const char *format, ...)
{
	const char *id = device ? device_id(device) : NULL;
	char text[896];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_write(MIN(level, MORTISE_LOG_DEBUG), "%s%s%s", id ? id : "", id ? ": " : "", text);
}

static int host_block_map(struct mortise_device *device, struct mortise_block *block, struct mortise_mapping *mapping,
			  struct mortise_error *err)
{
	struct ram *ram = device_extends_ram(device);

	if (!ram)
		return mortise_fail(err, -EINVAL, "Device '%s' maps a block node outside realize()", device_id(device));
	return block_map(block, ram, mapping, err);
}

const struct mortise_host plugin_host = {
	.size = sizeof(struct mortise_host),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.version = PACKAGE_VERSION,
	.log = host_log,

	.offer_features = device_offer_features,
	.write_config = device_write_config,
	.read_config = device_read_config,
	.needs_reset = device_needs_reset,
	.queue_pop = device_queue_pop,
	.queue_push = device_queue_push,
	.queue_unpop = device_queue_unpop,

	.block_info = block_info,
	.block_submit = block_submit,

	.net_info = net_info,
	.net_set_offloads = net_set_offloads,
	.net_set_queues = net_set_queues,
	.net_send = net_send,
	.net_receive = net_receive,
	.net_poll = net_poll,

	.clock_ns = device_clock_ns,
	.timer_set = device_timer_set,
	.watch = device_watch,
	.memory_discard = device_memory_discard,
	.memory_discard_at = device_memory_discard_at,

	.char_info = char_info,
	.char_read = char_read,
	.char_write = char_write,
	.char_poll = char_poll,

	.call_return = device_call_return,
	.call_fail = device_call_fail,
	.event = device_event,

	.offer_ring_features = device_offer_ring_features,
	.memory_region = device_memory_region,
	.vring_lend = device_vring_lend,
	.vring_return = device_vring_return,
	.net_vhost = net_vhost,
	.char_connect = char_connect,
	.char_descriptor = char_descriptor,
	.block_map = host_block_map,
};
