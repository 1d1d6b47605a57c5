"""What a linter for nginx says of the configuration, whatever the settings are."""

from __future__ import annotations

from pathlib import Path

import pytest
from nginx_conf import SETTINGS, assert_sound, lint, render, template


@pytest.mark.parametrize("name", SETTINGS)
def test_linter_is_silent(name: str, tmp_path: Path) -> None:
    assert_sound(render(SETTINGS[name], tmp_path))


def test_linter_would_speak(tmp_path: Path) -> None:
    configuration = render({}, tmp_path)
    text = configuration.read_text().replace("alias /vol/static/;", "alias /vol/static;")
    configuration.write_text(text.replace("location /static/static/", "location /static/static"))
    result = lint(configuration)
    assert result.returncode != 0
    assert "alias_traversal" in result.stdout


def test_a_limit_of_zero_is_none() -> None:
    without, default = (template("nginx.conf.j2", SETTINGS[name]) for name in ("no limits", "defaults"))
    for word in ("limit_conn ", "limit_conn_zone", "limit_req ", "limit_req_zone"):
        assert word in default
        assert word not in without
