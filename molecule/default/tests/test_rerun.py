"""What a further run of site.yml leaves alone, and what it replaces."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import FILM, REPOSITORY, Run, Target, deploy


@dataclass(frozen=True)
class Step:
    """A run of site.yml with what each host had before and after."""

    run: Run
    before: dict[str, Any]
    after: dict[str, Any]


def release(target: Target) -> dict[str, Any]:
    """Describe what runs: containers, the API's image and its layers."""
    image = target.container("api")["Config"]["Image"]
    return {
        "containers": target.containers(),
        "image": image,
        "layers": target.inspect("image", image)["RootFS"]["Layers"],
    }


@pytest.fixture(scope="module")
def rerun(targets: dict[str, Target]) -> Step:
    before = {name: release(target) for name, target in targets.items()}
    run = deploy()
    return Step(run, before, {name: release(target) for name, target in targets.items()})


@pytest.fixture(scope="module")
def dry_run(targets: dict[str, Target], rerun: Step) -> Step:
    before = {name: target.everything() for name, target in targets.items()}
    run = deploy("--check")
    return Step(run, before, {name: target.everything() for name, target in targets.items()})


@pytest.fixture(scope="module")
def changed(targets: dict[str, Target], dry_run: Step, tmp_path_factory: pytest.TempPathFactory) -> Step:
    """Deploy a copy of the app with one line more."""
    app = tmp_path_factory.mktemp("release") / "app"
    shutil.copytree(REPOSITORY / "app", app)
    with Path(app / "config/wsgi.py").open("a") as file:
        file.write("# another release\n")
    before = {name: release(target) for name, target in targets.items()}
    run = deploy("--extra-vars", f"images_app_dir={app}")
    return Step(run, before, {name: release(target) for name, target in targets.items()})


@pytest.fixture(scope="module")
def back(targets: dict[str, Target], changed: Step) -> Step:
    run = deploy()
    return Step(run, changed.after, {name: release(target) for name, target in targets.items()})


def test_a_rerun_changes_nothing(target: Target, rerun: Step) -> None:
    assert rerun.run.recap(target.name)["changed"] == 0
    assert rerun.after[target.name] == rerun.before[target.name]


def test_a_dry_run_changes_nothing(target: Target, dry_run: Step) -> None:
    assert dry_run.run.recap(target.name)["changed"] == 0
    assert dry_run.after[target.name] == dry_run.before[target.name]


def test_a_run_warns_of_nothing(rerun: Step, dry_run: Step) -> None:
    for run in (rerun.run, dry_run.run):
        assert "[WARNING]" not in run.output, run.output
        assert "[DEPRECATION WARNING]" not in run.output, run.output


def test_a_changed_line_rebuilds_the_last_layer(target: Target, changed: Step) -> None:
    before, after = changed.before[target.name], changed.after[target.name]
    assert after["image"] != before["image"]
    assert after["layers"][:-1] == before["layers"][:-1]
    assert after["layers"][-1] != before["layers"][-1]


@pytest.mark.parametrize("step", ["changed", "back"])
def test_a_release_replaces_the_api_alone(target: Target, step: str, request: pytest.FixtureRequest) -> None:
    taken: Step = request.getfixturevalue(step)
    before, after = taken.before[target.name]["containers"], taken.after[target.name]["containers"]
    replaced = before.items() - after.items()
    assert len(after) == len(before)
    assert [name.rstrip("0123456789") for name, _id in replaced] == ["django-api-"]
    assert target.request(FILM).status == 200


def test_going_back_takes_the_old_image(target: Target, changed: Step, back: Step) -> None:
    first, last = changed.before[target.name], back.after[target.name]
    assert (last["image"], last["layers"]) == (first["image"], first["layers"])
