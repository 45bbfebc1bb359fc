/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties.c - each property at its edges and beyond; then several at a time.
 */
#include <inttypes.h>
#include <string.h>

#include "base/properties.h"
#include "base/util.h"
#include "phases.h"

#define VALUES_MAX 24
#define LONG 4095 /* bytes of a string that nobody expects */

struct edges {
	unsigned count;
	char *values[VALUES_MAX];
};

static void add(struct edges *edges, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		phase_no_memory();
	if (edges->count < VALUES_MAX)
		edges->values[edges->count++] = copy;
}

static void add_number(struct edges *edges, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	add(edges, text);
}

static void add_numbers(struct edges *edges, const struct mortise_property *property)
{
	const uint32_t bits = 8 * property_storage(property->type);
	const uint64_t most = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;
	const uint64_t max = property->max ? MIN(property->max, most) : most;
	const uint64_t numbers[] = {property->min,
				    property->min + 1,
				    property->min - 1,
				    max,
				    max - 1,
				    max + 1,
				    0,
				    1,
				    most,
				    most / 2,
				    most / 2 + 1,
				    4096,
				    65535,
				    property->min / 2 + max / 2};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		add_number(edges, numbers[i]);
}

static void add_string(struct edges *edges, size_t length, char with)
{
	char text[LONG + 1];

	length = MIN(length, LONG);
	memset(text, with, length);
	text[length] = '\0';
	add(edges, text);
}

static void find_edges(struct edges *edges, const struct mortise_property *property)
{
	switch (property->type) {
	case MORTISE_PROPERTY_BOOL:
		add(edges, "on");
		add(edges, "off");
		break;
	case MORTISE_PROPERTY_STRING:
		add(edges, "");
		add_string(edges, property->max ? property->max : LONG, 'x');
		add_string(edges, property->max ? property->max + 1 : 1, '/');
		add(edges, "\xc3\xa4 \"%s%n\" \\ \x7f");
		add(edges, "/nonexistent/\xe2\x82\xac");
		break;
	case MORTISE_PROPERTY_ENUM:
		for (unsigned i = 0; property->values[i]; i++)
			add(edges, property->values[i]);
		add(edges, "no such word");
		break;
	case MORTISE_PROPERTY_MAC:
		add(edges, "02:00:00:00:00:01");
		add(edges, "fe:ff:ff:ff:ff:ff");
		add(edges, "ff:ff:ff:ff:ff:ff");
		add(edges, "00:00:00:00:00:00");
		break;
	case MORTISE_PROPERTY_BLOCK:
	case MORTISE_PROPERTY_NET:
	case MORTISE_PROPERTY_CHARDEV:
		add(edges, "nobody");
		break;
	default:
		add_numbers(edges, property);
		break;
	}
}

static void try(struct rig *rig, const struct setting *settings)
{
	struct mortise_device *device;
	struct mortise_error error = {0};
	int r = rig_make(rig, 0, settings, &device, &error);

	if (r == 0)
		rig_end(rig, device);
	else if (!error.message[0])
		rule_broken(RULE_PROPERTIES, "%s=%.40s is refused with %d and no word", settings->key, settings->value,
			    r);
}

/* Each alone, all others as the settings have them. */
static void try_each(struct rig *rig, const struct edges *edges)
{
	const struct mortise_property *table = rig->real->properties;

	for (unsigned i = 0; table[i].name; i++) {
		for (unsigned k = 0; k < edges[i].count; k++) {
			const struct setting settings[] = {{table[i].name, edges[i].values[k]}, {NULL, NULL}};

			doing("property %s is \"%.60s\"", table[i].name, edges[i].values[k]);
			try(rig, settings);
		}
	}
}

/* Any of them, with any of their values. */
static void try_some(struct rig *rig, const struct edges *edges, unsigned count)
{
	const double end = now() + rig->subject->seconds;
	struct setting settings[257];
	struct driver random;

	driver_init(&random, rig, 1);
	doing("several properties have odd values");
	while (now() < end) {
		unsigned used = 0;

		for (unsigned i = 0; i < count; i++)
			if (edges[i].count && driver_random(&random, 3) == 0)
				settings[used++] =
					(struct setting){rig->real->properties[i].name,
							 edges[i].values[driver_random(&random, edges[i].count)]};
		settings[used] = (struct setting){NULL, NULL};
		if (used)
			try(rig, settings);
	}
}

void phase_properties(const struct subject *subject)
{
	struct leftovers before;
	struct edges *edges;
	unsigned count = 0;
	struct rig rig;

	if (!rig_open(&rig, subject))
		return;
	while (rig.real->properties[count].name)
		count++;
	if (!count) {
		rule_skipped(RULE_PROPERTIES, "it has none");
		return;
	}
	edges = calloc(count, sizeof(*edges));
	if (!edges)
		phase_no_memory();
	for (unsigned i = 0; i < count; i++)
		find_edges(&edges[i], &rig.real->properties[i]);
	try_each(&rig, edges);
	before = leftovers_now();
	try_each(&rig, edges);
	try_some(&rig, edges, count);
	leftovers_check(&before, RULE_FAILURE_LEAVES, "instances with odd properties, some refused, have ended");
	rule_kept(RULE_PROPERTIES);
}
