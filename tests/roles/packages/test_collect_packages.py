"""Packages are collected with what they need, as the signed index of their release describes them."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import collect_packages
import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from collect_packages import CollectError, downloaded_name, mirrors, parse_simulation, preferences, sources
from documented import assert_as_documented

ROLES = Path(__file__).resolve().parents[3] / "roles"
INDEX = {
    "libc6=2.41-1": "Package: libc6\nVersion: 2.41-1\nArchitecture: amd64\nFilename: pool/c.deb\nSHA256: 1",
    "nftables=1:1.1.3-1": (
        "Package: nftables\nVersion: 1:1.1.3-1\nArchitecture: amd64\nDepends: libc6\n"
        "Filename: pool/main/n/nftables_1.1.3-1_amd64.deb\nSHA256: 2"
    ),
}


class Apt:
    """Stands in for apt, which knows two packages of which one is essential."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self.calls: list[list[str]] = []
        self.status = ""
        self.fails = ""

    def run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        program, *args = command
        rest = [arg for arg in args if not arg.startswith("--option=")]
        given = dict(
            arg.removeprefix("--option=").split("=", 1) for arg in args if arg.startswith("--option=")
        )
        self.calls.append([program, *rest])
        if self.fails and self.fails in rest:
            return subprocess.CompletedProcess(command, 100, "", "E: no such thing\n")
        if rest[0] == "indextargets":
            known = "http://mirror.example/debian/\nhttp://other.example/debian/\n"
            return subprocess.CompletedProcess(command, 0, "" if "-security" in rest[2] else known, "")
        self.options = given
        self.status = Path(given["Dir::State::status"]).read_text()
        return subprocess.CompletedProcess(command, 0, self.answer(rest), "")

    def answer(self, args: list[str]) -> str:
        if "--simulate" in args:
            return "Reading...\n" + "".join(
                f"Inst {name} ({version} Debian:13.2/stable [amd64])\nConf {name} ({version})\n"
                for name, _, version in (key.partition("=") for key in self.needed(args[-1]))
            )
        if "--download-only" in args:
            for key in self.needed(args[-1]):
                folder = Path(self.options["Dir::Cache::Archives"])
                (folder / downloaded_name(INDEX[key])).write_text(key)
        if args[0] == "show":
            return "".join(f"{INDEX[key]}\n\n" for key in args[2:])
        return ""

    def needed(self, wanted: str) -> list[str]:
        keys = ["libc6=2.41-1"] if wanted == "?essential" else list(INDEX)
        return [key for key in keys if f"Package: {key.partition('=')[0]}\n" not in self.status]


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Apt:
    """A stand-in for apt, and a keyring."""
    found = Apt()
    monkeypatch.setattr(subprocess, "run", found.run)
    monkeypatch.setattr(collect_packages, "KEYRING", tmp_path / "keyring")
    (tmp_path / "keyring").touch()
    return found


def run(path: Path, capsys: pytest.CaptureFixture[str], **args: object) -> dict[str, Any]:
    """Run the module and return what it tells Ansible."""
    told = {"release": "trixie", "machine": "x86_64", "names": ["nftables"], "path": str(path)} | args
    with patch_module_args(told), pytest.raises(SystemExit):
        collect_packages.main()
    return dict(json.loads(capsys.readouterr().out))


