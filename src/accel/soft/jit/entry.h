/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/entry.h - the fixed code: into the guest's code and out of it, and calls of C.
 */
#pragma once

#include "accel/soft/jit/jit.h"

/*
 * Writes the fixed code at the start of the code memory and fills in where it is:
 *
 * enter	called from C: loads the pinned registers and goes to `code`.
 * look_up	ends with JIT_LOOK_UP; hart->pc is set.
 * follow, bail	end with that; RAX is the op.
 * call_*	called with the op in RAX: runs it in C and returns, or ends with JIT_LOOK_UP if it trapped.
 */
void jit_write_entry(struct hart *hart);
