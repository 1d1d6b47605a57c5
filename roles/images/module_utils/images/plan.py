"""How an engine gets the images that it lacks: in which order, from what, and under which names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.images.stock import FOR_OTHERS, other


@dataclass(frozen=True)
class Step:
    """One image to get. It is pulled, is another name for an image that is there, or is built."""

    key: str
    name: str  # that it gets
    pull: bool = False
    same_as: str = ""  # name of an image that is there
    base: str = ""  # name of the image that it stands on; empty for the base image
    args: dict[str, str] = field(default_factory=dict)
    context: str = ""


@dataclass(frozen=True)
class Plan:
    """What to do, and the names that the wanted images then have, by their keys."""

    steps: list[Step]
    names: dict[str, str]


def plan(
    recipes: Iterable[Mapping[str, Any]],
    wanted: Iterable[str],
    is_there: Callable[[str], bool],
    *,
    for_others: bool,
) -> Plan:
    """Plan how to get images.

    Args:
        recipes: What each image is made from, as the lookup image_recipes describes it.
        wanted: Keys of the images that are needed in the end.
        is_there: Tells whether the engine has an image, by its name.
        for_others: Whether they are for other machines, and get names that say so.

    Returns:
        Nothing but what is missing, each image after the one that it stands on.
    """
    by_key = {recipe["key"]: recipe for recipe in recipes}
    steps: dict[str, Step] = {}

    def name_of(key: str) -> str:
        """Return the name that an image has, or will have by a step that is added."""
        recipe = by_key[key]
        ref = recipe["ref"]
        spare = "" if recipe["pull"] else other(ref, FOR_OTHERS)
        if key in steps:
            return steps[key].name
        for name in (ref, spare):
            if name and is_there(name):
                return str(name)
        base = name_of(recipe["base"]) if recipe["base"] else ""
        name = spare if for_others and spare else ref
        rest = {field: recipe[field] for field in ("pull", "args", "context")}
        steps[key] = Step(key, name, base=base, **rest)
        return str(name)

    found = {}
    for key in wanted:
        found[key] = name_of(key)
        ref = by_key[key]["ref"]
        if not for_others and found[key] != ref:
            steps[key] = Step(key, ref, same_as=found[key])
            found[key] = ref
    return Plan(list(steps.values()), found)
