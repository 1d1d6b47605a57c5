"""nginx's configuration as it was rendered, and as it would be."""

from __future__ import annotations

from pathlib import Path

import pytest
from nginx_conf import SETTINGS, assert_sound, render
from targets import STACK, Target


def test_linter_is_silent(target: Target, tmp_path: Path) -> None:
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(target.run("cat %s", f"{STACK}/nginx/nginx.conf"))
    assert_sound(configuration)


@pytest.mark.parametrize("name", SETTINGS)
def test_nginx_takes_other_settings(target: Target, name: str, tmp_path: Path) -> None:
    text = render(SETTINGS[name], tmp_path).read_text()
    target.run("mkdir -p /run/rendered && printf %%s %s > /run/rendered/nginx.conf", text)
    target.run(
        "docker run --rm --tmpfs /run/nginx:uid=101,gid=101 --volume /run/rendered:/run/site:ro"
        " %s nginx -t -q -e stderr -c /run/site/nginx.conf",
        target.container("nginx")["Config"]["Image"],
    )
