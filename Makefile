# The two commands of the README. Each makes .venv from requirements.lock when it is missing or out of date.
.DEFAULT_GOAL := help
.PHONY: help run test lint setup lock clean

PYTHON ?= python3
ARGS ?=
UPGRADE ?= --upgrade
VENV := .venv
STAMP := $(VENV)/.set-up-with-this-lock
WORKERS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

help:  ## show these commands
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-6s %s\n", $$1, $$2}' Makefile

run: $(STAMP)  ## run the paper and write a verdict on every claim; options go in ARGS="..."
	@$(VENV)/bin/gvlab run mathew2018 $(ARGS)

test: $(STAMP)  ## pass the tests; installs Chromium for those of the pages where there is none
	@sh scripts/setup_browser.sh
	@$(VENV)/bin/python -m pytest -n $(WORKERS) $(ARGS)

lint: $(STAMP)  ## ruff, mypy, layer contracts, library check
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/gvlab check

setup: $(STAMP)  ## only make the environment; .venv/bin/gvlab is then the command

lock: $(STAMP)  ## resolve the newest versions into requirements.lock, with hashes; UPGRADE= keeps those that are there
	@$(VENV)/bin/python -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --no-header --generate-hashes $(UPGRADE) -o requirements.lock

$(STAMP): requirements.lock pyproject.toml scripts/setup_environment.sh
	@PYTHON="$(PYTHON)" sh scripts/setup_environment.sh $(VENV)
	@touch $(STAMP)

clean:  ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
