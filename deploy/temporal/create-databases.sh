#!/bin/sh
# Run by the container of PostgreSQL when its folder is still empty: what Temporal needs.
set -eu

psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
    --set=password="$(cat /run/secrets/temporal_password)" <<'END'
CREATE ROLE temporal LOGIN PASSWORD :'password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
END
