"""Images are pulled and built side by side; what builds leave behind is kept within bounds."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import get_images
import pytest
from ansible.module_utils.engine import EngineError
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented
from get_images import MAX_AGE_SECONDS, alone, get_all
from image_engine import Engine

DEBIAN = "debian:trixie-slim"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stand-in for Docker, without images."""
    return Engine().install(monkeypatch)


@pytest.fixture
def contexts(tmp_path: Path, engine: Engine) -> Path:
    """A folder with archives, and an engine that has an image to build on."""
    engine.add(DEBIAN, b"debian")
    folder = tmp_path / "contexts"
    folder.mkdir()
    for key in ("nginx", "python", "api"):
        (folder / f"{key}.tar").write_text(key)
    return folder


def step(name: str, base: str = DEBIAN, **more: object) -> dict[str, Any]:
    key = name.partition(":")[0].rpartition("/")[2]
    return {"key": key, "name": name, "base": base, "args": {}, "context": f"{key}.tar"} | more


def run(capsys: pytest.CaptureFixture[str], steps: list[dict[str, Any]], **args: object) -> dict[str, Any]:
    """Run the module and return what it tells Ansible."""
    with patch_module_args({"steps": steps, "namespace": "web"} | args), pytest.raises(SystemExit):
        get_images.main()
    return dict(json.loads(capsys.readouterr().out))


def test_an_image_is_built_from_its_archive_by_the_engine_s_own_builder(
    engine: Engine, contexts: Path
) -> None:
    assert get_all([step("web/nginx:1", args={"PACKAGES": "a b"})], contexts) == ["web/nginx:1"]
    assert engine.calls == [
        [
            *("build", "--quiet", "--force-rm", "--tag=web/nginx:1"),
            *(f"--build-arg=BASE={DEBIAN}", "--build-arg=PACKAGES=a b", "-"),
        ]
    ]
    assert engine.images["web/nginx:1"].layers == (b"debian", b"nginx")


def test_those_that_do_not_stand_on_each_other_are_built_at_the_same_time(
    engine: Engine, contexts: Path
) -> None:
    engine.together = threading.Barrier(2)
    assert get_all([step("web/nginx:1"), step("web/python:1")], contexts) == ["web/nginx:1", "web/python:1"]


def test_one_that_stands_on_another_waits_for_it(engine: Engine, contexts: Path) -> None:
    steps = [step("web/python:1"), step("web/api:1", base="web/python:1")]
    assert get_all(steps, contexts) == ["web/python:1", "web/api:1"]
    assert engine.images["web/api:1"].layers[:2] == engine.images["web/python:1"].layers


def test_what_another_run_has_built_meanwhile_is_not_built_again(engine: Engine, contexts: Path) -> None:
    engine.add("web/nginx:1", b"debian", b"nginx")
    assert get_all([step("web/nginx:1"), step("web/python:1")], contexts) == ["web/python:1"]


def test_images_are_pulled_and_named(engine: Engine) -> None:
    engine.add("web/api-for-others:1", b"api")
    steps: list[dict[str, Any]] = [
        {"key": "nginx", "name": "nginx:1.28", "pull": True, "base": ""},
        {"key": "api", "name": "web/api:1", "same_as": "web/api-for-others:1"},
    ]
    assert get_all(steps, Path()) == ["nginx:1.28", "web/api:1"]
    assert engine.images["web/api:1"] == engine.images["web/api-for-others:1"]
    assert ["pull", "--quiet", "nginx:1.28"] in engine.calls


def test_a_build_that_fails_is_told_once_with_its_last_lines(engine: Engine, contexts: Path) -> None:
    engine.fails = "build --quiet --force-rm --tag=web/python"
    steps = [step("web/nginx:1"), step("web/python:1"), step("web/api:1", base="web/python:1")]
    with pytest.raises(EngineError) as caught:
        get_all(steps, contexts)
    assert str(caught.value).splitlines() == [
        "web/python:1 does not build:",
        "Error: build --quiet --force-rm --tag=web/python does not work",
    ]
    assert "web/nginx:1" in set(engine.images)
    assert "web/api:1" not in set(engine.images)


