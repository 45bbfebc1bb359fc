# SPDX-License-Identifier: Apache-2.0
# What several plugins share: no plugin of its own, its symbols are hidden in each.
noinst_LTLIBRARIES += plugins/libvhost-kernel.la plugins/libvhost-user.la
plugins_libvhost_kernel_la_SOURCES = plugins/vhost/vhost-kernel.c plugins/vhost/vhost.c plugins/vhost/vhost.h
plugins_libvhost_kernel_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_libvhost_kernel_la_CFLAGS = $(PLUGIN_CC)
plugins_libvhost_user_la_SOURCES = plugins/vhost/vhost-user.c plugins/vhost/vhost-user.h plugins/vhost/vhost.c plugins/vhost/vhost.h
plugins_libvhost_user_la_CPPFLAGS = $(PLUGIN_CPP)
plugins_libvhost_user_la_CFLAGS = $(PLUGIN_CC)
