# Everything runs in a virtual environment of its own; nothing here needs root. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

# Tests and rehearsals start the library in many processes: compiled once, not once in each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install rehearse test lint soak pins moto-suite bench lab upgrade schema clean

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

$(STAMP): pyproject.toml constraints.txt tests/browser/older-kernel.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing. Install it with: sudo apt install git make python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (once; a few minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lab,rehearsal,test]'
	@$(BIN)/python -m pip install --quiet --upgrade --no-deps --target $(VENV)/older-kernel --requirement tests/browser/older-kernel.txt
	@touch $@

install: $(STAMP) ## install everything into .venv

rehearse: $(STAMP) ## run the whole runbook against a simulated organization
	@$(BIN)/runbook rehearse $(ARGS)

test: $(STAMP) ## lint, types and tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb
	@$(BIN)/mypy >$(VENV)/types.txt 2>&1 & types=$$!; \
	$(BIN)/python -m pytest -n 4 --dist loadfile $(ARGS); tests=$$?; \
	wait $$types; types=$$?; [ $$types -eq 0 ] || cat $(VENV)/types.txt; \
	exit $$((tests ? tests : types))

soak: $(STAMP) ## the long proofs: killed at every call of the default organization, a thousand schedules of faults
	@$(BIN)/python -m pytest -m soak -n logical --dist worksteal --timeout 1800 -v $(ARGS)

pins: $(STAMP) ## compare plans and calls of every seed with the golden files; ARGS="--write" writes them anew, ARGS="--show seven" prints all
	@PYTHONPATH=tests $(BIN)/python tests/golden/pins.py $(ARGS)

moto-suite: $(STAMP) ## moto's own tests with our front before moto; differences from plain moto must be listed
	@$(BIN)/python tests/rehearsal/moto_suite.py $(ARGS)

bench: $(STAMP) ## measure against what AWS's limits allow; ARGS="a c" for parts, figures in bench.json
	@$(BIN)/python tests/bench $(ARGS)

lab: $(STAMP) ## open the notebooks in JupyterLab, with a simulated organization beside it
	@$(BIN)/runbook lab $(ARGS)

schema: $(STAMP) ## write the settings schema anew
	@$(BIN)/runbook schema > schema.new && mv schema.new runbook_lib/settings/schema.json

upgrade: ## try the newest versions that pyproject.toml allows and write them to constraints.txt
	@rm -rf $(VENV)-upgrade && $(PYTHON) -m venv $(VENV)-upgrade
	@$(VENV)-upgrade/bin/python -m pip install --quiet --editable '.[lab,rehearsal,test]'
	@{ sed -n '/^#/p' constraints.txt; $(VENV)-upgrade/bin/python -m pip list --format freeze --exclude-editable --exclude pip --exclude setuptools; } > constraints.new
	@mv constraints.new constraints.txt && rm -rf $(VENV)-upgrade

clean: ## remove the virtual environment and caches, never runs/
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find runbook_lib tests -name __pycache__ -prune -exec rm -rf {} +
