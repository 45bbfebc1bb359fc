/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - the findings, as TAP for test harnesses or as JSON, with a summary that a vendor can publish.
 */
#pragma once

#include "phases.h"

struct report {
	const char *path;
	const struct plugin_facts *facts;
	struct board *file;		    /* rules below RULES_OF_FILE */
	struct board *drivers[DRIVERS_MAX]; /* the others; NULL: that driver was not checked */
};

/* Prints it; whether nothing was found. */
bool report_tap(const struct report *report);
bool report_json(const struct report *report);
