/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/properties.h - one parser for a property's default, its value on the command line and its value in QMP.
 */
#pragma once

#include <stdbool.h>

#include "base/options.h"
#include <mortise/property.h>

/* A value on its way from an option into an instance. */
union property_value {
	uint64_t number;    /* BOOL, U16, U32, U64, SIZE, ENUM */
	uint8_t mac[6];	    /* MAC */
	const char *string; /* STRING, BLOCK, NET, CHARDEV: borrowed from where it was read */
};

/* What the instance stores at the property's offset, in bytes, which is its alignment too (1 for a MAC); 0: no such
 * type. */
uint32_t property_storage(uint32_t type);
uint32_t property_alignment(uint32_t type);

/* Whether a property of this type names a backend, which the instance claims. */
bool property_is_backend(uint32_t type);

/* What QEMU's device-list-properties calls a property's type: "bool", "uint32", "str". */
const char *property_type_name(uint32_t type);

/* What a person would call a value of that type, in help and manual pages: "on|off", "number", "node-name". */
const char *property_value_word(uint32_t type);

/*
 * Takes the property's value from `options`, or its default. 0; -ENOENT, without a message, when there is neither;
 * -EINVAL and a message when the value does not fit.
 */
int property_read(const struct mortise_property *property, struct options *options, union property_value *out,
		  struct mortise_error *err);

/* Reads the default alone. */
int property_fallback(const struct mortise_property *property, union property_value *out, struct mortise_error *err);

/*
 * Reads and stores one of a backend's options. Strings are borrowed from `options` or the table. An absent value
 * without a default leaves what is there; -EINVAL when it is required.
 */
int property_set(const struct mortise_property *property, struct options *options, void *self,
		 struct mortise_error *err);

/* Stores a value of a type that is not a pointer. */
void property_store(const struct mortise_property *property, const union property_value *value, void *self);

/* Stores a pointer: a STRING, BLOCK or NET. */
void property_store_pointer(const struct mortise_property *property, const void *pointer, void *self);
