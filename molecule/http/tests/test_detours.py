"""Paths with a detour out of the folder of their location lead nowhere."""

from __future__ import annotations

from second_nginx import second_nginx
from targets import Target

LEAKY_PORT = 8081
# The mistake that the stack's configuration avoids: no slash after the location.
LEAKY_NGINX = f"""
daemon off;
pid /tmp/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server {{
        listen {LEAKY_PORT};
        location /static/static {{ alias /vol/static/; }}
    }}
}}
"""


def detours(style: str) -> list[str]:
    """Return ways to a file that would leave the folder of their location, and come back into it."""
    name = style.removeprefix("/static/static/")
    return [
        f"/static/static../static/{name}",
        f"/static/static%2e%2e/static/{name}",
        f"/static/media../static/{name}",
        f"/static/media/..%2f..%2fstatic/{name}",
        f"/static/media/..%5c..%5cstatic/{name}",
        "/static/static/../../etc/passwd",
        "/static/media/../../../../etc/passwd",
        "/static/media/..%2f..%2f..%2fetc/passwd",
    ]


def test_no_detour_leaves_the_folders(target: Target) -> None:
    found = {path: target.request(path).status for path in detours(target.style())}
    assert set(found.values()) <= {400, 403, 404}, found


def test_a_leak_would_be_found(target: Target) -> None:
    paths = detours(target.style())
    with second_nginx(target, LEAKY_PORT, LEAKY_NGINX):
        found = {path: target.request(path, port=LEAKY_PORT).status for path in paths}
    assert 200 in found.values(), found
