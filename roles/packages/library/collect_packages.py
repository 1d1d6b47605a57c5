#!/usr/bin/python
"""Collect Debian packages, with all that they need, for hosts that reach no mirror."""

from __future__ import annotations

DOCUMENTATION = r"""
module: collect_packages
short_description: Collect Debian packages, with all that they need, for hosts that reach no mirror
description:
  - Needs apt, but not the release that the packages are for. Nothing of this machine's own packages and
    sources is changed or counts, and no root is needed.
  - What each Debian has, its essential packages, is left out. All else that the packages need is there.
  - Apt verifies the release by its signature and each package by its checksum.
options:
  release:
    description: Code name of the Debian release that the packages are for.
    type: str
    required: true
  machine:
    description: Architecture that they are for, in the kernel's words.
    type: str
    required: true
  names:
    description: The packages.
    type: list
    elements: str
    required: true
  others:
    description: Code names of other releases, by those of O(names) that are taken from there.
    type: dict
    default: {}
  mirror:
    description: Mirror of Debian's archive. Empty means the one that apt on this machine knows.
    type: str
    default: ""
  security_mirror:
    description: Mirror of its security updates. Empty means the one that apt on this machine knows.
    type: str
    default: ""
  path:
    description: Tar archive to write, which appears whole. It has the packages and their index, C(Packages).
    type: path
    required: true
attributes:
  check_mode:
    support: none
author: the maintainers
"""

EXAMPLES = r"""
- name: Collect nftables for Debian 13
  collect_packages:
    release: trixie
    machine: x86_64
    names: [nftables]
    path: /home/me/nftables.tar
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import platform  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import tarfile  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Iterable, Mapping  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Debian's names of architectures, by the kernel's.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class CollectError(Exception):
    """The packages can't be collected; the text says why."""