def test_all_is_packed_that_an_essential_system_lacks(
    apt: Apt, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new/packages.tar"
    assert run(path, capsys)["changed"]
    with tarfile.open(path) as archive:
        content = {member.name: file.read() for member in archive if (file := archive.extractfile(member))}
    name = "nftables_1-1.1.3-1_amd64.deb"
    assert content == {
        name: b"nftables=1:1.1.3-1",
        "Packages": (
            "Package: nftables\nVersion: 1:1.1.3-1\nArchitecture: amd64\nDepends: libc6\n"
            f"Filename: ./{name}\nSHA256: 2\n"
        ).encode(),
    }
    assert list(path.parent.iterdir()) == [path]
    assert ["apt-get", "--quiet", "update"] in apt.calls


def test_apt_verifies_and_knows_nothing_of_this_machine(
    apt: Apt, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "packages.tar", capsys, machine="aarch64")
    assert apt.options["APT::Architecture"] == "arm64"
    assert apt.options["Dir::Etc::SourceParts"] == "/dev/null"
    assert apt.options["APT::Update::Error-Mode"] == "any"
    assert apt.status == f"{INDEX['libc6=2.41-1']}\nStatus: install ok installed\n\n"


@pytest.mark.parametrize("step", ["update", "--simulate", "show", "--download-only"])
def test_what_apt_says_is_told(
    apt: Apt, tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    apt.fails = step
    result = run(tmp_path / "packages.tar", capsys)
    assert result["msg"] == "E: no such thing"
    assert not (tmp_path / "packages.tar").exists()


def test_sources_are_signed_and_of_the_releases_that_are_named(apt: Apt) -> None:
    assert sources(["bookworm", "trixie"], "http://m/", "http://s/").splitlines() == [
        f"deb [signed-by={collect_packages.KEYRING}] {line} main"
        for line in (
            "http://m/ bookworm",
            "http://m/ bookworm-updates",
            "http://s/ bookworm-security",
            "http://m/ trixie",
            "http://m/ trixie-updates",
            "http://s/ trixie-security",
        )
    ]
    assert "security" not in sources(["trixie"], "http://m/", "")


def test_without_debian_s_keys_nothing_is_collected(apt: Apt) -> None:
    collect_packages.KEYRING.unlink()
    with pytest.raises(CollectError, match="install debian-archive-keyring"):
        sources(["trixie"], "http://m/", "")


def test_mirrors_are_those_of_this_machine_if_none_are_given(
    apt: Apt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    assert mirrors("", "") == ("http://mirror.example/debian/", "")
    assert mirrors("http://m/", "http://s/") == ("http://m/", "http://s/")
    asked = [call[3:] for call in apt.calls]
    assert asked == [
        ["Codename: bookworm", "Origin: Debian"],
        ["Codename: bookworm-security", "Origin: Debian"],
    ]


def test_a_machine_without_a_mirror_of_debian_is_told(apt: Apt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_packages, "mirror_of", lambda _codename: "")
    with pytest.raises(CollectError, match="knows no mirror of Debian: set packages_mirror"):
        mirrors("", "")


def test_a_machine_without_apt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nothing")
    with pytest.raises(CollectError, match="There is no apt-get on this machine"):
        mirrors("", "")


def test_of_another_release_comes_what_is_named_and_nothing_else() -> None:
    assert preferences({}) == ""
    assert preferences({"docker-compose": "trixie"}).splitlines() == [
        *("Package: *", "Pin: release n=trixie*", "Pin-Priority: -10", ""),
        *("Package: docker-compose", "Pin: release n=trixie*", "Pin-Priority: 990"),
    ]


def test_a_simulation_is_read() -> None:
    said = (
        "Inst libedit2 (3.1-20250104-1 Debian:13.2/stable [amd64])\n"
        "Inst bash [5.2-1] (5.2.37-2 Debian:13.2/stable [amd64]) []\n"
        "Conf libedit2 (3.1-20250104-1 Debian:13.2/stable [amd64])\n"
    )
    assert parse_simulation(said) == ["libedit2=3.1-20250104-1", "bash=5.2.37-2"]


def test_the_packages_of_the_roles_are_collected() -> None:
    """Check that a bundle has what the roles install without one, but for what builds images."""
    wanted = yaml.safe_load((ROLES / "packages/vars/main.yml").read_text())["__packages_of"]
    docker = (ROLES / "docker/vars/main.yml").read_text()
    for release, packages in wanted.items():
        assert "nftables" in packages.values()
        for package in ("docker.io", "iptables", "docker-compose"):
            assert package in packages.values()
            assert package in docker
        assert ("docker-cli" in packages.values()) == (release == "trixie")


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(collect_packages)
