# What a developer does here. `make` lists it.

PYTHON ?= python3
ARGS ?=
VENV_PYTHON := .venv/bin/python
MAKEFLAGS += --no-print-directory
# uv leaves compiling to the first import, and the tests start a hundred processes that import the same.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up dev reset test test-all screenshots check chaos rolling pgbouncer hosts benchmark peers docs sbom fmt lock clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 20

# uv, pinned by its hashes, installs the locks: they are complete, so nothing is resolved again. A stamp in .venv says
# which lock was installed. dev.txt contains up.txt, so that `make up` after `make test` has nothing to do.
.venv/bin/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Muster needs Python 3.11 or newer. If it has another name: make PYTHON=python3.12 …"; exit 1; }
	@echo "Creating .venv"
	@$(PYTHON) -m venv .venv
	@$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/uv.txt
	@touch $@

.venv/up: requirements/up.txt .venv/bin/uv
	@echo "Installing the packages that requirements/up.txt pins into .venv"
	@.venv/bin/uv pip install --quiet --no-deps --require-hashes -r requirements/up.txt
	@touch $@

.venv/dev: requirements/dev.txt .venv/bin/uv
	@echo "Installing the packages that requirements/dev.txt pins into .venv"
	@.venv/bin/uv pip sync --quiet --require-hashes requirements/dev.txt
	@touch .venv/up $@

up: .venv/up ## run the portal with everything it needs, until Ctrl-C; PORT=… and more: docs/configuration.md
	@exec $(VENV_PYTHON) -m config.supervisor

dev: .venv/dev ## the same for developing: starts again when code changes, shows tracebacks and the debug toolbar
	@MUSTER_DEV=1 exec $(VENV_PYTHON) -m config.supervisor

reset: .venv/up ## remove the data in .var, for a fresh demo; refuses while the portal runs
	@exec $(VENV_PYTHON) -m config.supervisor reset

# Three at a time, since many tests wait; whoever has none left takes some of another's. -n0 in ARGS undoes it.
PYTEST := $(VENV_PYTHON) -m pytest -n 3 --dist worksteal -m "not exhaustive"

test: .venv/dev ## run the test suite; ARGS="…" goes to pytest
	@if command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null; then \
	    exec $(PYTEST) $(ARGS); \
	elif [ "$${CI:-}" = true ]; then \
	    echo "The browser tests need Chromium: apt-get install chromium-headless-shell"; exit 1; \
	else \
	    status=0; $(PYTEST) --ignore=tests/browser $(ARGS) || status=$$?; \
	    echo "The browser tests were not run: they need Chromium (apt-get install chromium-headless-shell)."; exit $$status; \
	fi

test-all: ## the same with what is exhaustive: every scene in a browser, more examples
	@HYPOTHESIS_PROFILE=thorough exec $(MAKE) test ARGS='-m "" $(ARGS)'

screenshots: .venv/dev ## a picture of every page in every state, in test-results/screenshots/; needs Chromium
	@exec $(VENV_PYTHON) -m pytest -q $(ARGS) tests/browser/screenshots.py

CHECKS := check-lint check-format check-types check-imports check-migrations check-deploy check-docs check-spelling
.PHONY: $(CHECKS)

check: .venv/dev ## lint, types, import contracts, migrations, deployment settings, documents, spelling
	@$(MAKE) --jobs=3 --output-sync=target --keep-going $(CHECKS)

# As in production, but for the servers: these checks need none.
PRODUCTION := env MUSTER_URL=https://muster.example.org DATABASE_URL='postgresql:///muster?host=/nonexistent' \
    REDIS_URL=redis://127.0.0.1:1 SECRET_KEY=only-for-checks-0123456789-abcdefghijklmnopqrstuvwxyz \
    EMAIL_URL=smtp://mail.example.org SUPPORT_EMAIL=support@example.org TRUSTED_PROXIES=1 HSTS_PRELOAD=1

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

# Strictly: a link that leads nowhere, a page that no page leads to and a part that cannot be made are errors. To check
# that, everything is read and every link followed, and no HTML is written, which would take three times as long.
SITE := test-results/site
SPHINX := $(VENV_PYTHON) -m sphinx --quiet --fail-on-warning --keep-going --nitpicky --fresh-env --conf-dir docs

check-docs:
	@$(SPHINX) --builder dummy --doctree-dir $(SITE).checked . $(SITE) && echo "documents: ok"

docs: .venv/dev ## build the documents as a site, in test-results/site/docs/
	@$(SPHINX) --doctree-dir $(SITE).doctrees . $(SITE) && echo "Open $(SITE)/docs/index.html"

# What people read: documents, pages and mails, and the texts in the code.
SPELLED := *.md docs deploy examples benchmarks/RESULTS.md tests/idp/README.md templates api config groups_provisioning orgs scim sso

