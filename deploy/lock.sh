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
    --group build --group test --group lint --group lock \
    --constraint requirements.txt --output-file requirements-dev.txt
