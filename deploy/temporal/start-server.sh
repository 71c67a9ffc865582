#!/bin/sh
# Starts Temporal's server, which knows no files of secrets.
set -eu

POSTGRES_PWD=$(cat /run/secrets/temporal_password)
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
