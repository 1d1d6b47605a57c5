"""An engine gets what it lacks and nothing else, each image after the one that it stands on."""

from __future__ import annotations

import json
from typing import Any

import image_plan
import pytest
from ansible.module_utils.images import stock
from ansible.module_utils.images.plan import Step, plan
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented
from image_engine import Engine

TAG = "0123456789abcdef"
REFS = {key: f"django/{key}:{TAG}" for key in ("base", "nginx", "postgres", "python", "api")}
OTHERS = {key: f"django/{key}-for-others:{TAG}" for key in REFS}
BASES = {"base": "", "nginx": "base", "postgres": "base", "python": "base", "api": "python"}
RUN = ["nginx", "postgres", "api"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stand-in for Docker, without images."""
    return Engine().install(monkeypatch)


def recipe(key: str, official: str = "") -> dict[str, Any]:
    if official:
        return {"key": key, "ref": official, "pull": True, "base": "", "args": {}, "context": ""}
    context = f"{key}.tar" if BASES[key] else ""
    args = {"PACKAGES": ""} if key == "python" else {}
    return {
        "key": key,
        "ref": REFS[key],
        "pull": False,
        "base": BASES[key],
        "args": args,
        "context": context,
    }


RECIPES = [recipe(key) for key in REFS]


def steps(there: set[str], wanted: list[str] = RUN, *, for_others: bool = False) -> list[tuple[str, str]]:
    planned = plan(RECIPES, wanted, there.__contains__, for_others=for_others)
    return [(step.name, step.base) for step in planned.steps]


def test_a_bare_engine_gets_all_from_the_base_on() -> None:
    assert steps(set()) == [
        (REFS["base"], ""),
        (REFS["nginx"], REFS["base"]),
        (REFS["postgres"], REFS["base"]),
        (REFS["python"], REFS["base"]),
        (REFS["api"], REFS["python"]),
    ]


def test_what_is_there_is_not_made_again() -> None:
    assert steps(set(REFS.values())) == []
    assert steps(set(REFS.values()) - {REFS["api"]}) == [(REFS["api"], REFS["python"])]


def test_what_nothing_stands_on_any_more_is_not_made() -> None:
    assert steps({REFS[key] for key in RUN}) == []


def test_nothing_is_made_that_nobody_wants() -> None:
    assert steps(set(), []) == []
    assert [name for name, _ in steps(set(), ["nginx"])] == [REFS["base"], REFS["nginx"]]


def test_a_step_says_how_an_image_is_built() -> None:
    planned = plan(RECIPES, ["python"], {REFS["base"]}.__contains__, for_others=False)
    assert planned.steps == [
        Step("python", REFS["python"], base=REFS["base"], args={"PACKAGES": ""}, context="python.tar")
    ]
    assert planned.names == {"python": REFS["python"]}


def test_images_for_others_have_names_of_their_own() -> None:
    planned = plan(RECIPES, ["api"], set().__contains__, for_others=True)
    assert [(step.name, step.base) for step in planned.steps] == [
        (OTHERS["base"], ""),
        (OTHERS["python"], OTHERS["base"]),
        (OTHERS["api"], OTHERS["python"]),
    ]
    assert planned.names == {"api": OTHERS["api"]}


def test_for_others_the_images_of_this_machine_will_do() -> None:
    planned = plan(RECIPES, ["nginx", "api"], {REFS["nginx"], REFS["python"]}.__contains__, for_others=True)
    assert planned.names == {"nginx": REFS["nginx"], "api": OTHERS["api"]}
    assert [(step.name, step.base) for step in planned.steps] == [(OTHERS["api"], REFS["python"])]


def test_what_was_built_for_others_gets_another_name_on_this_machine() -> None:
    there = {OTHERS["api"], OTHERS["base"]}
    planned = plan(RECIPES, ["nginx", "api"], there.__contains__, for_others=False)
    assert planned.steps == [
        Step("nginx", REFS["nginx"], base=OTHERS["base"], context="nginx.tar"),
        Step("api", REFS["api"], same_as=OTHERS["api"]),
    ]
    assert planned.names == {"nginx": REFS["nginx"], "api": REFS["api"]}


@pytest.mark.parametrize("for_others", [True, False])
def test_official_images_are_pulled_under_their_own_names(for_others: bool) -> None:
    recipes = [recipe("base", "debian:trixie-slim"), recipe("nginx")]
    planned = plan(recipes, ["nginx"], set().__contains__, for_others=for_others)
    assert planned.steps[0] == Step("base", "debian:trixie-slim", pull=True)
    assert planned.steps[1].base == "debian:trixie-slim"


def run(capsys: pytest.CaptureFixture[str], *, check_mode: bool = False, **args: object) -> dict[str, Any]:
    """Run the module and return what it tells Ansible."""
    told = {"images": RECIPES, "wanted": RUN, "namespace": "django", "_ansible_check_mode": check_mode} | args
    with patch_module_args(told), pytest.raises(SystemExit):
        image_plan.main()
    return dict(json.loads(capsys.readouterr().out))


def test_the_module_asks_the_engine(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.add(REFS["base"], b"debian")
    engine.add(REFS["python"], b"debian", b"python")
    engine.add(REFS["nginx"], b"debian", b"nginx")
    engine.add(OTHERS["postgres"], b"debian", b"postgres")
    engine.add("django/api:latest", b"somebody else's")
    engine.add("somebody/api:0123456789abcdef", b"somebody else's")

    result = run(capsys)

    assert result["lacking"] == ["postgres", "api"]
    assert [step["name"] for step in result["steps"]] == [REFS["postgres"], REFS["api"]]
    assert result["ours"] == sorted([REFS["base"], REFS["python"], REFS["nginx"]])
    assert result["names"] == {key: REFS[key] for key in RUN}
    assert result["layers"] == stock.layers(stock.images())
    assert not result["changed"]
    assert engine.calls == []


def test_an_official_image_is_known_by_any_of_its_spellings(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.add("nginx@sha256:4711", b"nginx")
    recipes = [recipe("nginx", "nginx@sha256:4711")]
    assert run(capsys, images=recipes, wanted=["nginx"])["lacking"] == []
    recipes = [recipe("nginx", "nginx@sha256:4712")]
    assert run(capsys, images=recipes, wanted=["nginx"])["lacking"] == ["nginx"]


@pytest.mark.parametrize("driver", ["overlay2", "overlayfs"])
def test_only_some_engines_take_archives_without_layers(engine: Engine, driver: str) -> None:
    engine.driver = driver
    engine.add(REFS["nginx"], b"debian", b"nginx")
    assert len(stock.layers(stock.images())) == (2 if driver == "overlay2" else 0)


def test_a_layer_counts_with_those_below_it() -> None:
    # By the OCI image format: ChainID(A), and the digest of "ChainID(A) B".
    first, second = stock.chains(["sha256:a", "sha256:b"])
    assert first == "sha256:a"
    assert second == "sha256:970a948bffa8de94d6e22d747ba8c95030e6e546909f98f54e99a13005e173a8"


def test_a_machine_without_an_engine(
    engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    result = run(capsys)
    assert result["failed"]
    assert "No Docker Engine answers" in result["msg"]
    # It may be installed by the run.
    assert run(capsys, check_mode=True)["lacking"] == RUN


def test_an_engine_that_does_not_answer(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.fails = "version"
    assert "No Docker Engine answers" in run(capsys)["msg"]


@pytest.mark.parametrize(("machine", "fails"), [("x86_64", False), ("aarch64", True), (None, False)])
def test_images_for_another_architecture_are_refused(
    engine: Engine, capsys: pytest.CaptureFixture[str], machine: str | None, fails: bool
) -> None:
    result = run(capsys, machine=machine)
    assert result.get("failed", False) == fails
    if fails:
        assert result["msg"] == "The engine is for amd64, and the images are for arm64."


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(image_plan)
