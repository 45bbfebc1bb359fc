/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments.c - the command line.
 */
#include "config.h"

#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static const char usage[] = "usage: mortise-plugin-check [OPTION]... FILE.so\n"
			    "  --driver NAME       check this driver of the plugin alone\n"
			    "  --set NAME=VALUE    a property of the instances\n"
			    "  --seconds N         how long it may take, about (30)\n"
			    "  --cycles N          instances that come and go (1000)\n"
			    "  --patience N        seconds until something that does not end is a finding (5)\n"
			    "  --quick             the same as --seconds 3 --cycles 100 --patience 3\n"
			    "  --json              print a JSON object instead of TAP\n"
			    "  --verbose           print what the plugin logs, and each phase\n"
			    "  --version, --help\n";

static bool add_setting(struct subject *subject, char *text)
{
	char *value = strchr(text, '=');

	if (!value || subject->setting_count == SETTINGS_MAX)
		return false;
	*value++ = '\0';
	subject->settings[subject->setting_count++] = (struct setting){text, value};
	return true;
}

static bool take_number(const char *text, double least, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return !*end && end != text && *out >= least && *out <= 86400;
}

/* 'FILE.so' as a folder and a name. */
static bool take_file(struct subject *subject, const char *path)
{
	static char real[PATH_MAX];
	const bool found = realpath(path, real) != NULL;
	char *slash = found ? strrchr(real, '/') : NULL;
	size_t length = slash ? strlen(slash + 1) : 0;

	if (length <= 3 || !streq(slash + 1 + length - 3, ".so")) {
		fprintf(stderr, "mortise-plugin-check: %s: %s\n", path, found ? "not called NAME.so" : strerror(errno));
		return false;
	}
	*slash = '\0';
	slash[1 + length - 3] = '\0';
	subject->dir = *real ? real : "/";
	subject->name = slash + 1;
	return true;
}

bool arguments_take(struct arguments *given, int argc, char **argv, int *status)
{
	static const struct option options[] = {
		{"driver", required_argument, NULL, 'd'},
		{"set", required_argument, NULL, 's'},
		{"seconds", required_argument, NULL, 'n'},
		{"cycles", required_argument, NULL, 'c'},
		{"patience", required_argument, NULL, 'p'},
		{"quick", no_argument, NULL, 'q'},
		{"json", no_argument, NULL, 'j'},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	double cycles = 1000, patience = 5;
	bool good = true;
	int c;

	*status = CANNOT_CHECK;
	given->seconds = 30;
	while (good && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			given->driver = optarg;
			break;
		case 's':
			good = add_setting(&given->subject, optarg);
			break;
		case 'n':
			good = take_number(optarg, 0, &given->seconds);
			break;
		case 'c':
			good = take_number(optarg, 1, &cycles);
			break;
		case 'p':
			good = take_number(optarg, 1, &patience);
			break;
		case 'q':
			given->seconds = 3;
			cycles = 100;
			patience = 3;
			break;
		case 'j':
			given->json = true;
			break;
		case 'v':
			given->verbose = true;
			break;
		case 'V':
			puts("mortise-plugin-check " PACKAGE_VERSION);
			*status = NOTHING_FOUND;
			return false;
		case 'h':
			fputs(usage, stdout);
			*status = NOTHING_FOUND;
			return false;
		default:
			good = false;
		}
	}
	given->subject.cycles = (unsigned)cycles;
	given->subject.patience = (unsigned)patience;
	given->path = argv[optind];
	if (good && optind == argc - 1)
		return take_file(&given->subject, given->path);
	fputs(usage, stderr);
	return false;
}
