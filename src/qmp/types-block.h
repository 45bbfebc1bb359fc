/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/types-block.h - the types of the commands about block nodes.
 */
#pragma once

#include "qmp/schema.h"

extern const struct schema_type type_BlockdevOptions, type_BlockdevOptions_array;
extern const struct schema_type type_BlockdevFormat, type_BlockdevChangeReadOnlyMode;
extern const struct schema_type type_BlockInfo_array, type_BlockDeviceInfo_array, type_BlockStats_array;
