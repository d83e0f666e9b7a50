# `make help` lists the targets. The environment is made in .venv by the first target that needs it.

VENV := .venv
BIN := $(VENV)/bin
SOURCES := parsers pipeline tests $(wildcard bench)
TESTS ?=

# The newest supported interpreter on the PATH that runs and can make an environment: version managers leave
# shims on the PATH for interpreters that are not switched on. `make PYTHON=/path/to/python` overrules it.
PYTHON ?= $(shell IFS=:; for name in python3.13 python3.12 python3.11 python3; do for folder in $$PATH; do \
	if [ -x "$$folder/$$name" ] && "$$folder/$$name" -c 'import sys, ensurepip, ssl, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; \
	then echo "$$folder/$$name"; exit; fi; done; done)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test check lint format unit docs bench bench-check bench-plots lock servers-up servers-down clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## Install into .venv and run the demo: logs in, documents and bursts out
	@$(BIN)/tailrace demo

test: lint ## Everything: linters, types, all tests, on a real Kafka and a real Elasticsearch
	@$(BIN)/python -m pytest $(TESTS)

check: lint unit ## The quick half, no servers: linters, types, imports, unit tests

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "Some files are not formatted: run make format"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

unit: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -m "not servers and not slow" --numprocesses auto $(TESTS)

format: $(VENV)/.installed-dev ## Format the sources and mend what the linter can mend
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

docs: $(VENV)/.installed ## Write what is made of the language's keys: rules/schema.json, and the tables in docs/rules.md
	@$(BIN)/tailrace rules schema > rules/schema.json.new && mv rules/schema.json.new rules/schema.json
	@$(BIN)/tailrace rules schema --reference --into docs/rules.md

bench: $(VENV)/.installed-dev ## Measure, and print what the project holds itself to; BENCH=--quick for less
	@$(BIN)/python -m bench $(BENCH)

bench-check: $(VENV)/.installed-dev ## Has the parse core become slower than bench/baseline.json tells? In a minute
	@$(BIN)/python -m bench.check

bench-plots: $(VENV)/.installed-dev ## Write the tables and plots of docs/performance.md from docs/performance.json
	@$(BIN)/python -m bench.publish docs/performance.json

servers-up: $(VENV)/.installed-dev ## Start the tests' Kafka and Elasticsearch and leave them running
	@$(BIN)/python -m tests.servers up

servers-down: $(VENV)/.installed-dev ## Stop what servers-up started
	@$(BIN)/python -m tests.servers down

LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: $(VENV)/.installed-dev ## Pin all dependencies anew, with hashes, for Python 3.11 to 3.13
	@$(LOCK) --upgrade --group build --output-file requirements.lock
	@$(LOCK) --upgrade --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove the environment and every cache
	@rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv found on the PATH. Install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3 ..."; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the pinned dependencies"
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing the pinned tools for development"
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@touch $@
