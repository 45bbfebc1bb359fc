/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/uart.c - a 16550A UART: National Semiconductor PC16550D data sheet.
 *
 * Registers are served on vCPU threads, input arrives on the control thread; one lock guards both. The line has no
 * speed: a byte is sent as soon as it is written, unless whoever reads the output has fallen behind.
 */
#include "machine/uart.h"

#include <errno.h>
#include <pthread.h>

#include "base/util.h"

enum {
	RBR_THR = 0, /* receive and transmit; divisor latch, low, when LCR_DLAB */
	IER = 1,     /* divisor latch, high, when LCR_DLAB */
	IIR_FCR = 2,
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7,
};

#define IER_RECEIVED 0x01
#define IER_TRANSMITTER 0x02
#define IER_LINE_STATUS 0x04

#define IIR_NONE 0x01
#define IIR_TRANSMITTER 0x02
#define IIR_RECEIVED 0x04
#define IIR_LINE_STATUS 0x06
#define IIR_FIFO_ENABLED 0xc0

#define FCR_ENABLE 0x01
#define FCR_CLEAR_RECEIVER 0x02

#define LCR_DLAB 0x80

#define MCR_LOOP 0x10
#define MCR_OUT2 0x08
#define MCR_OUT1 0x04
#define MCR_RTS 0x02
#define MCR_DTR 0x01

#define LSR_DATA_READY 0x01
#define LSR_OVERRUN 0x02
#define LSR_EMPTY 0x60 /* holding register and transmitter */

#define MSR_DCD 0x80
#define MSR_RI 0x40
#define MSR_DSR 0x20
#define MSR_CTS 0x10

#define FIFO_SIZE 16

struct uart {
	pthread_mutex_t lock;
	struct chardev *chardev;
	struct irq_line irq;
	bool level; /* of the line */

	uint8_t ier, lcr, mcr, scr, divisor[2];
	bool fifo_enabled;
	bool overrun;
	bool transmitter_interrupt; /* the holding register ran empty and nobody was told yet */

	uint8_t fifo[FIFO_SIZE];
	unsigned fifo_head, fifo_count;

	uint8_t held; /* a byte that the other side has no room for */
	bool holding;
};

static unsigned trigger_identity(const struct uart *uart)
{
	if ((uart->ier & IER_LINE_STATUS) && uart->overrun)
		return IIR_LINE_STATUS;
	if ((uart->ier & IER_RECEIVED) && uart->fifo_count)
		return IIR_RECEIVED;
	if ((uart->ier & IER_TRANSMITTER) && uart->transmitter_interrupt)
		return IIR_TRANSMITTER;
	return IIR_NONE;
}

static void update_irq(struct uart *uart)
{
	const bool level = trigger_identity(uart) != IIR_NONE;

	if (uart->level == level)
		return;
	uart->level = level;
	irq_set(&uart->irq, level);
}

static void fifo_put(struct uart *uart, uint8_t byte)
{
	unsigned size = uart->fifo_enabled ? FIFO_SIZE : 1;

	if (uart->fifo_count >= size) {
		uart->overrun = true;
		return;
	}
	uart->fifo[(uart->fifo_head + uart->fifo_count++) % FIFO_SIZE] = byte;
}

static uint8_t fifo_get(struct uart *uart)
{
	uint8_t byte = uart->fifo[uart->fifo_head];

	if (!uart->fifo_count)
		return 0;
	uart->fifo_head = (uart->fifo_head + 1) % FIFO_SIZE;
	uart->fifo_count--;
	return byte;
}

static void transmit(struct uart *uart, uint8_t byte)
{
	if (uart->mcr & MCR_LOOP) {
		fifo_put(uart, byte);
	} else if (uart->chardev && (uart->holding || !chardev_write(uart->chardev, &byte, 1))) {
		uart->held = byte; /* a guest that writes on although THRE is clear loses the byte before */
		uart->holding = true;
		return;
	}
	uart->transmitter_interrupt = true;
}

