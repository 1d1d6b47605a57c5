"""While the module rollout works, its action says which migration runs."""

from __future__ import annotations

import json
import threading
from typing import Any

import follow_rollout
import pytest

NOTED = json.dumps({"migration": "films.0007_long", "since": 3600})


class Remote:
    """Stands for a host: what each look finds there, and the module, which ends when all looks were had."""

    def __init__(self, looks: list[tuple[int, str]]) -> None:
        self.looks = looks
        self.asked: list[str] = []
        self.seen = threading.Event()

    def look(self, command: str) -> dict[str, Any]:
        self.asked.append(command)
        rc, stdout = self.looks.pop(0) if self.looks else (1, "")
        if not self.looks:
            self.seen.set()
        return {"rc": rc, "stdout": stdout}

    def module(self, **_options: Any) -> dict[str, Any]:
        assert self.seen.wait(60)
        return {"changed": True}


def run(monkeypatch: pytest.MonkeyPatch, remote: Remote, *, dry: bool) -> tuple[Any, list[str]]:
    """Run the action; return its result and what it printed."""
    printed: list[str] = []
    monkeypatch.setattr(follow_rollout, "PERIOD", 0.01)
    monkeypatch.setattr("follow_rollout.Display.display", lambda _self, text: printed.append(text))
    monkeypatch.setattr("follow_rollout.time.time", lambda: 3640.4)
    monkeypatch.setattr("follow_rollout.ActionBase.run", lambda *_: {})
    plugin = follow_rollout.ActionModule.__new__(follow_rollout.ActionModule)
    plugin._connection = object()
    plugin._task = type("Task", (), {"args": {"project_dir": "/srv/a b"}, "check_mode": dry})()
    monkeypatch.setattr(follow_rollout.ActionModule, "_execute_module", staticmethod(remote.module))
    monkeypatch.setattr(follow_rollout.ActionModule, "_low_level_execute_command", staticmethod(remote.look))
    result = plugin.run(None, {"inventory_hostname": "web"})
    return result, printed


def test_the_migration_that_runs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = Remote([(1, ""), (0, f"{NOTED}\n"), (0, ""), (1, "")])
    result, printed = run(monkeypatch, remote, dry=False)

    assert result == {"changed": True}
    assert printed == ["Migrating web: films.0007_long runs since 01:00:00 UTC, for 40 s"]
    assert set(remote.asked) == {"cat '/srv/a b/.migrating'"}


def test_a_dry_run_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = Remote([])
    remote.seen.set()
    assert run(monkeypatch, remote, dry=True) == ({"changed": True}, [])
    assert remote.asked == []


def test_no_look_outlives_the_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    run(monkeypatch, Remote([(1, "")]), dry=False)
    assert threading.active_count() == before
