/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-user-options.c - the options of user-mode networks.
 */
#include "backend/net-user.h"

#include <errno.h>

#include "base/util.h"

#define PORT_MAX 65535

static int parse_address(const char *key, const char *text, struct in_addr *out, struct mortise_error *err)
{
	if (inet_pton(AF_INET, text, out) != 1)
		return mortise_fail(err, -EINVAL, "Parameter '%s' is '%s', expected an IPv4 address", key, text);
	return 0;
}

/* "10.0.2.0/24"; with 27 bits there is room for the addresses below and some guests. */
static int parse_network(struct user_options *user, struct mortise_error *err)
{
	_cleanup_free_ char *copy = strdup(user->net);
	char *slash = copy ? strchr(copy, '/') : NULL;
	uint64_t bits = 24;
	int r;

	if (!copy)
		return mortise_fail(err, -ENOMEM, "Out of memory for parameter 'net'");
	if (slash) {
		*slash = '\0';
		if (parse_u64(slash + 1, &bits) < 0 || bits < 8 || bits > 27)
			return mortise_fail(err, -EINVAL, "Parameter 'net' is '%s', expected ADDRESS/8 to ADDRESS/27",
					    user->net);
	}
	r = parse_address("net", copy, &user->network, err);
	if (r < 0)
		return r;
	user->mask.s_addr = htonl(UINT32_MAX << (32 - bits));
	user->network.s_addr &= user->mask.s_addr;
	return 0;
}

/* An address given by the operator, or the network's `number`th. */
static int place(const struct user_options *user, const char *key, const char *text, uint32_t number,
		 struct in_addr *out, struct mortise_error *err)
{
	int r;

	out->s_addr = user->network.s_addr | htonl(number);
	if (!text)
		return 0;
	r = parse_address(key, text, out, err);
	if (r < 0)
		return r;
	if ((out->s_addr & user->mask.s_addr) != user->network.s_addr)
		return mortise_fail(err, -EINVAL, "Parameter '%s' is '%s', which is outside the network %s", key, text,
				    user->net);
	return 0;
}

/* One end of a forwarding, "[address]:port", cut out of `text`, which is altered. */
static int parse_end(char *text, struct in_addr *address, int *port, const char *whole, struct mortise_error *err)
{
	char *colon = strrchr(text, ':');
	uint64_t number;

	if (!colon || parse_u64(colon + 1, &number) < 0 || !number || number > PORT_MAX)
		return mortise_fail(err, -EINVAL, "'%s' forwards no port: expected 1 to %d after a colon", whole,
				    PORT_MAX);
	*colon = '\0';
	*port = (int)number;
	return *text ? parse_address("hostfwd", text, address, err) : 0;
}

int user_forward_parse(struct user_forward *out, const char *text, struct in_addr guest, struct mortise_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct user_forward forward = {.text = text, .guest = guest};
	char *host, *dash;
	int r;

	if (!copy)
		return mortise_fail(err, -ENOMEM, "Out of memory for parameter 'hostfwd'");
	host = strchr(copy, ':');
	dash = host ? strchr(host, '-') : NULL;
	if (!dash)
		return mortise_fail(
			err, -EINVAL,
			"'%s' is no forwarding: expected [tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT", text);
	*host++ = '\0';
	*dash++ = '\0';
	forward.udp = streq(copy, "udp");
	if (!forward.udp && *copy && !streq(copy, "tcp"))
		return mortise_fail(err, -EINVAL, "'%s' forwards protocol '%s', expected tcp or udp", text, copy);
	r = parse_end(host, &forward.host, &forward.host_port, text, err);
	if (r < 0)
		return r;
	r = parse_end(dash, &forward.guest, &forward.guest_port, text, err);
	if (r < 0)
		return r;
	*out = forward;
	return 0;
}

static int take_forwards(struct user_options *user, struct options *options, struct mortise_error *err)
{
	for (size_t i = 0; i < options->count; i++) {
		const char *key = options->items[i].key, *text;
		int r;

		if (!streq(key, "hostfwd") && !str_starts(key, "hostfwd."))
			continue;
		if (user->forward_count == USER_FORWARDS_MAX)
			return mortise_fail(err, -E2BIG, "More than %d ports are forwarded", USER_FORWARDS_MAX);
		r = options_string(options, key, &text, err);
		if (r < 0)
			return r;
		r = user_forward_parse(&user->forwards[user->forward_count], text, user->dhcp_address, err);
		if (r < 0)
			return r;
		user->forward_count++;
	}
	return 0;
}

int user_options_parse(struct user_options *user, struct options *options, struct mortise_error *err)
{
	int r;

	if (!user->ipv4 && !user->ipv6)
		return mortise_fail(err, -EINVAL, "Parameters 'ipv4' and 'ipv6' cannot both be off");
	r = parse_network(user, err);
	if (r < 0)
		return r;
	r = place(user, "host", user->host, 2, &user->host_address, err);
	if (r < 0)
		return r;
	r = place(user, "dns", user->dns, 3, &user->dns_address, err);
	if (r < 0)
		return r;
	r = place(user, "dhcpstart", user->dhcp_start, 15, &user->dhcp_address, err);
	if (r < 0)
		return r;
	return take_forwards(user, options, err);
}

void user_options_config(const struct user_options *user, SlirpConfig *config)
{
	config->restricted = user->restricted;
	config->in_enabled = user->ipv4;
	config->vnetwork = user->network;
	config->vnetmask = user->mask;
	config->vhost = user->host_address;
	config->vdhcp_start = user->dhcp_address;
	config->vnameserver = user->dns_address;
	config->vhostname = user->hostname;
	config->vdomainname = user->domain;
	config->in6_enabled = user->ipv6;
	config->vprefix_len = 64;
	inet_pton(AF_INET6, "fec0::", &config->vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &config->vhost6);
	inet_pton(AF_INET6, "fec0::3", &config->vnameserver6);
}

int user_options_forward(const struct user_options *user, Slirp *slirp, struct mortise_error *err)
{
	for (unsigned i = 0; i < user->forward_count; i++) {
		const struct user_forward *forward = &user->forwards[i];

		errno = 0;
		if (slirp_add_hostfwd(slirp, forward->udp, forward->host, forward->host_port, forward->guest,
				      forward->guest_port) < 0)
			return mortise_fail(err, errno ? -errno : -EADDRINUSE, "Could not forward '%s': %s",
					    forward->text, strerror(errno ? errno : EADDRINUSE));
	}
	return 0;
}

void user_options_describe(const struct user_options *user, char *out, size_t size)
{
	snprintf(out, size, "net=%s,restrict=%s,forwards=%u", user->net, user->restricted ? "on" : "off",
		 user->forward_count);
}
