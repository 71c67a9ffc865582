#!/bin/sh
# Installs into a virtual environment while an image is built, with what the build was handed as secrets.
# Usage: pip_with_secrets.sh VENV PIP-ARGUMENTS…
set -eu

venv=$1
shift
if [ -s /run/secrets/ca.pem ]; then
    export PIP_CERT=/run/secrets/ca.pem
fi
if [ -s /run/secrets/pip.conf ]; then
    export PIP_CONFIG_FILE=/run/secrets/pip.conf
fi
exec /opt/pip/bin/pip --python "$venv/bin/python" install --quiet "$@"
