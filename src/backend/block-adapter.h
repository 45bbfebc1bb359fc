/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-adapter.h - media whose drivers are written to mortise/block-driver.h: null-co, and plugins'.
 */
#pragma once

#include "backend/block-node.h"
#include <mortise/block-driver.h>

extern const struct block_driver block_driver_adapter;

/* Bytes of medium->private for such a driver, and where in it the driver's own memory is. */
size_t block_adapter_size(const struct mortise_block_driver *driver);
void *block_adapter_self(const struct block_medium *medium);

/* The built-in ones. */
extern const struct mortise_block_driver block_null_co, block_null_aio;
