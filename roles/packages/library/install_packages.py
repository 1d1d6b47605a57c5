#!/usr/bin/python
"""Install Debian packages from an archive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: install_packages
short_description: Install Debian packages from an archive of them, without any mirror
description:
  - Apt sees nothing but the archive while it does that, and what the host has. So the packages, and those
    that they need, are known to apt and dpkg as if they came from a mirror, and are upgraded from one later.
  - Apt compares each package with its checksum in the archive's index, which was taken from Debian's signed
    one.
  - No package is removed, and none is upgraded that is there, but for what a new one needs.
options:
  archive:
    description: >-
      Tar archive with the packages and their index, C(Packages). It is unpacked beside itself, for the time
      of the installation.
    type: path
    required: true
  names:
    description: Packages to install.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: none
author: the maintainers
"""

EXAMPLES = r"""
- name: Install nftables
  install_packages:
    archive: /var/lib/packages/packages.tar
    names: [nftables]
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import shutil  # noqa: E402
import subprocess  # noqa: E402
import tarfile  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


class InstallError(Exception):
    """Packages can't be installed; the text is apt's own."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack packages for apt.

    Raises:
        OSError: There is no such archive, or no space.
        tarfile.TarError: It is broken.
    """
    with tarfile.open(archive) as packages:
        for member in packages:
            # A flat folder of files, and nothing that leads out of it.
            if (file := packages.extractfile(member)) and "/" not in member.name:
                with (folder / member.name).open("wb") as target:
                    shutil.copyfileobj(file, target)
    (folder / "lists/partial").mkdir(parents=True)
    # Apt reads packages as a user of its own.
    for path in (folder, folder / "lists", folder / "lists/partial"):
        path.chmod(0o755)
    # No signature: what came here was verified before, and has a checksum for each package.
    (folder / "sources.list").write_text(f"deb [trusted=yes] file:{folder} ./\n")


def run(*command: str) -> None:
    """Run a command that asks nothing.

    Raises:
        InstallError: It fails.
    """
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    result = subprocess.run(  # noqa: S603 - no shell
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise InstallError("\n".join((result.stdout + result.stderr).strip().splitlines()[-15:]))


def apt(folder: Path, *args: str) -> None:
    """Run apt-get so that it sees the packages of a folder alone.

    Raises:
        InstallError: It fails.
    """
    options = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        # What apt works out from these lists must not stay for others.
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        # Another apt may run, such as that of the daily upgrade.
        "DPkg::Lock::Timeout": 120,
        "Dpkg::Options::": "--force-confold",
    }
    run("apt-get", "--quiet", *(f"--option={name}={value}" for name, value in options.items()), *args)


def install(archive: Path, names: list[str]) -> None:
    """Install packages, and what they need, from an archive.

    Raises:
        InstallError: Apt can't install them.
        OSError: There is no such archive, or no space.
        tarfile.TarError: It is broken.
    """
    with tempfile.TemporaryDirectory(dir=archive.parent) as unpacked:
        folder = Path(unpacked)
        unpack(archive, folder)
        # Apt's user has to get that far.
        archive.parent.chmod(0o755)
        # A power cut may have left one half-way.
        run("dpkg", "--configure", "--pending")
        apt(folder, "update")
        apt(folder, "--yes", "--no-install-recommends", "--no-remove", "--no-upgrade", "install", *names)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "archive": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
        },
    )
    try:
        install(Path(module.params["archive"]), module.params["names"])
    except (InstallError, OSError, tarfile.TarError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
