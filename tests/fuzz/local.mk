# SPDX-License-Identifier: Apache-2.0
# A fuzz target fuzz-NAME.c is a program replay-NAME of `make check`, which runs it on corpus/NAME and on fixed mutations of
# that, and with `make fuzz` (clang) a libFuzzer program tests/fuzz/fuzz-NAME.

check_PROGRAMS += tests/fuzz/replay-qmp-reader
TESTS += tests/fuzz/replay-qmp-reader
tests_fuzz_replay_qmp_reader_SOURCES = tests/fuzz/fuzz-qmp-reader.c tests/fuzz/replay.c
tests_fuzz_replay_qmp_reader_LDADD = $(CORE_LIBS)

check_PROGRAMS += tests/fuzz/replay-transport
TESTS += tests/fuzz/replay-transport
tests_fuzz_replay_transport_SOURCES = tests/fuzz/fuzz-transport.c tests/fuzz/replay.c
tests_fuzz_replay_transport_LDADD = $(CORE_LIBS)

if HAVE_CMOCKA
if HOST_X86_64
check_PROGRAMS += tests/fuzz/jit
TESTS += tests/fuzz/jit
tests_fuzz_jit_SOURCES = tests/fuzz/jit.c tests/unit/hart-rig.c tests/unit/hart-rig.h tests/unit/rv.h
tests_fuzz_jit_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
endif
endif

# From seed to seed until one differs; FUZZ_JIT="SEED SECONDS" ends it.
FUZZ_JIT =
fuzz-jit: tests/fuzz/jit
	jit="$(FUZZ_JIT)"; tests/fuzz/jit $${jit:-$$(date +%s)000000 0}

EXTRA_DIST += tests/fuzz/corpus
CLEANFILES += $(FUZZ_BINARIES)

FUZZ_CC = clang
FUZZ_COMPILE = $(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) $(CJSON_CFLAGS) -g -O1 -std=gnu11 \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
FUZZ_BINARIES = tests/fuzz/fuzz-qmp-reader tests/fuzz/fuzz-transport

FUZZ_QMP_READER = tests/fuzz/fuzz-qmp-reader.c src/qmp/json.c src/qmp/lexer.c src/qmp/reader.c src/qmp/text.c \
	src/qmp/writer.c
tests/fuzz/fuzz-qmp-reader: $(FUZZ_QMP_READER)
	$(AM_V_CC)$(MKDIR_P) tests/fuzz && $(FUZZ_COMPILE) -o $@ $(FUZZ_QMP_READER:%=$(srcdir)/%) $(CJSON_LIBS)

FUZZ_TRANSPORT = tests/fuzz/fuzz-transport.c src/base/log.c src/base/loop.c src/base/ram.c src/bus/device.c \
	src/bus/empty.c src/bus/empty-blk.c src/bus/empty-net.c src/bus/exchange.c src/bus/feature.c \
	src/bus/services.c src/bus/slot.c src/bus/steps.c src/bus/transition.c src/bus/transport.c src/bus/virtqueue.c
tests/fuzz/fuzz-transport: $(FUZZ_TRANSPORT)
	$(AM_V_CC)$(MKDIR_P) tests/fuzz && $(FUZZ_COMPILE) -pthread -o $@ $(FUZZ_TRANSPORT:%=$(srcdir)/%) $(EVENT_LIBS)

.PHONY: fuzz fuzz-jit
fuzz: $(FUZZ_BINARIES)
	@echo "Run for example: tests/fuzz/fuzz-qmp-reader -max_len=65536 tests/fuzz/corpus/qmp-reader"
