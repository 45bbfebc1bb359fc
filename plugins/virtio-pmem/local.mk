# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/virtio-pmem.la
plugins_virtio_pmem_la_SOURCES = plugins/virtio-pmem/virtio-pmem.c
plugins_virtio_pmem_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_virtio_pmem_la_CFLAGS = $(PLUGIN_CC)
plugins_virtio_pmem_la_LDFLAGS = $(PLUGIN_LINK)
PLUGIN_TEXTS += plugins/virtio-pmem/virtio-pmem.man
