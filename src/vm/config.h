/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/config.h - what a VM is to be made of, as the command line says it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"

#define VM_CPUS_MAX 64

/* A growing list of option strings already taken apart: one for each -device, -drive, ... in their order. */
struct options_list {
	struct options **items;
	size_t count;
};

struct vm_config {
	const char *name;		 /* NULL: none */
	const char *uuid;		 /* NULL: none */
	const char *machine;		 /* "riscv64", "x86_64"; NULL or "microvm": by the kernel's architecture */
	struct options *machine_options; /* what -machine says to the board itself; may be NULL */
	const char *accel;		 /* "kvm:soft"; NULL: the first that can run the kernel */
	struct options *accel_options;	 /* what -accel says to the accelerator itself; may be NULL */
	uint64_t ram_size;		 /* bytes */
	bool ram_shared;		 /* guest memory that other processes can map */
	unsigned cpus;

	const char *kernel, *initrd; /* paths */
	const char *append;	     /* kernel command line; NULL: empty */
	const char *dumpdtb;	     /* write the device tree there and quit */

	const char *serial; /* "stdio", "none", "file:PATH" */
	const char *plugin_dir;
	const char *plugin_policy; /* see plugin/policy.h; NULL: none */
	bool start_paused;	   /* -S */
	bool no_reboot;		   /* a guest's reset ends the VM */

	struct options_list objects, chardevs, blockdevs, netdevs,
		devices; /* plugged before the guest starts, in this order */
};
