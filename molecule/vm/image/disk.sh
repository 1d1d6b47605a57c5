#!/usr/bin/env bash
# Turns the container off and makes the machine's disk of what it has: its files, and those of its own Docker.
#
# Usage: disk.sh CACHE_DIR CONTAINER   (as root)
set -euo pipefail

cache=$1
container=$2
docker stop "$container" >/dev/null
volume=$(docker inspect --format '{{range .Mounts}}{{if eq .Destination "/var/lib/docker"}}{{.Source}}{{end}}{{end}}' \
    "$container")

work=$(mktemp -d "$cache/disk.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"
docker export "$container" |
    tar --extract --directory="$root" --numeric-owner --xattrs --xattrs-include='*' --preserve-permissions

# What Docker had put into the container's place.
rm -f "$root/.dockerenv"
echo vm >"$root/etc/hostname"
printf '%s\n' '127.0.0.1 localhost' '127.0.1.1 vm' '::1 localhost' >"$root/etc/hosts"
systemctl --root="$root" enable --quiet systemd-networkd

cp --archive "$volume/." "$root/var/lib/docker/"

truncate --size=12G "$work/disk.img"
mkfs.ext4 -q -d "$root" "$work/disk.img"
mv "$work/disk.img" "$cache/image/disk.img"
chown --reference="$cache" "$cache/image/disk.img"
