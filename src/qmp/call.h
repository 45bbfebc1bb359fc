/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/call.h - one command on its way: what a command's function gets, and how it answers.
 *
 * The function answers exactly once, at once or later, always on the control thread, with one of qmp_return(),
 * qmp_done(), qmp_fail() or through qmp_reply(). The call is gone after that. Until then the client's further commands
 * wait (those out of band do not); other clients go on. A client that goes away leaves the call as it is: its answer
 * is then dropped.
 */
#pragma once

#include "base/reply.h"
#include "qmp/fds.h"
#include "qmp/schema.h"

struct qmp_client;

/* QEMU's error classes, as far as they happen here. */
enum qmp_class { QMP_GENERIC_ERROR, QMP_COMMAND_NOT_FOUND, QMP_DEVICE_NOT_FOUND };

struct qmp_call {
	void *context; /* of the server: the VM */
	const struct schema *schema;
	const struct schema_command *command; /* while it is being run */
	struct qmp_client *client;
	struct fd_batch fds; /* came with the command; what is not taken goes to the client's next one */

	/* Of the server alone. */
	cJSON *request; /* NULL: the input was none, see `input_error` */
	struct mortise_error input_error;
	bool oob;
	struct reply reply;
	struct qmp_call *next; /* in the client's queue */
};

/* Success. Takes `value`, which should fit the schema; NULL stands for out of memory. */
void qmp_return(struct qmp_call *call, cJSON *value);

/* Success with an empty object. */
void qmp_done(struct qmp_call *call);

void qmp_fail(struct qmp_call *call, enum qmp_class class, const struct mortise_error *err);
MORTISE_PRINTF(3, 4) void qmp_failf(struct qmp_call *call, enum qmp_class class, const char *format, ...);

/* qmp_done() or, for a negative `result`, qmp_fail() with `err`: -ENODEV is DeviceNotFound, all else GenericError. */
void qmp_answer(struct qmp_call *call, int result, const struct mortise_error *err);

/* A reply that ends the call with qmp_answer(). */
struct reply *qmp_reply(struct qmp_call *call);

/* Ends capabilities negotiation; `oob` allows exec-oob. For qmp_capabilities. */
void qmp_negotiated(struct qmp_call *call, bool oob);

/* --- between the server's own files --- */

/* Takes `request`; NULL when out of memory. */
struct qmp_call *call_new(struct qmp_client *client, cJSON *request);
void call_free(struct qmp_call *call);

/* Whether the request asks for execution out of band. */
bool call_wants_oob(const struct qmp_call *call);

/* Checks the request and runs its command, which may answer at once. */
void call_run(struct qmp_call *call);
