/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.S - where harts begin, where traps arrive, and the way into user mode and back.
 *
 * tp points to the hart's struct cpu while C runs; sscratch does too, except inside the trap handler, where it is 0.
 */
#include "offsets.h"

	.section .text.start, "ax"
	.globl _start, start_other
_start:
	la t0, cpus
	j 1f
start_other: /* a1: the hart's struct cpu */
	mv t0, a1
1:	mv tp, t0
	csrw sscratch, tp
	la t1, trap_entry
	csrw stvec, t1
	li t1, 3 << 13 /* FS: dirty */
	csrs sstatus, t1
	li t1, CPU_STACK_END
	add sp, tp, t1
	sd a0, CPU_HART_ID(tp)
	ld t1, CPU_MAIN(tp)
	bnez t1, 2f
	la t1, main
2:	jalr t1
	tail sbi_shutdown

	.text
	.balign 4
	.globl trap_entry
trap_entry:
	csrrw tp, sscratch, tp
	beqz tp, trapped_again
	.irp n, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd x\n, 8 * \n(tp)
	.endr
	csrrw t0, sscratch, zero
	sd t0, 8 * 4(tp)
	csrr t0, sepc
	sd t0, FRAME_PC(tp)
	csrr t0, sstatus
	sd t0, FRAME_STATUS(tp)
	csrr t0, scause
	sd t0, FRAME_CAUSE(tp)
	csrr t0, stval
	sd t0, FRAME_VALUE(tp)
	li t0, CPU_TRAP_STACK_END
	add sp, tp, t0
	mv a0, tp
	call trap

	ld t0, FRAME_PC(tp)
	csrw sepc, t0
	ld t0, FRAME_STATUS(tp)
	csrw sstatus, t0
	csrw sscratch, tp
	.irp n, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld x\n, 8 * \n(tp)
	.endr
	ld tp, 8 * 4(tp)
	sret

trapped_again:
	la sp, emergency_stack_end
	csrr a0, scause
	csrr a1, sepc
	csrr a2, stval
	tail panic_in_trap

/* void enter_user(pc, a0, a1, stack): comes back when user mode traps and trap() says leave_user. */
	.globl enter_user, leave_user
enter_user:
	addi sp, sp, -176
	.irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
	sd x\n, 8 * (\n - 6)(sp)
	.endr
	sd ra, 0(sp)
	sd gp, 8(sp)
	sd sp, CPU_USER_RETURN(tp)
	csrw sepc, a0
	li t0, 1 << 8 /* SPP: user */
	csrc sstatus, t0
	li t0, 1 << 5 /* SPIE: interrupts on */
	csrs sstatus, t0
	mv a0, a1
	mv a1, a2
	mv sp, a3
	li ra, 0
	sret
leave_user: /* the trap handler left by sret to here, with sp as it was */
	.irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
	ld x\n, 8 * (\n - 6)(sp)
	.endr
	ld ra, 0(sp)
	ld gp, 8(sp)
	addi sp, sp, 176
	ret

	.bss
	.balign 16
	.space 4096
emergency_stack_end:
