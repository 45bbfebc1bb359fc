/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/client.c - one connection to a QMP monitor.
 */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

struct client {
	int socket;
	FILE *input;
	char *line; /* getline()'s */
	size_t line_size;
	cJSON *events; /* an array of those nobody has asked for yet */
};

struct client *client_close(struct client *client)
{
	if (!client)
		return NULL;
	if (client->input)
		fclose(client->input);
	else if (client->socket >= 0)
		close(client->socket);
	cJSON_Delete(client->events);
	free(client->line);
	free(client);
	return NULL;
}
DEFINE_CLEANUP(struct client *, client_close)

/* The next message, whatever it is. */
static int read_message(struct client *client, cJSON **out, struct mortise_error *err)
{
	ssize_t n = getline(&client->line, &client->line_size, client->input);

	if (n < 0)
		return mortise_fail(err, -ECONNRESET, "Mortise has closed the connection");
	*out = cJSON_Parse(client->line);
	return *out ? 0 : mortise_fail(err, -EPROTO, "What Mortise sent is no JSON: %.80s", client->line);
}

static bool is_event(const cJSON *message)
{
	return cJSON_GetObjectItemCaseSensitive(message, "event") != NULL;
}

static int take_answer(cJSON *message, cJSON **out, struct mortise_error *err)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(message, "error");
	const cJSON *description = cJSON_GetObjectItemCaseSensitive(error, "desc");
	int r = 0;

	if (error)
		r = mortise_fail(err, -EREMOTEIO, "%s",
				 cJSON_IsString(description) ? description->valuestring : "refused");
	else
		*out = cJSON_DetachItemFromObjectCaseSensitive(message, "return");
	cJSON_Delete(message);
	return r;
}

int client_raw(struct client *client, const char *text, cJSON **out, struct mortise_error *err)
{
	size_t size = strlen(text), done = 0;

	while (done < size) {
		ssize_t n = send(client->socket, text + done, size - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mortise_fail(err, -errno, "Could not send to Mortise: %s", strerror(errno));
		done += (size_t)n;
	}
	for (;;) {
		cJSON *message;
		int r = read_message(client, &message, err);

		if (r < 0)
			return r;
		if (!is_event(message))
			return take_answer(message, out, err);
		cJSON_AddItemToArray(client->events, message);
	}
}

int client_execute(struct client *client, const char *command, cJSON *arguments, cJSON **out, struct mortise_error *err)
{
	cJSON *message = cJSON_CreateObject();
	char *text;
	int r;

	cJSON_AddStringToObject(message, "execute", command);
	if (arguments)
		cJSON_AddItemToObject(message, "arguments", arguments);
	text = cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	if (!text)
		return mortise_fail(err, -ENOMEM, "Out of memory");
	r = client_raw(client, text, out, err);
	cJSON_free(text);
	return r;
}

int client_event(struct client *client, cJSON **out, struct mortise_error *err)
{
	cJSON *kept = cJSON_DetachItemFromArray(client->events, 0);

	if (kept) {
		*out = kept;
		return 0;
	}
	for (;;) {
		cJSON *message;
		int r = read_message(client, &message, err);

		if (r < 0)
			return r;
		if (is_event(message)) {
			*out = message;
			return 0;
		}
		cJSON_Delete(message);
	}
}

int client_open(struct client **out, const char *path, struct mortise_error *err)
{
	_cleanup_(client_close_p) struct client *client = calloc(1, sizeof(*client));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cJSON *answer = NULL;
	int r;

	if (!client || !(client->events = cJSON_CreateArray()))
		return mortise_fail(err, -ENOMEM, "Out of memory");
	client->socket = -1;
	if (strlen(path) >= sizeof(address.sun_path))
		return mortise_fail(err, -ENAMETOOLONG, "Socket path '%s' is too long: %zu bytes are the most", path,
				    sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	client->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->socket < 0 || connect(client->socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		return mortise_fail(
			err, -errno,
			"Could not connect to '%s': %s; is the VM running, with -qmp unix:%s,server,nowait?", path,
			strerror(errno), path);
	client->input = fdopen(client->socket, "r");
	if (!client->input)
		return mortise_fail(err, -errno, "Could not read from '%s': %s", path, strerror(errno));
	r = read_message(client, &answer, err);
	if (r < 0)
		return r;
	if (!cJSON_GetObjectItemCaseSensitive(answer, "QMP")) {
		cJSON_Delete(answer);
		return mortise_fail(err, -EPROTO, "'%s' is no QMP socket", path);
	}
	cJSON_Delete(answer);
	answer = NULL;
	r = client_execute(client, "qmp_capabilities", NULL, &answer, err);
	cJSON_Delete(answer);
	if (r < 0)
		return r;
	*out = steal_ptr(&client);
	return 0;
}
