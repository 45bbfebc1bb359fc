/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-nbd.c - the plugin block-nbd, on block nodes, against nbdkit behind good and bad networks.
 */
#include "block-fixture.h"
#include "nbd-server.h"
#include "unit.h"

#include <event2/event.h>
#include <semaphore.h>

#include <mortise/plugin.h>

#define SIZE (UINT64_C(1) << 20)
#define MANY 32

extern const struct mortise_plugin mortise_plugin_v1; /* the plugin's, which is a part of this program */

static struct server server;
static struct relay relay;

/* --- the fixture: that of block nodes, which finds the plugin's driver --- */

static int find_driver(void *opaque, const char *driver, const struct mortise_block_driver **out,
		       struct mortise_error *err)
{
	*out = mortise_plugin_v1.block_drivers[0];
	return strcmp(driver, "nbd") == 0 ? 0 : -ENOENT;
}

static void use_driver(void *opaque, const struct mortise_block_driver *driver, int change)
{
}

static const struct block_source source = {find_driver, use_driver, NULL};

static int setup(void **state)
{
	fixture_setup(state);
	block_nodes_set_source(((struct fixture *)*state)->nodes, &source);
	fixture_file(*state, "disk", SIZE);
	relay.harm = HARM_NONE;
	relay.harmed = 0;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	relay_stop(&relay);
	server_kill(&server);
	return fixture_teardown(state);
}

/* nbdkit with the file, options and a filter's parameters; and a relay to it. */
static void serve(struct fixture *fixture, const char *options, const char *parameters)
{
	server_start(&server, fixture->dir, "%s file %s/disk %s", options, fixture->dir, parameters);
	relay_start(&relay, &server);
}

/* A node on the relay, which is not added when that fails. */
static int add(struct fixture *fixture, const char *options)
{
	return fixture_add(fixture, "node-name=d0,driver=nbd,server.type=inet,server.host=localhost,server.port=%u%s",
			   relay.port, options);
}

static void claim(struct fixture *fixture)
{
	fixture->block = block_find(fixture->nodes, "d0");
	assert_non_null(fixture->block);
	assert_int_equal(block_claim(fixture->block, "v0", fixture->io, NULL), 0);
}

static void plug(struct fixture *fixture, const char *options)
{
	if (add(fixture, options) < 0)
		fail_msg("%s", fixture->error.message);
	claim(fixture);
}

/* --- requests --- */

static void check_pattern(struct fixture *fixture, uint64_t offset, size_t length)
{
	uint8_t *data = malloc(length);

	assert_non_null(data);
	assert_int_equal(fixture_read(fixture, offset, data, length), 0);
	for (size_t i = 0; i < length; i++)
		if (data[i] != fixture_pattern(offset + i))
			fail_msg("byte %zu of %zu at %llu differs", i, length, (unsigned long long)offset);
	free(data);
}

static void check_file(struct fixture *fixture, uint64_t offset, const uint8_t *data, size_t length)
{
	uint8_t *found = malloc(length);
	FILE *file = fopen(fixture_path(fixture, "disk"), "re");

	assert_non_null(file);
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	assert_int_equal(fread(found, 1, length, file), length);
	assert_memory_equal(found, data, length);
	fclose(file);
	free(found);
}

struct one {
	struct fixture *fixture;
	unsigned op;
	uint64_t offset;
	uint8_t data[2 * SECTOR];
	size_t length;
	int result;
	pthread_t thread;
};

static void *one_thread(void *opaque)
{
	struct one *one = opaque;
	const struct iovec iov = {one->data, one->length};

	one->result = fixture_request(one->fixture, one->op, 0, one->offset, &iov, 1, one->length);
	return NULL;
}

/* Begins MANY requests at a time, each at a place of its own that begins and ends within larger blocks. */
static void begin_many(struct fixture *fixture, struct one *many, unsigned op)
{
	for (unsigned i = 0; i < MANY; i++) {
		many[i] = (struct one){
			.fixture = fixture, .op = op, .offset = (3 * i + 1) * SECTOR, .length = 2 * SECTOR};
		memset(many[i].data, (int)(i + 1), many[i].length);
		assert_int_equal(pthread_create(&many[i].thread, NULL, one_thread, &many[i]), 0);
	}
}

