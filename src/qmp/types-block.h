/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/types-block.h - the types of the commands about block nodes.
 */
#pragma once

#include "qmp/schema.h"

extern const struct schema_type type_BlockdevOptions;
extern const struct schema_type type_BlockInfo_array, type_BlockDeviceInfo_array, type_BlockStats_array;
