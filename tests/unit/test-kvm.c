/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-kvm.c - the kvm accelerator with guests of a few bytes. It needs /dev/kvm: scripts/with-kvm.
 */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>

#include "accel/accel.h"

#define CODE 0x10000
#define TABLES 0x20000
#define DATA 0x30000
#define WINDOW 0xd0000000
#define PORT 0x500
#define END_PORT 0x510
#define IRQ_GSI 10

/*
 * The guests. Each is copied to CODE; all that they tell arrives at WINDOW and PORT, and a write to END_PORT asks for a
 * reset.
 */
__asm__(".section .rodata\n"
	/* 32-bit: ebx, a string, an access that nobody answers, the hypervisor bit. */
	".code32\n"
	"pvh:	mov %ebx, 0xd0000000\n"
	"	mov $0x30000, %esi\n"
	"	mov $5, %ecx\n"
	"	mov $0x500, %edx\n"
	"	cld\n"
	"	rep outsb\n"
	"	in $0x80, %al\n"
	"	movzx %al, %eax\n"
	"	mov %eax, 0xd0000004\n"
	"	mov 0xd8000000, %eax\n"
	"	mov %eax, 0xd0000008\n"
	"	mov $1, %eax\n"
	"	cpuid\n"
	"	shr $31, %ecx\n"
	"	mov %ecx, 0xd000000c\n"
	"	mov $0x510, %edx\n"
	"	out %al, %dx\n"
	"	movl $0xbad, 0xd0000000\n"
	"1:	jmp 1b\n"
	"pvh_end:\n"
	/* 64-bit: rsi, and an 8-byte store. */
	".code64\n"
	"wide:	mov $0xd0000000, %ebx\n"
	"	mov %rsi, (%rbx)\n"
	"	mov 16(%rbx), %rax\n"
	"	mov %rax, 24(%rbx)\n"
	"	mov $0x510, %edx\n"
	"	out %al, %dx\n"
	"1:	jmp 1b\n"
	"wide_end:\n"
	/* A fault without a handler, of which there is none either. */
	".code32\n"
	"triple: ud2\n"
	"triple_end:\n"
	/* Counts for ever, in memory, and reads a register now and then. */
	"spin:	incl 0x30000\n"
	"	testl $0xff, 0x30000\n"
	"	jnz spin\n"
	"	mov 0xd0000010, %eax\n"
	"	cmp $0x1234, %eax\n"
	"	je spin\n"
	"	movl $0xbad, 0xd0000000\n"
	"	jmp spin\n"
	"spin_end:\n"
	/* Notifies twice, with two values, then ends. */
	"kick:	movl $0, 0xd0000050\n"
	"	movl $1, 0xd0000050\n"
	"	mov $0x510, %edx\n"
	"	out %al, %dx\n"
	"1:	jmp 1b\n"
	"kick_end:\n"
	/* Is open to interrupts, of which none has a handler. */
	"open_guest:	sti\n"
	"	nop\n"
	"	movl $0x900d, 0xd0000000\n"
	"	mov $0x510, %edx\n"
	"	out %al, %dx\n"
	"1:	jmp 1b\n"
	"open_guest_end:\n"
	".code64\n"
	".text\n");
extern const char pvh[], pvh_end[], wide[], wide_end[], triple[], triple_end[], spin[], spin_end[], kick[], kick_end[];
extern const char open_guest[], open_guest_end[];

struct rig {
	struct ram *ram;
	struct mmio_map mmio, pio;
	struct accel *accel;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool paused;
	unsigned requests;
	enum accel_guest_request request;
	uint64_t window[16]; /* what was written, by offset / 4 */
	unsigned writes;
	char text[16];
	unsigned length;
};

static struct rig *rig;

static uint64_t window_read(void *opaque, uint64_t offset, unsigned width)
{
	return offset == 16 ? width == 8 ? UINT64_C(0x123456789abcdef0) : 0x1234 : 0;
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	if (offset / 4 < ARRAY_SIZE(rig->window))
		rig->window[offset / 4] = value;
	__atomic_fetch_add(&rig->writes, 1, __ATOMIC_SEQ_CST);
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned width)
{
	return 0;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	if (offset == END_PORT - PORT)
		accel_guest_request(rig->accel, ACCEL_GUEST_REBOOT);
	else if (rig->length < sizeof(rig->text))
		rig->text[rig->length++] = (char)value;
}

static const struct mmio_ops window_ops = {.read = window_read, .write = window_write};
static const struct mmio_ops port_ops = {.read = port_read, .write = port_write};

static void on_request(void *opaque, enum accel_guest_request request)
{
	pthread_mutex_lock(&rig->lock);
	rig->requests++;
	rig->request = request;
	pthread_cond_broadcast(&rig->changed);
	pthread_mutex_unlock(&rig->lock);
}

static void on_paused(void *opaque)
{
	pthread_mutex_lock(&rig->lock);
	rig->paused = true;
	pthread_cond_broadcast(&rig->changed);
	pthread_mutex_unlock(&rig->lock);
}

