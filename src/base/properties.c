/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/properties.c - typed values out of options, and into instances.
 */
#include "base/properties.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"

uint32_t property_storage(uint32_t type)
{
	switch (type) {
	case MORTISE_PROPERTY_BOOL:
		return sizeof(uint8_t);
	case MORTISE_PROPERTY_U16:
		return sizeof(uint16_t);
	case MORTISE_PROPERTY_U32:
	case MORTISE_PROPERTY_ENUM:
		return sizeof(uint32_t);
	case MORTISE_PROPERTY_U64:
	case MORTISE_PROPERTY_SIZE:
		return sizeof(uint64_t);
	case MORTISE_PROPERTY_MAC:
		return 6;
	case MORTISE_PROPERTY_STRING:
	case MORTISE_PROPERTY_BLOCK:
	case MORTISE_PROPERTY_NET:
	case MORTISE_PROPERTY_CHARDEV:
		return sizeof(void *);
	default:
		return 0;
	}
}

uint32_t property_alignment(uint32_t type)
{
	return type == MORTISE_PROPERTY_MAC ? 1 : property_storage(type);
}

bool property_is_backend(uint32_t type)
{
	return type == MORTISE_PROPERTY_BLOCK || type == MORTISE_PROPERTY_NET || type == MORTISE_PROPERTY_CHARDEV;
}

const char *property_value_word(uint32_t type)
{
	static const char *const words[] = {
		[MORTISE_PROPERTY_BOOL] = "on|off",
		[MORTISE_PROPERTY_U16] = "number",
		[MORTISE_PROPERTY_U32] = "number",
		[MORTISE_PROPERTY_U64] = "number",
		[MORTISE_PROPERTY_SIZE] = "size",
		[MORTISE_PROPERTY_STRING] = "text",
		[MORTISE_PROPERTY_ENUM] = "word",
		[MORTISE_PROPERTY_MAC] = "MAC address",
		[MORTISE_PROPERTY_BLOCK] = "node-name",
		[MORTISE_PROPERTY_NET] = "netdev's id",
		[MORTISE_PROPERTY_CHARDEV] = "chardev's id",
	};

	return type < ARRAY_SIZE(words) && words[type] ? words[type] : "?";
}

const char *property_type_name(uint32_t type)
{
	static const char *const names[] = {
		[MORTISE_PROPERTY_BOOL] = "bool",   [MORTISE_PROPERTY_U16] = "uint16",
		[MORTISE_PROPERTY_U32] = "uint32",  [MORTISE_PROPERTY_U64] = "uint64",
		[MORTISE_PROPERTY_SIZE] = "size",   [MORTISE_PROPERTY_STRING] = "str",
		[MORTISE_PROPERTY_ENUM] = "str",    [MORTISE_PROPERTY_MAC] = "str",
		[MORTISE_PROPERTY_BLOCK] = "str",   [MORTISE_PROPERTY_NET] = "str",
		[MORTISE_PROPERTY_CHARDEV] = "str",
	};

	return type < ARRAY_SIZE(names) && names[type] ? names[type] : "str";
}

MORTISE_PRINTF(4, 5)
static int refuse(const struct mortise_property *property, const char *value, struct mortise_error *err,
		  const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return mortise_fail(err, -EINVAL, "Parameter '%s' does not accept value '%.128s': %s", property->name, value,
			    why);
}

/* Numbers, whose text is still in `options`, against the property's and its storage's range. */
static int check_range(const struct mortise_property *property, const char *text, uint64_t number,
		       struct mortise_error *err)
{
	uint32_t bits = 8 * property_storage(property->type);
	uint64_t max = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;

	if (property->max)
		max = MIN(max, property->max);
	if (number < property->min || number > max)
		return refuse(property, text, err, "it must be from %" PRIu64 " to %" PRIu64, property->min, max);
	return 0;
}

static int read_number(const struct mortise_property *property, struct options *options, uint64_t *out,
		       struct mortise_error *err)
{
	int r = property->type == MORTISE_PROPERTY_SIZE ? options_size(options, property->name, out, err)
							: options_u64(options, property->name, out, err);

	if (r < 0)
		return r;
	return check_range(property, options_find(options, property->name)->value, *out, err);
}

/* A JSON string will do for "on" and "off": QEMU's clients send some booleans so. */
static int read_bool(const struct mortise_property *property, struct options *options, uint64_t *out,
		     struct mortise_error *err)
{
	const struct option *option = options_find(options, property->name);
	const char *text;
	bool on = false;
	int r;

