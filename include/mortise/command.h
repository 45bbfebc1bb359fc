/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/command.h - what a device class brings to the monitor: QMP commands, events and counters of its own.
 *
 * All of it is data, in tables that hang from mortise_class.monitor. A command is listed by query-commands and
 * query-qmp-schema for as long as there is an instance of the class, beside the host's own. The host checks the
 * arguments against the table before the plugin sees them, so a plugin never parses JSON, and no plugin can confuse a
 * client by an answer of the wrong form.
 *
 * Names. A command of the plugin "acme-disk" is called "x-acme-disk-...", an event "X_ACME_DISK_...", so that none can
 * hide another. Names that QEMU's protocol has given to a kind of device are the exception: "balloon", "query-balloon",
 * BALLOON_CHANGE, MEMORY_DEVICE_SIZE_CHANGE, NIC_RX_FILTER_CHANGED, VSERPORT_CHANGE.
 *
 * Which instance. The host adds an optional argument "id" to each command: the device that it is for, which may be left
 * out while there is but one of the class. It adds a member "device" to each event: the device that it is about ("id" to
 * VSERPORT_CHANGE, as the protocol has it).
 */
#ifndef MORTISE_COMMAND_H
#define MORTISE_COMMAND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a field holds, and where in struct mortise_value it is. */
enum mortise_field_type {
	MORTISE_FIELD_BOOL = 1,	  /* number: 0 or 1 */
	MORTISE_FIELD_INT = 2,	  /* number: an int64_t, as its two's complement */
	MORTISE_FIELD_UINT = 3,	  /* number */
	MORTISE_FIELD_STRING = 4, /* string: UTF-8 */
	MORTISE_FIELD_ENUM = 5	  /* number: index into the field's `values` */
};

enum mortise_field_flag {
	MORTISE_FIELD_OPTIONAL = 1u << 0 /* may be absent */
};

/* One argument of a command, one member of its answer, or one member of an event's data. */
struct mortise_field {
	const char *name;	   /* [a-z][a-z0-9-]*, or with underscores; not "id" or "device"; NULL ends the table */
	uint32_t type;		   /* enum mortise_field_type */
	uint32_t flags;		   /* enum mortise_field_flag, or'ed */
	uint64_t min, max;	   /* UINT: inclusive range; STRING: longest length in max, in bytes; max 0: no limit */
	const char *const *values; /* ENUM: the words, NULL-terminated */
	const char *help;	   /* one line, no full stop */
};

/* The value of a field: an array of these goes with a table of fields, in its order. */
struct mortise_value {
	uint32_t present;   /* 0: absent; fields that are not optional are always taken as present */
	uint32_t reserved;  /* 0 */
	uint64_t number;    /* BOOL, INT, UINT, ENUM */
	const char *string; /* STRING */
};

/* A command on its way to its answer; opaque to plugins. */
struct mortise_call;

struct mortise_command {
	const char *name;		       /* see above; NULL ends the table */
	const char *help;		       /* one line, no full stop */
	const struct mortise_field *arguments; /* NULL: none */
	const struct mortise_field *returns;   /* members of the answer; NULL: none */

	/*
	 * Carries the command out and answers it, at once or later, with host->call_return() or host->call_fail():
	 * once, on the instance's thread. Called from realize() on until unrealize(), while the instance is quiesced,
	 * too (the operator asks while the VM is stopped): guest memory is not to be touched then, and an answer that
	 * needs the guest is better refused. `arguments` has a value for each field, and is the host's: it and its
	 * strings are gone once the call is answered. A call that unrealize() leaves unanswered is failed by the host.
	 */
	void (*run)(void *self, struct mortise_call *call, const struct mortise_value *arguments);
};

enum mortise_event_flag {
	/*
	 * Only the latest state counts: the host passes on at most one a second, the last one always. For what the
	 * guest can bring about as often as it likes.
	 */
	MORTISE_EVENT_LATEST = 1u << 0
};

/* An event, reported with host->event(). */
struct mortise_event {
	const char *name;		  /* see above; NULL ends the table */
	const char *help;		  /* one line, no full stop: when it is reported */
	const struct mortise_field *data; /* NULL: none */
	uint32_t flags;			  /* enum mortise_event_flag, or'ed */
	uint32_t reserved;		  /* 0 */
};

enum mortise_counter_type {
	MORTISE_COUNTER_CUMULATIVE = 1, /* only grows */
	MORTISE_COUNTER_INSTANT = 2,	/* as it is now */
	MORTISE_COUNTER_PEAK = 3	/* the most that it ever was */
};

enum mortise_counter_unit {
	MORTISE_COUNTER_NUMBER = 0, /* of things */
	MORTISE_COUNTER_BYTES = 1,
	MORTISE_COUNTER_NANOSECONDS = 2,
	MORTISE_COUNTER_BOOLEAN = 3 /* 0 or 1 */
};

/*
 * A counter in the instance, shown by query-stats: an aligned uint64_t that the plugin stores on the instance's thread
 * and the host reads from another at any time, so that asking never waits for the instance.
 */
struct mortise_counter {
	const char *name;  /* [a-z][a-z0-9-]*, or with underscores; NULL ends the table */
	uint32_t type;	   /* enum mortise_counter_type */
	uint32_t unit;	   /* enum mortise_counter_unit */
	uint32_t offset;   /* offsetof() in the instance */
	uint32_t reserved; /* 0 */
	const char *help;  /* one line, no full stop */
};

/* Constant; lives as long as the plugin. Initialise it with MORTISE_MONITOR(). At most 64 of each, 32 fields. */
struct mortise_monitor {
	uint32_t size; /* sizeof(struct mortise_monitor); the next are those of the rows of the tables */
	uint32_t field_size, command_size, event_size, counter_size;
	uint32_t reserved;			/* 0 */
	const struct mortise_command *commands; /* NULL: none */
	const struct mortise_event *events;	/* NULL: none */
	const struct mortise_counter *counters; /* NULL: none */
};

#define MORTISE_MONITOR(commands, events, counters)                                                                 \
	{                                                                                                           \
		sizeof(struct mortise_monitor), sizeof(struct mortise_field), sizeof(struct mortise_command),       \
			sizeof(struct mortise_event), sizeof(struct mortise_counter), 0, commands, events, counters \
	}

#ifdef __cplusplus
}
#endif

#endif
