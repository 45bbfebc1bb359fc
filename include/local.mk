# SPDX-License-Identifier: Apache-2.0
mortiseincludedir = $(includedir)/mortise
mortiseinclude_HEADERS = \
	include/mortise/block-driver.h \
	include/mortise/block.h \
	include/mortise/char.h \
	include/mortise/command.h \
	include/mortise/error.h \
	include/mortise/net-driver.h \
	include/mortise/net.h \
	include/mortise/plugin.h \
	include/mortise/property.h \
	include/mortise/queue.h \
	include/mortise/services.h \
	include/mortise/vhost.h

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = include/mortise-plugin.pc
aclocaldir = $(datadir)/aclocal
dist_aclocal_DATA = include/mortise-plugin.m4