check-spelling:
	@$(VENV_PYTHON) -m codespell_lib $(SPELLED) && echo "spelling: ok"

sbom: .venv/dev ## list what production installs, as CycloneDX, in test-results/sbom.json
	@mkdir -p test-results
	@$(VENV_PYTHON) -W ignore::UserWarning -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
	    --output-format JSON --output-file test-results/sbom.json requirements/production.txt

SECONDS ?= 600
FAULTS := tests/groups_provisioning/engine/test_faults.py

chaos: .venv/dev ## kill, pause and empty everything in turn under load, and check what is left; SECONDS=600
	@CHAOS_SECONDS=$(SECONDS) exec $(VENV_PYTHON) -m pytest -q -s -n 0 $(FAULTS) -k EverythingInTurn $(ARGS)

rolling: .venv/dev ## upgrade the version before to this one while it is in use, and count what is refused; FROM=commit
	@UPGRADE_FROM=$(FROM) exec $(VENV_PYTHON) -m pytest -q -s -n 0 tests/deploy/rolling.py $(ARGS)

# Left out are tests that keep something in a session themselves. PgBouncer keeps the test databases from being dropped.
POOLED := tests/scim tests/api tests/orgs tests/sso tests/groups_provisioning/engine tests/groups_provisioning/actions \
    --deselect tests/scim/api/test_races.py::TestWaiting -W "ignore:Error when trying to teardown"

pgbouncer: .venv/dev ## run most of the suite through PgBouncer, each transaction on another connection; minutes
	@THROUGH_PGBOUNCER=1 exec $(PYTEST) $(ARGS) $(POOLED)

hosts: .venv/dev ## run two machines in network namespaces over one database, and let one lose power; needs root
	@exec $(VENV_PYTHON) -m pytest -q -n 0 tests/deploy/two_hosts.py $(ARGS)

benchmark: .venv/dev ## measure SCIM requests, groups of every size, and the engine against the least they could cost; minutes
	@$(VENV_PYTHON) -m benchmarks.requests
	@$(VENV_PYTHON) -m benchmarks.protocol
	@$(VENV_PYTHON) -m benchmarks.groups
	@$(VENV_PYTHON) -m benchmarks.hostile
	@$(VENV_PYTHON) -m benchmarks.feed
	@$(VENV_PYTHON) -m benchmarks.consumer
	@$(VENV_PYTHON) -m benchmarks.holds
	@exec $(VENV_PYTHON) -m benchmarks.engine

# The servers that Muster is compared with, each with what its lock pins.
.venv-%/installed: requirements/peer-%.txt .venv/dev
	@$(VENV_PYTHON) -m uv venv --quiet --no-config --allow-existing --python $(VENV_PYTHON) .venv-$*
	@$(VENV_PYTHON) -m uv pip sync --quiet --no-config --require-hashes --python .venv-$*/bin/python $<
	@touch $@

peers: .venv-scim2/installed .venv-scim2-server/installed ## measure SCIM requests beside other SCIM servers for Django
	@exec $(VENV_PYTHON) -m benchmarks.peers $(ARGS)

fmt: .venv/dev ## format the code and fix what ruff can fix
	@$(VENV_PYTHON) -m ruff check --quiet --fix; $(VENV_PYTHON) -m ruff format

COMPILE := $(VENV_PYTHON) -m uv pip compile --generate-hashes --no-emit-index-url --no-header \
    --python-version 3.11 --universal -q --no-config 

lock: .venv/dev ## lock the dependencies of pyproject.toml; ARGS=--upgrade takes newer versions
	$(COMPILE) $(ARGS) pyproject.toml -o requirements/production.txt
	$(COMPILE) $(ARGS) pyproject.toml --group embedded -o requirements/up.txt -c requirements/production.txt
	$(COMPILE) $(ARGS) pyproject.toml --group dev -o requirements/dev.txt -c requirements/production.txt
	$(COMPILE) $(ARGS) --group installer -o requirements/uv.txt -c requirements/dev.txt
	$(COMPILE) $(ARGS) --group canaille -o requirements/canaille.txt
	$(COMPILE) $(ARGS) --group manifests -o requirements/manifests.txt
	$(COMPILE) $(ARGS) --group migrations -o requirements/migrations.txt
	$(COMPILE) $(ARGS) --group peer-scim2 -o requirements/peer-scim2.txt
	$(COMPILE) $(ARGS) --group peer-scim2-server -o requirements/peer-scim2-server.txt

clean: ## remove .venv and caches; the data in .var stays
	rm -rf .venv .venv-* .node .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles test-results
	find . -name __pycache__ -prune -exec rm -rf {} +
