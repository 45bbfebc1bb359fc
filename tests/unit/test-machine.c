/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test-machine.c - the riscv64 board's parts: PLIC, UART, clock, device tree.
 */
#include "unit.h"

#include <libfdt.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "backend/chardev.h"
#include "machine/plic.h"
#include "machine/riscv64-fdt.h"
#include "machine/rtc.h"
#include "machine/uart.h"

/* --- PLIC --- */

#define PRIORITY(n) ((n)*4)
#define ENABLE(context, n) (0x2000 + (context)*0x80 + (n) / 32 * 4)
#define THRESHOLD(context) (0x200000 + (context)*0x1000)
#define CLAIM(context) (THRESHOLD(context) + 4)

struct fake_accel {
	struct accel accel;
	bool level[2];
	unsigned changes;
};

static void fake_set_irq(struct accel *accel, unsigned cpu, enum accel_irq irq, bool level)
{
	struct fake_accel *fake = container_of(accel, struct fake_accel, accel);

	assert_int_not_equal(fake->level[cpu], level);
	fake->level[cpu] = level;
	fake->changes++;
}

struct plic_fixture {
	struct fake_accel fake;
	struct plic *plic;
};

static int plic_setup(void **state)
{
	struct plic_fixture *f = calloc(1, sizeof(*f));

	f->fake.accel.set_irq = fake_set_irq;
	assert_int_equal(plic_new(&f->plic, 2, NULL), 0);
	plic_attach(f->plic, &f->fake.accel);
	*state = f;
	return 0;
}

static int plic_teardown(void **state)
{
	struct plic_fixture *f = *state;

	plic_free(f->plic);
	free(f);
	return 0;
}

static uint64_t plic_get(struct plic_fixture *f, uint64_t offset)
{
	return plic_mmio_ops.read(f->plic, offset, 4);
}

static void plic_set(struct plic_fixture *f, uint64_t offset, uint64_t value)
{
	plic_mmio_ops.write(f->plic, offset, value, 4);
}

static void plic_level(void **state)
{
	struct plic_fixture *f = *state;
	struct irq_line line = plic_line(f->plic, 40);

	irq_set(&line, true);
	assert_false(f->fake.level[0]);
	plic_set(f, ENABLE(0, 40), 1u << (40 % 32));
	assert_false(f->fake.level[0]); /* priority 0 never interrupts */
	plic_set(f, PRIORITY(40), 1);
	assert_true(f->fake.level[0]);
	assert_false(f->fake.level[1]);
	assert_int_equal(plic_get(f, 0x1004), 1u << (40 % 32));

	assert_int_equal(plic_get(f, CLAIM(0)), 40);
	assert_false(f->fake.level[0]);
	assert_int_equal(plic_get(f, CLAIM(0)), 0);

	/* Still high at completion: again. */
	plic_set(f, CLAIM(0), 40);
	assert_true(f->fake.level[0]);
	assert_int_equal(plic_get(f, CLAIM(0)), 40);
	irq_set(&line, false);
	plic_set(f, CLAIM(0), 40);
	assert_false(f->fake.level[0]);
}

static void plic_priorities(void **state)
{
	struct plic_fixture *f = *state;

	for (unsigned n = 1; n < 5; n++) {
		struct irq_line line = plic_line(f->plic, n);

		plic_set(f, PRIORITY(n), n == 3 ? 5 : 2);
		irq_set(&line, true);
	}
	plic_set(f, ENABLE(1, 1), 0x1e);
	plic_set(f, THRESHOLD(1), 2);
	assert_int_equal(plic_get(f, CLAIM(1)), 3);
	assert_false(f->fake.level[1]); /* what is left does not exceed the threshold */
	plic_set(f, THRESHOLD(1), 1);
	assert_true(f->fake.level[1]);
	assert_int_equal(plic_get(f, CLAIM(1)), 1);
	assert_int_equal(plic_get(f, CLAIM(1)), 2);
	assert_int_equal(plic_get(f, CLAIM(1)), 4);
	assert_int_equal(plic_get(f, CLAIM(0)), 0);
}

static void plic_pulses(void **state)
{
	struct plic_fixture *f = *state;

	plic_set(f, ENABLE(0, 12), 1u << 12);
	plic_set(f, PRIORITY(12), 1);
	plic_pulse(f->plic, 12);
	assert_true(f->fake.level[0]);
	assert_int_equal(plic_get(f, CLAIM(0)), 12);
	plic_set(f, CLAIM(0), 12);
	assert_false(f->fake.level[0]);
}

static void plic_hostile(void **state)
{
	struct plic_fixture *f = *state;

	for (uint64_t offset = 0; offset < PLIC_SIZE; offset += offset < 0x4000 ? 4 : 0x1004) {
		plic_set(f, offset, UINT32_MAX);
		plic_get(f, offset & ~3ULL);
	}
	plic_set(f, CLAIM(0), UINT32_MAX);
	plic_mmio_ops.write(f->plic, 0, 1, 8);
	assert_int_equal(plic_mmio_ops.read(f->plic, 0, 1), 0);
	plic_reset(f->plic);
	assert_int_equal(plic_get(f, THRESHOLD(1)), 0);
	assert_int_equal(plic_get(f, ENABLE(1, 1)), 0);
}

