# SPDX-License-Identifier: Apache-2.0
if HAVE_NBD
plugin_LTLIBRARIES += plugins/block-nbd.la
plugins_block_nbd_la_SOURCES = plugins/block-nbd/block-nbd.c plugins/block-nbd/connect.c plugins/block-nbd/nbd.h \
	plugins/block-nbd/requests.c
plugins_block_nbd_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_block_nbd_la_CFLAGS = $(PLUGIN_CC) $(NBD_CFLAGS)
plugins_block_nbd_la_LDFLAGS = $(PLUGIN_LINK)
plugins_block_nbd_la_LIBADD = $(NBD_LIBS)
endif
PLUGIN_TEXTS += plugins/block-nbd/block-nbd.man
