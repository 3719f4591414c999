# make demo    sets everything up and mends the demo data
# make test    sets everything up and runs the whole test suite
# make check   the linters and the test suite: what CI runs
# make settings  writes docs/settings.md anew from the schema of the settings

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
# A stamp a set of pins: the second run installs nothing, a changed pin installs anew.
PINS := $(shell cat constraints.txt pyproject.toml | cksum | cut -d' ' -f1)
RUNTIME := $(VENV)/.installed-runtime-$(PINS)
DEV := $(VENV)/.installed-dev-$(PINS)

# pip compiles llama.cpp for this machine, but without AMX: labelmend/llm/load_gguf.py says why.
export CFLAGS += -U__AMX_INT8__
export CXXFLAGS += -U__AMX_INT8__

.PHONY: demo test check lint format setup settings clean

demo: $(RUNTIME)
	$(BIN)/labelmend demo

# A worker a core, one thread each: more would wait for each other.
test: $(DEV)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest --numprocesses logical --dist loadfile

check: lint test

lint: $(DEV)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

setup: $(DEV)

settings: $(DEV)
	$(BIN)/python -c "from labelmend.configs.reference import settings_page as page; print(page(), end='')" \
		> docs/settings.md

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[embedded]"
	touch $@

$(DEV): | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ $(RUNTIME)

clean:
	rm -rf $(VENV) demo-output .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