def test_of_a_long_output_the_last_lines_are_told(
    engine: Engine, contexts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "".join(f"{number}\n" for number in range(1, 21))

    def docker(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, said, "")

    monkeypatch.setattr(subprocess, "run", docker)
    with pytest.raises(EngineError) as caught:
        get_all([step("web/nginx:1")], contexts)
    lines = ["web/nginx:1 does not build:", *(str(number) for number in range(6, 21))]
    assert str(caught.value).splitlines() == lines


def test_a_missing_archive_is_told(
    engine: Engine, contexts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (contexts / "nginx.tar").unlink()
    result = run(capsys, [step("web/nginx:1")], contexts=str(contexts))
    assert result["msg"] == f"{contexts}/nginx.tar can't be read: No such file or directory"


def test_the_module_says_what_was_missing(
    engine: Engine, contexts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(capsys, [step("web/nginx:1")], contexts=str(contexts), keep_contexts=True)
    assert (first["changed"], first["names"]) == (True, ["web/nginx:1"])
    again = run(capsys, [step("web/nginx:1")], contexts=str(contexts), keep_contexts=True)
    assert (again["changed"], again["names"]) == (False, [])


def test_the_module_fails_with_what_docker_says(
    engine: Engine, contexts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.fails = "pull"
    steps = [{"key": "nginx", "name": "nginx:1.28", "pull": True}]
    assert "pull does not work" in run(capsys, steps)["msg"]


@pytest.mark.parametrize("fails", [False, True])
def test_archives_that_were_built_from_go_and_those_of_other_runs_stay(
    engine: Engine, contexts: Path, capsys: pytest.CaptureFixture[str], fails: bool
) -> None:
    (contexts / "left.tar").touch()
    os.utime(contexts / "left.tar", (time.time() - 2 * MAX_AGE_SECONDS,) * 2)
    if fails:
        engine.fails = "build"
    assert run(capsys, [step("web/nginx:1")], contexts=str(contexts)).get("failed", False) == fails
    assert {path.name for path in contexts.iterdir()} == {"python.tar", "api.tar"}


def test_archives_of_a_cache_stay(engine: Engine, contexts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(contexts.iterdir())
    run(capsys, [step("web/nginx:1")], contexts=str(contexts), keep_contexts=True)
    assert set(contexts.iterdir()) == before


def test_what_a_build_leaves_without_a_name_is_removed(
    engine: Engine, contexts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, [step("web/python:1")], contexts=str(contexts))
    assert ["image", "prune", "--force", "--filter", "label=django.stage"] in engine.calls


def test_of_images_for_others_the_newest_and_the_needed_stay(
    engine: Engine, contexts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = [f"{number:016x}" for number in range(6)]
    for number, tag in enumerate(tags):
        engine.add(f"web/nginx-for-others:{tag}", tag.encode(), created=f"2026-01-0{number + 1}T00:00:00Z")
        engine.add(f"web/python-for-others:{tag}", b"python", tag.encode())
    # Neither of another kind nor of another namespace, and not one that this machine runs.
    others = {"somebody/nginx-for-others:0000000000000000", "web/nginx:0000000000000000", "web/nginx:latest"}
    for name in others:
        engine.add(name, name.encode(), created="2025-01-01T00:00:00Z")
    name, base = (f"web/{key}-for-others:{tags[0]}" for key in ("api", "nginx"))

    run(capsys, [step(name, base, context="api.tar")], contexts=str(contexts), keep_for_others=2)

    left = {name for name in set(engine.images) if name.startswith("web/nginx-for-others")}
    assert left == {f"web/nginx-for-others:{tags[number]}" for number in (0, 4, 5)}
    assert len([name for name in set(engine.images) if name.startswith("web/python-for-others")]) == 2
    assert others < set(engine.images)


def test_runs_that_build_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "new/contexts"
    with alone(folder):
        other = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(get_images)
