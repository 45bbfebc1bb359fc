/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - runs a fuzz target in `make check`: on each file of its corpus, and on mutations of them that are the same
 * every time. Linked instead of libFuzzer; the program replay-NAME takes tests/fuzz/corpus/NAME.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 300
#define INPUT_MAX (64 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

/* A copy of exactly `size` bytes, so that a sanitizer sees a read past the end. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static size_t mutate(uint8_t *data, size_t size)
{
	size_t at = size ? next_random() % size : 0, length = next_random() % 16;

	switch (next_random() % 5) {
	case 0: /* a bit */
		if (size)
			data[at] ^= (uint8_t)(1u << next_random() % 8);
		return size;
	case 1: /* a byte */
		if (size)
			data[at] = (uint8_t)next_random();
		return size;
	case 2: /* the end is cut off */
		return at;
	case 3: /* a piece is left out */
		if (at + length > size)
			return size;
		memmove(data + at, data + at + length, size - at - length);
		return size - length;
	default: /* a piece comes twice */
		if (at + length > size || size + length > INPUT_MAX)
			return size;
		memmove(data + at + length, data + at, size - at);
		return size + length;
	}
}

static void run_file(const char *path)
{
	static uint8_t original[INPUT_MAX], mutated[INPUT_MAX];
	FILE *file = fopen(path, "rbe");
	size_t size;

	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size = fread(original, 1, sizeof(original), file);
	fclose(file);
	run(original, size);
	for (int i = 0; i < MUTATIONS; i++) {
		size_t length = size;

		memcpy(mutated, original, size);
		for (uint32_t n = 1 + next_random() % 4; n; n--)
			length = mutate(mutated, length);
		run(mutated, length);
	}
}

int main(int argc, char **argv)
{
	const char *source = getenv("MORTISE_SOURCE"), *name = strrchr(argv[0], '/');
	char directory[2048], path[4096];
	struct dirent **files;
	int count, run_count = 0;

	name = name ? name + 1 : argv[0];
	if (strncmp(name, "lt-", 3) == 0)
		name += 3;
	snprintf(directory, sizeof(directory), "%s/tests/fuzz/corpus/%s", source ? source : ".",
		 strncmp(name, "replay-", 7) == 0 ? name + 7 : name);
	count = scandir(directory, &files, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (files[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", directory, files[i]->d_name);
			run_file(path);
			run_count++;
		}
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	printf("1..1\n%s 1 - %d files of %s\n", run_count ? "ok" : "not ok", run_count, directory);
	return run_count ? EXIT_SUCCESS : EXIT_FAILURE;
}