static void end_many(struct one *many, int result)
{
	for (unsigned i = 0; i < MANY; i++) {
		pthread_join(many[i].thread, NULL);
		assert_int_equal(many[i].result, result);
	}
}

/* What begin_many() has written is in the file, and nothing beside it has changed. */
static void check_many(struct fixture *fixture, const struct one *many)
{
	uint8_t between[SECTOR];

	for (unsigned i = 0; i < MANY; i++) {
		check_file(fixture, many[i].offset, many[i].data, many[i].length);
		for (unsigned j = 0; j < SECTOR; j++)
			between[j] = fixture_pattern(many[i].offset - SECTOR + j);
		check_file(fixture, many[i].offset - SECTOR, between, SECTOR);
	}
}

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void stop_turning(evutil_socket_t fd, short what, void *opaque)
{
	loop_quit(((struct fixture *)opaque)->control);
}

/* Lets the control thread do what it is asked for meanwhile. */
static void turn_control(struct fixture *fixture, struct timeval time)
{
	event_base_once(loop_base(fixture->control), -1, EV_TIMEOUT, stop_turning, fixture, &time);
	loop_run(fixture->control);
}

/* --- the disk --- */

static void test_use(void **state)
{
	struct fixture *fixture = *state;
	struct block_description description;
	uint8_t zero[16 * SECTOR] = {0}, data[6 * SECTOR];
	struct iovec scattered[3] = {{data, SECTOR}, {data + SECTOR, 3 * SECTOR}, {data + 4 * SECTOR, 2 * SECTOR}};
	static struct one many[MANY];

	serve(fixture, "", "");
	plug(fixture, "");
	block_describe(fixture->block, &description);
	assert_int_equal(description.info.size, SIZE);
	assert_false(description.read_only);
	assert_non_null(strstr(description.filename, "nbd://localhost:"));
	check_pattern(fixture, 0, SIZE);
	check_pattern(fixture, SIZE - SECTOR, SECTOR);

	begin_many(fixture, many, MORTISE_BLOCK_WRITE);
	end_many(many, 0);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), 0);
	check_many(fixture, many);

	memset(data, 0x5a, sizeof(data));
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_WRITE, 0, SIZE / 2, scattered, 3, sizeof(data)), 0);
	check_file(fixture, SIZE / 2, data, sizeof(data));
	memset(data, 0, sizeof(data));
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_READ, 0, SIZE / 2, scattered, 3, sizeof(data)), 0);
	check_file(fixture, SIZE / 2, data, sizeof(data));
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_WRITE_ZEROES_OP, 0, SIZE / 2, NULL, 0, sizeof(zero)),
			 0);
	check_file(fixture, SIZE / 2, zero, sizeof(zero));
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_DISCARD_OP, 0, SIZE - 65536, NULL, 0, 65536), 0);
	assert_int_equal(relay.accepted, 2); /* the server can do with several */
}

static void test_one_connection(void **state)
{
	static struct one many[MANY];

	serve(*state, "--filter=multi-conn", "multi-conn-mode=disable");
	plug(*state, ",connections=8");
	begin_many(*state, many, MORTISE_BLOCK_WRITE);
	end_many(many, 0);
	check_many(*state, many);
	assert_int_equal(relay.accepted, 1); /* its connections do not see each other's flushes */
}

/* Sectors in blocks of 4096 bytes are written beside each other, many at a time. */
static void test_large_blocks(void **state)
{
	static struct one many[MANY];

	serve(*state, "--filter=blocksize-policy", "blocksize-minimum=4096 blocksize-error-policy=error");
	plug(*state, "");
	begin_many(*state, many, MORTISE_BLOCK_WRITE);
	end_many(many, 0);
	check_many(*state, many);
}

static void test_exports(void **state)
{
	struct fixture *fixture = *state;

	server_start(&server, fixture->dir, "file dir=%s", fixture->dir);
	relay_start(&relay, &server);
	assert_true(add(fixture, ",export=nothing") < 0);
	assert_error(fixture, "nothing");
	plug(fixture, ",export=disk");
	check_pattern(fixture, 0, SIZE);
}

