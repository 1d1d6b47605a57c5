"""Settings are added to the engine's file, and none of the user's is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import daemon_settings
import pytest
from ansible.module_utils.testing import patch_module_args
from daemon_settings import SettingsError, flags, merge, put, read, refuse_swarm, validate
from documented import assert_as_documented

OURS = {"live-restore": True, "icc": False, "log-driver": "json-file", "log-opts": {"max-size": "10m"}}


@pytest.mark.parametrize(
    ("theirs", "given", "merged"),
    [
        pytest.param({}, set(), OURS, id="nothing there"),
        pytest.param({"icc": True}, set(), OURS | {"icc": True}, id="theirs win"),
        pytest.param({"dns": ["192.0.2.1"]}, set(), OURS | {"dns": ["192.0.2.1"]}, id="theirs stay"),
        pytest.param(
            {"log-opts": {"max-size": "1g", "tag": "x"}},
            set(),
            OURS | {"log-opts": {"max-size": "1g", "tag": "x"}},
            id="theirs win inside",
        ),
        pytest.param(
            {"log-opts": {"tag": "x"}},
            set(),
            OURS | {"log-opts": {"tag": "x", "max-size": "10m"}},
            id="added inside",
        ),
        pytest.param(
            {"log-driver": "journald"},
            set(),
            {"log-driver": "journald", "live-restore": True, "icc": False},
            id="options of another log driver",
        ),
        pytest.param(
            {},
            {"icc", "log-driver"},
            {"live-restore": True},
            id="on the command line already",
        ),
    ],
)
def test_merging(theirs: dict[str, object], given: set[str], merged: dict[str, object]) -> None:
    before = json.dumps([theirs, OURS])

    assert merge(theirs, OURS, given) == merged
    assert json.dumps([theirs, OURS]) == before


@pytest.mark.parametrize("text", ["", "{}", None])
def test_an_empty_or_missing_file_has_no_settings(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "daemon.json").write_text(text)

    assert read(tmp_path / "daemon.json") == {}


@pytest.mark.parametrize("text", ["{", '{"icc": true,}', "[]", "icc: true"])
def test_what_is_no_json_object_is_named_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "daemon.json"
    path.write_text(text)

    with pytest.raises(SettingsError) as caught:
        read(path)

    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert path.read_text() == text


def test_flags_of_the_engine_that_runs(tmp_path: Path) -> None:
    # Any process will do, such as this one with its arguments.
    (tmp_path / "docker.pid").write_text(str(os.getpid()))
    words = Path(f"/proc/{os.getpid()}/cmdline").read_text().split("\0")
    expected = {word[2:].partition("=")[0] for word in words if word.startswith("--")}

    assert flags(tmp_path / "docker.pid") == expected
    assert flags(tmp_path / "missing") == set()


def engine(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str, name: str = "dockerd") -> None:
    """Put a program of the engine's on PATH."""
    program = folder / "bin" / name
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_a_file_that_the_engine_refuses_is_not_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine(tmp_path, monkeypatch, "echo 'unknown option x' >&2; exit 1")
    path, pending = tmp_path / "daemon.json", tmp_path / "pending"
    path.write_text("{}")

    with pytest.raises(SettingsError, match="unknown option x"):
        put(path, '{"x": 1}', pending)

    assert path.read_text() == "{}"
    assert not pending.exists()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bin", "daemon.json"]


def test_an_engine_that_can_not_validate_is_not_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine(tmp_path, monkeypatch, "echo 'unknown flag: --validate' >&2; exit 125")

    validate(tmp_path / "any")


def test_the_file_keeps_its_mode_and_is_noted_as_pending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_settings, "validate", lambda _path: None)
    path, pending = tmp_path / "docker/daemon.json", tmp_path / "pending"

    put(path, "{}", pending)
    assert path.stat().st_mode & 0o777 == 0o644
    assert pending.exists()

    path.chmod(0o605)
    put(path, '{"icc": false}', pending)
    assert path.stat().st_mode & 0o777 == 0o605
    assert path.read_text() == '{"icc": false}'


