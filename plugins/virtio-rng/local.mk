# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/virtio-rng.la
plugins_virtio_rng_la_SOURCES = plugins/virtio-rng/virtio-rng.c
plugins_virtio_rng_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_virtio_rng_la_CFLAGS = $(PLUGIN_CC)
plugins_virtio_rng_la_LDFLAGS = $(PLUGIN_LINK)
PLUGIN_TEXTS += plugins/virtio-rng/virtio-rng.man
