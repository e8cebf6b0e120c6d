# `make run` and `make test` do everything that a fresh machine needs first.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# A test trains too little to keep several threads busy, so that tests run side by side, one a core.
SIDE_BY_SIDE = -n logical --maxprocesses 8 --dist worksteal
PYTEST = $(BIN)/python -m pytest $(SIDE_BY_SIDE)
NEWER = build/recbole-1.2.1

.PHONY: run test quick newer slow lint docs

run: $(VENV)/installed
	$(BIN)/recbole-ile --model=BPR,BPR_ILE,EASE_EP_CP --dataset=ml-100k --ep_weight=auto --cp_weight=auto

test: $(VENV)/installed
	$(PYTEST)

# What trains nothing and starts no Python, with a fifth of the random cases of `make test`.
quick: $(VENV)/installed
	HYPOTHESIS_PROFILE=quick $(PYTEST) -m "not slow and not trains and not draws"

# What `make quick` runs, and the tests of splits, with RecBole 1.2.1, without the packages that only it asks for.
newer: $(VENV)/installed
	$(PYTHON) -m venv $(NEWER)
	$(NEWER)/bin/pip install --quiet --no-deps recbole==1.2.1 --editable .
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$(echo $(NEWER)/lib/python3.*/site-packages)/others.pth
	HYPOTHESIS_PROFILE=quick $(NEWER)/bin/python -m pytest $(SIDE_BY_SIDE) -m "not slow and not trains and not draws"
	$(NEWER)/bin/python -m pytest tests/experiments/data tests/commands/test_data_split.py

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
