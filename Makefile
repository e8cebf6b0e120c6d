# `make run` and `make test` do everything that a fresh machine needs first.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: run test slow lint

run: $(VENV)/installed
	$(BIN)/recbole-ile --model=BPR,BPR_ILE --dataset=ml-100k

test: $(VENV)/installed
	$(BIN)/python -m pytest

slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/installed
	$(BIN)/pip install --quiet --editable ".[test,lint]"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@
