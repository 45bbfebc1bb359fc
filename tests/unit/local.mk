# SPDX-License-Identifier: Apache-2.0

if HAVE_CMOCKA
EXTRA_DIST += tests/unit/unit.h

UNIT_LIBS = $(CORE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS =
BLOCK_FIXTURE = tests/unit/block-fixture.c tests/unit/block-fixture.h
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

include $(top_srcdir)/tests/unit/plugins/local.mk

UNIT_TESTS += tests/unit/test-block-open
tests_unit_test_block_open_SOURCES = tests/unit/test-block-open.c $(BLOCK_FIXTURE)
tests_unit_test_block_open_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-uring
tests_unit_test_block_uring_SOURCES = tests/unit/test-block-io.c $(BLOCK_FIXTURE)
tests_unit_test_block_uring_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_OPTIONS='",aio=io_uring"'
tests_unit_test_block_uring_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-threads
tests_unit_test_block_threads_SOURCES = tests/unit/test-block-io.c $(BLOCK_FIXTURE)
tests_unit_test_block_threads_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_OPTIONS='",aio=threads"'
tests_unit_test_block_threads_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-uring-direct
tests_unit_test_block_uring_direct_SOURCES = tests/unit/test-block-io.c $(BLOCK_FIXTURE)
tests_unit_test_block_uring_direct_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_OPTIONS='",aio=io_uring,cache.direct=on"'
tests_unit_test_block_uring_direct_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-threads-direct
tests_unit_test_block_threads_direct_SOURCES = tests/unit/test-block-io.c $(BLOCK_FIXTURE)
tests_unit_test_block_threads_direct_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_OPTIONS='",aio=threads,cache.direct=on"'
tests_unit_test_block_threads_direct_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-device
tests_unit_test_block_device_SOURCES = tests/unit/test-block-device.c $(BLOCK_FIXTURE)
tests_unit_test_block_device_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-hang
tests_unit_test_block_hang_SOURCES = tests/unit/test-block-hang.c $(BLOCK_FIXTURE)
tests_unit_test_block_hang_LDADD = $(UNIT_LIBS)

if HAVE_NBD
UNIT_TESTS += tests/unit/test-block-nbd
endif
tests_unit_test_block_nbd_SOURCES = tests/unit/test-block-nbd.c $(BLOCK_FIXTURE) tests/unit/nbd-server.c tests/unit/nbd-server.h \
	plugins/block-nbd/block-nbd.c plugins/block-nbd/connect.c plugins/block-nbd/nbd.h plugins/block-nbd/requests.c
tests_unit_test_block_nbd_CFLAGS = $(AM_CFLAGS) $(NBD_CFLAGS)
tests_unit_test_block_nbd_LDADD = $(UNIT_LIBS) $(NBD_LIBS)

UNIT_TESTS += tests/unit/test-block-driver
tests_unit_test_block_driver_SOURCES = tests/unit/test-block-driver.c $(BLOCK_FIXTURE)
tests_unit_test_block_driver_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-qemu
tests_unit_test_block_qemu_SOURCES = tests/unit/test-block-qemu.c $(BLOCK_FIXTURE)
tests_unit_test_block_qemu_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-refused
tests_unit_test_block_refused_SOURCES = tests/unit/test-block-refused.c $(BLOCK_FIXTURE)
tests_unit_test_block_refused_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-reopen
tests_unit_test_block_reopen_SOURCES = tests/unit/test-block-reopen.c $(BLOCK_FIXTURE)
tests_unit_test_block_reopen_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-block-step
tests_unit_test_block_step_SOURCES = tests/unit/test-block-step.c tests/unit/block-fixture.h
tests_unit_test_block_step_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-workers
tests_unit_test_workers_SOURCES = tests/unit/test-workers.c
tests_unit_test_workers_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/test-sha256
tests_unit_test_sha256_SOURCES = tests/unit/test-sha256.c
tests_unit_test_sha256_LDADD = $(UNIT_LIBS)

PLUGIN_FIXTURE = tests/unit/plugin-fixture.c tests/unit/plugin-fixture.h

UNIT_TESTS += tests/unit/test-plugin-find
tests_unit_test_plugin_find_SOURCES = tests/unit/test-plugin-find.c $(PLUGIN_FIXTURE)
tests_unit_test_plugin_find_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-plugin-load
tests_unit_test_plugin_load_SOURCES = tests/unit/test-plugin-load.c $(PLUGIN_FIXTURE)
tests_unit_test_plugin_load_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-plugin-check
tests_unit_test_plugin_check_SOURCES = tests/unit/test-plugin-check.c
tests_unit_test_plugin_check_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-properties
tests_unit_test_properties_SOURCES = tests/unit/test-properties.c
tests_unit_test_properties_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-plugin-instance
tests_unit_test_plugin_instance_SOURCES = tests/unit/test-plugin-instance.c $(PLUGIN_FIXTURE) $(BLOCK_FIXTURE)
tests_unit_test_plugin_instance_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-virtio-blk
tests_unit_test_virtio_blk_SOURCES = tests/unit/test-virtio-blk.c plugins/virtio-blk/disk.h 	plugins/virtio-blk/request.c plugins/virtio-blk/virtio-blk.c
tests_unit_test_virtio_blk_LDADD = $(CMOCKA_LIBS)

# Plugins' code alone, against a host made of arrays.
FAKE_HOST = tests/unit/fake-host.c tests/unit/fake-host.h

UNIT_TESTS += tests/unit/test-virtio-balloon
tests_unit_test_virtio_balloon_SOURCES = tests/unit/test-virtio-balloon.c $(FAKE_HOST) plugins/virtio-balloon/virtio-balloon.c
tests_unit_test_virtio_balloon_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-virtio-rng
tests_unit_test_virtio_rng_SOURCES = tests/unit/test-virtio-rng.c $(FAKE_HOST) plugins/virtio-rng/virtio-rng.c
tests_unit_test_virtio_rng_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-virtio-vsock
tests_unit_test_virtio_vsock_SOURCES = tests/unit/test-virtio-vsock.c $(FAKE_HOST) plugins/virtio-vsock/connection.c \
	plugins/virtio-vsock/packet.c plugins/virtio-vsock/virtio-vsock.c plugins/virtio-vsock/vsock.h
tests_unit_test_virtio_vsock_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-virtio-serial
tests_unit_test_virtio_serial_SOURCES = tests/unit/test-virtio-serial.c $(FAKE_HOST) plugins/virtio-serial/control.c \
	plugins/virtio-serial/data.c plugins/virtio-serial/port.c plugins/virtio-serial/serial.h \
	plugins/virtio-serial/virtio-serial.c
tests_unit_test_virtio_serial_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-virtio-net
NIC = plugins/virtio-net/control.c plugins/virtio-net/filter.c plugins/vhost/vhost-kernel.c plugins/vhost/vhost.c \
	plugins/vhost/vhost.h plugins/virtio-net/frames.c plugins/virtio-net/kernel.c plugins/virtio-net/virtio-net.c \
	plugins/virtio-net/virtio-net.h
tests_unit_test_virtio_net_SOURCES = tests/unit/test-virtio-net.c $(FAKE_HOST) $(NIC)
tests_unit_test_virtio_net_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test-virtio-net-vhost
KVM_TESTS += tests/unit/test-virtio-net-vhost
tests_unit_test_virtio_net_vhost_SOURCES = tests/unit/test-virtio-net-vhost.c $(FAKE_HOST) $(NIC)
tests_unit_test_virtio_net_vhost_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-qmp-check
tests_unit_test_qmp_check_SOURCES = tests/unit/test-qmp-check.c
tests_unit_test_qmp_check_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-qmp-reader
tests_unit_test_qmp_reader_SOURCES = tests/unit/test-qmp-reader.c
tests_unit_test_qmp_reader_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-qmp-schema
tests_unit_test_qmp_schema_SOURCES = tests/unit/test-qmp-schema.c
tests_unit_test_qmp_schema_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-qmp-server
tests_unit_test_qmp_server_SOURCES = tests/unit/test-qmp-server.c
tests_unit_test_qmp_server_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-base
tests_unit_test_base_SOURCES = tests/unit/test-base.c
tests_unit_test_base_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-loop
tests_unit_test_loop_SOURCES = tests/unit/test-loop.c
tests_unit_test_loop_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-x86-boot
tests_unit_test_x86_boot_SOURCES = tests/unit/test-x86-boot.c
tests_unit_test_x86_boot_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-x86-board
tests_unit_test_x86_board_SOURCES = tests/unit/test-x86-board.c
tests_unit_test_x86_board_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-machine
tests_unit_test_machine_SOURCES = tests/unit/test-machine.c
tests_unit_test_machine_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-boot
tests_unit_test_boot_SOURCES = tests/unit/test-boot.c
tests_unit_test_boot_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-cli
tests_unit_test_cli_SOURCES = tests/unit/test-cli.c
tests_unit_test_cli_LDADD = $(UNIT_LIBS)

RING_FIXTURE = tests/unit/ring.c tests/unit/ring.h

UNIT_TESTS += tests/unit/test-virtqueue
tests_unit_test_virtqueue_SOURCES = tests/unit/test-virtqueue.c $(RING_FIXTURE)
tests_unit_test_virtqueue_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-empty
tests_unit_test_empty_SOURCES = tests/unit/test-empty.c
tests_unit_test_empty_LDADD = $(UNIT_LIBS)

SLOT_FIXTURE = tests/unit/slot-fixture.c tests/unit/slot-fixture.h $(RING_FIXTURE)

UNIT_TESTS += tests/unit/test-transport
tests_unit_test_transport_SOURCES = tests/unit/test-transport.c $(SLOT_FIXTURE)
tests_unit_test_transport_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-slot
tests_unit_test_slot_SOURCES = tests/unit/test-slot.c $(SLOT_FIXTURE)
tests_unit_test_slot_LDADD = $(UNIT_LIBS)

# Notified by eventfds, as under KVM.
UNIT_TESTS += tests/unit/test-slot-bells
tests_unit_test_slot_bells_SOURCES = tests/unit/test-slot.c $(SLOT_FIXTURE)
tests_unit_test_slot_bells_CPPFLAGS = $(AM_CPPFLAGS) -DFIXTURE_TIES=true
tests_unit_test_slot_bells_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-handover
tests_unit_test_handover_SOURCES = tests/unit/test-handover.c $(SLOT_FIXTURE)
tests_unit_test_handover_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-command
tests_unit_test_command_SOURCES = tests/unit/test-command.c $(SLOT_FIXTURE)
tests_unit_test_command_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-plugin-policy
tests_unit_test_plugin_policy_SOURCES = tests/unit/test-plugin-policy.c tests/unit/plugin-fixture.c \
	tests/unit/plugin-fixture.h
tests_unit_test_plugin_policy_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-plugin-monitor
tests_unit_test_plugin_monitor_SOURCES = tests/unit/test-plugin-monitor.c
tests_unit_test_plugin_monitor_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-services
tests_unit_test_services_SOURCES = tests/unit/test-services.c $(SLOT_FIXTURE)
tests_unit_test_services_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-old-plugins
tests_unit_test_old_plugins_SOURCES = tests/unit/test-old-plugins.c $(PLUGIN_FIXTURE) $(SLOT_FIXTURE)
tests_unit_test_old_plugins_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-vring
tests_unit_test_vring_SOURCES = tests/unit/test-vring.c $(SLOT_FIXTURE)
tests_unit_test_vring_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-char
tests_unit_test_char_SOURCES = tests/unit/test-char.c
tests_unit_test_char_LDADD = $(UNIT_LIBS)

NET_FIXTURE = tests/unit/net-fixture.c tests/unit/net-fixture.h

UNIT_TESTS += tests/unit/test-net
tests_unit_test_net_SOURCES = tests/unit/test-net.c $(NET_FIXTURE)
tests_unit_test_net_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-net-driver
tests_unit_test_net_driver_SOURCES = tests/unit/test-net-driver.c $(NET_FIXTURE)
tests_unit_test_net_driver_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-net-tap
tests_unit_test_net_tap_SOURCES = tests/unit/test-net-tap.c $(NET_FIXTURE)
tests_unit_test_net_tap_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-net-gso
tests_unit_test_net_gso_SOURCES = tests/unit/test-net-gso.c
tests_unit_test_net_gso_LDADD = $(UNIT_LIBS)
HART_RIG = tests/unit/hart-rig.c tests/unit/hart-rig.h tests/unit/rv.h

if HOST_X86_64
UNIT_TESTS += tests/unit/test-hart-decode
tests_unit_test_hart_decode_SOURCES = tests/unit/test-hart-decode.c
tests_unit_test_hart_decode_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-simplify
tests_unit_test_hart_simplify_SOURCES = tests/unit/test-hart-simplify.c tests/unit/rv.h
tests_unit_test_hart_simplify_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-trap
tests_unit_test_hart_trap_SOURCES = tests/unit/test-hart-trap.c $(HART_RIG)
tests_unit_test_hart_trap_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-code
tests_unit_test_hart_code_SOURCES = tests/unit/test-hart-code.c $(HART_RIG)
tests_unit_test_hart_code_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-smp
tests_unit_test_hart_smp_SOURCES = tests/unit/test-hart-smp.c $(HART_RIG)
tests_unit_test_hart_smp_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-trap-interpreted
tests_unit_test_hart_trap_interpreted_SOURCES = tests/unit/test-hart-trap.c $(HART_RIG)
tests_unit_test_hart_trap_interpreted_CPPFLAGS = $(AM_CPPFLAGS) -DRIG_OPTIONS='"jit=off"'
tests_unit_test_hart_trap_interpreted_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-trap-small
tests_unit_test_hart_trap_small_SOURCES = tests/unit/test-hart-trap.c $(HART_RIG)
tests_unit_test_hart_trap_small_CPPFLAGS = $(AM_CPPFLAGS) -DRIG_OPTIONS='"jit-cache=64K"'
tests_unit_test_hart_trap_small_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-code-interpreted
tests_unit_test_hart_code_interpreted_SOURCES = tests/unit/test-hart-code.c $(HART_RIG)
tests_unit_test_hart_code_interpreted_CPPFLAGS = $(AM_CPPFLAGS) -DRIG_OPTIONS='"jit=off"'
tests_unit_test_hart_code_interpreted_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-code-small
tests_unit_test_hart_code_small_SOURCES = tests/unit/test-hart-code.c $(HART_RIG)
tests_unit_test_hart_code_small_CPPFLAGS = $(AM_CPPFLAGS) -DRIG_OPTIONS='"jit-cache=64K"'
tests_unit_test_hart_code_small_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-smp-interpreted
tests_unit_test_hart_smp_interpreted_SOURCES = tests/unit/test-hart-smp.c $(HART_RIG)
tests_unit_test_hart_smp_interpreted_CPPFLAGS = $(AM_CPPFLAGS) -DRIG_OPTIONS='"jit=off"'
tests_unit_test_hart_smp_interpreted_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-hart-smp-small
tests_unit_test_hart_smp_small_SOURCES = tests/unit/test-hart-smp.c $(HART_RIG)
tests_unit_test_hart_smp_small_CPPFLAGS = $(AM_CPPFLAGS) -DRIG_OPTIONS='"jit-cache=64K"'
tests_unit_test_hart_smp_small_LDADD = $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-kvm
KVM_TESTS += tests/unit/test-kvm
tests_unit_test_kvm_SOURCES = tests/unit/test-kvm.c
tests_unit_test_kvm_LDADD = $(UNIT_LIBS)
endif
endif
