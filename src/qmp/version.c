/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/version.c - the version that clients are told.
 */
#include "qmp/version.h"

#include <config.h>

cJSON *qmp_version(void)
{
	cJSON *version = cJSON_CreateObject();
	cJSON *qemu = cJSON_AddObjectToObject(version, "qemu");

	cJSON_AddNumberToObject(qemu, "micro", 0);
	cJSON_AddNumberToObject(qemu, "minor", 2);
	cJSON_AddNumberToObject(qemu, "major", 7);
	cJSON_AddStringToObject(version, "package", PACKAGE "-" VERSION);
	return version;
}
