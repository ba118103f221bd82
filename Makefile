# make lab: set up and run the first experiment.  make test: what must hold.  make help: the rest.
PYTHON ?= python3
BIN := .venv/bin
JOB ?= odour_discrimination

.PHONY: lab test test-slow check bench docs clean help

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

lab: .venv/lab  ## set up .venv and run the main experiment
	$(BIN)/neuroam run $(JOB)

test: .venv/test  ## fast tests on every solver that needs no compiler
	$(BIN)/python -m pytest -q -n auto --dist loadfile

test-slow: .venv/test-slow  ## engine gates, C++ programs and full replications (tens of minutes)
	$(BIN)/python -m pytest -q -m slow

check: .venv/test  ## lint and types
	$(BIN)/ruff check .
	./check-types $(BIN)

bench: .venv/bench  ## benchmarks against peers; tables in benchmarks/
	$(BIN)/python -m benchmarks.run

docs: .venv/docs  ## the site in build/docs: manual, gallery of all protocols, reference
	$(BIN)/python docs/build.py

clean:  ## remove what was built; runs stay
	rm -rf .venv build *.egg-info

.venv/lab: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e .
	touch $@

.venv/test: .venv/lab
	$(BIN)/python -m pip install --quiet -e .[test]
	touch $@

.venv/test-slow: .venv/lab
	$(BIN)/python -m pip install --quiet -e .[test,docs]
	touch $@

.venv/docs: .venv/lab
	$(BIN)/python -m pip install --quiet -e .[docs]
	touch $@

.venv/bench: .venv/lab
	$(BIN)/python -m pip install --quiet -e .[bench]
	touch $@