def run(*command: str) -> str:
    """Return what a command prints.

    Raises:
        CollectError: It fails, or there is no such program.
    """
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    try:
        result = subprocess.run(  # noqa: S603 - no shell
            command, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise CollectError(
            f"There is no {command[0]} on this machine: make the bundle on a Debian."
        ) from error
    if result.returncode:
        raise CollectError("\n".join((result.stdout + result.stderr).strip().splitlines()[-15:]))
    return result.stdout


def mirror_of(codename: str) -> str:
    """Return the mirror that apt on this machine has a release from; empty if it has none."""
    # Others name their releases after Debian's.
    filters = [f"Codename: {codename}", "Origin: Debian"]
    return run("apt-get", "indextargets", "--format=$(REPO_URI)", *filters).partition("\n")[0]


def mirrors(mirror: str, security: str) -> tuple[str, str]:
    """Return the mirrors of the archive and of its security updates, found out if they are empty.

    Raises:
        CollectError: Apt knows no mirror of Debian.
    """
    here = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    mirror = mirror or mirror_of(here)
    if not mirror:
        raise CollectError("Apt on this machine knows no mirror of Debian: set packages_mirror.")
    return mirror, security or mirror_of(f"{here}-security")


def sources(releases: Iterable[str], mirror: str, security: str) -> str:
    """Return apt's list of sources for releases."""
    if not KEYRING.exists():
        raise CollectError(f"{KEYRING} is missing on this machine: install debian-archive-keyring.")
    lines = []
    for release in releases:
        lines += [f"{mirror} {release}", f"{mirror} {release}-updates"]
        if security:
            lines += [f"{security} {release}-security"]
    return "".join(f"deb [signed-by={KEYRING}] {line} main\n" for line in lines)


def preferences(others: Mapping[str, str]) -> str:
    """Return apt's preferences: from another release comes nothing but the packages that are named."""
    texts = [
        f"Package: *\nPin: release n={other}*\nPin-Priority: -10\n" for other in sorted(set(others.values()))
    ]
    texts += [
        f"Package: {name}\nPin: release n={other}*\nPin-Priority: 990\n" for name, other in others.items()
    ]
    return "\n".join(texts)


class Apt:
    """Apt with sources and installed packages of its own, in a folder.

    Args:
        folder: An empty folder.
        architecture: Debian's name of the architecture.
        source_list: Its sources.
        pins: Its preferences.
    """

    def __init__(self, folder: Path, architecture: str, source_list: str, pins: str) -> None:
        self.downloads = folder / "downloads"
        self.status = folder / "status"
        for path in (folder / "lists/partial", self.downloads / "partial"):
            path.mkdir(parents=True)
        self.status.touch()
        (folder / "sources.list").write_text(source_list)
        (folder / "preferences").write_text(pins)
        self.options = {
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": folder / "preferences",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State::Lists": folder / "lists",
            "Dir::State::status": self.status,
            "Dir::State::extended_states": folder / "extended_states",
            "Dir::Cache::Archives": self.downloads,
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            # What can't be fetched is no warning here.
            "APT::Update::Error-Mode": "any",
            "APT::Sandbox::User": "",
            "Debug::NoLocking": "true",
        }

    def run(self, program: str, *args: str) -> str:
        return run(program, *(f"--option={name}={value}" for name, value in self.options.items()), *args)

    def update(self) -> None:
        self.run("apt-get", "--quiet", "update")

    def would_install(self, *names: str) -> list[str]:
        """Return what apt would install for packages, each as `name=version`."""
        return parse_simulation(self.run("apt-get", "--quiet", "--simulate", "install", *names))

    def describe(self, packages: Iterable[str]) -> list[str]:
        """Return what the signed index says of packages, which are given as `name=version`."""
        said = self.run("apt-cache", "show", "--no-all-versions", *packages)
        return [text.strip() for text in said.split("\n\n") if text.strip()]

    def assume_installed(self, *names: str) -> None:
        """Take it that packages, and what they need, are installed."""
        found = self.describe(self.would_install(*names))
        state = "Status: install ok installed"
        self.status.write_text("".join(f"{text}\n{state}\n\n" for text in found))

    def download(self, *names: str) -> list[tuple[str, Path]]:
        """Download packages, and what they need and isn't installed.

        Returns:
            What the index says of each package, and the file with it.
        """
        wanted = self.would_install(*names)
        self.run("apt-get", "--quiet", "--yes", "--download-only", "install", *names)
        return [(text, self.downloads / downloaded_name(text)) for text in self.describe(wanted)]


def parse_simulation(said: str) -> list[str]:
    """Return the packages that apt would install, as `name=version`, of what `apt-get --simulate` prints."""
    # Inst nftables (1.1.3-1 Debian:13.2/stable [amd64])
    return [
        f"{name}={version}" for name, version in re.findall(r"^Inst (\S+) .*?\((\S+) ", said, re.MULTILINE)
    ]


def fields(text: str) -> dict[str, str]:
    """Return the fields of a package's description that fit into a line each."""
    return dict(re.findall(r"^([\w-]+): (.*)$", text, re.MULTILINE))


def downloaded_name(text: str) -> str:
    """Return the name that apt gives to the file of a package, by the package's description."""
    found = fields(text)
    version = found["Version"].replace(":", "%3a")
    return f"{found['Package']}_{version}_{found['Architecture']}.deb"


def pack(packages: Iterable[tuple[str, Path]], path: Path) -> None:
    """Write the archive, which appears whole.

    Args:
        packages: What the index says of each package, and the file with it.
        path: The archive.
    """
    partial = path.with_name(f".{path.name}.partial")
    texts = []
    with tarfile.open(partial, "w") as archive:
        for text, file in packages:
            # Apt would take %3a for a colon.
            name = file.name.replace("%3a", "-")
            texts.append(re.sub(r"^Filename: .*$", f"Filename: ./{name}", text, flags=re.MULTILINE))
            archive.add(file, name, recursive=False)
        index = partial.with_name(".Packages.partial")
        index.write_text("\n\n".join(texts) + "\n")
        archive.add(index, "Packages", recursive=False)
        index.unlink()
    partial.rename(path)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "release": {"type": "str", "required": True},
            "machine": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "others": {"type": "dict", "default": {}},
            "mirror": {"type": "str", "default": ""},
            "security_mirror": {"type": "str", "default": ""},
            "path": {"type": "path", "required": True},
        },
    )
    params = module.params
    try:
        lists = sources(
            [params["release"], *sorted(set(params["others"].values()))],
            *mirrors(params["mirror"], params["security_mirror"]),
        )
        with tempfile.TemporaryDirectory() as folder:
            apt = Apt(Path(folder), ARCHITECTURES[params["machine"]], lists, preferences(params["others"]))
            apt.update()
            apt.assume_installed("?essential")
            path = Path(params["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            pack(apt.download(*params["names"]), path)
    except (CollectError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
