# SPDX-License-Identifier: Apache-2.0
plugin_LTLIBRARIES += plugins/vhost-user-fs.la
plugins_vhost_user_fs_la_SOURCES = plugins/vhost-user-fs/vhost-user-fs.c
plugins_vhost_user_fs_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_vhost_user_fs_la_CFLAGS = $(PLUGIN_CC)
plugins_vhost_user_fs_la_LDFLAGS = $(PLUGIN_LINK)
plugins_vhost_user_fs_la_LIBADD = plugins/libvhost-user.la
PLUGIN_TEXTS += plugins/vhost-user-fs/vhost-user-fs.man
