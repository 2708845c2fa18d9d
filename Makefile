# The two commands of the README are `make demo` and `make test`; the rest serves them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

NAME ?= all
SIZE ?= small
SCALE ?= 0.25
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
PYTEST := STORYLINE_TEST_SCALE=$(SCALE) $(BIN)/pytest --durations=10 --durations-min=1
COVER := --cov=streams --cov=jobs --cov-branch --cov-report=
CORE := streams/projections/*,streams/contracts/*,streams/runtime/*,streams/caching/*
# These run in the processes of workers alone, on a real broker.
IN_WORKERS := streams/runtime/worker.py,streams/runtime/consumer/fetch_thread.py,streams/runtime/consumer/transport.py

.PHONY: help setup demo test test-all coverage test-fast mutants mutants-sample bench lint mypy-linux mypy-macos format lock clean

help:
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

# uv installs the packages in half the time of pip, from the index that pip is set to.
$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "Storyline needs Python 3.11 or newer, this is %d.%d; set PYTHON=…" % v[:2])'
	@echo "installing the Python packages into $(VENV): once, a minute or two …"
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt > $(VENV)/uv.txt
	@$(PIP) --require-hashes -r $(VENV)/uv.txt
	@UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null)}}" \
		$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps --require-hashes -r requirements/dev.txt
	@$(PIP) --no-build-isolation --editable .
	@touch $@

setup: $(STAMP) ## install everything into .venv

demo: setup ## the whole line on real servers; KEEP=1 leaves it running; DEMO_INPUT=higgs DIR=…
	@$(BIN)/storyline demo $(if $(filter higgs,$(DEMO_INPUT)),--higgs "$(DIR)") $(if $(KEEP),--keep)

test: setup ## every test: without servers (COVERAGE=1 measures these), in Spark, on servers
	$(PYTEST) -m "not stack and not spark" -n 2 $(if $(COVERAGE),$(COVER))
	$(if $(COVERAGE),$(MAKE) coverage)
	$(PYTEST) -m spark -n 2 --dist worksteal
	$(PYTEST) -m stack -n 3 --dist worksteal

test-all: ## nightly: every test, with all the random input that each asks for
	$(MAKE) test SCALE=1

coverage: ## print the branch coverage that `make test COVERAGE=1` measured; the core must reach 95 %
	@echo "coverage of everything by tests without servers: $$($(BIN)/coverage report --format=total) %"
	$(BIN)/coverage report --include="$(CORE)" --omit="$(IN_WORKERS)" --skip-covered --fail-under=95

test-fast: setup ## quick tests that need neither servers nor Spark, with little random input
	STORYLINE_TEST_SCALE=0.1 $(BIN)/pytest -m "not stack and not spark and not slow" -n auto

mutants: setup ## nightly: judge 300 random mutants by the tests; ARGS="--seed 1 --spark"
	$(BIN)/python -m tests.mutants --size 300 $(ARGS)

mutants-sample: setup ## judge a few mutants, always the same ones, in minutes; ARGS="--seed 1"
	$(BIN)/python -m tests.mutants --quick --modules 8 --size 20 --least 0.7 --seed 15 $(ARGS)

bench: setup ## every benchmark on servers of its own, or one: NAME=ingest SIZE=full
	$(BIN)/python -m bench $(NAME) --size $(SIZE)

lint: setup ## ruff, mypy --strict (for Linux and macOS), layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) -j2 --output-sync mypy-linux mypy-macos
	$(BIN)/lint-imports

mypy-linux:
	$(BIN)/mypy

mypy-macos:
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin streams jobs

format: setup ## rewrite the code's layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup ## pin dependencies again
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group dev pyproject.toml -o requirements/dev.txt

clean: ## remove what `setup` made
	rm -rf $(VENV)
