/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/rtc.h - the goldfish real-time clock: UTC in nanoseconds, with an alarm.
 */
#pragma once

#include "base/irq.h"
#include "base/loop.h"
#include "base/mmio.h"

#define RTC_SIZE 0x1000

struct rtc;

int rtc_new(struct rtc **out, struct loop *control, struct irq_line irq, struct mortise_error *err);
struct rtc *rtc_free(struct rtc *rtc);
void rtc_reset(struct rtc *rtc);

extern const struct mmio_ops rtc_mmio_ops; /* opaque: struct rtc */
