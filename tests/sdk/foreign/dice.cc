/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dice.cc - an entropy device (virtio 1.2, 5.4) in C++, to see that the headers serve it: six-sided random numbers.
 */
#include <cerrno>
#include <cstddef>
#include <exception>
#include <memory>
#include <mortise/plugin.h>
#include <random>

namespace
{

/* Exceptions must not leave a callback: what can throw is caught where it is called. */
class dice
{
      public:
	explicit dice(std::uint32_t sides) : face(1, static_cast<int>(sides))
	{
	}

	/* A driver may ask for gigabytes; a callback is to return soon. */
	std::uint64_t fill(const mortise_chain *chain)
	{
		std::uint64_t done = 0;

		for (std::uint32_t i = 0; i < chain->in_count; i++) {
			auto *bytes = static_cast<std::uint8_t *>(chain->in[i].iov_base);

			for (std::size_t at = 0; at < chain->in[i].iov_len && done < most; at++, done++)
				bytes[at] = static_cast<std::uint8_t>(face(source));
		}
		return done;
	}

      private:
	static constexpr std::uint64_t most = 4096;
	std::random_device source;
	std::uniform_int_distribution<int> face;
};

/* The host allocates it, zeroed, stores the properties and frees it: no constructor runs but for what it points to. */
struct instance {
	std::uint32_t sides;
	const mortise_host *host;
	mortise_device *device;
	dice *thrown;
};

int realize(void *self, mortise_device *device, const mortise_host *host, mortise_error *err)
{
	auto *instance = static_cast<struct instance *>(self);

	instance->host = host;
	instance->device = device;
	try {
		instance->thrown = std::make_unique<dice>(instance->sides).release();
	} catch (const std::exception &why) {
		return mortise_fail(err, -EIO, "No dice: %s", why.what());
	}
	return 0;
}

void unrealize(void *self)
{
	delete static_cast<struct instance *>(self)->thrown;
}

void notify(void *self, std::uint32_t queue)
{
	auto *instance = static_cast<struct instance *>(self);

	while (auto *chain = instance->host->queue_pop(instance->device, queue)) {
		std::uint64_t written = 0;

		try {
			written = instance->thrown->fill(chain);
		} catch (const std::exception &why) {
			instance->host->log(instance->device, MORTISE_LOG_ERROR, "%s", why.what());
		}
		instance->host->queue_push(instance->device, chain, written);
	}
}

constexpr mortise_property sides()
{
	mortise_property property = {};

	property.name = "sides";
	property.type = MORTISE_PROPERTY_U32;
	property.offset = offsetof(instance, sides);
	property.fallback = "6";
	property.min = 2;
	property.max = 255;
	property.help = "how many sides the dice have";
	return property;
}

constexpr mortise_property properties[] = {sides(), {}};

constexpr mortise_class describe()
{
	mortise_class description = {};

	description.size = sizeof(description);
	description.property_size = sizeof(mortise_property);
	description.driver = "dice";
	description.summary = "Random numbers from dice";
	description.virtio_id = 4;
	description.queue_count = 1;
	description.instance_size = sizeof(instance);
	description.properties = properties;
	description.realize = realize;
	description.unrealize = unrealize;
	description.notify = notify;
	return description;
}

constexpr mortise_class description = describe();
constexpr const mortise_class *classes[] = {&description, nullptr};

constexpr mortise_plugin describe_plugin()
{
	mortise_plugin plugin = {};

	plugin.magic = MORTISE_PLUGIN_MAGIC;
	plugin.size = sizeof(plugin);
	plugin.abi_major = MORTISE_ABI_MAJOR;
	plugin.abi_minor = 0;
	plugin.name = "dice";
	plugin.version = "1.0.0";
	plugin.license = "Apache-2.0";
	plugin.summary = "A device in C++";
	plugin.classes = classes;
	return plugin;
}

} // namespace

const mortise_plugin mortise_plugin_v1 = describe_plugin();
