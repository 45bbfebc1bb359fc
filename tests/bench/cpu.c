/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest does with its CPU, each kind of work by itself: prints a line a row, `NAME VALUE`. Built statically, so
 * that the same source runs in any guest and on the host.
 *
 * usage: cpu [NAME...]
 *        cpu text MEGABYTES
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

static void crc_twice(uint8_t *data)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, crc_thread, data);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* How much faster two threads are than one, once both harts know the work. */
static double two_harts(void)
{
	uint8_t *data = malloc(CRC_SIZE);
	double one, two;

	memset(data, 0x5a, CRC_SIZE);
	crc_twice(data);
	one = now();
	for (int i = 0; i < 8; i++)
		crc_thread(data);
	one = now() - one;
	two = now();
	for (int round = 0; round < 4; round++)
		crc_twice(data);
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

struct node {
	struct node *next;
	int16_t value, key;
};

/* Turns a list round and sums up every value that comes before a greater one. */
static unsigned list_work(struct node **head)
{
	struct node *turned = NULL, *next;
	unsigned sum = 0;

	for (struct node *node = *head; node; node = next) {
		next = node->next;
		node->next = turned;
		turned = node;
	}
	*head = turned;
	for (struct node *node = turned; node->next; node = node->next)
		if (node->value < node->next->value)
			sum += (unsigned)node->value ^ (unsigned)node->key++;
	return sum;
}

enum { SIDE = 12 };

static unsigned matrix_work(int16_t left[SIDE][SIDE], int16_t right[SIDE][SIDE], int seed)
{
	unsigned sum = 0;

	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			int32_t product = seed;

			for (int k = 0; k < SIDE; k++)
				product += left[i][k] * right[k][j];
			left[i][j] = (int16_t)(left[i][j] + (product >> 5));
			sum += (unsigned)product;
		}
	return sum;
}

/* Counts the numbers of each kind in a text, by a machine of states. */
static unsigned state_work(const char *text)
{
	enum { START, SIGN, INTEGER, POINT, EXPONENT, WORD, STATES } state = START;
	unsigned counts[STATES] = {0}, sum = 0;

	for (; *text; text++) {
		if (*text == ' ') {
			counts[state]++;
			state = START;
			continue;
		}
		switch (state) {
		case START:
			state = *text == '-' || *text == '+' ? SIGN : *text >= '0' && *text <= '9' ? INTEGER : WORD;
			break;
		case SIGN:
		case INTEGER:
			state = *text == '.' ? POINT : *text >= '0' && *text <= '9' ? INTEGER : WORD;
			break;
		case POINT:
			state = *text == 'e' ? EXPONENT : *text >= '0' && *text <= '9' ? POINT : WORD;
			break;
		default:
			break;
		}
	}
	for (int i = 0; i < STATES; i++)
		sum = sum * 31 + counts[i];
	return sum;
}

/* What programs of small devices do all day. */
static double mixture(void)
{
	enum { N = 20000, NODES = 80 };
	static int16_t left[SIDE][SIDE], right[SIDE][SIDE];
	static struct node nodes[NODES];
	const char *text = "12 -7 3.25 4.5e2 +11 x1 1.2e4 -0.5 word 77 8 -9.125e3 0 hello 42 6.02e23 ";
	struct node *head = nodes;
	unsigned sum = 0;
	double start;

	for (int i = 0; i < NODES; i++)
		nodes[i] = (struct node){i + 1 < NODES ? &nodes[i + 1] : NULL, (int16_t)(noise() >> 17), 0};
	for (int i = 0; i < SIDE * SIDE; i++) {
		left[i / SIDE][i % SIDE] = (int16_t)(noise() >> 20);
		right[i / SIDE][i % SIDE] = (int16_t)(noise() >> 24);
	}
	start = now();
	for (int i = 0; i < N; i++) {
		sum += list_work(&head);
		sum += matrix_work(left, right, i);
		sum += state_work(text);
		sum = crc_bits((const uint8_t *)&sum, sizeof(sum));
	}
	sink += sum;
	return N / (now() - start) / 1000;
}

struct record {
	struct record *next;
	int kind, number;
	char name[32];
};

__attribute__((noinline)) static int order(const struct record *a, const struct record *b)
{
	int order = strcmp(a->name, b->name);

	return order ? order : a->number - b->number;
}

__attribute__((noinline)) static void advance(struct record *record, int by)
{
	struct record *next = record->next;

	*next = *record;
	next->next = record;
	next->number = record->number + by;
	next->kind = record->kind > 2 ? 0 : record->kind + 1;
}

/* Calls, copies of records, comparisons of strings. */
static double records(void)
{
	enum { N = 2000000 };
	static struct record two[2];
	struct record *record = two;
	double start;
	int sum = 0;

	two[0] = (struct record){.next = &two[1], .name = "of all names the first, or so"};
	two[1] = (struct record){.next = &two[0], .name = "of all names the second, or so"};
	start = now();
	for (int i = 0; i < N; i++) {
		advance(record, i & 7);
		sum += order(record, record->next);
		record = record->next;
		if (record->kind == 3)
			record->name[20] ^= 1;
	}
	sink += (unsigned)sum;
	return N / (now() - start) / 1000;
}

/* Writes megabytes of words, for other programs to work on. */
static int write_text(unsigned megabytes)
{
	static char buffer[1 << 20];

	for (; megabytes; megabytes--) {
		for (size_t at = 0; at + 8 < sizeof(buffer);) {
			uint32_t word = noise() >> 8;

			/* Some words are frequent. */
			word = word & 1 ? word % 61 : word % 9973;
			at += (size_t)snprintf(buffer + at, 9, "%x%c", word * 2654435, word % 13 ? ' ' : '\n');
		}
		if (fwrite(buffer, 1, sizeof(buffer), stdout) != sizeof(buffer))
			return 1;
	}
	return 0;
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
	{"crc", crc},	       {"sieve", sieve},	   {"qsort", sort},	     {"matmul", matrix},
	{"libm", mathematics}, {"fib", fibonacci},	   {"sha256", sha256},	     {"mixture", mixture},
	{"records", records},  {"syscalls", system_calls}, {"forkexec", fork_exec},  {"faults", page_faults},
	{"pipe", pipes},       {"memcpy", copying},	   {"oversleep", oversleep}, {"harts", two_harts},
};

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "text") == 0)
		return write_text((unsigned)strtoul(argv[2], NULL, 10));
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int j = 1; j < argc || argc == 1; j++)
			if (argc == 1 || strcmp(argv[j], rows[i].name) == 0) {
				printf("%s %.6g\n", rows[i].name, rows[i].measure());
				fflush(stdout);
				break;
			}
	return 0;
}
