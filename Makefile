# The front door: every target is what its help line says, and needs nothing but make and Python 3.11 or newer.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Arguments for the program: make demo ARGS="--exit", make test ARGS="-k relay".
ARGS ?=

# uv is quicker where it is installed; pip does the same from the same locks.
UV := $(shell command -v uv 2>/dev/null)
ifdef UV
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--extra embedded --extra build

.PHONY: help
help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: demo
demo: $(VENV)/run.stamp ## a made-up company, its webhooks and e-mails, and the dashboard; ARGS="--exit" checks and ends
	@$(BIN)/notifier demo $(ARGS)

.PHONY: run
run: $(VENV)/run.stamp ## everything on this machine, on your configuration: web, worker, relay, redis
	@$(BIN)/notifier up $(ARGS)

.PHONY: test
test: $(VENV)/dev.stamp ## the whole test suite
	@$(BIN)/pytest -n auto --dist worksteal $(ARGS)

.PHONY: chaos
chaos: $(VENV)/dev.stamp ## kill -9 of every process for minutes, then count: each message told once; docs/chaos.md
	@$(BIN)/python -m tests.chaos --database postgresql $(ARGS)
	@$(BIN)/python -m tests.chaos --database sqlite $(ARGS)

.PHONY: mutants
mutants: $(VENV)/dev.stamp ## take one safeguard out after the other: the tests that guard it must go red
	@$(BIN)/python -m tests.mutants $(ARGS)

.PHONY: check
check: $(VENV)/dev.stamp ## lint, format, templates, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/djlint --quiet --check notifier/web
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: lock
lock: ## resolve the requirements anew, with hashes (needs uv)
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --extra dev pyproject.toml -o requirements-dev.lock

.PHONY: clean
clean: ## remove the environment and caches; var/ with your data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info

.PHONY: setup
setup: $(VENV)/dev.stamp ## only make the environment

# run.stamp: what the program needs is installed. dev.stamp: what the tests need as well, so it stands for both: a demo
# after a test installs nothing, a test after a demo adds what is missing.
$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	@if [ $(VENV)/dev.stamp -nt requirements-dev.lock ] && [ $(VENV)/dev.stamp -nt pyproject.toml ]; then :; else \
		echo "installing what the program needs into $(VENV)"; \
		$(INSTALL) --require-hashes --no-deps -r requirements.lock && \
		$(INSTALL) --no-deps --no-build-isolation -e . ; fi
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what the program and its tests need into $(VENV)"
	@$(INSTALL) --require-hashes --no-deps -r requirements-dev.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed and '$(PYTHON)' is not: make ... PYTHON=/path/to/python3" >&2; exit 1; }
	@if [ -n "$(UV)" ]; then $(UV) venv --quiet --seed --python "$$(command -v $(PYTHON))" $(VENV); \
		else $(PYTHON) -m venv $(VENV); fi
