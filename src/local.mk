# SPDX-License-Identifier: Apache-2.0
# The core is one archive, so that unit tests link what the program links; folders append to it.

noinst_LIBRARIES += libmortise.a
libmortise_a_SOURCES =
CORE_LIBS = libmortise.a $(LTDL_LIBS) $(FDT_LIBS) $(EVENT_LIBS) $(CJSON_LIBS) $(URING_LIBS) $(ZLIB_LIBS) \
	$(SLIRP_LIBS) -lm

include $(top_srcdir)/src/base/local.mk
include $(top_srcdir)/src/accel/local.mk
include $(top_srcdir)/src/backend/local.mk
include $(top_srcdir)/src/bus/local.mk
include $(top_srcdir)/src/plugin/local.mk
include $(top_srcdir)/src/machine/local.mk
include $(top_srcdir)/src/vm/local.mk
include $(top_srcdir)/src/qmp/local.mk
include $(top_srcdir)/src/cli/local.mk

bin_PROGRAMS += mortise
mortise_SOURCES = src/main.c
mortise_LDADD = $(CORE_LIBS)
