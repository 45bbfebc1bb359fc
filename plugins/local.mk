# SPDX-License-Identifier: Apache-2.0
# Plugins see include/mortise alone, export one symbol and leave none of the host's undefined.
# Each is plugins/NAME.la, so that all of them are built into plugins/.libs, where ./run finds them.

plugin_LTLIBRARIES =
PLUGIN_CPP = -I$(top_srcdir)/include -D_GNU_SOURCE
PLUGIN_CC = -std=gnu11 $(WARN_CFLAGS) $(SANITIZE_FLAGS) -fvisibility=hidden
PLUGIN_LINK = $(SANITIZE_FLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^mortise_plugin_v1$$' $(PLUGIN_DEFS) -Wl,-z,now,-z,nodelete,-z,relro

include $(top_srcdir)/plugins/virtio-blk/local.mk
include $(top_srcdir)/plugins/virtio-net/local.mk
include $(top_srcdir)/plugins/virtio-rng/local.mk

# Nobody links plugins: their libtool archives stay here.
install-data-hook:
	rm -f $(DESTDIR)$(plugindir)/*.la

# libtool would have found the files to remove in those archives.
uninstall-hook:
	for plugin in $(plugin_LTLIBRARIES); do rm -f $(DESTDIR)$(plugindir)/`basename $$plugin .la`.so; done
