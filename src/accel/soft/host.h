/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/host.h - what C has no words for: the host processor's hints and fences.
 */
#pragma once

#if !defined(__x86_64__)
#error "The software hart relies on x86-64's memory order and on SSE so far"
#endif

/* Tells the processor that this is a short wait. */
static inline void host_relax(void)
{
	__builtin_ia32_pause();
}

/*
 * Orders earlier writes before later reads; everything else x86 keeps in order by itself. A locked instruction is
 * faster than MFENCE, and unlike the compiler's fence it is fine with ThreadSanitizer.
 */
static inline void host_fence(void)
{
	__asm__ volatile("lock; addl $0, -64(%%rsp)" : : : "memory", "cc");
}

/* Keeps the compiler from moving memory accesses. */
static inline void host_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}
