"""A further run of site.yml, and a dry one, find nothing to do and do nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from runs import Run
from scenario import PLAYBOOKS
from targets import Target

State = dict[str, list[list[str]]]


@dataclass(frozen=True)
class Step:
    """A run with what each host's engine had before and after it."""

    run: Run
    before: State
    after: State


def state(targets: dict[str, Target]) -> State:
    return {name: target.everything() for name, target in targets.items()}


@pytest.fixture(scope="module", params=[(), ("--check",)], ids=["run", "dry run"])
def step(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Step:
    before = state(targets)
    run = PLAYBOOKS.deploy(*request.param)
    return Step(run, before, state(targets))


def test_nothing_is_changed(step: Step, target: Target) -> None:
    assert step.run.recap(target.name)["changed"] == 0, step.run.output
    assert step.after[target.name] == step.before[target.name]


def test_nothing_is_warned_of(step: Step) -> None:
    assert "[WARNING]" not in step.run.output, step.run.output
    assert "[DEPRECATION WARNING]" not in step.run.output, step.run.output
