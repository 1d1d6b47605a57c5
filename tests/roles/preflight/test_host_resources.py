"""Memory and disk are told in MiB, rounded down, and processors as their number."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import host_resources
import pytest
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented

MEMINFO = "SwapTotal:       999999 kB\nMemTotal:       2097151 kB\nMemFree:         1000 kB\n"


def test_memory_is_the_total_alone() -> None:
    assert host_resources.memory_mb(MEMINFO) == 2047


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A disk with 100 free blocks of a MiB and a half, of which 9 are root's."""
    sizes = SimpleNamespace(f_bavail=91, f_bfree=100, f_frsize=3 * 2**19, f_bsize=4096)
    monkeypatch.setattr(os, "statvfs", {tmp_path: sizes}.__getitem__)


@pytest.mark.usefixtures("disk")
def test_free_space_is_what_users_may_take(tmp_path: Path) -> None:
    assert host_resources.free_mb(tmp_path) == 136


def run(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    with patch_module_args({"path": str(path)}), pytest.raises(SystemExit):
        host_resources.main()
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.usefixtures("disk")
def test_all_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # One of a host's that this process may not use does not count.
    monkeypatch.setattr(os, "sched_getaffinity", {0: {0, 2, 3}}.__getitem__)
    result = run(tmp_path, capsys)
    assert result["memory_mb"] == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    assert result["free_mb"] == 136
    assert result["processors"] == 3
    assert result["changed"] is False


def test_what_can_not_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"No such file or directory: '{tmp_path}/gone'" in str(run(tmp_path / "gone", capsys)["msg"])
    monkeypatch.setattr(host_resources, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("SwapTotal: 1 kB\n")
    assert "has no line MemTotal" in str(run(tmp_path, capsys)["msg"])


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(host_resources)
