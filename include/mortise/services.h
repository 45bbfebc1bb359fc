/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/services.h - what devices and drivers of backends are given alike: tables of functions, log, timers, watches.
 */
#ifndef MORTISE_SERVICES_H
#define MORTISE_SERVICES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the table `t` (which has a `size` member) is new enough to hold `member`. */
#define MORTISE_HAS(t, member) ((t)->size >= (uint32_t)(offsetof(__typeof__(*(t)), member) + sizeof((t)->member)))

enum mortise_log_level {
	MORTISE_LOG_ERROR = 0,	 /* something that was asked for did not happen */
	MORTISE_LOG_WARNING = 1, /* worth a look */
	MORTISE_LOG_INFO = 2,	 /* milestones */
	MORTISE_LOG_DEBUG = 3
};

/* Timers that an instance has, or a claimed backend: ids 0 to 15. */
#define MORTISE_TIMERS 16

enum mortise_watch_event {
	MORTISE_WATCH_READ = 1u << 0, /* reading does not block: data, the end, or an error */
	MORTISE_WATCH_WRITE = 1u << 1 /* writing does not block, or fails */
};

#ifdef __cplusplus
}
#endif

#endif
