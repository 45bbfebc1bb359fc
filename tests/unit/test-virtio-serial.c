/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-virtio-serial.c - the virtio-serial plugin against a host made of arrays: control messages in their order,
 * flow control both ways, hostile messages, what survives the instance.
 */
#include "fake-host.h"

#include "../../plugins/virtio-serial/serial.h"

#define MULTIPORT (UINT64_C(1) << VIRTIO_CONSOLE_F_MULTIPORT)

/* A chardev: what is to be read from it, and how much it takes. */
struct mortise_chardev {
	struct mortise_char_info info;
	char in[256], out[256];
	size_t in_size, in_done, out_size, room;
	uint32_t wanted;
	unsigned polls;
};

static struct mortise_chardev chardevs[2];
static struct serial serial;
static struct port ports[2];
static const struct mortise_class *class;

static void host_char_info(struct mortise_chardev *chardev, struct mortise_char_info *info)
{
	*info = chardev->info;
}

static int64_t host_char_read(struct mortise_chardev *chardev, void *data, uint64_t room)
{
	const size_t n = MIN(room, chardev->in_size - chardev->in_done);

	if (!chardev->info.connected)
		return -ENOTCONN;
	if (!n)
		return -EAGAIN;
	memcpy(data, chardev->in + chardev->in_done, n);
	chardev->in_done += n;
	return (int64_t)n;
}

static int64_t host_char_write(struct mortise_chardev *chardev, const void *data, uint64_t size)
{
	const size_t n = MIN(size, chardev->room - chardev->out_size);

	if (!chardev->info.connected)
		return -ENOTCONN;
	if (!n)
		return -EAGAIN;
	memcpy(chardev->out + chardev->out_size, data, n);
	chardev->out_size += n;
	return (int64_t)n;
}

static void host_char_poll(struct mortise_chardev *chardev, uint32_t events)
{
	chardev->wanted = events;
	chardev->polls++;
}

static unsigned opened, closed; /* as the monitor was told */

static void host_event(struct mortise_device *device, uint32_t event, const struct mortise_value *values)
{
	assert_int_equal(event, 0);
	*(values[0].number ? &opened : &closed) += 1;
}

static void make_port(unsigned i, const struct mortise_class *of, uint32_t number, const char *name)
{
	struct mortise_error err = {0};

	ports[i] = (struct port){.chardev = &chardevs[i], .name = name, .number = number};
	assert_int_equal(of->realize(&ports[i], &fake, &host, &err), 0);
}

static int add(unsigned i, struct mortise_error *err)
{
	return class->child_added(&serial, &ports[i], err);
}