static void make(unsigned cpus)
{
	struct accel_config config = {
		.arch = ACCEL_X86_64, .cpu_count = cpus, .events = {.guest_request = on_request, .paused = on_paused}};
	struct mmio_region window = {.name = "window", .base = WINDOW, .size = 0x1000, .ops = &window_ops};
	struct mmio_region ports = {.name = "ports", .base = PORT, .size = 0x20, .ops = &port_ops};
	const struct accel_ops *ops;
	struct mortise_error err = {0};

	rig = calloc(1, sizeof(*rig));
	pthread_mutex_init(&rig->lock, NULL);
	pthread_cond_init(&rig->changed, NULL);
	assert_int_equal(ram_new(&rig->ram, 128 * MIB, false, &err), 0);
	assert_int_equal(ram_map(rig->ram, 0, 64 * MIB, &err), 0);
	assert_int_equal(ram_map(rig->ram, 4 * GIB, 64 * MIB, &err), 0);
	assert_int_equal(mmio_add(&rig->mmio, &window, &err), 0);
	assert_int_equal(mmio_add(&rig->pio, &ports, &err), 0);
	config.ram = rig->ram;
	config.mmio = &rig->mmio;
	config.pio = &rig->pio;
	if (accel_select(&ops, "kvm", ACCEL_X86_64, &err) < 0 || ops->create(&rig->accel, &config, &err) < 0)
		fail_msg("%s", err.message);
	if (rig->accel->start(rig->accel, &err) < 0)
		fail_msg("%s", err.message);
}

static int setup(void **state)
{
	make(1);
	return 0;
}

static int setup_many(void **state)
{
	make(64);
	return 0;
}

static void pause_vcpus(void)
{
	rig->paused = false;
	rig->accel->pause(rig->accel);
	pthread_mutex_lock(&rig->lock);
	while (!rig->paused)
		pthread_cond_wait(&rig->changed, &rig->lock);
	pthread_mutex_unlock(&rig->lock);
}

static int teardown(void **state)
{
	pause_vcpus();
	rig->accel->destroy(rig->accel);
	ram_free(rig->ram);
	pthread_cond_destroy(&rig->changed);
	pthread_mutex_destroy(&rig->lock);
	free(rig);
	return 0;
}

/* Puts a guest into memory and the vCPUs, which rest, at its start. */
static void load(const char *code, const char *end, enum accel_entry_kind kind, uint64_t argument)
{
	memcpy(ram_at(rig->ram, CODE, (size_t)(end - code)), code, (size_t)(end - code));
	rig->accel->reset(rig->accel,
			  &(struct accel_entry){.kind = kind, .pc = CODE, .arg0 = argument, .page_table = TABLES});
}

static void await_requests(unsigned count)
{
	pthread_mutex_lock(&rig->lock);
	while (rig->requests < count)
		pthread_cond_wait(&rig->changed, &rig->lock);
	pthread_mutex_unlock(&rig->lock);
}

static void protected_mode(void **state)
{
	memcpy(ram_at(rig->ram, DATA, 5), "hello", 5);
	/* Again and again: each reset starts from the same state, whatever the guest left half done. */
	for (unsigned i = 1; i <= 20; i++) {
		rig->length = 0;
		memset(rig->window, 0, sizeof(rig->window));
		load(pvh, pvh_end, ACCEL_ENTRY_X86_PVH, 0x5eed0000 + i);
		rig->accel->resume(rig->accel);
		await_requests(i);
		pause_vcpus();
		assert_int_equal(rig->request, ACCEL_GUEST_REBOOT);
		assert_int_equal(rig->window[0], 0x5eed0000 + i); /* and not what follows the request */
		assert_int_equal(rig->length, 5);
		assert_memory_equal(rig->text, "hello", 5);
		assert_int_equal(rig->window[1], 0xff);
		assert_int_equal(rig->window[2], UINT32_MAX);
		assert_int_equal(rig->window[3], 1);
	}
}

/* Maps the first 4 GiB one to one, by pages of 2 MiB. */
static void map_low(void)
{
	uint64_t *top = ram_at(rig->ram, TABLES, 4096), *upper = ram_at(rig->ram, TABLES + 4096, 4096);
	uint64_t *lower = ram_at(rig->ram, TABLES + 8192, 4 * 4096);

	top[0] = (TABLES + 4096) | 3;
	for (uint64_t i = 0; i < 4; i++)
		upper[i] = (TABLES + 8192 + i * 4096) | 3;
	for (uint64_t i = 0; i < 4 * 512; i++)
		lower[i] = i << 21 | 0x83;
}

static void long_mode(void **state)
{
	map_low();
	load(wide, wide_end, ACCEL_ENTRY_X86_LONG, UINT64_C(0xfeedfacecafe));
	rig->accel->resume(rig->accel);
	await_requests(1);
	assert_int_equal(rig->window[0], UINT64_C(0xfeedfacecafe));
	assert_int_equal(rig->window[6], UINT64_C(0x123456789abcdef0));
}

