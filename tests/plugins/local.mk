# SPDX-License-Identifier: Apache-2.0
# Plugins for tests that load them into a running VM, in tests/plugins/.libs under names of their own.

check_LTLIBRARIES += tests/plugins/blk-2.la
tests_plugins_blk_2_la_SOURCES = tests/plugins/virtio-blk-next.c plugins/virtio-blk/request.c
tests_plugins_blk_2_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"2.0.0"'
tests_plugins_blk_2_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_blk_2_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/plugins/blk-2-1.la
tests_plugins_blk_2_1_la_SOURCES = tests/plugins/virtio-blk-next.c plugins/virtio-blk/request.c
tests_plugins_blk_2_1_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"2.1.0"' -DNEXT_FORMAT=2
tests_plugins_blk_2_1_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_blk_2_1_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/plugins/blk-refuses.la
tests_plugins_blk_refuses_la_SOURCES = tests/plugins/virtio-blk-next.c plugins/virtio-blk/request.c
tests_plugins_blk_refuses_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"3.0.0"' -DNEXT_REFUSES
tests_plugins_blk_refuses_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_blk_refuses_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/plugins/blk-poor.la
tests_plugins_blk_poor_la_SOURCES = tests/plugins/virtio-blk-next.c plugins/virtio-blk/request.c
tests_plugins_blk_poor_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"3.1.0"' -DNEXT_POOR
tests_plugins_blk_poor_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_blk_poor_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/plugins/blk-other.la
tests_plugins_blk_other_la_SOURCES = tests/plugins/virtio-blk-next.c plugins/virtio-blk/request.c
tests_plugins_blk_other_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"3.2.0"' -DNEXT_DRIVER='"virtio-blk-other"'
tests_plugins_blk_other_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_blk_other_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/plugins/blk-stuck.la
tests_plugins_blk_stuck_la_SOURCES = tests/plugins/virtio-blk-next.c plugins/virtio-blk/request.c
tests_plugins_blk_stuck_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"3.3.0"' -DNEXT_STUCK
tests_plugins_blk_stuck_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_blk_stuck_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/plugins/net-2.la
tests_plugins_net_2_la_SOURCES = tests/plugins/virtio-net-next.c $(VIRTIO_NET_PARTS)
tests_plugins_net_2_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"2.0.0"'
tests_plugins_net_2_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_net_2_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere
tests_plugins_net_2_la_LIBADD = plugins/libvhost-kernel.la

check_LTLIBRARIES += tests/plugins/net-2-1.la
tests_plugins_net_2_1_la_SOURCES = tests/plugins/virtio-net-next.c $(VIRTIO_NET_PARTS)
tests_plugins_net_2_1_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"2.1.0"'
tests_plugins_net_2_1_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_net_2_1_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere
tests_plugins_net_2_1_la_LIBADD = plugins/libvhost-kernel.la

check_LTLIBRARIES += tests/plugins/acme-gauge.la
tests_plugins_acme_gauge_la_SOURCES = tests/plugins/acme-gauge.c
tests_plugins_acme_gauge_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"1.0.0"'
tests_plugins_acme_gauge_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_acme_gauge_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/plugins/acme-gauge-2.la
tests_plugins_acme_gauge_2_la_SOURCES = tests/plugins/acme-gauge.c
tests_plugins_acme_gauge_2_la_CPPFLAGS = $(PLUGIN_CPP) -DNEXT_VERSION='"2.0.0"'
tests_plugins_acme_gauge_2_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_acme_gauge_2_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/plugins/block-null-plugin.la
tests_plugins_block_null_plugin_la_SOURCES = tests/plugins/block-null-plugin.c
tests_plugins_block_null_plugin_la_CPPFLAGS = $(PLUGIN_CPP) -I$(top_srcdir)/src
tests_plugins_block_null_plugin_la_CFLAGS = $(PLUGIN_CC)
tests_plugins_block_null_plugin_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere
