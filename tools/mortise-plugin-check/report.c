/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - the findings, as TAP or JSON.
 */
#include "config.h"

#include "report.h"

#include <cjson/cJSON.h>

struct count {
	unsigned kept, broken, skipped, number;
};

/* Calls `visit` for each rule of each board, in order. */
static void for_each(const struct report *report,
		     void (*visit)(void *opaque, enum rule rule, const struct verdict *verdict, const char *driver),
		     void *opaque)
{
	for (int rule = 0; rule < RULES_OF_FILE; rule++)
		visit(opaque, rule, &report->file->verdicts[rule], report->facts->name);
	for (unsigned i = 0; i < DRIVERS_MAX; i++)
		for (int rule = RULES_OF_FILE; report->drivers[i] && rule < RULES; rule++)
			visit(opaque, rule, &report->drivers[i]->verdicts[rule], report->facts->drivers[i]);
}

static void count_one(void *opaque, enum rule rule, const struct verdict *verdict, const char *driver)
{
	struct count *count = opaque;
	const int outcome = atomic_load(&verdict->outcome);

	count->kept += outcome == KEPT;
	count->broken += outcome == BROKEN;
	count->skipped += outcome == NOT_LOOKED_AT;
}

static void print_point(void *opaque, enum rule rule, const struct verdict *verdict, const char *driver)
{
	struct count *count = opaque;
	const int outcome = atomic_load(&verdict->outcome);
	const unsigned number = ++count->number;

	if (outcome == BROKEN)
		printf("not ok %u - %s # %s\n#   %s\n", number, rule_name(rule), driver, verdict->text);
	else if (outcome == KEPT)
		printf("ok %u - %s # %s\n", number, rule_name(rule), driver);
	else
		printf("ok %u - %s # SKIP %s: %s\n", number, rule_name(rule), driver,
		       *verdict->text ? verdict->text : "it does nothing of the kind");
}

bool report_tap(const struct report *report)
{
	const struct plugin_facts *facts = report->facts;
	struct count count = {0};

	for_each(report, count_one, &count);
	printf("1..%u\n", count.kept + count.broken + count.skipped);
	for_each(report, print_point, &count);
	printf("#\n# plugin   %s %s (%s)\n# file     %s\n# SHA-256  %s\n", facts->name, facts->version, facts->license,
	       report->path, facts->sha256);
	printf("# ABI      %s, checked by mortise-plugin-check " PACKAGE_VERSION " with ABI %d.%d\n", facts->abi,
	       MORTISE_ABI_MAJOR, MORTISE_ABI_MINOR);
	if (facts->backend_count)
		printf("# backends %u drivers, of which the descriptions alone were looked at\n", facts->backend_count);
	printf("# checks   %u passed, %u failed, %u not applicable\n", count.kept, count.broken, count.skipped);
	return !count.broken;
}

static void add_check(void *opaque, enum rule rule, const struct verdict *verdict, const char *driver)
{
	static const char *const words[] = {[NOT_LOOKED_AT] = "not applicable", [KEPT] = "passed", [BROKEN] = "failed"};
	cJSON *check = cJSON_CreateObject();

	cJSON_AddStringToObject(check, "rule", rule_name(rule));
	if (rule >= RULES_OF_FILE)
		cJSON_AddStringToObject(check, "driver", driver);
	cJSON_AddStringToObject(check, "outcome", words[atomic_load(&verdict->outcome)]);
	if (*verdict->text)
		cJSON_AddStringToObject(check, "text", verdict->text);
	cJSON_AddItemToArray(opaque, check);
}

bool report_json(const struct report *report)
{
	const struct plugin_facts *facts = report->facts;
	cJSON *root = cJSON_CreateObject();
	struct count count = {0};
	char abi[16], *text;

	snprintf(abi, sizeof(abi), "%d.%d", MORTISE_ABI_MAJOR, MORTISE_ABI_MINOR);
	for_each(report, count_one, &count);
	cJSON_AddStringToObject(root, "plugin", facts->name);
	cJSON_AddStringToObject(root, "version", facts->version);
	cJSON_AddStringToObject(root, "license", facts->license);
	cJSON_AddStringToObject(root, "file", report->path);
	cJSON_AddStringToObject(root, "sha256", facts->sha256);
	cJSON_AddStringToObject(root, "abi", facts->abi);
	cJSON_AddStringToObject(root, "host-version", PACKAGE_VERSION);
	cJSON_AddStringToObject(root, "host-abi", abi);
	cJSON_AddNumberToObject(root, "backends-only-described", facts->backend_count);
	cJSON_AddNumberToObject(root, "passed", count.kept);
	cJSON_AddNumberToObject(root, "failed", count.broken);
	cJSON_AddNumberToObject(root, "not-applicable", count.skipped);
	for_each(report, add_check, cJSON_AddArrayToObject(root, "checks"));
	text = cJSON_Print(root);
	puts(text ? text : "{}");
	cJSON_free(text);
	cJSON_Delete(root);
	return !count.broken;
}
