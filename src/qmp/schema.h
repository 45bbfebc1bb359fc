/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/schema.h - commands, events and the types of their data, as tables.
 *
 * One description feeds everything: the check of arguments (check.h), query-commands, query-events, query-qmp-schema
 * (introspect.h) and the manual page mortise-qmp(7). It follows QAPI's ideas of types. The tables of Mortise itself
 * are the commands-*.c files, put together in commands.c; constant, any thread.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

enum schema_kind {
	SCHEMA_STRING,
	SCHEMA_BOOL,
	SCHEMA_INT,  /* int64_t */
	SCHEMA_UINT, /* uint64_t */
	SCHEMA_NUMBER,
	SCHEMA_ANY,
	SCHEMA_ENUM,	  /* a string, one of `values` */
	SCHEMA_ARRAY,	  /* of `element` */
	SCHEMA_OBJECT,	  /* `members`, and those of the variant that the member `tag` selects */
	SCHEMA_ALTERNATE, /* of the type of one of `members`, which differ in their JSON type */
};

struct schema_type {
	const char *name;
	enum schema_kind kind;
	const char *help;	   /* one line, no full stop */
	const char *const *values; /* NULL-terminated */
	const struct schema_type *element;
	const struct schema_member *members;   /* ended by a NULL name */
	const char *tag;		       /* the name of a member of an enum type; NULL: no variants */
	const struct schema_variant *variants; /* ended by a NULL value; a value that is not there adds no members */

	/*
	 * Other members, of an enum other values, are let through: whoever consumes them checks them. With a value that
	 * the enum of `tag` does not name come members that are not named here either.
	 */
	bool open;
};

struct schema_member {
	const char *name;
	const struct schema_type *type;
	const char *help;
	bool optional;
	const char *fallback; /* optional tag of a union: the value that its absence stands for */
};

struct schema_variant {
	const char *value;		/* of the tag */
	const struct schema_type *type; /* an object */
};

struct qmp_call;

enum schema_flag {
	SCHEMA_OOB = 1u << 0,	      /* may be run out of band: it answers at once and waits for nothing */
	SCHEMA_NEGOTIATION = 1u << 1, /* known before capabilities are negotiated */
};

struct schema_command {
	const char *name;
	void (*run)(struct qmp_call *call, const cJSON *arguments); /* arguments: checked, never NULL, borrowed */
	const char *help;
	const struct schema_type *arguments; /* an object; NULL: none */
	const struct schema_type *returns;   /* NULL: an empty object */
	unsigned flags;			     /* enum schema_flag */
};

struct schema_event {
	const char *name;
	const char *help;
	const struct schema_type *data; /* an object; NULL: none */
};

/* Commands and events of one subject. */
struct schema_group {
	const char *title;
	const struct schema_command *commands; /* ended by a NULL name; or NULL */
	const struct schema_event *events;     /* the same */
};

/* The whole: NULL-terminated. */
struct schema {
	const struct schema_group *const *groups;
};

const struct schema_command *schema_command(const struct schema *schema, const char *name);
const struct schema_event *schema_event(const struct schema *schema, const char *name);

/* The word that QEMU's messages have for a type: "string", "integer", ... */
const char *schema_expected(const struct schema_type *type);

/* Types that every table uses. */
extern const struct schema_type type_str, type_bool, type_int, type_uint, type_number, type_any, type_str_array;

/* How tables are written. A variable `type_NAME` holds the type NAME. */
#define ENUM_TYPE(type, about, ...)                                 \
	const struct schema_type type_##type = {                    \
		.name = #type,                                      \
		.kind = SCHEMA_ENUM,                                \
		.help = about,                                      \
		.values = (const char *const[]){__VA_ARGS__, NULL}, \
	}
#define OPEN_ENUM_TYPE(type, about, ...)                            \
	const struct schema_type type_##type = {                    \
		.name = #type,                                      \
		.kind = SCHEMA_ENUM,                                \
		.help = about,                                      \
		.values = (const char *const[]){__VA_ARGS__, NULL}, \
		.open = true,                                       \
	}
#define ARRAY_TYPE(of) \
	const struct schema_type type_##of##_array = {.name = #of "List", .kind = SCHEMA_ARRAY, .element = &type_##of}
#define OBJECT_TYPE(type, about, ...)                                        \
	const struct schema_type type_##type = {                             \
		.name = #type,                                               \
		.kind = SCHEMA_OBJECT,                                       \
		.help = about,                                               \
		.members = (const struct schema_member[]){__VA_ARGS__, {0}}, \
	}
#define OPEN_OBJECT_TYPE(type_name, about, ...)                              \
	const struct schema_type type_##type_name = {                        \
		.name = #type_name,                                          \
		.kind = SCHEMA_OBJECT,                                       \
		.help = about,                                               \
		.members = (const struct schema_member[]){__VA_ARGS__, {0}}, \
		.open = true,                                                \
	}
#define ALTERNATE_TYPE(type, about, ...)                                     \
	const struct schema_type type_##type = {                             \
		.name = #type,                                               \
		.kind = SCHEMA_ALTERNATE,                                    \
		.help = about,                                               \
		.members = (const struct schema_member[]){__VA_ARGS__, {0}}, \
	}
#define MUST(member, of, about)                                   \
	{                                                         \
		.name = member, .type = &type_##of, .help = about \
	}
#define MAY(member, of, about)                                                      \
	{                                                                           \
		.name = member, .type = &type_##of, .help = about, .optional = true \
	}
#define CHOICE(of)                              \
	{                                       \
		.name = #of, .type = &type_##of \
	}
#define ARGUMENTS(...)                                                       \
	(&(const struct schema_type){                                        \
		.kind = SCHEMA_OBJECT,                                       \
		.members = (const struct schema_member[]){__VA_ARGS__, {0}}, \
	})
