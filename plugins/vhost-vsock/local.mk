# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/vhost-vsock.la
plugins_vhost_vsock_la_SOURCES = plugins/vhost-vsock/vhost-vsock.c
plugins_vhost_vsock_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_vhost_vsock_la_CFLAGS = $(PLUGIN_CC)
plugins_vhost_vsock_la_LDFLAGS = $(PLUGIN_LINK)
plugins_vhost_vsock_la_LIBADD = plugins/libvhost-kernel.la
PLUGIN_TEXTS += plugins/vhost-vsock/vhost-vsock.man