static void triple_fault(void **state)
{
	load(triple, triple_end, ACCEL_ENTRY_X86_PVH, 0);
	rig->accel->resume(rig->accel);
	await_requests(1);
	assert_int_equal(rig->request, ACCEL_GUEST_REBOOT);
}

static uint32_t counter(void)
{
	return __atomic_load_n((uint32_t *)ram_at(rig->ram, DATA, 4), __ATOMIC_SEQ_CST);
}

/* No access is lost or done twice by a kick, and a resting guest does not run. */
static void pause_and_resume(void **state)
{
	uint32_t first;

	*(uint32_t *)ram_at(rig->ram, DATA, 4) = 0;
	load(spin, spin_end, ACCEL_ENTRY_X86_PVH, 0);
	for (unsigned i = 0; i < 300; i++) {
		first = counter();
		rig->accel->resume(rig->accel);
		while (i % 3 == 0 && counter() == first)
			sched_yield();
		pause_vcpus();
	}
	first = counter();
	assert_int_not_equal(first, 0);
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	assert_int_equal(counter(), first);
	assert_int_equal(rig->writes, 0);
}

static void notify(void **state)
{
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct mortise_error err = {0};
	uint64_t value = 0;

	assert_int_equal(rig->accel->notify_fd(rig->accel, WINDOW + 0x50, 4, 1, fd, true, &err), 0);
	load(kick, kick_end, ACCEL_ENTRY_X86_PVH, 0);
	rig->accel->resume(rig->accel);
	await_requests(1);
	pause_vcpus();
	assert_int_equal(read(fd, &value, sizeof(value)), sizeof(value));
	assert_int_equal(value, 1);
	assert_int_equal(rig->writes, 1); /* the other value */
	assert_int_equal(rig->accel->notify_fd(rig->accel, WINDOW + 0x50, 4, 1, fd, false, &err), 0);
	load(kick, kick_end, ACCEL_ENTRY_X86_PVH, 0);
	rig->accel->resume(rig->accel);
	await_requests(2);
	pause_vcpus();
	assert_int_equal(rig->writes, 3);
	assert_int_equal(rig->accel->notify_fd(rig->accel, WINDOW + 0x50, 4, 1, fd, false, &err), -ENOENT);
	assert_names(&err, "0xd0000050");
	close(fd);
}

static void interrupt_fd(void **state)
{
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct mortise_error err = {0};

	assert_int_equal(rig->accel->irq_fd(rig->accel, IRQ_GSI, fd, &err), 0);
	assert_int_equal(rig->accel->irq_fd(rig->accel, IRQ_GSI, fd, &err), -EBUSY);
	assert_names(&err, "GSI 10");
	close(fd);
}

/* KVM's 8259s reach no guest: neither with what happens now nor with what happened before a reset. */
static void no_8259s(void **state)
{
	for (unsigned i = 1; i <= 2; i++) {
		rig->window[0] = 0;
		rig->accel->set_gsi(rig->accel, IRQ_GSI, true);
		rig->accel->set_gsi(rig->accel, IRQ_GSI, false);
		load(open_guest, open_guest_end, ACCEL_ENTRY_X86_PVH, 0);
		if (i == 2)
			rig->accel->set_gsi(rig->accel, IRQ_GSI, true);
		rig->accel->resume(rig->accel);
		await_requests(i);
		pause_vcpus();
		assert_int_equal(rig->window[0], 0x900d); /* and not a triple fault */
	}
}

static void all_vcpus(void **state)
{
	load(spin, spin_end, ACCEL_ENTRY_X86_PVH, 0);
	for (unsigned i = 0; i < 20; i++) {
		rig->accel->resume(rig->accel);
		pause_vcpus();
		load(spin, spin_end, ACCEL_ENTRY_X86_PVH, 0);
	}
}

static void other_guests(void **state)
{
	const struct accel_ops *ops;
	struct mortise_error err = {0};

	assert_int_equal(accel_select(&ops, "kvm", ACCEL_RISCV64, &err), -ENOTSUP);
	assert_names(&err, "x86_64");
	assert_int_equal(accel_select(&ops, "kvm:soft", ACCEL_RISCV64, &err), 0);
	assert_string_equal(ops->name, "soft");
	assert_int_equal(accel_select(&ops, "kvm:soft", ACCEL_X86_64, &err), 0);
	assert_string_equal(ops->name, "kvm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(protected_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(long_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(triple_fault, setup, teardown),
		cmocka_unit_test_setup_teardown(pause_and_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(notify, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupt_fd, setup, teardown),
		cmocka_unit_test_setup_teardown(no_8259s, setup, teardown),
		cmocka_unit_test_setup_teardown(all_vcpus, setup_many, teardown),
		cmocka_unit_test(other_guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
