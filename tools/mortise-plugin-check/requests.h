/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.h - what drivers of each virtio type ask of a device, and how they get it wrong.
 */
#pragma once

#include "driver.h"

/*
 * A sound request for some queue of the device (virtio 1.2, 5), or, where the type is not known, a chain of any shape;
 * `request->answered` says whether a device has to answer it by itself. False: for this there is none.
 */
bool request_make(struct driver *driver, struct request *request);

/* The same for one queue. */
bool request_make_for(struct driver *driver, uint32_t queue, struct request *request);

/* Makes it wrong: cut, prolonged, bytes altered, or all of it garbage. */
void request_spoil(struct driver *driver, struct request *request);
