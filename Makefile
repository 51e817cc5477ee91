# Each target installs its own requirements. `make PYTHON=python3.12 …` selects the interpreter.
PYTHON ?=
export PYTHON

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help venv setup demo demo-down test unit lint docs bench chaos faults fuzz coverage build image image-copy generate changelog lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## create or update .venv: runner, Ansible, tools, and the collection from the working tree
	@python=$$(sh tools/find-python) && "$$python" tools/venv.py

setup: venv ## also install the Debian packages for the lab (needs root)
	@$(BIN)/python -m tests.lab packages --install

demo: setup ## start a real swarm of three hosts on this machine and let Orcastra manage it
	@$(BIN)/python -m demo

demo-down: venv ## remove a demo that is still running
	@$(BIN)/python -m demo down

test: setup ## run all tests; skip those on real engines, with the reason, if they cannot run here
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

unit: venv ## run the quick tests: no root, no engines, no simulated swarms
	@$(BIN)/python -m pytest tests/unit -m "not slow" --numprocesses auto --dist worksteal

lint: venv ## run all static checks; ONLY="ruff mypy" runs only these
	@$(BIN)/python tools/lint.py $(ONLY)

docs: venv ## build the documentation site in build/docs/html; fail on warnings
	@$(BIN)/python -m tools.docs

bench: setup ## measure on real engines, and print one page; ARGS="moves" measures only that, ARGS=--all everything
	@$(BIN)/python -m tests.bench $(ARGS)

chaos: setup ## cause random accidents in a real swarm, and check what Orcastra promises; MINUTES=30 SEED=1
	@$(BIN)/python -m tests.chaos.lab --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

faults: venv ## inject faults into simulated swarms at every request; RUNS=1000 SEED=1
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.faults --runs $(or $(RUNS),1000) --seed $(or $(SEED),1)

fuzz: venv ## fuzz everything that reads outside input; SECONDS=60 SEED=1
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1)

coverage: venv ## run the quick tests and print the coverage by package
	@$(BIN)/python -m tests.coverage

build: venv ## build wheel, sdist and the collection's tarball in dist/
	@$(BIN)/python -m build --outdir dist .
	@$(BIN)/python tools/build_collection.py dist

image: ## build the container image with Docker; IMAGE=name:tag sets its name
	@docker build --tag $(or $(IMAGE),orcastra:latest) --build-arg VERSION=$$(sed -n 's/^version: //p' galaxy.yml) $(IMAGE_ARGS) .

image-copy: ## copy the image to other nodes over SSH; HOSTS="root@bravo root@charlie"
	@test -n "$(HOSTS)" || { echo 'image-copy: expected HOSTS="user@host ..."' >&2; exit 2; }
	@for host in $(HOSTS); do \
		echo "Copying $(or $(IMAGE),orcastra:latest) to $$host ..."; \
		docker save $(or $(IMAGE),orcastra:latest) | gzip | ssh "$$host" 'gunzip | docker load' || exit 1; \
	done

generate: venv ## update the generated tables in README.md and the role READMEs
	@$(BIN)/python tools/generate.py

changelog: venv ## turn changelog fragments into CHANGELOG.rst, for the version in galaxy.yml
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/antsibull-changelog release --update-existing --reload-plugins --refresh-plugins prevent-removal

lock: ## update tools/constraints.txt to the newest versions
	@sh tools/lock

clean: ## delete build results, caches and .venv, but no running lab (see demo-down)
	rm -rf .venv .ansible .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
