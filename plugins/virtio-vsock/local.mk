# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/virtio-vsock.la
plugins_virtio_vsock_la_SOURCES = \
	plugins/virtio-vsock/connection.c \
	plugins/virtio-vsock/packet.c \
	plugins/virtio-vsock/virtio-vsock.c \
	plugins/virtio-vsock/vsock.h
plugins_virtio_vsock_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_virtio_vsock_la_CFLAGS = $(PLUGIN_CC)
plugins_virtio_vsock_la_LDFLAGS = $(PLUGIN_LINK)
PLUGIN_TEXTS += plugins/virtio-vsock/virtio-vsock.man
