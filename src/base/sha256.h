/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/sha256.h - SHA-256 (FIPS 180-4) of a file, to tell by name what was loaded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX_SIZE 65 /* 64 hex digits and the NUL */

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes so far */
	uint8_t block[64];
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t size);
void sha256_hex(struct sha256 *sha, char hex[SHA256_HEX_SIZE]); /* ends it */

/* The whole file's, whatever its offset is; 0 or a negative errno. */
int sha256_file(int fd, char hex[SHA256_HEX_SIZE]);
