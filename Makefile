# `make` explains itself: every target with two hashes behind it is listed by `make help`.
# Written for GNU make 3.81, which is what macOS has.

.DEFAULT_GOAL := help
.PHONY: help up test setup lint types arch docs site bench acceptance fmt lock wheel image clean

ARGS ?=
JOBS ?= 4
BIN := .venv/bin
PY := $(BIN)/python

# A stamp carries the checksum of its lock and of this folder's path: .venv is made anew when
# either changes, and left alone otherwise.
checksum = $(shell { cat $(1); pwd; } | cksum | cut -d' ' -f1)
RUN := .venv/.run-$(call checksum,requirements.txt)
DEV := .venv/.dev-$(call checksum,requirements-dev.txt)

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(RUN) ## starts everything on this machine (ARGS=--demo shows it at work), until Ctrl-C
	@$(BIN)/longplay up $(ARGS)

test: $(DEV) ## installs what the tests need and runs them all (ARGS="-k word" for some)
	@sh tests/system_packages.sh
	@$(PY) -m pytest -n $(JOBS) --dist loadgroup $(ARGS) || { \
		echo "== what failed, alone on the machine: what passes now depends on its neighbors, or on time"; \
		$(PY) -m pytest --last-failed --last-failed-no-failures none $(ARGS); }

setup: $(DEV) ## makes .venv with everything for development

lint: $(DEV) ## style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV) ## mypy, strict, over code and tests
	@$(BIN)/mypy

arch: $(DEV) ## who may import whom, sizes and names
	@$(BIN)/lint-imports
	@$(PY) -m pytest -q tests/architecture $(ARGS)

docs: $(DEV) ## writes the generated pages anew (ARGS=--check only tells which are stale)
	@$(PY) -m docs.generate $(ARGS)

site: $(DEV) ## builds the documentation site into build/site; a broken link fails it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet $(ARGS)

bench: $(DEV) ## measures, each beside a baseline (ARGS=kill runs the kill test instead)
	@for each in $(or $(ARGS),cli_speed latency throughput mail_rate steps drip taking_in sleepers); do \
		echo "== $$each"; $(PY) -m bench.$$each || exit; \
	done

acceptance: $(DEV) ## the tests with real servers and killed processes only
	@$(PY) -m pytest tests/acceptance $(ARGS)

fmt: $(DEV) ## formats the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lock: $(DEV) ## resolves the dependencies of pyproject.toml into the two locks
	@sh deploy/lock.sh $(ARGS)

wheel: $(DEV) ## builds the wheel that users install, into dist
	@$(PY) -m pip wheel --quiet --no-deps --no-index --no-build-isolation -w dist .
	@ls dist/*.whl

image: $(DEV) ## builds the image with an engine started by hand, and drills with it (root, Debian)
	@sh deploy/check_image.sh

clean: ## removes .venv and everything built; the data in .longplay stays
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN):
	@sh deploy/venv.sh requirements.txt $@

$(DEV):
	@sh deploy/venv.sh requirements-dev.txt $@
	@touch $(RUN)
