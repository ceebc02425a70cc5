VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PROSE := skills docs README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md CODE_OF_CONDUCT.md
COVERED := tests/rules tests/actions tests/api
# containers often set it, and then each of the hundreds of processes compiles everything again
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test check check-code check-types check-prose compile format coverage audit bench lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## install everything into .venv; the other targets do this first

demo: setup ## run the product with a live demo organization
	$(VENV)/bin/firebell demo

test: setup compile ## run every test, browser included
	$(PY) -m pytest -n auto --dist worksteal

check: setup ## run ruff, mypy, import rules, file sizes, Markdown and spelling, two at a time
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target check-types check-code check-prose compile

check-code: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(PY) tools/file_budget.py

check-types: setup
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --scripts-are-modules $$(find skills -name '*.py')

check-prose: setup
	$(PY) tools/check_markdown.py scan -r $(PROSE)
	$(VENV)/bin/codespell $(PROSE)
	$(VENV)/bin/firebell runbook check skills/managing-incidents/examples/runbooks

# in a fresh clone, the workers of pytest would each compile every module, test and template at the same time
compile: setup
	test -d tests/__pycache__ || { $(PY) -m pytest --collect-only -qq -n 0 >/dev/null && $(PY) -m tests.preload; } || true

format: setup ## format the source and fix what ruff can fix
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

coverage: setup ## measure branch coverage of the rules, actions and API tests; fails below the floor
	$(VENV)/bin/coverage erase
	$(VENV)/bin/coverage run -m pytest -n auto --dist worksteal $(COVERED)
	$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report

audit: setup ## look for known vulnerabilities of every locked dependency; asks PyPI, so `check` does not
	$(VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock
	$(VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements-dev.lock

bench: setup ## run all workloads and write docs/performance.md
	$(PY) -m bench.run

lock: ## resolve again after a change of dependencies; needs uv
	uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header -q -o requirements-dev.lock

$(STAMP): requirements-dev.lock pyproject.toml
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements-dev.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)
