# SPDX-License-Identifier: Apache-2.0
# Two commands do everything on a fresh Debian 12: `make run` and `make check`.

BUILD ?= build
PYTHON := /usr/bin/python3
JOBS := $(shell nproc)

.PHONY: help run check packages test-packages build test lint format bench stress fuzz asan tsan coverage check-interop notebooks install deb clean

help:
	@echo 'make run       install packages, build, start a kernel daemon, run a script in it, stop it'
	@echo 'make check     install packages, build, run the whole test suite'
	@echo 'make check-interop  JupyterLab 4 and @jupyterlab/services, out of npm (0.5 GB)'
	@echo 'make build     configure and build into $(BUILD)/'
	@echo 'make test      run the tests of an existing build'
	@echo 'make asan      build with ASan and UBSan, run unit and integration tests'
	@echo 'make tsan      build with TSan, run unit and Jupyter tests'
	@echo 'make bench     measure, beside a floor program (docs/performance.md)'
	@echo 'make fuzz      run the fuzzers for a minute each (clang)'
	@echo 'make lint      format, banned calls, include rules, cppcheck'
	@echo 'make notebooks run the example notebooks and keep their outputs'
	@echo 'make install   install into PREFIX (default /usr/local)'
	@echo 'make deb       build the Debian packages into $(BUILD)/deb'

run: packages build
	examples/tour.sh $(BUILD)/bin/llmspell

check: test-packages build test

packages:
	@tools/packages.sh

test-packages:
	@tools/packages.sh tests

check-interop: test-packages build
	@tools/packages.sh tests jupyter-server python3-jupyterlab-server
	@command -v npm >/dev/null || tools/packages.sh nodejs npm
	@tests/npm/install.sh $(BUILD)
	@$(PYTHON) tests/check.py --build $(BUILD) npm

notebooks: build
	@$(PYTHON) tests/interop/examples.py $(BUILD)

build: $(BUILD)/build.ninja
	@cmake --build $(BUILD) -j $(JOBS)

$(BUILD)/build.ninja:
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release

test:
	@$(PYTHON) tests/check.py --build $(BUILD) lint unit integration interop

asan:
	@cmake --preset asan && cmake --build --preset asan -j $(JOBS)
	@$(PYTHON) tests/check.py --build build-asan --sanitizer address unit integration

tsan:
	@cmake --preset tsan && cmake --build --preset tsan -j $(JOBS)
	@$(PYTHON) tests/check.py --build build-tsan --sanitizer thread unit
	@$(PYTHON) tests/check.py --build build-tsan --sanitizer thread integration -k jupyter

coverage:
	@tools/packages.sh tests gcovr
	@cmake --preset coverage && cmake --build --preset coverage -j $(JOBS)
	@$(PYTHON) tests/check.py --build build-coverage unit integration
	@gcovr --root . --exclude tests --txt build-coverage

lint:
	@$(PYTHON) tests/check.py --build $(BUILD) lint

format:
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

bench: build
	@$(PYTHON) tests/bench/bench.py --build $(BUILD)

stress: build
	@tools/packages.sh valgrind
	@$(PYTHON) tests/check.py --build $(BUILD) stress

fuzz:
	@tools/packages.sh clang libclang-rt-14-dev
	@cmake --preset fuzz && cmake --build --preset fuzz -j $(JOBS)
	@tests/fuzz/run.sh build-fuzz 60

PREFIX ?= /usr/local
install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

deb: build
	@cd $(BUILD) && cpack -B deb && rm -rf deb/_CPack_Packages && ls deb/*.deb

clean:
	@rm -rf $(BUILD) build-asan build-tsan build-fuzz build-coverage build-debug
