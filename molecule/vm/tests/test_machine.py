"""The machine is a real one: these hold nowhere else in the tests."""

from __future__ import annotations

import platform

import pytest
from testinfra.host import Host

SERVICES = ("nginx", "api", "db")


def test_has_a_kernel_of_its_own(host: Host) -> None:
    kernel = host.check_output("uname -r")
    assert kernel.startswith("6.12.")
    assert kernel != platform.release()


def test_has_cgroup_v2(host: Host) -> None:
    assert host.check_output("stat --file-system --format=%T /sys/fs/cgroup") == "cgroup2fs"


def confinement(host: Host, pid: str) -> str:
    return host.check_output("cat %s", f"/proc/{pid}/attr/apparmor/current")


def test_an_ordinary_process_is_unconfined(host: Host) -> None:
    """What the next test would find without AppArmor's help."""
    assert confinement(host, "1") == "unconfined"


@pytest.mark.parametrize("service", SERVICES)
def test_apparmor_confines_the_container(host: Host, service: str) -> None:
    pid = host.check_output("docker inspect --format '{{.State.Pid}}' %s", f"django-{service}-1")
    assert confinement(host, pid) == "docker-default (enforce)"


def test_mounts_are_shared_as_systemd_made_them(host: Host) -> None:
    """With private ones, a restarted engine hides the file systems of running containers from itself."""
    assert host.check_output("findmnt --noheadings --output PROPAGATION /") == "shared"
