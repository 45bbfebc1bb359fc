/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/interp.h - runs ops, the portable way.
 */
#pragma once

struct hart;

/*
 * Runs the guest from hart->pc until an exit is requested or a WFI was executed. In the guest (hart_enter_guest());
 * hart->pc and hart->instret are right afterwards.
 */
void interp_run(struct hart *hart);
