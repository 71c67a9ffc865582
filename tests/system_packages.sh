#!/bin/sh
# Installs the system packages that some tests need, where that is possible: as root on Debian.
# Anywhere else it says what is missing; the tests concerned are skipped and say so, too.
set -eu

missing=
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="chromium"
if ! ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1; then
    missing="$missing fonts-noto-cjk"
fi

[ "$(uname)" = Linux ] || exit 0
[ -n "$missing" ] || exit 0

if [ -f /etc/debian_version ] && [ "$(id -u)" = 0 ]; then
    echo "installing$(printf ' %s' $missing)"
    if apt-get update -qq </dev/null &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            $missing </dev/null >/dev/null; then
        exit 0
    fi
fi
echo "the tests that look at pages need:$(printf ' %s' $missing); they are skipped without" >&2
