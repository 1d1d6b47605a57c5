"""The sources of the base image, by those of the host that it is made on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

MAKE_BASE = Path(__file__).resolve().parents[3] / "roles/images/files/base/make-base"
# Answers like apt-get for a host with these two sources, and one of somebody else's.
APT_GET = """#!/bin/sh
[ "$5" = "Origin: Debian" ] || echo https://packages.example/debian/
case $4 in
    *-security) echo {security} ;;
    *) echo {mirror} ;;
esac
"""


def make(tmp_path: Path, mirror: str, security: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Make an image on a host with these mirrors."""
    programs = {
        "apt-get": APT_GET.format(mirror=mirror, security=security),
        "apt-config": "#!/bin/sh\n",
        "docker": '#!/bin/sh\n[ "$1" = import ]\n',
        "mmdebstrap": f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/told\n',
        "unshare": '#!/bin/sh\nshift\nexec "$@"\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = ["bash", str(MAKE_BASE), "django/base:1", *more]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def sources(tmp_path: Path, mirror: str, security: str, *more: str) -> list[str]:
    """Make an image; return the lines of apt's sources that it gets."""
    result = make(tmp_path, mirror, security, *more)
    assert result.returncode == 0, result.stderr
    return [line for line in (tmp_path / "told").read_text().splitlines() if line.startswith("deb ")]


def test_mirrors_are_those_of_the_host(tmp_path: Path) -> None:
    assert sources(tmp_path, "http://mirror.example/debian/", "http://mirror.example/security/") == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/security/ trixie-security main",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "https://mirror.example/debian\n",
        "# ours\n\nhttps://mirror.example/debian\tpriority:1\nhttp://other\n",
    ],
)
def test_a_file_of_mirrors_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "debian.list").write_text(text)
    (tmp_path / "security.list").write_text("https://mirror.example/debian-security\n")
    mirror, security = (f"mirror+file:{tmp_path}/{name}.list/" for name in ("debian", "security"))

    assert sources(tmp_path, mirror, security) == [
        "deb https://mirror.example/debian trixie main",
        "deb https://mirror.example/debian trixie-updates main",
        "deb https://mirror.example/debian-security trixie-security main",
    ]


def test_a_host_without_security_updates_is_refused(tmp_path: Path) -> None:
    result = make(tmp_path, "http://mirror.example/debian/", "")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "have no security updates of Debian" in result.stderr
    assert "set images_without_security_updates" in result.stderr
    assert not (tmp_path / "told").exists()


def test_an_image_without_them_is_made_when_that_is_wanted(tmp_path: Path) -> None:
    more = ("http://other.example/debian", "without-security-updates")
    assert sources(tmp_path, "http://mirror.example/debian/", "", *more) == [
        "deb http://other.example/debian trixie main",
        "deb http://other.example/debian trixie-updates main",
    ]


def test_those_that_are_there_are_never_left_out(tmp_path: Path) -> None:
    security = "http://mirror.example/security/"
    found = sources(tmp_path, "http://mirror.example/debian/", security, "", "without-security-updates")
    assert f"deb {security} trixie-security main" in found
