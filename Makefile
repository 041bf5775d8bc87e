# gan_dist: one program over one library.
#
#   make                  the program ./gan_dist and the library, under build/
#   make check            every test (what scripts/check.sh runs after installing packages)
#   make check-fast       most of them, in two minutes, for whoever edits
#   make sanitize         the same program and tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   make tsan             what has threads, and its tests, under ThreadSanitizer, for tests/run.sh build/tsan
#   make fuzz             programs that try made-up input on all that reads files and texts
#   make clang            the program and tests with another compiler than gcc
#   make install          program, library, headers under PREFIX (default /usr/local)
#   make simgrid          the exchanges of training for SimGrid, which scripts/predict-check.py runs
#   make format           clang-format over all sources
#   make clean            removes build/ and ./gan_dist
#   make ONEDNN=0         without oneDNN, which is used on x86-64 when its header is found
#   make MPICC=mpicc.mpich BUILD=build/mpich       with another MPI library than mpicc's
#   make CC=aarch64-linux-gnu-gcc AR=.. MPICC=true MPI_CFLAGS=.. MPI_LIBS=..    for another CPU, PKG_CONFIG_LIBDIR set to its
#                         libraries: scripts/check-distributions.sh does it
#
# Objects of another configuration go elsewhere: BUILD=build/sanitize SANITIZE=1,
# BUILD=build/openblas ONEDNN=0.

comma := ,
# V=1 shows the commands.
PREFIX   ?= /usr/local
DESTDIR  ?=
Q         = $(if $(V),,@)
BUILD    ?= build
CC        = gcc
OPT      ?= -O3
PKG_CONFIG ?= pkg-config
# Open MPI's and MPICH's compilers both understand -show; of what they show, what is said to the preprocessor and linker.
MPICC      ?= mpicc
MPI_SHOWN  := $(shell $(MPICC) -show)
MPI_CFLAGS := $(filter -I% -D%,$(MPI_SHOWN))
MPI_LIBS   := $(filter -L% -l% -Wl$(comma)%,$(MPI_SHOWN))
PACKAGES   := openblas inih libpng zlib json-c libxxhash
# The interface of HDF5 1.10, which later versions offer besides their own.
HDF5_CFLAGS := $(shell $(PKG_CONFIG) --cflags hdf5 2>/dev/null || echo -I/usr/include/hdf5/serial) -DH5_USE_110_API
HDF5_LIBS   := $(shell $(PKG_CONFIG) --libs hdf5 2>/dev/null || echo -lhdf5_serial)

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror=implicit-function-declaration
# No contraction into fused multiply-adds: results must not depend on how a loop was vectorised (src/kernels/kernels.h).
CFLAGS  += -std=c11 -D_GNU_SOURCE $(OPT) -g -fno-math-errno -ffp-contract=off -fPIC -fvisibility=hidden $(WARNINGS) -MMD -MP
CPPFLAGS += -Iinclude -Isrc -I$(BUILD) $(shell $(PKG_CONFIG) --cflags $(PACKAGES)) $(HDF5_CFLAGS)
LDLIBS  += $(shell $(PKG_CONFIG) --libs $(PACKAGES)) $(HDF5_LIBS) $(MPI_LIBS) -lm -pthread
# oneDNN's products are fast on x86-64 only.
ifndef ONEDNN
ONEDNN := $(shell $(CC) -dumpmachine | grep -q '^x86_64' && echo '\#include <dnnl.h>' | $(CC) -E - >/dev/null 2>&1 && echo 1)
endif
ifeq ($(ONEDNN),1)
CPPFLAGS += -DGAN_ONEDNN
LDLIBS   += -ldnnl
endif
# SANITIZE=thread looks for data races; any other value for errors of memory and undefined behaviour.
ifdef SANITIZE
# What clang then cannot vectorise is no news.
SANITIZERS := $(if $(filter thread,$(SANITIZE)),thread,address$(comma)undefined)
CFLAGS  += -fsanitize=$(SANITIZERS) -fno-sanitize-recover=undefined -fno-omit-frame-pointer -Wno-pass-failed
LDFLAGS += -fsanitize=$(SANITIZERS)
# Without it, tiles are in memory instead of registers, each access is checked, and products take 30 times as long.
$(BUILD)/src/kernels/tiles.o $(BUILD)/src/kernels/tiles_avx2.o: CFLAGS += -O2
endif

