/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/interp.h - runs ops, the portable way.
 */
#pragma once

struct hart;
struct op;

/*
 * Runs the guest from hart->pc until an exit is requested or a WFI was executed. In the guest (hart_enter_guest());
 * hart->pc and hart->instret are right afterwards.
 */
void interp_run(struct hart *hart);

/*
 * For the JIT: runs from `op`, which is in the page of hart->pc, to the next jump, trap or what else ends a block. The
 * cache must have neither jumps nor links of its own.
 */
void interp_rest(struct hart *hart, struct op *op);