static void test_read_only(void **state)
{
	struct fixture *fixture = *state;
	struct block_description description;
	uint8_t data[SECTOR] = {0};

	serve(fixture, "-r", "");
	assert_int_equal(add(fixture, ""), -EROFS);
	assert_error(fixture, "read-only=on");
	plug(fixture, ",auto-read-only=on");
	block_describe(fixture->block, &description);
	assert_true(description.read_only);
	assert_true(fixture_write(fixture, 0, data, sizeof(data)) < 0);
	check_pattern(fixture, 0, SIZE);
	fixture_close(fixture);
	plug(fixture, ",read-only=on");
	check_pattern(fixture, 0, SIZE);
}

static void test_errors(void **state)
{
	struct fixture *fixture = *state;
	uint8_t data[SECTOR] = {0};
	char trigger[128], arguments[256];

	snprintf(trigger, sizeof(trigger), "%s", fixture_path(fixture, "trigger"));
	snprintf(arguments, sizeof(arguments),
		 "error-pread=EIO error-pread-rate=100%% error-pwrite=ENOSPC error-pwrite-rate=100%% "
		 "error-file=%s",
		 trigger);
	serve(fixture, "--filter=error", arguments);
	plug(fixture, "");
	check_pattern(fixture, 0, 8 * SECTOR);
	fixture_file(fixture, "trigger", 1);
	assert_int_equal(fixture_read(fixture, 0, data, sizeof(data)), -EIO);
	assert_int_equal(fixture_write(fixture, 0, data, sizeof(data)), -ENOSPC);
	unlink(trigger);
	check_pattern(fixture, 0, 8 * SECTOR);
	assert_int_equal(relay.accepted, 2); /* an error is an answer: nothing was connected anew */
}

/* Slow answers are waited for together. */
static void test_delay(void **state)
{
	static struct one many[MANY];
	const double begin = seconds();

	serve(*state, "--filter=delay", "rdelay=300ms");
	plug(*state, "");
	begin_many(*state, many, MORTISE_BLOCK_READ);
	end_many(many, 0);
	assert_true(seconds() - begin < MANY * 0.3 / 2);
}

/* --- TLS --- */

static bool make(struct fixture *fixture, const char *commands)
{
	char all[2048];

	snprintf(all, sizeof(all), "cd %s && { %s; } >/dev/null 2>&1", fixture->dir, commands);
	return system(all) == 0;
}

static void test_tls_keys(void **state)
{
	struct fixture *fixture = *state;
	char options[512], arguments[256];

	if (!make(fixture, "psktool -u anna -p keys && psktool -u anna -p wrong")) {
		print_message("no psktool\n");
		fail();
	}
	snprintf(arguments, sizeof(arguments), "--tls=require --tls-psk=%s/keys", fixture->dir);
	serve(fixture, arguments, "");
	assert_true(add(fixture, "") < 0);
	assert_error(fixture, "TLS");
	snprintf(options, sizeof(options), ",tls-psk-file=%s/wrong,tls-username=anna", fixture->dir);
	assert_true(add(fixture, options) < 0);
	snprintf(options, sizeof(options), ",tls-psk-file=%s/keys,tls-username=anna", fixture->dir);
	plug(fixture, options);
	check_pattern(fixture, 0, SIZE);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), 0);
}

static const char certificates[] =
	"printf 'cn=store\\nca\\ncert_signing_key\\n' >ca.info;"
	"printf 'cn=localhost\\ndns_name=%s\\ntls_www_server\\nsigning_key\\n' >server.info;"
	"for each in ca server; do certtool --generate-privkey --key-type=ecdsa --outfile $each-key.pem || exit; done;"
	"certtool --generate-self-signed --load-privkey ca-key.pem --template ca.info --outfile ca-cert.pem &&"
	"certtool --generate-certificate --load-ca-certificate ca-cert.pem --load-ca-privkey ca-key.pem "
	"--load-privkey server-key.pem --template server.info --outfile server-cert.pem";

