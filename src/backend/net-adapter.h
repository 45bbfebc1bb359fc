/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-adapter.h - netdevs whose drivers are written to mortise/net-driver.h: plugins'.
 */
#pragma once

#include "backend/net-driver.h"

/* Allocates one, zeroed but for its drivers; NULL: out of memory. */
struct mortise_net *net_adapter_new(const struct mortise_net_driver *of);

/* The driver's own memory. */
void *net_adapter_self(struct mortise_net *net);
