/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/keeps-config.c - takes over what a driver has written to its configuration for good.
 *
 * Breaks: reset: the configuration is as after realize()
 */
#include "device.h"

static void config_written(void *self, uint32_t offset, uint32_t size)
{
}

DEVICE(.config_written = config_written);
