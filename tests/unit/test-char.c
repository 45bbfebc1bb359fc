/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-char.c - chardevs in the hands of a device: peers that come and go, flow control, claims one after another.
 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "backend/char.h"
#include "base/util.h"

struct world {
	char dir[64], path[80];
	struct chars *chars;
	struct loop *loop;
	struct mortise_chardev *chardev;
	struct mortise_error error;

	/* What the device has been told; it reads all there is at once. */
	_Atomic unsigned peers, readable, writable, received;
	_Atomic bool deaf; /* as while quiesced */
	char text[4096];
};

static bool reaches(_Atomic unsigned *counter, unsigned value)
{
	const struct timespec pause = {.tv_nsec = 200000};

	for (unsigned i = 0; i < 50000; i++) {
		if (atomic_load(counter) >= value)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	snprintf(world->dir, sizeof(world->dir), "/tmp/mortise-char.XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(world->path, sizeof(world->path), "%s/s", world->dir);
	assert_int_equal(chars_new(&world->chars, NULL), 0);
	assert_int_equal(loop_new(&world->loop, NULL), 0);
	assert_int_equal(loop_start(world->loop, "device", NULL), 0);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	loop_free(world->loop);
	chars_free(world->chars);
	unlink(world->path);
	assert_int_equal(rmdir(world->dir), 0); /* the socket went with its chardev */
	free(world);
	return 0;
}

static int add(struct world *world, const char *format)
{
	struct options *options;
	char text[256];

	snprintf(text, sizeof(text), format, world->path);
	memset(&world->error, 0, sizeof(world->error));
	assert_int_equal(options_parse(&options, text, "backend", NULL, NULL), 0);
	return char_add(world->chars, options, &world->error);
}

static bool on_ready(void *opaque, struct mortise_chardev *chardev, uint32_t events)
{
	struct world *world = opaque;

	if (atomic_load(&world->deaf))
		return false;
	if (events & MORTISE_CHAR_PEER)
		atomic_fetch_add(&world->peers, 1);
	if (events & MORTISE_CHAR_WRITABLE) {
		char_poll(chardev, 0);
		atomic_fetch_add(&world->writable, 1);
	}
	if (events & MORTISE_CHAR_READABLE) {
		unsigned at = atomic_load(&world->received);
		int64_t n = char_read(chardev, world->text + at, sizeof(world->text) - at);

		if (n > 0)
			atomic_fetch_add(&world->received, (unsigned)n);
		atomic_fetch_add(&world->readable, 1);
	}
	return true;
}

static void claim(struct world *world)
{
	world->chardev = char_find(world->chars, "c0");
	assert_non_null(world->chardev);
	assert_int_equal(char_claim(world->chardev, "v0", world->loop, on_ready, world, &world->error), 0);
}

/* On the device's thread. */
struct call {
	struct task task;
	struct world *world;
	int64_t (*run)(struct world *world);
	int64_t result;
	_Atomic unsigned done;
};

static void run_call(struct task *task)
{
	struct call *call = container_of(task, struct call, task);

	call->result = call->run(call->world);
	atomic_store(&call->done, 1);
}

static int64_t inside(struct world *world, int64_t (*run)(struct world *world))
{
	struct call call = {.task.run = run_call, .world = world, .run = run};

	loop_post(world->loop, &call.task);
	assert_true(reaches(&call.done, 1));
	return call.result;
}

static int64_t poll_read(struct world *world)
{
	char_poll(world->chardev, MORTISE_CHAR_READABLE);
	return 0;
}

static int64_t poll_write(struct world *world)
{
	char_poll(world->chardev, MORTISE_CHAR_WRITABLE);
	return 0;
}

static int64_t write_hello(struct world *world)
{
	return char_write(world->chardev, "hello", 5);
}

/* Until no more is taken. */
static int64_t write_much(struct world *world)
{
	static const char much[65536];
	int64_t n;

	while ((n = char_write(world->chardev, much, sizeof(much))) > 0)
		;
	return n;
}

static int64_t connected(struct world *world)
{
	struct mortise_char_info info = {.struct_size = sizeof(info)};

	char_info(world->chardev, &info);
	return info.connected;
}

static int connect_peer(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void assert_peer_gets(int fd, const char *text)
{
	char got[64] = "";

	assert_int_equal(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
	assert_string_equal(got, text);
}

static void test_refused(void **state)
{
	struct world *world = *state;

	assert_int_equal(add(world, "tape,id=c0"), -EINVAL);
	assert_names(&world->error, "use socket, file or null");
	assert_int_equal(add(world, "socket,id=c0"), -EINVAL);
	assert_names(&world->error, "'path' is missing");
	assert_int_equal(add(world, "socket,id=c0,path=%s"), -ENOENT);
	assert_names(&world->error, world->path);
	assert_int_equal(add(world, "socket,id=c0,path=%s,server=on,wait=on"), -EINVAL);
	assert_int_equal(add(world, "null,id=c0,colour=red"), -EINVAL);
	assert_names(&world->error, "'colour'");
	assert_int_equal(add(world, "null,id=0"), -EINVAL);
	assert_null(char_find(world->chars, "c0"));
	assert_int_equal(add(world, "null,id=c0"), 0);
	assert_int_equal(add(world, "null,id=c0"), -EEXIST);
	assert_int_equal(char_del(world->chars, "c1", NULL), -ENOENT);
}

static void test_peers(void **state)
{
	struct world *world = *state;
	int first, second;

	assert_int_equal(add(world, "socket,id=c0,path=%s,server=on,wait=off"), 0);
	claim(world);
	assert_int_equal(char_claim(world->chardev, "v1", world->loop, on_ready, world, &world->error), -EBUSY);
	assert_names(&world->error, "device 'v0'");
	assert_int_equal(char_del(world->chars, "c0", &world->error), -EBUSY);
	assert_int_equal(inside(world, connected), 0);
	assert_int_equal(inside(world, write_hello), -ENOTCONN);

	first = connect_peer(world);
	assert_true(reaches(&world->peers, 1));
	assert_int_equal(inside(world, connected), 1);
	assert_int_equal(inside(world, write_hello), 5);
	assert_peer_gets(first, "hello");

	/* What is sent before anybody wants to read it waits; the second peer waits for the first to go. */
	assert_int_equal(send(first, "abc", 3, 0), 3);
	second = connect_peer(world);
	assert_int_equal(atomic_load(&world->received), 0);
	close(first);
	inside(world, poll_read);
	assert_true(reaches(&world->received, 3));
	assert_memory_equal(world->text, "abc", 3);
	assert_true(reaches(&world->peers, 3)); /* the first has gone, the second come */
	assert_int_equal(inside(world, write_hello), 5);
	assert_peer_gets(second, "hello");

	/* One who goes is noticed although nobody reads. */
	char_release(world->chardev);
	claim(world);
	assert_int_equal(inside(world, connected), 1);
	close(second);
	assert_true(reaches(&world->peers, 4));
	assert_int_equal(inside(world, connected), 0);
	char_release(world->chardev);
	assert_int_equal(char_del(world->chars, "c0", NULL), 0);
	assert_int_equal(access(world->path, F_OK), -1);
}

static int serve(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* A client whose server comes late, goes and comes back. */
static void test_reconnect(void **state)
{
	struct world *world = *state;

	assert_int_equal(add(world, "socket,id=c0,path=%s,reconnect=1,server=on"), -EINVAL);
	assert_names(&world->error, "for clients");
	assert_int_equal(add(world, "socket,id=c0,path=%s,reconnect=1,reconnect-ms=1"), -EINVAL);
	assert_names(&world->error, "exclude each other");
	assert_int_equal(add(world, "socket,id=c0,path=%s,reconnect=3601"), -EINVAL);
	assert_int_equal(add(world, "socket,id=c0,path=%s,reconnect=0"), -ENOENT);
	assert_int_equal(add(world, "socket,id=c0,path=%s,reconnect-ms=20"), 0);
	claim(world);
	for (unsigned i = 0; i < 3; i++) {
		const int server = serve(world), peer = accept(server, NULL, NULL);

		assert_true(peer >= 0);
		assert_true(reaches(&world->peers, 2 * i + 1));
		assert_int_equal(inside(world, write_hello), 5);
		assert_peer_gets(peer, "hello");
		close(server);
		unlink(world->path);
		close(peer);
		assert_true(reaches(&world->peers, 2 * i + 2));
		assert_int_equal(inside(world, connected), 0);
	}
	char_release(world->chardev);
	assert_int_equal(char_del(world->chars, "c0", NULL), 0);
}

static void test_flow(void **state)
{
	struct world *world = *state;
	static char sink[65536];
	int peer;

	assert_int_equal(add(world, "socket,id=c0,path=%s,server=on"), 0);
	claim(world);
	peer = connect_peer(world);
	assert_true(reaches(&world->peers, 1));
	assert_int_equal(inside(world, write_much), -EAGAIN);
	inside(world, poll_write);
	assert_int_equal(atomic_load(&world->writable), 0);
	while (recv(peer, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
	assert_true(reaches(&world->writable, 1));

	/* Nobody listens: told once, then not before the next char_poll(). */
	atomic_store(&world->deaf, true);
	inside(world, poll_read);
	assert_int_equal(send(peer, "xyz", 3, 0), 3);
	for (unsigned i = 0; i < 10; i++)
		inside(world, connected);
	atomic_store(&world->deaf, false);
	assert_int_equal(atomic_load(&world->readable), 0);
	inside(world, poll_read);
	assert_true(reaches(&world->received, 3));
	close(peer);
	assert_true(reaches(&world->peers, 2));
	char_release(world->chardev);
}

static void test_file(void **state)
{
	struct world *world = *state;
	struct stat st;

	assert_int_equal(add(world, "file,id=c0,path=%s"), 0);
	claim(world);
	assert_int_equal(inside(world, connected), 1);
	assert_int_equal(inside(world, write_hello), 5);
	inside(world, poll_write);
	assert_true(reaches(&world->writable, 1));
	assert_int_equal(stat(world->path, &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(st.st_mode & 0777, 0600);
	char_release(world->chardev);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_refused), TEST(test_peers), TEST(test_reconnect), TEST(test_flow), TEST(test_file),
	};

	return cmocka_run_group_tests_name("char", tests, NULL, NULL);
}
