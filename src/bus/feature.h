/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/feature.h - feature bits (virtio 1.2, 2.2): whose they are, and what people call them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bits of the device type; the others are the ring's, the transport's, or reserved. */
#define FEATURES_OF_TYPE (UINT64_C(0xffffff) | ~((UINT64_C(1) << 50) - 1))

/* What the bus itself offers for every device: VERSION_1, INDIRECT_DESC, EVENT_IDX. */
extern const uint64_t features_of_bus;

/* Of those, the ring's, which whoever serves a queue has to know: INDIRECT_DESC, EVENT_IDX. */
extern const uint64_t features_of_ring;

/* "VIRTIO_BLK_F_FLUSH (9), ..." into `text`, which is returned; cut at its end. */
const char *feature_names(uint32_t virtio_id, uint64_t features, char *text, size_t room);
