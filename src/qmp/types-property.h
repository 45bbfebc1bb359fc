/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/types-property.h - options of drivers, as queries tell of them.
 */
#pragma once

#include "qmp/schema.h"
#include <mortise/property.h>

extern const struct schema_type type_ObjectPropertyInfo_array;

/* An ObjectPropertyInfoList of a table, which may be NULL. */
cJSON *describe_properties(const struct mortise_property *property);
