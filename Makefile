# The same commands locally and in CI. `make setup` is implied by the others.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.covey-setup

.PHONY: setup demo demo-team test test-transformers check bench docs lock clean

setup: $(STAMP)

$(STAMP): pyproject.toml requirements.lock scripts/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash scripts/setup.sh
	@touch $(STAMP)

demo: setup
	@bash scripts/demo.sh

# MODEL=path.gguf lets a real model play instead of the scripted one.
demo-team: setup
	@MODEL="$(MODEL)" bash scripts/demo_team.sh

test: setup
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup tests

# torch is a download of several gigabytes, so `make test` does without and says what it skipped.
test-transformers: setup
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[dev,transformers]'
	@$(BIN)/python -m pytest -q tests/unit/models/test_transformers_backend.py tests/contract/test_model_contract.py

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@bash scripts/bench.sh

docs: setup
	@$(BIN)/python scripts/docs.py

lock: setup
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--extra dev --no-header -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis dist
