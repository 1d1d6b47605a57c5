"""The machine is a real one: these hold nowhere else in the tests."""

from __future__ import annotations

import platform

import pytest
from targets import SERVICES, Target


def test_has_a_kernel_of_its_own(target: Target) -> None:
    kernel = target.run("uname -r")
    assert kernel.startswith("6.12.")
    assert kernel != platform.release()


def test_has_cgroup_v2(target: Target) -> None:
    assert target.run("stat --file-system --format=%T /sys/fs/cgroup") == "cgroup2fs"


def test_has_no_internet(target: Target) -> None:
    assert target.host.run("ip route get 192.0.2.1").failed
    assert target.host.run("ip route get 10.213.1.1").succeeded


def confinement(target: Target, pid: str) -> str:
    return target.run("cat %s", f"/proc/{pid}/attr/apparmor/current")


def test_an_ordinary_process_is_unconfined(target: Target) -> None:
    """The control of the next test: it would find this without AppArmor."""
    assert confinement(target, "1") == "unconfined"


@pytest.mark.parametrize("service", SERVICES)
def test_apparmor_confines_the_container(target: Target, service: str) -> None:
    assert confinement(target, str(target.container(service)["State"]["Pid"])) == "docker-default (enforce)"


def test_mounts_are_shared_as_systemd_made_them(target: Target) -> None:
    """With private ones, a restarted engine hides the file systems of running containers from itself."""
    assert target.run("findmnt --noheadings --output PROPAGATION /") == "shared"