static uint8_t modem_status(const struct uart *uart)
{
	if (!(uart->mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	return (uint8_t)((uart->mcr & MCR_OUT2 ? MSR_DCD : 0) | (uart->mcr & MCR_OUT1 ? MSR_RI : 0) |
			 (uart->mcr & MCR_DTR ? MSR_DSR : 0) | (uart->mcr & MCR_RTS ? MSR_CTS : 0));
}

static uint8_t read_register(struct uart *uart, uint64_t offset, bool *drained)
{
	uint8_t value;

	switch (offset) {
	case RBR_THR:
		if (uart->lcr & LCR_DLAB)
			return uart->divisor[0];
		value = fifo_get(uart);
		*drained = !uart->fifo_count;
		return value;
	case IER:
		return uart->lcr & LCR_DLAB ? uart->divisor[1] : uart->ier;
	case IIR_FCR:
		value = (uint8_t)trigger_identity(uart);
		if (value == IIR_TRANSMITTER)
			uart->transmitter_interrupt = false;
		return value | (uart->fifo_enabled ? IIR_FIFO_ENABLED : 0);
	case LCR:
		return uart->lcr;
	case MCR:
		return uart->mcr;
	case LSR:
		value = (uint8_t)((uart->fifo_count ? LSR_DATA_READY : 0) | (uart->overrun ? LSR_OVERRUN : 0) |
				  (uart->holding ? 0 : LSR_EMPTY));
		uart->overrun = false;
		return value;
	case MSR:
		return modem_status(uart);
	case SCR:
		return uart->scr;
	default:
		return 0;
	}
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned width)
{
	struct uart *uart = opaque;
	bool drained = false;
	uint8_t value;

	pthread_mutex_lock(&uart->lock);
	value = read_register(uart, offset, &drained);
	update_irq(uart);
	pthread_mutex_unlock(&uart->lock);
	if (drained && uart->chardev)
		chardev_accept_input(uart->chardev);
	return value;
}

static void write_register(struct uart *uart, uint64_t offset, uint8_t value)
{
	switch (offset) {
	case RBR_THR:
		if (uart->lcr & LCR_DLAB) {
			uart->divisor[0] = value;
		} else {
			uart->transmitter_interrupt = false;
			transmit(uart, value);
		}
		break;
	case IER:
		if (uart->lcr & LCR_DLAB) {
			uart->divisor[1] = value;
			break;
		}
		/* Enabling the transmitter's interrupt while it is empty raises it at once. */
		if (!(uart->ier & IER_TRANSMITTER) && (value & IER_TRANSMITTER) && !uart->holding)
			uart->transmitter_interrupt = true;
		uart->ier = value & 0x0f;
		break;
	case IIR_FCR:
		if ((value & FCR_CLEAR_RECEIVER) || uart->fifo_enabled != (bool)(value & FCR_ENABLE))
			uart->fifo_count = 0;
		uart->fifo_enabled = value & FCR_ENABLE;
		break;
	case LCR:
		uart->lcr = value;
		break;
	case MCR:
		uart->mcr = value & 0x1f;
		break;
	case SCR:
		uart->scr = value;
		break;
	default:
		break;
	}
}

static void uart_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	struct uart *uart = opaque;

	pthread_mutex_lock(&uart->lock);
	write_register(uart, offset, (uint8_t)value);
	update_irq(uart);
	pthread_mutex_unlock(&uart->lock);
}

const struct mmio_ops uart_mmio_ops = {.read = uart_read, .write = uart_write};

static size_t input_room(void *opaque)
{
	struct uart *uart = opaque;
	size_t room;

	/* In loop-back mode the line is cut; input waits. */
	pthread_mutex_lock(&uart->lock);
	room = uart->mcr & MCR_LOOP ? 0 : (uart->fifo_enabled ? FIFO_SIZE : 1) - uart->fifo_count;
	pthread_mutex_unlock(&uart->lock);
	return room;
}

static void on_input(void *opaque, const uint8_t *data, size_t size)
{
	struct uart *uart = opaque;

	pthread_mutex_lock(&uart->lock);
	for (size_t i = 0; i < size; i++)
		fifo_put(uart, data[i]);
	update_irq(uart);
	pthread_mutex_unlock(&uart->lock);
}

static void on_writable(void *opaque)
{
	struct uart *uart = opaque;

	pthread_mutex_lock(&uart->lock);
	if (uart->holding && chardev_write(uart->chardev, &uart->held, 1)) {
		uart->holding = false;
		uart->transmitter_interrupt = true;
		update_irq(uart);
	}
	pthread_mutex_unlock(&uart->lock);
}

int uart_new(struct uart **out, struct chardev *chardev, struct irq_line irq, struct mortise_error *err)
{
	struct uart *uart = calloc(1, sizeof(*uart));

	if (!uart)
		return mortise_fail(err, -ENOMEM, "Out of memory for the UART");
	pthread_mutex_init(&uart->lock, NULL);
	uart->chardev = chardev;
	uart->irq = irq;
	uart->divisor[0] = 12;
	if (chardev) {
		const struct chardev_front front = {
			.room = input_room, .input = on_input, .writable = on_writable, .opaque = uart};

		chardev_connect(chardev, &front);
	}
	*out = uart;
	return 0;
}

struct uart *uart_free(struct uart *uart)
{
	if (!uart)
		return NULL;
	if (uart->chardev)
		chardev_connect(uart->chardev, NULL);
	pthread_mutex_destroy(&uart->lock);
	free(uart);
	return NULL;
}

void uart_reset(struct uart *uart)
{
	pthread_mutex_lock(&uart->lock);
	uart->ier = uart->lcr = uart->mcr = uart->scr = 0;
	uart->fifo_enabled = uart->overrun = uart->transmitter_interrupt = false;
	uart->fifo_count = 0;
	update_irq(uart);
	pthread_mutex_unlock(&uart->lock);
	if (uart->chardev)
		chardev_accept_input(uart->chardev);
}
