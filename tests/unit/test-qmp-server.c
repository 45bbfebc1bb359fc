/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-qmp-server.c - the protocol over socket pairs: many clients, split and pipelined input, calls that are answered
 * later, clients that leave or do not read, and descriptors that come along.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/loop.h"
#include "base/util.h"
#include "qmp/call.h"
#include "qmp/json.h"
#include "qmp/server.h"
#include "qmp/text.h"

static struct qmp_call *pending[16]; /* of `later`, in their order */
static unsigned pending_count, ran;

static void run_capabilities(struct qmp_call *call, const cJSON *arguments)
{
	qmp_negotiated(call, json_get(arguments, "enable") != NULL);
	qmp_done(call);
}

static void run_echo(struct qmp_call *call, const cJSON *arguments)
{
	ran++;
	qmp_return(call, cJSON_Duplicate(json_get(arguments, "value"), true));
}

static void run_later(struct qmp_call *call, const cJSON *arguments)
{
	assert_true(pending_count < ARRAY_SIZE(pending));
	pending[pending_count++] = call;
}

static void run_big(struct qmp_call *call, const cJSON *arguments)
{
	char *text = malloc(50001);

	ran++;
	memset(text, 'x', 50000);
	text[50000] = '\0';
	qmp_return(call, cJSON_CreateString(text));
	free(text);
}

/* Returns the inode of the descriptor that came along. */
static void run_fd(struct qmp_call *call, const cJSON *arguments)
{
	_cleanup_close_ int fd = fd_batch_take(&call->fds);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		qmp_failf(call, QMP_GENERIC_ERROR, "No file descriptor supplied via SCM_RIGHTS");
		return;
	}
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cJSON *answer = cJSON_CreateObject();
	json_add_unsigned(answer, "inode", st.st_ino);
	qmp_return(call, answer);
}

static void run_gone(struct qmp_call *call, const cJSON *arguments)
{
	const struct mortise_error err = {"Device 'x' not found"};

	qmp_answer(call, -ENODEV, &err);
}

static const struct schema_command commands[] = {
	{"qmp_capabilities", run_capabilities, "", ARGUMENTS(MAY("enable", str_array, "")),
	 .flags = SCHEMA_NEGOTIATION},
	{"echo", run_echo, "", ARGUMENTS(MUST("value", any, "")), .flags = SCHEMA_OOB},
	{"later", run_later, ""},
	{"big", run_big, ""},
	{"fd", run_fd, ""},
	{"gone", run_gone, ""},
	{0},
};
static const struct schema_event events[] = {{"TICK", ""}, {0}};
static const struct schema_group group = {"test", commands, events};
static const struct schema schema = {(const struct schema_group *const[]){&group, NULL}};

struct fixture {
	struct loop *loop;
	struct task round;
	struct qmp_server *server;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_int_equal(loop_new(&fixture->loop, NULL), 0);
	assert_int_equal(qmp_server_new(&fixture->server, fixture->loop, &schema, NULL, NULL), 0);
	qmp_server_start(fixture->server);
	pending_count = ran = 0;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	fixture->server = qmp_server_free(fixture->server);
	fixture->loop = loop_free(fixture->loop);
	free(fixture);
	return 0;
}

static bool str_ends(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && streq(s + strlen(s) - strlen(end), end);
}

static void end_round(struct task *task)
{
	loop_quit(container_of(task, struct fixture, round)->loop);
}

/* Turns the loop, without sleeping, often enough for whatever there is to do. */
static void pump(struct fixture *fixture)
{
	fixture->round.run = end_round;
	for (int i = 0; i < 50; i++) {
		loop_post(fixture->loop, &fixture->round);
		loop_run(fixture->loop);
	}
}

