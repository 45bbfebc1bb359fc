/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-fd.c - descriptors that clients pass in (SCM_RIGHTS): named ones, and sets that are opened by a path.
 */
#include "base/fdset.h"
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/json.h"

/* The descriptor that came with the command, or -1 when the call has been answered. */
static int take_fd(struct qmp_call *call)
{
	int fd = fd_batch_take(&call->fds);

	if (fd < 0)
		qmp_failf(call, QMP_GENERIC_ERROR, "No file descriptor supplied via SCM_RIGHTS");
	return fd;
}

static void run_getfd(struct qmp_call *call, const cJSON *arguments)
{
	int fd = take_fd(call);
	struct mortise_error err = {0};

	if (fd >= 0)
		qmp_answer(call, named_fds_add(context_of(call)->fds, json_string(arguments, "fdname"), fd, &err),
			   &err);
}

static void run_closefd(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};

	qmp_answer(call, named_fds_close(context_of(call)->fds, json_string(arguments, "fdname"), &err), &err);
}

static OBJECT_TYPE(AddfdInfo, "a descriptor in its set", MUST("fdset-id", int, "the set, opened as /dev/fdset/N"),
		   MUST("fd", int, "the descriptor's number in this process"));

static void run_add_fd(struct qmp_call *call, const cJSON *arguments)
{
	int fd = take_fd(call), r;
	struct mortise_error err = {0};
	int64_t set = FDSET_NEW;
	cJSON *info;

	if (fd < 0)
		return;
	if (json_get(arguments, "fdset-id")) {
		json_to_integer(json_get(arguments, "fdset-id"), &set);
		if (set == FDSET_NEW)
			set--; /* a client asks for a new set by giving none */
	}
	r = fdset_add(&set, fd, json_string(arguments, "opaque"), &err);
	if (r < 0) {
		qmp_answer(call, r, &err);
		return;
	}
	info = cJSON_CreateObject();
	json_add_integer(info, "fdset-id", set);
	json_add_integer(info, "fd", fd);
	qmp_return(call, info);
}

static void run_remove_fd(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};
	const cJSON *number = json_get(arguments, "fd");
	int64_t set, fd = -1;

	json_to_integer(json_get(arguments, "fdset-id"), &set);
	if (number)
		json_to_integer(number, &fd);
	if (number && (fd < 0 || fd > INT32_MAX)) {
		qmp_failf(call, QMP_GENERIC_ERROR, "File descriptor named 'fdset-id:%lld, fd:%lld' not found",
			  (long long)set, (long long)fd);
		return;
	}
	qmp_answer(call, fdset_remove(set, (int)fd, &err), &err);
}

static OBJECT_TYPE(FdsetFdInfo, "a descriptor", MUST("fd", int, "its number in this process"),
		   MAY("opaque", str, "the note that came with it"));
static ARRAY_TYPE(FdsetFdInfo);
static OBJECT_TYPE(FdsetInfo, "a set of descriptors", MUST("fdset-id", int, "the set, opened as /dev/fdset/N"),
		   MUST("fds", FdsetFdInfo_array, "its descriptors"));
static ARRAY_TYPE(FdsetInfo);

/* Descriptors come set by set. */
static void add_member(void *opaque, int64_t set, int fd, const char *note)
{
	cJSON *list = opaque, *last = list->child ? list->child->prev : NULL, *info = cJSON_CreateObject();
	int64_t last_set;

	if (!last || json_to_integer(json_get(last, "fdset-id"), &last_set) < 0 || last_set != set) {
		last = cJSON_CreateObject();
		json_add_integer(last, "fdset-id", set);
		cJSON_AddArrayToObject(last, "fds");
		cJSON_AddItemToArray(list, last);
	}
	json_add_integer(info, "fd", fd);
	if (note)
		cJSON_AddStringToObject(info, "opaque", note);
	cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(last, "fds"), info);
}

static void run_query_fdsets(struct qmp_call *call, const cJSON *arguments)
{
	cJSON *list = cJSON_CreateArray();

	if (list)
		fdset_each(add_member, list);
	qmp_return(call, list);
}

static const struct schema_command commands[] = {
	{
		"getfd",
		run_getfd,
		"Keeps a descriptor that came with the command (SCM_RIGHTS), under a name",
		ARGUMENTS(MUST("fdname", str, "the name; an older descriptor of that name is closed")),
	},
	{
		"closefd",
		run_closefd,
		"Closes a descriptor that was named with getfd",
		ARGUMENTS(MUST("fdname", str, "the name")),
	},
	{
		"add-fd",
		run_add_fd,
		"Puts a descriptor that came with the command (SCM_RIGHTS) into a set, opened as /dev/fdset/N",
		ARGUMENTS(MAY("fdset-id", int, "the set; a new one when absent"), MAY("opaque", str, "a note to keep")),
		&type_AddfdInfo,
	},
	{
		"remove-fd",
		run_remove_fd,
		"Takes descriptors out of a set and closes them; what was opened through them stays open",
		ARGUMENTS(MUST("fdset-id", int, "the set"), MAY("fd", int, "the descriptor; all when absent")),
	},
	{"query-fdsets", run_query_fdsets, "Lists the sets of descriptors", .returns = &type_FdsetInfo_array},
	{0},
};

const struct schema_group commands_fd = {.title = "File descriptors", .commands = commands};
