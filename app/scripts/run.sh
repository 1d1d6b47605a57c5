#!/usr/bin/env bash
# Starts the API container. As root it prepares the volumes, then goes on as the unprivileged user.
#
# Usage: run.sh           migrates and becomes gunicorn
#        run.sh migrate   migrates and ends
set -euo pipefail
# nginx reads what we write as another user.
umask 022

readonly user=django
readonly folders=("${DJANGO_STATIC_ROOT:-/vol/web/static}" "${DJANGO_MEDIA_ROOT:-/vol/web/media}"
  "${DJANGO_STATIC_MANIFEST_DIR:-/run/django}")

say() {
  printf 'run.sh: %s\n' "$*"
}

die() {
  printf 'run.sh: error: %s\n' "$*" >&2
  exit 1
}

own_folders() {
  local owner folder
  owner="$(id -u "$user")" || die "this system has no user '$user': create it in the image"
  owner+=":$(id -g "$user")"
  for folder in "${folders[@]}"; do
    mkdir -p "$folder" || die "cannot make $folder: mount a writable volume there"
    # There may be a million files below, and all of them are ours once the folder is: chown -R does the
    # folder itself last.
    if [[ "$(stat -c %u:%g "$folder")" != "$owner" ]]; then
      chown -Rh "$owner" "$folder" || die "cannot give $folder to $user: the container needs capability CHOWN"
    fi
  done
}

become_user() {
  local switch=(setpriv --reuid "$user" --regid "$user" --init-groups
    --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs)
  "${switch[@]}" true \
    || die "cannot become user $user: the container needs capabilities SETUID, SETGID and SETPCAP"
  # With root's, libpq would look for certificates in a folder it may not enter, and give up.
  HOME="$(getent passwd "$user" | cut -d: -f6)"
  export HOME USER="$user" LOGNAME="$user"
  exec "${switch[@]}" bash scripts/run.sh "$@"
}

# As process 1 the shell would ignore SIGTERM, and heed a trap only after its foreground child has ended: so
# the children run in the background.
child=
trap '[[ -z $child ]] || kill "$child"; exit 143' TERM

manage() {
  local status=0
  say "$*"
  # Without a redirection, the input of what runs in the background is empty.
  python manage.py "$@" <&0 3<&- &
  child=$!
  wait "$child" || status=$?
  child=
  return "$status"
}

step() {
  local hint=$1
  shift
  manage "$@" || die "$1 failed: $hint"
}

[[ $# -eq 0 || $* == migrate ]] || die "cannot do '$*': give no argument, or 'migrate'"
readonly task=${1:-serve}
cd "$(dirname "$0")/.."

# The password of the database's owner is for migrate alone. Root alone may open its file, so root does, and
# what it has opened outlives the switch of user.
[[ -e /dev/fd/3 ]] || { exec 3< "${POSTGRES_OWNER_PASSWORD_FILE:-}"; } 2> /dev/null \
  || die "cannot read POSTGRES_OWNER_PASSWORD_FILE '${POSTGRES_OWNER_PASSWORD_FILE:-}': set it to the owner's file"

if [[ "$(id -u)" -eq 0 ]]; then
  say "volume folders ${folders[*]}"
  own_folders
  say "becoming user $user"
  become_user "$@"
fi

for folder in "${folders[@]}"; do
  [[ -w $folder ]] || die "$folder is missing or not ours to write: start as root, or give it to $(id -un)"
done

step "see the message above; the database's own log says more" wait_for_db
if [[ $task == serve ]]; then
  step "see the message above; is there space left in ${folders[0]}?" collectstatic --noinput
fi
# Through a pipe of our own: the file itself can't be opened by its path in /dev/fd.
if ! POSTGRES_USER="${POSTGRES_OWNER:?}" POSTGRES_PASSWORD_FILE=/dev/stdin manage migrate --noinput < <(cat <&3); then
  # A power cut in the middle of a rotation leaves the owner with a password that is not in its file yet. Whoever has
  # nothing to migrate needs no owner, and the app's own login is a new one in each rotation.
  { [[ $task == serve ]] && manage migrate --check; } \
    || die "migrate failed: the database is as the last whole migration left it: correct the cause above, start again"
  say "going on, as there is nothing to migrate"
fi
exec 3<&-
[[ $task == serve ]] || exit 0

say "gunicorn"
command -v gunicorn > /dev/null || die "there is no gunicorn on PATH: install requirements.txt"
exec gunicorn --bind :9000 --workers "${WEB_CONCURRENCY:-4}" config.wsgi
