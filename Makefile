# Everything runs in a virtual environment that the first target makes; `make help` lists what there is.

AIRFLOW ?= 3.3.2
PYTHON ?= python3
TESTS ?= tests/unit tests/contract tests/integration tests/simulation
SEED := $(shell date +%s)
EXAMPLES = 1000
SEEDS = 10000
START = $(SEED)
# The last is a pre-release, so its tests may fail.
AIRFLOW_VERSIONS := 3.3.2 3.1.8 3.4.0b2
CONSTRAINTS = constraints/airflow-$(AIRFLOW).txt
VENV = $(if $(filter 3.3.2,$(AIRFLOW)),.venv,.venv-$(AIRFLOW))
BIN = $(VENV)/bin
# A test that hangs is shown with its stack and ends the run.
PYTEST = $(BIN)/python -m pytest -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true
# A worker that has ended is not replaced, or its test would hang again.
WORKERS ?= 2
PARALLEL = --numprocesses=$(WORKERS) --dist=worksteal --max-worker-restart=0
# KEEP=1 becomes --keep; KEEP= and KEEP=0 become nothing.
flag = $(if $(filter-out 0,$($(1))),--$(if $(filter KEEP,$(1)),keep,real))

export PYTHON
# A setting of the shell about another Airflow must not reach the tests.
unexport AIRFLOW_HOME AIRFLOW_CONFIG

.DEFAULT_GOAL := help
.PHONY: help bootstrap demo demo-stop test test-examples test-failures test-browser test-airflow fuzz simulate mutants check-install bench lint format constraints clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

bootstrap: $(VENV)/.installed-dev ## install Airflow, the project and its development tools into .venv

$(VENV)/.installed-emulator: pyproject.toml $(CONSTRAINTS) tools/bootstrap.sh
	@sh tools/bootstrap.sh $(VENV) $(CONSTRAINTS) emulator
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(CONSTRAINTS) tools/bootstrap.sh
	@sh tools/bootstrap.sh $(VENV) $(CONSTRAINTS) dev
	@touch $(VENV)/.installed-emulator $@

demo: $(VENV)/.installed-emulator ## run the lip sync DAG in a real Airflow against the emulator (KEEP=1: leave both running)
	@exec $(BIN)/python -m tools.demo run $(call flag,KEEP) $(call flag,REAL)

demo-stop: ## stop what `make demo KEEP=1` left running
	@test -x $(BIN)/python || { echo "Nothing is installed, so nothing can be running."; exit 0; }; \
	exec $(BIN)/python -m tools.demo stop

LINT = $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python -m mypy

lint: $(VENV)/.installed-dev ## ruff, ruff format and mypy
	$(LINT)

format: $(VENV)/.installed-dev ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Many tests wait, so lint runs beside them. The stack tests are alone: a real Airflow in them is held to its times.
test: $(VENV)/.installed-dev ## lint and the unit, integration and stack tests
	@log=$$(mktemp); lint=; trap 'kill $$lint 2>/dev/null; rm -f $$log' EXIT; trap 'exit 130' INT TERM; \
	($(LINT)) >$$log 2>&1 & lint=$$!; \
	$(PYTEST) $(PARALLEL) $(TESTS); tests=$$?; \
	wait $$lint; linted=$$?; cat $$log; exit $$((tests || linted))
	$(PYTEST) tests/stack

test-examples: $(VENV)/.installed-dev ## run every example DAG in a real Airflow against the emulator
	$(PYTEST) tests/examples

test-failures: $(VENV)/.installed-dev ## kill and break a running Airflow, and count what was paid
	$(PYTEST) tests/failures

test-browser: $(VENV)/.installed-dev ## look at Airflow's pages in a real Chromium
	$(PYTEST) tests/browser

test-airflow: $(VENV)/.installed-dev ## unit and integration tests on another Airflow: make test-airflow AIRFLOW=3.1.8
	$(PYTEST) $(PARALLEL) $(TESTS)

fuzz: $(VENV)/.installed-dev ## draw other values, and many more, in every test that draws (SEED=123 EXAMPLES=1000)
	@echo "To repeat this run: make fuzz SEED=$(SEED) EXAMPLES=$(EXAMPLES)"
	FUZZ_EXAMPLES=$(EXAMPLES) $(PYTEST) $(TESTS) -m hypothesis --hypothesis-profile=fuzz --hypothesis-seed=$(SEED)

simulate: $(VENV)/.installed-dev ## play schedules of kills, clears and failures against the jobs (SEEDS=10000 START=123)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --start $(START)

.venv-bench/.installed: pyproject.toml $(CONSTRAINTS) tools/bootstrap.sh
	@sh tools/bootstrap.sh .venv-bench $(CONSTRAINTS) bench
	@touch $@

bench: .venv-bench/.installed ## measure everything beside its alternatives (QUICK=1: only see that it runs)
	.venv-bench/bin/python -m benchmarks $(BENCH) $(if $(filter-out 0,$(QUICK)),--quick)

mutants: $(VENV)/.installed-dev ## plant bugs where money is decided, and see the tests find them (MUTANTS='pixverse_provider.jobs.*')
	$(BIN)/python -m tools.mutants $(if $(MUTANTS),'$(MUTANTS)')

check-install: $(VENV)/.installed-dev ## resolve what users install beside this; asks the package index
	sh tools/check_install.sh $(BIN)/python

# A bound that names a pre-release lets Airflow itself be one, and nothing else; its version is that of the first line.
constraints: .venv/.installed-dev ## pin today's newest dependencies for each Airflow version
	@for version in $(AIRFLOW_VERSIONS); do \
	    echo "constraints/airflow-$$version.txt"; \
	    printf '%s\n' "apache-airflow==$$version" 'apache-airflow-core>=3.0a0' 'apache-airflow-task-sdk>=1.0a0' uv | \
	        .venv/bin/python -m uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	        --no-emit-index-url --no-annotate --no-header --extra bench --constraint constraints/upper-bounds.txt \
	        --output-file "constraints/airflow-$$version.txt" pyproject.toml - || exit; \
	done

clean: ## remove environments, caches and what the demo left behind
	@test ! -d .demo || $(MAKE) --no-print-directory demo-stop
	rm -rf .venv .venv-* .demo demo-output benchmark-results.json build dist mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
