/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/char.h - streams of bytes to and from somebody outside: a console's socket, a file.
 */
#ifndef MORTISE_CHAR_H
#define MORTISE_CHAR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A chardev that the host has claimed for an instance; opaque. */
struct mortise_chardev;

enum mortise_char_event {
	MORTISE_CHAR_READABLE = 1u << 0,
	MORTISE_CHAR_WRITABLE = 1u << 1,
	MORTISE_CHAR_PEER = 1u << 2, /* somebody came or went: char_info() tells; always reported */
	MORTISE_CHAR_SIZE = 1u << 3  /* the terminal there has another size: char_info() tells; always reported */
};

/* What a chardev is. Fill `struct_size` before asking; the host fills no more than that many bytes. */
struct mortise_char_info {
	uint32_t struct_size;
	uint32_t connected; /* 0 or 1: whether there is somebody at the other end */
	uint16_t columns;   /* of the terminal there, in characters; 0: unknown. ABI 1.1, as is the next */
	uint16_t rows;
};

/*
 * The services in struct mortise_host, all on the instance's thread, none of them blocking:
 *
 * char_read(chardev, data, room): takes what has come in, straight into `data` (a chain's buffer, say). The number of
 *     bytes; -EAGAIN: nothing there, ask char_poll() for READABLE; -ENOTCONN: nobody is at the other end. What is not
 *     read stays with whoever sends it, who has to wait.
 * char_write(chardev, data, size): sends bytes. The number of those taken, which may be less than `size`; -EAGAIN:
 *     none, ask char_poll() for WRITABLE and try again; -ENOTCONN: nobody is at the other end, and the bytes are lost.
 * char_poll(chardev, events): tells which of READABLE and WRITABLE are wanted, level-triggered; replaces the earlier
 *     wish. None at first. Somebody who comes or goes is told in any case, and a new size. While the instance is
 *     quiesced nothing is told: resume() asks char_info() and calls char_poll() anew. A file is always WRITABLE and
 *     never READABLE.
 */

#ifdef __cplusplus
}
#endif

#endif
