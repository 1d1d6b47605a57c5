"""An engine counts when it answers, and Compose when it is version 2."""

from __future__ import annotations

import json
from pathlib import Path

import docker_engine
import pytest
from ansible.module_utils.testing import patch_module_args

# An engine that does not answer fails `docker version`; a client without Compose v2 knows no `compose`.
DOCKER = """#!/bin/sh
case "$*" in
version) exit {engine} ;;
"compose version --short") exit {compose} ;;
*) exit 99 ;;
esac
"""


@pytest.mark.parametrize("engine", [True, False])
@pytest.mark.parametrize("compose", [True, False])
def test_what_a_host_has(
    engine: bool,
    compose: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.format(engine=int(not engine), compose=int(not compose)))
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert found(capsys) == {"answers": engine, "compose": compose}


def test_a_bare_host_has_neither(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(capsys) == {"answers": False, "compose": False}


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, bool]:
    with patch_module_args({"_ansible_check_mode": True}), pytest.raises(SystemExit):
        docker_engine.main()
    result = json.loads(capsys.readouterr().out)
    assert result.pop("changed") is False
    return {name: result[name] for name in ("answers", "compose")}
