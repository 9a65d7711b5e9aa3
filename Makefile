# Everything is installed into .venv and nowhere else; only `system-deps` touches the machine.
BIN := .venv/bin
.PHONY: run test lint fix types docs bench soak fuzz system-deps

run: .venv/ready ; @exec $(BIN)/ca-core dev

test: .venv/ready ; @$(BIN)/python -m pytest -n 2 --dist worksteal

lint: .venv/ready types ; $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/codespell

fix: .venv/ready ; $(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: .venv/ready ; $(BIN)/mypy && $(BIN)/mypy tests/typing

docs: .venv/ready ; @$(BIN)/python -m docs.generate

bench: .venv/ready ; @$(BIN)/python -m bench

soak: .venv/ready ; @$(BIN)/python -m pytest -m soak --timeout 0

fuzz: .venv/ready ; @$(BIN)/python -m pytest -m hypothesis --hypothesis-profile fuzz --timeout 0

system-deps: ; @.ci/system-deps

.venv/ready: pyproject.toml ; @.ci/venv
