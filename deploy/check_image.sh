#!/bin/sh
# Builds the image and runs it with Docker's engine, which is installed and started by hand for it.
# Where that is impossible, it says so, tries what can be tried without, and ends well.
set -eu
cd "$(dirname "$0")/.."

missing=
for each in dockerd:docker.io docker-compose:docker-compose debootstrap:debootstrap; do
    PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "${each%%:*}" >/dev/null || missing="$missing ${each#*:}"
done
if [ -n "$missing" ] && [ -f /etc/debian_version ] && [ "$(id -u)" = 0 ]; then
    echo "installing$missing"
    # Installing the engine must not start it as a service.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    for try in 1 2 3; do
        # A list that cannot be fetched need not be one that is needed.
        apt-get update -qq </dev/null || true
        if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            $missing </dev/null >/dev/null; then
            break
        fi
        echo "try $try failed" >&2
        sleep 10
    done
fi
.venv/bin/python -m deploy.image_check
