/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/virtqueue.c - the device's side of a split virtqueue.
 */
#include "bus/virtqueue.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "base/util.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are read as they lie in memory");

/* A buffer that the device writes, for the accelerator's sake: the plugin may alter its iovecs. */
struct extent {
	uint64_t gpa, len;
};

struct virtqueue_chain {
	struct mortise_chain pub;
	struct virtqueue_chain *next; /* while free */
	struct iovec *iov;	      /* room for `capacity`; the out buffers, then the in buffers */
	struct extent *extents;	      /* of the in buffers; kept only where somebody watches memory */
	uint32_t capacity;
	uint32_t extent_count, extent_capacity;
	uint32_t out_count, in_count; /* the plugin may alter those in `pub` */
	uint64_t in_size;
	uint16_t head, position; /* in the descriptor table and in the available ring */
	bool in_flight;
	_Alignas(16) uint8_t priv[];
};

static uint16_t load_acquire(const uint16_t *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static uint16_t load_once(const uint16_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static void store_once(uint16_t *at, uint16_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static uint64_t desc_bytes(uint32_t size)
{
	return size * (uint64_t)sizeof(struct vring_desc);
}

/* With the event index that ends it, which is there whether negotiated or not (2.7.6). */
static uint64_t avail_bytes(uint32_t size)
{
	return sizeof(struct vring_avail) + (size + UINT64_C(1)) * sizeof(uint16_t);
}

static uint64_t used_bytes(uint32_t size)
{
	return sizeof(struct vring_used) + size * (uint64_t)sizeof(struct vring_used_elem) + sizeof(uint16_t);
}

const char *virtqueue_check(const struct ram *ram, const struct virtqueue_place *place)
{
	if (!place->size || place->size > VIRTQUEUE_MAX || (place->size & (place->size - 1)))
		return "its size is not a power of two within bounds";
	if (!IS_ALIGNED(place->desc, VRING_DESC_ALIGN_SIZE) || !IS_ALIGNED(place->avail, VRING_AVAIL_ALIGN_SIZE) ||
	    !IS_ALIGNED(place->used, VRING_USED_ALIGN_SIZE))
		return "a part of it is misaligned";
	if (!ram_at(ram, place->desc, desc_bytes(place->size)) ||
	    !ram_at(ram, place->avail, avail_bytes(place->size)) || !ram_at(ram, place->used, used_bytes(place->size)))
		return "a part of it is outside memory";
	return NULL;
}

static struct virtqueue_chain *chain_at(const struct virtqueue *vq, uint32_t n)
{
	return (struct virtqueue_chain *)((char *)vq->chains + n * vq->chain_stride);
}

int virtqueue_start(struct virtqueue *vq, const struct ram *ram, const struct virtqueue_place *place, uint32_t index,
		    uint64_t features, uint32_t request_size)
{
	const size_t stride = ALIGN_UP(sizeof(struct virtqueue_chain) + request_size, (size_t)64);
	struct virtqueue_chain *chains = aligned_alloc(64, place->size * stride);

	if (!chains)
		return -ENOMEM;
	memset(chains, 0, place->size * stride);
	*vq = (struct virtqueue){.ram = ram,
				 .desc = ram_at(ram, place->desc, desc_bytes(place->size)),
				 .avail = ram_at(ram, place->avail, avail_bytes(place->size)),
				 .used = ram_at(ram, place->used, used_bytes(place->size)),
				 .used_gpa = place->used,
				 .size = place->size,
				 .index = index,
				 .started = true,
				 .indirect = features >> VIRTIO_RING_F_INDIRECT_DESC & 1,
				 .event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1,
				 /* Whatever an earlier instance left in the flags is put right at the first NULL. */
				 .suppressed = !(features >> VIRTIO_RING_F_EVENT_IDX & 1),
				 .next_avail = place->next_avail,
				 .seen_avail = place->next_avail,
				 .next_used = place->next_used,
				 .signal_first = true,
				 .chains = chains,
				 .chain_stride = stride};
	vq->used_event = &vq->avail->ring[place->size];
	vq->avail_event = (uint16_t *)&vq->used->ring[place->size];
	for (uint32_t i = place->size; i-- > 0;) {
		struct virtqueue_chain *chain = chain_at(vq, i);

		chain->pub.priv = chain->priv;
		chain->pub.queue = index;
		chain->next = vq->free;
		vq->free = chain;
	}
	return 0;
}

void virtqueue_stop(struct virtqueue *vq)
{
	if (!vq->started)
		return;
	for (uint32_t i = 0; i < vq->size; i++) {
		free(chain_at(vq, i)->iov);
		free(chain_at(vq, i)->extents);
	}
	free(vq->chains);
	*vq = (struct virtqueue){.index = vq->index};
}

/* --- taking chains --- */

/*
 * One descriptor, fetched once. Indirect tables may lie askew (2.7.5.3); there a barrier has the compiler believe that
 * guest memory holds something else by now, so that nothing that is decided on later is read a second time.
 */
static struct vring_desc fetch(const uint8_t *table, uint32_t index)
{
	const uint8_t *at = table + (size_t)index * sizeof(struct vring_desc);
	struct vring_desc desc;
	uint64_t words[2];

	_Static_assert(sizeof(words) == sizeof(desc), "a descriptor is two words");
	if (IS_ALIGNED((uintptr_t)at, sizeof(words[0]))) {
		words[0] = __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
		words[1] = __atomic_load_n((const uint64_t *)(const void *)at + 1, __ATOMIC_RELAXED);
	} else {
		memcpy(words, at, sizeof(words));
		__asm__ volatile("" : : : "memory");
	}
	memcpy(&desc, words, sizeof(desc));
	return desc;
}

static bool grow(void **array, uint32_t *capacity, size_t element)
{
	const uint32_t more = *capacity ? *capacity * 2 : 16;
	void *grown = realloc(*array, more * element);

	if (!grown)
		return false;
	*array = grown;
	*capacity = more;
	return true;
}

/* Appends one buffer; NULL, or what is wrong with it. */
static const char *add_buffer(struct virtqueue *vq, struct virtqueue_chain *chain, const struct vring_desc *desc)
{
	const uint32_t count = chain->out_count + chain->in_count;
	void *host = ram_at(vq->ram, desc->addr, desc->len);

	if (!host)
		return desc->len ? "a buffer is outside memory" : "a buffer is empty";
	if (count == chain->capacity && !grow((void **)&chain->iov, &chain->capacity, sizeof(chain->iov[0])))
		return "no memory is left for a chain";
	chain->iov[count] = (struct iovec){.iov_base = host, .iov_len = desc->len};
	if (!(desc->flags & VRING_DESC_F_WRITE)) {
		if (chain->in_count)
			return "a buffer to read follows one to write";
		chain->out_count++;
		chain->pub.out_size += desc->len;
		return NULL;
	}
	if (vq->ram->watch.written) {
		if (chain->extent_count == chain->extent_capacity &&
		    !grow((void **)&chain->extents, &chain->extent_capacity, sizeof(chain->extents[0])))
			return "no memory is left for a chain";
		chain->extents[chain->extent_count++] = (struct extent){.gpa = desc->addr, .len = desc->len};
	}
	chain->in_count++;
	chain->in_size += desc->len;
	return NULL;
}

/* Follows a chain from its head; NULL, or what is wrong with it. */
static const char *collect(struct virtqueue *vq, struct virtqueue_chain *chain, uint32_t head)
{
	const uint8_t *table = vq->desc;
	uint32_t limit = vq->size, index = head, seen = 0;
	bool inside = false; /* an indirect table, which may lie where the ring's own does */

	for (;;) {
		const struct vring_desc desc = fetch(table, index);
		const char *wrong;

		if (desc.flags & VRING_DESC_F_INDIRECT) {
			if (!vq->indirect)
				return "an indirect table was not negotiated";
			if (inside || desc.flags & VRING_DESC_F_NEXT)
				return "an indirect table is inside or before something else";
			if (!desc.len || desc.len % sizeof(desc) || desc.len / sizeof(desc) > VIRTQUEUE_MAX)
				return "an indirect table has a bad size";
			table = ram_at(vq->ram, desc.addr, desc.len);
			if (!table)
				return "an indirect table is outside memory";
			limit = desc.len / (uint32_t)sizeof(desc);
			index = seen = 0;
			inside = true;
			continue;
		}
		wrong = add_buffer(vq, chain, &desc);
		if (wrong)
			return wrong;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			break;
		if (desc.next >= limit)
			return "a descriptor's successor is outside its table";
		if (++seen == limit)
			return "a chain of descriptors is a loop";
		index = desc.next;
	}
	/* 2.7.5.2; it also keeps what is reported as written within the used ring's 32 bits. */
	if (chain->pub.out_size + chain->in_size > UINT32_MAX)
		return "a chain is longer than 4 GiB";
	return NULL;
}

static struct mortise_chain *broken(struct virtqueue *vq, const char *why)
{
	vq->broken = why;
	return NULL;
}

/* Asks for a notification; true when chains became available in the meantime, so that none may come. */
static bool rearm(struct virtqueue *vq)
{
	if (vq->event_idx) {
		store_once(vq->avail_event, vq->next_avail);
	} else if (vq->suppressed) {
		store_once(&vq->used->flags, 0);
		vq->suppressed = false;
	}
	/* The driver stores its index, then looks at this; we do it the other way round (2.7.10, 2.7.13.3.1). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vq->seen_avail = load_acquire(&vq->avail->idx);
	return vq->seen_avail != vq->next_avail;
}

struct mortise_chain *virtqueue_pop(struct virtqueue *vq)
{
	struct virtqueue_chain *chain = vq->free;
	const char *wrong;
	uint16_t head;

	if (!vq->started || vq->lent || vq->broken)
		return NULL;
	if (vq->seen_avail == vq->next_avail) {
		vq->seen_avail = load_acquire(&vq->avail->idx);
		if (vq->seen_avail == vq->next_avail && !rearm(vq))
			return NULL;
		if ((uint16_t)(vq->seen_avail - vq->next_avail) > vq->size)
			return broken(vq, "more chains are available than the ring can hold");
	}
	if (!chain)
		return broken(vq, "more chains are in flight than the ring can hold");
	if (!vq->event_idx && !vq->suppressed) {
		store_once(&vq->used->flags, VRING_USED_F_NO_NOTIFY);
		vq->suppressed = true;
	}
	head = load_once(&vq->avail->ring[vq->next_avail & (vq->size - 1)]);
	if (head >= vq->size)
		return broken(vq, "a chain begins outside the descriptor table");
	chain->out_count = chain->in_count = chain->extent_count = 0;
	chain->in_size = chain->pub.out_size = 0;
	wrong = collect(vq, chain, head);
	if (wrong)
		return broken(vq, wrong);

	vq->free = chain->next;
	vq->in_flight++;
	chain->in_flight = true;
	chain->position = vq->next_avail++;
	chain->pub.out = chain->iov;
	chain->pub.in = chain->iov + chain->out_count;
	chain->pub.out_count = chain->out_count;
	chain->pub.in_count = chain->in_count;
	chain->pub.in_size = chain->in_size;
	chain->pub.head = chain->head = head;
	return &chain->pub;
}

/* --- giving them back --- */

static void release(struct virtqueue *vq, struct virtqueue_chain *chain)
{
	chain->in_flight = false;
	chain->next = vq->free;
	vq->free = chain;
	vq->in_flight--;
}

static void report_written(const struct virtqueue *vq, const struct virtqueue_chain *chain, uint64_t written)
{
	for (uint32_t i = 0; i < chain->extent_count && written; i++) {
		const uint64_t part = MIN(chain->extents[i].len, written);

		ram_written(vq->ram, chain->extents[i].gpa, part);
		written -= part;
	}
}

bool virtqueue_push(struct virtqueue *vq, struct mortise_chain *pub, uint64_t written)
{
	struct virtqueue_chain *chain = container_of(pub, struct virtqueue_chain, pub);
	struct vring_used_elem *elem;

	if (!chain->in_flight)
		return false;
	written = MIN(written, chain->in_size);
	report_written(vq, chain, written);
	release(vq, chain);
	if (vq->broken)
		return true; /* the driver has to reset; its ring is left alone until then */
	elem = &vq->used->ring[vq->next_used & (vq->size - 1)];
	__atomic_store_n(&elem->id, chain->head, __ATOMIC_RELAXED);
	__atomic_store_n(&elem->len, (uint32_t)written, __ATOMIC_RELAXED);
	vq->next_used++;
	vq->unpublished++;
	return true;
}

bool virtqueue_unpop(struct virtqueue *vq, struct mortise_chain *pub)
{
	struct virtqueue_chain *chain = container_of(pub, struct virtqueue_chain, pub);

	if (!chain->in_flight || chain->position != (uint16_t)(vq->next_avail - 1))
		return false;
	vq->next_avail--;
	release(vq, chain);
	return true;
}

bool virtqueue_publish(struct virtqueue *vq)
{
	const uint32_t pushed = vq->unpublished;
	bool wanted;

	if (!pushed || vq->broken)
		return false;
	vq->unpublished = 0;
	__atomic_store_n(&vq->used->idx, vq->next_used, __ATOMIC_RELEASE);
	/* The ring itself was written too: once for all that was pushed, as it is a page or two. */
	if (vq->ram->watch.written)
		ram_written(vq->ram, vq->used_gpa, used_bytes(vq->size));

	/* Our index is out before we look at what the driver wants; it writes that, then looks at our index (2.7.7). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vq->event_idx)
		return !(load_once(&vq->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	/* An event index says nothing when the index has gone all the way round since. */
	wanted = vq->signal_first || pushed > UINT16_MAX ||
		 vring_need_event(load_once(vq->used_event), vq->next_used, (uint16_t)(vq->next_used - pushed));
	vq->signal_first = false;
	return wanted;
}

/* --- somebody else serves it --- */

void virtqueue_lend(struct virtqueue *vq)
{
	vq->lent = true;
}

/* What was used is in guest memory alone: a driver that alters it there confuses nobody but itself. */
void virtqueue_return(struct virtqueue *vq, int32_t next)
{
	vq->lent = false;
	vq->next_used = load_acquire(&vq->used->idx);
	vq->next_avail = next < 0 ? vq->next_used : (uint16_t)next;
	vq->seen_avail = vq->next_avail;
	vq->suppressed = !vq->event_idx;
	vq->signal_first = true;
}
