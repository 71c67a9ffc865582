#!/bin/sh
# Makes .venv from a lock, with nothing there but Python, and installs this project into it.
# Usage: deploy/venv.sh LOCK STAMP
set -eu

lock=$1
stamp=$2

for candidate in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done

if [ -z "${python:-}" ]; then
    echo "longplay needs Python 3.11 or newer; python3 is '$(python3 -V 2>&1 || true)'" >&2
    echo "help: install one (Debian: apt install python3 python3-venv; macOS: brew install" \
         "python), or name it: make PYTHON=/path/to/python3.11" >&2
    exit 2
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "this Python ('$python') cannot make virtual environments" >&2
    echo "help: install the rest of it (Debian: apt install python3-venv)" >&2
    exit 2
fi

# One that cannot run pip was broken off, or its Python is gone; one that knows itself by another
# path was moved, and its programs point to where it was.
if ! .venv/bin/python -c 'import pip' 2>/dev/null ||
    ! grep -qF "$PWD/.venv" .venv/bin/activate 2>/dev/null; then
    echo "making .venv (once; about a minute)"
    "$python" -m venv --clear .venv
fi

echo "installing $lock"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --no-build-isolation --no-deps --no-index --editable .

rm -f "${stamp%-*}"-*
touch "$stamp"