@pytest.mark.parametrize(("state", "refused"), [("active", True), ("locked", True), ("inactive", False)])
def test_an_engine_in_a_swarm_does_not_get_live_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, refused: bool
) -> None:
    engine(tmp_path, monkeypatch, f"echo {state}", "docker")

    if refused:
        with pytest.raises(SettingsError, match="part of a swarm"):
            refuse_swarm()
    else:
        refuse_swarm()


@pytest.mark.parametrize(
    ("theirs", "refused"),
    [
        pytest.param({}, True, id="would be added"),
        # The user's own, with which the engine would not run in a swarm.
        pytest.param({"live-restore": True}, False, id="is there"),
        pytest.param({"live-restore": False}, False, id="theirs wins"),
    ],
)
def test_the_module_refuses_before_it_writes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    theirs: dict[str, bool],
    refused: bool,
) -> None:
    engine(tmp_path, monkeypatch, "echo active", "docker")
    path, pending = tmp_path / "daemon.json", tmp_path / "pending"
    path.write_text(json.dumps(theirs))
    args = {"settings": {"live-restore": True}, "path": str(path), "pending": str(pending)}

    with patch_module_args(args), pytest.raises(SystemExit):
        daemon_settings.main()

    assert json.loads(capsys.readouterr().out).get("failed", False) == refused
    assert json.loads(path.read_text()) == theirs
    assert not pending.exists()


@pytest.mark.parametrize("body", ["exit 1", "echo; exit 0"])
def test_an_engine_that_can_not_be_asked_is_in_no_swarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    engine(tmp_path, monkeypatch, body, "docker")
    refuse_swarm()


def test_a_host_without_an_engine_refuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refuse_swarm()
    validate(tmp_path / "any")


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, Any]]:
    """Run the module on a host whose engine runs with one flag, and accepts any file."""
    engine(tmp_path, monkeypatch, "exit 0")
    monkeypatch.setattr(daemon_settings, "flags", {daemon_settings.PID_FILE: {"icc"}}.__getitem__)

    def run(*, check: bool = False, **settings: object) -> dict[str, Any]:
        args = {
            "settings": settings,
            "path": str(tmp_path / "etc/docker/daemon.json"),
            "pending": str(tmp_path / "pending"),
            "_ansible_check_mode": check,
        }
        with patch_module_args(args), pytest.raises(SystemExit):
            daemon_settings.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run


OPENED = '{\n  "ipv6": true\n}\n'


def test_settings_are_added_once_and_pending_until_somebody_restarts(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    path, pending = tmp_path / "etc/docker/daemon.json", tmp_path / "pending"
    before = os.umask(0)
    try:
        result = run(ipv6=True, icc=False)
    finally:
        os.umask(before)
    assert (result["changed"], result["pending"]) == (True, True)
    assert result["diff"] == {"before": "{}\n", "after": OPENED}
    assert path.read_text() == OPENED
    assert path.parent.stat().st_mode & 0o777 == 0o755
    assert pending.exists()

    result = run(ipv6=True)
    assert (result["changed"], result["pending"], result["diff"]) == (False, True, {})
    pending.unlink()
    result = run(ipv6=True)
    assert (result["changed"], result["pending"]) == (False, False)

    result = run(dns=["192.0.2.1"])
    assert result["diff"]["before"] == OPENED
    assert json.loads(path.read_text()) == {"ipv6": True, "dns": ["192.0.2.1"]}


def test_check_mode_tells_and_writes_nothing(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = run(ipv6=True, check=True)
    assert (result["changed"], result["pending"]) == (True, True)
    assert result["diff"]["after"] == OPENED
    assert not (tmp_path / "etc").exists()
    assert not (tmp_path / "pending").exists()


def test_what_can_not_be_written_is_told(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("in the way")
    assert f"{tmp_path}/etc/docker" in run(ipv6=True)["msg"]


@pytest.mark.skipif(os.getuid() != 0, reason="a file is given away by root alone")
def test_the_file_keeps_its_owner(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    run(ipv6=True)
    path = tmp_path / "etc/docker/daemon.json"
    os.chown(path, 10001, 10002)
    run(ip6tables=True)
    assert (path.stat().st_uid, path.stat().st_gid) == (10001, 10002)


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(daemon_settings)
