"""Docker's own apt repository as the source. A repository that the test makes stands in for it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from runs import REPOSITORY, extra
from scenario import PLAYBOOKS, connect
from testinfra.host import Host
from waiting import wait_until

HOST = "spare"
PORT = 8099

# Docker's packages, and Debian's that have the same in them.
PACKAGES = {
    "docker-ce": "docker.io",
    "docker-ce-cli": "docker-cli",
    "containerd.io": "containerd",
    "docker-compose-plugin": "docker-compose",
}

# Makes a signed apt repository of Debian's packages under Docker's names: both are its arguments, by turns.
MAKE_REPOSITORY = r"""
set -eu
apt-get -qq update
apt-get -qq install --yes --no-install-recommends apt-utils gnupg >/dev/null
mkdir -p /srv/apt/pool /srv/apt/dists/trixie/stable/binary-amd64 /tmp/repack
while [ $# -gt 0 ]; do
    cd /tmp/repack
    apt-get -qq download "$2"
    dpkg-deb --raw-extract "$2"_*.deb "$1"
    sed -i -E -e "s/^Package: .*/Package: $1/" -e '/^(Conflicts|Breaks|Replaces|Recommends|Suggests):/d' \
        -e '/^Depends:/s/docker-cli/docker-ce-cli/' -e '/^Depends:/s/containerd[^,]*/containerd.io/' \
        "$1/DEBIAN/control"
    dpkg-deb -Znone --build "$1" /srv/apt/pool >/dev/null
    shift 2
done
cd /srv/apt
apt-ftparchive packages pool > dists/trixie/stable/binary-amd64/Packages
apt-ftparchive -o APT::FTPArchive::Release::Suite=trixie -o APT::FTPArchive::Release::Codename=trixie \
    release dists/trixie > /tmp/Release
mv /tmp/Release dists/trixie/
gpg --batch --quiet --passphrase '' --quick-generate-key repository@example.org ed25519
gpg --armor --export > gpg
gpg --clearsign --output dists/trixie/InRelease dists/trixie/Release
"""


@pytest.fixture(scope="module")
def host() -> Host:
    return connect(HOST)


@pytest.fixture(scope="module")
def repository(host: Host) -> dict[str, str]:
    """The variables that name the repository."""
    words = [word for pair in PACKAGES.items() for word in pair]
    host.check_output("sh -c %s sh " + " ".join(["%s"] * len(words)), MAKE_REPOSITORY, *words)
    host.check_output("systemd-run --unit=test-apt python3 -m http.server %s --directory /srv/apt", str(PORT))
    wait_until("the repository answers", lambda: host.run(f"ss -Hltn | grep -q :{PORT}").rc == 0)
    key = host.check_output("cat /srv/apt/gpg") + "\n"
    return {
        "docker_source": "upstream",
        "docker_upstream_url": f"http://127.0.0.1:{PORT}",
        "docker_upstream_key_checksum": f"sha256:{hashlib.sha256(key.encode()).hexdigest()}",
    }


@pytest.fixture
def playbook(tmp_path: Path) -> str:
    """A playbook with the one role."""
    path = tmp_path / "docker.yml"
    path.write_text(json.dumps([{"hosts": HOST, "roles": [str(REPOSITORY / "roles/docker")]}]))
    return str(path)


def test_another_key_is_refused(host: Host, repository: dict[str, str], playbook: str) -> None:
    other = repository | {"docker_upstream_key_checksum": f"sha256:{'0' * 64}"}
    run = PLAYBOOKS.play(playbook, extra(**other))
    assert run.status != 0, run.output
    assert "checksum" in run.output
    for package in PACKAGES:
        assert not host.package(package).is_installed


def test_the_engine_comes_from_the_repository(host: Host, repository: dict[str, str], playbook: str) -> None:
    run = PLAYBOOKS.play(playbook, extra(**repository))
    assert run.status == 0, run.output
    for package in PACKAGES:
        assert host.package(package).is_installed
    assert host.run("docker version").rc == 0
    assert host.run("docker compose version").rc == 0


def test_an_engine_that_answers_is_used(host: Host, playbook: str) -> None:
    assert host.run("docker version").rc == 0
    run = PLAYBOOKS.play(playbook)
    assert run.status == 0, run.output
    assert run.recap(HOST)["changed"] == 0
