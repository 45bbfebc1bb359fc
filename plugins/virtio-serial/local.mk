# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/virtio-serial.la
plugins_virtio_serial_la_SOURCES = \
	plugins/virtio-serial/control.c \
	plugins/virtio-serial/data.c \
	plugins/virtio-serial/port.c \
	plugins/virtio-serial/serial.h \
	plugins/virtio-serial/virtio-serial.c
plugins_virtio_serial_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_virtio_serial_la_CFLAGS = $(PLUGIN_CC)
plugins_virtio_serial_la_LDFLAGS = $(PLUGIN_LINK)
PLUGIN_LINKS += virtconsole:virtio-serial virtserialport:virtio-serial
PLUGIN_TEXTS += plugins/virtio-serial/virtio-serial.man
