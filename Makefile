# `make run` and `make test` do everything that a fresh machine needs first.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# A test trains too little to keep several threads busy, so that tests run side by side, one a core.
PYTEST = $(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal

.PHONY: run test quick slow lint docs

run: $(VENV)/installed
	$(BIN)/recbole-ile --model=BPR,BPR_ILE,EASE_EP_CP --dataset=ml-100k --ep_weight=auto --cp_weight=auto

test: $(VENV)/installed
	$(PYTEST)

# What trains nothing and starts no Python, in less than a minute.
quick: $(VENV)/installed
	$(PYTEST) -m "not slow and not trains and not draws"

slow: $(VENV)/installed
	$(PYTEST) -m slow

lint: $(VENV)/installed
	$(BIN)/pip install --quiet --editable ".[test,lint]"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=benchmarks $(BIN)/mypy benchmarks/*.py

# The site, in build/site; a warning, a link that leads nowhere for instance, is an error.
docs: $(VENV)/installed
	$(BIN)/pip install --quiet --editable ".[docs]"
	$(BIN)/mkdocs build --strict --quiet

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@
