# Everything runs in a virtual environment of its own; nothing here needs root. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Tests and rehearsals start the library in many processes: compiled once, not once in each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install rehearse test quick soak pins measures moto-suite bench lab lock upgrade schema pages clean

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

# Every other target begins with this; where all is in place, it takes no time. What is installed, and when anew: requirements/install.py.
install: ## install everything into .venv; PYTHON=/usr/bin/python3.12 chooses the Python
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || { echo "Python 3.11 to 3.14 is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=/usr/bin/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing. Install it with: sudo apt install git make python3-venv"; exit 1; }
	@$(PYTHON) requirements/install.py $(if $(filter file,$(origin PYTHON)),,--chosen)

rehearse: install ## run the whole runbook against a simulated organization
	@$(BIN)/runbook rehearse $(ARGS)

test: install ## lint, types and tests, held to a budget of CPU seconds; ARGS=--cpu-write writes it anew
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb
	@$(BIN)/mypy >$(VENV)/types.txt 2>&1 & types=$$!; \
	$(BIN)/python -m pytest -n 4 --dist loadfile --cpu $(ARGS); tests=$$?; \
	wait $$types; types=$$?; [ $$types -eq 0 ] || cat $(VENV)/types.txt; \
	exit $$((tests ? tests : types))

quick: install ## the tests that take a minute: no browser, no kernels or servers of their own, no lint
	@$(BIN)/python -m pytest -n logical --dist loadfile -m 'not slow and not soak and not bench' $(ARGS)

soak: install ## the long proofs: killed at every call of the default organization, a thousand schedules of faults
	@$(BIN)/python -m pytest -m soak -n logical --dist worksteal --timeout 1800 -v $(ARGS)

pins: install ## compare plans and calls of every seed with the golden files; ARGS="--write" writes them anew, ARGS="--show seven" prints all
	@PYTHONPATH=tests/support $(BIN)/python tests/golden/pins.py $(ARGS)

measures: install ## services named outside their folders, rooms, arrows that run back, lines; ARGS="--names" lists them
	@$(BIN)/python tests/support/measures.py $(ARGS)

moto-suite: install ## moto's own tests with our front before moto; differences from plain moto must be listed
	@$(BIN)/python tests/rehearsal/moto_suite.py $(ARGS)

bench: install ## measure against what AWS's limits allow; ARGS="a c" for parts, figures in bench.json
	@$(BIN)/python tests/bench $(ARGS)

lab: install ## open the notebooks in JupyterLab, with a simulated organization beside it
	@$(BIN)/runbook lab $(ARGS)

pages: $(STAMP) ## write the pages that are made from the code
	@$(BIN)/python tests/support/pages.py

schema: install ## write the settings schema anew
	@$(BIN)/runbook schema > schema.new && mv schema.new runbook_lib/settings/schema.json

lock: ## write the lock (requirements/) anew after a change of pyproject.toml; versions stay where they can
	@$(RENEW)

upgrade: ## write the lock anew with the newest versions that pyproject.toml allows
	@$(RENEW) --upgrade

RENEW = rm -rf $(VENV)-renew && $(PYTHON) -m venv $(VENV)-renew \
	&& $(VENV)-renew/bin/python -m pip install --require-hashes --only-binary :all: --requirement requirements/renew.txt \
	&& $(VENV)-renew/bin/python requirements/renew.py

clean: ## remove the virtual environment and caches, never runs/
	@rm -rf $(VENV) $(VENV)-renew .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find runbook_lib tests -name __pycache__ -prune -exec rm -rf {} +