static void test_tls_certificates(void **state)
{
	static const struct {
		const char *name; /* in the certificate */
		bool right;
	} tries[] = {{"elsewhere.example", false}, {"localhost", true}};
	struct fixture *fixture = *state;
	char options[512], arguments[256], commands[1024];

	snprintf(options, sizeof(options), ",tls-certificates=%s", fixture->dir);
	snprintf(arguments, sizeof(arguments), "--tls=require --tls-certificates=%s", fixture->dir);
	for (unsigned i = 0; i < ARRAY_SIZE(tries); i++) {
		snprintf(commands, sizeof(commands), certificates, tries[i].name);
		assert_true(make(fixture, commands));
		serve(fixture, arguments, "");
		if (tries[i].right) {
			plug(fixture, options);
			check_pattern(fixture, 0, SIZE);
			break;
		}
		assert_true(add(fixture, options) < 0);
		relay_stop(&relay);
		server_kill(&server);
	}
	assert_int_equal(fixture_add(fixture,
				     "node-name=d1,driver=nbd,server.type=unix,server.path=%s,tls-certificates=%s",
				     server.path, fixture->dir),
			 -EINVAL);
	assert_error(fixture, "tls-psk-file");
}

/* --- bad servers and networks --- */

/* How many bytes the server says until a connection can be used. */
static uint64_t measure_greeting(struct fixture *fixture)
{
	uint64_t greeting;

	serve(fixture, "", "");
	plug(fixture, ",connections=1");
	greeting = relay.said;
	fixture_close(fixture);
	relay_stop(&relay);
	return greeting;
}

/* Hung up or garbled at any byte of the negotiation: refused in words. */
static void test_bad_greeting(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t greeting = measure_greeting(fixture);
	unsigned open;

	relay_start(&relay, &server);
	open = fixture_descriptors();
	assert_true(greeting > 20);
	for (unsigned harm = HARM_CUT; harm <= HARM_GARBLE; harm++) {
		for (uint64_t after = 0; after < greeting; after += 5) {
			relay_stop(&relay);
			relay.harm = harm;
			relay.after = after;
			relay.harmed = 1;
			relay_start(&relay, &server);
			assert_true(add(fixture, ",connections=1") < 0);
			assert_string_not_equal(fixture->error.message, "");
		}
	}
	relay_stop(&relay);
	relay_start(&relay, &server);
	assert_int_equal(fixture_descriptors(), open);
	plug(fixture, "");
	check_pattern(fixture, 0, SIZE);
}

/* Hung up or garbled within an answer: what was asked for is asked for again. */
static void test_bad_answer(void **state)
{
	static const unsigned places[] = {1, 4, 8, 15, 16, 19, 20, 28, 32, 100, 4096, 8191, 8207};
	struct fixture *fixture = *state;
	const uint64_t greeting = measure_greeting(fixture);

	for (unsigned harm = HARM_CUT; harm <= HARM_GARBLE; harm++) {
		for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
			relay.harm = harm;
			relay.after = greeting + places[i];
			relay.harmed = 1;
			relay_start(&relay, &server);
			plug(fixture, ",connections=1,reconnect-delay=20");
			if (harm == HARM_CUT || places[i] <= 16) {
				check_pattern(fixture, SIZE / 4, 16 * SECTOR);
				assert_int_equal(relay.accepted, 2);
			} else { /* nothing tells noise from data, but for its end */
				uint8_t data[16 * SECTOR];

				fixture_read(fixture, SIZE / 4, data, sizeof(data));
				check_pattern(fixture, SIZE / 4, 16 * SECTOR);
			}
			fixture_close(fixture);
			relay_stop(&relay);
		}
	}
}

/* Nothing is answered, and nothing hung up: unplugging ends all the same. */
static void test_silence(void **state)
{
	struct fixture *fixture = *state;
	static struct one many[MANY];
	double begin;

	relay.after = measure_greeting(fixture) + 16;
	relay.harm = HARM_STALL;
	relay.harmed = 2;
	relay_start(&relay, &server);
	plug(fixture, ",reconnect-delay=60");
	begin_many(fixture, many, MORTISE_BLOCK_READ);
	begin = seconds();
	block_hurry(fixture->block, true);
	turn_control(fixture, (struct timeval){4, 0});
	for (unsigned i = 0; i < MANY; i++) {
		pthread_join(many[i].thread, NULL);
		assert_true(many[i].result == -EIO || many[i].result == 0);
	}
	assert_true(seconds() - begin < 8);
}