LIBRARY_SOURCES := $(filter-out src/cli/% $(if $(filter 1,$(ONEDNN)),,src/kernels/onednn.c),$(wildcard src/*/*.c)) \
  $(if $(filter-out thread,$(SANITIZE)),tests/sanitize/mpi.c)
PROGRAM_SOURCES := $(wildcard src/cli/*.c)
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/presets.o
PROGRAM_OBJECTS := $(PROGRAM_SOURCES:%.c=$(BUILD)/%.o)
UNIT_TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*_test.c))
MPI_TESTS  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/mpi/*_test.c))
TOOLS      := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/tools/*.c))
FUZZERS    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/fuzz/*_fuzz.c) tests/fuzz/faulty.c)
EXAMPLES   := $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c))
PROGRAM    := $(if $(filter build,$(BUILD)),gan_dist,$(BUILD)/gan_dist)

.PHONY: all tests fuzz check check-fast sanitize tsan clang emulated simgrid convolutions products features frechet install format clean
all: $(PROGRAM) $(BUILD)/libgandist.a $(BUILD)/libgandist.so

$(PROGRAM): $(PROGRAM_OBJECTS) $(BUILD)/libgandist.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libgandist.a: $(LIBRARY_OBJECTS)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(BUILD)/libgandist.so: $(LIBRARY_OBJECTS)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,libgandist.so -o $@ $^ $(LDLIBS)

# Only src/dist sees mpi.h, and of the tests those of what MPI itself does.
$(BUILD)/src/dist/%.o $(BUILD)/tests/sanitize/%.o: CPPFLAGS += $(MPI_CFLAGS)
$(BUILD)/tests/unit/single_thread_test $(BUILD)/tests/unit/alone_test: private CPPFLAGS += $(MPI_CFLAGS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

# Presets: the INI files of configs/ as C text.
$(BUILD)/presets.c: $(wildcard configs/*.ini) scripts/embed-presets.sh
	@mkdir -p $(@D)
	scripts/embed-presets.sh configs/*.ini > $@.new && mv $@.new $@

$(BUILD)/presets.o: $(BUILD)/presets.c
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

# Tests and examples. Unit tests may use tests/unit/support.h.
tests: all $(UNIT_TESTS) $(MPI_TESTS) $(TOOLS) $(FUZZERS) $(EXAMPLES)

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libgandist.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -Itests $(LDFLAGS) -o $@ $< $(BUILD)/libgandist.a -lcmocka $(LDLIBS)

$(BUILD)/tests/mpi/%: tests/mpi/%.c $(BUILD)/libgandist.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -Itests $(LDFLAGS) -o $@ $< $(BUILD)/libgandist.a -lcmocka $(LDLIBS)

# What tests/cli asks; knows nothing of the library, which it is to judge.
$(BUILD)/tests/tools/%: tests/tools/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -o $@ $< $(LDLIBS)

$(BUILD)/examples/%: examples/%.c $(BUILD)/libgandist.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Iinclude $(LDFLAGS) -o $@ $< $(BUILD)/libgandist.a $(LDLIBS)

# Made-up input for every reader of files and texts: BUILD/tests/fuzz/NAME_fuzz runs for a moment. With LIBFUZZER=1 and
# CC=clang they are libFuzzer's programs instead, which learn from what the code does with an input; in a BUILD of its own.
ifdef LIBFUZZER
CFLAGS  += -fsanitize=fuzzer-no-link
FUZZ_MAIN := -fsanitize=fuzzer
else
FUZZ_MAIN := $(BUILD)/tests/fuzz/driver.o
endif
FUZZ_OBJECTS := $(BUILD)/tests/fuzz/support.o $(if $(LIBFUZZER),,$(BUILD)/tests/fuzz/driver.o)

fuzz: $(FUZZERS)
$(BUILD)/tests/fuzz/%.o: CPPFLAGS += -Itests
$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_OBJECTS) $(BUILD)/libgandist.a
	$(Q)$(CC) $(LDFLAGS) -rdynamic -o $@ $< $(BUILD)/tests/fuzz/support.o $(FUZZ_MAIN) $(BUILD)/libgandist.a $(LDLIBS) -ldl

# Where docs/performance.md has its tables of convolutions and products from, scripts/compare/quality.py its distance, and
# scripts/compare/features.py what the network of a file makes of samples.
convolutions products features frechet layers: %: $(BUILD)/compare/%
$(BUILD)/compare/%: scripts/compare/%.c $(BUILD)/libgandist.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libgandist.a $(LDLIBS)

check: tests
	tests/run.sh $(BUILD)

check-fast: tests
	FAST=1 tests/run.sh $(BUILD)

sanitize:
	$(MAKE) BUILD=build/sanitize SANITIZE=1 OPT=-O1 check

clang:
	$(MAKE) BUILD=build/clang CC=clang check

# What runs in threads of our own: the loader, the watchdog, signs of life between hosts; and training with all of them.
TSAN := build/tsan
TSAN_TESTS := unit/loader_test mpi/watchdog_test mpi/heartbeat_test mpi/steady_test

tsan:
	$(Q)$(MAKE) --no-print-directory BUILD=$(TSAN) SANITIZE=thread OPT=-O1 $(TSAN_TESTS:%=$(TSAN)/tests/%)
	$(Q)printf '%s\n' $(TSAN_TESTS) >$(TSAN)/tests.list

# The kernels written for AVX-512 and AVX512_BF16, with these instructions in plain C (tests/emulated), for CPUs without
# them; and the tests that meet them, which tests/run.sh finds by the list. With sanitizers the optimiser would take
# minutes for the kernels: they go without it, and without the program, which they then make too slow for tests.
EMULATED := $(BUILD)/emulated
EMULATED_OBJECTS := $(patsubst %,$(EMULATED)/src/kernels/%.o,environment row_products tiles unfolding)
EMULATED_TESTS := $(patsubst %,$(EMULATED)/tests/unit/%_test,backends convolution layers packed_gemm packed_rows shard_convolution shard_products tangent)

emulated: $(EMULATED_TESTS) $(if $(SANITIZE),,$(EMULATED)/gan_dist)
	$(Q)printf '%s\n' $(EMULATED_TESTS:$(EMULATED)/tests/%=%) $(if $(SANITIZE),,cli/backend_test cli/end_hash_test) >$(EMULATED)/tests.list

$(EMULATED_OBJECTS): $(EMULATED)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(if $(SANITIZE),-O0) -Wno-psabi -Itests/emulated $(CPPFLAGS) -c -o $@ $<

$(EMULATED_TESTS): $(EMULATED)/tests/unit/%: tests/unit/%.c $(EMULATED_OBJECTS) $(BUILD)/libgandist.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -Itests $(LDFLAGS) -o $@ $< $(EMULATED_OBJECTS) $(BUILD)/libgandist.a -lcmocka $(LDLIBS)

$(EMULATED)/gan_dist: $(PROGRAM_OBJECTS) $(EMULATED_OBJECTS) $(BUILD)/libgandist.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The code of src/dist as SimGrid's MPI runs it, with tests/simgrid in place of what SimGrid cannot do.
SIMGRID_SOURCES := $(wildcard tests/simgrid/*.c) src/base/error.c src/base/fault.c src/base/hash.c src/base/clock.c \
  src/base/shards.c src/kernels/vector.c $(filter-out src/dist/wait.c src/dist/watchdog.c src/dist/time_limit.c \
  src/dist/heartbeat.c src/dist/ticker.c src/dist/benchmark.c src/dist/link.c src/dist/predict.c,$(wildcard src/dist/*.c))

simgrid: build/simgrid/iterate
build/simgrid/iterate: $(SIMGRID_SOURCES) $(wildcard tests/simgrid/*.h src/dist/*.h src/base/*.h)
	@mkdir -p $(@D)
	$(Q)smpicc -std=c11 -D_GNU_SOURCE -O2 -g $(WARNINGS) -Iinclude -Isrc -Itests/simgrid -include tests/simgrid/collectives.h \
	  $(shell pkg-config --cflags libxxhash) -o $@ $(SIMGRID_SOURCES) $(shell pkg-config --libs libxxhash) -lm -pthread

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include/gan_dist
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/gan_dist
	install -m 644 $(BUILD)/libgandist.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(BUILD)/libgandist.so $(DESTDIR)$(PREFIX)/lib
	install -m 644 include/gan_dist/*.h $(DESTDIR)$(PREFIX)/include/gan_dist

format:
	clang-format -i $(wildcard include/*/*.h src/*/*.[ch] tests/*/*.[ch] examples/*.c scripts/*/*.c)

clean:
	rm -rf build gan_dist

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
