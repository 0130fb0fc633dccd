# demo and test do all their own set-up; the other targets want the same environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.core-installed
DEV := $(VENV)/.dev-installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo run dist test quick golden golden-tools install-check mail-check check fmt faults bench relevance docs map pictures lock clean

demo: $(CORE)
	$(BIN)/monitor demo

run: $(CORE)
	$(BIN)/monitor run

# The wheel and the source archive, in dist/.
dist: $(CORE)
	rm -rf dist
	$(BIN)/python -m hatchling build

# Kept compiled, whatever the environment says: else each of some fifty processes compiles the program anew.
test quick: export PYTHONDONTWRITEBYTECODE :=

# Four workers, also on two cores: much of a test's time is waiting for services.
test: $(DEV)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 4 --dist worksteal --ignore tests/install --ignore tests/peers --ignore tests/golden
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Tests that start no process, open no database and ask no server: --no-outside sees to that.
QUICK := config demo/test_feed.py digests editing feeds mail rules test_house.py test_log.py test_map.py test_shipped_rules.py
quick: $(DEV)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --no-outside -m "not outside" $(addprefix tests/,$(QUICK))

# Every section of the installation guide, followed word for word on a machine of its own; as root, with network: four minutes.
install-check: $(DEV)
	$(BIN)/python -m pytest -n 2 tests/install

# Digests through a Postfix and back through a Dovecot of the tests' own; as root, with Debian's packages: half a minute.
mail-check: $(DEV)
	$(BIN)/python -m pytest tests/peers

# The golden mails, looked at by html-validate, axe, mailparser, Perl and SpamAssassin; what is missing is skipped, but in CI.
golden: $(DEV) golden-tools
	$(BIN)/python -m pytest tests/golden

# Packages of npm, as the lock has them: it names no registry.
golden-tools: tests/golden/node/node_modules/.package-lock.json

tests/golden/node/node_modules/.package-lock.json: tests/golden/node/package-lock.json
	cd tests/golden/node && npm ci --no-audit --no-fund --loglevel=error
	touch $@

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fmt: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Every trouble that a feed can make, played to a real service: about a minute.
faults: $(DEV)
	$(BIN)/python -m tests.faults

bench: $(DEV)
	for file in bench/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# How often the shipped rules are right, on a file of labelled items that is not part of the project.
FILE ?= ../shared/relevance/dev.jsonl
relevance: $(DEV)
	$(BIN)/python bench/relevance.py $(FILE) --folds 5

# What is made from the source: docs/map.md, both pages of docs/guide/json, and the operator's texts in traditional Chinese.
docs: $(DEV)
	$(BIN)/python docs/make_texts.py
	$(BIN)/python docs/make_map.py
	$(BIN)/python docs/make_json.py

map: docs

# The three pictures of the README.
pictures: $(DEV)
	PYTHONPATH=. $(BIN)/python docs/make_pictures.py

# Extras stay named: for one that a dependency asks for, the pip of Python 3.11 would take a version newer than the lock.
lock: $(DEV)
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-header requirements/core.in -o requirements/core.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-header -c requirements/core.txt requirements/container.in -o requirements/container.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-header requirements/dev.in -o requirements/dev.txt

clean:
	rm -rf $(VENV) dist demo data .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(CORE): requirements/core.txt pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements/core.txt
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

$(DEV): requirements/dev.txt $(CORE)
	$(PIP) --require-hashes -r requirements/dev.txt
	touch $@
