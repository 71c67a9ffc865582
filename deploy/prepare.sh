#!/bin/sh
# Makes the secrets that the compose files hand to containers, and .env beside them. What is there stays.
# Usage: deploy/prepare.sh [DIR]        DIR: where the compose files are; the folder of this script
set -eu

cd "${1:-$(dirname "$0")}"
umask 077
mkdir -p secrets workspace
# Containers run as other users than you: they may read the files, but nobody may enter the folder.
chmod 700 secrets

random() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
keep() {
    [ -s "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"
    chmod 444 "secrets/$1"
}

keep secret_key "$(random 32)"
keep webhook_secret "whsec_$(head -c 32 /dev/urandom | base64 | tr -d '\n')"
keep api_keys "$(random 20)"
keep postgres_password "$(random 20)"
keep temporal_password "$(random 20)"
keep database_url "postgresql://longplay:$(cat secrets/postgres_password)@postgres:5432/longplay"

if [ ! -e .env ]; then
    # Root's containers are run by the image's own user.
    uid=$(id -u)
    [ "$uid" != 0 ] || { uid=10001 && chown 10001:10001 workspace; }
    gid=$(id -g)
    [ "$gid" != 0 ] || gid=10001
    cat >.env <<END
# Read by docker compose. The user that everything runs as; it must be able to write to ./workspace.
LONGPLAY_USER=$uid:$gid
COMPOSE_PROJECT_NAME=longplay
# How recipients reach the web server.
LONGPLAY_PUBLIC_URL=http://127.0.0.1:8080
END
    chmod 644 .env
fi
echo "the key for the dashboard and the API: $(cat secrets/api_keys)"
