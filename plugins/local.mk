# SPDX-License-Identifier: Apache-2.0
# Plugins see include/mortise alone, export one symbol and leave none of the host's undefined.

plugin_LTLIBRARIES =
PLUGIN_CPPFLAGS = -I$(top_srcdir)/include -D_GNU_SOURCE
PLUGIN_CFLAGS = -std=gnu11 $(WARN_CFLAGS) $(SANITIZE_FLAGS) -fvisibility=hidden
PLUGIN_LDFLAGS = $(SANITIZE_FLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^mortise_plugin_v1$$' $(PLUGIN_DEFS) -Wl,-z,now,-z,nodelete,-z,relro

# Nobody links plugins: their libtool archives stay here.
install-exec-hook:
	rm -f $(plugin_LTLIBRARIES:plugins/%=$(DESTDIR)$(plugindir)/%) $(DESTDIR)$(plugindir)/*.la