/* --- a server that goes and comes --- */

struct waiter {
	sem_t changed;
};

static void on_change(void *opaque, struct mortise_block *block)
{
	sem_post(&((struct waiter *)opaque)->changed);
}

static void test_restart(void **state)
{
	struct fixture *fixture = *state;
	static struct one many[MANY];
	struct mortise_block_info info = {.struct_size = sizeof(info)};
	struct waiter waiter;

	sem_init(&waiter.changed, 0, 0);
	serve(fixture, "--filter=delay", "wdelay=200ms");
	plug(fixture, ",reconnect-delay=30");
	block_on_change(fixture->block, on_change, &waiter);
	begin_many(fixture, many, MORTISE_BLOCK_WRITE);
	server_kill(&server);
	assert_int_equal(truncate(fixture_path(fixture, "disk"), 2 * SIZE), 0);
	server_start(&server, fixture->dir, "file %s/disk", fixture->dir);
	end_many(many, 0);
	check_many(fixture, many);
	/* It has grown meanwhile, which the device is told. */
	while (sem_trywait(&waiter.changed) < 0)
		turn_control(fixture, (struct timeval){0, 20000});
	block_info(fixture->block, &info);
	assert_int_equal(info.size, 2 * SIZE);
	sem_destroy(&waiter.changed);
}

static void test_gone(void **state)
{
	struct fixture *fixture = *state;
	uint8_t data[SECTOR] = {0};

	serve(fixture, "", "");
	plug(fixture, ",reconnect-delay=0");
	server_kill(&server);
	assert_int_equal(fixture_read(fixture, 0, data, sizeof(data)), -EIO);
	/* One that cannot do what the guest was told of is not taken for it. */
	server_start(&server, fixture->dir, "-r file %s/disk", fixture->dir);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(fixture_write(fixture, 0, data, sizeof(data)), -EIO);
	server_kill(&server);
	server_start(&server, fixture->dir, "file %s/disk", fixture->dir);
	while (fixture_read(fixture, 0, data, sizeof(data)) < 0)
		usleep(10000); /* until it is looked for again */
	check_pattern(fixture, SECTOR, SECTOR);
}

static void test_options(void **state)
{
	static const struct {
		const char *options, *wrong;
	} refused[] = {
		{"server.type=unix", "server.path"},
		{"server.type=unix,server.path=/x,server.host=y", "server.host"},
		{"server.type=inet,server.path=/x", "server.host"},
		{"server.type=vsock", "server.type"},
		{"server.type=inet,server.host=x,tls-certificates=/x,tls-psk-file=/y", "exclude each other"},
		{"server.type=unix,server.path=/nowhere,connections=0", "connections"},
		{"server.type=unix,server.path=/nowhere,connections=17", "connections"},
		{"server.type=unix,server.path=/nowhere,bogus=1", "bogus"},
		{"server.type=unix,server.path=/nowhere", "/nowhere"},
		{"server.type=inet,server.host=localhost,server.port=1", "localhost:1"},
		{"server.type=inet,server.host=nowhere.invalid", "nowhere.invalid"},
	};
	struct fixture *fixture = *state;
	const unsigned open = fixture_descriptors();

	for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
		assert_true(fixture_add(fixture, "node-name=d0,driver=nbd,%s", refused[i].options) < 0);
		assert_error(fixture, refused[i].wrong);
	}
	assert_int_equal(fixture_descriptors(), open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_certificates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_greeting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
	};

	if (system("nbdkit --version >/dev/null 2>&1 && psktool --version >/dev/null 2>&1"))
		return fixture_skip("no nbdkit, or no psktool");
	return cmocka_run_group_tests_name("block-nbd", tests, NULL, NULL);
}
