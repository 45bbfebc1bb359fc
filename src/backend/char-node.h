/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/char-node.h - what the registry of chardevs and their claims share.
 */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "backend/char.h"

/* The binding of a chardev to the loop of the device that has claimed it; outlives the claim by one task. */
struct char_claim {
	struct mortise_chardev *chardev;
	struct loop *loop;
	char *owner;
	bool (*ready)(void *opaque, struct mortise_chardev *chardev, uint32_t events);
	void *opaque;

	/*
	 * Held by the loop's thread from an event until it has been dealt with, callback included, and to release:
	 * which comes after the device's last callback, so that nobody waits for a plugin here.
	 */
	pthread_mutex_t lock;
	bool released; /* guarded by `lock`: the chardev and `opaque` are not to be touched any more */

	/* The loop's thread. */
	struct event *listening, *connection; /* NULL: not made yet, not needed */
	uint32_t wanted;		      /* events of char_poll() */
	uint32_t news;			      /* events to be told by `tell` */
	bool telling;			      /* `tell` is posted */
	bool half_closed;		      /* the peer sends no more; what it sent is still to be read */
	struct event *redial;		      /* the next attempt to connect; NULL: there was none yet */
	bool dialled;			      /* the device connects by itself: char_connect() */
	struct task start, tell, resized, end;
	_Atomic bool resizing; /* `resized` is posted */
};

struct mortise_chardev {
	struct chars *chars;
	_Atomic unsigned users; /* the registry, and claims until their loops have let go of the descriptors */
	struct mortise_chardev *next;
	char *id, *path, *filename;
	bool socket;		  /* else a file */
	int listen_fd;		  /* -1: no server */
	unsigned reconnect_ms;	  /* of a client: between attempts to connect; 0: there is one, at first */
	bool foreign;		  /* somebody else is the server at `path`, so that we could not be */
	dev_t device;		  /* of the listening socket's file, and */
	ino_t inode;		  /* with it: whether it is still ours to remove */
	int fd;			  /* the other end; -1: nobody. The claim's loop's */
	_Atomic uint32_t size;	  /* columns << 16 | rows */
	struct char_claim *claim; /* control thread, and the claim's own loop */
};

/* Frees it and closes its descriptors, when it is the last user that lets go. Any thread. */
struct mortise_chardev *char_put(struct mortise_chardev *chardev);

/* Listens no more; the socket's file goes along, unless another has taken its place. */
void char_unlisten(struct mortise_chardev *chardev);

/* Connects to the server at `path`. */
int char_dial(struct mortise_chardev *chardev, struct mortise_error *err);
