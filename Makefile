# Two commands matter on a fresh machine: `make demo` and `make test`. Each sets everything up and skips that the next time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

.PHONY: demo test check lint types bench clean

demo: $(RUN_STAMP)  ## train a short policy, judge it against the rules, export it, report (about five minutes)
	$(BIN)/python -m experiments.demo

test: $(DEV_STAMP)  ## every test, on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: lint types test  ## what CI holds a change to

lint: $(DEV_STAMP)
	$(BIN)/ruff check envs agents experiments scripts tests
	$(BIN)/ruff format --check envs agents experiments scripts tests

types: $(DEV_STAMP)
	$(BIN)/mypy

bench: $(DEV_STAMP)  ## the speed table (a few minutes)
	OMP_NUM_THREADS=1 $(BIN)/python -m scripts.bench

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("coldaisle needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the packages into $(VENV), silently: a minute or two"
	$(PIP) -e .
	touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the packages into $(VENV), silently: a minute or two"
	$(PIP) -e '.[dev,energyplus]'
	touch $(RUN_STAMP) $@

clean:
	rm -rf $(VENV) build dist *.egg-info runs
