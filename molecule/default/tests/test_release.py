"""Another release replaces the API and nothing else, with an image that differs in its last layer alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from runs import REPOSITORY
from scenario import PLAYBOOKS
from targets import FILM, Target

State = dict[str, dict[str, Any]]


def state(targets: dict[str, Target]) -> State:
    """Describe what runs on each host: containers, the API's image and its layers."""
    found = {}
    for name, target in targets.items():
        image = target.container("api")["Config"]["Image"]
        layers = target.inspect("image", image)["RootFS"]["Layers"]
        found[name] = {"containers": target.containers(), "image": image, "layers": layers}
    return found


@pytest.fixture(scope="module")
def releases(targets: dict[str, Target], tmp_path_factory: pytest.TempPathFactory) -> list[State]:
    """Ship a copy of the app with one line more, then the app again; return what ran each time."""
    app = tmp_path_factory.mktemp("release") / "app"
    shutil.copytree(REPOSITORY / "app", app)
    with Path(app / "config/wsgi.py").open("a") as file:
        file.write("# another release\n")
    states = [state(targets)]
    for more in ([f"--extra-vars=images_app_dir={app}"], []):
        PLAYBOOKS.ship(*more)
        states.append(state(targets))
    return states


def test_a_changed_line_rebuilds_the_last_layer(target: Target, releases: list[State]) -> None:
    before, after = (states[target.name] for states in releases[:2])
    assert after["image"] != before["image"]
    assert after["layers"][:-1] == before["layers"][:-1]
    assert after["layers"][-1] != before["layers"][-1]


@pytest.mark.parametrize("number", [1, 2], ids=["changed", "back"])
def test_a_release_replaces_the_api_alone(target: Target, releases: list[State], number: int) -> None:
    before, after = (releases[one][target.name]["containers"] for one in (number - 1, number))
    replaced = before.items() - after.items()
    assert len(after) == len(before)
    assert [name.rstrip("0123456789") for name, _id in replaced] == ["django-api-"]
    assert target.request(FILM).status == 200


def test_going_back_takes_the_old_image(target: Target, releases: list[State]) -> None:
    first, _, last = (states[target.name] for states in releases)
    assert (last["image"], last["layers"]) == (first["image"], first["layers"])
