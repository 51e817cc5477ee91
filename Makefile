# Each target installs its own requirements. `make PYTHON=python3.12 …` selects the interpreter.
PYTHON ?=
export PYTHON

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help venv setup hooks demo demo-down test unit lint sanity ansible-matrix targets engines docs bench chaos faults \
	fuzz coverage build dist image image-copy generate changelog lock release-check publish-release \
	publish-collection publish-wheel publish-image clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## create or update .venv: runner, Ansible, tools, and the collection from the working tree
	@python=$$(sh tools/find-python) && "$$python" tools/venv.py

setup: venv ## also install the Debian packages for the lab (needs root)
	@$(BIN)/python -m tests.lab packages --install

hooks: venv ## install the git hooks of .pre-commit-config.yaml; needs pre-commit
	@pre-commit install

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

sanity: venv ## run the sanity tests of ansible-test
	@$(BIN)/python tools/lint.py sanity

ansible-matrix: venv ## try all supported ansible-cores and Pythons; CORES="2.17 next", SANITY=1
	@$(BIN)/python -m tests.matrix --cores "$(CORES)" $(if $(SANITY),--sanity)

targets: setup ## run the targets of ansible-test on real engines; TARGETS="test_prune" runs only these
	@$(BIN)/python -m tests.targets $(TARGETS)

engines: setup ## try real engines of all supported versions; ENGINES="20.10 mixed", FULL=1 runs all tests
	@$(BIN)/python -m tests.engines --engines "$(ENGINES)" $(if $(FULL),--full)

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

dist: venv ## build wheel, sdist and tarball in an empty dist/, with their checksums
	@rm -rf dist
	@$(MAKE) --no-print-directory build
	@cd dist && sha256sum * > SHA256SUMS && cat SHA256SUMS

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

release-check: venv ## check version, changelog and TAG, and write the notes to build/release-notes.md
	@$(BIN)/python tools/release.py $(TAG)

publish-release: ## create the release of TAG on GitHub with the files in dist/; needs gh
	@gh release create "$(TAG)" dist/* --verify-tag --title "$(TAG)" --notes-file build/release-notes.md

publish-collection: venv ## publish the tarball in dist/ to the server of ANSIBLE_GALAXY_SERVER_LIST
	@$(BIN)/ansible-galaxy collection publish dist/orcastra-swarm-*.tar.gz

publish-wheel: venv ## upload wheel and sdist in dist/ to the index of TWINE_REPOSITORY_URL
	@$(BIN)/python -m pip install -qq --group release
	@$(BIN)/python -m twine upload --non-interactive dist/orcastra-*.whl dist/orcastra-[0-9]*.tar.gz

publish-image: ## build the image and push it to REGISTRY as TAG; logs in if REGISTRY_PASSWORD is set
	@test -n "$(REGISTRY)" -a -n "$(TAG)" || { echo 'publish-image: expected REGISTRY=host/name TAG=vX.Y.Z' >&2; exit 2; }
	@$(MAKE) --no-print-directory image IMAGE="$(REGISTRY):$(TAG:v%=%)"
	@test -z "$$REGISTRY_PASSWORD" || \
		printf %s "$$REGISTRY_PASSWORD" | docker login --username "$$REGISTRY_USER" --password-stdin "$(firstword $(subst /, ,$(REGISTRY)))"
	@docker push "$(REGISTRY):$(TAG:v%=%)"

clean: ## delete build results, caches and .venv, but no running lab (see demo-down)
	rm -rf .venv .ansible .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
