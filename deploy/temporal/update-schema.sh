#!/bin/sh
# Brings Temporal's tables to the revision of its server; what is there already stays.
set -eu

SQL_PASSWORD=$(cat /run/secrets/temporal_password)
export SQL_PASSWORD

update() {
    tool() { temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal --db "$@"; }
    # It fails where the tables are there; whether they are right is seen by what follows.
    tool "$1" setup-schema -v 0.0 || true
    tool "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

update temporal temporal
update temporal_visibility visibility
