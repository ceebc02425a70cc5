VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: demo test check audit bench setup lock

demo: setup ## the product with a live demo organisation
	$(VENV)/bin/firebell demo

test: setup ## every test, browser included
	$(PY) -m pytest -n auto --dist loadfile

check: setup ## ruff, mypy, import rules, file sizes, Markdown, spelling
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	for program in $$(find skills -name '*.py'); do $(VENV)/bin/mypy "$$program" || exit 1; done
	$(VENV)/bin/lint-imports
	$(PY) tools/file_budget.py
	$(VENV)/bin/pymarkdown scan -r skills docs README.md
	$(VENV)/bin/codespell skills docs README.md
	$(VENV)/bin/firebell runbook check skills/managing-incidents/examples/runbooks

audit: setup ## known vulnerabilities of every locked dependency; asks PyPI, so `check` does not depend on it
	$(VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock
	$(VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements-dev.lock

bench: setup ## workloads W1-W9, written to docs/performance.md
	$(PY) -m bench.run

setup: $(STAMP)

$(STAMP): requirements-dev.lock pyproject.toml
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

lock: ## resolve again after a change of dependencies
	uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header -q -o requirements-dev.lock
