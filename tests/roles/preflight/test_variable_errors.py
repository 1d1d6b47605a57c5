"""A mistyped variable must stop a deploy; a user's own must not."""

from __future__ import annotations

from typing import Any

import pytest
from variable_errors import mistyped, unknown, without_effect

KNOWN = ["stack_http_port", "stack_dir", "docker_source", "nginx_image"]
OPTIONS: dict[str, dict[str, Any]] = {
    "stack_http_port": {"type": "int", "description": "A port."},
    "docker_source": {"type": "str", "choices": ["debian", "upstream"], "required": True},
    "stack_server_names": {"type": "list", "elements": "str"},
    "stack_sizes": {"type": "list", "elements": "int"},
    "stack_api_environment": {"type": "dict"},
    "stack_api_egress": {"type": "bool"},
}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("stack_htpp_port", "stack_http_port"),
        ("stak_http_port", "stack_http_port"),
        ("docker_sorce", "docker_source"),
        ("nginx_imagee", "nginx_image"),
    ],
)
def test_misspelt_name_is_told_with_the_right_one(name: str, meant: str) -> None:
    assert unknown([name], KNOWN) == [f"{name} is unknown, did you mean {meant}?"]


def test_name_with_a_roles_prefix_that_no_role_reads_is_told() -> None:
    (phrase,) = unknown(["stack_colour"], KNOWN)
    assert phrase.startswith("stack_colour is unknown, no role reads it")


@pytest.mark.parametrize(
    "name", ["stack_http_port", "ansible_host", "my_own_variable", "inventory_hostname", "__stack_http_port"]
)
def test_known_and_foreign_names_pass(name: str) -> None:
    assert unknown([name], KNOWN) == []


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("stack_http_port", [80], "int"),
        ("docker_source", "snap", "one of debian, upstream"),
        ("stack_api_environment", 3, "dict"),
        ("stack_sizes", ["large"], "list of int"),
    ],
)
def test_wrong_value_is_told_with_what_it_must_be(name: str, value: object, wanted: str) -> None:
    assert mistyped({name: value}, OPTIONS) == [f"{name} is {value!r}, it must be {wanted}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stack_http_port", 8080),
        ("docker_source", "upstream"),
        ("stack_server_names", ["a", "b"]),
        ("stack_api_environment", {}),
    ],
)
def test_right_value_passes(name: str, value: object) -> None:
    assert mistyped({name: value}, OPTIONS) == []


@pytest.mark.parametrize(
    ("name", "value", "wanted"), [("stack_http_port", "8080", "int"), ("stack_api_egress", "false", "bool")]
)
def test_text_that_looks_like_it_is_refused_as_templates_see_text(name: str, value: str, wanted: str) -> None:
    assert mistyped({name: value}, OPTIONS) == [
        f"""{name} is {value!r}, it must be {wanted} (on the command line as JSON: -e '{{"{name}": …}}')"""
    ]


def test_a_secret_is_not_shown() -> None:
    options = {"stack_secrets": {"type": "dict", "no_log": True}}
    assert mistyped({"stack_secrets": "hunter2"}, options) == [
        "stack_secrets is of the wrong kind, it must be dict"
    ]


def test_what_the_wiring_overrides_is_told() -> None:
    wiring = {"stack_api_image": "{{ images_refs.api }}", "stack_release": "{{ release }}"}
    (phrase,) = without_effect({"stack_api_image": "mine"}, {"stack_api_image": "django/api:1"}, wiring)
    assert phrase == (
        "stack_api_image has no effect in an inventory, as the wiring sets it to '{{ images_refs.api }}':"
        " remove it"
    )


def test_what_the_command_line_sets_has_its_effect() -> None:
    assert without_effect({"stack_release": "one"}, {"stack_release": "one"}, {"stack_release": ""}) == []
