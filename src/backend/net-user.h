/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-user.h - the options of user-mode networks: from text to what libslirp takes.
 */
#pragma once

#include <libslirp.h>

#include "base/options.h"

#define USER_FORWARDS_MAX 64

struct user_forward {
	const char *text; /* as given, for messages */
	bool udp;
	struct in_addr host, guest;
	int host_port, guest_port;
};

struct user_options {
	/* From the table; borrowed. */
	uint8_t ipv4, ipv6, restricted;
	const char *net, *host, *dhcp_start, *dns, *hostname, *domain;
	const char *ignored; /* hostfwd's place in the table */

	/* From user_options_parse(). */
	struct in_addr network, mask, host_address, dhcp_address, dns_address;
	struct user_forward forwards[USER_FORWARDS_MAX];
	unsigned forward_count;
};

/* Checks the addresses and takes hostfwd, hostfwd.0, hostfwd.0.str and the like. */
int user_options_parse(struct user_options *user, struct options *options, struct mortise_error *err);

/* "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport"; `guest` is the address when there is none. */
int user_forward_parse(struct user_forward *out, const char *text, struct in_addr guest, struct mortise_error *err);

void user_options_config(const struct user_options *user, SlirpConfig *config);

/* Opens the forwarded ports; the message names the one that is in use. */
int user_options_forward(const struct user_options *user, Slirp *slirp, struct mortise_error *err);

void user_options_describe(const struct user_options *user, char *out, size_t size);
