# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/virtio-balloon.la
plugins_virtio_balloon_la_SOURCES = plugins/virtio-balloon/virtio-balloon.c
plugins_virtio_balloon_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_virtio_balloon_la_CFLAGS = $(PLUGIN_CC)
plugins_virtio_balloon_la_LDFLAGS = $(PLUGIN_LINK)
PLUGIN_TEXTS += plugins/virtio-balloon/virtio-balloon.man