/* --- UART --- */

struct line {
	bool level;
};

static void set_level(void *opaque, unsigned number, bool level)
{
	((struct line *)opaque)->level = level;
}

static uint8_t uart_get(struct uart *uart, unsigned n)
{
	return (uint8_t)uart_mmio_ops.read(uart, n, 1);
}

static void uart_set(struct uart *uart, unsigned n, uint8_t value)
{
	uart_mmio_ops.write(uart, n, value, 1);
}

static void uart_loopback(void **state)
{
	struct line line = {0};
	struct uart *uart;

	assert_int_equal(uart_new(&uart, NULL, (struct irq_line){.set = set_level, .controller = &line}, NULL), 0);
	assert_int_equal(uart_get(uart, 5), 0x60);
	uart_set(uart, 2, 1); /* FIFO on */
	assert_int_equal(uart_get(uart, 2), 0xc1);
	uart_set(uart, 1, 1);
	uart_set(uart, 4, 0x10 | 0x0a); /* loop-back with RTS and OUT2 */
	assert_int_equal(uart_get(uart, 6), 0x90);
	for (unsigned i = 0; i < 17; i++)
		uart_set(uart, 0, (uint8_t)('a' + i));
	assert_true(line.level);
	assert_int_equal(uart_get(uart, 2), 0xc4);
	assert_int_equal(uart_get(uart, 5), 0x63); /* the 17th byte was an overrun */
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(uart_get(uart, 0), 'a' + i);
	assert_false(line.level);

	/* The transmitter's interrupt: at once when enabled, gone when its cause is read. */
	uart_set(uart, 1, 2);
	assert_true(line.level);
	assert_int_equal(uart_get(uart, 2), 0xc2);
	assert_false(line.level);

	uart_set(uart, 3, 0x83);
	uart_set(uart, 0, 3);
	uart_set(uart, 1, 1);
	assert_int_equal(uart_get(uart, 0), 3);
	assert_int_equal(uart_get(uart, 1), 1);
	uart_set(uart, 3, 0x03);
	assert_int_equal(uart_get(uart, 1), 2);
	uart_reset(uart);
	assert_int_equal(uart_get(uart, 1), 0);
	uart_free(uart);
}

struct control {
	struct loop *loop;
	struct task quit;
	pthread_t thread;
};

static void *run_control(void *control)
{
	loop_run(((struct control *)control)->loop);
	return NULL;
}

static void quit_control(struct task *task)
{
	loop_quit(container_of(task, struct control, quit)->loop);
}

/* What the guest prints reaches the file, in order and whole, also when it is more than the ring holds. */
static void uart_output(void **state)
{
	char path[] = "/tmp/mortise-uart-XXXXXX", spec[64], *text = malloc(200000);
	struct control control = {.quit.run = quit_control};
	struct line line = {0};
	struct chardev *chardev;
	struct uart *uart;
	size_t sent = 0;
	FILE *file;

	close(mkstemp(path));
	snprintf(spec, sizeof(spec), "file:%s", path);
	assert_int_equal(loop_new(&control.loop, NULL), 0);
	assert_int_equal(pthread_create(&control.thread, NULL, run_control, &control), 0);
	assert_int_equal(chardev_open(&chardev, spec, control.loop, NULL, NULL, NULL), 0);
	assert_int_equal(uart_new(&uart, chardev, (struct irq_line){.set = set_level, .controller = &line}, NULL), 0);
	while (sent < 200000) {
		if (!(uart_get(uart, 5) & 0x20))
			continue;
		uart_set(uart, 0, (uint8_t)('a' + sent % 26));
		sent++;
	}
	loop_post(control.loop, &control.quit);
	pthread_join(control.thread, NULL);
	uart_free(uart);
	chardev_free(chardev);
	loop_free(control.loop);
	file = fopen(path, "re");
	sent = fread(text, 1, 200000, file);
	fclose(file);
	assert_int_equal(sent, 200000);
	for (size_t i = 0; i < sent; i++)
		assert_int_equal(text[i], 'a' + i % 26);
	unlink(path);
	free(text);
}

/* --- clock --- */

static void on_moment(evutil_socket_t fd, short what, void *loop)
{
	loop_quit(loop);
}

static void run_for_a_moment(struct loop *loop)
{
	const struct timeval moment = {.tv_usec = 20000};

	event_base_once(loop_base(loop), -1, EV_TIMEOUT, on_moment, loop, &moment);
	loop_run(loop);
}

