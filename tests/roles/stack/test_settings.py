"""A release's settings are what they should be, wherever they come from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.stack.settings import FORMERLY, Settings, SettingsError, arguments, fits, other
from rollout import DOCUMENTATION
from stand_in import settings


def test_settings_are_read() -> None:
    assert asdict(Settings.read(settings())) == settings()


def test_what_a_later_version_noted_is_left_out() -> None:
    assert asdict(Settings.read(settings(tls=True))) == settings()


def test_what_a_former_version_did_not_note_is_what_it_was() -> None:
    former = {name: value for name, value in settings().items() if name not in FORMERLY}
    found = Settings.read(former)
    assert (found.api_port, found.nginx_dir) == (9000, "/etc/nginx/site")
    assert Settings.read(former | {"api_port": 8000}).api_port == 8000


@pytest.mark.parametrize("name", [name for name in settings() if name not in FORMERLY])
def test_a_setting_that_is_missing_is_named(name: str) -> None:
    found = settings()
    del found[name]
    with pytest.raises(SettingsError, match=f"^{name} is missing$"):
        Settings.read(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("project", 1),
        ("http_port", "8080"),
        ("http_port", True),
        ("images", "nginx:1"),
        ("images", [1]),
        ("slots", ["blue", "green"]),
        ("slots", {"blue": "172.29.90.10"}),
        ("slots", {"blue": "172.29.90.10", "green": 1}),
        ("slots", {"blue": "172.29.90.10", "green": "172.29.90.11", 3: "172.29.90.12"}),
        ("slots", {"blue": "172.29.90.10", "red": "172.29.90.11"}),
    ],
)
def test_a_setting_of_the_wrong_kind_is_named(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is "):
        Settings.read(settings(**{name: value}))


def test_what_is_no_settings_at_all() -> None:
    with pytest.raises(SettingsError, match="no settings"):
        Settings.read(["project"])


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("a", str, True),
        (1, int, True),
        (False, int, False),
        ([], list[str], True),
        ({}, dict[str, str], True),
        ({1: "a"}, dict[str, str], False),
        ({"a": 1}, dict[str, str], False),
        ({"a": "b"}, list[str], False),
    ],
)
def test_kinds(value: object, kind: Any, expected: bool) -> None:
    assert fits(value, kind) == expected


def test_ansible_checks_the_same() -> None:
    validator = ArgumentSpecValidator(arguments())
    assert validator.validate(settings()).error_messages == []
    assert validator.validate(settings(http_port="8080")).validated_parameters == settings()
    assert validator.validate({}).error_messages != []
    assert validator.validate(settings(images=[{}], http_port="x")).error_messages != []


def test_every_setting_is_documented() -> None:
    documented = yaml.safe_load(DOCUMENTATION)["options"]["settings"]["suboptions"]
    spec = {
        name: {key: option[key] for key in ("type", "elements", "required") if key in option}
        for name, option in documented.items()
    }
    assert spec == arguments()


def test_of_two_slots_there_is_another() -> None:
    assert (other("blue"), other("green")) == ("green", "blue")
