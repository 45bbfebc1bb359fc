/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/plic.h - the RISC-V platform-level interrupt controller (SiFive PLIC 1.0.0), one context a hart.
 */
#pragma once

#include "accel/accel.h"
#include "base/irq.h"
#include "base/mmio.h"

#define PLIC_SOURCES 96 /* interrupt numbers 1 to 95 */
#define PLIC_SIZE 0x400000

struct plic;

int plic_new(struct plic **out, unsigned contexts, struct mortise_error *err);
struct plic *plic_free(struct plic *plic);

/* Context n is the supervisor external interrupt of vCPU n. Before vCPUs run. */
void plic_attach(struct plic *plic, struct accel *accel);

/* Power-on: nothing enabled, nothing pending; lines keep their levels. */
void plic_reset(struct plic *plic);

/* The input of interrupt `number`, for a device. */
struct irq_line plic_line(struct plic *plic, unsigned number);

/* A press of something that has an interrupt but no level: makes `number` pending once. Any thread. */
void plic_pulse(struct plic *plic, unsigned number);

extern const struct mmio_ops plic_mmio_ops; /* opaque: struct plic */