	if (option && option->kind == OPTION_STRING && (streq(option->value, "on") || streq(option->value, "off"))) {
		r = options_string(options, property->name, &text, err);
		on = streq(option->value, "on");
	} else {
		r = options_bool(options, property->name, &on, err);
	}
	*out = on;
	return r;
}

static int parse_string(const struct mortise_property *property, const char *text, const char **out,
			struct mortise_error *err)
{
	if (property->max && strlen(text) > property->max)
		return refuse(property, text, err, "it must have at most %" PRIu64 " bytes", property->max);
	*out = text;
	return 0;
}

static int parse_name(const struct mortise_property *property, const char *text, const char **out,
		      struct mortise_error *err)
{
	if (!*text)
		return refuse(property, text, err, "it must name %s",
			      property->type == MORTISE_PROPERTY_BLOCK ? "a block node"
			      : property->type == MORTISE_PROPERTY_NET ? "a netdev"
								       : "a chardev");
	*out = text;
	return 0;
}

static int parse_enum(const struct mortise_property *property, const char *text, uint64_t *out,
		      struct mortise_error *err)
{
	char words[192] = "";
	size_t used = 0;

	for (uint32_t i = 0; property->values[i]; i++) {
		if (streq(text, property->values[i])) {
			*out = i;
			return 0;
		}
		if (used < sizeof(words))
			used += (size_t)snprintf(words + used, sizeof(words) - used, "%s'%s'", i ? ", " : "",
						 property->values[i]);
	}
	return refuse(property, text, err, "it must be one of %s", words);
}

static int read_text(const struct mortise_property *property, struct options *options, union property_value *out,
		     struct mortise_error *err)
{
	const char *text;
	int r = options_string(options, property->name, &text, err);

	if (r < 0)
		return r;
	switch (property->type) {
	case MORTISE_PROPERTY_STRING:
		return parse_string(property, text, &out->string, err);
	case MORTISE_PROPERTY_BLOCK:
	case MORTISE_PROPERTY_NET:
	case MORTISE_PROPERTY_CHARDEV:
		return parse_name(property, text, &out->string, err);
	case MORTISE_PROPERTY_ENUM:
		return parse_enum(property, text, &out->number, err);
	default:
		if (parse_mac(text, out->mac) < 0)
			return refuse(property, text, err, "it must be a unicast address such as 52:54:00:12:34:56");
		return 0;
	}
}

static int read_present(const struct mortise_property *property, struct options *options, union property_value *out,
			struct mortise_error *err)
{
	switch (property->type) {
	case MORTISE_PROPERTY_BOOL:
		return read_bool(property, options, &out->number, err);
	case MORTISE_PROPERTY_U16:
	case MORTISE_PROPERTY_U32:
	case MORTISE_PROPERTY_U64:
	case MORTISE_PROPERTY_SIZE:
		return read_number(property, options, &out->number, err);
	default:
		return read_text(property, options, out, err);
	}
}

int property_fallback(const struct mortise_property *property, union property_value *out, struct mortise_error *err)
{
	struct option option = {.key = (char *)property->name, .value = (char *)property->fallback};
	struct options options = {.items = &option, .count = 1};

	if (!property->fallback)
		return -ENOENT;
	return read_present(property, &options, out, err);
}

int property_read(const struct mortise_property *property, struct options *options, union property_value *out,
		  struct mortise_error *err)
{
	int r = read_present(property, options, out, err);

	return r == -ENOENT ? property_fallback(property, out, err) : r;
}

void property_store(const struct mortise_property *property, const union property_value *value, void *self)
{
	char *to = (char *)self + property->offset;

	switch (property_storage(property->type)) {
	case 1:
		*(uint8_t *)to = (uint8_t)value->number;
		break;
	case 2:
		*(uint16_t *)to = (uint16_t)value->number;
		break;
	case 4:
		*(uint32_t *)to = (uint32_t)value->number;
		break;
	case 6:
		memcpy(to, value->mac, sizeof(value->mac));
		break;
	default:
		*(uint64_t *)to = value->number;
		break;
	}
}

void property_store_pointer(const struct mortise_property *property, const void *pointer, void *self)
{
	memcpy((char *)self + property->offset, &pointer, sizeof(pointer));
}

int property_set(const struct mortise_property *property, struct options *options, void *self,
		 struct mortise_error *err)
{
	union property_value value = {0};
	int r = property_read(property, options, &value, err);

	if (r == -ENOENT && property->flags & MORTISE_PROPERTY_REQUIRED)
		return mortise_fail(err, -EINVAL, "Parameter '%s' is missing", property->name);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (property->type == MORTISE_PROPERTY_STRING)
		property_store_pointer(property, value.string, self);
	else
		property_store(property, &value, self);
	return 0;
}
