/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/net-fixture.h - the registry of netdevs on the test's thread, and cards that claim them on threads of their own.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "backend/net.h"
#include "unit.h"

#define RIG_HEADER 12
#define RIG_FRAMES 4096

struct rig {
	struct loop *control;
	struct nets *nets;
	struct mortise_error error; /* of the last call that failed */
};

void rig_open(struct rig *rig);
void rig_close(struct rig *rig);
int rig_add(struct rig *rig, const char *options);
int rig_del(struct rig *rig, const char *id);

/* Adding these options must fail, and the message must name `what`. */
void rig_refuses(struct rig *rig, const char *options, int result, const char *what);

struct received {
	uint8_t *data; /* header first */
	size_t size;
};

/* Takes what comes, keeps it, and can be waited for. */
struct card {
	struct loop *loop;
	struct mortise_net *net;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct received frames[RIG_FRAMES];
	unsigned count;
	unsigned links, writables; /* events seen */
	bool link_up;
};

void card_plug(struct card *card, struct rig *rig, const char *id);
void card_unplug(struct card *card);

/* On the card's thread, waited for. card_send() adds a header that leaves nothing to do. */
int card_send(struct card *card, const void *frame, size_t size);
int card_send_raw(struct card *card, const void *frame, size_t size);
void card_poll(struct card *card, uint32_t events);
int card_offloads(struct card *card, uint32_t offloads);

unsigned card_count(struct card *card); /* frames so far */

/* Whether that many frames are there, or come within some milliseconds. */
bool card_has_frames(struct card *card, unsigned count, long milliseconds);

/* Fail the test when it takes longer than some seconds. */
void card_wait_frames(struct card *card, unsigned count);
void card_wait_link(struct card *card, bool up);
void card_wait_writable(struct card *card);

/* An Ethernet frame of `size` bytes, numbered. */
void make_frame(uint8_t *frame, size_t size, unsigned number);
bool is_frame(const struct received *received, size_t size, unsigned number);
