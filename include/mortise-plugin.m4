# SPDX-License-Identifier: Apache-2.0
# mortise-plugin.m4 - for a plugin's configure.ac.

# MORTISE_PLUGIN
# --------------
# Finds the headers and sets, for automake, PLUGIN_CFLAGS, PLUGIN_LDFLAGS (a libtool module that exports its description
# alone) and plugindir (see --with-plugindir). Wants PKG_PROG_PKG_CONFIG and LT_INIT before it.
AC_DEFUN([MORTISE_PLUGIN], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
PKG_CHECK_MODULES([PLUGIN], [mortise-plugin])
AC_ARG_WITH([plugindir],
	[AS_HELP_STRING([--with-plugindir=DIR], [where Mortise looks for plugins])],
	[plugindir=$withval], [PKG_CHECK_VAR([plugindir], [mortise-plugin], [plugindir])])
AC_SUBST([plugindir])
PLUGIN_LDFLAGS="-module -avoid-version -shared -no-undefined -export-symbols-regex '^mortise_plugin_v1\$\$'"
PLUGIN_LDFLAGS="$PLUGIN_LDFLAGS -Wl,-z,defs,-z,now,-z,relro,-z,nodelete"
AC_SUBST([PLUGIN_LDFLAGS])
])