static int connect_client(struct fixture *fixture)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(qmp_server_adopt(fixture->server, pair[0], NULL), 0);
	return pair[1];
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All that there is to read now, as one string. */
static const char *heard(struct fixture *fixture, int fd)
{
	static char buffer[256 * 1024];
	ssize_t n, used = 0, before;

	do {
		before = used;
		pump(fixture);
		while ((n = recv(fd, buffer + used, sizeof(buffer) - 1 - (size_t)used, MSG_DONTWAIT)) > 0)
			used += n;
	} while (used > before);
	buffer[used] = '\0';
	return buffer;
}

static int negotiated_client(struct fixture *fixture)
{
	int fd = connect_client(fixture);

	say(fd, "{'execute':'qmp_capabilities'}");
	assert_non_null(strstr(heard(fixture, fd), "{\"return\": {}}\r\n"));
	return fd;
}

static void expect(struct fixture *fixture, int fd, const char *request, const char *answer)
{
	say(fd, request);
	assert_string_equal(heard(fixture, fd), answer);
}

/* How many descriptors the process has open. */
static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_negotiation(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);
	const char *greeting = heard(fixture, fd);

	assert_true(str_starts(greeting,
			       "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, "
			       "\"package\": \"mortise-"));
	assert_true(str_ends(greeting, "\"capabilities\": [\"oob\"]}}\r\n"));
	qmp_server_event(fixture->server, "TICK", NULL);
	assert_string_equal(heard(fixture, fd), "");
	expect(fixture, fd, "{'execute':'echo','arguments':{'value':1},'id':9}",
	       "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting capabilities negotiation with "
	       "'qmp_capabilities'\"}, \"id\": 9}\r\n");
	expect(fixture, fd, "{'execute':'qmp_capabilities','arguments':{'x':1}}",
	       "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Parameter 'x' is unexpected\"}}\r\n");
	expect(fixture, fd, "{'execute':'qmp_capabilities'}", "{\"return\": {}}\r\n");
	expect(fixture, fd, "{'execute':'qmp_capabilities'}",
	       "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Capabilities negotiation is already complete, "
	       "command ignored\"}}\r\n");
	assert_int_equal(ran, 0);
	close(fd);
}

