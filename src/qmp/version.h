/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/version.h - the version that clients are told.
 */
#pragma once

#include <cjson/cJSON.h>

/*
 * The release of QEMU whose protocol this is, by which clients decide what they may send, and in `package` what this
 * program is. A VersionInfo of the schema; NULL when out of memory.
 */
cJSON *qmp_version(void);
