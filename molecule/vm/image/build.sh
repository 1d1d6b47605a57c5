#!/usr/bin/env bash
# Makes the files of a bare Debian 13 machine, as a VPS provider would hand it
# over: its own kernel, systemd, sshd, Python, a key for root. Nothing of ours.
# They become an image of Docker's, and CACHE_DIR/image gets the kernel.
#
# Usage: build.sh CACHE_DIR IMAGE   (as root; CACHE_DIR/ssh holds the keys, see create.yml)
# Prints "unchanged" when there is already the result of this recipe.
set -euo pipefail

cache=$1
name=$2
image=$cache/image
suite=trixie
packages=linux-image-cloud-amd64,systemd-sysv,udev,dbus,openssh-server,python3,iproute2
packages+=,apparmor,ca-certificates

fail() {
    echo "build.sh: $1" >&2
    exit 1
}

# The mirrors this machine uses itself, so that it works behind a company's mirror as well.
mirror_of() {
    apt-get indextargets --format "\$(REPO_URI)" "Label: $1" "Component: main" "Created-By: Packages" |
        sed -n '1s:/$::p'
}

sources() {
    local main security
    main=$(mirror_of Debian)
    security=$(mirror_of Debian-Security)
    [[ -n $main ]] || fail "this machine's apt knows no Debian mirror: add one and run apt-get update"
    local mirror name
    while read -r mirror name; do
        if /usr/lib/apt/apt-helper download-file "$mirror/dists/$name/InRelease" "$work/InRelease" >"$work/log" 2>&1; then
            echo "deb $mirror $name main"
        elif [[ $name == "$suite" ]]; then
            fail "the mirror has no $suite, or cannot be reached: $(tail -n 1 "$work/log")"
        fi
    done <<<"$main $suite
$main $suite-updates
${security:-$main} $suite-security"
}

write() {
    install -D -m "$1" /dev/stdin "$root$2"
}

configure() {
    write 0644 /etc/fstab <<<"/dev/vda / ext4 defaults 0 1"
    # No id in the file: the machine gives itself one, without the questions of a first boot.
    : | write 0444 /etc/machine-id

    # The only network: no gateway, no name server, no way out.
    write 0644 /etc/systemd/network/10-in.network <<'END'
[Match]
MACAddress=52:54:00:d1:00:02

[Network]
Address=10.213.1.2/30
END

    write 0644 /etc/ssh/sshd_config.d/10-vm.conf <<<"PasswordAuthentication no"
    rm -f "$root"/etc/ssh/ssh_host_*
    write 0600 /etc/ssh/ssh_host_ed25519_key <"$cache/ssh/host_ed25519"
    write 0644 /etc/ssh/ssh_host_ed25519_key.pub <"$cache/ssh/host_ed25519.pub"
    install --directory --mode=0700 "$root/root/.ssh"
    write 0600 /root/.ssh/authorized_keys <"$cache/ssh/id_ed25519.pub"
}

[[ $EUID -eq 0 ]] || fail "must run as root: the disk holds files of several owners"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

sources >"$work/sources.list"
recipe=$(cat "$0" "$work/sources.list" "$cache"/ssh/*.pub | sha256sum)
if [[ -f $image/recipe && $(<"$image/recipe") == "$recipe" && -n $(docker image ls --quiet "$name") ]]; then
    echo unchanged
    exit
fi

# In mounts of its own, as it makes all private.
unshare --mount mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$root" "$work/sources.list"
configure

# The kernel is handed to QEMU directly, so the disk needs neither a partition nor a boot loader.
new=$work/image
mkdir "$new"
cp "$root"/boot/vmlinuz-* "$new/vmlinuz"
cp "$root"/boot/initrd.img-* "$new/initrd.img"
tar --create --directory="$root" --xattrs . |
    docker import --change 'LABEL org.django-deploy.purpose=test' - "$name" >/dev/null
echo "$recipe" >"$new/recipe"

rm -rf "$image"
mv "$new" "$image"
chown -R --reference="$cache" "$image"
echo built