static void test_requests(void **state)
{
	struct fixture *fixture = *state;
	int fd = negotiated_client(fixture);
	static const char *const cases[][2] = {
		{"{'execute':'echo','arguments':{'value':[1.10]},'id':{'a':1e400}}",
		 "{\"return\": [1.10], \"id\": {\"a\": 1e400}}\r\n"},
		{"{}",
		 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input lacks member 'execute'\"}}\r\n"},
		{"[]", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input must be a JSON object\"}}\r\n"},
		{"{'execute':1,'id':null}",
		 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input member 'execute' "
		 "must be a string\"}, \"id\": null}\r\n"},
		{"{'execute':'echo','arguments':[]}",
		 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input member "
		 "'arguments' must be an object\"}}\r\n"},
		{"{'execute':'nope','foo':1}",
		 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input member 'foo' is unexpected\"}}\r\n"},
		{"{'execute':'no\\u00e9'}",
		 "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command no\\u00E9 has "
		 "not been found\"}}\r\n"},
		{"{'exec-oob':'echo','arguments':{'value':1}}", "{\"error\": {\"class\": \"GenericError\", \"desc\": "
								"\"QMP input member 'exec-oob' is unexpected\"}}\r\n"},
		{"{'execute':'gone','id':[]}",
		 "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"Device 'x' not found\"}, \"id\": []}\r\n"},
		{"{'execute':'echo'}", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Parameter 'value' is "
				       "missing\"}}\r\n"},
		{"}",
		 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, expecting value\"}}\r\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(fixture, fd, cases[i][0], cases[i][1]);
	assert_int_equal(ran, 1);
	close(fd);
}

static void test_split_and_pipelined(void **state)
{
	struct fixture *fixture = *state;
	int fd = negotiated_client(fixture);
	const char *request = "{'execute':'echo','arguments':{'value':'abc'},'id':1}";
	struct text many = {0};
	unsigned answers = 0;

	for (const char *c = request; c[1]; c++) {
		assert_int_equal(send(fd, c, 1, 0), 1);
		assert_string_equal(heard(fixture, fd), "");
	}
	expect(fixture, fd, "}", "{\"return\": \"abc\", \"id\": 1}\r\n");

	for (int i = 0; i < 1000; i++) {
		char one[80];

		text_add(&many, one, (size_t)sprintf(one, "{'execute':'echo','arguments':{'value':%d}}\n", i));
	}
	say(fd, many.data);
	text_free(&many);
	for (const char *at = heard(fixture, fd); *at; answers++) {
		char one[80];

		sprintf(one, "{\"return\": %u}\r\n", answers);
		assert_true(str_starts(at, one));
		at += strlen(one);
	}
	assert_int_equal(answers, 1000);
	close(fd);
}

static void test_events(void **state)
{
	struct fixture *fixture = *state;
	int first = negotiated_client(fixture), second = negotiated_client(fixture), silent = connect_client(fixture);
	cJSON *data = cJSON_CreateObject();
	long long seconds, microseconds;

	heard(fixture, silent);
	cJSON_AddStringToObject(data, "a", "b");
	qmp_server_event(fixture->server, "TICK", data);
	for (int i = 0; i < 2; i++) {
		const char *line = heard(fixture, i ? first : second);

		assert_int_equal(sscanf(line, "{\"timestamp\": {\"seconds\": %lld, \"microseconds\": %lld}", &seconds,
					&microseconds),
				 2);
		assert_true(seconds > 1600000000 && microseconds < 1000000);
		assert_true(str_ends(line, "}, \"event\": \"TICK\", \"data\": {\"a\": \"b\"}}\r\n"));
	}
	assert_string_equal(heard(fixture, silent), "");
	close(first);
	close(second);
	close(silent);
}

/* A pending call holds up its own client alone, and answers stay in order. */
static void test_later(void **state)
{
	struct fixture *fixture = *state;
	int one = negotiated_client(fixture), two = negotiated_client(fixture);

	expect(fixture, one,
	       "{'execute':'later','id':1}{'execute':'echo','arguments':{'value':2}} } {'execute':'later'}", "");
	assert_int_equal(pending_count, 1);
	assert_int_equal(ran, 0);
	expect(fixture, two, "{'execute':'echo','arguments':{'value':3}}", "{\"return\": 3}\r\n");
	qmp_done(pending[0]);
	assert_string_equal(
		heard(fixture, one),
		"{\"return\": {}, \"id\": 1}\r\n{\"return\": 2}\r\n"
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, expecting value\"}}\r\n");
	assert_int_equal(pending_count, 2);
	qmp_failf(pending[1], QMP_GENERIC_ERROR, "no");
	assert_string_equal(heard(fixture, one), "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\r\n");
	close(one);
	close(two);
}

static void test_reply(void **state)
{
	struct fixture *fixture = *state;
	int fd = negotiated_client(fixture);
	struct reply *reply;

	expect(fixture, fd, "{'execute':'later'}{'execute':'later'}", "");
	reply = qmp_reply(pending[0]);
	mortise_fail(&reply->error, -EBUSY, "Node d0 is in use");
	reply_post(reply, fixture->loop, -EBUSY);
	assert_string_equal(heard(fixture, fd),
			    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Node d0 is in use\"}}\r\n");
	reply_post(qmp_reply(pending[1]), fixture->loop, -ENODEV);
	assert_string_equal(heard(fixture, fd),
			    "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"No such device\"}}\r\n");
	close(fd);
}

static void test_out_of_band(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	heard(fixture, fd);
	expect(fixture, fd, "{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}", "{\"return\": {}}\r\n");
	expect(fixture, fd,
	       "{'execute':'later','id':1}{'execute':'echo','arguments':{'value':2}}"
	       "{'exec-oob':'echo','arguments':{'value':3},'id':3}{'exec-oob':'later','id':4}",
	       "{\"return\": 3, \"id\": 3}\r\n{\"error\": {\"class\": \"GenericError\", \"desc\": \"The command later "
	       "does "
	       "not support OOB\"}, \"id\": 4}\r\n");
	expect(fixture, fd, "{'exec-oob':'echo','execute':'echo'}", "");
	qmp_done(pending[0]);
	assert_string_equal(
		heard(fixture, fd),
		"{\"return\": {}, \"id\": 1}\r\n{\"return\": 2}\r\n{\"error\": {\"class\": \"GenericError\", "
		"\"desc\": \"QMP input member 'execute' clashes with 'exec-oob'\"}}\r\n");
	close(fd);
}

static void test_disconnects(void **state)
{
	struct fixture *fixture = *state;
	int before, fd;

	pump(fixture);
	before = open_fds();
	for (int i = 0; i < 10; i++) {
		fd = negotiated_client(fixture);
		say(fd, "{'execute':'echo','argum");
		pump(fixture);
		close(fd);
		pump(fixture);
	}
	/* With a call that is still pending, and commands behind it. */
	for (int i = 0; i < 4; i++) {
		fd = negotiated_client(fixture);
		say(fd, "{'execute':'later'}{'execute':'echo','arguments':{'value':1}}");
		pump(fixture);
		close(fd);
		pump(fixture);
	}
	assert_int_equal(pending_count, 4);
	for (int i = 0; i < 4; i++)
		qmp_done(pending[i]);
	pump(fixture);
	assert_int_equal(open_fds(), before);

	/* Nothing of an old client comes to a new one. */
	fd = connect_client(fixture);
	assert_true(str_starts(heard(fixture, fd), "{\"QMP\""));
	close(fd);
}

static void test_server_goes_first(void **state)
{
	struct fixture *fixture = *state;
	int fd = negotiated_client(fixture);

	expect(fixture, fd, "{'execute':'later'}{'execute':'later'}", "");
	fixture->server = qmp_server_free(fixture->server);
	qmp_done(pending[0]);
	assert_int_equal(pending_count, 1);
	assert_int_equal(recv(fd, &(char){0}, 1, 0), 0);
	close(fd);
}

static void test_half_closed(void **state)
{
	struct fixture *fixture = *state;
	int fd = negotiated_client(fixture);
	char byte;

	say(fd, "{'execute':'later','id':1}{'execute':'echo','arguments':{'value':2}}{'exec");
	shutdown(fd, SHUT_WR);
	assert_string_equal(heard(fixture, fd), "");
	qmp_done(pending[0]);
	assert_string_equal(
		heard(fixture, fd),
		"{\"return\": {}, \"id\": 1}\r\n{\"return\": 2}\r\n{\"error\": {\"class\": \"GenericError\", "
		"\"desc\": \"JSON parse error, the input ends in the middle of a message\"}}\r\n");
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	close(fd);
}

/* Its commands wait when its output is full, events pass it by in the end, and others go on. */
static void test_client_that_never_reads(void **state)
{
	struct fixture *fixture = *state;
	int deaf = negotiated_client(fixture), other = negotiated_client(fixture);
	const char *request = "{'execute':'big'}";
	unsigned said = 0, ran_before;
	char *kilobyte = malloc(1025);
	size_t got = 0;
	int idle = 0;

	for (int i = 0; i < 2000; i++) {
		if (send(deaf, request, strlen(request), MSG_DONTWAIT) == (ssize_t)strlen(request))
			said++;
		pump(fixture);
	}
	assert_true(ran > 1 && ran < said);
	ran_before = ran;
	expect(fixture, other, "{'execute':'echo','arguments':{'value':1}}", "{\"return\": 1}\r\n");

	memset(kilobyte, 'e', 1024);
	kilobyte[1024] = '\0';
	for (int i = 0; i < 3000; i++) {
		cJSON *data = cJSON_CreateObject();

		cJSON_AddStringToObject(data, "x", kilobyte);
		qmp_server_event(fixture->server, "TICK", data);
		heard(fixture, other);
	}
	free(kilobyte);
	expect(fixture, other, "{'execute':'echo','arguments':{'value':2}}", "{\"return\": 2}\r\n");
	assert_int_equal(ran, ran_before + 2);

	/* When it reads at last, all that it asked is answered, and less than 2 MiB of the 3 MiB of events were kept.
	 */
	while (idle < 3) {
		size_t n = strlen(heard(fixture, deaf));

		got += n;
		idle = n ? 0 : idle + 1;
	}
	assert_int_equal(ran, said + 2);
	assert_true(got > said * 50000ul && got < said * 50000ul + (2u << 20));
	close(deaf);
	close(other);
}

static void test_many_clients(void **state)
{
	struct fixture *fixture = *state;
	int fds[64], pair[2];
	struct mortise_error err;

	for (int i = 0; i < 64; i++)
		fds[i] = negotiated_client(fixture);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(qmp_server_adopt(fixture->server, pair[0], &err), -EMFILE);
	close(pair[1]);
	for (int i = 0; i < 64; i++)
		say(fds[i], "{'execute':'echo','arguments':{'value':1}}");
	for (int i = 0; i < 64; i++) {
		assert_string_equal(heard(fixture, fds[i]), "{\"return\": 1}\r\n");
		close(fds[i]);
	}
}

static void send_fd(int socket, const char *text, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr alignment;
	} control = {0};
	struct iovec iov = {(void *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	assert_int_equal(sendmsg(socket, &message, 0), (ssize_t)strlen(text));
}

static void test_descriptors(void **state)
{
	struct fixture *fixture = *state;
	int fd = negotiated_client(fixture), files[2], before;
	char answers[2][64];
	const char *none = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"No file descriptor supplied via "
			   "SCM_RIGHTS\"}}\r\n";

	for (int i = 0; i < 2; i++) {
		struct stat st;

		files[i] = open(i ? "/dev/null" : "/dev/zero", O_RDONLY | O_CLOEXEC);
		assert_int_equal(fstat(files[i], &st), 0);
		snprintf(answers[i], sizeof(answers[i]), "{\"return\": {\"inode\": %llu}}\r\n",
			 (unsigned long long)st.st_ino);
	}
	before = open_fds();
	expect(fixture, fd, "{'execute':'fd'}", none);

	send_fd(fd, "{'execute':'fd'}", files[0]);
	assert_string_equal(heard(fixture, fd), answers[0]);

	/* With one space, ahead of the command, and with another command between. */
	send_fd(fd, " ", files[1]);
	assert_string_equal(heard(fixture, fd), "");
	expect(fixture, fd, "{'execute':'echo','arguments':{'value':1}}", "{\"return\": 1}\r\n");
	expect(fixture, fd, "{'execute':'fd'}", answers[1]);

	/* Newer ones replace what nobody wanted. */
	send_fd(fd, " ", files[1]);
	send_fd(fd, "{'execute':'fd'}", files[0]);
	assert_string_equal(heard(fixture, fd), answers[0]);
	expect(fixture, fd, "{'execute':'fd'}", none);

	/* Each keeps to its command while others are pending. */
	say(fd, "{'execute':'later'}");
	pump(fixture);
	send_fd(fd, "{'execute':'fd'}", files[0]);
	send_fd(fd, "{'execute':'fd'}", files[1]);
	pump(fixture);
	qmp_done(pending[0]);
	const char *all = heard(fixture, fd);
	assert_true(str_starts(all, "{\"return\": {}}\r\n"));
	assert_non_null(strstr(all, answers[0]));
	assert_non_null(strstr(all, answers[1]));
	assert_int_equal(open_fds(), before);

	/* What nobody claimed is closed with the connection. */
	send_fd(fd, " ", files[0]);
	pump(fixture);
	assert_int_equal(open_fds(), before + 1);
	close(fd);
	pump(fixture);
	assert_int_equal(open_fds(), before - 2);
	close(files[0]);
	close(files[1]);
}

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int parse_address(struct listen_address *address, const char *text, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL;
	int r = options_parse(&options, text, "address", NULL, err);

	if (r == 0)
		r = listen_parse(address, options, err);
	return r;
}

static int listen_on(struct qmp_server *server, const char *text, struct mortise_error *err)
{
	struct listen_address address;
	int r = parse_address(&address, text, err);

	if (r < 0)
		return r;
	r = qmp_server_listen(server, &address, err);
	listen_address_free(&address);
	return r;
}

static void test_unix_listener(void **state)
{
	struct fixture *fixture = *state;
	char directory[] = "/tmp/mortise-test-XXXXXX", path[64], text[128], long_text[256];
	struct qmp_server *second;
	struct mortise_error err = {0};
	struct stat st;
	int fd, other;

	assert_non_null(mkdtemp(directory));
	sprintf(path, "%s/qmp", directory);
	sprintf(text, "unix:%s,server,nowait", path);
	assert_int_equal(listen_on(fixture->server, text, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fd = dial(path);
	other = dial(path);
	assert_true(fd >= 0 && other >= 0);
	assert_true(str_starts(heard(fixture, fd), "{\"QMP\""));
	assert_true(str_starts(heard(fixture, other), "{\"QMP\""));
	close(fd);
	close(other);

	/* A live socket is left alone, also when its server does not answer at the moment. */
	assert_int_equal(qmp_server_new(&second, fixture->loop, &schema, NULL, NULL), 0);
	qmp_server_start(second);
	assert_int_equal(listen_on(second, text, &err), -EADDRINUSE);
	assert_non_null(strstr(err.message, "is in use"));

	/* A stale one is replaced; its file goes away with its server, and nobody else's does. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	sprintf(address.sun_path, "%s/stale", directory);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	sprintf(text, "unix:%s/stale,server=on,wait=off", directory);
	assert_int_equal(listen_on(second, text, &err), 0);
	fd = dial(address.sun_path);
	assert_true(fd >= 0);
	close(fd);
	qmp_server_free(second);
	assert_int_equal(access(address.sun_path, F_OK), -1);
	assert_int_equal(access(path, F_OK), 0);

	/* What is no socket is never removed. */
	fd = open(address.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(listen_on(fixture->server, text, &err), -EEXIST);
	assert_int_equal(unlink(address.sun_path), 0);

	sprintf(long_text, "unix:%s/%0150d,server,nowait", directory, 0);
	assert_int_equal(listen_on(fixture->server, long_text, &err), -ENAMETOOLONG);
	fixture->server = qmp_server_free(fixture->server);
	assert_int_equal(rmdir(directory), 0);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"",
					  "unix:/x",
					  "unix:/x,server=maybe",
					  "tcp:localhost,server",
					  "tcp:1:,server",
					  "udp:1:2,server",
					  "path=/x",
					  "host=localhost,server=on"};
	struct listen_address address;
	struct mortise_error err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err.message[0] = '\0';
		assert_true(parse_address(&address, bad[i], &err) < 0);
		assert_true(err.message[0] != '\0');
	}
	assert_int_equal(parse_address(&address, "tcp:[::1]:4444,server=on", &err), 0);
	assert_string_equal(address.host, "::1");
	assert_string_equal(address.port, "4444");
	assert_true(address.wait);
	listen_address_free(&address);
	assert_int_equal(parse_address(&address, "unix:/a,,b,server,nowait", &err), 0);
	assert_string_equal(address.path, "/a,b");
	assert_false(address.wait);
	listen_address_free(&address);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_negotiation),
		TEST(test_requests),
		TEST(test_split_and_pipelined),
		TEST(test_events),
		TEST(test_later),
		TEST(test_reply),
		TEST(test_out_of_band),
		TEST(test_disconnects),
		TEST(test_server_goes_first),
		TEST(test_half_closed),
		TEST(test_client_that_never_reads),
		TEST(test_many_clients),
		TEST(test_descriptors),
		TEST(test_unix_listener),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests_name("qmp-server", tests, NULL, NULL);
}
