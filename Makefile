# What a developer does here. `make` lists it.

PYTHON ?= python3
ARGS ?=
VENV_PYTHON := .venv/bin/python
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help up test screenshots check benchmark fmt lock clean

help:
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 14

# Brings .venv to requirements/$(1).txt. The lock that was installed is kept there, so that an unchanged one is not
# installed again. An installation of ours that was interrupted is begun anew; a .venv of another making is never emptied.
# One at a time, since `make up` and `make test` may begin together. dev.txt contains all of up.txt.
define install
@set -eu; \
if command -v flock >/dev/null; then exec 9<Makefile; flock 9; fi; \
if $(VENV_PYTHON) -c '' 2>/dev/null && cmp -s requirements/$(1).txt .venv/installed-$(1).txt; then exit; fi; \
if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
    echo "Muster needs Python 3.11 or newer. If it has another name: make PYTHON=python3.12 …"; exit 1; \
fi; \
if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
    echo "This Python cannot make virtual environments. On Debian: apt install python3-venv"; exit 1; \
fi; \
echo "Installing what requirements/$(1).txt locks into .venv"; \
if [ -e .venv/unfinished ]; then rm -rf .venv; fi; \
mkdir -p .venv; \
if ls .venv/installed-*.txt >/dev/null 2>&1 || ! $(VENV_PYTHON) -c '' 2>/dev/null; then touch .venv/unfinished; fi; \
rm -f .venv/installed-*.txt; \
if ! $(VENV_PYTHON) -c '' 2>/dev/null; then $(PYTHON) -m venv .venv; fi; \
$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements/$(1).txt; \
$(if $(filter dev,$(1)),cp requirements/up.txt .venv/installed-up.txt;) \
cp requirements/$(1).txt .venv/installed-$(1).txt; \
rm -f .venv/unfinished
endef

up: ## run the portal with everything it needs, until Ctrl-C; PORT=… and more: docs/configuration.md
	$(call install,up)
	@exec $(VENV_PYTHON) -m config.supervisor

# Two at a time: a third quicker on two cores, and -n0 in ARGS undoes it.
PYTEST := $(VENV_PYTHON) -m pytest -n 2

test: ## run the test suite; ARGS="…" goes to pytest
	$(call install,dev)
	@if command -v chromium >/dev/null; then \
	    exec $(PYTEST) $(ARGS); \
	elif [ "$${CI:-}" = true ]; then \
	    echo "The browser tests need Chromium: apt-get install chromium"; exit 1; \
	else \
	    status=0; $(PYTEST) --ignore=tests/browser $(ARGS) || status=$$?; \
	    echo "The browser tests were not run: they need Chromium (apt-get install chromium)."; exit $$status; \
	fi

screenshots: ## a picture of every page in every state, in test-results/screenshots/; needs Chromium
	$(call install,dev)
	@exec $(VENV_PYTHON) -m pytest -q $(ARGS) tests/browser/screenshots.py

CHECKS := check-lint check-format check-types check-imports check-migrations check-deploy
.PHONY: $(CHECKS)

check: ## lint, types, import contracts, migrations, deployment settings
	$(call install,dev)
	@$(MAKE) --jobs=3 --output-sync=target --keep-going $(CHECKS)

# As in production, but for the servers: these checks need none.
PRODUCTION := env MUSTER_URL=https://muster.example.org DATABASE_URL='postgresql:///muster?host=/nonexistent' \
    REDIS_URL=redis://127.0.0.1:1 SECRET_KEY=only-for-checks-0123456789-abcdefghijklmnopqrstuvwxyz

check-lint:
	@$(VENV_PYTHON) -m ruff check --quiet && echo "lint: ok"

check-format:
	@$(VENV_PYTHON) -m ruff format --check --quiet && echo "format: ok"

check-types:
	@$(PRODUCTION) $(VENV_PYTHON) -m mypy --no-error-summary && echo "types: ok"

check-imports:
	@$(VENV_PYTHON) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo

# makemigrations would ask a database what was applied, and none is needed to compare models with files.
MAKEMIGRATIONS := from django.conf import settings; settings.DATABASES = {}; \
    from django.core.management import execute_from_command_line as run; \
    run(["manage.py", "makemigrations", "--check", "--dry-run", "--noinput"])

check-migrations:
	@$(PRODUCTION) DJANGO_SETTINGS_MODULE=config.settings $(VENV_PYTHON) -c '$(MAKEMIGRATIONS)'

check-deploy:
	@$(PRODUCTION) $(VENV_PYTHON) manage.py check --deploy --fail-level WARNING

benchmark: ## measure SCIM requests, groups of every size, and the engine against the least they could cost; minutes
	$(call install,dev)
	@$(VENV_PYTHON) -m benchmarks.requests
	@$(VENV_PYTHON) -m benchmarks.protocol
	@$(VENV_PYTHON) -m benchmarks.groups
	@exec $(VENV_PYTHON) -m benchmarks.engine

fmt: ## format the code and fix what ruff can fix
	$(call install,dev)
	@$(VENV_PYTHON) -m ruff check --quiet --fix; $(VENV_PYTHON) -m ruff format

COMPILE := $(VENV_PYTHON) -m uv pip compile --generate-hashes --no-emit-index-url --no-header \
    --python-version 3.11 --universal -q --no-config pyproject.toml

lock: ## lock the dependencies of pyproject.toml; ARGS=--upgrade takes newer versions
	$(call install,dev)
	$(COMPILE) $(ARGS) -o requirements/production.txt
	$(COMPILE) $(ARGS) --group embedded -o requirements/up.txt -c requirements/production.txt
	$(COMPILE) $(ARGS) --group dev -o requirements/dev.txt -c requirements/production.txt

clean: ## remove .venv and caches; the data in .var stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles test-results
	find . -name __pycache__ -prune -exec rm -rf {} +
