# What to run before a commit. Another Python: make check PYTHON=.venv/bin/python
PYTHON ?= python3
.PHONY: quick test all check lint types format docs

quick:  # the tests that are not marked slow: under a minute
	$(PYTHON) -m pytest -q -m "not slow"

test:  # all but the longest, a process a core
	$(PYTHON) -m pytest -q -n auto --dist loadfile -m "not long"

all:  # all of them
	$(PYTHON) -m pytest -q -n auto --dist loadfile

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

check: lint types all  # what has to pass before a change comes in

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

docs:  # the site, docs/_build/html/index.html; a warning or a dead link is an error
	$(PYTHON) -m sphinx -W --keep-going -q -E -j auto -c docs -b html . docs/_build/html
	$(PYTHON) -m benchmarks.links docs/_build/html
