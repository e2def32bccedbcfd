# What to run before a commit. Another Python: make check PYTHON=.venv/bin/python
PYTHON ?= python3
.PHONY: quick test check lint types format

quick:  # the tests that are not marked slow: under a minute
	$(PYTHON) -m pytest -q -m "not slow"

test:  # all of them
	$(PYTHON) -m pytest -q

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

check: lint types test  # what has to pass before a change comes in

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
