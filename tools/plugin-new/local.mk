# SPDX-License-Identifier: Apache-2.0
# mortise-plugin-new and its templates. Those of devices are the very sources of ours.

bin_SCRIPTS += tools/plugin-new/mortise-plugin-new
CLEANFILES += tools/plugin-new/mortise-plugin-new
tools/plugin-new/mortise-plugin-new: tools/plugin-new/mortise-plugin-new.in
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed 's|[@]pkgdatadir@|$(pkgdatadir)|' $(srcdir)/tools/plugin-new/mortise-plugin-new.in >$@ && chmod +x $@
EXTRA_DIST += tools/plugin-new/mortise-plugin-new.in

plugin_newdir = $(pkgdatadir)/plugin-new
plugin_new_blockdir = $(plugin_newdir)/block
dist_plugin_new_block_DATA = plugins/virtio-blk/disk.h plugins/virtio-blk/request.c plugins/virtio-blk/virtio-blk.c
plugin_new_netdir = $(plugin_newdir)/net
dist_plugin_new_net_DATA = plugins/virtio-net/control.c plugins/virtio-net/filter.c plugins/virtio-net/frames.c \
	plugins/virtio-net/kernel.c plugins/virtio-net/virtio-net.c plugins/virtio-net/virtio-net.h \
	plugins/vhost/vhost-kernel.c plugins/vhost/vhost.c plugins/vhost/vhost.h
plugin_new_rngdir = $(plugin_newdir)/rng
dist_plugin_new_rng_DATA = plugins/virtio-rng/virtio-rng.c
plugin_new_customdir = $(plugin_newdir)/custom
dist_plugin_new_custom_DATA = tools/plugin-new/custom/custom.c
plugin_new_makedir = $(plugin_newdir)/make
dist_plugin_new_make_DATA = tools/plugin-new/make/Makefile
plugin_new_autotoolsdir = $(plugin_newdir)/autotools
dist_plugin_new_autotools_DATA = tools/plugin-new/autotools/Makefile.am tools/plugin-new/autotools/configure.ac
plugin_new_projectdir = $(plugin_newdir)/project
dist_plugin_new_project_DATA = tools/plugin-new/project/README.md
dist_plugin_new_project_SCRIPTS = tools/plugin-new/project/check.sh
plugin_new_debiandir = $(plugin_new_projectdir)/debian
dist_plugin_new_debian_DATA = tools/plugin-new/project/debian/changelog tools/plugin-new/project/debian/control \
	tools/plugin-new/project/debian/copyright tools/plugin-new/project/debian/rules
plugin_new_debian_sourcedir = $(plugin_new_debiandir)/source
dist_plugin_new_debian_source_DATA = tools/plugin-new/project/debian/source/format
