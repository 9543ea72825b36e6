# The verbs a person types. `make rehearse` and `make test` need Python 3.11 or newer, make and a package registry.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
# The pipelines SDK pins packages that the policy SDK cannot have: it lives apart, and tests alone call it.
KFP := tests/fixtures/kfp/requirements

.PHONY: rehearse test lint bench images reference sweep lock clean

rehearse: $(READY)  ## plan every environment in stacks/config, three ways, and compare
	@$(BIN)/slipway rehearse

test: lint  ## the whole ladder
	@$(BIN)/pytest -n auto -q

lint: $(READY)  ## format, style, import contracts, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy

bench: $(READY)  ## seconds, megabytes and growth, as figures
	@$(BIN)/python bench/plan.py
	@$(BIN)/python bench/rules.py

reference: $(READY)  ## write docs/reference again from the code
	@$(BIN)/python -m slipway.reference

sweep: $(READY)  ## break plans at random, and write again what the policies said (minutes)
	@$(BIN)/python -m tests.policies.sweep

images: $(READY)  ## resolve the packages of the notebook images again
	@images/pin.sh $(BIN)/uv

lock: $(READY)  ## resolve pyproject.toml again
	@$(BIN)/uv pip compile -q pyproject.toml --extra dev --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 --universal -o requirements.lock
	@$(BIN)/uv pip compile -q $(KFP).in --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 --universal -o $(KFP).lock

clean:
	rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): requirements.lock $(KFP).lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Slipway needs Python 3.11 or newer; this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check $$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)
	@$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/uv venv -q --allow-existing --python $(BIN)/python .venv/kfp
	@$(BIN)/uv pip sync -q --python .venv/kfp/bin/python --require-hashes $(KFP).lock
	@touch $@
