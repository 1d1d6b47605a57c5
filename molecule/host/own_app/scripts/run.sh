#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ "$(id -u)" -eq 0 ]]; then
  mkdir -p /vol/web/static /vol/web/media
  chown django:django /vol/web/static /vol/web/media
  exec 3< "$POSTGRES_OWNER_PASSWORD_FILE"
  exec setpriv --reuid django --regid django --init-groups \
    --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs bash scripts/run.sh
fi

python manage.py collectstatic --noinput
# Root's file can't be opened again by its path in /dev/fd.
POSTGRES_USER=$POSTGRES_OWNER POSTGRES_PASSWORD_FILE=/dev/stdin python manage.py migrate --noinput < <(cat <&3)
exec 3<&-
exec gunicorn --bind :9000 --workers "${WEB_CONCURRENCY:-4}" config.wsgi
