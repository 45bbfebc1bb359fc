# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/virtio-blk.la
plugins_virtio_blk_la_SOURCES = plugins/virtio-blk/disk.h plugins/virtio-blk/request.c plugins/virtio-blk/virtio-blk.c
plugins_virtio_blk_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_virtio_blk_la_CFLAGS = $(PLUGIN_CC)
plugins_virtio_blk_la_LDFLAGS = $(PLUGIN_LINK)
PLUGIN_TEXTS += plugins/virtio-blk/virtio-blk.man
