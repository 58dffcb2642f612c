# Everything a person needs: `make run` draws the example list, `make test` tests, `make help` lists the rest.

PYTHON ?= python3
FILE ?= examples/prompts.csv
OUT ?= out
VENV := .venv
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run test node check format docs clean

help: ## List these commands.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 10

setup: $(READY) ## Make the environment in .venv from the locked list.

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "darkroom needs Python 3.11 or newer; name one with PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ $(PYTHON) -c 'import sys; print("Python lacks venv: apt install python3.%d-venv" % sys.version_info[1])' >&2; exit 1; }
	@echo "making $(VENV) (once, about a minute)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $(READY)

run: $(READY) ## Draw FILE (examples/prompts.csv) into OUT (out); the sandbox draws where OPENAI_API_KEY is not set.
	@$(VENV)/bin/darkroom run "$(FILE)" --out "$(OUT)" --again

test: $(READY) ## Run the tests.
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest -n 3 --dist loadgroup

node: $(READY) ## Get OpenAI's Node library into .node and run the tests that drive it.
	@npm install --silent --no-audit --no-fund --no-save --prefix .node openai
	@NODE_OPENAI=.node $(VENV)/bin/python -m pytest -m node tests/openai

check: $(READY) ## Lint, types, import contracts, house rules.
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo

format: $(READY) ## Format the code and mend what the linter can.
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

docs: $(READY) ## Write docs/reference from the code.
	@$(VENV)/bin/python docs/generate.py

clean: ## Remove what was made here, but not DARKROOM_HOME.
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .node
