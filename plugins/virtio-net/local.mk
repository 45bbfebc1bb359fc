# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/virtio-net.la
VIRTIO_NET_PARTS = \
	plugins/virtio-net/control.c \
	plugins/virtio-net/filter.c \
	plugins/virtio-net/frames.c \
	plugins/virtio-net/kernel.c \
	plugins/virtio-net/virtio-net.h
plugins_virtio_net_la_SOURCES = plugins/virtio-net/virtio-net.c $(VIRTIO_NET_PARTS)
plugins_virtio_net_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_virtio_net_la_CFLAGS = $(PLUGIN_CC)
plugins_virtio_net_la_LDFLAGS = $(PLUGIN_LINK)
plugins_virtio_net_la_LIBADD = plugins/libvhost-kernel.la
PLUGIN_TEXTS += plugins/virtio-net/virtio-net.man