static void rtc_time(void **state)
{
	struct line line = {0};
	struct loop *loop;
	struct rtc *rtc;
	uint64_t now;

	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(rtc_new(&rtc, loop, (struct irq_line){.set = set_level, .controller = &line}, NULL), 0);
	now = rtc_mmio_ops.read(rtc, 0, 4);
	now |= rtc_mmio_ops.read(rtc, 4, 4) << 32;
	assert_in_range(now / 1000000000, (uint64_t)time(NULL) - 1, (uint64_t)time(NULL) + 1);

	/* Set to an hour later. */
	now += UINT64_C(3600000000000);
	rtc_mmio_ops.write(rtc, 4, now >> 32, 4);
	rtc_mmio_ops.write(rtc, 0, (uint32_t)now, 4);
	now = rtc_mmio_ops.read(rtc, 0, 4);
	now |= rtc_mmio_ops.read(rtc, 4, 4) << 32;
	assert_in_range(now / 1000000000, (uint64_t)time(NULL) + 3599, (uint64_t)time(NULL) + 3601);

	/* An alarm in 5 ms; it is seen once interrupts are enabled. */
	now += 5000000;
	rtc_mmio_ops.write(rtc, 0x0c, now >> 32, 4);
	rtc_mmio_ops.write(rtc, 0x08, (uint32_t)now, 4);
	rtc_mmio_ops.write(rtc, 0x10, 1, 4);
	assert_int_equal(rtc_mmio_ops.read(rtc, 0x18, 4), 1);
	assert_false(line.level);
	run_for_a_moment(loop);
	assert_true(line.level);
	assert_int_equal(rtc_mmio_ops.read(rtc, 0x18, 4), 0);
	rtc_mmio_ops.write(rtc, 0x1c, 1, 4);
	assert_false(line.level);
	rtc_free(rtc);
	loop_free(loop);
}

/* --- device tree --- */

static const struct accel_riscv cpu = {
	.isa = "rv64imafdc_zicsr_zifencei_sstc", .mmu_type = "riscv,sv39", .timebase_hz = 10000000, .cboz_block = 64};

static void fdt(void **state)
{
	static const struct riscv64_fdt board = {.cpus = 2,
						 .slots = 16,
						 .ram_size = 512 * MIB,
						 .cpu = &cpu,
						 .bootargs = "console=ttyS0 \"quoted\"",
						 .initrd_start = 0x84000000,
						 .initrd_end = 0x84100000};
	static const char extensions[] = "i\0m\0a\0f\0d\0c\0zicsr\0zifencei\0sstc";
	const void *property;
	size_t size;
	void *tree;
	int node, length;

	assert_int_equal(riscv64_fdt_build(&board, &tree, &size, NULL), 0);
	assert_int_equal(fdt_check_full(tree, size), 0);
	node = fdt_path_offset(tree, "/chosen");
	assert_string_equal(fdt_getprop(tree, node, "bootargs", NULL), board.bootargs);
	assert_non_null(fdt_getprop(tree, node, "rng-seed", NULL));
	node = fdt_path_offset(tree, "/cpus/cpu@1");
	property = fdt_getprop(tree, node, "riscv,isa-extensions", &length);
	assert_int_equal(length, sizeof(extensions));
	assert_memory_equal(property, extensions, sizeof(extensions));
	assert_non_null(fdt_getprop(tree, node, "riscv,cboz-block-size", NULL));
	assert_null(fdt_getprop(tree, node, "riscv,cbom-block-size", NULL));
	length = 0;
	fdt_for_each_subnode(node, tree, fdt_path_offset(tree, "/soc"))
	{
		if (!fdt_node_check_compatible(tree, node, "virtio,mmio"))
			length++;
	}
	assert_int_equal(length, 16);
	free(tree);
}

/* dtc is stricter than libfdt: it knows what buses and interrupt controllers must have. */
static void fdt_dtc(void **state)
{
	static const struct riscv64_fdt board = {.cpus = 8, .slots = 48, .ram_size = GIB, .cpu = &cpu};
	char path[] = "/tmp/mortise-dtb-XXXXXX", command[128];
	int fd = mkstemp(path), status;
	size_t size;
	void *tree;

	if (system("dtc --version >/dev/null 2>&1") != 0)
		fail_msg("dtc is missing: install device-tree-compiler");
	assert_int_equal(riscv64_fdt_build(&board, &tree, &size, NULL), 0);
	assert_int_equal(write(fd, tree, size), size);
	close(fd);
	snprintf(command, sizeof(command), "test -z \"$(dtc -I dtb -O dts -o /dev/null %s 2>&1)\"", path);
	status = system(command);
	unlink(path);
	free(tree);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plic_level, plic_setup, plic_teardown),
		cmocka_unit_test_setup_teardown(plic_priorities, plic_setup, plic_teardown),
		cmocka_unit_test_setup_teardown(plic_pulses, plic_setup, plic_teardown),
		cmocka_unit_test_setup_teardown(plic_hostile, plic_setup, plic_teardown),
		cmocka_unit_test(uart_loopback),
		cmocka_unit_test(uart_output),
		cmocka_unit_test(rtc_time),
		cmocka_unit_test(fdt),
		cmocka_unit_test(fdt_dtc),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
