"""What a rollout has to know of a release, beside the files of the release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

SLOTS = ("blue", "green")
# What held for all releases before it was noted with each of them.
FORMERLY: dict[str, object] = {
    "api_port": 9000,
    "nginx_dir": "/etc/nginx/site",
    "command_secrets": {},
    "migrate_command": "",
}
# What Ansible calls the kinds of settings.
OPTIONS: dict[Any, dict[str, Any]] = {
    str: {"type": "str"},
    int: {"type": "int"},
    list[str]: {"type": "list", "elements": "str"},
    dict[str, str]: {"type": "dict"},
}


class SettingsError(ValueError):
    """A setting is missing, or of the wrong kind."""


@dataclass(frozen=True)
class Settings:
    """The settings of a release.

    Attributes:
        project: Name of the Compose project.
        images: Images that the release runs.
        built_from: Images that these stand on, kept as long as the release is.
        nginx_image: Image of nginx.
        nginx_dir: Folder that nginx has its configuration in, in its container.
        slots: The two addresses that an API container can have, `blue` and `green`.
        api_port: Port that the API listens on.
        api_user: User and group of `manage.py`, by their numbers.
        host: Name that the API is asked by.
        http_port: Port of the host that is published.
        ready_path: Page that answers 200 as soon as the API can answer all others.
        smoke_path: Page that answers 200 when the release is a good one. If it is empty, a good release may
            give any answer to `/` that is no failure of a server's.
        migration_check: Arguments of `manage.py` to check migrations by; empty for no check.
        migrate_command: What applies migrations in a container of its own; empty if the API container does.
        manage_commands: Arguments of `manage.py` to run it with before the release gets requests.
        command_secrets: Secrets that commands of `manage.py` read from standard input, by the command's name.
    """

    project: str
    images: list[str]
    built_from: list[str]
    nginx_image: str
    nginx_dir: str
    slots: dict[str, str]
    api_port: int
    api_user: str
    host: str
    http_port: int
    ready_path: str
    smoke_path: str
    migration_check: str
    migrate_command: str
    manage_commands: list[str]
    command_secrets: dict[str, str]

    @classmethod
    def read(cls, found: object) -> Settings:
        """Check settings that come from a file or from Ansible.

        What is not known is left out: a later version of the project may have noted more.

        Raises:
            SettingsError: One is missing, or of the wrong kind.
        """
        if not isinstance(found, Mapping):
            raise SettingsError("these are no settings")
        values: dict[str, Any] = {}
        for name, kind in get_type_hints(cls).items():
            value = found.get(name, FORMERLY.get(name))
            if not fits(value, kind):
                raise SettingsError(f"{name} is missing" if value is None else f"{name} is {value!r}")
            values[name] = value
        if sorted(values["slots"]) != sorted(SLOTS):
            raise SettingsError(f"slots is {values['slots']!r}")
        return cls(**values)


def arguments() -> dict[str, dict[str, Any]]:
    """Return the settings as options of a module's argument."""
    return {name: OPTIONS[kind] | {"required": True} for name, kind in get_type_hints(Settings).items()}


def fits(value: object, kind: Any) -> bool:
    """Tell whether a value is of a kind: a class, or a list or dict of one."""
    parts = get_args(kind)
    if get_origin(kind) is list:
        return isinstance(value, list) and all(fits(one, parts[0]) for one in value)
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(
            fits(key, parts[0]) and fits(one, parts[1]) for key, one in value.items()
        )
    return isinstance(value, kind) and not isinstance(value, bool)


def other(slot: str) -> str:
    """Return the slot that is not this one."""
    return SLOTS[0] if slot == SLOTS[1] else SLOTS[1]
