"""Uploads that are no poster are refused, and no file of them stays."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import pytest
from pictures import form, png
from targets import FILM, Target
from wire import Reply, ask, request, send

PAGE = b"<!doctype html><script>alert(1)</script>"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
GIF = b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


# By name: the file, its name at the client, and the status of the answer.
REFUSED = {
    "page": (PAGE, "a.png", 400),
    "drawing": (DRAWING, "a.png", 400),
    "drawing as itself": (DRAWING, "a.svg", 400),
    "image that is called a page": (png(), "a.html", 400),
    "image of another type": (GIF, "a.png", 400),
    "image that goes on as a page": (png() + PAGE, "a.png", 400),
    "image that is a page before": (PAGE + png(), "a.png", 400),
    "image that is cut off": (png()[:-16], "a.png", 400),
    "bomb": (png(50_000, 50_000), "a.png", 400),
    "one row of pixels too many": (png(4096, 4097), "a.png", 400),
    "too large for a poster": (png(comment=5 * 2**20), "a.png", 400),
    "too large for nginx": (png(comment=10 * 2**20), "a.png", 413),
    "name with a way up": (png(), "../../../../app/a.png", 400),
    "name with a way up, in disguise": (png(), "..&#47;a.png", 400),
    "name with a way up for Windows": (png(), r"..\..\a.png", 400),
    "name from the root": (png(), "/vol/web/static/a.png", 400),
    "endless name": (png(), f"{'a' * 300}.png", 400),
    "nothing": (b"", "a.png", 400),
}
LARGE = png(4096, 4096, comment=4 * 2**20)

FILES = """
import json, pathlib
folders = ("/vol/web/media", "/tmp", "/var/tmp", "/dev/shm")
paths = [path for folder in folders for path in pathlib.Path(folder).rglob("*")]
print(json.dumps(sorted(str(path) for path in paths if path.is_file())))
"""


@functools.cache
def session(target: Target) -> tuple[str, str]:
    """Log in once, as a password takes half a second to check; return the headers that tell it."""
    token = "t" * 32
    password = target.secret("django_admin_password")
    form = f"username=admin&password={password}&csrfmiddlewaretoken={token}"
    reply = ask(
        target,
        "POST /admin/login/ HTTP/1.1",
        f"Cookie: csrftoken={token}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(form)}",
        body=form,
    )
    assert reply.status == 302, reply.raw
    cookies = [cookie.partition(";")[0] for cookie in reply.values("Set-Cookie")]
    [csrf] = [cookie.partition("=")[2] for cookie in cookies if cookie.startswith("csrftoken=")]
    return f"Cookie: {'; '.join(cookies)}", f"X-CSRFToken: {csrf}"


def patch(target: Target, content: bytes, name: str) -> bytes:
    """Return the request that gives a film a poster."""
    headers, body = form(content, name)
    return (
        request(
            f"PATCH {FILM} HTTP/1.1",
            "Host: localhost",
            "Connection: close",
            f"Content-Length: {len(body)}",
            *(f"{key}: {value}" for key, value in headers.items()),
            *session(target),
        )
        + body
    )


def files(target: Target) -> tuple[str, str]:
    """List what lies where uploads pass through, and where they are kept."""
    return (
        target.run("docker exec %s python -c %s", target.name_of("api"), FILES),
        target.run("docker exec %s find /run/nginx -type f", target.name_of("nginx")),
    )


@dataclass(frozen=True)
class Refused:
    replies: dict[str, Reply]
    before: tuple[str, str]
    after: tuple[str, str]


@functools.cache
def refused(target: Target) -> Refused:
    """Upload all of them at once."""
    before = files(target)
    requests = {name: patch(target, content, client) for name, (content, client, _) in REFUSED.items()}
    return Refused(send(target.outside, target.address, requests), before, files(target))


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(target: Target, name: str) -> None:
    reply = refused(target).replies[name]
    assert reply.status == REFUSED[name][2], reply.raw


def test_nothing_stays_of_what_is_refused(target: Target) -> None:
    assert refused(target).after == refused(target).before


@pytest.mark.parametrize("content", [png(), LARGE], ids=["small", "large"])
def test_an_image_stays_until_it_is_removed(target: Target, content: bytes) -> None:
    before = files(target)
    try:
        reply = send(target.outside, target.address, {"": patch(target, content, "a.png")})[""]
        assert reply.status == 200, reply.raw
        assert files(target) != before
    finally:
        assert target.change(FILM, poster=None).status == 200
    assert files(target) == before
