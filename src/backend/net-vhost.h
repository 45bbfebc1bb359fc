/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-vhost.h - descriptors of /dev/vhost-net, by which the kernel moves a tap's frames itself.
 */
#pragma once

#include <mortise/error.h>

/*
 * Opens the device `count` times, once for each queue, or takes what was passed in: one number in `fd`, or several in
 * `fds`, separated by colons. Those stay the caller's until all are found to be good.
 */
int net_vhost_open(const char *fd, const char *fds, unsigned count, int *out, struct mortise_error *err);

/* Closes them; -1 is none. */
void net_vhost_close(int *vhosts, unsigned count);
