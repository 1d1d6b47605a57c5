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


def sources(tmp_path: Path, mirror: str, security: str) -> list[str]:
    """Make an image on a host with these mirrors; return the lines that it gets."""
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
    subprocess.run(["bash", str(MAKE_BASE), "django/base:1"], env=environment, check=True)
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
