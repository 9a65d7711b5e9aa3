# Everything is installed into .venv and nowhere else; only `system-deps` touches the machine.
BIN := .venv/bin
.PHONY: run demo test lint fix types docs bench soak fuzz system-deps

run: .venv/run ; @exec $(BIN)/ca-core dev

demo: .venv/dev ; @$(BIN)/python -m demo

test: .venv/dev ; @$(BIN)/python -m pytest -n 2 --dist worksteal

lint: .venv/dev types ; $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-logo && $(BIN)/codespell

fix: .venv/dev ; $(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: .venv/dev ; $(BIN)/mypy && $(BIN)/mypy tests/typing && $(BIN)/pyright && .ci/public-types

docs: .venv/dev ; @$(BIN)/python -m docs.generate

bench: .venv/dev ; @$(BIN)/python -m bench

soak: .venv/dev ; @$(BIN)/python -m pytest -m soak --timeout 0

fuzz: .venv/dev ; @$(BIN)/python -m tests.fuzz && $(BIN)/python -m pytest -m hypothesis --hypothesis-profile fuzz --timeout 0

system-deps: ; @.ci/system-deps

.venv/run .venv/dev: pyproject.toml ; @.ci/venv $(notdir $@)
