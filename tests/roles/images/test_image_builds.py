"""What Docker is told to build, and what is said of it when that fails."""

from __future__ import annotations

from pathlib import Path

import image_builds
import pytest
from documented import assert_as_documented
from image_builds import build

IMAGE = {"name": "web:1", "path": "/srv/web", "args": {"BASE": "debian:trixie-slim"}}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a program that is taken for Docker, to be written."""
    program = tmp_path / "docker"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


def test_a_build_leaves_no_container_behind(docker: Path, tmp_path: Path) -> None:
    docker.write_text(f'#!/bin/sh\necho "$DOCKER_BUILDKIT" "$@" > {tmp_path}/told\n')

    assert build(IMAGE) == ""
    told = (tmp_path / "told").read_text().split()
    assert told == [
        *("0", "build", "--quiet", "--force-rm", "--tag=web:1"),
        *("--build-arg=BASE=debian:trixie-slim", "/srv/web"),
    ]


def test_a_build_that_fails_is_told_with_its_last_lines(docker: Path) -> None:
    docker.write_text("#!/bin/sh\nseq 1 20\nexit 1\n")

    lines = build(IMAGE).splitlines()
    assert lines == ["web:1 does not build:", *(str(number) for number in range(6, 21))]


def test_folders_are_open_whatever_the_umask_was(docker: Path, tmp_path: Path) -> None:
    docker.write_text("#!/bin/sh\n")
    config = tmp_path / "context/app/config"
    for folder in (*reversed(config.parents[:2]), config):
        folder.mkdir(mode=0o700)

    assert build(IMAGE | {"path": str(tmp_path / "context")}) == ""
    assert [folder.stat().st_mode & 0o777 for folder in (config.parent, config)] == [0o755, 0o755]


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(image_builds)
