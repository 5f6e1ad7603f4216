# Targets: setup, review, test, lab, bench, check, soak, clean.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: setup review test lab bench check soak lock clean

# The first interpreter that the project supports; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with pip and venv is needed; none was found. Set PYTHON=/path/to/python3." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --requirement requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	$(PIP) --require-hashes --requirement requirements-dev.txt
	@touch $@

# ESTATE=path reviews an estate of your own; without it, the marketplace estate is built, given load and reviewed.
review: setup
ifdef ESTATE
	@$(BIN)/workbench review --estate "$(ESTATE)"
else
	@$(BIN)/workbench demo marketplace --review
endif

test: $(VENV)/.ready-dev
	@$(BIN)/python tests/fetch_majors.py
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

lab: setup
	@$(BIN)/workbench lab $(if $(ESTATE),--estate "$(ESTATE)")

bench: $(VENV)/.ready-dev
	$(BIN)/python -m benchmarks

check: $(VENV)/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-cache

soak: $(VENV)/.ready-dev
	WORKBENCH_SOAK=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests

# Renews the lock files from pyproject.toml, for every supported Python and platform, without index addresses.
lock: $(VENV)/.ready-dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --extra setup pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --extra setup --extra dev --constraint requirements.txt pyproject.toml --output-file requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache reports dist
