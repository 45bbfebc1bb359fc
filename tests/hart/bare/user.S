/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.S - what tests run in user mode, in pages of its own; each ends by an ecall. Position-independent.
 */
	.section .text.user, "ax"
	.balign 4096
	.globl user_code, user_load, user_store, user_call, user_spin, user_code_end
user_code:
user_load: /* a0: address, then the value */
	ld a0, 0(a0)
	ecall
user_store: /* a0: address, a1: value */
	sd a1, 0(a0)
	ecall
user_call: /* a0: address of something that returns */
	jalr a0
	ecall
user_spin: /* until interrupted */
	addi a0, a0, 1
	j user_spin
	.balign 4096
user_code_end:
