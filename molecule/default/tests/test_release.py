"""Another release replaces the API and nothing else, with an image that differs in its last layer alone."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from runs import REPOSITORY, Run, extra
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


@dataclass(frozen=True)
class Shipped:
    """A copy of the app with one line more was shipped, then one that crashes, then the app again.

    Attributes:
        changed: The first run.
        bad: The second one.
        states: What ran on the hosts before the first run, and after the first, the second and the third.
    """

    changed: Run
    bad: Run
    states: list[State]


def changed(folder: Path, line: str) -> str:
    """Make a copy of the app with one line more; return the argument of a run that ships it."""
    app = folder / "app"
    shutil.copytree(REPOSITORY / "app", app)
    with Path(app / "config/wsgi.py").open("a") as file:
        file.write(f"{line}\n")
    return extra(images_app_dir=str(app))


@pytest.fixture(scope="module")
def shipped(targets: dict[str, Target], tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    states = [state(targets)]
    another = PLAYBOOKS.ship(changed(tmp_path_factory.mktemp("release"), "# another release"))
    states.append(state(targets))
    crashes = changed(tmp_path_factory.mktemp("bad"), 'raise RuntimeError("crashes")')
    bad = PLAYBOOKS.play("site.yml", "--tags=release", crashes)
    states.append(state(targets))
    PLAYBOOKS.ship()
    states.append(state(targets))
    return Shipped(another, bad, states)


def test_the_hosts_build_at_the_same_time(targets: dict[str, Target], shipped: Shipped) -> None:
    hosts = re.findall(r"included: \S+/roles/images/tasks/build.yml for (.+)", shipped.changed.output)
    # Ansible names hosts that take turns in a line of each.
    assert [sorted(line.split(", ")) for line in hosts] == [sorted(targets)]


def test_a_changed_line_rebuilds_the_last_layer(target: Target, shipped: Shipped) -> None:
    before, after = (states[target.name] for states in shipped.states[:2])
    assert after["image"] != before["image"]
    assert after["layers"][:-1] == before["layers"][:-1]
    assert after["layers"][-1] != before["layers"][-1]


@pytest.mark.parametrize("number", [1, 3], ids=["changed", "back"])
def test_a_release_replaces_the_api_alone(target: Target, shipped: Shipped, number: int) -> None:
    before, after = (shipped.states[one][target.name]["containers"] for one in (number - 1, number))
    replaced = before.items() - after.items()
    assert len(after) == len(before)
    assert [name.rstrip("0123456789") for name, _id in replaced] == ["django-api-"]
    assert target.request(FILM).status == 200


def test_going_back_takes_the_old_image(target: Target, shipped: Shipped) -> None:
    first, *_, last = (states[target.name] for states in shipped.states)
    assert (last["image"], last["layers"]) == (first["image"], first["layers"])


def test_a_bad_release_meets_one_host_alone(targets: dict[str, Target], shipped: Shipped) -> None:
    first, *others = targets
    assert shipped.bad.recap(first)["failed"] == 1, shipped.bad.output
    assert "crashes" in shipped.bad.one_line
    planned = shipped.bad.output.partition("TASK [stack : See what the release changes]")[2]
    assert f"[{first}]" in planned
    assert not [name for name in others if f": [{name}]" in planned], shipped.bad.output
    assert shipped.states[2] == shipped.states[1]
