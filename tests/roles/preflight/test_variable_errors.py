"""A mistyped variable must stop a deploy; a user's own must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import variable_errors
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar, trust_as_template
from variable_errors import mistyped, read_options, unknown, without_effect

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


def test_the_most_similar_name_is_meant() -> None:
    (phrase,) = unknown(["stack_http_prt"], ["stack_http_ports", "stack_http_port"])
    assert phrase == "stack_http_prt is unknown, did you mean stack_http_port?"


def test_a_name_that_passes_hides_none_behind_it() -> None:
    assert len(unknown(["__mine", "ansible_host", "my_own", "stack_colour", "stack_shape"], KNOWN)) == 2


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


def specify(roles: Path, name: str, text: str) -> None:
    path = roles / name / "meta/argument_specs.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_options_are_those_of_all_entry_points_of_all_roles(tmp_path: Path) -> None:
    specify(
        tmp_path,
        "one",
        "argument_specs: {main: {options: {a: {type: int}}}, other: {options: {b: {}}}, third: {}}",
    )
    specify(tmp_path, "two", "argument_specs: {main: {options: {c: {type: str}}}}")

    assert read_options(tmp_path) == {"a": {"type": "int"}, "b": {}, "c": {"type": "str"}}


def test_a_specification_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    specify(tmp_path, "one", "other: {}")
    with pytest.raises(AnsibleError, match=rf"{tmp_path}/one/meta/argument_specs\.yml can't be read"):
        read_options(tmp_path)


def test_roles_without_a_specification_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnsibleError, match=f"no role in {tmp_path} has an argument specification"):
        read_options(tmp_path)


def look_up(
    variables: dict[str, Any], inventory: dict[str, Any] | None = None, **options: object
) -> list[str]:
    """Look up what is wrong with variables of a host, by the project's own roles.

    Args:
        variables: Those that the run uses; texts are templates.
        inventory: Those of the inventory, if they are others.
        options: The plugin's.
    """
    lookup_loader.add_directory(str(Path(variable_errors.__file__).parent))
    used = {name: trust_as_template(one) if isinstance(one, str) else one for name, one in variables.items()}
    used |= {"inventory_hostname": "web1", "hostvars": {"web1": inventory or used}}
    templar = Templar(loader=DataLoader(), variables=used)
    plugin = lookup_loader.get("variable_errors", loader=DataLoader(), templar=templar)
    phrases: list[str] = plugin.run([], variables=used, **options)
    return phrases


def test_all_that_is_wrong_is_told_at_once() -> None:
    variables = {"stack_htpp_port": 8080, "firewall_enabled": "{{ 'ma' ~ 'ybe' }}"}
    misspelt, wrong = look_up(variables)
    assert misspelt == "stack_htpp_port is unknown, did you mean stack_http_port?"
    assert wrong.startswith("firewall_enabled is 'maybe', it must be bool")


def test_what_a_template_makes_is_looked_at_and_what_it_can_not_make_yet_is_not() -> None:
    assert look_up({"stack_http_port": "{{ 8000 + 80 }}", "lock_expiry": "{{ known_later }}"}) == []


def test_other_variables_may_be_named() -> None:
    assert look_up({"stack_colour": 1}) != []
    assert look_up({"stack_colour": 1}, others=["stack_colour"]) == []


def test_what_the_wiring_sets_is_known_and_wins(tmp_path: Path) -> None:
    wiring = tmp_path / "wiring.yml"
    wiring.write_text("stack_colour: '{{ images_refs }}'\nlock_expiry: 6\n")
    used: dict[str, Any] = {"stack_colour": "{{ 're' ~ 'd' }}", "lock_expiry": 6}

    assert look_up(used, {"lock_expiry": 6}, wiring=str(wiring)) == []
    assert look_up(used, {"stack_colour": "red"}, wiring=str(wiring)) == []
    assert look_up(used, {"stack_colour": "blue"}, wiring=str(wiring)) == [
        "stack_colour has no effect in an inventory, as the wiring sets it to '{{ images_refs }}': remove it"
    ]
