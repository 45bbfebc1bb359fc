/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.S - runs a generated program as a Linux process: its records go to standard output.
 */
#define SYS_write 64
#define SYS_exit_group 94
#define SYS_sigaltstack 132
#define SYS_rt_sigaction 134
#define SA_ONSTACK 0x08000000
#define SA_SIGINFO 4
#define UCONTEXT_PC 176 /* uc_mcontext.gregs[0] */

	.section .text.start, "ax"
	.globl _start
_start:
	li a7, SYS_sigaltstack
	la a0, stack
	li a1, 0
	ecall
	la s0, signals
next_signal:
	lw a0, 0(s0)
	beqz a0, start_body
	li a7, SYS_rt_sigaction
	la a1, action
	li a2, 0
	li a3, 8
	ecall
	addi s0, s0, 8
	j next_signal
start_body:
	call body
	la s0, output
	la s1, output_end
next_write:
	li a7, SYS_write
	li a0, 1
	mv a1, s0
	sub a2, s1, s0
	ecall
	blez a0, failed
	add s0, s0, a0
	bne s0, s1, next_write
	li a0, 0
	j leave
failed:
	li a0, 1
leave:
	li a7, SYS_exit_group
	ecall

/* a0: signal, a2: context. Goes on at trap_resume, if the program gave that; leaves with 2 otherwise. */
on_signal:
	la t0, signals
1:	lw t1, 0(t0)
	lw t2, 4(t0)
	addi t0, t0, 8
	bne t1, a0, 1b
	la t0, trap_cause
	sd t2, 0(t0)
	la t0, trap_resume
	ld t1, 0(t0)
	li a0, 2
	beqz t1, leave
	sd t1, UCONTEXT_PC(a2)
	ret

	.section .rodata
	.balign 8
action:	.quad on_signal, SA_ONSTACK | SA_SIGINFO, 0
signals: /* and the exceptions that Linux makes them of */
	.word 4, 2   /* SIGILL: illegal instruction */
	.word 5, 3   /* SIGTRAP: breakpoint */
	.word 11, 13 /* SIGSEGV: page fault */
	.word 7, 4   /* SIGBUS: misaligned */
	.word 0, 0
	.balign 8
stack:	.quad stack_bottom
	.word 0, 0
	.quad 65536

	.bss
	.balign 16
stack_bottom:
	.space 65536
