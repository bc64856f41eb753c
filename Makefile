# The single door: every target works on a fresh clone and sets up what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: setup demo up test crash crash-out unit check bench gallery fuzz spark clean lock

setup: $(READY) ## virtual environment from the hashed lock, and the hub in it

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@awk '/^uv==/ {on=1} on && /^[^ ]/ && !/^uv==/ {exit} on && !/#/' requirements.lock > $(VENV)/uv.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	$(BIN)/uv pip sync --compile-bytecode --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: setup ## one full cycle with sandbox partners, then the screens until stopped
	$(BIN)/hub demo

up: setup ## Airflow, the hub's screens and the embedded stores, until stopped
	$(BIN)/hub up

test: setup ## the whole suite, a file per core at a time
	$(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations=5

crash: setup ## kill the cycle at every point it passes and at random instants; half an hour; prints the report
	$(BIN)/python tests/crash/report.py

crash-out: setup ## every named fault of a partner and every kind of kill on the way out; ten minutes; prints the report
	$(BIN)/python tests/crash/report_out.py

unit: setup ## the pure tests alone, in seconds
	$(BIN)/pytest tests/unit tests/partners -q

check: setup ## format, lint, types, import contracts, declarations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hub flows check

bench: setup ## every benchmark; each prints a ratio
	@for bench in $$(grep -l __main__ bench/*.py); do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

gallery: setup ## every page in every state, as pictures to be looked at, in artefacts/screens/galerie
	$(BIN)/python tests/browser/gallery.py

fuzz: setup ## the nightly: 10,000 damaged inputs and more for each reader; prints its figures
	$(BIN)/python tests/hostile fuzz

spark: setup ## the same model on Spark in local mode; brings PySpark (half a gigabyte), needs Java
	$(BIN)/uv pip install --quiet --require-hashes -r requirements-spark.lock
	$(BIN)/pytest tests/spark -q

lock: setup ## refresh the lock, without download addresses
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
	$(BIN)/uv pip compile --group spark --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements-spark.lock

clean: ## forget the environment and everything the hub kept here
	rm -rf $(VENV) .hub dist build artefacts
