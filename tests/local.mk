# SPDX-License-Identifier: Apache-2.0
include $(top_srcdir)/tests/unit/local.mk
include $(top_srcdir)/tests/hart/local.mk
include $(top_srcdir)/tests/guest/local.mk
include $(top_srcdir)/tests/cli/local.mk
include $(top_srcdir)/tests/qmp/local.mk
include $(top_srcdir)/tests/sdk/local.mk
include $(top_srcdir)/tests/fuzz/local.mk
include $(top_srcdir)/tests/bench/local.mk