static int set_up(void **state)
{
	struct mortise_error err = {0};

	class = mortise_plugin_v1.classes[0];
	fake_open();
	host.char_info = host_char_info;
	host.char_read = host_char_read;
	host.char_write = host_char_write;
	host.event = host_event;
	opened = closed = 0;
	host.char_poll = host_char_poll;
	memset(chardevs, 0, sizeof(chardevs));
	chardevs[0].room = chardevs[1].room = sizeof(chardevs[0].out);
	serial = (struct serial){.max_ports = 4};
	assert_int_equal(class->realize(&serial, &fake, &host, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	fake_close();
	return 0;
}

static void activate(uint64_t features)
{
	assert_int_equal(class->activate(&serial, features, NULL), 0);
}

static void say(uint32_t id, uint16_t event, uint16_t value)
{
	const struct virtio_console_control message = {.id = id, .event = event, .value = value};

	fake_offer(CONTROL_TO_DEVICE, &message, sizeof(message), 0, 1);
	class->notify(&serial, CONTROL_TO_DEVICE);
}

static void offer_control(unsigned count)
{
	while (count--)
		fake_offer(CONTROL_TO_DRIVER, NULL, 0, 64, 1);
	class->notify(&serial, CONTROL_TO_DRIVER);
}

/* The next message that the driver was told. */
static unsigned heard;

static const struct virtio_console_control *hear(uint32_t id, uint16_t event, uint16_t value)
{
	const struct fake_chain *chain = &fake.queues[CONTROL_TO_DRIVER].chains[heard++];
	const struct virtio_console_control *message = (const void *)chain->memory;

	assert_true(chain->pushed);
	assert_int_equal(message->id, id);
	assert_int_equal(message->event, event);
	assert_int_equal(message->value, value);
	return message;
}

static void assert_silence(void)
{
	assert_int_equal(fake.queues[CONTROL_TO_DRIVER].pushed, heard);
}

/* A console at 0 and a channel at 1, known to the driver and opened. */
static void bring_up(void)
{
	heard = 0;
	chardevs[0].info = chardevs[1].info = (struct mortise_char_info){.connected = 1};
	make_port(0, &port_console, NUMBER_ANY, NULL);
	make_port(1, &port_generic, NUMBER_ANY, "name");
	assert_int_equal(add(0, NULL) | add(1, NULL), 0);
	activate(MULTIPORT);
	offer_control(32);
	assert_silence();
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	hear(0, VIRTIO_CONSOLE_PORT_ADD, 0);
	hear(1, VIRTIO_CONSOLE_PORT_ADD, 0);
	say(0, VIRTIO_CONSOLE_PORT_READY, 1);
	hear(0, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	hear(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_memory_equal(hear(1, VIRTIO_CONSOLE_PORT_NAME, 1) + 1, "name", 5);
	hear(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_silence();
}

/* --- control --- */

static void test_messages(void **state)
{
	bring_up();
	chardevs[1].info.connected = 0;
	port_generic.char_ready(&ports[1], &chardevs[1], MORTISE_CHAR_PEER);
	hear(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	chardevs[0].info.columns = 80;
	chardevs[0].info.rows = 25;
	port_console.char_ready(&ports[0], &chardevs[0], MORTISE_CHAR_SIZE);
	assert_memory_equal(hear(0, VIRTIO_CONSOLE_RESIZE, 0) + 1, ((const uint16_t[]){80, 25}), 4);
	assert_memory_equal(fake.config, ((const uint16_t[]){80, 25}), 4);
	class->child_removed(&serial, &ports[1]);
	hear(1, VIRTIO_CONSOLE_PORT_REMOVE, 0);
	assert_silence();
}

/* Without buffers what there is to tell waits, once each, and is told as things are then. */
static void test_no_buffers(void **state)
{
	heard = 0;
	make_port(1, &port_generic, 2, NULL);
	activate(MULTIPORT);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_int_equal(add(1, NULL), 0);
	class->child_removed(&serial, &ports[1]); /* it never was, for the driver */
	offer_control(4);
	assert_silence();
	assert_int_equal(add(1, NULL), 0);
	hear(2, VIRTIO_CONSOLE_PORT_ADD, 0);
	for (unsigned i = 0; i < 3; i++) {
		class->child_removed(&serial, &ports[1]);
		assert_int_equal(add(1, NULL), 0);
	}
	hear(2, VIRTIO_CONSOLE_PORT_REMOVE, 0);
	hear(2, VIRTIO_CONSOLE_PORT_ADD, 0);
	hear(2, VIRTIO_CONSOLE_PORT_REMOVE, 0);
	offer_control(8);
	hear(2, VIRTIO_CONSOLE_PORT_ADD, 0);
	assert_silence();
}

static void test_nonsense(void **state)
{
	bring_up();
	say(4, VIRTIO_CONSOLE_PORT_READY, 1);
	say(UINT32_MAX, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(3, VIRTIO_CONSOLE_PORT_READY, 1); /* no port there */
	say(0, 99, 1);
	fake_offer(CONTROL_TO_DEVICE, "short", 5, 0, 1);
	class->notify(&serial, CONTROL_TO_DEVICE);
	assert_silence();
	assert_int_equal(fake.queues[CONTROL_TO_DEVICE].pushed, fake.queues[CONTROL_TO_DEVICE].offered);
}

static void test_numbers(void **state)
{
	struct mortise_error err = {0};

	make_port(0, &port_console, NUMBER_ANY, NULL);
	assert_int_equal(add(0, &err), 0);
	assert_int_equal(ports[0].number, 0);
	make_port(1, &port_generic, 0, NULL);
	assert_int_equal(add(1, &err), -EINVAL);
	make_port(1, &port_console, 0, NULL);
	assert_int_equal(add(1, &err), -EBUSY);
	make_port(1, &port_console, 4, NULL);
	assert_int_equal(add(1, &err), -ERANGE);
	make_port(1, &port_generic, NUMBER_ANY, NULL);
	assert_int_equal(add(1, &err), 0);
	assert_int_equal(ports[1].number, 1);
	for (unsigned i = 2; i < 4; i++)
		serial.lines[i].port = &ports[0];
	make_port(1, &port_generic, NUMBER_ANY, NULL);
	assert_int_equal(add(1, &err), -ENOSPC);
}

/* --- bytes --- */

/* Port 1 has queues 4 and 5. */
static void test_to_driver(void **state)
{
	bring_up();
	memcpy(chardevs[1].in, "0123456789abcdef", 16);
	chardevs[1].in_size = 16;
	assert_int_equal(chardevs[1].wanted, 0); /* no buffers */
	fake_offer(4, NULL, 0, 10, 2);
	fake_offer(4, NULL, 0, 10, 1);
	class->notify(&serial, 4);
	assert_int_equal(chardevs[1].wanted, MORTISE_CHAR_READABLE);
	assert_memory_equal(fake.queues[4].chains[0].memory, "0123456789", 10);
	assert_int_equal(fake.queues[4].chains[1].written, 6);
	fake_offer(4, NULL, 0, 10, 1);
	class->notify(&serial, 4);
	assert_int_equal(fake.queues[4].pushed, 2); /* there is nothing: the buffer stays in the ring */
	say(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	assert_int_equal(chardevs[1].wanted, 0);
	assert_true(opened == 1 && closed == 1);
	chardevs[1].in_size = 17;
	class->notify(&serial, 4);
	assert_int_equal(fake.queues[4].pushed, 2); /* nobody has it open */
	say(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_int_equal(fake.queues[4].pushed, 3);
}

static void test_from_driver(void **state)
{
	bring_up();
	chardevs[1].room = 7;
	fake_offer(5, "0123456789", 10, 0, 3);
	fake_offer(5, "abc", 3, 0, 1);
	class->notify(&serial, 5);
	assert_int_equal(fake.queues[5].pushed, 0);
	assert_int_equal(fake.queues[5].popped, 0);
	assert_true(chardevs[1].wanted & MORTISE_CHAR_WRITABLE);
	class->quiesce(&serial, NULL); /* nothing is in flight; what was sent is not sent again */
	class->resume(&serial);
	chardevs[1].room = sizeof(chardevs[1].out);
	class->notify(&serial, 5);
	assert_int_equal(fake.queues[5].pushed, 2);
	assert_int_equal(chardevs[1].out_size, 13);
	assert_memory_equal(chardevs[1].out, "0123456789abc", 13);
	assert_false(chardevs[1].wanted & MORTISE_CHAR_WRITABLE);
}

/* A peer that leaves in the middle takes what was for it along, and the driver goes on. */
static void test_deserted(void **state)
{
	bring_up();
	chardevs[1].room = 2;
	fake_offer(5, "0123", 4, 0, 1);
	class->notify(&serial, 5);
	chardevs[1].info.connected = 0;
	port_generic.char_ready(&ports[1], &chardevs[1], MORTISE_CHAR_PEER);
	assert_int_equal(fake.queues[5].pushed, 1);
	assert_int_equal(serial.lines[1].sent, 0);
	class->child_removed(&serial, &ports[1]);
	fake_offer(5, "late", 4, 0, 1);
	class->notify(&serial, 5);
	assert_int_equal(fake.queues[5].pushed, 2);
}

/* A driver of old: port 0 alone, open from the start; and a character without any queue. */
static void test_single(void **state)
{
	chardevs[0].info.connected = 1;
	make_port(0, &port_console, 0, NULL);
	assert_int_equal(add(0, NULL), 0);
	activate(0);
	chardevs[0].in[0] = 'x';
	chardevs[0].in_size = 1;
	fake_offer(0, NULL, 0, 10, 1);
	fake_offer(1, "y", 1, 0, 1);
	class->notify(&serial, 0);
	class->notify(&serial, 1);
	assert_int_equal(fake.queues[0].chains[0].memory[0], 'x');
	memcpy(fake.config + offsetof(struct virtio_console_config, emerg_wr), "z", 1);
	class->config_written(&serial, offsetof(struct virtio_console_config, emerg_wr), 4);
	assert_memory_equal(chardevs[0].out, "yz", 2);
	class->reset(&serial);
	assert_int_equal(chardevs[0].wanted, 0);
	assert_false(serial.lines[0].open);
}

/* --- another instance --- */

static void test_handed_over(void **state)
{
	struct mortise_error err = {0};
	uint8_t data[1024], again[1024];
	int64_t size;

	bring_up();
	chardevs[1].room = 3;
	fake_offer(5, "0123", 4, 0, 1);
	class->notify(&serial, 5);
	class->quiesce(&serial, NULL);
	assert_int_equal(class->save(&serial, data, 10), -ENOSPC);
	size = class->save(&serial, data, sizeof(data));
	assert_true(size > 0);

	serial = (struct serial){.max_ports = 4};
	assert_int_equal(class->realize(&serial, &fake, &host, &err), 0);
	make_port(0, &port_console, 0, NULL);
	make_port(1, &port_generic, 1, "name");
	assert_int_equal(add(0, NULL), 0); /* one before, one after: neither is told of again */
	assert_int_equal(class->restore(&serial, data, (uint64_t)size, &err), 0);
	assert_int_equal(add(1, NULL), 0);
	assert_int_equal(class->save(&serial, again, sizeof(again)), size);
	assert_memory_equal(data, again, size);
	chardevs[1].info.connected = 0; /* left meanwhile */
	activate(MULTIPORT);
	class->notify(&serial, CONTROL_TO_DRIVER);
	hear(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	assert_silence();
	chardevs[1].info.connected = 1;
	chardevs[1].room = 100;
	class->notify(&serial, 5);
	assert_memory_equal(chardevs[1].out, "0123", 4);

	data[0]++;
	assert_int_equal(class->restore(&serial, data, (uint64_t)size, &err), -EINVAL);
	assert_names(&err, "version");
	assert_int_equal(class->restore(&serial, data, 3, &err), -EINVAL);
}

/* Ports that found their numbers by themselves have them still, though others are free by now. */
static void test_numbers_handed_over(void **state)
{
	struct mortise_error err = {0};
	uint8_t data[1024];
	int64_t size;

	make_port(0, &port_generic, NUMBER_ANY, NULL);
	make_port(1, &port_generic, NUMBER_ANY, NULL);
	assert_int_equal(add(0, NULL), 0);
	assert_int_equal(add(1, NULL), 0);
	class->child_removed(&serial, &ports[0]);
	size = class->save(&serial, data, sizeof(data));

	serial = (struct serial){.max_ports = 4};
	assert_int_equal(class->realize(&serial, &fake, &host, &err), 0);
	make_port(1, &port_generic, NUMBER_ANY, NULL);
	assert_int_equal(add(1, NULL), 0);
	assert_int_equal(ports[1].number, 1);
	assert_int_equal(class->restore(&serial, data, (uint64_t)size, &err), 0);
	assert_int_equal(ports[1].number, 2);
	assert_null(serial.lines[1].port);
	assert_ptr_equal(serial.lines[2].port, &ports[1]);
	make_port(0, &port_generic, NUMBER_ANY, NULL);
	assert_int_equal(add(0, NULL), 0);
	assert_int_equal(class->restore(&serial, data, (uint64_t)size, &err), -EINVAL);
	assert_names(&err, "2");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_messages),	TEST(test_no_buffers),		TEST(test_nonsense), TEST(test_numbers),
		TEST(test_to_driver),	TEST(test_from_driver),		TEST(test_deserted), TEST(test_single),
		TEST(test_handed_over), TEST(test_numbers_handed_over),
	};

	return cmocka_run_group_tests_name("virtio-serial", tests, NULL, NULL);
}
