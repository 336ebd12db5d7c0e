# make demo: fit silicon's force field      make test: the tests      Both set everything up first.
PYTHON := $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(shell command -v $(p))))
BIN := .venv/bin
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.jax_cache
export MPLBACKEND := Agg

# A test worker for each core.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(min(8, len(os.sched_getaffinity(0))))" 2>/dev/null || echo 2)
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --durations=20

.PHONY: demo test test-all lint docs docs-serve figures lock clean

demo: .venv/ready
	$(BIN)/diffsim experiment=silicon

test: .venv/ready
	$(PYTEST) -m "not slow"

test-all: .venv/ready
	$(PYTEST)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# The documentation, in build/site; the second shows it on http://127.0.0.1:8000 and follows every change.
docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: .venv/ready
	$(BIN)/mkdocs serve

# Its pictures again: minutes.
figures: .venv/ready
	$(BIN)/python -m docs.figures

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "diffsim needs Python 3.11 or newer, found '$(PYTHON)': install it, or run make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: chgnet==0.4.2 || \
	  echo "no wheel of chgnet for this Python: what needs CHGNet's published weights is skipped"
	touch $@

# New versions within the ranges of pyproject.toml.
lock: .venv/ready
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 --extra dev --no-emit-index-url \
	  --no-annotate --no-header --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv .jax_cache .pytest_cache .ruff_cache build dist
