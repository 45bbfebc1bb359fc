/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/uart.h - a 16550A UART.
 */
#pragma once

#include "backend/chardev.h"
#include "base/irq.h"
#include "base/mmio.h"

#define UART_SIZE 8
#define UART_CLOCK_HZ 3686400

struct uart;

/* `chardev` NULL: nothing is connected; output vanishes. It must outlive the UART. */
int uart_new(struct uart **out, struct chardev *chardev, struct irq_line irq, struct mortise_error *err);
struct uart *uart_free(struct uart *uart);
void uart_reset(struct uart *uart);

extern const struct mmio_ops uart_mmio_ops; /* opaque: struct uart; registers are one byte apart */
