"""Apt installs from an archive, and sees no other source while it does."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import install_packages
import pytest
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of packages, in a folder of its own."""
    path = tmp_path / "host/packages.tar"
    path.parent.mkdir(mode=0o700)
    with tarfile.open(path, "w") as packages:
        for name, content in {
            "Packages": b"Package: nftables",
            "nftables.deb": b"package",
            "a/b": b"no",
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packages.addfile(info, io.BytesIO(content))
    return path


class Apt:
    """Stands in for apt and dpkg, and looks at what they see."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.calls: list[list[str]] = []
        self.sources: list[str] = []
        self.seen: set[str] = set()

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert options["env"]["DEBIAN_FRONTEND"] == "noninteractive"
        assert options["stdin"] == subprocess.DEVNULL
        program, *args = command
        given = dict(
            arg.removeprefix("--option=").split("=", 1) for arg in args if arg.startswith("--option=")
        )
        if program == "apt-get":
            assert given["Dir::Etc::SourceParts"] == "/dev/null"
            path = Path(given["Dir::Etc::SourceList"])
            self.sources.append(path.read_text())
            self.seen = {file.name for file in path.parent.iterdir()}
            assert (Path(given["Dir::State::Lists"]) / "partial").is_dir()
            for folder in (path.parent, path.parent.parent):
                assert folder.stat().st_mode & 0o777 == 0o755
        rest = [arg for arg in args if not arg.startswith("--option=")]
        self.calls.append([program, *rest])
        if self.fails in rest:
            return subprocess.CompletedProcess(
                command, 100, "".join(f"{n}\n" for n in range(20)), "E: broken\n"
            )
        return subprocess.CompletedProcess(command, 0, "", "")


def run(
    archive: Path, apt: Apt, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    """Run the module and return what it tells Ansible."""
    monkeypatch.setattr(subprocess, "run", apt.run)
    told = {"archive": str(archive), "names": ["nftables", "docker.io"]}
    with patch_module_args(told), pytest.raises(SystemExit):
        install_packages.main()
    return dict(json.loads(capsys.readouterr().out))


def test_apt_sees_the_archive_alone_and_takes_nothing_away(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apt = Apt()
    assert run(archive, apt, monkeypatch, capsys)["changed"]
    assert apt.calls == [
        ["dpkg", "--configure", "--pending"],
        ["apt-get", "--quiet", "update"],
        [
            *("apt-get", "--quiet", "--yes", "--no-install-recommends", "--no-remove", "--no-upgrade"),
            *("install", "nftables", "docker.io"),
        ],
    ]
    assert len(set(apt.sources)) == 1
    assert apt.sources[0].startswith(f"deb [trusted=yes] file:{archive.parent}/")
    assert {"Packages", "nftables.deb"} < apt.seen
    assert not {"a", "b"} & apt.seen
    assert list(archive.parent.iterdir()) == [archive]


@pytest.mark.parametrize("step", ["--configure", "update", "install"])
def test_what_apt_says_last_is_told(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    apt = Apt(fails=step)
    result = run(archive, apt, monkeypatch, capsys)
    assert result["failed"]
    assert result["msg"].splitlines() == [*(str(number) for number in range(6, 20)), "E: broken"]
    assert step in apt.calls[-1]
    assert list(archive.parent.iterdir()) == [archive]


def test_a_broken_archive_is_told(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.write_bytes(archive.read_bytes()[:700])
    apt = Apt()
    assert run(archive, apt, monkeypatch, capsys)["failed"]
    assert apt.calls == []


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(install_packages)
