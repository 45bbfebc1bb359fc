/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log.c - leveled log lines.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

static int log_fd = STDERR_FILENO;
static atomic_int log_level = MORTISE_LOG_WARNING;

void log_set_level(enum mortise_log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

int log_open(const char *path, struct mortise_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);

	if (fd < 0)
		return mortise_fail(err, -errno, "Could not open log file '%s': %s", path, strerror(errno));
	log_fd = fd;
	return 0;
}

void log_write(enum mortise_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(level, format, args);
	va_end(args);
}

void log_vwrite(enum mortise_log_level level, const char *format, va_list args)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	struct timespec now;
	struct tm tm;
	char line[1024];
	size_t used;
	int n;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line + used, sizeof(line) - used, ".%06ldZ mortise: %s: ", now.tv_nsec / 1000, names[level]);
	used += (size_t)n;
	n = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	if (n < 0)
		return;
	used += MIN((size_t)n, sizeof(line) - used - 2);

	/* A guest or a QMP client may have had a hand in the text: no line of it may look like another, nor drive a
	 * terminal. */
	for (size_t i = 0; i < used; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[used++] = '\n';

	/* A log that cannot be written to must not stop the VMM. */
	if (write(log_fd, line, used) < 0)
		return;
}

static struct timespec started;

void log_start(void)
{
	clock_gettime(CLOCK_MONOTONIC, &started);
}

void log_step(const char *step)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	log_info("start: %s after %lld us", step,
		 (now.tv_sec - started.tv_sec) * 1000000LL + (now.tv_nsec - started.tv_nsec) / 1000);
}

int log_allowed(struct log_limit *limit, unsigned burst)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec != limit->second) {
		limit->second = now.tv_sec;
		limit->count = 0;
	}
	return limit->count++ < burst;
}
