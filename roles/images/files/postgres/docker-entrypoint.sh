#!/usr/bin/env bash
# Initialise the database if there is none, then become the server.
#
# POSTGRES_USER           superuser                  (default: postgres)
# POSTGRES_DB             database made at first     (default: POSTGRES_USER)
# POSTGRES_PASSWORD_FILE  file with its password     (needed at the first start)
# PGDATA                  data directory, not itself a mount point
set -euo pipefail

die() {
    echo "postgres: $*" >&2
    exit 1
}

initialise() {
    local user=${POSTGRES_USER:-postgres} secret=${POSTGRES_PASSWORD_FILE:-} fresh=$PGDATA.initialising
    local database=${POSTGRES_DB:-$user}

    [ -n "$secret" ] || die "no database yet and POSTGRES_PASSWORD_FILE is not set: set it to a file with the password."
    [ -s "$secret" ] || die "no database yet and $secret is missing, empty or unreadable for uid $(id -u): put the password there."

    # Only a finished database gets the final name, so a start that was killed
    # half-way leaves nothing behind that looks like data.
    rm -rf "$fresh"
    initdb --pgdata="$fresh" --username="$user" --pwfile="$secret" \
        --encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8 --data-checksums \
        --auth-local=scram-sha-256 --auth-host=scram-sha-256 --set=listen_addresses='*'
    echo 'host all all all scram-sha-256' >> "$fresh/pg_hba.conf"
    if [ "$database" != postgres ]; then
        # Single-user mode: no server listens before the database is whole.
        printf 'CREATE DATABASE "%s";\n' "${database//\"/\"\"}" | postgres --single -D "$fresh" postgres >/dev/null
    fi
    sync --file-system "$fresh"
    mv --no-target-directory "$fresh" "$PGDATA"
    sync --file-system "$PGDATA"
}

if [ "${1:-postgres}" = postgres ] || [[ $1 == -* ]]; then
    [[ ${1:-} == -* ]] && set -- postgres "$@"
    [ -s "$PGDATA/PG_VERSION" ] || initialise
fi
exec "$@"
