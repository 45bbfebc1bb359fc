# SPDX-License-Identifier: Apache-2.0
# Plugins see include/mortise alone, export one symbol and leave none of the host's undefined.
# Each is plugins/NAME.la, so that all of them are built into plugins/.libs, where ./run finds them.

plugin_LTLIBRARIES =
noinst_LTLIBRARIES =
PLUGIN_LINKS = # DRIVER:PLUGIN, where a plugin has further drivers
PLUGIN_CPP = -I$(top_srcdir)/include -D_GNU_SOURCE
PLUGIN_CC = -std=gnu11 $(WARN_CFLAGS) $(SANITIZE_FLAGS) -fvisibility=hidden
PLUGIN_LINK = $(SANITIZE_FLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^mortise_plugin_v1$$' $(PLUGIN_DEFS) -Wl,-z,now,-z,nodelete,-z,relro

include $(top_srcdir)/plugins/block-nbd/local.mk
include $(top_srcdir)/plugins/vhost/local.mk
include $(top_srcdir)/plugins/vhost-user-fs/local.mk
include $(top_srcdir)/plugins/vhost-vsock/local.mk
include $(top_srcdir)/plugins/virtio-balloon/local.mk
include $(top_srcdir)/plugins/virtio-blk/local.mk
include $(top_srcdir)/plugins/virtio-net/local.mk
include $(top_srcdir)/plugins/virtio-pmem/local.mk
include $(top_srcdir)/plugins/virtio-rng/local.mk
include $(top_srcdir)/plugins/virtio-serial/local.mk
include $(top_srcdir)/plugins/virtio-vsock/local.mk

# A driver is found by its name: each of a plugin's further ones is a link to it.
all-local: plugins/links.stamp
plugins/links.stamp: $(plugin_LTLIBRARIES)
	$(AM_V_GEN)cd plugins/.libs && for link in $(PLUGIN_LINKS); do ln -sf $${link#*:}.so $${link%%:*}.so || exit; done
	@touch $@
CLEANFILES += plugins/links.stamp

# Nobody links against plugins: their libtool archives stay here.
install-data-hook:
	rm -f $(DESTDIR)$(plugindir)/*.la
	cd $(DESTDIR)$(plugindir) && for link in $(PLUGIN_LINKS); do ln -sf $${link#*:}.so $${link%%:*}.so || exit; done

# libtool would have found the files to remove in those archives.
uninstall-hook:
	for plugin in $(plugin_LTLIBRARIES); do rm -f $(DESTDIR)$(plugindir)/`basename $$plugin .la`.so; done
	for link in $(PLUGIN_LINKS); do rm -f $(DESTDIR)$(plugindir)/$${link%%:*}.so; done
