"""The Compose file has what the table of secrets and the rollout expect of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from nginx_conf import template
from stand_in import TABLE

IMAGES: dict[str, object] = {f"stack_{name}_image": f"{name}:1" for name in ("nginx", "postgres", "api")}


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load(template("compose.yml.j2", IMAGES))


def test_each_service_gets_its_own_secrets_alone(compose: Any) -> None:
    for service, found in compose["services"].items():
        assert found.get("secrets", []) == [line["name"] for line in TABLE if service in line["services"]]
    assert compose["services"]["api"]["secrets"]
    assert compose["services"]["db"]["secrets"]


def test_each_secret_that_a_service_gets_is_a_file(compose: Any) -> None:
    names = {line["name"] for line in TABLE if line["services"]}
    assert compose["secrets"] == {name: {"file": f"./secrets/{name}"} for name in names}
    assert names != {line["name"] for line in TABLE}


def test_no_service_reads_a_secret_that_it_does_not_get(compose: Any) -> None:
    for found in compose["services"].values():
        named = re.findall(r"/run/secrets/(\w+)", str(found.get("environment", {})))
        assert sorted(named) == sorted(found.get("secrets", []))


def test_nginx_finds_its_configuration_where_the_folder_is(compose: Any) -> None:
    nginx = compose["services"]["nginx"]
    assert "./nginx:/etc/nginx/site:ro" in nginx["volumes"]
    assert nginx["command"][-1] == "/etc/nginx/site/nginx.conf"
