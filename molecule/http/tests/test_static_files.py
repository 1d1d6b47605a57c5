"""Static files whose names hold their content's hash come compressed from the disk; no other name does."""

from __future__ import annotations

import base64
import gzip
import shlex
from collections.abc import Iterator

import pytest
from targets import Target
from test_http import STYLE, assert_headers
from wire import Reply, ask

NEW, OLD = b"/* new */", b"/* old */"


@pytest.fixture
def style(target: Target) -> str:
    return target.style()


def get(target: Target, path: str, *headers: str) -> Reply:
    return ask(target, f"GET {path} HTTP/1.1", *headers)


def in_api(target: Target, command: str) -> str:
    """Have a shell of the API's container, whose folder of static files it is, run a command."""
    return target.run("docker exec --user 10001:10001 %s sh -c %s", target.name_of("api"), command)


def in_volume(path: str) -> str:
    return path.replace("/static/static/", "/vol/web/static/")


def test_a_hashed_file_comes_as_it_was_compressed(target: Target, style: str) -> None:
    plain, compressed = get(target, style), get(target, style, "Accept-Encoding: gzip")

    file = base64.b64decode(in_api(target, f"base64 {in_volume(style)}.gz"))
    assert compressed.values("Content-Encoding") == ["gzip"]
    assert compressed.values("Content-Length") == [str(len(file))]
    assert compressed.body == file
    assert plain.values("Content-Encoding") == []
    assert gzip.decompress(file) == plain.body != b""
    assert plain.values("ETag") != compressed.values("ETag")
    for reply in (plain, compressed):
        assert reply.status == 200
        assert_headers(reply)
        assert reply.values("Vary") == ["Accept-Encoding"]
        assert reply.values("Content-Type") == ["text/css"]
        assert reply.values("Cache-Control") == ["public, max-age=31536000, immutable"]


def test_another_file_is_compressed_when_it_is_asked_for(target: Target) -> None:
    plain, compressed = get(target, STYLE), get(target, STYLE, "Accept-Encoding: gzip")

    assert compressed.values("Content-Encoding") == ["gzip"]
    # The length of a file on the disk would be known.
    assert compressed.values("Content-Length") == []
    assert plain.values("Content-Encoding") == []
    for reply in (plain, compressed):
        assert reply.values("Vary") == ["Accept-Encoding"]
        assert reply.values("Cache-Control") == ["public, max-age=300"]


def test_a_client_without_gzip_gets_none(target: Target, style: str) -> None:
    assert get(target, style, "Accept-Encoding: br, gzip;q=0").values("Content-Encoding") == []


def test_what_the_client_has_is_not_sent_again(target: Target, style: str) -> None:
    accept = "Accept-Encoding: gzip"
    [tag] = get(target, style, accept).values("ETag")

    reply = get(target, style, accept, f"If-None-Match: {tag}")
    assert (reply.status, reply.body) == (304, b"")
    assert_headers(reply)
    assert get(target, style, f"If-None-Match: {tag}").status == 200


@pytest.mark.parametrize(("change", "status"), [("Range: bytes=999999999-", 416), ("", 404)])
def test_errors_have_each_header_once(target: Target, style: str, change: str, status: int) -> None:
    path = style if change else style.replace(".css", ".js")
    reply = get(target, path, *filter(None, [change]))
    assert reply.status == status
    assert_headers(reply)
    assert reply.values("Content-Type") == ["application/problem+json"]


@pytest.fixture
def left_over(target: Target) -> Iterator[None]:
    """Compressed files that do not fit the files beside them."""
    names = " ".join(f"/vol/web/static/molecule{part}.css" for part in ("", ".0123456789ab"))
    content, old = (shlex.quote(word.decode()) for word in (NEW, OLD))
    in_api(target, f"for name in {names}; do echo {content} > $name; echo {old} | gzip > $name.gz; done")
    yield
    in_api(target, f"for name in {names}; do rm $name $name.gz; done")


def test_a_compressed_file_of_before_is_not_served(target: Target, left_over: None) -> None:
    accept = "Accept-Encoding: gzip"

    reply = get(target, "/static/static/molecule.css", accept)
    assert reply.status == 200
    assert reply.values("Content-Encoding") == []
    assert reply.body.strip() == NEW
    # The control: with a hash in its name, the compressed file is served.
    reply = get(target, "/static/static/molecule.0123456789ab.css", accept)
    assert gzip.decompress(reply.body).strip() == OLD
