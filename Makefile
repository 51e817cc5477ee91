# Each target brings along what it needs. `make PYTHON=python3.12 …` chooses the interpreter.
PYTHON ?=
export PYTHON

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help venv setup demo demo-down test unit lint docs bench build image generate lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## make .venv: runner, Ansible and tools, the collection as it stands in the tree
	@python=$$(sh tools/find-python) && "$$python" tools/venv.py

setup: venv ## also install the Debian packages that the lab needs (as root)
	@$(BIN)/python -m tests.lab packages --install

demo: setup ## start a real swarm of three hosts on this machine and let Orcastra look after it
	@$(BIN)/python -m demo

demo-down: venv ## remove what `make demo` left running
	@$(BIN)/python -m demo down

test: setup ## run all tests; those on real engines are left out, with a word, where they cannot run
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

unit: venv ## run the quick tests: no root, no engine, no simulated swarm (`make test` runs all)
	@$(BIN)/python -m pytest tests/unit -m "not slow" --numprocesses auto --dist worksteal

lint: venv ## run all static checks (`make lint ONLY="ruff mypy"`: some of them)
	@$(BIN)/python tools/lint.py $(ONLY)

docs: venv ## build the documentation site into build/docs/html, with warnings as errors
	@$(BIN)/python -m tools.docs

bench: setup ## measure on real engines and print tables (`make bench ARGS="moves"`: some of them)
	@$(BIN)/python -m tests.bench $(ARGS)

build: venv ## build the wheel, the sdist and the collection's tarball into dist/
	@$(BIN)/python -m build --outdir dist .
	@$(BIN)/ansible-galaxy collection build --force --output-path dist .

image: ## build the container image, orcastra:latest, with Docker (`make image IMAGE=name:tag`)
	@docker build --tag $(or $(IMAGE),orcastra:latest) --build-arg VERSION=$$(sed -n 's/^version: //p' galaxy.yml) $(IMAGE_ARGS) .

generate: venv ## write the generated parts of the documentation (tables of role variables)
	@$(BIN)/python tools/generate.py

lock: ## renew tools/constraints.txt with the newest versions of everything
	@sh tools/lock

clean: ## delete what was built, the caches and .venv (not a running lab: make demo-down)
	rm -rf .venv .ansible .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
