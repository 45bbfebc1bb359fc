/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/rtc.c - the goldfish real-time clock: "google,goldfish-rtc" as Linux's drivers/rtc/rtc-goldfish.c drives it.
 *
 * Registers are served on vCPU threads; the alarm's timer belongs to the control thread. One lock guards the state.
 */
#include "machine/rtc.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/util.h"

enum {
	TIME_LOW = 0x00, /* reading it latches TIME_HIGH */
	TIME_HIGH = 0x04,
	ALARM_LOW = 0x08, /* writing it arms the alarm */
	ALARM_HIGH = 0x0c,
	IRQ_ENABLED = 0x10,
	CLEAR_ALARM = 0x14,
	ALARM_STATUS = 0x18,
	CLEAR_INTERRUPT = 0x1c,
};

struct rtc {
	pthread_mutex_t lock;
	struct loop *control;
	struct irq_line irq;
	struct event *timer; /* control thread */
	struct task rearm;   /* posted while rearm_posted */
	bool rearm_posted;

	int64_t offset; /* guest's clock minus the host's, ns */
	uint32_t time_high, alarm_high;
	uint64_t alarm; /* guest's ns */
	bool armed, irq_enabled, irq_pending;
};

static uint64_t now(const struct rtc *rtc)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec + (uint64_t)rtc->offset;
}

static void update_irq(struct rtc *rtc)
{
	irq_set(&rtc->irq, rtc->irq_enabled && rtc->irq_pending);
}

/* Control thread: fires a due alarm, or sets the timer for one that is not. */
static void check_alarm(struct rtc *rtc)
{
	pthread_mutex_lock(&rtc->lock);
	rtc->rearm_posted = false;
	evtimer_del(rtc->timer);
	if (rtc->armed) {
		uint64_t time = now(rtc);

		if (time >= rtc->alarm) {
			rtc->armed = false;
			rtc->irq_pending = true;
			update_irq(rtc);
		} else {
			/* Looked at again after a day at the latest: the guest may name any time, the host may set its
			 * clock. */
			uint64_t wait = MIN((rtc->alarm - time) / 1000 + 1, UINT64_C(86400000000));
			struct timeval delay = {.tv_sec = (time_t)(wait / 1000000),
						.tv_usec = (suseconds_t)(wait % 1000000)};

			evtimer_add(rtc->timer, &delay);
		}
	}
	pthread_mutex_unlock(&rtc->lock);
}

static void on_timer(evutil_socket_t fd, short what, void *opaque)
{
	check_alarm(opaque);
}

static void on_rearm(struct task *task)
{
	check_alarm(container_of(task, struct rtc, rearm));
}

static void post_rearm(struct rtc *rtc)
{
	if (rtc->rearm_posted)
		return;
	rtc->rearm_posted = true;
	loop_post(rtc->control, &rtc->rearm);
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned width)
{
	struct rtc *rtc = opaque;
	uint64_t value = 0;

	if (width != 4)
		return 0;
	pthread_mutex_lock(&rtc->lock);
	switch (offset) {
	case TIME_LOW:
		value = now(rtc);
		rtc->time_high = (uint32_t)(value >> 32);
		break;
	case TIME_HIGH:
		value = rtc->time_high;
		break;
	case ALARM_LOW:
		value = rtc->alarm;
		break;
	case ALARM_HIGH:
		value = rtc->alarm >> 32;
		break;
	case IRQ_ENABLED:
		value = rtc->irq_enabled;
		break;
	case ALARM_STATUS:
		value = rtc->armed;
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&rtc->lock);
	return (uint32_t)value;
}

static void rtc_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	struct rtc *rtc = opaque;

	if (width != 4)
		return;
	pthread_mutex_lock(&rtc->lock);
	switch (offset) {
	case TIME_HIGH:
		rtc->time_high = (uint32_t)value;
		break;
	case TIME_LOW:
		rtc->offset += (int64_t)(((uint64_t)rtc->time_high << 32 | (uint32_t)value) - now(rtc));
		post_rearm(rtc);
		break;
	case ALARM_HIGH:
		rtc->alarm_high = (uint32_t)value;
		break;
	case ALARM_LOW:
		rtc->alarm = (uint64_t)rtc->alarm_high << 32 | (uint32_t)value;
		rtc->armed = true;
		post_rearm(rtc);
		break;
	case IRQ_ENABLED:
		rtc->irq_enabled = value & 1;
		update_irq(rtc);
		break;
	case CLEAR_ALARM:
		rtc->armed = false;
		break;
	case CLEAR_INTERRUPT:
		rtc->irq_pending = false;
		update_irq(rtc);
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&rtc->lock);
}

const struct mmio_ops rtc_mmio_ops = {.read = rtc_read, .write = rtc_write};

int rtc_new(struct rtc **out, struct loop *control, struct irq_line irq, struct mortise_error *err)
{
	struct rtc *rtc = calloc(1, sizeof(*rtc));

	if (!rtc)
		return mortise_fail(err, -ENOMEM, "Out of memory for the real-time clock");
	rtc->timer = evtimer_new(loop_base(control), on_timer, rtc);
	if (!rtc->timer) {
		free(rtc);
		return mortise_fail(err, -ENOMEM, "Out of memory for the real-time clock's alarm");
	}
	pthread_mutex_init(&rtc->lock, NULL);
	rtc->control = control;
	rtc->irq = irq;
	rtc->rearm.run = on_rearm;
	*out = rtc;
	return 0;
}

struct rtc *rtc_free(struct rtc *rtc)
{
	if (!rtc)
		return NULL;
	event_free(rtc->timer);
	pthread_mutex_destroy(&rtc->lock);
	free(rtc);
	return NULL;
}

void rtc_reset(struct rtc *rtc)
{
	pthread_mutex_lock(&rtc->lock);
	rtc->armed = rtc->irq_enabled = rtc->irq_pending = false;
	update_irq(rtc);
	pthread_mutex_unlock(&rtc->lock);
}
