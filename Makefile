# Two commands matter on a fresh machine: `make demo` and `make test`. Each sets everything up and skips that the next time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
# Two cores; a third worker fills the time in which tests of live loops wait for their servers.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --durations=10 --durations-min=1
CODE := envs agents experiments scripts tests docs/tutorials
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

.PHONY: help demo quick test slow all check lint format types docs bench profile mutants fuzz hooks clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUN_STAMP)  ## train a short policy, judge it against the rules, export it, report (about four minutes)
	$(BIN)/python -m experiments.demo

quick: $(DEV_STAMP)  ## physics, machines and floors: the tests to run while you write (under a minute)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 tests/envs/physics tests/envs/equipment tests/test_floors.py

test: $(DEV_STAMP)  ## every test that takes less than ten seconds, on two cores (a quarter of an hour)
	$(PYTEST) -m "not slow"

slow: $(DEV_STAMP)  ## the other tests
	$(PYTEST) -m slow

all: check slow  ## before a change lands: `check` and the slow tests

# Cheap checks first. The tests are the README's `make test`.
check: lint types docs test  ## what a change must pass: lint, format, spelling, types, documentation, tests

lint: $(DEV_STAMP)  ## ruff, its format, and spelling; `make format` mends what it can
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/codespell

format: $(DEV_STAMP)  ## put the code into shape
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: $(DEV_STAMP)  ## mypy
	$(BIN)/mypy

docs: $(DEV_STAMP)  ## the documentation site in site/, without the network
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet

bench: $(DEV_STAMP)  ## the speed table (a few minutes); ARGS=--profile: the share of each machine
	OMP_NUM_THREADS=1 $(BIN)/python -m scripts.bench $(ARGS)

profile: $(DEV_STAMP)  ## where one step of the core spends its time
	OMP_NUM_THREADS=1 $(BIN)/python -m scripts.step_profile

mutants: $(DEV_STAMP)  ## plant faults in the code and see which the nearest tests find (about twenty minutes)
	OMP_NUM_THREADS=1 nice $(BIN)/python -m scripts.mutants

fuzz: $(DEV_STAMP)  ## give the readers a thousand new damaged files of each kind (CI gives a few that are always the same)
	COLDAISLE_FUZZ=1000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/fuzz

hooks: $(DEV_STAMP)  ## check each commit by .pre-commit-config.yaml
	$(BIN)/pre-commit install

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("coldaisle needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the packages into $(VENV), silently: a minute or two"
	@$(PIP) -e '.[train]'
	@touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the packages into $(VENV), silently: a minute or two"
	@$(PIP) -e '.[dev,docs,energyplus]'
	@touch $(RUN_STAMP) $@

clean:  ## remove what was installed, built and run
	rm -rf $(VENV) build dist site *.egg-info runs
