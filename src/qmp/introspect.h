/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/introspect.h - the schema as query-qmp-schema tells it (QAPI's SchemaInfo).
 */
#pragma once

#include <cjson/cJSON.h>

#include "qmp/schema.h"

/* An array of SchemaInfo: commands, events, and every type that they reach. NULL: out of memory. */
cJSON *introspect(const struct schema *schema);
