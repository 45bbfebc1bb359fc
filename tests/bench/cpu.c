/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest does with its CPU, each kind of work by itself: prints a line a row, `NAME VALUE`. Built statically, so
 * that the same source runs in any guest and on the host.
 *
 * usage: cpu [NAME...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t sink; /* results end here, so that computing them is needed */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static uint32_t noise(void)
{
	static uint32_t state = 1;

	return state = state * 1664525 + 1013904223;
}

static uint32_t crc_bits(const uint8_t *data, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
	}
	return ~crc;
}

#define CRC_SIZE (4 << 20)

static void *crc_thread(void *arg)
{
	sink += crc_bits(arg, CRC_SIZE);
	return NULL;
}

static double crc(void)
{
	uint8_t *data = malloc(CRC_SIZE);
	double start;

	memset(data, 0x5a, CRC_SIZE);
	start = now();
	crc_thread(data);
	start = now() - start;
	free(data);
	return start;
}

/* How much faster two threads are than one. */
static double two_harts(void)
{
	uint8_t *data = malloc(CRC_SIZE);
	pthread_t threads[2];
	double one, two;

	memset(data, 0x5a, CRC_SIZE);
	one = now();
	for (int i = 0; i < 4; i++)
		crc_thread(data);
	one = now() - one;
	two = now();
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2; i++)
			pthread_create(&threads[i], NULL, crc_thread, data);
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
	}
	two = now() - two;
	free(data);
	return one / two;
}

static double sieve(void)
{
	enum { N = 5000000 };
	char *composite = malloc(N);
	double start;

	memset(composite, 1, N);
	start = now();
	for (int round = 0; round < 3; round++) {
		memset(composite, 0, N);
		for (int i = 2; i * i < N; i++)
			if (!composite[i])
				for (int j = i * i; j < N; j += i)
					composite[j] = 1;
		sink += composite[N - 1];
	}
	start = now() - start;
	free(composite);
	return start;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double sort(void)
{
	enum { N = 1000000 };
	uint32_t *numbers = malloc(N * sizeof(*numbers));
	double start;

	for (int i = 0; i < N; i++)
		numbers[i] = noise();
	start = now();
	qsort(numbers, N, sizeof(*numbers), compare);
	start = now() - start;
	sink += numbers[N / 2];
	free(numbers);
	return start;
}

static double matrix(void)
{
	enum { N = 160 };
	static double a[N][N], b[N][N], c[N][N];
	double start;

	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = noise() * 1e-9;
			b[i][j] = noise() * 1e-9;
		}
	start = now();
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			double sum = 0;

			for (int k = 0; k < N; k++)
				sum += a[i][k] * b[k][j];
			c[i][j] = sum;
		}
	start = now() - start;
	sink += (uint64_t)c[N - 1][N - 1];
	return start;
}

static double mathematics(void)
{
	double start = now(), sum = 0;

	for (int i = 1; i <= 100000; i++)
		sum += sin(i * 0.001) + exp(-i * 1e-5) + log(i);
	sink += (uint64_t)sum;
	return now() - start;
}

__attribute__((noinline)) static unsigned fib(unsigned n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static double fibonacci(void)
{
	double start = now();

	sink += fib(32);
	return now() - start;
}

static double system_calls(void)
{
	enum { N = 300000 };
	double start = now();

	for (int i = 0; i < N; i++)
		sink += syscall(SYS_getppid);
	return N / (now() - start) / 1000;
}

static double fork_exec(void)
{
	enum { N = 100 };
	double start = now();

	for (int i = 0; i < N; i++) {
		pid_t child = fork();

		if (child == 0) {
			execl("/proc/self/exe", "cpu", "none", NULL);
			_exit(1);
		}
		waitpid(child, NULL, 0);
	}
	return N / (now() - start);
}

static double page_faults(void)
{
	enum { N = 8000 };
	char *memory = mmap(NULL, N * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double start = now();

	madvise(memory, N * 4096, MADV_NOHUGEPAGE);
	for (int i = 0; i < N; i++)
		memory[i * 4096] = 1;
	start = now() - start;
	munmap(memory, N * 4096);
	return N / start / 1000;
}

static double pipes(void)
{
	enum { N = 10000 };
	int there[2], back[2];
	char byte = 0;
	double start;
	pid_t child;

	if (pipe(there) < 0 || pipe(back) < 0 || (child = fork()) < 0)
		exit(1);
	if (child == 0) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			if (write(back[1], &byte, 1) != 1)
				break;
		_exit(0);
	}
	start = now();
	for (int i = 0; i < N; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			exit(1);
	start = now() - start;
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	waitpid(child, NULL, 0);
	return N / start / 1000;
}

static double copying(void)
{
	enum { SIZE = 1 << 20, N = 400 };
	char *from = malloc(SIZE), *to = malloc(SIZE);
	double start;

	memset(from, 1, SIZE);
	memset(to, 2, SIZE);
	start = now();
	for (int i = 0; i < N; i++) {
		memcpy(to, from, SIZE);
		sink += to[i];
	}
	start = now() - start;
	free(from);
	free(to);
	return (double)SIZE * N / start / 1e9;
}

static uint32_t rotate(uint32_t value, int by)
{
	return value >> by | value << (32 - by);
}

/* FIPS 180-4's compression on constants made up here: the work is the same. */
static double sha256(void)
{
	enum { SIZE = 32 << 20 };
	static uint32_t k[64], w[64];
	uint32_t h[8];
	double start = now();

	for (int i = 0; i < 64; i++)
		k[i] = noise();
	for (int i = 0; i < 8; i++)
		h[i] = noise();
	for (int block = 0; block < SIZE / 64; block++) {
		uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7];

		for (int i = 0; i < 16; i++)
			w[i] = (uint32_t)(block * 16 + i);
		for (int i = 16; i < 64; i++)
			w[i] = w[i - 16] + w[i - 7] + (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
			       (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
		for (int i = 0; i < 64; i++) {
			uint32_t one = last + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) +
				       k[i] + w[i];
			uint32_t two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));

			last = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
		}
		h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += last;
	}
	sink += h[0];
	return now() - start;
}

static volatile int stop;

static void *spin(void *arg)
{
	while (!stop)
		sink++;
	return NULL;
}

/* By how many milliseconds a sleep of 2 is too long while something else is to run. */
static double oversleep(void)
{
	enum { N = 100 };
	const struct timespec two = {.tv_nsec = 2000000};
	pthread_t busy;
	double start;

	stop = 0;
	pthread_create(&busy, NULL, spin, NULL);
	start = now();
	for (int i = 0; i < N; i++)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &two, NULL);
	start = now() - start;
	stop = 1;
	pthread_join(busy, NULL);
	return start * 1000 / N - 2;
}

static const struct row {
	const char *name;
	double (*measure)(void);
} rows[] = {
	{"crc", crc},
	{"sieve", sieve},
	{"qsort", sort},
	{"matmul", matrix},
	{"libm", mathematics},
	{"fib", fibonacci},
	{"sha256", sha256},
	{"syscalls", system_calls},
	{"forkexec", fork_exec},
	{"faults", page_faults},
	{"pipe", pipes},
	{"memcpy", copying},
	{"oversleep", oversleep},
	{"harts", two_harts},
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int j = 1; j < argc || argc == 1; j++)
			if (argc == 1 || strcmp(argv[j], rows[i].name) == 0) {
				printf("%s %.6g\n", rows[i].name, rows[i].measure());
				fflush(stdout);
				break;
			}
	return 0;
}
